#include <fmt/format.h>
#include <libsmartcols/libsmartcols.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <memory>

#include <mdevadm/render/grid.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::render {

namespace {

constexpr const char* nothing = "-";

// As it is: libsmartcols writes what could garble a terminal as \xNN by itself.
std::string text_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return text->empty() ? nothing : *text;
  }
  if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    return fmt::format("{}", *number);
  }
  if (const auto* truth = std::get_if<bool>(&value)) {
    return *truth ? "yes" : "no";
  }
  if (const auto* list = std::get_if<List>(&value)) {
    return list->text.empty() ? nothing : list->text;
  }
  return nothing;
}

// libsmartcols measures text by LC_CTYPE; the program itself knows no locale.
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

void add_columns(libscols_table* table, const Grid& grid) {
  for (const ColumnInfo& info : grid.columns) {
    // Long free text gives way first on a narrow terminal.
    const bool yields = info.kind == Kind::list || info.key == "description";
    const int flags = (info.kind == Kind::number ? SCOLS_FL_RIGHT : 0) | (yields ? SCOLS_FL_TRUNC : 0);
    ::scols_table_new_column(table, std::string(info.heading).c_str(), yields ? 0.3 : 0.05, flags);
  }
}

void add_row(libscols_table* table, const Grid& grid, const std::vector<Value>& row, bool colour) {
  libscols_line* line = ::scols_table_new_line(table, nullptr);
  if (line == nullptr) {
    throw std::bad_alloc();
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string text = text_of(row[i]);
    ::scols_line_set_data(line, i, text.c_str());
    const char* name = colour ? colour_of(grid.columns[i].key, text) : nullptr;
    if (name != nullptr) {
      ::scols_cell_set_color(::scols_line_get_cell(line, i), name);
    }
  }
}

}  // namespace

std::string render_table(const Grid& grid, const TableStyle& style) {
  if (grid.rows.empty()) {
    return {};
  }
  const Utf8Locale locale;
  const std::unique_ptr<libscols_table, void (*)(libscols_table*)> table(::scols_new_table(),
                                                                         ::scols_unref_table);
  if (!table) {
    throw std::bad_alloc();
  }
  ::scols_table_enable_colors(table.get(), style.colour ? 1 : 0);
  ::scols_table_set_termforce(table.get(), style.width > 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
  if (style.width > 0) {
    ::scols_table_set_termwidth(table.get(), style.width);
  }
  add_columns(table.get(), grid);
  for (const std::vector<Value>& row : grid.rows) {
    add_row(table.get(), grid, row, style.colour);
  }
  char* text = nullptr;
  if (::scols_print_table_to_string(table.get(), &text) != 0) {
    throw std::bad_alloc();
  }
  const std::unique_ptr<char, void (*)(void*)> owner(text, std::free);
  return std::string(text) + "\n";
}

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
          std::vector<std::string> fields;
          for (const auto& [key, value] : list->items[n]) {
            if (const std::string text = text_of(value); text != nothing) {
              fields.push_back(fmt::format("{} {}", key, printable(text)));
            }
          }
          result += fmt::format("  {}. {}\n", n + 1, join(fields, ", "));
        }
      } else if (const std::string text = text_of(row[i]); text != nothing) {
        result += fmt::format("{:<{}} {}\n", heading, width + 1, printable(text));
      }
    }
  }
  return result;
}

}  // namespace mdevadm::render
