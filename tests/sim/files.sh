# Files of definitions, groups and settings that cannot be used or written: texts that are not UTF-8, links to nothing, damaged groups,
# names that are used twice, files of Windows. Nothing is lost silently.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
if [ "${1:-}" = "" ]; then
  failed_parts=
  for part in $(sed -n 's/^part_\([a-z_]*\)() {$/\1/p' "$0"); do
    "$MDEVSIM" run m60 -- bash "$0" "$part" || failed_parts+=" $part"
  done
  same "$failed_parts" "" "all parts pass"
  finish
  exit
fi

a=aaaaaaaa-0000-4000-8000-000000000001
b=aaaaaaaa-0000-4000-8000-000000000002
gpu=0000:86:00.0
devices=/etc/mdevadm/devices/$gpu
define() { "$MDEVADM" define "$1" -p $gpu -t nvidia-17 --name "$2" "${@:3}" >/dev/null; }
findings() { "$MDEVADM" check --json | jq -r '.findings[] | [.severity, .finding, .object] | join(" ")'; }
check_has() { holds "check reports $*" grep -qxF "$*" <<<"$(findings)"; }

part_not_utf8() {
  local text
  text=$(mktemp)
  printf 'brand=Quadro\xae\n' >"$text"
  mount --bind "$text" "$(readlink -f /sys/class/mdev_bus/$gpu)/mdev_supported_types/nvidia-17/description"
  run define $a one
  exits 0 "a device is defined although its driver prints a description that is not UTF-8"
  run "$MDEVADM" start one
  exits 0 "its definition can be read, and the guest ABI is the same at the start"
  same "$(findings | grep -c definition)" 0 "check finds nothing wrong with the definition"
  run "$MDEVADM" group create vm one --node-owner "$(printf 'u\xe9')"
  exits 2 "a group with a text that is not UTF-8 is refused"
  err_has "cannot write '/etc/mdevadm/groups/vm.toml': not valid UTF-8: owner = \"u" "the error names the file and the line"
  holds "no file is written" test ! -e /etc/mdevadm/groups/vm.toml
  run "$MDEVADM" group create "$(printf 'g\xff')" one
  exits 2 "so is the name of a group"
  run "$MDEVADM" parent set $gpu --run "$(printf '/bin/true \xe9')"
  exits 2 "so is a command of a parent"
  holds "no settings are written" test ! -e /etc/mdevadm/parents/$gpu.toml
}

part_broken_definition_of_an_active_device() {
  "$MDEVADM" define $a -p $gpu -t nvidia-16 --name one
  "$MDEVADM" start $a
  echo 'type = ' >/etc/mdevadm/devices/$gpu/$a.toml
  run "$MDEVADM" show $a
  err_has "warning: cannot use the definition of '$a': .*$a.toml:1:8: invalid TOML.*; fix or remove the file$" "show warns of the definition that it cannot use"
  out_has "^file: +/etc/mdevadm/devices/$gpu/$a.toml$" "and names its file"
  run "$MDEVADM" list
  err_has "warning: cannot use the definition of '$a': " "list warns, too"
  run "$MDEVADM" list --all -n -o file
  same "$out" "/etc/mdevadm/devices/$gpu/$a.toml" "list shows the file"
  same "$(grep -c warning <<<"$err")" 1 "with one warning"
  run "$MDEVADM" group create vm $a
  err_has "its definition cannot be used" "group create names the problem"
  printf 'name = "one"\nvf = 5\n' >/etc/mdevadm/devices/$gpu/$a.toml
  run "$MDEVADM" modify one --auto
  exits 1 "the definition cannot be changed by the name that it contains"
  err_has "cannot modify 'one'.*: its definition cannot be used: .*$a.toml:" "the error names the file"
  run "$MDEVADM" stop one
  exits 0 "but it can be stopped by this name"
  same "$("$MDEVADM" list -q -n -o uuid)" "" "the device is gone"
  rm /etc/mdevadm/devices/$gpu/$a.toml
}

part_dangling_links() {
  define $a one --auto
  ln -sf /nonexistent $devices/$a.toml
  run "$MDEVADM" check
  exits 8 "a symbolic link to nothing in place of a definition is a finding"
  out_has "$a.toml: symbolic link to '/nonexistent', which does not exist" "it names the link and its target"
  rm $devices/$a.toml
  define $a one --auto
  "$MDEVADM" group create vm one
  mv /etc/mdevadm/groups /etc/mdevadm/old
  ln -s /nonexistent /etc/mdevadm/groups
  run "$MDEVADM" group list
  exits 1 "a link to nothing in place of the directory of groups is an error"
  err_has "cannot read the groups in '/etc/mdevadm/groups': symbolic link to '/nonexistent', which does not exist" "the error says so"
  check_has error files-unread /etc/mdevadm/groups
  rm /etc/mdevadm/groups
  mv /etc/mdevadm/old /etc/mdevadm/groups
  mv /etc/mdevadm/devices /etc/mdevadm/old
  ln -s /nonexistent /etc/mdevadm/devices
  run "$MDEVADM" start --auto
  exits 1 "start --auto fails if the directory of definitions is a link to nothing"
  err_has "'/etc/mdevadm/devices': symbolic link to '/nonexistent', which does not exist" "the error says so"
  rm /etc/mdevadm/devices
  mv /etc/mdevadm/old /etc/mdevadm/devices
  mkdir -p /etc/mdevadm/parents
  ln -s /nonexistent /etc/mdevadm/parents/$gpu.toml
  check_has error settings-broken /etc/mdevadm/parents/$gpu.toml
}

part_damaged_group() {
  define $a one
  "$MDEVADM" group create vm one
  cp /etc/mdevadm/groups/vm.toml /tmp/vm.$$
  echo '[' >>/etc/mdevadm/groups/vm.toml
  run "$MDEVADM" group start vm
  exits 1 "a group whose file is damaged is not unknown"
  err_has "cannot start group 'vm': the file of the group cannot be used: /etc/mdevadm/groups/vm.toml:" "the error names the file"
  run "$MDEVADM" undefine one
  err_has "warning: 'one' .*: a group may still have the device as a member, because the file of the group cannot be used: /etc/mdevadm/groups/vm.toml:.*; when the file is fixed, mdevadm check reports such a member$" "undefine warns that it cannot know the members"
  mv /tmp/vm.$$ /etc/mdevadm/groups/vm.toml
}

part_damaged_member() {
  define $a one
  "$MDEVADM" group create vm one
  echo 'x[' >>$devices/$a.toml
  run "$MDEVADM" group start vm
  exits 1 "a member whose definition is damaged is not undefined"
  err_has "cannot start group 'vm': member '$a': its definition cannot be used: $devices/$a.toml:" "the error names the file"
  same "$(findings | grep -c group-member)" 0 "check does not advise removing the member"
}

part_repeated_name() {
  mkdir -p $devices
  for uuid in $a $b; do printf 'type = "nvidia-17"\nname = "one"\n' >$devices/$uuid.toml; done
  for words in "undefine one" "start one" "modify one --auto" "show one"; do
    # shellcheck disable=SC2086
    run "$MDEVADM" $words
    exits 4 "$words: a name of two definitions is ambiguous"
    err_has "several definitions have this name: $a and $b" "$words: the error has both UUIDs"
  done
  run "$MDEVADM" check
  out_has "duplicate name 'one': also the name of $a under $gpu; commands refuse the name" "check reports it"
  out_has "give the definition another name: mdevadm modify $b --name NAME" "with the command"
  same "$(ls $devices | wc -l)" 2 "both definitions remain"
  run "$MDEVADM" modify $b --name two
  run "$MDEVADM" start one
  exits 0 "with another name for one of them, the name works"
}

part_windows() {
  mkdir -p $devices
  printf '\xef\xbb\xbf# saved by an editor\r\ntype = "nvidia-17"\r\nname = "one"\r\n\r\n[node]\r\nowner = "daemon"\r\n' >$devices/$a.toml
  run "$MDEVADM" modify one --auto --attr nvidia/vgpu_params=x=1 --node-mode 0660
  exits 0 "a file with the line ends of Windows and a byte order mark can be changed"
  same "$(grep -c $'\r$' $devices/$a.toml)" "$(wc -l <$devices/$a.toml)" "all lines have the line end of the file"
  same "$(head -c 3 $devices/$a.toml | od -An -tx1)" " ef bb bf" "the byte order mark stays"
  same "$("$MDEVADM" show one --json | jq -c '.devices[0] | [.start, .attributes]')" '["auto",[{"name":"nvidia/vgpu_params","value":"x=1"}]]' "the definition has the new values"
}

part_generator() {
  local units
  units=$(mktemp -d)
  define $a one --auto
  mkdir -p "/etc/mdevadm/devices/0000:01$(printf 'é%.0s' $(seq 60))"
  cp $devices/$a.toml "/etc/mdevadm/devices/0000:01$(printf 'é%.0s' $(seq 60))/$b.toml"
  sed -i 's/"one"/"two"/' "/etc/mdevadm/devices/0000:01"*/$b.toml
  echo x >/etc/mdevadm/parents
  run "$MDEVADM" __generator "$units" /lib/systemd/system/mdevadm-parent@.service
  exits 0 "the generator ends with 0"
  holds "a parent without a unit, and unreadable settings, do not prevent the unit of another" \
    test -L "$units/mdevadm.target.wants/mdevadm-parent@$gpu.service"
  err_has "cannot generate a unit of '0000:01" "the parent is named"
  err_has "cannot generate units of parents with settings: cannot read" "so is the directory of settings"
}

part_unreadable_settings() {
  define $a one --auto
  echo x >/etc/mdevadm/parents
  run "$MDEVADM" start --auto
  exits 0 "devices are started although the settings of parents cannot be read"
  err_has "warning: cannot read the settings of parents in '/etc/mdevadm/parents': Not a directory; continuing without them" "a warning says so"
  same "$("$MDEVADM" list -n -o name)" one "the device is active"
}

part_scripts_of_a_tree() {
  local tree
  tree=$(mktemp -d)
  mkdir -p "$tree/etc/mdevctl.d/scripts.d" "$tree/tmp/scripts" /tmp/scripts
  printf '#!/bin/sh\necho inside >>/tmp/ran.%s\n' $$ >"$tree/tmp/scripts/n"
  printf '#!/bin/sh\necho outside >>/tmp/ran.%s\n' $$ >/tmp/scripts/n
  chmod 755 "$tree/tmp/scripts/n" /tmp/scripts/n
  ln -s /tmp/scripts "$tree/etc/mdevctl.d/scripts.d/notifiers"
  run "$MDEVADM" --root "$tree" define $a -p mtty -t mtty-1 --force
  exits 0 "a device is defined in a tree"
  same "$(cat "/tmp/ran.$$")" inside "a link of the tree leads to the script inside the tree, not to that of the host"
  rm -rf /tmp/scripts "/tmp/ran.$$"
}

part_group_names() {
  define $a one
  "$MDEVADM" group create vm one
  for verb in start stop restart show list "modify --auto" undefine; do
    # shellcheck disable=SC2086
    run "$MDEVADM" $verb vm
    exits 3 "$verb: a group is not a device"
    err_has "cannot ${verb% *} 'vm': it is a group, not a device" "$verb: the error says so"
  done
  run "$MDEVADM" start vm
  err_has "hint: start the group: mdevadm group start vm$" "the hint is the command for groups"
  run "$MDEVADM" group start vm
  exits 0 "which works"
}

part_umask() {
  umask 077
  define $a one
  "$MDEVADM" group create vm one
  "$MDEVADM" start one
  run stat -c '%a %n' /etc/mdevadm/devices /etc/mdevadm/groups $devices $devices/$a.toml /etc/mdevadm/groups/vm.toml /run/mdevadm
  same "$(cut -d' ' -f1 <<<"$out" | paste -sd' ')" "755 755 755 644 644 755" "definitions and groups are readable for all users, whatever the umask"
  chmod 600 $devices/$a.toml
  "$MDEVADM" modify one --auto
  same "$(stat -c %a $devices/$a.toml)" 600 "a file that exists keeps its mode"
}

part_values() {
  define $a one
  run timeout 1 "$MDEVADM" monitor -t nosuch
  exits 124 "monitor waits for events of a type that no parent has"
  err_has "warning: no events before a parent offers it: no parent has a type 'nosuch'$" "a warning says that there is none"
  run "$MDEVADM" show one -n -o uuid,name,aggregate
  same "$out" "$a"$'\none\n-' "show --noheadings prints the values only"
  run "$MDEVADM" start -p $gpu -t nvidia-17 >/dev/full
  run bash -c "\"$MDEVADM\" start -p $gpu -t nvidia-17 >/dev/full"
  exits 1 "an output that cannot be written is an error"
  err_has "cannot write the output: No space left on device; the command has been carried out for [0-9a-f-]{36}$" "the error names the device"
  "$MDEVADM" list -n -o uuid | xargs "$MDEVADM" stop -q
  "$MDEVADM" undefine -q one
  run bash -c "\"$MDEVADM\" define -p $gpu -t nvidia-17 --count 2 --json >/dev/full"
  same "$(jq -r '.error.message' <<<"$err" | grep -cE 'has been carried out for [0-9a-f-]{36}, [0-9a-f-]{36}$')" 1 "also with --json"
  run "$MDEVADM" stop ""
  exits 2 "an empty argument is a usage error"
  err_has "error: DEVICE: value must not be empty$" "the error names the argument"
  run "$MDEVADM" define -p $gpu -t nvidia-17 --name "$(printf 'x%.0s' $(seq 256))"
  err_has "a name has at most 255 bytes" "the error for a long name names the limit"
  run "$MDEVADM" define -p $gpu -t nvidia-17 --count 99999999999999999999
  err_has "expected 1 or more, and less than 2\^64" "so does the error for a large number"
}

"part_$1"
finish
