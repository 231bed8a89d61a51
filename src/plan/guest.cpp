#include <mdevadm/plan/guest.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr const char* ap_parent = "matrix";
constexpr const char* api_of_pci = "vfio-pci";
constexpr std::size_t longest_id = 60;
// Later than all stages of a start.
constexpr unsigned attaching = 10;
// All devices of a virtual machine are attached one by one.
constexpr const char* machine_lane = "virtual machine";

// With all known drivers, the types of a parent have the same API: the parent determines it if the type is
// unknown.
std::string usual_api(const ParentName& parent) {
  return parent.str() == ap_parent ? "vfio-ap" : is_channel_address(parent.str()) ? "vfio-ccw" : api_of_pci;
}

std::string api_of(const Parent* parent, const GuestDevice& device, const std::string& doing) {
  const Type* type = parent != nullptr && device.type ? resolve_type(*parent, device.type->str()) : nullptr;
  std::string api = type != nullptr && type->device_api ? *type->device_api : usual_api(device.parent);
  if (api != api_of_pci && api != "vfio-ap" && api != "vfio-ccw") {
    throw Error(ExitCode::failed,
                fmt::format("{}: QEMU and libvirt do not support its device API {}", doing, printable(api)));
  }
  return api;
}

bool is_of_nvidia(const Parent* parent, const GuestDevice& device) {
  return (device.type && device.type->str().starts_with("nvidia-")) ||
         (parent != nullptr && parent->pci_id && parent->pci_id->starts_with("10de:"));
}

// Returns whether devices of the definition are virtual functions. Without its parent, the type shows it: a
// number for a virtual function; that of a mediated device begins with the driver's name.
bool is_function(const Parent* parent, const Definition& definition) {
  return parent != nullptr ? parent->capabilities.named_by_function
                           : definition.reserved_vf() != nullptr && parse_decimal(definition.type.str());
}

GuestDevice::Kind kind_on(const Parent* parent) {
  return parent == nullptr                        ? GuestDevice::Kind::mediated
         : parent->capabilities.named_by_function ? GuestDevice::Kind::function
         : parent->capabilities.numbered          ? GuestDevice::Kind::numbered
                                                  : GuestDevice::Kind::mediated;
}

void take_inactive(const Parent* parent, const Definition& definition, GuestDevice& device) {
  device.kind = is_function(parent, definition) ? GuestDevice::Kind::function : kind_on(parent);
  const FunctionName* vf = definition.reserved_vf();
  if (device.kind == GuestDevice::Kind::function) {
    device.vf = vf != nullptr ? vf->str() : "";
  } else if (device.kind == GuestDevice::Kind::mediated) {
    device.kernel_name = device.uuid.str();
  }
}

// Throws Error{not_found} if the path of the device in sysfs is not known before it is started.
void require_path(const GuestDevice& device, const std::string& doing) {
  if (device.kind == GuestDevice::Kind::function && device.vf.empty()) {
    throw Error(ExitCode::not_found,
                fmt::format("{}: no virtual function is assigned to '{}' while it is not active", doing,
                            printable(device.word())),
                "to assign one: mdevadm start " + shell_word(device.word()));
  }
  if (device.kind != GuestDevice::Kind::function && device.kernel_name.empty()) {
    throw Error(ExitCode::not_found,
                fmt::format("{}: the kernel chooses the name of '{}' when it is started", doing,
                            printable(device.word())),
                "start it: mdevadm start " + shell_word(device.word()));
  }
}

std::optional<Uuid> vm_of_arguments(const Definition& definition) {
  const std::optional<std::string> vm = vm_in(definition.create_args.value_or(""));
  return vm ? Uuid::parse(*vm) : std::nullopt;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool may_be_in_id(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

std::string id_of(const GuestDevice& device) {
  std::string id = device.name.empty() ? "mdev-" + device.uuid.str() : device.name.substr(0, longest_id);
  std::replace_if(
      id.begin(), id.end(), [](char c) { return !may_be_in_id(c); }, '_');
  return is_letter(id.front()) ? id : "mdev-" + id;
}

Job job_of(const char* verb, const GuestDevice& device) {
  const Identity about{
      device.uuid, device.name, {}, device.parent.str(), device.type ? device.type->str() : ""};
  return {fmt::format("{} {}", verb, about.quoted()), about, machine_lane};
}

// Returns the job that starts the device, to be continued, or a new one.
Job attach_job(const Plan& start, const GuestDevice& device) {
  Job job = job_of("attach", device);
  for (const Job& other : start.jobs) {
    if (other.about.uuid == device.uuid && other.about.parent == device.parent.str()) {
      job.about = other.about;
      job.goal = "attach " + job.about.quoted();
      if (!other.steps.empty()) {
        std::string goal = job.goal;
        job = other;
        job.goal = std::move(goal);
      }
    }
  }
  return job;
}

}  // namespace

GuestDevice guest_device(const Snapshot& seen, const Found& found, const std::string& doing) {
  if (found.active == nullptr && found.removing != nullptr) {
    throw Error(ExitCode::in_use, fmt::format("{}: {}", doing, describe_removal(*found.removing)));
  }
  if (found.active == nullptr) {
    const Definition& definition = require_definition(found, doing);
    const Parent* parent = seen.find_parent(definition.parent.str());
    GuestDevice device{.uuid = found.uuid, .parent = definition.parent, .type = definition.type};
    device.name = definition.name ? definition.name->str() : "";
    device.vm = vm_of_arguments(definition);
    take_inactive(parent, definition, device);
    device.api = api_of(parent, device, doing);
    device.wants_vm = is_of_nvidia(parent, device);
    return device;
  }
  const Device& active = *found.active;
  const Parent* parent = seen.find_parent(active.parent.str());
  GuestDevice device{.uuid = found.uuid, .parent = active.parent, .type = active.type};
  for (const Definition* definition : found.definitions) {
    if (definition->parent == active.parent) {
      device.name = definition->name ? definition->name->str() : "";
      device.vm = vm_of_arguments(*definition);
    }
  }
  device.kind = kind_on(parent);
  if (device.kind == GuestDevice::Kind::function) {
    device.vf = active.vf;
  } else {
    device.kernel_name = active.kernel_name();
  }
  device.api = api_of(parent, device, doing);
  device.wants_vm = is_of_nvidia(parent, device);
  return device;
}

GuestDevices guest_devices(const Snapshot& seen, const Group& group, const Definitions& defined,
                           const std::string& doing) {
  GuestDevices devices{.all = {}, .group = group.name.str(), .vm = group.vm};
  for (const Definition* member : members_of(group, defined, doing)) {
    const Found found = resolve_device(member->uuid.str(), seen, defined, member->parent, doing);
    devices.all.push_back(
        guest_device(seen, found, fmt::format("{}: {}", doing, identity_of(*member).quoted())));
  }
  return devices;
}

bool choose_vm(GuestDevices& devices, const std::optional<Uuid>& given, const std::string& doing) {
  devices.vm = given ? given : devices.vm;
  for (const GuestDevice& device : devices.all) {
    if (device.vm && devices.vm && *device.vm != *devices.vm) {
      throw Error(ExitCode::conflict,
                  fmt::format("{}: 'vm_uuid' of '{}' is {}, not {}", doing, printable(device.word()),
                              device.vm->str(), devices.vm->str()),
                  "devices of one virtual machine have the same vm_uuid");
    }
    devices.vm = devices.vm ? devices.vm : device.vm;
  }
  const bool is_required = std::any_of(devices.all.begin(), devices.all.end(),
                                       [](const GuestDevice& device) { return device.wants_vm; });
  if (devices.vm || !is_required) {
    return false;
  }
  devices.vm = devices.all.front().uuid;
  return true;
}

void require_usable_together(const std::vector<GuestDevice>& devices, const std::string& doing) {
  const auto is_ap = [](const GuestDevice& device) { return device.api == "vfio-ap"; };
  const auto first = std::find_if(devices.begin(), devices.end(), is_ap);
  const auto second = first == devices.end() ? first : std::find_if(first + 1, devices.end(), is_ap);
  if (second != devices.end()) {
    throw Error(ExitCode::conflict,
                fmt::format("{}: a virtual machine can have one vfio-ap device, not '{}' and '{}'", doing,
                            printable(first->word()), printable(second->word())),
                "assign the queues of both to one device");
  }
}

void require_libvirt_can(const GuestDevice& device, bool display, const std::string& doing) {
  const std::string word = printable(device.word());
  if (device.kind == GuestDevice::Kind::numbered) {
    throw Error(
        ExitCode::failed,
        fmt::format("{}: libvirt finds mediated devices by their UUID only, and the kernel gives '{}' "
                    "another name{}",
                    doing, word, device.kernel_name.empty() ? "" : ", " + device.kernel_name),
        "without libvirt, QEMU can use the device by its path: see mdevadm-export(8), qemu");
  }
  if (display && device.kind == GuestDevice::Kind::function) {
    throw Error(ExitCode::failed,
                fmt::format("{}: '{}' is a virtual function, and libvirt shows the displays of mediated "
                            "devices only",
                            doing, word),
                "without libvirt, QEMU can show it: see mdevadm-export(8), qemu");
  }
}

std::vector<std::string> qemu_ids(const std::vector<GuestDevice>& devices) {
  std::vector<std::string> ids;
  for (const GuestDevice& device : devices) {
    const std::string wanted = id_of(device);
    std::string id = wanted;
    for (std::size_t n = 2; std::find(ids.begin(), ids.end(), id) != ids.end(); ++n) {
      id = fmt::format("{}-{}", wanted, n);
    }
    ids.push_back(std::move(id));
  }
  return ids;
}

QemuProperties qemu_properties(const GuestDevice& device, const std::string& id, const QemuOptions& options,
                               const std::string& doing) {
  if ((options.display || options.ramfb) && device.api != api_of_pci) {
    throw Error(ExitCode::failed, fmt::format("{}: '{}' has no display: its device API is {}", doing,
                                              printable(device.word()), device.api));
  }
  require_path(device, doing);
  QemuProperties properties;
  properties.emplace_back("driver", options.ramfb ? "vfio-pci-nohotplug" : device.api);
  properties.emplace_back("id", id);
  if (device.kind == GuestDevice::Kind::function) {
    properties.emplace_back("host", device.vf);
  } else {
    properties.emplace_back("sysfsdev", "/sys/bus/mdev/devices/" + device.kernel_name);
  }
  if (options.iommufd) {
    properties.emplace_back("iommufd", "iommufd0");
  }
  if (options.display || options.ramfb) {
    properties.emplace_back("display", "on");
  }
  if (options.ramfb) {
    properties.emplace_back("ramfb", true);
  }
  return properties;
}

std::optional<GuestDevice> guest_device(const Snapshot& seen, const Definition& definition, const Job& start,
                                        const std::string& doing) {
  for (const Step& step : start.steps) {
    const auto* create = std::get_if<CreateDevice>(&step.action);
    if (create == nullptr) {
      continue;
    }
    const Parent* parent = seen.find_parent(definition.parent.str());
    GuestDevice device{.uuid = definition.uuid, .parent = definition.parent, .type = create->what.type};
    device.name = definition.name ? definition.name->str() : "";
    device.kind = kind_on(parent);
    if (device.kind == GuestDevice::Kind::function) {
      device.vf = create->what.vf;
    } else {
      device.kernel_name = create->what.name.empty() ? definition.uuid.str() : create->what.name;
    }
    device.api = api_of(parent, device, doing);
    return device;
  }
  return std::nullopt;
}

Plan plan_attach(Plan start, const std::vector<Attachment>& wanted,
                 const std::vector<AttachedDevice>& attached, std::chrono::milliseconds patience,
                 const std::string& machine) {
  Plan plan{.bond = Bond::all_or_none};
  // A stage of its own for each device: they are attached in order, whatever their lanes.
  unsigned stage = attaching;
  for (const Attachment& one : wanted) {
    Job job = attach_job(start, one.device);
    const auto same = std::find_if(attached.begin(), attached.end(),
                                   [&](const AttachedDevice& other) { return other.is(one.device); });
    const auto same_id = std::find_if(attached.begin(), attached.end(),
                                      [&](const AttachedDevice& other) { return other.id == one.id; });
    if (same != attached.end()) {
      job.notes.push_back(fmt::format("{} is already attached to {} as '{}'", job.about.quoted(), machine,
                                      printable(same->id)));
    } else if (same_id != attached.end()) {
      throw Error(ExitCode::conflict,
                  fmt::format("cannot {}: {} has another device with the ID '{}'", job.goal, machine, one.id),
                  "detach the other device, or rename this one: mdevadm modify " +
                      shell_word(job.about.word()) + " --name NAME");
    } else {
      job.steps.push_back({AttachDevice{one}, DetachDevice{one, patience}, stage++});
    }
    plan.jobs.push_back(std::move(job));
  }
  return plan;
}

Plan plan_detach(std::vector<Attachment> wanted, const std::vector<AttachedDevice>& attached,
                 std::chrono::milliseconds patience, const std::string& machine) {
  Plan plan{.bond = Bond::all_or_none};
  std::reverse(wanted.begin(), wanted.end());
  for (Attachment& one : wanted) {
    Job job = job_of("detach", one.device);
    const auto found = std::find_if(attached.begin(), attached.end(),
                                    [&](const AttachedDevice& other) { return other.is(one.device); });
    if (found == attached.end()) {
      job.notes.push_back(fmt::format("{} is not attached to {}", job.about.quoted(), machine));
    } else {
      one.id = found->id.empty() ? one.id : found->id;
      job.steps.push_back({DetachDevice{one, patience}, AttachDevice{one}, attaching});
    }
    plan.jobs.push_back(std::move(job));
  }
  return plan;
}

Error not_attached(const Identity& about, const std::string& machine) {
  return {ExitCode::conflict,
          fmt::format("cannot detach {}: it is not attached to {}", about.quoted(), machine),
          "list the processes that use devices: mdevadm list -o +held_by"};
}

}  // namespace mdevadm
