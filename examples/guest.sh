#!/usr/bin/env bash
# guest.sh: prints the session of README.md in which a virtual machine gets devices, each command followed by its output. Runs on the
# simulated host "m60", with a Tesla M60 board; a script stands in for QEMU:
#   mdevsim run m60 -- bash examples/guest.sh
set -u
export COLUMNS=120 NO_COLOR=1
cd "$(dirname "$0")/.." || exit

type_in() { printf '# %s\n' "$*"; eval "$*" 2>&1; }
# An earlier run leaves its socket.
rm -f /run/vm1.qmp
qemu_listens() { until [ -S /run/vm1.qmp ]; do sleep 0.05; done; }

type_in mdevadm define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 -p 0000:86:00.0 -t nvidia-17 --name cad-seat-1
type_in mdevadm define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02 -p 0000:86:00.0 -t nvidia-17 --name cad-seat-2
type_in mdevadm group create vm1 cad-seat-1 cad-seat-2 --vm-uuid 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5aff
type_in mdevadm export qemu vm1
type_in 'tests/tools/qmp_server.py /run/vm1.qmp &'
qemu_listens
type_in mdevadm attach vm1 --qmp /run/vm1.qmp
type_in mdevadm list -o name,group,state,node,held_by
type_in mdevadm group stop vm1
type_in mdevadm detach vm1 --qmp /run/vm1.qmp
type_in mdevadm list --all -o name,group,state
type_in mdevadm export libvirt vm1
kill %%
