// libsmartcols, loaded when the first table is rendered. Most runs render none, and loading the library at
// program start took a fifth of their time: libvirt lists devices hundreds of times while it starts, always
// as JSON.
#pragma once

#include <libsmartcols/libsmartcols.h>

namespace mdevadm::render {

// Its functions, named without the prefix "scols_".
struct Smartcols {
  decltype(&::scols_new_table) new_table;
  decltype(&::scols_unref_table) unref_table;
  decltype(&::scols_table_new_column) table_new_column;
  decltype(&::scols_table_get_column) table_get_column;
  decltype(&::scols_column_set_flags) column_set_flags;
  decltype(&::scols_table_new_line) table_new_line;
  decltype(&::scols_line_set_data) line_set_data;
  decltype(&::scols_line_get_cell) line_get_cell;
  decltype(&::scols_cell_set_color) cell_set_color;
  decltype(&::scols_table_enable_colors) table_enable_colors;
  decltype(&::scols_table_enable_noencoding) table_enable_noencoding;
  decltype(&::scols_table_enable_noheadings) table_enable_noheadings;
  decltype(&::scols_table_set_termforce) table_set_termforce;
  decltype(&::scols_print_table_to_string) print_table_to_string;
};

// Loads the library on the first call; it is never unloaded. Throws Error if it is not installed.
const Smartcols& smartcols();

}  // namespace mdevadm::render
