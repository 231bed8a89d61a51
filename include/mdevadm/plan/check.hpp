// What is wrong on a host. Pure functions.
#pragma once

#include <mdevadm/model/boot.hpp>
#include <mdevadm/model/claim.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/host_facts.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/explain.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// How the host compares with its description, /etc/mdevadm/host.toml.
struct HostDescribed {
  std::string path;
  std::vector<FileProblem> problems{};  // of the file, or why the host cannot be as it describes
  std::string differences{};            // "2 devices to add, 1 device to start"; empty: none
};

// A parent that is not as its settings say.
struct UnpreparedParent {
  ParentName name;
  std::string reason;
  bool has_failed = false;  // its preparation has been tried
  bool is_absent = false;
};

// A script of mdevctl that is not run, or whose operations fail.
struct UnusableScript {
  FileProblem problem;
  Severity severity;
};

// What a check examines; all of it must outlive the check.
struct CheckInput {
  const Snapshot& seen;  // with check_facets, and Snapshot::host_devices of the parents of definitions
  const Definitions& defined;
  const Groups& groups;
  const AllParentSettings& settings;
  const BootEvents& boot;
  const HostFacts& host;
  std::vector<FileProblem> unread{};  // directories of definitions, groups, settings or claims that cannot be
                                      // read
  std::vector<UnpreparedParent> unprepared{};
  Claims claims{};                           // all, with those that cannot be used
  std::optional<HostDescribed> described{};  // absent: there is no description
  std::optional<FileProblem> state{};        // why commands cannot write their state below /run/mdevadm
  std::vector<UnusableScript> scripts{};
};

constexpr Facet check_facets = Facet::devices | Facet::types | Facet::type_name | Facet::available |
                               Facet::gpus | Facet::nodes | Facet::queues | Facet::ap_bus |
                               Facet::ap_bindings;

inline constexpr const char* whole_host = "host";

// A finding about one object: a parent, a device or definition, a group, a file, a unit, or the whole host.
struct ObjectFinding {
  Finding finding;
  std::string object;
  std::string parent{};  // of a device or definition
};

// Returns "error", "warning" or "info".
std::string_view severity_word(Severity severity);

// Returns all findings: first errors, then warnings, then information; each in the order host, parents,
// definitions, groups, units.
std::vector<ObjectFinding> check(const CheckInput& input);

}  // namespace mdevadm
