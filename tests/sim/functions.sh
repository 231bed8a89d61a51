# NVIDIA's vGPUs on virtual functions, by the rules of the driver that is shipped (N1) and of the one proposed upstream (N2).
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/interfaces.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  for interface in N1 N2; do
    in_scenario "vf-${interface,,}" single "$interface"
    in_scenario "vf-${interface,,}" whose "$interface"
  done
  in_scenario vf-n1 off
  same "$part_failed" 0 "all parts pass"
  cells_are N1 N2
  finish
  exit
fi
gpu=0000:41:00.0 first=0000:41:00.4 second=0000:41:00.5 third=0000:41:00.6
current() { cat "/sys/bus/pci/devices/$1/nvidia/current_vgpu_type"; }
records() { ls /run/mdevadm/devices | wc -l; }

single() {
  discovered "$1" $gpu nvidia-vf 1149
  same "$(mdevadm show $gpu --json | jq '.parents[0].functions | length')" 8 "$(say "show lists the 8 virtual functions of the parent")"
  defined $gpu L40S-4Q
  same "$(field a type)" 1149 "$(say "define accepts the vendor's name of a type")"
  created "$1" $first pci
  same "$(current $first)" 1149 "$(say "the virtual function has the type of the device")"
  same "$(field a kernel_name)" $first "$(say "show reports the address of the virtual function as the kernel name")"
  run mdevadm start b
  exits 0 "$(say "a second device starts")"
  same "$(field b kernel_name)" $second "$(say "the second device uses the next virtual function")"
  same "$(mdevadm types $gpu --json | jq -c '[.types[] | select(.available > 0) | [.type, .available, .used]]')" '[["1149",6,2],["1160",6,0]]' \
    "$(say "types reports the current sum of all virtual functions")"
  run mdevadm start -p $gpu -t nvidia-1147
  exits 6 "$(say "start fails with exit code 6 if the GPU only offers types of another size")"
  err_has "another framebuffer size is in use on this GPU" "$(say "the error says that another size is in use")"
  run mdevadm start -p $gpu -t nvidia-1160 --vf 0000:41:01.3
  exits 0 "$(say "start --vf accepts the address of a virtual function")"
  same "$(current 0000:41:01.3)" 1160 "$(say "the device is assigned to the virtual function given with --vf")"
  run mdevadm start -p $gpu -t 1160 --vf 0000:41:01.3
  exits 4 "$(say "start --vf is refused if the virtual function is already assigned")"
  run mdevadm start -p $gpu -t 1160 --vf 0000:41:09.1
  exits 3 "$(say "start --vf fails with exit code 3 if the virtual function does not exist")"
  mdevadm list -o uuid | sed 1d | xargs -n1 "$MDEVADM" stop

  if [ "$1" = N1 ]; then
    cell N1 attributes
    mdevadm modify a --attr nvidia/vgpu_params=frame_rate_limiter=0 >/dev/null
    run mdevadm start a
    exits 0 "$(say "start succeeds for a device with attributes")"
    same "$(cat /sys/bus/pci/devices/$first/nvidia/vgpu_params)" frame_rate_limiter=0 \
      "$(say "start sets the attribute of the virtual function")"
    mdevadm stop a
    mdevadm modify a --delete-attr 1 >/dev/null
  fi
  # Another program assigns the same type after the check: its write is the first of two that the driver performs.
  if [ "$1" = N1 ]; then
    control delay create 2000
    echo 1149 >/sys/bus/pci/devices/0000:41:01.3/nvidia/current_vgpu_type &
    wait_until has_open $! /sys/bus/pci/devices/0000:41:01.3/nvidia/current_vgpu_type
    run mdevadm start -p $gpu -t 1149 --vf 0000:41:01.3
    exits 4 "$(say "start fails if another program assigns the same type to the virtual function")"
    err_has "virtual function 0000:41:01.3 was taken by another process \(type 1149\)" "$(say "the error says so")"
    wait
    control delay create 0
    same "$(records)" 0 "$(say "the device of the other program is not recorded as that of mdevadm")"
    echo 0 >/sys/bus/pci/devices/0000:41:01.3/nvidia/current_vgpu_type
  fi
  removed "$1" busy "" $first
  errors_at_create "$1" EINVAL=1 EEXIST=4 ENOSPC=6 ENOMEM=6 ENODEV=3 EPERM=4 EIO=1 ERANGE=1 EBUSY=5
  errors_at_remove "$1" EBUSY=5 EPERM=5 EIO=1
  control clear
  mdevadm stop a
  same "$(current $first) $(current $second)" "0 0" "$(say "no virtual function is assigned at the end")"
  same "$(records)" 0 "$(say "no record exists at the end")"
}

# Virtual functions are reused by any program: mdevadm clears only those that it has set.
whose() {
  cell "$1" remove
  defined $gpu 1149
  echo 1149 >/sys/bus/pci/devices/$third/nvidia/current_vgpu_type
  unmanaged=$(mdevadm list -o uuid,kernel_name | awk -v f=$third '$2 == f { print $1 }')
  run mdevadm stop "$unmanaged"
  exits 4 "$(say "stop is refused for a virtual function that another program has set")"
  err_has "virtual function $third is not managed by mdevadm" "$(say "the error says that mdevadm does not manage the virtual function")"
  err_has "^hint: adopt it first: mdevadm define $unmanaged$" "$(say "the hint suggests to adopt the device with define")"
  same "$(current $third)" 1149 "$(say "the virtual function is not cleared")"
  run mdevadm define "$unmanaged" --name found
  exits 0 "$(say "define adopts the device of another program")"
  same "$(field found state),$(field found vf)" "active,$third" "$(say "the adopted device is active on its virtual function")"
  run mdevadm stop found
  exits 0 "$(say "stop succeeds for an adopted device")"
  same "$(current $third)" 0 "$(say "stop clears the virtual function of an adopted device")"
  run mdevadm start found
  exits 0 "$(say "start succeeds for a stopped adopted device")"
  same "$(current $third)" 1149 "$(say "start uses the virtual function of the definition")"

  # Only the record proves that mdevadm has set a virtual function: without one it is that of another program, also if a definition
  # reserves it and has the same type.
  rm -r /run/mdevadm/devices
  same "$(field found state)" inactive "$(say "a device whose record is lost is not that of its definition")"
  run mdevadm stop found
  same "$code $(current $third)" "0 1149" "$(say "stop does not clear its virtual function")"
  run mdevadm stop --all
  same "$code $(current $third)" "0 1149" "$(say "nor does stop --all")"
  run mdevadm stop $third
  same "$code $(current $third)" "4 1149" "$(say "nor does a stop of the virtual function")"
  run mdevadm start found
  exits 4 "$(say "start is refused")"
  err_has "virtual function $third is used by the unmanaged device '.*' \(type 1149, not set by mdevadm\)" "$(say "the error says that mdevadm has not set it")"
  err_has "^hint: if it is to be the device of 'found', adopt it: mdevadm define $third$" "$(say "the hint adopts it")"
  run mdevadm define $third --name other
  exits 4 "$(say "it is not adopted by a second definition")"
  run mdevadm define $third
  same "$code $out" "0 $(field found uuid)" "$(say "define adopts it for the definition")"
  same "$(field found state),$(records)" "active,1" "$(say "it is the active device of the definition")"
  run mdevadm stop found
  same "$code $(current $third) $(records)" "0 0 0" "$(say "stop clears its virtual function")"

  sed -i 's/^type = .*/type = "L40S-4Q"/' /etc/mdevadm/devices/*/*"$(field found uuid)".toml
  mdevadm start found
  rm -r /run/mdevadm/devices
  run mdevadm define $third
  exits 0 "$(say "a device whose type is defined by the vendor's name is adopted, too")"
  run mdevadm stop found
  same "$code$err" 0 "$(say "stop succeeds for it")"

  # A record is not that of a virtual function that was enabled again.
  mdevadm start found
  control functions $gpu 0
  control functions $gpu 8
  echo 1149 >/sys/bus/pci/devices/$third/nvidia/current_vgpu_type
  same "$(field found state)" inactive "$(say "a vGPU on a virtual function that was enabled again is not that of the old record")"
  run mdevadm stop found
  same "$code $(current $third)" "0 1149" "$(say "stop does not clear it")"
  echo 0 >/sys/bus/pci/devices/$third/nvidia/current_vgpu_type

  # Another program has set the virtual function of a device that disappeared.
  rm -f /run/mdevadm/devices/*
  mdevadm start b
  address=$(field b kernel_name)
  echo 0 >"/sys/bus/pci/devices/$address/nvidia/current_vgpu_type"
  echo 1160 >"/sys/bus/pci/devices/$address/nvidia/current_vgpu_type"
  run mdevadm stop b
  exits 0 "$(say "stop succeeds if another program has set another type on the virtual function")"
  same "$(current "$address")" 1160 "$(say "stop does not clear the virtual function of the other program")"
  echo 0 >"/sys/bus/pci/devices/$address/nvidia/current_vgpu_type"
}

off() {
  cell N1 discover
  run mdevadm list
  same "$code $out" "0 " "$(say "list is empty if no virtual function is assigned")"
  control functions $gpu 0
  run mdevadm types $gpu
  exits 0 "$(say "types succeeds if SR-IOV virtual functions are disabled")"
  err_has "$gpu: SR-IOV virtual functions are not enabled; enable them: /usr/lib/nvidia/sriov-manage -e $gpu" \
    "$(say "types warns that virtual functions are disabled and how to enable them")"
  run mdevadm start -p $gpu -t 1149
  exits 6 "$(say "start fails with exit code 6 if virtual functions are disabled")"
  err_has "^hint: SR-IOV virtual functions are not enabled" "$(say "the hint says that virtual functions are disabled")"
  # As on a GPU in MIG mode without instances, or one whose daemon has not run.
  control functions $gpu 8
  header=$(mktemp)
  echo "ID    : vGPU Name" >"$header"
  for list in /sys/bus/pci/devices/*/nvidia/creatable_vgpu_types; do mount --bind "$header" "$list"; done
  run mdevadm types $gpu
  err_has "no types available: in MIG mode create GPU instances first" "$(say "types warns what can be missing if the GPU offers no type")"
  for list in /sys/bus/pci/devices/*/nvidia/creatable_vgpu_types; do umount "$list"; done
  control functions $gpu 0
  control functions $gpu 4
  same "$(mdevadm show $gpu --json | jq '.parents[0].functions | length')" 4 \
    "$(say "show lists the virtual functions that were enabled later")"
}

shift
"$@"
finish
