// Ctrl-C and SIGTERM as a wish to stop that is looked at between two steps, so that what was begun can be
// undone.
#pragma once

namespace mdevadm::sys {

// From now on SIGINT, SIGTERM and SIGHUP only set the flag; a second one ends the process as usual. SIGPIPE
// becomes EPIPE. How a child ended can be learned, though our caller ignores that of its own (SIGCHLD).
void catch_signals();

bool interrupted();

}  // namespace mdevadm::sys
