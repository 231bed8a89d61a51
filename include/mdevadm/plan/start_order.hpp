// The order in which devices that are started together are created. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <vector>

namespace mdevadm {

// Sorts the definitions of each GPU with virtual functions: devices with a fixed placement first, then by
// decreasing framebuffer size; all others stay where they are. With mixed sizes a vGPU needs a free part of
// the framebuffer at a multiple of its size (vGPU user guide, "Valid Time-Sliced Virtual GPU Configurations
// with Mixed Sizes"): small vGPUs that are created first can leave none for a large one, although the sum
// fits. Needs Facet::type_name of the parents; types whose size is not known come last.
void sort_for_start(const Snapshot& seen, std::vector<Definition>& wanted);

// Returns the framebuffer size in MiB by the vendor's name of the type, as the definition has it in its type
// or recorded beside it; 0 if it is not known without the parent.
unsigned defined_framebuffer(const Definition& definition);

}  // namespace mdevadm
