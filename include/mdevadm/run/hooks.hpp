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

inline constexpr std::chrono::minutes script_deadline{5};

// The scripts below one root. Any thread may call; one script runs at a time. As long as there is no script,
// a call costs a look whether there is one: once per process, for each of four folders.
// Errors say in what() what mdevctl says.
class Hooks {
 public:
  enum class Kind {
    said,     // "NAME: TEXT": what a call-out wrote to standard error, line ends and all
    warning,  // of ours
  };
  // Calls never overlap.
  using Sink = std::function<void(Kind kind, const std::string& text)>;

  // `root` must outlive it: scripts are found in usr/lib/mdevctl/scripts.d and etc/mdevctl.d/scripts.d.
  Hooks(const sys::Dir& root, Sink sink, std::chrono::milliseconds deadline = script_deadline);

  bool any();

  // Asks. Throws Error if a script says no, unless the event is forced. Nobody is notified.
  void pre(const ScriptEvent& event);
  // Tells whoever answered to pre(); if nobody did, it is searched for anew. What it answers is its affair.
  void post(const ScriptEvent& event, HookState state);
  void notify(const ScriptEvent& event, HookState state);
  // What a script knows of the live device. The error may be a script's, or what is wrong with what it said;
  // there may be some attributes beside it.
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

  std::optional<sys::ScriptEnd> call(const std::string& path, const Asked& asked,
                                     std::string_view input) const;
  std::optional<Answer> search(const Asked& asked, std::string_view input);
  std::optional<Answer> ask(const Asked& asked, std::string_view input);
  std::optional<Answer> ask_responsible(const Responsible& who, const Asked& asked, std::string_view input);
  const Responsible& responsible(const ScriptEvent& event);
  Responsible negotiate(const ScriptEvent& event);
  void tell_post(const ScriptEvent& event, HookState state);
  void tell_notifiers(const ScriptEvent& event, HookState state);
  void said(const std::string& path, const std::string& text) const;
  void warn(const std::string& text) const;
  void warn_of_signal(const std::string& path) const;

  const sys::Dir& root_;
  Sink sink_;
  std::chrono::milliseconds deadline_;
  std::mutex mutex_;
  std::optional<std::vector<std::string>> callouts_;
  std::optional<std::vector<std::string>> notifiers_;
  std::map<Key, Responsible> responsible_;  // by parent and type
  std::map<Key, std::string> answered_;     // who answered last, by UUID and parent
};

}  // namespace mdevadm
