// Runs call-out and notification scripts for the commands.
#pragma once

#include <functional>
#include <mdevadm/model/config.hpp>
#include <mdevadm/run/hooks.hpp>

#include "session.hpp"

namespace mdevadm::compat {

ScriptEvent event_of(HookAction action, const StoredConfig& about, bool forced = false);

// Runs pre scripts, the command, and post and notification scripts. The command is skipped if a pre script
// fails and the event is not forced. Releases `locks` before notification scripts run, because these may run
// mdevctl themselves. Throws the exceptions of the command, and Failure if a pre script fails.
void with_scripts(Session& session, const ScriptEvent& event, const std::function<void()>& command,
                  std::vector<sys::FileLock> locks = {});

// Returns the attributes that a script reports for an active device, up to the first invalid one.
ReportedAttributes ask_attributes(Session& session, const StoredConfig& about);
std::vector<ConfigAttribute> attributes_in(const ReportedAttributes& reported);

}  // namespace mdevadm::compat
