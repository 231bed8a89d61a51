# Devices of the host that are not parents explain themselves: in errors about a PARENT, and in show ADDRESS. No
# message suggests another device than the one that exists.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/cases.sh"
adm() { run "$MDEVADM" "$@"; }
json() { jq -r "$1" <<<"$out"; }

# explained WORD CAUSE: each command that takes a PARENT refuses the word for this reason, and suggests nothing else
explained() {
  local words
  for words in "types $1" "list -p $1" "define -p $1 -t vfio_ccw-io" "start -p $1 -t vfio_ccw-io" \
    "start --all -p $1" "stop --all -p $1" "undefine --all -p $1" "show --all -p $1" "export mdevctl -p $1"; do
    # shellcheck disable=SC2086
    adm $words
    exits 3 "$words: not found"
    err_has "^mdevadm: error: cannot .*: $2" "$words: the cause is named"
    err_lacks "did you mean" "$words: no other device is suggested"
  done
}

ccw() {
  local subchannel='subchannel 0\.0\.0313 \(device 0\.0\.2b09, 3390/0c, online\) has the driver io_subchannel; it offers mediated devices only with the driver vfio_ccw$'
  local word
  explained 0.0.0313 "$subchannel"
  for word in 0.0.2b09 0.0.2B09 ccw_0_0_2b09 css_0_0_0313 2b09 2B09 0313 /sys/bus/css/devices/0.0.0313; do
    adm define -p $word -t vfio_ccw-io
    err_has "$subchannel" "define -p $word: the subchannel and its device are named"
    err_has "^hint: then bind the subchannel to vfio_ccw: driverctl -b css set-override 0\.0\.0313 vfio_ccw$" "define -p $word: the command that helps is named"
  done
  adm define -p 0.0.9999 -t vfio_ccw-io
  err_has "no subchannel and no channel device has the number '0\.0\.9999'$" "an address that does not exist is not found"
  for word in 0.0.0314 0314 0.0.0123 0123 00AB 0.0.00ab; do
    adm types $word
    exits 3 "types $word: not found"
    err_has "no subchannel and no channel device has the number '$word'$" "types $word: the error says so"
    err_lacks "0\.0\.0315" "types $word: no other subchannel is named"
    adm define -p $word -t vfio_ccw-io
    err_lacks "0\.0\.0315" "define -p $word: no other subchannel is named"
  done
  for word in 313 0x313 0X0313 0.0.313; do
    adm types $word
    exits 3 "types $word: not found"
    err_has "^hint: numbers of subchannels and channel devices have four digits: 0\.0\.0313$" "types $word: the full number is named"
    err_lacks "did you mean" "types $word: no other subchannel is suggested"
  done
  for word in 0.0.03130 0.0.00313 0.0.o313; do
    adm types $word
    err_has "^hint: numbers of subchannels and channel devices have four digits: 0\.0\.XXXX$" "types $word: the form is named"
    err_lacks "0\.0\.03[0-9]*\b'?$" "types $word: no other subchannel is suggested"
  done
  # lscss abbreviates numbers. Without a subchannel, only the whole number can be stored.
  for word in 0314 313; do
    adm define -p $word -t vfio_ccw-io
    err_has "^hint: if the subchannel does not exist yet, use --force and the parent 0\\.0\\.0$(printf %s $word | tail -c 3)$" "define -p $word: the parent to use is named"
    adm define -p $word -t vfio_ccw-io --force
    exits 3 "define -p $word --force: refused"
    err_has "subchannel '$word' must be written 0\\.0\\.0" "the error names the whole number"
  done
  for word in 0313 2b09 2B09; do
    adm show $word
    exits 3 "show $word: could be a UUID prefix"
    err_has "^hint: show the subchannel or channel device of this number: mdevadm show 0\.0\.${word,,}$" "show $word: the command for the subchannel is named"
  done
  adm show 0.0.0123
  exits 3 "show of a number that does not exist: not found"
  err_has "cannot show '0\.0\.0123': no subchannel and no channel device has this number" "... and the error says so"
  adm show 0315
  exits 3 "show 0315: could be a UUID prefix"
  err_has "0\.0\.0315 is a parent, not a device$" "the parent of this number is named"

  for word in 0.0.0313 0.0.2b09 css_0_0_0313; do
    adm show $word
    exits 0 "show $word: the device is shown"
    out_has "^address: +0\.0\.0313$" "show $word: its address"
    out_has "^bus: +css$" "show $word: its bus"
    out_has "^driver: +io_subchannel$" "show $word: its driver"
    out_has "^device_number: +0\.0\.2b09$" "show $word: its device number"
    out_has "driverctl -b css set-override 0\.0\.0313 vfio_ccw" "show $word: what helps"
  done
  adm show 0.0.0313 --json
  same "$(json '.host_devices[0] | [.address, .bus, .driver, .device_number, .device_type, .online] | map(tostring) | join(" ")')" \
    "0.0.0313 css io_subchannel 0.0.2b09 3390/0c true" "show --json has the facts"
  same "$(json '.parents | length')" 0 "show --json has no parent"
  adm show 0.0.0313 0.0.0315
  exits 0 "an address and a parent can be shown together"
  out_has "^parent: +0\.0\.0315$" "the parent is shown"
  out_has "^address: +0\.0\.0313$" "the address is shown"
  adm show 0.0.0313 -o driver
  out_has "^driver: +io_subchannel$" "-o selects columns of addresses"
  adm show 0.0.0313 -o address,notice
  exits 0 "-o takes columns that only addresses have"
  out_has "^address: +0\.0\.0313$" "they are printed"
  adm show 0.0.0315 -o address
  exits 2 "parents have no such column"
  adm show --list-columns 0.0.0313
  out_has "^device_number +" "--list-columns lists those of an address"
  adm show 0.0.9999
  exits 3 "show of an address that does not exist: not found"
  adm define -p ccw_0_0_9999 -t vfio_ccw-io --force
  exits 3 "a device number without a device cannot be defined, even for later"
  err_has "no channel device has the number 0\.0\.9999$" "the error says so"
  for word in 0.0.0320 0.0.0330; do
    adm define -p $word -t vfio_ccw-io
    err_lacks "use --force" "define for $word: no driver would help"
  done
  adm parent show 0.0.0313
  err_lacks "--vfs" "a subchannel has no virtual functions"

  # A device number of a parent is accepted for its subchannel.
  adm define $a -p 0.0.2b0a -t vfio_ccw-io
  exits 0 "a device number is accepted as PARENT"
  adm list --all -p 0.0.2b0a -o parent
  out_has "^0\.0\.0315" "the definition belongs to the subchannel"
  adm show 0.0.2b0a
  out_has "^parent: +0\.0\.0315$" "show of a device number shows its parent"
  adm start $a
  exits 0 "the device starts"
  adm start -p 0.0.2b0a -t vfio_ccw-io
  exits 6 "a second device: no available instance"
  adm stop $a
  for word in 0.0.2b0a 0.0.2B0A ccw_0_0_2b0a 2b0a css_0_0_0315; do
    printf 'version = 1\n[[device]]\nname = "from-file"\nparents = ["%s"]\ntype = "vfio_ccw-io"\nstate = "defined"\n' $word >/tmp/host.toml
    adm diff -f /tmp/host.toml
    exits 9 "$word is accepted as a parent in a description"
    out_has "from-file.* on 0\.0\.0315$" "$word means the subchannel in a description"
  done

  adm define -p ccw_0_0_0315 -t vfio_ccw-io
  exits 3 "a channel device that does not exist is not the subchannel of the same name"

  # A subchannel and the device number of another one.
  adm define -p 0.0.0341 -t vfio_ccw-io
  err_has "subchannel 0\.0\.0341 \(device 0\.0\.2c00" "a name of a subchannel is used as such"
  err_has "0\.0\.0341 is taken as the name of a subchannel, not as the device number of subchannel 0\.0\.0340; if that is meant, give 0\.0\.0340$" "a note names the other meaning"
  err_lacks "set-override 0\.0\.0340" "no hint is about the other subchannel"
  adm show 0.0.0341
  same "$(grep -c ^address: <<<"$out")" 2 "both are shown"
  # Other forms mean only one of them: a device number, libvirt's name of the subchannel, a stored parent.
  for word in "types 0.0.2c00" "types css_0_0_0341" "types /sys/bus/css/devices/0.0.0341" "start -p 0.0.2c00 -t vfio_ccw-io"; do
    # shellcheck disable=SC2086
    adm $word
    err_has "subchannel 0\.0\.0341 \(device 0\.0\.2c00" "$word: the subchannel is named"
    err_lacks "0\.0\.0340" "$word: no other subchannel is named"
  done
  for word in css_0_0_0341 0.0.2c00; do
    adm show $word
    same "$(awk '$1 == "address:" {print $2}' <<<"$out")" 0.0.0341 "show $word: one subchannel is shown"
  done
  adm define $c -p 0.0.2c00 -t vfio_ccw-io --force
  for word in "start $c" "check $c" "check 0.0.2c00"; do
    # shellcheck disable=SC2086
    adm $word
    holds "$word: no other subchannel is named" test -z "$(grep -F 0.0.0340 <<<"$out$err")"
  done
  adm undefine $c
  adm types ccw_0_0_0341
  err_has "cannot list types: subchannel 0\.0\.0340 " "libvirt's name of a channel device means the device number"

  # A subchannel whose device number is the name of another one is a parent, and needs no explanation.
  driverctl -b css set-override 0.0.0340 vfio_ccw
  for word in types "types 0.0.0341" "show 0.0.0341" "check 0.0.0341"; do
    # shellcheck disable=SC2086
    adm $word
    holds "$word: a parent is not explained" test -z "$(grep -F 'is not registered' <<<"$out$err")"
  done
  adm show 0.0.0341
  same "$(grep -oE '^(address|parent): +[0-9a-f.]+' <<<"$out" | tr -s ' ' | paste -sd' ')" "parent: 0.0.0340 address: 0.0.0341" "show shows both"
  adm check 0.0.0341
  err_has "0\.0\.0341 is also the device number of subchannel 0\.0\.0340$" "check names the other meaning"
  adm types 0.0.0341
  err_has "subchannel 0\.0\.0341 .* has the driver io_subchannel" "the other subchannel is explained"
  driverctl -b css unset-override 0.0.0340

  echo 0.0.0341 >/sys/bus/css/drivers/io_subchannel/unbind
  echo 0.0.0341 >/sys/bus/css/drivers/vfio_ccw/bind
  adm types 0.0.0341
  exits 0 "a parent is used as a subchannel"
  err_has "0\.0\.0341 is taken as the name of a subchannel, not as the device number of subchannel 0\.0\.0340" "a note names the other meaning"

  adm types 0.0.0330
  err_has "subchannel 0\.0\.0330 is a subchannel for CHSC; only I/O subchannels" "a subchannel of another type"
  run driverctl -b css set-override 0.0.0320 vfio_ccw
  exits 1 "vfio_ccw refuses QDIO"
  adm types 0.0.0320
  err_has "has no driver although its driver_override is vfio_ccw" "a refused override is named"
  err_has "^hint: return the subchannel to its driver: driverctl -b css unset-override 0\.0\.0320$" "and how to remove it"

  # A defined device whose subchannel has lost its driver; following the hint.
  adm define $b -p 0.0.0313 -t vfio_ccw-io --force
  exits 0 "a definition on a subchannel that is not yet a parent"
  adm start $b
  exits 3 "it does not start"
  err_has "$subchannel" "start of a defined device names the cause"
  err_lacks "did you mean" "and suggests no other disk"
  chccwdev -d 0.0.2b09 >/dev/null
  driverctl -b css set-override 0.0.0313 vfio_ccw
  adm start $b
  exits 0 "after the commands of the hints it starts"
  adm show $b
  out_has "^parent: +0\.0\.0313$" "show of the device"

  # A definition under an abbreviated number, as earlier releases stored it.
  adm stop $b
  adm undefine $b
  mkdir -p /etc/mdevadm/devices/0313
  printf 'type = "vfio_ccw-io"\nname = "short"\n' >/etc/mdevadm/devices/0313/$c.toml
  for word in start check; do
    adm $word short
    holds "$word: the whole number is named" grep -q "subchannel '0313' must be written 0.0.0313" <<<"$out$err"
    holds "$word: so is the command" grep -qF "mdevadm modify short -p 0313 --new-parent 0.0.0313" <<<"$out$err"
  done
  adm modify short -p 0313 --new-parent 0.0.0313
  exits 0 "the command moves the definition"
  adm start short
  exits 0 "which starts then"
}

# stored NAME PARENT TYPE CAUSE: a definition of mdevctl under another name than the kernel's. Each command that requires the
# parent names the cause and the command that moves the definition, which works.
stored() {
  local words move
  mkdir -p "/etc/mdevctl.d/$1"
  printf '{"mdev_type": "%s", "start": "auto", "attrs": []}' "$3" >"/etc/mdevctl.d/$1/$a"
  "$MDEVADM" group create g $a --auto
  for words in "start $a" "start --auto" "start --all" "start $a --timeout 0.1" "check $a" "group start g" "group start --auto"; do
    # shellcheck disable=SC2086
    adm $words
    holds "$1: $words: the cause is named" grep -qF "$4" <<<"$out$err"
    holds "$1: $words: so is the command" grep -qE "move the definition to that parent: mdevadm modify $a( -p $1)? --new-parent $2( --force)?($|;)" <<<"$out$err;"
    case $words in *--auto)
      adm list --boot -o message
      holds "$1: $words: list --boot names the cause" grep -qF "$4" <<<"$out"
      ;;
    esac
  done
  adm start $a
  move=$(sed -n 's/^hint: move the definition to that parent: mdevadm //p' <<<"$err")
  # shellcheck disable=SC2086
  adm $move
  exits 0 "$1: the command moves the definition"
  adm list --all -o parent
  out_has "^$2$" "$1: to the parent"
}

ccw_stored() {
  local cause='0.0.0313 (device 0.0.2b09, 3390/0c, online) has the driver io_subchannel'
  stored 0.0.2b0a 0.0.0315 vfio_ccw-io "'0.0.2b0a' is the device number of subchannel 0.0.0315, not a parent"
  adm start $a
  exits 0 "the device starts on it"
  adm stop $a
  adm group delete g
  adm undefine $a
  for name in css_0_0_0315 ccw_0_0_2b0a 2b0a 0.0.315 0.0.2B0A; do
    case $name in *315) cause="'$name' must be written 0.0.0315" ;; *) cause="'$name' is the device number of subchannel 0.0.0315, not a parent" ;; esac
    stored $name 0.0.0315 vfio_ccw-io "$cause"
    adm group delete g
    adm undefine $a
  done
  # A subchannel that is not a parent yet: the driver is named, too.
  stored css_0_0_0313 0.0.0313 vfio_ccw-io "parent 'css_0_0_0313' must be written 0.0.0313; subchannel 0.0.0313 (device 0.0.2b09, 3390/0c, online) has the driver io_subchannel"
  adm group start --auto
  err_has "cannot start group 'g': subchannel 0\.0\.0313 .* only with the driver vfio_ccw$" "group start --auto names the driver of the parent"
  err_has "driverctl -b css set-override 0\.0\.0313 vfio_ccw$" "and the command that binds it"
  adm list --boot -o message
  out_has "subchannel 0\.0\.0313 .* has the driver io_subchannel" "list --boot has the cause"
  adm undefine $a --force
}

ccw_transient() {
  local word
  for word in 313 0x313 0.0.313; do
    adm start -p $word -t vfio_ccw-io
    exits 3 "start -p $word: not found"
    err_has "^hint: numbers of subchannels and channel devices have four digits: 0\.0\.0313$" "start -p $word: the full number is named"
    err_lacks "mdevadm modify" "start -p $word: no definition is moved"
  done
  adm start -p 9999 -t vfio_ccw-io
  err_has "no subchannel and no channel device has the number '9999'$" "start -p of a number that does not exist"
  err_lacks "mdevadm modify" "it has no definition"
}

# A description, and types that no parent has.
ccw_described() {
  local subchannel='subchannel 0\.0\.0313 \(device 0\.0\.2b09, 3390/0c, online\) has the driver io_subchannel; it offers mediated devices only with the driver vfio_ccw$'
  local host=/run/described.toml word
  described() { printf 'version = 1\n[[device]]\nname = "k"\n%s\ntype = "%s"\n' "$1" "$2" >$host; }
  for word in 0.0.0313 0.0.2b09 css_0_0_0313 ccw_0_0_2b09; do
    described "parents = [\"$word\"]" vfio_ccw-io
    for command in apply diff; do
      adm $command -f $host
      exits 3 "$command with the parent $word: not found"
      err_has "$subchannel" "$command with the parent $word: the cause is named"
      err_has "^hint: first set the device offline, unless the host uses it: chccwdev -d 0\.0\.2b09$" "$command with the parent $word: what helps is named"
    done
  done
  described 'parents = ["0.0.0330"]' vfio_ccw-io
  adm apply -f $host
  err_has "subchannel 0\.0\.0330 is a subchannel for CHSC" "apply with another kind of subchannel"
  adm define $a -p 0.0.0313 -t vfio_ccw-io --force --name k
  described "uuid = \"$a\"
parents = [\"0.0.0313\"]" vfio_ccw-io
  adm apply -f $host
  err_has "cannot apply 'k' \\($a\\): $subchannel" "apply of a defined device names the cause"
  err_has "driverctl -b css set-override 0\.0\.0313 vfio_ccw$" "and what helps"
}

gvt_stored() {
  local name cause='0000:00:02.0 (8086:5916) has the driver i915 without GVT-g'
  for name in pci_0000_00_02_0 00:02.0; do
    stored $name 0000:00:02.0 i915-GVTg_V5_4 "parent '$name' must be written 0000:00:02.0; $cause"
    adm group delete g
    adm undefine $a
  done
  adm define $a -p 0000:00:02.0 -t i915-GVTg_V5_4 --force --auto
  adm group create g $a --auto
  adm group start --auto
  err_has "cannot start group 'g': 0000:00:02\.0 \(8086:5916\) has the driver i915 without GVT-g" "group start --auto names the cause"
  printf 'version = 1\n[[device]]\nname = "k"\nparents = ["0000:00:02.0"]\ntype = "i915-GVTg_V5_4"\n' >/run/described.toml
  adm undefine $a --force
  adm apply -f /run/described.toml
  exits 3 "apply: not found"
  err_has "0000:00:02\.0 \(8086:5916\) has the driver i915 without GVT-g" "apply names the cause"
  err_has "^hint: add i915\.enable_gvt=1 to the kernel command line" "and what helps"
}

# No parent has the type: devices that could offer it are explained.
gvt_any() {
  local words cause='0000:00:02\.0 \(8086:5916\) has the driver i915 without GVT-g: i915\.enable_gvt is off'
  for words in "define -p any -t i915-GVTg_V5_4" "start -p any -t i915-GVTg_V5_4" "define --need aperture>=1" "start --need aperture>=1"; do
    # shellcheck disable=SC2086
    adm $words
    exits 3 "$words: not found"
    err_has "$cause" "$words: the cause is named"
    err_has "^hint: add i915\.enable_gvt=1 to the kernel command line" "$words: what helps is named"
  done
  printf 'version = 1\n[[device]]\nname = "k"\ntype = "i915-GVTg_V5_4"\n' >/run/described.toml
  adm apply -f /run/described.toml
  err_has "no parent offers type 'i915-GVTg_V5_4': $cause" "apply: the cause is named"
  adm define -p any -t vfio_ccw-io
  err_lacks "i915" "a type of another driver is not explained by this one"
}

crypto_any() {
  local words
  stored ap_matrix matrix vfio_ap-passthrough "parent 'ap_matrix' must be written matrix"
  adm group delete g
  adm undefine $a
  stored Matrix matrix vfio_ap-passthrough "parent 'Matrix' must be written matrix"
  adm undefine $a --force
  control unregister matrix
  for words in "define -p any -t vfio_ap-passthrough" "start -p any -t vfio_ap-passthrough" "start --need device_api=vfio-ap"; do
    # shellcheck disable=SC2086
    adm $words
    exits 3 "$words: not found"
    err_has "the module vfio_ap is not loaded$" "$words: the cause is named"
    err_has "^hint: load the module: modprobe vfio_ap$" "$words: what helps is named"
  done
  printf 'version = 1\n[[device]]\nname = "k"\nparents = ["matrix"]\ntype = "vfio_ap-passthrough"\n' >/run/described.toml
  adm apply -f /run/described.toml
  err_has "the module vfio_ap is not loaded$" "apply with the parent matrix: the cause is named"
  sed -i /parents/d /run/described.toml
  adm apply -f /run/described.toml
  err_has "the module vfio_ap is not loaded$" "apply with any parent: the cause is named"
}

gvt() {
  local gpu=0000:00:02.0
  explained $gpu '0000:00:02\.0 \(8086:5916\) has the driver i915 without GVT-g: i915\.enable_gvt is off, and the module kvmgt is not loaded$'
  adm types 00:02.0
  err_has "add i915\.enable_gvt=1 to the kernel command line" "what helps is named"
  err_lacks "mdev core" "no message blames the mdev core"
  adm show pci_0000_00_02_0
  exits 0 "show of an address in libvirt's form"
  out_has "^driver: +i915$" "its driver"
  echo $gpu >/sys/bus/pci/drivers/i915/unbind
  adm types $gpu
  err_has "0000:00:02\.0 \(8086:5916\) has no driver$" "a PCI device without driver"
  driverctl set-override $gpu vfio-pci
  adm types $gpu
  err_has "has the driver vfio-pci, which passes the whole device to a virtual machine$" "a PCI device on vfio-pci"
  err_has "^hint: when no virtual machine uses it, return the device to its driver: driverctl unset-override 0000:00:02\.0$" "and how to return it"
}

kvmgt() {
  adm define $a -p 0000:00:02.0 -t i915-GVTg_V5_4
  err_has "without GVT-g: the module kvmgt is not loaded$" "GVT-g without kvmgt"
  err_has "^hint: load the module: modprobe kvmgt$" "the module is named"
  err_has "^hint: load it at each boot: echo kvmgt > /etc/modules-load.d/kvmgt.conf$" "and how it is loaded after a reboot"
  modprobe kvmgt
  adm define $a -p 0000:00:02.0 -t i915-GVTg_V5_4
  exits 0 "after modprobe the definition is accepted"
  adm start $a
  exits 0 "and the device starts"
}

xe() {
  adm types 0000:00:02.0
  err_has "has the driver xe, which offers no mediated devices \(GVT-g needs i915\)$" "xe instead of i915"
}

# vfio_ccw is bound when it is loaded, if the override of a subchannel without driver asks for it.
unloaded() {
  local dev=/sys/bus/css/devices/0.0.0313
  echo 0.0.0313 >$dev/driver/unbind
  echo vfio_ccw >$dev/driver_override
  adm types 0.0.0313
  err_has "has no driver although its driver_override is vfio_ccw: the module vfio_ccw is not loaded; it offers" "the module is not loaded"
  err_has "^hint: load the module: modprobe vfio_ccw$" "and the command loads it"
  err_lacks "dmesg|unset-override" "there is no other hint"
  modprobe vfio_ccw
  adm types 0.0.0313
  exits 0 "the subchannel is a parent then"
  echo 0.0.0313 >$dev/driver/unbind
  adm types 0.0.0313
  err_has "although its driver_override is vfio_ccw: the driver has refused it" "with the module, it has no driver for another reason"
  err_has "^hint: bind the driver: echo 0\.0\.0313 > /sys/bus/css/drivers_probe$" "the command binds it"
  echo 0.0.0313 >/sys/bus/css/drivers_probe
  adm types 0.0.0313
  exits 0 "and the subchannel is a parent again"
}

# The channel device of a definition is taken away and comes back, as virtualization tests do.
ccw_returns() {
  run chccwdev -d 0.0.2b09
  run driverctl -b css set-override 0.0.0313 vfio_ccw
  run mdevctl start -p 0.0.0313 -t vfio_ccw-io -u $a
  exits 0 "mdevctl starts the device"
  run mdevctl define --auto -u $a
  exits 0 "and defines it"
  run driverctl -b css unset-override 0.0.0313
  exits 0 "the subchannel is returned to the host"
  same "$("$MDEVADM" list -n)$(mdevctl list)" "" "the device has vanished"
  adm start $a
  exits 3 "it cannot be started"
  err_has "subchannel 0.0.0313 .*has the driver io_subchannel" "the error names the reason"
  run driverctl -b css set-override 0.0.0313 vfio_ccw
  run mdevctl start -u $a
  exits 0 "after the return of the subchannel, mdevctl starts it"
  same "$("$MDEVADM" list -n -o uuid,state | tr -s ' ')" "$a active" "it is active"
  adm stop $a
  adm start $a
  exits 0 "so does mdevadm"
}

# A crypto card or queue is never a parent, also while vfio_ap is not loaded.
no_parent() {
  control unregister matrix
  for words in 05.0004 card05; do
    adm define -p $words -t vfio_ap-passthrough --name q
    exits 3 "define -p $words: no parent"
    err_lacks "use --force" "there is no hint at --force"
    err_has "^hint: load the module: modprobe vfio_ap$" "the module is loaded first"
    err_lacks "assign it to a device" "queues of the host cannot be assigned"
    adm define -p $words -t vfio_ap-passthrough --name q --force
    exits 3 "define -p $words --force is refused"
  done
  adm define -p matrix -t vfio_ap-passthrough --name q --queue 05.0004 --force
  exits 0 "matrix can be defined for later"
}

gvt_names() {
  same "$(paste -sd' ' /sys/class/mdev_bus/0000:00:02.0/mdev_supported_types/i915-GVTg_V5_4/name)" GVTg_V5_4 "Linux 6.1 prints the name without the driver"
  adm define $a -p 0000:00:02.0 -t GVTg_V5_4
  exits 0 "the name is accepted as TYPE"
  adm list --all -o type
  out_has "^i915-GVTg_V5_4" "the definition has the type ID"
}

# The size of the aperture decides which types the driver offers.
gvt_aperture() {
  local type
  for type in i915-GVTg_V5_2 GVTg_V5_2; do
    adm define $a -p 0000:00:02.0 -t $type
    exits 3 "$type is not offered"
    err_has "0000:00:02.0 has no type '$type': the aperture of the GPU is too small for it$" "$type: the error says why"
    err_has "^hint: increase the aperture size in the firmware setup \(BIOS\) to 512 MiB or more$" "$type: the hint names the size"
    err_lacks "did you mean" "$type: no other type is suggested"
  done
  adm define -p any -t i915-GVTg_V5_1
  err_has "to 1024 MiB or more$" "so does the selection of a parent"
  adm define $a -p 0000:00:02.0 -t i915-GVT_V5_4
  err_has "did you mean" "a slip in the letters has a suggestion"
}

gvt_unnamed() {
  adm define $a -p 0000:00:02.0 -t GVTg_V5_4
  err_has "did you mean 'i915-GVTg_V5_4'\?$" "the name without the driver is completed where the kernel reports no names"
}

crypto() {
  adm types 05.0014
  err_has "crypto queue 05\.0014 has the driver cex4queue; it is not a parent: the parent of all vfio-ap devices is matrix$" "a crypto queue as parent"
  adm show card05
  exits 0 "a crypto card is shown"
  out_has "^bus: +ap$" "its bus"
  adm start -u $a -p matrix -t vfio_ap-passthrough
  adm types $a
  err_has "$a is a mediated device of matrix, not a parent$" "a mediated device as parent"
  # Exports of an active device without definition.
  adm export mdevctl $a
  exits 3 "export mdevctl requires a definition"
  err_has "cannot export '$a': no definition exists \\(the device is active\\)$" "the error says that the device is active"
  err_has "^hint: create a definition: mdevadm define $a$" "and how it is defined"
  chzdev -t ap apmask=-5 >/dev/null
  adm start -u $b -p matrix -t vfio_ap-passthrough --queue 05.0004
  adm export nodedev $b
  exits 0 "export nodedev requires none"
  out_has "<attr name='assign_adapter' value='0x05'/>" "the XML has the adapter"
  out_has "<attr name='assign_domain' value='0x0004'/>" "and the domain"
  err_lacks "not exported" "no note says otherwise"
}

refusing() {
  adm start -u $a -p 0000:00:02.0 -t i915-GVTg_V5_8
  exits 6 "the exit code for ENOSPC is that of a lack of instances, also if instances are available"
  err_has "the driver refuses to create i915-GVTg_V5_8 on 0000:00:02\.0 \(No space left on device\), although it reports [0-9]+ available instances$" "the contradiction is named"
  err_has "^hint: GVT-g needs graphics memory that the host does not use" "and the usual cause"
  adm list
  same "$out" "" "nothing was created"
}

ignoring() {
  adm start -u $a -p 0000:00:02.0 -t i915-GVTg_V5_8
  holds "a creation without effect is a failure" test "$code" != 0
  err_has "^mdevadm: error: cannot start '$a': the driver has accepted the creation, but no device has appeared within 5 s" "which is named"
  adm list
  same "$out" "" "no device exists"
  holds "no record exists" test -z "$(ls -A /run/mdevadm/devices 2>/dev/null)"
}

run_case "$@"

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
sed '/^enable_gvt/d' "$scenarios/gvt-off.toml" >"$state/kvmgt.toml"
sed 's/^loaded = .*/bound = "xe"/' "$scenarios/gvt-off.toml" >"$state/xe.toml"
sed 's/^interface.*/&\nerrno = { create = "ENOSPC" }/' "$scenarios/gvt.toml" >"$state/refusing.toml"
sed 's/^interface.*/&\ncreate = "ignore"/' "$scenarios/gvt.toml" >"$state/ignoring.toml"
on ccw-host ccw
on ccw-host ccw_stored
on ccw-host ccw_transient
on ccw-host ccw_described
on gvt-off gvt_stored
on gvt-off gvt_any
on ap-host crypto_any
cat >"$state/unloaded.toml" <<'T'
kernel = "6.6"
[[parent]]
name = "0.0.0313"
driver = "vfio_ccw"
loaded = false
bound = "io_subchannel"
subchannel = { device = "0.0.2b09" }
arithmetic = { kind = "ccw" }
type = [{ id = "io", name = "I/O subchannel (Non-QDIO)" }]
T
sed '1i kernel = "6.6"
/^interface/d' "$scenarios/gvt.toml" >"$state/gvt61.toml"
on "$state/unloaded.toml" unloaded
on ap-host no_parent
on "$state/gvt61.toml" gvt_names
on gvt-off gvt
on gvt-small gvt_aperture
on gvt-a0 gvt_unnamed
on "$state/kvmgt.toml" kvmgt
on "$state/xe.toml" xe
on ap-host crypto
on ccw-host ccw_returns
on "$state/refusing.toml" refusing
on "$state/ignoring.toml" ignoring
finish
