#include "plain_toml.hpp"

#include <charconv>

#include <mdevadm/util/text.hpp>

namespace mdevadm::store {

namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

constexpr bool is_key_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

constexpr bool is_plain(char c) {
  return (c >= ' ' && c <= '~') || c == '\t';
}

class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : left_(text) {}

  std::optional<toml::table> read() {
    toml::table root;
    into_ = &root;
    while (!left_.empty()) {
      if (!read_line(root)) {
        return std::nullopt;
      }
    }
    return root;
  }

 private:
  bool read_line(toml::table& root) {
    skip_blanks();
    if (!is_at_end() && left_.front() == '[') {
      return read_header(root) && end_line();
    }
    const std::string_view key = take_key();
    return (key.empty() || read_value(key)) && end_line();
  }

  bool read_header(toml::table& root) {
    left_.remove_prefix(1);
    const bool is_list = take('[');
    skip_blanks();
    const std::string_view key = take_key();
    skip_blanks();
    if (key.empty() || !take(']') || (is_list && !take(']'))) {
      return false;
    }
    if (!is_list) {
      const auto [place, is_new] = root.insert(key, toml::table{});
      into_ = place->second.as_table();
      return is_new;
    }
    const auto [place, is_new] = root.insert(key, toml::array{});
    toml::array* list = place->second.as_array();
    if (list == nullptr) {
      return false;
    }
    list->push_back(toml::table{});
    into_ = list->back().as_table();
    return true;
  }

  bool read_value(std::string_view key) {
    skip_blanks();
    if (!take('=')) {
      return false;
    }
    skip_blanks();
    if (!take('"')) {
      return read_number(key);
    }
    std::size_t size = 0;
    while (size < left_.size() && is_plain(left_[size]) && left_[size] != '"' && left_[size] != '\\') {
      ++size;
    }
    const std::string_view value = left_.substr(0, size);
    left_.remove_prefix(size);
    // A second quotation mark may begin a text of several lines.
    return take('"') && !(value.empty() && !is_at_end() && left_.front() == '"') &&
           into_->insert(key, std::string(value)).second;
  }

  // Without sign, leading zero and underscores.
  bool read_number(std::string_view key) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), number);
    if (error != std::errc{} || number < 1 || left_.front() == '0') {
      return false;
    }
    left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
    return into_->insert(key, number).second;
  }

  std::string_view take_key() {
    std::size_t size = 0;
    while (size < left_.size() && is_key_letter(left_[size])) {
      ++size;
    }
    const std::string_view key = left_.substr(0, size);
    left_.remove_prefix(size);
    return key;
  }

  bool end_line() {
    skip_blanks();
    if (!left_.empty() && left_.front() == '#') {
      while (!left_.empty() && is_plain(left_.front())) {
        left_.remove_prefix(1);
      }
    }
    return left_.empty() || take('\n');
  }

  void skip_blanks() {
    while (!left_.empty() && is_blank(left_.front())) {
      left_.remove_prefix(1);
    }
  }

  bool take(char c) {
    const bool is_here = !left_.empty() && left_.front() == c;
    left_.remove_prefix(is_here ? 1 : 0);
    return is_here;
  }

  bool is_at_end() const { return left_.empty() || left_.front() == '\n'; }

  std::string_view left_;
  toml::table* into_ = nullptr;  // the table of the last header
};

}  // namespace

std::optional<toml::table> read_plain_toml(std::string_view text) {
  return PlainReader(text).read();
}

}  // namespace mdevadm::store
