#include <mdevadm/plan/start_set.hpp>

#include <fmt/format.h>

#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/shared_capacity.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

std::string times(std::size_t count, const std::string& type) {
  return count == 1 ? type : fmt::format("{} x {}", count, type);
}

}  // namespace

void StartSet::add(const Definition& definition, const std::string& doing, std::string_view others) {
  const std::string& parent_name = definition.parent.str();
  const Parent* parent = seen_.find_parent(parent_name);
  if (parent == nullptr || seen_.find_device(definition.uuid) != nullptr) {
    return;
  }
  plan::Capacity& room = rooms_.try_emplace(parent_name, capacity_of(*parent, seen_.devices)).first->second;
  std::vector<std::string>& before = taken_[parent_name];
  const Type* offered = resolve_type(*parent, definition.type.str());
  const std::string& type = offered != nullptr ? offered->id.str() : definition.type.str();
  const std::uint64_t units = definition.aggregate.value_or(1);
  if (room.knows(type) && !room.fits(type, units)) {
    std::map<std::string, std::size_t> counts;
    for (const std::string& one : before) {
      ++counts[one];
    }
    std::vector<std::string> parts;
    parts.reserve(counts.size());
    for (const auto& [one, count] : counts) {
      parts.push_back(times(count, one));
    }
    const std::string beside =
        parts.empty() ? std::string{} : fmt::format(" together with {}: {}", others, join(parts, " and "));
    if (parts.empty() && offered != nullptr) {
      throw capacity_error(seen_, *parent, *offered, units, doing);
    }
    throw Error(ExitCode::no_capacity,
                fmt::format("{}: no available instances of {} on {}{}", doing, type, parent_name, beside),
                hints_without_capacity(seen_, definition.parent));
  }
  if (room.knows(type)) {
    room.take(type, units);
  }
  before.push_back(type);
}

}  // namespace mdevadm
