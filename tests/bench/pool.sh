#!/usr/bin/env bash
# pool.sh [MDEVADM]: times claim on a generated host with a pool of 1,000 active members under 64 parents, beside --version. A
# benchmark to read, not a test. The generated host has no VFIO nodes, so claim searches the processes, of which a PID namespace
# leaves few.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
mdevadm=$(realpath "${1:-$here/../../build/release/src/mdevadm}")
[ -x "$mdevadm" ] || { echo "pool.sh: $mdevadm not found: build it (cmake --preset release; cmake --build --preset release)" >&2; exit 1; }
if [ "${MDEVADM_BENCH_INSIDE:-}" != 1 ]; then
  "$here/../tools/packages.sh" hyperfine jq bsdextrautils g++
  MDEVADM_BENCH_INSIDE=1 exec unshare -mpf --mount-proc bash "$(realpath "$0")" "$mdevadm"
fi
work=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$work"' EXIT
g++ -O2 -std=c++20 -o "$work/make_tree" "$here/make_tree.cpp"
"$work/make_tree" "$work/host" 1000 64
rm -r "$work/host/etc/mdevctl.d"
mkdir "$work/host/etc/mdevadm/groups"
{
  echo 'members = ['
  (cd "$work/host/etc/mdevadm/devices" && ls -- */) | sed -n 's/\.toml$//; s/^[0-9a-f]\{8\}-.*/  "&",/p'
  echo ']'
} >"$work/host/etc/mdevadm/groups/pool.toml"
{
  printf 'what\tms\tlimit\n'
  for words in --version "claim pool --for vm1" "claim pool --for vm1 --json"; do
    limit=5
    [ "$words" = --version ] && limit=-
    hyperfine -N --warmup 3 --runs 200 --export-json "$work/times.json" "$mdevadm --root $work/host $words" >/dev/null 2>&1
    printf '%s\t%s\t%s\n' "$words" "$(jq '.results[0].median * 100000 | round / 100' "$work/times.json")" "$limit"
  done
} | column -t -s $'\t'
echo "Claimed at the end: $("$mdevadm" --root "$work/host" list --claimed -n -o uuid | wc -l)"
