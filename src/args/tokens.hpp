// Splits arguments into options and plain words, and selects the command.
#pragma once

#include <mdevadm/args/arguments.hpp>
#include <optional>

namespace mdevadm::args {

struct Token {
  std::string typed;                   // as typed, for messages
  std::string name{};                  // of an option: "-p", "--parent"; empty: a plain word
  std::optional<std::string> value{};  // of an option
};

struct Tokens {
  CLI::App* command = nullptr;
  bool help = false;  // a word "help" was given in place of a command or of arguments
  std::vector<Token> all{};
};

// Throws Error{usage}: unknown command, option without its value.
Tokens split_words(CLI::App& program, const std::vector<std::string>& words, const Vocabulary& vocabulary);

CLI::App& program_of(CLI::App& command);

// Returns the hint for errors in the arguments of a command.
std::string see_help(CLI::App& command);

}  // namespace mdevadm::args
