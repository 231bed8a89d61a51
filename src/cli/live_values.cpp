// Completion of values with those that exist on the host.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/check.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/watch.hpp>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/store/vgpu_manager_file.hpp>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/util/text.hpp>

#include "ap_values.hpp"
#include "value_kinds.hpp"

namespace mdevadm::cli {

namespace {

using Candidates = std::vector<Candidate>;

bool is_hexadecimal(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
  });
}

bool is_offered(ValueKind kind, bool active) {
  return kind == ValueKind::active_device ? active : kind != ValueKind::inactive_definition || !active;
}

// Returns the directory of all devices of the bus that the name of a device shows, "/sys/bus/pci/devices/",
// or an empty text.
std::string bus_directory(const std::string& name) {
  return is_pci_address(name)       ? "/sys/bus/pci/devices/"
         : is_channel_address(name) ? "/sys/bus/css/devices/"
                                    : "";
}

// Returns what the word is completed to, if it begins a spelling of the name that arguments accept
// (model/addresses.hpp): a short form to the name, other forms to the same form. `paths`: of the device in
// sysfs.
std::optional<std::string> spelling(const std::string& word, const std::string& name,
                                    const std::vector<std::string>& paths) {
  const std::string begun = to_lower(word);
  const std::string lower = to_lower(name);
  const bool is_pci = is_pci_address(name);
  const std::string common = is_pci ? "0000:" : is_channel_address(name) ? "0.0." : "";
  if (lower.starts_with(begun) || (!common.empty() && lower.starts_with(common + begun))) {
    return name;
  }
  constexpr std::size_t most_domain_digits = 8;
  const std::size_t domain_digits = name.find(':');
  if (is_pci && domain_digits < most_domain_digits) {
    const std::string with_domain = std::string(most_domain_digits - domain_digits, '0') + name;
    if (with_domain.starts_with(begun)) {
      return with_domain;
    }
  }
  // "p" could also begin the name of a device.
  const std::string of_libvirt = libvirt_name(name, {});
  if (begun.find('_') != std::string::npos && of_libvirt.starts_with(begun) &&
      kernel_spelling(of_libvirt) == name) {
    return of_libvirt;
  }
  const auto path =
      std::find_if(paths.begin(), paths.end(), [&](const std::string& one) { return one.starts_with(word); });
  return word.starts_with("/sys/") && path != paths.end() ? std::optional(*path) : std::nullopt;
}

// The same for a device of which only the name is known.
std::optional<std::string> spelling(const std::string& word, const std::string& name) {
  const std::string directory = bus_directory(name);
  return spelling(word, name, directory.empty() ? std::vector<std::string>{} : std::vector{directory + name});
}

std::optional<std::string> spelling(const std::string& word, const Parent& parent, const Context& context) {
  const std::string& name = parent.name.str();
  std::vector<std::string> paths;
  if (const std::string directory = bus_directory(name); !directory.empty()) {
    paths.push_back(directory + name);
  }
  const std::string of_class = "sys/class/mdev_bus/" + name;
  if (context.root().exists(of_class)) {
    paths.push_back("/" + of_class);
  }
  paths.push_back("/" + parent.path);
  return spelling(word, name, paths);
}

// Offers names, and UUIDs of devices without a name; UUIDs and virtual functions (VFs) of all if the word
// begins like one. `vf`: that of the device, or reserved for it, or empty.
void add_device(Candidates& found, const std::string& word, const Uuid& uuid, const std::string& name,
                const std::string& vf, const std::string& description) {
  if (!name.empty() && name.starts_with(word)) {
    found.push_back({name, description});
  }
  if ((name.empty() || (!word.empty() && is_hexadecimal(word))) && uuid.str().starts_with(to_lower(word))) {
    found.push_back({uuid.str(), name.empty() ? description : fmt::format("{}, {}", name, description)});
  }
  if (const auto text = word.empty() || vf.empty() ? std::nullopt : spelling(word, vf)) {
    found.push_back({*text, fmt::format("{}, {}", name.empty() ? uuid.str() : name, description)});
  }
}

// Returns the VF of a device that is defined: the one it is on, or the one that is reserved for it.
std::string vf_of(const Definition& definition, const std::map<Uuid, const Device*>& active) {
  const auto device = active.find(definition.uuid);
  if (device != active.end() && !device->second->vf.empty()) {
    return device->second->vf.str();
  }
  return definition.reserved_vf() != nullptr ? definition.reserved_vf()->str() : "";
}

Candidates devices(ValueKind kind, const CompletionRequest& request, Context& context) {
  Candidates found;
  const std::string& word = request.word;
  const auto is_selected = [&](const ParentName& parent) {
    return request.parent.empty() || parent.str() == request.parent;
  };
  const Snapshot seen = context.observe({Facet::devices, {}, {}});
  const Definitions defined = load_definitions({context.host(), context.store()});
  std::map<Uuid, const Device*> active;
  for (const Device& device : seen.devices) {
    active.emplace(device.uuid, &device);
  }
  const bool is_member = kind == ValueKind::group_member;
  const Groups groups =
      is_member || kind == ValueKind::ungrouped_definition ? context.store().load_groups() : Groups{};
  std::set<Uuid> offered;
  for (const Definition& definition : defined.all) {
    const Group* group = groups.of(definition);
    const bool has_place =
        is_member ? group != nullptr && group->name.str() == request.device : group == nullptr;
    if (!is_selected(definition.parent) || !has_place) {
      continue;
    }
    const bool is_active = active.count(definition.uuid) > 0;
    offered.insert(definition.uuid);
    if (is_offered(kind, is_active)) {
      add_device(found, word, definition.uuid, definition.name ? definition.name->str() : "",
                 vf_of(definition, active),
                 fmt::format("{} on {}, {}", definition.type.str(), definition.parent.str(),
                             is_active ? "active" : "inactive"));
    }
  }
  const bool with_active = kind == ValueKind::device || kind == ValueKind::active_device;
  for (const Device& device : seen.devices) {
    if (with_active && is_selected(device.parent) && offered.insert(device.uuid).second) {
      add_device(found, word, device.uuid, {}, device.vf.empty() ? "" : device.vf.str(),
                 fmt::format("{} on {}, active", device.type ? device.type->str() : "unknown type",
                             device.parent.str()));
    }
  }
  // Names first.
  std::stable_partition(found.begin(), found.end(),
                        [](const Candidate& one) { return !Uuid::parse(one.value); });
  return found;
}

// Returns whether the VFs of a GPU are offered for a word. `of_gpu`: the address of the GPU in the spelling
// of the word, if it continues the word. A GPU has up to 64 VFs, so "0000:41:0" is completed to the GPU, and
// only "0000:41:00." or "0000:41:01" to VFs.
bool may_begin_vf(const std::string& word, const std::optional<std::string>& of_gpu) {
  const std::string begun = to_lower(word);
  if (of_gpu) {
    return of_gpu->size() > 1 && !begun.empty() &&
           std::string_view(*of_gpu).substr(0, of_gpu->size() - 1).ends_with(begun);
  }
  return begun.find(':') != std::string::npos || begun.starts_with("pci_") || begun.starts_with("/sys/");
}

Candidates functions_of(const std::vector<ParentName>& gpus, const std::string& word, Context& context) {
  Candidates found;
  if (gpus.empty()) {
    return found;
  }
  const Snapshot seen = context.observe({Facet::types, gpus, {}});
  for (const Parent& parent : seen.parents) {
    for (const Function& function : parent.functions) {
      const std::string& address = function.address;
      if (const auto text =
              spelling(word, address, {bus_directory(address) + address, "/" + function.path})) {
        found.push_back({*text, fmt::format("virtual function of {}, {}", parent.name.str(),
                                            function.type ? function.type->str() : "free")});
      }
    }
  }
  return found;
}

Candidates parents(const std::string& word, Context& context) {
  Candidates found;
  std::vector<ParentName> gpus;  // whose VFs may be meant
  const Snapshot seen = context.observe({Facet::parents | Facet::parent_identity, {}, {}});
  for (const Parent& parent : seen.parents) {
    const auto text = spelling(word, parent, context);
    if (text) {
      found.push_back({*text, parent.driver.value_or("")});
    }
    if (parent.capabilities.functions && may_begin_vf(word, text)) {
      gpus.push_back(parent.name);
    }
  }
  const Candidates functions = functions_of(gpus, word, context);
  found.insert(found.end(), functions.begin(), functions.end());
  return found;
}

// Returns devices of the host that are not parents, but could be: subchannels, crypto cards and queues, and
// Intel's graphics.
Candidates addresses(const std::string& word, const Candidates& known, Context& context) {
  Candidates found;
  const auto add = [&](const std::string& name, const std::string& directory, const std::string& what) {
    const auto text = spelling(word, name, {directory + name});
    const auto is_it = [&](const Candidate& one) { return one.value == text; };
    if (text && std::none_of(known.begin(), known.end(), is_it)) {
      found.push_back({*text, what});
    }
  };
  for (const auto& [bus, what] : {std::pair{"css", "subchannel"}, std::pair{"ap", "crypto"}}) {
    const std::string path = fmt::format("sys/bus/{}/devices", bus);
    const auto directory = context.root().open_dir(path);
    const auto entries = sys::entries_of(directory);
    for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
      add(entry.name, fmt::format("/{}/", path), what);
    }
  }
  for (const std::string& name : context.host().devices_bound_to({"i915", "xe"})) {
    add(name, bus_directory(name), "graphics");
  }
  return found;
}

Candidates parents_with_settings(const std::string& word, Context& context) {
  Candidates found;
  for (const ParentSettings& settings : context.store().load_parent_settings().all) {
    if (const auto text = spelling(word, settings.parent.str())) {
      found.push_back({*text});
    }
  }
  return found;
}

// Returns the parents of the active device and the definitions that the word means; none if it means neither.
std::set<std::string> parents_of(const std::string& word, Context& context) {
  const Definitions defined = load_definitions({context.host(), context.store()});
  const Snapshot seen = context.observe({Facet::devices, {}, {}});
  std::set<std::string> parents;
  try {
    const Found found = resolve_device(word, seen, defined, std::nullopt, "");
    for (const Definition* definition : found.definitions) {
      parents.insert(definition->parent.str());
    }
    if (found.active != nullptr) {
      parents.insert(found.active->parent.str());
    }
  } catch (const Error&) {
    return {};
  }
  return parents;
}

Candidates types(const CompletionRequest& request, Context& context) {
  Candidates found;
  std::set<std::string> parents;
  if (!request.parent.empty()) {
    parents.insert(request.parent);
  } else if (!request.device.empty()) {
    parents = parents_of(request.device, context);
  }
  const Snapshot snapshot = context.observe({Facet::types | Facet::type_name | Facet::available, {}, {}});
  for (const Parent& seen : snapshot.parents) {
    if (!parents.empty() && !parents.contains(seen.name.str())) {
      continue;
    }
    for (const Type* type : seen.all_types()) {
      std::string description = type->name.value_or("");
      if (type->available) {
        description += fmt::format("{}{} available", description.empty() ? "" : ", ", *type->available);
      }
      found.push_back({type->id.str(), description});
    }
  }
  return found;
}

Candidates functions(const CompletionRequest& request, Context& context) {
  const std::string& parent = request.parent;
  Candidates found;
  const Snapshot snapshot = context.observe({Facet::types, {}, {}});
  for (const Parent& seen : snapshot.parents) {
    for (const Function& function : seen.functions) {
      const auto text = spelling(request.word, function.address);
      if (text && (parent.empty() || parent == seen.name.str())) {
        found.push_back({*text, function.type ? function.type->str() : "free"});
      }
    }
  }
  return found;
}

// Returns the names of properties only: any comparison and value may follow.
Candidates properties(Context& context) {
  Candidates found{{"name", "name of the type"},      {"type", "type ID"},
                   {"device_api", "VFIO device API"}, {"memory", "graphics memory"},
                   {"maximum", "maximum instances"},  {"available", "available instances"}};
  std::set<std::string> names;
  const Snapshot snapshot = context.observe({Facet::types | Facet::description | Facet::type_name, {}, {}});
  for (const Parent& parent : snapshot.parents) {
    for (const Type* type : parent.all_types()) {
      for (const Property& property : type->properties) {
        if (names.insert(property.name).second) {
          found.push_back({property.name, fmt::format("such as {}", property.text)});
        }
      }
    }
  }
  return found;
}

Candidates owners(const std::string& word) {
  Candidates found;
  const std::size_t colon = word.find(':');
  const std::string user = word.substr(0, colon);
  for (const std::string& name : colon == std::string::npos ? sys::user_names() : sys::group_names()) {
    found.push_back({colon == std::string::npos ? name : fmt::format("{}:{}", user, name)});
  }
  return found;
}

Candidates mdevctl_definitions(Context& context) {
  Candidates found;
  for (const StoredConfig& stored : context.store().load_configs({}).all) {
    found.push_back({stored.uuid.str(), fmt::format("under {}", stored.parent.str())});
  }
  return found;
}

// Completes the last item of a comma-separated list.
Candidates series(const std::string& word) {
  const std::string before = word.substr(0, word.rfind(',') + 1);  // all of it if there is no comma
  Candidates found;
  for (const auto& [name, use] : {std::pair{"Q", "workstations"}, std::pair{"B", "desktops"},
                                  std::pair{"A", "applications"}, std::pair{"C", "compute"}}) {
    found.push_back({before + name, use});
  }
  return found;
}

// Completes the type of the last item of a list TYPE=N,...
Candidates type_counts(const CompletionRequest& request, Context& context) {
  CompletionRequest last = request;
  const std::string before = request.word.substr(0, request.word.rfind(',') + 1);
  last.word = request.word.substr(before.size());
  last.parent = last.parent.empty() && !last.device.empty() ? context.parent_name(last.device) : last.parent;
  Candidates found = types(last, context);
  for (Candidate& one : found) {
    one.value = before + one.value;
  }
  return found;
}

// Completes the last item of a comma-separated list; states that precede it are not offered again.
Candidates states(const std::string& word) {
  const std::string before = word.substr(0, word.rfind(',') + 1);  // all of it if there is no comma
  const std::vector<std::string_view> used = split(before, ',');
  Candidates found;
  for (const std::string_view state : render::device_states) {
    if (std::find(used.begin(), used.end(), state) == used.end()) {
      found.push_back({fmt::format("{}{}", before, state)});
    }
  }
  return found;
}

Candidates groups(Context& context) {
  Candidates found;
  for (const Group& group : context.store().load_groups().all) {
    found.push_back({group.name.str(), fmt::format("{} members", group.members.size())});
  }
  return found;
}

// Returns claimed devices, by name if they have one, and the groups that they were claimed from.
Candidates claimed_devices(Context& context) {
  Candidates found;
  std::set<std::string> groups;
  const Definitions defined = load_definitions({context.host(), context.store()});
  for (const Claim& claim : context.store().load_claims().all) {
    const std::vector<const Definition*> named = defined.find(claim.uuid);
    const bool has_name = !named.empty() && named.front()->name;
    found.push_back({has_name ? named.front()->name->str() : claim.uuid.str(), claim.str()});
    groups.insert(claim.group);
  }
  for (const std::string& group : groups) {
    if (GroupName::parse(group)) {
      found.push_back({group, "group with claimed devices"});
    }
  }
  return found;
}

Candidates claimants(Context& context) {
  std::set<std::string> texts;
  for (const Claim& claim : context.store().load_claims().all) {
    texts.insert(claim.claimant);
  }
  Candidates found;
  for (const std::string& text : texts) {
    if (!text.empty()) {
      found.push_back({text});
    }
  }
  return found;
}

// Offers the configurations in a file of vgpu-device-manager.
Candidates vgpu_configs(const std::string& file) {
  Candidates found;
  const sys::Result<std::string> text =
      file.empty() || file == "-" ? sys::Result<std::string>(std::string{}) : sys::read_stream(file);
  if (!text) {
    return found;
  }
  for (const VgpuConfig& config : store::parse_vgpu_manager(file, *text).configs) {
    found.push_back({config.name});
  }
  return found;
}

// Offers the words of conditions, and after '=' what exists now.
Candidates conditions(const CompletionRequest& request, Context& context) {
  const std::size_t equals = request.word.find('=');
  Candidates found;
  if (equals == std::string::npos) {
    for (const std::string& word : condition_words()) {
      if (word.starts_with(request.word)) {
        found.push_back({word + "="});
      }
    }
    return found;
  }
  const std::string before = request.word.substr(0, equals + 1);
  CompletionRequest object = request;
  object.word = request.word.substr(equals + 1);
  const bool of_parent = before == "present=" || before == "absent=";
  found = live_values(of_parent ? ValueKind::parent : ValueKind::device_or_group, object, context);
  for (Candidate& one : found) {
    one.value.insert(0, before);
  }
  return found;
}

Candidates all_values(ValueKind kind, const CompletionRequest& request, Context& context) {
  switch (kind) {
    case ValueKind::vgpu_config: return vgpu_configs(request.device);
    case ValueKind::type: return types(request, context);
    case ValueKind::need: return properties(context);
    case ValueKind::series: return series(request.word);
    case ValueKind::type_counts: return type_counts(request, context);
    case ValueKind::placement:
      return {{"spread", "the parent with the most available instances"},
              {"pack", "of the parents with devices, the one with the fewest available instances"}};
    case ValueKind::qemu_format:
      return {{"shell", "one line for a shell"},
              {"json", "with devices as JSON objects"},
              {"config", "a file for -readconfig"}};
    case ValueKind::node_owner: return owners(request.word);
    case ValueKind::mdevctl_definition: return mdevctl_definitions(context);
    case ValueKind::states: return states(request.word);
    case ValueKind::function_goal: return {{"all", "as many as the parent supports"}};
    case ValueKind::function_method:
      return {{"sriov-manage", "NVIDIA's program"}, {"sysfs", "the kernel's sriov_numvfs"}};
    case ValueKind::sharing: return {{"auto"}, {"require"}, {"off"}};
    case ValueKind::group: return groups(context);
    case ValueKind::claimed_device: return claimed_devices(context);
    case ValueKind::claimant: return claimants(context);
    case ValueKind::ap_adapters:
    case ValueKind::ap_domains:
    case ValueKind::ap_control_domains:
    case ValueKind::ap_queues: return complete_queues(kind, request, context);
    default: return {};
  }
}

}  // namespace

std::vector<Candidate> live_values(ValueKind kind, const CompletionRequest& request, Context& context) {
  switch (kind) {
    case ValueKind::device:
    case ValueKind::active_device:
    case ValueKind::inactive_definition:
    case ValueKind::ungrouped_definition:
    case ValueKind::group_member:
    case ValueKind::defined_device: return devices(kind, request, context);
    case ValueKind::address:
    case ValueKind::device_or_parent: {
      Candidates found = devices(ValueKind::device, request, context);
      const Candidates more = parents(request.word, context);
      found.insert(found.end(), more.begin(), more.end());  // a VF with a device comes first as the device
      const Candidates others = addresses(request.word, found, context);
      found.insert(found.end(), others.begin(), others.end());
      if (kind == ValueKind::address) {
        Candidates objects = groups(context);
        objects.push_back({std::string(whole_host), "the host as a whole"});
        std::copy_if(objects.begin(), objects.end(), std::back_inserter(found),
                     [&](const Candidate& one) { return one.value.starts_with(request.word); });
      }
      return found;
    }
    case ValueKind::parent: return parents(request.word, context);
    case ValueKind::parent_with_settings: return parents_with_settings(request.word, context);
    case ValueKind::one_function:
    case ValueKind::function: return functions(request, context);
    case ValueKind::condition: return conditions(request, context);
    default: break;
  }
  const bool with_groups = kind == ValueKind::device_or_group;
  Candidates found = with_groups ? groups(context) : all_values(kind, request, context);
  std::erase_if(found, [&](const Candidate& one) { return !one.value.starts_with(request.word); });
  if (with_groups) {
    const Candidates more = devices(ValueKind::device, request, context);
    found.insert(found.begin(), more.begin(), more.end());
  }
  return found;
}

}  // namespace mdevadm::cli
