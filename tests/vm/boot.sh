#!/usr/bin/env bash
# boot.sh [OPTION...] DIR COMMAND...: boots the machine that prepare.sh made, with DIR at /shared and the host's root file
# system (changes go to memory), runs COMMAND there with bash, prints its output and returns its exit code; 124: timeout,
# 125: the machine failed, 126: its power was cut (by guest/cut, or because the machine has written a time to /control/kill-after).
#   -t SECONDS    timeout of the machine
#   -m MEGABYTES  its memory
#   -c CPUS       its processors
#   -k MODULES    the drivers to load, a,b,c; "none": not even the mdev core
#   -r            DIR read-only
#   -i systemd    boots to multi-user.target and runs COMMAND when that is reached; otherwise only COMMAND runs
#   -s COMMAND    runs this first, before any process but init
#   -d IMAGE      an ext4 image as a disk, mounted at /persist
set -euo pipefail

here=$(dirname "$(realpath "$0")")
machine=$("$here/machine.sh")
limit=120 memory=1024 cpus=1 modules=mtty,mdpy,mbochs access=rw init=bash setup='' disk=''

usage() {
  echo "usage: boot.sh [-t SECONDS] [-m MEGABYTES] [-c CPUS] [-k MODULES] [-r] [-i bash|systemd] [-s COMMAND] [-d IMAGE]" \
    "DIR COMMAND..." >&2
  exit 2
}
fail() { echo "boot.sh: $*" >&2; exit 125; }

while getopts t:m:c:k:ri:s:d: option; do
  case $option in
    t) limit=$OPTARG ;;
    m) memory=$OPTARG ;;
    c) cpus=$OPTARG ;;
    k) modules=$OPTARG ;;
    r) access=ro ;;
    i) init=$OPTARG ;;
    s) setup=$OPTARG ;;
    d) disk=$OPTARG ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[[ $# -ge 2 && $limit =~ ^[1-9][0-9]*$ && $memory =~ ^[1-9][0-9]*$ && $cpus =~ ^[1-9]$ && $init =~ ^(bash|systemd)$ ]] || usage
[ -d "$1" ] || fail "cannot share $1: no such directory"
[ -z "$disk" ] || [ -f "$disk" ] || fail "cannot use $disk as a disk: no such file"
directory=$(realpath "$1")
shift
[ -f "$machine/stamp" ] || fail "cannot boot: there is no machine in $machine: run prepare.sh"
[ "$(cat "$machine/release" 2>/dev/null)" = "$("$here/machine.sh" release)" ] ||
  fail "cannot boot: the machine in $machine was made for another Debian release: run prepare.sh"

control=$(mktemp -d "${TMPDIR:-/tmp}/mdevadm-vm.XXXXXX")
qemu='' reader='' killer=''
# If this script is killed, descriptor 9 is closed and this child removes the temporary files. It has a session of its own, so that
# a signal to the whole process group does not reach it.
# shellcheck disable=SC2016
exec 9> >(exec setsid bash -c 'cat; rm -rf "$1"' sweeper "$control" >/dev/null 2>&1)
# shellcheck disable=SC2317
cleanup() {
  # timeout passes SIGTERM on, and sends SIGKILL five seconds later.
  [ -z "$qemu" ] || kill -TERM "$qemu" 2>/dev/null || true
  [ -z "$reader" ] || kill "$reader" 2>/dev/null || true
  [ -z "$killer" ] || kill "$killer" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$control"
}
trap 'exec 9>&-; cleanup' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$control/guest"
printf '%s\n' "$*" >"$control/guest/command"
[ -z "$setup" ] || printf '%s\n' "$setup" >"$control/guest/setup"
cp "$here"/guest/{enter,cut,systemd} "$control/guest/"

# kvm only where the processor really has it: without vmx or svm a /dev/kvm emulates each instruction, slower than tcg.
accelerator=(-accel 'tcg,thread=multi' -cpu qemu64)
if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
  accelerator=(-accel kvm -cpu host)
fi

words="console=ttyS0 quiet panic=-1 tsc=reliable"
# The kernel counts timer interrupts to see whether they arrive. On a busy host they arrive too late for that, and the kernel has been
# seen to hang in the fallbacks that it tries then.
words+=" no_timer_check"
# Self-tests of ciphers, of a key derivation and of the jitter random number generator take a second, and Linux 6.1 has been seen to
# hang in the first. A name that a kernel does not have is ignored.
words+=" cryptomgr.notests initcall_blacklist=crypto_kdf108_init,jent_mod_init"
# With libraries at the same addresses in all processes, QEMU 7.2 translates their code once instead of in each process, which halves
# the time of tests that run many programs. Mitigations are indirect jumps, which emulation executes slowly.
words+=" norandmaps mitigations=off init_on_alloc=0"
words+=" vm.modules=$modules vm.access=$access vm.init=$init vm.disk=${disk:+vda}"
options=(-nodefaults -no-user-config -display none -no-reboot -machine q35 "${accelerator[@]}" -m "$memory" -smp "$cpus"
  -kernel "$machine/vmlinux" -initrd "$machine/initramfs.cpio"
  -append "$words"
  -serial "file:$control/console" -chardev 'stdio,id=output,signal=off' -serial chardev:output)
share() {  # NAME DIR [MORE]: QEMU requires a comma in a value to be doubled
  options+=(-fsdev "local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap${3:-}" -device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}
share host / ,readonly=on
share shared "$directory" "$([ $access = rw ] || echo ,readonly=on)"
share control "$control/guest"
# Data that the machine has flushed is in the host's page cache, which persists after QEMU ends; data in the machine's own memory is
# lost with it. "unsafe" only omits the wait for the host's disk; the machine sees a disk with a write cache that it has to flush.
[ -z "$disk" ] || options+=(-drive "file=${disk//,/,,},format=raw,if=virtio,cache=unsafe")

# QEMU makes its output non-blocking, which must not affect the caller's file: hence a pipe between them.
mkfifo "$control/output"
cat "$control/output" 9>&- &
reader=$!
# If this script dies, the kernel kills timeout, and if timeout dies, it kills QEMU.
setpriv --pdeathsig KILL timeout --foreground -k 5 "$limit" setpriv --pdeathsig KILL qemu-system-x86_64 "${options[@]}" \
  </dev/null >"$control/output" 2>"$control/qemu" 9>&- &
qemu=$!
# The machine does not see it coming: QEMU may be in the middle of writing a block.
kill_when_asked() {
  local seconds=''
  until read -r seconds 2>/dev/null <"$control/guest/kill-after"; do sleep 0.1; done
  sleep "$seconds"
  : >"$control/guest/power-cut"
  pkill -KILL -P "$qemu"
}
kill_when_asked 9>&- &
killer=$!
ended=0
wait "$qemu" 2>/dev/null || ended=$?
qemu=
kill "$killer" 2>/dev/null || true
wait "$killer" 2>/dev/null || true
killer=
wait "$reader" || true
reader=

show_console() { tail -q -n 30 "$control/qemu" "$control/console" >&2 || true; }
# 137: QEMU was killed, by timeout or by another process. It counts even if COMMAND has ended: the machine did not shut down.
if [ "$ended" = 124 ] || { [ "$ended" = 137 ] && [ "$SECONDS" -ge "$limit" ]; }; then
  echo "boot.sh: timeout after $limit s; the end of the console:" >&2
  show_console
  exit 124
fi
if [ -s "$control/guest/code" ]; then
  exit "$(cat "$control/guest/code")"
fi
if [ -e "$control/guest/power-cut" ]; then
  exit 126
fi
echo "boot.sh: the machine failed; the end of its console:" >&2
show_console
exit 125
