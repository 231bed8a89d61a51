#include "repeated_names.hpp"

#include <fmt/format.h>

#include <mdevadm/util/text.hpp>

namespace mdevadm {

bool RepeatedNames::add(const std::string& name, const FilePosition& where) {
  const auto [first, is_new] = first_.try_emplace(name, where);
  if (!is_new && reported_ != where) {
    const FilePosition& other = first->second;
    plan_.problems.push_back({{where.path, where.line, where.column,
                               fmt::format("{} '{}' is described twice, first at {}:{}:{}", kind_,
                                           printable(name), other.path, other.line, other.column)},
                              ExitCode::conflict});
    reported_ = where;
  }
  return is_new;
}

void require_single_parents_and_groups(const HostFile& file, ApplyPlan& plan) {
  RepeatedNames parents("parent", plan);
  for (const ParentEntry& entry : file.parents) {
    parents.add(entry.settings.parent.str(), entry.where);
  }
  RepeatedNames groups("group", plan);
  for (const GroupEntry& entry : file.groups) {
    groups.add(entry.group.name.str(), entry.where);
  }
}

}  // namespace mdevadm
