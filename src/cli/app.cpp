#include "app.hpp"

#include <algorithm>

#include <mdevadm/util/text.hpp>

#include "other_words.hpp"

namespace mdevadm::cli {

namespace {

// Returns the App that contains the commands of a group, such as "group"; creates it on first use.
CLI::App& family_of(CLI::App& app, const std::string& name) {
  for (CLI::App* sub : args::commands_in(app)) {
    if (sub->get_name() == name) {
      return *sub;
    }
  }
  CLI::App* family = app.add_subcommand(name);
  family->set_help_flag();
  return *family;
}

// Returns whether the words can select a command: each word of its name, or an alias of it, is among them.
bool is_named(const std::string& command, const std::vector<std::string>& words, const OtherWords& aliases) {
  const std::size_t space = command.find(' ');
  const std::string family = space == std::string::npos ? "" : command.substr(0, space);
  const auto contains = [&](const std::string& of, const std::string& name) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return word == name || aliases.alias(of, word) == name;
    });
  };
  return (family.empty() || contains("", family)) && contains(family, command.substr(space + 1));
}

}  // namespace

std::string first_word(const std::string& name) {
  return name.substr(0, name.find(' '));
}

CommandLine::CommandLine() : app_("Administers Linux mediated devices", "mdevadm") {
  declare_globals();
  for (const CommandEntry& entry : command_table()) {
    const std::string name = entry.name;
    const std::string first = first_word(name);
    CLI::App& home = first == name ? app_ : family_of(app_, first);
    CLI::App* sub = home.add_subcommand(name.substr(name.rfind(' ') + 1), entry.summary);
    sub->set_help_flag();
  }
  version_command_ = app_.add_subcommand("version", "print the version");
  version_command_->set_help_flag();
  version_command_->add_flag("--json", json_version_, "print JSON");
}

void CommandLine::declare_globals() {
  app_.set_help_flag();
  app_.add_flag("-h,--help", help_, "print this help");
  app_.add_flag("-V,--version", version_, "print the version");
  app_.add_flag("--json-schema", schema_, "print the JSON Schema of the output");
  kinds_.set(app_.add_option("--root", globals_.root, "operate on the system tree at DIR instead of /"),
             ValueKind::directory);
  auto* verbose = app_.add_flag("-v,--verbose", globals_.verbose, "log each step to standard error");
  app_.add_flag("-q,--quiet", globals_.quiet, "suppress warnings and notes")->excludes(verbose);
}

void CommandLine::declare(const CommandEntry& entry) {
  std::unique_ptr<Command>& command = commands_[entry.name];
  if (!command) {
    command = entry.make();
    command->declare(app_of(entry.name), kinds_);
  }
}

void CommandLine::declare_all() {
  for (const CommandEntry& entry : command_table()) {
    declare(entry);
  }
}

// Most of the time that the program needs to start would be spent on the options of commands that are not
// requested.
void CommandLine::declare_for(const std::vector<std::string>& words) {
  const OtherWords other_words(kinds_);
  for (const CommandEntry& entry : command_table()) {
    if (is_named(entry.name, words, other_words)) {
      declare(entry);
    }
  }
  if (!args::declares_options(app_, words)) {
    declare_all();
  }
}

void CommandLine::parse(const std::vector<std::string>& words) {
  declare_for(words);
  selection_ = args::read(app_, words, OtherWords(kinds_));
  if (!selection_.help && !version_ && !schema_) {
    args::require_complete(selection_);
  }
}

bool CommandLine::wants_version() const {
  return version_ || (selection_.command == version_command_ && !selection_.help);
}

std::string CommandLine::chosen_name() const {
  return args::full_name(*selection_.command);
}

Command* CommandLine::chosen() const {
  return command(chosen_name());
}

CLI::App& CommandLine::app_of(const std::string& name) {
  CLI::App* app = &app_;
  for (const std::string_view word : split(name, ' ')) {
    app = app->get_subcommand(std::string(word));
  }
  return *app;
}

Command* CommandLine::command(const std::string& name) const {
  const auto found = commands_.find(name);
  return found == commands_.end() ? nullptr : found->second.get();
}

const CommandEntry* CommandLine::entry(const std::string& name) const {
  const auto& table = command_table();
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const CommandEntry& entry) { return entry.name == name; });
  return found == table.end() ? nullptr : &*found;
}

bool asks_for_json(const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), "--json") != words.end();
}

}  // namespace mdevadm::cli
