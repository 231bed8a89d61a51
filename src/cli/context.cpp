#include "context.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/run/preview.hpp>
#include <mdevadm/run/readable.hpp>
#include <mdevadm/sys/journal.hpp>
#include <mdevadm/util/text.hpp>
#include <utility>

namespace mdevadm::cli {

namespace {

void warn_by_line(const Messages& messages, const std::string& text) {
  for (const std::string_view line : split(trim(text), '\n')) {
    messages.warning(printable(line));
  }
}

std::string seconds_of(std::chrono::milliseconds time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

store::Waiting reporting_to(const Messages& messages) {
  return [&](const std::string& holder, std::chrono::milliseconds patience) {
    messages.waiting(fmt::format("waiting up to {} for {}", seconds_of(patience), holder));
  };
}

std::string wait_text(const Job& job, const StepWait& wait) {
  const std::string time = seconds_of(wait.patience);
  return wait.holders.empty() ? fmt::format("waiting up to {} for the {} of {}", time,
                                            wait.is_for_removal ? "removal" : "release", job.about.quoted())
                              : fmt::format("waiting up to {} for {} to release {}", time,
                                            describe(wait.holders), job.about.quoted());
}

// Returns whether the word is libvirt's name of a channel device, which is not a subchannel.
bool is_device_number(const std::string& word) {
  return word.starts_with("ccw_");
}

}  // namespace

Subject subject_of(const Identity& about, const std::string& group) {
  return {about.uuid ? about.uuid->str() : std::string{}, about.parent, about.type, group};
}

void Messages::write(const std::string& text) const {
  // An unwritable stderr cannot be reported.
  [[maybe_unused]] const ssize_t written = ::write(env_.err, text.data(), text.size());
}

// Writes to stderr if the journal does not accept the entry.
void Messages::tell(Level level, const std::string& prefix, const std::string& text,
                    const Subject& about) const {
  if (env_.err_is_journal) {
    sys::JournalFields fields{{"MESSAGE", text},
                              {"PRIORITY", std::to_string(static_cast<int>(level))},
                              {"SYSLOG_IDENTIFIER", "mdevadm"}};
    for (const auto& [name, value] :
         {std::pair("MDEV_UUID", &about.uuid), std::pair("PARENT", &about.parent),
          std::pair("MDEV_TYPE", &about.type), std::pair("MDEV_GROUP", &about.group)}) {
      if (!value->empty()) {
        fields.emplace_back(name, *value);
      }
    }
    if (sys::send_to_journal(fields)) {
      return;
    }
  }
  write(fmt::format("mdevadm: {}{}\n", prefix, text));
}

void Messages::write_json(const char* kind, render::Record content, const std::string& uuid) const {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? render::Value() : render::Value(text);
  };
  write(render::render_json_line({{"version", render::format_version},
                                  {"command", or_null(command_)},
                                  {"uuid", or_null(uuid)},
                                  {kind, render::Object{std::move(content)}}}));
}

Error Messages::advised(const Error& error) const {
  if ((error.number() != EACCES && error.number() != EPERM) || ::geteuid() == 0 || words_.empty()) {
    return error;
  }
  std::string line = "sudo mdevadm";
  for (const std::string& word : words_) {
    line += " " + shell_word(word);
  }
  return error.with_hint("this needs root: " + line);
}

void Messages::error(const Error& cause, const Subject& about) const {
  const Error error = advised(cause);
  if (json_) {
    write_json("error",
               {{"code", static_cast<std::uint64_t>(error.code())},
                {"message", std::string(error.what())},
                {"hints", render::Texts{error.hints()}}},
               about.uuid);
    return;
  }
  std::string text = error.what();
  for (const std::string& hint : error.hints()) {
    text += "\nhint: " + hint;
  }
  tell(Level::error, "error: ", text, about);
}

void Messages::warning(const std::string& text, const Subject& about) const {
  if (json_) {
    const std::lock_guard lock(mutex_);
    warnings_.push_back(text);
  } else if (!quiet_) {
    tell(Level::warning, "warning: ", text, about);
  }
}

void Messages::note(const std::string& text, const Subject& about) const {
  if (json_) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(text);
  } else if (!quiet_) {
    tell(Level::info, "", text, about);
  }
}

std::vector<std::string> Messages::take_notes() const {
  return std::exchange(notes_, {});
}

std::vector<std::string> Messages::take_warnings() const {
  return std::exchange(warnings_, {});
}

void Messages::print_collected() const {
  for (const std::string& text : take_warnings()) {
    write_json("warning", {{"message", text}}, {});
  }
}

void Messages::waiting(const std::string& text, const Subject& about) const {
  if (speaks_to_person()) {
    tell(Level::info, "", text, about);
  }
}

void Messages::line_in_place(const std::string& text) const {
  if (speaks_to_person() && on_terminal()) {
    // A longer line would wrap, and the next one would replace only its last part.
    const std::string line = shortened(text, env_.err_width - 1);
    write("\r\x1b[K" + (env_.ascii ? in_ascii(line) : line));
  }
}

GroupProgress::GroupProgress(const Messages& messages, const Plan& plan) : messages_(messages) {
  for (const Job& job : plan.jobs) {
    steps_ += job.steps.size();
    jobs_ += job.steps.empty() ? 0U : 1U;
  }
}

GroupProgress::~GroupProgress() {
  messages_.line_in_place({});
}

namespace {

// Returns the step, with the name of its device in place of the UUID, which would fill most of a line.
std::string short_step(const Job& job, const Action& action) {
  std::string text = describe(action);
  const std::string uuid = job.about.uuid ? job.about.uuid->str() : std::string{};
  const std::size_t start = uuid.empty() ? std::string::npos : text.find(uuid);
  return start == std::string::npos ? fmt::format("{}: {}", job.about.word(), text)
                                    : text.replace(start, uuid.size(), job.about.word());
}

}  // namespace

void GroupProgress::done(const Job& job, const Action& action) {
  ++steps_done_;
  const bool job_ends = &action == &job.steps.back().action;
  jobs_done_ += job_ends ? 1U : 0U;
  if (messages_.on_terminal()) {
    messages_.line_in_place(fmt::format("[{}/{}] {}", steps_done_, steps_, short_step(job, action)));
  } else if (job_ends) {
    messages_.note(fmt::format("{}: done ({} of {})", job.goal, jobs_done_, jobs_));
  }
}

void GroupProgress::undone(const Job& job, const Action& action) {
  messages_.line_in_place("rolling back: " + short_step(job, action));
}

void GroupProgress::waiting(const Job& job, const StepWait& wait) {
  messages_.line_in_place({});
  messages_.waiting(wait_text(job, wait));
}

void VerboseProgress::waiting(const Job& job, const StepWait& wait) {
  context_.messages().waiting(wait_text(job, wait));
}

void VerboseProgress::done(const Job& job, const Action& action) {
  report(job, "", action);
}

void VerboseProgress::undone(const Job& job, const Action& action) {
  report(job, "roll back: ", action);
}

void VerboseProgress::report(const Job& job, const char* prefix, const Action& action) const {
  const bool verbose = context_.globals().verbose;
  const auto seen = verbose ? preview(action, {context_.host(), context_.store()}) : std::nullopt;
  if (!seen) {
    return;
  }
  context_.messages().note(fmt::format("{}: {}{}: done", job.goal, prefix, seen->text));
  const std::vector<std::string> lines = lines_of(*seen);
  for (auto line = lines.begin() + 1; line != lines.end(); ++line) {
    context_.messages().note(*line);
  }
}

Context::Context(const Env& env, const Globals& globals, Messages& messages)
    : env_(env),
      globals_(globals),
      messages_(messages),
      root_(sys::Dir::open_root(globals.root)
                .or_throw("cannot use '{}' as the root directory", printable(globals.root))),
      host_(root_),
      store_(root_),
      hooks_(root_, [&messages](Hooks::Kind, const std::string& text) { warn_by_line(messages, text); }) {}

void Context::flush() {
  constexpr std::size_t enough = std::size_t{64} << 10;
  if (out.size() >= enough && write_results) {
    write_results(out);
    out.clear();
  }
}

Snapshot Context::observe(Scope what) const {
  what.addresses.insert(what.addresses.end(), addresses_.begin(), addresses_.end());
  return observe_host({host_, store_}, std::move(what));
}

Snapshot Context::observe_settings(Scope what, const Definitions& defined, const Groups& groups) const {
  return with_settings([this](Scope scope) { return observe(std::move(scope)); }, std::move(what), defined,
                       groups);
}

Snapshot Context::observe_readable(Scope what, const Definitions& defined, const Groups& groups,
                                   std::vector<std::string>& unread) const {
  const auto read = [&](Scope scope) {
    scope.addresses.insert(scope.addresses.end(), addresses_.begin(), addresses_.end());
    return observe_readable_host({host_, store_}, root_, std::move(scope), unread);
  };
  return with_settings(read, std::move(what), defined, groups);
}

Snapshot Context::with_settings(const std::function<Snapshot(Scope)>& read, Scope what,
                                const Definitions& defined, const Groups& groups) const {
  std::vector<Compared> wanted;
  for (const Definition& definition : defined.all) {
    Boxed<NodePolicy> node = node_policy_of(definition, groups.of(definition));
    what.facets |= facets_to_compare(definition, node);
    if (node || !definition.attributes.empty()) {
      wanted.push_back({&definition, std::move(node)});
    }
  }
  Snapshot seen = read(std::move(what));
  observe_settings_of(seen, wanted);
  for (const Device& device : seen.devices) {
    const Definition* definition =
        device.queues_unreadable ? defined.find(device.uuid, device.parent) : nullptr;
    if (definition != nullptr) {
      messages_.warning(
          fmt::format("{}: the adapters and domains of the active device cannot be read completely, so it is "
                      "unknown whether it differs from its definition",
                      identity_of(*definition).quoted()),
          {.uuid = device.uuid.str()});
    }
  }
  return seen;
}

void Context::observe_settings_of(Snapshot& seen, const std::vector<Compared>& wanted) const {
  mdevadm::observe_settings_of({host_, store_}, seen, wanted);
}

Snapshot Context::observe_users(const std::vector<Uuid>& devices,
                                const std::vector<ParentName>& parents) const {
  Snapshot seen = mdevadm::observe_users({host_, store_}, devices, parents);
  warn_of_unseen(seen);
  return seen;
}

std::vector<sys::FileLock> Context::lock_parents(const std::vector<ParentName>& parents,
                                                 std::chrono::seconds limit) {
  return store_.lock_parents(parents, reporting_to(messages_), limit);
}

sys::FileLock Context::lock_claims() {
  return store_.lock_claims(reporting_to(messages_));
}

sys::FileLock Context::lock_definitions() {
  return store_.lock(reporting_to(messages_));
}

void Context::require_no_vf(const std::string& verb) const {
  if (vf_as_parent_) {
    throw Error(
        ExitCode::usage,
        fmt::format("cannot {} devices: {} is a virtual function, not a parent", verb, vf_as_parent_->str()),
        fmt::format("specify the device on the virtual function: mdevadm {} {}", verb, vf_as_parent_->str()));
  }
}

void Context::exclude_reserved_functions(Snapshot& seen, FileProblems problems) {
  const AllParentSettings settings = parent_settings_if_readable();
  for (Parent& parent : seen.parents) {
    const FileProblem* broken = parent.functions.empty() ? nullptr : settings.find_broken(parent.name);
    if (problems == FileProblems::reported && broken != nullptr) {
      messages_.warning(broken->str() + "; virtual functions that it reserves are counted as available");
    }
    if (const ParentSettings* own = settings.find(parent.name)) {
      exclude_reserved(parent, own->reserved);
    }
  }
}

std::string Context::parent_name(const std::string& word) {
  if (const std::string name = kernel_spelling(word); is_pci_address(name)) {
    const auto parsed = ParentName::parse(name);
    const auto gpu = parsed ? host_.gpu_of(*parsed) : std::nullopt;
    vf_as_parent_ = gpu ? FunctionName::parse(name) : std::nullopt;
    return gpu ? gpu->str() : name;
  }
  const std::vector<std::string> registered = observe({Facet::parents, {}, {}}).parent_names();
  if (std::find(registered.begin(), registered.end(), word) != registered.end()) {
    return word;
  }
  std::set<std::string> known(registered.begin(), registered.end());
  const Definitions defined = load_definitions({host_, store_});
  for (const Definition& definition : defined.all) {
    known.insert(definition.parent.str());
  }
  const std::string name = resolve_parent(word, {known.begin(), known.end()});
  const bool is_number = is_device_number(word);
  return known.contains(name) && !is_number ? name : device_name(is_number ? word : name);
}

std::string Context::parent_argument(const std::string& word) {
  std::string name = parent_name(word);
  addresses_.push_back(name);
  const std::vector<std::string> meant = possible_pci_addresses(word);
  addresses_.insert(addresses_.end(), meant.begin(), meant.end());
  const auto other = bare_channel_address(word) == name ? other_subchannel(word) : std::nullopt;
  if (other) {
    messages_.note(
        fmt::format("{0} is taken as the name of a subchannel, not as the device number of "
                    "subchannel {1}; if that is meant, give {1}",
                    name, *other));
  }
  return name;
}

std::optional<std::string> Context::other_subchannel(const std::string& word) const {
  const auto name = bare_channel_address(word);
  const auto other = name && host_.has_subchannel(*name) ? host_.subchannel_of(*name) : std::nullopt;
  return other != name ? other : std::nullopt;
}

std::string Context::device_name(const std::string& word) const {
  const std::string name = kernel_spelling(word);
  // lscss and users abbreviate 0.0.0313 to 0313.
  const std::string number = "0.0." + to_lower(name);
  const std::string full = is_channel_address(number) ? number : name;
  if (!is_channel_address(full) || (host_.has_subchannel(full) && !is_device_number(word))) {
    return host_.has_subchannel(full) ? full : name;
  }
  // Subchannels and device numbers look alike: without a channel device of this number, the subchannel of the
  // same name is another device.
  return host_.subchannel_of(full).value_or(is_device_number(word) ? word : name);
}

// `Loaded`: Definitions or Groups; `kind`: "definition" or "group".
template <typename Loaded>
Loaded Context::with_warnings(Loaded loaded, FileProblems problems, const char* kind) {
  const std::size_t count = loaded.broken.size() + loaded.problems.size();
  if (problems == FileProblems::summarized && count > 0) {
    messages_.warning(
        count == 1 ? fmt::format("1 {} file has a problem; for details: mdevadm status", kind)
                   : fmt::format("{} {} files have problems; for details: mdevadm status", count, kind));
  }
  if (problems == FileProblems::reported) {
    for (const FileProblem& problem : loaded.broken) {
      const std::string remedy =
          problem.remedy.empty() ? "" : fmt::format(" (to use it: {})", problem.remedy);
      messages_.warning(fmt::format("{}; skipping this {}{}", problem.str(), kind, remedy));
    }
    for (const FileProblem& problem : loaded.problems) {
      messages_.warning(problem.str());
    }
  }
  return loaded;
}

Definitions Context::definitions(FileProblems problems) {
  return with_warnings(load_definitions({host_, store_}), problems, "definition");
}

Definitions Context::definitions_if_readable(FileProblems problems) {
  try {
    return definitions(problems);
  } catch (const Error& error) {
    messages_.warning(fmt::format("{}; showing active devices only", error.what()));
    return {};
  }
}

Groups Context::groups(FileProblems problems) {
  return with_warnings(store_.load_groups(), problems, "group");
}

Groups Context::groups_if_readable(FileProblems problems) {
  try {
    return groups(problems);
  } catch (const Error& error) {
    messages_.warning(fmt::format("{}; showing devices without their groups", error.what()));
    return {};
  }
}

AllParentSettings Context::parent_settings(FileProblems problems) {
  return with_warnings(store_.load_parent_settings(), problems, "parent");
}

AllParentSettings Context::parent_settings_if_readable(FileProblems problems) {
  try {
    return parent_settings(problems);
  } catch (const Error& error) {
    messages_.warning(fmt::format("{}; continuing without them", error.what()));
    return {};
  }
}

void Context::warn_about_file(const Definitions& defined, const Definition& definition) {
  const std::string path = store_.path_of(definition);
  const std::string path_of_mdevctl = store_.path_of(StoredConfig{definition.uuid, definition.parent, {}});
  for (const FileProblem& problem : defined.problems) {
    if (problem.path == path || problem.path == path_of_mdevctl) {
      messages_.warning(problem.str());
    }
  }
}

void Context::warn_about_unusable(const Definitions& defined, const Device& device) const {
  if (const FileProblem* broken = broken_definition(defined, device.uuid, device.parent)) {
    messages_.warning(fmt::format("cannot use the definition of '{}': {}; fix or remove the file",
                                  device.uuid.str(), broken->str()),
                      {.uuid = device.uuid.str()});
  }
}

void Context::warn_of_unseen(const Snapshot& seen) const {
  if (seen.unseen_processes > 0) {
    messages_.warning(fmt::format("cannot inspect {} processes (not root?); the device may be in use",
                                  seen.unseen_processes));
  }
}

void Context::note_missing_support(const Snapshot& seen, bool no_parents) {
  if (!seen.mdev_support || no_parents) {
    messages_.note(
        "no mediated device support found: no parent device is registered; to find the reason: mdevadm "
        "check");
  }
}

}  // namespace mdevadm::cli
