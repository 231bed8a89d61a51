#!/usr/bin/env bash
# run-test.sh NAME MDEVADM: boots the machine and runs tests/vm/NAME.test in it, with a persistent directory at /shared.
# Comments in the test configure the machine, one per line:
#   # boots=2             number of boots; $BOOT is the number of the current one
#   # init=systemd        systemd is process 1 and has booted when the test runs
#   # modules=mtty,mdpy   drivers that are loaded before the test; none: not even the mdev core
#   # cpus=2              number of processors, 1 by default
#   # disk=64M            a disk at /persist persists over the boots: data that was not flushed is lost in a power cut
#   # packages=yes        the Debian packages of the build are in /shared/packages
#   # cuts=1,2            these boots must end by a power cut (bash /control/cut), the others must not
#   # random-cuts=3       instead of boots and cuts: as many boots that end by a power cut, and one that does not;
#                         $MDEVADM_TEST_CUTS is another number
# If there is a tests/vm/NAME.setup, it runs before all other processes of each boot.
# $MDEVADM_VM_KEEP, if set, is a directory to which /shared is copied at the end.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
name=$1
mdevadm=$(realpath "$2")
machine=$("$here/machine.sh")
directory=$(mktemp -d)
trap '[ -z "${MDEVADM_VM_KEEP:-}" ] || cp -r "$directory/shared" "$MDEVADM_VM_KEEP"; rm -rf "$directory"' EXIT

wish() { sed -n "s/^# $1=//p" "$here/$name.test"; }  # NAME
fail() { echo "run-test.sh: $*" >&2; exit 1; }
programs=$(dirname "$mdevadm")
in_guest() {  # FILE BOOT
  echo "PATH=$programs:\$PATH HOLD=$machine/hold KILL_AT=$programs/../tests/kill_at BOOT=$2 BOOTS=${boots:-1} ASAN_OPTIONS=detect_leaks=1 bash $1"
}

mkdir "$directory/shared"
options=(-t "${MDEVADM_VM_SECONDS:-1700}" -i "$(wish init | grep . || echo bash)")
cpus=$(wish cpus) modules=$(wish modules) disk=$(wish disk) boots=$(wish boots) cuts=$(wish cuts) random_cuts=$(wish random-cuts)
if [ -n "$random_cuts" ]; then
  random_cuts=${MDEVADM_TEST_CUTS:-$random_cuts}
  boots=$((random_cuts + 1)) cuts=$(seq -s, "$random_cuts")
fi
[ -z "$cpus" ] || options+=(-c "$cpus")
[ -z "$modules" ] || options+=(-k "$modules")
if [ -n "$disk" ]; then
  truncate -s "$disk" "$directory/disk"
  mkfs.ext4 -q "$directory/disk"
  options+=(-d "$directory/disk")
fi

if [ -n "$(wish packages)" ]; then
  cpack --config "$programs/../CPackConfig.cmake" -B "$directory/packages" >"$directory/log" 2>&1 || { cat "$directory/log" >&2; exit 1; }
  mkdir "$directory/shared/packages"
  mv "$directory"/packages/*.deb "$directory/shared/packages/"
fi

for boot in $(seq 1 "${boots:-1}"); do
  setup=()
  [ ! -f "$here/$name.setup" ] || setup=(-s "$(in_guest "$here/$name.setup" "$boot")")
  code=0
  "$here/boot.sh" "${options[@]}" "${setup[@]}" "$directory/shared" "$(in_guest "$here/$name.test" "$boot")" |
    tee "$directory/output" || code=$?
  if [[ ,$cuts, == *,$boot,* ]]; then
    # The test could not report its result.
    [ $code = 126 ] || fail "boot $boot had to end by a power cut, but ended with exit code $code"
    ! grep -q '^not ok' "$directory/output" || fail "a check failed before the power was cut"
  elif [ $code != 0 ]; then
    exit $code
  fi
done
