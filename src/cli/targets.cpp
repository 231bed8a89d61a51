#include "targets.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

bool is_same(const Target& one, const Target& other) {
  return one.found && other.found && one.found->uuid == other.found->uuid &&
         one.found->definitions == other.found->definitions;
}

// Returns the command for a group that does what the verb does to a device.
std::string group_command(const std::string& verb, const std::string& group) {
  if (verb == "restart") {
    return fmt::format("stop and start the group: mdevadm group stop {0}, then mdevadm group start {0}",
                       group);
  }
  const std::string word = verb == "undefine" ? "delete" : verb == "list" ? "show" : verb;
  return fmt::format("{} the group: mdevadm group {} {}", word, word, group);
}

}  // namespace

Error naming_group(const Context& context, const Error& error, const std::string& word,
                   const std::string& verb) {
  if (error.code() != ExitCode::not_found) {
    return error;
  }
  try {
    if (context.store().load_groups().find(word) == nullptr) {
      return error;
    }
  } catch (const Error&) {
    return error;  // the groups cannot be read
  }
  return Error(ExitCode::not_found,
               fmt::format("cannot {} '{}': it is a group, not a device", verb, printable(word)),
               group_command(verb, shell_word(word)));
}

bool includes(const Found& found, const Device* device, const Definition* definition) {
  const auto& definitions = found.definitions;
  return (device != nullptr && (device == found.active || device == found.removing)) ||
         (definition != nullptr &&
          std::find(definitions.begin(), definitions.end(), definition) != definitions.end());
}

std::string Target::doing(const std::string& verb) const {
  return fmt::format("cannot {} '{}'", verb, printable(found ? found->word : about.argument));
}

std::vector<Target> TargetSearch::of(const std::vector<std::string>& words) const {
  std::vector<Target> targets;
  const auto take = [&](Target target) {
    const auto same = [&](const Target& other) { return is_same(other, target); };
    if (std::none_of(targets.begin(), targets.end(), same)) {
      targets.push_back(std::move(target));
    }
  };
  for (const std::string& word : words) {
    const std::string doing = fmt::format("cannot {} '{}'", verb, printable(word));
    try {
      for (const std::string& name : expand_pattern(word, defined, parent, doing)) {
        const Found found =
            resolve_device(name, seen, defined, parent, fmt::format("cannot {} '{}'", verb, printable(name)));
        take({identity_of(found), found, std::nullopt, name != word});
      }
    } catch (const Error& error) {
      targets.push_back({{.argument = word}, std::nullopt, naming_group(context, error, word, verb)});
    }
  }
  return targets;
}

std::vector<Target> TargetSearch::all_definitions() const {
  std::vector<Target> targets;
  for (const Definition& definition : defined.all) {
    if (parent && definition.parent != *parent) {
      continue;
    }
    const Identity about = identity_of(definition);
    Found found{about.word(), definition.uuid, nullptr, {&definition}};
    const Device* device = seen.find_device(definition.uuid);
    found.active = device != nullptr && device->parent == definition.parent ? device : nullptr;
    targets.push_back({about, std::move(found)});
  }
  return targets;
}

void wait_for_release(Context& context, std::vector<Target>& targets, const StopRequest& how) {
  const Snapshot used = context.observe_users(uuids_of(targets), {});
  Plan release;
  std::vector<Target*> waiting;
  for (Target& target : targets) {
    if (!target.found || target.refused) {
      continue;
    }
    const Device* device = used.find_device(target.found->uuid);
    device = device != nullptr ? device : used.find_removing(target.found->uuid);
    if (device != nullptr && device->busy) {
      StopRequest request = how;
      request.about = target.about;
      try {
        release.jobs.push_back(plan_release(used, *device, request));
        waiting.push_back(&target);
      } catch (const Error& error) {
        target.refused = error;
      }
    }
  }
  VerboseProgress progress(context);
  const auto results = carry_out(release, {context.host(), context.store()}, progress);
  for (std::size_t i = 0; i < results.size(); ++i) {
    waiting[i]->refused = results[i].error;
  }
}

std::map<Uuid, Error> refusals_of(const std::vector<Target>& targets) {
  std::map<Uuid, Error> reasons;
  for (const Target& target : targets) {
    if (target.found && target.refused) {
      reasons.emplace(target.found->uuid, *target.refused);
    }
  }
  return reasons;
}

void refuse(std::vector<Target>& targets, const std::map<Uuid, Error>& reasons) {
  for (Target& target : targets) {
    const auto reason = target.found ? reasons.find(target.found->uuid) : reasons.end();
    if (reason != reasons.end()) {
      target.refused = reason->second;
    }
  }
}

std::optional<std::chrono::steady_clock::time_point> deadline_after(std::chrono::milliseconds patience) {
  return patience.count() > 0 ? std::optional(std::chrono::steady_clock::now() + patience) : std::nullopt;
}

std::vector<Uuid> uuids_of(const std::vector<Target>& targets) {
  std::vector<Uuid> uuids;
  for (const Target& target : targets) {
    if (target.found) {
      uuids.push_back(target.found->uuid);
    }
  }
  return uuids;
}

}  // namespace mdevadm::cli
