// The commands parent set and parent unset.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

#include "../batch.hpp"
#include "../parent_words.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class ParentSet final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("parent", word_, "parent device")->required(), ValueKind::parent);
    goal_option_ = kinds.set(
        app.add_option("--vfs", goal_, "enable N virtual functions, or all; '' leaves them unchanged"),
        ValueKind::function_goal);
    method_option_ = kinds.set(
        app.add_option("--method", method_,
                       "enable them by NVIDIA's sriov-manage (default for NVIDIA's GPUs) or by the kernel's "
                       "sriov_numvfs (default for others); '' restores the default"),
        ValueKind::function_method);
    declare_list(app, kinds, "--reserve", reserved_, "never assign this virtual function (PCI address)");
    declare_list(app, kinds, "--unreserve", released_, "remove the reservation of this virtual function");
    run_option_ =
        kinds.set(app.add_option("--run", commands_,
                                 "run this command when the virtual functions exist; can be given multiple "
                                 "times, replaces all present commands; '' removes them")
                      ->allow_extra_args(false),
                  ValueKind::command_line);
    kinds
        .set(app.add_option("--check", checks_,
                            "do not run the command of --run if this command succeeds; the first --check "
                            "belongs to the first --run, and so on ('': none)")
                 ->allow_extra_args(false),
             ValueKind::command_line)
        ->needs(run_option_);
    kinds
        .set(app.add_option("--run-timeout", timeout_, "kill each command after SECONDS (default: 60)"),
             ValueKind::seconds)
        ->needs(run_option_);
    app.add_flag("--force", force_, "write settings that the present hardware cannot have");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    require_usage();
    if (context.vf_as_parent()) {
      word_ = context.vf_as_parent()->str();
    }
    Batch batch(change_, "set parent");
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const AllParentSettings all = context.parent_settings();
    batch.add({.name = word_, .argument = word_, .parent = word_}, [&] { return plan(context, all); });
    return batch.finish(context, std::move(lock));
  }

 private:
  static void declare_list(CLI::App& app, ValueKinds& kinds, const char* option,
                           std::vector<std::string>& values, const std::string& help) {
    kinds.set(app.add_option(option, values, help + "; can be given multiple times")->allow_extra_args(false),
              ValueKind::one_function);
  }

  void require_usage() const {
    if (goal_option_->count() + method_option_->count() + run_option_->count() == 0 && reserved_.empty() &&
        released_.empty()) {
      throw Error(ExitCode::usage, "nothing to set",
                  "specify --vfs, --method, --reserve, --unreserve, or --run, e.g. --vfs all");
    }
    if (checks_.size() > commands_.size()) {
      throw Error(ExitCode::usage, fmt::format("--check is given {} times, but --run {} times",
                                               checks_.size(), commands_.size()));
    }
  }

  Job plan(Context& context, const AllParentSettings& all) const {
    const std::string doing = fmt::format("cannot set parent '{}'", printable(word_));
    require_usable_file(all, word_, "set parent");
    const ParentName name = *ParentName::parse(word_);
    const ParentSettings* present = all.find(name);
    const std::optional<ParentSettings> before = present != nullptr ? std::optional(*present) : std::nullopt;
    const ParentSettings after = changed(before.value_or(ParentSettings{name}), doing);
    const ParentState state = context.host().observe_parent(name);
    if (!force_) {
      require_known(context, state, before.has_value(), doing);
      if (state.present) {
        require_possible(after, state, doing);
      }
    }
    Job job = plan_parent_set(before, after, context.definitions(FileProblems::ignored), word_);
    if (run_option_->count() > 0) {
      warn_of_missing_programs(context, after, job);
    }
    return job;
  }

  // The program may be installed later, so that the settings are written nevertheless.
  static void warn_of_missing_programs(const Context& context, const ParentSettings& settings, Job& job) {
    std::set<std::string> programs;
    for (const ParentCommand& command : settings.commands) {
      programs.insert(command.command.front());
      if (!command.check.empty()) {
        programs.insert(command.check.front());
      }
    }
    for (const std::string& program : programs) {
      if (!context.host().has_program(program)) {
        job.warnings.push_back(fmt::format(
            "{}: program '{}' is not installed on this host, so the parent cannot be prepared without it",
            job.about.quoted(), printable(program)));
      }
    }
  }

  static void require_known(Context& context, const ParentState& state, bool has_settings,
                            const std::string& doing) {
    if (!state.present && !has_settings) {
      Scope scope{Facet::parents | Facet::gpus, std::nullopt, std::nullopt};
      scope.addresses = {state.name.str()};
      const Snapshot seen = context.observe(scope);
      constexpr const char* force = "to write settings for a device that is absent: --force";
      if (auto missing = missing_address(seen, state.name.str())) {
        if (is_pci_address(state.name.str())) {
          missing->advice.emplace_back(force);
        }
        throw Error(ExitCode::not_found, fmt::format("{}: {}", doing, missing->what), missing->advice);
      }
      std::vector<std::string> known = seen.parent_names();
      for (const GpuFunction& gpu : seen.gpus) {
        known.push_back(gpu.address);
      }
      const std::string meant = did_you_mean(state.name.str(), known);
      const std::string text = fmt::format("{}: no such device on this host", doing);
      if (!meant.empty()) {
        throw Error(ExitCode::not_found, text, meant);
      }
      throw Error(ExitCode::not_found, text,
                  std::vector<std::string>{"list PCI devices with virtual functions: ls "
                                           "/sys/bus/pci/devices/*/sriov_totalvfs",
                                           force});
    }
  }

  ParentSettings changed(ParentSettings settings, const std::string& doing) const {
    if (goal_option_->count() > 0) {
      settings.functions = FunctionGoal::parse(goal_);
    }
    if (method_option_->count() > 0) {
      settings.method = parse_function_method(method_);
    }
    for (const std::string& word : reserved_) {
      const FunctionName function = *FunctionName::parse(word);
      if (std::find(settings.reserved.begin(), settings.reserved.end(), function) ==
          settings.reserved.end()) {
        settings.reserved.push_back(function);
      }
    }
    for (const std::string& word : released_) {
      if (std::erase(settings.reserved, *FunctionName::parse(word)) == 0) {
        throw Error(ExitCode::not_found, fmt::format("{}: virtual function {} is not reserved", doing, word),
                    "list the reservations: mdevadm parent list -o parent,reserved");
      }
    }
    if (run_option_->count() > 0) {
      settings.commands = commands();
    }
    return settings;
  }

  std::vector<ParentCommand> commands() const {
    std::vector<ParentCommand> result;
    const auto limit = std::chrono::duration_cast<std::chrono::seconds>(parse_seconds(timeout_));
    for (std::size_t i = 0; i < commands_.size(); ++i) {
      const Words words = *split_command(commands_[i]);
      if (words.empty()) {
        continue;
      }
      ParentCommand& command = result.emplace_back();
      command.command = words;
      command.check = i < checks_.size() ? *split_command(checks_[i]) : Words{};
      if (!timeout_.empty()) {
        command.seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(limit.count(), 1));
      }
    }
    return result;
  }

  std::string word_;
  std::string goal_;
  std::string method_;
  std::vector<std::string> reserved_;
  std::vector<std::string> released_;
  std::vector<std::string> commands_;
  std::vector<std::string> checks_;
  std::string timeout_;
  CLI::Option* goal_option_ = nullptr;
  CLI::Option* method_option_ = nullptr;
  CLI::Option* run_option_ = nullptr;
  bool force_ = false;
  ChangeOptions change_;
};

class ParentUnset final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("parent", words_, "parents with settings")->required(),
              ValueKind::parent_with_settings);
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    Batch batch(change_, "unset parent");
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const AllParentSettings all = context.parent_settings();
    for (const std::string& word : words_) {
      batch.add({.name = word, .argument = word, .parent = word}, [&] {
        return plan_parent_unset(require_settings(all, context, word, "unset parent"), word);
      });
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  std::vector<std::string> words_;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_parent_set() {
  return std::make_unique<ParentSet>();
}

std::unique_ptr<Command> make_parent_unset() {
  return std::make_unique<ParentUnset>();
}

}  // namespace mdevadm::cli
