// The room on a parent for further devices, beside the active ones and those of definitions. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/capacity.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mdevadm {

// What takes room: active devices only, or also definitions whose device is not active. A virtual function
// (VF) that a definition reserves is taken in any case.
enum class Counting { active, defined };

class Room {
 public:
  // Needs Facet::available, Facet::type_name and Facet::description of the parent, and its devices.
  // `mixes_sizes`: the GPU is known to have vGPUs of several framebuffer sizes at once. Otherwise a GPU
  // without devices is assumed not to mix sizes, which is the default of the drivers.
  Room(const Parent& parent, const Snapshot& seen, const Definitions& defined, Counting counting,
       bool mixes_sizes);

  // Returns how many more devices of one instance fit: an upper limit where the driver reports one. The
  // largest number if the driver reports nothing.
  std::uint64_t left(const Type& type) const;
  bool fits(const Type& type, std::uint64_t units) const;
  // Counts another device. Has an effect only if it fits.
  void take(const Type& type, std::uint64_t units);
  // Reverts take() of a device that fitted, or frees the room of a present device of this type.
  void give_back(const Type& type, std::uint64_t units);
  // Frees the room of a counted definition without an active device, which may have found none.
  void forget(const Type& type, std::uint64_t units);
  // Assumes that a GPU with VFs and without devices mixes framebuffer sizes: its driver shows whether it does
  // only beside a device. Returns whether the GPU is such a one.
  bool assume_mixed_sizes();
  // Returns the number of devices that take room: active, counted definitions, and those taken since.
  std::uint64_t devices() const { return devices_; }

 private:
  plan::Capacity capacity_;
  std::optional<std::uint64_t> functions_{};  // free VFs; absent: the parent uses none
  std::uint64_t devices_ = 0;
  bool may_mix_ = false;
  // Types and instances of the counted definitions that do not fit beside the others.
  std::vector<std::pair<std::string, std::uint64_t>> without_room_{};
};

// The rooms on all parents of a host.
class Rooms {
 public:
  // All arguments must outlive the object. `mixed`: GPUs that are set to mix framebuffer sizes.
  Rooms(const Snapshot& seen, const Definitions& defined, Counting counting,
        const std::vector<ParentName>& mixed)
      : seen_(seen), defined_(defined), counting_(counting), mixed_(mixed) {}

  // Returns the room on a parent of the snapshot, as it is after what has been taken. The reference stays
  // valid.
  Room& on(const Parent& parent);
  // Applies Room::assume_mixed_sizes() to all parents of the snapshot. Returns those that it changed.
  std::vector<const Parent*> assume_mixed_sizes();

 private:
  const Snapshot& seen_;
  const Definitions& defined_;
  Counting counting_;
  const std::vector<ParentName>& mixed_;
  std::map<const Parent*, Room> rooms_{};
};

}  // namespace mdevadm
