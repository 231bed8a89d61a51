#include <fmt/format.h>

#include <functional>
#include <mdevadm/run/interrupted.hpp>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

void remove_definition(Session& session, const StoredConfig& stored, const std::optional<Config>& before) {
  const sys::FileLock lock = session.store().lock();
  require_unchanged(session, stored, before);
  Job job{fmt::format("undefine '{}'", stored.uuid.str()),
          Identity{.uuid = stored.uuid, .parent = stored.parent.str(), .type = stored.config.type},
          stored.parent.str()};
  job.steps.push_back({RemoveConfig{stored}, std::nullopt});
  const JobResult result = session.carry_out(std::move(job));
  if (result.error) {
    throw failure_of(fmt::format("Failed to remove file {}", shown(session.store().path_of(stored))),
                     *result.error);
  }
}

template <typename Stored>
void warn_of(const Stored& stored, const std::string& why) {
  warn("mdevctl", fmt::format("Undefine of {} on parent {} failed with error: {}", stored.uuid.str(),
                              stored.parent.str(), why));
}

// Prints an error as a warning, so that the remaining definitions are processed.
template <typename Stored>
bool goes_well(const Stored& stored, const std::function<void()>& command) {
  try {
    command();
    return true;
  } catch (const Failure& failure) {
    throw_if_interrupted();
    warn_of(stored, failure.text);
    for (const std::string& cause : failure.causes) {
      warn_of(stored, cause);
    }
  } catch (const std::exception& error) {
    throw_if_interrupted();
    warn_of(stored, error.what());
  }
  return false;
}

bool undefine(Session& session, const StoredConfig& stored, bool forced) {
  return goes_well(stored, [&] {
    with_scripts(session, event_of(HookAction::undefine, stored, forced),
                 [&] { remove_definition(session, stored, stored.config); });
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
  for (const StoredConfig& stored : configs.all) {
    all_well = undefine(session, stored, forced) && all_well;
  }
  for (const BrokenConfig& broken : configs.broken) {
    all_well = undefine(session, broken, forced) && all_well;
  }
  if (!all_well) {
    throw Failure{"Undefine failed"};
  }
}

}  // namespace mdevadm::compat
