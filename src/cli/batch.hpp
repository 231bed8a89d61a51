// The common last part of all commands that change something: collects jobs, prints them (--dry-run) or
// executes them, and reports the result of each device.
#pragma once

#include <functional>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/sys/file_lock.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"

namespace mdevadm::cli {

struct ChangeOptions {
  bool json = false;
  bool dry_run = false;

  void declare(CLI::App& app);
};

// Locks that are held while a plan is made and carried out.
struct PlanLocks {
  std::vector<sys::FileLock> parents{};
  std::optional<sys::FileLock> definitions{};
};

enum class ChangesDefinitions { no, yes };

class Batch {
 public:
  // `verb` completes "cannot VERB 'device'": "stop", "delete group".
  Batch(const ChangeOptions& options, std::string verb) : options_(options), verb_(std::move(verb)) {}

  // Take the locks under which the command plans and writes; nothing is locked on a dry run. If a lock cannot
  // be taken, every item that is added later is refused with the reason.
  [[nodiscard]] std::optional<sys::FileLock> lock_definitions(Context& context);
  [[nodiscard]] std::vector<sys::FileLock> lock_parents(Context& context,
                                                        const std::vector<ParentName>& parents,
                                                        std::chrono::seconds patience = std::chrono::minutes{
                                                            1});

  // Locks the parents that `find` returns, and the definitions if the command changes them. Other processes
  // may have changed definitions while it waited for a lock, therefore it calls `find` again under the locks,
  // and starts over if other parents are needed then. `find` reads the definitions and stores what the
  // command needs; only its last result counts. On a dry run it is called once.
  [[nodiscard]] PlanLocks lock_found(Context& context, ChangesDefinitions changes,
                                     const std::function<std::vector<ParentName>()>& find);

  // Returns all definitions. If they cannot be read, require_definitions() throws the reason for each item.
  Definitions load_definitions(Context& context);
  void require_definitions(const Identity& about) const;
  // If the definitions could not be read, refuses the arguments and returns true.
  bool refuse_unread(const std::vector<std::string>& words);

  // Adds the job that `plan` returns for the item. If `plan` throws Error, only this item fails.
  void add(const Identity& about, const std::function<Job()>& plan);
  // Adds one item with several jobs: each runs if the one before it succeeded.
  void add_chain(std::vector<Job> jobs);
  // Shows jobs on a dry run that can be planned only when others have been executed: goals and notes.
  void show_later(const std::vector<Job>& jobs) { later_.insert(later_.end(), jobs.begin(), jobs.end()); }
  // Adds an item that cannot be planned. `error` is the complete message.
  void refuse(const Identity& about, const Error& error);
  // Adds one item with two jobs: the one that `start` returns runs if the one that `stop` returns succeeded.
  void add_after(const Identity& about, const std::function<Job()>& stop, const std::function<Job()>& start);
  // Adds a warning to the item that was added last, for the case that it succeeds; a dry run shows it.
  void add_warning_of_success(std::string warning);
  // Returns whether an item was added for this definition or device.
  bool has(const Uuid& uuid, const ParentName& parent) const;

  // Adds all jobs of a group's plan as items. If `plan` throws Error, the group is the only item.
  void take(const Identity& group, const std::function<Plan()>& plan);
  // Adds all jobs of a group's plan that has been executed as items.
  void take_results(Plan plan, std::vector<JobResult> results);
  // Adds the result of a job that has been executed, of a device that was started with its group, if named.
  void record(Job job, JobResult result, const std::string& group = {});
  // Prints the recorded results, which have been reported as text before, and the refused items, and returns
  // the exit code.
  ExitCode conclude(Context& context) const;
  // Executes the last job of each lane first.
  void backwards() { plan_.backwards = true; }
  // Shows the progress, for plans that take longer.
  void show_progress() { shows_progress_ = true; }
  // Sets the virtual machine of plans that attach or detach devices; it must outlive the batch.
  void use(Machine& machine) { machine_ = &machine; }
  // Names the group in the output.
  void of_group(const std::string& name) { group_ = name; }
  // Prints the UUID of each device that is as wanted.
  void print_uuids() { prints_uuids_ = true; }
  // Adds the active devices to the JSON results.
  void show_devices() { shows_devices_ = true; }

  // Adds a list to the JSON document of the results.
  void add_results(std::string key, render::List list) {
    more_.emplace_back(std::move(key), std::move(list));
  }

  // Executes jobs before those that are added later, whose planning depends on their results; on a dry run
  // finish() prints them. `definitions`: the lock, if the caller holds it. Returns those that have failed.
  std::vector<Identity> carry_out_first(Context& context, std::vector<Job> jobs,
                                        const std::optional<sys::FileLock>& definitions = {});

  // Prints or executes the plan. `definitions` is the lock that was held while planning; it is released
  // before scripts run.
  ExitCode finish(Context& context, std::optional<sys::FileLock> definitions = {});
  // After finish(), unless on a dry run: calls `visit` with each job and its outcome, also for jobs of chains
  // that are not the last one.
  void visit_outcomes(const std::function<void(const Job&, Outcome)>& visit) const;

 private:
  // An item that could not be planned has no job; one that try_edits() has refused has one without steps.
  struct Item {
    static Item planned(std::size_t job) { return {{}, {}, job, {}, {}}; }
    static Item unplanned(const Identity& about, const Error& error) { return {about, error, {}, {}, {}}; }

    Identity about;  // if it was refused
    std::optional<Error> refused;
    std::optional<std::size_t> job;  // index in plan_
    std::string group;               // if it is not that of all items
    std::vector<std::string> warnings_of_success;
  };

  // Returns whether a job, or one of those on which it depends, has changed something.
  bool has_changed(std::size_t job, const std::vector<JobResult>& results) const;
  // Refuses items whose definition cannot hold the change, before anything is changed.
  void try_edits(Context& context);
  Error impossible(const Identity& about, const Error& reason) const;
  const Identity& identity(const Item& item) const;
  std::vector<JobResult> planned_results() const;
  void warn_of_success(std::vector<JobResult>& results) const;
  std::vector<JobResult> execute(Context& context, bool holds_definitions) const;
  std::vector<JobResult> execute_rest(Context& context, const Effects& effects) const;
  void report(Context& context, const std::vector<JobResult>& results) const;
  void note_made(Context& context, const std::vector<JobResult>& results) const;
  std::string render_plan(Context& context) const;
  ExitCode exit_code(const std::vector<JobResult>& results) const;
  std::vector<render::Value> devices_of(const Context& context, const std::vector<Identity>& abouts) const;
  std::string render_results(Context& context, const std::vector<JobResult>& results) const;

  const ChangeOptions& options_;
  std::string verb_;
  std::string group_;
  Machine* machine_ = nullptr;
  bool shows_progress_ = false;
  bool prints_uuids_ = false;
  bool shows_devices_ = false;
  std::optional<Error> unlocked_;  // why a lock could not be taken
  std::optional<Error> unread_;    // why the definitions could not be read
  Plan plan_;
  std::vector<Job> later_;
  std::vector<JobResult> recorded_;
  std::vector<JobResult> results_;  // of finish()
  render::Record more_;             // further fields of the JSON document
  std::vector<Item> items_;
};

}  // namespace mdevadm::cli
