#!/usr/bin/env bash
# run-test.sh NAME MDEVADM: boots the machine and runs tests/vm/NAME.test in it, once for each boot that the test wants ("boots=2"
# in it), with a folder at /shared that lasts over the boots.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
test_file=$here/$1.test
mdevadm=$(realpath "$2")
machine=${MDEVADM_VM_DIR:-$(realpath "$here/../..")/build/vm}
shared=$(mktemp -d)
trap 'rm -rf "$shared"' EXIT

boots=$(sed -n 's/^# boots=//p' "$test_file")
for boot in $(seq 1 "${boots:-1}"); do
  "$here/boot.sh" -t "${MDEVADM_VM_SECONDS:-420}" "$shared" \
    "PATH=$(dirname "$mdevadm"):\$PATH HOLD=$machine/hold KILL_AT=$(dirname "$mdevadm")/../tests/kill_at BOOT=$boot ASAN_OPTIONS=detect_leaks=1 bash $test_file"
done
