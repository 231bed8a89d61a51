// Call-outs and notifiers around what a command does.
#pragma once

#include <functional>
#include <mdevadm/model/config.hpp>
#include <string>
#include <vector>

#include "session.hpp"

namespace mdevadm::compat {

enum class Doing { define, undefine, modify, start, stop };

// The command runs unless a call-out says no and `forced` does not overrule it. Throws what the command
// throws, and Failure for a call-out that says no.
void with_scripts(const Session& session, Doing doing, const KeptConfig& about, bool forced,
                  const std::function<void()>& command);

}  // namespace mdevadm::compat
