#!/usr/bin/env bash
# apply.sh [MDEVADM]: times `apply` of a description with 1000 devices on a generated host with 64 GPUs, first and repeated, and counts
# the files that the repeated one opens for writing. A benchmark to read, not a test: it fails only if a command cannot be run.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
mdevadm=$(realpath "${1:-$here/../../build/release/src/mdevadm}")
[ -x "$mdevadm" ] || { echo "apply.sh: $mdevadm not found: build it (cmake --preset release; cmake --build --preset release)" >&2; exit 1; }

if [ "${MDEVADM_BENCH_INSIDE:-}" != 1 ]; then
  [ "$(id -u)" = 0 ] || { echo "apply.sh: run this as root: it mounts a directory over /sys in a mount namespace" >&2; exit 1; }
  "$here/../tools/packages.sh" strace bsdextrautils g++
  work=$(mktemp -d -p /dev/shm)
  trap 'rm -rf "$work"' EXIT
  g++ -O2 -std=c++20 -o "$work/make_tree" "$here/make_tree.cpp"
  "$work/make_tree" "$work/host" 0 64
  find "$work/host" -name available_instances -exec sh -c 'for file; do echo 20 >"$file"; done' sh {} +
  MDEVADM_BENCH_INSIDE=1 work=$work unshare -m --propagation private bash "$(realpath "$0")" "$mdevadm"
  exit
fi

mkdir -p "$work/run" "$work/over"
mount -t tmpfs tmpfs "$work/over"
mkdir "$work/over/upper" "$work/over/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$work/over/upper,workdir=$work/over/work" overlay /etc
mkdir -p /etc/mdevadm
mount --bind "$work/run" /run
mount --rbind "$work/host/sys" /sys
printf 'version = 1\n[[device]]\nname = "seat-{}"\ncount = 1000\ntype = "nvidia-36"\nstate = "defined"\n' >"$work/host.toml"

timed() {  # COMMAND...: milliseconds
  local begin
  begin=$(date +%s%N)
  "$@" >/dev/null 2>&1
  echo $((($(date +%s%N) - begin) / 1000000))
}
apply=("$mdevadm" apply -f "$work/host.toml")
first=$(timed "${apply[@]}")
again=$(for _ in 1 2 3 4 5 6 7; do timed "${apply[@]}"; done | sort -n | sed -n 4p)
writes=$(strace -f -e trace=openat,openat2,rename,renameat,unlink,unlinkat,mkdir,mkdirat "${apply[@]}" 2>&1 |
  grep -cE '(O_WRONLY|O_RDWR|O_CREAT|^(\[pid +[0-9]+\] )?(rename|unlink|mkdir))' || true)
{
  printf 'what\tmeasured\tlimit\t\n'
  printf 'first apply, 1000 devices on 64 GPUs\t%s ms\t-\t\n' "$first"
  printf 'the same again, median of 7\t%s ms\t300\t%s\n' "$again" "$([ "$again" -lt 300 ] && echo within || echo OVER)"
  printf 'files opened for writing by it\t%s\t0\t%s\n' "$writes" "$([ "$writes" = 0 ] && echo within || echo OVER)"
} | column -t -s $'\t'
