# mdevctl's name under a security policy such as SELinux's for virtnodedevd: /run cannot be written, only /etc/mdevctl.d and sysfs can.
# Root without CAP_DAC_OVERRIDE stands for a confined daemon.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  failed_parts=
  for part in run_directory run_read_only unlocked labels locks foreign_locks definitions sysfs; do
    "$MDEVSIM" run samples -- bash "$0" $part || failed_parts+=" $part"
  done
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

u=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01
parent=mtty type=mtty-2
bin=$(mktemp -d)
ln -s "$MDEVADM" "$bin/mdevctl"
mdevctl() { setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -dac_override,-dac_read_search "$bin/mdevctl" "$@"; }
json() { printf '{"mdev_type":"%s","start":"manual"}' $type; }

# libvirt's way of using a device.
session() {
  run mdevctl define --parent=$parent --jsonfile=/dev/stdin --uuid=$u <<<"$(json)"
  exits 0 "define succeeds"
  run mdevctl start --uuid=$u
  same "$code$err" 0 "start succeeds without a message"
  same "$("$bin/mdevctl" list | wc -l)" 1 "the device is active"
  run mdevctl modify --uuid=$u --auto
  same "$code$err" 0 "modify succeeds without a message"
  run mdevctl list --dumpjson --defined
  same "$code$err" 0 "list succeeds without a message"
  run mdevctl stop --uuid=$u
  same "$code$err" 0 "stop succeeds without a message"
  run mdevctl undefine --uuid=$u
  same "$code$err" 0 "undefine succeeds without a message"
  same "$(find /etc/mdevctl.d -type f)$("$bin/mdevctl" list)" "" "the definition and the device are gone"
  # A start that sets an attribute records its state in /run.
  run mdevctl start --uuid=$u --parent=$parent --jsonfile=/dev/stdin <<<'{"mdev_type":"mtty-2","start":"manual","attrs":[{"nosuch":"1"}]}'
  exits 1 "a start that fails at an attribute is rolled back"
  err_has "Invalid attribute 'nosuch'" "the error names the attribute"
  same "$("$bin/mdevctl" list)" "" "the device was removed again"
}

part_run_directory() {
  chmod 0555 /run/mdevadm
  session
  same "$(ls /run/mdevadm)" "" "nothing was written to /run/mdevadm"
  # Files that mdevadm has created can be opened for reading only.
  chmod 0755 /run/mdevadm
  touch /run/mdevadm/definitions.lock /run/mdevadm/parent-$parent.lock
  chmod 0444 /run/mdevadm/*.lock
  chmod 0555 /run/mdevadm
  session
  chmod 0700 /run/mdevadm
  chown nobody /run/mdevadm
  session
}

part_run_read_only() {
  mount --bind /run/mdevadm /run/mdevadm && mount -o remount,bind,ro /run/mdevadm
  session
}

# Neither the file nor the directory can be locked.
part_unlocked() {
  chmod 0300 /etc/mdevctl.d
  chmod 0555 /run/mdevadm
  run mdevctl define --parent=$parent --jsonfile=/dev/stdin --uuid=$u <<<"$(json)"
  exits 1 "define of a directory that cannot be read fails"
  err_has "cannot lock the definitions \('/run/mdevadm/definitions.lock'\): Permission denied; continuing without the lock$" \
    "a warning says that no lock could be taken, and why"
  err_has "^Error: .*cannot write '/etc/mdevctl.d/$parent/$u': Permission denied$" "without the lock the command goes on to its own reason"
  chmod 0755 /etc/mdevctl.d
  run mdevctl define --parent=$parent --jsonfile=/dev/stdin --uuid=$u <<<"$(json)"
  same "$code$err" 0 "a directory that can be read is locked, without a warning"
}

# The node's SELinux label, on a kernel without SELinux.
part_labels() {
  local label=system_u:object_r:svirt_image_t:s0:c1,c2
  run "$MDEVADM" define $u -p $parent -t $type --name labelled --selinux-label $label
  exits 0 "a definition can have a label"
  run "$MDEVADM" start labelled
  exits 1 "a device whose label cannot be set is not started"
  err_has "cannot start 'labelled' .*: cannot set owner and mode of the VFIO node: cannot set label '$label': SELinux is not enabled in this kernel" "the error has the label and the reason"
  same "$("$MDEVADM" list -n 2>/dev/null)" "" "the device was removed again"
  run "$MDEVADM" modify labelled --selinux-label ''
  exits 0 "the command of the hint removes the label"
  run "$MDEVADM" start labelled
  exits 0 "without the label the device starts"
  run "$MDEVADM" stop labelled
}

# mdevadm and a confined mdevctl exclude each other.
part_locks() {
  chmod 0555 /run/mdevadm
  flock /sys/class/mdev_bus/$parent sleep 3 &
  wait_until is_locked /sys/class/mdev_bus/$parent
  begin=$SECONDS
  run mdevctl start --uuid=$u --parent=$parent --jsonfile=/dev/stdin <<<"$(json)"
  exits 0 "a confined start succeeds after the lock was released"
  holds "it has waited for the lock on the parent's directory" test $((SECONDS - begin)) -ge 1
  flock /sys/class/mdev_bus/$parent sleep 2 &
  wait_until is_locked /sys/class/mdev_bus/$parent
  run "$MDEVADM" stop $u
  exits 0 "mdevadm waits for the same lock"
  err_has "^mdevadm: waiting up to 60 s for flock \(pid [0-9]+\) to release the lock of parent $parent$" "mdevadm names the process that holds it"
  flock /etc/mdevctl.d sleep 2 &
  wait_until is_locked /etc/mdevctl.d
  begin=$SECONDS
  run mdevctl define --parent=$parent --jsonfile=/dev/stdin --uuid=$u <<<"$(json)"
  exits 0 "define waits for the lock on /etc/mdevctl.d"
  holds "it has waited" test $((SECONDS - begin)) -ge 1
}

# Any user can lock the directories, so locks of ordinary users do not count.
part_foreign_locks() {
  for directory in /sys/class/mdev_bus/$parent /etc/mdevctl.d; do
    setpriv --reuid 65534 --regid 65534 --clear-groups flock "$directory" sleep 1000 &
    wait_until is_locked "$directory"
  done
  begin=$SECONDS
  run "$MDEVADM" define $u -p $parent -t $type --name held
  exits 0 "define succeeds while an ordinary user has locked /etc/mdevctl.d"
  run "$MDEVADM" start held
  exits 0 "start succeeds while an ordinary user has locked the parent's directory"
  run "$MDEVADM" stop held
  exits 0 "stop succeeds, too"
  holds "none of them has waited for long" test $((SECONDS - begin)) -lt 5
  pkill -xf 'sleep 1000'
}

part_definitions() {
  chmod 0555 /etc/mdevctl.d
  run mdevctl define --parent=$parent --jsonfile=/dev/stdin --uuid=$u <<<"$(json)"
  exits 1 "define fails if the directory of a parent cannot be made"
  err_has "^Error: .*'/etc/mdevctl.d/$parent/$u': Permission denied$" "the error names the path"
  err_has "^    a security policy can be the reason; search its log: ausearch -m AVC -c mdevctl$" "and where a denial is logged"
  chmod 0755 /etc/mdevctl.d
  mkdir -m 0555 /etc/mdevctl.d/$parent
  run mdevctl define --parent=$parent --jsonfile=/dev/stdin --uuid=$u <<<"$(json)"
  exits 1 "define fails if the directory of the parent cannot be written"
  err_has "^Error: .*'/etc/mdevctl.d/$parent/.*$u'.*: Permission denied$" "the error names the file"
  chmod 0755 /etc/mdevctl.d/$parent
  mdevctl define --parent=$parent --jsonfile=/dev/stdin --uuid=$u <<<"$(json)"
  chmod 0555 /etc/mdevctl.d/$parent
  run mdevctl modify --uuid=$u --auto
  exits 1 "modify fails if the definition cannot be replaced"
  err_has "^Error: .*'/etc/mdevctl.d/$parent/.*$u'.*: Permission denied$" "the error names the file"
  run mdevctl undefine --uuid=$u
  exits 1 "undefine fails if the definition cannot be deleted"
  err_has "Failed to remove file \"/etc/mdevctl.d/$parent/$u\"" "the error names the file"
  err_has "Permission denied" "and the reason"
}

# Errors of permission in sysfs name the file, under either name.
part_sysfs() {
  local of=/sys/devices/virtual/$parent/$parent
  "$MDEVSIM" control fault create 0 EACCES
  run "$bin/mdevctl" start --uuid=$u --parent=$parent --type=$type
  err_has "^    Permission denied \(os error 13\): $of/mdev_supported_types/$type/create$" "mdevctl: a creation"
  run "$MDEVADM" start --uuid=$u --parent=$parent --type=$type
  err_has "Permission denied \($of/mdev_supported_types/$type/create\)$" "mdevadm: a creation"
  "$MDEVSIM" control clear
  "$MDEVADM" start --uuid=$u --parent=$parent --type=$type
  "$MDEVSIM" control fault remove 0 EACCES
  run "$bin/mdevctl" stop --uuid=$u
  err_has "^    Permission denied \(os error 13\): $of/$u/remove$" "mdevctl: a removal"
  run "$MDEVADM" stop $u
  exits 1 "a removal that is not permitted fails"
  err_has "Permission denied \($of/$u/remove\)$" "mdevadm: a removal"
  "$MDEVSIM" control clear
  run "$MDEVADM" stop $u
  exits 0 "it succeeds as soon as it is permitted"
  "$MDEVSIM" control fault read 0 EACCES device_api
  run "$bin/mdevctl" types
  err_has "Skipping type $type of $parent: device_api: Permission denied \(os error 13\): $of/mdev_supported_types/$type/device_api$" "mdevctl types: a file that cannot be read"
  "$MDEVSIM" control clear
  "$MDEVSIM" control fault read 0 EACCES available_instances
  run "$bin/mdevctl" types
  err_has "Skipping type $type of $parent: Permission denied \(os error 13\): $of/mdev_supported_types/$type/available_instances$" "likewise the number of instances"
}

part_"$1"
rm -rf "$bin"
finish
