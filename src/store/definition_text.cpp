#include <mdevadm/store/definition_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/store/definition_file.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "toml.hpp"

namespace mdevadm::store {

namespace {

// The keys of the top level that are single values, as text; absent ones as nothing. In the order of a new
// file.
using TopKey = std::pair<std::string, std::optional<std::string>>;

std::vector<TopKey> top_keys(const Definition& definition) {
  return {
      {"type", quoted(definition.type.str())},
      {"start", quoted(definition.start == StartMode::automatic ? "auto" : "manual")},
      {"name", definition.name ? std::optional(quoted(definition.name->str())) : std::nullopt},
      {"aggregate",
       definition.aggregate ? std::optional(fmt::format("{}", *definition.aggregate)) : std::nullopt},
      {"create_args", definition.create_args ? std::optional(quoted(*definition.create_args)) : std::nullopt},
      {"vf", definition.function ? std::optional(quoted(definition.function->str())) : std::nullopt},
  };
}

std::string attribute_block(const Attribute& attribute) {
  return fmt::format("[[attribute]]\nname = {}\nvalue = {}\n", quoted(attribute.name.str()),
                     quoted(attribute.value));
}

std::string abi_block(const Abi& abi) {
  std::string text = "[abi]\n";
  for (const Pin& pin : abi) {
    text += fmt::format("{} = {}\n", pin.name, quoted(pin.value));
  }
  return text;
}

std::string inline_attribute(const Attribute& attribute) {
  return fmt::format("{{ name = {}, value = {} }}", quoted(attribute.name.str()), quoted(attribute.value));
}

// A change of `text`: `length` bytes from `offset` become `replacement`.
struct Patch {
  std::size_t offset;
  std::size_t length;
  std::string replacement;
};

// A step on the way from one list of attributes to another.
struct ListEdit {
  enum class Kind { remove, insert } kind;
  std::size_t index;  // in the old list; for insert: before this one
  Attribute attribute;
};

// The longest common subsequence stays, so blocks that do not change are not touched.
std::vector<ListEdit> list_edits(const std::vector<Attribute>& before, const std::vector<Attribute>& after) {
  const std::size_t n = before.size();
  const std::size_t m = after.size();
  std::vector<std::vector<std::size_t>> common(n + 1, std::vector<std::size_t>(m + 1, 0));
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t j = m; j-- > 0;) {
      common[i][j] =
          before[i] == after[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<ListEdit> edits;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < n || j < m) {
    if (i < n && j < m && before[i] == after[j]) {
      ++i;
      ++j;
    } else if (j < m && (i == n || common[i][j + 1] >= common[i + 1][j])) {
      edits.push_back({ListEdit::Kind::insert, i, after[j++]});
    } else {
      edits.push_back({ListEdit::Kind::remove, i, before[i]});
      ++i;
    }
  }
  return edits;
}

// Positions in a parsed text, and the patches that lead to another definition.
class Editor {
 public:
  Editor(const std::string& text, const toml::table& root) : text_(text), root_(root) {
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

  std::string edit(const Definition& before, const Definition& after) {
    const std::vector<TopKey> old_keys = top_keys(before);
    const std::vector<TopKey> new_keys = top_keys(after);
    for (std::size_t i = 0; i < new_keys.size(); ++i) {
      if (old_keys[i] != new_keys[i]) {
        change_key(new_keys[i]);
      }
    }
    change_attributes(before.attributes, after.attributes);
    change_abi(before.abi, after.abi);
    return apply();
  }

 private:
  // Lines on which a [table] or [[table]] header stands. Tables inside a list's element belong to that
  // element.
  void collect_headers(const toml::table& table) {
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

  // A table may also come of a dotted key (a.b = 1), which has no header.
  void add_header(toml::source_index line) {
    if (trim(std::string_view(text_).substr(line_start(line))).starts_with('[')) {
      headers_.push_back(line);
    }
  }

  static bool is_blocks(const toml::array& list) {
    return !list.empty() && list.front().is_table() && !list.front().as_table()->is_inline();
  }

  // Byte offset of a position; columns count code points.
  std::size_t offset_of(toml::source_position position) const {
    std::size_t offset = line_starts_[position.line - 1];
    for (toml::source_index column = 1; column < position.column && offset < text_.size(); ++column) {
      ++offset;
      while (offset < text_.size() && (static_cast<unsigned char>(text_[offset]) & 0xc0) == 0x80) {
        ++offset;
      }
    }
    return offset;
  }

  std::size_t line_start(std::size_t line) const {
    return line > line_starts_.size() ? text_.size() : line_starts_[line - 1];
  }

  void change_key(const TopKey& key) {
    const toml::node* node = root_.get(key.first);
    if (node == nullptr) {
      insert_lines(top_level_end(), fmt::format("{} = {}\n", key.first, key.second.value_or("")));
    } else if (key.second) {
      const std::size_t from = offset_of(node->source().begin);
      patches_.push_back({from, offset_of(node->source().end) - from, *key.second});
    } else {
      remove_lines(root_.find(key.first)->first.source().begin.line, node->source().end.line + 1);
    }
  }

  // The line before which a further key of the top level goes: after the last one there is, or after the
  // comment that heads the file, in any case before the first header.
  std::size_t top_level_end() const {
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

  void insert_lines(std::size_t before_line, const std::string& lines) {
    const std::size_t at = line_start(before_line);
    const bool after_unended_line = at == text_.size() && at > 0 && text_.back() != '\n';
    patches_.push_back({at, 0, (after_unended_line ? "\n" : "") + lines});
  }

  void remove_lines(std::size_t from, std::size_t to) {
    patches_.push_back({line_start(from), line_start(to) - line_start(from), {}});
  }

  // Value by value, so that comments between them stay.
  void change_abi(const std::optional<Abi>& before, const std::optional<Abi>& after) {
    if (before == after) {
      return;
    }
    const toml::table* table = root_["abi"].as_table();
    if (table == nullptr) {
      insert_lines(line_starts_.size() + 1, (text_.empty() ? "" : "\n") + abi_block(after.value_or(Abi{})));
      return;
    }
    const Abi& wanted = after ? *after : Abi{};
    for (const auto& [key, node] : *table) {
      const std::string* value = find_pin(wanted, key.str());
      const std::size_t from = offset_of(node.source().begin);
      if (value == nullptr) {
        remove_lines(key.source().begin.line, node.source().end.line + 1);
      } else {
        patches_.push_back({from, offset_of(node.source().end) - from, quoted(*value)});
      }
    }
    const std::size_t header = table->source().begin.line;
    for (const Pin& pin : wanted) {
      if (!table->contains(pin.name)) {
        insert_lines(block_end(header), fmt::format("{} = {}\n", pin.name, quoted(pin.value)));
      }
    }
  }

  void change_attributes(const std::vector<Attribute>& before, const std::vector<Attribute>& after) {
    if (before == after) {
      return;
    }
    const toml::node* node = root_.get("attribute");
    const toml::array* list = node != nullptr ? node->as_array() : nullptr;
    if (list != nullptr && !is_blocks(*list)) {
      rewrite_inline(*list, after);
      return;
    }
    for (const ListEdit& edit : list_edits(before, after)) {
      if (edit.kind == ListEdit::Kind::remove) {
        const std::size_t header = list->get(edit.index)->source().begin.line;
        remove_lines(header, block_end(header));
      } else {
        insert_attribute(list, edit);
      }
    }
  }

  void insert_attribute(const toml::array* list, const ListEdit& edit) {
    if (list != nullptr && edit.index > 0) {
      insert_lines(block_end(list->get(edit.index - 1)->source().begin.line),
                   "\n" + attribute_block(edit.attribute));
    } else if (list != nullptr && !list->empty()) {
      insert_lines(list->front().source().begin.line, attribute_block(edit.attribute) + "\n");
    } else {
      insert_lines(line_starts_.size() + 1, (text_.empty() ? "" : "\n") + attribute_block(edit.attribute));
    }
  }

  // The line after a block's last key: the comment and the blank lines above the next header belong to that
  // one, a comment that stands alone at the end belongs to the file.
  std::size_t block_end(std::size_t header) const {
    std::size_t line =
        *std::upper_bound(headers_.begin(), headers_.end(), static_cast<toml::source_index>(header));
    while (line > header + 1 && is_blank_or_comment(line - 1)) {
      --line;
    }
    return line;
  }

  bool is_blank_or_comment(std::size_t line) const {
    const std::string_view content =
        trim(std::string_view(text_).substr(line_start(line), line_start(line + 1) - line_start(line)));
    return content.empty() || content.front() == '#';
  }

  void rewrite_inline(const toml::array& list, const std::vector<Attribute>& after) {
    const std::size_t from = offset_of(list.source().begin);
    const std::size_t length = offset_of(list.source().end) - from;
    std::vector<std::string> elements;
    std::transform(after.begin(), after.end(), std::back_inserter(elements), inline_attribute);
    patches_.push_back(
        {from, length, elements.empty() ? "[]" : fmt::format("[\n  {},\n]", join(elements, ",\n  "))});
  }

  std::string apply() {
    std::stable_sort(patches_.begin(), patches_.end(),
                     [](const Patch& a, const Patch& b) { return a.offset < b.offset; });
    std::string result;
    std::size_t done = 0;
    for (const Patch& patch : patches_) {
      result.append(text_, done, patch.offset - done).append(patch.replacement);
      done = patch.offset + patch.length;
    }
    return result.append(text_, done);
  }

  const std::string& text_;
  const toml::table& root_;
  std::vector<std::size_t> line_starts_;     // offset of each line
  std::vector<toml::source_index> headers_;  // lines of headers, and the line after the last
  std::vector<Patch> patches_;
};

// Comments that stand on lines of their own, in order: what an edit must not lose.
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

}  // namespace

std::string format_definition(const Definition& definition) {
  std::string text;
  for (const auto& [key, value] : top_keys(definition)) {
    if (value) {
      text += fmt::format("{} = {}\n", key, *value);
    }
  }
  for (const Attribute& attribute : definition.attributes) {
    text += "\n" + attribute_block(attribute);
  }
  if (definition.node) {
    text += "\n[node]\n";
    if (definition.node->owner) {
      text += fmt::format("owner = {}\n", quoted(*definition.node->owner));
    }
    if (definition.node->group) {
      text += fmt::format("group = {}\n", quoted(*definition.node->group));
    }
    if (definition.node->mode) {
      text += fmt::format("mode = \"{:04o}\"\n", *definition.node->mode);
    }
  }
  if (definition.abi) {
    text += "\n" + abi_block(*definition.abi);
  }
  return text;
}

std::string edit_definition(const std::string& text, const std::string& path, const Definition& before,
                            const Definition& after) {
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(path));
  std::string edited = parsed ? Editor(text, parsed.table()).edit(before, after) : std::string{};
  // Whatever form the text has: the result must say what was wanted and hold every comment, or the person
  // edits it.
  const FileContent result = parse_definition(edited, path, {after.uuid, after.parent});
  if (!parsed || !result.definition || *result.definition != after ||
      own_line_comments(edited) != own_line_comments(text)) {
    throw Error(ExitCode::failed,
                fmt::format("cannot modify '{}': its form cannot be changed without losing comments", path),
                "edit the file by hand");
  }
  return edited;
}

}  // namespace mdevadm::store
