// The parts of a scenario file for IBM Z: AP buses and subchannels.
#include "scenario_z.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "ap_masks.hpp"
#include "keys.hpp"

namespace mdevadm::sim {

namespace {

using store::broken;

bool is_channel_address(std::string_view name) {
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  return name.size() == 8 && name.starts_with("0.") && name[2] >= '0' && name[2] <= '3' && name[3] == '.' &&
         std::all_of(name.begin() + 4, name.end(), is_hex);
}

std::vector<unsigned> small_numbers(Keys& keys, std::string_view key) {
  std::set<unsigned> result;
  for (const std::uint64_t number : keys.numbers(key)) {
    if (number > 255) {
      broken(*keys.find(key), fmt::format("'{}' must be a list of numbers from 0 to 255", key));
    }
    result.insert(static_cast<unsigned>(number));
  }
  return {result.begin(), result.end()};
}

// Reads the host's adapters or domains: a list, or a mask as in the boot parameters of the AP bus, which
// starts from zeros.
std::vector<unsigned> host_mask(Keys& ap, std::string_view list, std::string_view mask) {
  const toml::node* node = ap.find(mask);
  std::vector<unsigned> numbers = small_numbers(ap, list);
  if (node == nullptr) {
    return numbers;
  }
  if (ap.find(list) != nullptr) {
    broken(*node, fmt::format("'{}' and '{}' exclude each other", mask, list));
  }
  const auto read = changed_mask({}, store::text_of(*node, mask));
  if (!read) {
    broken(*node, fmt::format("'{}' must be a mask such as \"0xff\" or \"+0-7,+10\"", mask));
  }
  return {read->begin(), read->end()};
}

std::string late_mask(Keys& ap, std::string_view name) {
  std::string text = ap.text(name, "");
  if (!changed_mask({}, text)) {
    broken(*ap.find(name), fmt::format("'{}' must be a mask such as \"0xff\" or \"-5,-0x14\"", name));
  }
  return text;
}

}  // namespace

void read_subchannel(Keys& keys, SimParent& parent) {
  const bool is_subchannel = parent.bus == "css";
  const bool is_gvt = parent.bus == "pci" && parent.arithmetic == Arithmetic::gvt;
  const bool is_typed_pci = parent.bus == "pci" && parent.interface->layout == Layout::typed;
  for (const auto& [key, is_known] : {std::pair{"loaded", is_subchannel || is_gvt}, {"enable_gvt", is_gvt}}) {
    if (const toml::node* node = is_known ? nullptr : keys.find(key)) {
      broken(*node, fmt::format("'{}' requires a parent of {}", key,
                                key == std::string_view("loaded") ? "GVT-g or vfio_ccw" : "GVT-g"));
    }
  }
  parent.has_switches = is_typed_pci && (keys.find("bound") != nullptr || keys.find("loaded") != nullptr ||
                                         keys.find("enable_gvt") != nullptr);
  parent.loaded = keys.truth("loaded", true);
  parent.enable_gvt = keys.truth("enable_gvt", true);
  const toml::table* table = keys.table("subchannel");
  if (table != nullptr && !is_subchannel) {
    broken(*table, R"('subchannel' requires arithmetic = { kind = "ccw" })");
  }
  if (table != nullptr) {
    Keys about(*table, "'subchannel'");
    SubchannelSettings& to = parent.subchannel;
    to.type = static_cast<unsigned>(std::min<std::uint64_t>(about.number("type", 0), 3));
    to.device = about.text("device", to.device);
    to.devtype = about.text("devtype", to.devtype);
    to.cutype = about.text("cutype", to.cutype);
    to.driver = about.text("driver", to.driver);
    to.online = about.truth("online", false);
    to.qdio = about.truth("qdio", false);
    to.operational = about.truth("operational", true);
    if (to.device != "none" && !is_channel_address(numbered(to.device, 0))) {
      broken(*about.find("device"), "'device' must be a device number such as \"0.0.2b09\", or \"none\"");
    }
    about.finish();
  }
  if (is_subchannel && (!parent.loaded || parent.subchannel.qdio || parent.subchannel.type != 0) &&
      keys.find("bound") == nullptr) {
    parent.bound = parent.subchannel.type == 0 ? "io_subchannel" : "";
  }
}

void read_queues(Keys& keys, SimParent& parent) {
  const toml::table* table = keys.table("ap");
  if ((table != nullptr) != (parent.arithmetic == Arithmetic::ap)) {
    broken(keys.node(), table != nullptr ? R"(an 'ap' table requires arithmetic = { kind = "ap" })"
                                         : R"(arithmetic = { kind = "ap" } requires an 'ap' table)");
  }
  if (table != nullptr) {
    Keys ap(*table, "'ap'");
    parent.ap.adapters = small_numbers(ap, "adapters");
    parent.ap.domains = small_numbers(ap, "domains");
    parent.ap.max_adapter =
        static_cast<unsigned>(std::min<std::uint64_t>(ap.number("max_adapter", 255), 255));
    parent.ap.max_domain = static_cast<unsigned>(std::min<std::uint64_t>(ap.number("max_domain", 255), 255));
    parent.ap.control_domains = small_numbers(ap, "control_domains");
    if (ap.find("control_domains") == nullptr) {
      parent.ap.control_domains = parent.ap.domains;
    }
    parent.ap.host_adapters = host_mask(ap, "host_adapters", "apmask");
    parent.ap.host_domains = host_mask(ap, "host_domains", "aqmask");
    parent.ap.late_apmask = late_mask(ap, "late_apmask");
    parent.ap.late_aqmask = late_mask(ap, "late_aqmask");
    parent.ap.masks_after = std::chrono::milliseconds(ap.number("masks_after", 0));
    parent.ap.card = ap.text("card", "CEX8C");
    if (parent.ap.card.size() != 5 || !parent.ap.card.starts_with("CEX") ||
        std::string_view("45678").find(parent.ap.card[3]) == std::string_view::npos ||
        std::string_view("ACP").find(parent.ap.card[4]) == std::string_view::npos) {
      broken(*ap.find("card"), "'card' must be CEX4 to CEX8, followed by A, C or P");
    }
    ap.finish();
  }
}

}  // namespace mdevadm::sim
