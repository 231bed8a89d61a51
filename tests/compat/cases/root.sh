# shellcheck shell=bash disable=SC2154
# MDEVCTL_ENV_ROOT: all paths are below a directory. This allows states of /sys that no kernel has.

parent() { mkdir -p "$root/sys/class/mdev_bus/$1/mdev_supported_types"; }
type() {  # PARENT TYPE FILE=TEXT...
  local directory=$root/sys/class/mdev_bus/$1/mdev_supported_types/$2 file
  mkdir -p "$directory"
  for file in create= available_instances=$'16\n' device_api=$'vfio-pci\n' "${@:3}"; do
    printf %s "${file#*=}" >"$directory/${file%%=*}"
  done
}
device() {  # PARENT TYPE UUID
  local home=sys/devices/$1/$3
  mkdir -p "$root/$home" "$root/sys/devices/$1/mdev_supported_types/$2"
  ln -s "../mdev_supported_types/$2" "$root/$home/mdev_type"
  ln -s "../../../devices/$1/$3" "$root/sys/bus/mdev/devices/$3"
}

given "definitions"
rooted
mdevctl define -u $A -p mtty -t mtty-1
mdevctl modify -u $A --auto
mdevctl list -d
mdevctl undefine -u $A

given "not those of the system"
defined mtty $A
active mtty mtty-1 $A
rooted
mdevctl list
mdevctl list -d
mdevctl types

given "a root that ends in a slash"
rooted
defined mtty $A
MDEVCTL_ENV_ROOT=$root/ mdevctl list -d

given "a root that is relative"
rooted
defined mtty $A
device mtty mtty-1 $A
callout 10-one 'echo "$0" >&2'
MDEVCTL_ENV_ROOT=srv/root mdevctl list
MDEVCTL_ENV_ROOT=srv/root mdevctl list -d

given "types"
rooted
type b z-2 name=$' A name \n' description=$'one\ntwo\n\nfour\n'
type b z-10 name=$'\n' description=$'\n'
type a x
mdevctl types
mdevctl types --dumpjson

given "a parent that has no types"
rooted
parent mtty
mdevctl types
mdevctl types --dumpjson
mdevctl types --dumpjson -p mtty

given "a parent that is not registered for mediated devices"
rooted
type a x
mkdir -p $root/sys/class/mdev_bus/mtty
mdevctl types
mdevctl types -p a
mdevctl start -u $A -p mtty -t mtty-1

given "a type without device_api"
rooted
type mtty a
type mtty b
rm $root/sys/class/mdev_bus/mtty/mdev_supported_types/a/device_api
mdevctl types

for text in '' $'\n' x 1x 1.5 99999999999 -1 +3 ' 7 '; do
  given "$(printf 'available_instances is %q' "$text")"
  rooted
  type mtty a "available_instances=$text"
  mdevctl types
  mdevctl start -u $A -p mtty -t a
done

given "files where types are"
rooted
type mtty a
touch $root/sys/class/mdev_bus/mtty/mdev_supported_types/file
mdevctl types

given "start"
rooted
type mtty mtty-1
mdevctl start -u $A -p mtty -t mtty-1

given "start: nothing is left"
rooted
type mtty mtty-1 available_instances=0
mdevctl start -u $A -p mtty -t mtty-1

given "start: an attribute, and nobody makes a device"
rooted
type mtty mtty-1
defined mtty $A '{"mdev_type":"mtty-1","start":"manual","attrs":[{"a":"1"}]}'
mdevctl start -u $A

given "start: parents that differ in case only"
rooted
type MTTY mtty-1
mdevctl start -u $A -p mtty -t mtty-1
type mtty mtty-1
mdevctl start -u $A -p mtty -t mtty-1

given "stop"
rooted
device mtty mtty-1 $A
touch $root/sys/devices/mtty/$A/remove
mdevctl stop -u $A

given "active devices"
rooted
device mtty mtty-1 $A
device $gpu nvidia-36 $B
defined mtty $A '{"mdev_type":"mtty-1","start":"auto"}'
mdevctl list
mdevctl list --dumpjson
mdevctl list -d

given "a device without a type"
rooted
device mtty mtty-1 $A
rm $root/sys/devices/mtty/$A/mdev_type
device mtty mtty-1 $B
mdevctl list
mdevctl stop -u $A

given "a device whose type leads nowhere"
rooted
device mtty mtty-1 $A
rm -r "${root:?}"/sys/devices/mtty/mdev_supported_types
mdevctl list

given "a device that leads nowhere"
rooted
ln -s nowhere $root/sys/bus/mdev/devices/$A
mdevctl list
mdevctl define -u $A

given "names among devices that are no uuid"
rooted
device mtty mtty-1 $A
device mtty mtty-1 not-a-uuid
mdevctl list
mdevctl list --dumpjson

given "scripts"
rooted
callout 10-one
notifier
old_notifier old
mdevctl define -u $A -p mtty -t mtty-1

given "without /sys"
rooted
rm -r "${root:?}"/sys
mdevctl list
mdevctl list --dumpjson
mdevctl types
mdevctl types --dumpjson
mdevctl start -u $A -p mtty -t mtty-1
mdevctl stop -u $A

given "without /etc/mdevctl.d"
rooted
rm -r "${root:?}"/etc
mdevctl list
mdevctl list --dumpjson
mdevctl list -d
mdevctl list -d --dumpjson
mdevctl types
usage mdevctl --help
usage mdevctl modify --defined --live --jsonfile b --help
mdevctl --version
mdevctl start-parent-mdevs mtty

given "without /etc/mdevctl.d: define"
rooted
rm -r "${root:?}"/etc
mdevctl define -u $A -p mtty -t mtty-1

given "without /usr/lib/mdevctl"
rooted
rm -r "${root:?}"/usr
defined mtty $A
mdevctl list
mdevctl list -d
mdevctl types
usage mdevctl --help
usage mdevctl bogus
mdevctl define -u $B -p mtty -t mtty-1
mdevctl undefine -u $A

given "without anything"
rooted
rm -r "${root:?}"
mdevctl list
mdevctl list -d --dumpjson
mdevctl types
usage mdevctl --help
lsmdev
