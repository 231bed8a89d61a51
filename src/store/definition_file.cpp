#include <mdevadm/store/definition_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "toml.hpp"

namespace mdevadm::store {

namespace {

// Ends the reading of a file; becomes FileContent::problem.
struct Broken {
  toml::source_position where;
  std::string message;
};

std::string kind_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "a truth value";
    default: return "a date or time";
  }
}

[[noreturn]] void broken(const toml::node& node, std::string message) {
  throw Broken{node.source().begin, std::move(message)};
}

std::string text_of(const toml::node& node, std::string_view key) {
  const auto* text = node.as_string();
  if (text == nullptr) {
    broken(node, fmt::format("'{}' must be a string, not {}", key, kind_name(node)));
  }
  return text->get();
}

template <typename Checked>
Checked checked_text(const toml::node& node, std::string_view key, std::string_view rule) {
  const std::string text = text_of(node, key);
  auto value = Checked::parse(text);
  if (!value) {
    broken(node, fmt::format("'{}' is no good as {}: {}", printable(text), key, rule));
  }
  return *std::move(value);
}

constexpr std::string_view component_rule = "it must be one word of a path, without '/' and control bytes";
constexpr std::string_view label_rule =
    "it must be without '/' and control bytes, not begin with '-' and not be a UUID";
constexpr std::string_view attribute_rule = "it must be a path inside the device's folder, without '..'";
constexpr std::string_view uuid_rule = "it must be 32 hexadecimal digits as 8-4-4-4-12";

StartMode start_mode(const toml::node& node) {
  const std::string text = text_of(node, "start");
  if (text != "auto" && text != "manual") {
    broken(node, fmt::format("'start' must be \"auto\" or \"manual\", not \"{}\"", printable(text)));
  }
  return text == "auto" ? StartMode::automatic : StartMode::manual;
}

std::uint64_t count_of(const toml::node& node, std::string_view key) {
  const auto* number = node.as_integer();
  if (number == nullptr || number->get() < 1) {
    broken(node, fmt::format("'{}' must be a whole number of at least 1", key));
  }
  return static_cast<std::uint64_t>(number->get());
}

std::uint32_t file_mode(const toml::node& node) {
  const std::string text = text_of(node, "mode");
  std::uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || mode > 0777) {
    broken(node,
           fmt::format("'mode' must be octal permissions such as \"0660\", not \"{}\"", printable(text)));
  }
  return mode;
}

class Reader {
 public:
  Reader(const std::string& path, FileContent& content) : path_(path), content_(content) {}

  // What the top level says of the device, `identity` counting where it is set.
  void read(const toml::table& root, const Identity& known) {
    identify(root, known);
    const toml::node* type = root.get("type");
    if (type == nullptr) {
      throw Broken{{}, "there is no 'type'"};
    }
    Definition result{*content_.uuid, *content_.parent,
                      checked_text<TypeName>(*type, "type", component_rule)};
    for (const auto& [key, node] : root) {
      read_key(key.str(), node, key.source().begin, result);
    }
    content_.definition = std::move(result);
  }

 private:
  void identify(const toml::table& root, const Identity& known) {
    content_.uuid = known.uuid;
    content_.parent = known.parent;
    if (const toml::node* node = root.get("uuid")) {
      const Uuid uuid = checked_text<Uuid>(*node, "uuid", uuid_rule);
      if (known.uuid && *known.uuid != uuid) {
        broken(*node, fmt::format("'uuid' is {}, but this is about {}", uuid.str(), known.uuid->str()));
      }
      content_.uuid = uuid;
    }
    if (const toml::node* node = root.get("parent")) {
      const ParentName parent = checked_text<ParentName>(*node, "parent", component_rule);
      if (known.parent && *known.parent != parent) {
        broken(*node,
               fmt::format("'parent' is '{}', but this is about '{}'", parent.str(), known.parent->str()));
      }
      content_.parent = parent;
    }
    if (!content_.parent) {
      throw Broken{{}, "there is no 'parent'"};
    }
    if (!content_.uuid) {
      content_.uuid = Uuid::random();
    }
  }

  void read_key(std::string_view key, const toml::node& node, toml::source_position where, Definition& into) {
    if (key == "start") {
      into.start = start_mode(node);
    } else if (key == "name") {
      into.name = checked_text<Label>(node, key, label_rule);
    } else if (key == "aggregate") {
      into.aggregate = count_of(node, key);
    } else if (key == "create_args") {
      into.create_args = text_of(node, key);
    } else if (key == "attribute") {
      read_attributes(node, into);
    } else if (key == "node") {
      read_node(node, into);
    } else if (key != "type" && key != "uuid" && key != "parent" && key != "abi") {
      note_unknown(key, where);
    }
  }

  void read_attributes(const toml::node& node, Definition& into) {
    const toml::array* list = node.as_array();
    if (list == nullptr) {
      broken(node,
             fmt::format("'attribute' must be a list of tables ([[attribute]]), not {}", kind_name(node)));
    }
    for (const toml::node& element : *list) {
      const toml::table* table = element.as_table();
      const toml::node* name = table != nullptr ? table->get("name") : nullptr;
      const toml::node* value = table != nullptr ? table->get("value") : nullptr;
      if (name == nullptr || value == nullptr) {
        broken(element, "an [[attribute]] needs a 'name' and a 'value'");
      }
      into.attributes.push_back(
          {checked_text<AttributeName>(*name, "name", attribute_rule), text_of(*value, "value")});
      note_unknown_but(*table, {"name", "value"});
    }
  }

  void read_node(const toml::node& node, Definition& into) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      broken(node, fmt::format("'node' must be a table ([node]), not {}", kind_name(node)));
    }
    NodePolicy policy;
    if (const toml::node* owner = table->get("owner")) {
      policy.owner = text_of(*owner, "owner");
    }
    if (const toml::node* group = table->get("group")) {
      policy.group = text_of(*group, "group");
    }
    if (const toml::node* mode = table->get("mode")) {
      policy.mode = file_mode(*mode);
    }
    note_unknown_but(*table, {"owner", "group", "mode"});
    into.node = std::move(policy);
  }

  void note_unknown_but(const toml::table& table, std::initializer_list<std::string_view> known) {
    for (const auto& [key, node] : table) {
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
        note_unknown(key.str(), key.source().begin);
      }
    }
  }

  void note_unknown(std::string_view key, toml::source_position where) {
    content_.odd.push_back(
        {path_, where.line, where.column, fmt::format("unknown key '{}', kept as it is", printable(key))});
  }

  const std::string& path_;
  FileContent& content_;
};

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': result += "\\\""; break;
      case '\\': result += "\\\\"; break;
      case '\n': result += "\\n"; break;
      case '\t': result += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          result += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          result += c;
        }
    }
  }
  return result + '"';
}

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
  };
}

std::string attribute_block(const Attribute& attribute) {
  return fmt::format("[[attribute]]\nname = {}\nvalue = {}\n", quoted(attribute.name.str()),
                     quoted(attribute.value));
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

FileContent parse_definition(std::string_view text, const std::string& path, const Identity& known) {
  FileContent content;
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(path));
  if (!parsed) {
    const toml::source_position where = parsed.error().source().begin;
    content.problem = {path, where.line, where.column, std::string(parsed.error().description())};
    return content;
  }
  try {
    Reader(path, content).read(parsed.table(), known);
  } catch (const Broken& broken) {
    content.problem = {path, broken.where.line, broken.where.column, broken.message};
  }
  return content;
}

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
