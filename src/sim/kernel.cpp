#include "kernel.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace mdevadm::sim {

KernelNumber read_kernel_number(std::string_view text, unsigned base) {
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  if (base == 0) {
    base = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
      base = 16;
      text.remove_prefix(2);
    } else if (text.size() > 1 && text[0] == '0') {
      base = 8;
      text.remove_prefix(1);
    }
  }
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, static_cast<int>(base));
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) {
    return {0, EINVAL};
  }
  return error == std::errc{} ? KernelNumber{value, 0} : KernelNumber{0, ERANGE};
}

std::optional<std::uint64_t> parse_kernel_number(std::string_view text, unsigned base) {
  const KernelNumber number = read_kernel_number(text, base);
  return number.error == 0 ? std::optional(number.value) : std::nullopt;
}

void Timeline::after(Time delay, std::function<void()> what) {
  if (delay <= Time{0}) {
    what();
  } else {
    due_.emplace(now_ + delay, std::move(what));
  }
}

void Timeline::proceed(Time now) {
  now_ = std::max(now_, now);
  while (!due_.empty() && due_.begin()->first <= now_) {
    const std::function<void()> what = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    what();
  }
}

std::optional<Time> Timeline::next() const {
  return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

void Events::emit(std::string_view action, const std::string& path, std::string_view subsystem,
                  const Fields& fields) {
  // Enough for a day of continuous changes; then the older half is dropped.
  constexpr std::size_t keep_directory = 16 << 20;
  if (text_.size() > keep_directory) {
    text_.erase(0, text_.find("\n\n", keep_directory / 2) + 2);
  }
  const std::size_t begin = text_.size();
  fmt::format_to(std::back_inserter(text_), "{}@{}\nACTION={}\nDEVPATH={}\nSUBSYSTEM={}\n", action, path,
                 action, path, subsystem);
  for (const auto& [name, value] : fields) {
    fmt::format_to(std::back_inserter(text_), "{}={}\n", name, value);
  }
  std::string& message = unsent_.emplace_back(text_.substr(begin));
  std::replace(message.begin(), message.end(), '\n', '\0');
  fmt::format_to(std::back_inserter(text_), "SEQNUM={}\n\n", ++sequence_);
}

std::optional<Trouble::Strike> Trouble::strike(Operation operation, std::string_view attribute) {
  std::optional<Strike> result;
  for (Counted& counted : faults_) {
    const Fault& fault = counted.fault;
    if (fault.at != operation || (!fault.attribute.empty() && fault.attribute != attribute)) {
      continue;
    }
    ++counted.seen;
    if (fault.nth == 0 || fault.nth == counted.seen) {
      result = Strike{fault.error, fault.vanish};
    }
  }
  return result;
}

Time Trouble::delay(Operation of) const {
  const auto found = delays_.find(of);
  return found == delays_.end() ? Time{0} : found->second;
}

std::uint64_t NumberPool::take() {
  if (free_.empty()) {
    return next_++;
  }
  const std::uint64_t number = *free_.begin();
  free_.erase(free_.begin());
  return number;
}

namespace {

Events::Fields node_fields(dev_t number, const std::string& name) {
  return {
      {"MAJOR", std::to_string(major(number))}, {"MINOR", std::to_string(minor(number))}, {"DEVNAME", name}};
}

// For files of the driver core that exist but have no function here.
void refuse(std::string_view, const Answer& answer) {
  answer(-EINVAL);
}

std::string device_text(dev_t number) {
  return fmt::format("{}:{}\n", major(number), minor(number));
}

}  // namespace

Kernel::Kernel(const Scenario& scenario, Nodes& node_keeper)
    : nodes(node_keeper), version(scenario.kernel), cdev(scenario.cdev), iommu(scenario.iommu) {
  files.directories(Kernfs::root, "kernel/iommu_groups");
  files.directories(Kernfs::root, "bus/mdev/devices");
  files.directories(Kernfs::root, "bus/mdev/drivers");
  const NodeId bus = *files.walk("bus/mdev");
  files.attribute(
      bus, "drivers_autoprobe", 0644, [] { return Reading{"1\n"}; }, refuse);
  files.attribute(bus, "drivers_probe", 0200, {}, refuse);
  files.attribute(bus, "uevent", 0200, {}, refuse);
  for (const Fault& fault : scenario.faults) {
    trouble.add(fault);
  }
  for (const Delay& delay : scenario.delays) {
    trouble.set_delay(delay.of, delay.time);
  }
}

std::uint64_t Kernel::make_group(const Assignable& first, Era era) {
  const std::uint64_t number = group_numbers_.take();
  Group& group = groups[number];
  const std::string name = std::to_string(number);
  group.directory = files.directories(Kernfs::root, "kernel/iommu_groups/" + name);
  files.directory(group.directory, "devices");
  if (era == Era::v6_1 && !first.isolated) {
    files.constant(group.directory, "name", "vfio-noiommu\n");
  }
  files.constant(group.directory, "reserved_regions", "");
  files.attribute(
      group.directory, "type", 0644,
      [type = std::string(first.isolated ? "DMA\n" : "unknown\n")] { return Reading{type}; }, refuse);
  return number;
}

void Kernel::show_node(std::uint64_t number) {
  const std::string name = std::to_string(number);
  groups[number].has_node = true;
  const dev_t node = nodes.appear(name);
  const NodeId directory = files.directories(Kernfs::root, "devices/virtual/vfio/" + name);
  files.constant(directory, "dev", device_text(node));
  files.directory(directory, "power");
  std::string fields;
  for (const auto& [key, value] : node_fields(node, "vfio/" + name)) {
    fields += fmt::format("{}={}\n", key, value);
  }
  files.attribute(
      directory, "uevent", 0644, [fields] { return Reading{fields}; }, refuse);
  files.link(directory, "subsystem", files.directories(Kernfs::root, "class/vfio"));
  files.link(files.directories(Kernfs::root, "class/vfio"), name, directory);
  events.emit("add", "/devices/virtual/vfio/" + name, "vfio", node_fields(node, "vfio/" + name));
}

std::uint64_t Kernel::open_group(const Assignable& first, Era era) {
  const std::uint64_t number = make_group(first, era);
  show_node(number);
  return number;
}

void Kernel::hide_node(std::uint64_t number) {
  groups[number].has_node = false;
  const std::string name = std::to_string(number);
  const auto directory = files.walk("devices/virtual/vfio/" + name);
  const Reading dev = files.get(*files.find(*directory, "dev"))->show();
  const std::string text = dev.text.substr(0, dev.text.size() - 1);
  const std::size_t colon = text.find(':');
  events.emit(
      "remove", "/devices/virtual/vfio/" + name, "vfio",
      {{"MAJOR", text.substr(0, colon)}, {"MINOR", text.substr(colon + 1)}, {"DEVNAME", "vfio/" + name}});
  files.remove(*files.walk("class/vfio"), name);
  files.remove(*directory);
  nodes.vanish(name);
}

void Kernel::close_group(std::uint64_t number) {
  if (groups[number].has_node) {
    hide_node(number);
  }
  files.remove(groups[number].directory);
  groups.erase(number);
  group_numbers_.give_back(number);
}

void Kernel::enter(Assignable& device, std::uint64_t number) {
  Group& group = groups[number];
  group.members.push_back(&device);
  device.group = number;
  files.remove(device.directory, "iommu_group");
  files.link(device.directory, "iommu_group", group.directory);
  files.link(*files.find(group.directory, "devices"), device.name, device.directory);
}

void Kernel::leave(Assignable& device) {
  Group& group = groups[device.group];
  std::erase(group.members, &device);
  files.remove(*files.find(group.directory, "devices"), device.name);
  files.remove(device.directory, "iommu_group");
  if (group.members.empty()) {
    close_group(device.group);
  }
}

void Kernel::attach(Assignable& device, std::optional<std::uint64_t> group, Era era) {
  enter(device, group ? *group : open_group(device, era));
  if (era == Era::v6_1) {
    add_vfio_dev(device);
  }
}

void Kernel::enter_own_group(Assignable& device) {
  enter(device, make_group(device, Era::v6_1));
}

void Kernel::add_vfio(Assignable& device) {
  show_node(device.group);
  if (version >= KernelVersion{6, 1}) {
    add_vfio_dev(device);
  }
}

void Kernel::remove_vfio(Assignable& device) {
  if (version >= KernelVersion{6, 1}) {
    remove_vfio_dev(device);
    give_back_number(device);
  }
  hide_node(device.group);
}

void Kernel::add_vfio_dev(Assignable& device) {
  device.number = device_numbers_.take();
  const std::string name = fmt::format("vfio{}", *device.number);
  const NodeId directory = files.directory(files.directory(device.directory, "vfio-dev"), name);
  files.link(directory, "device", device.directory);
  files.directory(directory, "power");
  files.attribute(
      directory, "uevent", 0644, [] { return Reading{}; }, refuse);
  files.link(directory, "subsystem", files.directories(Kernfs::root, "class/vfio-dev"));
  files.link(files.directories(Kernfs::root, "class/vfio-dev"), name, directory);
  Events::Fields fields;
  if (cdev) {
    const dev_t node = nodes.appear("devices/" + name);
    files.constant(directory, "dev", device_text(node));
    fields = node_fields(node, "vfio/devices/" + name);
  }
  events.emit("add", files.path_of(directory), "vfio-dev", fields);
}

void Kernel::remove_vfio_dev(Assignable& device) {
  const auto directory = files.find(device.directory, "vfio-dev");
  if (!directory) {
    return;
  }
  const std::string name = fmt::format("vfio{}", *device.number);
  events.emit("remove", files.path_of(*directory) + "/" + name, "vfio-dev");
  files.remove(*files.walk("class/vfio-dev"), name);
  files.remove(*directory);
  if (cdev) {
    nodes.hide("devices/" + name);
  }
}

// Its own node vanishes when the last descriptor is closed.
void Kernel::give_back_number(Assignable& device) {
  if (cdev) {
    nodes.vanish(fmt::format("devices/vfio{}", *device.number));
  }
  device_numbers_.give_back(*std::exchange(device.number, std::nullopt));
}

void Kernel::detach(Assignable& device, Era era) {
  if (era == Era::v6_1) {
    remove_vfio_dev(device);
    give_back_number(device);
  }
  leave(device);
}

void Kernel::move(Assignable& device, std::optional<std::uint64_t> group, Era era) {
  if (group == device.group) {
    return;
  }
  leave(device);
  enter(device, group ? *group : open_group(device, era));
}

void Kernel::add_uevent(NodeId directory, const std::string& subsystem, std::function<std::string()> fields) {
  files.attribute(
      directory, "uevent", 0644, [fields = std::move(fields)] { return Reading{fields()}; },
      [this, directory, subsystem](std::string_view data, const Answer& answer) {
        const std::string action(data.substr(0, data.find_last_not_of('\n') + 1));
        if (action != "add" && action != "remove" && action != "change") {
          return answer(-EINVAL);
        }
        events.emit(action, files.path_of(directory), subsystem, {{"SYNTH_UUID", "0"}});
        answer(static_cast<int>(data.size()));
      });
}

void Kernel::print(std::string_view message) {
  constexpr std::size_t most = 1 << 18;  // the size of the kernel's buffer
  if (log_.size() > most) {
    log_.erase(0, log_.find('\n', most / 2) + 1);
  }
  log_.append(message).push_back('\n');
}

bool Kernel::is_open(const Assignable& device) const {
  if (device.granted_until >= time.now()) {
    return true;
  }
  // A node shared by several devices shows only that one of them is open; `user` is set for those opened by
  // name.
  const auto group = groups.find(device.group);
  const bool has_node = group != groups.end() && group->second.has_node;
  const bool alone = has_node && group->second.members.size() == 1;
  const bool node =
      has_node && nodes.is_open(std::to_string(device.group)) && (alone || !device.user.empty());
  return node || (cdev && device.number && nodes.is_open(fmt::format("devices/vfio{}", *device.number)));
}

bool Kernel::is_open(const Group& group) const {
  return std::any_of(group.members.begin(), group.members.end(),
                     [&](const Assignable* member) { return is_open(*member); });
}

std::string Kernel::user_of(const Group& group) const {
  for (const Assignable* member : group.members) {
    if (is_open(*member)) {
      return member->user.empty() ? "another process" : member->user;
    }
  }
  return {};
}

NodeId Kernel::driver_directory(const std::string& bus, const std::string& driver) {
  const std::string path = bus + "/drivers/" + driver;
  const auto found = files.walk(path);
  if (found) {
    return *found;
  }
  const NodeId directory = files.directories(Kernfs::root, path);
  for (const char* name : {"bind", "uevent", "unbind"}) {
    files.attribute(directory, name, 0200, {}, refuse);
  }
  if (bus == "bus/pci") {
    pci.furnish_driver(directory, driver);
  }
  files.link(directory, "module", files.directories(Kernfs::root, "module/" + driver));
  return directory;
}

void Kernel::look_for_closed() {
  for (auto entry = waiting.begin(); entry != waiting.end();) {
    if (is_open(*entry->device)) {
      ++entry;
      continue;
    }
    const Waiting due = std::move(*entry);
    entry = waiting.erase(entry);
    due.then();
  }
}

}  // namespace mdevadm::sim
