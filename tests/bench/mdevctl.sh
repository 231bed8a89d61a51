#!/usr/bin/env bash
# mdevctl.sh [MDEVADM]: times mdevadm under the name mdevctl and Debian's mdevctl, as libvirt runs them: list --dumpjson of 0,
# 100 and 1000 definitions and active devices. A benchmark to read, not a test: it fails only if a command cannot be run.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
mdevadm=$(realpath "${1:-$here/../../build/release/src/mdevadm}")
[ -x "$mdevadm" ] || { echo "mdevctl.sh: $mdevadm not found: build it (cmake --preset release; cmake --build --preset release)" >&2; exit 1; }

if [ "${MDEVADM_BENCH_INSIDE:-}" != 1 ]; then
  [ "$(id -u)" = 0 ] || { echo "mdevctl.sh: run this as root: it mounts a directory over /sys in a mount namespace" >&2; exit 1; }
  "$here/../tools/packages.sh" hyperfine mdevctl jq bsdextrautils
  work=$(mktemp -d -p /dev/shm)
  trap 'rm -rf "$work"' EXIT
  MDEVADM_BENCH_INSIDE=1 work=$work unshare -m --propagation private bash "$(realpath "$0")" "$mdevadm"
  exit
fi

parent=0000:0a:00.0 type=nvidia-36
home=sys/devices/pci0000:00/$parent

lay() {  # COUNT: COUNT definitions and active devices in $work/COUNT
  local top=$work/$1 number uuid
  mkdir -p "$top"/etc/{scripts.d/{callouts,notifiers},$parent} "$top"/sys/{bus/mdev/devices,class/mdev_bus} \
    "$top/$home/mdev_supported_types/$type"
  ln -s "../../devices/pci0000:00/$parent" "$top/sys/class/mdev_bus/$parent"
  for ((number = 0; number < $1; number++)); do
    printf -v uuid 'aaaaaaaa-1111-2222-3333-%012d' "$number"
    printf '{"mdev_type":"%s","start":"auto","attrs":[{"n":"%s"}]}' "$type" "$number" >"$top/etc/$parent/$uuid"
    mkdir "$top/$home/$uuid"
    ln -s "../mdev_supported_types/$type" "$top/$home/$uuid/mdev_type"
    ln -s "../../../devices/pci0000:00/$parent/$uuid" "$top/sys/bus/mdev/devices/$uuid"
  done
}

compare() {  # LIMIT COUNT WORDS...
  local limit=$1 count=$2 round
  shift 2
  # mdevctl 1.2.0 reports the attributes of the definition for an active device.
  cmp -s <("$work/mdevctl" "$@" | jq -c "del(.. | .attrs?)") <(mdevctl "$@" | jq -c "del(.. | .attrs?)") || { echo "mdevctl.sh: the outputs of mdevadm and mdevctl differ: $*" >&2; exit 1; }
  # Alternating, so that other load on the machine affects both.
  for round in {1..10}; do
    hyperfine -N --warmup 3 --runs 30 --export-json "$work/times-$round.json" "$work/mdevctl $*" "mdevctl $*" >/dev/null 2>&1
  done
  jq -s -r --arg what "$*, $count" --arg limit "$limit" '
    def median(program): [.[].results[program].times[]] | sort | .[length / 2 | floor];
    (median(0) * 1000) as $a | (median(1) * 1000) as $b |
    [$what, ($a * 100 | round / 100), ($b * 100 | round / 100), ($a / $b * 1000 | round / 1000), $limit,
     (if $limit == "-" then "" elif $a / $b <= ($limit | tonumber) then "within" else "OVER" end)] | @tsv' "$work"/times-*.json
}

mkdir -p /etc/mdevctl.d
ln -s "$mdevadm" "$work/mdevctl"
echo "Medians; mdevadm $("$mdevadm" --version | cut -d' ' -f2) under the name mdevctl, mdevctl $(dpkg-query -W -f '${Version}' mdevctl)."
{
  printf 'what\tmdevadm ms\tmdevctl ms\tratio\tlimit\t\n'
  for count in 0 100 1000; do
    lay "$count"
    mount --bind "$work/$count/etc" /etc/mdevctl.d
    mount --bind "$work/$count/sys" /sys
    case $count in 0) limit=1.0 ;; 1000) limit=0.5 ;; *) limit=- ;; esac
    compare $limit "$count" list --dumpjson --defined
    compare $limit "$count" list --dumpjson
    umount /sys /etc/mdevctl.d
  done
} >"$work/table"
column -t -s $'\t' "$work/table"
