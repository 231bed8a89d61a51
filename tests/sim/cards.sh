# NVIDIA cards of several generations, with both interfaces, equal and mixed sizes and MIG: from power-on, when virtual functions and
# GPU instances do not exist, to active devices, and the same after a reboot. The table in tests/README.md lists these rows.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"

# scenario, GPU, interface, types of the devices, commands after virtual functions have been enabled
cards='
a16 0000:41:00.0 mdev-vf nvidia-713,nvidia-713,nvidia-718
a40 0000:c1:00.0 mdev-vf nvidia-562,nvidia-562,nvidia-562
a100-boot 0000:41:00.0 mdev-vf nvidia-701,nvidia-700,nvidia-699,nvidia-699 nvidia-smi -i GPU -mig 1;nvidia-smi mig -i GPU -cgi 9,14,19,19
l40s-mdev 0000:41:00.0 mdev-vf nvidia-1150,nvidia-1150,nvidia-1160
l40s-boot 0000:41:00.0 nvidia-vf 1150,1150,1160
l40s-mixed 0000:41:00.0 nvidia-vf 1148,1151,1153 nvidia-smi vgpu -i GPU -shm 1
h100 0000:1b:00.0 nvidia-vf 1142,1142,1142
h200 0000:1b:00.0 nvidia-vf 1417,1416,1414,1414 nvidia-smi -i GPU -mig 1;nvidia-smi mig -i GPU -cgi 9,14,19,19
rtx-pro-6000 0000:c1:00.0 nvidia-vf 1546,1547,1546,1549 nvidia-smi -i GPU -mig 1;nvidia-smi mig -i GPU -cgi 35,47,47
rtx-pro-6000 0000:c1:00.0 nvidia-vf 1558,1553,1549,1570 nvidia-smi -i GPU -mig 1;nvidia-smi mig -i GPU -cgi 35,47,47;nvidia-smi vgpu -i GPU -gi 2 -shm 1
'
if [ "${1:-}" = "" ]; then
  failed_cards=
  while read -r scenario gpu interface types commands; do
    [ -z "$scenario" ] || "$MDEVSIM" run "$scenario" -- bash "$0" "$scenario" "$gpu" "$interface" "$types" "${commands//GPU/$gpu}" </dev/null ||
      failed_cards+=" $scenario"
  done <<<"$cards"
  same "$failed_cards" "" "all cards pass"
  same "$(sed -n '/^| card |/,/^$/ s/^| \([a-z0-9-]*\) |.*/\1/p' "$here/../README.md" | sed '/^card$\|^-*$/d' | paste -sd' ')" \
    "$(awk 'NF { print $1 }' <<<"$cards" | uniq | paste -sd' ')" "the table in tests/README.md lists exactly these cards"
  finish
  exit
fi

card=$1 gpu=$2 interface=$3
IFS=, read -ra types <<<"$4"
IFS=';' read -ra commands <<<"$5"
count=${#types[@]}
power_on() { "$MDEVSIM" control reboot && rm -rf /run/mdevadm/*; }
devices() { "$MDEVADM" list --json -o name,vf,type,state | jq -r '.devices[] | [.name, .vf, .type, .state] | join(" ")' | sort; }
listed() { "$MDEVADM" types "$gpu" --json -o type,available,maximum | jq -c '[.types[]]'; }

power_on
same "$(cat "/sys/bus/pci/devices/$gpu/sriov_numvfs")" 0 "$card: at power-on no virtual function is enabled"
run_options=()
for command in "${commands[@]}"; do run_options+=(--run "$command"); done
"$MDEVADM" parent set "$gpu" --vfs all "${run_options[@]}"
for i in "${!types[@]}"; do "$MDEVADM" define -p "$gpu" -t "${types[i]}" --name "d$i" --auto --force >/dev/null; done

run "$MDEVADM" start --auto --timeout 60
exits 0 "$card: start --auto prepares the GPU and starts all devices"
before=$(devices)
same "$(awk '$4 == "active"' <<<"$before" | wc -l)" "$count" "$card: all devices are active"
same "$(awk '{ print $2 }' <<<"$before" | sort -u | wc -l)" "$count" "$card: each device has a virtual function of its own"
same "$(awk '{ print $3 }' <<<"$before" | paste -sd,)" "$4" "$card: each device has its type"
run "$MDEVADM" show "$gpu" --json
same "$(jq -r '.parents[0].interface' <<<"$out")" "$interface" "$card: show detects the interface"
same "$(jq '[.parents[0].functions[] | select(.device != null)] | length' <<<"$out")" "$count" "$card: show names the device on each virtual function"
same "$("$MDEVADM" types "$gpu" -n -o type | sort | uniq -d)" "" "$card: each type is listed once"
# Mixed sizes in one GPU instance: vGPUs that differ in size share it.
if [[ $card = rtx-pro-6000 && $5 = *-shm* ]]; then
  instances=$(while read -r _ vf _; do cat "/sys/bus/pci/devices/$vf/nvidia/gpu_instance_id"; done <<<"$before" | head -n 3 | sort -u)
  same "$instances" 2 "$card: three sizes share one GPU instance"
fi
used=$(awk 'NR == 1 { print $2 }' <<<"$before")
run "$MDEVADM" start -p "$gpu" -t "${types[0]}" --vf "$used"
# With MIG no instance may be available either (exit code 6).
holds "$card: a virtual function in use is given to no other device" test "$code" = 4 -o "$code" = 6
same "$(devices)" "$before" "$card: the refused start changes nothing"

power_on
run "$MDEVADM" start --auto --timeout 60
exits 0 "$card: start --auto starts all devices after a reboot"
same "$(devices)" "$before" "$card: each device has the virtual function and the type that it had before the reboot"

run "$MDEVADM" stop --all
exits 0 "$card: stop --all stops all devices"
free=$(listed)
run "$MDEVADM" start d0
exits 0 "$card: a device starts again"
"$MDEVADM" stop d0
same "$(listed)" "$free" "$card: a stopped device has no effect on the available instances"
same "$(jq --arg type "${types[0]}" '.[] | select(.type == $type) | .available > 0' <<<"$free")" true "$card: without devices the type is available"
finish
