#include <mdevadm/model/probe.hpp>

#include <algorithm>

namespace mdevadm {

std::string state_text(const Parent& parent) {
  std::string text = parent.driver.value_or("") + " " + parent.driver_version.value_or("");
  const auto usable = std::count_if(parent.functions.begin(), parent.functions.end(),
                                    [](const Function& function) { return function.usable; });
  text += " " + std::to_string(usable);
  for (const Type* type : parent.all_types()) {
    text += " " + type->id.str() + "=" + (type->available ? std::to_string(*type->available) : "");
  }
  return text;
}

void add(TypeCounts& counts, const TypeCount& more) {
  const auto place = std::lower_bound(counts.begin(), counts.end(), more,
                                      [](const TypeCount& a, const TypeCount& b) { return a.type < b.type; });
  if (place != counts.end() && place->type == more.type) {
    place->count += more.count;
  } else {
    counts.insert(place, more);
  }
}

std::optional<std::uint64_t> ProbeResult::left_of(const TypeName& type) const {
  const auto found =
      std::find_if(left.begin(), left.end(), [&](const TypeCount& one) { return one.type == type; });
  return found != left.end() ? std::optional(found->count) : std::nullopt;
}

const ProbeResult* ProbeResults::find(const TypeCounts& created) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const ProbeResult& one) { return one.created == created; });
  return found != all.end() ? &*found : nullptr;
}

void ProbeResults::add(ProbeResult result) {
  std::erase_if(all, [&](const ProbeResult& one) { return one.created == result.created; });
  all.push_back(std::move(result));
}

}  // namespace mdevadm
