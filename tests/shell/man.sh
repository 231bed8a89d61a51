# The man pages agree with the program: every command, option, column and exit code is in its page, and no page has one that
# does not exist. The pages are well-formed.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
top=$(realpath "$here/../..")
tree=$(mktemp)
trap 'rm -f "$tree"' EXIT
"$MDEVADM" __describe >"$tree"

page() { cat "$MAN/mdevadm${1:+-$1}.8.scd"; }
section() { awk -v want="# $1" '/^# / { on = ($0 == want); next } on'; }
# Options that a page explains: the lines that begin a paragraph, "*-p*, *--parent* _PARENT_".
explained() { section OPTIONS | grep -E '^\*-' | grep -oE '\*-[^*]*\*' | tr -d '*' | sort -u; }
has_option() { jq -r "$1 | .options[].names[].name" "$tree" | sort -u; }

for verb in $(jq -r '.commands[].name | split(" ")[0]' "$tree" | uniq); do
  holds "$verb has a man page" test -s "$MAN/mdevadm-$verb.8"
  wanted=$(sort -u <(has_option .) <(has_option ".commands[] | select((.name | split(\" \")[0]) == \"$verb\")"))
  same "$(page "$verb" | explained)" "$wanted" "mdevadm-$verb(8) has exactly the options of $verb"
  # If several commands share a page, only list has columns.
  columns=$(jq -r ".commands[] | select(.name == \"$verb\" or .name == \"$verb list\") | .columns[].name" "$tree" | sort)
  same "$(page "$verb" | section COLUMNS | grep -E '^\*' | grep -oE '\*[a-z0-9_]+\*' | tr -d '*' | sort)" "$columns" \
    "mdevadm-$verb(8) has exactly the columns of $verb"
  # Values: "--parent PARENT" is "--parent_ _PARENT_" in the page.
  missing=$(jq -r ".commands[] | select((.name | split(\" \")[0]) == \"$verb\") | .options[] | select(.value != null and (.names | length) > 0) |
    \"\(.names[-1].name) \(.value)\"" "$tree" | while read -r name value; do
    page "$verb" | grep -qF -- "*$name* _${value}_" || echo "$name $value"
  done)
  same "$missing" "" "mdevadm-$verb(8) names the values of the options as $verb does"
done
same "$(page '' | explained)" "$(has_option .)" "mdevadm(8) has exactly the options common to all commands"
same "$(page '' | section COMMANDS | grep -oE '^\*[a-z]+\*' | tr -d '*' | grep -vE 'help|version|ls')" "$(jq -r '.commands[].name | split(" ")[0]' "$tree" | uniq)" \
  "mdevadm(8) has the commands in the order of help"
same "$(ls "$MAN"/mdevadm-*.8 | sed 's/.*mdevadm-\(.*\)\.8/\1/' | sort)" "$(jq -r '.commands[].name | split(" ")[0]' "$tree" | sort -u)" \
  "every mdevadm-COMMAND(8) describes a command that exists"

# Sections, synopses and examples.
for file in "$MAN"/mdev*.8.scd; do
  name=$(basename "$file" .8.scd)
  wanted="NAME SYNOPSIS DESCRIPTION EXIT\ STATUS EXAMPLES SEE\ ALSO"
  [ "$name" = mdevctl ] || wanted+=" OPTIONS"
  case $name in
    mdevadm) wanted+=" ENVIRONMENT FILES FOR\ USERS\ OF\ MDEVCTL" ;;
    mdevadm-list | mdevadm-show | mdevadm-types | mdevadm-group) wanted+=" ENVIRONMENT" ;;
    mdevadm-define | mdevadm-modify | mdevadm-undefine | mdevadm-start | mdevadm-restart | mdevadm-import | mdevadm-export | mdevadm-apply) wanted+=" FILES" ;;
  esac
  eval "wanted=($wanted)"
  for section in "${wanted[@]}"; do
    holds "$name(8) has a section $section" test -n "$(section "$section" <"$file")"
  done
  # Each block of examples follows a sentence that ends in a colon.
  same "$(section EXAMPLES <"$file" | awk '/^```/ { inside = !inside; if (inside && before !~ /:$/) print NR ": " before; next } NF && !inside { before = $0 }')" "" \
    "$name(8) introduces each example with a sentence"
done
for verb in $(jq -r '.commands[].name | split(" ")[0]' "$tree" | uniq); do
  missing=$(jq -r ".commands[] | select((.name | split(\" \")[0]) == \"$verb\") | .options[] | select((.positional | not) and (.names | length) > 0) |
    [.names[].name] | join(\"|\")" "$tree" | sort -u | while read -r names; do
    page "$verb" | section SYNOPSIS | grep -qE -- "\*($names)\*" || echo "$names"
  done)
  same "$missing" "" "the synopsis of mdevadm-$verb(8) has all its options"
done

listed=
codes=$(sed -nE '/^enum class ExitCode/,/^}/ s/^ +[a-z_]+ = ([0-9]+),$/*\1*/p' "$top/include/mdevadm/util/error.hpp")
same "$(page '' | section 'EXIT STATUS' | grep -E '^\*')" "$codes" "mdevadm(8) has the exit codes of the source"

# Exit codes that each command can return, with their meaning in its page.
while read -r verb wanted; do
  same "$(page "$verb" | section 'EXIT STATUS' | grep -oE '^\*[0-9]\*$' | tr -d '*' | paste -sd' ')" "$wanted" \
    "mdevadm-$verb(8) has exactly the exit codes of $verb"
  same "$(page "$verb" | section 'EXIT STATUS' | awk '/^\*[0-9]\*$/ { getline; if ($0 !~ /^\t[A-Z].*\.$/) print }')" "" \
    "mdevadm-$verb(8) explains each exit code with a sentence"
  listed+=" $verb"
done <<'E'
types 0 1 2 3 6
probe 0 1 2 3 5 6 8
list 0 1 2 3 4 8
show 0 1 2 3 4 8
status 0 1 2
monitor 0 1 2 3 4 9
check 0 1 2 3 4 8
define 0 1 2 3 4 5 6
modify 0 1 2 3 4 5 6 7
undefine 0 1 2 3 4 8
start 0 1 2 3 4 5 6 7 8
stop 0 1 2 3 4 5 8
restart 0 1 2 3 4 5 6 7 8
apply 0 1 2 3 4 6 7 8 9
diff 0 1 2 3 4 6 9
claim 0 1 2 3 6
release 0 1 2 3 4 5 8
attach 0 1 2 3 4 5 6 7
detach 0 1 2 3 4 5 8
import 0 1 2 3 4 8
export 0 1 2 3 4 5 8
parent 0 1 2 3 4 5 8
group 0 1 2 3 4 5 6 7 8
E
same "$(tr ' ' '\n' <<<"$listed" | sed '/^$/d' | sort)" "$(jq -r '.commands[].name | split(" ")[0]' "$tree" | sort -u)" "the exit codes of all commands are checked"

# mdevsim: its help, the keys of its scenario reader, its control requests.
sim=$MAN/mdevsim.8.scd toml=$MAN/mdevsim.toml.5.scd
sim_section() { section "$1" <"$sim"; }
same "$(sim_section COMMANDS | grep -oE '^\*[a-z]+\*$' | tr -d '*')" "$("$MDEVSIM" --help | sed -n '/^Commands:/,/^$/p' | awk '/^  [a-z]/ && $1 != "help" { print $1 }')" \
  "mdevsim(8) has the commands in the order of help"
sim_options=$( ("$MDEVSIM" --help; for verb in run mount umount check list hold control events; do "$MDEVSIM" $verb --help; done) |
  sed -nE 's/^ +((-[A-Za-z],? *)?(--[a-z-]+)?).*/\1/p' | tr -s ', ' '\n' | grep -x -- '-.*' | sort -u)
same "$(sim_section OPTIONS | grep -E '^\*-' | grep -oE '\*-[^*]*\*' | tr -d '*' | sort -u)" "$sim_options" \
  "mdevsim(8) has exactly the options of mdevsim"
for word in $(grep -oE 'verb == "[a-z]+"' "$top/src/sim/machine.cpp" | cut -d'"' -f2 | grep -vxE 'hold|opened'); do
  holds "mdevsim(8) explains the control request '$word'" grep -qE "^\*$word\*|, \*$word\*" <(sim_section "CONTROL REQUESTS")
done
words=$(grep -ohE '(find|need|text|number|numbers|texts|truth|mebibytes|error_number|tables|table|list|small_numbers)\((ap, )?"[a-z_]+"' "$top"/src/sim/{scenario,arithmetic}.cpp | cut -d'"' -f2 | sort -u)
missing=$(for word in $words; do grep -qE "[*.]$word[]*]" "$toml" || grep -qE "\*\[\[?(parent\.)?$word" "$toml" || echo "$word"; done)
same "$missing" "" "mdevsim.toml(5) has all $(wc -w <<<"$words") keys of the scenario reader"
same "$(section INTERFACES <"$toml" | grep -E '^\*' | grep -oE '\*[A-Z][A-Za-z0-9-]+\*' | tr -d '*' | sort)" \
  "$(grep -oE '\.id = "[A-Za-z0-9-]+"' "$top/src/sim/words.cpp" | cut -d'"' -f2 | sort)" "mdevsim.toml(5) has every kernel interface"

# Every option that a page mentions exists in some command.
mdevctl=$(mktemp -d)
ln -s "$(realpath "$MDEVADM")" "$mdevctl/mdevctl"
mdevctl_options=$("$mdevctl/mdevctl" --help | sed -n '/^Commands:/,/^Options:/p' | awk '/^  [a-z]/ && $1 != "help" { print $1 }' |
  while read -r verb; do "$mdevctl/mdevctl" "$verb" --help; done | grep -oE -- '--[a-z]+' | sort -u)
rm -r "$mdevctl"
all=$(echo "$mdevctl_options"; jq -r '[.options[].names[].name, .commands[].options[].names[].name] | unique[]' "$tree"; echo "$sim_options")
unknown=$(grep -ohE -- '--[a-z][a-z-]+' "$MAN"/*.scd "$top/README.md" | sort -u | grep -vxFf <(echo "$all") | grep -vE '^--(preset|install|prefix|build|test-dir|output-on-failure|component|now|nodeps)$' || true)
same "$unknown" "" "man pages and README mention only options that exist"

# Keys of definitions: mdevadm.toml(5) has the keys of the reader.
keys=$(grep -ohE '(key == |get\()"[a-z_]+"' "$top"/src/store/definition_{file,keys}.cpp | grep -oE '[a-z_]+"$' | tr -d '"' | sort -u)
missing=$(for key in $keys; do grep -qE "[*_[]$key[]*_]" "$MAN/mdevadm.toml.5.scd" || echo "$key"; done)
same "$missing" "" "mdevadm.toml(5) has every key of the definition reader"

# Characters are counted, not bytes: lines of tables and the hyphens of groff 1.23 are not ASCII. With MANWIDTH=80 man formats for 78
# columns on Debian 12 and for 80 since Debian 13.
export LC_ALL=C.UTF-8 MANWIDTH=80
same "$(find "$MAN" -name '*.[1-9]' | wc -l)" "$(find "$top/man" -name '*.[1-9].scd' | wc -l)" "every source has a man page"
for file in "$MAN"/*.[1-9]; do
  name=$(basename "$file")
  run man --warnings -l "$file"
  same "$err" "" "man formats $name without a warning"
  text=$(col -bx <<<"$out")
  same "$(grep -E '^.{81}' <<<"$text")" "" "$name fits in 80 columns"
  same "$(grep '‐$' <<<"$text")" "" "$name hyphenates no word"
  if grep -q '^\.TS' "$file"; then wanted="'\\\" t"; else wanted=; fi
  same "$(sed -n "1{/^'/p}" "$file")" "$wanted" "$name names tbl as its preprocessor if it has tables"
done
finish
