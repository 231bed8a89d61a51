# shellcheck shell=bash
# Creates states, runs commands and prints all their results. Sourced by inside.sh, on the simulated host.
#
#   given NAME                       begins a case: no definition, no device, no script
#   defined PARENT UUID [JSON]       writes a definition
#   active PARENT TYPE UUID          creates a device
#   config JSON                      writes $config, a file for --jsonfile
#   callout NAME SHELL               installs a call-out script that runs this after it has recorded its call
#   old_callout, notifier, old_notifier   likewise, in the other directories
#   mdevctl WORD..., lsmdev WORD...  runs it and prints the results
#   usage PROGRAM WORD...            likewise, but replaces help and usage errors by a mark
#   unordered PROGRAM WORD...        likewise, but sorts output and script calls, which are in the order of a directory
#   outline PROGRAM WORD...          likewise, but prints only the beginning of standard error
#   unseen PROGRAM WORD...           likewise, but without the changes of definitions and devices
#   onto FILE PROGRAM WORD...        likewise, with standard output to FILE
#   without FD PROGRAM WORD...       likewise, with this descriptor closed
#   rooted                           everything that follows is below $root, by MDEVCTL_ENV_ROOT
#   note TEXT                        prints a line

A=aaaaaaaa-1111-2222-3333-444444444401
B=bbbbbbbb-1111-2222-3333-444444444402
C=cccccccc-1111-2222-3333-444444444403
gpu=0000:0a:00.0

# A fixed path, since the results contain it.
work=/srv
config=$work/config.json
pid_file=$work/pid
calls=$work/calls
# It has the directories etc, sys and usr. Not empty only where MDEVCTL_ENV_ROOT is tested.
root=
attributes="first second nvidia/vgpu_params fixed matrix"

new_directories() { mkdir -p "$root"/{usr/lib/mdevctl,etc/mdevctl.d}/scripts.d/{callouts,notifiers}; }

given() {
  local device
  for device in /sys/bus/mdev/devices/*; do
    [ ! -e "$device" ] || echo 1 >"$device/remove"
  done
  root=
  unset MDEVCTL_ENV_ROOT
  rm -rf /etc/mdevctl.d/* /usr/lib/mdevctl/* "$config" "$calls" "$work/root"
  new_directories
  echo "=== $1"
}

rooted() {
  root=$work/root
  export MDEVCTL_ENV_ROOT=$root
  new_directories
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

# The first commands of every script. They record whether another process than the program runs the script and its working directory
# is not /; whether the device is defined and active; and the input, except the list of what mdevctl provides, which is abbreviated.
# A script that has set `deaf` does not read its input.
cat >"$work/called" <<'T'
line="call: $0 $*"
read -r pid </srv/pid
[ "$PPID" = "$pid" ] || line="$line (not by mdevctl itself)"
[ "$PWD" = / ] || line="$line (in $PWD)"
[ ! -e "$MDEVCTL_ENV_ROOT/etc/mdevctl.d/${12}/${10}" ] || line="$line [defined]"
[ ! -e "$MDEVCTL_ENV_ROOT/sys/bus/mdev/devices/${10}" ] || line="$line [active]"
echo "$line" >>/srv/calls
[ -z "$deaf" ] || return 0
actions='"start","stop","define","undefine","modify","attributes","capabilities"' events='"pre","post","notify","get","live"'
# The last byte preserves a newline before it.
given=$(cat; printf .) given=${given%.}
case $given in
  '') echo "  stdin empty" ;;
  '{"provides":{"version":2,"actions":['"$actions"'],"events":['"$events"']}}') echo "  stdin what mdevctl provides" ;;
  *"
"*) printf %s "$given" | sed -z 's/\n/\\n/g; s/^/  stdin: /; s/$/\n/' ;;
  *) printf '  stdin: %s\n' "$given" ;;
esac >>/srv/calls
T

script() {  # DIR NAME SHELL
  printf '#!/bin/sh\n%s. %s/called\n%s\n' "${deaf:+deaf=yes; }" "$work" "${3:-}" >"$1/$2"
  chmod +x "$1/$2"
}
callout() { script "$root/usr/lib/mdevctl/scripts.d/callouts" "$@"; }
old_callout() { script "$root/etc/mdevctl.d/scripts.d/callouts" "$@"; }
notifier() { script "$root/usr/lib/mdevctl/scripts.d/notifiers" "${1:-tell}" "${2:-}"; }
old_notifier() { script "$root/etc/mdevctl.d/scripts.d/notifiers" "${1:-tell}" "${2:-}"; }

# --- state ---

declare -A before after

# Every definition and every device: NAME -> its description.
snapshot() {  # ARRAY
  local -n array=$1
  local kind mode path rest places=("$root/etc/mdevctl.d")
  array=()
  if [ -n "$root" ]; then places+=("$root/sys"); else places+=(/sys/bus/mdev/devices/ /sys/bus/mdev/devices/*/mdev_type); fi
  while IFS=$'\t' read -r kind mode path rest; do
    case $kind/$path in
      d//sys/bus/mdev/devices/ | d/"$root"/etc/mdevctl.d | d/"$root"/sys) ;;
      l//sys/bus/mdev/devices/*/mdev_type) path=${path%/mdev_type}; set_attributes "$path"; array["$path"]+=" ${rest##*/}$REPLY" ;;
      l//sys/bus/mdev/devices/*) rest=${rest%/*} array["$path"]=" ${rest##*/}${array["$path"]:-}" ;;
      f/*) marked "  | " "$path"; array["$path"]=" $mode"$'\n'${REPLY%$'\n'} ;;
      d/*) array["$path/"]= ;;
      *) array["$path"]=" -> $rest" ;;
    esac
  done < <(exec find "${places[@]}" -maxdepth 9 -name scripts.d -prune -o -printf '%y\t%m\t%p\t%l\n' 2>/dev/null)
}

set_attributes() {  # DEVICE: attributes with another value than after the creation, to $REPLY
  local name value
  REPLY=
  for name in $attributes; do
    [ -e "$1/$name" ] || continue
    IFS= read -r -d '' value <"$1/$name"
    case $value in $'0\n' | $'still\n' | '') ;; *) REPLY+=" $name=${value//$'\n'/\\n}" ;; esac
  done
}

# Each line with a prefix, to $REPLY; a last line without a newline is marked, as diff does.
marked() {  # PREFIX FILE
  IFS= read -r -d '' REPLY <"$2"
  [ -n "$REPLY" ] || return 0
  case $REPLY in *$'\n') REPLY=${REPLY%$'\n'} ;; *) REPLY+=$'\n'"\\ no newline" ;; esac
  REPLY=$1${REPLY//$'\n'/$'\n'$1}$'\n'
  REPLY=${REPLY//"$1\\ no newline"/\\ no newline}
}
text_of() { marked "$@"; printf %s "$REPLY"; }  # PREFIX FILE

changes() {
  local name names=()
  for name in "${!before[@]}"; do
    [ "${before[$name]}" = "${after[$name]-gone}" ] || names+=("$name")
  done
  for name in "${!after[@]}"; do
    [ -n "${before[$name]+x}" ] || names+=("$name")
  done
  [ ${#names[@]} -lt 2 ] || mapfile -t names < <(printf '%s\n' "${names[@]}" | exec sort)
  for name in "${names[@]}"; do
    if [ -z "${after[$name]+x}" ]; then
      echo "- $name"
    elif [ -z "${before[$name]+x}" ]; then
      echo "+ $name${after[$name]}"
    else
      echo "~ $name${after[$name]}"
    fi
  done
}

# --- running ---

write_command() {
  local word line=
  for word in "$@"; do
    [ ${#word} -lt 200 ] || word="${#word} characters"
    case $word in
      *[![:print:]]* | *\'*) printf -v word %q "$word" ;;
      '' | *[!a-zA-Z0-9_./:=,@%+-]*) word=\'$word\' ;;
    esac
    line+=" $word"
  done
  printf '$%s\n' "$line"
}

# The parent of a script has to be this process itself.
execute() {
  cd "${from:-/}" || exit 1
  [ -z "${closed:-}" ] || eval "exec $closed>&-"
  echo "$BASHPID" >"$pid_file"
  exec "$@"
}

record() {
  local code=0
  [ -n "${unseen:-}" ] || snapshot before
  write_command "$@"
  : >"$calls"
  : >"$work/out"
  (execute "$@") >"${onto:-$work/out}" 2>"$work/err" || code=$?
  echo "= $code"
  ${said:-all_said}
  [ -z "${unseen:-}" ] || return 0
  snapshot after
  changes
}

# Prints a file unchanged, without a process.
put() { local text; IFS= read -r -d '' text <"$1"; printf %s "$text"; }

all_said() {
  text_of "1> " "$work/out"
  marked "2> " "$work/err"
  if panicked; then echo "2> (panic)"; else printf %s "$REPLY"; fi
  put "$calls"
}
panicked() { [[ $'\n'$REPLY == *$'\n2> thread \'main\' panicked'* ]]; }

sorted_said() {
  text_of "1> " "$work/out" | sort
  # Without the time: two messages may have different seconds.
  text_of "2> " "$work/err" | sed -E 's/^(2> )\[[0-9T:Z-]+ /\1[TIME /' | sort
  # The capabilities of a script are queried once, for the first device in any order.
  paste -d '\t' - - <"$calls" | sed '/ -a capabilities /s/ -u [^ ]*/ -u (one of them)/' | sort | tr '\t' '\n'
}

# Each program has its own wording.
usage_said() {
  [ ! -s "$work/out" ] || echo "1> (help)"
  marked "2> " "$work/err"
  case $REPLY in
    '') ;;
    "2> error: "*) echo "2> error: ..." ;;
    "2> Error: "*) printf %s "$REPLY" ;;
    *) echo "2> (help)" ;;
  esac
  put "$calls"
}

# For results that each program may word itself.
outline_said() {
  text_of "1> " "$work/out"
  marked "2> " "$work/err"
  if panicked; then
    echo "2> (panic)"
  elif [[ $'\n'$REPLY == *$'\n'"2> Error: "* ]]; then
    echo "2> Error: ..."
  elif [[ $REPLY =~ (^|$'\n')"2> ["[^" "]*" WARN  mdevctl" ]]; then
    echo "2> (warnings)"
  elif [ -n "$REPLY" ]; then
    echo "2> (other words)"
  fi
  put "$calls"
}

mdevctl() { record mdevctl "$@"; }
lsmdev() { record lsmdev "$@"; }
usage() { local said=usage_said; "$@"; }
unordered() { local said=sorted_said; "$@"; }
outline() { local said=outline_said; "$@"; }
unseen() { local unseen=yes; "$@"; }
onto() { local onto=$1; shift; "$@"; }
without() { local closed=$1; shift; "$@"; }
