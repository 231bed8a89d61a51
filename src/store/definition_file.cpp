#include <mdevadm/store/definition_file.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "shared_keys.hpp"
#include "toml.hpp"

namespace mdevadm::store {

namespace {

template <typename Checked>
Checked checked_text(const toml::node& node, std::string_view key, std::string_view rule) {
  const std::string text = text_of(node, key);
  auto value = Checked::parse(text);
  if (!value) {
    broken(node, fmt::format("invalid {1} '{0}': {2}", printable(text), key, rule));
  }
  return *std::move(value);
}

constexpr std::string_view component_rule = "must be a single path component without control characters";
constexpr std::string_view label_rule =
    "must not contain '/' or control characters, begin with '-' or be a UUID";
constexpr std::string_view attribute_rule = "must be a path below the device's directory, without '..'";
constexpr std::string_view uuid_rule = "must be 32 hexadecimal digits as 8-4-4-4-12";

class Reader {
 public:
  Reader(const std::string& path, FileContent& content) : path_(path), content_(content) {}

  // Reads the top level; values of `known` take precedence.
  void read(const toml::table& root, const Identity& known) {
    identify(root, known);
    const toml::node* type = root.get("type");
    if (type == nullptr) {
      throw Broken{{}, "missing required key 'type'"};
    }
    Definition result{*content_.uuid, *content_.parent,
                      checked_text<TypeName>(*type, "type", component_rule)};
    for (const auto& [key, node] : root) {
      read_key(key, node, result);
    }
    content_.definition = std::move(result);
  }

 private:
  void identify(const toml::table& root, const Identity& known) {
    content_.uuid = known.uuid;
    content_.parent = known.parent;
    if (const toml::node* node = root.get("uuid")) {
      const Uuid uuid = checked_text<Uuid>(*node, "uuid", uuid_rule);
      if (known.uuid && *known.uuid != uuid) {
        broken(*node, fmt::format("'uuid' is {} (expected {})", uuid.str(), known.uuid->str()));
      }
      content_.uuid = uuid;
    }
    if (const toml::node* node = root.get("parent")) {
      const ParentName parent = checked_text<ParentName>(*node, "parent", component_rule);
      if (known.parent && *known.parent != parent) {
        broken(*node, fmt::format("'parent' is '{}' (expected '{}')", parent.str(), known.parent->str()));
      }
      content_.parent = parent;
    }
    if (!content_.parent) {
      content_.lacks_parent = true;
      throw Broken{{}, "missing required key 'parent'"};
    }
    if (!content_.uuid) {
      content_.uuid = Uuid::random();
    }
  }

  void read_key(const toml::key& name, const toml::node& node, Definition& into) {
    const std::string_view key = name.str();
    if (key == "start") {
      into.start = read_start_mode(node);
    } else if (key == "name") {
      into.name = checked_text<Label>(node, key, label_rule);
    } else if (key == "aggregate") {
      into.aggregate = count_of(node, key);
    } else if (key == "create_args") {
      into.create_args = text_of(node, key);
    } else if (key == "attribute") {
      read_attributes(node, into);
    } else if (key == "node") {
      into.node = read_node_policy(node, path_, content_.problems);
    } else if (key == "vf") {
      into.function = checked_text<FunctionName>(node, key, component_rule);
    } else if (key == "abi") {
      read_abi(node, into);
    } else if (key != "type" && key != "uuid" && key != "parent") {
      content_.problems.push_back(unknown_key(path_, name));
    }
  }

  void read_attributes(const toml::node& node, Definition& into) {
    const toml::array* list = node.as_array();
    if (list == nullptr) {
      broken(node,
             fmt::format("'attribute' must be a list of tables ([[attribute]]), not {}", kind_name(node)));
    }
    for (const toml::node& element : *list) {
      const toml::table* table = element.as_table();
      const toml::node* name = table != nullptr ? table->get("name") : nullptr;
      const toml::node* value = table != nullptr ? table->get("value") : nullptr;
      if (name == nullptr || value == nullptr) {
        broken(element, "[[attribute]] requires the keys 'name' and 'value'");
      }
      into.attributes.push_back(
          {checked_text<AttributeName>(*name, "name", attribute_rule), text_of(*value, "value")});
      note_unknown_but(*table, {"name", "value"});
    }
  }

  // Preserves all recorded properties, including those of other versions; rejects values that are not
  // strings.
  void read_abi(const toml::node& node, Definition& into) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      broken(node, fmt::format("'abi' must be a table ([abi]), not {}", kind_name(node)));
    }
    Abi abi;
    for (const auto& [key, value] : *table) {
      abi.push_back({std::string(key.str()), text_of(value, key.str())});
    }
    into.abi = std::move(abi);
  }

  void note_unknown_but(const toml::table& table, std::initializer_list<std::string_view> known) {
    for (const auto& [key, node] : table) {
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
        content_.problems.push_back(unknown_key(path_, key));
      }
    }
  }

  const std::string& path_;
  FileContent& content_;
};

// Returns the value of the line `name = "..."` in a file that is not valid TOML, or an empty string: users
// refer to the device by this name, and the error must name the invalid file.
std::string name_in(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)) != "name") {
      continue;
    }
    const std::string_view value = trim(line.substr(equals + 1));
    const std::size_t end = value.find('"', 1);
    const bool is_quoted = value.starts_with('"') && end != std::string_view::npos;
    const auto label = is_quoted ? Label::parse(value.substr(1, end - 1)) : std::nullopt;
    return label ? label->str() : std::string{};
  }
  return {};
}

FileContent with_problem(FileContent content, FileProblem problem, std::string_view text) {
  content.problem = std::move(problem);
  content.problem.name = name_in(text);
  return content;
}

}  // namespace

FileContent parse_definition(std::string_view text, const std::string& path, const Identity& known) {
  FileContent content;
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(path));
  if (!parsed) {
    const toml::source_position where = parsed.error().source().begin;
    return with_problem({}, {path, where.line, where.column, syntax_problem(parsed.error())}, text);
  }
  try {
    Reader(path, content).read(parsed.table(), known);
  } catch (const Broken& broken) {
    return with_problem(std::move(content), {path, broken.where.line, broken.where.column, broken.message},
                        text);
  }
  return content;
}

}  // namespace mdevadm::store
