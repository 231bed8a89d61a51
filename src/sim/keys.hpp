// A table of a scenario's file, and its mistakes.
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

// A table whose keys are asked for by name; what nobody asked for is a mistake of whoever wrote it. What is
// not as it must be ends the reading of the file (store::Broken).
class Keys {
 public:
  // `what`: "a parent".
  Keys(const toml::table& table, std::string what) : table_(table), what_(std::move(what)) {}

  // nullptr if it is not there.
  const toml::node* find(std::string_view key);
  const toml::node& need(std::string_view key);

  // `otherwise` if it is not there; broken() if it is of another kind.
  std::string text(std::string_view key, std::string otherwise = {});
  std::uint64_t number(std::string_view key, std::uint64_t otherwise);
  bool truth(std::string_view key, bool otherwise);
  // MiB: a number of them, or a text such as "8192M" or "2G".
  std::uint64_t mebibytes(std::string_view key, std::uint64_t otherwise);
  // The errno of a name; 0 if it is not there.
  int error_number(std::string_view key);
  std::vector<std::uint64_t> numbers(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  std::vector<const toml::node*> list(std::string_view key);
  std::vector<const toml::table*> tables(std::string_view key);
  const toml::table* table(std::string_view key);

  // When all have been asked for.
  void finish() const;

  const toml::table& node() const { return table_; }

 private:
  const toml::table& table_;
  std::string what_;
  std::vector<std::string> asked_{};
};

// One of a few words, and what it stands for.
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

// A text that can be one word of a path.
std::string component(const toml::node& node, std::string_view key);

}  // namespace mdevadm::sim
