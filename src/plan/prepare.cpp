#include <mdevadm/plan/prepare.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

namespace mdevadm {

namespace {

std::string cannot_prepare(const std::string& word) {
  return fmt::format("cannot prepare '{}'", printable(word));
}

bool is_on_way_to_driver(const ParentState& state) {
  return !state.self.driver || *state.self.driver == stub_driver;
}

bool uses_script(const ParentSettings& settings, const ParentState& state) {
  return settings.functions && method_for(settings, state) == FunctionMethod::sriov_manage;
}

// Returns a sentence about the use of a function: "virtual function 0000:41:00.4 is in use by qemu (pid 7)".
std::string describe_use(const FunctionState& function, const ParentState& state) {
  const std::string subject = function.address == state.self.address
                                  ? fmt::format("the physical function {}", function.address)
                                  : fmt::format("virtual function {}", function.address);
  if (function.busy) {
    return fmt::format("{} is in use by {}", subject, describe(function.holders));
  }
  if (function.type) {
    return fmt::format("{} has a vGPU (type {})", subject, *function.type);
  }
  return fmt::format("{} has mediated device {}", subject, function.devices.front());
}

// A GPU that is passed through as a whole has no devices.
std::vector<std::string> advice_on_use(const ParentState& state) {
  return {state.self.busy
              ? fmt::format("shut down the virtual machine that uses the GPU, then run: mdevadm parent "
                            "prepare {}",
                            state.name.str())
              : fmt::format("stop the virtual machines that use it; list its devices: mdevadm list "
                            "--parent {} -o +held_by",
                            state.name.str())};
}

// Returns how the devices can be stopped. The command names them because stop --all omits those without a
// definition; stop refuses a vGPU of another program.
std::vector<std::string> advice_to_stop(const std::vector<const FunctionState*>& used,
                                        const std::set<std::string>& unmanaged) {
  std::vector<std::string> words, others;
  for (const FunctionState* function : used) {
    if (function->devices.empty()) {
      (unmanaged.contains(function->address) ? others : words).push_back(function->address);
    }
    words.insert(words.end(), function->devices.begin(), function->devices.end());
  }
  std::vector<std::string> advice;
  if (!words.empty()) {
    advice.push_back("stop its devices: mdevadm stop " + join(words, " "));
  }
  if (!others.empty()) {
    advice.push_back(
        fmt::format("remove {} of another program with that program, or adopt {} first: mdevadm "
                    "define {} && mdevadm stop {}",
                    others.size() == 1 ? "the vGPU" : "the vGPUs", others.size() == 1 ? "it" : "each",
                    others.front(), others.front()));
  }
  return advice;
}

void require_unused(const PrepareFacts& facts, const std::string& doing) {
  const ParentState& state = facts.state;
  std::vector<const FunctionState*> used;
  std::vector<Holder> holders;
  const auto look_at = [&](const FunctionState& function) {
    if (function.in_use()) {
      used.push_back(&function);
      holders.insert(holders.end(), function.holders.begin(), function.holders.end());
    }
  };
  look_at(state.self);
  std::for_each(state.functions.begin(), state.functions.end(), look_at);
  if (used.empty()) {
    return;
  }
  const auto busy =
      std::find_if(used.begin(), used.end(), [](const FunctionState* one) { return one->busy; });
  const FunctionState& worst = busy == used.end() ? *used.front() : **busy;
  std::string text = fmt::format("{}: {}", doing, describe_use(worst, state));
  if (used.size() > 1) {
    text += used.size() == 2
                ? std::string(", and 1 more virtual function has a vGPU or is open")
                : fmt::format(", and {} more virtual functions have vGPUs or are open", used.size() - 1);
  }
  throw Error(ExitCode::in_use, text,
              busy == used.end() ? advice_to_stop(used, facts.unmanaged) : advice_on_use(state))
      .held_by(std::move(holders));
}

bool has_other_driver(const ParentSettings& settings, const ParentState& state) {
  return uses_script(settings, state) && !is_on_way_to_driver(state) && state.self.driver != nvidia_driver;
}

// Returns why sriov-manage cannot be used with the present driver, or nullopt.
std::optional<Error> problem_of_driver(const ParentSettings& settings, const ParentState& state) {
  if (!has_other_driver(settings, state)) {
    return std::nullopt;
  }
  const std::string driver = state.self.driver.value_or("");
  const std::string& name = state.name.str();
  return Error(ExitCode::conflict, fmt::format("the GPU is bound to {}, not to {}", driver, nvidia_driver),
               fmt::format("bind it to {}: {}", nvidia_driver,
                           commands_to_bind(name, nvidia_driver, state.self.driver,
                                            state.driver_override.has_value())));
}

// Returns why sriov-manage would have to change the virtual functions, and cannot, or nullopt.
std::optional<Error> problem_of_binding(const ParentSettings& settings, const ParentState& state) {
  if (!uses_script(settings, state) || has_functions_as_wanted(settings, state)) {
    return std::nullopt;
  }
  const std::string& name = state.name.str();
  const auto finding = state.without_iommu     ? std::optional(without_iommu(name))
                       : state.driver_override ? std::optional(driver_is_fixed(name, *state.driver_override))
                                               : std::nullopt;
  return finding ? std::optional(Error(ExitCode::conflict, finding->what, finding->advice)) : std::nullopt;
}

// Returns what the parent cannot have, whatever its state, or nullopt.
std::optional<Error> why_impossible(const ParentSettings& settings, const ParentState& state) {
  const std::string& name = state.name.str();
  if (state.physical) {
    return Error(ExitCode::conflict,
                 fmt::format("it is a virtual function of {}, which has the settings", *state.physical),
                 fmt::format("show the settings of its parent: mdevadm parent show {}", *state.physical));
  }
  if (settings.method == FunctionMethod::sriov_manage && !state.is_nvidia()) {
    return Error(ExitCode::conflict,
                 fmt::format("sriov-manage is for NVIDIA's GPUs only (vendor 10de, not {})",
                             state.vendor.empty() ? "unknown" : state.vendor),
                 fmt::format("use sriov_numvfs: mdevadm parent set {} --method sysfs", name));
  }
  const auto wanted = wanted_functions(settings, state);
  if (wanted && settings.method == FunctionMethod::sysfs && state.self.driver == nvidia_driver) {
    return Error(ExitCode::conflict, "NVIDIA's driver does not support sriov_numvfs",
                 fmt::format("use NVIDIA's script: mdevadm parent set {} --method sriov-manage", name));
  }
  if (wanted && state.total.value_or(0) == 0) {
    return Error(ExitCode::conflict,
                 "the device has no virtual functions (SR-IOV is not supported, or disabled in "
                 "the firmware)",
                 "enable SR-IOV, the IOMMU and, for boards with displays, the display-less mode of the GPU; "
                 "then check sriov_totalvfs: grep . /sys/bus/pci/devices/*/sriov_totalvfs");
  }
  if (wanted && *wanted > *state.total) {
    return Error(
        ExitCode::conflict,
        fmt::format("{} virtual functions are more than the device supports ({})", *wanted, *state.total),
        fmt::format("enable all: mdevadm parent set {} --vfs all", name));
  }
  if (wanted && *wanted != *state.total && uses_script(settings, state)) {
    return Error(
        ExitCode::conflict,
        fmt::format("sriov-manage always enables all {} virtual functions, never {}", *state.total, *wanted),
        fmt::format("enable all: mdevadm parent set {} --vfs all", name));
  }
  for (const FunctionName& reserved : settings.reserved) {
    const bool is_own = state.addresses.empty() || std::find(state.addresses.begin(), state.addresses.end(),
                                                             reserved.str()) != state.addresses.end();
    if (!is_own) {
      return Error(ExitCode::conflict,
                   fmt::format("{} is not a virtual function of it (expected {} to {})", reserved.str(),
                               state.addresses.front(), state.addresses.back()),
                   fmt::format("if it is in the settings, remove it: mdevadm parent set {} --unreserve {}",
                               state.name.str(), reserved.str()));
    }
  }
  return std::nullopt;
}

// Returns why the parent cannot be prepared, or nullopt.
std::optional<Error> problem_of(const ParentSettings& settings, const ParentState& state) {
  auto problem = why_impossible(settings, state);
  problem = problem ? problem : problem_of_driver(settings, state);
  return problem ? problem : problem_of_binding(settings, state);
}

void require_present(const ParentState& state, const std::string& doing) {
  if (!state.present) {
    const std::string name = shell_word(state.name.str());
    throw Error(ExitCode::not_found, fmt::format("{}: no such device on this host", doing),
                std::vector<std::string>{"list the PCI devices of the host: lspci -D",
                                         "if the device was removed, remove its settings: mdevadm parent "
                                         "unset " +
                                             name})
        .worth(Retry::later);
  }
}

// Adds steps that change the number of VFs. Wrong numbers, and VFs that the driver did not bind, are removed
// first: the kernel changes the number from and to 0 only.
void add_function_steps(Job& job, const PrepareFacts& facts, std::chrono::milliseconds patience) {
  const ParentState& state = facts.state;
  const FunctionMethod method = method_for(facts.settings, state);
  const std::uint64_t wanted = *wanted_functions(facts.settings, state);
  if (uses_script(facts.settings, state) && is_on_way_to_driver(state)) {
    job.steps.push_back({BindParent{state.name, nvidia_driver}, {}});
  }
  const ChangeFunctions enable{state.name, method, wanted, state.total.value_or(0), patience};
  if (!has_functions_as_wanted(facts.settings, state)) {
    job.steps.push_back({KeepPreparation{{state.name}}, {}});
    if (state.enabled > 0) {
      ChangeFunctions disable = enable;
      disable.number = 0;
      job.steps.push_back({disable, {}});
    }
    job.steps.push_back({enable, {}});
  }
}

bool has_reserved(const ParentSettings& settings, const FunctionName& function) {
  return std::find(settings.reserved.begin(), settings.reserved.end(), function) != settings.reserved.end();
}

// Returns the first word that only a shell understands; empty if there is none.
std::string word_for_shell(const Words& words) {
  static const std::set<std::string_view> operators{"&&", "||", "|", ";", "&", ">", ">>", "<", "2>", "2>&1"};
  static const std::set<std::string_view> shells{"sh", "bash", "dash"};
  const std::string& program = words.front();
  const std::string_view name = std::string_view(program).substr(program.rfind('/') + 1);
  if (shells.contains(name) || name == "find") {  // find has an argument ";"
    return {};
  }
  const auto is_for_shell = [](const std::string& word) {
    const bool is_one_word = word.size() > 1 && word.find(' ') == std::string::npos;
    return operators.contains(word) || (is_one_word && (word.front() == '$' || word.back() == ';'));
  };
  const auto found = std::find_if(words.begin(), words.end(), is_for_shell);
  return found == words.end() ? std::string{} : *found;
}

// A record that is older than the present driver or VFs does not count.
bool is_done(const PrepareFacts& facts, const ParentCommand& command) {
  const std::string& setup = facts.done.setup;
  return (setup.empty() || setup == facts.state.setup) && facts.done.has(command);
}

}  // namespace

Identity identity_of(const ParentSettings& settings, const std::string& argument) {
  return {.name = settings.parent.str(), .argument = argument, .parent = settings.parent.str()};
}

FunctionMethod method_for(const ParentSettings& settings, const ParentState& state) {
  return settings.method.value_or(state.is_nvidia() ? FunctionMethod::sriov_manage : FunctionMethod::sysfs);
}

std::optional<std::uint64_t> wanted_functions(const ParentSettings& settings, const ParentState& state) {
  return settings.functions ? std::optional(settings.functions->number.value_or(state.total.value_or(0)))
                            : std::nullopt;
}

bool lacks_types(const ParentState& state) {
  const auto lacks = [](const FunctionState& one) {
    return one.driver == nvidia_driver && !one.offers_types;
  };
  const auto is_used = [](const FunctionState& one) { return one.in_use(); };
  return state.is_nvidia() && state.has_mdev_core &&
         std::any_of(state.functions.begin(), state.functions.end(), lacks) &&
         std::none_of(state.functions.begin(), state.functions.end(), is_used);
}

bool has_functions_as_wanted(const ParentSettings& settings, const ParentState& state) {
  const auto wanted = wanted_functions(settings, state);
  if (!wanted) {
    return true;
  }
  const auto is_bound = [](const FunctionState& one) { return one.driver == nvidia_driver; };
  return state.enabled == *wanted && state.functions.size() == *wanted &&
         (!uses_script(settings, state) ||
          (is_bound(state.self) && !lacks_types(state) &&
           std::all_of(state.functions.begin(), state.functions.end(), is_bound)));
}

bool is_settling(const ParentState& state) {
  if (!state.present || !state.total) {
    return false;
  }
  return state.functions.size() != state.enabled || (state.is_nvidia() && is_on_way_to_driver(state)) ||
         (state.self.driver && !state.without_iommu &&
          std::any_of(state.functions.begin(), state.functions.end(),
                      [](const FunctionState& one) { return !one.driver; }));
}

std::vector<std::size_t> pending_commands(const PrepareFacts& facts) {
  std::vector<std::size_t> pending;
  const bool changes = !has_functions_as_wanted(facts.settings, facts.state);
  for (std::size_t i = 0; i < facts.settings.commands.size(); ++i) {
    const ParentCommand& command = facts.settings.commands[i];
    // A check knows more than the record: the effect of the command may have been undone since.
    const bool is_checked = !command.check.empty() && i < facts.checked.size();
    if (changes || (is_checked ? !facts.checked[i] : !is_done(facts, command))) {
      pending.push_back(i);
    }
  }
  return pending;
}

void require_possible(const ParentSettings& settings, const ParentState& state, const std::string& doing) {
  if (const auto problem = why_impossible(settings, state)) {
    throw Error(problem->reworded(fmt::format("{}: {}", doing, problem->what())));
  }
}

std::string why_not_as_wanted(const ParentSettings& settings, const ParentState& state) {
  const std::uint64_t wanted = *wanted_functions(settings, state);
  if (uses_script(settings, state) && is_on_way_to_driver(state)) {
    return fmt::format("the GPU is not bound to {}", nvidia_driver);
  }
  if (state.enabled < wanted) {
    return fmt::format("{} of {} virtual functions are enabled", state.enabled, wanted);
  }
  if (state.enabled > wanted) {
    return fmt::format("{} virtual functions are enabled instead of {}", state.enabled, wanted);
  }
  return lacks_types(state)
             ? "virtual functions offer no types, because they were enabled before nvidia-vgpud had run"
             : fmt::format("some virtual functions are not bound to {}", nvidia_driver);
}

std::optional<std::string> why_not_prepared(const PrepareFacts& facts) {
  const ParentState& state = facts.state;
  if (!state.present) {
    return "no such device on this host";
  }
  if (const auto problem = problem_of(facts.settings, state)) {
    return problem->what();
  }
  const bool as_wanted = has_functions_as_wanted(facts.settings, state);
  const std::vector<std::size_t> pending = pending_commands(facts);
  if (as_wanted && pending.empty()) {
    return std::nullopt;
  }
  if (!facts.done.failure.empty()) {
    return "the last preparation failed: " + facts.done.failure;
  }
  if (!as_wanted) {
    return why_not_as_wanted(facts.settings, state);
  }
  const ParentCommand& first = facts.settings.commands[pending.front()];
  return fmt::format(
      "not run since {}: {}",
      facts.done.has(first) ? "the driver was bound or the virtual functions were created" : "boot",
      printable(command_line(first.command)));
}

Job plan_prepare(const PrepareFacts& facts, const std::string& argument, std::chrono::milliseconds patience) {
  const ParentSettings& settings = facts.settings;
  const Identity about = identity_of(settings, argument);
  const std::string doing = cannot_prepare(about.word());
  require_present(facts.state, doing);
  // Unbinding a GPU that a virtual machine has blocks, so its use comes before the commands that bind it.
  if (has_other_driver(settings, facts.state) && !why_impossible(settings, facts.state)) {
    require_unused(facts, doing);
  }
  if (const auto problem = problem_of(settings, facts.state)) {
    throw Error(problem->reworded(fmt::format("{}: {}", doing, problem->what())));
  }
  Job job{"prepare " + about.quoted(), about, settings.parent.str()};
  const std::vector<std::size_t> pending = pending_commands(facts);
  const bool as_wanted = has_functions_as_wanted(settings, facts.state);
  // The effect of a command, which its check has found, counts as that of running it: commands that do not
  // run the checks depend on the record.
  Preparation done{settings.parent};
  bool is_recorded = true;
  for (std::size_t i = 0; i < settings.commands.size(); ++i) {
    if (as_wanted && std::find(pending.begin(), pending.end(), i) == pending.end()) {
      done.commands.push_back(settings.commands[i].command);
      is_recorded = is_recorded && is_done(facts, settings.commands[i]);
    }
  }
  if (as_wanted && pending.empty()) {
    job.notes.push_back(about.quoted() + " is already prepared");
    if (!is_recorded) {
      job.steps.push_back({KeepPreparation{done}, {}});
    }
    return job;
  }
  require_unused(facts, doing);
  if (!as_wanted) {
    add_function_steps(job, facts, patience);
  }
  for (const std::size_t i : pending) {
    const ParentCommand& command = settings.commands[i];
    // The checks of a parent that is not changed have been made already.
    job.steps.push_back({RunCommand{settings.parent, command, !as_wanted}, {}});
    done.commands.push_back(command.command);
    const bool is_last = i == pending.back();
    job.steps.push_back({KeepPreparation{done, is_last ? std::optional(settings) : std::nullopt}, {}});
  }
  return job;
}

Job plan_parent_set(const std::optional<ParentSettings>& before, const ParentSettings& after,
                    const Definitions& defined, const std::string& argument) {
  const Identity about = identity_of(after, argument);
  Job job{"set parent " + about.quoted(), about};
  if (before == after) {
    job.notes.push_back(fmt::format("settings of {} unchanged", about.quoted()));
    return job;
  }
  for (const ParentCommand& command : after.commands) {
    if (const std::string word = word_for_shell(command.command); !word.empty()) {
      job.warnings.push_back(
          fmt::format("{}: '{}' is passed to {} as an argument, because commands are run without "
                      "a shell; to use one: --run \"sh -c '...'\"",
                      about.quoted(), printable(word), printable(command.command.front())));
    }
  }
  for (const Definition& definition : defined.all) {
    const FunctionName* vf = definition.reserved_vf();
    const bool had = before && vf != nullptr && has_reserved(*before, *vf);
    if (vf != nullptr && definition.parent == after.parent && has_reserved(after, *vf) && !had) {
      job.warnings.push_back(
          fmt::format("{0}: virtual function {1} is also reserved for {2}, which cannot be "
                      "started while it is reserved; {3}",
                      about.quoted(), vf->str(), identity_of(definition).quoted(),
                      advice_to_release_function(definition)));
    }
  }
  job.steps.push_back({WriteParentSettings{before, after}, {}});
  return job;
}

Job plan_parent_unset(const ParentSettings& settings, const std::string& argument) {
  const Identity about = identity_of(settings, argument);
  return {"unset parent " + about.quoted(), about, {}, {{RemoveParentSettings{settings}, {}}}};
}

}  // namespace mdevadm
