# Debian's packages of what is built: lintian finds nothing, their files are where they belong, and they come, are upgraded, go,
# come back and are purged as an administrator expects it. That is tried on this machine's own root file system below a tmpfs, so
# that nothing of it changes.
# shellcheck shell=bash disable=SC2154,SC2153,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"

# ---- outside: what is in the packages ----

# pack DIRECTORY [OPTION...]: all packages, with a umask that would show in them. Programs are stripped, as in a release build: the
# symbols of a debug build make packages ten times as large, and each step of this test takes three times as long.
pack() {
  local directory=$1
  shift
  (umask 077 && cpack -G DEB --config "$BUILD/CPackConfig.cmake" -B "$directory" -D CPACK_STRIP_FILES=ON "$@" </dev/null)
}

# named PACKAGE NAME SECTION [ARCHITECTURE]: its fields say so
named() {
  same "$(dpkg-deb -f "$1" Package Version Architecture Section Priority)" "Package: $2
Version: $version
Architecture: ${4:-$architecture}
Section: $3
Priority: optional" "$2 says what it is"
}

# As "mode owner path", directories ending in a slash, and links as "path->target".
contents() { dpkg-deb -c "$1" | awk '{ print $1, $2, $6 $7 $8 }' | LC_ALL=C sort -k 3; }

# What a package should have: the files and links named on standard input, programs where programs are, and the folders above them.
wanted() {
  awk '
    { mode = $1 ~ /\/(s?bin|system-generators)\// ? "-rwxr-xr-x" : "-rw-r--r--" }
    /->/ { mode = "lrwxrwxrwx" }
    !/\/$/ { print mode, "root/root", "./" $1 }
    { path = $1; sub(/->.*/, "", path); while (sub(/[^\/]*\/?$/, "", path) && path != "") folders[path] }
    /\/$/ { folders[$1] }
    END { for (path in folders) print "drwxr-xr-x root/root ./" path }' | LC_ALL=C sort -k 3
}

# needs PACKAGE LIBRARY DEV SENTENCE: it depends on the runtime package of LIBRARY, as DEV of this release does. The name differs
# between releases: libfuse3-3 on Debian 12, libfuse3-4 on Debian 13.
needs() {
  local name
  name=$(dpkg-query -W -f '${Depends}' "$3" | grep -oE "(^|, )$2[-0-9t]+ " | tr -d ', ')
  run dpkg-deb -f "$1" Depends
  out_has "(^|, )${name:-the runtime package of $3} \(>= " "$4"
}

documents() { printf 'usr/share/doc/%s/%s\n' "$1" changelog.Debian.gz "$1" changelog.gz "$1" copyright; }

scenarios() { (cd "$here/../../examples" && find scenarios -type f -printf 'usr/share/mdevadm/%p\n'); }

# check_contents PACKAGE FILE SENTENCE: as FILE lists them
check_contents() { same "$(diff <(contents "$1") <(wanted <"$2"))" "" "$3"; }

check_all_contents() {
  { documents mdevadm; cat; } >"$work/wanted" <<'T'
etc/mdevadm/devices/
etc/mdevadm/groups/
usr/lib/systemd/system-generators/mdevadm-generator
usr/lib/systemd/system/mdevadm-groups.service
usr/lib/systemd/system/mdevadm-parent@.service
usr/lib/systemd/system/mdevadm-stop.service
usr/lib/systemd/system/mdevadm.target
usr/lib/udev/rules.d/60-mdevadm-parents.rules
usr/lib/udev/rules.d/70-mdevadm-nodes.rules
usr/sbin/mdevadm
usr/share/bash-completion/completions/mdevadm
usr/share/doc/mdevadm/README.md.gz
usr/share/doc/mdevadm/examples/cad-seat.toml
usr/share/doc/mdevadm/examples/crypto.toml
usr/share/lintian/overrides/mdevadm
usr/share/man/man5/mdevadm.toml.5.gz
usr/share/man/man7/mdevadm-boot.7.gz
usr/share/man/man7/mdevadm-dialects.7.gz
usr/share/man/man8/mdevadm-define.8.gz
usr/share/man/man8/mdevadm-export.8.gz
usr/share/man/man8/mdevadm-group.8.gz
usr/share/man/man8/mdevadm-import.8.gz
usr/share/man/man8/mdevadm-list.8.gz
usr/share/man/man8/mdevadm-modify.8.gz
usr/share/man/man8/mdevadm-show.8.gz
usr/share/man/man8/mdevadm-start.8.gz
usr/share/man/man8/mdevadm-stop.8.gz
usr/share/man/man8/mdevadm-types.8.gz
usr/share/man/man8/mdevadm-undefine.8.gz
usr/share/man/man8/mdevadm.8.gz
usr/share/mdevadm/schema.json
T
  check_contents "$mdevadm" "$work/wanted" "mdevadm has just its files, root's, and nobody else can write them"
  { documents mdevsim; scenarios; cat; } >"$work/wanted" <<'T'
usr/bin/mdevsim
usr/share/bash-completion/completions/mdevsim
usr/share/man/man5/mdevsim.toml.5.gz
usr/share/man/man8/mdevsim.8.gz
T
  check_contents "$mdevsim" "$work/wanted" "mdevsim has just its files"
  { documents mdevadm-mdevctl; cat; } >"$work/wanted" <<'T'
etc/mdevctl.d/
usr/bin/lsmdev->../sbin/mdevadm
usr/bin/mdevctl->../sbin/mdevadm
usr/lib/mdevctl/scripts.d/callouts/
usr/lib/mdevctl/scripts.d/notifiers/
usr/sbin/lsmdev->mdevadm
usr/sbin/mdevctl->mdevadm
usr/share/bash-completion/completions/lsmdev
usr/share/bash-completion/completions/mdevctl
usr/share/lintian/overrides/mdevadm-mdevctl
usr/share/man/man8/lsmdev.8.gz->mdevctl.8.gz
usr/share/man/man8/mdevctl.8.gz
T
  check_contents "$mdevctl" "$work/wanted" "mdevadm-mdevctl has just names, and what belongs to them"
}

# The programs in the packages are those that were built, but for what strip takes away.
check_program() {  # PACKAGE PATH BUILT
  dpkg-deb -x "$1" "$work/unpacked"
  cp "$3" "$work/program"
  strip "$work/program"
  holds "$2 is the one that was built" cmp "$work/unpacked/$2" "$work/program"
}

check_documents() {
  local name=$1 folder=$work/unpacked/usr/share/doc/$1
  same "$(zcat "$folder/changelog.Debian.gz" | head -1 | cut -d';' -f1)" "$name ($version) unstable" \
    "$name's changelog is of this version"
  same "$(zcat "$folder/changelog.gz")" "$(cat "$here/../../CHANGELOG.md")" "$name has the project's changes"
  run cat "$folder/copyright"
  out_has "^Copyright: $(sed -n 's/^Copyright (c) //p' "$here/../../LICENSE")$" "$name's copyright is LICENSE's"
}

# The licences of libraries whose code is in a program belong into its package.
check_licences() {
  local library licence
  run cat "$work/unpacked/usr/share/doc/$1/copyright"
  for library in CLI11 nlohmann/json 'toml\+\+'; do
    out_has "^Files: $library$" "$1's copyright file names ${library//\\/}"
  done
  for licence in Expat BSD-3-clause; do
    same "$(grep -A 1 "^License: $licence$" <<<"$out" | grep -c '^ ')" 1 "and has the text of the $licence licence"
  done
  same "$(sed -n 's/^License: //p' <<<"$out" | sort -u | paste -sd' ')" "BSD-3-clause Expat" "and refers to no other"
}

check_lintian() {
  run lintian --allow-root --fail-on none --tag-display-limit 0 "$mdevadm" "$mdevctl" "$mdevsim"
  exits 0 "lintian runs"
  same "$out$err" "" "lintian finds nothing wrong"
}

outside() {
  local version revision release architecture mdevadm mdevctl mdevsim part_failed=0 as_root=()
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  version=$(sed -n 's/^CMAKE_PROJECT_VERSION:.*=//p' "$BUILD/CMakeCache.txt")
  revision=$(sed -n 's/^MDEVADM_PACKAGE_REVISION:.*=//p' "$BUILD/CMakeCache.txt")
  version+=-$revision
  architecture=$(dpkg --print-architecture)
  run pack "$work/first"
  exits 0 "cpack makes packages"
  mdevadm=$work/first/mdevadm_${version}_$architecture.deb
  mdevsim=$work/first/mdevsim_${version}_$architecture.deb
  mdevctl=$work/first/mdevadm-mdevctl_${version}_all.deb
  same "$(printf '%s\n' "$work"/first/*.deb | LC_ALL=C sort | paste -sd' ')" "$mdevctl $mdevadm $mdevsim" \
    "one for each program and one for mdevctl's names, themselves named as Debian does it"
  named "$mdevadm" mdevadm admin
  named "$mdevctl" mdevadm-mdevctl admin all
  same "$(dpkg-deb -f "$mdevctl" Depends Provides Conflicts Replaces)" "Depends: mdevadm (= $version)
Provides: mdevctl (= 1.4.0)
Conflicts: mdevctl
Replaces: mdevctl" "it takes mdevctl's place, with the mdevadm that it came with"
  named "$mdevsim" mdevsim utils
  needs "$mdevadm" libsmartcols libsmartcols-dev "mdevadm depends on this release's libsmartcols, which it loads"
  needs "$mdevadm" libuuid uuid-dev "and on its libuuid"
  needs "$mdevsim" libfuse3 libfuse3-dev "mdevsim depends on this release's libfuse"
  release=$(. /etc/os-release && echo "1~${VERSION_ID:+deb}${VERSION_ID:-$VERSION_CODENAME}")
  same "$revision" "$release" "the revision names the release"
  holds "packages for Debian 12 are older than those for 13" dpkg --compare-versions 1~deb12 lt 1~deb13
  holds "and those for 13 older than those for testing" dpkg --compare-versions 1~deb13 lt 1~forky
  check_all_contents
  check_program "$mdevadm" usr/sbin/mdevadm "$MDEVADM"
  check_program "$mdevsim" usr/bin/mdevsim "$MDEVSIM"
  dpkg-deb -x "$mdevctl" "$work/unpacked"
  check_documents mdevadm
  check_documents mdevsim
  check_documents mdevadm-mdevctl
  check_licences mdevadm
  check_licences mdevsim
  check_lintian

  run pack "$work/second" -D CPACK_DEBIAN_PACKAGE_RELEASE="$revision+1"
  exits 0 "cpack makes packages of another revision"
  mkdir "$work/packages"
  ln "$work"/*/*.deb "$work/packages"
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" unshare --mount --pid --fork --kill-child --net bash "$0" inside "$work" "$version" || part_failed=1
  same "$part_failed" 0 "all parts hold"
  finish
}

# ---- inside: the life of the packages ----

uuid=aaaaaaaa-0000-4000-8000-000000000001

# Closed standard input: who asks a question gets no answer.
in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@" <&-; }
status() { in_root dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null; }
# package NAME first|second [ARCHITECTURE]: its file, of the first revision or the second
package() {
  local of=$version
  [ "$2" = first ] || of=$next
  echo "/tmp/$1_${of}_${3:-$(dpkg --print-architecture)}.deb"
}
kept() { (cd "$root/etc/mdevadm" && find . -type f -exec sha256sum {} + | sort; stat -c '%a %U:%G %n' . devices groups) 2>&1; }

# What the machine's file system would have more, less or other by now. Caches and logs of the tools that ran do not count, nor
# does the folder of deb-systemd-helper's notes, if there are none in it.
changes() {
  (cd "$space/upper" && find . -mindepth 1 -printf '%y %P\n') | while read -r type path; do
    if [ "$type" != d ] || [ ! -d "/$path" ]; then echo "$type $path"; fi
  done | grep -vE '^[a-z] (var/(lib/dpkg|cache/man|log)/|var/lib/systemd/deb-systemd-helper-(enabled|masked)$)' | sort
}

# Links to our units, or in their place.
enabled() {
  (cd "$root/etc/systemd/system" && find . -name 'mdevadm*' -type l -printf '%P -> %l\n') | sed 's|> /usr/lib|> /lib|' | sort
}
target_enabled='multi-user.target.wants/mdevadm.target -> /lib/systemd/system/mdevadm.target'
stop_enabled='mdevadm.target.wants/mdevadm-stop.service -> /lib/systemd/system/mdevadm-stop.service'
groups_enabled='mdevadm.target.wants/mdevadm-groups.service -> /lib/systemd/system/mdevadm-groups.service'

make_root() {
  mount -t tmpfs tmpfs "$space"
  mkdir "$space/upper" "$space/work" "$root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$space/upper,workdir=$space/work" "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  mount -t tmpfs tmpfs "$root/tmp"
  cp "$packages"/*.deb "$root/tmp"
  # dpkg triggers an update of the index of man pages, which took a quarter of the time of this test. man finds pages without it.
  ln -sf true "$root/usr/bin/mandb"
}

# A machine may have mdevadm already, of a package or of cmake --install.
forget_ours() {
  in_root dpkg --purge mdevadm-mdevctl mdevsim mdevadm >/dev/null 2>&1
  for file in "$packages"/*.deb; do
    dpkg-deb -c "$file" | awk '!/^d/ { print $6 }' | (cd "$root" && xargs -r rm -f)
  done
  rm -rf "$root/etc/mdevadm" "$root"/etc/systemd/system/{,*/}mdevadm*
}

# As on a machine that runs systemd and udev: systemctl and udevadm write down what they are called for. What systemctl is to do to
# files, it does.
make_recorders() {
  local tool
  for tool in systemctl udevadm; do
    mv "$root/usr/bin/$tool" "$root/usr/bin/$tool.real"
    cat >"$root/usr/bin/$tool" <<'T'
#!/bin/sh
case "$*" in *--root=*) exec "$0.real" "$@" ;; esac
echo "${0##*/} $*" >>/tmp/calls
T
    chmod 755 "$root/usr/bin/$tool"
  done
  mkdir -p "$root/run/systemd/system" "$root/run/udev"
  touch "$root/run/udev/control"
}
calls() { sed 's/ --system//' "$root/tmp/calls" 2>/dev/null | sort -u; rm -f "$root/tmp/calls"; }
reloads='systemctl daemon-reload
udevadm control --reload'

comes() {
  run in_root dpkg -i "$(package mdevadm first)"
  exits 0 "mdevadm can be installed"
  same "$(grep -v '^Created symlink' <<<"$err")" "" "without a warning"
  same "$(status mdevadm)" "installed $version" "and is"
  run in_root dpkg -V mdevadm
  same "$out$err" "" "its files are those of the package"
  run in_root mdevadm --version
  out_has "^mdevadm ${version%-*}$" "the program runs"
  run in_root man -w 8 mdevadm
  same "$out" /usr/share/man/man8/mdevadm.8.gz "its man page is found"
  run in_root bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader mdevadm; complete -p mdevadm'
  out_has '_mdevadm mdevadm$' "its completion is found"
  same "$(stat -c '%a %U:%G' "$root"/etc/mdevadm{,/devices,/groups} | uniq)" "755 root:root" \
    "the folders of definitions are there"
  same "$(enabled)" "$groups_enabled
$target_enabled" "its units are enabled, but for the one that stops devices"
}

keeps() {
  in_root mdevadm define -u "$uuid" -p p -t t --name seat --force >/dev/null
  in_root mdevadm group create desk seat
  find "$root/etc/mdevadm" -type f -exec sh -c 'echo "# by hand" >>"$1"' - {} \;
  chmod 700 "$root/etc/mdevadm/devices"
  definitions=$(kept)
  same "$(wc -l <<<"$definitions")" 5 "a device and a group are defined"
}

is_upgraded() {
  in_root systemctl.real --root=/ disable mdevadm-groups.service 2>/dev/null
  in_root systemctl.real --root=/ enable mdevadm-stop.service 2>/dev/null
  in_root systemctl.real --root=/ mask mdevadm-groups.service 2>/dev/null
  local left
  left=$(enabled)
  same "$left" "mdevadm-groups.service -> /dev/null
$stop_enabled
$target_enabled" "units can be disabled, masked and enabled"
  run in_root dpkg -i "$(package mdevadm second)"
  exits 0 "mdevadm can be upgraded"
  same "$err" "" "without a warning"
  same "$(status mdevadm)" "installed $next" "and is"
  same "$(kept)" "$definitions" "an upgrade leaves definitions alone"
  same "$(enabled)" "$left" "and units as they were enabled"
  same "$(calls)" "$reloads" "systemd and udev read their files anew; nothing is started, nothing stopped"
}

goes() {
  run in_root dpkg -r mdevadm
  exits 0 "mdevadm can be removed"
  same "$(status mdevadm)" "config-files $next" "and is"
  holds "its program is gone" test ! -e "$root/usr/sbin/mdevadm"
  same "$(kept)" "$definitions" "a removal leaves definitions alone"
  same "$(calls)" "$reloads" "systemd and udev forget the units and rules; devices are left alone"
}

comes_back() {
  in_root systemctl.real --root=/ unmask mdevadm-groups.service 2>/dev/null
  run in_root dpkg -i "$(package mdevadm second)"
  exits 0 "mdevadm can come back"
  same "$(kept)" "$definitions" "definitions are as they were"
  run in_root mdevadm list --defined -o uuid,name
  out_has "^$uuid seat$" "and are read"
  same "$(enabled)" "$stop_enabled
$target_enabled" "what was disabled stays disabled"
  calls >/dev/null
}

is_purged() {
  holds "mdevadm has something in /run" test -d "$root/run/mdevadm"
  run in_root dpkg -P mdevadm
  exits 0 "mdevadm can be purged, and asks nothing"
  same "$(status mdevadm)" "" "it is not known any more"
  holds "nothing is left in /run" test ! -e "$root/run/mdevadm"
  same "$(changes)" "$before" "nothing is left behind: no definition, no unit enabled"
  same "$(calls)" "$reloads" "and devices are left alone"
}

# Packages of Debian 12 may have their units and rules in /lib, which is a link to usr/lib.
moves_from_lib() {
  local tree=$root/tmp/tree
  before=$(changes)
  dpkg-deb -R "$root$(package mdevadm first)" "$tree"
  mkdir "$tree/lib"
  mv "$tree"/usr/lib/{systemd,udev} "$tree/lib/"
  sed -i 's|  usr/lib/\(systemd\|udev\)/|  lib/\1/|' "$tree/DEBIAN/md5sums"
  sed -i 's/^Version: .*/Version: 0/' "$tree/DEBIAN/control"
  dpkg-deb --root-owner-group -b "$tree" "$tree.deb" >/dev/null
  run in_root dpkg -i /tmp/tree.deb
  exits 0 "a package with units and rules in /lib can be installed"
  run in_root dpkg -L mdevadm
  out_has '^/lib/systemd/system/mdevadm.target$' "and has them there"
  run in_root dpkg -i "$(package mdevadm first)"
  exits 0 "it can be upgraded"
  # Since Debian 13 no other package has these directories, and dpkg does not know that they are still in use by the other name.
  same "$(grep -vE "^dpkg: warning: (unable to|cannot) delete old directory '/lib/(systemd|udev)" <<<"$err")" "" "without another warning"
  run in_root dpkg -L mdevadm
  out_has '^/usr/lib/systemd/system/mdevadm.target$' "units and rules are in /usr/lib then"
  out_lacks '^/lib/' "and only there"
  run in_root dpkg -V mdevadm
  same "$out$err" "" "no file was lost"
  same "$(enabled)" "$groups_enabled
$target_enabled" "the units are still enabled"
  run in_root dpkg -P mdevadm
  exits 0 "it can be purged"
  same "$(changes)" "$before" "nothing is left behind"
  calls >/dev/null
}

# As in a container that was made without systemd, where dpkg only has files to handle.
needs_no_systemd() {
  rm -rf "$root/run/systemd" "$root/run/udev"
  rm -f "$root"/usr/bin/{systemctl,udevadm}{,.real} "$root"/usr/bin/deb-systemd-{helper,invoke}
  before=$(changes)
  run in_root dpkg -i "$(package mdevadm first)"
  exits 0 "without systemd and its helpers, mdevadm can be installed"
  same "$err" "" "without a warning"
  run in_root dpkg -P mdevadm
  exits 0 "and purged"
  same "$(changes)" "$before" "nothing is left behind"
}

simulator() {
  before=$(changes)
  run in_root dpkg -i "$(package mdevsim first)"
  exits 0 "mdevsim can be installed alone"
  same "$err" "" "without a warning"
  run in_root mdevsim check m60
  exits 0 "it runs, and finds its scenarios"
  run in_root dpkg -i "$(package mdevsim second)" "$(package mdevadm second)"
  exits 0 "it can be upgraded, mdevadm beside it"
  run in_root dpkg -P mdevadm
  exits 0 "mdevadm can go without it"
  run in_root mdevsim check m60
  exits 0 "and it still runs"
  run in_root dpkg -P mdevsim
  exits 0 "it can be purged"
  same "$(changes)" "$before" "nothing is left behind"
}

# Debian's mdevctl, as it is installed here, makes room, and what was defined with it stays and is read.
stands_in() {
  local file=$root/etc/mdevctl.d/p/$uuid config='{"mdev_type":"t","start":"manual"}'
  same "$(status mdevctl | cut -d' ' -f1)" installed "Debian's mdevctl is there"
  mkdir -p "${file%/*}" && echo "$config" >"$file"
  run in_root dpkg -i "$(package mdevadm first)" "$(package mdevadm-mdevctl first all)"
  exits 0 "mdevadm-mdevctl can be installed in its place"
  same "$(status mdevctl | cut -d' ' -f1)" not-installed "which it leaves"
  run in_root dpkg -V mdevadm-mdevctl
  same "$out$err" "" "its files are those of the package"
  for name in /usr/bin/mdevctl /usr/sbin/mdevctl; do
    run in_root $name --version
    same "$out" "mdevctl 1.4.0" "$name is mdevadm"
    run in_root $name list --defined
    same "$out" "$uuid p t manual" "and sees what was defined before"
  done
  run in_root /usr/bin/lsmdev --defined
  same "$out" "$uuid p t manual" "lsmdev too"
  run in_root man -w 8 lsmdev
  same "$out" /usr/share/man/man8/mdevctl.8.gz "its man page is found"
  run in_root dpkg -r mdevadm
  exits 1 "mdevadm cannot go from below it"
  run in_root dpkg -i "$(package mdevadm second)" "$(package mdevadm-mdevctl second all)"
  exits 0 "both can be upgraded"
  # libvirt-daemon-driver-nodedev of Debian 13 depends on mdevctl; dpkg would keep the package that provides it.
  run in_root dpkg -P --force-depends mdevadm-mdevctl mdevadm
  exits 0 "and purged"
  same "$(cat "$file")" "$config" "mdevctl's definitions are left to whoever comes after it"
  rm -r "${file%/*}"
}

inside() {
  space=$1/space version=$2 next=$2+1 packages=$1/packages
  root=$space/root
  mkdir "$space"
  make_root || exit 1
  forget_ours
  make_recorders
  before=$(changes)
  # The package comes into a container, and finds itself on a running machine later.
  mv "$root/run/systemd" "$root/run/systemd.later"
  mv "$root/run/udev" "$root/run/udev.later"
  comes
  same "$(calls)" "" "where no systemd and no udev run, they are not called"
  keeps
  mv "$root/run/systemd.later" "$root/run/systemd"
  mv "$root/run/udev.later" "$root/run/udev"
  is_upgraded
  goes
  comes_back
  is_purged
  moves_from_lib
  stands_in
  simulator
  needs_no_systemd
  finish
}

if [ "${1:-}" = inside ]; then inside "$2" "$3"; else outside; fi
