#include <mdevadm/plan/devices.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

const Parent& require_parent(const Snapshot& seen, const ParentName& name, const std::string& doing) {
  const Parent* parent = seen.find_parent(name.str());
  if (parent == nullptr) {
    throw unknown_parent(seen, name.str(), doing);
  }
  return *parent;
}

std::vector<std::string> type_names(const Parent& parent) {
  std::vector<std::string> names;
  std::transform(parent.types.begin(), parent.types.end(), std::back_inserter(names),
                 [](const Type& t) { return t.id.str(); });
  return names;
}

// The device as it will be once it is made: what the undo removes.
Device device_to_be(const Parent& parent, const Definition& wanted) {
  return {.uuid = wanted.uuid,
          .parent = wanted.parent,
          .type = wanted.type,
          .path = fmt::format("{}/{}", parent.path, wanted.uuid.str())};
}

void require_same(const Device& active, const Definition& wanted, const std::string& doing) {
  if (active.parent != wanted.parent) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: a device with this UUID is active on {}", doing, active.parent.str()),
                fmt::format("stop that one first: mdevadm stop {}", active.uuid.str()));
  }
  if (active.type && active.type != wanted.type) {
    throw Error(
        ExitCode::conflict,
        fmt::format("{}: it is active as {}, and {} is wanted", doing, active.type->str(), wanted.type.str()),
        fmt::format("stop it first: mdevadm stop {}", active.uuid.str()));
  }
}

}  // namespace

Error unknown_parent(const Snapshot& seen, const std::string& name, const std::string& doing) {
  const std::string why = fmt::format("{}: no parent '{}' offers mediated devices here", doing, name);
  if (!seen.mdev_support) {
    return {ExitCode::not_found, why,
            "the kernel's mdev core is not loaded: load the driver of the parent first"};
  }
  std::string hint = did_you_mean(name, seen.parent_names());
  return {ExitCode::not_found, why, hint.empty() ? "see which there are: mdevadm types" : hint};
}

const Type& require_type(const Snapshot& seen, const ParentName& parent_name, const TypeName& type_name,
                         const std::string& doing) {
  const Parent& parent = require_parent(seen, parent_name, doing);
  if (const Type* type = parent.find_type(type_name.str())) {
    return *type;
  }
  const std::vector<std::string> names = type_names(parent);
  const std::string meant = did_you_mean(type_name.str(), names);
  throw Error(
      ExitCode::not_found, fmt::format("{}: {} has no type '{}'", doing, parent_name.str(), type_name.str()),
      meant.empty() ? fmt::format("its types: {}", names.empty() ? "none now" : join(names, ", ")) : meant);
}

void require_capabilities(const Parent& parent, const Definition& wanted, const std::string& doing) {
  if (wanted.create_args && !parent.capabilities.create_arguments) {
    throw Error(ExitCode::failed,
                fmt::format("{}: it has create_args, and {} takes none", doing, parent.name.str()));
  }
  if (wanted.aggregate.value_or(1) > 1 && !parent.capabilities.aggregation) {
    throw Error(ExitCode::failed, fmt::format("{}: it wants an aggregate of {}, and {} cannot aggregate",
                                              doing, *wanted.aggregate, parent.name.str()));
  }
}

Job plan_start(const Snapshot& seen, const Definition& wanted, const std::string& goal) {
  Job job{goal.empty() ? fmt::format("start '{}'", wanted.uuid.str()) : goal, wanted.uuid.str(),
          wanted.parent.str(), wanted.type.str()};
  const std::string doing = "cannot " + job.goal;
  if (const Device* active = seen.find_device(wanted.uuid)) {
    require_same(*active, wanted, doing);
    if (active->type) {
      job.note = "is active already";
    } else {  // somebody is just making it
      job.steps.push_back({AwaitDevice{wanted.uuid, wanted.type, creation_patience}, std::nullopt});
    }
    return job;
  }
  const Type& type = require_type(seen, wanted.parent, wanted.type, doing);
  const Parent& parent = *seen.find_parent(wanted.parent.str());
  require_capabilities(parent, wanted, doing);
  if (type.available == 0U) {
    throw Error(
        ExitCode::no_capacity,
        fmt::format("{}: no instance of {} is left on {}", doing, wanted.type.str(), wanted.parent.str()),
        fmt::format("see what is left and what is used: mdevadm types {0}; mdevadm list -p {0}",
                    wanted.parent.str()));
  }
  job.steps.push_back({CreateDevice{wanted.uuid, wanted.parent, wanted.type},
                       RemoveDevice{device_to_be(parent, wanted), removal_patience}});
  for (const Attribute& attribute : wanted.attributes) {
    job.steps.push_back({WriteAttribute{wanted.uuid, attribute}, std::nullopt});  // goes with the device
  }
  job.steps.push_back({AwaitDevice{wanted.uuid, wanted.type, creation_patience}, std::nullopt});
  if (wanted.node) {
    job.steps.push_back({OwnNode{wanted.uuid, *wanted.node}, std::nullopt});
  }
  return job;
}

std::string describe(const std::vector<Holder>& holders) {
  std::vector<std::string> names;
  for (const Holder& holder : holders) {
    std::string name = holder.command.empty()
                           ? fmt::format("pid {}", holder.pid)
                           : fmt::format("pid {} ({})", holder.pid, printable(holder.command));
    names.push_back(holder.certain ? name : "probably " + name);
  }
  return names.empty() ? "a process that cannot be found" : join(names, ", ");
}

Job plan_stop(const Snapshot& seen, const StopRequest& request, const ParentName& lane) {
  Job job{fmt::format("stop '{}'", request.uuid.str()), request.uuid.str(), lane.str(), {}, {}, {}};
  const Device* device = seen.find_device(request.uuid);
  if (device == nullptr) {
    job.note = "is not active";
    return job;
  }
  job.type = device->type ? device->type->str() : std::string{};
  const bool waits = request.wait_for_holders.count() > 0;
  if (device->busy && !waits && !request.force) {
    throw Error(
        ExitCode::in_use, fmt::format("cannot {}: it is in use by {}", job.goal, describe(device->holders)),
        "end what uses it, wait for that with --timeout SECONDS, or remove it all the same with --force");
  }
  if (waits) {
    job.steps.push_back({AwaitRelease{*device, request.wait_for_holders, request.force}, std::nullopt});
  }
  job.steps.push_back({RemoveDevice{*device, removal_patience, request.force}, std::nullopt});
  return job;
}

}  // namespace mdevadm
