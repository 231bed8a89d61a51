// Rows and columns as values, and what can be made of them: a table for people, JSON for programs.
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

// The fields of one object in a list, in order.
using Record = std::vector<std::pair<std::string, Value>>;

// A list of objects in JSON, one text in a table.
struct List {
  std::string text;
  std::vector<Record> items;
};

// One object in JSON; tables have none.
struct Object {
  Record fields;
};

// std::monostate: there is none (null in JSON, "-" in a table).
struct Value : std::variant<std::monostate, std::string, std::uint64_t, bool, List, Object> {
  using variant::variant;
};

struct ColumnInfo {
  std::string_view key;      // of -o and JSON: snake_case
  std::string_view heading;  // of the table
  Kind kind;
  std::string_view help;  // one line, for --list-columns
  Facet needs;            // what must have been looked at
  bool needs_definitions = false;
  bool needs_boot = false;  // what is remembered of this boot
};

// One column of rows of a kind.
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
  std::size_t width = 0;  // of the terminal; 0: as wide as it gets, nothing cut
  bool colour = false;
};

// Aligned columns with headings, a line a row; nothing for no rows.
std::string render_table(Grid grid, const TableStyle& style);

// Rows that belong to something: a heading, and how many of a grid's rows come below it.
struct Branch {
  std::string heading;
  std::size_t rows;
};

// The grid's rows below the headings of what they belong to, in order, the first column as a tree.
std::string render_tree(Grid grid, const std::vector<Branch>& branches, const TableStyle& style);

// "Heading:  value", a line a column, a blank line between rows; columns without a value are left out. A list
// is shown one item a line, numbered from 1.
std::string render_sheet(const Grid& grid);

// {"version": 1, "<key>": [ {…}, … ]}
std::string render_json(const Grid& grid, const std::string& key);

// {"version": 1, <fields>}
std::string render_json(const Record& fields);

// Nothing but the value, in lines, without a newline at the end.
std::string render_bare_json(const Value& value);

// {<fields>} on one line: for messages on stderr.
std::string render_json_line(const Record& fields);

}  // namespace mdevadm::render
