# The events that monitor prints on simulated hosts: each kind, filters, conditions, floods, slow and closed readers.
#
# MDEVADM_TEST_CYCLES is the number of devices that are created and removed in the flood.
# shellcheck shell=bash disable=SC2154,SC2034
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/cases.sh"
cycles=${MDEVADM_TEST_CYCLES:-2000}
c=aaaaaaaa-0000-4000-8000-000000000003
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$scratch"' EXIT
events=$scratch/events

# watch WORDS...: starts monitor, with its output in $events, and waits until it has listed the host
watch() {
  : >"$events"
  "$MDEVADM" monitor --json --initial "$@" >"$events" 2>"$scratch/errors" &
  monitor=$!
  wait_until grep -q '"ready"' "$events"
}
# said: the events since the beginning, as words
said() { jq -r 'select((.initial or .event == "ready") | not) | [.event, .parent // .group, .uuid // empty] | join(" ")' "$events"; }
has_said() { said | grep -qxE -- "$1"; }
number_of() { grep -c "\"event\":\"$1\"" "$events"; }
reports() { if wait_until has_said "$1"; then passed "$2"; else failed "$2" "no event '$1' among: $(said | tail -n 5)"; fi; }
unwatch() { kill $monitor; wait $monitor; }
put() { echo "$1" >"$2"; }
# The address sanitizer does not reuse freed memory before 256 MiB of it: where memory is measured it shall reuse it at once.
reusing='quarantine_size_mb=0:thread_local_quarantine_size_kb=0'
# Processor time and context switches of a process
time_of() { awk '{print $14 + $15}' "/proc/$1/stat"; }
switches_of() { awk '/^voluntary_ctxt_switches/ {print $2}' "/proc/$1/status"; }
memory_of() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }

run_case_mtty() {
  watch
  "$MDEVADM" start -u $a -p mtty -t mtty-1 >/dev/null
  reports "device-created mtty $a" "the creation of a device is reported"
  same "$(jq -r 'select(.event == "device-created").type' "$events")" mtty-1 "the creation is reported with the type"
  "$MDEVADM" define $a --name seat >/dev/null
  reports "definition-added mtty $a" "a new definition is reported"
  "$MDEVADM" modify seat --auto >/dev/null
  reports "definition-changed mtty $a" "a change of a definition is reported"
  touch /etc/mdevadm/devices/mtty/$a.toml
  cp /etc/mdevadm/devices/mtty/$a.toml "$scratch/copy"
  mv "$scratch/copy" /etc/mdevadm/devices/mtty/$a.toml
  "$MDEVADM" group create vm1 seat >/dev/null
  reports "group-added vm1" "a new group is reported"
  "$MDEVADM" group modify vm1 --auto >/dev/null
  reports "group-changed vm1" "a change of a group is reported"
  "$MDEVADM" group delete vm1 >/dev/null
  reports "group-removed vm1" "the removal of a group is reported"
  same "$(number_of definition-changed)" 1 "a file that is replaced by the same contents is not reported"
  put 'broken' /etc/mdevadm/devices/mtty/$a.toml
  reports "definition-removed mtty $a" "a definition that cannot be used any more is reported as removed"
  same "$(jq -r 'select(.event == "definition-removed").detail' "$events" | grep -c "$a.toml:1:")" 1 \
    "the event says why the definition cannot be used"
  rm /etc/mdevadm/devices/mtty/$a.toml
  mkdir -p /etc/mdevctl.d/mtty
  put '{"mdev_type": "mtty-2", "start": "manual", "attrs": []}' /etc/mdevctl.d/mtty/$b
  reports "definition-added mtty $b" "a definition of mdevctl in a new directory is reported"
  rm -r /etc/mdevctl.d/mtty
  reports "definition-removed mtty $b" "the removal of a directory with a definition is reported"

  "$MDEVSIM" hold $a >"$scratch/held" &
  holder=$!
  reports "device-in-use mtty $a" "the use of a device is reported"
  same "$(jq -r 'select(.event == "device-in-use").held_by[].pid' "$events")" $holder "the event names the process"
  kill $holder
  reports "device-released mtty $a" "the release of a device is reported"
  "$MDEVSIM" hold $a >"$scratch/held" &
  holder=$!
  wait_for_number device-in-use 2
  wait_until test -s "$scratch/held"
  kill -9 $holder
  wait_for_number device-released 2
  "$MDEVADM" list -o in_use,held_by >/dev/null
  same "$(number_of device-in-use)" 2 "a process that only looks whether the device is in use is not reported"
  "$MDEVADM" stop $a 2>/dev/null
  reports "device-removed mtty $a" "the removal of a device is reported"
  control fault create 1 EIO
  "$MDEVADM" start -u $b -p mtty -t mtty-1 >/dev/null 2>&1
  "$MDEVADM" start -u $c -p mtty -t mtty-1 >/dev/null 2>&1
  reports "device-created mtty $c" "a creation after a failed one is reported"
  same "$(said | grep -c "device.* $b")" 0 "a creation that the driver refuses is not reported"
  control unregister mtty
  reports "parent-gone mtty" "a parent that disappears is reported"
  same "$(said | tail -n 2 | paste -sd,)" "device-removed mtty $c,parent-gone mtty" \
    "the devices of the parent are reported before it"
  control register mtty
  reports "parent-registered mtty" "a parent that appears is reported"
  unwatch
  same "$?" 1 "a signal ends monitor with exit status 1"
  run /usr/bin/python3 - "$here/../../src/render/schema/schema.json" "$events" <<'P'
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
for line in open(sys.argv[2]):
    jsonschema.validate(json.loads(line), schema)
    assert json.loads(line).keys() == schema["definitions"]["event"]["properties"].keys()
P
  exits 0 "each event conforms to the schema and has all keys"
  same "$(cat "$scratch/errors")" '{"version":1,"command":"monitor","uuid":null,"error":{"code":1,"message":"interrupted","hints":[]}}' \
    "a signal is reported"
}

run_case_filters() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name seat >/dev/null
  "$MDEVADM" define $b -p mtty -t mtty-2 >/dev/null
  "$MDEVADM" define $c -p mdpy -t mdpy-vga >/dev/null
  "$MDEVADM" group create vm1 $b >/dev/null
  local words expected
  while read -r words expected; do
    watch ${words//,/ }
    "$MDEVADM" start $a $b $c >/dev/null 2>&1
    "$MDEVADM" stop $a $b $c >/dev/null 2>&1
    "$MDEVADM" modify $b --auto >/dev/null
    "$MDEVADM" modify $b --manual >/dev/null
    "$MDEVADM" modify $c --auto >/dev/null
    "$MDEVADM" modify $c --manual >/dev/null
    sleep 0.3
    unwatch
    same "$(said | grep device- | sed 's/.*00000000000//' | sort -u | paste -sd,)" "$expected" "the filter ${words//,/ } selects devices"
  done <<'END'
-p,mtty 1,2
-p,mdpy 3
-t,mtty-2 2
-g,vm1 2
seat 1
aaaaaaaa-0000-4000-8000-000000000003 3
*-000000000002 2
se* 1
END
  "$MDEVADM" define aaaaaaaa-0000-4000-8000-000000000004 -p mtty -t mtty-1 --group vm1 >/dev/null
  watch -g vm1
  "$MDEVADM" undefine --force aaaaaaaa-0000-4000-8000-000000000004 >/dev/null
  reports "definition-removed mtty aaaaaaaa-0000-4000-8000-000000000004" "a former member of the group is selected"
  unwatch
  control unregister mtty
  watch -t 'Single port serial'
  "$MDEVADM" modify $a --auto >/dev/null
  control register mtty
  "$MDEVADM" start $a $b >/dev/null
  "$MDEVADM" start $c >/dev/null
  reports "device-created mtty $a" "a filter by the vendor's name of a type selects devices of a parent that appears later"
  same "$(said | grep device-)" "device-created mtty $a" "the filter leaves out other types of this parent"
  unwatch
  # A command writes the file of the definition, then that of the group, under the lock of the definitions.
  local new=aaaaaaaa-0000-4000-8000-000000000005
  "$MDEVADM" define $new -p mtty -t mtty-1 --group vm1 >/dev/null
  cp /etc/mdevadm/devices/mtty/$new.toml /etc/mdevadm/groups/vm1.toml "$scratch"
  "$MDEVADM" undefine --force $new >/dev/null
  watch -g vm1
  flock /run/mdevadm/definitions.lock bash -c \
    'cp "$1/$2.toml" /etc/mdevadm/devices/mtty; sleep 0.2; cp "$1/vm1.toml" /etc/mdevadm/groups' - "$scratch" $new
  reports "definition-added mtty $new" "a definition that joins the group later is selected"
  unwatch
  run "$MDEVADM" monitor nosuch
  exits 3 "a device that does not exist is an error"
  run "$MDEVADM" monitor -g nosuch
  exits 3 "a group that does not exist is an error"
  run "$MDEVADM" --root /mnt monitor
  exits 2 "--root DIR is an error"
  run timeout 1 "$MDEVADM" monitor --initial
  out_has "^[0-9-]+ [0-9:.]+ definition added: $a \(seat\), type mtty-1 on mtty \(initial state\)$" "the lines have the local time"
}

run_case_conditions() {
  run "$MDEVADM" monitor --until present=mtty
  exits 0 "a condition that holds ends monitor at once"
  same "$out" "" "a condition that holds prints nothing"
  same "$err" "" "a condition on a parent that exists has no warning"
  run "$MDEVADM" monitor --until absent=mtyt
  exits 0 "a parent that does not exist is absent"
  err_has "^mdevadm: warning: 'absent=mtyt' holds: parent 'mtyt' not found or not mdev-capable" "a warning says that the parent may be misspelled"
  run "$MDEVADM" monitor --until present=mtyt --timeout 0.1
  exits 9 "a parent that does not exist may appear"
  err_has "^mdevadm: warning: 'present=mtyt' does not hold before its driver registers it: parent 'mtyt' not found" \
    "a warning says that the parent for which monitor waits does not exist"
  run "$MDEVADM" monitor -p mtyt --until present=mtty
  err_has "^mdevadm: warning: no events before its driver registers it: parent 'mtyt' not found" "a filter by a parent that does not exist has a warning"
  run "$MDEVADM" monitor -p mtty --until present=mtty
  same "$err" "" "a filter by a parent that exists has no warning"
  "$MDEVADM" define $a -p mtty -t mtty-1 --name seat >/dev/null
  "$MDEVADM" group create vm1 seat >/dev/null
  run "$MDEVADM" monitor --until inactive=seat --until unused=vm1 --until absent=0000:99:00.0
  exits 0 "several conditions that hold end monitor at once"
  run "$MDEVADM" monitor --until active=seat --timeout 0.2
  exits 9 "a condition that does not hold in time is an error"
  err_has "^mdevadm: error: condition 'active=seat' did not hold within 0.2 s" "the error names the condition"
  run "$MDEVADM" monitor --until active=seat --timeout 0.2 --json
  exits 9 "a condition that does not hold in time is an error with --json"
  for word in running=x active active= =seat; do
    run "$MDEVADM" monitor --until "$word"
    exits 2 "the condition '$word' is invalid"
  done
  run "$MDEVADM" monitor --until active=nosuch
  exits 3 "a condition on a device that does not exist is an error"
  run "$MDEVADM" monitor --timeout 1
  exits 2 "--timeout requires --until"

  (sleep 0.3; exec "$MDEVADM" start seat) >/dev/null 2>&1 &
  run "$MDEVADM" monitor --until active=seat --timeout 1min
  exits 0 "monitor waits until a device is active"
  out_has "device created: $a \(seat\), type mtty-1 on mtty$" "events are printed until then"
  (sleep 0.3; exec "$MDEVSIM" hold $a 1) >/dev/null 2>&1 &
  run "$MDEVADM" monitor --until in-use=vm1 --timeout 1min
  exits 0 "monitor waits until a device is in use"
  run "$MDEVADM" monitor --until active=vm1 --until unused=seat --timeout 1min
  exits 0 "monitor waits until a device is not in use any more"
  out_has "device released: $a" "the release is printed"
  control unregister mdpy
  (sleep 0.3; exec "$MDEVSIM" control register mdpy) &
  run "$MDEVADM" monitor --until present=mdpy --timeout 1min
  exits 0 "monitor waits until a parent appears"
  (sleep 0.3; exec "$MDEVADM" stop seat) >/dev/null 2>&1 &
  run "$MDEVADM" monitor --until inactive=$a --timeout 1min
  exits 0 "monitor waits until a device is inactive"
  # The device is active only between two messages that monitor reads at once.
  "$MDEVADM" monitor --json --initial --until active=$b --timeout 1min >"$events" &
  monitor=$!
  wait_until grep -q '"ready"' "$events"
  kill -STOP $monitor
  echo $b >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
  echo 1 >/sys/bus/mdev/devices/$b/remove
  kill -CONT $monitor
  wait $monitor
  same "$?" 0 "a condition that held for a moment ends monitor"
}

# churn NUMBER: creates and removes devices, each for a moment
churn() {
  local create=/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create i uuid
  for ((i = 0; i < $1; ++i)); do
    printf -v uuid 'bbbbbbbb-0000-4000-8000-%012x' $i
    echo $uuid >$create
    echo 1 >/sys/bus/mdev/devices/$uuid/remove
  done
}

run_case_unprivileged() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name seat >/dev/null
  "$MDEVADM" start seat >/dev/null
  chmod 755 "$scratch"
  cp "$MDEVADM" "$scratch/mdevadm"
  as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
  run as_user "$scratch/mdevadm" monitor --until unused=seat --timeout 5
  exits 1 "without privileges a device is not known to be unused"
  err_has "^mdevadm: error: cannot wait for 'unused=seat': [0-9]+ processes cannot be inspected$" "the error says why"
  err_has "^hint: this needs root: sudo mdevadm monitor --until unused=seat --timeout 5$" "the error has the command for root"
  run as_user "$scratch/mdevadm" monitor --until in-use=seat --timeout 0.2
  exits 9 "without privileges monitor may wait for a use"
  err_has "^mdevadm: warning: cannot inspect [0-9]+ processes " "a warning says that a use may not be seen"
  run as_user "$scratch/mdevadm" monitor --until active=seat --timeout 5
  exits 0 "other conditions need no privileges"
}

run_case_flood() {
  local -x ASAN_OPTIONS=${ASAN_OPTIONS:-}:$reusing
  watch
  churn 200
  local memory before i
  wait_for_number device-removed 200
  memory=$(memory_of $monitor)
  before=$(time_of $monitor)
  local begin=$EPOCHREALTIME
  churn "$cycles"
  echo "# $cycles cycles in $(bc <<<"$EPOCHREALTIME - $begin") s"
  wait_for_number device-removed $((cycles + 200))
  echo "# processor time $(($(time_of $monitor) - before)) ticks, memory $memory kB, then $(memory_of $monitor) kB"
  # It reaches its size within some 2000 cycles.
  holds "memory does not grow with the number of events" test $(($(memory_of $monitor) - memory)) -lt 6144
  same "$(number_of device-created)" $((cycles + 200)) "each creation is reported once"
  same "$(number_of device-removed)" $((cycles + 200)) "each removal is reported once"
  for ((i = 0; i < 200; ++i)); do printf 'device-created mtty bbbbbbbb-0000-4000-8000-%012x\ndevice-removed mtty bbbbbbbb-0000-4000-8000-%012x\n' $i $i; done >"$scratch/wanted"
  for ((i = 0; i < cycles; ++i)); do printf 'device-created mtty bbbbbbbb-0000-4000-8000-%012x\ndevice-removed mtty bbbbbbbb-0000-4000-8000-%012x\n' $i $i; done >>"$scratch/wanted"
  said >"$scratch/got"
  holds "all are reported in the order in which they happened" cmp "$scratch/wanted" "$scratch/got"
  # From the write to the kernel until the line is printed.
  local sum=0 begun
  for i in 1 2 3 4 5; do
    begun=$(date +%s%N)
    echo $a >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
    wait_for_number device-created $((cycles + 200 + i))
    sum=$((sum + $(date -d "$(tail -n 1 "$events" | jq -r .time)" +%s%N) - begun))
    echo 1 >/sys/bus/mdev/devices/$a/remove
    wait_for_number device-removed $((cycles + 200 + i))
  done
  echo "# latency $((sum / 5000)) us"
  unwatch
}
wait_for_number() { local kind=$1 wanted=$2; reached() { [ "$(number_of "$kind")" -ge "$wanted" ]; }; wait_until reached; }

# Devices are created and removed while monitor starts: the listing and the events that follow must lead to the state of the host.
run_case_beginning() {
  local round i uuid
  for round in 1 2 3; do
    (
      for ((i = 0; i < 40; ++i)); do
        printf -v uuid 'bbbbbbbb-%04d-4000-8000-%012x' $round $i
        echo $uuid >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
        [ $((i % 3)) = 0 ] || echo 1 >/sys/bus/mdev/devices/$uuid/remove
      done
    ) &
    local writer=$!
    watch
    wait $writer
    echo $a >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
    reports "device-created mtty $a" "monitor has read the messages of round $round"
    unwatch
    run /usr/bin/python3 - "$events" <<'P'
import json, os, sys
known = set()
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["event"] == "device-created":
        assert event["uuid"] not in known, event
        known.add(event["uuid"])
    if event["event"] == "device-removed":
        known.remove(event["uuid"])
assert known == set(os.listdir("/sys/bus/mdev/devices")), known
P
    exits 0 "no event is lost or doubled between the listing and the first event"
    for uuid in /sys/bus/mdev/devices/*; do echo 1 >"$uuid/remove"; done
  done
}

# The time of day jumps by decades at each look at it.
run_case_clocks() {
  local -x MDEVADM_JUMPING_CLOCK=1 LD_PRELOAD=$DISTURB ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
  local begin=$SECONDS
  "$MDEVADM" define $a -p mtty -t mtty-1 --name seat >/dev/null
  run "$MDEVADM" monitor --until active=seat --timeout 1
  exits 9 "the time limit ends although the clock jumps"
  holds "it ends in time" test $((SECONDS - begin)) -lt 60
  watch
  "$MDEVADM" start seat >/dev/null
  reports "device-created mtty $a" "a creation is reported although the clock jumps"
  "$MDEVADM" stop seat
  reports "device-removed mtty $a" "a removal is reported although the clock jumps"
  same "$(jq -r .time "$events" | grep -cvE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$')" 0 "times before 1970 are valid"
  unwatch
  "$MDEVADM" modify seat --auto >/dev/null
  run "$MDEVADM" start --auto
  exits 0 "the autostart succeeds although the clock jumps"
  run "$MDEVADM" export metrics
  holds "its duration is not affected by the clock" \
    test "$(sed -n 's/^mdevadm_autostart_duration_seconds \([0-9]*\).*/\1/p' <<<"$out")" -lt 60
}

# The queue of the kernel's messages for monitor is full.
run_case_overrun() {
  local -x MDEVADM_SMALL_BUFFER=1 LD_PRELOAD=$DISTURB ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
  watch
  unset LD_PRELOAD
  kill -STOP $monitor
  churn 200
  echo $a >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
  kill -CONT $monitor
  reports "device-created mtty $a" "the device that exists after messages were lost is reported"
  holds "the loss is reported" test "$(number_of events-lost)" -gt 0
  same "$(said | tail -n 1)" "device-created mtty $a" "the differences follow the loss"
  same "$("$MDEVADM" list -n -o uuid)" $a "the state after the loss is that of the host"
  echo 1 >/sys/bus/mdev/devices/$a/remove
  reports "device-removed mtty $a" "later events are reported"
  unwatch
}

run_case_idle() {
  "$MDEVADM" start -u $a -p mtty -t mtty-1 >/dev/null
  watch
  # The kernel sends uevents of the whole system to every network namespace, for example when a test beside this one mounts a simulated
  # host: monitor reads and ignores them. So there must be a time in which it does not run, not any time.
  local ticks='' i
  for ((i = 0; i < 20; ++i)); do
    [ "$ticks" != "$(time_of $monitor) $(switches_of $monitor)" ] || break
    ticks="$(time_of $monitor) $(switches_of $monitor)"
    sleep 2
  done
  same "$(time_of $monitor) $(switches_of $monitor)" "$ticks" "monitor does not run for 2 s while nothing happens"
  unwatch
}

run_case_readers() {
  local -x ASAN_OPTIONS=${ASAN_OPTIONS:-}:$reusing
  # A reader that takes one line
  "$MDEVADM" monitor --initial 2>"$scratch/errors" | head -n 1 >"$scratch/first"
  same "${PIPESTATUS[0]} $(wc -l <"$scratch/first") $(cat "$scratch/errors")" "1 1 " "a reader that ends ends monitor without a message"
  # A reader that does not read: the pipe has room for 64 KiB, monitor for 1 MiB more.
  mkfifo "$scratch/pipe"
  "$MDEVADM" monitor --json <&- >"$scratch/pipe" &
  monitor=$!
  exec 9<"$scratch/pipe"
  sleep 0.5
  local memory
  memory=$(memory_of $monitor)
  churn 3000
  sleep 1
  holds "memory is bounded if the output is not read" test $(($(memory_of $monitor) - memory)) -lt 8192
  echo "# memory $memory kB, then $(memory_of $monitor) kB"
  echo $a >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
  sleep 0.5
  cat <&9 >"$events" &
  wait_until grep -q events-dropped "$events"
  local dropped told
  dropped=$(jq 'select(.event == "events-dropped").dropped' "$events")
  wait_until grep -q "\"device-created\".*$a" "$events"
  # The differences may contain one of these devices.
  told=$(sed '/events-dropped/q' "$events" | grep -c bbbbbbbb)
  same $((dropped + told)) 6001 "the number of dropped events is said"
  same "$(tail -n 1 "$events" | jq -r '.event + " " + .uuid')" "device-created $a" "the differences follow"
  echo 1 >/sys/bus/mdev/devices/$a/remove
  wait_until grep -q "\"device-removed\".*$a" "$events"
  passed "events are printed again"
  exec 9<&-
  kill $monitor
  "$MDEVADM" monitor --initial >/dev/full 2>"$scratch/errors"
  same "$?" 1 "output that cannot be written is an error"
  holds "the error is reported" grep -q "cannot write the output: No space left" "$scratch/errors"
}

# Warnings that are not read
run_case_warnings() {
  "$MDEVADM" define $b -p mtty -t mtty-1 >/dev/null
  # Behind a link, which can be replaced at once: between a removal and a creation the definitions would be gone.
  mv /etc/mdevadm/devices /etc/mdevadm/real
  ln -s real /etc/mdevadm/devices
  mkfifo "$scratch/pipe"
  exec 9<>"$scratch/pipe"
  dd if=/dev/zero of="$scratch/pipe" oflag=nonblock bs=4096 count=16 2>/dev/null
  "$MDEVADM" monitor --json --initial >"$events" 2>"$scratch/pipe" 9<&- &
  monitor=$!
  wait_until grep -q '"ready"' "$events"
  ln -sfT /dev/null /etc/mdevadm/devices
  sleep 0.5
  echo $a >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
  reports "device-created mtty $a" "events are reported although no warning can be written"
  same "$(said)" "device-created mtty $a" "definitions that cannot be read are not reported as removed"
  head -c 65536 <&9 >/dev/null
  echo 1 >/sys/bus/mdev/devices/$a/remove
  local line
  read -r -t 60 line <&9
  same "$(jq -r .warning.message <<<"$line" | cut -d: -f1)" "cannot read the definitions in '/etc/mdevadm/devices'" \
    "the warning is written once there is room"
  unwatch
  same "$?" 1 "monitor ends"
  exec 9<&-
}

# on_function: the life of a vGPU on a virtual function of $gpu
on_function() {
  watch
  "$MDEVADM" define $a -p $gpu -t "$1" --name seat >/dev/null
  "$MDEVADM" start seat >/dev/null
  reports "device-created $gpu $a" "the creation of a vGPU on a virtual function is reported"
  local vf
  vf=$("$MDEVADM" list seat -n -o vf)
  same "$(jq -r 'select(.event == "device-created").vf' "$events")" "$vf" "the event has the virtual function"
  "$MDEVSIM" hold "$2" >"$scratch/held" &
  holder=$!
  reports "device-in-use $gpu $a" "the use of a vGPU on a virtual function is reported"
  kill -9 $holder
  reports "device-released $gpu $a" "the end of its user is reported"
  "$MDEVADM" stop seat
  reports "device-removed $gpu $a" "the removal of a vGPU on a virtual function is reported"
}

run_case_functions() {
  gpu=0000:41:00.0
  on_function nvidia-1160 0000:41:00.4
  put 1160 /sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
  wait_for_number device-created 2
  same "$(jq -r 'select(.event == "device-created" and .name == null).vf' "$events")" 0000:41:00.5 \
    "a vGPU that another program creates is reported"
  local other
  other=$("$MDEVADM" types -n -o type -p $gpu | grep -vx 1160 | head -n 1)
  kill -STOP $monitor
  put 0 /sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
  put "$other" /sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
  kill -CONT $monitor
  wait_for_number device-created 3
  same "$(jq -r 'select(.vf == "0000:41:00.5") | .event + " " + .type' "$events" | paste -sd,)" \
    "device-created 1160,device-removed 1160,device-created $other" \
    "a vGPU that another one has replaced is reported as removed and created"
  put 0 /sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
  wait_for_number device-removed 3
  passed "its removal by another program is reported"
  mv /etc/mdevadm/devices "$scratch/devices"
  touch /etc/mdevadm/devices
  put 1160 /sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
  wait_until grep -q "cannot read the definitions" "$scratch/errors"
  rm /etc/mdevadm/devices
  mv "$scratch/devices" /etc/mdevadm/devices
  wait_for_number device-created 4
  passed "monitor continues after the definitions could not be read"
  put 0 /sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
  wait_for_number device-removed 4
  control unregister $gpu
  reports "parent-gone $gpu" "a GPU without its driver is reported as gone"
  control register $gpu
  reports "parent-registered $gpu" "a GPU whose driver is loaded again is reported"
}

# The virtual function does not exist yet when monitor begins.
run_case_later_function() {
  local gpu=0000:41:00.0 type
  "$MDEVADM" parent set $gpu --vfs all >/dev/null
  watch -p 0000:41:00.4
  "$MDEVADM" monitor --until present=0000:41:00.4 --timeout 1min >/dev/null 2>&1 &
  local waiting=$!
  "$MDEVADM" parent prepare $gpu >/dev/null
  wait $waiting
  same "$?" 0 "a virtual function that appears later stands for its GPU in a condition"
  type=$("$MDEVADM" types $gpu -n -o type | head -n 1)
  "$MDEVADM" start -u $b -p $gpu --vf 0000:41:00.5 -t "$type" >/dev/null
  "$MDEVADM" start -u $a -p $gpu --vf 0000:41:00.4 -t "$type" >/dev/null
  reports "device-created $gpu $a" "a filter by a virtual function that appears later selects its device"
  same "$(said | grep -c "$b")" 0 "and leaves out those of other functions"
  unwatch
}

run_case_function_mdevs() {
  gpu=$("$MDEVADM" types -n -o parent | head -n 1)
  on_function "$("$MDEVADM" types -n -o type | head -n 1)" $a
}

run_case_crypto() {
  watch
  "$MDEVADM" start -u $a -p matrix -t vfio_ap-passthrough >/dev/null
  reports "device-created matrix $a" "the creation of a vfio-ap device is reported"
  "$MDEVADM" stop $a
  reports "device-removed matrix $a" "the removal of a vfio-ap device is reported"
  control unregister matrix
  reports "parent-gone matrix" "the end of vfio_ap is reported"
  control register matrix
  reports "parent-registered matrix" "the start of vfio_ap is reported"
}

run_case_proposals() {
  local type
  gpu=$("$MDEVADM" types -n -o parent | head -n 1)
  type=$("$MDEVADM" types -n -o type | head -n 1)
  watch
  # Some drivers require the UUID of the virtual machine.
  "$MDEVADM" start -u $a -p "$gpu" -t "$type" >/dev/null 2>&1 ||
    "$MDEVADM" start -u $a -p "$gpu" -t "$type" --create-arg vm_uuid=$b >/dev/null
  reports "device-created $gpu $a" "the creation of a device of a proposed interface is reported"
  same "$(jq -r 'select(.event == "device-created").type' "$events")" "$type" "the event has the type also if the interface does not report it"
  "$MDEVADM" stop $a
  reports "device-removed $gpu $a" "the removal of a device of a proposed interface is reported"
}

case ${1:-} in
inside) "run_case_$2"; finish; exit ;;
esac
on samples mtty
on samples filters
on samples conditions
on samples unprivileged
on samples flood
on samples beginning
on samples clocks
on samples overrun
on samples idle
on samples readers
on samples warnings
on vf-n1 functions
on l40s-boot later_function
on l40s-mdev function_mdevs
on ap crypto
on m60-f3 proposals
on m60-k1 proposals
on m60-u1 proposals
finish
