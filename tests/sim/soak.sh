# Starts and stops devices for a long time while monitor runs, with and without records in /run: monitor, the simulated kernel and
# /run do not grow. (`sim: monitor` has the flood of events, without mdevadm's own commands.)
#
# The simulator keeps the last 16 MiB of its events, so only a run of 100,000 cycles and more says that it does not grow; a shorter one
# says that it does not grow beyond that.
#
# MDEVADM_TEST_CYCLES is the number of devices that are started and stopped.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
cycles=${MDEVADM_TEST_CYCLES:-3000}
if [ "${1:-}" = "" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  cp -r "$here/../../examples/scenarios/types" "$scratch"
  { cat "$here/../../examples/scenarios/samples.toml"; sed '/^description/d' "$here/../../examples/scenarios/vf-n1.toml"; } >"$scratch/host.toml"
  # The simulator runs outside of the namespace of the command.
  SCRATCH=$scratch "$MDEVSIM" run "$scratch/host.toml" -- bash "$0" inside &
  mdevsim=$!
  while awk '/^VmRSS/ {print $2}' /proc/$mdevsim/status >"$scratch/memory.new" 2>/dev/null; do
    find /proc/$mdevsim/fd -type l 2>/dev/null | wc -l >>"$scratch/memory.new"
    mv "$scratch/memory.new" "$scratch/memory"
    sleep 0.5
  done &
  wait $mdevsim
  exit
fi

gpu=0000:41:00.0
# As many as both parents have room for
per_round=32
rounds=$(((cycles + per_round - 1) / per_round))
warm=$((rounds / 5 + 1))

memory_of() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
descriptors_of() { find "/proc/$1/fd" -type l | wc -l; }
# sample: sets $sizes to the memory of monitor and of mdevsim, the descriptors of both, and the files in /run and /etc
sample() {
  sleep 1
  local simulator
  mapfile -t simulator <"$SCRATCH/memory"
  sizes="$(memory_of $monitor) ${simulator[0]} $(descriptors_of $monitor) ${simulator[1]} $(find /run/mdevadm -type f | wc -l) $(find /etc/mdevadm -type f | wc -l)"
}
round() {
  { "$MDEVADM" start -q -p mtty -t mtty-1 --count 24; "$MDEVADM" start -q -p $gpu -t 1147 --count 8; } >"$SCRATCH/started" &&
    xargs "$MDEVADM" stop -q <"$SCRATCH/started"
}

mkfifo "$SCRATCH/pipe"
# Writes the number of events to $SCRATCH/counts when the parent of the last one is mdpy: creations and removals on mtty, then those on
# virtual functions, of which monitor may leave out pairs. Not in awk, which may wait until its buffer is full.
count_events() {
  perl -ne '
    ++$number{"$1-$2"} if /"event":"device-(created|removed)".*"parent":"(mtty|0000:41)/;
    next unless /"event":"ready"|"parent":"mdpy"/;
    open my $file, ">", "$ENV{SCRATCH}/counts.new" or die;
    printf $file "%d %d %d %d\n", map { $number{$_} // 0 } qw(created-mtty removed-mtty created-0000:41 removed-0000:41);
    close $file;
    rename "$ENV{SCRATCH}/counts.new", "$ENV{SCRATCH}/counts"'
}
count_events <"$SCRATCH/pipe" &
"$MDEVADM" monitor --json --initial >"$SCRATCH/pipe" &
monitor=$!
wait_until test -s "$SCRATCH/counts"

failed_rounds=0
begin=$EPOCHREALTIME
for ((n = 1; n <= rounds; ++n)); do
  round || failed_rounds=$((failed_rounds + 1))
  if [ $n = $warm ]; then
    sample
    read -r monitor_before mdevsim_before others_before <<<"$sizes"
  fi
  [ $((n % (rounds / 10 + 1))) != 0 ] || { sample; echo "# after $((n * per_round)) cycles: $sizes"; }
done
total=$((rounds * per_round))
awk -v n=$total -v begin="$begin" -v end="$EPOCHREALTIME" 'BEGIN { printf "# %d cycles in %.1f s: %.0f a second\n", n, end - begin, n / (end - begin) }'
sample
read -r monitor_after mdevsim_after others_after <<<"$sizes"
echo "# kB of monitor $monitor_before, then $monitor_after; of mdevsim $mdevsim_before, then $mdevsim_after"
same "$failed_rounds" 0 "all $rounds rounds of starts and stops succeed"
# Both reach their size within some thousand cycles.
holds "monitor's memory does not grow" test $((monitor_after - monitor_before)) -lt 4096
holds "the simulator's memory does not grow" test $((mdevsim_after - mdevsim_before)) -lt $((cycles < 100000 ? 36864 : 4096))
same "$others_after" "$others_before" "descriptors of both, and files in /run and /etc, are as many as before"
same "$(ls /sys/bus/mdev/devices)$(cat /run/mdevadm/devices/* 2>/dev/null)" "" "no device and no record remains"
# An event of another parent, after all others
rm "$SCRATCH/counts"
"$MDEVADM" start -p mdpy -t mdpy-vga -q >/dev/null
wait_until test -s "$SCRATCH/counts"
read -r created removed function_created function_removed <"$SCRATCH/counts"
same "$created $removed" "$((rounds * 24)) $((rounds * 24))" "monitor reports each creation and each removal of a mediated device once"
echo "# on virtual functions it reports $function_created of $((rounds * 8)) creations"
same "$function_created" "$function_removed" "on virtual functions it reports as many removals as creations"
kill $monitor
finish
