# What a guest sees stays as it was defined, or the start is refused; types are chosen by what is needed; definitions move between
# interfaces.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/dialects.sh"
rm -rf "$cell_files"
if [ "${1:-}" = "" ]; then
  part_failed=0
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  in_scenario m60 pins
  in_scenario workstation needs
  # The same file on every interface that can express it.
  in_scenario m60-u2 write_file "$folder/plain.toml"
  for scenario in m60-u1 m60 m60-k0 m60-k1 m60-k2 m60-f0 m60-f1; do in_scenario $scenario read_file "$folder/plain.toml" $scenario; done
  in_scenario m60-c0 write_file "$folder/args.toml" --create-arg vm_uuid=$VM
  for scenario in m60-f0 m60-f1 m60-f2 m60-f3 m60-c0; do in_scenario $scenario read_file "$folder/args.toml" $scenario; done
  same "$part_failed" 0 "all parts hold"
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
pci_subsystem = "10de:115e"' "what the guest sees is pinned in the definition"
  run mdevadm start a
  exits 0 "as it is, it starts"
  same "$err" "" "and nothing is said"
  mdevadm stop a
  sed -i 's/^driver_version = .*/driver_version = "535.1" # older/' $file
  run mdevadm start a
  exits 0 "another driver version does not keep it"
  err_has "^mdevadm: warning: '$A': changed since it was defined: driver_version: defined '535.1', now '535.129.03'$" "but is told"
  mdevadm stop a
  sed -i 's/framebuffer=4096M/framebuffer=2048M/' $file
  run mdevadm start a
  exits 7 "another framebuffer does"
  err_has "guest ABI differs from the definition: framebuffer: defined '2048M', now '4096M'$" "with what differs"
  err_has "^hint: accept the new ABI with --accept-abi$" "and what to do"
  same "$(active)" "" "nothing is made"
  sed -i 's/max_instance=2/max_instance=1/; s/framebuffer=2048M/framebuffer=4096M/; s/^pci_id = .*/pci_id = "10de:1111"/' $file
  run mdevadm start a
  exits 7 "nor does another card"
  err_has "definition: pci_id: defined '10de:1111', now '10de:13f2'$" "how many there may be does not count"
  run mdevadm start a --accept-abi
  exits 0 "what it sees now can be taken"
  same "$(grep -c '"10de:13f2"' $file) $(grep -c '# older' $file)" "1 1" "and is pinned, what a person wrote stays"
  mdevadm stop a
  run mdevadm modify a --type nvidia-18
  same "$(grep -c 'GRID M60-8Q' $file)" 1 "a new type is pinned anew"
  sed -i '/^\[abi\]/,$d' $file
  run mdevadm start a
  exits 0 "without pins nothing is compared"
  mdevadm stop a
  mdevadm group create vm b
  sed -i 's/^device_api = .*/device_api = "vfio-ccw"/' /etc/mdevadm/devices/$gpu/$B.toml
  run mdevadm group start vm
  exits 7 "a group does not start with a member that differs"
  run mdevadm group start vm --accept-abi
  exits 0 "unless it is taken"
  mdevadm group stop vm
  mdevadm modify a --auto --accept-abi
  mdevadm group modify vm --auto
  sed -i 's/^device_api = .*/device_api = "vfio-ccw"/' /etc/mdevadm/devices/$gpu/{"$A","$B"}.toml
  run mdevadm start --auto --accept-abi
  exits 0 "so it is at boot"
  mdevadm stop a
  run mdevadm group start --auto --accept-abi
  exits 0 "with groups too"
  same "$(cat /etc/mdevadm/devices/$gpu/{"$A","$B"}.toml | grep -c '^device_api = "vfio-pci"')" 2 "and is pinned"
}

needs() {
  chosen() { mdevadm define "$@" --json 2>/dev/null | jq -r '.results[0] | .parent + " " + .type'; }
  same "$(chosen --need 'framebuffer>=2G')" "$gpu nvidia-15" "the smallest that has it is chosen"
  same "$(chosen --need 'framebuffer>=2G' --need 'num_heads>=4')" "$gpu nvidia-16" "all needs count"
  same "$(chosen --need 'framebuffer>=2G' --need 'max_resolution>=2560x1600' --parent 0000:87:00.0)" "0000:87:00.0 nvidia-15" "on a parent, if one is named"
  same "$(chosen --need 'max_resolution>=3840x2160' -p any)" "$gpu nvidia-17" "resolutions compare in both directions"
  same "$(chosen --need 'low_gm_size>=128M')" "0000:00:02.0 i915-GVTg_V5_4" "each driver has its own words"
  same "$(chosen --need 'name=grid m60-1q')" "$gpu nvidia-14" "a name is one of them"
  mdevadm start -p $gpu -t nvidia-18 >/dev/null
  same "$(chosen --need 'framebuffer>=8G')" "0000:87:00.0 nvidia-18" "what is used up is not chosen"
  mdevadm start -p 0000:87:00.0 -t nvidia-18 >/dev/null
  run mdevadm define --need 'framebuffer>=2G'
  exits 6 "with none left, none is"
  run mdevadm define --need 'framebuffer>=2T'
  exits 3 "nor where none has it"
  err_has "no type has framebuffer>=2T" "which is said"
  run mdevadm define --need 'framebufer>=2G'
  exits 3 "a property that no type tells"
  err_has "^hint: did you mean 'framebuffer'\?$" "may be meant otherwise"
  run mdevadm define --need framebuffer
  exits 2 "what is no need is refused"
  run mdevadm define --need 'framebuffer>=2G' --type nvidia-17
  exits 2 "so is a need beside a type"
  same "$(mdevadm types --need 'framebuffer>=4G' --json | jq -c '[.types[].type] | unique')" '["nvidia-17","nvidia-18"]' "types lists what would do"
  run mdevadm define -p 0000:00:02.0 --need 'low_gm_size>=64M'
  err_has "selected i915-GVTg_V5_8 on 0000:00:02.0 \(low_gm_size=64MB\), the smallest available match" "what was chosen and why is said"
}

write_file() {  # FILE OPTION...
  run mdevadm define -u $A -p $gpu -t nvidia-17 --name seat "${@:2}"
  exits 0 "a definition is written"
  cp /etc/mdevadm/devices/$gpu/$A.toml "$1"
}

read_file() {  # FILE SCENARIO
  mkdir -p /etc/mdevadm/devices/$gpu
  cp "$1" /etc/mdevadm/devices/$gpu/$A.toml
  run mdevadm start seat
  exits 0 "$2: the same definition starts"
  err_lacks "error" "$2: with no complaint but of the driver's version"
  same "$(cells_of name,state,type | sed 's/nvidia-//')" "seat active 17" "$2: the same device"
  mdevadm stop seat
  same "$(active)" "" "$2: and stops"
}

shift
"$@"
finish
