// mdevctl's scripts, run as mdevctl 1.4.0 does: call-out scripts run before and after an operation,
// notification scripts after it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/run/hook_json.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/script.hpp>
#include <mdevadm/util/error.hpp>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mdevadm {

// An operation on a device. The strings are passed unchanged.
struct ScriptEvent {
  HookAction action;
  std::string uuid;
  std::string parent;
  std::string type;
  std::string config;   // store::format_config(), compact, before the operation
  bool forced = false;  // continue with a warning if a call-out script refuses
  // The definition is one of mdevadm. ap-check of s390-tools, which looks in /etc/mdevctl.d, is called to
  // modify it if a definition of the same device is there, otherwise to define it, and not at all for a
  // removal.
  bool own = false;
  bool can_force = true;  // the command has the option --force, which the error names
};

ScriptEvent event_of(const HookEvent& hooks);

// Returns the directories of scripts below the root: of call-outs, and of notification scripts.
std::vector<std::string> script_directories();

// The mode bits of which a script has at least one; without them, mdevctl does not run it.
inline constexpr mode_t any_execution = 0111;

// Result of the operation as passed to scripts.
enum class HookState { none, success, failure };

// Time limit of a script that takes part in an operation: it may have to wait for another script.
inline constexpr std::chrono::minutes script_deadline{5};
// Time limit of a query (event "get"): listings wait for it, and libvirt waits for listings.
inline constexpr std::chrono::minutes question_deadline{1};

struct ScriptDeadlines {
  std::chrono::milliseconds part = script_deadline;
  std::chrono::milliseconds question = question_deadline;
};

// Scripts that other users than root can change.
enum class UntrustedScripts {
  refused,   // an Error instead of a call
  reported,  // run after a warning, as mdevctl runs them
};

// The scripts below one root. Thread-safe; one script runs at a time. If there are no scripts, the cost is
// one search of four directories per process. what() of Errors is mdevctl's message.
//
// A script that has accepted pre() may hold a lock until its post event, and the pre event of another device
// waits for that lock. The post event would wait for that call to end, therefore the caller keeps other
// threads from calling pre() until then (turns()).
//
// After an interruption (sys/interrupt.hpp) queries and pre scripts throw Error "interrupted" as soon as the
// running script has ended, and run no further one; a script that has accepted pre() by then is notified of a
// failure. Post and notification scripts still run.
class Hooks {
 public:
  enum class Kind {
    output,   // "NAME: TEXT": standard error of a call-out script, including line ends
    warning,  // a message of mdevadm
  };
  // Calls are serialized.
  using Sink = std::function<void(Kind kind, const std::string& text)>;

  // `root` must outlive the object: scripts are searched in usr/lib/mdevctl/scripts.d and
  // etc/mdevctl.d/scripts.d.
  Hooks(const sys::Dir& root, Sink sink, const ScriptDeadlines& deadlines = {},
        UntrustedScripts untrusted = UntrustedScripts::refused);

  // Returns whether there are any scripts.
  bool any();
  // Returns whether there are scripts that take part in operations.
  bool any_callouts();

  // Held by a thread from before pre() until after post(), if pre() returns true; otherwise until it returns.
  std::mutex& turns() { return turns_; }

  // Runs pre scripts and returns whether one has accepted. Throws Error if one refuses, unless the event is
  // forced. If it throws, abort the operation; scripts that must be notified already have been.
  bool pre(const ScriptEvent& event);
  // Runs the post event of the script that accepted pre(), or of the first one that accepts it. Its result is
  // ignored.
  void post(const ScriptEvent& event, HookState state);
  void notify(const ScriptEvent& event, HookState state);
  // Queries the attributes of an active device from a script. The error is that of the script or of its
  // output; it may come with some attributes. Throws only "interrupted".
  ReportedAttributes get_attributes(const ScriptEvent& event);
  // Requests that a script changes the active device to `config`, and runs the notification scripts if one
  // was run. Throws Error if the script refuses or none supports this.
  void live(const ScriptEvent& event);

 private:
  // The event with which a script is called.
  enum class Phase { get, pre, post, live, notify };
  static const char* word_of_phase(Phase phase);
  // The arguments of one script call.
  struct Asked {
    const ScriptEvent& about;
    Phase phase;
    std::string action;
    HookState state = HookState::none;
  };
  struct Answer {
    std::string path;
    sys::ScriptEnd end;
  };
  // The script responsible for a parent's type; no path: scripts are tried in order, as before mdevctl 1.3.0.
  struct Responsible {
    std::optional<std::string> path{};
    SupportedHooks supported{};
    std::optional<Error> failed{};
  };
  using Key = std::pair<std::string, std::string>;

  const std::vector<std::string>& callouts();
  const std::vector<std::string>& notifiers();
  std::vector<std::string> find_scripts(const std::string& kind) const;
  void add_scripts(const std::string& directory, bool sorted, std::vector<std::string>& scripts) const;

  // Returns the action with which a script is called; nullopt: the script is not called.
  std::optional<std::string> action_for(const std::string& path, const ScriptEvent& event,
                                        const std::string& action) const;
  std::optional<sys::ScriptEnd> call(const std::string& path, const Asked& asked, std::string_view input);
  std::optional<Answer> search(const Asked& asked, std::string_view input);
  std::optional<Answer> ask(const Asked& asked, std::string_view input);
  static void require_support(const Responsible& who, const Asked& asked);
  Answer ask_responsible(const Responsible& who, const Asked& asked, std::string_view input);
  const Responsible& responsible(const ScriptEvent& event);
  Responsible negotiate(const ScriptEvent& event);
  // Throws Error, with hints, if the script has refused.
  static void require_agreement(const Answer& answer, const ScriptEvent& event);
  // Returns whether a script has accepted.
  bool ask_pre(const ScriptEvent& event);
  void notify_post(const ScriptEvent& event, HookState state);
  void notify_responsible(const ScriptEvent& event, HookState state);
  void notify_notifiers(const ScriptEvent& event, HookState state);
  // Throws Error, or warns once, if another user can change the script.
  void require_trusted(const std::string& path, const char* kind);
  void report_output(const std::string& path, const std::string& text) const;
  void warn(const std::string& text) const;
  void warn_of_signal(const std::string& path) const;

  const sys::Dir& root_;
  Sink sink_;
  ScriptDeadlines deadlines_;
  UntrustedScripts untrusted_;
  std::mutex turns_;
  std::mutex mutex_;
  std::optional<std::vector<std::string>> callouts_;
  std::optional<std::vector<std::string>> notifiers_;
  std::map<Key, Responsible> responsible_;  // by parent and type
  std::map<Key, std::string> answered_;     // the last script that accepted, by UUID and parent
  std::set<std::string> reported_;          // untrusted scripts
  std::map<std::string, Error> mute_;       // scripts that exceeded a time limit: not queried again
};

}  // namespace mdevadm
