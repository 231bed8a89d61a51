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
  exits 2 "the file that creates devices is no attribute"
  same "$("$MDEVADM" list --json | jq '.devices | length')" 1 "no device was created by these"
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
type = [{ id = "vir04", description = "type name: vir04" }]
T
on "$state/npu.toml" type_attribute
finish
