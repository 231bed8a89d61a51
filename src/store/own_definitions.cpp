#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <mdevadm/store/definition_file.hpp>
#include <mdevadm/store/store.hpp>

#include "files.hpp"
#include "plain_definition.hpp"

namespace mdevadm::store {

namespace {

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

void take(FileContent content, Definitions& into) {
  std::move(content.problems.begin(), content.problems.end(), std::back_inserter(into.problems));
  if (content.definition) {
    into.all.push_back(*std::move(content.definition));
  } else {
    into.broken.push_back(std::move(content.problem));
  }
}

void load_file(const sys::Dir& directory, const Identity& known, const std::string& name, Definitions& into) {
  const std::optional<std::string> text = read_listed(directory, name, into.broken);
  if (!text) {
    return;
  }
  // Most definitions have the type and the attributes of the one before.
  const Definition* before = into.all.empty() ? nullptr : &into.all.back();
  if (std::optional<Definition> plain = read_plain_definition(*text, known, before)) {
    into.all.push_back(*std::move(plain));
  } else {
    take(parse_definition(*text, directory.path_of(name), known), into);
  }
}

// Reads the definitions of a parent, all or those that are wanted, in the order of their UUIDs.
void load_directory(const sys::Dir& directory, const ParentName& parent, const std::set<Uuid>* wanted,
                    Definitions& into) {
  std::vector<Uuid> uuids;
  const auto add = [&](std::string_view name) {
    if (!is_ours(name)) {
      return;
    }
    const auto uuid = uuid_of(name);
    if (wanted != nullptr && (!uuid || !wanted->contains(*uuid))) {
      return;
    }
    if (uuid && std::none_of(name.begin(), name.end(), is_upper)) {
      uuids.push_back(*uuid);
    } else {
      into.broken.push_back(
          {.path = directory.path_of(name),
           .message = "invalid file name (expected UUID.toml, with the UUID in lower case)"});
    }
  };
  directory.each_name(add).or_throw("cannot read the definitions in '{}'", directory.path());
  std::sort(uuids.begin(), uuids.end());
  std::string name;
  for (const Uuid& uuid : uuids) {
    name.clear();
    uuid.append_to(name);
    load_file(directory, {uuid, parent}, name.append(suffix), into);
  }
}

}  // namespace

Definitions Store::load_own(const std::optional<ParentName>& only, const std::set<Uuid>* wanted) const {
  Definitions result;
  const std::optional<sys::Dir> devices = open_to_read(*root_, devices_directory, "the definitions");
  if (!devices) {
    return result;
  }
  std::vector<sys::Entry> entries =
      devices->entries().or_throw("cannot read the definitions in '{}'", devices->path());
  // In the order of load(), which then need not move the definitions.
  std::sort(entries.begin(), entries.end(),
            [](const sys::Entry& a, const sys::Entry& b) { return a.name < b.name; });
  for (const sys::Entry& entry : entries) {
    const auto parent = ParentName::parse(entry.name);
    if (!parent || entry.kind == sys::EntryKind::file || entry.name.front() == '.' ||
        (only && *only != *parent)) {
      continue;
    }
    const auto is_here = [&](const Uuid& uuid) {
      return devices->exists(entry.name + "/" + file_name(uuid));
    };
    if (wanted != nullptr && wanted->size() <= few_devices &&
        std::none_of(wanted->begin(), wanted->end(), is_here)) {
      continue;
    }
    const sys::Result<sys::Dir> directory = devices->open_dir(entry.name);
    if (!directory && sys::is_absence(directory.error().number)) {
      if (auto problem = dangling_link(*devices, entry.name)) {
        result.broken.push_back(*std::move(problem));
      }
      continue;
    }
    if (!directory && directory.error().number == EIO) {
      sys::throw_error(directory.error(),
                       fmt::format("cannot read the definitions in '{}'", directory.error().path));
    }
    if (!directory) {
      throw_if_lacking(directory.error());
      result.broken.push_back({directory.error().path, 0, 0, sys::errno_text(directory.error().number)});
      continue;
    }
    load_directory(*directory, *parent, wanted, result);
  }
  return result;
}

}  // namespace mdevadm::store
