#include <mdevadm/util/uuid.hpp>

#include <uuid/uuid.h>

namespace mdevadm {

namespace {

constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

int value_of(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

}  // namespace

// Does not use uuid_parse(), which takes five times as long: a list of ten thousand devices parses ten
// thousand names.
std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != form.size()) {
    return std::nullopt;
  }
  Uuid result;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const int value = value_of(text[i]);
    if (form[i] == '-' ? text[i] != '-' : value < 0) {
      return std::nullopt;
    }
    if (form[i] == 'x') {
      std::uint8_t& byte = result.bytes_[digits++ / 2];
      byte = static_cast<std::uint8_t>(static_cast<unsigned>(byte) << 4U | static_cast<unsigned>(value));
    }
  }
  return result;
}

std::optional<Uuid> Uuid::parse_any(std::string_view text) {
  constexpr std::string_view urn = "urn:uuid:";
  if (text.starts_with(urn)) {
    return parse(text.substr(urn.size()));
  }
  if (text.size() == form.size() + 2 && text.front() == '{' && text.back() == '}') {
    return parse(text.substr(1, form.size()));
  }
  if (text.size() != form.size() - 4) {
    return parse(text);
  }
  std::string hyphenated(text);
  for (const std::size_t place : {8U, 13U, 18U, 23U}) {
    hyphenated.insert(place, 1, '-');
  }
  return parse(hyphenated);
}

Uuid Uuid::random() {
  Uuid result;
  ::uuid_generate_random(result.bytes_.data());
  return result;
}

Uuid Uuid::of_name(std::string_view name) {
  // Namespace UUID that only this program uses.
  static const Uuid space = *parse("5a2e1f0c-7d0b-4c57-9a53-3c1a7f6d2b10");
  Uuid result;
  ::uuid_generate_sha1(result.bytes_.data(), space.bytes_.data(), name.data(), name.size());
  return result;
}

std::string Uuid::str() const {
  std::array<char, UUID_STR_LEN> text{};
  ::uuid_unparse_lower(bytes_.data(), text.data());
  return {text.data(), UUID_STR_LEN - 1};
}

}  // namespace mdevadm
