#include <mdevadm/run/prepare.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/util/text.hpp>
#include <thread>

#include "parent_steps.hpp"

namespace mdevadm {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds pause{50};
constexpr std::chrono::seconds quiet{3};

void await_presence(const Host& host, const ParentName& name, milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (!host.observe_parent(name).present && Clock::now() < deadline && !sys::interrupted()) {
    std::this_thread::sleep_for(pause);
  }
}

std::vector<bool> run_checks(const Host& host, const ParentSettings& settings) {
  std::vector<bool> checked;
  for (const ParentCommand& command : settings.commands) {
    checked.push_back(check_succeeds(host, command));
  }
  return checked;
}

std::set<std::string> unmanaged_functions(const Effects& effects, const ParentState& state) {
  std::set<std::string> result;
  if (std::none_of(state.functions.begin(), state.functions.end(),
                   [](const FunctionState& one) { return one.type.has_value(); })) {
    return result;
  }
  const Snapshot seen = observe_host(effects, {Facet::devices, std::vector{state.name}, std::nullopt});
  for (const Device& device : seen.devices) {
    if (device.unmanaged) {
      result.insert(device.vf);
    }
  }
  return result;
}

}  // namespace

ParentState observe_settled(const Host& host, const ParentName& name, milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  ParentState state = host.observe_parent(name);
  auto changed = Clock::now();
  while (is_settling(state) && Clock::now() < std::min(changed + quiet, deadline) && !sys::interrupted()) {
    std::this_thread::sleep_for(pause);
    ParentState now = host.observe_parent(name);
    changed = now == state ? changed : Clock::now();
    state = std::move(now);
  }
  return state;
}

Job prepare_job(const Effects& effects, const ParentSettings& settings, const PrepareOptions& options) {
  const std::string& argument = options.argument;
  const milliseconds patience = std::max<milliseconds>(options.patience, least_patience);
  await_presence(effects.host, settings.parent, options.patience);
  ParentState state = observe_settled(effects.host, settings.parent);
  const Preparation done = effects.store.load_preparation(settings.parent);
  PrepareFacts facts{settings, state, done};
  if (state.present && has_functions_as_wanted(settings, state)) {
    try {
      facts.checked = run_checks(effects.host, settings);
    } catch (const Error& error) {
      const Identity about = identity_of(settings, argument);
      throw Error(error.reworded(fmt::format("cannot prepare {}: {}", about.quoted(), error.what())));
    }
  }
  if (why_not_prepared(facts)) {
    // Finding users walks over all processes.
    state = effects.host.observe_parent_with_users(settings.parent);
    facts.unmanaged = unmanaged_functions(effects, state);
  }
  return plan_prepare(facts, argument, patience);
}

}  // namespace mdevadm
