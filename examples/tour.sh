#!/usr/bin/env bash
# tour.sh: prints the session of README.md, each command followed by its output. Runs on the simulated host
# "workstation", with a Tesla M60 board and an Intel GPU, which quickstart.sh starts.
set -u
export COLUMNS=120 NO_COLOR=1

type_in() { printf '# %s\n' "$*"; eval "$*" 2>&1; }
in_use() { until mdevadm list -o held_by | grep -q mdevsim; do sleep 0.05; done; }

type_in mdevadm types 0000:86:00.0 -o type,available,name
type_in mdevadm types 0000:00:02.0 -o type,available,properties
type_in mdevadm define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 -p 0000:86:00.0 -t nvidia-17 --name cad-seat-1
type_in mdevadm define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02 -p 0000:86:00.0 -t nvidia-17 --name cad-seat-2
type_in mdevadm define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a03 -p 0000:00:02.0 -t i915-GVTg_V5_4 --name kiosk --auto
type_in mdevadm group create cad cad-seat-1 cad-seat-2
type_in mdevadm group start cad
type_in mdevadm start kiosk
type_in mdevadm list -o name,group,parent,type,iommu_group,node,node_mode
type_in mdevadm types 0000:86:00.0 -o type,available,name
type_in mdevadm start -u 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a04 -p 0000:86:00.0 -t nvidia-14
type_in 'mdevsim hold 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 60 >/dev/null &'
in_use
type_in mdevadm group stop cad
type_in mdevadm stop kiosk
type_in mdevadm group list
