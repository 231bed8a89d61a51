#include "commands/commands.hpp"
#include "command.hpp"

namespace mdevadm::cli {

const std::vector<CommandEntry>& command_table() {
  static const std::vector<CommandEntry> table{
      {"types", "list mdev types and available instances", "[OPTION]... [PARENT]",
       "mdevadm types 0000:86:00.0\n"
       "mdevadm types --need 'framebuffer>=4G'",
       make_types},
      {"list", "list devices", "",
       "mdevadm list --all\n"
       "mdevadm list 'cad*' -o +node\n"
       "mdevadm list --boot",
       make_list},
      {"status", "show parents, devices, groups and problems", "",
       "mdevadm status\n"
       "mdevadm status --json",
       make_status},
      {"show", "show details of devices or parents",
       "[OPTION]... DEVICE...\n[OPTION]... PARENT...\n--all [OPTION]...",
       "mdevadm show cad-seat-1\n"
       "mdevadm show 0000:86:00.0\n"
       "mdevadm show 8f3c --json",
       make_show},
      {"define", "create a persistent device definition",
       "--parent PARENT --type TYPE [OPTION]... [UUID]\n"
       "--need NEED... [--parent PARENT] [OPTION]... [UUID]\n"
       "[OPTION]... DEVICE\n"
       "--file FILE [--parent PARENT] [OPTION]... [UUID]",
       "mdevadm define -p 0000:86:00.0 -t nvidia-17 --name cad-seat-1 --auto\n"
       "mdevadm define --need 'framebuffer>=2G' --name cad-seat --count 2\n"
       "mdevadm define 8f3c --name found",
       make_define},
      {"modify", "change a device definition", "",
       "mdevadm modify cad-seat-1 --auto\n"
       "mdevadm modify cad-seat-1 --type nvidia-18 --attr frame_rate_limiter=0",
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
       "--need NEED... [--parent PARENT] [--uuid UUID] [OPTION]...",
       "mdevadm start cad-seat-1\n"
       "mdevadm start --auto --timeout 30\n"
       "mdevadm start -p mtty -t mtty-1",
       make_start},
      {"stop", "stop (remove) devices that are not in use", "[OPTION]... DEVICE...\n--all [OPTION]...",
       "mdevadm stop cad-seat-1 --timeout 30s\n"
       "mdevadm stop --all --parent 0000:86:00.0",
       make_stop},
      {"restart", "stop devices, then start them from their definitions", "",
       "mdevadm restart cad-seat-1\n"
       "mdevadm restart cad-seat-1 cad-seat-2 --timeout 1min",
       make_restart},
      {"import mdevctl", "convert mdevctl definitions to mdevadm", "",
       "mdevadm import mdevctl --dry-run\n"
       "mdevadm import mdevctl --parent 0000:86:00.0 --remove",
       make_import_mdevctl},
      {"export mdevctl", "copy definitions to mdevctl (/etc/mdevctl.d)", "",
       "mdevadm export mdevctl cad-seat-1\n"
       "mdevadm export mdevctl --dry-run",
       make_export_mdevctl},
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
      {"group show", "list the devices of a group", "",
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

const char* family_summary(const std::string& word) {
  return word == "group"    ? "manage groups of devices (mdevadm help group)"
         : word == "parent" ? "prepare parents for devices (mdevadm help parent)"
                            : nullptr;
}

}  // namespace mdevadm::cli
