# mdevctl's call-outs and notifiers: mdevadm asks and tells them in the same order as mdevctl does.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT

# Writes down how it is called, whether by mdevadm itself, and whether the device is defined and active by then.
cat >"$folder/recorder" <<T
#!/bin/sh
by=somebody
[ "\$(cat /proc/\$PPID/comm)" = mdevadm ] && by=mdevadm
known=
[ ! -e "/etc/mdevadm/devices/\${12}/\${10}.toml" ] || known=" defined"
[ ! -e "/sys/bus/mdev/devices/\${10}" ] || known="\$known active"
echo "\${0##*/} \$* <\$(cat)> by \$by\$known" >>$folder/calls
[ "\$4-\$6" != "\$(cat $folder/refuse 2>/dev/null)" ] || { echo "not now" >&2; exit 1; }
T
chmod +x "$folder/recorder"

cat >"$folder/inside.sh" <<T
u=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01
u2=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02
scripts=/etc/mdevctl.d/scripts.d
mkdir -p \$scripts/callouts \$scripts/notifiers
cp $folder/recorder \$scripts/callouts/ask
cp $folder/recorder \$scripts/notifiers/tell
say() {
  : >$folder/calls
  echo "\$ \$*"
  "\$@" 2>&1
  echo "= \$?"
  grep -v ' -a capabilities ' $folder/calls
}
say $MDEVADM define \$u -p mtty -t mtty-1
say $MDEVADM modify \$u --auto
say $MDEVADM start \$u
say $MDEVADM start \$u
say $MDEVADM list
say $MDEVADM stop \$u
echo pre-start >$folder/refuse
say $MDEVADM start \$u
say $MDEVADM start --auto
say $MDEVADM list
rm $folder/refuse
say $MDEVADM start --auto
echo pre-stop >$folder/refuse
say $MDEVADM stop \$u
rm $folder/refuse
say $MDEVADM stop \$u
say $MDEVADM undefine \$u
say $MDEVADM start --uuid \$u2 -p mtty -t mtty-1 --attr nosuch=1
say $MDEVADM start -p mtty -t nosuch
say $MDEVADM define --dry-run -p mtty -t mtty-1
: >$folder/calls
$MDEVADM define \$u -p mtty -t mtty-1
grep -c -- '-a capabilities' $folder/calls
T
run "$MDEVSIM" run "$here/../compat/host.toml" -- bash "$folder/inside.sh"
exits 0 "the session runs"

# What the Nth command of these words said and called, but for the device's options.
of() {
  awk -v n="${2:-1}" -v words="$1" '/^\$ /{on=0; if (index($0, words)) on=(++seen==n)} on' <<<"$out" |
    sed 's/ -u [-0-9a-f]* -p mtty/ …/; 1d'
}
config() { echo "<{\"mdev_type\":\"mtty-1\",\"start\":\"$1\",\"attrs\":[]}>"; }
sequence() {  # ACTION START BEFORE AFTER
  echo "ask -t mtty-1 -e pre -a $1 -s none … $(config "$2") by mdevadm$3"
  echo "ask -t mtty-1 -e post -a $1 -s success … $(config "$2") by mdevadm$4"
  echo "tell -t mtty-1 -e notify -a $1 -s success … <> by mdevadm$4"
}
went_well() { grep -v '^[0-9a-f-]*$' | tail -n 4; }
same "$(of ' define 7e' | went_well)" "$(echo '= 0'; sequence define manual '' ' defined')" "define: asked before, told after, by mdevadm itself"
same "$(of ' modify ')" "$(echo '= 0'; sequence modify auto ' defined' ' defined')" "modify: with the definition as it is to be"
same "$(of ' start 7e' | went_well)" "$(echo '= 0'; sequence start auto ' defined' ' defined active')" "start"
same "$(of ' start 7e' 2 | grep -v 'is already active')" "= 0" "nothing to do: nobody is asked"
same "$(of ' list' | grep -c '^ask')" 0 "a listing calls nobody"
same "$(of ' stop ')" "$(echo '= 0'; sequence stop manual ' defined active' ' defined')" "stop: with what mdevctl tells of a live device"

refused="Script '\"/etc/mdevctl.d/scripts.d/callouts/ask\"' failed with status '1'"
told="ask -t mtty-1 -e pre -a start -s none … $(config auto) by mdevadm defined
tell -t mtty-1 -e notify -a start -s none … <> by mdevadm defined"
same "$(of ' start 7e' 3)" "mdevadm: warning: ask: not now
mdevadm: error: cannot start '7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01': $refused
= 1
$told" "a call-out that says no: exit code 1, its words, nothing done, notifiers hear of none"
same "$(of ' start --auto' | grep -v '^mdevadm: ')" "= 1
$told" "the same at boot"
same "$(of ' list' 2 | grep -c ' active')" 0 "the device is down"
same "$(of ' start --auto' 2 | tail -n 3)" "$(sequence start auto ' defined' ' defined active')" "at boot it is asked and told"
same "$(of ' stop ' 2 | grep -c -- '-e post\|^= 1$')" 1 "a stop that is refused is not told of"
same "$(of ' stop ' 3 | tail -n 3)" "$(sequence stop manual ' defined active' ' defined')" "and the device was still up"
same "$(of ' undefine ')" "$(echo '= 0'; sequence undefine auto ' defined' '')" "undefine"
failed=$(sequence start manual '' '' | sed 's/success/failure/; s/"attrs":\[\]/"attrs":[{"nosuch":"1"}]/')
same "$(of ' start --uuid' | grep -v '^mdevadm: \|^hint: ')" "= 3
$failed" "a start that fails is told of as a failure, when it is undone"
same "$(of ' -t nosuch' | grep -c '^ask')" 0 "what cannot be is asked of nobody"
same "$(of ' --dry-run' | grep -c '^ask')" 0 "a dry run asks nobody"
same "$(tail -n 1 <<<"$out")" 1 "what a script supports is asked once"

# Scripts that a Ctrl-C ends together with the program, and scripts whose words nobody can read.
ln -s "$(realpath "$MDEVADM")" "$folder/mdevctl"
cat >"$folder/unpleasant.sh" <<'T'
folder=$1 m=$2 mdevctl=$1/mdevctl
A=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 B=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02
scripts=/etc/mdevctl.d/scripts.d
mkdir -p $scripts/callouts $scripts/notifiers
script() {  # FOLDER/NAME SHELL
  printf '#!/bin/sh\necho "${0##*/} $4-$6-$8" >>%s/calls\n%s\n' "$folder" "${2:-}" >$scripts/$1
  chmod +x $scripts/$1
}
say() {
  : >$folder/calls
  echo "$ $*"
  setsid -w env --default-signal=INT "$@" 2>&1
  echo "= $?"
  grep -v -- -capabilities- $folder/calls
}
config() { printf '{"mdev_type":"%s","start":"auto"}' "$1" >$folder/config; }
can='{"supports":{"version":2,"actions":["modify","attributes"],"events":["get","live"]}}'
$mdevctl start -u $A -p mtty -t mtty-1
$mdevctl start -u $B -p mtty -t mtty-1
$mdevctl define -u $A
$mdevctl define -u $B
mkdir /etc/mdevctl.d/0000:0a:00.0
cp /etc/mdevctl.d/mtty/$B /etc/mdevctl.d/0000:0a:00.0/
script notifiers/tell
script callouts/ask "case \$4-\$6 in *-capabilities) echo '$can' ;; live-*) kill -INT 0; sleep 9 ;; esac"
config mtty-1
say $mdevctl modify -u $A -p mtty --live --jsonfile $folder/config
say $mdevctl modify -u $A -p mtty --live --defined --jsonfile $folder/config
script callouts/ask '[ $6 != attributes ] || { kill -INT 0; sleep 9; }'
say $mdevctl list
script callouts/ask '[ $4 != pre ] || { kill -INT 0; sleep 9; }'
say $mdevctl modify -u $A --auto
say $mdevctl undefine -u $B --force
say $m start --uuid ${A/a01/a03} -p mtty -t mtty-1
script callouts/ask '[ $4 != pre ] || kill -INT $PPID'
say $mdevctl stop -u $A
script callouts/ask '[ $6 != attributes ] || { printf "[{\"a\":"; head -c 100000 /dev/zero | tr "\\0" "["; head -c 100000 /dev/zero | tr "\\0" "]"; printf "}]"; }'
say $mdevctl list
say $mdevctl list --defined
script callouts/ask
config 'mtty-1\u0000'
say $mdevctl define -u ${A/a01/a04} -p mtty --jsonfile $folder/config
true
T
run "$MDEVSIM" run "$here/../compat/host.toml" -- bash "$folder/unpleasant.sh" "$folder" "$(realpath "$MDEVADM")"
exits 0 "the session with unpleasant scripts runs"
out=$(sed "s|$folder/||; s|$(realpath "$MDEVADM")|mdevadm|; /^\[.* WARN /d" <<<"$out")
A=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 B=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02
interrupted=$'Error: interrupted\n= 1'
changed="$interrupted
ask get-attributes-none
ask live-modify-none
tell notify-modify-none"
cut_short() {  # ACTION
  echo "ask pre-$1-none
ask post-$1-failure
tell notify-$1-failure"
}
same "$(of 'modify -u ')" "$changed" "a change of a live device that is interrupted is none, and notifiers hear of it"
same "$(of 'modify -u ' 2)" "$changed" "and its definition is not written then"
same "$(of 'mdevctl list')" "$interrupted
ask get-attributes-none" "a listing that is interrupted asks of no other device"
same "$(of ' --auto')" "$interrupted
$(cut_short modify)" "a call-out that was interrupted with the command is told of its failure"
same "$(of 'undefine ')" "$interrupted
$(cut_short undefine)" "by no force is the command done then, nor the next device's"
same "$(of 'start --uuid')" "mdevadm: warning: callout script \"/etc/mdevctl.d/scripts.d/callouts/ask\" was terminated by a signal
mdevadm: error: cannot start '${A/a01/a03}': interrupted
= 1
$(cut_short start)" "so it is with mdevadm"
same "$(of 'stop ')" "$interrupted
$(cut_short stop)" "who said yes before the interruption is told of a failure"
same "$(of 'mdevctl list' 2)" "$A mtty mtty-1 manual (defined)
$B mtty mtty-1 manual (defined)
= 0
ask get-attributes-none
ask get-attributes-none" "what is nested without end is no attribute, and the listing goes on"
same "$(of 'list --defined')" "$B 0000:0a:00.0 mtty-1 manual
$A mtty mtty-1 manual (active)
$B mtty mtty-1 manual (active)
= 0" "nothing of what was interrupted is done"
same "$(of 'mdevctl define')" "Error: invalid json: mdev_type must not have a NUL in it
= 1" "a type with a NUL in it is refused before a script could see another"
finish
