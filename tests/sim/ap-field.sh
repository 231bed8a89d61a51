# vfio-ap devices as other programs use them, masks that are set late at boot, and files with invalid content.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/crypto.sh"
if [ "${1:-}" = "" ]; then
  scenarios=$(mktemp -d)
  trap 'rm -rf "$scenarios"' EXIT
  host=$here/../../examples/scenarios/ap-host.toml
  cp "$host" "$scenarios/host.toml"
  sed 's/6\.10/6.1/' "$host" >"$scenarios/host61.toml"
  sed 's/6\.10/6.19/' "$host" >"$scenarios/host619.toml"
  sed 's/, apmask = /, late_apmask = "-5", masks_after = 2500, apmask = /' "$host" >"$scenarios/late.toml"
  sed 's/6\.10/5.19/' "$scenarios/late.toml" >"$scenarios/late519.toml"
  # 7 adapters with 85 domains have 595 queues.
  sed 's/6\.10/6.1/; s/adapters = \[5, 6\], domains = \[[0-9, ]*\]/adapters = [0, 1, 2, 3, 4, 5, 6], domains = [0]/; s/apmask = .*/host_adapters = [] }/' \
    "$host" >"$scenarios/many.toml"
  run_parts "$scenarios" <<'T'
host container_runtime
host61 container_runtime
host device_plugin
host test_suite
host hanging_script
host refusing_script
late boot
late519 boot
late boot_group
host boot_in_vain
many cut_at_page
host removal_pending
host619 overrides
T
  holds "invalid files are read" bash "$0" invalid_files
  finish
  exit
fi

# A container runtime's script: frees one queue by relative masks, makes a device and assigns the queue; an administrator then
# makes it permanent and gives it another domain.
container_runtime() {
  echo -0x5 >/sys/bus/ap/apmask
  echo -0x14 >/sys/bus/ap/aqmask
  echo $A >$create
  echo 0x5 >$parent/$A/assign_adapter
  echo 0x14 >$parent/$A/assign_domain
  same "$(matrix $A)" "05.0014" "the script's device has its queue"
  run mdevadm define $A --auto --name kata
  exits 0 "the device is adopted"
  run mdevadm modify kata --live --config --domain +4
  exits 0 "and gets another domain"
  mdevadm stop kata
  mdevadm start --auto
  same "$(matrix $A)" "05.0004 05.0014" "the next start assigns both"
}

# A device plug-in: the host gives everything away with a short mask; the plug-in makes one device for each queue and removes it.
device_plugin() {
  echo 0x0 >/sys/bus/ap/apmask
  same "$(cat /sys/bus/ap/apmask)" "0x$(printf '%064d' 0)" "a short mask is padded with zeros"
  for queue in $(basename -a /sys/bus/ap/devices/*.* | head -3); do
    uuid=$(cat /proc/sys/kernel/random/uuid)
    echo "$uuid" >$create
    echo "0x${queue%.*}" >"$parent/$uuid/assign_adapter"
    echo "0x${queue#*.}" >"$parent/$uuid/assign_domain"
    same "$(matrix "$uuid")" "$queue" "a device has queue $queue"
  done
  run mdevadm start $crypto --queue 05.0004
  exits 4 "mdevadm does not assign a queue of the plug-in"
  err_has "queue 05.0004 is assigned to the active device" "the owner is named"
  for uuid in $(mdevadm list -n -o uuid); do
    echo 1 >"$parent/$uuid/remove"
  done
  run mdevadm start $crypto --queue 05.0004
  exits 0 "after the plug-in has removed its devices, the queue is free"
}

# A test suite of libvirt: define and start by mdevctl, free more queues, and update the running device by the call-out script.
test_suite() {
  mkdir -p /etc/mdevctl.d/scripts.d/callouts
  cat >/etc/mdevctl.d/scripts.d/callouts/ap-check <<'S'
#!/bin/bash
[ "$2" = vfio_ap-passthrough ] || exit 2
case "$4 $6" in
  "get capabilities")
    echo '{"supports":{"version":2,"actions":["define","modify","start","stop","undefine","attributes","capabilities"],"events":["pre","post","get","live"]}}' ;;
  "live modify")
    set -- "/sys/devices/vfio_ap/matrix/${10}"
    masks=$(jq -r '[["adapter","domain","control_domain"][] as $k | [.attrs[] | .["assign_" + $k] // empty] | join(" ")] | join(",")')
    IFS=, read -ra kinds <<<"$masks"
    line=
    for kind in 0 1 2; do
      mask=$(printf '%064d' 0)
      for number in ${kinds[kind]:-}; do
        at=$((number / 4)) digit=$((0x${mask:number / 4:1} | 8 >> number % 4))
        mask=${mask:0:at}$(printf %x $digit)${mask:at + 1}
      done
      line+=${line:+,}0x$mask
    done
    echo "$line" >"$1/ap_config" ;;
esac
exit 0
S
  chmod +x /etc/mdevctl.d/scripts.d/callouts/ap-check
  config() { printf '{"mdev_type":"vfio_ap-passthrough","start":"manual","attrs":[%s]}' "$1"; }
  one='{"assign_adapter":"0x05"},{"assign_domain":"0x0004"},{"assign_control_domain":"0x0004"}'
  two="$one,{\"assign_domain\":\"0x0014\"},{\"assign_control_domain\":\"0x0014\"}"
  chzdev -t ap apmask=-5 >/dev/null
  config "$one" | mdevctl define --parent=matrix --jsonfile=/dev/stdin --uuid=$A
  run mdevctl start --uuid=$A
  exits 0 "the device is started"
  "$MDEVSIM" hold $A 100 >/dev/null 2>&1 &
  config "$two" >/tmp/ap-field.json
  run mdevctl modify --uuid=$A --live --jsonfile=/tmp/ap-field.json
  exits 0 "the call-out script updates the running device"
  same "$(matrix $A)" "05.0004 05.0014" "it has the new queue"
  same "$(mdevadm list -n -o state | tr -d ' ')" drifted "the definition differs"
  run mdevctl modify --parent=matrix --uuid=$A --defined --jsonfile=/tmp/ap-field.json
  exits 0 "the definition is updated"
  same "$(mdevadm list -n -o state | tr -d ' ')" active "it has no difference any more"
  config "$one,{\"assign_adapter\":\"0x06\"}" >/tmp/ap-field.json
  run mdevadm modify $A --live --adapter +6
  exits 4 "queues of the host are refused"
  config "$one" >/tmp/ap-field.json
  run mdevctl define --parent=matrix --jsonfile=/tmp/ap-field.json --uuid=$B
  run mdevadm start $B
  exits 4 "so are queues of another device"
  rm /tmp/ap-field.json
}

# A call-out script that holds its lock, as ap-check does, and hangs.
hanging_script() {
  mkdir -p /etc/mdevctl.d/scripts.d/callouts
  cat >/etc/mdevctl.d/scripts.d/callouts/hang <<'S'
#!/bin/sh
[ "$2" = vfio_ap-passthrough ] || exit 2
[ "$4-$6" = pre-start ] || exit 0
echo $PPID >/run/lock/hang.lock
echo $$ >/run/lock/hang.pid
exec sleep 1000
S
  chmod +x /etc/mdevctl.d/scripts.d/callouts/hang
  mkdir -p /run/lock
  chzdev -t ap apmask=-5 >/dev/null
  mdevadm define $A $crypto --queue 05.0014 --name a
  "$MDEVADM" start a 2>/tmp/hang.err &
  start=$!
  wait_until test -s /run/lock/hang.pid
  begin=$SECONDS
  same "$(mdevadm list --json | jq '.devices | length')" 0 "while the script hangs, nothing is created, and listings do not wait"
  run timeout 5 "$MDEVADM" define $B $crypto --queue 05.0004
  exits 0 "nor does a definition wait"
  run timeout 3 "$MDEVADM" stop a
  holds "another command on the parent waits for the first one" test "$code" != 0
  # Ctrl-C in a terminal reaches both; the script alone would be killed after five minutes.
  kill -TERM $start "$(cat /run/lock/hang.pid)"
  wait $start
  holds "an interrupted start fails" test $? != 0
  holds "within seconds" test $((SECONDS - begin)) -lt 20
  holds "the script has ended" test ! -d "/proc/$(cat /run/lock/hang.pid)"
  same "$(mdevadm list --json | jq '.devices | length')" 0 "no device exists"
  rm /etc/mdevctl.d/scripts.d/callouts/hang
  run mdevadm start a
  exits 0 "the next start succeeds"
  same "$(matrix $A)" "05.0014" "the device has its queue"
}

# A call-out script that looks for the definition in mdevctl's directory, and does not find it.
refusing_script() {
  mkdir -p /etc/mdevctl.d/scripts.d/callouts
  cat >/etc/mdevctl.d/scripts.d/callouts/refuse <<'S'
#!/bin/sh
[ "$2" = vfio_ap-passthrough ] || exit 2
case $4-$6 in
pre-undefine | pre-modify) [ -r "/etc/mdevctl.d/matrix/${10}" ] || { echo "Failed to read device config" >&2; exit 255; } ;;
esac
exit 0
S
  chmod +x /etc/mdevctl.d/scripts.d/callouts/refuse
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a
  for command in "modify a --auto" "undefine a"; do
    run mdevadm $command
    exits 1 "$command: the script refuses the change"
    err_has "refuse.* failed with status '255'" "the error names the script"
    err_has "^hint: see why the script refuses: less /etc/mdevctl.d/scripts.d/callouts/refuse$" "and where it is"
    err_has "^hint: use --force to ignore the refusal of the script$" "and the option that helps"
    run mdevadm $command --force
    exits 0 "$command --force: the change is made"
    err_has "warning: Forcing operation '.*' despite callout failure" "with a warning"
  done
  same "$(mdevadm list --all --json | jq '.devices | length')" 0 "the definition is removed"

  # ap-check, whose lock another program holds, and which refuses a stop.
  rm /etc/mdevctl.d/scripts.d/callouts/refuse
  printf '#!/bin/sh\n[ "$4-$6" != pre-stop ] || { echo "Failed to acquire configuration lock" >&2; exit 1; }\n' \
    >/etc/mdevctl.d/scripts.d/callouts/ap-check
  chmod +x /etc/mdevctl.d/scripts.d/callouts/ap-check
  chzdev -t ap apmask=-5 >/dev/null
  mdevadm start -u $B $crypto --adapter 5 --domain 4
  for command in "stop $B" "stop $B --force"; do
    run mdevadm $command
    exits 1 "$command: ap-check refuses"
    err_has "^hint: see why the script refuses: less /etc/mdevctl.d/scripts.d/callouts/ap-check$" "$command: the script is named"
    err_has "^hint: show which process holds its lock, if any: cat /run/lock/s390apconfig.lock$" "$command: so is its lock"
    err_has "^hint: --force does not ignore the refusal of a script$" "$command: --force does not help"
  done
  rm /etc/mdevctl.d/scripts.d/callouts/ap-check
  run mdevadm stop $B
  exits 0 "without the script the device is stopped"
}

# The masks are set 2.5 s after the host has booted.
boot() {
  mdevadm define $A $crypto --queue 05.0014 --name a --auto 2>/dev/null
  mdevadm start --auto --timeout 20 2>/tmp/ap-field.log &
  wait_until grep -q "reserved for the host" /tmp/ap-field.log
  run mdevadm list --boot --json
  same "$(jq -r '.devices[0].boot' <<<"$out")" waiting "the start waits for the masks"
  out_has "queue 05.0014 is reserved for the host" "the list names the reason"
  wait $!
  same "$? $(matrix $A)" "0 05.0014" "the device is started when the masks are set"
  same "$(mdevadm list --boot --json | jq -r '.devices[0].boot')" started "the list shows that"
  mdevadm stop a
  "$MDEVSIM" control reboot
  run timeout 10 "$MDEVADM" start --auto
  exits 4 "without --timeout the start does not wait"
  rm /tmp/ap-field.log
}

boot_group() {
  mdevadm define $A $crypto --queue 05.0014 --name a 2>/dev/null
  mdevadm define $B $crypto --queue 05.0004 --name b 2>/dev/null
  mdevadm group create vm a b --auto
  run mdevadm group start --auto --timeout 20
  exits 0 "a group waits, too"
  same "$(matrix $A) $(matrix $B)" "05.0014 05.0004" "all members are started"
}

boot_in_vain() {
  mdevadm define $A $crypto --queue 05.0014 --name a --auto 2>/dev/null
  run timeout 20 "$MDEVADM" start --auto --timeout 1
  exits 4 "the wait ends after the time limit"
  err_has "queue 05.0014 is reserved for the host .*tried for 1\.[0-9] s" "the error has the reason"
}

# Linux before 6.10 lists queues in one page; mdevadm does not guess the others.
cut_at_page() {
  echo $A >$create
  for adapter in 0 1 2 3 4 5 6; do echo $adapter >$parent/$A/assign_adapter; done
  for domain in $(seq 0 84); do echo "$domain" >$parent/$A/assign_domain; done
  run mdevadm define $A --name big
  exits 1 "a device of which the list is cut is not adopted"
  err_has "the adapters and domains of the active device cannot be read" "the error says so"
  run mdevadm modify $A --live --domain=-0
  exits 1 "nor is it changed"
  err_has "its adapters and domains cannot be read completely" "the error says so"
  run timeout 5 "$MDEVADM" list
  exits 0 "the device is listed"
  mdevadm define $A $crypto --adapter 0 --domain 0 --name big
  run mdevadm list --json
  same "$(jq -c '.devices[0] | .drifted, .adapters, .domains, .queues, .differences' <<<"$out" | paste -sd' ')" "null null null null []" \
    "what the device has, and whether it differs from its definition, is unknown"
  err_has "'big' \($A\): the adapters and domains of the active device cannot be read completely" "a warning says so"
  run mdevadm modify big --from-device
  exits 1 "it cannot be stored in the definition"
  run mdevadm check --json
  same "$(jq -c '[.findings[] | select(.finding == "queues-unreadable") | .object]' <<<"$out")" '["big"]' "check finds it"
  same "$(mdevadm show matrix --json | jq -c '[.parents[0].queues[].owner] | unique')" '["unknown"]' "no queue is shown as free"
  run mdevadm define $B $crypto --queue 06.0054
  err_has "active device 'big' cannot be read completely; queues that it has cannot be assigned" "define warns of the device"
  run mdevadm start $B
  exits 4 "the driver refuses the queue"
  err_has "a queue is assigned to another device, probably $A \(its adapters and domains cannot be read completely\)" "the device is named"
}

# The files of a device whose removal is pending have gone, but its queues are still assigned.
removal_pending() {
  chzdev -t ap apmask=-5 >/dev/null
  mdevadm start -u $A $crypto --queue 05.0004
  "$MDEVSIM" hold $A 100 >/dev/null 2>&1 &
  holder=$!
  wait_until is_used $A
  mdevadm stop $A --force --timeout 0.1
  same "$(mdevadm show matrix --json | jq -c '[.parents[0].queues[] | select(.adapter == 5).owner] | unique')" '["unknown"]' \
    "queues of the device are not shown as free"
  run mdevadm show matrix
  out_has "adapter 0x05, domains .*: unknown \(free, or of device $A\)" "the device is named"
  run mdevadm check
  out_has "the removal of device '$A' is pending" "check finds it"
  run mdevadm start -u $B $crypto --queue 05.0004
  exits 4 "the driver refuses the queue"
  err_has "probably $A \(its removal is pending\)" "the device is named"
  err_has "^hint: wait for the removal: mdevadm stop $A --timeout 60$" "one can wait for it"
  kill $holder
  mdevadm stop $A --timeout 20
  run mdevadm start -u $B $crypto --queue 05.0004
  exits 0 "after the removal the queue is free"
}

# Linux 6.19 and later select drivers of single queues. Masks are not used then.
overrides() {
  bus=/sys/bus/ap/devices
  echo vfio_ap >$bus/05.0004/driver_override
  run mdevadm define $A $crypto --queue 05.0014,05.0047
  err_has "before the start, release the queues: for q in 05.0014 05.0047; do " "a warning has the commands"
  run mdevadm start $A
  exits 4 "queues without override are the host's"
  eval "$(sed -n 's/^hint: release the queues: //p' <<<"$err")"
  run mdevadm start $A
  exits 0 "the commands release all queues"
  same "$(driver 05.0014) $(driver 05.0047) $(driver 05.0004)" "vfio_ap vfio_ap cex4queue" "their drivers have changed"
  run mdevadm start -u $B $crypto --queue 05.0004
  err_has "queue 05.0004 is not bound to vfio_ap" "an override does not bind"
  mdevadm define $B
  run mdevadm check --json
  eval "$(jq -r '.findings[] | select(.finding == "queue-unbound").hints[]' <<<"$out" | sed 's/^bind the queue: //')"
  same "$(driver 05.0004)" vfio_ap "the hint unbinds and binds the queue"
  echo none >$bus/06.0004/driver_override
  run mdevadm start $crypto --queue 06.0004
  exits 0 "a queue for no driver is not reserved"
  # Masks cannot be written, and a queue that does not exist has no override.
  mdevadm stop --all -q
  mdevadm define $crypto --queue 06.0014,06.0015 --name q >/dev/null 2>&1
  run mdevadm start q
  exits 4 "queues of the host, one of which does not exist"
  err_has "^hint: release the queue: echo vfio_ap > $bus/06.0014/driver_override; " "the hint releases the one that exists"
  eval "$(sed -n 's/^hint: release the queue: //p' <<<"$err")"
  run mdevadm start q
  err_has "queue 06.0015 is not on this host, and reserved for the host" "then the error is about the other one"
  err_has "^hint: remove what this host does not have: mdevadm modify q --domain=-0x0015$" "with the command that removes it"
  err_lacks "driver_override" "and no command for a queue that does not exist"
  mdevadm modify q --domain=-0x0015
  run mdevadm start q
  exits 0 "after the hints the device starts"
}

# A tree with files that no kernel writes.
invalid_files() {
  root=$(mktemp -d)
  dir=$root/sys/devices/vfio_ap/matrix
  type=$dir/mdev_supported_types/vfio_ap-passthrough
  mkdir -p "$type" "$dir/$A" "$root/sys/class/mdev_bus" "$root/sys/bus/mdev/devices" "$root/sys/bus/ap"
  ln -s ../../devices/vfio_ap/matrix "$root/sys/class/mdev_bus/matrix"
  ln -s ../../../devices/vfio_ap/matrix/$A "$root/sys/bus/mdev/devices/$A"
  ln -s ../mdev_supported_types/vfio_ap-passthrough "$dir/$A/mdev_type"
  echo vfio-ap >"$type/device_api"
  echo 5 >"$type/available_instances"
  : >"$type/create"
  : >"$dir/$A/guest_matrix"
  on() { timeout 5 "$MDEVADM" --root "$root" "$@"; }
  ones=0x$(printf 'f%.0s' {1..64})
  for config in "" "0x04,0x08" "0x04,0x08,0x0,0x0" "0x${ones}ff,0x0,0x0" "0xg0,0x0,0x0" "$(printf '\377\376')" "5 6,0x0,0x0"; do
    printf '%s\n' "$config" >"$dir/$A/ap_config"
    run on modify $A --live --domain +4
    exits 1 "ap_config '$(printf %.20q "$config")' is not changed"
    err_has "its adapters and domains cannot be read completely" "the error says so"
    same "$(cat "$dir/$A/ap_config")" "$config" "the file is as before"
    run on define $A
    exits 1 "nor is the device adopted"
    run on list
    exits 0 "it is listed"
  done
  rm "$dir/$A/ap_config"
  for lines in "05" "nonsense" "05.0014 06.0014" "05.00g4" "05.0400"; do
    printf '%s\n' "$lines" >"$dir/$A/matrix"
    : >"$dir/$A/control_domains"
    run on define $A
    exits 1 "matrix '$lines' is not adopted"
  done
  for mask in "" garbage "0x" "$ones$ones" "-5"; do
    echo "$mask" >"$root/sys/bus/ap/apmask"
    echo "$ones" >"$root/sys/bus/ap/aqmask"
    run on define $B $crypto --adapter 5 --domain 4
    exits 0 "apmask '$(printf %.10s "$mask")' does not prevent a definition"
    on undefine $B
  done
  rm -r "$root"
}

"$1"
finish
