// Physical functions and their PCI virtual functions (VFs): state, users, drivers and number.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <mdevadm/host/host.hpp>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/util/text.hpp>

#include "answers.hpp"
#include "interface.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

constexpr const char* pci_devices = "sys/bus/pci/devices";
constexpr const char* pci_drivers = "sys/bus/pci/drivers";
// Enabling takes a driver some milliseconds a VF; the kernel does not return while a VF that it removes is in
// use.
constexpr std::chrono::seconds write_patience{60};

// Returns the path of a device's directory below the root.
std::optional<std::string> path_of_device(const sys::Dir& root, const std::string& name) {
  const std::string link = fmt::format("{}/{}", pci_devices, name);
  if (const sys::Result<std::string> target = checked(root.read_link(link))) {
    return resolve_link(pci_devices, *target);
  }
  const std::optional<SysfsParent> sysfs = is_pci_address(name) ? std::nullopt : find_parent(root, name);
  return sysfs ? std::optional(sysfs->path) : std::nullopt;
}

std::vector<std::string> devices_in(const sys::Dir& directory) {
  std::vector<std::string> uuids;
  if (const sys::Result<std::vector<sys::Entry>> entries = checked(directory.entries())) {
    for (const sys::Entry& entry : *entries) {
      if (entry.kind == sys::EntryKind::directory && Uuid::parse(entry.name)) {
        uuids.push_back(entry.name);
      }
    }
  }
  std::sort(uuids.begin(), uuids.end());
  return uuids;
}

FunctionState read_function(const sys::Dir& root, const std::string& path) {
  FunctionState state{.address = std::string(last_component(path))};
  const sys::Result<sys::Dir> directory = checked(root.open_dir(path));
  if (!directory) {
    return state;
  }
  state.driver = link_name(*directory, "driver");
  const std::optional<std::string> type = read_optional(*directory, "nvidia/current_vgpu_type");
  state.type = type && trim(*type) != "0" && !trim(*type).empty() ? type : std::nullopt;
  state.devices = devices_in(*directory);
  state.offers_types = type || directory->exists("mdev_supported_types");
  return state;
}

// A PCI address as the number that the kernel calculates VF addresses with: bus, slot and function.
std::optional<unsigned> routing_id(std::string_view address) {
  const std::size_t colon = address.find(':');
  unsigned parts[3] = {};
  const std::size_t at[3] = {colon + 1, colon + 4, colon + 7};
  const std::size_t size[3] = {2, 2, 1};
  if (colon == std::string_view::npos || address.size() != colon + 8) {
    return std::nullopt;
  }
  for (int i = 0; i < 3; ++i) {
    const char* begin = address.data() + at[i];
    if (std::from_chars(begin, begin + size[i], parts[i], 16).ec != std::errc{}) {
      return std::nullopt;
    }
  }
  return (parts[0] << 8U) + (parts[1] << 3U) + parts[2];
}

// A function or a mediated device as find_holders() expects it.
Device as_device(const sys::Dir& root, const ParentName& parent, const std::string& path) {
  Device device{.uuid = Uuid::of_name(path), .parent = parent, .path = path};
  const sys::Result<sys::Dir> directory = checked(root.open_dir(path));
  const auto group = directory ? link_name(*directory, "iommu_group") : std::nullopt;
  device.iommu_group = group ? parse_decimal(*group) : std::nullopt;
  return device;
}

// Returns the number N of the node /dev/nvidiaN, which the line "Device Minor:" in /proc contains.
std::optional<std::string> minor_of(const sys::Dir& root, const std::string& gpu) {
  const sys::Result<std::string> text =
      root.read_kernel_file(fmt::format("proc/driver/nvidia/gpus/{}/information", gpu));
  for (const std::string_view line : split(text ? *text : std::string{}, '\n')) {
    if (line.starts_with("Device Minor:")) {
      return std::string(trim(line.substr(line.find(':') + 1)));
    }
  }
  return std::nullopt;
}

// The kernel creates the links again when it binds a driver or creates VFs, with inode numbers that were not
// used before (sysfs_create_link(), idr_alloc_cyclic() in fs/kernfs/dir.c).
std::string setup_of(const sys::Dir& parent) {
  const auto inode = [&](const char* link) {
    const sys::Result<std::uint64_t> number = parent.inode(link);
    return number ? *number : 0;
  };
  return fmt::format("{}-{}", inode("driver"), inode("virtfn0"));
}

// Returns the number of virtual functions that the device can have. TotalVFs of a PCI device has 16 bits.
std::optional<std::uint64_t> total_functions(const sys::Dir& directory) {
  constexpr std::uint64_t most = 0xffff;
  const std::optional<std::uint64_t> total = read_number(directory, "sriov_totalvfs");
  return total && *total <= most ? total : std::nullopt;
}

}  // namespace

std::vector<std::string> possible_addresses(const sys::Dir& directory, std::string_view name) {
  std::vector<std::string> result;
  const std::uint64_t total = total_functions(directory).value_or(0);
  const auto own = routing_id(name);
  const auto offset = read_number(directory, "sriov_offset");
  const auto stride = read_number(directory, "sriov_stride");
  if (!own || offset.value_or(0) == 0 || (stride.value_or(0) == 0 && total > 1)) {
    return result;
  }
  for (std::uint64_t i = 0; i < total; ++i) {
    const std::uint64_t number = *own + *offset + i * stride.value_or(0);
    result.push_back(fmt::format("{}:{:02x}:{:02x}.{:x}", name.substr(0, name.find(':')), number >> 8U,
                                 (number >> 3U) & 0x1fU, number & 7U));
  }
  return result;
}

namespace {

// The state of a parent, and the paths of its device and its virtual functions below the root.
struct ParentReading {
  ParentState state;
  std::string path{};
  std::vector<std::string> function_paths{};
};

ParentReading read_parent(const sys::Dir& root, const ParentName& name) {
  ParentReading result{.state = {.name = name}};
  ParentState& state = result.state;
  state.self.address = name.str();
  const std::optional<std::string> path = path_of_device(root, name.str());
  const sys::Result<sys::Dir> directory =
      path ? checked(root.open_dir(*path)) : sys::Result<sys::Dir>(sys::SysError{ENOENT, name.str()});
  if (!directory) {
    return result;
  }
  state.present = true;
  state.physical = link_name(*directory, "physfn");
  const std::string vendor = read_optional(*directory, "vendor").value_or("");
  state.vendor = vendor.starts_with("0x") ? vendor.substr(2) : vendor;
  state.self = read_function(root, *path);
  state.total = total_functions(*directory);
  state.enabled = read_number(*directory, "sriov_numvfs").value_or(0);
  state.setup = setup_of(*directory);
  state.has_mdev_core = root.exists("sys/bus/mdev");
  state.without_iommu = state.total.value_or(0) > 0 && !directory->exists("iommu_group");
  state.driver_override = read_driver_override(*directory, "driver_override");
  state.addresses = possible_addresses(*directory, name.str());
  result.path = *path;
  for (std::uint64_t i = 0; i < state.total.value_or(0); ++i) {
    if (const sys::Result<std::string> link = checked(directory->read_link(fmt::format("virtfn{}", i)))) {
      result.function_paths.push_back(resolve_link(*path, *link));
      state.functions.push_back(read_function(root, result.function_paths.back()));
    }
  }
  return result;
}

void find_users(const sys::Dir& root, ParentReading& reading) {
  ParentState& state = reading.state;
  Snapshot seen;
  std::vector<FunctionState*> owners;
  const auto add = [&](FunctionState& function, const std::string& where) {
    seen.devices.push_back(as_device(root, state.name, where));
    owners.push_back(&function);
    for (const std::string& uuid : function.devices) {
      seen.devices.push_back(as_device(root, state.name, fmt::format("{}/{}", where, uuid)));
      owners.push_back(&function);
    }
  };
  add(state.self, reading.path);
  for (std::size_t i = 0; i < reading.function_paths.size(); ++i) {
    add(state.functions[i], reading.function_paths[i]);
  }
  find_holders(root, seen, Facet::holders | Facet::busy);
  for (std::size_t i = 0; i < owners.size(); ++i) {
    owners[i]->busy |= seen.devices[i].busy;
    owners[i]->holders.insert(owners[i]->holders.end(), seen.devices[i].holders.begin(),
                              seen.devices[i].holders.end());
  }
}

}  // namespace

ParentState Host::observe_parent(const ParentName& name) const {
  return read_parent(*root_, name).state;
}

ParentState Host::observe_parent_with_users(const ParentName& name) const {
  ParentReading reading = read_parent(*root_, name);
  if (reading.state.present) {
    find_users(*root_, reading);
  }
  return std::move(reading.state);
}

void Host::bind_parent(const ParentName& name, const std::string& driver) const {
  const std::string& address = name.str();
  const std::string directory = fmt::format("{}/{}", pci_drivers, driver);
  if (!root_->exists(directory)) {
    throw Error(ExitCode::not_found, fmt::format("the driver {} is not loaded", driver),
                fmt::format("load the driver: modprobe {}", driver))
        .worth(Retry::later);
  }
  const std::optional<std::string> now = observe_parent(name).self.driver;
  if (now == driver) {
    return;
  }
  if (now) {
    root_->write_attribute(fmt::format("{}/{}/unbind", pci_drivers, *now), address + "\n")
        .or_throw("cannot unbind {} from the driver {}", address, *now);
  }
  const sys::Result<sys::Done> bound = root_->write_attribute(directory + "/bind", address + "\n");
  if (!bound && observe_parent(name).self.driver != driver) {
    throw Error(ExitCode::failed,
                fmt::format("cannot bind {} to the driver {}: {}", address, driver,
                            sys::errno_text(bound.error().number)),
                "see the kernel log for the driver's reason: dmesg")
        .caused_by(bound.error().number);
  }
}

Write Host::write_of_functions(const ParentState& parent, std::uint64_t number) const {
  const std::string path = path_of_device(*root_, parent.name.str()).value_or("");
  return {root_->path_of(path + "/sriov_numvfs"), std::to_string(number)};
}

void Host::write_functions(const ParentState& parent, std::uint64_t number) const {
  const std::string path = path_of_device(*root_, parent.name.str()).value_or("") + "/sriov_numvfs";
  const sys::Result<sys::UniqueFd> file = root_->open_attribute(path);
  if (!file && file.error().number == ENOENT) {
    throw Error(ExitCode::not_found, "the device no longer exists or does not support SR-IOV");
  }
  if (!file) {
    sys::throw_error(file.error(), "cannot open sriov_numvfs");
  }
  const auto written = sys::write_with_patience(*file, std::to_string(number) + "\n", path, write_patience);
  if (!written) {
    throw Error(ExitCode::failed,
                fmt::format("the kernel did not change the number of virtual functions to {} within {} s",
                            number, write_patience.count()),
                "see the kernel log for the driver's reason: dmesg");
  }
  if (!*written) {
    throw naming_file(functions_error(written->error().number, parent, number), written->error());
  }
}

std::vector<Holder> Host::find_clients_of(const ParentName& gpu) const {
  const std::optional<std::string> minor = minor_of(*root_, gpu.str());
  const std::optional<dev_t> node = minor ? node_number(*root_, "dev/nvidia" + *minor) : std::nullopt;
  std::vector<Holder> holders;
  if (!node) {
    return holders;
  }
  sys::for_each_open_file([&](const sys::OpenFile& file) {
    const auto same = [&](const Holder& holder) { return holder.pid == file.pid; };
    if (file.character_device == node && std::none_of(holders.begin(), holders.end(), same)) {
      holders.push_back({file.pid, sys::command_of(file.pid)});
    }
  });
  return holders;
}

}  // namespace mdevadm
