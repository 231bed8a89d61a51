// A file of an active device that its driver lets write: an attribute that a definition could set.
#pragma once

#include <mdevadm/model/names.hpp>
#include <optional>
#include <string>

namespace mdevadm {

struct SettableFile {
  AttributeName name;
  std::optional<std::string> value{};  // without surrounding blanks; nullopt: it cannot be read
  bool operator==(const SettableFile&) const = default;
};

// Returns whether reading the attribute returns what was last written, and nothing if nothing was written.
// Of other attributes the driver may report values that were never set, and that it does not accept.
bool reports_what_was_set(const AttributeName& name);

}  // namespace mdevadm
