# cmake --install: the files are where Debian expects them, and units, rules and the generator name the installed program,
# for each prefix, with DESTDIR, and where sbin and bin are one directory.
# shellcheck shell=bash disable=SC2154,SC2153
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
top=$(realpath "$here/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# install_to DESTDIR PREFIX [OPTION...]: DESTDIR may be empty.
install_to() { run env DESTDIR="$1" cmake --install "$build" --prefix "${@:2}"; }

# names_program DIRECTORY PREFIX SBIN UNITS GENERATORS RULES WORDS: paths in the files below DIRECTORY, which is DESTDIR or empty
names_program() {
  local directory=$1 program=$2/mdevadm units=$3 generator=$4/mdevadm-generator rules=$5/70-mdevadm-nodes.rules words=$6 unit
  for unit in groups metrics parent@ stop; do
    run sed -n 's/^Exec[A-Za-z]*=[-+]*\([^ ]*\) .*/\1/p' "$directory$units/mdevadm-$unit.service"
    same "$(sort -u <<<"$out")" "$program" "mdevadm-$unit.service runs the program $words"
  done
  same "$(tail -1 "$directory$generator")" "exec $program __generator \"\$1\" $units/mdevadm-parent@.service" \
    "the generator names the program and its unit $words"
  same "$(sed -n 's/^IMPORT{program}="\([^ ]*\) .*/\1/p' "$directory$rules")" "$program" "the udev rules import from the program $words"
  run grep -rlE '@[A-Z_]+@' "$directory$units" "$directory$generator" "$directory$rules"
  same "$out" "" "no installed file has a placeholder that was not replaced $words"
}

# rules_are_valid DIRECTORY WORDS: udevadm verify is new in systemd 254. Debian 12 has 252; there, vm: udev loads the rules.
rules_are_valid() {
  if [ "$(udevadm --version)" -lt 254 ]; then return; fi
  run udevadm verify "$1"/*-mdevadm-*.rules
  exits 0 "udevadm verify accepts the rules $2"
}

# is_loaded DIRECTORY WORDS: systemd accepts units whose program is at the path that they name
is_loaded() {
  local unit
  for unit in mdevadm-apply.service mdevadm-groups.service mdevadm-host.service mdevadm-metrics.service mdevadm-metrics.timer mdevadm-parent@.service mdevadm-sleep.service mdevadm-stop.service mdevadm.target; do
    run systemd-analyze verify --man=no "$1/$unit"
    same "$out$err" "" "systemd-analyze verify reports nothing for $unit $2"
  done
}

build=$BUILD target=$work/debian
zsh=zsh/site-functions
if [ -e /etc/debian_version ]; then zsh=zsh/vendor-completions; fi
install_to "$target" /usr
exits 0 "cmake --install succeeds"
same "$(cd "$target" && find . -type f ! -path '*/scenarios/*' | sort)" "$(sort <<T
./usr/bin/mdevsim
./usr/lib/systemd/system-generators/mdevadm-generator
./usr/lib/systemd/system/mdevadm-apply.service
./usr/lib/systemd/system/mdevadm-groups.service
./usr/lib/systemd/system/mdevadm-host.service
./usr/lib/systemd/system/mdevadm-metrics.service
./usr/lib/systemd/system/mdevadm-metrics.timer
./usr/lib/systemd/system/mdevadm-parent@.service
./usr/lib/systemd/system/mdevadm-sleep.service
./usr/lib/systemd/system/mdevadm-stop.service
./usr/lib/systemd/system/mdevadm.target
./usr/lib/udev/rules.d/60-mdevadm-parents.rules
./usr/lib/udev/rules.d/70-mdevadm-nodes.rules
./usr/sbin/mdevadm
./usr/share/bash-completion/completions/mdevadm
./usr/share/bash-completion/completions/mdevsim
./usr/share/doc/mdevadm/CHANGELOG.md
./usr/share/doc/mdevadm/README.md
./usr/share/doc/mdevadm/examples/cad-seat.toml
./usr/share/doc/mdevadm/examples/crypto.toml
./usr/share/doc/mdevadm/examples/domain.xml
./usr/share/doc/mdevadm/examples/grafana/mdevadm.json
./usr/share/doc/mdevadm/examples/prometheus/mdevadm.rules.yml
./usr/share/doc/mdevadm/examples/vm@.service
./usr/share/fish/vendor_completions.d/mdevadm.fish
./usr/share/fish/vendor_completions.d/mdevsim.fish
./usr/share/man/man5/mdevadm.host.5
./usr/share/man/man5/mdevadm.toml.5
./usr/share/man/man5/mdevsim.toml.5
./usr/share/man/man7/mdevadm-boot.7
./usr/share/man/man7/mdevadm-interfaces.7
./usr/share/man/man8/mdevadm.8
./usr/share/man/man8/mdevsim.8
./usr/share/man/man8/mdevadm-apply.8
./usr/share/man/man8/mdevadm-attach.8
./usr/share/man/man8/mdevadm-diff.8
./usr/share/man/man8/mdevadm-check.8
./usr/share/man/man8/mdevadm-claim.8
./usr/share/man/man8/mdevadm-define.8
./usr/share/man/man8/mdevadm-detach.8
./usr/share/man/man8/mdevadm-export.8
./usr/share/man/man8/mdevadm-group.8
./usr/share/man/man8/mdevadm-import.8
./usr/share/man/man8/mdevadm-list.8
./usr/share/man/man8/mdevadm-modify.8
./usr/share/man/man8/mdevadm-monitor.8
./usr/share/man/man8/mdevadm-parent.8
./usr/share/man/man8/mdevadm-probe.8
./usr/share/man/man8/mdevadm-release.8
./usr/share/man/man8/mdevadm-restart.8
./usr/share/man/man8/mdevadm-show.8
./usr/share/man/man8/mdevadm-start.8
./usr/share/man/man8/mdevadm-status.8
./usr/share/man/man8/mdevadm-stop.8
./usr/share/man/man8/mdevadm-types.8
./usr/share/man/man8/mdevadm-undefine.8
./usr/share/mdevadm/schema.json
./usr/share/$zsh/_mdevadm
./usr/share/$zsh/_mdevsim
T
)" "cmake --install installs exactly the expected files"
same "$(cd "$target/usr/share/mdevadm/scenarios" && find . -type f | sort)" "$(cd "$top/examples/scenarios" && find . -type f | sort)" \
  "cmake --install installs all scenarios"
for scenario in $("$target/usr/bin/mdevsim" list | cut -d' ' -f1); do
  run "$target/usr/bin/mdevsim" check "$scenario"
  out_has "^$target/usr/share/mdevadm/scenarios/$scenario.toml: kernel " "mdevsim finds the installed scenario $scenario"
done
lib=/usr/lib/systemd
names_program "$target" /usr/sbin $lib/system $lib/system-generators /usr/lib/udev/rules.d "in /usr, without DESTDIR"
same "$(stat -c '%a %n' "$target"$lib/system-generators/* "$target"$lib/system/mdevadm.target | sed "s|$target||")" \
  "755 $lib/system-generators/mdevadm-generator
644 $lib/system/mdevadm.target" "the generator is executable, the units are not"
rules_are_valid "$target/usr/lib/udev/rules.d" "in /usr"
same "$(cd "$BUILD/packaging" && ls -d generated-* 2>/dev/null)" "" "the build directory has no generated file after the installation"

# names_of DIRECTORY: the files of component mdevctl, and its empty directories
names_of() {
  (cd "$1" && find . ! -type d -printf '%p -> %l\n' | sed 's/ -> $//' | sort; find . -type d -empty | sort)
}
names=$work/names
install_to "$names" /usr --component mdevctl
exits 0 "cmake --install --component mdevctl succeeds"
same "$(names_of "$names")" "$(cat <<T
./usr/bin/lsmdev -> ../sbin/mdevadm
./usr/bin/mdevctl -> ../sbin/mdevadm
./usr/sbin/lsmdev -> mdevadm
./usr/sbin/mdevctl -> mdevadm
./usr/share/bash-completion/completions/lsmdev
./usr/share/bash-completion/completions/mdevctl
./usr/share/fish/vendor_completions.d/lsmdev.fish
./usr/share/fish/vendor_completions.d/mdevctl.fish
./usr/share/man/man8/lsmdev.8 -> mdevctl.8
./usr/share/man/man8/mdevctl.8
./usr/share/$zsh/_mdevctl
./etc/mdevctl.d
./usr/lib/mdevctl/scripts.d/callouts
./usr/lib/mdevctl/scripts.d/notifiers
T
)" "the names of mdevctl are where libvirt and udev expect them"
cp -a "$names/usr" "$target/"
for name in "$target"/usr/{bin,sbin}/mdevctl; do
  run "$name" --version
  out_has "^mdevctl 1" "${name#"$target"} runs as mdevctl"
done
run "$target/usr/sbin/mdevadm" --version
exits 0 "the installed program runs"
for example in "$target"/usr/share/doc/mdevadm/examples/*.toml; do
  host=$(mktemp -d)
  run "$target/usr/sbin/mdevadm" --root "$host" define -p p --file "$example" --force
  exits 0 "define accepts the example $(basename "$example")"
  err_lacks warning "the example $(basename "$example") has no unknown key"
  rm -rf "$host"
done

# systemd and udev search /usr/local as they search /usr: on Debian 12, 13 and 14.
target=$work/local lib=/usr/local/lib/systemd
install_to "$target" /usr/local
exits 0 "cmake --install --prefix /usr/local succeeds"
names_program "$target" /usr/local/sbin $lib/system $lib/system-generators /usr/local/lib/udev/rules.d "in /usr/local"
run systemd-analyze unit-paths
out_has "^$lib/system$" "systemd searches the directory of the units in /usr/local"
run systemctl --root="$target" enable mdevadm.target mdevadm-groups.service
exits 0 "systemctl enables the units in /usr/local"
install_to "$target" /usr/local --component mdevctl
same "$(names_of "$target" | grep -E 'scripts|mdevctl.d|bin/')" "$(cat <<'T'
./usr/local/bin/lsmdev -> ../sbin/mdevadm
./usr/local/bin/mdevctl -> ../sbin/mdevadm
./usr/local/bin/mdevsim
./usr/local/sbin/lsmdev -> mdevadm
./usr/local/sbin/mdevadm
./usr/local/sbin/mdevctl -> mdevadm
./etc/mdevctl.d
T
)" "the names of mdevctl are in /usr/local, the directory that libvirt watches is in /etc"

# Any other prefix, without DESTDIR and relative: units and generator name the program there.
target=$work/other
(cd "$work" && install_to "" other && echo "$code" >"$work/code")
same "$(cat "$work/code")" 0 "cmake --install --prefix accepts a relative directory"
names_program "" "$target/sbin" "$target/lib/systemd/system" "$target/lib/systemd/system-generators" "$target/lib/udev/rules.d" \
  "in another prefix"
is_loaded "$target/lib/systemd/system" "in another prefix"
rules_are_valid "$target/lib/udev/rules.d" "in another prefix"
install_to "" "$target" --component mdevctl
same "$(names_of "$target" | grep -E 'scripts|mdevctl.d|bin/')" "$(cat <<'T'
./bin/lsmdev -> ../sbin/mdevadm
./bin/mdevctl -> ../sbin/mdevadm
./bin/mdevsim
./sbin/lsmdev -> mdevadm
./sbin/mdevadm
./sbin/mdevctl -> mdevadm
T
)" "another prefix has the names of mdevctl, without directories that mdevadm does not use"
install_to "$work/refused" "/opt/my programs"
exits 1 "cmake --install is refused for a path that units cannot contain"
err_has "cannot install units and rules for '/opt/my programs/sbin': invalid character ' '" \
  "the error names the path and the invalid character"

# A system with one directory for all programs, and a build that was configured elsewhere.
target=$work/merged
mkdir -p "$target/usr/bin"
ln -s bin "$target/usr/sbin"
install_to "$target" /usr
install_to "$target" /usr --component mdevctl
exits 0 "cmake --install succeeds where sbin is a link to bin"
same "$(ls "$target/usr/bin")" "lsmdev
mdevadm
mdevctl
mdevsim" "the programs are in bin where sbin is a link to bin"
for name in "$target"/usr/{bin,sbin}/{mdevctl,lsmdev}; do
  run "$name" --version
  out_has "^(mdevctl|lsmdev) 1" "${name#"$target"} runs where sbin is a link to bin"
done

# configure OPTION...: another build directory, with the programs of this one
build=$work/build
configure() {
  run cmake -S "$top" -B "$build" -G Ninja -DMDEVADM_TESTS=OFF "$@"
  exits 0 "cmake configures with $*"
  run cmake --build "$build" --target man
  mkdir -p "$build/src"
  cp "$MDEVADM" "$MDEVSIM" "$build/src/"
}

# The same system, with a build that was configured there.
target=$work/one
mkdir -p "$target/usr/bin"
ln -s bin "$target/usr/sbin"
configure -DCMAKE_INSTALL_PREFIX="$target/usr"
install_to "" "$target/usr"
exits 0 "cmake --install succeeds for a build that was configured where sbin is a link to bin"
lib=$target/usr/lib/systemd
names_program "" "$target/usr/bin" "$lib/system" "$lib/system-generators" "$target/usr/lib/udev/rules.d" "in bin"
is_loaded "$lib/system" "in bin"
# The same with DESTDIR, as a distribution makes a package.
install_to "$work/package" /usr
install_to "$work/package" /usr --component mdevctl
same "$(cd "$work/package/usr" && find . -path './*bin*' -printf '%P -> %l\n' | sed 's/ -> $//' | sort)" "bin
bin/lsmdev -> mdevadm
bin/mdevadm
bin/mdevctl -> mdevadm
bin/mdevsim" "a package for a system where sbin is a link to bin has no sbin"

# Directories that the builder selects.
configure -DCMAKE_INSTALL_PREFIX=/opt/mdevadm -DCMAKE_INSTALL_SBINDIR=/opt/sbin -DMDEVADM_SYSTEMD_UNIT_DIR=/etc/systemd/system \
  -DMDEVADM_SYSTEMD_GENERATOR_DIR=/etc/systemd/system-generators -DMDEVADM_UDEV_DIR=/etc/udev
target=$work/chosen
install_to "$target" /opt/mdevadm
exits 0 "cmake --install succeeds with selected directories"
names_program "$target" /opt/sbin /etc/systemd/system /etc/systemd/system-generators /etc/udev/rules.d "in a directory that was chosen"
install_to "$target" /opt/mdevadm --component mdevctl
same "$(names_of "$target" | grep bin/)" "./opt/mdevadm/bin/lsmdev -> ../../sbin/mdevadm
./opt/mdevadm/bin/mdevctl -> ../../sbin/mdevadm
./opt/mdevadm/bin/mdevsim
./opt/sbin/lsmdev -> mdevadm
./opt/sbin/mdevadm
./opt/sbin/mdevctl -> mdevadm" "the names of mdevctl point to the program in the selected directory"
for page in mdevadm.8 mdevsim.toml.5; do
  run grep -o '[^ _]*/mdevadm/s[a-z]*' "$target/opt/mdevadm/share/man/man${page##*.}/$page"
  out_has '/opt/mdevadm/share/mdevadm/s|^\\fI/opt/mdevadm/share/mdevadm/s' "$page names the directory of the prefix"
done
finish
