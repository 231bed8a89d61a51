// Deferred signal handling: SIGINT, SIGTERM and SIGHUP set a flag that is checked between steps, so that
// completed steps can be rolled back.
#pragma once

namespace mdevadm::sys {

// Installs the handlers: the first SIGINT, SIGTERM or SIGHUP only sets the flag, the second one ends the
// process by default action; signals that the caller ignores stay ignored. Ignores SIGPIPE, so writes fail
// with EPIPE. Resets SIGCHLD to its default, because waitpid(2) returns no exit status if the caller made us
// ignore it.
void catch_signals();

// Returns whether one of these signals has arrived.
bool interrupted();

}  // namespace mdevadm::sys
