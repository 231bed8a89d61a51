# Groups on simulated hosts: all members or none, whatever goes wrong at whatever moment, whoever else wants the same.
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
  exits 0 "a group is made"
  run "$MDEVADM" group create vm1 small
  exits 4 "not a second of the name"
  run "$MDEVADM" group create vm2 a
  exits 4 "nor one with another's member"
  err_has "is already a member of group 'vm1'$" "which is named"
  run "$MDEVADM" group create vm2 small small
  exits 2 "nor a member twice"
  run "$MDEVADM" group create vm2 nosuch
  exits 3 "nor one that is not defined"
  run "$MDEVADM" group create 'v m'
  exits 2 "nor one with a blank in its name"
  run "$MDEVADM" group start vm1
  exits 0 "it starts"
  same "$(active)" "a b big" "with all members"
  run "$MDEVADM" group list
  out_has '^vm1 +active +3 +3 +manual$' "and is active"
  run "$MDEVADM" list --group vm1 -o name,group
  same "$(sed 1d <<<"$out" | tr -s ' ' | sort | paste -sd,)" "a vm1,b vm1,big vm1" "its devices can be listed"
  run "$MDEVADM" group start vm1
  exits 0 "started again, nothing changes"
  "$MDEVADM" group stop vm1 2>/dev/null
  run "$MDEVADM" group start vm1
  same "$(grep -c 'done ([1-3] of 3)$' <<<"$err")" 3 "how far it has come is said, a line a member"
  run "$MDEVADM" group stop vm1 -q
  same "$err" "" "not with -q"
  run "$MDEVADM" group start vm1 --json
  same "$err" "" "nor with --json"
  "$MDEVADM" group stop vm1 -q
  same "$(script -qec "$MDEVADM group start vm1" /dev/null | tr -d '\n' | grep -c "$(printf '\r\033\\[K\\[6/6\\] wait for the VFIO node')")" 1 "on a terminal in one line"
  run "$MDEVADM" group start vm1 --p2p require
  exits 1 "members that must share peer-to-peer resources"
  err_has "peer-to-peer sharing is not supported by parent $first$" "are refused where nothing can"
  same "$(active)" "a b big" "and what is up stays"
  : >/tmp/hold.$$
  "$MDEVSIM" hold "$(uuid 2)" 60 >/tmp/hold.$$ &
  holder=$!
  until grep -q holding /tmp/hold.$$; do sleep 0.02; done
  run "$MDEVADM" group stop vm1
  exits 5 "group stop is refused while one member is in use"
  err_has "'b' \($(uuid 2)\) is in use by mdevsim \(pid $holder\)$" "the error names the member and the process that uses it"
  same "$(active)" "a b big" "all members are active after group stop was refused"
  run "$MDEVADM" group stop vm1 --timeout 0.3
  exits 5 "nor after a while"
  same "$(active)" "a b big" "with all members up"
  (sleep 0.4; kill $holder) &
  run "$MDEVADM" group stop vm1 --timeout 20
  exits 0 "let go, it does"
  same "$(active)" "" "with all members"
  same "$(lefts)" "$idle" "and all is left that was"
  "$MDEVADM" start a
  run "$MDEVADM" group start vm1
  exits 0 "a member that is up is left alone"
  same "$(active)" "a b big" "the others come"
  "$MDEVADM" stop b big
  control fault create 1 EIO
  run "$MDEVADM" group start vm1
  exits 1 "if the others fail"
  same "$(active)" "a" "it stays"
  control clear
  run "$MDEVADM" group stop vm1
  exits 0 "stop takes what is up"
  run "$MDEVADM" group add vm1 small
  exits 0 "a member more"
  run "$MDEVADM" group start vm1
  exits 6 "group start fails with exit code 6 if a member does not fit"
  err_has "member 'small' \($(uuid 4)\) cannot be created: $first has no available instances of nvidia-14 together with the group's 2 x nvidia-17$" \
    "the error names the member that does not fit and the other members of the parent"
  same "$(lefts)" "$idle" "group start checks the instances before it creates any device"
  run "$MDEVADM" undefine small
  exits 4 "a member is not undefined by the way"
  run "$MDEVADM" undefine small --force
  exits 0 "but with --force"
  run "$MDEVADM" group show vm1 -o name
  same "$(sed 1d <<<"$out" | paste -sd' ')" "a b big" "out of the group as well"
  rm "/etc/mdevadm/devices/$first/$(uuid 2).toml"
  run "$MDEVADM" group start vm1
  exits 3 "a member whose definition a person took away"
  err_has "member '$(uuid 2)' \(line 3 of the group's file\) is not defined$" "is named, with its line"
  same "$(lefts)" "$idle" "and nothing is done"
  run "$MDEVADM" group show vm1
  err_has "^mdevadm: warning: /etc/mdevadm/groups/vm1.toml:3: member '$(uuid 2)' is neither defined nor active$" "show says so, too"
  run "$MDEVADM" group remove vm1 "$(uuid 2)"
  exits 0 "it can be taken out"
  run "$MDEVADM" define "$(uuid 7)" -p $first -t nvidia-14 --name new --group nosuch
  exits 3 "a definition joins no group that is not there"
  run "$MDEVADM" define "$(uuid 7)" -p $first -t nvidia-14 --name new --group vm1
  exits 0 "one that is, it can join at once"
  run "$MDEVADM" group show vm1 -o name
  same "$(sed 1d <<<"$out" | paste -sd' ')" "a big new" "as its last member"
  "$MDEVADM" undefine new --force
  run "$MDEVADM" group rename vm1 vm9
  exits 0 "renamed"
  run "$MDEVADM" group delete vm9
  exits 0 "and deleted"
  same "$(ls /etc/mdevadm/groups)" "" "nothing is kept of it"
  same "$("$MDEVADM" list --defined -o name | sed 1d | sort | paste -sd' ')" "a big" "but its devices' definitions"
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
        failed "create $k fails with $error" "something is left: $(active)"
      fi
      control clear
    done
    passed "whatever the create number $k answers, nothing is left"
  done
  for k in 1 2 3 4; do
    "$MDEVADM" group start vm1
    control fault remove $k EIO
    run "$MDEVADM" group stop vm1
    same "$code/$(active | wc -w)" "8/1" "if the remove number $k fails, the others are gone, and it is told"
    control clear
    # This kernel does not make the file anew; its driver does.
    for parent in $first $second $intel; do control unregister $parent; control register $parent; done
  done
  control fault create 3 vanish
  run "$MDEVADM" group start vm1
  holds "a parent that goes in the middle fails the start" test "$code" != 0
  same "$(active)" "" "and nothing is left of it"
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
      "0 6 a b" | "6 0 c d") passed "two groups that want the last instances: one has them all ($outcomes)" ;;
      *) failed "two groups that want the last instances" "exit codes $outcomes, active $(active)" ;;
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
      "" | "a b") passed "start and stop at once end with all or nothing: '$(active)'" ;;
      *) failed "start and stop at once" "active: $(active)" ;;
    esac
    "$MDEVADM" group stop one
  done
  control clear
  # Who waits says for whom.
  control delay create 1500
  "$MDEVADM" group start -q one & local x=$!
  wait_until is_locked "/run/mdevadm/parent-$first.lock"
  run "$MDEVADM" group start two
  exits 6 "group start waits for a concurrent group start, and fails with exit code 6 if no instances are available then"
  err_has "^mdevadm: waiting up to 60 s for mdevadm \(pid $x\) to release the lock$" "group start reports the process that it waits for"
  wait $x
  control delay create 50
  "$MDEVADM" group stop -q one
  # A member that goes while its group starts: the start was first, or the member was gone before.
  for i in 1 2 3; do
    "$MDEVADM" group start -q one & local x=$!
    "$MDEVADM" undefine a --force & local y=$!
    wait $x; local started=$?
    wait $y
    case "$started $("$MDEVADM" list -o uuid | sed 1d | wc -l)" in
      "0 2" | "0 1" | "3 0") passed "a member that is undefined meanwhile is started, or none, or the rest ($started)" ;;
      *) failed "a member that is undefined meanwhile" "exit code $started, active $(active)" ;;
    esac
    "$MDEVADM" list -o uuid | sed 1d | xargs -r "$MDEVADM" stop
    define 1 $first nvidia-17 a
    "$MDEVADM" group add one a
  done
  control clear
  # Killed in the middle, the same command ends what it began.
  control delay create 100
  for i in 0.05 0.15 0.25; do
    (timeout -s KILL $i "$MDEVADM" group start one) 2>/dev/null
    run "$MDEVADM" group start one
    exits 0 "killed after $i s, a start is ended by the next"
    same "$(active)" "a b" "with all members"
    control delay remove 100
    (timeout -s KILL $i "$MDEVADM" group stop one) 2>/dev/null
    run "$MDEVADM" group stop one
    exits 0 "and so is a stop"
    # A removal that was under way is the kernel's to end.
    wait_until is_idle
    same "$(active)/$(lefts)" "/$idle" "with nothing left"
    control delay remove 0
  done
}

lanes() {  # members on different parents side by side: the time of the longest lane
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
  exits 0 "three lanes of two slow creates each"
  holds "take the time of one lane, not of three ($took ms)" test "$took" -lt 2000
}

echo "# $1"
"$1"
finish
