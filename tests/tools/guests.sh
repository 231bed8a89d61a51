# shellcheck shell=bash disable=SC2154,SC2016
# Virtual machines on simulated hosts: source checks.sh first.
#
#   inside SCENARIO             runs the script on standard input in it; it has $m (mdevadm), two UUIDs and the functions below
#   part 'mdevadm VERB …'       the lines that this command of the script printed, given the first of its words

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/common.sh" <<'T'
m=$MDEVADM
A=8f3c2a10-0000-0000-0000-000000000001 B=8f3c2a10-0000-0000-0000-000000000002
say() { echo "$ ${*//$m/mdevadm}"; "$@" 2>&1; echo "= $?"; }
mon=$WORK/monitor
monitor() {  # WORD...: the stand-in for QEMU
  [ -z "${server:-}" ] || { kill "$server"; wait "$server" 2>/dev/null; }
  rm -f "$mon" "$mon.log"
  "$TOOLS/qmp_server.py" "$mon" "$@" & server=$!
  for _ in $(seq 500); do [ -S $mon ] && break; sleep 0.02; done
}
log() { jq -c 'select(.execute | startswith("device_"))' "$mon.log"; }
active() { "$m" list -n -o uuid 2>/dev/null; }
define() { "$m" define -p "$1" -t "$2" "${@:3}" >/dev/null; }
T
inside() {
  { cat "$work/common.sh"; cat; echo '[ -z "${server:-}" ] || kill "$server"'; } >"$work/inside.sh"
  WORK=$work TOOLS=$here/../tools MDEVADM=$MDEVADM run "$MDEVSIM" run "$here/../../examples/scenarios/$1.toml" -- bash "$work/inside.sh"
}
# The lines between "$ COMMAND" and the next command.
part() { awk -v c="\$ $1" 'substr($0, 1, length(c)) == c { p = 1; next } /^\$ / { p = 0 } p' <<<"$out"; }
