// What kind of value an option or argument takes. The kind is declared once; help, checking and completion
// follow from it.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

enum class ValueKind {
  device,  // active or defined
  device_or_parent,
  active_device,
  inactive_definition,
  defined_device,
  parent,
  type,
  uuid,
  label,
  group,
  new_group,
  columns,
  assignment,       // K=V, K being an attribute
  create_argument,  // K=V, kept verbatim
  attribute_selector,
  function,
  sharing,
  node_owner,
  node_mode,
  selinux_label,
  need,
  file,
  folder,
  seconds,
  count,
  verb,
};

// The word that help shows for a value of the kind: DEVICE, PARENT, …
const char* metavar(ValueKind kind);

// Why `text` cannot be a value of the kind, or empty.
std::string objection(ValueKind kind, const std::string& text);

// What completion needs to know of the words before the one that is completed.
struct CompletionRequest {
  std::string word;                  // what is there so far
  std::string parent;                // the value of --parent, if given
  std::vector<std::string> columns;  // keys of the command's columns
  std::vector<std::string> verbs;
};

// The time that a value of the kind `seconds` means; none for an empty text.
std::chrono::milliseconds parse_seconds(const std::string& text);

// The values that exist now. Empty where there is no knowing (numbers) or the shell knows better (files).
std::vector<std::string> live_values(ValueKind kind, const CompletionRequest& request, Context& context);

// Whether a value follows the option.
bool takes_value(const CLI::Option& option);

// Which kind each declared option and argument takes.
class ValueKinds {
 public:
  // Gives the option its metavar and its check, and remembers the kind.
  CLI::Option* set(CLI::Option* option, ValueKind kind);
  // Throws nothing; nullptr if the option takes no value of a kind.
  const ValueKind* find(const CLI::Option* option) const;

 private:
  std::map<const CLI::Option*, ValueKind> kinds_;
};

}  // namespace mdevadm::cli
