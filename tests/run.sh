#!/usr/bin/env bash
# run.sh: builds mdevadm and runs all its tests, those on a real kernel in QEMU too; installs the Debian packages it needs.
# Twice: as developers build it, and with the address and undefined-behaviour sanitizers; and what is done by many threads at once
# with the thread sanitizer. As root or with sudo.
#   run.sh [PRESET...]   only these builds: dev, asan, tsan, release, coverage
set -euo pipefail

top=$(realpath "$(dirname "$0")/..")
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$@"
[ $# -gt 0 ] || set -- dev asan tsan
cd "$top"

# shellcheck disable=SC2046
tests/tools/packages.sh $(cat tests/tools/build-packages tests/tools/test-packages)
tests/vm/prepare.sh

echo "== format"
find src include tests -name '*.[ch]pp' -print0 | xargs -0 clang-format --dry-run -Werror

mkdir -p build
passed=0 failed=0
echo "== quickstart"
if examples/quickstart.sh >build/quickstart.log 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); cat build/quickstart.log; fi
export ASAN_OPTIONS=detect_leaks=1:halt_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
for preset in "$@"; do
  echo "== build: $preset"
  cmake --preset "$preset" >"build/$preset.log" 2>&1 || { cat "build/$preset.log"; exit 1; }
  cmake --build --preset "$preset" >"build/$preset.log" 2>&1 || { grep -vE '^\[' "build/$preset.log"; exit 1; }
  echo "== test: $preset"
  code=0
  ctest --preset "$preset" -j "$(nproc)" 2>&1 | tee "build/$preset.log" || code=$?
  # "98% tests passed, 2 tests failed out of 150"
  read -r bad all < <(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "build/$preset.log")
  passed=$((passed + all - bad)) failed=$((failed + bad))
  [ "$code" = 0 ] || [ "$bad" -gt 0 ] || failed=$((failed + 1))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
