#!/usr/bin/env bash
# sim.sh [MDEVSIM [MDEVADM]]: times the simulator itself. A benchmark to read, not a test: it fails only if a command cannot
# be run.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
"$here/../tools/packages.sh" mdevctl
mdevsim=$(realpath "${1:-$here/../../build/release/src/mdevsim}")
mdevadm=$(realpath "${2:-$here/../../build/release/src/mdevadm}")
[ -x "$mdevsim" ] || { echo "sim.sh: $mdevsim not found: build it (cmake --preset release; cmake --build --preset release)" >&2; exit 1; }
"$mdevsim" help run >/dev/null && "$mdevadm" help types >/dev/null || { echo "usage: sim.sh [MDEVSIM [MDEVADM]]" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/many.toml" <<'T'
description = "ten thousand devices"
nodes = false
[[parent]]
name = "0000:{x}:00.0"
count = 32
pci = { vendor = "10de", device = "13f2" }
driver = "nvidia"
arithmetic = { kind = "fixed" }
type = [{ id = "1", max = 400 }]
[[device]]
parent = "*"
type = "1"
count = 313
T
cat >"$work/pairs.pl" <<'T'
use Time::HiRes 'time'; use Fcntl;
my ($n, $u) = (2000, '7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01');
sub put { my $f; sysopen($f, $_[0], O_WRONLY) or die "$_[0]: $!"; defined syswrite($f, $_[1]) or die "$_[0]: $!"; }
my $type = (glob '/sys/class/mdev_bus/*/mdev_supported_types/*')[0];
my $begin = time;
for (1 .. $n) { put("$type/create", $u); put("/sys/bus/mdev/devices/$u/remove", '1'); }
printf "%.3f\n", (time() - $begin) * 1000 / $n;
T

median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
first_file() {
  local begin
  for _ in $(seq 21); do
    begin=$(date +%s%N)
    echo $((($("$mdevsim" run "$1" -- date +%s%N) - begin) / 1000)) | awk '{ printf "%.1f\n", $1 / 1000 }'
  done | median
}
verdict() { awk -v a="$1" -v b="$2" 'BEGIN { print a < b ? "within" : "OVER" }'; }

{
  printf 'what\tms\tlimit\t\n'
  for scenario in m60 workstation samples; do
    ms=$(first_file $scenario)
    printf 'from start to first command, %s\t%s\t100\t%s\n' "$scenario" "$ms" "$(verdict "$ms" 100)"
  done
  for scenario in samples m60 m60-u1 gvt; do
    ms=$(for _ in 1 2 3 4 5; do "$mdevsim" run $scenario -- perl "$work/pairs.pl"; done | median)
    printf 'create and remove, %s\t%s\t2\t%s\n' "$scenario" "$ms" "$(verdict "$ms" 2)"
  done
  # shellcheck disable=SC2016
  ms=$("$mdevsim" run "$work/many.toml" -- bash -c 'for _ in 1 2 3 4 5; do
    begin=$(date +%s%N); "$0" list >/tmp/lines.$$; echo $((($(date +%s%N) - begin) / 1000000)); done; rm /tmp/lines.$$' "$mdevadm" | median)
  printf 'list of 10,016 devices\t%s\t2000\t%s\n' "$ms" "$(verdict "$ms" 2000)"
  for devices in 0 8; do
    # shellcheck disable=SC2016
    ms=$("$mdevsim" run l40s-8 -- bash -c 'sleep 2; /usr/lib/nvidia/sriov-manage -e ALL >/dev/null
      for gpu in $(seq "$1"); do
      "$0" start -q -p "0000:$((gpu - 1))1:00.0" -t L40S-4Q >/dev/null; done
      for _ in $(seq 21); do
      begin=$(date +%s%N); "$0" types >/tmp/lines.$$; echo $((($(date +%s%N) - begin) / 100000)); done; rm /tmp/lines.$$' \
      "$mdevadm" "$devices" | median | awk '{ printf "%.1f\n", $1 / 10 }')
    printf 'types of 8 GPUs with 256 virtual functions and %s devices\t%s\t100\t%s\n' "$devices" "$ms" "$(verdict "$ms" 100)"
  done
} | column -t -s $'\t'

# The same GPUs with mdev: to mdevctl, each virtual function is a parent.
cp -r "$here/../../examples/scenarios/types" "$work"
sed 's/^name = .*/name = "0000:{}1:00.0"\ncount = 8/' "$here/../../examples/scenarios/l40s-mdev.toml" >"$work/gpus.toml"
# shellcheck disable=SC2016
"$mdevsim" run "$work/gpus.toml" -- bash -c 'for program in "$0" mdevctl; do
  for _ in $(seq 11); do
  begin=$(date +%s%N); "$program" types >/tmp/lines.$$; echo $((($(date +%s%N) - begin) / 10000)); done | sort -n | sed -n 6p; done; rm /tmp/lines.$$' \
  "$mdevadm" | paste -sd' ' |
  awk '{ printf "types of 8 GPUs with 256 mdev virtual functions: mdevadm %.1f ms, mdevctl %.1f ms, ratio %.2f (limit 0.3: %s)\n",
    $1 / 100, $2 / 100, $1 / $2, $1 / $2 <= 0.3 ? "within" : "OVER" }'
