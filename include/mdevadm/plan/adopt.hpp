// What the definition of an active device that is adopted takes over from the device. Pure functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/settable_file.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/plan.hpp>
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

// Adds the step that records that the definition has the active vGPU, whose type another program has set, or
// whose record is lost.
void add_record(const Device& active, const Definition& owner, Job& job);

// Plans that the active device on a virtual function, whose type another program has set, becomes the device
// of the definition that reserves this function. Requires the lock of the parent, as plan_define() does for
// an unmanaged device. Throws Error{conflict} if the types differ.
Job plan_adopt(const Snapshot& seen, const Definition& owner, const Device& device,
               const std::string& argument);

}  // namespace mdevadm
