// Addresses that no device of the host has.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

bool is_on_host(const Snapshot& seen, const std::string& name) {
  const auto found = seen.host_devices.find(name);
  return seen.find_parent(name) != nullptr || seen.functions.contains(name) ||
         (found != seen.host_devices.end() && !found->second.empty());
}

bool was_not_found(const Snapshot& seen, const std::string& name) {
  return seen.host_devices.contains(name) && !is_on_host(seen, name);
}

// Returns the parent with virtual functions whose bus a PCI address names, or nullptr. The number of the
// function may be one that no device has, such as 9.
const Parent* parent_on_bus(const Snapshot& seen, std::string_view word) {
  const std::string first = kernel_spelling(std::string(word.substr(0, word.rfind('.'))) + ".0");
  const std::string bus = is_pci_address(first) ? first.substr(0, first.rfind(':') + 1) : std::string{};
  const auto found = std::find_if(seen.parents.begin(), seen.parents.end(), [&](const Parent& parent) {
    return !bus.empty() && parent.capabilities.functions && parent.name.str().starts_with(bus);
  });
  return found == seen.parents.end() ? nullptr : &*found;
}

Finding no_function(const Snapshot& seen, std::string_view address) {
  Finding finding{fmt::format("the host has no PCI function {}", printable(address)),
                  {"list the PCI functions of the host: lspci -D", "list parents: mdevadm types"}};
  if (const Parent* parent = parent_on_bus(seen, address)) {
    finding.advice.insert(
        finding.advice.begin(),
        fmt::format("list the virtual functions of {0}: mdevadm show {0}", parent->name.str()));
  }
  return finding;
}

std::optional<Finding> no_crypto_device(const std::string& name) {
  constexpr std::string_view card = "card";
  if (!is_crypto_address(name)) {
    return std::nullopt;
  }
  const bool is_card = name.starts_with(card);
  return Finding{fmt::format("the host has no crypto {} {}", is_card ? "card" : "queue", printable(name)),
                 {"list the cards and queues of the host: mdevadm show matrix"}};
}

}  // namespace

std::optional<Finding> missing_address(const Snapshot& seen, std::string_view word) {
  const std::string name = kernel_spelling(word);
  if (is_pci_address(name)) {
    return was_not_found(seen, name) ? std::optional(no_function(seen, name)) : std::nullopt;
  }
  if (parent_on_bus(seen, word) != nullptr) {
    return no_function(seen, word);
  }
  std::vector<std::string> meant = possible_pci_addresses(word);
  if (!meant.empty()) {
    std::erase_if(meant, [&](const std::string& one) { return !is_on_host(seen, one); });
    return Finding{fmt::format("'{}' is not a PCI address", printable(word)),
                   {meant.size() == 1 ? fmt::format("did you mean '{}'?", meant.front())
                                      : "PCI addresses have the form 0000:3b:00.0; list them: lspci -D"}};
  }
  const bool has_crypto = seen.find_parent("matrix") != nullptr || seen.ap;
  return has_crypto && was_not_found(seen, name) ? no_crypto_device(name) : std::nullopt;
}

}  // namespace mdevadm
