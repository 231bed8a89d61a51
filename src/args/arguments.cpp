#include <mdevadm/args/arguments.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "tokens.hpp"

namespace mdevadm::args {

namespace {

std::vector<std::string> long_names(CLI::App& command) {
  std::vector<std::string> names;
  for (CLI::App* app : {&command, &program_of(command)}) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        names.push_back("--" + name);
      }
    }
  }
  return names;
}

[[noreturn]] void refuse_option(CLI::App& command, const Token& token, const Vocabulary& vocabulary) {
  const std::string owner = full_name(command);
  const std::vector<std::string> names = long_names(command);
  std::string hint = vocabulary.option_hint(command, token.name);
  // A long name with one hyphen was read as several short names.
  const bool is_short = !token.name.starts_with("--");
  const std::string long_name = is_short ? "-" + token.typed : token.name;
  const bool is_misspelled = is_short && std::find(names.begin(), names.end(), long_name) != names.end();
  if (hint.empty() && (!is_short || is_misspelled)) {
    hint = did_you_mean(long_name, names);
  }
  const std::string name = printable(is_misspelled ? token.typed : token.name);
  throw Error(ExitCode::usage,
              owner.empty() ? fmt::format("unknown option '{}'", name)
                            : fmt::format("'{}' has no option '{}'", owner, name),
              hint.empty() ? see_help(command) : hint);
}

void require_valid(const CLI::Option& option, const Token& token, const std::string& value, CLI::App& command,
                   const Vocabulary& vocabulary) {
  const std::string why = vocabulary.objection(option, value);
  if (!why.empty()) {
    // An empty argument does not show which one it is.
    const bool is_clear = token.name.empty() && !value.empty();
    throw Error(ExitCode::usage, is_clear ? why : fmt::format("{}: {}", name_of(option), why),
                see_help(command));
  }
}

// Adds the token's value to the results of its option.
void assign(Selection& selection, const Token& token, const Vocabulary& vocabulary) {
  CLI::App& command = *selection.command;
  CLI::Option* option =
      token.name.empty() ? next_argument(command, selection.given) : find_option(command, token.name);
  if (option == nullptr && token.name.empty()) {
    throw Error(ExitCode::usage, fmt::format("unexpected argument '{}'", printable(token.typed)),
                see_help(command));
  }
  if (option == nullptr) {
    refuse_option(command, token, vocabulary);
  }
  const bool is_given =
      std::find(selection.given.begin(), selection.given.end(), option) != selection.given.end();
  if (!is_given) {
    selection.given.push_back(option);
  }
  if (!takes_value(*option)) {
    option->clear();
    option->add_result("true");
    return;
  }
  if (is_given && !is_repeatable(*option)) {
    throw Error(ExitCode::usage, fmt::format("{} is given more than once", name_of(*option)),
                see_help(command));
  }
  const std::string value = token.name.empty() ? token.typed : token.value.value_or("");
  require_valid(*option, token, value, command, vocabulary);
  option->allow_extra_args(false);  // otherwise CLI11 splits a value in brackets
  option->add_result(value);
}

// Assigns the results to the variable that is bound to the option.
void convert(CLI::Option& option, CLI::App& command) {
  try {
    option.run_callback();
  } catch (const CLI::Error&) {
    throw Error(ExitCode::usage,
                fmt::format("{}: invalid value '{}'", name_of(option), printable(option.results().back())),
                see_help(command));
  }
}

}  // namespace

std::string Vocabulary::objection(const CLI::Option&, const std::string& value) const {
  return value.empty() ? "value must not be empty" : "";
}

std::string Vocabulary::alias(const std::string&, const std::string&) const {
  return {};
}

std::string Vocabulary::command_hint(const std::string&, const std::string&) const {
  return {};
}

std::string Vocabulary::option_hint(CLI::App&, const std::string&) const {
  return {};
}

CLI::Option* next_argument(CLI::App& command, const std::vector<CLI::Option*>& given) {
  for (CLI::Option* option : command.get_options({})) {
    const bool is_given = std::find(given.begin(), given.end(), option) != given.end();
    if (option->get_positional() && (!is_given || is_repeatable(*option))) {
      return option;
    }
  }
  return nullptr;
}

Selection read(CLI::App& program, const std::vector<std::string>& words, const Vocabulary& vocabulary) {
  const Tokens tokens = split_words(program, words, vocabulary);
  Selection selection{tokens.command, tokens.help};
  for (const Token& token : tokens.all) {
    // The options of a command that is missing cannot be assigned.
    if (!commands_in(*tokens.command).empty() && !token.name.empty() &&
        find_option(*tokens.command, token.name) == nullptr &&
        find_declared(program, token.name) != nullptr) {
      continue;
    }
    assign(selection, token, vocabulary);
  }
  for (CLI::Option* option : selection.given) {
    convert(*option, *tokens.command);
  }
  const CLI::Option* help = program.get_option_no_throw("--help");
  selection.help = selection.help || (help != nullptr && help->count() > 0);
  return selection;
}

void require_complete(const Selection& selection) {
  const auto is_given = [&](const CLI::Option* option) {
    return std::find(selection.given.begin(), selection.given.end(), option) != selection.given.end();
  };
  const std::string hint = see_help(*selection.command);
  for (auto later = selection.given.begin(); later != selection.given.end(); ++later) {
    for (auto earlier = selection.given.begin(); earlier != later; ++earlier) {
      if ((*later)->get_excludes().count(*earlier) > 0) {
        throw Error(ExitCode::usage,
                    fmt::format("cannot combine {} with {}", name_of(**earlier), name_of(**later)), hint);
      }
    }
    for (const CLI::Option* needed : (*later)->get_needs()) {
      if (!is_given(needed)) {
        throw Error(ExitCode::usage, fmt::format("{} requires {}", name_of(**later), name_of(*needed)), hint);
      }
    }
  }
  for (const CLI::Option* option : selection.command->get_options()) {
    if (option->get_required() && !is_given(option)) {
      throw Error(
          ExitCode::usage,
          fmt::format("missing {} {}", option->get_positional() ? "argument" : "option", name_of(*option)),
          hint);
    }
  }
}

}  // namespace mdevadm::args
