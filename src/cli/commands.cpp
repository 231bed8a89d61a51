#include "commands/commands.hpp"
#include "command.hpp"

namespace mdevadm::cli {

const std::vector<CommandEntry>& command_table() {
  static const std::vector<CommandEntry> table{
      {"types", "show what can be created, and how many are left", "mdevadm types 0000:86:00.0", make_types},
      {"list", "list devices", "mdevadm list --all -o uuid,type,state,node", make_list},
      {"show", "show all that is known of devices", "mdevadm show cad-seat-1", make_show},
      {"define", "keep a device so that it survives a reboot",
       "mdevadm define --parent 0000:86:00.0 --type nvidia-17 --name cad-seat-1 --auto", make_define},
      {"modify", "change what is kept of a device", "mdevadm modify cad-seat-1 --manual --type nvidia-18",
       make_modify},
      {"undefine", "drop what is kept of devices", "mdevadm undefine cad-seat-1", make_undefine},
      {"start", "bring devices up", "mdevadm start cad-seat-1", make_start},
      {"stop", "take devices down, unless they are in use", "mdevadm stop cad-seat-1 --timeout 30",
       make_stop},
      {"import mdevctl", "make mdevctl's definitions ours", "mdevadm import mdevctl --remove",
       make_import_mdevctl},
      {"export mdevctl", "give definitions to mdevctl as well", "mdevadm export mdevctl cad-seat-1",
       make_export_mdevctl},
      {"group create", "keep a group: devices of one user that are started and stopped as one",
       "mdevadm group create vm1 cad-seat-1 cad-seat-2", make_group_create},
      {"group modify", "change what is kept of a group", "mdevadm group modify vm1 --node-owner qemu:kvm",
       make_group_modify},
      {"group delete", "drop a group; its devices stay defined", "mdevadm group delete vm1",
       make_group_delete},
      {"group add", "take devices into a group", "mdevadm group add vm1 cad-seat-3", make_group_add},
      {"group remove", "take devices out of a group", "mdevadm group remove vm1 cad-seat-3",
       make_group_remove},
      {"group rename", "give a group another name", "mdevadm group rename vm1 cad", make_group_rename},
      {"group list", "list groups", "mdevadm group list", make_group_list},
      {"group show", "list the devices of a group", "mdevadm group show vm1", make_group_show},
      {"group start", "bring all devices of a group up, or none", "mdevadm group start vm1",
       make_group_start},
      {"group stop", "take all devices of a group down, unless one is in use",
       "mdevadm group stop vm1 --timeout 30", make_group_stop},
  };
  return table;
}

}  // namespace mdevadm::cli
