// Runtime records: facts about devices started by mdevadm that the kernel does not report. Valid until
// reboot.
#pragma once

#include <chrono>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

struct Record {
  Uuid uuid;
  ParentName parent;
  TypeName type;
  std::string name{};                               // kernel name of the device if it is not the UUID
  bool finished = false;                            // the start has completed
  std::optional<std::chrono::milliseconds> took{};  // duration of the start
  bool operator==(const Record&) const = default;

  std::string kernel_name() const { return name.empty() ? uuid.str() : name; }
};

struct Records {
  std::vector<Record> all;

  const Record* find(const Uuid& uuid) const;
  // Returns the record of the device with this kernel name, or nullptr.
  const Record* find_name(std::string_view name) const;
};

}  // namespace mdevadm
