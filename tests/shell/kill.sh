# kill -9 on entry to every system call of define, modify and undefine that changes something, in turn: the definition is the old one or the new one,
# never lost or incomplete, and the next command succeeds.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
host=$(mktemp -d)
trap 'rm -rf "$host"' EXIT
uuid=00000000-0000-4000-8000-0000000000aa
directory=$host/etc/mdevadm/devices/mtty
file=$directory/$uuid.toml
old=$'# by hand\ntype = "mtty-1"\nstart = "manual"'
new=$'# by hand\ntype = "mtty-1"\nstart = "auto"'
fresh=$'type = "mtty-1"\nstart = "auto"'

mdevadm() { "$MDEVADM" --root "$host" "$@"; }
# killed_at N COMMAND...: fails if the command ended before its Nth system call.
killed_at() {
  local n=$1
  shift
  "$KILL_AT" "$n" "$MDEVADM" --root "$host" "$@" >/dev/null 2>&1
  [ $? = 137 ]
}
content() { cat "$file" 2>/dev/null || echo absent; }
oops() { wrong="$wrong"$'\n'"  $*"; }

setup_define() { rm -rf "$host/etc"; }
define=(define "$uuid" -p mtty -t mtty-1 --auto --force)
after_define() {
  local now
  now=$(content)
  [ "$now" = absent ] || [ "$now" = "$fresh" ] || oops "killed at $1: incomplete definition: $now"
  mdevadm "${define[@]}" >/dev/null 2>&1
  local code=$?
  [ "$code" = 0 ] || [ "$code$now" = "4$fresh" ] || oops "killed at $1: the next define ends with $code"
  [ "$(content)" = "$fresh" ] || oops "killed at $1: the definition after the next define: $(content)"
}

setup_modify() { rm -rf "$host/etc"; mkdir -p "$directory"; echo "$old" >"$file"; }
modify=(modify "$uuid" --auto)
after_modify() {
  local now
  now=$(content)
  [ "$now" = "$old" ] || [ "$now" = "$new" ] || oops "killed at $1: the definition is neither old nor new: $now"
  mdevadm "${modify[@]}" -q 2>/dev/null || oops "killed at $1: the next modify fails"
  [ "$(content)" = "$new" ] || oops "killed at $1: the definition after the next modify: $(content)"
}

setup_undefine() { setup_modify; }
undefine=(undefine "$uuid")
after_undefine() {
  local now
  now=$(content)
  [ "$now" = "$old" ] || [ "$now" = absent ] || oops "killed at $1: the definition is neither old nor absent: $now"
  mdevadm "${undefine[@]}" 2>/dev/null
  local code=$?
  [ "$code" = 0 ] || [ "$code$now" = 3absent ] || oops "killed at $1: the next undefine ends with $code"
  [ "$(content)" = absent ] || oops "killed at $1: the definition still exists: $(content)"
}

for verb in define modify undefine; do
  declare -n words=$verb
  wrong= n=0 code=none out= err= command_line="mdevadm ${words[*]}, killed"
  while :; do
    n=$((n + 1))
    "setup_$verb"
    killed_at "$n" "${words[@]}" || break
    "after_$verb" "$n"
    left=$(find "$host" -name '.mdevadm-new-*' 2>/dev/null)
    [ -z "$left" ] || oops "killed at $n: the next command left $left"
  done
  same "$wrong" "" "after a kill at each of the $((n - 1)) system calls of $verb the definition is old or new, and the next $verb succeeds"
  holds "$verb makes more than 20 system calls at which it can be killed" test "$n" -gt 20
done
finish
