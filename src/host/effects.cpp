#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <mdevadm/host/host.hpp>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/util/text.hpp>
#include <thread>

#include "answers.hpp"
#include "interface.hpp"
#include "paths.hpp"
#include "type_directories.hpp"

namespace mdevadm {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds first_pause{1};
constexpr milliseconds longest_pause{50};
constexpr std::chrono::seconds put_off_patience{2};
constexpr int busy_retries = 5;

// Polls `is_so` at growing intervals until it returns true or the deadline has passed.
template <typename Condition>
bool wait_until(Clock::time_point deadline, const Condition& is_so) {
  milliseconds pause = first_pause;
  while (!is_so()) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left <= milliseconds::zero()) {
      return false;
    }
    std::this_thread::sleep_for(std::min(pause, left));
    pause = std::min(pause * 2, longest_pause);
  }
  return true;
}

// A parent with its interface.
struct OpenParent {
  SysfsParent sysfs;
  const Interface& interface;
};

OpenParent open_parent(const sys::Dir& root, const ParentName& name) {
  auto sysfs = find_parent(root, name.str());
  const Interface* interface = sysfs ? interface_of(*sysfs) : nullptr;
  if (interface == nullptr) {
    throw Error(ExitCode::not_found, fmt::format("{} no longer supports mediated devices", name.str()),
                "list parents: mdevadm types");
  }
  return {*std::move(sysfs), *interface};
}

Capabilities capabilities_of(const OpenParent& opened, const ParentName& name) {
  Parent parent{.name = name, .path = opened.sysfs.path};
  opened.interface.describe(opened.sysfs, Facet::none, parent);
  return parent.capabilities;
}

// Attributes for the number of aggregated instances: the one to read and the one to write; the latter was
// absent in the first versions, separate in the RFC of December 2019, and the same file in the last version.
struct UnitsFile {
  const char* shows;
  const char* takes;
};
constexpr std::array units_files{UnitsFile{"aggregated_instances", nullptr}, UnitsFile{"instances", nullptr},
                                 UnitsFile{"mdev/aggregated_instances", "mdev/aggregation"},
                                 UnitsFile{"mdev/aggregated_instances", "mdev/aggregated_instances"}};

// Adds queues to the value of ap_config. Returns nullopt if a number is invalid or too large for the masks.
std::optional<std::string> with_queues(const std::string& config, const std::vector<Attribute>& attributes) {
  std::optional<ApMatrix> matrix = read_ap_config(config);
  if (!matrix) {
    return std::nullopt;
  }
  for (const Attribute& attribute : attributes) {
    const ApMatrix added = assigned_by({attribute});
    if (added.empty()) {
      return std::nullopt;
    }
    for (const ApKind kind : ap_kinds) {
      matrix->of(kind) |= added.of(kind);
    }
  }
  return format_ap_config(*matrix);
}

// Returns the data to write for an attribute. `bare`: as in Host::write_attribute().
std::string data_of(const Attribute& attribute, bool bare) {
  const bool needs_newline = !bare || (loses_last_byte(attribute) && !attribute.value.ends_with('\n'));
  return attribute.value + (needs_newline ? "\n" : "");
}

Write as_write(const sys::Dir& root, const Command& command) {
  const bool is_line = command.value.ends_with('\n');
  return {root.path_of(fmt::format("{}/{}", command.directory, command.attribute)),
          is_line ? command.value.substr(0, command.value.size() - 1) : command.value, is_line};
}

std::string directory_of_type(const TypeName& type) {
  return "mdev_supported_types/" + type.str();
}

// Returns the available instances that the parent, or its virtual function, reports for a type, if it reports
// them.
std::optional<std::uint64_t> available_at(const SysfsParent& parent, const Creation& what) {
  const std::string file = directory_of_type(what.type) + "/available_instances";
  if (what.vf.empty()) {
    return read_number(parent.directory, file);
  }
  const sys::Result<sys::Dir> function = checked(parent.root.open_dir("sys/bus/pci/devices/" + what.vf));
  return function ? read_number(*function, file) : std::nullopt;
}

// NVIDIA's drivers return EINVAL or EIO, too, if a type has no available instances. Returns whether that is
// the reason: nothing else in the request explains it.
bool is_exhausted(int number, const Creation& what, std::optional<std::uint64_t> available) {
  return (number == EINVAL || number == EIO) && available == 0U && what.units == 1 && !what.beside &&
         !what.arguments;
}

bool is_of_nvidia(const SysfsParent& parent) {
  return read_optional(parent.directory, "vendor") == "0x10de";
}

}  // namespace

Write Host::write_of_attribute(const Device& device, const Attribute& attribute, bool bare) const {
  return as_write(*root_, {device.path, attribute.name.str(), data_of(attribute, bare)});
}

Write Host::write_of_type_attribute(const ParentName& parent, const TypeName& type,
                                    const Attribute& attribute) const {
  const OpenParent opened = open_parent(*root_, parent);
  return as_write(*root_, {fmt::format("{}/{}", opened.sysfs.path, directory_of_type(type)),
                           attribute.name.str(), data_of(attribute, false)});
}

void Host::write_type_attribute(const ParentName& parent, const TypeName& type,
                                const Attribute& attribute) const {
  const OpenParent opened = open_parent(*root_, parent);
  const sys::Dir directory =
      opened.sysfs.directory.open_dir(directory_of_type(type))
          .or_throw("cannot set attributes of type '{}' on {}", type.str(), parent.str());
  if (const auto written = directory.write_attribute(attribute.name.str(), data_of(attribute, false));
      !written) {
    const int number = written.error().number;
    if (number == ENOENT) {
      throw Error(ExitCode::not_found, fmt::format("type '{}' on {} has no attribute '{}'", type.str(),
                                                   parent.str(), attribute.name.str()))
          .caused_by(number);
    }
    // As the user wrote it.
    const Attribute named{AttributeName::parse("mdev_type/" + attribute.name.str()).value_or(attribute.name),
                          attribute.value};
    throw naming_file(attribute_error(number, named), written.error());
  }
}

void Host::create(const Creation& what) const {
  const OpenParent opened = open_parent(*root_, what.parent);
  const sys::Result<sys::Done> created = opened.interface.create(opened.sysfs, what);
  if (!created) {
    const int number = created.error().number;
    const auto available = available_at(opened.sysfs, what);
    throw(number == ENOSPC && what.units == 1 && available > 0U ? refused_although_available(what, *available)
          : is_exhausted(number, what, available)
              ? exhausted(number, what)
              : naming_file(create_error(number, what, capabilities_of(opened, what.parent),
                                         is_of_nvidia(opened.sysfs)),
                            created.error()))
        .caused_by(number);
  }
}

bool Host::wait_for_device(const Device& device, milliseconds patience) const {
  const bool reports_type = open_parent(*root_, device.parent).interface.reports_type();
  const std::string path = device.path.str();
  const bool has_nodes = root_->exists(vfio_directory);
  std::string missing;
  const bool came = wait_until(Clock::now() + patience, [&] {
    const sys::Result<std::string> group = root_->read_link(path + "/iommu_group");
    const auto cdev = cdev_name(*root_, path);
    const std::string node =
        group ? fmt::format("{}/{}", vfio_directory, last_component(*group)) : std::string{};
    if (reports_type && device.name.empty() && !root_->exists(path + "/mdev_type")) {
      missing = "its type";
    } else if (!group && !cdev) {
      missing = "its IOMMU group";
    } else if (has_nodes && !(group && root_->exists(node)) &&
               !(cdev && root_->exists(cdev_node_path(*cdev)))) {
      missing = fmt::format("the VFIO node '{}'", root_->path_of(group ? node : cdev_node_path(*cdev)));
    } else {
      return true;
    }
    return false;
  });
  if (!came && !root_->exists(path)) {
    throw nothing_created(std::chrono::duration_cast<std::chrono::seconds>(patience));
  }
  if (!came) {
    throw Error(ExitCode::failed,
                fmt::format("the device was created, but {} did not appear within {} s", missing,
                            std::chrono::duration_cast<std::chrono::seconds>(patience).count()));
  }
  return has_nodes;
}

void Host::aggregate(const Device& device, std::uint64_t units) const {
  const sys::Dir directory = root_->open_dir(device.path)
                                 .or_throw("cannot read the number of aggregated instances in '{}'",
                                           root_->path_of(device.path.str()));
  for (const UnitsFile& file : units_files) {
    if (!directory.exists(file.shows) || (file.takes != nullptr && !directory.exists(file.takes))) {
      continue;
    }
    if (file.takes != nullptr && read_number(directory, file.shows) != units) {
      const sys::Result<sys::Done> written =
          directory.write_attribute(file.takes, fmt::format("{}\n", units));
      if (!written) {
        throw naming_file(aggregate_error(written.error().number, units), written.error());
      }
    }
    const auto now = read_number(directory, file.shows);
    if (now != units) {
      throw Error(ExitCode::failed,
                  fmt::format("{} aggregated instances requested, but the driver reports {}", units,
                              now ? std::to_string(*now) : "none"));
    }
    return;
  }
  const std::string type = device.type ? device.type->str() : "";
  if (!root_->exists(
          fmt::format("{}/{}/{}/aggregator", directory_of(device.path.str()), types_directory, type))) {
    throw Error(
        ExitCode::failed,
        fmt::format(
            "cannot aggregate {} instances: not supported by the driver (no attribute for the number)",
            units));
  }
}

bool Host::join_peers(const Device& device, const Uuid& peers) const {
  const sys::Dir directory =
      root_->open_dir(device.path)
          .or_throw("cannot join a peer-to-peer set in '{}'", root_->path_of(device.path.str()));
  const std::optional<std::string> now = read_optional(directory, peers_file);
  if (!now) {
    return false;
  }
  if (Uuid::parse(*now) != peers) {
    const sys::Result<sys::Done> written = directory.write_attribute(peers_file, peers.str() + "\n");
    if (!written) {
      throw naming_file(join_error(written.error().number, peers), written.error());
    }
    const std::optional<std::string> then = read_optional(directory, peers_file);
    if (!then || Uuid::parse(*then) != peers) {
      throw Error(ExitCode::failed,
                  fmt::format("peer_to_peer_resource_uuid was set to {} but reads back '{}'", peers.str(),
                              printable(then.value_or(""))));
    }
  }
  return true;
}

void Host::set_online(const Device& device, bool online) const {
  const OpenParent opened = open_parent(*root_, device.parent);
  const std::optional<Command> command = opened.interface.switching(opened.sysfs, device, online);
  if (!command || opened.interface.is_online(opened.sysfs, device) == online) {
    return;
  }
  const sys::Result<sys::Done> written = issue(*root_, *command);
  // Another process may have set the state first.
  if (!written && opened.interface.is_online(opened.sysfs, device) != online) {
    throw naming_file(online_error(written.error().number, online), written.error());
  }
}

std::optional<std::string> Host::write_attribute(const Device& device, const Attribute& attribute,
                                                 bool bare) const {
  const sys::Dir directory =
      root_->open_dir(device.path)
          .or_throw("cannot set attributes in '{}'", root_->path_of(device.path.str()));
  const sys::Result<sys::Done> written =
      directory.write_attribute(attribute.name.str(), data_of(attribute, bare));
  if (!written) {
    const int number = written.error().number;
    // Attributes of vGPUs on virtual functions are in a directory of the driver.
    const std::string of_driver = "nvidia/" + attribute.name.str();
    if (number == ENOENT && directory.exists(of_driver)) {
      throw Error(ExitCode::not_found, fmt::format("{}: no such attribute", setting_of(attribute)),
                  fmt::format("did you mean '{}'?", of_driver))
          .caused_by(number);
    }
    const char* bus = device.name.empty() ? "mdev" : "pci";
    const Error error = naming_file(attribute_error(number, attribute, bus), written.error());
    throw is_ap_attribute(attribute) ? explained(*root_, device, attribute, error) : error;
  }
  return bare ? std::nullopt : read_if_readable(directory, attribute.name.str());
}

std::optional<std::string> Host::read_attribute(const Device& device, const AttributeName& name) const {
  return read_if_readable(*root_, fmt::format("{}/{}", device.path.str(), name.str()));
}

void Host::assign_queues(const Device& device, const std::vector<Attribute>& attributes) const {
  const sys::Dir directory = root_->open_dir(device.path)
                                 .or_throw("cannot assign queues in '{}'", root_->path_of(device.path.str()));
  const std::optional<std::string> now = read_optional(directory, "ap_config");
  const std::optional<std::string> wanted = now ? with_queues(*now, attributes) : std::nullopt;
  if (wanted && directory.write_attribute("ap_config", *wanted + "\n")) {
    return;
  }
  for (const Attribute& attribute : attributes) {
    write_attribute(device, attribute);
  }
}

std::optional<std::string> Host::selinux_label(const Node& node) const {
  const sys::Result<std::string> label = root_->selinux_label(node.path.substr(1));
  return label ? std::optional(*label) : std::nullopt;
}

void Host::own_node(const Device& device, const NodePolicy& policy, const std::string& only) const {
  const std::string doing = std::string("cannot set owner and mode of the VFIO node");
  const auto owner = policy.owner ? sys::user_id(*policy.owner) : std::nullopt;
  const auto group = policy.group ? sys::group_id(*policy.group) : std::nullopt;
  if (policy.owner && !owner) {
    throw Error(ExitCode::failed, fmt::format("{}: unknown user '{}'", doing, printable(*policy.owner)));
  }
  if (policy.group && !group) {
    throw Error(ExitCode::failed, fmt::format("{}: unknown group '{}'", doing, printable(*policy.group)));
  }
  if (policy.selinux_label && !root_->exists("sys/fs/selinux/enforce")) {
    throw Error(ExitCode::failed,
                fmt::format("{}: cannot set label '{}': SELinux is not enabled in this kernel", doing,
                            printable(*policy.selinux_label)),
                "remove the label with --selinux-label '' of mdevadm modify or mdevadm group modify");
  }
  const std::optional<Device> now = observe_device(device);
  if (!now || now->nodes.empty()) {
    throw Error(ExitCode::failed, fmt::format("{}: the device has no VFIO node", doing));
  }
  for (const Node& node : now->nodes) {
    if (!only.empty() && node.path != only) {
      continue;
    }
    const std::string path = node.path.substr(1);
    const std::string shown = root_->path_of(path);
    // First the label, which is refused more often than the others: nothing is changed then.
    if (policy.selinux_label) {
      root_->set_selinux_label(path, *policy.selinux_label)
          .or_throw("cannot set SELinux label of '{}'", shown);
    }
    root_->set_owner(path, owner, group).or_throw("cannot set owner of '{}'", shown);
    if (policy.mode) {
      root_->set_mode(path, *policy.mode).or_throw("cannot set mode of '{}'", shown);
    }
  }
}

Removal Host::remove(const Device& device, milliseconds patience) const {
  const auto deadline = Clock::now() + patience;
  const auto left = [&] {
    return std::max(std::chrono::duration_cast<milliseconds>(deadline - Clock::now()), first_pause);
  };
  const std::string doing = "cannot remove the device";
  const auto sysfs = find_parent(*root_, device.parent.str());
  const Interface* known = sysfs ? interface_of(*sysfs) : nullptr;
  const Interface& interface = known != nullptr ? *known : upstream_interface();
  const auto is_gone = [&] { return !interface.is_there(*root_, device); };
  const Command command =
      known != nullptr ? interface.removal(*sysfs, device) : Command{device.path, "remove", "1\n"};
  bool put_off = false;
  bool lacks_attribute = false;
  for (int attempt = 0;; ++attempt) {
    const sys::Result<sys::Dir> directory = root_->open_dir(command.directory);
    const sys::Result<sys::UniqueFd> file = directory ? directory->open_attribute(command.attribute)
                                                      : sys::Result<sys::UniqueFd>(directory.error());
    // If the attribute does not exist, the device is gone or another process is removing it.
    lacks_attribute = !file && sys::is_absence(file.error().number);
    if (is_gone() || lacks_attribute) {
      break;
    }
    if (!file) {
      sys::throw_error(file.error(), doing);
    }
    const auto answer =
        sys::write_with_patience(*file, command.value, directory->path_of(command.attribute), left());
    if (!answer) {
      return Removal::pending;
    }
    if (*answer || answer->error().number == ENODEV || is_gone()) {
      break;
    }
    if (answer->error().number != EAGAIN || attempt >= busy_retries) {
      throw naming_file(remove_error(answer->error().number), answer->error());
    }
    put_off = true;
    std::this_thread::sleep_for(longest_pause * (attempt + 1));
  }
  // Since 5.2 the remove attribute disappears for good when it returns EAGAIN: the device can no longer be
  // removed.
  if (put_off && !wait_until(std::min(deadline, Clock::now() + put_off_patience), is_gone) &&
      root_->exists(fmt::format("{}/{}", devices_directory, device.kernel_name()))) {
    throw Error(
        ExitCode::failed,
        fmt::format("{}: the kernel postponed the removal (EAGAIN) and accepts no further request", doing),
        "reload the driver of the parent to remove the device");
  }
  // A second writer may get success although nothing was removed: only the disappearance of the directory
  // proves the removal.
  if (wait_until(deadline, is_gone)) {
    return Removal::done;
  }
  // The attribute removes itself also before the driver refuses (Linux 5.2 to 5.12), and the type disappears
  // only when the driver has agreed.
  if (lacks_attribute && root_->exists(device.path.str() + "/mdev_type")) {
    throw Error(ExitCode::failed,
                fmt::format("{}: the driver has refused an earlier request, or another process is removing "
                            "the device, and the kernel accepts no further request",
                            doing),
                "if no process is removing it, reload the driver of the parent to remove the device");
  }
  return Removal::pending;
}

std::optional<Write> Host::write_of_creation(const Creation& what) const {
  const OpenParent opened = open_parent(*root_, what.parent);
  return as_write(*root_, opened.interface.creation(opened.sysfs, what));
}

std::optional<Write> Host::write_of_removal(const Device& device) const {
  const OpenParent opened = open_parent(*root_, device.parent);
  return as_write(*root_, opened.interface.removal(opened.sysfs, device));
}

std::optional<Write> Host::write_of_online(const Device& device, bool online) const {
  const OpenParent opened = open_parent(*root_, device.parent);
  const std::optional<Command> command = opened.interface.switching(opened.sysfs, device, online);
  return command ? std::optional(as_write(*root_, *command)) : std::nullopt;
}

std::optional<Device> Host::observe_device(const Device& device) const {
  Records known;
  if (device.type) {
    known.all.push_back({device.uuid, device.parent, *device.type, device.name, true});
  }
  const Snapshot seen = observe({.facets = Facet::devices | Facet::nodes,
                                 .details_of = std::nullopt,
                                 .devices = std::vector{device.uuid},
                                 .known = std::move(known),
                                 .removals = false});
  const Device* found = seen.find_device(device.uuid);
  return found != nullptr ? std::optional(*found) : std::nullopt;
}

std::optional<bool> Host::takes_migration_version(const ParentName& parent, const TypeName& type,
                                                  const std::string& version) const {
  const auto sysfs = find_parent(*root_, parent.str());
  const std::string file = fmt::format("{}/{}/migration_version", types_directory, type.str());
  if (!sysfs || !sysfs->directory.exists(file)) {
    return std::nullopt;
  }
  return static_cast<bool>(sysfs->directory.write_attribute(file, version + "\n"));
}

}  // namespace mdevadm
