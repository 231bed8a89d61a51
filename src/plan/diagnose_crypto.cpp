#include "diagnose_crypto.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr const char* crypto_module = "vfio_ap";

std::optional<Apqn> queue_named(const std::string& address) {
  const ApQueuesReading reading = read_ap_queues(address);
  const std::vector<Apqn> queues = reading.problem.empty() ? reading.matrix.queues() : std::vector<Apqn>{};
  return queues.size() == 1 && queues.front().str() == address ? std::optional(queues.front()) : std::nullopt;
}

QueueOwner owner_of(const Apqn& queue, const Snapshot& seen) {
  for (const Device& device : seen.devices) {
    if (device.queues && device.queues->adapters.test(queue.adapter) &&
        device.queues->domains.test(queue.domain)) {
      return {"device", &device};
    }
  }
  const bool is_host = seen.ap->reserves(queue);
  return {is_host ? "host" : hidden_owners(seen, nullptr).empty() ? "free" : "unknown"};
}

std::string word_for(const Device& device, const Definitions* defined) {
  const Definition* definition = defined != nullptr ? defined->find(device.uuid, device.parent) : nullptr;
  return definition != nullptr ? identity_of(*definition).word() : device.uuid.str();
}

// Returns the definition of an inactive device that has the queue, or nullptr.
const Definition* defined_with(const Apqn& queue, const Definitions* defined) {
  for (const Definition& one : defined != nullptr ? defined->all : std::vector<Definition>{}) {
    const ApMatrix matrix = assigned_by(one.attributes);
    if (has_queues(one.type.str()) && matrix.adapters.test(queue.adapter) &&
        matrix.domains.test(queue.domain)) {
      return defined->find(one.uuid, one.parent);
    }
  }
  return nullptr;
}

std::string advice_to_assign(const std::string& options) {
  return "assign it to a device: mdevadm define -p matrix -t vfio_ap-passthrough " + options;
}

const char* advice_to_list() {
  return "show the queues of the host: mdevadm show matrix";
}

// Says who has a queue, whether a device can use it, and how it is assigned.
void explain_queue(const Apqn& queue, const HostDevice& device, const Snapshot& seen,
                   const Definitions* defined, Finding& finding) {
  const QueueOwner owner = owner_of(queue, seen);
  const std::string bound = device.driver ? "the driver " + *device.driver : "no driver";
  const bool is_ready = device.driver == crypto_module;
  const bool can_bind = device.modules.contains(crypto_module) && device.modules.at(crypto_module);
  const std::string kind = owner.kind;
  const Definition* definition = defined_with(queue, defined);
  if (owner.device != nullptr) {
    const std::string name = word_for(*owner.device, defined);
    const std::string uuid = owner.device->uuid.str();
    finding.what +=
        fmt::format(" is assigned to the active device '{}'{}{}", printable(name),
                    name == uuid ? "" : fmt::format(" ({})", uuid),
                    is_ready ? "" : fmt::format(", but has {}, so a guest does not get it", bound));
    finding.advice = {"show the device: mdevadm show " + shell_word(name)};
  } else if (kind == "host") {
    finding.what +=
        fmt::format(" is reserved for the host ({}) and has {}", seen.ap->reservation_of({queue}), bound);
    finding.advice = advice_to_release(*seen.ap, {queue});
  } else if (kind == "unknown") {
    finding.what += fmt::format(" is free, or of a device whose queues cannot be read, and has {}", bound);
    finding.advice = {advice_to_list()};
  } else {
    finding.what += is_ready ? " is free"
                             : fmt::format(" is free, but not bound to {} (it has {})", crypto_module, bound);
    if (definition != nullptr) {
      const std::string name = identity_of(*definition).word();
      finding.what += fmt::format(", and defined for '{}', which is not active", printable(name));
      finding.advice = {"start that device: mdevadm start " + shell_word(name)};
    } else {
      finding.advice = {advice_to_assign("--queue " + queue.str())};
    }
  }
  if (!is_ready && kind != "host" && can_bind) {
    finding.advice.insert(finding.advice.begin(), advice_to_bind(*seen.ap, {queue}));
  }
}

// Says who has the queues of a card.
void explain_card(const ApCard& card, const Snapshot& seen, const Definitions* defined, Finding& finding) {
  std::map<std::string, ApSet> by_owner;
  ApSet usable;
  for (const Apqn& queue :
       ApMatrix{ApSet{}.set(card.adapter), seen.ap->domains.value_or(ApSet{}), {}}.queues()) {
    const QueueOwner owner = owner_of(queue, seen);
    const std::string text = owner.device != nullptr
                                 ? fmt::format("of device '{}'", printable(word_for(*owner.device, defined)))
                             : owner.kind == std::string_view("host") ? "reserved for the host"
                                                                      : owner.kind;
    by_owner[text].set(queue.domain);
    usable.set(queue.domain,
               owner.kind == std::string_view("free") && defined_with(queue, defined) == nullptr);
  }
  std::vector<std::string> parts;
  for (const auto& [text, domains] : by_owner) {
    parts.push_back(fmt::format("{} {}", format_ap_list(domains, ApKind::domain), text));
  }
  finding.what += parts.empty() ? " has no queues" : " has the domains " + join(parts, ", ");
  finding.advice = {advice_to_list()};
  if (usable.any()) {
    finding.advice.push_back(advice_to_assign(
        fmt::format("--adapter {} --domain {}", format_ap_list(ApSet{}.set(card.adapter), ApKind::adapter),
                    format_ap_list(usable, ApKind::domain))));
  }
}

}  // namespace

std::string describe_crypto(const HostDevice& device) {
  if (!device.card) {
    return "crypto queue " + device.address;
  }
  const ApCard& card = *device.card;
  std::vector<std::string> facts;
  if (card.type) {
    facts.push_back(*card.type);
  }
  if (card.online) {
    facts.emplace_back(*card.online ? "online" : "offline");
  }
  if (card.configured == false) {
    facts.emplace_back("deconfigured");
  }
  if (card.checkstopped == true) {
    facts.emplace_back("in checkstop state");
  }
  return fmt::format("crypto card {}{}", device.address,
                     facts.empty() ? "" : fmt::format(" ({})", join(facts, ", ")));
}

std::optional<QueueOwner> owner_of_queue(const HostDevice& device, const Snapshot& seen) {
  const auto queue = device.bus == "ap" ? queue_named(device.address) : std::nullopt;
  return queue && seen.ap ? std::optional(owner_of(*queue, seen)) : std::nullopt;
}

Finding why_no_crypto_parent(const HostDevice& device, const Snapshot& seen, const Definitions* defined) {
  Finding finding{.what = describe_crypto(device), .id = "ap-queue", .severity = Severity::info};
  if (device.address == "matrix") {
    return {"the parent of vfio-ap devices does not exist: the module vfio_ap is not loaded",
            advice_to_load(crypto_module), "ap-module", Severity::error};
  }
  const auto queue = queue_named(device.address);
  if (seen.ap && queue) {
    explain_queue(*queue, device, seen, defined, finding);
  } else if (seen.ap && device.card) {
    explain_card(*device.card, seen, defined, finding);
  } else {
    finding.what += device.driver ? " has the driver " + *device.driver : " has no driver";
    finding.advice = {fmt::format("show it and its owner: mdevadm show {}", device.address)};
  }
  // A card or queue never becomes a parent.
  finding.what += "; it is not a parent: the parent of all vfio-ap devices is matrix";
  if (device.card && device.card->configured == false) {
    finding.advice.insert(
        finding.advice.begin(),
        fmt::format("configure the card: chzcrypt --config-on {:#x}", device.card->adapter));
  }
  if (const auto module = device.modules.find(crypto_module);
      module != device.modules.end() && !module->second) {
    finding.what += ", which does not exist while the module vfio_ap is not loaded";
    const std::vector<std::string> load = advice_to_load(crypto_module);
    finding.advice.insert(finding.advice.begin(), load.begin(), load.end());
    std::erase(finding.advice, advice_to_list());
  }
  return finding;
}

}  // namespace mdevadm
