#include "app.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

CommandLine::CommandLine() : app_("Administers Linux mediated devices", "mdevadm") {
  declare_globals();
  for (const CommandEntry& entry : command_table()) {
    CLI::App* sub = app_.add_subcommand(entry.name, entry.summary);
    sub->set_help_flag("-h,--help", "print this help");
    sub->fallthrough();
    std::unique_ptr<Command>& command = commands_[entry.name] = entry.make();
    command->declare(*sub, kinds_);
  }
  help_command_ = app_.add_subcommand("help", "print help for a command");
  help_command_->set_help_flag();
  kinds_.set(help_command_->add_option("command", help_verb_, "the command"), ValueKind::verb);
}

void CommandLine::declare_globals() {
  app_.set_help_flag();
  app_.add_flag("-h,--help", help_, "print this help");
  app_.add_flag("-V,--version", version_, "print the version");
  kinds_.set(app_.add_option("--root", globals_.root, "put DIR before /sys, /etc, /run and /dev"),
             ValueKind::folder);
  auto* verbose = app_.add_flag("-v,--verbose", globals_.verbose, "say what is done, on standard error");
  app_.add_flag("-q,--quiet", globals_.quiet, "say nothing but errors")->excludes(verbose);
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

// CLI11's words are made for programmers, and it knows no "did you mean".
void CommandLine::refuse(const CLI::ParseError& error) const {
  const auto subcommands = app_.get_subcommands();
  const std::string verb = subcommands.empty() ? std::string{} : subcommands.front()->get_name();
  const std::string see_help = verb.empty() ? "see mdevadm help" : fmt::format("see mdevadm help {}", verb);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) {
    throw Error(ExitCode::usage, error.what(), see_help);
  }
  const std::vector<std::string> extras = app_.remaining(true);
  const std::string word = extras.empty() ? std::string{} : extras.front();
  std::vector<std::string> known;
  if (verb.empty() && !word.starts_with('-')) {
    for (const CommandEntry& entry : command_table()) {
      known.emplace_back(entry.name);
    }
    const std::string meant = did_you_mean(word, known);
    throw Error(ExitCode::usage, fmt::format("there is no command '{}'", printable(word)),
                meant.empty() ? see_help : meant);
  }
  for (const CLI::App* app :
       {subcommands.empty() ? nullptr : static_cast<const CLI::App*>(subcommands.front()), &app_}) {
    if (app != nullptr) {
      for (const CLI::Option* option : app->get_options()) {
        for (const std::string& name : option->get_lnames()) {
          known.push_back("--" + name);
        }
      }
    }
  }
  const std::string meant =
      word.starts_with("--") ? did_you_mean(word.substr(0, word.find('=')), known) : std::string{};
  throw Error(ExitCode::usage, fmt::format("'{}' was not expected here", printable(word)),
              meant.empty() ? see_help : meant);
}

Command* CommandLine::chosen() const {
  const auto subcommands = app_.get_subcommands();
  return subcommands.empty() ? nullptr : command(subcommands.front()->get_name());
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
  const auto subcommands = app_.get_subcommands();
  const bool asked = help_command_->parsed();
  if (asked && !help_verb_.empty()) {
    return help_verb_;
  }
  if (help_ && !subcommands.empty() && !asked) {
    return subcommands.front()->get_name();
  }
  return help_ || asked ? "mdevadm" : "";
}

bool asks_for_json(const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), "--json") != words.end();
}

}  // namespace mdevadm::cli
