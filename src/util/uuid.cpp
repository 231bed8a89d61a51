#include <mdevadm/util/uuid.hpp>

#include <uuid/uuid.h>

#include <algorithm>
#include <mdevadm/util/library.hpp>

namespace mdevadm {

namespace {

constexpr std::string_view form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
constexpr std::array<std::size_t, 4> hyphens{8, 13, 18, 23};
// Where the two digits of each byte begin.
constexpr std::array<std::size_t, 16> pairs{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

// The values of hexadecimal digits, by character; -1 for other characters.
constexpr std::array<std::int8_t, 256> digit_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::int8_t i = 0; i < 16; ++i) {
    values[static_cast<unsigned char>("0123456789abcdef"[i])] = i;
    values[static_cast<unsigned char>("0123456789ABCDEF"[i])] = i;
  }
  return values;
}();

int value_of(char c) {
  return digit_values[static_cast<unsigned char>(c)];
}

// Functions of libuuid, named without the prefix "uuid_".
struct LibUuid {
  decltype(&::uuid_generate_random) generate_random;
  decltype(&::uuid_generate_sha1) generate_sha1;
};

LibUuid load_libuuid() {
  const Library library("libuuid.so.1", "make a UUID", "install the package libuuid1");
  LibUuid result{};
  library.find("uuid_generate_random", result.generate_random);
  library.find("uuid_generate_sha1", result.generate_sha1);
  return result;
}

const LibUuid& libuuid() {
  static const LibUuid loaded = load_libuuid();
  return loaded;
}

}  // namespace

// Does not use uuid_parse(), which takes many times as long: a list of ten thousand devices parses ten
// thousand names several times.
std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != form.size() ||
      std::any_of(hyphens.begin(), hyphens.end(), [&](std::size_t place) { return text[place] != '-'; })) {
    return std::nullopt;
  }
  const auto number_of = [text](std::size_t first) {
    std::uint64_t number = 0;
    int all = 0;  // negative if a digit is invalid
    for (std::size_t i = first; i < first + 8; ++i) {
      const int high = value_of(text[pairs[i]]);
      const int low = value_of(text[pairs[i] + 1]);
      all |= high | low;
      number = number << 8 | static_cast<std::uint8_t>(high << 4 | low);
    }
    return all < 0 ? std::nullopt : std::optional(number);
  };
  const std::optional<std::uint64_t> high = number_of(0);
  const std::optional<std::uint64_t> low = number_of(8);
  if (!high || !low) {
    return std::nullopt;
  }
  Uuid result;
  result.high_ = *high;
  result.low_ = *low;
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
  for (const std::size_t place : hyphens) {
    hyphenated.insert(place, 1, '-');
  }
  return parse(hyphenated);
}

Uuid Uuid::random() {
  Bytes bytes{};
  libuuid().generate_random(bytes.data());
  return of_bytes(bytes);
}

Uuid Uuid::of_name(std::string_view name) {
  // Namespace UUID that only this program uses.
  static const Uuid space = *parse("5a2e1f0c-7d0b-4c57-9a53-3c1a7f6d2b10");
  return of_name(space, name);
}

Uuid Uuid::of_name(const Uuid& space, std::string_view name) {
  Bytes bytes{};
  libuuid().generate_sha1(bytes.data(), space.bytes().data(), name.data(), name.size());
  return of_bytes(bytes);
}

Uuid Uuid::of_bytes(const Bytes& bytes) {
  Uuid result;
  for (std::size_t i = 0; i < 8; ++i) {
    result.high_ = result.high_ << 8 | bytes[i];
    result.low_ = result.low_ << 8 | bytes[i + 8];
  }
  return result;
}

Uuid::Bytes Uuid::bytes() const {
  Bytes result{};
  for (std::size_t i = 0; i < 8; ++i) {
    result[i] = static_cast<std::uint8_t>(high_ >> (56 - 8 * i));
    result[i + 8] = static_cast<std::uint8_t>(low_ >> (56 - 8 * i));
  }
  return result;
}

// Does not use uuid_unparse_lower(), as in parse().
void Uuid::append_to(std::string& text) const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, form.size()> result{};
  for (const std::size_t place : hyphens) {
    result[place] = '-';
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::uint64_t byte = (i < 8 ? high_ : low_) >> (56 - 8 * (i % 8)) & 0xff;
    result[pairs[i]] = digits[byte >> 4];
    result[pairs[i] + 1] = digits[byte & 0xf];
  }
  text.append(result.data(), result.size());
}

std::string Uuid::str() const {
  std::string text;
  append_to(text);
  return text;
}

}  // namespace mdevadm
