#!/usr/bin/env bash
# quickstart.sh: builds mdevadm and shows what it does on a simulated host with a Tesla M60 board and an Intel GPU. No such
# hardware is needed, and nothing of this machine is touched but the Debian packages that it installs (as root or with sudo). The
# session that it prints stands in README.md.
set -euo pipefail

top=$(realpath "$(dirname "$0")/..")
cd "$top"
# shellcheck disable=SC2046
tests/tools/packages.sh $(cat tests/tools/build-packages)

echo "Building mdevadm" >&2
mkdir -p build
cmake --preset quick >build/quick.log 2>&1 && cmake --build --preset quick >>build/quick.log 2>&1 || { cat build/quick.log >&2; exit 1; }
export PATH=$top/build/quick/src:$PATH
exec mdevsim run workstation -- bash examples/tour.sh
