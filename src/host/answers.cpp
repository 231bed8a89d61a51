#include "answers.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr const char* own_group = "create the device in an IOMMU group of its own with --p2p off";
constexpr const char* no_sharing = "disable peer-to-peer sharing with --p2p off";
constexpr const char* stop_vm = "stop the virtual machine that uses the device";
constexpr const char* driver_log = "see the kernel log for the driver's reason: dmesg";

std::string see_types(const ParentName& parent) {
  return fmt::format("list available instances: mdevadm types {}", parent.str());
}

// Returns the error for EINVAL of a create: the kernel or the driver rejects one of the parameters, and the
// parameters that were passed indicate the likely cause.
Error invalid_create(const Creation& what, const Capabilities& capabilities, const std::string& type) {
  if (what.beside) {
    return {ExitCode::failed,
            fmt::format("the driver cannot create the device in the IOMMU group of '{}' (only devices of one "
                        "parent can share an IOMMU group, and not every kernel supports it)",
                        what.beside->uuid.str()),
            own_group};
  }
  if (what.units > 1) {
    return {ExitCode::failed, fmt::format("the driver cannot create {} from {} instances", type, what.units),
            fmt::format("show the maximum: mdevadm types -o +aggregate {}", what.parent.str())};
  }
  if (capabilities.numbered) {
    return {ExitCode::failed, fmt::format("the driver refuses to create {}: Invalid argument", type),
            std::vector<std::string>{"possible causes: no available instances, the virtual machine is "
                                     "already online, or invalid create "
                                     "arguments",
                                     driver_log}};
  }
  if (what.arguments) {
    return {
        ExitCode::failed,
        fmt::format("the driver rejected the create arguments of {}: '{}'", type, printable(*what.arguments)),
        std::vector<std::string>{"either create arguments are not supported, or one is unknown or missing",
                                 driver_log}};
  }
  if (capabilities.create_arguments == Support::yes) {
    return {ExitCode::failed, fmt::format("the driver requires create arguments for {}", type),
            "the NVIDIA driver requires the UUID of the virtual machine: --create-arg vm_uuid=UUID"};
  }
  return {ExitCode::failed, fmt::format("the driver refuses to create {} now: Invalid argument", type),
          fmt::format("a GPU may accept only the type of its active devices; show them: mdevadm show {}",
                      what.parent.str())};
}

// Returns hints for a limit that the driver does not report.
std::vector<std::string> hints_of_refusal(const Creation& what) {
  std::vector<std::string> hints{driver_log};
  if (what.type.str().starts_with("i915-")) {
    hints.emplace_back(
        "GVT-g needs graphics memory that the host does not use: log out of its graphical session, or use a "
        "smaller type");
  }
  hints.push_back(see_types(what.parent));
  return hints;
}

}  // namespace

Error refused_although_available(const Creation& what, std::uint64_t available) {
  return {
      ExitCode::no_capacity,
      fmt::format("the driver refuses to create {} on {} (No space left on device), although it reports {} "
                  "available instance{}",
                  what.type.str(), what.parent.str(), available, available == 1 ? "" : "s"),
      hints_of_refusal(what)};
}

Error exhausted(int number, const Creation& what) {
  const std::string type = fmt::format("{} on {}", what.type.str(), what.parent.str());
  const std::string reason = sys::errno_text(number);
  return {ExitCode::no_capacity,
          what.units > 1 ? fmt::format("{} instances of {} are not available ({})", what.units, type, reason)
                         : fmt::format("no available instances of {} ({})", type, reason),
          see_types(what.parent)};
}

Error nothing_created(std::chrono::seconds patience) {
  return {ExitCode::failed,
          fmt::format("the driver has accepted the creation, but no device has appeared within {} s",
                      patience.count()),
          driver_log};
}

namespace {

bool is_of_ibm_z(const TypeName& type) {
  return type.str().starts_with("vfio_ap-") || type.str().starts_with("vfio_ccw-");
}

}  // namespace

Error naming_file(const Error& error, const sys::SysError& cause) {
  const bool is_denied = cause.number == EACCES || cause.number == EROFS;
  const bool names_it = std::string_view(error.what()).find(cause.path) != std::string_view::npos;
  return (is_denied && !names_it ? error.reworded(fmt::format("{} ({})", error.what(), cause.path)) : error)
      .caused_by(cause.number);
}

Error create_error(int number, const Creation& what, const Capabilities& capabilities, bool is_nvidia) {
  const std::string type = fmt::format("{} on {}", what.type.str(), what.parent.str());
  const std::string reason = sys::errno_text(number);
  const std::string refusal = fmt::format("the driver refuses to create {} ({})", type, reason);
  switch (number) {
    case EEXIST:
      return {ExitCode::conflict, "a device with this UUID already exists",
              "list active devices: mdevadm list"};
    case ENOSPC:
    case EUSERS: return exhausted(number, what);
    case EPERM:
      if (capabilities.functions) {
        return {ExitCode::conflict, refusal, std::vector<std::string>{driver_log, see_types(what.parent)}};
      }
      return is_of_ibm_z(what.type)
                 ? Error{ExitCode::no_capacity, refusal,
                         std::vector<std::string>{
                             "vfio_ap and vfio_ccw before Linux 6.1 return this error when no "
                             "instance is available",
                             see_types(what.parent), driver_log}}
                 : Error{ExitCode::failed, refusal,
                         std::vector<std::string>{driver_log, see_types(what.parent)}};
    case ENOENT:
      return {ExitCode::not_found, fmt::format("type {} no longer exists", type),
              fmt::format("list the types: mdevadm types {}", what.parent.str())};
    case ENODEV:
      if (capabilities.functions) {
        return {ExitCode::not_found, fmt::format("type {} is unknown to the driver", type),
                see_types(what.parent)};
      }
      return {ExitCode::failed,
              what.beside
                  ? fmt::format("parent {} is being removed, or the IOMMU group of '{}' no longer exists",
                                what.parent.str(), what.beside->uuid.str())
                  : fmt::format("parent {} is being removed or not operational", what.parent.str()),
              driver_log};
    case EBUSY:
      return what.beside ? Error(ExitCode::in_use,
                                 fmt::format("the IOMMU group of '{}' is in use and cannot be joined",
                                             what.beside->uuid.str()),
                                 own_group)
             : capabilities.online
                 ? Error(ExitCode::in_use,
                         "a device of the same virtual machine is already online, and the driver cannot "
                         "add another",
                         "stop the virtual machine's devices, then start all of them at once")
                 : Error(ExitCode::in_use, fmt::format("parent {} is busy", what.parent.str()), driver_log);
    case EIO:
      if (what.hidden) {
        return exhausted(number, what);
      }
      if (!is_nvidia) {
        return Error(ExitCode::failed,
                     fmt::format("the driver could not create {} (Input/output error)", type), driver_log)
            .worth(Retry::later);
      }
      // NVIDIA's driver returns it for every reason of the resource manager. One of them ends by itself: a
      // GPU without persistence mode is not initialized yet (NV_ERR_TIMEOUT_RETRY).
      return Error(
                 ExitCode::failed,
                 fmt::format("the GPU's resource manager refuses to create {} (Input/output error)", type),
                 std::vector<std::string>{"possible causes: a vGPU of another size is active, no available "
                                          "instances, (MIG mode) no GPU instance was created, or the GPU is "
                                          "not initialized yet",
                                          driver_log})
          .worth(Retry::later);
    case EAGAIN:
      return Error(ExitCode::failed, fmt::format("the driver of {} is not ready yet", what.parent.str()),
                   "run the command again in a moment")
          .worth(Retry::soon);
    case ENOMEM:
      if (is_nvidia) {
        return {
            ExitCode::no_capacity,
            fmt::format("the driver lacks memory of the host to create {} (Cannot allocate memory)", type),
            std::vector<std::string>{"show the free memory: grep MemAvailable /proc/meminfo", driver_log}};
      }
      return {ExitCode::no_capacity, fmt::format("not enough memory for {}", type),
              std::vector<std::string>{
                  "the sample drivers before Linux 5.13 return this error when no instance is available",
                  see_types(what.parent)}};
    case E2BIG:
      return {ExitCode::failed, "the create arguments are too long: the kernel accepts 4095 bytes in total",
              "shorten the values of --create-arg"};
    case ERANGE:
      return {ExitCode::failed, fmt::format("invalid type '{}' (expected a type number)", what.type.str()),
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
      return {ExitCode::in_use, "the driver reports that the device is in use (Device or resource busy)"};
    case EPERM:
      return {ExitCode::in_use, "the driver reports that the device is in use (Operation not permitted)"};
    case EAGAIN:
      return {ExitCode::failed, fmt::format("{}: the device is being created or removed", doing),
              "run the command again in a moment"};
    case EIO: return {ExitCode::failed, fmt::format("{}: the driver failed", doing), driver_log};
    case EINVAL:
      return {ExitCode::failed, fmt::format("{}: rejected by the kernel (Invalid argument)", doing),
              driver_log};
    default:
      return {ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(number)),
              sys::errno_hint(number)};
  }
}

Error online_error(int number, bool online) {
  const std::string doing = online ? "cannot bring the device online" : "cannot take the device offline";
  switch (number) {
    case ENOENT:
      return {ExitCode::failed,
              fmt::format("{}: not supported by the driver (no 'online' attribute)", doing)};
    case ENOSPC:
      return {ExitCode::no_capacity, fmt::format("{}: no available peer-to-peer resources", doing),
              "stop the devices of another virtual machine first"};
    case EBUSY: return {ExitCode::in_use, fmt::format("{}: the device is in use", doing), stop_vm};
    case EINVAL:
      return {ExitCode::failed,
              fmt::format("{}: rejected by the driver in the current state (Invalid argument)", doing),
              driver_log};
    case ENODEV: return {ExitCode::failed, fmt::format("{}: the device is being removed", doing), driver_log};
    default: return {ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(number)), driver_log};
  }
}

Error join_error(int number, const Uuid& peers) {
  const std::string doing = fmt::format("cannot join peer-to-peer set {}", peers.str());
  switch (number) {
    case EBUSY:
      return {ExitCode::in_use, fmt::format("{}: the device or a member of the set is in use", doing),
              std::vector<std::string>{"stop the virtual machine that uses it", no_sharing}};
    case EXDEV:
      return {
          ExitCode::failed,
          fmt::format("{}: it contains devices of another driver, and only devices of one driver can share "
                      "resources",
                      doing),
          no_sharing};
    case ENOSPC:
      return {ExitCode::no_capacity, fmt::format("{}: no available peer-to-peer resources", doing),
              no_sharing};
    case EINVAL:
      return {ExitCode::failed, fmt::format("{}: the driver rejected the value (Invalid argument)", doing),
              driver_log};
    case ENODEV: return {ExitCode::failed, fmt::format("{}: the device is being removed", doing), driver_log};
    default: return {ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(number)), driver_log};
  }
}

Error aggregate_error(int number, std::uint64_t units) {
  const std::string doing = fmt::format("cannot aggregate {} instances", units);
  switch (number) {
    case EINVAL:
      return {ExitCode::failed, fmt::format("{}: not enough available instances, or device in use", doing),
              "list available instances: mdevadm types"};
    case ENOSPC:
      return {ExitCode::no_capacity, fmt::format("{}: not enough available instances", doing),
              "list available instances: mdevadm types"};
    case E2BIG: return {ExitCode::failed, fmt::format("{}: the number is too large", doing)};
    default: return {ExitCode::failed, fmt::format("{}: {}", doing, sys::errno_text(number)), driver_log};
  }
}

std::string setting_of(const Attribute& attribute) {
  return fmt::format("cannot set attribute '{}' to '{}'", attribute.name.str(), printable(attribute.value));
}

Error attribute_error(int number, const Attribute& attribute, const char* bus) {
  const std::string doing = setting_of(attribute);
  const auto error = [&](const std::string& why, std::string hint = {}) {
    return Error(ExitCode::failed, fmt::format("{}: {}", doing, why), std::move(hint));
  };
  const bool is_queue =
      attribute.name.str().find("assign_") != std::string::npos || attribute.name.str() == "ap_config";
  if (is_queue && number == EINVAL) {
    return error("the kernel does not accept the value (Invalid argument)");  // and logs nothing
  }
  switch (number) {
    case ENOENT: return {ExitCode::not_found, fmt::format("{}: no such attribute", doing)};
    case EACCES: return error("the attribute is not writable (Permission denied)");
    case EXDEV: return error("the attribute is not below the device's sysfs directory");
    case EADDRNOTAVAIL:
      return {ExitCode::failed, fmt::format("{}: the queue is reserved for the host", doing),
              advice_to_release(assigned_by({attribute}))};
    case EADDRINUSE: return error("a queue is assigned to another device");
    case EBUSY:
      return is_queue
                 ? error("the device is in use, and only Linux 6.0 and later change its queues then", stop_vm)
                 : error("the device is busy", driver_log);
    case EPERM: return error("not permitted while the device is open", stop_vm);
    case ENXIO: return error("the device is not ready (No such device or address)");
    case E2BIG: return error("the value is too long");
    case ENODEV:
      return is_queue ? error("the host has no adapter or domain with this number",
                              "show the highest numbers: grep . /sys/bus/ap/ap_max_*_id")
                      : error("the device is being removed");
    case ERANGE: return error("the number is too large");
    case EIO:
      if (attribute.name.str().ends_with("gpu_instance_id")) {
        return {
            ExitCode::failed,
            fmt::format("{}: the driver rejects the GPU instance: none has this ID, it is not of the size "
                        "that the type requires, or it has no room",
                        doing),
            std::vector<std::string>{
                "list the GPU instances: nvidia-smi mig -lgi",
                fmt::format("show those in use: grep . /sys/bus/{}/devices/*/nvidia/gpu_instance_id", bus),
                driver_log}};
      }
      if (attribute.name.str().ends_with("placement_id")) {
        return {ExitCode::failed,
                fmt::format("{}: the driver rejects the placement: it is in use, or the type cannot have it",
                            doing),
                std::vector<std::string>{
                    fmt::format(
                        "show the placements in use: grep . /sys/bus/{}/devices/*/nvidia/placement_id", bus),
                    driver_log}};
      }
      [[fallthrough]];
    default: return error(fmt::format("rejected by the driver: {}", sys::errno_text(number)), driver_log);
  }
}

// The errnos of drivers/pci/iov.c (sriov_numvfs_store, sriov_enable).
Error functions_error(int number, const ParentState& parent, std::uint64_t number_of_functions) {
  const std::string driver = parent.self.driver.value_or("");
  const std::string& name = parent.name.str();
  switch (number) {
    case ENOENT:
      if (driver.empty()) {
        return {ExitCode::failed,
                "no driver is bound to the device, so its virtual functions cannot be changed",
                fmt::format("bind its driver: echo {} > /sys/bus/pci/drivers_probe", name)};
      }
      return {
          ExitCode::failed,
          fmt::format("the driver {} does not support enabling virtual functions by sriov_numvfs", driver),
          driver_log};
    case ERANGE:
      return {ExitCode::conflict,
              fmt::format("{} virtual functions are more than the device supports ({})", number_of_functions,
                          parent.total.value_or(0)),
              fmt::format("enable all: mdevadm parent set {} --vfs all", name)};
    case EBUSY:
      return {ExitCode::in_use,
              "another number of virtual functions is enabled, or the driver reports that they are in use "
              "(Device or resource busy)",
              driver_log};
    case EINVAL:
      return {ExitCode::failed,
              fmt::format("the driver rejected {} virtual functions (Invalid argument)", number_of_functions),
              driver_log};
    case ENOMEM:
    case ENOSPC:
      return {ExitCode::failed,
              fmt::format("not enough PCI resources for {} virtual functions ({})", number_of_functions,
                          sys::errno_text(number)),
              "enable SR-IOV, ARI and \"above 4G decoding\" in the firmware of the host, or boot with "
              "pci=realloc"};
    default: return {ExitCode::failed, sys::errno_text(number), driver_log};
  }
}

}  // namespace mdevadm
