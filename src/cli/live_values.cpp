// Completion of values with those that exist on the host.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include <mdevadm/render/columns.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/util/text.hpp>

#include "value_kinds.hpp"

namespace mdevadm::cli {

namespace {

using Candidates = std::vector<Candidate>;

bool is_hexadecimal(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
  });
}

bool is_offered(ValueKind kind, bool active) {
  return kind == ValueKind::active_device ? active : kind != ValueKind::inactive_definition || !active;
}

// Offers names, and UUIDs of devices without a name; UUIDs of all if the word begins like one.
void add_device(Candidates& found, const std::string& word, const Uuid& uuid, const std::string& name,
                const std::string& description) {
  if (!name.empty() && name.starts_with(word)) {
    found.push_back({name, description});
  }
  if ((name.empty() || (!word.empty() && is_hexadecimal(word))) && uuid.str().starts_with(to_lower(word))) {
    found.push_back({uuid.str(), name.empty() ? description : fmt::format("{}, {}", name, description)});
  }
}

Candidates devices(ValueKind kind, const std::string& word, Context& context) {
  Candidates found;
  const Snapshot seen = context.observe({Facet::devices, {}, {}});
  const Definitions defined = load_definitions({context.host(), context.store()});
  std::set<Uuid> active;
  for (const Device& device : seen.devices) {
    active.insert(device.uuid);
  }
  std::set<Uuid> offered;
  for (const Definition& definition : defined.all) {
    const bool is_active = active.count(definition.uuid) > 0;
    offered.insert(definition.uuid);
    if (is_offered(kind, is_active)) {
      add_device(found, word, definition.uuid, definition.name ? definition.name->str() : "",
                 fmt::format("{} on {}, {}", definition.type.str(), definition.parent.str(),
                             is_active ? "active" : "inactive"));
    }
  }
  const bool with_active = kind == ValueKind::device || kind == ValueKind::active_device;
  for (const Device& device : seen.devices) {
    if (with_active && offered.insert(device.uuid).second) {
      add_device(found, word, device.uuid, {},
                 fmt::format("{} on {}, active", device.type ? device.type->str() : "unknown type",
                             device.parent.str()));
    }
  }
  // Names first.
  std::stable_partition(found.begin(), found.end(),
                        [](const Candidate& one) { return !Uuid::parse(one.value); });
  return found;
}

// PCI addresses are also found by their short form, without the domain.
Candidates parents(const std::string& word, Context& context) {
  Candidates found;
  const Snapshot seen = context.observe({Facet::parents | Facet::parent_identity, {}, {}});
  for (const Parent& parent : seen.parents) {
    const std::string& name = parent.name.str();
    const std::string lower = to_lower(word);
    if (name.starts_with(lower) || (!lower.empty() && name.starts_with("0000:" + lower))) {
      found.push_back({name, parent.driver.value_or("")});
    }
  }
  return found;
}

Candidates parents_with_settings(Context& context) {
  Candidates found;
  for (const ParentSettings& settings : context.store().load_parent_settings().all) {
    found.push_back({settings.parent.str()});
  }
  return found;
}

Candidates types(const CompletionRequest& request, Context& context) {
  Candidates found;
  const Snapshot snapshot = context.observe({Facet::types | Facet::type_name | Facet::available, {}, {}});
  for (const Parent& seen : snapshot.parents) {
    if (!request.parent.empty() && request.parent != seen.name.str()) {
      continue;
    }
    for (const Type* type : seen.all_types()) {
      std::string description = type->name.value_or("");
      if (type->available) {
        description += fmt::format("{}{} available", description.empty() ? "" : ", ", *type->available);
      }
      found.push_back({type->id.str(), description});
    }
  }
  return found;
}

Candidates functions(const std::string& parent, Context& context) {
  Candidates found;
  const Snapshot snapshot = context.observe({Facet::types, {}, {}});
  for (const Parent& seen : snapshot.parents) {
    for (const Function& function : seen.functions) {
      if (parent.empty() || parent == seen.name.str()) {
        found.push_back({function.address, function.type ? function.type->str() : "free"});
      }
    }
  }
  return found;
}

// Returns the names of properties only: any comparison and value may follow.
Candidates properties(Context& context) {
  Candidates found{{"name", "name of the type"},      {"type", "type ID"},
                   {"device_api", "VFIO device API"}, {"memory", "graphics memory"},
                   {"maximum", "maximum instances"},  {"available", "available instances"}};
  std::set<std::string> names;
  const Snapshot snapshot = context.observe({Facet::types | Facet::description | Facet::type_name, {}, {}});
  for (const Parent& parent : snapshot.parents) {
    for (const Type* type : parent.all_types()) {
      for (const Property& property : type->properties) {
        if (names.insert(property.name).second) {
          found.push_back({property.name, fmt::format("such as {}", property.text)});
        }
      }
    }
  }
  return found;
}

Candidates owners(const std::string& word) {
  Candidates found;
  const std::size_t colon = word.find(':');
  const std::string user = word.substr(0, colon);
  for (const std::string& name : colon == std::string::npos ? sys::user_names() : sys::group_names()) {
    found.push_back({colon == std::string::npos ? name : fmt::format("{}:{}", user, name)});
  }
  return found;
}

Candidates mdevctl_definitions(Context& context) {
  Candidates found;
  for (const StoredConfig& stored : context.store().load_configs({}).all) {
    found.push_back({stored.uuid.str(), fmt::format("under {}", stored.parent.str())});
  }
  return found;
}

// Completes the last item of a comma-separated list.
Candidates series(const std::string& word) {
  const std::string before = word.substr(0, word.rfind(',') + 1);  // all of it if there is no comma
  Candidates found;
  for (const auto& [name, use] : {std::pair{"Q", "workstations"}, std::pair{"B", "desktops"},
                                  std::pair{"A", "applications"}, std::pair{"C", "compute"}}) {
    found.push_back({before + name, use});
  }
  return found;
}

// Completes the last item of a comma-separated list.
Candidates states(const std::string& word) {
  const std::size_t comma = word.rfind(',');
  const std::string before = comma == std::string::npos ? std::string{} : word.substr(0, comma + 1);
  Candidates found;
  for (const std::string_view state : render::device_states) {
    found.push_back({fmt::format("{}{}", before, state)});
  }
  return found;
}

Candidates groups(Context& context) {
  Candidates found;
  for (const Group& group : context.store().load_groups().all) {
    found.push_back({group.name.str(), fmt::format("{} members", group.members.size())});
  }
  return found;
}

Candidates all_values(ValueKind kind, const CompletionRequest& request, Context& context) {
  switch (kind) {
    case ValueKind::type: return types(request, context);
    case ValueKind::function: return functions(request.parent, context);
    case ValueKind::need: return properties(context);
    case ValueKind::series: return series(request.word);
    case ValueKind::placement:
      return {{"spread", "the parent with the most room"}, {"pack", "the fullest parent that has room"}};
    case ValueKind::node_owner: return owners(request.word);
    case ValueKind::mdevctl_definition: return mdevctl_definitions(context);
    case ValueKind::states: return states(request.word);
    case ValueKind::parent_with_settings: return parents_with_settings(context);
    case ValueKind::function_goal: return {{"all", "as many as the parent supports"}};
    case ValueKind::function_method:
      return {{"sriov-manage", "NVIDIA's program"}, {"sysfs", "the kernel's sriov_numvfs"}};
    case ValueKind::sharing: return {{"auto"}, {"require"}, {"off"}};
    case ValueKind::group: return groups(context);
    default: return {};
  }
}

}  // namespace

std::vector<Candidate> live_values(ValueKind kind, const CompletionRequest& request, Context& context) {
  switch (kind) {
    case ValueKind::device:
    case ValueKind::active_device:
    case ValueKind::inactive_definition:
    case ValueKind::defined_device: return devices(kind, request.word, context);
    case ValueKind::device_or_parent: {
      Candidates found = devices(ValueKind::device, request.word, context);
      const Candidates more = parents(request.word, context);
      found.insert(found.end(), more.begin(), more.end());
      return found;
    }
    case ValueKind::parent: return parents(request.word, context);
    default: break;
  }
  Candidates found = all_values(kind, request, context);
  std::erase_if(found, [&](const Candidate& one) { return !one.value.starts_with(request.word); });
  return found;
}

}  // namespace mdevadm::cli
