// Rows and columns as values, and their formatting as table, tree, list or JSON.
#pragma once

#include <cstdint>
#include <mdevadm/model/facet.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mdevadm::render {

enum class Kind { text, number, truth, list };

struct Value;

// The fields of a JSON object, in order.
using Record = std::vector<std::pair<std::string, Value>>;

// A list of objects in JSON, a single text in a table.
struct List {
  std::string text;
  std::vector<Record> items;
};

// A list of texts in JSON, joined by blanks in a table.
struct Texts {
  std::vector<std::string> items;
};

// An object in JSON; not used in tables.
struct Object {
  Record fields;
};

// std::monostate: no value (null in JSON, "-" in a table).
struct Value : std::variant<std::monostate, std::string, std::uint64_t, bool, List, Texts, Object> {
  using variant::variant;
};

struct ColumnInfo {
  std::string_view key;      // for -o and JSON: snake_case
  std::string_view heading;  // in tables
  Kind kind;
  std::string_view help;  // one line for --list-columns
  Facet needs;            // facets that must have been read
  bool needs_definitions = false;
  bool needs_boot = false;  // requires the autostart results of this boot
};

// A column for one row type.
template <typename Row>
struct Column {
  ColumnInfo info;
  Value (*cell)(const Row&);
};

struct Grid {
  std::vector<ColumnInfo> columns;
  std::vector<std::vector<Value>> rows;
};

template <typename Row>
Grid make_grid(const std::vector<Row>& rows, const std::vector<const Column<Row>*>& columns) {
  Grid grid;
  for (const Column<Row>* column : columns) {
    grid.columns.push_back(column->info);
  }
  grid.rows.reserve(rows.size());
  for (const Row& row : rows) {
    std::vector<Value>& cells = grid.rows.emplace_back();
    cells.reserve(columns.size());
    for (const Column<Row>* column : columns) {
      cells.push_back(column->cell(row));
    }
  }
  return grid;
}

struct TableStyle {
  std::size_t width = 0;  // of the terminal; 0: unlimited, no value is cut
  bool colour = false;
};

// Returns aligned columns with headings, one line per row; an empty string if there are no rows.
std::string render_table(Grid grid, const TableStyle& style);

// A heading and the number of rows of the grid below it.
struct Branch {
  std::string heading;
  std::size_t rows;
};

// Returns the rows below the headings of their branches, in order, with the first column as a tree.
std::string render_tree(Grid grid, const std::vector<Branch>& branches, const TableStyle& style);

// Returns "Heading:  value" lines, one per column, with a blank line between rows; columns without a value
// are omitted. Each item of a list has a line of its own, numbered from 1.
std::string render_sheet(const Grid& grid);

// Returns {"version": 1, "<key>": [ {…}, … ]}.
std::string render_json(const Grid& grid, const std::string& key);

// Returns {"version": 1, <fields>}.
std::string render_json(const Record& fields);

// Returns the value alone, pretty-printed, without a final newline.
std::string render_bare_json(const Value& value);

// Returns {<fields>} on one line, for messages on stderr.
std::string render_json_line(const Record& fields);

}  // namespace mdevadm::render
