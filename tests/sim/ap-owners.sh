# Owners of crypto queues, and other programs that change queues while mdevadm works: which commands say so.
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
  sed 's/6\.10/5.19/' "$host" >"$scenarios/host519.toml"
  sed 's/6\.10/6.19/' "$host" >"$scenarios/host619.toml"
  sed 's/domains = \[[0-9, ]*\]/domains = [4, 20, 71, 84]/; s/max_domain = 84/max_domain = 255/; s/apmask = .*/host_adapters = [] }/' "$host" >"$scenarios/large.toml"
  run_parts "$scenarios" <<'T'
host owners
host lists
host619 overridden
host61 transient_unbound
host unknown_addresses
host two_formats
host locking_script
host write_only
host61 write_only
host changed_concurrently
host519 unlogged_owner
host logged_owner
host61 other_report
large many_queues
T
  finish
  exit
fi

# The owner of each queue and card; only a free queue can be assigned.
owners() {
  run mdevadm show 05.0014
  out_has "crypto queue 05.0014 is reserved for the host \(apmask, aqmask\) and has the driver cex4queue" "a queue of the host"
  out_has "chzdev -t ap apmask=-0x05" "with the command that releases it"
  out_lacks "mdevadm define" "it cannot be assigned"
  put -5 /sys/bus/ap/apmask
  run mdevadm show 05.0014
  out_has "crypto queue 05.0014 is free; it is not a parent" "a free queue"
  out_has "assign it to a device: mdevadm define -p matrix -t vfio_ap-passthrough --queue 05.0014" "can be assigned"
  mdevadm define $A $crypto --queue 05.0014 --name guest
  run mdevadm show 05.0014
  out_has "is free, and defined for 'guest', which is not active" "the definition that has it"
  out_has "start that device: mdevadm start guest" "is started instead"
  mdevadm start guest
  run mdevadm show 05.0014
  out_has "assigned to the active device 'guest' \($A\)" "the active device"
  out_lacks "mdevadm define" "it is not assigned again"
  same "$(mdevadm show 05.0014 --json | jq -c '.host_devices[0] | [.owner, .device]')" "[\"device\",\"$A\"]" "JSON has the owner"
  put 05.0047 /sys/bus/ap/drivers/vfio_ap/unbind
  run mdevadm show 05.0047
  out_has "is free, but not bound to vfio_ap \(it has no driver\)" "a queue without driver"
  out_has "bind the queue: echo 05.0047 > /sys/bus/ap/drivers_probe" "is bound first"
  run mdevadm show card05
  out_has "crypto card card05 \(CEX8C, online\) has the domains" "a card"
  out_has "0x0014 of device 'guest'" "with the owners of its queues"
  out_has "assign it to a device: mdevadm define -p matrix -t vfio_ap-passthrough --adapter 0x05 --domain 0x0004,0x0047" "and the free ones"
  put 0 /sys/bus/ap/devices/card05/config
  run mdevadm show card05
  out_has "deconfigured" "a deconfigured card"
  out_has "chzcrypt --config-on 0x5" "with the command that configures it"
  same "$(mdevadm show card05 --json | jq -c '.host_devices[0] | [.device_type, .online, .configured, .checkstopped]')" \
    '["CEX8C",true,false,false]' "JSON has the state of the card"
  run mdevadm check 06.0004
  out_has "crypto queue 06.0004 is reserved for the host" "check says the same"
}

# show matrix lists cards and masks.
lists() {
  put 0x40 /sys/bus/ap/apmask
  run mdevadm show matrix
  out_has "card05: CEX8C, online$" "cards"
  out_has "^apmask: +0x01$" "the adapters in apmask"
  out_has "^aqmask: +0x0000-0x00ff$" "the domains in aqmask"
  same "$(mdevadm show matrix --json | jq -c '.parents[0] | [.apmask, (.aqmask | length), (.cards | map(.adapter)), .cards[0].configured]')" \
    '[[1],256,[5,6],true]' "so does JSON"
}

# Linux 6.19: a queue has a driver of its own, whatever the masks say.
overridden() {
  put cex4queue /sys/bus/ap/devices/05.0014/driver_override
  run mdevadm start $crypto -u $A --queue 05.0014
  exits 4 "the queue is refused"
  err_has "queue 05.0014 is reserved for the host \(driver_override\)$" "the cause is named"
  run mdevadm show 05.0014
  out_has "reserved for the host \(driver_override\)" "also by show"
  run mdevadm start $crypto -u $A --queue 05.0014,06.0014
  err_has "\(driver_override, apmask, aqmask\)$" "two queues with different causes"
}

# A device without a definition can lack queues as well.
transient_unbound() {
  put -5 /sys/bus/ap/apmask
  mdevadm start $crypto -u $A --queue 05.0014
  run mdevadm check
  exits 0 "nothing is wrong"
  put 05.0014 /sys/bus/ap/drivers/vfio_ap/unbind
  run mdevadm check --json
  same "$(jq -r '.findings[] | select(.finding == "queue-unbound") | .severity, .object' <<<"$out" | paste -sd' ')" "error $A" "check finds the queue"
  run mdevadm check $A
  exits 8 "also for the device alone"
  put 05.0014 /sys/bus/ap/drivers_probe
  run mdevadm check
  exits 0 "the command of the hint corrects it"
}

# Addresses that do not exist.
unknown_addresses() {
  local words
  for words in "show" "check" "types" "list -p" "define -t x -p" "start -t x -p" "parent show" "parent set --vfs all"; do
    run mdevadm $words 0000:99:00.0
    exits 3 "$words 0000:99:00.0"
    err_has "the host has no PCI function 0000:99:00.0$" "$words: the cause"
    err_has "^hint: list the PCI functions of the host: lspci -D$" "$words: the hint"
    err_lacks "did you mean" "$words: no other device is suggested"
  done
  run mdevadm parent show 0000:99:00.0
  err_lacks "mdevadm parent set" "settings of a device that is absent are not suggested"
  for words in show check types "list -p"; do
    run mdevadm $words 05.0099
    err_has "the host has no crypto queue 05.0099$" "$words of a queue"
    run mdevadm $words card09
    err_has "the host has no crypto card card09$" "$words of a card"
  done
  for words in show check "start -t x -p"; do
    run mdevadm $words 0000:3b.00.0
    exits 3 "$words 0000:3b.00.0"
    err_has "'0000:3b.00.0' is not a PCI address$" "$words: a slip in an address"
  done
}

json() { printf '{"mdev_type":"vfio_ap-passthrough","start":"%s","attrs":[{"assign_adapter":"5"},{"assign_domain":"4"}]}' "$1"; }

# One definition of mdevadm and one of mdevctl with the same queue.
two_formats() {
  put 0 /sys/bus/ap/apmask
  json auto | mdevctl define -u $A -p matrix --jsonfile /dev/stdin
  run mdevadm define $B $crypto --adapter 5 --domain 4 --auto
  exits 4 "define finds the queue in a definition of mdevctl"
  err_has "queue 05.0004 is also defined for '$A', and both devices have autostart" "and names it"
  run mdevadm define $B $crypto --adapter 5 --domain 4 --name toml
  exits 0 "without autostart both can be defined"
  err_has "warning: .*queue 05.0004 is also defined for '$A'" "with a warning"
  run mdevadm modify toml --auto
  exits 4 "modify finds it, too"
  run mdevadm start $A toml
  exits 8 "one of them is started"
  err_has "queue 05.0004 is also defined for '$A', which is started before it$" "the other is not"
  mdevadm stop --all
  mdevadm undefine $A
  mdevadm modify toml --auto
  run mdevctl define -u $A -p matrix --jsonfile /dev/stdin <<<"$(json manual)"
  exits 0 "mdevctl define succeeds"
  err_has "queue 05.0004 is also defined for 'toml' by mdevadm; the devices cannot be active at the same time$" "with a warning"
  run mdevctl modify -u $A --auto
  exits 0 "mdevctl modify succeeds"
  err_has "queue 05.0004 is also defined for 'toml'" "with a warning"
  run mdevadm check
  exits 8 "check finds both"
  run mdevadm modify $A --control-domain 4
  exits 4 "mdevadm does not change a definition of mdevctl that conflicts at boot"
}

# A script that holds its lock from before an operation until after it, as ap-check does: the owner is the calling process, which
# must not take it twice.
locking_script() {
  local script=/etc/mdevctl.d/scripts.d/callouts/ap-check lock=/run/ap-check.lock log=/run/ap-check.log command
  mkdir -p ${script%/*}
  cat >$script <<S
#!/bin/bash
case \$4-\$6 in
  get-capabilities)
    echo '{"supports":{"version":2,"actions":["define","modify","start","stop","undefine","attributes","capabilities"],"events":["pre","post","get","live"]}}' ;;
  get-*) echo '[{}]' ;;
  pre-*)
    for i in {1..200}; do
      owner=\$(cat $lock 2>/dev/null)
      [ "\$owner" != \$PPID ] || { echo "twice \$6" >>$log; exit 255; }
      (set -C; echo \$PPID >$lock) 2>/dev/null && exit 0
      sleep 0.05
    done
    echo "timeout \$6" >>$log; exit 255 ;;
  post-*) [ "\$(cat $lock 2>/dev/null)" = \$PPID ] && rm $lock || echo "foreign \$6" >>$log ;;
esac
exit 0
S
  chmod 755 $script
  put 0 /sys/bus/ap/apmask
  while read -r command; do
    run mdevadm $command
    exits 0 "$command"
    same "$(cat $lock 2>/dev/null)" "" "$command: the lock is free"
  done <<T
define $A $crypto --adapter 5 --domain 4 --name a --auto
define $B $crypto --adapter 5 --domain 0x14 --name b --auto
modify a --domain +0x47
start a b
stop a b
start --auto
restart a b
modify a --live --config --domain=-0x47
stop --all
group create g a b
group start g
group stop g
group delete g
T
  mdevadm modify a --domain 4 & mdevadm modify b --domain +0x47 & mdevadm start a &
  wait
  "$MDEVSIM" control fault create 1 EIO
  run mdevadm start b
  exits 1 "a start that fails"
  same "$(cat $lock 2>/dev/null)" "" "releases the lock"
  same "$(cat $log 2>/dev/null)" "" "the lock was never taken twice, nor released by another process"
}

# SELinux reports an open for reading of files that can only be written.
write_only() {
  local trace=/run/trace command
  put 0 /sys/bus/ap/apmask
  while read -r command; do
    strace -f -o $trace -e trace=openat,openat2,open "$MDEVADM" $command >/dev/null 2>&1
    same "$(grep -E '(assign_[a-z_]*|/create|/remove)"' $trace | grep -vc O_WRONLY)" 0 "$command"
  done <<T
define $A $crypto --adapter 5 --domain 4 --name a
start a
show a --json
list -o +attributes,queues
modify a --live --domain +0x14
check
restart a
undefine a
define $A
stop $A
T
}

# Another program takes the queue, or reserves it, between the check and the write.
changed_concurrently() {
  local script=/etc/mdevctl.d/scripts.d/callouts/x
  mkdir -p ${script%/*}
  put 0 /sys/bus/ap/apmask
  mdevadm define $B $crypto --adapter 5 --domain 4 --name n
  cat >$script <<S
#!/bin/bash
[ "\$4-\$6" = pre-start ] || exit 0
echo $A >$create
echo 5 >$parent/$A/assign_adapter
echo 4 >$parent/$A/assign_domain
S
  chmod 755 $script
  run mdevadm start n
  exits 4 "the kernel refuses a queue that was taken concurrently"
  err_has "05.0004 assigned to device $A; all changes were rolled back$" "queue and device are named"
  err_has "^hint: stop that device: mdevadm stop $A$" "with the command that frees it"
  rm $script
  mdevadm stop $A
  cat >$script <<S
#!/bin/bash
[ "\$4-\$6" = pre-start ] || exit 0
echo +5 >/sys/bus/ap/apmask
echo +4 >/sys/bus/ap/aqmask
S
  chmod 755 $script
  run mdevadm start n
  exits 4 "nor a queue that was reserved concurrently"
  err_has "05.0004 reserved for the host \(apmask, aqmask\); all changes were rolled back$" "the cause is named"
  err_has "apmask=-0x05" "with the command that releases it"
}

# The kernel refuses a queue, and no device is found that has it. Only Linux 6.0 and later log the queue.
refused_without_owner() {
  put 0 /sys/bus/ap/apmask
  mdevadm define $B $crypto --adapter 5 --domain 4 --name n
  "$MDEVSIM" control fault attribute 0 EADDRINUSE
  run mdevadm start n
  err_has "a queue is assigned to another device" "the error says so"
}
unlogged_owner() {
  refused_without_owner
  err_lacks "dmesg" "the kernel log has no more"
  err_has "^hint: show the devices that have queues: mdevadm show matrix$" "the devices are listed"
}
logged_owner() {
  refused_without_owner
  err_has "^hint: the kernel log names the queue and the device: dmesg$" "the kernel log has more"
}

# Another program unassigns a domain while several are assigned.
other_report() {
  put 0 /sys/bus/ap/apmask
  mdevadm start $crypto -u $A --adapter 5 --domain 0x47
  "$MDEVSIM" control delay attribute 300
  (wait_until grep -q 05.0004 $parent/$A/matrix; put 4 $parent/$A/unassign_domain) &
  run mdevadm modify $A --live --domain +4,+0x14,+0x15,+0x16,+0x17,+0x18
  wait
  exits 1 "the change fails"
  err_has "were written, but the driver reports" "the error has both"
  "$MDEVSIM" control clear
  same "$(matrix $A)" "05.0047" "the device is as before"
}

# As many queues as two cards of a large machine have.
many_queues() {
  run mdevadm define $A $crypto --adapter 5-6 --domain 0-84 --control-domain 0-84 --name big
  exits 0 "170 queues are defined"
  run mdevadm start big
  exits 0 "and started"
  same "$(wc -l <$parent/$A/matrix)" 170 "the device has all of them"
  run mdevadm modify big --live --domain=-84
  exits 0 "a domain is removed"
  same "$(wc -l <$parent/$A/matrix)" 168 "from both cards"
  run mdevadm start $crypto -u $B --adapter 6 --domain 0x47
  exits 4 "another device does not get one of them"
  err_has "queue 06.0047 is assigned to the active device 'big'" "the owner is named"
}

"$1"
finish
