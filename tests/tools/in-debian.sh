#!/usr/bin/env bash
# in-debian.sh [-o APT-OPTION] RELEASE COMMAND...: runs COMMAND as root on another Debian release (trixie, forky, ...), with this
# checkout as working directory at its own path. The root file system is build/root-RELEASE; it is made with mmdebstrap when it is
# missing (about half a minute) and can be removed at any time. build/ is another directory there, build/root-RELEASE/build. COMMAND has mount and process namespaces of its own: all its mounts and
# processes end with it. Returns the exit code of COMMAND.
#   -o OPTION  option of apt when the root is made, such as 'Acquire::Check-Valid-Until "false"' for an outdated mirror
set -euo pipefail

top=$(realpath "$(dirname "$0")/../..")

# First process of the namespaces: makes the root the root file system (pivot_root, since the kernel refuses user namespaces in a
# chroot) and runs the command.
inside() {  # ROOT COMMAND...
  local root=$1
  shift
  mount --make-rprivate /
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs -o mode=755 tmpfs "$root/run"
  mkdir -p "$root/run/lock" "$root$top" "$root/.old" "$root/build"
  mount --bind "$top" "$root$top"
  mount --bind "$root/build" "$root$top/build"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  cd "$root"
  pivot_root . .old
  umount -l /.old
  cd "$top"
  exec env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    ${CI:+CI="$CI"} "$@"
}

if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
fi

options=()
while getopts o: option; do
  case $option in
    o) options+=("--aptopt=$OPTARG") ;;
    *) echo "usage: in-debian.sh [-o APT-OPTION] RELEASE COMMAND..." >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || { echo "usage: in-debian.sh [-o APT-OPTION] RELEASE COMMAND..." >&2; exit 2; }
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "${options[@]/#--aptopt=/-o}" "$@"
release=$1
shift
root=$top/build/root-$release

if [ ! -e "$root/.complete" ]; then
  "$top/tests/tools/packages.sh" mmdebstrap
  rm -rf "$root"
  mkdir -p "$root"
  if ! mmdebstrap --variant=minbase "${options[@]}" "$release" "$root" >"$root.log" 2>&1; then
    tail -n 20 "$root.log" >&2
    echo "in-debian.sh: cannot make a root file system of Debian $release" >&2
    exit 1
  fi
  touch "$root/.complete"
fi
exec unshare --mount --pid --fork --kill-child "$0" --inside "$root" "$@"
