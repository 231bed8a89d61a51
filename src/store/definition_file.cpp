#include <mdevadm/store/definition_file.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/model/ap.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "definition_keys.hpp"
#include "plain_definition.hpp"
#include "shared_keys.hpp"
#include "toml.hpp"

namespace mdevadm::store {

namespace {

class Reader {
 public:
  Reader(const std::string& path, FileContent& content) : path_(path), content_(content) {}

  // Reads the top level; values of `known` take precedence.
  void read(const toml::table& root, const Identity& known) {
    identify(root, known);
    const toml::node* type = root.get("type");
    if (type == nullptr) {
      throw Broken{{}, "missing required key 'type'"};
    }
    Definition result{*content_.uuid, *content_.parent,
                      checked_text<TypeName>(*type, "type", component_rule)};
    DefinitionKeys keys(path_, content_.problems);
    for (const auto& [key, node] : root) {
      const std::string_view word = key.str();
      if (word != "type" && word != "uuid" && word != "parent" && !keys.read(key, node, result)) {
        content_.problems.push_back(unknown_key(path_, key));
      }
    }
    DefinitionKeys::read_queues(root, result);
    content_.definition = std::move(result);
  }

 private:
  void identify(const toml::table& root, const Identity& known) {
    content_.uuid = known.uuid;
    content_.parent = known.parent;
    if (const toml::node* node = root.get("uuid")) {
      const Uuid uuid = checked_text<Uuid>(*node, "uuid", uuid_rule);
      if (known.uuid && *known.uuid != uuid) {
        broken(*node, fmt::format("'uuid' is {} (expected {})", uuid.str(), known.uuid->str()));
      }
      content_.uuid = uuid;
    }
    if (const toml::node* node = root.get("parent")) {
      const ParentName parent = checked_text<ParentName>(*node, "parent", component_rule);
      if (known.parent && *known.parent != parent) {
        broken(*node, fmt::format("'parent' is '{}' (expected '{}')", parent.str(), known.parent->str()));
      }
      content_.parent = parent;
    }
    if (!content_.parent) {
      content_.lacks_parent = true;
      throw Broken{{}, "missing required key 'parent'"};
    }
    if (!content_.uuid) {
      content_.uuid = Uuid::random();
    }
  }

  const std::string& path_;
  FileContent& content_;
};

// Returns the value of the line `name = "..."` in a file that is not valid TOML, or an empty string: users
// refer to the device by this name, and the error must name the invalid file.
std::string name_in(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)) != "name") {
      continue;
    }
    const std::string_view value = trim(line.substr(equals + 1));
    const std::size_t end = value.find('"', 1);
    const bool is_quoted = value.starts_with('"') && end != std::string_view::npos;
    const auto label = is_quoted ? Label::parse(value.substr(1, end - 1)) : std::nullopt;
    return label ? label->str() : std::string{};
  }
  return {};
}

FileContent with_problem(FileContent content, FileProblem problem, std::string_view text) {
  content.problem = std::move(problem);
  content.problem.name = name_in(text);
  return content;
}

}  // namespace

FileContent parse_definition(std::string_view text, const std::string& path, const Identity& known) {
  std::optional<Definition> plain = read_plain_definition(text, known);
  return plain ? FileContent{.uuid = known.uuid,
                             .parent = known.parent,
                             .definition = std::move(plain),
                             .problem = {},
                             .problems = {}}
               : read_with_library(text, path, known);
}

FileContent read_with_library(std::string_view text, const std::string& path, const Identity& known) {
  FileContent content;
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::source_position where = place_of(parsed.error(), text);
    return with_problem({}, {path, where.line, where.column, syntax_problem(parsed.error(), text)}, text);
  }
  try {
    Reader(path, content).read(parsed.table(), known);
  } catch (const Broken& broken) {
    return with_problem(std::move(content), {path, broken.where.line, broken.where.column, broken.message},
                        text);
  }
  return content;
}

}  // namespace mdevadm::store
