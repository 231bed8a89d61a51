# shellcheck shell=bash disable=SC2154
# Which script is selected for a type, by the capabilities that it reports.
actions='"start","stop","define","undefine","modify","attributes","capabilities"'
events='"pre","post","notify","get","live"'

# The commands of a script that prints this, and then exits with a code.
answers() { printf '[ "$6" = capabilities ] || exit %s\nprintf %%s '"'%s'"'\nexit %s\n' "${2:-0}" "$1" "${3:-0}"; }
supports() { answers "{\"supports\":{\"version\":2,\"actions\":[${1-$actions}],\"events\":[${2-$events}]}}" "${3:-0}" "${4:-0}"; }

given "what is asked"
: >/srv/asked
deaf=yes callout 10-one '[ "$6" != capabilities ] || cat >/srv/asked'
mdevctl define -u $A -p mtty -t mtty-1
text_of "# " /srv/asked

given "one answers"
callout 10-one "$(supports)"
notifier
mdevctl define -u $A -p mtty -t mtty-1
mdevctl modify -u $A --auto
mdevctl start -u $A
mdevctl stop -u $A
mdevctl undefine -u $A

given "the second answers"
callout 10-one 'exit 0'
callout 20-two "$(supports)"
callout 30-three 'exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "two answer"
callout 10-one "$(supports)"
callout 20-two "$(supports)"
mdevctl define -u $A -p mtty -t mtty-1

given "one in the deprecated directory answers"
callout 10-one 'exit 0'
old_callout 20-two "$(supports)"
mdevctl define -u $A -p mtty -t mtty-1

given "it fails"
callout 10-one "$(supports "$actions" "$events" 1)"
callout 20-two 'exit 0'
notifier
mdevctl define -u $A -p mtty -t mtty-1

given "it fails, forced"
callout 10-one "$(supports "$actions" "$events" 1)"
mdevctl define -u $A -p mtty -t mtty-1 --force

given "it says that it is not its own"
callout 10-one "$(supports "$actions" "$events" 2)"
callout 20-two 'exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "it is killed"
callout 10-one "$(supports)"
sed -i 's/|| exit 0/|| kill -KILL $$/' /usr/lib/mdevctl/scripts.d/callouts/10-one
callout 20-two 'exit 0'
mdevctl define -u $A -p mtty -t mtty-1

for code in 1 2 3; do
  given "it answers and exits with $code"
  callout 10-one "$(supports "$actions" "$events" 0 $code)"
  callout 20-two 'exit 0'
  mdevctl define -u $A -p mtty -t mtty-1
done

given "it answers and is killed"
callout 10-one "[ \"\$6\" = capabilities ] || exit 0
printf %s '{\"supports\":{\"version\":2,\"actions\":[$actions],\"events\":[$events]}}'
kill -KILL \$\$"
mdevctl define -u $A -p mtty -t mtty-1

given "an action that it does not support"
defined mtty $A
callout 10-one "$(supports '"start","stop","define"')"
callout 20-two 'exit 0'
notifier
mdevctl modify -u $A --auto
mdevctl undefine -u $A
mdevctl start -u $A
mdevctl list

given "an action that it does not support, forced"
defined mtty $A
callout 10-one "$(supports '"start","stop"')"
mdevctl modify -u $A --auto --force

given "an event that it does not support: pre"
callout 10-one "$(supports "$actions" '"post","get"')"
notifier
mdevctl define -u $A -p mtty -t mtty-1

given "an event that it does not support: post"
callout 10-one "$(supports "$actions" '"pre","get"')"
notifier
mdevctl define -u $A -p mtty -t mtty-1

given "an event that it does not support: get"
active mtty mtty-1 $A
callout 10-one "$(supports "$actions" '"pre","post"')"
mdevctl define -u $A
mdevctl list

given "nothing is supported"
callout 10-one "$(supports '' '')"
mdevctl define -u $A -p mtty -t mtty-1

given "words that nobody knows"
callout 10-one "$(supports "$actions,\"dance\"" "$events,\"tea\"")"
mdevctl define -u $A -p mtty -t mtty-1

given "other keys"
callout 10-one "$(answers "{\"supports\":{\"version\":3,\"actions\":[$actions],\"events\":[$events],\"more\":1},\"provides\":1}")"
mdevctl define -u $A -p mtty -t mtty-1

given "the end of the answer: a newline"
callout 10-one "$(supports)"
sed -i 's/^printf %s/printf "%s\\n"/' /usr/lib/mdevctl/scripts.d/callouts/10-one
callout 20-two 'exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "the end of the answer: NULs"
callout 10-one "$(supports)"
sed -i 's/^printf %s/printf "%s\\0\\0"/' /usr/lib/mdevctl/scripts.d/callouts/10-one
callout 20-two 'exit 0'
mdevctl define -u $A -p mtty -t mtty-1

no_answers=(
  'garbage' 'hello'
  'an empty object' '{}'
  'null' '{"supports":null}'
  'no version' "{\"supports\":{\"actions\":[$actions],\"events\":[$events]}}"
  'a version that is a word' "{\"supports\":{\"version\":\"2\",\"actions\":[$actions],\"events\":[$events]}}"
  'a version below 0' "{\"supports\":{\"version\":-1,\"actions\":[$actions],\"events\":[$events]}}"
  'a version that is a fraction' "{\"supports\":{\"version\":2.0,\"actions\":[$actions],\"events\":[$events]}}"
  'no events' "{\"supports\":{\"version\":2,\"actions\":[$actions]}}"
  'actions that are no list' "{\"supports\":{\"version\":2,\"actions\":\"start\",\"events\":[$events]}}"
  'an action that is a number' "{\"supports\":{\"version\":2,\"actions\":[1],\"events\":[$events]}}"
  'text behind it' "{\"supports\":{\"version\":2,\"actions\":[$actions],\"events\":[$events]}} x"
  'a list' "[{\"supports\":{\"version\":2,\"actions\":[$actions],\"events\":[$events]}}]"
)
for ((i = 0; i < ${#no_answers[@]}; i += 2)); do
  given "no answer: ${no_answers[i]}"
  callout 10-one "$(answers "${no_answers[i + 1]}")"
  callout 20-two 'exit 0'
  mdevctl define -u $A -p mtty -t mtty-1
done

given "no answer: bytes that are no characters"
callout 10-one "[ \"\$6\" = capabilities ] || exit 0; printf '\\377'"
callout 20-two 'exit 0'
mdevctl define -u $A -p mtty -t mtty-1

given "what they say to standard error when asked"
callout 10-one 'echo "$4" >&2; exit 0'
callout 20-two "$(supports)"
sed -i '3i echo "$4" >&2' /usr/lib/mdevctl/scripts.d/callouts/20-two
mdevctl define -u $A -p mtty -t mtty-1

given "once for a parent and type"
defined mtty $A
defined $gpu $A '{"mdev_type":"nvidia-36","start":"manual"}'
callout 10-one "$(supports)"
mdevctl undefine -u $A

given "once for a parent and type, also in a list"
active mtty mtty-1 $A
active mtty mtty-1 $B
active mtty mtty-2 $C
callout 10-one "$(supports)"
unordered mdevctl list

given "once, if nobody answered"
active mtty mtty-1 $A
active mtty mtty-1 $B
callout 10-one 'exit 2'
unordered mdevctl list
