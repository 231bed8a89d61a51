// Parser of mdevctl's command line. Like mdevctl's own parser it reads from left to right and stops at the
// first invalid argument or help option, before it checks required and conflicting options. CLI11 checks in
// another order.
#pragma once

#include <cstdint>
#include <map>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::compat {

// The emulated release of mdevctl.
inline constexpr const char* mdevctl_version = "1.4.0";

enum class Verb { define, undefine, modify, start, stop, list, types, start_parent_mdevs };

// Thrown if no command is to be executed: the text to print and the exit code.
struct Answer {
  std::string text;
  int code = 0;
};

// The options of a command.
class Options {
 public:
  bool has(const std::string& name) const { return values_.contains(name); }
  std::optional<std::string> text(const std::string& name) const;
  std::optional<Uuid> uuid() const;
  std::optional<std::uint32_t> index() const;

  void set(const std::string& name, std::string value) { values_.emplace(name, std::move(value)); }

 private:
  std::map<std::string, std::string> values_;  // by long name; flags have an empty value
};

struct CommandLine {
  Verb verb;
  Options options;
};

// `program` is the name by which the program was called. Throws Answer.
CommandLine parse_command_line(const std::string& program, const std::vector<std::string>& words);

}  // namespace mdevadm::compat
