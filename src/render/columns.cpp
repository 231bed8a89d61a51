#include <mdevadm/render/columns.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/util/text.hpp>

#include "cells.hpp"

namespace mdevadm::render {

namespace {

Value json_value(const PropertyValue& value) {
  if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    return *number;
  }
  if (const auto* size = std::get_if<Bytes>(&value)) {
    return size->count;
  }
  if (const auto* resolution = std::get_if<Resolution>(&value)) {
    return Object{
        {{"width", std::uint64_t{resolution->width}}, {"height", std::uint64_t{resolution->height}}}};
  }
  return std::get<std::string>(value);
}

// In a table, a description that could not be parsed is shown as the driver reports it.
Value properties_of(const TypeRow& row) {
  Object object;
  for (const Property& property : row.type->properties) {
    object.fields.emplace_back(property.name, json_value(property.value));
    if (!row.shows_memory || !is_memory(property)) {
      object.texts.push_back(fmt::format("{}={}", property.name, property.text));
    }
  }
  if (object.fields.empty()) {
    std::string description = row.type->description.value_or("");
    std::replace(description.begin(), description.end(), '\n', ' ');
    for (const std::string_view word : split(description, ' ')) {
      object.texts.emplace_back(word);
    }
  }
  return object;
}

Value memory_cell(const TypeRow& row) {
  const std::optional<std::uint64_t> memory = memory_of(row.type->properties);
  return memory ? Value(Number{*memory, size_text(*memory)}) : Value();
}

bool is_limit(const TypeRow& row) {
  return is_available_limit(*row.parent, *row.type);
}

Value available_of(const TypeRow& row) {
  const std::optional<std::uint64_t>& available = row.type->available;
  return is_limit(row) ? Value(Number{*available, fmt::format("<={}", *available)})
                       : number_or_none(available);
}

Value after_of(const TypeRow& row) {
  return row.after && row.after_is_limit ? Value(Number{*row.after, fmt::format("<={}", *row.after)})
                                         : number_or_none(row.after);
}

constexpr auto type_table = std::to_array<Column<TypeRow>>({
    {{"parent", "PARENT", Kind::word, "parent device", Facet::types},
     [](const TypeRow& r) -> Value { return r.parent->name.str(); }},
    {{"type", "TYPE", Kind::word, "mdev type", Facet::types},
     [](const TypeRow& r) -> Value { return r.type->id.str(); }},
    {{"name", "NAME", Kind::text, "vendor's name of the type", Facet::type_name},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->name); }},
    {{"available", "AVAILABLE", Kind::number, "available instances; <=N: at most N", Facet::available},
     available_of},
    {{"available_is_limit", "AVAILABLE-IS-LIMIT", Kind::truth, "whether available is only an upper limit",
      Facet::available},
     [](const TypeRow& r) -> Value { return r.type->available ? Value(is_limit(r)) : Value(); }},
    {{"after", "AFTER", Kind::number, "with --after: available instances after these devices",
      Facet::available},
     after_of},
    {{"memory", "MEMORY", Kind::number, "graphics memory of a device, in JSON in bytes", Facet::description},
     memory_cell},
    {{"used", "USED", Kind::number, "active devices of this type", Facet::types | dev},
     [](const TypeRow& r) -> Value { return number_or_none(r.used); }},
    {{"maximum", "MAXIMUM", Kind::number, "maximum instances on an idle parent",
      Facet::types | Facet::description},
     [](const TypeRow& r) -> Value { return number_or_none(r.type->maximum); }},
    {{"aggregate", "AGGREGATE", Kind::number,
      "maximum instances of one aggregated device; available counts instances",
      Facet::aggregation | Facet::description},
     [](const TypeRow& r) -> Value { return number_or_none(r.type->most_units); }},
    {{"device_api", "API", Kind::word, "VFIO device API: vfio-pci, vfio-ap, vfio-ccw ...", Facet::device_api},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->device_api); }},
    {{"properties", "PROPERTIES", Kind::list, "properties parsed from the description", Facet::description},
     properties_of},
    {{"description", "DESCRIPTION", Kind::sentence, "description as reported by the driver",
      Facet::description},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->description); }},
    {{"driver", "DRIVER", Kind::word, "driver of the parent", Facet::types | Facet::parent_identity},
     [](const TypeRow& r) -> Value { return text_or_none(r.parent->driver); }},
    {{"pci_id", "PCI-ID", Kind::word, "PCI vendor and device of the parent",
      Facet::types | Facet::parent_identity},
     [](const TypeRow& r) -> Value { return text_or_none(r.parent->pci_id); }},
    {{"interface", "INTERFACE", Kind::word, "kernel interface variant of the parent", Facet::types},
     [](const TypeRow& r) -> Value { return text_or_none(r.parent->interface); }},
    {{"migration_version", "MIGRATION-VERSION", Kind::text,
      "migration version; a migration target's driver must accept it",
      Facet::types | Facet::migration_version},
     [](const TypeRow& r) -> Value { return text_or_none(r.type->migration_version); }},
});

std::string support_word(Support support) {
  return support == Support::yes ? "yes" : support == Support::no ? "no" : "unknown";
}

Value capabilities_of(const ParentRow& row) {
  const Capabilities& can = row.parent->capabilities;
  Object object;
  const auto add = [&](const char* key, const char* words, Support support) {
    object.fields.emplace_back(key, support_word(support));
    if (support != Support::no) {
      object.texts.push_back(fmt::format("{}{}", words, support == Support::yes ? "" : " (unknown)"));
    }
  };
  const auto yes_if = [](bool is_so) { return is_so ? Support::yes : Support::no; };
  const bool aggregates = std::any_of(row.parent->types.begin(), row.parent->types.end(),
                                      [](const Type& type) { return type.most_units.value_or(1) > 1; });
  add("create_arguments", "create arguments", can.create_arguments);
  add("aggregation", "aggregation", yes_if(aggregates));
  add("online", "online state", yes_if(can.online));
  add("shared_iommu_groups", "shared IOMMU groups", can.kernel_groups);
  add("virtual_functions", "virtual functions", yes_if(can.functions));
  return object;
}

std::string word_for(const Definition& definition) {
  return definition.name ? definition.name->str() : definition.uuid.str();
}

// Returns the device on a virtual function, the definition that reserves it and whether the settings of the
// parent exclude it.
struct FunctionUse {
  const Device* device = nullptr;
  const Definition* reserved_for = nullptr;
  bool excluded = false;
};

FunctionUse use_of(const ParentRow& row, const Function& function) {
  FunctionUse use{.excluded = row.defined->withholds(row.parent->name, function.address)};
  for (const Device& device : row.seen->devices) {
    use.device = device.vf == function.address ? &device : use.device;
  }
  for (const Definition& definition : row.defined->all) {
    const FunctionName* vf = definition.reserved_vf();
    const bool is_this =
        definition.parent == row.parent->name && vf != nullptr && vf->str() == function.address;
    use.reserved_for = is_this ? &definition : use.reserved_for;
  }
  return use;
}

// Returns "1150, device 'vm1'", "free, reserved for 'vm2'" or "free".
std::string use_text(const ParentRow& row, const Function& function, const FunctionUse& use) {
  if (!function.usable) {
    return function.driver ? fmt::format("not usable (driver: {})", *function.driver)
                           : "not usable (no driver)";
  }
  std::string text = function.type ? function.type->str() : "free";
  if (use.device != nullptr) {
    const Definition* definition = row.defined->find(use.device->uuid, row.parent->name);
    text += fmt::format(", {}device '{}'", use.device->unmanaged ? "unmanaged " : "",
                        definition != nullptr ? word_for(*definition) : use.device->uuid.str());
  }
  if (use.reserved_for != nullptr && (use.device == nullptr || use.device->uuid != use.reserved_for->uuid)) {
    text += fmt::format(", reserved for '{}'", word_for(*use.reserved_for));
  }
  return use.excluded ? text + ", reserved by the settings of the parent" : text;
}

Value functions_of(const ParentRow& row) {
  const auto uuid = [](const auto* whose) { return whose != nullptr ? Value(whose->uuid.str()) : Value(); };
  List list;
  for (const Function& function : row.parent->functions) {
    const FunctionUse use = use_of(row, function);
    list.items.push_back({{"address", function.address},
                          {"type", text_or_none(function.type)},
                          {"usable", function.usable},
                          {"device", uuid(use.device)},
                          {"reserved_for", uuid(use.reserved_for)},
                          {"reserved_by_settings", use.excluded}});
    list.texts.push_back(fmt::format("{}: {}", function.address, use_text(row, function, use)));
  }
  return list;
}

// Domains of one adapter whose queues have the same owner.
struct QueueShare {
  unsigned adapter;
  const Device* device;  // nullptr: the host's, or free
  bool is_host;
  bool is_hidden;                // free, or of a device whose queues are unknown
  std::optional<bool> is_bound;  // to vfio_ap; nullopt: not known
  std::optional<std::string> driver{};
  const char* card = "";  // "deconfigured" or "checkstopped": a guest cannot use it
  ApSet domains{};

  const char* owner() const {
    return device != nullptr ? "device" : is_host ? "host" : is_hidden ? "unknown" : "free";
  }
  // Returns the driver, unless it is vfio_ap or not known, and the state of a card that cannot be used.
  std::string note() const {
    const std::string state = *card != '\0' ? fmt::format(", card {}", card) : std::string{};
    if (is_bound != false) {
      return state;
    }
    const std::string bound_to = driver ? "driver: " + *driver : "no driver";
    return (is_host ? fmt::format(" ({})", bound_to) : fmt::format(", not bound to vfio_ap ({})", bound_to)) +
           state;
  }
};

const Device* device_with(const Snapshot& seen, const Apqn& queue) {
  const auto found = std::find_if(seen.devices.begin(), seen.devices.end(), [&](const Device& device) {
    return device.queues && device.queues->adapters.test(queue.adapter) &&
           device.queues->domains.test(queue.domain);
  });
  return found == seen.devices.end() ? nullptr : &*found;
}

std::string name_of(const ParentRow& row, const Device& device) {
  const Definition* definition =
      row.defined != nullptr ? row.defined->find(device.uuid, device.parent) : nullptr;
  return definition != nullptr && definition->name ? definition->name->str() : device.uuid.str();
}

// Returns the devices of the parent whose queues are unknown: their list cannot be read, or their removal is
// pending.
std::vector<std::string> hidden_owners_of(const ParentRow& row) {
  std::vector<std::string> names;
  for (const auto* devices : {&row.seen->devices, &row.seen->removing}) {
    for (const Device& device : *devices) {
      if (device.parent == row.parent->name && (device.removing || device.queues_unreadable)) {
        names.push_back(name_of(row, device));
      }
    }
  }
  return names;
}

// Returns the AP bus, if the parent is that of vfio-ap, or nullptr.
const ApHost* crypto_host(const ParentRow& row) {
  const auto& types = row.parent->types;
  const bool is_ap =
      std::any_of(types.begin(), types.end(), [](const Type& type) { return has_queues(type.id.str()); });
  return is_ap && row.seen != nullptr && row.seen->ap ? &*row.seen->ap : nullptr;
}

// Returns the queues of the host, if the parent is that of vfio-ap.
std::vector<QueueShare> queue_shares(const ParentRow& row) {
  std::vector<QueueShare> shares;
  const ApHost* host = crypto_host(row);
  if (host == nullptr || !host->adapters || !host->domains) {
    return shares;
  }
  const bool has_hidden = !hidden_owners_of(row).empty();
  for (const Apqn& queue : ApMatrix{*host->adapters, *host->domains, {}}.queues()) {
    const Device* device = device_with(*row.seen, queue);
    const bool is_host = device == nullptr && host->reserves(queue);
    const std::optional<bool> is_bound =
        host->bound ? std::optional(std::binary_search(host->bound->begin(), host->bound->end(), queue))
                    : std::nullopt;
    const std::optional<std::string> driver = host->driver_of(queue);
    const auto same = std::find_if(shares.begin(), shares.end(), [&](const QueueShare& one) {
      return one.adapter == queue.adapter && one.device == device && one.is_host == is_host &&
             one.is_bound == is_bound && one.driver == driver;
    });
    QueueShare& share =
        same != shares.end()
            ? *same
            : shares.emplace_back(QueueShare{queue.adapter, device, is_host, has_hidden, is_bound, driver,
                                             host->checkstopped.test(queue.adapter)   ? "checkstopped"
                                             : host->deconfigured.test(queue.adapter) ? "deconfigured"
                                                                                      : ""});
    share.domains.set(queue.domain);
  }
  return shares;
}

Value queues_of_host(const ParentRow& row) {
  List list;
  for (const QueueShare& share : queue_shares(row)) {
    const std::vector<unsigned> domains = numbers_of(share.domains);
    const Device* device = share.device;
    const std::string text = format_ap_list(share.domains, ApKind::domain);
    list.items.push_back({{"adapter", std::uint64_t{share.adapter}},
                          {"domains", Numbers{{domains.begin(), domains.end()}, text}},
                          {"owner", std::string(share.owner())},
                          {"bound", share.is_bound ? Value(*share.is_bound) : Value()},
                          {"driver", text_or_none(share.driver)},
                          {"card", text_or_none(share.card)},
                          {"device", device != nullptr ? Value(device->uuid.str()) : Value()}});
    const std::string owner = share.owner();
    const std::string more =
        device != nullptr    ? " " + name_of(row, *device)
        : owner == "unknown" ? fmt::format(" (free, or of device {})", join(hidden_owners_of(row), " or "))
                             : std::string{};
    list.texts.push_back(
        fmt::format("adapter {:#04x}, domains {}: {}{}{}", share.adapter, text, owner, more, share.note()));
  }
  return list;
}

Value mask_of_host(const ParentRow& row, ApKind kind) {
  const ApHost* host = crypto_host(row);
  if (host == nullptr) {
    return {};
  }
  const ApSet& set = kind == ApKind::adapter ? host->host_adapters : host->host_domains;
  const std::vector<unsigned> numbers = numbers_of(set);
  return Numbers{{numbers.begin(), numbers.end()}, set.none() ? "none" : format_ap_list(set, kind)};
}

Value cards_of_host(const ParentRow& row) {
  List list;
  const ApHost* host = crypto_host(row);
  for (const ApCard& card : host != nullptr ? host->cards : std::vector<ApCard>{}) {
    const bool has_queues_now = !host->adapters || host->adapters->test(card.adapter);
    list.items.push_back({{"adapter", std::uint64_t{card.adapter}},
                          {"type", text_or_none(card.type)},
                          {"online", truth_or_none(card.online)},
                          {"configured", truth_or_none(card.configured)},
                          {"checkstopped", truth_or_none(card.checkstopped)}});
    list.texts.push_back(
        fmt::format("card{:02x}: {}{}{}{}{}", card.adapter, card.type.value_or("unknown type"),
                    !card.online   ? ""
                    : *card.online ? ", online"
                                   : ", offline",
                    card.configured == false ? ", deconfigured" : "",
                    card.checkstopped == true ? ", checkstop" : "", has_queues_now ? "" : ", no queues"));
  }
  return list;
}

constexpr auto parent_table = std::to_array<Column<ParentRow>>({
    {{"parent", "PARENT", Kind::text, "name of the parent", Facet::parents},
     [](const ParentRow& r) -> Value { return r.parent->name.str(); }},
    {{"interface", "INTERFACE", Kind::text, "kernel interface variant", Facet::types},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->interface); }},
    {{"capabilities", "CAPABILITIES", Kind::list, "optional features of the kernel interface",
      Facet::types | Facet::aggregation | Facet::description},
     capabilities_of},
    {{"types", "TYPES", Kind::number, "number of mdev types", Facet::types | Facet::type_name},
     [](const ParentRow& r) -> Value { return static_cast<std::uint64_t>(r.parent->all_types().size()); }},
    {{"devices", "DEVICES", Kind::number, "number of active devices", dev},
     [](const ParentRow& r) -> Value { return static_cast<std::uint64_t>(r.devices); }},
    {{"notice", "NOTICE", Kind::sentence, "why types or instances are missing", Facet::types},
     [](const ParentRow& r) -> Value { return text_or_none(r.notice); }},
    {{"types_text", "TYPES-TEXT", Kind::text, "type information in a format that is not recognized",
      Facet::types},
     [](const ParentRow& r) -> Value { return text_or_none(r.parent->types_text); }},
    {{"functions", "FUNCTIONS", Kind::list, "virtual functions and the vGPU type assigned to each",
      Facet::types},
     functions_of},
    {{"queues", "QUEUES", Kind::list, "crypto queues of the host: of a device, of the host, or free",
      Facet::types | dev | Facet::queues | Facet::ap_bus | Facet::ap_bindings},
     queues_of_host},
    {{"cards", "CARDS", Kind::list, "crypto cards of the host",
      Facet::types | Facet::ap_bus | Facet::ap_bindings},
     cards_of_host},
    {{"apmask", "APMASK", Kind::text, "adapters in apmask: with aqmask, the queues of the host",
      Facet::types | Facet::ap_bus},
     [](const ParentRow& r) { return mask_of_host(r, ApKind::adapter); }},
    {{"aqmask", "AQMASK", Kind::text, "domains in aqmask", Facet::types | Facet::ap_bus},
     [](const ParentRow& r) { return mask_of_host(r, ApKind::domain); }},
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
  return std::string(row.active == 0 ? "inactive" : row.active < all ? "partial" : "active");
}

Value members_of(const GroupRow& row) {
  Texts names{{}, fmt::format("{}", row.group->members.size())};
  for (const Member& member : row.group->members) {
    names.items.push_back(member.uuid.str());
  }
  return names;
}

// Returns a setting of the group's node policy.
template <typename Get>
Value node_setting(const GroupRow& row, const Get& get) {
  return row.group->node ? text_or_none(get(*row.group->node)) : Value();
}

constexpr auto group_table = std::to_array<Column<GroupRow>>({
    {{"name", "NAME", Kind::text, "name of the group", Facet::none},
     [](const GroupRow& r) -> Value { return r.group->name.str(); }},
    {{"state", "STATE", Kind::word, "active, partial (some members active) or inactive", dev}, group_state},
    {{"active_count", "ACTIVE", Kind::number, "number of active members", dev},
     [](const GroupRow& r) -> Value { return static_cast<std::uint64_t>(r.active); }},
    {{"claimed_count", "CLAIMED", Kind::number, "number of members that were handed out by claim",
      dev | Facet::claims},
     [](const GroupRow& r) -> Value { return static_cast<std::uint64_t>(r.claimed); }},
    {{"members", "MEMBERS", Kind::number, "number of members; in JSON their UUIDs, in start order",
      Facet::none},
     members_of},
    {{"start", "START", Kind::word, "autostart: auto or manual", Facet::none},
     [](const GroupRow& r) -> Value { return std::string(start_word(r.group->start)); }},
    {{"p2p", "P2P", Kind::word, "peer-to-peer sharing: auto, require or off", Facet::none},
     [](const GroupRow& r) -> Value { return sharing_word(r.group->sharing); }},
    {{"vm_uuid", "VM-UUID", Kind::uuid, "UUID of the virtual machine", Facet::none},
     [](const GroupRow& r) -> Value { return text_or_none(r.group->vm); }},
    {{"node_owner", "NODE-OWNER", Kind::text, "owner set on the members' VFIO nodes", Facet::none},
     [](const GroupRow& r) { return node_setting(r, [](const NodePolicy& node) { return node.owner; }); }},
    {{"node_group", "NODE-GROUP", Kind::text, "group set on the members' VFIO nodes", Facet::none},
     [](const GroupRow& r) { return node_setting(r, [](const NodePolicy& node) { return node.group; }); }},
    {{"node_mode", "NODE-MODE", Kind::word, "permissions set on the members' VFIO nodes, octal", Facet::none},
     [](const GroupRow& r) { return node_setting(r, mode_text); }},
    {{"selinux_label", "SELINUX-LABEL", Kind::text, "SELinux label set on the members' VFIO nodes",
      Facet::none},
     [](const GroupRow& r) {
       return node_setting(r, [](const NodePolicy& node) { return node.selinux_label; });
     }},
    {{"file", "FILE", Kind::text, "file of the group", Facet::none},
     [](const GroupRow& r) -> Value { return r.file; }},
});

}  // namespace

std::span<const Column<TypeRow>> type_columns() {
  return type_table;
}

std::span<const Column<ParentRow>> parent_columns() {
  return parent_table;
}

std::span<const Column<GroupRow>> group_columns() {
  return group_table;
}

}  // namespace mdevadm::render
