# The RPM packages: the spec file with the programs of this build in place of its own, so that nothing is compiled. rpmlint reports nothing
# unexplained, the packages have all files, and installation, upgrade and removal work, in an overlay of the root file system of this host.
# shellcheck shell=bash disable=SC2154,SC2153,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
top=$(realpath "$here/../..")
spec=$top/packaging/rpm/mdevadm.spec

# ---- outside: the contents of the packages ----

# The spec file without %prep and %build; it installs the build of this tree. Completions of zsh are where that was configured to
# install them.
adapted() {
  local zsh
  zsh=$(sed -n 's/^MDEVADM_ZSH_DIR:.*=//p' "$BUILD/CMakeCache.txt")
  awk -v top="$top" '/^%setup/ { print "%setup -q -T -c"; print "cp -r " top "/LICENSE " top "/packaging ."; next }
    /^%build/ { print; skips = 1; next } /^%install/ { skips = 0 } !skips' "$spec" |
    sed "s|cmake --install build|cmake --install $BUILD|; s|^%global zsh_dir .*|%global zsh_dir /usr/$zsh|"
}
# build SPEC OPTION...: binary packages, quickly
build() {
  rpmbuild --quiet --nodeps --define "_topdir $work" --define '_binary_payload w1.gzdio' --define '_build_id_links none' "${@:2}" -bb "$1"
}
query() { rpm -q --nosignature --package "$@"; }
files_of() { query --list "$1" | LC_ALL=C sort; }

check_fields() {
  same "$(query --qf '%{NAME} %{VERSION} %{LICENSE}' "$mdevadm") $(query --qf '%{NAME} %{ARCH}' "$mdevctl") $(query --qf '%{NAME} %{LICENSE}' "$mdevsim")" \
    "mdevadm $version MIT AND BSD-3-Clause mdevadm-mdevctl noarch mdevsim MIT AND BSD-3-Clause" "names, version and licences"
  run query --requires "$mdevadm"
  out_has '^libsmartcols\.so\.1\(\)\(64bit\)$' "mdevadm requires the libraries that it loads at run time"
  run query --provides "$mdevctl"
  out_has '^mdevctl = 1\.4\.0$' "mdevadm-mdevctl provides mdevctl"
  same "$(query --conflicts "$mdevctl")" mdevctl "mdevadm-mdevctl conflicts with mdevctl"
  run query --requires "$mdevctl"
  out_has "^mdevadm = $version-1$" "mdevadm-mdevctl requires mdevadm of the same release"
}

# Each file that cmake installs is in one package, and no other: rpmbuild checks that, too, but not which one it is in.
check_contents() {
  local component package tree=$work/tree
  for component in mdevadm mdevctl mdevsim; do
    package=${!component}
    DESTDIR=$tree/$component cmake --install "$BUILD" --component $component >/dev/null
    same "$(diff <(cd "$tree/$component" && find . \( -type f -o -type l \) | cut -c2- | LC_ALL=C sort) \
      <(query --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$package" | sed -n 's/^[-l][^ ]* //p' | grep -vE '/licenses/|/selinux/' | sed -E 's|(/man/.*)\.gz$|\1|' | LC_ALL=C sort))" "" \
      "$(basename "$package") has the files of the component $component"
  done
  run files_of "$mdevadm"
  for package in mdevadm mdevsim; do
    same "$(files_of "${!package}" | sed -nE 's|.*/licenses/([a-z]*)[^/]*/|\1/|p' | paste -sd' ')" "$package/LICENSE $package/libraries.copyright" \
      "$package has its licence, and those of libraries that are compiled in"
  done
  same "$(files_of "$mdevctl" | grep -c '/selinux/mdevadm\.[ft][ce]$')" 2 "mdevadm-mdevctl has the source of the SELinux module"
  same "$(query --qf '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME}\n]' "$mdevadm" "$mdevctl" "$mdevsim" | grep -vE '^(l.{9}|d?-?rwxr-xr-x|-rw-r--r--) root root$')" "" \
    "all files are owned by root and writable by root only"
}

check_scripts() {
  local tag script
  for tag in PREIN POSTIN PREUN POSTUN; do
    script=$(query --qf "%{$tag}" "$mdevadm")
    [ "$script" = "(none)" ] || holds "the script $tag is valid" sh -n <<<"$script"
  done
  same "$(query --scripts "$mdevctl" "$mdevsim")" "" "the other packages have no scripts"
}

check_lint() {
  if ! command -v rpmlint >/dev/null; then
    echo "# skipped: rpmlint is not installed"
    return
  fi
  cp "$spec" "$work/mdevadm.spec"
  git -C "$top" archive --prefix="mdevadm-$version/" HEAD 2>/dev/null | gzip >"$work/SOURCES/mdevadm-$version.tar.gz"
  run rpmbuild --quiet --nodeps --define "_topdir $work" -bs "$work/mdevadm.spec"
  exits 0 "rpmbuild makes the source package"
  run rpmlint -r "$top/packaging/rpm/mdevadm.rpmlintrc" "$work/mdevadm.spec" "$work"/SRPMS/*.rpm "$mdevadm" "$mdevctl" "$mdevsim"
  same "$(grep -E ': [EW]: ' <<<"$out")" "" "rpmlint reports nothing that is not explained"
}

# A package of the system: it provides whatever ours require of others.
make_system() {
  { printf 'Name: system\nVersion: 1\nRelease: 1\nSummary: s\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n'
    query --requires "$mdevadm" "$mdevctl" "$mdevsim" | grep -vE '^(rpmlib|mdevadm)' | sort -u | sed 's/^/Provides: /'
    printf '%%description\ns\n%%files\n'; } >"$work/system.spec"
  printf 'Name: mdevctl\nVersion: 1.3.0\nRelease: 1\nSummary: m\nLicense: MIT\nBuildArch: noarch\n%%description\nm\n%%files\n' >"$work/mdevctl.spec"
  build "$work/system.spec" && build "$work/mdevctl.spec"
}

outside() {
  local version mdevadm mdevctl mdevsim part_failed=0 as_root=()
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  version=$(sed -n 's/^CMAKE_PROJECT_VERSION:.*=//p' "$BUILD/CMakeCache.txt")
  mkdir "$work/SOURCES"
  adapted >"$work/adapted.spec"
  run build "$work/adapted.spec" --define 'dist %{nil}'
  exits 0 "rpmbuild makes the packages"
  same "$(grep -i warning <<<"$err")" "" "rpmbuild warns of nothing"
  mdevadm=$(echo "$work"/RPMS/*/mdevadm-[0-9]*.rpm) mdevctl=$(echo "$work"/RPMS/*/mdevadm-mdevctl-*.rpm) mdevsim=$(echo "$work"/RPMS/*/mdevsim-*.rpm)
  check_fields
  check_contents
  check_scripts
  check_lint
  run build "$work/adapted.spec" --define 'dist .2'
  exits 0 "rpmbuild makes packages of another release"
  make_system
  mkdir "$work/packages"
  ln "$work"/RPMS/*/*.rpm "$work/packages"
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" unshare --mount --pid --fork --kill-child --net bash "$0" inside "$work" "$version" || part_failed=1
  same "$part_failed" 0 "all parts pass"
  finish
}

# ---- inside: installation, upgrade and removal ----

in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@" <&-; }
in_rpm() { run in_root rpm --nosignature "$@"; }
# Debian's rpm advises against itself.
makes_no_message() { same "$code $out$(grep -v '^rpm: ' <<<"$err")" "0 " "$1"; }
calls() { sort -u "$root/tmp/calls" 2>/dev/null; rm -f "$root/tmp/calls"; }
ours() { (cd "$root" && ls -d usr/sbin/mdevadm usr/bin/mdevsim usr/lib/systemd/system/mdevadm* usr/lib/udev/rules.d/*mdevadm* usr/share/doc/mdevadm etc/mdevadm 2>/dev/null); }

make_root() {
  mount -t tmpfs tmpfs "$space"
  mkdir "$space/upper" "$space/work" "$root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$space/upper,workdir=$space/work" "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  mount -t tmpfs tmpfs "$root/tmp"
  cp "$packages"/*.rpm "$root/tmp"
  # The host may have mdevadm already.
  (cd "$root" && rm -rf usr/sbin/mdevadm usr/bin/mdevsim usr/lib/systemd/system/mdevadm* usr/lib/udev/rules.d/*mdevadm* usr/share/doc/mdevadm etc/mdevadm var/lib/rpm)
  mkdir -p "$root/run/systemd/system" "$root/var/lib/rpm"
  printf '#!/bin/sh\necho "systemctl $*" >>/tmp/calls\n' >"$root/usr/bin/systemctl.new"
  chmod 755 "$root/usr/bin/systemctl.new"
  mv "$root/usr/bin/systemctl.new" "$root/usr/bin/systemctl"
}

inside() {
  local uuid=aaaaaaaa-0000-4000-8000-000000000001 first second
  space=$1/space packages=$1/packages
  root=$space/root
  mkdir "$space"
  make_root || exit 1
  first=$(cd "$packages" && ls mdevadm-[0-9]*-1.[^2]*.rpm) second=$(cd "$packages" && ls mdevadm-[0-9]*-1.2.*.rpm)
  in_rpm --install "/tmp/$first"
  exits_not_0 "rpm refuses a host without the libraries"
  in_root sh -c 'rpm --nosignature --install /tmp/system-*.rpm'
  in_rpm --install "/tmp/$first"
  makes_no_message "rpm installs mdevadm"
  in_rpm --verify mdevadm
  same "$out" "" "rpm --verify finds no changed file"
  run in_root mdevadm --version
  same "$out" "mdevadm $2" "the installed program runs"
  calls >/dev/null
  in_root mdevadm define -u $uuid -p p -t t --name seat --force >/dev/null
  in_rpm --upgrade "/tmp/$second"
  makes_no_message "rpm upgrades mdevadm"
  same "$(calls)" "systemctl daemon-reload" "an upgrade reloads systemd, and starts, stops and disables nothing"
  run in_root mdevadm list --defined -n -o uuid
  same "$out" $uuid "an upgrade does not change the definitions"

  run in_root sh -c 'rpm --nosignature --install /tmp/mdevctl-*.rpm'
  makes_no_message "mdevctl can be installed beside mdevadm"
  run in_root sh -c 'rpm --nosignature --install /tmp/mdevadm-mdevctl-*-1.2.*.rpm'
  err_has 'mdevctl conflicts with|conflicts with mdevctl' "mdevadm-mdevctl conflicts with mdevctl"
  in_rpm --erase mdevctl
  run in_root sh -c 'rpm --nosignature --install /tmp/mdevadm-mdevctl-*-1.2.*.rpm'
  makes_no_message "mdevadm-mdevctl can be installed without mdevctl"
  run in_root sh -c 'rpm --nosignature --install /tmp/mdevctl-*.rpm'
  exits_not_0 "mdevctl cannot be installed beside mdevadm-mdevctl"
  run in_root mdevctl --version
  same "$out" "mdevctl 1.4.0" "the program answers to the name mdevctl"
  in_rpm --erase mdevadm
  err_has 'mdevadm = .* is needed by .* mdevadm-mdevctl' "mdevadm cannot be removed while mdevadm-mdevctl is installed"
  in_rpm --erase mdevadm-mdevctl
  makes_no_message "rpm removes mdevadm-mdevctl"
  run in_root sh -c 'rpm --nosignature --install /tmp/mdevsim-*-1.2.*.rpm'
  makes_no_message "rpm installs mdevsim"
  run in_root mdevsim check m60
  exits 0 "mdevsim runs and finds its scenarios"
  in_rpm --erase mdevsim
  makes_no_message "rpm removes mdevsim"
  calls >/dev/null
  in_rpm --erase mdevadm
  exits 0 "rpm removes mdevadm"
  same "$(calls | sed 's/ mdevadm.*//')" "systemctl --no-reload disable
systemctl daemon-reload" "a removal disables the units, stops nothing and reloads systemd"
  same "$(ours)" "etc/mdevadm" "only the definitions remain"
  holds "the definition is unchanged" grep -q '^name = "seat"' "$root/etc/mdevadm/devices/p/$uuid.toml"
  finish
}
exits_not_0() { if [ "$code" != 0 ]; then passed "$1"; else failed "$1" "exit status 0"; fi; }

if [ "${1:-}" = inside ]; then inside "$2" "$3"; else outside; fi
