#include <mdevadm/store/definition_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/store/definition_file.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "definition_keys.hpp"
#include "shared_keys.hpp"
#include "text_editor.hpp"
#include "toml.hpp"

namespace mdevadm::store {

namespace {

// Returns the single-value keys of the top level.
std::vector<KeyText> top_keys(const Definition& definition) {
  return {
      {"type", toml_string(definition.type.str())},
      {"start", toml_string(definition.start == StartMode::automatic ? "auto" : "manual")},
      {"name", definition.name ? std::optional(toml_string(definition.name->str())) : std::nullopt},
      {"aggregate",
       definition.aggregate ? std::optional(fmt::format("{}", *definition.aggregate)) : std::nullopt},
      {"create_args",
       definition.create_args ? std::optional(toml_string(*definition.create_args)) : std::nullopt},
      {"vf", definition.function ? std::optional(toml_string(definition.function->str())) : std::nullopt},
      {"applied_by",
       definition.applied_by ? std::optional(toml_string(definition.applied_by->str())) : std::nullopt},
  };
}

std::string attribute_block(const Attribute& attribute, std::string_view prefix = {}) {
  return fmt::format("[[{}attribute]]\nname = {}\nvalue = {}\n", prefix, toml_string(attribute.name.str()),
                     toml_string(attribute.value));
}

std::vector<KeyText> abi_keys(const std::optional<Abi>& abi) {
  std::vector<KeyText> keys;
  for (const Pin& pin : abi ? *abi : Abi{}) {
    keys.emplace_back(pin.name, toml_string(pin.value));
  }
  return keys;
}

// Returns numbers as elements of a list.
std::vector<std::string> quoted_terms(const ApSet& set, ApKind kind) {
  const std::string list = format_ap_list(set, kind);
  std::vector<std::string> terms;
  for (const std::string_view term : list.empty() ? std::vector<std::string_view>{} : split(list, ',')) {
    terms.push_back(toml_string(term));
  }
  return terms;
}

// Returns the keys of the table [ap], with lists such as ["0x05-0x06", "0x0a"].
std::vector<KeyText> queue_keys(const Definition& definition) {
  std::vector<KeyText> keys;
  const ApMatrix matrix = definition.queue_table ? assigned_by(definition.attributes) : ApMatrix{};
  for (const ApKind kind : ap_kinds) {
    const std::vector<std::string> elements = quoted_terms(matrix.of(kind), kind);
    keys.emplace_back(
        std::string(ap_name(kind)) + "s",
        elements.empty() ? std::nullopt : std::optional(fmt::format("[{}]", join(elements, ", "))));
  }
  return keys;
}

// Returns the attributes that are not in the table [ap].
std::vector<Attribute> listed_attributes(const Definition& definition) {
  std::vector<Attribute> attributes = definition.attributes;
  if (definition.queue_table) {
    std::erase_if(attributes, is_ap_attribute);
  }
  return attributes;
}

std::string inline_attribute(const Attribute& attribute) {
  return fmt::format("{{ name = {}, value = {} }}", toml_string(attribute.name.str()),
                     toml_string(attribute.value));
}

// A step of the change from one list of attributes to another.
struct ListEdit {
  enum class Kind { remove, insert } kind;
  std::size_t index;  // in the old list; insert: position of the next element
  Attribute attribute;
};

// Computes the steps from the longest common subsequence, so that unchanged blocks are not touched.
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

ApSet numbers_of_element(const toml::node& element, ApKind kind) {
  const auto number = element.value<std::int64_t>();
  return read_ap_list(number ? fmt::format("{}", *number) : element.value_or(std::string{}), kind)
      .change.added;
}

// How a list in the table [ap] is changed.
enum class ListStyle {
  elements,  // one by one, so that comments between elements are preserved
  whole,
};

// Edits the text of one definition.
class DefinitionEditor {
 public:
  DefinitionEditor(const std::string& text, const toml::table& root, ListStyle style)
      : root_(root), editor_(text, root), style_(style) {}

  std::string edit(const Definition& before, const Definition& after) {
    editor_.change_keys(top_keys(before), top_keys(after));
    change_queues(before, after);
    change_attributes(listed_attributes(before), listed_attributes(after));
    editor_.change_table("node", node_keys(before.node), node_keys(after.node));
    editor_.change_table("abi", abi_keys(before.abi), abi_keys(after.abi));
    return editor_.apply();
  }

  bool loses_comments() const { return editor_.loses_comments(); }

 private:
  void change_queues(const Definition& before, const Definition& after) {
    std::vector<KeyText> old_keys = queue_keys(before);
    const std::vector<KeyText> new_keys = queue_keys(after);
    for (const ApKind kind : ap_kinds) {
      const auto place = static_cast<std::size_t>(kind);
      const toml::array* list = root_["ap"][old_keys[place].first].as_array();
      const bool has_lines = style_ == ListStyle::elements && list != nullptr &&
                             list->source().begin.line != list->source().end.line;
      if (has_lines && old_keys[place] != new_keys[place] && new_keys[place].second) {
        if (!change_elements(*list, assigned_by(after.attributes).of(kind), kind)) {
          editor_.overwrite(list->source(), *new_keys[place].second);
        }
        old_keys[place] = new_keys[place];  // done
      }
    }
    editor_.change_table("ap", old_keys, new_keys);
  }

  // Returns false if no element remains.
  bool change_elements(const toml::array& list, const ApSet& wanted, ApKind kind) {
    ApSet missing = wanted;
    const toml::node* last = nullptr;
    std::vector<std::pair<const toml::node*, ApSet>> numbers;
    for (const toml::node& element : list) {
      const ApSet set = numbers_of_element(element, kind);
      numbers.emplace_back(&element, set & missing);
      missing &= ~set;
      last = numbers.back().second.any() ? &element : last;
    }
    if (last == nullptr) {
      return false;
    }
    for (const auto& [element, left] : numbers) {
      if (left.none()) {
        editor_.remove_element(*element);
      } else if (left != numbers_of_element(*element, kind)) {
        editor_.replace(element->source(), join(quoted_terms(left, kind), ", "));
      }
    }
    if (missing.any()) {
      editor_.insert_elements(*last, quoted_terms(missing, kind));
    }
    return true;
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
        editor_.remove_lines(editor_.block_begin(header), editor_.block_end(header));
      } else {
        insert_attribute(list, edit);
      }
    }
  }

  void insert_attribute(const toml::array* list, const ListEdit& edit) {
    if (list != nullptr && edit.index > 0) {
      editor_.insert_lines(editor_.block_end(list->get(edit.index - 1)->source().begin.line),
                           "\n" + attribute_block(edit.attribute));
    } else if (list != nullptr && !list->empty()) {
      const std::size_t header = list->front().source().begin.line;
      const std::size_t begin = editor_.block_begin(header);
      const std::string block = attribute_block(edit.attribute);
      editor_.insert_lines(begin, begin < header ? "\n" + block : block + "\n");
    } else {
      editor_.insert_lines(editor_.line_count() + 1,
                           (editor_.is_empty() ? "" : "\n") + attribute_block(edit.attribute));
    }
  }

  void rewrite_inline(const toml::array& list, const std::vector<Attribute>& after) {
    std::vector<std::string> elements;
    std::transform(after.begin(), after.end(), std::back_inserter(elements), inline_attribute);
    editor_.replace(list.source(),
                    elements.empty() ? "[]" : fmt::format("[\n  {},\n]", join(elements, ",\n  ")));
  }

  const toml::table& root_;
  TextEditor editor_;
  ListStyle style_;
};

}  // namespace

std::string definition_tables(const Definition& definition, std::string_view prefix) {
  std::string text;
  if (definition.queue_table) {
    text += fmt::format("\n[{}ap]\n", prefix) + key_lines(queue_keys(definition));
  }
  for (const Attribute& attribute : listed_attributes(definition)) {
    text += "\n" + attribute_block(attribute, prefix);
  }
  if (definition.node) {
    text += fmt::format("\n[{}node]\n", prefix) + key_lines(node_keys(definition.node));
  }
  return text;
}

std::string host_device_text(const Definition& definition, bool active) {
  const auto quoted = [](const std::string& word) { return toml_string(word); };
  std::vector<KeyText> keys{
      {"name", definition.name ? std::optional(quoted(definition.name->str())) : std::nullopt},
      {"uuid", quoted(definition.uuid.str())},
      {"parents", fmt::format("[{}]", quoted(definition.parent.str()))}};
  for (KeyText& key : top_keys(definition)) {
    if (key.first != "name" && key.first != "applied_by") {
      keys.push_back(std::move(key));
    }
  }
  keys.emplace_back("state", quoted(active ? "active" : "defined"));
  return "[[device]]\n" + key_lines(keys) + definition_tables(definition, "device.");
}

std::string host_entry_text(const DeviceEntry& entry) {
  const auto quoted = [](const std::string& word) { return toml_string(word); };
  const auto list = [&](const std::vector<std::string>& words) -> std::optional<std::string> {
    std::vector<std::string> terms;
    std::transform(words.begin(), words.end(), std::back_inserter(terms), quoted);
    return words.empty() ? std::nullopt : std::optional(fmt::format("[{}]", join(terms, ", ")));
  };
  const auto unless = [](bool is_default, std::string text) {
    return is_default ? std::nullopt : std::optional(std::move(text));
  };
  const std::string count = entry.count ? fmt::format("{}", *entry.count) : quoted("all");
  std::vector<KeyText> keys{{"name", unless(entry.name.empty(), quoted(entry.name))},
                            {entry.per_parent ? "count_per_parent" : "count",
                             unless(!entry.per_parent && entry.count == std::uint64_t{1}, count)},
                            {"uuid", entry.uuid ? std::optional(quoted(entry.uuid->str())) : std::nullopt},
                            {"type", unless(entry.type.empty(), quoted(entry.type))},
                            {"need", list(entry.needs)},
                            {"parents", list(entry.parents)},
                            {"except", list(entry.except)},
                            {"placement", unless(entry.placement == Placement::spread, quoted("pack"))},
                            {"state", unless(entry.active, quoted("defined"))}};
  for (KeyText& key : top_keys(entry.settings)) {
    const bool is_start = key.first == "start" && entry.settings.start == StartMode::automatic;
    if (is_start || key.first == "aggregate" || key.first == "create_args" || key.first == "vf") {
      keys.push_back(std::move(key));
    }
  }
  return "[[device]]\n" + key_lines(keys) + definition_tables(entry.settings, "device.");
}

std::string format_definition(const Definition& definition) {
  std::string text = key_lines(top_keys(definition)) + definition_tables(definition, "");
  if (definition.abi) {
    text += "\n[abi]\n" + key_lines(abi_keys(definition.abi));
  }
  return text;
}

std::string edit_definition(const std::string& text, const std::string& path, const Definition& before,
                            const Definition& after) {
  const toml::parse_result parsed = toml::parse(text, path);
  // Verify the result, whatever form the text has: it must parse to `after` and contain every comment.
  // Otherwise the user has to edit the file.
  for (const ListStyle style : {ListStyle::elements, ListStyle::whole}) {
    std::string edited;
    bool loses_comments = false;
    if (parsed) {
      DefinitionEditor editor(text, parsed.table(), style);
      edited = editor.edit(before, after);
      loses_comments = editor.loses_comments();
    }
    const FileContent result = parse_definition(edited, path, {after.uuid, after.parent});
    if (result.definition && *result.definition == after && !loses_comments &&
        own_line_comments(edited) == own_line_comments(text)) {
      return edited;
    }
  }
  // A file with no comments and no unknown keys has nothing to lose but its layout.
  std::string rewritten = format_definition(after);
  if (parsed && comments_in(text).empty() &&
      parse_definition(text, path, {after.uuid, after.parent}).problems.empty() &&
      parse_definition(rewritten, path, {after.uuid, after.parent}).definition == after) {
    return rewritten;
  }
  throw Error(
      ExitCode::failed,
      fmt::format("cannot modify '{}': the layout of the file cannot be changed without losing comments",
                  path),
      "edit the file by hand");
}

}  // namespace mdevadm::store
