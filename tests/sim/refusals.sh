# Removals that the driver refuses for a while although no process uses the device, as NVIDIA's drivers do after a virtual machine
# has ended, and values of vgpu_params, of which its driver drops the last byte.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
c=aaaaaaaa-0000-4000-8000-000000000003
devices=/sys/bus/mdev/devices
control() { "$MDEVSIM" control "$@"; }

# Without a simulated host: runs the parts.
if [ "${1:-}" = "" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  cp -r "$here/../../examples/scenarios/types" "$scratch"
  sed 's/^functions = 8/&\nlinger = 7000/' "$here/../../examples/scenarios/vf-n1.toml" >"$scratch/linger.toml"
  failed_parts=
  while read -r scenario part; do
    "$MDEVSIM" run "${scenario/SCRATCH/$scratch}" -- bash "$0" "$part" || failed_parts+=" $part"
  done <<'P'
m60 parameters
m60-u1 mediated
samples for_good
vf-n1 functions
SCRATCH/linger.toml linger
P
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

# Since Linux 5.2, the file remove has removed itself when the driver refuses.
for_good() {
  "$MDEVADM" start -u $a -p mtty -t mtty-1 >/dev/null
  control fault remove 1 EIO
  run "$MDEVADM" stop $a
  exits 1 "the driver refuses the removal"
  run "$MDEVADM" stop $a
  exits 1 "a second stop fails"
  err_has "cannot stop '$a': cannot remove the device: the driver has refused an earlier request, or another process is removing the device, and the kernel accepts no further request$" \
    "the error does not say that a removal is pending"
  err_has "^hint: if no process is removing it, reload the driver of the parent to remove the device$" "the hint says how to remove it"
  "$MDEVADM" start -u $b -p mtty -t mtty-1 >/dev/null
  control fault remove 1 EACCES
  run "$MDEVADM" stop $b
  exits 1 "a removal that is not permitted"
  run "$MDEVADM" stop $b
  exits 0 "can be repeated"
}

parameters() {
  local gpu=0000:86:00.0 directory
  directory=$(mktemp -d)
  ln -s "$MDEVADM" "$directory/mdevctl"
  PATH=$directory:$PATH
  params_of() { cat "$devices/$1/nvidia/vgpu_params"; }
  mdevctl define -u $a -p $gpu -t nvidia-16
  mdevctl modify -u $a --addattr=nvidia/vgpu_params --value=frame_rate_limiter=0
  mdevctl start -u $a
  same "$(params_of $a)" frame_rate_limiter=0 "mdevctl start writes vgpu_params completely"
  echo '{"mdev_type":"nvidia-16","start":"manual","attrs":[{"nvidia/vgpu_params":"disable_vnc=1"}]}' >"$directory/file"
  mdevctl start -u $b -p $gpu --jsonfile "$directory/file"
  same "$(params_of $b)" disable_vnc=1 "mdevctl start --jsonfile writes vgpu_params completely"
  echo '{"mdev_type":"nvidia-16","start":"manual","attrs":[{"nvidia/vgpu_params":"disable_vnc=1\n"}]}' >"$directory/file"
  mdevctl start -u $c -p $gpu --jsonfile "$directory/file"
  same "$(params_of $c)" disable_vnc=1 "a value that ends in a newline gets no second one"
  rm -r "$directory"
}

# run_refused COMMAND...: like run; the driver accepts the removal as soon as the command reports that it waits
run_refused() {
  local files process
  files=$(mktemp -d)
  command_line="$*"
  "$@" >"$files/out" 2>"$files/err" & process=$!
  wait_until grep -qs '^mdevadm: waiting' "$files/err"
  control clear
  wait $process
  code=$?
  out=$(cat "$files/out") err=$(cat "$files/err")
  rm -r "$files"
}

# refused DEVICE: the driver refuses its removal, for a second or for good
refused() {
  local errno
  for errno in EBUSY EPERM; do
    control fault remove 0 $errno
    run "$MDEVADM" stop "$1"
    exits 5 "stop fails if the driver answers $errno"
    err_has "cannot stop '$1' \($a\): the driver reports that the device is in use \(.*\), but no process that uses it was found" \
      "the error says that no process was found ($errno)"
    err_has "^hint: wait for the driver: mdevadm stop $1 --timeout 30$" "the hint is a command that waits ($errno)"
    run "$MDEVADM" stop "$1" --timeout 0.5
    exits 5 "stop --timeout fails if the driver still refuses at the end ($errno)"
    err_has "cannot stop '$1' \($a\): at the end of the waiting time, the driver reports" "the error says that the time is over ($errno)"
    err_lacks "--timeout 30" "there is no hint to wait after waiting ($errno)"
    run_refused "$MDEVADM" stop "$1" --timeout 30
    exits 0 "stop --timeout repeats the removal until the driver accepts it ($errno)"
    err_has "^mdevadm: waiting up to 30 s for the release of '$1'" "the command says that it waits ($errno)"
    "$MDEVADM" start "$1"
  done
}

# In this interface mdev passes on the answer of the driver; from Linux 5.2 on it ignores it.
mediated() {
  "$MDEVADM" define $a -p 0000:86:00.0 -t nvidia-16 --name seat >/dev/null
  "$MDEVADM" start seat
  refused seat
  same "$(cat $devices/$a/mdev_type/name)" "GRID M60-2Q" "the device can be started again afterwards"
}

functions() {
  "$MDEVADM" define $a -p 0000:41:00.0 -t 1149 --name seat >/dev/null
  "$MDEVADM" start seat
  refused seat
  control fault remove 0 EBUSY
  run "$MDEVADM" restart seat
  exits 5 "restart fails if the driver refuses the removal"
  err_has "^hint: wait for the driver: mdevadm restart seat --timeout 30$" "the hint for restart is a restart that waits"
  run_refused "$MDEVADM" restart seat --timeout 30
  exits 0 "restart --timeout repeats the removal"
  wait
  "$MDEVADM" group create vm seat
  control fault remove 0 EBUSY
  run "$MDEVADM" group stop vm
  exits 5 "group stop fails if the driver refuses the removal"
  err_has "^hint: wait for the driver: mdevadm group stop vm --timeout 30$" "the hint for a group is to stop the group"
  run_refused "$MDEVADM" group stop vm --timeout 30
  exits 0 "group stop --timeout repeats the removal"
  wait
}

# After its virtual machine has ended, the driver is busy with the vGPU for longer than it waits itself.
linger() {
  local gpu=0000:41:00.0 scratch holder
  "$MDEVADM" define $a -p $gpu -t 1149 --name seat >/dev/null
  "$MDEVADM" start seat
  scratch=$(mktemp)
  "$MDEVSIM" hold 0000:41:00.4 100 >"$scratch" &
  holder=$!
  wait_until grep -q holding "$scratch"
  rm "$scratch"
  kill $holder
  wait $holder
  run "$MDEVADM" stop seat --timeout 30
  exits 0 "stop --timeout waits until the driver has finished with the virtual machine"
  same "$(cat /sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type)" 0 "the virtual function is free"
}

"$1"
finish
