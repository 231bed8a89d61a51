#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/render/events.hpp>
#include <mdevadm/run/interrupted.hpp>
#include <mdevadm/run/monitor.hpp>
#include <mdevadm/util/text.hpp>

#include "../event_writer.hpp"
#include "../guests.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// Which events are printed.
struct EventFilter {
  std::vector<Uuid> devices{};
  std::vector<std::string> patterns{};
  std::string parent{};
  std::optional<FunctionName> function{};  // given in place of the parent
  std::string type{};
  std::string group{};

  bool selects_devices() const { return !devices.empty() || !patterns.empty(); }
};

// Prints warnings, but does not wait for the reader of stderr: they are printed once it reads again.
class Warnings {
 public:
  explicit Warnings(Context& context) : context_(context) {}

  void add(const std::string& text) {
    if (waiting_.size() < most_waiting) {
      waiting_.push_back(text);
    }
    print();
  }

  void print() {
    while (!waiting_.empty() && is_ready()) {
      context_.messages().warning(waiting_.front());
      context_.messages().print_collected();
      waiting_.pop_front();
    }
  }

 private:
  static constexpr std::size_t most_waiting = 100;

  // A pipe that is ready takes a page at least, and a warning is shorter.
  bool is_ready() const {
    pollfd ready{.fd = context_.env().err, .events = POLLOUT, .revents = 0};
    return ::poll(&ready, 1, 0) > 0;
  }

  Context& context_;
  std::deque<std::string> waiting_{};
};

// Selects events by type. The types of parents that appear later are read then.
class EventTypes {
 public:
  EventTypes(Context& context, std::string word) : context_(context), word_(std::move(word)) { observe(); }

  // To be called with each event: a parent that registers itself may have other types than before.
  void note(const WatchEvent& event) {
    if (event.kind == WatchKind::parent_registered) {
      known_.erase(*event.parent);
    }
  }

  // An event of a device of unknown type is not left out.
  bool matches(const WatchEvent& event) {
    if (word_.empty() || !event.type) {
      return word_.empty() || event.uuid;
    }
    if (!known_.contains(*event.parent)) {
      try {
        observe();
        known_.insert(*event.parent);
      } catch (const Error&) {
        return true;  // the names of types are unknown at this moment
      }
    }
    return TypeFilter(seen_, word_).matches(*event.parent, *event.type);
  }

 private:
  void observe() {
    if (!word_.empty()) {
      seen_ = context_.observe({Facet::types | Facet::type_name, std::nullopt, std::nullopt});
      for (const Parent& parent : seen_.parents) {
        known_.insert(parent.name);
      }
    }
  }

  Context& context_;
  std::string word_;
  Snapshot seen_{};
  std::set<ParentName> known_{};  // whose types have been read, or that did not exist then
};

// Prints events. If they are not read, a limited number waits; then all are dropped until those that wait
// have been read, and the differences to the state at the time are printed instead.
class EventPrinter final : public MonitorReader {
 public:
  struct Options {
    EventFilter filter;
    std::vector<Condition> conditions;
    bool json;
    bool initial;
  };

  EventPrinter(Context& context, Options options, Warnings& warnings)
      : host_(context.host()),
        options_(std::move(options)),
        types_(context, options_.filter.type),
        writer_(context.env().out),
        warnings_(warnings) {}

  void begin(const Watched& state) override {
    if (options_.initial) {
      WatchEvents events = watch_differences({}, state);
      for (WatchEvent& event : events) {
        event.initial = true;
      }
      add(events);
      add({{.kind = WatchKind::ready}});
    }
    is_gone_ = !writer_.flush();
    note_state(state);
  }

  void take(const WatchEvents& events, const Watched& state) override {
    find_functions();
    have_held_ = have_held_ || held_during(options_.conditions, before_, events);
    note_state(state);
    const std::string lines = lines_of(events);
    // A batch that is too large alone is limited by the number of devices on the host.
    if (last_sent_ && (is_dropping_ || writer_.waiting() + lines.size() > most_waiting)) {
      is_dropping_ = true;
      dropped_ += static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
    } else {
      writer_.add(lines);
      is_gone_ = !writer_.flush();
      last_sent_ = writer_.waiting() > most_waiting / 4 ? std::optional(state) : std::nullopt;
    }
    resume(state);
  }

  bool is_done(const Watched& state) override {
    warnings_.print();
    find_functions();
    const std::vector<Condition>& all = options_.conditions;
    unmet_ =
        std::find_if_not(all.begin(), all.end(), [&](const Condition& one) { return holds(one, state); }) -
        all.begin();
    return (!all.empty() && (have_held_ || static_cast<std::size_t>(unmet_) == all.size())) || is_gone_;
  }

  pollfd interest() const override { return writer_.interest(); }

  bool serve(const pollfd& ready, const Watched& state) override {
    is_gone_ = is_gone_ || (ready.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 || !writer_.flush();
    resume(state);
    return !is_gone_;
  }

  // Returns whether the output can no longer be written.
  bool is_gone() const { return is_gone_; }
  // Return the first condition that does not hold.
  std::size_t unmet_index() const { return static_cast<std::size_t>(unmet_); }
  const Condition& unmet() const { return options_.conditions.at(unmet_index()); }
  // Waits a short time for the reader, at the end. Returns whether it has read everything.
  bool finish() {
    const bool done = writer_.finish(std::chrono::seconds(5));
    is_gone_ = !writer_.flush();
    return done;
  }

 private:
  static constexpr std::size_t most_waiting = std::size_t{1} << 20U;

  // Stores what conditions are about.
  void note_state(const Watched& state) {
    if (!options_.conditions.empty()) {
      before_.parents = state.parents;
      before_.devices = state.devices;
      before_.unseen_processes = state.unseen_processes;
    }
  }

  // A function that cannot be read is looked up again in the next round.
  std::optional<ParentName> gpu_of(const ParentName& function) const {
    try {
      return host_.gpu_of(function);
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  // Replaces a virtual function that has appeared since the start by its GPU, which is the parent.
  void find_functions() {
    EventFilter& filter = options_.filter;
    const auto named = filter.function ? std::nullopt : ParentName::parse(filter.parent);
    if (const auto gpu = named ? gpu_of(*named) : std::nullopt) {
      filter.function = FunctionName::parse(filter.parent);
      filter.parent = gpu->str();
    }
    for (Condition& one : options_.conditions) {
      if (const auto gpu = one.parent ? gpu_of(*one.parent) : std::nullopt) {
        one.parent = gpu;
      }
    }
  }

  // Events of all, and those of devices and definitions that the filter selects.
  bool is_wanted(const WatchEvent& event) {
    const EventFilter& filter = options_.filter;
    if (event.kind == WatchKind::ready || event.kind == WatchKind::events_lost ||
        event.kind == WatchKind::events_dropped) {
      return true;
    }
    if (!filter.group.empty() && event.group != filter.group) {
      return false;
    }
    if (!filter.parent.empty() && (!event.parent || event.parent->str() != filter.parent)) {
      return false;
    }
    if (filter.function && event.uuid && event.vf != filter.function->str()) {
      return false;
    }
    return (!filter.selects_devices() || (event.uuid && is_selected(event))) && types_.matches(event);
  }

  bool is_selected(const WatchEvent& event) const {
    const EventFilter& filter = options_.filter;
    return std::find(filter.devices.begin(), filter.devices.end(), *event.uuid) != filter.devices.end() ||
           std::any_of(filter.patterns.begin(), filter.patterns.end(), [&](const std::string& pattern) {
             return (!event.name.empty() && matches_pattern(event.name, pattern)) ||
                    matches_pattern(event.uuid->str(), to_lower(pattern));
           });
  }

  std::string lines_of(const WatchEvents& events) {
    std::string lines;
    for (const WatchEvent& event : events) {
      types_.note(event);
      if (is_wanted(event)) {
        lines += options_.json ? render::render_event_json(event) : render::render_event(event);
      }
    }
    return lines;
  }

  // Adds events that have no time yet.
  void add(WatchEvents events) {
    for (WatchEvent& event : events) {
      event.time = std::chrono::system_clock::now();
    }
    writer_.add(lines_of(events));
  }

  // Continues after events were dropped, once those before have been read.
  void resume(const Watched& state) {
    if (is_dropping_ && writer_.waiting() == 0 && !is_gone_) {
      add({{.kind = WatchKind::events_dropped, .count = dropped_}});
      add(watch_differences(*std::exchange(last_sent_, std::nullopt), state));
      is_dropping_ = false;
      dropped_ = 0;
      is_gone_ = !writer_.flush();
    }
  }

  const Host& host_;
  Options options_;
  EventTypes types_;
  EventWriter writer_;
  Warnings& warnings_;
  bool is_gone_ = false;
  bool is_dropping_ = false;
  std::size_t dropped_ = 0;
  std::optional<Watched> last_sent_{};  // the state after the last event that was not dropped
  std::ptrdiff_t unmet_ = 0;
  bool have_held_ = false;  // the conditions, at a moment between two states
  Watched before_{};        // parents and devices before the next events, for the conditions
};

class MonitorCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", words_,
                             "print only events of these devices (names, UUIDs or patterns)"),
              ValueKind::device);
    kinds.set(app.add_option("-p,--parent", parent_, "print only events of this parent and its devices"),
              ValueKind::parent);
    kinds.set(app.add_option("-t,--type", type_, "print only events of devices of this type"),
              ValueKind::type);
    kinds.set(app.add_option("-g,--group", group_, "print only events of this group and its devices"),
              ValueKind::group);
    app.add_flag("--initial", initial_, "print the present state as events first");
    auto* until = kinds.set(app.add_option("--until", until_, "end when CONDITION holds, e.g. active=DEVICE"),
                            ValueKind::condition);
    kinds
        .set(app.add_option("--timeout", timeout_,
                            "with --until: end with exit status 9 after SECONDS (default: no limit)"),
             ValueKind::seconds)
        ->needs(until);
    app.add_flag("--json", json_, "print each event as a JSON object");
  }

  bool json() const override { return json_; }

  ExitCode run(Context& context) override {
    if (context.globals().root != "/") {
      throw Error(ExitCode::usage,
                  fmt::format("cannot monitor '{}': the kernel reports only events of the running system",
                              printable(context.globals().root)));
    }
    const Definitions defined = context.definitions_if_readable();
    const Groups groups = context.groups_if_readable();
    const Facet of_types = type_.empty() ? Facet::none : Facet::types | Facet::type_name;
    const Snapshot seen =
        context.observe({Facet::parents | Facet::devices | of_types, std::nullopt, std::nullopt});
    warn_of_unknown_type(context, seen, defined);
    if (!parent_.empty()) {
      warn_of_unknown_parent(context, parent_, "no events before its driver registers it", {seen, defined});
    }
    EventPrinter::Options options{filter(context, seen, defined, groups), {}, json_, initial_};
    for (const std::string& text : until_) {
      options.conditions.push_back(condition(context, text, {{seen, defined}, groups}));
      hints_.push_back(hint(options.conditions.back(), defined, groups));
    }
    Warnings warnings(context);
    EventPrinter printer(context, std::move(options), warnings);
    const auto warn = [&](const std::string& text) { warnings.add(text); };
    const auto timeout = timeout_.empty() ? std::nullopt : std::optional(parse_seconds(timeout_));
    const MonitorEnd end = monitor_host({context.host(), context.store()}, printer, timeout, warn);
    if (!printer.is_gone() && !printer.finish() && !printer.is_gone()) {
      throw Error(ExitCode::failed, "cannot write all events: the output was not read in time");
    }
    return result(end, printer);
  }

 private:
  struct KnownDevices {
    const Snapshot& seen;
    const Definitions& defined;
  };

  struct Known : KnownDevices {
    const Groups& groups;
  };

  EventFilter filter(Context& context, const Snapshot& seen, const Definitions& defined,
                     const Groups& groups) const {
    EventFilter result{.parent = parent_,
                       .function = parent_.empty() ? std::nullopt : context.vf_as_parent(),
                       .type = type_,
                       .group = group_};
    if (!group_.empty()) {
      std::ignore = require_group(groups, group_,
                                  fmt::format("cannot monitor devices of group '{}'", printable(group_)));
    }
    for (const std::string& word : words_) {
      if (selects_many(word, defined)) {
        result.patterns.push_back(word);
      } else {
        result.devices.push_back(device(word, seen, defined));
      }
    }
    return result;
  }

  // A type that no parent has may be one of a driver that is not loaded yet, or misspelled.
  void warn_of_unknown_type(Context& context, const Snapshot& seen, const Definitions& defined) const {
    if (type_.empty()) {
      return;
    }
    try {
      TypeFilter(seen, type_).require_known(defined, "no events before a parent offers it");
    } catch (const Error& error) {
      context.messages().warning(error.what());
    }
  }

  // A name that is neither that of a parent nor of a device of the host, which may become one, may be
  // misspelled.
  static void warn_of_unknown_parent(Context& context, const std::string& name, const std::string& doing,
                                     const KnownDevices& known) {
    if (!context.host().observe_address(name).empty()) {
      return;
    }
    try {
      require_known_parent(known.seen, known.defined, name, doing);
    } catch (const Error& error) {
      context.messages().warning(error.what());
    }
  }

  // A device that is given by its whole UUID need not exist.
  static Uuid device(const std::string& word, const Snapshot& seen, const Definitions& defined) {
    const std::optional<Uuid> uuid = Uuid::parse(word);
    return uuid ? *uuid
                : resolve_device(word, seen, defined, std::nullopt,
                                 fmt::format("cannot monitor '{}'", printable(word)))
                      .uuid;
  }

  static Condition condition(Context& context, const std::string& text, const Known& known) {
    Condition condition = *Condition::parse(text);
    const std::string doing = fmt::format("cannot wait for '{}'", printable(text));
    if (condition.concerns_parent()) {
      condition.parent = ParentName::parse(context.parent_name(condition.object));
      if (!condition.parent) {
        throw Error(ExitCode::usage, fmt::format("{}: invalid parent", doing));
      }
      const bool is_present = condition.state == Condition::State::present;
      warn_of_unknown_parent(
          context, condition.parent->str(),
          fmt::format("'{}' {}", printable(text),
                      is_present ? "does not hold before its driver registers it" : "holds"),
          known);
      return condition;
    }
    const Group* group = group_meant_by(condition.object, known.groups, known.defined, doing);
    if (group == nullptr) {
      const std::string& word = condition.object;
      const std::optional<Uuid> uuid = Uuid::parse(word);
      condition.devices.push_back(uuid
                                      ? *uuid
                                      : resolve_no_group(word, known.seen, known.defined,
                                                         fmt::format("cannot wait for '{}'", printable(word)))
                                            .uuid);
    } else {
      for (const Member& member : group->members) {
        condition.devices.push_back(member.uuid);
      }
      if (condition.devices.empty()) {
        throw Error(ExitCode::conflict, fmt::format("{}: the group has no members", doing));
      }
    }
    const bool needs_all = condition.state == Condition::State::unused;
    if (const std::size_t unseen = needs_all ? context.host().unseen_processes() : 0; unseen > 0) {
      throw Error(ExitCode::failed, fmt::format("{}: {} processes cannot be inspected", doing, unseen))
          .caused_by(EACCES);
    }
    return condition;
  }

  // Returns what helps if the condition does not hold.
  static std::string hint(const Condition& condition, const Definitions& defined, const Groups& groups) {
    const std::string object = shell_word(condition.object);
    const bool is_group = groups.find(condition.object) != nullptr;
    switch (condition.state) {
      case Condition::State::present: return "list the parents that are registered: mdevadm types";
      case Condition::State::active:
        return is_group ? fmt::format("start the group: mdevadm group start {}", object)
               : !defined.find(condition.devices.front()).empty()
                   ? fmt::format("start the device: mdevadm start {}", object)
                   : std::string{};
      case Condition::State::unused:
        return is_group
                   ? fmt::format("list the processes: mdevadm list --group {} -o name,uuid,held_by", object)
                   : fmt::format("list the processes: mdevadm list {} -o name,uuid,held_by", object);
      default: return {};
    }
  }

  ExitCode result(MonitorEnd end, const EventPrinter& printer) const {
    if (printer.is_gone() || end == MonitorEnd::undeliverable) {
      return ExitCode::failed;
    }
    if (end == MonitorEnd::timed_out) {
      const Condition& unmet = printer.unmet();
      const std::size_t at = static_cast<std::size_t>(unmet.state);
      throw Error(ExitCode::differs,
                  fmt::format("condition '{}={}' did not hold within {}{}", condition_words()[at],
                              printable(unmet.object), timeout_,
                              timeout_.back() >= '0' && timeout_.back() <= '9' ? " s" : ""),
                  hints_.at(printer.unmet_index()));
    }
    throw_if_interrupted();
    return ExitCode::done;
  }

  std::vector<std::string> words_;
  std::string parent_;
  std::string type_;
  std::string group_;
  std::vector<std::string> until_;
  std::string timeout_;
  std::vector<std::string> hints_{};  // of the conditions
  bool initial_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_monitor() {
  return std::make_unique<MonitorCommand>();
}

}  // namespace mdevadm::cli
