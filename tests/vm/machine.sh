#!/usr/bin/env bash
# machine.sh: prints the directory of the test machine: $MDEVADM_VM_DIR, or else one for each Debian release below build/vm of the
# checkout, since a checkout may be shared by hosts or containers of several releases and each has a kernel of its own.
#   machine.sh release   prints the code name of the host's release
set -euo pipefail

# shellcheck disable=SC1091
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-$VERSION_ID}")
if [ "${1:-}" = release ]; then
  echo "$release"
else
  echo "${MDEVADM_VM_DIR:-$(realpath "$(dirname "$(realpath "$0")")/../..")/build/vm/$release}"
fi
