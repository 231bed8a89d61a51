#include "command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <mdevadm/util/text.hpp>

namespace mdevadm::compat {

namespace {

struct Option {
  char letter;  // 0: no short option
  std::string_view name;
  std::string_view value;  // empty: a flag
  std::string_view help;
};

constexpr Option uuid_option{'u', "uuid", "UUID", "UUID of the device"};
constexpr Option parent_option{'p', "parent", "PARENT", "parent of the device"};
constexpr Option type_option{'t', "type", "TYPE", "type of the device"};
constexpr Option auto_option{'a', "auto", "", "enable autostart: start the device when its parent appears"};
constexpr Option file_option{0, "jsonfile", "FILE", "read type, autostart and attributes from FILE (JSON)"};
constexpr Option force_option{'f', "force", "", "continue if a call-out script refuses"};
constexpr Option json_option{0, "dumpjson", "", "print JSON"};
// Options of all commands.
constexpr Option help_option{'h', "help", "", "print help"};
constexpr Option version_option{'V', "version", "", "print the version"};

struct CommandSpec {
  const char* name;
  Verb verb;
  const char* summary;
  std::vector<Option> options;
  // Returns the error of options that are missing or conflict; empty if there is none.
  std::string (*refusal)(const Options& options);
  bool takes_parent = false;
  bool hidden = false;
};

std::string need_uuid(const Options& options) {
  return options.has("uuid") ? "" : "the following required arguments were not provided:\n  --uuid <UUID>";
}

std::string need_uuid_or_parent(const Options& options) {
  return options.has("uuid") || options.has("parent")
             ? ""
             : "the following required arguments were not provided:\n  <--uuid <UUID>|--parent <PARENT>>";
}

// Returns the error for the first of `others` that was given together with `one`.
std::string conflict(const Options& options, const std::string& one,
                     std::initializer_list<const char*> others) {
  for (const char* other : others) {
    if (options.has(one) && options.has(other)) {
      return fmt::format("the argument '--{}' cannot be used with '--{}'", one, other);
    }
  }
  return {};
}

std::string refusal_of_define(const Options& options) {
  const std::string clash = conflict(options, "jsonfile", {"type", "auto"});
  return clash.empty() ? need_uuid_or_parent(options) : clash;
}

std::string refusal_of_start(const Options& options) {
  const std::string clash = conflict(options, "jsonfile", {"type"});
  return clash.empty() ? need_uuid_or_parent(options) : clash;
}

std::string refusal_of_modify(const Options& options) {
  for (const std::string& clash :
       {conflict(options, "auto", {"manual", "addattr", "delattr", "jsonfile", "index", "value"}),
        conflict(options, "manual", {"addattr", "delattr", "jsonfile", "index", "value"}),
        conflict(options, "addattr", {"delattr", "jsonfile"}),
        conflict(options, "delattr", {"jsonfile", "value"}),
        conflict(options, "jsonfile", {"type", "index", "value"}),
        conflict(options, "live", {"type", "index", "value"}), need_uuid(options)}) {
    if (!clash.empty()) {
      return clash;
    }
  }
  if (options.has("addattr") != options.has("value")) {
    return "the arguments '--addattr <NAME>' and '--value <VALUE>' go together";
  }
  for (const char* change : {"auto", "manual", "addattr", "delattr", "jsonfile"}) {
    if (options.has(change)) {
      return {};
    }
  }
  return "the following required arguments were not provided:\n"
         "  <--addattr <NAME>|--delattr|--auto|--manual|--jsonfile <FILE>>";
}

std::string nothing_to_refuse(const Options&) {
  return {};
}

const std::vector<CommandSpec>& commands() {
  static const std::vector<CommandSpec> table{
      {"define",
       Verb::define,
       "Define a persistent mediated device",
       {uuid_option, auto_option, parent_option, type_option, file_option, force_option},
       refusal_of_define},
      {"undefine",
       Verb::undefine,
       "Remove the definition of a mediated device",
       {uuid_option, parent_option, force_option},
       need_uuid},
      {"modify",
       Verb::modify,
       "Change the definition of a mediated device, or an active device",
       {uuid_option,
        parent_option,
        type_option,
        {0, "addattr", "NAME", "add an attribute of this name"},
        {0, "delattr", "", "delete an attribute"},
        {'i', "index", "N", "number of the attribute, counted from 0 (default: the last one)"},
        {0, "value", "VALUE", "value of the added attribute"},
        auto_option,
        {'m', "manual", "", "disable autostart"},
        {'l', "live", "", "change the active device"},
        {'d', "defined", "", "change the definition"},
        file_option,
        force_option},
       refusal_of_modify},
      {"start",
       Verb::start,
       "Start a mediated device",
       {uuid_option, parent_option, type_option, file_option, force_option},
       refusal_of_start},
      {"stop", Verb::stop, "Stop a mediated device", {uuid_option, force_option}, need_uuid},
      {"list",
       Verb::list,
       "List mediated devices",
       {{'d', "defined", "", "list defined devices instead of active ones"},
        json_option,
        {'v', "verbose", "", "print attributes too"},
        uuid_option,
        parent_option},
       nothing_to_refuse},
      {"types",
       Verb::types,
       "List the types of mediated devices",
       {parent_option, json_option},
       nothing_to_refuse},
      {"start-parent-mdevs",
       Verb::start_parent_mdevs,
       "Start what is to start when its parent comes",
       {},
       nothing_to_refuse,
       true,
       true},
  };
  return table;
}

std::string usage_of(const CommandSpec& command, const std::string& called) {
  return fmt::format("Usage: {} [OPTIONS]{}\n", called, command.takes_parent ? " <PARENT>" : "");
}

std::string help_of(const CommandSpec& command, const std::string& called) {
  std::string text = fmt::format("{}\n\n{}\nOptions:\n", command.summary, usage_of(command, called));
  std::vector<Option> options = command.options;
  options.push_back(help_option);
  options.push_back(version_option);
  for (const Option& option : options) {
    const std::string letter = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "    ";
    const std::string value = option.value.empty() ? "" : fmt::format(" <{}>", option.value);
    text += fmt::format("  {:<24} {}\n", fmt::format("{}--{}{}", letter, option.name, value), option.help);
  }
  return text;
}

std::string help_of_program() {
  std::string text = "Manage mediated devices\n\nUsage: mdevctl <COMMAND>\n\nCommands:\n";
  for (const CommandSpec& command : commands()) {
    if (!command.hidden) {
      text += fmt::format("  {:<10} {}\n", command.name, command.summary);
    }
  }
  return text + fmt::format("  {:<10} {}\n\nOptions:\n  {:<14} {}\n  {:<14} {}\n", "help",
                            "Print help for a command", "-h, --help", help_option.help, "-V, --version",
                            version_option.help);
}

[[noreturn]] void refuse(const std::string& why, const std::string& usage = "Usage: mdevctl <COMMAND>\n") {
  throw Answer{fmt::format("error: {}\n\n{}\nFor more information, try '--help'.\n", why, usage), 2};
}

const CommandSpec& command_called(const std::string& name) {
  const auto found = std::find_if(commands().begin(), commands().end(),
                                  [&](const CommandSpec& command) { return command.name == name; });
  if (found == commands().end()) {
    refuse(fmt::format("unrecognized subcommand '{}'", printable(name)));
  }
  return *found;
}

// Accepts "4294967295", "+1" and "00"; rejects " 1" and "-1".
std::optional<std::uint32_t> parse_index(std::string_view text) {
  text.remove_prefix(text.starts_with('+') ? 1 : 0);
  std::uint32_t number = 0;
  const auto end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end ? std::optional(number) : std::nullopt;
}

// Parses the arguments of a command.
class WordReader {
 public:
  WordReader(const CommandSpec& command, std::string called, const std::vector<std::string>& words)
      : command_(command), called_(std::move(called)), words_(words) {}

  Options read(std::size_t from) {
    bool only_values = false;
    for (next_ = from; next_ < words_.size();) {
      const std::string& word = words_[next_++];
      require_characters(word);
      if (only_values || word.size() < 2 || word.front() != '-') {
        take_parent(word);
      } else if (word == "--") {
        only_values = true;
      } else if (word.starts_with("--")) {
        read_long(word);
      } else {
        read_letters(word);
      }
    }
    if (const std::string why = command_.refusal(options_); !why.empty()) {
      refuse_here(why);
    }
    if (command_.takes_parent && !options_.has("parent")) {
      refuse_here("the following required arguments were not provided:\n  <PARENT>");
    }
    return std::move(options_);
  }

 private:
  [[noreturn]] void refuse_here(const std::string& why) const { refuse(why, usage_of(command_, called_)); }

  [[noreturn]] void refuse_word(std::string_view word) const {
    refuse_here(fmt::format("unexpected argument '{}' found", printable(word)));
  }

  void require_characters(const std::string& word) const {
    if (!is_utf8(word)) {
      refuse_here("invalid UTF-8 was detected in one or more arguments");
    }
  }

  void take_parent(const std::string& word) {
    if (!command_.takes_parent || options_.has("parent")) {
      refuse_word(word);
    }
    options_.set("parent", word);
  }

  void read_long(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string_view name =
        std::string_view(word).substr(2, equals == std::string::npos ? equals : equals - 2);
    const Option& option = find(word, [&](const Option& one) { return one.name == name; });
    std::optional<std::string> value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    }
    take(option, std::move(value));
  }

  // Parses short options: "-dvu UUID", "-pmtty", "-p=mtty".
  void read_letters(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const Option& option = find(word, [&](const Option& one) { return one.letter == word[i]; });
      const std::string rest = word.substr(i + 1);
      if (option.value.empty() && !rest.starts_with('=')) {
        take(option, std::nullopt);
        continue;
      }
      take(option, rest.empty() ? std::nullopt : std::optional(rest.substr(rest.front() == '=' ? 1 : 0)));
      return;
    }
  }

  const Option& find(const std::string& word, const std::function<bool(const Option&)>& is_it) const {
    if (is_it(help_option)) {
      throw Answer{help_of(command_, called_)};
    }
    if (is_it(version_option)) {
      throw Answer{fmt::format("{} {}\n", called_, mdevctl_version)};
    }
    const auto found = std::find_if(command_.options.begin(), command_.options.end(), is_it);
    if (found == command_.options.end()) {
      refuse_word(word);
    }
    return *found;
  }

  // A value in the next argument must not begin like an option.
  void take(const Option& option, std::optional<std::string> value) {
    const std::string name = fmt::format("--{}", option.name);
    if (option.value.empty() && value) {
      refuse_here(fmt::format("unexpected value '{}' for '{}' found; no more were expected",
                              printable(*value), name));
    }
    if (!option.value.empty() && !value) {
      const bool follows =
          next_ < words_.size() && (words_[next_].size() < 2 || words_[next_].front() != '-');
      if (!follows) {
        refuse_here(
            fmt::format("a value is required for '{} <{}>' but none was supplied", name, option.value));
      }
      value = words_[next_++];
      require_characters(*value);
    }
    if (options_.has(std::string(option.name))) {
      refuse_here(fmt::format("the argument '{}' cannot be used multiple times", name));
    }
    check(option, value.value_or(""));
    options_.set(std::string(option.name), value.value_or(""));
  }

  void check(const Option& option, const std::string& value) const {
    const bool wrong = (option.name == "uuid" && !Uuid::parse_any(value)) ||
                       (option.name == "index" && !parse_index(value)) ||
                       (option.name == "jsonfile" && value.empty());
    if (wrong) {
      refuse_here(
          fmt::format("invalid value '{}' for '--{} <{}>'", printable(value), option.name, option.value));
    }
  }

  const CommandSpec& command_;
  std::string called_;
  const std::vector<std::string>& words_;
  std::size_t next_ = 0;
  Options options_;
};

// Answers "help" and "help define".
[[noreturn]] void help_on(const std::vector<std::string>& words) {
  if (words.size() > 2) {
    refuse(fmt::format("unrecognized subcommand '{}'", printable(words[2])));
  }
  throw Answer{words.size() == 1 ? help_of_program()
                                 : help_of(command_called(words[1]), "mdevctl " + words[1])};
}

}  // namespace

std::optional<std::string> Options::text(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Uuid> Options::uuid() const {
  const auto given = text("uuid");
  return given ? Uuid::parse_any(*given) : std::nullopt;
}

std::optional<std::uint32_t> Options::index() const {
  const auto given = text("index");
  return given ? parse_index(*given) : std::nullopt;
}

CommandLine parse_command_line(const std::string& program, const std::vector<std::string>& words) {
  if (program.ends_with("lsmdev")) {
    return {Verb::list, WordReader(command_called("list"), program, words).read(0)};
  }
  if (words.empty()) {
    throw Answer{help_of_program(), 2};
  }
  const std::string& first = words.front();
  if (first == "--help" || first == "-h") {
    throw Answer{help_of_program()};
  }
  if (first == "--version" || first == "-V") {
    throw Answer{fmt::format("mdevctl {}\n", mdevctl_version)};
  }
  if (first.starts_with('-')) {
    refuse(fmt::format("unexpected argument '{}' found", printable(first)));
  }
  if (first == "help") {
    help_on(words);
  }
  const CommandSpec& command = command_called(first);
  return {command.verb, WordReader(command, "mdevctl " + first, words).read(1)};
}

}  // namespace mdevadm::compat
