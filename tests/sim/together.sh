# mdevadm under both of its names at once, beside scripts that take their time or keep a lock from before to after, as s390's
# ap-check does: nobody waits for somebody who waits for him, and what one has written the other does not undo.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"

A=aaaaaaaa-1111-2222-3333-444444444401
B=bbbbbbbb-1111-2222-3333-444444444402

inside() {
  local folder=$1
  scripts=/etc/mdevctl.d/scripts.d
  callout=$scripts/callouts/ask
  mkdir -p $scripts/callouts
  ln -s "$MDEVADM" "$folder/mdevctl"
  PATH=$folder:$PATH
  mdevadm() { "$MDEVADM" "$@"; }
  definition() { jq -c . /etc/mdevctl.d/mtty/$A 2>/dev/null; }

  # In pre it takes a lock in the name of who called it, and gives it back in post.
  cat >$callout <<T
#!/bin/sh
[ "\$2" = mtty-1 ] || exit 2
case \$4 in
  pre) for i in \$(seq 1000); do ln -s \$PPID $folder/held 2>/dev/null && exit 0; sleep 0.01; done; exit 1 ;;
  post) [ "\$(readlink $folder/held)" = \$PPID ] && rm $folder/held ;;
esac
T
  chmod +x $callout
  both() {  # COMMAND OF MDEVCTL -- COMMAND OF MDEVADM: their exit codes, and how long they took if that was long
    local theirs=() ours job
    while [ "$1" != -- ]; do theirs+=("$1"); shift; done
    shift
    SECONDS=0
    mdevctl "${theirs[@]}" >"$folder/theirs" 2>&1 &
    job=$!
    mdevadm "$@" >"$folder/ours" 2>&1
    ours=$?
    wait $job
    echo "$? $ours"
    [ "$SECONDS" -lt 30 ] || echo "after $SECONDS s"
    cat "$folder/theirs" "$folder/ours" >&2
  }
  for round in 1 2 3; do
    run both start -u $A -p mtty -t mtty-1 -- start --uuid $B -p mtty -t mtty-1
    same "$out" "0 0" "both start a device of one parent, while a script keeps its lock ($round)"
    run both stop -u $A -- stop $B
    same "$out" "0 0" "and stop it"
    run both define -u $A -p mtty -t mtty-1 -- define $B -p mtty -t mtty-1
    same "$out" "0 0" "and define it"
    run both modify -u $A --auto -- modify $B --auto
    same "$out" "0 0" "and modify it"
    run both undefine -u $A -- undefine $B
    same "$out" "0 0" "and undefine it"
  done

  # A script of one type that takes its time is not waited for by who works on others.
  answers_slowly() {
    cat >$callout <<T
#!/bin/sh
[ "\$2-\$4" != mtty-1-pre ] || { touch $folder/asked; while [ ! -e $folder/answer ]; do sleep 0.01; done; }
T
    chmod +x $callout
  }
  answers_slowly
  slow() {  # COMMAND...: starts it, and returns when it asks the script
    rm -f "$folder"/{asked,answer}
    "$@" >"$folder/slow" 2>&1 &
    local end=$((SECONDS + 30))
    until [ -e "$folder/asked" ] || [ $SECONDS -ge $end ]; do sleep 0.01; done
  }
  answer() { touch "$folder/answer"; wait; }
  for program in mdevctl mdevadm; do
    slow $program define ${options[$program]} $A -p mtty -t mtty-1
    run mdevctl define -u $B -p mtty -t mtty-2
    exits 0 "mdevctl defines another while $program's script is asked"
    run mdevctl undefine -u $B
    exits 0 "and undefines it"
    run mdevadm define $B -p mtty -t mtty-2
    exits 0 "so does mdevadm"
    run mdevadm undefine $B
    exits 0 "both"
    answer
    run mdevadm list --defined -o uuid
    out_has "^$A" "and then it is defined"
    run mdevadm undefine $A
    rm -rf /etc/mdevctl.d/mtty
  done

  # What changed while scripts were asked of something else is not written over.
  mdevctl define -u $A -p mtty -t mtty-1
  slow mdevctl modify -u $A --auto
  rm $callout
  run mdevctl modify -u $A --addattr new --value 1
  answer
  same "$(cat "$folder/slow")" "Error: Mediated device mtty/$A was changed by another process" "a change of what was changed meanwhile is refused"
  same "$(definition)" '{"mdev_type":"mtty-1","start":"manual","attrs":[{"new":"1"}]}' "and what came first is there"
  answers_slowly
  slow mdevadm modify $A --auto
  rm $callout
  run mdevctl modify -u $A --addattr newer --value 2
  answer
  same "$(grep -c 'changed by another process' "$folder/slow")" 1 "mdevadm refuses too"
  answers_slowly
  slow mdevctl modify -u $A --auto
  rm $callout
  run mdevctl undefine -u $A
  answer
  same "$(cat "$folder/slow")" "Error: Mediated device $A is not defined" "nor does a definition that was dropped come back"
  same "$(definition)" "" "it is gone"

  mdevctl define -u $A -p mtty -t mtty-1
  answers_slowly
  slow mdevctl undefine -u $A
  rm $callout
  run mdevctl modify -u $A --addattr new --value 1
  answer
  same "$(grep -c 'was changed by another process' "$folder/slow")" 1 "nor is another definition dropped than scripts were asked about"
  same "$(definition)" '{"mdev_type":"mtty-1","start":"manual","attrs":[{"new":"1"}]}' "it is there"
  answers_slowly
  slow mdevadm undefine $A
  rm $callout
  run mdevctl modify -u $A --delattr
  answer
  same "$(grep -c 'changed by another process' "$folder/slow")" 1 "by mdevadm neither"
  mdevctl undefine -u $A

  # What the plan made sure of of others is so still, or nothing is done.
  answers_slowly
  slow mdevadm define $A -p mtty -t mtty-1 --name cad
  run mdevadm define $B -p mtty -t mtty-2 --name cad
  exits 0 "a name is taken while a script is asked"
  answer
  same "$(grep -c "name 'cad' was given to $B by another process" "$folder/slow")" 1 "which is not given twice"
  slow mdevadm define $A -p mtty -t mtty-1
  rm $callout
  run mdevctl define -u $A -p mtty -t mtty-2
  answer
  same "$(grep -c "defined as '/etc/mdevctl.d/mtty/$A' by another process" "$folder/slow")" 1 "nor is a device defined twice"
  mdevctl undefine -u $A
  mdevadm define $A -p mtty -t mtty-1 >/dev/null
  mdevadm group create vm $B
  answers_slowly
  slow mdevadm undefine $A
  run mdevadm group add vm $A
  exits 0 "a device becomes a member while a script is asked"
  answer
  same "$(grep -c "another process made it a member of group 'vm'" "$folder/slow")" 1 "and is not undefined"
  run mdevadm undefine $A $B --force
  mdevadm group delete vm

  # Who waited for another stop finds nothing to stop, and says nothing of it to scripts.
  rm $callout
  mdevctl start -u $A -p mtty -t mtty-1
  answers_slowly
  slow mdevctl stop -u $A
  mdevctl stop -u $A >"$folder/second" 2>&1 &
  # The first one holds the lock, so the second one can only wait when it has it open.
  holds "a second stop waits for the first" wait_until has_open $! /run/mdevadm/parent-mtty.lock
  answer
  same "$(cat "$folder/slow")" "" "the first stop stops it"
  same "$(cat "$folder/second")" "Error: Device $A is not an active mdev" "the second finds it gone"
  rm $callout

  # A notifier may go on with a command of its own.
  mkdir -p $scripts/notifiers
  cat >$scripts/notifiers/more <<T
#!/bin/sh
[ "\${10}-\$4-\$6" != $A-notify-start ] || $folder/mdevctl start -u $B -p mtty -t mtty-1
T
  chmod +x $scripts/notifiers/more
  SECONDS=0
  run mdevctl start -u $A -p mtty -t mtty-1
  exits 0 "a device is started"
  same "$(ls /sys/bus/mdev/devices | wc -l)" 2 "and by a notifier of that, another one"
  holds "at once ($SECONDS s)" test "$SECONDS" -lt 30
  rm $scripts/notifiers/more

  # Without scripts, of many changes none is lost.
  mdevctl define -u $A -p mtty -t mtty-1
  for i in $(seq 16); do mdevctl modify -u $A --addattr "a$i" --value "$i" & done
  wait
  same "$(definition | jq '.attrs | length')" 16 "16 changes of one definition at once are all there"
  finish
}

declare -A options=([mdevctl]=-u [mdevadm]='')
if [ "${1:-}" = inside ]; then
  inside "$2"
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  "$MDEVSIM" run "$here/../compat/host.toml" -- bash "$0" inside "$folder"
fi
