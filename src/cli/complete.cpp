#include "complete.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

const CLI::Option* find_option(const CLI::App* sub, const CLI::App& top, const std::string& name) {
  for (const CLI::App* app : {sub, &top}) {
    if (app != nullptr) {
      if (const CLI::Option* option = app->get_option_no_throw(name)) {
        return option;
      }
    }
  }
  return nullptr;
}

const CLI::App* find_command(const CLI::App& top, const std::string& name) {
  const auto found = top.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

std::vector<std::string> names_within(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  return names;
}

bool has_commands(const CLI::App& app) {
  return !names_within(app).empty();
}

// The meaning of the arguments before the completed one.
struct Situation {
  const CLI::App* command = nullptr;
  const CLI::Option* awaits_value = nullptr;  // the last argument is an option that takes a value
  std::size_t positionals = 0;                // number of positional arguments of the command so far
  std::string parent;
  std::string root = "/";
  bool only_positionals = false;  // after "--"
};

Situation read_situation(CommandLine& line, const std::vector<std::string>& words) {
  Situation at;
  std::string awaiting;
  const auto give = [&](const std::string& option, const std::string& value) {
    if (option == "-p" || option == "--parent") {
      at.parent = value;
    } else if (option == "--root") {
      at.root = value;
    }
  };
  for (const std::string& word : words) {
    if (at.awaits_value != nullptr) {
      give(awaiting, word);
      at.awaits_value = nullptr;
    } else if (word == "--") {
      at.only_positionals = true;
    } else if (word.starts_with('-') && word.size() > 1 && !at.only_positionals) {
      const std::size_t equals = word.find('=');
      const std::string name = word.substr(0, equals);
      const CLI::Option* option = find_option(at.command, line.app(), name);
      if (equals != std::string::npos) {
        give(name, word.substr(equals + 1));
      } else if (option != nullptr && args::takes_value(*option)) {
        at.awaits_value = option;
        awaiting = name;
      }
    } else if (at.command == nullptr || has_commands(*at.command)) {
      at.command = find_command(at.command == nullptr ? line.app() : *at.command, word);
    } else {
      ++at.positionals;
    }
  }
  return at;
}

const CLI::Option* positional_at(const CLI::App* command, std::size_t index) {
  std::size_t seen = 0;
  for (const CLI::Option* option : command->get_options()) {
    if (option->get_positional() && (seen++ == index || option->get_expected_max() > 1)) {
      return option;
    }
  }
  return nullptr;
}

std::vector<std::string> option_names(const CLI::App* command, const CLI::App& top) {
  std::vector<std::string> names;
  for (const CLI::App* app : {command, &top}) {
    if (app != nullptr) {
      for (const CLI::Option* option : app->get_options()) {
        for (const std::string& name : option->get_lnames()) {
          names.push_back("--" + name);
        }
      }
    }
  }
  return names;
}

std::vector<std::string> verbs() {
  std::vector<std::string> names{"help", "version"};
  for (const CommandEntry& entry : command_table()) {
    names.push_back(first_word(entry.name));
  }
  return names;
}

std::vector<std::string> values_for(CommandLine& line, const Situation& at, const CLI::Option* option,
                                    const std::string& word, const Env& env) {
  const ValueKind* kind = option != nullptr ? line.kinds().find(option) : nullptr;
  if (kind == nullptr) {
    return {};
  }
  if (*kind == ValueKind::file || *kind == ValueKind::folder) {
    return {*kind == ValueKind::file ? ":files" : ":folders"};
  }
  Env silent = env;
  silent.err = -1;  // warnings would garble the shell prompt
  Messages messages(silent);
  Globals globals{at.root, false, true};
  Context context(silent, globals, messages);
  const Command* command = at.command != nullptr ? line.command(args::full_name(*at.command)) : nullptr;
  return live_values(
      *kind,
      {word, at.parent, command != nullptr ? command->column_keys() : std::vector<std::string>{}, verbs()},
      context);
}

std::vector<std::string> candidates(CommandLine& line, const std::vector<std::string>& before,
                                    const std::string& word, const Env& env) {
  const Situation at = read_situation(line, before);
  if (at.awaits_value != nullptr) {
    return values_for(line, at, at.awaits_value, word, env);
  }
  if (word.starts_with('-') && !at.only_positionals) {
    return option_names(at.command, line.app());
  }
  if (at.command == nullptr) {
    return verbs();
  }
  if (has_commands(*at.command)) {
    return names_within(*at.command);
  }
  return values_for(line, at, positional_at(at.command, at.positionals), word, env);
}

}  // namespace

std::string complete(CommandLine& line, const std::vector<std::string>& words, const Env& env) {
  const std::string word = words.empty() ? std::string{} : words.back();
  const std::vector<std::string> before(words.begin(), words.empty() ? words.end() : words.end() - 1);
  std::string text;
  try {
    std::vector<std::string> found = candidates(line, before, word, env);
    std::set<std::string> seen;
    for (const std::string& candidate : found) {
      const bool shell_does_it = candidate.starts_with(':');
      if ((shell_does_it || candidate.starts_with(word)) && seen.insert(candidate).second) {
        text += candidate + "\n";
      }
    }
  } catch (const std::exception&) {
    return text;  // an error message would garble the shell prompt
  }
  return text;
}

}  // namespace mdevadm::cli
