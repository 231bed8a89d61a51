// Targets: what QEMU, libvirt, the kernel and scripts answer, and the files below /run/mdevadm.
#include <array>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/run/hook_json.hpp>
#include <mdevadm/sys/uevents.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <run/domain_xml.hpp>
#include <run/qmp_messages.hpp>
#include <store/runtime_text.hpp>
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
    static_cast<void>(children_in(answer->value));
    const AttachedDevice device = attached_device("vm1", answer->value);
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

void uevent(std::string_view input) {
  if (const auto event = sys::parse_uevent(input)) {
    require(event->action.find('@') == std::string::npos, "the first @ ends the action");
  }
}

void callout(std::string_view input) {
  static_cast<void>(parse_capabilities(input));
  const ReportedAttributes reported = parse_reported_attributes(input);
  require(!reported.error || reported.error->what()[0] != '\0', "an error has a message");
  require(is_utf8(in_characters(input)), "output of a script is made valid UTF-8");
}

// The first byte selects the kind of file.
void run_files(std::string_view input) {
  if (input.empty()) {
    return;
  }
  const std::string_view text = input.substr(1);
  static const Uuid uuid = *Uuid::parse("8f3c2a10-0000-4000-8000-000000000001");
  static const ParentName parent = *ParentName::parse("0000:86:00.0");
  constexpr const char* same = "a file that is written is read as the same";
  switch (input.front()) {
    case 'r':
      if (const auto read = store::parse_record(text, uuid)) {
        require(store::parse_record(store::format_record(*read), uuid) == read, same);
      }
      break;
    case 'c':
      if (const Claim read = store::parse_claim(text, uuid); read.problem.empty()) {
        require(store::parse_claim(store::format_claim(read), uuid) == read, same);
        static_cast<void>(timestamp(read.at));
      }
      break;
    case 'b':
      if (const auto read = store::parse_boot_event(text, uuid, parent)) {
        require(store::parse_boot_event(store::format_boot_event(*read), uuid, parent) == read, same);
        static_cast<void>(read->ended - read->asked);
      }
      break;
    case 'p': {
      const ProbeResults read = store::parse_probes(text);
      const ProbeResults again = store::parse_probes(store::format_probes(read));
      require(again.state == read.state && again.all == read.all, same);
      break;
    }
    default: {
      const Preparation read = store::parse_preparation(text, parent);
      require(store::parse_preparation(store::format_preparation(read), parent) == read, same);
    }
  }
}

void command(std::string_view input) {
  if (const auto read = split_command(input)) {
    require(split_command(command_line(*read)) == read, "a command that is written is read as the same");
  }
}

}  // namespace

std::span<const Target> run_targets() {
  static const std::array targets{
      Target{"qmp", qmp},         Target{"domain", domain},       Target{"uevent", uevent},
      Target{"callout", callout}, Target{"run-files", run_files}, Target{"command", command}};
  return targets;
}

}  // namespace mdevadm::fuzz
