// The commands that compare the host with its description, and make it so.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/apply.hpp>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/run/prepare.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

#include "../batch.hpp"
#include "../host_comparison.hpp"
#include "../host_source.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// What the commands have in common: the option --file, and the reading of the description.
class HostCommand : public Command {
 protected:
  void declare_file(CLI::App& app, ValueKinds& kinds) {
    kinds.set(app.add_option("-f,--file", file_,
                             "file, directory of files *.toml, or - for standard input (default: "
                             "/etc/mdevadm/host.toml)"),
              ValueKind::file);
  }

  // Reads the description.
  Comparison read(Context& context, const std::string& verb, bool prune) {
    const HostSource source = read_host(context, file_, fmt::format("cannot {}", verb));
    name_ = source.name;
    return {context, store::parse_host(source.texts), prune};
  }

  // Refuses the problems of a plan; returns whether there are any.
  static bool refuse_problems(Batch& batch, const ApplyPlan& plan, const std::string& name,
                              const std::string& verb) {
    for (const HostProblem& one : plan.problems) {
      batch.refuse({.argument = name},
                   Error(one.code, fmt::format("cannot {}: {}", verb, one.problem.str()), one.hints));
    }
    return !plan.problems.empty();
  }

  std::string file_;
  std::string name_;  // of the description, for messages
};

void warn_of_refusals(const Context& context, const ApplyPlan& plan) {
  for (const Refusal& one : plan.refused) {
    context.messages().warning(one.error.what(), {.uuid = one.about.uuid ? one.about.uuid->str() : ""});
  }
}

// Which changes were made.
class Outcomes {
 public:
  explicit Outcomes(const Batch& batch) {
    batch.visit_outcomes([&](const Job& job, Outcome outcome) {
      const bool done = outcome == Outcome::done || outcome == Outcome::pending;
      const bool writes = std::any_of(job.steps.begin(), job.steps.end(), [](const Step& step) {
        return std::holds_alternative<AddDefinition>(step.action) ||
               std::holds_alternative<ReplaceDefinition>(step.action);
      });
      any_ |= done && !job.steps.empty();
      if (!done && outcome != Outcome::unchanged) {
        incomplete_.insert(key_of(job.about));
      } else if (writes) {
        written_.insert(key_of(job.about));
      }
    });
  }

  bool any() const { return any_; }

  bool has(const HostChange& change) const {
    const std::string key = key_of(change.about);
    // A device can be defined although it could not be started.
    const bool is_written =
        (change.kind == HostChange::Kind::add || change.kind == HostChange::Kind::change) &&
        written_.contains(key);
    return is_written || !incomplete_.contains(key);
  }

 private:
  static std::string key_of(const Identity& about) {
    return about.uuid ? about.uuid->str() : about.parent + "/" + about.name;
  }

  bool any_ = false;
  std::set<std::string> written_{};     // definitions
  std::set<std::string> incomplete_{};  // with a job that failed
};

class DiffCommand final : public HostCommand {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_file(app, kinds);
    app.add_flag("--prune", prune_, "also show what apply --prune would remove");
    app.add_flag("--json", json_, "print JSON");
  }

  bool json() const override { return json_; }

  ExitCode run(Context& context) override {
    const ChangeOptions options;  // refuses with errors: the command has no results
    Batch batch(options, "compare");
    Comparison comparison = read(context, "compare", prune_);
    const ApplyPlan plan = comparison.plan(true, std::nullopt);
    if (refuse_problems(batch, plan, name_, "compare")) {
      return batch.conclude(context);
    }
    for (const std::string& note : plan.notes) {
      context.messages().note(note);
    }
    warn_of_refusals(context, plan);
    print(context, plan);
    return plan.changes.empty() && plan.refused.empty() ? ExitCode::done : ExitCode::differs;
  }

 private:
  void print(Context& context, const ApplyPlan& plan) const {
    if (json_) {
      render::List changes;
      for (const HostChange& change : plan.changes) {
        changes.items.push_back(change_fields(change));
      }
      context.out += render::render_json({{"file", name_},
                                          {"changes", std::move(changes)},
                                          {"notes", render::Texts{context.messages().take_notes()}},
                                          {"warnings", render::Texts{context.messages().take_warnings()}}});
      return;
    }
    if (!plan.changes.empty()) {
      context.out += fmt::format("--- host\n+++ {}\n", name_);
    }
    for (const HostChange& change : plan.changes) {
      context.out += change_text(change);
    }
  }

  bool prune_ = false;
  bool json_ = false;
};

class ApplyCommand final : public HostCommand {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_file(app, kinds);
    auto* check = app.add_flag("--check", check_,
                               "only check, for monitoring: exit status 9 if the host differs from the file");
    app.add_flag("--prune", prune_,
                 "stop devices and remove definitions and groups that apply created and the "
                 "file does not contain");
    kinds
        .set(
            app.add_option("--timeout,--wait", wait_, "wait up to SECONDS for devices in use to be released"),
            ValueKind::seconds)
        ->excludes(check);
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    // Refused by errors: a check has no results.
    const ChangeOptions options{.json = change_.json && !check_, .dry_run = change_.dry_run};
    Batch batch(options, "apply");
    Comparison comparison = read(context, "apply", prune_);
    ApplyPlan plan = comparison.plan(true, std::nullopt);
    if (refuse_problems(batch, plan, name_, "apply")) {
      return batch.conclude(context);
    }
    if (check_) {
      return report_check(context, plan);
    }
    if (plan.changes.empty() && plan.refused.empty()) {
      tell(context, plan);
      context.messages().note(
          fmt::format("the host matches {} ({})", shown_name(), count_text(plan.devices, "device")));
      return batch.finish(context);
    }
    if (change_.dry_run) {
      batch.carry_out_first(context, plan.parent_jobs);
      batch.carry_out_first(context, comparison.preparations());
      return finish(context, batch, plan, std::nullopt);
    }
    return carry_out_all(context, batch, comparison, plan);
  }

 private:
  static std::string refusals_text(const ApplyPlan& plan) {
    const auto parents = static_cast<std::size_t>(
        std::count_if(plan.refused.begin(), plan.refused.end(),
                      [](const Refusal& one) { return !one.about.uuid.has_value(); }));
    const std::size_t devices = plan.refused.size() - parents;
    std::vector<std::string> parts;
    if (parents > 0) {
      parts.push_back(count_text(parents, "parent") + " cannot be prepared at present");
    }
    if (devices > 0) {
      parts.push_back(count_text(devices, "device") + " cannot be changed or started at present");
    }
    return join(parts, ", ");
  }

  std::string shown_name() const { return name_ == "-" ? "standard input" : name_; }

  // Prints the notes of a plan.
  static void tell(const Context& context, const ApplyPlan& plan) {
    for (const std::string& note : plan.notes) {
      context.messages().note(note);
    }
  }

  ExitCode report_check(Context& context, const ApplyPlan& plan) const {
    if (change_.json || context.globals().verbose) {
      tell(context, plan);
    }
    warn_of_refusals(context, plan);
    const bool same = plan.changes.empty() && plan.refused.empty();
    std::string summary =
        same ? fmt::format("the host matches {} ({})", shown_name(), count_text(plan.devices, "device"))
             : fmt::format("the host differs from {}: ", shown_name());
    summary += plan.changes.empty() ? "" : summary_of(plan.changes);
    if (!plan.refused.empty()) {
      summary += (plan.changes.empty() ? "" : "; ") + refusals_text(plan);
    }
    if (change_.json) {
      render::List changes;
      for (const HostChange& change : plan.changes) {
        changes.items.push_back(change_fields(change));
      }
      std::vector<std::string> notes = context.messages().take_notes();
      notes.insert(notes.begin(), summary);
      context.out += render::render_json({{"file", name_},
                                          {"changes", std::move(changes)},
                                          {"notes", render::Texts{std::move(notes)}},
                                          {"warnings", render::Texts{context.messages().take_warnings()}}});
    } else {
      context.out += summary + "\n";
    }
    if (!change_.json && context.globals().verbose) {
      for (const HostChange& change : plan.changes) {
        context.out += change_text(change);
      }
    }
    return same ? ExitCode::done : ExitCode::differs;
  }

  // First the parents, on which everything else depends, then the rest under the locks of the parents and
  // definitions; what was planned before is planned again under them.
  ExitCode carry_out_all(Context& context, Batch& batch, Comparison& comparison,
                         const ApplyPlan& first) const {
    if (!first.parent_jobs.empty() || !comparison.preparations().empty()) {
      prepare_parents(context, batch, comparison);
    }
    const auto deadline = deadline_after(parse_seconds(wait_));
    ApplyPlan plan = comparison.plan(false, deadline);
    if (deadline) {
      wait_for_users(context, plan);
    }
    std::vector<sys::FileLock> locks;
    std::optional<sys::FileLock> definitions;
    for (bool covers = false; !covers;) {
      const std::vector<ParentName> parents = plan.parents;
      locks.clear();
      locks = batch.lock_parents(context, parents, preparation_patience);
      definitions = batch.lock_definitions(context);
      plan = comparison.plan(false, deadline);
      // Another process may have changed what is to be done.
      covers = std::all_of(plan.parents.begin(), plan.parents.end(), [&](const ParentName& parent) {
        return std::find(parents.begin(), parents.end(), parent) != parents.end();
      });
      if (!covers) {
        definitions.reset();
      }
    }
    if (refuse_problems(batch, plan, name_, "apply")) {
      return batch.finish(context, std::move(definitions));
    }
    // Starts may take longer than other processes wait for the lock. The executor takes it for each change.
    if (!plan.parents.empty()) {
      definitions.reset();
    }
    return finish(context, batch, plan, std::move(definitions));
  }

  // Writes the settings of the parents and prepares them, and prints the changes that succeeded.
  void prepare_parents(Context& context, Batch& batch, Comparison& comparison) const {
    std::vector<ParentName> parents;
    for (const ParentEntry& entry : comparison.file().parents) {
      parents.push_back(entry.settings.parent);
    }
    const std::vector<sys::FileLock> locks = batch.lock_parents(context, parents, preparation_patience);
    std::optional<sys::FileLock> definitions = batch.lock_definitions(context);
    const ApplyPlan plan = comparison.plan(true, std::nullopt);
    const std::vector<Identity> unset = batch.carry_out_first(context, plan.parent_jobs, definitions);
    definitions.reset();
    const auto is_in = [](const std::vector<Identity>& among, const Identity& parent) {
      return std::any_of(among.begin(), among.end(),
                         [&](const Identity& one) { return one.parent == parent.parent; });
    };
    std::vector<Job> preparations = comparison.preparations();
    std::erase_if(preparations, [&](const Job& job) { return is_in(unset, job.about); });
    const std::vector<Identity> unprepared = batch.carry_out_first(context, std::move(preparations));
    comparison.note_failed(unset);
    comparison.note_failed(unprepared);
    std::vector<HostChange> changes = plan.changes;
    std::erase_if(changes, [&](const HostChange& change) {
      return change.object != HostChange::Object::parent || is_in(unset, change.about) ||
             (change.kind == HostChange::Kind::prepare && is_in(unprepared, change.about));
    });
    print_changes(context, changes);
  }

  void print_changes(Context& context, const std::vector<HostChange>& changes) const {
    if (!change_.json && !change_.dry_run) {
      for (const HostChange& change : changes) {
        context.out += change_text(change);
      }
    }
  }

  void wait_for_users(Context& context, const ApplyPlan& plan) const {
    std::vector<Target> targets;
    for (const Uuid& uuid : plan.stopping) {
      targets.push_back({{.uuid = uuid}, Found{uuid.str(), uuid, nullptr, {}, nullptr}, std::nullopt});
    }
    wait_for_release(context, targets, {{}, parse_seconds(wait_), false, StopRequest::Part::apply});
  }

  ExitCode finish(Context& context, Batch& batch, const ApplyPlan& plan,
                  std::optional<sys::FileLock> definitions) const {
    for (const Refusal& one : plan.refused) {
      batch.refuse(one.about, one.error);
    }
    for (const std::vector<Job>& chain : plan.chains) {
      if (!chain.empty()) {
        batch.add_chain(chain);
      }
    }
    batch.show_later(plan.deferred);
    tell(context, plan);
    const ExitCode code = batch.finish(context, std::move(definitions));
    const Outcomes outcomes(batch);
    std::vector<HostChange> changes = plan.changes;
    std::erase_if(changes, [&](const HostChange& change) { return !outcomes.has(change); });
    print_changes(context, changes);
    const bool any_in_use = std::any_of(plan.refused.begin(), plan.refused.end(), [](const Refusal& one) {
      return one.error.code() == ExitCode::in_use;
    });
    // The other codes mean an invalid description; this one has been accepted.
    const bool is_accepted = code != ExitCode::done && code != ExitCode::abi_differs &&
                             (code != ExitCode::failed || outcomes.any() || any_in_use);
    return is_accepted ? ExitCode::partial : code;
  }

  bool check_ = false;
  bool prune_ = false;
  std::string wait_;
  ChangeOptions change_;
};

class ExportHost final : public Command {
 public:
  void declare(CLI::App&, ValueKinds&) override {}

  ExitCode run(Context& context) override {
    const Definitions defined = context.definitions(FileProblems::reported);
    const Groups groups = context.groups(FileProblems::reported);
    const AllParentSettings settings = context.parent_settings(FileProblems::reported);
    const Snapshot seen =
        context.observe({Facet::devices | Facet::types | Facet::type_name, std::nullopt, std::nullopt});
    store::HostDescription host{settings.all, {}, groups.all};
    for (Definition definition : defined.all) {
      definition.type = portable_type(seen, definition);
      const Device* device = seen.find_device(definition.uuid);
      host.devices.push_back({definition, device != nullptr && device->parent == definition.parent});
    }
    const auto left_out = std::count_if(seen.devices.begin(), seen.devices.end(), [&](const Device& device) {
      return defined.find(device.uuid, device.parent) == nullptr;
    });
    if (left_out > 0) {
      context.messages().note(fmt::format("{} without a definition {} not described",
                                          count_text(static_cast<std::size_t>(left_out), "active device"),
                                          left_out == 1 ? "is" : "are"));
    }
    context.out = store::format_host(host);
    note_differences(context);
    return ExitCode::done;
  }

 private:
  // The host need not be as its files say: notes what apply would do with the description.
  static void note_differences(Context& context) {
    std::vector<std::string> refused;
    try {
      const ApplyPlan plan = Comparison(context, store::parse_host({{"the description", context.out}}), false)
                                 .plan(true, std::nullopt);
      if (!plan.changes.empty()) {
        context.messages().note(
            fmt::format("the host differs from its definitions and settings; with this description, apply "
                        "would have {}; list the changes: mdevadm export host | mdevadm diff -f -",
                        summary_of(plan.changes)));
      }
      std::transform(plan.problems.begin(), plan.problems.end(), std::back_inserter(refused),
                     [](const HostProblem& one) { return one.problem.str(); });
      for (const Refusal& one : plan.refused) {
        context.messages().note(fmt::format("apply would fail in part: {}", one.error.what()));
      }
    } catch (const Error& error) {
      refused.emplace_back(error.what());
    }
    for (const std::string& why : refused) {
      context.messages().note(fmt::format("apply would refuse this description: {}", why));
    }
  }
};

}  // namespace

std::unique_ptr<Command> make_apply() {
  return std::make_unique<ApplyCommand>();
}

std::unique_ptr<Command> make_diff() {
  return std::make_unique<DiffCommand>();
}

std::unique_ptr<Command> make_export_host() {
  return std::make_unique<ExportHost>();
}

}  // namespace mdevadm::cli
