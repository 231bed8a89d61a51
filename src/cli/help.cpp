#include "help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/args/help.hpp>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/util/text.hpp>

#include "other_words.hpp"

namespace mdevadm::cli {

namespace {

// Returns the lines of `text`, each indented and preceded by `prefix`.
std::string lines_with(const std::string& prefix, std::string_view text) {
  std::string result;
  for (const std::string_view line : split(text, '\n')) {
    result += fmt::format("  {}{}\n", prefix, line);
  }
  return result;
}

std::string usage_text(const CLI::App& app, const CommandEntry& entry) {
  const std::string usage = *entry.usage != '\0' ? entry.usage : args::usage_of(app);
  const std::string command = fmt::format("mdevadm {} ", entry.name);
  return usage.find('\n') == std::string::npos ? fmt::format("Usage: {}{}\n", command, usage)
                                               : "Usage:\n" + lines_with(command, usage);
}

std::string command_help(CommandLine& line, const CommandEntry& entry, const args::HelpLayout& layout) {
  const CLI::App& app = line.app_of(entry.name);
  std::string text = fmt::format("{}: {}\n\n{}", entry.name, entry.summary, usage_text(app, entry));
  if (const std::string alias = alias_of(entry.name); !alias.empty()) {
    text += fmt::format("Alias: mdevadm {}\n", alias);
  }
  if (const std::string arguments = layout.arguments(app); !arguments.empty()) {
    text += "\nArguments:\n" + arguments;
  }
  text += "\nOptions:\n" + layout.options(app);
  text += "\nOptions of every command:\n" + layout.options(line.app());
  text += "\nExamples:\n" + lines_with("", entry.examples);
  return text + fmt::format("\nMore: man mdevadm-{}\n", first_word(entry.name));
}

// Returns the help of all commands that share a first word; empty if there are none.
std::string family_help(const std::string& word, const args::HelpLayout& layout) {
  std::string text;
  for (const CommandEntry& entry : command_table()) {
    if (first_word(entry.name) == word && entry.name != word) {
      text += layout.entry(entry.name, entry.summary);
    }
  }
  return text.empty()
             ? text
             : fmt::format(
                   "Usage: mdevadm {0} COMMAND [ARGUMENT]...\n\nCommands:\n{1}\nMore: mdevadm help {0} "
                   "COMMAND, man mdevadm-{0}\n",
                   word, text);
}

// Commands, or families of commands, that are one line in the help of the program.
struct CommandPair {
  std::string_view first;
  std::string_view second;
  const char* summary;
};

constexpr std::array command_pairs{
    CommandPair{"types", "probe", "list mdev types, or try which can be combined"},
    CommandPair{"status", "monitor", "show an overview, or print events as they happen"},
    CommandPair{"apply", "diff", "apply the description of a host, or compare"},
    CommandPair{"claim", "release", "take a free device of a group, or return it"},
    CommandPair{"attach", "detach", "start and attach devices to a VM, or detach them"},
    CommandPair{"import", "export", "import definitions; export devices and the host"},
};

// Fits on a terminal of 30 lines: commands with the same first word are one line.
std::string program_help(CommandLine& line, const args::HelpLayout& layout) {
  std::string text =
      "mdevadm: administers Linux mediated devices\nUsage: mdevadm [OPTION]... COMMAND "
      "[ARGUMENT]...\n\nCommands:\n";
  std::string family;
  for (const CommandEntry& entry : command_table()) {
    const std::string word = first_word(entry.name);
    const char* summary = family_summary(word);
    const auto pair = std::find_if(command_pairs.begin(), command_pairs.end(), [&](const CommandPair& one) {
      return word == one.first || word == one.second;
    });
    if (pair != command_pairs.end()) {
      if (word == pair->first && word != family) {
        text += layout.entry(
            fmt::format("{}, {}{}", pair->first, pair->second, summary != nullptr ? " COMMAND" : ""),
            pair->summary);
        family = word;
      }
    } else if (summary == nullptr) {
      text += layout.entry(entry.name, entry.summary);
    } else if (word != family) {
      text += layout.entry(word + " COMMAND", summary);
      family = word;
    }
  }
  text += "\nOptions:\n" + layout.options(line.app());
  return text + "More: mdevadm help COMMAND, man mdevadm\n";
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
    const std::string value = args::takes_value(*option) ? option->get_type_name() : std::string{};
    options.items.push_back({{"names", std::move(names)},
                             {"positional", option->get_positional()},
                             {"repeatable", args::is_repeatable(*option)},
                             {"value", value.empty() ? render::Value() : render::Value(value)}});
  }
  return options;
}

}  // namespace

std::string help_text(CommandLine& line, const std::string& topic, std::size_t width) {
  const args::HelpLayout layout(width);
  const CommandEntry* entry = line.entry(topic);
  if (entry != nullptr) {
    return command_help(line, *entry, layout);
  }
  // "version" is documented with the program.
  const std::string text = family_help(topic, layout);
  return text.empty() ? program_help(line, layout) : text;
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
