#include <fmt/format.h>

#include <functional>
#include <mdevadm/run/interrupted.hpp>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

void remove_definition(Session& session, const KeptConfig& kept, const std::optional<Config>& before) {
  const sys::FileLock lock = session.store().lock();
  require_unchanged(session, kept, before);
  Job job{fmt::format("undefine '{}'", kept.uuid.str()),
          Identity{.uuid = kept.uuid, .parent = kept.parent.str(), .type = kept.config.type},
          kept.parent.str()};
  job.steps.push_back({RemoveConfig{kept}, std::nullopt});
  const JobResult result = session.carry_out(std::move(job));
  if (result.error) {
    throw failure_of(fmt::format("Failed to remove file {}", shown(session.store().path_of(kept))),
                     *result.error);
  }
}

template <typename Kept>
void warn_of(const Kept& kept, const std::string& why) {
  warn("mdevctl", fmt::format("Undefine of {} on parent {} failed with error: {}", kept.uuid.str(),
                              kept.parent.str(), why));
}

// Prints an error as a warning, so that the remaining definitions are processed.
template <typename Kept>
bool goes_well(const Kept& kept, const std::function<void()>& command) {
  try {
    command();
    return true;
  } catch (const Failure& failure) {
    throw_if_interrupted();
    warn_of(kept, failure.text);
    for (const std::string& cause : failure.causes) {
      warn_of(kept, cause);
    }
  } catch (const std::exception& error) {
    throw_if_interrupted();
    warn_of(kept, error.what());
  }
  return false;
}

bool undefine(Session& session, const KeptConfig& kept, bool forced) {
  return goes_well(kept, [&] {
    with_scripts(session, event_of(HookAction::undefine, kept, forced),
                 [&] { remove_definition(session, kept, kept.config); });
  });
}

// Removes an unreadable definition only with --force: without its contents the scripts cannot be called.
bool undefine(Session& session, const BrokenConfig& broken, bool forced) {
  return goes_well(broken, [&] {
    if (!forced) {
      throw Failure{fmt::format("{}; --force removes the file", broken.problem.str())};
    }
    remove_definition(session, {broken.uuid, broken.parent, {}, broken.file}, std::nullopt);
  });
}

}  // namespace

void run_undefine(Session& session, const Options& options) {
  const std::optional<std::string> given = options.text("parent");
  const std::optional<ParentName> parent = given ? ParentName::parse(*given) : std::nullopt;
  const KeptConfigs configs =
      given && !parent ? KeptConfigs{} : session.configs({.parent = parent, .uuid = options.uuid()});
  if (configs.all.empty() && configs.broken.empty()) {
    require_readable(configs);
    throw Failure{"No devices match the specified uuid"};
  }
  const bool forced = options.has("force");
  bool all_well = true;
  for (const KeptConfig& kept : configs.all) {
    all_well = undefine(session, kept, forced) && all_well;
  }
  for (const BrokenConfig& broken : configs.broken) {
    all_well = undefine(session, broken, forced) && all_well;
  }
  if (!all_well) {
    throw Failure{"Undefine failed"};
  }
}

}  // namespace mdevadm::compat
