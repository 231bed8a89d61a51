# README.md agrees with the program: its sessions are what the program prints on simulated hosts, its paths and commands exist.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
top=$(realpath "$here/../..")
readme=$top/README.md

# block FIRST-LINE: the code block of README.md that begins with this line
block() { awk -v first="$1" '/^```/ { if (found) exit; start = 1; next } start && index($0, first) == 1 { found = 1 } { start = 0 } found' "$readme"; }

# Process IDs differ between runs.
same_pids() { sed -E 's/pid [0-9]+/pid N/'; }
shown=$(block '# mdevadm types' | same_pids)
run env PATH="$(dirname "$MDEVADM"):$PATH" "$MDEVSIM" run workstation -- bash "$top/examples/tour.sh"
exits 0 "the example session completes"
same "$(same_pids <<<"$out")" "$shown" "README's example session is what the program prints"
run grep -c '^type_in ' "$top/examples/tour.sh"
same "$(grep -c '^# mdev' <<<"$shown")" "$out" "README's example session has all commands of tour.sh"

# UUIDs are random.
same_uuids() { sed -E 's/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/UUID/'; }
first=$(block '$ mdevsim run m60 -- bash' | tail -n +2)
commands=$(sed -n 's/^# //p' <<<"$first")
holds "README has a first session" test -n "$commands"
# shellcheck disable=SC2016
run env PATH="$(dirname "$MDEVADM"):$PATH" COLUMNS=80 NO_COLOR=1 "$MDEVSIM" run m60 -- \
  bash -c 'while read -r line; do printf "# %s\n" "$line"; eval "$line" 2>&1; done <<<"$1"' bash "$commands"
exits 0 "the first session completes"
same "$(same_uuids <<<"$out")" "$(same_uuids <<<"$first")" "README's first session is what the program prints"

for path in $(grep -oE '\]\([^)#]+\)' "$readme" "$top"/src/README.md "$top"/tests/README.md "$top"/tests/*/README.md | sed -E 's/^(.*):\]\((.*)\)$/\1|\2/'); do
  file=${path%%|*} link=${path#*|}
  holds "the target $link of a link in ${file#"$top/"} exists" test -e "$(dirname "$file")/$link"
done
for command in $(grep -oE '^\./[a-z/]+\.sh' "$readme"); do
  holds "README's $command is executable" test -x "$top/$command"
done
# The commands in README exist.
while read -r line; do
  line=${line%%#*}
  words=${line#*mdevadm }
  verb=${words%% *}
  case $line in
    mdevadm\ *|uuid=*)
      holds "README's 'mdevadm $verb' is a command" grep -qx "$verb" <("$MDEVADM" __describe | jq -r '.commands[].name | split(" ")[0]' | sort -u)
      ;;
  esac
done < <(awk '/^```/ { on = !on; next } on' "$readme" | grep -E '^(mdevadm|uuid=)' | grep -v -- --root)
finish
