// Edits hand-written TOML and leaves everything that does not change untouched, byte for byte. Internal
// header.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "toml.hpp"

namespace mdevadm::store {

// A key and the text of its value; nullopt: the key is absent. Lists are in the order of a new file.
using KeyText = std::pair<std::string, std::optional<std::string>>;

// Formats the present keys as "key = value", one per line.
std::string key_lines(const std::vector<KeyText>& keys);

// Returns the comments on lines of their own, in order. An edit must preserve them.
std::vector<std::string> own_line_comments(std::string_view text);

// Returns the comments in the text of a value, in order.
std::vector<std::string> comments_in(std::string_view text);

// Collects changes to a text by positions in the parsed document. Both must outlive the editor.
class TextEditor {
 public:
  TextEditor(const std::string& text, const toml::table& root);

  // Changes the single-value keys of the top level that differ.
  void change_keys(const std::vector<KeyText>& before, const std::vector<KeyText>& after);
  // Sets and removes the keys of a table, except those that neither list contains; creates the table if it is
  // missing, removes it if `after` is empty, and keeps its header if no key of `after` has a value.
  void change_table(const std::string& name, const std::vector<KeyText>& before,
                    const std::vector<KeyText>& after);

  void replace(const toml::source_region& region, const std::string& replacement);
  // Replaces a list of which no element remains: the comments behind the elements go with them.
  void overwrite(const toml::source_region& region, const std::string& replacement);
  // Removes an element of a list with the comma after it, and the rest of its line if nothing but a comment
  // follows there.
  void remove_element(const toml::node& element);
  // Adds elements after one of the same list: on lines of their own if a line ends after that element,
  // otherwise on its line.
  void insert_elements(const toml::node& last, const std::vector<std::string>& texts);
  void insert_lines(std::size_t before_line, const std::string& lines);
  void remove_lines(std::size_t from, std::size_t to);
  void replace_lines(std::size_t from, std::size_t to, const std::string& lines);
  void insert_after(toml::source_position end, const std::string& text);
  // Returns the rest of the line after a position.
  std::string_view rest_of_line(toml::source_position position) const;
  std::string_view text_of(const toml::source_region& region) const;
  std::size_t line_count() const { return line_starts_.size(); }
  bool is_empty() const { return text_.empty(); }
  // Returns whether a value with comments was replaced by one without them. The comment behind an element
  // that was removed belongs to that element.
  bool loses_comments() const { return loses_comments_; }
  // Returns the line after the last key of the block that begins at a header line. Comments and blank lines
  // before the next header belong to that header, a comment at the end of the file belongs to the file.
  std::size_t block_end(std::size_t header) const;
  // Returns the line in which the block of a header begins: the empty line before the header, if there is
  // one.
  std::size_t block_begin(std::size_t header) const;

  // Returns the edited text.
  std::string apply();

 private:
  // Replaces `length` bytes at `offset`.
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
  std::vector<toml::source_index> headers_;  // lines of headers, and the line after the last line
  std::vector<Patch> patches_;
  bool loses_comments_ = false;
};

// Returns whether a list is written as [[tables]].
bool is_blocks(const toml::array& list);

}  // namespace mdevadm::store
