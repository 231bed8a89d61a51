// The message of last resort: memory is lacking where no handler can report it.
#pragma once

namespace mdevadm::sys {

// From now on, an exception that nothing catches because memory is lacking (in a static initialiser, in a
// thread, or while another error is reported) ends the process with the message "out of memory" and exit code
// 1. All others end it with SIGABRT as before: they are bugs. Allocates nothing, so it can be called before
// main().
void end_plainly_without_memory();

}  // namespace mdevadm::sys
