#include "boot_report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mdevadm::cli {

namespace {

double seconds(std::chrono::milliseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

class BootReport final : public BootWatcher {
 public:
  BootReport(const Context& context, const Messages& messages, const std::vector<BootUnit>& units)
      : tells_all_(messages.in_journal() || context.globals().verbose), messages_(messages), units_(units) {}

  void waiting(const Refusal& refusal, std::chrono::milliseconds patience) override {
    messages_.note(fmt::format("{}; retrying for up to {:g} s", refusal.error.what(), seconds(patience)),
                   about(refusal.subject, refusal.parent ? refusal.parent->str() : std::string{}));
  }

  void waiting_for(const std::string& holder) override {
    messages_.note(fmt::format("waiting for {}", holder));
  }

  void ended(const BootItem& item) override {
    Subject whom = about(item.subject, item.job.lane);
    whom.type = item.job.type;
    for (const std::string& warning : item.result.warnings) {
      messages_.warning(warning, whom);
    }
    if (item.result.error) {
      messages_.error(*item.result.error, whom);
    } else if (item.result.outcome == Outcome::done && tells_all_) {
      const auto took = item.result.ended.value_or(std::chrono::milliseconds{}) -
                        item.result.begun.value_or(std::chrono::milliseconds{});
      messages_.note(fmt::format("started '{}' on {} as {} in {:.3f} s{}", item.subject, item.job.lane,
                                 item.job.type, seconds(took),
                                 item.tries > 1 ? fmt::format(", after {:.1f} s and {} tries",
                                                              seconds(item.waited), item.tries)
                                                : ""),
                     whom);
    }
  }

 private:
  Subject about(const std::string& subject, const std::string& parent) const {
    Subject whom{.parent = parent};
    for (const BootUnit& unit : units_) {
      const bool is_member = std::any_of(unit.wanted.begin(), unit.wanted.end(),
                                         [&](const Definition& one) { return one.uuid.str() == subject; });
      if (unit.group && (is_member || unit.group->name.str() == subject)) {
        whom.group = unit.group->name.str();
      }
    }
    if (whom.group != subject) {
      whom.uuid = subject;
    }
    return whom;
  }

  bool tells_all_;
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

ExitCode bring_up_and_tell(Context& context, const ChangeOptions& change, const std::vector<BootUnit>& units,
                           const Definitions& defined, const BootOptions& options) {
  BootReport report(context, context.messages(), units);
  Batch batch(change);
  std::size_t up = 0;
  std::size_t failed = 0;
  const Effects effects{context.host(), context.store(), &context.hooks()};
  for (BootItem& item : bring_up(units, defined, options, effects, report)) {
    const bool is_up = item.result.outcome == Outcome::done || item.result.outcome == Outcome::unchanged;
    up += is_up ? 1U : 0U;
    failed += item.result.error ? 1U : 0U;
    batch.record(item.subject, std::move(item.job), std::move(item.result));
  }
  if (const std::size_t wanted = count_wanted(units); failed > 0 && wanted > 1) {
    context.messages().warning(
        fmt::format("started {} of {} autostart devices; for details: mdevadm list --boot", up, wanted));
  }
  return batch.conclude(context);
}

}  // namespace mdevadm::cli
