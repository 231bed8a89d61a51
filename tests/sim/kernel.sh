# The simulator against the real kernel: the same questions (vm/measure.sh: every error of create, open and remove, a removal while
# the device is in use, all of sysfs) put to Debian's kernel with its sample drivers and to the scenario of them give the same
# answers, line by line. What differs and may is taken out below; tests/README.md says why.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
machine=$("$here/../vm/machine.sh")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sections="create open remove held types listing"

# The kernel's answers change with the kernel and the questions only.
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
# The simulator follows the kernel's version: since Linux 6.6, for example, a pending removal has taken vfio-dev away.
read -r _ version _ <"$machine/version"
series=$(cut -d. -f1,2 <<<"$version")
sed "s/^kernel = .*/kernel = \"$series\"/" "$here/../../examples/scenarios/samples.toml" >"$folder/samples.toml"
holds "the scenario has the kernel's version, $series" grep -q "^kernel = \"$series\"" "$folder/samples.toml"
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
holds "there are hundreds of answers" test "$(wc -l <"$folder/a")" -gt 300
same "$(diff "$folder/a" "$folder/b")" "" "kernel and simulator answer alike in all $(wc -l <"$folder/a") lines"
same "$(grep -cE ' (E[A-Z]+|open: E[A-Z]+)' "$folder/a")" "$(grep -cE ' (E[A-Z]+|open: E[A-Z]+)' "$folder/b")" \
  "with as many errnos: $(grep -oE '\bE[A-Z]{3,}\b' "$folder/a" | sort | uniq -c | awk '{print $2"="$1}' | paste -sd' ')"
finish
