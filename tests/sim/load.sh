# 32 threads create and remove concurrently, more devices than the parent has instances: no instance is lost, the totals are right.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

cat >"$directory/load.toml" <<'T'
description = "room for a thousand"
nodes = false
[[parent]]
name = "load"
arithmetic = { kind = "fixed" }
type = [{ id = "1", max = 1000 }]
T

cat >"$directory/inside.sh" <<'T'
parent=/sys/class/mdev_bus/load
"$CHURN" $parent load-1 32 80 || exit 1
echo "available $(cat $parent/mdev_supported_types/load-1/available_instances)"
echo "listed $(ls /sys/bus/mdev/devices | wc -l) $(ls $parent/mdev_supported_types/load-1/devices | wc -l) $(ls /dev/vfio | grep -c '^[0-9]')"
ls /sys/bus/mdev/devices | xargs -P 16 -I{} sh -c 'echo 1 >/sys/bus/mdev/devices/{}/remove'
echo "at the end $(cat $parent/mdev_supported_types/load-1/available_instances) $(ls /sys/bus/mdev/devices | wc -l) $(ls /sys/kernel/iommu_groups | wc -l)"
T

run "$MDEVSIM" run "$directory/load.toml" -- bash "$directory/inside.sh"
exits 0 "concurrent creates and removes succeed or are refused as expected"
read -r created refused left <<<"$(sed -nE 's/^created ([0-9]+), refused ([0-9]+), left ([0-9]+)$/\1 \2 \3/p' <<<"$out")"
same "$((created + refused))" 2560 "created and refused devices add up to the number of requests"
holds "some creates are refused as all instances are in use" test "$refused" -gt 0
holds "no more devices exist than the maximum instances" test "$left" -le 1000
out_has "^available $((1000 - left))$" "available instances are the maximum minus the existing devices"
out_has "^listed $left $left $left$" "bus, type directory and nodes list the existing devices"
out_has "^at the end 1000 0 0$" "after the removal of all devices all instances are available and no IOMMU group exists"
finish
