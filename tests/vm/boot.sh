#!/usr/bin/env bash
# boot.sh [-t SECONDS] [-m MEGABYTES] [-k MODULES] [-r] FOLDER COMMAND...: boots the machine that prepare.sh made, with FOLDER at
# /shared (-r: read-only) and the host's root file system (changes go to memory), runs COMMAND there with bash, prints what it
# prints and returns its exit code; 124: the time ran out, 125: the machine failed.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
machine=${MDEVADM_VM_DIR:-$(realpath "$here/../..")/build/vm}
limit=120 memory=1024 modules=mtty,mdpy,mbochs access=rw

usage() { echo "usage: boot.sh [-t SECONDS] [-m MEGABYTES] [-k MODULES] [-r] FOLDER COMMAND..." >&2; exit 2; }
fail() { echo "boot.sh: $*" >&2; exit 125; }

while getopts t:m:k:r option; do
  case $option in
    t) limit=$OPTARG ;;
    m) memory=$OPTARG ;;
    k) modules=$OPTARG ;;
    r) access=ro ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[[ $# -ge 2 && $limit =~ ^[1-9][0-9]*$ && $memory =~ ^[1-9][0-9]*$ ]] || usage
[ -d "$1" ] || fail "cannot share $1: no such folder"
folder=$(realpath "$1")
shift
[ -f "$machine/stamp" ] || fail "cannot boot: there is no machine in $machine: run prepare.sh"

control=$(mktemp -d "${TMPDIR:-/tmp}/mdevadm-vm.XXXXXX")
qemu='' reader=''
# Killed without a chance to clean up, we close descriptor 9; then this child sweeps up after us. It has a session of its own, so
# that what kills our whole process group leaves it alone.
# shellcheck disable=SC2016
exec 9> >(exec setsid bash -c 'cat; rm -rf "$1"' sweeper "$control" >/dev/null 2>&1)
# shellcheck disable=SC2317
cleanup() {
  # timeout hands the signal on, and five seconds later the one that cannot be refused.
  [ -z "$qemu" ] || kill -TERM "$qemu" 2>/dev/null || true
  [ -z "$reader" ] || kill "$reader" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$control"
}
trap 'exec 9>&-; cleanup' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$control/guest"
printf '%s\n' "$*" >"$control/guest/command"
cp "$here/guest/enter" "$control/guest/enter"

# kvm only where the processor really has it: without vmx or svm a /dev/kvm emulates each instruction, slower than tcg.
accelerator=(-accel 'tcg,thread=multi' -cpu qemu64)
if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
  accelerator=(-accel kvm -cpu host)
fi

# The kernel tests its ciphers for a second if it is let, and has been seen to hang there.
words="console=ttyS0 quiet panic=-1 tsc=reliable cryptomgr.notests vm.modules=$modules vm.access=$access"
options=(-nodefaults -no-user-config -display none -no-reboot -machine q35 "${accelerator[@]}" -m "$memory" -smp 2
  -kernel "$machine/vmlinux" -initrd "$machine/initramfs.gz"
  -append "$words"
  -serial "file:$control/console" -chardev 'stdio,id=output,signal=off' -serial chardev:output)
share() {  # NAME FOLDER [MORE]: QEMU wants a comma in a value doubled
  options+=(-fsdev "local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap${3:-}" -device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}
share host / ,readonly=on
share shared "$folder" "$([ $access = rw ] || echo ,readonly=on)"
share control "$control/guest"

# QEMU makes its output non-blocking, which must not reach the file that our caller gave us: hence a pipe between them.
mkfifo "$control/output"
cat "$control/output" 9>&- &
reader=$!
# Whoever dies takes the next one along: we timeout, timeout QEMU.
setpriv --pdeathsig KILL timeout --foreground -k 5 "$limit" setpriv --pdeathsig KILL qemu-system-x86_64 "${options[@]}" \
  </dev/null >"$control/output" 2>"$control/qemu" 9>&- &
qemu=$!
ended=0
wait "$qemu" 2>/dev/null || ended=$?
qemu=
wait "$reader" || true
reader=

if [ -s "$control/guest/code" ]; then
  exit "$(cat "$control/guest/code")"
fi
# 137: QEMU had to be killed, by timeout or by somebody else.
if [ "$ended" = 124 ] || { [ "$ended" = 137 ] && [ "$SECONDS" -ge "$limit" ]; }; then
  echo "boot.sh: the time of $limit s ran out" >&2
  exit 124
fi
echo "boot.sh: the machine failed; the end of its console:" >&2
tail -q -n 30 "$control/qemu" "$control/console" >&2 || true
exit 125
