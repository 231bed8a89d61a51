# A host of eight GPUs with mixed sizes and 40 vGPUs over several reboots: each device is on the same virtual function with the same
# type after every boot, and with the same placement where the definition fixes it, whatever the order of starts.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"

if [ "${1:-}" = "" ]; then
  state=$(mktemp -d)
  # Virtual functions that no device uses only take time.
  sed 's/^functions = 32.*/functions = 6/' "$here/../../examples/scenarios/l40s-8.toml" >"$state/host.toml"
  ln -s "$(realpath "$here/../../examples/scenarios/types")" "$state/types"
  for part in first all parents singly; do
    "$MDEVSIM" run --keep "$state/kept" "$state/host.toml" -- bash "$0" "$part" || exit 1
  done
  for part in groups groups_after groups_after; do
    "$MDEVSIM" run --keep "$state/groups" "$state/host.toml" -- bash "$0" "$part" || exit 1
  done
  rm -r "$state"
  exit
fi

gpus=$(seq -f '0000:%g1:00.0' 0 7)
before=/etc/mdevadm/devices.before
files_before=/etc/mdevadm/files.before
fixed="nvidia/placement_id"
state() {  # "NAME VF TYPE" of each active device, in the order of the names
  "$MDEVADM" list --json -o name,vf,type | jq -r '.devices[] | "\(.name) \(.vf) \(.type)"' | sort
}
# The placements that definitions fix: the first device of each GPU is at the end of its framebuffer.
placements() { for gpu in $gpus; do cat "/sys/bus/pci/devices/${gpu%0}4/nvidia/placement_id"; done | paste -sd' '; }
enabled() { for gpu in $gpus; do cat "/sys/bus/pci/devices/$gpu/sriov_numvfs"; done | paste -sd' '; }

all_offer_types() { [ "$("$MDEVADM" types --json | jq '[.types[] | select(.available > 0) | .parent] | unique | length')" = 8 ]; }

same_as_before() {  # WHEN
  same "$(state | wc -l)" 40 "40 devices are active $1"
  same "$(diff <(state) "$before")" "" "each device has its virtual function and type $1"
  same "$(placements)" "36 36 36 36 36 36 36 36" "each device with a fixed placement has it $1"
  same "$(cat /etc/mdevadm/devices/*/* | cksum)" "$(cat "$files_before")" "no definition has changed $1"
}

first() {
  for gpu in $gpus; do
    "$MDEVADM" parent set "$gpu" --vfs all --run "nvidia-smi vgpu -i $gpu -shm 1"
  done
  # Definitions are made before virtual functions are enabled. Their sizes differ, also in their order.
  for gpu in $gpus; do
    n=${gpu:5:1} sizes=(12Q 8Q 6Q 4Q 2Q)
    for i in 0 1 2 3 4; do
      extra=()
      [ $i != 0 ] || extra=(--vf "${gpu%0}4" --attr $fixed=36)
      [ $i = 0 ] || size=${sizes[$((1 + (i + n) % 4))]}
      [ $i != 0 ] || size=12Q
      "$MDEVADM" define -p "$gpu" -t "NVIDIA L40S-$size" --name "g$n-$i" --auto --force "${extra[@]}" >/dev/null
    done
  done
  same "$("$MDEVADM" list --defined --json | jq '.devices | length')" 40 "40 devices are defined"
  run "$MDEVADM" start --auto --timeout 60
  exits 0 "start --auto prepares eight GPUs and starts all devices"
  same "$(enabled)" "6 6 6 6 6 6 6 6" "all virtual functions are enabled"
  same "$(state | wc -l)" 40 "40 devices are active"
  same "$(state | cut -d' ' -f2 | sort -u | wc -l)" 40 "each device has a virtual function of its own"
  same "$(for gpu in $gpus; do state | grep -c " ${gpu%00.0}"; done | paste -sd' ')" "5 5 5 5 5 5 5 5" "each GPU has five devices"
  same "$(state | cut -d' ' -f3 | sort | uniq -c | awk '{ print $1 }' | paste -sd' ')" "8 8 8 8 8" "of each size eight devices are active"
  state >"$before"
  cat /etc/mdevadm/devices/*/* | cksum >"$files_before"
  same "$(cut -d' ' -f1 "$before" | while read -r name; do "$MDEVADM" show "$name" --json; done | jq -r '.devices[].definition.vf // .devices[].vf' | wc -l)" 40 "each definition has a virtual function"
}

# One command starts all.
all() {
  same "$(enabled)" "0 0 0 0 0 0 0 0" "a reboot disables the virtual functions"
  run "$MDEVADM" start --auto --timeout 60
  exits 0 "start --auto starts all devices after a reboot"
  same_as_before "after a reboot"
}

# A service for each parent, as systemd starts them, all at once.
parents() {
  jobs=()
  for gpu in $gpus; do
    { "$MDEVADM" parent prepare --all --parent "$gpu" && "$MDEVADM" start --auto --parent "$gpu" --timeout 60; } & jobs+=($!)
  done
  failures=0
  for job in "${jobs[@]}"; do wait "$job" || failures=$((failures + 1)); done
  same "$failures" 0 "the services of all parents succeed"
  same_as_before "if each parent has a service"
}

# An administrator starts the devices one by one, the last GPU first. They wait until nvidia-vgpud has run.
singly() {
  run "$MDEVADM" parent prepare --all
  exits 0 "parent prepare --all prepares eight GPUs"
  wait_until all_offer_types
  failures=0
  for name in $(cut -d' ' -f1 "$before" | sort -t- -k 1,1r -k 2,2n); do "$MDEVADM" start "$name" || failures=$((failures + 1)); done
  same "$failures" 0 "every device starts"
  same_as_before "if the devices are started one by one"
}

# Groups of different sizes on one GPU. Their placements are fixed: groups start in any order, and the driver gives free positions to
# those that are first.
first_gpu=0000:01:00.0
placements_of() { for one in "$@"; do placement_of "$one"; done | paste -sd' '; }
placement_of() { cat "/sys/bus/pci/devices/$("$MDEVADM" list "$1" -n -o vf | tr -d ' ')/nvidia/placement_id"; }
define_member() {  # GROUP NAME TYPE [OPTION...]
  "$MDEVADM" define -p $first_gpu -t "L40S-$3" --name "$2" --group "$1" --force "${@:4}" >/dev/null
}
groups() {
  local group
  "$MDEVADM" parent set $first_gpu --vfs all --run "nvidia-smi vgpu -i $first_gpu -shm 1"
  for group in vmA vmB vmC; do "$MDEVADM" group create $group --auto >/dev/null; done
  define_member vmC c1 2Q --attr $fixed=34
  define_member vmC c2 8Q --attr $fixed=24
  define_member vmA a1 4Q --attr $fixed=44
  define_member vmA a2 12Q --attr $fixed=0
  define_member vmB b1 6Q --attr $fixed=12 --vf 0000:01:01.1
  define_member vmB b2 2Q --attr $fixed=40
  run "$MDEVADM" group start --auto --timeout 60
  exits 0 "group start --auto starts three groups of different sizes"
  same "$(state | wc -l)" 6 "six devices are active"
  same "$(placements_of a1 a2 b1 b2 c1 c2)" "44 0 12 40 34 24" "the devices have their fixed placements"
  same "$(state | awk '$1 == "b1" { print $2 }')" 0000:01:01.1 "and the given virtual function"
  state >"$before"
}
groups_after() {
  run "$MDEVADM" group start --auto --timeout 60
  exits 0 "after a reboot all groups start"
  same "$(state)" "$(cat "$before")" "each member has its virtual function and type"
  same "$(placements_of a1 a2 b1 b2 c1 c2)" "44 0 12 40 34 24" "each device has its fixed placement"
  same "$("$MDEVADM" group list -n -o name,state | tr -s ' ' | paste -sd,)" "vmA active,vmB active,vmC active" "the groups are active"
}

"$1"
finish
