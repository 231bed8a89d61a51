# Commands for several devices: shell patterns and --all.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  exec "$MDEVSIM" run samples -- bash "$0" inside
fi

uuid() { echo "aaaaaaaa-0000-4000-8000-00000000000$1"; }
active() { ls /sys/bus/mdev/devices | grep -oE '.$' | sort | paste -sd' '; }
for i in 1 2 3; do "$MDEVADM" define "$(uuid $i)" -p mtty -t mtty-1 --name s$i >/dev/null; done
"$MDEVADM" define "$(uuid 4)" -p mdpy -t mdpy-hd --name t4 >/dev/null

run "$MDEVADM" start 's[12]'
exits 0 "start accepts a shell pattern"
same "$(active)" "1 2" "start starts the devices whose names match"
run "$MDEVADM" start 'x*'
exits 3 "start fails with exit code 3 if a pattern matches no name"
err_has "^mdevadm: error: cannot start 'x\*': the pattern matches no name of a definition$" "the error says that the pattern matches no name"
run "$MDEVADM" start 's1' 'x*'
exits 8 "start fails partially (exit code 8) if one of two arguments matches nothing"
run "$MDEVADM" start 'aaaa*'
exits 3 "start does not match UUIDs"
run "$MDEVADM" start 's*' -p mdpy
exits 3 "a pattern matches only definitions under --parent"

run "$MDEVADM" stop 's*'
exits 0 "stop accepts a shell pattern"
same "$(active)" "" "stop stops the active devices whose names match"
same "$err" "" "stop is silent about inactive devices that match"
run "$MDEVADM" stop 's*'
exits 0 "stop succeeds if no device that matches is active"
err_has "^mdevadm: no device that matches 's\*' is active$" "a note says that no device that matches is active"
run "$MDEVADM" stop 'x*'
exits 3 "stop fails with exit code 3 if a pattern matches no name"

run "$MDEVADM" restart '?[34]' --json
exits 0 "restart accepts a shell pattern"
same "$(jq -c '[.results[].argument]' <<<"$out")" '["s3","t4"]' "the results name the devices in the order of their names"
same "$(active)" "3 4" "restart restarts the devices whose names match"
run "$MDEVADM" restart 'x*'
exits 3 "restart fails with exit code 3 if a pattern matches no name"

run "$MDEVADM" list 's*' -n -o name,state
same "$out" "$(printf 's1 inactive\ns2 inactive\ns3 active')" "list lists the devices whose names match, active or not"
run "$MDEVADM" list 's*' --active -n -o name
same "$out" "s3" "list --active with a pattern lists the active ones"
run "$MDEVADM" list 'AAAA*[13]' t4 -n -o name
same "$out" "$(printf 't4\ns1\ns3')" "list matches UUIDs too, and accepts several arguments"
run "$MDEVADM" list 'x*'
exits 3 "list fails with exit code 3 if a pattern matches nothing"
run "$MDEVADM" show 's[13]' -o name
same "$(grep -c '^name:' <<<"$out")" 2 "show shows the devices whose names match"
run "$MDEVADM" show 'x*'
exits 3 "show fails with exit code 3 if a pattern matches no name"

# A name means the definition of one parent, a UUID those of all.
"$MDEVADM" define "$(uuid 5)" -p mtty -t mtty-1 --name both >/dev/null
mkdir -p /etc/mdevadm/devices/mdpy
printf 'type = "mdpy-hd"\n' >"/etc/mdevadm/devices/mdpy/$(uuid 5).toml"
same "$("$MDEVADM" list both -n -o parent,name) $("$MDEVADM" show both -o parent)" "mtty both parent: mtty" "list and show select the named definition"
same "$("$MDEVADM" list "$(uuid 5)" -n -o parent | paste -sd' ') $("$MDEVADM" show "$(uuid 5)" -n -o parent | paste -sd' ')" "mdpy mtty mdpy mtty" \
  "a UUID selects all"
rm "/etc/mdevadm/devices/mdpy/$(uuid 5).toml"

# The copy of mdevctl takes effect only if the definition was removed.
"$MDEVADM" export mdevctl both >/dev/null
"$MDEVADM" group create keeps both
run "$MDEVADM" undefine both
exits 4 "undefine of a member of a group is refused"
err_lacks "takes effect" "and does not warn of the definition of mdevctl"
run "$MDEVADM" undefine both --force --dry-run
err_has "^mdevadm: warning: '/etc/mdevctl.d/mtty/$(uuid 5)' defines this device too" "undefine --dry-run does"
run "$MDEVADM" undefine both --force --json
same "$(jq -c '.results[0] | [.outcome, (.warnings | length)]' <<<"$out")" '["done",1]' "and undefine, in the result of the device"
"$MDEVADM" undefine "$(uuid 5)"
"$MDEVADM" group delete keeps

for words in "modify|s*|--auto" "group|create|g|s*" "define|s*"; do
  IFS='|' read -ra words <<<"$words"
  run "$MDEVADM" "${words[@]}"
  exits 2 "${words[0]} refuses a pattern with exit code 2"
done
run "$MDEVADM" modify 's*' --auto
err_has "cannot modify 's\*': patterns are not accepted here \(expected one device\)$" "the error says that one device is expected"
err_has "^hint: list the devices that it matches: mdevadm list 's\*'$" "the hint lists the devices"

# A name may contain the characters of a pattern.
"$MDEVADM" define "$(uuid 5)" -p mtty -t mtty-1 --name '[s]*' >/dev/null
run "$MDEVADM" modify '[s]*' --auto
exits 0 "a name that looks like a pattern means its definition"
run "$MDEVADM" undefine '[s]*'
same "$("$MDEVADM" list --defined -n -o name | sort | paste -sd' ')" "s1 s2 s3 t4" "undefine removes only the definition with this name"

"$MDEVADM" start --all --parent mtty 2>/dev/null
same "$(active)" "1 2 3 4" "start --all --parent starts all definitions under the parent"
"$MDEVADM" stop --all
run "$MDEVADM" start --all
exits 0 "start --all succeeds"
same "$(active)" "1 2 3 4" "start --all starts all definitions"
run "$MDEVADM" start --all --parent nosuch
exits 3 "start --all fails with exit code 3 for an unknown parent"
run "$MDEVADM" start --all s1
exits 2 "--all and DEVICE cannot be combined"
"$MDEVADM" start -u "$(uuid 9)" -p mtty -t mtty-1 >/dev/null
run "$MDEVADM" show --all --json
same "$(jq -c '[.devices[].uuid[-1:]]' <<<"$out")" '["4","1","2","3","9"]' "show --all shows all devices that are active or defined"
run "$MDEVADM" show --all -p mdpy -o name
same "$out" "name: t4" "show --all --parent shows the devices of the parent"

"$MDEVADM" group create vm1 s3
run "$MDEVADM" undefine --all --dry-run
same "$(grep -c '^undefine' <<<"$out")" 3 "undefine --all --dry-run shows what would be removed"
run "$MDEVADM" undefine --all --parent mdpy
same "$("$MDEVADM" list --defined -n -o name | paste -sd' ')" "s1 s2 s3" "undefine --all --parent removes the definitions under the parent"
run "$MDEVADM" undefine --all
exits 8 "undefine --all does not remove members of groups"
same "$("$MDEVADM" list --defined -n -o name)" "s3" "undefine --all removes all other definitions"
run "$MDEVADM" undefine --all --force
exits 0 "undefine --all --force removes members of groups too"
same "$("$MDEVADM" list --defined --json | jq '.devices | length')" 0 "no definition remains"
same "$(active)" "1 2 3 4 9" "undefine --all leaves active devices active"
run "$MDEVADM" undefine
exits 2 "undefine requires a device or --all"
finish
