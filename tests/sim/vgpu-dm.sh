# Configurations of NVIDIA's vgpu-device-manager: imported and applied on simulated hosts with T4, A100 and L40S, with transitions
# between pairs of configurations that fit the host. The numbers are those of the examples of that project. With ALL_PAIRS=1 all pairs
# follow each other, which takes some minutes; without, all pairs of some configurations, and then each of the others once.
# shellcheck shell=bash disable=SC2154,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"

if [ "${1:-}" = "" ]; then
  failed_parts="" scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  scenarios=$here/../../examples/scenarios
  cp -r "$scenarios/types" "$scratch"
  sed 's/, mig = true, instances = .*/ }/' "$scenarios/a100.toml" >"$scratch/a100-whole.toml"
  sed 's/, instances = .*/ }/' "$scenarios/a100.toml" >"$scratch/a100-mig.toml"
  # Two hosts at a time: a simulated host has one thread.
  run_part() {
    "$MDEVSIM" run "${1/@/$scratch/}" -- bash "$0" "$2" >"$scratch/$2.out" 2>&1 || touch "$scratch/$2.failed"
  }
  parts=(t4:t4 l40s:l40s @a100-whole.toml:a100 a100:mixed_instances @a100-mig.toml:instances t4:others l40s:hosts l40s-boot:late t4:manual t4:bad)
  for part in "${parts[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    run_part "${part%:*}" "${part#*:}" &
  done
  wait
  for part in "${parts[@]}"; do
    cat "$scratch/${part#*:}.out"
    [ ! -e "$scratch/${part#*:}.failed" ] || failed_parts+=" $part"
  done
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

mdevadm() { "$MDEVADM" "$@"; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
file=$dir/config.yaml host=$dir/host.toml
import() { mdevadm import vgpu-device-manager "$file" --config "$1" >"$host"; }
# The active devices: "ADDRESS TYPE COUNT" for each GPU and type, separated by commas. The address is the number of the bus.
active() {
  mdevadm list --quiet -n -o parent,type_name | sort | uniq -c | sed -E 's/^ *([0-9]+) 0000:(..):00.0 .* ([^ ]+) *$/\2 \3 \1/' | paste -sd,
}
state() { find /etc/mdevadm -name '*.toml' -exec cat {} + | sort | sha256sum; mdevadm list --json -o uuid,parent,type,vf; }

declare -A wanted
expect() {  # NAME WANTED
  wanted[$1]=$2
}

# Makes the host as a configuration says, and checks that exactly its devices are active.
change_to() {  # NAME
  import "$1"
  code=0
  mdevadm apply --prune -f "$host" >/dev/null 2>"$dir/err" || code=$?
  err=$(<"$dir/err")
  same "$code $(active)" "0 ${wanted[$1]}" "after a change to $1 exactly its devices are active"
}

is_unchanged() {  # NAME
  local before
  before=$(state)
  run mdevadm apply --prune -f "$host"
  exits 0 "$1 can be applied again"
  err_has "^mdevadm: the host matches $host \([0-9]+ devices?\)$" "a second apply of $1 has nothing to do"
  same "$(state)" "$before" "a second apply of $1 changes nothing"
}

# Changes between all pairs of configurations in one round: each pair follows each other exactly once.
all_pairs() {  # NAME...
  local i j names=("$@")
  for ((i = 0; i < ${#names[@]}; ++i)); do
    change_to "${names[i]}"
    is_unchanged "${names[i]}"
    for ((j = i + 1; j < ${#names[@]}; ++j)); do
      change_to "${names[j]}"
      change_to "${names[i]}"
    done
  done
  change_to "${names[0]}"
}
in_pairs() {  # "NAME..." "NAME...": the second list only with ALL_PAIRS, else one after the other
  local name
  # shellcheck disable=SC2086
  if [ -n "${ALL_PAIRS:-}" ]; then
    all_pairs $1 $2
    return
  fi
  # shellcheck disable=SC2086
  all_pairs $1
  for name in $2; do change_to "$name"; done
}

# Writes a file with one configuration for each line "TYPE COUNT" on all GPUs.
of_types() {
  local type count
  echo "version: v1"
  echo "vgpu-configs:"
  while read -r type count; do
    printf '    %s:\n        - devices: all\n          vgpu-devices:\n            %s: %s\n' "$type" "$type" "$count"
  done
}

t4() {
  local type
  { of_types <<'T'
T4-1Q 16
T4-2Q 8
T4-4Q 4
T4-8Q 2
T4-16Q 1
T4-4C 4
T4-8C 2
T4-16C 1
T
    for type in small:T4-1Q:16:T4-2Q:8 medium:T4-4Q:4:T4-8Q:2 large:T4-8Q:2:T4-16Q:1; do
      # shellcheck disable=SC2046
      printf '    T4-%s:\n    - devices: [0]\n      vgpu-devices:\n        "%s": %s\n    - devices: [1]\n      vgpu-devices:\n        "%s": %s\n' ${type//:/ }
    done
  } >"$file"
  expect T4-1Q "3b T4-1Q 16,d8 T4-1Q 16"
  expect T4-2Q "3b T4-2Q 8,d8 T4-2Q 8"
  expect T4-4Q "3b T4-4Q 4,d8 T4-4Q 4"
  expect T4-8Q "3b T4-8Q 2,d8 T4-8Q 2"
  expect T4-16Q "3b T4-16Q 1,d8 T4-16Q 1"
  expect T4-4C "3b T4-4C 4,d8 T4-4C 4"
  expect T4-8C "3b T4-8C 2,d8 T4-8C 2"
  expect T4-16C "3b T4-16C 1,d8 T4-16C 1"
  expect T4-small "3b T4-1Q 16,d8 T4-2Q 8"
  expect T4-medium "3b T4-4Q 4,d8 T4-8Q 2"
  expect T4-large "3b T4-8Q 2,d8 T4-16Q 1"
  in_pairs "T4-1Q T4-4Q T4-small T4-medium T4-large" "T4-2Q T4-8Q T4-16Q T4-4C T4-8C T4-16C"
}

# Time-sliced vGPUs.
a100() {
  of_types >"$file" <<'T'
A100D-4C 20
A100D-8C 10
A100D-10C 8
A100D-16C 5
A100D-20C 4
A100D-40C 2
A100D-80C 1
T
  local type count
  while read -r type count; do
    expect "$type" "41 $type $count"
  done < <(sed -n 's/^  *\(A100D-[0-9]*C\): \([0-9]*\)$/\1 \2/p' "$file")
  in_pairs "A100D-4C A100D-20C A100D-80C" "A100D-8C A100D-10C A100D-16C A100D-40C"
}

# vGPUs of GPU instances, which are made for each configuration.
instances() {
  of_types >"$file" <<'T'
A100D-1-10C 7
A100D-1-10CME 1
A100D-1-20C 4
A100D-2-20C 3
A100D-3-40C 2
A100D-4-40C 1
A100D-7-80C 1
T
  local type count profile
  while read -r type count profile; do
    expect "$type" "41 $type $count"
    mdevadm stop --all --quiet
    nvidia-smi mig -i 0 -dgi >/dev/null
    nvidia-smi mig -i 0 -cgi "$(yes "$profile" | head -n "$count" | paste -sd,)" >/dev/null
    change_to "$type"
    is_unchanged "$type"
  done <<'T'
A100D-1-10C 7 19
A100D-1-10CME 1 20
A100D-1-20C 4 15
A100D-2-20C 3 14
A100D-3-40C 2 9
A100D-4-40C 1 5
A100D-7-80C 1 0
T
}

mixed_instances() {
  cat >"$file" <<'T'
version: v1
vgpu-configs:
  full:
  - devices: all
    vgpu-devices: {A100D-1-10C: 2, A100D-2-20C: 1, A100D-3-40C: 1}
  small:
  - devices: all
    vgpu-devices: {A100D-1-10C: 2}
  large:
  - device-filter: "0x20B510DE"
    devices: [0]
    vgpu-devices: {A100D-3-40C: 1, A100D-2-20C: 1}
  none:
  - devices: all
    vgpu-devices: {}
  attributes:
  - devices: all
    vgpu-devices: {A100D-1-10CNOME: 1}
T
  expect full "41 A100D-1-10C 2,41 A100D-2-20C 1,41 A100D-3-40C 1"
  expect small "41 A100D-1-10C 2"
  expect large "41 A100D-2-20C 1,41 A100D-3-40C 1"
  expect none ""
  expect attributes "41 A100D-1-10C 1"
  in_pairs "full small large none" attributes
}

l40s() {
  of_types >"$file" <<'T'
L40S-1Q 32
L40S-2Q 24
L40S-3Q 16
L40S-4C 12
L40S-4Q 12
L40S-6C 8
L40S-6Q 8
L40S-8C 6
L40S-8Q 6
L40S-12C 4
L40S-12Q 4
L40S-16C 3
L40S-16Q 3
L40S-24C 2
L40S-24Q 2
L40S-48C 1
L40S-48Q 1
T
  local type count
  while read -r type count; do
    expect "$type" "41 $type $count"
  done < <(sed -n 's/^  *\(L40S-[0-9]*[CQ]\): \([0-9]*\)$/\1 \2/p' "$file")
  in_pairs "L40S-1Q L40S-8Q L40S-24C L40S-48Q" \
    "L40S-2Q L40S-3Q L40S-4C L40S-4Q L40S-6C L40S-6Q L40S-8C L40S-12C L40S-12Q L40S-16C L40S-16Q L40S-24Q L40S-48C"
}

# One file for hosts with all cards.
hosts() {
  cat >"$file" <<'T'
version: v1
vgpu-configs:
  default:
  - device-filter: "0x1EB810DE"
    devices: all
    vgpu-devices: {T4-8Q: 2}
  - device-filter: ["0x20B510DE", "0x20B810DE"]
    devices: all
    vgpu-devices: {A100D-40C: 2}
  - device-filter: "0x25B610DE:0x14A910DE"
    devices: all
    vgpu-devices: {A16-8Q: 2}
  - device-filter: "0x26B910DE"
    devices: all
    vgpu-devices: {L40S-24Q: 2}
  others:
  - device-filter: "0x1EB810DE"
    devices: all
    vgpu-devices: {T4-8Q: 2}
  T4-1Q:
  - devices: all
    vgpu-devices: {T4-1Q: 16}
T
  run mdevadm import vgpu-device-manager - <"$file"
  exits 0 "the default configuration is imported from standard input"
  same "$(grep -c '^\[\[device' <<<"$out")" 4 "with the cards of all hosts"
  mdevadm import vgpu-device-manager "$file" | mdevadm apply --prune -f - >/dev/null
  same "$(active)" "41 L40S-24Q 2" "the host has the devices of its card"
  import others
  run mdevadm apply -f "$host"
  err_has "no parent of this host matches 'parents' of any \[\[device\]\], so the description has no device for this host" "a configuration for other cards means nothing here"
  err_has "apply --prune removes them" "and the devices stay without --prune"
  run mdevadm apply --prune -f "$host"
  same "$(active)" "" "with --prune they are removed"
  import T4-1Q
  run mdevadm apply --prune -f "$host"
  exits 3 "a type that the GPU does not have is refused"
  err_has "host.toml:[0-9]+:[0-9]+: 0000:41:00.0 does not offer type 'T4-1Q'" "with the place in the description"
}

# Virtual functions are disabled: the GPU is not ready, and is not passed over.
late() {
  of_types >"$file" <<<'L40S-24Q 2'
  import L40S-24Q
  run mdevadm apply -f "$host"
  holds "a GPU that is not ready is an error" test "$code" != 0
  same "$(active)" "" "and nothing is started"
  mdevadm parent set 0000:41:00.0 --vfs all
  mdevadm parent prepare 0000:41:00.0 >/dev/null
  run mdevadm apply -f "$host" --quiet
  exits 0 "the prepared GPU gets its devices"
  same "$(active)" "41 L40S-24Q 2" "as the configuration says"
}

# The second example of mdevadm.host(5).
manual() {
  awk '/^# EXAMPLES/ { on = 1 } /^```/ { inside = !inside; blocks += on && inside; next } blocks == 2 && inside' \
    "$here/../../man/mdevadm.host.5.scd" >"$host"
  run mdevadm apply -f "$host"
  exits 0 "the example of the man page is applied"
  same "$(active)" "3b T4-1Q 16" "each T4 but the exception has sixteen devices"
  run mdevadm apply -f "$host" --check
  exits 0 "and the host is as described"
}

# Other devices, devices in use, rules that replace others, and GPUs of other drivers.
others() {
  local own=aaaaaaaa-0000-4000-8000-000000000001
  cat >"$file" <<'T'
version: v1
vgpu-configs:
  a: [{devices: all, vgpu-devices: {T4-2Q: 4}}]
  b: [{devices: all, vgpu-devices: {T4-2Q: 4}}, {devices: [1], vgpu-devices: {T4-4Q: 2}}]
  c: [{devices: [0, 7], vgpu-devices: {T4-2Q: 4}}]
T
  expect a "3b T4-2Q 4,d8 T4-2Q 4"
  expect b "3b T4-2Q 4,d8 T4-4Q 2"
  change_to a
  first=$(mdevadm list --json -o uuid,parent | jq -c '[.devices[] | select(.parent == "0000:3b:00.0")]')
  change_to b
  same "$(mdevadm list --json -o uuid,parent | jq -c '[.devices[] | select(.parent == "0000:3b:00.0")]')" "$first" \
    "devices that both configurations have are the same"
  mdevadm define $own -p 0000:3b:00.0 -t T4-2Q --name mine >/dev/null
  mdevadm start mine
  import a
  mdevadm apply --prune -f "$host" >/dev/null
  same "$(active)" "3b T4-2Q 5,d8 T4-2Q 4" "devices of others are not pruned"
  mdevadm stop mine
  mdevadm undefine mine >/dev/null
  run mdevadm import vgpu-device-manager "$file" --config c
  exits 0 "an index without GPU is not an error"
  err_has "config.yaml:5:17: no NVIDIA GPU with index 7 on this host \(number of NVIDIA GPUs: 2\), skipping" "but a warning"
  # A device in use stays; after it is released, the rest is done.
  "$MDEVSIM" hold "$(mdevadm list --json -o uuid,parent | jq -r '[.devices[] | select(.parent == "0000:d8:00.0")][0].uuid')" >"$dir/held" &
  holder=$!
  wait_until test -s "$dir/held"
  import b
  run mdevadm apply --prune -f "$host" --quiet
  holds "a device in use is not stopped" test "$code" != 0
  kill $holder
  wait $holder 2>/dev/null
  change_to b
}

bad() {
  printf 'version: v1\nvgpu-configs:\n  a: [{devices: all, vgpu-devices: {T4-1Q: 0}}]\n  b: [{devices: all, vgpu-device: {}}]\n' >"$file"
  run mdevadm import vgpu-device-manager "$file"
  exits 1 "a file with errors is refused"
  same "$out" "" "and nothing is printed"
  err_has "^mdevadm: error: cannot import: $file:3:44: the number of vGPUs of type T4-1Q must be a whole number" "an error has its place"
  err_has "^mdevadm: error: cannot import: $file:4:22: unknown key 'vgpu-device' \(did you mean 'vgpu-devices'\?\)" "all errors are printed"
  run mdevadm import vgpu-device-manager - </dev/null
  err_has "cannot import: standard input:1:1: the file is empty" "an empty file is refused"
  head -c 100000 /dev/urandom >$dir/garbage
  run mdevadm import vgpu-device-manager $dir/garbage
  exits 1 "garbage is refused"
  err_has "^mdevadm: error: cannot import: $dir/garbage:[0-9]+:[0-9]+: " "with a place"
  run mdevadm import vgpu-device-manager $dir/none
  err_has "cannot import '$dir/none': no such file$" "a missing file is named"
  of_types <<<$'T4-1Q 16\nT4-2Q 8' >"$file"
  run mdevadm import vgpu-device-manager "$file"
  exits 2 "of several configurations one must be chosen"
  err_has "^hint: configurations in the file: T4-1Q, T4-2Q$" "the hint has their names"
  run mdevadm import vgpu-device-manager "$file" --config T4-3Q
  exits 3 "an unknown configuration is refused"
  run mdevadm __complete import vgpu-device-manager "$file" --config T4-
  same "$out" $'T4-1Q\nT4-2Q' "the names are completed"
}

"$1"
finish
