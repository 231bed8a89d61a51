// The flat interface of 2016: text files in the parent, with one line of CSV per type.
#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/util/text.hpp>

#include "mdev.hpp"

namespace mdevadm::sim {

namespace {

constexpr std::size_t first_buffer = 1024;  // size of the buffer for F0's file

class FlatParent final : public MdevParent {
 public:
  using MdevParent::MdevParent;

  void preset(const SimDevice& device) override {
    create({.uuid = device.uuid,
            .name = name_of(device.uuid, 0),
            .type = settings_.find_type(device.type),
            .vm = settings_.vm_uuid ? device.uuid.str() : std::string{}},
           [](int) {});
  }

  // A virtual machine starts only if all of its devices are online (documented for F2, and applied to F0 and
  // F1, whose sources show no such check; F3 has no online state).
  int admit(Assignable& assignable, const std::string&) override {
    Mdev& device = static_cast<Mdev&>(assignable);
    if (device.state != Mdev::State::active) {
      return ENODEV;
    }
    const bool needs_online = settings_.interface->revision != 3;
    return needs_online && any_of_vm(device, [](const Mdev& mate) { return !mate.online; }) ? EINVAL : 0;
  }

 private:
  unsigned revision() const { return settings_.interface->revision; }
  bool has_instances() const { return revision() < 2; }

  std::string name_of(const Uuid& uuid, std::uint64_t instance) const {
    return has_instances() ? fmt::format("{}-{}", uuid.str(), instance) : uuid.str();
  }

  // Returns true if any device of the same virtual machine meets the condition. Its devices share a vm_uuid;
  // in F0 and F1 they share a UUID.
  template <typename Condition>
  bool any_of_vm(const Mdev& device, Condition condition) const {
    return std::any_of(mdevs().begin(), mdevs().end(), [&](const auto& entry) {
      const Mdev& mate = *entry.second;
      const bool same = &mate == &device || (has_instances() ? mate.uuid == device.uuid
                                                             : !device.vm.empty() && mate.vm == device.vm);
      return same && condition(mate);
    });
  }

  NodeId device_home() const override { return home_; }

  void publish() override {
    Kernfs& files = kernel_.files;
    home_ = revision() == 3 ? files.directory(directory_, "mdev-host") : directory_;
    files.attribute(home_, "mdev_supported_types", 0444, [this] { return Reading{types_text()}; });
    files.attribute(home_, "mdev_create", 0200, {},
                    [this](std::string_view data, const Answer& answer) { write_create(data, answer); });
    files.attribute(home_, "mdev_destroy", 0200, {},
                    [this](std::string_view data, const Answer& answer) { write_destroy(data, answer); });
    const NodeId shared = files.directories(Kernfs::root, "class/mdev");
    if (has_instances()) {
      add_class_file(shared, "mdev_start", true);
      add_class_file(shared, revision() == 0 ? "mdev_shutdown" : "mdev_stop", false);
    }
  }

  void unpublish() override {
    for (const char* name : {"mdev_supported_types", "mdev_create", "mdev_destroy"}) {
      kernel_.files.remove(home_, name);
    }
    if (const auto shared = kernel_.files.walk("class/mdev"); shared && has_instances()) {
      kernel_.files.remove(*shared, "mdev_start");
      kernel_.files.remove(*shared, revision() == 0 ? "mdev_shutdown" : "mdev_stop");
    }
  }

  // Returns a comment with the names of the columns and one line per type that can be created. The core
  // appends a newline.
  std::string types_text() const {
    std::string text = "# vgpu_type_id, vgpu_type, max_instance";
    for (const auto& [key, value] : settings_.types.front().properties) {
      text += ", " + key;
    }
    text += "\n";
    for (const SimType& type : settings_.types) {
      if (capacity_.left(type.id) == 0) {
        continue;
      }
      text += fmt::format("{:<7},\"{}\",{:>8}", type.id, type.name.empty() ? type.id : type.name, type.most);
      for (const auto& [key, value] : type.properties) {
        text += fmt::format(",{:>8}", value);
      }
      text += "\n";
    }
    return (revision() == 0 ? text.substr(0, first_buffer - 1) : text) + "\n";
  }

  struct Fields {
    int error = 0;
    Uuid uuid{};
    std::uint64_t instance = 0;
    std::optional<std::string_view> words{};
  };

  // Parses a UUID as F0 does: sixteen pairs of hexadecimal digits, each followed by an optional separator.
  static std::optional<Uuid> parse_loose_uuid(std::string_view text) {
    std::string digits;
    for (std::size_t i = 0; i < text.size() && digits.size() < 32;) {
      digits += text.substr(i, 2);
      i += 2;
      if (i < text.size() && std::string_view("-:\n\0", 4).find(text[i]) != std::string_view::npos) {
        ++i;
      }
    }
    if (digits.size() != 32) {
      return std::nullopt;
    }
    for (const std::size_t at : {20UL, 16UL, 12UL, 8UL}) {
      digits.insert(at, "-");
    }
    return Uuid::parse(digits);
  }

  std::optional<Uuid> parse_uuid(std::string_view field) const {
    return revision() == 0              ? parse_loose_uuid(field)
           : field.size() < uuid_length ? std::nullopt
                                        : Uuid::parse(field.substr(0, uuid_length));
  }

  // Parses "UUID:INSTANCE[:WORDS]" or "UUID[:WORDS]".
  Fields parse(std::string_view data, bool create) const {
    Fields fields;
    const std::size_t first = data.find(':');
    std::string_view rest = first == std::string_view::npos ? std::string_view{} : data.substr(first + 1);
    if (has_instances()) {
      if (first == std::string_view::npos) {
        return {EINVAL};
      }
      const std::size_t second = create ? rest.find(':') : std::string_view::npos;
      const auto number = parse_kernel_number(rest.substr(0, second));
      if (!number) {
        return {EINVAL};
      }
      fields.instance = *number;
      if (second != std::string_view::npos) {
        fields.words = rest.substr(second + 1);
      }
    } else if (first != std::string_view::npos) {
      fields.words = rest;
    }
    if (create && revision() == 0 && !fields.words) {
      return {EINVAL};
    }
    const auto uuid = parse_uuid(data.substr(0, first));
    if (!uuid) {
      return {EINVAL};
    }
    fields.uuid = *uuid;
    return fields;
  }

  // Parses the create arguments: the type and the virtual machine.
  int read_words(const Fields& fields, CreateRequest& request) const {
    std::string_view words = fields.words.value_or("");
    words = words.substr(0, words.find_last_not_of('\n') + 1);
    for (const std::string_view field : split(words, ',')) {
      const std::size_t sign = field.find('=');
      if (words.empty()) {
        break;
      }
      const std::string_view key = field.substr(0, sign);
      const std::string_view value = sign == std::string_view::npos ? "" : field.substr(sign + 1);
      if (key == "vgpu_type_id") {
        const auto type = std::find_if(settings_.types.begin(), settings_.types.end(),
                                       [&](const SimType& one) { return one.id == value; });
        request.type = type == settings_.types.end() ? nullptr : &*type;
      } else if (key == "vm_uuid" && Uuid::parse(value)) {
        request.vm = Uuid::parse(value)->str();
      } else {
        return EINVAL;
      }
    }
    return request.type == nullptr || (settings_.vm_uuid && !has_instances() && request.vm.empty()) ? EINVAL
                                                                                                    : 0;
  }

  void write_create(std::string_view data, const Answer& answer) {
    const int taken = static_cast<int>(data.size());
    const Fields fields = parse(data, true);
    CreateRequest request{.uuid = fields.uuid, .name = name_of(fields.uuid, fields.instance)};
    int error = fields.error;
    if (error == 0 && kernel_.devices.contains(request.name)) {
      error = EEXIST;
    }
    error = error != 0 ? error : read_words(fields, request);
    if (error != 0) {
      return answer(-reported(error));
    }
    create(request, [this, answer, taken](int result) { answer(result < 0 ? -reported(-result) : taken); });
  }

  // F0's core replaced all errors by EINVAL.
  int reported(int error) const { return revision() == 0 ? EINVAL : error; }

  // No device joins a virtual machine that has devices online, unless the driver supports hot-plugging.
  int refuses(const CreateRequest& request) override {
    const bool frozen = !settings_.hotplug && !request.vm.empty() &&
                        std::any_of(mdevs().begin(), mdevs().end(), [&](const auto& entry) {
                          return entry.second->vm == request.vm && entry.second->online;
                        });
    return frozen ? EBUSY : 0;
  }

  void write_destroy(std::string_view data, const Answer& answer) {
    const int taken = static_cast<int>(data.size());
    const Fields fields = parse(data, false);
    if (fields.error != 0) {
      return answer(-fields.error);
    }
    Mdev* device = find(name_of(fields.uuid, fields.instance));
    if (device == nullptr) {
      return answer(has_instances() ? -EINVAL : -ENODEV);
    }
    if (revision() == 2 && device->online) {
      return answer(-EBUSY);
    }
    remove(*device, [this, answer, taken](int error) {
      answer(error < 0 ? (has_instances() ? -EBUSY : error) : taken);
    });
  }

  // The destroy callback of F3 cannot return an error.
  bool may_refuse_removal() const override { return revision() != 3; }

  void add_early_files(Mdev&) override {}

  void furnish(Mdev& device) override {
    add_vendor_attributes(device);
    if (revision() == 2) {
      add_online_file(device);
    }
  }

  void add_online_file(Mdev& device) {
    kernel_.files.attribute(
        device.directory, "online", 0644, [&device] { return Reading{device.online ? "1\n" : "0\n"}; },
        [this, &device](std::string_view data, const Answer& answer) {
          change(
              device, {Operation::online, "online", data},
              [this](Mdev& still, std::string_view text) { return write_online(still, text); }, answer);
        });
  }

  int write_online(Mdev& device, std::string_view data) {
    const int taken = static_cast<int>(data.size());
    const auto number = parse_kernel_number(data);
    if (!number) {
      return -EINVAL;
    }
    const bool wanted = *number > 0;
    if (wanted == device.online) {
      return settings_.accepts_same_state ? taken : -EINVAL;
    }
    const int error = set_online(device, wanted);
    return error != 0 ? -error : taken;
  }

  int set_online(Mdev& device, bool wanted) {
    if (wanted && settings_.peer_budget && online_count() >= *settings_.peer_budget) {
      return ENOSPC;
    }
    if (!wanted && kernel_.is_open(device)) {
      return EBUSY;
    }
    device.online = wanted;
    log_online(device);
    return 0;
  }

  void log_online(const Mdev& device) {
    kernel_.events.emit(device.online ? "online" : "offline", kernel_.files.path_of(device.directory),
                        "mdev");
  }

  std::uint64_t online_count() const {
    return static_cast<std::uint64_t>(std::count_if(mdevs().begin(), mdevs().end(),
                                                    [](const auto& entry) { return entry.second->online; }));
  }

  // F0, F1: adds a file that switches all instances of a UUID, on any parent.
  void add_class_file(NodeId shared, const std::string& name, bool start) {
    if (kernel_.files.find(shared, name)) {
      return;
    }
    kernel_.files.attribute(
        shared, name, 0200, {}, [this, start](std::string_view data, const Answer& answer) {
          const auto uuid = parse_uuid(data);
          const int taken = static_cast<int>(data.size());
          interfere(
              Operation::online, start ? "mdev_start" : "mdev_stop",
              [this, uuid, start, taken] { return uuid ? switch_all(*uuid, start, taken) : -EINVAL; },
              answer);
        });
  }

  int switch_all(const Uuid& uuid, bool start, int taken) {
    Mdev* first = nullptr;
    for (const auto& [name, device] : kernel_.devices) {
      auto* mdev = dynamic_cast<Mdev*>(device);
      if (mdev == nullptr || mdev->uuid != uuid ||
          mdev->parent->settings().interface->layout != Layout::flat) {
        continue;
      }
      first = first == nullptr ? mdev : first;
      if (mdev->parent != first->parent) {
        continue;
      }
      if (!start && kernel_.is_open(*mdev)) {
        return -EBUSY;
      }
      mdev->online = start;
    }
    if (first == nullptr) {
      return -EINVAL;
    }
    log_online(*first);
    return taken;
  }

  NodeId home_ = 0;
};

}  // namespace

std::unique_ptr<Provider> make_flat(Kernel& kernel, const SimParent& settings) {
  return std::make_unique<FlatParent>(kernel, settings);
}

}  // namespace mdevadm::sim
