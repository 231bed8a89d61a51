// The whole command line: global options and all commands, as one CLI11 tree.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "command.hpp"

namespace mdevadm::cli {

class CommandLine {
 public:
  CommandLine();

  // Reads the words behind the program's name. Throws Error{usage}.
  void parse(const std::vector<std::string>& words);

  // The command that was asked for, or nullptr.
  Command* chosen() const;
  const CommandEntry* entry(const std::string& name) const;

  CLI::App& app() { return app_; }
  // Where a command's options are declared: "start", "group start".
  CLI::App& app_of(const std::string& name);
  const Globals& globals() const { return globals_; }
  const ValueKinds& kinds() const { return kinds_; }
  Command* command(const std::string& name) const;
  bool wants_version() const { return version_; }
  // What help is wanted of: "" for none, "mdevadm" for the program, else a command's name, or the first word
  // of several.
  std::string help_topic() const;

 private:
  void declare_globals();
  [[noreturn]] void refuse(const CLI::ParseError& error) const;
  std::string chosen_name() const;

  CLI::App app_;
  Globals globals_;
  ValueKinds kinds_;
  std::map<std::string, std::unique_ptr<Command>> commands_;
  bool version_ = false;
  bool help_ = false;
  std::vector<std::string> help_words_;
  CLI::App* help_command_ = nullptr;
};

// "group start" of the App that is start within group.
std::string full_name(const CLI::App& app);

// The first word of a command's name; several commands may share it.
std::string first_word(const std::string& name);

// Whether JSON is asked for, as far as can be seen before, or without, parsing: for the form of an error
// about parsing.
bool asks_for_json(const std::vector<std::string>& words);

}  // namespace mdevadm::cli
