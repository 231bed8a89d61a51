// The room on a parent for further devices, beside the active ones and those of definitions. Pure functions.
#pragma once

#include <cstdint>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/capacity.hpp>
#include <optional>

namespace mdevadm {

// What takes room: active devices only, or also definitions whose device is not active. A virtual function
// (VF) that a definition reserves is taken in any case.
enum class Counting { active, defined };

class Room {
 public:
  // Needs Facet::available, Facet::type_name and Facet::description of the parent, and its devices.
  // `mixes_sizes`: the GPU is known to carry vGPUs of several framebuffer sizes at once. Otherwise a GPU
  // without devices is taken for one that does not, as drivers are without further settings.
  Room(const Parent& parent, const Snapshot& seen, const Definitions& defined, Counting counting,
       bool mixes_sizes);

  // Returns how many more devices of one instance fit: an upper limit where the driver reports one. The
  // largest number if the driver reports nothing.
  std::uint64_t left(const Type& type) const;
  bool fits(const Type& type, std::uint64_t units) const;
  // Counts another device. Has an effect only if it fits.
  void take(const Type& type, std::uint64_t units);
  // Returns the number of devices that take room: active, counted definitions, and those taken since.
  std::uint64_t devices() const { return devices_; }

 private:
  plan::Capacity capacity_;
  std::optional<std::uint64_t> functions_{};  // free VFs; absent: the parent uses none
  std::uint64_t devices_ = 0;
};

}  // namespace mdevadm
