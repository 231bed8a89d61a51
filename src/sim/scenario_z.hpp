// The parts of a scenario file for IBM Z: AP buses and subchannels.
#pragma once

#include <mdevadm/sim/scenario.hpp>

#include "keys.hpp"

namespace mdevadm::sim {

// Read these keys of a parent; call broken() for invalid values. read_subchannel() also reads the switches of
// GVT-g, which share a key with it.
void read_subchannel(Keys& keys, SimParent& parent);
void read_queues(Keys& keys, SimParent& parent);

}  // namespace mdevadm::sim
