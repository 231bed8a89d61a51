# shellcheck shell=bash disable=SC2154
# The command lines of libvirt's node device driver, in the form of libvirt 11. vm/libvirt.test checks that the list is complete.
plain='{"mdev_type":"nvidia-36","start":"manual"}'
full='{"mdev_type":"nvidia-36","start":"manual","attrs":[{"first":"1"},{"nvidia/vgpu_params":"frame_rate_limiter=0"}]}'

given "nodedev-define"
printf %s "$full" | mdevctl define --parent=$gpu --jsonfile=/dev/stdin --uuid=$A
printf %s "$plain" | mdevctl define --parent=$gpu --jsonfile=/dev/stdin --uuid=$A

given "nodedev-define, without a uuid"
printf %s "$plain" | mdevctl define --parent=$gpu --jsonfile=/dev/stdin

given "nodedev-create"
printf %s "$full" | mdevctl start --parent=$gpu --jsonfile=/dev/stdin --uuid=$A
printf %s "$plain" | mdevctl start --parent=$gpu --jsonfile=/dev/stdin --uuid=$A

given "nodedev-create, without a uuid"
printf %s "$plain" | mdevctl start --parent=$gpu --jsonfile=/dev/stdin

given "nodedev-create, which fails"
printf %s '{"mdev_type":"nvidia-11","start":"manual"}' | mdevctl start --parent=$gpu --jsonfile=/dev/stdin
printf %s '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"bogus":"1"}]}' | mdevctl start --parent=$gpu --jsonfile=/dev/stdin

given "nodedev-start, -destroy and -undefine"
defined $gpu $A "$full"
mdevctl start --uuid=$A
mdevctl list --dumpjson
mdevctl stop --uuid=$A
mdevctl undefine --uuid=$A
mdevctl list --dumpjson --defined

given "nodedev-start, -destroy and -undefine of what is not there"
mdevctl start --uuid=$A
mdevctl stop --uuid=$A
mdevctl undefine --uuid=$A

given "nodedev-autostart"
defined $gpu $A "$full"
mdevctl modify --uuid $A --auto
mdevctl list --dumpjson --defined
mdevctl modify --uuid $A --manual
mdevctl modify --uuid $B --auto

given "the probe before nodedev-update"
usage mdevctl modify --defined --live --jsonfile b --help

probe() { usage mdevctl modify --defined --live --jsonfile b --help; }
lists() {
  mdevctl list --dumpjson --defined
  mdevctl list --dumpjson
}
# A call-out that can change an active device and reports its attributes.
live_callout() {
  local actions='"start","stop","define","undefine","modify","attributes"' events='"pre","post","notify","get","live"'
  callout 10-live "case \$4-\$6 in
    get-capabilities) echo '{\"supports\":{\"version\":2,\"actions\":[$actions],\"events\":[$events]}}' ;;
    get-attributes) echo '[{\"first\":\"5\"}]' ;;
  esac
  ${1:-}"
}

given "nodedev-define of an existing definition"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[{"first":"1"}]}'
probe
printf %s '{"mdev_type":"nvidia-155","start":"manual"}' |
  mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined
mdevctl list --dumpjson --defined

given "nodedev-update of what is stored"
defined $gpu $A "$full"
printf %s "$plain" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A

given "nodedev-update --config of an active device"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[]}'
active $gpu nvidia-36 $A
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined
lists

given "nodedev-update of what is active"
defined $gpu $A "$plain"
active $gpu nvidia-36 $A
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --live
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined --live

given "nodedev-update --live, with a call-out that supports it"
live_callout
defined $gpu $A "$plain"
active $gpu nvidia-36 $A
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --live
lists

given "nodedev-update --live of a transient device"
live_callout
active $gpu nvidia-36 $A
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --live
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined --live
lists

given "nodedev-update --live --config, with a call-out that supports it"
live_callout
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[]}'
active $gpu nvidia-36 $A
probe
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined --live
lists

given "nodedev-update --live --config, the call-out refuses"
live_callout '[ "$4" != live ] || { echo "value 1 is not possible" >&2; exit 1; }'
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[]}'
active $gpu nvidia-36 $A
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --live
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined --live

given "nodedev-update --live --config, the definition has another type"
live_callout
defined $gpu $A '{"mdev_type":"nvidia-155","start":"manual","attrs":[]}'
active $gpu nvidia-36 $A
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --live
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined --live

given "nodedev-update of an undefined, inactive device"
printf %s "$plain" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --live
printf %s "$plain" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined --live
printf %s "$plain" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined

given "nodedev-autostart and -undefine of an active device"
defined $gpu $A "$full"
active $gpu nvidia-36 $A
mdevctl modify --uuid $A --auto
lists
mdevctl modify --uuid $A --auto
mdevctl undefine --uuid=$A
mdevctl modify --uuid $A --manual
lists

given "nodedev-create of a defined device with another configuration"
defined $gpu $A "$full"
printf %s '{"mdev_type":"nvidia-155","start":"manual"}' | mdevctl start --parent=$gpu --jsonfile=/dev/stdin --uuid=$A
lists

given "nodedev-start without the parent device"
defined 0000:99:00.0 $A "$plain"
mdevctl start --uuid=$A
lists

given "attributes with special characters"
special='{"mdev_type":"nvidia-36","start":"manual","attrs":[{"a\"b":"\\ & \u00e9 é"},{"first":""},{"first":"1\n2"}]}'
printf %s "$special" | mdevctl define --parent=$gpu --jsonfile=/dev/stdin --uuid=$A
mdevctl list --dumpjson --defined
mdevctl start --uuid=$A

given "nodedev-define with a call-out"
live_callout
printf %s "$full" | mdevctl define --parent=$gpu --jsonfile=/dev/stdin --uuid=$A
mdevctl start --uuid=$A
lists
mdevctl stop --uuid=$A
mdevctl undefine --uuid=$A

given "list: nothing"
mdevctl list --dumpjson --defined
mdevctl list --dumpjson

given "list: one that starts by itself is active"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[{"first":"1"}]}'
active $gpu nvidia-36 $A
active mtty mtty-2 $B
mdevctl list --dumpjson --defined
mdevctl list --dumpjson

given "crypto: a matrix"
matrix='[{"assign_adapter":"5"},{"assign_domain":"4"},{"assign_domain":"0xab"}]'
printf %s '{"mdev_type":"vfio_ap-passthrough","start":"manual","attrs":'"$matrix}" |
  mdevctl define --parent=matrix --jsonfile=/dev/stdin --uuid=$A
mdevctl start --uuid=$A
mdevctl list --dumpjson
mdevctl stop --uuid=$A

given "a channel device"
printf %s '{"mdev_type":"vfio_ccw-io","start":"manual"}' | mdevctl start --parent=0.0.0052 --jsonfile=/dev/stdin --uuid=$A
mdevctl list --dumpjson
printf %s '{"mdev_type":"vfio_ccw-io","start":"manual"}' | mdevctl start --parent=0.0.0052 --jsonfile=/dev/stdin --uuid=$B

given "a CCW group device as the parent"
printf %s "$plain" | mdevctl define --parent=0.0.0009 --jsonfile=/dev/stdin --uuid=$A
mdevctl list --dumpjson --defined

given "crypto: nodedev-update --live of a matrix"
live_callout
printf %s '{"mdev_type":"vfio_ap-passthrough","start":"manual"}' | mdevctl start --parent=matrix --jsonfile=/dev/stdin --uuid=$A
printf %s '{"mdev_type":"vfio_ap-passthrough","start":"manual","attrs":'"$matrix}" |
  mdevctl modify --parent=matrix --jsonfile=/dev/stdin --uuid=$A --live
