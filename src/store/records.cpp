// Runtime records, /run/mdevadm/devices/<uuid>.toml.
#include <fmt/format.h>

#include <cerrno>
#include <mdevadm/store/store.hpp>
#include <mdevadm/util/text.hpp>

#include "files.hpp"
#include "runtime_text.hpp"

namespace mdevadm::store {

Records Store::load_records() const {
  Records records;
  const sys::Result<sys::Dir> directory = root_->open_dir(records_directory);
  const auto entries = sys::entries_of(directory);
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
  try {
    if (!directory) {
      sys::throw_error(directory.error(), doing);
    }
    write_atomically(*directory, file_name(record.uuid), format_record(record), doing);
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

std::vector<FunctionRefusal> Store::load_refusals() const {
  constexpr std::string_view ending = ".toml";
  std::vector<FunctionRefusal> refusals;
  const sys::Result<sys::Dir> directory = root_->open_dir(functions_directory);
  const auto entries = sys::entries_of(directory);
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    const std::string_view name = entry.name;
    const auto vf = name.ends_with(ending)
                        ? FunctionName::parse(std::string(name.substr(0, name.size() - ending.size())))
                        : std::nullopt;
    const sys::Result<std::string> text =
        vf ? directory->read_file(entry.name) : sys::Result<std::string>(sys::SysError{ENOENT, entry.name});
    if (auto refusal = text ? parse_refusal(*text, vf->str()) : std::nullopt) {
      refusals.push_back(*std::move(refusal));
    }
  }
  return refusals;
}

void Store::keep_refusal(const FunctionRefusal& refusal) const {
  try {
    if (const sys::Result<sys::Dir> directory = root_->make_dirs(functions_directory)) {
      write_atomically(*directory, refusal.vf + ".toml", format_refusal(refusal), "");
    }
  } catch (const Error&) {
  }
}

void Store::drop_refusal(const std::string& vf) const {
  if (const sys::Result<sys::Dir> directory = root_->open_dir(functions_directory)) {
    std::ignore = directory->remove_file(vf + ".toml");
  }
}

}  // namespace mdevadm::store
