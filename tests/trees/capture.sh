#!/bin/bash
# capture.sh: prints what this host shows of mediated devices, in the form that tests/trees/ keeps (see its README.md).
set -u

entry() {
  local path=$1 name=${1#/}
  if [ -L "$path" ]; then
    printf '%s -> %s\n' "$name" "$(readlink "$path")"
  elif [ -d "$path" ]; then
    printf '%s/\n' "$name"
  else
    # What cannot be read is there all the same: it can be written.
    printf '%s = %s\n' "$name" "$(cat "$path" 2>/dev/null | sed 's/\\/\\\\/g' | sed -z 's/\n/\\n/g')"
  fi
}

{
  for top in /sys/class/mdev_bus /sys/bus/mdev; do
    [ -e "$top" ] && find "$top" -not -path '*/power*' -not -path '*/drivers/*/*'
  done
  for parent in /sys/class/mdev_bus/*; do
    [ -e "$parent" ] && find "$(realpath "$parent")" -not -path '*/power*'
  done
  find /sys/kernel/iommu_groups 2>/dev/null
  find /dev/vfio -type c 2>/dev/null
} | sort -u | while read -r path; do entry "$path"; done
