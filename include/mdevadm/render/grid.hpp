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

// What a cell holds, and how it gives way if the terminal is too narrow for the table (render/fit.cpp).
enum class Kind {
  text,      // a name or a path: cut last
  word,      // an identifier or a keyword: never cut
  uuid,      // cut to a prefix that is unique in the table
  sentence,  // free text: cut between words
  number,    // to the right, never cut
  truth,
  list  // cut between items
};

struct Value;

// The fields of a JSON object, in order.
using Record = std::vector<std::pair<std::string, Value>>;

// A list of objects in JSON. In a table, the texts separated by blanks.
struct List {
  std::vector<std::string> texts;
  std::vector<Record> items;
};

// A list of texts in JSON. In a table, `text`, or the items separated by blanks if it is empty.
struct Texts {
  std::vector<std::string> items;
  std::string text{};
};

// An object in JSON. In a table, the texts separated by blanks.
struct Object {
  Record fields;
  std::vector<std::string> texts{};
};

// A list of numbers in JSON, a text such as "0x05-0x06" in a table.
struct Numbers {
  std::vector<std::uint64_t> items;
  std::string text;
};

// A number in JSON, a text such as "4G" in a table.
struct Number {
  std::uint64_t value;
  std::string text;
};

// std::monostate: no value (null in JSON, "-" in a table).
struct Value
    : std::variant<std::monostate, std::string, std::uint64_t, bool, List, Object, Number, Texts, Numbers> {
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
  bool headings = true;
};

// Returns aligned columns, one line per row; an empty string if there are no rows. Values are cut to fit the
// width, as their Kind permits; a cut value ends in an ellipsis. If that is not enough, the lines are longer
// than the width.
std::string render_table(Grid grid, const TableStyle& style);

// A heading and the number of rows of the grid below it.
struct Branch {
  std::string heading;
  std::size_t rows;
};

// Returns the rows below the headings of their branches, in order, with the first column as a tree.
std::string render_tree(Grid grid, const std::vector<Branch>& branches, const TableStyle& style);

// Returns "key:  value" lines, one per column, with a blank line between rows; columns without a value are
// omitted. Each item of a list or an object has a line of its own; those of lists are numbered from 1.
// Lines longer than `width` are wrapped, if it is not 0.
std::string render_sheet(const Grid& grid, std::size_t width = 0);

// Returns the rows as JSON objects.
List json_rows(const Grid& grid);

// Returns {"version":1,"<key>":[…],"notes":[…]} with one row per line.
std::string render_json(const Grid& grid, const std::string& key, std::vector<std::string> notes = {});

// Returns {"version":1,<fields>} with one item per line in lists.
std::string render_json(const Record& fields);

// Returns the value alone, pretty-printed, without a final newline.
std::string render_bare_json(const Value& value);

// The version of the JSON format.
inline constexpr std::uint64_t format_version = 1;

// Returns {<fields>} on one line, for messages on stderr.
std::string render_json_line(const Record& fields);

}  // namespace mdevadm::render
