# What the package installs for systemd and udev, on simulated hosts: the services that udev's rule starts, by the udev of this
# system, and the commands of the units, as systemd runs them.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0 root=$(mktemp -d)
  run env DESTDIR="$root" cmake --install "$BUILD" --prefix /usr
  exits 0 "the units and rules are installed"
  while read -r scenario part; do
    ROOT=$root "$MDEVSIM" run "$scenario" -- bash "$0" "$part" </dev/null || { part_failed=1; echo "# failed: $scenario $part"; }
  done <<T
l40s-boot functions
l40s functions
l40s-mdev functions
l40s-mdev mdevctl
gvt parent
samples parent
l40s-boot once
l40s order
gvt asleep
m60 asleep
l40s asleep
T
  rm -r "$root"
  same "$part_failed" 0 "all parts pass"
  finish
  exit
fi

mdevadm() { "$MDEVADM" "$@"; }
units=$ROOT/usr/lib/systemd/system
rule=$ROOT/usr/lib/udev/rules.d/60-mdevadm-parents.rules
devices=/sys/bus/pci/devices
gpu=0000:41:00.0 first=0000:41:00.4
enable() { /usr/lib/nvidia/sriov-manage -e ALL >/dev/null; }

# udev processes a device with the installed rule only. The simulated /sys is not of type sysfs. "udevadm test" of systemd 257 does
# not run programs, so names of parents that systemd-escape changes are not tested here.
only_rule() {
  mkdir -p /run/udev
  mount -t tmpfs none /run/udev
  mkdir /run/udev/rules.d
  for file in /usr/lib/udev/rules.d/* /lib/udev/rules.d/* /etc/udev/rules.d/*; do ln -sf /dev/null "/run/udev/rules.d/${file##*/}"; done
  rm -f /run/udev/rules.d/60-mdevadm-parents.rules
  cp "$rule" /run/udev/rules.d/
}
# wanted ACTION DEVICE: the units that systemd starts for the device
wanted() {
  SYSTEMD_DEVICE_VERIFY_SYSFS=0 udevadm test --action="$1" "$2" 2>&1 | sed -n 's/^ *SYSTEMD_WANTS=//p'
}
# slot DEVICE: its own address among its properties
slot() { SYSTEMD_DEVICE_VERIFY_SYSFS=0 udevadm test --action=bind "$1" 2>&1 | sed -n 's/^ *PCI_SLOT_NAME=//p'; }
wanted_by_all() {
  local function
  for function in "$devices/$gpu"/virtfn*; do wanted bind "$(realpath "$function")"; done | sort | uniq -c | tr -s ' '
}

functions() {
  only_rule
  same "$(wanted bind $devices/$gpu)" "" "a GPU itself starts no service"
  enable
  wait_until test -e "$devices/0000:41:04.3/driver"
  same "$(wanted remove $devices/$first)" "" "a virtual function that is removed starts nothing"
  same "$(wanted_by_all)" " 32 mdevadm-parent@$gpu.service" "each virtual function starts the service of its GPU"
  same "$(slot $devices/$first)" $first "its properties remain those of the virtual function"
  echo $first >$devices/$first/driver/unbind
  same "$(wanted change $devices/$first)" "" "a virtual function without types starts nothing"
}

mdevctl() {
  only_rule
  enable
  wait_until test -e "/sys/class/mdev_bus/$first"
  mkdir -p /etc/mdevctl.d/$first
  same "$(wanted bind $devices/$first)" "mdevadm-parent@$first.service" "a virtual function under whose name mdevctl has definitions has a service"
  same "$(wanted bind $devices/0000:41:00.5)" "mdevadm-parent@$gpu.service" "the next one starts the service of the GPU"
}

parent() {
  local name path
  only_rule
  for path in /sys/class/mdev_bus/*; do
    name=$(basename "$path")
    same "$(wanted add "$(realpath "$path")")" "mdevadm-parent@$name.service" "parent $name starts its service"
  done
}

# commands UNIT KEY PARENT: the commands of a unit with the program under test
commands() {
  sed -n "s|^$2=[-+]*/usr/sbin/mdevadm|mdevadm|p" "$units/$1" | sed "s|%I|${3:-}|"
}
# As systemd: ExecStartPre may fail (-), the first ExecStart that fails ends the service.
run_parent_unit() {
  local command
  while read -r command; do eval "$command"; done < <(commands mdevadm-parent@.service ExecStartPre "$1")
  while read -r command; do eval "$command" || return; done < <(commands mdevadm-parent@.service ExecStart "$1")
}

# Every virtual function wants the service. systemd merges the jobs while it runs and starts it again if one follows later, so it may
# run several times in a few seconds.
once() {
  mdevadm parent set $gpu --vfs all --run "sh -c 'echo prepared >>/etc/mdevadm/count'"
  mdevadm define -p $gpu -t 1150 --name s1 --auto --force >/dev/null
  mdevadm define -p $gpu -t 1150 --name s2 --force >/dev/null
  mdevadm group create vm s2 --auto
  same "$(commands mdevadm-parent@.service ExecStart $gpu | wc -l)" 2 "the service has two commands"
  run run_parent_unit $gpu
  exits 0 "the service starts the devices"
  same "$(mdevadm list -n -o name,vf | sort | tr -s ' ' | paste -sd' ')" "s1 $first s2 0000:41:00.5" "of definitions and groups"
  inodes=$(stat -c %i /run/mdevadm/devices/*)
  run run_parent_unit $gpu
  exits 0 "the service may run again"
  same "$(cat /etc/mdevadm/count)" prepared "the parent is prepared once"
  same "$(stat -c %i /run/mdevadm/devices/*)" "$inodes" "the devices are started once"
  same "$(sed -n 's/^StartLimitIntervalSec=//p' "$units/mdevadm-parent@.service")" 0 "systemd does not limit the number of starts"
  same "$(grep -c RemainAfterExit "$units/mdevadm-parent@.service")" 0 "and starts the service again when the driver is reloaded"
  mdevadm stop --all
}

# after UNIT, before UNIT: other units in its ordering, in one line
after() { sed -n 's/^After=//p' "$units/$1" | tr ' ' '\n' | sort | paste -sd' '; }
before() { sed -n 's/^Before=//p' "$units/$1" | tr ' ' '\n' | sort | paste -sd' '; }

order() {
  vendor="nvidia-fabricmanager.service nvidia-mig-manager.service nvidia-sriov-manage@ALL.service nvidia-sriov.service"
  vendor+=" nvidia-vgpu-mgr.service nvidia-vgpu-sriov.service nvidia-vgpud.service pve-nvidia-sriov@ALL.service"
  same "$(after mdevadm-parent@.service)" "$vendor" "a parent is prepared after the services of NVIDIA and Proxmox VE"
  same "$(before mdevadm-parent@.service)" mdevadm.target "its devices exist before mdevadm.target"
  same "$(after mdevadm-groups.service)|$(before mdevadm-groups.service)" "$vendor|mdevadm.target" "groups likewise"
  same "$(after mdevadm-apply.service)|$(before mdevadm-apply.service)" "$vendor|mdevadm.target" "and the description of the host"
  same "$(after mdevadm-host.service)" "mdevadm-apply.service mdevadm.target" "the host is compared with it afterwards"
  hypervisors="libvirt-guests.service libvirtd.service virtnodedevd.service virtqemud.service"
  same "$(before mdevadm.target)" "$(tr ' ' '\n' <<<"$hypervisors pve-guests.service nova-compute.service docker.service kubelet.service" | sort | paste -sd' ')" \
    "what uses devices starts after mdevadm.target"
  same "$(before mdevadm-stop.service)" "$hypervisors" "and ends before devices are stopped"
  same "$(before mdevadm-sleep.service)" sleep.target "devices are stopped before the system sleeps"
  same "$(grep -l '^After=mdevadm' "$units"/mdevadm-{parent@,groups,apply,stop,sleep}.service)" "" "no unit waits for the target that it precedes"
}

active() { mdevadm list -n -o name | sort | paste -sd' '; }
# suspend, resume: mdevadm-sleep.service is started before sleep.target and stopped after it. Its commands may fail (-).
suspend() { local command; while read -r command; do eval "$command"; done < <(commands mdevadm-sleep.service ExecStart); }
resume() { local command; while read -r command; do eval "$command"; done < <(commands mdevadm-sleep.service ExecStop); }

asleep() {
  local parent type node holder
  enable 2>/dev/null
  parent=$(mdevadm types --json -o parent | jq -r '.types[0].parent')
  type=$(mdevadm types "$parent" --json -o type,available | jq -r '[.types[] | select(.available >= 4)][0].type')
  for name in auto member manual used; do mdevadm define -p "$parent" -t "$type" --name $name >/dev/null; done
  mdevadm modify auto --auto
  mdevadm group create vm member --auto
  mdevadm start auto manual used
  mdevadm group start vm
  same "$(active)" "auto manual member used" "four devices are active"
  run suspend
  same "$code $(active)" "0 " "before suspend all are stopped"
  run resume
  exits 0 "after resume the commands succeed"
  err_lacks "error|warning" "without errors"
  same "$(active)" "auto member" "devices and groups with autostart are active again"
  same "$(mdevadm list --boot --json | jq -r '[.boot[]? | select(.result == "failed")] | length')" 0 "none has failed"
  mdevadm start used
  node=$(mdevadm show used --json | jq -r '.devices[0] | .node // .cdev')
  sleep 60 <>"$node" & holder=$!
  wait_until has_open $holder "$node"
  run suspend
  same "$(active)" used "a device in use stays, and does not block the suspend"
  err_has "'used'" "the log names it"
  kill $holder
  wait $holder 2>/dev/null
  run resume
  same "$(active)" "auto member used" "after resume the others are active again"
}

"$1"
finish
