# shellcheck shell=bash disable=SC2154
# Which JSON define --jsonfile accepts as a definition and which it refuses; the format that it writes.
typed() { printf '{"mdev_type":"mtty-1","start":"manual",%s}' "$1"; }
starting() { printf '{"mdev_type":"mtty-1","start":%s}' "$1"; }
nested() { printf "%$1s" | tr ' ' '['; printf "%$1s" | tr ' ' ']'; }

accepted=(
  'the least' '{"mdev_type":"mtty-1","start":"manual"}'
  'auto' "$(starting '"auto"')"
  'AUTO' "$(starting '"AUTO"')"
  'another word' "$(starting '"weird"')"
  'an empty word' "$(starting '""')"
  'a number for start' "$(starting 5)"
  'true for start' "$(starting true)"
  'a list for start' "$(starting '["auto"]')"
  'null for attributes' "$(typed '"attrs":null')"
  'no attributes' "$(typed '"attrs":[]')"
  'attributes' "$(typed '"attrs":[{"b":"1"},{"a":"2"},{"b":"3"}]')"
  'one key twice in an attribute' "$(typed '"attrs":[{"a":"1","a":"2"}]')"
  'empty names and values' "$(typed '"attrs":[{"":""}]')"
  'unknown keys' '{"a":1,"mdev_type":"mtty-1","b":{"c":[null]},"start":"manual","uuid":"x"}'
  'a key twice' '{"mdev_type":"mtty-2","start":"manual","mdev_type":"mtty-1","start":"auto"}'
  'keys in another order' '{"attrs":[],"start":"auto","mdev_type":"mtty-1"}'
  'space all around' $' \t\r\n{ "mdev_type" :\n"mtty-1" , "start"\t: "manual" }\r\n\n'
  'an empty type' '{"mdev_type":"","start":"manual"}'
  'escapes' "$(typed '"attrs":[{"\u0061\n\t\r\b\f\/\\\"":"\u00fc\uD83D\uDE00\u0000"}]')"
  'characters' "$(typed $'"attrs":[{"\xc3\xbc":"\xf0\x9f\x98\x80 \xe2\x80\xa8 \x7f"}]')"
  'control characters' "$(typed '"attrs":[{"x":"\u0000\u0001\u0007\u0008\u0009\u000a\u000b\u000c\u000d\u001f\u007f\u0080"}]')"
  'numbers' "$(typed '"n":[0,-0,1.5e3,-1E-2,18446744073709551616,1e308]')"
  'nested' "$(typed "\"n\":$(nested 100)")"
)
for ((i = 0; i < ${#accepted[@]}; i += 2)); do
  given "accepted: ${accepted[i]}"
  config "${accepted[i + 1]}"
  mdevctl define -u $A -p mtty --jsonfile $config
done

refused=(
  'nothing' ''
  'space only' $' \n'
  'null' 'null'
  'a word' '"mtty-1"'
  'a number' '5'
  'a list' '[{"mdev_type":"mtty-1","start":"manual"}]'
  'an empty object' '{}'
  'no type' '{"start":"manual"}'
  'no start' '{"mdev_type":"mtty-1"}'
  'null for type' '{"mdev_type":null,"start":"manual"}'
  'null for start' "$(starting null)"
  'what list prints' '[{"mtty":[{"aaaaaaaa-1111-2222-3333-444444444401":{"mdev_type":"mtty-1","start":"manual","attrs":[]}}]}]'
  'attributes: an object' "$(typed '"attrs":{"a":"1"}')"
  'attributes: a word' "$(typed '"attrs":"a"')"
  'attributes: a number' "$(typed '"attrs":0')"
  'attributes: false' "$(typed '"attrs":false')"
  'attributes: words' "$(typed '"attrs":["a"]')"
  'attributes: null in it' "$(typed '"attrs":[null]')"
  'attributes: lists' "$(typed '"attrs":[["a","1"]]')"
  'attributes: an empty object' "$(typed '"attrs":[{}]')"
  'attributes: two names in one' "$(typed '"attrs":[{"a":"1","b":"2"}]')"
  'attributes: a number as value' "$(typed '"attrs":[{"a":1}]')"
  'attributes: a fraction as value' "$(typed '"attrs":[{"a":1.50}]')"
  'attributes: null as value' "$(typed '"attrs":[{"a":null}]')"
  'attributes: true as value' "$(typed '"attrs":[{"a":true}]')"
  'attributes: a list as value' "$(typed '"attrs":[{"a":["1", {"b": null}]}]')"
  'attributes: an object as value' "$(typed '"attrs":[{"a":{}}]')"
  'attributes: a strange name, a number as value' "$(typed '"attrs":[{"a\"\n\u00fc\u0007":1}]')"
  'attributes: the first mistake' "$(typed '"attrs":[{"a":"1"},{"b":2},3]')"
  'the type before attributes' '{"mdev_type":null,"start":"manual","attrs":5}'
  'text behind it' '{"mdev_type":"mtty-1","start":"manual"} x'
  'two' '{"mdev_type":"mtty-1","start":"manual"}{"mdev_type":"mtty-1","start":"manual"}'
  'not at its end' '{"mdev_type":"mtty-1","start":"manual"'
  'a word that does not end' '{"mdev_type":"mtty-1'
  'a comma too many' '{"mdev_type":"mtty-1","start":"manual",}'
  'a comma too many in a list' "$(typed '"attrs":[{"a":"1"},]')"
  'no comma' '{"mdev_type":"mtty-1" "start":"manual"}'
  'single quotes' "{'mdev_type':'mtty-1','start':'manual'}"
  'keys without quotes' '{mdev_type:"mtty-1",start:"manual"}'
  'a comment' $'// one\n{"mdev_type":"mtty-1","start":"manual"}'
  'a mark of byte order' $'\xef\xbb\xbf{"mdev_type":"mtty-1","start":"manual"}'
  'bytes that are no characters' $'{"mdev_type":"mtty\xff","start":"manual"}'
  'half a surrogate' "$(typed '"attrs":[{"a":"\ud800"}]')"
  'the other half of one' "$(typed '"attrs":[{"a":"\udc00"}]')"
  'an escape that is none' "$(typed '"attrs":[{"a":"\x41"}]')"
  'an escape that is short' "$(typed '"attrs":[{"a":"\u41"}]')"
  'a newline in a word' "$(typed $'"attrs":[{"a":"\n"}]')"
  'a number that begins with 0' "$(typed '"n":01')"
  'a number that ends in a dot' "$(typed '"n":1.')"
  'a number that is too large' "$(typed '"n":1e999')"
  'NaN' "$(typed '"n":NaN')"
  'True' "$(typed '"n":True')"
  'nested deeply' "$(typed "\"n\":$(nested 200)")"
)
for ((i = 0; i < ${#refused[@]}; i += 2)); do
  given "refused: ${refused[i]}"
  config "${refused[i + 1]}"
  mdevctl define -u $A -p mtty --jsonfile $config
done

for type in 5 '["mtty-1"]' '{}' false; do
  given "refused: $type for type"
  config "{\"mdev_type\":$type,\"start\":\"manual\"}"
  outline mdevctl define -u $A -p mtty --jsonfile $config
done

given "refused: a byte 0"
printf '{"mdev_type":"mtty-1","start":"manual"}\0' >$config
mdevctl define -u $A -p mtty --jsonfile $config

given "a stored one is read in the same way"
defined mtty $A $' {"start":7,"attrs":null,"more":[],"mdev_type":"mtty-2","mdev_type":"mtty-1"}\n'
mdevctl list -d
mdevctl list -d --dumpjson -u $A
mdevctl start -u $A
mdevctl modify -u $A --auto

given "a large one"
config "$(typed "\"attrs\":[$(printf '{"a":"%s"},' $(seq 2000))$(printf '{"b":"%050000d"}' 1)]")"
unseen mdevctl define -u $A -p mtty --jsonfile $config
note "$(cksum </etc/mdevctl.d/mtty/$A)"
unseen mdevctl modify -u $A --delattr
note "$(cksum </etc/mdevctl.d/mtty/$A)"
