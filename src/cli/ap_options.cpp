#include "ap_options.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

std::optional<ApChange> change_in(const std::vector<std::string>& lists, ApKind kind, const char* option) {
  if (lists.empty()) {
    return std::nullopt;
  }
  const ApReading reading = read_ap_list(join(lists, ","), kind);
  if (!reading.problem.empty()) {
    throw Error(ExitCode::usage, fmt::format("{}: {}", option, reading.problem));
  }
  return reading.change;
}

std::string option_of(ApKind kind) {
  return kind == ApKind::control_domain ? "control-domain" : std::string(ap_word(kind));
}

const char* help_of_adapters(ApOptions::For object) {
  switch (object) {
    case ApOptions::For::new_definition:
      return "adapters of a vfio-ap device, e.g. 0x05,0x0a-0x0c; when a device is adopted: +0x06 adds, -0x06 "
             "removes one";
    case ApOptions::For::definition:
      return "replace the adapters of a vfio-ap device, e.g. 0x05,0x0a-0x0c; with signs: +0x06 adds, -0x06 "
             "removes one; '' removes all";
    case ApOptions::For::transient_device: return "adapters of a vfio-ap device, e.g. 0x05,0x0a-0x0c";
  }
  return "";
}

}  // namespace

void ApOptions::declare(CLI::App& app, ValueKinds& kinds, For object, CLI::Option* needs) {
  const auto add = [&](const char* name, std::vector<std::string>& lists, const char* help, ValueKind kind) {
    CLI::Option* option = kinds.set(app.add_option(name, lists, help)->allow_extra_args(false), kind);
    if (needs != nullptr) {
      option->needs(needs);
    }
    return option;
  };
  auto* adapters = add("--adapter", adapters_, help_of_adapters(object), ValueKind::ap_adapters);
  auto* domains =
      add("--domain", domains_, "domains of a vfio-ap device, e.g. 0x14,0x47", ValueKind::ap_domains);
  add("--control-domain", control_domains_, "control domains of a vfio-ap device, e.g. 0x14",
      ValueKind::ap_control_domains);
  add("--queue", queues_, "queues of a vfio-ap device, as lszcrypt prints them: 05.0014,05.0015",
      ValueKind::ap_queues)
      ->excludes(adapters)
      ->excludes(domains);
}

ApChanges ApOptions::given() const {
  ApChanges changes{change_in(adapters_, ApKind::adapter, "--adapter"),
                    change_in(domains_, ApKind::domain, "--domain"),
                    change_in(control_domains_, ApKind::control_domain, "--control-domain")};
  if (!queues_.empty()) {
    const ApQueuesReading reading = read_ap_queues(join(queues_, ","));
    if (!reading.problem.empty()) {
      throw Error(ExitCode::usage, "--queue: " + reading.problem);
    }
    changes.adapters = ApChange{.added = reading.matrix.adapters};
    changes.domains = ApChange{.added = reading.matrix.domains};
  }
  return changes;
}

bool ApOptions::assigns_queues(const std::vector<Attribute>& attributes) const {
  return !assigned_by(changed_attributes(attributes, given())).queues().empty();
}

Job ApOptions::planned(const Snapshot& seen, const std::function<Job()>& plan) const {
  const std::vector<std::string> doubts = doubts_about_decimals(seen, given());
  try {
    Job job = plan();
    for (const std::string& doubt : doubts) {
      job.warnings.push_back(fmt::format("{}: {}", job.about.quoted(), doubt));
    }
    return job;
  } catch (const Error& refused) {
    const bool is_about_queues = refused.number() == EADDRNOTAVAIL || refused.number() == EADDRINUSE;
    Error error = refused;
    for (const std::string& doubt : is_about_queues ? doubts : std::vector<std::string>{}) {
      error = error.with_hint(doubt);
    }
    throw error;
  }
}

Error shared_queues() {
  return {ExitCode::usage, "several devices cannot have the same queues",
          "omit --count, and run the command once for each device, with its queues"};
}

void ApOptions::require_additions() const {
  const ApChanges changes = given();
  for (const ApKind kind : ap_kinds) {
    const std::optional<ApChange>& change = changes.of(kind);
    if (change && (change->removed.any() || change->added.none())) {
      throw Error(ExitCode::usage,
                  fmt::format("--{}: {} (expected a list such as 0x05,0x0a-0x0c)", option_of(kind),
                              change->removed.any() ? "numbers cannot be removed from a new device"
                                                    : "no number is given"));
    }
  }
}

void ApOptions::require_consistent(const std::vector<Attribute>& attributes) const {
  const ApChanges changes = given();
  for (const Attribute& attribute : attributes) {
    if (!is_ap_attribute(attribute)) {
      continue;
    }
    for (const ApKind kind : ap_kinds) {
      // What the attribute adds to nothing, and removes from everything, must outlast the options.
      const ApSet added = assigned_by({attribute}).of(kind);
      ApMatrix all;
      all.of(kind).set();
      const ApSet left = assigned_by({attribute}, all).of(kind);
      const auto& change = changes.of(kind);
      if (change &&
          ((added & ~change->applied_to(added)).any() || (change->applied_to(left) & ~left).any())) {
        const bool by_queue = !queues_.empty() && kind != ApKind::control_domain;
        const std::string option = by_queue ? "queue" : option_of(kind);
        throw Error(ExitCode::usage,
                    fmt::format("'--attr {}={}' and '--{}' contradict each other (expected one of them)",
                                attribute.name.str(), printable(attribute.value), option));
      }
    }
  }
}

}  // namespace mdevadm::cli
