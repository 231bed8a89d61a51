#!/usr/bin/env bash
# measure.sh: boots the machine and prints the behaviour of its kernel that mdevadm relies on: the errors of create and remove, a
# removal while the device is in use, the texts of types, and the relevant part of sysfs. Run it again for a new kernel.
#   measure.sh --inside HOLD SECTION...   prints these sections for the machine that it runs on; HOLD UUID SECONDS MODE uses a device
set -euo pipefail

here=$(dirname "$(realpath "$0")")
if [ "${1:-}" != --inside ]; then
  directory=$(mktemp -d)
  trap 'rm -rf "$directory"' EXIT
  # Programs have the same paths in the machine as on the host.
  printf -v command 'bash %q --inside %q' "$here/measure.sh" "$("$here/machine.sh")/hold"
  "$here/boot.sh" -t "${MDEVADM_VM_SECONDS:-300}" "$directory" "$command"
  exit
fi
hold=$2
shift 2
parents=/sys/class/mdev_bus
devices=/sys/bus/mdev/devices

ask() { perl "$here/guest/ask.pl" "$@"; }
uuid() { printf 'aaaaaaaa-bbbb-cccc-dddd-%012x' "$1"; }
title() { printf '\n== %s\n' "$1"; }
line() { printf '%-68s %s\n' "$1" "$2"; }
create_file() { echo "$parents/$1/mdev_supported_types/$2/create"; }

create() {  # SENTENCE PARENT TYPE DATA...: writes DATA to create and prints the result
  local sentence=$1 file
  file=$(create_file "$2" "$3")
  shift 3
  line "$sentence" "$(ask write WRONLY "$file" "$@")"
}

active() { find "$devices" -mindepth 1 -printf '%f\n' | sort; }

remove_all() {
  local id
  for id in $(active); do
    echo 1 >"$devices/$id/remove"
  done
}

errors_of_create() {
  title "create"
  local id big type
  id=$(uuid 0xab)
  create "a UUID" mtty mtty-1 "$id"
  create "the same again, same type" mtty mtty-1 "$id"
  create "another type" mtty mtty-2 "$id"
  create "another parent" mdpy mdpy-vga "$id"
  create "in capitals" mtty mtty-1 "${id^^}"
  create "with a newline, in capitals" mtty mtty-1 "$(uuid 0xac | tr a-f A-F)\\n"
  line "the directories" "$(active | paste -sd' ')"
  create "35 characters" mtty mtty-1 "${id%?}"
  create "35 characters and a newline" mtty mtty-1 "${id%?}\\n"
  create "38 characters" mtty mtty-1 "$(uuid 2)xx"
  create "37 characters and a newline" mtty mtty-1 "$(uuid 2)x\\n"
  create "a leading blank and 36 characters" mtty mtty-1 " $(uuid 2)"
  create "a character that is no hexadecimal digit" mtty mtty-1 "g${id#?}"
  create "a dash missing, 36 characters" mtty mtty-1 "aaaaaaaaabbbb-cccc-dddd-000000000002"
  create "no dashes, 32 characters" mtty mtty-1 "aaaaaaaabbbbccccdddd000000000002"
  create "in braces" mtty mtty-1 "{$(uuid 2)}"
  create "37th byte x" mtty mtty-1 "$(uuid 0x10)x"
  create "37th byte blank" mtty mtty-1 "$(uuid 0x11) "
  create "37th byte NUL" mtty mtty-1 "$(uuid 0x12)\\x00"
  create "37th byte carriage return" mtty mtty-1 "$(uuid 0x14)\\x0d"
  create "the nil UUID" mtty mtty-1 00000000-0000-0000-0000-000000000000
  create "all ones" mtty mtty-1 ffffffff-ffff-ffff-ffff-ffffffffffff
  create "nothing (zero bytes)" mtty mtty-1 ""
  create "a newline only" mtty mtty-1 "\\n"
  create "two writes through one open" mtty mtty-1 "$(uuid 0x20)" "$(uuid 0x21)"
  create "one UUID in two pieces" mtty mtty-1 "aaaaaaaa-bbbb-cccc-" "dddd-000000000022"
  line "active now" "$(active | wc -l)"
  remove_all

  for type in mtty/mtty-2 mdpy/mdpy-hd mbochs/mbochs-large; do
    big=$(cat "$parents/${type%/*}/mdev_supported_types/${type#*/}/available_instances")
    for id in $(seq "$big"); do uuid "$id" >"$(create_file "${type%/*}" "${type#*/}")"; done
    create "one more than ${type#*/} has ($big)" "${type%/*}" "${type#*/}" "$(uuid 0xff)"
    line "  available_instances of ${type%/*}'s types then" \
      "$(cat "$parents/${type%/*}"/mdev_supported_types/*/available_instances | paste -sd' ')"
    remove_all
  done
}

errors_of_open() {
  title "open and the like"
  local type=$parents/mtty/mdev_supported_types flags id
  id=$(uuid 1)
  line "create of a type that is not there, WRONLY" "$(ask open WRONLY "$type/mtty-9/create")"
  line "the same with CREAT" "$(ask open WRONLY,CREAT,TRUNC "$type/mtty-9/create")"
  line "an attribute that is not there, WRONLY" "$(ask open WRONLY "$type/mtty-1/nosuch")"
  line "the same with CREAT" "$(ask open WRONLY,CREAT,TRUNC "$type/mtty-1/nosuch")"
  line "a parent that is not there, WRONLY" "$(ask open WRONLY "$parents/nosuch/mdev_supported_types/x/create")"
  for flags in RDONLY RDWR WRONLY WRONLY,TRUNC WRONLY,CREAT WRONLY,APPEND WRONLY,CREAT,TRUNC; do
    line "create $flags" "$(ask open "$flags" "$type/mtty-1/create")"
  done
  line "name WRONLY" "$(ask open WRONLY "$type/mtty-1/name")"
  line "create WRONLY as uid 65534" "$(ask -u 65534 open WRONLY "$type/mtty-1/create")"
  line "mkdir beside the types" "$(ask mkdir "$type/nosuch")"
  line "rmdir of a type" "$(ask rmdir "$type/mtty-1")"
  line "unlink of create" "$(ask unlink "$type/mtty-1/create")"
  line "rename of create" "$(ask rename "$type/mtty-1/create")"
  echo "$id" >"$type/mtty-1/create"
  for flags in RDONLY RDWR WRONLY WRONLY,TRUNC WRONLY,CREAT; do
    line "remove $flags" "$(ask open "$flags" "$devices/$id/remove")"
  done
  line "remove WRONLY as uid 65534" "$(ask -u 65534 open WRONLY "$devices/$id/remove")"
  line "remove of a device that is not there" "$(ask open WRONLY "$devices/$(uuid 0xee)/remove")"
  line "the same with CREAT" "$(ask open WRONLY,CREAT,TRUNC "$devices/$(uuid 0xee)/remove")"
  remove_all
}

errors_of_remove() {
  title "remove"
  local id data answer
  id=$(uuid 1)
  for data in "" 0 '0x0\n' '\n' x -1 ' 1' '1 ' 1x true y 99999999999999999999 1 '1\n' '2\n' 0x1 +1 01; do
    [ -e "$devices/$id" ] || echo "$id" >"$(create_file mtty mtty-1)"
    answer=$(ask write WRONLY "$devices/$id/remove" "$data")
    line "'$data'" "$answer, $([ -e "$devices/$id" ] && echo "still there" || echo removed)"
  done
  remove_all
}

# The state of a process in the kernel: S, D, …; "ended" if it does not exist.
state() { sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null | grep . || echo ended; }

files_of() {
  local fd
  for fd in "/proc/$1/fd"/*; do
    case $(readlink "$fd") in
      *vfio*) line "  open: ${fd##*/}" "$(readlink "$fd")" ;;
    esac
  done
}

remove_while_held() {  # MODE
  title "remove while held: hold $1"
  local id holder remover group type=$parents/mtty/mdev_supported_types/mtty-1 before blocked=
  id=$(uuid 7)
  echo "$id" >"$type/create"
  group=/dev/vfio/$(basename "$(readlink "$devices/$id/iommu_group")")
  : >/tmp/measure.hold
  "$hold" "$id" 60 "$1" >/tmp/measure.hold 2>&1 &
  holder=$!
  until [ -s /tmp/measure.hold ]; do sleep 0.05; done
  line "hold says" "$(cat /tmp/measure.hold)"
  files_of "$holder"
  line "a second open of $group" "$(ask open RDWR "$group")"
  dmesg -C
  bash -c 'echo 1 >"$0"' "$devices/$id/remove" &
  remover=$!
  sleep 2
  line "the remover after 2 s" "$(state "$remover")"
  line "$devices/UUID" "$([ -e "$devices/$id" ] && echo there || echo gone)"
  if [ "$(state "$remover")" != ended ]; then
    blocked=1
    line "  it waits in" "$(cat "/proc/$remover/wchan" 2>/dev/null)"
    line "  $type/devices/UUID" "$([ -e "$type/devices/$id" ] && echo there || echo gone)"
    line "  the real directory" \
      "$(find "/sys/devices/virtual/mtty/mtty/$id" -mindepth 1 -maxdepth 1 -printf '%f ' 2>/dev/null || echo gone)"
    line "  available_instances" "$(cat "$type/available_instances")"
    line "  $group" "$([ -e "$group" ] && echo there || echo gone)"
    line "  a second open of $group" "$(ask open RDWR "$group")"
    create "  create of the same UUID" mtty mtty-1 "$id"
    create "  create of another UUID" mtty mtty-1 "$(uuid 8)"
    line "  remove of that other" "$(ask write WRONLY "$devices/$(uuid 8)/remove" 1)"
    line "  a second remove" "$(ask write WRONLY "$devices/$id/remove" 1)"
    kill -TERM "$remover"
    sleep 1
    line "  the remover after SIGTERM" "$(state "$remover")"
    kill -KILL "$remover"
    sleep 1
    line "  the remover after SIGKILL" "$(state "$remover")"
  fi
  before=$(date +%s%N)
  kill -TERM "$holder"
  local ended=0
  wait "$holder" || ended=$?
  wait "$remover" 2>/dev/null || true
  line "hold, after SIGTERM, ended with" "$ended"
  [ -z "$blocked" ] || line "the remover ended this long after it" "$((($(date +%s%N) - before) / 1000000)) ms"
  line "the real directory" "$([ -e "/sys/devices/virtual/mtty/mtty/$id" ] && echo there || echo gone)"
  dmesg | sed 's/^/  kernel: /'
  create "create of the same UUID" mtty mtty-1 "$id"
  remove_all
}

rmmod_while_held() {
  title "rmmod mtty"
  local id holder
  id=$(uuid 9)
  echo "$id" >"$(create_file mtty mtty-1)"
  : >/tmp/measure.hold
  "$hold" "$id" 60 device >/tmp/measure.hold 2>&1 &
  holder=$!
  until [ -s /tmp/measure.hold ]; do sleep 0.05; done
  line "while a device is held" "$(rmmod mtty 2>&1 && echo ok)"
  kill "$holder"
  wait "$holder" || true
  line "with an idle device" "$(rmmod mtty 2>&1 && echo ok)"
  line "the device" "$([ -e "$devices/$id" ] && echo there || echo gone)"
  modprobe mtty
}

texts_of_types() {
  title "name and description of each type"
  local type
  for type in "$parents"/*/mdev_supported_types/*; do
    ask list "$type/name" "$type/description" | sed "s|^$parents/||; s|mdev_supported_types/||"
  done
}

listing() {
  title "sysfs with two devices on each parent"
  local parent type number=0
  for parent in "$parents"/*; do
    for type in $(find "$parent/mdev_supported_types" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | head -n 2); do
      number=$((number + 1))
      uuid "$number" >"$parent/mdev_supported_types/$type/create"
    done
  done
  ask list "$parents" /sys/bus/mdev "$(realpath "$parents/mtty")" "$(realpath "$parents/mdpy")" "$(realpath "$parents/mbochs")" \
    /sys/kernel/iommu_groups /sys/class/vfio /sys/devices/virtual/vfio /dev/vfio
  title "in the order of readdir"
  find "$devices" -mindepth 1 -printf '%f '
  echo
  remove_all
}

section() {
  case $1 in
    create) errors_of_create ;;
    open) errors_of_open ;;
    remove) errors_of_remove ;;
    held) remove_while_held device ;;
    held-otherwise) for mode in device-only group group-only; do remove_while_held "$mode"; done ;;
    rmmod) rmmod_while_held ;;
    types) texts_of_types ;;
    listing) listing ;;
  esac
}

# hold and perl report errors themselves; a command that fails here is a bug in this script.
if [ $# = 0 ]; then
  line "kernel" "$(uname -rv)"
  set -- create open remove held held-otherwise rmmod types listing
fi
for name in "$@"; do
  section "$name"
done
