#include <mdevadm/store/parent_file.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "shared_keys.hpp"
#include "text_editor.hpp"
#include "toml.hpp"

namespace mdevadm::store {

namespace {

constexpr const char* commands_key = "run";

std::string list_text(const Words& words) {
  std::vector<std::string> items;
  std::transform(words.begin(), words.end(), std::back_inserter(items), toml_string);
  return fmt::format("[{}]", join(items, ", "));
}

FunctionGoal read_goal(const toml::node& node) {
  if (const auto* number = node.as_integer(); number != nullptr && number->get() > 0) {
    return {static_cast<std::uint64_t>(number->get())};
  }
  const auto* text = node.as_string();
  if (text == nullptr || text->get() != "all") {
    broken(node, "'virtual_functions' must be \"all\" or a whole number of at least 1");
  }
  return {};
}

FunctionMethod read_method(const toml::node& node) {
  const std::string text = text_of(node, "method");
  const auto method = parse_function_method(text);
  if (!method) {
    broken(node, fmt::format("'method' must be \"sriov-manage\" or \"sysfs\", not \"{}\"", printable(text)));
  }
  return *method;
}

std::vector<FunctionName> read_reserved(const toml::node& node) {
  const toml::array* list = node.as_array();
  if (list == nullptr) {
    broken(node, fmt::format("'reserved' must be a list of PCI addresses, not {}", kind_name(node)));
  }
  std::vector<FunctionName> reserved;
  ValueReader values;
  for (const toml::node& element : *list) {
    values.read([&] {
      const std::string text = text_of(element, "reserved");
      const auto function = FunctionName::parse(kernel_spelling(text));
      if (!function || !is_pci_address(function->str())) {
        broken(element,
               fmt::format("invalid PCI address '{}' (expected e.g. 0000:41:00.4)", printable(text)));
      }
      if (std::find(reserved.begin(), reserved.end(), *function) == reserved.end()) {
        reserved.push_back(*function);
      }
    });
  }
  values.end();
  return reserved;
}

Words read_words(const toml::node& node, std::string_view key) {
  const toml::array* list = node.as_array();
  if (list == nullptr || list->empty()) {
    broken(node, fmt::format("'{}' must be a list of a program and its arguments, such as [\"nvidia-smi\", "
                             "\"-L\"], not {}",
                             key, list == nullptr ? kind_name(node) : "an empty list"));
  }
  Words words;
  for (const toml::node& element : *list) {
    words.push_back(text_of(element, key));
    if (words.back().find('\0') != std::string::npos) {
      broken(element, fmt::format("'{}' contains a NUL character", key));
    }
  }
  const std::string& program = words.front();
  if (program.empty() || (program.find('/') != std::string::npos && program.front() != '/')) {
    broken(node, fmt::format("invalid program '{}' in '{}' (expected an absolute path or a name without '/')",
                             printable(program), key));
  }
  return words;
}

ParentCommand read_command(const toml::node& node, const std::string& path,
                           std::vector<FileProblem>& problems) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    broken(node, fmt::format("'run' must be a list of tables ([[run]]), not {}", kind_name(node)));
  }
  ParentCommand command;
  ValueReader values;
  for (const auto& [name, node_of_key] : *table) {
    values.read([&, &key = name, &value = node_of_key] {
      if (key == "command") {
        command.command = read_words(value, "command");
      } else if (key == "check") {
        command.check = read_words(value, "check");
      } else if (key == "timeout") {
        command.seconds = count_of(value, "timeout");
        if (*command.seconds > 86400) {
          broken(value, "'timeout' must be at most 86400 seconds");
        }
      } else {
        problems.push_back(unknown_key(path, key));
      }
    });
  }
  values.end();
  if (command.command.empty()) {
    broken(node, "missing required key 'command' in [[run]]");
  }
  return command;
}

}  // namespace

bool read_parent_key(const toml::key& key, const toml::node& node, const std::string& path,
                     ParentSettings& settings, std::vector<FileProblem>& problems) {
  if (key == "virtual_functions") {
    settings.functions = read_goal(node);
  } else if (key == "method") {
    settings.method = read_method(node);
  } else if (key == "reserved") {
    settings.reserved = read_reserved(node);
  } else if (key == commands_key) {
    const toml::array* list = node.as_array();
    if (list == nullptr) {
      broken(node, fmt::format("'run' must be a list of tables ([[run]]), not {}", kind_name(node)));
    }
    ValueReader values;
    for (const toml::node& element : *list) {
      values.read([&] { settings.commands.push_back(read_command(element, path, problems)); });
    }
    values.end();
  } else {
    return false;
  }
  return true;
}

namespace {

std::vector<KeyText> top_keys(const ParentSettings& settings) {
  Words reserved;
  for (const FunctionName& function : settings.reserved) {
    reserved.push_back(function.str());
  }
  const auto goal = [](const FunctionGoal& functions) {
    return functions.number ? functions.str() : toml_string(functions.str());
  };
  return {
      {"virtual_functions", settings.functions ? std::optional(goal(*settings.functions)) : std::nullopt},
      {"method", settings.method ? std::optional(toml_string(method_word(*settings.method))) : std::nullopt},
      {"reserved", reserved.empty() ? std::nullopt : std::optional(list_text(reserved))}};
}

std::string block_text(const ParentCommand& command, std::string_view prefix = {}) {
  return fmt::format("[[{}run]]\n", prefix) +
         key_lines(
             {{"command", list_text(command.command)},
              {"check", command.check.empty() ? std::nullopt : std::optional(list_text(command.check))},
              {"timeout", command.seconds ? std::optional(std::to_string(*command.seconds)) : std::nullopt}});
}

std::string blocks_text(const std::vector<ParentCommand>& commands, bool is_first) {
  std::string text;
  for (const ParentCommand& command : commands) {
    text += (is_first && text.empty() ? "" : "\n") + block_text(command);
  }
  return text;
}

// Replaces the blocks from the first one that differs on.
void edit_commands(TextEditor& editor, const toml::array* list, const ParentSettings& before,
                   const ParentSettings& after) {
  if (before.commands == after.commands) {
    return;
  }
  if (list == nullptr || list->empty()) {
    editor.insert_lines(editor.line_count() + 1, blocks_text(after.commands, editor.is_empty()));
    return;
  }
  const auto [first, wanted] = std::mismatch(before.commands.begin(), before.commands.end(),
                                             after.commands.begin(), after.commands.end());
  const auto from = static_cast<std::size_t>(first - before.commands.begin());
  const std::size_t last = editor.block_end(list->back().source().begin.line);
  for (std::size_t i = from; i < list->size(); ++i) {
    const std::size_t line = list->get(i)->source().begin.line;
    editor.remove_lines(line, editor.block_end(line));
  }
  const std::vector<ParentCommand> added(wanted, after.commands.end());
  if (!added.empty()) {
    editor.insert_lines(last, blocks_text(added, from < list->size()));
  }
}

}  // namespace

ParentFileContent parse_parent_settings(std::string_view text, const std::string& path,
                                        const ParentName& parent) {
  ParentFileContent content;
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::source_position where = place_of(parsed.error(), text);
    content.problem = {path, where.line, where.column, syntax_problem(parsed.error(), text)};
    return content;
  }
  try {
    ParentSettings settings{parent};
    for (const auto& [key, node] : parsed.table()) {
      if (!read_parent_key(key, node, path, settings, content.problems)) {
        content.problems.push_back(unknown_key(path, key));
      }
    }
    content.settings = std::move(settings);
  } catch (const Broken& problem) {
    content.problem = {path, problem.where.line, problem.where.column, problem.message};
  }
  return content;
}

std::string host_parent_text(const ParentSettings& settings) {
  std::string text = fmt::format("[[parent]]\nname = {}\n", toml_string(settings.parent.str())) +
                     key_lines(top_keys(settings));
  for (const ParentCommand& command : settings.commands) {
    text += "\n" + block_text(command, "parent.");
  }
  return text;
}

std::string format_parent_settings(const ParentSettings& settings) {
  const std::string keys = key_lines(top_keys(settings));
  return keys + blocks_text(settings.commands, keys.empty());
}

std::string edit_parent_settings(const std::string& text, const std::string& path,
                                 const ParentSettings& before, const ParentSettings& after) {
  const toml::parse_result parsed = toml::parse(text, path);
  std::string edited;
  bool loses_comments = false;
  if (parsed) {
    const toml::array* list = parsed.table()[commands_key].as_array();
    TextEditor editor(text, parsed.table());
    editor.change_keys(top_keys(before), top_keys(after));
    if (list == nullptr || list->empty() || is_blocks(*list)) {
      edit_commands(editor, list, before, after);
    }
    edited = editor.apply();
    loses_comments = editor.loses_comments();
  }
  if (parse_parent_settings(edited, path, after.parent).settings != after || loses_comments ||
      own_line_comments(edited) != own_line_comments(text)) {
    throw Error(ExitCode::failed,
                fmt::format("cannot change '{}': the layout of the file cannot be changed without losing "
                            "comments",
                            path),
                "edit the file by hand");
  }
  return edited;
}

}  // namespace mdevadm::store
