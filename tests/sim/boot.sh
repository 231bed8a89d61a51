# start --auto and group start --auto: they wait for late parents, a failure stops no other device, and each result is reported.
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
exits 0 "start --auto succeeds if nothing is defined"
same "$out$err" "" "start --auto prints nothing if nothing is defined"
run "$MDEVADM" group start --auto
exits 0 "group start --auto succeeds if nothing is defined"
same "$out$err" "" "group start --auto prints nothing if nothing is defined"
run "$MDEVADM" list --boot
same "$out" "" "list --boot is empty if no definition has autostart"

for i in 1 2 3; do define $i mtty-1 --auto; done
define 4 mdpy-vga --auto
define 5 mtty-1
run "$MDEVADM" start --auto
exits 0 "start --auto starts the autostart devices"
same "$(active)" "$(uuids 1 2 3 4)" "start --auto starts no other devices"
same "$(boot 1 boot) $(boot 4 boot) $(boot 1 boot_tries)" "started started 1" "list --boot reports 'started' and the number of tries"
begun=$(boot 1 boot_begun_ms)
at=$(boot 1 boot_begun)
holds "boot_begun is a time in the form of RFC 3339 ($at)" grep -qE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$' <<<"$at"
age=$(($(date +%s) - $(date -d "$at" +%s)))
holds "boot_begun is the time of the start ($age s ago)" test $age -ge 0 -a $age -lt 60
run "$MDEVADM" start --auto
same "$code$out$err" 0 "a second start --auto changes and prints nothing"
same "$(boot 1 boot_begun_ms)" "$begun" "a second start --auto retains the recorded start time"
run "$MDEVADM" list --boot
out_lacks "$(uuid 5)" "list --boot does not list a device with manual start"

"$MDEVADM" stop --all
"$MDEVADM" group create vm "$(uuid 5)" --auto
run "$MDEVADM" group start --auto --json
same "$(jq -r '.results[] | [.uuid, .group] | join(" ")' <<<"$out")" "$(uuid 5) vm" \
  "group start --auto --json names the group that a device is started with"
"$MDEVADM" stop --all
"$MDEVADM" group delete vm
control fault create 1 EAGAIN
run "$MDEVADM" start --auto
exits 0 "start --auto retries a driver that is not ready"
err_has "is not ready yet; retrying for up to 3 s$" "start --auto reports that it retries"
same "$(active)" "$(uuids 1 2 3 4)" "all autostart devices are active after the retry"
tries=$(for i in 1 2 3 4; do boot $i boot_tries; done | sort -n | tail -1)
same "$tries" 2 "the device starts at the second try"

"$MDEVADM" stop --all
control fault create 0 EAGAIN
milliseconds "$MDEVADM" start --auto
holds "start --auto retries a driver that is never ready for 3 seconds ($took ms)" test $took -ge 3000 -a $took -lt 6000
run "$MDEVADM" start --auto
exits 1 "start --auto fails if the driver is still not ready after 3 seconds"
err_has "^mdevadm: error: .*the driver of mtty is not ready yet \(tried for [3-5]\.[0-9] s\)$" \
  "the error says how long start --auto tried"
control clear

# EIO is retried: NVIDIA's driver returns it also while the GPU is not initialized. The text depends on the parent.
"$MDEVADM" stop --all -q
control fault create 2 EIO
run "$MDEVADM" start --auto --timeout 10
exits 0 "start --auto --timeout retries a GPU that refuses a vGPU with EIO"
err_has "the driver could not create .* \(Input/output error\); retrying for up to 10 s$" "the reason of the retry is reported"
same "$(active)" "$(uuids 1 2 3 4)" "all autostart devices are active after the retries"
"$MDEVADM" stop --all -q
control fault create 0 EIO
(until "$MDEVADM" list --boot -n -o boot_message | grep -q 'driver could not create'; do sleep 0.05; done; control clear) &
run "$MDEVADM" start --auto --timeout 20
wait $!
exits 0 "list --boot names the reason while start --auto retries"
control clear

control unregister mdpy
run "$MDEVADM" start --auto
exits 8 "start --auto fails partially (exit code 8) if a parent is missing"
err_has "^mdevadm: error: cannot start '$(uuid 4)': parent 'mdpy' not found or not mdev-capable$" \
  "the error names the missing parent, without waiting for it"
err_has "^mdevadm: warning: started 3 of 4 autostart devices; for details: mdevadm list --boot$" \
  "start --auto ends with a summary of the started devices"
same "$(active)" "$(uuids 1 2 3)" "the devices of the other parents are active"
run "$MDEVADM" list --boot -o uuid,boot,boot_message
out_has "^$(uuid 4) failed +parent 'mdpy' not found or not mdev-capable$" "list --boot reports the reason of the failure"
(sleep 0.5; control register mdpy) &
run "$MDEVADM" start --auto --timeout 20
exits 0 "start --auto --timeout waits for a missing parent"
same "$(active)" "$(uuids 1 2 3 4)" "the device is active after its parent was registered"
holds "list --boot reports more than one try" test "$(boot 4 boot_tries)" -gt 1
control unregister mdpy
milliseconds "$MDEVADM" start --auto --timeout 1
holds "start --auto --timeout 1 waits no longer than 3 seconds ($took ms)" test $took -ge 1000 -a $took -lt 3000
"$MDEVADM" start --auto --timeout 20 2>/dev/null &
waits() { [ "$(boot 4 boot)" = waiting ]; }
holds "list --boot reports 'waiting' for a device whose parent is missing" wait_until waits
kill -TERM $!
holds "SIGTERM ends the wait with exit code 8" eval "wait $!; [ \$? = 8 ]"
control register mdpy

# Named devices and groups wait as well.
control unregister mdpy
"$MDEVADM" stop -q --all
(sleep 1; control register mdpy) &
run "$MDEVADM" start "$(uuid 4)" nosuch --timeout 20
wait $!
exits 8 "start DEVICE --timeout waits for the parent of the device, and refuses one that is not defined"
err_has "parent 'mdpy' not found or not mdev-capable; retrying for up to 20 s$" "the reason of the wait is reported"
err_has "^mdevadm: error: cannot start 'nosuch': " "the device that is not defined is named"
same "$(active)" "$(uuid 4)" "the device is active when its parent has appeared"
same "$(boot 4 boot)" manual "the start is not recorded as one of the autostart"
run "$MDEVADM" start "$(uuid 4)" --timeout 20
exits 0 "start --timeout of an active device succeeds"
err_has "is already active$" "a note says that it is active"
run "$MDEVADM" start "$(uuid 4)" --timeout 20 --json
same "$(jq -c '.results[] | [.outcome, .argument]' <<<"$out")" "[\"unchanged\",\"$(uuid 4)\"]" "the JSON result of an active device has the argument"
control unregister mdpy
run "$MDEVADM" start "$(uuid 4)" --timeout 1 --json
exits 3 "start --timeout fails if the parent does not appear"
same "$(jq -c '.results[] | [.outcome, .code, .argument]' <<<"$out")" "[\"failed\",3,\"$(uuid 4)\"]" "the JSON result has the failure and the argument"
control register mdpy
"$MDEVADM" start -q "$(uuid 1)" "$(uuid 2)" "$(uuid 3)"

# The lock of a parent is held for longer than the timeout, as a slow driver does: the timeout for a missing parent starts
# after that.
control unregister mbochs
define 20 mbochs-small
define 21 mdpy-vga
"$MDEVADM" group create late "$(uuid 20)" "$(uuid 21)" --auto
flock /run/mdevadm/parent-mdpy.lock sleep 2 &
wait_until is_locked /run/mdevadm/parent-mdpy.lock
milliseconds "$MDEVADM" group start --auto --timeout 1
holds "the time of waiting for a lock does not count as waiting for a missing parent ($took ms)" test $took -ge 2500
(sleep 3; control register mbochs) &
flock /run/mdevadm/parent-mdpy.lock sleep 2 &
wait_until is_locked /run/mdevadm/parent-mdpy.lock
run "$MDEVADM" group start --auto --timeout 2
exits 0 "group start --auto waits for a parent that registers after the lock was released"
same "$(active)" "$(uuids 1 2 3 20 21)" "the group starts after its parent was registered"
wait
"$MDEVADM" group stop -q late
control unregister mbochs
flock /run/mdevadm/parent-mdpy.lock sleep 2 &
wait_until is_locked /run/mdevadm/parent-mdpy.lock
run "$MDEVADM" group start --auto --timeout 1
exits 3 "group start --auto fails with exit code 3 if the parent stays missing"
err_has "mbochs \(tried for [2-9]\.[0-9] s\)$" "the error names the missing parent and how long it was tried"
wait
"$MDEVADM" group delete late && "$MDEVADM" undefine "$(uuid 20)" "$(uuid 21)"
control register mbochs

define 6 mtty-99 --auto
run "$MDEVADM" start --auto
exits 8 "start --auto fails partially (exit code 8) if a type is missing"
err_lacks "retrying" "start --auto without --timeout does not wait for a missing type"
same "$(active)" "$(uuids 1 2 3 4)" "the devices of the other types are active"
run "$MDEVADM" start --auto --parent mdpy
same "$code$out$err" 0 "start --auto --parent ignores the failed device of another parent"
run "$MDEVADM" start --auto --json
same "$(jq -r '.results[] | "\(.outcome) \(.code)"' <<<"$out" | sort | uniq -c | awk '{ print $1, $2, $3 }' | paste -sd,)" \
  "1 failed 3,4 unchanged 0" "start --auto --json reports one failed and four unchanged devices"
"$MDEVADM" list --boot --plot /tmp/boot.svg
run python3 -c 'import sys, xml.dom.minidom as x; print(len(x.parse("/tmp/boot.svg").getElementsByTagName("rect")))'
holds "list --boot --plot writes well-formed XML with a bar per device" test "$out" -ge 6
run "$MDEVADM" list --boot --plot /nowhere/boot.svg
exits 1 "list --boot --plot fails if the file cannot be written"
err_has "^mdevadm: error: cannot write '/nowhere/boot.svg': directory '/nowhere' not found" "the error names the file that cannot be written"
"$MDEVADM" undefine "$(uuid 6)"

"$MDEVADM" stop --all
pids=()
for _ in 1 2 3 4; do "$MDEVADM" start --auto & pids+=($!); done
all=0
for pid in "${pids[@]}"; do wait "$pid" || all=1; done
same "$all $(active)" "0 $(uuids 1 2 3 4)" "four concurrent start --auto succeed and start each device once"

# --- groups ---
"$MDEVADM" stop --all
define 7 mdpy-vga
define 8 mbochs-small
"$MDEVADM" group create vm "$(uuid 7)" "$(uuid 8)" --auto
"$MDEVADM" group create later "$(uuid 5)"
control unregister mbochs
run "$MDEVADM" group start --auto
exits 3 "group start --auto fails with exit code 3 if the parent of a member is missing"
err_has "^mdevadm: error: cannot start group 'vm': missing parent device: mbochs$" "the error names the missing parent of the group"
same "$(active)" "" "no member of the group is started if a parent is missing"
run "$MDEVADM" group start --auto --parent mdpy
same "$code$out$err" 0 "group start --auto --parent does nothing while another parent of the group is missing"
(sleep 0.5; control register mbochs) &
run "$MDEVADM" group start --auto --timeout 20
exits 0 "group start --auto --timeout waits for the missing parent"
same "$(active)" "$(uuids 7 8)" "group start --auto starts all members of the autostart group, and no other group"
same "$(boot 7 boot) $(boot 8 boot)" "started started" "list --boot reports both members as started"
"$MDEVADM" group stop -q vm
run "$MDEVADM" group start --auto --parent mbochs
same "$(active)" "$(uuids 7 8)" "group start --auto --parent for the last parent starts the group"
"$MDEVADM" group stop -q vm
control unregister mbochs
(sleep 1; control register mbochs) &
run "$MDEVADM" group start vm --timeout 20
wait $!
exits 0 "group start GROUP --timeout waits for the parents of its members"
err_has "missing parent device: mbochs; retrying for up to 20 s$" "the reason of the wait is reported"
same "$(active)" "$(uuids 7 8)" "the members are active when the parent has appeared"
"$MDEVADM" group stop -q vm
control fault create 2 EAGAIN
run "$MDEVADM" group start --auto
exits 0 "group start --auto retries the group if a member's driver is not ready"
same "$(active)" "$(uuids 7 8)" "all members of the group are active after the retry"
run "$MDEVADM" group start --auto --dry-run
exits 0 "group start --auto --dry-run succeeds"

# --- systemd integration ---
generated=$(mktemp -d)
# shellcheck disable=SC2154
run "$MDEVADM" __generator "$generated" /lib/systemd/system/mdevadm-parent@.service
same "$(cd "$generated" && find . -type l -printf '%P -> %l\n' | sort | paste -sd,)" \
  "mdevadm.target.wants/mdevadm-parent@mdpy.service -> /lib/systemd/system/mdevadm-parent@.service,mdevadm.target.wants/mdevadm-parent@mtty.service -> /lib/systemd/system/mdevadm-parent@.service" \
  "the generator adds a unit for each parent with autostart devices, and for no other"
for name in 0000:86:00.0 a-b 'a b' 'ä' matrix x_y; do
  mkdir -p "/etc/mdevadm/devices/$name"
  printf 'type = "x-1"\nstart = "auto"\n' >"/etc/mdevadm/devices/$name/$(uuid 99).toml"
done
rm -rf "${generated:?}"/*
run "$MDEVADM" __generator "$generated" /u/mdevadm-parent@.service
for name in 0000:86:00.0 a-b 'a b' 'ä' matrix x_y; do
  holds "the generator escapes '$name' as systemd-escape does" test -L "$generated/mdevadm.target.wants/$(systemd-escape --template=mdevadm-parent@.service "$name")"
done
run "$MDEVADM" __generator /nowhere/at/all /u/mdevadm-parent@.service
exits 0 "the generator exits with 0 if it cannot write, so that the boot continues"
finish
