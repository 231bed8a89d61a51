// A host as a graph for dot(1) of Graphviz.
#pragma once

#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <string>

namespace mdevadm::render {

// Returns a directed graph: parents, virtual functions that have or are reserved for a device, devices
// (defined ones that are not active with dashed lines), the processes that use them, and a cluster for each
// group. Needs Facet::devices, Facet::parents and Facet::holders. The text is safe whatever the names
// contain.
std::string dot_graph(const Snapshot& seen, const Definitions& defined, const Groups& groups);

}  // namespace mdevadm::render
