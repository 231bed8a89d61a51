# What scripts rely on: the device in the results of starts, the UUID on standard output, available instances that are only a limit,
# and messages about a removal that state nothing that is not known.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  for part in devices functions removal; do
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
  "$MDEVSIM" control delay remove 15000
  "$MDEVADM" start one 2>/dev/null
  run "$MDEVADM" stop one
  exits 5 "a removal that the kernel does not complete in time is pending"
  err_has "the removal is pending; no process that uses the device was found$" "the error says that no process was found"
  err_has "^hint: until the kernel has removed the device, its UUID and its instance remain in use$" "the hint names no cause"
}

"$1"
finish
