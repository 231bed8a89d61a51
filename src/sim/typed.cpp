// Parents with a directory per type: mainline's interface in all its versions, its predecessors, and
// extensions proposed for it (aggregation, constructor parameters, migration_version).
#include <fmt/format.h>

#include "mdev.hpp"

namespace mdevadm::sim {

namespace {

class TypedParent final : public MdevParent {
 public:
  TypedParent(Kernel& kernel, const SimParent& settings, Account* account)
      : MdevParent(kernel, settings, account),
        queues_(
            kernel, settings, [this] { return all(); },
            [this](const Mdev& device, const FileWrite& write, const Changing& action, const Answer& answer) {
              change(device, write, action, answer);
            }) {}

  void preset(const SimDevice& device) override {
    create({.uuid = device.uuid,
            .name = device.uuid.str(),
            .type = settings_.find_type(device.type),
            .units = device.units},
           [](int) {});
  }

  int reboot() override {
    withdraw();
    if (present_) {
      return EBUSY;
    }
    queues_.reboot();
    appear();
    return 0;
  }

  int admit(Assignable& assignable, const std::string& user) override {
    Mdev& device = static_cast<Mdev&>(assignable);
    if (device.state != Mdev::State::active) {
      return ENODEV;
    }
    const auto opens_other = [&](const Mdev* other) {
      return other != &device && kernel_.is_open(*other) && other->user == user;
    };
    if (!settings_.subchannel.operational) {
      return EINVAL;
    }
    const std::vector<Mdev*> others = all();
    if (settings_.arithmetic == Arithmetic::ap && std::any_of(others.begin(), others.end(), opens_other)) {
      return EPERM;  // one matrix per virtual machine
    }
    // The first opened device of a set takes the peer-to-peer resources of all.
    const Group& group = kernel_.groups.at(device.group);
    if (settings_.peer_budget && group.members.size() > 1 && !kernel_.is_open(group)) {
      return peers_in_use() + group.members.size() > *settings_.peer_budget ? ENOSPC : 0;
    }
    // The first proposal takes the memory only when the device is opened.
    if (settings_.interface->aggregation == Aggregation::attribute_rfc && device.units > device.accounted) {
      return capacity_.fits(device.type->id, device.units - device.accounted) ? 0 : ENOSPC;
    }
    return 0;
  }

 private:
  // vfio_ccw before 6.2 refuses a subchannel in state NOT_OPER.
  int refuses(const CreateRequest&) override {
    return !settings_.subchannel.operational && kernel_.version < KernelVersion{6, 2} ? ENODEV : 0;
  }

  const Interface& interface() const { return *settings_.interface; }

  std::vector<Mdev*> all() {
    std::vector<Mdev*> result;
    for (const auto& [name, device] : mdevs()) {
      result.push_back(device.get());
    }
    return result;
  }

  std::uint64_t peers_in_use() const {
    std::uint64_t count = 0;
    for (const auto& [number, group] : kernel_.groups) {
      const bool ours = !group.members.empty() && group.members.front()->parent == this;
      count += ours && group.members.size() > 1 && kernel_.is_open(group) ? group.members.size() : 0;
    }
    return count;
  }

  void publish() override {
    Kernfs& files = kernel_.files;
    types_directory_ = files.directory(directory_, "mdev_supported_types");
    for (const SimType& type : settings_.types) {
      make_type(type);
    }
    if (interface().is_proposal()) {
      if (settings_.central_remove) {
        files.attribute(directory_, "mdev_destroy", 0200, {},
                        [this](std::string_view data, const Answer& answer) { destroy(data, answer); });
      }
    } else {
      files.link(files.directories(Kernfs::root, "class/mdev_bus"), settings_.name, directory_);
      kernel_.driver_directory("bus/mdev", settings_.driver);
    }
    if (settings_.arithmetic == Arithmetic::ap) {
      queues_.publish(directory_);
    }
    log_state("registered");
  }

  void unpublish() override {
    kernel_.files.remove(types_directory_);
    kernel_.files.remove(directory_, "mdev_destroy");
    if (settings_.arithmetic == Arithmetic::ap) {
      queues_.unpublish(directory_);
    }
  }

  void make_type(const SimType& type) {
    Kernfs& files = kernel_.files;
    const NodeId directory = files.directory(types_directory_, settings_.type_directory(type));
    files.attribute(
        directory, "create", 0200, {},
        [this, &type](std::string_view data, const Answer& answer) { write_create(type, data, answer); });
    if (!description(type).empty()) {
      files.attribute(directory, "description", 0444, [&type] { return Reading{description(type) + "\n"}; });
    }
    if (interface().is_proposal()) {
      files.constant(directory, "max_instances", fmt::format("{}\n", type.most));
      return;
    }
    files.directory(directory, "devices");
    add_type_attributes(directory);
    files.attribute(directory, "available_instances", 0444,
                    [this, &type] { return Reading{fmt::format("{}\n", available(type))}; });
    files.constant(directory, "device_api", settings_.device_api + "\n");
    if (!type.name.empty() || era() == Era::v6_1) {
      files.constant(directory, "name", (type.name.empty() ? type.id : type.name) + "\n");
    }
    if (interface().aggregation == Aggregation::at_create && type.aggregation > 0) {
      files.constant(directory, "aggregation", fmt::format("{}\n", std::min(type.aggregation, type.most)));
    }
    if (interface().aggregation == Aggregation::type_file && type.aggregation > 0) {
      make_aggregator(directory, type);
    }
    if (interface().migration_version) {
      make_migration_version(directory, type);
    }
  }

  static std::string description(const SimType& type) {
    if (!type.description.empty()) {
      std::string text = type.description;
      text.erase(text.find_last_not_of('\n') + 1);
      return text;
    }
    std::string text;
    for (const auto& [key, value] : type.properties) {
      text += fmt::format("{}={}, ", key, value);
    }
    return text.empty() ? text : fmt::format("{}max_instance={}", text, type.most);
  }

  std::uint64_t multiplier(const SimType& type) const {
    const auto found = multipliers_.find(&type);
    return found == multipliers_.end() ? 1 : found->second;
  }

  std::uint64_t available(const SimType& type) const {
    return account_ != nullptr ? account_->available(type) : capacity_.left(type.id) / multiplier(type);
  }

  // A3: adds the attribute that makes all later devices of the type consist of N instances.
  void make_aggregator(NodeId directory, const SimType& type) {
    kernel_.files.attribute(
        directory, "aggregator", 0644,
        [this, &type] { return Reading{fmt::format("{}\n", multiplier(type))}; },
        [this, &type](std::string_view data, const Answer& answer) {
          const auto number = parse_kernel_number(data);
          if (!number || *number == 0 || *number > type.aggregation) {
            return answer(-EINVAL);
          }
          multipliers_[&type] = *number;
          answer(static_cast<int>(data.size()));
        });
  }

  // V1: adds the attribute; a write is accepted only if it equals the string that is read.
  void make_migration_version(NodeId directory, const SimType& type) {
    if (settings_.migration_version.empty()) {
      return;
    }
    const PciIds ids = settings_.pci.value_or(PciIds{"0000", "0000", {}, {}, {}, {}});
    const std::string version = fmt::format("{}-{}-{}-{}", ids.vendor, ids.device,
                                            settings_.type_directory(type), settings_.migration_version);
    kernel_.files.attribute(
        directory, "migration_version", 0644, [version] { return Reading{version + "\n"}; },
        [version](std::string_view data, const Answer& answer) {
          const std::string_view line = data.ends_with('\n') ? data.substr(0, data.size() - 1) : data;
          answer(line == version ? static_cast<int>(data.size()) : -EINVAL);
        });
  }

  // K0: types of which no more devices can be created have no directory.
  void refresh() override {
    if (!interface().is_proposal() || !registered_) {
      return;
    }
    for (const SimType& type : settings_.types) {
      const auto of_type = [&](const auto& entry) { return entry.second->type == &type; };
      const bool wanted = capacity_.left(type.id) > 0 || std::any_of(mdevs().begin(), mdevs().end(), of_type);
      const auto directory = kernel_.files.find(types_directory_, settings_.type_directory(type));
      if (wanted && !directory) {
        make_type(type);
      } else if (!wanted && directory) {
        kernel_.files.remove(*directory);
      }
    }
  }

  struct Words {
    int error = 0;
    std::uint64_t units = 1;
    std::optional<std::uint64_t> group{};
  };

  // Parses "instances=N" or "aggregate=N" (Zhenyu Wang's patches, in their order of checks).
  static Words parse_units(const SimType& type, std::string_view rest, std::string_view key) {
    if (!rest.starts_with(key)) {
      return {EINVAL};
    }
    const auto number = parse_kernel_number(rest.substr(key.size()));
    if (!number || *number == 0 || (*number > 1 && type.aggregation == 0) ||
        (*number > 1 && *number > type.aggregation)) {
      return {EINVAL};
    }
    return {0, *number};
  }

  // Parses "UUID:GROUP": the group of an existing device (Alex Williamson's idea).
  Words parse_group(std::string_view rest) const {
    const auto number = parse_kernel_number(rest, 10);
    if (!number) {
      return {EINVAL};
    }
    const auto group = kernel_.groups.find(*number);
    if (group == kernel_.groups.end()) {
      return {ENODEV};
    }
    if (group->second.members.front()->parent != this) {
      return {EINVAL};
    }
    return kernel_.is_open(group->second) ? Words{EBUSY} : Words{0, 1, *number};
  }

  Words parse_keys(std::string_view rest) const {
    if (rest.ends_with('\n')) {
      rest.remove_suffix(1);
    }
    while (!rest.empty()) {
      const std::string_view field = rest.substr(0, rest.find(','));
      const std::string key(field.substr(0, field.find('=')));
      const auto& known = settings_.create_keys;
      if (key.size() == field.size() || std::find(known.begin(), known.end(), key) == known.end()) {
        return {EINVAL};
      }
      rest.remove_prefix(std::min(field.size() + 1, rest.size()));
    }
    return {};
  }

  Words parse_words(const SimType& type, std::string_view rest) const {
    switch (interface().words) {
      case CreateWords::group: return parse_group(rest);
      case CreateWords::instances: return parse_units(type, rest, "instances=");
      case CreateWords::aggregate: return parse_units(type, rest, "aggregate=");
      case CreateWords::any: return parse_keys(rest);
      default: return {EINVAL};
    }
  }

  void write_create(const SimType& type, std::string_view data, const Answer& answer) {
    const int taken = static_cast<int>(data.size());
    const bool words = interface().words != CreateWords::none;
    if (words && data.size() >= page_size) {
      return answer(-E2BIG);
    }
    const char separator = interface().words == CreateWords::group ? ':' : ',';
    const std::size_t at = data.find(separator);
    Words said;
    std::string_view uuid_field = data;
    if (words && at != std::string_view::npos) {
      uuid_field = data.substr(0, at);
      if (at != uuid_length) {
        return answer(-EINVAL);
      }
    }
    const auto uuid = parse_uuid_field(uuid_field);
    if (!uuid) {
      return answer(-EINVAL);
    }
    if (words && at != std::string_view::npos) {
      said = parse_words(type, data.substr(at + 1));
    }
    if (said.error != 0) {
      return answer(-said.error);
    }
    create({.uuid = *uuid,
            .name = uuid->str(),
            .type = &type,
            .units = said.units * multiplier(type),
            .group = said.group},
           [answer, taken](int error) { answer(error < 0 ? error : taken); });
  }

  void add_early_files(Mdev& device) override {
    if (settings_.central_remove) {
      return;
    }
    add_remove_file(device.directory, device.name);
  }

  void add_remove_file(NodeId directory, const std::string& name) {
    kernel_.files.attribute(
        directory, "remove", 0200, {},
        [this, name](std::string_view data, const Answer& answer) { write_remove(name, data, answer); });
  }

  // The attribute removes itself first. Kernels before 5.2 create it again if the driver refuses. A lack of
  // permission is found when the file is opened: the attribute stays.
  void write_remove(const std::string& name, std::string_view data, const Answer& answer) {
    const int taken = static_cast<int>(data.size());
    const auto number = parse_kernel_number(data);
    if (!number) {
      return answer(-EINVAL);
    }
    if (*number == 0) {
      return answer(taken);
    }
    Mdev* device = find(name);
    if (device == nullptr || !registered_) {
      return answer(-ENODEV);
    }
    const NodeId directory = device->directory;
    kernel_.files.remove(directory, "remove");
    remove(*device, [this, answer, taken, directory, name](int error) {
      const bool is_denied = error == -EACCES || error == -EROFS;
      if (error < 0 && (era() < Era::v5_2 || is_denied) && kernel_.files.get(directory) != nullptr) {
        add_remove_file(directory, name);
      }
      answer(error < 0 ? error : taken);
    });
  }

  void destroy(std::string_view data, const Answer& answer) {
    const int taken = static_cast<int>(data.size());
    const auto uuid = parse_uuid_field(data);
    Mdev* device = uuid ? find(uuid->str()) : nullptr;
    if (device == nullptr) {
      return answer(uuid ? -ENODEV : -EINVAL);
    }
    remove(*device, [answer, taken](int error) { answer(error < 0 ? error : taken); });
  }

  void furnish(Mdev& device) override {
    if (account_ != nullptr) {
      account_->furnish(device);
    }
    add_vendor_attributes(device);
    if (settings_.arithmetic == Arithmetic::ap) {
      queues_.furnish(device);
    }
    if (interface().peer_attribute) {
      device.peers = Uuid::random();
      add_peer_file(device);
    }
    if (interface().migration_version) {
      make_migration_version(device.directory, *device.type);
    }
    add_aggregation_files(device);
  }

  void add_type_links(Mdev& device) override {
    const auto type = kernel_.files.find(types_directory_, settings_.type_directory(*device.type));
    if (!interface().is_proposal() && type) {
      kernel_.files.link(device.directory, "mdev_type", *type);
      kernel_.files.link(*kernel_.files.find(*type, "devices"), device.name, device.directory);
    }
  }

  void remove_type_links(Mdev& device) override {
    const auto type = kernel_.files.find(types_directory_, settings_.type_directory(*device.type));
    if (const auto devices = type ? kernel_.files.find(*type, "devices") : std::nullopt) {
      kernel_.files.remove(*devices, device.name);
    }
  }

  void add_aggregation_files(Mdev& device) {
    Kernfs& files = kernel_.files;
    const auto units = [&device] { return Reading{fmt::format("{}\n", device.units)}; };
    switch (interface().aggregation) {
      case Aggregation::at_create:
        if (device.type->aggregation > 0) {
          files.attribute(device.directory,
                          interface().words == CreateWords::instances ? "instances" : "aggregated_instances",
                          0444, units);
        }
        return;
      case Aggregation::attribute_rfc:
      case Aggregation::attribute_v2:
      case Aggregation::attribute_v3: return add_aggregation_directory(device);
      default: return;
    }
  }

  void add_aggregation_directory(Mdev& device) {
    Kernfs& files = kernel_.files;
    const NodeId directory = files.directory(device.directory, "mdev");
    const bool rfc = interface().aggregation == Aggregation::attribute_rfc;
    const bool able = device.type->aggregation > 0;
    const Show units = [&device, able] { return Reading{fmt::format("{}\n", able ? device.units : 0)}; };
    const Show most = [this, &device, able] {
      return Reading{fmt::format("{}\n", able ? most_units(device) : 0)};
    };
    const Store store = [this, &device](std::string_view data, const Answer& answer) {
      change(
          device, {Operation::attribute, "aggregation", data},
          [this](Mdev& still, std::string_view text) { return write_units(still, text); }, answer);
    };
    files.attribute(directory, "aggregated_instances", rfc ? 0444 : 0644, units, rfc ? Store{} : store);
    files.attribute(directory, rfc ? "aggregation" : "max_aggregation", rfc ? 0644 : 0444, most,
                    rfc ? store : Store{});
  }

  std::uint64_t most_units(const Mdev& device) const {
    return interface().aggregation == Aggregation::attribute_v3
               ? capacity_.most_units(device.type->id, device.accounted)
               : capacity_.left(device.type->id);
  }

  // All versions of the patches return EINVAL for a device in use.
  int write_units(Mdev& device, std::string_view data) {
    const int taken = static_cast<int>(data.size());
    const auto number = parse_kernel_number(data);
    const Aggregation form = interface().aggregation;
    if (!number) {
      return -EINVAL;
    }
    if (form == Aggregation::attribute_v3 && *number == device.units) {
      return taken;
    }
    const bool shrinks = form != Aggregation::attribute_rfc && *number <= device.accounted;
    if (*number == 0 || device.type->aggregation == 0 || kernel_.is_open(device) ||
        (!shrinks && *number > most_units(device))) {
      return -EINVAL;
    }
    device.units = *number;
    if (form != Aggregation::attribute_rfc) {
      capacity_.give_back(device.type->id, device.accounted);
      capacity_.take(device.type->id, *number);
      device.accounted = *number;
    }
    return taken;
  }

  void add_peer_file(Mdev& device) {
    kernel_.files.attribute(
        device.directory, "peer_to_peer_resource_uuid", 0644,
        [&device] { return Reading{device.peers.str() + "\n"}; },
        [this, &device](std::string_view data, const Answer& answer) {
          change(
              device, {Operation::join, "peer_to_peer_resource_uuid", data},
              [this](Mdev& still, std::string_view text) { return join(still, text); }, answer);
        });
  }

  int join(Mdev& device, std::string_view data) {
    const int taken = static_cast<int>(data.size());
    const auto peers = parse_uuid_field(data);
    if (!peers) {
      return -EINVAL;
    }
    if (*peers == device.peers) {
      return taken;
    }
    if (kernel_.is_open(kernel_.groups.at(device.group))) {
      return -EBUSY;
    }
    const Mdev* mate = nullptr;
    for (const auto& [name, other] : kernel_.devices) {
      const auto* mdev = dynamic_cast<const Mdev*>(other);
      if (mdev != nullptr && mdev != &device && mdev->parent->settings().interface->peer_attribute &&
          mdev->peers == *peers) {
        mate = mdev;
      }
    }
    if (mate != nullptr && mate->parent->settings().driver != settings_.driver) {
      return -EXDEV;
    }
    if (mate != nullptr && kernel_.is_open(kernel_.groups.at(mate->group))) {
      return -EBUSY;
    }
    device.peers = *peers;
    if (mate != nullptr || kernel_.groups.at(device.group).members.size() > 1) {
      kernel_.move(device, mate != nullptr ? std::optional(mate->group) : std::nullopt, era());
    }
    return taken;
  }

  ApMatrix queues_;
  NodeId types_directory_ = 0;
  std::map<const SimType*, std::uint64_t> multipliers_;
};

}  // namespace

std::unique_ptr<Provider> make_typed(Kernel& kernel, const SimParent& settings, Account* account) {
  return std::make_unique<TypedParent>(kernel, settings, account);
}

}  // namespace mdevadm::sim
