// Client of systemd's journal that uses its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL, documented
// for this purpose). Linking libsystemd for one datagram would double the start-up time of the program.
#pragma once

#include <mdevadm/sys/result.hpp>
#include <string>
#include <utility>
#include <vector>

namespace mdevadm::sys {

// Names consist of upper-case letters, digits and underscores; values may contain any bytes.
using JournalFields = std::vector<std::pair<std::string, std::string>>;

// Returns whether output to the descriptor goes to the journal. `journal_stream` is the value of
// $JOURNAL_STREAM: device and inode number of the output that systemd gave this process.
bool leads_to_journal(int descriptor, const char* journal_stream);

// Returns the datagram of one entry.
std::string journal_datagram(const JournalFields& fields);

// Sends one entry as one datagram.
Result<Done> send_to_journal(const JournalFields& fields);

}  // namespace mdevadm::sys
