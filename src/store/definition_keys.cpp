#include "definition_keys.hpp"

#include <algorithm>

#include <mdevadm/model/ap.hpp>

#include "shared_keys.hpp"

namespace mdevadm::store {

namespace {

constexpr std::string_view attribute_rule = "must be a path below the device's directory, without '..'";

ApSet queue_numbers(const toml::node& node, std::string_view key, ApKind kind) {
  if (const toml::value<std::int64_t>* number = node.as_integer()) {
    if (number->get() < 0 || number->get() >= ap_numbers) {
      broken(node, fmt::format("{} {} is out of range (expected 0 to 255)", ap_word(kind), number->get()));
    }
    return ApSet{}.set(static_cast<std::size_t>(number->get()));
  }
  if (!node.is_string()) {
    broken(node, fmt::format("'{}' must have numbers and strings, not {}", key, kind_name(node)));
  }
  const std::string text = text_of(node, key);
  const ApReading reading = read_ap_list(text, kind);
  if (!reading.problem.empty()) {
    broken(node, reading.problem);
  }
  if (!reading.change.replaces || reading.change.added.none()) {
    broken(node, fmt::format("invalid {} '{}' (expected a number or a range such as \"0x05\" or \"0-4\")",
                             ap_word(kind), printable(text)));
  }
  return reading.change.added;
}

ApSet numbers_in(const toml::node& node, std::string_view key, ApKind kind) {
  const toml::array* list = node.as_array();
  if (list == nullptr) {
    broken(node, fmt::format("'{}' must be a list of numbers and strings, not {}", key, kind_name(node)));
  }
  ApSet result;
  ValueReader values;
  for (const toml::node& element : *list) {
    values.read([&] {
      const ApSet numbers = queue_numbers(element, key, kind);
      if ((result & numbers).any()) {
        broken(element,
               fmt::format("{} {} is listed twice", ap_word(kind), format_ap_list(result & numbers, kind)));
      }
      result |= numbers;
    });
  }
  values.end();
  return result;
}

// Adds the attributes that assign what the table [ap] says.
void add_queues(const toml::node& node, Definition& into) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    broken(node, fmt::format("'ap' must be a table ([ap]), not {}", kind_name(node)));
  }
  for (const Attribute& attribute : into.attributes) {
    if (is_ap_attribute(attribute)) {
      broken(node,
             fmt::format("the table [ap] and the attribute '{}' exclude each other", attribute.name.str()));
    }
  }
  ApMatrix matrix;
  ValueReader values;
  for (const auto& [name_of_kind, list] : *table) {
    values.read([&, &key = name_of_kind, &value = list] {
      const auto kind = std::find_if(ap_kinds.begin(), ap_kinds.end(), [name = key.str()](ApKind one) {
        return name == std::string(ap_name(one)) + "s";
      });
      if (kind == ap_kinds.end()) {
        throw Broken{key.source().begin,
                     fmt::format("unknown key '{}' in [ap] (expected adapters, domains or control_domains)",
                                 printable(key.str()))};
      }
      matrix.of(*kind) = numbers_in(value, key.str(), *kind);
    });
  }
  values.end();
  const std::vector<Attribute> assignments = assignments_of(matrix);
  into.attributes.insert(into.attributes.begin(), assignments.begin(), assignments.end());
  into.queue_table = true;
}

FunctionName read_function(const toml::node& node) {
  const std::string text = text_of(node, "vf");
  const std::optional<FunctionName> function = function_of(text);
  if (!function) {
    broken(node, fmt::format("invalid vf '{}' (expected a PCI address such as 0000:41:00.4, or \"{}\")",
                             printable(text), any_function));
  }
  return *function;
}

// Preserves all recorded properties, including those of other versions; rejects values that are not strings.
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

}  // namespace

bool DefinitionKeys::read(const toml::key& name, const toml::node& node, Definition& into) {
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
    into.node = read_node_policy(node, path_, problems_);
  } else if (key == "vf") {
    into.function = read_function(node);
  } else if (key == "abi") {
    read_abi(node, into);
  } else if (key == "applied_by") {
    into.applied_by = checked_text<Uuid>(node, key, uuid_rule);
  } else {
    return key == "ap";
  }
  return true;
}

void DefinitionKeys::read_queues(const toml::table& root, Definition& into) {
  if (const toml::node* table = root.get("ap")) {
    add_queues(*table, into);
  }
}

void DefinitionKeys::read_attributes(const toml::node& node, Definition& into) {
  const toml::array* list = node.as_array();
  if (list == nullptr) {
    broken(node,
           fmt::format("'attribute' must be a list of tables ([[attribute]]), not {}", kind_name(node)));
  }
  ValueReader values;
  for (const toml::node& element : *list) {
    values.read([&] {
      const toml::table* table = element.as_table();
      const toml::node* name = table != nullptr ? table->get("name") : nullptr;
      const toml::node* value = table != nullptr ? table->get("value") : nullptr;
      if (name == nullptr || value == nullptr) {
        broken(element, "[[attribute]] requires the keys 'name' and 'value'");
      }
      into.attributes.push_back(
          {checked_text<AttributeName>(*name, "name", attribute_rule), text_of(*value, "value")});
      note_unknown_but(*table, {"name", "value"});
    });
  }
  values.end();
}

void DefinitionKeys::note_unknown_but(const toml::table& table,
                                      std::initializer_list<std::string_view> known) {
  for (const auto& [key, node] : table) {
    if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
      problems_.push_back(unknown_key(path_, key));
    }
  }
}

}  // namespace mdevadm::store
