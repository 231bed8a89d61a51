# The Ansible collection on simulated hosts: modules and role on four hosts in parallel, twice, in check mode and diff mode, with one
# host whose driver is missing. Each host is the namespaces of an "mdevsim run"; Ansible enters them by a wrapper of its Python.
# shellcheck shell=bash disable=SC2154,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
top=$(realpath "$here/../..")
work=$(mktemp -d)
hosts="m60 workstation l40s gvt lost"
declare -A machine
cleanup() {
  kill "${machine[@]}" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

# host NAME SCENARIO: starts a simulated host that waits, and writes the wrapper that runs Python on it.
host() {
  local directory=$work/$1 pid child enter
  mkdir -p "$directory/bin" "$directory/units"
  "$MDEVSIM" run "$2" -- bash -c 'touch "$1/ready"; exec sleep 600' - "$directory" &
  machine[$1]=$!
  wait_until test -e "$directory/ready"
  # The last descendant is the command on the host.
  pid=${machine[$1]}
  while child=$(pgrep -P "$pid"); do pid=$child; done
  enter="nsenter -t $pid -m -p"
  [ "$(readlink /proc/self/ns/user)" = "$(readlink "/proc/$pid/ns/user")" ] || enter+=" -U --preserve-credentials"
  printf '%s\n' '#!/bin/sh' "export PATH=$directory/bin:\$PATH UNITS=$directory/units" "exec $enter -- \"\$@\"" >"$directory/on"
  printf '%s\n' '#!/bin/sh' "exec $directory/on /usr/bin/python3 \"\$@\"" >"$directory/python"
  ln -s "$MDEVADM" "$directory/bin/mdevadm"
  # There is no systemd on a simulated host; a unit is enabled if there is a file with its name.
  cat >"$directory/bin/systemctl" <<'T'
#!/bin/sh
case $1 in
  show) echo LoadState=loaded; echo ActiveState=inactive ;;
  is-enabled) if [ -e "$UNITS/$2" ]; then echo enabled; else echo disabled; exit 1; fi ;;
  enable) touch "$UNITS/$2"; echo "$2" >>"$UNITS/../enabled" ;;
  list-unit-files) ;;
  *) exit 1 ;;
esac
T
  chmod +x "$directory/on" "$directory/python" "$directory/bin/systemctl"
}
on() { "$work/$1/on" "${@:2}"; }
state() {
  local name
  for name in $hosts; do
    on "$name" mdevadm list --all --json -o uuid,parent,type,state
    on "$name" find /etc/mdevadm /run/mdevadm -type f ! -name '*.lock' -exec sha256sum {} + 2>/dev/null | sort
    ls "$work/$name/units"
  done
}

# The collection as a user installs it.
export HOME=$work ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_NOCOLOR=1 ANSIBLE_RETRY_FILES_ENABLED=0 ANSIBLE_LOCAL_TEMP=$work/local
export ANSIBLE_COLLECTIONS_PATH=$work/collections ANSIBLE_REMOTE_TEMP=$work/remote
export ANSIBLE_FORKS=5 ANSIBLE_PIPELINING=1 LC_ALL=C.UTF-8
run ansible-galaxy collection build "$top/packaging/ansible" --output-path "$work"
exits 0 "ansible-galaxy builds the collection"
run ansible-galaxy collection install "$work"/mdevadm-host-*.tar.gz -p "$work/collections"
exits 0 "ansible-galaxy installs the collection"
err_lacks WARNING "ansible-galaxy has no warning"
if command -v ansible-lint >/dev/null; then
  cp -r "$top/packaging/ansible" "$work/lint"
  run env -C "$work/lint" ansible-lint --offline --nocolor -q
  exits 0 "ansible-lint accepts the collection"
fi
run /usr/bin/python3 -m compileall -q "$work/collections/ansible_collections/mdevadm"
exits 0 "the files in Python compile"
run ansible-doc -t module mdevadm.host.mdevadm_host mdevadm.host.mdevadm_facts
exits 0 "ansible-doc prints the documentation of the modules"
out_has "prune" "the documentation has the options"
same "$(grep -cE '^[-=] (root|executable)$' <<<"$out")" 4 "both modules have those of the documentation fragment"
run ansible-doc -t role mdevadm.host.mdevadm
exits 0 "ansible-doc prints the documentation of the role"

host m60 m60
host workstation workstation
host l40s l40s-boot
host gvt gvt
host lost gvt-off
cat >"$work/inventory.yml" <<T
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "$work/{{ inventory_hostname }}/python"
    mdevadm_package: ""
    mdevadm_units: []
  hosts:
    m60:
      mdevadm_description:
        device:
          - {name: "seat-{}", count: "{{ seats | default(2) }}", type: nvidia-12, start: auto}
        group:
          - {name: vm1, members: ["seat-{}"]}
    workstation:
      mdevadm_description:
        device:
          - {name: "say \"hi\" {}", count: 2, need: ["framebuffer>=2G"], placement: pack, node: {mode: "0660"}}
          - {name: desk, type: i915-GVTg_V5_4}
    l40s:
      mdevadm_description: |
        version = 1
        [[parent]]
        name = "0000:41:00.0"
        virtual_functions = "all"
        [[device]]
        name = "big-{}"
        count = 2
        need = ["framebuffer>=4G"]
    gvt:
      mdevadm_units: [mdevadm.target, mdevadm-groups.service, mdevadm-host.service]
      mdevadm_description:
        device: [{name: kiosk, type: i915-GVTg_V5_4, start: auto}]
    lost:
      mdevadm_description:
        device: [{name: kiosk, type: i915-GVTg_V5_4, start: auto}]
T
cat >"$work/site.yml" <<'T'
- hosts: all
  gather_facts: false
  roles: [mdevadm.host.mdevadm]
T
play() { run ansible-playbook -i "$work/inventory.yml" "$work/site.yml" "$@"; }
# recap HOST: changed, failed
recap() { sed -n "s/^$1 *:.* changed=\([0-9]*\) .* failed=\([0-9]*\) .*/\1 \2/p" <<<"$out"; }

empty=$(state)
play --check --diff
exits 2 "check mode fails only for the host whose driver is missing"
for name in m60 workstation l40s gvt; do
  holds "check mode reports changes of $name" has "$(recap "$name")" '^[1-9][0-9]* 0$'
done
same "$(recap lost | cut -d' ' -f2)" 1 "check mode fails for the host whose driver is missing"
out_has '^\+ device .seat-1. \([0-9a-f-]{36}\)' "diff mode shows the changes"
out_has '^~ prepare parent .0000:41:00.0.$' "diff mode shows parents that are prepared"
same "$(state)" "$empty" "check mode and diff mode change nothing"

begin=$(date +%s%N)
play
took=$((($(date +%s%N) - begin) / 1000000))
exits 2 "the first run fails for one host"
for name in m60 workstation l40s gvt; do
  same "$(recap "$name" | cut -d' ' -f2)" 0 "the first run succeeds on $name"
  holds "the first run changes $name" has "$(recap "$name")" '^[1-9]'
done
same "$(recap lost)" "0 1" "the run fails on the host whose driver is missing and changes nothing there"
out_has "no parent offers type 'i915-GVTg_V5_4'" "the failure has the message of the program"
same "$(on m60 mdevadm list -o name,type --json | jq -c '[.devices[] | [.name, .type]] | sort')" '[["seat-1","nvidia-12"],["seat-2","nvidia-12"]]' \
  "the devices of m60 are active"
same "$(on m60 mdevadm group list -o name,state --json | jq -r '.groups[].state')" active "the group of m60 is active"
same "$(on workstation mdevadm list -o name --json | jq -c '[.devices[].name] | sort')" '["desk","say \"hi\" 1","say \"hi\" 2"]' \
  "the devices of the workstation are active"
same "$(on l40s mdevadm list -o name --json | jq -c '[.devices[].name] | sort')" '["big-1","big-2"]' "the devices of l40s are active"
same "$(on l40s cat /sys/bus/pci/devices/0000:41:00.0/sriov_numvfs)" 32 "the parent of l40s is prepared"
same "$(paste -sd' ' "$work/gvt/enabled")" "mdevadm.target mdevadm-groups.service mdevadm-host.service" "units are enabled in their order"
same "$(on lost ls /etc/mdevadm)" "" "an invalid description is not written"
run on workstation mdevadm apply --check
exits 0 "the file on the host describes the host"
# A file of a Debian package, which does not exist on the simulated host's system.
mkdir -p "$work/package/DEBIAN"
printf '%s\n' 'Package: mdevadm-of-test' 'Version: 1' 'Architecture: all' 'Maintainer: test <test@example.org>' 'Description: test' \
  >"$work/package/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/package" "$work/mdevadm.deb" >/dev/null
play --check -l m60 -e "mdevadm_package=$work/mdevadm.deb"
exits 0 "check mode succeeds with a file of a package"
same "$(grep -A 1 'TASK .*Install the program from a Debian package' <<<"$out" | tail -n 1)" "changed: [m60]" "a file *.deb would be installed by apt"
same "$(grep -A 1 'TASK .*Install the program\]' <<<"$out" | tail -n 1)" "skipping: [m60]" "the task for names of packages is skipped"
echo "found: one run of the role on 5 hosts took $took ms"

after=$(state)
play
exits 2 "the second run fails for one host"
for name in m60 workstation l40s gvt; do
  same "$(recap "$name")" "0 0" "the second run has changed=0 on $name"
done
sed -n '/^PLAY RECAP/,$p' <<<"$out"
same "$(state)" "$after" "the second run changes nothing"

play --check --diff -l m60 -e seats=3
exits 0 "check mode succeeds for a changed description"
out_has "^\+ device 'seat-3'" "diff mode shows only the new device"
out_lacks "^\+ device 'seat-1'" "diff mode does not show devices that are as described"
same "$(state)" "$after" "check mode changes nothing on a host with devices"
out_has '^\+count = 3$' "diff mode shows the change of the file"
same "$(recap m60)" "1 0" "the description and the host would change"

# The modules by themselves, as Ansible runs them. Each line is a name, a host, a module, and its arguments, with @ for $work; the
# result is in $work/NAME.json.
on m60 "$MDEVSIM" hold "$(on m60 mdevadm list --json -o uuid,name | jq -r '.devices[] | select(.name == "seat-1") | .uuid')" >"$work/held" &
holder=$!
wait_until test -s "$work/held"
mkdir "$work/below" "$work/readonly"
on m60 mount -t tmpfs -o ro tmpfs "$work/readonly"
touch "$work/file"
on m60 "$MDEVSIM" control fault create 1 EIO
modules=$work/collections/ansible_collections/mdevadm/host/plugins/modules
while IFS=' ' read -r name place module arguments; do
  [ "$name" != unstarted ] || on m60 "$MDEVSIM" control fault create 0 EIO
  echo "{\"ANSIBLE_MODULE_ARGS\": ${arguments//@/$work}}" >"$work/arguments"
  PYTHONPATH=$work/collections on "$place" /usr/bin/python3 "$modules/$module.py" "$work/arguments" >"$work/$name.json" 2>"$work/$name.error"
done <<'T'
file m60 mdevadm_host {"src": "/etc/mdevadm/host.toml"}
missing m60 mdevadm_host {"src": "/missing.toml"}
broken m60 mdevadm_host {"content": "version = 1\n[x"}
both m60 mdevadm_host {"content": "version = 1", "src": "/x"}
dest m60 mdevadm_host {"dest": "/etc/mdevadm/host.toml"}
several m60 mdevadm_host {"description": {"device": [{"name": "x", "type": "nvidia-999"}, {"name": "y", "type": "nvidia-998"}]}, "_ansible_check_mode": true}
below m60 mdevadm_host {"description": {}, "dest": "/etc/mdevadm/below.toml", "root": "@/below"}
isdir m60 mdevadm_host {"description": {}, "dest": "@/below"}
isdir-check m60 mdevadm_host {"description": {}, "dest": "@/below", "_ansible_check_mode": true, "_ansible_diff": true}
isfile m60 mdevadm_host {"description": {}, "dest": "@/file/host.toml"}
isfile-check m60 mdevadm_host {"description": {}, "dest": "@/file/below/host.toml", "_ansible_check_mode": true}
readonly m60 mdevadm_host {"description": {}, "dest": "@/readonly/below/host.toml"}
readonly-check m60 mdevadm_host {"description": {}, "dest": "@/readonly/host.toml", "_ansible_check_mode": true}
numbers l40s mdevadm_host {"description": {"device": [{"name": 7, "type": 1150, "node": {"owner": 107}}], "group": [{"name": 1, "members": [7]}]}, "_ansible_check_mode": true}
mode l40s mdevadm_host {"description": {"device": [{"name": "x", "type": "1150", "node": {"mode": 432}}]}, "_ansible_check_mode": true}
template m60 mdevadm_host {"description": {"parent": [{"name": "0000:ff:00.0", "run": [{"command": ["true"], "timeout": "30"}]}]}, "_ansible_check_mode": true}
unknown m60 mdevadm_host {"description": {"device": [{"name": "x", "type": "nvidia-999"}]}}
fraction m60 mdevadm_host {"description": {"device": [{"name": "x", "type": 1.5}]}}
program m60 mdevadm_host {"executable": "mdevadm-missing"}
usage m60 mdevadm_host {"wait": "soon"}
used m60 mdevadm_host {"description": {"device": [{"name": "seat-1", "type": "nvidia-12", "aggregate": 1}]}}
prune m60 mdevadm_host {"description": {"device": [{"name": "seat-1", "type": "nvidia-12"}]}, "prune": true, "_ansible_check_mode": true}
partial m60 mdevadm_host {"description": {"device": [{"name": "seat-{}", "count": "2", "type": "nvidia-12", "start": "auto"}, {"name": "one", "type": "nvidia-12"}, {"name": "two", "type": "nvidia-12"}]}}
unstarted m60 mdevadm_host {"description": {"device": [{"name": "extra", "type": "nvidia-12"}]}}
same gvt mdevadm_host {"description": {"device": [{"name": "kiosk", "type": "i915-GVTg_V5_4", "start": "auto", "vf": null}]}}
facts l40s mdevadm_facts {}
findings lost mdevadm_facts {"gather": ["findings"]}
absent lost mdevadm_facts {"executable": "mdevadm-missing"}
T
kill $holder
result() { jq -r "$2" "$work/$1.json"; }
same "$(result file '"\(.failed) \(.changed)"')" "null false" "the module compares with a file on the host"
same "$(result missing .failed)" true "a missing file is a failure"
holds "the message names the missing file" grep -q '/missing.toml' <<<"$(result missing .msg)"
holds "an error in the text is reported with line and column" grep -q 'standard input:2:' <<<"$(result broken .msg)"
holds "each problem of a description is reported" grep -q "'nvidia-998'" <<<"$(result several .msg)"
same "$(result several '.hints | length')" 2 "and each has its hint"
same "$(cat "$work/below/etc/mdevadm/below.toml")" "version = 1" "the file of the description is written below the root"
while read -r name reason; do
  same "$(result "$name" '"\(.failed) \(.changed) \(.exception) \(.msg)"' | sed "s/ to '[^']*'//; s|$work/||"), $(wc -c <"$work/$name.error")" \
    "true false null cannot write the description: $reason, 0" "a file that cannot be written is a failure with its reason: $name"
done <<'T'
isdir Is a directory
isdir-check Is a directory
isfile 'file' is not a directory
isfile-check 'file' is not a directory
readonly Read-only file system
readonly-check Read-only file system
T
same "$(result numbers '"\(.failed) \(.changed) \([.changes[].name] | unique | join(" "))"')" "null true 1 7" "names that YAML has made numbers are text"
holds "a mode without quotes, which YAML reads as another number, is refused" grep -q "'mode' must be a string" <<<"$(result mode .msg)"
holds "a timeout that a template made text is a number" grep -q "no device '0000:ff:00.0'" <<<"$(result template .msg)"
same "$(result unknown '.hints[0]')" "did you mean 'nvidia-11'?" "the hints of the program are in the result"
same "$(result unknown .toml | grep -c nvidia-999)" 1 "the description as the program has read it is in the result"
same "$(result both .failed)" true "a description and a file are mutually exclusive"
same "$(result dest .msg)" "dest requires content or description" "a file to write requires a description"
holds "a value that TOML lacks is refused" grep -q "whole numbers only" <<<"$(result fraction .msg)"
holds "a missing program is a failure" grep -q 'Failed to find required executable' <<<"$(result program .msg)"
holds "a usage error has the message of the program" grep -q "invalid time 'soon'" <<<"$(result usage .msg)"
same "$(result used .failed)" true "a device in use is a failure"
holds "the failure names the process that uses the device" grep -q "in use by mdevsim" <<<"$(result used .msg)"
same "$(result prune '"\(.failed) \(.changed)"')" "null true" "check mode with prune reports the removal"
same "$(result partial '"\(.failed) \(.changed)"')" "true true" "a partial failure is a failure, and changed"
same "$(result unstarted '"\(.failed) \(.changed) \(.rc)"')" "true true 8" "a device that was defined and not started is a failure, and changed"
same "$(result same .changed)" false "a structured description is the same as the file of the role"
same "$(result facts '.ansible_facts.mdevadm | "\(.installed) \(.devices | length) \(.parents[0].parent)"')" "true 2 0000:41:00.0" "facts have devices and parents"
same "$(result facts '.ansible_facts.mdevadm.types | map(select(.type == "1150"))[0].name')" "NVIDIA L40S-4Q" "facts have types"
same "$(result findings '.ansible_facts.mdevadm.findings[0].finding')" gvt-disabled "facts have the reason why a host has no parent"
same "$(result absent '"\(.failed) \(.ansible_facts.mdevadm.installed)"')" "null false" "facts say that the program is not installed"
finish
