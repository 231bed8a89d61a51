// Parser and formatter for descriptions of hosts, mdevadm.host(5). Pure functions.
#pragma once

#include <mdevadm/model/host_file.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

// One file of a description.
struct HostText {
  std::string path;  // for messages
  std::string text;
  std::string failure{};  // why it could not be read
};

// Parses a description of one or several files. An unknown key is a problem: the description would not be
// what was meant.
HostFile parse_host(const std::vector<HostText>& texts);

// What a description of a present host consists of.
struct HostDescription {
  std::vector<ParentSettings> parents{};
  struct Entry {
    Definition definition;
    bool active;
  };
  std::vector<Entry> devices{};
  std::vector<Group> groups{};
};

// Returns the text of a file that describes the host; it parses without problems.
std::string format_host(const HostDescription& host);
// Returns the text of a description; parse_host() returns the same description.
std::string format_host(const HostFile& file);

}  // namespace mdevadm::store
