#include "help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/util/text.hpp>

#include "value_kinds.hpp"

namespace mdevadm::cli {

namespace {

constexpr std::size_t page_width = 80;
constexpr std::size_t text_column = 30;

// Wraps `text` at spaces into lines of at most `width`.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  for (const std::string_view word : split(text, ' ')) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back();
    }
    lines.back() += lines.back().empty() ? "" : " ";
    lines.back() += word;
  }
  return lines;
}

// Returns "  head      text", with the text wrapped and aligned in a column.
std::string entry_text(const std::string& head, const std::string& text) {
  std::string result = fmt::format("  {:<{}}", head, text_column - 2);
  if (head.size() + 3 > text_column) {
    result = fmt::format("  {}\n{}", head, std::string(text_column, ' '));
  }
  bool first = true;
  for (const std::string& line : wrapped(text, page_width - text_column)) {
    result += first ? line : std::string(text_column, ' ') + line;
    result += "\n";
    first = false;
  }
  return result;
}

bool is_positional_only(const CLI::Option* option) {
  return option->get_lnames().empty() && option->get_snames().empty();
}

std::string names_of(const CLI::Option* option) {
  std::vector<std::string> names;
  for (const std::string& name : option->get_snames()) {
    names.push_back("-" + name);
  }
  for (const std::string& name : option->get_lnames()) {
    names.push_back("--" + name);
  }
  const std::string text = join(names, ", ");
  const std::string indent = option->get_snames().empty() ? "    " : "";
  return indent + text + (takes_value(*option) ? " " + option->get_type_name() : "");
}

std::string options_text(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    if (!is_positional_only(option)) {
      text += entry_text(names_of(option), option->get_description());
    }
  }
  return text;
}

std::string usage_of(const CLI::App& app) {
  std::string usage = fmt::format("mdevadm {} [OPTION]...", full_name(app));
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      const std::string name = option->get_type_name() + (option->get_expected_max() > 1 ? "..." : "");
      usage += option->get_required() ? " " + name : fmt::format(" [{}]", name);
    }
  }
  return usage;
}

std::string command_help(CommandLine& line, const CommandEntry& entry) {
  const CLI::App& app = line.app_of(entry.name);
  std::string text = fmt::format("{}: {}\n\nUsage: {}\n", entry.name, entry.summary, usage_of(app));
  std::string arguments;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      arguments += entry_text(option->get_type_name(), option->get_description());
    }
  }
  if (!arguments.empty()) {
    text += "\nArguments:\n" + arguments;
  }
  text += "\nOptions:\n" + options_text(app);
  text += "\nOptions of every command:\n" + options_text(line.app());
  text += fmt::format("\nExample:\n  {}\n\nMore: man mdevadm-{}\n", entry.example, first_word(entry.name));
  return text;
}

// Returns the help of all commands that share a first word; empty if there are none.
std::string family_help(const std::string& word) {
  std::string text;
  for (const CommandEntry& entry : command_table()) {
    if (first_word(entry.name) == word && entry.name != word) {
      text += entry_text(entry.name, entry.summary);
    }
  }
  return text.empty()
             ? text
             : fmt::format(
                   "Usage: mdevadm {0} COMMAND [ARGUMENT]...\n\nCommands:\n{1}\nMore: mdevadm help {0} "
                   "COMMAND, man mdevadm-{0}\n",
                   word, text);
}

std::string program_help(CommandLine& line) {
  std::string text =
      "mdevadm: administers Linux mediated devices\n\nUsage: mdevadm [OPTION]... COMMAND "
      "[ARGUMENT]...\n\nCommands:\n";
  for (const CommandEntry& entry : command_table()) {
    text += entry_text(entry.name, entry.summary);
  }
  text += entry_text("help COMMAND", "print help for a command");
  text += "\nOptions:\n" + options_text(line.app());
  text +=
      "\nExit status: 0 success, 1 failure, 2 usage error, 3 not found, 4 conflict,\n"
      "5 in use, 6 no available instances, 7 guest ABI mismatch, 8 partial failure\n\nMore: man mdevadm\n";
  return text;
}

render::List options_record(const CLI::App& app) {
  render::List options;
  for (const CLI::Option* option : app.get_options()) {
    render::List names;
    for (const std::string& name : option->get_snames()) {
      names.items.push_back({{"name", "-" + name}});
    }
    for (const std::string& name : option->get_lnames()) {
      names.items.push_back({{"name", "--" + name}});
    }
    const std::string value = takes_value(*option) ? option->get_type_name() : std::string{};
    options.items.push_back({{"names", std::move(names)},
                             {"positional", option->get_positional()},
                             {"value", value.empty() ? render::Value() : render::Value(value)}});
  }
  return options;
}

}  // namespace

std::string help_text(CommandLine& line, const std::string& topic) {
  if (topic == "mdevadm") {
    return program_help(line);
  }
  if (const std::string text = family_help(topic); !text.empty()) {
    return text;
  }
  if (const CommandEntry* entry = line.entry(topic)) {
    return command_help(line, *entry);
  }
  std::vector<std::string> names;
  for (const CommandEntry& entry : command_table()) {
    names.emplace_back(entry.name);
  }
  throw Error(ExitCode::usage, fmt::format("unknown command '{}'", printable(topic)),
              did_you_mean(topic, names));
}

std::string describe_tree(CommandLine& line) {
  render::List commands;
  for (const CommandEntry& entry : command_table()) {
    render::List columns;
    for (const std::string& key : line.command(entry.name)->column_keys()) {
      columns.items.push_back({{"name", key}});
    }
    commands.items.push_back({{"name", std::string(entry.name)},
                              {"summary", std::string(entry.summary)},
                              {"options", options_record(line.app_of(entry.name))},
                              {"columns", std::move(columns)}});
  }
  return render::render_json({{"options", options_record(line.app())}, {"commands", std::move(commands)}});
}

}  // namespace mdevadm::cli
