# Devices in use: access to the nodes, the reported processes, the effect of a removal in each kernel version.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  for part in node own_node waiting removing busy sets online functions; do
    "$MDEVSIM" run "$(case $part in node | waiting) echo samples ;; own_node) echo vfio-cdev ;; busy) echo m60-u1 ;; removing) echo m60-u2 ;; sets) echo m60-k2 ;; online) echo m60-f2 ;; *) echo vf-n1 ;; esac)" \
      -- bash "$0" "$part" || exit 1
  done
  exit
fi

a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
devices=/sys/bus/mdev/devices
gpu=/sys/bus/pci/devices/0000:86:00.0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
holding() {  # NAME WORDS...: in the background, as $NAME_pid
  local name=$1
  shift
  : >"$scratch/$name"
  "$MDEVSIM" hold "$@" >"$scratch/$name" 2>&1 &
  eval "${name}_pid=$!"
  until [ -s "$scratch/$name" ]; do sleep 0.02; done
}
release() { kill "$1"; wait "$1"; }
put() { echo "$1" >"$2"; }

node() {
  put $a /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
  same "$(stat -c '%F %a %U' /dev/vfio/0)" "character special file 600 root" \
    "the VFIO group node is a character device of root with mode 600"
  chown 65534 /dev/vfio/0 && chmod 660 /dev/vfio/0
  same "$(stat -c '%a %u' /dev/vfio/0)" "660 65534" "owner and mode of the VFIO group node can be changed"
  sleep 100 </dev/vfio/0 &
  until [ "$(readlink "/proc/$!/exe")" != "$(readlink /proc/$$/exe)" ]; do sleep 0.02; done
  same "$(stat -L -c %t:%T "/proc/$!/fd/0")" "$(stat -c %t:%T /dev/vfio/0)" \
    "the open descriptor has the device number of the VFIO group node"
  run "$MDEVADM" list -o held_by
  out_has "^sleep\($!\)$" "list names the process that has the node open"
  run "$MDEVADM" stop $a
  exits 5 "stop is refused while the device is in use"
  kill $!
  wait $! 2>/dev/null
  run "$MDEVADM" stop $a
  exits 0 "stop succeeds after the process has ended"
  holds "the VFIO group node is removed with the device" test ! -e /dev/vfio/0
}

# As QEMU with iommufd: the VFIO device node is open, the group node is not. Linux 6.6 and later remove the node before the device
# is released.
own_node() {
  put $a /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
  sleep 100 </dev/vfio/devices/vfio0 &
  local user=$!
  until [ "$(readlink "/proc/$user/exe")" != "$(readlink /proc/$$/exe)" ]; do sleep 0.02; done
  run "$MDEVADM" list -o held_by
  out_has "^sleep\($user\)$" "list names the process that has the VFIO device node open"
  run "$MDEVADM" stop $a
  exits 5 "stop is refused while the VFIO device node is open"
  run "$MDEVADM" stop $a --force
  exits 0 "stop --force succeeds if the removal is pending"
  holds "the VFIO device node is removed although it is open" test ! -e /dev/vfio/devices/vfio0
  err_has "^mdevadm: waiting up to 10 s for sleep \(pid $user\) to release '$a'$" "stop --force reports at once that it waits, and for which process"
  err_has "^mdevadm: warning: removal of '$a' is pending: still in use by sleep \(pid $user\)" "the warning of stop --force names the process that uses the device"
  kill $user
  wait $user 2>/dev/null
  holds "the removal ends when the process ends" wait_until test ! -e /sys/class/mdev_bus/mtty/$a
}

waiting() {
  put $a /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
  holding first $a
  run "$MDEVSIM" hold $a 1
  exits 5 "a second process cannot open the VFIO group"
  err_has "cannot hold '$a': the device or its group is in use$" "the error says that the device or its group is in use"
  bash -c 'echo 1 >"$0"' $devices/$a/remove &
  remover=$!
  holds "a removal of a device in use begins" wait_until test ! -e $devices/$a
  sleep 0.2
  holds "the removal waits for the release" kill -0 $remover
  kill -TERM $remover
  sleep 0.2
  holds "SIGTERM does not end the waiting removal" kill -0 $remover
  run bash -c "echo $a >/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create"
  err_has "File exists" "the UUID stays in use while the removal is pending"
  release "$first_pid"
  wait $remover
  holds "the device is removed when it is released" test ! -e /sys/devices/virtual/mtty/mtty/$a
  same "$(cat /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/available_instances)" 24 \
    "the instance is available again after the removal"
  put $a /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create
  holding timed $a 1
  run "$MDEVADM" stop $a --timeout 10
  exits 0 "stop --timeout waits until the device is released"
  err_has "^mdevadm: waiting up to 10 s for .* \(pid $timed_pid\) to release '$a'$" "stop --timeout reports at once for which process it waits"
}

busy() {
  put $a $gpu/mdev_supported_types/nvidia-17/create
  holding first $a
  run bash -c "echo 1 >$devices/$a/remove"
  err_has "Device or resource busy" "before Linux 5.2 the kernel refuses to remove a device in use"
  run "$MDEVADM" stop --force $a
  exits 5 "stop --force fails if the kernel refuses the removal"
  err_has "cannot stop '$a': the driver reports that the device is in use" \
    "the error says that the driver reports that the device is in use"
  release "$first_pid"
  run "$MDEVADM" stop $a
  exits 0 "stop succeeds after the release"
}

# Since Linux 5.2 a forced removal of a device in use is pending: the device is off the bus, but its UUID and instance stay taken.
removing() {
  local gpu=0000:86:00.0
  "$MDEVADM" define -q $a -p $gpu -t nvidia-17 --name a >/dev/null
  "$MDEVADM" define -q $b -p $gpu -t nvidia-17 --name b >/dev/null
  "$MDEVADM" start -q a
  holding first $a
  run "$MDEVADM" stop a --force
  exits 0 "a forced stop of a device in use makes its removal pending"
  holds "the device is off the bus" test ! -e $devices/$a
  run "$MDEVADM" list -n -o name,state,type,held_by
  out_has "^a removing nvidia-17 mdevsim\($first_pid\)$" "list shows it, with its type and the process that uses it"
  run "$MDEVADM" list --json
  same "$(jq -c '.devices[] | [.active, .removing, .in_use, .held_by[0].pid]' <<<"$out")" "[false,true,true,$first_pid]" "list --json reports the pending removal"
  run "$MDEVADM" show $a
  out_has '^state: *removing$' "show reports the state removing"
  same "$("$MDEVADM" types $gpu --json | jq -c '.types[] | select(.type == "nvidia-17") | [.available, .used, .maximum]')" "[1,1,2]" \
    "the instances in types add up"
  run "$MDEVADM" stop a
  exits 0 "stop succeeds for a device whose removal is pending"
  err_has "'a' \($a\) is already being removed: its removal is pending until mdevsim \(pid $first_pid\) closes the device$" "stop reports what the removal waits for"
  run "$MDEVADM" stop a --json
  same "$(jq -c '.results[] | [.outcome, .held_by[0].pid]' <<<"$out")" "[\"unchanged\",$first_pid]" "stop --json lists the processes that the removal waits for"
  run "$MDEVADM" start a
  exits 5 "start is refused for a device whose removal is pending"
  err_has "cannot start 'a'( \($a\))?: an earlier device with this UUID is still being removed; the kernel completes that when no process uses the device$" \
    "the error says that an earlier device is being removed"
  err_has "^hint: wait for the removal, and show the processes that use the device: mdevadm stop a --timeout 60$" "the hint has the name of the device"
  "$MDEVADM" start -q b
  run "$MDEVADM" start -p $gpu -t nvidia-17
  exits 6 "the instance of a device whose removal is pending is not available"
  err_has "^hint: '$a' is still being removed; wait for it: mdevadm stop $a --timeout 60$" "the hint names the device whose removal is pending"
  run "$MDEVADM" stop a --timeout 0.3
  exits 5 "stop --timeout fails if the removal does not complete in time"
  err_has "cannot stop 'a' \($a\): its removal is pending until mdevsim \(pid $first_pid\) closes the device" "the error names the process that the removal waits for"
  "$MDEVADM" undefine -q a
  run "$MDEVADM" define $a
  exits 5 "a device that is being removed cannot be adopted"
  err_has "cannot define '$a': the device is being removed$" "the error says so"
  "$MDEVADM" define -q $a -p $gpu -t nvidia-17 --name a >/dev/null
  (sleep 0.5; kill "$first_pid") &
  run "$MDEVADM" stop a --timeout 30
  exits 0 "stop --timeout succeeds when the process closes the device"
  run "$MDEVADM" start a
  exits 0 "the device can be started after its removal has completed"
}

sets() {
  for id in $a $b; do put $id $gpu/mdev_supported_types/14/create; done
  cat $devices/$a/peer_to_peer_resource_uuid >$devices/$b/peer_to_peer_resource_uuid
  same "$(readlink $devices/$a/iommu_group)" "$(readlink $devices/$b/iommu_group)" \
    "two devices in one peer-to-peer set are in one IOMMU group"
  holding first $a $b
  run "$MDEVSIM" hold $b
  exits 5 "a second process cannot open any device of a set that is in use"
  run bash -c "echo $a >$devices/$b/peer_to_peer_resource_uuid"
  err_has "Device or resource busy" "the kernel refuses to split a set that is in use"
  release "$first_pid"
  run bash -c "echo $a >$devices/$b/peer_to_peer_resource_uuid"
  exits 0 "the set can be split after the release"
  holds "the split devices are in two IOMMU groups" test "$(readlink $devices/$a/iommu_group)" != "$(readlink $devices/$b/iommu_group)"
}

online() {
  for id in $a $b; do put "$id:vgpu_type_id=14,vm_uuid=$a" $gpu/mdev_create; done
  put 1 $devices/$a/online
  run "$MDEVSIM" hold $a 1
  exits 1 "a device cannot be opened while another device of its virtual machine is offline"
  err_has "not all devices of its virtual machine are online" "the error says that not all devices of the virtual machine are online"
  put 1 $devices/$b/online
  holding first $a $b
  run bash -c "echo 0 >$devices/$a/online"
  err_has "Device or resource busy" "the kernel refuses to set a device in use offline"
  release "$first_pid"
  run bash -c "echo 0 >$devices/$a/online"
  exits 0 "the device can be set offline after the release"
}

functions() {
  local function=0000:41:00.4
  run "$MDEVSIM" hold $function 1
  exits 1 "a virtual function without a vGPU cannot be opened"
  err_has "no vGPU is assigned to it" "the error says that no vGPU is assigned"
  put 1149 /sys/bus/pci/devices/$function/nvidia/current_vgpu_type
  holding first $function
  run bash -c "echo 0 >/sys/bus/pci/devices/$function/nvidia/current_vgpu_type"
  err_has "Operation not permitted" "the kernel refuses to clear a virtual function in use"
  release "$first_pid"
  run bash -c "echo 0 >/sys/bus/pci/devices/$function/nvidia/current_vgpu_type"
  exits 0 "the virtual function can be cleared after the release"

  # NVIDIA's driver has no pending removals, so a stop cannot be forced.
  "$MDEVADM" define $a -p 0000:41:00.0 -t 1149 --vf $function --name a >/dev/null
  "$MDEVADM" group create one a
  "$MDEVADM" start a
  holding first $function
  run "$MDEVADM" stop a
  exits 5 "stop fails while the virtual function is in use"
  err_has "^hint: stop the process using it, or wait with --timeout SECONDS$" "the hint does not suggest --force"
  run "$MDEVADM" stop a --force
  exits 5 "so does stop --force"
  err_has "cannot stop 'a' \($a\): it is in use by mdevsim \(pid $first_pid\), and the driver does not clear a virtual function in use, so --force has no effect$" \
    "the error says why"
  err_lacks waiting "it does not wait"
  err_has "^hint: stop the process using it, or wait with --timeout SECONDS$" "the hint is the same"
  run "$MDEVADM" stop a --force --timeout 1
  exits 5 "so does stop --force --timeout"
  err_has "still in use by mdevsim \(pid $first_pid\)" "the error says who uses it"
  err_has "^hint: stop the process using it, or wait longer with --timeout SECONDS$" "and not to use --force"
  run "$MDEVADM" group stop one
  err_has "^hint: no device was stopped; stop the process using it, or wait with --timeout SECONDS$" "group stop does not suggest --force"
  run "$MDEVADM" group stop one --force
  exits 5 "nor does --force help it"
  same "$(cat /sys/bus/pci/devices/$function/nvidia/current_vgpu_type)" 1149 "the vGPU is unchanged"
  (sleep 1; kill "$first_pid") &
  run "$MDEVADM" stop a --force --timeout 10
  exits 0 "stop --force --timeout stops it when it is released"
  wait
}

echo "# $1"
"$1"
finish
