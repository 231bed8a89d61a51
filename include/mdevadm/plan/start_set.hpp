// Check whether devices that are started together fit beside each other. Pure.
#pragma once

#include <map>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/capacity.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

class StartSet {
 public:
  // `seen` must outlive the object; needs Facet::available and Facet::description, and the devices of the
  // parents.
  explicit StartSet(const Snapshot& seen) : seen_(seen) {}

  // Counts the start of a device, unless it is active. Throws Error{no_capacity} if it does not fit beside
  // the active ones and those counted before, which `others` names: "other members of the group". `doing`:
  // "cannot start 's1'".
  void add(const Definition& definition, const std::string& doing, std::string_view others);

 private:
  const Snapshot& seen_;
  std::map<std::string, plan::Capacity> rooms_{};            // by parent
  std::map<std::string, std::vector<std::string>> taken_{};  // types of the counted devices, by parent
};

}  // namespace mdevadm
