// XML documents of other programs, read with libexpat.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace mdevadm {

// The attributes of an element.
class XmlAttributes {
 public:
  using Pair = std::pair<std::string_view, std::string_view>;

  explicit XmlAttributes(const std::vector<Pair>& pairs) : pairs_(pairs) {}

  // Returns the value, or an empty text if there is no such attribute.
  std::string_view text(std::string_view name) const;

 private:
  const std::vector<Pair>& pairs_;
};

// Receives the parts of a document in their order. A function that throws Error ends the parsing.
class XmlHandler {
 public:
  virtual ~XmlHandler() = default;
  virtual void start(std::string_view name, const XmlAttributes& attributes) = 0;
  virtual void end(std::string_view name) = 0;
  // The text of an element may come in several parts.
  virtual void text(std::string_view part) = 0;
};

// Parses a document. Throws Error{failed} "line N: REASON" if it is not well-formed, declares entities (which
// could expand to gigabytes) or has more than 32 levels of elements, and with the reason of the handler; and
// an Error if libexpat is not installed.
void parse_xml(std::string_view document, XmlHandler& handler);

}  // namespace mdevadm
