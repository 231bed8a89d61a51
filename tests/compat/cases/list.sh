# shellcheck shell=bash disable=SC2154
# list: the devices that it shows, their order, text and JSON.

given "nothing"
mdevctl list
mdevctl list --defined
mdevctl list --verbose
mdevctl list --dumpjson
mdevctl list --dumpjson --defined
mdevctl list -u $A
mdevctl list -d -u $A
mdevctl list --dumpjson -u $A
mdevctl list --dumpjson -d -u $A
mdevctl list --dumpjson -p mtty
mdevctl list -p bogus

given "an active device"
active mtty mtty-1 $A
mdevctl list
mdevctl list -v
mdevctl list --dumpjson
mdevctl list -d
mdevctl list -d --dumpjson

given "a defined device"
defined mtty $A '{"mdev_type":"mtty-1","start":"manual","attrs":[]}'
mdevctl list
mdevctl list --dumpjson
mdevctl list -d
mdevctl list -dv
mdevctl list -d --dumpjson

given "a device that is both"
defined mtty $A '{"mdev_type":"mtty-1","start":"auto","attrs":[]}'
active mtty mtty-1 $A
mdevctl list
mdevctl list --dumpjson
mdevctl list -d
mdevctl list -d --dumpjson

given "a device that is both, with attributes"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"first":"1"},{"second":"a b"}]}'
active $gpu nvidia-36 $A
mdevctl list -v
mdevctl list --dumpjson
mdevctl list -dv
mdevctl list -d --dumpjson

given "active as another type than it is defined"
defined mtty $A '{"mdev_type":"mtty-2","start":"auto","attrs":[]}'
active mtty mtty-1 $A
mdevctl list
mdevctl list --dumpjson
mdevctl list -d
mdevctl list -d --dumpjson

given "active under another parent than it is defined"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[]}'
active mtty mtty-1 $A
mdevctl list
mdevctl list --dumpjson
mdevctl list -d

given "defined under two parents, active under one"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[]}'
defined mtty $A '{"mdev_type":"mtty-1","start":"manual","attrs":[]}'
active mtty mtty-1 $A
mdevctl list
mdevctl list -d
mdevctl list -d -u $A
mdevctl list -d -u $A -p mtty
mdevctl list -d -u $A -p $gpu
mdevctl list -d --dumpjson -u $A
mdevctl list -d --dumpjson -u $A -p mtty

lay_many() {
  defined mtty $C '{"mdev_type":"mtty-2","start":"manual","attrs":[]}'
  defined mtty $A '{"mdev_type":"mtty-1","start":"auto","attrs":[]}'
  defined $gpu $B '{"mdev_type":"nvidia-36","start":"auto","attrs":[{"first":"1"}]}'
  defined 0.0.0052 0${A#?} '{"mdev_type":"vfio_ccw-io","start":"manual","attrs":[]}'
  active mtty mtty-2 $C
  active $gpu nvidia-155 ${B/b/e}
  active matrix vfio_ap-passthrough ${B/b/f}
  active mtty mtty-1 ${B/b/0}
}

given "many: all of them"
lay_many
mdevctl list
mdevctl list -v
mdevctl list -d
mdevctl list -dv
mdevctl list --dumpjson
mdevctl list --dumpjson -d

given "many: of one parent"
lay_many
for parent in mtty $gpu 0.0.0052 matrix; do
  mdevctl list -p $parent
  mdevctl list -d -p $parent
  mdevctl list -dv -p $parent
  mdevctl list --dumpjson -p $parent
  mdevctl list --dumpjson -d -p $parent
done

given "many: of one uuid"
lay_many
for uuid in $A $B $C ${B/b/f}; do
  mdevctl list -u $uuid
  mdevctl list -v -u $uuid
  mdevctl list -d -u $uuid
  mdevctl list -dv -u $uuid
  mdevctl list --dumpjson -u $uuid
  mdevctl list --dumpjson -d -u $uuid
done

given "many: of one parent and uuid"
lay_many
for parent in mtty $gpu bogus; do
  mdevctl list -u $C -p $parent
  mdevctl list -d -u $C -p $parent
  mdevctl list --dumpjson -u $C -p $parent
  mdevctl list --dumpjson -d -u $C -p $parent
done

given "json and verbose"
defined mtty $A '{"mdev_type":"mtty-1","start":"auto","attrs":[{"a":"1"}]}'
mdevctl list -d --dumpjson --verbose
mdevctl list -dv --dumpjson -u $A

given "what is listed of one can be its definition"
defined mtty $A '{"mdev_type":"mtty-1","start":"auto","attrs":[{"a":"1"}]}'
mdevctl list -d --dumpjson -u $A
config "$(cat /srv/out)"
mdevctl define -u $B -p mtty --jsonfile $config

given "a parent's name is taken as it is written"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual"}'
active $gpu nvidia-36 $A
mdevctl list -p ${gpu^^}
mdevctl list -d -p ${gpu^^}
mdevctl list -d -p ${gpu#0000:}
mdevctl list -d -p ''
mdevctl list -d -p .
mdevctl list -d -p "$gpu/"

given "names and values of attributes"
defined mtty $A '{"mdev_type":"mtty-1","start":"manual","attrs":[
  {"a\"b":"c\\d"},{"tab\there":"line\nbreak"},{"über":"für 😀"},
  {"\u0001":"\u007f\u2028"},{"":""},{"a":"1"},{"a":"1"},{"sl\/ash":"\/"}]}'
mdevctl list -dv
mdevctl list -d --dumpjson
mdevctl list -d --dumpjson -u $A

given "names of parents and types"
defined 'a b' $A '{"mdev_type":"t\"y\\p\ne","start":"manual"}'
defined ünï $B '{"mdev_type":"für","start":"manual"}'
defined 'q"uote\' $C '{"mdev_type":"","start":"manual"}'
mdevctl list -d
mdevctl list -d --dumpjson
mdevctl list -d -p 'a b'

given "parents in the order of their bytes"
for parent in b B a 10 9 _ é z Z; do defined $parent $A; done
mdevctl list -d
mdevctl list -d --dumpjson

given "uuids in order"
for digit in 9 a 0 f 5; do defined mtty $digit${A#?}; done
mdevctl list -d
for digit in 9 a 0 f 5; do active mtty mtty-1 $digit${B#?}; done
mdevctl list
mdevctl list --dumpjson

given "a log level"
defined mtty not-a-uuid
MDEVCTL_LOG=error mdevctl list -d
MDEVCTL_LOG=off mdevctl list -d
MDEVCTL_LOG=warn mdevctl list -d
for rules in '' Error bogus mdevctl mdevctl=error warn,mdevctl=off mdevctl::environment=debug mdevctl=warn,foo=error \
  mdevctl::environment=off,warn foo=warn warn/uuid warn/xyz; do
  note "$rules"
  MDEVCTL_LOG=$rules outline mdevctl list -d
done
