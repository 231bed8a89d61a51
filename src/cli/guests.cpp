#include "guests.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/guest.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

// Returns the parents of the devices and groups, to read no others; nullopt: of a word that is not found.
std::optional<std::vector<ParentName>> parents_of(const Context& context, const GuestTargets& targets,
                                                  const Groups& groups,
                                                  const std::vector<std::string>& words) {
  const Snapshot active = context.observe({Facet::devices, std::nullopt, std::nullopt});
  std::vector<ParentName> parents;
  for (const std::string& word : words) {
    const Group* group = groups.find(word);
    if (group == nullptr) {
      try {
        const Found found = resolve_device(word, active, targets.defined, std::nullopt, "");
        if (found.active != nullptr) {
          parents.push_back(found.active->parent);
        }
        for (const Definition* definition : found.definitions) {
          parents.push_back(definition->parent);
        }
      } catch (const Error&) {
        return std::nullopt;  // the error is that of the complete search
      }
    }
    for (const Definition& definition : targets.defined.all) {
      if (group != nullptr && group->has(definition)) {
        parents.push_back(definition.parent);
      }
    }
  }
  return parents;
}

void add_to(GuestDevices& devices, const GuestDevice& device) {
  if (std::none_of(devices.all.begin(), devices.all.end(),
                   [&](const GuestDevice& one) { return one.uuid == device.uuid; })) {
    devices.all.push_back(device);
  }
}

}  // namespace

const Group* group_meant_by(const std::string& word, const Groups& groups, const Definitions& defined,
                            const std::string& doing) {
  const Group* group = groups.find(word);
  const auto label = Label::parse(word);
  const Definition* device = label ? defined.find_label(*label) : nullptr;
  if (group != nullptr && device != nullptr) {
    throw Error(ExitCode::conflict, fmt::format("{}: both a device and a group have this name", doing),
                "specify the device by its UUID, or the members of the group: mdevadm group show " +
                    shell_word(word));
  }
  return group;
}

GuestTargets guest_targets(Context& context, const std::vector<std::string>& words, const std::string& verb,
                           Facet more) {
  GuestTargets targets;
  const Groups groups = context.groups_if_readable();
  targets.defined = context.definitions_if_readable();
  targets.seen =
      context.observe({guest_facets | more, parents_of(context, targets, groups, words), std::nullopt});
  for (const std::string& word : words) {
    const std::string doing = fmt::format("cannot {} '{}'", verb, printable(word));
    const Group* group = group_meant_by(word, groups, targets.defined, doing);
    if (group == nullptr) {
      const Found found = resolve_no_group(word, targets.seen, targets.defined, doing);
      const Identity about{.uuid = found.uuid, .argument = word};
      add_to(targets.devices,
             guest_device(targets.seen, found, fmt::format("cannot {} {}", verb, about.quoted())));
      continue;
    }
    const GuestDevices members = guest_devices(targets.seen, *group, targets.defined, doing);
    if (words.size() == 1) {
      targets.devices = members;
      break;
    }
    if (members.vm && targets.devices.vm && *members.vm != *targets.devices.vm) {
      targets.vm_conflict.emplace(ExitCode::conflict,
                                  fmt::format("{}: its vm_uuid differs from that of another group", doing));
    }
    targets.devices.vm = members.vm ? members.vm : targets.devices.vm;
    for (const GuestDevice& member : members.all) {
      add_to(targets.devices, member);
    }
  }
  return targets;
}

void require_iommufd(const Context& context, const Snapshot& seen, const std::vector<GuestDevice>& devices,
                     const std::string& doing) {
  if (!context.root().exists("dev/iommu")) {
    throw Error(ExitCode::failed,
                fmt::format("{}: /dev/iommu does not exist, so QEMU cannot use iommufd", doing),
                "load the module (Linux 6.2 and later): modprobe iommufd");
  }
  for (const GuestDevice& device : devices) {
    const Device* active = seen.find_device(device.uuid);
    if (active != nullptr && active->find_node(Node::Kind::cdev) == nullptr) {
      throw Error(ExitCode::failed,
                  fmt::format("{}: '{}' has no VFIO device node, so QEMU cannot use it with iommufd (Linux "
                              "6.6 and later, built with CONFIG_VFIO_DEVICE_CDEV)",
                              doing, printable(device.word())));
    }
  }
}

}  // namespace mdevadm::cli
