# Lack of memory: one allocation fails, or all from one on, at each of the first allocations of a command and then at every Nth. The
# command ends by itself with an exit code of mdevadm(8) and a message that says why; no signal ends it and it does not hang. A
# command that was to change something can be run again. POINTS=N is the distance between two points.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  exec "$MDEVSIM" run workstation -- bash "$0" inside
fi
step=${POINTS:-97} first=40
names=$(mktemp -d)
trap 'rm -rf "$names"' EXIT
ln -s "$MDEVADM" "$names/mdevctl"
ln -s "$MDEVADM" "$names/mdevadm"
gpu=0000:86:00.0 igd=0000:00:02.0
uuid() { printf 'aaaaaaaa-0000-4000-8000-%012d' "$1"; }
adm() { "$MDEVADM" "$@" >/dev/null 2>&1; }

# A device on each parent, so that the start has lanes.
adm define "$(uuid 1)" -p $gpu -t nvidia-12 --name a --auto
adm define "$(uuid 2)" -p $igd -t i915-GVTg_V5_8 --name b --auto
adm group create vm a b

# after_COMMAND: what ends the effect of a run
after_start_auto() { adm stop --all; rm -rf /run/mdevadm/boot; }
after_group_start() { adm group stop vm; }
after_define() { adm undefine c; }
after_mdevctl_define() { "$names/mdevctl" undefine -u "$(uuid 4)" >/dev/null 2>&1; }
nothing() { :; }

# exhaust NAME WORDS...
exhaust() {
  local name=$1 after=nothing points=0 n mark code usual wrong='' hung='' silent='' again='' said=$names/said
  shift
  ! declare -F "after_$name" >/dev/null || after=after_$name
  "$names/$1" "${@:2}" >/dev/null 2>&1
  usual=$?
  $after
  for mark in '' '+'; do
    for ((n = 1; ; n += n < first ? 1 : step)); do
      # The shell reports programs that a signal has ended.
      { timeout -k 1 20 env MDEVADM_FAIL_MALLOC=$n$mark LD_PRELOAD="$FAIL_MALLOC" "$names/$1" "${@:2}" >/dev/null 2>"$said"; } 2>/dev/null
      code=$?
      grep -q '^injected$' "$said" || break
      points=$((points + 1))
      case $code in
        "$usual") ;;
        124 | 137) hung+=" $n$mark" ;;
        [1-9]) grep -qE 'out of memory|Cannot allocate memory' "$said" || silent+=" $n$mark:$(sed '/^injected/d' "$said" | head -1)" ;;
        *) wrong+=" $n$mark:$code" ;;
      esac
      [ "$after" = nothing ] || {
        "$names/$1" "${@:2}" >"$said" 2>&1
        code=$?
        # A definition that was written before memory was lacking exists.
        [ $code = 0 ] || grep -q 'already' "$said" || again+=" $n$mark:$code:$(head -1 "$said")"
        $after
      }
    done
  done
  holds "$name: allocations fail ($points)" test $points -gt $first
  same "$wrong" "" "$name: no signal ends it"
  same "$hung" "" "$name: it ends by itself"
  same "$silent" "" "$name: each error says that memory is lacking"
  same "$again" "" "$name: it can be run again"
}

exhaust version mdevadm --version
exhaust list mdevadm list --all
exhaust list_json mdevadm list --all --json
exhaust types mdevadm types
exhaust error mdevadm show no-such-device
exhaust usage mdevadm list --no-such-option
exhaust check mdevadm check --json
exhaust define mdevadm define "$(uuid 3)" -p $gpu -t nvidia-12 --name c
exhaust start_auto mdevadm start --auto --timeout 1
exhaust group_start mdevadm group start vm
exhaust mdevctl_list mdevctl list -d
exhaust mdevctl_error mdevctl stop -u "$(uuid 9)"
exhaust mdevctl_define mdevctl define -u "$(uuid 4)" -p $gpu -t nvidia-12
finish
