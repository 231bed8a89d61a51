# Active devices that differ from their definitions: start says which settings differ, list and show mark them.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  exec "$MDEVSIM" run m60 -- bash "$0" inside
fi

a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
gpu=0000:86:00.0
state() { "$MDEVADM" list "$1" -n -o state; }
"$MDEVADM" define $a -p $gpu -t nvidia-17 --name one --attr nvidia/vgpu_params=x=1 >/dev/null
"$MDEVADM" start one
same "$(state one)" active "a device that was started from its definition is active"
run "$MDEVADM" start one
same "$err" "mdevadm: 'one' ($a) is already active" "start says that the device is already active"
same "$("$MDEVADM" show one --json | jq -c '.devices[0] | [.drifted, .differences]')" '[false,[]]' "show --json reports no difference"

run "$MDEVADM" modify one --delete-attr 1 --attr nvidia/vgpu_params=x=2
err_has "^mdevadm: 'one' \($a\) is active; the change takes effect at its next start; to apply the definition: mdevadm modify one --live$" \
  "modify names the command that applies the change, as start does"
run "$MDEVADM" start one
exits 0 "start of an active device that differs from its definition succeeds"
err_has "^mdevadm: 'one' \($a\) is already active, but differs from its definition: attribute nvidia/vgpu_params \(definition: x=2, device: x=1\); to apply the definition: mdevadm modify one --live$" \
  "start names the attribute with both values and the command that applies the definition"
same "$(state one)" drifted "list marks the device as drifted"
same "$("$MDEVADM" list --state drifted -n -o name)" one "list --state drifted lists the device"
run "$MDEVADM" show one
out_has "^  1\. attribute nvidia/vgpu_params \(definition: x=2, device: x=1\)$" "show names the attribute with both values"
same "$("$MDEVADM" show one --json | jq -c '.devices[0] | [.drifted, .differences]')" \
  '[true,[{"setting":"attribute nvidia/vgpu_params","defined":"x=2","present":"x=1"}]]' "show --json has both values"
same "$("$MDEVADM" status --json | jq -c .devices.drifted)" 1 "status counts the device as drifted"
run "$MDEVADM" start one --json
same "$(jq -c '.results[0] | [.outcome, .device.state, (.notes[0] | contains("x=2"))]' <<<"$out")" '["unchanged","drifted",true]' \
  "start --json has the note and the device"
run "$MDEVADM" modify one --live
exits 0 "modify --live applies the definition"
same "$(state one)" active "the device is as defined then"
"$MDEVADM" modify one --live --attr nvidia/vgpu_params=x=3
run "$MDEVADM" modify one --delete-attr 1 --attr nvidia/vgpu_params=x=3
same "$err" "" "modify says nothing if the device already has the value"
run "$MDEVADM" modify one --delete-attr 1
err_has "to apply the definition: mdevadm restart one$" "a deleted attribute requires a restart"
"$MDEVADM" modify one --attr nvidia/vgpu_params=x=2 2>/dev/null
"$MDEVADM" restart one
same "$(state one)" active "the device is as defined after restart"

# An attribute that the driver does not have.
run "$MDEVADM" modify one --attr nvidia/no_such=1
err_has "to apply the definition: mdevadm restart one$" "an attribute that the device does not have requires a restart"
same "$(state one)" drifted "list marks a device without an attribute of its definition as drifted"
same "$("$MDEVADM" show one --json | jq -c '.devices[0].differences')" \
  '[{"setting":"attribute nvidia/no_such","defined":"1","present":null}]' "show --json has null for the missing attribute"
run "$MDEVADM" start one
err_has "attribute nvidia/no_such \(definition: 1, device: no such attribute\)" "start names the attribute that the device does not have"
"$MDEVADM" modify one --delete-attr 2

run "$MDEVADM" modify one --node-owner nobody:nogroup --node-mode 0640
err_has "to apply the definition: mdevadm modify one --live$" "the owner of the node can be changed while it is active"
run "$MDEVADM" start one
err_has "node owner \(definition: nobody, device: root\), node group \(definition: nogroup, device: root\), node mode \(definition: 0640, device: 0600\)" \
  "start names owner and group and mode of the node"
same "$(state one)" drifted "list marks a device whose node has another owner as drifted"
"$MDEVADM" restart one
same "$(state one)" active "the owner is as defined after restart"

# The type, which start cannot ignore.
"$MDEVADM" modify one --type nvidia-18 2>/dev/null
run "$MDEVADM" start one
exits 4 "start of a device that is active with another type fails with exit code 4"
err_has "already active with type nvidia-17 \(definition: nvidia-18\)$" "the error names both types"
err_has "^hint: apply the definition: mdevadm restart one$" "the hint is to restart the device"
same "$(state one)" drifted "list marks a device with another type as drifted"
"$MDEVADM" restart one
same "$(state one)" active "the type is as defined after restart"
run "$MDEVADM" start -u $a -p $gpu -t nvidia-17
err_has "already active with type nvidia-18 \(requested: nvidia-17\)$" "without a definition the error names the requested type"

# An attribute that is set twice cannot be compared.
"$MDEVADM" stop $a
"$MDEVADM" undefine $a
"$MDEVADM" define $a -p $gpu -t nvidia-17 --name one --attr nvidia/vgpu_params=x=1 --attr nvidia/vgpu_params=x=2 >/dev/null
"$MDEVADM" start one
run "$MDEVADM" modify one --live
exits 0 "modify --live has nothing to apply"
err_has "'one' \($a\): no difference from its definition was found; not compared: attribute nvidia/vgpu_params \(set 2 times\); to apply the definition: mdevadm restart one$" \
  "but says which attribute was not compared"

# Members follow the node policy of their group.
"$MDEVADM" stop one
"$MDEVADM" undefine one
"$MDEVADM" define $a -p $gpu -t nvidia-17 --name one >/dev/null
"$MDEVADM" define $b -p $gpu -t nvidia-17 --name two >/dev/null
"$MDEVADM" group create vm1 one two
"$MDEVADM" group start vm1 -q
same "$(state one) $(state two)" "active active" "the members of a started group are active"
"$MDEVADM" group modify vm1 --node-mode 0666
same "$(state one) $(state two)" "drifted drifted" "list marks the members after a change of their group's node policy"
run "$MDEVADM" group start vm1
err_has "^mdevadm: 'two' \($b\) is already active, but differs from its definition: node mode \(definition: 0666, device: 0600\)" \
  "group start names the setting that differs"
"$MDEVADM" group stop vm1 -q
"$MDEVADM" group delete vm1 -q

# Another process creates the device after the start was planned: when the script of the start runs.
scripts=/etc/mdevctl.d/scripts.d/callouts
mkdir -p $scripts
another_creates() {
  printf '#!/bin/sh\n[ "$4-$6" != pre-start ] || echo %s >%s\n' $a /sys/class/mdev_bus/$gpu/mdev_supported_types/nvidia-17/create \
    >$scripts/create.sh
  chmod +x $scripts/create.sh
}
another_creates
record=/run/mdevadm/devices/$a.toml
run "$MDEVADM" start one
exits 0 "start succeeds if another process creates the device before it does"
same "$err" "mdevadm: 'one' ($a) is already active" "a note says that the device is already active"
same "$(state one)" active "the start is not recorded as unfinished"
rm $scripts/create.sh
"$MDEVADM" stop one
"$MDEVADM" modify one --node-mode 0660 --attr nvidia/vgpu_params=x=1 2>/dev/null
another_creates
run "$MDEVADM" start one
exits 0 "it succeeds if the device differs from its definition, too"
err_has "^mdevadm: 'one' \($a\) is already active, but differs from its definition: attribute nvidia/vgpu_params \(definition: x=1, device: ''\), node mode \(definition: 0660, device: 0600\); to apply the definition: mdevadm modify one --live$" \
  "a note names the differences"
holds "no record of the start remains" test ! -e $record
rm $scripts/create.sh
"$MDEVADM" stop one
"$MDEVADM" undefine one
another_creates
run "$MDEVADM" start -u $a -p $gpu -t nvidia-17 --attr nvidia/vgpu_params=x=1
exits 4 "start of a device without a definition fails if another process has created it with other settings"
err_has "already active with other settings: attribute nvidia/vgpu_params \(requested: x=1, device: ''\); all changes were rolled back$" "the error names them"
holds "the device of the other process remains" test -e /sys/bus/mdev/devices/$a
holds "no record of the start remains" test ! -e $record
finish
