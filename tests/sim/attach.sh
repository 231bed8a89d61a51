# Devices of virtual machines: export, attach and detach on simulated hosts, with a stand-in for QEMU's monitor and for virsh.
# shellcheck shell=bash disable=SC2154,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/guests.sh"

# ---- a device of the mainline interface ----
inside m60 <<'T'
define 0000:86:00.0 nvidia-11 $A --name seat
monitor
say $m attach seat --qmp $mon
echo "active: $(active)"; log
say $m attach seat --qmp $mon --quiet --json
say $m stop seat
say $m detach seat --qmp $mon
echo "active: $(active)"; log | tail -n 1
say $m attach seat --qmp $mon --dry-run
say $m attach seat $A seat --qmp $mon --dry-run
say $m attach seat --json --qmp $mon --bus a,b
say $m start seat
say $m attach $A --qmp $mon
say $m detach seat --qmp $mon --dry-run
say $m detach $A --qmp $mon --dry-run --no-stop
say $m detach seat --qmp $mon --no-stop
echo "active: $(active)"
say $m detach seat --qmp $mon --timeout 5
say $m attach seat --qmp $mon --bus a,b
echo "= again"
T
device=8f3c2a10-0000-0000-0000-000000000001
same "$(part 'mdevadm attach seat --qmp' | head -3)" "= 0
active: 8f3c2a10-0000-0000-0000-000000000001
{\"execute\":\"device_add\",\"driver\":\"vfio-pci\",\"id\":\"seat\",\"sysfsdev\":\"/sys/bus/mdev/devices/8f3c2a10-0000-0000-0000-000000000001\"}" \
  "attach starts the device and attaches it with the arguments of export qemu"
out_has '"outcome":"unchanged".*"notes":\["'"'seat' .* is already attached to QEMU at '.*' as 'seat'" "a second attach changes nothing and says so"
out_has "cannot stop 'seat' .*: it is in use by python3" "an attached device is in use"
same "$(part 'mdevadm detach seat --qmp' | head -3)" "= 0
active: 
{\"execute\":\"device_del\",\"id\":\"seat\"}" "detach detaches the device and stops it"
same "$(part 'mdevadm attach seat --qmp '"$work/monitor"' --dry-run' | grep -c echo)-$(part 'mdevadm attach seat --qmp '"$work/monitor"' --dry-run' | grep -c 'attach 8f3c.*as seat')" "1-1" \
  "a dry run shows the creation and the attachment"
same "$(part "mdevadm attach 8f3c2a10-0000-0000-0000-000000000001 --qmp")" "= 0" "a device that is active already is attached"
same "$(part "mdevadm attach seat $device" | grep -c 'attach 8f3c')" 1 "a device that is named twice is attached once"
holds "an error of attach --json has the device" has "$(part "mdevadm attach seat --json")" \
  "\"uuid\":\"$device\",\"name\":\"seat\".*\"parent\":\"0000:86:00.0\""
same "$(part "mdevadm detach seat --qmp $work/monitor --dry-run" | grep -cE '^(detach|stop) .seat. |^  remove ')" 3 \
  "a dry run of detach shows the stop"
same "$(part "mdevadm detach $device --qmp $work/monitor --dry-run" | grep -oE '^(detach|stop)')" detach "with --no-stop, there is none"
same "$(part "mdevadm detach seat --qmp $work/monitor --no-stop")" "= 0
active: 8f3c2a10-0000-0000-0000-000000000001" "detach --no-stop does not stop the device"
same "$(part "mdevadm detach seat --qmp $work/monitor --timeout 5")" \
  "mdevadm: error: cannot detach 'seat' (8f3c2a10-0000-0000-0000-000000000001): it is not attached to QEMU at '$work/monitor'
hint: list the processes that use devices: mdevadm list -o +held_by
= 4" "a device that no virtual machine has cannot be detached"
same "$(part "mdevadm attach seat --qmp $work/monitor --bus" | head -1)" "mdevadm: error: --bus: expected a bus for each device (1), not 2" \
  "the number of buses must be that of the devices"

# ---- detach is repeated ----
inside m60 <<'T'
for i in 1 2 3; do define 0000:86:00.0 nvidia-12 8f3c2a10-0000-0000-0000-00000000000$i --name e-$i; done
$m group create -q g e-1 e-2 e-3
monitor
$m attach g --qmp $mon -q
$m detach e-3 --qmp $mon --no-stop
say $m detach g --qmp $mon --json
echo "active: $(active)"
$m attach g --qmp $mon -q
$m detach e-3 --qmp $mon
say $m detach g --qmp $mon
echo "active: $(active)"
$m group start -q g
say $m detach g --qmp $mon
say $m detach e-1 e-2 --qmp $mon --json
$m attach e-1 --qmp $mon -q
"$MDEVSIM" hold 8f3c2a10-0000-0000-0000-000000000002 600 >/dev/null & holder=$!
for i in $(seq 100); do $m list -n -o held_by e-2 | grep -q mdevsim && break; sleep 0.1; done
say $m detach e-1 e-2 --qmp $mon
kill $holder; wait $holder 2>/dev/null
monitor guest=never
$m attach e-1 e-2 --qmp $mon -q
say $m detach e-1 e-2 --qmp $mon --timeout 0.3 --json
T
json() { part "$1" | grep -v '^= \|^active' | jq -c "$2"; }
same "$(json "mdevadm detach g --qmp $work/monitor --json" '[.notes[0] | sub(" at .*"; "")], [.results[] | [.name, .outcome]]' | paste -sd' ')" \
  "[\"'e-3' (8f3c2a10-0000-0000-0000-000000000003) is not attached to QEMU\"] [[\"e-1\",\"done\"],[\"e-2\",\"done\"],[\"e-3\",\"done\"]]" \
  "a member that was detached before is skipped with a note and stopped"
out_has "^mdevadm: 'e-3' .* is not active$" "one that was stopped before is skipped with a note"
same "$(grep -c '^active: $' <<<"$out")" 2 "afterwards, no member is active"
out_has "cannot detach group 'g': no member is attached to QEMU at" "a group of which no member is attached is an error"
same "$(json "mdevadm detach e-1 e-2 --qmp $work/monitor --json" '[.results[] | [.argument, .code]]')" '[["e-1",4],["e-2",4]]' \
  "so are several devices: each has a result"
out_has "cannot detach 'e-2' .*: it is not attached to QEMU at '.*', but in use by mdevsim" "a device that another process uses is not stopped"
same "$(json "mdevadm detach e-1 e-2 --qmp $work/monitor --timeout" '[.results[] | [.argument, .outcome]] | sort')" \
  '[["e-1","undone"],["e-2","failed"]]' "each device has a result if the guest does not release one"

# ---- groups, with an online switch and peers (interfaces of 2016), and on virtual functions ----
cells=
cell() { cells+="$1 $2"$'\n'; }  # SCENARIO COLUMN: a check of this cell of the table in tests/README.md follows
groups() {  # SCENARIO PARENT TYPE OPTIONS [ACTIVE [PARENT OF THE SECOND]]; ACTIVE: devices after the last refusal, without a group
  local column
  inside "$1" <<T
define $2 $3 \$A --name one; define ${6:-$2} $3 \$B --name two
\$m group create vm1 two one $4 >/dev/null
monitor
say \$m attach vm1 --qmp \$mon
echo "active: \$(active | sort | paste -sd' ')"; log | jq -r '.execute, .id'
say \$m list -n -o uuid,state,held_by
log | jq -cS 'select(.execute == "device_add") | del(.execute)' >$work/added
\$m export qemu vm1 -q --json | jq -cS '.devices[].qemu' | cmp - $work/added && echo "arguments: \$(wc -l <$work/added)"
say \$m detach vm1 --qmp \$mon
echo "active: \$(active)"; log | jq -r '.execute, .id' | tail -4
monitor refuse-second
say \$m attach vm1 --qmp \$mon
echo "active: \$(active)"; log | jq -r '.execute, .id'
\$m start one >/dev/null
monitor refuse-second
say \$m attach vm1 --qmp \$mon --json
echo "active: \$(active | wc -l)"
T
  cell "$1" arguments
  out_has '^arguments: 2$' "$1: the arguments of export qemu are those with which devices are attached"
  cell "$1" attach
  same "$(part 'mdevadm attach vm1 --qmp' | head -6 | paste -sd' ')" \
    "= 0 active: 8f3c2a10-0000-0000-0000-000000000001 8f3c2a10-0000-0000-0000-000000000002 device_add two device_add one" \
    "$1: attach starts a group and attaches its devices in the order of the group"
  cell "$1" detach
  same "$(part 'mdevadm detach vm1 --qmp' | paste -sd' ')" "= 0 active:  device_del one device_del two" \
    "$1: detach detaches a group in reverse order and stops it"
  cell "$1" undone
  out_has "cannot attach 'one' .*: QEMU at '.*' refused: refused by the test; all changes were rolled back" \
    "$1: the error says that QEMU refused a device and that all changes were rolled back"
  same "$(awk '/rolled back/ { p = 1 } p' <<<"$out" | grep -vE '^mdevadm|^hint|^\$|^\{|^\"|^\]' | head -10 | paste -sd' ')" \
    "= 1 active:  device_add two device_add one device_del two = 1 active: ${5:-1}" \
    "$1: after a refusal no device is attached, and those that were started are stopped"
}
vm='--vm-uuid 8f3c2a10-0000-0000-0000-0000000000ff'
for scenario in m60-f0 m60-f1; do groups $scenario 0000:86:00.0 11 "$vm"; done
for scenario in m60-f2 m60-f3; do groups $scenario 0000:86:00.0 11 "$vm" 0; done
for scenario in m60-k0 m60-k1 m60-k2 m60-c0 m60-u1 m60-u2; do groups $scenario 0000:86:00.0 nvidia-11 ''; done
for scenario in gvt-v1 gvt-a0 gvt-a1 gvt-a2-rfc gvt-a2-v2 gvt-a2-v3 gvt-a3; do groups $scenario 0000:00:02.0 i915-GVTg_V5_4 ''; done
groups vf-n1 0000:41:00.0 1147 ''
groups vf-n2 0000:41:00.0 1147 ''
groups a40 0000:c1:00.0 nvidia-557 ''
groups ccw 0.0.0070 vfio_ccw-io '' 1 0.0.0071
groups m60 0000:86:00.0 nvidia-11 ''
same "$(part 'mdevadm list -n -o' | grep -c 'active python3')" 2 "the processes that use the devices of a virtual machine are listed"

# ---- what QEMU and guests do ----
inside m60 <<'T'
define 0000:86:00.0 nvidia-11 $A --name one; define 0000:86:00.0 nvidia-11 $B --name two
$m group create vm1 one two >/dev/null
monitor guest=never
$m attach vm1 --qmp $mon || echo failed
say $m detach vm1 --qmp $mon --timeout 0.3
echo "active: $(active | wc -l)"
kill $server; wait $server 2>/dev/null; server=
say $m detach vm1 --qmp $mon
echo "active: $(active | wc -l)"
monitor guest=refuses
$m attach one --qmp $mon
say $m detach one --qmp $mon
monitor guest=1 paused-event
$m stop one --timeout 10
$m attach one --qmp $mon
say $m detach one --qmp $mon
monitor ports=2
say $m attach vm1 --qmp $mon -q
log | jq -r '"\(.id) \(.bus)"' | paste -sd' '
define 0000:86:00.0 nvidia-11 8f3c2a10-0000-0000-0000-000000000003 --name three
say $m attach three --qmp $mon
$m detach vm1 --qmp $mon; monitor ports=2
say $m attach one --qmp $mon --bus port1
log | jq -r '"\(.id) \(.bus)"' | paste -sd' '
T
same "$(part "mdevadm detach vm1 --qmp $work/monitor --timeout 0.3" | paste -sd' ' | grep -c "the guest of QEMU at '$work/monitor' has not released the device within 0.3 s; it remains attached.*= 5 active: 2")" 1 \
  "a guest that does not release a device in time: exit code 5, the devices remain attached and active"
same "$(awk '/no program listens/ { p = 1 } p' <<<"$out" | head -3 | tail -2 | paste -sd' ')" "= 0 active: 0" \
  "detach stops the devices of a QEMU that has ended"
out_has "cannot detach 'one' .*: the guest of QEMU at '.*' refuses to release the device; it remains attached" "the refusal of the guest is reported"
same "$(awk '/guest of QEMU .* refuses/ { p = 1 } p' <<<"$out" | grep '^= ' | head -3 | paste -sd' ')" "= 5 = 0 = 0" \
  "other events and the release of a bridge before the device do not end the wait"
out_has '^one null one port0 two null two port1$' "devices are attached to free ports if the root bus cannot be plugged"
out_has "cannot attach 'three' .*: QEMU at .* refused: Bus 'pcie.0' does not support hotplugging" "without a free port the error says so"
out_has '^hint: start QEMU with free ports for hot-plug' "the hint says how QEMU gets ports"
same "$(tail -2 <<<"$out" | paste -sd' ')" "= 0 one port1" "--bus selects the port"

# ---- a rollback never stops a device that a virtual machine may use ----
inside m60 <<'T'
define 0000:86:00.0 nvidia-11 $A --name one; define 0000:86:00.0 nvidia-11 $B --name two
$m group create vm1 one two >/dev/null
try() {
  monitor "$@"; say $m attach vm1 --qmp $mon --timeout 1; echo "active: $("$m" list -n -o name 2>/dev/null)"
  kill $server 2>/dev/null; wait $server 2>/dev/null; server=; $m stop -q --all --timeout 5
}
try refuse-second guest=never
try drop=device_add guest=never
try drop=device_add
try lose=device_add
try lose=device_del refuse-second
monitor lose=device_del guest=5
$m attach one --qmp $mon
say $m detach one --qmp $mon
echo "active: $("$m" list -n -o name)"
kill $server; wait $server 2>/dev/null; server=; $m stop -q --all --timeout 5
$m group start -q vm1
"$MDEVSIM" hold $A 600 >/dev/null 2>&1 & holder=$!
for _ in $(seq 100); do "$m" list -n -o held_by | grep -q '[a-z]' && break; sleep 0.05; done
monitor; kill $server; wait $server 2>/dev/null; server=
say $m detach vm1 --qmp $mon --timeout 0.3
say $m detach one --qmp $mon --timeout 0.3
kill $holder
T
same "$(grep '^active:' <<<"$out" | head -6 | paste -sd' ')" "active: one active: one active:  active: one active: one active: one" \
  "a device stays active that was not detached, or may be attached"
out_has "cannot attach 'two' .*: QEMU at '.*' refused: refused by the test; could not be rolled back: detach $(printf '8f3c2a10-0000-0000-0000-%012d' 1) .*it remains attached" \
  "the error says which device remains attached"
out_has "has not answered device_add within 1 s; could not be rolled back: 'one' .*\(it may be attached to the virtual machine, and remains active\)" \
  "and which one may be attached"
out_has "cannot detach 'one' .*: QEMU at '.*' has closed the connection, but has not ended; the device may be attached" \
  "a closed connection is not the end of QEMU"
same "$(grep -cE "^hint: (no device was stopped; )?stop the process using it, or wait (longer )?with --timeout SECONDS$" <<<"$out")" 2 "a device that another process uses"
out_lacks "^hint: .*--force" "no hint names an option that detach does not have"

# ---- QEMU is killed at every step ----
inside m60 <<'T'
define 0000:86:00.0 nvidia-11 $A --name one; define 0000:86:00.0 nvidia-11 $B --name two
$m group create vm1 one two >/dev/null
for step in close=qmp_capabilities close=qom-list:1 close=qom-list:2 close=device_add:1 die=device_add:1 close=device_add:2 die=device_add:2; do
  monitor $step
  $m attach vm1 --qmp $mon --timeout 5 >$WORK/text 2>&1; code=$?
  echo "$step: $code, $(active | wc -l) active, $(grep -c '^mdevadm: error: ' $WORK/text) error"
  monitor; $m attach vm1 --qmp $mon && $m detach vm1 --qmp $mon; echo "afterwards: $?, $(active | wc -l) active"
done
for step in close=qmp_capabilities:2 close=qom-list:3 die=qom-list:4 close=qom-get:1 die=qom-get:2 close=device_del:1 die=device_del:1 close=device_del:2 \
  die=device_del:2; do
  monitor $step; $m attach vm1 --qmp $mon
  $m detach vm1 --qmp $mon --timeout 5 2>&1; code=$?
  echo "$step: $code, $(active | wc -l) active"
done
monitor die=device_add:2 linger=1
say $m attach vm1 --qmp $mon --timeout 5
echo "lingering: $(active | wc -l) active"
monitor
say $m detach vm1 --qmp $mon --timeout 5
wait_for() { for _ in $(seq 200); do "$@" && return; sleep 0.05; done; }
gone() { [ "$(active | wc -l)" = 0 ]; }
wait_for gone
say $m attach vm1 --qmp $mon
say $m detach vm1 --qmp $mon
echo "at the end: $(active | wc -l) active"
T
same "$(grep -cE '^(close|die)=(qmp|qom|device_add)[^ ]*: 1, 0 active, 1 error$' <<<"$out")" 7 "attach undoes everything if QEMU ends at any step"
same "$(grep -c '^afterwards: 0, 0 active$' <<<"$out")" 7 "afterwards, the devices can be attached to the next QEMU and detached"
same "$(grep -cE '^(close|die)=(qmp_cap|qom-list|qom-get|device_del).*: 0, 0 active$' <<<"$out")" 9 "detach stops the devices if QEMU ends at any step"
same "$(tail -n 5 <<<"$out" | grep -c '^= 0$')$(tail -n 1 <<<"$out")" "2at the end: 0 active" "a QEMU that closes its socket before the devices"

# ---- sockets and answers that are wrong ----
inside m60 <<'T'
define 0000:86:00.0 nvidia-11 $A --name one; define 0000:86:00.0 nvidia-11 $B --name "two's, \"2\""
try() { monitor "$@"; say $m attach one --qmp $mon --timeout 1; echo "active: $(active | wc -l)"; }
say $m attach one --qmp $WORK/none
say $m attach "no such" --qmp $WORK/none
say $m detach nosuch --qmp $WORK/none
say $m detach one --qmp $WORK/none
touch $WORK/file; say $m attach one --qmp $WORK/file
say $m attach one --qmp $WORK/$(printf '%0120d' 0)
say $m attach one
say $m attach --qmp $mon
monitor; kill -STOP $server; ( exec 9<>/dev/null; say $m attach one --qmp $mon --timeout 1 ); kill -CONT $server
try no-greeting
try garbage
try other
try silent=device_add
try close=device_add
try close=qom-list
try refuse=qom-list
monitor; say $m attach nosuch --qmp $mon
monitor; say $m attach "two's, \"2\"" --qmp $mon; log
say $m attach $A $B --qmp $mon -q
define 0000:86:00.0 nvidia-11 8f3c2a10-0000-0000-0000-000000000003 --name "two_s_ _2_"
say $m attach "two_s_ _2_" --qmp $mon
monitor silent=device_del; $m attach one --qmp $mon
$m attach one --qmp $mon --timeout 1; say $m detach one --qmp $mon --timeout 1
T
same "$(part "mdevadm attach one --qmp $work/none" | grep -c 'QEMU has ended')" 0 "attach says nothing about detached devices"
same "$(part "mdevadm detach one --qmp $work/none" | grep -c '^hint: if QEMU has ended')" 1 "detach does"
for name in "attach no such" "detach nosuch"; do
  same "$(part "mdevadm $name --qmp $work/none" | grep -v '^= ')" "mdevadm: error: cannot ${name%% *} '${name#* }': no device, definition or group with this name, UUID or UUID prefix
hint: list all devices: mdevadm list --all
hint: list groups: mdevadm group list" "$name: an argument is resolved before the connection"
done
for pair in "cannot connect to QEMU at '.*/none': no such socket" "/file': the file is not a socket" "the path of a socket has at most 107 bytes" \
  "no virtual machine given" "missing argument DEVICE" "QEMU at '.*' does not answer; another client may be connected" \
  "(expected a JSON object)" "is not a QMP socket: unexpected greeting" "has not answered device_add within 1 s" \
  "has closed the connection; it may have ended" "cannot list its devices: refused by the test" "cannot attach 'nosuch'" \
  "has not answered device_del within 1 s"; do
  out_has "$pair" "the error says: $pair"
done
same "$(grep -c '^active: 0$' <<<"$out")" "$(grep -c '^active: ' <<<"$out")" "after every error the device is stopped again"
out_has '"id":"two_s___2_","sysfsdev"' "names with quotes and commas become IDs without them"
out_has "cannot attach 'two_s_ _2_' .*: QEMU at '.*' has another device with the ID 'two_s___2_'" "an ID that another device has is a conflict"

inside m60 <<'T'
define 0000:86:00.0 nvidia-11 $A --name one
for answer in device_add:'{"error":"boom"}' device_add:'{"error":{"class":"GenericError"}}' device_add:'{"error":null}' device_add:'{}' \
  device_add:'{"return":null}' device_add:'{"return":[]}' qom-list:'{"return":null}' qom-list:'{"return":"abc"}' \
  qom-list:'{"return":[{"name":5,"type":[]}]}' qom-list:'{}' qmp_capabilities:'{}'; do
  monitor "answer=$answer"; $m attach one --qmp $mon --timeout 1 2>$WORK/text; echo "$answer: $?, $(active | wc -l) active"; cat $WORK/text
done
for answer in device_del:'{}' qom-get:'{"return":7}'; do
  monitor "answer=$answer"; $m attach one --qmp $mon
  $m detach one --qmp $mon --timeout 1 2>$WORK/text; echo "$answer: $?, $(active | wc -l) active"; cat $WORK/text
  kill $server; wait $server 2>/dev/null; server=; $m stop -q one --timeout 5
done
T
same "$(grep -cE '^(device_add|qom-list|qmp_capabilities):.*: 1, 0 active$' <<<"$out")" 11 "an answer of another type than QEMU's is an error, and the device is stopped again"
same "$(grep -E '^(device_del|qom-get):' <<<"$out" | paste -sd' ')" 'device_del:{}: 1, 1 active qom-get:{"return":7}: 1, 1 active' \
  "a device is not stopped because of such an answer"
out_has "cannot attach 'one' .*: QEMU at '.*' refused: \"boom\"; all changes were rolled back" "an error without a description is shown as it is"
out_has "refused: .\"class\":\"GenericError\".; all" "... with all that is known of it"
out_has "cannot attach 'one' .*: invalid answer from QEMU at '.*' to device_add: null \(expected an object\)" "the error has the answer and the expected type"
out_has "invalid answer from QEMU at '.*' to qom-list: \"abc\" \(expected a list of objects with name and type\)" "... of each command"
out_has "invalid answer from QEMU at '.*' to qom-get: 7 \(expected a string\)" "... also of the path of a device"

# ---- time limits below one second, and other spellings of a device's path ----
inside m60 <<'T'
define 0000:86:00.0 nvidia-11 $A --name one
monitor delay=0.2
say $m attach one --qmp $mon --timeout 0.05
say $m detach one --qmp $mon --timeout 0.05
for spelling in slash real; do
  monitor spell=$spelling
  $m attach one --qmp $mon
  say $m attach one --qmp $mon
  $m detach one --qmp $mon; echo "$spelling: $?, $(active | wc -l) active"
done
T
same "$(grep '^= ' <<<"$out" | head -1)" "= 0" "QEMU has a second for its answers, whatever the time limit is"
out_has "cannot detach 'one' .* has not released the device within 0.05 s" "the guest has not"
same "$(grep -c "'one' .* is already attached" <<<"$out")" 2 "a device is recognized by its path without links, or with a slash at its end"
same "$(grep -E '^(slash|real): ' <<<"$out" | paste -sd' ')" "slash: 0, 0 active real: 0, 0 active" "... and detached"
inside vf-n1 <<'T'
define 0000:41:00.0 1147 $A --name one
monitor spell=real
$m attach one --qmp $mon
$m detach one --qmp $mon; echo "real: $?, $(active | wc -l) active"
T
same "$out" "real: 0, 0 active" "... so is a virtual function"

# ---- devices that are not active, have no virtual function or no name yet ----
for case in "vf-n1 0000:41:00.0 1147 --vf any" "m60-f1 0000:86:00.0 11"; do
  read -r scenario parent type options <<<"$case"
  inside "$scenario" <<T
define $parent $type \$A --name one $options; define $parent $type \$B --name two $options
\$m group create vm1 one two >/dev/null
monitor
say \$m detach one --qmp \$mon
say \$m detach one two --qmp \$mon
say \$m detach vm1 --qmp \$mon
say \$m export qemu one
\$m attach vm1 --qmp \$mon && \$m detach vm1 --qmp \$mon
say \$m detach vm1 --qmp \$mon --json
kill \$server; wait \$server 2>/dev/null; server=
say \$m detach vm1 --qmp \$mon
T
  same "$(grep '^= ' <<<"$out" | paste -sd' ')" "= 4 = 4 = 4 = 3 = 4 = 0" "$scenario: detach says of an inactive device that it is not attached"
  same "$(grep -cE "cannot detach '(one|two)' .*: it is not attached to QEMU at" <<<"$out")" 3 "$scenario: ... of each"
  out_has "cannot detach group 'vm1': no member is attached to QEMU at" "$scenario: ... of a group"
  out_has "^hint: .*mdevadm start one$" "$scenario: export qemu says how the device gets its path"
done

# ---- the device is created again on another parent while detach waits for the lock of the first ----
inside t4 <<'T'
read -r first second < <("$m" types -n -o parent,type | awk '!seen[$1]++ { parents = parents $1 " "; type = $2 } END { print parents }')
type=$("$m" types "$first" -n -o type | head -1)
define "$first" "$type" $A --name one
monitor
$m attach one --qmp $mon
exec 8>>"/run/mdevadm/parent-$first.lock"; flock 8
$m detach one --qmp $mon >$WORK/text 2>&1 8>&- & detaching=$!
for _ in $(seq 200); do "$m" list -n -o held_by 2>/dev/null | grep -q python3 || break; sleep 0.05; done
echo 1 >/sys/bus/mdev/devices/$A/remove
echo $A >"/sys/class/mdev_bus/$second/mdev_supported_types/$type/create"
exec 8>&-
wait $detaching; echo "detach: $?"; cat $WORK/text
echo "active: $("$m" list -n -o parent | grep -cx "$second")"
T
same "$(grep -E '^(detach|active): ' <<<"$out" | paste -sd' ')" "detach: 4 active: 1" "a device that was created again on another parent is not stopped"
out_has "cannot stop 'one' .*: another process has created it again on " "... and the error says so"

# ---- vfio-ap, vfio-ccw, virtual functions, numbered devices ----
inside ap <<'T'
define matrix vfio_ap-passthrough $A --adapter 3 --domain 4 --name crypto
define matrix vfio_ap-passthrough $B --name second
monitor
say $m attach crypto --qmp $mon
log
same() { [ "$(log | jq -cS 'del(.execute)')" = "$($m export qemu crypto --json | jq -cS '.devices[].qemu')" ] && echo "arguments: same"; }
same
say $m attach crypto second --qmp $mon
say $m export qemu crypto second
say $m detach crypto --qmp $mon
monitor refuse=device_add
say $m attach crypto --qmp $mon -q
echo "active: $(active | wc -l)"
T
for column in arguments attach detach undone; do cell ap $column; done
out_has '^arguments: same$' "export qemu prints the arguments of a vfio-ap device"
out_has '"driver":"vfio-ap","id":"crypto"' "a vfio-ap device is attached with its driver"
same "$(part "mdevadm detach crypto --qmp $work/monitor" | head -1)" "= 0" "a vfio-ap device is detached and stopped"
same "$(part "mdevadm attach crypto --qmp $work/monitor -q" | tail -2 | paste -sd' ')" "= 1 active: 0" "a vfio-ap device that QEMU refuses is stopped again"
same "$(grep -cE "(attach devices to QEMU at '.*'|export.*): a virtual machine can have one vfio-ap device, not 'crypto' and 'second'" <<<"$out")" 2 "two vfio-ap devices for one virtual machine are refused"
inside vf-n1 <<'T'
define 0000:41:00.0 1147 $A --name seat
monitor
say $m attach 0000:41:00.4 --qmp $mon
log
say $m export mdevctl seat
T
out_has "cannot export 'seat' .*: it is a virtual function, not a mediated device, so mdevctl cannot start it" "mdevctl is not given what it cannot start"
out_has '"host":"0000:41:00.4","id":"seat"' "a vGPU on a virtual function is attached as a PCI device"

# ---- libvirt, with a stand-in for virsh ----
cat >"$work/virsh" <<'T'
#!/bin/bash
# domstate, dumpxml, attach-device and detach-device of one running domain "guest"
[ "$1 $2 $3" = "--quiet --connect ${EXPECTED_URI:-qemu:///system}" ] || { echo "error: wrong connection: $*" >&2; exit 1; }
shift 3
[ ! -e "$WORK/down" ] || { printf 'error: failed to connect to the hypervisor\nerror: Failed to connect socket to %s: No such file or directory\n' "'$(cat "$WORK/down")'" >&2; exit 1; }
[ "$2" = guest ] && [ ! -e "$WORK/gone" ] || { echo "error: failed to get domain '$2'" >&2; exit 1; }
! grep -qsx "$1" "$WORK/hang" || sleep 600
case $1 in
  domstate) [ "$LC_ALL" = C ] || { echo laufend; exit; }; cat "$WORK/state" ;;
  dumpxml) [ ! -e "$WORK/unreadable" ] || { echo "error: internal error: no answer" >&2; exit 1; }; echo "<domain><devices>"; cat "$WORK/hostdevs"; echo "</devices></domain>" ;;
  attach-device) [ ! -e "$WORK/refuse" ] || { echo "error: Failed to attach device from /dev/stdin" >&2; echo "error: internal error: no slot" >&2; exit 1; }; cat "$3" >>"$WORK/hostdevs"; ! grep -qsx late "$WORK/hang" || sleep 600 ;;
  detach-device) cat "$3" >/dev/null
    [ ! -e "$WORK/ends" ] || mv "$WORK/ends" "$WORK/gone"
    [ ! -e "$WORK/shuts" ] || { rm "$WORK/shuts"; echo 'shut off' >"$WORK/state"; }
    [ -e "$WORK/never" ] || : >"$WORK/hostdevs" ;;
esac
T
chmod +x "$work/virsh"
inside m60 <<'T'
export PATH=$PATH; mount -t tmpfs t /usr/local/sbin && cp $WORK/virsh /usr/local/sbin/
echo running >$WORK/state; : >$WORK/hostdevs
export LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8
define 0000:86:00.0 nvidia-11 $A --name one
say $m attach one --domain nosuch
say $m attach one --domain guest
cat $WORK/hostdevs
say $m attach one --domain guest
touch $WORK/never
say $m detach one --domain guest --timeout 0.2
rm $WORK/never
say $m detach one --domain guest
echo "active: $(active | wc -l)"
touch $WORK/refuse
say $m attach one --domain guest
echo "active: $(active | wc -l)"
echo 'shut off' >$WORK/state
say $m attach one --domain guest
say env EXPECTED_URI=test:///x $m attach one --domain guest --connect test:///x
say $m attach one --domain guest --qmp $mon
rm $WORK/refuse; touch $WORK/never
for end in ends shuts; do
  echo running >$WORK/state; : >$WORK/hostdevs; rm -f $WORK/gone
  $m attach one --domain guest
  touch $WORK/$end
  say $m detach one --domain guest --timeout 5
  echo "$end: $(active | wc -l) active"
done
rm -f $WORK/gone
echo running >$WORK/state; : >$WORK/hostdevs
$m attach one --domain guest
echo 'in shutdown' >$WORK/state
say $m detach one --domain guest --timeout 0.2
echo "in shutdown: $(active | wc -l) active"
echo running >$WORK/state; touch $WORK/unreadable
say $m attach one --domain guest
for socket in /var/run/libvirt/libvirt-sock /var/run/libvirt/virtqemud-sock; do
  echo $socket >$WORK/down
  say $m attach one --domain guest
done
rm $WORK/down
rm -f $WORK/unreadable $WORK/never; : >$WORK/hostdevs; $m stop -q one
for step in domstate dumpxml attach-device late; do
  echo $step >$WORK/hang
  $m attach one --domain guest --timeout 1; echo "$step hangs: $?, $(active | wc -l) active"
  rm $WORK/hang
  $m attach one --domain guest; echo "$step: $?, $(grep -c uuid= $WORK/hostdevs) attached"
  $m detach one --domain guest; : >$WORK/hostdevs
done 2>&1
$m attach one --domain guest
echo detach-device >$WORK/hang
say $m detach one --domain guest --timeout 1
echo "detach hangs: $(active | wc -l) active"
T
same "$(grep -E ' hangs: |: 0, ' <<<"$out" | paste -sd';')" \
  "domstate hangs: 1, 0 active;domstate: 0, 1 attached;dumpxml hangs: 1, 0 active;dumpxml: 0, 1 attached;attach-device hangs: 1, 1 active;attach-device: 0, 1 attached;late hangs: 1, 1 active;late: 0, 1 attached;detach hangs: 1 active" \
  "a libvirt that does not answer: a device that may be attached remains active, and the next attach succeeds"
out_has "cannot find the domain 'guest': virsh domstate has not ended within 1 s" "the error names the command of virsh and the time limit"
out_has "cannot attach 'one' .*the domain 'guest': virsh attach-device has not ended within 1 s; could not be rolled back: 'one' .*\(it may be attached" "... device and domain"
same "$(part "mdevadm detach one --domain guest --timeout 1" | tail -2 | paste -sd' ')" "= 5 detach hangs: 1 active" "a request to detach that libvirt does not answer, but continues"
out_has "^hint: start libvirt: systemctl start libvirtd$" "if libvirt does not run, the hint starts it"
out_has "^hint: start libvirt: systemctl start virtqemud.socket$" "also if it is several daemons"
same "$(grep -B1 '^in shutdown: ' <<<"$out" | paste -sd' ')" "= 5 in shutdown: 1 active" "a domain that is shutting down still has its devices"
same "$(grep -E -B1 '^(ends|shuts): ' <<<"$out" | paste -sd' ')" "= 0 ends: 0 active -- = 0 shuts: 0 active" \
  "a domain that ends while a device is detached, transient or not, has detached it"
out_has "^mdevadm: error: cannot read the domain 'guest': internal error: no answer$" "an error of libvirt has the operation once"
out_has "cannot find the domain 'nosuch': failed to get domain 'nosuch'" "a domain that does not exist is reported"
same "$(part 'mdevadm attach one --domain guest' | head -6)" "= 0
<hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'>
  <source>
    <address uuid='8f3c2a10-0000-0000-0000-000000000001'/>
  </source>
</hostdev>" "attach --domain attaches the device with libvirt"
out_has "'one' .* is already attached" "a second attach --domain changes nothing"
out_has "cannot detach 'one' .*: the guest of the domain 'guest' has not released the device within 0.2 s" "a guest that does not answer is reported with a domain, too"
same "$(grep -B1 '^active: 0$' <<<"$out" | head -2 | paste -sd' ')" "= 0 active: 0" "detach --domain detaches and stops the device"
out_has "cannot attach the device to the domain 'guest': Failed to attach device from /dev/stdin; internal error: no slot; all changes" \
  "the refusal of libvirt is reported and the start rolled back"
same "$(grep -c '^active: 0$' <<<"$out")" 2 "after the refusal of libvirt the device is stopped again"
same "$(grep -c "the domain 'guest' is not running but in the state 'shut off'" <<<"$out")" 2 "a domain that is not running is reported, also with another connection"

# ---- names with characters that shells, QEMU and XML read as their own ----
inside m60 <<'T'
name=$'q"u\'o,t&<e' group=$'g"r,p&\'' lines=$'a\nb'
define 0000:86:00.0 nvidia-11 $A --name "$name"; $m group create "$group" $A >/dev/null
for format in shell json; do eval "set -- $($m export qemu "$group" -q --format $format)"; echo "$format: $# ${*: -1}"; done
$m export qemu "$group" -q --format config | grep '^\[device'
for format in libvirt nodedev; do
  { echo '<all>'; $m export $format "$group" -q; echo '</all>'; } | python3 -c 'import sys, xml.etree.ElementTree as tree; print(sys.argv[1], [e.text for e in tree.parse(sys.stdin).iter() if e.tag.endswith("group")])' $format
done
monitor
say $m attach "$name" --qmp $mon
log
say $m attach "$name" --qmp "$WORK/$lines,\""
say $m attach "$name" --qmp $mon --bus "$lines\""
for words in "export qemu" "export libvirt" "export nodedev" "attach --qmp $mon" "detach --qmp $mon" "group show"; do say $m $words "$lines"; done
say $m define -p 0000:86:00.0 -t nvidia-11 --name "$lines"
say $m group create "$lines"
say $m group create other "$name"
T
same "$(grep -E '^(shell|json): ' <<<"$out" | paste -sd' ')" \
  "shell: 4 vfio-pci,id=q_u_o_t__e,sysfsdev=/sys/bus/mdev/devices/$device json: 4 {\"driver\":\"vfio-pci\",\"id\":\"q_u_o_t__e\",\"sysfsdev\":\"/sys/bus/mdev/devices/$device\"}" \
  "the arguments of QEMU have an ID without special characters"
out_has '^\[device "q_u_o_t__e"\]$' "so has the configuration file of QEMU"
same "$(grep -E '^(libvirt|nodedev) ' <<<"$out" | paste -sd' ')" "libvirt ['g\"r,p&\\''] nodedev ['g\"r,p&\\'']" "the name of the group is quoted in XML"
out_has '"id":"q_u_o_t__e"' "attach uses the same ID"
out_has "cannot connect to QEMU at '.*/a.x0ab,\"': no such socket" "a line break in the path of a socket is escaped in the error"
same "$(grep -cE "^mdevadm: error: (cannot .* 'a.x0ab'|--name: invalid name 'a.x0ab'|invalid group name 'a.x0ab')" <<<"$out")" 8 "a line break in a name is refused and escaped"
out_has "^hint: remove it first: mdevadm group remove 'g\"r,p&'.* 'q" "the name of a group is quoted in the hint"

# ---- what a domain cannot have, and an interruption while virsh hangs ----
for case in "m60 0000:86:00.0 nvidia-11 2 --bus,a" "m60 0000:86:00.0 nvidia-11 2 --iommufd" "m60-f1 0000:86:00.0 11 1" "m60-f0 0000:86:00.0 11 1"; do
  read -r scenario parent type wanted option <<<"$case"
  inside "$scenario" <<T
mount -t tmpfs t /usr/local/sbin && cp \$WORK/virsh /usr/local/sbin/
echo running >\$WORK/state; : >\$WORK/hostdevs; rm -f \$WORK/hang
define $parent $type \$A --name one
say \$m attach one --domain guest ${option/,/ }
echo "active: \$(active | wc -l), \$(wc -l <\$WORK/hostdevs) lines"
T
  same "$(grep -E '^(=|active:) ' <<<"$out" | paste -sd' ')" "= $wanted active: 0, 0 lines" "$scenario: attach --domain ${option/,/ } is refused before anything is started"
done
out_has "cannot attach devices to the domain 'guest': libvirt finds mediated devices by their UUID only, and the kernel gives 'one' another name" \
  "libvirt does not find a device whose name the kernel chooses"
inside m60 <<'T'
mount -t tmpfs t /usr/local/sbin && cp $WORK/virsh /usr/local/sbin/
echo running >$WORK/state; : >$WORK/hostdevs
define 0000:86:00.0 nvidia-11 $A --name one
for step in domstate attach-device; do
  echo $step >$WORK/hang
  $m attach one --domain guest 2>$WORK/text & attaching=$!
  for _ in $(seq 200); do pgrep -P $attaching >/dev/null && break; sleep 0.02; done
  sleep 0.2; before=$(date +%s%N)
  kill -TERM $attaching; wait $attaching; code=$?
  echo "$step: $code, $(active | wc -l) active, $(( ($(date +%s%N) - before) / 3000000000 ))"
  cat $WORK/text; rm $WORK/hang
done
$m attach one --domain guest; echo "afterwards: $?"
T
same "$(grep -E '^(domstate|attach-device|afterwards): ' <<<"$out" | paste -sd' ')" "domstate: 1, 0 active, 0 attach-device: 1, 1 active, 0 afterwards: 0" \
  "an interruption ends attach although virsh hangs; a device that may be attached remains active"
out_has "cannot attach the device to the domain 'guest': interrupted; could not be rolled back: 'one' .*\(it may be attached" "the error says so"

# ---- iommufd ----
inside vfio-cdev <<'T'
define mtty mtty-1 $A --name one
monitor
say $m attach one --qmp $mon --iommufd
touch /dev/iommu
say $m attach one --qmp $mon --iommufd
echo "active: $(active | wc -l)"; log
T
same "$(grep -E '^(=|active:) ' <<<"$out" | paste -sd' ')" "= 1 = 1 active: 0" "attach --iommufd fails if the kernel or QEMU does not support it"
out_has "cannot attach devices to QEMU at '.*': /dev/iommu does not exist, so QEMU cannot use iommufd" "the kernel is checked before the device is started, as by export qemu"
out_has "^hint: load the module \(Linux 6.2 and later\): modprobe iommufd$" "... with the same hint"
out_has "refused: Property 'vfio-pci.iommufd' not found; all changes were rolled back" "the refusal of QEMU is reported"
out_has "^hint: .* -object iommufd,id=iommufd0$" "the hint names the object that QEMU needs"
same "$(grep -c '"iommufd":"iommufd0"' <<<"$out")" 1 "the device is given with QEMU's object"

# ---- the table of tests/README.md ----
same "$(sort <<<"$cells" | sed '/^$/d')" "$(awk -F'|' '
  { line = $0; for (i = 2; i < NF; ++i) gsub(/^ +| +$/, "", $i) }
  line ~ /^\| scenario \|/ { for (i = 4; i < NF; ++i) column[i] = $i; next }
  line !~ /^\|/ { delete column }
  4 in column { for (i = 4; i < NF; ++i) if ($i == "attach") print $2, column[i] }' "$here/../README.md" | sort)" "the table in tests/README.md lists exactly the cells that are checked here"
finish
