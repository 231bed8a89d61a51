// NVIDIA's names of vGPU types, which state the size: "NVIDIA L40S-12Q", "GRID A100D-2-20C". Without
// mediated devices, the driver reports nothing else about a type.
#pragma once

#include <cstdint>
#include <mdevadm/model/property.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

struct VgpuName {
  std::string gpu;           // "L40S", without the prefix GRID or NVIDIA
  unsigned slices = 0;       // of the GPU instance (MIG); 0: the type is time-sliced
  unsigned gib = 0;          // framebuffer in GiB; 0 stands for 512 MiB
  std::string series;        // Q, B, A or C, which also selects the licence; "B4"
  std::string attributes{};  // of MIG types: "ME"

  bool needs_gpu_instance() const { return slices != 0; }
};

// Parses from the right: last comes the size with the series, before it the number of slices if it is one
// digit; the rest is the GPU, which may contain blanks and hyphens. nullopt for any other name.
std::optional<VgpuName> parse_vgpu_name(std::string_view name);

// Returns whether a type is given by a vendor's name, "GRID M60-4Q" or "l40s-4q", and not by its ID.
bool is_vendor_name(std::string_view type);

// Returns what the name says as properties: framebuffer, series and, for MIG types, gpu_slices.
std::vector<Property> properties_of_name(std::string_view name);

// Returns what all types of a series and size have in common, as far as it is known: num_heads and
// max_resolution.
std::vector<Property> properties_of_series(const VgpuName& name);

// Adds the properties of the type's name that its description does not have; without a description, also
// those of its series.
void add_properties_of_name(Type& type);

// Returns the memory in GiB of a GPU by its name in types ("L40S"); 0 for an unknown one. Names are compared
// without blanks and hyphens, and in any case.
unsigned memory_of_gpu(std::string_view gpu);

// Returns how many vGPUs of a size fit on a GPU whose largest type has `largest` GiB, from the sizes alone.
// An upper limit: drivers allow fewer for some types of 1 and 4 GiB (vGPU user guide, tables of types).
unsigned most_by_size(const VgpuName& type, unsigned largest);

// The same for a MIG type: with the GPU instances of which most fit on the GPU.
unsigned most_by_slices(const VgpuName& type, unsigned largest);

}  // namespace mdevadm
