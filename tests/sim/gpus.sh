# A GPU is one parent with both interfaces of NVIDIA's drivers: mediated devices on its virtual functions (l40s-mdev) and types of
# virtual functions (l40s). Definitions that name a virtual function as parent, as mdevctl writes them, go on working, and a definition
# survives the change from one interface to the other.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
gpu=0000:41:00.0
a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002

if [ "${1:-}" = "" ]; then
  state=$(mktemp -d) failed=0
  for host in l40s l40s-mdev; do
    "$MDEVSIM" run $host -- bash "$0" parent $host || failed=1
    "$MDEVSIM" run $host -- bash "$0" full $host || failed=1
    "$MDEVSIM" run $host -- bash "$0" completion $host || failed=1
    "$MDEVSIM" run $host -- bash "$0" reads $host || failed=1
    "$MDEVSIM" run $host -- bash "$0" disabled $host || failed=1
    "$MDEVSIM" run $host -- bash "$0" stored $host || failed=1
    "$MDEVSIM" run --keep "$state/$host" $host -- bash "$0" before $host || failed=1
    "$MDEVSIM" run --keep "$state/$host" $host -- bash "$0" after $host || failed=1
  done
  "$MDEVSIM" run --keep "$state/l40s" l40s-mdev -- bash "$0" changed l40s-mdev || failed=1
  "$MDEVSIM" run --keep "$state/l40s-mdev" l40s -- bash "$0" changed l40s || failed=1
  "$MDEVSIM" run l40s-mdev -- bash "$0" pending l40s-mdev || failed=1
  "$MDEVSIM" run l40s-mdev -- bash "$0" mdevctl l40s-mdev || failed=1
  rm -r "$state"
  exit $failed
fi
host=$2

available() { "$MDEVADM" types $gpu --json | jq -c --arg n "NVIDIA L40S-$1" '.types[] | select(.name == $n) | .available'; }
words() { "$MDEVADM" __complete "$@" | cut -f1 | paste -sd' '; }
vf_of() { "$MDEVADM" list --all --json -o name,vf | jq -r --arg n "$1" '.devices[] | select(.name == $n) | .vf'; }
places() { "$MDEVADM" list --json -o name,vf,type_name,state | jq -r '.devices[] | "\(.name)=\(.vf)=\(.type_name)=\(.state)"' | sort | xargs -d '\n'; }

# A host has hundreds of virtual functions: none of their files is read twice, and a device costs few system calls.
traced() { ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -y -o "$trace" "$@" >/dev/null; }
opened() {  # files below /sys, or directories if $1 is given, that were opened
  grep -E '^[0-9 ]*openat2?\(' "$trace" | if [ "${1:-}" = "" ]; then grep -v O_DIRECTORY; else grep O_DIRECTORY; fi |
    sed -n 's|.* = [0-9]*<\(/sys/[^>]*\)>$|\1|p' | sort
}
calls_of_list() { traced "$MDEVADM" list; grep -c /sys/ "$trace"; }  # a sanitizer has others
reads() {
  local trace few many i
  trace=$(mktemp)
  traced "$MDEVADM" types
  holds "$host: types reads files of the GPU" test "$(opened | wc -l)" -gt 30
  # Some files of the GPU itself are read both for its types and to see whether it should have some.
  same "$(opened | grep -v "/$gpu/[^/]*$" | uniq -d)" "" "$host: types reads each file of types and virtual functions once"
  # Two of them also show the GPU and its types.
  holds "$host: and each directory of a virtual function once" test "$(opened directories | grep -E '/0000:41:0[0-4]\.[1-7]$' | uniq -d | wc -l)" -le 2
  for i in 1 2 3 4; do "$MDEVADM" start -q -p $gpu -t L40S-1Q >/dev/null; done
  few=$(calls_of_list)
  for i in 1 2 3 4 5 6 7 8 9 10; do "$MDEVADM" start -q -p $gpu -t L40S-1Q >/dev/null; done
  many=$(calls_of_list)
  holds "$host: list needs at most 5 system calls for each further device ($few for 4, $many for 14)" test $((many - few)) -le 50
  "$MDEVADM" list -n -o uuid | xargs -n1 "$MDEVADM" stop
  rm "$trace"
}

completion() {
  "$MDEVADM" define -p $gpu -t L40S-4Q --name seat >/dev/null
  "$MDEVADM" define -p $gpu -t L40S-4Q --name desk --vf 0000:41:00.6 >/dev/null
  "$MDEVADM" define -p $gpu -t L40S-4Q --name moving --vf any >/dev/null
  "$MDEVADM" start moving
  same "$(vf_of moving)" 0000:41:00.5 "$host: a device without a reserved virtual function is on the first free one"
  same "$(words start 0000:41:00. | tr ' ' '\n' | sort | paste -sd' ')" "0000:41:00.4 0000:41:00.6" \
    "$host: start completes to the virtual functions of inactive definitions"
  for command in restart modify undefine; do
    same "$(words $command 0000:41:00. | tr ' ' '\n' | sort | paste -sd' ')" "0000:41:00.4 0000:41:00.5 0000:41:00.6" \
      "$host: $command completes to the virtual functions of definitions"
  done
  same "$(words stop 41:00)" 0000:41:00.5 "$host: stop to those of active ones, from a short address"
  same "$(words stop pci_0000_41)" pci_0000_41_00_5 "$host: and in libvirt's spelling"
  same "$("$MDEVADM" __complete stop 0000:41:00. | tr '\t' '|' | grep -o '|moving, .*')" "|moving, $("$MDEVADM" list moving -n -o type | tr -d ' ') on $gpu, active" \
    "$host: the description names the device"
  same "$(words start '' | tr ' ' '\n' | sort | paste -sd' ')" "desk seat" "$host: without a word they are not offered"
  for command in "list -p" "define -p" types "parent set"; do
    # shellcheck disable=SC2086
    {
      same "$(words $command '')" $gpu "$host: $command completes to the GPU"
      same "$(words $command 0000:41:0)" $gpu "$host: $command completes a part of its address to it, not to 32 others"
      same "$(words $command 0000:41:00.)" "$gpu 0000:41:00.4 0000:41:00.5 0000:41:00.6 0000:41:00.7" \
        "$host: $command completes to its virtual functions when only the function is missing"
      same "$(words $command 0000:41:01.)" "$(seq -f 0000:41:01.%g 0 7 | paste -sd' ')" "$host: $command completes to those with other device numbers"
      same "$(words $command 41:04.3)" 0000:41:04.3 "$host: $command completes a short address"
      same "$(words $command pci_0000_41_00_)" "pci_0000_41_00_0 pci_0000_41_00_4 pci_0000_41_00_5 pci_0000_41_00_6 pci_0000_41_00_7" \
        "$host: $command completes libvirt's names"
    }
  done
  same "$(words show 0000:41:00. | tr ' ' '\n' | sort | paste -sd' ')" "$gpu 0000:41:00.4 0000:41:00.5 0000:41:00.6 0000:41:00.7" \
    "$host: show completes to all, each once"
  same "$(words check 0000:41:02.)" "$(seq -f 0000:41:02.%g 0 7 | paste -sd' ')" "$host: and check"
  same "$(words define -p $gpu --vf 0000:41:00.)" "0000:41:00.4 0000:41:00.5 0000:41:00.6 0000:41:00.7" "$host: --vf completes to virtual functions"
  "$MDEVADM" stop moving
}

parent() {
  run "$MDEVADM" types --json
  same "$(jq -r '.types[].parent' <<<"$out" | sort -u)" $gpu "$host: the GPU is the only parent"
  same "$(jq -r '.types[] | select(.name == "NVIDIA L40S-4Q") | .type' <<<"$out" | wc -l)" 1 "$host: a type has one row"
  same "$(available 48Q) $(available 4Q) $(available 1Q)" "1 12 32" "$host: available instances of an empty GPU are its maxima"
  for i in 1 2 3; do "$MDEVADM" define -p $gpu -t L40S-4Q --name "d$i" >/dev/null; done
  same "$(vf_of d1) $(vf_of d2) $(vf_of d3)" "0000:41:00.4 0000:41:00.5 0000:41:00.6" "$host: each definition reserves another virtual function"
  run "$MDEVADM" start d1 d2 d3
  exits 0 "$host: they start"
  same "$(places)" "d1=0000:41:00.4=NVIDIA L40S-4Q=active d2=0000:41:00.5=NVIDIA L40S-4Q=active d3=0000:41:00.6=NVIDIA L40S-4Q=active" \
    "$host: each device is on its virtual function"
  same "$(available 4Q) $(available 4A)" "9 9" "$host: the types of the same size have the rest"
  same "$("$MDEVADM" types $gpu -n -o name,available | awk '/L40S-4Q/ { print $NF }')" 9 "$host: exactly, because the GPU keeps to this size"
  run "$MDEVADM" start -p $gpu -t L40S-6Q
  same "$code" 6 "$host: a type of another size has no capacity"
  run "$MDEVADM" show $gpu
  out_has "0000:41:00\.4: .*1150, device 'd1'$" "$host: show has the type and the device on each virtual function"
  out_has "0000:41:00\.7: free$" "$host: and the free ones"
  run "$MDEVADM" list -p 41:00.6 --json -o name
  same "$(jq -c .devices <<<"$out")" '[{"name":"d3"}]' "$host: the address of a virtual function selects its device"
  run "$MDEVADM" stop --all -p 41:00.6
  exits 2 "$host: stop --all refuses a virtual function as parent"
  err_has "^hint: specify the device on the virtual function: mdevadm stop 0000:41:00.6$" "$host: the hint names its device"
  run "$MDEVADM" stop 41:00.6
  exits 0 "$host: the address of a virtual function means its device"
  run "$MDEVADM" start pci_0000_41_00_6
  exits 0 "$host: also that of a definition, as virsh prints it"
  run "$MDEVADM" define -p 0000:41:02.2 -t L40S-4Q --name placed
  same "$code $(vf_of placed)" "0 0000:41:02.2" "$host: define on a virtual function reserves it"
  run "$MDEVADM" start -p 0000:41:02.3 -t L40S-4Q
  same "$("$MDEVADM" show 41:02.3 --json | jq -r '.devices[0].uuid')" "$out" "$host: a transient device starts on the virtual function given as parent"
  run "$MDEVADM" stop 41:02.3
  run "$MDEVADM" stop d2
  run "$MDEVADM" start -p $gpu -t L40S-4Q
  same "$("$MDEVADM" list --json -o uuid,vf | jq -r --arg u "$out" '.devices[] | select(.uuid == $u) | .vf')" 0000:41:00.7 \
    "$host: a transient device does not get the reserved virtual function of an inactive one"
  run "$MDEVADM" start -p $gpu -t L40S-4Q --vf 0000:41:01.3
  same "$("$MDEVADM" list --json -o uuid,vf | jq -r --arg u "$out" '.devices[] | select(.uuid == $u) | .vf')" 0000:41:01.3 \
    "$host: --vf selects a virtual function"
  run "$MDEVADM" start -p $gpu -t L40S-4Q --vf 0000:41:01.3
  exits 4 "$host: a virtual function with a device is refused"
  err_has "virtual function 0000:41:01.3 is used by" "$host: the error names the virtual function"
}

full() {
  "$MDEVADM" define $a -p $gpu -t L40S-48Q --name whole >/dev/null
  run "$MDEVADM" start whole
  exits 0 "$host: a device of the whole GPU starts"
  same "$(available 48Q) $(available 4Q) $(available 48A)" "0 0 0" "$host: no instance of any type is available"
  same "$("$MDEVADM" types $gpu --json | jq -c '[.types[] | select(.name == "NVIDIA L40S-48Q") | .memory, .maximum, .used]')" \
    "[51539607552,1,1]" "$host: the type in use has size and maximum"
  same "$("$MDEVADM" list --json -o type_name | jq -c .devices)" '[{"type_name":"NVIDIA L40S-48Q"}]' "$host: the device has the name of its type"
  run "$MDEVADM" start -p $gpu -t L40S-48A
  exits 6 "$host: another type of the same size has no capacity"
  err_has "no available instances of" "$host: the error says so"
  # With mdev the driver lists types that are not available, too, so nothing has to be explained.
  notice=null
  [ "$host" != l40s ] || notice='"the GPU accepts no more vGPUs beside its active ones"'
  same "$("$MDEVADM" show $gpu --json | jq -c '.parents[0] | [(.type_list | length) == .types, (.device_list | length) == .devices]')" \
    "[true,true]" "$host: show --json has the types and devices of a parent"
  same "$("$MDEVADM" show $gpu --json | jq '.parents[0].notice')" "$notice" "$host: show does not give equal sizes as the reason"
  run "$MDEVADM" start -p $gpu -t L40S-5Q
  exits 3 "$host: an unknown type is not found"
  run "$MDEVADM" define -p $gpu -t L40S-4Q --name later
  exits 0 "$host: a type that is not available now can be defined"
  run "$MDEVADM" modify whole --type L40S-24Q
  exits 0 "$host: the definition gets another size"
  run "$MDEVADM" restart whole
  exits 0 "$host: the only device restarts with another size"
  same "$("$MDEVADM" list --json -o type_name | jq -c .devices)" '[{"type_name":"NVIDIA L40S-24Q"}]' "$host: it has the new type"
  "$MDEVADM" modify whole --type L40S-48Q
  "$MDEVADM" restart whole >/dev/null
  run "$MDEVADM" start -p $gpu -t L40S-48Q
  exits 6 "$host: a second one has no capacity"
  run "$MDEVADM" stop whole
  exits 0 "$host: it stops"
  same "$(available 48Q)" 1 "$host: and can be started again"
}

# Before virtual functions are enabled, the table of vGPU types is all that is known.
disabled() {
  local table=/usr/share/nvidia/vgpu/vgpuConfig.xml
  "$MDEVSIM" control functions $gpu 0
  run "$MDEVADM" types $gpu --json
  same "$(jq -c '[.types[] | select(.name == "NVIDIA L40S-4Q") | .available, .memory, .maximum]' <<<"$out")" "[0,4294967296,12]" \
    "$host: types are listed without available instances"
  same "$(jq -r '.types[].available' <<<"$out" | sort -u)" 0 "$host: no type has available instances"
  same "$(jq -r '.notes[0]' <<<"$out" | grep -c 'virtual functions are not enabled')" 1 "$host: a note has the reason"
  run "$MDEVADM" define -p $gpu -t "NVIDIA L40S-4Q" --name early
  exits 0 "$host: define accepts the vendor's name"
  run "$MDEVADM" define -p $gpu -t l40s-6q --vf 0000:41:00.5 --name placed
  exits 0 "$host: define accepts a virtual function"
  run "$MDEVADM" define -p $gpu --need 'framebuffer>=20G' --force --name large
  exits 0 "$host: define selects a type by requirement with --force"
  run "$MDEVADM" define -p $gpu -t L40S-5Q
  exits 3 "$host: define refuses an unknown name"
  run "$MDEVADM" start early
  exits 6 "$host: the device does not start"
  err_has "virtual functions are not enabled" "$host: the hint has the reason"
  same "$("$MDEVADM" list --all --json -o name,type_name | jq -c '[.devices[] | [.name, .type_name]] | sort')" \
    '[["early","NVIDIA L40S-4Q"],["large","NVIDIA L40S-24Q"],["placed","NVIDIA L40S-6Q"]]' "$host: definitions have the names of their types"
  "$MDEVSIM" control functions $gpu 32
  wait_until test -e /sys/bus/pci/devices/0000:41:04.3
  wait_until sh -c '"$MDEVADM" types '$gpu' --json | jq -e "[.types[].available] | max == 32"' >/dev/null
  run "$MDEVADM" start early
  exits 0 "$host: with virtual functions it starts"
  for content in '<vgpuconfig>' '<!DOCTYPE v [<!ENTITY a "b">]><vgpuconfig/>' ''; do
    echo "$content" >$table
    run "$MDEVADM" list --json -o name,state
    same "$code $err" "0 " "$host: list does not read the table"
    run "$MDEVADM" types
    exits 0 "$host: an invalid table is not an error"
    [ "$host" = l40s-mdev ] || err_has "^mdevadm: $gpu: cannot use NVIDIA's table of vGPU types '$table': line [12]: " "$host: a note names it"
  done
  rm $table
  run "$MDEVADM" types
  same "$code $err" "0 " "$host: a missing table is not a problem"
}

# Definitions in directories that are named after a virtual function.
stored() {
  local type=1150 own=/etc/mdevadm/devices/0000:41:00.6 other=/etc/mdevctl.d/0000:41:00.7
  [ "$host" = l40s ] || type=nvidia-1150
  mkdir -p $own $other
  printf '# by hand\ntype = "%s"\nname = "own"\n' $type >$own/$a.toml
  printf '{"mdev_type": "%s", "start": "auto"}' $type >$other/$b
  same "$("$MDEVADM" list --all --json -o uuid,parent,vf | jq -c '[.devices[] | [.uuid[-1:], .parent, .vf]] | sort')" \
    "[[\"1\",\"$gpu\",\"0000:41:00.6\"],[\"2\",\"$gpu\",\"0000:41:00.7\"]]" "$host: both have the GPU as parent and their virtual function"
  run "$MDEVADM" define -p $gpu -t L40S-4Q --vf 0000:41:00.7
  exits 4 "$host: a virtual function of mdevctl's definition is reserved"
  run "$MDEVADM" start own
  exits 0 "$host: the definition of mdevadm starts"
  run "$MDEVADM" start --auto
  exits 0 "$host: the definition of mdevctl starts with autostart"
  same "$("$MDEVADM" list --json -o uuid,vf,state | jq -c '[.devices[] | [.uuid[-1:], .vf, .state]] | sort')" \
    '[["1","0000:41:00.6","active"],["2","0000:41:00.7","active"]]' "$host: both are on their virtual functions"
  run "$MDEVADM" modify own --auto
  exits 0 "$host: the definition can be modified"
  same "$(cat $own/$a.toml)" "$(printf '# by hand\ntype = "%s"\nname = "own"\nstart = "auto"' $type)" "$host: in its file, which keeps its other lines"
  run "$MDEVADM" modify $b --manual
  exits 0 "$host: mdevctl's definition can be modified"
  same "$(jq -r .start $other/$b) $(ls /etc/mdevadm/devices)" "manual 0000:41:00.6" "$host: in its file"
  run "$MDEVADM" undefine own $b
  exits 0 "$host: both can be removed"
  same "$(ls $own $other 2>/dev/null | grep -c "$a\|$b")" 0 "$host: and their files are gone"
}

before() {
  "$MDEVADM" define $a -p $gpu -t L40S-4Q --name one --auto >/dev/null
  "$MDEVADM" define $b -p $gpu -t L40S-4Q --name two --vf 0000:41:01.0 --auto >/dev/null
  "$MDEVADM" start two
  run "$MDEVADM" start one
  exits 0 "$host: the devices start"
}
after() {
  run "$MDEVADM" start --auto
  exits 0 "$host: the devices start after a reboot"
  same "$(places)" "one=0000:41:00.4=NVIDIA L40S-4Q=active two=0000:41:01.0=NVIDIA L40S-4Q=active" "$host: on the same virtual functions"
}
changed() {
  run "$MDEVADM" start --auto
  exits 0 "the definitions start with the other interface ($host)"
  same "$(places)" "one=0000:41:00.4=NVIDIA L40S-4Q=active two=0000:41:01.0=NVIDIA L40S-4Q=active" "on the same virtual functions ($host)"
}

# A device whose removal is pending occupies its virtual function.
pending() {
  "$MDEVADM" define $a -p $gpu -t L40S-4Q --name busy >/dev/null
  "$MDEVADM" start busy
  "$MDEVSIM" hold $a 2>/dev/null &
  wait_until sh -c '"$MDEVADM" show busy --json | jq -e ".devices[0].in_use"' >/dev/null
  run "$MDEVADM" stop busy --force
  same "$("$MDEVADM" list --json -o state,vf,parent | jq -c '.devices')" "[{\"state\":\"removing\",\"vf\":\"0000:41:00.4\",\"parent\":\"$gpu\"}]" \
    "a pending removal is listed on its virtual function"
  run "$MDEVADM" start -p $gpu -t L40S-4Q
  same "$("$MDEVADM" list --json -o uuid,vf | jq -r --arg u "$out" '.devices[] | select(.uuid == $u) | .vf')" 0000:41:00.5 \
    "another device gets another virtual function"
  kill %1
}

# The stand-in for mdevctl shows virtual functions as mdevctl does.
mdevctl() {
  local bin
  bin=$(mktemp -d)
  ln -s "$MDEVADM" "$bin/mdevctl"
  run "$bin/mdevctl" types --parent 0000:41:00.5 --dumpjson
  same "$(jq -r '.[0] | keys[]' <<<"$out")" 0000:41:00.5 "each virtual function is a parent"
  run "$bin/mdevctl" start -u $a -p 0000:41:00.5 -t nvidia-1150
  exits 0 "a device starts on a virtual function"
  run "$bin/mdevctl" list
  same "$out" "$a 0000:41:00.5 nvidia-1150 manual" "list names the virtual function as parent"
  same "$("$MDEVADM" list --json -o parent,vf | jq -c '.devices[0]')" "{\"parent\":\"$gpu\",\"vf\":\"0000:41:00.5\"}" "mdevadm lists it on the GPU"
  run "$bin/mdevctl" define -u $a
  exits 0 "it can be defined"
  same "$(ls /etc/mdevctl.d | grep -v scripts)" 0000:41:00.5 "in the directory of the virtual function"
  run "$bin/mdevctl" stop -u $a
  run "$bin/mdevctl" start -u $a
  exits 0 "it can be stopped and started"
  run "$MDEVADM" stop $a
  exits 0 "mdevadm stops it"
  run "$MDEVADM" start $a
  same "$("$MDEVADM" list --json -o vf | jq -r '.devices[0].vf')" 0000:41:00.5 "and starts it on the same virtual function"

  # Definitions of mdevadm in the formats of the others, to which virtual functions are parents.
  "$MDEVADM" stop $a
  "$MDEVADM" undefine $a
  "$MDEVADM" define $a -p $gpu -t nvidia-1150 --vf 0000:41:00.6 >/dev/null
  run "$MDEVADM" export nodedev $a
  out_has "<name>mdev_${a//-/_}_0000_41_00_6</name>" "export nodedev: the name has the virtual function"
  out_has "<parent>pci_0000_41_00_6</parent>" "export nodedev: the parent is the virtual function"
  run "$MDEVADM" export mdevctl $a
  exits 0 "the definition is exported to mdevctl"
  err_lacks "cannot be represented" "nothing is lost"
  same "$(cd /etc/mdevctl.d && find . -name $a)" ./0000:41:00.6/$a "in the directory of the virtual function"
  same "$("$MDEVADM" list --defined --json -o uuid,vf,origin | jq -c '.devices')" \
    "[{\"uuid\":\"$a\",\"vf\":\"0000:41:00.6\",\"origin\":\"mdevadm\"}]" "both files are one definition"
  rm -r /etc/mdevadm/devices
  run "$bin/mdevctl" start -u $a
  exits 0 "mdevctl starts the device"
  same "$("$MDEVADM" list --json -o vf | jq -r '.devices[0].vf')" 0000:41:00.6 "on the virtual function"
}

"$1"
finish
