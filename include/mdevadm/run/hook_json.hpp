// What is said to call-out scripts and heard from them, in JSON.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mdevadm {

// What mdevctl 1.4.0 says of itself when it asks a script what that supports.
std::string provided_capabilities();

// What a script says that it supports.
struct SupportedHooks {
  std::set<std::string> actions;
  std::set<std::string> events;
  std::size_t unknown_actions = 0;  // words that nobody knows
  std::size_t unknown_events = 0;
};

// Nothing if that is no answer: then it is a script as there were before mdevctl 1.3.0.
std::optional<SupportedHooks> parse_capabilities(std::string_view text);

// The attributes up to the first that is none, and what is wrong with that one. What mdevctl says is in
// what(); what it names as the cause, in hint().
struct ReportedAttributes {
  std::vector<Attribute> attributes{};
  std::optional<Error> error{};
};

ReportedAttributes parse_reported_attributes(std::string_view text);

// Broken UTF-8 replaced by U+FFFD.
std::string in_characters(std::string_view text);

}  // namespace mdevadm
