# A simulated host comes, does its work and goes, whoever runs it and however it ends.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
tag=mdevsim-test-$$

# Nothing of a host: processes, mounts, files. Processes end after the command that ends them.
left() {
  pgrep -f "$tag|$folder/host"
  grep mdevsim /proc/mounts
  ls -d /etc/mdevadm /run/mdevadm/x /etc/mdevctl.d/x 2>/dev/null
}
nothing_is_left() { [ "$(left)" = "" ]; }
leaves_nothing() {
  wait_until nothing_is_left
  same "$(left)" "" "$1"
}
before=$(ls -d /etc/mdevadm /etc/mdevctl.d /run/mdevadm /dev/vfio 2>/dev/null)

run "$MDEVSIM" run m60 -- sh -c "exit 7 # $tag"
exits 7 "the command's exit code is passed on"
run "$MDEVSIM" run m60 -- sh -c 'kill -TERM $$'
exits 143 "a signal that ended it is told as shells tell it"
run "$MDEVSIM" run m60 -- /nonexistent
exits 127 "a command that is not there is 127"
err_has "^mdevsim: error: cannot run '/nonexistent': No such file or directory$" "and is named"
run "$MDEVSIM" run m60 -- sh -c 'cat; echo to-err >&2' <<<"from stdin"
out_has '^from stdin$' "standard input arrives"
err_has '^to-err$' "standard error too"
run "$MDEVSIM" run m60 -- sh -c 'mkdir /etc/mdevadm/x /run/mdevadm/x && echo 1 >/etc/mdevctl.d/x && ls /etc/hostname && ls /sys /dev/null /dev/vfio'
exits 0 "folders for definitions are there and can be written; the rest of /etc and /dev is as it was"
same "$(ls -d /etc/mdevadm /etc/mdevctl.d /run/mdevadm /dev/vfio 2>/dev/null)" "$before" "none of it is on this host"
run "$MDEVSIM" run m60 -- sh -c 'ls /sys'
same "$(sort <<<"$out" | paste -sd' ')" "bus class devices kernel module" "/sys is the simulated one"
leaves_nothing "it leaves nothing behind"

run "$MDEVSIM" run --keep "$folder/kept" m60 -- "$MDEVADM" define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 -p 0000:86:00.0 -t nvidia-17
exits 0 "a definition is made"
run "$MDEVSIM" run --keep "$folder/kept" m60 -- "$MDEVADM" list --defined
out_has "^7e35f4f2.* inactive" "with --keep it is there at the next run"

# Killed, whoever of them.
alive() { pgrep -f "sleep 10[0-9][0-9]# *$tag|^sleep 1[0-9]*\.$$" >/dev/null; }
"$MDEVSIM" run samples -- bash -c "sleep 100.$$ & sleep 101.$$ # $tag" &
simulator=$!
until pgrep -xf "sleep 101.$$" >/dev/null; do sleep 0.05; done
kill -9 $simulator
wait $simulator 2>/dev/null
gone() { ! pgrep -f "sleep 10[01].$$" >/dev/null; }
holds "kill -9 of mdevsim takes the command and its children with it" wait_until gone
leaves_nothing "and leaves nothing"
"$MDEVSIM" run samples -- bash -c "sleep 102.$$ & exec sleep 103.$$ # $tag" &
simulator=$!
until pgrep -xf "sleep 103.$$" >/dev/null; do sleep 0.05; done
kill -9 "$(pgrep -xf "sleep 103.$$")"
wait $simulator
same "$?" 137 "kill -9 of the command ends mdevsim with 137"
same "$(pgrep -f "sleep 10[23].$$" | wc -l)" 0 "with the command's children"
leaves_nothing "and leaves nothing"
"$MDEVSIM" run samples -- bash -c "trap 'exit 9' TERM; sleep 104.$$ & wait # $tag" &
simulator=$!
until pgrep -xf "sleep 104.$$" >/dev/null; do sleep 0.05; done
kill -TERM $simulator
wait $simulator
same "$?" 9 "SIGTERM reaches the command, which may end as it likes"

# A removal that waits does not outlive the host.
cat >"$folder/stuck.sh" <<'T'
u=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01
echo $u >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
sleep 1000 </dev/vfio/0 &
echo 1 >/sys/bus/mdev/devices/$u/remove &
until [ ! -e /sys/bus/mdev/devices/$u ]; do sleep 0.02; done
echo stuck
sleep 1000
T
"$MDEVSIM" run samples -- bash "$folder/stuck.sh" "$tag" >"$folder/stuck.out" &
simulator=$!
until grep -q stuck "$folder/stuck.out"; do sleep 0.05; done
kill -9 $simulator
wait $simulator 2>/dev/null
leaves_nothing "nor does one that waits for a removal"

# An ordinary user.
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
copy=$folder/mdevsim
cp "$MDEVSIM" "$copy"; cp "$MDEVADM" "$folder/mdevadm"; cp -r "$here/../../examples/scenarios" "$folder/"
if as_user unshare -Ur true 2>/dev/null; then
  run as_user "$copy" run "$folder/scenarios/workstation.toml" -- sh -c "
    id -u && $folder/mdevadm define -p 0000:86:00.0 -t nvidia-17 --name seat && $folder/mdevadm start seat && $folder/mdevadm list -o name,state,node,node_mode"
  exits 0 "an ordinary user has a host, and is its root"
  out_has '^0$' "root there"
  out_has '^seat +active +/dev/vfio/0 +0600$' "definitions, devices and nodes work"
  leaves_nothing "and leave nothing"
else
  run as_user "$copy" run "$folder/scenarios/m60.toml" -- true
  exits 1 "where an ordinary user may not make namespaces, there is no host"
  err_has "^mdevsim: error: cannot make (namespaces|mounts)" "and that is said"
fi
run as_user "$copy" mount "$folder/scenarios/m60.toml" "$folder"
exits 1 "mounting is root's"
err_has "^mdevsim: error: cannot mount a simulated host on '$folder': only root may$" "and says so"
err_has "^hint: as an ordinary user: mdevsim run SCENARIO -- COMMAND$" "with the other way"
run unshare -m sh -c "mount -t tmpfs none /dev && '$MDEVSIM' run m60 -- true"
exits 1 "without /dev/fuse there is no host"
same "$err" "mdevsim: error: cannot simulate a host: /dev/fuse cannot be opened: No such file or directory
hint: load the kernel's module: modprobe fuse" "and that is said in one sentence, with what to do"
run unshare -m sh -c "mount -t tmpfs none /dev && touch /dev/fuse && chmod 000 /dev/fuse && setpriv --reuid 65534 --regid 65534 --clear-groups '$copy' run $folder/scenarios/m60.toml -- true"
exits 1 "nor without rights to it"
err_has "cannot be opened: Permission denied" "which is said"
run setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$MDEVSIM" run m60 -- true
exits 1 "nor for root without CAP_SYS_ADMIN"
err_has "cannot make namespaces for a simulated host: Operation not permitted" "which is said"

# Mounted.
mkdir "$folder/host"
run "$MDEVSIM" mount samples "$folder/host"
exits 0 "a host can be mounted"
same "$out$err" "" "silently"
run "$MDEVADM" --root "$folder/host" types -o type,available mtty
out_has '^mtty-1 +24$' "--root reads it"
run "$MDEVADM" --root "$folder/host" start -p mtty -t mtty-1
exits 0 "and starts devices on it"
uuid=$out
"$MDEVSIM" hold --root "$folder/host" "$uuid" 60 >"$folder/hold.out" &
holder=$!
until grep -q holding "$folder/hold.out"; do sleep 0.05; done
run "$MDEVADM" --root "$folder/host" stop "$uuid"
exits 5 "a device in use is not stopped"
err_has "in use by pid $holder \(mdevsim\)$" "and its user is named"
run "$MDEVSIM" mount m60 "$folder/host"
exits 4 "a second host does not go over it"
kill $holder
wait $holder
run "$MDEVADM" --root "$folder/host" stop "$uuid"
exits 0 "let go, it is stopped"
run "$MDEVSIM" events --root "$folder/host"
out_has "^remove@/devices/virtual/mtty/mtty/$uuid$" "the events are told"
(cd "$folder/host/sys" && exec sleep 105.$$) &
sleeper=$!
wait_until pgrep -xf "sleep 105.$$" >/dev/null
run "$MDEVSIM" umount "$folder/host"
exits 5 "somebody in it keeps it"
kill $sleeper
wait $sleeper 2>/dev/null
run "$MDEVSIM" umount "$folder/host"
exits 0 "it can be taken away"
same "$(ls "$folder/host")" "run" "with all that it had put there: mdevadm's own lock stays"
rm -r "$folder/host/run"
run "$MDEVSIM" umount "$folder/host"
exits 3 "what is not there cannot be taken away"
leaves_nothing "and no process stays"

# Words.
run "$MDEVSIM" run m6o -- true
exits 3 "a scenario that is not there"
err_has "^hint: did you mean 'm60'\?$" "may be meant otherwise"
run "$MDEVSIM" run m60
exits 2 "run needs a command"
run "$MDEVSIM" nosuch
exits 2 "an unknown command is a usage error"
same "$err" "mdevsim: error: unknown command 'nosuch'
hint: see mdevsim help" "in the words of mdevadm"
words() {  # MESSAGE WORDS...
  local message=$1
  shift
  run "$MDEVSIM" "$@"
  exits 2 "mdevsim $* is a usage error"
  err_has "^mdevsim: error: $message$" "which is named"
  err_has "^hint: " "with a hint"
  err_lacks "required|excludes|were not expected|subcommand|TEXT" "in the words of mdevadm"
}
words "missing argument SCENARIO" run -- true
words "missing argument DIR" mount m60
words "missing argument COMMAND" run m60
words "unexpected argument 'true'" run m60 true
words "'run' has no option '--keeep'" run --keeep "$folder" m60 -- true
words "option '--keep' requires an argument" run m60 --keep
words "unknown option '--frob'" --frob
run "$MDEVSIM"
exits 2 "without a command it is a usage error"
same "$out" "$("$MDEVSIM" --help)" "and the help is printed"
same "$("$MDEVSIM" help run)" "$("$MDEVSIM" run --help)" "help COMMAND and COMMAND --help are the same"
same "$(for verb in "" run mount umount check list hold control events; do "$MDEVSIM" help $verb; done | grep -E 'TEXT|REQUIRED|Print this|.{81}')" "" \
  "help is in the layout of mdevadm and fits 80 columns"
run "$MDEVSIM" run m60 -- "$MDEVSIM" control register 0000:86:00.0
err_has "^mdevsim: error: cannot execute 'register 0000:86:00.0': the parent is already registered$" "a refused request has its reason"
echo 'kernel = 6' >"$folder/bad.toml"
run "$MDEVSIM" run "$folder/bad.toml" -- touch "$folder/ran"
exits 1 "a bad scenario is refused"
same "$err" "mdevsim: error: cannot use the scenario: $folder/bad.toml:1:10: 'kernel' must be a string, not an integer" "with file, line and column"
holds "before anything ran" test ! -e "$folder/ran"
run "$MDEVSIM" check "$folder/bad.toml"
exits 1 "check says the same"
run "$MDEVSIM" check m60
out_has '^  0000:86:00.0: dialect U4, 8 types$' "check tells what a good one has"
run "$MDEVSIM" hold 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01
exits 3 "there is no host here"
run "$MDEVSIM" list
out_has '^m60 +NVIDIA Tesla M60' "scenarios are listed"
run bash -c "'$MDEVSIM' list >/dev/full"
exits 1 "a full disk is told"
finish
