// What the definition of an active device that is adopted takes over from the device. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/settable_file.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Attributes of an active device.
struct ActiveSettings {
  std::vector<Attribute> reported{};  // by a call-out script
  std::vector<SettableFile> files{};
};

// Adds the attributes of the device to its new definition, but none that the user has given: the queues of a
// vfio-ap device; what a script reported; and what the driver reports as it was set. A number of aggregated
// instances is taken over if the definition has none. Returns a warning that names the attributes whose
// values are not known, otherwise nothing.
std::string take_over(const Device& device, const ActiveSettings& settings,
                      const std::vector<Attribute>& given, Definition& wanted);

}  // namespace mdevadm
