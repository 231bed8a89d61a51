#include <mdevadm/run/hooks.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <tuple>

#include <mdevadm/model/ap.hpp>
#include <mdevadm/model/config.hpp>
#include <mdevadm/run/interrupted.hpp>
#include <mdevadm/store/config_text.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/trust.hpp>
#include <mdevadm/util/quote.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::array script_places{"usr/lib/mdevctl/scripts.d/", "etc/mdevctl.d/scripts.d/"};
constexpr int not_mine = 2;

const char* word_of(HookAction action) {
  switch (action) {
    case HookAction::start: return "start";
    case HookAction::stop: return "stop";
    case HookAction::define: return "define";
    case HookAction::undefine: return "undefine";
    case HookAction::modify: return "modify";
  }
  return "";
}

const char* word_of(HookState state) {
  switch (state) {
    case HookState::none: return "none";
    case HookState::success: return "success";
    case HookState::failure: return "failure";
  }
  return "";
}

// Returns an action in the spelling of mdevctl's messages.
std::string capitalised(std::string word) {
  word.front() = static_cast<char>(word.front() - 'a' + 'A');
  return word;
}

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// Returns true if exec(2) failed because of the file: it is not executable, or is being replaced. The other
// errors have their cause in this process: invalid or too long arguments, or lack of processes, memory or
// descriptors.
bool is_no_script(int number) {
  constexpr std::array ours{EINVAL, E2BIG, EAGAIN, ENOMEM, EMFILE, ENFILE};
  return std::find(ours.begin(), ours.end(), number) == ours.end();
}

bool is_ap_check(const std::string& path) {
  const std::string name = name_of(path);
  return name == "ap-check" || name == "ap-check.sh";
}

// Call-outs can be binary programs, such as ap-check.
bool is_text(const std::string& path) {
  const sys::Result<std::string> text = sys::read_stream(path);
  return text && text->starts_with("#!");
}

// ap-check of s390-tools fails too while another program holds the lock, and after one that ended without
// releasing it.
constexpr const char* lock_of_ap_check = "/run/lock/s390apconfig.lock";

std::string advice_on_lock() {
  return fmt::format("show which process holds its lock, if any: cat {}", lock_of_ap_check);
}

// Exit codes of shells and env(1) if a program does not exist or cannot be executed.
constexpr int cannot_execute = 126;
constexpr int not_found = 127;

// Returns what the exit code says about the script itself; empty: it has refused the operation.
std::string breakage_of(int number) {
  return number == not_found ? "the status usually means that a program that the script runs does not exist"
         : number == cannot_execute
             ? "the status usually means that a program that the script runs cannot be executed"
             : "";
}

// Returns how to find out why a call-out script refuses an operation.
std::vector<std::string> advice_on_refusal(const std::string& path, int number, const ScriptEvent& event) {
  std::vector<std::string> advice;
  const std::string breakage = breakage_of(number);
  if (is_text(path)) {
    advice.push_back(fmt::format("{}: less {}", breakage.empty() ? "see why the script refuses" : breakage,
                                 shell_word(path)));
  }
  if (!breakage.empty()) {
    advice.push_back("to disable the script: chmod -x " + shell_word(path));
  } else if (is_ap_check(path) && has_queues(event.type)) {
    advice.push_back(advice_on_lock());
  }
  if (event.action == HookAction::stop) {
    advice.emplace_back("--force does not ignore the refusal of a script");
  }
  return advice;
}

// Throws Error if the script failed. As in mdevctl, a script that was killed by a signal has not failed.
void require_success(const std::string& path, const sys::ScriptEnd& end) {
  if (end.how == sys::ScriptEnd::How::exited && end.number != 0) {
    throw Error(ExitCode::failed,
                fmt::format("Script '{}' failed with status '{}'", quote_path(path), end.number));
  }
}

}  // namespace

std::vector<std::string> script_directories() {
  std::vector<std::string> directories;
  for (const std::string place : script_places) {
    directories.push_back(place + "callouts");
    directories.push_back(place + "notifiers");
  }
  return directories;
}

ScriptEvent event_of(const HookEvent& hooks) {
  const Definition& about = hooks.about;
  return {hooks.action,
          about.uuid.str(),
          about.parent.str(),
          about.type.str(),
          store::format_config(config_of(about), store::JsonForm::compact),
          hooks.forced,
          hooks.own,
          hooks.can_force};
}

Hooks::Hooks(const sys::Dir& root, Sink sink, const ScriptDeadlines& deadlines, UntrustedScripts untrusted)
    : root_(root), sink_(std::move(sink)), deadlines_(deadlines), untrusted_(untrusted) {}

bool Hooks::any() {
  const std::lock_guard lock(mutex_);
  return !callouts().empty() || !notifiers().empty();
}

bool Hooks::any_callouts() {
  const std::lock_guard lock(mutex_);
  return !callouts().empty();
}

bool Hooks::pre(const ScriptEvent& event) {
  const std::lock_guard lock(mutex_);
  answered_.erase({event.uuid, event.parent});
  bool agreed = false;
  try {
    agreed = ask_pre(event);
    throw_if_interrupted();
    return agreed;
  } catch (...) {
    if (agreed) {  // it may hold resources that only its post event releases
      notify_post(event, HookState::failure);
    }
    notify_notifiers(event, agreed ? HookState::failure : HookState::none);
    throw;
  }
}

void Hooks::require_agreement(const Answer& answer, const ScriptEvent& event) {
  try {
    require_success(answer.path, answer.end);
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), advice_on_refusal(answer.path, answer.end.number, event));
  }
}

bool Hooks::ask_pre(const ScriptEvent& event) {
  try {
    const std::optional<Answer> answer = ask({event, Phase::pre, word_of(event.action)}, event.config);
    if (answer) {
      require_agreement(*answer, event);
    }
    return answer.has_value();
  } catch (const Error& error) {
    throw_if_interrupted();
    if (!event.forced) {
      // Scripts for mdevctl look for the definition in its directory, and refuse each change of one of
      // mdevadm.
      const bool may_force = event.own && event.can_force &&
                             (event.action == HookAction::define || event.action == HookAction::modify ||
                              event.action == HookAction::undefine);
      throw may_force ? error.with_hint("use --force to ignore the refusal of the script") : error;
    }
    warn(fmt::format("Forcing operation '{}' despite callout failure. Error was: {}", word_of(event.action),
                     error.what()));
    return false;
  }
}

void Hooks::post(const ScriptEvent& event, HookState state) {
  const std::lock_guard lock(mutex_);
  notify_post(event, state);
}

void Hooks::notify_post(const ScriptEvent& event, HookState state) {
  try {
    notify_responsible(event, state);
  } catch (const std::exception& error) {
    warn(error.what());
  }
  answered_.erase({event.uuid, event.parent});
}

void Hooks::notify_responsible(const ScriptEvent& event, HookState state) {
  const Asked asked{event, Phase::post, word_of(event.action), state};
  const auto answered = answered_.find({event.uuid, event.parent});
  const Responsible& who = responsible(event);
  if (who.failed) {
    return;  // its capabilities query timed out and would do so again
  }
  if (who.path) {
    // Support for the post event is optional.
    if (action_for(*who.path, event, asked.action) && who.supported.actions.contains(asked.action) &&
        who.supported.events.contains(word_of_phase(asked.phase))) {
      std::ignore = ask_responsible(who, asked, event.config);
    }
  } else if (answered == answered_.end()) {
    search(asked, event.config);
  } else if (const auto end = call(answered->second, asked, event.config)) {
    report_output(answered->second, end->err);
  }
}

void Hooks::notify(const ScriptEvent& event, HookState state) {
  const std::lock_guard lock(mutex_);
  notify_notifiers(event, state);
}

void Hooks::notify_notifiers(const ScriptEvent& event, HookState state) {
  for (const std::string& path : notifiers()) {
    try {
      call(path, {event, Phase::notify, word_of(event.action), state}, {});
    } catch (const Error& error) {
      const std::string hints = join(error.hints(), "; ");
      warn(hints.empty() ? error.what() : fmt::format("{} (to run it: {})", error.what(), hints));
    } catch (const std::exception& error) {
      warn(error.what());
    }
  }
}

ReportedAttributes Hooks::get_attributes(const ScriptEvent& event) {
  const std::lock_guard lock(mutex_);
  try {
    const auto answer = ask({event, Phase::get, "attributes"}, {});
    throw_if_interrupted();
    if (!answer) {
      return {};
    }
    require_success(answer->path, answer->end);
    return parse_reported_attributes(answer->end.out);
  } catch (const Error& error) {
    throw_if_interrupted();
    return {{}, error};
  } catch (const std::exception& error) {
    return {{}, Error(ExitCode::failed, error.what())};
  }
}

void Hooks::live(const ScriptEvent& event) {
  const std::lock_guard lock(mutex_);
  const Responsible& who = responsible(event);
  if (who.failed) {
    throw Error(*who.failed);
  }
  if (!who.path) {
    throw Error(ExitCode::failed,
                "Live modification is not supported for this device type. Changing the device configuration "
                "requires stopping and restarting the device.");
  }
  const Asked asked{event, Phase::live, word_of(event.action)};
  require_support(who, asked);
  throw_if_interrupted();
  std::optional<Answer> answer;
  try {
    answer = ask_responsible(who, asked, event.config);
  } catch (...) {
    notify_notifiers(event, HookState::none);
    throw;
  }
  notify_notifiers(event, HookState::none);
  throw_if_interrupted();
  require_success(answer->path, answer->end);
}

std::optional<Hooks::Answer> Hooks::ask(const Asked& asked, std::string_view input) {
  const Responsible& who = responsible(asked.about);
  if (who.failed) {
    throw Error(*who.failed);
  }
  if (who.path && !action_for(*who.path, asked.about, asked.action)) {
    return std::nullopt;
  }
  if (who.path) {
    require_support(who, asked);
    return ask_responsible(who, asked, input);
  }
  std::optional<Answer> answer = search(asked, input);
  if (answer) {
    answered_.insert_or_assign({asked.about.uuid, asked.about.parent}, answer->path);
  }
  return answer;
}

void Hooks::require_support(const Responsible& who, const Asked& asked) {
  const auto require = [&](const std::set<std::string>& words, const char* kind, const std::string& word) {
    if (!words.contains(word)) {
      // The hints of a failed `get attributes` are printed under mdevctl's name, which has none here.
      std::vector<std::string> advice;
      if (asked.phase != Phase::get) {
        advice.push_back(fmt::format(
            "if the script supports it: add '{}' to the {}s in its answer to -e get -a capabilities", word,
            kind));
      }
      throw Error(
          ExitCode::failed,
          fmt::format("Script {} does not support {} '{}'", quote_path(*who.path), kind, capitalised(word)),
          advice);
    }
  };
  require(who.supported.actions, "action", asked.action);
  require(who.supported.events, "event", word_of_phase(asked.phase));
}

Hooks::Answer Hooks::ask_responsible(const Responsible& who, const Asked& asked, std::string_view input) {
  std::optional<sys::ScriptEnd> end = call(*who.path, asked, input);
  if (!end) {
    throw Error(ExitCode::failed,
                fmt::format("call-out script '{}' can no longer be executed", printable(*who.path)));
  }
  report_output(*who.path, end->err);
  return Answer{*who.path, *std::move(end)};
}

// Returns the answer of the first script that does not exit with "not mine" (2).
std::optional<Hooks::Answer> Hooks::search(const Asked& asked, std::string_view input) {
  for (const std::string& path : callouts()) {
    std::optional<sys::ScriptEnd> end = call(path, asked, input);
    if (end && end->how == sys::ScriptEnd::How::killed) {
      warn_of_signal(path);
      if (asked.phase == Phase::pre && sys::interrupted()) {
        return Answer{path, *std::move(end)};  // may hold resources: run its post event too
      }
    } else if (end && end->number != not_mine) {
      report_output(path, end->err);
      return Answer{path, *std::move(end)};
    }
  }
  return std::nullopt;
}

const Hooks::Responsible& Hooks::responsible(const ScriptEvent& event) {
  const Key key{event.parent, event.type};
  const auto known = responsible_.find(key);
  return known != responsible_.end() ? known->second
                                     : responsible_.emplace(key, negotiate(event)).first->second;
}

Hooks::Responsible Hooks::negotiate(const ScriptEvent& event) {
  const std::string provided = provided_capabilities();
  for (const std::string& path : callouts()) {
    try {
      const auto end = call(path, {event, Phase::get, "capabilities"}, provided);
      if (end && end->how == sys::ScriptEnd::How::killed) {
        warn_of_signal(path);
        continue;
      }
      auto supported = end && end->number != not_mine ? parse_capabilities(end->out) : std::nullopt;
      if (!supported) {
        continue;
      }
      report_output(path, end->err);
      for (const auto& [kind, count] :
           {std::pair("Action", supported->unknown_actions), std::pair("Event", supported->unknown_events)}) {
        for (std::size_t i = 0; i < count; ++i) {
          warn(fmt::format("Callout script {} provides unknown {} type", quote_path(path), kind));
        }
      }
      return {path, *std::move(supported)};
    } catch (const Error& error) {
      throw_if_interrupted();
      return {std::nullopt, {}, error};  // cached, so that the timeout is not waited for again
    }
  }
  throw_if_interrupted();  // a script that was killed by the interruption might have answered
  return {};
}

const char* Hooks::word_of_phase(Phase phase) {
  switch (phase) {
    case Phase::get: return "get";
    case Phase::pre: return "pre";
    case Phase::post: return "post";
    case Phase::live: return "live";
    case Phase::notify: break;
  }
  return "notify";
}

// ap-check looks for the definition in mdevctl's directory only: it refuses to define what is there, and to
// modify or undefine what is not.
std::optional<std::string> Hooks::action_for(const std::string& path, const ScriptEvent& event,
                                             const std::string& action) const {
  const bool is_checked = action == word_of(HookAction::define) || action == word_of(HookAction::modify);
  if (!event.own || !is_ap_check(path) || (!is_checked && action != word_of(HookAction::undefine))) {
    return action;
  }
  if (!is_checked) {
    return std::nullopt;
  }
  const bool has_copy =
      static_cast<bool>(root_.status(fmt::format("etc/mdevctl.d/{}/{}", event.parent, event.uuid)));
  return word_of(has_copy ? HookAction::modify : HookAction::define);
}

// Returns nothing if the file cannot be executed.
std::optional<sys::ScriptEnd> Hooks::call(const std::string& path, const Asked& asked,
                                          std::string_view input) {
  const ScriptEvent& about = asked.about;
  // The others run even after an interruption, because they complete what pre() began.
  if (asked.phase != Phase::post && asked.phase != Phase::notify) {
    throw_if_interrupted();
  }
  const bool is_question = asked.phase == Phase::get;
  if (const auto mute = mute_.find(path); is_question && mute != mute_.end()) {
    throw Error(mute->second);
  }
  const std::chrono::milliseconds deadline = is_question ? deadlines_.question : deadlines_.part;
  const char* kind = asked.phase == Phase::notify ? "notifier" : "call-out";
  const std::optional<std::string> action = action_for(path, about, asked.action);
  if (!action) {
    return sys::ScriptEnd{sys::ScriptEnd::How::exited, not_mine, {}, {}};
  }
  require_trusted(path, kind);
  auto ran = sys::run_script({path,
                              {"-t", about.type, "-e", word_of_phase(asked.phase), "-a", *action, "-s",
                               word_of(asked.state), "-u", about.uuid, "-p", about.parent},
                              input,
                              deadline});
  if (!ran && is_no_script(ran.error().number)) {
    return std::nullopt;
  }
  sys::ScriptEnd end = std::move(ran).or_throw("cannot run {} script '{}'", kind, printable(path));
  const bool is_stuck = end.how == sys::ScriptEnd::How::stuck;
  if (end.how == sys::ScriptEnd::How::timed_out || is_stuck) {
    const Error error(
        ExitCode::failed,
        fmt::format("{} script '{}' did not end within {:g} s and {}", kind, printable(path),
                    std::chrono::duration<double>(deadline).count(),
                    is_stuck ? "not after SIGKILL either (blocked in the kernel)" : "was killed"),
        is_ap_check(path) ? std::vector{advice_on_lock()} : std::vector<std::string>{});
    mute_.insert_or_assign(path, error);
    throw Error(error);
  }
  return end;
}

const std::vector<std::string>& Hooks::callouts() {
  return callouts_ ? *callouts_ : callouts_.emplace(find_scripts("callouts"));
}

const std::vector<std::string>& Hooks::notifiers() {
  return notifiers_ ? *notifiers_ : notifiers_.emplace(find_scripts("notifiers"));
}

std::vector<std::string> Hooks::find_scripts(const std::string& kind) const {
  std::vector<std::string> scripts;
  for (const char* place : script_places) {
    add_scripts(place + kind, kind == "callouts", scripts);
  }
  return scripts;
}

void Hooks::add_scripts(const std::string& name, bool sorted, std::vector<std::string>& scripts) const {
  const sys::Result<sys::Dir> directory = root_.open_dir(name);
  const sys::Result<std::vector<sys::Entry>> entries = sys::entries_of(directory);
  if (!entries) {
    if (!sys::is_absence(entries.error().number)) {
      warn(fmt::format("cannot look for scripts in '{}': {}", printable(entries.error().path),
                       sys::errno_text(entries.error().number)));
    }
    return;
  }
  std::vector<std::string> names;
  for (const sys::Entry& entry : *entries) {
    const sys::Result<sys::FileStatus> status = directory->status(entry.name);
    if (status && S_ISREG(status->mode) && (status->mode & any_execution) != 0) {
      names.push_back(entry.name);
    }
  }
  if (sorted) {
    std::sort(names.begin(), names.end());
  }
  for (const std::string& file : names) {
    if (sys::Result<std::string> path = directory->outer_path_of(file)) {
      scripts.push_back(*std::move(path));
    }
  }
}

void Hooks::require_trusted(const std::string& path, const char* kind) {
  const std::optional<sys::Distrust> why = sys::find_untrusted(path);
  if (!why) {
    return;
  }
  if (untrusted_ == UntrustedScripts::refused) {
    throw Error(ExitCode::failed,
                fmt::format("cannot run {} script '{}': {}", kind, printable(path), why->reason()),
                why->remedy());
  }
  if (reported_.insert(path).second) {
    warn(fmt::format("{} script '{}' is not safe: {} (to change this: {})", kind, printable(path),
                     why->reason(), why->remedy()));
  }
}

void Hooks::report_output(const std::string& path, const std::string& text) const {
  if (!text.empty()) {
    sink_(Kind::output, fmt::format("{}: {}", name_of(path), in_characters(text)));
  }
}

void Hooks::warn(const std::string& text) const {
  sink_(Kind::warning, text);
}

void Hooks::warn_of_signal(const std::string& path) const {
  warn(fmt::format("callout script {} was terminated by a signal", quote_path(path)));
}

}  // namespace mdevadm
