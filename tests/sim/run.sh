# Start, use and end of a simulated host, for root and other users, however it ends.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
# Mounts of other tests that run at the same time do not appear in a mount namespace of its own.
[ "${1:-}" = inside ] || exec unshare --mount --propagation private bash "$0" inside
mounts_before=$(grep mdevsim /proc/mounts)
directory=$(mktemp -d)
chmod 755 "$directory"
trap 'rm -rf "$directory"' EXIT
tag=mdevsim-test-$$

# What remains of a host: processes, mounts, files. Processes may end shortly after the command that ends them.
left() {
  pgrep -f "$tag|$directory/host"
  grep mdevsim /proc/mounts | grep -vxF -- "$mounts_before"
  ls -d /etc/mdevadm /run/mdevadm/x /etc/mdevctl.d/x 2>/dev/null
}
nothing_is_left() { [ "$(left)" = "" ]; }
leaves_nothing() {
  wait_until nothing_is_left
  same "$(left)" "" "$1"
}
before=$(ls -d /etc/mdevadm /etc/mdevctl.d /run/mdevadm /dev/vfio 2>/dev/null)

run "$MDEVSIM" run m60 -- sh -c "exit 7 # $tag"
exits 7 "run exits with the exit code of the command"
run "$MDEVSIM" run m60 -- sh -c 'kill -TERM $$'
exits 143 "run exits with 143 if SIGTERM ended the command"
run "$MDEVSIM" run m60 -- /nonexistent
exits 127 "run exits with 127 if the command does not exist"
err_has "^mdevsim: error: cannot run '/nonexistent': No such file or directory$" "the error names the command that does not exist"
run "$MDEVSIM" run m60 -- sh -c 'cat; echo to-err >&2' <<<"from stdin"
out_has '^from stdin$' "run passes standard input to the command"
err_has '^to-err$' "run passes standard error of the command through"
run "$MDEVSIM" run m60 -- sh -c 'mkdir /etc/mdevadm/x /run/mdevadm/x && echo 1 >/etc/mdevctl.d/x && ls /etc/hostname && ls /sys /dev/null /dev/vfio'
exits 0 "the directories for definitions exist and are writable, other files of /etc and /dev are visible"
same "$(ls -d /etc/mdevadm /etc/mdevctl.d /run/mdevadm /dev/vfio 2>/dev/null)" "$before" \
  "the directories and files of the simulated host do not exist on this host"
run "$MDEVSIM" run m60 -- sh -c 'ls /sys'
same "$(sort <<<"$out" | paste -sd' ')" "bus class devices kernel module" "/sys is the simulated one"
leaves_nothing "a run leaves no process, mount or file"

run "$MDEVSIM" run --keep "$directory/kept" m60 -- "$MDEVADM" define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 -p 0000:86:00.0 -t nvidia-17
exits 0 "define succeeds with run --keep"
run "$MDEVSIM" run --keep "$directory/kept" m60 -- "$MDEVADM" list --defined
out_has " inactive .*7e35f4f2" "run --keep retains the definition for the next run"

# kill -9 of mdevsim or of the command.
alive() { pgrep -f "sleep 10[0-9][0-9]# *$tag|^sleep 1[0-9]*\.$$" >/dev/null; }
"$MDEVSIM" run samples -- bash -c "sleep 100.$$ & sleep 101.$$ # $tag" &
simulator=$!
until pgrep -xf "sleep 101.$$" >/dev/null; do sleep 0.05; done
kill -9 $simulator
wait $simulator 2>/dev/null
gone() { ! pgrep -f "sleep 10[01].$$" >/dev/null; }
holds "kill -9 of mdevsim ends the command and its children" wait_until gone
leaves_nothing "kill -9 of mdevsim leaves no process, mount or file"
"$MDEVSIM" run samples -- bash -c "sleep 102.$$ & exec sleep 103.$$ # $tag" &
simulator=$!
until pgrep -xf "sleep 103.$$" >/dev/null; do sleep 0.05; done
kill -9 "$(pgrep -xf "sleep 103.$$")"
wait $simulator
same "$?" 137 "kill -9 of the command ends mdevsim with exit code 137"
same "$(pgrep -f "sleep 10[23].$$" | wc -l)" 0 "kill -9 of the command ends the children of the command"
leaves_nothing "kill -9 of the command leaves no process, mount or file"
"$MDEVSIM" run samples -- bash -c "trap 'exit 9' TERM; sleep 104.$$ & wait # $tag" &
simulator=$!
until pgrep -xf "sleep 104.$$" >/dev/null; do sleep 0.05; done
kill -TERM $simulator
wait $simulator
same "$?" 9 "mdevsim passes SIGTERM to the command and exits with the exit code of the command"

# A pending removal ends with the host.
cat >"$directory/stuck.sh" <<'T'
u=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01
echo $u >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
sleep 1000 </dev/vfio/0 &
echo 1 >/sys/bus/mdev/devices/$u/remove &
until [ ! -e /sys/bus/mdev/devices/$u ]; do sleep 0.02; done
echo stuck
sleep 1000
T
"$MDEVSIM" run samples -- bash "$directory/stuck.sh" "$tag" >"$directory/stuck.out" &
simulator=$!
until grep -q stuck "$directory/stuck.out"; do sleep 0.05; done
kill -9 $simulator
wait $simulator 2>/dev/null
leaves_nothing "kill -9 during a pending removal leaves no process, mount or file"

# An ordinary user.
as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
copy=$directory/mdevsim
cp "$MDEVSIM" "$copy"; cp "$MDEVADM" "$directory/mdevadm"; cp -r "$here/../../examples/scenarios" "$directory/"
if as_user unshare -Ur true 2>/dev/null; then
  run as_user "$copy" run "$directory/scenarios/workstation.toml" -- sh -c "
    id -u && $directory/mdevadm define -p 0000:86:00.0 -t nvidia-17 --name seat && $directory/mdevadm start seat && $directory/mdevadm list -o name,state,node,node_mode"
  exits 0 "an unprivileged user can run a simulated host"
  out_has '^0$' "the user is root on the simulated host"
  out_has '^seat +active +/dev/vfio/0 +0600$' "definitions, devices and nodes work for an unprivileged user"
  leaves_nothing "the run of an unprivileged user leaves no process, mount or file"
else
  run as_user "$copy" run "$directory/scenarios/m60.toml" -- true
  exits 1 "run fails if an unprivileged user may not create namespaces"
  err_has "^mdevsim: error: cannot (create namespaces|make mounts)" "the error says that namespaces or mounts cannot be made"
fi
run as_user "$copy" mount "$directory/scenarios/m60.toml" "$directory"
exits 1 "mount fails for an unprivileged user"
err_has "^mdevsim: error: cannot mount a simulated host on '$directory': requires root$" \
  "the error says that mounting a simulated host requires root"
err_has "^hint: as an ordinary user: mdevsim run SCENARIO -- COMMAND$" "the hint suggests 'mdevsim run' for an unprivileged user"
run unshare -m sh -c "mount -t tmpfs none /dev && '$MDEVSIM' run m60 -- true"
exits 1 "run fails without /dev/fuse"
same "$err" "mdevsim: error: cannot simulate a host: cannot open '/dev/fuse': No such file or directory
hint: load the kernel module: modprobe fuse" "the error names /dev/fuse and the hint says how to load the module"
run unshare -m sh -c "mount -t tmpfs none /dev && touch /dev/fuse && chmod 000 /dev/fuse && setpriv --reuid 65534 --regid 65534 --clear-groups '$copy' run $directory/scenarios/m60.toml -- true"
exits 1 "run fails without permission to open /dev/fuse"
err_has "cannot open '/dev/fuse': Permission denied" "the error says that /dev/fuse cannot be opened: permission denied"
run setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$MDEVSIM" run m60 -- true
exits 1 "run fails for root without CAP_SYS_ADMIN"
err_has "cannot create namespaces for the simulated host: Operation not permitted" \
  "the error says that namespaces cannot be made: not permitted"

# mdevsim mount.
mkdir "$directory/gpu"
run "$MDEVSIM" mount l40s "$directory/gpu"
exits 0 "mount of a host with a GPU succeeds"
same "$(grep -c 'name="NVIDIA L40S-24Q"' "$directory/gpu/usr/share/nvidia/vgpu/vgpuConfig.xml")" 1 "the host has NVIDIA's table of vGPU types"
"$MDEVADM" --root "$directory/gpu" start -q -p 0000:41:00.0 -t L40S-48Q >/dev/null
run "$MDEVADM" --root "$directory/gpu" types 0000:41:00.0 -n -o name
out_has '^NVIDIA L40S-24Q$' "mdevadm --root reads types from the table that the full GPU does not list"
"$MDEVADM" --root "$directory/gpu" stop -q 41:00.4
run "$MDEVSIM" umount "$directory/gpu"
exits 0 "umount succeeds"
same "$(ls "$directory/gpu")" "run" "umount removes the table"
rm -r "$directory/gpu"
mkdir "$directory/host"
run "$MDEVSIM" mount samples "$directory/host"
exits 0 "mount succeeds"
same "$out$err" "" "mount prints nothing"
run "$MDEVADM" --root "$directory/host" types -o type,available mtty
out_has '^mtty-1 +24$' "mdevadm --root reads the mounted host"
run "$MDEVADM" --root "$directory/host" start -p mtty -t mtty-1
exits 0 "mdevadm --root starts a device on the mounted host"
uuid=$out
"$MDEVSIM" hold --root "$directory/host" "$uuid" 60 >"$directory/hold.out" &
holder=$!
until grep -q holding "$directory/hold.out"; do sleep 0.05; done
run "$MDEVADM" --root "$directory/host" stop "$uuid"
exits 5 "mdevadm --root stop is refused while the device is in use"
err_has "in use by mdevsim \(pid $holder\)$" "the error names the process that uses the device on the mounted host"
run "$MDEVSIM" mount m60 "$directory/host"
exits 4 "mount is refused if a host is already mounted there"
kill $holder
wait $holder
run "$MDEVADM" --root "$directory/host" stop "$uuid"
exits 0 "mdevadm --root stop succeeds after the release"
run "$MDEVSIM" events --root "$directory/host"
out_has "^remove@/devices/virtual/mtty/mtty/$uuid$" "mdevsim events lists the event of the removal"
(cd "$directory/host/sys" && exec sleep 105.$$) &
sleeper=$!
wait_until pgrep -xf "sleep 105.$$" >/dev/null
run "$MDEVSIM" umount "$directory/host"
exits 5 "umount is refused while a process uses the host"
kill $sleeper
wait $sleeper 2>/dev/null
run "$MDEVSIM" umount "$directory/host"
exits 0 "umount succeeds after the process has ended"
same "$(ls "$directory/host")" "run" "umount removes all files except the lock of mdevadm"
rm -r "$directory/host/run"
run "$MDEVSIM" umount "$directory/host"
exits 3 "umount fails with exit code 3 if no host is mounted"
leaves_nothing "umount leaves no process, mount or file"

# Error messages and help.
run "$MDEVSIM" run m6o -- true
exits 3 "run fails with exit code 3 for an unknown scenario"
err_has "^hint: did you mean 'm60'\?$" "the hint suggests the scenario with a similar name"
run "$MDEVSIM" run m60
exits 2 "run without a command is a usage error"
run "$MDEVSIM" nosuch
exits 2 "an unknown command is a usage error"
same "$err" "mdevsim: error: unknown command 'nosuch'
hint: see mdevsim help" "the error names the unknown command in the style of mdevadm"
words() {  # MESSAGE WORDS...
  local message=$1
  shift
  run "$MDEVSIM" "$@"
  exits 2 "mdevsim $* is a usage error"
  err_has "^mdevsim: error: $message$" "mdevsim $*: the error is: $message"
  err_has "^hint: " "mdevsim $*: the error has a hint"
  err_lacks "required|excludes|were not expected|subcommand|TEXT" "mdevsim $*: the error has no text of the option parser"
}
words "missing argument SCENARIO" run -- true
words "missing argument DIR" mount m60
words "missing argument COMMAND" run m60
words "unexpected argument 'true'" run m60 true
words "'run' has no option '--keeep'" run --keeep "$directory" m60 -- true
words "option '--keep' requires an argument" run m60 --keep
words "unknown option '--frob'" --frob
run "$MDEVSIM"
exits 2 "mdevsim without a command is a usage error"
same "$out" "$("$MDEVSIM" --help)" "mdevsim without a command prints the help"
same "$("$MDEVSIM" help run)" "$("$MDEVSIM" run --help)" "help COMMAND and COMMAND --help print the same"
same "$(for verb in "" run mount umount check list hold control events; do "$MDEVSIM" help $verb; done | grep -E 'TEXT|REQUIRED|Print this|.{81}')" "" \
  "help is in the layout of mdevadm and fits 80 columns"
run "$MDEVSIM" run m60 -- "$MDEVSIM" control register 0000:86:00.0
err_has "^mdevsim: error: cannot execute 'register 0000:86:00.0': the parent is already registered$" \
  "the error of a refused control request has the reason"
echo 'kernel = 6' >"$directory/bad.toml"
run "$MDEVSIM" run "$directory/bad.toml" -- touch "$directory/ran"
exits 1 "run fails if the scenario is invalid"
same "$err" "mdevsim: error: cannot use the scenario: $directory/bad.toml:1:10: 'kernel' must be a string, not an integer" \
  "the error has file, line and column of the invalid value"
holds "an invalid scenario is refused before the command runs" test ! -e "$directory/ran"
run "$MDEVSIM" check "$directory/bad.toml"
exits 1 "check fails if the scenario is invalid"
run "$MDEVSIM" check m60
out_has '^  0000:86:00.0: interface U4, 8 types$' "check lists the parents of a valid scenario"
run "$MDEVSIM" hold 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01
exits 3 "hold fails with exit code 3 outside a simulated host"
run "$MDEVSIM" list
out_has '^m60 +NVIDIA Tesla M60' "list shows the scenarios"
run bash -c "'$MDEVSIM' list >/dev/full"
exits 1 "list fails if the disk is full"
finish
