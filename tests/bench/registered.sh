#!/usr/bin/env bash
# registered.sh [BOOTS [BUILD]]: on the real kernel with systemd and udev, the time from a parent's registration (the kernel's event
# with MDEV_STATE=registered) to the last of 24 mtty devices, for mdevadm as packaged and for Debian's mdevctl with its udev rule
# corrected (it names /usr/sbin/mdevctl, and the package has /usr/bin/mdevctl). Median of five boots each, alternating.
# A benchmark to read, not a test.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
boots=${1:-5}
build=$(realpath "${2:-$here/../../build/release}")
boot=$here/../vm/boot.sh
[ -f "$build/CPackConfig.cmake" ] || { echo "registered.sh: no build found in $build" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/shared"
cpack --config "$build/CPackConfig.cmake" -B "$work/packages" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
mv "$work"/packages/mdevadm_*.deb "$work/shared/mdevadm.deb"

cat >"$work/shared/setup" <<'T'
set -eu
uuid() { printf '8f3c2a10-0000-4000-8000-%012x' "$1"; }
rm -rf /etc/mdevadm /etc/mdevctl.d
mkdir -p /etc/mdevadm/devices/mtty /etc/mdevctl.d/{mtty,scripts.d/{callouts,notifiers}}
for i in $(seq 24); do
  if [ "$1" = mdevadm ]; then
    printf 'type = "mtty-1"\nstart = "auto"\n' >"/etc/mdevadm/devices/mtty/$(uuid "$i").toml"
  else
    printf '{"mdev_type": "mtty-1", "start": "auto", "attrs": []}' >"/etc/mdevctl.d/mtty/$(uuid "$i")"
  fi
done
if [ "$1" = mdevadm ]; then
  rm -f /lib/udev/rules.d/60-mdevctl.rules
  dpkg-deb -x /shared/mdevadm.deb /
  # It waits for parents at boot, but the parent registers later: nothing must wait for it here.
  rm /lib/systemd/system-generators/mdevadm-generator
else
  sed -i 's|/usr/sbin/mdevctl|/usr/bin/mdevctl|' /lib/udev/rules.d/60-mdevctl.rules
fi
T
cat >"$work/shared/measure" <<'T'
udevadm settle
udevadm monitor --kernel --property >/run/events &
sleep 1
modprobe mtty
for i in $(seq 300); do
  [ "$(ls /sys/bus/mdev/devices | wc -l)" != 24 ] || break
  sleep 0.2
done
sleep 1
kill %1
awk '
  /^KERNEL\[/ { time = substr($1, 8) + 0; device = / add .*\(mdev\)$/ }
  /^MDEV_STATE=registered$/ { registered = time }
  device { last = time; devices++; device = 0 }
  END { if (devices != 24) exit 1; printf "%d\n", (last - registered) * 1000 }' /run/events
T
for _ in $(seq "$boots"); do
  for who in mdevadm mdevctl; do
    echo "$who $("$boot" -t 300 -i systemd -k none -s "bash /shared/setup $who" "$work/shared" "bash /shared/measure")" | tee -a "$work/times" >&2
  done
done
median() { awk -v who="$1" '$1 == who { print $2 }' "$work/times" | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
ours=$(median mdevadm) theirs=$(median mdevctl)
printf '%-52s %8s %8s %8s\n' "24 mtty devices, median of $boots boots" ms ratio limit
printf '%-52s %8d %8.2f %8s\n' "mdevctl by its udev rule, corrected" "$theirs" 1.00 -
printf '%-52s %8d %8.2f %8.2f\n' "mdevadm by udev rule and systemd unit" "$ours" "$(awk "BEGIN { print $ours / $theirs }")" 1.00
