// mdevctl's definitions: /etc/mdevctl.d/<parent>/<uuid>
#include <sys/stat.h>

#include <algorithm>
#include <mdevadm/store/config_text.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/sys/atomic_file.hpp>
#include <mdevadm/util/sort.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

#include "files.hpp"

namespace mdevadm::store {

namespace {

constexpr const char* scripts_directory = "scripts.d";  // located among the parents' directories

std::string config_directory(const ParentName& parent) {
  return fmt::format("{}/{}", mdevctl_directory, parent.str());
}

// Returns the file name of a config. mdevctl accepts a name in upper case or without hyphens as a UUID but
// then does not find the file by that UUID; it may write a second file in canonical form.
template <typename Stored>
std::string file_of(const Stored& stored) {
  return stored.file.empty() ? stored.uuid.str() : stored.file;
}

// Throws if the parent's name is that of the script directory, which mdevctl does not search for definitions.
void require_parent(const ParentName& parent, const std::string& doing) {
  if (parent.str() == scripts_directory) {
    throw Error(ExitCode::usage, fmt::format("{}: '{}' is mdevctl's directory of scripts, not a parent",
                                             doing, scripts_directory));
  }
}

struct LinkTarget {
  const char* wanted;  // "file" or "directory"
  bool exists;
  bool is_usable;  // it is a regular file, or a directory
};

class ConfigReader {
 public:
  ConfigReader(const ConfigFilter& filter, KeptConfigs& into) : filter_(filter), into_(into) {}

  void read_all(const sys::Dir& configs) {
    const sys::Result<std::vector<sys::Entry>> entries = configs.entries();
    if (!entries) {
      return note_unread(entries.error());
    }
    for (const sys::Entry& entry : *entries) {
      if (entry.kind == sys::EntryKind::link) {
        note_linked_directory(configs, entry.name);
      }
      const bool may_be_parent =
          entry.kind == sys::EntryKind::directory || entry.kind == sys::EntryKind::other;
      if (!may_be_parent || entry.name == scripts_directory) {
        continue;
      }
      const auto parent = is_utf8(entry.name) ? ParentName::parse(entry.name) : std::nullopt;
      if (parent) {
        read_parent(configs, *parent);
      } else {
        into_.nameless.push_back(entry.name);
      }
    }
  }

  void read_parent(const sys::Dir& configs, const ParentName& parent) {
    const sys::Result<sys::Dir> directory = configs.open_dir(parent.str());
    sys::Result<std::vector<sys::Entry>> entries = sys::entries_of(directory);
    if (!entries) {
      return note_unread(entries.error());
    }
    // Sorting the names is cheaper than sorting the parsed configs.
    if (!filter_.uuid) {
      std::sort(entries->begin(), entries->end(),
                [](const sys::Entry& a, const sys::Entry& b) { return a.name < b.name; });
    }
    for (const sys::Entry& entry : *entries) {
      const bool is_read =
          entry.kind == sys::EntryKind::file || (filter_.links && entry.kind == sys::EntryKind::link);
      if (is_read && !sys::AtomicFile::is_temporary(entry.name)) {
        read_file(*directory, parent, entry.name);
      } else if (entry.kind == sys::EntryKind::link) {
        note_linked_file(*directory, entry.name);
      }
    }
  }

  // Reports a symbolic link in the place of a parent's directory.
  void note_linked_directory(const sys::Dir& configs, const std::string& name) {
    if (name == scripts_directory || !is_utf8(name) || !ParentName::parse(name)) {
      return;
    }
    const auto status = configs.status(name);
    if (!status || S_ISDIR(status->mode)) {  // a link to a file is not in the place of a directory
      const std::string path = configs.path_of(name);
      note_link(path, LinkTarget{"directory", static_cast<bool>(status), static_cast<bool>(status)},
                fmt::format("from=$(realpath {0}) && rm {0} && cp -r \"$from\" {0}", shell_word(path)));
    }
  }

  // One unreadable directory must not hide the others.
  void note_unread(const sys::SysError& error) {
    throw_if_lacking(error);
    if (!sys::is_absence(error.number)) {
      into_.unread.push_back({error.path, 0, 0, sys::errno_text(error.number)});
    }
  }

 private:
  void note_linked_file(const sys::Dir& directory, const std::string& name) {
    const auto uuid = Uuid::parse_any(name);
    if (uuid && (!filter_.uuid || *filter_.uuid == *uuid)) {
      const std::string path = directory.path_of(name);
      const sys::Result<sys::FileStatus> status = directory.status(name);
      note_link(path, LinkTarget{"file", static_cast<bool>(status), status && S_ISREG(status->mode)},
                fmt::format("cp --remove-destination \"$(realpath {0})\" {0}", shell_word(path)));
    }
  }

  void note_link(const std::string& path, const LinkTarget& target, std::string copy) {
    const std::string what =
        target.is_usable ? "a symbolic link, which mdevctl does not read; replace it by a copy"
        : target.exists
            ? fmt::format(
                  "a symbolic link that does not lead to a {}, which mdevctl does not read; remove it",
                  target.wanted)
            : fmt::format(
                  "a symbolic link to a {} that does not exist, which mdevctl does not read; remove it",
                  target.wanted);
    into_.links.push_back(
        {path, 0, 0, what, {}, target.is_usable ? std::move(copy) : "rm " + shell_word(path)});
  }

  void read_file(const sys::Dir& directory, const ParentName& parent, const std::string& name) {
    const auto uuid = Uuid::parse_any(name);
    if (!uuid) {
      into_.nameless.push_back(name);
      return;
    }
    if (filter_.uuid && *filter_.uuid != *uuid) {
      return;
    }
    const sys::Result<std::string> text = directory.read_file(name);
    if (!text && text.error().number == ENOENT) {
      return;  // removed since the directory was read
    }
    if (!text) {
      throw_if_lacking(text.error());
    }
    ConfigContent content;
    if (!text) {
      content.message = sys::errno_text(text.error().number);
    } else if (!is_utf8(*text)) {
      content.message = "invalid UTF-8";
    } else {
      content = parse_config(*text);
    }
    std::string file = name == uuid->str() ? "" : name;
    if (content.config) {
      into_.all.push_back(
          {*uuid, parent, *std::move(content.config), std::move(file), std::move(content.unknown)});
    } else {
      into_.broken.push_back({*uuid,
                              parent,
                              {directory.path_of(name), content.line, content.column, content.message},
                              std::move(file)});
    }
  }

  const ConfigFilter& filter_;
  KeptConfigs& into_;
};

// Of several files for one device, uses the first readable one and reports the others. `all` is sorted by
// device.
void leave_one_of_each(KeptConfigs& configs, const Store& store) {
  std::vector<StoredConfig> each;
  for (StoredConfig& stored : configs.all) {
    if (each.empty() || each.back().uuid != stored.uuid || each.back().parent != stored.parent) {
      each.push_back(std::move(stored));
      continue;
    }
    each.back().also.push_back(stored.file);
    configs.problems.push_back(
        {store.path_of(stored), 0, 0,
         fmt::format("duplicate definition of the same device; '{}' is used", store.path_of(each.back()))});
  }
  configs.all = std::move(each);
  std::erase_if(configs.broken, [&](const BrokenConfig& broken) {
    const auto stored = std::find_if(configs.all.begin(), configs.all.end(), [&](const StoredConfig& one) {
      return one.uuid == broken.uuid && one.parent == broken.parent;
    });
    if (stored != configs.all.end()) {
      stored->also.push_back(file_of(broken));
      configs.problems.push_back(broken.problem);
    }
    return stored != configs.all.end();
  });
}

}  // namespace

KeptConfigs Store::load_configs(const ConfigFilter& filter) const {
  KeptConfigs result;
  ConfigReader reader(filter, result);
  const sys::Result<sys::Dir> configs = root_->open_dir(mdevctl_directory);
  if (!configs) {
    reader.note_unread(configs.error());
    return result;
  }
  if (filter.parent) {
    const std::string& name = filter.parent->str();
    if (configs->read_link(name)) {
      reader.note_linked_directory(*configs, name);
    } else if (name != scripts_directory) {
      reader.read_parent(*configs, *filter.parent);
    }
  } else {
    reader.read_all(*configs);
  }
  // An empty file name stands for the canonical one, which therefore comes first.
  const auto in_order = [](const auto& a, const auto& b) {
    return std::tie(a.parent, a.uuid, a.file) < std::tie(b.parent, b.uuid, b.file);
  };
  sort_moving_once(result.all, in_order);
  std::sort(result.broken.begin(), result.broken.end(), in_order);
  leave_one_of_each(result, *this);
  return result;
}

std::string Store::path_of(const StoredConfig& stored) const {
  return root_->path_of(config_directory(stored.parent) + "/" + file_of(stored));
}

void Store::write_config(const StoredConfig& stored) const {
  const std::string doing = fmt::format("cannot write '{}'", path_of(stored));
  require_parent(stored.parent, doing);
  const sys::Dir directory = directory_to_write(*root_, config_directory(stored.parent), doing);
  write_atomically(directory, file_of(stored), format_config(stored.config, JsonForm::lines), doing,
                   NewFile::as_umask);
}

void Store::remove_config(const StoredConfig& stored) const {
  const std::string doing = fmt::format("cannot remove '{}'", path_of(stored));
  const sys::Dir directory = root_->open_dir(config_directory(stored.parent)).or_throw("{}", doing);
  for (const std::string& other : stored.also) {
    if (const auto gone = directory.remove_file(other); !gone && gone.error().number != ENOENT) {
      sys::throw_error(gone.error(), doing);
    }
  }
  remove_stored(directory, file_of(stored), doing);
}

bool Store::has_config(const Uuid& uuid, const ParentName& parent) const {
  const sys::Result<sys::Dir> directory = root_->open_dir(config_directory(parent));
  return (directory && directory->status(uuid.str())) ||
         load_configs({.parent = parent, .uuid = uuid, .links = true}).has(uuid, parent);
}

// Returns whether the file with the canonical name exists.
bool Store::is_usual(const StoredConfig& stored) const {
  return root_->exists(config_directory(stored.parent) + "/" + stored.uuid.str());
}

// Returns the stored config, or the one that would be written for the definition.
StoredConfig Store::stored_config(const Definition& definition) const {
  KeptConfigs stored = load_configs({.parent = definition.parent, .uuid = definition.uuid});
  return stored.all.empty() ? StoredConfig{definition.uuid, definition.parent, config_of(definition)}
                            : std::move(stored.all.front());
}

// Returns the config that contains the definition. Throws Error{conflict} if it contains another one or none,
// Error{not_found} if it does not exist.
StoredConfig Store::config_of_unchanged(const Definition& before, const std::string& doing) const {
  KeptConfigs found = load_configs({.parent = before.parent, .uuid = before.uuid});
  if (found.all.empty() && !has_config(before.uuid, before.parent)) {
    throw_removed(doing);
  }
  if (found.all.empty() || definition_of(found.all.front()).definition != before) {
    throw_changed(doing);
  }
  return std::move(found.all.front());
}

void Store::add_to_mdevctl(const Definition& definition) const {
  const StoredConfig stored{definition.uuid, definition.parent, config_of(definition)};
  if (has_config(definition.uuid, definition.parent)) {
    throw Error(ExitCode::conflict,
                fmt::format("cannot write '{}': the file already exists", path_of(stored)));
  }
  write_config(stored);
}

// Returns what is written to change a definition of mdevctl.
StoredConfig Store::config_to_replace(const Definition& before, const Definition& after) const {
  StoredConfig stored =
      config_of_unchanged(before, fmt::format("cannot modify '{}'", path_of(stored_config(before))));
  if (const std::vector<std::string> keys = beyond_config(after); !keys.empty()) {
    throw Error(ExitCode::failed,
                fmt::format("mdevctl's format cannot represent '{}' (definition in {})", join(keys, ", "),
                            path_of(stored)),
                fmt::format("import it first: mdevadm import mdevctl {}", before.uuid.str()));
  }
  stored.config = config_of(after);
  if (after.parent != before.parent) {
    stored.parent = after.parent;
    stored.file.clear();
    stored.also.clear();
  }
  return stored;
}

// Keeps keys that mdevctl does not know; mdevctl itself drops them.
void Store::replace_in_mdevctl(const Definition& before, const Definition& after) const {
  const StoredConfig old = stored_config(before);
  const StoredConfig stored = config_to_replace(before, after);
  const std::string doing = fmt::format("cannot modify '{}'", path_of(old));
  if (stored.unknown.empty()) {
    write_config(stored);
  } else {
    const std::string text = root_->open_dir(config_directory(old.parent))
                                 .or_throw("{}", doing)
                                 .read_file(file_of(old))
                                 .or_throw("{}", doing);
    require_parent(stored.parent, doing);
    const sys::Dir directory = directory_to_write(*root_, config_directory(stored.parent), doing);
    write_atomically(directory, file_of(stored), edited_config(text, stored.config), doing,
                     NewFile::as_umask);
  }
  if (stored.parent != old.parent) {
    remove_config(old);
  }
}

}  // namespace mdevadm::store
