// The one place where plans become effects.
#pragma once

#include <chrono>
#include <mdevadm/host/host.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// Told of what happens while it happens; calls never overlap, whatever thread they come from.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void done(const Job& job, const Action& action) = 0;
  virtual void undone(const Job& job, const Action& action) = 0;
};

enum class Outcome {
  done,
  unchanged,
  failed,
  undone,  // it went well, or had not begun; another job of an all-or-none plan failed
};

struct JobResult {
  Outcome outcome = Outcome::done;
  std::string note;              // unchanged: why there was nothing to do
  std::optional<Error> error;    // failed: "cannot start '…': <why>; <what became of what was done before>"
  std::optional<Error> cause{};  // the same as it was said: "<why>"
  std::vector<std::string> warnings;
  std::optional<Action> failed_action{};  // failed: at what
  std::optional<Error> undo_error{};      // why something could not be undone
  // When its first step began and its last one ended, since the machine was switched on; absent: there was
  // none.
  std::optional<std::chrono::milliseconds> begun{};
  std::optional<std::chrono::milliseconds> ended{};
};

class Hooks;

struct Effects {
  const Host& host;
  const store::Store& store;
  Hooks* hooks = nullptr;  // scripts to be asked and told; none: nobody is
  // Whether the caller holds the lock of definitions; if not, each change of one takes it. While scripts are
  // asked, which takes as long as they like, nobody is to wait for it.
  bool holds_definitions = false;
};

// Carries out every job, those of different lanes side by side, those of one lane in order. A job whose step
// fails, or that is interrupted, is undone in reverse. The others go on (Bond::none), or begin no further
// step and are undone as well, the last step that was done first (Bond::all_or_none). One result a job, in
// the plan's order. Does not throw.
//
// Scripts, of a job that has any steps: they are asked before its first one, and if one says no, nothing is
// done and the notifiers hear of `none`. Else they are told, and the notifiers, when its last one is done, or
// when it failed and is undone. Of an all-or-none plan, a job that had come to its end, and was told of as a
// success, is undone without a word: what could be said, the scripts know no action for. Scripts hold locks
// between the two (ap-check does, and waits for itself): so a job that no other waits for begins and ends in
// one stage.
std::vector<JobResult> carry_out(const Plan& plan, const Effects& effects, Progress& progress);

}  // namespace mdevadm
