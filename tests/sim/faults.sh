# What no kernel can be made to do in tests: a slow or refusing driver, a parent that disappears, files that appear late.
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

for words in "fault create 1 EFOO=error number 'EFOO'" "fault creat 1 EIO=operation 'creat'" "delay create x=number 'x'"; do
  request=${words%%=*}
  # shellcheck disable=SC2086
  run control $request
  exits 2 "an invalid request is a usage error ($request)"
  err_has "invalid ${words#*=} in the request '$request'$" "the error names the invalid word"
done

control delay mdev_type 300
run "$MDEVADM" start $a
exits 0 "start succeeds if mdev_type appears late"
holds "start waits until mdev_type is visible" test -e /sys/bus/mdev/devices/$a/mdev_type
control clear
"$MDEVADM" stop $a

control fault create 1 EIO
run "$MDEVADM" start $a
exits 1 "start fails if the driver fails the creation with EIO"
err_has "^mdevadm: error: cannot start '$a': .*Input/output error" "the error names the device and describes the errno in words"
same "$(active)" "" "a failed start leaves no device active"

control clear
control fault create 2 ENOMEM
run "$MDEVADM" start $a $b $c
exits 8 "start of three devices fails partially (exit code 8) if one creation fails"
same "$(active)" "$a $c" "the other two devices are active"
control clear
"$MDEVADM" stop --all

control fault create 1 vanish
run "$MDEVADM" start $a
exits 1 "start fails if the parent disappears during the creation"
err_has "cannot start '$a': parent mtty is being removed or not operational$" "the error says that the parent is being removed"
run "$MDEVADM" types mtty
exits 3 "types fails with exit code 3 for a parent that disappeared"
control clear
control register mtty
run "$MDEVADM" start $a
exits 0 "start succeeds after the parent was registered again"

control fault remove 1 EAGAIN
run "$MDEVADM" stop $a
exits 1 "stop fails if the kernel answers the removal with EAGAIN"
err_has "cannot stop '$a': .*accepts no further request$" "the error says that the device accepts no further request"
same "$(active)" "$a" "the device is active after the failed stop"
control clear
control unregister mtty
control register mtty

control delay remove 400
"$MDEVADM" start $a
run "$MDEVADM" stop $a
exits 0 "stop of a device with slow removal succeeds"
same "$(active)" "" "stop waits until the removal is complete"
control clear

control fault read 0 EIO available_instances
run "$MDEVADM" types mtty -o type,available --json
exits 0 "types succeeds if available_instances cannot be read"
same "$(jq -c '[.types[] | .available]' <<<"$out")" "[null,null]" "types --json reports null for available instances that cannot be read"
control clear

control delay create 1000
"$MDEVADM" start $a &
starter=$!
wait_until is_locked /run/mdevadm/parent-mtty.lock
run "$MDEVADM" start $a
exits 0 "start waits for a concurrent start of the same device"
wait $starter
same "$?" 0 "the concurrent start succeeds as well"
same "$(active)" "$a" "two concurrent starts create the device once"
control clear

# A pending removal does not block a reader of stop's output.
scratch=$(mktemp)
"$MDEVSIM" hold $a 100 >"$scratch" &
holder=$!
wait_until grep -q holding "$scratch"
rm "$scratch"
said=$("$MDEVADM" stop --force $a 2>&1 | cat)
same "$(grep -c 'warning: removal of .* is pending' <<<"$said")" 1 "stop --force reports that the removal is pending"
holds "stop --force closes its output while the device is still in use" kill -0 $holder
holds "the kernel has not completed the removal while the device is in use" test -e /sys/devices/virtual/mtty/mtty/$a
kill $holder
wait $holder
holds "the kernel completes the removal when the device is released" wait_until test ! -e /sys/devices/virtual/mtty/mtty/$a
finish
