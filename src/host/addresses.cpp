// Facts about one device of the host, by its address; subchannels of device numbers.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/host/host.hpp>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/model/host_device.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/text.hpp>

#include "device_reader.hpp"
#include "interface.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

constexpr const char* subchannels = "sys/bus/css/devices";
constexpr const char* channel_devices = "sys/bus/ccw/devices";

// Reads what devices of all buses have.
HostDevice read_common(const sys::Dir& root, const sys::Dir& directory, const std::string& bus,
                       const std::string& name) {
  const std::string links = fmt::format("sys/bus/{}/devices", bus);
  HostDevice device{.address = name, .bus = bus};
  const sys::Result<std::string> target = checked(root.read_link(links + "/" + name));
  device.path = target ? resolve_link(links, *target) : links + "/" + name;
  device.driver = link_name(directory, "driver");
  device.driver_override = read_driver_override(directory, "driver_override");
  if (const auto group = link_name(directory, "iommu_group")) {
    device.iommu_group = parse_decimal(*group);
  }
  return device;
}

void note_module(const sys::Dir& root, const std::string& name, HostDevice& device) {
  device.modules[name] = root.exists("sys/module/" + name);
}

void read_pci(const sys::Dir& root, const sys::Dir& directory, HostDevice& device) {
  device.pci_id = read_hex_pair(directory, "vendor", "device");
  device.pci_class = read_hex(directory, "class");
  device.physical = link_name(directory, "physfn");
  device.functions = read_number(directory, "sriov_totalvfs");
  device.functions_enabled = read_number(directory, "sriov_numvfs");
  if (device.driver == "i915") {
    note_module(root, "kvmgt", device);
    const auto parameter = read_optional(root, "sys/module/i915/parameters/enable_gvt");
    device.enable_gvt = parameter ? std::optional(*parameter == "Y" || *parameter == "1") : std::nullopt;
  }
}

// Returns the number of the channel device: dev_busid (Linux 5.15), else the name of the child, which exists
// while io_subchannel is bound.
std::optional<std::string> device_number_of(const sys::Dir& subchannel) {
  if (const auto number = read_optional(subchannel, "dev_busid")) {
    return is_channel_address(*number) ? number : std::nullopt;
  }
  const auto entries = checked(subchannel.entries());
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    if (is_channel_address(entry.name)) {
      return entry.name;
    }
  }
  return std::nullopt;
}

void read_subchannel(const sys::Dir& root, const sys::Dir& directory, HostDevice& device) {
  device.subchannel_type = read_number(directory, "type");
  note_module(root, "vfio_ccw", device);
  const auto number = device_number_of(directory);
  if (!number) {
    return;
  }
  ChannelDevice channel{.number = *number};
  channel.type = read_optional(directory, *number + "/devtype");
  if (const auto online = read_number(directory, *number + "/online")) {
    channel.online = *online != 0;
  }
  device.channel_device = std::move(channel);
}

std::optional<HostDevice> read_on_bus(const sys::Dir& root, const std::string& bus, const std::string& name) {
  const sys::Result<sys::Dir> directory =
      checked(root.open_dir(fmt::format("sys/bus/{}/devices/{}", bus, name)));
  if (!directory) {
    return std::nullopt;
  }
  HostDevice device = read_common(root, *directory, bus, name);
  if (bus == "pci") {
    read_pci(root, *directory, device);
  } else if (bus == "css") {
    read_subchannel(root, *directory, device);
  } else if (bus == "ap") {
    note_module(root, "vfio_ap", device);
    const sys::Result<sys::Dir> devices = checked(root.open_dir("sys/bus/ap/devices"));
    device.card = devices ? read_card(*devices, name) : std::nullopt;
  } else {
    device.parent = std::string(last_component(directory_of(device.path)));
  }
  return device;
}

}  // namespace

std::optional<std::string> Host::subchannel_of(const std::string& device_number) const {
  if (!is_channel_address(device_number)) {
    return std::nullopt;
  }
  const sys::Result<sys::Dir> all = checked(root_->open_dir(subchannels));
  const auto entries = checked(sys::entries_of(all));
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    if (read_optional(*all, entry.name + "/dev_busid") == device_number) {
      return entry.name;
    }
  }
  const sys::Result<std::string> link =
      checked(root_->read_link(fmt::format("{}/{}", channel_devices, device_number)));
  const std::string_view subchannel = link ? last_component(directory_of(*link)) : std::string_view{};
  return is_channel_address(subchannel) ? std::optional<std::string>(subchannel) : std::nullopt;
}

bool Host::has_subchannel(const std::string& name) const {
  return is_channel_address(name) && root_->exists(fmt::format("{}/{}", subchannels, name));
}

std::vector<HostDevice> Host::observe_address(const std::string& name) const {
  std::vector<HostDevice> result;
  if (!is_component(name)) {
    return result;
  }
  for (const char* bus : {"pci", "css", "ap", "mdev"}) {
    if (auto device = read_on_bus(*root_, bus, name)) {
      result.push_back(*std::move(device));
    }
  }
  const auto subchannel = has_subchannel(name) ? std::nullopt : subchannel_of(name);
  if (subchannel) {
    if (auto device = read_on_bus(*root_, "css", *subchannel)) {
      result.push_back(*std::move(device));
    }
  }
  // The parent of vfio-ap devices exists while its driver is loaded.
  if (name == "matrix" && root_->exists("sys/bus/ap") && !root_->exists("sys/module/vfio_ap")) {
    result.push_back({.address = name, .bus = "ap", .modules = {{"vfio_ap", false}}});
  }
  return result;
}

std::vector<std::string> Host::possible_parents(std::size_t most) const {
  std::vector<std::string> names;
  const sys::Result<sys::Dir> all = root_->open_dir(subchannels);
  const auto entries = sys::entries_of(all);
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    const auto device = names.size() < most ? read_on_bus(*root_, "css", entry.name) : std::nullopt;
    const auto channel = device ? device->channel_device : std::nullopt;
    if (channel && device->subchannel_type == 0U && channel->online == false) {
      names.push_back(entry.name);
    }
  }
  if (root_->exists("sys/bus/ap")) {
    names.emplace_back("matrix");
  }
  return names;
}

}  // namespace mdevadm
