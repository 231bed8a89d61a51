# The flat files of 2016 in their four forms: F0, F1 (numbered devices of a virtual machine), F2 (online), F3 (mdev-host).
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/dialects.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  in_scenario m60-f0 numbered F0 flat-shutdown
  in_scenario m60-f1 numbered F1 flat-stop
  in_scenario m60-f2 online
  in_scenario m60-f2 together
  in_scenario m60-f3 host
  in_scenario m60-f2 text
  EXTRA='hotplug = true' in_scenario m60-f2 plug
  same "$part_failed" 0 "all parts hold"
  cells_are F0 F1 F2 F3
  finish
  exit
fi
gpu=0000:86:00.0

numbered() {  # DIALECT NAME
  local dialect=$1
  discovered "$dialect" $gpu "$2" 17
  defined $gpu 17 --create-arg vm_uuid=$VM
  created "$dialect" $VM-0
  cell "$dialect" group
  run mdevadm start b
  exits "$([ "$dialect" = F0 ] && echo 1 || echo 5)" "$(say "a virtual machine that is online takes no more devices")"
  mdevadm stop a
  run mdevadm start a b
  exits 0 "$(say "a second of the same virtual machine")"
  same "$(field b kernel_name)" $VM-1 "$(say "has the next number")"
  run mdevadm stop a
  exits 4 "$(say "one of two does not stop alone")"
  err_has "devices of one virtual machine must be stopped together, but '$B' is not being stopped" "$(say "since both go offline at once")"
  mdevadm stop a b

  cell "$dialect" online
  run mdevadm start a b -v
  same "$(grep -c 'online: done' <<<"$err")" 1 "$(say "one command brings a virtual machine's devices online")"
  same "$(grep -nE 'create|online' <<<"$err" | tail -1 | grep -c online)" 1 "$(say "after all have been made")"
  run "$MDEVSIM" events
  out_has "^ACTION=online$" "$(say "the kernel told so")"
  run mdevadm stop a b -v
  same "$(grep -E 'offline|remove' <<<"$err" | sed -E 's/.*: (take|remove) .*/\1/' | paste -sd' ')" "take remove remove" \
    "$(say "offline once, then removed")"
  mdevadm start a
  mdevadm stop a
  control fault online 1 EBUSY
  run mdevadm start a
  exits 5 "$(say "a driver that does not start it")"
  same "$(active)" "" "$(say "undoes the start")"
  control clear

  attributed "$dialect" plain /sys/bus/mdev/devices/$VM-0/plain
  removed "$dialect" busy "" $VM-0
  if [ "$dialect" = F0 ]; then
    errors_at_create F0 EINVAL=1  # the first core threw errnos away
  else
    # shellcheck disable=SC2086
    errors_at_create F1 ${all_create_errors/EEXIST=5/EEXIST=4}
  fi
  errors_at_remove "$dialect" EIO=5  # whatever the driver says, the core says EBUSY
  mdevadm stop a
  run mdevadm define -p $gpu -t 20
  exits 3 "$(say "a type that there is not is refused at once")"
  nothing_left "nothing is left"
}

online() {
  discovered F2 $gpu flat-online 17
  same "$(mdevadm types $gpu --json | jq -c '.types[6] | [.name, .maximum, (.properties[] | select(.name == "framebuffer").number)]')" \
    '["GRID M60-4Q",2,4294967296]' "$(say "the table's columns are read by their names")"
  defined $gpu 17 --create-arg vm_uuid=$VM
  created F2 $A
  same "$(mdevadm types $gpu --json | jq -c '[.types[] | [.type, .used]]')" '[["17",1]]' "$(say "types that do not fit are not offered")"
  run mdevadm define -p $gpu -t 18
  exits 6 "$(say "nor defined without force")"
  err_has "has no type '18' now$" "$(say "which is said")"

  cell F2 online
  same "$(cat /sys/bus/mdev/devices/$A/online)" 1 "$(say "it is online")"
  same "$(field a online)" true "$(say "and shown so")"
  echo 0 >/sys/bus/mdev/devices/$A/online
  run mdevadm start a
  exits 0 "$(say "what is active and offline")"
  same "$(cat /sys/bus/mdev/devices/$A/online)" 1 "$(say "is brought online")"
  run mdevadm start b
  exits 5 "$(say "a virtual machine that is online takes no more devices")"
  err_has "a device of the same virtual machine is online already" "$(say "which is said")"
  err_has "^hint: stop the virtual machine's devices, then start all of them at once$" "$(say "with what to do")"
  same "$(active)" a "$(say "and changes nothing")"
  echo 0 >/sys/bus/mdev/devices/$A/online
  run mdevadm stop a
  exits 0 "$(say "what is offline already is removed")"

  attributed F2 plain /sys/bus/mdev/devices/$A/plain
  removed F2 busy
  # shellcheck disable=SC2086
  errors_at_create F2 $all_create_errors
  for pair in EINVAL=1 ENOSPC=6 EBUSY=5 ENODEV=1 EIO=1; do
    control clear
    control fault online 1 ${pair%=*}
    run mdevadm start a
    exits ${pair#*=} "$(say "${pair%=*} of online")"
    err_has "cannot bring it online: " "$(say "${pair%=*} of online is told as what it is")"
    err_has "^hint: " "$(say "${pair%=*} of online comes with what to do")"
    same "$(active)" "" "$(say "${pair%=*} of online undoes the start")"
  done
  control clear
  errors_at_remove F2 EBUSY=5 EAGAIN=1 EINVAL=1 EPERM=5 EIO=1
  mdevadm stop a
  mdevadm define -u cccccccc-0000-4000-8000-000000000003 -p $gpu -t 17 >/dev/null
  run mdevadm start cccc
  exits 1 "$(say "a driver that wants to know the virtual machine")"
  err_has "^hint: .*--create-arg vm_uuid=UUID" "$(say "is given the word for it")"
  mdevadm define -u dddddddd-0000-4000-8000-000000000004 -p $gpu -t 17 --create-arg vgpu_type_id=11 >/dev/null
  run mdevadm start dddd
  exits 1 "$(say "create arguments that say another type are refused")"
  err_has "create_args 'vgpu_type_id=11' conflicts with type 17" "$(say "which is said")"
  nothing_left "nothing is left"
}

# All of a virtual machine's devices before the first is online, two of three being possible.
together() {
  cell F2 group
  defined $gpu 17 --create-arg vm_uuid=$VM
  run mdevadm start a b -v
  exits 0 "$(say "several are started at once")"
  same "$(grep -oE ': (create|bring|wait) ' <<<"$err" | tr -d ': ' | paste -sd' ')" "create create bring bring wait wait" \
    "$(say "all made, then all online, then their nodes")"
  hold $A $B
  holds "$(say "a virtual machine can run with them")" kill -0 $holder
  release
  run mdevadm stop a b -v
  same "$(grep -oE ': (take|remove) [a-f]' <<<"$err" | tr -d ':' | tr -s ' ' | paste -sd,)" " take b, take a, remove b, remove a" \
    "$(say "stopped, they go the other way round")"
  mdevadm define -u cccccccc-0000-4000-8000-000000000003 -p $gpu -t 17 --create-arg vm_uuid=$VM --name c >/dev/null
  mdevadm group create vm a b c
  run mdevadm group start vm
  exits 6 "$(say "of a group of three two fit: none is started")"
  same "$(active)" "" "$(say "nothing is up")"
  mdevadm group remove vm c
  run mdevadm group start vm
  exits 0 "$(say "a group of two starts")"
  same "$(cells_of name,online)" "a yes,b yes" "$(say "and all are online")"
  run mdevadm group stop vm
  exits 0 "$(say "and stops")"
  control fault online 2 ENOSPC
  run mdevadm group start vm
  exits 6 "$(say "no peer-to-peer resources for the second")"
  same "$(active)" "" "$(say "undo all of the group")"
  control clear
  nothing_left "nothing is left"
}

host() {
  discovered F3 $gpu flat-host 17
  defined $gpu 17 --create-arg vm_uuid=$VM
  created F3 $A
  same "$(field a path)" "/sys/devices/pci0000:86/$gpu/mdev-host/$A" "$(say "in a folder of its own")"
  same "$(field a parent)" $gpu "$(say "which is not the parent's name")"
  mdevadm stop a
  attributed F3 plain /sys/bus/mdev/devices/$A/plain
  removed F3 goes  # its destroy cannot say no
  # shellcheck disable=SC2086
  errors_at_create F3 $all_create_errors
  nothing_left "nothing is left"
}

# A driver that can add devices to a virtual machine that is online.
plug() {
  cell F2 group
  defined $gpu 17 --create-arg vm_uuid=$VM
  mdevadm start a
  run mdevadm start b
  exits 0 "$(say "where the driver can plug, a device is added to a virtual machine that is online")"
  same "$(cells_of name,online)" "a yes,b yes" "$(say "and goes online")"
  mdevadm stop a b
  nothing_left "nothing is left"
}

# Another vendor's own words.
text() {
  cell F2 discover
  table=$(mktemp)
  printf 'This adapter makes two kinds: small and large.\n' >"$table"
  mount --bind "$table" /sys/devices/pci0000:86/$gpu/mdev_supported_types
  run mdevadm types $gpu
  exits 0 "$(say "a vendor's own text is no table")"
  err_has "reports its types in an unrecognized format" "$(say "which is said")"
  run mdevadm show $gpu
  out_has "makes two kinds: small and large" "$(say "and the text can be read")"
  mdevadm define -u $A -p $gpu -t small --create-arg vgpu_type_id=11 --create-arg vm_uuid=$VM --name a >/dev/null
  run mdevadm start a
  exits 0 "$(say "any type can be asked for there, by its own arguments")"
  mdevadm stop a
  umount /sys/devices/pci0000:86/$gpu/mdev_supported_types
}

shift
"$@"
finish
