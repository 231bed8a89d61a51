// Choosing a type by what is needed of it, as users think: in resolution and framebuffer, not in nvidia-17.
// Pure.
#pragma once

#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// "framebuffer>=2G": a property, how it compares, and with what. Sizes and numbers are ordered; a resolution
// is at least another if it is so in both directions; text is the same or not.
struct Need {
  enum class Comparison { at_least, at_most, more, less, equal };

  std::string property;
  Comparison comparison;
  PropertyValue value;
  std::string word;  // the value, and
  std::string text;  // the whole, as they were written
};

std::optional<Need> parse_need(std::string_view text);

// Whether a type is known to meet a need. What it does not tell, it does not meet. A type's name, id and
// device_api are properties too.
bool meets(const Type& type, const Need& need);
bool meets_all(const Type& type, const std::vector<Need>& needs);

struct Choice {
  const Parent* parent;
  const Type* type;
  std::string why;  // "it has framebuffer=2048M, and the smallest that does"
};

// The smallest type that meets all needs and is left, over all parents that were seen: the one of which most
// fit on a parent; on the parent that has most left of it. Throws Error: not_found (none meets them),
// no_capacity (those that do are used up).
Choice choose_type(const Snapshot& seen, const std::vector<Need>& needs, const std::string& doing);

}  // namespace mdevadm
