// Metrics of a host in Prometheus' text format.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/render/columns.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::render {

// What the metrics are computed from.
struct HostMetrics {
  // With types and their names, available and maximum instances, identity of parents, devices with holders.
  const Snapshot& seen;
  std::vector<TypeRow> types{};      // with `used`
  std::vector<DeviceRow> devices{};  // active and defined ones
  std::vector<GroupRow> groups{};
  std::vector<FindingRow> findings{};
  std::string_view version{};  // of the program
};

// Returns all metrics in the text format 0.0.4, in a stable order. Each metric has its HELP and TYPE lines,
// also if it has no value. Values that are not known are omitted.
std::string render_metrics(const HostMetrics& host);

}  // namespace mdevadm::render
