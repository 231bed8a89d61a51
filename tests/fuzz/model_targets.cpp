// Targets: texts of the kernel, drivers and users in the layers util, sys and model.
#include <array>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/model/pci.hpp>
#include <mdevadm/model/property.hpp>
#include <mdevadm/model/type_table.hpp>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/sys/uevents.hpp>
#include <mdevadm/util/quote.hpp>
#include <mdevadm/util/text.hpp>
#include <mdevadm/util/uuid.hpp>
#include <string>

#include "target.hpp"

namespace mdevadm::fuzz {

namespace {

void description(std::string_view input) {
  for (const Property& property : parse_properties(input)) {
    require(!property.name.empty(), "a property has a name");
  }
  static_cast<void>(memory_of(parse_properties(input)));
  static_cast<void>(properties_of_name(input));
}

void type_table(std::string_view input) {
  const TypeTable table = parse_type_table(input);
  require(table.understood || table.types.empty(), "a table that is not understood has no types");
}

void ap_text(std::string_view input) {
  const std::size_t end = input.find('\n');
  const std::string_view line = input.substr(0, end);
  for (const ApKind kind : ap_kinds) {
    const ApReading read = read_ap_list(line, kind);
    if (read.problem.empty() && read.change.replaces) {
      const ApReading again = read_ap_list(format_ap_list(read.change.added, kind), kind);
      require(again.problem.empty() && again.change.added == read.change.added,
              "a list of numbers that is written is read as the same");
    }
  }
  if (const auto mask = read_ap_mask(line)) {
    require(read_ap_mask(format_ap_mask(*mask)) == mask, "a mask that is written is read as the same");
  }
  if (const auto matrix = read_ap_config(line)) {
    require(read_ap_config(format_ap_config(*matrix)) == matrix,
            "a configuration that is written is read as the same");
    require(assigned_by(assignments_of(*matrix)) == *matrix, "assignments make the matrix");
  }
  static_cast<void>(read_ap_queues(line));
  static_cast<void>(read_ap_files(input, line));
  static_cast<void>(ap_value_problem({*AttributeName::parse("assign_domain"), std::string(line)}));
}

void uevent(std::string_view input) {
  if (const auto event = sys::parse_uevent(input)) {
    require(event->action.find('@') == std::string::npos, "the first @ ends the action");
  }
}

void command(std::string_view input) {
  if (const auto read = split_command(input)) {
    require(!is_utf8(input) || has_control_bytes(input) || split_command(command_line(*read)) == read,
            "a command that is shown is read as the same");
  }
}

void words(std::string_view input) {
  const std::string spelled = kernel_spelling(input);
  require(kernel_spelling(spelled) == spelled, "the kernel's spelling is its own spelling");
  static_cast<void>(full_channel_address(input));
  static_cast<void>(PciPattern::parse(input));
  static_cast<void>(parse_vgpu_name(input));
  if (const auto uuid = Uuid::parse(input)) {
    require(Uuid::parse(uuid->str()) == uuid, "a UUID that is written is read as the same");
  }
  const std::string shown = printable(input);
  require(is_utf8(shown) && !has_control_bytes(shown), "printable text is safe");
}

}  // namespace

std::span<const Target> model_targets() {
  static const std::array targets{
      Target{"description", description}, Target{"type-table", type_table}, Target{"ap", ap_text},
      Target{"uevent", uevent},           Target{"command", command},       Target{"words", words}};
  return targets;
}

}  // namespace mdevadm::fuzz
