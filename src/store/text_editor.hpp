// Changing TOML that a person wrote: what is not changed stays as it is, to the byte. For sources only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "toml.hpp"

namespace mdevadm::store {

// A key and the text of its value; nothing: it is not there. In the order of a new file.
using KeyText = std::pair<std::string, std::optional<std::string>>;

// "key = value" of those that are there, a line each.
std::string key_lines(const std::vector<KeyText>& keys);

// Comments that stand on lines of their own, in order: what an edit must not lose.
std::vector<std::string> own_line_comments(std::string_view text);

// Collects changes of a text, by positions in it as it was parsed. Both must outlive the editor.
class TextEditor {
 public:
  TextEditor(const std::string& text, const toml::table& root);

  // Single values of the top level that are not the same.
  void change_keys(const std::vector<KeyText>& before, const std::vector<KeyText>& after);
  // Those of a table, value by value; the table is made, or emptied, if need be.
  void change_table(const std::string& name, const std::vector<KeyText>& before,
                    const std::vector<KeyText>& after);

  void replace(const toml::source_region& region, const std::string& replacement);
  void insert_lines(std::size_t before_line, const std::string& lines);
  void remove_lines(std::size_t from, std::size_t to);
  void insert_after(toml::source_position end, const std::string& text);
  // What stands behind a position on its line.
  std::string_view rest_of_line(toml::source_position position) const;
  std::size_t line_count() const { return line_starts_.size(); }
  bool is_empty() const { return text_.empty(); }
  // The line after the last key of a block that begins with a header: the comment and the blank lines above
  // the next header belong to that one, a comment that stands alone at the end belongs to the file.
  std::size_t block_end(std::size_t header) const;

  std::string apply();

 private:
  // `length` bytes from `offset` become `replacement`.
  struct Patch {
    std::size_t offset;
    std::size_t length;
    std::string replacement;
  };

  void change_key(const KeyText& key);
  void collect_headers(const toml::table& table);
  void add_header(toml::source_index line);
  std::size_t offset_of(toml::source_position position) const;
  std::size_t line_start(std::size_t line) const;
  std::size_t top_level_end() const;
  bool is_blank_or_comment(std::size_t line) const;

  const std::string& text_;
  const toml::table& root_;
  std::vector<std::size_t> line_starts_;     // offset of each line
  std::vector<toml::source_index> headers_;  // lines of headers, and the line after the last
  std::vector<Patch> patches_;
};

// Whether a list is written as [[tables]].
bool is_blocks(const toml::array& list);

}  // namespace mdevadm::store
