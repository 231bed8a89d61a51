// mdevctl's scripts: call-outs, which are asked before something is done and told after it, and notifiers,
// which are told only. As mdevctl 1.4.0 runs them.
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
#include <string>
#include <utility>
#include <vector>

namespace mdevadm {

// What is done to which device. Words are passed as they are.
struct ScriptEvent {
  HookAction action;
  std::string uuid;
  std::string parent;
  std::string type;
  std::string config;   // store::format_config(), compact, as it was before anything was done
  bool forced = false;  // a call-out that says no is overruled, with a warning
};

ScriptEvent event_of(const HookEvent& hooks);

// What came of what the scripts are told of.
enum class HookState { none, success, failure };

// How long a script may take for what it has a part in: it may have to wait for another.
inline constexpr std::chrono::minutes script_deadline{5};
// And for what it is only asked (event "get"): a list waits for it, and libvirt waits for lists.
inline constexpr std::chrono::minutes question_deadline{1};

struct ScriptDeadlines {
  std::chrono::milliseconds part = script_deadline;
  std::chrono::milliseconds question = question_deadline;
};

// The scripts below one root. Any thread may call; one script runs at a time. As long as there is no script,
// a call costs a look whether there is one: once per process, for each of four folders.
// Errors say in what() what mdevctl says.
//
// When the process is interrupted (sys/interrupt.hpp), whatever asks scripts throws Error "interrupted" as
// soon as the script at work has ended, and calls no other; whoever agreed to pre() by then is told of a
// failure. Whatever only tells them goes on.
class Hooks {
 public:
  enum class Kind {
    said,     // "NAME: TEXT": what a call-out wrote to standard error, line ends and all
    warning,  // of ours
  };
  // Calls never overlap.
  using Sink = std::function<void(Kind kind, const std::string& text)>;

  // `root` must outlive it: scripts are found in usr/lib/mdevctl/scripts.d and etc/mdevctl.d/scripts.d.
  Hooks(const sys::Dir& root, Sink sink, const ScriptDeadlines& deadlines = {});

  bool any();

  // Asks. Throws Error if a script says no, unless the event is forced. Whatever it throws, the command is
  // not to be: who has to be told of that was told.
  void pre(const ScriptEvent& event);
  // Tells whoever answered to pre(); if nobody did, it is searched for anew. What it answers is its affair.
  void post(const ScriptEvent& event, HookState state);
  void notify(const ScriptEvent& event, HookState state);
  // What a script knows of the live device. The error may be a script's, or what is wrong with what it said;
  // there may be some attributes beside it. Throws nothing but "interrupted".
  ReportedAttributes get_attributes(const ScriptEvent& event);
  // Has the live device changed to `config`, and notifies if a script was run. Throws Error if it said no, or
  // if there is none that can.
  void live(const ScriptEvent& event);

 private:
  // The words that a script is called with.
  struct Asked {
    const ScriptEvent& about;
    const char* event;
    std::string action;
    HookState state = HookState::none;
  };
  struct Answer {
    std::string path;
    sys::ScriptEnd end;
  };
  // Who is responsible for a parent's type; none: whoever answers, as it was before mdevctl 1.3.0.
  struct Responsible {
    std::optional<std::string> path{};
    SupportedHooks supported{};
    std::optional<Error> failed{};
  };
  using Key = std::pair<std::string, std::string>;

  const std::vector<std::string>& callouts();
  const std::vector<std::string>& notifiers();
  std::vector<std::string> find_scripts(const std::string& kind) const;
  void add_scripts(const std::string& folder, bool sorted, std::vector<std::string>& scripts) const;

  std::optional<sys::ScriptEnd> call(const std::string& path, const Asked& asked, std::string_view input);
  std::optional<Answer> search(const Asked& asked, std::string_view input);
  std::optional<Answer> ask(const Asked& asked, std::string_view input);
  static void require_support(const Responsible& who, const Asked& asked);
  Answer ask_responsible(const Responsible& who, const Asked& asked, std::string_view input);
  const Responsible& responsible(const ScriptEvent& event);
  Responsible negotiate(const ScriptEvent& event);
  // Whether somebody agreed.
  bool ask_pre(const ScriptEvent& event);
  void tell_post(const ScriptEvent& event, HookState state);
  void tell_responsible(const ScriptEvent& event, HookState state);
  void tell_notifiers(const ScriptEvent& event, HookState state);
  void said(const std::string& path, const std::string& text) const;
  void warn(const std::string& text) const;
  void warn_of_signal(const std::string& path) const;

  const sys::Dir& root_;
  Sink sink_;
  ScriptDeadlines deadlines_;
  std::mutex mutex_;
  std::optional<std::vector<std::string>> callouts_;
  std::optional<std::vector<std::string>> notifiers_;
  std::map<Key, Responsible> responsible_;  // by parent and type
  std::map<Key, std::string> answered_;     // who answered last, by UUID and parent
  std::map<std::string, Error> mute_;       // scripts that let a deadline pass: asked no more questions
};

}  // namespace mdevadm
