#include "keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/names.hpp>
#include <mdevadm/model/property.hpp>
#include <mdevadm/sim/scenario.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::sim {

using store::broken;
using store::Broken;

const toml::node* Keys::find(std::string_view key) {
  asked_.emplace_back(key);
  return table_.get(key);
}

const toml::node& Keys::need(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    broken(table_, fmt::format("missing required key '{}' in {}", key, what_));
  }
  return *node;
}

std::string Keys::text(std::string_view key, std::string otherwise) {
  const toml::node* node = find(key);
  return node == nullptr ? std::move(otherwise) : store::text_of(*node, key);
}

std::uint64_t Keys::number(std::string_view key, std::uint64_t otherwise) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    return otherwise;
  }
  const auto* value = node->as_integer();
  if (value == nullptr || value->get() < 0) {
    broken(*node, fmt::format("'{}' must be a whole number, 0 or more", key));
  }
  return static_cast<std::uint64_t>(value->get());
}

bool Keys::truth(std::string_view key, bool otherwise) {
  const toml::node* node = find(key);
  if (node != nullptr && node->as_boolean() == nullptr) {
    broken(*node, fmt::format("'{}' must be true or false, not {}", key, store::kind_name(*node)));
  }
  return node == nullptr ? otherwise : node->as_boolean()->get();
}

std::uint64_t Keys::mebibytes(std::string_view key, std::uint64_t otherwise) {
  const toml::node* node = find(key);
  if (node == nullptr || node->is_integer()) {
    asked_.pop_back();
    return number(key, otherwise);
  }
  const PropertyValue value = parse_property_value(store::text_of(*node, key));
  const auto* bytes = std::get_if<Bytes>(&value);
  if (bytes == nullptr || bytes->count % mebibyte != 0) {
    broken(*node, fmt::format(R"('{}' must be a size in whole MiB, such as "8192M")", key));
  }
  return bytes->count / mebibyte;
}

int Keys::error_number(std::string_view key) {
  const toml::node* node = find(key);
  const auto number = node == nullptr ? std::optional(0) : find_errno(store::text_of(*node, key));
  if (!number) {
    broken(*node, fmt::format(R"('{}' must be an errno such as "ENOSPC", not "{}")", key,
                              printable(store::text_of(*node, key))));
  }
  return *number;
}

std::vector<std::uint64_t> Keys::numbers(std::string_view key) {
  std::vector<std::uint64_t> result;
  for (const toml::node* node : list(key)) {
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < 0) {
      broken(*node, fmt::format("'{}' must be a list of whole numbers", key));
    }
    result.push_back(static_cast<std::uint64_t>(value->get()));
  }
  return result;
}

std::vector<std::string> Keys::texts(std::string_view key) {
  std::vector<std::string> result;
  for (const toml::node* node : list(key)) {
    result.push_back(store::text_of(*node, key));
  }
  return result;
}

std::vector<const toml::node*> Keys::list(std::string_view key) {
  std::vector<const toml::node*> result;
  if (const toml::node* node = find(key)) {
    if (node->as_array() == nullptr) {
      broken(*node, fmt::format("'{}' must be a list, not {}", key, store::kind_name(*node)));
    }
    for (const toml::node& element : *node->as_array()) {
      result.push_back(&element);
    }
  }
  return result;
}

std::vector<const toml::table*> Keys::tables(std::string_view key) {
  std::vector<const toml::table*> result;
  for (const toml::node* node : list(key)) {
    if (node->as_table() == nullptr) {
      broken(*node, fmt::format("'{}' must be a list of tables ([[{}]]), not {}", key, key,
                                store::kind_name(*node)));
    }
    result.push_back(node->as_table());
  }
  return result;
}

const toml::table* Keys::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node != nullptr && node->as_table() == nullptr) {
    broken(*node, fmt::format("'{}' must be a table, not {}", key, store::kind_name(*node)));
  }
  return node == nullptr ? nullptr : node->as_table();
}

void Keys::finish() const {
  for (const auto& [key, node] : table_) {
    if (std::find(asked_.begin(), asked_.end(), key.str()) == asked_.end()) {
      const std::string meant = did_you_mean(key.str(), asked_);
      throw Broken{key.source().begin, fmt::format("unknown key '{}' in {}{}", printable(key.str()), what_,
                                                   meant.empty() ? "" : fmt::format(" ({})", meant))};
    }
  }
}

std::string component(const toml::node& node, std::string_view key) {
  std::string text = store::text_of(node, key);
  if (!is_component(text)) {
    broken(node, fmt::format("invalid {1} '{0}': must be a single path component", printable(text), key));
  }
  return text;
}

std::string numbered(std::string name, std::uint64_t number) {
  for (const auto& [mark, text] :
       {std::pair{"{}", fmt::format("{}", number)}, std::pair{"{x}", fmt::format("{:02x}", number)}}) {
    if (const std::size_t at = name.find(mark); at != std::string::npos) {
      name.replace(at, std::string_view(mark).size(), text);
    }
  }
  return name;
}

}  // namespace mdevadm::sim
