# mdevadm under both of its names concurrently, with scripts that are slow or hold a lock from pre to post, as s390's
# ap-check does: no deadlock occurs, and no change of one process is overwritten by another.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"

A=aaaaaaaa-1111-2222-3333-444444444401
B=bbbbbbbb-1111-2222-3333-444444444402

inside() {
  local directory=$1
  scripts=/etc/mdevctl.d/scripts.d
  callout=$scripts/callouts/ask
  mkdir -p $scripts/callouts
  ln -s "$MDEVADM" "$directory/mdevctl"
  PATH=$directory:$PATH
  mdevadm() { "$MDEVADM" "$@"; }
  definition() { jq -c . /etc/mdevctl.d/mtty/$A 2>/dev/null; }

  # In pre it takes a lock in the name of the calling process, and releases it in post.
  cat >$callout <<T
#!/bin/sh
[ "\$2" = mtty-1 ] || exit 2
case \$4 in
  pre) for i in \$(seq 1000); do ln -s \$PPID $directory/held 2>/dev/null && exit 0; sleep 0.01; done; exit 1 ;;
  post) [ "\$(readlink $directory/held)" = \$PPID ] && rm $directory/held ;;
esac
T
  chmod +x $callout
  both() {  # COMMAND OF MDEVCTL -- COMMAND OF MDEVADM: their exit codes, and the time they took if that was long
    local theirs=() ours job
    while [ "$1" != -- ]; do theirs+=("$1"); shift; done
    shift
    SECONDS=0
    mdevctl "${theirs[@]}" >"$directory/theirs" 2>&1 &
    job=$!
    mdevadm "$@" >"$directory/ours" 2>&1
    ours=$?
    wait $job
    echo "$? $ours"
    [ "$SECONDS" -lt 30 ] || echo "after $SECONDS s"
    cat "$directory/theirs" "$directory/ours" >&2
  }
  for round in 1 2 3; do
    run both start -u $A -p mtty -t mtty-1 -- start --uuid $B -p mtty -t mtty-1
    same "$out" "0 0" "round $round: mdevctl and mdevadm start a device each while a script holds its lock"
    run both stop -u $A -- stop $B
    same "$out" "0 0" "round $round: mdevctl and mdevadm stop a device each while a script holds its lock"
    run both define -u $A -p mtty -t mtty-1 -- define $B -p mtty -t mtty-1
    same "$out" "0 0" "round $round: mdevctl and mdevadm define a device each while a script holds its lock"
    run both modify -u $A --auto -- modify $B --auto
    same "$out" "0 0" "round $round: mdevctl and mdevadm modify a device each while a script holds its lock"
    run both undefine -u $A -- undefine $B
    same "$out" "0 0" "round $round: mdevctl and mdevadm undefine a device each while a script holds its lock"
  done

  # A slow script of one type does not block commands for devices of other types.
  answers_slowly() {
    cat >$callout <<T
#!/bin/sh
[ "\$2-\$4" != mtty-1-pre ] || { touch $directory/asked; while [ ! -e $directory/answer ]; do sleep 0.01; done; }
T
    chmod +x $callout
  }
  answers_slowly
  slow() {  # COMMAND...: starts it, and returns when it runs the script
    rm -f "$directory"/{asked,answer}
    "$@" >"$directory/slow" 2>&1 &
    local end=$((SECONDS + 30))
    until [ -e "$directory/asked" ] || [ $SECONDS -ge $end ]; do sleep 0.01; done
  }
  answer() { touch "$directory/answer"; wait; }
  for program in mdevctl mdevadm; do
    slow $program define ${options[$program]} $A -p mtty -t mtty-1
    run mdevctl define -u $B -p mtty -t mtty-2
    exits 0 "mdevctl defines another device while $program's script runs"
    run mdevctl undefine -u $B
    exits 0 "mdevctl undefines another device while $program's script runs"
    run mdevadm define $B -p mtty -t mtty-2
    exits 0 "mdevadm defines another device while $program's script runs"
    run mdevadm undefine $B
    exits 0 "mdevadm undefines another device while $program's script runs"
    answer
    run mdevadm list --defined -o uuid
    out_has "^$A" "the device of $program is defined after its script ended"
    run mdevadm undefine $A
    rm -rf /etc/mdevctl.d/mtty
  done

  # A change by another process while scripts run is not overwritten.
  mdevctl define -u $A -p mtty -t mtty-1
  slow mdevctl modify -u $A --auto
  rm $callout
  run mdevctl modify -u $A --addattr new --value 1
  answer
  same "$(cat "$directory/slow")" "Error: Mediated device mtty/$A was changed by another process" \
    "mdevctl modify is refused if the definition was changed while its script ran"
  same "$(definition)" '{"mdev_type":"mtty-1","start":"manual","attrs":[{"new":"1"}]}' \
    "the change of the other process persists after mdevctl modify was refused"
  answers_slowly
  slow mdevadm modify $A --auto
  rm $callout
  run mdevctl modify -u $A --addattr newer --value 2
  answer
  same "$(grep -c 'changed by another process' "$directory/slow")" 1 \
    "mdevadm modify is refused if the definition was changed while its script ran"
  answers_slowly
  slow mdevctl modify -u $A --auto
  rm $callout
  run mdevctl undefine -u $A
  answer
  same "$(cat "$directory/slow")" "Error: Mediated device $A is not defined" \
    "mdevctl modify is refused if the definition was removed while its script ran"
  same "$(definition)" "" "the removed definition is not created again"

  mdevctl define -u $A -p mtty -t mtty-1
  answers_slowly
  slow mdevctl undefine -u $A
  rm $callout
  run mdevctl modify -u $A --addattr new --value 1
  answer
  same "$(grep -c 'was changed by another process' "$directory/slow")" 1 \
    "mdevctl undefine is refused if the definition was changed while its script ran"
  same "$(definition)" '{"mdev_type":"mtty-1","start":"manual","attrs":[{"new":"1"}]}' \
    "the changed definition exists after mdevctl undefine was refused"
  answers_slowly
  slow mdevadm undefine $A
  rm $callout
  run mdevctl modify -u $A --delattr
  answer
  same "$(grep -c 'changed by another process' "$directory/slow")" 1 \
    "mdevadm undefine is refused if the definition was changed while its script ran"
  mdevctl undefine -u $A
  mdevadm define $A -p mtty -t mtty-1 >/dev/null
  answers_slowly
  slow mdevadm undefine $A
  rm $callout
  echo 'name = "being edited' >>/etc/mdevadm/devices/mtty/$A.toml
  answer
  same "$(grep -c 'changed by another process' "$directory/slow")" 1 \
    "mdevadm undefine is refused if the file cannot be read any more when its script has run"
  holds "the file remains" grep -q 'being edited' /etc/mdevadm/devices/mtty/$A.toml
  rm -r /etc/mdevadm/devices/mtty

  # The preconditions of a plan are checked again after the scripts ran.
  answers_slowly
  slow mdevadm define $A -p mtty -t mtty-1 --name cad
  run mdevadm define $B -p mtty -t mtty-2 --name cad
  exits 0 "define with a name succeeds while the script of another define with this name runs"
  answer
  same "$(grep -c "another process gave the name 'cad' to $B" "$directory/slow")" 1 \
    "define is refused if another process took the name while its script ran"
  slow mdevadm define $A -p mtty -t mtty-1
  rm $callout
  run mdevctl define -u $A -p mtty -t mtty-2
  answer
  same "$(grep -c "another process defined the device in '/etc/mdevctl.d/mtty/$A'" "$directory/slow")" 1 \
    "define is refused if another process defined the device while its script ran"
  mdevctl undefine -u $A
  mdevadm define $A -p mtty -t mtty-1 >/dev/null
  mdevadm group create vm $B
  answers_slowly
  slow mdevadm undefine $A
  run mdevadm group add vm $A
  exits 0 "group add succeeds while the script of undefine runs"
  answer
  same "$(grep -c "another process made it a member of group 'vm'" "$directory/slow")" 1 \
    "undefine is refused if the device became a member of a group while its script ran"
  run mdevadm undefine $A $B --force
  mdevadm group delete vm

  # A stop that waited for another stop of the same device finds no device, and runs no script.
  rm $callout
  mdevctl start -u $A -p mtty -t mtty-1
  answers_slowly
  slow mdevctl stop -u $A
  mdevctl stop -u $A >"$directory/second" 2>&1 &
  # The first one holds the lock, so the second one can only wait when it has it open.
  holds "a second stop waits for the first" wait_until has_open $! /run/mdevadm/parent-mtty.lock
  answer
  same "$(cat "$directory/slow")" "" "the first stop succeeds"
  same "$(cat "$directory/second")" "Error: Device $A is not an active mdev" "the second stop fails as the device is no longer active"
  rm $callout

  # A notification script may run a command itself.
  mkdir -p $scripts/notifiers
  cat >$scripts/notifiers/more <<T
#!/bin/sh
[ "\${10}-\$4-\$6" != $A-notify-start ] || $directory/mdevctl start -u $B -p mtty -t mtty-1
T
  chmod +x $scripts/notifiers/more
  SECONDS=0
  run mdevctl start -u $A -p mtty -t mtty-1
  exits 0 "start succeeds while a notification script starts another device"
  same "$(ls /sys/bus/mdev/devices | wc -l)" 2 "the notification script starts another device"
  holds "the start of a notification script does not wait for a lock ($SECONDS s)" test "$SECONDS" -lt 30
  rm $scripts/notifiers/more

  # Without scripts no concurrent change is lost.
  mdevctl define -u $A -p mtty -t mtty-1
  for i in $(seq 16); do mdevctl modify -u $A --addattr "a$i" --value "$i" & done
  wait
  same "$(definition | jq '.attrs | length')" 16 "16 concurrent changes of one definition are all stored"
  finish
}

declare -A options=([mdevctl]=-u [mdevadm]='')
if [ "${1:-}" = inside ]; then
  inside "$2"
else
  directory=$(mktemp -d)
  trap 'rm -rf "$directory"' EXIT
  "$MDEVSIM" run "$here/../compat/host.toml" -- bash "$0" inside "$directory"
fi
