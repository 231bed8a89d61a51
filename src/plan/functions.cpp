#include <mdevadm/plan/functions.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

const Function* function_of(const Parent& parent, const std::string& address) {
  const auto found = std::find_if(parent.functions.begin(), parent.functions.end(),
                                  [&](const Function& one) { return one.address == address; });
  return found == parent.functions.end() ? nullptr : &*found;
}

std::string what_is_bound(const Function& function) {
  return function.driver == nvidia_driver ? std::string("it offers no types")
         : function.driver                ? "it is bound to " + *function.driver
                                          : std::string("it is bound to no driver");
}

// Returns what to do about a VF that has refused a type. `owner`: the definition that reserves it, or
// nullptr.
std::vector<std::string> advice_on_refusal(const Parent& parent, const Definitions& defined,
                                           const std::string& vf, const Definition* owner) {
  const std::string& gpu = parent.name.str();
  const std::string reserve = fmt::format("mdevadm parent set {} --reserve {}", gpu, vf);
  const auto other =
      std::find_if(parent.functions.begin(), parent.functions.end(), [&](const Function& function) {
        return function.usable && !function.type && function.refused.empty() && function.address != vf &&
               !defined.withholds(parent.name, function.address) &&
               reserved_for(defined, parent.name, function.address, Uuid{}) == nullptr;
      });
  std::vector<std::string> hints;
  if (owner == nullptr) {
    hints.push_back("exclude the virtual function until it takes types again: " + reserve);
  } else if (other != parent.functions.end()) {
    hints.push_back(
        fmt::format("change the virtual function in the virtual machine and in the definition, and exclude "
                    "the old one: mdevadm modify {} --vf {} && {}",
                    shell_word(identity_of(*owner).word()), other->address, reserve));
  }
  const bool is_used = std::any_of(parent.functions.begin(), parent.functions.end(),
                                   [](const Function& one) { return one.type.has_value(); });
  hints.push_back(
      is_used
          ? fmt::format(
                "list the vGPUs of the GPU, which must be stopped before its virtual functions are "
                "disabled and enabled, after which those that were unbound from the driver take types "
                "again: mdevadm list --parent {}",
                gpu)
          : fmt::format("enable the virtual functions again, after which those that were unbound from the "
                        "driver take types again: /usr/lib/nvidia/sriov-manage -d {0} && "
                        "/usr/lib/nvidia/sriov-manage -e {0}",
                        gpu));
  return hints;
}

}  // namespace

std::vector<Finding> refusals_of(const Parent& parent, const Definitions& defined) {
  std::vector<Finding> found;
  for (const Function& function : parent.functions) {
    if (!function.refused.empty() && !defined.withholds(parent.name, function.address)) {
      const Definition* owner = reserved_for(defined, parent.name, function.address, Uuid{});
      found.push_back({fmt::format("virtual function {} has refused {}, although the GPU had room for it",
                                   function.address, function.refused),
                       advice_on_refusal(parent, defined, function.address, owner), "vf-refuses",
                       severity_if(owner != nullptr && owner->start == StartMode::automatic)});
    }
  }
  return found;
}

std::string advice_to_release_function(const Definition& definition) {
  const std::string word = identity_of(definition).word();
  return definition.origin == Origin::mdevctl
             ? fmt::format(
                   "import the definition of mdevctl, to be able to change its virtual function: "
                   "mdevadm import mdevctl {}",
                   shell_word(word))
             : fmt::format("let '{}' use any virtual function: mdevadm modify {} --vf any", printable(word),
                           shell_word(word));
}

std::string doubt_of_function(const Snapshot& seen, const Definition& wanted) {
  const Parent* parent = seen.find_parent(wanted.parent.str());
  const FunctionName* vf = wanted.reserved_vf();
  const Function* function = parent != nullptr && vf != nullptr ? function_of(*parent, vf->str()) : nullptr;
  // The functions of a parent that has none are not enabled yet.
  if (parent != nullptr && vf != nullptr && function == nullptr && !parent->functions.empty()) {
    return fmt::format(
        "{} has no virtual function {} now{}, so the device cannot be started", parent->name.str(), vf->str(),
        has_few_functions(*parent)
            ? fmt::format(" ({} of {} are enabled)", parent->functions.size(), parent->supported_functions)
            : std::string{});
  }
  return function == nullptr || function->usable
             ? std::string{}
             : fmt::format(
                   "virtual function {} has no usable vGPU interface ({}), so the device cannot be "
                   "started",
                   vf->str(), what_is_bound(*function));
}

const Definition* reserved_for(const Definitions& defined, const ParentName& parent, const std::string& vf,
                               const Uuid& except) {
  const auto owner = std::find_if(defined.all.begin(), defined.all.end(), [&](const Definition& definition) {
    const FunctionName* reserved = definition.reserved_vf();
    return reserved != nullptr && reserved->str() == vf && definition.parent == parent &&
           definition.uuid != except;
  });
  return owner == defined.all.end() ? nullptr : &*owner;
}

const Device* device_on(const Snapshot& seen, const std::string& vf) {
  const auto found = std::find_if(seen.devices.begin(), seen.devices.end(),
                                  [&](const Device& device) { return device.vf == vf; });
  return found == seen.devices.end() ? nullptr : &*found;
}

std::string advice_to_clear(const Device& unmanaged) {
  return fmt::format(
      "if no virtual machine and no other program needs it, clear it: echo 0 > "
      "/sys/bus/pci/devices/{}/nvidia/current_vgpu_type",
      unmanaged.vf.str());
}

std::string advice_to_adopt(const Device& unmanaged, const Definition& as) {
  return fmt::format("if it is to be the device of '{}', adopt it: mdevadm define {}",
                     printable(identity_of(as).word()), unmanaged.vf.str());
}

Error function_in_use(const Snapshot& seen, const Device& user, const Definitions* defined,
                      const Definition& wanted, const std::string& doing) {
  const Definition* definition = defined != nullptr ? defined->find(user.uuid, user.parent) : nullptr;
  const std::string word = identity_of(user, definition, {}).word();
  const bool is_defined = defined != nullptr && defined->find(wanted.uuid, wanted.parent) != nullptr;
  std::vector<std::string> hints;
  if (user.unmanaged) {
    const bool is_same =
        user.type && means_type(seen.find_parent(wanted.parent.str()), wanted.type, *user.type);
    if (is_same && is_defined) {
      hints.push_back(advice_to_adopt(user, wanted));
    }
    hints.push_back(fmt::format("show the device: mdevadm show {}", shell_word(word)));
    if (!user.name.empty()) {
      hints.push_back(advice_to_clear(user));
    }
  } else {
    hints.push_back(fmt::format("stop that device: mdevadm stop {}", shell_word(word)));
  }
  if (is_defined && wanted.reserved_vf() != nullptr) {
    hints.push_back(advice_to_release_function(wanted));
  }
  return {ExitCode::conflict,
          fmt::format("{}: virtual function {} is used by {}device '{}' (type {}{})", doing, user.vf.str(),
                      user.unmanaged ? "the unmanaged " : "", printable(word),
                      user.type ? user.type->str() : "unknown", user.unmanaged ? ", not set by mdevadm" : ""),
          hints};
}

Error taken_function(const Error& error, const CreateDevice& action) {
  const bool is_reserved = action.defined && action.defined->reserved_vf() != nullptr;
  const Creation& what = action.what;
  std::vector<std::string> hints{"show what uses it: mdevadm show " + what.vf};
  if (is_reserved) {
    hints.push_back(advice_to_release_function(*action.defined));
  }
  return Error(error.code(), error.what(), hints).caused_by(error.number());
}

std::optional<Error> refused_function(const Snapshot& now, const Definitions& defined,
                                      const CreateDevice& action, const Error& error) {
  const Creation& what = action.what;
  const Parent* parent = now.find_parent(what.parent.str());
  const Type* type = parent != nullptr ? resolve_type(*parent, what.type.str()) : nullptr;
  if (type == nullptr || type->hidden || type->available.value_or(0) == 0) {
    return std::nullopt;
  }
  const bool is_reserved = action.defined && action.defined->reserved_vf() != nullptr;
  const Error refused(
      error.code(),
      fmt::format("virtual function {} refuses type {} ({}), although {} can create a vGPU of this type now",
                  what.vf, what.type.str(),
                  error.number() == EPERM ? "Operation not permitted" : "Input/output error",
                  parent->name.str()),
      advice_on_refusal(*parent, defined, what.vf, is_reserved ? &*action.defined : nullptr));
  return refused.with_hint("see the kernel log for the driver's reason: dmesg")
      .worth(Retry::later)
      .caused_by(error.number());
}

Error unusable_function(const Function& function, const Parent& parent, const std::string& doing) {
  if (parent.without_iommu) {
    return {ExitCode::not_found, fmt::format("{}: {}", doing, without_iommu(parent.name.str()).what),
            advice_for_functions(parent)};
  }
  if (function.driver == nvidia_driver) {
    return Error(
               ExitCode::not_found,
               fmt::format("{}: virtual function {} offers no types: nvidia bound it before nvidia-vgpud had "
                           "run, or is not NVIDIA's vGPU host driver",
                           doing, function.address),
               advice_for_functions(parent))
        .worth(Retry::later);
  }
  const std::string driver =
      function.driver ? "bound to " + *function.driver : std::string("bound to no driver");
  return Error(ExitCode::not_found,
               fmt::format("{}: virtual function {} has no usable vGPU interface: {} (expected NVIDIA's vGPU "
                           "host driver, nvidia)",
                           doing, function.address, driver),
               fmt::format("show the virtual functions of the GPU: mdevadm show {}", parent.name.str()))
      .worth(Retry::later);
}

std::optional<FunctionName> function_for(const Snapshot& seen, const Definitions& defined,
                                         const Definition& wanted, const std::string& doing) {
  const Parent* parent = seen.find_parent(wanted.parent.str());
  // Without a usable VF, as long as the driver has not bound them, the first start chooses.
  if (parent == nullptr || wanted.function ||
      std::none_of(parent->functions.begin(), parent->functions.end(),
                   [](const Function& function) { return function.usable; })) {
    return std::nullopt;
  }
  require_known_reservations(defined, wanted, doing);
  const Function* second_best = nullptr;
  const Function* doubtful = nullptr;
  for (const Function& function : parent->functions) {
    const Device* user = device_on(seen, function.address);
    if (user != nullptr && user->uuid == wanted.uuid) {
      return FunctionName::parse(function.address);
    }
    if (!function.usable || (user != nullptr && user->unmanaged) ||
        defined.withholds(wanted.parent, function.address) ||
        reserved_for(defined, wanted.parent, function.address, wanted.uuid) != nullptr) {
      continue;
    }
    if (!function.type && function.refused.empty()) {
      return FunctionName::parse(function.address);
    }
    if (!function.refused.empty()) {
      doubtful = doubtful == nullptr ? &function : doubtful;
      continue;
    }
    second_best = second_best == nullptr ? &function : second_best;
  }
  second_best = second_best == nullptr ? doubtful : second_best;
  if (second_best == nullptr) {
    throw Error(ExitCode::no_capacity,
                fmt::format("{}: all {} virtual functions of {} are reserved by definitions or by the "
                            "parent's settings, or used by unmanaged devices",
                            doing, parent->functions.size(), parent->name.str()),
                std::vector<std::string>{
                    fmt::format("list the reservations: mdevadm list --defined -p {} -o name,uuid,vf",
                                parent->name.str()),
                    "reserve no virtual function, so that each start chooses a free one: --vf any"});
  }
  return FunctionName::parse(second_best->address);
}

void require_known_reservations(const Definitions& defined, const Definition& wanted,
                                const std::string& doing) {
  const FileProblem* problem =
      wanted.reserved_vf() == nullptr ? defined.unknown_reservations(wanted.parent) : nullptr;
  if (problem != nullptr) {
    throw Error(
        ExitCode::failed,
        fmt::format("{}: cannot choose a virtual function, because the settings of {}, which can reserve "
                    "some, are not used: {}",
                    doing, wanted.parent.str(), problem->str()),
        std::vector<std::string>{problem->remedy.empty()
                                     ? "correct the file, or remove it: rm " + shell_word(problem->path)
                                     : "use the settings: " + problem->remedy,
                                 "choose the virtual function: --vf ADDRESS"});
  }
}

void require_assignable(const Definitions& defined, const Definition& wanted, const std::string& doing) {
  const FunctionName* vf = wanted.reserved_vf();
  if (vf != nullptr && defined.withholds(wanted.parent, vf->str())) {
    const std::string& parent = wanted.parent.str();
    throw Error(
        ExitCode::conflict,
        fmt::format("{}: virtual function {} is reserved by the settings of {}", doing, vf->str(), parent),
        fmt::format("remove the reservation: mdevadm parent set {} --unreserve {}", parent, vf->str()));
  }
}

void require_free_function(const Snapshot& seen, const Definitions& defined, const Definition& wanted,
                           const std::string& doing) {
  const FunctionName* vf = wanted.reserved_vf();
  if (vf == nullptr) {
    return;
  }
  require_assignable(defined, wanted, doing);
  if (const Definition* owner = reserved_for(defined, wanted.parent, vf->str(), wanted.uuid)) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: virtual function {} is reserved for {}", doing, vf->str(),
                            identity_of(*owner).quoted()),
                std::vector<std::string>{
                    advice_to_release_function(*owner),
                    fmt::format("list the virtual functions: mdevadm show {}", wanted.parent.str())});
  }
  const Device* device = device_on(seen, vf->str());
  if (device != nullptr && device->uuid != wanted.uuid && device->unmanaged) {
    throw function_in_use(seen, *device, &defined, wanted, doing);
  }
}

}  // namespace mdevadm
