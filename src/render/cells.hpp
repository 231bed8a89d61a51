// Cells of values that several tables show.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/render/grid.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm::render {

inline constexpr Facet dev = Facet::devices;

template <typename T>
Value text_or_none(const std::optional<T>& name) {
  return name ? Value(name->str()) : Value();
}

template <>
inline Value text_or_none(const std::optional<std::string>& text) {
  return text ? Value(*text) : Value();
}

// `name` is a part of the row, not a temporary object.
template <typename T>
Value borrowed_or_none(const std::optional<T>& name) {
  return name ? Value(Borrowed{name->str()}) : Value();
}
template <typename T>
Value borrowed_or_none(std::optional<T>&& name) = delete;

inline Value text_or_none(const std::string& text) {
  return text.empty() ? Value() : Value(text);
}

inline Value truth_or_none(const std::optional<bool>& value) {
  return value ? Value(*value) : Value();
}

inline Value number_or_none(const std::optional<std::uint64_t>& number) {
  return number ? Value(*number) : Value();
}

inline std::string_view start_word(StartMode start) {
  return start == StartMode::automatic ? "auto" : "manual";
}

// Returns the octal permissions of a node policy, as in its file.
inline std::optional<std::string> mode_text(const NodePolicy& node) {
  return node.mode ? std::optional(fmt::format("{:04o}", *node.mode)) : std::nullopt;
}

}  // namespace mdevadm::render
