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
  };
  return table;
}

}  // namespace mdevadm::cli
