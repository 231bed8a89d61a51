// vfio-ap matrix devices: the crypto queues (adapter × domain) assigned to a guest.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "mdev.hpp"

namespace mdevadm::sim {

namespace {

constexpr unsigned mask_bits = 256;
constexpr std::size_t mask_digits = mask_bits / 4;

using QueueNumbers = std::set<unsigned>;

// Bit 0 is the leftmost bit.
std::string to_mask(const QueueNumbers& numbers) {
  std::string text = "0x" + std::string(mask_digits, '0');
  for (const unsigned number : numbers) {
    char& digit = text[2 + number / 4];
    const unsigned value =
        static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10) | (8U >> number % 4);
    digit = "0123456789abcdef"[value];
  }
  return text;
}

std::optional<QueueNumbers> from_mask(std::string_view text) {
  if (text.size() != mask_digits + 2 || !text.starts_with("0x")) {
    return std::nullopt;
  }
  QueueNumbers numbers;
  for (unsigned i = 0; i < mask_digits; ++i) {
    const auto digit = parse_kernel_number(std::string("0x") + text[2 + i]);
    if (!digit) {
      return std::nullopt;
    }
    for (unsigned bit = 0; bit < 4; ++bit) {
      if ((*digit & (8U >> bit)) != 0) {
        numbers.insert(i * 4 + bit);
      }
    }
  }
  return numbers;
}

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

bool crosses(const QueueNumbers& a_adapters, const QueueNumbers& a_domains, const QueueMatrix& b) {
  const auto meets = [](const QueueNumbers& x, const QueueNumbers& y) {
    return std::any_of(x.begin(), x.end(), [&](unsigned n) { return y.contains(n); });
  };
  return meets(a_adapters, b.adapters) && meets(a_domains, b.domains);
}

}  // namespace

ApMatrix::ApMatrix(Kernel& kernel, const SimParent& settings, std::function<std::vector<Mdev*>()> all,
                   Change change)
    : kernel_(kernel),
      settings_(settings),
      all_(std::move(all)),
      change_(std::move(change)),
      host_adapters_(settings.ap.host_adapters.begin(), settings.ap.host_adapters.end()),
      host_domains_(settings.ap.host_domains.begin(), settings.ap.host_domains.end()) {}

void ApMatrix::publish() {
  const NodeId bus = kernel_.files.directories(Kernfs::root, "bus/ap");
  kernel_.files.constant(bus, "ap_max_adapter_id", fmt::format("{}\n", settings_.ap.max_adapter));
  kernel_.files.constant(bus, "ap_max_domain_id", fmt::format("{}\n", settings_.ap.max_domain));
  add_host_mask(bus, "apmask", host_adapters_, [this](const QueueNumbers& next) {
    return QueueMatrix{next, host_domains_, {}};
  });
  add_host_mask(bus, "aqmask", host_domains_, [this](const QueueNumbers& next) {
    return QueueMatrix{host_adapters_, next, {}};
  });
}

// Adds an attribute for a mask of the host. The host cannot take queues that are assigned to a device.
void ApMatrix::add_host_mask(NodeId bus, const std::string& name, QueueNumbers& mask,
                             std::function<QueueMatrix(const QueueNumbers&)> with) {
  kernel_.files.attribute(
      bus, name, 0644, [&mask] { return Reading{to_mask(mask) + "\n"}; },
      [this, &mask, with = std::move(with)](std::string_view data, const Answer& answer) {
        const auto next = from_mask(without_newline(data));
        if (!next) {
          return answer(-EINVAL);
        }
        const QueueMatrix host = with(*next);
        for (const Mdev* device : all_()) {
          if (crosses(device->queues.adapters, device->queues.domains, host)) {
            return answer(-EBUSY);
          }
        }
        mask = *next;
        answer(static_cast<int>(data.size()));
      });
}

// Checks the queues that the new matrix adds, and replaces the matrix. Changes nothing on an error.
int ApMatrix::replace(Mdev& device, QueueMatrix next) {
  if (kernel_.version < KernelVersion{5, 19} && kernel_.is_open(device)) {
    return -EBUSY;
  }
  const QueueMatrix host{host_adapters_, host_domains_, {}};
  const QueueMatrix& now = device.queues;
  const bool grows =
      !std::includes(now.adapters.begin(), now.adapters.end(), next.adapters.begin(), next.adapters.end()) ||
      !std::includes(now.domains.begin(), now.domains.end(), next.domains.begin(), next.domains.end());
  if (grows && crosses(next.adapters, next.domains, host)) {
    return -EADDRNOTAVAIL;
  }
  for (const Mdev* other : all_()) {
    if (grows && other != &device && crosses(next.adapters, next.domains, other->queues)) {
      return kernel_.version < KernelVersion{6, 0} ? -EADDRINUSE : -EBUSY;
    }
  }
  device.queues = std::move(next);
  return 0;
}

int ApMatrix::assign(Mdev& device, QueueNumbers QueueMatrix::*which, std::string_view data, bool add) {
  const auto number = parse_kernel_number(data);
  if (!number) {
    return -EINVAL;
  }
  if (*number > (which == &QueueMatrix::adapters ? settings_.ap.max_adapter : settings_.ap.max_domain)) {
    return -ENODEV;
  }
  QueueMatrix next = device.queues;
  if (add) {
    (next.*which).insert(static_cast<unsigned>(*number));
  } else {
    (next.*which).erase(static_cast<unsigned>(*number));
  }
  const int error = replace(device, std::move(next));
  return error != 0 ? error : static_cast<int>(data.size());
}

int ApMatrix::write_config(Mdev& device, std::string_view data) {
  const std::string_view line = without_newline(data);
  const std::size_t first = line.find(',');
  const std::size_t second = line.find(',', first == std::string_view::npos ? first : first + 1);
  if (second == std::string_view::npos) {
    return -EINVAL;
  }
  const auto adapters = from_mask(line.substr(0, first));
  const auto domains = from_mask(line.substr(first + 1, second - first - 1));
  const auto control = from_mask(line.substr(second + 1));
  if (!adapters || !domains || !control) {
    return -EINVAL;
  }
  const auto beyond = [](const QueueNumbers& numbers, unsigned most) {
    return !numbers.empty() && *numbers.rbegin() > most;
  };
  if (beyond(*adapters, settings_.ap.max_adapter) || beyond(*domains, settings_.ap.max_domain) ||
      beyond(*control, settings_.ap.max_domain)) {
    return -ENODEV;
  }
  const int error = replace(device, {*adapters, *domains, *control});
  return error != 0 ? error : static_cast<int>(data.size());
}

void ApMatrix::furnish(Mdev& device) {
  struct Kind {
    const char* name;
    QueueNumbers QueueMatrix::*which;
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
                   [this, &device] { return Reading{matrix_text(present(device.queues))}; });
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

// Returns the part of a matrix that exists in the machine, which is what a guest detects.
QueueMatrix ApMatrix::present(const QueueMatrix& queues) const {
  QueueMatrix result;
  const auto& ap = settings_.ap;
  std::set_intersection(queues.adapters.begin(), queues.adapters.end(), ap.adapters.begin(),
                        ap.adapters.end(), std::inserter(result.adapters, result.adapters.end()));
  std::set_intersection(queues.domains.begin(), queues.domains.end(), ap.domains.begin(), ap.domains.end(),
                        std::inserter(result.domains, result.domains.end()));
  return result.adapters.empty() || result.domains.empty() ? QueueMatrix{} : result;
}

}  // namespace mdevadm::sim
