#!/usr/bin/env bash
# private.sh SCRIPT [ARG...]: runs a test script with its own empty /tmp and /run. It finds no files of an earlier run and leaves
# none behind, and scripts that use the same names can run at the same time. A checkout or build below /tmp keeps the /tmp of
# the host.
set -eu
if [ "$1" != --inside ]; then
  exec unshare --mount --propagation private bash "$0" --inside "$@"
fi
shift
case "$(realpath "$1") ${BUILD:-}" in
  /tmp/* | *' /tmp/'*) ;;
  *) mount -t tmpfs -o mode=1777 tmpfs /tmp ;;
esac
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 1777 /run/lock
exec bash "$@"
