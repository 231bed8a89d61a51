# shellcheck shell=bash disable=SC2034
# Names and functions of the tests of vfio-ap devices: source this after checks.sh.
#
#   run_parts [DIRECTORY]       runs the parts of the script that standard input lists, each on a scenario: "SCENARIO PART", a
#                               file DIRECTORY/SCENARIO.toml if the directory is given
#   put TEXT FILE               writes one line to a file of sysfs
#   matrix UUID, guest UUID     queues of an active device, and those that its guest has, in one line
#   driver QUEUE                driver of a queue, empty if there is none
#   definition UUID             the file of its definition
#   use UUID                    a guest uses the device from now on
#   state UUID|NAME             the state that list shows

A=aaaaaaaa-0000-4000-8000-000000000001
B=aaaaaaaa-0000-4000-8000-000000000002
C=aaaaaaaa-0000-4000-8000-000000000003
parent=/sys/devices/vfio_ap/matrix
create=$parent/mdev_supported_types/vfio_ap-passthrough/create
crypto="-p matrix -t vfio_ap-passthrough"

mdevadm() { "$MDEVADM" "$@"; }
mdevctl() { (exec -a mdevctl "$MDEVADM" "$@"); }

run_parts() {
  local scenario part part_failed=0
  while read -r scenario part; do
    "$MDEVSIM" run "${1:+$1/}$scenario${1:+.toml}" -- bash "$0" "$part" || { part_failed=1; echo "# failed: $scenario $part"; }
  done
  same "$part_failed" 0 "all parts pass"
}

put() { echo "$1" 2>/dev/null >"$2"; }
matrix() { paste -sd' ' "$parent/$1/matrix"; }
guest() { paste -sd' ' "$parent/$1/guest_matrix"; }
driver() { basename "$(readlink "/sys/bus/ap/devices/$1/driver")"; }
definition() { cat "/etc/mdevadm/devices/matrix/$1.toml"; }
state() { mdevadm list --all "$1" -n -o state | tr -d ' '; }
is_used() { mdevadm list --json | jq -e --arg u "$1" '.devices[] | select(.uuid == $u) | .in_use' >/dev/null; }
use() {
  "$MDEVSIM" hold "$1" 100 >/dev/null 2>&1 &
  wait_until is_used "$1"
}
