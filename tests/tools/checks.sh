# shellcheck shell=bash
# Checks for test scripts: source this, run commands with `run`, say what must hold, end with `finish`.
#
#   run mdevadm list            keeps $code, $out and $err
#   exits 0 "list works"        the last command's exit code
#   out_has  'REGEX'  "..."     an extended regular expression in its standard output
#   out_lacks / err_has / err_lacks likewise
#   same "got" "wanted" "..."   two texts
#   holds "..." COMMAND...      a command that must succeed
#   wait_until COMMAND...       waits until the command succeeds, for a minute at most: tests wait for states, not for a time
#   is_locked FILE              a process holds the lock on this file
#   has_open PID FILE           the process has this file open

checks=0 failures=0 command_line=
export LC_ALL=${LC_ALL:-C.UTF-8}

run() {
  command_line="$*"
  local files
  files=$(mktemp -d)
  code=0
  "$@" >"$files/out" 2>"$files/err" || code=$?
  out=$(cat "$files/out") err=$(cat "$files/err")
  rm -rf "$files"
}

passed() { checks=$((checks + 1)); echo "ok $checks - $1"; }

failed() {  # SENTENCE WHY
  checks=$((checks + 1)) failures=$((failures + 1))
  echo "not ok $checks - $1"
  echo "  $2"
  echo "  command: $command_line"
  echo "  exit code: ${code:-none}"
  echo "  stdout: $(head -c 2000 <<<"${out:-}")"
  echo "  stderr: $(head -c 2000 <<<"${err:-}")"
}

exits() { if [ "$code" = "$1" ]; then passed "$2"; else failed "$2" "wanted exit code $1"; fi; }
has() { grep -qE -- "$2" <<<"$1"; }
out_has() { if has "$out" "$1"; then passed "$2"; else failed "$2" "stdout lacks /$1/"; fi; }
out_lacks() { if has "$out" "$1"; then failed "$2" "stdout has /$1/"; else passed "$2"; fi; }
err_has() { if has "$err" "$1"; then passed "$2"; else failed "$2" "stderr lacks /$1/"; fi; }
err_lacks() { if has "$err" "$1"; then failed "$2" "stderr has /$1/"; else passed "$2"; fi; }
same() { if [ "$1" = "$2" ]; then passed "$3"; else failed "$3" "got '$1', wanted '$2'"; fi; }
holds() { local sentence=$1; shift; if "$@"; then passed "$sentence"; else failed "$sentence" "$* failed"; fi; }

wait_until() {
  local end=$((SECONDS + ${WAIT_LIMIT:-60}))
  until "$@"; do
    [ $SECONDS -lt $end ] || { failed "a condition is reached within ${WAIT_LIMIT:-60} s" "condition: $*"; return 1; }
    sleep 0.02
  done
}
is_locked() { [ -e "$1" ] && ! flock -n "$1" true; }
has_open() {
  local descriptor
  for descriptor in "/proc/$1/fd/"*; do [ "$descriptor" -ef "$2" ] && return; done
  return 1
}

finish() {
  echo "1..$checks"
  [ "$checks" -gt 0 ] && [ "$failures" = 0 ]
}
