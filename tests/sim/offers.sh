# Types on hosts with NVIDIA GPUs: definitions with the vendor's name that are older than the driver, errors about types that are
# not offered, and virtual functions as names of devices.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  cp -r "$here/../../examples/scenarios/types" "$scratch"
  failed_parts=
  while read -r scenario part; do
    "$MDEVSIM" run "${scenario/SCRATCH/$scratch}" -- bash "$0" "$part" || failed_parts+=" $part"
  done <<'P'
m60 mediated
m60 failing
m60 exported
m60 mediated_sizes
a40 mediated_sizes
l40s-mixed hidden
l40s-mixed hidden_chosen
l40s-mixed hidden_without_table
vf-n1 late
vf-n1 sizes
vf-n1 known_sizes
vf-n1 addresses
l40s free_functions
l40s-boot full_framebuffer
m60 other_numbers
l40s-mdev free_functions
l40s-8 several_off
a100 without_instances
rtx-pro-6000 without_mig
P
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

control() { "$MDEVSIM" control "$@"; }
states() { "$MDEVADM" list --all --json -o name,state | jq -r '.devices[] | "\(.name)=\(.state)"' | sort | xargs; }

# The kernel lists all types; the driver reports those of other sizes with 0 available instances.
mediated_sizes() {
  local gpu two four user
  gpu=$("$MDEVADM" types --json | jq -r '.types[0].parent')
  # ID of the type whose vendor's name ends so.
  type_of() { "$MDEVADM" types $gpu --json | jq -r ".types[] | select(.name | endswith(\"-$1\")) | .type"; }
  two=$(type_of 2Q) four=$(type_of 4Q)
  user=$("$MDEVADM" start -p $gpu -t $two)
  "$MDEVADM" define -p $gpu -t $four --name other >/dev/null
  run "$MDEVADM" start other
  exits 6 "a start with another framebuffer size has no capacity"
  err_has "no available instances of $four on $gpu: another framebuffer size is in use on this GPU \(2G, by device '$user' \($two\)\)$" \
    "the error names the size in use and a device"
  if [ "${err/nvidia-smi vgpu -i $gpu -shm 1/}" != "$err" ]; then
    same "$("$MDEVADM" show $gpu --json | jq '.parents[0].functions | length > 0')" true "mixed sizes are suggested where the GPU has virtual functions"
  else
    same "$("$MDEVADM" show $gpu --json | jq '.parents[0].functions | length')" 0 "mixed sizes are not suggested without virtual functions"
  fi
  # A full GPU is not a matter of sizes.
  while "$MDEVADM" start -q -p $gpu -t $two >/dev/null 2>&1; do :; done
  run "$MDEVADM" start other
  exits 6 "a start on a full GPU has no capacity"
  err_has "no available instances of $four on $gpu(: vGPUs use [0-9]+G of the [0-9]+G of framebuffer)?$" "the error does not give the size as the reason"
}

# With mixed sizes the driver's list lacks types that it would create: a half of the GPU beside two vGPUs.
hidden() {
  local gpu=0000:41:00.0
  "$MDEVADM" start -q -p $gpu -t L40S-2Q >/dev/null
  "$MDEVADM" start -q -p $gpu -t L40S-2Q >/dev/null
  same "$(grep -c 24Q "/sys/bus/pci/devices/0000:41:01.0/nvidia/creatable_vgpu_types")" 0 "the driver does not list L40S-24Q"
  same "$("$MDEVADM" types $gpu --json | jq -c '.types[] | select(.name == "NVIDIA L40S-24Q") | [.available, .available_is_limit]')" \
    '[1,true]' "types shows at most one available instance of L40S-24Q"
  same "$("$MDEVADM" types $gpu --json | jq -c '.types[] | select(.name == "NVIDIA L40S-48Q") | [.available, .available_is_limit]')" \
    '[0,false]' "and none of a type that is larger than the free memory"
  run "$MDEVADM" define -p $gpu -t L40S-24Q --name half
  exits 0 "define accepts the type"
  run "$MDEVADM" start half
  exits 0 "start creates the vGPU, although the driver does not list its type"
  err_has "'half' \(.*\): the driver does not list type [0-9]+ now, but may accept it \(mixed sizes\)$" "a note says so"
  same "$(states)" "half=active null=active null=active" "the device is active"
  run "$MDEVADM" start -p $gpu -t L40S-24Q
  exits 6 "a type that is larger than the free memory has no capacity"
  run "$MDEVADM" start -p $gpu -t L40S-16Q
  exits 6 "a type for which no part of the framebuffer is free has no capacity"
  err_has ": no available instances of [0-9]+ on $gpu: no position in the framebuffer is free for it \(mixed sizes\)" "the error gives the reason"
}

# Such types are chosen if no listed one has room, and start alone, by need, at once with others, and in a group.
hidden_chosen() {
  local gpu=0000:41:00.0
  "$MDEVADM" start -q -p $gpu -t L40S-2Q --vf 0000:41:00.5 >/dev/null
  "$MDEVADM" start -q -p $gpu -t L40S-2Q >/dev/null
  run "$MDEVADM" define --need 'framebuffer>=8G' --series Q --name listed
  exits 0 "define selects a type by need"
  err_has "selected 1152 \(NVIDIA L40S-8Q\)" "a type that the driver lists is preferred"
  err_lacks "does not list" "and is certain"
  "$MDEVADM" undefine listed
  run "$MDEVADM" start --need 'framebuffer>=20G' --series Q --dry-run
  exits 0 "start --dry-run selects a type that the driver does not list"
  err_has "selected [0-9]+ \(NVIDIA L40S-24Q\) on $gpu, .*; the driver does not list this type on $gpu now, and may refuse it \(mixed sizes\)$" \
    "the message says that the driver may refuse it"
  run "$MDEVADM" define -p any -t L40S-24Q --name half
  exits 0 "define -p any selects the GPU for it"
  err_has "does not list this type on $gpu now" "the message says so"
  run "$MDEVADM" define -p any -t L40S-24Q --name other
  exits 6 "a second one does not fit beside the definition"
  run "$MDEVADM" define -p any -t L40S-48Q --name whole
  exits 6 "a type that is larger than the free memory has no capacity"
  "$MDEVADM" define -p $gpu -t L40S-4Q --name small >/dev/null
  "$MDEVADM" group create vm half small
  run "$MDEVADM" group start vm
  exits 0 "a group with such a type starts"
  same "$(states)" "half=active null=active null=active small=active" "all its members are active"
  run "$MDEVADM" restart half
  exits 0 "the device can be restarted"
  err_lacks "does not list" "its own place is certain"
  "$MDEVADM" group stop vm
  run "$MDEVADM" start small half
  exits 0 "several devices that are started at once are sorted by size"
  "$MDEVADM" stop half small
  "$MDEVADM" group delete vm
  "$MDEVADM" undefine half small
  # Without a free part of the framebuffer the driver refuses what the sum of the sizes permits.
  "$MDEVADM" start -q -p $gpu -t L40S-2Q >/dev/null
  echo 24 >"/sys/bus/pci/devices/0000:41:00.5/nvidia/placement_id"
  run "$MDEVADM" start --need 'framebuffer>=20G' --series Q
  exits 6 "the driver refuses the selected type"
  err_has "may refuse it" "the message has announced it"
  err_has "no available instances of [0-9]+ on $gpu: no position in the framebuffer is free for it \(mixed sizes\)" "the error gives the reason"
}

# Without NVIDIA's table the types that the driver does not list are unknown.
hidden_without_table() {
  local gpu=0000:41:00.0
  mount -t tmpfs none /usr/share/nvidia/vgpu
  "$MDEVADM" start -q -p $gpu -t L40S-2Q >/dev/null
  "$MDEVADM" start -q -p $gpu -t L40S-2Q >/dev/null
  run "$MDEVADM" start -p $gpu -t L40S-24Q
  exits 6 "a type that is not known to be one of the GPU's is not tried"
}

mediated() {
  local gpu=0000:86:00.0
  control unregister $gpu
  run "$MDEVADM" types $gpu
  exits 3 "types fails for a GPU without driver"
  err_has "no driver is bound to $gpu \(10de:13f2\)" "the error says that no driver is bound"
  "$MDEVADM" define -p $gpu -t "GRID M60-4Q" --name a --auto --force >/dev/null
  "$MDEVADM" define -p $gpu -t m60-4q --name b --force >/dev/null
  "$MDEVADM" define -p $gpu -t "GRID M60-5Q" --name wrong --force >/dev/null
  control register $gpu
  run "$MDEVADM" start --auto
  exits 0 "start --auto resolves the vendor's name of a type"
  run "$MDEVADM" start b
  exits 0 "start resolves the vendor's name in any case and without the vendor"
  run "$MDEVADM" start b
  exits 0 "start of the active device succeeds"
  err_lacks differs "the active device does not differ from its definition"
  same "$(states)" "a=active b=active wrong=inactive" "devices with the vendor's name of their type have not drifted"
  run "$MDEVADM" restart b
  exits 0 "restart resolves the vendor's name of a type"
  "$MDEVADM" stop a b
  "$MDEVADM" group create vm a b
  run "$MDEVADM" group start vm
  exits 0 "group start resolves the vendor's names of types"
  run "$MDEVADM" start wrong
  exits 3 "start fails for a name that no type of the parent has"
  err_has "$gpu has no type 'GRID M60-5Q'$" "the error names the type"
  err_has "^hint: available types: nvidia-11 \(GRID M60-0B\), " "the hint lists the offered types with names"
  err_lacks "did you mean" "a type of another size is not suggested"
}

# A GPU that mixes sizes and whose framebuffer is used up.
full_framebuffer() {
  local gpu=0000:41:00.0
  run "$MDEVADM" define --need "framebuffer>=4G"
  exits 6 "no type has available instances while virtual functions are off"
  err_has "no available instances of any type with framebuffer>=4G: virtual functions are not enabled$" "the error says why"
  /usr/lib/nvidia/sriov-manage -e $gpu >/dev/null
  nvidia-smi vgpu -i $gpu -shm 1 >/dev/null
  "$MDEVADM" start -p $gpu -t L40S-48Q --uuid aaaaaaaa-0000-4000-8000-000000000001 >/dev/null
  run "$MDEVADM" start -p $gpu -t L40S-4Q
  exits 6 "a full GPU has no capacity for another size"
  err_has "no available instances of 1150 on $gpu: vGPUs use 48G of the 48G of framebuffer$" "the error names the framebuffer"
  err_lacks "shm" "no hint suggests mixed sizes, which are enabled"
  err_has "^hint: stop a device that is not needed; list them: mdevadm list --parent $gpu$" "a hint names what helps"
}

# Another number is not a slip.
other_numbers() {
  local word
  for word in nvidia-19 nvidia-1178 M60-16Q; do
    run "$MDEVADM" define -p 0000:86:00.0 -t $word
    exits 3 "$word is unknown"
    err_lacks "did you mean" "no other type is suggested"
  done
  run "$MDEVADM" define -p 0000:86:00.0 -t nvida-17
  err_has "did you mean 'nvidia-17'\?$" "a slip in the letters is"
}

# Other programs require the kernel's ID of a type.
exported() {
  local gpu=0000:86:00.0
  mkdir -p /etc/mdevadm/devices/$gpu
  printf 'type = "M60-4Q"\nname = "by-name"\n' >/etc/mdevadm/devices/$gpu/aaaaaaaa-0000-4000-8000-000000000001.toml
  run "$MDEVADM" export nodedev by-name
  out_has "<type id='nvidia-17'/>" "export nodedev has the ID of a type that the definition names by the vendor's name"
  "$MDEVADM" export mdevctl by-name 2>/dev/null
  same "$(jq -r .mdev_type /etc/mdevctl.d/$gpu/*)" nvidia-17 "so has export mdevctl"
  same "$("$MDEVADM" start by-name --dry-run --json | jq -r '.jobs[0].type')" nvidia-17 "so has the result of start"
  control fault create 1 EPERM
  run "$MDEVADM" start by-name
  exits 1 "EPERM of NVIDIA's driver is not a lack of instances"
  err_lacks "vfio_ap" "no hint about drivers of IBM Z is printed"
}

# NVIDIA's driver returns EIO for every reason of its resource manager; other drivers have none.
failing() {
  control fault create 1 EIO
  run "$MDEVADM" start -p 0000:86:00.0 -t nvidia-11
  exits 1 "a start fails if NVIDIA's driver returns EIO"
  err_has "the GPU's resource manager refuses to create nvidia-11 on 0000:86:00.0 \(Input/output error\)$" "the error names the resource manager"
  "$MDEVADM" define -p 0000:86:00.0 -t nvidia-11 --name one >/dev/null
  "$MDEVADM" define -p 0000:86:00.0 -t nvidia-22 --name other --force >/dev/null
  "$MDEVADM" start one
  while "$MDEVADM" start -q -p 0000:86:00.0 -t nvidia-11 >/dev/null 2>&1; do :; done
  "$MDEVADM" define -p 0000:86:00.0 -t nvidia-11 --name full --force >/dev/null
  local begin=$SECONDS
  run "$MDEVADM" start full --timeout 20 --json
  exits 6 "start --timeout of a device for which no instance is available has no capacity"
  same "$((SECONDS - begin < 10))" 1 "instances that devices use are not waited for"
  same "$(jq -c '.results[] | [.argument, .name]' <<<"$out")" '["full","full"]' "the JSON result has the argument"
}

late() {
  local gpu=0000:41:00.0
  control functions $gpu 0
  "$MDEVADM" define -p $gpu -t L40S-48Q --name a --auto --force >/dev/null
  control functions $gpu 8
  run "$MDEVADM" start --auto
  exits 0 "start --auto resolves the vendor's name on virtual functions"
  same "$(states)" "a=active" "the device has not drifted, although its type is not offered any more"
  run "$MDEVADM" start a
  exits 0 "start of the active device succeeds"
  run "$MDEVADM" restart a
  exits 0 "restart of the only device succeeds, although the full GPU does not report the name of its type"
  same "$(states)" "a=active" "the device is active again"
}

# Without NVIDIA's table of vGPU types, names and the types that are listed show what a type can be.
sizes() {
  local gpu=0000:41:00.0
  rm /usr/share/nvidia/vgpu/vgpuConfig.xml
  run "$MDEVADM" start -p $gpu -t 0x47d
  exits 0 "a type is accepted as a hexadecimal number"
  local first=$out
  for type in L40S-1Q 'NVIDIA L40S-16Q'; do
    run "$MDEVADM" start -p $gpu -t "$type"
    exits 6 "start refuses another framebuffer size ($type)"
    err_has "has no type '$type' now: another framebuffer size is in use on this GPU \(4G, by device '$first' \(1149\)\)" \
      "the error names the size in use and the device ($type)"
    err_has "^hint: types that can be created now: 1149 \(NVIDIA L40S-4Q\)" "the hint lists what can be created ($type)"
    err_has "^hint: .*: nvidia-smi vgpu -i $gpu -shm 1$" "the hint says how mixed sizes are enabled ($type)"
    err_lacks "did you mean" "no other size is suggested ($type)"
  done
  run "$MDEVADM" start -p $gpu -t 1147
  exits 6 "start refuses a number that is not listed"
  err_has "'1147' now: it is unknown, or another framebuffer size is in use" "the error says what can be wrong with a number"
  run "$MDEVADM" start -p $gpu -t L40-4Q
  exits 3 "a name of another GPU is unknown"
  err_has "^hint: did you mean 'L40S-4Q'" "the hint suggests the name of the same size"
  "$MDEVADM" stop "$first"
  "$MDEVADM" define -p $gpu -t 1147 --name small --auto >/dev/null
  "$MDEVADM" define -p $gpu -t 1150 --name large --auto >/dev/null
  run "$MDEVADM" start --auto
  exits 8 "of two sizes at boot one starts"
  err_has "another framebuffer size is in use on this GPU \([16]G, by device '[^']*' \([0-9]+\)\)" "the error names the reason"
  err_lacks "No space left" "the error is not the one of a full GPU"
}

# With the table.
known_sizes() {
  local gpu=0000:41:00.0 first
  first=$("$MDEVADM" start -p $gpu -t L40S-4Q)
  for type in L40S-6Q nvidia-1150 1150; do
    run "$MDEVADM" start -p $gpu -t $type
    exits 6 "start refuses another framebuffer size ($type)"
    err_has "has no type '$type' now: another framebuffer size is in use on this GPU \(4G, by device '$first' \(1149\)\)$" \
      "the error names the size in use, also for a number ($type)"
    err_lacks "did you mean" "the type itself is not suggested ($type)"
  done
  for type in L40S-16Q 1999; do
    run "$MDEVADM" start -p $gpu -t $type
    exits 3 "an unknown type is not found ($type)"
    err_has "$gpu has no type '$type'$" "the error does not mention sizes ($type)"
  done
  run "$MDEVADM" start -p $gpu -t L40S-4Z
  err_has "^hint: did you mean 'L40S-4Q'" "a similar name is suggested"
  run "$MDEVADM" define -p $gpu -t L40S-48Q --name whole
  exits 0 "define accepts a type of another size"
  run "$MDEVADM" start whole
  exits 6 "start refuses it while the device exists"
  "$MDEVADM" stop "$first"
  run "$MDEVADM" start whole
  exits 0 "start accepts it then"
  run "$MDEVADM" start -p $gpu -t L40S-4Q
  exits 6 "a full GPU has no room for another size"
  err_has ": vGPUs use 48G of the 48G of framebuffer$" "the error names the cause, although the driver does not list the type"
}

addresses() {
  local gpu=0000:41:00.0 uuid
  "$MDEVADM" define -p $gpu -t L40S-4Q --vf 0000:41:00.6 --name seat >/dev/null
  for word in 0000:41:00.6 41:00.6 pci_0000_41_00_6 00000000:41:00.6; do
    run "$MDEVADM" show $word -o name,state
    same "$code $out" "0 $(printf 'name:  seat\nstate: inactive')" "$word means the definition that reserves it"
  done
  run "$MDEVADM" start 41:00.6
  exits 0 "start accepts the address of a reserved virtual function"
  run "$MDEVADM" modify 0000:41:00.6 --auto
  exits 0 "modify accepts the address"
  run "$MDEVADM" group create vm 0000:41:00.6
  exits 0 "group create accepts the address"
  run "$MDEVADM" stop 0000:41:00.6
  exits 0 "stop accepts the address"
  echo 1149 >/sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
  run "$MDEVADM" define 0000:41:00.5 --name adopted
  exits 0 "define adopts the device on a virtual function"
  run "$MDEVADM" undefine 0000:41:00.5
  exits 0 "undefine accepts the address"
  run "$MDEVADM" stop 0000:41:00.7
  exits 3 "a free virtual function does not mean a device"
  err_has "virtual function 0000:41:00.7 of $gpu is free and not reserved$" "the error names the GPU"
  run "$MDEVADM" stop 0000:99:00.0
  exits 3 "another address does not mean a device"
  err_has "no device is on PCI function 0000:99:00.0" "the error says so"
}

# What is said of virtual functions that have no device, and of addresses of nothing.
free_functions() {
  gpu=0000:41:00.0
  run "$MDEVADM" show 41:00.6
  exits 3 "show of a free virtual function fails"
  err_has "virtual function 0000:41:00.6 of $gpu is free and not reserved$" "and names the GPU"
  run "$MDEVADM" list -p 41:00.6
  same "$code $err" "0 mdevadm: no active device matches: virtual function 0000:41:00.6" "list names the virtual function"
  "$MDEVADM" parent set $gpu --reserve 0000:41:00.6
  run "$MDEVADM" show 41:00.6
  err_has "virtual function 0000:41:00.6 of $gpu has no device and is reserved by the settings of the parent$" "a reservation is named"
  err_has "^hint: remove the reservation: mdevadm parent set $gpu --unreserve 0000:41:00.6$" "with the command that removes it"
  echo 0000:41:00.7 >/sys/bus/pci/drivers/nvidia/unbind
  run "$MDEVADM" show 41:00.7
  err_has "virtual function 0000:41:00.7 of $gpu has no device and no usable vGPU interface$" "one without driver is not said to be free"
  run "$MDEVADM" show 0000:99:00.0
  exits 3 "an address of nothing is not found"
  err_has "the host has no PCI function 0000:99:00.0$" "and the error says so"
}

# Before virtual functions are enabled no GPU can take a device, but their maxima are known.
several_off() {
  run "$MDEVADM" define -p any -t 1153
  exits 6 "define refuses a type that no GPU has room for"
  err_has "no available instances of type 1153: virtual functions are not enabled$" "and has the reason"
  err_has "^hint: 0000:01:00.0: SR-IOV virtual functions are not enabled; enable them: /usr/lib/nvidia/sriov-manage -e 0000:01:00.0$" "and a command"
  run "$MDEVADM" define -p any -t 9999
  exits 3 "an unknown type is still not found"
  run "$MDEVADM" define -p any -t L40S-12Q --count 20 --name v --force
  exits 0 "with --force it is defined for later use"
  same "$("$MDEVADM" list --defined --json -o parent | jq -r '.devices[].parent' | sort | uniq -c | awk '{print $1}' | sort | uniq -c | xargs)" \
    "4 2 4 3" "spread over the eight GPUs"
  run "$MDEVADM" define -p any -t L40S-24Q --count 2 --name w --force
  same "$("$MDEVADM" list --defined --json -o parent,name | jq -r '.devices[] | select(.name | startswith("w")) | .parent' | sort -u | wc -l)" 2 \
    "devices that do not fit beside the others are spread, too"
  run "$MDEVADM" define -p 0000:11:00.0 -t L40S-12Q --vf 0000:11:00.1
  exits 3 "an address that will be no virtual function is refused"
  err_has "0000:11:00.0 has no virtual function 0000:11:00.1$" "as such"
  run "$MDEVADM" define -p 0000:11:00.0 -t L40S-12Q --vf 0000:11:00.4
  exits 0 "one that will be is accepted"
}

without_instances() {
  gpu=$("$MDEVADM" types --json | jq -r '.types[0].parent')
  "$MDEVADM" define -p $gpu -t A100D-1-10C --name a >/dev/null
  nvidia-smi mig -i 0 -dgi >/dev/null
  run "$MDEVADM" start a
  exits 6 "without GPU instances the device does not start"
  err_has "no types available: in MIG mode create GPU instances first" "the error says so, also for mediated devices"
}

without_mig() {
  gpu=$("$MDEVADM" types --json | jq -r '.types[0].parent')
  # Q, A and C of one size share the GPU instances of their size.
  before=$("$MDEVADM" types $gpu --json | jq '.types[] | select(.name | endswith("DC-1-12A")) | .available')
  "$MDEVADM" start -p $gpu -t DC-1-12Q >/dev/null
  same "$("$MDEVADM" types $gpu --json | jq '.types[] | select(.name | endswith("DC-1-12A")) | .available')" $((before - 1)) \
    "a device counts against the types of its size of all series"
  "$MDEVADM" stop "$("$MDEVADM" list --json -o uuid | jq -r '.devices[0].uuid')"
  nvidia-smi mig -i 0 -dgi >/dev/null
  /usr/lib/nvidia/sriov-manage -d $gpu >/dev/null
  nvidia-smi -i 0 -mig 0 >/dev/null
  /usr/lib/nvidia/sriov-manage -e $gpu >/dev/null
  wait_until sh -c '"$MDEVADM" types --json | jq -e ".types[0].available > 0" >/dev/null'
  run "$MDEVADM" define -p $gpu -t DC-4-96Q
  exits 6 "without MIG mode there are no types of GPU instances"
  err_has "has no type 'DC-4-96Q' now: it is a type of GPU instances, and MIG mode is off$" "the error says so"
}

"$1"
finish
