#include <mdevadm/plan/functions.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/identity.hpp>
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

}  // namespace

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

Error function_in_use(const Device& user, const Definitions* defined, const Definition& wanted,
                      const std::string& doing) {
  const Definition* definition = defined != nullptr ? defined->find(user.uuid, user.parent) : nullptr;
  const std::string word = identity_of(user, definition, {}).word();
  std::vector<std::string> hints;
  if (user.unmanaged) {
    hints.push_back(fmt::format("show the device: mdevadm show {}", shell_word(word)));
  } else {
    hints.push_back(fmt::format("stop that device: mdevadm stop {}", shell_word(word)));
  }
  const bool is_defined = defined != nullptr && defined->find(wanted.uuid, wanted.parent) != nullptr;
  if (is_defined && wanted.reserved_vf() != nullptr) {
    hints.push_back(advice_to_release_function(wanted));
  }
  return {ExitCode::conflict,
          fmt::format("{}: virtual function {} is used by {}device '{}' (type {})", doing, user.vf.str(),
                      user.unmanaged ? "the unmanaged " : "", printable(word),
                      user.type ? user.type->str() : "unknown"),
          hints};
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
    if (!function.type) {
      return FunctionName::parse(function.address);
    }
    second_best = second_best == nullptr ? &function : second_best;
  }
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
    throw function_in_use(*device, &defined, wanted, doing);
  }
}

}  // namespace mdevadm
