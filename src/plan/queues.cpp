#include <mdevadm/plan/queues.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::size_t shown_queues = 4;
constexpr const char* crypto_parent = "matrix";  // the only one that the kernel has

std::string queues_phrase(const std::vector<Apqn>& queues) {
  return fmt::format("{} {}", queues.size() == 1 ? "queue" : "queues", format_queues(queues, shown_queues));
}

std::string name_of(const Definition& definition) {
  return definition.name ? definition.name->str() : definition.uuid.str();
}

// Returns the name in the definition of an active device, or its UUID.
std::string name_of(const Device& device, const Definitions* defined) {
  const Definition* definition = defined != nullptr ? defined->find(device.uuid, device.parent) : nullptr;
  return definition != nullptr ? name_of(*definition) : device.uuid.str();
}

// Returns the numbers of a set above the highest one of the machine.
ApSet beyond(const ApSet& set, const std::optional<unsigned>& most) {
  ApSet result = set;
  for (unsigned number = 0; most && number <= *most && number < ap_numbers; ++number) {
    result.reset(number);
  }
  return most ? result : ApSet{};
}

const std::optional<unsigned>& highest_of(const ApHost& host, ApKind kind) {
  return kind == ApKind::adapter ? host.max_adapter : host.max_domain;
}

// Returns the numbers of which the host has no queues now; `existing`: all numbers of the host, if they are
// known.
std::optional<MissingNumbers> missing_of(const ApSet& wanted, const std::optional<ApSet>& existing,
                                         ApKind kind) {
  const ApSet missing = existing ? wanted & ~*existing : ApSet{};
  if (missing.none()) {
    return std::nullopt;
  }
  const char* plural = missing.count() == 1 ? "" : "s";
  const std::string text = fmt::format("{}{} {} {} not on this host", ap_word(kind), plural,
                                       format_ap_list(missing, kind), missing.count() == 1 ? "is" : "are");
  return MissingNumbers{kind, missing, std::move(text)};
}

// Returns a warning about the devices that may have queues of the matrix.
std::vector<std::string> warnings_of_owners(const Snapshot& seen, const Definitions* defined,
                                            const Uuid& self) {
  std::vector<std::string> warnings;
  for (const HiddenOwner& owner : hidden_owners(seen, defined)) {
    if (owner.device.uuid != self) {
      warnings.push_back(owner.text + "; queues that it has cannot be assigned");
    }
  }
  return warnings;
}

std::vector<std::string> texts_of(const std::vector<MissingNumbers>& missing) {
  std::vector<std::string> texts;
  std::transform(missing.begin(), missing.end(), std::back_inserter(texts),
                 [](const MissingNumbers& one) { return one.text; });
  return texts;
}

std::string with_hint(const UnusableCards& cards) {
  return cards.hints.empty() ? cards.text : fmt::format("{}; {}", cards.text, cards.hints.front());
}

void require_unused(const Device& device, const Definitions* defined, const ApMatrix& wanted,
                    const std::string& doing) {
  const std::vector<Apqn> common =
      device.queues ? common_queues(*device.queues, wanted) : std::vector<Apqn>{};
  if (!common.empty()) {
    const std::string owner = name_of(device, defined);
    throw Error(ExitCode::conflict,
                fmt::format("{}: {} assigned to the active device '{}'", doing,
                            queues_phrase(common) + (common.size() == 1 ? " is" : " are"), printable(owner)),
                fmt::format("stop that device: mdevadm stop {}", shell_word(owner)))
        .caused_by(EADDRINUSE);
  }
}

std::string option_for(ApKind kind) {
  std::string option(ap_name(kind));
  std::replace(option.begin(), option.end(), '_', '-');
  return "--" + option;
}

// Returns the commands that take queues from a definition that has other ones too.
std::vector<std::string> advice_to_drop(const std::vector<Apqn>& queues, const Definition& definition) {
  const ApMatrix spanned = spanned_by(queues);
  const ApMatrix matrix = assigned_by(definition.attributes);
  const std::string name = shell_word(name_of(definition));
  std::vector<std::string> advice;
  if ((matrix.adapters & ~spanned.adapters).any()) {
    advice.push_back(
        fmt::format("remove the adapter from one of the definitions: mdevadm modify {} --adapter={}", name,
                    format_ap_removal(spanned.adapters, ApKind::adapter)));
  }
  if ((matrix.domains & ~spanned.domains).any()) {
    advice.push_back(fmt::format("{}: mdevadm modify {} --domain={}",
                                 "remove the domain from one of the definitions", name,
                                 format_ap_removal(spanned.domains, ApKind::domain)));
  }
  if (advice.empty()) {
    advice.push_back(definition.start == StartMode::automatic
                         ? fmt::format("disable autostart of the device: mdevadm modify {} --manual", name)
                         : fmt::format("assign other queues to one of them: mdevadm modify {} --adapter "
                                       "NUMBERS --domain NUMBERS",
                                       name));
  }
  return advice;
}

// Returns the options of modify that replace all values that the kernel refuses by those that are probably
// meant, so that one command makes the definition usable. For a value without a meaning, the user inserts
// numbers: the command does not drop it.
std::string options_to_correct(const Definition& definition, LeadingZeros zeros) {
  ApMatrix corrected = assigned_by(definition.attributes);
  std::array<bool, ap_kinds.size()> is_refused{}, is_unknown{};
  std::string options;
  std::size_t place = 0;
  for (const Attribute& attribute : definition.attributes) {
    ++place;
    if (ap_refusal(attribute).empty()) {
      continue;
    }
    if (const auto kind = assigned_kind(attribute)) {
      const ApSet meant = meant_by(attribute, zeros);
      corrected.of(*kind) |= meant;
      is_refused.at(static_cast<std::size_t>(*kind)) = true;
      is_unknown.at(static_cast<std::size_t>(*kind)) |= meant.none();
    } else {
      options += fmt::format(" --delete-attr {}", place);
    }
  }
  const bool removes = !options.empty();
  for (const ApKind kind : ap_kinds) {
    const auto place_of_kind = static_cast<std::size_t>(kind);
    const ApSet& numbers = corrected.of(kind);
    const bool is_lost = removes && kind != ApKind::control_domain && numbers.none();
    if (is_refused.at(place_of_kind) || is_lost) {
      const bool is_list = numbers.any();
      options += fmt::format(" {} {}{}{}", option_for(kind), format_ap_list(numbers, kind),
                             is_list && is_unknown.at(place_of_kind) ? "," : "",
                             !is_list || is_unknown.at(place_of_kind) ? "NUMBERS" : "");
    }
  }
  return options;
}

// Returns the commands that replace all values that the kernel refuses: one for each reading of numbers with
// leading zeros, if these differ.
std::vector<std::string> advice_to_correct(const Definition& definition) {
  const std::string name = shell_word(name_of(definition));
  const std::string hexadecimal = options_to_correct(definition, LeadingZeros::hexadecimal);
  const std::string octal = options_to_correct(definition, LeadingZeros::octal);
  if (hexadecimal == octal) {
    return {fmt::format("correct the definition: mdevadm modify {}{}", name, hexadecimal)};
  }
  return {
      fmt::format("if numbers with leading zeros are hexadecimal: mdevadm modify {}{}", name, hexadecimal),
      fmt::format("if they are octal: mdevadm modify {}{}", name, octal)};
}

}  // namespace

std::vector<std::string> require_free_queues(const Snapshot& seen, const Definitions* defined,
                                             const Uuid& uuid, const ApMatrix& matrix,
                                             const std::string& doing) {
  if (!seen.ap) {
    return {};
  }
  for (const MissingNumbers& impossible : impossible_numbers(seen, matrix)) {
    throw Error(ExitCode::failed, fmt::format("{}: {}", doing, impossible.text));
  }
  const std::vector<Apqn> reserved = seen.ap->reserved_queues(matrix);
  if (!reserved.empty()) {
    const std::vector<const Definition*> own =
        defined != nullptr ? defined->find(uuid) : std::vector<const Definition*>{};
    throw Error(ExitCode::conflict, fmt::format("{}: {}", doing, describe_reserved(*seen.ap, reserved)),
                advice_on_reserved(seen, own.empty() ? nullptr : own.front(), reserved))
        .caused_by(EADDRNOTAVAIL)
        .worth(Retry::later);  // while a host boots, its masks may be set late
  }
  for (const Device& device : seen.devices) {
    if (device.uuid != uuid) {
      require_unused(device, defined, matrix, doing);
    }
  }
  std::vector<std::string> warnings = texts_of(missing_numbers(seen, matrix));
  const std::vector<std::string> owners = warnings_of_owners(seen, defined, uuid);
  warnings.insert(warnings.end(), owners.begin(), owners.end());
  return warnings;
}

std::vector<RefusedValue> refused_values(const Definition& definition) {
  std::vector<RefusedValue> refused;
  for (const Attribute& attribute : definition.attributes) {
    const std::string problem = has_queues(definition.type.str()) ? ap_refusal(attribute) : std::string{};
    if (!problem.empty()) {
      refused.push_back({fmt::format("attribute '{}': {}", attribute.name.str(), problem),
                         advice_to_correct(definition), assigned_kind(attribute)});
    }
  }
  return refused;
}

std::vector<OctalValue> octal_values(const Definition& definition) {
  std::vector<OctalValue> result;
  const std::string name = shell_word(name_of(definition));
  std::size_t place = 0;
  for (const Attribute& attribute : definition.attributes) {
    ++place;
    const auto number = has_queues(definition.type.str()) ? octal_number_in(attribute) : std::nullopt;
    if (!number) {
      continue;
    }
    const auto format = [&](unsigned one) { return format_ap_list(ApSet{}.set(one), number->kind); };
    const std::string read = format(number->read);
    const std::string keep =
        fmt::format("if {0} is meant: mdevadm modify {1} --delete-attr {2} --attr {3}={0}", read, name, place,
                    attribute.name.str());
    const std::string text = fmt::format("attribute '{}': the kernel reads '{}' as an octal number, {}",
                                         attribute.name.str(), printable(attribute.value), read);
    if (!number->printed) {
      result.push_back({text, {keep}});
      continue;
    }
    const std::string printed = format(*number->printed);
    result.push_back({fmt::format("{}; lszcrypt prints {} in this form", text, printed),
                      {fmt::format("if {0} is meant: mdevadm modify {1} {2}=-{3},+{0}", printed, name,
                                   option_for(number->kind), read),
                       keep}});
  }
  return result;
}

std::optional<LackOfQueues> lack_of_queues(const Definition& definition) {
  const ApMatrix matrix = assigned_by(definition.attributes);
  const bool lacks_adapter = matrix.adapters.none();
  const bool lacks_domain = matrix.domains.none();
  if (!has_queues(definition.type.str()) || (!lacks_adapter && !lacks_domain) ||
      !refused_values(definition).empty()) {
    return std::nullopt;
  }
  return LackOfQueues{
      fmt::format("no {} assigned, so a guest gets no crypto queues", !lacks_domain ? "adapter is"
                                                                      : !lacks_adapter
                                                                          ? "domain is"
                                                                          : "adapter and no domain are"),
      fmt::format("assign queues: mdevadm modify {}{}{}", shell_word(name_of(definition)),
                  lacks_adapter ? " --adapter NUMBERS" : "", lacks_domain ? " --domain NUMBERS" : "")};
}

std::vector<std::string> doubts_about_queues(const Definition& definition) {
  std::vector<std::string> doubts;
  for (const RefusedValue& refused : refused_values(definition)) {
    doubts.push_back(fmt::format("{}; the kernel refuses the value, so the device cannot be started; {}",
                                 refused.text, join(refused.hints, "; ")));
  }
  for (const OctalValue& octal : octal_values(definition)) {
    doubts.push_back(fmt::format("{}; {}", octal.text, join(octal.hints, "; ")));
  }
  if (const auto lack = lack_of_queues(definition)) {
    doubts.push_back(lack->text);
  }
  return doubts;
}

void require_replaced(const Definition& definition, const ApChanges& changes, const std::string& doing) {
  const auto is_replaced = [&](ApKind kind) { return changes.of(kind) && changes.of(kind)->replaces; };
  for (const RefusedValue& refused : refused_values(definition)) {
    const bool is_gone = refused.kind ? is_replaced(*refused.kind)
                                      : std::all_of(ap_kinds.begin(), ap_kinds.end(), is_replaced);
    if (!is_gone) {
      throw Error(ExitCode::failed, fmt::format("{}: {}", doing, refused.text), refused.hints);
    }
  }
}

void require_valid_queues(const Definition& wanted, const std::string& doing) {
  for (const RefusedValue& refused : refused_values(wanted)) {
    throw Error(ExitCode::failed, fmt::format("{}: {}", doing, refused.text), refused.hints);
  }
}

std::vector<HiddenOwner> hidden_owners(const Snapshot& seen, const Definitions* defined) {
  std::vector<HiddenOwner> owners;
  for (const Device& device : seen.devices) {
    if (device.queues_unreadable) {
      owners.push_back(
          {device, fmt::format("the adapters and domains of the active device '{}' cannot be read "
                               "completely",
                               printable(name_of(device, defined)))});
    }
  }
  for (const Device& device : seen.removing) {
    if (device.parent.str() == crypto_parent) {
      owners.push_back(
          {device, fmt::format("the removal of device '{}' is pending, and its adapters and domains "
                               "cannot be read",
                               printable(name_of(device, defined)))});
    }
  }
  return owners;
}

std::string MissingNumbers::correction(const ApMatrix& matrix) const {
  if (kind != ApKind::control_domain && (matrix.of(kind) & ~numbers).none()) {
    return fmt::format(" {} NUMBERS", option_for(kind));
  }
  return fmt::format(" {}={}", option_for(kind), format_ap_removal(numbers, kind));
}

std::vector<MissingNumbers> missing_numbers(const Snapshot& seen, const ApMatrix& matrix) {
  std::vector<MissingNumbers> result;
  if (!seen.ap) {
    return result;
  }
  const UnboundQueues unbound = unbound_queues_are(seen);
  const char* of_queues =
      unbound == UnboundQueues::withheld ? "the guest gets the queues when they appear"
      : unbound == UnboundQueues::refused
          ? "the device cannot be started until then (Linux before 6.0)"
          : "the guest gets the queues when they appear (Linux 6.0 and later; before, the "
            "device cannot be started)";
  for (const ApKind kind : ap_kinds) {
    const ApSet possible = matrix.of(kind) & ~beyond(matrix.of(kind), highest_of(*seen.ap, kind));
    if (auto missing = missing_of(possible, seen.ap->existing(kind), kind)) {
      // The driver accepts control domains that do not exist, in all versions.
      const char* of_control = missing->numbers.count() == 1 ? "the guest gets it when it appears"
                                                             : "the guest gets them when they appear";
      missing->text += fmt::format("; {}", kind == ApKind::control_domain ? of_control : of_queues);
      result.push_back(*std::move(missing));
    }
  }
  return result;
}

std::vector<MissingNumbers> impossible_numbers(const Snapshot& seen, const ApMatrix& matrix) {
  std::vector<MissingNumbers> result;
  for (const ApKind kind : seen.ap ? std::vector(ap_kinds.begin(), ap_kinds.end()) : std::vector<ApKind>{}) {
    const auto& most = highest_of(*seen.ap, kind);
    const ApSet numbers = beyond(matrix.of(kind), most);
    if (numbers.any()) {
      result.push_back({kind, numbers,
                        fmt::format("the machine has no {} {} (the highest is {:#x})", ap_word(kind),
                                    format_ap_list(numbers, kind), *most)});
    }
  }
  return result;
}

std::vector<UnusableCards> unusable_cards(const Snapshot& seen, const ApMatrix& matrix) {
  std::vector<UnusableCards> result;
  const auto add = [&](const ApSet& cards, const char* state) {
    const char* plural = cards.count() == 1 ? "" : "s";
    const char* pronoun = cards.count() == 1 ? "it" : "them";
    result.push_back({fmt::format("adapter{} {} {} {}, so a guest cannot use {}", plural,
                                  format_ap_list(cards, ApKind::adapter), cards.count() == 1 ? "is" : "are",
                                  state, pronoun),
                      {}});
  };
  if (!seen.ap) {
    return result;
  }
  if (const ApSet cards = matrix.adapters & seen.ap->deconfigured; cards.any()) {
    add(cards, "deconfigured");
    for (const unsigned number : numbers_of(cards)) {
      result.back().hints.push_back(fmt::format("configure the card: chzcrypt --config-on {:#x}", number));
    }
  }
  if (const ApSet cards = matrix.adapters & seen.ap->checkstopped; cards.any()) {
    add(cards, "in checkstop state (hardware failure)");
  }
  return result;
}

std::string describe_withheld(const std::vector<Apqn>& unbound) {
  const ApSet adapters = spanned_by(unbound).adapters;
  return fmt::format("{} not bound to vfio_ap, so a guest does not get adapter{} {}",
                     queues_phrase(unbound) + (unbound.size() == 1 ? " is" : " are"),
                     adapters.count() == 1 ? "" : "s", format_ap_list(adapters, ApKind::adapter));
}

namespace {

Error with_octal_values(Error error, const Definition& definition) {
  for (const OctalValue& octal : octal_values(definition)) {
    error = error.with_hint(octal.text);
    for (const std::string& hint : octal.hints) {
      error = error.with_hint(hint);
    }
  }
  return error;
}

}  // namespace

std::vector<std::string> require_free_queues(const Snapshot& seen, const Definitions* defined,
                                             const std::vector<Definition>& planned, const Definition& wanted,
                                             const std::string& doing) {
  require_valid_queues(wanted, doing);
  const ApMatrix matrix = assigned_by(wanted.attributes);
  std::vector<std::string> warnings = doubts_about_queues(wanted);
  if (!has_queues(wanted.type.str()) || !seen.ap || matrix.empty()) {
    return warnings;
  }
  try {
    for (std::string& warning : require_free_queues(seen, defined, wanted.uuid, matrix, doing)) {
      warnings.push_back(std::move(warning));
    }
  } catch (const Error& error) {
    // Queues that are not free may be others than the user means.
    throw with_octal_values(error, wanted);
  }
  if (unbound_queues_are(seen) == UnboundQueues::refused) {
    require_bound_queues(*seen.ap, matrix, doing);
  } else if (const std::vector<Apqn> unbound = unbound_queues(*seen.ap, {}, matrix); !unbound.empty()) {
    // Before Linux 6.0, the driver refuses such queues, and the error says why.
    warnings.push_back(
        fmt::format("{}; {}", describe_unstartable(seen, unbound), advice_to_bind(*seen.ap, unbound)));
  }
  for (const UnusableCards& cards : unusable_cards(seen, matrix)) {
    warnings.push_back(with_hint(cards));
  }
  for (const Definition& other : planned) {
    const std::vector<Apqn> common = common_queues(assigned_by(other.attributes), matrix);
    if (other.uuid != wanted.uuid && !common.empty()) {
      throw Error(ExitCode::conflict,
                  fmt::format("{}: {} also defined for '{}', which is started before it", doing,
                              queues_phrase(common) + (common.size() == 1 ? " is" : " are"),
                              printable(name_of(other))),
                  advice_to_drop(common, wanted));
    }
  }
  return warnings;
}

std::string describe_unstartable(const Snapshot& seen, const std::vector<Apqn>& unbound) {
  switch (unbound_queues_are(seen)) {
    case UnboundQueues::refused:
      return fmt::format("{} not bound to vfio_ap, so the device cannot be started (Linux before 6.0)",
                         queues_phrase(unbound) + (unbound.size() == 1 ? " is" : " are"));
    case UnboundQueues::withheld: return describe_withheld(unbound);
    default:
      return describe_withheld(unbound) + " (Linux 6.0 and later; before, the device cannot be started)";
  }
}

UnboundQueues unbound_queues_are(const Snapshot& seen) {
  for (const Device& device : seen.devices) {
    if (device.type && has_queues(device.type->str())) {
      return device.queue_changes == QueueChanges::idle ? UnboundQueues::refused : UnboundQueues::withheld;
    }
  }
  return UnboundQueues::unknown;
}

void require_bound_queues(const ApHost& host, const ApMatrix& matrix, const std::string& doing) {
  std::vector<Apqn> unbound = host.bound ? matrix.queues() : std::vector<Apqn>{};
  std::erase_if(unbound, [&](const Apqn& queue) {
    return std::binary_search(host.bound->begin(), host.bound->end(), queue);
  });
  if (unbound.empty()) {
    return;
  }
  UnboundReason reason = why_unbound(host, unbound);
  throw Error(ExitCode::conflict, fmt::format("{}: {}", doing, reason.text), std::move(reason.hints))
      .caused_by(EADDRNOTAVAIL)
      .worth(Retry::later);
}

std::vector<Apqn> unbound_queues(const ApHost& host, const ApMatrix& before, const ApMatrix& after) {
  const std::vector<Apqn> present = before.queues();
  std::vector<Apqn> unbound = host.bound ? after.queues() : std::vector<Apqn>{};
  std::erase_if(unbound, [&](const Apqn& queue) {
    return !host.has(queue) || std::binary_search(present.begin(), present.end(), queue) ||
           std::binary_search(host.bound->begin(), host.bound->end(), queue);
  });
  return unbound;
}

std::vector<Apqn> guest_queues(const ApHost& host, const ApMatrix& matrix) {
  const ApSet withheld = spanned_by(unbound_queues(host, {}, matrix)).adapters;
  std::vector<Apqn> queues = matrix.queues();
  std::erase_if(queues, [&](const Apqn& queue) { return !host.has(queue) || withheld.test(queue.adapter); });
  return queues;
}

std::string describe_unbound(const std::vector<Apqn>& unbound, const ApMatrix& before) {
  const ApSet adapters = spanned_by(unbound).adapters;
  const ApSet lost = adapters & before.adapters;
  const ApSet& named = lost.any() ? lost : adapters;
  return fmt::format(
      "{} not bound to vfio_ap, and a guest has an adapter only if all its queues are; the guest that uses "
      "the "
      "device would {} adapter{} {}",
      queues_phrase(unbound) + (unbound.size() == 1 ? " is" : " are"), lost.any() ? "lose" : "not get",
      named.count() == 1 ? "" : "s", format_ap_list(named, ApKind::adapter));
}

std::vector<std::string> check_defined_queues(const Snapshot& seen, const Definitions& defined,
                                              const Groups& groups, const Definition& wanted,
                                              const std::string& doing) {
  std::vector<std::string> warnings = doubts_about_queues(wanted);
  const ApMatrix matrix = assigned_by(wanted.attributes);
  if (!has_queues(wanted.type.str()) || matrix.empty()) {
    return warnings;
  }
  for (const Definition& other : defined.all) {
    if (other.uuid == wanted.uuid || !has_queues(other.type.str())) {
      continue;
    }
    const std::vector<Apqn> common = common_queues(assigned_by(other.attributes), matrix);
    if (common.empty()) {
      continue;
    }
    const std::string owner = printable(name_of(other));
    if (groups.starts_at_boot(wanted) && groups.starts_at_boot(other)) {
      throw conflict_at_boot(groups, wanted, other, common, doing);
    }
    const Device* active = seen.find_device(wanted.uuid) != nullptr ? seen.find_device(other.uuid) : nullptr;
    const bool has_lost_them =
        active != nullptr && active->queues && common_queues(*active->queues, matrix).empty();
    warnings.push_back(
        has_lost_them ? fmt::format("'{}', whose definition has {}, cannot get {} back while '{}' has {}",
                                    owner, queues_phrase(common), common.size() == 1 ? "it" : "them",
                                    printable(name_of(wanted)), common.size() == 1 ? "it" : "them")
                      : fmt::format("{} also defined for '{}'; the devices cannot be active at the same time",
                                    queues_phrase(common) + (common.size() == 1 ? " is" : " are"), owner));
  }
  for (const Device& device : seen.devices) {
    const Definition* owner = defined.find(device.uuid, device.parent);
    const bool is_compared =
        owner != nullptr && !common_queues(assigned_by(owner->attributes), matrix).empty();
    const std::vector<Apqn> common = device.queues && device.uuid != wanted.uuid && !is_compared
                                         ? common_queues(*device.queues, matrix)
                                         : std::vector<Apqn>{};
    if (!common.empty()) {
      const std::string name = name_of(device, &defined);
      warnings.push_back(fmt::format(
          "{} assigned to the active device '{}', so before the start, stop that "
          "device: mdevadm stop {}",
          queues_phrase(common) + (common.size() == 1 ? " is" : " are"), printable(name), shell_word(name)));
    }
  }
  for (const auto& more :
       {texts_of(missing_numbers(seen, matrix)), warnings_of_owners(seen, &defined, wanted.uuid)}) {
    warnings.insert(warnings.end(), more.begin(), more.end());
  }
  for (const UnusableCards& cards : unusable_cards(seen, matrix)) {
    warnings.push_back(with_hint(cards));
  }
  const std::vector<Apqn> reserved = seen.ap ? seen.ap->reserved_queues(matrix) : std::vector<Apqn>{};
  if (!reserved.empty()) {
    const std::vector<std::string> advice = advice_on_reserved(seen, &wanted, reserved);
    warnings.push_back(
        fmt::format("{}; before the start, {}", describe_reserved(*seen.ap, reserved), advice.front()));
    // Without overrides, the commands are alternatives.
    const char* conjunction = seen.ap->overrides.empty() ? "or " : "";
    std::transform(advice.begin() + 1, advice.end(), std::back_inserter(warnings),
                   [&](const std::string& other) { return conjunction + other; });
  }
  return warnings;
}

}  // namespace mdevadm
