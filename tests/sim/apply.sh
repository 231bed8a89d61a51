# The host as a file: apply, diff and export host on simulated hosts. First and second run, changes by hand in between, devices in
# use, pruning, two at once, errors in the file, kills, and hosts that describe themselves.
# shellcheck shell=bash disable=SC2154,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  failed_parts="" scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  cp -r "$here/../../examples/scenarios/types" "$scratch"
  for ((i = 0; i < 64; ++i)); do
    sed -e 1d -e "s/^name = .*/name = \"0000:$(printf %02x $i):00.0\"/" "$here/../../examples/scenarios/m60.toml"
  done >"$scratch/many.toml"
  sed 's/^name = .*/name = "0000:8{}:00.0"\ncount = 8/' "$here/../../examples/scenarios/m60.toml" >"$scratch/eight.toml"
  while read -r scenario part; do
    scenario=${scenario/@/$scratch/}
    [ -e "$scenario.toml" ] && scenario=$scenario.toml
    "$MDEVSIM" run "$scenario" -- bash "$0" "$part" || failed_parts+=" $scenario:$part"
  done <<'P'
m60 first
m60 hand
m60 in_use
m60 prune
m60 bad
workstation bad_together
m60 bad_files
l40s bad_parents
m60 all
m60 pool_beside
l40s-boot pool_functions
l40s-boot described_otherwise
m60 two_files
m60 places_of_errors
m60 retype_in_use
t4 waiting
m60 in_the_way
m60-k1 together
l40s-boot defined_only
gvt in_turn
l40s-boot after_reboot
m60 half
m60 kills
m60 faults
workstation empty
l40s functions
l40s-boot parents
l40s-mixed mixed
l40s not_mixed
l40s-mdev himself
m60 himself
ap-host crypto
ap-host queue_in_use
samples retype_full
m60 retype_other_series
gvt himself
workstation himself
m60-f1 himself
m60-k1 himself
gvt-a2-v3 himself
m60 by_hand
m60 groups
m60 as_a_whole
workstation example
workstation moved
l40s-boot unusable
m60 renamed
m60 no_room
@many many
@eight example
@eight unprepared
l40s places
a100 instances
P
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

mdevadm() { "$MDEVADM" "$@"; }
gpu=$(mdevadm types --json -o parent 2>/dev/null | jq -r '.types[0].parent // empty')
file=$(mktemp)
trap 'rm -rf "$file"*' EXIT
write() { { echo 'version = 1'; cat; } >"$file"; }
names() { mdevadm list "$@" --json -o name | jq -r '[.devices[].name] | sort | join(" ")'; }
state() { find /etc/mdevadm /run/mdevadm -type f ! -name '*.lock' -exec sha256sum {} + 2>/dev/null | sort; mdevadm list --all --json -o uuid,parent,type,state,vf | jq -S .devices; }
is_described() {
  run mdevadm apply -f "$file" --check
  exits 0 "${1:-the host is as described}"
}
seats() { write <<T
[[device]]
name = "seat-{}"
count = ${1:-2}
type = "nvidia-12"
$(cat)
T
}

first() {
  seats 2 <<'T'
start = "auto"

[[group]]
name = "vm1"
members = ["seat-{}"]
T
  run mdevadm apply -f "$file" --check
  exits 9 "before, the host differs"
  out_has "^the host differs from $file: 2 devices to add, 2 devices to start, 1 group to add$" "one line says how"
  run mdevadm diff -f "$file"
  exits 9 "diff shows it"
  out_has '^\+ device .seat-1. \([0-9a-f]{8}-[0-9a-f]{4}-5' "with derived UUIDs of version 5"
  out_has '^\+   type: nvidia-12$' "and settings"
  run mdevadm diff -f "$file" --json
  same "$(jq -r '[.changes[] | .change + " " + .object] | join(",")' <<<"$out")" "add device,add device,add group,start device,start device" "diff as JSON"
  before=$(state)
  run mdevadm apply -f "$file" --dry-run
  exits 0 "a dry run succeeds"
  out_has '^start .seat-2. ' "and shows the starts"
  same "$(state)" "$before" "and changes nothing"
  run mdevadm apply -f "$file"
  exits 0 "apply succeeds"
  same "$(names)" "seat-1 seat-2" "the devices are active"
  same "$(mdevadm group show vm1 --json | jq '.devices | length')" 2 "and in the group"
  after=$(state)
  run mdevadm apply -f "$file"
  exits 0 "a second run succeeds"
  err_has "^mdevadm: the host matches $file \(2 devices\)$" "and says that nothing is to do"
  same "$(state)" "$after" "and changes nothing"
  if command -v strace >/dev/null; then
    writes=$(strace -f -e trace=openat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat "$MDEVADM" apply -f "$file" 2>&1 |
      grep -E 'O_WRONLY|O_RDWR|O_CREAT|rename|unlink|mkdir' | grep -vE '/dev/(null|tty)|ENOENT' | wc -l)
    same "$writes" 0 "and opens no file for writing"
  fi
  is_described
  run mdevadm diff -f "$file"
  same "$code $out" "0 " "diff prints nothing"
  first=$(mdevadm list --all --json -o uuid | jq -c .devices)
  mdevadm stop --all >/dev/null
  mdevadm undefine --all --force >/dev/null
  rm -rf /etc/mdevadm
  run mdevadm apply -f - <"$file"
  exits 0 "from standard input"
  same "$(mdevadm list --all --json -o uuid | jq -c .devices)" "$first" "the UUIDs are the same after a reinstallation"
  run mdevadm apply
  exits 3 "the default file does not exist"
  cp "$file" /etc/mdevadm/host.toml
  run mdevadm apply --check
  exits 0 "the default file is /etc/mdevadm/host.toml"
  rm /etc/mdevadm/host.toml
  mkdir /tmp/description.$$
  cp "$file" /tmp/description.$$/1.toml
  printf 'version = 1\n[[group]]\nname = "more"\nmembers = []\n' >/tmp/description.$$/2.toml
  run mdevadm apply -f /tmp/description.$$
  exits 0 "a directory is one description"
  run mdevadm group show more
  exits 0 "and all its files are applied"
  cp "$file" /tmp/description.$$/3.toml
  run mdevadm apply -f /tmp/description.$$
  err_has "3.toml:[0-9]+:[0-9]+: device 'seat-1' is described twice, first at /tmp/description.$$/1.toml:" "names are unique over all files"
  rm -r /tmp/description.$$
}

hand() {
  seats 3 </dev/null
  mdevadm apply -f "$file" >/dev/null
  places=$(mdevadm list --json -o name,parent,vf | jq -c '.devices | sort_by(.name)')
  mdevadm stop seat-2 >/dev/null
  mdevadm undefine seat-3 >/dev/null 2>&1
  mdevadm modify seat-1 --auto >/dev/null
  run mdevadm diff -f "$file"
  out_has '^~ start device .seat-2' "a device that was stopped is started"
  out_has '^-   start: auto$' "a setting is reverted"
  out_has '^\+ device .seat-3' "a definition is created again"
  run mdevadm apply -f "$file"
  exits 0 "apply repairs changes by hand"
  is_described
  same "$(mdevadm list --json -o name,parent,vf | jq -c '.devices | sort_by(.name)')" "$places" "all devices are where they were"
  seats 4 </dev/null
  mdevadm apply -f "$file" >/dev/null
  same "$(mdevadm list --json -o name,parent,vf | jq -c '[.devices | sort_by(.name) | .[:3][]]')" "$places" "adding a device moves none"
  write <<'T'
[[device]]
name = "seat-{}"
count = 4
type = "nvidia-13"
T
  run mdevadm apply -f "$file"
  exits 0 "the type of all devices changes"
  same "$(mdevadm list --json -o type | jq -c '[.devices[].type] | unique')" '["nvidia-13"]' "of active ones too"
  is_described
  # A device and a definition that apply has not made.
  mdevadm undefine seat-4 >/dev/null 2>&1
  mdevadm stop seat-4 >/dev/null 2>&1
  mdevadm stop "$(mdevadm list --json -o uuid,name | jq -r '.devices[] | select(.name == null) | .uuid')" >/dev/null 2>&1
  mdevadm define -p "$gpu" -t nvidia-13 --name seat-4 >/dev/null
  run mdevadm apply -f "$file"
  exits 4 "the name of another definition is a conflict"
  err_has "the name 'seat-4' is used by the definition " "that is named"
  mdevadm undefine seat-4 >/dev/null
  uuid=$(mdevadm define -p "$gpu" -t nvidia-13 --name theirs)
  { cat "$file"; printf '[[device]]\nname = "theirs"\nuuid = "%s"\ntype = "nvidia-13"\nstate = "defined"\n' "$uuid"; } >"$file.2"
  mv "$file.2" "$file"
  run mdevadm apply -f "$file"
  exits 0 "a definition that exists is described by its UUID"
  is_described
  seats 1 </dev/null
  sed -i 's/nvidia-12/nvidia-13/' "$file"
  mdevadm apply -f "$file" --prune >/dev/null
  same "$(names --all)" "seat-1 theirs" "and is not pruned"
}

in_use() {
  seats 2 </dev/null
  mdevadm apply -f "$file" >/dev/null
  uuid=$(mdevadm show seat-1 --json | jq -r '.devices[0].uuid')
  "$MDEVSIM" hold "$uuid" 600 >/dev/null 2>&1 &
  holder=$!
  wait_until eval 'mdevadm list $uuid -n -o in_use | grep -q yes'
  before=$(sha256sum /etc/mdevadm/devices/*/"$uuid".toml)
  write <<'T'
[[device]]
name = "seat-{}"
count = 2
type = "nvidia-12"
[[device.attribute]]
name = "nvidia/vgpu_params"
value = "frame_rate_limiter=0"
T
  run mdevadm apply -f "$file" --check
  exits 9 "the host differs"
  run mdevadm apply -f "$file"
  exits 8 "a device in use is not stopped"
  err_has "^mdevadm: error: cannot apply 'seat-1' \($uuid\): it is in use by " "it is named with its process"
  same "$(sha256sum /etc/mdevadm/devices/*/"$uuid".toml)" "$before" "its definition is as before"
  same "$(cat /sys/bus/mdev/devices/"$(mdevadm show seat-2 --json | jq -r '.devices[0].uuid')"/nvidia/vgpu_params)" "frame_rate_limiter=0" "the other device is changed"
  (sleep 1; kill $holder) &
  run mdevadm apply -f "$file" --timeout 30
  exits 0 "with --timeout, the release is waited for"
  is_described
  wait
}

prune() {
  seats 3 <<'T'
[[group]]
name = "vm1"
members = ["seat-{}"]
T
  mdevadm apply -f "$file" >/dev/null
  other=$(mdevadm define -p "$gpu" -t nvidia-12 --name other)
  seats 1 </dev/null
  run mdevadm apply -f "$file"
  exits 0 "without --prune nothing is removed"
  err_has "no longer in the description, left unchanged: .*'seat-2'.*group 'vm1' \(apply --prune removes them\)" "a note names it"
  run mdevadm apply -f "$file" --prune
  exits 0 "with --prune it is"
  same "$(names --all)" "other seat-1" "only what apply has made"
  run mdevadm group show vm1
  exits 3 "also the group"
  is_described
  # A group that is changed while the devices are stopped.
  seats 1 <<'T'
[[group]]
name = "vm2"
members = ["seat-1"]
T
  mdevadm apply -f "$file" >/dev/null
  write </dev/null
  "$MDEVSIM" control delay remove 2000
  "$MDEVADM" apply -f "$file" --prune >/dev/null 2>"$file.errors" &
  one=$!
  is_removing() { pgrep -P $one >/dev/null; }
  wait_until is_removing
  run mdevadm group add vm2 other
  exits 0 "a member is added to a group while apply --prune stops devices"
  wait $one
  "$MDEVSIM" control delay remove 0
  holds "apply --prune refuses to delete the group" grep -q "cannot delete '/etc/mdevadm/groups/vm2.toml': changed by another process" "$file.errors"
  holds "the group has the new member" grep -q "$other" /etc/mdevadm/groups/vm2.toml
  mdevadm group delete vm2
  seats 1 </dev/null
  mdevadm apply -f "$file" >/dev/null
  # Another namespace.
  { echo 'version = 1'; echo 'namespace = "5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c1"'; } >"$file"
  run mdevadm apply -f "$file" --prune
  same "$code $(names --all)" "0 other seat-1" "a description with another namespace prunes nothing"
  for _ in 1 2 3; do
    seats 3 </dev/null
    mdevadm apply -f "$file" >/dev/null 2>&1 & one=$!
    mdevadm apply -f "$file" >/dev/null 2>&1 & two=$!
    wait $one; one=$?
    wait $two; two=$?
    same "$one $two" "0 0" "two at once succeed"
    is_described "and the host is as described"
    seats 1 </dev/null
    mdevadm apply -f "$file" --prune >/dev/null
  done
  same "$(mdevadm show other --json | jq -r '.devices[0].uuid')" "$other" "a definition made by hand stays"
}

bad() {
  before=$(state)
  cat >"$file" <<'T'
version = 2
colour = "blue"

[[parent]]
name = "0000:41:00.0"
virtual_functions = "some"

[[device]]
name = "a"
type = "x"
count = 3

[[device]]
name = "b-{}"
count = 0
type = "x"
need = "framebuffer>=1G"
plcement = "pack"

[[device]]
name = "c"
type = "x"

[[device]]
name = "c"
type = 3
[device.node]
mode = "rw"
owner = 7

[[group]]
name = "g"
T
  run mdevadm apply -f "$file"
  exits 1 "a file with errors is refused"
  while read -r place text; do
    err_has "^mdevadm: error: cannot apply: $file:$place: $text" "$place: $text"
  done <<'T'
1:[0-9]+ unsupported version of the format
2:1 unknown key 'colour'
6:[0-9]+ 'virtual_functions' must be
9:[0-9]+ the name of several devices must contain
15:[0-9]+ 'count' must be
13:[0-9]+ cannot combine 'type' and 'need'
18:1 unknown key 'plcement' in \[\[device\]\] \(did you mean 'placement'
25:[0-9]+ device 'c' is described twice, first at .*:21:
26:[0-9]+ 'type' must be a string
28:[0-9]+ 'mode' must be octal
29:[0-9]+ 'owner' must be a string
31:[0-9]+ missing required key 'members'
T
  run mdevadm diff -f "$file"
  exits 1 "by diff as well"
  write <<'T'
[[device]]
name = "a-{}"
count = 1000
type = "nvidia-12"
[[device]]
name = "b"
type = "nvidia-99"
[[device]]
name = "c"
type = "nvidia-12"
parents = ["0000:99:00.0"]
[[device]]
name = "d"
need = ["framebufer>=1G"]
[[group]]
name = "g"
members = ["e", "a-1"]
T
  run mdevadm apply -f "$file"
  holds "what cannot be is refused" test $code != 0
  err_has ":8:[0-9]+: no parent offers type 'nvidia-99'" "a type that no GPU has"
  err_has ":12:[0-9]+: the host has no PCI function 0000:99:00.0$" "a parent that does not exist"
  err_has ":15:[0-9]+: .*framebufer" "an unknown property"
  err_has ":18:[0-9]+: group 'g': no device 'e' is described or defined" "an unknown member"
  write <<'T'
[[device]]
name = "a-{}"
count = 1000
type = "nvidia-12"
T
  run mdevadm apply -f "$file"
  exits 6 "too many devices are no capacity"
  err_has ":4:[0-9]+: available instances of type nvidia-12 for only [0-9]+ of 1000 devices 'a-\{\}'" "the error says how many fit"
  foreign=$(mdevadm start -p "$gpu" -t nvidia-12)
  write <<T
[[device]]
name = "taken"
uuid = "$foreign"
type = "nvidia-13"
T
  run mdevadm apply -f "$file"
  exits 4 "a UUID of another device is a conflict"
  err_has "'taken' has the UUID of the active device $foreign on $gpu \(nvidia-12\), which has no definition" "both are named"
  mdevadm stop "$foreign" >/dev/null
  echo 'version = ' >"$file"
  run mdevadm apply -f "$file"
  err_has "$file:1:[0-9]+: invalid TOML" "invalid TOML"
  same "$(state)" "$before" "nothing has changed"
}

# Bad input of all kinds in one file: one run finds it all, in the order of the file, and nothing that is only a consequence.
bad_together() {
  local foreign other taken expected
  gpu=0000:86:00.0
  foreign=$(mdevadm start -p "$gpu" -t nvidia-12)
  other=$(mdevadm define -p "$gpu" -t nvidia-12 --name other)
  taken=$(mdevadm define -p "$gpu" -t nvidia-12 --name taken)
  mkdir -p "/etc/mdevctl.d/$gpu"
  echo '{"mdev_type":"nvidia-12","start":"manual","attrs":[]}' >"/etc/mdevctl.d/$gpu/aaaaaaaa-0000-4000-8000-000000000001"
  before=$(state)
  cat >"$file" <<T
version = 1
[[device]]
name = "pool-{}"
count = 4
type = "nvidia-12"
plcement = "pack"
[[device]]
name = "unknown"
type = "nvidia-99"
[[device]]
name = "unknown"
type = "nvidia-12"
[[device]]
name = "zero-{}"
count = 0
type = "nvidia-98"
[[device]]
name = "many-{}"
count = 1000
type = "nvidia-12"
[[device]]
name = "clash"
uuid = "$foreign"
type = "nvidia-13"
[[device]]
name = "mdevctl"
uuid = "aaaaaaaa-0000-4000-8000-000000000001"
type = "nvidia-12"
parents = ["0000:87:00.0"]
[[device]]
name = "first"
uuid = "$other"
type = "nvidia-12"
parents = ["0000:87:00.0", "0000:99:00.0", 7]
[[device]]
name = "second"
uuid = "$other"
type = ["nvidia-12"]
[[device]]
name = "taken"
need = ["framebufer>=1G", "series=Q"]
[[device]]
nmae = "typo"
type = "nvidia-12"
[[group]]
name = "g"
members = ["pool-3", "unknown", "zero-5", "many-7", "clash", "many-1001", 3]
[[group]]
name = "h"
members = ["g"]
[[group]]
name = "g"
p2p = 1
members = ["h"]
T
  expected="6:1: unknown key 'plcement' in [[device]] (did you mean 'placement'?)
9:8: no parent offers type 'nvidia-99'
11:8: device 'unknown' is described twice, first at $file:8:8
15:9: 'count' must be \"all\" or a whole number from 1 to 65536
16:8: no parent offers type 'nvidia-98'
19:9: available instances of type nvidia-12 for only N of 1000 devices 'many-{}'
23:8: 'clash' has the UUID of the active device $foreign on $gpu (nvidia-12), which has no definition
27:8: 'mdevctl' has the UUID of the definition 'aaaaaaaa-0000-4000-8000-000000000001' under $gpu
34:28: the host has no PCI function 0000:99:00.0
34:44: 'parents' must have only strings, not an integer
37:8: 'second' and 'first' have the same UUID $other
38:8: 'type' must be a string, not an array
40:8: the name 'taken' is used by the definition $taken under $gpu
41:9: unknown property 'framebufer'
43:1: unknown key 'nmae' in [[device]] (did you mean 'name'?)
47:75: 'members' must have only strings, not an integer
52:8: group 'g' is described twice, first at $file:46:8
53:7: 'p2p' must be a string, not an integer"
  for command in apply diff "apply --check" "apply --dry-run" "apply --prune"; do
    run mdevadm $command -f "$file"
    exits 1 "$command refuses problems of several kinds"
    same "$(sed -n "s,^mdevadm: error: cannot [a-z]*: $file:,,p" <<<"$err" | sed -E 's/only [0-9]+ of/only N of/; s/(framebufer.) .*/\1/; s/(used by .*), but .*/\1/')" "$expected" "$command: all of them are reported, in the order of the file"
  done
  run mdevadm apply -f "$file" --json
  same "$code $(jq '[.results[] | select(.outcome == "failed")] | length' <<<"$out")" "1 18" "also as JSON"
  same "$(jq -c '[.results[].code] | unique' <<<"$out")" "[1,2,3,4,6]" "each with its exit status"
  run mdevadm apply -f "$file" --check --json
  same "$(jq -s 'map(.error.message) | length' <<<"$err")" 18 "and by a check"
  same "$(state)" "$before" "nothing has changed"
  # If the names of all tables are known, members that are not described are reported.
  sed -i 's/^nmae = /name = /' "$file"
  run mdevadm diff -f "$file"
  err_has "$file:47:62: group 'g': no device 'many-1001' is described or defined$" "a member beyond the count is reported"
  err_has "$file:50:12: group 'h': no device 'g' is described or defined$" "a group is not a member of a group"
  err_has "$file:54:12: group 'g': no device 'h' is described or defined$" "nor the other way round"
  same "$(grep -c '^mdevadm: error' <<<"$err")" 20 "that is all"
}

# The same over the files of a directory.
bad_files() {
  local expected
  mkdir "$file.d"
  before=$(state)
  printf '\xef\xbb\xbfversion = 1\r\n[[device]]\r\nname = "a"\r\ntype = "nvidia-12"\r\nplcement = "pack"\r\n' >"$file.d/1.toml"
  printf 'version = 1\n[[device]\nname = "q"\n' >"$file.d/2.toml"
  printf 'version = 1\n[[device]]\nname = "a"\ntype = "nvidia-99"\n[[device]]\nname = "z-{}"\ncount = 500\ntype = "nvidia-12"\n[[group]]\nname = "g"\nmembers = ["q"]\n' >"$file.d/3.toml"
  : >"$file.d/4.toml"
  printf 'version = 2\nnamespace = "5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c1"\n' >"$file.d/5.toml"
  printf 'version = 1\nnamespace = "5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c2"\n' >"$file.d/6.toml"
  mkdir "$file.d/7.toml"
  mkfifo "$file.d/10.toml"
  expected="1.toml:5:1: unknown key 'plcement' in [[device]] (did you mean 'placement'?)
2.toml:2:10: invalid TOML
3.toml:3:8: device 'a' is described twice, first at $file.d/1.toml:3:8
3.toml:4:8: no parent offers type 'nvidia-99'
3.toml:7:9: available instances of type nvidia-12 for only N of 500 devices 'z-{}'
4.toml:1:1: missing required key 'version' (expected version = 1)
5.toml:1:11: unsupported version of the format (expected 1)
6.toml:2:13: another file of the description has the namespace 5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c1
7.toml: Is a directory
10.toml: not a regular file"
  for command in apply diff "apply --check"; do
    run timeout 60 "$MDEVADM" $command -f "$file.d"
    exits 1 "$command refuses a directory with problems"
    same "$(sed -n "s,^mdevadm: error: cannot [a-z]*: $file.d/,,p" <<<"$err" | sed -E 's/only [0-9]+ of/only N of/; s/(invalid TOML).*/\1/')" "$expected" "$command: those of all files are reported, in their order"
  done
  same "$(state)" "$before" "nothing has changed"
}

# Parents whose tables have problems may offer other types when they are prepared.
bad_parents() {
  gpu=0000:41:00.0
  write <<T
[[parent]]
name = "$gpu"
virtual_functions = "some"
[[parent]]
name = "0000:99:00.0"
reserve = []
[[device]]
name = "a"
type = "L40S-1Q"
parents = ["$gpu"]
[[device]]
name = "b"
type = "L40S-1Q"
parents = ["0000:98:00.0"]
T
  run mdevadm apply -f "$file"
  exits 1 "tables of parents with problems are refused"
  err_has "$file:4:[0-9]+: 'virtual_functions' must be " "a value"
  err_has "$file:6:[0-9]+: no device '0000:99:00.0' on this host$" "a device that does not exist"
  err_has "$file:7:1: unknown key 'reserve' in \[\[parent\]\] \(did you mean 'reserved'\?\)$" "a key"
  err_has "$file:15:[0-9]+: the host has no PCI function 0000:98:00.0$" "a parent that does not exist"
  same "$(grep -c '^mdevadm: error' <<<"$err")" 4 "that is all: the types of the GPU are not known yet"
}

all() {
  write <<'T'
[[device]]
name = "pool-{}"
count = "all"
type = "nvidia-13"
state = "defined"
T
  most=$(mdevadm types --json -o type,available | jq '.types[] | select(.type == "nvidia-13") | .available')
  mdevadm apply -f "$file" >/dev/null
  same "$(mdevadm list --defined --json | jq '.devices | length')" "$most" "all that fit are defined"
  is_described
  printf '[[device]]\nname = "pool-%s"\ntype = "nvidia-13"\nstate = "defined"\n' "$((most + 5))" >>"$file"
  run mdevadm apply -f "$file"
  exits 4 "another table cannot have a name that is one of the devices"
  err_has "$file:3:8: device 'pool-$((most + 5))' is described twice, first at $file:8:8$" "which is reported"
  sed -i '7,$d' "$file"
  mdevadm undefine pool-2 >/dev/null
  run mdevadm apply -f "$file"
  same "$code $(mdevadm list --defined --json | jq '.devices | length')" "0 $most" "a missing one is created again"
}

# Starts are counted against each other, beside devices of others.
pool_beside() {
  local group foreign command
  for group in "" yes; do
    write <<'T'
[[device]]
name = "p-{}"
count = "all"
type = "nvidia-16"
T
    [ -z "$group" ] || printf '[[group]]\nname = "pool"\nmembers = ["p-{}"]\n' >>"$file"
    mdevadm apply -qf "$file" >/dev/null
    mdevadm stop -q --all
    foreign=$(mdevadm start -p "$gpu" -t nvidia-16)
    run mdevadm diff -f "$file"
    same "$code $(grep -c '^~ start' <<<"$out")" "9 3" "diff shows the starts that are possible"
    run mdevadm apply -f "$file" --check
    out_has ": 3 devices to start$" "so does a check"
    run mdevadm apply -f "$file" --dry-run
    same "$code $(grep -c '^start' <<<"$out")" "0 3" "and a dry run"
    run mdevadm apply -f "$file"
    exits 0 "the devices for which there are instances are started${group:+ in a group}"
    err_has "^mdevadm: 'p-\{\}': 1 device is defined and not started: no available instances$" "a note counts the others"
    same "$(names)" " p-1 p-2 p-3" "they are active"
    is_described
    mdevadm stop -q "$foreign"
    mdevadm apply -qf "$file" >/dev/null
    same "$(names)" "p-1 p-2 p-3 p-4" "the last one is started when an instance is available"
    mdevadm stop -q --all
    foreign=$(mdevadm start -p "$gpu" -t nvidia-16)
    sed -i 's/"all"/4/' "$file"
    before=$(state)
    for command in "apply --dry-run" "apply --check" diff apply; do
      # shellcheck disable=SC2086
      run mdevadm $command -f "$file"
      exits 6 "$command refuses a number of devices for which there are not enough instances"
      err_has "$file:4:9: cannot start 'p-4' .*: no available instances of nvidia-16 on $gpu together with other devices of the description: 3 x nvidia-16$" "with the place"
    done
    err_has "^hint: active devices that are not in the description: '$foreign' \(not defined\)$" "and the device in the way"
    same "$(state)" "$before" "nothing is changed"
    mdevadm stop -q "$foreign"
    run mdevadm apply -f "$file"
    exits 0 "without it, the description is applied"
    is_described
    write <<'T'
[[device]]
name = "q-{}"
count = 4
type = "nvidia-16"
T
    run mdevadm apply -f "$file" --prune
    same "$code $(names)" "0 q-1 q-2 q-3 q-4" "what the same plan stops leaves its instances"
    mdevadm stop -q --all
    rm -rf /etc/mdevadm/*
  done
}

pool_functions() {
  local foreign
  write <<'T'
[[parent]]
name = "0000:41:00.0"
virtual_functions = "all"
[[device]]
name = "p-{}"
count = "all"
type = "L40S-8Q"
[[group]]
name = "pool"
members = ["p-{}"]
T
  mdevadm apply -qf "$file" >/dev/null
  mdevadm apply -qf "$file" >/dev/null
  same "$(names)" "p-1 p-2 p-3 p-4 p-5 p-6" "all vGPUs of a GPU are made"
  "$MDEVSIM" control reboot
  rm -rf /run/mdevadm/*
  mdevadm parent prepare 0000:41:00.0 >/dev/null 2>&1
  foreign=$(mdevadm start -p 0000:41:00.0 -t L40S-8Q)
  run mdevadm apply -f "$file"
  exits 0 "after a reboot, beside a vGPU of another, the others are started"
  same "$(names)" " p-1 p-2 p-3 p-4 p-5" "as many as there are instances"
  is_described
  holds "and can be claimed" mdevadm claim pool
  mdevadm release pool --all >/dev/null
  mdevadm stop -q "$foreign"
  mdevadm stop -q --all
  echo 1162 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  run mdevadm apply -f "$file"
  exits 0 "beside a vGPU of another program on a reserved virtual function, too"
  err_has "^mdevadm: 'p-\{\}': 1 device is defined and not started: another device has the virtual function$" "the note says why"
  same "$(names)" " p-2 p-3 p-4 p-5 p-6" "the others are active"
  is_described
}

# A host that is not as its files say, so that apply would change it.
described_otherwise() {
  mdevadm parent set -q 0000:41:00.0 --vfs all
  run mdevadm export host
  exits 0 "a host with a parent that is not prepared is described"
  err_has "^mdevadm: the host differs from its definitions and settings; with this description, apply would have 1 parent to prepare; list the changes: mdevadm export host \| mdevadm diff -f -$" "a note says what apply would do"
  run mdevadm diff -f - <<<"$out"
  same "$code $out" "9 --- host
+++ -
~ prepare parent '0000:41:00.0'" "as diff shows it"
  mdevadm parent prepare 0000:41:00.0 >/dev/null 2>&1
  mdevadm define -q -p 0000:41:00.0 -t L40S-8Q --name a
  mdevadm start -q a
  run mdevadm export host
  same "$code$err" 0 "without a difference there is no note"
  mdevadm modify -q a --node-mode 0660
  run mdevadm export host
  err_has "apply would have 1 device to correct; list the changes: " "a node that differs is noted"
  mdevadm group create -q g a
  cp /etc/mdevadm/groups/{g,h}.toml
  run mdevadm export host
  exits 0 "a device in two groups is described"
  err_has "^mdevadm: apply would refuse this description: .*'a' is a member of the groups 'g' and 'h'" "a note says that apply refuses it"
}

# Two descriptions of one host, applied at once. The order of the results is that of the starts.
two_files() {
  local one two round
  printf 'version = 1\nnamespace = "5f0c6f0e-2f0b-4c62-9d0f-6a3ad7a3f6c1"\n[[device]]\nname = "t-{}"\ncount = 3\ntype = "nvidia-12"\n' >"$file.2"
  for round in 1 2 3; do
    seats 3 </dev/null
    mdevadm apply -f "$file" --prune --json >"$file.out1" 2>/dev/null & one=$!
    mdevadm apply -f "$file.2" --prune --json >"$file.out2" 2>/dev/null & two=$!
    wait $one; one=$?
    wait $two; two=$?
    same "$one $two" "0 0" "two descriptions can be applied at once ($round)"
    same "$(jq -r '[.results[] | select(.changed) | .name] | unique | join(" ")' "$file.out1" "$file.out2" | paste -sd' ')" \
      "seat-1 seat-2 seat-3 t-1 t-2 t-3" "each makes its own devices"
    for one in 1 2; do
      same "$(jq -c '[.results[].name] | . == sort' "$file.out$one")" true "the results have a fixed order"
    done
    is_described
    holds "and so is the other description" mdevadm apply -f "$file.2" --check
    mdevadm stop -q --all
    mdevadm undefine -q --all
  done
}

# Errors that the host shows, with their places.
places_of_errors() {
  write <<'T'
[[device]]
name = "a"
need = ["framebuffer>=1T"]
T
  run mdevadm apply -f "$file"
  exits 3 "requirements that no type meets"
  err_has "$file:4:8: no type has framebuffer>=1T$" "have the place of the key"
  write <<'T'
[[device]]
name = "a"
type = "nvidia-12"
vf = "0000:86:00.4"
T
  run mdevadm apply -f "$file"
  exits 1 "a virtual function on a GPU without"
  err_has "$file:5:6: cannot define 'a' .*: it sets the virtual function" "has the place of the key"
  err_has "^hint: omit the key vf$" "the hint names the key"
  seats 1 </dev/null
  mdevadm apply -qf "$file" >/dev/null
  write <<T
[[device]]
name = "x"
uuid = "$(mdevadm list seat-1 -n -o uuid)"
type = "nvidia-12"
[[device]]
name = "seat-1"
type = "nvidia-12"
T
  run mdevadm apply -f "$file"
  exits 4 "two devices with one UUID"
  err_has "'seat-1' and 'x' have the same UUID" "are named as the description does"
  printf '[[group]]\nname = "g"\nmembers = ["h"]\n[[group]]\nname = "h"\nmembers = ["g"]\n' | write
  run mdevadm apply -f "$file"
  exits 3 "groups that name each other"
  err_has "$file:4:12: group 'g': no device 'h' is described or defined$" "members are devices"
  err_has "$file:7:12: group 'h': no device 'g' is described or defined$" "of each group"
  for type in nvidia-18 nvidia-12; do printf '[[device]]\nname = "%s"\ntype = "%s"\n' new-$type $type; done | write
  mdevadm stop -q --all
  mdevadm undefine -q --all
  run mdevadm apply -f "$file"
  exits 6 "sizes that exclude each other"
  err_has "^hint: other devices of the description on these parents: 'new-nvidia-18' \(1 of nvidia-18\)$" "a new device of the same file is named as the reason"
}

# kill -9 before each system call that changes something.
kills() {
  local n ended part wrong=
  for part in "" --prune; do
    for ((n = 1, ended = 137; ended == 137; n += 7)); do
      if [ -z "$part" ]; then
        seats 0 </dev/null
        sed -i '/^.*device/,$d' "$file"
        mdevadm apply -f "$file" --prune >/dev/null 2>&1
        seats 2 <<'T'
[[group]]
name = "vm1"
members = ["seat-{}"]
T
      else
        seats 3 </dev/null
        mdevadm apply -f "$file" >/dev/null 2>&1
        seats 2 <<'T'
[[device.attribute]]
name = "nvidia/vgpu_params"
value = "frame_rate_limiter=0"
T
      fi
      "$KILL_AT" $n "$MDEVADM" apply -f "$file" $part >/dev/null 2>&1
      ended=$?
      mdevadm apply -f "$file" $part >/dev/null 2>&1 || wrong+=" $n$part: ends with $?"
      mdevadm apply -f "$file" $part --check >/dev/null 2>&1 || wrong+=" $n$part: differs"
    done
    echo "# killed before every seventh of $((n - 8)) calls"
  done
  same "$wrong" "" "an apply that was killed can be repeated, and converges"
  same "$(names --all)" "seat-1 seat-2" "as described"
}

# A device in use keeps others from changing their type: it is named, and the group stays as it is.
retype_in_use() {
  seats 3 <<'T'
[[group]]
name = "pool"
members = ["seat-{}"]
T
  mdevadm apply -f "$file" >/dev/null 2>&1
  mdevadm claim pool --for vm1 >/dev/null
  sed -i 's/^type = .*/type = "nvidia-13"/' "$file"
  before=$(state)
  run mdevadm apply -f "$file"
  exits 8 "an apply beside a claimed device is done in part"
  err_has "in use or claimed, so not stopped: 'seat-1' \(" "the device is named"
  err_lacks "is described or defined" "the group is not a problem"
  same "$(state)" "$before" "devices and group are unchanged"
  mdevadm release -q pool --all >/dev/null
  run mdevadm apply -f "$file"
  exits 0 "after the release it is done"
  is_described
}

# The room of a device in use is needed.
waiting() {
  d() { printf '[[device]]\nname = "s"\ntype = "%s"\nparents = ["%s"]\n' "$1" "$gpu" | write; }
  d T4-1Q
  mdevadm apply -qf "$file"
  uuid=$(mdevadm list -no uuid)
  "$MDEVSIM" hold "$uuid" >/dev/null &
  holder=$!
  wait_until test -n "$(mdevadm list -no held_by)"
  d T4-2Q
  run mdevadm apply -f "$file"
  exits 8 "a device in use keeps its type"
  err_has "in use or claimed, so not stopped: 's' \($uuid\) by mdevsim" "the process is named"
  err_has "^hint: .*--timeout SECONDS" "a hint names the option to wait"
  mdevadm apply -f "$file" --wait 60 >/dev/null 2>"$file.err" &
  waiter=$!
  sleep 0.3
  kill $holder
  wait $waiter
  same $? 0 "apply --wait waits for the release"
  is_described
  rm -f "$file.err"
}

sizes() {  # vGPUs of several sizes, in an order in which the last one finds no free part of the framebuffer
  write <<'T'
[[device]]
name = "small"
type = "NVIDIA L40S-8Q"
[[device]]
name = "medium"
type = "NVIDIA L40S-16Q"
[[device]]
name = "large"
type = "NVIDIA L40S-24Q"
T
}

# An idle GPU does not show that it mixes framebuffer sizes.
mixed() {
  sizes
  run mdevadm diff -f "$file"
  exits 9 "several sizes on an idle GPU are planned"
  err_has "whether the GPU mixes framebuffer sizes is unknown while it has no vGPU; .* nvidia-smi vgpu -i $gpu -shm 1" "a note names the condition"
  run mdevadm apply -f "$file"
  exits 0 "a GPU that mixes sizes gets several, the largest first"
  is_described
  mdevadm export host >"$file"
  mdevadm stop -q --all
  mdevadm undefine -q small medium large
  run mdevadm apply -f "$file"
  exits 0 "what a GPU of mixed sizes exports can be applied after it was removed"
  is_described
  same "$(mdevadm list --json | jq '.devices | length')" 3 "all devices are active"
}

not_mixed() {
  sizes
  run mdevadm apply -f "$file"
  exits 8 "a GPU of equal sizes gets one of them"
  err_has "whether the GPU mixes framebuffer sizes is unknown" "a note names the condition"
  err_has "cannot start 'medium' .*another framebuffer size is in use" "the error of the others names the size"
  same "$(mdevadm list --json -o name | jq -r '.devices[].name')" large "the first one is active"
  run mdevadm apply -f "$file" --check
  exits 9 "the host differs"
  out_has "2 devices cannot be changed or started at present" "the number of the others"
  err_has "'medium'.*another framebuffer size is in use on this GPU" "and the reason"
  mdevadm stop -q large
  nvidia-smi vgpu -i "$gpu" -shm 1 >/dev/null
  run mdevadm apply -f "$file"
  exits 0 "it is applied when sizes are mixed"
  is_described
}

# Of what takes room, what would have to be removed is named.
in_the_way() {
  foreign=$(mdevadm start -p "$gpu" -t nvidia-12)
  mdevadm define -q -p "$gpu" -t nvidia-12 --name old-1 11111111-1111-4111-8111-111111111111 >/dev/null
  mdevadm define -q -p "$gpu" -t nvidia-12 --name old-2 22222222-2222-4222-8222-222222222222 >/dev/null
  for count in 14 15 16 17; do
    write <<T
[[device]]
name = "a-{}"
count = $count
type = "nvidia-12"
T
    run mdevadm apply -f "$file"
    exits 6 "$count devices do not fit"
    case $count in
      14) err_has "^hint: enough instances become available if these devices are removed: 'old-2'$" "one definition is in the way" ;;
      15) err_has "^hint: enough instances become available if these devices are removed: 'old-1', 'old-2'$" "two definitions are, and no active device" ;;
      16) err_has "^hint: enough instances become available if these devices are removed: '$foreign' \(not defined\), 'old-1', 'old-2'$" "all are" ;;
      17) err_has "^hint: devices that use instances and are not in the description: 'old-1', 'old-2', '$foreign' \(not defined\)$" "more than the GPU has" ;;
    esac
  done
}

# The members of a group are started in its order, whatever their UUIDs.
together() {
  local second
  second=$(mdevadm types --json | jq -r '.types[1].type')
  write <<T
[[device]]
name = "b"
uuid = "11111111-1111-4111-8111-111111111111"
type = "$second"
[[device]]
name = "a"
uuid = "99999999-1111-4111-8111-111111111111"
type = "$second"
[[group]]
name = "g"
members = ["a", "b"]
p2p = "require"
T
  run mdevadm apply -f "$file"
  exits 0 "members that share an IOMMU group are started in the order of their group"
  same "$(mdevadm list --json -o iommu_group | jq -c '[.devices[].iommu_group] | unique | length')" 1 "they share it"
  is_described
}

# Virtual functions are not enabled: devices can be described that are not to be active.
defined_only() {
  mdevadm define -p "$gpu" -t 1145 --name z >/dev/null
  mdevadm export host >"$file"
  mdevadm undefine -q z
  run mdevadm apply -f "$file"
  exits 0 "a device that is only defined needs no room"
  is_described
  same "$(names --all)" z "it is there"
}

# Definitions that are used in turn: only one of the devices fits at a time.
in_turn() {
  mdevadm define 22222222-0000-4000-8000-000000000000 -p "$gpu" -t i915-GVTg_V5_1 --name used >/dev/null
  mdevadm define 11111111-0000-4000-8000-000000000000 -p "$gpu" -t i915-GVTg_V5_2 --name spare --force >/dev/null
  mdevadm start used
  mdevadm export host >"$file"
  is_described
  mdevadm stop -q used
  mdevadm undefine -q --all
  run mdevadm apply -f "$file"
  exits 0 "a device that is only defined takes no room from one that is started"
  is_described
  same "$(names)" used "which is active"
  mdevadm stop -q used
  mdevadm undefine -q used
  run mdevadm apply -f "$file"
  exits 0 "also if the other one is defined already"
  is_described
}

after_reboot() {
  write <<'T'
[[parent]]
name = "0000:41:00.0"
virtual_functions = "all"
[[device]]
name = "s"
type = "L40S-8Q"
T
  run mdevadm apply -f "$file" --dry-run
  exits 0 "a dry run on a fresh host succeeds"
  out_has "^define 's' .*: the steps cannot be listed before the parent has been prepared$" "it shows the definitions that depend on the preparation"
  out_has "^start 's' " "and the starts"
  run mdevadm apply -f "$file" --dry-run --json
  same "$(jq -c '[.jobs[-2:][] | [.name, (.goal | split(" ")[0]), (.steps | length), (.notes | length)]]' <<<"$out")" '[["s","define",0,1],["s","start",0,1]]' \
    "also as JSON"
  mdevadm apply -qf "$file"
  "$MDEVSIM" control reboot
  rm -rf /run/mdevadm/*
  run mdevadm diff -f "$file"
  exits 9 "after a reboot the host differs"
  same "$err" "" "without a warning"
  same "$(grep '^[~+-] ' <<<"$out" | cut -d"(" -f1)" "~ prepare parent '0000:41:00.0'
~ start device 's' " "in the preparation and the start"
  run mdevadm apply -f "$file" --dry-run
  exits 0 "a dry run succeeds"
  out_has "^start 's' " "and shows the start"
  run mdevadm apply -f "$file"
  exits 0 "apply makes both"
  sed -i 's/8Q/4Q/' "$file"
  mdevadm stop -q s
  "$MDEVSIM" control reboot
  run mdevadm diff -f "$file"
  out_has "^~ device 's'" "a definition that changes its type is not shown as new"
  out_has "^\+   type: L40S-4Q$" "but with the types"
  run mdevadm apply -f "$file"
  exits 0 "and is changed"
  is_described
}

# Jobs of one device of which the last one fails.
half() {
  seats 1 </dev/null
  "$MDEVSIM" control fault create 1 EIO
  run mdevadm apply -f "$file"
  exits 8 "a device that was defined and could not be started is a part"
  out_has "^\+ device 'seat-1'" "the definition is shown"
  out_lacks "^~ start" "the start is not"
  "$MDEVSIM" control fault create 1 EIO
  run mdevadm apply -f "$file" --json
  same "$(jq -c '[.results[] | [.outcome, .changed]]' <<<"$out")" '[["failed",false]]' "a start that fails changes nothing"
  exits 1 "and apply has failed"
  mdevadm undefine -q --all
  "$MDEVSIM" control fault create 1 EIO
  run mdevadm apply -f "$file" --json
  same "$(jq -c '[.results[] | [.outcome, .changed]]' <<<"$out")" '[["failed",true]]' "a definition is a change, although its start fails"
  mdevadm apply -qf "$file"
  is_described
}

# Failures of the driver.
faults() {
  local wrong= fault
  for fault in "create 1 EIO" "create 1 ENOMEM" "create 1 EEXIST" "create 2 ENOSPC" "create 2 EINVAL" \
    "read 0 EIO available_instances" "read 0 EIO name" "read 0 EIO mdev_type"; do
    seats 3 <<'T'
[[group]]
name = "vm1"
members = ["seat-{}"]
T
    mdevadm apply -f "$file" >/dev/null 2>&1
    write <<'T'
[[device]]
name = "seat-{}"
count = 2
type = "nvidia-13"
T
    "$MDEVSIM" control fault $fault
    run mdevadm apply -f "$file" --prune
    case $fault:$code in
      create*:[1468] | read*:[01468]) ;;
      *) wrong+=" $fault: $code" ;;
    esac
    "$MDEVSIM" control clear
    mdevadm apply -f "$file" --prune >/dev/null 2>&1
    mdevadm apply -f "$file" --prune --check >/dev/null 2>&1 || wrong+=" $fault: differs"
  done
  same "$wrong" "" "an apply that failed can be repeated, and converges"
}

# A group starts as a whole, as by "group start"; other devices do not depend on it.
as_a_whole() {
  write <<'T'
[[device]]
name = "seat-{}"
count = 2
type = "nvidia-12"
[[group]]
name = "vm1"
members = ["seat-{}"]
[[device]]
name = "other"
type = "nvidia-12"
T
  "$MDEVSIM" control fault create 2 EIO
  run mdevadm apply -f "$file"
  "$MDEVSIM" control clear
  exits 8 "one of two members cannot be started"
  err_has "^mdevadm: error: cannot start 'seat-[12]' .* of group 'vm1': .*\(Input/output error\); all starts of its group were rolled back$" "the error names it"
  same "$(names)" other "the other member was stopped again, and another device started"
  same "$(mdevadm list --defined --json | jq '.devices | length')" 3 "all definitions were written"
  run mdevadm apply -f "$file"
  exits 0 "the next apply starts the group"
  same "$(names)" "other seat-1 seat-2" "all devices are active"
  is_described
}

empty() {
  run mdevadm export host
  exits 0 "an empty host is described"
  same "$out" "version = 1" "by its version"
  write </dev/null
  is_described
}

# Only the definition was changed by hand: the device runs as described.
by_hand() {
  most=$(mdevadm types --json -o type,available | jq '.types[] | select(.type == "nvidia-12") | .available')
  seats "$most" </dev/null
  mdevadm apply -f "$file" >/dev/null
  uuid=$(mdevadm show seat-1 --json | jq -r '.devices[0].uuid')
  inode=$(stat -L -c %i /sys/bus/mdev/devices/"$uuid")
  mdevadm modify -q seat-1 --type nvidia-13
  run mdevadm diff -f "$file"
  exits 9 "on a full GPU, a definition that was changed by hand differs"
  out_has "^\+   type: nvidia-12$" "its type"
  out_lacks "^~ restart" "and nothing else"
  run mdevadm apply -f "$file"
  exits 0 "it is changed back"
  same "$(stat -L -c %i /sys/bus/mdev/devices/"$uuid")" "$inode" "and the device was not restarted"
  is_described
  seats 1 </dev/null
  mdevadm apply -f "$file" --prune >/dev/null
  seats 1 <<'T'
[[device.attribute]]
name = "nvidia/vgpu_params"
value = "frame_rate_limiter=0"
T
  mdevadm apply -f "$file" >/dev/null
  mdevadm modify -q seat-1 --attr nvidia/vgpu_params=frame_rate_limiter=1
  run mdevadm diff -f "$file"
  out_has "^\+   attribute.*frame_rate_limiter=0" "an attribute that was changed by hand in the definition only"
  out_lacks "^~ restart" "does not restart the device either"
  # Errors of commands that change nothing are JSON on standard error.
  echo 'colour = 1' >>"$file"
  for command in diff "apply --check"; do
    run mdevadm $command -f "$file" --json
    exits 1 "a wrong description ($command --json)"
    same "$out" "" "no result"
    same "$(jq -r '.error.message' <<<"$err" 2>/dev/null | grep -c "unknown key 'colour'")" 1 "the error is JSON"
  done
  write <<'T'
[[device]]
name = "a-{}"
count = 1000
type = "nvidia-12"
[[device]]
name = "b-{}"
count = 2000
type = "nvidia-13"
T
  run mdevadm apply -f "$file" --prune
  exits 6 "two tables that do not fit"
  same "$(grep -c 'available instances of .* for only' <<<"$err")" 2 "both are reported"
}

groups() {
  seats 2 <<'T'
[[device]]
name = "cad-{}"
count = 2
type = "nvidia-12"
[[group]]
name = "vm1"
members = ["seat-{}", "cad-{}"]
[[group]]
name = "vm2"
members = []
T
  mdevadm apply -f "$file" >/dev/null
  sed -i '0,/^count = 2/s//count = 3/' "$file"
  run mdevadm apply -f "$file"
  exits 0 "a member is inserted"
  same "$(mdevadm group show vm1 --json | jq -r '[.devices[].name] | join(" ")')" "seat-1 seat-2 seat-3 cad-1 cad-2" "in the order of the file"
  is_described
  sed -i 's/^members = \["seat.*/members = ["cad-2", "seat-{}"]/; s/^members = \[\]/members = ["cad-1"]/' "$file"
  run mdevadm apply -f "$file"
  exits 0 "members are reordered, and one moves to another group"
  same "$(mdevadm group show vm1 --json | jq -r '[.devices[].name] | join(" ")')" "cad-2 seat-1 seat-2 seat-3" "in the order of the file"
  is_described
  mdevadm group create -q hand
  mdevadm group remove -q vm2 cad-1
  mdevadm group add -q hand cad-1
  run mdevadm diff -f "$file"
  exits 4 "a device of a group that is not described is not put into another one"
  err_has "group 'vm2': in group 'hand' already, which is not described: 'cad-1'$" "both groups are named"
  eval "$(grep -o 'mdevadm group remove .*' <<<"$err")" >/dev/null
  run mdevadm apply -f "$file"
  exits 0 "following the hint, the description is applied"
  sed -i 's/"vm2"/"vm3"/' "$file"
  run mdevadm apply -f "$file"
  exits 4 "nor are the members of a group that has another name now"
  eval "$(grep -o 'mdevadm group rename .*' <<<"$err")" >/dev/null
  is_described "following the hint, the group is renamed"
  mdevadm define -q -p "$gpu" -t nvidia-12 --name seat-x >/dev/null
  sed -i 's/"seat-{}"\]/"seat-*"]/' "$file"
  run mdevadm apply -f "$file"
  exits 0 "a pattern matches definitions that are not described"
  same "$(mdevadm group show vm1 --json | jq -r '[.devices[].name] | join(" ")')" "cad-2 seat-1 seat-2 seat-3 seat-x" "after those that are"
  is_described
  write <<'T'
[[device]]
name = "v-{parent}"
count_per_parent = 1
type = "nvidia-12"
parents = ["10de:ffff"]
[[group]]
name = "vm9"
members = ["v-{parent}"]
T
  run mdevadm apply -f "$file"
  exits 0 "the name of a table that describes no device on this host is a member"
  same "$(mdevadm group show vm9 --json | jq '.devices | length')" 0 "of which there is none"
}

# One parent cannot be prepared.
unprepared() {
  write <<'T'
[[parent]]
name = "0000:81:00.0"
[[parent.run]]
command = ["false"]
[[device]]
name = "here"
type = "nvidia-12"
parents = ["0000:81:00.0"]
[[device]]
name = "there"
type = "nvidia-12"
parents = ["0000:82:00.0"]
[[device]]
name = "any-{}"
count = 7
type = "nvidia-12"
T
  run mdevadm apply -f "$file"
  exits 8 "the preparation of a parent fails"
  err_has "cannot prepare '0000:81:00.0'" "the parent is named"
  err_has "cannot apply 'here' .*: not prepared: 0000:81:00.0$" "and what depends on it"
  same "$(names)" "any-1 any-2 any-3 any-4 any-5 any-6 any-7 there" "everything else is done"
  same "$(mdevadm list -n -o parent | grep -c 0000:81)" 0 "on the other parents"
  out_has "^\+ parent '0000:81:00.0'" "the settings that were written are shown"
  out_lacks "^~ prepare" "the preparation is not"
  sed -i 's/"false"/"true"/' "$file"
  run mdevadm apply -f "$file"
  exits 0 "the next apply makes what is missing"
  out_has "^~ prepare parent '0000:81:00.0'" "and shows the preparation"
  is_described
  # A GPU with devices cannot be prepared again.
  sed -i 's/\["true"\]/["echo"]/' "$file"
  printf '[[device]]\nname = "more"\ntype = "nvidia-12"\n' >>"$file"
  run mdevadm diff -f "$file"
  exits 9 "a parent that has devices and is to be prepared differs"
  err_has "cannot prepare '0000:81:00.0': .*has mediated device" "it is named"
  out_has "^\+ device 'more'" "and the other changes are shown"
  run mdevadm apply -f "$file"
  exits 8 "they are made"
  same "$(names)" "any-1 any-2 any-3 any-4 any-5 any-6 any-7 here more there" "and no device is stopped"
  mdevadm stop -q here
  run mdevadm apply -f "$file"
  exits 0 "without devices, the parent is prepared"
  is_described
}

# Virtual functions that are exchanged and reserved.
places() {
  pair() {  # functions of a and b, and those that are reserved
    local a=${1:+"vf = \"$1\""} b=${2:+"vf = \"$2\""}
    write <<T
[[parent]]
name = "$gpu"
reserved = [${3:-}]
[[device]]
name = "a"
type = "NVIDIA L40S-4Q"
$a
[[device]]
name = "b"
type = "NVIDIA L40S-4Q"
$b
T
  }
  pair 0000:41:00.4 0000:41:00.5
  mdevadm apply -f "$file" >/dev/null
  pair 0000:41:00.5 0000:41:00.6
  run mdevadm apply -f "$file"
  exits 0 "a device moves to the virtual function that another one leaves"
  is_described
  pair 0000:41:00.6 0000:41:00.5
  run mdevadm apply -f "$file"
  exits 0 "two exchange their virtual functions"
  is_described
  same "$(mdevadm list --json -o name,vf | jq -r '[.devices[] | .name + .vf] | sort | join(" ")')" "a0000:41:00.6 b0000:41:00.5" "they are there"
  pair "" "" '"0000:41:00.6"'
  run mdevadm diff -f "$file"
  out_has "^-   vf: 0000:41:00.6" "a device on a function that is reserved now moves"
  run mdevadm apply -f "$file"
  exits 0 "by a restart"
  same "$(mdevadm list --json -o vf | jq -r '[.devices[].vf | select(endswith("6"))] | length')" 0 "to another one"
  is_described
  mdevadm stop -q --all
  pair "" "" '"0000:41:00.6", "0000:41:00.5"'
  run mdevadm apply -f "$file"
  exits 0 "one that is not active, too"
  is_described
  pair 0000:41:00.5 "" '"0000:41:00.5"'
  run mdevadm diff -f "$file"
  exits 4 "a function that the description gives and reserves is a conflict"
}

# Drivers report more instances than GPU instances (MIG) have room for.
instances() {
  write <<'T'
[[device]]
name = "i-{}"
count = "all"
type = "GRID A100D-1-10C"
T
  mdevadm apply -f "$file" >/dev/null 2>&1
  run mdevadm apply -f "$file"
  exits 0 "a description of all that fit converges"
  is_described
}

# As many devices as 64 GPUs have room for.
many() {
  write <<'T'
[[device]]
name = "seat-{}"
count = 1000
type = "nvidia-12"
state = "defined"
T
  begin=$(date +%s%N)
  run mdevadm apply -f "$file"
  exits 0 "a thousand devices are defined"
  echo "# first run: $((($(date +%s%N) - begin) / 1000000)) ms"
  files=$(find /etc/mdevadm /run/mdevadm ! -name '*.lock' -printf '%p %i %s %T@ %C@\n' | sort | sha256sum)
  begin=$(date +%s%N)
  run mdevadm apply -f "$file"
  exits 0 "a second run changes nothing"
  echo "# second run: $((($(date +%s%N) - begin) / 1000000)) ms"
  err_has "the host matches $file \(1000 devices\)$" "and says so"
  same "$(find /etc/mdevadm /run/mdevadm ! -name '*.lock' -printf '%p %i %s %T@ %C@\n' | sort | sha256sum)" "$files" "and writes no file and no directory"
  same "$(mdevadm list --defined --json -o parent | jq -c '[.devices | group_by(.parent)[] | length] | unique')" "[15,16]" "they are spread"
}

# The example of mdevadm.host(5).
example() {
  awk '/^# EXAMPLES/ { on = 1 } /^```/ { inside = !inside; blocks += on && inside; next } blocks == 1 && inside' "$here/../../man/mdevadm.host.5.scd" >"$file"
  run mdevadm apply -f "$file"
  exits 0 "the first example of the man page is applied"
  is_described
  same "$(names --all)" "cad-1 seat-1 seat-2" "all its devices are there"
}

functions() {
  write <<'T'
[[device]]
name = "seat-{}"
count = 4
need = ["framebuffer>=4G", "series=Q"]
[[device]]
name = "fixed"
type = "NVIDIA L40S-4Q"
vf = "0000:41:00.7"
T
  run mdevadm apply -f "$file"
  exits 0 "devices on virtual functions"
  is_described
  places=$(mdevadm list --json -o name,vf | jq -c .devices)
  same "$(jq -r 'map(.vf) | unique | length' <<<"$places")" 5 "each has its own"
  same "$(jq -r '.[] | select(.name == "fixed").vf' <<<"$places")" "0000:41:00.7" "or the one that is described"
  mdevadm stop --all >/dev/null
  mdevadm apply -f "$file" >/dev/null
  same "$(mdevadm list --json -o name,vf | jq -c .devices)" "$places" "and keeps it"
  himself
}

parents() {
  write <<'T'
[[parent]]
name = "0000:41:00.0"
virtual_functions = "all"

[[device]]
name = "seat-{}"
count = 2
type = "NVIDIA L40S-4Q"
parents = ["0000:41:00.0"]
T
  run mdevadm diff -f "$file"
  exits 9 "a parent that is not prepared differs"
  out_has "^~ prepare parent '0000:41:00.0'" "and is prepared"
  run mdevadm apply -f "$file"
  exits 0 "apply prepares it and makes the devices"
  same "$(names)" "seat-1 seat-2" "which are active"
  is_described
}

# The description of a host makes this host.
himself() {
  mdevadm parent set "$gpu" --reserve 0000:41:01.0 >/dev/null 2>&1
  types=$(mdevadm types --json -o type,available | jq -r '[.types[] | select(.available > 0)] | .[0].type')
  mdevadm define -p "$gpu" -t "$types" --name 'first {}' --auto --node-owner nobody --node-mode 0600 >/dev/null
  mdevadm define -p "$gpu" -t "$types" --attr nvidia/vgpu_params=a=1 --attr nvidia/vgpu_params=b=2 >/dev/null
  mdevadm define -p "$gpu" -t "$types" --name 'x-{parent}' >/dev/null 2>&1
  mdevadm define -p "$gpu" -t "$types" --name created --create-arg a=1 --force >/dev/null 2>&1
  uuid=aaaaaaaa-0000-4000-8000-000000000001
  mkdir -p "/etc/mdevctl.d/$gpu" /etc/mdevadm/devices/absent
  echo "{\"mdev_type\":\"$types\",\"start\":\"manual\",\"attrs\":[{\"a\":\"1\"}]}" >"/etc/mdevctl.d/$gpu/$uuid"
  printf 'type = "none"\nname = "absent"\nvf = "any"\n' >/etc/mdevadm/devices/absent/$uuid.toml
  mdevadm start 'first {}' >/dev/null 2>&1
  mdevadm group create vm1 'first {}' --p2p off --auto --node-owner nobody >/dev/null
  printf 'members = ["absent/%s"]\n' $uuid >/etc/mdevadm/groups/dangling.toml
  run mdevadm export host
  exits 0 "the host is described"
  printf '%s\n' "$out" >"$file"
  before=$(state)
  is_described
  run mdevadm apply -f "$file" --prune
  exits 0 "applying it succeeds"
  same "$(state)" "$before" "and changes nothing"
}

# A device in use keeps its queues: no other device is stopped for them, which could not be started again.
queue_in_use() {
  local a=11111111-0000-4000-8000-00000000000a b=22222222-0000-4000-8000-00000000000b type=vfio_ap-passthrough name
  chzdev -t ap apmask=-5-6 >/dev/null
  mdevadm define $a -p matrix -t $type --adapter 5 --domain 0x14 --name a
  mdevadm define $b -p matrix -t $type --adapter 5 --domain 4 --name b
  mdevadm start a b
  "$MDEVSIM" hold $a 100 >/dev/null &
  wait_until eval 'mdevadm list a -n -o in_use | grep -q yes'
  inode=$(stat -L -c %i /sys/bus/mdev/devices/$b)
  for name in "a $a 6 0x14" "b $b 5 4,0x14"; do
    set -- $name
    printf '[[device]]\nname = "%s"\nuuid = "%s"\nparents = ["matrix"]\ntype = "%s"\n[device.ap]\nadapters = [%s]\ndomains = [%s]\n' \
      "$1" "$2" $type "$3" "$(sed 's/0x14/"0x14"/' <<<"$4")"
  done | write
  run mdevadm apply -f "$file" --dry-run
  err_has "cannot apply 'b' .*: queue 05.0014 is assigned to the active device 'a'$" "a dry run refuses a device that needs a queue of one in use"
  run mdevadm apply -f "$file"
  exits 8 "so does apply, as for any device in use"
  err_has "cannot apply 'a' .*: it is in use by " "the device in use is refused"
  err_has "cannot apply 'b' .*: queue 05.0014 is assigned to the active device 'a'$" "and the other one, with the name of the first"
  same "$(stat -L -c %i /sys/bus/mdev/devices/$b)" "$inode" "which was not stopped"
  same "$(mdevadm show b --json | jq -c '.devices[0].domains')" '[4]' "and keeps its definition"
  kill %1
  wait %1 2>/dev/null
  run mdevadm apply -f "$file"
  exits 0 "when the device is free, both change"
  is_described
}

# The kernel's sample drivers count ports, displays and memory for all types together.
retype_full() {
  local parent large small count
  while read -r parent large small count; do
    printf '[[device]]\nname = "d-{}"\ncount = %s\nparents = ["%s"]\ntype = "%s"\n' "$count" $parent $large | write
    mdevadm apply -qf "$file"
    {
      printf '[[device]]\nname = "d-1"\nparents = ["%s"]\ntype = "%s"\n' $parent $small
      for ((i = 2; i <= count; ++i)); do printf '[[device]]\nname = "d-%s"\nparents = ["%s"]\ntype = "%s"\n' "$i" $parent $large; done
    } | write
    run mdevadm apply -f "$file"
    exits 0 "a device of a full parent gets another type ($parent)"
    same "$(mdevadm list d-1 -n -o type | tr -d ' ')" $small "it is active with it"
    is_described
    mdevadm stop -q --all
    mdevadm undefine -q --all
  done <<'P'
mdpy mdpy-hd mdpy-vga 4
mtty mtty-2 mtty-1 12
mbochs mbochs-large mbochs-small 4
P
}

# Whether types of one framebuffer size can be active together is known to the driver only, so nothing is stopped for that.
retype_other_series() {
  printf '[[device]]\nname = "d-{}"\ncount = 4\nparents = ["%s"]\ntype = "nvidia-16"\n' "$gpu" | write
  mdevadm apply -qf "$file" >/dev/null
  {
    printf '[[device]]\nname = "d-1"\nparents = ["%s"]\ntype = "nvidia-15"\n' "$gpu"
    for i in 2 3 4; do printf '[[device]]\nname = "d-%s"\nparents = ["%s"]\ntype = "nvidia-16"\n' $i "$gpu"; done
  } | write
  run mdevadm apply -f "$file"
  exits 6 "a full GPU has no room for a type that excludes the others"
  same "$(names)" "d-1 d-2 d-3 d-4" "no device is stopped for it"
}

# A device of a group moves to another parent, active or not.
moved() {
  local first=0000:86:00.0 second=0000:87:00.0 member
  for member in described hand; do
    write <<T
[[device]]
name = "m"
type = "nvidia-18"
parents = ["$first"]
T
    [ $member = described ] && printf '[[group]]\nname = "g"\nmembers = ["m"]\n' >>"$file"
    mdevadm apply -f "$file" >/dev/null
    [ $member = hand ] && mdevadm group create -q hand m
    echo "# by hand" >>"$(echo /etc/mdevadm/devices/$first/*.toml)"
    sed -i "s/$first/$second/" "$file"
    run mdevadm diff -f "$file"
    same "$(grep -c "^+   parent: $second" <<<"$out")" 1 "$member: the parent is shown once"
    run mdevadm apply -f "$file"
    exits 0 "$member: a member of a group moves to another parent"
    same "$(mdevadm list -n -o name,parent,state | tr -s ' ')" "m $second active" "$member: and is active there"
    same "$(grep -c '# by hand' /etc/mdevadm/devices/$second/*.toml)" 1 "$member: its file keeps comments"
    is_described
    mdevadm stop -q m
    sed -i "s/$second/$first/; s/^parents/state = \"defined\"\n&/" "$file"
    run mdevadm apply -f "$file"
    exits 0 "$member: so does one that is not active"
    same "$(mdevadm list --all -n -o name,parent,state | tr -s ' ')" "m $first inactive" "$member: its definition is there"
    mdevadm undefine -q m --force
    rm -f /etc/mdevadm/groups/*
  done
  # Two members change places.
  local places=("$first" "$second")
  for member in 0 1 0; do
    printf '[[device]]\nname = "%s"\ntype = "nvidia-18"\nparents = ["%s"]\n' a "${places[member]}" b "${places[1 - member]}" | write
    printf '[[group]]\nname = "g"\nmembers = ["a", "b"]\n' >>"$file"
    run mdevadm apply -f "$file"
    exits 0 "members on ${places[member]} and ${places[1 - member]}"
    same "$(mdevadm list -n -o name,parent,state | tr -s ' ' | sort | paste -sd,)" "a ${places[member]} active,b ${places[1 - member]} active" "both are active there"
  done
  # A member that names its parent, in a group that is not described.
  mdevadm group stop -q g
  mdevadm undefine -q a b --force
  rm -f /etc/mdevadm/groups/*
  sed -i '/group/,$d' "$file"
  mdevadm apply -f "$file" >/dev/null
  local uuid
  uuid=$(mdevadm list -n -o uuid a)
  printf 'members = ["%s/%s"]\n' "$first" "$uuid" >/etc/mdevadm/groups/hand.toml
  sed -i "s/$first/X/; s/$second/$first/; s/X/$second/" "$file"
  run mdevadm apply -f "$file"
  exits 0 "the description exchanges the parents"
  out_has "^~ group 'hand'" "the change of the group is printed"
  same "$(grep -c "\"$second/$uuid\"" /etc/mdevadm/groups/hand.toml)" 1 "the group follows its member"
  # Without the lock of the definitions, the removal of a member is not taken for a change by another process.
  mdevadm group add -q hand b
  sed -i '/name = "b"/,$d' "$file"
  sed -i '$d' "$file"
  run mdevadm apply -f "$file" --prune
  exits 0 "an active member of a group that is not described is removed"
  same "$(mdevadm list --all -n -o name)" a "the other one stays"
}

# Files of described objects that cannot be used.
unusable() {
  local path
  gpu=0000:41:00.0
  mkdir -p /etc/mdevadm/groups
  mdevadm parent set -q $gpu --vfs all
  path=/etc/mdevadm/parents/$gpu.toml
  chmod 666 "$path"
  printf '[[parent]]\nname = "%s"\nvirtual_functions = "all"\n' $gpu | write
  for command in diff apply "apply --check" "apply --dry-run"; do
    run mdevadm $command -f "$file"
    exits 1 "$command refuses settings that cannot be used"
    err_has "$file:3:[0-9]+: parent '$gpu': its settings cannot be used: $path: not used, because it can contain commands for root" "with the file and its problem"
    err_has "^hint: chmod go-w $path$" "and the command that helps"
  done
  eval "$(sed -n 's/^hint: //p' <<<"$err")"
  run mdevadm apply -f "$file"
  exits 0 "following the hint, the description is applied"
  path=/etc/mdevadm/groups/g1.toml
  echo 'members = "x"' >$path
  printf '[[group]]\nname = "g1"\nmembers = []\n' | write
  for command in diff apply "apply --check"; do
    run mdevadm $command -f "$file"
    exits 1 "$command refuses the file of a group"
    err_has "$file:3:[0-9]+: group 'g1': its file cannot be used: $path:1:11: " "with the file and its problem"
  done
  same "$(cat $path)" 'members = "x"' "the file stays"
  echo >"$file"; write </dev/null
  run mdevadm apply -f "$file" --prune
  err_has "cannot decide whether to remove a group: $path:1:11: " "pruning reports the file"
  rm $path
  printf '[[parent]]\nname = "%s"\nvirtual_functions = "all"\n' ${gpu#0000:} | write
  run mdevadm diff -f "$file"
  err_has "^hint: did you mean '$gpu'\?$" "an address without the domain has a suggestion"
  printf 'version = 1\n# \xc3\xa4\n#\xff\n' >"$file"
  run mdevadm diff -f "$file"
  err_has "$file:3:2: invalid TOML" "the position is that of the byte that is not UTF-8"
}

# Names change places, and belong to definitions that the description does not contain.
renamed() {
  local first second
  mdevadm define -q -p "$gpu" -t nvidia-12 --name a --count 2 >/dev/null
  first=$(mdevadm list --all -n -o uuid a-1) second=$(mdevadm list --all -n -o uuid a-2)
  mdevadm start -q a-1
  mdevadm export host | sed 's/"a-1"/"X"/; s/"a-2"/"a-1"/; s/"X"/"a-2"/' >"$file"
  run mdevadm apply -f "$file"
  exits 0 "two devices exchange their names"
  same "$(mdevadm list --all -n -o uuid a-1) $(mdevadm list --all -n -o uuid a-2)" "$second $first" "both have the new names"
  is_described
  sed -i 's/"a-1"/"b"/; s/"a-2"/"a-1"/; s/"b"/"a-2"/; 0,/^start = .*/s//start = "auto"/' "$file"
  mkdir -p /etc/mdevctl.d/scripts.d/notifiers
  printf '#!/bin/sh\n' >/etc/mdevctl.d/scripts.d/notifiers/none
  chmod 755 /etc/mdevctl.d/scripts.d/notifiers/none
  run mdevadm apply -f "$file"
  exits 0 "also if scripts are called, for which the lock of the definitions is released"
  same "$(mdevadm list --all -n -o uuid a-1) $(mdevadm list --all -n -o uuid a-2)" "$first $second" "both have the names again"
  printf '[[device]]\nname = "a-{}"\ncount = 2\ntype = "nvidia-12"\n' | write
  run mdevadm apply -f "$file"
  exits 4 "a table does not take over devices of the same names"
  err_has "^hint: to keep the existing device, describe it in a table of its own, with its UUID: mdevadm export host$" "the hint is possible for a table of several devices"
  mdevadm stop -q a-1
  for command in $(grep -oE 'mdevadm undefine [^ ]*' <<<"$err" | tr ' ' ,); do
    ${command//,/ } >/dev/null
  done
  run mdevadm apply -f "$file"
  exits 0 "following the hints, the description is applied"
  sed -i 's/"a-{}"/"b-{}"/; s/nvidia-12/nvidia-17/; s/count = 2/count = 8/' "$file"
  run mdevadm apply -f "$file"
  exits 6 "without room beside the devices of the previous description"
  err_has "^hint: to remove those that apply has created, use --prune: 'a-1', 'a-2'$" "the hint names the option that helps"
  sed -i 's/count = 8/count = 2/' "$file"
  run mdevadm apply -f "$file" --prune
  exits 0 "with the option, the description is applied"
  # Groups are named by what the user has written.
  printf '[[device]]\nname = "m"\ntype = "nvidia-12"\n[[group]]\nname = "g1"\nmembers = ["m"]\n[[group]]\nname = "g2"\nmembers = ["m"]\n' | write
  run mdevadm diff -f "$file" --prune
  exits 4 "a device in two groups"
  err_has "$file:10:12: 'm' is a member of the groups 'g1' and 'g2'$" "is reported by its name, at the second place"
  mdevadm group create -q hand b-1
  run mdevadm undefine 'b-*' --force
  exits 0 "a member is removed with its membership although the lock of the definitions is released"
  same "$(grep -c '[0-9a-f]-' /etc/mdevadm/groups/hand.toml)" 0 "the group has lost it"
  rm -r /etc/mdevctl.d/scripts.d
}

# Devices that cannot be stopped are in the way of others.
no_room() {
  printf '[[device]]\nname = "s-{}"\ncount = 2\ntype = "nvidia-12"\n[[group]]\nname = "g"\nmembers = ["s-{}"]\n' | write
  mdevadm apply -f "$file" >/dev/null
  "$MDEVSIM" hold "$(mdevadm list -n -o uuid s-1)" 600 >/dev/null & local holder=$!
  for ((i = 0; i < 100; ++i)); do mdevadm list -n -o held_by s-1 | grep -q mdevsim && break; sleep 0.1; done
  sed -i s/nvidia-12/nvidia-13/ "$file"
  run mdevadm apply -f "$file" --json
  same "$(jq -c '[.results[] | [.name, (.held_by | length)]]' <<<"$out")" '[["s-1",1],["s-2",0]]' "each result has the processes of its device"
  out_lacks "are missing" "devices that exist are not called missing"
  kill $holder
  wait $holder 2>/dev/null
  mdevadm claim g --for vm1 >/dev/null
  run mdevadm apply -f "$file"
  err_has "in use or claimed, so not stopped: 's-1' \(.*\) \(claimed for 'vm1'\)$" "a claimed device is named with its claimant"
  eval "$(grep -o 'mdevadm release .*' <<<"$err" | head -n 1)"
  run mdevadm apply -f "$file"
  exits 0 "following the hint, the description is applied"
}

crypto() {
  gpu=matrix
  mdevadm define -p matrix -t vfio_ap-passthrough --adapter 5,6 --domain 0x47 --name one >/dev/null 2>&1
  mdevadm define -p matrix -t vfio_ap-passthrough --attr assign_adapter=7 --attr assign_adapter=8 --attr assign_domain=4 --name two >/dev/null 2>&1
  mdevadm start one >/dev/null 2>&1
  run mdevadm export host
  out_has '^\[device.ap\]$' "tables are exported as tables"
  printf '%s\n' "$out" >"$file"
  before=$(state)
  is_described
  same "$(state)" "$before" "nothing has changed"
  write <<'T'
[[device]]
name = "three"
type = "vfio_ap-passthrough"
state = "defined"
[device.ap]
adapters = [9]
domains = ["0x06"]
T
  run mdevadm apply -f "$file"
  exits 0 "queues are described"
  is_described
  local name
  for name in z y; do
    printf '[[device]]\nname = "%s"\ntype = "vfio_ap-passthrough"\nstart = "auto"\nstate = "defined"\n' $name
    printf '[device.ap]\nadapters = [9]\ndomains = [7]\n'
  done | write
  run mdevadm apply -f "$file"
  exits 4 "two entries with autostart and the same queue"
  err_has "queue 09.0007 is also defined for 'z', and both devices have autostart$" "the other entry is named"
  err_has "^hint: change the queues of one entry, or set its start to \"manual\": $file:5:[0-9]+: entry of 'z'; $file:13:[0-9]+: entry of 'y'$" "the hint names the entries"
  err_lacks "hint: .*mdevadm (modify|undefine)" "and no definition that does not exist"
  sed -i '13s/auto/manual/' "$file"
  run mdevadm apply -f "$file"
  exits 0 "following the hint, the description is applied"
  sed -i '13s/manual/auto/' "$file"
  run mdevadm apply -f "$file"
  err_has "^hint: change the queues of one entry, or set its start to \"manual\": $file:5:[0-9]+: entry of 'z'; $file:13:[0-9]+: entry of 'y'$" "so does the hint for definitions that exist"
}

"$1"
finish
