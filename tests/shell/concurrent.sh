# Concurrent commands: one of several that conflict succeeds, and no change is lost.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
host=$(mktemp -d)
trap 'rm -rf "$host"' EXIT
uuid=00000000-0000-4000-8000-0000000000aa
mdevadm() { "$MDEVADM" --root "$host" "$@"; }
at_once() {  # COUNT COMMAND...: "@" in it becomes the number; prints exit codes, sorted and counted: "1x0 31x4"
  local count=$1 i
  shift
  for i in $(seq "$count"); do
    { mdevadm "${@//@/$i}" >/dev/null 2>&1; echo $?; } &
  done | sort | uniq -c | awk '{ printf "%s%sx%s", sep, $1, $2; sep = " " }'
  wait
}

same "$(at_once 32 define "$uuid" -p p -t "type-@" --force)" "1x0 31x4" \
  "of 32 concurrent define of one UUID one succeeds, the others fail with exit code 4"
run mdevadm list --defined -o uuid,type
out_has "^$uuid type-[0-9]+$" "the definition is complete and has the type of one of the commands"
same "$(at_once 32 define "$(printf '00000000-0000-4000-8000-@')" -p p -t t --force)" "32x2" \
  "32 concurrent define with an invalid UUID all fail with exit code 2"
same "$(at_once 32 define -p "parent-@" -t t --force)" "32x0" "32 concurrent define under 32 parents all succeed"
same "$(at_once 32 define -p p -t "t@" --force)" "32x0" "32 concurrent define under one parent all succeed"
same "$(mdevadm list --defined -o uuid | tail -n +2 | sort -u | wc -l)" 65 "list --defined shows all 65 definitions"
same "$(at_once 32 define -p p -t t --name seat --force)" "1x0 31x4" \
  "of 32 concurrent define with one name one succeeds, the others fail with exit code 4"
same "$(at_once 32 modify "$uuid" --attr "a@=1")" "32x0" "32 concurrent modify of one definition all succeed"
same "$(mdevadm show "$uuid" --json | grep -o '"name":"a[0-9]' | wc -l)" 32 "the definition has the attributes of all 32 modify"
same "$(at_once 32 undefine "$uuid")" "1x0 31x3" "of 32 concurrent undefine of one UUID one succeeds, the others fail with exit code 3"

# A lock that is not released: the error names the process that holds it.
flock "$host/run/mdevadm/definitions.lock" sleep 30 &
holder=$!
wait_until is_locked "$host/run/mdevadm/definitions.lock"
run mdevadm define -p p -t t --force
exits 1 "define fails if another process holds the lock for 10 s"
err_has "(flock|sleep) \(pid [0-9]+\) has held the lock for 10 s" "the error names the process that holds the lock"
run mdevadm list --defined
exits 0 "list --defined succeeds while another process holds the lock"
pkill -P "$holder"
kill "$holder" 2>/dev/null

# Two processes that hold the lock in turn. The lock is shared, so that the second has it before the first releases it: the kernel gives
# a released lock to whichever process asks first, and that can be the waiting command.
flock -s "$host/run/mdevadm/definitions.lock" sleep 30 &
first=$!
wait_until is_locked "$host/run/mdevadm/definitions.lock"
hand_over() {
  wait_until grep -qs "^mdevadm: waiting up to 10 s" "$host/define.err" || return
  flock -s "$host/run/mdevadm/definitions.lock" sleep 30 &
  second=$!
  wait_until grep -q " $second " /proc/locks
  pkill -P "$first"
  wait
}
hand_over &
hands=$!
run bash -c '"$@" 2>"$0"; code=$?; cat "$0" >&2; exit $code' "$host/define.err" "$MDEVADM" --root "$host" define -p p -t t --force
exits 1 "define fails if two processes hold the lock in turn for 10 s"
err_has "timed out: several processes have held the lock for 10 s, the last is (flock|sleep) \\(pid [0-9]+\\)$" \
  "the error says that several processes have held the lock and names the last"
err_has "^hint: run the command again$" "a hint says that another attempt may succeed"
pkill -P "$(pgrep -P "$hands" -x flock)"
wait "$hands"
run mdevadm define -p p -t t --force
exits 0 "another attempt succeeds"
finish
