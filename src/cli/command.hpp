// One verb of the program.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "context.hpp"
#include "value_kinds.hpp"

namespace mdevadm::cli {

// A command declares its options once; parsing, help, completion and the check of the man pages all read that
// declaration.
class Command {
 public:
  virtual ~Command() = default;

  // Binds members to options of `app`; called once, before parsing.
  virtual void declare(CLI::App& app, ValueKinds& kinds) = 0;
  // After parsing. Throws Error.
  virtual ExitCode run(Context& context) = 0;
  // Whether messages are to be JSON.
  virtual bool json() const { return false; }
  // The columns that -o takes.
  virtual std::vector<std::string> column_keys() const { return {}; }
};

struct CommandEntry {
  const char* name;
  const char* summary;
  const char* example;
  std::unique_ptr<Command> (*make)();
};

// All commands, in the order in which help lists them.
const std::vector<CommandEntry>& command_table();

}  // namespace mdevadm::cli
