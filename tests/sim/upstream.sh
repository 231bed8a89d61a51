# The mainline kernel's interface of three eras (U1, U2, U4), attributes after creation (C1), words behind the UUID (C0),
# migration_version (V1).
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/dialects.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  in_scenario m60-u1 era U1 busy
  in_scenario m60-u2 era U2 blocks
  in_scenario samples kernel
  in_scenario ap matrix
  in_scenario m60-c0 words
  in_scenario gvt-v1 version
  same "$part_failed" 0 "all parts hold"
  cells_are U1 U2 U4 C0 C1 V1
  finish
  exit
fi
gpu=0000:86:00.0

era() {  # DIALECT KIND
  discovered "$1" $gpu upstream nvidia-17
  defined $gpu nvidia-17
  created "$1" $A
  mdevadm stop a
  cell "$1" attributes
  mdevadm modify a --attr nvidia/vgpu_params=frame_rate_limiter=0 >/dev/null
  run mdevadm start a
  exits 0 "$(say "attributes are set at start")"
  same "$(cat /sys/bus/mdev/devices/$A/nvidia/vgpu_params)" frame_rate_limiter=0 "$(say "with every byte of their value")"
  mdevadm stop a
  mdevadm modify a --delete-attr 1 >/dev/null
  removed "$1" "$2" /sys/devices/pci0000:86/$gpu/$A
  # shellcheck disable=SC2086
  errors_at_create "$1" $all_create_errors
  run mdevadm define -p $gpu -t nvidia-99
  exits 3 "$(say "a type that there is not is refused at once")"
  mdevadm start -p $gpu -t nvidia-18 >/dev/null
  run mdevadm start a
  exits 6 "$(say "with the GPU taken by another type, nothing is left")"
  mdevadm list -o uuid | sed 1d | xargs -n1 "$MDEVADM" stop
  if [ "$1" = U1 ]; then
    errors_at_remove U1 EBUSY=5 EAGAIN=1 EIO=1
    mdevadm stop a
  else
    # After EAGAIN the kernel makes no file again by which the device could go.
    cell U2 errors
    mdevadm start a
    control fault remove 1 EAGAIN
    run mdevadm stop a
    exits 1 "$(say "EAGAIN of remove")"
    err_has "accepts no further request" "$(say "is told as what it is")"
    err_has "^hint: reload the driver to remove it$" "$(say "with what to do")"
    control clear
    control unregister $gpu
  fi
  same "$(active)" "" "$(say "nothing is left")"
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
  exits 6 "$(say "when the core's count is at its end, nothing is left")"
  mdevadm list -o uuid | sed 1d | xargs -n1 "$MDEVADM" stop
  nothing_left "nothing is left"
}

# vfio-ap: a matrix of adapters and domains, by numbers in order or at once.
matrix() {
  discovered C1 matrix upstream vfio_ap-passthrough
  defined matrix vfio_ap-passthrough
  created C1 $A
  mdevadm stop a
  cell C1 attributes
  mdevadm modify a --attr assign_adapter=5 --attr assign_domain=4 --attr assign_domain=0xab --attr assign_control_domain=4 >/dev/null
  run mdevadm start a -v
  exits 0 "$(say "adapters and domains are assigned")"
  err_has "assign queues to .* \(atomically if supported\): assign_adapter=5, assign_domain=4, assign_domain=0xab, assign_control_domain=4: done$" "$(say "by one write")"
  same "$(cat /sys/bus/mdev/devices/$A/control_domains)" 0004 "$(say "control domains as well")"
  same "$(paste -sd' ' /sys/bus/mdev/devices/$A/matrix)" "05.0004 05.00ab" "$(say "to the matrix that was wanted")"
  mdevadm modify b --attr assign_adapter=5 --attr assign_domain=4 >/dev/null
  run mdevadm start b
  exits 1 "$(say "a queue of another device is refused")"
  err_has "cannot set attribute 'assign_domain' to '4': a queue is assigned to another device" "$(say "at the attribute that has it")"
  same "$(active)" a "$(say "which undoes the start")"
  mdevadm modify b --delete-attr assign_domain --delete-attr assign_adapter --attr assign_adapter=0 --attr assign_domain=0 >/dev/null
  run mdevadm start b
  err_has "the queue is reserved for the host \(apmask/aqmask\)" "$(say "so is one of the host's")"
  err_has "^hint: free it in /sys/bus/ap/apmask" "$(say "with what to do")"
  mdevadm modify b --delete-attr assign_adapter --delete-attr assign_domain --attr assign_adapter=999 >/dev/null
  run mdevadm start b
  err_has "the number does not exist on this machine" "$(say "and a number that there is not")"
  mdevadm stop a
  mdevadm modify b --delete-attr 1 --attr ap_config=0x0400000000000000000000000000000000000000000000000000000000000000,0x0800000000000000000000000000000000000000000000000000000000000000,0x0000000000000000000000000000000000000000000000000000000000000000 >/dev/null
  run mdevadm start b
  exits 0 "$(say "ap_config takes it all at once")"
  same "$(cat /sys/bus/mdev/devices/$B/matrix)" 05.0004 "$(say "as the matrix that was wanted")"
  mdevadm stop b
  mdevadm modify a --delete-attr 1 --delete-attr 2 --delete-attr 3 --delete-attr 4 >/dev/null
  removed C1 blocks /sys/devices/vfio_ap/matrix/$A
  # shellcheck disable=SC2086
  errors_at_create C1 $all_create_errors
  for pair in EADDRNOTAVAIL EADDRINUSE EBUSY ENODEV EINVAL ERANGE E2BIG EPERM ENXIO; do
    mdevadm undefine a
    mdevadm define -u $A -p matrix -t vfio_ap-passthrough --name a --attr assign_adapter=5 >/dev/null
    control clear
    control fault attribute 1 $pair
    run mdevadm start a
    exits 1 "$(say "$pair of an attribute")"
    err_has "cannot set attribute 'assign_adapter' to '5': [a-z ]+" "$(say "$pair of an attribute names it")"
    same "$(active)" "" "$(say "$pair of an attribute undoes the start")"
  done
  control clear
  nothing_left "nothing is left"
}

words() {
  discovered C0 $gpu upstream nvidia-17
  defined $gpu nvidia-17 --create-arg vm_uuid=$VM --create-arg plugin0.frame_rate_limiter=0
  created C0 $A
  same "$(field a create_args)" "vm_uuid=$VM,plugin0.frame_rate_limiter=0" "$(say "what was passed is kept to the letter")"
  mdevadm stop a
  attributed C0 plain /sys/bus/mdev/devices/$A/plain
  removed C0 busy
  mdevadm modify b --create-arg nosuch=1 >/dev/null
  cell C0 errors
  run mdevadm start b
  exits 1 "$(say "words that the driver does not know")"
  err_has "the driver rejected the create arguments of nvidia-17 on $gpu: 'nosuch=1'" "$(say "are named")"
  err_has "^hint: either create arguments are not supported" "$(say "with what it may mean")"
  # shellcheck disable=SC2086
  errors_at_create C0 $all_create_errors
  errors_at_remove C0 EBUSY=5 EAGAIN=1
  mdevadm stop a
  nothing_left "nothing is left"
}

# The string that a driver must take for a guest to come to it.
version() {
  local p=0000:00:02.0 t=i915-GVTg_V5_4
  discovered V1 $p upstream $t
  defined $p $t
  created V1 $A
  same "$(mdevadm show a --json | jq -r '.devices[0].pins[] | select(.name == "migration_version").value')" \
    "$(cat /sys/class/mdev_bus/$p/mdev_supported_types/$t/migration_version)" "$(say "its migration_version is pinned")"
  mdevadm stop a
  run mdevadm start a -v
  err_has "accepts migration version '.*': done$" "$(say "and put to the driver at each start")"
  mdevadm stop a
  attributed V1 plain /sys/bus/mdev/devices/$A/plain
  removed V1 blocks /sys/devices/pci0000:00/$p/$A
  cell V1 errors
  sed -i 's/^migration_version = .*/migration_version = "8086-1912-other"/' /etc/mdevadm/devices/$p/$A.toml
  run mdevadm start a
  exits 7 "$(say "a driver that does not take it")"
  err_has "the driver does not accept the migration version '8086-1912-other'" "$(say "is told")"
  err_has "^hint: .*--accept-abi$" "$(say "with what to do")"
  same "$(active)" "" "$(say "and nothing is made")"
  run mdevadm start a --accept-abi
  exits 0 "$(say "it can be taken as it is")"
  mdevadm stop a
  run mdevadm start a
  exits 0 "$(say "from then on")"
  mdevadm stop a
  # shellcheck disable=SC2086
  errors_at_create V1 $all_create_errors
  nothing_left "nothing is left"
}

shift
"$@"
finish
