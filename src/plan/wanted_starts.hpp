// The devices that a description starts, counted against each other. Internal header.
#pragma once

#include <map>
#include <mdevadm/plan/apply.hpp>
#include <vector>

#include "wanted_devices.hpp"

namespace mdevadm {

// A device that is to be started, and whether that is a restart.
struct WantedStart {
  const WantedDevice* device;
  bool is_restart;
};

// Why devices have no place now, by UUID.
using Placeless = std::map<Uuid, Error>;

// Returns the devices for which the others leave no instance, or whose virtual function another device has.
// Devices that are restarted come first, those of tables with count = "all" last, otherwise the order is that
// of `starts`. `later`: the state to expect when all devices that leave have been stopped.
Placeless find_placeless(const Snapshot& later, std::vector<WantedStart> starts);

// Adds a problem for each table with a fixed count of which devices have no place: nothing is changed then.
void refuse_placeless(const std::vector<const WantedDevice*>& without_place, const Placeless& placeless,
                      const WantedDevices& devices, ApplyPlan& plan);

// Notes how many devices of tables with count = "all" are not started.
void note_placeless(const std::vector<const WantedDevice*>& without_place, const Placeless& placeless,
                    ApplyPlan& plan);

}  // namespace mdevadm
