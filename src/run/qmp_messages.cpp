#include "qmp_messages.hpp"

#include <mdevadm/util/json.hpp>
#include <mdevadm/util/uuid.hpp>

namespace mdevadm {

namespace {

using Json = nlohmann::json;

constexpr std::string_view mdev_directory = "/sys/bus/mdev/devices/";
constexpr std::string_view pci_directory = "/sys/bus/pci/devices/";

const Json& value_at(const Json& object, const char* key) {
  static const Json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}

std::string text_at(const Json& object, const char* key) {
  const Json& value = value_at(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

}  // namespace

std::optional<Json> parse_qmp(std::string_view line) {
  try {
    Json message = parse_json(line);
    return message.is_object() ? std::optional(std::move(message)) : std::nullopt;
  } catch (const JsonMistake&) {
    return std::nullopt;
  }
}

std::optional<QmpAnswer> answer_in(const Json& message, std::uint64_t id) {
  if (value_at(message, "id") != id) {
    return std::nullopt;
  }
  const Json& refusal = value_at(message, "error");
  return refusal.is_object() ? QmpAnswer{{}, QmpError{text_at(refusal, "class"), text_at(refusal, "desc")}}
                             : QmpAnswer{value_at(message, "return"), {}};
}

std::vector<QomChild> children_in(const Json& value) {
  std::vector<QomChild> children;
  for (const Json& child : value) {
    children.push_back({text_at(child, "name"), text_at(child, "type")});
  }
  return children;
}

AttachedDevice attached_device(const std::string& id, const Json& sysfsdev) {
  AttachedDevice device{.id = id};
  const std::string directory = sysfsdev.is_string() ? sysfsdev.get<std::string>() : "";
  const std::string last = directory.substr(directory.rfind('/') + 1);
  if (directory.starts_with(pci_directory)) {
    device.vf = last;
  } else if (directory.starts_with(mdev_directory) || Uuid::parse(last)) {
    device.kernel_name = last;
  }
  return device;
}

Unplugging unplugging_in(const Json& event, std::string_view id) {
  const std::string kind = text_at(event, "event");
  const Json& data = value_at(event, "data");
  const bool concerns = text_at(data, "device") == id || text_at(data, "path") == id;
  return concerns && kind == "DEVICE_DELETED"              ? Unplugging::deleted
         : concerns && kind == "DEVICE_UNPLUG_GUEST_ERROR" ? Unplugging::refused
                                                           : Unplugging::unknown;
}

}  // namespace mdevadm
