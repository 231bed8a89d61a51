# The Debian packages of the build: lintian reports nothing, the files are correct, and installation, upgrade, removal, reinstallation
# and purge work as an administrator expects. This is tested on the root file system of this host below a tmpfs, so that nothing of
# it changes.
# shellcheck shell=bash disable=SC2154,SC2153,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"

# ---- outside: the contents of the packages ----

# pack DIRECTORY [OPTION...]: all packages, with a umask that must have no effect. Programs are stripped, as in a release build: the
# symbols of a debug build make packages ten times as large, and each step of this test takes three times as long.
pack() {
  local directory=$1
  shift
  (umask 077 && cpack -G DEB --config "$BUILD/CPackConfig.cmake" -B "$directory" -D CPACK_STRIP_FILES=ON "$@" </dev/null)
}

# named PACKAGE NAME SECTION [ARCHITECTURE]: checks these fields
named() {
  same "$(dpkg-deb -f "$1" Package Version Architecture Section Priority)" "Package: $2
Version: $version
Architecture: ${4:-$architecture}
Section: $3
Priority: optional" "the control file of $2 has name, version, architecture and section"
}

# As "mode owner path", directories ending in a slash, and links as "path->target".
contents() { dpkg-deb -c "$1" | awk '{ print $1, $2, $6 $7 $8 }' | LC_ALL=C sort -k 3; }

# The expected contents of a package: the files and links on standard input, executable in directories of programs, and their parent
# directories.
wanted() {
  awk '
    { mode = $1 ~ /\/(s?bin|system-generators)\// ? "-rwxr-xr-x" : "-rw-r--r--" }
    /->/ { mode = "lrwxrwxrwx" }
    !/\/$/ { print mode, "root/root", "./" $1 }
    { path = $1; sub(/->.*/, "", path); while (sub(/[^\/]*\/?$/, "", path) && path != "") directories[path] }
    /\/$/ { directories[$1] }
    END { for (path in directories) print "drwxr-xr-x root/root ./" path }' | LC_ALL=C sort -k 3
}

# needs PACKAGE LIBRARY DEV SENTENCE: checks that it depends on the runtime package of LIBRARY, as DEV of this release does. The name differs
# between releases: libfuse3-3 on Debian 12, libfuse3-4 on Debian 13.
needs() {
  local name
  name=$(dpkg-query -W -f '${Depends}' "$3" | grep -oE "(^|, )$2[-0-9t]+ " | tr -d ', ')
  run dpkg-deb -f "$1" Depends
  out_has "(^|, )${name:-the runtime package of $3} \(>= " "$4"
}

documents() { printf 'usr/share/doc/%s/%s\n' "$1" changelog.Debian.gz "$1" changelog.gz "$1" copyright; }

scenarios() { (cd "$here/../../examples" && find scenarios -type f -printf 'usr/share/mdevadm/%p\n'); }

# check_contents PACKAGE FILE SENTENCE: compares the contents with the list in FILE
check_contents() { same "$(diff <(contents "$1") <(wanted <"$2"))" "" "$3"; }

check_all_contents() {
  { documents mdevadm; cat; } >"$work/wanted" <<'T'
etc/mdevadm/devices/
etc/mdevadm/groups/
usr/lib/systemd/system-generators/mdevadm-generator
usr/lib/systemd/system/mdevadm-apply.service
usr/lib/systemd/system/mdevadm-groups.service
usr/lib/systemd/system/mdevadm-host.service
usr/lib/systemd/system/mdevadm-metrics.service
usr/lib/systemd/system/mdevadm-metrics.timer
usr/lib/systemd/system/mdevadm-parent@.service
usr/lib/systemd/system/mdevadm-sleep.service
usr/lib/systemd/system/mdevadm-stop.service
usr/lib/systemd/system/mdevadm.target
usr/lib/udev/rules.d/60-mdevadm-parents.rules
usr/lib/udev/rules.d/70-mdevadm-nodes.rules
usr/sbin/mdevadm
usr/share/bash-completion/completions/mdevadm
usr/share/doc/mdevadm/README.md.gz
usr/share/doc/mdevadm/examples/cad-seat.toml
usr/share/doc/mdevadm/examples/crypto.toml
usr/share/doc/mdevadm/examples/domain.xml
usr/share/doc/mdevadm/examples/grafana/mdevadm.json
usr/share/doc/mdevadm/examples/prometheus/mdevadm.rules.yml
usr/share/doc/mdevadm/examples/vm@.service
usr/share/fish/vendor_completions.d/mdevadm.fish
usr/share/lintian/overrides/mdevadm
usr/share/man/man5/mdevadm.host.5.gz
usr/share/man/man5/mdevadm.toml.5.gz
usr/share/man/man7/mdevadm-boot.7.gz
usr/share/man/man7/mdevadm-interfaces.7.gz
usr/share/man/man8/mdevadm-apply.8.gz
usr/share/man/man8/mdevadm-attach.8.gz
usr/share/man/man8/mdevadm-diff.8.gz
usr/share/man/man8/mdevadm-check.8.gz
usr/share/man/man8/mdevadm-claim.8.gz
usr/share/man/man8/mdevadm-define.8.gz
usr/share/man/man8/mdevadm-detach.8.gz
usr/share/man/man8/mdevadm-export.8.gz
usr/share/man/man8/mdevadm-group.8.gz
usr/share/man/man8/mdevadm-import.8.gz
usr/share/man/man8/mdevadm-list.8.gz
usr/share/man/man8/mdevadm-modify.8.gz
usr/share/man/man8/mdevadm-monitor.8.gz
usr/share/man/man8/mdevadm-parent.8.gz
usr/share/man/man8/mdevadm-probe.8.gz
usr/share/man/man8/mdevadm-release.8.gz
usr/share/man/man8/mdevadm-restart.8.gz
usr/share/man/man8/mdevadm-show.8.gz
usr/share/man/man8/mdevadm-start.8.gz
usr/share/man/man8/mdevadm-status.8.gz
usr/share/man/man8/mdevadm-stop.8.gz
usr/share/man/man8/mdevadm-types.8.gz
usr/share/man/man8/mdevadm-undefine.8.gz
usr/share/man/man8/mdevadm.8.gz
usr/share/mdevadm/schema.json
usr/share/zsh/vendor-completions/_mdevadm
T
  check_contents "$mdevadm" "$work/wanted" "mdevadm has exactly its files, owned by root and writable by root only"
  { documents mdevsim; scenarios; cat; } >"$work/wanted" <<'T'
usr/bin/mdevsim
usr/share/bash-completion/completions/mdevsim
usr/share/fish/vendor_completions.d/mdevsim.fish
usr/share/man/man5/mdevsim.toml.5.gz
usr/share/man/man8/mdevsim.8.gz
usr/share/zsh/vendor-completions/_mdevsim
T
  check_contents "$mdevsim" "$work/wanted" "mdevsim has exactly its files"
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
usr/share/fish/vendor_completions.d/lsmdev.fish
usr/share/fish/vendor_completions.d/mdevctl.fish
usr/share/lintian/overrides/mdevadm-mdevctl
usr/share/man/man8/lsmdev.8.gz->mdevctl.8.gz
usr/share/man/man8/mdevctl.8.gz
usr/share/zsh/vendor-completions/_mdevctl
T
  check_contents "$mdevctl" "$work/wanted" "mdevadm-mdevctl has exactly the names of mdevctl and their files"
}

# The programs in the packages are those of the build, except for the effect of strip.
check_program() {  # PACKAGE PATH BUILT
  dpkg-deb -x "$1" "$work/unpacked"
  cp "$3" "$work/program"
  strip "$work/program"
  holds "$2 is the program of the build" cmp "$work/unpacked/$2" "$work/program"
}

check_documents() {
  local name=$1 directory=$work/unpacked/usr/share/doc/$1
  same "$(zcat "$directory/changelog.Debian.gz" | head -1 | cut -d';' -f1)" "$name ($version) unstable" \
    "the changelog of $name has this version"
  same "$(zcat "$directory/changelog.gz")" "$(cat "$here/../../CHANGELOG.md")" "$name has the project's CHANGELOG.md"
  run cat "$directory/copyright"
  out_has "^Copyright: $(sed -n 's/^Copyright (c) //p' "$here/../../LICENSE")$" "the copyright file of $name has the copyright of LICENSE"
}

# The licences of libraries whose code is in a program are required in its package.
check_licences() {
  local library licence
  run cat "$work/unpacked/usr/share/doc/$1/copyright"
  for library in CLI11 nlohmann/json 'toml\+\+'; do
    out_has "^Files: $library$" "the copyright file of $1 names ${library//\\/}"
  done
  for licence in Expat BSD-3-clause; do
    same "$(grep -A 1 "^License: $licence$" <<<"$out" | grep -c '^ ')" 1 "the copyright file of $1 has the text of the $licence licence"
  done
  same "$(sed -n 's/^License: //p' <<<"$out" | sort -u | paste -sd' ')" "BSD-3-clause Expat" \
    "the copyright file of $1 refers to no other licence"
}

# The packages of other distributions are not built here.
check_other_licences() {
  local packaging=$here/../../packaging
  same "$(grep -B 1 '^%license LICENSE packaging/debian/libraries.copyright$' "$packaging/rpm/mdevadm.spec" | grep '^%files' | paste -sd,)" \
    "%files,%files -n mdevsim" "the RPM packages with programs have the licences"
  same "$(sed -n 's/^  _licences //p' "$packaging/arch/PKGBUILD" | paste -sd' ')" "mdevadm mdevsim" "the packages of Arch Linux have the licences"
  holds "the package of Nix has the licences" grep -q 'install .*LICENSE .*/libraries.copyright$' "$packaging/nix/default.nix"
  holds "PKGBUILD is valid bash" bash -n "$packaging/arch/PKGBUILD"
}

# All files that name the version name the same.
check_versions() {
  local number=${version%%-*} top=$here/../.. file pattern
  while read -r file pattern; do
    same "$(sed -nE "s/$pattern/\1/p" "$top/$file" | sort -u | paste -sd,)" "$number" "$file has the version of the build"
  done <<'T'
CMakeLists.txt ^project\(mdevadm VERSION ([^ ]*) .*
packaging/rpm/mdevadm.spec ^Version: +(.*)
packaging/rpm/mdevadm.spec .*--prefix=mdevadm-([0-9.]+)[/].*
packaging/arch/PKGBUILD ^pkgver=(.*)
packaging/nix/default.nix ^  version = "(.*)";
packaging/ansible/galaxy.yml ^version: (.*)
packaging/ansible/README.md .*mdevadm-host-([0-9.]+)[.]tar.*
README.md .*--prefix=mdevadm-([0-9.]+)[/].*
README.md .*SOURCES[/]mdevadm-([0-9.]+)[.]tar.*
README.md .*\(([0-9.]+)-1~deb12, .*
README.md .*, ([0-9.]+)-1~deb13\).*
T
  same "$(sed -nE 's/^## ([0-9.]+).*/\1/p' "$top/packaging/ansible/CHANGELOG.md" | head -n 1)" "$number" \
    "the newest version in the changelog of the Ansible collection is that of the build"
  same "$(sed -nE 's/^\* .* - ([0-9.]+)-[0-9]+$/\1/p' "$top/packaging/rpm/mdevadm.spec" | head -n 1)" "$number" \
    "the newest version in the changelog of the RPM packages is that of the build"
}

check_lintian() {
  run lintian --allow-root --fail-on none --tag-display-limit 0 "$mdevadm" "$mdevctl" "$mdevsim"
  exits 0 "lintian succeeds"
  same "$out$err" "" "lintian reports nothing"
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
  exits 0 "cpack makes the packages"
  mdevadm=$work/first/mdevadm_${version}_$architecture.deb
  mdevsim=$work/first/mdevsim_${version}_$architecture.deb
  mdevctl=$work/first/mdevadm-mdevctl_${version}_all.deb
  same "$(printf '%s\n' "$work"/first/*.deb | LC_ALL=C sort | paste -sd' ')" "$mdevctl $mdevadm $mdevsim" \
    "cpack makes a package for each program and one for mdevctl's names, with file names as Debian's"
  named "$mdevadm" mdevadm admin
  named "$mdevctl" mdevadm-mdevctl admin all
  same "$(dpkg-deb -f "$mdevctl" Depends Provides Conflicts Replaces)" "Depends: mdevadm (= $version)
Provides: mdevctl (= 1.4.0)
Conflicts: mdevctl
Replaces: mdevctl" "mdevadm-mdevctl replaces mdevctl and depends on mdevadm of the same version"
  named "$mdevsim" mdevsim utils
  needs "$mdevadm" libsmartcols libsmartcols-dev "mdevadm depends on this release's libsmartcols, which it loads at run time"
  needs "$mdevadm" libuuid uuid-dev "mdevadm depends on this release's libuuid"
  needs "$mdevsim" libfuse3 libfuse3-dev "mdevsim depends on this release's libfuse"
  release=$(. /etc/os-release && echo "1~${VERSION_ID:+deb}${VERSION_ID:-$VERSION_CODENAME}")
  same "$revision" "$release" "the revision names the release"
  holds "the revision for Debian 12 is lower than the one for 13" dpkg --compare-versions 1~deb12 lt 1~deb13
  holds "the revision for Debian 13 is lower than the one for testing" dpkg --compare-versions 1~deb13 lt 1~forky
  check_all_contents
  check_program "$mdevadm" usr/sbin/mdevadm "$MDEVADM"
  check_program "$mdevsim" usr/bin/mdevsim "$MDEVSIM"
  dpkg-deb -x "$mdevctl" "$work/unpacked"
  check_documents mdevadm
  check_documents mdevsim
  check_documents mdevadm-mdevctl
  check_licences mdevadm
  check_licences mdevsim
  check_other_licences
  check_versions
  check_lintian

  run pack "$work/second" -D CPACK_DEBIAN_PACKAGE_RELEASE="$revision+1"
  exits 0 "cpack makes packages of another revision"
  mkdir "$work/packages"
  ln "$work"/*/*.deb "$work/packages"
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" unshare --mount --pid --fork --kill-child --net bash "$0" inside "$work" "$version" || part_failed=1
  same "$part_failed" 0 "all parts pass"
  finish
}

# ---- inside: installation, upgrade and removal of the packages ----

uuid=aaaaaaaa-0000-4000-8000-000000000001

# Standard input is closed: a question would get no answer.
in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@" <&-; }
status() { in_root dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null; }
# package NAME first|second [ARCHITECTURE]: its file, of the first revision or the second
package() {
  local of=$version
  [ "$2" = first ] || of=$next
  echo "/tmp/$1_${of}_${3:-$(dpkg --print-architecture)}.deb"
}
kept() { (cd "$root/etc/mdevadm" && find . -type f -exec sha256sum {} + | sort; stat -c '%a %U:%G %n' . devices groups) 2>&1; }

# The changes of the file system since the start. Caches and logs of the tools that ran are ignored, and so is the directory of
# deb-systemd-helper's state files if it is empty.
changes() {
  (cd "$space/upper" && find . -mindepth 1 -printf '%y %P\n') | while read -r type path; do
    if [ "$type" != d ] || [ ! -d "/$path" ]; then echo "$type $path"; fi
  done | grep -vE '^[a-z] (var/(lib/dpkg|cache/man|log)/|var/lib/systemd/deb-systemd-helper-(enabled|masked)$)' | sort
}

# Links to our units, or masks of them.
enabled() {
  (cd "$root/etc/systemd/system" && find . -name 'mdevadm*' -type l -printf '%P -> %l\n') | sed 's|> /usr/lib|> /lib|' | sort
}
target_enabled='multi-user.target.wants/mdevadm-host.service -> /lib/systemd/system/mdevadm-host.service
multi-user.target.wants/mdevadm.target -> /lib/systemd/system/mdevadm.target'
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

# The host may have mdevadm already, from a package or from cmake --install.
forget_ours() {
  in_root dpkg --purge mdevadm-mdevctl mdevsim mdevadm >/dev/null 2>&1
  for file in "$packages"/*.deb; do
    dpkg-deb -c "$file" | awk '!/^d/ { print $6 }' | (cd "$root" && xargs -r rm -f)
  done
  rm -rf "$root/etc/mdevadm" "$root"/etc/systemd/system/{,*/}mdevadm*
}

# As on a host that runs systemd and udev: systemctl and udevadm record their arguments. Changes of files by systemctl --root are
# made.
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
  exits 0 "dpkg installs mdevadm"
  same "$(grep -v '^Created symlink' <<<"$err")" "" "dpkg installs mdevadm without a warning"
  same "$(status mdevadm)" "installed $version" "mdevadm has the state installed"
  run in_root dpkg -V mdevadm
  same "$out$err" "" "dpkg -V finds no changed file of mdevadm"
  run in_root mdevadm --version
  out_has "^mdevadm ${version%-*}$" "the installed program runs"
  run in_root man -w 8 mdevadm
  same "$out" /usr/share/man/man8/mdevadm.8.gz "man finds the man page"
  run in_root bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader mdevadm; complete -p mdevadm'
  out_has '_mdevadm mdevadm$' "bash finds the completion"
  same "$(stat -c '%a %U:%G' "$root"/etc/mdevadm{,/devices,/groups} | uniq)" "755 root:root" \
    "the directories of definitions exist"
  same "$(enabled)" "$groups_enabled
$target_enabled" "all units are enabled except those that stop devices and apply a description"
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
$target_enabled" "systemctl can disable, mask and enable the units"
  run in_root dpkg -i "$(package mdevadm second)"
  exits 0 "dpkg upgrades mdevadm"
  same "$err" "" "dpkg upgrades mdevadm without a warning"
  same "$(status mdevadm)" "installed $next" "mdevadm has the state installed after the upgrade"
  same "$(kept)" "$definitions" "an upgrade does not change the definitions"
  same "$(enabled)" "$left" "an upgrade does not change which units are enabled"
  same "$(calls)" "$reloads" "an upgrade reloads systemd and udev, and starts and stops nothing"
}

goes() {
  run in_root dpkg -r mdevadm
  exits 0 "dpkg removes mdevadm"
  same "$(status mdevadm)" "config-files $next" "mdevadm has the state config-files after the removal"
  holds "a removal removes the program" test ! -e "$root/usr/sbin/mdevadm"
  same "$(kept)" "$definitions" "a removal does not change the definitions"
  same "$(calls)" "$reloads" "a removal reloads systemd and udev, and stops no device"
}

comes_back() {
  in_root systemctl.real --root=/ unmask mdevadm-groups.service 2>/dev/null
  run in_root dpkg -i "$(package mdevadm second)"
  exits 0 "dpkg reinstalls mdevadm after its removal"
  same "$(kept)" "$definitions" "a reinstallation does not change the definitions"
  run in_root mdevadm list --defined -o uuid,name
  out_has "^$uuid seat$" "mdevadm reads the definitions after the reinstallation"
  same "$(enabled)" "$stop_enabled
$target_enabled" "disabled units are disabled after the reinstallation"
  calls >/dev/null
}

is_purged() {
  holds "mdevadm has runtime state in /run" test -d "$root/run/mdevadm"
  run in_root dpkg -P mdevadm
  exits 0 "dpkg purges mdevadm without a question"
  same "$(status mdevadm)" "" "dpkg does not know mdevadm after the purge"
  holds "a purge removes the runtime state in /run" test ! -e "$root/run/mdevadm"
  same "$(changes)" "$before" "a purge removes all files, definitions and links of units"
  same "$(calls)" "$reloads" "a purge reloads systemd and udev, and stops no device"
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
  exits 0 "dpkg installs a package with units and rules in /lib"
  run in_root dpkg -L mdevadm
  out_has '^/lib/systemd/system/mdevadm.target$' "the units are in /lib"
  run in_root dpkg -i "$(package mdevadm first)"
  exits 0 "dpkg upgrades a package with units in /lib"
  # Since Debian 13 no other package has these directories, and dpkg does not detect that they are in use by the other name.
  same "$(grep -vE "^dpkg: warning: (unable to|cannot) delete old directory '/lib/(systemd|udev)" <<<"$err")" "" \
    "dpkg prints no other warning"
  run in_root dpkg -L mdevadm
  out_has '^/usr/lib/systemd/system/mdevadm.target$' "the units are in /usr/lib after the upgrade"
  out_lacks '^/lib/' "no file is in /lib after the upgrade"
  run in_root dpkg -V mdevadm
  same "$out$err" "" "no file is missing after the upgrade"
  same "$(enabled)" "$groups_enabled
$target_enabled" "the units are enabled after the upgrade"
  run in_root dpkg -P mdevadm
  exits 0 "dpkg purges mdevadm after the upgrade"
  same "$(changes)" "$before" "the purge removes all files of the package"
  calls >/dev/null
}

# As in a container without systemd, where dpkg only handles files.
needs_no_systemd() {
  rm -rf "$root/run/systemd" "$root/run/udev"
  rm -f "$root"/usr/bin/{systemctl,udevadm}{,.real} "$root"/usr/bin/deb-systemd-{helper,invoke}
  before=$(changes)
  run in_root dpkg -i "$(package mdevadm first)"
  exits 0 "dpkg installs mdevadm without systemd and its helpers"
  same "$err" "" "dpkg installs mdevadm without a warning"
  run in_root dpkg -P mdevadm
  exits 0 "dpkg purges mdevadm without systemd and its helpers"
  same "$(changes)" "$before" "the purge removes all files of the package"
}

simulator() {
  before=$(changes)
  run in_root dpkg -i "$(package mdevsim first)"
  exits 0 "dpkg installs mdevsim without mdevadm"
  same "$err" "" "dpkg installs mdevsim without a warning"
  run in_root mdevsim check m60
  exits 0 "the installed mdevsim runs and finds its scenarios"
  run in_root dpkg -i "$(package mdevsim second)" "$(package mdevadm second)"
  exits 0 "dpkg upgrades mdevsim and installs mdevadm"
  run in_root dpkg -P mdevadm
  exits 0 "dpkg purges mdevadm while mdevsim is installed"
  run in_root mdevsim check m60
  exits 0 "mdevsim runs after mdevadm was purged"
  run in_root dpkg -P mdevsim
  exits 0 "dpkg purges mdevsim"
  same "$(changes)" "$before" "the purge removes all files of the package"
}

# mdevadm-mdevctl replaces Debian's mdevctl of this host; the definitions of mdevctl persist and are read.
stands_in() {
  local file=$root/etc/mdevctl.d/p/$uuid config='{"mdev_type":"t","start":"manual"}'
  same "$(status mdevctl | cut -d' ' -f1)" installed "Debian's mdevctl is installed"
  mkdir -p "${file%/*}" && echo "$config" >"$file"
  run in_root dpkg -i "$(package mdevadm first)" "$(package mdevadm-mdevctl first all)"
  exits 0 "dpkg installs mdevadm-mdevctl in place of mdevctl"
  same "$(status mdevctl | cut -d' ' -f1)" not-installed "dpkg removes Debian's mdevctl"
  run in_root dpkg -V mdevadm-mdevctl
  same "$out$err" "" "dpkg -V finds no changed file of mdevadm-mdevctl"
  for name in /usr/bin/mdevctl /usr/sbin/mdevctl; do
    run in_root $name --version
    same "$out" "mdevctl 1.4.0" "$name runs mdevadm"
    run in_root $name list --defined
    same "$out" "$uuid p t manual" "$name lists the definition of Debian's mdevctl"
  done
  run in_root /usr/bin/lsmdev --defined
  same "$out" "$uuid p t manual" "lsmdev lists the definition of Debian's mdevctl"
  run in_root man -w 8 lsmdev
  same "$out" /usr/share/man/man8/mdevctl.8.gz "man finds the man page of lsmdev"
  run in_root dpkg -r mdevadm
  exits 1 "dpkg refuses to remove mdevadm while mdevadm-mdevctl is installed"
  run in_root dpkg -i "$(package mdevadm second)" "$(package mdevadm-mdevctl second all)"
  exits 0 "dpkg upgrades both packages"
  # libvirt-daemon-driver-nodedev of Debian 13 depends on mdevctl; dpkg would keep the package that provides it.
  run in_root dpkg -P --force-depends mdevadm-mdevctl mdevadm
  exits 0 "dpkg purges both packages"
  same "$(cat "$file")" "$config" "mdevctl's definitions persist after the purge"
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
  # The package is installed in a container without systemd, and upgraded on a running system.
  mv "$root/run/systemd" "$root/run/systemd.later"
  mv "$root/run/udev" "$root/run/udev.later"
  comes
  same "$(calls)" "" "dpkg calls neither systemd nor udev where they do not run"
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
