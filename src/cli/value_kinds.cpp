#include "value_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include <mdevadm/model/group.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/plan/choose.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

std::string in_quotes(const std::string& text) {
  return fmt::format("'{}'", printable(text));
}

std::string objection_to_assignment(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return fmt::format("{} must have the form NAME=VALUE", in_quotes(text));
  }
  if (!AttributeName::parse(text.substr(0, equals))) {
    return fmt::format("invalid attribute {} (expected a path below the device's sysfs directory)",
                       in_quotes(text.substr(0, equals)));
  }
  return {};
}

std::optional<std::uint32_t> parse_mode(const std::string& text) {
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  const bool good = error == std::errc{} && end == text.data() + text.size() && mode <= 0777;
  return good ? std::optional(mode) : std::nullopt;
}

std::string objection_to_need(const std::string& text) {
  return parse_need(text)
             ? ""
             : fmt::format(
                   "invalid requirement {} (expected PROPERTY OP VALUE, OP is >=, <=, >, < or =), such as "
                   "framebuffer>=2G",
                   in_quotes(text));
}

std::string objection_to_seconds(const std::string& text) {
  double seconds = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr double year = 366.0 * 24 * 3600;
  const bool good =
      error == std::errc{} && end == text.data() + text.size() && seconds >= 0 && seconds <= year;
  return good ? std::string{}
              : fmt::format("invalid time {} (expected a number of seconds)", in_quotes(text));
}

std::vector<std::string> devices(ValueKind kind, Context& context) {
  std::vector<std::string> values;
  const Snapshot seen = context.observe({Facet::devices, {}, {}});
  const Definitions defined = context.store().load();
  const bool wants_active = kind == ValueKind::device || kind == ValueKind::active_device;
  if (wants_active) {
    for (const Device& device : seen.devices) {
      values.push_back(device.uuid.str());
    }
  }
  std::set<Uuid> active;
  for (const Device& device : seen.devices) {
    active.insert(device.uuid);
  }
  for (const Definition& definition : defined.all) {
    const bool is_active = active.count(definition.uuid) > 0;
    if ((kind == ValueKind::active_device && !is_active) ||
        (kind == ValueKind::inactive_definition && is_active)) {
      continue;
    }
    values.push_back(definition.uuid.str());
    if (definition.name) {
      values.push_back(definition.name->str());
    }
  }
  return values;
}

std::vector<std::string> types(const std::string& parent, Context& context) {
  std::vector<std::string> values;
  const Snapshot snapshot = context.observe({Facet::types, {}, {}});
  for (const Parent& seen : snapshot.parents) {
    if (parent.empty() || parent == seen.name.str()) {
      for (const Type& type : seen.types) {
        values.push_back(type.id.str());
      }
    }
  }
  return values;
}

std::vector<std::string> functions(const std::string& parent, Context& context) {
  std::vector<std::string> values;
  const Snapshot snapshot = context.observe({Facet::types, {}, {}});
  for (const Parent& seen : snapshot.parents) {
    for (const Function& function : seen.functions) {
      if (parent.empty() || parent == seen.name.str()) {
        values.push_back(function.address);
      }
    }
  }
  return values;
}

// Completes the last item of a comma-separated list; columns that precede it are not offered again.
std::vector<std::string> columns(const CompletionRequest& request) {
  const std::size_t comma = request.word.rfind(',');
  const std::string before = comma == std::string::npos ? std::string{} : request.word.substr(0, comma + 1);
  const std::vector<std::string_view> used = split(before, ',');
  std::vector<std::string> values;
  for (const std::string& column : request.columns) {
    if (std::find(used.begin(), used.end(), column) == used.end()) {
      values.push_back(before + column);
    }
  }
  return values;
}

}  // namespace

const char* metavar(ValueKind kind) {
  switch (kind) {
    case ValueKind::device:
    case ValueKind::device_or_parent:
    case ValueKind::active_device:
    case ValueKind::inactive_definition:
    case ValueKind::defined_device: return "DEVICE";
    case ValueKind::parent: return "PARENT";
    case ValueKind::type: return "TYPE";
    case ValueKind::uuid: return "UUID";
    case ValueKind::label:
    case ValueKind::new_group: return "NAME";
    case ValueKind::group: return "GROUP";
    case ValueKind::columns: return "COLUMNS";
    case ValueKind::assignment:
    case ValueKind::create_argument: return "K=V";
    case ValueKind::attribute_selector: return "K|INDEX";
    case ValueKind::function: return "FUNCTION";
    case ValueKind::need: return "NEED";
    case ValueKind::sharing: return "auto|require|off";
    case ValueKind::node_owner: return "OWNER:GROUP";
    case ValueKind::node_mode: return "MODE";
    case ValueKind::selinux_label: return "LABEL";
    case ValueKind::file: return "FILE";
    case ValueKind::folder: return "DIR";
    case ValueKind::seconds: return "SECONDS";
    case ValueKind::count: return "N";
    case ValueKind::verb: return "COMMAND";
  }
  return "";
}

std::string objection(ValueKind kind, const std::string& text) {
  switch (kind) {
    case ValueKind::parent:
      return ParentName::parse(text)
                 ? ""
                 : fmt::format("invalid parent {} (a name has no '/', '..' or control characters)",
                               in_quotes(text));
    case ValueKind::type:
      return TypeName::parse(text)
                 ? ""
                 : fmt::format("invalid type {} (a name has no '/', '..' or control characters)",
                               in_quotes(text));
    case ValueKind::uuid:
      return Uuid::parse(text) ? ""
                               : fmt::format("invalid UUID {} (expected 32 hexadecimal digits as 8-4-4-4-12)",
                                             in_quotes(text));
    case ValueKind::label:
      return text.empty() || Label::parse(text) ? ""
                                                : fmt::format(
                                                      "invalid name {} (a name has no '/', control "
                                                      "characters or leading '-', and is not a UUID)",
                                                      in_quotes(text));
    case ValueKind::group:
    case ValueKind::new_group:
      return GroupName::parse(text) ? ""
                                    : fmt::format(
                                          "invalid group name {} (a name has no '/', blanks, control "
                                          "characters or leading '-', and is not a UUID)",
                                          in_quotes(text));
    case ValueKind::assignment: return objection_to_assignment(text);
    case ValueKind::create_argument:
      return has_control_bytes(text) ? fmt::format("{} contains control characters", in_quotes(text)) : "";
    case ValueKind::attribute_selector:
      return parse_decimal(text) || AttributeName::parse(text)
                 ? ""
                 : fmt::format("invalid attribute {}", in_quotes(text));
    case ValueKind::function:
      return text.empty() || FunctionName::parse(text)
                 ? ""
                 : fmt::format("invalid PCI address {} (expected e.g. 0000:41:00.4)", in_quotes(text));
    case ValueKind::need: return objection_to_need(text);
    case ValueKind::sharing:
      return parse_sharing(text)
                 ? ""
                 : fmt::format("invalid value {} (expected auto, require or off)", in_quotes(text));
    case ValueKind::node_owner:
      return text.empty() || (text != ":" && !has_control_bytes(text))
                 ? ""
                 : fmt::format("invalid owner {} (expected USER, USER:GROUP or :GROUP)", in_quotes(text));
    case ValueKind::node_mode:
      return parse_mode(text)
                 ? ""
                 : fmt::format("invalid mode {} (expected octal permissions such as 0660)", in_quotes(text));
    case ValueKind::seconds: return objection_to_seconds(text);
    case ValueKind::count:
      return parse_decimal(text).value_or(0) > 0
                 ? ""
                 : fmt::format("invalid number {} (expected 1 or more)", in_quotes(text));
    default: return text.empty() ? "value must not be empty" : "";
  }
}

std::chrono::milliseconds parse_seconds(const std::string& text) {
  double seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

std::vector<std::string> live_values(ValueKind kind, const CompletionRequest& request, Context& context) {
  switch (kind) {
    case ValueKind::device:
    case ValueKind::active_device:
    case ValueKind::inactive_definition:
    case ValueKind::defined_device: return devices(kind, context);
    case ValueKind::device_or_parent: {
      std::vector<std::string> values = devices(ValueKind::device, context);
      const std::vector<std::string> parents = context.observe({Facet::parents, {}, {}}).parent_names();
      values.insert(values.end(), parents.begin(), parents.end());
      return values;
    }
    case ValueKind::parent: return context.observe({Facet::parents, {}, {}}).parent_names();
    case ValueKind::type: return types(request.parent, context);
    case ValueKind::columns: return columns(request);
    case ValueKind::function: return functions(request.parent, context);
    case ValueKind::sharing: return {"auto", "require", "off"};
    case ValueKind::group: return context.store().load_groups().names();
    case ValueKind::verb: return request.verbs;
    default: return {};
  }
}

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

CLI::Option* ValueKinds::set(CLI::Option* option, ValueKind kind) {
  kinds_[option] = kind;
  option->type_name(metavar(kind));
  option->check([kind](const std::string& text) { return objection(kind, text); }, "");
  return option;
}

const ValueKind* ValueKinds::find(const CLI::Option* option) const {
  const auto found = kinds_.find(option);
  return found == kinds_.end() ? nullptr : &found->second;
}

}  // namespace mdevadm::cli
