#include "commands/commands.hpp"
#include "command.hpp"

namespace mdevadm::cli {

const std::vector<CommandEntry>& command_table() {
  static const std::vector<CommandEntry> table{
      {"types", "list mdev types and available instances", "mdevadm types 0000:86:00.0", make_types},
      {"list", "list devices", "mdevadm list --all -o uuid,type,state,node", make_list},
      {"show", "show details of devices or parents", "mdevadm show cad-seat-1", make_show},
      {"define", "create a persistent device definition",
       "mdevadm define --parent 0000:86:00.0 --type nvidia-17 --name cad-seat-1 --auto", make_define},
      {"modify", "change a device definition", "mdevadm modify cad-seat-1 --manual --type nvidia-18",
       make_modify},
      {"undefine", "remove device definitions", "mdevadm undefine cad-seat-1", make_undefine},
      {"start", "start (create) devices", "mdevadm start cad-seat-1", make_start},
      {"stop", "stop (remove) devices that are not in use", "mdevadm stop cad-seat-1 --timeout 30",
       make_stop},
      {"import mdevctl", "convert mdevctl definitions to mdevadm", "mdevadm import mdevctl --remove",
       make_import_mdevctl},
      {"export mdevctl", "copy definitions to mdevctl (/etc/mdevctl.d)", "mdevadm export mdevctl cad-seat-1",
       make_export_mdevctl},
      {"group create", "define a group of devices that start and stop together",
       "mdevadm group create vm1 cad-seat-1 cad-seat-2", make_group_create},
      {"group modify", "change the settings of a group", "mdevadm group modify vm1 --node-owner qemu:kvm",
       make_group_modify},
      {"group delete", "delete a group; the definitions of its members remain", "mdevadm group delete vm1",
       make_group_delete},
      {"group add", "add devices to a group", "mdevadm group add vm1 cad-seat-3", make_group_add},
      {"group remove", "remove devices from a group", "mdevadm group remove vm1 cad-seat-3",
       make_group_remove},
      {"group rename", "rename a group", "mdevadm group rename vm1 cad", make_group_rename},
      {"group list", "list groups", "mdevadm group list", make_group_list},
      {"group show", "list the devices of a group", "mdevadm group show vm1", make_group_show},
      {"group start", "start all devices of a group, or none", "mdevadm group start vm1", make_group_start},
      {"group stop", "stop all devices of a group, unless one is in use",
       "mdevadm group stop vm1 --timeout 30", make_group_stop},
  };
  return table;
}

}  // namespace mdevadm::cli
