// Which virtual function (VF) a vGPU gets. Virtual machines refer to a VF by its PCI address, so a
// definition keeps the VF that it was given first, and no other definition is given the same one. Pure
// functions.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>

namespace mdevadm {

// Returns the definition for which a VF of a parent is reserved, other than the one of the device `except`;
// nullptr if it is not reserved.
const Definition* reserved_for(const Definitions& defined, const ParentName& parent, const std::string& vf,
                               const Uuid& except);

// Returns the VF that a new definition gets: the first one that is free and not reserved, or else the first
// one that is not reserved and not used by an unmanaged device; one that has refused a type
// (Function::refused) only if there is no other one. nullopt: the parent does not use VFs, none is enabled,
// or the definition has chosen already. Throws Error{no_capacity} if all are reserved or used by unmanaged
// devices.
std::optional<FunctionName> function_for(const Snapshot& seen, const Definitions& defined,
                                         const Definition& wanted, const std::string& doing);

// Throws Error{conflict} if the VF that a definition names is reserved for another definition, or used by
// another device that is not defined.
void require_free_function(const Snapshot& seen, const Definitions& defined, const Definition& wanted,
                           const std::string& doing);

// Throws Error{failed} if a VF must be chosen for the device and it is unknown which ones the settings of the
// parent reserve, because their file cannot be used: the VF could be given to a virtual machine that another
// program has it for.
void require_known_reservations(const Definitions& defined, const Definition& wanted,
                                const std::string& doing);

// Throws Error{conflict} if the settings of the parent exclude the VF that a definition names.
void require_assignable(const Definitions& defined, const Definition& wanted, const std::string& doing);

// Returns why the VF that a definition names takes no device now; empty if it does, or if that is not known.
std::string doubt_of_function(const Snapshot& seen, const Definition& wanted);

// Returns how a definition can give up its VF.
std::string advice_to_release_function(const Definition& definition);

// Returns the device on a VF, or nullptr.
const Device* device_on(const Snapshot& seen, const std::string& vf);

// Return the error for a VF that took no vGPU because another process has used it since the plan was made,
// and because the driver refuses it: neither another size, nor the number of vGPUs, nor MIG mode can be the
// reason if the GPU can create such a vGPU `now`; nullopt: it cannot, or that is not known.
Error taken_function(const Error& error, const CreateDevice& action);
std::optional<Error> refused_function(const Snapshot& now, const Definitions& defined,
                                      const CreateDevice& action, const Error& error);

// Returns a finding for each VF of a parent that has refused a type, but those that its settings reserve.
std::vector<Finding> refusals_of(const Parent& parent, const Definitions& defined);

// Returns the error for a VF that takes no device (Function::usable).
Error unusable_function(const Function& function, const Parent& parent, const std::string& doing);

// Return how a VF whose type another program has set becomes free, and how its device becomes that of the
// definition, which must reserve the VF and have the same type.
std::string advice_to_clear(const Device& unmanaged);
std::string advice_to_adopt(const Device& unmanaged, const Definition& as);

// Returns the error for a VF that is used by another device. `defined` has its name, and may be nullptr.
Error function_in_use(const Snapshot& seen, const Device& user, const Definitions* defined,
                      const Definition& wanted, const std::string& doing);

}  // namespace mdevadm
