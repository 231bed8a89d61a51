// Reads attributes of active devices.
#include <sys/stat.h>

#include <algorithm>
#include <mdevadm/host/host.hpp>
#include <mdevadm/util/text.hpp>

#include "interface.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

// Returns whether a driver has the file for all devices of a type or for none, as it does with the groups of
// attributes (dev_groups of the mdev driver), which have one level of directories.
bool is_of_driver(const AttributeName& attribute) {
  return std::count(attribute.str().begin(), attribute.str().end(), '/') <= 1;
}

}  // namespace

std::optional<std::string> read_if_readable(const sys::Dir& directory, const std::string& name,
                                            const sys::Result<sys::FileStatus>& status) {
  constexpr mode_t readable = S_IRUSR | S_IRGRP | S_IROTH;
  const std::optional<std::string> text =
      status && (status->mode & readable) != 0 ? read_optional(directory, name) : std::nullopt;
  return text ? std::optional(std::string(trim(*text))) : std::nullopt;
}

std::optional<std::string> read_if_readable(const sys::Dir& directory, const std::string& name) {
  return read_if_readable(directory, name, directory.status(name));
}

// Returns whether the devices of this type are known to lack the attribute.
bool AttributeReader::is_lacking(const Device& device, const AttributeName& attribute) const {
  if (!device.type || !device.name.empty()) {
    return false;
  }
  const auto known = lacking_.find(*device.type);
  return known != lacking_.end() &&
         std::find(known->second.begin(), known->second.end(), attribute) != known->second.end();
}

// Notes which attributes a device lacks, and with it all devices of its type. The kernel makes the link to
// the type after the attributes, and removes it before them.
void AttributeReader::note_lacking(const Device& device, const std::vector<Attribute>& wanted) {
  constexpr const char* link_to_type = "mdev_type";
  const sys::Result<sys::Dir> directory =
      checked(above_->open_dir(std::string(last_component(device.path.str()))));
  if (!directory || !device.type || !device.name.empty() || !directory->exists(link_to_type)) {
    return;
  }
  std::vector<AttributeName> lacking;
  for (const Attribute& attribute : wanted) {
    if (is_of_driver(attribute.name) && !directory->exists(attribute.name.str())) {
      lacking.push_back(attribute.name);
    }
  }
  if (directory->exists(link_to_type)) {
    std::vector<AttributeName>& of_type = lacking_[*device.type];
    of_type.insert(of_type.end(), lacking.begin(), lacking.end());
  }
}

void AttributeReader::read(Device& device, const std::vector<Attribute>& wanted) {
  const std::string path = device.path.str();
  if (const std::string_view above = directory_of(path); !above_ || path_ != above) {
    path_ = above;
    sys::Result<sys::Dir> opened = root_.open_dir(path_);
    above_ = opened ? std::optional(*std::move(opened)) : std::nullopt;
    lacking_.clear();
  }
  if (!above_) {
    return;
  }
  const std::string own(last_component(path));
  bool exists = false;
  bool is_examined = false;
  for (const Attribute& attribute : wanted) {
    if (is_lacking(device, attribute.name)) {
      device.settings.made().attributes[attribute.name.str()] = std::nullopt;
      continue;
    }
    const std::string name = own + "/" + attribute.name.str();
    const sys::Result<sys::FileStatus> status = above_->status(name);
    // If an attribute is missing, the device may have been removed.
    exists = exists || status || above_->exists(own);
    if (!exists) {
      return;
    }
    const auto value = read_if_readable(*above_, name, status);
    if (value || !status) {
      device.settings.made().attributes[attribute.name.str()] = value;
    }
    if (!status && !is_examined) {
      note_lacking(device, wanted);
      is_examined = true;
    }
  }
}

}  // namespace mdevadm
