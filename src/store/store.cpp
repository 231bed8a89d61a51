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
#include <mdevadm/util/sort.hpp>
#include <mdevadm/util/text.hpp>

#include "files.hpp"

namespace mdevadm::store {

namespace {

constexpr const char* devices_directory = "etc/mdevadm/devices";
// Not below etc/: a refused change must leave no trace there.
constexpr const char* lock_directory = "run/mdevadm";
constexpr std::chrono::seconds lock_patience{10};
constexpr std::chrono::milliseconds short_wait{500};  // a wait up to this long is not reported

std::string directory_name(const ParentName& parent) {
  return fmt::format("{}/{}", devices_directory, parent.str());
}

void take(FileContent content, Definitions& into) {
  std::move(content.problems.begin(), content.problems.end(), std::back_inserter(into.problems));
  if (content.definition) {
    into.all.push_back(*std::move(content.definition));
  } else {
    into.broken.push_back(std::move(content.problem));
  }
}

void load_file(const sys::Dir& directory, const ParentName& parent, const std::string& name,
               Definitions& into) {
  if (!is_ours(name)) {
    return;
  }
  const auto uuid = Uuid::parse(std::string_view(name).substr(0, name.size() - suffix.size()));
  if (!uuid || file_name(*uuid) != name) {
    into.broken.push_back({directory.path_of(name), 0, 0,
                           "invalid file name (expected UUID.toml, with the UUID in lower case)"});
    return;
  }
  const sys::Result<std::string> text = directory.read_file(name);
  if (!text && text.error().number == ENOENT) {
    return;  // removed since the directory was read
  }
  if (!text) {
    into.broken.push_back({directory.path_of(name), 0, 0, sys::errno_text(text.error().number)});
    return;
  }
  take(parse_definition(*text, directory.path_of(name), {*uuid, parent}), into);
}

// Adds mdevctl's definitions; if both stores define a device, mdevadm's definition wins.
void add_configs(const KeptConfigs& configs, const Store& store, Definitions& into) {
  const std::size_t own = into.all.size();
  std::map<std::pair<ParentName, Uuid>, std::size_t> taken;
  for (std::size_t i = 0; i < own; ++i) {
    taken.emplace(std::pair(into.all[i].parent, into.all[i].uuid), i);
  }
  for (const StoredConfig& stored : configs.all) {
    ConfigReading reading = definition_of(stored);
    if (!reading.definition) {
      into.broken.push_back({store.path_of(stored), 0, 0, reading.refusal});
    } else if (const auto ours = taken.find({stored.parent, stored.uuid}); ours != taken.end()) {
      const Definition& counts = into.all[ours->second];
      if (config_of(counts) != stored.config) {
        into.problems.push_back(
            {store.path_of(stored), 0, 0,
             fmt::format("differs from '{}', which takes precedence", store.path_of(counts))});
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
  into.problems.insert(into.problems.end(), configs.problems.begin(), configs.problems.end());
}

// Hand-written files can contain the same name twice; it then denotes the first definition.
void note_repeated_labels(Definitions& definitions, const Store& store) {
  std::map<Label, const Definition*> owners;
  for (const Definition& definition : definitions.all) {
    if (!definition.name) {
      continue;
    }
    const auto [owner, is_new] = owners.emplace(*definition.name, &definition);
    if (!is_new) {
      definitions.problems.push_back(
          {store.path_of(definition), 0, 0,
           fmt::format("duplicate name '{}': the name refers to {} under {}", definition.name->str(),
                       owner->second->uuid.str(), owner->second->parent.str())});
    }
  }
}

void note_shared_functions(Definitions& definitions, const Store& store) {
  std::map<std::pair<ParentName, FunctionName>, const Definition*> owners;
  for (const Definition& definition : definitions.all) {
    const FunctionName* vf = definition.reserved_vf();
    if (vf == nullptr) {
      continue;
    }
    const auto [owner, is_new] = owners.emplace(std::pair{definition.parent, *vf}, &definition);
    if (!is_new) {
      definitions.problems.push_back(
          {store.path_of(definition), 0, 0,
           fmt::format("virtual function {} is also reserved for {}", vf->str(), owner->second->uuid.str())});
    }
  }
}

}  // namespace

Definitions Store::load_own(const std::optional<ParentName>& only) const {
  Definitions result;
  const sys::Result<sys::Dir> devices = root_->open_dir_as_root(devices_directory);
  if (!devices && devices.error().number == ENOENT) {
    return result;
  }
  if (!devices) {
    sys::throw_error(devices.error(),
                     fmt::format("cannot read the definitions in '{}'", devices.error().path));
  }
  for (const sys::Entry& entry :
       devices->entries().or_throw("cannot read the definitions in '{}'", devices->path())) {
    const auto parent = ParentName::parse(entry.name);
    if (!parent || entry.kind == sys::EntryKind::file || entry.name.front() == '.' ||
        (only && *only != *parent)) {
      continue;
    }
    const sys::Result<sys::Dir> directory = devices->open_dir(entry.name);
    if (!directory && sys::is_absence(directory.error().number)) {
      continue;
    }
    if (!directory) {
      result.broken.push_back({directory.error().path, 0, 0, sys::errno_text(directory.error().number)});
      continue;
    }
    for (const sys::Entry& file :
         directory->entries().or_throw("cannot read the definitions in '{}'", directory->path())) {
      load_file(*directory, *parent, file.name, result);
    }
  }
  return result;
}

Definitions Store::load(const std::optional<ParentName>& only) const {
  Definitions result = load_own(only);
  add_configs(load_configs({.parent = only}), *this, result);
  sort_moving_once(result.all, [](const Definition& a, const Definition& b) {
    return std::tie(a.parent, a.uuid) < std::tie(b.parent, b.uuid);
  });
  note_repeated_labels(result, *this);
  note_shared_functions(result, *this);
  try {
    for (const ParentSettings& settings : load_parent_settings().all) {
      for (const FunctionName& function : settings.reserved) {
        result.withheld.emplace_back(settings.parent, function);
      }
    }
  } catch (const Error& error) {
    result.problems.push_back({root_->path_of("etc/mdevadm/parents"), 0, 0, error.what()});
  }
  return result;
}

std::string Store::path_of(const Definition& placed) const {
  const Definition definition = as_stored(placed);
  if (definition.origin == Origin::mdevctl) {
    const StoredConfig usual{definition.uuid, definition.parent, {}};
    return is_usual(usual) ? path_of(usual) : path_of(stored_config(definition));
  }
  return root_->path_of(directory_name(definition.parent) + "/" + file_name(definition.uuid));
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

sys::FileLock Store::lock(const Waiting& waiting) const {
  return take_lock({"definitions.lock", "cannot lock the definitions", lock_patience}, waiting);
}

sys::FileLock Store::take_lock(const LockRequest& request, const Waiting& waiting) const {
  const std::string doing =
      fmt::format("{} ('{}/{}')", request.doing, root_->path_of(lock_directory), request.file);
  const sys::Dir directory = root_->make_dirs(lock_directory).or_throw("{}", doing);
  const auto holder = [&] {
    const sys::LockHolder who = sys::FileLock::holder(directory, request.file);
    return who.pid == 0 ? "another process" : fmt::format("{} (pid {})", who.command, who.pid);
  };
  const auto try_for = [&](std::chrono::milliseconds patience) {
    return sys::FileLock::acquire(directory, request.file, patience);
  };
  sys::Result<sys::FileLock> lock = try_for(waiting ? short_wait : request.patience);
  if (!lock && lock.error().number == EWOULDBLOCK && waiting) {
    waiting(holder() + " to release the lock", request.patience);
    lock = try_for(request.patience);
  }
  if (!lock && lock.error().number == EWOULDBLOCK) {
    throw Error(ExitCode::failed,
                fmt::format("{}: timed out: {} has held the lock for {} s", doing, holder(),
                            request.patience.count()),
                "wait for that process to end, or stop it");
  }
  if (!lock && lock.error().number == EINTR) {
    throw Error(ExitCode::failed, fmt::format("{}: interrupted while waiting for {}", doing, holder()));
  }
  return std::move(lock).or_throw("{}", doing);
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

void Store::replace(const Definition& old, const Definition& replacement) const {
  const Definition before = as_stored(old);
  const Definition after = as_stored(replacement);
  if (before.origin == Origin::mdevctl) {
    return replace_in_mdevctl(before, after);
  }
  const std::string path = path_of(before);
  const std::string doing = fmt::format("cannot modify '{}'", path);
  const sys::Dir directory = directory_for_change(before, doing);
  const std::string text = directory.read_file(file_name(before.uuid)).or_throw("{}", doing);
  const FileContent content = parse_definition(text, path, {before.uuid, before.parent});
  if (content.definition != before) {
    throw Error(ExitCode::conflict, fmt::format("{}: changed by another process", doing),
                "run the command again");
  }
  write_atomically(directory, file_name(before.uuid), edit_definition(text, path, before, after), doing);
}

void Store::remove(const Definition& placed) const {
  const Definition definition = as_stored(placed);
  const std::string path = path_of(definition);
  const std::string doing = fmt::format("cannot remove '{}'", path);
  const auto require_same = [&](const std::optional<Definition>& now) {
    if (now && *now != definition) {
      throw Error(ExitCode::conflict, fmt::format("{}: changed by another process", doing),
                  "run the command again");
    }
  };
  if (definition.origin == Origin::mdevctl) {
    const StoredConfig stored = stored_config(definition);
    require_same(definition_of(stored).definition);
    return remove_config(stored);
  }
  const sys::Dir devices = root_->open_dir_as_root(devices_directory).or_throw("{}", doing);
  {
    const sys::Dir directory = directory_for_change(definition, doing);
    if (const sys::Result<std::string> text = directory.read_file(file_name(definition.uuid))) {
      require_same(parse_definition(*text, path, {definition.uuid, definition.parent}).definition);
    }
    const sys::Result<sys::Done> removed = directory.remove_file(file_name(definition.uuid));
    if (!removed && removed.error().number == ENOENT) {
      throw Error(ExitCode::not_found, fmt::format("{}: removed by another process", doing));
    }
    if (!removed) {
      sys::throw_error(removed.error(), doing);
    }
    directory.sync().or_throw("{}", doing);
  }
  // Fails as intended if the directory contains other definitions.
  std::ignore = ::unlinkat(devices.fd(), definition.parent.str().c_str(), AT_REMOVEDIR);
}

}  // namespace mdevadm::store
