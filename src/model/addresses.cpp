#include <mdevadm/model/addresses.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <mdevadm/util/text.hpp>
#include <mdevadm/util/uuid.hpp>

namespace mdevadm {

namespace {

constexpr std::size_t usual_domain_digits = 4;
constexpr std::size_t most_domain_digits = 8;
constexpr std::size_t channel_digits = 4;

bool is_hex(std::string_view text, std::size_t least, std::size_t most) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() >= least && text.size() <= most && std::all_of(text.begin(), text.end(), is_digit);
}

// The kernel prints at least four digits of the domain: 0000, 10000.
std::string domain_of(std::string_view digits) {
  while (digits.size() > usual_domain_digits && digits.front() == '0') {
    digits.remove_prefix(1);
  }
  return std::string(usual_domain_digits - std::min(usual_domain_digits, digits.size()), '0') +
         std::string(digits);
}

// `parts`: domain, bus, slot, function in lower case.
std::optional<std::string> pci_address(std::span<const std::string_view> parts) {
  const bool is_function = parts[3].size() == 1 && parts[3][0] >= '0' && parts[3][0] <= '7';
  if (!is_hex(parts[0], 1, most_domain_digits) || !is_hex(parts[1], 1, 2) || !is_hex(parts[2], 1, 2) ||
      !is_function) {
    return std::nullopt;
  }
  const auto two_digits = [](std::string_view part) {
    return std::string(2 - part.size(), '0').append(part);
  };
  std::string text = domain_of(parts[0]);
  text.append(":").append(two_digits(parts[1])).append(":").append(two_digits(parts[2]));
  text.append(".").append(parts[3]);
  return text;
}

// "[DOMAIN:]BUS:SLOT.FUNCTION"
std::optional<std::string> pci_with_colons(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != 2 && parts.size() != 3) {
    return std::nullopt;
  }
  const std::vector<std::string_view> last = split(parts.back(), '.');
  if (last.size() != 2) {
    return std::nullopt;
  }
  const std::string_view domain = parts.size() == 3 ? parts[0] : "0000";
  return pci_address(std::array{domain, parts[parts.size() - 2], last[0], last[1]});
}

// "0.0.0313": channel subsystem, subchannel set, number of a subchannel or device
std::optional<std::string> channel_address(std::span<const std::string_view> parts) {
  if (parts.size() != 3 || !is_hex(parts[0], 1, 2) || !is_hex(parts[1], 1, 1) ||
      !is_hex(parts[2], channel_digits, channel_digits)) {
    return std::nullopt;
  }
  std::string text(parts[0]);
  text.append(".").append(parts[1]).append(".").append(parts[2]);
  return text;
}

// The digits of a UUID with its hyphens.
constexpr std::size_t uuid_length = 36;

// libvirt's names of node devices: pci_0000_86_00_0, css_0_0_0313, ap_matrix
std::optional<std::string> of_libvirt(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '_');
  if (parts.size() == 5 && parts[0] == "pci") {
    return pci_address(std::span(parts).subspan(1));
  }
  if (parts.size() == 4 && (parts[0] == "css" || parts[0] == "ccw")) {
    return channel_address(std::span(parts).subspan(1));
  }
  return text == "ap_matrix" ? std::optional<std::string>("matrix") : std::nullopt;
}

// libvirt's names of mediated devices: mdev_UUID with underscores, in newer releases followed by
// the parent
std::optional<std::string> uuid_of_libvirt(std::string_view text) {
  constexpr std::string_view prefix = "mdev_";
  if (!text.starts_with(prefix)) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(prefix.size());
  if (rest.size() > uuid_length && rest[uuid_length] != '_') {
    return std::nullopt;
  }
  std::string uuid(rest.substr(0, uuid_length));
  std::replace(uuid.begin(), uuid.end(), '_', '-');
  const auto parsed = Uuid::parse(uuid);
  return parsed ? std::optional(parsed->str()) : std::nullopt;
}

}  // namespace

std::string kernel_spelling(std::string_view word) {
  if (word.starts_with("/sys/")) {
    const std::size_t end = word.find_last_not_of('/');
    const std::string_view path = word.substr(0, end + 1);
    return kernel_spelling(path.substr(path.rfind('/') + 1));
  }
  const std::string lower = to_lower(word);
  // lshw writes pci@0000:86:00.0, udev's ID_PATH pci-0000:86:00.0.
  const bool has_bus = lower.starts_with("pci@") || lower.starts_with("pci-");
  if (const auto address = pci_with_colons(std::string_view(lower).substr(has_bus ? 4 : 0))) {
    return *address;
  }
  if (const auto address = channel_address(split(lower, '.'))) {
    return *address;
  }
  if (const auto uuid = uuid_of_libvirt(lower)) {
    return *uuid;
  }
  return of_libvirt(lower).value_or(std::string(word));
}

bool is_channel_address(std::string_view word) {
  return channel_address(split(word, '.')).has_value();
}

std::optional<std::string> bare_channel_address(std::string_view word) {
  const std::string lower = to_lower(word);
  for (const std::string& name : {lower, "0.0." + lower}) {
    if (is_channel_address(name)) {
      return name;
    }
  }
  return std::nullopt;
}

std::optional<std::string> full_channel_address(std::string_view word) {
  const std::string lower = to_lower(word);
  const std::vector<std::string_view> parts = split(lower, '.');
  std::string_view number = parts.back();
  number.remove_prefix(number.starts_with("0x") ? 2 : 0);
  if (parts.size() == 2 || number.empty() || number.size() > channel_digits) {
    return std::nullopt;
  }
  const std::string padded = std::string(channel_digits - number.size(), '0') + std::string(number);
  return parts.size() == 1   ? channel_address(std::array<std::string_view, 3>{"0", "0", padded})
         : parts.size() == 3 ? channel_address(std::array<std::string_view, 3>{parts[0], parts[1], padded})
                             : std::nullopt;
}

std::vector<std::string> other_spellings(std::string_view word) {
  std::vector<std::string> names;
  for (const std::optional<std::string>& one :
       {std::optional(kernel_spelling(word)), full_channel_address(word), bare_channel_address(word)}) {
    if (one && *one != word && std::find(names.begin(), names.end(), *one) == names.end()) {
      names.push_back(*one);
    }
  }
  return names;
}

std::string libvirt_name(std::string_view parent, std::string_view path) {
  const std::vector<std::string_view> parts = split(path, '/');
  // sys/devices/virtual/SUBSYSTEM/NAME
  const bool is_virtual = parts.size() >= 5 && parts[2] == "virtual" && parts.back() == parent;
  const std::string_view subsystem = is_pci_address(parent)       ? "pci"
                                     : is_channel_address(parent) ? "css"
                                     : parent == "matrix"         ? "ap"
                                     : is_virtual                 ? parts[parts.size() - 2]
                                                                  : parent;
  return libvirt_spelling(std::string(subsystem) + "_" + std::string(parent));
}

std::string libvirt_spelling(std::string name) {
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')); },
      '_');
  return name;
}

bool is_crypto_address(std::string_view word) {
  constexpr std::string_view card = "card";
  constexpr std::size_t adapter_digits = 2;
  constexpr std::size_t domain_digits = 4;
  if (word.starts_with(card)) {
    return is_hex(word.substr(card.size()), adapter_digits, adapter_digits);
  }
  const std::vector<std::string_view> parts = split(word, '.');
  return parts.size() == 2 && is_hex(parts[0], adapter_digits, adapter_digits) &&
         is_hex(parts[1], domain_digits, domain_digits);
}

std::vector<std::string> possible_pci_addresses(std::string_view word) {
  constexpr std::size_t most_slots = 0x20;
  std::string separated = to_lower(word);
  const bool has_colon = separated.find(':') != std::string::npos;
  std::replace_if(
      separated.begin(), separated.end(), [](char c) { return c == ':' || c == '_' || c == '-'; }, '.');
  std::vector<std::string_view> parts = split(separated, '.');
  if (!has_colon || is_pci_address(word) || (parts.size() != 3 && parts.size() != 4)) {
    return {};
  }
  // The domain has more digits than the other numbers, wherever it is.
  const auto longest = std::max_element(
      parts.begin(), parts.end(), [](std::string_view a, std::string_view b) { return a.size() < b.size(); });
  if (parts.size() == 4) {
    std::rotate(parts.begin(), longest, longest + 1);
  } else {
    parts.insert(parts.begin(), "0000");
  }
  std::vector<std::string> addresses;
  for (const auto& [bus, slot] : {std::pair(parts[1], parts[2]), std::pair(parts[2], parts[1])}) {
    const auto address = pci_address(std::array{parts[0], bus, slot, parts[3]});
    const bool has_slot = address && std::stoul(std::string(slot), nullptr, 16) < most_slots;
    if (has_slot && std::find(addresses.begin(), addresses.end(), *address) == addresses.end()) {
      addresses.push_back(*address);
    }
  }
  return addresses;
}

bool is_pci_address(std::string_view word) {
  return pci_with_colons(to_lower(word)).has_value();
}

}  // namespace mdevadm
