// The common last part of all commands that change something: collects jobs, prints them (--dry-run) or
// executes them, and reports the result of each device.
#pragma once

#include <functional>
#include <mdevadm/plan/plan.hpp>
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
  // Locks the definitions, so that planning and writing form a unit. Returns nothing on a dry run.
  std::optional<sys::FileLock> lock_definitions(const Context& context) const;
};

class Batch {
 public:
  explicit Batch(const ChangeOptions& options) : options_(options) {}

  // Adds the job that `plan` returns for the argument. If `plan` throws Error, only this item fails.
  void add(const std::string& word, const std::function<Job()>& plan);

  // Adds one item with two jobs: the one that `start` returns runs if the one that `stop` returns succeeded.
  void add_after(const std::string& word, const std::function<Job()>& stop,
                 const std::function<Job()>& start);

  // Uses the jobs of a complete plan as items.
  void take(Plan plan);
  // Adds the result of a job that has been executed. `job` is empty if it could not be planned.
  void record(const std::string& word, Job job, JobResult result);
  // Prints the recorded results, whose errors have been reported before, and returns the exit code.
  ExitCode conclude(Context& context) const;
  // Executes the last job of each lane first.
  void backwards() { plan_.backwards = true; }
  // Shows the progress, for plans that take longer.
  void show_progress() { shows_progress_ = true; }
  // Names the group in the output.
  void of_group(const std::string& name) { group_ = name; }

  // Prints or executes the plan. With `print_uuids` the text output is the UUID of each device that
  // succeeded. `definitions` is the lock that was held while planning; it is released before scripts run.
  ExitCode finish(Context& context, bool print_uuids, std::optional<sys::FileLock> definitions = {});

 private:
  struct Item {
    std::string word;
    std::optional<Error> refused;
    std::size_t job = 0;  // index in plan_, unless refused
  };

  std::string render_plan() const;
  ExitCode exit_code(const std::vector<JobResult>& results) const;
  std::string render_results(const std::vector<JobResult>& results) const;

  const ChangeOptions& options_;
  std::string group_;
  bool shows_progress_ = false;
  Plan plan_;
  std::vector<JobResult> recorded_;
  std::vector<Item> items_;
};

}  // namespace mdevadm::cli
