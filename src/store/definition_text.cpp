#include <mdevadm/store/definition_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/store/definition_file.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

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
  };
}

std::string attribute_block(const Attribute& attribute) {
  return fmt::format("[[attribute]]\nname = {}\nvalue = {}\n", toml_string(attribute.name.str()),
                     toml_string(attribute.value));
}

std::vector<KeyText> abi_keys(const std::optional<Abi>& abi) {
  std::vector<KeyText> keys;
  for (const Pin& pin : abi ? *abi : Abi{}) {
    keys.emplace_back(pin.name, toml_string(pin.value));
  }
  return keys;
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

// Edits the text of one definition.
class DefinitionEditor {
 public:
  DefinitionEditor(const std::string& text, const toml::table& root) : root_(root), editor_(text, root) {}

  std::string edit(const Definition& before, const Definition& after) {
    editor_.change_keys(top_keys(before), top_keys(after));
    change_attributes(before.attributes, after.attributes);
    editor_.change_table("node", node_keys(before.node), node_keys(after.node));
    editor_.change_table("abi", abi_keys(before.abi), abi_keys(after.abi));
    return editor_.apply();
  }

 private:
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
        editor_.remove_lines(header, editor_.block_end(header));
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
      editor_.insert_lines(list->front().source().begin.line, attribute_block(edit.attribute) + "\n");
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
};

}  // namespace

std::string format_definition(const Definition& definition) {
  std::string text = key_lines(top_keys(definition));
  for (const Attribute& attribute : definition.attributes) {
    text += "\n" + attribute_block(attribute);
  }
  if (definition.node) {
    text += "\n[node]\n" + key_lines(node_keys(definition.node));
  }
  if (definition.abi) {
    text += "\n[abi]\n" + key_lines(abi_keys(definition.abi));
  }
  return text;
}

std::string edit_definition(const std::string& text, const std::string& path, const Definition& before,
                            const Definition& after) {
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(path));
  std::string edited = parsed ? DefinitionEditor(text, parsed.table()).edit(before, after) : std::string{};
  // Verify the result, whatever form the text has: it must parse to `after` and contain every comment.
  // Otherwise the user has to edit the file.
  const FileContent result = parse_definition(edited, path, {after.uuid, after.parent});
  if (!parsed || !result.definition || *result.definition != after ||
      own_line_comments(edited) != own_line_comments(text)) {
    throw Error(
        ExitCode::failed,
        fmt::format("cannot modify '{}': the layout of the file cannot be changed without losing comments",
                    path),
        "edit the file by hand");
  }
  return edited;
}

}  // namespace mdevadm::store
