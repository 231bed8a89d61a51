# Causes that errors and findings about NVIDIA GPUs name: use by a virtual machine, MIG mode, types with other numbers, other
# drivers, and vGPUs of other programs. The commands of their hints are run.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/cases.sh"
gpu=0000:41:00.0
devices=/sys/bus/pci/devices
mdevadm() { "$MDEVADM" "$@"; }
# finding ID: what check says about it, with the hints.
finding() { mdevadm check --json | jq -r --arg f "$1" '.findings[] | select(.finding == $f) | .severity, .cause, .hints[]'; }
# hint N: the command of the Nth hint of the last run.
hint() { sed -n 's/^hint: //p' <<<"$err" | sed -n "$1p" | sed 's/^[^:]*: //'; }
types_are_listed() { mdevadm types --json | jq -e '[.types[] | select(.available > 0)] != []' >/dev/null; }

# A GPU that a virtual machine has as a whole.
passed_through() {
  mdevadm parent set $gpu --vfs all
  echo $gpu >/sys/bus/pci/drivers/nvidia/unbind
  echo vfio-pci >$devices/$gpu/driver_override
  echo $gpu >/sys/bus/pci/drivers/vfio-pci/bind
  same "$(finding gpu-driver)" "warning
vfio-pci is bound to $gpu (10de:26b9), so it offers no types (expected the driver nvidia)
when no virtual machine uses it, return the GPU to its driver: driverctl unset-override $gpu" "a parent with settings on another driver is a warning"
  "$MDEVSIM" hold $gpu 60 >/dev/null &
  holder=$!
  wait_until sh -c "mdevadm() { \"$MDEVADM\" \"\$@\"; }; mdevadm parent prepare $gpu 2>&1 | grep -q 'in use'"
  run mdevadm parent prepare $gpu
  exits 5 "a GPU that a virtual machine has is in use"
  err_has "cannot prepare '$gpu': the physical function $gpu is in use by .*\(pid $holder\)$" "the process is named"
  err_lacks "unbind" "it is not to be unbound: that blocks"
  kill $holder
  wait $holder 2>/dev/null
  run mdevadm parent prepare $gpu
  exits 4 "without use the driver is the cause"
  eval "$(hint 1)"
  run mdevadm parent prepare $gpu
  exits 0 "as the hint says, it is bound, and prepare succeeds"
}

# A GPU without driver.
unbound() {
  echo $gpu >/sys/bus/pci/drivers/nvidia/unbind
  echo vfio-pci >$devices/$gpu/driver_override
  same "$(finding gpu-no-driver)" "info
no driver is bound to $gpu (10de:26b9), so it offers no types; its driver_override permits only vfio-pci
remove the override: driverctl unset-override $gpu" "the override is the cause"
}

# Types whose numbers a driver update has changed: here the definition has another number.
renumbered() {
  mdevadm define -p $gpu -t L40S-4Q --name seat --auto >/dev/null
  run mdevadm export host
  same "$(grep '^type' <<<"$out")" 'type = "NVIDIA L40S-4Q"' "the description of the host has the name, which the next driver release does not change"
  mdevadm apply -f - --check <<<"$out"
  same $? 0 "the host is as the description says"
  sed -i 's/^type = .*/type = "1149"/' /etc/mdevadm/devices/$gpu/*.toml
  run mdevadm export host
  same "$(grep '^type' <<<"$out")" 'type = "1149"' "of a definition with another name, it has the number"
  run mdevadm start seat
  exits 7 "another type under the number is another guest ABI"
  err_has "^hint: 'NVIDIA L40S-4Q' is now type 1150, so change the definition: mdevadm modify seat -t 'NVIDIA L40S-4Q'$" "the first hint keeps the type"
  same "$(finding abi-differs | head -n 3)" "error
the guest ABI differs from the definition, so the device cannot be started: name: defined 'NVIDIA L40S-4Q', now 'NVIDIA L40S-3Q'
'NVIDIA L40S-4Q' is now type 1150, so change the definition: mdevadm modify seat -t 'NVIDIA L40S-4Q'" "check finds it"
  sed -i 's/^type = .*/type = "9150"/' /etc/mdevadm/devices/$gpu/*.toml
  run mdevadm start seat
  exits 3 "a number that no type has"
  eval "$(hint 1)"
  run mdevadm start seat
  exits 0 "as the hint says, the definition has the new number"
  same "$(mdevadm list -o name,type_name --noheadings | xargs)" "seat NVIDIA L40S-4Q" "the device has the recorded type"
  run mdevadm check seat
  exits 0 "check finds nothing"
}

# vGPUs of another program.
by_hand() {
  control functions $gpu 0
  control functions $gpu 16
  wait_until test -e $devices/0000:41:00.6/nvidia/creatable_vgpu_types
  for vf in 4 5; do echo 1150 >$devices/0000:41:00.$vf/nvidia/current_vgpu_type; done
  mdevadm start -q -p $gpu -t 1150 >/dev/null
  mdevadm parent set $gpu --vfs all
  run mdevadm parent prepare $gpu
  exits 5 "vGPUs of any program are use"
  err_has "^hint: stop its devices: mdevadm stop 0000:41:00.6$" "those of mdevadm can be stopped"
  err_has "^hint: remove the vGPUs of another program with that program, or adopt each first: mdevadm define 0000:41:00.4 && mdevadm stop 0000:41:00.4$" "the others are adopted first"
  for _ in 6 4 5; do
    run mdevadm parent prepare $gpu
    eval "$(hint 1)" >/dev/null
  done
  run mdevadm parent prepare $gpu
  exits 0 "as the hints say, all are removed"
  # All vGPUs are named, however many: stop --all omits transient ones.
  mdevadm start -q -p $gpu -t 1150 --count 9 >/dev/null
  mdevadm parent set $gpu --run 'true'
  run mdevadm parent prepare $gpu
  eval "$(hint 1)"
  run mdevadm parent prepare $gpu
  exits 0 "nine devices are stopped by the command of the hint"
}

adopted() {
  echo 1171 2>/dev/null >$devices/0000:41:00.4/nvidia/current_vgpu_type || echo 1149 >$devices/0000:41:00.4/nvidia/current_vgpu_type
  mdevadm define 0000:41:00.4 --name a
  echo 0 >$devices/0000:41:00.4/nvidia/current_vgpu_type
  echo 1150 >$devices/0000:41:00.4/nvidia/current_vgpu_type
  same "$(finding drift)" "" "a device of another program is not compared with the definition"
  holds "it is on the virtual function of the definition" test -n "$(finding vf-taken)"
  run mdevadm define 0000:41:00.4
  exits 4 "it is not adopted for a definition of another type"
  eval "$(hint 2)"
  same "$(finding drift)$(finding vf-taken)" "" "as the hint says, it is adopted"
  run mdevadm restart a
  exits 0 "and it can be restarted"
}

# Why definitions cannot start on their virtual function.
functions_gone() {
  mdevadm define -p $gpu -t 1150 --vf 0000:41:02.0 --name far --auto >/dev/null
  mdevadm define -p $gpu -t 1150 --vf 0000:41:00.4 --name near --auto >/dev/null
  control functions $gpu 0
  control functions $gpu 8
  wait_until test -e $devices/0000:41:01.3/nvidia/creatable_vgpu_types
  mdevadm start near
  same "$(finding vf-unusable | head -n 2)" "error
$gpu has no virtual function 0000:41:02.0 now (8 of 32 are enabled), so the device cannot be started" "a virtual function that does not exist now"
  mdevadm parent set $gpu --reserve 0000:41:00.4 2>/dev/null
  same "$(finding vf-withheld | head -n 2)" "error
virtual function 0000:41:00.4 is reserved by the settings of $gpu, so 'near' cannot be started again" "a reservation, while the device is active"
}

# An absent parent.
absent() {
  local old=0000:99:00.0
  mdevadm define --force -p $old -t 1150 --name a >/dev/null
  mdevadm group create vm a >/dev/null
  mdevadm parent set $old --vfs all --force
  same "$(finding parent-missing | tail -n 1)" "remove the definition: mdevadm undefine a --force" "the hint removes a member of a group"
  same "$(finding parent-unprepared | sed -n 3p)" "remove its settings: mdevadm parent unset $old" "settings of an absent parent can be removed"
  mdevadm export host >/etc/mdevadm/host.toml
  run mdevadm diff
  exits 9 "a host without a parent is not as described"
  err_has "cannot prepare '$old': no such device on this host" "the parent is named"
  rm /etc/mdevadm/host.toml
  mdevadm undefine a --force
  mdevadm parent unset $old
  run mdevadm check
  exits 0 "as the hints say, no finding remains"
  mdevadm define -p $gpu -t 1150 --name b >/dev/null
  mkdir -p /etc/mdevadm/devices/$old
  mv /etc/mdevadm/devices/$gpu/*.toml /etc/mdevadm/devices/$old
  same "$(finding parent-missing | sed -n 2p)" \
    "parent '$old' of definition 'b' does not exist; $gpu has the recorded PCI ID 10de:26b9" "the recorded GPU is found"
  same "$(finding parent-missing | sed -n 3p)" "if the device has moved, move the definition: mdevadm modify b --new-parent $gpu" "with the command that moves the definition"
  run mdevadm modify b --new-parent $gpu
  exits 0 "which can be run"
  run mdevadm check
  exits 0 "no finding remains"
}

# define_as NUMBER OPTIONS...: a definition with a UUID that has its place in the order of definitions.
define_as() { mdevadm define "aaaaaaaa-0000-4000-8000-00000000000$1" "${@:2}"; }

# A board of which GPUs are missing: their definitions are moved to GPUs that have room for them.
half() {
  local old=0000:52:00.0 name i
  define_as 1 -q -p 0000:40:00.0 -t A16-8Q --name r-1 --auto
  define_as 2 -q -p 0000:40:00.0 -t A16-8Q --name r-2 --auto
  mdevadm define -q -p 0000:42:00.0 -t A16-8Q --name p --count 2 --auto
  mdevadm define -q -p 0000:43:00.0 -t A16-4Q --name q --auto
  mv /etc/mdevadm/devices/0000:42:00.0 /etc/mdevadm/devices/$old
  same "$(finding parent-missing | sed -n 's/^if the device has moved.*--new-parent //p' | sort)" "0000:41:00.0
0000:42:00.0" "each definition has a GPU of its own, not the first one, which is full"
  for name in p-1 p-2; do
    eval "$(finding parent-missing | sed -n "s/^if the device has moved.*: \(mdevadm modify $name .*\)/\1/p")"
  done
  run mdevadm start --auto
  exits 0 "as the hints say, all devices start"
  mdevadm stop -q --all
  run mdevadm modify p-1 --new-parent 0000:40:00.0
  err_has "warning: 'p-1' .*: 0000:40:00.0 can have at most 2 instances of nvidia-714, and other definitions with autostart need them: 'r-1', 'r-2'," \
    "modify --new-parent warns of a GPU that is full"
  run mdevadm modify q --new-parent 0000:40:00.0
  err_has "warning: 'q' .*: 0000:40:00.0 has vGPUs of one framebuffer size at a time unless it is set to mix sizes, and other definitions with autostart need 8G, not 4G: " \
    "and of one with another size"
  mdevadm modify -q p-1 --new-parent $old --force 2>/dev/null
  mdevadm undefine -q p-2
  for i in 1 2 3; do mdevadm define -q -p 0000:4$i:00.0 -t A16-8Q --name s$i --count 2; done
  same "$(finding parent-missing | grep -c 'have the recorded PCI ID 10de:25b6, but no available instances for the device beside the other definitions$')" 1 "if none has room, the finding says so"
  same "$(finding parent-missing | grep -c -- '--new-parent')" 0 "and names none"
}

# Definitions with autostart of which a GPU cannot have all devices.
capacity() {
  local i
  for i in 1 2 3 4 5 6; do define_as $i -q -p $gpu -t L40S-8Q --name a$i --auto; done
  same "$(finding autostart-capacity)" "" "6 devices of 8G fit"
  run define_as 7 -p $gpu -t L40S-8A --name a7 --auto
  err_has "warning: '.*7': $gpu can have at most 6 instances of 1162, and other definitions with autostart need them: 'a1', 'a2', 'a3', 'a4', and 2 more, so not all of them can be started at boot$" \
    "define warns of the seventh, whatever its series"
  same "$(finding autostart-capacity | sed -n '1p;3p')" "error
disable autostart of one of them: mdevadm modify a7 -p $gpu --manual" "check finds one that is too much"
  eval "$(finding autostart-capacity | sed -n '3s/^[^:]*: //p')"
  same "$(finding autostart-capacity)" "" "as the hint says, autostart is disabled"
  mdevadm group create vm a7 --auto
  same "$(finding autostart-capacity | sed -n 3p)" "disable autostart of its group: mdevadm group modify vm --manual" "a group starts its members, too"
  eval "$(finding autostart-capacity | sed -n '3s/^[^:]*: //p')"
  same "$(finding autostart-capacity)" "" "as the hint says, not any longer"
  run define_as 8 -p $gpu -t L40S-24Q --name b --auto
  err_has "warning: '.*8': $gpu has vGPUs of one framebuffer size at a time unless it is set to mix sizes, and other definitions with autostart need 8G, not 24G: 'a1', " \
    "define warns of another size"
  same "$(finding autostart-capacity | head -n 1)" warning "which the GPU may be set to mix"
  mdevadm start -q a1
  same "$(finding autostart-capacity | sed -n '1,2p')" "error
$gpu has vGPUs of one framebuffer size at a time, and other definitions with autostart need 8G, not 24G: 'a1', 'a2', 'a3', 'a4', and 2 more, so not all of them can be started at boot" \
    "unless its vGPUs show that it does not"
  mdevadm stop -q a1
  eval "$(finding autostart-capacity | sed -n 's/^to mix sizes, [^:]*: //p')"
  same "$(finding autostart-capacity | sed -n '1,2p')" "error
$gpu has 48G of framebuffer, and other definitions with autostart need 48G of it: 'a1', 'a2', 'a3', 'a4', and 2 more, so not all of them can be started at boot" \
    "a GPU with mixed sizes has room for the sum of them"
  mdevadm undefine -q a1 a2 a3
  same "$(finding autostart-capacity)" "" "which fits then"
}
capacity_mdev() {
  local first
  mdevadm define -q -p $gpu -t L40S-24Q --name a --count 2 --auto
  run mdevadm define -p $gpu -t L40S-24Q --name b --auto
  err_has "warning: 'b' .*: $gpu can have at most 2 instances of" "mediated devices on virtual functions likewise"
  first=$(finding autostart-capacity | head -n 1)
  same "$first" error "check finds it"
}
capacity_legacy() {
  gpu=0000:86:00.0
  mdevadm define -q -p $gpu -t 'GRID M60-4Q' --name a --auto
  run mdevadm define -p $gpu -t 'GRID M60-1Q' --name b --auto
  err_has "warning: 'b' .*: $gpu has vGPUs of one framebuffer size at a time, and other definitions with autostart need 4G, not 1G: 'a', so" "GPUs without virtual functions never mix sizes"
  same "$(finding autostart-capacity | head -n 1)" error "check finds it"
  same "$(finding autostart-capacity | grep -c 'mix sizes')" 0 "and no hint to mix them"
}
capacity_mig() {
  mdevadm define -q -p $gpu -t A100D-3-40C --name a --count 3 --auto --force
  mdevadm define -q -p $gpu -t A100D-1-10C --name b --count 3 --auto --force
  same "$(finding autostart-capacity)" "" "vGPUs of GPU instances are not counted"
}

# A definition has the properties of mediated devices, and its GPU has virtual functions without them.
successor() {
  mdevadm define -q -p $gpu -t L40S-4Q --name a --auto
  local file
  file=$(ls /etc/mdevadm/devices/$gpu/*.toml)
  printf 'description = "num_heads=4"\nmigration_version = "570"\n' >>"$file"
  run mdevadm modify a --accept-abi
  exits 0 "the present ABI is recorded"
  same "$(grep -c '^description\|^migration_version' "$file")" 0 "without properties that do not exist any longer"
  printf 'description = "num_heads=4"\n' >>"$file"
  run mdevadm modify a -t L40S-6Q
  exits 0 "another type is recorded"
  same "$(grep -c '^description' "$file")" 0 "with its own properties only"
  run mdevadm start a
  exits 0 "the device starts"
}

# Fewer virtual functions than the GPU supports.
few() {
  mdevadm define -q -p $gpu -t L40S-12Q --name vm --count 3 --auto
  control functions $gpu 0
  control functions $gpu 2
  wait_until types_are_listed
  wait_until test "$(mdevadm show $gpu --json | jq '[.parents[0].functions[] | select(.driver == null)] | length')" -ge 0
  mdevadm start -q vm-1 vm-2
  local enable="while the GPU has no vGPU, enable all 32 virtual functions: mdevadm parent set $gpu --vfs all && mdevadm parent prepare $gpu"
  same "$(finding parent-notice)" "info
each of the 2 enabled virtual functions has a vGPU; the GPU supports 32
$enable
show the parent: mdevadm show $gpu" "check says that all are in use, not that the GPU is full"
  run mdevadm start -p $gpu -t L40S-12Q
  exits 6 "no further device can be started"
  err_has "no available instances of 1153 on $gpu: each of the 2 enabled virtual functions has a vGPU; the GPU supports 32$" "with this cause"
  same "$(sed -n 's/^hint: //p' <<<"$err" | head -n 1)" "$enable" "and the command"
  same "$(finding vf-unusable)" "error
$gpu has no virtual function 0000:41:00.6 now (2 of 32 are enabled), so the device cannot be started
$enable
show the virtual functions of the parent: mdevadm show $gpu" "a definition whose virtual function is missing needs it"
  mdevadm stop -q --all
  control functions $gpu 0
  control functions $gpu 2
  eval "${enable#*: }"
  run mdevadm start --auto
  exits 0 "as the hint says, all devices start"
}

# A notice that is not a problem does not explain a parent that is not as its settings say.
unrelated() {
  mdevadm define -q -p $gpu -t L40S-12Q --name a --auto
  mdevadm start -q a
  mdevadm parent set $gpu --run "nvidia-smi vgpu -i $gpu -shm 1"
  same "$(finding parent-notice | head -n 1)" info "the GPU has a notice"
  same "$(finding parent-unprepared | sed -n '1,2p')" "warning
$gpu does not match its settings: not run since boot: nvidia-smi vgpu -i $gpu -shm 1" "and is unprepared"
  run mdevadm check $gpu
  exits 8 "check says so by its exit status"
}

# A definition that is removed while its device is active.
orphan() {
  local uuid
  uuid=$(mdevadm define -p $gpu -t L40S-4Q --name a)
  mdevadm start -q a
  run mdevadm undefine a
  exits 0 "the definition is removed"
  err_has "^mdevadm: 'a' \($uuid\) is active and remains so without its definition; to stop it: mdevadm stop $uuid$" "a note says that the device is active"
  mdevadm stop "$uuid"
  mdevadm define -q -p $gpu -t L40S-4Q --name b
  run mdevadm undefine b
  same "$err" "" "there is none about an inactive device"
}

# A card of another model in the same slot.
other_card() {
  local file
  mdevadm define -q -p $gpu -t L40S-8Q --name a --auto
  file=$(ls /etc/mdevadm/devices/$gpu/*.toml)
  sed -i 's/^type = .*/type = "952"/; s/^name = "NVIDIA.*/name = "NVIDIA L40-8Q"/; s/^pci_id = .*/pci_id = "10de:26b5"/' "$file"
  same "$(finding type-missing | head -n 3)" "error
$gpu has no type '952': it is 10de:26b9, and the definition was made for 10de:26b5
take its type of the same size: mdevadm modify a -t 'NVIDIA L40S-8Q'" "check names the cards"
  run mdevadm start a
  exits 3 "the device cannot be started"
  err_has "$gpu has no type '952' now: it is 10de:26b9, and the definition was made for 10de:26b5$" "start names them, too"
  eval "$(finding type-missing | sed -n '3s/^[^:]*: //p')"
  run mdevadm start a
  exits 0 "as the hint says, it has the type of the new card"
}

# A GPU that has its maximum, and one that could mix sizes.
used_up() {
  local i
  mdevadm define -q -p $gpu -t L40S-24Q --name a --count 2 --auto
  mdevadm define -q -p $gpu -t L40S-24Q --name b --vf any --auto --force 2>/dev/null
  run mdevadm start a-1 a-2 b
  err_has "no available instances of 1155.*: the GPU has 2 vGPUs of this size, its maximum" "the maximum is the cause"
  mdevadm stop -q --all
  run mdevadm define -p $gpu -t L40S-4Q --count 2 --name c
  exits 6 "another size does not fit beside definitions"
  err_lacks "mixes sizes|mix sizes" "a GPU without room for both has no such hint"
  mdevadm undefine -q a-2 b
  run mdevadm define -p $gpu -t L40S-4Q --count 2 --name c
  exits 6 "another size does not fit beside one of them"
  err_has "^hint: to mix sizes, .*: mdevadm parent set $gpu --run 'nvidia-smi vgpu -i $gpu -shm 1'$" "unless sizes are mixed"
  eval "$(sed -n 's/^hint: to mix sizes, [^:]*: //p' <<<"$err")"
  run mdevadm define -p $gpu -t L40S-4Q --count 2 --name c
  exits 0 "as the hint says, they do"
}
used_up_mdev() {
  mdevadm define -q -p $gpu -t L40S-24Q --name a --count 2
  mdevadm define -q -p $gpu -t L40S-24Q --name b --vf any --force 2>/dev/null
  run mdevadm start a-1 a-2 b
  err_has "no available instances of .*: the GPU has 2 vGPUs of this size, its maximum" "the maximum is the cause with mediated devices"
}

# Spellings of addresses.
addresses() {
  same "$(mdevadm types 41:0.0 -n -o type)" "$(mdevadm types $gpu -n -o type)" "lspci's short form of an address is accepted"
  run mdevadm show 0000:41:00.9
  exits 3 "a function that no device has"
  err_has "the host has no PCI function 0000:41:00.9$" "is named"
  err_has "^hint: list the virtual functions of $gpu: mdevadm show $gpu$" "with the GPU on this bus"
  run mdevadm show 41:1f.7
  err_has "^hint: list the virtual functions of $gpu: mdevadm show $gpu$" "likewise for one that the GPU does not have"
}

# A card that was moved to another slot: definitions get its new address.
moved() {
  local old=0000:99:00.0 uuid
  uuid=$(mdevadm define --force -p $old -t L40S-4Q --vf 0000:99:00.4 --name a --auto)
  local file=/etc/mdevadm/devices/$old/$uuid.toml new=/etc/mdevadm/devices/$gpu/$uuid.toml
  sed -i '1i # of the lecture hall' "$file"
  printf 'members = ["%s/%s"]\n' $old "$uuid" >/etc/mdevadm/groups/vm.toml 2>/dev/null ||
    { mkdir -p /etc/mdevadm/groups && printf 'members = ["%s/%s"]\n' $old "$uuid" >/etc/mdevadm/groups/vm.toml; }
  run mdevadm modify a -p $gpu
  exits 2 "the option --parent alone is not a change"
  run mdevadm modify a -p $gpu --auto
  exits 3 "the option --parent selects a definition"
  err_has "^hint: move the definition from $old to this parent: mdevadm modify a --new-parent $gpu$" "the hint names the option that moves it"
  run mdevadm modify a --new-parent 0000:98:00.0
  exits 3 "the new parent must exist"
  run mdevadm modify a --new-parent $gpu -t L40S-5Q
  exits 3 "and have the type"
  run mdevadm modify a --new-parent $gpu --dry-run
  exits 0 "a dry run"
  out_has "parent: $old -> $gpu" "shows the parents"
  out_has "vf: 0000:99:00.4 -> 0000:41:00.4" "and the virtual functions"
  same "$(cat "$file" | head -n 1)" "# of the lecture hall" "and changes nothing"
  run mdevadm modify a --new-parent $gpu --json
  exits 0 "the definition is moved"
  same "$(ls /etc/mdevadm/devices) $(head -n 1 "$new")" "$gpu # of the lecture hall" "its file moves with its comments"
  same "$(mdevadm list --all --json -o name,parent,vf,type,group | jq -c '.devices[]')" \
    "{\"name\":\"a\",\"parent\":\"$gpu\",\"vf\":\"0000:41:00.4\",\"type\":\"1150\",\"group\":\"vm\"}" "a virtual function is chosen, and it stays in its group"
  run mdevadm start a
  exits 0 "it can be started"
  run mdevadm modify a --new-parent $old --force
  exits 4 "the definition of an active device is not moved"
  eval "$(hint 1)"
  run mdevadm modify a --new-parent $old --vf 0000:99:00.5 --force
  exits 0 "as the hint says, it is stopped, and moved to an absent parent with --force"
  same "$(sed -n 's/^vf = //p' "$file")" '"0000:99:00.5"' "with the given virtual function"
  sed -i 's/^pci_id = .*/pci_id = "10de:26b5"/' "$file"
  printf '[abi]\npci_id = "10de:26b5"\n' >>"$file"
  run mdevadm modify a --new-parent $gpu
  exits 7 "another guest ABI is refused"
  run mdevadm modify a --new-parent $gpu --vf 0000:41:00.7 --accept-abi
  exits 0 "and recorded with --accept-abi"
  mdevadm define --force "$uuid" -p $old -t 1150 >/dev/null
  run mdevadm modify a --new-parent $old --force
  exits 4 "a parent that defines the device is refused"
}

# Attributes of the directory nvidia.
placement() {
  run mdevadm define -p $gpu -t L40S-4Q --attr placement_id=4
  exits 2 "an attribute without its directory is refused"
  err_has "NVIDIA's driver has no attribute 'placement_id' \\(expected nvidia/placement_id\\)$" "the directory is named"
  err_has "^hint: set it with --attr nvidia/placement_id=4$" "with the option"
  mdevadm define -p $gpu -t L40S-4Q --attr nvidia/placement_id=4 --name a >/dev/null
  run mdevadm modify a --attr vgpu_params=frame_rate_limiter=0
  exits 2 "also by modify"
  run mdevadm modify a --attr nvidia/vgpu_params=frame_rate_limiter=0
  exits 0 "which accepts it with the directory"
}

# Virtual functions that settings reserve are not available, and a driver of another purpose is not a finding.
reserved() {
  available() { mdevadm types $gpu --json | jq '.types[] | select(.name == "NVIDIA L40S-1Q") | .available'; }
  same "$(available)" 32 "all virtual functions are available"
  mdevadm parent set $gpu --reserve 0000:41:00.4 --reserve 0000:41:00.5
  same "$(available)" 30 "reserved ones are not"
  out=$(mdevadm status)
  out_has "1147: <=30" "status counts and marks upper limits like types"
  mdevadm status --json | jq -e '.parents[0].instances[] | select(.name == "NVIDIA L40S-1Q") | .available == 30 and .available_is_limit' >/dev/null
  same $? 0 "also in JSON"
  echo 0000:41:00.5 >/sys/bus/pci/drivers/nvidia/unbind
  same "$(finding parent-notice)" "" "a reserved virtual function of another driver is not a finding"
  echo 0000:41:00.6 >/sys/bus/pci/drivers/nvidia/unbind
  mdevadm start -p $gpu -t L40S-1Q >/dev/null
  same "$(finding parent-notice | tail -n 2 | head -n 1)" \
    "until then, exclude the virtual function: mdevadm parent set $gpu --reserve 0000:41:00.6" "the hint names one that is not reserved"
  run mdevadm parent set $gpu --run "nosuchprogram -x" --run "sh -c true"
  exits 0 "a command of an absent program is set"
  err_has "warning: '$gpu': program 'nosuchprogram' is not installed on this host" "with a warning"
  err_lacks "program 'sh'" "not of those that exist"
}

# A GPU without any type, in MIG mode without GPU instances: nothing shows whether these are missing or nvidia-vgpud has not run.
no_types() {  # TYPE GPU
  local why="no types available: in MIG mode create GPU instances first (nvidia-smi mig -cgi); otherwise check that nvidia-vgpud has run"
  mdevadm define -p "$2" -t "$1" --name a --auto --force >/dev/null
  nvidia-smi mig -dgi >/dev/null
  local log starting
  log=$(mktemp)
  mdevadm start --auto --timeout 60 2>"$log" & starting=$!
  wait_until grep -q retrying "$log"
  same "$(grep -c "no available instances of .*$1 on $2: ${why//[()]/.}; retrying for up to" "$log")" 1 "the message while waiting has the reason"
  same "$(mdevadm list --boot -o name,message -n | grep -c "^a .*${why//[()]/.}")" 1 "list --boot, too"
  nvidia-smi mig -i "$2" -cgi 9,14,19,19 >/dev/null
  wait $starting
  same "$?" 0 "the device starts when GPU instances exist"
  rm "$log"
  mdevadm stop a
  nvidia-smi mig -dgi >/dev/null
  run mdevadm start a
  exits 6 "without them it has no available instances"
  err_has "on $2: ${why//[()]/.}$" "the error has the reason"
  err_lacks "hint: no types" "once"
  mdevadm undefine a
}
no_types_without_mdev() { no_types 1414 0000:1b:00.0; }
no_types_with_mdev() { no_types nvidia-699 $gpu; }

# MIG mode: as a cause in both directions and with both interfaces.
mig_on() {
  run mdevadm start -p $gpu -t A100D-40C
  exits 6 "the type cannot be created"
  err_has "it is not a type of GPU instances, and MIG mode is on$" "MIG mode is the cause"
  err_has "^hint: while the GPU has no vGPU, disable MIG mode: /usr/lib/nvidia/sriov-manage -d $gpu && .*nvidia-smi -i $gpu -mig 0 && /usr/lib/nvidia/sriov-manage -e $gpu$" \
    "with the commands: the driver refuses it while virtual functions are enabled"
  local commands
  commands=$(hint 1)
  mdevadm define --force -p $gpu -t A100D-40C --name a --auto >/dev/null
  same "$(finding mig-mode | head -n 2 | tail -n 1 | grep -o 'it is not a type.*')" "it is not a type of GPU instances, and MIG mode is on" "check finds it"
  run bash -c "$commands"
  exits 0 "the commands of the hint disable MIG mode"
  run mdevadm start a
  exits 0 "so that the device starts"
}
# Without mediated devices, the driver does not list the types that MIG mode excludes, and a number says nothing.
mig_by_number() {  # NUMBER CAUSE
  run mdevadm start -p $gpu -t "$1"
  exits 6 "the type cannot be created"
  err_has "$gpu has no type '$1' now: $2$" "MIG mode is the cause, as for a name"
  run mdevadm define --force -p $gpu -t "$1" --name a --auto
  err_has "warning: .*type $1 cannot be created on $gpu now: $2$" "define warns"
  same "$(finding mig-mode | sed -n 2p)" "type '$1' cannot be created on $gpu: $2" "check finds it"
  mount -t tmpfs none /usr/share/nvidia/vgpu
  run mdevadm start -p $gpu -t "$1"
  exits 3 "without NVIDIA's table the number is unknown"
}
mig_on_by_number() { mig_by_number 697 "it is not a type of GPU instances, and MIG mode is on"; }
mig_off_by_number() { mig_by_number 699 "it is a type of GPU instances, and MIG mode is off"; }

# The number of a MIG type says nothing; the recorded name does.
mig_number() {
  mdevadm define --force -p $gpu -t 699 --name numbered >/dev/null
  printf '\n[abi]\nname = "GRID A100D-1-10C"\n' >>/etc/mdevadm/devices/$gpu/"$(mdevadm list --defined --json -o uuid | jq -r '.devices[].uuid')".toml
  run mdevadm start numbered
  exits 6 "the type of a GPU instance cannot be created"
  err_has "it is a type of GPU instances, and MIG mode is off$" "MIG mode is named as the cause"
}
mig_off() {
  run mdevadm start -p $gpu -t A100D-2-20C
  exits 6 "the type cannot be created"
  err_has "it is a type of GPU instances, and MIG mode is off$" "MIG mode is the cause"
}
mig_full() {
  mdevadm define -p $gpu -t A100D-3-40C --name a >/dev/null
  mdevadm define -p $gpu -t A100D-3-40C --name b >/dev/null
  mdevadm define -p $gpu -t A100D-3-40C --name c >/dev/null
  run mdevadm start a b c
  err_lacks "resource manager" "a GPU instance that is used up is not an unknown error"
  err_has "no available instances" "but a lack of instances"
}
mig_instances() {
  gpu=$(mdevadm types --json | jq -r '.types[0].parent')
  mdevadm start -q -p "$gpu" -t 1558 >/dev/null
  run mdevadm start -p "$gpu" -t 1561 --count 2
  exits 6 "it does not fit"
  err_has "no GPU instance \(MIG\) of .* has available instances of it" "the GPU instance is the cause"
  err_lacks "framebuffer size|-shm 1" "types of GPU instances have no common size"
}

# GPU instances that come one after the other while a start waits, with and without NVIDIA's table of types.
mig_late() {
  gpu=$(mdevadm types --json | jq -r '.types[0].parent')
  mdevadm define -q -p "$gpu" -t "$1" --name one --auto
  mdevadm define -q -p "$gpu" -t "$1" --name two --auto
  nvidia-smi mig -i "$gpu" -dgi >/dev/null
  [ "${2:-}" = "" ] || mount -t tmpfs none /usr/share/nvidia/vgpu
  { sleep 0.5 && nvidia-smi mig -i "$gpu" -cgi 19 && sleep 1 && nvidia-smi mig -i "$gpu" -cgi 19; } >/dev/null &
  run mdevadm start --auto --timeout 20
  wait
  exits 0 "both devices are started when their GPU instances exist"
  mdevadm define -q -p "$gpu" -t "$1" --name three
  run mdevadm start three
  exits 6 "without --timeout, a missing GPU instance is an error"
}
mig_late_n1() { mig_late 1414; }
mig_late_without_table() { mig_late 1414 hidden; }
mig_late_mdev() { mig_late nvidia-699; }

# Which GPU instance is missing.
mig_missing() {
  gpu=$(mdevadm types --json | jq -r '.types[0].parent')
  mdevadm start -q -p "$gpu" -t H200X-1-18C >/dev/null
  mdevadm define -q -p "$gpu" -t H200X-7-141C --name whole
  run mdevadm start whole
  exits 6 "it has no instance"
  err_has "no available instances of 1419 on $gpu: no GPU instance \(MIG\) of 7 slices exists$" "the instance is named"
  err_has "^hint: create a GPU instance with the ID of a profile: nvidia-smi mig -i $gpu -cgi ID$" "with the command"
  same "$(finding mig-instance | head -n 2)" "warning
type '1419' cannot be created on $gpu now: no GPU instance (MIG) of 7 slices exists" "check finds it"
}
mig_sizes() {
  gpu=$(mdevadm types --json | jq -r '.types[0].parent')
  local last
  while mdevadm start -q -p "$gpu" -t DC-1-24Q 2>/dev/null >>/tmp/started; do :; done
  last=$(tail -n 1 /tmp/started)
  mdevadm stop -q "$last"
  mdevadm start -q -p "$gpu" -t DC-1-6Q >/dev/null
  mdevadm define -q -p "$gpu" -t DC-1-8Q --name a
  local cause='no GPU instance (MIG) of 1 slice has available instances of it (in use by vGPUs of 6G, 24G)'
  run mdevadm start a
  same "$(head -n 1 <<<"$err" | grep -o 'no GPU instance.*')" "$cause" "the sizes in use are named"
  same "$(finding mig-instance | sed -n 2p | grep -o 'no GPU instance.*')" "$cause" "check finds it"
}

# Two framebuffer sizes that one command starts, with mdev: the first error has the cause.
two_sizes() {
  gpu=$(mdevadm types --json | jq -r '.types[0].parent')
  mdevadm define -q -p "$gpu" -t "$1-4Q" --name a --auto
  mdevadm define -q -p "$gpu" -t "$1-8Q" --name b --auto
  run mdevadm start a b
  exits 8 "one of two sizes starts"
  err_has "cannot start 'b' .*: another framebuffer size is in use on this GPU \(4G, by device" "the error names the size in use"
  mdevadm stop --all
  run mdevadm start --auto
  same "$(mdevadm list --boot --json | jq -r '.devices[].boot_message // empty' | grep -o 'another framebuffer size')" \
    "another framebuffer size" "and so does the result of the start at boot"
}
two_sizes_a40() { two_sizes A40; }
two_sizes_t4() { two_sizes T4; }

# A recycled number is found before a lack of instances.
recycled() {
  mdevadm define -q -p $gpu -t L40S-4Q --name seat
  sed -i 's/^type = .*/type = "1149"/' /etc/mdevadm/devices/$gpu/*.toml
  mdevadm start -q -p $gpu -t L40S-4Q >/dev/null
  run mdevadm start seat
  exits 7 "the number of another type"
  err_has "^hint: 'NVIDIA L40S-4Q' is now type 1150" "is the cause, also beside a vGPU of another size"
  err_lacks "shm" "and not the size"
}

# The maximum of a type does not depend on what runs.
maxima() {
  local before
  maxima_now() { mdevadm types --json | jq -c '[.types[] | {type, maximum}] | sort_by(.type)'; }
  before=$(maxima_now)
  mdevadm start -q -p $gpu -t L40S-4Q >/dev/null
  same "$(maxima_now)" "$before" "the maxima are those of the idle GPU"
}

# mdevctl knows only parents of mediated devices.
as_mdevctl() {
  ln -s "$MDEVADM" /tmp/mdevctl
  for type in 1149 nvidia-1149; do
    run /tmp/mdevctl start -p $gpu -t $type
    exits 1 "start -t $type is refused"
    err_has "Unable to find parent device '$gpu'" "mdevctl does not know the GPU"
  done
  same "$(cat $devices/0000:41:00.4/nvidia/current_vgpu_type)" 0 "no vGPU was created"
  rm /tmp/mdevctl
}

# A time-sliced type in MIG mode, of which the driver reports no instances.
ts_in_mig() {
  run mdevadm define -p $gpu -t nvidia-696 --name ts
  exits 0 "a time-sliced type can be defined in MIG mode"
  err_has "warning: 'ts' .*: type nvidia-696 cannot be created on $gpu now: it is not a type of GPU instances, and MIG mode is on$" "with a warning"
}

# Names of types in other tools.
spellings() {
  for type in '1149 (NVIDIA L40S-4Q)' 'NVIDIA_L40S-4Q' 'GRID L40S-4Q'; do
    run mdevadm define -p $gpu -t "$type"
    exits 3 "the spelling '$type' is refused"
    err_has "^hint: did you mean '(NVIDIA )?L40S-4Q'" "the name is suggested"
  done
}

# Words of commands.
words() {
  run mdevadm define -p $gpu -t 1150 --count 1 --ignore-defined --name one
  exits 0 "--count 1 is a count"
  run mdevadm define -p 41:00.5 --vf 41:00.7 -t 1150
  exits 2 "two virtual functions"
  err_has "--parent and --vf name different virtual functions \(0000:41:00.5 and 0000:41:00.7\)$" "are named"
  run mdevadm define -p 41:00.5 -t 1150 --count 2
  exits 2 "several devices on one virtual function"
  err_has "^hint: specify the GPU as the parent: --parent $gpu$" "the hint names the GPU"
  run mdevadm parent set 0000:41.00.0 --vfs all
  exits 3 "a mistyped parent"
  err_has "^hint: did you mean '$gpu'" "the parent is suggested"
  err_lacks "force" "and not to write settings of the word"
  for need in type=nvidia-1150 name=L40S-4Q type=1150; do
    same "$(mdevadm types --need $need --json | jq -r '.types[].name')" "NVIDIA L40S-4Q" "--need $need selects the type"
  done
  run mdevadm parent set $gpu --run 'nvidia-smi -pm 1 && true'
  err_has "'&&' is passed to nvidia-smi as an argument, because commands are run without a shell" "words for a shell are a warning"
  mdevadm define -p $gpu -t 1150 --attr nvidia/placement_id=1 --name p >/dev/null
  sed -i "s,nvidia/placement_id,placement_id," /etc/mdevadm/devices/$gpu/*.toml
  run mdevadm start p
  err_has "^hint: did you mean 'nvidia/placement_id'" "an attribute of the driver"
  printf 'reserved = ["0000:42:01.0"]\n' >/etc/mdevadm/parents/$gpu.toml
  run mdevadm parent prepare $gpu
  eval "$(hint 1)"
  run mdevadm parent prepare $gpu
  exits 0 "a reservation of another GPU is removed as the hint says"
}
mixed() {
  mdevadm start -q -p $gpu -t L40S-4Q >/dev/null
  mdevadm define -p $gpu -t L40S-4Q --attr nvidia/placement_id=1 --name p >/dev/null
  run mdevadm start p
  exits 1 "a placement that the type cannot have"
  err_has "the driver rejects the placement" "is named"
  err_has "^hint: show the placements in use: grep . /sys/bus/pci/devices/\*/nvidia/placement_id$" "with those in use"
}
# Placements that two definitions exchange, and one that the driver refuses.
exchanged() {
  mdevadm define -q -p $gpu -t L40S-2Q --name a
  mdevadm define -q -p $gpu -t L40S-2Q --name b
  mdevadm start -q a b
  mdevadm modify -q a --attr nvidia/placement_id=4
  mdevadm modify -q b --attr nvidia/placement_id=0
  same "$(finding drift | grep '^to apply' | sort)" "to apply the definitions of both devices: mdevadm restart a b
to apply the definitions of both devices: mdevadm restart b a" "check suggests to restart both"
  run mdevadm restart a b
  exits 0 "which succeeds"
  same "$(finding drift)" "" "nothing differs"
  mdevadm modify -q a --attr nvidia/placement_id=7
  run mdevadm restart a
  exits 1 "a placement that the type cannot have"
  err_has "^hint: to start it without this attribute: mdevadm modify a --delete-attr nvidia/placement_id && mdevadm start a$" "the hint says how to start it"
  eval "$(sed -n 's/^hint: to start it [^:]*: //p' <<<"$err")"
  same "$(mdevadm list -n -o name | sort | xargs)" "a b" "as the hint says, it starts"
}

run_case "$@"

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
ln -s "$scenarios/types" "$state/types"
sed 's/, mig = true, instances = [^]]*\]//' "$scenarios/a100.toml" >"$state/a100-nomig.toml"
sed 's/^interface = .*/interface = "N1"/' "$scenarios/a100.toml" >"$state/a100-n1.toml"
sed 's/^interface = .*/interface = "N1"/' "$state/a100-nomig.toml" >"$state/a100-nomig-n1.toml"
on l40s-boot passed_through
on l40s-boot unbound
on l40s renumbered
on l40s by_hand
on l40s adopted
on l40s functions_gone
on l40s absent
on l40s moved
on a16 half
on l40s capacity
on l40s-mdev capacity_mdev
on m60 capacity_legacy
on a100 capacity_mig
on l40s successor
on l40s few
on l40s unrelated
on l40s orphan
on l40s other_card
on l40s used_up
on l40s-mdev used_up_mdev
on l40s addresses
on l40s reserved
on l40s placement
on a100 mig_on
on "$state/a100-n1.toml" mig_on
on "$state/a100-nomig.toml" mig_off
on "$state/a100-nomig.toml" mig_number
on "$state/a100-nomig-n1.toml" mig_number
on "$state/a100-n1.toml" mig_on_by_number
on "$state/a100-nomig-n1.toml" mig_off_by_number
on a100 mig_full
on rtx-pro-6000 mig_instances
on h200 no_types_without_mdev
on a100 no_types_with_mdev
on h200 mig_late_n1
on h200 mig_late_without_table
on a100 mig_late_mdev
on h200 mig_missing
on rtx-pro-6000 mig_sizes
on a40 two_sizes_a40
on t4 two_sizes_t4
on l40s recycled
on l40s maxima
on l40s as_mdevctl
on a100 ts_in_mig
on l40s spellings
on l40s words
on l40s-mixed mixed
on l40s-mixed exchanged
finish
