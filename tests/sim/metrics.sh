# mdevadm export metrics on simulated hosts: promtool accepts them, the values are those of types, list and check, and --output
# replaces a file atomically.
# shellcheck shell=bash disable=SC2154,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/cases.sh"
promtool=$("$here/../tools/promtool.sh") || exit 1
top=$(realpath "$here/../..")
adm() { "$MDEVADM" "$@" >/dev/null 2>&1 || failed "mdevadm $* succeeds" "exit status $?"; }

# metrics [OPTION...]: $out has the metrics, which promtool accepts
metrics() {
  run "$MDEVADM" export metrics "$@"
  exits 0 "export metrics succeeds"
  same "$err" "" "export metrics prints no message"
  local text=$out
  holds "promtool accepts the metrics" "$promtool" check metrics <<<"$text"
}
# value 'NAME{LABELS}': the value of a series in $out; nothing if there is none
value() { start="$1 " awk 'index($0, ENVIRON["start"]) == 1 { print $NF }' <<<"$out"; }
# series NAME: its lines, sorted
series() { grep -E "^mdevadm_$1(\{| )" <<<"$out" | LC_ALL=C sort; }

# agrees: the values in $out are those of the other commands
agrees() {
  local types devices check
  types=$("$MDEVADM" types --json 2>/dev/null)
  for pair in available:available used:used maximum:maximum; do
    same "$(series "type_instances_${pair%:*}")" "$(jq -r --arg key "${pair#*:}" '.types[] | select(.[$key] != null) |
      "mdevadm_type_instances_'"${pair%:*}"'{parent=\(.parent | @json),type=\(.type | @json),name=\(.name // "" | @json)} \(.[$key])"' \
      <<<"$types" | LC_ALL=C sort)" "${pair%:*} instances are those of mdevadm types"
  done
  devices=$("$MDEVADM" list --all --json -o uuid,parent,state,defined,claimed,in_use 2>/dev/null)
  same "$(series devices | grep -v ' 0$')" "$(jq -r '.devices | group_by([.parent, .state])[] |
    "mdevadm_devices{parent=\(.[0].parent | @json),state=\(.[0].state | @json)} \(length)"' <<<"$devices" | LC_ALL=C sort)" \
    "the numbers of devices are those of mdevadm list"
  for pair in defined:defined in_use:in_use claimed:claimed; do
    same "$(series "devices_${pair%:*}" | awk '{ n += $NF } END { print n + 0 }')" \
      "$(jq --arg key "${pair#*:}" '[.devices[] | select(.[$key])] | length' <<<"$devices")" "devices ${pair%:*}: as in mdevadm list"
  done
  check=$("$MDEVADM" check --json 2>/dev/null)
  same "$(series findings_by_id)" "$(jq -r '.findings | group_by([.finding, .severity])[] |
    "mdevadm_findings_by_id{finding=\(.[0].finding | @json),severity=\(.[0].severity | @json)} \(length)"' <<<"$check" | LC_ALL=C sort)" \
    "the findings are those of mdevadm check"
}

definition() {  # UUID PARENT TYPE [LINE]
  mkdir -p "/etc/mdevadm/devices/$2"
  printf 'type = "%s"\n%s\n' "$3" "${4:-}" >"/etc/mdevadm/devices/$2/$1.toml"
}

is_removing() { [ "$("$MDEVADM" list --all -n -o state "$1")" = removing ]; }

m60() {
  local gpu=0000:86:00.0
  metrics
  agrees
  same "$(value 'mdevadm_type_instances_available{parent="'$gpu'",type="nvidia-17",name="GRID M60-4Q"}')" 2 "an idle GPU: available"
  same "$(value 'mdevadm_type_instances_maximum{parent="'$gpu'",type="nvidia-17",name="GRID M60-4Q"}')" 2 "an idle GPU: maximum"
  same "$(value mdevadm_mdev_support)" 1 "mediated devices are supported"
  same "$(series build_info)" "mdevadm_build_info{version=\"$("$MDEVADM" --version | sed -n 's/^mdevadm //p')\"} 1" "the version"
  same "$(series autostart_duration_seconds)" "" "without autostart there is no duration"
  adm define $a -p $gpu -t nvidia-17 --name 'seat "1"' --auto
  definition $b $gpu nosuch 'start = "auto"'
  "$MDEVADM" start --auto >/dev/null 2>&1
  metrics
  agrees
  same "$(series autostart_devices | grep -v ' 0$')" "mdevadm_autostart_devices{parent=\"$gpu\",result=\"failed\"} 1
mdevadm_autostart_devices{parent=\"$gpu\",result=\"started\"} 1" "one device was started at boot, one failed"
  same "$(series autostart_failed)" "mdevadm_autostart_failed{parent=\"$gpu\",uuid=\"$b\",device=\"\"} 1" "the device that failed"
  same "$(series autostart_duration_seconds | grep -cE ' [0-9]+\.[0-9]{3}$')" 1 "the duration of the autostart"
  out_has "^mdevadm_device_start_seconds\{parent=\"$gpu\",uuid=\"$a\",device=\"seat \\\\\"1\\\\\"\"\} [0-9]+\.[0-9]{3}$" \
    "the duration of a start at boot, with an escaped name"
  "$MDEVSIM" hold $a 120 >/dev/null &
  local holder=$! node
  node=$("$MDEVADM" list -n -o node $a)
  wait_until has_open $holder "$node"
  metrics
  same "$(value 'mdevadm_devices_in_use{parent="'$gpu'"}')" 1 "a device is in use"
  agrees
  "$MDEVADM" stop $a --force >/dev/null 2>&1 &
  local stopper=$!
  wait_until is_removing $a
  wait $stopper
  metrics
  same "$(value 'mdevadm_devices{parent="'$gpu'",state="removing"}')" 1 "a removal is pending"
  same "$(value 'mdevadm_type_instances_used{parent="'$gpu'",type="nvidia-17",name="GRID M60-4Q"}')" 1 \
    "a device whose removal is pending counts as used"
  agrees
  kill $holder
  rm -r /etc/mdevadm
  metrics
  same "$(value 'mdevadm_findings{severity="error"}')" 0 "a host without problems has no findings"
}

l40s() {
  local gpu
  gpu=$("$MDEVADM" types --json | jq -r '.types[0].parent')
  metrics
  agrees
  adm define $a -p "$gpu" -t "$("$MDEVADM" types --json | jq -r '[.types[] | select(.available > 0)][0].type')" --name vgpu
  adm start $a
  adm group create pool vgpu
  metrics
  agrees
  out_has "^mdevadm_device_start_seconds\{parent=\"$gpu\",uuid=\"$a\",device=\"vgpu\"\} [0-9]+\.[0-9]{3}$" \
    "the duration of a start by hand on a virtual function"
  same "$(value 'mdevadm_group_members{group="pool"}')" 1 "the members of a group"
  adm claim pool
  metrics
  agrees
  same "$(value 'mdevadm_group_members_claimed{group="pool"}')" 1 "the claimed members of a group"
  same "$(value 'mdevadm_group_members_active{group="pool"}')" 1 "the active members of a group"
}

mig() {
  metrics
  agrees
}

crypto() {
  metrics
  agrees
  adm define $a -p matrix -t vfio_ap-passthrough --auto
  metrics
  agrees
  same "$(value 'mdevadm_devices{parent="matrix",state="inactive"}')" 1 "an inactive device"
  same "$(value 'mdevadm_autostart_devices{parent="matrix",result="pending"}')" 1 "a device that was not started at boot yet"
}

channel() {
  metrics
  agrees
}

samples() {
  adm define $a -p mtty -t mtty-1 --attr nosuch=1 2>/dev/null
  definition $a mtty mtty-2
  adm start $a -p mtty 2>/dev/null
  definition $a mtty mtty-1
  definition $b nosuch mtty-1
  metrics
  agrees
  same "$(value 'mdevadm_devices{parent="mtty",state="drifted"}')" 1 "a device that differs from its definition"
  same "$(value 'mdevadm_devices{parent="nosuch",state="inactive"}')" 1 "a device on a parent that does not exist"
  same "$(value 'mdevadm_parent_readable{parent="mtty"}')" 1 "a parent that can be read"

  control fault read 0 EIO available_instances
  metrics
  same "$(value 'mdevadm_parent_readable{parent="mtty"}')" 0 "a parent whose available instances cannot be read"
  same "$(series type_instances_available)" "" "numbers that are not known are omitted"
  out_has '^mdevadm_type_instances_used\{parent="mtty"' "other numbers of the parent are not"
  control clear
  local types empty
  types=$(realpath /sys/class/mdev_bus/mdpy)/mdev_supported_types empty=$(mktemp -d)
  if mount --bind "$empty" "$types" 2>/dev/null; then
    metrics
    same "$(value 'mdevadm_parent_readable{parent="mdpy"}')" 0 "a parent that lists no types"
    same "$(value 'mdevadm_parent_readable{parent="mtty"}')" 1 "does not concern the others"
    umount "$types"
  fi
  rmdir "$empty"
  echo 'type = ' >/etc/mdevadm/devices/mtty/$b.toml
  mkdir -p /etc/mdevadm/groups && echo 'members = ' >/etc/mdevadm/groups/g.toml
  metrics
  agrees
  outputs
}

# Interfaces that report no available instances
unnumbered() {
  metrics
  same "$(value 'mdevadm_parent_readable{parent="0000:86:00.0"}')" 1 "a parent that reports no available instances can be read"
}

# --output: atomic, mode 0644, and the old file after failures
outputs() {
  local work directory file
  work=$(mktemp -d)
  directory=$work/textfile file=$work/textfile/mdevadm.prom
  mkdir "$directory"
  (umask 077 && "$MDEVADM" export metrics --output "$file") >"$work/printed"
  same "$(stat -c %a "$file") $(stat -c %s "$work/printed")" "644 0" "--output writes a file with mode 0644, whatever the umask, and prints nothing"
  same "$(cat "$file")" "$("$MDEVADM" export metrics)" "the file has what is printed without --output"
  chmod 600 "$file"
  (cd "$directory" && "$MDEVADM" export metrics --output mdevadm.prom)
  same "$(stat -c %a "$file")" 644 "the mode of an old file does not persist"
  same "$(ls -A "$directory")" mdevadm.prom "no temporary file remains"
  # node_exporter reads every file whose name ends in .prom, hidden or not.
  strace -f -qq -o "$work/trace" -e trace=fsync -e inject=fsync:signal=KILL "$MDEVADM" export metrics --output "$file"
  same "$(cd "$directory" && printf '%s ' *.prom .*.prom)" "mdevadm.prom .*.prom " "a killed writer leaves no file that node_exporter reads"
  "$MDEVADM" export metrics --output "$file"
  same "$(ls -A "$directory")" mdevadm.prom "the next one removes its temporary file"
  same "$(cd "$work" && "$MDEVADM" export metrics --output -)" "$(cat "$file")" "--output - means standard output"
  run "$MDEVADM" export metrics --output "$work/nosuch/mdevadm.prom"
  exits 1 "a directory that does not exist"
  err_has "cannot write '$work/nosuch/mdevadm.prom': directory '$work/nosuch' not found" "is named"
  for target in "$directory" /dev/null "$directory/" .; do
    run "$MDEVADM" export metrics --output "$target"
    exits 1 "--output ${target/$work/DIR} fails"
    err_has "cannot write '$target': not a regular file$" "the error says that ${target/$work/DIR} is not a regular file"
  done
  holds "/dev/null is a device" test -c /dev/null
  echo old >"$work/elsewhere"
  ln -s "$work/elsewhere" "$directory/link.prom"
  run "$MDEVADM" export metrics --output "$directory/link.prom"
  exits 1 "a symbolic link is not followed: its directory can belong to another user"
  err_has "cannot write '$directory/link.prom': it is a symbolic link, which is not followed$" "the error says so"
  err_has "^hint: specify the file itself: --output $work/elsewhere$" "the hint names the file"
  same "$(readlink "$directory/link.prom") $(cat "$work/elsewhere")" "$work/elsewhere old" "link and file are unchanged"
  rm "$directory/link.prom"
  run "$MDEVADM" export metrics --output ''
  exits 2 "an empty name is invalid usage"
  mkdir "$work/full"
  mount -t tmpfs -o size=4k tmpfs "$work/full" || return
  echo old >"$work/full/mdevadm.prom"
  run "$MDEVADM" export metrics --output "$work/full/mdevadm.prom"
  exits 1 "a full file system"
  err_has "cannot write '$work/full/mdevadm.prom': No space left on device" "is reported"
  same "$(cat "$work/full/mdevadm.prom"; ls -A "$work/full")" "old
mdevadm.prom" "the old file stays, and no temporary file remains"
  umount "$work/full"
  rm -r "$work"
}

run_case "$@"
on m60 m60
on l40s l40s
on a100 mig
on ap crypto
on ccw channel
on samples samples
on m60-k0 unnumbered
on m60-f1 unnumbered

# A host without anything.
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
metrics --root "$root"
same "$(grep -v '^#' <<<"$out" | sed 's/version=".*"/version="N"/')" 'mdevadm_build_info{version="N"} 1
mdevadm_mdev_support 0
mdevadm_findings{severity="error"} 0
mdevadm_findings{severity="warning"} 0
mdevadm_findings{severity="info"} 1
mdevadm_findings_by_id{finding="mdev-core",severity="info"} 1' "an empty host has only the metrics of the host itself"

# Each metric has a description and a place in the man page, and the examples use no other.
names=$(sed -n 's/^# TYPE \([^ ]*\) gauge$/\1/p' <<<"$out" | sort)
same "$(sed -n 's/^# HELP \([^ ]*\) .*\.$/\1/p' <<<"$out" | sort)" "$names" "each metric has a description that is a sentence"
same "$(awk '/^# / { on = ($0 == "# METRICS") } on' "$top/man/mdevadm-export.8.scd" | grep -oE '^\*mdevadm_[a-z_]+\*' | tr -d '*' | sort)" "$names" \
  "mdevadm-export(8) has exactly the metrics"
used() { grep -oE '\bmdevadm_[a-z_]+' | sort -u; }
dashboard=$top/examples/grafana/mdevadm.json
same "$(jq -r '.panels[].targets[].expr, .templating.list[].definition // empty' "$dashboard" | used)" "$names" \
  "the dashboard shows all metrics, and no other"
same "$(comm -23 <(sed -n '/expr:/p' "$top/examples/prometheus/mdevadm.rules.yml" | used) <(cat <<<"$names"))" "" "the alerts use only metrics that exist"
holds "each panel has a title, a place and a type that Grafana 9 has" jq -e '.schemaVersion >= 36 and (.panels | all(
  (.title | length > 0) and (.gridPos | has("x") and has("y") and .x + .w <= 24) and (.targets | length > 0) and
  ([.type] | inside(["stat", "timeseries", "table", "bargauge"]))))' "$dashboard"
same "$(jq '[.panels[].id] | length - (unique | length)' "$dashboard")" 0 "the IDs of panels are unique"
same "$(jq -r '[.panels[].gridPos | range(.x; .x + .w) as $x | range(.y; .y + .h) as $y | [$x, $y]] | length - (unique | length)' "$dashboard")" 0 \
  "panels do not overlap"
# Each expression of the dashboard is one that Prometheus can parse, as a rule.
jq -r '.panels[].targets[].expr | gsub("\\$(host|parent)"; ".*")' "$dashboard" |
  jq -Rn '{groups: [{name: "dashboard", rules: [inputs | {record: "expression", expr: ., labels: {number: "\(input_line_number)"}}]}]}' >"$root/dashboard.yml"
run "$promtool" check rules "$root/dashboard.yml"
exits 0 "promtool accepts the expressions of the dashboard"
cp "$top/examples/prometheus/mdevadm.rules.yml" "$here/../tools/alerts.yml" "$root/"
run "$promtool" check rules "$root/mdevadm.rules.yml"
exits 0 "promtool accepts the alerts"
run "$promtool" test rules "$root/alerts.yml"
exits 0 "the alerts fire for the hosts that they are for"
same "$(grep -c 'alert:' "$root/mdevadm.rules.yml")" "$(sed -n 's/.*alertname: //p' "$root/alerts.yml" | sort -u | wc -l)" "each alert is tested"
finish
