# stdout, stderr and the terminal: what goes where, and what happens when it cannot.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
host=$(mktemp -d)
small=
trap '[ -z "$small" ] || umount "$small" 2>/dev/null; rm -rf "$host" "$small"' EXIT
"$LAY_TREE" "$here/../trees/samples.tree" "$host"
mdevadm() { "$MDEVADM" --root "$host" "$@"; }

# Help
for verb in "" types list show define modify undefine start stop; do
  run "$MDEVADM" help $verb
  exits 0 "help $verb works"
  same "$err" "" "help $verb goes to standard output"
  same "$(awk 'length > 80' <<<"$out")" "" "help $verb keeps to 80 columns"
  same "$(grep -c -- ' --help ' <<<"$out")" 1 "help $verb has --help once"
  [ -z "$verb" ] && continue
  same "$("$MDEVADM" "$verb" --help)" "$out" "$verb --help is the same"
  out_has '^Examples:' "help $verb has an example"
done
holds "the help fits on a screen of 30 lines" test "$("$MDEVADM" help | wc -l)" -le 30
help_width() { COLUMNS=$1 script -qec "stty cols $1; '$MDEVADM' help define" /dev/null | awk '{ sub(/\r$/, ""); if (length > m) m = length } END { print m }'; }
holds "on a terminal of 100 columns the help uses them" test "$(help_width 100)" -gt 80
holds "on a wider terminal it does not grow" test "$(help_width 200)" -le 100
holds "on a narrow terminal it keeps to its width" test "$(help_width 60)" -le 75
run "$MDEVADM" --help list
out_has '^list: ' "--help before the command is help on the command"
run "$MDEVADM" --version
out_has '^mdevadm [0-9]+\.[0-9]+' "--version names program and version"

# Suggestions for the words of other tools
words_file=$here/../../src/cli/other_words.cpp
while read -r suggested; do
  # shellcheck disable=SC2086
  run "$MDEVADM" help ${suggested#mdevadm }
  exits 0 "a suggested command exists: $suggested"
done < <(grep -oE "mdevadm [a-z]+( (create|delete|remove|list|show|modify|stop|mdevctl)\\b)?" "$words_file" | sort -u)
while IFS='|' read -r family word; do
  # shellcheck disable=SC2086
  run "$MDEVADM" $family "$word"
  exits 2 "a word with a suggestion is not a command: $family $word"
  err_has "^hint: (did you mean|to start a device at boot)" "it gets the suggestion"
done < <(sed -n '/other_commands\[\]/,/^};/s/^ *{"\([a-z]*\)", "\([a-z-]*\)".*/\1|\2/p' "$words_file")

# A result that cannot be written
run bash -c "'$MDEVADM' --root '$host' list >/dev/full"
exits 1 "a full standard output fails"
err_has '^mdevadm: error: cannot write the output: No space left on device$' "and is told"
run bash -c "set -o pipefail; '$MDEVADM' --root '$host' list | true; exit \${PIPESTATUS[0]}"
holds "a closed pipe does not kill by a signal" test "$code" -lt 128
# A FIFO that is opened for writing while it has a reader, which then goes.
mkfifo "$host/fifo"
run bash -c "trap '' PIPE; exec 4<>'$host/fifo' 3>'$host/fifo' 4<&-; '$MDEVADM' --root '$host' list >&3"
exits 1 "a closed pipe fails"
same "$err" "" "without a message, as with ls"
run bash -c "'$MDEVADM' --root '$host' list >&-"
exits 1 "a closed standard output fails"
run bash -c "'$MDEVADM' --root '$host' list 2>&-"
exits 0 "a closed standard error does not matter"

# Under the name mdevctl: never by a signal, and with the code that it would have anyway.
names=$(mktemp -d)
ln -s "$MDEVADM" "$names/mdevctl"
export MDEVCTL_ENV_ROOT=$host
for words in "--help:0" "--version:0" "list:0" "bogus:2" "define --bogus:2" "define -p x:1"; do
  for end in '>/dev/full' '>&-' '2>/dev/full' '2>&-' '<&- >&- 2>&-'; do
    run bash -c "'$names/mdevctl' ${words%:*} $end"
    case $words$end in
      "list:0>/dev/full") exits 1 "mdevctl ${words%:*} $end" ;;
      *) exits "${words#*:}" "mdevctl ${words%:*} $end" ;;
    esac
  done
  run bash -c "'$names/mdevctl' ${words%:*} 2>&1 | true; exit \${PIPESTATUS[0]}"
  holds "mdevctl ${words%:*} | true" test "$code" -lt 3
done
unset MDEVCTL_ENV_ROOT
rm -r "$names"

# A full disk
small=$(mktemp -d)
if mount -t tmpfs -o size=16k,nr_inodes=24 tmpfs "$small" 2>/dev/null; then
  "$MDEVADM" --root "$small" define 00000000-0000-0000-0000-000000000001 -p p -t t --force >/dev/null
  file=$small/etc/mdevadm/devices/p/00000000-0000-0000-0000-000000000001.toml
  before=$(cat "$file")
  head -c 100000 /dev/zero >"$small/fill" 2>/dev/null
  run "$MDEVADM" --root "$small" modify 00000000 --auto --attr "x=$(printf 'y%.0s' $(seq 5000))"
  exits 1 "modify on a full disk fails"
  err_has 'No space left on device' "and says why"
  err_has '^hint: make room' "and what to do"
  same "$(cat "$file")" "$before" "the old definition is as it was"
  run "$MDEVADM" --root "$small" define 00000000-0000-0000-0000-000000000002 -p p -t t --force --attr "x=$(printf 'y%.0s' $(seq 5000))"
  exits 1 "define on a full disk fails"
  same "$(ls -A "$small/etc/mdevadm/devices/p")" "00000000-0000-0000-0000-000000000001.toml" "nothing half is left"
  umount "$small"
else
  failed "a full disk" "cannot mount a tmpfs: run this as root"
fi

# Folders that cannot be read, by somebody who is not root
chmod 755 "$host"
mkdir -p "$host/etc/mdevadm/devices/mtty"
chmod 700 "$host/etc/mdevadm/devices"
nobody() { setpriv --reuid 65534 --clear-groups "$@"; }
program=$(mktemp) && cp "$MDEVADM" "$program" && chmod 755 "$program"
run nobody "$program" --root "$host" list --defined
exits 1 "definitions that cannot be read are an error for list --defined"
err_has "cannot read the definitions in '$host/etc/mdevadm/devices': Permission denied" "which is named"
run nobody "$program" --root "$host" list
exits 0 "and a warning for list"
err_has 'warning: .*Permission denied; showing active devices only' "which says what happens"
out_has ' 00000000-0000-4000-8000-000000000001$' "and the devices are listed"
run nobody "$program" --root "$host" define -p mtty -t mtty-1
exits 1 "define fails for a user without write permission"
err_has "^mdevadm: error: cannot define '.*': cannot lock the definitions \('.*'\): Permission denied$" "the error names the operation and the cause"
err_has "^hint: this needs root: sudo mdevadm --root $host define -p mtty -t mtty-1$" "the hint has the command with sudo"
rm -f "$program"

# Terminals
width() { COLUMNS=$1 script -qec "stty cols $1; '$MDEVADM' --root '$host' types" /dev/null | awk '{ sub(/\r$/, ""); if (length > m) m = length } END { print m }'; }
holds "on a narrow terminal a table keeps to its width" test "$(width 70)" -le 70
holds "in a pipe nothing is cut" test "$(mdevadm types | awk 'length > 70' | wc -l)" -gt 0
colours() { script -qec "$1 '$MDEVADM' --root '$host' list" /dev/null | grep -c $'\033\[3'; }
holds "a terminal gets colours" test "$(colours '')" -gt 0
same "$(colours 'NO_COLOR=1')" 0 "NO_COLOR is respected"
same "$(mdevadm list | grep -c $'\033')" 0 "a pipe gets none"

# -q and -v
run mdevadm start 00000000-0000-4000-8000-000000000001 -q
same "$err" "" "-q says nothing of what is unchanged"
run mdevadm define -p mtty -t mtty-1 -v
err_has "^mdevadm: define '.*': write the definition of .* under mtty: done$" "-v says what is done"
run mdevadm list -q -v
exits 2 "-q and -v exclude one another"
finish
