# The layout proposed at the KVM Forum of 2016 (K0), with a group at creation (K1), with peer_to_peer_resource_uuid (K2).
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/interfaces.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  for interface in K0 K1 K2; do in_scenario "m60-${interface,,}" single "$interface"; done
  in_scenario m60-k1 at_creation
  in_scenario m60-k2 by_attribute
  in_scenario m60-k0 cannot
  same "$part_failed" 0 "all parts pass"
  cells_are K0 K1 K2
  finish
  exit
fi
gpu=0000:86:00.0
group_of() { basename "$(readlink -f "/sys/bus/mdev/devices/$1/iommu_group")"; }

single() {
  discovered "$1" $gpu forum 17
  same "$(mdevadm types $gpu --json | jq -c '.types[6] | [.type, .maximum, .used, .available]')" '["17",2,0,null]' \
    "$(say "types reports the maximum instances, and null for available instances")"
  defined $gpu 17
  created "$1" $A
  same "$(mdevadm types $gpu --json | jq -c '[.types[] | [.type, .maximum, .used]]')" '[["17",2,1]]' \
    "$(say "types lists no type that does not fit beside the active devices")"
  cell "$1" errors
  run mdevadm start -p $gpu -t 18
  exits 6 "$(say "start fails with exit code 6 for a type that does not fit")"
  err_has "has no type '18' now: " "$(say "the error says that the parent does not offer the type now, and why")"
  mdevadm stop a
  attributed "$1" plain /sys/bus/mdev/devices/$A/plain
  removed "$1" busy
  # shellcheck disable=SC2086
  errors_at_create "$1" $all_create_errors
  errors_at_remove "$1" EBUSY=5 EIO=1
  mdevadm stop a
  nothing_left "no device and no record exists at the end"
}

at_creation() {
  cell K1 group
  defined $gpu 17
  mdevadm group create vm a b
  run mdevadm group start vm
  exits 0 "$(say "group start succeeds")"
  same "$(group_of $A)" "$(group_of $B)" "$(say "the members are in one IOMMU group")"
  same "$(field a node)" "$(field b node)" "$(say "the members have the same VFIO group node")"
  hold $A $B
  run mdevadm group stop vm
  exits 5 "$(say "group stop is refused while the group is in use")"
  release
  mdevadm group stop vm
  same "$(groups_left)" 0 "$(say "no IOMMU group exists after group stop")"
  mdevadm start a
  run mdevadm group start vm
  exits 0 "$(say "group start succeeds if a member is already active")"
  same "$(group_of $A)" "$(group_of $B)" "$(say "the second member joins the IOMMU group of the active member")"
  mdevadm stop b
  hold $A
  run mdevadm group start vm
  exits 5 "$(say "group start is refused if the IOMMU group of the active member is in use")"
  err_has "the IOMMU group of '$A' is in use and cannot be joined" "$(say "the error names the member whose IOMMU group cannot be joined")"
  release
  same "$(active)" a "$(say "the active member stays active")"
  mdevadm stop a
  nothing_left "no device and no record exists at the end"
}

by_attribute() {
  cell K2 group
  defined $gpu 17
  mdevadm start a
  same "$(field a peers)" "$(cat /sys/bus/mdev/devices/$A/peer_to_peer_resource_uuid)" \
    "$(say "show reports the peer-to-peer set of a device")"
  mdevadm stop a
  mdevadm group create vm a b
  run mdevadm group start vm
  exits 0 "$(say "group start succeeds")"
  same "$(field a peers)" "$(field b peers)" "$(say "the members have the same peer-to-peer set")"
  same "$(group_of $A)" "$(group_of $B)" "$(say "the members are in one IOMMU group")"
  same "$(field a iommu_group) $(field b iommu_group)" "$(group_of $A) $(group_of $A)" \
    "$(say "show reports the IOMMU group after the join for both members")"
  same "$(field a node)" "/dev/vfio/$(group_of $A)" "$(say "show reports the VFIO group node after the join")"
  mdevadm group stop vm
  same "$(groups_left)" 0 "$(say "no IOMMU group exists after group stop")"
  mdevadm start a
  before=$(field a peers)
  run mdevadm group start vm
  exits 0 "$(say "group start succeeds if a member is already active")"
  same "$(field b peers)" "$before" "$(say "the second member joins the peer-to-peer set of the active member")"
  mdevadm stop b
  for pair in EBUSY=5 EXDEV=1 ENOSPC=6 EINVAL=1 ENODEV=1; do
    control clear
    control fault join 1 ${pair%=*}
    run mdevadm group start vm
    exits ${pair#*=} "$(say "group start fails with the exit code for ${pair%=*} if the join fails")"
    err_has "cannot join peer-to-peer set" "$(say "${pair%=*} of the join: the error says that the join failed")"
    err_has "^hint: " "$(say "${pair%=*} of the join: the error has a hint")"
    same "$(active)" a "$(say "${pair%=*} of the join: the start is rolled back and the active member stays active")"
  done
  control clear
  hold $A
  run mdevadm group start vm
  exits 5 "$(say "group start is refused if the peer-to-peer set of the active member is in use")"
  release
  mdevadm stop a
  nothing_left "no device and no record exists at the end"
}

# Nothing shows whether a kernel accepts a group: mdevadm tries it, and starts without it if sharing is not required.
cannot() {
  cell K0 create
  defined $gpu 17
  mdevadm group create vm a b
  run mdevadm group start vm
  exits 0 "$(say "group start succeeds on a parent without peer-to-peer sharing")"
  same "$(active)" "a,b" "$(say "all members are active")"
  mdevadm group stop vm
  run mdevadm group start vm --p2p require
  exits 1 "$(say "group start --p2p require fails on a parent without peer-to-peer sharing")"
  err_has "the driver cannot create the device in the IOMMU group of '$A'" \
    "$(say "the error says that the device cannot be created in the IOMMU group of the other member")"
  same "$(active)" "" "$(say "no member is active after the failed group start")"
  nothing_left "no device and no record exists at the end"
}

shift
"$@"
finish
