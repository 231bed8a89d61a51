#include <mdevadm/render/grid.hpp>
#include <nlohmann/json.hpp>

namespace mdevadm::render {

namespace {

using Json = nlohmann::ordered_json;

constexpr int format_version = 1;

Json to_json(const Record& record);

Json to_json(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    return *number;
  }
  if (const auto* truth = std::get_if<bool>(&value)) {
    return *truth;
  }
  if (const auto* list = std::get_if<List>(&value)) {
    Json array = Json::array();
    for (const Record& item : list->items) {
      array.push_back(to_json(item));
    }
    return array;
  }
  if (const auto* texts = std::get_if<Texts>(&value)) {
    return texts->items;
  }
  if (const auto* object = std::get_if<Object>(&value)) {
    return to_json(object->fields);
  }
  return nullptr;
}

Json to_json(const Record& record) {
  Json object = Json::object();
  for (const auto& [key, value] : record) {
    object[key] = to_json(value);
  }
  return object;
}

// Names and attribute values come from drivers and files: replace invalid UTF-8, which would throw by
// default.
std::string dump_bare(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string dump(const Json& json, int indent) {
  return dump_bare(json, indent) + "\n";
}

}  // namespace

std::string render_json(const Grid& grid, const std::string& key) {
  Json rows = Json::array();
  for (const std::vector<Value>& row : grid.rows) {
    Json object = Json::object();
    for (std::size_t i = 0; i < row.size(); ++i) {
      object[std::string(grid.columns[i].key)] = to_json(row[i]);
    }
    rows.push_back(std::move(object));
  }
  Json root = Json::object();
  root["version"] = format_version;
  root[key] = std::move(rows);
  return dump(root, 2);
}

std::string render_json(const Record& fields) {
  Json root = Json::object();
  root["version"] = format_version;
  root.update(to_json(fields));
  return dump(root, 2);
}

std::string render_bare_json(const Value& value) {
  return dump_bare(to_json(value), 2);
}

std::string render_json_line(const Record& fields) {
  return dump(to_json(fields), -1);
}

}  // namespace mdevadm::render
