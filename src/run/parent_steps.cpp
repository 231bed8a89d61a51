#include "parent_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/run/interrupted.hpp>
#include <mdevadm/run/prepare.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/util/text.hpp>
#include <thread>

namespace mdevadm {

namespace {

// A failure is that of the settings at that time. Ignores errors: the settings themselves have been changed.
// If another process holds the lock of the parent, it may be preparing the parent, and then writes its own
// result. This one does not wait for it, because it may hold the lock of the definitions, which comes after
// that one.
void forget_failure(const Effects& effects, const ParentName& parent) {
  try {
    const auto lock = effects.store.try_lock_parent(parent);
    Preparation done = effects.store.load_preparation(parent);
    if (lock && !done.failure.empty()) {
      done.failure.clear();
      effects.store.keep_preparation(done);
    }
  } catch (const Error&) {
  }
}

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// The script binds up to 64 VFs one by one, and the driver initializes the GPU.
constexpr std::chrono::minutes script_deadline{3};
constexpr milliseconds pause_between_tries{1000};
constexpr std::string_view lock_refused = "Cannot obtain unbindLock";

bool is_bound(const FunctionState& function) {
  return function.driver == nvidia_driver;
}

// What the exit status of sriov-manage does not report.
bool is_reached(const ParentState& state, std::uint64_t number) {
  return state.enabled == number && state.functions.size() == number && is_bound(state.self) &&
         std::all_of(state.functions.begin(), state.functions.end(), is_bound);
}

std::string numbers(const ParentState& state, std::uint64_t wanted) {
  const auto unbound = std::count_if(state.functions.begin(), state.functions.end(),
                                     [](const FunctionState& one) { return !is_bound(one); });
  if (!is_bound(state.self)) {
    return fmt::format("the GPU is bound to {}", state.self.driver.value_or("no driver"));
  }
  return state.enabled == wanted && unbound > 0
             ? fmt::format("{} of {} virtual functions are not bound to {}", unbound, wanted, nvidia_driver)
             : fmt::format("{} virtual functions are enabled instead of {}", state.enabled, wanted);
}

// NVIDIA's driver does not release a GPU that a program has open, such as a monitoring program.
Error lock_error(const Host& host, const ChangeFunctions& change) {
  const std::vector<Holder> clients = host.find_clients_of(change.parent);
  return Error(ExitCode::in_use,
               fmt::format("the driver does not release the GPU, because a program uses it ({} for {}){}",
                           lock_refused, change.parent.str(),
                           clients.empty() ? std::string{} : ": " + describe(clients)),
               "stop programs that use or monitor the GPU, such as: systemctl stop nvidia-dcgm "
               "nvidia-persistenced")
      .held_by(clients)
      .worth(Retry::later);
}

// Runs one of the programs of a command.
ProgramEnd run_to_end(const Host& host, const Words& words, const ParentCommand& command) {
  return host.run_program(
      words, {.deadline = command.deadline(), .on_interrupt = ProgramOptions::OnInterrupt::is_killed});
}

Error script_error(const ParentState& state, const ChangeFunctions& change, const ProgramEnd& end) {
  const char* action = change.number == 0 ? "-d" : "-e";
  return {ExitCode::failed,
          fmt::format("sriov-manage {} {}: {} ({})", action, change.parent.str(),
                      numbers(state, change.number), end.text()),
          "see the kernel log for the driver's reason, such as a disabled IOMMU: dmesg"};
}

void by_script(const Host& host, const ChangeFunctions& change) {
  const std::string script = host.path_of_sriov_manage();
  const auto deadline = Clock::now() + change.patience;
  while (true) {
    // It is not killed when this process is interrupted, because the GPU would be left without its driver.
    const ProgramEnd end = host.run_program({script, change.number == 0 ? "-d" : "-e", change.parent.str()},
                                            {.deadline = script_deadline, .plain_messages = true});
    host.bind_parent(change.parent, nvidia_driver);
    const bool refused = (end.out + end.err).find(lock_refused) != std::string::npos;
    const ParentState state =
        refused ? host.observe_parent(change.parent) : observe_settled(host, change.parent);
    if (is_reached(state, change.number)) {
      return;
    }
    if (!refused) {
      throw script_error(state, change, end);
    }
    if (sys::interrupted() || Clock::now() + pause_between_tries > deadline) {
      throw lock_error(host, change);
    }
    std::this_thread::sleep_for(pause_between_tries);
  }
}

// On kernels with mdev, VFs that are bound before the driver knows the types of the GPU never offer any. When
// nvidia-vgpud has run cannot be seen before, so VFs without types are disabled and enabled again.
void enable_with_types(const Host& host, const ChangeFunctions& change) {
  by_script(host, change);
  const auto deadline = Clock::now() + change.patience;
  while (lacks_types(host.observe_parent(change.parent))) {
    throw_if_interrupted();
    if (Clock::now() + pause_between_tries > deadline) {
      throw Error(
          ExitCode::failed,
          fmt::format(
              "virtual functions of {} offer no types: NVIDIA's driver bound them before nvidia-vgpud "
              "registered the types",
              change.parent.str()),
          "check nvidia-vgpud: journalctl -u nvidia-vgpud")
          .worth(Retry::later);
    }
    std::this_thread::sleep_for(pause_between_tries);
    ChangeFunctions disable = change;
    disable.number = 0;
    by_script(host, disable);
    by_script(host, change);
  }
}

void by_kernel(const Host& host, const ChangeFunctions& change) {
  const ParentState before = host.observe_parent(change.parent);
  if (before.enabled != change.number) {
    host.write_functions(before, change.number);
  }
  const ParentState state = observe_settled(host, change.parent);
  if (state.enabled != change.number || state.functions.size() != change.number) {
    throw Error(ExitCode::failed,
                fmt::format("{} virtual functions are enabled instead of {}: changed by another process",
                            std::min<std::uint64_t>(state.enabled, state.functions.size()), change.number),
                "run the command again");
  }
}

// Refuses to call a parent prepared whose virtual functions have changed since they were enabled.
void require_functions(const Host& host, const ParentSettings& settings) {
  const ParentState state = observe_settled(host, settings.parent);
  if (!state.present) {
    throw Error(ExitCode::failed,
                fmt::format("{} has been removed since its commands were started", state.name.str()))
        .worth(Retry::later);
  }
  if (!has_functions_as_wanted(settings, state)) {
    throw Error(ExitCode::failed,
                fmt::format("{} after the last command: a command or another program has changed them",
                            why_not_as_wanted(settings, state)),
                fmt::format("show the commands: mdevadm parent show {}", state.name.str()))
        .worth(Retry::later);
  }
}

}  // namespace

void change_functions(const Host& host, const ChangeFunctions& change) {
  if (change.method == FunctionMethod::sysfs) {
    by_kernel(host, change);
  } else if (change.number == 0) {
    by_script(host, change);
  } else {
    enable_with_types(host, change);
  }
}

bool check_succeeds(const Host& host, const ParentCommand& command) {
  return !command.check.empty() && run_to_end(host, command.check, command).succeeded();
}

void run_command(const Host& host, const RunCommand& run) {
  const ParentCommand& command = run.command;
  if (run.checks && check_succeeds(host, command)) {
    return;
  }
  const ProgramEnd end = run_to_end(host, command.command, command);
  if (end.succeeded()) {
    return;
  }
  throw_if_interrupted();
  const std::string late =
      end.is_late() ? fmt::format(" after {} s", command.deadline().count()) : std::string{};
  throw Error(
      ExitCode::failed,
      fmt::format("command '{}' failed{}: {}", printable(command_line(command.command)), late, end.text()),
      fmt::format("run it by hand: {}", command_line(command.command)));
}

void keep_failure(const Effects& effects, const ParentName& parent, const std::string& reason) {
  try {
    Preparation done = effects.store.load_preparation(parent);
    done.failure = reason;
    effects.store.keep_preparation(done);
  } catch (const Error&) {
    // The reason itself is reported.
  }
}

void write_settings(const Effects& effects, const WriteParentSettings& action) {
  effects.store.write_parent_settings(action.before, action.after);
  forget_failure(effects, action.after.parent);
}

void remove_settings(const Effects& effects, const RemoveParentSettings& action) {
  effects.store.remove_parent_settings(action.settings);
  forget_failure(effects, action.settings.parent);
}

void keep_preparation(const Effects& effects, const KeepPreparation& action) {
  if (action.required) {
    require_functions(effects.host, *action.required);
  }
  Preparation done = action.done;
  done.setup = effects.host.observe_parent(done.parent).setup;
  effects.store.keep_preparation(done);
}

}  // namespace mdevadm
