// What came up at boot, as a picture.
#pragma once

#include <mdevadm/render/columns.hpp>
#include <string>
#include <vector>

namespace mdevadm::render {

// An SVG document: time from left to right, since the machine was switched on; below the name of each parent,
// a bar a device, for as long as its start took, with what it waited for before in a paler colour. What did
// not come up is named with the reason. Rows are those of `list --boot`, sorted by parent.
std::string render_boot_plot(const std::vector<DeviceRow>& rows);

}  // namespace mdevadm::render
