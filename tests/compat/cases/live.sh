# shellcheck shell=bash disable=SC2154
# modify --live, which a script implements.
actions='"start","stop","define","undefine","modify","attributes"' events='"pre","post","notify","get","live"'
supports="{\"supports\":{\"version\":2,\"actions\":[$actions],\"events\":[$events]}}"

# The script for all types, with these additional commands.
versioned() { callout 10-one "[ \"\$6\" != capabilities ] || { echo '${2:-$supports}'; exit; }"$'\n'"${1:-}"; }
both() {
  active mtty mtty-1 $A
  defined mtty $A '{"mdev_type":"mtty-1","start":"manual","attrs":[{"old":"1"}]}'
  config '{"mdev_type":"mtty-1","start":"auto","attrs":[{"a":"1"}]}'
}

given "live"
both
versioned
notifier
mdevctl modify -u $A --live --jsonfile $config

given "live, with its parent"
both
versioned
mdevctl modify --parent=mtty --jsonfile=$config --uuid=$A --live

given "live, from standard input"
both
versioned
mdevctl modify --parent=mtty --jsonfile=/dev/stdin --uuid=$A --live <$config

given "live and defined"
both
versioned
notifier
mdevctl modify -u $A --live --defined --jsonfile $config

given "live and defined, as libvirt says it"
both
versioned
printf %s '{"mdev_type":"mtty-1","start":"manual","attrs":[{"b":"2"}]}' |
  mdevctl modify --parent=mtty --jsonfile=/dev/stdin --uuid=$A --defined --live

given "nobody can"
both
notifier
mdevctl modify -u $A --live --jsonfile $config
mdevctl modify -u $A --live --defined --jsonfile $config

given "those of old cannot"
both
callout 10-one
notifier
mdevctl modify -u $A --live --jsonfile $config

given "it cannot live"
both
versioned '' '{"supports":{"version":2,"actions":["modify","attributes"],"events":["pre","post","get"]}}'
notifier
mdevctl modify -u $A --live --jsonfile $config
mdevctl modify -u $A --live --defined --jsonfile $config

given "it cannot modify"
both
versioned '' '{"supports":{"version":2,"actions":["start","stop"],"events":["pre","post","get","live"]}}'
notifier
mdevctl modify -u $A --live --jsonfile $config

given "it can live only"
both
versioned '' '{"supports":{"version":2,"actions":["modify"],"events":["live"]}}'
notifier
mdevctl modify -u $A --live --jsonfile $config
mdevctl modify -u $A --live --defined --jsonfile $config

for code in 1 2 255; do
  given "live fails with $code"
  both
  versioned "[ \"\$4\" != live ] || { echo 'cannot now' >&2; exit $code; }"
  notifier
  mdevctl modify -u $A --live --jsonfile $config
  mdevctl modify -u $A --live --defined --jsonfile $config
done

given "live fails, forced"
both
versioned '[ "$4" != live ] || exit 1'
mdevctl modify -u $A --live --defined --force --jsonfile $config

given "live is killed"
both
versioned '[ "$4" != live ] || kill -KILL $$'
mdevctl modify -u $A --live --jsonfile $config

given "pre fails after live"
both
versioned '[ "$4" != pre ] || exit 1'
notifier
mdevctl modify -u $A --live --defined --jsonfile $config
mdevctl modify -u $A --live --defined --force --jsonfile $config

given "not active"
defined mtty $A
config '{"mdev_type":"mtty-1","start":"manual"}'
versioned
mdevctl modify -u $A --live --jsonfile $config
mdevctl modify -u $A -p mtty --live --jsonfile $config

given "active under another parent"
both
versioned
mdevctl modify -u $A -p $gpu --live --jsonfile $config

given "another type"
both
versioned
config '{"mdev_type":"mtty-2","start":"manual"}'
mdevctl modify -u $A --live --jsonfile $config
mdevctl modify -u $A --live --defined --jsonfile $config

given "not defined"
active mtty mtty-1 $A
versioned
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl modify -u $A --live --defined --jsonfile $config
mdevctl modify -u $A --live --jsonfile $config

given "defined under another parent"
active mtty mtty-1 $A
defined $gpu $A
versioned
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl modify -u $A --live --defined --jsonfile $config

given "defined as another type"
active mtty mtty-1 $A
defined mtty $A '{"mdev_type":"mtty-2","start":"manual"}'
versioned
config '{"mdev_type":"mtty-1","start":"manual"}'
mdevctl modify -u $A --live --defined --jsonfile $config
mdevctl modify -u $A --live --jsonfile $config

given "a file that is none"
both
versioned
mdevctl modify -u $A --live --jsonfile /srv/bogus.json
config '{"start":"manual"}'
mdevctl modify -u $A --live --jsonfile $config
config '{'
mdevctl modify -u $A --live --jsonfile $config

given "attributes that it has now are asked for before"
both
versioned 'case $6 in attributes) echo "[{\"now\":\"1\"}]" ;; esac'
mdevctl modify -u $A --live --defined --jsonfile $config
mdevctl list -v

given "without a file"
both
versioned
usage mdevctl modify -u $A --live --auto
usage mdevctl modify -u $A --live --manual
usage mdevctl modify -u $A --live --delattr
