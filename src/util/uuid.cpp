#include <mdevadm/util/uuid.hpp>

#include <uuid/uuid.h>

namespace mdevadm {

std::optional<Uuid> Uuid::parse(std::string_view text) {
  Uuid result;
  if (text.size() != UUID_STR_LEN - 1 || ::uuid_parse(std::string(text).c_str(), result.bytes_.data()) != 0) {
    return std::nullopt;
  }
  return result;
}

Uuid Uuid::random() {
  Uuid result;
  ::uuid_generate_random(result.bytes_.data());
  return result;
}

std::string Uuid::str() const {
  std::array<char, UUID_STR_LEN> text{};
  ::uuid_unparse_lower(bytes_.data(), text.data());
  return {text.data(), UUID_STR_LEN - 1};
}

}  // namespace mdevadm
