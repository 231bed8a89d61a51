// Runtime records: facts about devices started by mdevadm that the kernel does not report. Valid until
// reboot.
#pragma once

#include <chrono>
#include <cstdint>
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
  // Inode number of the virtual function that is the device: one that was enabled again has another one.
  std::optional<std::uint64_t> inode{};
  bool operator==(const Record&) const = default;

  std::string kernel_name() const { return name.empty() ? uuid.str() : name; }
};

// A virtual function (VF) that has refused a type, although its GPU could create a vGPU of this type. Valid
// until the VF takes a type or is enabled again.
struct FunctionRefusal {
  ParentName parent;
  std::string vf;
  TypeName type;
  std::string reason;                    // of the driver: "Input/output error"
  std::optional<std::uint64_t> inode{};  // as in Record
  bool operator==(const FunctionRefusal&) const = default;
};

struct Records {
  std::vector<Record> all;

  const Record* find(const Uuid& uuid) const;
  // Returns the record of the device with this kernel name, or nullptr.
  const Record* find_name(std::string_view name) const;
};

}  // namespace mdevadm
