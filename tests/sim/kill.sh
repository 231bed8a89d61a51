# kill -9 on entry to the system calls of a group's start and stop that change something or wait: the same command run again reaches
# the same final state, on interfaces of four kinds. A test run takes every third call; POINTS=1 takes all.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/interfaces.sh"
rm -rf "$cell_files"
if [ "${1:-}" = "" ]; then
  part_failed=0
  # Two at a time, as many as CI has processors.
  in_scenario m60-f2 sweep m60-f2 &
  first=$!
  for scenario in m60-k2 vf-n1 workstation; do in_scenario $scenario sweep $scenario; done
  wait $first || part_failed=1
  same "$part_failed" 0 "all parts pass"
  finish
  exit
fi

# Two members that need every step of a start.
members() {
  case $1 in
    m60-f2) defined 0000:86:00.0 17 --attr plain=7 ;;
    m60-k2) defined 0000:86:00.0 17 --attr plain=7 ;;
    vf-n1) defined 0000:41:00.0 1149 --attr nvidia/vgpu_params=x=1 ;;
    workstation)
      mdevadm define -u $A -p 0000:86:00.0 -t nvidia-17 --name a --attr plain=7 >/dev/null
      mdevadm define -u $B -p 0000:00:02.0 -t i915-GVTg_V5_4 --name b --attr plain=7 >/dev/null ;;
  esac
  mdevadm group create vm a b --vm-uuid $VM --node-owner nobody:nogroup --node-mode 0660
}

# The state that a start has to reach.
up() {
  mdevadm list --json -o name,state,online,node_owner,node_group,node_mode,peers,node |
    jq -r '[.devices[] | "\(.name)=\(.state),\(.online),\(.node_owner):\(.node_group):\(.node_mode)"],
      (.devices | map(.peers) | unique | length), (if .devices[0].peers then (.devices | map(.node) | unique | length) else empty end)'
  case $1 in
    vf-n1) grep -hs . /sys/bus/pci/devices/*/nvidia/vgpu_params ;;
    *) cat /sys/bus/mdev/devices/*/plain ;;
  esac
}
down() {
  mdevadm list -o uuid
  ls /run/mdevadm/devices 2>/dev/null
}
is_down() { [ "$(down)" = "" ]; }

sweep() {
  local k ends=0 step=${POINTS:-3} wanted first_wrong=
  members "$1"
  mdevadm group start -q vm || failed "$1: the group starts" "exit code $?"
  wanted=$(up "$1")
  mdevadm group stop -q vm
  # The interfaces begin with different calls.
  for ((k = 1 + ${#1} % step; k < 3000; k += step)); do
    "$KILL_AT" "$k" "$MDEVADM" group start -q vm >/dev/null 2>&1
    ends=$?
    run mdevadm group start -q vm
    [ "$code" = 0 ] && [ "$(up "$1")" = "$wanted" ] || { first_wrong="call $k: exit code $code, $err, $(up "$1")"; break; }
    "$KILL_AT" "$k" "$MDEVADM" group stop -q vm >/dev/null 2>&1
    [ $? = 137 ] || [ $ends = 137 ] || break
    run mdevadm group stop -q vm
    wait_until is_down
    [ "$code" = 0 ] && [ "$(down)" = "" ] || { first_wrong="stop, call $k: exit code $code, $err, $(down)"; break; }
  done
  holds "$1: the start has more than 30 system calls at which it can be killed ($k)" test "$k" -gt 30
  same "$first_wrong" "" "$1: after a kill at each of these calls, start completes all members and stop leaves no device and no record"
}

shift
"$@"
finish
