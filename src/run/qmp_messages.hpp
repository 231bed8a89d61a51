// Messages of QEMU's monitor protocol, read without I/O. Another program may listen at the socket, and QEMU
// may have been taken over by its guest: every message is possible. Internal header.
#pragma once

#include <cstdint>
#include <mdevadm/model/guest.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// Returns the message in a line, a JSON object; nullopt if there is none, or if it is nested so deeply that
// the recursive functions of the JSON library could exhaust the stack.
std::optional<nlohmann::json> parse_qmp(std::string_view line);

// The answer {"error": {"class": …, "desc": …}} to a command. The text of an error of another form is its
// JSON.
struct QmpError {
  std::string kind;
  std::string text;
};

struct QmpAnswer {
  nlohmann::json value{};  // null if there is none; no command that is used here returns null
  std::optional<QmpError> refusal{};
};

// Returns nullopt if the message does not answer the command with this ID.
std::optional<QmpAnswer> answer_in(const nlohmann::json& message, std::uint64_t id);

// An entry of a directory in QEMU's object model.
struct QomChild {
  std::string name;
  std::string type;
};

// Returns the answer to qom-list; nullopt if the value cannot be one.
std::optional<std::vector<QomChild>> children_in(const nlohmann::json& value);

// Returns the device with this ID, or path. `sysfsdev`: the value of this property, a path of the device in
// sysfs in any spelling: its last component says which device it is.
AttachedDevice attached_device(const std::string& id, std::string_view sysfsdev);

// What an event says about the removal of a device.
enum class Unplugging { unknown, deleted, refused };

// `id`: the ID of the device, or its path if it has none.
Unplugging unplugging_in(const nlohmann::json& event, std::string_view id);

}  // namespace mdevadm
