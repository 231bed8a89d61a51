// Completion of values.
#include <algorithm>
#include <set>

#include <mdevadm/util/text.hpp>

#include "value_kinds.hpp"

namespace mdevadm::cli {

namespace {

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

}  // namespace mdevadm::cli
