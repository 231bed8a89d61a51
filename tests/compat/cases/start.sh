# shellcheck shell=bash disable=SC2154
# start: the writes to the kernel, the errors and their order, and the rollback.
plain='{"mdev_type":"nvidia-36","start":"manual","attrs":[]}'

given "by uuid"
defined $gpu $A "$plain"
mdevctl start -u $A

given "by uuid and parent"
defined $gpu $A "$plain"
mdevctl start --uuid=$A --parent=$gpu

given "by uuid, parent and type"
defined $gpu $A "$plain"
mdevctl start -u $A -p $gpu -t nvidia-36

given "by uuid and type"
defined $gpu $A "$plain"
mdevctl start -u $A -t nvidia-36

given "by uuid and another type"
defined $gpu $A "$plain"
mdevctl start -u $A -t nvidia-7
mdevctl start -u $A -p $gpu -t nvidia-7

given "by uuid and another parent"
defined $gpu $A "$plain"
mdevctl start -u $A -p mtty
mdevctl start -u $A -p mtty -t mtty-1

given "not defined"
mdevctl start -u $A -p mtty -t mtty-1
mdevctl start --parent matrix --type vfio_ap-passthrough --uuid $B
mdevctl start -u $C -p 0.0.0052 -t vfio_ccw-io

given "not defined, without a uuid"
mdevctl start -p mtty -t mtty-1

given "not defined, and too little is said"
mdevctl start -u $A
mdevctl start -u $A -p mtty
mdevctl start -u $A -t mtty-1
mdevctl start -p mtty

given "defined under two parents"
defined $gpu $A "$plain"
defined mtty $A
mdevctl start -u $A
mdevctl start -u $A -t mtty-1
mdevctl start -u $A -p mtty

given "by file"
config '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"first":"7"}]}'
mdevctl start -u $A -p $gpu --jsonfile $config

given "by file, without a uuid"
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl start --parent=mtty --jsonfile=$config

given "by file, without a parent"
config '{"mdev_type":"mtty-1","start":"manual"}'
defined mtty $A
mdevctl start -u $A --jsonfile $config

given "by file, with a definition"
config '{"mdev_type":"nvidia-7","start":"manual","attrs":[{"first":"7"}]}'
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[{"second":"8"}]}'
mdevctl start -u $A -p $gpu --jsonfile $config

given "by a file that there is not"
mdevctl start -u $A -p mtty --jsonfile /srv/bogus.json
mdevctl start -u $A --jsonfile /srv/bogus.json

given "by a file that is no definition"
config '{"mdev_type":"mtty-1"}'
mdevctl start -u $A -p mtty --jsonfile $config
mdevctl start -u $A --jsonfile $config
config '{'
mdevctl start -u $A -p mtty --jsonfile $config

given "by standard input"
printf %s '{"mdev_type":"mtty-1","start":"manual"}' | mdevctl start -u $A -p mtty --jsonfile=/dev/stdin

given "active already"
active mtty mtty-1 $A
mdevctl start -u $A -p mtty -t mtty-1
defined mtty $A
mdevctl start -u $A

given "active already, as another type"
active mtty mtty-1 $A
mdevctl start -u $A -p mtty -t mtty-2

given "active already, under another parent"
active mtty mtty-1 $A
mdevctl start -u $A -p $gpu -t nvidia-36
mdevctl start -u $A -p bogus -t nvidia-36

given "a parent that there is not"
mdevctl start -u $A -p bogus -t mtty-1

given "a parent that is written otherwise"
mdevctl start -u $A -p ${gpu^^} -t nvidia-36
mdevctl start -u $A -p MTTY -t mtty-1
mdevctl start -u $A -p Matrix -t vfio_ap-passthrough

given "a defined parent that is written otherwise"
defined ${gpu^^} $A "$plain"
mdevctl start -u $A

given "a type that there is not"
mdevctl start -u $A -p mtty -t bogus
mdevctl start -u $A -p mtty -t nvidia-36
mdevctl start -u $A -p mtty -t MTTY-1
mdevctl start -u $A -p bogus -t bogus

given "nothing is left"
active $gpu nvidia-155 $B
mdevctl start -u $A -p $gpu -t nvidia-155
defined $gpu $A '{"mdev_type":"nvidia-155","start":"manual"}'
mdevctl start -u $A

given "a driver that was unloaded"
"$mdevsim" control unregister mtty
mdevctl start -u $A -p mtty -t mtty-1
"$mdevsim" control register mtty

for error in EIO EINVAL ENOSPC EPERM EBUSY EEXIST ENODEV; do
  given "the kernel says $error"
  "$mdevsim" control fault create 1 $error
  mdevctl start -u $A -p mtty -t mtty-1
  "$mdevsim" control clear
done

given "attributes, in their order"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"first":"1"},{"nvidia/vgpu_params":"a=b,c=d"},
  {"first":"2"},{"second":""}]}'
mdevctl start -u $A

given "attributes, as they are written"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"first":" 1 2\n"},{"second":"für"}]}'
mdevctl start -u $A

given "attributes of a matrix"
defined matrix $A '{"mdev_type":"vfio_ap-passthrough","start":"manual","attrs":[{"assign_adapter":"5"},{"assign_adapter":"0x6"},
  {"assign_domain":"4"},{"assign_domain":"0xab"},{"unassign_adapter":"5"}]}'
mdevctl start -u $A

given "an attribute of the first that there is not"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"bogus":"1"},{"first":"2"}]}'
mdevctl start -u $A

given "an attribute of the last that there is not"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"first":"2"},{"nvidia/bogus":"1"}]}'
mdevctl start -u $A

given "an attribute that cannot be written"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"first":"2"},{"fixed":"1"}]}'
mdevctl start -u $A

given "an attribute that the driver refuses"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"first":"2"},{"second":"1 2"}]}'
"$mdevsim" control fault attribute 0 EINVAL second
mdevctl start -u $A
"$mdevsim" control clear

given "an attribute that is a directory"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"nvidia":"1"}]}'
mdevctl start -u $A

given "an attribute of a matrix that is refused"
defined matrix $A '{"mdev_type":"vfio_ap-passthrough","start":"manual","attrs":[{"assign_adapter":"5"},{"assign_adapter":"256"}]}'
mdevctl start -u $A

given "an attribute that is refused, by file without a uuid"
config '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"bogus":"1"}]}'
mdevctl start -p $gpu --jsonfile $config

given "an attribute that is refused, and it cannot be undone"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"bogus":"1"}]}'
"$mdevsim" control fault remove 1 EIO
mdevctl start -u $A
"$mdevsim" control clear
"$mdevsim" control unregister $gpu
"$mdevsim" control register $gpu

given "a type that is a path"
mdevctl start -u $A -p mtty -t ../mdev_supported_types/mtty-1

given "a type that is the directory of types"
outline mdevctl start -u $A -p mtty -t ''
outline mdevctl start -u $A -p mtty -t .
outline mdevctl start -u $A -p mtty -t ..
