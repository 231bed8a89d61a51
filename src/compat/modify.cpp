#include <fmt/format.h>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

StoredConfig find_defined(const Session& session, const Options& options) {
  const Uuid uuid = *options.uuid();
  const std::optional<ParentName> parent = parent_in(options);
  KeptConfigs configs = session.configs({.parent = parent, .uuid = uuid});
  require_readable(configs);
  if (configs.all.empty()) {
    throw Failure{
        fmt::format("Mediated device {}{} is not defined", parent ? parent->str() + "/" : "", uuid.str())};
  }
  if (configs.all.size() > 1) {
    throw Failure{fmt::format("Multiple definitions found for {}, specify a parent", uuid.str())};
  }
  return std::move(configs.all.front());
}

[[noreturn]] void refuse_index(const StoredConfig& stored, std::size_t index) {
  const std::string list = attribute_lines(stored.config);
  throw Failure{
      fmt::format("Attribute index {} is invalid\n{}", index,
                  list.empty() ? fmt::format("Device {} has no attributes", stored.uuid.str()) : list)};
}

void change_attributes(StoredConfig& stored, const Options& options) {
  std::vector<ConfigAttribute>& attributes = stored.config.attributes;
  const auto index = options.index();
  if (options.has("addattr")) {
    const std::size_t place = index.value_or(static_cast<std::uint32_t>(attributes.size()));
    if (place > attributes.size()) {
      refuse_index(stored, place);
    }
    attributes.insert(attributes.begin() + static_cast<std::ptrdiff_t>(place),
                      {*options.text("addattr"), *options.text("value")});
  } else if (options.has("delattr") && (index || !attributes.empty())) {
    const std::size_t place = index ? *index : attributes.size() - 1;
    if (place >= attributes.size()) {
      refuse_index(stored, place);
    }
    attributes.erase(attributes.begin() + static_cast<std::ptrdiff_t>(place));
  }
}

StoredConfig changed(const Session& session, const Options& options) {
  StoredConfig stored = find_defined(session, options);
  change_attributes(stored, options);
  stored.config.type = options.text("type").value_or(stored.config.type);
  stored.config.start = options.has("auto")     ? StartMode::automatic
                        : options.has("manual") ? StartMode::manual
                                                : stored.config.start;
  return stored;
}

// Returns the contents of the file; they replace the definition, if there is one.
StoredConfig by_file(const Session& session, const Options& options) {
  const Uuid uuid = *options.uuid();
  const std::optional<ParentName> parent = parent_in(options);
  if (!parent) {
    throw Failure{"Parent device required to modify device via json file"};
  }
  const std::string path = *options.text("jsonfile");
  require_file(path);
  StoredConfig stored{uuid, *parent, config_in(read_config_file(path))};
  const KeptConfigs there = session.store().load_configs({.parent = parent, .uuid = uuid});
  if (!there.all.empty()) {
    stored.file = there.all.front().file;
  } else if (!there.broken.empty()) {
    stored.file = there.broken.front().file;
  }
  return stored;
}

// Returns the active device.
StoredConfig find_live(Session& session, const Options& options) {
  const Uuid uuid = *options.uuid();
  const std::optional<ParentName> parent = parent_in(options);
  const std::optional<Device> active = find_active(session, uuid);
  if (!active || (parent && *parent != active->parent)) {
    throw Failure{
        fmt::format("Mediated device {}{} is not active", parent ? parent->str() + "/" : "", uuid.str())};
  }
  StoredConfig stored{uuid, active->parent, {active->type->str()}};
  std::ignore = ask_attributes(session, stored);  // result unused; mdevctl runs the scripts here too
  return stored;
}

// Returns the definition of the active device. Throws Failure if their types differ.
StoredConfig find_definition_of(const Session& session, const StoredConfig& live) {
  KeptConfigs configs = session.configs({.parent = live.parent, .uuid = live.uuid});
  require_readable(configs);
  if (configs.all.empty()) {
    throw Failure{fmt::format("Mediated device {}/{} is not defined", live.parent.str(), live.uuid.str())};
  }
  if (configs.all.front().config.type != live.config.type) {
    throw Failure{"'type' of active and defined mdev does not match"};
  }
  return std::move(configs.all.front());
}

StoredConfig modify_live(Session& session, const Options& options) {
  for (const char* fixed : {"type", "auto", "manual"}) {
    if (options.has(fixed)) {
      throw Failure{fmt::format("'{}' cannot be changed on active mdev", fixed)};
    }
  }
  StoredConfig live = find_live(session, options);
  if (!options.has("jsonfile")) {
    throw Failure{"'live' option must be used with 'jsonfile' option"};
  }
  const std::string path = *options.text("jsonfile");
  require_file(path);
  StoredConfig wanted{live.uuid, live.parent, config_in(read_config_file(path))};
  if (wanted.config.type != live.config.type) {
    throw Failure{"'type' cannot be changed on active mdev"};
  }
  if (options.has("defined")) {
    wanted.file = find_definition_of(session, live).file;
  }
  try {
    session.hooks().live(event_of(HookAction::modify, wanted));
  } catch (const Error& error) {
    throw Failure{error.what()};
  }
  return wanted;
}

// Computes the definition again from the stored one, under the lock: without scripts a concurrent change is
// no error and must not be lost. With scripts, require_unchanged() rejects it.
StoredConfig recomputed(const Session& session, const Options& options, const StoredConfig& wanted) {
  if (options.has("live")) {
    find_definition_of(session, wanted);
  }
  return options.has("live") || options.has("jsonfile") ? wanted : changed(session, options);
}

}  // namespace

void run_modify(Session& session, const Options& options) {
  const StoredConfig wanted = options.has("live")       ? modify_live(session, options)
                              : options.has("jsonfile") ? by_file(session, options)
                                                        : changed(session, options);
  if (options.has("live") && !options.has("defined")) {
    return;
  }
  const std::optional<Config> before = stored_now(session, wanted);
  with_scripts(session, event_of(HookAction::modify, wanted, options.has("force")), [&] {
    const sys::FileLock lock = session.store().lock();
    const StoredConfig stored = recomputed(session, options, wanted);
    require_unchanged(session, wanted, before);
    write_config(session, stored, "modify");
  });
}

}  // namespace mdevadm::compat
