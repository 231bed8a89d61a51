#include <mdevadm/plan/queues.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::size_t shown_queues = 4;

std::string queues_phrase(const std::vector<Apqn>& queues) {
  return fmt::format("{} {}", queues.size() == 1 ? "queue" : "queues", format_queues(queues, shown_queues));
}

std::string name_of(const Definition& definition) {
  return definition.name ? definition.name->str() : definition.uuid.str();
}

// Returns the name in the definition of an active device, or its UUID.
std::string name_of(const Device& device, const Definitions* defined) {
  const Definition* definition = defined != nullptr ? defined->find(device.uuid, device.parent) : nullptr;
  return definition != nullptr ? name_of(*definition) : device.uuid.str();
}

// Returns the numbers of a set above the highest one of the machine.
ApSet beyond(const ApSet& set, const std::optional<unsigned>& most) {
  ApSet result = set;
  for (unsigned number = 0; most && number <= *most && number < ap_numbers; ++number) {
    result.reset(number);
  }
  return most ? result : ApSet{};
}

void require_numbers(const ApHost& host, const ApMatrix& wanted, const std::string& doing) {
  for (const ApKind kind : ap_kinds) {
    const auto& most = kind == ApKind::adapter ? host.max_adapter : host.max_domain;
    const ApSet missing = beyond(wanted.of(kind), most);
    if (missing.any()) {
      throw Error(ExitCode::failed, fmt::format("{}: the machine has no {} {} (the highest is {:#x})", doing,
                                                ap_word(kind), format_ap_list(missing, kind), *most));
    }
  }
}

// Returns the warning about numbers of which the host has no queues now; empty if there are none. `existing`:
// all numbers of the host, if they are known.
std::string absence(const ApSet& wanted, const std::optional<ApSet>& existing, ApKind kind) {
  const ApSet missing = existing ? wanted & ~*existing : ApSet{};
  return missing.none()
             ? std::string{}
             : fmt::format(
                   "{} {} not on this host; the guest gets the queues when they appear (Linux 6.0 and "
                   "later; before, the device cannot be started)",
                   fmt::format("{}{}", ap_word(kind), missing.count() == 1 ? "" : "s"),
                   format_ap_list(missing, kind) + (missing.count() == 1 ? " is" : " are"));
}

void require_unused(const Device& device, const Definitions* defined, const ApMatrix& wanted,
                    const std::string& doing) {
  const std::vector<Apqn> common =
      device.queues ? common_queues(*device.queues, wanted) : std::vector<Apqn>{};
  if (!common.empty()) {
    const std::string owner = printable(name_of(device, defined));
    throw Error(ExitCode::conflict,
                fmt::format("{}: {} assigned to the active device '{}'", doing,
                            queues_phrase(common) + (common.size() == 1 ? " is" : " are"), owner),
                fmt::format("stop that device: mdevadm stop {}", owner))
        .caused_by(EADDRINUSE);
  }
}

}  // namespace

std::vector<std::string> require_free_queues(const Snapshot& seen, const Definitions* defined,
                                             const std::vector<Definition>& planned, const Definition& wanted,
                                             const std::string& doing) {
  const ApMatrix matrix = assigned_by(wanted.attributes);
  if (!has_queues(wanted.type.str()) || !seen.ap || matrix.empty()) {
    return {};
  }
  require_numbers(*seen.ap, matrix, doing);
  const std::vector<Apqn> reserved = seen.ap->reserved_queues(matrix);
  if (!reserved.empty()) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: {} reserved for the host (apmask, aqmask)", doing,
                            queues_phrase(reserved) + (reserved.size() == 1 ? " is" : " are")),
                advice_to_release(*seen.ap, reserved))
        .caused_by(EADDRNOTAVAIL);
  }
  for (const Device& device : seen.devices) {
    if (device.uuid != wanted.uuid) {
      require_unused(device, defined, matrix, doing);
    }
  }
  for (const Definition& other : planned) {
    const std::vector<Apqn> common = common_queues(assigned_by(other.attributes), matrix);
    if (other.uuid != wanted.uuid && !common.empty()) {
      throw Error(ExitCode::conflict,
                  fmt::format("{}: {} also defined for '{}', which is started before it", doing,
                              queues_phrase(common) + (common.size() == 1 ? " is" : " are"),
                              printable(name_of(other))));
    }
  }
  std::vector<std::string> warnings{absence(matrix.adapters, seen.ap->adapters, ApKind::adapter),
                                    absence(matrix.domains, seen.ap->domains, ApKind::domain)};
  std::erase(warnings, std::string{});
  return warnings;
}

std::vector<std::string> check_defined_queues(const Snapshot& seen, const Definitions& defined,
                                              const Definition& wanted, const std::string& doing) {
  std::vector<std::string> warnings;
  const ApMatrix matrix = assigned_by(wanted.attributes);
  if (!has_queues(wanted.type.str()) || matrix.empty()) {
    return warnings;
  }
  for (const Definition& other : defined.all) {
    if (other.uuid == wanted.uuid || !has_queues(other.type.str())) {
      continue;
    }
    const std::vector<Apqn> common = common_queues(assigned_by(other.attributes), matrix);
    if (common.empty()) {
      continue;
    }
    const std::string owner = printable(name_of(other));
    if (wanted.start == StartMode::automatic && other.start == StartMode::automatic) {
      throw Error(
          ExitCode::conflict,
          fmt::format("{}: {} also defined for '{}', and both devices have autostart", doing,
                      queues_phrase(common) + (common.size() == 1 ? " is" : " are"), owner),
          std::vector{fmt::format("disable autostart of that device: mdevadm modify {} --manual", owner),
                      fmt::format("or remove its definition: mdevadm undefine {}", owner)});
    }
    warnings.push_back(fmt::format("{} also defined for '{}'; the devices cannot be active at the same time",
                                   queues_phrase(common) + (common.size() == 1 ? " is" : " are"), owner));
  }
  const std::vector<Apqn> reserved = seen.ap ? seen.ap->reserved_queues(matrix) : std::vector<Apqn>{};
  if (!reserved.empty()) {
    warnings.push_back(fmt::format("{} reserved for the host (apmask, aqmask); before the start, {}",
                                   queues_phrase(reserved) + (reserved.size() == 1 ? " is" : " are"),
                                   advice_to_release(*seen.ap, reserved).front()));
  }
  return warnings;
}

}  // namespace mdevadm
