# mdevctl's call-out and notification scripts: mdevadm runs them in the same order as mdevctl does.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
directory=$(mktemp -d)
chmod 755 "$directory"
trap 'rm -rf "$directory"' EXIT

# Records how it is called, whether by mdevadm itself, and whether the device is defined and active at that time.
cat >"$directory/recorder" <<T
#!/bin/sh
by=somebody
[ "\$(cat /proc/\$PPID/comm)" = mdevadm ] && by=mdevadm
known=
[ ! -e "/etc/mdevadm/devices/\${12}/\${10}.toml" ] || known=" defined"
[ ! -e "/sys/bus/mdev/devices/\${10}" ] || known="\$known active"
echo "\${0##*/} \$* <\$(cat)> by \$by\$known" >>$directory/calls
[ "\$4-\$6" != "\$(cat $directory/refuse 2>/dev/null)" ] || { echo "not now" >&2; exit 1; }
T
chmod +x "$directory/recorder"

cat >"$directory/inside.sh" <<T
u=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01
u2=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02
scripts=/etc/mdevctl.d/scripts.d
mkdir -p \$scripts/callouts \$scripts/notifiers
cp $directory/recorder \$scripts/callouts/ask
cp $directory/recorder \$scripts/notifiers/tell
say() {
  : >$directory/calls
  echo "\$ \$*"
  "\$@" 2>&1
  echo "= \$?"
  grep -v ' -a capabilities ' $directory/calls
}
say $MDEVADM define \$u -p mtty -t mtty-1
say $MDEVADM modify \$u --auto
say $MDEVADM start \$u
say $MDEVADM start \$u
say $MDEVADM list
say $MDEVADM stop \$u
echo pre-start >$directory/refuse
say $MDEVADM start \$u
say $MDEVADM start --auto
say $MDEVADM list
rm $directory/refuse
say $MDEVADM start --auto
echo pre-stop >$directory/refuse
say $MDEVADM stop \$u
rm $directory/refuse
say $MDEVADM stop \$u
say $MDEVADM undefine \$u
say $MDEVADM start --uuid \$u2 -p mtty -t mtty-1 --attr nosuch=1
say $MDEVADM start -p mtty -t nosuch
say $MDEVADM define --dry-run -p mtty -t mtty-1
echo pre-define >$directory/refuse
say $MDEVADM define \$u2 -p mtty -t mtty-1
say $MDEVADM define \$u2 -p mtty -t mtty-1 --force
rm $directory/refuse
say $MDEVADM undefine \$u2
: >$directory/calls
$MDEVADM define \$u -p mtty -t mtty-1
grep -c -- '-a capabilities' $directory/calls
T
run "$MDEVSIM" run "$here/../compat/host.toml" -- bash "$directory/inside.sh"
exits 0 "the session completes"

# The output and the script calls of the Nth command with these words, without the device's options.
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
same "$(of ' define 7e' | went_well)" "$(echo '= 0'; sequence define manual '' ' defined')" \
  "define runs pre, post and notify scripts in this order, itself"
same "$(of " define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02" | grep -c '^hint: use --force to ignore the refusal of the script$\|^= 1$')" 2 "a refused define names --force"
same "$(of " define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02" 2 | grep '^= ')" "= 0" "define --force defines the device nevertheless"
same "$(of ' modify ')" "$(echo '= 0'; sequence modify auto ' defined' ' defined')" "modify passes the new definition to the scripts"
same "$(of ' start 7e' | went_well)" "$(echo '= 0'; sequence start auto ' defined' ' defined active')" \
  "start runs pre, post and notify scripts in this order"
same "$(of ' start 7e' 2 | grep -v 'is already active')" "= 0" "start of an active device runs no script"
same "$(of ' list' | grep -c '^ask')" 0 "list runs no pre, post or notify script"
same "$(of ' stop ')" "$(echo '= 0'; sequence stop manual ' defined active' ' defined')" \
  "stop passes the configuration to the scripts as mdevctl reports it for an active device"

refused="Script '\"/etc/mdevctl.d/scripts.d/callouts/ask\"' failed with status '1'"
reason="hint: see why the script refuses: less /etc/mdevctl.d/scripts.d/callouts/ask"
told="ask -t mtty-1 -e pre -a start -s none … $(config auto) by mdevadm defined
tell -t mtty-1 -e notify -a start -s none … <> by mdevadm defined"
same "$(of ' start 7e' 3)" "mdevadm: warning: ask: not now
mdevadm: error: cannot start '7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01': $refused
$reason
= 1
$told" "a pre script that fails: start prints its output, exits with 1, starts nothing and runs the notify script with state none"
same "$(of ' start --auto' | grep -v '^mdevadm: \|^hint: ')" "= 1
$told" "start --auto handles a failing pre script in the same way"
same "$(of ' list' 2 | grep -c ' active [0-9a-f]')" 0 "the device is inactive after its pre script failed"
same "$(of ' start --auto' 2 | tail -n 3)" "$(sequence start auto ' defined' ' defined active')" \
  "start --auto runs the pre, post and notify scripts"
same "$(of ' stop ' 2 | grep -c -- '-e post\|^= 1$')" 1 "a refused stop fails and runs no post script"
same "$(of ' stop ' 3 | tail -n 3)" "$(sequence stop manual ' defined active' ' defined')" \
  "the device is active when the pre script of the next stop runs"
same "$(of ' undefine ')" "$(echo '= 0'; sequence undefine auto ' defined' '')" "undefine runs pre, post and notify scripts in this order"
failed=$(sequence start manual '' '' | sed 's/success/failure/; s/"attrs":\[\]/"attrs":[{"nosuch":"1"}]/')
same "$(of ' start --uuid' | grep -v '^mdevadm: \|^hint: ')" "= 3
$failed" "a failed start runs the post and notify scripts with state failure after the rollback"
same "$(of ' -t nosuch' | grep -c '^ask')" 0 "start with an unknown type runs no script"
same "$(of ' --dry-run' | grep -c '^ask')" 0 "define --dry-run runs no script"
same "$(tail -n 1 <<<"$out")" 1 "define queries the capabilities of a script once"

# Scripts that are terminated by Ctrl-C together with the program, and scripts with output that cannot be parsed.
ln -s "$(realpath "$MDEVADM")" "$directory/mdevctl"
cat >"$directory/unpleasant.sh" <<'T'
directory=$1 m=$2 mdevctl=$1/mdevctl
A=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 B=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02
scripts=/etc/mdevctl.d/scripts.d
mkdir -p $scripts/callouts $scripts/notifiers
script() {  # DIR/NAME SHELL
  printf '#!/bin/sh\necho "${0##*/} $4-$6-$8" >>%s/calls\n%s\n' "$directory" "${2:-}" >$scripts/$1
  chmod +x $scripts/$1
}
say() {
  : >$directory/calls
  echo "$ $*"
  setsid -w env --default-signal=INT "$@" 2>&1
  echo "= $?"
  grep -v -- -capabilities- $directory/calls
}
config() { printf '{"mdev_type":"%s","start":"auto"}' "$1" >$directory/config; }
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
say $mdevctl modify -u $A -p mtty --live --jsonfile $directory/config
say $mdevctl modify -u $A -p mtty --live --defined --jsonfile $directory/config
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
say $mdevctl define -u ${A/a01/a04} -p mtty --jsonfile $directory/config
true
T
run "$MDEVSIM" run "$here/../compat/host.toml" -- bash "$directory/unpleasant.sh" "$directory" "$(realpath "$MDEVADM")"
exits 0 "the session with interrupted and malformed scripts completes"
out=$(sed "s|$directory/||; s|$(realpath "$MDEVADM")|mdevadm|; /^\[.* WARN /d" <<<"$out")
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
same "$(of 'modify -u ')" "$changed" "mdevctl modify --live: an interrupted call-out script fails the change and notifies with state none"
same "$(of 'modify -u ' 2)" "$changed" "mdevctl modify --live --defined: an interrupted call-out script fails the change in the same way"
same "$(of 'mdevctl list')" "$interrupted
ask get-attributes-none" "mdevctl list: an interrupted listing queries no other device"
same "$(of ' --auto')" "$interrupted
$(cut_short modify)" "mdevctl modify: an interrupted pre script is notified of the failure"
same "$(of 'undefine ')" "$interrupted
$(cut_short undefine)" "mdevctl undefine --force: an interrupted pre script fails the command, and no other device is undefined"
same "$(of 'start --uuid')" "mdevadm: warning: callout script \"/etc/mdevctl.d/scripts.d/callouts/ask\" was terminated by a signal
mdevadm: error: cannot start '${A/a01/a03}': interrupted
= 1
$(cut_short start)" "mdevadm start: an interrupted pre script fails the start and is notified of the failure"
same "$(of 'stop ')" "$interrupted
$(cut_short stop)" "mdevctl stop: if the command is interrupted after a successful pre script, the scripts are notified of the failure"
same "$(of 'mdevctl list' 2)" "$A mtty mtty-1 manual (defined)
$B mtty mtty-1 manual (defined)
= 0
ask get-attributes-none
ask get-attributes-none" "mdevctl list: attributes with excessive nesting are ignored and the listing continues"
same "$(of 'list --defined')" "$B 0000:0a:00.0 mtty-1 manual
$A mtty mtty-1 manual (active)
$B mtty mtty-1 manual (active)
= 0" "none of the interrupted changes was made"
same "$(of 'mdevctl define')" "Error: invalid json: mdev_type must not have a NUL in it
= 1" "mdevctl define: a type with a NUL character is refused before any script runs"
# A script that holds a lock between its calls, as ap-check does, and lists devices: attach runs it as start does.
cat >"$directory/locking.sh" <<'T'
directory=$1 m=$2 tools=$3
A=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 B=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02
mkdir -p /etc/mdevctl.d/scripts.d/callouts
cat >/etc/mdevctl.d/scripts.d/callouts/locking <<S
#!/bin/sh
[ "\$6" != capabilities ] || exit 0
echo "\$4-\$6-\$8 \${10##*0}" >>$directory/calls
$m list -n -o uuid >/dev/null 2>&1 || exit 1
case \$4 in
  pre) for _ in 1 2 3 4 5 6 7 8 9 10; do mkdir $directory/lock 2>/dev/null && exit; sleep 0.2; done; echo "the lock is taken" >&2; exit 1 ;;
  post) rmdir $directory/lock ;;
esac
S
chmod +x /etc/mdevctl.d/scripts.d/callouts/locking
say() { : >$directory/calls; echo "\$ $*"; timeout 60 "$@" 2>&1; echo "= $?"; grep -v attributes $directory/calls | paste -sd' '; }
for u in $A $B; do $m define $u -p mtty -t mtty-1; done >/dev/null
$m group create vm1 $A $B
$tools/qmp_server.py $directory/monitor & server=$!
until [ -S $directory/monitor ]; do sleep 0.05; done
say $m attach $A --qmp $directory/monitor
say $m detach $A --qmp $directory/monitor
say $m attach vm1 --qmp $directory/monitor -q
say $m detach vm1 --qmp $directory/monitor -q
kill $server
wait $server || true
T
run "$MDEVSIM" run "$here/../compat/host.toml" -- bash "$directory/locking.sh" "$directory" "$(realpath "$MDEVADM")" "$here/../tools"
exits 0 "the session completes"
scripts() { local action=$1 name; shift; for name in "$@"; do echo "pre-$action-none $name post-$action-success $name"; done | paste -sd' '; }
same "$(grep -A2 '^\$ .* attach 7' <<<"$out" | tail -n 2)" "= 0
$(scripts start 1)" "attach runs the scripts as start does, before the device is attached"
same "$(grep -A2 '^\$ .* detach 7' <<<"$out" | tail -n 2)" "= 0
$(scripts stop 1)" "detach runs those of a stop"
same "$(grep -A2 '^\$ .* attach vm1' <<<"$out" | tail -n 2)" "= 0
$(scripts start 1 2)" "attach of a group runs them for one device after the other, so locks of scripts do not wait for each other"
same "$(grep -A2 '^\$ .* detach vm1' <<<"$out" | tail -n 2)" "= 0
$(scripts stop 2 1)" "detach of a group runs those of a stop in reverse order"
finish
