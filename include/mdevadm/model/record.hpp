// What mdevadm remembers of devices that it brings up for as long as the kernel runs: what the kernel itself
// does not tell.
#pragma once

#include <mdevadm/model/names.hpp>
#include <mdevadm/util/uuid.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

struct Record {
  Uuid uuid;
  ParentName parent;
  TypeName type;
  std::string name{};     // what the kernel calls the device, if that is not its UUID
  bool finished = false;  // its start came to its end
  bool operator==(const Record&) const = default;

  std::string kernel_name() const { return name.empty() ? uuid.str() : name; }
};

struct Records {
  std::vector<Record> all;

  const Record* find(const Uuid& uuid) const;
  // Of the device that the kernel calls so.
  const Record* find_name(std::string_view name) const;
};

}  // namespace mdevadm
