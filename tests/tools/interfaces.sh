# shellcheck shell=bash disable=SC2154
# The checks for every kernel interface, on the simulated host that implements it. Source checks.sh first.
#
#   in_scenario SCENARIO WORD...   runs this script again in it, with these words, its parents having an attribute "plain"
#   cell INTERFACE COLUMN            what is checked from here on is of this cell of the table in tests/README.md
#   cells_are INTERFACE...           the cells that were checked are those of the table, for these interfaces
#   say SENTENCE                   the sentence of a check, with its cell before it

cell_files=${CELL_FILES:-$(mktemp -d)}
export CELL_FILES=$cell_files
cell_name=

cell() { cell_name="$1 $2"; touch "$cell_files/$1 $2"; }
say() { echo "$cell_name: $1"; }

# The shipped scenarios, with an additional attribute "plain" of each parent of mediated devices.
in_scenario() {
  local name=$1 directory here
  shift
  here=$(dirname "${BASH_SOURCE[0]}")/../../examples/scenarios
  directory=$(mktemp -d)
  cp -r "$here/types" "$directory"
  awk -v plain='{ name = "plain", value = "0\\n", writable = true }' '
    function end_parent() { if (open && !has) print "attribute = [" plain "]" }
    /^\[\[parent\]\]/ { end_parent(); open = 1; has = 0 }
    /^attribute =/ { sub(/\[/, "[" plain ", "); has = 1 }
    /^functions|^interface = "C1"/ { has = 1 }
    { print }
    END { end_parent() }' "$here/$name.toml" >"$directory/$name.toml"
  [ -z "${EXTRA:-}" ] || sed -i "/^interface/a $EXTRA" "$directory/$name.toml"
  "$MDEVSIM" run "$directory/$name.toml" -- bash "$0" inside "$@" || part_failed=1
  rm -rf "$directory"
}

cells_are() {
  local readme wanted
  readme=$(dirname "${BASH_SOURCE[0]}")/../README.md
  wanted=$(for interface in "$@"; do
    awk -F'|' -v interface="$interface" '
      /^\| interface \|/ { for (i = 3; i < NF; ++i) { gsub(/ /, "", $i); column[i] = $i } next }
      { name = $2; gsub(/ /, "", name) }
      name == interface { for (i = 3; i < NF; ++i) { gsub(/ /, "", $i); if ($i != "-") print interface " " column[i] } }' "$readme"
  done | sort)
  same "$(ls "$cell_files" | sort)" "$wanted" "the table in tests/README.md lists exactly the cells that are checked here"
  rm -rf "$cell_files"
}

# --- inside ---

A=aaaaaaaa-0000-4000-8000-000000000001
B=bbbbbbbb-0000-4000-8000-000000000002
VM=99999999-0000-4000-8000-000000000009
control() { "$MDEVSIM" control "$@"; }
mdevadm() { "$MDEVADM" "$@"; }
cells_of() { mdevadm list -o "$1" | sed 1d | tr -s ' ' | sort | paste -sd,; }
active() { cells_of name; }
is_removed() { [ -z "$(active)" ] && [ ! -e "$1" ]; }  # PATH
field() { mdevadm show "$1" --json -o "$2" | jq -r ".devices[0].$2"; }  # DEVICE COLUMN
groups_left() { { ls /sys/kernel/iommu_groups; ls /dev/vfio; } 2>/dev/null | grep -c '^[0-9]'; }
# No device, directory, group, node or record exists.
nothing_left() {
  same "$(ls /sys/bus/mdev/devices 2>/dev/null | wc -l) $(ls /run/mdevadm/devices 2>/dev/null | wc -l)" "0 0" "$(say "$1")"
}
hold() {  # UUID...: until release
  hold_file=$(mktemp)
  "$MDEVSIM" hold "$@" 60 >"$hold_file" &
  holder=$!
  wait_until grep -q holding "$hold_file"
  rm -f "$hold_file"
}
release() { kill $holder; wait $holder 2>/dev/null; }

# discovered INTERFACE PARENT NAME TYPE
discovered() {
  cell "$1" discover
  run mdevadm show "$2" -o interface,types
  exits 0 "$(say "show finds the parent")"
  out_has "^interface: +$3$" "$(say "show detects the interface $3")"
  same "$(mdevadm types "$2" --json | jq -r '.types[0].interface')" "$3" "$(say "types --json reports the interface $3")"
  same "$(mdevadm types "$2" --json | jq -r "[.types[].type] | index(\"$4\") != null")" true "$(say "types lists type $4")"
}

# defined PARENT TYPE [OPTION...]: $A as "a" and $B as "b"
defined() {
  local parent=$1 type=$2
  shift 2
  mdevadm define -u $A -p "$parent" -t "$type" --name a "$@" >/dev/null
  mdevadm define -u $B -p "$parent" -t "$type" --name b "$@" >/dev/null
}

# created INTERFACE NAME-IN-THE-KERNEL: starts a
created() {
  cell "$1" create
  run mdevadm start a
  exits 0 "$(say "start creates a device")"
  holds "$(say "the kernel names the device $2")" test -e "/sys/bus/${3:-mdev}/devices/$2"
  same "$(cells_of name,state)" "a active" "$(say "list reports the device as active")"
  same "$(field a type)" "$(field a defined_type)" "$(say "the device has the type of its definition")"
  holds "$(say "the device has a node")" test -c "$(field a node)"
  run mdevadm start a
  exits 0 "$(say "a second start succeeds")"
  err_has "'a' \($A\) is already active$" "$(say "a second start leaves the device unchanged")"
}

# attributed INTERFACE FILE [DIR]: starts a with an attribute, and with one that does not exist
attributed() {
  cell "$1" attributes
  mdevadm modify a --attr "$2=seven" >/dev/null
  run mdevadm start a
  exits 0 "$(say "start succeeds for a device with an attribute")"
  same "$(cat "$3")" seven "$(say "the attribute $2 has its value")"
  mdevadm stop a
  mdevadm modify a --attr nosuch=1 >/dev/null
  run mdevadm start a
  exits 3 "$(say "start fails with exit code 3 if an attribute does not exist")"
  err_has "cannot set attribute 'nosuch' to '1': no such attribute" "$(say "the error names the attribute that does not exist")"
  same "$(active)" "" "$(say "a start with an unknown attribute is rolled back")"
  mdevadm modify a --delete-attr nosuch --delete-attr "$2" >/dev/null
}

# removed INTERFACE KIND [DIR [NAME]]: starts and stops a; KIND is busy (the driver refuses), blocks (the kernel waits) or goes;
# DIR is the directory of a, which exists until the removal is complete, NAME its name for mdevsim
removed() {
  cell "$1" remove
  mdevadm start a
  run mdevadm stop a
  exits 0 "$(say "stop succeeds")"
  same "$(active)" "" "$(say "stop removes the device")"
  mdevadm start a
  hold "${4:-$A}"
  run mdevadm stop a
  exits 5 "$(say "stop is refused while the device is in use")"
  err_has "is in use by mdevsim \(pid $holder\)" "$(say "the error names the process that uses the device")"
  run mdevadm stop a --force
  exits "$([ "$2" = busy ] && echo 5 || echo 0)" \
    "$(say "stop --force of a device in use succeeds unless the driver refuses the removal")"
  case $2 in
    busy) err_has "the driver reports that the device is in use|offline: the device is in use|the driver does not clear a virtual function in use" \
      "$(say "the error says that the driver refuses the removal")" ;;
    blocks) err_has "warning: removal of .* is pending: still in use by mdevsim \(pid $holder\)" \
      "$(say "the warning says that the removal is pending and names the process")" ;;
  esac
  release
  [ "$2" != blocks ] || wait_until is_removed "${3:-/nonexistent}"
  run mdevadm stop a
  exits 0 "$(say "stop succeeds after the release")"
  same "$(active)" "" "$(say "no device is active after stop")"
}

# errors_at_create INTERFACE ERRNO=CODE...
errors_at_create() {
  local interface=$1 pair
  shift
  cell "$interface" errors
  for pair in "$@"; do
    control clear
    control fault create 1 "${pair%=*}"
    run mdevadm start a
    exits "${pair#*=}" "$(say "start fails with the exit code for ${pair%=*} if the creation fails")"
    err_has "^hint: " "$(say "${pair%=*} of create: the error has a hint")"
    same "$(active)" "" "$(say "${pair%=*} of create: no device is active")"
  done
  control clear
}

# errors_at_remove INTERFACE ERRNO=CODE...: a stays active
errors_at_remove() {
  local interface=$1 pair
  shift
  cell "$interface" errors
  mdevadm start a
  for pair in "$@"; do
    control clear
    control fault remove 0 "${pair%=*}"
    run mdevadm stop a
    exits "${pair#*=}" "$(say "stop fails with the exit code for ${pair%=*} if the removal fails")"
    err_has "^hint: " "$(say "${pair%=*} of remove: the error has a hint")"
  done
  control clear
}

all_create_errors="EINVAL=1 EEXIST=5 ENOSPC=6 EUSERS=6 ENOMEM=6 ENODEV=1 EPERM=1 EIO=1 EAGAIN=1 E2BIG=1 ERANGE=1 EBUSY=5 EFAULT=1 EOPNOTSUPP=1"
