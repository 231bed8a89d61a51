# shellcheck shell=bash disable=SC2154
# Call-out scripts: which are run, how, and the effect of their exit codes.
new=/usr/lib/mdevctl/scripts.d/callouts
old=/etc/mdevctl.d/scripts.d/callouts

given "pre, command and post"
callout 10-one
mdevctl define -u $A -p mtty -t mtty-1 --auto
mdevctl modify -u $A --addattr first --value 1
mdevctl modify -u $A --delattr
mdevctl start -u $A
mdevctl stop -u $A
mdevctl undefine -u $A

given "the deprecated directory"
old_callout 10-one
mdevctl define -u $A -p mtty -t mtty-1
mdevctl start -u $A

given "both directories: the first that answers"
callout 10-one 'exit 0'
old_callout 10-one 'exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "both directories: the first does not answer"
callout 10-one 'exit 2'
old_callout 20-two 'exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "both directories: the first fails"
callout 10-one 'exit 1'
old_callout 20-two 'exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "by name"
callout 20-two 'exit 2'
callout 30-three 'exit 0'
callout 10-one 'exit 2'
mdevctl define -u $A -p mtty -t mtty-1

given "by name, in the order of bytes"
callout a 'exit 2'
callout _ 'exit 2'
callout B 'exit 2'
callout 9 'exit 2'
callout 10 'exit 2'
callout é 'exit 2'
mdevctl define -u $A -p mtty -t mtty-1

given "by name, in the deprecated directory"
old_callout 20-two 'exit 2'
old_callout 30-three 'exit 0'
old_callout 10-one 'exit 2'
mdevctl define -u $A -p mtty -t mtty-1

given "nobody answers"
callout 10-one 'exit 2'
callout 20-two 'exit 2'
mdevctl define -u $A -p mtty -t mtty-1

given "one answers to post only"
callout 10-one '[ "$4" != post ] && exit 2; exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "one fails at post"
callout 10-one '[ "$4" != post ] || exit 1'
mdevctl define -u $A -p mtty -t mtty-1

given "by type"
callout 10-mtty 'case $2 in mtty-*) exit 0 ;; *) exit 2 ;; esac'
callout 20-gpu 'case $2 in nvidia-*) exit 0 ;; *) exit 2 ;; esac'
mdevctl start -u $A -p mtty -t mtty-1
mdevctl start -u $B -p $gpu -t nvidia-36

for code in 1 3 126 127 255; do
  given "pre fails with $code"
  callout 10-one "exit $code"
  callout 20-two
  mdevctl define -u $A -p mtty -t mtty-1
done

for command in modify start stop; do
  given "pre fails: $command"
  defined mtty $A
  [ $command != stop ] || active mtty mtty-1 $A
  callout 10-one 'exit 1'
  notifier
  case $command in modify) mdevctl modify -u $A --auto ;; *) mdevctl $command -u $A ;; esac
done

given "pre fails, forced: define"
callout 10-one 'exit 1'
notifier
mdevctl define -u $A -p mtty -t mtty-1 --force

given "pre fails, forced: modify"
defined mtty $A
callout 10-one 'exit 1'
mdevctl modify -u $A --auto --force

given "pre fails, forced: start"
callout 10-one 'exit 1'
mdevctl start -u $A -p mtty -t mtty-1 --force

given "pre fails, forced, and then the command too"
callout 10-one 'exit 1'
notifier
mdevctl start -u $A -p mtty -t bogus --force

given "forced, and nothing fails"
callout 10-one
mdevctl define -u $A -p mtty -t mtty-1 --force

given "the command fails"
callout 10-one
notifier
mdevctl start -u $A -p mtty -t bogus
mdevctl start -u $A -p bogus -t mtty-1

given "the command fails, at an attribute"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual","attrs":[{"bogus":"1"}]}'
callout 10-one
mdevctl start -u $A

given "the command fails, and nobody answers"
callout 10-one 'exit 2'
notifier
mdevctl start -u $A -p mtty -t bogus

given "what fails before them"
defined mtty $A
callout 10-one
notifier
mdevctl define -u $A -p mtty -t mtty-1
mdevctl define -u $B -p mtty
mdevctl undefine -u $B
mdevctl modify -u $B --auto
mdevctl modify -u $A --delattr --index 0
mdevctl start -u $B
mdevctl stop -u $A

given "what fails after pre"
active mtty mtty-1 $A
callout 10-one
mdevctl start -u $A -p mtty -t mtty-1
mdevctl start -u $A -p mtty -t mtty-2
mdevctl start -u $B -p mtty -t bogus

given "what they are given: attributes"
defined $gpu $A '{"mdev_type":"nvidia-36","start":"auto","attrs":[{"first":"a \"b\""},{"second":"für\n"}]}'
callout 10-one
mdevctl start -u $A
mdevctl modify -u $A --delattr
mdevctl undefine -u $A

given "what they are given: another type"
defined mtty $A
callout 10-one
mdevctl modify -u $A --auto --type mtty-2

given "what they are given: by file, without a uuid"
config '{"mdev_type":"nvidia-36","start":"auto","attrs":[{"first":"1"}],"more":1}'
callout 10-one
mdevctl start -p $gpu --jsonfile $config

given "what they say to standard output"
callout 10-one 'echo "to be swallowed"'
mdevctl define -p mtty -t mtty-1

given "what they say to standard error"
callout 10-one 'echo "from $4" >&2'
mdevctl define -u $A -p mtty -t mtty-1

given "what they say to standard error: lines, and no end"
callout 10-one 'printf "one\ntwo" >&2'
mdevctl define -u $A -p mtty -t mtty-1

given "what they say to standard error: who does not answer"
callout 10-one 'echo "not mine" >&2; exit 2'
callout 20-two 'echo "mine" >&2; exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "what they say to standard error, and fail"
callout 10-one 'echo "no, because" >&2; exit 1'
mdevctl define -u $A -p mtty -t mtty-1

given "killed by a signal"
callout 10-one 'kill -KILL $$'
mdevctl define -u $A -p mtty -t mtty-1

given "killed by a signal, and another answers"
callout 10-one 'kill -TERM $$'
callout 20-two 'exit 1'
mdevctl define -u $A -p mtty -t mtty-1

given "killed by a signal at post"
callout 10-one '[ "$4" != post ] || kill -TERM $$'
mdevctl define -u $A -p mtty -t mtty-1

given "who does not read"
deaf=yes callout 10-one 'exec 0<&-'
mdevctl define -u $A -p mtty -t mtty-1

# More data than a pipe can hold.
much="$(printf '{"mdev_type":"mtty-1","start":"manual","attrs":[{"bogus":"%0300000d"}]}' 7)"

given "who does not read much"
config "$much"
deaf=yes callout 10-one 'exec 0<&-'
mdevctl start -u $A -p mtty --jsonfile $config

given "who reads much"
config "$much"
deaf=yes callout 10-one '[ "$6" = capabilities ] || wc -c >&2'
mdevctl start -u $A -p mtty --jsonfile $config

given "what cannot be executed"
touch $new/.keep $new/05-empty
printf '#!/bin/sh\nexit 1\n' >$new/10-not-executable
mkdir $new/15-directory
printf 'exit 1\n' >$new/20-no-first-line
printf '#!/nonexistent\nexit 1\n' >$new/25-no-interpreter
ln -s nowhere $new/30-dangling
chmod +x $new/05-empty $new/20-no-first-line $new/25-no-interpreter
callout 90-last 'exit 1'
mdevctl define -u $A -p mtty -t mtty-1

given "nothing can be executed"
touch $new/.keep $old/.keep
mkdir $new/directory
mdevctl define -u $A -p mtty -t mtty-1

given "a link to a script, and a hidden one"
callout .hidden 'exit 2'
mv $new/.hidden /srv/elsewhere
ln -s /srv/elsewhere $new/10-link
callout .hidden 'exit 2'
mdevctl define -u $A -p mtty -t mtty-1
rm /srv/elsewhere

given "a script's own child is not mdevctl's"
callout 10-one '[ -z "$again" ] || exit 0; again=yes "$0" "$@" <&- 2>&-; exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "environment and working directory"
callout 10-one 'echo "$4: FLAVOUR=$FLAVOUR, $#: $*" >&2; umask >&2'
FLAVOUR=mint from=/srv mdevctl define -u $A -p mtty -t mtty-1

given "type and parent are words, whatever is in them"
callout 10-one
mdevctl define -u $A -p 'a b$(c)' -t "quote'\"*"

given "list -d and types call nobody"
defined mtty $A
callout 10-one
notifier
mdevctl list -d
mdevctl types -p mtty
mdevctl --version

given "directories that are not there"
rm -rf ${old%/*}
mdevctl define -u $A -p mtty -t mtty-1
mdevctl list -d
