#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/render/guest.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::render {

namespace {

constexpr const char* iommufd_object = "iommufd,id=iommufd0";

std::string text_of(const std::variant<std::string, bool>& value) {
  const bool* truth = std::get_if<bool>(&value);
  return truth == nullptr ? std::get<std::string>(value) : *truth ? "on" : "off";
}

// A comma in a value is written as two.
std::string with_doubled_commas(const std::string& value) {
  std::string text;
  for (const char c : value) {
    text.append(c == ',' ? 2 : 1, c);
  }
  return text;
}

std::string as_words(const QemuProperties& properties) {
  std::vector<std::string> words;
  for (const auto& [key, value] : properties) {
    words.push_back((words.empty() ? "" : key + "=") + with_doubled_commas(text_of(value)));
  }
  return join(words, ",");
}

Record as_record(const QemuProperties& properties) {
  Record record;
  for (const auto& [key, value] : properties) {
    const bool* truth = std::get_if<bool>(&value);
    record.emplace_back(key, truth == nullptr ? Value(std::get<std::string>(value)) : Value(*truth));
  }
  return record;
}

template <typename Function>
std::vector<std::string> arguments_with(const QemuSet& set, const Function& as_argument) {
  std::vector<std::string> words;
  if (set.vm) {
    words.insert(words.end(), {"-uuid", set.vm->str()});
  }
  if (set.iommufd) {
    words.insert(words.end(), {"-object", iommufd_object});
  }
  for (const QemuProperties& device : set.devices) {
    words.insert(words.end(), {"-device", as_argument(device)});
  }
  return words;
}

std::string id_of_properties(const QemuProperties& properties) {
  for (const auto& [key, value] : properties) {
    if (key == "id") {
      return text_of(value);
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> qemu_arguments(const QemuSet& set) {
  return arguments_with(set, as_words);
}

std::vector<std::string> qemu_arguments_with_json(const QemuSet& set) {
  return arguments_with(set, [](const QemuProperties& properties) {
    std::string line = render_json_line(as_record(properties));
    return line.substr(0, line.find_last_not_of('\n') + 1);
  });
}

std::string qemu_config(const QemuSet& set) {
  std::string text;
  if (set.vm) {
    text +=
        fmt::format("# The driver requires the virtual machine's UUID as an argument of QEMU: -uuid {}\n\n",
                    set.vm->str());
  }
  if (set.iommufd) {
    text += "[object \"iommufd0\"]\n  qom-type = \"iommufd\"\n\n";
  }
  for (const QemuProperties& device : set.devices) {
    text += fmt::format("[device \"{}\"]\n", id_of_properties(device));
    for (const auto& [key, value] : device) {
      if (key != "id") {
        text += fmt::format("  {} = \"{}\"\n", key, text_of(value));
      }
    }
    text += '\n';
  }
  if (!text.empty()) {
    text.pop_back();
  }
  return text;
}

std::string qemu_document(const QemuSet& set, const GuestDevices& devices,
                          const std::vector<std::string>& notes) {
  List items;
  for (std::size_t i = 0; i < set.devices.size(); ++i) {
    const GuestDevice& device = devices.all[i];
    items.items.push_back({{"uuid", device.uuid.str()},
                           {"name", device.name.empty() ? Value{} : Value(device.name)},
                           {"parent", device.parent.str()},
                           {"vf", device.vf.empty() ? Value{} : Value(device.vf)},
                           {"qemu", Object{as_record(set.devices[i])}}});
  }
  return render_json({{"arguments", Texts{qemu_arguments(set)}},
                      {"vm_uuid", set.vm ? Value(set.vm->str()) : Value{}},
                      {"devices", std::move(items)},
                      {"notes", Texts{notes}}});
}

std::string claim_document(const ClaimedDevice& claimed, const std::vector<std::string>& notes) {
  const GuestDevice& device = claimed.device;
  const auto or_null = [](const std::string& text) { return text.empty() ? Value{} : Value(text); };
  const auto path_of = [&](Node::Kind kind) {
    const auto node = std::find_if(claimed.nodes.begin(), claimed.nodes.end(),
                                   [kind](const Node& one) { return one.kind == kind; });
    return node == claimed.nodes.end() ? Value{} : Value(node->path);
  };
  return render_json({{"uuid", device.uuid.str()},
                      {"name", or_null(device.name)},
                      {"parent", device.parent.str()},
                      {"type", device.type ? Value(device.type->str()) : Value{}},
                      {"group", claimed.claim.group},
                      {"vf", or_null(device.vf)},
                      {"node", claimed.nodes.empty() ? Value{} : Value(claimed.nodes.front().path)},
                      {"cdev", path_of(Node::Kind::cdev)},
                      {"arguments", Texts{qemu_arguments({.devices = {claimed.properties}})}},
                      {"qemu", Object{as_record(claimed.properties)}},
                      {"vm_uuid", claimed.vm ? Value(claimed.vm->str()) : Value{}},
                      {"claimed_for", or_null(claimed.claim.claimant)},
                      {"claimed_at", timestamp(claimed.claim.at)},
                      {"notes", Texts{notes}}});
}

}  // namespace mdevadm::render
