#!/usr/bin/env bash
# The session of README.md: each command as typed, then what it prints. Wants a host with the kernel's sample drivers mtty, mdpy
# and mbochs; quickstart.sh makes one.
set -u
export COLUMNS=120 NO_COLOR=1

type_in() { printf '# %s\n' "$*"; eval "$*" 2>&1; }

type_in mdevadm types
type_in mdevadm define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a01 -p mbochs -t mbochs-large --name cad-seat-1 --auto
type_in mdevadm define 7e35f4f2-0a4c-4c1e-9c0d-6d6f1b1f5a02 -p mtty -t mtty-2 --name console
type_in mdevadm start --auto
type_in mdevadm list --all
type_in mdevadm list -o uuid,type,iommu_group,node,node_owner,node_mode
type_in mdevadm types mbohcs
type_in mdevadm start console
type_in mdevadm stop cad-seat-1 console
type_in mdevadm list --defined -o name,state,start,file
