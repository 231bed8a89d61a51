#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/util/text.hpp>

#include "cells.hpp"

namespace mdevadm::render {

namespace {

constexpr Facet boot_facets = Facet::devices | Facet::parents;

// Returns the node that a user of the device opens: the group node if there is one.
const Node* node_of(const DeviceRow& row) {
  return row.device == nullptr || row.device->nodes.empty() ? nullptr : &row.device->nodes.front();
}

const Node* cdev_of(const DeviceRow& row) {
  return row.device == nullptr ? nullptr : row.device->find_node(Node::Kind::cdev);
}

// Returns whether an active device differs from its definition; nullopt if its type or its queues are not
// known.
std::optional<bool> is_drifted(const DeviceRow& row) {
  if (!row.is_active() || row.definition == nullptr || !row.differences.empty()) {
    return !row.differences.empty();
  }
  return row.device->type && !row.device->queues_unreadable ? std::optional(false) : std::nullopt;
}

Value differences(const DeviceRow& row) {
  List list{.texts = {}, .items = {}, .separator = "; "};
  for (const DriftedSetting& one : row.differences) {
    const Value present = one.present ? Value(*one.present) : Value();
    list.items.push_back({{"setting", one.setting}, {"defined", one.defined}, {"present", present}});
    list.texts.push_back(one.str());
  }
  return list;
}

Value drifted(const DeviceRow& row) {
  const std::optional<bool> is = is_drifted(row);
  return is ? Value(*is) : Value();
}

Value state(const DeviceRow& row) {
  return state_word(row);
}

Value type_of(const DeviceRow& row) {
  if (row.device != nullptr && (row.device->type || row.definition == nullptr)) {
    return borrowed_or_none(row.device->type);
  }
  return row.device == nullptr || row.device->removing ? Value(Borrowed{row.definition->type.str()})
                                                       : Value();
}

Value start_of(const DeviceRow& row) {
  return row.definition != nullptr ? Value(std::string(start_word(row.definition->start))) : Value();
}

Value attributes_of(const DeviceRow& row) {
  if (row.definition == nullptr) {
    return {};
  }
  List list;
  for (const Attribute& attribute : row.definition->attributes) {
    list.items.push_back({{"name", attribute.name.str()}, {"value", attribute.value}});
    list.texts.push_back(fmt::format("{}={}", attribute.name.str(), attribute.value));
  }
  return list;
}

// Returns a setting of the node policy in the definition.
template <typename Get>
Value node_policy(const DeviceRow& row, const Get& get) {
  return row.definition != nullptr && row.definition->node ? text_or_none(get(*row.definition->node))
                                                           : Value();
}

// Returns false if a command has started the device: the record of the failure at boot is outdated.
bool counts(const BootEvent& event, const DeviceRow& row) {
  return event.outcome == BootOutcome::started ||
         (event.outcome != BootOutcome::manual && row.device == nullptr);
}

Value boot_of(const DeviceRow& row) {
  return text_or_none(autostart_word(row));
}

// Returns a cell of the boot record; empty if the record is missing or outdated.
template <typename Get>
Value boot_value(const DeviceRow& row, const Get& get) {
  const BootEvent* event = valid_boot_event(row);
  return event != nullptr ? get(*event) : Value();
}

// Returns milliseconds, shown as seconds after `sign`.
Value duration(std::chrono::milliseconds time, std::string_view sign) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
  return Number{count, fmt::format("{}{:.1f}s", sign, static_cast<double>(count) / 1000)};
}

Value boot_message_of(const DeviceRow& row) {
  if (row.automatic && row.boot == nullptr && row.device == nullptr && !row.parent_here) {
    return fmt::format("parent {} not found", row.definition->parent.str());
  }
  return boot_value(row, [](const BootEvent& event) { return text_or_none(event.message); });
}

// Without permission to inspect all processes, an empty list does not mean "unused": reports null.
Value holders_of(const DeviceRow& row) {
  if (row.device == nullptr || (row.device->holders.empty() && row.unseen_processes > 0)) {
    return {};
  }
  List list;
  for (const Holder& holder : row.device->holders) {
    list.items.push_back({{"pid", static_cast<std::uint64_t>(holder.pid)}, {"command", holder.command}});
    list.texts.push_back(fmt::format("{}({})", holder.command, holder.pid));
  }
  return list;
}

Value in_use(const DeviceRow& row) {
  const std::optional<bool> is = is_used(row);
  return is ? Value(*is) : Value();
}

Value pins_of_row(const DeviceRow& row) {
  if (row.definition == nullptr || !row.definition->abi) {
    return {};
  }
  Object object;
  for (const Pin& pin : *row.definition->abi) {
    object.fields.emplace_back(pin.name, pin.value);
    object.texts.push_back(fmt::format("{}={}", pin.name, pin.value));
  }
  return object;
}

Value mode_of(const DeviceRow& row) {
  const Node* node = node_of(row);
  return node != nullptr ? Value(fmt::format("{:04o}", node->mode)) : Value();
}

// Returns the queues of the active device, else those of its definition; nullopt if those of the active
// device cannot be read.
std::optional<ApMatrix> queues_of(const DeviceRow& row) {
  if (row.device != nullptr && (row.device->queues || row.device->queues_unreadable)) {
    return row.device->queues;
  }
  return row.definition != nullptr && has_queues(row.definition->type.str())
             ? std::optional(assigned_by(row.definition->attributes))
             : std::nullopt;
}

template <ApKind kind>
Value numbers_of_row(const DeviceRow& row) {
  const std::optional<ApMatrix> matrix = queues_of(row);
  if (!matrix) {
    return {};
  }
  const std::vector<unsigned> numbers = numbers_of(matrix->of(kind));
  return Numbers{{numbers.begin(), numbers.end()}, format_ap_list(matrix->of(kind), kind)};
}

Value queue_names(const DeviceRow& row) {
  const std::optional<ApMatrix> matrix = queues_of(row);
  if (!matrix) {
    return {};
  }
  Texts names{{}, {}};
  for (const Apqn& queue : matrix->queues()) {
    names.items.push_back(queue.str());
  }
  return names;
}

constexpr auto device_table = std::to_array<Column<DeviceRow>>({
    {{"uuid", "UUID", Kind::uuid, "UUID of the device", dev},
     [](const DeviceRow& r) -> Value { return r.uuid(); }},
    {{"name", "NAME", Kind::text, "name from the definition", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? borrowed_or_none(r.definition->name) : Value();
     }},
    {{"parent", "PARENT", Kind::word, "parent device", dev},
     [](const DeviceRow& r) -> Value { return Borrowed{r.parent().str()}; }},
    {{"type", "TYPE", Kind::word, "mdev type: of the active device, else from the definition", dev}, type_of},
    {{"type_name", "TYPE-NAME", Kind::text, "vendor's name of the type",
      dev | Facet::types | Facet::type_name, true},
     [](const DeviceRow& r) -> Value { return text_or_none(r.type_name); }},
    {{"state", "STATE", Kind::word, "active, inactive, drifted (differs from the definition) or removing",
      dev, true},
     state},
    {{"active", "ACTIVE", Kind::truth, "whether the device is active", dev},
     [](const DeviceRow& r) -> Value { return r.is_active(); }},
    {{"defined", "DEFINED", Kind::truth, "whether the device has a definition", dev, true},
     [](const DeviceRow& r) -> Value { return r.definition != nullptr; }},
    {{"autostart", "AUTOSTART", Kind::truth, "whether the definition or its group has autostart", dev, true},
     [](const DeviceRow& r) -> Value { return r.automatic; }},
    {{"drifted", "DRIFTED", Kind::truth, "whether an active device differs from its definition", dev, true},
     drifted},
    {{"differences", "DIFFERENCES", Kind::list,
      "settings of an active device that differ from its definition", dev, true},
     differences},
    {{"removing", "REMOVING", Kind::truth, "whether a removal is pending until the device is closed", dev},
     [](const DeviceRow& r) -> Value { return r.device != nullptr && r.device->removing; }},
    {{"in_use", "IN-USE", Kind::truth, "whether a process uses the device (known only to root)",
      dev | Facet::holders},
     in_use},
    {{"claimed", "CLAIMED", Kind::truth, "whether the device was handed out by claim", dev | Facet::claims},
     [](const DeviceRow& r) -> Value { return r.claim != nullptr; }},
    {{"claimed_for", "CLAIMED-FOR", Kind::text, "for whom it was claimed, as given to claim",
      dev | Facet::claims},
     [](const DeviceRow& r) -> Value {
       return r.claim != nullptr ? text_or_none(r.claim->claimant) : Value();
     }},
    {{"claimed_at", "CLAIMED-AT", Kind::word, "when it was claimed", dev | Facet::claims},
     [](const DeviceRow& r) -> Value {
       return r.claim != nullptr && r.claim->problem.empty() ? Value(timestamp(r.claim->at)) : Value();
     }},
    {{"start", "START", Kind::word, "autostart: auto or manual; empty without a definition", dev, true},
     start_of},
    {{"group", "GROUP", Kind::word, "group of which the device is a member", dev, true},
     [](const DeviceRow& r) -> Value { return r.group != nullptr ? Value(r.group->name.str()) : Value(); }},
    {{"origin", "ORIGIN", Kind::word, "owner of the definition: mdevadm or mdevctl", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition == nullptr                   ? Value()
              : r.definition->origin == Origin::mdevctl ? Value("mdevctl")
                                                        : Value("mdevadm");
     }},
    {{"applied_by", "APPLIED-BY", Kind::word, "namespace of the description that apply made it from", dev,
      true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr && r.definition->applied_by ? Value(r.definition->applied_by->str())
                                                                  : Value();
     }},
    {{"defined_type", "DEFINED-TYPE", Kind::word, "type from the definition", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? Value(r.definition->type.str()) : Value();
     }},
    {{"aggregate", "AGGREGATE", Kind::number, "aggregated instances, from the definition", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? number_or_none(r.definition->aggregate) : Value();
     }},
    {{"create_args", "CREATE-ARGS", Kind::text, "create arguments, from the definition", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? text_or_none(r.definition->create_args) : Value();
     }},
    {{"attributes", "ATTRIBUTES", Kind::list, "attributes set at start, in order, from the definition", dev,
      true},
     attributes_of},
    {{"adapters", "ADAPTERS", Kind::text, "adapters of a vfio-ap device: of the active one, else as defined",
      dev | Facet::queues, true},
     numbers_of_row<ApKind::adapter>},
    {{"domains", "DOMAINS", Kind::text, "domains of a vfio-ap device: of the active one, else as defined",
      dev | Facet::queues, true},
     numbers_of_row<ApKind::domain>},
    {{"control_domains", "CONTROL-DOMAINS", Kind::text,
      "control domains of a vfio-ap device: of the active one, else as defined", dev | Facet::queues, true},
     numbers_of_row<ApKind::control_domain>},
    {{"queues", "QUEUES", Kind::text, "queues of a vfio-ap device: all its adapters with all its domains",
      dev | Facet::queues, true},
     queue_names},
    {{"vf", "VF", Kind::word, "virtual function of the device, or the one that the definition reserves", dev,
      true},
     [](const DeviceRow& r) -> Value {
       if (r.device != nullptr && !r.device->vf.empty()) {
         return r.device->vf.str();
       }
       return r.definition != nullptr ? text_or_none(r.definition->function) : Value();
     }},
    {{"node_policy_owner", "NODE-POLICY-OWNER", Kind::text, "owner to set on the VFIO nodes, as defined", dev,
      true},
     [](const DeviceRow& r) { return node_policy(r, [](const NodePolicy& node) { return node.owner; }); }},
    {{"node_policy_group", "NODE-POLICY-GROUP", Kind::text, "group to set on the VFIO nodes, as defined", dev,
      true},
     [](const DeviceRow& r) { return node_policy(r, [](const NodePolicy& node) { return node.group; }); }},
    {{"node_policy_mode", "NODE-POLICY-MODE", Kind::word,
      "permissions to set on the VFIO nodes, octal, as defined", dev, true},
     [](const DeviceRow& r) { return node_policy(r, mode_text); }},
    {{"node_policy_label", "NODE-POLICY-LABEL", Kind::text,
      "SELinux label to set on the VFIO nodes, as defined", dev, true},
     [](const DeviceRow& r) {
       return node_policy(r, [](const NodePolicy& node) { return node.selinux_label; });
     }},
    {{"pins", "PINS", Kind::list, "guest ABI recorded in the definition", dev, true}, pins_of_row},
    {{"kernel_name", "KERNEL-NAME", Kind::word,
      "sysfs name if it is not the UUID, e.g. the PCI address of the VF", dev},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? text_or_none(r.device->name.str()) : Value();
     }},
    {{"online", "ONLINE", Kind::truth, "whether the device is online, if it has an online state",
      dev | Facet::online},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr && r.device->online ? Value(*r.device->online) : Value();
     }},
    {{"units", "UNITS", Kind::number, "aggregated instances reported by the driver", dev | Facet::units},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? number_or_none(r.device->units) : Value();
     }},
    {{"peers", "PEERS", Kind::word, "identifier of the peer-to-peer set, if any", dev | Facet::peers},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr && r.device->peers ? Value(r.device->peers->str()) : Value();
     }},
    {{"iommu_group", "IOMMU", Kind::number, "IOMMU group number", dev | Facet::iommu_group},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? number_or_none(r.device->iommu_group) : Value();
     }},
    {{"node", "NODE", Kind::word, "VFIO node", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return node_of(r) != nullptr ? Value(node_of(r)->path) : Value(); }},
    {{"cdev", "CDEV", Kind::word, "VFIO device node (Linux 6.6 and later)", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return cdev_of(r) != nullptr ? Value(cdev_of(r)->path) : Value(); }},
    {{"node_owner", "NODE-OWNER", Kind::text, "owner of the VFIO node", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return node_of(r) != nullptr ? Value(node_of(r)->owner) : Value(); }},
    {{"node_group", "NODE-GROUP", Kind::text, "group of the VFIO node", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return node_of(r) != nullptr ? Value(node_of(r)->group) : Value(); }},
    {{"node_mode", "NODE-MODE", Kind::word, "mode of the VFIO node, octal", dev | Facet::nodes}, mode_of},
    {{"driver", "DRIVER", Kind::word, "driver bound to the device", dev | Facet::driver},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr && r.device->driver ? Value(Borrowed{*r.device->driver}) : Value();
     }},
    {{"held_by", "HELD-BY", Kind::list, "processes that use the device (complete only for root)",
      dev | Facet::holders},
     holders_of},
    {{"boot", "RESULT", Kind::word, "autostart result: started, failed, waiting, pending or manual",
      boot_facets, true, true},
     boot_of},
    {{"boot_begun", "BEGUN-AT", Kind::word, "start time of autostart", boot_facets, true, true},
     [](const DeviceRow& r) {
       return boot_value(r, [&](const BootEvent& e) -> Value { return timestamp(r.booted + e.begun); });
     }},
    {{"boot_begun_ms", "BEGUN", Kind::number, "start time of autostart since boot, in JSON in ms",
      boot_facets, true, true},
     [](const DeviceRow& r) {
       return boot_value(r, [](const BootEvent& event) { return duration(event.begun, "+"); });
     }},
    {{"boot_took_ms", "TOOK", Kind::number, "duration of the start at boot, in JSON in ms", boot_facets, true,
      true},
     [](const DeviceRow& r) {
       return boot_value(r, [](const BootEvent& event) { return duration(event.ended - event.begun, ""); });
     }},
    {{"boot_tries", "TRIES", Kind::number, "number of start attempts at boot", boot_facets, true, true},
     [](const DeviceRow& r) {
       return boot_value(r, [](const BootEvent& event) -> Value { return event.tries; });
     }},
    {{"boot_message", "MESSAGE", Kind::sentence, "reason of a failure at boot, or what is waited for",
      boot_facets, true, true},
     boot_message_of},
    {{"path", "PATH", Kind::text, "directory in sysfs", dev},
     [](const DeviceRow& r)
         -> Value { return r.device != nullptr ? Value("/" + r.device->path.str()) : Value(); }},
    {{"file", "FILE", Kind::text, "file of the definition", dev, true},
     [](const DeviceRow& r) -> Value { return text_or_none(r.file); }},
});

}  // namespace

std::string state_word(const DeviceRow& row) {
  return row.device == nullptr             ? "inactive"
         : row.device->removing            ? "removing"
         : is_drifted(row).value_or(false) ? "drifted"
                                           : "active";
}

const BootEvent* valid_boot_event(const DeviceRow& row) {
  return row.automatic && row.boot != nullptr && counts(*row.boot, row) ? row.boot : nullptr;
}

std::optional<std::string> autostart_word(const DeviceRow& row) {
  if (!row.automatic) {
    return std::nullopt;
  }
  if (const BootEvent* event = valid_boot_event(row)) {
    return boot_word(event->outcome);
  }
  // A device that is not complete is being started, by autostart or by another command.
  const bool is_complete = row.device != nullptr && !row.device->unfinished;
  const bool was_started = row.boot != nullptr && row.boot->outcome == BootOutcome::manual;
  return is_complete || was_started ? "manual" : row.parent_here ? "pending" : "waiting";
}

std::optional<bool> is_used(const DeviceRow& row) {
  if (row.device == nullptr) {
    return false;
  }
  if (row.device->removing || !row.device->holders.empty()) {
    return true;
  }
  return row.unseen_processes > 0 || row.vague_users > 0 ? std::nullopt : std::optional(false);
}

std::span<const Column<DeviceRow>> device_columns() {
  return device_table;
}

}  // namespace mdevadm::render
