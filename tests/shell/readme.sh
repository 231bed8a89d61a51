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
same_pids() { sed -E 's/pid [0-9]+/pid N/g; s/python3\([0-9]+\)/python3(N)/'; }
shown=$(block '# mdevadm types' | same_pids)
run env PATH="$(dirname "$MDEVADM"):$PATH" "$MDEVSIM" run workstation -- bash "$top/examples/tour.sh"
exits 0 "the example session completes"
same "$(same_pids <<<"$out")" "$shown" "README's example session is what the program prints"
run grep -c '^type_in ' "$top/examples/tour.sh"
same "$(grep -c '^# mdev' <<<"$shown")" "$out" "README's example session has all commands of tour.sh"

shown=$(block '# mdevadm define' | same_pids)
run env PATH="$(dirname "$MDEVADM"):$PATH" "$MDEVSIM" run m60 -- bash "$top/examples/guest.sh"
exits 0 "the session of a virtual machine completes"
same "$(same_pids <<<"$out")" "$shown" "README's session of a virtual machine is what the program prints"

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

# The commands of the section Operate, in their order, on a host with devices.
operate=$(awk '/^## / { on = ($0 == "## Operate") } on && /^```/ { block = !block; next } on && block && /^mdevadm / { sub(/ +#.*/, ""); print }' "$readme")
holds "the section Operate has commands" test "$(wc -l <<<"$operate")" -gt 10
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2016
run env PATH="$(dirname "$MDEVADM"):$PATH" "$MDEVSIM" run m60 -- bash -c '
  cd "$2"
  mdevadm define -p 0000:86:00.0 -t nvidia-17 --name cad-seat-1 --auto >/dev/null
  mdevadm group create vm1 cad-seat-1
  mdevadm start --auto
  while read -r line; do
    # As at a boot.
    case $line in
      *" list --boot") mdevadm start --auto ;;
      *" monitor") line="timeout 1 $line || [ \$? = 124 ]" ;;
    esac
    eval "$line" >/dev/null 2>said || { echo "$line: exit status $?"; cat said; }
  done <<<"$1"' bash "$operate" "$work"
same "$out" "" "the commands of the section Operate succeed"
for unit in $(awk '/^## / { on = ($0 == "## Operate") } on' "$readme" | grep -oE 'mdevadm[a-z-]*\.(timer|service|target)' | sort -u); do
  holds "README's unit $unit exists" test -n "$(ls "$top/packaging/systemd/$unit"* 2>/dev/null)"
done

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
