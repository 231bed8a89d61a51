# shellcheck shell=bash
# Lays states, runs command lines and writes down all that came of them. Sourced by inside.sh, on the simulated host.
#
#   given NAME                       begins a case: nothing is defined, active or in the script folders
#   defined PARENT UUID [JSON]       lays a definition
#   active PARENT TYPE UUID          makes a device
#   config JSON                      writes $config, a file for --jsonfile
#   callout NAME SHELL               lays a call-out that does this after having written down how it was called
#   old_callout, notifier, old_notifier   likewise, in the other folders
#   mdevctl WORD..., lsmdev WORD...  runs it and writes down
#   usage PROGRAM WORD...            likewise, but of help and of complaints about the command line only that they are there
#   unordered PROGRAM WORD...        likewise, what is said and called in alphabetical order: it comes in that of a folder
#   outline PROGRAM WORD...          likewise, but of what is said to standard error only how it begins
#   unseen PROGRAM WORD...           likewise, but not what became of definitions and devices
#   onto FILE PROGRAM WORD...        likewise, its standard output going there
#   without FD PROGRAM WORD...       likewise, with that descriptor closed
#   rooted                           all that follows is below $root, by MDEVCTL_ENV_ROOT
#   note TEXT                        writes down one line more

A=aaaaaaaa-1111-2222-3333-444444444401
B=bbbbbbbb-1111-2222-3333-444444444402
C=cccccccc-1111-2222-3333-444444444403
gpu=0000:0a:00.0

# A path that is the same for everybody: it is in what is written down.
work=/srv
config=$work/config.json
pid_file=$work/pid
calls=$work/calls
# Below it are etc, sys and usr. Not empty only where MDEVCTL_ENV_ROOT is tried.
root=
attributes="first second nvidia/vgpu_params fixed matrix"

new_folders() { mkdir -p "$root"/{usr/lib/mdevctl,etc/mdevctl.d}/scripts.d/{callouts,notifiers}; }

given() {
  local device
  for device in /sys/bus/mdev/devices/*; do
    [ ! -e "$device" ] || echo 1 >"$device/remove"
  done
  root=
  unset MDEVCTL_ENV_ROOT
  rm -rf /etc/mdevctl.d/* /usr/lib/mdevctl/* "$config" "$calls" "$work/root"
  new_folders
  echo "=== $1"
}

rooted() {
  root=$work/root
  export MDEVCTL_ENV_ROOT=$root
  new_folders
  mkdir -p "$root/sys/class/mdev_bus" "$root/sys/bus/mdev/devices"
}

defined() {
  mkdir -p "$root/etc/mdevctl.d/$1"
  printf %s "${3-{\"mdev_type\":\"mtty-1\",\"start\":\"manual\",\"attrs\":[]\}}" >"$root/etc/mdevctl.d/$1/$2"
}

active() { printf %s "$3" >"/sys/class/mdev_bus/$1/mdev_supported_types/$2/create"; }
config() { printf %s "$1" >"$config"; }
note() { echo "#${*:+ $*}"; }

# --- scripts ---

# What every script does first. Written down: whether the process that runs it is the program's own and where it stands, if that
# is not as it should be; what of the device is there already; what it is given, but for what every script is asked first.
# A script that has set `deaf` leaves what it is given.
cat >"$work/called" <<'T'
line="call: $0 $*"
[ "$PPID" = "$(cat /srv/pid)" ] || line="$line (not by mdevctl itself)"
[ "$(pwd)" = / ] || line="$line (in $(pwd))"
[ ! -e "$MDEVCTL_ENV_ROOT/etc/mdevctl.d/${12}/${10}" ] || line="$line [defined]"
[ ! -e "$MDEVCTL_ENV_ROOT/sys/bus/mdev/devices/${10}" ] || line="$line [active]"
echo "$line" >>/srv/calls
actions='"start","stop","define","undefine","modify","attributes","capabilities"' events='"pre","post","notify","get","live"'
offer='{"provides":{"version":2,"actions":\['$actions'\],"events":\['$events'\]}}'
# The last byte tells whether there was a newline before it.
[ -n "$deaf" ] || { cat; printf .; } | sed 's/$/\\n/' | tr -d '\n' |
  sed 's/\.\\n$//; s/^/  stdin: /; s/: $/ empty/; s/: '"$offer"'$/ what mdevctl provides/; s/$/\n/' >>/srv/calls
T

script() {  # FOLDER NAME SHELL
  printf '#!/bin/sh\n%s. %s/called\n%s\n' "${deaf:+deaf=yes; }" "$work" "${3:-}" >"$1/$2"
  chmod +x "$1/$2"
}
callout() { script "$root/usr/lib/mdevctl/scripts.d/callouts" "$@"; }
old_callout() { script "$root/etc/mdevctl.d/scripts.d/callouts" "$@"; }
notifier() { script "$root/usr/lib/mdevctl/scripts.d/notifiers" "${1:-tell}" "${2:-}"; }
old_notifier() { script "$root/etc/mdevctl.d/scripts.d/notifiers" "${1:-tell}" "${2:-}"; }

# --- what there is ---

declare -A before after

# Every definition and every device: NAME -> what it is.
snapshot() {  # ARRAY
  local -n array=$1
  local kind mode path rest places=("$root/etc/mdevctl.d")
  array=()
  if [ -n "$root" ]; then places+=("$root/sys"); else places+=(/sys/bus/mdev/devices/ /sys/bus/mdev/devices/*/mdev_type); fi
  while IFS=$'\t' read -r kind mode path rest; do
    case $kind/$path in
      d//sys/bus/mdev/devices/ | d/"$root"/etc/mdevctl.d | d/"$root"/sys) ;;
      l//sys/bus/mdev/devices/*/mdev_type) path=${path%/mdev_type} array["$path"]+=" ${rest##*/}$(set_attributes "$path")" ;;
      l//sys/bus/mdev/devices/*) rest=${rest%/*} array["$path"]=" ${rest##*/}" ;;
      f/*) array["$path"]=" $mode"$'\n'$(text_of "  | " "$path") ;;
      d/*) array["$path/"]= ;;
      *) array["$path"]=" -> $rest" ;;
    esac
  done < <(find "${places[@]}" -maxdepth 9 -name scripts.d -prune -o -printf '%y\t%m\t%p\t%l\n' 2>/dev/null | sort -t $'\t' -k3,3)
}

set_attributes() {  # DEVICE: those that are not as they were made
  local name value
  for name in $attributes; do
    [ -e "$1/$name" ] || continue
    IFS= read -r -d '' value <"$1/$name"
    case $value in $'0\n' | $'still\n' | '') ;; *) printf ' %s=%s' "$name" "${value//$'\n'/\\n}" ;; esac
  done
}

# Each line with something before it; a last line that does not end is told, as diff does.
text_of() {  # PREFIX FILE
  local text
  IFS= read -r -d '' text <"$2"
  [ -n "$text" ] || return 0
  case $text in *$'\n') text=${text%$'\n'} ;; *) text+=$'\n'"\\ no newline" ;; esac
  text=$1${text//$'\n'/$'\n'$1}
  printf '%s\n' "${text//"$1\\ no newline"/\\ no newline}"
}

changes() {
  local name
  for name in "${!before[@]}" "${!after[@]}"; do echo "$name"; done | sort -u | while IFS= read -r name; do
    if [ -z "${after[$name]+x}" ]; then
      echo "- $name"
    elif [ -z "${before[$name]+x}" ]; then
      echo "+ $name${after[$name]}"
    elif [ "${before[$name]}" != "${after[$name]}" ]; then
      echo "~ $name${after[$name]}"
    fi
  done
}

# --- running ---

quoted() {
  local word
  for word in "$@"; do
    [ ${#word} -lt 200 ] || word="${#word} characters"
    case $word in
      *[![:print:]]* | *\'*) printf -v word %q "$word" ;;
      '' | *[!a-zA-Z0-9_./:=,@%+-]*) word=\'$word\' ;;
    esac
    printf ' %s' "$word"
  done
  echo
}

# A script's parent has to be this very process.
execute() {
  cd "${from:-/}" || exit 1
  [ -z "${closed:-}" ] || eval "exec $closed>&-"
  echo "$BASHPID" >"$pid_file"
  exec "$@"
}

record() {
  local code=0
  [ -n "${unseen:-}" ] || snapshot before
  echo "\$$(quoted "$@")"
  : >"$calls"
  : >"$work/out"
  (execute "$@") >"${onto:-$work/out}" 2>"$work/err" || code=$?
  echo "= $code"
  ${said:-all_said}
  [ -z "${unseen:-}" ] || return 0
  snapshot after
  changes
}

all_said() {
  text_of "1> " "$work/out"
  if grep -q "^thread 'main' panicked" "$work/err"; then echo "2> (panic)"; else text_of "2> " "$work/err"; fi
  cat "$calls"
}

sorted_said() {
  text_of "1> " "$work/out" | sort
  text_of "2> " "$work/err" | sort
  # What a script can do is asked once, of whichever device comes first.
  paste -d '\t' - - <"$calls" | sed '/ -a capabilities /s/ -u [^ ]*/ -u (one of them)/' | sort | tr '\t' '\n'
}

# Its wording is each program's own.
usage_said() {
  [ ! -s "$work/out" ] || echo "1> (help)"
  case $(head -c 7 "$work/err") in
    '') ;;
    "error: ") echo "2> error: ..." ;;
    "Error: ") text_of "2> " "$work/err" ;;
    *) echo "2> (help)" ;;
  esac
  cat "$calls"
}

# What a program does in its own way can be said in its own words.
outline_said() {
  text_of "1> " "$work/out"
  if grep -q "^thread 'main' panicked" "$work/err"; then
    echo "2> (panic)"
  elif grep -q '^Error: ' "$work/err"; then
    echo "2> Error: ..."
  elif grep -q '^\[[^ ]* WARN  mdevctl' "$work/err"; then
    echo "2> (warnings)"
  elif [ -s "$work/err" ]; then
    echo "2> (other words)"
  fi
  cat "$calls"
}

mdevctl() { record mdevctl "$@"; }
lsmdev() { record lsmdev "$@"; }
usage() { local said=usage_said; "$@"; }
unordered() { local said=sorted_said; "$@"; }
outline() { local said=outline_said; "$@"; }
unseen() { local unseen=yes; "$@"; }
onto() { local onto=$1; shift; "$@"; }
without() { local closed=$1; shift; "$@"; }
