#include <mdevadm/run/boot.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/run/prepare.hpp>
#include <mdevadm/sys/clock.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace mdevadm {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{20};
constexpr milliseconds longest_pause{250};

std::string goal_of(const Identity& about) {
  return about.uuid ? "start " + about.quoted() : fmt::format("start group {}", about.quoted());
}

// Serializes the calls of the watcher, which come from several threads.
class Told final : public Progress {
 public:
  explicit Told(BootWatcher& watcher) : watcher_(watcher) {}

  void done(const Job&, const Action&) override {}
  void undone(const Job&, const Action&) override {}
  void waiting(const Job&, const std::vector<Holder>&, milliseconds) override {}

  template <typename Call>
  void tell(const Call& call) {
    const std::lock_guard lock(mutex_);
    call(watcher_);
  }

 private:
  BootWatcher& watcher_;
  std::mutex mutex_;
};

// Starts one unit.
class UnitRun {
 public:
  UnitRun(const BootUnit& unit, const Definitions& defined, const BootOptions& options,
          const Effects& effects, Told& told)
      : unit_(unit), left_(unit), defined_(defined), options_(options), effects_(effects), told_(told) {}

  std::vector<BootItem> run() {
    milliseconds pause = first_pause;
    for (attempt(); is_pending(); attempt()) {
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, longest_pause);
    }
    return std::move(items_);
  }

 private:
  milliseconds waited() const { return sys::since_boot() - asked_; }
  // A group whose members have no definitions is pending, too, until its failure is reported.
  bool is_pending() const { return unit_.group ? items_.empty() : !left_.wanted.empty(); }

  void attempt() {
    ++tries_;
    try {
      // A VF that a definition names as its parent may have appeared since.
      place_on_gpus(effects_.host, left_.wanted);
      // Do not hold the parent locks while waiting for a parent to appear.
      if (tries_ > 1 && (!anything_has_come() || waits_for_same_bus())) {
        return;
      }
      const std::vector<sys::FileLock> locks = effects_.store.lock_parents(
          left_.parents(),
          [&](const std::string& holder, milliseconds patience) {
            told_.tell([&](auto& watcher) { watcher.waiting_for(holder, patience); });
          },
          options_.parents.all.empty() ? std::chrono::minutes{1} : preparation_patience);
      make_ready();
      const Snapshot seen = observe_host(
          effects_,
          {.facets = left_.facets(), .details_of = left_.parents(), .devices = {}, .other_parents = false});
      carry(plan_boot(seen, left_, definitions_for(seen), {options_.accept_abi, Uuid::random()}));
    } catch (const Error& error) {
      refuse_all(error);
    } catch (const std::exception& error) {
      refuse_all(Error(ExitCode::failed, reason_of(error)));
    }
  }

  // Returns the definitions that reserve virtual functions. On GPUs with VFs they are read again under the
  // lock of the parents: those in the directory of a VF are assigned to its GPU only when the VF exists, and
  // others may have been given a VF since.
  const Definitions& definitions_for(const Snapshot& seen) {
    const std::vector<ParentName> parents = left_.parents();
    const bool has_functions = std::any_of(parents.begin(), parents.end(), [&](const ParentName& name) {
      const Parent* parent = seen.find_parent(name.str());
      return parent != nullptr && parent->capabilities.functions;
    });
    if (!has_functions) {
      return defined_;
    }
    present_ = load_definitions(effects_);
    return *present_;
  }

  // Prepares the parents, and waits until their virtual functions (VFs) are complete: with some of them,
  // devices could get others than at the boot before.
  void make_ready() {
    for (const ParentName& parent : left_.parents()) {
      if (const ParentSettings* settings = options_.parents.find(parent)) {
        prepare(*settings);
      }
    }
    for (const ParentName& parent : left_.parents()) {
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
      error = carry_out({{job}}, effects_, told_).front().error;
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
    told_.tell([&](auto& watcher) { watcher.prepared(settings.parent, error); });
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
              effects_.host.observe_parent(parent, false).present);
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
    std::vector<JobResult> results = carry_out(attempt.plan, effects_, told_);
    if (unit_.group) {
      for (const JobResult& result : results) {
        const std::string& name = unit_.group->name.str();
        if (result.error && may_try_again(name, *result.error)) {
          wait_for({unit_.group_identity(), *result.error});  // the executor has rolled the whole group back
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
    told_.tell([&](auto& watcher) { watcher.waiting(refusal, patience_for(refusal.error)); });
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
                                                     : std::string{},
            error ? error->hints() : std::vector<std::string>{}});
    }
    std::erase_if(left_.wanted, [&](const Definition& one) { return is_about(about.key(), one); });
    told_.tell([&](auto& watcher) { watcher.ended(item); });
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
  BootUnit left_;  // the definitions that are not finished
  const Definitions& defined_;
  std::optional<Definitions> present_{};  // definitions_for()
  const BootOptions& options_;
  const Effects& effects_;
  Told& told_;
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

std::vector<BootItem> start_at_boot(const std::vector<BootUnit>& units, const Definitions& defined,
                                    const BootOptions& options, const Effects& effects,
                                    BootWatcher& watcher) {
  Told told(watcher);
  std::vector<std::vector<BootItem>> parts(units.size());
  const auto run_unit = [&](std::size_t i) {
    parts[i] = UnitRun(units[i], defined, options, effects, told).run();
  };
  if (units.size() == 1) {
    run_unit(0);
  } else {
    std::vector<std::jthread> threads;
    threads.reserve(units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
      threads.emplace_back(run_unit, i);
    }
  }
  std::vector<BootItem> items;
  for (std::vector<BootItem>& part : parts) {
    std::move(part.begin(), part.end(), std::back_inserter(items));
  }
  return items;
}

}  // namespace mdevadm
