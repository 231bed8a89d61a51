#!/usr/bin/env bash
# quickstart.sh: builds mdevadm and shows its main job on a real Linux kernel with real mediated-device drivers, booted in QEMU, so
# that no special hardware is needed and nothing of this machine is touched. Installs the Debian packages it needs (as root or
# with sudo). The session that it prints stands in README.md.
set -euo pipefail

top=$(realpath "$(dirname "$0")/..")
cd "$top"
# shellcheck disable=SC2046
tests/tools/packages.sh $(cat tests/tools/build-packages)
tests/vm/prepare.sh

echo "Building mdevadm" >&2
cmake --preset release -DMDEVADM_TESTS=OFF -B build/quickstart >build/quickstart.log 2>&1 &&
  cmake --build build/quickstart >>build/quickstart.log 2>&1 || { cat build/quickstart.log >&2; exit 1; }

echo "Booting a kernel with mediated devices" >&2
shared=$(mktemp -d)
trap 'rm -rf "$shared"' EXIT
tests/vm/boot.sh "$shared" "PATH=$top/build/quickstart/src:\$PATH bash $top/examples/session.sh"
