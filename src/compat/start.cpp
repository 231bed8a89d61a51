#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/plan/attributes.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/run/interrupted.hpp>
#include <mdevadm/util/text.hpp>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

StoredConfig by_file(const Options& options, const Uuid& uuid) {
  const std::string text = read_config_file(*options.text("jsonfile"));
  const std::optional<ParentName> parent = parent_in(options);
  if (!parent) {
    throw Failure{"Parent device required to start device via json file"};
  }
  return {uuid, *parent, config_in(text)};
}

StoredConfig by_options(const Options& options, const Uuid& uuid) {
  const std::optional<ParentName> parent = parent_in(options);
  const std::optional<std::string> type = options.text("type");
  if (type && !parent) {
    throw Failure{"can't provide type without parent"};
  }
  if (!type || !parent) {
    throw Failure{"Device is insufficiently specified"};
  }
  return {uuid, *parent, {*type}};
}

StoredConfig wanted(const Session& session, const Options& options, const Uuid& uuid) {
  if (options.has("jsonfile")) {
    return by_file(options, uuid);
  }
  const KeptConfigs configs =
      options.has("uuid") ? session.configs({.parent = parent_in(options), .uuid = uuid}) : KeptConfigs{};
  require_readable(configs);
  if (configs.all.size() > 1) {
    throw Failure{
        fmt::format("Multiple definitions found for device {}. Please specify a parent.", uuid.str())};
  }
  if (configs.all.empty()) {
    return by_options(options, uuid);
  }
  const StoredConfig& stored = configs.all.front();
  if (options.text("type").value_or(stored.config.type) != stored.config.type) {
    throw Failure{fmt::format("Device {} already exists on parent {} with type {}", uuid.str(),
                              stored.parent.str(), stored.config.type)};
  }
  return stored;
}

void require_inactive(const Snapshot& seen, const StoredConfig& stored) {
  const Device* active = seen.find_device(stored.uuid);
  if (active == nullptr || !is_listed(*active)) {
    return;
  }
  throw Failure{active->parent != stored.parent             ? "Device exists under different parent"
                : active->type->str() != stored.config.type ? "Device exists with different type"
                                                            : "Device already exists"};
}

// Returns false for a GPU whose virtual functions have vGPUs without mdev: mdevctl can neither list nor stop
// these.
bool is_for_mdevs(const Parent& parent) {
  return !parent.capabilities.named_by_function;
}

const Parent& require_parent(const Snapshot& seen, const std::string& name) {
  if (!seen.mdev_support) {
    throw Failure{cause_of(ENOENT)};
  }
  const Parent* parent = seen.find_parent(name);
  if (parent == nullptr || !is_for_mdevs(*parent)) {
    std::vector<std::string> names;
    for (const Parent& one : seen.parents) {
      if (is_for_mdevs(one)) {
        names.push_back(one.name.str());
      }
    }
    const auto alike = std::find_if(names.begin(), names.end(),
                                    [&](const std::string& one) { return to_lower(one) == to_lower(name); });
    throw Failure{fmt::format("Unable to find parent device '{}'{}", name,
                              alike == names.end() ? "" : fmt::format(". Did you mean '{}'?", *alike))};
  }
  if (parent->interface.empty()) {
    throw Failure{fmt::format("Parent {} is not currently registered for mdev support", name)};
  }
  return *parent;
}

// Checks what mdevctl checks, in its order and with its messages, before the plan's own checks.
Definition require_startable(const Session& session, const Snapshot& seen, const StoredConfig& stored) {
  require_inactive(seen, stored);
  const std::string& name = stored.parent.str();
  const Parent& parent = require_parent(seen, name);
  const Type* type = parent.find_type(stored.config.type);
  if (type == nullptr) {
    throw Failure{fmt::format("Parent {} does not support mdev type {}", name, stored.config.type)};
  }
  if (available_instances(session, parent, *type) == 0) {
    throw Failure{fmt::format("No available instances of {} on {}", stored.config.type, name)};
  }
  for (const ConfigAttribute& attribute : stored.config.attributes) {
    const auto name_in_sysfs = AttributeName::parse(attribute.name);
    if (!name_in_sysfs || !why_never_set(*name_in_sysfs).empty()) {
      throw Failure{fmt::format("Invalid attribute '{}'", attribute.name)};
    }
  }
  return *definition_of(stored).definition;
}

// Returns the attribute that could not be written, as the definition names it.
std::optional<Attribute> attribute_written_by(const std::optional<Action>& action) {
  if (!action) {
    return std::nullopt;
  }
  if (const auto* write = std::get_if<WriteTypeAttribute>(&*action)) {
    const auto name = AttributeName::parse("mdev_type/" + write->attribute.name.str());
    return name ? std::optional(Attribute{*name, write->attribute.value}) : std::nullopt;
  }
  const auto* write = std::get_if<WriteAttribute>(&*action);
  return write != nullptr ? std::optional(write->attribute) : std::nullopt;
}

Failure explained(const Session& session, const JobResult& result, const Definition& wanted) {
  const Error& error = *result.error;
  if (result.undo_error) {
    return failure_of(fmt::format("Error removing device {}", wanted.uuid.str()), *result.undo_error);
  }
  if (result.failed_action && std::holds_alternative<CreateDevice>(*result.failed_action)) {
    return failure_of(fmt::format("Failed to create mdev {}, type {} on {}", wanted.uuid.str(),
                                  wanted.type.str(), wanted.parent.str()),
                      error, session.file_of(result.failed_action));
  }
  const std::optional<Attribute> attribute = attribute_written_by(result.failed_action);
  if (attribute && (error.number() == ENOENT || error.number() == EXDEV)) {
    return {fmt::format("Invalid attribute '{}'", attribute->name.str())};
  }
  if (attribute) {
    return failure_of(
        fmt::format("Failed to write {} to attribute {}", attribute->value, attribute->name.str()), error,
        session.file_of(result.failed_action));
  }
  return {error.what()};
}

// Starts a device; the caller holds the parent lock.
void start(const Session& session, const StoredConfig& stored) {
  const Snapshot seen = session.observe(
      {Facet::devices | Facet::types | Facet::available, std::vector{stored.parent}, std::nullopt});
  const Definition definition = require_startable(session, seen, stored);
  const StartOptions options{.bare = true};
  const JobResult result = session.carry_out(StartPlanner(seen, options).plan(definition));
  if (result.error) {
    throw explained(session, result, definition);
  }
  if (result.outcome == Outcome::unchanged) {  // another process has started it
    throw Failure{"Device already exists"};
  }
}

// Locks the parent before the pre scripts, like mdevadm's own start: a script may hold a lock from pre to
// post.
void start_with_scripts(Session& session, const StoredConfig& stored, bool forced) {
  auto locks = lock_parent(session, stored.parent);
  with_scripts(
      session, event_of(HookAction::start, stored, forced), [&] { start(session, stored); },
      std::move(locks));
}

}  // namespace

void run_start(Session& session, const Options& options) {
  const Uuid uuid = options.has("uuid") ? *options.uuid() : Uuid::random();
  const StoredConfig stored = wanted(session, options, uuid);
  start_with_scripts(session, stored, options.has("force"));
  if (!options.has("uuid")) {
    session.out += uuid.str() + "\n";
  }
}

// Called by the udev rule: prints errors as warnings and succeeds.
void run_start_parent(Session& session, const Options& options) {
  const auto parent = ParentName::parse(*options.text("parent"));
  const KeptConfigs configs = parent ? session.configs({.parent = parent}) : KeptConfigs{};
  warn_of_broken(configs);
  for (const StoredConfig& stored : configs.all) {
    throw_if_interrupted();
    if (stored.config.start != StartMode::automatic) {
      continue;
    }
    try {
      start_with_scripts(session, stored, false);
    } catch (const Failure& failure) {
      warn("mdevctl", failure.text);
      for (const std::string& cause : failure.causes) {
        warn("mdevctl", cause);
      }
    } catch (const Error& error) {
      warn("mdevctl", error.what());
    }
  }
}

}  // namespace mdevadm::compat
