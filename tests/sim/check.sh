# mdevadm check: every finding that mdevadm-check(8) lists, on a host that has the problem. tests/README.md has the table
# of findings and cases.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/cases.sh"
adm() { "$MDEVADM" "$@" >/dev/null 2>&1 || failed "mdevadm $* succeeds" "exit status $?"; }

# finds SEVERITY FINDING OBJECT [WORDS...]: mdevadm check WORDS has the finding about the object, and the exit status
finds() {
  local severity=$1 finding=$2 object=$3 wanted=8
  shift 3
  run "$MDEVADM" ${root:+--root "$root"} check --json "$@"
  holds "$finding: found for $object, $severity" jq -e --arg s "$severity" --arg f "$finding" --arg o "$object" \
    '.findings | any(.severity == $s and .finding == $f and .object == $o and .cause != "")' <<<"$out"
  jq -e '.findings | all(.severity == "info")' <<<"$out" >/dev/null && wanted=0
  exits $wanted "$finding: the exit status"
  echo "found $finding ${case:-}"
}

# lacks FINDING: mdevadm check has no such finding
lacks() {
  run "$MDEVADM" ${root:+--root "$root"} check --json
  holds "$1: not found" jq -e --arg f "$1" '.findings | all(.finding != $f)' <<<"$out"
}

definition() {  # UUID PARENT TYPE [LINE]
  mkdir -p "/etc/mdevadm/devices/$2"
  printf 'type = "%s"\n%s\n' "$3" "${4:-}" >"/etc/mdevadm/devices/$2/$1.toml"
}

samples() {
  run "$MDEVADM" check
  exits 0 "a host without problems: exit status 0"
  err_has "^mdevadm: no problem found$" "and it says so"
  run "$MDEVADM" check mtty
  err_has "no problem found for mtty$" "also for one parent"
  run "$MDEVADM" check -u mtty
  err_has "no problem found for mtty$" "given with -u"
  run "$MDEVADM" check host
  err_has "no problem found for host$" "also for the host as a whole"
  exits 0 "which is an argument without a finding about it too"
  run "$MDEVADM" check nosuch
  exits 3 "an unknown argument is not found"
  definition $a nosuch mtty-1
  definition $b mtty nosuch
  finds error parent-missing $a
  finds error type-missing $b
  finds error type-missing $b mtty
  finds error type-missing $b $b
  run "$MDEVADM" check $b $b mtty --json
  same "$(jq '.findings | length' <<<"$out")" 1 "a finding is listed once, whatever arguments it is about"
  run "$MDEVADM" check
  out_has "^SEVERITY +OBJECT +CAUSE +HINTS$" "the default columns"
  out_has "^error +$b +mtty has no type 'nosuch' +list the types of the parent: mdevadm types mtty" "a line of the table"
  definition $a mtty mtty-1 "$(printf '[[attribute]]\nname = "remove"\nvalue = "1"\n')"
  finds error attribute-unusable $a
  rm -r /etc/mdevadm/devices
  echo 'type = ' >/tmp/broken
  mkdir -p /etc/mdevadm/devices/mtty /etc/mdevadm/groups /etc/mdevadm/parents
  cp /tmp/broken /etc/mdevadm/devices/mtty/$a.toml
  cp /tmp/broken /etc/mdevadm/groups/vm1.toml
  cp /tmp/broken /etc/mdevadm/parents/mtty.toml
  finds error definition-broken /etc/mdevadm/devices/mtty/$a.toml
  finds error definition-broken /etc/mdevadm/devices/mtty/$a.toml $a
  finds error definition-broken /etc/mdevadm/devices/mtty/$a.toml $a.toml
  finds error definition-broken /etc/mdevadm/devices/mtty/$a.toml /etc/mdevadm/devices/mtty/$a.toml
  finds error group-broken /etc/mdevadm/groups/vm1.toml
  finds error group-broken /etc/mdevadm/groups/vm1.toml vm1
  finds error settings-broken /etc/mdevadm/parents/mtty.toml
  definition $a mtty mtty-1 'colour = "red"'
  printf 'members = []\ncolour = "red"\n' >/etc/mdevadm/groups/vm1.toml
  echo 'colour = "red"' >/etc/mdevadm/parents/mtty.toml
  finds warning definition-problem /etc/mdevadm/devices/mtty/$a.toml
  finds warning group-problem /etc/mdevadm/groups/vm1.toml
  finds warning settings-problem /etc/mdevadm/parents/mtty.toml
  mkdir -p /run/mdevadm/claims
  cp /tmp/broken /run/mdevadm/claims/$b.toml
  finds error claim-broken $b
  mv /run/mdevadm/claims/$b.toml /run/mdevadm/claims/x.toml
  finds warning claim-broken /run/mdevadm/claims/x.toml
  rm -r /run/mdevadm/claims
  rm -r /etc/mdevadm/*
  mkdir -p /etc/mdevctl.d/mtty
  echo '{"mdev_type": "mtty-1", "start": "auto", "attrs": []}' >/etc/mdevctl.d/shared
  ln -s ../shared /etc/mdevctl.d/mtty/$a
  finds warning definition-problem /etc/mdevctl.d/mtty/$a
  finds warning definition-problem /etc/mdevctl.d/mtty/$a $a
  run "$MDEVADM" list --defined
  err_has "warning: 1 definition file has a problem; for details: mdevadm status$" "list counts a link that is not read"
  run "$MDEVADM" start --auto
  err_has "warning: /etc/mdevctl.d/mtty/$a: a symbolic link, which mdevctl does not read; replace it by a copy$" "start --auto names it"
  run "$MDEVADM" start $a
  exits 3 "the device is not defined"
  err_has "^hint: /etc/mdevctl.d/mtty/$a: a symbolic link, which mdevctl does not read; replace it by a copy: cp " "start names the link and the command"
  adm define $a -p mtty -t mtty-1
  run "$MDEVADM" undefine $a
  exits 0 "a definition beside a link is removed"
  err_lacks "takes effect now" "the link does not take effect"
  eval "$("$MDEVADM" check --json | jq -r '.findings[] | select(.finding == "definition-problem") | .hints[0]')"
  lacks definition-problem
  run "$MDEVADM" list --all -n -o uuid,origin
  out_has "^$a +mdevctl" "a copy is read"
  mv /etc/mdevctl.d/mtty /run/elsewhere
  ln -s /run/elsewhere /etc/mdevctl.d/mtty
  finds warning definition-problem /etc/mdevctl.d/mtty
  run "$MDEVADM" list --defined -p mtty
  err_has "warning: 1 definition file has a problem; for details: mdevadm status$" "list counts a linked directory that is not read"
  eval "$("$MDEVADM" check --json | jq -r '.findings[] | select(.finding == "definition-problem") | .hints[0]')"
  lacks definition-problem
  run "$MDEVADM" list --all -n -o uuid,origin
  out_has "^$a +mdevctl" "a copy of the directory is read"
  rm -r /etc/mdevctl.d/mtty
  ln -s /nosuch /etc/mdevctl.d/mtty
  finds warning definition-problem /etc/mdevctl.d/mtty
  eval "$("$MDEVADM" check --json | jq -r '.findings[] | select(.finding == "definition-problem") | .hints[0]')"
  lacks definition-problem
  rm -r /etc/mdevctl.d
  definition $a mtty mtty-1
  definition $a mdpy mdpy-vga
  finds warning uuid-shared $a
  rm -r /etc/mdevadm/devices/mtty
  adm start -u $a -p mtty -t mtty-1
  finds warning uuid-taken $a
  rm -r /etc/mdevadm/devices
  finds info device-undefined $a
  finds info device-undefined $a $a
  finds info mdev-device $a $a
  touch /etc/mdevadm/devices
  finds error files-unread /etc/mdevadm/devices
  run "$MDEVADM" check
  err_lacks "no problem found" "a directory that cannot be read is a problem"
  rm /etc/mdevadm/devices
}

# On a terminal, each finding is a paragraph.
terminal() {
  definition $a mtty nosuch
  definition $b mtty mtty-1 'colour = "red"'
  run script -qec "stty cols 100; $MDEVADM check" /dev/null
  out=$(tr -d '\r' <<<"$out")
  out_has "^error: $a: mtty has no type 'nosuch'$" "the first line has severity and object and cause"
  out_has "^    hint: list the types of the parent: mdevadm types mtty$" "each hint has a line"
  same "$(awk 'length > 80' <<<"$out")" "" "lines are wrapped at 80 columns"
  out_lacks "…" "nothing is cut"
  run "$MDEVADM" check
  out_has "^warning +/etc/mdevadm/devices/mtty/$b.toml +/etc/.*unknown key 'colour'.* +edit the file$" "in a pipe it is a line of a table"
}

devices() {
  adm define $a -p mtty -t mtty-1 --auto
  adm define $b -p mtty -t mtty-1
  control fault create 0 EINVAL
  "$MDEVADM" start --auto --timeout 1 >/dev/null 2>&1
  control clear
  finds error autostart-failed $a
  adm modify $a --manual
  lacks autostart-failed
  adm group create boot $a --auto
  finds error autostart-failed $a
  adm group delete boot
  adm modify $a --auto
  finds error autostart-failed $a
  adm start $a
  lacks autostart-failed
  adm group create vm1 $a $b
  finds warning group-partial vm1
  finds warning group-partial vm1 vm1
  rm /etc/mdevadm/devices/mtty/$b.toml
  finds error group-member vm1
  rm -r /etc/mdevadm/groups
  adm modify $a --node-mode 0666
  finds warning node-permissions $a
  adm modify $a --type mtty-2 --force
  finds warning drift $a
}

functions_off() {
  finds info sriov-off 0000:41:00.0
  definition $a 0000:41:00.0 1149
  finds error sriov-off 0000:41:00.0
  finds error sriov-off 0000:41:00.0 $a
  adm parent set 0000:41:00.0 --vfs all
  finds warning sriov-off 0000:41:00.0
  same "$(jq -r '.findings[] | select(.finding == "sriov-off") | .hints[0]' <<<"$out")" \
    "enable them: mdevadm parent prepare 0000:41:00.0" "a parent with settings is enabled as they say"
  lacks parent-unprepared
}
unprepared() {
  adm parent set 0000:41:00.0 --vfs all --run 'sh -c "exit 3"'
  lacks parent-unprepared
  "$MDEVADM" parent prepare 0000:41:00.0 2>/dev/null
  finds warning parent-unprepared 0000:41:00.0
  same "$(jq -r '.findings[] | select(.finding == "parent-unprepared") | .cause' <<<"$out")" \
    "0000:41:00.0 does not match its settings: the last preparation failed: command 'sh -c 'exit 3'' failed: exit status 3, no output" "the cause has the failure"
  definition $a 0000:41:00.0 1149
  finds error parent-unprepared 0000:41:00.0
  adm parent set 0000:41:00.0 --run true
  adm parent prepare 0000:41:00.0
  lacks parent-unprepared
  adm parent set 0000:41:00.0 --run 'true again'
  finds warning parent-unprepared 0000:41:00.0
}
# An override that the GPU has, or that advice about another driver would set, prevents sriov-manage from enabling functions.
override() {
  echo nvidia >/sys/bus/pci/devices/0000:41:00.0/driver_override
  finds warning gpu-override 0000:41:00.0
  adm parent set 0000:41:00.0 --vfs all
  run "$MDEVADM" parent prepare 0000:41:00.0
  exits 4 "prepare refuses a GPU with an override"
  err_has "driver_override of 0000:41:00.0 is nvidia, so sriov-manage cannot enable its virtual functions" "and names it"
  echo >/sys/bus/pci/devices/0000:41:00.0/driver_override
  lacks gpu-override
  adm parent prepare 0000:41:00.0
}
stub() {
  finds info gpu-driver 0000:41:00.0
  eval "$(jq -r '.findings[] | select(.finding == "gpu-driver") | .hints[0]' <<<"$out" | sed 's/^[^:]*: //')"
  lacks gpu-driver
  /usr/lib/nvidia/sriov-manage -e 0000:41:00.0 >/dev/null
  same "$(cat /sys/bus/pci/devices/0000:41:00.0/sriov_numvfs)" 32 "as the hint says, so that sriov-manage works again"
}
# A GPU that accepts no more, or only the size in use, works as its driver defines.
# The description of the host.
described() {
  mkdir -p /etc/mdevadm
  printf 'version = 1\n[[device]]\nname = "seat-{}"\ncount = 2\ntype = "nvidia-14"\n' >/etc/mdevadm/host.toml
  finds warning host-differs host
  run "$MDEVADM" check --json
  same "$(jq -r '.findings[] | select(.finding == "host-differs") | .cause, .hints[0]' <<<"$out")" \
    "the host differs from /etc/mdevadm/host.toml: 2 devices to add, 2 devices to start
show the differences: mdevadm diff" "the differences are counted, with a command"
  adm apply
  lacks host-differs
  printf '[[device]]\nname = "x"\ntyp = "nvidia-14"\n' >>/etc/mdevadm/host.toml
  finds error description-broken /etc/mdevadm/host.toml
  lacks host-differs
  printf 'version = 1\n[[device]]\nname = "seat-{}"\ncount = 99\ntype = "nvidia-14"\n' >/etc/mdevadm/host.toml
  finds error description-broken /etc/mdevadm/host.toml
}
functions_in_use() {
  adm start -p 0000:41:00.0 -t L40S-48Q
  finds info parent-notice 0000:41:00.0
}
functions_taken() {
  adm start -u $b -p 0000:41:00.0 -t L40S-4Q --vf 0000:41:00.4
  definition $a 0000:41:00.0 1149 'vf = "0000:41:00.4"'
  finds warning vf-taken $a
  same "$(jq -r '.findings[] | select(.finding == "vf-taken") | .hints[]' <<<"$out")" "stop that device: mdevadm stop $b" "the device can be stopped"
  finds info device-undefined $b $b
  definition $b 0000:41:00.0 1149 'vf = "0000:41:00.4"'
  finds warning vf-shared $b
  lacks definition-problem
  run "$MDEVADM" check $b --json
  same "$(jq -r '.findings[] | select(.finding == "vf-shared") | .cause, .hints[]' <<<"$out")" \
    "virtual function 0000:41:00.4 is also reserved for '$a' under 0000:41:00.0; the devices cannot be active together
let '$a' use any virtual function: mdevadm modify $a --vf any
remove the definition of '$a', if it is not needed: mdevadm undefine $a -p 0000:41:00.0" "the other definition is named, with a command"
  # The definition whose device is active keeps the function.
  local c=cccccccc-0000-4000-8000-000000000003
  definition $c 0000:41:00.0 1149 'vf = "0000:41:00.4"'
  adm undefine $a
  run "$MDEVADM" check $c --json
  same "$(jq -r '.findings[] | select(.finding == "vf-shared") | .hints[]' <<<"$out")" \
    "let '$c' use any virtual function: mdevadm modify $c --vf any
remove the definition of '$c', if it is not needed: mdevadm undefine $c -p 0000:41:00.0" "the definition of the inactive device is to be changed"
  adm undefine $c
  definition $a 0000:41:00.0 1149 'vf = "0000:41:00.4"'
  sed -i '1i start = "auto"' /etc/mdevadm/devices/0000:41:00.0/*.toml
  finds error vf-shared $b
  adm undefine $a -p 0000:41:00.0
  lacks vf-shared
  definition $a 0000:41:00.0 1149 'vf = "0000:41:00.5"'
  run "$MDEVADM" parent set 0000:41:00.0 --reserve 0000:41:00.5
  err_has "warning: .*virtual function 0000:41:00.5 is also reserved for '$a', which cannot be started while it is reserved; let '$a' use any virtual function: mdevadm modify $a --vf any" "parent set warns"
  finds warning vf-withheld $a
  adm parent set 0000:41:00.0 --unreserve 0000:41:00.5
  lacks vf-withheld
  echo 1150 >/sys/bus/pci/devices/0000:41:00.5/nvidia/current_vgpu_type
  finds warning vf-taken $a
  same "$(jq -r --arg a $a '.findings[] | select(.finding == "vf-taken" and .object == $a) | .hints[0]' <<<"$out")" \
    "let '$a' use any virtual function: mdevadm modify $a --vf any" "a device of another program is not to be stopped by mdevadm"
  definition $a 0000:41:00.0 9999
  finds error type-missing $a
}
renumbered() {
  adm define -p 0000:41:00.0 -t L40S-4Q $a
  sed -i 's/^type = .*/type = "1149"/' /etc/mdevadm/devices/0000:41:00.0/$a.toml
  finds warning abi-differs $a
  adm modify $a --auto
  finds error abi-differs $a
  sed -i 's/^type = .*/type = "9150"/' /etc/mdevadm/devices/0000:41:00.0/$a.toml
  finds error type-missing $a
  adm modify $a -t 'NVIDIA L40S-4Q'
  lacks type-missing
  lacks abi-differs
}
mig() {
  local other
  other=$("$MDEVADM" types 0000:41:00.0 --json | jq -r '.types[] | select(.name | endswith("A100D-40C")) | .type')
  adm define --force -p 0000:41:00.0 -t "$other" $a
  finds warning mig-mode $a
  adm modify $a --auto --force
  finds error mig-mode $a
  adm define -p 0000:41:00.0 -t nvidia-703 $b
  finds warning mig-instance $b
}
functions_unusable() {
  echo 0000:41:00.6 >/sys/bus/pci/drivers/nvidia/unbind
  finds warning parent-notice 0000:41:00.0
  run "$MDEVADM" define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.6
  exits 0 "define accepts a virtual function that takes no device now"
  err_has "warning: '$a': virtual function 0000:41:00.6 has no usable vGPU interface \(it is bound to no driver\)" "and warns"
  finds warning vf-unusable $a
  adm start -p 0000:41:00.0 -t 1149
  finds warning parent-notice 0000:41:00.0
  same "$(jq -r '.findings[] | select(.finding == "parent-notice") | .hints[1]' <<<"$out")" \
    "until then, exclude the virtual function: mdevadm parent set 0000:41:00.0 --reserve 0000:41:00.6" "other virtual functions are in use, so they are not to be disabled"
  finds warning parent-notice 0000:41:00.0 0000:41:00.5
}
# The driver takes no type on a virtual function that was unbound from it.
functions_refusing() {
  echo 0000:41:00.4 >/sys/bus/pci/drivers/nvidia/unbind
  echo 0000:41:00.4 >/sys/bus/pci/drivers/nvidia/bind
  lacks vf-refuses
  adm start -u $b -p 0000:41:00.0 -t 1149
  finds warning vf-refuses 0000:41:00.0
  adm parent set 0000:41:00.0 --reserve 0000:41:00.4
  lacks vf-refuses
  adm parent set 0000:41:00.0 --unreserve 0000:41:00.4
  adm define --auto -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4 $a
  finds error vf-refuses 0000:41:00.0
  adm undefine $a
  adm stop --all
  adm stop 0000:41:00.5
  /usr/lib/nvidia/sriov-manage -d 0000:41:00.0 >/dev/null && /usr/lib/nvidia/sriov-manage -e 0000:41:00.0 >/dev/null
  lacks vf-refuses
}
no_iommu() {
  finds error iommu-off 0000:41:00.0
  adm parent set 0000:41:00.0 --vfs all
  run "$MDEVADM" parent prepare 0000:41:00.0
  exits 4 "prepare refuses a GPU without IOMMU"
  err_has "0000:41:00.0 has no IOMMU group, so its virtual functions cannot be used$" "and has the reason"
  run "$MDEVADM" start -p 0000:41:00.0 -t L40S-4Q
  err_has "^hint: enable the IOMMU in the firmware" "start has the same hint"
}
nouveau() {
  finds info gpu-driver 0000:41:00.0
  definition $a 0000:41:00.0 1149
  finds error gpu-driver 0000:41:00.0
}
no_driver() { finds info gpu-no-driver 0000:41:00.0; }

ccw() {
  run "$MDEVADM" check
  exits 0 "subchannels of the host are no problem"
  finds error css-driver 0.0.0313 0.0.0313
  finds error css-driver 0.0.0313 0.0.2b09
  finds info css-type 0.0.0330 0.0.0330
  finds info css-qdio 0.0.0320 0.0.0320
  run "$MDEVADM" check 0.0.2c00 --json
  same "$(jq -c '[.findings[].object]' <<<"$out")" '["0.0.0341"]' "a device number is not taken for one of a device number again"
  definition $a 0.0.0313 vfio_ccw-io
  finds error css-driver $a
  rm -r /etc/mdevadm/devices
  adm define $a -p 0.0.0315 -t vfio_ccw-io --name first --auto
  lacks autostart-capacity
  run "$MDEVADM" define $b -p 0.0.0315 -t vfio_ccw-io --name second --auto
  err_has "warning: '$b': 0\.0\.0315 can have at most 1 instance of vfio_ccw-io, and other definitions with autostart need it: 'first', so not all of them can be started at boot$" \
    "define warns of two devices with autostart on one subchannel"
  finds error autostart-capacity second
  adm start first
  finds error autostart-capacity second
  run "$MDEVADM" start second
  err_has "^hint: stop the active device of the parent: mdevadm stop $a$" "the error names the device that is active"
  adm stop first
  # A start that succeeds ends the failure of the autostart.
  adm modify second --manual
  lacks autostart-capacity
  control fault create 1 EINVAL
  "$MDEVADM" start --auto 2>/dev/null
  finds error autostart-failed first
  adm start first
  adm stop first
  lacks autostart-failed
  run "$MDEVADM" list --boot -n -o name,boot,boot_message
  same "$out" "first manual -" "list --boot says that a command has started the device since"
}
gvt_disabled() {
  finds error gvt-disabled 0000:00:02.0 0000:00:02.0
  finds info gvt-disabled 0000:00:02.0
}
gvt_module() { finds error gvt-module 0000:00:02.0 00:02.0; }
pci() {
  local gpu=0000:00:02.0
  echo $gpu >/sys/bus/pci/drivers/i915/unbind
  finds error pci-no-driver $gpu $gpu
  driverctl set-override $gpu vfio-pci
  finds error pci-passthrough $gpu $gpu
}
xe() { finds info pci-driver 0000:00:02.0 0000:00:02.0; }
plain_function() {
  echo 2 >/sys/bus/pci/devices/0000:4d:00.0/sriov_numvfs
  finds info pci-function 0000:4d:00.1 0000:4d:00.1
}
crypto() {
  finds info ap-queue 05.0014 05.0014
  run "$MDEVADM" show matrix
  out_has "adapter 0x05, domains 0x0004,0x0014,0x0047: host \(driver: cex4queue\)$" "show lists the queues of the host"
  definition $a matrix vfio_ap-passthrough "$(printf '[[attribute]]\nname = "assign_adapter"\nvalue = "0x05"\n[[attribute]]\nname = "assign_domain"\nvalue = "0x14"\n')"
  finds error queue-of-host $a
  echo -0x05 >/sys/bus/ap/apmask
  lacks queue-unbound
  echo 05.0014 >/sys/bus/ap/drivers/vfio_ap/unbind
  finds warning queue-unbound $a
  same "$(jq -r '.findings[] | select(.finding == "queue-unbound") | .cause, .hints[]' <<<"$out")" \
    "crypto queue 05.0014 is not bound to vfio_ap, so a guest does not get adapter 0x05 (Linux 6.0 and later; before, the device cannot be started)
bind the queue: echo 05.0014 > /sys/bus/ap/drivers_probe" "also that of a device that is not active"
  adm modify $a --auto
  finds error queue-unbound $a
  adm modify $a --manual
  echo 05.0014 >/sys/bus/ap/drivers_probe
  lacks queue-unbound
  adm start $a
  lacks queue-unbound
  echo 05.0014 >/sys/bus/ap/drivers/vfio_ap/unbind
  finds error queue-unbound $a
  run "$MDEVADM" show matrix
  out_has "adapter 0x05, domains 0x0014: device $a, not bound to vfio_ap \(no driver\)$" "show marks queues that are not bound"
  same "$("$MDEVADM" show matrix --json | jq -c '[.parents[0].queues[] | select(.owner != "host") | [.domains, .bound]]')" \
    '[[[4,71],true],[[20],false]]' "so does JSON"
  echo 05.0047 >/sys/bus/ap/drivers/vfio_ap/unbind
  run "$MDEVADM" show matrix
  out_has "adapter 0x06, domains 0x0004,0x0014,0x0047: host \(driver: cex4queue\)$" "show names the driver of the host's queues"
  out_has "adapter 0x05, domains 0x0047: free, not bound to vfio_ap \(no driver\)$" "also that a queue has none"
  same "$("$MDEVADM" show matrix --json | jq -c '[.parents[0].queues[] | [.domains, .bound, .driver]]')" \
    '[[[4],true,"vfio_ap"],[[20],false,null],[[71],false,null],[[4,20,71],false,"cex4queue"]]' "JSON has the driver of all queues"
}
# Before Linux 6.0, queues that are reserved for the host again have one finding.
crypto_old() {
  echo -0x05 >/sys/bus/ap/apmask
  adm define $b -p matrix -t vfio_ap-passthrough --adapter 5 --domain 20
  echo 05.0014 >/sys/bus/ap/drivers/vfio_ap/unbind
  finds warning queue-unbound $b
  run "$MDEVADM" start $b
  exits 4 "such a queue is refused"
  finds warning queue-unbound $b
  adm start -u $c -p matrix -t vfio_ap-passthrough --adapter 5 --domain 0x47
  run "$MDEVADM" check $b --json
  same "$(jq -r '.findings[] | select(.finding == "queue-unbound").cause' <<<"$out")" \
    "crypto queue 05.0014 is not bound to vfio_ap, so the device cannot be started (Linux before 6.0)" "check says so if it knows"
  adm stop $c
  adm undefine $b
  adm define $a -p matrix -t vfio_ap-passthrough --adapter 5 --domain 4
  adm start $a
  echo +0x05 >/sys/bus/ap/apmask
  run "$MDEVADM" check --json
  same "$(jq -r '.findings[] | select(.severity == "error").finding' <<<"$out" | sort -u)" queue-of-host "one cause, one finding"
}
scripts() {
  mkdir -p /etc/mdevctl.d/scripts.d/notifiers
  echo '#!/bin/sh' >/etc/mdevctl.d/scripts.d/notifiers/tell
  finds info script-unusable /etc/mdevctl.d/scripts.d/notifiers/tell
  chmod 777 /etc/mdevctl.d/scripts.d/notifiers/tell
  finds warning script-unusable /etc/mdevctl.d/scripts.d/notifiers/tell
  chmod 755 /etc/mdevctl.d/scripts.d/notifiers/tell
  lacks script-unusable
  for line in '' 'exit 1' '#!' '#!/nosuch/sh' '#!sh' '#!/etc' $'#!/bin/sh\r'; do
    echo "$line" >/etc/mdevctl.d/scripts.d/notifiers/tell
    finds warning script-unusable /etc/mdevctl.d/scripts.d/notifiers/tell
  done
  cp /bin/true /etc/mdevctl.d/scripts.d/notifiers/tell
  lacks script-unusable
  echo '#! /bin/sh -e' >/etc/mdevctl.d/scripts.d/notifiers/tell
  lacks script-unusable
  mkdir -p /etc/mdevctl.d/scripts.d/callouts
  cp -p /etc/mdevctl.d/scripts.d/notifiers/tell /etc/mdevctl.d/scripts.d/callouts/ask
  lacks script-unusable
  chmod 777 /etc/mdevctl.d/scripts.d/callouts/ask
  finds error script-unusable /etc/mdevctl.d/scripts.d/callouts/ask
  rm /etc/mdevctl.d/scripts.d/callouts/ask
  mkdir -p /etc/mdevctl.d/mtty
  local target
  for target in /nosuch /tmp; do
    ln -s $target /etc/mdevctl.d/mtty/$a
    finds warning definition-problem /etc/mdevctl.d/mtty/$a
    same "$(jq -r '.findings[] | select(.finding == "definition-problem").hints[]' <<<"$out")" "rm /etc/mdevctl.d/mtty/$a" "a link to $target is to be removed"
    eval "$(jq -r '.findings[] | select(.finding == "definition-problem").hints[]' <<<"$out")"
    lacks definition-problem
  done
}
accounts() {
  local owner
  for owner in a:b:c ':no such' root: : 'no such'; do
    run "$MDEVADM" define $a -p mtty -t mtty-1 --node-owner "$owner"
    exits 2 "--node-owner '$owner' is refused"
    err_has "invalid owner '$owner' \(expected USER, USER:GROUP or :GROUP\)" "the error has the forms that are accepted"
  done
  definition $a mtty mtty-1 "$(printf '[node]\nowner = "root:kvm"\n')"
  run "$MDEVADM" start $a
  exits 1 "a file with the group in the key of the owner is refused"
  err_has "'owner' must be the name or ID of a user, not \"root:kvm\"" "and the error says why"
  rm -r /etc/mdevadm/devices
  "$MDEVADM" define $a -p mtty -t mtty-1 --name one --node-owner nosuchuser >/dev/null
  "$MDEVADM" define $b -p mtty -t mtty-1 --name two >/dev/null
  "$MDEVADM" group create vm two --node-owner root:nosuchgroup
  finds error account-missing one
  finds error account-missing vm
  run "$MDEVADM" check
  out_has "the user 'nosuchuser' does not exist, so the owner of VFIO nodes cannot be set, and the start fails" "the cause says what follows"
  "$MDEVADM" modify one --node-owner root
  "$MDEVADM" group modify vm --node-owner root:root
  lacks account-missing
}
state() {
  "$MDEVADM" define $a -p mtty -t mtty-1 --name one >/dev/null
  mkdir -p /run/mdevadm
  chmod 1777 /run/mdevadm
  finds error state-unusable /run/mdevadm
  chmod 755 /run/mdevadm
  mount -t tmpfs -o ro none /run/mdevadm
  finds error state-unusable /run/mdevadm
  umount /run/mdevadm
  for part in devices claims boot parents probes; do
    mkdir -p /run/mdevadm/$part
    chown 1234 /run/mdevadm/$part
    finds error state-unusable /run/mdevadm/$part
    chown 0 /run/mdevadm/$part
  done
  lacks state-unusable
}
crypto_card() {
  definition $a matrix vfio_ap-passthrough "$(printf '[ap]\nadapters = ["0x05"]\ndomains = ["0x14"]\n')"
  echo -0x05 >/sys/bus/ap/apmask
  lacks queue-unusable
  echo 0 >/sys/bus/ap/devices/card05/config
  finds warning queue-unusable $a
  same "$(jq -r '.findings[] | select(.finding == "queue-unusable").hints[]' <<<"$out")" "configure the card: chzcrypt --config-on 0x5" "its hint is the command"
  run "$MDEVADM" start $a
  exits 0 "queues of a deconfigured card can be assigned"
  err_has "adapter 0x05 is deconfigured, so a guest cannot use it; configure the card: chzcrypt --config-on 0x5$" "start warns about the card"
  run "$MDEVADM" show matrix
  out_has "adapter 0x05, domains 0x0014: device $a, card deconfigured$" "show marks the queues of the card"
  same "$("$MDEVADM" show matrix --json | jq -c '[.parents[0].queues[].card] | unique')" '[null,"deconfigured"]' "so does JSON"
}
crypto_shared() {
  local queue='[ap]\nadapters = ["0x05"]\ndomains = [%s]\n'
  echo -0x05 >/sys/bus/ap/apmask
  # shellcheck disable=SC2059
  definition $a matrix vfio_ap-passthrough "$(printf "$queue" '"0x14"')"
  # shellcheck disable=SC2059
  definition $b matrix vfio_ap-passthrough "$(printf "$queue" '20, 71')"
  finds warning queue-shared $b
  lacks queue-missing
  adm start $a
  finds warning queue-taken $b
  sed -i 's/type/start = "auto"\ntype/' /etc/mdevadm/devices/matrix/*.toml
  finds error queue-shared $b
  finds error queue-taken $b
  # shellcheck disable=SC2059
  definition $b matrix vfio_ap-passthrough "$(printf "$queue" 14)"
  finds warning queue-missing $b
  sed -i 's/0x14/0x47/' /etc/mdevadm/devices/matrix/$a.toml
  run "$MDEVADM" check $b --json
  same "$(jq -r '.findings[] | select(.finding == "queue-missing") | .cause, .hints[1]' <<<"$out")" \
    "domain 0x000e is not on this host; the guest gets the queues when they appear
if the host will not have it again, correct the definition: mdevadm modify $b --domain NUMBERS" "check does not guess at another number"
  adm modify $b --domain 0x0014
  lacks queue-missing
  run "$MDEVADM" define -p matrix -t vfio_ap-passthrough --adapter 5 --domain 15
  err_has "warning: .*domain 0x000f is not on this host; " "define warns of numbers that do not exist"
  for words in "--domain 85" "--domain 84-90" "--attr assign_domain=200" "--domain 4 --control-domain 85"; do
    # shellcheck disable=SC2086
    run "$MDEVADM" define $c -p matrix -t vfio_ap-passthrough --adapter 5 $words
    exits 1 "define $words: the machine has no such domain"
    err_has "cannot define .*: the machine has no (control )?domain [0-9a-fx-]+ \(the highest is 0x54\)$" "... and define says so"
    err_has "^hint: if the definition is for another machine, use --force$" "... with the option that accepts it"
  done
  run "$MDEVADM" define $c -p matrix -t vfio_ap-passthrough --adapter 5 --domain 4 --control-domain 85 --force
  err_has "warning: .*: the machine has no control domain 0x0055 .*, so the device cannot be started$" "with --force define warns"
  finds error queue-missing $c
  run "$MDEVADM" modify $c --domain +86
  exits 1 "modify refuses a domain that the machine cannot have"
  adm modify $c --control-domain=-0x0055
  run "$MDEVADM" check --json
  holds "following the hint removes the error" jq -e --arg o $c '.findings | all(.object != $o or .severity != "error")' <<<"$out"
  adm stop $a
  rm -r /etc/mdevadm/devices
  adm start -u $a -p matrix -t vfio_ap-passthrough --adapter 5 --domain 47
  finds warning queue-missing $a
  definition $a matrix vfio_ap-passthrough "$(printf "$queue" 47)"
  finds warning queue-missing $a
  definition $a matrix vfio_ap-passthrough "$(printf "$queue" 200)"
  run "$MDEVADM" check $a --json
  same "$(jq -r '.findings[] | select(.finding == "drift").hints[]' <<<"$out")" \
    "correct the definition: mdevadm modify $a --domain NUMBERS" "a definition that cannot be applied is corrected first"
  definition $b matrix vfio_ap-passthrough "$(printf '[ap]\ncontrol_domains = [5]\n')"
  finds warning queue-missing $b
  definition $b matrix vfio_ap-passthrough "$(printf '[[attribute]]\nname = "assign_domain"\nvalue = "5,6"\n')"
  finds error queue-value $b
  run "$MDEVADM" start $b
  exits 1 "the value is not written"
  err_has "attribute 'assign_domain': '5,6' is a list" "start says what is wrong with it"
  adm modify $b --delete-attr 1
  lacks queue-value
  finds warning queue-none $b
  adm group create vm $a $b --vm-uuid $c
  finds warning group-vfio-ap vm
  adm group delete vm
  rm -r /etc/mdevadm/devices
  echo garbage >/tmp/matrix
  mount --bind /tmp/matrix /sys/devices/vfio_ap/matrix/$a/ap_config
  definition $a matrix vfio_ap-passthrough
  finds warning queues-unreadable $a
}

# Hosts as trees, for states that no scenario has.
trees() {
  local root tree
  lay() {
    root=$(mktemp -d "$state/XXXXXX") tree=$root.tree
    cat >"$tree"
    "$LAY_TREE" "$tree" "$root"
  }
  lay <<<'sys/'
  finds info mdev-core host
  mkdir -p "$root/etc/mdevadm/devices/mtty"
  echo 'type = "mtty-1"' >"$root/etc/mdevadm/devices/mtty/$a.toml"
  finds error mdev-core host
  finds warning vfio-module host
  lay <<'T'
sys/class/mdev_bus/0000:02:00.0 -> ../../devices/pci0000:00/0000:02:00.0
sys/devices/pci0000:00/0000:02:00.0/mdev_supported_types/
T
  finds warning parent-no-types 0000:02:00.0
  lay <<'T'
sys/bus/css/devices/0.0.0313 -> ../../../devices/css0/0.0.0313
sys/devices/css0/0.0.0313/driver -> ../../../bus/css/drivers/vfio_ccw
sys/bus/css/drivers/vfio_ccw/
T
  finds error css-no-types 0.0.0313 0.0.0313
  local i915='sys/bus/pci/devices/0000:00:02.0 -> ../../../devices/pci0000:00/0000:00:02.0
sys/devices/pci0000:00/0000:00:02.0/driver -> ../../../bus/pci/drivers/i915
sys/bus/pci/drivers/i915/'
  lay <<<"$i915"
  finds error gvt-unsupported 0000:00:02.0 0000:00:02.0
  lay <<<"$i915
sys/module/kvmgt/
sys/module/i915/parameters/enable_gvt = Y\\n"
  finds error gvt-refused 0000:00:02.0 0000:00:02.0
  lay <<<"$i915
sys/module/kvmgt/
sys/module/i915/parameters/enable_gvt = N\\n"
  mkdir -p "$root/etc/mdevadm/devices/0000:00:02.0"
  echo 'type = "i915-GVTg_V5_4"' >"$root/etc/mdevadm/devices/0000:00:02.0/$a.toml"
  finds error gvt-disabled $a
  lacks mdev-core
  lay <<'T'
sys/bus/ap/devices/05.0014 -> ../../../devices/ap/card05/05.0014
sys/devices/ap/card05/05.0014/
T
  finds info ap-queue 05.0014 05.0014
  finds error ap-module matrix matrix
  lay <<T
sys/class/mdev_bus/mtty -> ../../devices/virtual/mtty/mtty
sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1/available_instances = 23\\n
sys/devices/virtual/mtty/mtty/$a/mdev_type -> ../mdev_supported_types/mtty-1
sys/bus/mdev/devices/$a -> ../../../devices/virtual/mtty/mtty/$a
dev/vfio/
etc/mdevadm/devices/mtty/$a.toml = type = "mtty-1"\\nstart = "auto"\\n
usr/lib/systemd/system/mdevadm.target = \\n
usr/lib/systemd/system/mdevadm-groups.service = \\n
run/systemd/system/
T
  finds error node-missing $a
  finds warning unit-disabled mdevadm.target
  mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
  ln -s /usr/lib/systemd/system/mdevadm.target "$root/etc/systemd/system/multi-user.target.wants/"
  lacks unit-disabled
}

run_case "$@"

log=$(mktemp)
state=$(mktemp -d)
trap 'rm -rf "$state" "$log"' EXIT
ln -s "$scenarios/types" "$state/types"
sed '/^enable_gvt/d' "$scenarios/gvt-off.toml" >"$state/kvmgt.toml"
sed 's/^loaded = .*/bound = "xe"/' "$scenarios/gvt-off.toml" >"$state/xe.toml"
sed 's/^kernel.*/&\niommu = false/' "$scenarios/l40s.toml" >"$state/no-iommu.toml"
sed 's/^driver = .*/&\nbound = "nouveau"/' "$scenarios/l40s-boot.toml" >"$state/nouveau.toml"
sed 's/^driver = .*/&\nbound = "pci-pf-stub"/' "$scenarios/l40s-boot.toml" >"$state/stub.toml"
sed 's/^driver = .*/&\nbound = ""/' "$scenarios/l40s-boot.toml" >"$state/no-driver.toml"
sed 's/6\.10/5.17/' "$scenarios/ap-host.toml" >"$state/crypto-old.toml"
on samples samples
on samples accounts
on samples scripts
on samples state
on samples devices
on samples terminal
on l40s-boot functions_off
on l40s functions_in_use
on m60 described
on l40s functions_unusable
on l40s functions_refusing
on l40s functions_taken
on l40s renumbered
on a100 mig
on "$state/no-iommu.toml" no_iommu
on "$state/nouveau.toml" nouveau
on "$state/no-driver.toml" no_driver
on "$state/stub.toml" stub
on l40s-boot override
on l40s-boot unprepared
on ccw-host ccw
on gvt-off gvt_disabled
on "$state/kvmgt.toml" gvt_module
on gvt-off pci
on "$state/xe.toml" xe
on flex plain_function
on ap-host crypto
on ap-host crypto_card
on ap-host crypto_shared
on "$state/crypto-old.toml" crypto_old
case=trees
trees >"$state/out"
grep -v '^found ' "$state/out"
grep '^found ' "$state/out" >>"$log"

# Each finding of the manual has been found, and the table in tests/README.md has the cases.
documented=$(sed -n '/^# FINDINGS/,/^@COMMON/p' "$here/../../man/mdevadm-check.8.scd" | grep '^\*' | grep -oE '\*[a-z-]+\*' | tr -d '*' | sort -u)
same "$(awk '{print $2}' "$log" | sort -u)" "$documented" "the findings of the manual are those of the cases"
same "$(sed -n '/^## Findings of check/,/^## NVIDIA/p' "$here/../README.md" | sed -nE 's/^\| ([a-z-]+) \| ([a-z_, ]+) \|$/\1 \2/p' | sort | grep -v '^finding ')" \
  "$(awk '{if (!seen[$2 $3]++) cases[$2] = cases[$2] (cases[$2] ? ", " : "") $3} END {for (f in cases) print f, cases[f]}' "$log" | sort)" \
  "the table in tests/README.md has the cases"
finish
