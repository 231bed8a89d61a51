#include <mdevadm/model/pci.hpp>

#include <fmt/format.h>

#include <charconv>
#include <mdevadm/util/text.hpp>
#include <vector>

namespace mdevadm {

namespace {

// Parses four hexadecimal digits, as all programs print PCI IDs.
std::optional<std::uint16_t> parse_id(std::string_view text) {
  std::uint16_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  return text.size() == 4 && error == std::errc{} && end == text.data() + text.size() ? std::optional(id)
                                                                                      : std::nullopt;
}

}  // namespace

std::optional<PciPattern> PciPattern::parse(std::string_view text) {
  const std::vector<std::string_view> fields = split(text, ':');
  if (fields.size() != 2 && fields.size() != 4) {
    return std::nullopt;
  }
  const auto vendor = parse_id(fields[0]);
  const auto device = parse_id(fields[1]);
  if (!vendor || (!device && (!fields[1].empty() || fields.size() == 4))) {
    return std::nullopt;
  }
  PciPattern result{*vendor, device};
  if (fields.size() == 4) {
    const auto board_vendor = parse_id(fields[2]);
    const auto board = parse_id(fields[3]);
    if (!board_vendor || !board) {
      return std::nullopt;
    }
    result.subsystem = {*board_vendor, *board};
  }
  return result;
}

std::string PciPattern::str() const {
  std::string text = fmt::format("{:04x}:", vendor);
  if (device) {
    text += fmt::format("{:04x}", *device);
  }
  return subsystem ? text + fmt::format(":{:04x}:{:04x}", subsystem->first, subsystem->second) : text;
}

bool PciPattern::matches(std::string_view pci_id, std::string_view pci_subsystem) const {
  const std::optional<PciPattern> id = parse(pci_id);
  if (!id || id->vendor != vendor || (device && id->device != device)) {
    return false;
  }
  if (!subsystem) {
    return true;
  }
  const std::optional<PciPattern> board = parse(pci_subsystem);
  return board && board->vendor == subsystem->first && board->device == subsystem->second;
}

}  // namespace mdevadm
