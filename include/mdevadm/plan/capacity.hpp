// What a parent can still create: the arithmetic of the resources behind `available_instances`. A driver
// tells only how many more of each type fit now; what a set of devices would leave takes a model of what
// they share.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::plan {

// Something that devices take a share of: memory, ports, fences.
struct Resource {
  std::string name;
  std::uint64_t total;
  // An aggregated device takes its share once a unit; with no, once in all (i915 GVT-g's fences).
  bool once_a_unit = true;
};

// What one device of a type takes.
struct Demand {
  std::string type;
  std::vector<std::uint64_t> takes;  // of each resource, in the resources' order
  std::string kind{};                // devices of two kinds exclude one another; empty goes with every kind
};

// The resources of one parent (of one GPU, where virtual functions share it) and what is taken of them.
// A value: a copy answers "what if".
class Capacity {
 public:
  Capacity() = default;
  Capacity(std::vector<Resource> resources, std::vector<Demand> demands);

  // The types, in the order they were given.
  std::vector<std::string> types() const;
  bool knows(std::string_view type) const { return find(type) != nullptr; }

  // How many more devices of the type, of one unit each, can be made now. 0 for a type that is not known.
  std::uint64_t left(std::string_view type) const;
  // Whether live devices of another kind leave no place for the type, however much room there is.
  bool is_shut_out(std::string_view type) const;
  // Whether a device of so many units can be made now.
  bool fits(std::string_view type, std::uint64_t units = 1) const;
  // How many units a live device of the type that has `units` could have, were it alone to grow.
  std::uint64_t most_units(std::string_view type, std::uint64_t units) const;

  // Only what fits may be taken, only what was taken may be given back.
  void take(std::string_view type, std::uint64_t units = 1);
  void give_back(std::string_view type, std::uint64_t units = 1);

  bool operator==(const Capacity& other) const { return used_ == other.used_ && kinds_ == other.kinds_; }

 private:
  const Demand* find(std::string_view type) const;
  std::uint64_t need(const Demand& demand, std::size_t resource, std::uint64_t units) const;

  std::vector<Resource> resources_;
  std::vector<Demand> demands_;
  std::vector<std::uint64_t> used_;
  std::map<std::string, std::uint64_t> kinds_;  // live devices of each kind
};

// --- NVIDIA: types are slices of one framebuffer ---

// What may be made beside what is there.
enum class Mix {
  type,   // only the same type: the GPUs that the mdev interface was designed around
  size,   // any type with the same framebuffer ("equal size")
  mixed,  // whatever still fits ("mixed size"); real GPUs limit this further by fixed places
};

struct FramebufferType {
  std::string type;
  std::uint64_t most;         // on an idle GPU
  std::uint64_t framebuffer;  // MiB
};

Capacity homogeneous(std::span<const FramebufferType> types, std::uint64_t framebuffer, Mix mix);

// --- i915 GVT-g: low and high graphics memory, fences ---

struct GvtType {
  std::string_view name;        // the last number of i915-GVTg_V5_4
  std::uint64_t low;            // MiB of the aperture
  std::uint64_t high;           // MiB of hidden graphics memory
  std::uint64_t fences;         //
  std::string_view resolution;  //
  std::uint64_t weight;         // of the scheduler
};

// All that the driver knows, smallest first.
std::span<const GvtType> gvt_types();

// The types that a GPU with so much memory offers at all: the driver stops at the first that does not fit
// into the aperture. Sizes in MiB.
std::span<const GvtType> gvt_types_for(std::uint64_t aperture);

struct GvtMemory {
  std::uint64_t aperture;  // MiB, what the host sees
  std::uint64_t total;     // MiB of the whole translation table
  std::uint64_t fences;
};

// Types are called `prefix` and GvtType::name. The host keeps 128 MiB low, 384 MiB high and 4 fences.
Capacity gvt(const GvtMemory& memory, const std::string& prefix = {});

// --- the simple ones ---

struct SizedType {
  std::string type;
  std::uint64_t size;
};

// One pool that types take different shares of: mtty's 24 ports, mbochs' 256 MB of video memory.
Capacity pool(std::string name, std::uint64_t total, std::span<const SizedType> types);

// One counter for all: mdpy's 4 displays, a subchannel's one device.
Capacity counter(std::uint64_t total, std::span<const std::string> types);

// Each type by itself.
Capacity separate(std::span<const SizedType> types);

}  // namespace mdevadm::plan
