#include "boot_report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mdevadm::cli {

namespace {

double seconds(std::chrono::milliseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

// Returns the name of the group with which a device is started, or of a group that could not be planned;
// empty for a device that is started alone.
std::string group_of(const std::vector<BootUnit>& units, const Identity& about) {
  for (const BootUnit& unit : units) {
    const bool is_member = std::any_of(unit.wanted.begin(), unit.wanted.end(),
                                       [&](const Definition& one) { return one.uuid == about.uuid; });
    if (unit.group && (is_member || (!about.uuid && unit.group->name.str() == about.name))) {
      return unit.group->name.str();
    }
  }
  return {};
}

class BootReport final : public BootWatcher {
 public:
  // `names_unchanged`: notes say which devices were active before.
  BootReport(const Context& context, const std::vector<BootUnit>& units, bool names_unchanged)
      : verbose_(context.messages().in_journal() || context.globals().verbose),
        names_unchanged_(names_unchanged),
        messages_(context.messages()),
        units_(units) {}

  void waiting(const Refusal& refusal, std::chrono::milliseconds patience) override {
    messages_.waiting(fmt::format("{}; retrying for up to {:g} s", refusal.error.what(), seconds(patience)),
                      subject(refusal.about));
  }

  void waiting_for(const std::string& holder, std::chrono::milliseconds patience) override {
    messages_.waiting(fmt::format("waiting up to {:g} s for {}", seconds(patience), holder));
  }

  void prepared(const ParentName& parent, const std::optional<Error>& error) override {
    const Subject whom{.parent = parent.str()};
    if (error) {
      std::string text = fmt::format("{}; starting its devices anyway", error->what());
      messages_.warning(text, whom);
    } else if (verbose_) {
      messages_.note(fmt::format("prepared '{}'", parent.str()), whom);
    }
  }

  void ended(const BootItem& item) override {
    if (messages_.json()) {
      return;  // it is in the results
    }
    const Identity& about = item.job.about;
    const Subject whom = subject(about);
    for (const std::string& warning : item.result.warnings) {
      messages_.warning(warning, whom);
    }
    if (item.result.error) {
      messages_.error(*item.result.error, whom);
    } else if (item.result.outcome == Outcome::unchanged && names_unchanged_) {
      for (const std::string& note : item.result.notes) {
        messages_.note(note, whom);
      }
    } else if (item.result.outcome == Outcome::done && verbose_) {
      const auto took = item.result.ended.value_or(std::chrono::milliseconds{}) -
                        item.result.begun.value_or(std::chrono::milliseconds{});
      messages_.note(
          fmt::format(
              "started {} on {} as {} in {:.3f} s{}", about.quoted(), about.parent, about.type, seconds(took),
              item.tries > 1 ? fmt::format(", after {:.1f} s and {} tries", seconds(item.waited), item.tries)
                             : ""),
          whom);
    }
  }

 private:
  Subject subject(const Identity& about) const { return subject_of(about, group_of(units_, about)); }

  bool verbose_;
  bool names_unchanged_;
  const Messages& messages_;
  const std::vector<BootUnit>& units_;
};

std::size_t count_wanted(const std::vector<BootUnit>& units) {
  std::size_t wanted = 0;
  for (const BootUnit& unit : units) {
    wanted += unit.wanted.size();
  }
  return wanted;
}

}  // namespace

ExitCode start_and_report(Context& context, const ChangeOptions& change, const std::vector<BootUnit>& units,
                          const BootOptions& options) {
  Batch batch(change, "start");
  batch.show_devices();
  return start_and_report(context, batch, units, options);
}

ExitCode start_and_report(Context& context, Batch& batch, const std::vector<BootUnit>& units,
                          const BootOptions& options) {
  BootReport report(context, units, !options.is_autostart);
  std::size_t up = 0;
  std::size_t failed = 0;
  const Effects effects{context.host(), context.store(), &context.hooks()};
  for (BootItem& item : start_at_boot(units, options, effects, report)) {
    const bool is_up = item.result.outcome == Outcome::done || item.result.outcome == Outcome::unchanged;
    up += is_up ? 1U : 0U;
    failed += item.result.error ? 1U : 0U;
    const std::string group = group_of(units, item.job.about);
    batch.record(std::move(item.job), std::move(item.result), group);
  }
  if (const std::size_t wanted = count_wanted(units); options.is_autostart && failed > 0 && wanted > 1) {
    context.messages().warning(
        fmt::format("started {} of {} autostart devices; for details: mdevadm list --boot", up, wanted));
  }
  return batch.conclude(context);
}

}  // namespace mdevadm::cli
