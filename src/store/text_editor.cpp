#include "text_editor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>

namespace mdevadm::store {

std::string key_lines(const std::vector<KeyText>& keys) {
  std::string text;
  for (const auto& [key, value] : keys) {
    if (value) {
      text += fmt::format("{} = {}\n", key, *value);
    }
  }
  return text;
}

std::vector<std::string> own_line_comments(std::string_view text) {
  std::vector<std::string> result;
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view content = trim(line);
    if (!content.empty() && content.front() == '#') {
      result.emplace_back(content);
    }
  }
  return result;
}

std::vector<std::string> comments_in(std::string_view text) {
  std::vector<std::string> comments;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = end_of_token(text, i);
    if (text[i] == '#') {
      comments.emplace_back(trim(text.substr(i, end - i)));
    }
    i = std::max(end, i + 1);
  }
  return comments;
}

bool is_blocks(const toml::array& list) {
  return !list.empty() && list.front().is_table() && !list.front().as_table()->is_inline();
}

TextEditor::TextEditor(const std::string& text, const toml::table& root) : text_(text), root_(root) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      line_starts_.push_back(i + 1);
    }
  }
  collect_headers(root);
  headers_.push_back(static_cast<toml::source_index>(line_starts_.size() + 1));
  std::sort(headers_.begin(), headers_.end());
}

void TextEditor::change_keys(const std::vector<KeyText>& before, const std::vector<KeyText>& after) {
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (before[i] != after[i]) {
      change_key(after[i]);
    }
  }
}

void TextEditor::change_table(const std::string& name, const std::vector<KeyText>& before,
                              const std::vector<KeyText>& after) {
  if (before == after) {
    return;
  }
  const toml::table* table = root_[name].as_table();
  if (table == nullptr) {
    insert_lines(line_starts_.size() + 1,
                 fmt::format("{}[{}]\n{}", text_.empty() ? "" : "\n", name, key_lines(after)));
    return;
  }
  if (after.empty()) {
    const std::size_t header = table->source().begin.line;
    remove_lines(header, block_end(header));
    return;
  }
  // A key that is only in `before` does not exist any longer.
  const auto is_known = [&](std::string_view key) {
    const auto is_it = [&](const KeyText& one) { return one.first == key; };
    return std::any_of(after.begin(), after.end(), is_it) || std::any_of(before.begin(), before.end(), is_it);
  };
  const auto wanted = [&](std::string_view key) -> const std::string* {
    for (const auto& [name_of_key, value] : after) {
      if (name_of_key == key && value) {
        return &*value;
      }
    }
    return nullptr;
  };
  const auto is_unchanged = [&](std::string_view key) {
    return std::any_of(after.begin(), after.end(), [&](const KeyText& one) {
      return one.first == key && std::find(before.begin(), before.end(), one) != before.end();
    });
  };
  for (const auto& [key, node] : *table) {
    if (is_unchanged(key.str())) {
      continue;
    }
    if (const std::string* value = wanted(key.str())) {
      replace(node.source(), *value);
    } else if (is_known(key.str())) {
      remove_lines(key.source().begin.line, node.source().end.line + 1);
    }
  }
  for (const auto& [key, value] : after) {
    if (value && !table->contains(key)) {
      insert_lines(block_end(table->source().begin.line), fmt::format("{} = {}\n", key, *value));
    }
  }
}

// Collects the lines that contain a [table] or [[table]] header. Tables inside an element of a list belong to
// that element.
void TextEditor::collect_headers(const toml::table& table) {
  for (const auto& [key, node] : table) {
    if (const toml::table* inner = node.as_table(); inner != nullptr && !inner->is_inline()) {
      add_header(key.source().begin.line);
      collect_headers(*inner);
    } else if (const toml::array* list = node.as_array(); list != nullptr && is_blocks(*list)) {
      for (const toml::node& element : *list) {
        add_header(element.source().begin.line);
      }
    }
  }
}

// A dotted key (a.b = 1) also creates a table, but has no header.
void TextEditor::add_header(toml::source_index line) {
  if (trim(std::string_view(text_).substr(line_start(line))).starts_with('[')) {
    headers_.push_back(line);
  }
}

// Returns the byte offset of a position; columns count code points.
std::size_t TextEditor::offset_of(toml::source_position position) const {
  std::size_t offset = line_starts_[position.line - 1];
  for (toml::source_index column = 1; column < position.column && offset < text_.size(); ++column) {
    ++offset;
    while (offset < text_.size() && (static_cast<unsigned char>(text_[offset]) & 0xc0) == 0x80) {
      ++offset;
    }
  }
  return offset;
}

std::size_t TextEditor::line_start(std::size_t line) const {
  return line > line_starts_.size() ? text_.size() : line_starts_[line - 1];
}

void TextEditor::change_key(const KeyText& key) {
  const toml::node* node = root_.get(key.first);
  if (node == nullptr) {
    insert_lines(top_level_end(), fmt::format("{} = {}\n", key.first, key.second.value_or("")));
  } else if (key.second) {
    replace(node->source(), *key.second);
  } else {
    remove_lines(root_.find(key.first)->first.source().begin.line, node->source().end.line + 1);
  }
}

// Returns the line before which a new top-level key is inserted: after the last such key, or else at the
// start of the file, in any case before the first header.
std::size_t TextEditor::top_level_end() const {
  std::size_t line = 0;
  for (const auto& [key, node] : root_) {
    const std::size_t last = node.source().end.line;
    if (std::find(headers_.begin(), headers_.end(), key.source().begin.line) == headers_.end() &&
        last < headers_.front()) {
      line = std::max(line, last);
    }
  }
  return line + 1;
}

void TextEditor::overwrite(const toml::source_region& region, const std::string& replacement) {
  const std::size_t from = offset_of(region.begin);
  patches_.push_back({from, offset_of(region.end) - from, replacement});
}

void TextEditor::replace(const toml::source_region& region, const std::string& replacement) {
  const std::vector<std::string> kept = comments_in(replacement);
  for (const std::string& comment : comments_in(text_of(region))) {
    loses_comments_ |= std::find(kept.begin(), kept.end(), comment) == kept.end();
  }
  overwrite(region, replacement);
}

void TextEditor::remove_element(const toml::node& element) {
  const std::size_t from = offset_of(element.source().begin);
  std::size_t to = offset_of(element.source().end);
  const std::size_t comma = text_.find_first_not_of(" \t", to);
  to = comma != std::string::npos && text_[comma] == ',' ? comma + 1 : to;
  const std::size_t next = text_.find_first_not_of(" \t\r", to);
  const bool ends_line = next == std::string::npos || text_[next] == '\n' || text_[next] == '#';
  const std::size_t first = line_start(element.source().begin.line);
  const bool begins_line = trim(std::string_view(text_).substr(first, from - first)).empty();
  if (begins_line && ends_line) {
    remove_lines(element.source().begin.line, element.source().end.line + 1);
  } else {
    patches_.push_back({from, to - from, {}});
  }
}

void TextEditor::insert_elements(const toml::node& last, const std::vector<std::string>& texts) {
  const std::size_t end = offset_of(last.source().end);
  const std::size_t next = text_.find_first_not_of(" \t", end);
  const bool has_comma = next != std::string::npos && text_[next] == ',';
  const std::size_t rest = text_.find_first_not_of(" \t\r", has_comma ? next + 1 : end);
  const bool ends_line = rest == std::string::npos || text_[rest] == '\n' || text_[rest] == '#';
  if (!ends_line) {
    insert_after(last.source().end, ", " + join(texts, ", "));
    return;
  }
  if (!has_comma) {
    insert_after(last.source().end, ",");
  }
  const std::size_t first = line_start(last.source().begin.line);
  const std::string indent = text_.substr(first, text_.find_first_not_of(" \t", first) - first);
  std::string lines;
  for (const std::string& text : texts) {
    lines += fmt::format("{}{},\n", indent, text);
  }
  insert_lines(last.source().end.line + 1, lines);
}

void TextEditor::insert_lines(std::size_t before_line, const std::string& lines) {
  const std::size_t at = line_start(before_line);
  const bool after_unended_line = at == text_.size() && at > 0 && text_.back() != '\n';
  patches_.push_back({at, 0, (after_unended_line ? "\n" : "") + lines});
}

void TextEditor::remove_lines(std::size_t from, std::size_t to) {
  patches_.push_back({line_start(from), line_start(to) - line_start(from), {}});
}

void TextEditor::replace_lines(std::size_t from, std::size_t to, const std::string& lines) {
  patches_.push_back({line_start(from), line_start(to) - line_start(from), lines});
}

void TextEditor::insert_after(toml::source_position end, const std::string& text) {
  patches_.push_back({offset_of(end), 0, text});
}

std::string_view TextEditor::rest_of_line(toml::source_position position) const {
  const std::size_t from = offset_of(position);
  return std::string_view(text_).substr(from, line_start(position.line + 1) - from);
}

std::string_view TextEditor::text_of(const toml::source_region& region) const {
  const std::size_t from = offset_of(region.begin);
  return std::string_view(text_).substr(from, offset_of(region.end) - from);
}

std::size_t TextEditor::block_end(std::size_t header) const {
  std::size_t line =
      *std::upper_bound(headers_.begin(), headers_.end(), static_cast<toml::source_index>(header));
  while (line > header + 1 && is_blank_or_comment(line - 1)) {
    --line;
  }
  return line;
}

std::size_t TextEditor::block_begin(std::size_t header) const {
  const bool follows_blank =
      header > 1 && trim(std::string_view(text_).substr(line_start(header - 1),
                                                        line_start(header) - line_start(header - 1)))
                        .empty();
  return follows_blank ? header - 1 : header;
}

bool TextEditor::is_blank_or_comment(std::size_t line) const {
  const std::string_view content =
      trim(std::string_view(text_).substr(line_start(line), line_start(line + 1) - line_start(line)));
  return content.empty() || content.front() == '#';
}

std::string TextEditor::apply() {
  // Keys that are added at the end of a table come before tables that begin there, and both before what
  // replaces or removes the text that follows.
  const auto rank = [](const Patch& patch) {
    return patch.length > 0 ? 2 : trim(patch.replacement).starts_with('[') ? 1 : 0;
  };
  std::stable_sort(patches_.begin(), patches_.end(), [&](const Patch& a, const Patch& b) {
    return std::pair(a.offset, rank(a)) < std::pair(b.offset, rank(b));
  });
  std::string result;
  std::size_t done = 0;
  for (const Patch& patch : patches_) {
    result.append(text_, done, patch.offset - done).append(patch.replacement);
    done = patch.offset + patch.length;
  }
  return result.append(text_, done);
}

}  // namespace mdevadm::store
