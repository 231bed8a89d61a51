#include "answers.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr const char* driver_log = "the driver's reason is in the kernel log (dmesg)";

std::string see_types(const ParentName& parent) {
  return fmt::format("see what is left: mdevadm types {}", parent.str());
}

// Returns the error for EINVAL of a create: the kernel or the driver rejects one of the parameters, and the
// parameters that were passed indicate the likely cause.
Error invalid_create(const Creation& what, const Capabilities& capabilities, const std::string& type) {
  if (what.beside) {
    return {
        ExitCode::failed,
        fmt::format("the driver cannot make it share the IOMMU group of '{}'", what.beside->uuid.str()),
        "only devices of one parent share a group, and not every kernel can: --p2p off makes it by itself"};
  }
  if (what.units > 1) {
    return {ExitCode::failed,
            fmt::format("the driver does not make one {} of {} instances", type, what.units),
            fmt::format("see how many it takes: mdevadm types -o +aggregate {}", what.parent.str())};
  }
  if (capabilities.numbered) {
    return {ExitCode::failed, fmt::format("the driver refuses to create {}: Invalid argument", type),
            "this interface may say so whatever the reason: nothing is left, the virtual machine is online "
            "already, "
            "or the create arguments are not what the driver wants"};
  }
  if (what.arguments) {
    return {ExitCode::failed,
            fmt::format("the driver takes no {} with the create arguments '{}'", type,
                        printable(*what.arguments)),
            "a kernel that takes no arguments says the same as one that does not know these, or lacks one"};
  }
  if (capabilities.create_arguments == Support::yes) {
    return {ExitCode::failed, fmt::format("the driver takes no {} without further arguments", type),
            "NVIDIA's wants to know the virtual machine: --create-arg vm_uuid=UUID"};
  }
  return {ExitCode::failed, fmt::format("the driver refuses to create {} now: Invalid argument", type),
          "a GPU that takes one type at a time refuses others while it has devices: mdevadm list -p " +
              what.parent.str()};
}

}  // namespace

Error create_error(int number, const Creation& what, const Capabilities& capabilities) {
  const std::string type = fmt::format("{} on {}", what.type.str(), what.parent.str());
  const std::string reason = sys::errno_text(number);
  switch (number) {
    case EEXIST:
      return {ExitCode::conflict, "a device with this UUID exists already", "see whose it is: mdevadm list"};
    case ENOSPC:
    case EUSERS:
      return {ExitCode::no_capacity,
              what.units > 1 ? fmt::format("no {} instances of {} are left ({})", what.units, type, reason)
                             : fmt::format("no instance of {} is left ({})", type, reason),
              see_types(what.parent)};
    case EPERM:
      if (capabilities.functions) {
        return {ExitCode::conflict, "the virtual function carries a type already, which nobody may replace",
                "try again: another function may be free"};
      }
      return {
          ExitCode::no_capacity, fmt::format("the driver will not create {} (Operation not permitted)", type),
          "vfio_ap and vfio_ccw before Linux 6.1 say so when nothing is left; else the kernel log says why"};
    case ENOENT:
      return {ExitCode::not_found, fmt::format("there is no {} any more", type),
              fmt::format("see what there is: mdevadm types {}", what.parent.str())};
    case ENODEV:
      if (capabilities.functions) {
        return {ExitCode::not_found, fmt::format("the driver knows no {}", type), see_types(what.parent)};
      }
      return {ExitCode::failed,
              what.beside ? fmt::format("{} is going away, or the IOMMU group of '{}' is gone",
                                        what.parent.str(), what.beside->uuid.str())
                          : fmt::format("{} is going away or cannot work now", what.parent.str()),
              driver_log};
    case EBUSY:
      return what.beside ? Error(ExitCode::in_use,
                                 fmt::format("the IOMMU group of '{}' is in use: nothing can join it",
                                             what.beside->uuid.str()),
                                 "a set of devices is fixed while one of them is open")
             : capabilities.online
                 ? Error(ExitCode::in_use,
                         "a device of the same virtual machine is online already, and the driver cannot add "
                         "one",
                         "stop the virtual machine's devices, then start all of them at once")
                 : Error(ExitCode::in_use, fmt::format("{} is busy", what.parent.str()), driver_log);
    case EIO:
      return {ExitCode::failed,
              fmt::format("the GPU's resource manager refuses {} (Input/output error)", type),
              "it means one of: another size is in use on this GPU, nothing is left, MIG wants GPU instances "
              "first; the kernel log says more"};
    case EAGAIN:
      return Error(ExitCode::failed, fmt::format("the driver of {} is not ready yet", what.parent.str()),
                   "try again in a moment")
          .worth(Retry::soon);
    case ENOMEM:
      return {ExitCode::no_capacity, fmt::format("there is no memory for {}", type),
              "the sample drivers before Linux 5.13 say so when no instance is left"};
    case E2BIG:
      return {ExitCode::failed, "its create arguments are too long: the kernel takes 4095 bytes in all",
              "say less with --create-arg"};
    case ERANGE:
      return {ExitCode::failed, fmt::format("'{}' is no number of a type", what.type.str()),
              see_types(what.parent)};
    case EINVAL: return invalid_create(what, capabilities, type);
    case EACCES:
      return {ExitCode::failed, fmt::format("cannot create {}: {}", type, reason), sys::errno_hint(number)};
    default:
      return {ExitCode::failed, fmt::format("the driver refuses to create {}: {}", type, reason), driver_log};
  }
}

Error remove_error(int number) {
  const std::string doing = "cannot remove the device";
  switch (number) {
    case EBUSY:
      return {ExitCode::in_use, "the driver says that it is in use",
              "a virtual machine that has just ended may need a few seconds more"};
    case EPERM:
      return {ExitCode::in_use, "the driver says no (Operation not permitted): somebody uses it",
              "end the virtual machine that has it"};
    case EAGAIN:
      return {ExitCode::failed, fmt::format("{}: it is being made or removed just now", doing),
              "try again in a moment"};
    case EIO: return {ExitCode::failed, fmt::format("{}: the driver failed", doing), driver_log};
    case EINVAL:
      return {ExitCode::failed, fmt::format("{}: the kernel does not know it so", doing), driver_log};
    default:
      return {ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(number)),
              sys::errno_hint(number)};
  }
}

Error online_error(int number, bool online) {
  const std::string doing = online ? "cannot bring it online" : "cannot take it offline";
  switch (number) {
    case ENOENT: return {ExitCode::failed, fmt::format("{}: it has no such switch", doing)};
    case ENOSPC:
      return {ExitCode::no_capacity, fmt::format("{}: no peer-to-peer resources are left", doing),
              "take another virtual machine's devices offline first"};
    case EBUSY:
      return {ExitCode::in_use, fmt::format("{}: it is in use", doing),
              "end the virtual machine that has it"};
    case EINVAL:
      return {ExitCode::failed, fmt::format("{}: the driver says that it cannot be so now", doing),
              driver_log};
    case ENODEV: return {ExitCode::failed, fmt::format("{}: it is going away", doing), driver_log};
    default: return {ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(number)), driver_log};
  }
}

Error join_error(int number, const Uuid& peers) {
  const std::string doing = fmt::format("cannot make it share peer-to-peer resources as {}", peers.str());
  switch (number) {
    case EBUSY:
      return {ExitCode::in_use, fmt::format("{}: it or a device of that set is in use", doing),
              "a set of devices is fixed while one of them is open"};
    case EXDEV:
      return {ExitCode::failed, fmt::format("{}: that set is another driver's", doing),
              "only devices of one driver can share; --p2p off starts them without"};
    case ENOSPC:
      return {ExitCode::no_capacity, fmt::format("{}: no peer-to-peer resources are left", doing),
              "--p2p off starts the devices without"};
    case EINVAL:
      return {ExitCode::failed, fmt::format("{}: the driver takes no such value", doing), driver_log};
    case ENODEV: return {ExitCode::failed, fmt::format("{}: it is going away", doing), driver_log};
    default: return {ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(number)), driver_log};
  }
}

Error aggregate_error(int number, std::uint64_t units) {
  const std::string doing = fmt::format("cannot make it of {} instances", units);
  switch (number) {
    case EINVAL:
      return {ExitCode::failed, fmt::format("{}: fewer are left, or it is in use", doing),
              "see how many are left: mdevadm types"};
    case ENOSPC: return {ExitCode::no_capacity, fmt::format("{}: fewer are left", doing)};
    case E2BIG: return {ExitCode::failed, fmt::format("{}: the number is too long", doing)};
    default: return {ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(number)), driver_log};
  }
}

Error attribute_error(int number, const Attribute& attribute) {
  const std::string doing =
      fmt::format("cannot set attribute '{}' to '{}'", attribute.name.str(), printable(attribute.value));
  const auto error = [&](const std::string& why, std::string hint = {}) {
    return Error(ExitCode::failed, fmt::format("{}: {}", doing, why), std::move(hint));
  };
  const bool is_queue =
      attribute.name.str().find("assign_") != std::string::npos || attribute.name.str() == "ap_config";
  switch (number) {
    case ENOENT: return {ExitCode::not_found, fmt::format("{}: the device has no such attribute", doing)};
    case EACCES: return error("the attribute cannot be written");
    case EXDEV: return error("it leads out of the device's folder");
    case EADDRNOTAVAIL:
      return error("a queue of it is reserved for the host",
                   "free it in /sys/bus/ap/apmask and aqmask (chzdev, or ap.apmask= at boot)");
    case EADDRINUSE:
      return error("a queue of it belongs to another device",
                   "the kernel log names the queue and the device");
    case EBUSY:
      return is_queue
                 ? error(
                       "a queue of it belongs to another device, a guest uses this one, or the host's masks "
                       "are being changed",
                       driver_log)
                 : error("it is busy", driver_log);
    case EPERM: return error("not while the device is open");
    case ENXIO: return error("the device is not ready for it");
    case E2BIG: return error("it is too long");
    case ENODEV:
      return is_queue ? error("this machine has no such number",
                              "see /sys/bus/ap/ap_max_adapter_id and "
                              "ap_max_domain_id")
                      : error("the device is going away");
    case ERANGE: return error("the number is too large");
    default: return error(fmt::format("the driver refuses it: {}", sys::errno_text(number)), driver_log);
  }
}

}  // namespace mdevadm
