# Preparing parents on the simulator: virtual functions and commands as set, what must not be touched, failures of all kinds, and
# kills at every step.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0 directory=$(mktemp -d)
  cp -r "$here/../../examples/scenarios/types" "$directory"
  sed 's/^vgpud = .*/vgpud = false/' "$here/../../examples/scenarios/a100-boot.toml" >"$directory/host.toml"
  while read -r scenario part; do
    "$MDEVSIM" run "$scenario" -- bash "$0" "$part" || { part_failed=1; echo "# failed: $scenario $part"; }
  done <<T
$directory/host.toml early
l40s-boot settings
l40s-boot nvidia
l40s-boot busy
l40s-boot lock
l40s-boot midway
l40s-boot commands
l40s-boot vanish
l40s-boot together
l40s-boot kills
l40s-boot boot
l40s-boot late
l40s reserved
a40 mediated
a16 board
flex plain
T
  rm -r "$directory"
  same "$part_failed" 0 "all parts pass"
  finish
  exit
fi

mdevadm() { "$MDEVADM" "$@"; }
devices=/sys/bus/pci/devices
drivers=/sys/bus/pci/drivers
manage=/usr/lib/nvidia/sriov-manage
files=/etc/mdevadm/parents
control() { "$MDEVSIM" control "$@"; }
driver() { basename "$(readlink "$devices/$1/driver")"; }
enabled() { cat "$devices/$1/sriov_numvfs"; }
put() { echo "$1" 2>/dev/null >"$2"; }
gpu=0000:41:00.0 first=0000:41:00.4 last=0000:41:04.3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
write() { mkdir -p $files; cat >"$files/$1.toml"; }
state() { mdevadm parent list --json | jq -r --arg p "$1" '.parent_settings[] | select(.parent == $p) | "\(.state) \(.enabled)/\(.total) \(.used) \(.reason)"'; }
offers_types() { [ "$(grep -c : "$devices/$1/nvidia/creatable_vgpu_types")" -gt 1 ]; }
is_complete() { [ "$(enabled $gpu) $(driver $gpu) $(driver $first) $(driver $last)" = "32 nvidia nvidia nvidia" ]; }

settings() {
  run mdevadm parent list
  same "$code $out$err" "0 mdevadm: no parent has settings" "without settings the list is empty"
  run mdevadm parent show $gpu
  exits 3 "a parent without settings is not found"
  err_has "^hint: write settings: mdevadm parent set $gpu --vfs all$" "the hint sets it"
  run mdevadm parent set pci_0000_41_00_0 --vfs all --method sriov-manage --reserve 41:00.4 --reserve 0000:41:00.5 \
    --run 'nvidia-smi vgpu -i 0 -shm 1' --run "sh -c 'exit 0'" --check '' --check 'true a "b c"' --run-timeout 1min
  exits 0 "all settings of a parent can be set, by libvirt's name of it"
  same "$(cat $files/$gpu.toml)" 'virtual_functions = "all"
method = "sriov-manage"
reserved = ["0000:41:00.4", "0000:41:00.5"]

[[run]]
command = ["nvidia-smi", "vgpu", "-i", "0", "-shm", "1"]
timeout = 60

[[run]]
command = ["sh", "-c", "exit 0"]
check = ["true", "a", "b c"]
timeout = 60' "the file has the settings"
  sed -i '1i # by hand\nunknown = 1' $files/$gpu.toml
  run mdevadm parent set 41:00.0 --unreserve 41:00.5 --method '' --run ''
  exits 0 "settings can be removed"
  same "$(cat $files/$gpu.toml)" '# by hand
unknown = 1
virtual_functions = "all"
reserved = ["0000:41:00.4"]' "comments and unknown keys are preserved"
  run mdevadm parent set $gpu --vfs all
  same "$code $err" "0 mdevadm: settings of '$gpu' unchanged" "equal settings are not written"
  run mdevadm parent set $gpu --unreserve 41:00.5
  exits 3 "a reservation that does not exist cannot be removed"
  run mdevadm parent set $gpu --vfs 33
  exits 4 "more virtual functions than supported are refused"
  err_has "cannot set parent '$gpu': 33 virtual functions are more than the device supports \(32\)" "the error has both numbers"
  run mdevadm parent set $gpu --vfs 3
  exits 4 "sriov-manage cannot enable some virtual functions only"
  run mdevadm parent set $gpu --vfs 3 --force --dry-run
  out_has "virtual_functions: all -> 3" "--force accepts it"
  run mdevadm parent set $gpu --reserve 0000:42:00.4
  exits 4 "a virtual function of another GPU cannot be reserved, although none is enabled"
  run mdevadm parent set 0000:99:00.0 --vfs all
  exits 3 "an unknown parent is not found"
  run mdevadm parent set 0000:99:00.0 --vfs all --force
  exits 0 "--force writes settings of an absent parent"
  same "$(state 0000:99:00.0)" "absent null/null null no such device on this host" "an absent parent is shown as such"
  run mdevadm parent prepare 0000:99:00.0
  exits 3 "an absent parent cannot be prepared"
  err_has "^hint: list the PCI devices of the host: lspci -D$" "a hint lists the devices of the host"
  err_has "^hint: if the device was removed, remove its settings: mdevadm parent unset 0000:99:00.0$" "another one removes the settings"
  run mdevadm parent unset 0000:99:00.0
  exits 0 "settings can be removed as a whole"
  run mdevadm parent unset 0000:99:00.0
  exits 3 "removing them again fails"
  run mdevadm parent unset other
  err_has "^hint: list parents with settings: mdevadm parent list$" "the hint lists the parents that have settings"
  err_lacks "parent set" "and does not say how to write the settings"
  while read -r words; do
    run mdevadm parent set $gpu $words
    exits 2 "invalid arguments are refused: $words"
  done <<'W'

--vfs 0
--vfs many
--method other
--reserve any
--reserve x
--run a/b
--run 'a
--check true
--run true --check true --check true
--run true --run-timeout never
W
  run mdevadm parent set $gpu --reserve +41:00.6
  err_has "invalid PCI address '\+41:00.6' \(expected e.g. 0000:41:00.4\)$" "a reservation is an address"
  run mdevadm parent set ../x --vfs all
  exits 2 "a name that is not a path component is refused"
  run mdevadm parent prepare
  exits 2 "prepare needs a parent"
  $manage -e $gpu >/dev/null
  run mdevadm parent set $first --vfs all
  exits 4 "a virtual function has no settings"
  err_has "^hint: .*mdevadm parent show $gpu$" "the hint names its parent"
  printf 'virtual_functions = "all"\nmethod = 3\n' | write 0000:98:00.0
  : | write bad:name
  run mdevadm parent list
  exits 0 "a broken file does not prevent a list"
  err_has "warning: $files/0000:98:00.0.toml:2:10: 'method' must be a string, not an integer; skipping this parent" "the broken file is named with line and column"
  out_has "^$gpu +all +32 +32 +0 prepared" "the other parent is listed"
  run mdevadm parent prepare 0000:98:00.0
  exits 1 "a parent with a broken file is not prepared"
  err_has "cannot prepare '0000:98:00.0': $files/0000:98:00.0.toml:2:10" "the error names the file"
  run mdevadm parent set 0000:98:00.0 --vfs all --force
  exits 1 "a broken file is not overwritten"
  run mdevadm parent unset bad:name
  exits 0 "a parent need not be a PCI device"
}

nvidia() {
  mdevadm parent set $gpu --vfs all --run 'nvidia-smi vgpu -i 0 -shm 1'
  same "$(state $gpu)" "unprepared 0/32 0 0 of 32 virtual functions are enabled" "after power-on the parent is not prepared"
  run mdevadm parent prepare $gpu --dry-run
  out_has "enable 32 virtual functions of $gpu by sriov-manage" "a dry run shows the steps"
  same "$(enabled $gpu)" 0 "a dry run changes nothing"
  run mdevadm parent prepare 41:00.0 -v
  exits 0 "prepare succeeds"
  err_has "run nvidia-smi vgpu -i 0 -shm 1: done" "--verbose reports each step"
  holds "all virtual functions are enabled and bound" is_complete
  out=$(nvidia-smi -q)
  out_has "vGPU Heterogeneous Mode +: Enabled" "the command was run after the virtual functions were enabled"
  same "$(state $gpu)" "prepared 32/32 0 null" "the parent is prepared"
  run mdevadm parent prepare $gpu
  same "$code $err" "0 mdevadm: '$gpu' is already prepared" "a second prepare does nothing and says so"
  run mdevadm parent prepare --all --json
  same "$(jq -r '.results[] | "\(.parent) \(.outcome)"' <<<"$out")" "$gpu unchanged" "the JSON result has the outcome"
  $manage -d $gpu >/dev/null
  control functions $gpu 4
  wait_until test -e $devices/0000:41:00.7/driver
  run mdevadm parent prepare $gpu
  exits 0 "another number of virtual functions is corrected"
  holds "all are enabled" is_complete
  put vfio-pci $devices/$last/driver_override
  put $last $drivers/nvidia/unbind
  put $last /sys/bus/pci/drivers_probe
  same "$(state $gpu)" "unprepared 32/32 0 some virtual functions are not bound to nvidia" "a virtual function on vfio-pci is noticed"
  run mdevadm parent prepare $gpu
  exits 0 "a virtual function without NVIDIA's driver is corrected"
  holds "all are bound" is_complete
  control reboot
  rm -r /run/mdevadm/parents
  run mdevadm parent prepare --all
  exits 0 "prepare succeeds after a reboot"
  holds "all virtual functions are enabled" is_complete
  run mdevadm parent prepare 0000:99:00.0
  exits 3 "a parent without settings cannot be prepared"
  mdevadm parent set 0000:99:00.0 --vfs all --force
  run mdevadm parent prepare --all --timeout 0.2
  exits 8 "one of two parents is missing"
  err_has "cannot prepare '0000:99:00.0': no such device on this host" "the error names it"
  mkdir $work/other
  run mdevadm --root $work/other parent prepare --all
  exits 0 "another root has no parents with settings"
}

hold() {  # FUNCTION: until release
  scratch=$(mktemp)
  "$MDEVSIM" hold "$1" >"$scratch" &
  holder=$!
  wait_until test -s "$scratch"
  rm "$scratch"
}
release() { kill $holder; wait $holder 2>/dev/null; }

busy() {
  control functions $gpu 4
  wait_until test -e $devices/0000:41:00.7/driver
  mdevadm parent set $gpu --vfs all
  wait_until offers_types 0000:41:00.6
  put 1150 $devices/0000:41:00.6/nvidia/current_vgpu_type
  run mdevadm parent prepare $gpu
  exits 5 "a GPU with a vGPU is not touched"
  err_has "cannot prepare '$gpu': virtual function 0000:41:00.6 has a vGPU \(type 1150\)" "the error names the virtual function"
  same "$(state $gpu)" "unprepared 4/32 1 4 of 32 virtual functions are enabled" "the list counts it"
  hold 0000:41:00.6
  run mdevadm parent prepare $gpu
  exits 5 "a GPU of which a virtual function is open is not touched"
  err_has "0000:41:00.6 is in use by .*\(pid $holder\)" "the error names the process"
  same "$(enabled $gpu)" 4 "nothing was changed"
  release
  put 0 $devices/0000:41:00.6/nvidia/current_vgpu_type
  put vfio-pci $devices/0000:41:00.7/driver_override
  put 0000:41:00.7 $drivers/nvidia/unbind
  put 0000:41:00.7 /sys/bus/pci/drivers_probe
  hold 0000:41:00.7
  run mdevadm parent prepare $gpu
  exits 5 "a virtual function that is passed through as a whole counts as use"
  release
  run mdevadm parent prepare $gpu
  exits 0 "when it is released, prepare succeeds"
  holds "all virtual functions are enabled" is_complete
  put 1150 $devices/$first/nvidia/current_vgpu_type
  run mdevadm parent prepare $gpu
  exits 0 "a prepared GPU may be in use"
  mdevadm parent set $gpu --run 'false'
  run mdevadm parent prepare $gpu
  exits 5 "no command runs while a vGPU exists"
  mdevadm parent set $gpu --run 'false' --check 'true'
  run mdevadm parent prepare $gpu
  exits 0 "unless its check shows that it need not run"
  put 0 $devices/$first/nvidia/current_vgpu_type
  $manage -d $gpu >/dev/null
  put vfio-pci $devices/$gpu/driver_override
  put $gpu $drivers/nvidia/unbind
  put $gpu /sys/bus/pci/drivers_probe
  run mdevadm parent prepare $gpu
  exits 4 "a GPU that is passed through as a whole is not touched"
  err_has "the GPU is bound to vfio-pci, not to nvidia" "the error names the driver"
  hint=$(sed -n 's/^hint: bind it to nvidia: //p' <<<"$err")
  bash -c "$hint"
  run mdevadm parent prepare $gpu
  exits 0 "after the command in the hint, prepare succeeds"
}

lock() {
  mdevadm parent set $gpu --vfs all
  control client $gpu on
  run mdevadm parent prepare $gpu --timeout 1
  exits 5 "a GPU that a program uses is reported"
  err_has "cannot prepare '$gpu': the driver does not release the GPU, because a program uses it \(Cannot obtain unbindLock" "the error has the reason"
  same "$(enabled $gpu) $(driver $gpu)" "0 nvidia" "the GPU is unchanged"
  (sleep 2; control client $gpu off) &
  run mdevadm parent prepare $gpu --timeout 30
  exits 0 "prepare tries again until the program has ended"
  holds "all virtual functions are enabled" is_complete
  # Releases of sriov-manage that return success.
  $manage -d $gpu >/dev/null
  for body in 'exit 0' 'echo "nothing"; exit 1' 'sleep 300 & yes | head -c 3000000; exit 0' 'kill -9 $$'; do
    mount_script "$body"
    run mdevadm parent prepare $gpu
    exits 1 "a sriov-manage that does nothing is noticed: $body"
    err_has "0 virtual functions are enabled instead of 32" "the error has the numbers"
  done
  mount_script 'echo '$gpu' >/sys/bus/pci/drivers/nvidia/unbind; exit 1'
  run mdevadm parent prepare $gpu
  exits 1 "a sriov-manage that dies midway is noticed"
  same "$(driver $gpu)" nvidia "the GPU is bound to its driver again"
  umount $manage
  run mdevadm parent prepare $gpu
  exits 0 "with NVIDIA's own, prepare succeeds"
  $manage -d $gpu >/dev/null
  mount -t tmpfs none "$(dirname $manage)"
  run mdevadm parent prepare $gpu
  exits 3 "a missing sriov-manage is reported"
  err_has "NVIDIA's program 'sriov-manage' is not installed \(expected in /usr/lib/nvidia\)" "the error names its place"
  printf '#!/bin/sh\nexit 0\n' >$manage
  run mdevadm parent prepare $gpu
  exits 1 "one that is not executable is reported"
  err_has "NVIDIA's program '$manage' is not executable$" "as such"
  eval "$(sed -n 's/^hint: make it executable: //p' <<<"$err")"
  run mdevadm parent prepare $gpu
  err_lacks "not executable" "as the hint says, it is run"
  umount "$(dirname $manage)"
}
mount_script() {  # BODY: in place of sriov-manage
  umount $manage 2>/dev/null
  printf '#!/bin/sh\n%s\n' "$1" >$work/script
  chmod +x $work/script
  mount --bind $work/script $manage
}

midway() {
  mdevadm parent set $gpu --vfs all
  timeout -s KILL 0.2 $manage -e $gpu >/dev/null
  same "$(driver $gpu)" pci-pf-stub "a killed sriov-manage leaves the GPU on pci-pf-stub"
  same "$(state $gpu)" "unprepared 0/32 0 the GPU is not bound to nvidia" "the list has the reason"
  run mdevadm parent prepare $gpu
  exits 0 "prepare binds the GPU and enables its virtual functions"
  holds "all are enabled" is_complete
  $manage -d $gpu >/dev/null
  put $gpu $drivers/nvidia/unbind
  run mdevadm parent prepare $gpu
  exits 0 "prepare binds a GPU without driver"
  $manage -d $gpu >/dev/null
  control delay bind 50
  control functions $gpu 32
  wait_until test -e $devices/$last
  run mdevadm parent prepare $gpu
  same "$code $err" "0 mdevadm: '$gpu' is already prepared" "prepare waits while another program enables the virtual functions"
  holds "they are complete" is_complete
  $manage -d $gpu >/dev/null
  $manage -e $gpu >/dev/null &
  sleep 0.1
  run mdevadm parent prepare $gpu
  exits 0 "prepare waits for a sriov-manage that runs"
  holds "the virtual functions are complete" is_complete
  wait
}

# Virtual functions that vanish after they have been enabled.
vanish() {
  mdevadm parent set $gpu --vfs all --run "sh -c 'echo one >>$work/ran'" --run "$manage -d $gpu"
  run mdevadm parent prepare $gpu
  exits 1 "a command that removes the virtual functions is noticed"
  err_has "error: cannot prepare '$gpu': 0 of 32 virtual functions are enabled after the last command: a command or another program has changed them$" \
    "the error has the number"
  err_has "^hint: show the commands: mdevadm parent show $gpu$" "and a hint"
  same "$(state $gpu)" "unprepared 0/32 0 the last preparation failed: 0 of 32 virtual functions are enabled after the last command: a command or another program has changed them" \
    "the list has the reason"
  mdevadm parent set $gpu --run 'sleep 2'
  (sleep 1; wait_until is_complete; sleep 1; $manage -d $gpu >/dev/null) &
  run mdevadm parent prepare $gpu
  exits 1 "likewise if another program removes them while a command runs"
  err_has "0 of 32 virtual functions are enabled" "with the number"
  wait $!
  mdevadm parent set $gpu --run 'true'
  run mdevadm parent prepare $gpu
  exits 0 "the next prepare succeeds"
  same "$(state $gpu | cut -d' ' -f1-2)" "prepared 32/32" "and the parent is prepared"
}

commands() {
  write $gpu <<T
virtual_functions = "all"
[[run]]
command = ["sh", "-c", "echo one >>$work/ran"]
[[run]]
command = ["sh", "-c", "yes | head -c 5000000; echo the reason >&2; exit 3"]
[[run]]
command = ["sh", "-c", "echo three >>$work/ran"]
T
  run mdevadm parent prepare $gpu
  exits 1 "a command that fails is an error"
  err_has "command 'sh -c .*' failed: exit status 3: the reason$" "the error has its last lines"
  same "$(wc -c <<<"$err" | awk '{print $1 < 2000}')" 1 "and no megabytes"
  holds "the virtual functions stay" is_complete
  same "$(cat $work/ran)" one "the commands after it are not run"
  same "$(state $gpu | cut -d' ' -f1-9)" "unprepared 32/32 0 the last preparation failed: command 'sh" "the list has the command"
  cp $files/$gpu.toml $work/settings
  mdevadm parent set $gpu --run 'true new'
  same "$(state $gpu | grep -oE '(the last|not run).*')" "not run since boot: true new" "other settings have not failed"
  cp $work/settings $files/$gpu.toml
  sed -i 's/exit 3/exit 0/' $files/$gpu.toml
  run mdevadm parent prepare $gpu
  exits 0 "the next prepare continues"
  same "$(paste -sd' ' $work/ran)" "one three" "with the commands that have not succeeded"
  $manage -d $gpu >/dev/null
  rm $work/ran
  mdevadm parent prepare $gpu
  same "$(paste -sd' ' $work/ran)" "one three" "all are run again after the virtual functions were enabled"
  run mdevadm parent prepare $gpu
  err_has "is already prepared$" "they are not run a third time"
  $manage -d $gpu >/dev/null
  $manage -e $gpu >/dev/null
  same "$(state $gpu | cut -d' ' -f1-17)" "unprepared 32/32 0 not run since the driver was bound or the virtual functions were created: sh" \
    "the list shows that another program has enabled the virtual functions again"
  rm $work/ran
  run mdevadm parent prepare $gpu
  same "$code $(paste -sd' ' $work/ran)" "0 one three" "the commands are run again then"
  mdevadm parent set $gpu --run "sh -c '(sleep 2; echo late >>$work/ran) & sleep 100'" --run-timeout 1
  run mdevadm parent prepare $gpu
  exits 1 "a command that hangs is killed"
  err_has "failed after 1 s: killed" "the error has the time"
  sleep 2.5
  same "$(paste -sd' ' $work/ran)" "one three" "with its background processes"
  mdevadm parent set $gpu --run 'sleep 100'
  "$MDEVADM" parent prepare $gpu 2>$work/err &
  preparing=$!
  wait_until pgrep -P $preparing sleep >/dev/null
  kill -TERM $preparing
  wait $preparing
  same "$? $(cat $work/err)" "1 mdevadm: error: cannot prepare '$gpu': interrupted" "an interrupt ends a command"
  mdevadm parent set $gpu --run nosuchprogram
  run mdevadm parent prepare $gpu
  exits 3 "a program that does not exist is reported"
  err_has "program 'nosuchprogram' not found in /usr/local/sbin:" "the error has the directories"
  mdevadm parent set $gpu --run 'true' --check nosuchprogram
  run mdevadm parent prepare $gpu
  exits 3 "so is a check that does not exist"
  mdevadm parent set $gpu --run /etc/hostname
  run mdevadm parent prepare $gpu
  exits 1 "a file that is not executable is reported"
  mdevadm parent set $gpu --run 'sh -c "kill -9 $$"'
  run mdevadm parent prepare $gpu
  err_has "killed by signal 9" "a command that is killed is reported"
  rm $work/ran
  mdevadm parent set $gpu --run "sh -c 'echo set >>$work/ran'" --check "test -e $work/ran"
  run mdevadm parent prepare $gpu
  same "$code $(cat $work/ran)" "0 set" "a command whose check fails is run"
  rm -r /run/mdevadm/parents
  run mdevadm parent prepare $gpu
  same "$code $(cat $work/ran)" "0 set" "a command whose check succeeds is not run"
  same "$(state $gpu | cut -d' ' -f1) $(mdevadm check --json | jq '[.findings[] | select(.finding == "parent-unprepared")] | length')" "prepared 0" \
    "its effect is recorded, so parent list and check, which do not run checks, find the parent prepared"
  rm $work/ran
  run mdevadm parent prepare $gpu
  same "$code $(cat $work/ran)" "0 set" "a command whose check fails again is run again"
}

together() {
  mdevadm parent set $gpu --vfs all --run "sh -c 'echo x >>$work/ran; sleep 1'"
  mdevadm parent prepare $gpu 2>$work/err1 &
  one=$!
  mdevadm parent prepare $gpu 2>$work/err2
  two=$?
  wait $one
  same "$? $two $(cat $work/ran)" "0 0 x" "of two prepares at the same time one works"
  out=$(cat $work/err1 $work/err2)
  out_has "'$gpu' is already prepared" "and the other one finds nothing to do"
  mdevadm define -p $gpu -t 1150 --name s1 >/dev/null
  # Settings are changed while the parent is prepared, of which the other process writes the record.
  failure() { sed -n 's/^failure = //p' /run/mdevadm/parents/$gpu.toml; }
  mdevadm parent set $gpu --run false
  mdevadm parent prepare $gpu 2>/dev/null
  holds "the reason why a preparation failed is recorded" test -n "$(failure)"
  mdevadm parent set $gpu --run "sh -c 'touch $work/begun; while ! test -e $work/go; do sleep 0.01; done'"
  same "$(failure)" "" "parent set deletes the reason, which the former settings had"
  echo 'failure = "an earlier one"' >/run/mdevadm/parents/$gpu.toml
  mdevadm parent prepare $gpu &
  wait_until test -e $work/begun
  run mdevadm parent set $gpu --reserve $last
  exits 0 "parent set succeeds while the parent is prepared"
  same "$(failure)" '"an earlier one"' "it leaves the record to the process that prepares the parent"
  touch $work/go
  wait
  mdevadm parent set $gpu --unreserve $last --run "sh -c 'echo x >>$work/ran; sleep 1'"
  rm -r /run/mdevadm/parents
  mdevadm parent prepare $gpu &
  sleep 0.3
  run mdevadm start s1
  exits 0 "a start waits for a prepare"
  wait
  same "$(wc -l <$work/ran)" 2 "and does not disturb it"
}

# kill -9 at system calls of prepare, and of all that it started: the next prepare reaches the goal.
kills() {
  local k wrong='' ends=137
  mdevadm parent set $gpu --vfs all --run 'nvidia-smi vgpu -i 0 -shm 1'
  for ((k = 1; k < 20000; k = k < 60 ? k + 4 : k * 2)); do
    $manage -d $gpu >/dev/null
    "$KILL_AT" $k "$MDEVADM" parent prepare -q $gpu >/dev/null 2>&1
    ends=$?
    [ $((k % 3)) = 0 ] && pkill -9 -f "$manage -e $gpu"
    run mdevadm parent prepare -q $gpu
    mixed=$(nvidia-smi -q | grep -c "Heterogeneous Mode *: Enabled")
    [ "$code" = 0 ] && is_complete && [ "$mixed" = 1 ] || { wrong="call $k: exit code $code, $err, mixed $mixed"; break; }
    [ $ends = 137 ] || break
  done
  holds "prepare has more than 60 system calls at which it can be killed ($k)" test $k -gt 60
  same "$wrong" "" "after a kill at any call, prepare completes"
}

# start --auto prepares parents first.
boot() {
  mdevadm parent set $gpu --vfs all --run 'nvidia-smi vgpu -i 0 -shm 1'
  mdevadm define -p $gpu -t 1150 --name s1 --auto --force >/dev/null
  mdevadm define -p $gpu -t 1149 --name s2 --auto --force >/dev/null
  mdevadm define -p $gpu -t 1149 --name s3 --force >/dev/null
  mdevadm group create vm s3 --auto
  run mdevadm start --auto --timeout 30
  exits 0 "start --auto prepares the parent and starts its devices"
  same "$(mdevadm list -o vf -n | sort | paste -sd' ')" "$first 0000:41:00.5" "both are active, with different sizes"
  run mdevadm group start --auto --timeout 30
  exits 0 "group start --auto finds the parent prepared"
  mdevadm stop --all
  control reboot
  rm -r /run/mdevadm/parents
  run mdevadm -v group start --auto --timeout 30
  exits 0 "after a reboot group start --auto prepares the parent"
  err_has "mdevadm: prepared '$gpu'" "--verbose reports it"
  mdevadm stop --all
  $manage -d $gpu >/dev/null
  control client $gpu on
  run mdevadm start --auto --timeout 1
  exits 6 "a parent that cannot be prepared has no devices"
  err_has "warning: cannot prepare '$gpu': the driver does not release the GPU.*; starting its devices anyway" "the reason is reported"
  err_has "error: cannot start 's1'" "and the failure of each device"
  (sleep 8; control client $gpu off) &
  run mdevadm start --auto --timeout 30
  exits 0 "start --auto prepares it again until the program has ended"
  err_lacks "starting its devices anyway" "and does not give up before"
  mdevadm stop --all
  $manage -d $gpu >/dev/null
  timeout -s KILL 0.2 $manage -e $gpu >/dev/null
  run mdevadm start --auto --timeout 30
  exits 0 "a GPU that is on pci-pf-stub is prepared"
  same "$(mdevadm list -o name -n | sort | paste -sd' ')" "s1 s2" "its devices are active"
  units=$(mktemp -d)
  "$MDEVADM" __generator "$units" /lib/systemd/system/mdevadm-parent@.service
  mdevadm undefine s1 s2 s3 2>/dev/null
  rm -rf "$units"/*
  mdevadm parent set 0000:99:00.0 --vfs all --force
  "$MDEVADM" __generator "$units" /lib/systemd/system/mdevadm-parent@.service
  same "$(ls "$units/mdevadm.target.wants" | paste -sd' ')" "mdevadm-parent@$gpu.service mdevadm-parent@0000:99:00.0.service" \
    "the generator adds units for parents with settings"
  run mdevadm parent prepare --all --parent 0000:86:00.0
  same "$code $out$err" "0 " "--all --parent ignores a parent without settings"
  run mdevadm parent prepare --all --parent $gpu
  same "$code" 0 "--all --parent prepares a parent with settings only"
  err_lacks 0000:99 "and no other one"
}

# Virtual functions that another program enables one by one.
late() {
  mdevadm define -p $gpu -t 1150 --name s1 --auto --force >/dev/null
  control delay bind 100
  mdevadm start --auto --timeout 30 2>/dev/null &
  sleep 0.5
  control functions $gpu 32
  wait $!
  same "$? $(mdevadm list -o name,vf -n | tr -s ' ')" "0 s1 $first" "start --auto waits for virtual functions"
  holds "until all are bound" is_complete
  mdevadm stop s1
  $manage -d $gpu >/dev/null
  control fault bind 20 EIO
  control functions $gpu 32
  wait_until test -e $devices/$first/driver
  run mdevadm start --auto --timeout 30
  exits 0 "a virtual function that remains without driver is given up"
}

# Virtual functions that are enabled before nvidia-vgpud has run offer no types, also when it has.
early() {
  is_parent() { test -e /sys/class/mdev_bus/$first; }
  mdevadm parent set $gpu --vfs all --run 'nvidia-smi mig -i 0 -cgi 9,19'
  mdevadm define -p $gpu -t nvidia-701 --name s1 --auto --force >/dev/null
  run mdevadm parent prepare $gpu
  exits 1 "virtual functions without types are not prepared"
  err_has "error: cannot prepare '$gpu': virtual functions of $gpu offer no types: NVIDIA's driver bound them before nvidia-vgpud registered the types$" \
    "the error has the cause"
  err_has "^hint: check nvidia-vgpud: journalctl -u nvidia-vgpud$" "the hint names the service"
  same "$(state $gpu)" "unprepared 20/20 0 the last preparation failed: virtual functions of 0000:41:00.0 offer no types: NVIDIA's driver bound them before nvidia-vgpud registered the types" \
    "parent list has the cause"
  mdevadm start --auto --timeout 120 2>"$work/err" & start=$!
  wait_until grep -qs 'retrying' "$work/err"
  control vgpud $gpu
  wait $start
  same "$?" 0 "start --auto enables them again until they offer types"
  holds "they are parents" is_parent
  same "$(mdevadm list -o name,type -n | tr -s ' ')" "s1 nvidia-701" "the device is active"
  mdevadm stop --all
  $manage -d $gpu >/dev/null
  control reboot
  $manage -e $gpu >/dev/null
  control vgpud $gpu
  run mdevadm parent prepare $gpu
  exits 0 "virtual functions that another program enabled too early are enabled again"
  holds "they are parents, too" is_parent
}

reserved() {
  mdevadm parent set $gpu --reserve $first
  run mdevadm define -p $gpu -t 1150 --name s1 --vf $first
  exits 4 "a definition cannot name a reserved virtual function"
  err_has "^hint: remove the reservation: mdevadm parent set $gpu --unreserve $first$" "the hint removes the reservation"
  mdevadm define -p $gpu -t 1150 --name s1 >/dev/null
  mdevadm define -p $gpu -t 1150 --name s2 --vf any >/dev/null
  run mdevadm start s1 s2
  exits 0 "devices are started on other virtual functions"
  same "$(cat $devices/$first/nvidia/current_vgpu_type) $(mdevadm list -o vf -n | sort | paste -sd' ')" "0 0000:41:00.5 0000:41:00.6" \
    "the reserved one stays free"
  run mdevadm start -p $gpu -t 1150 --vf $first
  exits 4 "a transient device cannot use it either"
  mdevadm parent set $gpu --unreserve $first
  run mdevadm start -p $gpu -t 1150 --vf $first
  exits 0 "without the reservation it can be used"
}

mediated() {
  local a40=0000:c1:00.0
  $manage -d $a40 >/dev/null
  mdevadm parent set $a40 --vfs all
  run mdevadm parent prepare $a40
  exits 0 "a GPU whose virtual functions have mediated devices is prepared"
  same "$(ls /sys/class/mdev_bus | wc -l)" 32 "all virtual functions are parents"
  put 51515151-0000-4000-8000-000000000001 /sys/bus/pci/devices/0000:c1:00.4/mdev_supported_types/nvidia-560/create
  put vfio-pci $devices/0000:c1:00.5/driver_override
  put 0000:c1:00.5 $drivers/nvidia/unbind
  run mdevadm parent prepare $a40
  exits 5 "a mediated device prevents a change"
  err_has "virtual function 0000:c1:00.4 has mediated device 51515151-0000" "the error names it"
}

board() {
  local card
  $manage -d ALL >/dev/null
  for card in 0000:4{0,1,2,3}:00.0; do mdevadm parent set $card --vfs all; done
  control client 0000:42:00.0 on
  run mdevadm parent prepare --all
  exits 8 "a GPU that cannot be prepared does not prevent the others"
  same "$(cat $devices/0000:4[0-3]:00.0/sriov_numvfs | paste -sd' ')" "16 16 0 16" "the others are prepared"
}

plain() {
  local pf=0000:4d:00.0
  mdevadm parent set $pf --vfs 3
  run mdevadm parent prepare $pf --dry-run
  out_has "echo 3 > $devices/$pf/sriov_numvfs|echo 3 > /sys/devices/.*/$pf/sriov_numvfs" "a dry run shows the write"
  run mdevadm parent prepare $pf
  exits 0 "virtual functions of other drivers are enabled by sriov_numvfs"
  same "$(enabled $pf) $(driver 0000:4d:00.3)" "3 i915" "they are bound to their driver"
  mdevadm parent set $pf --vfs 2
  run mdevadm parent prepare $pf
  same "$code $(enabled $pf)" "0 2" "another number is set by way of 0"
  put vfio-pci $devices/0000:4d:00.1/driver_override
  put 0000:4d:00.1 $drivers/i915/unbind
  put 0000:4d:00.1 /sys/bus/pci/drivers_probe
  mdevadm parent set $pf --vfs 3
  hold 0000:4d:00.1
  run mdevadm parent prepare $pf
  exits 5 "a virtual function in use prevents a change"
  release
  mdevadm parent set $pf --vfs 2
  run mdevadm parent prepare $pf
  same "$code $err" "0 mdevadm: '$pf' is already prepared" "a virtual function on vfio-pci is as wanted"
  put 0 $devices/$pf/sriov_numvfs
  put $pf $drivers/i915/unbind
  run mdevadm parent prepare $pf
  exits 1 "without driver the number cannot be changed"
  err_has "no driver is bound to the device" "the error has the reason"
  eval "$(sed -n 's/^hint: bind its driver: //p' <<<"$err")"
  run mdevadm parent prepare $pf
  exits 0 "after the command in the hint, prepare succeeds"
  run mdevadm parent set $pf --method sriov-manage
  exits 4 "sriov-manage is not for other vendors"
  write $pf <<<'virtual_functions = 99'
  run mdevadm parent prepare $pf
  exits 4 "a number that the device does not support is refused"
  mdevadm parent set $pf --vfs 2 --run "sh -c 'echo 0 >$devices/$pf/sriov_numvfs'"
  run mdevadm parent prepare $pf
  same "$code $(state $pf)" "1 unprepared 0/$(cat $devices/$pf/sriov_totalvfs) 0 the last preparation failed: 0 of 2 virtual functions are enabled after the last command: a command or another program has changed them" \
    "a command that removes the virtual functions is an error"
}

"$1"
finish
