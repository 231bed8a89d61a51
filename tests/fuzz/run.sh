#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]: builds the fuzzers with clang, runs each target (default: all) for SECONDS, and prints a table of executions,
# covered edges and features, inputs and findings. Inputs that are found are written to build/fuzz/found/TARGET. MERGE=1 copies the smallest ones
# that add edges to the corpus. BUILT=1: the fuzzers are built. Ends with 1 if a target crashed, leaked memory or took too long; the input is in
# build/fuzz/crash/. The executions of all runs are recorded in build/fuzz/runs; "run.sh table" prints their sums.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
seconds=${1:?usage: run.sh SECONDS [TARGET...] | table}
shift
[ $# -gt 0 ] || { cd "$here/corpus" && set -- *; }
cd "$here/../.."
if [ "$seconds" = table ]; then
  echo "| target | executions | edges | features | findings |"
  echo "|---|---|---|---|---|"
  awk '{ runs[$2] += $3; findings[$2] += $6; all += $3; bad += $6; if ($4 > edges[$2]) edges[$2] = $4; if ($5 > features[$2]) features[$2] = $5 }
    END { for (name in runs) printf "| %s | %d | %d | %d | %d |\n", name, runs[name], edges[name], features[name], findings[name] | "sort"
          close("sort"); printf "| all | %d | | | %d |\n", all, bad }' build/fuzz/runs
  exit
fi
if [ "${BUILT:-}" != 1 ]; then
  "$here/../tools/packages.sh" clang
  cmake --preset fuzz >/dev/null
  cmake --build --preset fuzz >build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }
fi
mkdir -p build/fuzz/crash

# Longer inputs take longer and only repeat what shorter ones do.
longest() {
  case $1 in
    words | command) echo 256 ;;
    ap | description | mdevadm-words | mdevctl-words | uevent) echo 512 ;;
    callout | run-files | type-table | vgpu-table) echo 1024 ;;
    *) echo 2048 ;;
  esac
}

# Stacks of allocations are recorded, and freed memory is kept from reuse, only as far as a report needs. Leaks are searched for at the end, in
# one pass over all inputs: after each input it would take more time than the input.
fast=quarantine_size_mb=16:thread_local_quarantine_size_kb=64:malloc_context_size=2:detect_leaks=0
fuzz() { TMPDIR=/dev/shm "build/fuzz/fuzz-$target" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/crash/$target-" "$@"; }

failed=0 all=0
printf '%-16s %12s %8s %8s %8s %8s\n' target executions edges features inputs findings
for target; do
  found=build/fuzz/found/$target corpus=tests/fuzz/corpus/$target log=build/fuzz/$target.log
  mkdir -p "$found"
  group=$(basename "$(grep -l "Target{\"$target\"," "$here"/*_targets.cpp)" _targets.cpp)
  ln -sf "tests/fuzz_$group" "build/fuzz/fuzz-$target"
  before=$(find build/fuzz/crash -name "$target-*" | wc -l)
  { ASAN_OPTIONS=$fast fuzz -max_total_time="$seconds" -max_len="$(longest "$target")" -print_final_stats=1 -detect_leaks=0 "$found" "$corpus" &&
    fuzz -runs=0 "$found" "$corpus"; } >"$log" 2>&1 || { failed=1; echo "$target: failed, see $log"; }
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | head -n 1)
  edges='' features=''
  read -r edges features < <(sed -nE 's/.* cov: ([0-9]+) ft: ([0-9]+) .*/\1 \2/p' "$log" | tail -n 1) || true
  findings=$(($(find build/fuzz/crash -name "$target-*" | wc -l) - before))
  printf '%-16s %12s %8s %8s %8s %8s\n' "$target" "${runs:-0}" "${edges:-0}" "${features:-0}" "$(find "$found" -type f | wc -l)" "$findings"
  echo "$(date -uI) $target ${runs:-0} ${edges:-0} ${features:-0} $findings" >>build/fuzz/runs
  all=$((all + ${runs:-0}))
  if [ "${MERGE:-}" = 1 ] && [ "$findings" = 0 ]; then
    ASAN_OPTIONS=$fast fuzz -set_cover_merge=1 -max_len=1024 "$corpus" "$found" >/dev/null 2>&1
  fi
done
echo "executions: $all"
exit $failed
