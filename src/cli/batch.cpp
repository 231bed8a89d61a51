#include "batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include <mdevadm/render/columns.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

const char* outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::done: return "done";
    case Outcome::unchanged: return "unchanged";
    case Outcome::failed: return "failed";
    case Outcome::undone: return "undone";
  }
  return "";
}

}  // namespace

void ChangeOptions::declare(CLI::App& app) {
  app.add_flag("--json", json, "print results and errors as JSON");
  app.add_flag("--dry-run", dry_run, "show what would be done without doing it");
}

std::optional<sys::FileLock> ChangeOptions::lock_definitions(const Context& context) const {
  return dry_run ? std::nullopt : std::optional(context.store().lock());
}

void Batch::add(const std::string& word, const std::function<Job()>& plan) {
  Item item{word, std::nullopt, plan_.jobs.size()};
  try {
    plan_.jobs.push_back(plan());
  } catch (const Error& error) {
    item.refused = error;
  }
  items_.push_back(std::move(item));
}

void Batch::add_after(const std::string& word, const std::function<Job()>& stop,
                      const std::function<Job()>& start) {
  std::optional<std::size_t> after;
  add(word, [&] {
    Job first = stop();
    Job second = start();
    if (!first.steps.empty()) {
      after = plan_.jobs.size();
      second.after = after;
      plan_.jobs.push_back(std::move(first));
    }
    return second;
  });
  items_.back().job += after ? 1U : 0U;
}

void Batch::take(Plan plan) {
  plan_ = std::move(plan);
  for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
    items_.push_back({plan_.jobs[i].subject, std::nullopt, i});
  }
}

void Batch::record(const std::string& word, Job job, JobResult result) {
  items_.push_back({word, std::nullopt, plan_.jobs.size()});
  plan_.jobs.push_back(std::move(job));
  recorded_.push_back(std::move(result));
}

ExitCode Batch::conclude(Context& context) const {
  if (options_.json) {
    context.out += render_results(recorded_);
  }
  return exit_code(recorded_);
}

ExitCode Batch::finish(Context& context, bool print_uuids, std::optional<sys::FileLock> definitions) {
  const auto is_hooked = [](const Job& job) { return job.hooks.has_value(); };
  if (std::any_of(plan_.jobs.begin(), plan_.jobs.end(), is_hooked) && context.hooks().any()) {
    definitions.reset();
  }
  std::vector<JobResult> results(plan_.jobs.size());
  if (!options_.dry_run) {
    const Effects effects{context.host(), context.store(), &context.hooks(), definitions.has_value()};
    if (shows_progress_ && !context.globals().verbose) {
      GroupProgress progress(context.messages(), plan_);
      results = carry_out(plan_, effects, progress);
    } else {
      VerboseProgress progress(context.messages(), context.globals().verbose);
      results = carry_out(plan_, effects, progress);
    }
  }
  for (const Item& item : items_) {
    if (item.refused) {
      context.messages().error(*item.refused);
      continue;
    }
    const JobResult& result = results[item.job];
    for (const std::string& warning : result.warnings) {
      context.messages().warning(warning);
    }
    if (result.error) {
      context.messages().error(*result.error);
    } else if (result.outcome == Outcome::unchanged) {
      context.messages().note(fmt::format("'{}' {}", plan_.jobs[item.job].subject, result.note));
    } else if (print_uuids && !options_.json && !options_.dry_run) {
      context.out += plan_.jobs[item.job].subject + "\n";
    }
  }
  if (options_.dry_run) {
    context.out += render_plan();
  } else if (options_.json) {
    context.out += render_results(results);
  }
  return exit_code(results);
}

std::string Batch::render_plan() const {
  std::string text;
  render::List jobs;
  for (const Job& job : plan_.jobs) {
    render::List steps;
    text += fmt::format("{}{}:{}\n", job.goal, job.lane.empty() ? "" : " on " + job.lane,
                        job.steps.empty() ? " nothing to do, it " + job.note : "");
    for (const Step& step : job.steps) {
      const std::string undo = step.undo ? describe(*step.undo) : std::string{};
      text += fmt::format("  {}\n", describe(step.action));
      steps.items.push_back({{"action", describe(step.action)},
                             {"undo", undo.empty() ? render::Value() : render::Value(undo)}});
    }
    jobs.items.push_back({{"goal", job.goal},
                          {"device", job.lane.empty() ? render::Value() : render::Value(job.subject)},
                          {"parent", job.lane.empty() ? render::Value() : render::Value(job.lane)},
                          {"group", group_.empty() ? render::Value() : render::Value(group_)},
                          {"note", job.note.empty() ? render::Value() : render::Value(job.note)},
                          {"steps", std::move(steps)}});
  }
  return options_.json ? render::render_json({{"dry_run", true}, {"jobs", std::move(jobs)}}) : text;
}

std::string Batch::render_results(const std::vector<JobResult>& results) const {
  std::vector<render::ResultRow> rows;
  for (const Item& item : items_) {
    render::ResultRow row;
    row.device = item.word;
    row.group = group_;
    std::optional<Error> error = item.refused;
    row.outcome = "failed";
    if (!item.refused) {
      const Job& job = plan_.jobs[item.job];
      const JobResult& result = results[item.job];
      row.device = job.lane.empty() ? std::string{} : job.subject;
      row.parent = job.lane;
      row.type = job.type;
      row.note = result.note;
      error = result.error;
      row.outcome = outcome_word(result.outcome);
    }
    if (error) {
      row.code = static_cast<int>(error->code());
      row.message = error->what();
      row.hints = error->hints();
    }
    rows.push_back(std::move(row));
  }
  std::vector<const render::Column<render::ResultRow>*> columns;
  const auto all_columns = render::result_columns();  // refers to a static table
  for (const auto& column : all_columns) {
    columns.push_back(&column);
  }
  return render::render_json(render::make_grid(rows, columns), "results");
}

// Returns the exit code: for a single failed item, its code; if some items failed, `partial`; if all failed,
// their common code, otherwise `failed`.
ExitCode Batch::exit_code(const std::vector<JobResult>& results) const {
  std::set<ExitCode> codes;
  std::size_t failures = 0;
  for (const Item& item : items_) {
    const std::optional<Error>& error = item.refused ? item.refused : results[item.job].error;
    if (error) {
      codes.insert(error->code());
      ++failures;
    }
  }
  if (failures == 0) {
    return ExitCode::done;
  }
  if (failures < items_.size() && plan_.bond == Bond::none) {
    return ExitCode::partly_done;
  }
  return codes.size() == 1 ? *codes.begin() : ExitCode::failed;
}

}  // namespace mdevadm::cli
