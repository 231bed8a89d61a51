# The guest ABI stays as defined, or the start is refused; types are selected by requirements; definitions are portable between
# interfaces.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/interfaces.sh"
rm -rf "$cell_files"
if [ "${1:-}" = "" ]; then
  part_failed=0
  directory=$(mktemp -d)
  trap 'rm -rf "$directory"' EXIT
  in_scenario m60 pins
  in_scenario workstation needs
  # The same definition file on every interface that can express it.
  in_scenario m60-u2 write_file "$directory/plain.toml"
  for scenario in m60-u1 m60 m60-k0 m60-k1 m60-k2 m60-f0 m60-f1; do in_scenario $scenario read_file "$directory/plain.toml" $scenario; done
  in_scenario m60-c0 write_file "$directory/args.toml" --create-arg vm_uuid=$VM
  for scenario in m60-f0 m60-f1 m60-f2 m60-f3 m60-c0; do in_scenario $scenario read_file "$directory/args.toml" $scenario; done
  same "$part_failed" 0 "all parts pass"
  finish
  exit
fi
gpu=0000:86:00.0

pins() {
  defined $gpu nvidia-17
  file=/etc/mdevadm/devices/$gpu/$A.toml
  same "$(sed -n '/^\[abi\]/,$p' $file)" '[abi]
description = "num_heads=4, frl_config=60, framebuffer=4096M, max_resolution=3840x2160, max_instance=2"
device_api = "vfio-pci"
driver = "nvidia"
driver_version = "535.129.03"
name = "GRID M60-4Q"
pci_id = "10de:13f2"
pci_subsystem = "10de:115e"' "define records the guest ABI in the definition"
  run mdevadm start a
  exits 0 "start succeeds if the guest ABI is unchanged"
  same "$err" "" "start prints no warning if the guest ABI is unchanged"
  mdevadm stop a
  sed -i 's/^driver_version = .*/driver_version = "535.1" # older/' $file
  run mdevadm start a
  exits 0 "start succeeds with another driver version"
  err_has "^mdevadm: warning: 'a' \($A\): differs from the definition: driver_version: defined '535.1', now '535.129.03'$" \
    "start warns about the other driver version"
  mdevadm stop a
  sed -i 's/framebuffer=4096M/framebuffer=2048M/' $file
  run mdevadm start a
  exits 7 "start is refused if the framebuffer size differs from the definition"
  err_has "guest ABI differs from the definition: framebuffer: defined '2048M', now '4096M'$" \
    "the error shows the defined and the current framebuffer size"
  err_has "^hint: accept the new ABI with --accept-abi$" "the hint suggests --accept-abi"
  same "$(active)" "" "a refused start creates no device"
  sed -i 's/max_instance=2/max_instance=1/; s/framebuffer=2048M/framebuffer=4096M/; s/^pci_id = .*/pci_id = "10de:1111"/' $file
  run mdevadm start a
  exits 7 "start is refused if the PCI ID differs from the definition"
  err_has "definition: pci_id: defined '10de:1111', now '10de:13f2'$" \
    "the error shows the PCI IDs only: another max_instance is not an ABI mismatch"
  run mdevadm start a --accept-abi
  exits 0 "start --accept-abi starts a device with an ABI mismatch"
  same "$(grep -c '"10de:13f2"' $file) $(grep -c '# older' $file)" "1 1" \
    "start --accept-abi records the current ABI and retains the comments of the file"
  mdevadm stop a
  run mdevadm modify a --type nvidia-18
  same "$(grep -c 'GRID M60-8Q' $file)" 1 "modify --type records the ABI of the new type"
  sed -i '/^\[abi\]/,$d' $file
  run mdevadm start a
  exits 0 "start compares nothing if the definition has no recorded ABI"
  mdevadm stop a
  mdevadm group create vm b
  sed -i 's/^device_api = .*/device_api = "vfio-ccw"/' /etc/mdevadm/devices/$gpu/$B.toml
  run mdevadm group start vm
  exits 7 "group start is refused if a member has an ABI mismatch"
  run mdevadm group start vm --accept-abi
  exits 0 "group start --accept-abi starts the group despite the ABI mismatch"
  mdevadm group stop vm
  mdevadm modify a --auto --accept-abi
  mdevadm group modify vm --auto
  sed -i 's/^device_api = .*/device_api = "vfio-ccw"/' /etc/mdevadm/devices/$gpu/{"$A","$B"}.toml
  run mdevadm start --auto --accept-abi
  exits 0 "start --auto --accept-abi starts a device with an ABI mismatch"
  mdevadm stop a
  run mdevadm group start --auto --accept-abi
  exits 0 "group start --auto --accept-abi starts a group with an ABI mismatch"
  same "$(cat /etc/mdevadm/devices/$gpu/{"$A","$B"}.toml | grep -c '^device_api = "vfio-pci"')" 2 \
    "start --auto and group start --auto record the accepted ABI in both definitions"
}

needs() {
  chosen() { mdevadm define "$@" --dry-run --json 2>/dev/null | jq -r '.jobs[0] | .parent + " " + .type'; }
  same "$(chosen --need 'framebuffer>=2G')" "$gpu nvidia-16" "--need selects the smallest type that meets the requirement"
  same "$(chosen --need 'framebuffer>=2G' --need 'num_heads>=4')" "$gpu nvidia-16" \
    "a type must meet all requirements if --need is given several times"
  same "$(chosen --need 'framebuffer>=2G' --need 'max_resolution>=2560x1600' --parent 0000:87:00.0)" "0000:87:00.0 nvidia-16" \
    "--need selects a type of the parent given with --parent"
  same "$(chosen --need 'max_resolution>=3840x2160' -p any)" "$gpu nvidia-17" "a required resolution compares both width and height"
  same "$(chosen --need 'low_gm_size>=128M')" "0000:00:02.0 i915-GVTg_V5_4" "--need accepts the properties of each driver"
  same "$(chosen --need 'name=grid m60-1q')" "$gpu nvidia-14" "--need accepts the name of a type as a property"
  run mdevadm define -p $gpu --need 'framebuffer>=512M'
  err_has "selected nvidia-12 \(GRID M60-0Q\) .*; of the same size: nvidia-11 \(GRID M60-0B\) \(.*; select another with --series B\)$" \
    "define --need names the other type of the same size"
  mdevadm start -p $gpu -t nvidia-18 >/dev/null
  same "$(chosen --need 'framebuffer>=8G')" "0000:87:00.0 nvidia-18" "--need selects no type without available instances"
  mdevadm start -p 0000:87:00.0 -t nvidia-18 >/dev/null
  run mdevadm define --need 'framebuffer>=2G'
  exits 6 "--need fails with exit code 6 if every matching type has no available instances"
  run mdevadm define --need 'framebuffer>=2G' --force
  exits 0 "--need --force selects a type without available instances"
  run mdevadm define --need 'framebuffer>=2T'
  exits 3 "--need fails with exit code 3 if no type meets the requirement"
  err_has "no type has framebuffer>=2T" "the error names the requirement that no type meets"
  run mdevadm define --need 'framebufer>=2G'
  exits 2 "--need with an unknown property is a usage error"
  err_has "^hint: did you mean 'framebuffer'\?$" "the hint suggests the property with a similar name"
  run mdevadm define --need framebuffer
  exits 2 "--need without an operator and a value is a usage error"
  run mdevadm define --need 'framebuffer>=2G' --type nvidia-17
  exits 2 "--need and --type together are a usage error"
  same "$(mdevadm types --need 'framebuffer>=4G' --json | jq -c '[.types[].type] | unique')" '["nvidia-17","nvidia-18"]' \
    "types --need lists the types that meet the requirement"
  run mdevadm define -p 0000:00:02.0 --need 'low_gm_size>=64M'
  err_has "selected i915-GVTg_V5_8 \(GVTg_V5_8\) on 0000:00:02.0, the smallest available match \(low_gm_size=64MB\)$" \
    "define --need reports the selected type, its parent and the property"
}

write_file() {  # FILE OPTION...
  run mdevadm define -u $A -p $gpu -t nvidia-17 --name seat "${@:2}"
  exits 0 "define writes a definition file"
  cp /etc/mdevadm/devices/$gpu/$A.toml "$1"
}

read_file() {  # FILE SCENARIO
  mkdir -p /etc/mdevadm/devices/$gpu
  cp "$1" /etc/mdevadm/devices/$gpu/$A.toml
  run mdevadm start seat
  exits 0 "$2: start accepts the definition file"
  err_lacks "error" "$2: start prints no error"
  same "$(cells_of name,state,type | sed 's/nvidia-//')" "seat active 17" \
    "$2: the started device has the name and the type of the definition"
  mdevadm stop seat
  same "$(active)" "" "$2: stop removes the device"
}

shift
"$@"
finish
