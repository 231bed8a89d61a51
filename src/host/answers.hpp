// Translation of errnos from a driver or the mdev core into Errors with reason and hint, one function per
// operation.
#pragma once

#include <mdevadm/model/creation.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/parent_state.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/error.hpp>
#include <string>

namespace mdevadm {

Error create_error(int number, const Creation& what, const Capabilities& capabilities);
Error remove_error(int number);
Error online_error(int number, bool online);
Error join_error(int number, const Uuid& peers);
Error aggregate_error(int number, std::uint64_t units);
// Adds to the error of an attribute that assigns queues which queues the kernel refuses, and which device has
// them.
Error explained(const sys::Dir& root, const Device& device, const Attribute& attribute, const Error& error);

// Returns "cannot set attribute 'assign_domain' to '4'".
std::string setting_of(const Attribute& attribute);
Error attribute_error(int number, const Attribute& attribute);
// For a write of `number_of_functions` to sriov_numvfs.
Error functions_error(int number, const ParentState& parent, std::uint64_t number_of_functions);

}  // namespace mdevadm
