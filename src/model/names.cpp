#include <mdevadm/model/names.hpp>

#include <algorithm>

#include <mdevadm/util/text.hpp>
#include <mdevadm/util/uuid.hpp>

namespace mdevadm {

bool is_component(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.size() <= 255 &&
         text.find('/') == std::string_view::npos && !has_control_bytes(text);
}

bool is_attribute_path(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '/');
  return std::all_of(parts.begin(), parts.end(), is_component);
}

bool is_label(std::string_view text) {
  return is_component(text) && text.front() != '-' && !Uuid::parse(text);
}

bool is_account(std::string_view text) {
  return !text.empty() && text.find_first_of(": \t") == std::string_view::npos && !has_control_bytes(text);
}

}  // namespace mdevadm
