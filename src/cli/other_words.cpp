#include "other_words.hpp"

#include <fmt/format.h>

#include <string_view>

namespace mdevadm::cli {

namespace {

struct Alias {
  std::string_view family;
  std::string_view word;
  const char* command;
};

constexpr Alias aliases[] = {
    {"", "ls", "list"},
    {"", "rm", "undefine"},
    {"group", "ls", "list"},
    {"parent", "ls", "list"},
};

// `of`: the first word of a command of several words.
struct OtherCommand {
  std::string_view of;
  std::string_view word;
  const char* hint;
};

constexpr const char* start_or_define =
    "did you mean 'mdevadm start' (create the device) or 'mdevadm define' (create a definition)?";
constexpr const char* stop_or_undefine =
    "did you mean 'mdevadm stop' (remove the device) or 'mdevadm undefine' (remove the definition)?";
constexpr const char* delete_or_remove =
    "did you mean 'mdevadm group delete' (delete the group) or 'mdevadm group remove' (remove members)?";
constexpr const char* autostart =
    "to start a device at boot: mdevadm modify DEVICE --auto; to disable autostart: mdevadm modify DEVICE "
    "--manual";

constexpr OtherCommand other_commands[] = {
    {"", "create", start_or_define},
    {"", "add", start_or_define},
    {"", "new", start_or_define},
    {"", "run", start_or_define},
    {"", "destroy", stop_or_undefine},
    {"", "delete", stop_or_undefine},
    {"", "del", stop_or_undefine},
    {"", "remove", stop_or_undefine},
    {"", "kill", "did you mean 'mdevadm stop'?"},
    {"", "down", "did you mean 'mdevadm stop'?"},
    {"", "up", "did you mean 'mdevadm start'?"},
    {"", "reload", "did you mean 'mdevadm restart' (stop, then start)?"},
    {"", "reboot", "did you mean 'mdevadm restart' (stop, then start)?"},
    {"", "info", "did you mean 'mdevadm show'?"},
    {"", "inspect", "did you mean 'mdevadm show'?"},
    {"", "describe", "did you mean 'mdevadm show'?"},
    {"", "detail", "did you mean 'mdevadm show'?"},
    {"", "examine", "did you mean 'mdevadm show'?"},
    {"", "cat", "did you mean 'mdevadm show'? its column FILE is the path of the definition"},
    {"", "dumpxml", "did you mean 'mdevadm show'?"},
    {"", "get", "did you mean 'mdevadm show'?"},
    {"", "ps", "did you mean 'mdevadm list'?"},
    {"", "devices", "did you mean 'mdevadm list'?"},
    {"", "nodedev-list", "did you mean 'mdevadm list'?"},
    {"", "watch", "did you mean 'mdevadm monitor'?"},
    {"", "events", "did you mean 'mdevadm monitor'?"},
    {"", "nodedev-event", "did you mean 'mdevadm monitor'?"},
    {"", "wait", "did you mean 'mdevadm monitor --until CONDITION'?"},
    {"", "parents", "did you mean 'mdevadm types'? it lists the parents and their types"},
    {"", "gpus", "did you mean 'mdevadm types'? it lists the parents and their types"},
    {"", "edit", "did you mean 'mdevadm modify'?"},
    {"", "set", "did you mean 'mdevadm modify'?"},
    {"", "update", "did you mean 'mdevadm modify'?"},
    {"", "rename", "did you mean 'mdevadm modify DEVICE --name NAME'?"},
    {"", "enable", autostart},
    {"", "disable", autostart},
    {"", "autostart", autostart},
    {"", "is-active",
     "did you mean 'mdevadm monitor --until active=DEVICE --timeout 0'? its exit status is 0 or 9"},
    {"", "is-enabled", "did you mean 'mdevadm list --all -n -o autostart DEVICE'?"},
    {"", "nodedev-start", "did you mean 'mdevadm start'?"},
    {"", "nodedev-destroy", "did you mean 'mdevadm stop'?"},
    {"", "nodedev-define", "did you mean 'mdevadm import nodedev FILE'?"},
    {"", "nodedev-undefine", "did you mean 'mdevadm undefine'?"},
    {"", "nodedev-dumpxml", "did you mean 'mdevadm export nodedev DEVICE'?"},
    {"", "nodedev-autostart", autostart},
    {"", "start-parent-mdevs", "did you mean 'mdevadm start --auto -p PARENT'?"},
    {"", "restore", "did you mean 'mdevadm apply -f FILE'? export host writes such a file"},
    {"", "backup", "did you mean 'mdevadm export host'?"},
    {"", "top", "did you mean 'mdevadm monitor' or 'mdevadm status'?"},
    {"", "groups", "did you mean 'mdevadm group list'?"},
    {"group", "autostart", "did you mean 'mdevadm group modify GROUP --auto'?"},
    {"group", "enable", "did you mean 'mdevadm group modify GROUP --auto'?"},
    {"group", "disable", "did you mean 'mdevadm group modify GROUP --manual'?"},
    {"group", "status", "did you mean 'mdevadm group list' or 'mdevadm group show'?"},
    {"group", "define", "did you mean 'mdevadm group create'?"},
    {"group", "new", "did you mean 'mdevadm group create'?"},
    {"group", "destroy", "did you mean 'mdevadm group stop' or 'mdevadm group delete'?"},
    {"group", "undefine", "did you mean 'mdevadm group delete'?"},
    {"group", "up", "did you mean 'mdevadm group start'?"},
    {"group", "down", "did you mean 'mdevadm group stop'?"},
    {"group", "rm", delete_or_remove},
    {"group", "del", delete_or_remove},
    {"group", "info", "did you mean 'mdevadm group show'?"},
    {"group", "edit", "did you mean 'mdevadm group modify'?"},
    {"group", "set", "did you mean 'mdevadm group modify'?"},
};

// `of`: the command that has no option `word`; "*": any command. `meant`: the option that is suggested, or
// that the hint names; only commands that have it get the hint. Of several rows for a word the first one
// counts.
struct OtherOption {
  std::string_view of;
  std::string_view word;
  const char* meant;
  const char* hint = nullptr;  // nullptr: "did you mean 'MEANT'?"
};

constexpr const char* nothing = "";
constexpr const char* show_device = "did you mean 'mdevadm show DEVICE'?";
constexpr const char* select_type = "did you mean '--need type=TYPE'?";
constexpr const char* import_mdevctl = "to convert definitions of mdevctl: mdevadm import mdevctl";

constexpr OtherOption other_options[] = {
    {"list", "--persistent", "--defined"},
    {"list", "-u", nothing, show_device},
    {"list", "--uuid", nothing, show_device},
    {"show", "--xml", nothing, "did you mean 'mdevadm export nodedev DEVICE'?"},
    {"types", "-t", "--need", select_type},
    {"types", "--type", "--need", select_type},
    {"*", "--autostart", "--auto"},
    {"*", "--no-autostart", "--manual"},
    {"*", "--dumpjson", "--json"},
    {"*", "-j", "--json"},
    {"define", "--jsonfile", "--file",
     "did you mean '--file'? it reads a definition in TOML; to convert definitions of mdevctl: mdevadm "
     "import mdevctl"},
    {"modify", "--jsonfile", nothing, import_mdevctl},
    {"start", "--jsonfile", nothing, import_mdevctl},
    {"*", "--addattr", "--attr"},
    {"*", "--delattr", "--delete-attr"},
    {"define", "-a", "--auto"},
    {"modify", "-a", "--auto"},
    {"modify", "-m", "--manual"},
    {"*", "-f", "--force"},
    {"*", "-f", "--file"},
    {"monitor", "-n", "--until",
     "monitor does not count events; to end when a state is reached: --until CONDITION"},
    {"*", "-n", "--dry-run"},
};

}  // namespace

std::string OtherWords::objection(const CLI::Option& option, const std::string& value) const {
  const ValueKind* kind = kinds_.find(&option);
  return kind == nullptr ? Vocabulary::objection(option, value) : cli::objection(*kind, value);
}

std::string OtherWords::alias(const std::string& family, const std::string& word) const {
  for (const Alias& one : aliases) {
    if (one.family == family && one.word == word) {
      return one.command;
    }
  }
  return {};
}

std::string OtherWords::command_hint(const std::string& family, const std::string& word) const {
  for (const OtherCommand& one : other_commands) {
    if (one.of == family && one.word == word) {
      return one.hint;
    }
  }
  return {};
}

std::string OtherWords::option_hint(CLI::App& command, const std::string& option) const {
  const std::string name = args::full_name(command);
  for (const OtherOption& one : other_options) {
    const bool is_it = (one.of == name || one.of == "*") && one.word == option;
    if (is_it && (*one.meant == '\0' || args::find_option(command, one.meant) != nullptr)) {
      return one.hint != nullptr ? one.hint : fmt::format("did you mean '{}'?", one.meant);
    }
  }
  return {};
}

std::string alias_of(const std::string& command) {
  for (const Alias& one : aliases) {
    const std::string prefix = one.family.empty() ? std::string{} : std::string(one.family) + " ";
    if (prefix + one.command == command) {
      return prefix + std::string(one.word);
    }
  }
  return {};
}

}  // namespace mdevadm::cli
