#include <fmt/format.h>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

// The definition without the UUID, which may have to be generated.
struct Wanted {
  ParentName parent;
  Config config;
  std::string refusal;  // error message if it is already defined
  bool is_active = false;
};

Wanted wanted_by_file(const Session& session, const Options& options, const Uuid& uuid) {
  const std::string path = *options.text("jsonfile");
  require_file(path);
  const std::optional<ParentName> parent = parent_in(options);
  if (!parent) {
    throw Failure{fmt::format("Parent device required to define device via {}", shown(path))};
  }
  const std::string refusal =
      fmt::format("Cowardly refusing to overwrite existing config for {}/{}", parent->str(), uuid.str());
  if (session.store().has_config(uuid, *parent)) {
    throw Failure{refusal};
  }
  return {*parent, config_in(read_config_file(path)), refusal};
}

Wanted wanted_by_options(const Session& session, const Options& options, const Uuid& uuid) {
  std::optional<ParentName> parent = parent_in(options);
  std::optional<std::string> type = options.text("type");
  const std::optional<Device> active = options.has("uuid") ? find_active(session, uuid) : std::nullopt;
  if (active && !type) {
    parent = parent.value_or(active->parent);
    type = active->type->str();
  }
  if (!parent) {
    throw Failure{"No parent specified"};
  }
  if (!type) {
    throw Failure{"No type specified"};
  }
  const std::string refusal = fmt::format("Device {} on {} already defined", uuid.str(), parent->str());
  if (session.store().has_config(uuid, *parent)) {
    throw Failure{refusal};
  }
  const StartMode start = options.has("auto") ? StartMode::automatic : StartMode::manual;
  return {*parent, {*type, start}, refusal, active.has_value()};
}

// Returns the attributes of an active device. Unlike in listings, errors of scripts are failures.
std::vector<ConfigAttribute> live_attributes(Session& session, const StoredConfig& stored) {
  const ReportedAttributes reported = ask_attributes(session, stored);
  if (reported.error) {
    throw Failure{reported.error->what(), reported.error->hints()};
  }
  return attributes_in(reported);
}

}  // namespace

void run_define(Session& session, const Options& options) {
  const Uuid uuid = options.has("uuid") ? *options.uuid() : Uuid::random();
  Wanted wanted = options.has("jsonfile") ? wanted_by_file(session, options, uuid)
                                          : wanted_by_options(session, options, uuid);
  StoredConfig stored{uuid, wanted.parent, std::move(wanted.config)};
  with_scripts(session, event_of(HookAction::define, stored, options.has("force")), [&] {
    if (wanted.is_active) {
      stored.config.attributes = live_attributes(session, stored);
    }
    const sys::FileLock lock = session.store().lock();
    if (session.store().has_config(uuid, stored.parent)) {  // another process may have defined it
      throw Failure{wanted.refusal};
    }
    write_config(session, stored, "define");
  });
  if (!options.has("uuid")) {
    session.out += uuid.str() + "\n";
  }
}

}  // namespace mdevadm::compat
