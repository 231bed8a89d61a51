# inside.sh BINARY MDEVSIM SECTION: runs a section's cases and prints their results. Only for use by mdevsim run: it changes files in
# /etc, /usr/lib and /srv.
# shellcheck shell=bash disable=SC2034
set -eu
[ -e /sys/kernel/mdevsim/control ] || { echo "inside.sh: this is not a simulated host" >&2; exit 1; }
here=$(dirname "$(realpath "$0")")
mdevsim=$2
unset RUST_BACKTRACE RUST_LIB_BACKTRACE
unset "${!MDEVCTL@}"
export LC_ALL=C.UTF-8
export PATH=/srv/bin:$PATH
umask 022

mount -t tmpfs -o mode=0755 conformance /srv
mkdir /srv/bin
ln -s "$1" /srv/bin/mdevctl
ln -s "$1" /srv/bin/lsmdev

# Script directories of our own below /usr/lib. If the host has none to mount on, /usr/lib is replaced by a directory of links.
if [ -d /usr/lib/mdevctl ]; then
  mount -t tmpfs conformance /usr/lib/mdevctl
else
  mkdir /srv/usr-lib /srv/links /srv/links/mdevctl
  mount --rbind /usr/lib /srv/usr-lib
  find /srv/usr-lib -mindepth 1 -maxdepth 1 -exec ln -s -t /srv/links {} +
  mount --bind /srv/links /usr/lib
fi

set +e
. "$here/record.sh"
# shellcheck source=/dev/null
. "$here/cases/$3.sh" </dev/null
