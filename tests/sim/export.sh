# Devices in the formats of QEMU, libvirt and Graphviz, on simulated hosts; attach.sh gives them to virtual machines.
# shellcheck shell=bash disable=SC2154,SC2016
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/guests.sh"

# ---- QEMU and node devices of libvirt, and back ----
inside m60 <<'T'
define 0000:86:00.0 nvidia-11 $A --name "se'at" --attr nvidia/vgpu_params=frame_rate_limiter=0
say $m export qemu "se'at" --vm-uuid 8f3c2a10-0000-0000-0000-0000000000ff
eval "set -- $($m export qemu "se'at" --format json -q)"; echo "json: $(jq -r .id <<<"$4")"
say $m export nodedev "se'at"
$m export nodedev "se'at" >$WORK/a.xml; $m undefine "se'at"
say $m import nodedev $WORK/a.xml --name back --auto
say $m list --all -n -o uuid,name,parent,type,start,attributes
say $m import nodedev $WORK/a.xml
sed 's/nvidia-11/nvidia-12/' $WORK/a.xml | say $m import nodedev -
sed 's/0000_86/0000_99/' $WORK/a.xml >$WORK/b.xml
say $m import nodedev $WORK/b.xml
say $m import nodedev $WORK/b.xml $WORK/none --json
echo '<device>' | say $m import nodedev -
say $m export qemu back --iommufd
say $m export qemu back --format yaml
T
out_has "^-uuid 8f3c2a10-0000-0000-0000-0000000000ff -device vfio-pci,id=se_at,sysfsdev=" "export qemu prints one line"
out_has "^json: se_at$" "the arguments with JSON objects are safe in a shell"
same "$(part 'mdevadm import nodedev '"$work"'/a.xml --name' | head -2 | paste -sd' ')" "8f3c2a10-0000-0000-0000-000000000001 = 0" "import nodedev defines the exported device again"
out_has "^8f3c2a10-0000-0000-0000-000000000001 back 0000:86:00.0 nvidia-11 auto nvidia/vgpu_params=frame_rate_limiter=0$" "parent, type and attributes come back"
same "$(part 'mdevadm import nodedev '"$work/a.xml" | tail -1)" "= 0" "a device that is defined as in the XML is unchanged"
out_has "cannot import '8f3c2a10.*': already defined under" "one with another type is a conflict"
out_has "cannot import '.*/b.xml'.*0000:99:00.0" "a parent that the host does not have is reported with the file"
out_has "cannot import '-': line 2: no element found" "XML that is not well-formed is reported with the line"
out_has "cannot export 'back': /dev/iommu does not exist" "iommufd is refused where the kernel does not have it"
out_has "invalid format 'yaml' \(expected shell, json or config\)" "an unknown format is refused"

# ---- attributes with all characters that XML has ----
inside m60 <<'T'
value=$' a\tb\n<&>\'"é\r c '
define 0000:86:00.0 nvidia-11 $A --attr "nvidia/vgpu_params=$value"
$m list --all -n --json -o attributes >$WORK/before
$m export nodedev $A >$WORK/a.xml; $m undefine $A
say $m import nodedev $WORK/a.xml
$m list --all -n --json -o attributes | cmp - $WORK/before && echo "same: $(grep -c 'b\\n' $WORK/before)"
$m modify $A --attr $'nvidia/vgpu_params=a\x01'
say $m export nodedev $A
T
out_has "^same: 1$" "export nodedev and import nodedev preserve tabs, line breaks and other characters of a value"
out_has "^mdevadm: error: cannot export '8f3c2a10.*': XML cannot contain the control characters in the value of attribute 'nvidia/vgpu_params', 'a" \
  "the error for a character that XML excludes names device and attribute"

# ---- several groups ----
inside m60 <<'T'
define 0000:86:00.0 nvidia-11 $A --name one; define 0000:86:00.0 nvidia-11 $B --name two
$m group create g1 one --vm-uuid 8f3c2a10-0000-0000-0000-0000000000f1 >/dev/null
$m group create g2 two --vm-uuid 8f3c2a10-0000-0000-0000-0000000000f2 >/dev/null
say $m export nodedev g1 g2
say $m export qemu g1 g2
say $m export libvirt g1 g2
say $m export qemu g1 g2 --vm-uuid 8f3c2a10-0000-0000-0000-0000000000aa
say $m export qemu g1 g2 --vm-uuid ''
T
same "$(part 'mdevadm export nodedev' | grep -cE '<uuid>|= 0')" 3 "export nodedev prints the devices of groups for different virtual machines"
same "$(part 'mdevadm export qemu g1 g2' | grep -cE "^= 4|^mdevadm: error: cannot export 'g2': its vm_uuid differs|^hint: .*--vm-uuid UUID$")" 3 \
  "export qemu refuses them, and says how to choose the UUID"
same "$(part 'mdevadm export libvirt' | tail -1)" "= 4" "... so does export libvirt"
same "$(part 'mdevadm export qemu g1 g2 --vm-uuid 8f' | grep -oE '^-uuid [^ ]*|id=[a-z]*')" "-uuid 8f3c2a10-0000-0000-0000-0000000000aa
id=one
id=two" "the value of --vm-uuid decides"
same "$(tail -2 <<<"$out" | grep -cE '^-device .*id=one.*id=two|^= 0$')" 2 "... also if it is empty"

# ---- devices that libvirt cannot have ----
inside m60-f1 <<'T'
define 0000:86:00.0 11 $A --name one
say $m export libvirt one
$m start -q one
say $m export libvirt one
T
same "$(grep -c "^= 1$" <<<"$out")" 2 "export libvirt refuses a device whose name the kernel chooses, active or not"
out_has "^mdevadm: error: cannot export 'one': libvirt finds mediated devices by their UUID only, and the kernel gives 'one' another name$" "the error says why"
out_has "the kernel gives 'one' another name, 8f3c2a10-0000-0000-0000-000000000001-[0-9]+$" "... and which name"
inside vf-n1 <<'T'
define 0000:41:00.0 1147 $A --name seat
for option in --display --ramfb; do say $m export libvirt seat $option; say $m export qemu seat $option; done
define 0000:41:00.0 1147 $B --name other --vf any
say $m export nodedev other
T
same "$(grep -cE "^mdevadm: error: cannot export 'seat': 'seat' is a virtual function, and libvirt shows the displays of mediated devices only$" <<<"$out")" 2 \
  "export libvirt refuses displays of virtual functions"
same "$(grep -cE '^-uuid .*display=on' <<<"$out")" 2 "export qemu does not"
out_has "cannot export 'other': it is a virtual function, not a mediated device" "a virtual function is not a node device, whether one is assigned or not"

# ---- libvirt's schemas ----
schemas=/usr/share/libvirt/schemas
if [ -n "$(command -v xmllint)" ] && [ -e $schemas/domain.rng ]; then
  lint() { xmllint --noout --relaxng "$schemas/$1.rng" - 2>"$work/lint" || { cat "$work/lint"; return 1; }; }
  valid() {  # SCHEMA SENTENCE: the document on standard input
    holds "libvirt's schema of $1 accepts $2" lint "$1"
  }
  domain() {  # WORD...: the domain with what export libvirt prints
    inside "$scenario" <<T
define $parent $type \$A --name one $attributes
\$m group create vm1 one >/dev/null
echo "<domain type='kvm'><name>x</name>"; \$m export libvirt $* -q | sed -n '/<metadata>/,/<\/metadata>/p'
echo "<memory>1024</memory><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>"
\$m export libvirt $* -q | sed '/<metadata>/,/<\/metadata>/d'; echo '</devices></domain>'
T
    valid domain "$scenario: export libvirt $*" <<<"$out"
    same "$(grep -c '<hostdev ' <<<"$out")" 1 "$scenario: export libvirt $*: one device"
  }
  while read -r scenario parent type attributes; do
    domain one
    domain vm1
    case $scenario in
      m60 | gvt) for option in --display --ramfb; do domain one $option; done ;;
      vf-n1) continue ;;  # no node device of libvirt
    esac
    inside "$scenario" <<T
define $parent $type \$A --name one $attributes
\$m export nodedev one
T
    valid nodedev "$scenario: export nodedev" <<<"$out"
    same "$(grep -c '<attr ' <<<"$out")" "$(grep -oE -e '--[a-z]+ ' <<<"$attributes" | wc -l)" "$scenario: export nodedev: the attributes"
  done <<'T'
m60 0000:86:00.0 nvidia-11 --attr 'nvidia/vgpu_params=a=<1>&"b"'
gvt 0000:00:02.0 i915-GVTg_V5_4
vf-n1 0000:41:00.0 1147
a40 0000:c1:00.0 nvidia-557
ccw 0.0.0070 vfio_ccw-io
ap matrix vfio_ap-passthrough --adapter 3 --domain 4
T
else
  echo "skipped: xmllint or the schemas of libvirt are not installed"
fi

# ---- the graph ----
inside vf-n1 <<'T'
define 0000:41:00.0 1147 $A --name 'o"n\e'; define 0000:41:00.0 1147 $B --name two
$m group create 'g"1' $A >/dev/null
monitor
$m attach 'g"1' --qmp $mon -q
"$m" export dot >$WORK/host.dot
echo "$server" >$WORK/pid
cat $WORK/host.dot
T
user=$(cat "$work/pid") one=device:0000:41:00.0/8f3c2a10-0000-0000-0000-000000000001 two=device:0000:41:00.0/8f3c2a10-0000-0000-0000-000000000002
edges="\"$one\" -> \"process:$user\"
\"parent:0000:41:00.0\" -> \"vf:0000:41:00.4\"
\"parent:0000:41:00.0\" -> \"vf:0000:41:00.5\"
\"vf:0000:41:00.4\" -> \"$one\"
\"vf:0000:41:00.5\" -> \"$two\""
same "$(grep -e ' -> ' "$work/host.dot" | tr -d ';' | sed 's/^ *//' | sort)" "$edges" "the graph leads from parents by virtual functions and devices to their users"
for node in "parent:0000:41:00.0\" .shape=box, label=\"0000:41:00.0.nnvidia\"" "vf:0000:41:00.4\" .*label=\"0000:41:00.4\"" \
  "$one\" .shape=ellipse, style=solid, label=\"o.\"n..e.n8f3c2a10-.*.n1147\"" "$two\" .shape=ellipse, style=dashed, label=\"two.n" \
  "process:$user\" .shape=component, label=\"python3.npid $user\""; do
  out_has "^ *\"$node" "the graph has the node ${node%% *}"
done
same "$(sed -n '/subgraph "cluster_g."1"/,/^  }/p' "$work/host.dot" | grep -c "label=\"group g.\"1\"\|^    \"$one\"")" 2 "the graph has the group with its member"
if [ -n "$(command -v dot)" ]; then
  plain=$(dot -Tplain "$work/host.dot")
  same "$(awk '$1 == "edge" { print $2 " -> " $3 }' <<<"$plain" | sort)" "$edges" "dot(1) reads the same edges"
  same "$(grep -c '^node ' <<<"$plain")" 6 "... and nodes"
  holds "dot(1) draws the graph" dot -Tsvg -o "$work/host.svg" "$work/host.dot"
else
  echo "skipped: dot(1) of Graphviz is not installed"
fi
finish
