#include <mdevadm/util/yaml.hpp>

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <map>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/library.hpp>
#include <optional>

namespace mdevadm {

namespace {

constexpr std::size_t deepest_node = 32;
constexpr std::size_t most_nodes = 200000;
constexpr std::size_t largest_text = std::size_t{8} << 20U;

// Its functions, named without the prefix "yaml_".
struct LibYaml {
  decltype(&::yaml_parser_initialize) parser_initialize;
  decltype(&::yaml_parser_delete) parser_delete;
  decltype(&::yaml_parser_set_input_string) parser_set_input_string;
  decltype(&::yaml_parser_parse) parser_parse;
  decltype(&::yaml_event_delete) event_delete;
};

LibYaml load_yaml() {
  const Library library("libyaml-0.so.2", "read YAML", "install the package libyaml-0-2");
  LibYaml result{};
  library.find("yaml_parser_initialize", result.parser_initialize);
  library.find("yaml_parser_delete", result.parser_delete);
  library.find("yaml_parser_set_input_string", result.parser_set_input_string);
  library.find("yaml_parser_parse", result.parser_parse);
  library.find("yaml_event_delete", result.event_delete);
  return result;
}

const LibYaml& yaml() {
  static const LibYaml loaded = load_yaml();
  return loaded;
}

TextPosition position_of(const yaml_mark_t& mark) {
  return {mark.line + 1, mark.column + 1};
}

// Returns the position of a byte of a text that could not be decoded.
TextPosition position_of_byte(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t line_start = before.rfind('\n') + 1;  // 0 if there is none
  return {static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1,
          before.size() - line_start + 1};
}

std::string text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string{} : std::string(reinterpret_cast<const char*>(text));
}

// An event, deleted when it is replaced.
class YamlEvent {
 public:
  YamlEvent() = default;
  YamlEvent(const YamlEvent&) = delete;
  YamlEvent& operator=(const YamlEvent&) = delete;
  ~YamlEvent() { yaml().event_delete(&event_); }

  // Returns false if the parser has found an error.
  bool next(yaml_parser_t& parser) {
    yaml().event_delete(&event_);
    event_ = {};
    return yaml().parser_parse(&parser, &event_) != 0;
  }
  const yaml_event_t& get() const { return event_; }

 private:
  yaml_event_t event_{};
};

}  // namespace

// Builds the graph from events. libyaml's own documents need time that grows with the square of the number of
// anchors, and have no limits.
class YamlDocument::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    if (yaml().parser_initialize(&parser_) == 0) {
      throw Error(ExitCode::failed, "cannot read YAML: not enough memory");
    }
    yaml().parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                   text.size());
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() { yaml().parser_delete(&parser_); }

  std::vector<YamlNode> parse() {
    YamlEvent event;
    do {
      if (!event.next(parser_)) {
        refuse();
      }
      take(event.get());
    } while (event.get().type != YAML_STREAM_END_EVENT);
    if (nodes_.empty()) {
      throw YamlProblem{{1, 1}, "the file is empty"};
    }
    return std::move(nodes_);
  }

 private:
  // A collection that has not ended; in a mapping, the key whose value comes next.
  struct Open {
    std::size_t node;
    std::optional<std::size_t> key{};
  };

  [[noreturn]] void refuse() const {
    const char* problem = parser_.problem != nullptr ? parser_.problem : "unknown error";
    if (parser_.error == YAML_MEMORY_ERROR) {
      throw Error(ExitCode::failed, "cannot read YAML: not enough memory");
    }
    const TextPosition where = parser_.error == YAML_READER_ERROR
                                   ? position_of_byte(text_, parser_.problem_offset)
                                   : position_of(parser_.problem_mark);
    throw YamlProblem{where, fmt::format("invalid YAML: {}", problem)};
  }

  void take(const yaml_event_t& event) {
    const TextPosition where = position_of(event.start_mark);
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (!nodes_.empty()) {
          throw YamlProblem{where, "the file has several YAML documents (expected one)"};
        }
        break;
      case YAML_ALIAS_EVENT: {
        const auto found = anchors_.find(text_of(event.data.alias.anchor));
        if (found == anchors_.end()) {
          throw YamlProblem{where, fmt::format("undefined alias '*{}'", text_of(event.data.alias.anchor))};
        }
        place(found->second);
        break;
      }
      case YAML_SCALAR_EVENT: {
        const auto& scalar = event.data.scalar;
        YamlNode node{.where = where, .quoted = scalar.style != YAML_PLAIN_SCALAR_STYLE};
        node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
        node.tag = text_of(scalar.tag);
        add(std::move(node), text_of(scalar.anchor));
        break;
      }
      case YAML_SEQUENCE_START_EVENT:
        open(
            {.kind = YamlNode::Kind::sequence, .where = where, .tag = text_of(event.data.sequence_start.tag)},
            text_of(event.data.sequence_start.anchor));
        break;
      case YAML_MAPPING_START_EVENT:
        open({.kind = YamlNode::Kind::mapping, .where = where, .tag = text_of(event.data.mapping_start.tag)},
             text_of(event.data.mapping_start.anchor));
        break;
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT: open_.pop_back(); break;
      default: break;
    }
  }

  std::size_t add(YamlNode node, const std::string& anchor) {
    if (nodes_.size() == most_nodes) {
      throw YamlProblem{node.where, fmt::format("the document has more than {} nodes", most_nodes)};
    }
    const std::size_t number = nodes_.size();
    nodes_.push_back(std::move(node));
    if (!anchor.empty()) {
      anchors_[anchor] = number;
    }
    place(number);
    return number;
  }

  void open(YamlNode node, const std::string& anchor) {
    if (open_.size() == deepest_node) {
      throw YamlProblem{node.where, fmt::format("more than {} levels of nesting", deepest_node)};
    }
    open_.push_back({add(std::move(node), anchor)});
  }

  // Makes a node an element of the innermost collection.
  void place(std::size_t number) {
    if (open_.empty()) {
      return;
    }
    Open& into = open_.back();
    YamlNode& node = nodes_[into.node];
    if (node.kind == YamlNode::Kind::sequence) {
      node.items.push_back(number);
    } else if (into.key) {
      node.pairs.emplace_back(*into.key, number);
      into.key.reset();
    } else {
      into.key = number;
    }
  }

  std::string_view text_;
  yaml_parser_t parser_{};
  std::vector<YamlNode> nodes_{};
  std::vector<Open> open_{};
  std::map<std::string, std::size_t, std::less<>> anchors_{};
};

YamlDocument YamlDocument::parse(std::string_view text) {
  if (text.size() > largest_text) {
    throw YamlProblem{{1, 1}, "the file is larger than 8 MiB"};
  }
  YamlDocument document;
  document.nodes_ = Parser(text).parse();
  return document;
}

}  // namespace mdevadm
