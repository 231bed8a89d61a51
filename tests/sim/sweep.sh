# An error at the k-th write of every kind, for every k of a group of four, on every interface: start restores the state before it,
# stop can be repeated, and the error names what could not be rolled back. A test run takes one of three errnos for each write; POINTS=1
# takes all.
# shellcheck shell=bash disable=SC2154
set -u
here=$(dirname "$(realpath "$0")")
. "$here/../tools/checks.sh"
. "$here/../tools/interfaces.sh"
rm -rf "$cell_files"
if [ "${1:-}" = "" ]; then
  part_failed=0
  for scenario in m60-u1 m60-u2 m60 m60-c0 m60-k0 m60-k1 m60-k2 m60-f0 m60-f1 m60-f2 m60-f3 gvt-v1 \
    gvt-a0 gvt-a1 gvt-a2-rfc gvt-a2-v2 gvt-a2-v3 gvt-a3 vf-n1 vf-n2; do
    in_scenario $scenario sweep $scenario
  done
  same "$part_failed" 0 "all parts pass"
  finish
  exit
fi

idle() {  # available instances of every parent, and the number of devices, groups, nodes and records
  mdevadm types --json -o parent,type,available | jq -c '[.types[] | .available]'
  echo "$(mdevadm list -o uuid | wc -l) $(ls /run/mdevadm/devices 2>/dev/null | wc -l) $(groups_left)"
}

# errors_for NUMBER: another errno for each write, and for each interface
errors_for() {
  local all=(EIO EBUSY EINVAL)
  if [ "${POINTS:-3}" = 1 ]; then echo "${all[@]}"; else echo "${all[(${#name} + $1) % 3]}"; fi
}

sweep() {
  local name=$1 parent=0000:86:00.0 type=15 i k kind error wrong=0 tried=0 before plain=plain
  local kinds="create attribute" options=()
  case $name in
    m60 | m60-u* | m60-c0) type=nvidia-15 ;;
    m60-k2) kinds="create attribute join" ;;
    m60-f[012]) kinds="create attribute online" options=(--create-arg vm_uuid=$VM) ;;
    m60-f3) options=(--create-arg vm_uuid=$VM) ;;
    gvt-*) parent=0000:00:02.0 type=i915-GVTg_V5_8 ;;
    vf-*) parent=0000:41:00.0 type=1149 plain=nvidia/vgpu_params ;;
  esac
  case $name in gvt-a[0123]*) options=(--aggregate 1) ;; vf-n2) kinds=create ;; esac
  for i in 1 2 3 4; do
    mdevadm define -u "$(printf 'aaaaaaaa-0000-4000-8000-%012d' $i)" -p $parent -t $type --name m$i "${options[@]}" >/dev/null
    [ "$kinds" = create ] || mdevadm modify m$i --attr $plain=7 >/dev/null
  done
  mdevadm group create vm m1 m2 m3 m4 --node-owner nobody
  before=$(idle)
  run mdevadm group start -q vm
  exits 0 "$name: a group of four starts"
  run mdevadm group stop -q vm
  exits 0 "$name: the group stops"
  same "$(idle)" "$before" "$name: the state after stop is the state before start"
  for kind in $kinds; do
    for k in 1 2 3 4; do
      for error in $(errors_for $k); do
        control fault $kind $k $error
        run mdevadm group start -q vm
        control clear
        # F0 and F1 set all devices online with one write.
        [ "$code" = 0 ] && [ "$kind" = online ] && [ $k -gt 1 ] && { mdevadm group stop -q vm; continue; }
        # A kernel that accepts no group returns EINVAL, and mdevadm tries again without it.
        [ "$code" = 0 ] && [ "$kind/$error" = create/EINVAL ] && [ "${name#m60-k}" != "$name" ] && { mdevadm group stop -q vm; continue; }
        tried=$((tried + 1))
        if [ "$code" = 0 ] || [ "$(idle)" != "$before" ]; then
          wrong=$((wrong + 1))
          failed "$name: group start restores the state before it if $kind $k fails with $error" "exit code $code; $(idle)"
          mdevadm group stop -q vm
        fi
      done
    done
  done
  same "$wrong" 0 "$name: group start restores the state before it after each of $tried errors"
  for k in 1 2 3 4; do
    mdevadm group start -q vm
    control fault remove $k EIO
    run mdevadm group stop -q vm
    first=$code
    control clear
    case $name in
      # Since 5.2 a device whose removal was refused can only be removed by its driver.
      m60 | m60-u2 | gvt-v1 | gvt-a2* | gvt-a3) control unregister $parent; control register $parent ;;
    esac
    mdevadm group stop -q vm
    same "$([ "$first" != 0 ] && echo told) $(idle)" "told $before" \
      "$name: group stop reports that remove $k failed, and a second group stop completes it"
  done
  control fault create 3 EIO
  control fault remove 0 EIO
  run mdevadm group start vm
  err_has "could not be rolled back: remove aaaaaaaa" "$name: the error names the device that could not be rolled back"
}

shift
"$@"
finish
