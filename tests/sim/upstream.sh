# The mainline kernel's interface in three versions (U1, U2, U4), attributes after creation (C1), create arguments (C0),
# migration_version (V1).
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/interfaces.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  in_scenario m60-u1 era U1 busy
  in_scenario m60-u2 era U2 blocks
  in_scenario samples kernel
  in_scenario ap matrix
  in_scenario m60-c0 words
  in_scenario gvt-v1 version
  same "$part_failed" 0 "all parts pass"
  cells_are U1 U2 U4 C0 C1 V1
  finish
  exit
fi
gpu=0000:86:00.0

era() {  # INTERFACE KIND
  discovered "$1" $gpu upstream nvidia-17
  defined $gpu nvidia-17
  created "$1" $A
  mdevadm stop a
  cell "$1" attributes
  mdevadm modify a --attr nvidia/vgpu_params=frame_rate_limiter=0 >/dev/null
  run mdevadm start a
  exits 0 "$(say "start succeeds for a device with attributes")"
  same "$(cat /sys/bus/mdev/devices/$A/nvidia/vgpu_params)" frame_rate_limiter=0 \
    "$(say "the attribute has its value, including every byte")"
  mdevadm stop a
  mdevadm modify a --delete-attr 1 >/dev/null
  removed "$1" "$2" /sys/devices/pci0000:86/$gpu/$A
  # shellcheck disable=SC2086
  errors_at_create "$1" $all_create_errors
  run mdevadm define -p $gpu -t nvidia-99
  exits 3 "$(say "define fails with exit code 3 for an unknown type")"
  mdevadm start -p $gpu -t nvidia-18 >/dev/null
  run mdevadm start a
  exits 6 "$(say "start fails with exit code 6 if the GPU is used by another type")"
  mdevadm list -o uuid | sed 1d | xargs -n1 "$MDEVADM" stop
  if [ "$1" = U1 ]; then
    errors_at_remove U1 EBUSY=5 EAGAIN=1 EIO=1
    mdevadm stop a
  else
    # After EAGAIN the kernel does not create the remove attribute again.
    cell U2 errors
    mdevadm start a
    control fault remove 1 EAGAIN
    run mdevadm stop a
    exits 1 "$(say "stop fails if the kernel answers the removal with EAGAIN")"
    err_has "accepts no further request" "$(say "the error says that the device accepts no further request")"
    err_has "^hint: reload the driver of the parent to remove the device$" "$(say "the hint says to reload the driver")"
    control clear
    control unregister $gpu
  fi
  same "$(active)" "" "$(say "no device is active at the end")"
}

kernel() {
  discovered U4 mtty upstream mtty-2
  defined mtty mtty-2
  created U4 $A
  mdevadm stop a
  attributed U4 plain /sys/bus/mdev/devices/$A/plain
  removed U4 blocks /sys/devices/virtual/mtty/mtty/$A
  # shellcheck disable=SC2086
  errors_at_create U4 $all_create_errors
  mdevadm define -u cccccccc-0000-4000-8000-000000000003 -p mdpy -t mdpy-vga --name c >/dev/null
  for _ in 1 2 3 4; do mdevadm start -p mdpy -t mdpy-vga >/dev/null; done
  run mdevadm start c
  exits 6 "$(say "start fails with exit code 6 if the maximum instances of the core are in use")"
  mdevadm list -o uuid | sed 1d | xargs -n1 "$MDEVADM" stop
  nothing_left "no device and no record exists at the end"
}

# vfio-ap: a matrix of adapters and domains, assigned one by one in order or all at once.
matrix() {
  discovered C1 matrix upstream vfio_ap-passthrough
  defined matrix vfio_ap-passthrough
  created C1 $A
  mdevadm stop a
  cell C1 attributes
  mdevadm modify a --attr assign_adapter=5 --attr assign_domain=4 --attr assign_domain=0xab --attr assign_control_domain=4 >/dev/null
  run mdevadm start a -v
  exits 0 "$(say "start assigns adapters and domains")"
  err_has "assign queues to .* \(atomically if supported\): assign_adapter=5, assign_domain=4, assign_domain=0xab, assign_control_domain=4: done$" \
    "$(say "start assigns all queues with one write")"
  same "$(cat /sys/bus/mdev/devices/$A/control_domains)" 0004 "$(say "the control domain is assigned")"
  same "$(paste -sd' ' /sys/bus/mdev/devices/$A/matrix)" "05.0004 05.00ab" \
    "$(say "the matrix has the adapters and domains of the definition")"
  mdevadm modify b --attr assign_adapter=5 --attr assign_domain=4 >/dev/null
  run mdevadm start b
  exits 4 "$(say "start is refused for a queue that is assigned to another device")"
  err_has "cannot start 'b' \($B\): queue 05.0004 is assigned to the active device 'a'" \
    "$(say "the error names the queue and the device that has it")"
  same "$(active)" a "$(say "the failed start is rolled back")"
  mdevadm modify b --delete-attr assign_domain --delete-attr assign_adapter --attr assign_adapter=0 --attr assign_domain=0 >/dev/null
  run mdevadm start b
  err_has "queue 00.0000 is reserved for the host \(apmask, aqmask\)" "$(say "the error says that the queue is reserved for the host")"
  err_has "^hint: release all queues of the adapter: chzdev -t ap apmask=-0x00$" "$(say "the hint says how to free the queue for devices")"
  mdevadm modify b --delete-attr assign_adapter --delete-attr assign_domain >/dev/null
  run mdevadm modify b --attr assign_adapter=999
  exits 2 "$(say "a number that no adapter has is refused")"
  mdevadm modify b --adapter 3 >/dev/null
  mdevadm stop a
  mdevadm modify b --delete-attr 1 --attr ap_config=0x0400000000000000000000000000000000000000000000000000000000000000,0x0800000000000000000000000000000000000000000000000000000000000000,0x0000000000000000000000000000000000000000000000000000000000000000 >/dev/null
  run mdevadm start b
  exits 0 "$(say "start sets the whole matrix with ap_config")"
  same "$(cat /sys/bus/mdev/devices/$B/matrix)" 05.0004 "$(say "the matrix is that of ap_config")"
  mdevadm stop b
  mdevadm modify a --delete-attr 1 --delete-attr 2 --delete-attr 3 --delete-attr 4 >/dev/null
  removed C1 blocks /sys/devices/vfio_ap/matrix/$A
  # shellcheck disable=SC2086
  errors_at_create C1 ${all_create_errors/EPERM=1/EPERM=6}
  for pair in EADDRNOTAVAIL EADDRINUSE EBUSY ENODEV EINVAL ERANGE E2BIG EPERM ENXIO; do
    mdevadm undefine a
    mdevadm define -u $A -p matrix -t vfio_ap-passthrough --name a --attr assign_adapter=5 >/dev/null
    control clear
    control fault attribute 1 $pair
    run mdevadm start a
    exits "$([ $pair = EADDRNOTAVAIL ] && echo 4 || echo 1)" "$(say "start fails if an attribute fails with $pair")"
    err_has "cannot set attribute 'assign_adapter' to '5': [a-z ]+" \
      "$(say "$pair of an attribute: the error names the attribute and the reason")"
    same "$(active)" "" "$(say "$pair of an attribute: the start is rolled back")"
  done
  control clear
  nothing_left "no device and no record exists at the end"
}

words() {
  discovered C0 $gpu upstream nvidia-17
  defined $gpu nvidia-17 --create-arg vm_uuid=$VM --create-arg plugin0.frame_rate_limiter=0
  created C0 $A
  same "$(field a create_args)" "vm_uuid=$VM,plugin0.frame_rate_limiter=0" "$(say "show reports the create arguments unchanged")"
  mdevadm stop a
  attributed C0 plain /sys/bus/mdev/devices/$A/plain
  removed C0 busy
  mdevadm modify b --create-arg nosuch=1 >/dev/null
  cell C0 errors
  run mdevadm start b
  exits 1 "$(say "start fails if the driver rejects the create arguments")"
  err_has "the driver rejected the create arguments of nvidia-17 on $gpu: 'nosuch=1'" \
    "$(say "the error names the rejected create arguments")"
  err_has "^hint: either create arguments are not supported" "$(say "the hint lists possible reasons")"
  # shellcheck disable=SC2086
  errors_at_create C0 $all_create_errors
  errors_at_remove C0 EBUSY=5 EAGAIN=1
  mdevadm stop a
  nothing_left "no device and no record exists at the end"
}

# The string that a driver must accept for a guest to migrate to it.
version() {
  local p=0000:00:02.0 t=i915-GVTg_V5_4
  discovered V1 $p upstream $t
  defined $p $t
  created V1 $A
  same "$(mdevadm show a --json | jq -r '.devices[0].pins.migration_version')" \
    "$(cat /sys/class/mdev_bus/$p/mdev_supported_types/$t/migration_version)" "$(say "define records the migration_version of the type")"
  mdevadm stop a
  run mdevadm start a -v
  err_has "accepts migration version '.*': done$" "$(say "start checks that the driver accepts the recorded migration_version")"
  mdevadm stop a
  attributed V1 plain /sys/bus/mdev/devices/$A/plain
  removed V1 blocks /sys/devices/pci0000:00/$p/$A
  cell V1 errors
  sed -i 's/^migration_version = .*/migration_version = "8086-1912-other"/' /etc/mdevadm/devices/$p/$A.toml
  run mdevadm start a
  exits 7 "$(say "start is refused if the driver does not accept the recorded migration_version")"
  err_has "the driver does not accept the migration version '8086-1912-other'" "$(say "the error names the migration_version")"
  err_has "^hint: .*--accept-abi$" "$(say "the hint suggests --accept-abi")"
  same "$(active)" "" "$(say "the refused start creates no device")"
  run mdevadm start a --accept-abi
  exits 0 "$(say "start --accept-abi succeeds with another migration_version")"
  mdevadm stop a
  run mdevadm start a
  exits 0 "$(say "a start without --accept-abi succeeds after the ABI was recorded")"
  mdevadm stop a
  # shellcheck disable=SC2086
  errors_at_create V1 $all_create_errors
  nothing_left "no device and no record exists at the end"
}

shift
"$@"
finish
