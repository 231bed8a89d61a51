// Runtime records, /run/mdevadm/devices/<uuid>.toml, and the locks of parents.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/store/store.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/util/text.hpp>

#include "files.hpp"
#include "toml.hpp"

namespace mdevadm::store {

namespace {

// Returns nullopt for an unreadable record: no user writes these files, so it is treated as missing.
std::optional<Record> parse_record(std::string_view text, const Uuid& uuid) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return std::nullopt;
  }
  const toml::table& table = parsed.table();
  const auto parent = ParentName::parse(table["parent"].value_or(std::string_view{}));
  const auto type = TypeName::parse(table["type"].value_or(std::string_view{}));
  if (!parent || !type) {
    return std::nullopt;
  }
  Record record{uuid, *parent, *type, table["name"].value_or(std::string{}),
                table["finished"].value_or(false)};
  if (const auto took = table["took_ms"].value<std::int64_t>(); took && *took >= 0) {
    record.took = std::chrono::milliseconds(*took);
  }
  return record;
}

}  // namespace

Records Store::load_records() const {
  Records records;
  const sys::Result<sys::Dir> directory = root_->open_dir(records_directory);
  const auto entries =
      directory ? directory->entries() : sys::Result<std::vector<sys::Entry>>(directory.error());
  if (!entries) {
    return records;
  }
  for (const sys::Entry& entry : *entries) {
    const auto uuid = uuid_of(entry.name);
    const sys::Result<std::string> text =
        uuid ? directory->read_file(entry.name) : sys::Result<std::string>(sys::SysError{ENOENT, entry.name});
    if (auto record = text ? parse_record(*text, *uuid) : std::nullopt) {
      records.all.push_back(*std::move(record));
    }
  }
  return records;
}

Records Store::load_records(const std::vector<Uuid>& devices) const {
  Records records;
  const sys::Result<sys::Dir> directory = root_->open_dir(records_directory);
  for (const Uuid& uuid : directory ? devices : std::vector<Uuid>{}) {
    const sys::Result<std::string> text = directory->read_file(file_name(uuid));
    if (auto record = text ? parse_record(*text, uuid) : std::nullopt) {
      records.all.push_back(*std::move(record));
    }
  }
  return records;
}

void Store::keep_record(const Record& record) const {
  const std::string doing =
      fmt::format("cannot write '{}' (runtime state of the device)",
                  root_->path_of(fmt::format("{}/{}", records_directory, file_name(record.uuid))));
  const sys::Result<sys::Dir> directory = root_->make_dirs(records_directory);
  if (!directory && may_lack(directory.error())) {
    return;
  }
  std::string text =
      fmt::format("parent = {}\ntype = {}\nname = {}\nfinished = {}\n", toml_string(record.parent.str()),
                  toml_string(record.type.str()), toml_string(record.name), record.finished);
  if (record.took) {
    text += fmt::format("took_ms = {}\n", record.took->count());
  }
  try {
    if (!directory) {
      sys::throw_error(directory.error(), doing);
    }
    write_atomically(*directory, file_name(record.uuid), text, doing);
  } catch (const Error& error) {
    if (!may_lack({error.number(), {}})) {
      throw;
    }
  }
}

void Store::drop_record(const Uuid& uuid) const {
  const sys::Result<sys::Dir> directory = root_->open_dir(records_directory);
  const sys::Result<sys::Done> removed =
      directory ? directory->remove_file(file_name(uuid)) : sys::Result<sys::Done>(directory.error());
  if (!removed && removed.error().number != ENOENT && !may_lack(removed.error())) {
    sys::throw_error(removed.error(), fmt::format("cannot delete runtime state of '{}'", uuid.str()));
  }
}

std::vector<sys::FileLock> Store::lock_parents(std::vector<ParentName> parents, const Waiting& waiting,
                                               std::chrono::seconds patience) const {
  // A fixed lock order prevents deadlocks.
  std::sort(parents.begin(), parents.end());
  parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
  std::vector<sys::FileLock> locks;
  for (const ParentName& parent : parents) {
    locks.push_back(take_lock({"parent-" + parent.str() + ".lock", "sys/class/mdev_bus/" + parent.str(),
                               fmt::format("cannot lock parent {}", parent.str()), patience},
                              waiting));
  }
  return locks;
}

std::optional<sys::FileLock> Store::try_lock_parent(const ParentName& parent) const {
  constexpr std::chrono::milliseconds no_wait{0};
  const std::string doing = fmt::format("cannot lock parent {}", parent.str());
  const sys::Dir runtime = root_->make_dirs("run/mdevadm").or_throw("{}", doing);
  sys::Result<sys::FileLock> lock =
      sys::FileLock::acquire(runtime, "parent-" + parent.str() + ".lock", no_wait);
  if (!lock && lock.error().number == EWOULDBLOCK) {
    return std::nullopt;
  }
  if (!lock) {
    sys::throw_error(lock.error(), doing);
  }
  if (const sys::Result<sys::Dir> directory = root_->open_dir("sys/class/mdev_bus/" + parent.str())) {
    sys::Result<sys::FileLock> second = sys::FileLock::acquire(*directory, no_wait);
    // The lock of an ordinary user does not count, as in lock_parents().
    if (!second && second.error().number == EWOULDBLOCK &&
        sys::is_of_root(sys::FileLock::holder(*directory, ".").pid)) {
      return std::nullopt;
    }
    if (second) {
      lock->add(*std::move(second));
    }
  }
  return *std::move(lock);
}

}  // namespace mdevadm::store
