// mdevctl's command line, read as its parser does: from left to right, and the first word that is wrong, or
// that asks for help, counts; what is missing or does not go together comes after that. CLI11 reads in
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

// The release that we stand in for.
inline constexpr const char* mdevctl_version = "1.4.0";

enum class Verb { define, undefine, modify, start, stop, list, types, start_parent_mdevs };

// What a command line is answered with when no command is to be run.
struct Answer {
  std::string text;
  int code = 0;
};

// What was said behind a command.
class Options {
 public:
  bool has(const std::string& name) const { return values_.contains(name); }
  std::optional<std::string> text(const std::string& name) const;
  std::optional<Uuid> uuid() const;
  std::optional<std::uint32_t> index() const;

  void set(const std::string& name, std::string value) { values_.emplace(name, std::move(value)); }

 private:
  std::map<std::string, std::string> values_;  // by long name; a flag's is empty
};

struct CommandLine {
  Verb verb;
  Options options;
};

// `program`: the name that it was called by. Throws Answer.
CommandLine parse_command_line(const std::string& program, const std::vector<std::string>& words);

}  // namespace mdevadm::compat
