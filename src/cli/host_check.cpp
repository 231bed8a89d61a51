#include "host_check.hpp"

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/abi.hpp>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/run/script_check.hpp>
#include <mdevadm/sys/accounts.hpp>

#include "host_comparison.hpp"
#include "host_source.hpp"

namespace mdevadm::cli {

namespace {

// Reads files; if their directory cannot be read, that is a finding.
template <typename Loaded>
Loaded read_or_note(std::vector<FileProblem>& unread, const Context& context, const char* directory,
                    const std::function<Loaded()>& read) {
  try {
    return read();
  } catch (const Error& error) {
    unread.push_back({context.root().path_of(directory), 0, 0, error.what()});
    return {};
  }
}

// Compares the host with its description, if there is one.
std::optional<HostDescribed> described_state(Context& context) {
  if (!context.root().exists(default_host_file)) {
    return std::nullopt;
  }
  HostDescribed result{context.root().path_of(default_host_file)};
  try {
    HostFile file = store::parse_host(read_host(context, "", "cannot check").texts);
    const ApplyPlan plan = Comparison(context, std::move(file), false).plan(true, std::nullopt);
    std::transform(plan.problems.begin(), plan.problems.end(), std::back_inserter(result.problems),
                   [](const HostProblem& one) { return one.problem; });
    result.differences = summary_of(plan.changes);
  } catch (const Error& error) {
    result.problems.push_back({result.path, 0, 0, error.what()});
  }
  return result;
}

// Returns the addresses to read: those given, the parents of definitions, and Intel's graphics.
std::vector<std::string> addresses_to_check(const Context& context, const std::vector<std::string>& words,
                                            const Definitions& defined) {
  std::vector<std::string> names = context.host().devices_bound_to({"i915", "xe"});
  for (const std::string& word : words) {
    names.push_back(context.device_name(word));
    const std::vector<std::string> meant = possible_pci_addresses(word);
    names.insert(names.end(), meant.begin(), meant.end());
  }
  for (const Definition& definition : defined.all) {
    names.push_back(definition.parent.str());
  }
  return names;
}

// The checks of commands are not run: they may change something or take long.
std::vector<UnpreparedParent> unprepared_parents(const Context& context, const AllParentSettings& settings) {
  std::vector<UnpreparedParent> result;
  for (const ParentSettings& one : settings.all) {
    const ParentState state = context.host().observe_parent(one.parent);
    const Preparation done = context.store().load_preparation(one.parent);
    if (auto reason = why_not_prepared({one, state, done})) {
      result.push_back({one.parent, *std::move(reason), !done.failure.empty(), !state.present});
    }
  }
  return result;
}

// Finds the accounts in settings of nodes that do not exist.
void find_unknown_accounts(HostCheck& read) {
  const auto look_up = [&](const std::optional<NodePolicy>& node) {
    if (node && node->owner && !sys::user_id(*node->owner)) {
      read.facts.unknown_users.insert(*node->owner);
    }
    if (node && node->group && !sys::group_id(*node->group)) {
      read.facts.unknown_groups.insert(*node->group);
    }
  };
  for (const Definition& definition : read.defined.all) {
    look_up(definition.node);
  }
  for (const Group& group : read.groups.all) {
    look_up(group.node);
  }
}

}  // namespace

CheckInput HostCheck::input() const {
  return {seen,   defined,    groups, settings,  boot,  facts,
          unread, unprepared, claims, described, state, scripts};
}

HostCheck read_host_check(Context& context, const std::vector<std::string>& words, Facet more) {
  HostCheck read;
  read.defined = read_or_note<Definitions>(read.unread, context, "etc/mdevadm/devices",
                                           [&] { return context.definitions(); });
  read.groups =
      read_or_note<Groups>(read.unread, context, "etc/mdevadm/groups", [&] { return context.groups(); });
  read.settings = read_or_note<AllParentSettings>(read.unread, context, "etc/mdevadm/parents",
                                                  [&] { return context.parent_settings(); });
  read.boot = context.store().load_boot_events();
  Scope scope{check_facets | more, std::nullopt, std::nullopt};
  if (std::any_of(read.defined.all.begin(), read.defined.all.end(),
                  [](const Definition& one) { return one.abi.has_value(); })) {
    scope.facets |= abi_facets;
  }
  scope.addresses = addresses_to_check(context, words, read.defined);
  read.seen = context.observe_settings(std::move(scope), read.defined, read.groups);
  // Only on a host without parents: otherwise devices that are not parents belong to the host.
  constexpr std::size_t most_candidates = 4;
  for (const std::string& name : read.seen.parents.empty() ? context.host().possible_parents(most_candidates)
                                                           : std::vector<std::string>{}) {
    read.seen.host_devices.emplace(name, context.host().observe_address(name));
  }
  read.facts = context.host().observe_facts();
  if (context.globals().root == "/") {
    find_unknown_accounts(read);
  }
  read.state = context.store().state_problem();
  read.claims = read_or_note<Claims>(read.unread, context, "run/mdevadm/claims",
                                     [&] { return context.store().load_claims(); });
  read.unprepared = unprepared_parents(context, read.settings);
  read.described = described_state(context);
  read.scripts = unusable_scripts(context.root());
  return read;
}

render::FindingRow finding_row(const ObjectFinding& found) {
  const Finding& finding = found.finding;
  return {std::string(severity_word(finding.severity)),
          finding.id,
          found.object,
          found.parent,
          finding.what,
          finding.advice};
}

}  // namespace mdevadm::cli
