#include <fmt/format.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <memory>

#include <mdevadm/render/grid.hpp>
#include <mdevadm/util/text.hpp>

#include "smartcols.hpp"

namespace mdevadm::render {

namespace {

constexpr const char* nothing = "-";

// Returns the text of a cell, unescaped: libsmartcols escapes control characters as \xNN. Moves the text out
// of the value.
std::string take_text(Value&& value) {
  std::string text;
  if (auto* string = std::get_if<std::string>(&value)) {
    text = std::move(*string);
  } else if (auto* list = std::get_if<List>(&value)) {
    text = std::move(list->text);
  } else if (const auto* texts = std::get_if<Texts>(&value)) {
    text = join(texts->items, " ");
  } else if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    text = fmt::format("{}", *number);
  } else if (const auto* truth = std::get_if<bool>(&value)) {
    text = *truth ? "yes" : "no";
  }
  return text.empty() ? nothing : text;
}

std::string text_of(const Value& value) {
  return take_text(Value(value));
}

// Selects UTF-8 while it exists: libsmartcols measures text according to LC_CTYPE, which is "C" otherwise.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(::uselocale(locale_)) {}
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;
  ~Utf8Locale() {
    ::uselocale(before_);
    if (locale_ != nullptr) {
      ::freelocale(locale_);
    }
  }

 private:
  locale_t locale_;
  locale_t before_;
};

const char* colour_of(std::string_view key, const std::string& text) {
  if (key != "state") {
    return nullptr;
  }
  return text == "active" ? "green" : text == "drifted" ? "yellow" : "darkgray";
}

using TextRows = std::vector<std::vector<std::string>>;

// Returns true for columns that are truncated if the terminal is narrow: free text, never names or numbers.
bool yields(const ColumnInfo& info) {
  return info.kind == Kind::list || info.key == "description";
}

std::size_t letters_in(std::string_view text) {
  const auto begins_letter = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_letter));
}

std::size_t width_of(const ColumnInfo& info, std::size_t column, const TextRows& rows) {
  std::size_t width = info.heading.size();
  for (const std::vector<std::string>& row : rows) {
    width = std::max(width, letters_in(row[column]));
  }
  return width;
}

void add_columns(libscols_table* table, const Grid& grid, const TextRows& rows) {
  for (std::size_t i = 0; i < grid.columns.size(); ++i) {
    const ColumnInfo& info = grid.columns[i];
    const int flags = (info.kind == Kind::number ? SCOLS_FL_RIGHT : 0) | (yields(info) ? SCOLS_FL_TRUNC : 0);
    // libsmartcols reads a hint below 1 as a fraction of the line width, and otherwise as the minimum number
    // of columns.
    const double hint =
        yields(info) ? 0.1 : static_cast<double>(std::max<std::size_t>(width_of(info, i, rows), 2));
    smartcols().table_new_column(table, std::string(info.heading).c_str(), hint, flags);
  }
}

libscols_line* add_row(libscols_table* table, const Grid& grid, const std::vector<std::string>& row,
                       bool colour, libscols_line* above = nullptr) {
  libscols_line* line = smartcols().table_new_line(table, above);
  if (line == nullptr) {
    throw std::bad_alloc();
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    smartcols().line_set_data(line, i, row[i].c_str());
    const char* name = colour ? colour_of(grid.columns[i].key, row[i]) : nullptr;
    if (name != nullptr) {
      smartcols().cell_set_color(smartcols().line_get_cell(line, i), name);
    }
  }
  return line;
}

// Moves the texts out of the grid.
TextRows take_texts(Grid& grid) {
  TextRows rows;
  rows.reserve(grid.rows.size());
  for (std::vector<Value>& row : grid.rows) {
    std::vector<std::string> texts;
    texts.reserve(row.size());
    for (Value& value : row) {
      texts.push_back(take_text(std::move(value)));
    }
    rows.push_back(std::move(texts));
  }
  return rows;
}

// Returns true if the text is printable ASCII: one column per byte, nothing to escape.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Renders a table that needs no measuring, truncation or colours, with the same result as libsmartcols:
// measuring would take longer than reading the host. This is the usual case for piped output.
std::string plain_table(const Grid& grid, const TextRows& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < grid.columns.size(); ++i) {
    widths.push_back(width_of(grid.columns[i], i, rows));
  }
  std::string result;
  const auto add_cell = [&](std::size_t i, std::string_view text) {
    const std::size_t padding = widths[i] - text.size();
    const bool to_the_right = grid.columns[i].kind == Kind::number;
    const bool is_last = i + 1 == widths.size();
    result.append(to_the_right ? padding : 0, ' ')
        .append(text)
        .append(to_the_right || is_last ? 0 : padding, ' ');
    result += is_last ? '\n' : ' ';
  };
  for (std::size_t i = 0; i < widths.size(); ++i) {
    add_cell(i, grid.columns[i].heading);
  }
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      add_cell(i, row[i]);
    }
  }
  return result;
}

// `add_rows` adds the lines to the table after its columns have been added.
template <typename AddRows>
std::string smart_table(const Grid& grid, const TextRows& rows, const TableStyle& style,
                        const AddRows& add_rows) {
  const Utf8Locale locale;
  const std::unique_ptr<libscols_table, void (*)(libscols_table*)> table(smartcols().new_table(),
                                                                         smartcols().unref_table);
  if (!table) {
    throw std::bad_alloc();
  }
  smartcols().table_enable_colors(table.get(), style.colour ? 1 : 0);
  // If no column may be truncated, leave line breaks to the terminal.
  const bool fits_itself = style.width > 0 && std::any_of(grid.columns.begin(), grid.columns.end(), yields);
  smartcols().table_set_termforce(table.get(), fits_itself ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
  if (fits_itself) {
    smartcols().table_set_termwidth(table.get(), style.width);
  }
  add_columns(table.get(), grid, rows);
  add_rows(table.get());
  char* text = nullptr;
  if (smartcols().print_table_to_string(table.get(), &text) != 0) {
    throw std::bad_alloc();
  }
  const std::unique_ptr<char, void (*)(void*)> owner(text, std::free);
  return std::string(text) + "\n";
}

}  // namespace

std::string render_table(Grid grid, const TableStyle& style) {
  if (grid.rows.empty()) {
    return {};
  }
  const TextRows rows = take_texts(grid);
  const bool plain = style.width == 0 && !style.colour &&
                     std::all_of(rows.begin(), rows.end(), [](const std::vector<std::string>& row) {
                       return std::all_of(row.begin(), row.end(), is_plain);
                     });
  return plain ? plain_table(grid, rows) : smart_table(grid, rows, style, [&](libscols_table* table) {
    for (const std::vector<std::string>& row : rows) {
      add_row(table, grid, row, style.colour);
    }
  });
}

std::string render_tree(Grid grid, const std::vector<Branch>& branches, const TableStyle& style) {
  if (grid.rows.empty()) {
    return {};
  }
  const TextRows rows = take_texts(grid);
  return smart_table(grid, rows, style, [&](libscols_table* table) {
    smartcols().column_set_flags(smartcols().table_get_column(table, 0), SCOLS_FL_TREE);
    std::size_t next = 0;
    for (const Branch& branch : branches) {
      std::vector<std::string> heading(grid.columns.size());
      heading.front() = branch.heading;
      libscols_line* above = add_row(table, grid, heading, false);
      for (std::size_t i = 0; i < branch.rows; ++i) {
        add_row(table, grid, rows[next++], style.colour, above);
      }
    }
  });
}

namespace {

// Returns "name: value" for a record of two fields, otherwise a list of all non-empty fields with their keys.
std::string sheet_line(const Record& record) {
  if (record.size() == 2) {
    return fmt::format("{}: {}", printable(text_of(record[0].second)), printable(text_of(record[1].second)));
  }
  std::vector<std::string> fields;
  for (const auto& [key, value] : record) {
    if (const std::string text = text_of(value); text != nothing) {
      fields.push_back(fmt::format("{} {}", key, printable(text)));
    }
  }
  return join(fields, ", ");
}

}  // namespace

std::string render_sheet(const Grid& grid) {
  std::size_t width = 0;
  for (const ColumnInfo& info : grid.columns) {
    width = std::max(width, info.heading.size());
  }
  std::string result;
  for (const std::vector<Value>& row : grid.rows) {
    if (!result.empty()) {
      result += '\n';
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto* list = std::get_if<List>(&row[i]);
      const std::string heading = fmt::format("{}:", to_lower(grid.columns[i].heading));
      if (list != nullptr && !list->items.empty()) {
        result += heading + "\n";
        for (std::size_t n = 0; n < list->items.size(); ++n) {
          result += fmt::format("  {}. {}\n", n + 1, sheet_line(list->items[n]));
        }
      } else if (const std::string text = text_of(row[i]); text != nothing) {
        result += fmt::format("{:<{}} {}\n", heading, width + 1, printable(text));
      }
    }
  }
  return result;
}

}  // namespace mdevadm::render
