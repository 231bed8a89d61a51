// Text of single values, and sheets of "key: value" lines.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>

#include "texts.hpp"

namespace mdevadm::render {

namespace {

// Returns where to break a text that is longer than the width: after the last blank or slash that fits.
std::size_t break_in(std::string_view text, std::size_t width) {
  const std::size_t end = text.find_last_of(" /", width - 1);
  return end == std::string_view::npos || end == 0 ? width : end + 1;
}

// Returns the items that get a line each.
const std::vector<std::string>* items_of(const Value& value) {
  const auto* list = std::get_if<List>(&value);
  const auto* object = std::get_if<Object>(&value);
  return list != nullptr ? &list->texts : object != nullptr ? &object->texts : nullptr;
}

std::string item_lines(const ColumnInfo& info, const Value& value, std::size_t width) {
  std::string result = fmt::format("{}:\n", info.key);
  std::size_t number = 0;
  for (const std::string& item : *items_of(value)) {
    const std::string head = std::holds_alternative<List>(value) ? fmt::format("  {}. ", ++number) : "  ";
    result += wrapped_line(head, printable(item), width);
  }
  return result;
}

// Returns the values without their keys, a line each.
std::string render_values(const Grid& grid, std::size_t width) {
  std::string result;
  for (const std::vector<Value>& row : grid.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::vector<std::string>* items = items_of(row[i]);
      if (items == nullptr || items->empty() || grid.columns[i].kind != Kind::list) {
        result += wrapped_line("", cell_text(row[i]), width);
        continue;
      }
      for (const std::string& item : *items) {
        result += wrapped_line("", printable(item), width);
      }
    }
  }
  return result;
}

}  // namespace

std::string wrapped_line(const std::string& head, std::string_view text, std::size_t width,
                         std::optional<std::size_t> indent) {
  std::string result = head;
  const std::size_t later = indent.value_or(columns_of(head));
  std::size_t used = columns_of(head);
  while (width > used && columns_of(text) > width - used) {
    const std::size_t end = break_in(text, width - used);
    const std::string_view line = text.substr(0, end);
    result += std::string(trim(line)) + "\n" + std::string(later, ' ');
    text.remove_prefix(end);
    used = later;
  }
  return result + std::string(text) + "\n";
}

void append_text(const Value& value, std::string& text) {
  const std::size_t before = text.size();
  if (const auto* string = std::get_if<std::string>(&value)) {
    text += *string;
  } else if (const auto* borrowed = std::get_if<Borrowed>(&value)) {
    text += borrowed->text;
  } else if (const auto* uuid = std::get_if<Uuid>(&value)) {
    uuid->append_to(text);
  } else if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    fmt::format_to(std::back_inserter(text), "{}", *number);
  } else if (const auto* truth = std::get_if<bool>(&value)) {
    text += *truth ? "yes" : "no";
  } else if (const auto* shown = std::get_if<Number>(&value)) {
    text += shown->text;
  } else if (const auto* numbers = std::get_if<Numbers>(&value)) {
    text += numbers->text;
  } else if (const auto* texts = std::get_if<Texts>(&value)) {
    text += texts->text.empty() ? join(texts->items, " ") : texts->text;
  } else if (const std::vector<std::string>* items = items_of(value)) {
    const auto* list = std::get_if<List>(&value);
    text += join(*items, list != nullptr ? list->separator : " ");
  }
  if (text.size() == before) {
    text += nothing;
  }
}

std::string text_of(const Value& value) {
  std::string text;
  append_text(value, text);
  return text;
}

std::string cell_text(const Value& value) {
  return printable(text_of(value));
}

std::string render_wrapped(const Grid& grid, const TableStyle& style) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i + 1 < grid.columns.size(); ++i) {
    std::size_t width = style.headings ? columns_of(grid.columns[i].heading) : 0;
    for (const std::vector<Value>& row : grid.rows) {
      width = std::max(width, columns_of(cell_text(row[i])));
    }
    widths.push_back(width);
  }
  std::string result;
  const auto add_line = [&](const auto& text_in) {
    std::string head;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string text = text_in(i);
      head += text + std::string(widths[i] - columns_of(text) + 1, ' ');
    }
    result += wrapped_line(head, text_in(widths.size()), style.width);
  };
  if (style.headings) {
    add_line([&](std::size_t i) { return std::string(grid.columns[i].heading); });
  }
  for (const std::vector<Value>& row : grid.rows) {
    add_line([&](std::size_t i) { return cell_text(row[i]); });
  }
  return result;
}

std::string render_sheet(const Grid& grid, const TableStyle& style) {
  if (!style.headings) {
    return render_values(grid, style.width);
  }
  const std::size_t width = style.width;
  std::size_t longest = 0;
  for (const ColumnInfo& info : grid.columns) {
    longest = std::max(longest, info.key.size());
  }
  std::string result;
  for (const std::vector<Value>& row : grid.rows) {
    if (!result.empty()) {
      result += '\n';
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      const ColumnInfo& info = grid.columns[i];
      const std::vector<std::string>* items = items_of(row[i]);
      if (items != nullptr && !items->empty() && info.kind == Kind::list) {
        result += item_lines(info, row[i], width);
      } else if (const std::string text = text_of(row[i]); text != nothing) {
        const std::string head = fmt::format("{:<{}} ", fmt::format("{}:", info.key), longest + 1);
        result += wrapped_line(head, printable(text), width);
      }
    }
  }
  return result;
}

}  // namespace mdevadm::render
