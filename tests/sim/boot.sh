# start --auto and group start --auto: what comes late is waited for, what fails keeps nothing else down, and all of it is told.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  exec "$MDEVSIM" run samples -- bash "$0" inside
fi

uuid() { printf '8f3c2a10-0000-4000-8000-%012x' "$1"; }
uuids() { for i in "$@"; do uuid "$i"; echo; done | paste -sd' '; }
active() { ls /sys/bus/mdev/devices | sort | paste -sd' '; }
control() { "$MDEVSIM" control "$@"; }
define() { "$MDEVADM" define "$(uuid "$1")" -p "${2%%-*}" -t "$2" "${@:3}" --force >/dev/null; }
boot() { "$MDEVADM" list --boot --json | jq -r --arg uuid "$(uuid "$1")" ".devices[] | select(.uuid == \$uuid) | .$2"; }
milliseconds() { local begin; begin=$(date +%s%N); "$@" >/dev/null 2>&1; took=$((($(date +%s%N) - begin) / 1000000)); }

run "$MDEVADM" start --auto
exits 0 "with nothing defined, start --auto succeeds"
same "$out$err" "" "in silence"
run "$MDEVADM" group start --auto
exits 0 "and so does group start --auto"
same "$out$err" "" "in silence too"
run "$MDEVADM" list --boot
same "$out" "" "nothing is to come up"

for i in 1 2 3; do define $i mtty-1 --auto; done
define 4 mdpy-vga --auto
define 5 mtty-1
run "$MDEVADM" start --auto
exits 0 "what is auto comes up"
same "$(active)" "$(uuids 1 2 3 4)" "and nothing else"
same "$(boot 1 boot) $(boot 4 boot) $(boot 1 boot_tries)" "started started 1" "it is remembered"
begun=$(boot 1 boot_begun_ms)
run "$MDEVADM" start --auto
same "$code$out$err" 0 "once more: silence"
same "$(boot 1 boot_begun_ms)" "$begun" "when it came up stays as it was"
run "$MDEVADM" list --boot
out_lacks "$(uuid 5)" "what is started by hand is not part of it"

"$MDEVADM" stop --all
control fault create 1 EAGAIN
run "$MDEVADM" start --auto
exits 0 "a driver that is not ready is asked again"
err_has "is not ready yet; retrying for up to 3 s$" "which is told"
same "$(active)" "$(uuids 1 2 3 4)" "and all come up"
tries=$(for i in 1 2 3 4; do boot $i boot_tries; done | sort -n | tail -1)
same "$tries" 2 "at the second try"

"$MDEVADM" stop --all
control fault create 0 EAGAIN
milliseconds "$MDEVADM" start --auto
holds "a driver that is never ready is asked for three seconds ($took ms)" test $took -ge 3000 -a $took -lt 6000
run "$MDEVADM" start --auto
exits 1 "and then it has failed"
err_has "^mdevadm: error: .*the driver of mtty is not ready yet \(tried for [3-5]\.[0-9] s\)$" \
  "which says how long it was tried"
control clear

control unregister mdpy
run "$MDEVADM" start --auto
exits 8 "a parent that is not there keeps only its own devices down"
err_has "^mdevadm: error: cannot start '$(uuid 4)': parent 'mdpy' not found or not mdev-capable$" "it is named, and not waited for"
err_has "^mdevadm: warning: started 3 of 4 autostart devices; for details: mdevadm list --boot$" "in the end there is a summary"
same "$(active)" "$(uuids 1 2 3)" "the others are up"
run "$MDEVADM" list --boot -o uuid,boot,boot_message
out_has "^$(uuid 4) failed +parent 'mdpy' not found or not mdev-capable$" "list --boot tells it"
(sleep 0.5; control register mdpy) &
run "$MDEVADM" start --auto --timeout 20
exits 0 "with --timeout it is waited for"
same "$(active)" "$(uuids 1 2 3 4)" "and comes up when it is there"
holds "after some tries" test "$(boot 4 boot_tries)" -gt 1
control unregister mdpy
milliseconds "$MDEVADM" start --auto --timeout 1
holds "but not longer than that ($took ms)" test $took -ge 1000 -a $took -lt 3000
"$MDEVADM" start --auto --timeout 20 2>/dev/null &
waits() { [ "$(boot 4 boot)" = waiting ]; }
holds "list --boot reports that it waits" wait_until waits
kill -TERM $!
holds "a wait can be interrupted" eval "wait $!; [ \$? = 8 ]"
control register mdpy

# The lock of a parent is held for longer than the timeout, as a slow driver does: the time to wait for a missing parent starts
# after that.
control unregister mbochs
define 20 mbochs-small
define 21 mdpy-vga
"$MDEVADM" group create late "$(uuid 20)" "$(uuid 21)" --auto
flock /run/mdevadm/parent-mdpy.lock sleep 2 &
wait_until is_locked /run/mdevadm/parent-mdpy.lock
milliseconds "$MDEVADM" group start --auto --timeout 1
holds "waiting for a lock does not use up the time to wait for a missing parent ($took ms)" test $took -ge 2500
(sleep 3; control register mbochs) &
flock /run/mdevadm/parent-mdpy.lock sleep 2 &
wait_until is_locked /run/mdevadm/parent-mdpy.lock
run "$MDEVADM" group start --auto --timeout 2
exits 0 "a parent that registers after the lock was released is still waited for"
same "$(active)" "$(uuids 1 2 3 20 21)" "and the group starts"
wait
"$MDEVADM" group stop -q late
control unregister mbochs
flock /run/mdevadm/parent-mdpy.lock sleep 2 &
wait_until is_locked /run/mdevadm/parent-mdpy.lock
run "$MDEVADM" group start --auto --timeout 1
exits 3 "without that parent the group fails"
err_has "mbochs \(tried for [2-9]\.[0-9] s\)$" "and the message has the time that was tried"
wait
"$MDEVADM" group delete late && "$MDEVADM" undefine "$(uuid 20)" "$(uuid 21)"
control register mbochs

define 6 mtty-99 --auto
run "$MDEVADM" start --auto
exits 8 "a type that is not there fails"
err_lacks "retrying" "and is not waited for without --timeout"
same "$(active)" "$(uuids 1 2 3 4)" "the rest comes up"
run "$MDEVADM" start --auto --parent mdpy
same "$code$out$err" 0 "another parent's failure is none of --parent's"
run "$MDEVADM" start --auto --json
same "$(jq -r '.results[] | "\(.outcome) \(.code)"' <<<"$out" | sort | uniq -c | awk '{ print $1, $2, $3 }' | paste -sd,)" \
  "1 failed 3,4 unchanged 0" "JSON has them all"
"$MDEVADM" list --boot --plot /tmp/boot.svg
run python3 -c 'import sys, xml.dom.minidom as x; print(len(x.parse("/tmp/boot.svg").getElementsByTagName("rect")))'
holds "the picture is XML, with a bar a device" test "$out" -ge 6
run "$MDEVADM" list --boot --plot /nowhere/boot.svg
exits 1 "one that cannot be written"
err_has "^mdevadm: error: cannot write '/nowhere/boot.svg': No such file" "is told"
"$MDEVADM" undefine "$(uuid 6)"

"$MDEVADM" stop --all
pids=()
for _ in 1 2 3 4; do "$MDEVADM" start --auto & pids+=($!); done
all=0
for pid in "${pids[@]}"; do wait "$pid" || all=1; done
same "$all $(active)" "0 $(uuids 1 2 3 4)" "four at once bring it up once"

# --- groups ---
"$MDEVADM" stop --all
define 7 mdpy-vga
define 8 mbochs-small
"$MDEVADM" group create vm "$(uuid 7)" "$(uuid 8)" --auto
"$MDEVADM" group create later "$(uuid 5)"
control unregister mbochs
run "$MDEVADM" group start --auto
exits 3 "a group whose parent is missing does not come up"
err_has "^mdevadm: error: cannot start group 'vm': missing parent device: mbochs$" "and says which"
same "$(active)" "" "not one member does"
run "$MDEVADM" group start --auto --parent mdpy
same "$code$out$err" 0 "for another parent of it there is nothing to do yet"
(sleep 0.5; control register mbochs) &
run "$MDEVADM" group start --auto --timeout 20
exits 0 "with --timeout it waits"
same "$(active)" "$(uuids 7 8)" "and comes up as one; a group that is not marked does not"
same "$(boot 7 boot) $(boot 8 boot)" "started started" "list --boot has its members"
"$MDEVADM" group stop -q vm
run "$MDEVADM" group start --auto --parent mbochs
same "$(active)" "$(uuids 7 8)" "its last parent brings it up"
"$MDEVADM" group stop -q vm
control fault create 2 EAGAIN
run "$MDEVADM" group start --auto
exits 0 "a member's driver that is not ready: the group is tried again"
same "$(active)" "$(uuids 7 8)" "as a whole"
run "$MDEVADM" group start --auto --dry-run
exits 0 "what would be done can be seen"

# --- systemd's side ---
generated=$(mktemp -d)
# shellcheck disable=SC2154
run "$MDEVADM" __generator "$generated" /lib/systemd/system/mdevadm-parent@.service
same "$(cd "$generated" && find . -type l -printf '%P -> %l\n' | sort | paste -sd,)" \
  "mdevadm.target.wants/mdevadm-parent@mdpy.service -> /lib/systemd/system/mdevadm-parent@.service,mdevadm.target.wants/mdevadm-parent@mtty.service -> /lib/systemd/system/mdevadm-parent@.service" \
  "the boot wants each parent that has something to bring up, and no other"
for name in 0000:86:00.0 a-b 'a b' 'ä' matrix x_y; do
  mkdir -p "/etc/mdevadm/devices/$name"
  printf 'type = "x-1"\nstart = "auto"\n' >"/etc/mdevadm/devices/$name/$(uuid 99).toml"
done
rm -rf "${generated:?}"/*
run "$MDEVADM" __generator "$generated" /u/mdevadm-parent@.service
for name in 0000:86:00.0 a-b 'a b' 'ä' matrix x_y; do
  holds "$name is escaped as systemd does" test -L "$generated/mdevadm.target.wants/$(systemd-escape --template=mdevadm-parent@.service "$name")"
done
run "$MDEVADM" __generator /nowhere/at/all /u/mdevadm-parent@.service
exits 0 "a generator that can do nothing does not stop the boot"
finish
