// Facts about the host as a whole, for checks.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace mdevadm {

struct HostFacts {
  bool has_vfio = false;                 // /dev/vfio exists: a module of VFIO is loaded
  bool has_systemd = false;              // systemd is running
  std::vector<std::string> units_off{};  // units of mdevadm that are installed but not enabled
  // Names of users and groups in settings of nodes that the system does not know.
  std::set<std::string> unknown_users{}, unknown_groups{};
};

}  // namespace mdevadm
