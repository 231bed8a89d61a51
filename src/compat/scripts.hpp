// Call-outs and notifiers around what a command does.
#pragma once

#include <functional>
#include <mdevadm/model/config.hpp>
#include <mdevadm/run/hooks.hpp>

#include "session.hpp"

namespace mdevadm::compat {

ScriptEvent event_of(HookAction action, const KeptConfig& about, bool forced = false);

// The command runs unless a call-out says no and is not overruled. `locks` are let go of before notifiers,
// which may run commands of their own, are told. Throws what the command throws, and Failure for a call-out
// that says no.
void with_scripts(Session& session, const ScriptEvent& event, const std::function<void()>& command,
                  std::vector<sys::FileLock> locks = {});

// What a script knows of a live device; the first that is none ends it.
ReportedAttributes ask_attributes(Session& session, const KeptConfig& about);
std::vector<ConfigAttribute> attributes_in(const ReportedAttributes& reported);

}  // namespace mdevadm::compat
