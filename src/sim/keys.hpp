// Access to a table of a scenario file, with error reporting.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <mdevadm/util/text.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../store/toml.hpp"

namespace mdevadm::sim {

inline constexpr std::uint64_t mebibyte = 1 << 20;

// A table whose keys are read by name; keys that were never read are reported as unknown. Invalid values
// throw store::Broken, which ends the reading of the file.
class Keys {
 public:
  // `what` names the table in messages: "a parent".
  Keys(const toml::table& table, std::string what) : table_(table), what_(std::move(what)) {}

  // Returns nullptr if the key does not exist.
  const toml::node* find(std::string_view key);
  const toml::node& need(std::string_view key);

  // Return `otherwise` if the key does not exist; call broken() if the value has another type.
  std::string text(std::string_view key, std::string otherwise = {});
  std::uint64_t number(std::string_view key, std::uint64_t otherwise);
  bool truth(std::string_view key, bool otherwise);
  // Returns a size in MiB, written as number of MiB or as text such as "8192M" or "2G".
  std::uint64_t mebibytes(std::string_view key, std::uint64_t otherwise);
  // Returns the value of an errno name; 0 if the key does not exist.
  int error_number(std::string_view key);
  std::vector<std::uint64_t> numbers(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  std::vector<const toml::node*> list(std::string_view key);
  std::vector<const toml::table*> tables(std::string_view key);
  const toml::table* table(std::string_view key);

  // Reports unknown keys; called after all keys have been read.
  void finish() const;

  const toml::table& node() const { return table_; }

 private:
  const toml::table& table_;
  std::string what_;
  std::vector<std::string> asked_{};
};

// Converts one of several keywords into its value.
template <typename Enum>
Enum choice(const toml::node& node, std::string_view key,
            std::initializer_list<std::pair<std::string_view, Enum>> words) {
  const std::string text = store::text_of(node, key);
  std::vector<std::string> known;
  for (const auto& [word, value] : words) {
    if (word == text) {
      return value;
    }
    known.emplace_back(word);
  }
  store::broken(node,
                fmt::format("'{}' must be one of {}, not '{}'", key, join(known, ", "), printable(text)));
}

// Returns the name with {} replaced by the number, and {x} by its two hexadecimal digits.
std::string numbered(std::string name, std::uint64_t number);

// Returns a text that is valid as a component of a path.
std::string component(const toml::node& node, std::string_view key);

}  // namespace mdevadm::sim
