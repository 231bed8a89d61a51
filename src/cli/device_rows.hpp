// Combines devices and definitions into the rows of list and show.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <mdevadm/render/columns.hpp>
#include <optional>
#include <vector>

#include "context.hpp"

namespace mdevadm::cli {

// The parts of rows that take most of the time of long lists, and that few columns need.
struct RowParts {
  bool type_name = true;
  bool file = true;
};

// An active device or one whose removal is pending, its definition under the same parent, or both.
struct DevicePair {
  const Device* device = nullptr;
  const Definition* definition = nullptr;

  const Uuid& uuid() const { return device != nullptr ? device->uuid : definition->uuid; }
  const ParentName& parent() const { return device != nullptr ? device->parent : definition->parent; }
};

// Makes the rows of list and show one by one: thousands take more space than the devices. Refers to the
// arguments of the constructor, which must outlive it and the rows.
class DeviceRows {
 public:
  DeviceRows(const Snapshot& seen, const Definitions& defined, const Groups& groups, const BootEvents& boot,
             const store::Store& store, RowParts parts = {});

  // Returns the pairs of all rows, sorted by parent, then UUID.
  std::vector<DevicePair> pairs() const;
  render::DeviceRow row(const DevicePair& pair) const;

 private:
  const Snapshot& seen_;
  const Definitions& defined_;
  const Groups& groups_;
  const BootEvents& boot_;
  const store::Store& store_;
  RowParts parts_;
  bool knows_names_;  // some parent has types
  std::chrono::system_clock::time_point booted_;
};

// The rows of these pairs; each is made when it is read. Refers to its arguments. (std::views::transform
// would do, but clang 14 does not compile it with the library of gcc 12.)
class RowRange {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = render::DeviceRow;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = render::DeviceRow;

    Iterator(const DeviceRows* rows, std::vector<DevicePair>::const_iterator pair)
        : rows_(rows), pair_(pair) {}
    render::DeviceRow operator*() const { return rows_->row(*pair_); }
    Iterator& operator++() {
      ++pair_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return pair_ == other.pair_; }

   private:
    const DeviceRows* rows_;
    std::vector<DevicePair>::const_iterator pair_;
  };

  RowRange(const DeviceRows& rows, const std::vector<DevicePair>& pairs) : rows_(rows), pairs_(pairs) {}

  Iterator begin() const { return {&rows_, pairs_.begin()}; }
  Iterator end() const { return {&rows_, pairs_.end()}; }
  std::size_t size() const { return pairs_.size(); }

 private:
  const DeviceRows& rows_;
  const std::vector<DevicePair>& pairs_;
};

// Returns one row per device and parent: active devices, and those whose removal is pending, with their
// definition under the same parent, and definitions of inactive devices. Sorted by parent, then UUID. The
// state is complete only with Context::observe_settings(). The rows refer to the arguments, which must
// outlive them.
std::vector<render::DeviceRow> device_rows(const Snapshot& seen, const Definitions& defined,
                                           const Groups& groups, const BootEvents& boot,
                                           const store::Store& store);

// Returns the row of a group with the number of its active members. `group` must outlive the row.
render::GroupRow group_row(const Group& group, const Snapshot& seen, const store::Store& store);

// Returns the number of devices of a type, pending removals included; nothing if the type of any device on
// the parent is unknown.
std::optional<std::uint64_t> count_devices(const Snapshot& seen, const Parent& parent, const Type& type);

}  // namespace mdevadm::cli
