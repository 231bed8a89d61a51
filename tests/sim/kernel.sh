# The simulator compared with the real kernel: the same measurements (vm/measure.sh: every error of create, open and remove, a
# removal of a device in use, all of sysfs) of Debian's kernel with its sample drivers and of their scenario give the same
# answers, line by line. Differences that are allowed are filtered out below; tests/README.md says why.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
machine=$("$here/../vm/machine.sh")
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
sections="create open remove held types listing"

# The kernel's answers only change with the kernel and the measurements.
key=$(cat "$machine/stamp" "$here/../vm/measure.sh" "$here"/../vm/guest/* | sha256sum | cut -c1-16)
real=$machine/answers.$key
if [ ! -s "$real" ]; then
  rm -f "$machine"/answers.*
  "$here/../vm/boot.sh" -t 600 "$directory" "bash $here/../vm/measure.sh --inside $machine/hold $sections" >"$directory/real" ||
    { echo "cannot measure the kernel; the end of its answers:"; tail -n 20 "$directory/real"; exit 1; }
  mv "$directory/real" "$real"
fi

printf '#!/bin/sh\nexec "%s" hold "$1" "$2"\n' "$MDEVSIM" >"$directory/hold"
chmod +x "$directory/hold"
# The scenario takes the kernel's version: since Linux 6.6, for example, a pending removal has already removed vfio-dev.
read -r _ version _ <"$machine/version"
series=$(cut -d. -f1,2 <<<"$version")
sed "s/^kernel = .*/kernel = \"$series\"/" "$here/../../examples/scenarios/samples.toml" >"$directory/samples.toml"
holds "the scenario has the kernel's version $series" grep -q "^kernel = \"$series\"" "$directory/samples.toml"
# shellcheck disable=SC2086
"$MDEVSIM" run "$directory/samples.toml" -- bash "$here/../vm/measure.sh" --inside "$directory/hold" $sections >"$directory/simulated" || exit 1

may_differ() {
  sed -E -e '/\/power\//d' -e '/^hold says /d' -e '/^  open: /d' -e '/second open of /d' -e '/^  it waits in /d' -e '/^  kernel: /d' \
    -e 's/^(the remover ended this long after it +)[0-9]+ ms/\1N ms/' \
    -e 's/(MAJOR=)[0-9]+/\1M/; s/(MINOR=)[0-9]+/\1m/; s/^(.*\/dev  file 0444 size=4096 ")[0-9]+:[0-9]+/\1M:m/' \
    -e 's/^(\/dev\/vfio\/[0-9]+  char 0600 )[0-9]+,[0-9]+/\1M,m/' \
    -e '/^== in the order of readdir/,$d' "$1"
}
may_differ "$real" >"$directory/a"
may_differ "$directory/simulated" >"$directory/b"
holds "the measurement of the kernel has hundreds of lines" test "$(wc -l <"$directory/a")" -gt 300
same "$(diff "$directory/a" "$directory/b")" "" "the simulator gives the same answers as the kernel in all $(wc -l <"$directory/a") lines"
same "$(grep -cE ' (E[A-Z]+|open: E[A-Z]+)' "$directory/a")" "$(grep -cE ' (E[A-Z]+|open: E[A-Z]+)' "$directory/b")" \
  "the simulator gives as many errnos as the kernel: $(grep -oE '\bE[A-Z]{3,}\b' "$directory/a" | sort | uniq -c | awk '{print $2"="$1}' | paste -sd' ')"
finish
