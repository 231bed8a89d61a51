# The simulator compared with the real kernel: the same measurements (vm/measure.sh: every error of create, open and remove, a
# removal of a device in use, all of sysfs) of Debian's kernel with its sample drivers and of their scenario give the same
# answers, line by line. Differences that are allowed are filtered out below; tests/README.md says why.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
machine=$("$here/../vm/machine.sh")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sections="create open remove held types listing"

# The kernel's answers only change with the kernel and the measurements.
key=$(cat "$machine/stamp" "$here/../vm/measure.sh" "$here"/../vm/guest/* | sha256sum | cut -c1-16)
real=$machine/answers.$key
if [ ! -s "$real" ]; then
  rm -f "$machine"/answers.*
  "$here/../vm/boot.sh" -t 600 "$folder" "bash $here/../vm/measure.sh --inside $machine/hold $sections" >"$folder/real" ||
    { echo "cannot measure the kernel; the end of its answers:"; tail -n 20 "$folder/real"; exit 1; }
  mv "$folder/real" "$real"
fi

printf '#!/bin/sh\nexec "%s" hold "$1" "$2"\n' "$MDEVSIM" >"$folder/hold"
chmod +x "$folder/hold"
# The scenario takes the kernel's version: since Linux 6.6, for example, a pending removal has already removed vfio-dev.
read -r _ version _ <"$machine/version"
series=$(cut -d. -f1,2 <<<"$version")
sed "s/^kernel = .*/kernel = \"$series\"/" "$here/../../examples/scenarios/samples.toml" >"$folder/samples.toml"
holds "the scenario has the kernel's version $series" grep -q "^kernel = \"$series\"" "$folder/samples.toml"
# shellcheck disable=SC2086
"$MDEVSIM" run "$folder/samples.toml" -- bash "$here/../vm/measure.sh" --inside "$folder/hold" $sections >"$folder/simulated" || exit 1

may_differ() {
  sed -E -e '/\/power\//d' -e '/^hold says /d' -e '/^  open: /d' -e '/second open of /d' -e '/^  it waits in /d' -e '/^  kernel: /d' \
    -e 's/^(the remover ended this long after it +)[0-9]+ ms/\1N ms/' \
    -e 's/(MAJOR=)[0-9]+/\1M/; s/(MINOR=)[0-9]+/\1m/; s/^(.*\/dev  file 0444 size=4096 ")[0-9]+:[0-9]+/\1M:m/' \
    -e 's/^(\/dev\/vfio\/[0-9]+  char 0600 )[0-9]+,[0-9]+/\1M,m/' \
    -e '/^== in the order of readdir/,$d' "$1"
}
may_differ "$real" >"$folder/a"
may_differ "$folder/simulated" >"$folder/b"
holds "the measurement of the kernel has hundreds of lines" test "$(wc -l <"$folder/a")" -gt 300
same "$(diff "$folder/a" "$folder/b")" "" "the simulator gives the same answers as the kernel in all $(wc -l <"$folder/a") lines"
same "$(grep -cE ' (E[A-Z]+|open: E[A-Z]+)' "$folder/a")" "$(grep -cE ' (E[A-Z]+|open: E[A-Z]+)' "$folder/b")" \
  "the simulator gives as many errnos as the kernel: $(grep -oE '\bE[A-Z]{3,}\b' "$folder/a" | sort | uniq -c | awk '{print $2"="$1}' | paste -sd' ')"
finish
