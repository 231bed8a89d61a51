#include "smartcols.hpp"

#include <mdevadm/util/library.hpp>

namespace mdevadm::render {

namespace {

Smartcols load() {
  const Library library("libsmartcols.so.1", "draw a table",
                        "install the package libsmartcols1, or use --json");
  Smartcols result{};
  library.find("scols_new_table", result.new_table);
  library.find("scols_unref_table", result.unref_table);
  library.find("scols_table_new_column", result.table_new_column);
  library.find("scols_table_get_column", result.table_get_column);
  library.find("scols_column_set_flags", result.column_set_flags);
  library.find("scols_table_new_line", result.table_new_line);
  library.find("scols_line_set_data", result.line_set_data);
  library.find("scols_line_get_cell", result.line_get_cell);
  library.find("scols_cell_set_color", result.cell_set_color);
  library.find("scols_table_enable_colors", result.table_enable_colors);
  library.find("scols_table_enable_noencoding", result.table_enable_noencoding);
  library.find("scols_table_enable_noheadings", result.table_enable_noheadings);
  library.find("scols_table_set_termforce", result.table_set_termforce);
  library.find("scols_print_table_to_string", result.print_table_to_string);
  return result;
}

}  // namespace

const Smartcols& smartcols() {
  static const Smartcols loaded = load();
  return loaded;
}

}  // namespace mdevadm::render
