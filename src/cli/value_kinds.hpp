// Kinds of values that options and arguments accept. The kind is declared once; help, validation and
// completion use it.
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
  address,  // device, parent, group or device of the host
  device_or_group,
  claimed_device,  // or the group from which devices were claimed
  claimant,
  active_device,
  inactive_definition,
  defined_device,
  ungrouped_definition,
  group_member,  // of the group that is the first argument
  parent,
  parent_with_settings,
  function_goal,    // all or a number; may be empty
  function_method,  // may be empty
  command_line,     // may be empty
  type,
  uuid,
  condition,  // of --until
  vm_uuid,    // may be empty
  mdevctl_definition,
  label,
  vgpu_config,  // of the file that is the first argument
  group,
  new_group,
  columns,
  assignment,   // K=V, where K is an attribute
  ap_adapters,  // list, or change of one
  ap_domains,
  ap_control_domains,
  ap_queues,
  create_argument,  // K=V, passed verbatim
  attribute_selector,
  function,
  one_function,  // not "any"
  sharing,
  states,  // comma-separated
  node_owner,
  node_mode,
  selinux_label,
  need,
  series,       // comma-separated
  type_counts,  // TYPE=N,...
  placement,
  qemu_format,
  socket,
  domain,
  uri,
  buses,  // comma-separated
  file,
  directory,
  seconds,
  count,
};

// Returns the placeholder that help shows for the value: DEVICE, PARENT, …
const char* metavar(ValueKind kind);

// Returns the reason why `text` is not a valid value of the kind; empty if it is valid.
std::string objection(ValueKind kind, const std::string& text);

// The part of the command line that precedes the completed value.
struct CompletionRequest {
  std::string word;    // the value as typed so far
  std::string parent;  // the value of --parent, if given
  std::string device;  // the first argument, if given: a device, or what the command takes
};

// A value that completion offers, and a few words about it.
struct Candidate {
  std::string value;
  std::string description{};
};

// Returns the duration for a valid value of the kind `seconds`; zero for an empty text.
std::chrono::milliseconds parse_seconds(const std::string& text);

// Returns the existing values that match the word. Empty for kinds with unlimited values (numbers) and for
// those that are completed elsewhere (files, columns).
std::vector<Candidate> live_values(ValueKind kind, const CompletionRequest& request, Context& context);

// The kind of each declared option and argument.
class ValueKinds {
 public:
  // Sets the placeholder of the option and stores the kind.
  CLI::Option* set(CLI::Option* option, ValueKind kind);
  // Returns nullptr if the option has no value kind.
  const ValueKind* find(const CLI::Option* option) const;
  // After parsing: replaces each given value of the kind.
  void replace_values(ValueKind kind,
                      const std::function<std::string(const std::string&)>& replacement) const;

 private:
  std::map<const CLI::Option*, ValueKind> kinds_;
  std::vector<CLI::Option*> options_;
};

}  // namespace mdevadm::cli
