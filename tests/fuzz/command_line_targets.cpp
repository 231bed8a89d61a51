// Targets: command lines of mdevadm and mdevctl. Words are lines of the input. Nothing is executed.
#include <array>
#include <cli/app.hpp>
#include <compat/command_line.hpp>
#include <mdevadm/args/arguments.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <string>
#include <vector>

#include "target.hpp"

namespace mdevadm::fuzz {

namespace {

std::vector<std::string> words_of(std::string_view input) {
  std::vector<std::string> words;
  for (const std::string_view line : split(input, '\n')) {
    words.emplace_back(line.substr(0, line.find('\0')));
  }
  return words;
}

void mdevadm_words(std::string_view input) {
  try {
    cli::CommandLine line;
    line.parse(words_of(input));
  } catch (const Error& error) {
    require(error.code() == ExitCode::usage, "an invalid command line is a usage error");
    require(std::string_view(error.what()).find('\n') == std::string_view::npos, "a message is one line");
  }
}

void mdevctl_words(std::string_view input) {
  for (const char* program : {"mdevctl", "lsmdev"}) {
    try {
      static_cast<void>(compat::parse_command_line(program, words_of(input)));
    } catch (const compat::Answer& answer) {
      require(!answer.text.empty(), "a command line that is not executed is answered");
    }
  }
}

}  // namespace

std::span<const Target> command_line_targets() {
  static const std::array targets{Target{"mdevadm-words", mdevadm_words},
                                  Target{"mdevctl-words", mdevctl_words}};
  return targets;
}

}  // namespace mdevadm::fuzz
