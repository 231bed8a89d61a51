#include "complete.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include <mdevadm/util/text.hpp>

#include "other_words.hpp"

namespace mdevadm::cli {

namespace {

using Candidates = std::vector<Candidate>;

// The meaning of the arguments before the completed one.
struct Situation {
  CLI::App* command = nullptr;
  const CLI::Option* awaits_value = nullptr;  // the last argument is an option that takes a value
  std::vector<CLI::Option*> given{};          // options and arguments so far
  std::string parent;
  std::string device;  // the first argument
  std::string root = "/";
  bool only_arguments = false;  // after "--"
};

class Reader {
 public:
  explicit Reader(CommandLine& line) : line_(line), words_(line.kinds()) { at_.command = &line.app(); }

  Situation read(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
      take(word);
    }
    return at_;
  }

 private:
  void take(const std::string& word) {
    if (at_.awaits_value != nullptr) {
      give(awaiting_, word);
      at_.awaits_value = nullptr;
    } else if (word == "--") {
      at_.only_arguments = true;
    } else if (word.starts_with('-') && word.size() > 1 && !at_.only_arguments) {
      take_option(word);
    } else {
      take_plain(word);
    }
  }

  void take_option(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    CLI::Option* option = args::find_option(*at_.command, name);
    if (option == nullptr) {
      option = args::find_declared(line_.app(), name);
    }
    if (option != nullptr) {
      at_.given.push_back(option);
    }
    if (equals != std::string::npos) {
      give(name, word.substr(equals + 1));
    } else if (option != nullptr && args::takes_value(*option)) {
      at_.awaits_value = option;
      awaiting_ = name;
    }
  }

  void take_plain(const std::string& word) {
    if (args::commands_in(*at_.command).empty()) {
      if (CLI::Option* argument = args::next_argument(*at_.command, at_.given)) {
        at_.given.push_back(argument);
        at_.device = at_.device.empty() ? word : at_.device;
      }
      return;
    }
    const std::string alias = words_.alias(args::full_name(*at_.command), word);
    for (CLI::App* sub : args::commands_in(*at_.command)) {
      if (sub->get_name() == (alias.empty() ? word : alias)) {
        at_.command = sub;
        return;
      }
    }
  }

  void give(const std::string& option, const std::string& value) {
    if (option == "-p" || option == "--parent") {
      at_.parent = value;
    } else if (option == "--root") {
      at_.root = value;
    }
  }

  CommandLine& line_;
  OtherWords words_;
  Situation at_;
  std::string awaiting_;
};

Candidates option_names(const CLI::App* command, const CLI::App& top) {
  Candidates names;
  for (const CLI::App* app : {command, &top}) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        names.push_back({"--" + name, option->get_description()});
      }
    }
  }
  return names;
}

Candidates commands(CLI::App& app) {
  Candidates names;
  for (const CLI::App* sub : args::commands_in(app)) {
    const char* family = app.get_parent() == nullptr ? family_summary(sub->get_name()) : nullptr;
    names.push_back({sub->get_name(), family != nullptr ? family : sub->get_description()});
  }
  if (app.get_parent() == nullptr) {
    names.push_back({"help", "print help for a command"});
  }
  return names;
}

// Completes the last item of a comma-separated list; columns that precede it are not offered again.
Candidates columns(const Candidates& all, const std::string& word) {
  const std::size_t start = word.find_last_of(",+") + 1;  // 0 if there is none
  const std::string before = word.substr(0, start);
  const std::vector<std::string_view> used = split(before, ',');
  Candidates found;
  for (const Candidate& column : all) {
    const auto is_it = [&](std::string_view one) {
      return (one.starts_with('+') ? one.substr(1) : one) == column.value;
    };
    if (std::none_of(used.begin(), used.end(), is_it)) {
      found.push_back({before + column.value, column.description});
    }
  }
  return found;
}

Candidates values_for(CommandLine& line, const Situation& at, const CLI::Option* option,
                      const std::string& word, const Env& env) {
  const ValueKind* kind = option != nullptr ? line.kinds().find(option) : nullptr;
  if (kind == nullptr) {
    return {};
  }
  if (*kind == ValueKind::file || *kind == ValueKind::socket || *kind == ValueKind::directory) {
    return {{*kind == ValueKind::directory ? ":directories" : ":files"}};
  }
  Env silent = env;
  silent.err = -1;  // warnings would garble the shell prompt
  Messages messages(silent);
  Globals globals{at.root, false, true};
  Context context(silent, globals, messages);
  if (*kind == ValueKind::columns) {
    const Command* command = line.command(args::full_name(*at.command));
    return command != nullptr ? columns(command->columns_for(at.device, context), word) : Candidates{};
  }
  const std::string parent = at.parent.empty() ? std::string{} : context.parent_name(at.parent);
  return live_values(*kind, {word, parent, at.device}, context);
}

// Values are matched by live_values(); PCI addresses have several forms.
Candidates candidates(CommandLine& line, const std::vector<std::string>& before, const std::string& word,
                      const Env& env) {
  const Situation at = Reader(line).read(before);
  Candidates found;
  if (at.awaits_value == nullptr && word.starts_with('-') && !at.only_arguments) {
    found = option_names(at.command, line.app());
  } else if (at.awaits_value == nullptr && !args::commands_in(*at.command).empty()) {
    found = commands(*at.command);
  } else {
    const CLI::Option* option =
        at.awaits_value != nullptr ? at.awaits_value : args::next_argument(*at.command, at.given);
    const bool are_columns = option != nullptr && line.kinds().find(option) != nullptr &&
                             *line.kinds().find(option) == ValueKind::columns;
    found = values_for(line, at, option, word, env);
    if (!are_columns) {
      return found;
    }
  }
  std::erase_if(found, [&](const Candidate& one) { return !one.value.starts_with(word); });
  return found;
}

}  // namespace

std::string complete(CommandLine& line, const std::vector<std::string>& words, const Env& env) {
  const std::string word = words.empty() ? std::string{} : words.back();
  const std::vector<std::string> before(words.begin(), words.empty() ? words.end() : words.end() - 1);
  std::string text;
  try {
    std::set<std::string> seen;
    for (const Candidate& one : candidates(line, before, word, env)) {
      if (seen.insert(one.value).second) {
        text += one.value + (one.description.empty() ? "" : "\t" + printable(one.description)) + "\n";
      }
    }
  } catch (const std::exception&) {
    return text;  // an error message would garble the shell prompt
  }
  return text;
}

}  // namespace mdevadm::cli
