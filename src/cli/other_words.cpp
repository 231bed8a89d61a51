#include "other_words.hpp"

#include <algorithm>
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

// `of`: the first word of a command of several words, or the name of the command that has no such option;
// "*": any command.
struct Suggestion {
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

constexpr Suggestion other_commands[] = {
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
    {"group", "rm", delete_or_remove},
    {"group", "del", delete_or_remove},
    {"group", "info", "did you mean 'mdevadm group show'?"},
    {"group", "edit", "did you mean 'mdevadm group modify'?"},
    {"group", "set", "did you mean 'mdevadm group modify'?"},
};

constexpr Suggestion other_options[] = {
    {"list", "--persistent", "did you mean '--defined'?"},
    {"list", "-u", "did you mean 'mdevadm show DEVICE'?"},
    {"list", "--uuid", "did you mean 'mdevadm show DEVICE'?"},
    {"show", "--xml", "did you mean 'mdevadm export nodedev DEVICE'?"},
    {"*", "--autostart", "did you mean '--auto'?"},
    {"*", "--dumpjson", "did you mean '--json'?"},
    {"*", "-j", "did you mean '--json'?"},
    {"*", "--jsonfile",
     "did you mean '--file'? it reads a definition in TOML; to convert definitions of mdevctl: mdevadm "
     "import mdevctl"},
    {"*", "--addattr", "did you mean '--attr'?"},
    {"*", "--delattr", "did you mean '--delete-attr'?"},
    {"define", "-a", "did you mean '--auto'?"},
    {"modify", "-a", "did you mean '--auto'?"},
    {"modify", "-m", "did you mean '--manual'?"},
    {"*", "-f", "did you mean '--force'?"},
    {"monitor", "-n", "monitor does not count events; to end when a state is reached: --until CONDITION"},
    {"*", "-n", "did you mean '--dry-run'?"},
};

template <std::size_t N>
std::string suggestion(const Suggestion (&table)[N], const std::string& of, const std::string& word) {
  const auto* found = std::find_if(std::begin(table), std::end(table), [&](const Suggestion& one) {
    return (one.of == of || one.of == "*") && one.word == word;
  });
  return found == std::end(table) ? std::string{} : found->hint;
}

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
  return suggestion(other_commands, family, word);
}

std::string OtherWords::option_hint(const std::string& command, const std::string& option) const {
  return suggestion(other_options, command, option);
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
