# mdevctl's definitions beside mdevadm's: seen, changed in their own form, imported and exported.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ln -s "$(realpath "$MDEVADM")" "$folder/mdevctl"

cat >"$folder/inside.sh" <<'T'
mdevctl=$1 m=$2
A=aaaaaaaa-1111-2222-3333-444444444401 B=bbbbbbbb-1111-2222-3333-444444444402
say() { echo "$ $*"; "$@" 2>&1; echo "= $?"; }
cd /etc/mdevctl.d || exit 1
$mdevctl define -u $A -p mtty -t mtty-1
$m define $B -p mtty -t mtty-2 --name seat >/dev/null
say "$m" list --all -o uuid,start,origin
say "$m" start $A
say "$mdevctl" list
say "$mdevctl" list --defined
say "$m" modify $A --auto --attr first=1
say tail -n +2 mtty/$A
say "$m" modify $A --name cad
say "$m" import mdevctl $A
say "$m" list -o uuid,start,origin
say "$mdevctl" modify -u $A --manual
say "$m" list -o uuid,start,origin
say "$m" import mdevctl
say "$m" export mdevctl $A
say "$m" export mdevctl $A --force
say "$m" import mdevctl --remove
say ls mtty
say "$m" export mdevctl seat
say cat mtty/$B
say "$m" export mdevctl seat
say "$m" undefine seat
say "$m" list --defined -o uuid,origin
printf '{"mdev_type":"mtty-1","start":"auto","more":5}' >mtty/${A/a/b}
say "$m" import mdevctl ${A/a/b} --remove
say "$m" import mdevctl ${A/a/c}
printf '{' >mtty/${A/a/d}
say "$m" list --defined -o uuid
say "$m" import mdevctl ${A/a/d}
T
run "$MDEVSIM" run "$here/../compat/host.toml" -- bash "$folder/inside.sh" "$folder/mdevctl" "$(realpath "$MDEVADM")"
exits 0 "the session runs"
session=$(sed "s|$folder/||; s|$(realpath "$MDEVADM")|mdevadm|; s/  */ /g" <<<"$out")
A=aaaaaaaa-1111-2222-3333-444444444401 B=bbbbbbbb-1111-2222-3333-444444444402
line() { grep -m1 -A"${2:-1}" -xF -- "\$ $1" <<<"$session" | tail -n +2; }

same "$(line 'mdevadm list --all -o uuid,start,origin' 3)" "UUID START ORIGIN
$A manual mdevctl
$B manual mdevadm" "mdevadm lists both, and whose they are"
same "$(line "mdevadm start $A")" "= 0" "it starts mdevctl's"
same "$(line 'mdevctl list')" "$A mtty mtty-1 manual (defined)" "mdevctl lists what is active"
same "$(line 'mdevctl list --defined' 2)" "$A mtty mtty-1 manual (active)
= 0" "and of what is defined only its own"
same "$(line "tail -n +2 mtty/$A" 8)" ' "mdev_type": "mtty-1",
 "start": "auto",
 "attrs": [
 {
 "first": "1"
 }
 ]
}= 0' "mdevadm modifies mdevctl's definition in its form"
same "$(line "mdevadm modify $A --name cad" 3 | tail -1)" "= 1" "what that has no words for is refused"
same "$(line "mdevadm modify $A --name cad" 2 | tail -1)" "hint: import it first: mdevadm import mdevctl $A" "and what to do is said"
same "$(line "mdevadm import mdevctl $A")" "= 0" "it is imported"
same "$(line 'mdevadm list -o uuid,start,origin' 2)" "UUID START ORIGIN
$A auto mdevadm" "and is mdevadm's then"
same "$(sed '/^\$ mdevctl modify -u/q' <<<"$session" | grep -c 'warning: ')" 0 "as long as both say the same nobody is warned"
same "$(sed '1,/^\$ mdevctl modify -u/d' <<<"$session" | grep -c "warning: /etc/mdevctl.d/mtty/$A: differs from '/etc/mdevadm/devices/mtty/$A.toml', which takes precedence")" 4 \
  "but when they differ, each time"
same "$(line 'mdevadm import mdevctl' 4 | grep -v warning)" "mdevadm: error: cannot import '$A': already defined under mtty
hint: remove the existing definition first: mdevadm undefine $A
= 4" "what mdevadm has is not overwritten by an import"
same "$(line "mdevadm export mdevctl $A" 4 | grep -v warning)" "mdevadm: error: cannot export '$A': mdevctl has a different definition of it under mtty
hint: overwrite it with --force
= 4" "nor what mdevctl has by an export"
same "$(line "mdevadm export mdevctl $A --force" 2 | tail -1)" "= 0" "unless it is to be"
same "$(line 'mdevadm import mdevctl --remove')" "= 0" "what both have is removed from mdevctl's"
same "$(line 'ls mtty')" "= 0" "and is gone there"
same "$(line 'mdevadm export mdevctl seat')" "mdevadm: warning: '$B': 'name' cannot be represented in mdevctl format and was not exported" "what mdevctl cannot say is named"
same "$(line "cat mtty/$B" 5)" '{
 "mdev_type": "mtty-2",
 "start": "manual",
 "attrs": []
}= 0' "the rest is there in mdevctl's form"
same "$(line 'mdevadm undefine seat')" "= 0" "mdevadm's own goes first"
same "$(line 'mdevadm list --defined -o uuid,origin' 3)" "UUID ORIGIN
$A mdevadm
$B mdevctl" "and mdevctl's is seen then"
same "$(line "mdevadm import mdevctl ${A/a/b} --remove" 2)" "mdevadm: warning: '${A/a/b}': ignoring unknown key more
= 0" "keys that nobody knows are named"
same "$(line "mdevadm import mdevctl ${A/a/c}" 2)" "mdevadm: error: cannot import '${A/a/c}': no mdevctl definition found
= 3" "what mdevctl has not cannot be imported"
same "$(line 'mdevadm list --defined -o uuid' | grep -c "warning: /etc/mdevctl.d/mtty/${A/a/d}:1:2: ")" 1 "a file that is no JSON is told with its place"
same "$(line "mdevadm import mdevctl ${A/a/d}" 4 | sed 1d | sed 's/: syntax.*/: …/')" \
  "mdevadm: error: cannot import '${A/a/d}': /etc/mdevctl.d/mtty/${A/a/d}:1:2: …
hint: fix or remove the file
= 1" "and why it cannot be imported"
finish
