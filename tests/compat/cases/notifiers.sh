# shellcheck shell=bash disable=SC2154
# Notification scripts: which are notified of which events.

given "of every command"
notifier
mdevctl define -u $A -p mtty -t mtty-1
mdevctl modify -u $A --auto
mdevctl start -u $A
mdevctl stop -u $A
mdevctl undefine -u $A

given "the deprecated directory"
old_notifier
mdevctl define -u $A -p mtty -t mtty-1

given "both directories"
notifier
old_notifier
mdevctl define -u $A -p mtty -t mtty-1

given "several"
notifier b
notifier a
notifier c
unordered mdevctl define -u $A -p mtty -t mtty-1

given "after a call-out"
notifier
callout 10-one
mdevctl define -u $A -p mtty -t mtty-1

given "a call-out says no"
notifier
callout 10-one 'exit 1'
mdevctl define -u $A -p mtty -t mtty-1

given "the command fails"
notifier
mdevctl start -u $A -p mtty -t bogus

given "not of what fails earlier"
notifier
mdevctl start -u $A
mdevctl define -u $A -p mtty
mdevctl stop -u $A
usage mdevctl stop

given "not of what changes nothing"
notifier
defined mtty $A
active mtty mtty-1 $A
mdevctl list
mdevctl list -d
mdevctl types -p mtty

given "of several devices"
notifier
defined mtty $A
defined $gpu $A
mdevctl undefine -u $A

for what in 'exit 1' 'exit 2' 'kill -KILL $$' 'echo out; echo err >&2'; do
  given "it does '$what'"
  notifier tell "$what"
  mdevctl define -u $A -p mtty -t mtty-1
done

given "one fails, the others are told"
notifier tell 'exit 1'
old_notifier
mdevctl define -u $A -p mtty -t mtty-1

given "it is not asked what it can"
notifier tell 'echo "{\"supports\":{\"version\":2,\"actions\":[],\"events\":[]}}"'
mdevctl define -u $A -p mtty -t mtty-1

given "what cannot be executed"
directory=/usr/lib/mdevctl/scripts.d/notifiers
touch $directory/.keep
mkdir $directory/directory
printf '#!/bin/sh\nexit 1\n' >$directory/not-executable
ln -s nowhere $directory/dangling
notifier
mdevctl define -u $A -p mtty -t mtty-1
