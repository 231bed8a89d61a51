#!/usr/bin/env bash
# prepare.sh [-v]: makes the machine in which the kernel tests run: Debian's own kernel with the mdev core, the kernel's sample
# drivers mtty, mdpy and mbochs built for it, and an initramfs that hands over to the host's own root file system.
# The machine lies in $MDEVADM_VM_DIR (build/vm of the checkout, if not set). Only what changed is made anew; -v shows what the
# programs called say.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
machine=${MDEVADM_VM_DIR:-$top/build/vm}
drivers=(mtty mdpy mbochs)
# Besides the drivers: what reaches the host's files, what the drivers and VFIO need, and the disk, whose ext4 sums with crc32c.
modules=(virtio_pci 9p 9pnet_virtio overlay vfio vfio_iommu_type1 mdev virtio_blk ext4 crc32c_generic)
packages=(qemu-system-x86 busybox-static cpio kmod xz-utils bc gcc libc6-dev make binutils)
verbose=
work=

fail() { echo "prepare.sh: $*" >&2; exit 1; }
say() { echo "vm: $*" >&2; }

# Runs a command whose output matters only when it fails.
quietly() {  # WHAT COMMAND...
  local what=$1
  shift
  if [ -n "$verbose" ]; then
    "$@" >&2 </dev/null || fail "cannot $what"
  else
    "$@" >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; fail "cannot $what"; }
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "cannot run $1: this needs root or sudo"
  fi
}

# ---- which kernel ----

# apt takes a second to answer, so its answer is kept for as long as the lists that it comes from stay the same.
lists_state() { stat -c '%n %Y %s' /var/lib/apt/lists/*_Packages* /etc/apt/preferences* /etc/apt/preferences.d/* 2>/dev/null || true; }

# The kernel that the newest image of this Debian release has, such as 6.1.0-56-amd64.
find_version() {
  local state
  state=$(lists_state | sha256sum | cut -d' ' -f1)
  version=
  if [ -f "$machine/version" ]; then
    local known_state known_version
    read -r known_state known_version <"$machine/version" || true
    [ "$known_state" != "$state" ] || version=$known_version
  fi
  if [ -z "$version" ]; then
    version=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: linux-image-\([0-9].*\)$/\1/p' | head -n 1)
    [ -z "$version" ] || put "$machine/version" "$state $version"
  fi
  source_package=linux-source-$(cut -d. -f1,2 <<<"$version")
}

refresh_lists() {
  say "refreshing apt's lists"
  quietly "refresh apt's lists" as_root apt-get update -qq
}

# Installing the headers may refresh the lists and thereby move the version: settled when it stays.
settle_version() {
  local before
  find_version
  [ -n "$version" ] || { refresh_lists; find_version; }
  [ -n "$version" ] || fail "cannot tell which kernel Debian has: linux-image-amd64 is not in apt's lists"
  while :; do
    before=$version
    "$here/../tools/packages.sh" "linux-headers-$version"
    find_version
    [ "$version" != "$before" ] || break
  done
}

headers_version() { dpkg-query -W -f '${Version}' "linux-headers-$version" 2>/dev/null || true; }

# ---- what is up to date ----

# A file is complete or not there, whenever we are stopped.
put() { printf '%s\n' "$2" >"$1.new.$$"; mv "$1.new.$$" "$1"; }

digest() { sha256sum | cut -d' ' -f1; }

# What each part is made from; the functions that make it are inputs like any other.
kernel_key() {
  { echo "$version $(headers_version) ${drivers[*]} ${modules[*]}"; declare -f unpack_kernel build_drivers gather_modules; } | digest
}
initramfs_key() { { kernel_key; declare -f build_initramfs; cat "$here/guest/init" /bin/busybox; } | digest; }
hold_key() { { declare -f build_hold; cat "$here/hold.c"; } | digest; }

# The key of a part is written after the part and removed before it is replaced.
fresh() { [ -f "$machine/$1.key" ] && [ "$(cat "$machine/$1.key")" = "$2" ]; }

# ---- the parts ----

fetch() {  # PACKAGE...
  (cd "$work" && apt-get download -qq "$@" >fetch.log 2>&1 </dev/null)
}

download() {
  say "downloading Debian's kernel $version and its source (about 210 MB)"
  if ! fetch "linux-image-$version" "$source_package"; then
    # The mirror keeps only the newest: what the lists name may be gone.
    refresh_lists
    settle_version
    fetch "linux-image-$version" "$source_package" ||
      { cat "$work/fetch.log" >&2; fail "cannot download linux-image-$version and $source_package"; }
  fi
}

# A driver built from other sources or headers than the kernel's would load only by luck.
check_versions() {
  local image source headers
  image=$(dpkg-deb -f "$work/linux-image-$version"_*.deb Version)
  source=$(dpkg-deb -f "$work/$source_package"_*.deb Version)
  headers=$(headers_version)
  if [ "$image" != "$source" ] || [ "$image" != "$headers" ]; then
    fail "cannot build the drivers: linux-image-$version is $image, linux-headers-$version is $headers, $source_package is $source;" \
      "run apt-get update and apt-get install linux-headers-$version"
  fi
}

unpack_kernel() {
  say "unpacking linux-image-$version"
  mkdir "$work/image"
  dpkg-deb --fsys-tarfile "$work/linux-image-$version"_*.deb | tar -x -C "$work/image" ./boot ./lib
  rm "$work/linux-image-$version"_*.deb
  # The ELF image inside the bzImage boots without unpacking itself, which takes long under emulation.
  local image=$work/image/boot/vmlinuz-$version offset
  # shellcheck disable=SC2013
  for offset in $(LC_ALL=C grep -abo $'\xfd7zXZ' "$image" | cut -d: -f1); do
    tail -c +$((offset + 1)) "$image" | xz -dc --single-stream >"$work/vmlinux" 2>/dev/null || true
    if [ "$(head -c 4 "$work/vmlinux" | tail -c 3 | tr -d '\0')" = ELF ]; then
      return
    fi
  done
  fail "cannot find the kernel inside vmlinuz-$version: it is not packed with xz"
}

build_drivers() {
  say "building ${drivers[*]}"
  dpkg-deb --fsys-tarfile "$work/$source_package"_*.deb | tar -xO "./usr/src/$source_package.tar.xz" |
    tar -xJ -C "$work" --strip-components=2 --wildcards "$source_package/samples/vfio-mdev/*"
  rm "$work/$source_package"_*.deb
  echo "obj-m += ${drivers[*]/%/.o}" >"$work/vfio-mdev/Makefile"
  quietly "build the drivers" make -s -C "/usr/src/linux-headers-$version" M="$work/vfio-mdev" modules
}

# The few modules that the machine loads, with what they depend on: 2 MB of 400.
gather_modules() {
  local from=$work/image/lib/modules/$version to=$work/modules/lib/modules/$version name file
  depmod -b "$work/image" "$version"
  mkdir -p "$to/extra"
  for name in "${modules[@]}"; do
    # modules.dep: "kernel/…/9p.ko: kernel/…/9pnet.ko …"; what is built in has no line
    for file in $(grep -E "/$name\.ko:" "$from/modules.dep" | tr -d :); do
      mkdir -p "$to/$(dirname "$file")"
      cp "$from/$file" "$to/$file"
    done
  done
  for name in "${drivers[@]}"; do
    strip --strip-debug -o "$to/extra/$name.ko" "$work/vfio-mdev/$name.ko"
  done
  cp "$from"/modules.{order,builtin,builtin.modinfo} "$to/"
  depmod -b "$work/modules" "$version"
}

make_kernel() {
  download
  check_versions
  unpack_kernel
  build_drivers
  gather_modules
  rm -rf "$machine"/{stamp,kernel.key,initramfs.key,modules}
  mv "$work/modules" "$work/vmlinux" "$machine/"
  put "$machine/kernel.key" "$(kernel_key)"
}

build_initramfs() {
  say "building the initramfs"
  local root=$work/initramfs
  mkdir -p "$root"/{bin,dev,proc,sys,newroot}
  cp /bin/busybox "$root/bin/busybox"
  cp -R "$machine/modules/lib" "$root/lib"
  install -m 755 "$here/guest/init" "$root/init"
  (cd "$root" && find . -print0 | cpio -o0 -H newc --owner=0:0 --quiet | gzip -1 >"$work/initramfs.gz")
}

make_initramfs() {
  build_initramfs
  rm -f "$machine/initramfs.key"
  mv "$work/initramfs.gz" "$machine/"
  put "$machine/initramfs.key" "$(initramfs_key)"
}

build_hold() {
  say "building hold"
  quietly "build hold" gcc -static -O2 -Wall -o "$work/hold" "$here/hold.c"
}

make_hold() {
  build_hold
  rm -f "$machine/hold.key"
  mv "$work/hold" "$machine/"
  put "$machine/hold.key" "$(hold_key)"
}

# ---- main ----

while getopts v option; do
  case $option in
    v) verbose=1 ;;
    *) echo "usage: prepare.sh [-v]" >&2; exit 2 ;;
  esac
done

mkdir -p "$machine" || fail "cannot make $machine"
exec 9>"$machine/lock"
flock 9
# Nobody else is at work now: what is left of others was left by those that were killed.
rm -rf "$machine"/{work,*.new}.*
work=$(mktemp -d "$machine/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$here/../tools/packages.sh" "${packages[@]}"
settle_version
made=
fresh kernel "$(kernel_key)" || { make_kernel; made=1; }
fresh initramfs "$(initramfs_key)" || { make_initramfs; made=1; }
fresh hold "$(hold_key)" || { make_hold; made=1; }
if [ -n "$made" ] || [ ! -f "$machine/stamp" ]; then
  put "$machine/stamp" "$(cat "$machine"/{kernel,initramfs,hold}.key | digest)"
  say "ready in $machine"
fi
