# The flat interfaces of 2016 in four variants: F0, F1 (numbered devices of a virtual machine), F2 (online), F3 (mdev-host).
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/interfaces.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  in_scenario m60-f0 numbered F0 flat-shutdown
  in_scenario m60-f1 numbered F1 flat-stop
  in_scenario m60-f2 online
  in_scenario m60-f2 together
  in_scenario m60-f3 host
  in_scenario m60-f2 text
  EXTRA='hotplug = true' in_scenario m60-f2 plug
  same "$part_failed" 0 "all parts pass"
  cells_are F0 F1 F2 F3
  finish
  exit
fi
gpu=0000:86:00.0

numbered() {  # INTERFACE NAME
  local interface=$1
  discovered "$interface" $gpu "$2" 17
  defined $gpu 17 --create-arg vm_uuid=$VM
  created "$interface" $VM-0
  cell "$interface" group
  run mdevadm start b
  exits "$([ "$interface" = F0 ] && echo 1 || echo 5)" "$(say "start is refused if a device of the same virtual machine is online")"
  mdevadm stop a
  run mdevadm start a b
  exits 0 "$(say "two devices of one virtual machine start together")"
  same "$(field b kernel_name)" $VM-1 "$(say "the second device has the next kernel name")"
  run mdevadm stop a
  exits 4 "$(say "stop of one of two devices of a virtual machine is refused")"
  err_has "devices of one virtual machine must be stopped together, but '$B' is not being stopped" \
    "$(say "the error names the device that must be stopped together with it")"
  mdevadm stop a b

  cell "$interface" online
  run mdevadm start a b -v
  same "$(grep -c 'online: done' <<<"$err")" 1 "$(say "start sets the devices of a virtual machine online with one write")"
  same "$(grep -nE 'create|online' <<<"$err" | tail -1 | grep -c online)" 1 \
    "$(say "start sets the devices online after all have been created")"
  run "$MDEVSIM" events
  out_has "^ACTION=online$" "$(say "the kernel sends an online event")"
  run mdevadm stop a b -v
  same "$(grep -E 'offline|remove' <<<"$err" | sed -E 's/.*: (take|remove) .*/\1/' | paste -sd' ')" "take remove remove" \
    "$(say "stop sets the devices offline once, then removes them")"
  mdevadm start a
  mdevadm stop a
  control fault online 1 EBUSY
  run mdevadm start a
  exits 5 "$(say "start fails if the driver rejects online with EBUSY")"
  same "$(active)" "" "$(say "start is rolled back if the driver rejects online")"
  control clear

  attributed "$interface" plain /sys/bus/mdev/devices/$VM-0/plain
  removed "$interface" busy "" $VM-0
  if [ "$interface" = F0 ]; then
    errors_at_create F0 EINVAL=1  # the first core did not pass errnos on
  else
    # shellcheck disable=SC2086
    errors_at_create F1 ${all_create_errors/EEXIST=5/EEXIST=4}
  fi
  errors_at_remove "$interface" EIO=5  # the core returns EBUSY, whatever the driver returns
  mdevadm stop a
  run mdevadm define -p $gpu -t 20
  exits 3 "$(say "define fails with exit code 3 for an unknown type")"
  nothing_left "no device and no record exists at the end"
}

online() {
  discovered F2 $gpu flat-online 17
  same "$(mdevadm types $gpu --json | jq -c '.types[6] | [.name, .maximum, .properties.framebuffer]')" \
    '["GRID M60-4Q",2,4294967296]' "$(say "the columns of the type table are read by their names")"
  defined $gpu 17 --create-arg vm_uuid=$VM
  created F2 $A
  same "$(mdevadm types $gpu --json | jq -c '[.types[] | [.type, .used]]')" '[["17",1]]' \
    "$(say "types lists no type that does not fit beside the active devices")"
  run mdevadm define -p $gpu -t 18
  exits 6 "$(say "define without --force is refused for a type that does not fit")"
  err_has "has no type '18' now: it is unknown, or another framebuffer size is in use on this GPU" \
    "$(say "the error says that the parent does not offer the type now, and why")"

  cell F2 online
  same "$(cat /sys/bus/mdev/devices/$A/online)" 1 "$(say "start sets the device online")"
  same "$(field a online)" true "$(say "show reports that the device is online")"
  echo 0 >/sys/bus/mdev/devices/$A/online
  run mdevadm start a
  exits 0 "$(say "start succeeds for an active device that is offline")"
  same "$(cat /sys/bus/mdev/devices/$A/online)" 1 "$(say "start sets an active device online that was offline")"
  run mdevadm start b
  exits 5 "$(say "start is refused if a device of the same virtual machine is online")"
  err_has "a device of the same virtual machine is already online" \
    "$(say "the error says that a device of the same virtual machine is online")"
  err_has "^hint: stop the virtual machine's devices, then start all of them at once$" \
    "$(say "the hint says to start all devices of the virtual machine at once")"
  same "$(active)" a "$(say "the refused start leaves the active device unchanged")"
  echo 0 >/sys/bus/mdev/devices/$A/online
  run mdevadm stop a
  exits 0 "$(say "stop removes a device that is already offline")"

  attributed F2 plain /sys/bus/mdev/devices/$A/plain
  removed F2 busy
  # shellcheck disable=SC2086
  errors_at_create F2 $all_create_errors
  for pair in EINVAL=1 ENOSPC=6 EBUSY=5 ENODEV=1 EIO=1; do
    control clear
    control fault online 1 ${pair%=*}
    run mdevadm start a
    exits ${pair#*=} "$(say "start fails with the exit code for ${pair%=*} if online fails")"
    err_has "cannot bring the device online: " "$(say "${pair%=*} of online: the error says that the device cannot be set online")"
    err_has "^hint: " "$(say "${pair%=*} of online: the error has a hint")"
    same "$(active)" "" "$(say "${pair%=*} of online: the start is rolled back")"
  done
  control clear
  errors_at_remove F2 EBUSY=5 EAGAIN=1 EINVAL=1 EPERM=5 EIO=1
  mdevadm stop a
  mdevadm define -u cccccccc-0000-4000-8000-000000000003 -p $gpu -t 17 >/dev/null
  run mdevadm start cccc
  exits 1 "$(say "start fails if the driver requires vm_uuid and it is not given")"
  err_has "^hint: .*--create-arg vm_uuid=UUID" "$(say "the hint suggests --create-arg vm_uuid=UUID")"
  mdevadm define -u dddddddd-0000-4000-8000-000000000004 -p $gpu -t 17 --create-arg vgpu_type_id=11 >/dev/null
  run mdevadm start dddd
  exits 1 "$(say "start is refused if the create arguments select another type")"
  err_has "create_args 'vgpu_type_id=11' conflicts with type 17" "$(say "the error names the conflicting create argument and the type")"
  nothing_left "no device and no record exists at the end"
}

# All devices of a virtual machine are created before the first is set online; two of three fit.
together() {
  cell F2 group
  defined $gpu 17 --create-arg vm_uuid=$VM
  run mdevadm start a b -v
  exits 0 "$(say "two devices of one virtual machine start together")"
  same "$(grep -oE ': (create|bring|wait) ' <<<"$err" | tr -d ': ' | paste -sd' ')" "create create bring bring wait wait" \
    "$(say "start creates all devices, then sets them online, then waits for their nodes")"
  hold $A $B
  holds "$(say "a process can open both devices")" kill -0 $holder
  release
  run mdevadm stop a b -v
  same "$(grep -oE ': (take|remove) [a-f]' <<<"$err" | tr -d ':' | tr -s ' ' | paste -sd,)" " take b, take a, remove b, remove a" \
    "$(say "stop sets the devices offline in reverse order, then removes them in reverse order")"
  mdevadm define -u cccccccc-0000-4000-8000-000000000003 -p $gpu -t 17 --create-arg vm_uuid=$VM --name c >/dev/null
  mdevadm group create vm a b c
  run mdevadm group start vm
  exits 6 "$(say "group start fails with exit code 6 if two of three members fit")"
  same "$(active)" "" "$(say "no member is active after the failed group start")"
  mdevadm group remove vm c
  run mdevadm group start vm
  exits 0 "$(say "group start succeeds with two members")"
  same "$(cells_of name,online)" "a yes,b yes" "$(say "all members are online")"
  run mdevadm group stop vm
  exits 0 "$(say "group stop succeeds")"
  control fault online 2 ENOSPC
  run mdevadm group start vm
  exits 6 "$(say "group start fails with exit code 6 if online of the second member fails with ENOSPC")"
  same "$(active)" "" "$(say "group start rolls all members back if online of one fails")"
  control clear
  nothing_left "no device and no record exists at the end"
}

host() {
  discovered F3 $gpu flat-host 17
  defined $gpu 17 --create-arg vm_uuid=$VM
  created F3 $A
  same "$(field a path)" "/sys/devices/pci0000:86/$gpu/mdev-host/$A" "$(say "show reports the device directory below mdev-host")"
  same "$(field a parent)" $gpu "$(say "show reports the PCI address as the parent, not mdev-host")"
  mdevadm stop a
  attributed F3 plain /sys/bus/mdev/devices/$A/plain
  removed F3 goes  # its destroy callback cannot fail
  # shellcheck disable=SC2086
  errors_at_create F3 $all_create_errors
  nothing_left "no device and no record exists at the end"
}

# A driver that can add devices to a virtual machine whose devices are online.
plug() {
  cell F2 group
  defined $gpu 17 --create-arg vm_uuid=$VM
  mdevadm start a
  run mdevadm start b
  exits 0 "$(say "start adds a device to a virtual machine that is online if the driver supports hotplug")"
  same "$(cells_of name,online)" "a yes,b yes" "$(say "the added device is online")"
  mdevadm stop a b
  nothing_left "no device and no record exists at the end"
}

# The type file of another vendor, in another format.
text() {
  cell F2 discover
  table=$(mktemp)
  printf 'This adapter makes two kinds: small and large.\n' >"$table"
  mount --bind "$table" /sys/devices/pci0000:86/$gpu/mdev_supported_types
  run mdevadm types $gpu
  exits 0 "$(say "types succeeds if the type file is not a table")"
  err_has "reports its types in an unrecognized format" "$(say "types warns that the format is not recognized")"
  run mdevadm show $gpu
  out_has "makes two kinds: small and large" "$(say "show prints the text of the vendor's type file")"
  mdevadm define -u $A -p $gpu -t small --create-arg vgpu_type_id=11 --create-arg vm_uuid=$VM --name a >/dev/null
  run mdevadm start a
  exits 0 "$(say "start succeeds with any type name if create arguments select the type")"
  mdevadm stop a
  umount /sys/devices/pci0000:86/$gpu/mdev_supported_types
}

shift
"$@"
finish
