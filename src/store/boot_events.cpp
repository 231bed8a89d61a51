// Autostart results: /run/mdevadm/boot/<parent>/<uuid>.toml
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/store/store.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

#include "files.hpp"
#include "runtime_text.hpp"

namespace mdevadm::store {

namespace {

void load_parent(const sys::Dir& directory, const ParentName& parent, BootEvents& events) {
  const auto entries = directory.entries();
  if (!entries) {
    return;
  }
  for (const sys::Entry& entry : *entries) {
    const auto uuid = uuid_of(entry.name);
    const sys::Result<std::string> text =
        uuid ? directory.read_file(entry.name) : sys::Result<std::string>(sys::SysError{ENOENT, entry.name});
    if (auto event = text ? parse_boot_event(*text, *uuid, parent) : std::nullopt) {
      events.all.push_back(*std::move(event));
    }
  }
}

}  // namespace

BootEvents Store::load_boot_events() const {
  BootEvents events;
  const sys::Result<sys::Dir> directory = root_->open_dir(boot_directory);
  const auto entries = sys::entries_of(directory);
  if (!entries) {
    return events;
  }
  for (const sys::Entry& entry : *entries) {
    const auto parent = ParentName::parse(entry.name);
    const sys::Result<sys::Dir> inside = directory->open_dir(entry.name);
    if (parent && inside) {
      load_parent(*inside, *parent, events);
    }
  }
  std::sort(events.all.begin(), events.all.end(), by_parent);
  return events;
}

void Store::end_boot_failure(const Uuid& uuid, const ParentName& parent) const {
  const sys::Result<sys::Dir> directory = root_->open_dir(fmt::format("{}/{}", boot_directory, parent.str()));
  const auto text =
      directory ? directory->read_file(file_name(uuid)) : sys::Result<std::string>(directory.error());
  std::optional<BootEvent> event = text ? parse_boot_event(*text, uuid, parent) : std::nullopt;
  if (event && event->outcome == BootOutcome::failed) {
    event->outcome = BootOutcome::manual;
    try {
      keep_boot_event(*event);
    } catch (const Error&) {
      std::ignore = directory->remove_file(file_name(uuid));
    }
  }
}

void Store::keep_boot_event(const BootEvent& event) const {
  const std::string doing = fmt::format("cannot record the autostart result of '{}'", event.uuid.str());
  const sys::Dir directory =
      root_->make_dirs(fmt::format("{}/{}", boot_directory, event.parent.str())).or_throw("{}", doing);
  write_atomically(directory, file_name(event.uuid), format_boot_event(event), doing);
}

}  // namespace mdevadm::store
