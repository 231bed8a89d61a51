# shellcheck shell=bash disable=SC2154
# modify: the stored definition.
three='{"mdev_type":"mtty-1","start":"manual","attrs":[{"a":"1"},{"b":"2"},{"c":"3"}]}'

given "auto"
defined mtty $A
mdevctl modify -u $A --auto

given "manual"
defined mtty $A '{"mdev_type":"mtty-1","start":"auto","attrs":[]}'
mdevctl modify -u $A --manual

given "auto, as it is"
defined mtty $A '{"mdev_type":"mtty-1","start":"auto","attrs":[]}'
mdevctl modify -u $A --auto

given "auto and a type"
defined mtty $A
mdevctl modify -u $A --auto -t mtty-2

given "an attribute and a type"
defined mtty $A
mdevctl modify -u $A --type=bogus --addattr a --value 1

given "an attribute at the end"
defined mtty $A "$three"
mdevctl modify -u $A --addattr=d --value=4

given "an attribute that is there already"
defined mtty $A "$three"
mdevctl modify -u $A --addattr a --value 4

given "the first attribute"
defined mtty $A
mdevctl modify -u $A --addattr a --value 1

given "an attribute with auto"
defined mtty $A
usage mdevctl modify -u $A --addattr a --value 1 --auto

for index in 0 1 3; do
  given "an attribute at $index"
  defined mtty $A "$three"
  mdevctl modify -u $A --addattr x --value y --index $index
done

given "an attribute behind the end"
defined mtty $A "$three"
mdevctl modify -u $A --addattr x --value y --index 4

given "an attribute behind the end of none"
defined mtty $A
mdevctl modify -u $A --addattr x --value y -i 1
mdevctl modify -u $A --addattr x --value y -i 0

given "delete the last attribute"
defined mtty $A "$three"
mdevctl modify -u $A --delattr

for index in 0 1 2; do
  given "delete attribute $index"
  defined mtty $A "$three"
  mdevctl modify -u $A --delattr --index=$index
done

given "delete an attribute behind the end"
defined mtty $A "$three"
mdevctl modify -u $A --delattr --index 3

given "delete an attribute of none"
defined mtty $A
mdevctl modify -u $A --delattr --index 0

given "delete the last attribute of none"
defined mtty $A
mdevctl modify -u $A --delattr

given "delete an attribute and change the type"
defined mtty $A "$three"
mdevctl modify -u $A --delattr -t mtty-2

given "said of the stored one"
defined mtty $A
mdevctl modify -u $A --defined --auto
mdevctl modify -u $A -d --addattr a --value 1

given "what is not known stays out"
defined mtty $A '{"extra":1,"mdev_type":"mtty-1","start":"never","attrs":null}'
mdevctl modify -u $A --addattr a --value 1

given "what is not defined"
mdevctl modify -u $A --auto
mdevctl modify -u $A -p mtty --auto
defined mtty $B
mdevctl modify -u $A -p mtty --addattr a --value 1
mdevctl modify -u $B -p $gpu --delattr
mdevctl modify -u $B -p ${gpu^^} --delattr

given "defined under two parents"
defined mtty $A
defined $gpu $A
mdevctl modify -u $A --auto
mdevctl modify -u $A --delattr

given "defined under two parents, one is said"
defined mtty $A
defined $gpu $A
mdevctl modify -u $A -p mtty --auto

given "active only"
active mtty mtty-1 $A
mdevctl modify -u $A --auto

given "active and defined"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"first":"1"}]}'
active $gpu nvidia-36 $A
mdevctl modify -u $A --addattr second --value 2

given "active as another type"
defined mtty $A '{"mdev_type":"mtty-2","start":"manual","attrs":[]}'
active mtty mtty-1 $A
mdevctl modify -u $A --auto

given "by file"
defined mtty $A "$three"
config '{"mdev_type":"mtty-2","start":"auto","attrs":[{"x":"y"}]}'
mdevctl modify -u $A -p mtty --jsonfile $config

given "by file: no attributes"
defined mtty $A "$three"
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl modify -u $A -p mtty --jsonfile $config

given "by file, said of the stored one"
defined mtty $A "$three"
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl modify --parent=mtty --jsonfile=$config --uuid=$A --defined

given "by file, without a parent"
defined mtty $A "$three"
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl modify -u $A --jsonfile $config

given "by file, without a definition"
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl modify -u $A -p mtty --jsonfile $config

given "by file, with a definition under another parent"
defined $gpu $A
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl modify -u $A -p mtty --jsonfile $config

given "by a file that there is not"
defined mtty $A
mdevctl modify -u $A -p mtty --jsonfile /srv/bogus.json
mdevctl modify -u $A --jsonfile /srv/bogus.json

given "by standard input"
defined mtty $A
printf %s '{"mdev_type":"mtty-2","start":"auto"}' | mdevctl modify -u $A -p mtty --jsonfile=/dev/stdin

given "permissions"
defined mtty $A
chmod 600 /etc/mdevctl.d/mtty/$A
mdevctl modify -u $A --auto
