// Definitions with autostart of which a parent cannot have all devices at once. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/explain.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mdevadm {

// Adds up what definitions with autostart need of one parent: instances of a type or, for time-sliced vGPUs
// of NVIDIA, vGPUs of a framebuffer size, which all series share. vGPUs of GPU instances (MIG) are not
// counted: what a GPU has of these changes when GPU instances are created.
class BootNeeds {
 public:
  // Needs Facet::available, Facet::type_name and Facet::description, and the devices of the parent. All
  // arguments must outlive the object.
  BootNeeds(const Snapshot& seen, const Definitions& defined, const Parent& parent);

  // Adds a definition. Returns what the parent lacks for it beside those added before, with Severity::warning
  // if it may have it nevertheless; nullopt: it has room, as far as known. The definition must outlive the
  // object.
  std::optional<Finding> add(const Definition& definition);

 private:
  // Time-sliced vGPUs of this size in GiB, or instances of a type.
  using Kind = std::pair<std::optional<unsigned>, const Type*>;
  struct Need {
    std::optional<std::uint64_t> most{};
    std::uint64_t instances = 0;
    std::vector<const Definition*> definitions{};
  };
  enum class Mixing { no, yes, unknown };

  std::optional<std::uint64_t> most_instances(const Type& type) const;
  std::optional<std::uint64_t> most_vgpus(const Type& type) const;
  std::optional<Finding> lack_of_size(const Kind& kind) const;
  std::optional<Finding> lack_of_memory(const Kind& kind, std::uint64_t instances) const;
  Mixing mixing() const;

  const Snapshot& seen_;
  const Definitions& defined_;
  const Parent& parent_;
  std::map<Kind, Need> needs_{};
  unsigned memory_ = 0;  // of the GPU in GiB; 0: unknown
};

// Returns a sentence about a parent that cannot have the device of a definition with autostart beside those
// of the others; nullopt: it can, as far as known.
std::optional<std::string> overcommitment(const Snapshot& seen, const Definitions& defined,
                                          const Definition& wanted);

// Returns the warning that the MIG mode of the GPU excludes the type of a definition now, or nullopt.
std::optional<std::string> mig_exclusion(const Snapshot& seen, const Definition& wanted);

}  // namespace mdevadm
