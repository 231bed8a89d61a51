# Available instances after certain devices: computed by "types --after", and found out by "probe", which creates and removes devices and
# must remove all, however it ends.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  failed_parts=
  while read -r scenario part; do
    "$MDEVSIM" run "$scenario" -- bash "$0" "$part" || failed_parts+=" $scenario:$part"
  done <<'P'
m60 gpu
m60 refused
m60 faults
m60 signals
m60 killed
m60 records
gvt computed
samples computed
l40s-mixed functions
l40s-mixed sizes
l40s functions
a40 computed
P
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

control() { "$MDEVSIM" control "$@"; }
# Number of active devices, and of runtime records.
active() { echo "$("$MDEVADM" list --json | jq '.devices | length') $(find /run/mdevadm/devices -name '*.toml' 2>/dev/null | wc -l)"; }
stop_all() { "$MDEVADM" list --json | jq -r '.devices[].uuid' | xargs -r "$MDEVADM" stop -q; }
stop_all
parent=$("$MDEVADM" types --json | jq -r '.types[0].parent')
# Available instances by type, now or after what is listed.
numbers() { "$MDEVADM" types "$parent" "$@" --json 2>/dev/null | jq -c '[.types[] | {(.type): .'"$column"'}] | add'; }
now() { column=available numbers; }
after() { column=after numbers --after "$1"; }
# The other way to find it out: by starts and stops.
tried() {  # TYPE=N,...
  local item one users=()
  for item in ${1//,/ }; do
    for ((one = 0; one < ${item#*=}; one++)); do
      users+=("$("$MDEVADM" start -p "$parent" -t "${item%=*}" 2>/dev/null)") || { stop_all; return 1; }
    done
  done
  now
  "$MDEVADM" stop -q "${users[@]}"
}

# What is computed is what the driver reports once the devices exist.
computed() {
  local wrong= type n pairs=0 expected got types
  mapfile -t types < <("$MDEVADM" types "$parent" --json | jq -r '.types[] | select(.available > 0) | .type' | head -n 5)
  for type in "${types[@]}"; do
    for n in 1 2; do
      expected=$(tried "$type=$n") || continue
      got=$(after "$type=$n")
      pairs=$((pairs + 1))
      [ "$got" = "$expected" ] || wrong+="$type=$n: computed $got, is $expected"$'\n'
    done
  done
  holds "there is something to compare" test $pairs -ge 2
  # Where only an upper limit is known, numbers above 1 may be too high.
  if [ "$("$MDEVADM" show "$parent" --json | jq '.parents[0].functions | length > 0')" = false ]; then
    same "$wrong" "" "what is computed is what the driver reports"
  fi
  run "$MDEVADM" probe "$parent" --create -q
  exits 0 "the parent can be probed"
  for type in "${types[@]}"; do
    [ "$(after "$type=1")" = "$(tried "$type=1")" ] || wrong+=" $type"
  done
  [ "$("$MDEVADM" show "$parent" --json | jq '.parents[0].functions | length > 0')" = true ] || same "$wrong" "" "a probe finds the same"
  same "$(active)" "0 0" "no device and no record remains"
}

gpu() {
  run "$MDEVADM" types $parent --after nvidia-18=2
  exits 6 "devices that do not fit are an error"
  err_has "cannot list types: 2 of nvidia-18 do not fit on $parent: devices of nvidia-18 that fit: 1$" "which says how many fit"
  run "$MDEVADM" types $parent --after 'GRID M60-1Q=3,nvidia-14' -o type,available,after
  exits 0 "types can be named by vendor's names, and counts of one type add up"
  out_has "^nvidia-14 +8 +4$" "the number after these devices"
  run "$MDEVADM" types --after nvidia-14=1 --after nvidia-14=1 -n -o type,after
  out_has "^nvidia-14 +6$" "the option can be given twice"
  run "$MDEVADM" types -o +after
  exits 0 "without --after the column is empty"
  out_has "nvidia-14 .* -$" "in a table a hyphen"
  run "$MDEVADM" types --after nvidia-999=1
  exits 3 "an unknown type is an error"
  for bad in "" nvidia-14= nvidia-14=0 nvidia-14=-1 nvidia-14=x =2 nvidia-14=513 nvidia-14,,nvidia-13 nvidia-14=99999999999999999999; do
    run "$MDEVADM" types --after "$bad"
    exits 2 "--after '$bad' is invalid"
  done

  before=$(now)
  run "$MDEVADM" probe $parent --dry-run --after nvidia-14=2
  exits 0 "a dry run needs no agreement"
  same "$(grep -c '^  create nvidia-14' <<<"$out") $(grep -c '^  remove ' <<<"$out")" "2 2" "it shows what would be created and removed"
  run "$MDEVADM" probe $parent --create --after nvidia-14=2 --json
  exits 0 "a combination can be probed"
  same "$(jq -c '.probes[0].available[] | select(.type == "nvidia-14") | .count' <<<"$out")" 6 "and its result is printed"
  same "$(active)" "0 0" "no device remains"
  same "$(now)" "$before" "all instances are available again"
  # The GPU accepts only devices of one type; its descriptions do not say that.
  run "$MDEVADM" types $parent --after nvidia-14=2
  err_has "showing the results of a probe, which differ from the computed ones \(nvidia-13: 0 probed, 6 computed\)$" "a difference is reported"
  out_has "nvidia-13 .* 0 +1G$" "and what the probe found is shown"
  other=$("$MDEVADM" start -p $parent -t nvidia-14)
  run "$MDEVADM" types $parent --after nvidia-14=2 -n -o type,after
  out_has "^nvidia-14 +5$" "beside other devices it is computed"
  "$MDEVADM" stop -q "$other"
}

# A probe is refused before anything is created.
refused() {
  run "$MDEVADM" probe $parent
  exits 2 "a probe needs an agreement"
  err_has "missing option --create \(a probe creates and removes devices\)$" "the error says why"
  user=$("$MDEVADM" start -p $parent -t nvidia-14)
  run "$MDEVADM" probe $parent --create
  exits 5 "a parent with a device is not probed"
  err_has "cannot probe '$parent': device $user is active on it; a probe requires a parent without devices$" "the error names the device"
  same "$(active)" "1 0" "nothing was changed"
  "$MDEVADM" stop -q "$user"
  run "$MDEVADM" probe $parent --create --after nvidia-18=2
  exits 6 "a combination that does not fit is an error"
  same "$(active)" "0 0" "and its devices are removed"
  run "$MDEVADM" probe $parent --create --after nvidia-14=1,nvidia-18=1
  exits 6 "types that exclude each other do not fit"
  err_has "cannot probe '$parent' with .*: no available instances of nvidia-1[48] on 0000:86:00.0: another framebuffer size is in use on this GPU .*; all changes were rolled back$" "the error says why"
  same "$(active)" "0 0" "the first device is removed again"
  run "$MDEVADM" types $parent --after nvidia-18=1 -n -o type,after
  out_has "^nvidia-18 +0$" "an earlier result is not changed"
  run "$MDEVADM" probe 0000:99:00.0 --create
  exits 3 "an unknown parent is an error"
  run "$MDEVADM" probe $parent --create --after nvidia-999=1
  exits 3 "an unknown type is an error"
  # While another program starts devices there.
  exec 9>"/run/mdevadm/parent-$parent.lock"
  flock 9
  timeout 5 "$MDEVADM" probe $parent --create --after nvidia-14 >/dev/null 2>&1
  same "$(active)" "0 0" "a probe waits for other programs"
  flock -u 9
}

faults() {
  local wrong= fault
  for fault in "create 1 EIO" "create 2 ENOSPC" "create 3 ENOMEM" "read 0 EIO available_instances"; do
    control fault $fault
    "$MDEVADM" probe $parent --create --after nvidia-14=3 >/dev/null 2>/run/err
    ended=$?
    control clear
    [ "$(active)" = "0 0" ] || wrong+=" $fault ($ended): $(active)"
    stop_all
  done
  same "$wrong" "" "all devices are removed when the driver fails"
  # /run is full, or cannot be written.
  mkdir -p /run/mdevadm/probes && rm -rf /run/mdevadm/probes && touch /run/mdevadm/probes
  run "$MDEVADM" probe $parent --create --after nvidia-14=1
  exits 1 "a result that cannot be recorded is an error"
  same "$(active)" "0 0" "no device remains"
  rm /run/mdevadm/probes
  # A slow driver, and one that does not remove a device.
  control delay remove 300
  run "$MDEVADM" probe $parent --create --after nvidia-14=2
  exits 0 "a slow removal is waited for"
  same "$(active)" "0 0" "no device remains"
  control clear
  control fault remove 2 EIO
  run "$MDEVADM" probe $parent --create --after nvidia-14=3
  [ "$code" = 0 ] || err_has "the devices could not be removed: remove [0-9a-f-]{36} " "a removal that fails is an error that names the device"
}

signals() {
  local wrong= signal delay
  for signal in INT TERM HUP; do
    for delay in 0.02 0.1; do
      "$MDEVADM" probe $parent --create >/dev/null 2>&1 &
      sleep $delay
      kill -$signal $! 2>/dev/null
      wait $!
      [ "$(active)" = "0 0" ] || wrong+=" $signal after $delay: $(active)"
    done
  done
  same "$wrong" "" "all devices are removed after a signal"
}

# Killed before any of its system calls: the next probe removes the devices.
killed() {
  local n ended=137 wrong= left=0 uuid='' checked=''
  for ((n = 1; ended == 137; n += 11)); do
    "$KILL_AT" $n "$MDEVADM" probe $parent --create --after nvidia-14=2 >/dev/null 2>&1
    ended=$?
    if [ "$(active)" != "0 0" ]; then
      left=$((left + 1))
      if [ -z "$checked" ]; then
        uuid=$("$MDEVADM" list --json | jq -r '.devices[0].uuid')
        checked=$("$MDEVADM" check --json 2>/dev/null | jq -r --arg uuid "$uuid" '.findings[] | select(.finding == "device-undefined" and .object == $uuid) | .cause + "; " + .hints[0]')
      fi
    fi
    "$MDEVADM" probe $parent --create --after nvidia-14=2 >/dev/null 2>&1 || wrong+=" $n: ends with $?"
    [ "$(active)" = "0 0" ] || wrong+=" $n: $(active)"
  done
  holds "a probe that is killed leaves devices" test $left -gt 0
  same "$checked" "the device was created by a probe, which is still running or was killed; if no probe is running, remove the device: mdevadm stop $uuid" \
    "check names a device that remains"
  same "$wrong" "" "the next one removes them"
}

# Results are valid for one driver, and garbage is ignored.
records() {
  "$MDEVADM" probe $parent --create -q >/dev/null
  file=/run/mdevadm/probes/$parent.toml
  same "$(after nvidia-13=1 | jq '."nvidia-14"')" 0 "a probe's result is used"
  sed -i '/^state/s/535/550/' "$file"
  same "$(after nvidia-13=1 | jq '."nvidia-14"')" 7 "but not with another driver"
  for text in "" "state = 1" "[[probe]]" $'probe = [1]' $'[[probe]]\ncreated = { "" = 1 }\nleft = { x = -1 }' "$(head -c 500 /dev/urandom | tr -d '\0')"; do
    printf '%s\n' "$text" >"$file"
    same "$(after nvidia-13=1 | jq '."nvidia-14"')" 7 "an invalid file of results is ignored"
  done
  "$MDEVADM" probe $parent --create --after nvidia-13=1 -q >/dev/null
  same "$(after nvidia-13=1 | jq '."nvidia-14"')" 0 "and replaced"
}

functions() {
  local type
  type=$("$MDEVADM" types "$parent" --json | jq -r '[.types[] | select(.available > 1)][0].type')
  before=$(now)
  run "$MDEVADM" probe "$parent" --create --after "$type=2"
  exits 0 "vGPUs on virtual functions are created and removed"
  same "$(active)" "0 0" "none remains"
  same "$(now)" "$before" "all instances are available again"
  column=after
  same "$(after "$type=2")" "$(tried "$type=2")" "the instances are those after starts"
  # The GPU may be in another mode by then.
  control functions "$parent" 0
  control functions "$parent" 4
  run "$MDEVADM" types "$parent" --after "$type=2" -n -o type,after
  holds "a result for another number of virtual functions is not used" test "$(jq length <<<"$before")" -gt 0 -a "$code" = 0
  err_lacks "results of a probe" "and not mentioned"
  # A vGPU that another program has created.
  vf=$("$MDEVADM" show "$parent" --json | jq -r '.parents[0].functions[0].address')
  echo "${type#nvidia-}" >"/sys/bus/pci/devices/$vf/nvidia/current_vgpu_type"
  run "$MDEVADM" probe "$parent" --create
  exits 5 "a GPU with a vGPU of another program is not probed"
  err_has "device $vf is active on it" "the error names its virtual function"
  echo 0 >"/sys/bus/pci/devices/$vf/nvidia/current_vgpu_type"
}

# Whether an idle GPU mixes framebuffer sizes is not visible.
sizes() {
  run "$MDEVADM" types "$parent" --after "1150=1,1155=1"
  exits 0 "several framebuffer sizes on an idle GPU"
  err_has "1 of 1150 and 1 of 1155 on $parent: whether the GPU mixes framebuffer sizes is unknown" "a note names the condition"
  "$MDEVADM" start -p "$parent" -t 1150 >/dev/null
  before=$(after 1155)
  run "$MDEVADM" types "$parent" --after 1155
  err_lacks "unknown" "beside a vGPU it is visible"
  stop_all
  same "$(after "1150=1,1155=1")" "$before" "the instances are the same"
}

$1
finish
