// The overview that `mdevadm status` prints.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/render/grid.hpp>
#include <string>
#include <vector>

namespace mdevadm::render {

// Everything that the overview shows. `devices` are all that are active or defined; needs Facet::types and
// Facet::available of the parents.
struct Status {
  bool mdev_support = false;
  std::vector<ParentRow> parents{};
  std::vector<DeviceRow> devices{};
  std::vector<GroupRow> groups{};
  std::vector<FileProblem> problems{};  // of definition and group files
  std::vector<std::string> notes{};     // for JSON
};

// Returns a table of the parents with their available types, then one line each for devices by state, groups,
// autostart and problems, with details where something is wrong.
std::string render_status(const Status& status, const TableStyle& style);

// Returns the same as one JSON document, with all details.
std::string render_status_json(const Status& status);

}  // namespace mdevadm::render
