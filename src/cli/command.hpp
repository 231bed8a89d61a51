// Interface and table of the commands.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "context.hpp"
#include "value_kinds.hpp"

namespace mdevadm::cli {

// A command declares its options once: parsing, help, completion and the man page check use that declaration.
class Command {
 public:
  virtual ~Command() = default;

  // Declares the options in `app` and binds them to members; called once, before parsing.
  virtual void declare(CLI::App& app, ValueKinds& kinds) = 0;
  // Executes the command after parsing. Throws Error.
  virtual ExitCode run(Context& context) = 0;
  // Returns true if messages are printed as JSON.
  virtual bool json() const { return false; }
  // Returns the column keys that -o accepts.
  virtual std::vector<std::string> column_keys() const { return {}; }
  // Returns the description of a column.
  virtual std::string column_help(const std::string&) const { return {}; }
  // Returns the columns that completion offers if `argument` is the first argument.
  virtual std::vector<Candidate> columns_for(const std::string& argument, Context& context) const;
};

struct CommandEntry {
  const char* name;
  const char* summary;
  // Arguments after the name, one alternative per line; empty: as declared.
  const char* usage;
  // Two or three command lines, one per line.
  const char* examples;
  std::unique_ptr<Command> (*make)();
};

// Returns all commands, in the order in which help lists them.
const std::vector<CommandEntry>& command_table();

// Returns the description of the commands that share a first word of several commands, such as "group".
const char* family_summary(const std::string& word);

}  // namespace mdevadm::cli
