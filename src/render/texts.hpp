// The cells of a table as texts, and their fitting to the width of a terminal.
#pragma once

#include <cstddef>
#include <mdevadm/render/grid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::render {

struct CellTexts {
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> rows;
};

// Shown for an absent value.
inline constexpr const char* nothing = "-";

// Returns the text of a cell, unescaped: libsmartcols escapes control characters as \xNN.
std::string text_of(const Value& value);
// Returns text_of() with control characters replaced, as tables show it.
std::string cell_text(const Value& value);
void append_text(const Value& value, std::string& text);

// Returns the number of terminal columns that the text takes, control characters escaped.
std::size_t columns_of(std::string_view text);

// Returns the text after `head` as a line; if it is longer than the width, as several lines, indented by
// `indent`, or by the length of the head.
std::string wrapped_line(const std::string& head, std::string_view text, std::size_t width,
                         std::optional<std::size_t> indent = std::nullopt);

// Returns the texts of the table, cut so that its lines fit `width` columns if possible. `indent` is the
// width of what is drawn before the first column of each row.
CellTexts fitted(const Grid& grid, std::size_t width, std::size_t indent = 0);

}  // namespace mdevadm::render
