# Each command that a message names is run in the state that produced the message: it must be accepted and print or
# change something; after a command of another program, the failed command must have another outcome. Each message of the
# sources that names a command must have been seen (tools/hints.py), except those listed at the end. Arguments select cases.
# shellcheck shell=bash disable=SC2154,SC2086,SC2034
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
c=aaaaaaaa-0000-4000-8000-000000000003
gpu=0000:86:00.0
control() { "$MDEVSIM" control "$@"; }
adm() {
  local said code=0
  said=$("$MDEVADM" "$@" 2>&1) || code=$?
  [ $code = 0 ] || echo "# mdevadm $* ends with $code: $said"
  return $code
}

# A case has the name SCENARIO__NAME and brings the host into a state; `words` is the command that then fails or warns.
samples__unknown_type_in_filter() { words="list --all -t nosuch"; }
samples__unknown_parent() { words="list -p nosuch"; }
samples__misspelled_parent() { words="types mttyy"; }
samples__misspelled_command() { words="strat x"; }
samples__misspelled_option() { words="list --defind"; }
samples__unknown_device() { words="start nosuch"; }
samples__malformed_uuid() { words="stop aaaaaaaa-0000-4000-8000-00000000001"; }
samples__option_without_type() { words="start $a --attr x=1"; }
samples__undefined_uuid() { words="start $a"; }
samples__no_definition() { adm start -u $a -p mtty -t mtty-1; words="modify $a --auto"; }
samples__undefine_without_definition() { adm start -u $a -p mtty -t mtty-1; words="undefine $a"; }
samples__defined_twice() { adm define $a -p mtty -t mtty-1; words="define $a -p mtty -t mtty-2"; }
samples__adopt_inactive() { adm define $a -p mtty -t mtty-1; words="define $a"; }
samples__repeated_name() {
  mkdir -p /etc/mdevadm/devices/mtty
  for uuid in $a $b; do printf 'type = "mtty-1"\nname = "one"\n' >/etc/mdevadm/devices/mtty/$uuid.toml; done
  words="check"
}
samples__adopt_unknown() { words="define $a"; }
samples__wrong_attribute_number() { adm define $a -p mtty -t mtty-1; words="modify $a --delete-attr 9"; }
samples__no_change() { adm define $a -p mtty -t mtty-1; words="modify $a"; }
samples__missing_argument() { adm define $a -p mtty -t mtty-1; words="show"; }
samples__import_conflict() {
  adm define $a -p mtty -t mtty-1
  mkdir -p /etc/mdevctl.d/mtty
  echo '{"mdev_type": "mtty-2", "start": "manual", "attrs": []}' >/etc/mdevctl.d/mtty/$a
  words="import mdevctl $a"
}
samples__undefine_with_copy() {
  adm define $a -p mtty -t mtty-1
  adm export mdevctl $a
  words="undefine $a"
}
samples__modify_with_copy() {
  adm define $a -p mtty -t mtty-1
  adm export mdevctl $a
  words="modify $a --auto"
}
samples__export_of_active_device() { adm start -u $a -p mtty -t mtty-1; words="export mdevctl $a"; }
samples__name_of_mdevctl() {
  mkdir -p /etc/mdevctl.d/mtty
  echo '{"mdev_type": "mtty-2", "start": "manual", "attrs": []}' >/etc/mdevctl.d/mtty/$a
  words="modify $a --name cad"
}
samples__export_conflict() {
  adm define $a -p mtty -t mtty-1
  mkdir -p /etc/mdevctl.d/mtty
  echo '{"mdev_type": "mtty-2", "start": "manual", "attrs": []}' >/etc/mdevctl.d/mtty/$a
  words="export mdevctl $a"
}
samples__until_present() { words="monitor --until present=0000:99:00.0 --timeout 0.2"; }
samples__until_active() { adm define $a -p mtty -t mtty-1; words="monitor --until active=$a --timeout 0.2"; }
samples__until_group_active() {
  adm define $a -p mtty -t mtty-1
  adm group create vm1 $a
  words="monitor --until active=vm1 --timeout 0.2"
}
samples__until_unused() {
  adm start -u $a -p mtty -t mtty-1
  holding $a
  words="monitor --until unused=$a --timeout 0.2"
}
samples__until_group_unused() {
  adm define $a -p mtty -t mtty-1
  adm group create vm1 $a
  adm start $a
  holding $a
  words="monitor --until unused=vm1 --timeout 0.2"
}
samples__type_too_large() { words="define -p mdpy -t mdpy-4k"; }
m60__differs_from_description() {
  mkdir -p /etc/mdevadm
  printf 'version = 1\n[[device]]\nname = "seat"\ntype = "nvidia-14"\n' >/etc/mdevadm/host.toml
  words="check"
}
m60__broken_description() {
  mkdir -p /etc/mdevadm
  printf 'version = 1\n[[device]]\nname = "seat"\ntyp = "nvidia-14"\n' >/etc/mdevadm/host.toml
  words="check"
}
m60__probe_without_agreement() { words="probe $gpu"; }
m60__probe_beside_device() { adm start -u $a -p $gpu -t nvidia-14; words="probe $gpu --create"; }
m60__after_too_many() { words="types $gpu --after nvidia-14=99"; }
m60__after_unknown_type() { words="types --after nosuch"; }
# With the UUID of the first device of a probe of this parent.
m60__check_left_by_probe() { adm start -u 5586f99a-54fe-5b6e-8059-eb986a8da787 -p $gpu -t nvidia-14; words="check"; }
ap_host__missing_queue_of_active_device() {
  echo 0 >/sys/bus/ap/apmask
  echo $a >/sys/class/mdev_bus/matrix/mdev_supported_types/vfio_ap-passthrough/create
  for number in adapter:0x09 domain:0x04; do echo ${number#*:} >/sys/bus/mdev/devices/$a/assign_${number%:*}; done
  words="check"
}
l40s__interrupted_with_override() {
  control functions 0000:41:00.0 0
  echo pci-pf-stub >/sys/bus/pci/devices/0000:41:00.0/driver_override
  echo 0000:41:00.0 >/sys/bus/pci/drivers/nvidia/unbind
  echo 0000:41:00.0 >/sys/bus/pci/drivers/pci-pf-stub/bind
  words="check"
}
samples__foreign_claim() {
  adm define $a -p mtty -t mtty-1 --name one
  adm group create vm one
  adm start one
  adm claim vm
  touch /run/mdevadm/claims/notes.toml
  words="check"
}
gvt__no_parent() {
  address=0000:00:02.0
  control unregister $address
  words="check"
}
l40s_boot__functions_are_removed() {
  adm parent set 0000:41:00.0 --vfs all --run '/usr/lib/nvidia/sriov-manage -d 0000:41:00.0'
  words="parent prepare 0000:41:00.0"
}
l40s_boot__export_unprepared() { adm parent set 0000:41:00.0 --vfs all; words="export host"; }
m60__check_changed_abi() {
  adm define $a -p $gpu -t nvidia-17
  sed -i 's/framebuffer=4096M/framebuffer=2048M/' /etc/mdevadm/devices/$gpu/$a.toml
  words="check"
}
samples__later() { words="define -p 0000:99:00.0 -t nvidia-17"; }
samples__active_with_other_type() {
  adm define $a -p mtty -t mtty-1
  adm start -u $a -p mtty -t mtty-2
  words="start $a"
}
samples__transient_with_other_type() { adm start -u $a -p mtty -t mtty-1; words="start -u $a -p mtty -t mtty-2"; }
samples__drifted() {
  adm define $a -p mtty -t mtty-1
  adm start $a
  adm modify $a --node-mode 0666
  words="start $a"
}
samples__live_without_change_or_definition() { adm start -u $a -p mtty -t mtty-1; words="modify $a --live"; }
samples__live_config_without_definition() {
  adm start -u $a -p mtty -t mtty-1
  words="modify $a --live --config --node-mode 0666"
}
samples__live_inactive() { adm define $a -p mtty -t mtty-1; words="modify $a --live"; }
samples__live_missing_attribute() {
  adm define $a -p mtty -t mtty-1
  adm start $a
  adm modify $a --attr nosuch=1
  words="modify $a --live"
}
samples__live_other_type() {
  adm define $a -p mtty -t mtty-1
  adm start $a
  adm modify $a --type mtty-2
  words="modify $a --live"
}
samples__pattern_for_one_device() { adm define $a -p mtty -t mtty-1 --name seat; words="modify se?t --auto"; }
samples__active_on_other_parent() {
  adm define $a -p mtty -t mtty-1
  adm start -u $a -p mdpy -t mdpy-vga
  words="start $a"
}
samples__modify_active() { adm define $a -p mtty -t mtty-1; adm start $a; words="modify $a --type mtty-2"; }
crypto="-p matrix -t vfio_ap-passthrough --adapter 5 --domain 4"
ccw_host__subchannel_of_host() { words="types 0.0.0313"; }
ccw_host__device_number() { words="define -p 0.0.2b09 -t vfio_ccw-io"; }
ccw_host__number_or_uuid() { words="show 0313"; }
ccw_host__parent_is_no_device() { words="show 0315"; }
ccw_host__parent_as_device() { words="start 0.0.0315"; }
m60__parent_as_device() { words="start 0000:86:00.0"; }
m60__parent_with_devices_as_device() { adm start -u $a -p $gpu -t nvidia-14; words="list 0000:86:00.0"; }
m60__function_without_functions() {
  adm define $a -p $gpu -t nvidia-14
  sed -i '1ivf = "any"' /etc/mdevadm/devices/$gpu/$a.toml
  words="start $a"
}
m60__define_function_without_functions() { words="define $a -p $gpu -t nvidia-14 --vf any"; }
ccw_host__defined_on_subchannel_of_host() { adm define $a -p 0.0.0313 -t vfio_ccw-io --force; words="start $a"; }
ccw_host__stored_device_number() {
  mkdir -p /etc/mdevadm/devices/0.0.2b0a
  echo 'type = "vfio_ccw-io"' >/etc/mdevadm/devices/0.0.2b0a/$a.toml
  words="start $a"
}
ccw_host__stored_name_of_libvirt() {
  mkdir -p /etc/mdevadm/devices/css_0_0_0313
  echo 'type = "vfio_ccw-io"' >/etc/mdevadm/devices/css_0_0_0313/$a.toml
  words="start $a"
}
ccw_host__missing_in_group_at_boot() {
  adm define $a -p 0.0.0313 -t vfio_ccw-io --force
  adm group create vm1 $a --auto
  words="group start --auto"
}
ccw_host__no_parent_has_the_type() {
  echo 0.0.0315 >/sys/bus/css/drivers/vfio_ccw/unbind
  words="define -p any -t vfio_ccw-io"
}
ccw_host__refused_override() {
  driverctl -b css set-override 0.0.0320 vfio_ccw 2>/dev/null
  words="types 0.0.0320"
}
gvt_off__no_parent() { words="types"; }
gvt_off__not_enabled() { words="types 0000:00:02.0"; }
gvt_off__passed_through() {
  driverctl set-override 0000:00:02.0 vfio-pci
  words="types 0000:00:02.0"
}
gvt_off__override_without_driver() {
  echo 0000:00:02.0 >/sys/bus/pci/drivers/i915/unbind
  echo vfio_pci >/sys/bus/pci/devices/0000:00:02.0/driver_override
  words="types 0000:00:02.0"
}
ap_host__queue_as_parent() { words="types 05.0014"; }
ap_host__free_queue() { chzdev -t ap apmask=-5 >/dev/null; words="check 05.0014"; }
ap_host__free_card() { chzdev -t ap apmask=-5 >/dev/null; words="check card05"; }
ap_host__defined_queue() {
  chzdev -t ap apmask=-5 >/dev/null
  adm define $a -p matrix -t vfio_ap-passthrough --queue 05.0014
  words="check 05.0014"
}
ap_host__assigned_queue() { ap_host__defined_queue; adm start $a; words="check 05.0014"; }
ap_host__no_such_queue() { words="show 05.0099"; }
ap_host__define_queue_of_active() {
  chzdev -t ap apmask=-5 >/dev/null
  adm start -u $b -p matrix -t vfio_ap-passthrough --queue 05.0014
  words="define $a -p matrix -t vfio_ap-passthrough --queue 05.0014 --auto"
}
ap_host519__unbound_queue() {
  chzdev -t ap apmask=-5 >/dev/null
  echo 05.0014 >/sys/bus/ap/drivers/vfio_ap/unbind
  words="start -p matrix -t vfio_ap-passthrough --queue 05.0014"
}
ap_host519__absent_queue() {
  chzdev -t ap apmask=-5 >/dev/null
  words="start -p matrix -t vfio_ap-passthrough --queue 05.0015"
}
ap_host519__owner_not_found() {
  chzdev -t ap apmask=-5 >/dev/null
  control fault attribute 1 EADDRINUSE
  words="start -p matrix -t vfio_ap-passthrough --queue 05.0014"
}
ap_host__device_as_parent() { adm start -u $a -p matrix -t vfio_ap-passthrough; words="types $a"; }
samples__check_missing_parent() { adm define $a -p nosuch -t mtty-1 --force; words="check"; }
samples__check_unknown_type() {
  adm define $a -p mtty -t mtty-1
  sed -i 's/mtty-1/nosuch/' /etc/mdevadm/devices/mtty/$a.toml
  words="check"
}
samples__check_drift() { samples__drifted; words="check $a"; }
samples__check_failed() {
  adm define $a -p mtty -t mtty-1 --auto
  control fault create 0 EINVAL
  "$MDEVADM" start --auto --timeout 1 2>/dev/null
  control clear
  words="check"
}
samples__check_member() { samples__group_member_undefined; words="check"; }
samples__check_partial_group() {
  adm define $a -p mtty -t mtty-1
  adm define $b -p mtty -t mtty-1
  adm group create vm1 $a $b
  adm start $a
  words="check vm1"
}
m60__list_parent() { adm define $a -p 0000:86:00.0 -t nvidia-17; words="list 0000:86:00.0"; }
l40s_boot__check_functions() { words="check"; }
flex__check_function() {
  control functions 0000:4d:00.0 2
  words="show $(basename "$(readlink /sys/bus/pci/devices/0000:4d:00.0/virtfn0)")"
}
ap__queue_in_use() {
  adm define $a $crypto
  adm start $a
  adm define $b $crypto
  words="start $b"
}
ap__queue_for_two_at_boot() { adm define $a $crypto --auto; words="define $b $crypto --auto"; }
ap__queue_of_two_started_together() { adm define $a $crypto; adm define $b $crypto; words="start $a $b"; }
ap__one_queue_of_two_started_together() {
  adm define $a $crypto
  adm define $b -p matrix -t vfio_ap-passthrough --adapter 5,6 --domain 4,0xab
  words="start $a $b"
}
ap__modify_active_queues() { adm define $a $crypto; adm start $a; words="modify $a --domain +0xab"; }
ap_host__live_queue_without_driver() {
  chzdev -t ap apmask=-5 >/dev/null
  adm define $a $crypto
  adm start $a
  "$MDEVSIM" hold $a 100 >/dev/null 2>&1 &
  sleep 0.3
  echo 05.0014 >/sys/bus/ap/drivers/vfio_ap/unbind
  words="modify $a --live --domain +0x14"
}
ap_host__apply_in_use() {
  chzdev -t ap apmask=-5 >/dev/null
  adm define $a $crypto --name vm
  adm start vm
  "$MDEVADM" export host >/run/host.toml
  echo 0x14 >/sys/devices/vfio_ap/matrix/$a/assign_domain
  "$MDEVSIM" hold $a 100 >/dev/null 2>&1 &
  sleep 0.3
  words="apply -f /run/host.toml"
}
ap_host__queues_of_host() { words="start $crypto"; }
ap_host__live_config_without_change() {
  chzdev -t ap apmask=-5 >/dev/null
  adm define $a $crypto
  adm start $a
  adm modify $a --live --domain +0x14
  words="modify $a --live --config"
}
ap_host__from_inactive_device() { chzdev -t ap apmask=-5 >/dev/null; adm define $a $crypto; words="modify $a --from-device"; }
ap_host__check_missing_numbers() { adm define $a -p matrix -t vfio_ap-passthrough --adapter 5 --domain 14; words="check $a"; }
ap_host__check_missing_adapter() { adm define $a -p matrix -t vfio_ap-passthrough --adapter 9 --domain 4; words="check $a"; }
ap_host619__missing_queue() {
  echo vfio_ap >/sys/bus/ap/devices/05.0004/driver_override
  adm define $a -p matrix -t vfio_ap-passthrough --queue 05.0014,05.0015
  words="start $a"
}
ap_host__define_impossible_number() { words="define $a -p matrix -t vfio_ap-passthrough --adapter 5 --domain 85"; }
ap_host__check_impossible_number() { adm define $a -p matrix -t vfio_ap-passthrough --adapter 5 --domain 85 --force; words="check $a"; }
ap_host__check_active_with_missing_number() {
  chzdev -t ap apmask=-5 >/dev/null
  adm start -u $a -p matrix -t vfio_ap-passthrough --adapter 5,9 --domain 4
  words="check $a"
}
ap_theirs() {  # ATTRIBUTES
  mkdir -p /etc/mdevctl.d/matrix
  echo "{\"mdev_type\":\"vfio_ap-passthrough\",\"start\":\"manual\",\"attrs\":[$1]}" >/etc/mdevctl.d/matrix/$a
}
ap__octal_value() { ap_theirs '{"assign_adapter":"0x5"},{"assign_domain":"0014"}'; words="check $a"; }
ap__unknown_numbers() { ap_theirs '{"assign_adapter":"300"},{"assign_domain":"00ab"}'; words="modify $a --control-domain 4"; }
ap__list_with_leading_zeros() { ap_theirs '{"assign_adapter":"5,010"},{"assign_domain":"4"}'; words="start $a"; }
ap__no_queues() { adm define $a -p matrix -t vfio_ap-passthrough; words="check $a"; }
ap__same_queue_at_boot() {
  adm define $a -p matrix -t vfio_ap-passthrough --adapter 5 --domain 4 --auto
  adm define $b -p matrix -t vfio_ap-passthrough --adapter 6 --domain 4 --auto
  sed -i 's/0x06/0x05/' /etc/mdevadm/devices/matrix/$b.toml
  words="start --auto"
}
ap__two_in_group() {
  adm define $a -p matrix -t vfio_ap-passthrough --adapter 5 --domain 4
  adm define $b -p matrix -t vfio_ap-passthrough --adapter 6 --domain 4
  adm group create vm1 $a $b --vm-uuid $b
  words="check vm1"
}
ccw__overcommitted() {
  adm define $a -p 0.0.0070 -t vfio_ccw-io --auto
  adm define $b -p 0.0.0070 -t vfio_ccw-io --auto
  words="check"
}
ccw__only_instance() { adm start -u $a -p 0.0.0070 -t vfio_ccw-io; words="start -p 0.0.0070 -t vfio_ccw-io"; }
ap_host__refused_value() {
  mkdir -p /etc/mdevadm/devices/matrix
  printf 'type = "vfio_ap-passthrough"\n[[attribute]]\nname = "assign_domain"\nvalue = "5,6"\n' >/etc/mdevadm/devices/matrix/$a.toml
  words="start $a"
}
ap_host__queue_of_unreadable_device() {
  chzdev -t ap apmask=-5 >/dev/null
  adm start -u $a $crypto
  echo garbage >/run/garbage
  for file in ap_config matrix; do mount --bind /run/garbage /sys/devices/vfio_ap/matrix/$a/$file; done
  words="start -u $b $crypto"
}
ap_host__check_unreadable_device() { ap_host__queue_of_unreadable_device; words="check"; }
ap_host__queue_of_device_being_removed() {
  chzdev -t ap apmask=-5 >/dev/null
  adm start -u $a $crypto
  holding $a
  adm stop $a --force
  words="start -u $b $crypto"
}
ap_host__check_device_being_removed() { ap_host__queue_of_device_being_removed; words="check"; }
ccw_host__check_stored_device_number() { ccw_host__stored_device_number; words="check $a"; }
ap__check_shared_queue() { adm define $a $crypto; adm define $b $crypto; words="check"; }
ap__check_shared_queue_at_boot() {
  ap__check_shared_queue
  sed -i '1i start = "auto"' /etc/mdevadm/devices/matrix/*.toml
  sed -i '/start = "manual"/d' /etc/mdevadm/devices/matrix/*.toml
  words="check"
}
ap__check_taken_queue() { ap__check_shared_queue; adm start $a; words="check $b"; }
samples__check_undefined() { adm start -u $a -p mtty -t mtty-1; words="check"; }
samples__refusing_script() {
  mkdir -p /etc/mdevctl.d/scripts.d/callouts
  printf '#!/bin/sh\n[ "$4-$6" != pre-undefine ]\n' >/etc/mdevctl.d/scripts.d/callouts/refuse
  chmod +x /etc/mdevctl.d/scripts.d/callouts/refuse
  adm define $a -p mtty -t mtty-1
  words="undefine $a"
}
samples__several_parents() {
  adm define $a -p mtty -t mtty-1
  adm define $a -p mdpy -t mdpy-vga
  words="start $a"
}
samples__removing() {
  adm define $a -p mtty -t mtty-1
  adm start $a
  holding $a
  adm stop $a --force
  words="start $a"
}
samples__restart_fails() {
  adm define $a -p mtty -t mtty-1
  adm start $a
  control fault create 1 EIO
  words="restart $a"
}
samples__restart_transient() { adm start -u $a -p mtty -t mtty-1; words="restart $a"; }
samples__start_with_uuid_and_type() { words="start $a -p mtty -t mtty-1"; }
samples__start_undefined_with_parent() { words="start $a -p mtty"; }
samples__misspelled_option_of_the_program() { words="--json-shema"; }
samples__no_such_command() { words="frobnicate"; }
samples__restart_under_other_parent() {
  adm define $a -p mtty -t mtty-1
  adm start -u $a -p mdpy -t mdpy-vga
  words="restart $a"
}
samples__group_of_transient() { adm start -u $a -p mtty -t mtty-1; words="group create vm1 $a"; }
samples__group_without_parent() {
  adm define $a -p nosuch -t mtty-1 --force
  adm group create vm1 $a --auto
  words="group start --auto"
}
samples__short_prefix() { adm define $a -p mtty -t mtty-1; words="start aaa"; }
samples__not_stopped() {
  adm define $a -p mtty -t mtty-1
  adm start $a
  adm start -u $b -p mtty -t mtty-1
  words="stop --all"
}
samples__in_use() {
  adm start -u $a -p mtty -t mtty-1
  holding $a
  words="stop $a"
}
samples__broken_file() {
  mkdir -p /etc/mdevadm/devices/mtty
  echo 'type = ' >/etc/mdevadm/devices/mtty/$a.toml
  words="list --all"
}
samples__broken_files() {
  samples__broken_file
  echo 'type = ' >/etc/mdevadm/devices/mtty/$b.toml
}
samples__inactive_only() { adm define $a -p mtty -t mtty-1; words="list"; }
samples__empty() { words="list"; }
samples__autostart_fails() {
  adm define $a -p mtty -t mtty-1 --auto
  adm define $b -p mtty -t mtty-1 --auto
  control fault create 1 EIO
  words="start --auto"
}
samples__group_unknown() { adm define $a -p mtty -t mtty-1; adm group create vm1 $a; words="group start vm9999"; }
samples__group_empty() { adm define $a -p mtty -t mtty-1; adm group create vm1; words="group start vm1"; }
samples__group_member_undefined() {
  adm define $a -p mtty -t mtty-1
  printf 'members = ["%s", "%s"]\n' $a $b >/run/vm1.toml
  mkdir -p /etc/mdevadm/groups
  cp /run/vm1.toml /etc/mdevadm/groups/vm1.toml
  words="group start vm1"
}
samples__group_member_taken() {
  adm define $a -p mtty -t mtty-1
  adm group create vm1 $a
  words="group create vm2 $a"
}
samples__group_not_a_member() {
  adm define $a -p mtty -t mtty-1
  adm define $b -p mtty -t mtty-1
  adm group create vm1 $a
  words="group remove vm1 $b"
}
samples__group_no_change() { adm group create vm1; words="group modify vm1"; }
samples__group_member_undefine() {
  adm define $a -p mtty -t mtty-1
  adm group create vm1 $a
  words="undefine $a"
}
samples__group_in_use() {
  adm define $a -p mtty -t mtty-1
  adm group create vm1 $a
  adm group start vm1
  holding $a
  words="group stop vm1"
}
samples__exists() { adm start -u $b -p mtty -t mtty-1; control fault create 1 EEXIST; words="start -u $a -p mtty -t mtty-1"; }
samples__no_space() { control fault create 1 ENOSPC; words="start -u $a -p mtty -t mtty-1"; }
samples__type_gone() { control fault create 1 ENOENT; words="start -u $a -p mtty -t mtty-1"; }
samples__invalid() {
  adm start -u $b -p mtty -t mtty-1
  control fault create 1 EINVAL
  words="start -u $a -p mtty -t mtty-1"
}
m60_u2__no_available_instances() {
  adm start -u $a -p $gpu -t nvidia-18
  words="start -u $b -p $gpu -t nvidia-18"
}
m60_u2__other_size() { adm start -u $a -p $gpu -t nvidia-18; words="start -u $b -p $gpu -t nvidia-17"; }
m60_u2__group_too_large() {
  for id in $a $b $c; do adm define $id -p $gpu -t nvidia-17; done
  adm group create vm1 $a $b $c
  words="group start vm1"
}
m60_u2__need_unknown() { words="types --need frambuffer>=1G"; }
m60_u2__need_too_much() { words="define --need framebuffer>=64G"; }
m60_u2__need_not_available() {
  adm start -u $a -p $gpu -t nvidia-18
  words="define --need framebuffer>=8G"
}
m60_u2__need_without_unit() { words="define --need framebuffer>=2048"; }
m60_u2__need_beside_definitions() {
  adm define --need framebuffer=8G
  words="define --need framebuffer=8G"
}
m60_u2__type_on_any_parent() { words="define -p any -t m60-7q"; }
samples__type_on_any_of_several() { words="define -p any -t mttyy-1"; }
samples__too_many() { words="start -p any -t mdpy-vga --count 5"; }
# Of eight GPUs only one has virtual functions, and without NVIDIA's table no GPU knows types that are not listed.
l40s_8__other_size_on_several_gpus() {
  rm /usr/share/nvidia/vgpu/vgpuConfig.xml
  /usr/lib/nvidia/sriov-manage -e 0000:01:00.0 >/dev/null
  wait_until grep -q L40S /sys/bus/pci/devices/0000:01:00.4/nvidia/creatable_vgpu_types
  adm start -p 0000:01:00.0 -t L40S-4Q
  words="define -p any -t L40S-8Q"
}
l40s__modify_other_parent() {
  adm define --force $a -p 0000:99:00.0 -t L40S-4Q
  words="modify $a -p 0000:41:00.0 --auto"
}
l40s__move_to_defined() {
  adm define $a -p 0000:41:00.0 -t L40S-4Q
  adm define --force $a -p 0000:99:00.0 -t L40S-4Q
  words="modify $a -p 0000:99:00.0 --new-parent 0000:41:00.0"
}
l40s__move_active() {
  adm define $a -p 0000:41:00.0 -t L40S-4Q
  adm start $a
  words="modify $a --new-parent 0000:99:00.0 --force"
}
l40s__check_moved_card() {
  adm define $a -p 0000:41:00.0 -t L40S-4Q
  mv /etc/mdevadm/devices/0000:41:00.0 /etc/mdevadm/devices/0000:99:00.0
  words="check"
}
a16__check_missing_gpu_without_room() {
  local i
  adm define $a -p 0000:40:00.0 -t A16-16Q
  mv /etc/mdevadm/devices/0000:40:00.0 /etc/mdevadm/devices/0000:52:00.0
  for i in 0 1 2 3; do adm define -q -p 0000:4$i:00.0 -t A16-16Q; done
  words="check"
}
a100__time_sliced_type_in_mig_mode() { words="start -u $a -p 0000:41:00.0 -t A100D-40C"; }
reserved_in() {  # FILE VF
  mkdir -p /etc/mdevadm/parents
  echo "reserved = [\"$2\"]" >"/etc/mdevadm/parents/$1.toml"
  words="start -p 0000:41:00.0 -t L40S-4Q"
}
l40s__invalid_settings() { reserved_in 0000:41:00.0 41:00.x; }
l40s__untrusted_settings() { reserved_in 0000:41:00.0 41:00.4; chmod 666 /etc/mdevadm/parents/*; }
l40s__misnamed_settings() { reserved_in 41:00.0 41:00.4; }
l40s__two_sizes_at_boot() {
  adm define $a -p 0000:41:00.0 -t L40S-4Q --auto
  adm define $b -p 0000:41:00.0 -t L40S-8Q --auto
  words="check"
}
l40s__group_without_room_at_boot() {
  adm define $a -p 0000:41:00.0 -t L40S-48Q --auto
  adm define $b -p 0000:41:00.0 -t L40S-48Q
  adm group create vm1 $b --auto
  words="check"
}
l40s__undefine_active() { adm define $a -p 0000:41:00.0 -t L40S-4Q --name seat; adm start seat; words="undefine seat"; }
l40s__no_such_function_of_gpu() { words="show 0000:41:00.9"; }
l40s__size_beside_definitions() {
  adm define -p 0000:41:00.0 -t L40S-24Q
  words="define -p 0000:41:00.0 -t L40S-4Q --count 2"
}
l40s__other_card() {
  adm define $a -p 0000:41:00.0 -t L40S-8Q
  sed -i 's/^type = .*/type = "952"/; s/^name = .*/name = "NVIDIA L40-8Q"/; s/^pci_id = .*/pci_id = "10de:26b5"/' /etc/mdevadm/devices/*/$a.toml
  words="check"
}
l40s__start_on_other_card() { l40s__other_card; words="start $a"; }
few_functions() {
  adm define $a -p 0000:41:00.0 -t L40S-4Q --vf 0000:41:00.6
  control functions 0000:41:00.0 0
  control functions 0000:41:00.0 1
  wait_until grep -q L40S /sys/bus/pci/devices/0000:41:00.4/nvidia/creatable_vgpu_types
}
l40s__check_missing_function() { few_functions; words="check"; }
l40s__all_functions_in_use() {
  few_functions
  adm define $c -p 0000:41:00.0 -t L40S-4Q
  adm start $c
  words="start -u $b -p 0000:41:00.0 -t L40S-4Q"
}
l40s__need_beside_devices() {
  mount -t tmpfs none /usr/share/nvidia/vgpu
  adm start -p 0000:41:00.0 -t L40S-4Q
  words="define --need framebuffer>=8G"
}
m60_u2__type_unknown() { words="define -p $gpu -t nvidia-99"; }
m60_u2__type_misspelled() { words="define -p $gpu -t nvidia-181"; }
m60_u2__removing() {
  adm define $a -p $gpu -t nvidia-18 --name seat1
  adm start seat1
  holding $a
  adm stop seat1 --force
  words="start seat1"
}
m60_k0__types_vanish() { adm start -u $a -p $gpu -t nvidia-18; words="start -u $b -p $gpu -t nvidia-18"; }
m60_f2__unrecognized_types() {
  echo 'This adapter makes two kinds: small and large.' >/run/types
  mount --bind /run/types /sys/devices/pci0000:86/$gpu/mdev_supported_types
  words="types $gpu"
}
m60_u2__instance_of_removed_device() {
  adm start -u $a -p $gpu -t nvidia-18
  holding $a
  adm stop $a --force
  words="start -u $b -p $gpu -t nvidia-18"
}
vf_n1__no_such_function() { words="define $a -p 0000:41:00.0 -t 1149 --vf 41:1f.7"; }
vf_n1__unmanaged_function() {
  echo 1149 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  words="stop $("$MDEVADM" list -o uuid | tail -1)"
}
all_reserved() {
  local i
  for i in 1 2 3 4 5 6 7 8; do adm define aaaaaaaa-0000-4000-8000-00000000000$i -p 0000:41:00.0 -t 1149; done
}
vf_n1__changed_after_adoption() {
  echo 1149 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  adm define 0000:41:00.4 --name own
  echo 0 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  echo 1160 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  words="start own"
}
vf_n1__check_changed_after_adoption() { vf_n1__changed_after_adoption; words="check"; }
vf_n1__start_without_free_function() { all_reserved; words="start -p 0000:41:00.0 -t 1149"; }
vf_n1__define_without_free_function() { all_reserved; words="define -p 0000:41:00.0 -t 1149"; }
vf_n1__any_without_free_function() { all_reserved; words="define -p any -t 1149 --ignore-defined"; }
vf_n1__reserved_function() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4
  words="define $b -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4"
}
vf_n1__one_function_twice() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4
  adm define $b -p 0000:41:00.0 -t 1149
  sed -i 's/41:00.5/41:00.4/' /etc/mdevadm/devices/0000:41:00.0/$b.toml
  words="start $a $b"
}
vf_n1__function_of_another_program() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4
  echo 1160 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  words="start $a"
}
vf_n1__function_of_same_type() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4
  echo 1149 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  words="start $a"
}
vf_n1__check_function_of_same_type() { vf_n1__function_of_same_type; words="check"; }
vf_n1__adopt_for_other_type() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4
  echo 1160 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  words="define 0000:41:00.4"
}
vf_n1__adopt_with_options() {
  vf_n1__function_of_same_type
  words="define 0000:41:00.4 --name other"
}
unbind_and_bind() {
  echo $1 >/sys/bus/pci/drivers/nvidia/unbind
  echo $1 >/sys/bus/pci/drivers/nvidia/bind
}
l40s__function_refuses() {
  unbind_and_bind 0000:41:00.4
  adm define $a -p 0000:41:00.0 -t L40S-4Q --vf 0000:41:00.4
  words="start $a"
}
l40s__function_refuses_beside_others() {
  adm start -u $b -p 0000:41:00.0 -t L40S-4Q --vf 0000:41:00.6
  l40s__function_refuses
}
l40s__named_function_refuses() {
  unbind_and_bind 0000:41:00.4
  words="start -p 0000:41:00.0 -t L40S-4Q --vf 0000:41:00.4"
}
l40s__check_function_refuses() {
  unbind_and_bind 0000:41:00.4
  adm start -u $b -p 0000:41:00.0 -t L40S-4Q
  words="check"
}
rtx_pro_6000__no_such_gpu_instance() {
  adm define $a -p 0000:c1:00.0 -t 'NVIDIA RTX Pro 6000 Blackwell DC-1-24Q' --attr nvidia/gpu_instance_id=9
  words="start $a"
}
vf_n1__function_of_another_device() {
  adm start -u $b -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4
  words="start $a"
}
vf_n1__free_function() { adm define $a -p 0000:41:00.0 -t 1149; words="show 41:00.6"; }
l40s__unknown_type() { words="define -p 0000:41:00.0 -t L40S-99Q"; }
l40s__full_at_once() {
  adm define $a -p 0000:41:00.0 -t 1156
  adm define $b -p 0000:41:00.0 -t 1156
  words="start $a $b"
}
l40s_mixed__exchanged_placements() {
  adm define -q -p 0000:41:00.0 -t L40S-2Q --name a
  adm define -q -p 0000:41:00.0 -t L40S-2Q --name b
  adm start -q a b
  adm modify -q a --attr nvidia/placement_id=4
  adm modify -q b --attr nvidia/placement_id=0
  words="check"
}
l40s_mixed__same_placement() {
  adm define -q -p 0000:41:00.0 -t L40S-2Q --attr nvidia/placement_id=0 --name a
  adm define -q -p 0000:41:00.0 -t L40S-2Q --name b
  adm start -q a b
  adm modify -q b --attr nvidia/placement_id=0
  words="check"
}
l40s_mixed__restart_with_impossible_placement() {
  adm define -q -p 0000:41:00.0 -t L40S-2Q --name a
  adm start -q a
  adm modify -q a --attr nvidia/placement_id=7
  words="restart a"
}
samples__restart_with_refused_type() {
  adm define $a -p mtty -t mtty-1 --name seat
  adm start seat
  adm modify -q seat --type mtty-2
  control fault create 1 EIO
  words="restart seat"
}
samples__restart_without_instance() {
  adm define $a -p mtty -t mtty-1 --name seat
  adm start seat
  control fault create 1 ENOSPC
  words="restart seat"
}
l40s_mixed__no_placement() {
  adm define $a -p 0000:41:00.0 -t 1155
  adm define $b -p 0000:41:00.0 -t 1154
  adm define $c -p 0000:41:00.0 -t 1154
  words="start $a $b $c"
}
l40s_mixed__fragmented_framebuffer() {
  adm define $a -p 0000:41:00.0 -t 1150 --attr nvidia/placement_id=0
  adm define $b -p 0000:41:00.0 -t 1150 --attr nvidia/placement_id=24
  adm start $a $b
  words="start -p 0000:41:00.0 -t 1155"
}
l40s__fewer_functions() { words="parent set 0000:41:00.0 --vfs 3"; }
l40s__no_settings() { words="parent show 0000:41:00.0"; }
l40s__settings_of_function() { adm parent set 0000:41:00.0 --vfs all; words="parent set 0000:41:00.4 --vfs all"; }
samples__unset_without_settings() { words="parent unset mtty"; }
l40s__unset_without_settings() { adm parent set 0000:41:00.0 --vfs all; words="parent unset other"; }
samples__attribute_remove() {
  mkdir -p /etc/mdevadm/devices/mtty
  printf 'type = "mtty-1"\n[[attribute]]\nname = "remove"\nvalue = "1"\n' >/etc/mdevadm/devices/mtty/$a.toml
  words="start $a"
}
samples__show_no_parent() { adm parent set 0000:99:00.0 --vfs all --force; words="parent show"; }
samples__show_no_group() { adm group create vm1; words="group show"; }
samples__prepare_missing_parent() { adm parent set 0000:99:00.0 --vfs all --force; words="parent prepare 0000:99:00.0"; }
samples__check_settings_of_missing_parent() { adm parent set 0000:99:00.0 --vfs all --force; words="check"; }
samples__described_parent_is_missing() {
  adm parent set 0000:99:00.0 --vfs all --force
  "$MDEVADM" export host >/run/host.toml
  words="apply -f /run/host.toml"
}
l40s__prepare_reserved_function_of_others() {
  adm parent set 0000:41:00.0 --vfs all --reserve 0000:c1:00.4 --force
  words="parent prepare 0000:41:00.0"
}
l40s__not_reserved() {
  adm parent set 0000:41:00.0 --reserve 0000:41:00.4
  words="parent set 0000:41:00.0 --unreserve 0000:41:00.5"
}
l40s__withheld_function() {
  adm parent set 0000:41:00.0 --reserve 0000:41:00.4
  words="define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4"
}
vf_n1__all_withheld() {
  local function
  for function in 00.4 00.5 00.6 00.7 01.0 01.1 01.2 01.3; do adm parent set 0000:41:00.0 --reserve 0000:41:$function --force; done
  words="start -p 0000:41:00.0 -t 1149"
}
unbind() { echo "$1" >/sys/bus/pci/drivers/nvidia/unbind; }
l40s__unusable_function() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.6
  unbind 0000:41:00.6
  words="start $a"
}
l40s__prepare_with_device() {
  adm parent set 0000:41:00.0 --vfs all
  adm define $a -p 0000:41:00.0 -t 1149
  adm start $a
  unbind 0000:41:00.6
  words="parent prepare 0000:41:00.0"
}
l40s__prepare_in_use() {
  adm parent set 0000:41:00.0 --vfs all
  adm define $a -p 0000:41:00.0 -t 1149
  adm start $a
  holding 0000:41:00.4
  unbind 0000:41:00.6
  words="parent prepare 0000:41:00.0"
}
l40s__prepare_with_device_of_others() {
  adm parent set 0000:41:00.0 --vfs all
  echo 1149 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  unbind 0000:41:00.6
  words="parent prepare 0000:41:00.0"
}
move_gpu() {  # FROM TO: between drivers, as libvirt does for a virtual machine with managed='yes'
  echo 0000:41:00.0 >/sys/bus/pci/drivers/$1/unbind
  echo $2 >/sys/bus/pci/devices/0000:41:00.0/driver_override
  echo 0000:41:00.0 >/sys/bus/pci/drivers/$2/bind
  echo >/sys/bus/pci/devices/0000:41:00.0/driver_override
}
stop_machine() { kill $holder; wait $holder 2>/dev/null; move_gpu vfio-pci nvidia; }
l40s_boot__prepare_passed_through() {
  adm parent set 0000:41:00.0 --vfs all
  move_gpu nvidia vfio-pci
  holding 0000:41:00.0
  words="parent prepare 0000:41:00.0"
}
l40s__prepare_by_sysfs() { words="parent set 0000:41:00.0 --vfs all --method sysfs"; }
l40s_boot__prepare_interrupted() {
  adm parent set 0000:41:00.0 --vfs all
  unbind 0000:41:00.0
  echo 10de 26b9 >/sys/bus/pci/drivers/pci-pf-stub/new_id
  words="check"
}
l40s_boot__prepare_override() { echo nvidia >/sys/bus/pci/devices/0000:41:00.0/driver_override; words="check"; }
l40s__unprepared() { adm parent set 0000:41:00.0 --vfs all --run true; words="check"; }
l40s__unusable_beside_device() {
  adm define $a -p 0000:41:00.0 -t 1149
  adm start $a
  unbind 0000:41:00.6
  words="check"
}
l40s__unusable_of_prepared() {
  adm parent set 0000:41:00.0 --vfs all
  unbind 0000:41:00.6
  words="check"
}
l40s__place_unusable() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.6
  unbind 0000:41:00.6
  words="check"
}
l40s__place_withheld() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.6
  adm parent set 0000:41:00.0 --reserve 0000:41:00.6
  words="check"
}
l40s__withhold_place() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.6
  words="parent set 0000:41:00.0 --reserve 0000:41:00.6"
}
l40s__show_withheld() {
  adm parent set 0000:41:00.0 --reserve 0000:41:00.6
  words="show 0000:41:00.6"
}
vf_n1__place_of_others() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.6
  echo 1150 >/sys/bus/pci/devices/0000:41:00.6/nvidia/current_vgpu_type
  words="check"
}
a40__place_in_mdevctl() {
  mkdir -p /etc/mdevctl.d/0000:c1:00.5
  echo '{"mdev_type": "nvidia-558", "start": "manual", "attrs": []}' >/etc/mdevctl.d/0000:c1:00.5/$a
  words="define $b -p 0000:c1:00.0 -t nvidia-558 --vf 0000:c1:00.5"
}
flex__script_of_another_vendor() { words="parent set 0000:4d:00.0 --vfs all --method sriov-manage"; }
gvt_a0__aggregation_refused() {
  control fault create 1 EINVAL
  words="start -u $a -p 0000:00:02.0 -t i915-GVTg_V5_8 --aggregate 2"
}

# Commands of other programs.
l40s_8__unbound_gpu() { echo 0000:01:00.0 >/sys/bus/pci/drivers/nvidia/unbind; words="show 0000:01:00.0"; }
l40s__no_gpu_is_bound() { unbind 0000:41:00.0; words="show 0000:41:00.0"; }
l40s_boot__gpu_bound_to_stub() {
  unbind 0000:41:00.0
  echo 10de 26b9 >/sys/bus/pci/drivers/pci-pf-stub/new_id
  words="show 0000:41:00.0"
}
l40s_boot__gpu_passed_through() { move_gpu nvidia vfio-pci; words="show 0000:41:00.0"; }
l40s_boot__prepare_gpu_of_other_driver() {
  adm parent set 0000:41:00.0 --vfs all
  move_gpu nvidia vfio-pci
  words="parent prepare 0000:41:00.0"
}
flex__prepare_without_driver() {
  adm parent set 0000:4d:00.0 --vfs 2
  echo 0000:4d:00.0 >/sys/bus/pci/drivers/i915/unbind
  words="parent prepare 0000:4d:00.0"
}
l40s__script_is_not_executable() {
  local manage=/usr/lib/nvidia/sriov-manage
  adm parent set 0000:41:00.0 --vfs all
  $manage -d 0000:41:00.0 >/dev/null
  mount -t tmpfs none "${manage%/*}"
  printf '#!/bin/sh\nexit 0\n' >$manage
  words="parent prepare 0000:41:00.0"
}
l40s__command_fails() { adm parent set 0000:41:00.0 --run 'ls /nosuch'; words="parent prepare 0000:41:00.0"; }
l40s__broken_settings() {
  adm parent set 0000:41:00.0 --vfs all
  echo x >>/etc/mdevadm/parents/0000:41:00.0.toml
  words="parent show 0000:41:00.0"
}
a100_nomig__mig_mode_is_off() { words="start -p 0000:41:00.0 -t A100D-2-20C"; }
l40s_mixed__sizes_of_idle_gpu() { words="types 0000:41:00.0 --after L40S-8Q,L40S-4Q"; }
l40s__second_size() {
  adm define $a -p 0000:41:00.0 -t L40S-8Q
  adm start $a
  words="start -p 0000:41:00.0 -t L40S-4Q"
}
kvmgt__module_is_not_loaded() { words="define -p 0000:00:02.0 -t i915-GVTg_V5_4"; }
samples__no_iommufd() { adm define $a -p mtty -t mtty-1; adm start $a; words="export qemu $a --iommufd"; }
script() {  # FILE MODE
  local directory=/etc/mdevctl.d/scripts.d/callouts
  adm define $a -p mtty -t mtty-1
  mkdir -p $directory
  printf '#!/bin/sh\n%s\n' "${3:-}" >$directory/$1
  chmod $2 $directory/$1
}
samples__script_is_disabled() { script one 644; words="check"; }
samples__script_of_others() { script one 777; words="check"; }
samples__script_of_another_user() { script one 755; chown -h 1 /etc/mdevctl.d/scripts.d/callouts/one; words="start $a"; }
samples__script_is_broken() { script one 755 'exec /nosuch'; words="start $a"; }
samples__linked_definition() {
  mkdir -p /etc/mdevctl.d /run/mtty
  echo '{"mdev_type": "mtty-2", "start": "manual", "attrs": []}' >/run/mtty/$a
  ln -s /run/mtty /etc/mdevctl.d/mtty
  words="check"
}
samples__broken_link() { mkdir -p /etc/mdevctl.d; ln -s /run/nosuch /etc/mdevctl.d/mtty; words="check"; }
samples__foreign_file_among_claims() { mkdir -p /run/mdevadm/claims; echo x >/run/mdevadm/claims/other; words="check"; }
samples__defined_in_both_formats() {
  mkdir -p /etc/mdevadm/devices/mtty /etc/mdevadm/devices/MTTY
  words="check"
}
samples__unknown_owner() { adm define $a -p mtty -t mtty-1 --node-owner nosuch -q; words="check"; }
samples__unknown_owner_of_group() { adm group create vm1 -q --node-owner nosuch; words="check"; }
m60_f0__one_of_two_of_a_virtual_machine() {
  adm define $a -p $gpu -t 17 --create-arg vm_uuid=$c
  adm define $b -p $gpu -t 17 --create-arg vm_uuid=$c
  adm start $a $b
  words="stop $a"
}
m60_f0__other_machine_than_the_group() {
  adm define $a -p $gpu -t 17 --create-arg vm_uuid=$c
  adm group create vm1 $a --vm-uuid $b
  words="group start vm1"
}
# As NVIDIA's driver does for some seconds after a virtual machine has ended.
refuses_removal() {
  adm define $a -p 0000:41:00.0 -t 1149 --name seat
  adm group create vm1 $a
  adm start $a
  control fault remove 1 EBUSY
}
l40s__driver_refuses_removal() { refuses_removal; words="stop seat"; }
l40s__driver_refuses_restart() { refuses_removal; words="restart seat"; }
l40s__driver_refuses_stop_of_group() { refuses_removal; words="group stop vm1"; }
l40s__driver_refuses_removal_to_apply() {
  refuses_removal
  printf 'version = 1\n[[device]]\nname = "seat"\ntype = "1150"\nuuid = "%s"\n' $a >/etc/mdevadm/host.toml
  words="apply"
}
vf_n1__function_as_parent() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf 0000:41:00.4
  adm start $a
  words="stop --all -p 0000:41:00.4"
}
vf_n1__stop_all_beside_unmanaged() {
  adm start -u $b -p 0000:41:00.0 -t 1149 --vf 0000:41:00.5
  echo 1149 >/sys/bus/pci/devices/0000:41:00.4/nvidia/current_vgpu_type
  words="stop --all"
}

# Devices of virtual machines.
monitor() {  # WORD...: the stand-in for QEMU's monitor
  rm -f /run/qmp
  "$here/../tools/qmp_server.py" /run/qmp "$@" &
  wait_until test -S /run/qmp
}
samples__device_or_group() {
  adm define $a -p mtty -t mtty-1 --name vm1
  adm group create vm1 $a
  words="export qemu vm1"
}
vf_n1__export_without_function() {
  adm define $a -p 0000:41:00.0 -t 1149 --vf any
  words="export qemu $a"
}
vf_n1__export_function_as_nodedev() {
  adm define $a -p 0000:41:00.0 -t 1149
  words="export nodedev $a"
}
samples__no_monitor() { adm define $a -p mtty -t mtty-1; adm start $a; words="detach $a --qmp /run/none"; }
samples__not_attached() { adm define $a -p mtty -t mtty-1; adm start $a; monitor; words="detach $a --qmp /run/qmp"; }
samples__busy_for_qemu() { adm define $a -p mtty -t mtty-1; adm start $a; monitor busy; words="attach $a --qmp /run/qmp"; }
samples__same_id() {
  adm define $a -p mtty -t mtty-1 --name "seat=1"
  adm define $b -p mtty -t mtty-1 --name "seat+1"
  monitor
  adm attach $a --qmp /run/qmp
  words="attach $b --qmp /run/qmp"
}

vf_n1__export_function_to_mdevctl() {
  adm define $a -p 0000:41:00.0 -t 1149
  words="export mdevctl $a"
}
samples__undefine_repeated_name() {
  mkdir -p /etc/mdevadm/devices/mtty
  for uuid in $a $b; do printf 'type = "mtty-1"\nname = "one"\n' >/etc/mdevadm/devices/mtty/$uuid.toml; done
  words="undefine one"
}
samples__group_as_device() { adm define $a -p mtty -t mtty-1; adm group create vm1 $a; words="start vm1"; }
samples__group_in_list() { adm define $a -p mtty -t mtty-1; adm group create vm1 $a; words="list vm1"; }
samples__restart_of_group() { adm define $a -p mtty -t mtty-1; adm group create vm1 $a; adm group start vm1; words="restart vm1"; }
samples__only_option() { words="--verbose"; }
samples__stale_copy() {
  adm define $a -p mtty -t mtty-1
  adm export mdevctl $a
  adm modify $a --auto
  words="check"
}
samples__described_group_has_new_name() {
  local device=$'version = 1\n[[device]]\nname = "a"\ntype = "mtty-1"\n[[group]]\nmembers = ["a"]\n'
  printf '%sname = "old"\n' "$device" >/run/host.toml
  adm apply -f /run/host.toml >/dev/null
  printf '%sname = "new"\n' "$device" >/run/host.toml
  words="apply -f /run/host.toml"
}

describe() { printf 'version = 1\n[[device]]\n%s\n' "$1" >/run/host.toml; words="apply -f /run/host.toml"; }
samples__apply_without_file() { words="apply"; }
samples__described_uuid_is_active() { adm start -u $a -p mtty -t mtty-1; describe $'name = "a"\ntype = "mtty-2"\nuuid = "'$a'"'; }
samples__described_uuid_is_defined() { adm define $a -p mtty -t mtty-1; describe $'name = "a"\ntype = "mtty-1"\nparents = ["mdpy"]\nuuid = "'$a'"'; }
samples__described_names_are_defined() { adm define $a -p mtty -t mtty-1 --name b-1; describe $'name = "b-{}"\ncount = 1\ntype = "mtty-1"'; }
m60__described_beside_claimed() {
  printf 'version = 1\n[[device]]\nname = "t-{}"\ncount = 2\ntype = "nvidia-12"\n[[group]]\nname = "g"\nmembers = ["t-{}"]\n' >/run/host.toml
  adm apply -f /run/host.toml >/dev/null
  adm claim g >/dev/null
  sed -i s/nvidia-12/nvidia-13/ /run/host.toml
  words="apply -f /run/host.toml"
}
m60__described_with_new_names() {
  describe $'name = "b-{}"\ncount = 2\ntype = "nvidia-17"'
  adm apply -f /run/host.toml >/dev/null
  sed -i s/b-/c-/ /run/host.toml
}
samples__described_type_is_unknown() { describe $'name = "a"\ntype = "no-such-thing-anywhere"'; }
samples__described_pci_id_is_unknown() { describe $'name = "a"\ntype = "mtty-1"\nparents = ["10de:1eb8"]'; }
samples__described_exception_is_unknown() { describe $'name = "a"\ntype = "mtty-1"\nexcept = ["nosuch"]'; }
samples__unknown_configuration() {
  printf 'version: v1\nvgpu-configs:\n  default: [{devices: all, vgpu-devices: {}}]\n  T4-1Q: [{devices: all, vgpu-devices: {}}]\n' >/run/config.yaml
  words="import vgpu-device-manager /run/config.yaml --config defualt"
}
samples__described_devices_do_not_fit() { describe $'name = "a-{}"\ncount = 999\ntype = "mtty-1"'; }

# A pool of the devices a and b, of which a was handed out.
pool() {
  adm define $a -p mtty -t mtty-1
  adm define $b -p mtty -t mtty-1
  adm group create vm1 $a $b
  adm group start vm1
  adm claim vm1 --for vm7
}
samples__claim_unknown() { adm group create vm1; words="claim vm11"; }
samples__claim_empty() { adm define $a -p mtty -t mtty-1; adm group create vm1; words="claim vm1"; }
samples__claim_all_claimed() { pool; adm claim vm1; words="claim vm1"; }
samples__claim_inactive() { pool; adm stop $b; words="claim vm1"; }
samples__claim_unusable() { pool; sed -i 's/mtty-1/mtty-2/' /etc/mdevadm/devices/mtty/$b.toml; words="claim vm1"; }
samples__output_without_directory() { words="export metrics --output /run/mdevadm/metrics/mdevadm.prom"; }
samples__release_nothing() { pool; words="release"; }
samples__release_unclaimed() { pool; words="release $b"; }
samples__release_of_others() { pool; words="release $a --for vm8"; }
samples__release_group() { pool; words="release vm1"; }
samples__release_in_use() { pool; holding $a; words="release $a"; }
samples__stop_claimed() { pool; words="stop $a"; }
samples__restart_claimed() { pool; words="restart $a"; }
samples__group_stop_claimed() { pool; words="group stop vm1"; }
samples__check_broken_claim() { pool; echo x >/run/mdevadm/claims/$a.toml; words="check"; }
samples__detach_claimed() { pool; monitor; adm attach $a --qmp /run/qmp; words="detach $a --qmp /run/qmp"; }

# The process that uses a device, which ends when a command waits for that.
holding() {
  local held
  held=$(mktemp)
  "$MDEVSIM" hold $1 >"$held" &
  holder=$!
  wait_until test -s "$held"
  rm -f "$held"
}

state() { "$MDEVADM" list --all --json 2>/dev/null; "$MDEVADM" parent list --json 2>/dev/null; find /etc/mdevadm /etc/mdevctl.d -type f -exec cat {} + 2>/dev/null; }

# Runs the words; checks that they are accepted and that they print or change something.
follow() {  # MESSAGE WORDS...
  local message=$1 before
  shift
  before=$(state)
  [[ "$*" != *--timeout* || -z "${holder:-}" ]] || (sleep 0.5; kill $holder) &
  run "$MDEVADM" "$@"
  [[ $1 != diff || $code != 9 ]] || code=0  # there are differences
  [[ $1 != check || $code != 8 ]] || code=0  # there are errors to report
  exits 0 "'$message': the command is accepted"
  # A restart that had failed restores the state.
  [ "$1" = restart ] || holds "'$message': the command prints or changes something" test -n "$out" -o "$before" != "$(state)"
}

# Prints what a command has done; of the commands that print findings, these are a part of that.
outcome() {
  echo "$code ${err%%hint:*}"
  case $1 in check | show) echo "$out" ;; esac
}

# Repeats the failed command, with an option or a word replaced; the outcome must be another one.
repeat() {  # MESSAGE WORDS...
  local message=$1
  shift
  run "$MDEVADM" "$@"
  if [ "$(outcome "$1")" != "$outcome_before" ]; then
    passed "'$message': the outcome is another one"
  else
    failed "'$message': the outcome is another one" "the same again"
  fi
}

type=1149 address=0000:00:00.0
placeholders() {  # TEXT: with values for what the user has to insert
  sed -e "s/DEVICE\.\.\./$a/; s/DEVICE/$a/; s/UUID\b/$b/; s/SECONDS/1/; s/GROUP/vm1/; s/NAME/name1/; s/NUMBERS/4/g; s/\bTYPE\b/$type/" \
    -e "s/OWNER:GROUP/root:root/; s/OPTION\.\.\./--auto/; s/PARENT/mtty/; s/ADDRESS/$address/; s/-cgi ID\b.*/-cgi 19/" <<<"$1"
}

end_of_word='([^A-Za-z0-9-]|$)'
# Programs of the simulated host, and of every host.
program='(/usr/lib/nvidia/sriov-manage|nvidia-smi|chzdev|driverctl|chccwdev|modprobe|echo|rm|chmod|chown|mkdir|from=[^ ]*)'
can_run() {  # COMMAND: not with a program of the host that runs the test
  case ${1%% *} in
    chccwdev | chzdev | driverctl | modprobe | nvidia-smi) test -x "/usr/local/bin/${1%% *}" ;;
    from=*) true ;;
    *) command -v "${1%% *}" >/dev/null ;;
  esac
}
obey() {  # MESSAGE ERROR: does what the message says
  local message=$1 option meant typed commands
  mdevadm() { follow "$message" "$@"; }  # a message may name several commands
  [[ $message != "while the GPU has no vGPU, "* ]] || "$MDEVADM" stop --all --quiet 2>/dev/null
  [[ $message != "shut down the virtual machine that "*", then run: "* ]] || stop_machine
  case $message in
    "several framebuffer sizes need "*) "$MDEVADM" stop --all --quiet ;;
    "then create GPU instances "*) nvidia-smi -i 0 -mig 1 >/dev/null ;;
  esac
  if [[ $message =~ (:\ |see\ |first\ )mdevadm\ ([a-z].*)$ ]]; then
    commands=${BASH_REMATCH[2]%%,*}
    commands=$(placeholders "${commands%% (*}")
    if [[ $commands == *" | mdevadm diff "* ]]; then
      run bash -c "mdevadm() { \"\$MDEVADM\" \"\$@\"; }; mdevadm $commands"
      exits 9 "'$message': the command prints the differences"
    else
      eval "mdevadm $commands"
    fi
  elif [[ $message =~ (with|use|select\ one\ with)\ (--[a-z0-9-]+(\ [A-Za-z0-9]+)?)$end_of_word ]]; then
    option=$(placeholders "${BASH_REMATCH[2]}")
    case $option in
      "--parent"*) option="--parent mtty" ;;
      "--type"*) return ;;  # advice about another choice, not a remedy
      *" if" | *" for" | *" and" | *" to") option=${option% *} ;;
    esac
    repeat "$message" $words $option
  elif [[ $message =~ (^|:\ )($program(\ .*|$)) ]] && commands=${BASH_REMATCH[2]%% (*} && can_run "$commands"; then
    run bash -c "$(placeholders "$commands")"
    exits 0 "'$message': the commands succeed"
    case $message in
      *nvidia-smi* | */sriov-manage*) ;;  # later steps, or other advice, are needed for another outcome
      *" at each boot"* | "bind the driver: echo "*) ;;  # the driver may refuse the device again
      *) repeat "$message" $words ;;
    esac
  elif [[ $message =~ did\ you\ mean\ \'([^\']+)\' ]]; then
    meant=${BASH_REMATCH[1]}
    if [[ $meant == mdevadm\ * ]]; then
      follow "$message" help ${meant#mdevadm }
    else
      typed=$(tr ' ' '\n' <<<"$words" | while read -r word; do
        [[ $2 == *"'$word'"* || $2 == *"'${word%%[<>=]*}'"* ]] && echo "${word%%[<>=]*}"
      done | tail -1)
      repeat "$message" ${words/$typed/$meant}
    fi
  fi
}

# Programs that the simulated host lacks: their hints must be seen, but cannot be run. driverctl and modprobe exist only on hosts
# of which the scenario has drivers to bind or modules to load.
is_not_run() { [[ $1 =~ (driverctl|modprobe)\  ]] && ! can_run "${BASH_REMATCH[1]}"; }

# Prints the lines of stderr that a user can act on, one a line.
advice() { sed -nE 's/^(hint: |mdevadm: (warning: |note: )?)//p' <<<"$1" | grep -vE '^error: '; }

if [ "${1:-}" = inside ]; then  # CASE NUMBER LOG: obeys the advice of this number
  case $2 in samples__*) type=mtty-1 ;; esac
  "$2"
  run "$MDEVADM" $words
  outcome_before=$(outcome $words)
  # The results of these commands have hints.
  case $words in
    check* | show*) err+=$'\n'$("$MDEVADM" $words --json 2>/dev/null | jq -r '(.findings, .host_devices)[]?.hints[] | "hint: " + .') ;;
  esac
  mapfile -t lines < <(advice "$err")
  printf '%s\n' "${lines[@]}" >>"$4"
  if [ "$3" = 0 ]; then
    holds "${2/__/: }: '$words' gives advice" test ${#lines[@]} -gt 0
  else
    [ ${#lines[@]} -ge "$3" ] || exit 9
    obey "${lines[$3 - 1]}" "$err"
    [[ $checks != 0 || ! ${lines[$3 - 1]} =~ (:\ |see\ |with\ |first\ |^)(mdevadm\ [a-z]|$program\ ) ]] || is_not_run "${lines[$3 - 1]}" ||
      failed "'${lines[$3 - 1]}': the command is run" "the test does not recognize it"
  fi
  finish
  exit
fi

if [ "${1:-}" = case ]; then  # NAME LOG SCENARIOS: runs a case once for each line of advice
  scenario=${2%%__*}
  scenario=${scenario//_/-}
  [ ! -e "$4/$scenario.toml" ] || scenario=$4/$scenario.toml
  for ((number = 0; ; ++number)); do
    result=0
    text=$("$MDEVSIM" run "$scenario" -- bash "$0" inside "$2" $number "$3" 2>&1) || result=$?
    [ $result != 9 ] || exit 0
    grep -vE '^1\.\.' <<<"$text"
    grep -qE '^1\.\.' <<<"$text" || { echo "not ok - $2 ends"; exit 0; }
  done
fi

log=$(mktemp)
scenarios=$(mktemp -d)
results=$(mktemp -d)
trap 'rm -rf "$log" "$scenarios" "$results"' EXIT
# Linux 6.19 selects drivers of single queues.
examples=$here/../../examples/scenarios
sed 's/6\.10/6.19/' "$examples/ap-host.toml" >"$scenarios/ap-host619.toml"
sed 's/6\.10/5.19/' "$examples/ap-host.toml" >"$scenarios/ap-host519.toml"
ln -s "$(realpath "$examples/types")" "$scenarios/types"
sed 's/, mig = true, instances = [^]]*\]//' "$examples/a100.toml" >"$scenarios/a100-nomig.toml"
sed '/^enable_gvt/d' "$examples/gvt-off.toml" >"$scenarios/kvmgt.toml"
mapfile -t cases < <(declare -F | sed -n 's/^declare -f //p' | grep __)
[ $# = 0 ] || cases=("$@")
# Cases have files of the same name in /run, which simulated hosts share; so each case has its own.
export results
printf '%s\n' "${cases[@]}" |
  xargs -P "${HINTS_JOBS:-2}" -n 1 unshare --mount sh -c \
    'mount -t tmpfs -o mode=755 tmpfs /run && bash "$0" case "$3" "$1" "$2" >"$results/$3" 2>&1' "$0" "$log" "$scenarios"
for name in "${cases[@]}"; do
  cat "$results/$name"
  checks=$((checks + $(grep -cE '^(not )?ok ' "$results/$name")))
  failures=$((failures + $(grep -c '^not ok ' "$results/$name")))
done

[ $# = 0 ] || { finish; exit; }

# Messages that no case has to produce: a regular expression and the reason.
exceptions() {
  cat <<'T'
^list active devices: mdevadm list$	only if another process creates a device with the same UUID at the same moment
^if that device is not needed, stop it: mdevadm stop $	as above
^show what uses it: mdevadm show 	only if another process takes a virtual function at the same moment
^show its claim: mdevadm list --claimed	only if another process releases and claims a device at the same moment
^this needs root: $	not in a simulated host; shell/output.sh runs the command
(: |&& )(dmesg|journalctl|lspci|lscss)( |$)	these programs show the log and the devices of a real host, and change nothing
: systemctl (enable|start|stop) 	a simulated host has no systemd; vm/systemd.test enables and starts the units
(: |^)virsh 	a simulated host has no libvirt; vm/libvirt.test
: sysctl fs\.inotify	the limit is one of the kernel that runs the test
--selinux-label	a simulated host has no SELinux; shell/selinux.sh
^bind the GPU to NVIDIA's vGPU host driver: driverctl	no other driver than vfio-pci binds the GPUs of scenarios without virtual functions
^load it: modprobe vfio-pci$	a simulated host has /dev/vfio
^load the driver: modprobe 	the driver of a scenario's GPU is always loaded
^mdev type, as listed by 	the help of an option
mdevadm check reports such a member$	a statement on a later state
^(list the GPU instances, |create a GPU instance with)	the GPU instances of the scenarios use all slices; sim/gpu-causes.sh has the text
\(mdevadm claim\)$	a statement on what the group can be used for
^apply would (fail in part|refuse this description): 	the reason is an error of apply, which has hints of its own
T
}
while IFS= read -r expression; do
  [ -n "$expression" ] || continue
  excused=
  while IFS=$'\t' read -r exception _; do
    [[ ! ${expression//\\/} =~ $exception ]] || excused=yes
  done < <(exceptions)
  [ -n "$excused" ] || failed "the message /$expression/ is seen" "no case produced it"
done < <(/usr/bin/python3 "$here/../tools/hints.py" --unseen "$log" "$(realpath "$here/../../src")")
passed "the messages of all sources were searched for commands"
finish
