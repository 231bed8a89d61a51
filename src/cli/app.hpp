// The whole command line: global options and all commands.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <mdevadm/args/arguments.hpp>
#include <memory>
#include <string>
#include <vector>

#include "command.hpp"

namespace mdevadm::cli {

class CommandLine {
 public:
  CommandLine();

  // Declares the options of all commands; parse() declares only those of the commands that the words can
  // select. command() and app_of() need them.
  void declare_all();
  // Parses the arguments after the program's name. Throws Error{usage}.
  void parse(const std::vector<std::string>& words);

  // Returns the selected command, or nullptr.
  Command* chosen() const;
  // Returns the full name of the selected command. May be the first word of several commands ("group"), or
  // empty.
  std::string chosen_name() const;
  const CommandEntry* entry(const std::string& name) const;

  CLI::App& app() { return app_; }
  // Returns the App that holds a command's options, by its full name: "start", "group start".
  CLI::App& app_of(const std::string& name);
  const Globals& globals() const { return globals_; }
  const ValueKinds& kinds() const { return kinds_; }
  Command* command(const std::string& name) const;
  bool wants_version() const;
  bool wants_schema() const { return schema_; }
  bool wants_help() const { return selection_.help; }
  // Returns whether the word "help" asks for it, not an option.
  bool has_help_word() const { return selection_.help && !help_; }

 private:
  void declare_globals();
  void declare(const CommandEntry& entry);
  void declare_for(const std::vector<std::string>& words);

  CLI::App app_;
  Globals globals_;
  ValueKinds kinds_;
  std::map<std::string, std::unique_ptr<Command>> commands_;
  bool version_ = false;
  bool schema_ = false;
  bool json_version_ = false;
  CLI::App* version_command_ = nullptr;
  bool help_ = false;
  args::Selection selection_;
};

// Returns the first word of a command's name, which several commands may share.
std::string first_word(const std::string& name);

// Returns true if --json is among the arguments; used for errors that occur before or during parsing.
bool asks_for_json(const std::vector<std::string>& words);

}  // namespace mdevadm::cli
