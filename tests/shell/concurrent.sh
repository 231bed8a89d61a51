# Many at once: one definition has one winner, many definitions are all there.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
host=$(mktemp -d)
trap 'rm -rf "$host"' EXIT
uuid=00000000-0000-4000-8000-0000000000aa
mdevadm() { "$MDEVADM" --root "$host" "$@"; }
at_once() {  # COUNT COMMAND...: "@" in it becomes the number; exit codes, sorted and counted: "1x0 31x4"
  local count=$1 i
  shift
  for i in $(seq "$count"); do
    { mdevadm "${@//@/$i}" >/dev/null 2>&1; echo $?; } &
  done | sort | uniq -c | awk '{ printf "%s%sx%s", sep, $1, $2; sep = " " }'
  wait
}

same "$(at_once 32 define "$uuid" -p p -t "type-@" --force)" "1x0 31x4" "of 32 that define one UUID one wins, the others are told"
run mdevadm list --defined -o uuid,type
out_has "^$uuid type-[0-9]+$" "the definition is the winner's, whole"
same "$(at_once 32 define "$(printf '00000000-0000-4000-8000-@')" -p p -t t --force)" "32x2" "bad UUIDs stay bad in a crowd"
same "$(at_once 32 define -p "parent-@" -t t --force)" "32x0" "32 different ones under as many parents are all defined"
same "$(at_once 32 define -p p -t "t@" --force)" "32x0" "32 different ones under one parent are all defined"
same "$(mdevadm list --defined -o uuid | tail -n +2 | sort -u | wc -l)" 65 "all are there"
same "$(at_once 32 define -p p -t t --name seat --force)" "1x0 31x4" "of 32 that want one name one gets it"
same "$(at_once 32 modify "$uuid" --attr "a@=1")" "32x0" "32 that add to one definition all succeed"
same "$(mdevadm show "$uuid" --json | grep -o '"name":"a[0-9]' | wc -l)" 32 "and nothing of it is lost"
same "$(at_once 32 undefine "$uuid")" "1x0 31x3" "of 32 that undefine it one does, the others find nothing"

# A lock that is not given back: who holds it is named.
flock "$host/run/mdevadm/definitions.lock" sleep 30 &
holder=$!
wait_until is_locked "$host/run/mdevadm/definitions.lock"
run mdevadm define -p p -t t --force
exits 1 "a lock that stays held ends the wait"
err_has "process [0-9]+ \((flock|sleep)\) has held the lock for 10 s" "and its holder is named"
run mdevadm list --defined
exits 0 "reading needs no lock"
pkill -P "$holder"
kill "$holder" 2>/dev/null
finish
