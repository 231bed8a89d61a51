#!/usr/bin/env bash
# quickstart.sh: builds mdevadm and demonstrates it on a simulated host with a Tesla M60 board and an Intel
# GPU. Requires no such hardware. Installs Debian packages (as root or with sudo) and changes nothing else on
# this machine. README.md contains the printed session.
set -euo pipefail

top=$(realpath "$(dirname "$0")/..")
cd "$top"
tests/tools/packages.sh tests/tools/build-packages

echo "Building mdevadm" >&2
mkdir -p build
cmake --preset quick >build/quick.log 2>&1 && cmake --build --preset quick >>build/quick.log 2>&1 || { cat build/quick.log >&2; exit 1; }
export PATH=$top/build/quick/src:$PATH
exec mdevsim run workstation -- bash examples/tour.sh
