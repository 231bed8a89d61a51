#!/usr/bin/env bash
# prepare.sh [-v]: makes the test machine: the kernel of the Debian release that this host runs, with the mdev
# core, the kernel's sample drivers mtty, mdpy and mbochs built for it, and an initramfs that switches to the host's own root file
# system. machine.sh prints its directory. Only parts whose inputs changed are made again; -v shows the output of the
# programs called.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
machine=$("$here/machine.sh")
release=$("$here/machine.sh" release)
drivers=(mtty mdpy mbochs)
# Besides the drivers: access to the host's files, VFIO and the mdev core, and the disk. Each of them is a module or built in.
modules=(virtio_pci 9p 9pnet_virtio overlay vfio vfio_iommu_type1 mdev virtio_blk ext4)
# ext4's checksums: Linux 6.1 and 6.12 find crc32c by its name in the crypto API, later ones call a library function that is built in.
optional_modules=(crc32c_generic)
packages=(qemu-system-x86 busybox-static cpio kmod xz-utils zstd gcc libc6-dev make binutils)
verbose=
work=

fail() { echo "prepare.sh: $*" >&2; exit 1; }
say() { echo "vm: $*" >&2; }

# Runs a command and shows its output only if it fails.
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

# ---- the kernel's version ----

# apt takes a second, therefore its output is cached until apt's lists change.
lists_state() { stat -c '%n %Y %s' /var/lib/apt/lists/*_Packages* /etc/apt/preferences* /etc/apt/preferences.d/* 2>/dev/null || true; }

# The kernel of this Debian release: $version, such as 6.1.0-56-amd64, and $package_version, such as 6.1.192-2, which all packages
# built from the same source have. linux-image-amd64 depends on "linux-image-6.1.0-56-amd64 (= 6.1.192-2)".
find_version() {
  local state known_state='' pattern='s/^Depends:.*\blinux-image-([0-9][^ ]*) \(= ([^)]+)\).*/\1 \2/p'
  state=$(lists_state | digest)
  version='' package_version=''
  [ ! -f "$machine/version" ] || read -r known_state version package_version <"$machine/version" || true
  if [ "$known_state" != "$state" ] || [ -z "$package_version" ]; then
    read -r version package_version < <(apt-cache show --no-all-versions linux-image-amd64 2>/dev/null | sed -nE "$pattern") || true
    [ -z "$version" ] || put "$machine/version" "$state $version $package_version"
  fi
  source_package=linux-source-$(cut -d. -f1,2 <<<"$version")
}

refresh_lists() {
  say "refreshing apt's lists"
  quietly "refresh apt's lists" as_root apt-get update -qq
  find_version
  [ -n "$version" ] || fail "cannot find the version of Debian's kernel: linux-image-amd64 is not in apt's lists"
}

# ---- what is up to date ----

# A file is complete or does not exist, even if this script is killed.
put() { printf '%s\n' "$2" >"$1.new.$$"; mv "$1.new.$$" "$1"; }

digest() { sha256sum | cut -d' ' -f1; }

# The inputs of each part, including the functions that make it.
kernel_key() {
  { echo "$release $version $package_version ${drivers[*]} ${modules[*]} ${optional_modules[*]}"
    declare -f unpack unpack_kernel prepare_headers build_drivers module_file trim_module add_module gather_modules; } | digest
}
initramfs_key() { { kernel_key; declare -f build_initramfs; cat "$here/guest/init" /bin/busybox; } | digest; }
hold_key() { { declare -f build_hold; cat "$here/hold.c"; } | digest; }

# The key of a part is written after the part and removed before it is replaced.
fresh() { [ -f "$machine/$1.key" ] && [ "$(cat "$machine/$1.key")" = "$2" ]; }

# ---- the parts ----

# The packages that the kernel and its drivers are made from. None of them is installed: Debian 13's linux-headers
# would install the whole kernel.
find_packages() {
  local name dependencies
  image_packages=("linux-image-$version")
  # In Debian 12 and 13 linux-image has all files itself, later releases split it into several packages.
  dependencies=$(apt-cache depends "linux-image-$version" 2>/dev/null)
  for name in base binary modules; do
    ! grep -qxF "  Depends: linux-$name-$version" <<<"$dependencies" || image_packages+=("linux-$name-$version")
  done
  # Debian 12 names linux-kbuild by the kernel's series, later releases by its full version.
  kbuild=$(apt-cache depends "linux-headers-$version" 2>/dev/null | sed -n 's/^ *Depends: \(linux-kbuild-.*\)$/\1/p')
  header_packages=("linux-headers-$version" "linux-headers-${version%-*}-common" "$kbuild")
}

# Debian builds the kernel first and signs it later. In between, the archive has linux-kbuild of the next version only; its programs
# build modules for each kernel of the series.
download() {
  local wanted
  find_packages
  wanted=("${image_packages[@]}" "${header_packages[@]}" "$source_package")
  wanted=("${wanted[@]/%/=$package_version}")
  [ -n "$(apt-cache show "$kbuild=$package_version" 2>/dev/null)" ] || wanted=("${wanted[@]/#$kbuild=*/$kbuild}")
  (cd "$work" && apt-get download -qq "${wanted[@]}" >fetch.log 2>&1 </dev/null)
}

download_newest() {
  say "downloading Debian's kernel $version, its headers and its source (about 300 MB)"
  download && return
  # The mirror has only the newest version, which may be newer than that in apt's lists.
  rm -f "$work"/*.deb
  refresh_lists
  download || { cat "$work/fetch.log" >&2; fail "cannot download the packages of Debian's kernel $version"; }
}

# Removes each archive when it is unpacked, to save room.
unpack() {  # PACKAGE [TAR-OPTION...]
  dpkg-deb --fsys-tarfile "$work/$1"_*.deb | tar -x -C "$work/root" "${@:2}"
  rm "$work/$1"_*.deb
}

# The ELF image inside the bzImage boots without unpacking itself, which takes long under emulation. Where it lies and how long it is
# says the bzImage's header (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length); its last four bytes are
# the unpacked length. Debian 12 packs it with xz, later releases with zstd.
unpack_kernel() {
  local name image sectors offset length unpacker
  say "unpacking linux-image-$version"
  for name in "${image_packages[@]}"; do unpack "$name"; done
  image=$work/root/boot/vmlinuz-$version
  # After Debian 13 it is in the directory of the modules.
  [ -f "$image" ] || image=$work/root/usr/lib/modules/$version/vmlinuz
  [ -f "$image" ] || fail "cannot find vmlinuz in the packages of linux-image-$version"
  sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$image")
  read -r offset length < <(od -An -tu4 -j $((0x248)) -N 8 "$image")
  offset=$(((sectors + 1) * 512 + offset))
  case $(od -An -tx1 -j "$offset" -N 4 "$image" | tr -d ' ') in
    fd377a58) unpacker=(xz -dc) ;;
    28b52ffd) unpacker=(zstd -dc) ;;
    *) fail "cannot unpack the kernel inside vmlinuz-$version: it is packed with neither xz nor zstd" ;;
  esac
  tail -c +$((offset + 1)) "$image" | head -c $((length - 4)) | "${unpacker[@]}" >"$work/vmlinux" || true
  [ "$(head -c 4 "$work/vmlinux" | tail -c 3)" = ELF ] || fail "cannot unpack the kernel inside vmlinuz-$version: the content is not an ELF file"
}

# The headers refer to each other by their paths below /usr/src. Their vmlinux is omitted: it would require pahole, which describes
# the types of modules to BPF programs.
prepare_headers() {
  local libraries compiler name
  libraries=$(dpkg-deb -f "$work/$kbuild"_*.deb Depends | tr , '\n' | sed -nE 's/^ *(lib[^ ]+).*/\1/p')
  for name in "${header_packages[@]}"; do unpack "$name" --exclude="*/linux-headers-$version/vmlinux"; done
  headers=$work/root/usr/src/linux-headers-$version
  sed -i "s|/usr/src/|$work/root/usr/src/|" "$headers/Makefile"
  # The programs in linux-kbuild need these libraries, and modules are to be compiled with the kernel's own compiler.
  compiler=$(sed -nE 's/^CC *=.*(gcc-[0-9]+)$/\1/p' "$headers/.kernelvariables")
  # shellcheck disable=SC2086
  "$here/../tools/packages.sh" $libraries $compiler
}

build_drivers() {
  say "building ${drivers[*]}"
  dpkg-deb --fsys-tarfile "$work/$source_package"_*.deb | tar -xO "./usr/src/$source_package.tar.xz" |
    tar -xJ -C "$work" --strip-components=2 --wildcards "$source_package/samples/vfio-mdev/*"
  rm "$work/$source_package"_*.deb
  echo "obj-m += ${drivers[*]/%/.o}" >"$work/vfio-mdev/Makefile"
  quietly "build the drivers" make -s -C "$headers" M="$work/vfio-mdev" modules
}

# The file of a module, whose name may have "-" where the module has "_"; Debian 13 and later compress it.
module_file() { find "$from" -regextype posix-extended -regex ".*/${1//_/[-_]}\.ko(\.xz|\.zst|\.gz)?"; }

# Without debugging information, the types for BPF programs and the signature: the kernel would check the latter two of each module.
trim_module() { objcopy --strip-debug -R .BTF -R .BTF_ids -R .BTF.base "$1"; }

# Adds a module and those that it depends on.
add_module() {  # NAME
  local file target name
  ! grep -qE "/${1//_/[-_]}\.ko$" "$from/modules.builtin" || return 0
  file=$(module_file "$1")
  [ -n "$file" ] || fail "cannot find the module $1 in linux-image-$version"
  target=$to/${file#"$from"/}
  target=${target%.ko.*}
  target=${target%.ko}.ko
  [ ! -e "$target" ] || return 0
  mkdir -p "$(dirname "$target")"
  case $file in
    *.xz) xz -dc "$file" >"$target" ;;
    *.zst) zstd -qdc "$file" >"$target" ;;
    *.gz) gzip -dc "$file" >"$target" ;;
    *) cp "$file" "$target" ;;
  esac
  trim_module "$target"
  for name in $(modinfo -F depends "$target" | tr , ' '); do add_module "$name"; done
}

# The few modules that the machine loads, with their dependencies: 2 MB of 400.
gather_modules() {
  local from=$work/root/lib/modules/$version to=$work/modules/lib/modules/$version name depends
  [ -d "$from" ] || from=$work/root/usr/lib/modules/$version
  mkdir -p "$to/extra"
  for name in "${drivers[@]}"; do
    cp "$work/vfio-mdev/$name.ko" "$to/extra/$name.ko"
    trim_module "$to/extra/$name.ko"
    for depends in $(modinfo -F depends "$to/extra/$name.ko" | tr , ' '); do add_module "$depends"; done
  done
  for name in "${modules[@]}"; do add_module "$name"; done
  for name in "${optional_modules[@]}"; do [ -z "$(module_file "$name")" ] || add_module "$name"; done
  cp "$from"/modules.{order,builtin,builtin.modinfo} "$to/"
  depmod -b "$work/modules" "$version"
}

make_kernel() {
  download_newest
  mkdir "$work/root"
  unpack_kernel
  prepare_headers
  build_drivers
  gather_modules
  rm -rf "$machine"/{stamp,kernel.key,initramfs.key,modules}
  mv "$work/modules" "$work/vmlinux" "$machine/"
  put "$machine/kernel.key" "$(kernel_key)"
}

# Not compressed: unpacking takes longer under emulation than reading.
build_initramfs() {
  say "building the initramfs"
  local root=$work/initramfs
  mkdir -p "$root"/{bin,dev,proc,sys,newroot}
  cp /bin/busybox "$root/bin/busybox"
  cp -R "$machine/modules/lib" "$root/lib"
  install -m 755 "$here/guest/init" "$root/init"
  (cd "$root" && find . -print0 | cpio -o0 -H newc --owner=0:0 --quiet >"$work/initramfs.cpio")
}

make_initramfs() {
  build_initramfs
  rm -f "$machine/initramfs.key"
  rm -f "$machine/initramfs.gz"  # a former version made this
  mv "$work/initramfs.cpio" "$machine/"
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
# While the lock is held, such files can only be from runs that were killed.
rm -rf "$machine"/{work,*.new}.*
work=$(mktemp -d "$machine/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$here/../tools/packages.sh" "${packages[@]}"
find_version
[ -n "$version" ] || refresh_lists
made=
fresh kernel "$(kernel_key)" || { make_kernel; made=1; }
fresh initramfs "$(initramfs_key)" || { make_initramfs; made=1; }
fresh hold "$(hold_key)" || { make_hold; made=1; }
if [ -n "$made" ] || [ ! -f "$machine/stamp" ]; then
  put "$machine/release" "$release"
  put "$machine/stamp" "$(cat "$machine"/{kernel,initramfs,hold}.key | digest)"
  say "ready in $machine"
fi
