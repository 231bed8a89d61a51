// Translation of errnos from a driver or the mdev core into Errors with reason and hint, one function per
// operation.
#pragma once

#include <chrono>
#include <mdevadm/model/creation.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/parent_state.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/error.hpp>
#include <string>

namespace mdevadm {

// A driver can have limits that available_instances does not show: GVT-g also needs graphics memory that the
// host does not use at the moment.
Error refused_although_available(const Creation& what, std::uint64_t available);
// The error of a create for which the type has no available instances.
Error exhausted(int number, const Creation& what);
// Returns the error with the errno of its cause and, if a write is not permitted, the path of the file.
Error naming_file(const Error& error, const sys::SysError& cause);
// The error for a creation that the driver accepted, but no device appeared.
Error nothing_created(std::chrono::seconds patience);
// `is_nvidia`: the parent is a GPU of NVIDIA, whose driver returns EIO for reasons of its own.
Error create_error(int number, const Creation& what, const Capabilities& capabilities, bool is_nvidia);
Error remove_error(int number);
Error online_error(int number, bool online);
Error join_error(int number, const Uuid& peers);
Error aggregate_error(int number, std::uint64_t units);
// Adds to the error of an attribute that assigns queues which queues the kernel refuses, and which device has
// them.
Error explained(const sys::Dir& root, const Device& device, const Attribute& attribute, const Error& error);

// Returns "cannot set attribute 'assign_domain' to '4'".
std::string setting_of(const Attribute& attribute);
// `bus`: that of the device, which has the attribute.
Error attribute_error(int number, const Attribute& attribute, const char* bus = "pci");
// For a write of `number_of_functions` to sriov_numvfs.
Error functions_error(int number, const ParentState& parent, std::uint64_t number_of_functions);

}  // namespace mdevadm
