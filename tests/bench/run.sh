#!/usr/bin/env bash
# run.sh [MDEVADM]: times mdevadm, Debian's mdevctl, and the fewest steps that list the devices (floor.cpp) on the same host of 10,000
# devices, all in one private mount namespace.
# A benchmark to read, not a test: it fails only if a command cannot be run.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
mdevadm=$(realpath "${1:-$here/../../build/release/src/mdevadm}")
[ -x "$mdevadm" ] || { echo "run.sh: $mdevadm not found: build it (cmake --preset release; cmake --build --preset release)" >&2; exit 1; }

if [ "${MDEVADM_BENCH_INSIDE:-}" != 1 ]; then
  [ "$(id -u)" = 0 ] || { echo "run.sh: run this as root: it mounts a directory over /sys in a mount namespace" >&2; exit 1; }
  "$here/../tools/packages.sh" hyperfine strace mdevctl jq bsdextrautils g++ time
  work=$(mktemp -d -p /dev/shm)
  trap 'rm -rf "$work"' EXIT
  for program in make_tree floor; do g++ -O2 -std=c++20 -o "$work/$program" "$here/$program.cpp"; done
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

# compare LABEL LIMIT RUNS OURS THEIRS: times of two commands, and the first as a multiple of the second. Wall time is the median, time of
# the processors the mean, memory the peak of one run. The limit is for both ratios.
prepare=()  # options of hyperfine
compare() {
  local label=$1 limit=$2 runs=$3 ours=$4 theirs=$5
  hyperfine -N --warmup 3 --runs "$runs" "${prepare[@]}" --export-json "$work/times.json" "$ours" "$theirs" >/dev/null 2>&1
  jq -r --arg what "$label" --arg limit "$limit" --arg memory "$(memory $ours) $(memory $theirs)" '
    def tenths: . * 10000 | round / 10;
    def hundredths: . * 100 | round / 100;
    def cpu: .user + .system;
    .results[0] as $a | .results[1] as $b | ($a.median / $b.median) as $wall | (($a | cpu) / ($b | cpu)) as $cpu |
    [$what, ($a.median | tenths), ($b.median | tenths), ($wall | hundredths), ($a | cpu | tenths), ($b | cpu | tenths), ($cpu | hundredths),
     ($memory | split(" ") | map(tonumber / 1024 | . * 10 | round / 10) | .[0], .[1]), $limit,
     (if $limit == "-" then "" elif $wall <= ($limit | tonumber) and $cpu <= ($limit | tonumber) then "within" else "OVER" end)] | @tsv' \
    "$work/times.json"
}
memory() { /usr/bin/time -f %M "$@" 2>&1 >/dev/null | tail -n 1; }  # KiB

# mdevadm reads mdevctl's definitions, too. `hide` hides them, `show` shows them again.
mkdir -p "$work"/no-json/scripts.d/{callouts,notifiers}
printf '#!/bin/sh\n[ -e %s ] || { mount --bind %s /etc/mdevctl.d && touch %s; }\n' "$work/hidden" "$work/no-json" "$work/hidden" >"$work/hide"
printf '#!/bin/sh\n[ ! -e %s ] || { umount /etc/mdevctl.d && rm %s; }\n' "$work/hidden" "$work/hidden" >"$work/show"
chmod +x "$work/hide" "$work/show"

calls() { strace -f -c -o "$work/calls" "$@" >/dev/null && awk '$NF == "total" { print $4 ~ /^[0-9]+$/ ? $4 : $3 }' "$work/calls"; }

devices=$(find /sys/bus/mdev/devices -type l | wc -l)
echo "$devices devices under $(find /sys/class/mdev_bus -type l | wc -l) parents, and as many definitions in each tool's form."
echo "Lines printed: list $("$mdevadm" list | wc -l) and $(mdevctl list | wc -l)," \
  "list --defined $("$mdevadm" list --defined | wc -l) and $(mdevctl list --defined | wc -l) (mdevadm's has a heading)."
echo "Medians; mdevadm $("$mdevadm" --version | cut -d' ' -f2), mdevctl $(dpkg-query -W -f '${Version}' mdevctl)."
{
  printf 'what\tms\tother\tratio\tCPU ms\tother\tratio\tMiB\tother\tlimit\t\n'
  compare "list --defined, files of both : mdevctl" 0.35 15 "$mdevadm list --defined" "mdevctl list --defined"
  prepare=(--prepare "$work/hide" --prepare "$work/show")
  compare "list --defined, own files : mdevctl" 0.35 15 "$mdevadm list --defined" "mdevctl list --defined"
  prepare=()
  compare "--version : mdevctl" 0.9 300 "$mdevadm --version" "mdevctl --version"
  compare "types : mdevctl" - 30 "$mdevadm types" "mdevctl types"
  # Without definitions of mdevadm and of mdevctl.
  umount /etc/mdevadm /etc/mdevctl.d
  mkdir -p /etc/mdevctl.d/scripts.d/callouts /etc/mdevctl.d/scripts.d/notifiers
  compare "list : floor" 1.25 25 "$mdevadm list" "$work/floor"
  compare "list : mdevctl" 0.3 15 "$mdevadm list" "mdevctl list"
  compare "list --json : mdevctl --dumpjson" 0.5 15 "$mdevadm list --json" "mdevctl list --dumpjson"
  ln -s "$mdevadm" "$work/mdevctl"
  compare "list --dumpjson, both as mdevctl" 0.5 15 "$work/mdevctl list --dumpjson" "mdevctl list --dumpjson"
} >"$work/table"
column -t -s $'\t' "$work/table"
ours=$(calls "$mdevadm" list) theirs=$(calls mdevctl list)
awk -v o="$ours" -v t="$theirs" -v n="$devices" 'BEGIN {
  printf "system calls a device in list: mdevadm %.2f, mdevctl %.2f (limit 5: %s)\n", o / n, t / n, o / n <= 5 ? "within" : "OVER" }'
