# Waits for locks, scripts and the kernel, and limits of the process: changes of other processes during a wait take effect, no process
# waits for itself, and a lack of descriptors or threads is not taken for something else.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"

A=aaaaaaaa-0000-4000-8000-000000000001
B=aaaaaaaa-0000-4000-8000-000000000002
devices=/etc/mdevadm/devices
scripts=/etc/mdevctl.d/scripts.d

mdevadm() { "$MDEVADM" "$@"; }
is_waiting() { grep -q 'waiting up to' "$1"; }
# behind_lock LOCK COMMAND... -- OTHER COMMAND...: runs the other command while the first waits for the lock
behind_lock() {
  local lock=/run/mdevadm/$1 first=() job
  shift
  while [ "$1" != -- ]; do first+=("$1"); shift; done
  shift
  mkdir -p /run/mdevadm
  flock "$lock" sleep 60 &
  local holder=$!
  wait_until is_locked "$lock"
  mdevadm "${first[@]}" >"$directory/out" 2>"$directory/err" &
  job=$!
  wait_until is_waiting "$directory/err"
  "$@" >"$directory/other" 2>&1 || cat "$directory/other"
  pkill -P $holder
  wait $holder
  wait $job
}
state() { mdevadm list "$@" -n -o name,type,state | tr -s ' '; }
reset() { mdevadm stop -q --all; rm -rf $devices /etc/mdevadm/groups; mdevadm define $A -p p0 -t p0-1 --name a >/dev/null; mdevadm group create -q g a; }

move_to_p1() { mkdir -p $devices/p1; sed 's/p0-1/p1-1/' $devices/p0/$A.toml >$devices/p1/$A.toml; rm -r $devices/p0; }

changed_definitions() {
  local command
  for command in "start a" "start a --timeout 5" "start --all" "group start g" "group start g --timeout 5" "start --auto" "group start --auto"; do
    reset
    case $command in
      "start --auto") mdevadm modify -q a --auto ;;
      "group start --auto") mdevadm group modify -q g --auto ;;
    esac
    # shellcheck disable=SC2086
    run behind_lock parent-p0.lock $command -- mdevadm modify a -t p0-2
    exits 0 "$command: succeeds although the definition is changed while it waits for the lock"
    same "$(state)" "a p0-2 active" "$command: the device has the type that the definition has now"
    [[ $command != *auto* ]] || continue
    reset
    # shellcheck disable=SC2086
    run behind_lock parent-p0.lock $command -- move_to_p1
    same "$(state -p p1)" "a p1-1 active" "$command: the device is started on the parent that the definition has now"
    reset
    # shellcheck disable=SC2086
    run behind_lock parent-p0.lock $command -- mdevadm undefine a --force
    same "$(state)" "" "$command: no device is started from a definition that was removed during the wait"
  done
  reset
  mdevadm define $B -p p1 -t p1-1 --name b >/dev/null
  run behind_lock parent-p0.lock group start g --timeout 5 -- mdevadm group add g b
  exits 0 "group start succeeds although a member is added while it waits for the lock"
  same "$(state | sort)" $'a p0-1 active\nb p1-1 active' "the new member is started as well, under the lock of its parent"

  reset
  mdevadm start -q a
  mdevsim_hold "$A"
  mdevadm restart a --timeout 60 >"$directory/out" 2>"$directory/err" &
  local job=$!
  wait_until is_waiting "$directory/err"
  mdevadm modify -q a -t p0-2
  kill "$hold"
  wait $job
  same "$? $(state)" "0 a p0-2 active" "restart uses the definition that was changed while the device was in use"
}

# Another process removes the device and creates it on p1, while two processes hold the locks of both parents.
recreate_on_p1() {
  echo 1 >/sys/bus/mdev/devices/$A/remove
  echo $A >/sys/class/mdev_bus/p1/mdev_supported_types/p1-1/create
  flock /run/mdevadm/parent-p1.lock sleep 60 &
  locker=$!
  wait_until is_locked /run/mdevadm/parent-p1.lock
}
# moved DESCRIPTION COMMAND...: the command stops the device only under the lock of its new parent
moved() {
  local description=$1 job holder
  shift
  reset
  mdevadm start -q a
  flock /run/mdevadm/parent-p0.lock sleep 60 &
  holder=$!
  wait_until is_locked /run/mdevadm/parent-p0.lock
  "$@" >"$directory/out" 2>"$directory/err" &
  job=$!
  wait_until has_open $job /run/mdevadm/parent-p0.lock
  recreate_on_p1
  pkill -P $holder
  wait $holder
  wait_until has_open $job /run/mdevadm/parent-p1.lock
  same "$(cat /sys/bus/mdev/devices/$A/mdev_type/available_instances)" 23 "$description: waits for the lock of the parent on which the device is now"
  pkill -P $locker
  wait $locker
  wait $job
  code=$? out=$(cat "$directory/out") err=$(cat "$directory/err")
  exits 0 "$description: succeeds"
  same "$(ls /sys/bus/mdev/devices)" "" "$description: stops the device on its new parent"
}
moved_devices() {
  ln -sf "$MDEVADM" "$directory/mdevctl"
  moved stop "$MDEVADM" stop $A
  moved "stop --timeout" "$MDEVADM" stop $A --timeout 60
  moved "group stop" "$MDEVADM" group stop g
  moved "mdevctl stop" "$directory/mdevctl" stop -u $A

  mdevadm start -q -u $B -p p0 -t p0-1
  run behind_lock parent-p0.lock stop $B -- remove_now $B
  exits 0 "a device without a definition that is removed during the wait is not active, which is not an error"
  err=$(cat "$directory/err")
  err_has "'$B' is not active$" "a note says so"
}
remove_now() { echo 1 >"/sys/bus/mdev/devices/$1/remove"; }

mdevsim_hold() {
  : >"$directory/held"
  "$MDEVSIM" hold "$1" 60 >"$directory/held" &
  hold=$!
  wait_until test -s "$directory/held"
}

own_waits() {
  reset
  mdevadm group delete -q g
  local i
  for i in 1 2 3 4 5; do
    mdevadm define aaaaaaaa-0000-4000-8000-00000000001$i -p p0 -t p0-1 >/dev/null
    mdevadm group create -q vm$i aaaaaaaa-0000-4000-8000-00000000001$i
    mdevadm group modify -q vm$i --auto
  done
  "$MDEVSIM" control delay create 400
  run mdevadm group start --auto
  "$MDEVSIM" control delay create 0
  exits 0 "groups on one parent are started"
  err_lacks 'waiting' "groups that wait for others of the same command are not reported to wait for another process"
  same "$(mdevadm list -n -o uuid | wc -l)" 5 "all of these groups are active"
}

locking_scripts() {
  reset
  mdevadm define $B -p p1 -t p1-1 --name b >/dev/null
  mkdir -p $scripts/callouts
  cat >$scripts/callouts/lock <<T
#!/bin/sh
ulimit -Sn >$directory/limit
case \$4 in
  pre) until mkdir $directory/lock 2>/dev/null; do sleep 0.01; done ;;
  post) rmdir $directory/lock ;;
  *) exit 2 ;;
esac
T
  chmod +x $scripts/callouts/lock
  run timeout 30 "$MDEVADM" start a b
  exits 0 "devices of two parents are started with a script that holds a lock from pre to post"
  run timeout 30 "$MDEVADM" stop a b
  exits 0 "both are stopped with this script"
  mdevadm group create -q h b
  mdevadm group modify -q g --auto
  mdevadm group modify -q h --auto
  run timeout 30 "$MDEVADM" group start --auto
  exits 0 "two groups are started with this script"
  (ulimit -Sn 200; mdevadm stop -q a)
  same "$(cat "$directory/limit")" 200 "scripts get the limit of descriptors with which mdevadm was started"
  mdevadm stop -q b
  rm -r $scripts
}

interrupted_rollback() {
  reset
  mkdir -p $scripts/notifiers
  printf '#!/bin/sh\nexit 0\n' >$scripts/notifiers/none  # with scripts, the lock of the definitions is not held all the time
  chmod +x $scripts/notifiers/none
  local file=$devices/p0/$A.toml job
  sed -i 's/^device_api.*/device_api = "vfio-old"/' "$file"
  "$MDEVSIM" control delay create 1000
  "$MDEVADM" start a --accept-abi >"$directory/out" 2>"$directory/err" &
  job=$!
  wait_until grep -q '^device_api = "vfio-pci"' "$file"
  flock /run/mdevadm/definitions.lock sleep 60 &
  local holder=$!
  wait_until is_locked /run/mdevadm/definitions.lock
  kill -TERM $job
  sleep 2
  pkill -P $holder
  wait $job
  same "$? $(grep -c vfio-old "$file")" "1 1" "a rollback after SIGTERM waits for the lock of the definitions"
  err=$(cat "$directory/err")
  same "$(grep -c 'all changes were rolled back' "$directory/err")" 1 "the message says that all changes were rolled back"
  "$MDEVSIM" control delay create 0
  rm -r $scripts
}

limits() {
  reset
  rm -rf $devices
  local i
  for i in $(seq 0 99); do mdevadm define "$(printf 'bbbbbbbb-0000-4000-8000-%012d' "$i")" -p "p$i" -t "p$i-1" --auto >/dev/null; done
  limited() { (ulimit "$1" "$2"; shift 2; mdevadm "$@"); }
  run limited -Sn 64 types -n -o parent
  same "$(sort -u <<<"$out" | wc -l)" 100 "all parents are listed although the usual limit of descriptors is lower than their number"
  run limited -Sn 64 start --all
  exits 0 "devices are started on all of them"
  mdevadm stop -q --all
  run limited -n 64 types
  err_has 'Too many open files' "a lack of descriptors is reported"
  exits 1 "a lack of descriptors is not an empty list"
  run limited -n 64 start --all
  err_has 'Too many open files' "start reports the lack of descriptors"
  err_lacks 'not found|missing' "start does not take parents for missing if descriptors are lacking"
  mdevadm stop -q --all
}

blocked_command() {
  local gpu=0000:41:00.0 function=/sys/bus/pci/devices/0000:41:00.4/nvidia
  /usr/lib/nvidia/sriov-manage -e $gpu >/dev/null 2>&1
  printf '#!/bin/sh\necho %s >%s/current_vgpu_type\n' "$(sed -n 's/^ *\([0-9]*\) *:.*/\1/p' $function/creatable_vgpu_types | head -1)" \
    $function >/etc/mdevadm/slow
  chmod 755 /etc/mdevadm/slow
  mdevadm parent set -q $gpu --run /etc/mdevadm/slow --run-timeout 1
  "$MDEVSIM" control delay create 20000
  SECONDS=0
  run mdevadm parent prepare $gpu
  exits 1 "the preparation fails if a command is blocked in the kernel"
  err_has 'did not end after SIGKILL at the time limit \(blocked in the kernel\)' "the error says that SIGKILL did not end it"
  holds "the preparation does not wait for the command ($SECONDS s)" test "$SECONDS" -lt 15
}

if [ "${1:-}" = inside ]; then
  directory=$2
  changed_definitions
  moved_devices
  own_waits
  locking_scripts
  interrupted_rollback
  limits
  finish
elif [ "${1:-}" = blocked ]; then
  mkdir -p /etc/mdevadm
  blocked_command
  finish
else
  directory=$(mktemp -d)
  trap 'rm -rf "$directory"' EXIT
  {
    printf 'description = "a hundred parents"\n'
    for i in $(seq 0 99); do
      printf '[[parent]]\nname = "p%s"\narithmetic = { kind = "ports", ports = 24 }\ntype = [{ id = "1", size = 1 }, { id = "2", size = 2 }]\n' "$i"
    done
  } >"$directory/host.toml"
  "$MDEVSIM" run "$directory/host.toml" -- bash "$0" inside "$directory"
  first=$?
  "$MDEVSIM" run "$here/../../examples/scenarios/l40s.toml" -- bash "$0" blocked && exit $first
fi
