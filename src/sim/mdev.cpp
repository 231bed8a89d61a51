#include "mdev.hpp"

#include <fmt/format.h>

namespace mdevadm::sim {

std::optional<Uuid> MdevParent::parse_uuid_field(std::string_view data) {
  return data.size() == uuid_length || data.size() == uuid_length + 1
             ? Uuid::parse(data.substr(0, uuid_length))
             : std::nullopt;
}

Mdev* MdevParent::find(std::string_view name) {
  const auto found = mdevs_.find(name);
  return found == mdevs_.end() ? nullptr : found->second.get();
}

// Since 6.1 the core counts the instances of drivers without a capacity model of their own.
bool MdevParent::core_counts() const {
  return era() == Era::v6_1 &&
         (settings_.arithmetic == Arithmetic::shared || settings_.arithmetic == Arithmetic::ap ||
          settings_.arithmetic == Arithmetic::ccw);
}

int MdevParent::full_error() const {
  if (settings_.errno_full != 0) {
    return settings_.errno_full;
  }
  switch (settings_.arithmetic) {
    case Arithmetic::ap:
    case Arithmetic::ccw: return EPERM;
    case Arithmetic::shared:
    case Arithmetic::memory: return kernel_.version < KernelVersion{5, 13} ? ENOMEM : ENOSPC;
    default: return ENOSPC;
  }
}

int MdevParent::wrong_type_error() const {
  return settings_.errno_wrong_type != 0               ? settings_.errno_wrong_type
         : settings_.interface->layout == Layout::flat ? full_error()
                                                       : EINVAL;
}

int MdevParent::take_room(const CreateRequest& request) {
  if (account_ != nullptr) {
    return account_->take(*request.type);
  }
  const std::string& id = request.type->id;
  if (!capacity_.fits(id, request.units)) {
    return capacity_.is_shut_out(id) ? wrong_type_error() : full_error();
  }
  capacity_.take(id, request.units);
  return 0;
}

void MdevParent::return_room(const Mdev& device) {
  account_ != nullptr ? account_->give_back() : capacity_.give_back(device.type->id, device.accounted);
}

void MdevParent::create(const CreateRequest& request, const Answer& answer) {
  if (kernel_.devices.contains(request.name)) {
    return answer(-EEXIST);
  }
  if (core_counts() && capacity_.left(request.type->id) == 0) {
    return answer(-EUSERS);
  }
  if (!registered_ || settings_.ignores_create) {
    return answer(registered_ ? 0 : -ENODEV);
  }
  auto made = std::make_unique<Mdev>();
  Mdev& device = *made;
  device.name = request.name;
  device.parent = this;
  device.uuid = request.uuid;
  device.type = request.type;
  device.units = request.units;
  device.accounted = 0;
  device.vm = request.vm;
  mdevs_.emplace(request.name, std::move(made));
  kernel_.devices.emplace(request.name, &device);
  if (era() == Era::v4_10 || era() == Era::v6_1) {
    appear_early(device);
  }
  int error = 0;
  const auto strike = kernel_.trouble.strike(Operation::create);
  if (strike && strike->vanish) {
    withdraw();
    error = ENODEV;
  } else {
    error = strike ? strike->error : settings_.errno_create != 0 ? settings_.errno_create : refuses(request);
    error = error != 0 ? error : take_room(request);
  }
  if (error == 0) {
    device.accounted = request.units;
  }
  kernel_.time.after(kernel_.trouble.delay(Operation::create), [this, &device, request, error, answer] {
    const int end = error == 0 && !registered_ ? ENODEV : error;
    end == 0 ? finish_create(device, request, answer) : fail_create(device, end, answer);
  });
}

// Creates the device's directory before the driver is called.
void MdevParent::appear_early(Mdev& device) {
  Kernfs& files = kernel_.files;
  device.directory = files.directory(device_home(), device.name);
  files.link(device.directory, "subsystem", *files.walk("bus/mdev"));
  files.directory(device.directory, "power");
  add_uevent_file(device);
  add_early_files(device);
  files.link(*files.walk("bus/mdev/devices"), device.name, device.directory);
  kernel_.events.emit("add", files.path_of(device.directory), "mdev");
}

void MdevParent::finish_create(Mdev& device, const CreateRequest& request, const Answer& answer) {
  Kernfs& files = kernel_.files;
  if (device.directory == 0) {
    appear_early(device);
  }
  device.state = Mdev::State::active;
  // The requested group may have been removed while the driver was busy.
  const bool joins = request.group && kernel_.groups.contains(*request.group);
  kernel_.attach(device, joins ? request.group : std::nullopt, era());
  furnish(device);
  // Before 5.16 all devices were bound to vfio's own driver; since then drivers register on the mdev bus.
  const std::string driver = kernel_.version < KernelVersion{5, 16} ? "vfio_mdev" : settings_.driver;
  const NodeId driver_directory = kernel_.driver_directory("bus/mdev", driver);
  files.link(device.directory, "driver", driver_directory);
  files.link(driver_directory, device.name, device.directory);
  kernel_.events.emit("bind", files.path_of(device.directory), "mdev", {{"DRIVER", driver}});
  refresh();
  const std::string name = device.name;
  kernel_.time.after(kernel_.trouble.delay(Operation::mdev_type), [this, name] {
    if (Mdev* still = find(name); still != nullptr && still->state == Mdev::State::active) {
      add_type_links(*still);
    }
  });
  answer(0);
  if (!registered_) {
    remove(device, [](int) {});
  }
}

void MdevParent::fail_create(Mdev& device, int error, const Answer& answer) {
  if (device.accounted > 0) {
    return_room(device);
  }
  if (device.directory != 0) {
    kernel_.events.emit("remove", kernel_.files.path_of(device.directory), "mdev");
    kernel_.files.remove(*kernel_.files.walk("bus/mdev/devices"), device.name);
    kernel_.files.remove(device.directory);
  }
  kernel_.devices.erase(device.name);
  mdevs_.erase(std::string(device.name));
  refresh();
  answer(-error);
  finish_withdraw();
}

void MdevParent::remove(Mdev& device, const Answer& answer) {
  if (device.state != Mdev::State::active) {
    return answer(-EAGAIN);
  }
  if (const auto strike = kernel_.trouble.strike(Operation::remove); strike && strike->error != 0) {
    return answer(-strike->error);
  }
  const Time delay =
      kernel_.trouble.delay(Operation::remove) + (account_ != nullptr ? account_->linger(device) : Time{0});
  if (era() < Era::v5_2 && registered_) {
    if (may_refuse_removal() && kernel_.is_open(device)) {
      return answer(-EBUSY);
    }
    device.state = Mdev::State::going;
    kernel_.time.after(delay, [this, &device, answer] {
      strip(device);
      finish_remove(device, answer);
    });
    return;
  }
  device.state = Mdev::State::going;
  strip(device);
  kernel_.time.after(delay, [this, &device, answer] {
    if (kernel_.is_open(device)) {
      kernel_.waiting.push_back({&device, [this, &device, answer] { finish_remove(device, answer); }});
    } else {
      finish_remove(device, answer);
    }
  });
}

// Removes all files that the kernel removes before it waits for the device to be released: all but the IOMMU
// group and, before Linux 6.6, vfio-dev.
void MdevParent::strip(Mdev& device) {
  Kernfs& files = kernel_.files;
  remove_type_links(device);
  files.remove(*files.walk("bus/mdev/devices"), device.name);
  if (const auto driver = files.find(device.directory, "driver")) {
    if (const auto target = files.walk(files.path_of(device.directory) + "/driver")) {
      files.remove(*target, device.name);
    }
    files.remove(*driver);
  }
  const std::map<std::string, NodeId, std::less<>> children = files.get(device.directory)->children;
  for (const auto& [name, child] : children) {
    if (name != "iommu_group" && name != "vfio-dev") {
      files.remove(child);
    }
  }
  if (kernel_.version >= KernelVersion{6, 6}) {
    kernel_.remove_vfio_dev(device);
  }
}

void MdevParent::finish_remove(Mdev& device, const Answer& answer) {
  kernel_.detach(device, era());
  const std::string path = kernel_.files.path_of(device.directory);
  if (era() == Era::v6_1) {
    kernel_.events.emit("unbind", path, "mdev");
  }
  kernel_.events.emit("remove", path, "mdev");
  kernel_.files.remove(device.directory);
  return_room(device);
  kernel_.devices.erase(device.name);
  mdevs_.erase(std::string(device.name));
  refresh();
  answer(0);
  finish_withdraw();
}

void MdevParent::withdraw() {
  if (!registered_) {
    return;
  }
  registered_ = false;
  std::vector<Mdev*> active;
  for (const auto& [name, device] : mdevs_) {
    if (device->state == Mdev::State::active) {
      active.push_back(device.get());
    }
  }
  if (const auto links = kernel_.files.walk("class/mdev_bus")) {
    kernel_.files.remove(*links, settings_.name);
  }
  if (era() == Era::proposal) {
    unpublish();  // accepts no new devices from here on
  }
  for (Mdev* device : active) {
    remove(*device, [](int) {});
  }
  finish_withdraw();
}

void MdevParent::finish_withdraw() {
  if (!registered_ && mdevs_.empty() && present_) {
    present_ = false;
    if (era() != Era::proposal) {
      unpublish();
    }
    log_state("unregistered");
    remove_directory();
  }
}

void MdevParent::interfere(Operation operation, std::string_view attribute, std::function<int()> action,
                           const Answer& answer) {
  const auto strike = kernel_.trouble.strike(operation, attribute);
  kernel_.time.after(kernel_.trouble.delay(operation), [this, strike, action = std::move(action), answer] {
    if (strike && strike->vanish) {
      withdraw();
    }
    answer(strike ? -(strike->vanish ? ENODEV : strike->error) : action());
  });
}

void MdevParent::change(const Mdev& device, const FileWrite& write, const Changing& action,
                        const Answer& answer) {
  interfere(
      write.operation, write.attribute,
      [this, name = device.name, text = std::string(write.data), action] {
        Mdev* still = find(name);
        return still == nullptr ? -ENODEV : action(*still, text);
      },
      answer);
}

void MdevParent::add_uevent_file(Mdev& device) {
  const NodeId directory = device.directory;
  const std::string name = device.name;
  kernel_.files.attribute(
      directory, "uevent", 0644,
      [this, name] {
        const Mdev* found = find(name);
        const bool bound = found != nullptr && found->state == Mdev::State::active;
        return Reading{bound ? fmt::format("DRIVER={}\n", settings_.driver) : std::string{}};
      },
      [this, directory](std::string_view data, const Answer& answer) {
        const std::string action(data.substr(0, data.find_last_not_of('\n') + 1));
        if (action != "add" && action != "remove" && action != "change") {
          return answer(-EINVAL);
        }
        kernel_.events.emit(action, kernel_.files.path_of(directory), "mdev",
                            {{"SYNTH_UUID", "0"}, {"DRIVER", settings_.driver}});
        answer(static_cast<int>(data.size()));
      });
}

namespace {

constexpr std::string_view type_prefix = "mdev_type/";

// Returns the value that the scenario sets for the attribute, with the device's values filled in.
std::string value_of(const VendorAttribute& attribute, const Mdev& device,
                     const std::map<std::string, std::string>& of_types) {
  std::string text = attribute.value;
  const auto fill = [&](const std::string& mark, const std::string& value) {
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size())) {
      text.replace(at, mark.size(), value);
    }
  };
  fill("{uuid}", device.uuid.str());
  for (const auto& [name, value] : device.type->properties) {
    fill("{" + name + "}", value);
  }
  for (const auto& [name, value] : of_types) {
    fill("{" + name + "}", value);
  }
  return text;
}

}  // namespace

void MdevParent::add_vendor_attributes(Mdev& device) {
  for (const VendorAttribute& attribute : settings_.attributes) {
    if (attribute.name.starts_with(type_prefix)) {
      continue;
    }
    const auto value = std::make_shared<std::string>(value_of(attribute, device, type_values_));
    const std::size_t slash = attribute.name.rfind('/');
    const NodeId directory =
        slash == std::string::npos
            ? device.directory
            : kernel_.files.directories(device.directory, attribute.name.substr(0, slash));
    Store store;
    if (attribute.writable) {
      store = [this, value, name = attribute.name, &device](std::string_view data, const Answer& answer) {
        const auto keep = [value](Mdev&, std::string_view text) {
          *value = text;
          return static_cast<int>(text.size());
        };
        change(device, {Operation::attribute, name, data}, keep, answer);
      };
    }
    kernel_.files.attribute(
        directory, attribute.name.substr(slash + 1), attribute.writable ? 0644 : 0444,
        [value] { return Reading{*value}; }, std::move(store));
  }
}

// Adds the files of the type's directory that determine the devices created next: write-only, a number that
// the driver accepts up to the value of the scenario.
void MdevParent::add_type_attributes(NodeId directory) {
  for (const VendorAttribute& attribute : settings_.attributes) {
    if (!attribute.name.starts_with(type_prefix)) {
      continue;
    }
    const std::string name = attribute.name.substr(type_prefix.size());
    const auto most = parse_kernel_number(attribute.value).value_or(0);
    type_values_.emplace(name, "0");
    kernel_.files.attribute(directory, name, 0200, {},
                            [this, name, most](std::string_view data, const Answer& answer) {
                              const auto number = parse_kernel_number(data);
                              if (!number || *number > most) {
                                return answer(-EINVAL);
                              }
                              type_values_[name] = fmt::format("{}", *number);
                              answer(static_cast<int>(data.size()));
                            });
  }
}

}  // namespace mdevadm::sim
