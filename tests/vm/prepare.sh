#!/usr/bin/env bash
# prepare.sh: makes the machine in which the kernel tests run: Debian's own kernel with the mdev core, the kernel's sample
# drivers mtty, mdpy and mbochs built for it, and an initramfs that hands over to the host's own root file system.
# The machine lies in $MDEVADM_VM_DIR (build/vm of the checkout, if not set). What is up to date is left as it is.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
top=$(realpath "$here/../..")
machine=${MDEVADM_VM_DIR:-$top/build/vm}

fail() { echo "prepare.sh: $*" >&2; exit 1; }
say() { echo "vm: $*" >&2; }

inputs() { cat "$here/prepare.sh" "$here/hold.c" "$here/guest/init" | sha256sum | cut -d' ' -f1; }

# The version that Debian's newest kernel of this release has: 6.1.0-56-amd64
kernel_version() {
  apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: linux-image-\([0-9].*\)$/\1/p' | head -n 1
}

# The Debian version of a package as apt would fetch it.
candidate() { apt-cache policy "$1" | sed -n 's/^ *Candidate: //p'; }

up_to_date() { [ -f "$machine/stamp" ] && [ "$(cat "$machine/stamp")" = "$(inputs)" ]; }

download() {  # PACKAGE...
  (cd "$work" && apt-get download -qq "$@" >download.log 2>&1) || { cat "$work/download.log" >&2; fail "cannot download $*"; }
}

unpack_kernel() {
  say "unpacking linux-image-$version"
  mkdir "$work/kernel"
  dpkg-deb --fsys-tarfile "$work"/linux-image-"$version"_*.deb | tar -x -C "$work/kernel" ./boot ./lib
  depmod -b "$work/kernel" "$version"
  # The ELF image inside the bzImage boots without the self-extraction, which under emulation takes minutes.
  local image=$work/kernel/boot/vmlinuz-$version offset
  for offset in $(LC_ALL=C grep -abo $'\xfd7zXZ' "$image" | cut -d: -f1); do
    tail -c +$((offset + 1)) "$image" | xz -dc --single-stream >"$work/vmlinux" 2>/dev/null || true
    if [ "$(head -c 4 "$work/vmlinux" | tail -c 3)" = ELF ]; then
      return
    fi
  done
  fail "cannot find the kernel inside $image: it is not packed with xz"
}

build_samples() {
  say "building mtty, mdpy and mbochs"
  local source=linux-source-${version%%.*}.$(echo "$version" | cut -d. -f2)
  dpkg-deb --fsys-tarfile "$work/$source"_*.deb | tar -xO "./usr/src/$source.tar.xz" |
    tar -xJ -C "$work" --strip-components=2 --wildcards "$source/samples/vfio-mdev/*"
  echo 'obj-m += mtty.o mdpy.o mbochs.o' >"$work/vfio-mdev/Makefile"
  make -s -C "/usr/src/linux-headers-$version" M="$work/vfio-mdev" modules >"$work/samples.log" 2>&1 ||
    { cat "$work/samples.log" >&2; fail "cannot build the sample drivers"; }
}

build_initramfs() {
  say "building the initramfs"
  local root=$work/initramfs modules=$work/kernel/lib/modules/$version name file
  mkdir -p "$root"/{bin,dev,proc,sys,newroot,"lib/modules/$version/extra"}
  cp /bin/busybox "$root/bin/busybox"
  for name in virtio_pci 9p 9pnet_virtio overlay vfio vfio_iommu_type1 mdev; do
    # modules.dep: "kernel/…/9p.ko: kernel/…/9pnet.ko …"; what is built in has no line
    for file in $(grep -E "/$name\.ko:" "$modules/modules.dep" | tr -d :); do
      mkdir -p "$root/lib/modules/$version/$(dirname "$file")"
      cp "$modules/$file" "$root/lib/modules/$version/$file"
    done
  done
  cp "$work"/vfio-mdev/{mtty,mdpy,mbochs}.ko "$root/lib/modules/$version/extra/"
  strip --strip-debug "$root/lib/modules/$version"/extra/*.ko
  cp "$modules"/modules.{order,builtin,builtin.modinfo} "$root/lib/modules/$version/"
  depmod -b "$root" "$version"
  install -m 755 "$here/guest/init" "$root/init"
  (cd "$root" && find . -print0 | cpio -o0 -H newc --owner=0:0 --quiet | gzip -1 >"$work/initramfs.gz")
}

"$here/../tools/packages.sh" qemu-system-x86 busybox-static cpio kmod xz-utils bc gcc libc6-dev make binutils
mkdir -p "$machine"
exec 9>"$machine/lock"
flock 9
up_to_date && exit 0

version=$(kernel_version)
if [ -z "$version" ]; then
  "$here/../tools/packages.sh" linux-headers-amd64
  version=$(kernel_version)
fi
[ -n "$version" ] || fail "cannot tell which kernel Debian has: run apt-get update"
"$here/../tools/packages.sh" "linux-headers-$version"
source_package=linux-source-$(echo "$version" | cut -d. -f1,2)
[ "$(candidate "linux-image-$version")" = "$(candidate "$source_package")" ] ||
  fail "linux-image-$version and $source_package are of different versions: run apt-get update"

work=$(mktemp -d "$machine/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
say "downloading Debian's kernel $version and its source (about 210 MB)"
download "linux-image-$version" "$source_package"
unpack_kernel
build_samples
build_initramfs
gcc -static -O2 -Wall -o "$work/hold" "$here/hold.c"
mv "$work"/{vmlinux,initramfs.gz,hold} "$machine/"
inputs >"$machine/stamp"
say "ready in $machine"
