#!/usr/bin/env bash
# boot.sh [-t SECONDS] [-m MEGABYTES] [-k MODULES] FOLDER COMMAND...: boots the machine that prepare.sh made, with FOLDER at
# /shared and the host's root file system (changes go to memory), runs COMMAND there with bash, prints what it prints and returns
# its exit code; 124: the time ran out, 125: the machine failed.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
machine=${MDEVADM_VM_DIR:-$(realpath "$here/../..")/build/vm}
limit=120 memory=1024 modules=mtty,mdpy,mbochs
while getopts t:m:k: option; do
  case $option in
    t) limit=$OPTARG ;;
    m) memory=$OPTARG ;;
    k) modules=$OPTARG ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || { echo "boot.sh: FOLDER and COMMAND are missing" >&2; exit 2; }
[ -f "$machine/stamp" ] || { echo "boot.sh: there is no machine in $machine: run prepare.sh" >&2; exit 125; }
folder=$(realpath "$1")
shift

control=$(mktemp -d)
qemu=
cleanup() {
  [ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || true
  rm -rf "$control"
}
trap cleanup EXIT
trap 'exit 143' TERM INT HUP

printf '%s\n' "$*" >"$control/command"
cp "$here/guest/enter" "$control/enter"
: >"$control/output"

# kvm only where the processor really has it: without vmx or svm a /dev/kvm emulates each instruction, slower than tcg.
accel="-machine q35 -accel tcg,thread=multi -cpu qemu64"
if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
  accel="-machine q35 -accel kvm -cpu host"
fi
share() { echo "-fsdev local,id=$1,path=$2,security_model=none,multidevs=remap$3 -device virtio-9p-pci,fsdev=$1,mount_tag=$1"; }
# shellcheck disable=SC2046,SC2086
setpriv --pdeathsig KILL qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot $accel -m "$memory" -smp 2 \
  -kernel "$machine/vmlinux" -initrd "$machine/initramfs.gz" \
  -append "console=ttyS0 quiet panic=-1 tsc=reliable vm.modules=$modules" \
  -serial "file:$control/console" -serial "file:$control/output" \
  $(share host / ,readonly=on) $(share shared "$folder" "") $(share control "$control" "") \
  </dev/null >"$control/qemu" 2>&1 &
qemu=$!
(sleep "$limit"; touch "$control/late"; kill -9 "$qemu") 2>/dev/null &
watchdog=$!
wait "$qemu" 2>/dev/null || true
qemu=
pkill -P "$watchdog" 2>/dev/null || true
kill "$watchdog" 2>/dev/null || true

cat "$control/output"
if [ -f "$control/code" ]; then
  exit "$(cat "$control/code")"
fi
if [ -f "$control/late" ]; then
  echo "boot.sh: the time of $limit s ran out" >&2
  exit 124
fi
echo "boot.sh: the machine failed; the end of its console:" >&2
tail -n 30 "$control/console" "$control/qemu" >&2 || true
exit 125
