# 32 threads create and remove at once, more than there is room for: no instance is lost and the sums are right.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/load.toml" <<'T'
description = "room for a thousand"
nodes = false
[[parent]]
name = "load"
arithmetic = { kind = "fixed" }
type = [{ id = "1", max = 1000 }]
T

cat >"$folder/inside.sh" <<'T'
parent=/sys/class/mdev_bus/load
"$CHURN" $parent load-1 32 80 || exit 1
echo "available $(cat $parent/mdev_supported_types/load-1/available_instances)"
echo "listed $(ls /sys/bus/mdev/devices | wc -l) $(ls $parent/mdev_supported_types/load-1/devices | wc -l) $(ls /dev/vfio | grep -c '^[0-9]')"
ls /sys/bus/mdev/devices | xargs -P 16 -I{} sh -c 'echo 1 >/sys/bus/mdev/devices/{}/remove'
echo "at the end $(cat $parent/mdev_supported_types/load-1/available_instances) $(ls /sys/bus/mdev/devices | wc -l) $(ls /sys/kernel/iommu_groups | wc -l)"
T

run "$MDEVSIM" run "$folder/load.toml" -- bash "$folder/inside.sh"
exits 0 "every create and remove that should go through does"
read -r created refused left <<<"$(sed -nE 's/^created ([0-9]+), refused ([0-9]+), left ([0-9]+)$/\1 \2 \3/p' <<<"$out")"
same "$((created + refused))" 2560 "all were tried"
holds "there were more than there is room for" test "$refused" -gt 0
holds "a thousand at most stayed" test "$left" -le 1000
out_has "^available $((1000 - left))$" "what is available is what is not taken"
out_has "^listed $left $left $left$" "bus, type and nodes list what stayed"
out_has "^at the end 1000 0 0$" "all given back, the parent is as it was"
finish
