// Chart of the autostart.
#pragma once

#include <mdevadm/render/columns.hpp>
#include <string>
#include <vector>

namespace mdevadm::render {

// Returns an SVG document with a time axis since boot. Below the name of each parent, each device has a bar
// for the duration of its start, preceded by its waiting time in a paler colour. Failed devices are shown
// with the reason. `rows` are those of `list --boot`, sorted by parent.
std::string render_boot_plot(const std::vector<DeviceRow>& rows);

}  // namespace mdevadm::render
