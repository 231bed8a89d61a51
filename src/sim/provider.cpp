#include <fmt/format.h>

#include "kernel.hpp"

namespace mdevadm::sim {

namespace {

// Returns the path of a parent's directory below /sys.
std::string directory_of(const SimParent& parent) {
  if (parent.bus == "pci") {
    return fmt::format("devices/pci{}/{}", parent.name.substr(0, 7), parent.name);
  }
  if (parent.bus == "vfio_ap") {
    return "devices/vfio_ap/" + parent.name;
  }
  if (parent.bus == "css") {
    return "devices/css0/" + parent.name;
  }
  return fmt::format("devices/virtual/{}/{}", parent.driver, parent.name);
}

}  // namespace

std::string subsystem_of(const SimParent& parent) {
  return parent.bus == "virtual" ? parent.driver : parent.bus;
}

Provider::Provider(Kernel& kernel, const SimParent& settings)
    : kernel_(kernel), settings_(settings), capacity_(settings.capacity) {}

int Provider::admit(Assignable&, const std::string&) {
  return 0;
}

int Provider::enable_functions(std::uint64_t) {
  return EINVAL;
}

int Provider::request(const std::vector<std::string_view>&) {
  return EINVAL;
}

int Provider::load(std::string_view) {
  return EINVAL;
}

int Provider::reboot() {
  withdraw();
  if (present_) {
    return EBUSY;
  }
  appear();
  return 0;
}

void Provider::make_pci_files() {
  const PciIds& ids = *settings_.pci;
  Kernfs& files = kernel_.files;
  const auto hex = [&](const char* name, const std::string& value) {
    files.constant(directory_, name, fmt::format("0x{}\n", value));
  };
  hex("vendor", ids.vendor);
  hex("device", ids.device);
  hex("subsystem_vendor", ids.subsystem_vendor);
  hex("subsystem_device", ids.subsystem_device);
  hex("revision", ids.revision);
  hex("class", ids.pci_class);
  files.constant(directory_, "numa_node", "-1\n");
}

void Provider::make_directory() {
  Kernfs& files = kernel_.files;
  files.remove(directory_);
  directory_ = files.directories(Kernfs::root, directory_of(settings_));
  const std::string subsystem = subsystem_of(settings_);
  const bool is_class = settings_.bus == "virtual";
  const std::string bus = (is_class ? "class/" : "bus/") + subsystem;
  const NodeId bus_directory = files.directories(Kernfs::root, bus);
  if (settings_.bus == "vfio_ap") {
    files.directories(Kernfs::root, "bus/ap");
  }
  files.link(directory_, "subsystem", bus_directory);
  files.link(is_class ? bus_directory : files.directory(bus_directory, "devices"), settings_.name,
             directory_);
  files.directory(directory_, "power");
  const bool bound = !is_class && settings_.bus != "vfio_ap";
  kernel_.add_uevent(directory_, subsystem, [this, bound] {
    const std::string driver = bound ? bound_driver() : std::string{};
    return fmt::format("{}{}", driver.empty() ? driver : fmt::format("DRIVER={}\n", driver),
                       settings_.pci ? fmt::format("PCI_SLOT_NAME={}\n", settings_.name) : std::string{});
  });
  if (bound && !is_bound_by_bus()) {
    const NodeId driver = kernel_.driver_directory(bus, settings_.driver);
    files.link(directory_, "driver", driver);
    files.link(driver, settings_.name, directory_);
  }
  // vfio_ccw can be loaded later; `loaded` is about another module of other parents.
  if (settings_.loaded || settings_.bus != "css") {
    const NodeId module = files.directories(Kernfs::root, "module/" + settings_.driver);
    if (!settings_.driver_version.empty() && !files.find(module, "version")) {
      files.constant(module, "version", settings_.driver_version + "\n");
    }
  }
  if (settings_.pci) {
    make_pci_files();
  }
}

void Provider::appear() {
  if (directory_ != 0 && keeps_directory()) {
    return publish();
  }
  make_directory();
  registered_ = present_ = true;
  kernel_.events.emit("add", kernel_.files.path_of(directory_), subsystem_of(settings_));
  publish();
}

void Provider::appear_in(NodeId directory, std::function<void()> on_gone) {
  directory_ = directory;
  on_gone_ = std::move(on_gone);
  registered_ = present_ = true;
  publish();
}

void Provider::log_state(std::string_view state) {
  if (settings_.interface->era >= Era::v5_2 && kernel_.version >= KernelVersion{5, 3}) {
    kernel_.events.emit("change", kernel_.files.path_of(directory_), subsystem_of(settings_),
                        {{"MDEV_STATE", std::string(state)}});
  }
}

// Removes the directory of a virtual parent. A device on a real bus continues to exist without its driver.
void Provider::remove_directory() {
  if (on_gone_) {
    return on_gone_();
  }
  Kernfs& files = kernel_.files;
  const bool is_class = settings_.bus == "virtual";
  const std::string bus = (is_class ? "class/" : "bus/") + subsystem_of(settings_);
  if (const auto driver = files.walk(fmt::format("{}/drivers/{}", bus, settings_.driver))) {
    files.remove(*driver, settings_.name);
    files.remove(directory_, "driver");
    kernel_.events.emit("unbind", files.path_of(directory_), subsystem_of(settings_));
  }
  if (is_class) {
    kernel_.events.emit("remove", files.path_of(directory_), subsystem_of(settings_));
    files.remove(*files.walk(bus), settings_.name);
    files.remove(directory_);
    directory_ = 0;
  }
}

}  // namespace mdevadm::sim
