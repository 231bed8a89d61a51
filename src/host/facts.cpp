// Facts about the host as a whole.
#include <fmt/format.h>

#include <mdevadm/host/host.hpp>
#include <mdevadm/model/host_facts.hpp>

#include "paths.hpp"

namespace mdevadm {

namespace {

constexpr const char* enabled_units = "etc/systemd/system";

struct Unit {
  const char* name;
  const char* wanted_by;  // by which it is enabled
};

// mdevadm-stop.service is not enabled by default.
constexpr Unit wanted_units[]{{"mdevadm.target", "multi-user.target"},
                              {"mdevadm-groups.service", "mdevadm.target"}};

bool is_installed(const sys::Dir& root, const char* unit) {
  for (const char* directory :
       {"usr/lib/systemd/system", "lib/systemd/system", "usr/local/lib/systemd/system", enabled_units}) {
    if (root.exists(fmt::format("{}/{}", directory, unit))) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> Host::devices_bound_to(const std::vector<std::string>& drivers) const {
  std::vector<std::string> found;
  for (const std::string& driver : drivers) {
    const sys::Result<sys::Dir> directory = checked(root_->open_dir("sys/bus/pci/drivers/" + driver));
    const auto entries = checked(sys::entries_of(directory));
    for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
      // Beside devices there are files such as new_id, and the link to the module.
      if (entry.name.find(':') != std::string::npos) {
        found.push_back(entry.name);
      }
    }
  }
  return found;
}

HostFacts Host::observe_facts() const {
  HostFacts facts;
  facts.has_vfio = root_->exists(vfio_directory);
  facts.has_systemd = root_->exists("run/systemd/system");
  for (const Unit& unit : wanted_units) {
    // The link dangles if the root is not "/".
    const auto link =
        checked(root_->read_link(fmt::format("{}/{}.wants/{}", enabled_units, unit.wanted_by, unit.name)));
    if (!link && is_installed(*root_, unit.name)) {
      facts.units_off.emplace_back(unit.name);
    }
  }
  return facts;
}

}  // namespace mdevadm
