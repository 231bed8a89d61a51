#include "batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include <mdevadm/render/columns.hpp>
#include <mdevadm/run/preview.hpp>
#include <mdevadm/util/text.hpp>

#include "result_devices.hpp"

namespace mdevadm::cli {

namespace {

const char* outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::done: return "done";
    case Outcome::unchanged: return "unchanged";
    case Outcome::pending: return "pending";
    case Outcome::failed: return "failed";
    case Outcome::undone: return "undone";
  }
  return "";
}

render::Value text_or_null(const std::string& text) {
  return text.empty() ? render::Value() : render::Value(text);
}

// Returns the fields that identify a device in all JSON output of changing commands. `group`: that was named
// on the command line, or with which the device was started.
render::Record identity_fields(const Identity& about, const std::string& group) {
  const bool is_group = !about.uuid && !group.empty();
  return {{"uuid", about.uuid ? render::Value(about.uuid->str()) : render::Value()},
          {"name", is_group ? render::Value() : text_or_null(about.name)},
          {"argument", text_or_null(is_group && about.argument.empty() ? group : about.argument)},
          {"group", text_or_null(group)},
          {"parent", text_or_null(about.parent)},
          {"type", text_or_null(about.type)}};
}

render::List holder_list(const std::vector<Holder>& holders) {
  render::List list;
  for (const Holder& holder : holders) {
    list.items.push_back({{"pid", static_cast<std::uint64_t>(holder.pid)}, {"command", holder.command}});
  }
  return list;
}

// Returns a step of a dry run.
render::Record step_fields(const Preview& step, const std::optional<Action>& undo) {
  render::List writes;
  for (const Write& write : step.writes) {
    writes.items.push_back({{"path", write.path}, {"value", write.value}});
  }
  render::List changes;
  for (const Difference& change : step.changes) {
    changes.items.push_back({{"key", change.key},
                             {"before", change.before ? render::Value(*change.before) : render::Value()},
                             {"after", change.after ? render::Value(*change.after) : render::Value()}});
  }
  return {{"kind", step.kind},
          {"text", step.text},
          {"file", text_or_null(step.file.value_or(""))},
          {"writes", std::move(writes)},
          {"changes", std::move(changes)},
          {"undo", text_or_null(undo ? describe(*undo) : "")}};
}

// Returns a job of a dry run.
render::Record plan_fields(const Job& job, const std::string& group, render::List steps) {
  render::Record fields{{"goal", job.goal}};
  const render::Record identity = identity_fields(job.about, group);
  fields.insert(fields.end(), identity.begin(), identity.end());
  fields.emplace_back("notes", render::Texts{job.notes});
  fields.emplace_back("warnings", render::Texts{job.warnings});
  fields.emplace_back("steps", std::move(steps));
  return fields;
}

// Returns a JSON document, with the notes and warnings that belong to no result.
std::string render_document(Context& context, render::Record fields) {
  fields.emplace_back("notes", render::Texts{context.messages().take_notes()});
  fields.emplace_back("warnings", render::Texts{context.messages().take_warnings()});
  return render::render_json(fields);
}

}  // namespace

void ChangeOptions::declare(CLI::App& app) {
  app.add_flag("--json", json, "print results and errors as JSON");
  app.add_flag("--dry-run", dry_run, "show what would be done without doing it");
}

std::optional<sys::FileLock> Batch::lock_definitions(Context& context) {
  if (options_.dry_run || unlocked_) {
    return std::nullopt;
  }
  try {
    return context.lock_definitions();
  } catch (const Error& error) {
    unlocked_ = error;
    return std::nullopt;
  }
}

std::vector<sys::FileLock> Batch::lock_parents(Context& context, const std::vector<ParentName>& parents,
                                               std::chrono::seconds patience) {
  if (options_.dry_run || unlocked_) {
    return {};
  }
  try {
    return context.lock_parents(parents, patience);
  } catch (const Error& error) {
    unlocked_ = error;
    return {};
  }
}

PlanLocks Batch::lock_found(Context& context, ChangesDefinitions changes,
                            const std::function<std::vector<ParentName>()>& find) {
  std::vector<ParentName> parents = find();
  PlanLocks locks;
  for (bool is_complete = parents.empty(); !is_complete;) {
    locks = {};
    locks.parents = lock_parents(context, parents);
    if (changes == ChangesDefinitions::yes) {
      locks.definitions = lock_definitions(context);
    }
    if (options_.dry_run || unlocked_) {
      break;
    }
    const std::vector<ParentName> locked = std::exchange(parents, find());
    is_complete = std::all_of(parents.begin(), parents.end(), [&](const ParentName& parent) {
      return std::find(locked.begin(), locked.end(), parent) != locked.end();
    });
  }
  return locks;
}

Definitions Batch::load_definitions(Context& context) {
  try {
    unread_.reset();
    return context.definitions();
  } catch (const Error& error) {
    unread_ = error;
    return {};
  }
}

void Batch::require_definitions(const Identity& about) const {
  if (unread_) {
    throw Error(impossible(about, unlocked_.value_or(*unread_)));
  }
}

bool Batch::refuse_unread(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (unread_) {
      const Identity about{.argument = word};
      refuse(about, impossible(about, unlocked_.value_or(*unread_)));
    }
  }
  return unread_.has_value();
}

Error Batch::impossible(const Identity& about, const Error& reason) const {
  return reason.reworded(fmt::format("cannot {} {}: {}", verb_, about.quoted(), reason.what()));
}

void Batch::add(const Identity& about, const std::function<Job()>& plan) {
  try {
    if (unlocked_) {
      throw Error(impossible(about, *unlocked_));
    }
    Job job = plan();  // may add other jobs
    items_.push_back(Item::planned(plan_.jobs.size()));
    plan_.jobs.push_back(std::move(job));
  } catch (const Error& error) {
    refuse(about, error);
  }
}

void Batch::add_after(const Identity& about, const std::function<Job()>& stop,
                      const std::function<Job()>& start) {
  add(about, [&] {
    Job first = stop();
    Job second = start();
    if (!first.steps.empty()) {
      second.after = plan_.jobs.size();
      plan_.jobs.push_back(std::move(first));
    }
    return second;
  });
}

void Batch::add_chain(std::vector<Job> jobs) {
  add(jobs.back().about, [&] {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (i > 0) {
        jobs[i].after = plan_.jobs.size() - 1;
      }
      if (i + 1 < jobs.size()) {
        plan_.jobs.push_back(std::move(jobs[i]));
      }
    }
    return std::move(jobs.back());
  });
}

std::vector<Identity> Batch::carry_out_first(Context& context, std::vector<Job> jobs,
                                             const std::optional<sys::FileLock>& definitions) {
  const std::size_t before = plan_.jobs.size();
  std::vector<Identity> failed;
  for (Job& job : jobs) {
    const Identity about = job.about;
    add(about, [&] { return std::move(job); });
    if (unlocked_) {
      failed.push_back(about);
    }
  }
  if (options_.dry_run) {
    return {};
  }
  const Plan first{.jobs = {plan_.jobs.begin() + static_cast<std::ptrdiff_t>(before), plan_.jobs.end()}};
  VerboseProgress progress(context);
  const Effects effects{context.host(), context.store(), &context.hooks(), definitions.has_value()};
  const std::vector<JobResult> results = carry_out(first, effects, progress);
  recorded_.insert(recorded_.end(), results.begin(), results.end());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].error) {
      failed.push_back(first.jobs[i].about);
    }
  }
  return failed;
}

void Batch::refuse(const Identity& about, const Error& error) {
  items_.push_back(Item::unplanned(about, error));
}

void Batch::add_warning_of_success(std::string warning) {
  Item& item = items_.back();
  if (item.refused) {
    return;
  }
  std::vector<std::string>& warnings =
      options_.dry_run ? plan_.jobs[*item.job].warnings : item.warnings_of_success;
  warnings.push_back(std::move(warning));
}

void Batch::warn_of_success(std::vector<JobResult>& results) const {
  for (const Item& item : items_) {
    if (!item.refused && results[*item.job].outcome == Outcome::done) {
      std::vector<std::string>& warnings = results[*item.job].warnings;
      warnings.insert(warnings.end(), item.warnings_of_success.begin(), item.warnings_of_success.end());
    }
  }
}

bool Batch::has(const Uuid& uuid, const ParentName& parent) const {
  return std::any_of(items_.begin(), items_.end(), [&](const Item& item) {
    const Identity& about = identity(item);
    return about.uuid == uuid && about.parent == parent.str();
  });
}

void Batch::take(const Identity& group, const std::function<Plan()>& plan) {
  try {
    if (unlocked_) {
      throw Error(impossible(group, *unlocked_));
    }
    plan_ = plan();
  } catch (const Error& error) {
    refuse(group, error);
  }
  for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
    items_.push_back(Item::planned(i));
  }
}

void Batch::take_results(Plan plan, std::vector<JobResult> results) {
  take({}, [&] { return std::move(plan); });
  recorded_ = std::move(results);
}

void Batch::record(Job job, JobResult result, const std::string& group) {
  items_.push_back(Item::planned(plan_.jobs.size()));
  items_.back().group = group;
  plan_.jobs.push_back(std::move(job));
  recorded_.push_back(std::move(result));
}

ExitCode Batch::conclude(Context& context) const {
  if (options_.json) {
    context.out += render_results(context, recorded_);
  } else {
    for (const Item& item : items_) {
      if (item.refused) {
        context.messages().error(*item.refused, subject_of(identity(item), group_));
      }
    }
  }
  return exit_code(recorded_);
}

void Batch::try_edits(Context& context) {
  for (Item& item : items_) {
    Job* job = item.refused || plan_.bond != Bond::none ? nullptr : &plan_.jobs[*item.job];
    for (const Step& step : job != nullptr ? job->steps : std::vector<Step>{}) {
      const auto* edit = std::get_if<ReplaceDefinition>(&step.action);
      if (edit == nullptr) {
        continue;
      }
      try {
        context.store().require_replaceable(edit->before, edit->after);
        if (!options_.dry_run) {
          context.store().require_writable(edit->before);
        }
      } catch (const Error& error) {
        item.about = job->about;
        item.refused = error.reworded(fmt::format("cannot {}: {}", job->goal_of_command(), error.what()));
        break;
      }
    }
    if (job != nullptr && item.refused) {
      *job = Job{.goal = job->goal, .about = job->about, .lane = job->lane};
    }
  }
}

ExitCode Batch::finish(Context& context, std::optional<sys::FileLock> definitions) {
  try_edits(context);
  const auto is_hooked = [](const Job& job) { return job.hooks.has_value(); };
  if (std::any_of(plan_.jobs.begin(), plan_.jobs.end(), is_hooked) && context.hooks().any()) {
    definitions.reset();
  }
  std::vector<JobResult> results =
      options_.dry_run ? planned_results() : execute(context, definitions.has_value());
  warn_of_success(results);
  if (!options_.json || options_.dry_run) {
    report(context, results);
  }
  if (options_.dry_run) {
    context.out += render_plan(context);
  } else if (options_.json) {
    context.out += render_results(context, results);
  }
  if (!options_.dry_run) {
    results_ = results;
  }
  if (!options_.dry_run && prints_uuids_) {
    note_made(context, results);
  }
  return exit_code(results);
}

void Batch::visit_outcomes(const std::function<void(const Job&, Outcome)>& visit) const {
  for (std::size_t i = 0; i < results_.size(); ++i) {
    const bool is_refused = std::any_of(items_.begin(), items_.end(),
                                        [&](const Item& item) { return item.refused && item.job == i; });
    visit(plan_.jobs[i], is_refused ? Outcome::failed : results_[i].outcome);
  }
}

bool Batch::has_changed(std::size_t job, const std::vector<JobResult>& results) const {
  const Outcome outcome = results[job].outcome;
  const std::optional<std::size_t> before = plan_.jobs[job].after;
  return ((outcome == Outcome::done || outcome == Outcome::pending) && !plan_.jobs[job].steps.empty()) ||
         (before && has_changed(*before, results));
}

// Returns the results of a dry run: warnings, which JSON has in the plan.
std::vector<JobResult> Batch::planned_results() const {
  std::vector<JobResult> results(plan_.jobs.size());
  for (std::size_t i = 0; !options_.json && i < results.size(); ++i) {
    results[i].warnings = plan_.jobs[i].warnings;
  }
  return results;
}

std::vector<JobResult> Batch::execute(Context& context, bool holds_definitions) const {
  const Effects effects{context.host(), context.store(), &context.hooks(), holds_definitions, machine_};
  if (!recorded_.empty()) {
    return execute_rest(context, effects);
  }
  if (shows_progress_ && !context.globals().verbose) {
    GroupProgress progress(context.messages(), plan_);
    return carry_out(plan_, effects, progress);
  }
  VerboseProgress progress(context);
  return carry_out(plan_, effects, progress);
}

// Executes the jobs that carry_out_first() has not.
std::vector<JobResult> Batch::execute_rest(Context& context, const Effects& effects) const {
  Plan rest = plan_;
  rest.jobs.erase(rest.jobs.begin(), rest.jobs.begin() + static_cast<std::ptrdiff_t>(recorded_.size()));
  for (Job& job : rest.jobs) {
    if (job.after) {
      *job.after -= recorded_.size();
    }
  }
  VerboseProgress progress(context);
  std::vector<JobResult> results = recorded_;
  const std::vector<JobResult> more = carry_out(rest, effects, progress);
  results.insert(results.end(), more.begin(), more.end());
  return results;
}

const Identity& Batch::identity(const Item& item) const {
  return item.refused ? item.about : plan_.jobs[*item.job].about;
}

// Prints what the results are as text. On a dry run, only the items that were refused have results.
void Batch::report(Context& context, const std::vector<JobResult>& results) const {
  for (const Item& item : items_) {
    const Subject subject = subject_of(identity(item), group_);
    if (item.refused) {
      context.messages().error(*item.refused, subject);
      continue;
    }
    const JobResult& result = results[*item.job];
    for (const std::string& warning : result.warnings) {
      context.messages().warning(warning, subject);
    }
    for (const std::string& note : result.notes) {
      context.messages().note(note, subject);
    }
    if (result.error) {
      context.messages().error(*result.error, subject);
    }
    const bool as_wanted = result.outcome == Outcome::done || result.outcome == Outcome::unchanged;
    if (prints_uuids_ && as_wanted && !options_.dry_run) {
      context.out += identity(item).key() + "\n";
    }
  }
}

// Notes the devices and definitions that the results name.
void Batch::note_made(Context& context, const std::vector<JobResult>& results) const {
  for (const Item& item : items_) {
    if (!item.refused && item.job && results[*item.job].outcome == Outcome::done && identity(item).uuid) {
      context.made.push_back(identity(item).key());
    }
  }
}

std::string Batch::render_plan(Context& context) const {
  const Effects effects{context.host(), context.store()};
  std::string text;
  render::List jobs;
  for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
    const Job& job = plan_.jobs[i];
    if (std::any_of(items_.begin(), items_.end(),
                    [&](const Item& item) { return item.refused && item.job == i; })) {
      continue;
    }
    render::List steps;
    text += fmt::format("{}{}:{}\n", job.goal, job.about.parent.empty() ? "" : " on " + job.about.parent,
                        job.steps.empty() ? " nothing to do" : "");
    for (const std::string& note : job.notes) {
      text += fmt::format("  {}\n", note);
    }
    const auto show = [&](const Action& action, const std::optional<Action>& undo) {
      if (const std::optional<Preview> seen = preview(action, effects)) {
        for (const std::string& line : lines_of(*seen)) {
          text += fmt::format("  {}\n", line);
        }
        steps.items.push_back(step_fields(*seen, undo));
      }
    };
    for (const Step& step : job.steps) {
      show(step.action, step.undo);
    }
    for (auto step = job.steps.rbegin(); job.trial && step != job.steps.rend(); ++step) {
      if (step->undo) {
        show(*step->undo, std::nullopt);
      }
    }
    jobs.items.push_back(plan_fields(job, group_, std::move(steps)));
  }
  for (const Job& job : later_) {
    text += fmt::format("{}: {}\n", job.goal, join(job.notes, "; "));
    jobs.items.push_back(plan_fields(job, group_, {}));
  }
  return options_.json ? render_document(context, {{"dry_run", true}, {"jobs", std::move(jobs)}}) : text;
}

// Returns the active devices of the items. The results are reported even if the devices cannot be read.
std::vector<render::Value> Batch::devices_of(const Context& context,
                                             const std::vector<Identity>& abouts) const {
  try {
    if (shows_devices_) {
      return result_devices(context, abouts);
    }
  } catch (const Error& error) {
    context.messages().warning(fmt::format("the key 'device' of the results is missing: {}", error.what()));
  }
  return std::vector<render::Value>(abouts.size());
}

std::string Batch::render_results(Context& context, const std::vector<JobResult>& results) const {
  std::vector<Identity> abouts;
  for (const Item& item : items_) {
    abouts.push_back(identity(item));
  }
  const std::vector<render::Value> devices = devices_of(context, abouts);
  render::List rows;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const Item& item = items_[i];
    const JobResult result =
        item.refused ? JobResult{.outcome = Outcome::failed, .error = item.refused} : results[*item.job];
    const bool changed = !item.refused && has_changed(*item.job, results);
    const std::optional<Error> error =
        result.error ? std::optional(context.messages().advised(*result.error)) : std::nullopt;
    render::Record row = identity_fields(abouts[i], item.group.empty() ? group_ : item.group);
    row.emplace_back("outcome", std::string(outcome_word(result.outcome)));
    row.emplace_back("changed", changed);
    row.emplace_back("code", static_cast<std::uint64_t>(error ? error->code() : ExitCode::done));
    row.emplace_back("message", error ? render::Value(std::string(error->what())) : render::Value());
    row.emplace_back("hints", render::Texts{error ? error->hints() : std::vector<std::string>{}});
    row.emplace_back("notes", render::Texts{result.notes});
    row.emplace_back("warnings", render::Texts{result.warnings});
    row.emplace_back("held_by", holder_list(error ? error->holders() : result.holders));
    row.emplace_back("device", devices[i]);
    rows.items.push_back(std::move(row));
  }
  render::Record document{{"results", std::move(rows)}};
  document.insert(document.end(), more_.begin(), more_.end());
  return render_document(context, std::move(document));
}

// Returns the exit code: for a single failed item, its code; if some items failed, `partial`; if all failed,
// their common code, otherwise `failed`.
ExitCode Batch::exit_code(const std::vector<JobResult>& results) const {
  std::set<ExitCode> codes;
  std::size_t failures = 0;
  for (const Item& item : items_) {
    const std::optional<Error>& error = item.refused ? item.refused : results[*item.job].error;
    if (error) {
      codes.insert(error->code());
      ++failures;
    }
  }
  if (failures == 0) {
    return ExitCode::done;
  }
  if (failures < items_.size() && plan_.bond == Bond::none) {
    return ExitCode::partial;
  }
  return codes.size() == 1 ? *codes.begin() : ExitCode::failed;
}

}  // namespace mdevadm::cli
