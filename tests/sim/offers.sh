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
m60 mediated_sizes
a40 mediated_sizes
vf-n1 late
vf-n1 sizes
vf-n1 known_sizes
vf-n1 addresses
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
  # A full GPU is no matter of sizes.
  while "$MDEVADM" start -q -p $gpu -t $two >/dev/null 2>&1; do :; done
  run "$MDEVADM" start other
  exits 6 "a start on a full GPU has no capacity"
  err_has "no available instances of $four on $gpu$" "the error does not give the size as the reason"
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
  err_has "another framebuffer size is in use on this GPU \(virtual function 0000:41:00.[45] has type" "the error names the reason"
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
  err_has "\(48G, by device" "the error names the size, although the driver does not list the type"
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

"$1"
finish
