# NVIDIA's vGPUs on virtual functions, by the rules of the driver that is shipped (N1) and of the one proposed upstream (N2).
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/dialects.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  for dialect in N1 N2; do
    in_scenario "vf-${dialect,,}" single "$dialect"
    in_scenario "vf-${dialect,,}" whose "$dialect"
  done
  in_scenario vf-n1 off
  same "$part_failed" 0 "all parts hold"
  cells_are N1 N2
  finish
  exit
fi
gpu=0000:41:00.0 first=0000:41:00.4 second=0000:41:00.5
current() { cat "/sys/bus/pci/devices/$1/nvidia/current_vgpu_type"; }
records() { ls /run/mdevadm/devices | wc -l; }

single() {
  discovered "$1" $gpu nvidia-vf 1149
  same "$(mdevadm show $gpu --json | jq '.parents[0].functions | length')" 8 "$(say "with its virtual functions")"
  defined $gpu L40S-4Q
  same "$(field a type)" 1149 "$(say "a type can be meant by its name")"
  created "$1" $first pci
  same "$(current $first)" 1149 "$(say "a virtual function carries it")"
  same "$(field a kernel_name)" $first "$(say "whose address is shown")"
  run mdevadm start b
  exits 0 "$(say "a second device")"
  same "$(field b kernel_name)" $second "$(say "takes the next function")"
  same "$(mdevadm types $gpu --json | jq -c '[.types[] | [.type, .available, .used]]')" '[["1149",6,2],["1160",6,0]]' \
    "$(say "types are those of all functions, now")"
  run mdevadm start -p $gpu -t nvidia-1147
  exits 6 "$(say "a GPU that is fixed to a size takes no other")"
  err_has "active vGPUs restrict the available types" "$(say "which is said")"
  run mdevadm start -p $gpu -t nvidia-1160 --vf 0000:41:01.3
  exits 0 "$(say "a certain function can be named")"
  same "$(current 0000:41:01.3)" 1160 "$(say "and carries it")"
  run mdevadm start -p $gpu -t 1160 --vf 0000:41:01.3
  exits 4 "$(say "not twice")"
  run mdevadm start -p $gpu -t 1160 --vf 0000:41:09.9
  exits 3 "$(say "and only one that there is")"
  mdevadm list -o uuid | sed 1d | xargs -n1 "$MDEVADM" stop

  if [ "$1" = N1 ]; then
    cell N1 attributes
    mdevadm modify a --attr nvidia/vgpu_params=frame_rate_limiter=0 >/dev/null
    run mdevadm start a
    exits 0 "$(say "attributes are set at start")"
    same "$(cat /sys/bus/pci/devices/$first/nvidia/vgpu_params)" frame_rate_limiter=0 "$(say "of the function")"
    mdevadm stop a
    mdevadm modify a --delete-attr 1 >/dev/null
  fi
  removed "$1" busy "" $first
  errors_at_create "$1" EINVAL=1 EEXIST=4 ENOSPC=6 ENOMEM=6 ENODEV=3 EPERM=4 EIO=1 ERANGE=1 EBUSY=5
  errors_at_remove "$1" EBUSY=5 EPERM=5 EIO=1
  control clear
  mdevadm stop a
  same "$(current $first) $(current $second)" "0 0" "$(say "nothing is left")"
  same "$(records)" 0 "$(say "nothing is remembered")"
}

# Functions are used again by whoever comes next: only what mdevadm has set is ever cleared.
whose() {
  cell "$1" remove
  defined $gpu 1149
  echo 1149 >/sys/bus/pci/devices/$first/nvidia/current_vgpu_type
  foreign=$(mdevadm list -o uuid,kernel_name | awk -v f=$first '$2 == f { print $1 }')
  run mdevadm stop "$foreign"
  exits 4 "$(say "what somebody else has set is not cleared")"
  err_has "virtual function $first is not managed by mdevadm" "$(say "which is said")"
  err_has "^hint: adopt it first: mdevadm define $foreign$" "$(say "with what to do")"
  same "$(current $first)" 1149 "$(say "it stays")"
  run mdevadm start a
  same "$(field a kernel_name)" $second "$(say "nor is it taken for ours")"
  run mdevadm define "$foreign" --name found
  exits 0 "$(say "it can be adopted")"
  same "$(field found state),$(field found vf)" "active,$first" "$(say "with its function")"
  run mdevadm stop found
  exits 0 "$(say "and is ours from then on")"
  same "$(current $first)" 0 "$(say "so it is cleared")"
  run mdevadm start found
  exits 0 "$(say "it can be started again")"
  same "$(current $first)" 1149 "$(say "where it was")"
  rm -r /run/mdevadm/devices
  same "$(field found state)" active "$(say "a function that a definition names is known without being remembered")"
  run mdevadm stop found
  exits 0 "$(say "and can be stopped")"

  # The function of a lost device was given to somebody else.
  rm -f /run/mdevadm/devices/*
  echo 0 >/sys/bus/pci/devices/$second/nvidia/current_vgpu_type
  mdevadm start b
  address=$(field b kernel_name)
  echo 0 >"/sys/bus/pci/devices/$address/nvidia/current_vgpu_type"
  echo 1160 >"/sys/bus/pci/devices/$address/nvidia/current_vgpu_type"
  run mdevadm stop b
  exits 0 "$(say "a function that carries another type is not ours any more")"
  same "$(current "$address")" 1160 "$(say "and is left alone")"
  echo 0 >"/sys/bus/pci/devices/$address/nvidia/current_vgpu_type"
}

off() {
  cell N1 discover
  run mdevadm list
  same "$code $err" "0 " "$(say "with nothing set, the list is empty")"
  control functions $gpu 0
  run mdevadm types $gpu
  exits 0 "$(say "with virtual functions off there are no types")"
  err_has "$gpu: SR-IOV virtual functions are not enabled; enable them: /usr/lib/nvidia/sriov-manage -e $gpu" "$(say "which is said")"
  run mdevadm start -p $gpu -t 1149
  exits 3 "$(say "nothing can be started")"
  err_has "^hint: SR-IOV virtual functions are not enabled" "$(say "and it is said why")"
  # As a GPU in MIG mode without instances has it, or one whose daemon has not run.
  control functions $gpu 8
  header=$(mktemp)
  echo "ID    : vGPU Name" >"$header"
  for list in /sys/bus/pci/devices/*/nvidia/creatable_vgpu_types; do mount --bind "$header" "$list"; done
  run mdevadm types $gpu
  err_has "no types available: in MIG mode create GPU instances first" "$(say "a GPU that offers nothing says what may be missing")"
  for list in /sys/bus/pci/devices/*/nvidia/creatable_vgpu_types; do umount "$list"; done
  control functions $gpu 0
  control functions $gpu 4
  same "$(mdevadm show $gpu --json | jq '.parents[0].functions | length')" 4 "$(say "they may come later")"
}

shift
"$@"
finish
