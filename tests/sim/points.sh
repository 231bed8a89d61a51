# Reliability in figures: each command that changes something is killed at its system calls, gets an errno from each call that opens,
# writes, renames, links, syncs, locks or creates a directory, and runs without memory, without descriptors, on a full disk, with /etc and
# with /run read-only. After each of these points the state is the one before the command or the one after it, or the same command run again completes it.
# A test run takes every 29th point of some commands; COMMANDS=all POINTS=1 takes all points of all commands (some hours), POINTS=N
# every Nth one.
# shellcheck shell=bash disable=SC2154,SC2034,SC2317
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
step=${POINTS:-29}
commands="define adopt modify modify_live undefine start start_transient start_auto stop stop_all restart
  group_create group_modify group_add group_remove group_rename group_delete group_start group_auto group_stop
  parent_set parent_unset parent_prepare apply apply_prune claim release attach detach import import_nodedev export export_metrics probe
  mdevctl_define mdevctl_modify mdevctl_undefine mdevctl_start mdevctl_start_parent mdevctl_stop"
if [ "${1:-}" = "" ]; then
  # Commands that change nothing; each of the others must be one of those below.
  readers=",types,list,status,check,monitor,show,diff,export qemu,export libvirt,export nodedev,export host,export dot"
  readers+=",import vgpu-device-manager,parent show,parent list,group list,group show,"
  unlisted=$("$MDEVADM" __describe | jq -r '.commands[].name' | while read -r name; do
    [[ $readers == *",$name,"* ]] || grep -qE "words=\\(mdevadm $name( |\\))" "$0" || echo "$name"
  done)
  same "$unlisted" "" "each command that changes something is in the list"
  failed_parts="" table=$(mktemp)
  trap 'rm -f "$table"' EXIT
  selected=${COMMANDS:-define group_start apply_prune mdevctl_modify}
  [ "$selected" = all ] && selected=$commands
  for command in $selected; do
    scenario=m60
    [ "$command" != parent_prepare ] || scenario=l40s-boot
    "$MDEVSIM" run $scenario -- bash "$0" "$command" "$table" || failed_parts+=" $command"
  done
  printf '# %-16s %6s %6s %6s %6s %6s\n' command points old new again told
  sed 's/^/# /' "$table"
  awk '{ points += $2; old += $3; new += $4; again += $5; told += $6 }
    END { printf "# %-16s %6d %6d %6d %6d %6d\n", "all", points, old, new, again, told }' "$table"
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

gpu=0000:86:00.0 vgpu=0000:41:00.0
a=aaaaaaaa-0000-4000-8000-000000000001 b=aaaaaaaa-0000-4000-8000-000000000002
names=$(mktemp -d)
ln -s "$MDEVADM" "$names/mdevctl"
ln -s "$MDEVADM" "$names/mdevadm"
adm() { "$MDEVADM" "$@" >/dev/null 2>&1; }
ctl() { "$names/mdevctl" "$@" >/dev/null 2>&1; }
defined() { adm define $a -p $gpu -t nvidia-12 --name a; adm define $b -p $gpu -t nvidia-12 --name b; }
grouped() { defined; adm group create vm a b; }
active() { grouped; adm group start vm; }
monitor=
start_monitor() {  # the stand-in for QEMU
  "$here/../tools/qmp_server.py" "$names/monitor" >/dev/null 2>&1 &
  monitor=$!
  wait_until test -S "$names/monitor"
}
stop_monitor() {
  [ "$monitor" = "" ] || { kill "$monitor" && wait "$monitor"; } 2>/dev/null
  monitor=
  rm -f "$names/monitor"
}
describe() {  # COUNT
  printf 'version = 1\n[[device]]\nname = "seat-{}"\ncount = %s\ntype = "nvidia-12"\n[[group]]\nname = "pool"\nmembers = ["seat-{}"]\n' "$1" >/run/host.toml
}

# Each command: what is there before, and its words.
set_define() { words=(mdevadm define $a -p $gpu -t nvidia-12 --name a --auto); }
set_adopt() { adm start -u $a -p $gpu -t nvidia-12; words=(mdevadm define $a --name a --auto); }
set_modify_live() { active; words=(mdevadm modify a --live --node-mode 0640); }
set_modify() { defined; words=(mdevadm modify a --auto --attr plain=1); }
set_undefine() { defined; words=(mdevadm undefine a); }
set_start() { defined; words=(mdevadm start a b); }
set_start_transient() { words=(mdevadm start -u $a -p $gpu -t nvidia-12); }
set_stop() { active; words=(mdevadm stop a b); }
set_stop_all() { active; words=(mdevadm stop --all); }
set_restart() { active; words=(mdevadm restart a); }
set_group_create() { defined; words=(mdevadm group create vm a b); }
set_group_modify() { grouped; words=(mdevadm group modify vm --auto); }
set_group_auto() { grouped; adm group modify vm --auto; words=(mdevadm group start --auto); }
set_group_add() { defined; adm group create vm a; words=(mdevadm group add vm b); }
set_group_remove() { grouped; words=(mdevadm group remove vm b); }
set_group_rename() { grouped; words=(mdevadm group rename vm other); }
set_group_delete() { grouped; words=(mdevadm group delete vm); }
set_group_start() { grouped; words=(mdevadm group start vm); }
set_group_stop() { active; words=(mdevadm group stop vm); }
set_parent_set() { words=(mdevadm parent set $gpu --run true --force); }
set_parent_unset() { adm parent set $gpu --run true --force; words=(mdevadm parent unset $gpu); }
set_parent_prepare() { adm parent set $vgpu --vfs all --method sriov-manage; words=(mdevadm parent prepare $vgpu); }
set_apply() { describe 2; words=(mdevadm apply -f /run/host.toml); }
set_apply_prune() { describe 3; adm apply -f /run/host.toml; describe 1; words=(mdevadm apply -f /run/host.toml --prune); }
set_claim() { active; words=(mdevadm claim vm --for vm1); }
set_release() { active; adm claim vm --for vm1; words=(mdevadm release vm --all); }
set_attach() { grouped; start_monitor; words=(mdevadm attach vm --qmp $names/monitor); }
set_detach() { set_attach; adm attach vm --qmp $names/monitor; words=(mdevadm detach vm --qmp $names/monitor); }
set_import_nodedev() { defined; "$MDEVADM" export nodedev a >$names/a.xml; adm undefine a; words=(mdevadm import nodedev $names/a.xml); }
set_export_metrics() { defined; words=(mdevadm export metrics --output /etc/mdevadm/metrics.prom); }
set_import() { ctl define -u $a -p $gpu -t nvidia-12; words=(mdevadm import mdevctl $a); }
set_export() { defined; words=(mdevadm export mdevctl a); }
set_probe() { words=(mdevadm probe $gpu --create --after nvidia-12=2); }
set_start_auto() { defined; adm modify a --auto; words=(mdevadm start --auto); }
set_mdevctl_define() { words=(mdevctl define -u $a -p $gpu -t nvidia-12); }
set_mdevctl_modify() { set_mdevctl_define; ctl "${words[@]:1}"; words=(mdevctl modify -u $a --auto); }
set_mdevctl_undefine() { set_mdevctl_define; ctl "${words[@]:1}"; words=(mdevctl undefine -u $a); }
set_mdevctl_start() { set_mdevctl_define; ctl "${words[@]:1}"; words=(mdevctl start -u $a); }
set_mdevctl_start_parent() { ctl define -u $a -p $gpu -t nvidia-12 --auto; words=(mdevctl start-parent-mdevs $gpu); }
set_mdevctl_stop() { set_mdevctl_start; ctl "${words[@]:1}"; words=(mdevctl stop -u $a); }

# The state: definitions, groups and settings as files, devices, claims. The inode of a device in a claim differs each time.
state() {
  # The metrics depend on what can be read.
  (cd /etc && find mdevadm mdevctl.d -type f 2>/dev/null | sort | grep -v metrics.prom | xargs -r md5sum)
  [ ! -e /etc/mdevadm/metrics.prom ] || grep -c '^mdevadm_build_info' /etc/mdevadm/metrics.prom
  for device in /sys/bus/mdev/devices/*; do [ -e "$device" ] && echo "${device##*/} $(basename "$(readlink "$device/mdev_type")")"; done
  ls /run/mdevadm/claims 2>/dev/null
  stat -c '%n %a' /dev/vfio/[0-9]* 2>/dev/null
  [ "$monitor" = "" ] || echo "attached $(find /proc/$monitor/fd -lname '/dev/[vp]*' | wc -l)"
  cat /sys/bus/pci/devices/$vgpu/sriov_numvfs 2>/dev/null
}
clear_all() {
  stop_monitor
  [ "$(cat /sys/bus/pci/devices/$vgpu/sriov_numvfs 2>/dev/null || echo 0)" = 0 ] || /usr/lib/nvidia/sriov-manage -d $vgpu >/dev/null 2>&1
  for device in /sys/bus/mdev/devices/*; do [ -e "$device" ] && echo 1 >"$device/remove"; done
  find /etc/mdevadm /etc/mdevctl.d /run/mdevadm -mindepth 1 -delete 2>/dev/null
  rm -f /run/host.toml
}
before() { clear_all; "set_$1"; command=("$names/${words[0]}" "${words[@]:1}"); }

# check POINT EXIT-STATUS: the state is allowed; counts it.
# As mdevctl, `mdevctl start-parent-mdevs` succeeds if a device could not be started.
reports_success=false
[ "$1" != mdevctl_start_parent ] || reports_success=true
points=0 old_states=0 new_states=0 again=0 told=0 wrong=
check() {
  local now next
  points=$((points + 1))
  now=$(state)
  case $now in
    "$new")
      new_states=$((new_states + 1))
      case $2 in 0 | 137) ;; *) told=$((told + 1)) ;; esac ;;
    "$old")
      old_states=$((old_states + 1))
      [ "$2" != 0 ] || $reports_success || wrong+=$'\n'"$1: exit status 0, but nothing is done" ;;
    *)
      [ "$2" != 0 ] || $reports_success || wrong+=$'\n'"$1: exit status 0, but the state is another" ;;
  esac
  [ "$now" = "$new" ] && [ "$old" != "$new" ] && return
  "${command[@]}" >/dev/null 2>"$names/said"
  next=$?
  # What is detached already is only stopped.
  [ $next != 4 ] || [ "${words[1]}" != detach ] || { "$MDEVADM" group stop vm 2>"$names/said"; next=$?; }
  [ "$now" = "$old" ] || again=$((again + 1))
  [ $next = 0 ] && [ "$(state)" = "$new" ] || wrong+=$'\n'"$1: the same command again ends with $next: $(cat "$names/said")"
  [ "$(find /etc/mdevadm /etc/mdevctl.d /run/mdevadm -name '.mdevadm-new-*' 2>/dev/null)" = "" ] || wrong+=$'\n'"$1: a temporary file remains"
}

before "$1"
old=$(state)
"${command[@]}" >/dev/null 2>"$names/said" || failed "the command succeeds" "exit status $?: $(cat "$names/said")"
new=$(state)

# Killed before each system call that changes something or waits.
for ((n = 1 + ${#1} % step; ; n += step)); do
  before "$1"
  "$KILL_AT" $n "${command[@]}" >/dev/null 2>&1
  ended=$?
  [ $ended = 137 ] || break
  check "killed at call $n" 137
done

# An errno from each call.
for fault in openat:EMFILE openat2:EIO mkdirat:ENOSPC write:EIO pwrite64:ENOSPC fsync:EIO renameat:ENOSPC renameat2:EIO linkat:EMLINK unlinkat:EIO fcntl:ENOLCK flock:EINTR getdents64:EIO; do
  call=${fault%:*} errno=${fault#*:}
  for ((n = 1; ; n += step)); do
    before "$1"
    strace -f -qq -o "$names/trace" -e trace=$call -e inject=$call:error=$errno:when=$n "${command[@]}" >/dev/null 2>&1
    ended=$?
    grep -q INJECTED "$names/trace" || break
    check "$call $n fails with $errno" $ended
  done
done

# A failing allocation.
for ((n = 40; ; n += step * 10)); do
  before "$1"
  MDEVADM_FAIL_MALLOC=$n LD_PRELOAD=$FAIL_MALLOC "${command[@]}" >/dev/null 2>"$names/said"
  ended=$?
  grep -q 'injected' "$names/said" || break
  check "allocation $n fails" $ended
done

# Few descriptors: the hard limit, which no process may raise. Standard input, output and error are 3 of them.
for ((n = 4 + ${#1} % (step > 4 ? 4 : 1), good = 0; n < 100 && good < 3; n += step > 4 ? 4 : 1)); do
  before "$1"
  (ulimit -n $n; exec "${command[@]}") >/dev/null 2>"$names/said"
  ended=$?
  [ $ended = 0 ] && good=$((good + 1))
  # 127: the dynamic linker
  [ $ended = 0 ] || [ $ended = 127 ] || grep -q 'Too many open files' "$names/said" || wrong+=$'\n'"$n descriptors: $(cat "$names/said")"
  check "$n descriptors" $ended
done

# The directories on a disk that is full or read-only.
for place in "/etc/mdevadm /etc/mdevctl.d" /run/mdevadm; do
  for how in full read-only; do
    before "$1"
    mkdir -p "$names/disk"
    mount -t tmpfs -o size=64k tmpfs "$names/disk"
    for directory in $place; do
      mkdir -p "$names/disk/${directory##*/}" $directory
      cp -a $directory/. "$names/disk/${directory##*/}"
      mount --bind "$names/disk/${directory##*/}" $directory
    done
    case $how in
      full) cat /dev/zero >"$names/disk/filler" 2>/dev/null ;;
      *) for directory in $place; do mount -o remount,bind,ro $directory; done ;;
    esac
    "${command[@]}" >/dev/null 2>&1
    ended=$?
    case $how in
      full) rm "$names/disk/filler" ;;
      *) for directory in $place; do mount -o remount,bind,rw $directory; done ;;
    esac
    check "$place: $how" $ended
    umount $place "$names/disk"
  done
done

printf '%-16s %6d %6d %6d %6d %6d\n' "$1" $points $old_states $new_states $again $told >>"$2"
stop_monitor
same "$wrong" "" "$1: after each of $points points the state is old, new, or completed by the same command"
finish
