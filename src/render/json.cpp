#include <mdevadm/render/grid.hpp>

#include <fmt/format.h>

#include <iterator>
#include <mdevadm/util/text.hpp>
#include <nlohmann/json.hpp>

namespace mdevadm::render {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Record& record);

Json to_json(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* borrowed = std::get_if<Borrowed>(&value)) {
    return std::string(borrowed->text);
  }
  if (const auto* uuid = std::get_if<Uuid>(&value)) {
    return uuid->str();
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

// The library writes only the control characters below U+0020 as escapes. Others garble a terminal, too.
std::string escape_controls(std::string json) {
  if (!has_control_bytes(json)) {
    return json;
  }
  std::string result;
  for (std::size_t i = 0; i < json.size();) {
    const auto lead = static_cast<unsigned char>(json[i]);
    const std::size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const std::string_view character = std::string_view(json).substr(i, length);
    i += length;
    // Characters below U+0020 are between the values.
    if (lead < ' ' || length > 3 || !has_control_bytes(character)) {
      result += character;
      continue;
    }
    unsigned code = length == 1 ? lead : lead & (length == 2 ? 0x1fU : 0x0fU);
    for (const char c : character.substr(1)) {
      code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
    }
    fmt::format_to(std::back_inserter(result), "\\u{:04x}", code);
  }
  return result;
}

// Names and attribute values come from drivers and files: replace invalid UTF-8, which would throw by
// default.
std::string dump_bare(const Json& json, int indent) {
  return escape_controls(json.dump(indent, ' ', false, Json::error_handler_t::replace));
}

// Writes one item per line, so that a document can be read, searched and compared by line.
std::string dump_lines(const Json& array) {
  std::string text = "[";
  for (const Json& item : array) {
    text += (&item == &array.front() ? "\n" : ",\n") + dump_bare(item, -1);
  }
  return text + (array.empty() ? "]" : "\n]");
}

// Appends a text as the library writes it, which is slow: it examines each byte for its position in UTF-8.
void append_json_text(std::string_view text, std::string& out) {
  const auto is_special = [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '"' || c == '\\' || c == '\x7f';
  };
  const auto is_odd = [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; };
  unsigned odd = 0;  // counted without an early end, so that the compiler can examine many characters at once
  for (const char c : text) {
    odd += is_special(c) || is_odd(c) ? 1U : 0U;
  }
  if (odd != 0) {
    out += dump_bare(Json(std::string(text)), -1);
    return;
  }
  out.append(1, '"').append(text).append(1, '"');
}

void append_json(const Value& value, std::string& out);

// Appends a list, of which `append` writes an item.
template <typename Items, typename Append>
void append_json_list(const Items& items, std::string& out, const Append& append) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) {
      out += ',';
    }
    first = false;
    append(item);
  }
  out += ']';
}

void append_json(const Record& record, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : record) {
    if (!first) {
      out += ',';
    }
    first = false;
    append_json_text(key, out);
    out += ':';
    append_json(value, out);
  }
  out += '}';
}

void append_json(std::uint64_t number, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}", number);
}

// Appends what dump_bare(to_json(value), -1) returns. A unit test compares the two.
void append_json(const Value& value, std::string& out) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    append_json_text(*text, out);
  } else if (const auto* borrowed = std::get_if<Borrowed>(&value)) {
    append_json_text(borrowed->text, out);
  } else if (const auto* uuid = std::get_if<Uuid>(&value)) {
    out += '"';
    uuid->append_to(out);
    out += '"';
  } else if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    append_json(*number, out);
  } else if (const auto* truth = std::get_if<bool>(&value)) {
    out += *truth ? "true" : "false";
  } else if (const auto* list = std::get_if<List>(&value)) {
    append_json_list(list->items, out, [&](const Record& item) { append_json(item, out); });
  } else if (const auto* texts = std::get_if<Texts>(&value)) {
    append_json_list(texts->items, out, [&](const std::string& item) { append_json_text(item, out); });
  } else if (const auto* numbers = std::get_if<Numbers>(&value)) {
    append_json_list(numbers->items, out, [&](std::uint64_t item) { append_json(item, out); });
  } else if (const auto* object = std::get_if<Object>(&value)) {
    append_json(object->fields, out);
  } else if (const auto* shown = std::get_if<Number>(&value)) {
    append_json(shown->value, out);
  } else {
    out += "null";
  }
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

JsonRows::JsonRows(const std::vector<ColumnInfo>& columns, std::string_view key, std::string& out)
    : out_(out) {
  for (const ColumnInfo& column : columns) {
    std::string& text = keys_.emplace_back(keys_.empty() ? "{" : ",");
    append_json_text(column.key, text);
    text += ':';
  }
  fmt::format_to(std::back_inserter(out_), R"({{"version":{},)", format_version);
  append_json_text(key, out_);
  out_ += ":[";
}

void JsonRows::add(const Value& value) {
  if (next_ == 0) {
    out_ += empty_ ? "\n" : ",\n";
    empty_ = false;
  }
  out_ += keys_[next_];
  append_json(value, out_);
  if (++next_ == keys_.size()) {
    out_ += '}';
    next_ = 0;
  }
}

void JsonRows::finish(const std::vector<std::string>& notes) {
  out_ += empty_ ? R"(],"notes":)" : "\n],\"notes\":";
  out_ += dump_lines(notes) + "}\n";
}

std::string render_json(const Grid& grid, std::string_view key, const std::vector<std::string>& notes) {
  std::string text;
  JsonRows json(grid.columns, key, text);
  for (const std::vector<Value>& row : grid.rows) {
    for (const Value& value : row) {
      json.add(value);
    }
  }
  json.finish(notes);
  return text;
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
