# 64 processes on the same eight parents: mdevadm and mdevctl, the commands of the units at boot, monitor, and scripts that write to
# sysfs. At the end nothing is lost or left over; tools/races.py lists what is compared.
#
# MDEVADM_TEST_SECONDS is the time that they run. The exit codes are printed for each kind of operation.
# shellcheck shell=bash disable=SC2154,SC2064
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
seconds=${MDEVADM_TEST_SECONDS:-15}
if [ "${1:-}" = "" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  cp -r "$here/../../examples/scenarios/types" "$scratch"
  {
    sed 's/^name = .*/name = "0000:8{}:00.0"\ncount = 6/' "$here/../../examples/scenarios/m60.toml"
    sed '/^description/d; s/^name = .*/name = "0000:4{}:00.0"\ncount = 2/' "$here/../../examples/scenarios/vf-n1.toml"
  } >"$scratch/eight.toml"
  ln -s "$MDEVADM" "$scratch/mdevctl"
  SCRATCH=$scratch "$MDEVSIM" run "$scratch/eight.toml" -- bash "$0" inside
  exit
fi

parents=(0000:80:00.0 0000:81:00.0 0000:82:00.0 0000:83:00.0 0000:84:00.0 0000:85:00.0 0000:40:00.0 0000:41:00.0)
small=(nvidia-12 nvidia-14 nvidia-16) functions=(1155 1156 1157)
bus=/sys/bus/mdev/devices
end=$((SECONDS + seconds))

# ---- what the processes do ----

# try KIND COMMAND...: runs it; its exit code goes to the figures, its messages too if the code is not that of a refusal
try() {
  local kind=$1 code=0
  shift
  timeout -k 5 120 "$@" >"$own.out" 2>"$own.err" || code=$?
  echo "$kind $code" >>"$own.codes"
  case $code in
    0 | 3 | 4 | 5 | 6 | 8) ;;
    *) { echo "$kind $code: $*"; cat "$own.err"; } >>"$own.failures" ;;
  esac
  return $code
}
mdevadm() { try "mdevadm ${1/#group/group $2}" "$MDEVADM" "$@"; }
mdevctl() { try "mdevctl $1" "$SCRATCH/mdevctl" "$@"; }
pick() { picked=${*:RANDOM % $# + 1:1}; }
# place LETTER: a device, and the parent and type that it mostly has
place() {
  local number=$((RANDOM % 48))
  printf -v device '%s-0000-4000-8000-%012x' "$1$1$1$1$1$1$1$1" $number
  parent=${parents[number % 8]}
  [ $((RANDOM % 20)) != 0 ] || pick "${parents[@]}" parent
  if [[ $parent == 0000:4* ]]; then pick "${functions[@]}"; else pick "${small[0]}" "${small[0]}" "${small[@]}"; fi
  type=$picked
}

as_mdevadm() {
  place a
  case $((RANDOM % 10)) in
    0 | 1) mdevadm define "$device" -p "$parent" -t "$type" --name "seat-${device:33}" ;;
    2 | 3) mdevadm start "$device" ;;
    4) mdevadm start -u "$device" -p "$parent" -t "$type" ;;
    5 | 6) mdevadm stop "$device" ;;
    7) mdevadm undefine "$device" ;;
    8) pick --auto --manual "--type $type"; mdevadm modify "$device" $picked ;;
    9) mdevadm restart "$device" ;;
  esac
}
as_mdevctl() {
  local operation=$((RANDOM % 8))
  place b
  # mdevctl's definitions may have the UUIDs of others: mdevctl does not look for those.
  [ $operation -lt 2 ] || [ $((RANDOM % 4)) != 0 ] || place a
  case $operation in
    0 | 1) mdevctl define -u "$device" -p "$parent" -t "$type" ;;
    2) mdevctl start -u "$device" ;;
    3) mdevctl start -u "$device" -p "$parent" -t "$type" ;;
    4) mdevctl stop -u "$device" ;;
    5) mdevctl undefine -u "$device" ;;
    6) pick --auto --manual; mdevctl modify -u "$device" $picked ;;
    7) mdevctl list -d --dumpjson ;;
  esac
}
as_group() {
  local group=g$((RANDOM % 6))
  place a
  case $((RANDOM % 8)) in
    0) mdevadm group create $group "$device" ;;
    1) mdevadm group add $group "$device" ;;
    2) mdevadm group remove $group "$device" ;;
    3 | 4) mdevadm group start $group ;;
    5) mdevadm group stop $group ;;
    6) pick --auto --manual; mdevadm group modify $group $picked ;;
    7) pick "delete $group" "rename $group g$((RANDOM % 6))"; mdevadm group $picked ;;
  esac
}
as_pool() {
  local group=g$((RANDOM % 6)) claimant=vm$((RANDOM % 4))
  case $((RANDOM % 3)) in
    0 | 1) mdevadm claim $group --for $claimant ;;
    2) mdevadm release --for $claimant ;;
  esac
}
as_apply() { mdevadm apply -q --prune -f "$SCRATCH/wanted-$((RANDOM % 2)).toml"; }
as_boot() {
  pick "${parents[@]}"
  mdevadm parent prepare --all --parent "$picked" --timeout 1
  mdevadm start --auto --parent "$picked" --timeout 1
  mdevadm group start --auto --parent "$picked"
  mdevadm group start --auto --timeout 1
}
as_reader() {
  for words in "list --all --json" "types --json" "group list --json" "list --claimed --json" "check --json" "status --json"; do
    # shellcheck disable=SC2086
    mdevadm $words
    jq -e . "$own.out" >/dev/null || { echo "no JSON: $words"; head -c 300 "$own.out"; } >>"$own.failures"
  done
}
put() { echo "$1" >"$2"; }
# A script that knows nothing of mdevadm. It removes what it has created, and now and then what others have.
as_script() {
  place c
  local gpu=0000:4$((RANDOM % 2)):00.7
  if [ $((RANDOM % 4)) = 0 ]; then
    # The last function of a GPU, until it takes another one
    ! try "script function" bash -c 'echo "$1" >"$2"' - 1155 "/sys/bus/pci/devices/${gpu/00.7/01.0}/nvidia/current_vgpu_type" ||
      try "script function" bash -c 'echo 0 >"$1"' - "/sys/bus/pci/devices/${gpu/00.7/01.0}/nvidia/current_vgpu_type"
  elif [[ $parent == 0000:8* ]]; then
    try "script create" bash -c 'echo "$1" >"$2"' - "$device" "/sys/class/mdev_bus/$parent/mdev_supported_types/$type/create"
    [ $((RANDOM % 8)) != 0 ] || device=$(find $bus -name 'aaaa*' -o -name 'bbbb*' | shuf -n 1 | xargs -r basename)
    [ -z "$device" ] || try "script remove" bash -c 'echo 1 >"$1"' - "$bus/$device/remove"
  fi
}

# worker ROLE NUMBER
worker() {
  own=$SCRATCH/$1-$2
  RANDOM=$((BASHPID % 32768))
  while [ $SECONDS -lt $end ]; do "as_$1"; done
}

# ---- the run ----

for i in 0 1; do
  printf 'version = 1\n[[device]]\nname = "wanted-{}"\ncount = %s\ntype = "GRID M60-0Q"\nstart = "%s"\n' $((i + 3)) "$([ $i = 0 ] && echo auto || echo manual)"
  printf '[[group]]\nname = "wanted"\nmembers = ["wanted-{}"]\n'
done | awk -v directory="$SCRATCH" '/^version/ { file = directory "/wanted-" n++ ".toml" } { print >file }'
python3 "$here/../tools/races.py" before >"$SCRATCH/before"
"$MDEVADM" monitor --json --initial >"$SCRATCH/events" 2>"$SCRATCH/monitor-errors" &
monitor=$!
"$MDEVADM" monitor >"$SCRATCH/lines" 2>>"$SCRATCH/monitor-errors" &
lines=$!
wait_until grep -q '"ready"' "$SCRATCH/events"

workers=()
for role in mdevadm:22 mdevctl:14 group:8 pool:5 apply:2 boot:4 reader:2 script:5; do
  for ((i = 0; i < ${role#*:}; ++i)); do
    worker "${role%:*}" $i &
    workers+=($!)
  done
done
echo "# $((${#workers[@]} + 2)) processes for $seconds s"
wait "${workers[@]}"

figures() {
  sort | uniq -c | awk '
    { sum += $1; kind = $0; sub(/^ *[0-9]+ /, "", kind); sub(/ [0-9]+$/, "", kind); line[kind] = line[kind] " " $NF ":" $1; codes[$NF] += $1 }
    END { for (kind in line) print "#   " kind line[kind] | "sort"; close("sort")
          printf "# %d in all:", sum; for (code in codes) printf " %s:%d", code, codes[code]; print "" }'
}
echo "# exit codes and their numbers"
grep -hv '^script' "$SCRATCH"/*.codes | figures
grep -h '^script' "$SCRATCH"/*.codes | figures
same "$(cat "$SCRATCH"/*.codes | awk '$NF == 2 || $NF >= 9' | sort | uniq -c)" "" "no program crashes, runs into its time limit or is used wrongly"
echo "# reasons of exit code 1:"
grep -h '^mdevadm: error' "$SCRATCH"/*.failures | sed -E "s/[0-9a-f]{8}-[0-9a-f-]{27}/UUID/g; s/'[^']*'/NAME/g; s/0000:[0-9.:]+/PARENT/g; s/[0-9.]+ s/N s/; s/pid [0-9]+/pid N/; s/mdevctl/mdevadm/" |
  sort | uniq -c | sort -rn | sed 's/^/# /'
same "$(grep -h '^no JSON' "$SCRATCH"/*.failures 2>/dev/null | head -n 3)" "" "the JSON output of all listings is complete"
[ -z "${MDEVADM_TEST_KEEP:-}" ] || cp -r "$SCRATCH" /run/mdevadm /etc/mdevadm /etc/mdevctl.d "$MDEVADM_TEST_KEEP"

# judge SENTENCE QUESTION: races.py prints what is wrong
judge() {
  run python3 "$here/../tools/races.py" "$2" "$SCRATCH"
  same "$(head -c 1000 <<<"$out$err")" "" "$1"
}
all_judgements() {
  judge "available and existing instances of each type add up to its maximum" sums
  judge "the listings agree with sysfs" listings
  judge "the events of monitor add up to the devices" events
  judge "each vGPU on a virtual function has a record, and each record a device" records
  judge "each definition and group is a complete file" files
  judge "no lock is held and no temporary file is left" leftovers
}
all_judgements
"$MDEVADM" release --all -q --force
"$MDEVADM" stop --all -q
"$MDEVADM" list -n -o uuid | xargs -r "$MDEVADM" stop -q
same "$("$MDEVADM" list -n)" "" "all devices can be stopped"
all_judgements
run python3 "$here/../tools/races.py" before
same "$(diff <(echo "$out") "$SCRATCH/before")" "" "all instances are available again"
same "$(cat "$SCRATCH/monitor-errors")" "" "monitor prints no warning"
kill $monitor $lines
finish
