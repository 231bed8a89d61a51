# shellcheck shell=bash disable=SC2154
# start-parent-mdevs, which the udev rule runs when a parent registers.
auto='{"mdev_type":"mtty-1","start":"auto","attrs":[]}'

given "nothing is defined"
mdevctl start-parent-mdevs mtty
mdevctl start-parent-mdevs bogus
mdevctl start-parent-mdevs ''

given "one that starts by itself, one that does not"
defined mtty $A "$auto"
defined mtty $B
mdevctl start-parent-mdevs mtty

given "several"
defined mtty $A "$auto"
defined mtty $B "$auto"
defined mtty $C "$auto"
mdevctl start-parent-mdevs mtty

given "with attributes"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[{"first":"1"}]}'
mdevctl start-parent-mdevs $gpu

given "of this parent only"
defined mtty $A "$auto"
defined $gpu $B '{"mdev_type":"nvidia-36","start":"auto","attrs":[]}'
mdevctl start-parent-mdevs $gpu
mdevctl start-parent-mdevs ${gpu^^}

given "active already"
defined mtty $A "$auto"
active mtty mtty-1 $A
mdevctl start-parent-mdevs mtty

given "a parent that is not there"
defined bogus $A "$auto"
mdevctl start-parent-mdevs bogus

given "one of them fails"
defined mtty $A '{"mdev_type":"bogus","start":"auto","attrs":[]}'
defined mtty $B "$auto"
mdevctl start-parent-mdevs mtty

given "all of them fail, in several words"
defined mtty $A "$auto"
defined mtty $B "$auto"
"$mdevsim" control fault create 0 EIO
unordered mdevctl start-parent-mdevs mtty
"$mdevsim" control clear

given "an attribute fails"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[{"bogus":"1"}]}'
defined $gpu $B '{"mdev_type":"nvidia-36","start":"auto","attrs":[]}'
mdevctl start-parent-mdevs $gpu

given "more than fit"
defined $gpu $A '{"mdev_type":"nvidia-155","start":"auto","attrs":[]}'
active $gpu nvidia-155 $B
mdevctl start-parent-mdevs $gpu

given "scripts, for each"
defined mtty $A "$auto"
defined mtty $B "$auto"
callout 10-one '[ "$4" = post ] || exit 0; exit 1'
notifier
unordered mdevctl start-parent-mdevs mtty

given "a script says no to one"
defined mtty $A "$auto"
defined mtty $B "$auto"
callout 10-one 'case ${10} in aaaa*) exit 1 ;; esac'
unordered mdevctl start-parent-mdevs mtty
