#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <type_traits>

#include <mdevadm/render/grid.hpp>
#include <mdevadm/util/text.hpp>

#include "smartcols.hpp"
#include "texts.hpp"

namespace mdevadm::render {

namespace {

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
  if (key == "state") {
    return text == "active" ? "green" : text == "drifted" || text == "removing" ? "yellow" : nullptr;
  }
  return key == "boot" && text == "failed" ? "red" : nullptr;
}

std::size_t width_of(const CellTexts& texts, std::size_t column) {
  std::size_t width = columns_of(texts.headings[column]);
  for (const std::vector<std::string>& row : texts.rows) {
    width = std::max(width, columns_of(row[column]));
  }
  return width;
}

void add_columns(libscols_table* table, const Grid& grid, const CellTexts& texts) {
  for (std::size_t i = 0; i < grid.columns.size(); ++i) {
    const int flags = grid.columns[i].kind == Kind::number ? SCOLS_FL_RIGHT : 0;
    // libsmartcols reads a hint below 1 as a fraction of the line width, and otherwise as the minimum number
    // of columns.
    const auto hint = static_cast<double>(std::max<std::size_t>(width_of(texts, i), 2));
    smartcols().table_new_column(table, texts.headings[i].c_str(), hint, flags);
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

CellTexts texts_of(const Grid& grid) {
  CellTexts texts;
  for (const ColumnInfo& info : grid.columns) {
    texts.headings.emplace_back(info.heading);
  }
  texts.rows.reserve(grid.rows.size());
  for (const std::vector<Value>& row : grid.rows) {
    std::vector<std::string>& cells = texts.rows.emplace_back();
    cells.reserve(row.size());
    for (const Value& value : row) {
      cells.push_back(cell_text(value));
    }
  }
  return texts;
}

// Returns true if the text is printable ASCII: one column per byte, nothing to escape.
bool is_plain(std::string_view text) {
  // Without an early end, so that the compiler can examine many characters at once.
  const auto odd = [](unsigned count, char c) { return count + static_cast<unsigned>(c < ' ' || c > '~'); };
  return std::accumulate(text.begin(), text.end(), 0U, odd) == 0;
}

// `add_rows` adds the lines to the table after its columns have been added.
template <typename AddRows>
std::string smart_table(const Grid& grid, const CellTexts& texts, const TableStyle& style,
                        const AddRows& add_rows) {
  const Utf8Locale locale;
  const std::unique_ptr<libscols_table, void (*)(libscols_table*)> table(smartcols().new_table(),
                                                                         smartcols().unref_table);
  if (!table) {
    throw std::bad_alloc();
  }
  smartcols().table_enable_colors(table.get(), style.colour ? 1 : 0);
  // The texts are printable; libsmartcols knows fewer control characters.
  smartcols().table_enable_noencoding(table.get(), 1);
  smartcols().table_enable_noheadings(table.get(), style.headings ? 0 : 1);
  // The texts fit already, as far as they can.
  smartcols().table_set_termforce(table.get(), SCOLS_TERMFORCE_NEVER);
  add_columns(table.get(), grid, texts);
  add_rows(table.get());
  char* text = nullptr;
  if (smartcols().print_table_to_string(table.get(), &text) != 0) {
    throw std::bad_alloc();
  }
  const std::unique_ptr<char, void (*)(void*)> owner(text, std::free);
  const std::string result = std::string(text) + "\n";
  return style.ascii ? in_ascii(result) : result;
}

CellTexts texts_for(const Grid& grid, const TableStyle& style, std::size_t indent = 0) {
  return style.width > 0 ? fitted(grid, style.width, indent) : texts_of(grid);
}

constexpr std::size_t tree_indent = 2;  // "├─"

// How a PlainTable stores a cell: its size, if that is less than any of the marks, and its text; or a mark
// and what follows it. Most cells are UUIDs or repeat the text above.
using Mark = unsigned char;
constexpr Mark repeat_mark = 0xff;  // nothing follows
constexpr Mark uuid_mark = 0xfe;    // a Uuid
constexpr Mark long_mark = 0xfd;    // a std::size_t, then as many bytes

constexpr std::size_t uuid_width = 36;

template <typename T>
void append_bytes(const T& value, std::string& block) {
  static_assert(std::is_trivially_copyable_v<T>);
  block.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <>
void append_bytes(const Mark& mark, std::string& block) {
  block.push_back(static_cast<char>(mark));
}

template <typename T>
T take_bytes(std::string_view& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes.remove_prefix(sizeof(T));
  return value;
}

}  // namespace

PlainTable::PlainTable(std::vector<ColumnInfo> columns, bool headings)
    : columns_(std::move(columns)), headings_(headings) {
  std::transform(columns_.begin(), columns_.end(), std::back_inserter(widths_),
                 [this](const ColumnInfo& info) { return headings_ ? info.heading.size() : std::size_t{1}; });
  above_.resize(columns_.size());
}

void PlainTable::add(const Value& value) {
  if (!is_plain_) {
    return;
  }
  if (const auto* uuid = std::get_if<Uuid>(&value)) {
    widths_[next_] = std::max(widths_[next_], uuid_width);
    std::string& block = room(sizeof(Mark) + sizeof(Uuid));
    append_bytes(uuid_mark, block);
    append_bytes(*uuid, block);
  } else {
    text_.clear();
    append_text(value, text_);
    add_text();
  }
  next_ = next_ + 1 == columns_.size() ? 0 : next_ + 1;
}

void PlainTable::add_text() {
  if (text_ == above_[next_]) {
    append_bytes(repeat_mark, room(sizeof(Mark)));
    return;
  }
  is_plain_ = is_plain_ && is_plain(text_);
  const std::size_t size = text_.size();
  widths_[next_] = std::max(widths_[next_], size);
  std::string& block = room(sizeof(Mark) + sizeof(size) + size);
  append_bytes(size < long_mark ? static_cast<Mark>(size) : long_mark, block);
  if (size >= long_mark) {
    append_bytes(size, block);
  }
  block += text_;
  above_[next_].swap(text_);
}

// Blocks instead of one text, which would be copied, and in memory twice, whenever it grows.
std::string& PlainTable::room(std::size_t size) {
  constexpr std::size_t block_size = 32768;
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < size) {
    blocks_.emplace_back().reserve(std::max(size, block_size));
  }
  return blocks_.back();
}

template <typename Use>
void PlainTable::each_text(const Use& use) const {
  std::vector<std::string_view> above(columns_.size());
  std::size_t column = 0;
  std::string uuid;
  for (std::string_view rest : blocks_) {
    while (!rest.empty()) {
      const Mark mark = take_bytes<Mark>(rest);
      if (mark == uuid_mark) {
        uuid.clear();
        take_bytes<Uuid>(rest).append_to(uuid);
        use(uuid);
      } else {
        if (mark != repeat_mark) {
          const std::size_t size = mark == long_mark ? take_bytes<std::size_t>(rest) : mark;
          above[column] = rest.substr(0, size);
          rest.remove_prefix(size);
        }
        use(above[column]);
      }
      column = column + 1 == columns_.size() ? 0 : column + 1;
    }
  }
}

bool PlainTable::write(std::string& out, const std::function<void()>& flush) const {
  if (!is_plain_) {
    return false;
  }
  if (blocks_.empty()) {
    return true;
  }
  // As if the last column were padded, too.
  const std::size_t longest = std::accumulate(widths_.begin(), widths_.end(), widths_.size());
  std::size_t at = 0;
  std::size_t column = 0;
  const auto add = [&](std::string_view text) {
    if (column == 0) {
      at = out.size();
      out.append(longest, ' ');
    }
    const std::size_t padding = widths_[column] - text.size();
    const bool to_the_right = columns_[column].kind == Kind::number;
    const bool is_last = column + 1 == columns_.size();
    text.copy(out.data() + at + (to_the_right ? padding : 0), text.size());
    at += text.size() + (is_last && !to_the_right ? 0 : padding) + 1;
    column = is_last ? 0 : column + 1;
    if (is_last) {
      out[at - 1] = '\n';
      out.resize(at);
      flush();
    }
  };
  for (std::size_t i = 0; headings_ && i < columns_.size(); ++i) {
    add(columns_[i].heading);
  }
  each_text(add);
  return true;
}

std::string render_table(Grid grid, const TableStyle& style) {
  if (grid.rows.empty()) {
    return {};
  }
  if (style.width == 0 && !style.colour) {
    PlainTable table(grid.columns, style.headings);
    for (const std::vector<Value>& row : grid.rows) {
      std::for_each(row.begin(), row.end(), [&](const Value& value) { table.add(value); });
    }
    if (std::string lines; table.write(lines, [] {})) {
      return lines;
    }
  }
  const CellTexts texts = texts_for(grid, style);
  return smart_table(grid, texts, style, [&](libscols_table* table) {
    for (const std::vector<std::string>& row : texts.rows) {
      add_row(table, grid, row, style.colour);
    }
  });
}

std::string render_tree(Grid grid, const std::vector<Branch>& branches, const TableStyle& style) {
  if (grid.rows.empty()) {
    return {};
  }
  const CellTexts texts = texts_for(grid, style, tree_indent);
  const std::string tree = smart_table(grid, texts, style, [&](libscols_table* table) {
    smartcols().column_set_flags(smartcols().table_get_column(table, 0), SCOLS_FL_TREE);
    std::size_t next = 0;
    for (const Branch& branch : branches) {
      std::vector<std::string> heading(grid.columns.size());
      heading.front() = branch.heading;
      libscols_line* above = add_row(table, grid, heading, false);
      for (std::size_t i = 0; i < branch.rows; ++i) {
        add_row(table, grid, texts.rows[next++], style.colour, above);
      }
    }
  });
  std::string result;
  for (std::string_view line : split(std::string_view(tree).substr(0, tree.size() - 1), '\n')) {
    result.append(line.substr(0, line.find_last_not_of(' ') + 1)) += '\n';
  }
  return result;
}

}  // namespace mdevadm::render
