// Rows and columns as values, and their formatting as table, tree, list or JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
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

// A list of objects in JSON. In a table, the texts with separators.
struct List {
  std::vector<std::string> texts;
  std::vector<Record> items;
  std::string separator = " ";
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

// A text of the row, not copied because listings can have thousands. Valid as long as the row; a Grid has
// copies.
struct Borrowed {
  std::string_view text;
};

// std::monostate: no value (null in JSON, "-" in a table).
struct Value : std::variant<std::monostate, std::string, std::uint64_t, bool, List, Object, Number, Texts,
                            Numbers, Borrowed, Uuid> {
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

// Returns the value with a text of its own.
inline Value owned(Value value) {
  if (const auto* borrowed = std::get_if<Borrowed>(&value)) {
    return std::string(borrowed->text);
  }
  return value;
}

struct Grid {
  std::vector<ColumnInfo> columns;
  std::vector<std::vector<Value>> rows;
};

// `Rows`: a vector of rows, or a range that makes each of them when it is needed.
template <typename Rows, typename Row>
Grid grid_of(const Rows& rows, const std::vector<const Column<Row>*>& columns) {
  Grid grid;
  for (const Column<Row>* column : columns) {
    grid.columns.push_back(column->info);
  }
  grid.rows.reserve(rows.size());
  for (const Row& row : rows) {
    std::vector<Value>& cells = grid.rows.emplace_back();
    cells.reserve(columns.size());
    for (const Column<Row>* column : columns) {
      cells.push_back(owned(column->cell(row)));
    }
  }
  return grid;
}

template <typename Row>
Grid make_grid(const std::vector<Row>& rows, const std::vector<const Column<Row>*>& columns) {
  return grid_of(rows, columns);
}

struct TableStyle {
  std::size_t width = 0;  // of the terminal; 0: unlimited, no value is cut
  bool colour = false;
  bool headings = true;
  bool ascii = false;  // lines of trees and marks of cuts are ASCII
};

// A table that needs no measuring: printable ASCII without colours, in which no value is cut. That is the
// usual case of output into a pipe, and must not take longer than reading the host, nor more memory. Has the
// layout of libsmartcols.
class PlainTable {
 public:
  PlainTable(std::vector<ColumnInfo> columns, bool headings);

  // Adds the next cell of a row.
  void add(const Value& value);
  // Appends what render_table() returns to `out`, and calls `flush` after each line. Returns false and writes
  // nothing if the table needs measuring.
  bool write(std::string& out, const std::function<void()>& flush) const;

 private:
  // Adds `text_` as the next cell.
  void add_text();
  // Returns the block to which `size` bytes are appended next.
  std::string& room(std::size_t size);
  // Calls `use` with the text of each cell.
  template <typename Use>
  void each_text(const Use& use) const;

  std::vector<ColumnInfo> columns_;
  bool headings_;
  std::vector<std::size_t> widths_{};
  std::vector<std::string> blocks_{};  // all cells, in a short form
  std::vector<std::string> above_{};   // the last text of each column
  std::string text_{};                 // of the cell that is added
  std::size_t next_ = 0;               // its column
  bool is_plain_ = true;
};

// Returns aligned columns, one line per row; an empty string if there are no rows. Values are cut to fit the
// width, as their Kind permits; a cut value ends in an ellipsis. If that is not enough, the lines are longer
// than the width.
std::string render_table(Grid grid, const TableStyle& style);

// Appends render_table() of grid_of() to `out`, without storing the cells if that can be avoided. Calls
// `flush` after each line, if possible.
template <typename Rows, typename Row>
void write_table(const Rows& rows, const std::vector<const Column<Row>*>& columns, const TableStyle& style,
                 std::string& out, const std::function<void()>& flush) {
  if (style.width == 0 && !style.colour) {
    std::vector<ColumnInfo> infos;
    for (const Column<Row>* column : columns) {
      infos.push_back(column->info);
    }
    PlainTable table(std::move(infos), style.headings);
    for (const Row& row : rows) {
      for (const Column<Row>* column : columns) {
        table.add(column->cell(row));
      }
    }
    if (table.write(out, flush)) {
      return;
    }
  }
  out += render_table(grid_of(rows, columns), style);
}

// A heading and the number of rows of the grid below it.
struct Branch {
  std::string heading;
  std::size_t rows;
};

// Returns the rows below the headings of their branches, in order, with the first column as a tree.
std::string render_tree(Grid grid, const std::vector<Branch>& branches, const TableStyle& style);

// Returns "key:  value" lines, one per column, with a blank line between rows; columns without a value are
// omitted. Each item of a list or an object has a line of its own; those of lists are numbered from 1.
// Lines longer than style.width are wrapped, if it is not 0. Without headings, only the values are printed,
// each value or item on a line, and "-" for columns without a value.
std::string render_sheet(const Grid& grid, const TableStyle& style = {});

// Returns the rows as a table in which the last column is wrapped instead of cut.
std::string render_wrapped(const Grid& grid, const TableStyle& style);

// Returns the rows as JSON objects.
List json_rows(const Grid& grid);

// Writes {"version":1,"<key>":[…],"notes":[…]} with one row per line, cell by cell: the values of thousands
// of rows are never in memory together. Appends to `out`, which the caller may empty after each row.
class JsonRows {
 public:
  JsonRows(const std::vector<ColumnInfo>& columns, std::string_view key, std::string& out);

  // Adds the next cell of a row.
  void add(const Value& value);
  void finish(const std::vector<std::string>& notes);

 private:
  std::vector<std::string> keys_{};  // as they precede the values
  std::string& out_;
  std::size_t next_ = 0;
  bool empty_ = true;
};

// Writes all rows. Calls `flush` after each of them.
template <typename Rows, typename Row, typename Flush>
void write_json(const Rows& rows, const std::vector<const Column<Row>*>& columns, std::string_view key,
                const std::vector<std::string>& notes, std::string& out, const Flush& flush) {
  std::vector<ColumnInfo> infos;
  for (const Column<Row>* column : columns) {
    infos.push_back(column->info);
  }
  JsonRows json(infos, key, out);
  for (const Row& row : rows) {
    for (const Column<Row>* column : columns) {
      json.add(column->cell(row));
    }
    flush();
  }
  json.finish(notes);
}

// Returns the same for a grid.
std::string render_json(const Grid& grid, std::string_view key, const std::vector<std::string>& notes = {});

// Returns {"version":1,<fields>} with one item per line in lists.
std::string render_json(const Record& fields);

// Returns the value alone, pretty-printed, without a final newline.
std::string render_bare_json(const Value& value);

// The version of the JSON format.
inline constexpr std::uint64_t format_version = 1;

// Returns {<fields>} on one line, for messages on stderr.
std::string render_json_line(const Record& fields);

}  // namespace mdevadm::render
