# shellcheck shell=bash disable=SC2154
# Attributes of active devices as scripts report them to list and define.

# A script that supports only get-attributes, and prints this for it.
reports() { printf '[ "$4-$6" = get-attributes ] || exit 0\nprintf '"'%s'"'\nexit %s\n' "$1" "${2:-0}"; }

given "in a list"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"b":"1"},{"a":"2"}]')"
notifier
mdevctl list
mdevctl list -v
mdevctl list --dumpjson
mdevctl list --dumpjson -u $A

given "in a list, defined too"
defined mtty $A '{"mdev_type":"mtty-1","start":"auto","attrs":[{"c":"3"}]}'
active mtty mtty-1 $A
callout 10-one "$(reports '[{"a":"2"}]')"
mdevctl list -v
mdevctl list -dv

given "in a list, of those that are asked for"
active mtty mtty-1 $A
active mtty mtty-1 $B
active $gpu nvidia-36 $C
callout 10-one "$(reports '[{"a":"2"}]')"
mdevctl list -u $A -v
mdevctl list -p $gpu -v
mdevctl list -p bogus

given "in a list, the deprecated directory"
active mtty mtty-1 $A
old_callout 10-one "$(reports '[{"a":"2"}]')"
mdevctl list -v

given "in a list, nobody answers"
active mtty mtty-1 $A
callout 10-one 'exit 2'
callout 20-two 'exit 2'
mdevctl list -v

given "in a list, the second answers"
active mtty mtty-1 $A
callout 10-one 'exit 2'
callout 20-two "$(reports '[{"a":"2"}]')"
mdevctl list -v

given "in a list, it fails"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"a":"2"}]' 1)"
callout 20-two "$(reports '[{"b":"2"}]')"
mdevctl list -v

given "in a list, it fails with words"
active mtty mtty-1 $A
callout 10-one 'echo "cannot say" >&2; exit 1'
mdevctl list -v
mdevctl list --dumpjson

given "in a list, it is killed"
active mtty mtty-1 $A
callout 10-one '[ "$4-$6" = get-attributes ] || exit 0; kill -KILL $$'
mdevctl list -v

given "define"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"b":"1"},{"a":"2"}]')"
notifier
mdevctl define -u $A

given "define, auto"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"b":"1"}]')"
mdevctl define -u $A --auto -p mtty

given "define, as another type"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"b":"1"}]')"
mdevctl define -u $A -p mtty -t mtty-2

given "define, under another parent"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"b":"1"}]')"
mdevctl define -u $A -p $gpu -t nvidia-36

given "define, by file: nobody is asked"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"b":"1"}]')"
config '{"mdev_type":"mtty-1","start":"manual","attrs":[{"a":"1"}]}'
mdevctl define -u $A -p mtty --jsonfile $config

given "define, not active: nobody is asked"
callout 10-one "$(reports '[{"b":"1"}]')"
mdevctl define -u $A -p mtty -t mtty-1

given "define, the deprecated directory"
active mtty mtty-1 $A
old_callout 10-one "$(reports '[{"b":"1"}]')"
mdevctl define -u $A

given "define, it fails"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"b":"1"}]' 1)"
notifier
mdevctl define -u $A

given "define, it fails, forced"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"b":"1"}]' 1)"
mdevctl define -u $A --force

given "define, it says that it is not its own"
active mtty mtty-1 $A
callout 10-one "$(reports '[{"b":"1"}]' 2)"
callout 20-two "$(reports '[{"c":"1"}]')"
mdevctl define -u $A

given "define, it is killed"
active mtty mtty-1 $A
callout 10-one '[ "$4-$6" = get-attributes ] || exit 0; kill -KILL $$'
mdevctl define -u $A

given "define, by the one for the type"
active mtty mtty-1 $A
callout 10-one 'case $6 in
  capabilities) echo "{\"supports\":{\"version\":2,
    \"actions\":[\"define\",\"attributes\"],\"events\":[\"pre\",\"post\",\"get\"]}}" ;;
  attributes) echo "[{\"a\":\"1\"}]" ;;
esac'
mdevctl define -u $A
mdevctl list -v

given "define, the one for the type does not know attributes"
active mtty mtty-1 $A
callout 10-one 'case $6 in
  capabilities) echo "{\"supports\":{\"version\":2,\"actions\":[\"define\"],\"events\":[\"pre\",\"post\",\"get\"]}}" ;;
  attributes) echo "[{\"a\":\"1\"}]" ;;
esac'
mdevctl define -u $A
mdevctl list -v

reports=(
  'nothing' ''
  'null' 'null'
  'an empty list' '[]'
  'an empty list, with spaces' ' [ ]\n'
  'an empty object' '[{}]'
  'an empty object, with a newline' '[{}]\n'
  'two empty objects' '[{},{}]'
  'a newline' '\n'
  'NULs' '[{"a":"1"}]\0\0'
  'NULs only' '\0\0'
  'a newline and NULs' '[{"a":"1"}]\n\0'
  'spaces and a newline' ' [ { "a" : "1" } ]\n'
  'an object' '{"a":"1"}'
  'a word' '"a"'
  'a list of words' '["a"]'
  'a number as value' '[{"a":1}]'
  'null as value' '[{"a":null}]'
  'two in one object' '[{"a":"1","b":"2"}]'
  'one, and one that is none' '[{"a":"1"},{"b":2}]'
  'the same name twice' '[{"a":"1"},{"a":"2"}]'
  'garbage' 'hello'
  'text behind it' '[] x'
  'bytes that are no characters' '[{"a":"\377"}]'
  'the wide world' '[{"für":"\\u00fc\\"\\\\"}]'
)
for ((i = 0; i < ${#reports[@]}; i += 2)); do
  given "reported: ${reports[i]}"
  active mtty mtty-1 $A
  callout 10-one "$(reports "${reports[i + 1]}")"
  mdevctl define -u $A
  mdevctl list -v -u $A
done
