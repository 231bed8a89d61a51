// JSON exchanged with call-out scripts.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mdevadm {

// Returns the capabilities that mdevctl 1.4.0 sends when it queries those of a script.
std::string provided_capabilities();

// The capabilities of a script.
struct SupportedHooks {
  std::set<std::string> actions;
  std::set<std::string> events;
  std::size_t unknown_actions = 0;  // number of unknown names
  std::size_t unknown_events = 0;
};

// Returns nullopt if the text is not a capabilities object: the script is written for mdevctl before 1.3.0.
std::optional<SupportedHooks> parse_capabilities(std::string_view text);

// The attributes up to the first invalid one, and the problem with that one: what() has mdevctl's message,
// hints() the cause that mdevctl appends.
struct ReportedAttributes {
  std::vector<Attribute> attributes{};
  std::optional<Error> error{};
};

ReportedAttributes parse_reported_attributes(std::string_view text);

// Replaces invalid UTF-8 by U+FFFD.
std::string in_characters(std::string_view text);

}  // namespace mdevadm
