#include "wanted_parents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/util/text.hpp>

#include "unusable_file.hpp"

namespace mdevadm {

void require_usable_settings(const ApplyInput& input, ApplyPlan& plan) {
  for (const ParentEntry& entry : input.file.parents) {
    const std::string& name = entry.settings.parent.str();
    if (const FileProblem* broken = find_unusable(input.settings.broken, "parents", name)) {
      plan.problems.push_back(
          problem_of(*broken, entry.where, fmt::format("parent '{}': its settings", printable(name))));
    }
  }
}

void plan_settings(const ApplyInput& input, ApplyPlan& plan) {
  for (const ParentEntry& entry : input.file.parents) {
    const ParentSettings* current = input.settings.find(entry.settings.parent);
    const std::optional<ParentSettings> before = current != nullptr ? std::optional(*current) : std::nullopt;
    if (before == entry.settings) {
      continue;
    }
    // `check` finds definitions that have reserved what the settings withhold now.
    Job job = plan_parent_set(before, entry.settings, {}, entry.settings.parent.str());
    plan.changes.push_back({before ? HostChange::Kind::change : HostChange::Kind::add,
                            HostChange::Object::parent, job.about, differences(before, entry.settings)});
    plan.parent_jobs.push_back(std::move(job));
  }
}

ApplyOptions with_unread_parents(const ApplyInput& input, const ApplyOptions& options) {
  ApplyOptions result = options;
  if (!input.file.unread.parents) {
    return result;
  }
  // Only what a parent with virtual functions offers depends on its preparation.
  for (const Parent& parent : input.seen.parents) {
    if (parent.capabilities.functions) {
      result.unprepared.push_back(parent.name);
    }
  }
  for (const GpuFunction& gpu : input.seen.gpus) {
    if (const auto name = ParentName::parse(gpu.address); name && !input.seen.find_parent(gpu.address)) {
      result.unprepared.push_back(*name);
    }
  }
  return result;
}

Definitions with_reservations(const ApplyInput& input) {
  Definitions defined = input.defined;
  for (const ParentEntry& entry : input.file.parents) {
    if (!entry.complete) {
      continue;
    }
    std::erase_if(defined.withheld, [&](const auto& one) { return one.first == entry.settings.parent; });
    std::erase_if(defined.unknown_settings,
                  [&](const auto& one) { return one.first == entry.settings.parent; });
    std::erase(defined.mixed, entry.settings.parent);
    defined.mixed.insert(defined.mixed.end(), mixes_sizes(entry.settings) ? 1 : 0, entry.settings.parent);
    for (const FunctionName& reserved : entry.settings.reserved) {
      defined.withheld.emplace_back(entry.settings.parent, reserved);
    }
  }
  return defined;
}

}  // namespace mdevadm
