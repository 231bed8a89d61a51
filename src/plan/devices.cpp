#include <mdevadm/plan/devices.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/plan/abi.hpp>
#include <mdevadm/plan/claims.hpp>
#include <mdevadm/plan/defined_types.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

const Parent& require_parent(const Snapshot& seen, const ParentName& name, const std::string& doing) {
  const Parent* parent = seen.find_parent(name.str());
  if (parent == nullptr) {
    throw unknown_parent(seen, name.str(), doing).worth(Retry::later);
  }
  return *parent;
}

// Returns the other devices of the same virtual machine, which go offline with one write. The kernel names
// them UUID-NUMBER.
std::vector<const Device*> companions(const Snapshot& seen, const Device& device) {
  std::vector<const Device*> result;
  const std::string name = device.kernel_name();
  const std::string owner = name.substr(0, name.rfind('-') + 1);
  for (const Device& other : seen.devices) {
    if (other.uuid != device.uuid && other.kernel_name().starts_with(owner)) {
      result.push_back(&other);
    }
  }
  return result;
}

// Throws Error{conflict} unless all devices that go offline with one write are stopped together.
void require_companions(const Snapshot& seen, const Device& device, const std::vector<Uuid>& together,
                        const std::string& doing) {
  const std::vector<const Device*> others = companions(seen, device);
  for (const Device* other : others) {
    if (std::find(together.begin(), together.end(), other->uuid) == together.end()) {
      std::string command = "mdevadm stop " + device.uuid.str();
      for (const Device* one : others) {
        command += " " + one->uuid.str();
      }
      throw Error(
          ExitCode::conflict,
          fmt::format(
              "{}: devices of one virtual machine must be stopped together, but '{}' is not being stopped",
              doing, other->uuid.str()),
          "stop them together: " + command);
    }
  }
}

// Returns true if the device is the last in `together` of those that go offline with one write. Stops run in
// reverse order, so its job contains that write.
bool goes_first(const Snapshot& seen, const Device& device, const std::vector<Uuid>& together) {
  const auto place = [&](const Device& one) { return std::find(together.begin(), together.end(), one.uuid); };
  const std::vector<const Device*> others = companions(seen, device);
  return std::all_of(others.begin(), others.end(),
                     [&](const Device* other) { return place(*other) < place(device); });
}

bool has_devices(const Snapshot& seen, const Parent& parent) {
  return std::any_of(seen.devices.begin(), seen.devices.end(),
                     [&](const Device& device) { return device.parent == parent.name; });
}

bool has_function(const Parent& parent, const FunctionName& address) {
  return std::any_of(parent.functions.begin(), parent.functions.end(),
                     [&](const Function& function) { return function.address == address.str(); });
}

Job job_of(const StopRequest& request, const std::string& lane) {
  Job job{"stop " + request.about.quoted(), request.about, lane};
  if (request.part_of == StopRequest::Part::restart) {
    job.part_of = "restart " + request.about.quoted();
  } else if (request.part_of == StopRequest::Part::apply) {
    job.part_of = "apply " + request.about.quoted();
  }
  return job;
}

// Returns the hint for a removal that the driver refuses.
std::string advice_to_wait(const StopRequest& request) {
  const bool restarts = request.part_of == StopRequest::Part::restart;
  return "wait for the driver: " +
         (request.waiting_command.empty()
              ? fmt::format("mdevadm {} {} --timeout 30", restarts ? "restart" : "stop",
                            shell_word(request.about.word()))
              : request.waiting_command);
}

// Returns the hint for a device that is reserved; empty if the command has no such option.
std::string advice_to_force(const StopRequest& request) {
  return request.part_of == StopRequest::Part::stop
             ? fmt::format("stop the device and end the claim: mdevadm stop {} --force",
                           shell_word(request.about.word()))
             : "";
}

bool offers_nothing(const Parent& parent) {
  return std::none_of(parent.types.begin(), parent.types.end(),
                      [](const Type& type) { return type.available != 0U; });
}

// Returns the error for a type with fewer than `units` available instances, without the operation. `hints`
// follow those of the cause.
Error lack_of_instances(const Snapshot& seen, const Parent& parent, const Type& type, std::uint64_t units,
                        std::vector<std::string> hints) {
  const std::string what = units == 1 ? fmt::format("no available instances of {}", type.id.str())
                                      : fmt::format("requires {} instances of {}, {} available", units,
                                                    type.id.str(), type.available.value_or(0));
  std::optional<Finding> cause = why_unavailable(seen, parent, type);
  if (!has_devices(seen, parent) && !parent.notice.empty()) {
    if (!cause && offers_nothing(parent)) {
      cause = Finding{parent.notice};
    } else {
      hints.insert(hints.begin(), notice_of(parent));
    }
  }
  if (cause) {
    hints.insert(hints.begin(), cause->advice.begin(), cause->advice.end());
  }
  const Error error(
      ExitCode::no_capacity,
      fmt::format("{} on {}{}", what, parent.name.str(), cause ? ": " + cause->what : std::string{}), hints);
  return may_become_available(seen, parent, type) ? error.worth(Retry::later) : error;
}

// Stages of a stop.
constexpr unsigned going_offline = 0;
constexpr unsigned removing = 1;

}  // namespace

bool is_lost(const Snapshot& seen, const Uuid& uuid) {
  return std::find(seen.lost.begin(), seen.lost.end(), uuid) != seen.lost.end();
}

Error unknown_parent(const Snapshot& seen, const std::string& name, const std::string& doing) {
  if (const auto finding = why_missing(seen, name)) {
    return {ExitCode::not_found, fmt::format("{}: {}", doing, finding->what), finding->advice};
  }
  const std::string why = fmt::format("{}: parent '{}' not found or not mdev-capable", doing, name);
  if (!seen.mdev_support) {
    return {ExitCode::not_found, why,
            "the kernel's mdev core is not loaded; load the driver of the parent first"};
  }
  std::string hint = did_you_mean(name, seen.parent_names());
  return {ExitCode::not_found, why, hint.empty() ? "list parents: mdevadm types" : hint};
}

Type require_type(const Snapshot& seen, const ParentName& parent_name, const TypeName& type_name,
                  const std::string& doing) {
  const Parent& parent = require_parent(seen, parent_name, doing);
  const Type* type = resolve_type(parent, type_name.str());
  if (type != nullptr && (type->hidden || parent.find_type(type->id.str()) != nullptr)) {
    return *type;
  }
  if (parent.capabilities.any_type) {
    return {.id = type_name};
  }
  const Error error = not_offered(seen, parent, type_name, doing);
  if (error.code() == ExitCode::no_capacity) {
    throw error;
  }
  // NVIDIA's daemon registers all types at once: if an mdev parent has other types, this one is unlikely to
  // appear later. A list of creatable types gets further ones when GPU instances (MIG) are created.
  const bool may_come = parent.types.empty() || parent.capabilities.types_vanish;
  throw error.worth(may_come ? Retry::later : Retry::perhaps);
}

Type require_type(const Snapshot& seen, const Definition& wanted, const std::string& doing) {
  const Parent* parent = seen.find_parent(wanted.parent.str());
  if (const auto finding = parent == nullptr ? misnamed_parent(seen, wanted) : std::nullopt) {
    throw Error(ExitCode::not_found, fmt::format("{}: {}", doing, finding->what), finding->advice);
  }
  const std::string* recorded = wanted.abi ? find_pin(*wanted.abi, "name") : nullptr;
  // A number does not show that it is the type of a GPU instance; the recorded name does.
  if (parent != nullptr && recorded != nullptr && resolve_type(*parent, wanted.type.str()) == nullptr) {
    if (auto excluded = excluded_by_mig(seen, *parent, *recorded)) {
      throw Error(ExitCode::no_capacity,
                  fmt::format("{}: {} has no type '{}' ({}) now: {}", doing, wanted.parent.str(),
                              printable(wanted.type.str()), printable(*recorded), excluded->what),
                  excluded->advice);
    }
  }
  try {
    return require_type(seen, wanted.parent, wanted.type, doing);
  } catch (const Error& error) {
    const std::string model = parent != nullptr ? other_model(*parent, wanted) : std::string{};
    if (model.empty() || error.code() != ExitCode::not_found) {
      throw;
    }
    const std::string advice = advice_for_model(*parent, wanted);
    const Error named = error.reworded(fmt::format("{}: {}", error.what(), model));
    throw advice.empty() ? named : named.with_hint(advice);
  }
}

bool can_force_removal(const Device& device) {
  return device.vf.empty() || device.kernel_name() != device.vf.str();
}

std::string advice_for_use(StopRequest::Part part_of, bool has_waited, bool can_force) {
  const std::string wait = has_waited ? "wait longer with --timeout SECONDS" : "wait with --timeout SECONDS";
  return part_of == StopRequest::Part::stop && can_force
             ? fmt::format("stop the process using it, {}, or use --force", wait)
             : fmt::format("stop the process using it, or {}", wait);
}

std::string describe_removal(const Device& device) {
  return device.holders.empty()
             ? "its removal is pending; no process that uses the device was found"
             : fmt::format("its removal is pending until {} closes the device", describe(device.holders));
}

std::vector<std::string> hints_without_capacity(const Snapshot& seen, const ParentName& parent) {
  std::vector<std::string> hints;
  for (const Device& device : seen.removing) {
    if (device.parent == parent) {
      hints.push_back(fmt::format("'{0}' is still being removed; wait for it: mdevadm stop {0} --timeout 60",
                                  device.uuid.str()));
    }
  }
  if (hints.empty()) {
    hints.push_back(fmt::format("list available instances: mdevadm types {}", parent.str()));
    std::vector<const Device*> devices;
    for (const Device& device : seen.devices) {
      if (device.parent == parent) {
        devices.push_back(&device);
      }
    }
    // Devices without a UUID in the kernel have one in the files of mdevadm, which may not have been read.
    // On a GPU with virtual functions, another vGPU need not be what excludes the type.
    const Parent* found = seen.find_parent(parent.str());
    const bool is_known = devices.size() == 1 &&
                          devices.front()->kernel_name() == devices.front()->uuid.str() && found != nullptr &&
                          !found->capabilities.functions && !devices.front()->busy &&
                          seen.claims.find(devices.front()->uuid) == nullptr;
    if (is_known) {
      hints.push_back(
          fmt::format("stop the active device of the parent: mdevadm stop {}", devices.front()->uuid.str()));
    } else if (!devices.empty()) {
      hints.push_back(fmt::format("list the devices of the parent: mdevadm list -p {}", parent.str()));
    }
  }
  return hints;
}

Error capacity_error(const Snapshot& seen, const Parent& parent, const Type& type, std::uint64_t units,
                     const std::string& doing) {
  const Error lack = lack_of_instances(seen, parent, type, units, hints_without_capacity(seen, parent.name));
  return lack.reworded(fmt::format("{}: {}", doing, lack.what()));
}

std::optional<Error> why_refused(const Snapshot& now, const Creation& what) {
  const Parent* parent = now.find_parent(what.parent.str());
  if (parent == nullptr) {
    return std::nullopt;
  }
  const Type* known = resolve_type(*parent, what.type.str());
  Type type = known != nullptr ? *known : Type{.id = what.type, .available = 0};
  if (!type.name && !what.type_name.empty()) {
    type.name = what.type_name;
  }
  // Devices of the same command, which can be removed again if it fails, are not named in hints.
  const std::string list = fmt::format("list available instances: mdevadm types {}", parent->name.str());
  return why_unavailable(now, *parent, type)
             ? std::optional(lack_of_instances(now, *parent, type, what.units, {list}))
             : std::nullopt;
}

void require_capabilities(const Parent& parent, const Type& type, const Definition& wanted,
                          const std::string& doing, const std::string& without_vf) {
  if (wanted.create_args && parent.capabilities.create_arguments == Support::no) {
    throw Error(ExitCode::failed,
                fmt::format("{}: create arguments are not supported by {}", doing, parent.name.str()));
  }
  const std::uint64_t units = wanted.aggregate.value_or(1);
  if (units > 1 && units > type.most_units.value_or(1)) {
    throw Error(
        ExitCode::failed,
        type.most_units
            ? fmt::format("{}: {} aggregated instances requested, but type {} on {} supports at most {}",
                          doing, units, type.id.str(), parent.name.str(), *type.most_units)
            : fmt::format(
                  "{}: {} aggregated instances requested, but type {} on {} does not support aggregation",
                  doing, units, type.id.str(), parent.name.str()));
  }
  if (wanted.function && !parent.capabilities.functions) {
    throw Error(
        ExitCode::failed,
        fmt::format("{}: it sets the virtual function '{}', but {} is not a GPU with virtual functions",
                    doing, wanted.function->str(), parent.name.str()),
        without_vf);
  }
  const FunctionName* vf = wanted.reserved_vf();
  const std::vector<std::string>& future = parent.future_functions;
  const bool is_known = !parent.functions.empty() || !future.empty();
  if (vf != nullptr && is_known && !has_function(parent, *vf) &&
      std::find(future.begin(), future.end(), vf->str()) == future.end()) {
    std::vector<std::string> hints{
        fmt::format("list the virtual functions of the parent: mdevadm show {}", parent.name.str())};
    if (has_few_functions(parent)) {
      hints.push_back(advice_to_enable_all(parent));
    }
    throw Error(ExitCode::not_found,
                fmt::format("{}: {} has no virtual function {}", doing, parent.name.str(), vf->str()), hints);
  }
}

Job plan_stop(const Snapshot& seen, const StopRequest& request, const ParentName& lane,
              const std::vector<Uuid>& together) {
  const Uuid& uuid = *request.about.uuid;
  Job job = job_of(request, lane.str());
  const std::string doing = "cannot " + job.goal_of_command();
  const Device* device = seen.find_device(uuid);
  if (device == nullptr) {
    // A stop was killed before it deleted the record.
    if (is_lost(seen, uuid)) {
      job.steps.push_back({DropRecord{uuid}, std::nullopt});
    }
    const Device* pending = seen.find_removing(uuid);
    job.holders = pending != nullptr ? pending->holders.list() : std::vector<Holder>{};
    job.notes.push_back(
        request.about.quoted() +
        (pending != nullptr ? " is already being removed: " + describe_removal(*pending) : " is not active"));
    return job;
  }
  job.about.parent = device->parent.str();
  if (device->type) {
    job.about.type = device->type->str();
    // As in mdevctl, scripts receive the values of the active device, not of its definition.
    job.hooks = {HookAction::stop, {device->uuid, device->parent, *device->type}};
  }
  if (device->unmanaged) {
    throw Error(
        ExitCode::conflict,
        fmt::format("{}: virtual function {} is not managed by mdevadm", doing, device->kernel_name()),
        std::vector{fmt::format("adopt it first: mdevadm define {}", shell_word(job.about.word())),
                    advice_to_clear(*device)});
  }
  const bool waits = request.wait_for_holders.count() > 0;
  const Claim* claim = seen.claims.find(uuid);
  if (claim != nullptr && !request.force && (!device->busy || waits)) {
    throw claimed_error(*claim, request.about, doing, advice_to_force(request));
  }
  const bool can_force = can_force_removal(*device);
  if (device->busy && !waits && (!request.force || !can_force)) {
    throw Error(ExitCode::in_use,
                fmt::format("{}: it is in use by {}{}", doing, describe(device->holders),
                            request.force ? ", and the driver does not clear a virtual function in use, so "
                                            "--force has no effect"
                                          : ""),
                advice_for_use(request.part_of, false, can_force))
        .held_by(device->holders);
  }
  if (waits) {
    job.steps.push_back({AwaitRelease{*device, request.wait_for_holders, request.force && can_force,
                                      advice_for_use(request.part_of, true, can_force)},
                         std::nullopt});
  }
  const Parent* parent = seen.find_parent(device->parent.str());
  const Capabilities can = parent != nullptr ? parent->capabilities : Capabilities{};
  const unsigned last_stage = can.online ? removing : going_offline;
  if (can.online_together) {
    require_companions(seen, *device, together, doing);
  }
  const bool switches = can.online_together ? goes_first(seen, *device, together) : device->online != false;
  if (can.online && switches) {
    job.steps.push_back({SetOnline{*device, false}, SetOnline{*device, true}, going_offline});
  }
  // While a removal is pending, the kernel does not report the type.
  const bool keeps_type = device->busy && request.force && device->type && !device->has_record;
  if (keeps_type) {
    job.steps.push_back(
        {KeepRecord{{device->uuid, device->parent, *device->type, device->name, true}}, std::nullopt});
  }
  job.steps.push_back({RemoveDevice{*device, removal_patience, request.force && can_force, request.deadline,
                                    advice_to_wait(request)},
                       std::nullopt, last_stage});
  if (device->has_record || keeps_type) {
    job.steps.push_back({DropRecord{device->uuid}, std::nullopt, last_stage});
  }
  if (claim != nullptr) {
    job.steps.push_back({DropClaim{*claim}, std::nullopt, last_stage});
  }
  return job;
}

Job plan_release(const Snapshot& seen, const Device& device, const StopRequest& request) {
  Job job = job_of(request, device.uuid.str());
  const Claim* claim = seen.claims.find(device.uuid);
  if (claim != nullptr && !request.force) {
    throw claimed_error(*claim, request.about, "cannot " + job.goal_of_command(), advice_to_force(request));
  }
  const bool can_force = can_force_removal(device);
  job.steps.push_back({AwaitRelease{device, request.wait_for_holders, request.force && can_force,
                                    advice_for_use(request.part_of, true, can_force)},
                       std::nullopt});
  return job;
}

}  // namespace mdevadm
