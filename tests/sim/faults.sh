# What no kernel here can be made to do: a driver that is slow or refuses, a parent that goes, files that come late.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  exec "$MDEVSIM" run samples -- bash "$0" inside
fi

a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
c=aaaaaaaa-0000-4000-8000-000000000003
control() { "$MDEVSIM" control "$@"; }
active() { ls /sys/bus/mdev/devices | sort | paste -sd' '; }
for id in $a $b $c; do "$MDEVADM" define $id -p mtty -t mtty-1 >/dev/null; done

control delay mdev_type 300
run "$MDEVADM" start $a
exits 0 "a device whose type comes late is waited for"
holds "until it is there" test -e /sys/bus/mdev/devices/$a/mdev_type
control clear
"$MDEVADM" stop $a

control fault create 1 EIO
run "$MDEVADM" start $a
exits 1 "a driver that refuses is told"
err_has "^mdevadm: error: cannot start '$a': .*Input/output error" "with its errno in words"
same "$(active)" "" "and nothing is left"

control clear
control fault create 2 ENOMEM
run "$MDEVADM" start $a $b $c
exits 8 "of three, one fails"
same "$(active)" "$a $c" "the others are up"
control clear
"$MDEVADM" stop --all

control fault create 1 vanish
run "$MDEVADM" start $a
exits 1 "a parent that goes in the middle of a start is told"
err_has "cannot start '$a': parent mtty is being removed or not operational$" "as what it is"
run "$MDEVADM" types mtty
exits 3 "it is gone"
control clear
control register mtty
run "$MDEVADM" start $a
exits 0 "and can come back"

control fault remove 1 EAGAIN
run "$MDEVADM" stop $a
exits 1 "a removal that the kernel puts off is not called done"
err_has "cannot stop '$a': .*accepts no further request$" "but told"
same "$(active)" "$a" "the device is there"
control clear
control unregister mtty
control register mtty

control delay remove 400
"$MDEVADM" start $a
run "$MDEVADM" stop $a
exits 0 "a slow removal is waited for"
same "$(active)" "" "to its end"
control clear

control fault read 0 EIO available_instances
run "$MDEVADM" types mtty -o type,available --json
exits 0 "a file that cannot be read is no reason to show nothing"
same "$(jq -c '[.types[] | .available]' <<<"$out")" "[null,null]" "what it would say is missing"
control clear

control delay create 1000
"$MDEVADM" start $a &
starter=$!
wait_until is_locked /run/mdevadm/parent-mtty.lock
run "$MDEVADM" start $a
exits 0 "a start that meets another of the same device waits for it"
wait $starter
same "$?" 0 "which goes through as well"
same "$(active)" "$a" "once"
control clear

# A removal that is pending keeps nobody waiting who reads what stop says.
scratch=$(mktemp)
"$MDEVSIM" hold $a 100 >"$scratch" &
holder=$!
wait_until grep -q holding "$scratch"
rm "$scratch"
said=$("$MDEVADM" stop --force $a 2>&1 | cat)
same "$(grep -c 'the removal is pending' <<<"$said")" 1 "--force says that the removal is pending"
holds "and whoever reads that is let go while the device is still in use" kill -0 $holder
holds "the kernel has not finished yet" test -e /sys/devices/virtual/mtty/mtty/$a
kill $holder
wait $holder
holds "it does when the user lets go" wait_until test ! -e /sys/devices/virtual/mtty/mtty/$a
finish
