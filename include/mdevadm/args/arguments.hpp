// Reads the arguments of a program. Commands and options are declared in CLI11, which also converts the
// values; reading and all messages are here: options may precede the command they belong to, and messages do
// not use CLI11's texts.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace mdevadm::args {

// What a program knows about its arguments beyond the declarations.
class Vocabulary {
 public:
  virtual ~Vocabulary() = default;
  // Returns the reason why `value` is not valid for the option; empty if it is valid.
  virtual std::string objection(const CLI::Option& option, const std::string& value) const;
  // Returns the command for which `word` is an alias; empty if it is none. `family`: full name of the command
  // that contains it, or empty.
  virtual std::string alias(const std::string& family, const std::string& word) const;
  // Returns the hint for a word that is not a command, or an option that the command does not have; empty:
  // the closest name is suggested.
  virtual std::string command_hint(const std::string& family, const std::string& word) const;
  virtual std::string option_hint(CLI::App& command, const std::string& option) const;
};

// The command that the arguments select, whose options have their values.
struct Selection {
  // The innermost command: the program itself, or a command that contains others, if the name is incomplete.
  CLI::App* command = nullptr;
  bool help = false;                  // help for `command` is requested
  std::vector<CLI::Option*> given{};  // options and arguments, in the order given
};

// Selects the command and assigns the values. A word "help" in place of a command, or --help, requests help.
// Throws Error{usage}: unknown command or option, missing or superfluous value, invalid value.
Selection read(CLI::App& program, const std::vector<std::string>& words, const Vocabulary& vocabulary);

// Throws Error{usage} if an argument is missing or if options exclude or require each other (as declared with
// required(), excludes() and needs()).
void require_complete(const Selection& selection);

// Returns the full name of a command, "group start" for the App `start` in the App `group`; empty for the
// program.
std::string full_name(const CLI::App& app);

// Returns the commands that a program or a command contains.
std::vector<CLI::App*> commands_in(CLI::App& app);

// Returns the option or argument of the command or of the program with this name ("-p", "--parent"), or
// nullptr.
CLI::Option* find_option(CLI::App& command, const std::string& name);

// Returns an option of the program or of any of its commands with this name, or nullptr.
CLI::Option* find_declared(CLI::App& program, const std::string& name);

// Returns whether each word that looks like an option is an option of the program or of any of its commands.
bool declares_options(CLI::App& program, const std::vector<std::string>& words);

// Returns the argument that the next word belongs to, after those that were given, or nullptr.
CLI::Option* next_argument(CLI::App& command, const std::vector<CLI::Option*>& given);

// Returns true if a value follows the option.
bool takes_value(const CLI::Option& option);

// Returns true if the option or argument can be given more than once.
bool is_repeatable(const CLI::Option& option);

// Returns the name in messages: "--parent", or the placeholder of an argument.
std::string name_of(const CLI::Option& option);

}  // namespace mdevadm::args
