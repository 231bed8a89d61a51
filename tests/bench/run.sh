#!/usr/bin/env bash
# run.sh [MDEVADM]: times mdevadm and Debian's mdevctl on the same host of 10,000 devices, both in one private mount namespace.
# A benchmark to read, not a test: it fails only if a command cannot be run.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
mdevadm=$(realpath "${1:-$here/../../build/release/src/mdevadm}")
[ -x "$mdevadm" ] || { echo "run.sh: $mdevadm not found: build it (cmake --preset release; cmake --build --preset release)" >&2; exit 1; }

if [ "${MDEVADM_BENCH_INSIDE:-}" != 1 ]; then
  [ "$(id -u)" = 0 ] || { echo "run.sh: run this as root: it mounts a directory over /sys in a mount namespace" >&2; exit 1; }
  "$here/../tools/packages.sh" hyperfine strace mdevctl jq bsdextrautils g++
  work=$(mktemp -d -p /dev/shm)
  trap 'rm -rf "$work"' EXIT
  g++ -O2 -std=c++20 -o "$work/make_tree" "$here/make_tree.cpp"
  "$work/make_tree" "$work/host"
  mkdir -p "$work/upper" "$work/over"
  MDEVADM_BENCH_INSIDE=1 work=$work unshare -m --propagation private bash "$(realpath "$0")" "$mdevadm"
  exit
fi

# Inside the namespace: /sys and /etc of the generated host for both programs.
mount -t tmpfs tmpfs "$work/over"
mkdir "$work/over/upper" "$work/over/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$work/over/upper,workdir=$work/over/work" overlay /etc
mkdir -p /etc/mdevadm /etc/mdevctl.d
mount --bind "$work/host/etc/mdevadm" /etc/mdevadm
mount --bind "$work/host/etc/mdevctl.d" /etc/mdevctl.d
mount --rbind "$work/host/sys" /sys

compare() {  # LABEL LIMIT RUNS WORDS...: mdevadm's time as a multiple of mdevctl's
  local label=$1 limit=$2 runs=$3
  shift 3
  local ours="$mdevadm $*" theirs="mdevctl $*"
  hyperfine -N --warmup 3 --runs "$runs" --export-json "$work/times.json" "$ours" "$theirs" >/dev/null 2>&1
  jq -r --arg what "$label" --arg limit "$limit" '
    (.results[0].median * 1000) as $a | (.results[1].median * 1000) as $b |
    [$what, ($a * 100 | round / 100), ($b * 100 | round / 100), ($a / $b * 1000 | round / 1000), $limit,
     (if $limit == "-" then "" elif $a / $b <= ($limit | tonumber) then "within" else "OVER" end)] | @tsv' "$work/times.json"
}

calls() { strace -f -c -o "$work/calls" "$@" >/dev/null && awk '$NF == "total" { print $4 ~ /^[0-9]+$/ ? $4 : $3 }' "$work/calls"; }

devices=$(find /sys/bus/mdev/devices -type l | wc -l)
echo "$devices devices under $(find /sys/class/mdev_bus -type l | wc -l) parents, and as many definitions in each tool's form."
echo "Lines printed: list $("$mdevadm" list | wc -l) and $(mdevctl list | wc -l)," \
  "list --defined $("$mdevadm" list --defined | wc -l) and $(mdevctl list --defined | wc -l) (mdevadm's has a heading)."
echo "Medians; mdevadm $("$mdevadm" --version | cut -d' ' -f2), mdevctl $(dpkg-query -W -f '${Version}' mdevctl)."
{
  printf 'what\tmdevadm ms\tmdevctl ms\tratio\tlimit\t\n'
  compare "list --defined" 1.0 15 list --defined
  compare "--version" 2.0 300 --version
  compare "types" - 30 types
  # Without definitions of mdevadm and of mdevctl.
  umount /etc/mdevadm /etc/mdevctl.d
  mkdir -p /etc/mdevctl.d/scripts.d/callouts /etc/mdevctl.d/scripts.d/notifiers
  compare "list" 0.3 15 list
} >"$work/table"
column -t -s $'\t' "$work/table"
ours=$(calls "$mdevadm" list) theirs=$(calls mdevctl list)
awk -v o="$ours" -v t="$theirs" -v n="$devices" 'BEGIN {
  printf "system calls a device in list: mdevadm %.2f, mdevctl %.2f (limit 5: %s)\n", o / n, t / n, o / n <= 5 ? "within" : "OVER" }'
