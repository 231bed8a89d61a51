#include <mdevadm/render/grid.hpp>
#include <nlohmann/json.hpp>

namespace mdevadm::render {

namespace {

using Json = nlohmann::ordered_json;

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
  if (const auto* numbers = std::get_if<Numbers>(&value)) {
    return numbers->items;
  }
  if (const auto* object = std::get_if<Object>(&value)) {
    return to_json(object->fields);
  }
  if (const auto* shown = std::get_if<Number>(&value)) {
    return shown->value;
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

// Writes one item per line, so that a document can be read, searched and compared by line.
std::string dump_lines(const Json& array) {
  std::string text = "[";
  for (const Json& item : array) {
    text += (&item == &array.front() ? "\n" : ",\n") + dump_bare(item, -1);
  }
  return text + (array.empty() ? "]" : "\n]");
}

std::string dump_document(const Json& root) {
  std::string text;
  for (const auto& [key, value] : root.items()) {
    text += text.empty() ? '{' : ',';
    text += Json(key).dump() + ":" + (value.is_array() ? dump_lines(value) : dump_bare(value, -1));
  }
  return text + "}\n";
}

}  // namespace

List json_rows(const Grid& grid) {
  List rows;
  rows.items.reserve(grid.rows.size());
  for (const std::vector<Value>& row : grid.rows) {
    Record& object = rows.items.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      object.emplace_back(grid.columns[i].key, row[i]);
    }
  }
  return rows;
}

std::string render_json(const Grid& grid, const std::string& key, std::vector<std::string> notes) {
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
  root["notes"] = std::move(notes);
  return dump_document(root);
}

std::string render_json(const Record& fields) {
  Json root = Json::object();
  root["version"] = format_version;
  root.update(to_json(fields));
  return dump_document(root);
}

std::string render_bare_json(const Value& value) {
  return dump_bare(to_json(value), 2);
}

std::string render_json_line(const Record& fields) {
  return dump_bare(to_json(fields), -1) + "\n";
}

}  // namespace mdevadm::render
