# README.md keeps its word: its session is what the program prints on the simulated host that quickstart.sh uses, its paths exist.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
top=$(realpath "$here/../..")
readme=$top/README.md

# Process numbers are what they are.
same_pids() { sed -E 's/pid [0-9]+/pid N/'; }
shown=$(awk '/^```/ { on = !on; if (!on && found) exit; next } on && (found || /^# mdevadm types/) { found = 1; print }' "$readme" | same_pids)
run env PATH="$(dirname "$MDEVADM"):$PATH" "$MDEVSIM" run workstation -- bash "$top/examples/tour.sh"
exits 0 "the session runs"
same "$(same_pids <<<"$out")" "$shown" "README's first session is what the program prints"
run grep -c '^type_in ' "$top/examples/tour.sh"
same "$(grep -c '^# mdev' <<<"$shown")" "$out" "and it is whole"

for path in $(grep -oE '\]\([^)#]+\)' "$readme" "$top"/src/README.md "$top"/tests/README.md "$top"/tests/*/README.md | sed -E 's/^(.*):\]\((.*)\)$/\1|\2/'); do
  file=${path%%|*} link=${path#*|}
  holds "${file#"$top/"} links to $link, which exists" test -e "$(dirname "$file")/$link"
done
for command in $(grep -oE '^\./[a-z/]+\.sh' "$readme"); do
  holds "README's $command can be run" test -x "$top/$command"
done
# Every command line of README that can be tried without a host is understood by the program.
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
