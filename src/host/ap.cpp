// The AP bus of IBM Z, and the reasons of vfio-ap for refusing queues.
#include <mdevadm/model/ap.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/host/host.hpp>
#include <mdevadm/util/text.hpp>

#include "answers.hpp"
#include "device_reader.hpp"
#include "interface.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

constexpr const char* ap_directory = "sys/bus/ap";
constexpr const char* vfio_ap = "vfio_ap";
constexpr std::size_t named_queues = 4;
constexpr std::string_view card_prefix = "card";

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
  const sys::Result<sys::Dir> devices = checked(bus.open_dir("devices"));
  const auto entries = checked(sys::entries_of(devices));
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    const ApQueuesReading queue = read_ap_queues(entry.name);
    const std::optional<std::string> driver =
        queue.problem.empty() ? read_driver_override(*devices, entry.name + "/driver_override")
                              : std::nullopt;
    if (driver) {
      result.emplace_back(queue.matrix.queues().front(), *driver);
    }
  }
  return result;
}

// Returns the queues that are bound to a driver, sorted.
std::vector<Apqn> queues_bound_to(const sys::Dir& bus, const std::string& name) {
  std::vector<Apqn> result;
  const sys::Result<sys::Dir> driver = checked(bus.open_dir("drivers/" + name));
  const auto entries = checked(sys::entries_of(driver));
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    if (const ApQueuesReading queue = read_ap_queues(entry.name); queue.problem.empty()) {
      result.push_back(queue.matrix.queues().front());
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

void read_bindings(const sys::Dir& bus, ApHost& host) {
  host.bound = queues_bound_to(bus, vfio_ap);
  const sys::Result<sys::Dir> drivers = checked(bus.open_dir("drivers"));
  const auto entries = checked(sys::entries_of(drivers));
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    for (const Apqn& queue : entry.name != vfio_ap ? queues_bound_to(bus, entry.name) : std::vector<Apqn>{}) {
      host.other_drivers.emplace_back(queue, entry.name);
    }
  }
  std::sort(host.other_drivers.begin(), host.other_drivers.end());
}

}  // namespace

std::optional<ApCard> read_card(const sys::Dir& devices, const std::string& name) {
  // card05 has the number of the line "05." in a matrix.
  const auto line =
      name.starts_with(card_prefix) ? read_ap_files(name.substr(card_prefix.size()) + ".", "") : std::nullopt;
  if (!line) {
    return std::nullopt;
  }
  const auto flag = [&](const char* file) {
    const auto number = read_number(devices, fmt::format("{}/{}", name, file));
    return number ? std::optional(*number != 0) : std::nullopt;
  };
  return ApCard{.adapter = numbers_of(line->adapters).front(),
                .type = read_optional(devices, name + "/type"),
                .online = flag("online"),
                .configured = flag("config"),
                .checkstopped = flag("chkstop")};
}

namespace {

void read_cards(const sys::Dir& bus, ApHost& host) {
  const sys::Result<sys::Dir> devices = checked(bus.open_dir("devices"));
  const auto entries = checked(sys::entries_of(devices));
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    if (const auto card = read_card(*devices, entry.name)) {
      host.deconfigured.set(card->adapter, card->configured == false);
      host.checkstopped.set(card->adapter, card->checkstopped == true);
      host.cards.push_back(*card);
    }
  }
  std::sort(host.cards.begin(), host.cards.end(),
            [](const ApCard& a, const ApCard& b) { return a.adapter < b.adapter; });
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

// Returns the queues that a matrix and a file of queues have in common, also if the list in the file is cut.
std::vector<Apqn> queues_in(std::string_view text, const ApMatrix& wanted) {
  std::vector<Apqn> found;
  for (const std::string_view line : split(text, '\n')) {
    const ApQueuesReading queue = read_ap_queues(line);
    if (queue.problem.empty() && !common_queues(queue.matrix, wanted).empty()) {
      found.push_back(queue.matrix.queues().front());
    }
  }
  return found;
}

// Returns the error for a queue that another device has: the device, or those that may be it.
std::optional<Error> taken_queue(const sys::Dir& siblings, const Uuid& self, const ApMatrix& wanted,
                                 const std::string& doing) {
  const auto entries = checked(siblings.entries());
  std::vector<std::string> suspects;
  std::optional<std::string> removing, cut;
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    const auto uuid = Uuid::parse(entry.name);
    if (!uuid || *uuid == self) {
      continue;
    }
    const auto text = read_optional(siblings, entry.name + "/matrix");
    const std::vector<Apqn> common = queues_in(text.value_or(""), wanted);
    if (!common.empty()) {
      return Error(ExitCode::conflict,
                   fmt::format("{}: {} assigned to device {}", doing, format_queues(common, named_queues),
                               uuid->str()),
                   fmt::format("stop that device: mdevadm stop {}", uuid->str()));
    }
    // While a removal is pending, the kernel has removed the files.
    const bool is_removing = !siblings.exists(entry.name + "/uevent");
    if (is_removing || !text || may_be_cut(*text) || !read_ap_files(*text, "")) {
      suspects.push_back(fmt::format(
          "{} ({})", uuid->str(),
          is_removing ? "its removal is pending" : "its adapters and domains cannot be read completely"));
      (is_removing ? removing : cut) = uuid->str();
    }
  }
  if (suspects.empty()) {
    return std::nullopt;
  }
  return Error(
      ExitCode::conflict,
      fmt::format("{}: a queue is assigned to another device, probably {}", doing, join(suspects, " or ")),
      removing ? fmt::format("wait for the removal: mdevadm stop {} --timeout 60", *removing)
               : fmt::format("show that device: mdevadm show {}", *cut));
}

std::vector<Apqn> reserved_of(const ApHost& host, std::vector<Apqn> queues) {
  std::erase_if(queues, [&](const Apqn& queue) { return !host.reserves(queue); });
  return queues;
}

// Returns the queues for which the driver refuses a matrix: those that are reserved for the host, or else
// those that are not bound to it.
std::vector<Apqn> refused_queues(const ApHost& host, ApMatrix wanted) {
  // While a device has only adapters or only domains, drivers before Linux 6.0 require one queue of each.
  const bool is_half = wanted.adapters.none() != wanted.domains.none();
  if (is_half) {
    (wanted.adapters.none() ? wanted.adapters : wanted.domains) =
        (wanted.adapters.none() ? host.adapters : host.domains).value_or(ApSet{});
  }
  std::vector<Apqn> queues = wanted.queues();
  std::vector<Apqn> reserved = reserved_of(host, queues);
  std::erase_if(queues, [&](const Apqn& queue) {
    return host.reserves(queue) ||
           (host.bound && std::binary_search(host.bound->begin(), host.bound->end(), queue));
  });
  return !reserved.empty() && (!is_half || queues.empty()) ? reserved : queues;
}

}  // namespace

std::optional<ApHost> Host::observe_ap_bus(bool with_bindings) const {
  const sys::Result<sys::Dir> bus = checked(root_->open_dir(ap_directory));
  const auto host_adapters = bus ? read_mask(*bus, "apmask") : std::nullopt;
  const auto host_domains = bus ? read_mask(*bus, "aqmask") : std::nullopt;
  if (!host_adapters || !host_domains) {
    return std::nullopt;
  }
  ApHost host{.adapters = read_mask(*bus, "ap_adapter_mask"),
              .domains = read_mask(*bus, "ap_usage_domain_mask"),
              .control_domains = read_mask(*bus, "ap_control_domain_mask"),
              .host_adapters = *host_adapters,
              .host_domains = *host_domains};
  const auto highest = [&](const char* name) {
    const auto number = read_number(*bus, name);
    return number && *number < ap_numbers ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
  };
  host.max_adapter = highest("ap_max_adapter_id");
  host.max_domain = highest("ap_max_domain_id");
  host.overrides = read_overrides(*bus);
  if (with_bindings) {
    read_bindings(*bus, host);
    read_cards(*bus, host);
  }
  return host;
}

void Host::check_queues(const Device& device, const ApMatrix& expected) const {
  const Snapshot seen = observe({.facets = Facet::devices | Facet::queues,
                                 .details_of = std::nullopt,
                                 .devices = std::vector{device.uuid},
                                 .removals = false});
  const Device* found = seen.find_device(device.uuid);
  const std::optional<ApMatrix> now = found != nullptr ? found->queues : std::nullopt;
  const auto shown = [](const ApSet& set, ApKind kind) {
    return set.none() ? std::string("none") : format_ap_list(set, kind);
  };
  for (const ApKind kind : ap_kinds) {
    if (now && now->of(kind) != expected.of(kind)) {
      throw Error(ExitCode::failed,
                  fmt::format("{}s {} were written, but the driver reports {}", ap_word(kind),
                              shown(expected.of(kind), kind), shown(now->of(kind), kind)));
    }
  }
}

Error explained(const sys::Dir& root, const Device& device, const Attribute& attribute, const Error& error) {
  const sys::Result<sys::Dir> directory = checked(root.open_dir(device.path));
  const sys::Result<sys::Dir> siblings = checked(root.open_dir(std::string(directory_of(device.path.str()))));
  if (!directory || !siblings) {
    return error;
  }
  const ApMatrix wanted = matrix_after(*directory, attribute);
  const std::string doing = setting_of(attribute);
  if (error.number() == EADDRINUSE) {
    std::optional<Error> taken = taken_queue(*siblings, device.uuid, wanted, doing);
    // Drivers before Linux 6.0, which have no guest_matrix, log nothing.
    const bool is_logged = directory->exists("guest_matrix");
    return taken ? std::move(*taken).caused_by(error.number())
                 : error.with_hint(is_logged ? "the kernel log names the queue and the device: dmesg"
                                             : "show the devices that have queues: mdevadm show matrix");
  }
  const std::optional<ApHost> host = Host(root).observe_ap_bus(true);
  if (error.number() != EADDRNOTAVAIL || !host) {
    return error;
  }
  const std::vector<Apqn> refused = refused_queues(*host, wanted);
  const std::vector<Apqn> reserved = reserved_of(*host, refused);
  if (!reserved.empty()) {
    return Error(ExitCode::conflict,
                 fmt::format("{}: {} reserved for the host ({})", doing,
                             format_queues(reserved, named_queues), host->reservation_of(reserved)),
                 advice_to_release(*host, reserved))
        .caused_by(EADDRNOTAVAIL)
        .worth(Retry::later);
  }
  // Before Linux 6.0, the driver accepts only queues that are bound to it. Masks do not help.
  const UnboundReason reason =
      refused.empty() ? UnboundReason{"a queue is not on this host, or not bound to vfio_ap",
                                      {"list the queues of the host: mdevadm show " + device.parent.str()}}
                      : why_unbound(*host, refused);
  return Error(ExitCode::conflict, fmt::format("{}: {}", doing, reason.text), reason.hints)
      .caused_by(EADDRNOTAVAIL)
      .worth(Retry::later);
}

}  // namespace mdevadm
