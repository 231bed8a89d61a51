# The layout proposed at the KVM Forum of 2016 (K0), with a group at creation (K1), with peer_to_peer_resource_uuid (K2).
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/dialects.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  for dialect in K0 K1 K2; do in_scenario "m60-${dialect,,}" single "$dialect"; done
  in_scenario m60-k1 at_creation
  in_scenario m60-k2 by_attribute
  in_scenario m60-k0 cannot
  same "$part_failed" 0 "all parts hold"
  cells_are K0 K1 K2
  finish
  exit
fi
gpu=0000:86:00.0
group_of() { basename "$(readlink -f "/sys/bus/mdev/devices/$1/iommu_group")"; }

single() {
  discovered "$1" $gpu forum 17
  same "$(mdevadm types $gpu --json | jq -c '.types[6] | [.type, .maximum, .used, .available]')" '["17",2,0,null]' \
    "$(say "a type tells its maximum, and nobody what is left")"
  defined $gpu 17
  created "$1" $A
  same "$(mdevadm types $gpu --json | jq -c '[.types[] | [.type, .maximum, .used]]')" '[["17",2,1]]' "$(say "types that do not fit are not there")"
  cell "$1" errors
  run mdevadm start -p $gpu -t 18
  exits 6 "$(say "nor can they be started")"
  err_has "has no type '18' now" "$(say "which is said")"
  mdevadm stop a
  attributed "$1" plain /sys/bus/mdev/devices/$A/plain
  removed "$1" busy
  # shellcheck disable=SC2086
  errors_at_create "$1" $all_create_errors
  errors_at_remove "$1" EBUSY=5 EIO=1
  mdevadm stop a
  nothing_left "nothing is left"
}

at_creation() {
  cell K1 group
  defined $gpu 17
  mdevadm group create vm a b
  run mdevadm group start vm
  exits 0 "$(say "a group starts")"
  same "$(group_of $A)" "$(group_of $B)" "$(say "its members are in one IOMMU group")"
  same "$(field a node)" "$(field b node)" "$(say "and have one node")"
  hold $A $B
  run mdevadm group stop vm
  exits 5 "$(say "in use, it does not stop")"
  release
  mdevadm group stop vm
  same "$(groups_left)" 0 "$(say "stopped, no group is left")"
  mdevadm start a
  run mdevadm group start vm
  exits 0 "$(say "a member joins one that is up already")"
  same "$(group_of $A)" "$(group_of $B)" "$(say "in its group")"
  mdevadm stop b
  hold $A
  run mdevadm group start vm
  exits 5 "$(say "nothing joins a group that is in use")"
  err_has "the IOMMU group of '$A' is in use and cannot be joined" "$(say "which is said")"
  release
  same "$(active)" a "$(say "what was up stays")"
  mdevadm stop a
  nothing_left "nothing is left"
}

by_attribute() {
  cell K2 group
  defined $gpu 17
  mdevadm start a
  same "$(field a peers)" "$(cat /sys/bus/mdev/devices/$A/peer_to_peer_resource_uuid)" "$(say "as which a device shares is shown")"
  mdevadm stop a
  mdevadm group create vm a b
  run mdevadm group start vm
  exits 0 "$(say "a group starts")"
  same "$(field a peers)" "$(field b peers)" "$(say "its members share")"
  same "$(group_of $A)" "$(group_of $B)" "$(say "one IOMMU group")"
  same "$(field a iommu_group) $(field b iommu_group)" "$(group_of $A) $(group_of $A)" "$(say "which is shown as it is after the join")"
  same "$(field a node)" "/dev/vfio/$(group_of $A)" "$(say "so is the node")"
  mdevadm group stop vm
  same "$(groups_left)" 0 "$(say "stopped, no group is left")"
  mdevadm start a
  before=$(field a peers)
  run mdevadm group start vm
  exits 0 "$(say "a member joins one that is up already")"
  same "$(field b peers)" "$before" "$(say "under the value that it has")"
  mdevadm stop b
  for pair in EBUSY=5 EXDEV=1 ENOSPC=6 EINVAL=1 ENODEV=1; do
    control clear
    control fault join 1 ${pair%=*}
    run mdevadm group start vm
    exits ${pair#*=} "$(say "${pair%=*} of the join")"
    err_has "cannot join peer-to-peer set" "$(say "${pair%=*} of the join is told as what it is")"
    err_has "^hint: " "$(say "${pair%=*} of the join comes with what to do")"
    same "$(active)" a "$(say "${pair%=*} of the join undoes the start, and what was up stays")"
  done
  control clear
  hold $A
  run mdevadm group start vm
  exits 5 "$(say "nothing joins a set that is in use")"
  release
  mdevadm stop a
  nothing_left "nothing is left"
}

# No sign tells whether a kernel takes a group: it is tried, and what does not need it goes without.
cannot() {
  cell K0 create
  defined $gpu 17
  mdevadm group create vm a b
  run mdevadm group start vm
  exits 0 "$(say "a group starts where nothing is shared")"
  same "$(active)" "a,b" "$(say "with all members")"
  mdevadm group stop vm
  run mdevadm group start vm --p2p require
  exits 1 "$(say "where it must be shared")"
  err_has "the driver cannot create it in the IOMMU group of '$A'" "$(say "that is told")"
  same "$(active)" "" "$(say "and nothing is up")"
  nothing_left "nothing is left"
}

shift
"$@"
finish
