# Hosts with NVIDIA GPUs on the simulator: sriov-manage and nvidia-smi as administrators and boot units use them, what goes wrong
# with them, and what /sys shows afterwards.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  part_failed=0
  while read -r scenario part; do
    "$MDEVSIM" run "$scenario" -- bash "$0" "$part" || { part_failed=1; echo "# failed: $scenario $part"; }
  done <<'T'
l40s-boot order
l40s-boot commands
l40s failures
h200 mig
rtx-pro-6000 instances
a40 mediated
a16 board
flex plain
T
  directory=$(mktemp -d)
  cp -r "$here/../../examples/scenarios/types" "$directory"
  sed 's/^vgpud = .*/vgpud = false/' "$here/../../examples/scenarios/a100-boot.toml" >"$directory/host.toml"
  "$MDEVSIM" run "$directory/host.toml" -- bash "$0" early || part_failed=1
  rm -r "$directory"
  same "$part_failed" 0 "all parts pass"
  finish
  exit
fi

devices=/sys/bus/pci/devices
drivers=/sys/bus/pci/drivers
manage=/usr/lib/nvidia/sriov-manage
log=/sys/kernel/mdevsim/log
control() { "$MDEVSIM" control "$@"; }
driver() { basename "$(readlink "$devices/$1/driver")"; }
enabled() { cat "$devices/$1/sriov_numvfs"; }
creatable() { grep -c : "$devices/$1/nvidia/creatable_vgpu_types"; }  # with the heading
put() { echo "$1" 2>/dev/null >"$2"; }
offers_types() { [ "$(creatable "$1")" -gt 1 ]; }
is_bound() { [ "$(driver "$1")" = nvidia ]; }

# The order of a boot: types, virtual functions, mixed sizes, vGPUs.
order() {
  local gpu=0000:41:00.0 first=0000:41:00.4 last=0000:41:04.3
  same "$(enabled $gpu) $(cat $devices/$gpu/sriov_totalvfs)" "0 32" "at power-on no virtual function is enabled"
  run put 32 $devices/$gpu/sriov_numvfs
  exits 1 "the driver does not support sriov_numvfs"
  out=$(cat $log)
  out_has "driver does not support SR-IOV configuration via sysfs" "the kernel log has the reason"
  control functions $gpu 32
  wait_until test -e $devices/$first
  same "$(driver $last)" "" "virtual functions appear without driver"
  wait_until is_bound $first
  wait_until is_bound $last
  wait_until offers_types $last
  same "$(ls -d $devices/$gpu/virtfn* | wc -l) $(creatable $last)" "32 31" "when all are bound, each offers the types"
  run nvidia-smi vgpu -i 0 -shm 1
  exits 0 "mixed sizes can be enabled before the first vGPU"
  put 1155 $devices/$first/nvidia/current_vgpu_type
  put 1150 $devices/$last/nvidia/current_vgpu_type
  same "$(cat $devices/{$first,$last}/nvidia/placement_id | paste -sd' ')" "0 24" "vGPUs of different sizes have placements"
  run nvidia-smi vgpu -i $gpu -shm 0
  exits 19 "mixed sizes cannot be changed while vGPUs exist"
  out_has "In use by another client" "nvidia-smi reports that the GPU is in use"
  run control reboot
  exits 0 "the host can be rebooted"
  same "$(enabled $gpu)" 0 "no virtual function is enabled after the reboot"
  control functions $gpu 4
  wait_until is_bound 0000:41:00.7
  same "$(cat $devices/$first/nvidia/current_vgpu_type)" 0 "no vGPU exists after the reboot"
  out=$(nvidia-smi -q)
  out_has "vGPU Heterogeneous Mode +: Disabled" "sizes are equal after the reboot"
}

commands() {
  local gpu=0000:41:00.0
  run nvidia-smi vgpu -i $gpu -shm 1
  exits 0 "mixed sizes can be enabled before virtual functions"
  run $manage -e $gpu
  exits 0 "sriov-manage -e succeeds"
  same "$out" "Enabling VFs on $gpu" "sriov-manage names the GPU"
  same "$(enabled $gpu) $(driver $gpu) $(driver 0000:41:04.3)" "32 nvidia nvidia" "all virtual functions are bound when it returns"
  out=$(nvidia-smi -q)
  out_has "vGPU Heterogeneous Mode +: Disabled" "enabling virtual functions disables mixed sizes"
  out_has "Host VGPU Mode +: SR-IOV" "nvidia-smi -q reports the mode of the host driver"
  run $manage -e all
  same "$code $out" "0 GPU at $gpu already has VFs enabled." "sriov-manage -e reports enabled virtual functions"
  run $manage -d 41:00.0
  same "$code $out" "0 Disabling VFs on $gpu" "sriov-manage -d accepts the address that lspci prints"
  same "$(enabled $gpu) $(driver $gpu)" "0 nvidia" "sriov-manage -d disables the virtual functions"
  run $manage -d ALL
  same "$code $out" "0 GPU at $gpu already has VFs disabled." "sriov-manage -d reports disabled virtual functions"
  run $manage -e 0000:17:00.0
  same "$code $out$err" "1 " "an address without NVIDIA device fails silently"
  run $manage
  exits 1 "sriov-manage without arguments fails"
  err_has "Usage: sriov-manage" "sriov-manage prints its usage"
  run $manage -h
  exits 0 "sriov-manage -h succeeds"
  run nvidia-smi -i 3 -pm 1
  same "$code $out" "6 No devices were found" "nvidia-smi reports an unknown GPU"
  run nvidia-smi -mig 1
  exits 3 "MIG mode is not supported by this GPU"
  run control functions $gpu 33
  err_has "cannot execute 'functions $gpu 33': more than the parent has" "an invalid number of virtual functions is reported"
  run control mixed $gpu on 1
  err_has "not supported by the GPU in its present mode" "a request that the GPU does not support is reported"
}

failures() {
  local gpu=0000:41:00.0 first=0000:41:00.4
  $manage -d $gpu >/dev/null
  control client $gpu on
  run $manage -e $gpu
  exits 0 "sriov-manage -e returns 0 although the unbind lock is refused"
  err_has "^Cannot obtain unbindLock for $gpu$" "the error names the GPU"
  same "$(enabled $gpu) $(driver $gpu)" "0 nvidia" "the GPU is unchanged"
  control client $gpu off
  $manage -e $gpu >/dev/null
  control client $gpu on
  run $manage -d $gpu
  exits 1 "sriov-manage -d fails if the unbind lock is refused"
  same "$(enabled $gpu) $(driver $first)" "32 " "the virtual functions exist, without driver"
  control client $gpu off
  $manage -d $gpu >/dev/null

  run timeout 0.2 $manage -e $gpu
  same "$(driver $gpu)" pci-pf-stub "a killed sriov-manage does not return the GPU to its driver"
  run nvidia-smi
  same "$code $out" "6 No devices were found" "nvidia-smi does not see a GPU on pci-pf-stub"
  put $gpu $drivers/pci-pf-stub/unbind
  put $gpu $drivers/nvidia/bind
  $manage -e $gpu >/dev/null
  same "$(enabled $gpu)" 32 "after the GPU is bound again, sriov-manage succeeds"
  $manage -d $gpu >/dev/null

  put vfio-pci $devices/$gpu/driver_override
  put $gpu $drivers/nvidia/unbind
  put $gpu /sys/bus/pci/drivers_probe
  same "$(driver $gpu)" vfio-pci "driver_override selects vfio-pci"
  run $manage -e $gpu
  same "$code $(enabled $gpu)" "0 0" "sriov-manage returns 0 although the GPU was on vfio-pci and has no virtual functions"
  put "" $devices/$gpu/driver_override
  put $gpu $drivers/nvidia/bind
  $manage -e $gpu >/dev/null
  same "$(enabled $gpu) $(driver $first)" "32 nvidia" "without the override, sriov-manage succeeds"

  put 1150 $devices/$first/nvidia/current_vgpu_type
  scratch=$(mktemp)
  "$MDEVSIM" hold $first >"$scratch" &
  holder=$!
  wait_until test -s "$scratch"
  rm "$scratch"
  $manage -d $gpu >/dev/null 2>&1 &
  manager=$!
  sleep 0.3
  holds "sriov-manage -d hangs while a virtual machine uses a virtual function" kill -0 $manager
  kill $holder
  wait $manager
  same "$(driver $first)" "" "it continues when the virtual machine has ended"
}

mig() {
  local gpu=0000:1b:00.0 first=0000:1b:00.4
  same "$(creatable $first)" 4 "GPU instances of three shapes offer three types"
  run nvidia-smi mig -lgi
  out_has "MIG 3g.71gb +9 +1 " "nvidia-smi lists the GPU instances"
  put 1414 $devices/$first/nvidia/current_vgpu_type
  run nvidia-smi mig -dgi -gi 3
  exits 19 "a GPU instance with a vGPU cannot be destroyed"
  put 0 $devices/$first/nvidia/current_vgpu_type
  run nvidia-smi mig -dgi
  exits 0 "all GPU instances can be destroyed while virtual functions are enabled"
  same "$(creatable $first)" 1 "without GPU instances the list has only its heading"
  run put 1414 $devices/$first/nvidia/current_vgpu_type
  exits 1 "without GPU instances no vGPU can be created"
  same "$(tail -1 $log)" "NVRM: Failed to add vgpu create request: 0x38" "the kernel log has the driver's code"
  run nvidia-smi mig -cgi 19,1g.18gb -C -i 0
  exits 0 "GPU instances are created by ID or name of their profile"
  out_has "Successfully created GPU instance ID +2 on GPU +0 using profile MIG 1g.18gb \(ID 19\)" "nvidia-smi reports the instance"
  out_has "Successfully created compute instance ID  0 on GPU  0 GPU instance ID  2" "nvidia-smi creates compute instances"
  run nvidia-smi mig -dgi
  exits 19 "a GPU instance with a compute instance cannot be destroyed"
  run nvidia-smi mig -dci
  exits 0 "compute instances can be destroyed"
  run nvidia-smi mig -dci
  exits 6 "compute instances that do not exist are reported"
  run nvidia-smi mig -cgi 0
  exits 23 "a GPU instance that does not fit is refused"
  out_has "Insufficient Resources" "nvidia-smi reports insufficient resources"
  run control mig $gpu off
  exits 1 "MIG mode cannot be disabled by a control request either"
  err_has "virtual functions or GPU instances exist" "the error has the reason"
  run control instance $gpu destroy 9
  exits 3 "an unknown GPU instance is reported"
  run nvidia-smi -i $gpu -mig 0
  exits 19 "MIG mode cannot be disabled while virtual functions are enabled"
  control client $gpu on
  run $manage -d $gpu
  exits 1 "releases of 580 report a refused unbind lock"
  control client $gpu off
  $manage -d $gpu >/dev/null
  $manage -e $gpu >/dev/null
  same "$(nvidia-smi mig -lgi)" "No GPU instances found: Not Found" "GPU instances do not survive sriov-manage"
  $manage -d $gpu >/dev/null
  run nvidia-smi -mig 0
  exits 0 "MIG mode can be disabled then"
  run nvidia-smi mig -cgi 19
  same "$code $out" "6 No MIG-enabled devices found." "without MIG mode no GPU instance can be created"
}

instances() {
  local first=0000:c1:00.2
  put 1558 $devices/$first/nvidia/current_vgpu_type
  run nvidia-smi vgpu -i 0 -gi 2 -shm 1
  exits 19 "sizes of a GPU instance cannot be mixed while it has a vGPU"
  put 0 $devices/$first/nvidia/current_vgpu_type
  run nvidia-smi vgpu -i 0 -gi 2 -shm 1
  exits 0 "sizes of a GPU instance can be mixed before its first vGPU"
  put 1558 $devices/$first/nvidia/current_vgpu_type
  put 1553 $devices/0000:c1:00.3/nvidia/current_vgpu_type
  same "$(cat $devices/0000:c1:00.3/nvidia/{gpu_instance_id,placement_id} | paste -sd' ')" "2 12" \
    "vGPUs of different sizes share the GPU instance"
  run nvidia-smi vgpu -i 0 -shm 1
  exits 3 "sizes of a GPU in MIG mode cannot be mixed as a whole"
}

mediated() {
  local gpu=0000:c1:00.0 first=0000:c1:00.4
  same "$(ls /sys/class/mdev_bus | wc -l)" 32 "each virtual function is a parent"
  $manage -d $gpu >/dev/null
  same "$(ls /sys/class/mdev_bus)" "" "no parent exists without virtual functions"
  $manage -e $gpu >/dev/null
  same "$(ls /sys/class/mdev_bus | wc -l)" 32 "sriov-manage makes each virtual function a parent"
  put $gpu $drivers/nvidia/unbind
  put $gpu $drivers/nvidia/bind
  put 51515151-0000-4000-8000-000000000001 $devices/$first/mdev_supported_types/nvidia-560/create
  same "$(cat $devices/0000:c1:0*/mdev_supported_types/nvidia-560/available_instances | sort | uniq -c | tr -s ' ' | paste -sd,)" \
    " 1 0, 31 1" "the other virtual functions have one instance each of the type"
  same "$(cat $devices/0000:c1:0*/mdev_supported_types/nvidia-561/available_instances | sort -u)" 0 "and none of another size"
}

board() {
  run $manage -d ALL
  same "$code $(wc -l <<<"$out")" "0 4" "sriov-manage disables the virtual functions of all GPUs"
  control client 0000:42:00.0 on
  run $manage -e ALL
  same "$(cat $devices/0000:4[0-3]:00.0/sriov_numvfs | paste -sd' ')" "16 16 0 16" "one GPU that is in use has none"
  out=$(nvidia-smi -L)
  out_has "^GPU 3: NVIDIA A16 .*00000000:43:00.0" "nvidia-smi lists the GPUs by address"
}

# Virtual functions that are enabled before nvidia-vgpud has run.
early() {
  local gpu=0000:41:00.0 first=0000:41:00.4
  $manage -e ALL >/dev/null
  same "$(driver $first) $(ls /sys/class/mdev_bus 2>/dev/null)" "nvidia " "virtual functions that are bound before the types arrive are no parents"
  control vgpud $gpu
  same "$(ls /sys/class/mdev_bus 2>/dev/null)" "" "they are no parents when the types have arrived"
  $manage -d ALL >/dev/null
  $manage -e ALL >/dev/null
  same "$(ls /sys/class/mdev_bus | wc -l)" 20 "sriov-manage makes them parents when it is run again"
  same "$(cat $devices/$first/mdev_supported_types/*/available_instances | sort -u)" 0 "without GPU instances no type has available instances"
  nvidia-smi mig -i 0 -cgi 9,19 >/dev/null
  same "$(cat $devices/$first/mdev_supported_types/nvidia-{699,701,700}/available_instances | paste -sd' ')" "1 1 0" \
    "each GPU instance makes its type available"
}

plain() {
  local gpu=0000:4d:00.0
  holds "the kernel's sriov_numvfs enables virtual functions of other drivers" put 3 $devices/$gpu/sriov_numvfs
  same "$(driver 0000:4d:00.3)" i915 "their driver binds to them"
  run put 4 $devices/$gpu/sriov_numvfs
  exits 1 "another number is refused while virtual functions are enabled"
  put 0000:4d:00.1 $drivers/i915/unbind
  put vfio-pci $devices/0000:4d:00.1/driver_override
  put 0000:4d:00.1 /sys/bus/pci/drivers_probe
  same "$(driver 0000:4d:00.1)" vfio-pci "a virtual function can be bound to vfio-pci"
  group=$(basename "$(readlink $devices/0000:4d:00.1/iommu_group)")
  holds "its group has a node" test -e "/dev/vfio/$group"
  holds "sriov_numvfs disables virtual functions" put 0 $devices/$gpu/sriov_numvfs
  same "$(ls $devices)" $gpu "no virtual function exists"
  run test -e /usr/lib/nvidia/sriov-manage
  exits 1 "a host without NVIDIA GPUs has no sriov-manage"
}

"$1"
finish
