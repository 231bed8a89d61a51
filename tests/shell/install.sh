# cmake --install puts everything where Debian expects it, and nothing else.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
target=$(mktemp -d)
trap 'rm -rf "$target"' EXIT
run env DESTDIR="$target" cmake --install "$BUILD" --prefix /usr
exits 0 "cmake --install works"
same "$(cd "$target" && find . -type f ! -path '*/scenarios/*' | sort)" "$(sort <<'T'
./usr/bin/mdevsim
./usr/lib/systemd/system-generators/mdevadm-generator
./usr/lib/systemd/system/mdevadm-groups.service
./usr/lib/systemd/system/mdevadm-parent@.service
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
./usr/share/man/man5/mdevadm.toml.5
./usr/share/man/man5/mdevsim.toml.5
./usr/share/man/man7/mdevadm-boot.7
./usr/share/man/man7/mdevadm-dialects.7
./usr/share/man/man8/mdevadm.8
./usr/share/man/man8/mdevsim.8
./usr/share/man/man8/mdevadm-define.8
./usr/share/man/man8/mdevadm-export.8
./usr/share/man/man8/mdevadm-group.8
./usr/share/man/man8/mdevadm-import.8
./usr/share/man/man8/mdevadm-list.8
./usr/share/man/man8/mdevadm-modify.8
./usr/share/man/man8/mdevadm-show.8
./usr/share/man/man8/mdevadm-start.8
./usr/share/man/man8/mdevadm-stop.8
./usr/share/man/man8/mdevadm-types.8
./usr/share/man/man8/mdevadm-undefine.8
./usr/share/mdevadm/schema.json
T
)" "the files are where they belong"
same "$(cd "$target/usr/share/mdevadm/scenarios" && find . -type f | sort)" "$(cd "$here/../../examples/scenarios" && find . -type f | sort)" \
  "all scenarios are there"
for scenario in $("$target/usr/bin/mdevsim" list | cut -d' ' -f1); do
  run "$target/usr/bin/mdevsim" check "$scenario"
  out_has "^$target/usr/share/mdevadm/scenarios/$scenario.toml: kernel " "the scenario $scenario is found where it was installed"
done
names=$(mktemp -d)
run env DESTDIR="$names" cmake --install "$BUILD" --prefix /usr --component mdevctl
exits 0 "cmake --install works for the names of mdevctl"
same "$(cd "$names" && find . ! -type d -printf '%p%l\n' | sed 's/mdevadm$/ &/' | sort; ls -d "$names"/{etc/mdevctl.d,usr/lib/mdevctl/scripts.d/*} | sed "s|$names|.|")" "$(cat <<'T'
./usr/bin/lsmdev../sbin/ mdevadm
./usr/bin/mdevctl../sbin/ mdevadm
./usr/sbin/lsmdev mdevadm
./usr/sbin/mdevctl mdevadm
./usr/share/bash-completion/completions/lsmdev
./usr/share/bash-completion/completions/mdevctl
./usr/share/man/man8/lsmdev.8mdevctl.8
./usr/share/man/man8/mdevctl.8
./etc/mdevctl.d
./usr/lib/mdevctl/scripts.d/callouts
./usr/lib/mdevctl/scripts.d/notifiers
T
)" "and they are where libvirt and udev look for them"
cp -a "$names/usr" "$target/"
rm -rf "$names"
for name in "$target"/usr/{bin,sbin}/mdevctl; do
  run "$name" --version
  out_has "^mdevctl 1" "${name#"$target"} runs"
done
run "$target/usr/sbin/mdevadm" --version
exits 0 "what was installed runs"
for example in "$target"/usr/share/doc/mdevadm/examples/*.toml; do
  host=$(mktemp -d)
  run "$target/usr/sbin/mdevadm" --root "$host" define -p p --file "$example" --force
  exits 0 "the example $(basename "$example") can be defined"
  err_lacks warning "and has no unknown key"
  rm -rf "$host"
done
finish
