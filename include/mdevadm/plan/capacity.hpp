// Capacity model: the shared resources behind `available_instances`. Drivers report available instances per
// type only; checking a set of devices requires a model of the shared resources.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::plan {

// A resource that devices consume: memory, ports, fences.
struct Resource {
  std::string name;
  std::uint64_t total;
  // true: an aggregated device consumes its share once per unit; false: once in total (fences of i915 GVT-g).
  bool once_a_unit = true;
};

// Consumption of one device of a type.
struct Demand {
  std::string type;
  std::vector<std::uint64_t> takes;  // of each resource, in the order of the resources
  std::string kind{};  // devices of different kinds exclude each other; empty: compatible with all
};

// The resources of one parent (of one GPU if its virtual functions share them) and their use. A value type:
// to evaluate a change, apply it to a copy.
class Capacity {
 public:
  Capacity() = default;
  Capacity(std::vector<Resource> resources, std::vector<Demand> demands);

  // Returns the types in the order given to the constructor.
  std::vector<std::string> types() const;
  bool knows(std::string_view type) const { return find(type) != nullptr; }

  // Returns how many more devices of one unit can be created; 0 for an unknown type.
  std::uint64_t left(std::string_view type) const;
  // Returns whether active devices of another kind exclude the type, regardless of free resources.
  bool is_shut_out(std::string_view type) const;
  // Returns whether a device of this many units can be created now.
  bool fits(std::string_view type, std::uint64_t units = 1) const;
  // Returns how many units an active device of the type with `units` units could have if only this device
  // grew.
  std::uint64_t most_units(std::string_view type, std::uint64_t units) const;

  // Preconditions: take() requires that the device fits, give_back() that it was taken, or is
  // active and not counted.
  void take(std::string_view type, std::uint64_t units = 1);
  void give_back(std::string_view type, std::uint64_t units = 1);

  // From now on devices of different kinds do not exclude each other. Returns whether there were kinds.
  bool allow_all_kinds();

  bool operator==(const Capacity& other) const { return used_ == other.used_ && kinds_ == other.kinds_; }

 private:
  const Demand* find(std::string_view type) const;
  std::uint64_t need(const Demand& demand, std::size_t resource, std::uint64_t units) const;

  std::vector<Resource> resources_;
  std::vector<Demand> demands_;
  std::vector<std::uint64_t> used_;
  std::map<std::string, std::uint64_t> kinds_;  // number of active devices of each kind
};

// NVIDIA (types are slices of one framebuffer): which types may coexist on a GPU.
enum class Mix {
  type,   // only the same type: the GPUs for which the mdev interface was designed
  size,   // types with the same framebuffer ("equal size")
  mixed,  // any types that fit ("mixed size"); real GPUs have further limits by fixed placements
};

struct FramebufferType {
  std::string type;
  std::uint64_t most;         // maximum instances on an idle GPU
  std::uint64_t framebuffer;  // MiB
};

// Returns the capacity of a GPU with this much framebuffer in MiB.
Capacity homogeneous(std::span<const FramebufferType> types, std::uint64_t framebuffer, Mix mix);

struct GvtType {
  std::string_view name;        // last number of i915-GVTg_V5_4
  std::uint64_t low;            // aperture, MiB
  std::uint64_t high;           // hidden graphics memory, MiB
  std::uint64_t fences;         // fence registers
  std::string_view resolution;  // maximum
  std::uint64_t weight;         // scheduler weight
};

// Returns all types known to the driver of i915 GVT-g, smallest first. Their resources are low and high
// graphics memory and fences.
std::span<const GvtType> gvt_types();

// Returns the types offered by a GPU with this aperture in MiB: the driver stops at the first type that does
// not fit.
std::span<const GvtType> gvt_types_for(std::uint64_t aperture);

struct GvtMemory {
  std::uint64_t aperture;  // MiB, visible to the host
  std::uint64_t total;     // MiB, the whole translation table
  std::uint64_t fences;
};

// Returns the capacity of a GPU whose types are named by `prefix` and GvtType::name. The host reserves 128
// MiB low and 384 MiB high memory and 4 fences.
Capacity gvt(const GvtMemory& memory, const std::string& prefix = {});

struct SizedType {
  std::string type;
  std::uint64_t size;
};

// Returns a capacity with one pool of which types consume different shares: the 24 ports of mtty, the 256 MB
// video memory of mbochs.
Capacity pool(std::string name, std::uint64_t total, std::span<const SizedType> types);

// Returns a capacity with one counter for all types: the 4 displays of mdpy, the one device of a subchannel.
Capacity counter(std::uint64_t total, std::span<const std::string> types);

// Returns a capacity without shared resources: each type has a separate count.
Capacity separate(std::span<const SizedType> types);

}  // namespace mdevadm::plan
