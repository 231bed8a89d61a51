// The AP bus of IBM Z, and the reasons of vfio-ap for refusing queues.
#include <mdevadm/model/ap.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/host/host.hpp>
#include <mdevadm/util/text.hpp>

#include "answers.hpp"
#include "interface.hpp"

namespace mdevadm {

namespace {

constexpr const char* ap_directory = "sys/bus/ap";
constexpr std::size_t named_queues = 4;

std::optional<ApSet> read_mask(const sys::Dir& bus, const char* name) {
  const std::optional<std::string> text = read_optional(bus, name);
  return text ? read_ap_mask(*text) : std::nullopt;
}

// Linux 6.19 and later select the driver of single queues.
std::vector<std::pair<Apqn, std::string>> read_overrides(const sys::Dir& bus) {
  std::vector<std::pair<Apqn, std::string>> result;
  if (!bus.exists("bindings_complete_count")) {
    return result;
  }
  const sys::Result<sys::Dir> devices = bus.open_dir("devices");
  const auto entries = devices ? devices->entries() : sys::Result<std::vector<sys::Entry>>(devices.error());
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    const ApQueuesReading queue = read_ap_queues(entry.name);
    const std::optional<std::string> driver =
        queue.problem.empty() ? read_optional(*devices, entry.name + "/driver_override") : std::nullopt;
    if (driver && !trim(*driver).empty() && trim(*driver) != "(null)") {
      result.emplace_back(queue.matrix.queues().front(), trim(*driver));
    }
  }
  return result;
}

// Returns the matrix that a device would have with the attribute.
ApMatrix matrix_after(const sys::Dir& directory, const Attribute& attribute) {
  const ApMatrix added = assigned_by({attribute});
  if (attribute.name.str() == "ap_config") {
    return added;
  }
  ApMatrix matrix = read_ap_files(read_optional(directory, "matrix").value_or(""), "").value_or(ApMatrix{});
  for (const ApKind kind : ap_kinds) {
    matrix.of(kind) |= added.of(kind);
  }
  return matrix;
}

// Returns "queue 05.0014 belongs to device UUID" for the first device that has one of the queues, and its
// UUID.
std::pair<std::string, std::string> owner_in(const sys::Dir& siblings, const Uuid& self,
                                             const ApMatrix& wanted) {
  const auto entries = siblings.entries();
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    const auto uuid = Uuid::parse(entry.name);
    const auto text = uuid && *uuid != self ? read_optional(siblings, entry.name + "/matrix") : std::nullopt;
    const auto matrix = text ? read_ap_files(*text, "") : std::nullopt;
    const std::vector<Apqn> common = matrix ? common_queues(*matrix, wanted) : std::vector<Apqn>{};
    if (!common.empty()) {
      return {fmt::format("{} assigned to device {}", format_queues(common, named_queues), uuid->str()),
              uuid->str()};
    }
  }
  return {};
}

}  // namespace

std::optional<ApHost> Host::observe_ap_bus() const {
  const sys::Result<sys::Dir> bus = root_->open_dir(ap_directory);
  const auto host_adapters = bus ? read_mask(*bus, "apmask") : std::nullopt;
  const auto host_domains = bus ? read_mask(*bus, "aqmask") : std::nullopt;
  if (!host_adapters || !host_domains) {
    return std::nullopt;
  }
  ApHost host{.adapters = read_mask(*bus, "ap_adapter_mask"),
              .domains = read_mask(*bus, "ap_usage_domain_mask"),
              .host_adapters = *host_adapters,
              .host_domains = *host_domains};
  const auto highest = [&](const char* name) {
    const auto number = read_number(*bus, name);
    return number && *number < ap_numbers ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
  };
  host.max_adapter = highest("ap_max_adapter_id");
  host.max_domain = highest("ap_max_domain_id");
  host.overrides = read_overrides(*bus);
  return host;
}

Error explained(const sys::Dir& root, const Device& device, const Attribute& attribute, const Error& error) {
  const sys::Result<sys::Dir> directory = root.open_dir(device.path);
  const sys::Result<sys::Dir> siblings = root.open_dir(device.path.substr(0, device.path.rfind('/')));
  if (!directory || !siblings) {
    return error;
  }
  const ApMatrix wanted = matrix_after(*directory, attribute);
  const std::string doing = setting_of(attribute);
  if (error.number() == EADDRINUSE || error.number() == EBUSY) {
    const auto [reason, owner] = owner_in(*siblings, device.uuid, wanted);
    return reason.empty() ? error
                          : Error(ExitCode::conflict, fmt::format("{}: {}", doing, reason),
                                  fmt::format("stop that device: mdevadm stop {}", owner))
                                .caused_by(error.number());
  }
  const std::optional<ApHost> host = Host(root).observe_ap_bus();
  const std::vector<Apqn> reserved =
      host && error.number() == EADDRNOTAVAIL ? host->reserved_queues(wanted) : std::vector<Apqn>{};
  if (!reserved.empty()) {
    return Error(ExitCode::conflict,
                 fmt::format("{}: {} reserved for the host (apmask, aqmask)", doing,
                             format_queues(reserved, named_queues)),
                 advice_to_release(*host, reserved))
        .caused_by(EADDRNOTAVAIL);
  }
  // Before Linux 6.0, the driver accepts only queues that are bound to it.
  return error.number() == EADDRNOTAVAIL && host
             ? error.reworded(doing + ": a queue does not exist, or is not bound to vfio_ap")
             : error;
}

}  // namespace mdevadm
