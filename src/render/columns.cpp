#include <mdevadm/render/columns.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <mdevadm/util/text.hpp>

namespace mdevadm::render {

namespace {

constexpr Facet dev = Facet::devices;
constexpr Facet boot_facets = Facet::devices | Facet::parents;

template <typename T>
Value text_or_none(const std::optional<T>& name) {
  return name ? Value(name->str()) : Value();
}

template <>
Value text_or_none(const std::optional<std::string>& text) {
  return text ? Value(*text) : Value();
}

Value text_or_none(const std::string& text) {
  return text.empty() ? Value() : Value(text);
}

Value number_or_none(const std::optional<std::uint64_t>& number) {
  return number ? Value(*number) : Value();
}

// Returns the node that a user of the device opens: the group node if there is one.
const Node* node_of(const DeviceRow& row) {
  return row.device == nullptr || row.device->nodes.empty() ? nullptr : &row.device->nodes.front();
}

const Node* cdev_of(const DeviceRow& row) {
  return row.device == nullptr ? nullptr : row.device->find_node(Node::Kind::cdev);
}

Value state(const DeviceRow& row) {
  if (row.device == nullptr) {
    return std::string("inactive");
  }
  const bool drifted = row.definition != nullptr && row.device->type &&
                       !same_type(row.device->type->str(), row.definition->type.str());
  return std::string(drifted ? "drifted" : "active");
}

Value type_of(const DeviceRow& row) {
  if (row.device != nullptr) {
    return text_or_none(row.device->type);
  }
  return row.definition->type.str();
}

Value start_of(const DeviceRow& row) {
  if (row.definition == nullptr) {
    return {};
  }
  return std::string(row.definition->start == StartMode::automatic ? "auto" : "manual");
}

Value attributes_of(const DeviceRow& row) {
  if (row.definition == nullptr) {
    return {};
  }
  List list;
  std::vector<std::string> texts;
  for (const Attribute& attribute : row.definition->attributes) {
    list.items.push_back({{"name", attribute.name.str()}, {"value", attribute.value}});
    texts.push_back(fmt::format("{}={}", attribute.name.str(), attribute.value));
  }
  list.text = join(texts, " ");
  return list;
}

// Returns false if the device was not started at boot but is active: its boot record is outdated.
bool counts(const BootEvent& event, const DeviceRow& row) {
  return event.outcome == BootOutcome::started || row.device == nullptr;
}

Value boot_of(const DeviceRow& row) {
  if (!row.automatic) {
    return {};
  }
  if (row.boot != nullptr && counts(*row.boot, row)) {
    return boot_word(row.boot->outcome);
  }
  return std::string(row.device != nullptr ? "active" : row.parent_here ? "untried" : "waiting");
}

// Returns a cell of the boot record; empty if the record is missing or outdated.
template <typename Get>
Value boot_value(const DeviceRow& row, const Get& get) {
  return row.automatic && row.boot != nullptr && counts(*row.boot, row) ? get(*row.boot) : Value();
}

Value milliseconds_or_none(std::chrono::milliseconds time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
}

Value boot_message_of(const DeviceRow& row) {
  if (row.automatic && row.boot == nullptr && row.device == nullptr && !row.parent_here) {
    return fmt::format("parent {} not found", row.definition->parent.str());
  }
  return boot_value(row, [](const BootEvent& event) { return text_or_none(event.message); });
}

Value holders_of(const DeviceRow& row) {
  // Without permission to inspect all processes, an empty list does not mean "unused": report null.
  if (row.device == nullptr || (row.device->holders.empty() && row.unseen_processes > 0)) {
    return {};
  }
  List list;
  std::vector<std::string> texts;
  for (const Holder& holder : row.device->holders) {
    list.items.push_back({{"pid", static_cast<std::uint64_t>(holder.pid)}, {"command", holder.command}});
    texts.push_back(fmt::format("{}({})", holder.command, holder.pid));
  }
  list.text = join(texts, " ");
  return list;
}

Value pins_of_row(const DeviceRow& row) {
  if (row.definition == nullptr || !row.definition->abi) {
    return {};
  }
  List list;
  std::vector<std::string> texts;
  for (const Pin& pin : *row.definition->abi) {
    list.items.push_back({{"name", pin.name}, {"value", pin.value}});
    texts.push_back(fmt::format("{}={}", pin.name, pin.value));
  }
  list.text = join(texts, " ");
  return list;
}

Value mode_of(const DeviceRow& row) {
  const Node* node = node_of(row);
  return node != nullptr ? Value(fmt::format("{:04o}", node->mode)) : Value();
}

// `kind` states which of the number fields apply; sizes are in bytes.
Record property_record(const Property& property) {
  Record record{{"name", property.name}, {"text", property.text}, {"kind", std::string("text")},
                {"number", Value()},     {"width", Value()},      {"height", Value()}};
  if (const auto* number = std::get_if<std::uint64_t>(&property.value)) {
    record[2].second = std::string("integer");
    record[3].second = *number;
  } else if (const auto* size = std::get_if<Bytes>(&property.value)) {
    record[2].second = std::string("size");
    record[3].second = size->count;
  } else if (const auto* resolution = std::get_if<Resolution>(&property.value)) {
    record[2].second = std::string("resolution");
    record[4].second = std::uint64_t{resolution->width};
    record[5].second = std::uint64_t{resolution->height};
  }
  return record;
}

// In a table, a description that could not be parsed is shown as the driver reports it.
Value properties_of(const TypeRow& row) {
  List list;
  std::vector<std::string> texts;
  for (const Property& property : row.type->properties) {
    list.items.push_back(property_record(property));
    texts.push_back(fmt::format("{}={}", property.name, property.text));
  }
  std::string description = row.type->description.value_or("");
  std::replace(description.begin(), description.end(), '\n', ' ');
  list.text = texts.empty() ? description : join(texts, " ");
  return list;
}

constexpr auto device_table = std::to_array<Column<DeviceRow>>({
    {{"uuid", "UUID", Kind::text, "UUID of the device", dev},
     [](const DeviceRow& r) -> Value {
       return (r.device != nullptr ? r.device->uuid : r.definition->uuid).str();
     }},
    {{"name", "NAME", Kind::text, "name from the definition", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? text_or_none(r.definition->name) : Value();
     }},
    {{"parent", "PARENT", Kind::text, "parent device", dev},
     [](const DeviceRow& r) -> Value {
       return (r.device != nullptr ? r.device->parent : r.definition->parent).str();
     }},
    {{"type", "TYPE", Kind::text, "mdev type: of the active device, else from the definition", dev}, type_of},
    {{"state", "STATE", Kind::text, "active, inactive, or drifted (active with a type other than defined)",
      dev, true},
     state},
    {{"start", "START", Kind::text, "autostart: auto or manual; empty without a definition", dev, true},
     start_of},
    {{"group", "GROUP", Kind::text, "group of which the device is a member", dev, true},
     [](const DeviceRow& r) -> Value { return r.group != nullptr ? Value(r.group->name.str()) : Value(); }},
    {{"origin", "ORIGIN", Kind::text, "owner of the definition: mdevadm or mdevctl", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition == nullptr                   ? Value()
              : r.definition->origin == Origin::mdevctl ? Value("mdevctl")
                                                        : Value("mdevadm");
     }},
    {{"defined_type", "DEFINED-TYPE", Kind::text, "type from the definition", dev, true},
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
    {{"vf", "VF", Kind::text, "virtual function, from the definition", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? text_or_none(r.definition->function) : Value();
     }},
    {{"pins", "PINS", Kind::list, "guest ABI recorded in the definition", dev, true}, pins_of_row},
    {{"kernel_name", "KERNEL-NAME", Kind::text,
      "sysfs name if it is not the UUID, e.g. the PCI address of the VF", dev},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? text_or_none(r.device->name) : Value();
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
    {{"peers", "PEERS", Kind::text, "identifier of the peer-to-peer set, if any", dev | Facet::peers},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr && r.device->peers ? Value(r.device->peers->str()) : Value();
     }},
    {{"iommu_group", "IOMMU-GROUP", Kind::number, "IOMMU group number", dev | Facet::iommu_group},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? number_or_none(r.device->iommu_group) : Value();
     }},
    {{"node", "NODE", Kind::text, "VFIO node", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return node_of(r) != nullptr ? Value(node_of(r)->path) : Value(); }},
    {{"cdev", "CDEV", Kind::text, "VFIO device node (Linux 6.6 and later)", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return cdev_of(r) != nullptr ? Value(cdev_of(r)->path) : Value(); }},
    {{"node_owner", "NODE-OWNER", Kind::text, "owner of the VFIO node", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return node_of(r) != nullptr ? Value(node_of(r)->owner) : Value(); }},
    {{"node_group", "NODE-GROUP", Kind::text, "group of the VFIO node", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return node_of(r) != nullptr ? Value(node_of(r)->group) : Value(); }},
    {{"node_mode", "NODE-MODE", Kind::text, "mode of the VFIO node, octal", dev | Facet::nodes}, mode_of},
    {{"driver", "DRIVER", Kind::text, "driver bound to the device", dev | Facet::driver},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? text_or_none(r.device->driver) : Value();
     }},
    {{"held_by", "HELD-BY", Kind::list, "processes that use the device (complete only for root)",
      dev | Facet::holders},
     holders_of},
    {{"boot", "BOOT", Kind::text, "autostart result at this boot: started, waiting, failed ...", boot_facets,
      true, true},
     boot_of},
    {{"boot_begun_ms", "BEGUN-MS", Kind::number, "start time of autostart, ms since boot", boot_facets, true,
      true},
     [](const DeviceRow& r) -> Value {
       return boot_value(r, [](const BootEvent& event) { return milliseconds_or_none(event.begun); });
     }},
    {{"boot_took_ms", "TOOK-MS", Kind::number, "duration of the start at boot, ms", boot_facets, true, true},
     [](const DeviceRow& r) -> Value {
       return boot_value(
           r, [](const BootEvent& event) { return milliseconds_or_none(event.ended - event.begun); });
     }},
    {{"boot_tries", "TRIES", Kind::number, "number of start attempts at boot", boot_facets, true, true},
     [](const DeviceRow& r) -> Value {
       return boot_value(r, [](const BootEvent& event) -> Value { return event.tries; });
     }},
    {{"boot_message", "BOOT-MESSAGE", Kind::text, "reason of a failure at boot, or what is waited for",
      boot_facets, true, true},
     boot_message_of},
    {{"path", "PATH", Kind::text, "directory in sysfs", dev},
     [](const DeviceRow& r) -> Value { return r.device != nullptr ? Value("/" + r.device->path) : Value(); }},
    {{"file", "FILE", Kind::text, "file of the definition", dev, true},
     [](const DeviceRow& r) -> Value { return text_or_none(r.file); }},
});

constexpr auto type_table = std::to_array<Column<TypeRow>>({
    {{"parent", "PARENT", Kind::text, "parent device", Facet::types},
     [](const TypeRow& r) -> Value { return r.parent->name.str(); }},
    {{"type", "TYPE", Kind::text, "mdev type", Facet::types},
     [](const TypeRow& r) -> Value { return r.type->id.str(); }},
    {{"available", "AVAILABLE", Kind::number, "available instances", Facet::available},
     [](const TypeRow& r) -> Value { return number_or_none(r.type->available); }},
    {{"used", "USED", Kind::number, "active devices of this type", Facet::types | dev},
     [](const TypeRow& r) -> Value { return number_or_none(r.used); }},
    {{"maximum", "MAXIMUM", Kind::number, "maximum instances on an idle parent",
      Facet::types | Facet::description},
     [](const TypeRow& r) -> Value { return number_or_none(r.type->maximum); }},
    {{"aggregate", "AGGREGATE", Kind::number,
      "maximum instances of one aggregated device; available counts instances",
      Facet::aggregation | Facet::description},
     [](const TypeRow& r) -> Value { return number_or_none(r.type->most_units); }},
    {{"device_api", "API", Kind::text, "VFIO device API: vfio-pci, vfio-ap, vfio-ccw ...", Facet::device_api},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->device_api); }},
    {{"name", "NAME", Kind::text, "vendor's name of the type", Facet::type_name},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->name); }},
    {{"properties", "PROPERTIES", Kind::list, "properties parsed from the description", Facet::description},
     properties_of},
    {{"description", "DESCRIPTION", Kind::text, "description as reported by the driver", Facet::description},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->description); }},
    {{"driver", "DRIVER", Kind::text, "driver of the parent", Facet::types | Facet::parent_identity},
     [](const TypeRow& r) -> Value { return text_or_none(r.parent->driver); }},
    {{"pci_id", "PCI-ID", Kind::text, "PCI vendor and device of the parent",
      Facet::types | Facet::parent_identity},
     [](const TypeRow& r) -> Value { return text_or_none(r.parent->pci_id); }},
    {{"dialect", "DIALECT", Kind::text, "kernel interface variant of the parent", Facet::types},
     [](const TypeRow& r) -> Value { return text_or_none(r.parent->dialect); }},
    {{"migration_version", "MIGRATION-VERSION", Kind::text,
      "migration version; a migration target's driver must accept it",
      Facet::types | Facet::migration_version},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->migration_version); }},
});

Value abilities_of(const ParentRow& row) {
  const Capabilities& can = row.parent->capabilities;
  List list;
  std::vector<std::string> texts;
  const auto add = [&](const char* name, Support support) {
    if (support != Support::no) {
      const std::string word = support == Support::yes ? "yes" : "perhaps";
      list.items.push_back({{"ability", std::string(name)}, {"support", word}});
      texts.push_back(fmt::format("{}: {}", name, word));
    }
  };
  const auto yes_if = [](bool is_so) { return is_so ? Support::yes : Support::no; };
  const bool aggregates = std::any_of(row.parent->types.begin(), row.parent->types.end(),
                                      [](const Type& type) { return type.most_units.value_or(1) > 1; });
  add("create arguments", can.create_arguments);
  add("aggregation", yes_if(aggregates));
  add("online", yes_if(can.online));
  add("shared IOMMU groups", can.kernel_groups);
  add("virtual functions", yes_if(can.functions));
  list.text = join(texts, ", ");
  return list;
}

Value functions_of(const ParentRow& row) {
  List list;
  std::vector<std::string> texts;
  for (const Function& function : row.parent->functions) {
    list.items.push_back({{"address", function.address}, {"type", text_or_none(function.type)}});
    texts.push_back(fmt::format("{}: {}", function.address, function.type ? function.type->str() : "free"));
  }
  list.text = join(texts, " ");
  return list;
}

constexpr auto parent_table = std::to_array<Column<ParentRow>>({
    {{"parent", "PARENT", Kind::text, "name of the parent", Facet::parents},
     [](const ParentRow& r) -> Value { return r.parent->name.str(); }},
    {{"dialect", "DIALECT", Kind::text, "kernel interface variant", Facet::types},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->dialect); }},
    {{"abilities", "ABILITIES", Kind::list, "optional features of the kernel interface",
      Facet::types | Facet::aggregation | Facet::description},
     abilities_of},
    {{"types", "TYPES", Kind::number, "number of mdev types", Facet::types},
     [](const ParentRow& r) -> Value { return static_cast<std::uint64_t>(r.parent->types.size()); }},
    {{"devices", "DEVICES", Kind::number, "number of active devices", dev},
     [](const ParentRow& r) -> Value { return static_cast<std::uint64_t>(r.devices); }},
    {{"notice", "NOTICE", Kind::text, "why types or instances are missing", Facet::types},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->notice); }},
    {{"types_text", "TYPES-TEXT", Kind::text, "type information in a format that is not recognized",
      Facet::types},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->types_text); }},
    {{"functions", "FUNCTIONS", Kind::list, "virtual functions and the vGPU type assigned to each",
      Facet::types},
     functions_of},
    {{"driver", "DRIVER", Kind::text, "driver of the parent", Facet::parent_identity},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->driver); }},
    {{"driver_version", "DRIVER-VERSION", Kind::text, "version of the driver module", Facet::parent_identity},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->driver_version); }},
    {{"pci_id", "PCI-ID", Kind::text, "PCI vendor and device", Facet::parent_identity},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->pci_id); }},
    {{"pci_subsystem", "PCI-SUBSYSTEM", Kind::text, "PCI vendor and device of the subsystem",
      Facet::parent_identity},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->pci_subsystem); }},
    {{"path", "PATH", Kind::text, "directory in sysfs", Facet::parents},
     [](const ParentRow& r) -> Value { return "/" + r.parent->path; }},
});

Value group_state(const GroupRow& row) {
  const std::size_t all = row.group->members.size();
  return std::string(row.active == 0 ? "inactive" : row.active < all ? "partly" : "active");
}

constexpr auto group_table = std::to_array<Column<GroupRow>>({
    {{"name", "NAME", Kind::text, "name of the group", Facet::none},
     [](const GroupRow& r) -> Value { return r.group->name.str(); }},
    {{"state", "STATE", Kind::text, "active, partly (some members active) or inactive", dev}, group_state},
    {{"active", "ACTIVE", Kind::number, "number of active members", dev},
     [](const GroupRow& r) -> Value { return static_cast<std::uint64_t>(r.active); }},
    {{"members", "MEMBERS", Kind::number, "number of members", Facet::none},
     [](const GroupRow& r) -> Value { return static_cast<std::uint64_t>(r.group->members.size()); }},
    {{"file", "FILE", Kind::text, "file of the group", Facet::none},
     [](const GroupRow& r) -> Value { return r.file; }},
});

constexpr auto result_table = std::to_array<Column<ResultRow>>({
    {{"device", "DEVICE", Kind::text, "UUID; the argument as given if it could not be resolved", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.device); }},
    {{"group", "GROUP", Kind::text, "group of the operation", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.group); }},
    {{"parent", "PARENT", Kind::text, "parent device", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.parent); }},
    {{"type", "TYPE", Kind::text, "mdev type", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.type); }},
    {{"outcome", "OUTCOME", Kind::text, "done, unchanged, failed or undone (rolled back)", Facet::none},
     [](const ResultRow& r) -> Value { return r.outcome; }},
    {{"note", "NOTE", Kind::text, "why nothing had to be done", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.note); }},
    {{"code", "CODE", Kind::number, "exit status for this item", Facet::none},
     [](const ResultRow& r) -> Value { return static_cast<std::uint64_t>(r.code); }},
    {{"message", "MESSAGE", Kind::text, "error message", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.message); }},
    {{"hints", "HINTS", Kind::list, "remedies, one text each", Facet::none},
     [](const ResultRow& r) -> Value { return Texts{r.hints}; }},
});

}  // namespace

std::span<const Column<DeviceRow>> device_columns() {
  return device_table;
}

std::span<const Column<TypeRow>> type_columns() {
  return type_table;
}

std::span<const Column<ParentRow>> parent_columns() {
  return parent_table;
}

std::span<const Column<GroupRow>> group_columns() {
  return group_table;
}

std::span<const Column<ResultRow>> result_columns() {
  return result_table;
}

}  // namespace mdevadm::render
