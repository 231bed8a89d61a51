# Directories and links of the kernel that cannot be read: nothing is taken for absent. list prints the rest, warns and ends with 8; export
# metrics fails and leaves the old file; monitor goes on, says it and reports the changes once it can list the host again.
# shellcheck shell=bash disable=SC2154,SC2034
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/cases.sh"
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$scratch"' EXIT
events=$scratch/events trace=$scratch/trace

# failing CALL[:when=N] PATH COMMAND...: runs it while these calls on the path fail
failing() {
  local call=$1 path=$2
  shift 2
  strace -f -qq -o "$trace" -P "$path" -e "trace=${call%%:*}" -e "inject=${call%%:*}:error=EIO${call#"${call%%:*}"}" "$@"
}
# What a command lists, by the paths of the descriptors; and the paths of directories that it opens, as it gives them to the kernel
listed() { strace -f -qq -y -o "$trace" -e trace=getdents64 "$@" >/dev/null 2>&1; sed -nE 's|.*getdents64\([0-9]+<(/(sys\|dev)[^>]*\|/proc)>.*|\1|p' "$trace" | sort -u; }
opened() { strace -f -qq -o "$trace" -e trace=openat "$@" >/dev/null 2>&1; sed -nE 's|.*openat\([0-9]+, "(sys/[^"]*)", .*O_DIRECTORY.*|\1|p' "$trace" | sort -u; }

# nothing_is_lost NAME COMMAND...: for each of these, either the command has the same output, or it fails and names the path, or the
# metrics say that a parent cannot be read
nothing_is_lost() {
  local name=$1 wrong='' number=0 told=0 usual call path code
  shift
  usual=$("$@" 2>/dev/null)
  while read -r call path; do
    failing "$call" "$path" "$@" >"$scratch/out" 2>"$scratch/err"
    code=$?
    grep -q INJECTED "$trace" || continue
    number=$((number + 1))
    if [ $code != 0 ]; then
      told=$((told + 1))
      grep -qF "$path': Input/output error" "$scratch/err" || wrong+=" $call $path: not named: $(head -n 1 "$scratch/err")"
    elif grep -q '^mdevadm_parent_readable{.*} 0$' "$scratch/out"; then
      told=$((told + 1))
    elif [ "$(cat "$scratch/out")" != "$usual" ]; then
      wrong+=" $call $path: other output, exit status 0"
    fi
  done < <(listed "$@" | sed 's/^/getdents64 /'; opened "$@" | sed 's/^/openat /')
  same "$wrong" "" "$name: nothing is taken for absent"
  holds "$name: failures are said" test $told -gt 0
  echo "# $case $name: $number directories, $told of them said"
}

all_commands() {
  nothing_is_lost list "$MDEVADM" list -n -o uuid,parent,state
  nothing_is_lost "list --all" "$MDEVADM" list --all -n -o uuid,parent,state,in_use
  nothing_is_lost "export metrics" "$MDEVADM" export metrics
}
case_mdev() {
  local parent words
  parent=$("$MDEVADM" types -n -o parent | head -n 1)
  words=(start -u $a -p "$parent" -t "$("$MDEVADM" types "$parent" -n -o type | head -n 1)")
  "$MDEVADM" "${words[@]}" >/dev/null 2>&1 || "$MDEVADM" "${words[@]}" --create-arg vm_uuid=$b >/dev/null
  same "$("$MDEVADM" list -n -o uuid)" $a "a device is active"
  all_commands
}
case_functions() {
  "$MDEVADM" start -u $a -p 0000:41:00.0 -t "$("$MDEVADM" types 0000:41:00.0 -n -o type | head -n 1)" >/dev/null
  all_commands
}

case_list() {
  "$MDEVADM" start -u $a -p mtty -t mtty-1 >/dev/null
  "$MDEVADM" start -u $b -p mdpy -t mdpy-vga >/dev/null
  run failing readlinkat:when=1..2 /sys/bus/mdev/devices "$MDEVADM" list -n -o uuid
  exits 8 "list ends with 8 if one device cannot be read"
  same "$(grep -cE "$a|$b" <<<"$out")" 1 "the other one is listed"
  err_has "^mdevadm: warning: cannot read '/sys/bus/mdev/devices/[a-f0-9-]*': Input/output error; the list is incomplete$" "the warning names it"
  run failing readlinkat:when=1..2 /sys/bus/mdev/devices "$MDEVADM" list --json
  exits 8 "list --json ends with 8, too"
  same "$(jq '.devices | length' <<<"$out")" 1 "the other one is listed in JSON"
  same "$(jq -r '.warning.message' <<<"$err" | grep -c 'incomplete$')" 1 "the warning is an object"
  run failing readlinkat:when=1 /sys/bus/mdev/devices "$MDEVADM" list -n -o uuid
  same "$code $(wc -l <<<"$out")" "0 2" "a link that can be read the second time is read again"
  run failing getdents64 /sys/bus/mdev/devices "$MDEVADM" list
  exits 8 "list ends with 8 if no device can be read"
  err_has "cannot list mediated devices in '/sys/bus/mdev/devices': Input/output error" "the warning names the directory"
  run failing getdents64 /sys/bus/mdev/devices "$MDEVADM" list $a
  exits 1 "a device that is named is not reported as missing"
  err_has "error: cannot list mediated devices in '/sys/bus/mdev/devices': Input/output error" "the error names the directory"
  run failing getdents64 /sys/bus/mdev/devices "$MDEVADM" start -u $c -p mtty -t mtty-1
  exits 1 "nothing is started on a host that cannot be listed"

  "$MDEVADM" export metrics --output "$scratch/mdevadm.prom"
  cp "$scratch/mdevadm.prom" "$scratch/old"
  run failing getdents64 /sys/bus/mdev/devices "$MDEVADM" export metrics --output "$scratch/mdevadm.prom"
  exits 1 "export metrics fails if the devices cannot be listed"
  holds "the old file stays" cmp "$scratch/mdevadm.prom" "$scratch/old"
  run failing getdents64 "$(realpath /sys/class/mdev_bus/mtty)/mdev_supported_types" "$MDEVADM" export metrics
  exits 0 "metrics of the other parents are exported if the types of one cannot be listed"
  out_has '^mdevadm_parent_readable\{parent="mtty"\} 0$' "the metrics say so"
  same "$(grep -c '^mdevadm_type_.*parent="mtty"' <<<"$out")" 0 "its numbers are omitted"
  "$MDEVADM" define $a --name seat >/dev/null
  run failing getdents64 /etc/mdevadm/devices "$MDEVADM" export metrics --output "$scratch/mdevadm.prom"
  exits 1 "export metrics fails if the definitions cannot be read"
  err_has "^mdevadm: error: cannot export metrics: cannot read the definitions in '/etc/mdevadm/devices': Input/output error$" "the error says so"
  holds "the old file stays then, too" cmp "$scratch/mdevadm.prom" "$scratch/old"
}

# watch CALL PATH WORDS...: starts monitor; the calls after those of its first listing fail twice
watch() {
  local call=$1 path=$2 usual
  shift 2
  : >"$events"
  strace -D -f -qq -o "$trace" -P "$path" -e "trace=$call" "$MDEVADM" monitor --json --initial "$@" >"$events" 2>/dev/null &
  monitor=$!
  wait_until grep -q '"ready"' "$events"
  usual=$(grep -c "$call(" "$trace")
  kill $monitor
  wait $monitor
  : >"$events"
  strace -D -f -qq -o "$trace" -P "$path" -e "trace=$call" -e "inject=$call:error=EIO:when=$((usual + 1))..$((usual + 2))" \
    "$MDEVADM" monitor --json --initial "$@" >"$events" 2>"$scratch/errors" &
  monitor=$!
  wait_until grep -q '"ready"' "$events"
}
said() { jq -r 'select(.initial or .event == "ready" | not) | [.event, .parent // .group, .uuid // empty] | join(" ")' "$events"; }
has_said() { said | grep -qxF -- "$1"; }
reports() { if wait_until has_said "$1"; then passed "$2"; else failed "$2" "no event '$1' among: $(said | tail -n 5)"; fi; }
warns() { jq -r .warning.message "$scratch/errors" 2>/dev/null | grep -qF "$1': Input/output error"; }
injected() { [ "$(grep -c INJECTED "$trace")" = 2 ]; }

# The listing that follows an event fails twice.
case_monitor() {
  local path
  "$MDEVADM" start -u $a -p mtty -t mtty-1 >/dev/null
  for path in /sys/class/mdev_bus /sys/bus/mdev/devices /sys/devices/virtual "$(realpath /sys/class/mdev_bus/mtty)"; do
    watch getdents64 "$path"
    control unregister mdpy
    reports "parent-gone mdpy" "$path: an event is reported although the host cannot be listed"
    "$MDEVADM" start -u $b -p mtty -t mtty-2 >/dev/null
    reports "device-created mtty $b" "$path: so is a creation"
    holds "$path: a warning names it" wait_until warns "$path"
    wait_until injected
    control register mdpy
    reports "parent-registered mdpy" "$path: monitor goes on"
    "$MDEVADM" stop $b
    reports "device-removed mtty $b" "$path: the removal is reported"
    kill $monitor
    wait $monitor
    same "$(said | sort | paste -sd,)" "device-created mtty $b,device-removed mtty $b,parent-gone mdpy,parent-registered mdpy" \
      "$path: nothing else is reported"
    same "$(grep -c warning "$scratch/errors")" 1 "$path: it is said once"
  done
}

# What only a listing shows is reported by the next complete one.
case_monitor_functions() {
  local gpu=0000:41:00.0 path
  for path in /sys/bus/pci/drivers "$(dirname "$(realpath /sys/bus/pci/devices/$gpu/driver)")/nvidia"; do
    [ -d "$path" ] || continue
    watch getdents64 "$path"
    echo 1160 >/sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
    holds "$path: a warning names it" wait_until warns "$path"
    wait_until has_said_created
    same "$(said | cut -d' ' -f1,2)" "device-created $gpu" "$path: the device is reported by the next complete listing"
    echo 0 >/sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
    wait_until has_said_removed
    kill $monitor
    wait $monitor
    same "$(said | cut -d' ' -f1 | paste -sd,)" "device-created,device-removed" "$path: nothing else is reported"
  done
}
has_said_created() { said | grep -q device-created; }
has_said_removed() { said | grep -q device-removed; }

# The users of a device are not reported as gone because /proc or /dev/vfio could not be read.
case_monitor_users() {
  local path holder
  "$MDEVADM" start -u $a -p mtty -t mtty-1 >/dev/null
  "$MDEVSIM" hold $a >"$scratch/held" &
  holder=$!
  wait_until test -s "$scratch/held"
  for path in /proc /dev/vfio; do
    watch getdents64 "$path"
    same "$(jq -r 'select(.event == "device-in-use").uuid' "$events")" $a "$path: the device is in use"
    "$MDEVADM" start -u $b -p mtty -t mtty-2 >/dev/null  # causes a search
    holds "$path: a warning names it" wait_until warns "$path"
    wait_until injected
    "$MDEVADM" stop $b
    reports "device-removed mtty $b" "$path: monitor goes on"
    same "$(said | grep -c released)" 0 "$path: the device is not reported as released"
    kill $monitor
    wait $monitor
  done
  watch getdents64 /proc
  kill $holder
  reports "device-released mtty $a" "the release is reported by the next complete search"
  kill $monitor
}

run_case "$@"
on samples case_list
on samples case_monitor
on l40s case_monitor_functions
on samples case_monitor_users
on m60 case_mdev
on l40s case_functions
on a40 case_mdev
on m60-f2 case_mdev
on m60-k0 case_mdev
finish
