// The AP bus of a host: which queues a device can have, and the commands that bind and release them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// The driver of queues that the host uses, of all generations of cards that vfio_ap supports.
constexpr std::string_view host_driver = "cex4queue";

constexpr std::size_t queues_in_reason = 4;

constexpr std::string_view command_to_unbind = "echo {0} > /sys/bus/ap/devices/{0}/driver/unbind";
constexpr std::string_view command_to_probe = "echo {} > /sys/bus/ap/drivers_probe";

// Returns a shell command that does the same for each queue; `commands` have {} or {0} in place of its name.
std::string for_each(const std::vector<Apqn>& queues, const std::vector<std::string_view>& commands) {
  const std::string queue = queues.size() == 1 ? queues.front().str() : std::string("$q");
  std::vector<std::string> parts;
  std::transform(commands.begin(), commands.end(), std::back_inserter(parts),
                 [&](std::string_view command) { return fmt::format(fmt::runtime(command), queue); });
  const std::string all = join(parts, "; ");
  std::string names;
  for (const Apqn& one : queues) {
    names += " " + one.str();
  }
  return queues.size() == 1 ? all : fmt::format("for q in{}; do {}; done", names, all);
}

// A change of apmask or aqmask that releases queues.
struct MaskChange {
  ApKind mask;
  std::vector<Apqn> others{};  // other queues that the change takes from the host, too
  bool takes_all = false;      // the host has no queue then
};

std::string command_for(const MaskChange& change, const ApSet& numbers) {
  std::vector<std::string> effects;
  if (!change.others.empty()) {
    effects.push_back("also " + format_queues(change.others, queues_in_reason));
  }
  if (change.takes_all) {
    effects.emplace_back("no queue remains for the host");
  }
  const std::string side = effects.empty() ? std::string() : fmt::format(" ({})", join(effects, "; "));
  const char* plural = numbers.count() == 1 ? "" : "s";
  const std::string removal = format_ap_removal(numbers, change.mask);
  return change.mask == ApKind::adapter
             ? fmt::format("release all queues of the adapter{}{}: chzdev -t ap apmask={}", plural, side,
                           removal)
             : fmt::format("release all queues of the domain{} on all adapters{}: chzdev -t ap aqmask={}",
                           plural, side, removal);
}

}  // namespace

const std::optional<ApSet>& ApHost::existing(ApKind kind) const {
  return kind == ApKind::adapter ? adapters : kind == ApKind::domain ? domains : control_domains;
}

bool ApHost::reserves(const Apqn& queue) const {
  const auto found =
      std::find_if(overrides.begin(), overrides.end(), [&](const auto& one) { return one.first == queue; });
  if (found != overrides.end()) {
    return found->second == host_driver;
  }
  return host_adapters.test(queue.adapter) && host_domains.test(queue.domain);
}

std::string ApHost::reservation_of(const std::vector<Apqn>& queues) const {
  const auto has_override = [this](const Apqn& queue) {
    return std::any_of(overrides.begin(), overrides.end(),
                       [&](const auto& one) { return one.first == queue; });
  };
  const bool any = std::any_of(queues.begin(), queues.end(), has_override);
  const bool all = std::all_of(queues.begin(), queues.end(), has_override);
  return !any ? "apmask, aqmask" : all ? "driver_override" : "driver_override, apmask, aqmask";
}

bool ApHost::has(const Apqn& queue) const {
  return (!adapters || adapters->test(queue.adapter)) && (!domains || domains->test(queue.domain));
}

std::optional<std::string> ApHost::driver_of(const Apqn& queue) const {
  if (bound && std::binary_search(bound->begin(), bound->end(), queue)) {
    return "vfio_ap";
  }
  const auto other = std::find_if(other_drivers.begin(), other_drivers.end(),
                                  [&](const auto& one) { return one.first == queue; });
  return other == other_drivers.end() ? std::nullopt : std::optional(other->second);
}

std::vector<Apqn> ApHost::reserved_queues(const ApMatrix& matrix) const {
  std::vector<Apqn> queues = matrix.queues();
  std::erase_if(queues, [this](const Apqn& queue) { return !reserves(queue); });
  return queues;
}

std::string format_ap_removal(const ApSet& set, ApKind kind) {
  std::string text = "-";
  for (const char letter : format_ap_list(set, kind)) {
    text += letter == ',' ? std::string(",-") : std::string(1, letter);
  }
  return text;
}

ApMatrix spanned_by(const std::vector<Apqn>& queues) {
  ApMatrix matrix;
  for (const Apqn& queue : queues) {
    matrix.adapters.set(queue.adapter);
    matrix.domains.set(queue.domain);
  }
  return matrix;
}

std::string advice_to_bind(const ApHost& host, const std::vector<Apqn>& queues) {
  // A queue that has a driver keeps it until it is unbound.
  const bool has_driver = std::any_of(queues.begin(), queues.end(),
                                      [&](const Apqn& queue) { return host.driver_of(queue).has_value(); });
  return fmt::format("bind the queue{}: {}", queues.size() == 1 ? "" : "s",
                     has_driver ? for_each(queues, {command_to_unbind, command_to_probe})
                                : for_each(queues, {command_to_probe}));
}

UnboundReason why_unbound(const ApHost& host, const std::vector<Apqn>& unbound) {
  std::vector<Apqn> present, absent;
  for (const Apqn& queue : unbound) {
    (host.has(queue) ? present : absent).push_back(queue);
  }
  std::vector<std::string> texts, hints;
  const auto add = [&](const std::vector<Apqn>& queues, const char* state, const std::string& hint) {
    const bool is_one = queues.size() == 1;
    texts.push_back(fmt::format("{} {} {} {}", is_one ? "queue" : "queues",
                                format_queues(queues, queues_in_reason), is_one ? "is" : "are", state));
    hints.push_back(hint);
  };
  if (!present.empty()) {
    add(present, "not bound to vfio_ap", advice_to_bind(host, present));
  }
  if (!absent.empty()) {
    add(absent, "not on this host", "list the queues of the host: mdevadm show matrix");
  }
  return {join(texts, ", and ") + "; Linux before 6.0 accepts only queues that are bound to vfio_ap",
          std::move(hints)};
}

std::vector<std::string> advice_to_release(const ApHost& host, const std::vector<Apqn>& queues) {
  // The masks cannot be written while a queue has an override, and only queues that exist can have one.
  if (!host.overrides.empty()) {
    std::vector<Apqn> present = queues;
    std::erase_if(present, [&](const Apqn& queue) { return !host.has(queue); });
    if (present.empty()) {
      return {};
    }
    const std::string each = for_each(present, {"echo vfio_ap > /sys/bus/ap/devices/{}/driver_override",
                                                command_to_unbind, command_to_probe});
    return {fmt::format("release the queue{}: {}", present.size() == 1 ? "" : "s", each)};
  }
  const ApMatrix spanned = spanned_by(queues);
  const std::vector<Apqn> of_host =
      host.reserved_queues({host.adapters.value_or(ApSet{}), host.domains.value_or(ApSet{}), {}});
  std::array ways{MaskChange{ApKind::adapter}, MaskChange{ApKind::domain}};
  for (MaskChange& way : ways) {
    const auto is_freed = [&](const Apqn& queue) {
      return way.mask == ApKind::adapter ? spanned.adapters.test(queue.adapter)
                                         : spanned.domains.test(queue.domain);
    };
    std::copy_if(of_host.begin(), of_host.end(), std::back_inserter(way.others), [&](const Apqn& queue) {
      return is_freed(queue) && std::find(queues.begin(), queues.end(), queue) == queues.end();
    });
    way.takes_all = !of_host.empty() && std::all_of(of_host.begin(), of_host.end(), is_freed);
  }
  std::stable_sort(ways.begin(), ways.end(), [](const MaskChange& a, const MaskChange& b) {
    return a.others.size() < b.others.size();
  });
  std::vector<std::string> advice;
  std::transform(ways.begin(), ways.end(), std::back_inserter(advice),
                 [&](const MaskChange& way) { return command_for(way, spanned.of(way.mask)); });
  return advice;
}

std::vector<std::string> advice_to_release(const ApMatrix& matrix) {
  std::vector<std::string> advice;
  for (const ApKind kind : {ApKind::adapter, ApKind::domain}) {
    if (matrix.of(kind).any()) {
      advice.push_back(command_for({kind}, matrix.of(kind)));
    }
  }
  return advice;
}

}  // namespace mdevadm
