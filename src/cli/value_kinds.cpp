#include "value_kinds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>  // fmt::join since fmt 11

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/plan/choose.hpp>
#include <mdevadm/plan/probe.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/watch.hpp>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/util/text.hpp>

#include "definition_options.hpp"

namespace mdevadm::cli {

namespace {

std::string in_quotes(const std::string& text) {
  return fmt::format("'{}'", printable(text));
}

bool is_digits(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

std::string objection_to_assignment(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return fmt::format("invalid attribute {} (expected NAME=VALUE)", in_quotes(text));
  }
  if (!AttributeName::parse(text.substr(0, equals))) {
    return fmt::format("invalid attribute {} (expected a path below the device's sysfs directory)",
                       in_quotes(text.substr(0, equals)));
  }
  const Attribute attribute = parse_assignment(text);
  const std::string problem = ap_value_problem(attribute);
  const auto kind = assigned_kind(attribute);
  const ApSet meant = meant_by(attribute, LeadingZeros::hexadecimal);
  if (problem.empty() || !kind || meant.count() < 2) {
    return problem;
  }
  std::string option(ap_name(*kind));
  std::replace(option.begin(), option.end(), '_', '-');
  return fmt::format("{}; for several numbers: --{} {}", problem, option, format_ap_list(meant, *kind));
}

// Returns whether the text is OWNER, OWNER:GROUP or :GROUP.
bool is_owner(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string owner = text.substr(0, colon);
  if (colon == std::string::npos) {
    return is_account(owner);
  }
  return (owner.empty() || is_account(owner)) && is_account(text.substr(colon + 1));
}

std::optional<std::uint32_t> parse_mode(const std::string& text) {
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  const bool good = error == std::errc{} && end == text.data() + text.size() && mode <= 0777;
  return good ? std::optional(mode) : std::nullopt;
}

std::string objection_to_uuid(const std::string& text) {
  if (Uuid::parse(text)) {
    return {};
  }
  const std::string why = why_no_uuid(text);
  return fmt::format("invalid UUID {}{}", in_quotes(text),
                     why.empty() ? " (expected 32 hexadecimal digits as 8-4-4-4-12)" : ": " + why);
}

std::string objection_to_requirement(const std::string& text) {
  if (parse_requirement(text)) {
    return {};
  }
  const char* form = text.find('~') == std::string::npos
                         ? "PROPERTY OP VALUE such as framebuffer>=2G; OP is >=, <=, >, <, = or !="
                         : "PROPERTY=PATTERN such as name=*-2B";
  return fmt::format("invalid requirement {} (expected {})", in_quotes(text), form);
}

std::string objection_to_series(const std::string& text) {
  constexpr std::array known{"Q", "B", "B4", "A", "C"};
  for (const std::string_view series : split(text, ',')) {
    if (std::find(known.begin(), known.end(), to_upper(trim(series))) == known.end()) {
      return fmt::format("invalid series {} (expected Q, B, B4, A or C, or a list such as Q,B)",
                         in_quotes(std::string(series)));
    }
  }
  return {};
}

std::string objection_to_command(const std::string& text) {
  const std::optional<Words> words = split_command(text);
  if (!words) {
    return fmt::format("invalid command {} (a quote is not closed)", in_quotes(text));
  }
  if (words->empty()) {
    return trim(text).empty() ? "" : fmt::format("invalid command {}", in_quotes(text));
  }
  const std::string& program = words->front();
  return program.empty() || (program.find('/') != std::string::npos && program.front() != '/')
             ? fmt::format(
                   "invalid command {} (expected a program by its absolute path or a name without '/')",
                   in_quotes(text))
             : "";
}

// Returns the milliseconds in a unit of systemd.time(7); 0 for an unknown unit. Without a unit: seconds.
double milliseconds_in(std::string_view unit) {
  struct Unit {
    const char* names;  // separated by blanks, with one at each end
    double milliseconds;
  };
  constexpr Unit units[] = {
      {" ms msec ", 1},
      {" s sec second seconds ", 1000},
      {" m min minute minutes ", 60.0 * 1000},
      {" h hr hour hours ", 3600.0 * 1000},
      {" d day days ", 24 * 3600.0 * 1000},
  };
  if (unit.empty()) {
    return 1000;
  }
  const auto* found = std::find_if(std::begin(units), std::end(units), [&](const Unit& one) {
    return std::string_view(one.names).find(fmt::format(" {} ", unit)) != std::string_view::npos;
  });
  return found == std::end(units) ? 0 : found->milliseconds;
}

// Parses "30", "0.5", "30s", "500ms", "1min 30s".
std::optional<std::chrono::milliseconds> duration(std::string_view text) {
  constexpr double year = 366.0 * 24 * 3600 * 1000;
  double sum = 0;
  text = trim(text);
  do {
    // Does not use std::from_chars(), for which the program would have to load libm.
    const std::string digits(text.substr(0, text.find_first_not_of("0123456789.")));
    char* end = nullptr;
    const double number = std::strtod(digits.c_str(), &end);
    if (digits.empty() || *end != '\0') {
      return std::nullopt;
    }
    text.remove_prefix(digits.size());
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    text = trim(text);
    const auto unit_end =
        std::find_if(text.begin(), text.end(), [&](char c) { return is_digit(c) || c == ' '; });
    const auto length = static_cast<std::size_t>(unit_end - text.begin());
    const double unit = milliseconds_in(text.substr(0, length));
    sum += number * unit;
    text = trim(text.substr(length));
    if (unit == 0 || !(sum <= year)) {
      return std::nullopt;
    }
  } while (!text.empty());
  return std::chrono::milliseconds(static_cast<std::int64_t>(sum));
}

std::string objection_to_condition(const std::string& text) {
  const std::optional<Condition> condition = Condition::parse(text);
  if (!condition) {
    return fmt::format(
        "invalid condition {} (expected present=PARENT or absent=PARENT; or active=, inactive=, in-use= or "
        "unused= with a DEVICE or GROUP)",
        in_quotes(text));
  }
  return condition->concerns_parent() ? objection(ValueKind::parent, condition->object) : std::string{};
}

std::string objection_to_claimant(const std::string& text) {
  constexpr std::size_t longest = 255;
  if (text.empty()) {
    return "value must not be empty";
  }
  return has_control_bytes(text) || !is_utf8(text) || text.size() > longest
             ? fmt::format(
                   "invalid claimant {} (expected up to {} bytes of UTF-8 without control characters)",
                   in_quotes(shortened(printable(text), 40)), longest)
             : "";
}

std::string objection_to_states(const std::string& text) {
  for (const std::string_view state : split(text, ',')) {
    if (std::find(render::device_states.begin(), render::device_states.end(), state) ==
        render::device_states.end()) {
      return fmt::format("invalid state {} (expected {})", in_quotes(std::string(state)),
                         fmt::join(render::device_states, ", "));
    }
  }
  return {};
}

}  // namespace

const char* metavar(ValueKind kind) {
  switch (kind) {
    case ValueKind::device:
    case ValueKind::device_or_parent:
    case ValueKind::device_or_group:
    case ValueKind::claimed_device:
    case ValueKind::active_device:
    case ValueKind::inactive_definition:
    case ValueKind::ungrouped_definition:
    case ValueKind::group_member:
    case ValueKind::defined_device: return "DEVICE";
    case ValueKind::address: return "ADDRESS";
    case ValueKind::parent:
    case ValueKind::parent_with_settings: return "PARENT";
    case ValueKind::condition: return "CONDITION";
    case ValueKind::claimant: return "TEXT";
    case ValueKind::function_goal: return "all|N";
    case ValueKind::function_method: return "sriov-manage|sysfs";
    case ValueKind::command_line: return "COMMAND";
    case ValueKind::type: return "TYPE";
    case ValueKind::uuid:
    case ValueKind::vm_uuid:
    case ValueKind::mdevctl_definition: return "UUID";
    case ValueKind::label:
    case ValueKind::vgpu_config:
    case ValueKind::new_group: return "NAME";
    case ValueKind::group: return "GROUP";
    case ValueKind::columns: return "COLUMNS";
    case ValueKind::assignment:
    case ValueKind::create_argument: return "K=V";
    case ValueKind::ap_adapters: return "ADAPTERS";
    case ValueKind::ap_domains:
    case ValueKind::ap_control_domains: return "DOMAINS";
    case ValueKind::ap_queues: return "QUEUES";
    case ValueKind::attribute_selector: return "K|INDEX";
    case ValueKind::one_function:
    case ValueKind::function: return "FUNCTION";
    case ValueKind::need: return "NEED";
    case ValueKind::type_counts: return "TYPES";
    case ValueKind::series: return "SERIES";
    case ValueKind::placement: return "spread|pack";
    case ValueKind::qemu_format: return "shell|json|config";
    case ValueKind::socket: return "SOCKET";
    case ValueKind::domain: return "DOMAIN";
    case ValueKind::uri: return "URI";
    case ValueKind::buses: return "BUSES";
    case ValueKind::sharing: return "auto|require|off";
    case ValueKind::states: return "STATES";
    case ValueKind::node_owner: return "OWNER:GROUP";
    case ValueKind::node_mode: return "MODE";
    case ValueKind::selinux_label: return "LABEL";
    case ValueKind::file: return "FILE";
    case ValueKind::directory: return "DIR";
    case ValueKind::seconds: return "SECONDS";
    case ValueKind::count: return "N";
  }
  return "";
}

std::string objection(ValueKind kind, const std::string& text) {
  switch (kind) {
    case ValueKind::parent:
    case ValueKind::parent_with_settings:
      return ParentName::parse(kernel_spelling(text))
                 ? ""
                 : fmt::format("invalid parent {} (a name has no '/', '..' or control characters)",
                               in_quotes(text));
    case ValueKind::type:
      return TypeName::parse(text)
                 ? ""
                 : fmt::format("invalid type {} (a name has no '/', '..' or control characters)",
                               in_quotes(text));
    case ValueKind::uuid:
    case ValueKind::mdevctl_definition: return objection_to_uuid(text);
    case ValueKind::vm_uuid: return text.empty() ? "" : objection_to_uuid(text);
    case ValueKind::condition: return objection_to_condition(text);
    case ValueKind::claimant: return objection_to_claimant(text);
    case ValueKind::selinux_label:
      return has_control_bytes(text)
                 ? fmt::format("invalid SELinux label {} (contains control characters)", in_quotes(text))
                 : "";
    case ValueKind::label:
      return text.empty() || Label::parse(text) ? ""
                                                : fmt::format(
                                                      "invalid name {} (a name has at most 255 bytes, no "
                                                      "'/', control characters or leading '-', and is not "
                                                      "a UUID)",
                                                      in_quotes(text));
    case ValueKind::group:
    case ValueKind::new_group:
      return GroupName::parse(text) ? ""
                                    : fmt::format(
                                          "invalid group name {} (a name has at most 255 bytes, no '/', "
                                          "blanks, control characters, leading '-' or '.', and is not a "
                                          "UUID)",
                                          in_quotes(text));
    case ValueKind::assignment: return objection_to_assignment(text);
    case ValueKind::ap_adapters: return read_ap_list(text, ApKind::adapter).problem;
    case ValueKind::ap_domains: return read_ap_list(text, ApKind::domain).problem;
    case ValueKind::ap_control_domains: return read_ap_list(text, ApKind::control_domain).problem;
    case ValueKind::ap_queues: return read_ap_queues(text).problem;
    case ValueKind::create_argument:
      return has_control_bytes(text)
                 ? fmt::format("invalid create argument {} (contains control characters)", in_quotes(text))
                 : "";
    case ValueKind::attribute_selector:
      return parse_decimal(text) || AttributeName::parse(text)
                 ? ""
                 : fmt::format(
                       "invalid attribute {} (expected a path below the device's sysfs directory, or a "
                       "number)",
                       in_quotes(text));
    case ValueKind::function:
      return text.empty() || text == any_function || is_pci_address(kernel_spelling(text))
                 ? ""
                 : fmt::format("invalid PCI address {} (expected e.g. 0000:41:00.4, or any)",
                               in_quotes(text));
    case ValueKind::one_function:
      return is_pci_address(kernel_spelling(text))
                 ? ""
                 : fmt::format("invalid PCI address {} (expected e.g. 0000:41:00.4)", in_quotes(text));
    case ValueKind::function_goal:
      return text.empty() || FunctionGoal::parse(text)
                 ? ""
                 : fmt::format("invalid number of virtual functions {} (expected all, or 1 or more)",
                               in_quotes(text));
    case ValueKind::function_method:
      return text.empty() || parse_function_method(text)
                 ? ""
                 : fmt::format("invalid method {} (expected sriov-manage or sysfs)", in_quotes(text));
    case ValueKind::command_line: return objection_to_command(text);
    case ValueKind::need: return objection_to_requirement(text);
    case ValueKind::type_counts:
      return parse_type_counts(text)
                 ? ""
                 : fmt::format(
                       "invalid list of types {} (expected TYPE=N,... with N from 1 to {}, such as "
                       "nvidia-36=2)",
                       in_quotes(text), most_probed);
    case ValueKind::series: return objection_to_series(text);
    case ValueKind::placement:
      return parse_placement(text)
                 ? ""
                 : fmt::format("invalid placement {} (expected spread or pack)", in_quotes(text));
    case ValueKind::qemu_format:
      return text == "shell" || text == "json" || text == "config"
                 ? ""
                 : fmt::format("invalid format {} (expected shell, json or config)", in_quotes(text));
    case ValueKind::states: return objection_to_states(text);
    case ValueKind::sharing:
      return parse_sharing(text)
                 ? ""
                 : fmt::format("invalid value {} (expected auto, require or off)", in_quotes(text));
    case ValueKind::node_owner:
      return text.empty() || is_owner(text)
                 ? ""
                 : fmt::format("invalid owner {} (expected USER, USER:GROUP or :GROUP)", in_quotes(text));
    case ValueKind::node_mode:
      return text.empty() || parse_mode(text)
                 ? ""
                 : fmt::format("invalid mode {} (expected octal permissions such as 0660)", in_quotes(text));
    case ValueKind::seconds:
      return duration(text)
                 ? ""
                 : fmt::format("invalid time {} (expected seconds, or a time such as 500ms, 30s or 1min)",
                               in_quotes(text));
    case ValueKind::count:
      return parse_decimal(text).value_or(0) > 0
                 ? ""
                 : fmt::format("invalid number {} (expected 1 or more{})", in_quotes(text),
                               is_digits(text) && !parse_decimal(text) ? ", and less than 2^64" : "");
    default: return text.empty() ? "value must not be empty" : "";
  }
}

std::chrono::milliseconds parse_seconds(const std::string& text) {
  return duration(text).value_or(std::chrono::milliseconds(0));
}

CLI::Option* ValueKinds::set(CLI::Option* option, ValueKind kind) {
  kinds_[option] = kind;
  options_.push_back(option);
  option->type_name(metavar(kind));
  return option;
}

void ValueKinds::replace_values(ValueKind kind,
                                const std::function<std::string(const std::string&)>& replacement) const {
  for (CLI::Option* option : options_) {
    if (kinds_.at(option) != kind || option->count() == 0) {
      continue;
    }
    const std::vector<std::string> words = option->results();
    option->clear();
    for (const std::string& word : words) {
      option->add_result(replacement(word));
    }
    option->run_callback();
  }
}

const ValueKind* ValueKinds::find(const CLI::Option* option) const {
  const auto found = kinds_.find(option);
  return found == kinds_.end() ? nullptr : &found->second;
}

}  // namespace mdevadm::cli
