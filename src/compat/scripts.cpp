#include "scripts.hpp"

#include <mdevadm/run/interrupted.hpp>
#include <mdevadm/store/config_text.hpp>

namespace mdevadm::compat {

ScriptEvent event_of(HookAction action, const StoredConfig& about, bool forced) {
  return {.action = action,
          .uuid = about.uuid.str(),
          .parent = about.parent.str(),
          .type = about.config.type,
          .config = store::format_config(about.config, store::JsonForm::compact),
          .forced = forced};
}

void with_scripts(Session& session, const ScriptEvent& event, const std::function<void()>& command,
                  std::vector<sys::FileLock> locks) {
  throw_if_interrupted();  // after an interruption, no scripts run for the remaining devices
  Hooks& hooks = session.hooks();
  try {
    hooks.pre(event);
  } catch (const std::exception& error) {
    throw Failure{error.what()};
  }
  const auto tell = [&](HookState state) {
    hooks.post(event, state);
    locks.clear();
    hooks.notify(event, state);
  };
  try {
    command();
  } catch (...) {
    tell(HookState::failure);
    throw;
  }
  tell(HookState::success);
}

ReportedAttributes ask_attributes(Session& session, const StoredConfig& about) {
  if (!session.hooks().any()) {  // saves formatting an event for each listed device
    return {};
  }
  return session.hooks().get_attributes(event_of(HookAction::define, about));
}

std::vector<ConfigAttribute> attributes_in(const ReportedAttributes& reported) {
  std::vector<ConfigAttribute> attributes;
  for (const Attribute& attribute : reported.attributes) {
    attributes.push_back({attribute.name.str(), attribute.value});
  }
  return attributes;
}

}  // namespace mdevadm::compat
