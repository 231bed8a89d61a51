#include <mdevadm/model/type_table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::string_view nvidia_columns =
    "vgpu_type_id, vgpu_type, max_instance, num_heads, frl_config, framebuffer, max_resolution";

// Splits a line at commas outside double quotes; removes the quotes and the blanks around fields.
std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  for (std::string& field : fields) {
    field = std::string(trim(field));
  }
  return fields;
}

class TableReader {
 public:
  // Returns false if the header cannot name the columns of a table of types.
  bool set_columns(std::string_view header) {
    columns_ = fields_of(header);
    const auto all_named = [](const std::string& name) {
      return !name.empty() && name.find_first_of(" \t=:") == std::string::npos;
    };
    if (columns_.size() < 2 || !std::all_of(columns_.begin(), columns_.end(), all_named)) {
      return false;
    }
    id_ = find({"type_id", "id"}).value_or(0);
    name_ = find({"type", "type_name", "name"});
    most_ = find({"max_instance", "max_instances"});
    return true;
  }

  const std::string& id_column() const { return columns_[id_]; }

  std::optional<Type> read(std::string_view line) const {
    const std::vector<std::string> fields = fields_of(line);
    const auto id = id_ < fields.size() ? TypeName::parse(fields[id_]) : std::nullopt;
    if (!id || fields.size() < 2) {
      return std::nullopt;
    }
    Type type{.id = *id};
    std::vector<std::string> pairs;
    for (std::size_t i = 0; i < std::min(fields.size(), columns_.size()); ++i) {
      if (i == name_) {
        type.name = fields[i];
      } else if (i != id_ && !fields[i].empty()) {
        type.properties.push_back({columns_[i], parse_property_value(fields[i]), fields[i]});
        pairs.push_back(fmt::format("{}={}", columns_[i], fields[i]));
      }
    }
    if (most_ && *most_ < fields.size()) {
      type.maximum = parse_decimal(fields[*most_]);
    }
    if (!pairs.empty()) {
      type.description = join(pairs, ", ");
    }
    return type;
  }

 private:
  // Returns the first column whose name is one of these or ends in an underscore and one of these.
  std::optional<std::size_t> find(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names) {
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (columns_[i] == name || columns_[i].ends_with(fmt::format("_{}", name))) {
          return i;
        }
      }
    }
    return std::nullopt;
  }

  std::vector<std::string> columns_;
  std::size_t id_ = 0;
  std::optional<std::size_t> name_;
  std::optional<std::size_t> most_;
};

// Without a header only lines in NVIDIA's format are accepted: a number, a name, a number.
bool is_nvidia_line(std::string_view line) {
  const std::vector<std::string> fields = fields_of(line);
  return fields.size() >= 3 && parse_decimal(fields[0]) && !fields[1].empty() && parse_decimal(fields[2]);
}

}  // namespace

TypeTable parse_type_table(std::string_view text) {
  TypeTable table;
  TableReader reader;
  bool has_header = false;
  bool has_text = false;
  reader.set_columns(nvidia_columns);
  for (const std::string_view raw : split(text, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty()) {
      continue;
    }
    has_text = true;
    if (line.front() == '#') {
      TableReader next;
      if (!has_header && next.set_columns(line.substr(1))) {
        reader = next;
        has_header = true;
      }
      continue;
    }
    if (has_header || is_nvidia_line(line)) {
      if (std::optional<Type> type = reader.read(line)) {
        table.types.push_back(*std::move(type));
      }
    }
  }
  // An empty file is a valid table without types: nothing more can be created on the parent.
  table.understood = has_header || !table.types.empty() || !has_text;
  table.id_column = reader.id_column();
  return table;
}

}  // namespace mdevadm
