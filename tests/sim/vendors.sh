# Attributes of smaller vendors: files in the directory of a type that determine the devices created next, and files in
# subdirectories of a device that are written after the creation.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/cases.sh"
parent=0000:c1:00.0
adm() { run "$MDEVADM" "$@"; }

# Ascend vNPU before Linux 6.1: vfg_id is written before the device is created.
type_attribute() {
  local directory=/sys/bus/pci/devices/$parent
  adm define $a -p $parent -t vnpu-vir04 --name one --attr hw_vdavinci/limit=7 --attr mdev_type/vfg_id=2
  exits 0 "an attribute of the type is defined"
  adm start one --dry-run
  same "$(grep -oE '(vfg_id|create|limit)$' <<<"$out" | paste -sd' ')" "vfg_id create limit" \
    "it is written before the creation, and the attributes of the device after it"
  adm start one
  exits 0 "the device is started"
  same "$(cat $directory/$a/hw_vdavinci/vfg_id) $(cat $directory/$a/hw_vdavinci/limit)" "2 7" "both have been written"
  same "$("$MDEVADM" list one --json | jq -c '.devices[0] | .drifted, .differences' | paste -sd' ')" "false []" "the device is as defined"
  adm modify one --live --attr mdev_type/vfg_id=1
  exits 2 "an active device cannot be changed by it"
  err_has "'mdev_type/vfg_id' is an attribute of the type, which is set before the device is created" "the error says so"
  adm start -u $b -p $parent -t vnpu-vir04 --attr mdev_type/vfg_id=4
  exits 1 "a number that the driver refuses fails the start"
  err_has "vfg_id" "the error names the attribute"
  adm start -u $b -p $parent -t vnpu-vir04 --attr mdev_type/nosuch=1
  exits 3 "so does an attribute that the type does not have"
  err_has "type 'vnpu-vir04' on $parent has no attribute 'nosuch'" "the error names both"
  adm start -u $b -p $parent -t vnpu-vir04 --attr mdev_type/create=$b
  exits 2 "the file that creates devices is not an attribute"
  same "$("$MDEVADM" list --json | jq '.devices | length')" 1 "no device was created by these"
}

mdevctl() { (exec -a mdevctl "$MDEVADM" "$@"); }
config() { printf '{"mdev_type":"vnpu-vir04","start":"manual","attrs":[%s]}' "$1"; }
theirs=/etc/mdevctl.d/$parent
of_mdevctl() {  # UUID ATTRIBUTES
  mkdir -p "$theirs"
  config "$2" >"$theirs/$1"
}

# The same definition under both names.
under_mdevctl() {
  local directory=/sys/bus/pci/devices/$parent
  of_mdevctl $a '{"hw_vdavinci/limit":"7"},{"mdev_type/vfg_id":"2"}'
  run mdevctl start -u $a
  exits 0 "mdevctl start writes an attribute of the type"
  same "$(cat $directory/$a/hw_vdavinci/vfg_id) $(cat $directory/$a/hw_vdavinci/limit)" "2 7" "before it creates the device"
  mdevctl stop -u $a
  adm start $a
  exits 0 "so does mdevadm"
  of_mdevctl $b '{"mdev_type/vfg_id":"4"}'
  run mdevctl start -u $b
  err_has "Failed to write 4 to attribute mdev_type/vfg_id" "an error names the attribute as the definition does"
  local name
  for name in mdev_type/nosuch remove driver/unbind; do
    of_mdevctl $b "{\"$name\":\"1\"}"
    run mdevctl start -u $b
    exits 1 "mdevctl start does not write '$name'"
    err_has "Invalid attribute '$name'" "and names it"
  done
  same "$("$MDEVADM" list --json | jq '.devices | length')" 1 "no device remains"
}

# Files that remove the device, or are not its own.
never_set() {
  local name
  for name in remove driver/unbind iommu_group/x mdev_type/devices/x mdev_type/remove mdev_type/create; do
    adm define $a -p $parent -t vnpu-vir04 --attr $name=1
    exits 2 "define refuses '$name'"
    err_has "cannot define '$a': attribute '$name' cannot be set: " "and says why"
    adm start -u $a -p $parent -t vnpu-vir04 --attr $name=1
    exits 2 "so does start"
    of_mdevctl $a "{\"$name\":\"1\"},{\"hw_vdavinci/limit\":\"7\"}"
    run "$MDEVADM" check $a --json
    same "$(jq -r '.findings[] | select(.finding == "attribute-unusable") | .severity, .hints[]' <<<"$out")" \
      "error
remove the attribute: mdevadm modify $a --delete-attr $name" "check finds '$name'"
    adm start $a
    exits 2 "a start with the definition is refused"
    err_has "^hint: remove the attribute: mdevadm modify $a --delete-attr $name$" "the hint removes it"
    adm modify $a --auto
    exits 0 "other settings can be changed"
    adm import mdevctl $a
    err_has "warning: '$a': attribute '$name' cannot be set, so the device cannot be started: " "import warns"
    adm modify $a --delete-attr $name
    adm start $a
    exits 0 "the device starts after it"
    adm modify $a --live --attr $name=1
    exits 2 "modify --live refuses it, too"
    adm stop $a
    adm undefine $a
    rm "$theirs/$a"
  done
  same "$("$MDEVADM" list --json | jq '.devices | length')" 0 "no device remains"
}

# Names with several blanks; types with words for numbers.
needs() {
  adm types --need 'aicore num>=3' -n -o type
  same "$out" vnpu-vir04 "blanks of the driver and of the user are equal"
  adm types --need 'weight>=4' -n -o type
  same "$out" vnpu-vir02 "a type with a word for the number does not meet the requirement"
  adm types --need 'weight=auto' -n -o type
  same "$out" vnpu-vir04 "but is found by the word"
  adm define $a --need 'memory>=7G' --dry-run
  err_has "the smallest match \(memory=12G\)|the smallest available match \(memory=12G\)" "a column is shown like a property"
  adm start -p $parent -t vnpu-vir99
  exits 3 "a type that does not exist"
  err_has "cannot start a device of type 'vnpu-vir99' on $parent: " "an error has no UUID that the user did not give"
  adm define -p $parent -t vnpu-vir99
  err_has "cannot define a device of type 'vnpu-vir99' on $parent: " "nor that of define"
  adm define -p $parent -t vnpu-vir99 --name x
  err_has "cannot define 'x' " "the name is used if there is one"
}

# A device of another program is defined with its attributes: those that the driver reports as they were set.
adopted_attributes() {
  local gpu=0000:86:00.0 of=/sys/bus/mdev/devices/$a/nvidia/vgpu_params script=/etc/mdevctl.d/scripts.d/callouts/x
  echo $a >/sys/class/mdev_bus/$gpu/mdev_supported_types/nvidia-18/create
  adm define $a --name plain --dry-run
  same "$err" "" "nothing was set, nothing is missing"
  echo frame_rate_limiter=0 >$of
  adm define $a --name a
  exits 0 "the device is adopted"
  same "$err" "" "without a warning"
  same "$("$MDEVADM" list a --json | jq -c '.devices[0].defined_attributes // .devices[0].attributes')" '[{"name":"nvidia/vgpu_params","value":"frame_rate_limiter=0"}]' "with its attribute"
  adm restart a
  same "$(cat $of)" frame_rate_limiter=0 "which the next start sets"
  "$MDEVADM" undefine a
  adm define $a --name a --attr nvidia/vgpu_params=disable_vnc=1
  same "$(grep -c vgpu_params /etc/mdevadm/devices/$gpu/$a.toml)" 1 "an attribute that is given replaces it"
  "$MDEVADM" undefine a
  # A script that reports attributes, as mdevctl's can.
  mkdir -p ${script%/*}
  printf '#!/bin/sh\n[ "$4-$6" = get-attributes ] && echo "[{\\"nvidia/vgpu_params\\":\\"loglevel=5\\"}]"\nexit 0\n' >$script
  chmod 755 $script
  adm define $a --name a
  exits 0 "the script is asked"
  same "$(grep -o loglevel=5 /etc/mdevadm/devices/$gpu/$a.toml)" loglevel=5 "its answer is stored"
  "$MDEVADM" undefine a
  printf '#!/bin/sh\n[ "$4-$6" = get-attributes ] && echo "["\nexit 0\n' >$script
  adm define $a --name a
  exits 1 "an answer that cannot be read fails the command"
  err_has "cannot define '$a': its attributes cannot be read" "the error says so"
  adm define $a --name a --force
  exits 0 "--force continues"
  err_has "warning: .*its attributes cannot be read" "with a warning"
  same "$(grep -o frame_rate_limiter=0 /etc/mdevadm/devices/$gpu/$a.toml)" frame_rate_limiter=0 "with what the driver reports"
}

# Other attributes may report what was never set.
adopted_unknown() {
  echo $a >/sys/bus/pci/devices/$parent/mdev_supported_types/vnpu-vir04/create
  adm define $a --name a
  exits 0 "the device is adopted"
  err_has "warning: '$a': attributes of the active device are not in the definition, because the driver does not report what was set: hw_vdavinci/limit \(reports '0'\); if they were set, specify them with --attr$" \
    "the attribute that may be missing is named"
  err_lacks "vfg_id" "one that cannot be written is not"
  same "$(grep -c attribute /etc/mdevadm/devices/$parent/$a.toml)" 0 "nothing is stored"
}

run_case "$@"

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
cat >"$state/npu.toml" <<'T'
description = "Ascend NPU with the vNPU driver"
kernel = "5.10"

[[parent]]
name = "0000:c1:00.0"
pci = { vendor = "19e5", device = "d500", subsystem = "19e5:0100", revision = "23", class = "120000" }
driver = "vnpu"
arithmetic = { kind = "shared", total = 4 }
attribute = [
  { name = "mdev_type/vfg_id", value = "3" },
  { name = "hw_vdavinci/vfg_id", value = "{vfg_id}\n" },
  { name = "hw_vdavinci/limit", value = "0\n", writable = true },
]
type = [
  { id = "vir04", description = "type name: vir04\naicore  num: 4\nmemory size: 12GB\nweight: auto" },
  { id = "vir02", description = "type name: vir02\naicore num: 2\nmemory size: 6GB\nweight: 4" },
]
T
on "$state/npu.toml" type_attribute
on "$state/npu.toml" under_mdevctl
on "$state/npu.toml" never_set
on "$state/npu.toml" needs
on "$state/npu.toml" adopted_unknown
on m60 adopted_attributes
finish
