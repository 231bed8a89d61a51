#include <mdevadm/run/boot.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/run/prepare.hpp>
#include <mdevadm/sys/clock.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mutex>
#include <optional>
#include <set>

#include "unit_queue.hpp"

namespace mdevadm {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{20};
constexpr milliseconds longest_pause{250};
constexpr milliseconds pause_after_rollback{1000};  // each attempt creates and removes devices

std::string goal_of(const Identity& about) {
  return about.uuid ? "start " + about.quoted() : fmt::format("start group {}", about.quoted());
}

// Serializes the calls of the watcher, which come from several threads.
class SerializedWatcher final : public Progress {
 public:
  explicit SerializedWatcher(BootWatcher& watcher) : watcher_(watcher) {}

  void done(const Job&, const Action&) override {}
  void undone(const Job&, const Action&) override {}
  void waiting(const Job&, const StepWait&) override {}

  template <typename Call>
  void call(const Call& call) {
    const std::lock_guard lock(mutex_);
    call(watcher_);
  }

 private:
  BootWatcher& watcher_;
  std::mutex mutex_;
};

// Locks of parents, taken for one unit at a time. Units that were already due when a wait for another process
// began do not wait for it again: the time limit is that of all of them.
class ParentLocks {
 public:
  using Clock = RetriedTask::Clock;

  ParentLocks(const BootOptions& options, const store::Store& store, SerializedWatcher& watcher)
      : patience_(options.parents.all.empty() ? std::chrono::minutes{1} : preparation_patience),
        store_(store),
        watcher_(watcher) {}

  std::vector<sys::FileLock> take(std::vector<ParentName> parents, Clock::time_point due) {
    std::sort(parents.begin(), parents.end());  // the order of Store::lock_parents()
    std::vector<sys::FileLock> locks;
    for (const ParentName& parent : parents) {
      const Clock::time_point now = Clock::now();
      throw_if_refused(parent, due);
      try {
        std::vector<sys::FileLock> lock = store_.lock_parents(
            {parent},
            [&](const std::string& holder, milliseconds patience) {
              watcher_.call([&](auto& watcher) { watcher.waiting_for(holder, patience); });
            },
            patience_);
        std::move(lock.begin(), lock.end(), std::back_inserter(locks));
      } catch (const Error& error) {
        const std::lock_guard lock(mutex_);
        refused_.insert_or_assign(parent, Refused{error, now});
        throw;
      }
    }
    return locks;
  }

 private:
  struct Refused {
    Error error;
    Clock::time_point begun;  // of the wait
  };

  void throw_if_refused(const ParentName& parent, Clock::time_point due) {
    const std::lock_guard lock(mutex_);
    const auto refused = refused_.find(parent);
    if (refused != refused_.end() && due <= refused->second.begun) {
      throw Error(refused->second.error);
    }
  }

  std::chrono::seconds patience_;
  const store::Store& store_;
  SerializedWatcher& watcher_;
  std::mutex mutex_;
  std::map<ParentName, Refused> refused_;  // by the last wait
};

// What the runs of all units have in common.
struct Common {
  const BootOptions& options;
  const Effects& effects;
  SerializedWatcher& watcher;
  ParentLocks& locks;
};

// Starts one unit.
class UnitRun final : public RetriedTask {
 public:
  UnitRun(const BootUnit& unit, const Common& common)
      : unit_(unit),
        left_(unit),
        options_(common.options),
        effects_(common.effects),
        watcher_(common.watcher),
        locks_(common.locks) {}

  std::vector<ParentName> parents() override { return parents_ = left_.parents(); }

  std::optional<milliseconds> attempt(Clock::time_point due) override {
    try_once(due);
    if (!is_pending()) {
      return std::nullopt;
    }
    if (left_.parents() != parents_) {
      return milliseconds{0};  // try again when these can be used
    }
    const milliseconds pause = pause_;
    pause_ = std::min(pause_ * 2, longest_pause);
    return pause;
  }

  std::vector<BootItem> take_items() { return std::move(items_); }

 private:
  milliseconds waited() const { return sys::since_boot() - asked_; }
  // A group whose members have no definitions is pending, too, until its failure is reported.
  bool is_pending() const { return unit_.group ? items_.empty() : !left_.wanted.empty(); }

  void try_once(Clock::time_point due) {
    try {
      // A VF that a definition names as its parent may have appeared since.
      place_on_gpus(effects_.host, left_.wanted);
      if (left_.parents() != parents_) {
        return;
      }
      ++tries_;
      // Do not hold the parent locks while waiting for a parent to appear.
      if (tries_ > 1 && (!anything_has_come() || waits_for_same_bus())) {
        return;
      }
      const std::vector<sys::FileLock> locks = locks_.take(parents_, due);
      make_ready();
      const Definitions defined = read_again();
      if (left_.parents() != parents_ || !is_pending()) {
        return;
      }
      const Snapshot seen = observe_host(
          effects_,
          {.facets = left_.facets(), .details_of = parents_, .devices = {}, .other_parents = false});
      carry(plan_boot(seen, left_, defined, {options_.accept_abi, Uuid::random()}));
    } catch (const Error& error) {
      refuse_all(error);
    } catch (const std::exception& error) {
      refuse_all(Error(ExitCode::failed, reason_of(error)));
    }
  }

  // Reads what is to be started again under the locks of the parents: other processes may have changed it
  // since. If it needs other parents now, these must be locked before it is started. Returns the definitions
  // that the start can depend on.
  Definitions read_again() {
    if (!effects_.host.has_functions(parents_) && !is_changed_group()) {
      Definitions defined = definitions_of_parents();
      if (take_present(defined, Missing::ignored)) {
        return defined;
      }
    }
    // On GPUs with virtual functions (VFs), definitions in the directory of a VF are assigned to its GPU only
    // when the VF exists, and others may have been given a VF.
    Definitions defined = load_definitions(effects_);
    if (unit_.group) {
      take_present_group(defined);
    } else {
      take_present(defined, Missing::refused);
    }
    return defined;
  }

  Definitions definitions_of_parents() const {
    Definitions defined;
    for (const ParentName& parent : parents_) {
      Definitions some = effects_.store.load(parent);
      std::move(some.all.begin(), some.all.end(), std::back_inserter(defined.all));
      defined.withheld = std::move(some.withheld);  // of all parents
      defined.unknown_settings = std::move(some.unknown_settings);
      defined.mixed = std::move(some.mixed);
    }
    std::sort(defined.all.begin(), defined.all.end(), by_parent);
    return defined;
  }

  bool is_changed_group() const { return unit_.group && present_group() != left_.group; }

  std::optional<Group> present_group() const {
    std::optional<Group> group = effects_.store.load_group(unit_.group->name);
    if (group) {
      group->sharing = unit_.group->sharing;  // an option may override that of the file
    }
    return group;
  }

  enum class Missing { ignored, refused };

  // Replaces the wanted definitions by the present ones. Returns whether all exist under their parents; of
  // the others, those without any definition are refused on request.
  bool take_present(const Definitions& defined, Missing missing) {
    std::vector<Definition> gone;
    bool all_found = true;
    for (Definition& wanted : left_.wanted) {
      const Definition* present = defined.find(wanted.uuid, wanted.parent);
      const std::vector<const Definition*> others = defined.find(wanted.uuid);
      all_found = all_found && present != nullptr;
      if (present == nullptr && missing == Missing::refused && others.size() == 1) {
        present = others.front();  // moved to another parent
      } else if (present == nullptr) {
        gone.push_back(wanted);
      }
      wanted = present != nullptr ? *present : wanted;
    }
    for (const Definition& one : missing == Missing::refused ? gone : std::vector<Definition>{}) {
      const Identity about = unit_.identity(one);
      refuse({about, Error(ExitCode::not_found,
                           fmt::format("cannot start {}: another process has removed its definition",
                                       about.quoted()))});
    }
    return all_found;
  }

  void take_present_group(const Definitions& defined) {
    const std::string doing = fmt::format("cannot start group '{}'", unit_.group->name.str());
    std::optional<Group> group = present_group();
    if (!group) {
      throw Error(ExitCode::not_found, doing + ": another process has deleted it or its file cannot be used");
    }
    left_.group = std::move(group);
    left_.wanted.clear();
    for (const Definition* member : members_of(*left_.group, defined, doing)) {
      left_.wanted.push_back(*member);
    }
  }

  // Prepares the parents, and waits until their virtual functions (VFs) are complete: with some of them,
  // devices could get others than at the boot before.
  void make_ready() {
    for (const ParentName& parent : parents_) {
      if (const ParentSettings* settings = options_.parents.find(parent)) {
        prepare(*settings);
      }
    }
    for (const ParentName& parent : parents_) {
      if (!incomplete_.contains(parent) &&
          is_settling(observe_settled(effects_.host, parent, options_.patience))) {
        incomplete_.insert(parent);
      }
    }
  }

  // A parent that is missing is prepared when it has appeared.
  void prepare(const ParentSettings& settings) {
    if (prepared_.contains(settings.parent)) {
      return;
    }
    std::optional<Error> error;
    try {
      const Job job = prepare_job(effects_, settings, {.patience = milliseconds{0}});
      if (job.steps.empty()) {
        prepared_.insert(settings.parent);
        return;
      }
      error = carry_out({{job}}, effects_, watcher_).front().error;
      if (error && error->retry() == Retry::later && waited() < options_.patience) {
        return;
      }
    } catch (const Error& reason) {
      if (reason.retry() == Retry::later) {
        return;
      }
      error = reason;
    }
    prepared_.insert(settings.parent);
    watcher_.call([&](auto& watcher) { watcher.prepared(settings.parent, error); });
  }

  // Checking whether a parent exists costs one readlink, and no device can be started while all are missing.
  bool anything_has_come() const {
    if (sys::interrupted() || missing_for() >= options_.patience) {
      return true;  // the last attempt reports which parents are missing
    }
    const std::vector<ParentName> parents = left_.parents();
    const Snapshot seen = effects_.host.observe(
        {.facets = Facet::parents, .details_of = parents, .devices = {}, .other_parents = false});
    const auto has_come = [&](const ParentName& parent) {
      // A GPU that is to be prepared may be without driver.
      return seen.find_parent(parent.str()) != nullptr ||
             (options_.parents.find(parent) != nullptr && !prepared_.contains(parent) &&
              effects_.host.observe_parent(parent).present);
    };
    return unit_.group ? std::all_of(parents.begin(), parents.end(), has_come)
                       : std::any_of(parents.begin(), parents.end(), has_come);
  }

  // Returns whether all devices wait for queues that the host has, and the AP bus has not changed since: at
  // boot, its masks may be set after vfio_ap was loaded. Locks are not taken in vain then.
  bool waits_for_same_bus() {
    const bool is_last = sys::interrupted() || missing_for() >= options_.patience;
    const bool all_wait =
        !reserved_.empty() &&
        std::all_of(left_.wanted.begin(), left_.wanted.end(), [&](const Definition& definition) {
          return std::any_of(reserved_.begin(), reserved_.end(),
                             [&](const std::string& key) { return is_about(key, definition); });
        });
    if (!all_wait || is_last) {
      return false;
    }
    const std::optional<ApHost> now = effects_.host.observe_ap_bus(true);
    if (now == bus_) {
      return true;
    }
    bus_ = now;
    reserved_.clear();
    return false;
  }

  void carry(const BootAttempt& attempt) {
    std::vector<JobResult> results = carry_out(attempt.plan, effects_, watcher_);
    if (unit_.group) {
      for (const JobResult& result : results) {
        const std::string& name = unit_.group->name.str();
        if (result.error && may_try_again(name, *result.error)) {
          wait_for({unit_.group_identity(), *result.error});  // the executor has rolled the whole group back
          pause_ = pause_after_rollback;
          return;
        }
      }
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      const Job& job = attempt.plan.jobs[i];
      const std::optional<Error>& error = results[i].error;
      if (error && !unit_.group && may_try_again(job.about.key(), *error)) {
        wait_for({job.about, *error});
      } else {
        end({job, std::move(results[i]), tries_, waited()});
      }
    }
    for (const Refusal& refusal : attempt.refused) {
      refuse(refusal);
    }
  }

  void refuse_all(const Error& error) {
    if (unit_.group) {
      refuse({unit_.group_identity(), error});
      return;
    }
    const std::vector<Definition> all = left_.wanted;
    for (const Definition& definition : all) {
      const Identity about = unit_.identity(definition);
      refuse({about, error.reworded(fmt::format("cannot start {}: {}", about.quoted(), error.what()))});
    }
  }

  void refuse(const Refusal& refusal) {
    if (may_try_again(refusal.about.key(), refusal.error)) {
      wait_for(refusal);
      return;
    }
    BootItem item{{goal_of(refusal.about), refusal.about, refusal.about.parent}, {}, tries_, waited()};
    item.result.outcome = Outcome::failed;
    item.result.error = refusal.error;
    end(std::move(item));
  }

  milliseconds patience_for(const Error& error) const {
    switch (error.retry()) {
      case Retry::no: return milliseconds{0};
      case Retry::soon: return settling;
      case Retry::perhaps: return std::min<milliseconds>(settling, options_.patience);
      case Retry::later: break;
    }
    return options_.patience;
  }

  // Time limits count from the moment the cause was first seen: waiting for the lock of another parent before
  // that does not use them up.
  bool may_try_again(const std::string& subject, const Error& error) {
    const milliseconds now = sys::since_boot();
    auto& since = error.retry() == Retry::later ? missing_since_ : not_ready_since_;
    const milliseconds first = since.try_emplace(subject, now).first->second;
    return !sys::interrupted() && now - first < patience_for(error);
  }

  // Time since the first attempt that found a parent or type missing.
  milliseconds missing_for() const {
    milliseconds longest{0};
    for (const auto& [subject, since] : missing_since_) {
      longest = std::max(longest, sys::since_boot() - since);
    }
    return longest;
  }

  void wait_for(const Refusal& refusal) {
    const std::string key = refusal.about.key();
    if (refusal.error.number() == EADDRNOTAVAIL) {
      reserved_.insert(key);
    }
    if (!reported_waiting_.insert(key).second) {
      return;
    }
    watcher_.call([&](auto& watcher) { watcher.waiting(refusal, patience_for(refusal.error)); });
    for (const Definition& definition : left_.wanted) {
      if (is_about(key, definition)) {
        keep({definition.uuid, definition.parent, BootOutcome::waiting, asked_, asked_, asked_, tries_,
              why(refusal.error.what(), refusal.about)});
      }
    }
  }

  // Returns the reason of "cannot start '…' of group '…': reason"; the boot report names the device itself.
  std::string why(const std::string& message, const Identity& about) const {
    std::string doing = "cannot " + goal_of(about);
    if (unit_.group && about.uuid) {
      doing += fmt::format(" of group '{}'", unit_.group->name.str());
    }
    doing += ": ";
    return message.starts_with(doing) ? message.substr(doing.size()) : message;
  }

  bool is_about(const std::string& subject, const Definition& definition) const {
    return unit_.group ? subject == unit_.group->name.str() || subject == definition.uuid.str()
                       : subject == definition.uuid.str();
  }

  void end(BootItem item) {
    if (item.result.error && tries_ > 1 && !sys::interrupted()) {
      item.result.error =
          item.result.error->reworded(fmt::format("{} (tried for {:.1f} s)", item.result.error->what(),
                                                  static_cast<double>(item.waited.count()) / 1000));
    }
    const milliseconds now = sys::since_boot();
    const Identity about = item.job.about;
    for (const Definition& definition : left_.wanted) {
      if (!is_about(about.key(), definition)) {
        continue;
      }
      // A device that was active before keeps the record of its own start.
      if (item.result.outcome == Outcome::unchanged) {
        continue;
      }
      const std::optional<Error>& error = item.result.error;
      keep({definition.uuid, definition.parent,
            item.result.outcome == Outcome::done ? BootOutcome::started : BootOutcome::failed, asked_,
            item.result.begun.value_or(now), item.result.ended.value_or(now), tries_,
            error                                    ? why(error->what(), about)
            : item.result.outcome == Outcome::undone ? "another member of the group failed"
                                                     : std::string{}});
    }
    std::erase_if(left_.wanted, [&](const Definition& one) { return is_about(about.key(), one); });
    watcher_.call([&](auto& watcher) { watcher.ended(item); });
    items_.push_back(std::move(item));
  }

  // Ignores errors: the start of a device does not depend on its boot record.
  void keep(const BootEvent& event) const {
    if (!options_.is_autostart) {
      return;
    }
    try {
      effects_.store.keep_boot_event(event);
    } catch (const Error&) {
    }
  }

  const BootUnit& unit_;
  BootUnit left_;                    // the definitions that are not finished
  std::vector<ParentName> parents_;  // that the present attempt uses
  milliseconds pause_ = first_pause;
  const BootOptions& options_;
  const Effects& effects_;
  SerializedWatcher& watcher_;
  ParentLocks& locks_;
  const milliseconds asked_ = sys::since_boot();
  std::uint64_t tries_ = 0;
  std::set<ParentName> prepared_;
  std::set<ParentName> incomplete_;  // their VFs are not waited for any longer
  std::set<std::string> reported_waiting_;
  std::set<std::string> reserved_;  // subjects whose queues the host has
  std::optional<ApHost> bus_;       // when that was last found
  // By subject: when a parent or type was first missing, and when a driver was first not ready.
  std::map<std::string, milliseconds> missing_since_;
  std::map<std::string, milliseconds> not_ready_since_;
  std::vector<BootItem> items_;
};

}  // namespace

std::vector<BootItem> start_at_boot(const std::vector<BootUnit>& units, const BootOptions& options,
                                    const Effects& effects, BootWatcher& watcher) {
  SerializedWatcher serialized(watcher);
  ParentLocks locks(options, effects.store, serialized);
  std::deque<UnitRun> runs;
  std::vector<RetriedTask*> tasks;
  for (const BootUnit& unit : units) {
    tasks.push_back(&runs.emplace_back(unit, Common{options, effects, serialized, locks}));
  }
  UnitQueue(tasks).run();
  std::vector<BootItem> items;
  for (UnitRun& run : runs) {
    std::vector<BootItem> part = run.take_items();
    std::move(part.begin(), part.end(), std::back_inserter(items));
  }
  return items;
}

}  // namespace mdevadm
