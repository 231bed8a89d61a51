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

struct Row {
  StoredConfig stored;
  const char* remark = "";  // " (defined)"
};

// `rows` are sorted by parent. With --uuid and one row the result is a plain definition, as accepted by
// --jsonfile.
std::string to_json(const std::vector<Row>& rows, bool of_one) {
  if (of_one && rows.size() == 1) {
    return store::format_config(rows.front().stored.config, store::JsonForm::lines);
  }
  std::vector<StoredConfig> sorted;
  sorted.reserve(rows.size());
  std::transform(rows.begin(), rows.end(), std::back_inserter(sorted),
                 [](const Row& row) { return row.stored; });
  return store::format_configs(sorted);
}

std::string to_text(const std::vector<Row>& rows, bool verbose) {
  std::string text;
  for (const Row& row : rows) {
    const Config& config = row.stored.config;
    text += fmt::format("{} {} {} {}{}\n", row.stored.uuid.str(), row.stored.parent.str(), config.type,
                        config.start == StartMode::automatic ? "auto" : "manual", row.remark);
    text += verbose ? attribute_lines(config) : "";
  }
  return text;
}

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

std::vector<Row> active_rows(Session& session, const Options& options) {
  const Snapshot seen = devices(session, options);
  warn_of_names(seen.nameless);
  std::map<ParentName, KeptConfigs> defined;
  std::vector<Row> rows;
  for (const Device& device : seen.devices) {
    if (!defined.contains(device.parent)) {
      defined.emplace(device.parent, session.store().load_configs(
                                         {.parent = device.parent, .uuid = options.uuid(), .links = true}));
    }
    const KeptConfigs& configs = defined.at(device.parent);
    const StoredConfig* stored = configs.find(device.uuid, device.parent);
    Config config{device.type->str(), stored != nullptr ? stored->config.start : StartMode::manual};
    StoredConfig row{device.uuid, device.parent, std::move(config)};
    row.config.attributes = attributes_in(ask_attributes(session, row));
    rows.push_back({std::move(row), configs.has(device.uuid, device.parent) ? " (defined)" : ""});
  }
  return rows;
}

// Returns the device with this UUID and parent, or nullptr.
const Device* find_sorted(const Snapshot& seen, const StoredConfig& stored) {
  const auto found = std::lower_bound(seen.devices.begin(), seen.devices.end(), stored, by_parent);
  const bool is_it =
      found != seen.devices.end() && found->uuid == stored.uuid && found->parent == stored.parent;
  return is_it ? &*found : nullptr;
}

std::vector<Row> defined_rows(const Session& session, const Options& options) {
  const std::optional<std::string> given = options.text("parent");
  const std::optional<ParentName> parent = given ? ParentName::parse(*given) : std::nullopt;
  KeptConfigs configs =
      given && !parent ? KeptConfigs{} : session.configs({.parent = parent, .uuid = options.uuid()});
  warn_of_broken(configs);
  const bool shows_active = !options.has("dumpjson");
  const Snapshot seen = shows_active && !configs.all.empty() ? devices(session, options) : Snapshot{};
  std::vector<Row> rows;
  for (StoredConfig& stored : configs.all) {
    const Device* device = find_sorted(seen, stored);
    const bool is_active = device != nullptr && device->type->str() == stored.config.type;
    rows.push_back({std::move(stored), is_active ? " (active)" : ""});
  }
  return rows;
}

}  // namespace

void run_list(Session& session, const Options& options) {
  const std::vector<Row> rows =
      options.has("defined") ? defined_rows(session, options) : active_rows(session, options);
  session.out =
      options.has("dumpjson") ? to_json(rows, options.has("uuid")) : to_text(rows, options.has("verbose"));
}

}  // namespace mdevadm::compat
