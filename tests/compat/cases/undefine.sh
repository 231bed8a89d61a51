# shellcheck shell=bash disable=SC2154
# undefine.

given "the only one"
defined mtty $A
mdevctl undefine -u $A

given "one of several of a parent"
defined mtty $A
defined mtty $B
mdevctl undefine --uuid=$A

given "what is not defined"
mdevctl undefine -u $A
defined mtty $B
mdevctl undefine -u $A
mdevctl undefine -u $B -p $gpu
mdevctl undefine -u $A -p bogus
mdevctl undefine -u $A --force

given "under all parents"
defined mtty $A
defined $gpu $A
mdevctl undefine -u $A

given "under one parent of several"
defined mtty $A
defined $gpu $A
mdevctl undefine -u $A -p mtty

given "active too"
defined mtty $A
active mtty mtty-1 $A
mdevctl undefine -u $A

given "active only"
active mtty mtty-1 $A
mdevctl undefine -u $A

given "an attribute's value that is none"
defined mtty $A '{"mdev_type":"mtty-1","start":"manual","attrs":[{"a":1}]}'
mdevctl undefine -u $A

given "a script says no"
defined mtty $A
callout 10-one 'exit 1'
mdevctl undefine -u $A

given "a script says no to one of two"
defined mtty $A
defined $gpu $A
callout 10-one '[ "${12}" = mtty ] && exit 1; exit 0'
notifier
mdevctl undefine -u $A

given "a script says no, forced"
defined mtty $A
callout 10-one 'exit 1'
mdevctl undefine -u $A --force

given "a link"
mkdir -p /etc/mdevctl.d/mtty
printf %s '{"mdev_type":"mtty-1","start":"manual"}' >/etc/mdevctl.d/elsewhere
ln -s ../elsewhere /etc/mdevctl.d/mtty/$A
mdevctl undefine -u $A
