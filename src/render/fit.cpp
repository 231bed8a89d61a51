// Columns are shortened in this order: lists and free text while an item or a few words remain, UUIDs, lists
// and free text entirely, names and paths.
#include <algorithm>
#include <mdevadm/util/text.hpp>
#include <numeric>
#include <span>

#include "texts.hpp"

namespace mdevadm::render {

namespace {

constexpr std::string_view ellipsis = "…";
constexpr std::size_t shortest_uuid = 8;      // digits that remain of a UUID
constexpr std::size_t shortest_text = 8;      // columns that remain of a name or a list
constexpr std::size_t comfortable_text = 24;  // columns of a list or free text that UUIDs give way for
constexpr std::size_t escaped_width = 4;      // of \xNN

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

std::size_t columns_of_letter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f ? escaped_width : is_continuation(c) ? 0 : 1;
}

// Returns the parts between which the value may be cut.
std::vector<std::string> parts_of(const Value& value, Kind kind) {
  const auto* list = std::get_if<List>(&value);
  const auto* object = std::get_if<Object>(&value);
  std::vector<std::string> parts;
  if (list != nullptr || object != nullptr) {
    const std::vector<std::string>& texts = list != nullptr ? list->texts : object->texts;
    std::transform(texts.begin(), texts.end(), std::back_inserter(parts), printable);
    return parts;
  }
  if (kind == Kind::sentence) {
    const std::string text = cell_text(value);
    for (const std::string_view word : split(text, ' ')) {
      parts.emplace_back(word);
    }
  }
  return parts;
}

std::string cut_letters(std::string_view text, std::size_t width) {
  std::size_t used = columns_of(ellipsis);
  std::size_t end = 0;
  while (end < text.size() && used + columns_of_letter(text[end]) <= width) {
    used += columns_of_letter(text[end++]);
  }
  return std::string(text.substr(0, end)) + std::string(ellipsis);
}

// Returns as many parts as fit, then the mark of the cut: after a blank, unless the parts are words.
std::string cut_parts(const std::vector<std::string>& parts, std::size_t width, Kind kind) {
  const std::string mark = (kind == Kind::sentence ? "" : " ") + std::string(ellipsis);
  std::string result;
  for (const std::string& part : parts) {
    const std::string longer = result.empty() ? part : result + " " + part;
    if (columns_of(longer) + columns_of(mark) > width) {
      break;
    }
    result = longer;
  }
  if (!result.empty()) {
    return result + mark;
  }
  return kind == Kind::sentence ? cut_letters(join(parts, " "), width) : std::string(ellipsis);
}

// Returns the number of digits by which all UUIDs of the column differ.
std::size_t unique_prefix(const Grid& grid, std::size_t column) {
  std::vector<std::string> uuids;
  for (const std::vector<Value>& row : grid.rows) {
    uuids.push_back(cell_text(row[column]));
  }
  std::sort(uuids.begin(), uuids.end());
  uuids.erase(std::unique(uuids.begin(), uuids.end()), uuids.end());
  std::size_t length = shortest_uuid;
  for (std::size_t i = 1; i < uuids.size(); ++i) {
    const auto [a, b] =
        std::mismatch(uuids[i - 1].begin(), uuids[i - 1].end(), uuids[i].begin(), uuids[i].end());
    length = std::max(length, static_cast<std::size_t>(a - uuids[i - 1].begin()) + 1);
  }
  return length;
}

// The widths of the columns while they are being determined.
class Widths {
 public:
  Widths(const Grid& grid, const CellTexts& texts, std::size_t indent) : grid_(grid) {
    for (std::size_t i = 0; i < grid.columns.size(); ++i) {
      std::size_t width = columns_of(texts.headings[i]);
      for (const std::vector<std::string>& row : texts.rows) {
        width = std::max(width, columns_of(row[i]) + (i == 0 ? indent : 0));
      }
      natural_.push_back(width);
    }
    now_ = natural_;
  }

  void fit(std::size_t width) {
    if (total() <= width) {
      return;
    }
    shrink(width, [this](std::size_t i) { return gives_way(i) ? comfortable(i) : now_[i]; });
    if (total() > width) {
      shrink_uuids();
    }
    shrink(width, [this](std::size_t i) { return gives_way(i) ? shortest_text : now_[i]; });
    shrink(width, [this](std::size_t i) { return kind(i) == Kind::text ? shortest_text : now_[i]; });
    // A cut UUID may have freed more than was missing.
    for (std::size_t i = 0; i < now_.size(); ++i) {
      if (gives_way(i) && total() < width) {
        now_[i] = std::min(natural_[i], now_[i] + (width - total()));
      }
    }
  }

  std::size_t of(std::size_t column) const { return now_[column]; }

 private:
  Kind kind(std::size_t column) const { return grid_.columns[column].kind; }

  bool gives_way(std::size_t column) const {
    return kind(column) == Kind::list || kind(column) == Kind::sentence;
  }

  std::size_t total() const { return std::accumulate(now_.begin(), now_.end(), now_.size() - 1); }

  // Returns the width at which each list has its first item.
  std::size_t comfortable(std::size_t column) const {
    if (kind(column) == Kind::sentence) {
      return comfortable_text;
    }
    std::size_t width = shortest_text;
    for (const std::vector<Value>& row : grid_.rows) {
      const std::vector<std::string> parts = parts_of(row[column], Kind::list);
      if (!parts.empty()) {
        width = std::max(width, columns_of(parts.front()) + (parts.size() > 1 ? 2 : 0));
      }
    }
    return std::min(width, comfortable_text);
  }

  // Takes columns from the widest of those that exceed their least width until the table fits.
  template <typename Least>
  void shrink(std::size_t width, const Least& least) {
    while (total() > width) {
      std::size_t widest = now_.size();
      for (std::size_t i = 0; i < now_.size(); ++i) {
        if (now_[i] > least(i) && (widest == now_.size() || now_[i] > now_[widest])) {
          widest = i;
        }
      }
      if (widest == now_.size()) {
        return;
      }
      --now_[widest];
    }
  }

  void shrink_uuids() {
    for (std::size_t i = 0; i < now_.size(); ++i) {
      if (kind(i) == Kind::uuid) {
        now_[i] =
            std::min(now_[i], std::max(unique_prefix(grid_, i) + 1, columns_of(grid_.columns[i].heading)));
      }
    }
  }

  const Grid& grid_;
  std::vector<std::size_t> natural_;
  std::vector<std::size_t> now_;
};

std::string cut(const Value& value, Kind kind, std::size_t width) {
  const std::vector<std::string> parts = parts_of(value, kind);
  return parts.empty() ? cut_letters(cell_text(value), width) : cut_parts(parts, width, kind);
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  return std::accumulate(text.begin(), text.end(), std::size_t{0},
                         [](std::size_t sum, char c) { return sum + columns_of_letter(c); });
}

CellTexts fitted(const Grid& grid, std::size_t width, std::size_t indent) {
  CellTexts texts;
  for (const ColumnInfo& info : grid.columns) {
    texts.headings.emplace_back(info.heading);
  }
  for (const std::vector<Value>& row : grid.rows) {
    std::vector<std::string>& cells = texts.rows.emplace_back();
    std::transform(row.begin(), row.end(), std::back_inserter(cells), cell_text);
  }
  Widths widths(grid, texts, indent);
  widths.fit(width);
  for (std::size_t i = 0; i < grid.columns.size(); ++i) {
    if (columns_of(texts.headings[i]) > widths.of(i)) {
      texts.headings[i] = cut_letters(texts.headings[i], widths.of(i));
    }
    const std::size_t own = widths.of(i) - (i == 0 ? std::min(indent, widths.of(i)) : 0);
    for (std::size_t row = 0; row < grid.rows.size(); ++row) {
      if (columns_of(texts.rows[row][i]) > own) {
        texts.rows[row][i] = cut(grid.rows[row][i], grid.columns[i].kind, own);
      }
    }
  }
  return texts;
}

}  // namespace mdevadm::render
