#include "app.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

// Returns the App that contains the commands of a group, such as "group"; creates it on first use.
CLI::App& family_of(CLI::App& app, const std::string& name) {
  const auto found = app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == name; });
  if (!found.empty()) {
    return *found.front();
  }
  CLI::App* family = app.add_subcommand(name);
  family->set_help_flag("-h,--help", "print this help");
  family->fallthrough();
  family->require_subcommand(1);
  return *family;
}

// Returns the innermost command that was parsed, or the program itself.
const CLI::App& innermost(const CLI::App& app) {
  const auto inner = app.get_subcommands();
  return inner.empty() ? app : innermost(*inner.front());
}

}  // namespace

std::string full_name(const CLI::App& app) {
  const CLI::App* above = app.get_parent();
  return above == nullptr || above->get_parent() == nullptr ? app.get_name()
                                                            : full_name(*above) + " " + app.get_name();
}

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
    sub->set_help_flag("-h,--help", "print this help");
    sub->fallthrough();
    std::unique_ptr<Command>& command = commands_[entry.name] = entry.make();
    command->declare(*sub, kinds_);
  }
  help_command_ = app_.add_subcommand("help", "print help for a command");
  help_command_->set_help_flag();
  kinds_.set(help_command_->add_option("command", help_words_, "name of a command"), ValueKind::verb);
}

void CommandLine::declare_globals() {
  app_.set_help_flag();
  app_.add_flag("-h,--help", help_, "print this help");
  app_.add_flag("-V,--version", version_, "print the version");
  kinds_.set(app_.add_option("--root", globals_.root,
                             "operate on the system rooted at DIR (/sys, /etc, /run, /dev below it)"),
             ValueKind::folder);
  auto* verbose = app_.add_flag("-v,--verbose", globals_.verbose, "log each step to standard error");
  app_.add_flag("-q,--quiet", globals_.quiet, "suppress warnings and notes")->excludes(verbose);
  app_.require_subcommand(0, 1);
}

void CommandLine::parse(const std::vector<std::string>& words) {
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    app_.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    help_ = true;
  } catch (const CLI::ParseError& error) {
    refuse(error);
  }
}

// Replaces CLI11's messages, which are written for programmers, and adds suggestions for misspelled names.
void CommandLine::refuse(const CLI::ParseError& error) const {
  const CLI::App& at = innermost(app_);
  const std::string verb = &at == &app_ ? std::string{} : full_name(at);
  const std::string see_help = verb.empty() ? "see mdevadm help" : fmt::format("see mdevadm help {}", verb);
  const std::vector<std::string> extras = app_.remaining(true);
  const std::string word = extras.empty() ? std::string{} : extras.front();
  const auto inner = at.get_subcommands([](const CLI::App*) { return true; });
  const bool lacks_command = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !inner.empty();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr && (!lacks_command || word.empty())) {
    throw Error(ExitCode::usage,
                lacks_command ? fmt::format("missing subcommand: mdevadm {} COMMAND", verb) : error.what(),
                see_help);
  }
  std::vector<std::string> known;
  if (!inner.empty() && !word.starts_with('-')) {
    for (const CLI::App* command : inner) {
      known.push_back(command->get_name());
    }
    const std::string meant = did_you_mean(word, known);
    throw Error(ExitCode::usage,
                fmt::format("unknown command '{}{}'", verb.empty() ? "" : verb + " ", printable(word)),
                meant.empty() ? see_help : meant);
  }
  for (const CLI::App* app : {&at, static_cast<const CLI::App*>(&app_)}) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        known.push_back("--" + name);
      }
    }
  }
  const std::string meant =
      word.starts_with("--") ? did_you_mean(word.substr(0, word.find('=')), known) : std::string{};
  throw Error(ExitCode::usage, fmt::format("'{}' was not expected here", printable(word)),
              meant.empty() ? see_help : meant);
}

std::string CommandLine::chosen_name() const {
  const CLI::App& at = innermost(app_);
  return &at == &app_ ? std::string{} : full_name(at);
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

std::string CommandLine::help_topic() const {
  const bool asked = help_command_->parsed();
  if (asked && !help_words_.empty()) {
    return join(help_words_, " ");
  }
  const std::string chosen = chosen_name();
  if (help_ && !chosen.empty() && !asked) {
    return chosen;
  }
  return help_ || asked ? "mdevadm" : "";
}

bool asks_for_json(const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), "--json") != words.end();
}

}  // namespace mdevadm::cli
