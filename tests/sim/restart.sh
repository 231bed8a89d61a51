# Restart: a device is stopped and started from its definition, or stays unchanged.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  for part in one full failure many functions online sizes kept; do
    "$MDEVSIM" run "$(case $part in full | kept) echo m60 ;; functions) echo vf-n1 ;; sizes) echo l40s ;; online) echo m60-f2 ;; *) echo samples ;; esac)" \
      -- bash "$0" "$part" || exit 1
  done
  exit
fi

a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
devices=/sys/bus/mdev/devices
held() {  # DEVICE: in use by a process in the background, $user
  "$MDEVSIM" hold "$1" >/tmp/held.$$ &
  user=$!
  wait_until test -s /tmp/held.$$
  rm /tmp/held.$$
}

one() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name seat >/dev/null
  run "$MDEVADM" restart seat
  exits 0 "restart succeeds for an inactive device"
  holds "restart starts an inactive device" test -e $devices/$a
  "$MDEVADM" modify seat --type mtty-2 2>/dev/null
  run "$MDEVADM" restart seat
  exits 0 "restart succeeds for an active device"
  same "$("$MDEVADM" list --json -o type | jq -r '.devices[].type')" "mtty-2" "the restarted device has the type of its modified definition"

  held $a
  run "$MDEVADM" restart seat
  exits 5 "restart is refused while the device is in use"
  err_has "^mdevadm: error: cannot restart 'seat' \($a\): it is in use by mdevsim \(pid $user\)$" \
    "the error names the command, the device and the process that uses it"
  run "$MDEVADM" restart seat --timeout 0.1
  exits 5 "restart --timeout fails with exit code 5 if the device is not released in time"
  err_has "^mdevadm: error: cannot restart 'seat' \($a\): still in use by mdevsim \(pid $user\)" \
    "the error after waiting names the same"
  err_lacks "force" "no hint names --force, which restart does not have"
  holds "the device stays active if restart is refused" test -e $devices/$a
  (sleep 1; kill $user) &
  run "$MDEVADM" restart seat --timeout 30s
  exits 0 "restart --timeout waits until the device is released"
  holds "the device is active after the restart" test -e $devices/$a
  wait

  run "$MDEVADM" restart seat --dry-run
  exits 0 "restart --dry-run succeeds"
  out_has "remove $a" "restart --dry-run shows the removal"
  out_has "create mtty-2 on mtty as $a" "restart --dry-run shows the creation"
  run "$MDEVADM" restart seat --json
  same "$(jq -c '[.results[].outcome]' <<<"$out")" '["done"]' "restart --json reports one result per device"

  "$MDEVADM" start -u $b -p mtty -t mtty-1 >/dev/null
  run "$MDEVADM" restart $b
  exits 4 "restart is refused for a transient device"
  err_has "cannot restart '$b': the device is transient and has no definition to start from" "the error says that the device is transient and has no definition"
  err_has "^hint: create a definition: mdevadm define $b$" "the hint suggests to create a definition"
  holds "the transient device stays active" test -e $devices/$b
  run "$MDEVADM" restart nosuch
  exits 3 "restart fails with exit code 3 for an unknown device"
}

# The last instance: it becomes available when the device that uses it is stopped.
full() {
  "$MDEVADM" define $a -p 0000:86:00.0 -t nvidia-18 --name one >/dev/null
  "$MDEVADM" start one
  "$MDEVADM" start -u $b -p 0000:86:00.0 -t nvidia-18 >/dev/null 2>&1
  run "$MDEVADM" restart one
  exits 0 "restart succeeds for the device that uses the last instance"
  "$MDEVADM" stop $b 2>/dev/null
  "$MDEVADM" modify one --type nvidia-17 2>/dev/null
  run "$MDEVADM" restart one
  exits 0 "restart succeeds with another type that fits only after the stop"
  same "$("$MDEVADM" list --json -o type | jq -r '.devices[].type')" "nvidia-17" "the restarted device has the new type"
}

# A GPU that has shown that it does not mix framebuffer sizes.
sizes() {
  "$MDEVADM" define -q $a -p 0000:41:00.0 -t "NVIDIA L40S-6Q" --name one >/dev/null
  "$MDEVADM" define -q $b -p 0000:41:00.0 -t "NVIDIA L40S-6Q" --name two >/dev/null
  "$MDEVADM" start -q one two
  "$MDEVADM" modify -q one --type "NVIDIA L40S-12Q"
  run "$MDEVADM" restart one
  exits 6 "restart is refused for another framebuffer size than that of the device that remains"
  err_has "cannot restart 'one' .*another framebuffer size is in use on this GPU \\(6G, by device '$b'" "the error names the size and the device"
  same "$("$MDEVADM" list -n -o name | paste -sd' ')" "one two" "both devices stay active"
  "$MDEVADM" modify -q two --type "NVIDIA L40S-12Q"
  run "$MDEVADM" restart one two
  exits 0 "restart succeeds if the size of all devices changes"
}

# A GPU without mixed sizes that is full: another size is refused before the stop while a device remains.
kept() {
  "$MDEVADM" define -q $a -p 0000:86:00.0 -t nvidia-17 --name one
  "$MDEVADM" define -q $b -p 0000:86:00.0 -t nvidia-17 --name two
  "$MDEVADM" start -q one two
  "$MDEVADM" modify -q one --type nvidia-18
  run "$MDEVADM" restart one
  exits 6 "restart is refused for another framebuffer size on a full GPU"
  err_has "another framebuffer size is in use on this GPU \\(4G, by device '$b'" "the error names the device that remains"
  same "$("$MDEVADM" list -n -o name | sort | xargs)" "one two" "both devices stay active"
}

failure() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name seat >/dev/null
  "$MDEVADM" start seat
  "$MDEVSIM" control fault create 1 EIO
  run "$MDEVADM" restart seat
  exits 1 "restart fails if the start fails after the stop"
  err_has "the device is stopped now$" "the error says that the device is stopped"
  err_lacks "rolled back" "and not that the stop was rolled back"
  err_has "^hint: to start it: mdevadm start seat$" "the hint has the command that starts it"
  holds "the device is inactive after the failed start" test ! -e $devices/$a
  run "$MDEVADM" start $a
  exits 0 "the suggested command starts the device"
  "$MDEVSIM" control clear
  "$MDEVADM" modify -q seat --type mtty-2
  "$MDEVSIM" control fault create 1 EIO
  run "$MDEVADM" restart seat
  err_has "^hint: to start it with its previous type: mdevadm modify seat --type mtty-1 && mdevadm start seat$" "a new type that the driver refuses can be taken back"
  mdevadm() { "$MDEVADM" "$@"; }
  eval "$(sed -n 's/^hint: to start it [^:]*: //p' <<<"$err")"
  same "$("$MDEVADM" list --json -o type | jq -r '.devices[].type')" "mtty-1" "as the hint says, the device has its previous type"
  "$MDEVSIM" control clear
  "$MDEVSIM" control fault remove 1 EIO
  run "$MDEVADM" restart seat
  exits 1 "restart fails if the stop fails"
  err_has "^mdevadm: error: cannot restart 'seat' " "the error of a failed stop names the command"
  same "$(grep -c '^mdevadm: error' <<<"$err")" 1 "a failed stop is reported with one error"
  err_lacks "is stopped now" "the error of a failed stop does not say that the device is stopped"
  holds "the device stays active if the stop fails" test -e $devices/$a
  "$MDEVSIM" control clear
  sed -i 's/mtty-1/mtty-9/' /etc/mdevadm/devices/mtty/$a.toml
  run "$MDEVADM" restart seat
  exits 3 "restart fails with exit code 3 if the type of the definition does not exist"
  err_has "^mdevadm: error: cannot restart 'seat' \\($a\\): mtty has no type 'mtty-9'" "the error of a start that cannot be planned names the command"
  holds "the device stays active if it could not be started again" test -e $devices/$a
}

many() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name one >/dev/null
  "$MDEVADM" define $b -p mtty -t mtty-1 --name two >/dev/null
  "$MDEVADM" start one two
  held $a
  run "$MDEVADM" restart one two
  exits 8 "restart fails partially (exit code 8) if one of two devices is in use"
  run "$MDEVADM" restart one two --json
  same "$(jq -c '[.results[].outcome]' <<<"$out")" '["failed","done"]' "restart --json reports a result for each device"
  kill $user
  wait $user
  run "$MDEVADM" restart one two
  exits 0 "restart succeeds for both devices after the release"
}

functions() {
  "$MDEVSIM" control functions 0000:41:00.0 8 2>/dev/null
  "$MDEVADM" define $a -p 0000:41:00.0 -t L40S-48Q --name gpu >/dev/null
  "$MDEVADM" start gpu
  run "$MDEVADM" restart gpu
  exits 0 "restart succeeds for a vGPU on a virtual function"
  same "$("$MDEVADM" list --json -o uuid | jq -r '.devices[].uuid')" "$a" "the vGPU is active after the restart"
}

online() {
  parent=$("$MDEVADM" types --json | jq -r '.types[0].parent')
  type=$("$MDEVADM" types --json | jq -r '.types[0].type')
  "$MDEVADM" define $a -p "$parent" -t "$type" --name one --create-arg vm_uuid=$b >/dev/null
  "$MDEVADM" start one
  run "$MDEVADM" restart one
  exits 0 "restart succeeds for a device with an online attribute"
  same "$("$MDEVADM" list --json -o uuid | jq -r '.devices[].uuid')" "$a" "the device is active after the restart"
}

"$1"
finish
