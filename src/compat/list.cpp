#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/store/config_text.hpp>
#include <tuple>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

// Writes the rows, sorted by parent, one by one: thousands take much memory.
class Output {
 public:
  Output(Session& session, const Options& options)
      : session_(session),
        is_verbose_(options.has("verbose")),
        // With one row the result is a plain definition, as accepted by --jsonfile.
        keeps_first_(options.has("dumpjson") && options.has("uuid")) {
    if (options.has("dumpjson")) {
      json_.emplace(session_.out);
    }
  }

  // `remark`: " (defined)".
  void add(const Uuid& uuid, const ParentName& parent, const Config& config, const char* remark) {
    if (json_) {
      json_->add(uuid, parent, config);
    } else {
      session_.out += fmt::format("{} {} {} {}{}\n", uuid.str(), parent.str(), config.type,
                                  config.start == StartMode::automatic ? "auto" : "manual", remark);
      session_.out += is_verbose_ ? attribute_lines(config) : "";
    }
    if (keeps_first_ && count_ == 0) {
      first_ = config;
    }
    ++count_;
  }

  void finish() {
    if (json_) {
      json_->finish();
    }
    if (keeps_first_ && count_ == 1) {
      session_.out = store::format_config(first_, store::JsonForm::lines);
    }
  }

 private:
  Session& session_;
  bool is_verbose_;
  bool keeps_first_;
  std::optional<store::ConfigList> json_{};
  Config first_{};
  std::size_t count_ = 0;
};

Snapshot devices(const Session& session, const Options& options) {
  Snapshot seen = session.observe(
      {.facets = Facet::devices,
       .details_of = std::nullopt,
       .devices = options.has("uuid") ? std::optional(std::vector{*options.uuid()}) : std::nullopt,
       .bus_only = true});
  const std::optional<std::string> parent = options.text("parent");
  std::erase_if(seen.devices, [&](const Device& device) {
    return !is_listed(device) || (parent && device.parent.str() != *parent);
  });
  return seen;
}

void list_active(Session& session, const Options& options) {
  const Snapshot seen = devices(session, options);
  warn_of_names(seen.nameless);
  std::map<ParentName, KeptConfigs> defined;
  for (const Device& device : seen.devices) {
    if (!defined.contains(device.parent)) {
      defined.emplace(device.parent, session.store().load_configs(
                                         {.parent = device.parent, .uuid = options.uuid(), .links = true}));
    }
  }
  Output output(session, options);
  for (const Device& device : seen.devices) {
    const KeptConfigs& configs = defined.at(device.parent);
    const StoredConfig* stored = configs.find(device.uuid, device.parent);
    StoredConfig row{device.uuid,
                     device.parent,
                     {device.type->str(), stored != nullptr ? stored->config.start : StartMode::manual}};
    row.config.attributes = attributes_in(ask_attributes(session, row));
    output.add(row.uuid, row.parent, row.config, configs.has(device.uuid, device.parent) ? " (defined)" : "");
    if (!session.hooks().any() && !options.has("uuid")) {  // scripts can fail
      session.flush();
    }
  }
  output.finish();
}

// Returns the device with this UUID and parent, or nullptr.
const Device* find_sorted(const Snapshot& seen, const StoredConfig& stored) {
  const auto found = std::lower_bound(seen.devices.begin(), seen.devices.end(), stored, by_parent);
  const bool is_it =
      found != seen.devices.end() && found->uuid == stored.uuid && found->parent == stored.parent;
  return is_it ? &*found : nullptr;
}

void list_defined(Session& session, const Options& options) {
  const std::optional<std::string> given = options.text("parent");
  const std::optional<ParentName> parent = given ? ParentName::parse(*given) : std::nullopt;
  const KeptConfigs configs =
      given && !parent ? KeptConfigs{} : session.configs({.parent = parent, .uuid = options.uuid()});
  warn_of_broken(configs);
  const bool shows_active = !options.has("dumpjson");
  const Snapshot seen = shows_active && !configs.all.empty() ? devices(session, options) : Snapshot{};
  Output output(session, options);
  for (const StoredConfig& stored : configs.all) {
    const Device* device = find_sorted(seen, stored);
    const bool is_active = device != nullptr && device->type->str() == stored.config.type;
    output.add(stored.uuid, stored.parent, stored.config, is_active ? " (active)" : "");
    if (!options.has("uuid")) {
      session.flush();
    }
  }
  output.finish();
}

}  // namespace

void run_list(Session& session, const Options& options) {
  if (options.has("defined")) {
    list_defined(session, options);
  } else {
    list_active(session, options);
  }
}

}  // namespace mdevadm::compat
