// The lines that `mdevadm monitor` prints.
#pragma once

#include <mdevadm/model/watch.hpp>
#include <string>

namespace mdevadm::render {

// Returns one line, with the local time: "2026-03-01 07:30:12.345 device created: …".
std::string render_event(const WatchEvent& event);

// Returns one line with a JSON object.
std::string render_event_json(const WatchEvent& event);

}  // namespace mdevadm::render
