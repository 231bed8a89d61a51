#include <fmt/format.h>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

void remove(const Session& session, const KeptConfig& kept) {
  const sys::FileLock lock = session.store().lock();
  Job job{fmt::format("undefine '{}'", kept.uuid.str()), kept.uuid.str(), kept.parent.str(),
          kept.config.type};
  job.steps.push_back({RemoveConfig{kept}, std::nullopt});
  const JobResult result = session.carry_out(std::move(job));
  if (result.error) {
    throw failure_of(fmt::format("Failed to remove file {}", shown(session.store().path_of(kept))),
                     *result.error);
  }
}

void warn_of(const KeptConfig& kept, const std::string& why) {
  warn("mdevctl", fmt::format("Undefine of {} on parent {} failed with error: {}", kept.uuid.str(),
                              kept.parent.str(), why));
}

}  // namespace

void run_undefine(Session& session, const Options& options) {
  const std::optional<std::string> given = options.text("parent");
  const std::optional<ParentName> parent = given ? ParentName::parse(*given) : std::nullopt;
  const KeptConfigs configs =
      given && !parent ? KeptConfigs{} : session.configs({.parent = parent, .uuid = options.uuid()});
  require_readable(configs);
  if (configs.all.empty()) {
    throw Failure{"No devices match the specified uuid"};
  }
  bool all_well = true;
  for (const KeptConfig& kept : configs.all) {
    try {
      with_scripts(session, event_of(HookAction::undefine, kept, options.has("force")),
                   [&] { remove(session, kept); });
    } catch (const Failure& failure) {
      all_well = false;
      warn_of(kept, failure.text);
      for (const std::string& cause : failure.causes) {
        warn_of(kept, cause);
      }
    }
  }
  if (!all_well) {
    throw Failure{"Undefine failed"};
  }
}

}  // namespace mdevadm::compat
