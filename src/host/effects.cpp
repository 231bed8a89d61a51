#include <cerrno>
#include <mdevadm/host/host.hpp>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/util/text.hpp>
#include <thread>

#include "dialect.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds first_pause{1};
constexpr milliseconds longest_pause{50};
constexpr std::chrono::seconds put_off_patience{2};
constexpr int busy_retries = 5;

// Asks `is_so` again and again, ever more slowly, until it says yes or time is up.
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

const Dialect& dialect_or_upstream(const sys::Dir& parent) {
  const Dialect* dialect = dialect_of(parent);
  return dialect != nullptr ? *dialect : upstream_dialect();
}

// What a driver or the mdev core means by the errno of a create.
[[noreturn]] void throw_create_error(int number, const ParentName& parent, const TypeName& type) {
  const std::string what = fmt::format("{} on {}", type.str(), parent.str());
  const std::string driver_log = "the driver's reason is in the kernel log (dmesg)";
  switch (number) {
    case EEXIST: throw Error(ExitCode::conflict, "a device with this UUID exists already");
    case ENOSPC:
    case EUSERS:
      throw Error(ExitCode::no_capacity,
                  fmt::format("no instance of {} is left ({})", what, sys::errno_text(number)),
                  fmt::format("see what is left: mdevadm types {}", parent.str()));
    case ENOENT:
      throw Error(ExitCode::not_found, fmt::format("there is no {} any more", what),
                  fmt::format("see what there is: mdevadm types {}", parent.str()));
    case ENODEV:
      throw Error(ExitCode::failed, fmt::format("{} is going away or cannot work now", parent.str()),
                  driver_log);
    case EACCES:
      throw Error(ExitCode::failed, fmt::format("cannot create {}: {}", what, sys::errno_text(number)),
                  sys::errno_hint(number));
    default:
      // EPERM too: vfio_ccw and vfio_ap before 6.1 mean by it that nothing is left, NVIDIA's driver that it
      // will not.
      throw Error(ExitCode::failed,
                  fmt::format("the driver refuses to create {}: {}", what, sys::errno_text(number)),
                  driver_log);
  }
}

std::string attribute_problem(int number) {
  switch (number) {
    case ENOENT: return "the device has no such attribute";
    case EACCES: return "the attribute cannot be written";
    case EXDEV: return "it leads out of the device's folder";
    default: return fmt::format("the driver refuses it: {}", sys::errno_text(number));
  }
}

}  // namespace

void Host::create(const ParentName& parent, const TypeName& type, const Uuid& uuid) const {
  const sys::Result<sys::Dir> folder = root_->open_dir(fmt::format("{}/{}", parents_folder, parent.str()));
  if (!folder) {
    throw_create_error(folder.error().number, parent, type);
  }
  const sys::Result<sys::Done> created = dialect_or_upstream(*folder).create(*folder, type, uuid);
  if (!created) {
    throw_create_error(created.error().number, parent, type);
  }
}

bool Host::wait_for_device(const Uuid& uuid, milliseconds patience) const {
  const std::string link = fmt::format("{}/{}", devices_folder, uuid.str());
  const bool has_nodes = root_->exists(vfio_folder);
  std::string missing;
  const bool came = wait_until(Clock::now() + patience, [&] {
    const sys::Result<std::string> group = root_->read_link(link + "/iommu_group");
    const auto cdev = cdev_name(*root_, link);
    const std::string node =
        group ? fmt::format("{}/{}", vfio_folder, last_component(*group)) : std::string{};
    if (!root_->exists(link + "/mdev_type")) {
      missing = "its type";
    } else if (!group && !cdev) {
      missing = "its IOMMU group";
    } else if (has_nodes && !(group && root_->exists(node)) &&
               !(cdev && root_->exists(cdev_node_path(*cdev)))) {
      missing = fmt::format("the node '{}'", root_->path_of(group ? node : cdev_node_path(*cdev)));
    } else {
      return true;
    }
    return false;
  });
  if (!came) {
    throw Error(ExitCode::failed,
                fmt::format("the device was made, but {} did not appear within {} s", missing,
                            std::chrono::duration_cast<std::chrono::seconds>(patience).count()));
  }
  return has_nodes;
}

void Host::write_attribute(const Uuid& uuid, const Attribute& attribute) const {
  const std::string folder = fmt::format("{}/{}", devices_folder, uuid.str());
  const sys::Dir device = root_->open_dir(folder).or_throw("cannot set its attributes");
  // With exactly one newline: NVIDIA's vgpu_params drops the last byte of whatever it is given.
  const sys::Result<sys::Done> written = device.write_attribute(attribute.name.str(), attribute.value + "\n");
  if (!written) {
    const int number = written.error().number;
    throw Error(number == ENOENT ? ExitCode::not_found : ExitCode::failed,
                fmt::format("cannot set attribute '{}' to '{}': {}", attribute.name.str(),
                            printable(attribute.value), attribute_problem(number)));
  }
}

void Host::own_node(const Uuid& uuid, const NodePolicy& policy) const {
  const std::string doing = std::string("cannot give away its VFIO node");
  const auto owner = policy.owner ? sys::user_id(*policy.owner) : std::nullopt;
  const auto group = policy.group ? sys::group_id(*policy.group) : std::nullopt;
  if (policy.owner && !owner) {
    throw Error(ExitCode::failed, fmt::format("{}: there is no user '{}'", doing, printable(*policy.owner)));
  }
  if (policy.group && !group) {
    throw Error(ExitCode::failed, fmt::format("{}: there is no group '{}'", doing, printable(*policy.group)));
  }
  const Snapshot seen = observe({Facet::nodes, std::nullopt, std::vector{uuid}});
  const Device* device = seen.find_device(uuid);
  if (device == nullptr || device->nodes.empty()) {
    throw Error(ExitCode::failed, fmt::format("{}: it has none", doing));
  }
  for (const Node& node : device->nodes) {
    const std::string path = node.path.substr(1);
    root_->set_owner(path, owner, group).or_throw("{}", doing);
    if (policy.mode) {
      root_->set_mode(path, *policy.mode).or_throw("{}", doing);
    }
  }
}

Removal Host::remove(const Device& device, milliseconds patience) const {
  const auto deadline = Clock::now() + patience;
  const auto left = [&] {
    return std::max(std::chrono::duration_cast<milliseconds>(deadline - Clock::now()), first_pause);
  };
  const std::string doing = "cannot remove the device";
  const std::string link = fmt::format("{}/{}", devices_folder, device.uuid.str());
  // While a removal is pending the link is gone already and the folder is not: both must go.
  const auto is_gone = [&] { return !root_->exists(link) && !root_->exists(device.path); };
  const sys::Result<sys::Dir> parent = root_->open_dir(std::string(folder_of(device.path)));
  const Dialect::RemoveCommand command =
      parent ? dialect_or_upstream(*parent).remove_command() : upstream_dialect().remove_command();
  bool put_off = false;
  for (int attempt = 0;; ++attempt) {
    const sys::Result<sys::Dir> folder = root_->open_dir(device.path);
    const sys::Result<sys::UniqueFd> file =
        folder ? folder->open_attribute(command.attribute) : sys::Result<sys::UniqueFd>(folder.error());
    // No file to write: the device is gone, or somebody else is removing it.
    if (!file && sys::is_absence(file.error().number)) {
      break;
    }
    if (!file) {
      sys::throw_error(file.error(), doing);
    }
    const auto answer =
        sys::write_with_patience(*file, command.value, folder->path_of(command.attribute), left());
    if (!answer) {
      return Removal::pending;
    }
    if (*answer || answer->error().number == ENODEV) {
      break;
    }
    if (answer->error().number == EBUSY) {
      throw Error(ExitCode::in_use, "the driver says that it is in use");
    }
    if (answer->error().number != EAGAIN || attempt >= busy_retries) {
      sys::throw_error(answer->error(), doing);
    }
    put_off = true;
    std::this_thread::sleep_for(longest_pause * (attempt + 1));
  }
  // Since 5.2 the file that was answered with EAGAIN does not come back: nobody can remove the device then.
  if (put_off && !wait_until(std::min(deadline, Clock::now() + put_off_patience), is_gone) &&
      root_->exists(link)) {
    throw Error(
        ExitCode::failed,
        fmt::format(
            "{}: the kernel says that it is being made or removed just now, and takes no other command",
            doing),
        "it goes when its driver is reloaded");
  }
  // The kernel may say yes to a writer that came second and has done nothing: only the folder's going is
  // proof.
  return wait_until(deadline, is_gone) ? Removal::done : Removal::pending;
}

}  // namespace mdevadm
