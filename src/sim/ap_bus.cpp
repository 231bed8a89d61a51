#include "ap_bus.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mdevadm::sim {

namespace {

constexpr const char* vfio_ap = "vfio_ap";
constexpr const char* host_driver = "cex4queue";
constexpr KernelVersion with_overrides{6, 19};

struct CardModel {
  unsigned hwtype;
  std::uint32_t functions;
  std::string_view mode;
};

// "CEX8C": generation, and C for CCA, A for accelerator, P for EP11.
CardModel model_of(const std::string& card) {
  const auto generation = static_cast<unsigned>(card.at(3) - '0');
  switch (card.at(4)) {
    case 'A': return {generation + 6, 0x6a800000, "accel"};
    case 'P': return {generation + 6, 0x06800000, "ep11"};
    default: return {generation + 6, 0x92800000, "cca"};
  }
}

std::string number_line(std::uint64_t number) {
  return fmt::format("{}\n", number);
}

// Adds a file with a number from `least` to `most` that has no effect.
void add_number(Kernfs& files, NodeId directory, const std::string& name, std::uint64_t value,
                std::pair<std::uint64_t, std::uint64_t> limits) {
  const auto stored = std::make_shared<std::uint64_t>(value);
  files.attribute(
      directory, name, 0644, [stored] { return Reading{number_line(*stored)}; },
      [stored, limits](std::string_view data, const Answer& answer) {
        const auto number = parse_kernel_number(data, 10);
        if (!number || *number < limits.first || *number > limits.second) {
          return answer(-EINVAL);
        }
        *stored = *number;
        answer(static_cast<int>(data.size()));
      });
}

// Adapts a function that returns 0 or -errno.
Store storing(std::function<int(std::string_view)> write) {
  return [write = std::move(write)](std::string_view data, const Answer& answer) {
    const int error = write(data);
    answer(error != 0 ? error : static_cast<int>(data.size()));
  };
}

}  // namespace

std::string to_string(const Apqn& queue) {
  return fmt::format("{:02x}.{:04x}", queue.first, queue.second);
}

ApBus::ApBus(Kernel& kernel, const ApQueues& settings, Guests guests)
    : kernel_(kernel), settings_(settings), guests_(std::move(guests)) {
  reset();
}

void ApBus::reset() {
  host_adapters_ = ApNumbers(settings_.host_adapters.begin(), settings_.host_adapters.end());
  host_domains_ = ApNumbers(settings_.host_domains.begin(), settings_.host_domains.end());
  deconfigured_.clear();
  offline_.clear();
  completions_ = 0;
  for (auto& [name, queue] : queues_) {
    queue.online = true;
    queue.driver_override.clear();
  }
  ++boots_;
  schedule_masks();
}

// Sets masks as a program of the host does that runs late, such as udev with the rule of chzdev.
void ApBus::schedule_masks() {
  if (settings_.late_apmask.empty() && settings_.late_aqmask.empty()) {
    return;
  }
  kernel_.time.after(settings_.masks_after, [this, boot = boots_] {
    if (boot != boots_) {
      return;
    }
    if (!settings_.late_apmask.empty()) {
      write_mask("apmask", host_adapters_, settings_.late_apmask);
    }
    if (!settings_.late_aqmask.empty()) {
      write_mask("aqmask", host_domains_, settings_.late_aqmask);
    }
  });
}

bool ApBus::is_host(const Apqn& queue) const {
  const auto found = queues_.find(queue);
  if (found != queues_.end() && !found->second.driver_override.empty()) {
    return found->second.driver_override == host_driver;
  }
  return host_adapters_.contains(queue.first) && host_domains_.contains(queue.second);
}

bool ApBus::is_bound_to_vfio_ap(const Apqn& queue) const {
  const auto found = queues_.find(queue);
  return found != queues_.end() && found->second.driver == vfio_ap;
}

void ApBus::load_vfio_ap() {
  loaded_ = true;
  if (bus_ == 0) {
    make_bus_files();
  }
  make_driver(vfio_ap);
  rebind();
}

void ApBus::unload_vfio_ap() {
  loaded_ = false;
  for (auto& [name, queue] : queues_) {
    if (queue.driver == vfio_ap) {
      unbind(name, queue);
    }
  }
  if (const auto directory = kernel_.files.walk("bus/ap/drivers/vfio_ap")) {
    kernel_.files.remove(*directory);
  }
}

void ApBus::make_bus_files() {
  Kernfs& files = kernel_.files;
  bus_ = files.directories(Kernfs::root, "bus/ap");
  const NodeId devices = files.directories(Kernfs::root, "devices/ap");
  kernel_.add_uevent(devices, "ap", [] { return std::string{}; });
  const ApNumbers adapters(settings_.adapters.begin(), settings_.adapters.end());
  const ApNumbers domains(settings_.domains.begin(), settings_.domains.end());
  const ApNumbers control(settings_.control_domains.begin(), settings_.control_domains.end());
  files.constant(bus_, "ap_max_adapter_id", number_line(settings_.max_adapter));
  files.constant(bus_, "ap_max_domain_id", number_line(settings_.max_domain));
  files.constant(bus_, "ap_adapter_mask", to_mask(adapters) + "\n");
  files.constant(bus_, "ap_usage_domain_mask", to_mask(domains) + "\n");
  files.constant(bus_, "ap_control_domain_mask", to_mask(control) + "\n");
  files.constant(bus_, "features", "APSC APXA QACT RC8A\n");
  files.constant(bus_, "ap_interrupts", "1\n");
  const std::uint64_t domain = domains.empty() ? 0 : *domains.begin();
  add_number(files, bus_, "ap_domain", domain, {0, settings_.max_domain});
  add_number(files, bus_, "config_time", 30, {5, 120});
  add_number(files, bus_, "poll_thread", 0, {0, 1});
  add_number(files, bus_, "poll_timeout", 250000, {0, 120'000'000'000});
  files.constant(bus_, "scans", "1\n");
  files.attribute(bus_, "bindings", 0444, [this] { return Reading{bindings()}; });
  if (kernel_.version >= with_overrides) {
    files.attribute(bus_, "bindings_complete_count", 0444,
                    [this] { return Reading{number_line(completions_)}; });
  }
  add_mask("apmask", host_adapters_);
  add_mask("aqmask", host_domains_);
  make_driver("cex4card");
  make_driver(host_driver);
  files.attribute(bus_, "drivers_probe", 0200, {}, storing([this](std::string_view data) {
                    const auto found = find(data);
                    if (found == queues_.end()) {
                      return -ENODEV;
                    }
                    attach(found->first, found->second);
                    return 0;
                  }));
  for (const unsigned adapter : adapters) {
    make_card(adapter);
  }
}

void ApBus::add_mask(const std::string& name, ApNumbers& mask) {
  kernel_.files.attribute(
      bus_, name, 0644, [&mask] { return Reading{to_mask(mask) + "\n"}; },
      storing([this, name, &mask](std::string_view data) { return write_mask(name, mask, data); }));
}

int ApBus::write_mask(const std::string& name, ApNumbers& mask, std::string_view data) {
  if (has_override()) {
    return -EINVAL;
  }
  const auto next = changed_mask(mask, data);
  if (!next) {
    return -EINVAL;
  }
  ApNumbers added;
  std::set_difference(next->begin(), next->end(), mask.begin(), mask.end(),
                      std::inserter(added, added.end()));
  // Linux 6.19 and later compare with all numbers of the other mask.
  const bool is_narrow = kernel_.version < with_overrides;
  const ApNumbers& others = &mask == &host_adapters_ ? host_domains_ : host_adapters_;
  const ApNumbers against = is_narrow ? others : all_ap_numbers();
  const int in_use =
      &mask == &host_adapters_ ? guests_.in_use(added, against) : guests_.in_use(against, added);
  const int refused = kernel_.version < KernelVersion{6, 0} ? 0 : in_use;
  if (refused != 0 || *next == mask) {
    return refused;
  }
  mask = *next;
  rebind();
  report("/devices/ap", {{name == "apmask" ? "APMASK" : "AQMASK", to_mask(mask)}});
  return 0;
}

void ApBus::report(const std::string& path, const Events::Fields& fields) {
  kernel_.events.emit("change", path, "ap", fields);
}

void ApBus::make_card(unsigned adapter) {
  Kernfs& files = kernel_.files;
  const std::string name = fmt::format("card{:02x}", adapter);
  const CardModel model = model_of(settings_.card);
  const NodeId directory = files.directories(Kernfs::root, "devices/ap/" + name);
  const std::string modalias = fmt::format("ap:t{:02X}", model.hwtype);
  files.link(files.directory(bus_, "devices"), name, directory);
  files.link(directory, "subsystem", bus_);
  kernel_.add_uevent(directory, "ap", [modalias, model] {
    return fmt::format("DEV_TYPE={:04X}\nMODALIAS={}\nMODE={}\n", model.hwtype, modalias, model.mode);
  });
  files.constant(directory, "hwtype", number_line(model.hwtype));
  files.constant(directory, "raw_hwtype", number_line(model.hwtype));
  files.constant(directory, "depth", "8\n");
  files.constant(directory, "ap_functions", fmt::format("0x{:08X}\n", model.functions));
  files.constant(directory, "modalias", modalias + "\n");
  for (const char* count : {"request_count", "requestq_count", "pendingq_count", "load", "chkstop"}) {
    files.constant(directory, count, "0\n");
  }
  files.constant(directory, "max_msg_size", "12288\n");
  files.constant(directory, "type", settings_.card + "\n");
  make_config_file(directory, adapter);
  const NodeId driver = *files.walk("bus/ap/drivers/cex4card");
  files.link(directory, "driver", driver);
  files.link(driver, name, directory);
  for (const unsigned domain : settings_.domains) {
    make_queue({adapter, domain});
  }
}

void ApBus::make_config_file(NodeId directory, unsigned adapter) {
  Kernfs& files = kernel_.files;
  const auto flag = [&](const char* name, const char* event, ApNumbers& off, bool needs_config) {
    files.attribute(
        directory, name, 0644, [&off, adapter] { return Reading{off.contains(adapter) ? "0\n" : "1\n"}; },
        storing([this, directory, adapter, &off, event, needs_config](std::string_view data) {
          const auto value = parse_kernel_number(data);
          if (!value || *value > 1) {
            return -EINVAL;
          }
          if (needs_config && *value == 1 && deconfigured_.contains(adapter)) {
            return -ENODEV;
          }
          const bool changes = *value == 1 ? off.erase(adapter) > 0 : off.insert(adapter).second;
          if (changes) {
            report(kernel_.files.path_of(directory), {{event, std::to_string(*value)}});
          }
          return 0;
        }));
  };
  flag("config", "CONFIG", deconfigured_, false);
  flag("online", "ONLINE", offline_, true);
}

void ApBus::make_queue(const Apqn& name) {
  Kernfs& files = kernel_.files;
  const NodeId card = *files.walk(fmt::format("devices/ap/card{:02x}", name.first));
  Queue& queue = queues_[name];
  queue.directory = files.directory(card, to_string(name));
  files.link(files.directory(bus_, "devices"), to_string(name), queue.directory);
  files.link(queue.directory, "subsystem", bus_);
  kernel_.add_uevent(queue.directory, "ap", [&queue] {
    return queue.driver.empty() ? std::string{} : fmt::format("DRIVER={}\n", queue.driver);
  });
  for (const char* count : {"request_count", "requestq_count", "pendingq_count", "chkstop"}) {
    files.constant(queue.directory, count, "0\n");
  }
  files.constant(queue.directory, "reset", "No Reset Timer set.\n");
  files.constant(queue.directory, "interrupt", "Interrupts enabled.\n");
  files.attribute(queue.directory, "config", 0444, [this, adapter = name.first] {
    return Reading{deconfigured_.contains(adapter) ? "0\n" : "1\n"};
  });
  if (kernel_.version >= with_overrides) {
    make_override_file(name);
  }
}

void ApBus::make_override_file(const Apqn& name) {
  Queue& queue = queues_[name];
  kernel_.files.attribute(
      queue.directory, "driver_override", 0644, [&queue] { return Reading{queue.driver_override + "\n"}; },
      storing([this, &queue](std::string_view data) { return write_override(queue, data); }));
}

// Masks and overrides exclude each other on the whole bus.
int ApBus::write_override(Queue& queue, std::string_view data) {
  const bool is_masked = host_adapters_.size() < ap_numbers || host_domains_.size() < ap_numbers;
  if (is_masked) {
    return -EINVAL;
  }
  queue.driver_override = without_newline(data);
  return 0;
}

bool ApBus::has_override() const {
  return std::any_of(queues_.begin(), queues_.end(),
                     [](const auto& entry) { return !entry.second.driver_override.empty(); });
}

void ApBus::make_driver(const std::string& driver) {
  const NodeId directory = kernel_.driver_directory("bus/ap", driver);
  if (driver == "cex4card") {
    return;
  }
  kernel_.files.attribute(directory, "bind", 0200, {}, storing([this, driver](std::string_view data) {
                            return write_bind(driver, data);
                          }));
  kernel_.files.attribute(directory, "unbind", 0200, {}, storing([this, driver](std::string_view data) {
                            return write_unbind(driver, data);
                          }));
}

std::map<Apqn, ApBus::Queue>::iterator ApBus::find(std::string_view data) {
  return std::find_if(queues_.begin(), queues_.end(),
                      [&](const auto& entry) { return to_string(entry.first) == without_newline(data); });
}

int ApBus::write_bind(const std::string& driver, std::string_view data) {
  const auto found = find(data);
  if (found == queues_.end() || driver_for(found->first, found->second) != driver) {
    return -ENODEV;
  }
  if (!found->second.driver.empty()) {
    return -EBUSY;
  }
  bind(found->first, found->second, driver);
  return 0;
}

int ApBus::write_unbind(const std::string& driver, std::string_view data) {
  const auto found = find(data);
  if (found == queues_.end() || found->second.driver != driver) {
    return -ENODEV;
  }
  unbind(found->first, found->second);
  return 0;
}

std::string ApBus::driver_for(const Apqn& name, const Queue& queue) const {
  std::string driver = is_host(name) ? host_driver : vfio_ap;
  if (!queue.driver_override.empty()) {
    driver = queue.driver_override;
  }
  return driver == vfio_ap && !loaded_ ? std::string{} : driver;
}

void ApBus::attach(const Apqn& name, Queue& queue) {
  const std::string driver = driver_for(name, queue);
  if (queue.driver.empty() && !driver.empty()) {
    bind(name, queue, driver);
  }
}

void ApBus::bind(const Apqn& name, Queue& queue, const std::string& driver) {
  const auto directory = kernel_.files.walk("bus/ap/drivers/" + driver);
  if (!directory) {
    return;
  }
  Kernfs& files = kernel_.files;
  queue.driver = driver;
  files.link(queue.directory, "driver", *directory);
  files.link(*directory, to_string(name), queue.directory);
  if (driver == vfio_ap) {
    files.attribute(queue.directory, "status", 0444,
                    [this, name] { return Reading{guests_.status(name) + "\n"}; });
  } else {
    files.attribute(
        queue.directory, "online", 0644, [&queue] { return Reading{queue.online ? "1\n" : "0\n"}; },
        storing([this, &queue, adapter = name.first](std::string_view data) {
          const auto value = parse_kernel_number(data);
          if (!value || *value > 1) {
            return -EINVAL;
          }
          if (*value == 1 && (deconfigured_.contains(adapter) || offline_.contains(adapter))) {
            return deconfigured_.contains(adapter) ? -ENODEV : -EINVAL;
          }
          queue.online = *value == 1;
          return 0;
        }));
    files.constant(queue.directory, "load", "0\n");
  }
  kernel_.events.emit("bind", files.path_of(queue.directory), "ap", {{"DRIVER", driver}});
}

void ApBus::unbind(const Apqn& name, Queue& queue) {
  Kernfs& files = kernel_.files;
  if (const auto directory = files.walk("bus/ap/drivers/" + queue.driver)) {
    files.remove(*directory, to_string(name));
  }
  for (const char* file : {"driver", "status", "online", "load"}) {
    files.remove(queue.directory, file);
  }
  queue.driver.clear();
  kernel_.events.emit("unbind", files.path_of(queue.directory), "ap");
}

// Gives each queue the driver of its owner, as a scan of the bus does.
void ApBus::rebind() {
  bool changes = false;
  for (auto& [name, queue] : queues_) {
    if (!queue.driver.empty() && queue.driver != driver_for(name, queue)) {
      unbind(name, queue);
    }
    changes = changes || queue.driver.empty();
    attach(name, queue);
  }
  if (changes && bindings().ends_with("(complete)\n")) {
    report("/devices/ap", {{"BINDINGS", "complete"}, {"COMPLETECOUNT", std::to_string(++completions_)}});
  }
}

std::string ApBus::bindings() const {
  const auto bound = std::count_if(queues_.begin(), queues_.end(),
                                   [](const auto& entry) { return !entry.second.driver.empty(); });
  const bool is_complete = static_cast<std::size_t>(bound) == queues_.size();
  return fmt::format("{}/{}{}\n", bound, queues_.size(), is_complete ? " (complete)" : "");
}

}  // namespace mdevadm::sim
