// The common end of all commands that change something: jobs are collected, then shown (--dry-run) or carried
// out, and what came of each device is reported.
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
  // For what is planned and written as one; nothing, on a dry run.
  std::optional<sys::FileLock> lock_definitions(const Context& context) const;
};

class Batch {
 public:
  explicit Batch(const ChangeOptions& options) : options_(options) {}

  // Plans what `word` stands for. An Error thrown by `plan` fails this one only.
  void add(const std::string& word, const std::function<Job()>& plan);

  // A plan that is there already: its jobs are the items.
  void take(Plan plan);
  // What is done already: `job` may be empty, of something that could not be planned.
  void record(const std::string& word, Job job, JobResult result);
  // The end of what was recorded, its errors having been told when they came.
  ExitCode conclude(Context& context) const;
  // Of each lane, the last one first.
  void backwards() { plan_.backwards = true; }
  // It takes a while: say how far it has come.
  void show_progress() { shows_progress_ = true; }
  // What is done, is done to this group.
  void of_group(const std::string& name) { group_ = name; }

  // Shows or carries out. `print_uuids`: in text, the UUID of each device that went well is the result.
  // `definitions` is the lock under which all this was planned; it is let go of where scripts are asked.
  ExitCode finish(Context& context, bool print_uuids, std::optional<sys::FileLock> definitions = {});

 private:
  struct Item {
    std::string word;
    std::optional<Error> refused;
    std::size_t job = 0;  // index into plan_, if not refused
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
