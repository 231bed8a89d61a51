# IBM Z crypto on the simulator: adapters, domains and masks as administrators and guides use them.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  while read -r scenario part; do
    "$MDEVSIM" run "$scenario" -- bash "$0" "$part" || { part_failed=1; echo "# failed: $scenario $part"; }
  done <<'T'
ap-host bus
T
  same "$part_failed" 0 "all parts pass"
  finish
  exit
fi

A=aaaaaaaa-0000-4000-8000-000000000001
B=aaaaaaaa-0000-4000-8000-000000000002
parent=/sys/devices/vfio_ap/matrix
create=$parent/mdev_supported_types/vfio_ap-passthrough/create
put() { echo "$1" 2>/dev/null >"$2"; }
driver() { basename "$(readlink "/sys/bus/ap/devices/$1/driver")"; }
matrix() { paste -sd' ' "$parent/$1/matrix"; }

# The kernel's files, without mdevadm: the steps of a guide.
bus() {
  same "$(basename -a /sys/bus/ap/devices/* | paste -sd' ')" \
    "05.0004 05.0014 05.0047 06.0004 06.0014 06.0047 card05 card06" "the bus lists cards and queues"
  same "$(driver 05.0014) $(cat /sys/bus/ap/devices/05.0014/online)" "cex4queue 1" "after a boot queues are the host's"
  put $A $create
  put 0x05 $parent/$A/assign_adapter
  run put 0x14 $parent/$A/assign_domain
  exits 1 "a queue of the host cannot be assigned"
  run chzdev -t ap apmask=-0x5
  exits 0 "chzdev frees the queues of a card"
  same "$(cut -c1-6 /sys/bus/ap/apmask) $(driver 05.0014) $(driver 06.0014)" "0xfbff vfio_ap cex4queue" \
    "the mask and the drivers of its queues change"
  run put 0x14 $parent/$A/assign_domain
  exits 0 "a free queue can be assigned"
  same "$(matrix $A) $(cat /sys/bus/ap/devices/05.0014/status)" "05.0014 assigned" "device and queue show the assignment"
  run chzdev -t ap apmask=0-0xff
  exits 9 "chzdev refuses to take a queue away from a device"
  run chzdev -t ap apmask=+5,6
  exits 3 "chzdev refuses a mixture of numbers with and without sign"
  put "$(printf '0x04,%s,' 0x000008)" $parent/$A/ap_config
  same "$(matrix $A)" "05.0014" "a short ap_config is accepted"
  put $B $create
  put 5 $parent/$B/assign_adapter
  run put 20 $parent/$B/assign_domain
  exits 1 "a queue of another device cannot be assigned"
  out=$(cat /sys/kernel/mdevsim/log)
  out_has "queue 05.0014 already assigned to $A" "the kernel log names queue and owner"
}

"$1"
finish
