// Configuration of toml++ (header-only, without exceptions) and helpers for reading values. Internal header.
#pragma once

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
// std::from_chars() of floating-point numbers requires libm, which the program otherwise does not link. No
// key has such a value.
#define TOML_FLOAT_CHARCONV 0
// toml++ 3.3 asserts that a key follows "[" before it checks that, so that "[# comment" would end a debug
// build, and be undefined behaviour of clang's release builds, which assume what is asserted.
#define TOML_ASSERT(expr) static_assert(true)
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

// Aborts the reading of a file: a value is invalid.
struct Broken {
  toml::source_position where;
  std::string message;
  std::vector<Broken> others{};  // further invalid values of the same table or list
};

// Reads the values of a table or list: an invalid one does not keep the others from being checked.
class ValueReader {
 public:
  template <typename Work>
  void read(const Work& work) {
    try {
      work();
    } catch (const Broken& problem) {
      if (first_) {
        first_->others.push_back(problem);
      } else {
        first_ = problem;
      }
    }
  }
  // Throws Broken if any value was invalid.
  void end() const {
    if (first_) {
      throw Broken{*first_};
    }
  }

 private:
  std::optional<Broken> first_{};
};

[[noreturn]] void broken(const toml::node& node, std::string message);

// Parses a file. Use it instead of toml::parse(), whose behaviour is undefined if a letter that is not ASCII
// stands outside of strings and comments (toml++ 3.3 and 3.4: is_non_ascii_horizontal_whitespace()).
toml::parse_result parse_toml(std::string_view text, std::string_view path = {});

// Returns the position after a string or comment that begins at `begin`, and after which the text can go on;
// `begin` if none begins there. An unterminated string ends where the parser will find that.
std::size_t end_of_token(std::string_view text, std::size_t begin);

// Returns "invalid TOML: " and the parser's reason, without the name of the rule that it was applying.
std::string syntax_problem(const toml::parse_error& error);

// Returns "a table", "a string", ...
std::string kind_name(const toml::node& node);

// Return the value; call broken() with the key's name if it has another type.
std::string text_of(const toml::node& node, std::string_view key);
std::uint64_t count_of(const toml::node& node, std::string_view key);  // at least 1

// Formats a TOML basic string.
std::string toml_string(std::string_view text);

}  // namespace mdevadm::store
