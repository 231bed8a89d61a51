// vfio-ap matrix devices: the crypto queues (adapter × domain) assigned to a guest.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "mdev.hpp"

namespace mdevadm::sim {

namespace {

// Returns one line AA.DDDD per queue; partial lines while only adapters or only domains are assigned.
std::string matrix_text(const QueueMatrix& queues) {
  std::string text;
  for (const unsigned adapter : queues.adapters) {
    for (const unsigned domain : queues.domains) {
      text += fmt::format("{:02x}.{:04x}\n", adapter, domain);
    }
    if (queues.domains.empty()) {
      text += fmt::format("{:02x}.\n", adapter);
    }
  }
  if (queues.adapters.empty()) {
    for (const unsigned domain : queues.domains) {
      text += fmt::format(".{:04x}\n", domain);
    }
  }
  return text;
}

// Splits off the text before the next comma or newline, as strsep() does. Returns nullopt at the end.
std::optional<std::string_view> take_field(std::optional<std::string_view>& rest) {
  if (!rest) {
    return std::nullopt;
  }
  const std::string_view text = *rest;
  const std::size_t end = text.find_first_of(",\n");
  rest = end == std::string_view::npos ? std::nullopt : std::optional(text.substr(end + 1));
  return text.substr(0, end);
}

bool exceeds(const ApNumbers& numbers, unsigned most) {
  return !numbers.empty() && *numbers.rbegin() > most;
}

}  // namespace

ApMatrix::ApMatrix(Kernel& kernel, const SimParent& settings, std::function<std::vector<Mdev*>()> all,
                   Change change)
    : kernel_(kernel),
      settings_(settings),
      all_(std::move(all)),
      change_(std::move(change)),
      bus_(
          kernel, settings.ap,
          {[this](const ApNumbers& adapters, const ApNumbers& domains) { return reserve(adapters, domains); },
           [this](const Apqn& queue) { return status(queue); }}) {}

void ApMatrix::publish(NodeId parent) {
  bus_.load_vfio_ap();
  kernel_.files.directories(Kernfs::root, "module/vfio_ap");
  if (kernel_.version >= KernelVersion{6, 13}) {
    kernel_.files.constant(parent, "features", "guest_matrix hotplug ap_config\n");
  }
}

void ApMatrix::unpublish(NodeId parent) {
  kernel_.files.remove(parent, "features");
  bus_.unload_vfio_ap();
  // The parent exists as long as the module is loaded.
  if (const auto module = kernel_.files.walk("module/vfio_ap")) {
    kernel_.files.remove(*module);
  }
}

// Returns the queues of a matrix that other devices have, with their owners.
std::vector<ApMatrix::Shared> ApMatrix::shared(const ApNumbers& adapters, const ApNumbers& domains,
                                               const Mdev* except) const {
  std::vector<Shared> result;
  for (const Mdev* other : all_()) {
    for (const unsigned adapter : other == except ? ApNumbers{} : other->queues.adapters) {
      for (const unsigned domain : other->queues.domains) {
        if (adapters.contains(adapter) && domains.contains(domain)) {
          result.push_back({other, {adapter, domain}});
        }
      }
    }
  }
  return result;
}

// Answers the bus, which is about to reserve queues for the host.
int ApMatrix::reserve(const ApNumbers& adapters, const ApNumbers& domains) const {
  const std::vector<Shared> used = shared(adapters, domains, nullptr);
  for (const Shared& one : used) {
    const std::string queue = to_string(one.queue);
    kernel_.print(
        kernel_.version < KernelVersion{6, 15}
            ? fmt::format("vfio_ap_mdev {0}: Userspace may not re-assign queue {1} already assigned to {0}",
                          one.owner->name, queue)
            : fmt::format("vfio_ap_mdev {}: Can not reserve queue {} for host driver: in use by mdev",
                          one.owner->name, queue));
  }
  return used.empty() ? 0 : -EBUSY;
}

std::string ApMatrix::status(const Apqn& queue) const {
  const std::vector<Shared> owners = shared({queue.first}, {queue.second}, nullptr);
  if (owners.empty()) {
    return "unassigned";
  }
  return kernel_.is_open(*owners.front().owner) ? "in use" : "assigned";
}

// Returns whether vfio_ap may have all queues. Before 6.0 the driver asks which queues are bound to it, and
// wants one for an adapter or domain alone; later the masks decide.
bool ApMatrix::is_available(const QueueMatrix& next) const {
  const auto all_of = [&](const auto& allowed) {
    return std::all_of(next.adapters.begin(), next.adapters.end(), [&](unsigned adapter) {
      return std::all_of(next.domains.begin(), next.domains.end(), [&](unsigned domain) {
        return allowed(Apqn{adapter, domain});
      });
    });
  };
  if (has_hot_plug()) {
    return all_of([&](const Apqn& queue) { return !bus_.is_host(queue); });
  }
  const auto has_bound = [&](const ApNumbers& adapters, const auto& domains) {
    return std::any_of(adapters.begin(), adapters.end(), [&](unsigned adapter) {
      return std::any_of(domains.begin(), domains.end(), [&](unsigned domain) {
        return bus_.is_bound_to_vfio_ap({adapter, domain});
      });
    });
  };
  const auto& present = settings_.ap;
  for (const unsigned adapter : next.domains.empty() ? next.adapters : ApNumbers{}) {
    if (!has_bound({adapter}, present.domains)) {
      return false;
    }
  }
  for (const unsigned domain : next.adapters.empty() ? next.domains : ApNumbers{}) {
    if (!has_bound(ApNumbers(present.adapters.begin(), present.adapters.end()), ApNumbers{domain})) {
      return false;
    }
  }
  return all_of([&](const Apqn& queue) { return bus_.is_bound_to_vfio_ap(queue); });
}

// Returns 0 or the errno with which the driver refuses a matrix.
int ApMatrix::validate(const Mdev& device, const QueueMatrix& next) const {
  if (!is_available(next)) {
    return -EADDRNOTAVAIL;
  }
  const std::vector<Shared> used = shared(next.adapters, next.domains, &device);
  for (const Shared& one : has_hot_plug() ? used : std::vector<Shared>{}) {
    const std::string queue = to_string(one.queue);
    kernel_.print(
        kernel_.version < KernelVersion{6, 15}
            ? fmt::format("vfio_ap_mdev {0}: Userspace may not re-assign queue {1} already assigned to {0}",
                          one.owner->name, queue)
            : fmt::format(
                  "vfio_ap_mdev {}: Userspace may not assign queue {} to mdev: already assigned to {}",
                  device.name, queue, one.owner->name));
  }
  return used.empty() ? 0 : -EADDRINUSE;
}

int ApMatrix::assign(Mdev& device, ApNumbers QueueMatrix::*which, std::string_view data, bool add) {
  if (!has_hot_plug() && kernel_.is_open(device)) {
    return -EBUSY;
  }
  const KernelNumber number = read_kernel_number(data);
  if (number.error != 0) {
    return -number.error;
  }
  if (number.value > (which == &QueueMatrix::adapters ? settings_.ap.max_adapter : settings_.ap.max_domain)) {
    return -ENODEV;
  }
  QueueMatrix next = device.queues;
  const auto one = static_cast<unsigned>(number.value);
  const bool changes = add ? (next.*which).insert(one).second : (next.*which).erase(one) > 0;
  const bool is_checked = add && which != &QueueMatrix::control_domains && (changes || !has_hot_plug());
  const int error = is_checked ? validate(device, next) : 0;
  if (error == 0) {
    device.queues = std::move(next);
  }
  return error != 0 ? error : static_cast<int>(data.size());
}

// Replaces all three masks, or nothing. A newline separates like a comma: "A,B\n" has an empty third mask.
int ApMatrix::write_config(Mdev& device, std::string_view data) const {
  constexpr std::size_t most = 3 * (2 + ap_numbers / 4) + 3;
  std::optional<std::string_view> rest = data.substr(0, most);
  QueueMatrix next;
  for (ApNumbers* mask : {&next.adapters, &next.domains, &next.control_domains}) {
    const auto field = take_field(rest);
    const auto numbers = field ? from_mask(*field) : std::nullopt;
    if (!numbers) {
      return -EINVAL;
    }
    *mask = *numbers;
  }
  if (const int error = validate(device, next)) {
    return error;
  }
  if (exceeds(next.adapters, settings_.ap.max_adapter) || exceeds(next.domains, settings_.ap.max_domain) ||
      exceeds(next.control_domains, settings_.ap.max_domain)) {
    return -ENODEV;
  }
  device.queues = std::move(next);
  return static_cast<int>(data.size());
}

void ApMatrix::furnish(Mdev& device) {
  struct Kind {
    const char* name;
    ApNumbers QueueMatrix::*which;
  };
  constexpr std::array<Kind, 3> files{{{"adapter", &QueueMatrix::adapters},
                                       {"domain", &QueueMatrix::domains},
                                       {"control_domain", &QueueMatrix::control_domains}}};
  const auto add_store = [&](const std::string& name, mode_t mode, Show show,
                             std::function<int(Mdev&, std::string_view)> action) {
    kernel_.files.attribute(
        device.directory, name, mode, std::move(show),
        [this, &device, name, action = std::move(action)](std::string_view data, const Answer& answer) {
          change_(device, {Operation::attribute, name, data}, action, answer);
        });
  };
  for (const Kind& file : files) {
    for (const bool add : {true, false}) {
      add_store(std::string(add ? "assign_" : "unassign_") + file.name, 0200, {},
                [this, which = file.which, add](Mdev& one, std::string_view data) {
                  return assign(one, which, data, add);
                });
    }
  }
  Kernfs& tree = kernel_.files;
  tree.attribute(device.directory, "matrix", 0444, [&device] { return Reading{matrix_text(device.queues)}; });
  tree.attribute(device.directory, "control_domains", 0444, [&device] {
    std::string text;
    for (const unsigned domain : device.queues.control_domains) {
      text += fmt::format("{:04x}\n", domain);
    }
    return Reading{text};
  });
  if (kernel_.version >= KernelVersion{6, 0}) {
    tree.attribute(device.directory, "guest_matrix", 0444,
                   [this, &device] { return Reading{matrix_text(guest_matrix(device.queues))}; });
  }
  if (kernel_.version >= KernelVersion{6, 10}) {
    add_store(
        "ap_config", 0644,
        [&device] {
          return Reading{fmt::format("{},{},{}\n", to_mask(device.queues.adapters),
                                     to_mask(device.queues.domains), to_mask(device.queues.control_domains))};
        },
        [this](Mdev& one, std::string_view data) { return write_config(one, data); });
  }
}

// Returns what a guest gets: the part of the matrix that the machine has, without adapters of which a queue
// is not bound to vfio_ap.
QueueMatrix ApMatrix::guest_matrix(const QueueMatrix& queues) const {
  QueueMatrix result;
  const auto& ap = settings_.ap;
  std::set_intersection(queues.domains.begin(), queues.domains.end(), ap.domains.begin(), ap.domains.end(),
                        std::inserter(result.domains, result.domains.end()));
  const auto is_usable = [&](unsigned adapter) {
    return std::all_of(result.domains.begin(), result.domains.end(), [&](unsigned domain) {
      return bus_.is_bound_to_vfio_ap({adapter, domain});
    });
  };
  for (const unsigned adapter : ap.adapters) {
    if (queues.adapters.contains(adapter) && is_usable(adapter)) {
      result.adapters.insert(adapter);
    }
  }
  return result.adapters.empty() || result.domains.empty() ? QueueMatrix{} : result;
}

}  // namespace mdevadm::sim
