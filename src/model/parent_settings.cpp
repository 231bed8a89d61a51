#include <mdevadm/model/parent_settings.hpp>

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/util/text.hpp>
#include <utility>

namespace mdevadm {

std::optional<FunctionGoal> FunctionGoal::parse(std::string_view text) {
  if (text == "all") {
    return FunctionGoal{};
  }
  const std::optional<std::uint64_t> number = parse_decimal(text);
  return number.value_or(0) > 0 ? std::optional(FunctionGoal{number}) : std::nullopt;
}

std::string FunctionGoal::str() const {
  return number ? std::to_string(*number) : "all";
}

std::optional<FunctionMethod> parse_function_method(std::string_view text) {
  for (const FunctionMethod method : {FunctionMethod::sriov_manage, FunctionMethod::sysfs}) {
    if (text == method_word(method)) {
      return method;
    }
  }
  return std::nullopt;
}

std::string method_word(FunctionMethod method) {
  return method == FunctionMethod::sysfs ? "sysfs" : "sriov-manage";
}

std::chrono::seconds ParentCommand::deadline() const {
  return seconds ? std::chrono::seconds(*seconds) : default_command_deadline;
}

const ParentSettings* AllParentSettings::find(const ParentName& parent) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const ParentSettings& one) { return one.parent == parent; });
  return found == all.end() ? nullptr : &*found;
}

std::optional<ParentName> parent_of_settings(std::string_view path) {
  constexpr std::string_view suffix = ".toml";
  std::string_view name = path.substr(path.rfind('/') + 1);
  if (!name.ends_with(suffix)) {
    return std::nullopt;
  }
  name.remove_suffix(suffix.size());
  return ParentName::parse(kernel_spelling(name));
}

const FileProblem* AllParentSettings::find_broken(const ParentName& parent) const {
  const auto found = std::find_if(broken.begin(), broken.end(), [&](const FileProblem& problem) {
    return parent_of_settings(problem.path) == parent;
  });
  return found == broken.end() ? nullptr : &*found;
}

bool AllParentSettings::reserves(const ParentName& parent, std::string_view function) const {
  const ParentSettings* settings = find(parent);
  return settings != nullptr && std::any_of(settings->reserved.begin(), settings->reserved.end(),
                                            [&](const FunctionName& one) { return one.str() == function; });
}

bool Preparation::has(const ParentCommand& command) const {
  return std::find(commands.begin(), commands.end(), command.command) != commands.end();
}

std::optional<Words> split_command(std::string_view text) {
  Words words;
  std::optional<std::string> word;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < text.size();
    if (escapes && (quote == 0 || text[i + 1] == '"' || text[i + 1] == '\\')) {
      word = word.value_or("") + text[++i];
    } else if (quote != 0 ? c == quote : c == '"' || c == '\'') {
      quote = quote != 0 ? '\0' : c;
      word = word.value_or("");
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (word) {
        words.push_back(*std::exchange(word, std::nullopt));
      }
    } else {
      word = word.value_or("") + c;
    }
  }
  if (word) {
    words.push_back(*word);
  }
  return quote == 0 ? std::optional(words) : std::nullopt;
}

std::string command_line(const Words& words) {
  std::vector<std::string> parts;
  std::transform(words.begin(), words.end(), std::back_inserter(parts),
                 [](const std::string& word) { return shell_word(word); });
  return join(parts, " ");
}

bool mixes_sizes(const ParentSettings& settings) {
  return std::any_of(settings.commands.begin(), settings.commands.end(), [](const ParentCommand& one) {
    const Words words{"-shm", "1"};
    return std::search(one.command.begin(), one.command.end(), words.begin(), words.end()) !=
           one.command.end();
  });
}

}  // namespace mdevadm
