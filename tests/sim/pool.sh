# Groups as pools: claim and release on simulated hosts. Who gets which device, also many at once; members that are inactive, in use
# or drifted; claims and stop, restart, apply, undefine; lost devices and a reboot; files that are damaged; kills.
# shellcheck shell=bash disable=SC2154,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  failed_parts="" scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  cp -r "$here/../../examples/scenarios/types" "$scratch"
  sed 's/^name = .*/name = "0000:8{}:00.0"\ncount = 4/' "$here/../../examples/scenarios/m60.toml" >"$scratch/four.toml"
  while read -r scenario part; do
    scenario=${scenario/@/$scratch/}
    [ -e "$scenario.toml" ] && scenario=$scenario.toml
    "$MDEVSIM" run "$scenario" -- bash "$0" "$part" || failed_parts+=" $scenario:$part"
  done <<'P'
m60 claims
m60 releases
m60 unfit
m60 stops
m60 lost
m60 damage
m60 read_only
m60 reads
m60 kills
@four parallel
@four locked
l40s functions
P
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

mdevadm() { "$MDEVADM" "$@"; }
control() { "$MDEVSIM" control "$@"; }
gpu=$(mdevadm types --json -o parent 2>/dev/null | jq -r '.types[0].parent')
pool() {  # N [TYPE]: seat-1 to seat-N are the members of vgpus, and active
  printf 'version = 1\n[[device]]\nname = "seat-{}"\ncount = %s\ntype = "%s"\n[[group]]\nname = "vgpus"\nmembers = ["seat-{}"]\n' \
    "$1" "${2:-nvidia-12}" >/run/pool.toml
  mdevadm apply -q -f /run/pool.toml
}
uuid() { mdevadm list --all --json -o name,uuid | jq -r ".devices[] | select(.name == \"$1\").uuid"; }
claimed() { mdevadm list --claimed --json -o name,claimed_for | jq -r '[.devices[] | "\(.name)=\(.claimed_for)"] | sort | join(" ")'; }
hold() {  # DEVICE: a process uses it until $holder is killed
  local held
  held=$(mktemp)
  "$MDEVSIM" hold "$1" >"$held" &
  holder=$!
  wait_until test -s "$held"
}
free() { kill $holder; wait $holder 2>/dev/null; }

claims() {
  pool 3
  first=$(uuid seat-1) second=$(uuid seat-2)
  run mdevadm claim vgpus --for vm1
  exits 0 "a device is claimed"
  same "$out" "$first" "claim prints its UUID"
  run mdevadm claim vgpus --json
  exits 0 "another one is claimed, without a claimant"
  same "$(jq -r '[.uuid, .name, .parent, .group, .vf, .claimed_for] | join(",")' <<<"$out")" "$second,seat-2,$gpu,vgpus,," "claim --json describes it"
  same "$(jq -r .node <<<"$out")" "$(mdevadm list "$second" --json -o node | jq -r '.devices[0].node')" "the node is that of list"
  same "$(jq -r '.arguments | join(" ")' <<<"$out")" "$(mdevadm export qemu "$second" --vm-uuid '')" "the arguments are those of export qemu"
  same "$(jq -r .qemu.sysfsdev <<<"$out")" "/sys/bus/mdev/devices/$second" "also as an object"
  holds "the time is now" test $(($(date +%s) - $(date -d "$(jq -r .claimed_at <<<"$out")" +%s))) -lt 60
  run mdevadm list --group vgpus
  out_has '^NAME +PARENT +TYPE +STATE +CLAIMED-FOR +UUID' "list --group shows claims"
  out_has '^seat-1 .* vm1 ' "with the claimant"
  run mdevadm list --group vgpus -o name,claimed,claimed_for,claimed_at -n
  out_has '^seat-1 +yes +vm1 +20[0-9-]+T[0-9:.]+Z$' "columns of a claimed device"
  out_has '^seat-2 +yes +- +20' "of one without a claimant"
  out_has '^seat-3 +no +- +-$' "of one that is free"
  run mdevadm list --claimed --json -o name
  same "$(jq -r '[.devices[].name] | sort | join(" ")' <<<"$out")" "seat-1 seat-2" "list --claimed"
  run mdevadm list
  out_lacks CLAIMED "list without options has no further column"
  run mdevadm show seat-1
  out_has '^claimed_for: +vm1$' "show shows the claim"
  run mdevadm group show vgpus
  out_has '^claimed_count: +2$' "group show counts the claims"
  out_has 'CLAIMED-FOR' "and shows them"
  run mdevadm group list -o name,claimed_count -n
  out_has '^vgpus +2$' "group list counts them"
  mdevadm claim vgpus >/dev/null
  run mdevadm claim vgpus
  exits 6 "all members are claimed"
  err_has "^mdevadm: error: cannot claim a device of 'vgpus': no member is free: 3 members are claimed$" "the error counts them"
  err_has '^hint: show claims and users: mdevadm list --group vgpus -o ' "a hint names the command that shows them"
  run mdevadm claim vgpus --json
  same "$(jq -r .error.code <<<"$err")" 6 "the error as JSON"
  run mdevadm claim nosuch
  exits 3 "there is no such group"
  run mdevadm claim
  exits 2 "the group is missing"
  run mdevadm claim vgpus --for $'a\nb'
  exits 2 "a claimant has no control characters"
  mdevadm group create empty
  run mdevadm claim empty
  exits 6 "an empty group has no free member"
  same "$("$MDEVADM" __complete release seat | cut -f1 | sort | tr '\n' ' ')" "seat-1 seat-2 seat-3 " "completion offers claimed devices"
  same "$("$MDEVADM" __complete release vg | cut -f1)" "vgpus" "and their group"
  same "$("$MDEVADM" __complete release --for '')" "vm1" "and claimants"
  same "$("$MDEVADM" __complete claim vg | cut -f1)" "vgpus" "claim takes groups"
}

releases() {
  pool 4
  for vm in vm1 vm2 vm1 vm3; do mdevadm claim vgpus --for $vm >/dev/null; done
  run mdevadm release seat-2
  exits 0 "a device is released"
  same "$(claimed)" "seat-1=vm1 seat-3=vm1 seat-4=vm3" "the others are not"
  run mdevadm release seat-2
  exits 3 "it is not claimed any more"
  err_has "cannot release 'seat-2' \(.*\): it is not claimed$" "the error says so"
  run mdevadm release seat-1 --for vm3
  exits 4 "it is claimed for another one"
  err_has "the device is claimed for 'vm1', not for 'vm3'$" "the error says for whom"
  run mdevadm release vgpus
  exits 2 "a group needs --for or --all"
  run mdevadm release vgpus --all --for vm1
  exits 2 "--all and --for cannot be combined"
  run mdevadm release --for vm1 --dry-run
  out_has "^release 'seat-1' " "a dry run shows what would be released"
  same "$(claimed)" "seat-1=vm1 seat-3=vm1 seat-4=vm3" "and releases nothing"
  run mdevadm release vgpus --for vm1
  exits 0 "all devices of a claimant are released"
  same "$(claimed)" "seat-4=vm3" "and no others"
  run mdevadm release vgpus --for vm1
  exits 0 "again: success"
  err_has "no device of 'vgpus' is claimed for 'vm1'$" "with a note"
  hold "$(uuid seat-4)"
  run mdevadm release seat-4
  exits 5 "a device in use is not released"
  err_has "in use by mdevsim \(pid [0-9]+\)" "the error names the process"
  run mdevadm release --all --json
  same "$(jq -r '.results[0].held_by | length' <<<"$out")" 1 "also in the result"
  run mdevadm release seat-4 --timeout 0.3
  exits 5 "the waiting time ends"
  (sleep 0.3; kill $holder) &
  run mdevadm release seat-4 --timeout 20
  exits 0 "it is released when it is closed"
  run mdevadm claim vgpus --for vm4
  hold "$out"
  run mdevadm release --for vm4 --force
  exits 0 "--force releases a device in use"
  run mdevadm claim vgpus
  same "$out" "$(uuid seat-2)" "it is not handed out again while it is in use"
  free
  mdevadm claim vgpus --for vm5 >/dev/null
  mdevadm group rename vgpus seats
  run mdevadm release seats --for vm5
  exits 0 "after a change of its name"
  mdevadm claim seats --for vm6 >/dev/null
  mdevadm group remove seats seat-1
  mdevadm group delete seats
  same "$(claimed)" "seat-1=vm6 seat-2=null" "a claim outlives member and group"
  mdevadm undefine seat-1
  run mdevadm release seats --all
  exits 0 "devices of a group that does not exist any more"
  run mdevadm release seats --all
  exits 3 "a group that does not exist and has no claimed devices"
  err_has "cannot release 'seats': no group with this name$" "is reported as a group"
  err_has "^hint: list groups: mdevadm group list$" "with a hint"
  mdevadm release --all
  same "$(mdevadm list --claimed --json | jq -r '.devices | length')" 0 "nothing is claimed"
}

unfit() {
  pool 5
  mdevadm stop seat-1
  hold "$(uuid seat-2)"
  sed -i 's/nvidia-12/nvidia-11/' /etc/mdevadm/devices/$gpu/"$(uuid seat-3)".toml
  run mdevadm claim vgpus
  same "$out" "$(uuid seat-4)" "inactive, used and drifted members are not handed out"
  mdevadm claim vgpus >/dev/null
  run mdevadm claim vgpus
  exits 6 "no free member"
  err_has "no member is free: 2 members are claimed, 1 is in use without a claim, 1 is inactive, 1 is undefined, drifted or incompletely started$" "the error counts all kinds"
  err_has "^hint: start the inactive members: mdevadm group start vgpus$" "a hint for the inactive ones"
  mdevadm start seat-1 -q
  run mdevadm claim vgpus
  same "$out" "$(uuid seat-1)" "a member that was started is free"
  free
  run mdevadm claim vgpus
  same "$out" "$(uuid seat-2)" "so is one that was closed"
}

stops() {
  pool 3
  mdevadm claim vgpus --for vm1 >/dev/null
  run mdevadm stop seat-1
  exits 5 "a claimed device is not stopped"
  err_has "cannot stop 'seat-1' \(.*\): it is claimed for 'vm1'$" "the error names the claimant"
  err_has "^hint: release it first: mdevadm release seat-1$" "and the remedy"
  run timeout 10 "$MDEVADM" stop seat-1 --timeout 60
  exits 5 "waiting does not help"
  run mdevadm restart seat-1
  exits 5 "it is not restarted"
  run mdevadm group stop vgpus
  exits 5 "nor is its group stopped"
  err_has "'seat-1' \(.*\) is claimed for 'vm1'" "for this reason"
  err_has "^hint: release the claimed members: mdevadm release vgpus --all$" "one hint ends the claims"
  err_has "^hint: stop the members and end the claims: mdevadm group stop vgpus --force$" "another one stops the members, too"
  run timeout 10 "$MDEVADM" group stop vgpus --timeout 60
  exits 5 "here waiting does not help either"
  same "$(mdevadm list --json | jq '.devices | length')" 3 "all are active"
  run mdevadm stop --all
  exits 8 "stop --all stops the others"
  same "$(mdevadm list --json -o name | jq -r '[.devices[].name] | join(" ")')" "seat-1" "and leaves the claimed one"
  run mdevadm stop seat-1 --force --dry-run
  out_has "release .*, claimed for 'vm1'" "--force ends the claim"
  run mdevadm stop seat-1 --force
  exits 0 "and stops the device"
  same "$(ls /run/mdevadm/claims)" "" "no claim remains"
  mdevadm start seat-1 -q
  same "$(claimed)" "" "a new device is not claimed"
  mdevadm claim vgpus --for vm2 >/dev/null
  mdevadm undefine seat-1 --force
  same "$(mdevadm list --claimed --json -o claimed_for | jq -r '.devices[].claimed_for')" "vm2" "the claim outlives the definition"
  run mdevadm claim vgpus
  exits 6 "the device is not handed out again"
  mdevadm start seat-2 -q
  mdevadm claim vgpus --for vm3 >/dev/null
  printf 'version = 1\n[[device]]\nname = "seat-3"\ntype = "nvidia-12"\n' >/run/pool.toml
  run mdevadm apply -f /run/pool.toml --prune
  exits 8 "apply changes what it can"
  err_has "seat-2.*claimed for 'vm3'" "and names the claimed device"
}

lost() {
  pool 2
  device=$(mdevadm claim vgpus --for vm1)
  echo 1 >"/sys/bus/mdev/devices/$device/remove"
  same "$(claimed)" "" "a device that was removed behind our back loses its claim"
  run mdevadm claim vgpus
  same "$out" "$(uuid seat-2)" "the next claim gets another one"
  run mdevadm claim vgpus
  err_has "1 member is claimed, 1 is inactive" "and the next none"
  echo "$device" >"/sys/class/mdev_bus/$gpu/mdev_supported_types/nvidia-12/create"
  holds "the file of the claim is still there" test -e "/run/mdevadm/claims/$device.toml"
  same "$(mdevadm list "$device" --json -o claimed | jq .devices[0].claimed)" false "a device that another program created again is not claimed"
  run mdevadm claim vgpus --for vm2
  same "$out" "$device" "it is handed out again"
  same "$(claimed)" "seat-1=vm2 seat-2=null" "to the new claimant"
  rm -rf /run/mdevadm/*
  control reboot
  mdevadm group start vgpus -q
  same "$(claimed)" "" "no claim outlives a reboot"
  run mdevadm claim vgpus
  exits 0 "and all members are free"
}

damage() {
  pool 3
  device=$(mdevadm claim vgpus --for vm1)
  directory=/run/mdevadm/claims
  for text in "" "garbage" "version = 2" 'version = 1
group = 3'; do
    echo "$text" >$directory/$device.toml
    run mdevadm claim vgpus
    same "$out" "$(uuid seat-2)" "beside a damaged claim another device is handed out ($text)"
    mdevadm release seat-2
  done
  echo x >$directory/x.toml
  echo x >$directory/.mdevadm-new-1-x.toml
  run mdevadm check
  exits 8 "check finds the damaged claim"
  out_has "claim of the device cannot be read" "and says it"
  out_has "x.toml +the file is not a claim" "also of a foreign file"
  run mdevadm stop seat-1
  exits 5 "its device counts as claimed"
  same "$(mdevadm list --claimed --json -o name,claimed_for,claimed_at | jq -c .devices)" '[{"name":"seat-1","claimed_for":null,"claimed_at":null}]' "list shows it as claimed"
  run mdevadm release seat-1
  exits 0 "release removes the damaged claim"
  mdevadm claim vgpus >/dev/null
  same "$(ls -A $directory | grep -v x.toml | wc -l)" 1 "files of killed processes are removed"
  rm -r $directory
  echo x >$directory
  run mdevadm claim vgpus
  exits 1 "a file in place of the directory is an error"
  err_has "cannot read the claims in '/run/mdevadm/claims': Not a directory" "the error names it"
  rm $directory
  mount -t tmpfs -o ro,mode=755 none /run/mdevadm
  run mdevadm claim vgpus
  exits 1 "claims cannot be written"
  err_has "cannot lock the claims \('/run/mdevadm/claims.lock'\): Read-only file system" "the error says why"
  umount /run/mdevadm
  run mdevadm claim vgpus
  exits 0 "afterwards claims work"
}

kills() {
  pool 3
  for words in "claim vgpus --for k --json" "release vgpus --all"; do
    broken="" killed=0
    for ((n = 1; n < 200; ++n)); do
      rm -f /run/mdevadm/claims/*
      [[ $words == claim* ]] || mdevadm claim vgpus >/dev/null
      code=0
      "$KILL_AT" $n "$MDEVADM" $words >/dev/null 2>&1 || code=$?
      files=$(ls /run/mdevadm/claims)
      next=$(mdevadm claim vgpus 2>&1) || broken+=" $n:$next"
      [[ "$files" != *"$next"* ]] || broken+=" $n:$next"
      [ $code = 137 ] || break
      killed=$n
    done
    same "$broken" "" "'$words' was killed at $killed system calls: each device is claimed or free"
    holds "and it ends" test "$code" = 0 -a $killed -gt 3
  done
  run mdevadm check
  out_lacks "claim" "no claim is damaged"
  same "$(ls -A /run/mdevadm/claims | grep -c '^\.')" 0 "and no temporary file remains"
}

parallel() {
  pool 50
  directory=$(mktemp -d)
  begin=$(date +%s%N)
  for ((i = 1; i <= 50; ++i)); do mdevadm claim vgpus --for vm$i >"$directory/$i" 2>"$directory/err" & done
  wait
  rm "$directory/err"
  echo "# 50 claims at once: $((($(date +%s%N) - begin) / 1000000)) ms"
  same "$(cat "$directory"/* | grep -cE '^[0-9a-f-]{36}$')" 50 "50 claims at once succeed"
  same "$(cat "$directory"/* | sort -u | wc -l)" 50 "each gets another device"
  run mdevadm claim vgpus --for vm51
  exits 6 "the 51st fails"
  err_has "no member is free: 50 members are claimed$" "and says why"
  for ((i = 1; i <= 50; ++i)); do mdevadm release vgpus --for vm$i & done
  wait
  same "$(claimed)" "" "50 releases at once"
  # A stop and a claim of the same device: one of them.
  mdevadm stop -q --all
  both=""
  for round in 1 2 3 4 5; do
    mdevadm start seat-1 -q
    mdevadm claim vgpus >"$directory/claim" 2>/dev/null &
    job=$!
    mdevadm stop seat-1 2>/dev/null
    stopped=$?
    wait $job
    both+="$? $stopped "
    mdevadm release --all -q
  done
  holds "a device is either claimed or stopped (exit codes $both)" test -z "$(tr -d '\n' <<<"$both" | sed -E 's/(0 5|6 0) //g')"
}

locked() {
  pool 8
  slow=$(mdevadm list seat-1 --json -o parent | jq -r '.devices[0].parent')
  control delay create 1500 >/dev/null
  mdevadm start -q -p "$slow" -t nvidia-12 >/dev/null &
  wait_until is_locked "/run/mdevadm/parent-$slow.lock"
  begin=$(date +%s%N)
  run mdevadm claim vgpus
  holds "a start on one parent does not delay the claim of a device of another one" test $((($(date +%s%N) - begin) / 1000000)) -lt 1000
  out_lacks "$(uuid seat-1)" "the device of the locked parent is not the one"
  mdevadm group remove vgpus seat-1
  mdevadm group create single seat-1
  run mdevadm claim single
  same "$out" "$(uuid seat-1)" "a claim that has no other choice waits for the start"
  wait
}

functions() {
  pool 3 "$(mdevadm types --json -o type,available | jq -r '.types | map(select(.available > 2))[0].type')"
  run mdevadm claim vgpus --for vm1 --json
  exits 0 "a vGPU on a virtual function is claimed"
  vf=$(jq -r .vf <<<"$out") device=$(jq -r .uuid <<<"$out")
  same "$vf" "$(mdevadm list "$device" --json -o vf | jq -r '.devices[0].vf')" "claim --json has its address"
  same "$(jq -r .qemu.host <<<"$out")" "$vf" "and QEMU is given it"
  run mdevadm stop "$device"
  exits 5 "it is not stopped"
  run mdevadm claim vgpus
  exits 0 "another one"
  last=$(mdevadm list --json -o uuid,claimed_for,claimed,vf | jq -r '.devices[] | select(.claimed != true) | "\(.uuid) \(.vf)"')
  rm "/run/mdevadm/devices/${last% *}.toml"
  run mdevadm claim vgpus
  exits 6 "a vGPU without a record may be that of another program, and is not claimed"
  run mdevadm define "${last#* }"
  same "$code $out" "0 ${last% *}" "define adopts it for its definition"
  run mdevadm claim vgpus
  same "$code $out" "0 ${last% *}" "then it is claimed"
  run mdevadm claim vgpus
  exits 6 "all are claimed"
  echo 0 >"/sys/bus/pci/devices/$vf/nvidia/current_vgpu_type"
  same "$(mdevadm list --claimed --json | jq '.devices | length')" 2 "a vGPU that was removed behind our back is not claimed"
  mdevadm start -q "$device"
  same "$(mdevadm list --claimed --json | jq '.devices | length')" 2 "nor is it after its next start"
  run mdevadm claim vgpus
  same "$out" "$device" "and it is free"
}

# A claim is part of what starts a virtual machine.
reads() {
  pool 2
  command -v strace >/dev/null || return
  strace -f -o /run/trace -e trace=openat,openat2 "$MDEVADM" claim vgpus --json >/run/claim.json
  same "$(jq -r .qemu.driver /run/claim.json)" vfio-pci "claim --json has the arguments of QEMU"
  same "$(grep -c '/device_api"' /run/trace), $(grep -cE '/(name|description|available_instances)"|subsystem_vendor"' /run/trace)" \
    "$(mdevadm types --json | jq '.types | length'), 0" "it reads the device APIs of the types, and nothing else of them and of the parent"
}

# The claim is of a device that no longer exists, whatever its record says.
read_only() {
  pool 2
  run mdevadm claim vgpus --for vm1
  device=$out
  mount --bind /run/mdevadm/claims /run/mdevadm/claims && mount -o remount,bind,ro /run/mdevadm/claims || return
  run mdevadm stop "$device" --force
  exits 0 "a claimed device is stopped with --force although the record of the claim cannot be removed"
  err_has "^mdevadm: warning: the record of the claim of .* remains, but the claim has ended with the device: .*Read-only file system$" "a warning says so"
  same "$(mdevadm list --json | jq '[.devices[] | select(.uuid == "'"$device"'")] | length')" 0 "the device is not active"
  umount /run/mdevadm/claims
  mdevadm start -q "$device"
  same "$(mdevadm list --claimed -n -o uuid | wc -l)" 0 "the device is not claimed after its next start"
}

"$1"
finish
