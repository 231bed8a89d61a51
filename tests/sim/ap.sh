# IBM Z crypto on the simulator: adapters, domains and masks as administrators and guides use them.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/crypto.sh"
if [ "${1:-}" = "" ]; then
  run_parts <<'T'
ap-host bus
ap options
ap adopt
ap conflicts
ap group_autostart
ap transient
ap broken
ap-host masks
ap-host decimal
ap script
ap completion
ap table
ap requested
ap values
ap octal
ap no_queues
ap group_of_two
ap call_out
T
  finish
  exit
fi

# The kernel's files, without mdevadm: the steps of a guide.
bus() {
  same "$(basename -a /sys/bus/ap/devices/* | paste -sd' ')" \
    "05.0004 05.0014 05.0047 06.0004 06.0014 06.0047 card05 card06" "the bus lists cards and queues"
  same "$(driver 05.0014) $(cat /sys/bus/ap/devices/05.0014/online)" "cex4queue 1" "after a boot queues are the host's"
  put $A $create
  put 0x05 $parent/$A/assign_adapter
  run put 0x14 $parent/$A/assign_domain
  exits 1 "a queue of the host cannot be assigned"
  run chzdev -t ap apmask=-0x5
  exits 0 "chzdev frees the queues of a card"
  same "$(cut -c1-6 /sys/bus/ap/apmask) $(driver 05.0014) $(driver 06.0014)" "0xfbff vfio_ap cex4queue" \
    "the mask and the drivers of its queues change"
  run put 0x14 $parent/$A/assign_domain
  exits 0 "a free queue can be assigned"
  same "$(matrix $A) $(cat /sys/bus/ap/devices/05.0014/status)" "05.0014 assigned" "device and queue show the assignment"
  run chzdev -t ap apmask=0-0xff
  exits 9 "chzdev refuses to take a queue away from a device"
  run chzdev -t ap apmask=+5,6
  exits 3 "chzdev refuses a mixture of numbers with and without sign"
  before=$(cat /sys/bus/ap/apmask)
  run chzdev -t ap apmask=-9-7
  exits 0 "chzdev ignores a reversed range"
  same "$(cat /sys/bus/ap/apmask)" "$before" "which changes nothing"
  put "$(printf '0x04,%s,' 0x000008)" $parent/$A/ap_config
  same "$(matrix $A)" "05.0014" "a short ap_config is accepted"
  put $B $create
  put 5 $parent/$B/assign_adapter
  run put 20 $parent/$B/assign_domain
  exits 1 "a queue of another device cannot be assigned"
  out=$(cat /sys/kernel/mdevsim/log)
  out_has "queue 05.0014 already assigned to $A" "the kernel log names queue and owner"
}

# An active device whose definition cannot be used is not transient.
broken() {
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a --auto
  mdevadm start a
  echo x >>/etc/mdevadm/devices/matrix/$A.toml
  local words
  for words in "undefine $A" "restart $A" "define $A" "define $A $crypto" "modify $A --manual" "modify $A --live --config --domain 4"; do
    # shellcheck disable=SC2086
    run mdevadm $words
    case $words in define*) exits 4 "$words: refused" ;; *) exits 1 "$words: refused" ;; esac
    err_has "its definition cannot be used: /etc/mdevadm/devices/matrix/$A.toml:[0-9]+:[0-9]+: " "$words: the file and its error are named"
    err_has "^hint: fix or remove the file$" "$words: the file can be removed"
    err_lacks "no definition exists|transient|already exists" "$words: the definition is not absent"
  done
  run mdevadm start $A
  exits 0 "start of the active device succeeds"
  err_has "'$A' is already active$" "and compares it with no definition"
  run mdevadm check --json
  same "$(jq -r '.findings[].finding' <<<"$out" | grep -v '^unit-' | paste -sd' ')" "definition-broken" "check has one finding about it"
  rm /etc/mdevadm/devices/matrix/$A.toml
  run mdevadm define $A
  exits 0 "without the file, the device is defined again"
  mdevadm stop $A
}

# How adapters and domains are given, and what the definition has then.
options() {
  run mdevadm define $A $crypto --name a --adapter 5,0x06 --domain 0x4,171 --control-domain 0xab
  exits 0 "define takes lists, decimal or hexadecimal"
  run mdevadm start a
  exits 0 "the device is started"
  same "$(matrix $A)" "05.0004 05.00ab 06.0004 06.00ab" "the device has all queues"
  same "$(mdevadm list -o adapters,domains,control_domains,queues | sed -n '2s/  */ /gp')" \
    "0x05-0x06 0x0004,0x00ab 0x00ab 05.0004 05.00ab 06.0004 06.00ab" "list shows adapters, domains and queues"
  same "$(mdevadm list --json | jq -c '.devices[0] | .adapters, .domains, .control_domains, .queues' | paste -sd' ')" \
    '[5,6] [4,171] [171] ["05.0004","05.00ab","06.0004","06.00ab"]' "so does JSON, with numbers"
  run mdevadm modify a --domain=-0xab,+0x05 --adapter 5
  exits 0 "modify replaces adapters, and adds and removes domains"
  same "$(mdevadm list --defined --json | jq -c '.devices[0].differences | map([.setting, .defined, .present])')" \
    '[["adapters","0x05","0x05-0x06"],["domains","0x0004-0x0005","0x0004,0x00ab"]]' "the difference is drift"
  run mdevadm restart a
  same "$(matrix $A)" "05.0004 05.0005" "after a restart the device has the new queues"
  for list in -5 '' +5,-6; do
    run mdevadm define -p matrix -t vfio_ap-passthrough --adapter "$list" --domain 4
    exits 2 "define --adapter '$list' is refused: a new device has nothing to remove, and needs something to add"
  done
  run mdevadm modify a --domain ''
  run mdevadm show a --json
  same "$(grep -c ^domains /etc/mdevadm/devices/matrix/$A.toml)" 0 "an empty list removes all"
  mdevadm stop a
  run mdevadm modify a --queue 03.0004,03.00ab
  mdevadm start a
  same "$(matrix $A)" "03.0004 03.00ab" "queues are accepted as lszcrypt prints them"
  mdevadm stop a
  mdevadm undefine a
  for wrong in "--adapter 05" "--adapter 0010" "--domain 0014" "--domain 002b" "--domain 0-1000000" "--domain 300" \
    "--domain 2b" "--queue 5.20" "--queue 05.0004,06.0005" "--attr assign_adapter=02" "--attr assign_domain=0x100" \
    "--attr assign_domain=5,6" "--attr assign_domain=0-84"; do
    run timeout 5 "$MDEVADM" define $B $crypto $wrong
    exits 2 "define refuses $wrong"
  done
  run mdevadm define $B $crypto --attr assign_domain=5,6
  err_has "'5,6' is a list, and assign_domain takes one number .*; for several numbers: --domain 0x0005-0x0006$" "the option for a list is named"
  run mdevadm define $B $crypto --queue 5.20
  err_has "invalid queue '5.20' .*: 05.0014\)$" "the queue that ap-check prints as 5.20 is named"
  run mdevadm define $B $crypto --domain 0014
  err_has "'0014' is ambiguous: 12 as octal, which the kernel reads, or 0x14 as hexadecimal" "both readings are named"
  printf 'type = "vfio_ap-passthrough"\n[[attribute]]\nname = "assign_adapter"\nvalue = "010"\n' >/tmp/ap-$$.toml
  run mdevadm define $B -p matrix --file /tmp/ap-$$.toml
  rm /tmp/ap-$$.toml
  exits 1 "so does define for a file with such a number"
  err_has "attribute 'assign_adapter': '010' is ambiguous" "the error names the attribute"
  run mdevadm start -u $B $crypto --queue 06.0004
  exits 0 "start takes the options for a transient device"
  same "$(matrix $B)" "06.0004" "the transient device has the queue"
  run mdevadm define $A $crypto --adapter 5-6 --domain 4
  run mdevadm export mdevctl $A
  same "$(jq -c .attrs /etc/mdevctl.d/matrix/$A)" \
    '[{"assign_adapter":"0x05"},{"assign_adapter":"0x06"},{"assign_domain":"0x0004"}]' "mdevctl's format has the attributes"
}

# A device that a script has made.
adopt() {
  put $A $create
  for write in assign_adapter=0x5 assign_adapter=6 assign_domain=0xab assign_control_domain=4; do
    put ${write#*=} $parent/$A/${write%=*}
  done
  same "$(mdevadm list -o queues,control_domains | sed -n '2s/  */ /gp')" "05.00ab 06.00ab 0x0004" \
    "list shows the queues of an unmanaged device"
  run mdevadm define $A --auto --name found
  exits 0 "define adopts the device"
  mdevadm stop found
  mdevadm start --auto
  same "$(matrix $A) $(cat $parent/$A/control_domains)" "05.00ab 06.00ab 0004" "the next start assigns the same queues"
  same "$(mdevadm list -o state | tail -1 | tr -d ' ')" active "the device is as defined"
  put 6 $parent/$A/unassign_adapter
  same "$(mdevadm list -o state | tail -1 | tr -d ' ')" drifted "a change by hand is shown"
  mdevadm undefine found
  run mdevadm define $A --domain +4
  exits 0 "adopting takes changes"
  same "$(mdevadm list --defined -o domains | tail -1 | tr -d ' ')" 0x00ab "the active device is not changed"
  same "$(grep ^domains /etc/mdevadm/devices/matrix/$A.toml)" 'domains = ["0x0004", "0x00ab"]' \
    "the definition has both domains"
}

# Two devices that want the same queue.
conflicts() {
  mdevadm define $A $crypto --adapter 5,6 --domain 4 --name a --auto
  run mdevadm define $B $crypto --adapter 6 --domain 4,0xab --name b --auto
  exits 4 "two definitions with autostart cannot have one queue"
  err_has "cannot define '$B': queue 06.0004 is also defined for 'a', and both devices have autostart" "the queue and its owner are named"
  run mdevadm define $B $crypto --adapter 6 --domain 4,0xab --name b
  exits 0 "without autostart both can be defined"
  err_has "warning: '$B': queue 06.0004 is also defined for 'a'; the devices cannot be active at the same time" "with a warning"
  run mdevadm modify b --auto
  exits 4 "modify finds the conflict, too"
  run mdevadm start a b
  err_has "cannot start 'b' \($B\): queue 06.0004 is also defined for 'a', which is started before it" "so does a start of both"
  err_has "hint: remove the domain from one of the definitions: mdevadm modify b --domain=-0x0004" "the hint separates them, and leaves the device other queues"
  run mdevadm start b
  exits 4 "start finds queues of active devices"
  err_has "cannot start 'b' \($B\): queue 06.0004 is assigned to the active device 'a'" "the owner is named"
  err_has "hint: stop that device: mdevadm stop a" "the hint frees the queue"
  run mdevadm modify b --domain=-4
  run mdevadm start b
  exits 0 "a device with other queues starts"
  mdevadm stop b
  run mdevadm start -u $B $crypto --adapter 9 --domain 4
  exits 0 "queues that do not exist can be assigned"
  err_has "adapter 0x09 is not on this host; the guest gets the queues when they appear" "with a warning"
  mdevadm stop $B
  # The kernel refuses what changed after the check.
  put $B $create
  put 5 $parent/$B/assign_adapter
  run put 4 $parent/$B/assign_domain
  exits 1 "the kernel refuses it, too"
}

# A queue of an active device without a definition is not free, either.
transient() {
  mdevadm start -u $A $crypto --queue 05.0004
  run mdevadm define $B $crypto --queue 05.0004 --auto
  exits 0 "the queue may be free at the next boot"
  err_has "warning: '$B': queue 05.0004 is assigned to the active device '$A', so before the start, stop that device: mdevadm stop $A$" "a warning names its owner"
  mdevadm stop $A
  run mdevadm modify $B --domain +0xab
  err_lacks "active device" "without the device there is none"
}

# A group with autostart starts its members at boot, too.
group_autostart() {
  local shared="queue 05.0004 is also defined for"
  mdevadm define $A $crypto --queue 05.0004 --name a --auto
  mdevadm define $B $crypto --queue 05.0004 --name b
  run mdevadm group create g b --auto
  exits 4 "group create: a group with autostart cannot have a member with the queue of a device with autostart"
  err_has "cannot create group 'g': member 'b' \($B\): $shared 'a', and both devices have autostart \('b' with group 'g'\)$" "group create names the devices and the group"
  err_has "^hint: disable autostart of that device: mdevadm modify a --manual$" "group create: the hint resolves the conflict"
  mdevadm group create g --auto
  run mdevadm group add g b
  exits 4 "group add: such a member is refused"
  mdevadm group modify g --manual
  run mdevadm group add g b
  exits 0 "group add: not to a group without autostart"
  run mdevadm group modify g --auto
  exits 4 "group modify --auto is refused, too"
  err_has "cannot change group 'g': member 'b' \($B\): $shared 'a'" "group modify names both"
  mdevadm modify a --manual
  run mdevadm group modify g --auto
  exits 0 "group modify --auto: without autostart of the other device it is accepted"
  run mdevadm modify a --auto
  exits 4 "modify --auto considers the groups of others"
  err_has "cannot modify 'a' \($A\): $shared 'b', and both devices have autostart \('b' with group 'g'\)$" "modify names the group"
  err_has "^hint: disable autostart of its group: mdevadm group modify g --manual$" "modify: the hint is about the group"
  run mdevadm define $C $crypto --queue 05.0004 --name c --auto
  exits 4 "define --auto considers the groups of others"
  run mdevadm define $C $crypto --queue 05.0004 --name c -g g
  exits 4 "define considers the group that the device joins"
  mdevadm define $C $crypto --queue 06.0004 --name c --auto
  run mdevadm modify b --queue 06.0004
  exits 4 "modify considers the group of the device"
  run mdevadm modify b --queue 05.00ab
  exits 0 "other queues are accepted"
  # What another program wrote is found, and other changes are not refused because of it.
  sed -i 's/0x00ab/0x0004/; s/0x05/0x06/' /etc/mdevadm/devices/matrix/$B.toml
  run mdevadm check --json
  same "$(jq -r '.findings[] | select(.finding == "queue-shared" and .severity == "error").object' <<<"$out" | paste -sd' ')" c "check finds it as an error"
  run mdevadm group modify g --p2p off
  exits 0 "a group with such a conflict can be changed"
  mdevadm modify c --manual
  run mdevadm check --json
  same "$(jq -r '.findings[] | select(.finding == "queue-shared").severity' <<<"$out")" warning "without autostart it is a warning"
  mdevadm group delete g
  mdevadm undefine a b c
  local device='[[device]]\nname = "%s"\nparents = ["matrix"]\ntype = "vfio_ap-passthrough"\nstate = "defined"\n%s[device.ap]\nadapters = [5]\ndomains = [4]\n'
  # shellcheck disable=SC2059
  printf "version = 1\n$device$device[[group]]\nname = \"g\"\nstart = \"auto\"\nmembers = [\"y\"]\n" x 'start = "auto"\n' y "" |
    sed 's/\\n/\n/g' >/run/host.toml
  run mdevadm apply -f /run/host.toml
  exits 4 "apply: a description with such a conflict is refused"
  err_has "host.toml:[0-9]+:[0-9]+: 'y' is started with its group: queue 05.0004 is also defined for 'x', and both devices have autostart$" "apply names the place and the devices"
  sed -i '/^start = "auto"$/d' /run/host.toml
  run mdevadm apply -f /run/host.toml
  exits 0 "apply: without autostart the description is accepted"
}

# Queues that the masks of the bus reserve.
masks() {
  run mdevadm define $A $crypto --queue 05.0014 --name a --auto
  exits 0 "queues of the host can be defined"
  err_has "'$A': queue 05.0014 is reserved for the host .*; before the start, release .* \(also 06.0014\): chzdev -t ap aqmask=-0x0014$" "with a warning and the command that takes the least"
  err_has "'$A': or release .* \(also 05.0004, 05.0047\): chzdev -t ap apmask=-0x05$" "and with the other command"
  run mdevadm start a
  exits 4 "but not started"
  err_has "cannot start 'a' \($A\): queue 05.0014 is reserved for the host \(apmask, aqmask\)" "the queue is named"
  same "$(grep ^hint: <<<"$err")" "hint: release all queues of the domain on all adapters (also 06.0014): chzdev -t ap aqmask=-0x0014
hint: release all queues of the adapter (also 05.0004, 05.0047): chzdev -t ap apmask=-0x05" \
    "one command releases the domain, another one the adapter; each names the other queues that it takes"
  chzdev -t ap aqmask=-0x0014 >/dev/null
  run mdevadm start a
  exits 0 "after that the device starts"
  same "$(mdevadm show matrix | grep -oE '[0-9]\. adapter .*' | paste -sd';')" \
    "1. adapter 0x05, domains 0x0004,0x0047: host (driver: cex4queue);2. adapter 0x05, domains 0x0014: device a;3. adapter 0x06, domains 0x0004,0x0047: host (driver: cex4queue);4. adapter 0x06, domains 0x0014: free" \
    "show of the parent lists which device has which queue"
  same "$(mdevadm show matrix --json | jq -c '.parents[0].queues[1]')" \
    "{\"adapter\":5,\"domains\":[20],\"owner\":\"device\",\"bound\":true,\"driver\":\"vfio_ap\",\"card\":null,\"device\":\"$A\"}" "JSON has the same list"
  run mdevadm start -u $B $crypto --adapter 6 --domain 0x14,85
  exits 1 "a domain beyond the machine's highest is refused"
  err_has "the machine has no domain 0x0055 \(the highest is 0x54\)" "the error has the highest number"
}

# Only a number that was typed in decimal can have been meant as a hexadecimal one.
decimal() {
  local words
  chzdev -t ap apmask=0 aqmask=0 >/dev/null
  for words in "--adapter 5 --domain 14" "--adapter 5 --domain 4,14"; do
    # shellcheck disable=SC2086
    run mdevadm define $B $crypto $words
    err_has "warning: '$B': 14 is decimal \(0x000e\); if domain 0x0014 of this host is meant, use 0x$" "define $words: the number that may be meant is named"
    run mdevadm check $B --json
    same "$(jq -r '.findings[] | [.cause, .hints[]] | join(" ")' <<<"$out" | grep -c 0x0014)" 0 "define $words: check does not guess"
    mdevadm undefine $B
  done
  for words in "--adapter 5 --domain 0x0e" "--adapter 5 --domain .000e" "--queue 05.000e" "--adapter 5 --domain 14-14" "--adapter 5 --domain 0xe-0xf" \
    "--adapter 5 --domain 4 --control-domain 0x0e"; do
    # shellcheck disable=SC2086
    run mdevadm define $B $crypto $words
    err_has "domains? 0x000e(-0x000f)? (is|are) not on this host" "define $words: the host lacks the domain"
    err_lacks "0x0014|is meant" "define $words: the number is unambiguous"
    run mdevadm start $B --dry-run
    err_lacks "0x0014|is meant" "define $words: nor does start guess"
    mdevadm undefine $B
  done
  mdevadm define $B $crypto --adapter 5 --domain 4
  run mdevadm modify $B --domain +14
  err_has "warning: '$B': 14 is decimal" "modify names the number that may be meant"
  run mdevadm start -u $A $crypto --adapter 6 --domain 47 --dry-run
  err_has "warning: '$A': 47 is decimal \(0x002f\); if domain 0x0047 of this host is meant, use 0x$" "so does start"
  chzdev -t ap apmask=+0-255 aqmask=+0-255 >/dev/null
  run mdevadm start -u $A $crypto --adapter 6 --domain 47
  exits 4 "a start is refused for queues of the host"
  err_has "hint: 47 is decimal" "and the other number is a hint"
}

theirs=/etc/mdevctl.d/matrix
of_mdevctl() {  # UUID ATTRIBUTES [KEYS]: a definition of mdevctl
  mkdir -p $theirs
  printf '{"mdev_type":"vfio_ap-passthrough","start":"manual",%s"attrs":[%s]}\n' "${3:-}" "$2" >$theirs/$1
}

# ap-check of s390-tools, mdevctl's call-out script for vfio-ap, knows definitions in /etc/mdevctl.d only.
script() {
  rm -f /tmp/ap-check.log /tmp/site.log /tmp/notified.log
  mkdir -p /etc/mdevctl.d/scripts.d/callouts
  cat >/etc/mdevctl.d/scripts.d/callouts/ap-check <<'S'
#!/bin/sh
# -t TYPE -e EVENT -a ACTION -s STATE -u UUID -p PARENT
echo "$4 $6" >>/tmp/ap-check.log
file=/etc/mdevctl.d/matrix/${10}
case "$4 $6" in
  "pre define") [ ! -e $file ] || { echo "Config already exists" >&2; exit 255; } ;;
  "pre modify" | "pre undefine") [ -e $file ] || { echo "Config doesn't exist" >&2; exit 255; } ;;
  get*) exit 2 ;;
esac
exit 0
S
  cat >/etc/mdevctl.d/scripts.d/callouts/site <<'S'
#!/bin/sh
echo "$4 $6" >>/tmp/site.log
exit 2
S
  mkdir -p /etc/mdevctl.d/scripts.d/notifiers
  cat >/etc/mdevctl.d/scripts.d/notifiers/all <<'S'
#!/bin/sh
echo "$6 $8" >>/tmp/notified.log
S
  chmod +x /etc/mdevctl.d/scripts.d/callouts/* /etc/mdevctl.d/scripts.d/notifiers/all
  run mdevadm define $A $crypto --adapter 5 --domain 4
  exits 0 "define is accepted by the script"
  run mdevadm modify $A --domain +0xab --auto
  exits 0 "modify is accepted by the script"
  run mdevadm undefine $A
  exits 0 "undefine is accepted by the script"
  same "$(grep -E 'define|modify' /tmp/ap-check.log | paste -sd,)" "pre define,post define,pre define,post define" \
    "the script checks the definition and each change of it"
  same "$(grep undefine /tmp/site.log | paste -sd,)" "pre undefine,post undefine" "other scripts are asked about the removal"
  same "$(paste -sd, /tmp/notified.log)" "define success,modify success,undefine success" "notification scripts hear of all"
  rm /tmp/site.log /tmp/notified.log
  rm /tmp/ap-check.log
  (exec -a mdevctl "$MDEVADM" define -u $A -p matrix --jsonfile /dev/stdin) <<'J'
{"mdev_type":"vfio_ap-passthrough","start":"manual","attrs":[{"assign_adapter":"5"},{"assign_domain":"4"}]}
J
  run mdevadm modify $A --domain +0xab
  exits 0 "a definition of mdevctl can be changed, too"
  same "$(jq -c .attrs /etc/mdevctl.d/matrix/$A)" \
    '[{"assign_adapter":"5"},{"assign_domain":"4"},{"assign_domain":"0x00ab"}]' "the attribute is added to its file"
  run mdevadm undefine $A
  same "$(grep -E 'define|modify' /tmp/ap-check.log | paste -sd,)" \
    "pre define,post define,pre modify,post modify,pre undefine,post undefine" "the script gets the events of its definition"
  # A definition of which mdevctl has a copy.
  of_mdevctl $A '{"assign_adapter":"5"},{"assign_domain":"4"}'
  run mdevadm import mdevctl $A
  rm -f /tmp/ap-check.log
  run mdevadm modify $A --domain +0xab
  exits 0 "an imported definition can be modified"
  run mdevadm modify $A --manual
  exits 0 "more than once"
  chzdev -t ap apmask=-5 >/dev/null
  mdevadm start $A
  run mdevadm modify $A --live --config --domain -0xab
  exits 0 "also with the active device"
  mdevadm stop $A
  same "$(grep -E 'define|modify' /tmp/ap-check.log | paste -sd,)" "pre modify,post modify,pre modify,post modify" \
    "the script is called to modify it"
  run mdevadm undefine $A
  err_has "'$theirs/$A' defines this device too and takes effect now; to remove it: mdevadm undefine $A$" "undefine leaves the copy"
  run mdevadm undefine $A
  exits 0 "which can be removed, too"
  mdevadm define $A $crypto --adapter 5 --domain 4
  mdevadm export mdevctl $A
  run mdevadm modify $A --domain +0xab
  exits 0 "a definition that was exported can be modified"
  rm $theirs/$A
  run mdevadm modify $A --domain=-0xab
  exits 0 "also after the copy is gone"
  echo broken >$theirs/$B
  run mdevadm define $B $crypto --adapter 6 --domain 4
  exits 0 "a definition beside a file of mdevctl that cannot be used is defined"
  rm $theirs/$B /tmp/ap-check.log
}

completion() {
  same "$(mdevadm types -o +properties,driver | head -1 | grep -oE 'PROPERTIES|DRIVER' | paste -sd' ')" "PROPERTIES DRIVER" \
    "a column that is printed already is not appended"
  words() { mdevadm __complete "$@" | cut -f1 | paste -sd' '; }
  mdevadm define $A $crypto --adapter 5 --domain 4,171 --name a
  mdevadm start a
  same "$(words define --adapter "")" "0x03 0x06 0x05" "--adapter completes to adapters of the host, those with free queues first"
  same "$(mdevadm __complete define --adapter 0x05 | tr '\t' '|')" "0x05|0 of 2 queues free" "the number of free queues is shown"
  same "$(words define --domain 0x0004,)" "0x0004,0x0004 0x0004,0x00ab" "--domain completes the last number of a list"
  same "$(words define --queue "")" "03.0004 03.00ab 06.0004 06.00ab 05.0004 05.00ab" "--queue completes to queues, free ones first"
  same "$(mdevadm __complete define --queue 05.0004 | tr '\t' '|')" "05.0004|device a" "the owner is shown"
  same "$(words modify a --domain -)" "-0x0004 -0x00ab" "after a minus sign, modify offers what the device has"
  same "$(words modify a --domain -0x0004,-)" "-0x0004,-0x0004 -0x0004,-0x00ab" "also for the last of several changes"
  same "$(words modify a --adapter +0x0)" "+0x03 +0x06 +0x05" "after a plus sign, what the host has"
  same "$(words modify a --control-domain "")" "0x0004 0x00ab" "--control-domain completes to domains"
  same "$(words modify nosuch --domain -)" "" "for a device that does not exist, nothing is offered"
}

# A transient device that is active already, with other settings than requested.
requested() {
  run mdevadm start -u $B $crypto --queue 05.0004
  run mdevadm start -u $B $crypto --queue 06.0004,06.00ab
  exits 4 "a start with other queues is refused"
  err_has "already active with other settings: adapters \(requested: 0x06, device: 0x05\), domains \(requested: 0x0004,0x00ab, device: 0x0004\)$" "the differences are named"
  same "$(matrix $B)" "05.0004" "the device is not changed"
  for words in "--queue 05.0004" "--adapter 5" ""; do
    run mdevadm start -u $B $crypto $words
    exits 0 "start '$words' finds the device as requested"
  done
  mdevadm modify $B --live --control-domain 4
  run mdevadm start -u $B $crypto --queue 05.0004
  exits 0 "what was not requested may differ"
  mdevadm stop $B
  run mdevadm start -u $B $crypto --attr ap_config=0x04,0x08,
  exits 0 "masks can be short"
  err_lacks "reads back" "the driver completes them"
  mdevadm stop $B
  run mdevadm start -u $B $crypto --queue 06.0004 --adapter 9 --dry-run
  exits 2 "--queue and --adapter exclude each other"
  run mdevadm start -u $B $crypto --adapter 9 --domain 4 --dry-run
  err_has "warning: '$B': adapter 0x09 is not on this host" "a dry run prints the warnings"
  for verb in start define; do
    run mdevadm $verb $crypto --count 2 --queue 06.0004
    exits 2 "$verb --count with queues is refused"
    err_has "several devices cannot have the same queues" "$verb says why"
  done
  run mdevadm define $crypto --adapter 5- --domain 4
  err_has "range '5-' has no end" "an open range is called so"
  run mdevadm define $A -p matrix -t vfio_ap-passthroug --adapter 5
  err_lacks "use --force" "--force does not help against a misspelt type"
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a
  mdevadm start a
  mdevadm modify a --live --domain 0xab
  run mdevadm modify a --domain 0xab
  exits 0 "the definition follows the device"
  err_lacks "next start" "nothing remains to be applied"
}

# The table [ap] of a definition, beside attributes.
table() {
  file=/etc/mdevadm/devices/matrix/$A.toml
  mkdir -p ${file%/*}
  cat >$file <<'F'
type = "vfio_ap-passthrough"
name = "a"

[ap]
# both cards
adapters = [5, "0x06"]
domains = ["4"]  # of the guest
F
  run mdevadm start a
  exits 0 "a definition with the table is started"
  same "$(matrix $A)" "05.0004 06.0004" "the device has the queues"
  run mdevadm modify a --live --config --domain +0xab --adapter=-6
  exits 0 "device and definition are changed"
  same "$(matrix $A)" "05.0004 05.00ab" "the device has the new queues"
  same "$(sed -n '/^\[ap/,$p' $file | paste -sd';')" \
    '[ap];# both cards;adapters = ["0x05"];domains = ["0x0004", "0x00ab"]  # of the guest' "the table is changed, with its comments"
  mdevadm export mdevctl a
  same "$(jq -c .attrs /etc/mdevctl.d/matrix/$A)" \
    '[{"assign_adapter":"0x05"},{"assign_domain":"0x0004"},{"assign_domain":"0x00ab"}]' "mdevctl's format has the attributes"
  rm /etc/mdevctl.d/matrix/$A
  same "$(mdevadm show a --json | jq -c '.devices[0] | .adapters, .domains, (.attributes | length)' | paste -sd' ')" "[5] [4,171] 3" \
    "show has the same as for attributes"
  run mdevadm modify a --attr assign_control_domain=4
  same "$(grep control $file)" 'control_domains = ["0x0004"]' "an attribute is entered in the table"
  run mdevadm define $B $crypto --attr assign_adapter=3 --attr assign_domain=4 --name b
  same "$(grep -c 'ap\]' ${file%/*}/$B.toml)" 0 "define --attr writes attributes"
  run mdevadm modify b --domain +0xab
  same "$(grep -c assign_domain ${file%/*}/$B.toml) $(grep -c 'ap\]' ${file%/*}/$B.toml)" "2 0" "modify keeps that form"
  echo 'domain = [5]' >>$file
  run mdevadm modify a --manual
  err_has "$A.toml:[0-9]+:[0-9]+: unknown key 'domain' in \[ap\]" "an unknown key is an error with its position"
}

# Values that the kernel refuses, in definitions that other programs have written.
values() {
  local bad
  for bad in 300 " 5" -1 "5 6" 5,06 05.0014 5,6; do
    of_mdevctl $A "{\"assign_adapter\":\"$bad\"},{\"assign_domain\":\"4\"}"
    run mdevadm modify $A --domain +0xab
    exits 1 "'$bad': modify does not change the definition"
    err_has "cannot modify '$A': attribute 'assign_adapter': .*'$bad'" "'$bad': attribute and value are named"
    same "$(jq -c .attrs $theirs/$A)" "[{\"assign_adapter\":\"$bad\"},{\"assign_domain\":\"4\"}]" "'$bad': the value remains"
  done
  err_has "^hint: correct the definition: mdevadm modify $A --adapter 0x05-0x06$" "the hint names what is meant"
  run mdevadm modify $A --adapter 0x05-0x06
  exits 0 "an option that replaces all numbers of the kind is accepted"
  same "$(jq -c .attrs $theirs/$A)" '[{"assign_adapter":"0x05"},{"assign_adapter":"0x06"},{"assign_domain":"4"}]' "and replaces the value"
  local option
  while IFS='|' read -r bad option; do
    of_mdevctl $A "{\"assign_adapter\":\"$bad\"},{\"assign_domain\":\"4\"}"
    run mdevadm start $A
    exits 1 "'$bad' is not written"
    err_has "^hint: correct the definition: mdevadm modify $A $option$" "the hint has the numbers that '$bad' means"
  done <<'T'
5,06|--adapter 0x05-0x06
5 6|--adapter 0x05-0x06
05.0014|--adapter 0x05
T
  of_mdevctl $A '{"assign_adapter":"5,010"},{"assign_domain":"4"}'
  run mdevadm start $A
  err_has "'5,010' is a list, and assign_adapter takes one number; '010' is ambiguous: 8 as octal, .*, or 0x10 as hexadecimal" \
    "a number with a leading zero in a list is explained"
  err_has "^hint: if numbers with leading zeros are hexadecimal: mdevadm modify $A --adapter 0x05,0x10$" "with a command for one meaning"
  err_has "^hint: if they are octal: mdevadm modify $A --adapter 0x05,0x08$" "and for the other"
  of_mdevctl $A '{"assign_adapter":"5"},{"assign_domain":"-1"},{"assign_domain":"300"},{"assign_domain":"+20"},{"assign_domain":" 4"},{"assign_control_domain":"abc"}'
  run mdevadm start $A
  err_has "^hint: correct the definition: mdevadm modify $A --domain 0x0004,0x0014,NUMBERS --control-domain NUMBERS$" "values without a meaning are not dropped"
  run mdevadm check $A --json
  same "$(jq -r '.findings[] | [.cause, .hints[]] | join(" ")' <<<"$out" | grep -c 0xabc)" 0 "no number out of range is suggested"
  of_mdevctl $A '{"assign_adapter":"5"},{"assign_domain":"4"},{"assign_control_domain":"1x"},{"assign_control_domain":"0x10"},{"assign_control_domain":"300"}'
  run mdevadm start $A
  err_has "^hint: correct the definition: mdevadm modify $A --control-domain 0x0010,NUMBERS$" "nor are those of control domains"
  # The kernel takes masks with a small x only.
  run mdevadm define $B $crypto --attr "ap_config=0X04,0x08,0x0"
  exits 2 "define refuses a mask that the kernel refuses"
  err_has "invalid value of ap_config \(expected three masks, separated by commas, each 0x and up to 64 hexadecimal digits\)" "and says what it expects"
  of_mdevctl $B '{"ap_config":"0X04,0x08,0x0"}'
  run mdevadm check $B --json
  same "$(jq -r '.findings[] | select(.finding == "queue-value").severity' <<<"$out")" error "check finds it"
  rm $theirs/$B
  of_mdevctl $A '{"assign_adapter":"5"},{"assign_adapter":"300"},{"assign_domain":"00ab"}' '"site":{"rack":[1,2.5,{"a":null}]},'
  run mdevadm start $A
  exits 1 "the kernel refuses the values"
  err_has "^hint: correct the definition: mdevadm modify $A --adapter 0x05,NUMBERS --domain 0x00ab$" \
    "one command corrects all of them, and does not drop the one whose meaning is unknown"
  run mdevadm modify $A --adapter 0x05 --domain 0x00ab
  same "$(jq -c .attrs $theirs/$A)" '[{"assign_adapter":"5"},{"assign_domain":"0x00ab"}]' "which keeps the valid ones"
  has "$(cat $theirs/$A)" '^  "site": \{"rack":\[1,2.5,\{"a":null\}\]\}$' && passed "modify keeps keys that mdevctl does not know, as written" || failed "modify keeps keys that mdevctl does not know, as written" "$(cat $theirs/$A)"
  run mdevadm start $A
  exits 0 "the device starts then"
  mdevctl modify -u $A --auto
  same "$(jq -c 'keys' $theirs/$A)" '["attrs","mdev_type","start"]' "mdevctl drops unknown keys"
}

# The kernel reads numbers with leading zeros as octal ones, lszcrypt prints hexadecimal ones so.
octal() {
  local xml doubt="attribute 'assign_domain': the kernel reads '0014' as an octal number, 0x000c; lszcrypt prints 0x0014 in this form"
  of_mdevctl $A '{"assign_adapter":"05"},{"assign_domain":"0014"}'
  run mdevadm check $A --json
  same "$(jq -r '.findings[] | select(.finding == "queue-value") | .severity, .cause, .hints[]' <<<"$out")" "warning
$doubt
if 0x0014 is meant: mdevadm modify $A --domain=-0x000c,+0x0014
if 0x000c is meant: mdevadm modify $A --delete-attr 2 --attr assign_domain=0x000c" "check names both meanings, not for a number that is the same in both"
  run mdevadm start $A
  err_has "warning: '$A': $doubt; if 0x0014 is meant: mdevadm modify $A --domain=-0x000c,\+0x0014; if 0x000c is meant: mdevadm modify $A --delete-attr 2 --attr assign_domain=0x000c$" "start warns and names the commands for both meanings"
  run mdevadm export nodedev $A
  out_has "<attr name='assign_domain' value='0x000c'/>" "export nodedev writes what the kernel reads"
  xml=$out
  mdevadm stop $A
  echo -12 >/sys/bus/ap/aqmask
  echo +5 >/sys/bus/ap/apmask
  echo +12 >/sys/bus/ap/aqmask
  run mdevadm start $A
  exits 4 "the queue of the octal number is reserved for the host"
  err_has "^hint: $doubt$" "the other meaning is a hint"
  echo -5 >/sys/bus/ap/apmask
  echo -12 >/sys/bus/ap/aqmask
  mv $theirs/$A /tmp/octal
  run mdevadm import nodedev - <<<"$xml"
  exits 0 "import nodedev accepts it"
  mdevadm undefine $A
  mv /tmp/octal $theirs/$A
  run mdevadm import mdevctl $A
  err_has "warning: '$A': $doubt" "import mdevctl warns"
  run mdevadm modify $A --delete-attr 2 --attr assign_domain=0x000c
  run mdevadm check $A
  out_lacks "octal" "the command of the hint removes the doubt"
}

# A device without adapters or domains gives its guest no queues.
no_queues() {
  local words
  for words in "" "--adapter 5" "--domain 4"; do
    # shellcheck disable=SC2086
    run mdevadm define $A $crypto $words
    exits 0 "define $words: accepted"
    err_has "warning: '$A': no (adapter is|domain is|adapter and no domain are) assigned, so a guest gets no crypto queues$" "define $words: a warning"
    mdevadm undefine $A
  done
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a
  run mdevadm modify a --adapter=-5
  err_has "warning: 'a' .*no adapter is assigned" "modify warns"
  run mdevadm start a
  err_has "warning: 'a' .*no adapter is assigned" "so does start"
  run mdevadm check a --json
  same "$(jq -r '.findings[] | select(.finding == "queue-none").hints[]' <<<"$out")" "assign queues: mdevadm modify a --adapter NUMBERS" "check has the command"
  mdevadm stop a
  # Hints leave a device some queues.
  mdevadm modify a --adapter 5 --auto
  mdevadm define $B $crypto --adapter 6 --domain 4 --name b --auto
  sed -i 's/0x06/0x05/' /etc/mdevadm/devices/matrix/$B.toml
  run mdevadm start --auto
  err_has "^hint: disable autostart of the device: mdevadm modify b --manual$" "of two devices with the same queue one loses autostart"
  err_lacks "modify b --adapter=-0x05" "not its only adapter"
}

# A virtual machine can have one vfio-ap device.
group_of_two() {
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a
  mdevadm define $B $crypto --adapter 6 --domain 4 --name b
  run mdevadm group create vm a b
  exits 0 "a group of two can be created"
  err_has "warning: group 'vm': 2 members of the group are vfio-ap devices \('a' \($A\), 'b' \($B\)\); a virtual machine can have only one, so the group can only be a pool" "with a warning"
  run mdevadm check vm
  exits 0 "it may be a pool"
  mdevadm group modify vm --vm-uuid cccccccc-0000-4000-8000-000000000003
  run mdevadm check vm --json
  same "$(jq -r '.findings[].finding' <<<"$out")" group-vfio-ap "not if it is for one virtual machine"
  mdevadm group delete vm
  mdevadm group create vm a
  run mdevadm group add vm b
  err_has "warning: group 'vm': 2 members of the group are vfio-ap devices" "group add warns, too"
  run mdevadm group create other nosuch
  err_has "cannot create group 'other': member 'nosuch': no device or definition" "group create names the member that is missing"
  run mdevadm group add vm nosuch
  err_has "cannot add to group 'vm': member 'nosuch': no device" "so does group add"
  run mdevadm group remove vm nosuch
  err_has "cannot remove from group 'vm': member 'nosuch': no device" "and group remove"
  mdevadm start -u cccccccc-0000-4000-8000-000000000001 $crypto --adapter 3 --domain 171
  run mdevadm group create other cccccccc-0000-4000-8000-000000000001
  exits 3 "a transient device cannot be a member"
  err_has "member 'cccccccc-0000-4000-8000-000000000001': no definition exists \(the device is active\)$" "the error says why"
  err_has "^hint: create a definition: mdevadm define cccccccc-0000-4000-8000-000000000001$" "and how to change it"
}

# A call-out script that runs a program that does not exist.
call_out() {
  local script=/etc/mdevctl.d/scripts.d/callouts/ap-check.sh
  mkdir -p ${script%/*}
  printf '#!/bin/sh\nexec /usr/lib/nosuch "$@"\n' >$script
  chmod 755 $script
  run mdevadm define $A $crypto --adapter 5 --domain 4
  exits 1 "the operation fails"
  err_has "failed with status '127'$" "with the status of the script"
  err_has "^hint: the status usually means that a program that the script runs does not exist: less $script$" "the hint says what it means"
  err_lacks "s390apconfig.lock" "the lock is not the cause"
  run mdevadm define $A $crypto --adapter 5 --domain 4 --force
  exits 0 "define --force ignores the script"
  err_has "warning: .*despite callout failure" "with a warning"
  run mdevadm check --json
  same "$(jq '[.findings[] | select(.finding == "script-unusable")] | length' <<<"$out")" 0 "check runs no scripts"
  chmod 777 $script
  run mdevadm check --json
  same "$(jq -r '.findings[] | select(.finding == "script-unusable") | .severity, .object' <<<"$out" | paste -sd' ')" "error $script" "check finds a script that others can change"
  chmod 644 $script
  run mdevadm check --json
  same "$(jq -r '.findings[] | select(.finding == "script-unusable") | .severity, .cause' <<<"$out" | paste -sd' ')" \
    "info $script: not executable, so the script is not run" "and one that is not executable"
  printf '#!/nosuch/sh\n' >$script
  chmod 755 $script
  run mdevadm check --json
  same "$(jq -r '.findings[] | select(.finding == "script-unusable") | .severity, .cause' <<<"$out" | paste -sd' ')" \
    "warning $script: its interpreter '/nosuch/sh' does not exist, so the script is not run" "and one without interpreter"
}

"$1"
finish
