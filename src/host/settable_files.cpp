#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <mdevadm/host/host.hpp>
#include <mdevadm/model/settable_file.hpp>
#include <mdevadm/util/text.hpp>

#include "interface.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

// Files of the kernel's core in the directory of a mediated device, and those that definitions set by keys of
// their own. `power` and `vfio-dev` are directories.
constexpr std::array others{"uevent",    "remove", "driver_override", "online",   "aggregated_instances",
                            "instances", "mdev",   "power",           "vfio-dev", peers_file};

bool is_other(std::string_view name) {
  return std::find(others.begin(), others.end(), name) != others.end();
}

// Adds the writable files of a directory; without read permission they are not opened.
void add_files(const sys::Dir& device, const std::string& directory, std::vector<SettableFile>& found) {
  const auto opened = checked(device.open_dir(directory.empty() ? "." : directory));
  const auto entries =
      opened ? checked(opened->entries()) : sys::Result<std::vector<sys::Entry>>(std::vector<sys::Entry>{});
  if (!entries) {
    return;
  }
  for (const sys::Entry& entry : *entries) {
    const auto status = opened->status(entry.name);
    const auto name = AttributeName::parse(directory.empty() ? entry.name : directory + "/" + entry.name);
    if (entry.kind != sys::EntryKind::file || !status || !name ||
        (status->mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0 || (directory.empty() && is_other(entry.name))) {
      continue;
    }
    const bool is_readable = (status->mode & (S_IRUSR | S_IRGRP | S_IROTH)) != 0;
    const auto value = is_readable ? read_optional(*opened, entry.name) : std::nullopt;
    found.push_back({*name, value ? std::optional(std::string(trim(*value))) : std::nullopt});
  }
}

}  // namespace

// The directory of a virtual function is that of a PCI device: only the driver's own directory in it has
// settings of the vGPU.
std::vector<SettableFile> Host::settable_files(const Device& device) const {
  std::vector<SettableFile> found;
  const auto directory = checked(root_->open_dir(device.path));
  if (!directory || (device.type && has_queues(device.type->str()))) {
    return found;
  }
  if (!device.name.empty()) {
    add_files(*directory, "nvidia", found);
    std::erase_if(found,
                  [](const SettableFile& file) { return file.name.str() == "nvidia/current_vgpu_type"; });
    return found;
  }
  add_files(*directory, "", found);
  if (const auto entries = checked(directory->entries())) {
    for (const sys::Entry& entry : *entries) {
      if (entry.kind == sys::EntryKind::directory && !is_other(entry.name)) {
        add_files(*directory, entry.name, found);
      }
    }
  }
  std::sort(found.begin(), found.end(),
            [](const SettableFile& a, const SettableFile& b) { return a.name.str() < b.name.str(); });
  return found;
}

}  // namespace mdevadm
