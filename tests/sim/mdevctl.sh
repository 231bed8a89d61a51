# The installed mdevctl works on a simulated host as on a real kernel: types, define, start, list, stop. On a simulated GPU, and
# with mtty on both, where the output must be the same.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

cat >"$directory/inside.sh" <<'T'
u=7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01
p=$1 t=$2 other=$3
# mdevctl 1.2.0 ends its output with one newline more than 1.4.0.
say() {
  local code=0 text
  text=$("$@" 2>&1) || code=$?
  printf '%s\n' "$ $*" ${text:+"$text"} "= $code"
}
say mdevctl types --parent $p --dumpjson
say mdevctl define --uuid $u --parent $p --type $t --auto
say mdevctl list --defined
say mdevctl start --uuid $u
say mdevctl start --uuid $u
say mdevctl list
say mdevctl list --defined
say readlink /sys/bus/mdev/devices/$u/mdev_type
say mdevctl start --uuid ${u/7e/8e} --parent $p --type $other
say mdevctl stop --uuid $u
say mdevctl list
say mdevctl start-parent-mdevs $p
say mdevctl list
say mdevctl undefine --uuid $u
say mdevctl list --defined
T
run "$MDEVSIM" run m60 -- bash "$directory/inside.sh" 0000:86:00.0 nvidia-17 nvidia-11
exits 0 "the mdevctl session completes"
line() { grep -A"${2:-0}" -F -- "\$ $1" <<<"$out"; }
types=$(sed -n '/^\$ mdevctl types/,/^= 0/p' <<<"$out" | sed '1d;$d')
same "$(jq -r '.[0]["0000:86:00.0"] | map(to_entries[] | "\(.key)=\(.value.available_instances)") | join(" ")' <<<"$types")" \
  "nvidia-11=16 nvidia-12=16 nvidia-13=8 nvidia-14=8 nvidia-15=4 nvidia-16=4 nvidia-17=2 nvidia-18=1" \
  "mdevctl types lists the types and their available instances"
device='7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 0000:86:00.0 nvidia-17'
out_has "^$device auto$" "mdevctl list --defined lists the definition"
out_has "^$device auto \(defined\)$" "mdevctl list marks the started device as defined"
out_has "^$device auto \(active\)$" "mdevctl list --defined marks the definition as active"
out_has "mdev_supported_types/nvidia-17$" "the started device has the type of its definition"
out_has "^Error: Device already exists" "a second mdevctl start of the device is refused"
out_has "^Error: No available instances of nvidia-11 on 0000:86:00.0" "mdevctl start is refused for a type without available instances"
same "$(grep -c '^= 0' <<<"$out")" 13 "the other 13 commands succeed"
same "$(sed -n '/^\$ mdevctl stop/,/^\$ mdevctl start-parent/p' <<<"$out" | grep -c nvidia-17)" 0 \
  "mdevctl list does not list the stopped device"
same "$(sed -n '/^\$ mdevctl start-parent/,/^\$ mdevctl undefine/p' <<<"$out" | grep -c "$device")" 1 \
  "mdevctl start-parent-mdevs starts the autostart device"
# The log of mdevctl has a time stamp.
settled() { sed -E 's/\[[0-9T:Z-]+ /[TIME /'; }
"$MDEVSIM" run samples -- bash "$directory/inside.sh" mtty mtty-2 mtty-1 | settled >"$directory/simulated"
"$here/../vm/boot.sh" "$directory" "bash /shared/inside.sh mtty mtty-2 mtty-1" | settled >"$directory/real"
holds "mdevctl prints more than 40 lines on the real kernel" test "$(wc -l <"$directory/real")" -gt 40
same "$(diff "$directory/real" "$directory/simulated")" "" "mdevctl prints the same $(wc -l <"$directory/real") lines on the simulated host"
run ls /etc/mdevctl.d/0000:86:00.0
exits 2 "mdevctl's definitions of the simulated host do not exist on this host"
finish
