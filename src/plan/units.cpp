#include <mdevadm/plan/units.hpp>

#include <algorithm>

namespace mdevadm {

namespace {

template <typename All>
bool any_automatic(const All& all) {
  return std::any_of(all.begin(), all.end(),
                     [](const auto& one) { return one.start == StartMode::automatic; });
}

}  // namespace

std::vector<ObjectFinding> disabled_units(const CheckInput& input) {
  std::vector<ObjectFinding> found;
  const bool any_group = any_automatic(input.groups.all);
  const bool any_definition = any_automatic(input.defined.all);
  for (const std::string& unit : input.host.units_off) {
    const bool is_needed = unit == "mdevadm-groups.service" ? any_group : any_definition || any_group;
    if (input.host.has_systemd && is_needed) {
      found.push_back({{"the unit is not enabled, so devices with autostart are not started at boot",
                        {"enable it: systemctl enable " + unit},
                        "unit-disabled",
                        Severity::warning},
                       unit,
                       {}});
    }
  }
  return found;
}

}  // namespace mdevadm
