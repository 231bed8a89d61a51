# shellcheck shell=bash disable=SC2154
# stop.

given "an active one"
active mtty mtty-1 $A
active mtty mtty-1 $B
mdevctl stop -u $A

given "one that is defined too"
defined mtty $A
active mtty mtty-1 $A
mdevctl stop --uuid=$A

given "one that is not active"
mdevctl stop -u $A
defined mtty $A
mdevctl stop -u $A

given "one that is not active, forced"
mdevctl stop -u $A --force

given "the kernel says no"
active mtty mtty-1 $A
"$mdevsim" control fault remove 1 EIO
mdevctl stop -u $A
"$mdevsim" control clear
"$mdevsim" control unregister mtty
"$mdevsim" control register mtty

given "a script says no"
active mtty mtty-1 $A
callout 10-one 'exit 1'
mdevctl stop -u $A

given "a script says no, forced"
active mtty mtty-1 $A
callout 10-one 'exit 1'
mdevctl stop -u $A --force

given "what scripts are given"
defined mtty $A '{"mdev_type":"mtty-1","start":"auto","attrs":[{"a":"1"}]}'
active mtty mtty-1 $A
callout 10-one
mdevctl stop -u $A

given "started and stopped, again and again"
defined mtty $A
for _ in 1 2 3; do
  mdevctl start -u $A
  mdevctl stop -u $A
done
