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
    return fmt::format("parent {} is not here", row.definition->parent.str());
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
    {{"uuid", "UUID", Kind::text, "identifier of the device", dev},
     [](const DeviceRow& r) -> Value {
       return (r.device != nullptr ? r.device->uuid : r.definition->uuid).str();
     }},
    {{"name", "NAME", Kind::text, "name in its definition", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? text_or_none(r.definition->name) : Value();
     }},
    {{"parent", "PARENT", Kind::text, "device that offers it", dev},
     [](const DeviceRow& r) -> Value {
       return (r.device != nullptr ? r.device->parent : r.definition->parent).str();
     }},
    {{"type", "TYPE", Kind::text, "its type: of the live device, else as defined", dev}, type_of},
    {{"state", "STATE", Kind::text, "active, inactive, or drifted (active with another type than defined)",
      dev, true},
     state},
    {{"start", "START", Kind::text, "auto or manual; none if it is not defined", dev, true}, start_of},
    {{"group", "GROUP", Kind::text, "group that its definition is a member of", dev, true},
     [](const DeviceRow& r) -> Value { return r.group != nullptr ? Value(r.group->name.str()) : Value(); }},
    {{"origin", "ORIGIN", Kind::text, "whose definition it is: mdevadm's or mdevctl's", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition == nullptr                   ? Value()
              : r.definition->origin == Origin::mdevctl ? Value("mdevctl")
                                                        : Value("mdevadm");
     }},
    {{"defined_type", "DEFINED-TYPE", Kind::text, "type in its definition", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? Value(r.definition->type.str()) : Value();
     }},
    {{"aggregate", "AGGREGATE", Kind::number, "instances it is made of, as defined", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? number_or_none(r.definition->aggregate) : Value();
     }},
    {{"create_args", "CREATE-ARGS", Kind::text, "what else is passed at creation, as defined", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? text_or_none(r.definition->create_args) : Value();
     }},
    {{"attributes", "ATTRIBUTES", Kind::list, "attributes set at start, in order, as defined", dev, true},
     attributes_of},
    {{"vf", "VF", Kind::text, "virtual function that is to carry it, as defined", dev, true},
     [](const DeviceRow& r) -> Value {
       return r.definition != nullptr ? text_or_none(r.definition->function) : Value();
     }},
    {{"pins", "PINS", Kind::list, "what its guest saw when it was defined", dev, true}, pins_of_row},
    {{"kernel_name", "KERNEL-NAME", Kind::text,
      "what the kernel calls it, if not by its UUID: a PCI address, say", dev},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? text_or_none(r.device->name) : Value();
     }},
    {{"online", "ONLINE", Kind::truth, "whether it is online, where devices have such a state",
      dev | Facet::online},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr && r.device->online ? Value(*r.device->online) : Value();
     }},
    {{"units", "UNITS", Kind::number, "instances it is made of, where it says", dev | Facet::units},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? number_or_none(r.device->units) : Value();
     }},
    {{"peers", "PEERS", Kind::text, "as which it shares peer-to-peer resources, where it can",
      dev | Facet::peers},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr && r.device->peers ? Value(r.device->peers->str()) : Value();
     }},
    {{"iommu_group", "IOMMU-GROUP", Kind::number, "number of its IOMMU group", dev | Facet::iommu_group},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? number_or_none(r.device->iommu_group) : Value();
     }},
    {{"node", "NODE", Kind::text, "its VFIO node", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return node_of(r) != nullptr ? Value(node_of(r)->path) : Value(); }},
    {{"cdev", "CDEV", Kind::text, "its own VFIO character device (kernel 6.6 and later)", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return cdev_of(r) != nullptr ? Value(cdev_of(r)->path) : Value(); }},
    {{"node_owner", "NODE-OWNER", Kind::text, "user who owns the node", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return node_of(r) != nullptr ? Value(node_of(r)->owner) : Value(); }},
    {{"node_group", "NODE-GROUP", Kind::text, "group of the node", dev | Facet::nodes},
     [](const DeviceRow& r) -> Value { return node_of(r) != nullptr ? Value(node_of(r)->group) : Value(); }},
    {{"node_mode", "NODE-MODE", Kind::text, "permissions of the node, octal", dev | Facet::nodes}, mode_of},
    {{"driver", "DRIVER", Kind::text, "driver bound to the device", dev | Facet::driver},
     [](const DeviceRow& r) -> Value {
       return r.device != nullptr ? text_or_none(r.device->driver) : Value();
     }},
    {{"held_by", "HELD-BY", Kind::list, "processes that have its node open (root sees all)",
      dev | Facet::holders},
     holders_of},
    {{"boot", "BOOT", Kind::text, "what became of it at this boot: started, waiting, failed ...", boot_facets,
      true, true},
     boot_of},
    {{"boot_begun_ms", "BEGUN-MS", Kind::number, "when its start at boot began, since the machine was on",
      boot_facets, true, true},
     [](const DeviceRow& r) -> Value {
       return boot_value(r, [](const BootEvent& event) { return milliseconds_or_none(event.begun); });
     }},
    {{"boot_took_ms", "TOOK-MS", Kind::number, "how long its start at boot took", boot_facets, true, true},
     [](const DeviceRow& r) -> Value {
       return boot_value(
           r, [](const BootEvent& event) { return milliseconds_or_none(event.ended - event.begun); });
     }},
    {{"boot_tries", "TRIES", Kind::number, "how often its start was tried at boot", boot_facets, true, true},
     [](const DeviceRow& r) -> Value {
       return boot_value(r, [](const BootEvent& event) -> Value { return event.tries; });
     }},
    {{"boot_message", "BOOT-MESSAGE", Kind::text, "why it failed at boot, or what it waits for", boot_facets,
      true, true},
     boot_message_of},
    {{"path", "PATH", Kind::text, "its folder in sysfs", dev},
     [](const DeviceRow& r) -> Value { return r.device != nullptr ? Value("/" + r.device->path) : Value(); }},
    {{"file", "FILE", Kind::text, "where its definition is kept", dev, true},
     [](const DeviceRow& r) -> Value { return text_or_none(r.file); }},
});

constexpr auto type_table = std::to_array<Column<TypeRow>>({
    {{"parent", "PARENT", Kind::text, "device that offers the type", Facet::types},
     [](const TypeRow& r) -> Value { return r.parent->name.str(); }},
    {{"type", "TYPE", Kind::text, "the type, as define and start take it", Facet::types},
     [](const TypeRow& r) -> Value { return r.type->id.str(); }},
    {{"available", "AVAILABLE", Kind::number, "how many more can be made now", Facet::available},
     [](const TypeRow& r) -> Value { return number_or_none(r.type->available); }},
    {{"used", "USED", Kind::number, "how many devices of it there are", Facet::types | dev},
     [](const TypeRow& r) -> Value { return number_or_none(r.used); }},
    {{"maximum", "MAXIMUM", Kind::number, "how many an idle parent can make",
      Facet::types | Facet::description},
     [](const TypeRow& r) -> Value { return number_or_none(r.type->maximum); }},
    {{"aggregate", "AGGREGATE", Kind::number,
      "how many instances one device can be made of; then available counts these",
      Facet::aggregation | Facet::description},
     [](const TypeRow& r) -> Value { return number_or_none(r.type->most_units); }},
    {{"device_api", "API", Kind::text, "VFIO device API: vfio-pci, vfio-ap, vfio-ccw ...", Facet::device_api},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->device_api); }},
    {{"name", "NAME", Kind::text, "the vendor's name for it", Facet::type_name},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->name); }},
    {{"properties", "PROPERTIES", Kind::list, "what its description says, as typed values",
      Facet::description},
     properties_of},
    {{"description", "DESCRIPTION", Kind::text, "its description as the driver wrote it", Facet::description},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->description); }},
    {{"driver", "DRIVER", Kind::text, "driver of the parent", Facet::types | Facet::parent_identity},
     [](const TypeRow& r) -> Value { return text_or_none(r.parent->driver); }},
    {{"pci_id", "PCI-ID", Kind::text, "PCI vendor and device of the parent",
      Facet::types | Facet::parent_identity},
     [](const TypeRow& r) -> Value { return text_or_none(r.parent->pci_id); }},
    {{"dialect", "DIALECT", Kind::text, "shape of the kernel interface that the parent speaks", Facet::types},
     [](const TypeRow& r) -> Value { return text_or_none(r.parent->dialect); }},
    {{"migration_version", "MIGRATION-VERSION", Kind::text,
      "what another host's driver must take for a guest to move there",
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
    {{"parent", "PARENT", Kind::text, "name of the device", Facet::parents},
     [](const ParentRow& r) -> Value { return r.parent->name.str(); }},
    {{"dialect", "DIALECT", Kind::text, "shape of the kernel interface that it speaks", Facet::types},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->dialect); }},
    {{"abilities", "ABILITIES", Kind::list, "what that interface can do beyond creating and removing",
      Facet::types | Facet::aggregation | Facet::description},
     abilities_of},
    {{"types", "TYPES", Kind::number, "how many types it offers now", Facet::types},
     [](const ParentRow& r) -> Value { return static_cast<std::uint64_t>(r.parent->types.size()); }},
    {{"devices", "DEVICES", Kind::number, "how many devices it has", dev},
     [](const ParentRow& r) -> Value { return static_cast<std::uint64_t>(r.devices); }},
    {{"notice", "NOTICE", Kind::text, "why it offers less than it could", Facet::types},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->notice); }},
    {{"types_text", "TYPES-TEXT", Kind::text, "what it says of its types, where that is not understood",
      Facet::types},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->types_text); }},
    {{"functions", "FUNCTIONS", Kind::list, "its virtual functions and the type that each carries",
      Facet::types},
     functions_of},
    {{"driver", "DRIVER", Kind::text, "its driver", Facet::parent_identity},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->driver); }},
    {{"driver_version", "DRIVER-VERSION", Kind::text, "version of the driver's module",
      Facet::parent_identity},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->driver_version); }},
    {{"pci_id", "PCI-ID", Kind::text, "PCI vendor and device", Facet::parent_identity},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->pci_id); }},
    {{"pci_subsystem", "PCI-SUBSYSTEM", Kind::text, "PCI vendor and device of the subsystem",
      Facet::parent_identity},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->pci_subsystem); }},
    {{"path", "PATH", Kind::text, "its folder in sysfs", Facet::parents},
     [](const ParentRow& r) -> Value { return "/" + r.parent->path; }},
});

Value group_state(const GroupRow& row) {
  const std::size_t all = row.group->members.size();
  return std::string(row.active == 0 ? "inactive" : row.active < all ? "partly" : "active");
}

constexpr auto group_table = std::to_array<Column<GroupRow>>({
    {{"name", "NAME", Kind::text, "the group's name", Facet::none},
     [](const GroupRow& r) -> Value { return r.group->name.str(); }},
    {{"state", "STATE", Kind::text, "active, partly or inactive", dev}, group_state},
    {{"active", "ACTIVE", Kind::number, "how many of its members are active", dev},
     [](const GroupRow& r) -> Value { return static_cast<std::uint64_t>(r.active); }},
    {{"members", "MEMBERS", Kind::number, "how many members it has", Facet::none},
     [](const GroupRow& r) -> Value { return static_cast<std::uint64_t>(r.group->members.size()); }},
    {{"file", "FILE", Kind::text, "where it is kept", Facet::none},
     [](const GroupRow& r) -> Value { return r.file; }},
});

constexpr auto result_table = std::to_array<Column<ResultRow>>({
    {{"device", "DEVICE", Kind::text, "UUID, or the word that was to name one", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.device); }},
    {{"group", "GROUP", Kind::text, "the group that it was done with", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.group); }},
    {{"parent", "PARENT", Kind::text, "its parent", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.parent); }},
    {{"type", "TYPE", Kind::text, "its type", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.type); }},
    {{"outcome", "OUTCOME", Kind::text, "done, unchanged, failed or undone", Facet::none},
     [](const ResultRow& r) -> Value { return r.outcome; }},
    {{"note", "NOTE", Kind::text, "why nothing was to be done", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.note); }},
    {{"code", "CODE", Kind::number, "exit code of this one", Facet::none},
     [](const ResultRow& r) -> Value { return static_cast<std::uint64_t>(r.code); }},
    {{"message", "MESSAGE", Kind::text, "what went wrong", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.message); }},
    {{"hint", "HINT", Kind::text, "what to do about it", Facet::none},
     [](const ResultRow& r) -> Value { return text_or_none(r.hint); }},
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
