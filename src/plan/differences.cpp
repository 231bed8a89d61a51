#include <mdevadm/plan/differences.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/model/ap.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

struct Setting {
  std::string key;
  std::string value;
};
using Settings = std::vector<Setting>;

// Adds a setting; values of a repeated key are joined.
void add(Settings& settings, const std::string& key, const std::string& value) {
  const auto same =
      std::find_if(settings.begin(), settings.end(), [&](const Setting& one) { return one.key == key; });
  if (same == settings.end()) {
    settings.push_back({key, value});
  } else {
    same->value += "," + value;
  }
}

template <typename T>
void add_if(Settings& settings, const std::string& key, const std::optional<T>& value) {
  if (value) {
    add(settings, key, fmt::format("{}", *value));
  }
}

std::string start_word(StartMode mode) {
  return mode == StartMode::automatic ? "auto" : "manual";
}

void add_node(Settings& settings, const std::optional<NodePolicy>& node) {
  if (!node) {
    return;
  }
  add_if(settings, "node.owner", node->owner);
  add_if(settings, "node.group", node->group);
  if (node->mode) {
    add(settings, "node.mode", fmt::format("{:04o}", *node->mode));
  }
  add_if(settings, "node.selinux_label", node->selinux_label);
}

void add_queues(Settings& settings, const ApMatrix& matrix) {
  for (const ApKind kind : ap_kinds) {
    if (matrix.of(kind).any()) {
      add(settings, fmt::format("ap.{}s", ap_name(kind)), format_ap_list(matrix.of(kind), kind));
    }
  }
}

Settings settings_of(const Definition& definition) {
  Settings settings{{"type", definition.type.str()}, {"start", start_word(definition.start)}};
  if (definition.name) {
    add(settings, "name", definition.name->str());
  }
  add_if(settings, "aggregate", definition.aggregate);
  add_if(settings, "create_args", definition.create_args);
  if (definition.function) {
    add(settings, "vf", definition.function->str());
  }
  if (definition.applied_by) {
    add(settings, "applied_by", definition.applied_by->str());
  }
  for (const Attribute& attribute : definition.attributes) {
    if (definition.queue_table && is_ap_attribute(attribute)) {
      continue;
    }
    add(settings, "attributes." + attribute.name.str(), attribute.value);
  }
  if (definition.queue_table) {
    add_queues(settings, assigned_by(definition.attributes));
  }
  add_node(settings, definition.node);
  if (definition.abi) {
    for (const Pin& pin : *definition.abi) {
      add(settings, "abi." + pin.name, pin.value);
    }
  }
  return settings;
}

Settings settings_of(const Group& group) {
  Settings settings;
  for (const Member& member : group.members) {
    add(settings, "members", member.str());
  }
  add(settings, "p2p", sharing_word(group.sharing));
  add(settings, "start", start_word(group.start));
  if (group.vm) {
    add(settings, "vm_uuid", group.vm->str());
  }
  if (group.applied_by) {
    add(settings, "applied_by", group.applied_by->str());
  }
  add_node(settings, group.node);
  return settings;
}

Settings settings_of(const ParentSettings& parent) {
  Settings settings;
  if (parent.functions) {
    add(settings, "virtual_functions", parent.functions->str());
  }
  if (parent.method) {
    add(settings, "method", method_word(*parent.method));
  }
  for (const FunctionName& function : parent.reserved) {
    add(settings, "reserved", function.str());
  }
  for (std::size_t i = 0; i < parent.commands.size(); ++i) {
    const ParentCommand& command = parent.commands[i];
    const std::string key = fmt::format("run.{}", i + 1);
    add(settings, key + ".command", command_line(command.command));
    if (!command.check.empty()) {
      add(settings, key + ".check", command_line(command.check));
    }
    add_if(settings, key + ".timeout", command.seconds);
  }
  return settings;
}

std::optional<std::string> value_of(const Settings& settings, const std::string& key) {
  const auto found =
      std::find_if(settings.begin(), settings.end(), [&](const Setting& one) { return one.key == key; });
  return found == settings.end() ? std::nullopt : std::optional(found->value);
}

std::vector<Difference> compare(const Settings& before, const Settings& after) {
  std::vector<Difference> result;
  for (const Setting& setting : before) {
    const std::optional<std::string> now = value_of(after, setting.key);
    if (now != setting.value) {
      result.push_back({setting.key, setting.value, now});
    }
  }
  for (const Setting& setting : after) {
    if (!value_of(before, setting.key)) {
      result.push_back({setting.key, std::nullopt, setting.value});
    }
  }
  return result;
}

std::string names_of(const std::vector<Attribute>& attributes) {
  std::vector<std::string> names;
  std::transform(attributes.begin(), attributes.end(), std::back_inserter(names),
                 [](const Attribute& attribute) { return attribute.name.str(); });
  return join(names, ",");
}

}  // namespace

std::string Difference::str() const {
  const auto shown = [](const std::optional<std::string>& value) {
    return !value ? "(not set)" : value->empty() ? "''" : printable(*value);
  };
  return before ? fmt::format("{}: {} -> {}", printable(key), shown(before), shown(after))
                : fmt::format("{}: {}", printable(key), shown(after));
}

std::vector<Difference> differences(const std::optional<Definition>& before, const Definition& after) {
  std::vector<Difference> result = compare(before ? settings_of(*before) : Settings{}, settings_of(after));
  if (before && before->parent != after.parent) {
    result.insert(result.begin(), {"parent", before->parent.str(), after.parent.str()});
  }
  // The order of attributes with different names is the order in which they are written.
  if (result.empty() && before && before->attributes != after.attributes) {
    result.push_back({"attributes", names_of(before->attributes), names_of(after.attributes)});
  }
  return result;
}

std::vector<Difference> differences(const std::optional<ParentSettings>& before,
                                    const ParentSettings& after) {
  return compare(before ? settings_of(*before) : Settings{}, settings_of(after));
}

std::vector<Difference> differences(const std::optional<Group>& before, const Group& after) {
  return compare(before ? settings_of(*before) : Settings{}, settings_of(after));
}

}  // namespace mdevadm
