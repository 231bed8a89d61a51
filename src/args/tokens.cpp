#include "tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::args {

namespace {

bool is_option_word(const std::string& word) {
  return word.size() > 1 && word.front() == '-';
}

bool takes_arguments(const CLI::App& command) {
  const std::vector<const CLI::Option*> options = command.get_options();
  return std::any_of(options.begin(), options.end(),
                     [](const CLI::Option* option) { return option->get_positional(); });
}

// An option may precede its command, so its declaration is searched in all commands: a name takes a value in
// all commands or in none (a test checks it).
class Splitter {
 public:
  Splitter(CLI::App& program, const std::vector<std::string>& words, const Vocabulary& vocabulary)
      : words_(words), vocabulary_(vocabulary), program_(program) {
    tokens_.command = &program;
  }

  Tokens split() {
    bool only_plain = false;
    for (next_ = 0; next_ < words_.size();) {
      const std::string& word = words_[next_++];
      if (only_plain || !is_option_word(word)) {
        take_plain(word);
      } else if (word == "--") {
        only_plain = true;
      } else if (word.starts_with("--")) {
        take_long(word);
      } else {
        take_short(word);
      }
    }
    return std::move(tokens_);
  }

 private:
  void take_plain(const std::string& word) {
    const bool contains_commands = !commands_in(*tokens_.command).empty();
    if (word == "help" && (contains_commands || !takes_arguments(*tokens_.command))) {
      tokens_.help = true;
    } else if (contains_commands) {
      select(word);
    } else {
      tokens_.all.push_back({word});
    }
  }

  void select(const std::string& word) {
    const std::string family = full_name(*tokens_.command);
    const std::string alias = vocabulary_.alias(family, word);
    std::vector<std::string> names;
    for (CLI::App* sub : commands_in(*tokens_.command)) {
      if (sub->get_name() == (alias.empty() ? word : alias)) {
        tokens_.command = sub;
        return;
      }
      names.push_back(sub->get_name());
    }
    std::string hint = vocabulary_.command_hint(family, word);
    hint = hint.empty() ? did_you_mean(word, names) : hint;
    throw Error(ExitCode::usage,
                fmt::format("unknown command '{}{}'", family.empty() ? "" : family + " ", printable(word)),
                hint.empty() ? see_help(*tokens_.command) : hint);
  }

  void take_long(const std::string& word) {
    const std::size_t equals = word.find('=');
    Token token{word, word.substr(0, equals)};
    const CLI::Option* option = declared(token.name);
    if (equals != std::string::npos) {
      token.value = word.substr(equals + 1);
      if (option != nullptr && !takes_value(*option)) {
        refuse(fmt::format("option '{}' does not allow an argument", token.name));
      }
    } else if (option != nullptr && takes_value(*option)) {
      token.value = next_value(token.name);
    }
    tokens_.all.push_back(std::move(token));
  }

  // Reads "-p", "-pVALUE", or several flags in one word.
  void take_short(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      Token token{word, fmt::format("-{}", word[i])};
      const CLI::Option* option = declared(token.name);
      const bool has_value = option != nullptr && takes_value(*option);
      if (has_value) {
        token.value = i + 1 < word.size() ? std::optional(word.substr(i + 1)) : next_value(token.name);
      }
      tokens_.all.push_back(std::move(token));
      if (option == nullptr || has_value) {
        return;
      }
    }
  }

  const CLI::Option* declared(const std::string& name) const {
    const CLI::Option* option = find_option(*tokens_.command, name);
    return option != nullptr ? option : find_declared(program_, name);
  }

  // Returns nullopt if there is no next value and the command does not have the option, which is the error
  // then.
  std::optional<std::string> next_value(const std::string& name) {
    const bool is_there = next_ < words_.size() && words_[next_] != "--" &&
                          (!is_option_word(words_[next_]) ||
                           declared(words_[next_].substr(0, words_[next_].find('='))) == nullptr);
    if (is_there) {
      return words_[next_++];
    }
    if (tokens_.command == &program_ || find_option(*tokens_.command, name) != nullptr) {
      refuse(fmt::format("option '{}' requires an argument", name));
    }
    return std::nullopt;
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ExitCode::usage, why, see_help(*tokens_.command));
  }

  const std::vector<std::string>& words_;
  const Vocabulary& vocabulary_;
  CLI::App& program_;
  std::size_t next_ = 0;
  Tokens tokens_;
};

}  // namespace

Tokens split_words(CLI::App& program, const std::vector<std::string>& words, const Vocabulary& vocabulary) {
  return Splitter(program, words, vocabulary).split();
}

CLI::App& program_of(CLI::App& command) {
  return command.get_parent() == nullptr ? command : program_of(*command.get_parent());
}

std::string see_help(CLI::App& command) {
  const std::string name = full_name(command);
  return fmt::format("see {} help{}", program_of(command).get_name(), name.empty() ? "" : " " + name);
}

CLI::Option* find_declared(CLI::App& program, const std::string& name) {
  if (CLI::Option* option = program.get_option_no_throw(name)) {
    return option;
  }
  for (CLI::App* sub : commands_in(program)) {
    if (CLI::Option* option = find_declared(*sub, name)) {
      return option;
    }
  }
  return nullptr;
}

bool declares_options(CLI::App& program, const std::vector<std::string>& words) {
  const auto declares_all_flags = [&](const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const CLI::Option* option = find_declared(program, fmt::format("-{}", word[i]));
      if (option == nullptr || takes_value(*option)) {
        return option != nullptr;
      }
    }
    return true;
  };
  return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
    if (!is_option_word(word) || word == "--") {
      return true;
    }
    return word.starts_with("--") ? find_declared(program, word.substr(0, word.find('='))) != nullptr
                                  : declares_all_flags(word);
  });
}

std::string full_name(const CLI::App& app) {
  const CLI::App* above = app.get_parent();
  if (above == nullptr) {
    return {};
  }
  const std::string prefix = full_name(*above);
  return prefix.empty() ? app.get_name() : prefix + " " + app.get_name();
}

std::vector<CLI::App*> commands_in(CLI::App& app) {
  return app.get_subcommands([](CLI::App*) { return true; });
}

CLI::Option* find_option(CLI::App& command, const std::string& name) {
  for (CLI::App* app : {&command, &program_of(command)}) {
    if (CLI::Option* option = app->get_option_no_throw(name)) {
      return option;
    }
  }
  return nullptr;
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

bool is_repeatable(const CLI::Option& option) {
  return option.get_expected_max() > 1 || option.get_multi_option_policy() == CLI::MultiOptionPolicy::Join;
}

std::string name_of(const CLI::Option& option) {
  if (!option.get_lnames().empty() && !option.get_positional()) {
    return "--" + option.get_lnames().front();
  }
  return !option.get_snames().empty() && !option.get_positional() ? "-" + option.get_snames().front()
                                                                  : option.get_type_name();
}

}  // namespace mdevadm::args
