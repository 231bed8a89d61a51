#!/usr/bin/env bash
# run.sh: installs the Debian packages that it needs, builds mdevadm and runs all its tests, those on a real kernel in QEMU too. Builds
# twice: plain, and with the address and undefined-behaviour sanitizers. The unit tests run with the sanitizers only, where the same
# checks find more. Run it as root or with sudo. The last line counts the tests.
#   run.sh [-R REGEX] [PRESET...]
#     -R REGEX  only tests whose name matches REGEX, without format check and quick start
#     PRESET    only these builds: ci, dev, asan, tsan, release, coverage (default: ci asan; ci is dev, compiled faster)
set -euo pipefail

top=$(realpath "$(dirname "$0")/..")
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$@"
cd "$top"
only=
while getopts R: option; do
  case $option in
    R) only=$OPTARG ;;
    *) echo "usage: run.sh [-R REGEX] [PRESET...]" >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
without_units=
if [ $# = 0 ]; then
  set -- ci asan
  [ -n "$only" ] || without_units=ci
fi

part() { echo "== $1 ($SECONDS s)"; }
passed=0 failed=0
count() { if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi; }

part packages
tests/tools/packages.sh tests/tools/build-packages tests/tools/test-packages
tests/tools/promtool.sh >/dev/null
mkdir -p build
# The machine of the kernel tests; nothing else needs it.
if [ -z "$only" ] || grep -qE "$only" <<<"$(ls tests/vm | sed -n 's/^\(.*\)\.test$/vm: \1/p'; echo 'sim: kernel'; echo 'shell: readme')"; then
  part "virtual machine"
  tests/vm/prepare.sh
fi

quickstart= quickstart_failed=0
if [ -z "$only" ]; then
  part format
  # Each version of clang-format formats a little differently; the sources follow version 14, that of Debian 12.
  if clang-format --version | grep -q ' 14\.'; then
    find src include tests -name '*.[ch]pp' -print0 | xargs -0 clang-format --dry-run -Werror
  else
    echo "not checked: this is $(clang-format --version)"
  fi
  # Compiles on one processor, so the first build runs beside it.
  examples/quickstart.sh >build/quickstart.log 2>&1 &
  quickstart=$!
fi

export ASAN_OPTIONS=detect_leaks=1:halt_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
for preset in "$@"; do
  part "build: $preset"
  units=ON
  [ "$preset" != "$without_units" ] || units=OFF
  cmake --preset "$preset" -DMDEVADM_UNIT_TESTS=$units >"build/$preset.log" 2>&1 || { cat "build/$preset.log"; exit 1; }
  cmake --build --preset "$preset" >"build/$preset.log" 2>&1 || { grep -vE '^\[' "build/$preset.log"; exit 1; }
  if [ -n "$quickstart" ]; then
    part "quick start"
    code=0
    wait "$quickstart" || code=$?
    count "$code"
    quickstart_failed=$code
    quickstart=
  fi
  part "test: $preset"
  code=0
  # Tests count half processors.
  ctest --preset "$preset" ${only:+-R "$only"} --no-tests=error -j $((2 * $(nproc))) 2>&1 | tee "build/$preset.log" || code=$?
  # "98% tests passed, 2 tests failed out of 150"
  read -r bad all < <(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "build/$preset.log") || bad=0 all=0
  passed=$((passed + all - bad)) failed=$((failed + bad))
  [ "$code" = 0 ] || [ "$bad" -gt 0 ] || failed=$((failed + 1))
done
part end
# What failed, with its output: of a long log often only the end is read.
if [ "$quickstart_failed" != 0 ]; then
  echo "== failed: quick start"
  tail -n 50 build/quickstart.log
fi
for preset in "$@"; do
  awk -v preset="$preset" '/^ *[0-9]+\/[0-9]+ Test +#/ { shown = /\*\*\*/; if (shown) print "== failed in " preset }
       /^ +Start +[0-9]+: / { next }
       /^[0-9]+% tests passed/ { shown = 0 }
       shown' "build/$preset.log" | tail -n 200
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
