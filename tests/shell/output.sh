# stdout, stderr and the terminal: where output goes, and how errors of writing are handled.
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
  exits 0 "help $verb succeeds"
  same "$err" "" "help $verb prints to standard output"
  same "$(awk 'length > 80' <<<"$out")" "" "help $verb fits in 80 columns"
  same "$(grep -c -- ' --help ' <<<"$out")" 1 "help $verb lists --help once"
  [ -z "$verb" ] && continue
  same "$("$MDEVADM" "$verb" --help)" "$out" "$verb --help prints the same as help $verb"
  out_has '^Examples:' "help $verb has an example"
done
holds "help fits on a screen of 30 lines" test "$("$MDEVADM" help | wc -l)" -le 30
help_width() { COLUMNS=$1 script -qec "stty cols $1; '$MDEVADM' help define" /dev/null | awk '{ sub(/\r$/, ""); if (length > m) m = length } END { print m }'; }
holds "help uses the width of a terminal of 100 columns" test "$(help_width 100)" -gt 80
holds "help uses at most 100 columns of a wider terminal" test "$(help_width 200)" -le 100
holds "help fits the width of a narrow terminal" test "$(help_width 60)" -le 75
run "$MDEVADM" --help list
out_has '^list: ' "--help before the command prints the help of the command"
run "$MDEVADM" help --json
exits 2 "help --json is a usage error"
err_has '"message":"'"'help' has no option '--json'"'"' "the error says that help has no such option"
run "$MDEVADM" list --json --help
out_has '^list: ' "--help prints help, also with --json"
for command in "apply -f" "diff -f" "define --file" "import nodedev" "import vgpu-device-manager"; do
  # shellcheck disable=SC2086
  run mdevadm $command /nosuch
  exits 3 "$command of a missing file: not found"
  err_has "^mdevadm: error: cannot .* '/nosuch': no such file$" "the error says so"
done
run "$MDEVADM" --version
out_has '^mdevadm [0-9]+\.[0-9]+' "--version prints program and version"

# Suggestions for commands of other tools
words_file=$here/../../src/cli/other_words.cpp
while read -r suggested; do
  # shellcheck disable=SC2086
  run "$MDEVADM" help ${suggested#mdevadm }
  exits 0 "the suggested command '$suggested' exists"
done < <(grep -oE "mdevadm [a-z]+( (create|delete|remove|list|show|modify|stop|mdevctl)\\b)?" "$words_file" | sort -u)
while IFS='|' read -r family word; do
  # shellcheck disable=SC2086
  run "$MDEVADM" $family "$word"
  exits 2 "the command '$family $word' of another tool is a usage error"
  err_has "^hint: (did you mean|to start a device at boot)" "the hint for '$family $word' suggests a command"
done < <(sed -n '/other_commands\[\]/,/^};/s/^ *{"\([a-z]*\)", "\([a-z-]*\)".*/\1|\2/p' "$words_file")

# Suggestions for options of other tools: a command suggests only options that it has, or another command.
mapfile -t words < <(sed -n '/other_options\[\]/,/^};/s/^ *{"[^"]*", "\([^"]*\)".*/\1/p' "$words_file" | sort -u)
holds "options of other tools are known" test "${#words[@]}" -gt 10
wrong=
while read -r command; do
  # shellcheck disable=SC2086
  help=$("$MDEVADM" help $command)
  for word in "${words[@]}"; do
    # shellcheck disable=SC2086
    hint=$("$MDEVADM" --root /nonexistent $command "$word" 2>&1 | grep -A1 "has no option '$word'$" | sed -n 's/^hint: //p')
    suggested=$(grep -oE -- "--[a-z-]+" <<<"$hint" || true)
    for option in $suggested; do
      grep -qE -- "(^|[ ,])$option( |$)" <<<"$help" || wrong+="$command $word: $hint; "
    done
  done
done < <("$MDEVADM" __describe | jq -r '.commands[].name')
same "$wrong" "" "each option that a hint suggests is one of the command"
for case in "start -f|see mdevadm help start" "stop -f|did you mean '--force'\?" "status -n|see mdevadm help status" \
  "start x -n|did you mean '--dry-run'\?" "stop --autostart|see mdevadm help stop" "modify x --jsonfile f|to convert definitions of mdevctl: mdevadm import mdevctl" \
  "modify x --file f|see mdevadm help modify" "list --sort|see mdevadm help list" "types -t x|did you mean '--need type=TYPE'\?" \
  "test|see mdevadm help" "setup|see mdevadm help" "detail|did you mean 'mdevadm show'\?"; do
  # shellcheck disable=SC2086
  run mdevadm ${case%%|*}
  err_has "^hint: ${case#*|}" "the hint for '${case%%|*}'"
done

# Output that cannot be written
run bash -c "'$MDEVADM' --root '$host' list >/dev/full"
exits 1 "list fails if standard output is full"
err_has '^mdevadm: error: cannot write the output: No space left on device$' "the error says that the output cannot be written"
run bash -c "set -o pipefail; '$MDEVADM' --root '$host' list | true; exit \${PIPESTATUS[0]}"
holds "a closed pipe does not end list by a signal" test "$code" -lt 128
# A FIFO that is opened for writing while it has a reader, which then closes it.
mkfifo "$host/fifo"
run bash -c "trap '' PIPE; exec 4<>'$host/fifo' 3>'$host/fifo' 4<&-; '$MDEVADM' --root '$host' list >&3"
exits 1 "list fails if SIGPIPE is ignored and the pipe is closed"
same "$err" "" "list prints no error for a closed pipe"
run bash -c "'$MDEVADM' --root '$host' list >&-"
exits 1 "list fails if standard output is closed"
run bash -c "'$MDEVADM' --root '$host' list 2>&-"
exits 0 "list succeeds if standard error is closed"

# Under the name mdevctl: never ended by a signal, and with the exit code that it has otherwise.
names=$(mktemp -d)
ln -s "$MDEVADM" "$names/mdevctl"
export MDEVCTL_ENV_ROOT=$host
for words in "--help:0" "--version:0" "list:0" "bogus:2" "define --bogus:2" "define -p x:1"; do
  for end in '>/dev/full' '>&-' '2>/dev/full' '2>&-' '<&- >&- 2>&-'; do
    run bash -c "'$names/mdevctl' ${words%:*} $end"
    case $words$end in
      "list:0>/dev/full") exits 1 "mdevctl ${words%:*} $end fails as the output cannot be written" ;;
      *) exits "${words#*:}" "mdevctl ${words%:*} $end has its usual exit code" ;;
    esac
  done
  run bash -c "'$names/mdevctl' ${words%:*} 2>&1 | true; exit \${PIPESTATUS[0]}"
  holds "mdevctl ${words%:*} | true is not ended by a signal" test "$code" -lt 3
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
  exits 1 "modify fails if the disk is full"
  err_has 'No space left on device' "the error of modify names the full disk"
  err_has '^hint: free space' "the hint of modify says to free space"
  same "$(cat "$file")" "$before" "modify does not change the definition if the disk is full"
  run "$MDEVADM" --root "$small" define 00000000-0000-0000-0000-000000000002 -p p -t t --force --attr "x=$(printf 'y%.0s' $(seq 5000))"
  exits 1 "define fails if the disk is full"
  same "$(ls -A "$small/etc/mdevadm/devices/p")" "00000000-0000-0000-0000-000000000001.toml" \
    "define leaves no incomplete definition and no temporary file if the disk is full"
  umount "$small"
else
  failed "the tests of a full disk can run" "cannot mount a tmpfs: run this as root"
fi

# Directories that an unprivileged user cannot read
chmod 755 "$host"
mkdir -p "$host/etc/mdevadm/devices/mtty"
chmod 700 "$host/etc/mdevadm/devices"
nobody() { setpriv --reuid 65534 --clear-groups "$@"; }
program=$(mktemp) && cp "$MDEVADM" "$program" && chmod 755 "$program"
run nobody "$program" --root "$host" list --defined
exits 1 "list --defined fails if the definitions cannot be read"
err_has "cannot read the definitions in '$host/etc/mdevadm/devices': Permission denied" "the error names the directory that cannot be read"
run nobody "$program" --root "$host" list
exits 0 "list succeeds if the definitions cannot be read"
err_has 'warning: .*Permission denied; showing active devices only' "list warns that it shows active devices only"
out_has ' 00000000-0000-4000-8000-000000000001$' "list shows the active devices if the definitions cannot be read"
run nobody "$program" --root "$host" define -p mtty -t mtty-1
exits 1 "define fails for a user without write permission"
err_has "^mdevadm: error: cannot define '.*': cannot lock the definitions \('.*'\): Permission denied$" "the error names the operation and the cause"
err_has "^hint: this needs root: sudo mdevadm --root $host define -p mtty -t mtty-1$" "the hint has the command with sudo"
rm -f "$program"

# Terminals
width() { COLUMNS=$1 script -qec "stty cols $1; '$MDEVADM' --root '$host' types" /dev/null | awk '{ sub(/\r$/, ""); if (length > m) m = length } END { print m }'; }
holds "a table fits the width of a narrow terminal" test "$(width 70)" -le 70
holds "no line is truncated if standard output is a pipe" test "$(mdevadm types | awk 'length > 70' | wc -l)" -gt 0
colours() { script -qec "$1 '$MDEVADM' --root '$host' list" /dev/null | grep -c $'\033\[3'; }
holds "output to a terminal has colours" test "$(colours '')" -gt 0
same "$(colours 'NO_COLOR=1')" 0 "output has no colours if NO_COLOR is set"
same "$(mdevadm list | grep -c $'\033')" 0 "output to a pipe has no colours"

# -q and -v
run mdevadm start 00000000-0000-4000-8000-000000000001 -q
same "$err" "" "-q suppresses the message for an unchanged device"
run mdevadm define -p mtty -t mtty-1 -v
err_has "^mdevadm: define '.*': write the definition of .* under mtty: done$" "-v prints each step"
run mdevadm list -q -v
exits 2 "-q and -v together are a usage error"
finish
