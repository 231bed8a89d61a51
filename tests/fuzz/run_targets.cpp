// Targets: what QEMU, libvirt and scripts answer.
#include <array>
#include <mdevadm/run/hook_json.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <run/domain_xml.hpp>
#include <run/qmp_messages.hpp>
#include <string>

#include "target.hpp"

namespace mdevadm::fuzz {

namespace {

bool is_one_name(const std::string& text) {
  return text.find('/') == std::string::npos;
}

// Each line is a message.
void qmp(std::string_view input) {
  for (const std::string_view line : split(input, '\n')) {
    const auto message = parse_qmp(line);
    if (!message) {
      continue;
    }
    require(message->is_object(), "a message is an object");
    require(!message->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).empty(),
            "a message can be shown");
    static_cast<void>(unplugging_in(*message, "vm1"));
    const auto answer = answer_in(*message, 1);
    if (!answer) {
      continue;
    }
    require(!answer->refusal || answer->value.is_null(), "a command that is refused has no value");
    require(!answer->refusal || !answer->refusal->text.empty(), "a refusal has a text");
    static_cast<void>(children_in(answer->value));
    const AttachedDevice device =
        attached_device("vm1", answer->value.is_string() ? answer->value.get<std::string>() : std::string());
    require(is_one_name(device.kernel_name) && is_one_name(device.vf), "a device has a name, not a path");
    require(device.kernel_name.empty() || device.vf.empty(), "a device is on one bus");
  }
}

void domain(std::string_view input) {
  try {
    static_cast<void>(hostdevs_in(input));
  } catch (const Error&) {
  }
}

void callout(std::string_view input) {
  static_cast<void>(parse_capabilities(input));
  const ReportedAttributes reported = parse_reported_attributes(input);
  require(!reported.error || reported.error->what()[0] != '\0', "an error has a message");
  require(is_utf8(in_characters(input)), "output of a script is made valid UTF-8");
}

}  // namespace

std::span<const Target> run_targets() {
  static const std::array targets{Target{"qmp", qmp}, Target{"domain", domain}, Target{"callout", callout}};
  return targets;
}

}  // namespace mdevadm::fuzz
