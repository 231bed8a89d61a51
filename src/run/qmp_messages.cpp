#include "qmp_messages.hpp"

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/util/json.hpp>
#include <mdevadm/util/text.hpp>
#include <mdevadm/util/uuid.hpp>

namespace mdevadm {

namespace {

using Json = nlohmann::json;

constexpr std::string_view mdev_directory = "/sys/bus/mdev/devices";
constexpr std::size_t length_of_uuid = 36;
constexpr std::size_t longest_refusal = 80;

const Json& value_at(const Json& object, const char* key) {
  static const Json none;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}

std::string text_at(const Json& object, const char* key) {
  const Json& value = value_at(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

std::string text_of_refusal(const Json& refusal) {
  const std::string text = text_at(refusal, "desc");
  return !text.empty()
             ? text
             : shortened(refusal.dump(-1, ' ', false, Json::error_handler_t::replace), longest_refusal);
}

bool is_child(const Json& value) {
  return value_at(value, "name").is_string() && value_at(value, "type").is_string();
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
  const auto refusal = message.find("error");
  return refusal != message.end()
             ? QmpAnswer{{}, QmpError{text_at(*refusal, "class"), text_of_refusal(*refusal)}}
             : QmpAnswer{value_at(message, "return"), {}};
}

std::optional<std::vector<QomChild>> children_in(const Json& value) {
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_child)) {
    return std::nullopt;
  }
  std::vector<QomChild> children;
  for (const Json& child : value) {
    children.push_back({text_at(child, "name"), text_at(child, "type")});
  }
  return children;
}

AttachedDevice attached_device(const std::string& id, std::string_view sysfsdev) {
  std::string directory;
  std::string last;
  for (const std::string_view part : split(sysfsdev, '/')) {
    if (!part.empty() && part != ".") {
      directory += last.empty() ? "" : "/" + last;
      last = part;
    }
  }
  AttachedDevice device{.id = id};
  if (is_pci_address(last)) {
    device.vf = kernel_spelling(last);
  } else if (directory == mdev_directory || Uuid::parse(last.substr(0, length_of_uuid))) {
    device.kernel_name = last;  // a numbered device has more than its UUID
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
