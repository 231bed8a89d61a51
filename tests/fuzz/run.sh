#!/usr/bin/env bash
# run.sh SECONDS [TARGET...]: builds the fuzzers with clang, runs each target (default: all) for SECONDS, and prints a table of executions,
# covered edges and inputs. Inputs that are found are written to build/fuzz/found/TARGET. MERGE=1 copies those that add coverage to the
# corpus. Ends with 1 if a target crashed, leaked memory or took too long; the input is in build/fuzz/crash/.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
seconds=${1:?usage: run.sh SECONDS [TARGET...]}
shift
[ $# -gt 0 ] || { cd "$here/corpus" && set -- *; }
cd "$here/../.."
"$here/../tools/packages.sh" clang
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz >build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }
mkdir -p build/fuzz/crash
failed=0 all=0
printf '%-16s %12s %8s %8s %8s\n' target executions edges features inputs
for target; do
  mkdir -p "build/fuzz/found/$target"
  ln -sf tests/fuzz "build/fuzz/fuzz-$target"
  TMPDIR=/dev/shm "build/fuzz/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/crash/$target-" "build/fuzz/found/$target" "tests/fuzz/corpus/$target" >"build/fuzz/$target.log" 2>&1 ||
    { failed=1; echo "$target: failed, see build/fuzz/$target.log"; }
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$target.log")
  edges= features=
  read -r edges features < <(sed -nE 's/.* cov: ([0-9]+) ft: ([0-9]+) .*/\1 \2/p' "build/fuzz/$target.log" | tail -n 1) || true
  printf '%-16s %12s %8s %8s %8s\n' "$target" "${runs:-0}" "${edges:-0}" "${features:-0}" "$(find "build/fuzz/found/$target" -type f | wc -l)"
  all=$((all + ${runs:-0}))
  if [ "${MERGE:-}" = 1 ] && [ $failed = 0 ]; then
    TMPDIR=/dev/shm "build/fuzz/fuzz-$target" -merge=1 -max_len=1024 "tests/fuzz/corpus/$target" "build/fuzz/found/$target" >/dev/null 2>&1
  fi
done
echo "executions: $all"
exit $failed
