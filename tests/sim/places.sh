# Virtual functions of definitions: an address that a device got once stays, is given to no other device, and conflicts are
# found at define. Devices that others changed can be adopted, stopped and given up by ordinary commands.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
gpu=0000:41:00.0
a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
c=aaaaaaaa-0000-4000-8000-000000000003
function_of() { echo "/sys/bus/pci/devices/$1/nvidia/current_vgpu_type"; }
current() { cat "$(function_of "$1")"; }
set_by_hand() { echo "$2" >"$(function_of "$1")"; }
# The virtual function that the definition reserves.
vf_of() { sed -n 's/^vf = "\(.*\)"/\1/p' /etc/mdevadm/devices/*/"$1.toml"; }
vf_shown() { "$MDEVADM" list --all --json -o uuid,vf | jq -r --arg u "$1" '.devices[] | select(.uuid == $u) | .vf'; }
kernel_name_of() { "$MDEVADM" list --json -o uuid,kernel_name | jq -r --arg u "$1" '.devices[] | select(.uuid == $u) | .kernel_name'; }
state_of() { "$MDEVADM" list --all --json -o uuid,state | jq -r --arg u "$1" '.devices[] | select(.uuid == $u) | .state'; }
places() { "$MDEVADM" list --json -o name,kernel_name | jq -r '.devices[] | "\(.name)=\(.kernel_name)"' | sort | xargs; }

# Without a simulated host: runs the parts, those of one host over several boots.
if [ "${1:-}" = "" ]; then
  state=$(mktemp -d)
  for part in modified reserve late_first late_second late_third moved_first moved_second orders group; do
    "$MDEVSIM" run --keep "$state/${part%%_*}" vf-n1 -- bash "$0" "$part" || exit 1
  done
  rm -r "$state"
  for scenario in l40s-mixed a40; do "$MDEVSIM" run $scenario -- bash "$0" placements || exit 1; done
  "$MDEVSIM" run l40s-boot -- bash "$0" appearing || exit 1
  for part in passed_through spelled unread_settings; do "$MDEVSIM" run l40s -- bash "$0" $part || exit 1; done
  exit
fi

# Addresses in files that users write.
spelled() {
  local number=0 address
  mkdir -p /etc/mdevadm/devices/$gpu
  for address in 41:00.4 0000:41:00.5 00000000:41:00.6 pci_0000_41_00_7; do
    number=$((number + 1))
    printf 'type = "1150"\nname = "pinned-%d"\nvf = "%s"  # of vm %d\nstart = "auto"\n' $number $address $number \
      >/etc/mdevadm/devices/$gpu/aaaaaaaa-0000-4000-8000-00000000000$number.toml
  done
  "$MDEVADM" define -p $gpu -t 1150 --name other --auto >/dev/null
  same "$("$MDEVADM" list --all -n -o name,vf | sort | xargs)" \
    "other 0000:41:01.0 pinned-1 0000:41:00.4 pinned-2 0000:41:00.5 pinned-3 0000:41:00.6 pinned-4 0000:41:00.7" \
    "the address in a definition is accepted in every spelling, and reserves the virtual function"
  run "$MDEVADM" start --auto
  exits 0 "the devices start on their virtual functions"
  same "$(places)" "other=0000:41:01.0 pinned-1=0000:41:00.4 pinned-2=0000:41:00.5 pinned-3=0000:41:00.6 pinned-4=0000:41:00.7" \
    "at boot, too"
  "$MDEVADM" modify pinned-1 --name first
  same "$(grep -c '^vf = "41:00.4"  # of vm 1$' /etc/mdevadm/devices/$gpu/$a.toml)" 1 "modify preserves the spelling of the address"
  printf 'type = "1150"\nvf = "41:00.9"\n' >/etc/mdevadm/devices/$gpu/$b.toml
  run "$MDEVADM" status
  out_has "$b.toml:2:6: invalid vf '41:00.9' \(expected a PCI address such as 0000:41:00.4, or \"any\"\)" "another text is an error with its position"
}

# Without the settings of a GPU it is unknown which virtual functions other programs have.
unread_settings() {
  local settings=/etc/mdevadm/parents/$gpu.toml command
  mkdir -p /etc/mdevadm/parents
  "$MDEVADM" define $c -p $gpu -t 1150 --vf 41:01.0 --name pinned --auto >/dev/null
  "$MDEVADM" define -p $gpu -t 1150 --vf any --name floating --auto >/dev/null
  unread() {  # REASON
    for command in "start -p $gpu -t 1150" "define -p $gpu -t 1150" "start floating" "start -p any --need memory=4G --need series=Q" \
      "define -p any -t 1150 --count 2"; do
      # shellcheck disable=SC2086
      run "$MDEVADM" $command
      exits 1 "$command: no virtual function is chosen while the settings of the GPU cannot be used ($1)"
      err_has "cannot choose a virtual function, because the settings of $gpu, which can reserve some, are not used: .*$1" "the error has the reason"
    done
    run "$MDEVADM" start --auto
    same "$(places)" pinned=0000:41:01.0 "at boot only devices with a virtual function of their own start"
    "$MDEVADM" stop -q pinned
    run "$MDEVADM" start -p $gpu -t 1150 --vf 41:00.5
    exits 0 "a virtual function that is named is used"
    "$MDEVADM" stop -q "$out"
    run "$MDEVADM" types -p $gpu
    err_has "$1.*; virtual functions that it reserves are counted as available" "types warns"
  }
  printf 'reserved = ["0000:41:00.4", "0000:41:00.5x"]\n' >$settings
  unread "invalid PCI address '0000:41:00.5x'"
  err_lacks "chmod" "no command can correct the file"
  run "$MDEVADM" start floating
  err_has "^hint: correct the file, or remove it: rm $settings$" "the first hint"
  err_has "^hint: choose the virtual function: --vf ADDRESS$" "the second hint"
  printf 'reserved = ["0000:41:00.4"]\n' >$settings
  chmod 666 $settings
  unread "not used, because it can contain commands for root"
  run "$MDEVADM" start floating
  err_has "^hint: use the settings: chmod " "the hint has the command that makes the file trusted"
  chmod 644 $settings
  mv $settings /etc/mdevadm/parents/41:00.0.toml
  unread "the file must have the kernel's name of the parent: $gpu.toml"
  run "$MDEVADM" start floating
  run bash -c "$(sed -n 's/^hint: use the settings: //p' <<<"$err")"
  exits 0 "the hint renames the file"
  run "$MDEVADM" start floating
  exits 0 "with settings, a virtual function is chosen"
  same "$(places)" floating=0000:41:00.5 "none that they reserve"
}

reserve() {
  "$MDEVADM" define $a -p $gpu -t 1149 --name any --auto >/dev/null
  same "$(vf_of $a)" 0000:41:00.4 "define reserves the first free virtual function"
  "$MDEVADM" define $b -p $gpu -t 1149 --vf 0000:41:00.6 --name pinned --auto >/dev/null
  run "$MDEVADM" define $c -p $gpu -t 1149 --vf 41:00.6
  exits 4 "define refuses a virtual function that is reserved for another definition"
  err_has "cannot define '$c': virtual function 0000:41:00.6 is reserved for 'pinned' \($b\)" "the error names the owner of the reservation"
  err_has "^hint: let 'pinned' use any virtual function: mdevadm modify pinned --vf any$" "the hint says how to give the reservation up"
  run "$MDEVADM" define $c -p $gpu -t 1149 --vf 0000:41:00.9
  exits 2 "define refuses an invalid address of a virtual function"
  run "$MDEVADM" define $c -p $gpu -t 1149 --vf 0000:41:02.0
  exits 3 "define refuses the address of another device"
  set_by_hand 0000:41:00.5 1149
  run "$MDEVADM" define $c -p $gpu -t 1149 --vf 0000:41:00.5
  exits 4 "define refuses a virtual function that another program uses"
  "$MDEVADM" define $c -p $gpu -t 1149 --name third >/dev/null
  same "$(vf_of $c)" 0000:41:00.7 "define skips virtual functions that are reserved or used by others"
  run "$MDEVADM" start -p $gpu -t 1149
  exits 0 "a transient device starts"
  same "$(kernel_name_of "$out")" 0000:41:01.0 "a transient device gets no virtual function that a definition reserves"
  for words in "-p 41:00.6" "-p $gpu --vf pci_0000_41_00_6"; do
    # shellcheck disable=SC2086
    run "$MDEVADM" start $words -t 1149
    exits 4 "start $words: nor the one that a definition reserves, if it is named"
    err_has "virtual function 0000:41:00.6 is reserved for 'pinned' \\($b\\)" "the error names the owner of the reservation"
  done
  # shellcheck disable=SC2016
  run bash -c 'exec -a mdevctl "$0" start -u "$1" -p "$2" -t 1149' "$MDEVADM" dddddddd-0000-4000-8000-000000000001 "$gpu"
  exits 1 "mdevctl starts no device on virtual functions without mdev"
  err_has "^Error: Unable to find parent device '$gpu'$" "as it has no such parent"
  run "$MDEVADM" start --auto
  exits 0 "all devices with autostart start"
  same "$(kernel_name_of $a) $(kernel_name_of $b)" "0000:41:00.4 0000:41:00.6" "each device is on its virtual function"
  same "$(current 0000:41:00.5)" 1149 "the virtual function of the other program is unchanged"
  run "$MDEVADM" modify third --vf any
  exits 0 "modify accepts --vf any"
  same "$(vf_of $c)" any "a definition with --vf any reserves no virtual function"
  "$MDEVADM" start third
  same "$(vf_shown $c),$(vf_of $c)" "0000:41:00.7,any" "a device with --vf any uses a free virtual function and reserves none"
}

# Definitions that are made before the virtual functions are there get theirs at the first start.
late_first() {
  "$MDEVSIM" control functions $gpu 0
  for uuid in $a $b $c; do "$MDEVADM" define $uuid -p $gpu -t 1149 --name "d${uuid: -1}" --auto --force >/dev/null; done
  same "$(vf_of $a)" "" "define reserves nothing while virtual functions are not enabled"
  "$MDEVSIM" control functions $gpu 8
  "$MDEVADM" start d2
  same "$(vf_of $b)" 0000:41:00.4 "the first start writes its virtual function into the definition"
  run "$MDEVADM" start --auto
  exits 0 "the other devices start"
  same "$(places)" "d1=0000:41:00.5 d2=0000:41:00.4 d3=0000:41:00.6" "the devices have virtual functions in the order of their starts"
}
late_second() {
  run "$MDEVADM" start --auto
  exits 0 "all devices start after a reboot"
  same "$(places)" "d1=0000:41:00.5 d2=0000:41:00.4 d3=0000:41:00.6" "each device has the virtual function that it had before the reboot"
  chmod 0444 /etc/mdevadm/devices/$gpu/*
}
# A definition directory that cannot be written costs the reservation, not the device.
late_third() {
  sed -i '/^vf/d' "/etc/mdevadm/devices/$gpu/$a.toml"
  mount --bind /etc/mdevadm /etc/mdevadm && mount -o remount,bind,ro /etc/mdevadm
  run "$MDEVADM" start d1
  exits 0 "a device starts if its definition cannot be written"
  err_has "warning: 'd1' \($a\): the definition does not reserve virtual function 0000:41:00.5, so the next start may use another one: cannot modify .*Read-only" \
    "a warning says that the virtual function is not reserved and why"
  umount /etc/mdevadm
}

# Definitions in the directory of a virtual function reserve it, also if it appears only while devices are started.
# A definition that was made of a device of another program is modified while the device is active.
modified() {
  local words
  for words in "--vf 0000:41:00.6" "--vf any" "--vf ''" "--new-parent 0000:41:00.6" "-t 1160"; do
    set_by_hand 0000:41:00.5 1149
    "$MDEVADM" define 0000:41:00.5 --name adopted >/dev/null
    eval "run \"\$MDEVADM\" modify adopted $words"
    exits 0 "$words: the definition of an active device is modified"
    same "$("$MDEVADM" list -n -o name,vf)" "adopted 0000:41:00.5" "$words: the device remains that of the definition"
    run "$MDEVADM" restart adopted
    exits 0 "$words: it is restarted"
    same "$("$MDEVADM" list --json -o name | jq -c .devices)" '[{"name":"adopted"}]' "$words: no second device exists"
    run "$MDEVADM" stop adopted
    same "$code $(cat /sys/bus/pci/devices/*/nvidia/current_vgpu_type | sort -u)" "0 0" "$words: after the stop no virtual function has a type"
    "$MDEVADM" undefine adopted
  done
  "$MDEVADM" define $a -p $gpu -t 1149 --force >/dev/null
  sed -i 's/^type = .*/type = "L40S-3Q"/; /^vf/d' /etc/mdevadm/devices/$gpu/$a.toml
  "$MDEVADM" modify $a --vf any
  same "$(grep '^type' /etc/mdevadm/devices/$gpu/$a.toml)" 'type = "L40S-3Q"' "modify --vf leaves the type as it is written"
  "$MDEVADM" undefine $a
}

# A definition that was made of a device of another program is given another virtual function, and that program uses the old one
# again: it is another device.
moved_first() {
  local unmanaged
  set_by_hand 0000:41:00.7 1149
  "$MDEVADM" define 0000:41:00.7 --name hand --auto >/dev/null
  "$MDEVADM" stop hand && "$MDEVADM" modify hand --vf 0000:41:00.4 && "$MDEVADM" start hand
  set_by_hand 0000:41:00.7 1149
  unmanaged=$("$MDEVADM" list --json -o uuid,vf,name | jq -r '.devices[] | select(.vf == "0000:41:00.7") | "\(.uuid) \(.name)"')
  same "${unmanaged#* }" null "the device on the old virtual function has no name"
  same "$("$MDEVADM" list --json -o uuid | jq '[.devices[].uuid] | unique | length')" 2 "the two devices have different UUIDs"
  run "$MDEVADM" stop 0000:41:00.7
  exits 4 "stop refuses the device of the other program"
  same "$(current 0000:41:00.4) $(current 0000:41:00.7)" "1149 1149" "neither virtual function is cleared"
  run "$MDEVADM" define 0000:41:00.7 --name second
  exits 0 "the device can be defined, too"
  run "$MDEVADM" stop second
  same "$code $(current 0000:41:00.4) $(current 0000:41:00.7)" "0 1149 0" "and stopped"
  "$MDEVADM" undefine second
}

moved_second() {
  set_by_hand 0000:41:00.7 1149
  "$MDEVADM" start --auto >/dev/null
  same "$("$MDEVADM" list --all --json -o name,vf,state | jq -r '.devices[] | "\(.name) \(.vf) \(.state)"' | sort)" \
    "hand 0000:41:00.4 active
null 0000:41:00.7 active" "after a reboot it is another device, too, and the definition is started on its own virtual function"
  run "$MDEVADM" export qemu hand
  out_has "0000:41:00.4" "the virtual machine gets the virtual function of the definition"
}

appearing() {
  "$MDEVADM" define --force -p 41:00.4 -t L40S-4Q --name vm1 $a >/dev/null
  "$MDEVADM" define --force -p $gpu -t L40S-4Q --name other --auto $b >/dev/null
  (sleep 2; /usr/lib/nvidia/sriov-manage -e ALL >/dev/null) &
  run "$MDEVADM" start --auto --timeout 30
  exits 0 "start waits for the virtual functions"
  err_lacks "reserved it" "the device gets a virtual function that is not reserved"
  same "$(vf_shown $b)" 0000:41:00.5 "it is not the one that the other definition reserves"
  run "$MDEVADM" start vm1
  exits 0 "the other device starts"
  same "$(vf_shown $a)" 0000:41:00.4 "on the virtual function that it reserves"
  wait
}

# A GPU that another driver has is the reason at boot too.
passed_through() {
  local driver=/sys/bus/pci/drivers
  "$MDEVADM" define -p $gpu -t 1150 --name vm --auto $a >/dev/null
  /usr/lib/nvidia/sriov-manage -d $gpu >/dev/null
  echo $gpu >$driver/nvidia/unbind
  echo vfio-pci >/sys/bus/pci/devices/$gpu/driver_override
  echo $gpu >$driver/vfio-pci/bind
  for words in vm "--auto --timeout 1"; do
    # shellcheck disable=SC2086
    run "$MDEVADM" start $words
    exits 3 "start $words fails"
    err_has "vfio-pci is bound to $gpu \\(10de:26b9\\), so it offers no types" "start $words: the error names the driver"
    err_has "^hint: when no virtual machine uses it, return the GPU to its driver: driverctl unset-override $gpu$" "start $words: the hint has the command that helps"
  done
}

# Every order of changes by hand leads back to a device under control, by ordinary commands only.
orders() {
  local first=0000:41:00.4 u
  u=$(python3 -c "import uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, 'x'))")
  reset() {
    for f in /sys/bus/pci/devices/*/nvidia/current_vgpu_type; do [ "$(cat "$f")" = 0 ] || echo 0 >"$f"; done
    rm -rf /run/mdevadm/devices /etc/mdevadm/devices
    "$MDEVADM" define $a -p $gpu -t 1149 --name vm >/dev/null
    "$MDEVADM" start vm
  }
  unmanaged() { "$MDEVADM" list --json -o uuid,kernel_name,defined | jq -r --arg f $first '.devices[] | select(.kernel_name == $f) | .uuid'; }

  # start, another type by hand; stop, undefine, adopt, stop.
  reset
  set_by_hand $first 0
  set_by_hand $first 1160
  u=$(unmanaged)
  same "$(state_of $a)" inactive "after a change by hand the device is inactive"
  run "$MDEVADM" start vm
  exits 4 "start is refused while another program uses the virtual function"
  err_has "virtual function $first is used by the unmanaged device '$u'" "the error names the unmanaged device"
  run "$MDEVADM" define "$u"
  exits 4 "the device cannot be adopted while its virtual function is reserved for another definition"
  err_has "^hint: let 'vm' use any virtual function: mdevadm modify vm --vf any$" "the hint leads on"
  run "$MDEVADM" modify vm --vf any
  run "$MDEVADM" define "$u" --name adopted
  exits 0 "after the hint the device can be adopted"
  run "$MDEVADM" stop adopted
  exits 0 "an adopted device can be stopped in spite of an old record"
  same "$(current $first)" 0 "the virtual function is free"
  run "$MDEVADM" start adopted
  exits 0 "an adopted device can be started again"
  run "$MDEVADM" start vm
  exits 0 "the first device starts on another virtual function"
  same "$(kernel_name_of $a)" 0000:41:00.5 "the first device does not get the virtual function of the adopted one"
  "$MDEVADM" stop --all

  # start, another type by hand; the definition takes the new type.
  reset
  set_by_hand $first 0
  set_by_hand $first 1160
  run "$MDEVADM" modify vm --type 1160
  exits 0 "the definition can take the type that was set by hand"
  same "$(state_of $a)" inactive "the device remains that of the other program"
  run "$MDEVADM" define $first
  exits 0 "it is adopted for the definition"
  same "$(state_of $a)" active "then its device is active"
  run "$MDEVADM" stop vm
  exits 0 "it can be stopped"
  same "$(current $first)" 0 "and its virtual function is free"
  run "$MDEVADM" start vm
  exits 0 "it starts with the new type"

  # adopted, another type by hand; the definition takes the present type, and the device.
  "$MDEVADM" stop --all
  "$MDEVADM" undefine --all
  set_by_hand $first 1149
  "$MDEVADM" define $first --name own >/dev/null
  set_by_hand $first 0
  set_by_hand $first 1160
  run "$MDEVADM" stop own
  same "$code $(current $first)" "0 1160" "a device whose type another program has changed is not stopped"
  run "$MDEVADM" define $first
  exits 4 "it is not adopted for a definition of another type"
  err_has "virtual function $first is reserved for 'own' \\(.*\\), whose type is 1149, not 1160$" "the error names both types"
  err_has "^hint: if it is to be the device of 'own', change the type of that first: mdevadm modify own --type 1160 && mdevadm define $first$" "the hint has the commands that help"
  "$MDEVADM" modify own --type 1160
  run "$MDEVADM" define $first
  exits 0 "then it is adopted"
  run "$MDEVADM" stop own
  exits 0 "and can be stopped"
  same "$(current $first)" 0 "and its virtual function is free"

  # start, cleared by hand, started again; and cleared, stopped, started.
  reset
  set_by_hand $first 0
  run "$MDEVADM" start vm
  exits 0 "a device that was cleared by hand can be started"
  set_by_hand $first 0
  run "$MDEVADM" stop vm
  exits 0 "stop of a device that was cleared by hand succeeds"
  same "$(ls /run/mdevadm/devices | wc -l)" 0 "the record is deleted"

  # start, undefine, another type by hand, adopt, undefine, given up by hand, new definition.
  reset
  "$MDEVADM" undefine vm
  set_by_hand $first 0
  set_by_hand $first 1160
  u=$(unmanaged)
  run "$MDEVADM" define "$u"
  exits 0 "a device set by hand is adopted although a record of an undefined device exists"
  run "$MDEVADM" undefine "$u"
  exits 0 "the definition of an adopted device can be removed"
  same "$(current $first)" 1160 "its device is unchanged"
  run "$MDEVADM" define "$u"
  run "$MDEVADM" stop "$u"
  exits 0 "it can be adopted again and stopped"
  run "$MDEVADM" define $b -p $gpu -t 1149 --name fresh
  run "$MDEVADM" start fresh
  exits 0 "a new device can be started"

  # The record of a start that was killed.
  reset
  sed -i 's/^finished = true/finished = false/' /run/mdevadm/devices/*
  set_by_hand $first 0
  set_by_hand $first 1160
  run "$MDEVADM" stop vm
  exits 0 "stop after a killed start and a change by hand succeeds"
  same "$(current $first)" 1160 "the virtual function of the other program is unchanged"
  set_by_hand $first 0
  run "$MDEVADM" start vm
  exits 0 "start succeeds when the virtual function is free again"
}

group() {
  "$MDEVADM" define $a -p $gpu -t 1149 --vf any --name floats >/dev/null
  "$MDEVADM" define $b -p $gpu -t 1149 --vf 0000:41:00.4 --name pinned >/dev/null
  "$MDEVADM" group create vm1 floats pinned
  run "$MDEVADM" group start vm1
  exits 0 "a group starts whose first member uses any virtual function and whose second has a reserved one"
  same "$(places)" "floats=0000:41:00.5 pinned=0000:41:00.4" "the member without a reservation does not take the reserved virtual function"
}

# A device that is started alone leaves the placement that the definition of an inactive device has fixed.
placements() {
  local gpu kind
  gpu=$("$MDEVADM" types --json | jq -r '.types[0].parent')
  # The prefix of the types' names: "A40" or "L40S".
  kind=$("$MDEVADM" types "$gpu" --json | jq -r '.types[0].name' | sed 's/^NVIDIA //; s/-.*//')
  nvidia-smi vgpu -i "$gpu" -shm 1 >/dev/null
  placement_of() { cat "/sys/bus/pci/devices/$(vf_shown "$1")"/{nvidia,"$1/nvidia"}/placement_id 2>/dev/null; }
  "$MDEVADM" define $a -p "$gpu" -t "$kind-24Q" --attr nvidia/placement_id=0 --name fixed >/dev/null
  run "$MDEVADM" start -p "$gpu" -t "$kind-4Q" --uuid $b
  exits 0 "a transient device starts beside the definition"
  same "$(placement_of $b)" 24 "it is outside the placement that the definition has fixed, 0 to 23"
  "$MDEVADM" define $c -p "$gpu" -t "$kind-8Q" --name alone >/dev/null
  run "$MDEVADM" start alone --dry-run
  same "$(grep -c "keep $c outside fixed placements: 0 to 23 of 'fixed' ($a)" <<<"$out")" 1 "--dry-run shows the placements to avoid"
  run "$MDEVADM" start alone
  exits 0 "a device that is started alone from its definition starts"
  same "$(placement_of $c)" 40 "it is outside the fixed placement too"
  err_lacks warning "no warning is printed"
  run "$MDEVADM" start fixed
  exits 0 "the device with the fixed placement starts"
  same "$(placement_of $a)" 0 "it has its placement"
  "$MDEVADM" stop fixed
  run "$MDEVADM" start -p "$gpu" -t "$kind-12Q" --uuid aaaaaaaa-0000-4000-8000-000000000004
  exits 0 "a device starts if only fixed placements are free"
  err_has "warning: 'aaaaaaaa-0000-4000-8000-000000000004': uses placement 0 in the framebuffer, because the driver has no other one free; the definition of 'fixed' \($a\) requires it \(placement_id 0\), so that device cannot start while this one is active" \
    "a warning names the definition"
  run "$MDEVADM" start fixed
  exits 6 "the device with the fixed placement cannot start beside it"
}

"$1"
finish
