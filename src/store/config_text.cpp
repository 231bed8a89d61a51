#include <mdevadm/store/config_text.hpp>

#include <iterator>
#include <mdevadm/store/json_text.hpp>
#include <nlohmann/json.hpp>

namespace mdevadm::store {

namespace {

// Read by order, written in order.
using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// Null, if there is none.
const Json& value_of(const Json& root, const char* key) {
  static const Json none;
  const auto found = root.find(key);  // of anything but an object: the end
  return found == root.end() ? none : *found;
}

Config config_in(const Json& root) {
  const Json& type = value_of(root, "mdev_type");
  const Json& start = value_of(root, "start");
  if (type.is_null() || start.is_null()) {
    throw JsonMistake{"invalid json"};
  }
  if (!type.is_string()) {
    throw JsonMistake{"invalid json: mdev_type must be of type str"};
  }
  Config config{type.get<std::string>(), start == "auto" ? StartMode::automatic : StartMode::manual};
  // To scripts, it would be another type.
  if (config.type.find('\0') != std::string::npos) {
    throw JsonMistake{"invalid json: mdev_type must not have a NUL in it"};
  }
  const Json& attributes = value_of(root, "attrs");
  if (!attributes.is_null()) {
    read_attributes(attributes, config.attributes);
  }
  return config;
}

OrderedJson to_json(const Config& config) {
  OrderedJson attributes = OrderedJson::array();
  for (const ConfigAttribute& attribute : config.attributes) {
    attributes.push_back({{attribute.name, attribute.value}});
  }
  return {{"mdev_type", config.type},
          {"start", config.start == StartMode::automatic ? "auto" : "manual"},
          {"attrs", std::move(attributes)}};
}

std::string dump(const OrderedJson& json, JsonForm form) {
  return json.dump(form == JsonForm::lines ? 2 : -1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace

ConfigContent parse_config(std::string_view text) {
  ConfigContent content;
  try {
    const Json root = parse_json(text);
    content.config = config_in(root);
    for (const auto& [key, value] : root.items()) {
      if (key != "mdev_type" && key != "start" && key != "attrs") {
        content.unknown.push_back(key);
      }
    }
  } catch (const JsonMistake& mistake) {
    content.line = mistake.line;
    content.column = mistake.column;
    content.message = mistake.message;
  }
  return content;
}

std::string format_config(const Config& config, JsonForm form) {
  return dump(to_json(config), form);
}

std::string format_configs(const std::vector<KeptConfig>& sorted) {
  OrderedJson by_parent = OrderedJson::object();
  for (const KeptConfig& kept : sorted) {
    if (by_parent.empty() || std::prev(by_parent.end()).key() != kept.parent.str()) {
      by_parent[kept.parent.str()] = OrderedJson::array();
    }
    by_parent.back().push_back({{kept.uuid.str(), to_json(kept.config)}});
  }
  OrderedJson list = OrderedJson::array();
  if (!by_parent.empty()) {
    list.push_back(std::move(by_parent));
  }
  return dump(list, JsonForm::lines);
}

}  // namespace mdevadm::store
