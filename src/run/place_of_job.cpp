#include "place_of_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/sys/clock.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// One slot of a card has eight functions. If so many refuse a type, it is rather the GPU that refuses it.
constexpr std::size_t most_tries = 8;

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t place = text.rfind(from);
  return place == std::string::npos ? text : text.replace(place, from.size(), to);
}

// Replaces the address of a VF by that of another one of the same GPU, whose directory is beside it.
class Mover {
 public:
  Mover(const std::string& from, const std::string& to) : from_(from), to_(to) {}

  template <typename Kind>
  void operator()(Kind& action) const {
    if constexpr (requires(Device & device) { action.device = device; }) {
      move(action.device);
    }
  }
  void operator()(CreateDevice& action) const {
    action.what.vf = replaced(action.what.vf, from_, to_);
    action.what.name = replaced(action.what.name, from_, to_);
  }
  void operator()(KeepRecord& action) const { action.record.name = replaced(action.record.name, from_, to_); }
  void operator()(ReserveFunction& action) const { action.after.function = FunctionName::parse(to_); }

 private:
  void move(Device& device) const {
    device.vf = replaced(device.vf, from_, to_);
    device.name = replaced(device.name, from_, to_);
    device.path = replaced(device.path, from_, to_);
  }

  const std::string& from_;
  const std::string& to_;
};

// Returns whether the steps of a job after the creation can be done on another VF: virtual machines are given
// the address that was planned.
bool may_move(const Job& job) {
  return std::none_of(job.steps.begin(), job.steps.end(),
                      [](const Step& step) { return std::holds_alternative<AttachDevice>(step.action); });
}

std::string joined(const std::vector<FunctionRefusal>& refusals) {
  std::vector<std::string> addresses;
  std::transform(refusals.begin(), refusals.end(), std::back_inserter(addresses),
                 [](const FunctionRefusal& one) { return one.vf; });
  return join(addresses, ", ");
}

}  // namespace

Action PlaceOfJob::as_performed(Action action) const {
  if (!planned_.empty()) {
    std::visit(Mover(planned_, used_), action);
  }
  return action;
}

void PlaceOfJob::perform(const Action& action, const Job& job, const Effects& effects, JobResult& result,
                         const Waiting& waiting) {
  Action here = as_performed(action);
  if (auto* create_here = std::get_if<CreateDevice>(&here)) {
    create(std::move(*create_here), job, effects, result, waiting);
    return;
  }
  if (auto* keep = std::get_if<KeepRecord>(&here); keep != nullptr && keep->ends_start && result.begun) {
    keep->record.took = sys::since_boot() - *result.begun;
  }
  perform_action(here, effects, job, result.warnings, waiting);
}

void PlaceOfJob::create(CreateDevice action, const Job& job, const Effects& effects, JobResult& result,
                        const Waiting& waiting) {
  const std::string planned = action.what.vf;
  std::vector<std::string> others = may_move(job) ? std::move(action.others) : std::vector<std::string>{};
  others.resize(std::min(others.size(), most_tries));
  action.others.clear();
  std::vector<FunctionRefusal> refusals;
  for (auto other = others.begin();; ++other) {
    try {
      perform_action(action, effects, job, result.warnings, waiting);
      break;
    } catch (const FunctionRefused& refused) {
      if (refused.why() == FunctionRefused::Why::refused) {
        refusals.push_back({action.what.parent, action.what.vf, action.what.type,
                            sys::errno_text(refused.number()),
                            effects.host.inode_of_function(action.what.vf)});
      }
      if (other == others.end() || sys::interrupted()) {
        // If several have refused, and none has taken the type, the reason may be the GPU.
        if (refusals.size() == 1) {
          effects.store.keep_refusal(refusals.front());
        } else if (refusals.size() > 1) {
          throw refused.reworded(fmt::format("{}; so {} {}", refused.what(),
                                             refusals.size() == 2 ? "does" : "do",
                                             joined({refusals.begin(), refusals.end() - 1})));
        }
        throw;
      }
    }
    planned_ = planned;
    used_ = *other;
    action.what.vf = used_;
    action.what.name = action.what.name.empty() ? "" : used_;
    record_place(job, effects, result, waiting);
  }
  if (!action.what.vf.empty()) {
    effects.store.drop_refusal(action.what.vf);
  }
  for (const FunctionRefusal& refusal : refusals) {
    effects.store.keep_refusal(refusal);
  }
  if (!refusals.empty()) {
    result.warnings.push_back(
        fmt::format("{}: {} is used, because the driver refuses type {} on {} ({}); starts that choose a "
                    "virtual function use the latter last",
                    job.about.quoted(), action.what.vf, action.what.type.str(), joined(refusals),
                    refusals.back().reason));
  }
}

void PlaceOfJob::record_place(const Job& job, const Effects& effects, JobResult& result,
                              const Waiting& waiting) const {
  for (const Step& step : job.steps) {
    if (std::holds_alternative<CreateDevice>(step.action)) {
      return;
    }
    if (std::holds_alternative<KeepRecord>(step.action)) {
      perform_action(as_performed(step.action), effects, job, result.warnings, waiting);
    }
  }
}

}  // namespace mdevadm
