#include "commands/commands.hpp"
#include "command.hpp"

namespace mdevadm::cli {

const std::vector<CommandEntry>& command_table() {
  static const std::vector<CommandEntry> table{
      {"types", "list mdev types and available instances", "[OPTION]... [PARENT]",
       "mdevadm types 0000:86:00.0\n"
       "mdevadm types --need 'framebuffer>=4G'\n"
       "mdevadm types 0000:86:00.0 --after nvidia-16=2",
       make_types},
      {"probe", "find out which types can be combined on a parent",
       "[OPTION]... --create PARENT\n[OPTION]... --dry-run PARENT",
       "mdevadm probe 0000:86:00.0 --create\n"
       "mdevadm probe 0000:86:00.0 --create --after nvidia-16=4",
       make_probe},
      {"list", "list devices", "",
       "mdevadm list --all\n"
       "mdevadm list 'cad*' -o +node\n"
       "mdevadm list --boot",
       make_list},
      {"status", "show parents, devices, groups and problems", "",
       "mdevadm status\n"
       "mdevadm status --json",
       make_status},
      {"check", "find problems, and commands that help", "[OPTION]... [ADDRESS]...",
       "mdevadm check\n"
       "mdevadm check 0000:00:02.0",
       make_check},
      {"monitor", "print events of parents, devices, definitions and groups", "[OPTION]... [DEVICE]...",
       "mdevadm monitor --parent 0000:86:00.0\n"
       "mdevadm monitor --until unused=cad-seat-1 --timeout 1min",
       make_monitor},
      {"show", "show details of devices or parents",
       "[OPTION]... DEVICE...\n[OPTION]... PARENT...\n--all [OPTION]...",
       "mdevadm show cad-seat-1\n"
       "mdevadm show 0000:86:00.0\n"
       "mdevadm show 8f3c --json",
       make_show},
      {"define", "create a persistent device definition",
       "--parent PARENT --type TYPE [OPTION]... [UUID]\n"
       "{--need NEED|--series SERIES}... [OPTION]... [UUID]\n"
       "[OPTION]... DEVICE\n"
       "--file FILE [-p PARENT] [-g GROUP] [--force] [UUID]",
       "mdevadm define -p 0000:86:00.0 -t nvidia-17 --name cad-seat-1 --auto\n"
       "mdevadm define --need 'framebuffer>=2G' --name cad-seat --count 2\n"
       "mdevadm define 8f3c --name found",
       make_define},
      {"modify", "change a device definition", "",
       "mdevadm modify cad-seat-1 --auto\n"
       "mdevadm modify cad-seat-1 --attr nvidia/vgpu_params=frame_rate_limiter=0",
       make_modify},
      {"undefine", "remove device definitions", "[OPTION]... DEVICE...\n--all [OPTION]...",
       "mdevadm undefine cad-seat-1\n"
       "mdevadm undefine cad-seat-1 cad-seat-2 --dry-run",
       make_undefine},
      {"start", "start (create) devices",
       "[OPTION]... DEVICE...\n"
       "--all [--parent PARENT] [OPTION]...\n"
       "--auto [--parent PARENT] [--timeout SECONDS] [OPTION]...\n"
       "--parent PARENT --type TYPE [--uuid UUID] [OPTION]...\n"
       "{--need NEED|--series SERIES}... [--uuid UUID] [OPTION]...",
       "mdevadm start cad-seat-1\n"
       "mdevadm start --auto --timeout 30\n"
       "mdevadm start -p mtty -t mtty-1",
       make_start},
      {"stop", "stop (remove) devices that are not in use", "[OPTION]... DEVICE...\n--all [OPTION]...",
       "mdevadm stop cad-seat-1 --timeout 30s\n"
       "mdevadm stop --all --parent 0000:86:00.0",
       make_stop},
      {"restart", "stop devices and start them again", "",
       "mdevadm restart cad-seat-1\n"
       "mdevadm restart cad-seat-1 cad-seat-2 --timeout 1min",
       make_restart},
      {"apply", "apply the description of a host from a file", "[OPTION]...",
       "mdevadm apply -f host.toml --dry-run\n"
       "mdevadm apply -f host.toml --prune --timeout 1min\n"
       "mdevadm apply --check",
       make_apply},
      {"diff", "show what apply would change", "[OPTION]...",
       "mdevadm diff -f host.toml\n"
       "mdevadm export host | mdevadm diff -f - --json",
       make_diff},
      {"claim", "hand out a free device of a group", "[OPTION]... GROUP",
       "mdevadm claim vgpus --for vm1\n"
       "mdevadm claim vgpus --for vm1 --json | jq -r '.arguments[]'",
       make_claim},
      {"release", "return devices that were claimed",
       "[OPTION]... DEVICE...\n[OPTION]... GROUP... --for TEXT|--all\n--for TEXT|--all [OPTION]...",
       "mdevadm release cad-seat-1\n"
       "mdevadm release vgpus --for vm1",
       make_release},
      {"attach", "start devices and attach them to a running virtual machine",
       "--qmp SOCKET [OPTION]... DEVICE|GROUP...\n--domain DOMAIN [OPTION]... DEVICE|GROUP...",
       "mdevadm attach cad-seat-1 --qmp /run/vm1.qmp\n"
       "mdevadm attach vm1 --domain vm1",
       make_attach},
      {"detach", "detach devices from a running virtual machine and stop them",
       "--qmp SOCKET [OPTION]... DEVICE|GROUP...\n--domain DOMAIN [OPTION]... DEVICE|GROUP...",
       "mdevadm detach cad-seat-1 --qmp /run/vm1.qmp --timeout 1min\n"
       "mdevadm detach vm1 --domain vm1 --no-stop",
       make_detach},
      {"import mdevctl", "convert mdevctl definitions to mdevadm", "",
       "mdevadm import mdevctl --dry-run\n"
       "mdevadm import mdevctl --parent 0000:86:00.0 --remove",
       make_import_mdevctl},
      {"import nodedev", "define devices from libvirt's XML", "[OPTION]... FILE...",
       "virsh nodedev-dumpxml DEVICE | mdevadm import nodedev -\n"
       "mdevadm import nodedev seat.xml --name cad-seat-1 --auto",
       make_import_nodedev},
      {"import vgpu-device-manager", "convert a configuration of vgpu-device-manager to a file for apply",
       "[OPTION]... FILE",
       "mdevadm import vgpu-device-manager config.yaml --config T4-1Q |\n"
       "    mdevadm apply --prune -f -",
       make_import_vgpus},
      {"export mdevctl", "copy definitions to mdevctl (/etc/mdevctl.d)", "",
       "mdevadm export mdevctl cad-seat-1\n"
       "mdevadm export mdevctl --dry-run",
       make_export_mdevctl},
      {"export qemu", "print the arguments of QEMU for devices or a group", "[OPTION]... DEVICE|GROUP...",
       "mdevadm export qemu cad-seat-1\n"
       "mdevadm export qemu vm1 --format config >vm1.cfg",
       make_export_qemu},
      {"export libvirt", "print <hostdev> elements for a domain of libvirt", "[OPTION]... DEVICE|GROUP...",
       "mdevadm export libvirt cad-seat-1\n"
       "mdevadm export libvirt vm1 --display",
       make_export_libvirt},
      {"export nodedev", "print the XML of mediated devices for virsh nodedev-define", "DEVICE|GROUP...",
       "mdevadm export nodedev cad-seat-1 >seat.xml\n"
       "mdevadm export nodedev 8f3c",
       make_export_nodedev},
      {"export host", "print the file for apply that describes this host", "",
       "mdevadm export host >/etc/mdevadm/host.toml\n"
       "mdevadm export host --root /mnt",
       make_export_host},
      {"export dot", "print parents, devices, groups and users as a graph for Graphviz", "",
       "mdevadm export dot | dot -Tsvg >host.svg\n"
       "mdevadm export dot --root /mnt",
       make_export_dot},
      {"export metrics", "print metrics of the host in Prometheus' text format", "[--output FILE]",
       "mdevadm export metrics\n"
       "mdevadm export metrics --output /var/lib/prometheus/node-exporter/mdevadm.prom",
       make_export_metrics},
      {"parent set", "set what must hold of a parent before its devices are started", "",
       "mdevadm parent set 0000:41:00.0 --vfs all\n"
       "mdevadm parent set 0000:41:00.0 --run 'nvidia-smi vgpu -i 0000:41:00.0 -shm 1'",
       make_parent_set},
      {"parent show", "show the settings of parents, and their present state", "",
       "mdevadm parent show 0000:41:00.0\n"
       "mdevadm parent show 41:00.0 --json",
       make_parent_show},
      {"parent list", "list parents with settings", "",
       "mdevadm parent list\n"
       "mdevadm parent list -o parent,reserved",
       make_parent_list},
      {"parent prepare", "enable virtual functions and run commands as set for parents",
       "[OPTION]... PARENT...\n--all [--parent PARENT] [OPTION]...",
       "mdevadm parent prepare 0000:41:00.0\n"
       "mdevadm parent prepare --all --dry-run",
       make_parent_prepare},
      {"parent unset", "remove the settings of parents", "",
       "mdevadm parent unset 0000:41:00.0\n"
       "mdevadm parent unset 0000:41:00.0 --dry-run",
       make_parent_unset},
      {"group create", "define a group of devices that start and stop together", "",
       "mdevadm group create vm1 cad-seat-1 cad-seat-2\n"
       "mdevadm group create vm1 cad-seat-1 --auto --node-owner libvirt-qemu:kvm",
       make_group_create},
      {"group modify", "change the settings of a group", "",
       "mdevadm group modify vm1 --auto\n"
       "mdevadm group modify vm1 --node-owner qemu:kvm --node-mode 0660",
       make_group_modify},
      {"group delete", "delete a group; the definitions of its members remain", "",
       "mdevadm group delete vm1\n"
       "mdevadm group delete vm1 --dry-run",
       make_group_delete},
      {"group add", "add devices to a group", "",
       "mdevadm group add vm1 cad-seat-3\n"
       "mdevadm group add vm1 cad-seat-3 cad-seat-4",
       make_group_add},
      {"group remove", "remove devices from a group", "",
       "mdevadm group remove vm1 cad-seat-3\n"
       "mdevadm group remove vm1 8f3c",
       make_group_remove},
      {"group rename", "rename a group", "",
       "mdevadm group rename vm1 cad\n"
       "mdevadm group rename vm1 cad --dry-run",
       make_group_rename},
      {"group list", "list groups", "",
       "mdevadm group list\n"
       "mdevadm group list -o name,state",
       make_group_list},
      {"group show", "show the settings and the members of a group", "",
       "mdevadm group show vm1\n"
       "mdevadm group show vm1 --json",
       make_group_show},
      {"group start", "start all devices of a group, or none",
       "[OPTION]... GROUP\n--auto [--parent PARENT] [--timeout SECONDS] [OPTION]...",
       "mdevadm group start vm1\n"
       "mdevadm group start --auto --timeout 30",
       make_group_start},
      {"group stop", "stop all devices of a group, unless one is in use", "[OPTION]... GROUP",
       "mdevadm group stop vm1\n"
       "mdevadm group stop vm1 --timeout 30s",
       make_group_stop},
  };
  return table;
}

std::vector<Candidate> Command::columns_for(const std::string&, Context&) const {
  std::vector<Candidate> columns;
  for (const std::string& key : column_keys()) {
    columns.push_back({key, column_help(key)});
  }
  return columns;
}

const char* family_summary(const std::string& word) {
  return word == "group"    ? "manage groups of devices (mdevadm help group)"
         : word == "import" ? "import definitions and configurations (mdevadm help import)"
         : word == "export" ? "export devices and the host (mdevadm help export)"
         : word == "parent" ? "prepare parents for devices (mdevadm help parent)"
                            : nullptr;
}

}  // namespace mdevadm::cli
