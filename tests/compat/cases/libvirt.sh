# shellcheck shell=bash disable=SC2154
# The command lines of libvirt's node-device driver, as they are.
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

given "nodedev-update of what is stored"
defined $gpu $A "$full"
printf %s "$plain" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A

given "nodedev-update of what is active"
defined $gpu $A "$plain"
active $gpu nvidia-36 $A
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --live
printf %s "$full" | mdevctl modify --parent=$gpu --jsonfile=/dev/stdin --uuid=$A --defined --live

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
