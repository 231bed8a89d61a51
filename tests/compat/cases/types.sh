# shellcheck shell=bash disable=SC2154
# types: the types of parents, and their available instances.

given "all"
mdevctl types

given "all, as json"
mdevctl types --dumpjson

given "of one parent"
for parent in mtty $gpu 0.0.0052 matrix; do
  mdevctl types -p $parent
  mdevctl types --parent=$parent --dumpjson
done

given "of a parent that there is not"
mdevctl types -p bogus
mdevctl types -p bogus --dumpjson
mdevctl types -p ''
mdevctl types -p ${gpu^^}
mdevctl types -p "$gpu/" --dumpjson

given "what is left"
active mtty mtty-1 $A
active $gpu nvidia-155 $B
mdevctl types -p mtty
mdevctl types -p $gpu --dumpjson

given "a driver that was unloaded"
"$mdevsim" control unregister mtty
mdevctl types -p mtty
mdevctl types -p mtty --dumpjson
"$mdevsim" control register mtty

given "scripts are not asked"
callout 10-one 'exit 1'
notifier
mdevctl types -p mtty
