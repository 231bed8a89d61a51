#include <mdevadm/plan/attributes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// Symbolic links in the directory of a device. A write through them would change the driver, the group or
// another device.
constexpr std::array links{"driver", "firmware_node", "iommu", "iommu_group", "physfn", "subsystem"};

// What the kernel itself has in the directory of a type.
constexpr std::array of_types{
    "available_instances", "description", "device_api", "devices", "name", "remove"};

template <typename List>
bool has(const List& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string advice_to_delete(const Definition& definition, const AttributeName& name) {
  return fmt::format("remove the attribute: mdevadm modify {} --delete-attr {}",
                     shell_word(identity_of(definition).word()), shell_word(name.str()));
}

}  // namespace

std::string why_never_set(const AttributeName& name) {
  const std::string& path = name.str();
  const std::size_t slash = path.find('/');
  const std::string first = path.substr(0, slash);
  const std::string rest = slash == std::string::npos ? "" : path.substr(slash + 1);
  if (path == "remove") {
    return "a write to this file removes the device";
  }
  if (has(links, first)) {
    return fmt::format("'{}' is a link to a directory outside of the device's", first);
  }
  if (first != "mdev_type") {
    return {};
  }
  return rest == "create" ? "a write to this file creates another device"
         : rest.empty() || rest.find('/') != std::string::npos || has(of_types, rest)
             ? "only files that the driver adds to the directory of the type can be set, such as "
               "mdev_type/vfg_id"
             : "";
}

void require_settable(const std::vector<Attribute>& wanted, const std::vector<Attribute>& before,
                      const std::string& doing, const Definition* stored) {
  for (const Attribute& attribute : wanted) {
    const std::string why = why_never_set(attribute.name);
    if (!why.empty() && std::find(before.begin(), before.end(), attribute) == before.end()) {
      const Error error(ExitCode::usage, fmt::format("{}: attribute '{}' cannot be set: {}", doing,
                                                     printable(attribute.name.str()), why));
      throw stored != nullptr ? error.with_hint(advice_to_delete(*stored, attribute.name)) : error;
    }
  }
}

std::vector<Finding> unusable_attributes(const Definition& definition) {
  std::vector<Finding> findings;
  for (const Attribute& attribute : definition.attributes) {
    if (const std::string why = why_never_set(attribute.name); !why.empty()) {
      findings.push_back({fmt::format("attribute '{}' cannot be set, so the device cannot be started: {}",
                                      printable(attribute.name.str()), why),
                          {advice_to_delete(definition, attribute.name)},
                          "attribute-unusable"});
    }
  }
  return findings;
}

}  // namespace mdevadm
