// systemd's journal, spoken to directly (systemd.io/JOURNAL_NATIVE_PROTOCOL, which is meant for that):
// linking libsystemd for one datagram would double the time that the program takes to start.
#pragma once

#include <mdevadm/sys/result.hpp>
#include <string>
#include <utility>
#include <vector>

namespace mdevadm::sys {

// Names are upper case, digits and underscores; values any bytes.
using JournalFields = std::vector<std::pair<std::string, std::string>>;

// Whether what is written to the descriptor goes to the journal. `journal_stream` is $JOURNAL_STREAM, which
// names the device and inode that this process's output had when it was started.
bool leads_to_journal(int descriptor, const char* journal_stream);

// The datagram of one entry.
std::string journal_datagram(const JournalFields& fields);

// One entry, as one datagram.
Result<Done> send_to_journal(const JournalFields& fields);

}  // namespace mdevadm::sys
