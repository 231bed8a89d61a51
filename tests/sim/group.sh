# Groups on simulated hosts: all members start or none, with a failure of any write, and with concurrent commands.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  for part in whole faults together lanes; do
    "$MDEVSIM" run workstation -- bash "$0" "$part" || exit 1
  done
  exit
fi

uuid() { printf 'aaaaaaaa-0000-4000-8000-%012x' "$1"; }
define() { "$MDEVADM" define "$(uuid "$1")" -p "$2" -t "$3" --name "$4" >/dev/null; }
control() { "$MDEVSIM" control "$@"; }
active() { "$MDEVADM" list -o name | sed 1d | sort | paste -sd' '; }
lefts() { cat /sys/class/mdev_bus/*/mdev_supported_types/*/available_instances | paste -sd' '; }
groups_left() { ls /sys/kernel/iommu_groups /dev/vfio | grep -c '^[0-9]'; }
first=0000:86:00.0 second=0000:87:00.0 intel=0000:00:02.0
idle=$(lefts)
is_idle() { [ "$(lefts)" = "$idle" ]; }

whole() {
  define 1 $first nvidia-17 a
  define 2 $first nvidia-17 b
  define 3 $second nvidia-18 big
  define 4 $first nvidia-14 small
  run "$MDEVADM" group create vm1 a b big
  exits 0 "group create succeeds"
  run "$MDEVADM" group modify vm1 --manual --json
  same "$(jq -c '.results[0] | [.argument, .group, .outcome]' <<<"$out")" '["vm1","vm1","unchanged"]' "the JSON result has the group as argument"
  run "$MDEVADM" group modify nosuch --manual --json
  same "$(jq -c '.results[0] | [.argument, .group, .outcome]' <<<"$out")" '["nosuch","nosuch","failed"]' "so it has on failure"
  run "$MDEVADM" group create vm1 small
  exits 4 "group create fails with exit code 4 if the group exists"
  run "$MDEVADM" group create vm2 a
  exits 4 "group create fails with exit code 4 for a member of another group"
  err_has "'a' \($(uuid 1)\) is already a member of group 'vm1'$" "the error names the group that has the member"
  run "$MDEVADM" group create vm2 small small
  exits 2 "group create fails with exit code 2 for a member given twice"
  run "$MDEVADM" group create vm2 nosuch
  exits 3 "group create fails with exit code 3 for an unknown member"
  run "$MDEVADM" group create .hidden small
  exits 2 "group create fails with exit code 2 for a name with a leading dot"
  run "$MDEVADM" start a b big --dry-run
  exits 0 "start --dry-run of devices that fit succeeds"
  run "$MDEVADM" start a small --dry-run
  exits 8 "start --dry-run shows that a device does not fit beside those before it"
  err_has "cannot start 'small' .*: no available instances of nvidia-14 on $first together with devices that the command starts before it: nvidia-17$" "and with which"
  run "$MDEVADM" group create 'v m'
  exits 2 "group create fails with exit code 2 for a name with a blank"
  run "$MDEVADM" group start vm1
  exits 0 "group start succeeds"
  same "$(active)" "a b big" "all members are active"
  run "$MDEVADM" group list
  out_has '^vm1 +active +3 +3 +manual$' "group list reports the group as active with 3 of 3 members"
  run "$MDEVADM" list --group vm1 -o name,group
  same "$(sed 1d <<<"$out" | tr -s ' ' | sort | paste -sd,)" "a vm1,b vm1,big vm1" "list --group shows the members"
  run "$MDEVADM" group start vm1
  exits 0 "group start succeeds for an active group"
  "$MDEVADM" group stop vm1 2>/dev/null
  run "$MDEVADM" group start vm1
  same "$(grep -c 'done ([1-3] of 3)$' <<<"$err")" 3 "group start prints its progress, a line per member"
  run "$MDEVADM" group stop vm1 -q
  same "$err" "" "group stop -q prints no progress"
  run "$MDEVADM" group start vm1 --json
  same "$err" "" "group start --json prints no progress"
  "$MDEVADM" group stop vm1 -q
  same "$(script -qec "$MDEVADM group start vm1" /dev/null | tr -d '\n' | grep -c "$(printf '\r\033\\[K\\[6/6\\] wait for the VFIO node of \\(a\\|b\\|big\\)\r')")" 1 \
    "group start prints its progress, with the name of the member, in one line of a terminal"
  "$MDEVADM" group stop vm1 -q
  script -qec "stty cols 30; $MDEVADM group start vm1" /dev/null | tr '\r' '\n' | sed 's/\x1b\[K//g' | grep -F '[' >/tmp/lines.$$
  same "$(grep -c '…$' /tmp/lines.$$) $(awk 'length > 31' /tmp/lines.$$ | wc -l)" "6 0" \
    "progress lines that do not fit the terminal are cut and marked"
  run "$MDEVADM" group start vm1 --p2p require
  exits 1 "group start --p2p require fails on parents without peer-to-peer sharing"
  err_has "peer-to-peer sharing is not supported by parent $first$" "the error names the parent that does not support peer-to-peer sharing"
  same "$(active)" "a b big" "active members stay active after the failed group start"
  : >/tmp/hold.$$
  "$MDEVSIM" hold "$(uuid 2)" 60 >/tmp/hold.$$ &
  holder=$!
  until grep -q holding /tmp/hold.$$; do sleep 0.02; done
  run "$MDEVADM" group stop vm1
  exits 5 "group stop is refused while one member is in use"
  err_has "'b' \($(uuid 2)\) is in use by mdevsim \(pid $holder\)$" "the error names the member and the process that uses it"
  same "$(active)" "a b big" "all members are active after group stop was refused"
  run "$MDEVADM" group stop vm1 --timeout 0.3
  exits 5 "group stop --timeout fails if the member is still in use at the end"
  err_has "still in use by mdevsim \(pid $holder\)$" "the error does not report a rollback: no member was stopped"
  err_has "^hint: no device was stopped; stop the process using it, wait longer with --timeout SECONDS, or use --force$" "the hint says so"
  same "$(active)" "a b big" "all members are active after the timeout"
  (sleep 0.4; kill $holder) &
  run "$MDEVADM" group stop vm1 --timeout 20
  exits 0 "group stop --timeout succeeds when the member is released"
  same "$(active)" "" "no member is active after group stop"
  same "$(lefts)" "$idle" "all instances are available after group stop"
  "$MDEVADM" start a
  run "$MDEVADM" group start vm1
  exits 0 "group start succeeds if one member is already active"
  same "$(active)" "a b big" "group start starts the other members"
  "$MDEVADM" stop b big
  control fault create 1 EIO
  run "$MDEVADM" group start vm1
  exits 1 "group start fails if the creation of another member fails"
  same "$(active)" "a" "the member that was active before stays active"
  control clear
  "$MDEVADM" stop a
  control fault create 2 ENOMEM
  run "$MDEVADM" group start vm1
  exits 6 "group start fails if the driver has no instance for another member"
  err_lacks "mdevadm stop" "no hint names a member that was rolled back"
  control clear
  "$MDEVADM" start a >/dev/null
  run "$MDEVADM" group stop vm1
  exits 0 "group stop succeeds if only some members are active"
  run "$MDEVADM" group add vm1 small
  exits 0 "group add succeeds"
  run "$MDEVADM" group start vm1
  exits 6 "group start fails with exit code 6 if a member does not fit"
  err_has "member 'small' \($(uuid 4)\): no available instances of nvidia-14 on $first together with other members of the group: 2 x nvidia-17$" \
    "the error names the member that does not fit and the other members of the parent"
  same "$(lefts)" "$idle" "group start checks the instances before it creates any device"
  run "$MDEVADM" undefine small
  exits 4 "undefine fails with exit code 4 for a member of a group"
  run "$MDEVADM" undefine small --force
  exits 0 "undefine --force succeeds for a member of a group"
  run "$MDEVADM" group show vm1 -o name
  same "$(sed 1d <<<"$out" | paste -sd' ')" "a b big" "undefine --force removes the member from the group"
  rm "/etc/mdevadm/devices/$first/$(uuid 2).toml"
  run "$MDEVADM" group start vm1
  exits 3 "group start fails with exit code 3 if the definition file of a member was deleted"
  err_has "member '$(uuid 2)' \(line 3 of the group's file\) is not defined$" "the error names the member and its line in the group's file"
  same "$(lefts)" "$idle" "group start starts no member if one is not defined"
  run "$MDEVADM" group show vm1
  err_has "^mdevadm: warning: /etc/mdevadm/groups/vm1.toml:3: member '$(uuid 2)' is neither defined nor active$" \
    "group show warns about the member that is not defined"
  run "$MDEVADM" group remove vm1 "$(uuid 2)"
  exits 0 "group remove succeeds for a member that is not defined"
  run "$MDEVADM" define "$(uuid 7)" -p $first -t nvidia-14 --name new --group nosuch
  exits 3 "define --group fails with exit code 3 if the group does not exist"
  run "$MDEVADM" define "$(uuid 7)" -p $first -t nvidia-14 --name new --group vm1
  exits 0 "define --group succeeds if the group exists"
  run "$MDEVADM" group show vm1 -o name
  same "$(sed 1d <<<"$out" | paste -sd' ')" "a big new" "define --group adds the device as the last member"
  "$MDEVADM" undefine new --force
  run "$MDEVADM" group rename vm1 vm9
  exits 0 "group rename succeeds"
  run "$MDEVADM" group delete vm9
  exits 0 "group delete succeeds"
  same "$(ls /etc/mdevadm/groups)" "" "group delete removes the group's file"
  same "$("$MDEVADM" list --defined -o name | sed 1d | sort | paste -sd' ')" "a big" \
    "group delete does not remove the definitions of the members"
  rm /tmp/hold.$$
}

faults() {  # errno at the k-th write of a start and of a stop, for every k
  local k start_done=0
  define 1 $first nvidia-17 a
  define 2 $first nvidia-17 b
  define 3 $second nvidia-18 c
  define 4 $intel i915-GVTg_V5_4 d
  "$MDEVADM" group create vm1 a b c d
  for k in 1 2 3 4; do
    for error in EIO ENOSPC EAGAIN EINVAL ENODEV; do
      control fault create $k $error
      run "$MDEVADM" group start vm1
      if [ "$code" = 0 ] || [ "$(active)" != "" ] || [ "$(lefts)" != "$idle" ] || [ "$(groups_left)" != 0 ]; then
        failed "group start leaves no device if create $k fails with $error" "exit code $code, active: $(active)"
      fi
      control clear
    done
    passed "group start leaves no device, whichever error create $k returns"
  done
  for k in 1 2 3 4; do
    "$MDEVADM" group start vm1
    control fault remove $k EIO
    run "$MDEVADM" group stop vm1
    same "$code/$(active | wc -w)" "8/1" "group stop fails partially (exit code 8) and stops the other members if remove $k fails"
    control clear
    # This kernel does not create the remove attribute again; the driver does.
    for parent in $first $second $intel; do control unregister $parent; control register $parent; done
  done
  control fault create 3 vanish
  run "$MDEVADM" group start vm1
  holds "group start fails if a parent disappears during the start" test "$code" != 0
  same "$(active)" "" "no member is active after a parent disappeared"
  control clear
}

together() {
  local i outcomes
  define 1 $first nvidia-17 a
  define 2 $first nvidia-17 b
  define 3 $first nvidia-17 c
  define 4 $first nvidia-17 d
  "$MDEVADM" group create one a b
  "$MDEVADM" group create two c d
  for i in 1 2 3 4 5; do
    "$MDEVADM" group start one 2>/dev/null & local x=$!
    "$MDEVADM" group start two 2>/dev/null & local y=$!
    wait $x; outcomes=$?
    wait $y; outcomes="$outcomes $?"
    case "$outcomes $(active)" in
      "0 6 a b" | "6 0 c d") passed "of two groups that need the last instances one starts as a whole (exit codes $outcomes)" ;;
      *) failed "of two groups that need the last instances one starts as a whole" "exit codes $outcomes, active $(active)" ;;
    esac
    "$MDEVADM" group stop one
    "$MDEVADM" group stop two
  done
  control delay create 50
  for i in 1 2 3 4 5; do
    "$MDEVADM" group start one & local x=$!
    "$MDEVADM" group stop one & local y=$!
    wait $x $y
    case "$(active)" in
      "" | "a b") passed "concurrent group start and group stop leave all members active or none: '$(active)'" ;;
      *) failed "concurrent group start and group stop leave all members active or none" "active: $(active)" ;;
    esac
    "$MDEVADM" group stop one
  done
  control clear
  # A command that waits for a lock reports the process that holds it.
  control delay create 1500
  "$MDEVADM" group start -q one & local x=$!
  wait_until is_locked "/run/mdevadm/parent-$first.lock"
  run "$MDEVADM" group start two
  exits 6 "group start waits for a concurrent group start, and fails with exit code 6 if no instances are available then"
  err_has "^mdevadm: waiting up to 60 s for mdevadm \(pid $x\) to release the lock of parent $first$" "group start reports the process and the lock that it waits for"
  wait $x
  control delay create 50
  "$MDEVADM" group stop -q one
  # A member is undefined while its group starts: the start was first, or the member was removed before.
  for i in 1 2 3; do
    "$MDEVADM" group start -q one & local x=$!
    "$MDEVADM" undefine a --force & local y=$!
    wait $x; local started=$?
    wait $y
    case "$started $("$MDEVADM" list -o uuid | sed 1d | wc -l)" in
      "0 2" | "0 1" | "3 0") passed "group start with a concurrent undefine of a member starts all members, the others or none (exit code $started)" ;;
      *) failed "group start with a concurrent undefine of a member starts all members, the others or none" "exit code $started, active $(active)" ;;
    esac
    "$MDEVADM" list -o uuid | sed 1d | xargs -r "$MDEVADM" stop
    define 1 $first nvidia-17 a
    "$MDEVADM" group add one a
  done
  control clear
  # Killed in the middle, the same command completes what was started.
  control delay create 100
  for i in 0.05 0.15 0.25; do
    (timeout -s KILL $i "$MDEVADM" group start one) 2>/dev/null
    run "$MDEVADM" group start one
    exits 0 "group start completes a start that was killed after $i s"
    same "$(active)" "a b" "all members are active after a start that was killed after $i s"
    control delay remove 100
    (timeout -s KILL $i "$MDEVADM" group stop one) 2>/dev/null
    run "$MDEVADM" group stop one
    exits 0 "group stop completes a stop that was killed after $i s"
    # The kernel completes a removal that is in progress.
    wait_until is_idle
    same "$(active)/$(lefts)" "/$idle" "no device is active and all instances are available after a stop that was killed after $i s"
    control delay remove 0
  done
}

lanes() {  # members on different parents start in parallel: the time of the longest lane
  local i begin took
  for i in 1 2; do
    define $i $first nvidia-17 "a$i"
    define $((i + 2)) $second nvidia-17 "b$i"
    define $((i + 4)) $intel i915-GVTg_V5_4 "c$i"
  done
  "$MDEVADM" group create wide a1 a2 b1 b2 c1 c2
  control delay create 500
  begin=$(date +%s%N)
  run "$MDEVADM" group start wide
  took=$((($(date +%s%N) - begin) / 1000000))
  exits 0 "group start succeeds with two slow creates on each of three parents"
  holds "group start takes the time of one parent, not of three ($took ms)" test "$took" -lt 2000
}

echo "# $1"
"$1"
finish
