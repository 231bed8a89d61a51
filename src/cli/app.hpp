// The whole command line as one CLI11 tree: global options and all commands.
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

  // Parses the arguments after the program's name. Throws Error{usage}.
  void parse(const std::vector<std::string>& words);

  // Returns the selected command, or nullptr.
  Command* chosen() const;
  const CommandEntry* entry(const std::string& name) const;

  CLI::App& app() { return app_; }
  // Returns the App that holds a command's options, by its full name: "start", "group start".
  CLI::App& app_of(const std::string& name);
  const Globals& globals() const { return globals_; }
  const ValueKinds& kinds() const { return kinds_; }
  Command* command(const std::string& name) const;
  bool wants_version() const { return version_; }
  // Returns the topic of the requested help: "" for none, "mdevadm" for the program, otherwise the name of a
  // command or the first word of several.
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

// Returns the full name of a command: "group start" for the App `start` in the App `group`.
std::string full_name(const CLI::App& app);

// Returns the first word of a command's name, which several commands may share.
std::string first_word(const std::string& name);

// Returns true if --json is among the arguments; used for errors that occur before or during parsing.
bool asks_for_json(const std::vector<std::string>& words);

}  // namespace mdevadm::cli
