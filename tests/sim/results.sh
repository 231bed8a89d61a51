# What scripts rely on: the device in the results of starts, the UUID on standard output, available instances that are only a limit,
# and messages about a removal that state nothing that is not known.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  for part in devices functions removal notes order; do
    "$MDEVSIM" run "$(if [ $part = functions ]; then echo vf-n1; else echo samples; fi)" -- bash "$0" $part || exit 1
  done
  exit
fi

a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
schema=$here/../../src/render/schema/schema.json
conforms() {  # SENTENCE: $out, with its devices
  run /usr/bin/python3 - "$schema" "$out" <<'P'
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.validate(json.loads(sys.argv[2]), schema)
for result in json.loads(sys.argv[2])["results"]:
    assert set(result["device"]) == set(schema["definitions"]["device"]["properties"])
    jsonschema.validate(result["device"], {"$ref": "#/definitions/device", "definitions": schema["definitions"]})
P
  exits 0 "$1"
}
# The keys for which one starts a device from a program.
essence() { jq -c '[.results[].device | [.uuid, .parent, .type, .state, .node, .iommu_group, .kernel_name]]' <<<"$out"; }

devices() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name one >/dev/null
  "$MDEVADM" define $b -p mtty -t mtty-2 --name two >/dev/null
  run "$MDEVADM" start one --json
  same "$(essence)" "[[\"$a\",\"mtty\",\"mtty-1\",\"active\",\"/dev/vfio/0\",0,null]]" "start --json has parent, type, node and IOMMU group of the device"
  same "$(jq -c '.results[0].device' <<<"$out")" "$("$MDEVADM" show one --json | jq -c '.devices[0]')" "the device is the one that show --json prints"
  conforms "the device in the results of start conforms to the schema"
  run "$MDEVADM" restart one --json
  same "$(essence)" "[[\"$a\",\"mtty\",\"mtty-1\",\"active\",\"/dev/vfio/0\",0,null]]" "restart --json has the device"
  conforms "the device in the results of restart conforms to the schema"
  "$MDEVADM" stop one
  mkdir -p /etc/mdevadm
  echo x >/etc/mdevadm/groups
  run "$MDEVADM" start one --json
  exits 0 "a change succeeds even if the devices for its results cannot be read"
  same "$(jq -c '(.results[0] | [.outcome, .device]), .warnings' <<<"$out" | paste -sd' ')" \
    "[\"done\",null] [\"the key 'device' of the results is missing: cannot read the groups in '/etc/mdevadm/groups': Not a directory\"]" \
    "the results say that it was made, and a warning says why the device is missing"
  rm /etc/mdevadm/groups
  "$MDEVADM" group create vm1 one two
  run "$MDEVADM" group start vm1 --json
  same "$(essence)" "[[\"$a\",\"mtty\",\"mtty-1\",\"active\",\"/dev/vfio/0\",0,null],[\"$b\",\"mtty\",\"mtty-2\",\"active\",\"/dev/vfio/1\",1,null]]" \
    "group start --json has the devices of all members"
  conforms "the devices in the results of group start conform to the schema"
  run "$MDEVADM" stop one --json
  same "$(jq -c '[.results[].device]' <<<"$out")" "[null]" "a stopped device is null"

  c=aaaaaaaa-0000-4000-8000-000000000003
  for time in first second; do
    run "$MDEVADM" start -u $c -p mtty -t mtty-1
    exits 0 "the $time start of a transient device with this UUID succeeds"
    same "$out" "$c" "the $time start prints the UUID"
  done
  same "$err" "mdevadm: '$c' is already active" "a note says that the device was already active"
}

functions() {
  run "$MDEVADM" types 0000:41:00.0 -n -o type,available
  out_has "^1155 +1$" "types does not mark an exact number"
  out_has "^1149 +<=[2-9]$" "types marks available instances that are only a limit"
  run "$MDEVADM" types 0000:41:00.0 --json
  same "$(jq -c '[.types[] | select(.type == "1155" or .type == "1149") | [.available > 1, .available_is_limit]]' <<<"$out")" \
    "[[true,true],[false,false]]" "types --json has the number, and whether it is a limit"
  run "$MDEVADM" show 0000:41:00.0
  out_has "0000:41:00\.4: free$" "show says that a virtual function is free"
  out_has "^1149 .*<=[2-9]" "show marks available instances that are only a limit"
  "$MDEVADM" define $a -p 0000:41:00.0 -t 1155 --name gpu >/dev/null
  run "$MDEVADM" start gpu --json
  same "$(jq -c '.results[0].device | [.type, .kernel_name]' <<<"$out")" '["1155","0000:41:00.4"]' \
    "start --json has the address of the virtual function"
  conforms "the device on a virtual function conforms to the schema"
  run "$MDEVADM" show 0000:41:00.0
  out_has "0000:41:00\.4: 1155, device 'gpu'$" "show names the type and the device of a virtual function"
}

# A removal that the kernel refuses although no process uses the device.
removal() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name one >/dev/null
  "$MDEVADM" start one
  "$MDEVSIM" control fault remove 1 EBUSY
  run "$MDEVADM" stop one
  err_lacks "to close the device|closes the device|the process that uses it" "the error of a failed removal names no process that is not known"
  "$MDEVSIM" control clear
  run "$MDEVADM" stop one
  err_lacks "to close the device|closes the device|the process that uses it" "a further stop names no process that is not known"
  "$MDEVADM" define $b -p mtty -t mtty-1 --name two >/dev/null
  "$MDEVADM" start two
  "$MDEVSIM" control delay remove 15000
  run "$MDEVADM" stop two
  exits 5 "a removal that the kernel does not complete in time is pending"
  err_has "the removal is pending; no process that uses the device was found$" "the error says that no process was found"
  err_has "^mdevadm: waiting up to 9 s for the removal of 'two' \($b\)$" "after a second, stop says what it waits for"
  err_has "^hint: until the kernel has removed the device, its UUID and its instance remain in use$" "the hint names no cause"
  local c=aaaaaaaa-0000-4000-8000-000000000003
  "$MDEVADM" start -u $c -p mtty -t mtty-1 >/dev/null
  run "$MDEVADM" stop $c --force
  exits 0 "with --force a pending removal is a success"
  err_has "warning: removal of '$c' is pending; no process that uses the device was found$" "the warning names no process that is not known"
  "$MDEVSIM" control clear
  "$MDEVADM" start -u aaaaaaaa-0000-4000-8000-000000000004 -p mtty -t mtty-1 >/dev/null
  run "$MDEVADM" stop aaaaaaaa-0000-4000-8000-000000000004
  same "$code$err" 0 "a removal that does not take long prints nothing"
}

# Without definitions: devices that stop --all does not stop. Definitions that no start can use yet.
notes() {
  "$MDEVADM" start -u $a -p mtty -t mtty-1 >/dev/null
  run "$MDEVADM" stop --all
  same "$err" "mdevadm: 1 active device without a definition was not stopped; to stop one: mdevadm stop UUID" \
    "on a host without virtual functions the note does not mention them"
  run "$MDEVADM" define $a --node-owner nosuchuser:nosuchgroup
  exits 0 "an owner that does not exist yet is accepted"
  err_has "^mdevadm: the user 'nosuchuser' does not exist; devices cannot start before the user is created$" "a note of define names the user"
  err_has "^mdevadm: the group 'nosuchgroup' does not exist; devices cannot start before the group is created$" "a note of define names the group"
  run "$MDEVADM" modify $a --node-owner nosuchother
  err_has "the user 'nosuchother' does not exist;" "so does modify"
  run "$MDEVADM" group create vm1 $a --node-owner :nosuchgroup
  err_has "the group 'nosuchgroup' does not exist;" "so does group create"
  run "$MDEVADM" group modify vm1 --node-owner root:root
  same "$err" "" "an owner that exists is not reported"
}

# The order of lists, which is documented.
order() {
  local host
  for host in "mtty $b" "mdpy $b" "mtty $a" "mdpy aaaaaaaa-0000-4000-8000-000000000003"; do
    "$MDEVADM" define -p ${host% *} -t "$([ ${host% *} = mtty ] && echo mtty-1 || echo mdpy-vga)" ${host#* } >/dev/null
  done
  run "$MDEVADM" list --all --json
  same "$(jq -c '[.devices[] | [.parent, .uuid]] | length' <<<"$out")" 4 "all definitions are listed"
  same "$(jq -c '[.devices[] | [.parent, .uuid]]' <<<"$out")" "$(jq -c '[.devices[] | [.parent, .uuid]] | sort' <<<"$out")" "list sorts by parent, then by UUID"
  run "$MDEVADM" list --all -n -o parent,uuid
  same "$out" "$(LC_ALL=C sort <<<"$out")" "the table has the same order"
}

"$1"
finish
