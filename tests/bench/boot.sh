#!/usr/bin/env bash
# boot.sh [MDEVSIM [MDEVADM]]: the time that a host takes to start its autostart devices: 32 parents × 8 devices on a driver that
# needs 100 ms per create, compared with the time of one parent's 8 and with mdevctl, whose udev rule starts one parent after another.
# A benchmark to read, not a test.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
mdevsim=$(realpath "${1:-$here/../../build/release/src/mdevsim}")
mdevadm=$(realpath "${2:-$here/../../build/release/src/mdevadm}")
[ -x "$mdevsim" ] || { echo "boot.sh: $mdevsim not found: build it (cmake --preset release; cmake --build --preset release)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/host.toml" <<'T'
description = "32 GPUs"
[[parent]]
name = "0000:{x}:00.0"
count = 32
pci = { vendor = "10de", device = "13f2" }
driver = "nvidia"
arithmetic = { kind = "fixed" }
type = [{ id = "1", max = 8 }]
T
cat >"$work/inside.sh" <<'T'
set -e
uuid() { printf '8f3c2a10-0000-4000-8000-%012x' "$1"; }
count=0
for parent in $(ls /sys/class/mdev_bus); do
  mkdir -p "/etc/mdevadm/devices/$parent" "/etc/mdevctl.d/$parent"
  for i in 1 2 3 4 5 6 7 8; do
    count=$((count + 1))
    printf 'type = "nvidia-1"\nstart = "auto"\n' >"/etc/mdevadm/devices/$parent/$(uuid $count).toml"
    printf '{"mdev_type": "nvidia-1", "start": "auto", "attrs": []}' >"/etc/mdevctl.d/$parent/$(uuid $count)"
  done
done
echo "delay create 100" >/sys/kernel/mdevsim/control
now() { date +%s%N; }
for run in 1 2 3 4 5; do
  begin=$(now)
  "$MDEVADM" start --auto
  echo "mdevadm $((($(now) - begin) / 1000000))"
  "$MDEVADM" stop --all
done
for run in 1 2 3 4 5; do
  begin=$(now)
  for parent in $(ls /sys/class/mdev_bus); do "$MDEVADM" start --auto --parent "$parent" & done
  wait
  echo "units $((($(now) - begin) / 1000000))"
  "$MDEVADM" stop --all
done
begin=$(now)
for parent in $(ls /sys/class/mdev_bus); do mdevctl start-parent-mdevs "$parent" >/dev/null 2>&1; done
echo "mdevctl $((($(now) - begin) / 1000000))"
[ "$(ls /sys/bus/mdev/devices | wc -l)" = 256 ] || { echo "boot.sh: not all devices are active" >&2; exit 1; }
T
MDEVADM=$mdevadm "$mdevsim" run "$work/host.toml" -- bash "$work/inside.sh" >"$work/times"
median() { awk -v who="$1" '$1 == who { print $2 }' "$work/times" | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
line() { printf '%-52s %8d %8.2f %8s\n' "$1" "$2" "$(awk "BEGIN { print $2 / 800 }")" "$3"; }
printf '%-52s %8s %8s %8s\n' "32 parents x 8 devices, 100 ms per create" ms ratio limit
line "the creates of one parent" 800 -
line "mdevadm start --auto" "$(median mdevadm)" 1.20
line "mdevadm start --auto --parent P, in parallel (units)" "$(median units)" -
line "mdevctl start-parent-mdevs P, one after the other" "$(median mdevctl)" -
