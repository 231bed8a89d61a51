#!/usr/bin/env bash
# group.sh [MDEVSIM [MDEVADM]]: the time that a group of 4 parents × 4 members takes to start on a driver that needs 100 ms a create,
# compared with the time of the longest lane (4 creates) and with mdevctl, which starts one device after another. A benchmark to
# read, not a test.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
mdevsim=$(realpath "${1:-$here/../../build/release/src/mdevsim}")
mdevadm=$(realpath "${2:-$here/../../build/release/src/mdevadm}")
[ -x "$mdevsim" ] || { echo "group.sh: $mdevsim not found: build it (cmake --preset release; cmake --build --preset release)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/four.toml" <<'T'
description = "four GPUs"
[[parent]]
name = "0000:{x}:00.0"
count = 4
pci = { vendor = "10de", device = "13f2" }
driver = "nvidia"
arithmetic = { kind = "fixed" }
type = [{ id = "1", max = 8 }]
T
cat >"$work/inside.sh" <<'T'
members=()
for parent in $(ls /sys/class/mdev_bus); do
  for i in 1 2 3 4; do
    members+=("$("$MDEVADM" define -p "$parent" -t nvidia-1)")
  done
done
"$MDEVADM" group create vm "${members[@]}"
echo "delay create 100" >/sys/kernel/mdevsim/control
for run in 1 2 3 4 5; do
  begin=$(date +%s%N)
  "$MDEVADM" group start -q vm
  echo "mdevadm $((($(date +%s%N) - begin) / 1000000))"
  "$MDEVADM" group stop -q vm
done
for parent in $(ls /sys/class/mdev_bus); do
  for i in 1 2 3 4; do mdevctl define --uuid "$(cat /proc/sys/kernel/random/uuid)" --parent "$parent" --type nvidia-1 --auto; done
done
for run in 1 2 3; do
  begin=$(date +%s%N)
  for parent in $(ls /sys/class/mdev_bus); do mdevctl start-parent-mdevs "$parent" >/dev/null 2>&1; done
  echo "mdevctl $((($(date +%s%N) - begin) / 1000000))"
  for device in $(ls /sys/bus/mdev/devices); do mdevctl stop --uuid "$device"; done
done
T
MDEVADM=$mdevadm "$mdevsim" run "$work/four.toml" -- bash "$work/inside.sh" >"$work/times"
median() { awk -v who="$1" '$1 == who { print $2 }' "$work/times" | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
ours=$(median mdevadm) theirs=$(median mdevctl)
printf '%-34s %8s %8s %8s\n' "" ms ratio limit
printf '%-34s %8d %8s %8s\n' "longest lane: 4 creates of 100 ms" 400 1.00 -
printf '%-34s %8d %8.2f %8.2f\n' "group start, 4 parents x 4 members" "$ours" "$(awk "BEGIN { print $ours / 400 }")" 1.20
printf '%-34s %8d %8.2f %8s\n' "mdevctl, one after the other" "$theirs" "$(awk "BEGIN { print $theirs / 400 }")" -
