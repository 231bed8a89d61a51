#include "pci.hpp"

#include <algorithm>
#include <mdevadm/util/text.hpp>

#include "kernel.hpp"

namespace mdevadm::sim {

namespace {

int taken(std::string_view data) {
  return static_cast<int>(data.size());
}

}  // namespace

PciDevice* PciBus::find(std::string_view data) {
  const auto found = devices_.find(without_newline(data));
  return found == devices_.end() ? nullptr : found->second;
}

void PciBus::add(PciDevice& device) {
  make_bus_files();
  kernel_.driver_directory("bus/pci", device.native_driver);
  devices_[device.name] = &device;
  kernel_.files.attribute(
      device.directory, "driver_override", 0644,
      [&device] {
        return Reading{(device.driver_override.empty() ? "(null)" : device.driver_override) + "\n"};
      },
      [&device](std::string_view data, const Answer& answer) {
        device.driver_override = without_newline(data);
        answer(taken(data));
      });
}

void PciBus::remove(PciDevice& device) {
  devices_.erase(device.name);
}

// An override excludes all other drivers. vfio-pci and pci-pf-stub have no table of ids of their own.
bool PciBus::matches(const PciDevice& device, const std::string& driver) const {
  if (!device.driver_override.empty()) {
    return device.driver_override == driver;
  }
  const auto added = added_ids_.find(driver);
  return driver == device.native_driver ||
         (added != added_ids_.end() && added->second.contains(device.vendor + " " + device.id));
}

int PciBus::bind(PciDevice& device, const std::string& driver) {
  Kernfs& files = kernel_.files;
  if (const int error = device.probe ? device.probe(driver) : 0) {
    return error;
  }
  device.driver = driver;
  const NodeId directory = kernel_.driver_directory("bus/pci", driver);
  files.link(device.directory, "driver", directory);
  files.link(directory, device.name, device.directory);
  kernel_.events.emit("bind", files.path_of(device.directory), "pci", {{"DRIVER", driver}});
  return 0;
}

void PciBus::unbind(PciDevice& device, const std::function<void()>& then) {
  if (device.driver.empty()) {
    return then();
  }
  const std::function<void()> finish = [this, &device, then] {
    Kernfs& files = kernel_.files;
    files.remove(kernel_.driver_directory("bus/pci", device.driver), device.name);
    files.remove(device.directory, "driver");
    device.driver.clear();
    kernel_.events.emit("unbind", files.path_of(device.directory), "pci");
    then();
  };
  device.release ? device.release(device.driver, finish) : finish();
}

void PciBus::attach(PciDevice& device) {
  if (!device.driver.empty()) {
    return;
  }
  if (matches(device, device.native_driver) && bind(device, device.native_driver) == 0) {
    return;
  }
  for (const auto& [driver, ids] : added_ids_) {
    if (driver != device.native_driver && matches(device, driver) && bind(device, driver) == 0) {
      return;
    }
  }
  if (!device.driver_override.empty() && kernel_.files.walk("bus/pci/drivers/" + device.driver_override)) {
    std::ignore = bind(device, device.driver_override);
  }
}

void PciBus::make_bus_files() {
  const NodeId bus = kernel_.files.directories(Kernfs::root, "bus/pci");
  if (kernel_.files.find(bus, "drivers_probe")) {
    return;
  }
  kernel_.files.attribute(bus, "drivers_probe", 0200, {},
                          [this](std::string_view data, const Answer& answer) {
                            PciDevice* device = find(data);
                            if (device == nullptr) {
                              return answer(-ENODEV);
                            }
                            attach(*device);
                            answer(taken(data));
                          });
  for (const char* driver : {"pci-pf-stub", "vfio-pci"}) {
    kernel_.driver_directory("bus/pci", driver);
  }
}

void PciBus::furnish_driver(NodeId directory, const std::string& driver) {
  using Write = void (PciBus::*)(const std::string&, std::string_view, const Answer&);
  for (const auto& [name, write] : {std::pair<const char*, Write>{"bind", &PciBus::write_bind},
                                    std::pair<const char*, Write>{"unbind", &PciBus::write_unbind}}) {
    kernel_.files.attribute(directory, name, 0200, {},
                            [this, driver, write = write](std::string_view data, const Answer& answer) {
                              (this->*write)(driver, data, answer);
                            });
  }
  for (const bool add : {true, false}) {
    kernel_.files.attribute(directory, add ? "new_id" : "remove_id", 0200, {},
                            [this, driver, add](std::string_view data, const Answer& answer) {
                              write_id(driver, data, answer, add);
                            });
  }
}

void PciBus::write_bind(const std::string& driver, std::string_view data, const Answer& answer) {
  PciDevice* device = find(data);
  if (device == nullptr || !matches(*device, driver)) {
    return answer(-ENODEV);
  }
  const bool reports_probe = kernel_.version >= KernelVersion{5, 14};  // before: ENODEV for all refusals
  if (!device->driver.empty()) {
    return answer(reports_probe ? -EBUSY : -ENODEV);
  }
  const auto strike = kernel_.trouble.strike(Operation::bind);
  kernel_.time.after(kernel_.trouble.delay(Operation::bind),
                     [this, name = device->name, driver, strike, answer, reports_probe, size = taken(data)] {
                       PciDevice* still = find(name);
                       const int error = still == nullptr || !still->driver.empty() ? ENODEV
                                         : strike                                   ? strike->error
                                                                                    : bind(*still, driver);
                       answer(error == 0 ? size : reports_probe ? -error : -ENODEV);
                     });
}

void PciBus::write_unbind(const std::string& driver, std::string_view data, const Answer& answer) {
  PciDevice* device = find(data);
  if (device == nullptr || device->driver != driver) {
    return answer(-ENODEV);
  }
  unbind(*device, [answer, size = taken(data)] { answer(size); });
}

void PciBus::write_id(const std::string& driver, std::string_view data, const Answer& answer, bool add) {
  const std::vector<std::string_view> words = split(without_newline(data), ' ');
  if (words.size() < 2) {
    return answer(-EINVAL);
  }
  const std::string id = to_lower(words[0]) + " " + to_lower(words[1]);
  if (!add) {
    return answer(added_ids_[driver].erase(id) == 1 ? taken(data) : -ENODEV);
  }
  added_ids_[driver].insert(id);
  for (const auto& [name, device] : devices_) {
    if (device->driver.empty() && matches(*device, driver)) {
      std::ignore = bind(*device, driver);
    }
  }
  answer(taken(data));
}

}  // namespace mdevadm::sim
