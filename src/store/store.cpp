#include <mdevadm/store/store.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <tuple>

#include <mdevadm/store/definition_file.hpp>
#include <mdevadm/store/definition_text.hpp>
#include <mdevadm/sys/atomic_file.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/sys/trust.hpp>
#include <mdevadm/util/sort.hpp>
#include <mdevadm/util/text.hpp>

#include "files.hpp"

namespace mdevadm::store {

namespace {

constexpr const char* definitions_lock = "definitions.lock";
constexpr std::chrono::seconds lock_patience{10};
constexpr std::chrono::milliseconds lock_slice{50};   // between two looks at the holder of a lock
constexpr std::chrono::milliseconds short_wait{500};  // a wait up to this long is not reported

std::string directory_name(const ParentName& parent) {
  return fmt::format("{}/{}", devices_directory, parent.str());
}

using DeviceKey = std::pair<ParentName, Uuid>;

// Returns the position of each definition under the parents that mdevctl could name: VFs are parents to it.
std::map<DeviceKey, std::size_t> positions_of(const std::vector<Definition>& all) {
  std::map<DeviceKey, std::size_t> positions;
  for (std::size_t i = 0; i < all.size(); ++i) {
    positions.emplace(DeviceKey(all[i].parent, all[i].uuid), i);
    if (const FunctionName* vf = all[i].reserved_vf()) {
      positions.emplace(DeviceKey(*ParentName::parse(vf->str()), all[i].uuid), i);
    }
  }
  return positions;
}

// Adds mdevctl's definitions; if both stores define a device, mdevadm's definition wins.
void add_configs(const KeptConfigs& configs, const Store& store, Definitions& into) {
  const std::map<DeviceKey, std::size_t> taken =
      configs.all.empty() ? std::map<DeviceKey, std::size_t>{} : positions_of(into.all);
  for (const StoredConfig& stored : configs.all) {
    ConfigReading reading = definition_of(stored);
    if (!reading.definition) {
      into.broken.push_back({store.path_of(stored), 0, 0, reading.refusal});
    } else if (const auto ours = taken.find({stored.parent, stored.uuid}); ours != taken.end()) {
      const Definition& used = into.all[ours->second];
      if (config_of(used) != stored.config) {
        into.problems.push_back(
            {store.path_of(stored),
             0,
             0,
             fmt::format("differs from '{}', which takes precedence", store.path_of(used)),
             {},
             fmt::format("write mdevctl's copy again: mdevadm export mdevctl {} --force",
                         shell_word(used.name ? used.name->str() : used.uuid.str()))});
      }
    } else {
      into.all.push_back(*std::move(reading.definition));
    }
  }
  for (const BrokenConfig& broken : configs.broken) {
    into.broken.push_back(broken.problem);
  }
  for (const FileProblem& directory : configs.unread) {
    into.problems.push_back({directory.path, 0, 0, "cannot read the directory: " + directory.message});
  }
  for (const auto* problems : {&configs.problems, &configs.links}) {
    into.problems.insert(into.problems.end(), problems->begin(), problems->end());
  }
}

// Hand-written files can contain the same name twice; commands refuse it then.
void note_repeated_labels(Definitions& definitions, const Store& store) {
  std::map<Label, const Definition*> owners;
  for (const Definition& definition : definitions.all) {
    if (!definition.name) {
      continue;
    }
    const auto [owner, is_new] = owners.emplace(*definition.name, &definition);
    if (!is_new) {
      definitions.problems.push_back(
          {store.path_of(definition),
           0,
           0,
           fmt::format("duplicate name '{}': also the name of {} under {}; commands refuse the name",
                       definition.name->str(), owner->second->uuid.str(), owner->second->parent.str()),
           {},
           fmt::format("give the definition another name: mdevadm modify {} --name NAME",
                       definition.uuid.str())});
    }
  }
}

// In the runtime directory, other users could forge locks, records and claims.
void require_trusted(const sys::Dir& runtime, const std::string& doing) {
  if (const std::optional<sys::Distrust> why = sys::find_untrusted_directory(runtime)) {
    throw Error(ExitCode::failed, fmt::format("{}: {}", doing, why->reason()), why->remedy());
  }
}

// Returns why a directory with the state of the host cannot be used.
std::optional<FileProblem> problem_of_state(const sys::Dir& root) {
  for (const char* name : state_directories) {
    const sys::Result<sys::Dir> directory = root.open_dir(name);
    if (!directory && directory.error().number == ENOENT && !dangling_link(root, name)) {
      continue;  // is created when it is needed
    }
    const sys::Result<sys::Done> writable =
        directory ? directory->require_writable() : sys::Result<sys::Done>(directory.error());
    if (!writable) {
      const std::string path = root.path_of(name);
      return FileProblem{
          path, 0,
          0,    fmt::format("cannot write to '{}': {}", path, sys::errno_text(writable.error().number)),
          {},   "show it: ls -ld " + path};
    }
    if (const std::optional<sys::Distrust> why = sys::find_untrusted_directory(*directory)) {
      return FileProblem{root.path_of(name), 0, 0, why->reason(), {}, why->remedy()};
    }
  }
  return std::nullopt;
}

struct Wait {
  const std::string& doing;
  const std::string& object;  // what is locked
  std::chrono::seconds patience;
  const Waiting& waiting;
};

std::string holder_text(const sys::LockHolder& holder) {
  return holder.pid == 0 ? "another process"
                         : fmt::format("{} (pid {})", printable(holder.command), holder.pid);
}

// Another process holds the lock.
class TimedOut final : public Error {
 public:
  using Error::Error;
};

// `first` had the lock when the wait began, `last` when it ended.
[[noreturn]] void throw_timed_out(const Wait& wait, const sys::LockHolder& first,
                                  const sys::LockHolder& last) {
  if (first.pid == last.pid) {
    throw TimedOut(ExitCode::failed,
                   fmt::format("{}: timed out: {} has held the lock for {} s", wait.doing, holder_text(last),
                               wait.patience.count()),
                   "wait for that process to end, or stop it");
  }
  throw TimedOut(ExitCode::failed,
                 fmt::format("{}: timed out: several processes have held the lock for {} s, the last is {}",
                             wait.doing, wait.patience.count(), holder_text(last)),
                 "run the command again");
}

void report_wait(const Wait& wait, const sys::LockHolder& holder) {
  wait.waiting(fmt::format("{} to release the lock of {}", holder_text(holder), wait.object), wait.patience);
}

// Locks a file of the directory. Throws Error, naming the holder, if the time is over or a signal asked to
// end; returns other errors.
sys::Result<sys::FileLock> wait_for_lock(const sys::Dir& directory, const std::string& name,
                                         const Wait& wait) {
  const auto holder = [&] { return sys::FileLock::holder(directory, name); };
  const auto try_for = [&](std::chrono::milliseconds patience) {
    return sys::FileLock::acquire(directory, name, patience);
  };
  sys::LockHolder first;
  sys::Result<sys::FileLock> lock = try_for(wait.waiting ? short_wait : wait.patience);
  if (!lock && lock.error().number == EWOULDBLOCK && wait.waiting) {
    first = holder();
    report_wait(wait, first);
    lock = try_for(wait.patience);
  }
  if (!lock && lock.error().number == EWOULDBLOCK) {
    const sys::LockHolder last = holder();
    throw_timed_out(wait, wait.waiting ? first : last, last);
  }
  if (!lock && lock.error().number == EINTR) {
    throw Error(ExitCode::failed,
                fmt::format("{}: interrupted while waiting for {}", wait.doing, holder_text(holder())));
  }
  return lock;
}

// Locks the directory itself, as programs do that may not use the file. Any user can open and lock it, so a
// lock that a process of an ordinary user holds, or one that is not visible, is ignored; then returns
// nullopt. Throws Error like wait_for_lock().
std::optional<sys::FileLock> wait_for_directory(const sys::Dir& directory, const Wait& wait) {
  const auto deadline = std::chrono::steady_clock::now() + wait.patience;
  bool reported = !wait.waiting;
  const auto report_after = std::chrono::steady_clock::now() + short_wait;
  std::optional<sys::LockHolder> first;
  for (int unseen = 0;;) {
    sys::Result<sys::FileLock> lock =
        sys::FileLock::acquire(directory, std::min<std::chrono::milliseconds>(lock_slice, wait.patience));
    if (lock) {
      return *std::move(lock);
    }
    if (lock.error().number == EINTR) {
      throw Error(ExitCode::failed, fmt::format("{}: interrupted while waiting for a lock", wait.doing));
    }
    const sys::LockHolder who = sys::FileLock::holder(directory, ".");
    // The lock may have been released a moment ago.
    if (lock.error().number == EWOULDBLOCK && who.pid == 0 && ++unseen < 3) {
      continue;
    }
    if (lock.error().number != EWOULDBLOCK || !sys::is_of_root(who.pid)) {
      return std::nullopt;
    }
    const auto now = std::chrono::steady_clock::now();
    if (!first) {
      first = who;
    }
    if (now >= deadline) {
      throw_timed_out(wait, *first, who);
    }
    if (!reported && now >= report_after) {
      reported = true;
      report_wait(wait, who);
    }
  }
}

// Returns the text of the file of `before`, changed to `after`. Throws Error{conflict} if it no longer
// contains `before`.
std::string edited_text(const sys::Dir& directory, const std::string& path, const Definition& before,
                        const Definition& after) {
  const std::string doing = fmt::format("cannot modify '{}'", path);
  const std::string text = read_stored(directory, file_name(before.uuid), doing);
  const FileContent content = parse_definition(text, path, {before.uuid, before.parent});
  if (content.definition != before) {
    throw_changed(doing);
  }
  return edited(text, [&](const std::string& plain) { return edit_definition(plain, path, before, after); });
}

}  // namespace

Definitions Store::load(const std::optional<ParentName>& only) const {
  Definitions result = load_own(only);
  add_configs(load_configs({.parent = only}), *this, result);
  sort_moving_once(result.all, by_parent);
  note_repeated_labels(result, *this);
  try {
    AllParentSettings all = load_parent_settings();
    for (FileProblem& problem : all.broken) {
      if (auto parent = parent_of_settings(problem.path)) {
        result.unknown_settings.emplace_back(std::move(parent), std::move(problem));
      }
    }
    for (const ParentSettings& settings : all.all) {
      for (const FunctionName& function : settings.reserved) {
        result.withheld.emplace_back(settings.parent, function);
      }
      if (mixes_sizes(settings)) {
        result.mixed.push_back(settings.parent);
      }
    }
  } catch (const Error& error) {
    result.problems.push_back({root_->path_of("etc/mdevadm/parents"), 0, 0, error.what()});
    result.unknown_settings.emplace_back(std::nullopt, result.problems.back());
  }
  return result;
}

Definitions Store::load_some(const std::vector<Uuid>& devices) const {
  const std::set<Uuid> wanted(devices.begin(), devices.end());
  Definitions result = load_own(std::nullopt, &wanted);
  std::vector<Uuid> missing;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(missing),
               [&](const Uuid& uuid) { return result.find(uuid).empty(); });
  if (missing.size() > few_devices) {
    KeptConfigs configs = load_configs();
    std::erase_if(configs.all, [&](const StoredConfig& one) { return !wanted.contains(one.uuid); });
    configs.broken.clear();
    add_configs(configs, *this, result);
  } else {
    for (const Uuid& uuid : missing) {
      add_configs(load_configs({.uuid = uuid}), *this, result);
    }
  }
  sort_moving_once(result.all, by_parent);
  return result;
}

std::string Store::path_of(const Definition& placed) const {
  if (placed.origin == Origin::mdevctl) {
    const Definition definition = as_stored(placed);
    const StoredConfig usual{definition.uuid, definition.parent, {}};
    return is_usual(usual) ? path_of(usual) : path_of(stored_config(definition));
  }
  const ParentName& parent = placed.directory ? *placed.directory : placed.parent;
  return root_->path_of(directory_name(parent) + "/" + file_name(placed.uuid));
}

void Store::require_free(const Definition& placed) const {
  const Definition added = as_stored(placed);
  const std::string doing = fmt::format("cannot write '{}'", path_of(added));
  const Definitions defined = load();
  for (const Definition& other : defined.all) {
    const bool is_itself = other.uuid == added.uuid && other.parent == added.parent;
    if (added.name && other.name == added.name && !is_itself) {
      throw Error(ExitCode::conflict, fmt::format("{}: another process gave the name '{}' to {}", doing,
                                                  added.name->str(), other.uuid.str()));
    }
    if (is_itself && other.origin != added.origin) {
      throw Error(ExitCode::conflict,
                  fmt::format("{}: another process defined the device in '{}'", doing, path_of(other)));
    }
  }
}

void Store::require_no_member(const Definition& removed) const {
  const Groups groups = load_groups();
  for (const Group& group : groups.all) {
    if (group.has(removed)) {
      throw Error(ExitCode::conflict, fmt::format("cannot remove '{}': another process made it a member of "
                                                  "group '{}'",
                                                  path_of(removed), group.name.str()));
    }
  }
}

std::optional<FileProblem> Store::state_problem() const {
  return ::geteuid() == 0 ? problem_of_state(*root_) : std::nullopt;
}

Store::LockRequest Store::request_of(const ParentName& parent, std::chrono::seconds patience) {
  return {"parent-" + parent.str() + ".lock", "sys/class/mdev_bus/" + parent.str(),
          fmt::format("parent {}", parent.str()), patience};
}

std::vector<sys::FileLock> Store::lock_parents(std::vector<ParentName> parents, const Waiting& waiting,
                                               std::chrono::seconds patience) const {
  // A fixed lock order prevents deadlocks.
  std::sort(parents.begin(), parents.end());
  parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
  std::vector<sys::FileLock> locks;
  for (const ParentName& parent : parents) {
    locks.push_back(take_lock(request_of(parent, patience), waiting));
  }
  return locks;
}

std::optional<sys::FileLock> Store::try_lock_parent(const ParentName& parent) const {
  try {
    return take_lock(request_of(parent, std::chrono::seconds{0}));
  } catch (const TimedOut&) {
    return std::nullopt;
  }
}

sys::FileLock Store::lock(const Waiting& waiting) const {
  return take_lock({definitions_lock, mdevctl_directory, "the definitions", lock_patience}, waiting);
}

bool Store::is_locked() const {
  const sys::Result<sys::Dir> runtime = root_->open_dir(runtime_directory);
  return runtime && sys::FileLock::holder(*runtime, definitions_lock).pid != 0;
}

sys::FileLock Store::lock_claims(const Waiting& waiting) const {
  return take_lock({"claims.lock", {}, "the claims", lock_patience}, waiting);
}

bool Store::may_lack(const sys::SysError& error) const {
  return runtime_ == Runtime::optional &&
         (error.number == EACCES || error.number == EPERM || error.number == EROFS);
}

// A process that may not use the file excludes the others by the lock on the directory, which all take.
sys::FileLock Store::take_lock(const LockRequest& request, const Waiting& waiting) const {
  const std::string doing = fmt::format("cannot lock {} ('{}/{}')", request.object,
                                        root_->path_of(runtime_directory), request.file);
  sys::FileLock lock;
  std::optional<sys::SysError> refusal;  // of the file
  bool is_directory_locked = false;
  const sys::Result<sys::Dir> runtime = root_->make_dirs(runtime_directory);
  if (!runtime && !may_lack(runtime.error())) {
    sys::throw_error(runtime.error(), doing);
  }
  if (!runtime) {
    refusal = runtime.error();
  }
  const Wait wait{doing, request.object, request.patience, waiting};
  if (runtime) {
    if (root_->is_host()) {
      require_trusted(*runtime, doing);
    }
    sys::Result<sys::FileLock> file = wait_for_lock(*runtime, request.file, wait);
    if (file) {
      lock = *std::move(file);
    } else if (!may_lack(file.error())) {
      sys::throw_error(file.error(), doing);
    } else {
      refusal = file.error();
    }
  }
  const sys::Result<sys::Dir> directory = request.directory.empty()
                                              ? sys::Result<sys::Dir>(sys::SysError{ENOENT, {}})
                                              : root_->open_dir(request.directory);
  if (directory) {
    const std::string path = root_->path_of(request.directory);
    if (auto second =
            wait_for_directory(*directory, {fmt::format("cannot lock {} ('{}')", request.object, path),
                                            request.object, request.patience, waiting})) {
      lock.add(*std::move(second));
      is_directory_locked = true;
    }
  }
  if (!is_directory_locked && unlocked_ && refusal) {
    unlocked_(fmt::format("{}: {}; continuing without the lock", doing, sys::errno_text(refusal->number)));
  }
  return lock;
}

sys::Dir Store::directory_for_change(const Definition& definition, const std::string& doing) const {
  return directory_to_write(*root_, directory_name(definition.parent), doing);
}

void Store::add(const Definition& definition, const std::optional<std::string>& text) const {
  if (definition.origin == Origin::mdevctl) {
    return add_to_mdevctl(definition);
  }
  const std::string doing = fmt::format("cannot write '{}'", path_of(definition));
  const sys::Dir directory = directory_for_change(definition, doing);
  if (directory.exists(file_name(definition.uuid))) {
    throw Error(ExitCode::conflict, fmt::format("{}: the file already exists", doing),
                "fix or remove the file");
  }
  write_atomically(directory, file_name(definition.uuid), text.value_or(format_definition(definition)),
                   doing);
}

void Store::require_replaceable(const Definition& old, const Definition& replacement) const {
  const Definition before = as_stored(old);
  const Definition after = as_stored(replacement);
  if (before.parent != after.parent) {
    require_place(after);
  }
  if (before.origin == Origin::mdevctl) {
    std::ignore = config_to_replace(before, after);
    return;
  }
  const std::string path = path_of(before);
  const sys::Dir directory =
      root_->open_dir(directory_name(before.parent)).or_throw("cannot modify '{}'", path);
  std::ignore = edited_text(directory, path, before, after);
}

void Store::require_writable(const Definition& placed) const {
  const Definition definition = as_stored(placed);
  const std::string doing = fmt::format("cannot modify '{}'", path_of(definition));
  const std::string name = definition.origin == Origin::mdevctl ? std::string(mdevctl_directory)
                                                                : directory_name(definition.parent);
  root_->open_dir(name).or_throw("{}", doing).require_writable().or_throw("{}", doing);
}

void Store::require_place(const Definition& placed) const {
  const bool exists = placed.origin == Origin::mdevctl
                          ? has_config(placed.uuid, placed.parent)
                          : root_->exists(directory_name(placed.parent) + "/" + file_name(placed.uuid));
  if (exists) {
    throw Error(ExitCode::conflict,
                fmt::format("cannot write '{}': the file already exists", path_of(placed)),
                "fix or remove the file");
  }
}

void Store::replace(const Definition& old, const Definition& replacement) const {
  const Definition before = as_stored(old);
  const Definition after = as_stored(replacement);
  const bool moves = before.parent != after.parent;
  if (moves) {
    require_place(after);
  }
  if (before.origin == Origin::mdevctl) {
    return replace_in_mdevctl(before, after);
  }
  const std::string path = path_of(before);
  const std::string doing = fmt::format("cannot modify '{}'", path);
  const sys::Dir directory = directory_of_stored(*root_, directory_name(before.parent), doing);
  const std::string text = edited_text(directory, path, before, after);
  if (!moves) {
    return write_atomically(directory, file_name(before.uuid), text, doing);
  }
  // Written before the old file is removed, so that the definition is never lost.
  write_atomically(directory_for_change(after, doing), file_name(before.uuid), text, doing);
  remove_file_of(before, directory, doing);
}

void Store::remove(const Definition& placed) const {
  const Definition definition = as_stored(placed);
  const std::string path = path_of(definition);
  const std::string doing = fmt::format("cannot remove '{}'", path);
  if (definition.origin == Origin::mdevctl) {
    return remove_config(config_of_unchanged(definition, doing));
  }
  const sys::Dir directory = directory_of_stored(*root_, directory_name(definition.parent), doing);
  const std::string text = read_stored(directory, file_name(definition.uuid), doing);
  if (parse_definition(text, path, {definition.uuid, definition.parent}).definition != definition) {
    throw_changed(doing);
  }
  remove_file_of(definition, directory, doing);
}

void Store::remove_file_of(const Definition& definition, const sys::Dir& directory,
                           const std::string& doing) const {
  remove_stored(directory, file_name(definition.uuid), doing);
  // Fails as intended if the directory contains other definitions.
  const sys::Dir devices = root_->open_dir(devices_directory).or_throw("{}", doing);
  std::ignore = ::unlinkat(devices.fd(), definition.parent.str().c_str(), AT_REMOVEDIR);
}

}  // namespace mdevadm::store
