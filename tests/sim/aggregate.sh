# One device of several instances, as proposed from 2018 to 2020: create arguments (A0, A1), attributes of the device
# (A2, in three forms), a file of the type (A3).
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/interfaces.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  in_scenario gvt-a0 gvt A0 busy
  in_scenario gvt-a1 gvt A1 busy
  in_scenario gvt-a2-rfc gvt A2-rfc blocks
  in_scenario gvt-a2-v2 gvt A2-v2 blocks
  in_scenario gvt-a2-v3 gvt A2-v3 blocks
  in_scenario gvt-a3 gvt A3 blocks
  same "$part_failed" 0 "all parts pass"
  cells_are A0 A1 A2-rfc A2-v2 A2-v3 A3
  finish
  exit
fi

gvt() {  # INTERFACE KIND
  local interface=$1 p=0000:00:02.0 t=i915-GVTg_V5_8
  left() { cat /sys/class/mdev_bus/$p/mdev_supported_types/$t/available_instances; }
  discovered "$interface" $p upstream $t
  run mdevadm show $p -o capabilities
  out_has "^  aggregation$" "$(say "show reports that the parent supports aggregation")"
  same "$(mdevadm types $p --json | jq -c '[.types[] | select(.aggregate != null).type]')" "[\"$t\"]" \
    "$(say "types --json reports aggregation for one type only")"
  defined $p $t
  created "$interface" $A
  mdevadm stop a
  attributed "$interface" plain /sys/bus/mdev/devices/$A/plain
  removed "$interface" "$2" /sys/devices/pci0000:00/$p/$A

  cell "$interface" aggregate
  run mdevadm modify a --aggregate 3
  exits 0 "$(say "modify --aggregate accepts 3 instances")"
  run mdevadm start a
  exits 0 "$(say "a device of 3 instances starts")"
  case $interface in
    A0) same "$(cat /sys/bus/mdev/devices/$A/instances)" 3 "$(say "the kernel reports 3 instances for the device")" ;;
    A1) same "$(cat /sys/bus/mdev/devices/$A/aggregated_instances)" 3 "$(say "the kernel reports 3 aggregated instances for the device")" ;;
    A2*) same "$(cat /sys/bus/mdev/devices/$A/mdev/aggregated_instances)" 3 \
      "$(say "the kernel reports 3 aggregated instances for the device")" ;;
    A3) same "$(cat /sys/class/mdev_bus/$p/mdev_supported_types/$t/aggregator)" 1 \
      "$(say "the aggregator attribute of the type is reset to 1 after the start")" ;;
  esac
  # The first proposal with attributes reserves the instances only when the device is opened.
  if [ "$interface" = A2-rfc ]; then
    same "$(left)" 6 "$(say "6 of 7 instances are available until the device is opened")"
  else
    same "$(left)" 4 "$(say "4 of 7 instances are available after the start")"
  fi
  [ "$interface" = A3 ] || same "$(field a units)" 3 "$(say "show reports 3 units for the device")"
  mdevadm stop a
  same "$(left)" 7 "$(say "all 7 instances are available after stop")"
  run mdevadm modify a --aggregate 8
  exits 1 "$(say "modify --aggregate above the maximum is refused")"
  err_has "8 aggregated instances requested, but type $t on $p supports at most 7$" \
    "$(say "the error names the maximum number of aggregated instances")"
  run mdevadm define -p $p -t i915-GVTg_V5_4 --aggregate 2
  exits 1 "$(say "define --aggregate is refused for a type without aggregation")"
  err_has "type i915-GVTg_V5_4 on $p does not support aggregation$" "$(say "the error says that the type does not support aggregation")"
  for _ in 1 2 3 4 5; do mdevadm start -p $p -t $t >/dev/null; done
  run mdevadm start a
  exits 6 "$(say "start fails with exit code 6 if fewer instances are available than the device requires")"
  err_has "requires 3 instances of $t, 2 available" "$(say "the error names the required and the available instances")"
  same "$(mdevadm list -o uuid | grep -c $A)" 0 "$(say "a start that lacks instances creates no device")"
  mdevadm list -o uuid | sed 1d | xargs -n1 "$MDEVADM" stop

  # shellcheck disable=SC2086
  errors_at_create "$interface" $all_create_errors
  if [ "${interface#A2}" != "$interface" ]; then
    for pair in EINVAL=1 ENOSPC=6 E2BIG=1; do
      control fault attribute 1 ${pair%=*}
      run mdevadm start a
      exits ${pair#*=} "$(say "start fails with the exit code for ${pair%=*} if aggregation fails")"
      err_has "cannot aggregate 3 instances: " "$(say "${pair%=*} of aggregation: the error says that aggregation failed")"
      same "$(active)" "" "$(say "${pair%=*} of aggregation: the start is rolled back")"
      control clear
    done
  fi
  same "$(left)" 7 "$(say "all 7 instances are available after the failed starts")"
  nothing_left "no device and no record exists at the end"
}

shift
"$@"
finish
