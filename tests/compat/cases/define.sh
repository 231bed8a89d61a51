# shellcheck shell=bash disable=SC2154
# define: the files that it writes, and the errors.

given "by parent and type"
mdevctl define -u $A -p mtty -t mtty-1

given "by parent and type, auto"
mdevctl define --uuid=$A --parent=mtty --type=mtty-1 --auto

given "without a uuid"
mdevctl define -p mtty -t mtty-1

given "into a directory that is there"
defined mtty $B
mdevctl define -u $A -p mtty -t mtty-2

given "defined already"
defined mtty $A
mdevctl define -u $A -p mtty -t mtty-1
mdevctl define -u $A -p mtty -t mtty-2 --auto
mdevctl define -u $A -p mtty -t mtty-1 --force

given "defined already under another parent"
defined $gpu $A
mdevctl define -u $A -p mtty -t mtty-1

given "of what the system has not"
mdevctl define -u $A -p bogus -t mtty-1
mdevctl define -u $B -p mtty -t bogus
mdevctl define -u $C -p ${gpu^^} -t nvidia-36

given "too little is said"
mdevctl define -u $A
mdevctl define -u $A --auto
mdevctl define -u $A -p mtty
mdevctl define -u $A -t mtty-1
mdevctl define -p mtty
mdevctl define -u $A -p mtty --auto

given "active: the rest is taken from it"
active mtty mtty-1 $A
mdevctl define -u $A

given "active: auto"
active $gpu nvidia-36 $A
mdevctl define -u $A --auto

given "active: its parent is said"
active mtty mtty-1 $A
mdevctl define -u $A -p mtty

given "active: its type is said"
active mtty mtty-1 $A
mdevctl define -u $A -t mtty-1

given "active: all is said"
active mtty mtty-1 $A
mdevctl define -u $A -p mtty -t mtty-1

given "active: another type is said"
active mtty mtty-1 $A
mdevctl define -u $A -p mtty -t mtty-2

given "active: another parent is said"
active mtty mtty-1 $A
mdevctl define -u $A -p $gpu

given "active: another parent and type are said"
active mtty mtty-1 $A
mdevctl define -u $A -p $gpu -t nvidia-36

given "active and defined already"
active mtty mtty-1 $A
defined mtty $A
mdevctl define -u $A
mdevctl define -u $A -p mtty

given "active: what sysfs has of attributes is not taken"
active $gpu nvidia-36 $A
echo 7 >/sys/bus/mdev/devices/$A/first
mdevctl define -u $A

given "by file"
config '{"mdev_type":"mtty-1","start":"auto","attrs":[{"b":"1"},{"a":"2"},{"b":"3"}]}'
mdevctl define -u $A -p mtty --jsonfile $config

given "by file, without a uuid"
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl define -p mtty --jsonfile=$config

given "by file, without a parent"
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl define -u $A --jsonfile $config

given "by file, without a parent, active"
config '{"mdev_type":"mtty-1","start":"manual"}'
active mtty mtty-1 $A
mdevctl define -u $A --jsonfile $config

given "by file, active as something else"
config '{"mdev_type":"mtty-1","start":"auto","attrs":[{"a":"1"}]}'
active $gpu nvidia-36 $A
mdevctl define -u $A -p mtty --jsonfile $config

given "by file, active as just that"
config '{"mdev_type":"mtty-1","start":"auto","attrs":[{"a":"1"}]}'
active mtty mtty-1 $A
mdevctl define -u $A -p mtty --jsonfile $config

given "by file, defined already"
config '{"mdev_type":"mtty-1","start":"manual"}'
defined mtty $A
mdevctl define -u $A -p mtty --jsonfile $config
mdevctl define -u $A -p mtty --jsonfile $config --force

given "by file, defined already under another parent"
config '{"mdev_type":"mtty-1","start":"manual"}'
defined $gpu $A
mdevctl define -u $A -p mtty --jsonfile $config

given "by a file that there is not"
mdevctl define -u $A -p mtty --jsonfile /srv/bogus.json
mdevctl define -u $A --jsonfile /srv/bogus.json
defined mtty $A
mdevctl define -u $A -p mtty --jsonfile /srv/bogus.json

given "by a directory"
mdevctl define -u $A -p mtty --jsonfile /srv

given "by a relative path"
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl define -u $A -p mtty --jsonfile ./srv/config.json

given "by standard input, from a pipe"
printf %s '{"mdev_type":"mtty-1","start":"manual"}' | mdevctl define -u $A -p mtty --jsonfile /dev/stdin

given "by standard input, from a file"
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl define -u $A -p mtty --jsonfile /dev/stdin <$config

given "by standard input, empty"
mdevctl define -u $A -p mtty --jsonfile /dev/stdin

given "permissions are the umask's"
umask 077
mdevctl define -u $A -p mtty -t mtty-1
umask 000
mdevctl define -u $B -p mtty -t mtty-1
umask 022

given "a directory that is in the way"
mkdir -p /etc/mdevctl.d/mtty/$A
mdevctl define -u $A -p mtty -t mtty-1

given "a file in place of the parent's directory"
touch /etc/mdevctl.d/mtty
mdevctl define -u $A -p mtty -t mtty-1

given "a link in place of the parent's directory"
mkdir /etc/mdevctl.d/other
ln -s other /etc/mdevctl.d/mtty
mdevctl define -u $A -p mtty -t mtty-1
mdevctl list -d

given "a queue that a definition of another program has"
mkdir -p /etc/mdevadm/devices/matrix
printf 'type = "vfio_ap-passthrough"\n[ap]\nadapters = [5]\ndomains = [4]\n' >/etc/mdevadm/devices/matrix/$B.toml
printf %s '{"mdev_type":"vfio_ap-passthrough","start":"manual","attrs":[{"assign_adapter":"5"},{"assign_domain":"4"}]}' |
  mdevctl define -u $A -p matrix --jsonfile /dev/stdin
rm -r /etc/mdevadm/devices/matrix
