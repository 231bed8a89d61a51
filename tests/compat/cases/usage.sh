# shellcheck shell=bash disable=SC2154
# The parsing of command lines, and usage errors.

given "no command"
usage mdevctl
usage mdevctl -- list

given "help"
usage mdevctl --help
usage mdevctl -h
usage mdevctl help
usage mdevctl help define
usage mdevctl help bogus
for command in define undefine modify start stop list types start-parent-mdevs; do
  usage mdevctl $command --help
  usage mdevctl $command -h
done
usage lsmdev --help

given "help is before what is missing"
usage mdevctl define --help
usage mdevctl undefine --force --help
usage mdevctl modify --defined --live --jsonfile b --help
usage mdevctl modify --help --uuid $A
usage mdevctl start --help --bogus
usage mdevctl stop --help no-uuid
usage mdevctl list --help --uuid x

given "help is before what is in conflict"
usage mdevctl define --jsonfile b --type t --help
usage mdevctl modify --auto --manual --help
usage mdevctl modify --live --help
usage mdevctl define -u $A -u $B --help

given "help is after what cannot be read"
usage mdevctl list --bogus --help
usage mdevctl list --uuid x --help
usage mdevctl list --dumpjson=yes --help

given "version"
mdevctl --version
mdevctl -V
usage mdevctl list --version

given "commands that are none"
usage mdevctl bogus
usage mdevctl lis
usage mdevctl List
usage mdevctl ''
usage mdevctl --uuid $A list

given "options that are none"
usage mdevctl list --bogus
usage mdevctl list -x
usage mdevctl list --def
usage mdevctl list --uuid-x $A
usage mdevctl types --uuid $A
usage mdevctl stop --uuid $A --parent mtty
usage mdevctl start-parent-mdevs mtty --force
usage mdevctl list --force
usage mdevctl undefine -u $A --type t
usage lsmdev list

given "words too many"
usage mdevctl list extra
usage mdevctl list -- extra
usage mdevctl types mtty
usage mdevctl define $A
usage mdevctl start-parent-mdevs mtty mtty
usage mdevctl list --dumpjson=yes
usage mdevctl list --defined=
usage mdevctl define -u $A -p mtty -t mtty-1 -a=yes

given "words too few"
usage mdevctl define
usage mdevctl define --auto
usage mdevctl define -t mtty-1
usage mdevctl define --jsonfile $config
usage mdevctl undefine
usage mdevctl undefine -p mtty
usage mdevctl modify --auto
usage mdevctl start
usage mdevctl start -t mtty-1
usage mdevctl start --force
usage mdevctl stop
usage mdevctl stop --force
usage mdevctl start-parent-mdevs

given "values that are missing"
usage mdevctl define --uuid
usage mdevctl define -u
usage mdevctl define -p
usage mdevctl define -u $A -p mtty -t
usage mdevctl modify -u $A --addattr
usage mdevctl modify -u $A --addattr a --value
usage mdevctl define -p -t mtty-1
usage mdevctl define -p --type mtty-1
usage mdevctl modify -u $A --delattr --index

given "twice"
usage mdevctl list --uuid $A --uuid $A
usage mdevctl list -u $A --uuid $B
usage mdevctl list --defined --defined
usage mdevctl list -dd
usage mdevctl define -u $A -p mtty -p mtty -t mtty-1
usage mdevctl modify -u $A --addattr a --value 1 --addattr b --value 2
usage mdevctl types --dumpjson --dumpjson
usage mdevctl start -u $A -f -f

given "conflicts of define"
config '{"mdev_type":"mtty-1","start":"manual"}'
usage mdevctl define -p mtty --jsonfile $config --type mtty-1
usage mdevctl define -p mtty --jsonfile $config --auto

given "conflicts of start"
config '{"mdev_type":"mtty-1","start":"manual"}'
usage mdevctl start -p mtty --jsonfile $config --type mtty-1

given "conflicts of modify"
defined mtty $A
config '{"mdev_type":"mtty-1","start":"manual"}'
usage mdevctl modify -u $A
usage mdevctl modify -u $A -t mtty-2
usage mdevctl modify -u $A --auto --manual
usage mdevctl modify -u $A --auto --addattr a --value 1
usage mdevctl modify -u $A --auto --delattr
usage mdevctl modify -u $A --auto --jsonfile $config
usage mdevctl modify -u $A --manual --index 0
usage mdevctl modify -u $A --addattr a
usage mdevctl modify -u $A --value 1
usage mdevctl modify -u $A --addattr a --value 1 --delattr
usage mdevctl modify -u $A --delattr --value 1
usage mdevctl modify -u $A -p mtty --jsonfile $config --type mtty-1
usage mdevctl modify -u $A -p mtty --jsonfile $config --index 0
usage mdevctl modify -u $A -p mtty --jsonfile $config --value 0

given "conflicts of modify --live"
active mtty mtty-1 $A
config '{"mdev_type":"mtty-1","start":"manual"}'
usage mdevctl modify -u $A --live
usage mdevctl modify -u $A --live --auto
usage mdevctl modify -u $A --live --defined --manual
usage mdevctl modify -u $A --live --addattr a --value 1
usage mdevctl modify -u $A --live --delattr
usage mdevctl modify -u $A --live --jsonfile $config --type mtty-1
usage mdevctl modify -u $A --live --jsonfile $config --index 1

given "uuids that are none"
usage mdevctl list -u ''
usage mdevctl list --uuid=
usage mdevctl list -u x
usage mdevctl stop -u ${A%?}
usage mdevctl stop -u ${A}0
usage mdevctl stop -u " $A"
usage mdevctl stop -u "$A "
usage mdevctl stop -u ${A/a/g}
usage mdevctl stop -u "{$A"
usage mdevctl stop -u "$A}"
usage mdevctl stop -u "uuid:$A"
usage mdevctl stop -u "URN:UUID:$A"
usage mdevctl stop -u "${A//-/_}"
usage mdevctl stop -u "${A/-/}"
usage mdevctl stop -u "aaaaaaaa1-111-2222-3333-444444444401"
usage mdevctl stop -u "{${A//-/}}"
usage mdevctl stop -u "urn:uuid:${A//-/}"
usage mdevctl stop -u "urn:uuid:{$A}"

given "uuids in all their forms"
defined mtty $A
for form in $A ${A^^} ${A//-/} "{$A}" "{${A^^}}" urn:uuid:$A urn:uuid:${A^^} AaAaAaAa-1111-2222-3333-444444444401; do
  mdevctl list -d -u "$form"
done

given "a uuid is stored as it is shown"
mdevctl define -u "{${A^^}}" -p mtty -t mtty-1
mdevctl start -u ${A//-/}
mdevctl modify -u urn:uuid:$A --auto
mdevctl stop -u ${A^^}
mdevctl undefine -u ${A^^}

given "the nil uuid, and others of no version"
mdevctl define -u 00000000-0000-0000-0000-000000000000 -p mtty -t mtty-1
mdevctl define -u ffffffff-ffff-ffff-ffff-ffffffffffff -p mtty -t mtty-1
mdevctl list -d

given "values after a space, a sign and nothing"
defined mtty $A
mdevctl list --defined --uuid $A --parent mtty
mdevctl list --defined --uuid=$A --parent=mtty
mdevctl list -d -u $A -p mtty
mdevctl list -d -u=$A -p=mtty
mdevctl list -d -u$A -pmtty

given "short options in one word"
defined mtty $A '{"mdev_type":"mtty-1","start":"auto","attrs":[{"a":"1"}]}'
mdevctl list -dv
mdevctl list -vd
mdevctl list -dvu $A
mdevctl list -dvu$A
usage mdevctl list -dup $A
mdevctl define -apmtty -tmtty-1 -u$B
mdevctl start -fu $B
mdevctl stop -fu $B
mdevctl undefine -fpmtty -u $B
usage mdevctl list -ud $A

given "values that begin with a dash"
usage mdevctl modify -u $A --addattr a --value -5
usage mdevctl modify -u $A --addattr -a --value 5
usage mdevctl define -u $A -p -x -t mtty-1
defined mtty $A
mdevctl modify -u $A --addattr a --value=-5
mdevctl modify -u $A --addattr=-b --value=--value
mdevctl define -u $B --parent=-x -t-t
mdevctl list -d --parent=-x

given "values that are empty"
defined mtty $A
mdevctl modify -u $A --addattr '' --value ''
mdevctl modify -u $A --addattr= --value=
mdevctl define -u $B -p mtty -t ''
usage mdevctl modify -u $A --delattr --index=
usage mdevctl define -u $C -p mtty --jsonfile ''

given "an index has to be one"
defined mtty $A '{"mdev_type":"mtty-1","start":"manual","attrs":[{"a":"1"},{"b":"2"}]}'
for index in x 1x -1 1.0 4294967296 0x1 ' 1' '1 '; do
  usage mdevctl modify -u $A --delattr --index "$index"
done
mdevctl modify -u $A --delattr --index 4294967295
mdevctl modify -u $A --delattr --index +1
mdevctl modify -u $A --delattr --index 00

given "bytes that are no characters"
usage mdevctl list -d -p $'\xff'
usage mdevctl define -u $A -p mtty -t $'\xff'
usage mdevctl list -u $'\xff'
usage mdevctl $'\xff'

given "options before and after"
usage mdevctl --dumpjson list
mdevctl list --dumpjson
mdevctl start-parent-mdevs -- mtty

given "called lsmdev"
active mtty mtty-1 $A
defined mtty $B '{"mdev_type":"mtty-2","start":"auto","attrs":[{"a":"1"}]}'
lsmdev
lsmdev -d
lsmdev -dv
lsmdev --dumpjson -u $A
lsmdev -d -u $B --dumpjson
lsmdev --parent=mtty
usage lsmdev --bogus

given "called by another name, or path"
active mtty mtty-1 $A
ln -s mdevctl /srv/bin/my-lsmdev
ln -s mdevctl /srv/bin/lsmdev.old
record my-lsmdev
usage record lsmdev.old
record /srv/bin/lsmdev
rm /srv/bin/my-lsmdev /srv/bin/lsmdev.old
