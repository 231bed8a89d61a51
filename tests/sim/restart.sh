# Restart: a device is stopped and started from its definition, or left as it is.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  for part in one full failure many functions online; do
    "$MDEVSIM" run "$(case $part in full) echo m60 ;; functions) echo vf-n1 ;; online) echo m60-f2 ;; *) echo samples ;; esac)" \
      -- bash "$0" "$part" || exit 1
  done
  exit
fi

a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
devices=/sys/bus/mdev/devices
held() {  # DEVICE: held in the background, as $user
  "$MDEVSIM" hold "$1" >/tmp/held.$$ &
  user=$!
  wait_until test -s /tmp/held.$$
  rm /tmp/held.$$
}

one() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name seat >/dev/null
  run "$MDEVADM" restart seat
  exits 0 "an inactive device is started"
  holds "and active" test -e $devices/$a
  "$MDEVADM" modify seat --type mtty-2 2>/dev/null
  run "$MDEVADM" restart seat
  exits 0 "an active device is restarted"
  same "$("$MDEVADM" list --json -o type | jq -r '.devices[].type')" "mtty-2" "with the type that its definition has now"

  held $a
  run "$MDEVADM" restart seat
  exits 5 "a device in use is not restarted"
  err_has "in use by pid $user \(mdevsim\)" "the process is named"
  err_lacks "force" "no hint names an option that restart does not have"
  holds "it is active" test -e $devices/$a
  (sleep 1; kill $user) &
  run "$MDEVADM" restart seat --timeout 30s
  exits 0 "with --timeout its release is waited for"
  holds "and it is active again" test -e $devices/$a
  wait

  run "$MDEVADM" restart seat --dry-run
  exits 0 "a dry run succeeds"
  out_has "remove $a" "it shows the stop"
  out_has "create mtty-2 on mtty as $a" "and the start"
  run "$MDEVADM" restart seat --json
  same "$(jq -c '[.results[].outcome]' <<<"$out")" '["done"]' "one result a device"

  "$MDEVADM" start -u $b -p mtty -t mtty-1 >/dev/null
  run "$MDEVADM" restart $b
  exits 4 "a transient device is refused"
  err_has "cannot restart '$b': transient, so there is no definition" "with the reason"
  err_has "^hint: create a definition: mdevadm define $b$" "and the way out"
  holds "it is active" test -e $devices/$b
  run "$MDEVADM" restart nosuch
  exits 3 "an unknown device is not found"
}

# The last instance: it counts as available once its device is stopped.
full() {
  "$MDEVADM" define $a -p 0000:86:00.0 -t nvidia-18 --name one >/dev/null
  "$MDEVADM" start one
  "$MDEVADM" start -u $b -p 0000:86:00.0 -t nvidia-18 >/dev/null 2>&1
  run "$MDEVADM" restart one
  exits 0 "a device that has the last instance is restarted"
  "$MDEVADM" stop $b 2>/dev/null
  "$MDEVADM" modify one --type nvidia-17 2>/dev/null
  run "$MDEVADM" restart one
  exits 0 "also with another type, which only fits when the device is gone"
  same "$("$MDEVADM" list --json -o type | jq -r '.devices[].type')" "nvidia-17" "which it has then"
}

failure() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name seat >/dev/null
  "$MDEVADM" start seat
  "$MDEVSIM" control fault create 1 EIO
  run "$MDEVADM" restart seat
  exits 1 "a start that fails after the stop fails"
  err_has "the device is stopped now; to start it: mdevadm start $a$" "the error says so, and what starts it"
  holds "it is not active" test ! -e $devices/$a
  run "$MDEVADM" start $a
  exits 0 "that command starts it"
  "$MDEVSIM" control clear
  "$MDEVSIM" control fault remove 1 EIO
  run "$MDEVADM" restart seat
  exits 1 "a stop that fails fails"
  same "$(grep -c '^mdevadm: error' <<<"$err")" 1 "with one error"
  err_lacks "is stopped now" "that does not call the device stopped"
  holds "it is active" test -e $devices/$a
  "$MDEVSIM" control clear
  sed -i 's/mtty-1/mtty-9/' /etc/mdevadm/devices/mtty/$a.toml
  run "$MDEVADM" restart seat
  exits 3 "a device that could not be started again is not stopped"
  holds "it is active" test -e $devices/$a
}

many() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name one >/dev/null
  "$MDEVADM" define $b -p mtty -t mtty-1 --name two >/dev/null
  "$MDEVADM" start one two
  held $a
  run "$MDEVADM" restart one two
  exits 8 "of two, the one in use is not restarted"
  run "$MDEVADM" restart one two --json
  same "$(jq -c '[.results[].outcome]' <<<"$out")" '["failed","done"]' "each has its result"
  kill $user
  wait $user
  run "$MDEVADM" restart one two
  exits 0 "then both are"
}

functions() {
  "$MDEVSIM" control functions 0000:41:00.0 8 2>/dev/null
  "$MDEVADM" define $a -p 0000:41:00.0 -t L40S-48Q --name gpu >/dev/null
  "$MDEVADM" start gpu
  run "$MDEVADM" restart gpu
  exits 0 "a vGPU on a virtual function is restarted"
  same "$("$MDEVADM" list --json -o uuid | jq -r '.devices[].uuid')" "$a" "and active"
}

online() {
  parent=$("$MDEVADM" types --json | jq -r '.types[0].parent')
  type=$("$MDEVADM" types --json | jq -r '.types[0].type')
  "$MDEVADM" define $a -p "$parent" -t "$type" --name one --create-arg vm_uuid=$b >/dev/null
  "$MDEVADM" start one
  run "$MDEVADM" restart one
  exits 0 "a device with an online switch is restarted"
  same "$("$MDEVADM" list --json -o uuid | jq -r '.devices[].uuid')" "$a" "and active"
}

"$1"
finish
