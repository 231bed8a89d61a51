#include "smartcols.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <mdevadm/util/error.hpp>

namespace mdevadm::render {

namespace {

constexpr const char* library = "libsmartcols.so.1";

[[noreturn]] void refuse() {
  const char* why = ::dlerror();
  throw Error(ExitCode::failed,
              fmt::format("cannot draw a table: {}", why != nullptr ? why : "libsmartcols cannot be used"),
              "install the package libsmartcols1, or use --json");
}

template <typename Function>
void find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  if (function == nullptr) {
    refuse();
  }
}

Smartcols load() {
  void* handle = ::dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    refuse();
  }
  Smartcols result{};
  find(handle, "scols_new_table", result.new_table);
  find(handle, "scols_unref_table", result.unref_table);
  find(handle, "scols_table_new_column", result.table_new_column);
  find(handle, "scols_table_get_column", result.table_get_column);
  find(handle, "scols_column_set_flags", result.column_set_flags);
  find(handle, "scols_table_new_line", result.table_new_line);
  find(handle, "scols_line_set_data", result.line_set_data);
  find(handle, "scols_line_get_cell", result.line_get_cell);
  find(handle, "scols_cell_set_color", result.cell_set_color);
  find(handle, "scols_table_enable_colors", result.table_enable_colors);
  find(handle, "scols_table_enable_noheadings", result.table_enable_noheadings);
  find(handle, "scols_table_set_termforce", result.table_set_termforce);
  find(handle, "scols_print_table_to_string", result.print_table_to_string);
  return result;
}

}  // namespace

const Smartcols& smartcols() {
  static const Smartcols loaded = load();
  return loaded;
}

}  // namespace mdevadm::render
