#include <mdevadm/model/definition.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace mdevadm {

bool assigns_queue(const Attribute& attribute) {
  const std::string& name = attribute.name.str();
  return name == "assign_adapter" || name == "assign_domain" || name == "assign_control_domain";
}

std::string FileProblem::str() const {
  return line == 0 ? fmt::format("{}: {}", path, message)
                   : fmt::format("{}:{}:{}: {}", path, line, column, message);
}

std::vector<const Definition*> Definitions::find(const Uuid& uuid) const {
  std::vector<const Definition*> found;
  for (const Definition& definition : all) {
    if (definition.uuid == uuid) {
      found.push_back(&definition);
    }
  }
  return found;
}

const Definition* Definitions::find(const Uuid& uuid, const ParentName& parent) const {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Definition& d) { return d.uuid == uuid && d.parent == parent; });
  return found == all.end() ? nullptr : &*found;
}

const Definition* Definitions::find_label(const Label& name) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Definition& d) { return d.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const FunctionName* Definition::reserved_vf() const {
  return function && function->str() != any_function ? &*function : nullptr;
}

}  // namespace mdevadm
