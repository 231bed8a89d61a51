# Changes of active vfio-ap devices: modify --live on kernels with and without ap_config and hot-plug.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/crypto.sh"
if [ "${1:-}" = "" ]; then
  scenarios=$(mktemp -d)
  trap 'rm -rf "$scenarios"' EXIT
  # All queues are released from the host: queues of adapters 5 and 6, domains 4, 20 and 71.
  for kernel in 6.10 6.1 5.19; do
    sed -e "s/6\.10/$kernel/; s/apmask = \"+0-255\", aqmask = \"+0-255\"/host_adapters = []/" \
      "$here/../../examples/scenarios/ap-host.toml" >"$scenarios/$kernel.toml"
  done
  run_parts "$scenarios" <<'T'
6.10 change
6.1 change
6.10 apply
6.10 corrects
6.1 corrects
6.10 refuse
6.1 refuse
6.10 roll_back_config
6.1 roll_back_one_by_one
5.19 idle
5.19 unbound
6.10 attributes
6.10 definition_first
6.10 comments
6.10 both
6.10 loss
6.10 claimed
6.10 moved
T
  run_parts <<'T'
samples other_types
vfio-cdev nodes
T
  finish
  exit
fi

change() {
  mdevadm define $A $crypto --adapter 5 --domain 4 --control-domain 4 --name a
  mdevadm start a
  use $A
  before=$(definition $A)
  run mdevadm modify a --live --domain +0x14 --dry-run
  exits 0 "a dry run succeeds"
  out_has "(ap_config|/assign_domain)$" "it shows what would be written"
  same "$(matrix $A)" "05.0004" "it writes nothing"
  run mdevadm modify a --live --domain +0x14
  exits 0 "a domain is added to a running guest"
  same "$(matrix $A), $(guest $A)" "05.0004 05.0014, 05.0004 05.0014" "device and guest have the new queue"
  same "$(definition $A)" "$before" "the definition is not changed"
  run mdevadm modify a --live --adapter 6 --domain 0x47 --control-domain 4,0x47
  exits 0 "adapters and domains are exchanged"
  same "$(matrix $A), $(paste -sd' ' $parent/$A/control_domains)" "06.0047, 0004 0047" "the device has what was requested"
  run mdevadm modify a --live --config --domain 0x14,4 --auto
  exits 0 "device and definition are changed together"
  same "$(matrix $A)" "06.0004 06.0014" "the device has both domains"
  same "$(mdevadm list --defined --json | jq -c '.devices[0] | .autostart, (.differences | map([.setting, .defined, .present]))' | paste -sd' ')" \
    'true [["adapters","0x05","0x06"],["control domains","0x0004","0x0004,0x0047"]]' \
    "the definition has the change, and what was changed before only in the device is drift"
  run mdevadm modify a --live --domain=-4 --json
  same "$(jq -c '.results[0] | [.outcome, .name]' <<<"$out")" '["done","a"]' "JSON reports the result"
  run mdevadm modify a --live --adapter '' --domain '' --control-domain ''
  exits 0 "all queues can be taken away"
  same "$(matrix $A)" "" "the device has none then"
  mdevadm undefine a
  run mdevadm modify $A --live --queue 05.0004
  exits 0 "a device without a definition is changed, too"
  same "$(matrix $A)" "05.0004" "it has the queue"
  run mdevadm modify $A --live --config --domain +0x14
  exits 3 "without a definition there is none to change"
  same "$(matrix $A)" "05.0004" "the device is not changed then"
}

# modify --live without changes.
apply() {
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a
  mdevadm start a
  use $A
  run mdevadm modify a --domain +0x14
  err_has "to apply the definition: mdevadm modify a --live" "modify names the command that applies the change"
  same "$(mdevadm list -n -o state)" drifted "the device has drifted"
  run mdevadm start a
  err_has "differs from its definition: .*; to apply the definition: mdevadm modify a --live" "start names it, too"
  run mdevadm modify a --live
  exits 0 "the definition is applied"
  same "$(matrix $A), $(mdevadm list -n -o state)" "05.0004 05.0014, active" "the device is as defined"
  run mdevadm modify a --live
  exits 0 "a second time nothing is done"
  err_has "'a' \($A\) does not differ from its definition" "the note says so"
  run mdevadm modify a
  exits 2 "without --live a change is required"
}

refuse() {
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a
  mdevadm define $B $crypto --adapter 6 --domain 4,0x14 --name b
  run mdevadm modify a --live --domain +0x14
  exits 4 "a device that is not active cannot be changed"
  err_has "cannot modify 'a' \($A\)|cannot modify 'a': the device is not active" "the error says so"
  mdevadm start a b
  use $A
  run mdevadm modify a --live --adapter +6
  exits 4 "a queue of another device is refused"
  err_has "queue 06.0004 is assigned to the active device 'b'" "queue and owner are named"
  echo 05.0047 >/sys/bus/ap/drivers/vfio_ap/unbind
  run mdevadm modify a --live --config --domain +0x47,+0x14
  exits 4 "a queue without driver is refused"
  err_has "queue 05.0047 is not bound to vfio_ap, .* would lose adapter 0x05" "queue and adapter are named"
  same "$(matrix $A), $(guest $A)" "05.0004, 05.0004" "the device is not changed"
  same "$(definition $A | grep -c 0x0014)" 0 "nor is the definition"
  run mdevadm modify a --live --domain +0x47 --force
  exits 0 "--force accepts it"
  err_has "warning: 'a' \($A\): queue 05.0047 is not bound to vfio_ap, .* would lose adapter 0x05" "with a warning"
  same "$(matrix $A), $(guest $A)" "05.0004 05.0047, " "the guest has lost the adapter"
  run mdevadm modify a --live --domain=-0x47
  exits 0 "removing the domain again"
  same "$(guest $A)" "05.0004" "gives the adapter back"
  chzdev -t ap apmask=+7 aqmask=+0x14 >/dev/null
  run mdevadm modify a --live --adapter +7 --domain +0x14
  exits 4 "a queue of the host is refused"
  err_has "queue 07.0014 is reserved for the host" "the queue is named"
  for wrong in "--type x" "--vf any" "--aggregate 2" "--create-arg x=1" "--delete-attr 1" "--name x" "--auto"; do
    run mdevadm modify a --live $wrong
    exits 2 "--live refuses $wrong"
  done
  run mdevadm modify a --live --domain +85
  exits 1 "a domain beyond the machine's highest is refused"
  same "$(matrix $A)" "05.0004" "after all that the device is as before"
}

# The kernel refuses what the checks have not seen.
roll_back_config() {
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a
  mdevadm start a
  before=$(definition $A)
  "$MDEVSIM" control fault attribute 0 EADDRINUSE ap_config
  run mdevadm modify a --live --config --domain +0x14
  exits 1 "the kernel refuses ap_config"
  same "$(matrix $A)" "05.0004" "the device is not changed"
  same "$(definition $A)" "$before" "the definition is not changed"
}

roll_back_one_by_one() {
  mdevadm define $A $crypto --adapter 5 --domain 4,0x14 --control-domain 4 --name a
  mdevadm start a
  before=$(definition $A)
  "$MDEVSIM" control fault attribute 1 EADDRINUSE assign_domain
  run mdevadm modify a --live --config --adapter 6 --domain 0x47,0x04 --control-domain 0x47
  exits 1 "the kernel refuses one of several writes"
  err_has "all changes were rolled back" "the error says that the others were rolled back"
  same "$(matrix $A), $(paste -sd' ' $parent/$A/control_domains)" "05.0004 05.0014, 0004" "the device has what it had"
  same "$(definition $A)" "$before" "the definition is not changed"
}

# Linux before 6.0.
idle() {
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a
  mdevadm start a
  run mdevadm modify a --live --domain +0x14
  exits 0 "queues of a device that no guest uses can be changed"
  same "$(matrix $A)" "05.0004 05.0014" "the device has the new queue"
  use $A
  run mdevadm modify a --live --domain +0x47
  exits 5 "not those of a guest"
  err_has "still in use by .*; Linux before 6.0 changes the queues of a device only while no guest uses it" "the reason is named"
  run mdevadm modify a --live --domain 4
  exits 5 "nor can queues be removed"
  same "$(matrix $A)" "05.0004 05.0014" "the device is not changed"
}

# Before 6.0 the driver refuses queues that are missing or not bound to it.
unbound() {
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a
  mdevadm define $B $crypto --adapter 6 --domain 4,0x14 --name b
  mdevadm start a
  echo 05.0014 >/sys/bus/ap/drivers/vfio_ap/unbind
  echo 06.0014 >/sys/bus/ap/drivers/vfio_ap/unbind
  run mdevadm modify a --live --domain +0x14
  exits 4 "a queue without driver is refused before it is written"
  err_has "queue 05.0014 is not bound to vfio_ap; Linux before 6.0 accepts only queues that are bound to vfio_ap$" "the queue and the reason are named"
  err_has "^hint: bind the queue: echo 05.0014 > /sys/bus/ap/drivers_probe$" "and the command that binds it"
  run mdevadm modify a --live --domain +0x10
  exits 4 "so is a queue that does not exist"
  err_has "queue 05.0010 is not on this host; Linux before 6.0" "it is named"
  same "$(matrix $A)" "05.0004" "the device is not changed"
  run mdevadm start b
  exits 4 "nor is a device started with such a queue"
  err_has "queue 06.0014 is not bound to vfio_ap" "the queue is named"
  echo 06.0014 >/sys/bus/ap/drivers_probe
  run mdevadm start b
  exits 0 "bound again, the queue is accepted"
  mdevadm stop a b
  echo 06.0014 >/sys/bus/ap/drivers/vfio_ap/unbind
  run mdevadm start b
  exits 4 "without an active device, whose files show what the kernel does, the driver refuses the start"
  err_has "cannot set attribute 'assign_domain' to '0x0014': queue 06.0014 is not bound to vfio_ap; Linux before 6.0 accepts only" "the error names the queue"
  same "$(grep ^hint: <<<"$err")" "hint: bind the queue: echo 06.0014 > /sys/bus/ap/drivers_probe" "the only hint binds it: the masks have released it"
  mdevadm modify b --domain 4,0x14,0x15
  run mdevadm start b
  err_has "'0x0014': queue 06.0014 is not bound to vfio_ap; " "the first refusal counts, not a queue that does not exist"
  same "$(grep -c 'mask=' <<<"$err")" 0 "no mask is changed"
  mdevadm modify b --domain 4,0x15
  run mdevadm start b
  err_has "queue 06.0015 is not on this host; " "a queue that does not exist is not unbound"
  same "$(grep ^hint: <<<"$err")" "hint: list the queues of the host: mdevadm show matrix" "its hint leads to those that exist"
  # Without domains, the driver requires one queue of the adapter.
  for queue in 06.0004 06.0047; do echo $queue >/sys/bus/ap/drivers/vfio_ap/unbind; done
  mdevadm modify b --domain ''
  run mdevadm start b
  err_has "'assign_adapter' to '0x06': queues 06.0004, 06.0014, 06.0047 are not bound to vfio_ap; " "so it does for an adapter without domains"
  same "$(grep ^hint: <<<"$err" | grep -c mask)" 0 "its queues are not released once more"
}

# What the definition cannot hold is refused before the device is changed.
definition_first() {
  mkdir -p /etc/mdevctl.d/matrix
  echo '{"mdev_type":"vfio_ap-passthrough","start":"manual","attrs":[{"assign_adapter":"5"},{"assign_domain":"4"}]}' >/etc/mdevctl.d/matrix/$A
  mdevadm start $A
  # A write to the device would fail with another error.
  "$MDEVSIM" control fault attribute 0 EADDRINUSE ap_config
  for option in "" --dry-run; do
    run mdevadm modify $A --live --config --domain +0x14 --node-mode 0660 $option
    exits 1 "a definition of mdevctl cannot have a node mode ($option)"
    err_has "cannot modify '$A': mdevctl's format cannot represent 'node' \(definition in /etc/mdevctl.d/matrix/$A\)" "the error says so"
    same "$out" "" "nothing is planned"
  done
  rm /etc/mdevctl.d/matrix/$A
  mkdir -p /etc/mdevadm/devices/matrix
  printf 'type = "vfio_ap-passthrough"\nap.adapters = [\n# one\n5,\n# two\n6 ]\nap.domains = [4]\n' >/etc/mdevadm/devices/matrix/$A.toml
  before=$(definition $A)
  run mdevadm modify $A --live --config --adapter 7
  exits 1 "a layout that cannot be changed without losing comments is refused"
  err_has "the layout of the file cannot be changed without losing comments" "the error says so"
  run mdevadm modify $A --config --adapter 7 --dry-run
  exits 1 "also in a dry run without --live"
  same "$(definition $A), $(matrix $A)" "$before, 05.0004" "file and device are as before"
}

# Comments in the lists of the table [ap].
comments() {
  mkdir -p /etc/mdevadm/devices/matrix
  cat >/etc/mdevadm/devices/matrix/$A.toml <<'F'
type = "vfio_ap-passthrough"
name = "a"

[ap]
adapters = [
  5,  # the first card
  "card06",  # the second
]
domains = [ 4,
  # for payroll
  "0x14-0x15"  # and its test
]
F
  run mdevadm modify a --domain +0x47
  exits 0 "a domain is added"
  same "$(sed -n '/^\[ap/,$p' /etc/mdevadm/devices/matrix/$A.toml | paste -sd';')" \
    '[ap];adapters = [;  5,  # the first card;  "card06",  # the second;];domains = [ 4,;  # for payroll;  "0x14-0x15",  # and its test;  "0x0047",;]' \
    "the other list has its text, and the changed one its comments"
  run mdevadm modify a --domain=-0x15,-0x47 --adapter=-5
  exits 0 "numbers are removed"
  same "$(sed -n '/^\[ap/,$p' /etc/mdevadm/devices/matrix/$A.toml | paste -sd';')" \
    '[ap];adapters = [;  "card06",  # the second;];domains = [ 4,;  # for payroll;  "0x0014",  # and its test;]' \
    "with the comment on the line of a number"
}

# --live --config needs a change; the state of the device is stored with --from-device.
both() {
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a --node-mode 0600
  mdevadm start a
  mdevadm modify a --live --domain +0x14 --control-domain 4 --node-mode 0660
  run mdevadm modify a --live --config
  exits 2 "--live --config without a change is refused"
  err_has "^hint: apply the definition to the active device: mdevadm modify a --live$" "the error names the command that changes the device"
  err_has "^hint: store the settings of the device in the definition: mdevadm modify a --from-device$" "and the one that changes the definition"
  same "$(matrix $A)" "05.0004 05.0014" "the device is not changed"
  run mdevadm modify a --from-device --dry-run
  exits 0 "a dry run shows what is stored"
  run mdevadm modify a --from-device
  same "$code$err" 0 "the settings of the device are stored, without a message"
  same "$(state a)" active "the device does not differ any more"
  same "$(definition $A | grep -E 'domains|mode' | paste -sd';')" 'domains = ["0x0004", "0x0014"];control_domains = ["0x0004"];mode = "0660"' \
    "the definition has what was changed"
  run mdevadm modify a --from-device
  err_has "is unchanged" "a second time nothing is stored"
  mdevadm modify a --domain 4 2>/dev/null
  run mdevadm modify a --live
  err_has "applying the definition: domains \(definition: 0x0004, device: 0x0004,0x0014\)" "--live says what it changes"
  mdevadm stop a
  run mdevadm modify a --from-device
  exits 4 "an inactive device has no settings to store"
  for wrong in "--domain 4 --attr assign_domain=5" "--adapter 6 --attr unassign_adapter=6" "--queue 05.0004 --attr assign_adapter=6"; do
    run mdevadm modify a $wrong
    exits 2 "options that contradict each other are refused: $wrong"
    err_has "contradict each other" "the error names both"
  done
  run mdevadm define $B $crypto --adapter 5 --domain 0x47 --attr assign_domain=0x14
  exits 2 "so does define"
  err_has "'--attr assign_domain=0x14' and '--domain' contradict each other" "the error names both"
  run mdevadm modify a --domain +0x47 --attr assign_domain=0x14
  exits 0 "options that agree are accepted"
}

# What a guest loses is said.
loss() {
  mdevadm define $A $crypto --adapter 5 --domain 4,0x14 --name a
  mdevadm start a
  run mdevadm modify a --live --domain=-0x14
  err_lacks "loses" "without a guest there is no warning"
  mdevadm modify a --live
  use $A
  run mdevadm modify a --live --domain=-0x14
  exits 0 "queues are removed from a running guest"
  err_has "warning: 'a' \($A\): the device is in use by .*\(pid [0-9]+\).*, which loses queue 05.0014; the kernel clears its state and keys" \
    "a warning names the process and the queue"
}

# A claimed device: the virtual machine may start at any moment.
claimed() {
  mdevadm define $A $crypto --adapter 5 --domain 4,0x14 --name a
  mdevadm group create pool a
  mdevadm group start pool
  run mdevadm claim pool --for vm1
  err_lacks "differs" "a device as defined is claimed without a note"
  run mdevadm modify a --live --domain=-0x14
  exits 0 "queues are taken from a claimed device"
  err_has "warning: 'a' \($A\): the device is claimed for 'vm1', which loses queue 05.0014; the kernel clears its state and keys" "with a warning"
  mdevadm release a
  mdevadm modify a --live --adapter ""
  run mdevadm claim pool --for vm1 --json
  exits 0 "a device without its queues is claimed"
  same "$(jq -r '.notes[]' <<<"$out")" "'a' ($A): the active device differs from its definition: adapters (definition: 0x05, device: ''), domains (definition: 0x0004,0x0014, device: 0x0004); to apply the definition: mdevadm modify a --live" "with a note"
}

# A queue that moved from one active device to another.
moved() {
  mdevadm define $A $crypto --adapter 5 --domain 4,0x14 --name a
  mdevadm define $B $crypto --adapter 5 --domain 0x47 --name b
  mdevadm start a b
  mdevadm modify a --live --domain=-0x14
  run mdevadm modify b --live --domain +0x14
  exits 0 "a device gets a queue that another one had"
  err_has "'a', whose definition has queue 05.0014, cannot get it back while 'b' has it$" "a warning says what that means"
  err_lacks "at the same time" "and not that both cannot be active"
}

# The plain attributes of the kernel.
attributes() {
  mdevadm define $A $crypto --attr assign_adapter=5 --attr assign_domain=4 --name a
  mdevadm start a
  run mdevadm modify a --live --attr assign_domain=0x14
  exits 0 "an attribute adds a domain"
  run mdevadm modify a --live --attr unassign_domain=4
  exits 0 "another one removes one"
  same "$(matrix $A)" "05.0014" "the device has the domain"
  run mdevadm modify a --live --attr assign_domain=014
  exits 2 "octal numbers are refused"
  run mdevadm modify a --live --attr nosuch=1
  exits 3 "an attribute that does not exist is refused"
  run mdevadm modify a --live --attr assign_domain=0x47 --attr nosuch=1
  exits 3 "also after other changes"
  same "$(matrix $A)" "05.0014" "which are rolled back"
}

# apply corrects an active device that differs from its definition, without a stop and without a loss for its user.
corrects() {
  file=$(mktemp)
  mdevadm define $A $crypto --adapter 5 --domain 4 --name a --node-mode 0660
  mdevadm start a
  mdevadm export host >"$file"
  mdevadm apply -f "$file" >/dev/null 2>&1
  run mdevadm apply -f "$file" --check
  exits 0 "the host is as described"
  mdevadm modify a --live --domain +0x14 --node-mode 0666
  run mdevadm diff -f "$file" --json
  exits 9 "a device with another queue differs"
  same "$(jq -c '.changes | map([.change, .object, .name, (.differences | map([.key, .before, .after]))])' <<<"$out")" \
    '[["correct","device","a",[["domains","0x0004,0x0014","0x0004"],["node mode","0666","0660"]]]]' "JSON has what is corrected"
  run mdevadm apply -f "$file" --check
  exits 9 "--check reports it"
  out_has ": 1 device to correct$" "as a device to correct"
  run mdevadm apply -f "$file" --dry-run
  exits 0 "a dry run succeeds"
  same "$(matrix $A)" "05.0004 05.0014" "and changes nothing"
  run mdevadm apply -f "$file"
  exits 0 "apply corrects the device"
  out_has "^~ correct device 'a' .* on matrix$" "and prints it"
  same "$(matrix $A) $(state a)" "05.0004 active" "it is as defined, and was not stopped"
  run mdevadm apply -f "$file"
  err_has "the host matches" "a second apply has nothing to do"
  mdevadm modify a --live --domain +0x14
  use $A
  run mdevadm apply -f "$file"
  exits 8 "queues of a guest are not taken away"
  err_has "^mdevadm: error: cannot modify 'a' .*: the device is in use by .*, which loses queue 05.0014" "the error names device, user and queue"
  err_has "^hint: to take the queues from the user: mdevadm modify --live a$" "the hint has the command"
  same "$(matrix $A)" "05.0004 05.0014" "the device is unchanged"
  run mdevadm diff -f "$file"
  exits 9 "diff agrees"
  run mdevadm modify --live a
  exits 0 "the command of the hint works"
  run mdevadm apply -f "$file" --check
  exits 0 "the host is as described then"
  mdevadm modify a --live --domain ''
  run mdevadm apply -f "$file"
  exits 0 "a guest gets queues that it lacks"
  same "$(matrix $A), $(guest $A)" "05.0004, 05.0004" "device and guest have it"
  rm "$file"
}

other_types() {
  mdevadm define $A -p mtty -t mtty-1 --name a
  mdevadm start a
  run mdevadm modify a --node-mode 0660
  same "$(mdevadm list -n -o state)" drifted "a node with another mode is drift"
  run mdevadm modify a --live
  exits 0 "the definition is applied to the node"
  same "$(mdevadm list -n -o state)" active "the device is as defined"
  run mdevadm modify a --live --node-mode 0666
  same "$(stat -c %a "$(mdevadm list -n -o node | tr -d ' ')")" 666 "the mode of the node is changed"
  mdevadm modify a --type mtty-2 2>/dev/null
  run mdevadm modify a --live
  exits 4 "another type cannot be applied"
  err_has "type \(definition: mtty-2, device: mtty-1\) cannot be changed while the device is active" "the setting is named"
  err_has "mdevadm restart a" "a restart applies it"
  run mdevadm modify a --live --node-mode ''
  exits 2 "an empty mode with --live is a usage error: it removes the setting from the definition"
  err_has "an empty owner, mode or label is not possible with --live: it removes the setting from the definition$" "the error says so"
  for words in "--name=b" --auto --manual --accept-abi; do
    run mdevadm modify a --live --node-mode 0600 $words
    exits 2 "$words is refused with --live"
    err_has "error: ${words%=*} is not possible with --live: it concerns only the definition$" "the error names the option"
    err_has "^hint: to change device and definition: --live --config$" "a hint names the option that permits it"
  done
  run mdevadm modify a --live --adapter 5
  exits 2 "crypto options are refused for other types"
  err_has "devices of type 'mtty-1' have no crypto queues" "the error names the type"
  run mdevadm modify a --adapter 5
  exits 2 "also in definitions"
  run mdevadm modify a --live --attr remove=1
  exits 2 "the attribute that removes the device is refused"
  same "$(mdevadm list -n -o name)" a "the device is still active"
}

# Owner, group and mode of all nodes of a device.
nodes() {
  type=$(mdevadm types --json | jq -r '.types[0] | "-p \(.parent) -t \(.type)"')
  mdevadm define $A $type --name a --node-owner 65534:65534 --node-mode 0660
  run mdevadm start a
  exits 0 "a device is started with numbers of accounts"
  mapfile -t nodes < <(mdevadm list --json | jq -r '.devices[0] | .node, .cdev | select(. != null)')
  same "${#nodes[@]}" 2 "the device has two nodes"
  same "$(state a)" active "numbers that mean the accounts of the nodes are no difference"
  chown root "${nodes[1]}"
  same "$(state a)" drifted "another owner of the second node is a difference"
  run mdevadm modify a --live
  exits 0 "the definition is applied"
  same "$(stat -c %u:%a "${nodes[@]}" | sort -u)" 65534:660 "both nodes are as defined"
  same "$(state a)" active "there is no difference any more"
  mdevadm modify a --node-owner 0 2>/dev/null
  same "$(state a)" drifted "the number of another account is a difference"
  # A later step fails: each node gets back what it had.
  chmod 0600 "${nodes[1]}"
  run mdevadm modify a --live --node-mode 0666 --attr nosuch=1
  holds "a change that fails later is refused" test "$code" != 0
  same "$(stat -c %a "${nodes[@]}" | paste -sd' ')" "660 600" "each node has its own mode again"
}

"$1"
finish
