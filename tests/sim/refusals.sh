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
l40s unbound
a40 unbound
l40s all_unbound
P
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

# The driver takes no type on a virtual function that was unbound from it and bound again, until all are enabled again.
rebind() { echo "$1" >/sys/bus/pci/drivers/nvidia/unbind && echo "$1" >/sys/bus/pci/drivers/nvidia/bind; }
vf_of() { "$MDEVADM" list --all --json -o uuid,vf | jq -r --arg u "$1" '.devices[] | select(.uuid == $u) | .vf'; }
unbound() {
  local gpu first second third type
  gpu=$("$MDEVADM" types --json | jq -r '.types[0].parent')
  first=${gpu%0}4 second=${gpu%0}5 third=${gpu%0}6
  type=$("$MDEVADM" types "$gpu" --json | jq -r '.types[] | select(.name | endswith("-4Q")) | .type')
  rebind "$first"
  run "$MDEVADM" start -u $a -p "$gpu" -t "$type"
  same "$code $(vf_of $a)" "0 $second" "a start uses the next virtual function if the first one refuses the type"
  err_has "^mdevadm: warning: '$a': $second is used, because the driver refuses type $type on $first \(Input/output error\); starts that choose a virtual function use the latter last$" \
    "a warning names both"
  run "$MDEVADM" start -u $b -p "$gpu" -t "$type"
  same "$code $err $(vf_of $b)" "0  $third" "later starts do not try it"
  "$MDEVADM" stop $a $b
  run "$MDEVADM" start -p "$gpu" -t "$type" --count 2
  same "$code $("$MDEVADM" list --json -o vf | jq -r '.devices[].vf' | sort | xargs)" "0 $second $third" "nor does --count"
  "$MDEVADM" list -n -o uuid | xargs "$MDEVADM" stop
  run "$MDEVADM" define $c -p "$gpu" -t "$type"
  same "$code $(vf_of $c)" "0 $second" "define does not reserve it"
  "$MDEVADM" undefine $c

  # It is not known any more, and the first device of a command is given the virtual function of the second one.
  rm -r /run/mdevadm/functions
  run "$MDEVADM" start -p "$gpu" -t "$type" --count 3
  same "$code $("$MDEVADM" list --json -o vf | jq -r '.devices[].vf' | sort | xargs)" "0 $second $third ${gpu%0}7" "--count 3 uses three others"
  "$MDEVADM" list -n -o uuid | xargs "$MDEVADM" stop
  rm -r /run/mdevadm/functions
  "$MDEVADM" define $c -p "$gpu" -t "$type" --name c >/dev/null
  sed -i '/^vf/d' "/etc/mdevadm/devices/$gpu/$c.toml"
  run "$MDEVADM" start c
  same "$code $(grep '^vf' "/etc/mdevadm/devices/$gpu/$c.toml")" "0 vf = \"$second\"" "a definition without a virtual function reserves the one that is used"
  run "$MDEVADM" stop c
  exits 0 "the device can be stopped"

  # Virtual machines refer to the address of a definition.
  rm -r /run/mdevadm/functions
  "$MDEVADM" modify c --vf "$first"
  for words in "start c" "start --auto"; do
    [ "$words" = "start c" ] || "$MDEVADM" modify c --auto
    # shellcheck disable=SC2086
    run "$MDEVADM" $words
    exits 1 "$words: a definition is not started on another virtual function than its own"
    err_has "virtual function $first refuses type $type \(Input/output error\), although $gpu can create a vGPU of this type now" "$words: the error names the virtual function"
    err_lacks "another size|not initialized|no GPU instance" "$words: and no other cause"
    err_has "^hint: change the virtual function in the virtual machine and in the definition, and exclude the old one: mdevadm modify c --vf $second && mdevadm parent set $gpu --reserve $first$" "$words: the hint moves the definition"
    err_has "^hint: enable the virtual functions again, .*: /usr/lib/nvidia/sriov-manage -d $gpu && /usr/lib/nvidia/sriov-manage -e $gpu$" "$words: another one enables the virtual functions again"
  done
  same "$("$MDEVADM" list -n -o uuid) $(ls /run/mdevadm/devices)" " " "nothing is active, and no record remains"
  run "$MDEVADM" check
  err_lacks "no problem" "check reports it"
  "$MDEVADM" start -p "$gpu" -t "$type" -u $a 2>/dev/null
  run "$MDEVADM" start c
  err_has "^hint: list the vGPUs of the GPU, which must be stopped before .*: mdevadm list --parent $gpu$" "beside another vGPU the virtual functions are not to be disabled"
  run "$MDEVADM" start -p "$gpu" -t "$type" -u $b --vf "$first"
  exits 4 "it is reserved for the definition"
  "$MDEVADM" modify c --vf "${gpu%0}7"
  run "$MDEVADM" start -p "$gpu" -t "$type" -u $b --vf "$first"
  same "$code $(vf_of $b)" "1 " "a virtual function that the user names is not exchanged"
  err_has "^hint: exclude the virtual function until it takes types again: mdevadm parent set $gpu --reserve $first$" "the hint excludes it"

  "$MDEVADM" stop $a
  /usr/lib/nvidia/sriov-manage -d "$gpu" >/dev/null && /usr/lib/nvidia/sriov-manage -e "$gpu" >/dev/null
  run "$MDEVADM" start -p "$gpu" -t "$type" -u $a
  same "$code $err $(vf_of $a)" "0  $first" "it is used again when the virtual functions were enabled again"
  same "$(ls /run/mdevadm/functions)" "" "then it is not recorded any more"
}

# If all refuse a type, not all are tried.
all_unbound() {
  local gpu=0000:41:00.0 vf tried
  for vf in /sys/bus/pci/devices/$gpu/virtfn*; do rebind "$(basename "$(readlink "$vf")")"; done
  tried() { grep -c 'vfio_pci_core_device not found' /sys/kernel/mdevsim/log; }
  run "$MDEVADM" start -u $a -p $gpu -t L40S-4Q
  exits 1 "a start fails if each virtual function that it tries refuses the type"
  err_has "cannot start '$a': virtual function 0000:41:01.4 refuses type 1150 \(Input/output error\), although $gpu can create a vGPU of this type now; so do 0000:41:00.4, 0000:41:00.5, .*, 0000:41:01.3; all changes were rolled back$" \
    "the error names them"
  same "$(tried)" 9 "nine are tried"
  same "$(ls /run/mdevadm/devices)" "" "no record remains"
}

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
