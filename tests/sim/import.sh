# mdevctl's definitions beside mdevadm's: listed, modified in mdevctl's format, imported and exported.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
ln -s "$(realpath "$MDEVADM")" "$directory/mdevctl"

cat >"$directory/inside.sh" <<'T'
mdevctl=$1 m=$2
A=aaaaaaaa-1111-2222-3333-444444444401 B=bbbbbbbb-1111-2222-3333-444444444402
say() { echo "$ $*"; "$@" 2>&1; echo "= $?"; }
cd /etc/mdevctl.d || exit 1
say "$m" import mdevctl -p mtty
say "$m" export mdevctl -p mtty
say "$m" stop --all
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
say "$m" show $A -o uuid
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
run "$MDEVSIM" run "$here/../compat/host.toml" -- bash "$directory/inside.sh" "$directory/mdevctl" "$(realpath "$MDEVADM")"
exits 0 "the session completes"
session=$(sed "s|$directory/||; s|$(realpath "$MDEVADM")|mdevadm|; s/  */ /g" <<<"$out")
A=aaaaaaaa-1111-2222-3333-444444444401 B=bbbbbbbb-1111-2222-3333-444444444402
line() { grep -m1 -A"${2:-1}" -xF -- "\$ $1" <<<"$session" | tail -n +2; }

same "$(line 'mdevadm list --all -o uuid,start,origin' 3)" "UUID START ORIGIN
$A manual mdevctl
$B manual mdevadm" "mdevadm lists the definitions of both programs with their origin"
same "$(line "mdevadm start $A")" "= 0" "mdevadm starts a device that mdevctl defined"
same "$(line 'mdevctl list')" "$A mtty mtty-1 manual (defined)" "mdevctl lists the device that mdevadm started"
same "$(line 'mdevctl list --defined' 2)" "$A mtty mtty-1 manual (active)
= 0" "mdevctl lists only its own definitions"
same "$(line "tail -n +2 mtty/$A" 8)" ' "mdev_type": "mtty-1",
 "start": "auto",
 "attrs": [
 {
 "first": "1"
 }
 ]
}= 0' "mdevadm modifies mdevctl's definition in mdevctl's format"
same "$(line "mdevadm modify $A --name cad" 3 | tail -1)" "= 1" "modify refuses a key that mdevctl's format cannot represent"
same "$(line "mdevadm modify $A --name cad" 2 | tail -1)" "hint: import it first: mdevadm import mdevctl $A" \
  "the hint suggests to import the definition"
same "$(line "mdevadm import mdevctl $A")" "= 0" "import mdevctl imports a definition"
same "$(line 'mdevadm list -o uuid,start,origin' 2)" "UUID START ORIGIN
$A auto mdevadm" "the imported definition has the origin mdevadm"
same "$(sed '/^\$ mdevctl modify -u/q' <<<"$session" | grep -c 'warning: ')" 0 "mdevadm does not warn while both definitions are equal"
after=$(sed '1,/^\$ mdevctl modify -u/d' <<<"$session")
same "$(grep -c "warning: 1 definition file has a problem; for details: mdevadm status" <<<"$after")" 1 \
  "list reports that a file has a problem if the definitions differ"
same "$(grep -c "warning: /etc/mdevctl.d/mtty/$A: differs from '/etc/mdevadm/devices/mtty/$A.toml', which takes precedence" <<<"$after")" 1 \
  "show of the device warns that the definitions differ"
same "$(line 'mdevadm import mdevctl' 3)" "mdevadm: error: cannot import '$A': already defined under mtty
hint: remove the existing definition first: mdevadm undefine $A
= 4" "import does not overwrite a definition of mdevadm"
same "$(line 'mdevadm import mdevctl -p mtty')" "mdevadm: no definition of mdevctl exists under mtty" "import says that there is nothing to import"
same "$(line 'mdevadm export mdevctl -p mtty')" "mdevadm: no definition of mdevadm exists under mtty" "export says that there is nothing to export"
same "$(line 'mdevadm stop --all')" "mdevadm: no device is active" "stop --all says that there is nothing to stop"
same "$(line "mdevadm export mdevctl $A" 3)" "mdevadm: error: cannot export '$A': mdevctl has a different definition of it under mtty
hint: overwrite it with --force
= 4" "export does not overwrite a different definition of mdevctl"
same "$(line "mdevadm export mdevctl $A --force")" "= 0" "export --force overwrites the definition of mdevctl"
same "$(line 'mdevadm import mdevctl --remove')" "= 0" "import mdevctl --remove succeeds for a definition that both programs have"
same "$(line 'ls mtty')" "= 0" "import mdevctl --remove removes mdevctl's definition"
same "$(line 'mdevadm export mdevctl seat')" "mdevadm: warning: 'seat' ($B): settings not exported, because mdevctl's format cannot represent them: name" \
  "export warns about a key that mdevctl's format cannot represent"
same "$(line "cat mtty/$B" 5)" '{
 "mdev_type": "mtty-2",
 "start": "manual",
 "attrs": []
}= 0' "export writes the other keys in mdevctl's format"
same "$(line 'mdevadm undefine seat' 2)" "mdevadm: warning: '/etc/mdevctl.d/mtty/$B' defines this device too and takes effect now; to remove it: mdevadm undefine $B
= 0" "undefine removes mdevadm's definition and warns about mdevctl's"
same "$(line 'mdevadm list --defined -o uuid,origin' 3)" "UUID ORIGIN
$A mdevadm
$B mdevctl" "mdevadm lists mdevctl's definition after its own was removed"
same "$(line "mdevadm import mdevctl ${A/a/b} --remove" 2)" "mdevadm: warning: '${A/a/b}': ignoring unknown key more
= 0" "import warns about an unknown key"
same "$(line "mdevadm import mdevctl ${A/a/c}" 2)" "mdevadm: error: cannot import '${A/a/c}': no mdevctl definition found
= 3" "import fails with exit code 3 if mdevctl has no definition of the device"
same "$(line 'mdevadm list --defined -o uuid' | grep -c "warning: .* for details: mdevadm status")" 1 \
  "list reports that a file has a problem"
same "$(line "mdevadm import mdevctl ${A/a/d}" 3 | sed 's/: invalid JSON.*/: …/')" \
  "mdevadm: error: cannot import '${A/a/d}': /etc/mdevctl.d/mtty/${A/a/d}:1:2: …
hint: fix or remove the file
= 1" "import fails with the position of the invalid JSON and a hint"
finish
