# shellcheck shell=bash disable=SC2034
# Scripts of cases, each a function that runs on a simulated host of its own: source this after checks.sh. The script calls
# run_case "$@" after its cases, and then `on` for each.
#
#   run_case "$@"               in the process that `on` has started: runs the case and ends
#   on SCENARIO CASE            runs the case and counts its checks; lines that begin with "found " are appended to $log

a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
c=aaaaaaaa-0000-4000-8000-000000000003
scenarios=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../examples/scenarios")
log=/dev/null
control() { "$MDEVSIM" control "$@"; }

run_case() {
  [ "${1:-}" = inside ] || return 0
  case=$2
  "$2"
  finish
  exit
}

on() {
  local text result=0
  text=$("$MDEVSIM" run "$1" -- bash "$0" inside "$2" 2>&1) || result=$?
  grep -vE '^(1\.\.|found )' <<<"$text"
  grep '^found ' <<<"$text" >>"$log"
  checks=$((checks + $(grep -cE '^(not )?ok ' <<<"$text")))
  failures=$((failures + $(grep -c '^not ok ' <<<"$text")))
  [ $result -le 1 ] || failed "$2 ends" "exit status $result"
}
