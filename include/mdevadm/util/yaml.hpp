// YAML documents of other programs, read with libyaml.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mdevadm {

// A place in a text, from 1; 0: unknown.
struct TextPosition {
  std::size_t line = 0;
  std::size_t column = 0;
};

// What is wrong with a document, and where.
struct YamlProblem {
  TextPosition where;
  std::string message;
};

struct YamlNode {
  enum class Kind { scalar, sequence, mapping } kind = Kind::scalar;
  TextPosition where{};
  std::string text{};  // of a scalar, without quotes
  bool quoted = false;
  std::string tag{};                                         // if one is written: "!!int" is stored in full
  std::vector<std::size_t> items{};                          // of a sequence: numbers of nodes
  std::vector<std::pair<std::size_t, std::size_t>> pairs{};  // of a mapping: key and value
};

// A document as a graph: a node that has an alias is the element of several others, and may contain itself.
// A reader that follows all elements must limit their number, because aliases of aliases multiply them.
class YamlDocument {
 public:
  // Parses a text that has exactly one document. Throws YamlProblem if it has none or several, is not
  // well-formed, has more than 32 levels or 200,000 nodes, or is larger than 8 MiB; and an Error if libyaml
  // is not installed.
  static YamlDocument parse(std::string_view text);

  const YamlNode& root() const { return nodes_.front(); }
  const YamlNode& operator[](std::size_t number) const { return nodes_.at(number); }

 private:
  class Parser;

  std::vector<YamlNode> nodes_{};
};

}  // namespace mdevadm
