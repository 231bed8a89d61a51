#include "plain_definition.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include "shared_keys.hpp"

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

enum class Table { top, attribute, node, abi };

constexpr std::array table_names{std::pair{Table::attribute, std::string_view("attribute")},
                                 std::pair{Table::node, std::string_view("node")},
                                 std::pair{Table::abi, std::string_view("abi")}};

// An attribute that is being read.
struct AttributeKeys {
  std::optional<std::string_view> name{};
  std::optional<std::string_view> value{};
};

// Sets a value that has not been set yet. Return false if it is invalid or set already.
template <typename T, typename New>
bool set(std::optional<T>& value, std::optional<New> now) {
  const bool is_possible = now && !value;
  if (is_possible) {
    value = *std::move(now);
  }
  return is_possible;
}

class PlainReader {
 public:
  PlainReader(std::string_view text, const Uuid& uuid, const ParentName& parent, const Definition* similar)
      : left_(text), similar_(similar), result_{uuid, parent, unknown_type()} {}

  std::optional<Definition> read() {
    while (!left_.empty()) {
      if (!read_line()) {
        return std::nullopt;
      }
    }
    if (!end_attribute() || !type_) {
      return std::nullopt;
    }
    result_.type = *std::move(type_);
    result_.start = start_.value_or(result_.start);
    if (node_ && node_ != NodePolicy{}) {
      result_.node = std::move(node_);
    }
    return std::move(result_);
  }

 private:
  static const TypeName& unknown_type() {
    static const TypeName name = *TypeName::parse("unknown");
    return name;
  }

  bool read_line() {
    skip_blanks();
    if (!is_at_end() && left_.front() == '[') {
      return read_header() && end_line();
    }
    const std::string_view key = take_key();
    return (key.empty() || read_value(key)) && end_line();
  }

  bool read_header() {
    left_.remove_prefix(1);
    const bool is_list = take('[');
    skip_blanks();
    const std::string_view key = take_key();
    skip_blanks();
    const auto known = std::find_if(table_names.begin(), table_names.end(),
                                    [key](const auto& one) { return one.second == key; });
    if (known == table_names.end() || !take(']') || (is_list && !take(']')) || !end_attribute()) {
      return false;
    }
    table_ = known->first;
    switch (table_) {
      case Table::node: return !is_list && set(node_, std::optional(NodePolicy{}));
      case Table::abi: return !is_list && set(result_.abi, std::optional(Abi{}));
      default: attribute_ = AttributeKeys{}; return is_list;
    }
  }

  // Adds the attribute that has been read, if any. Returns false if it is incomplete or invalid.
  bool end_attribute() {
    if (!attribute_) {
      return true;
    }
    const AttributeKeys keys = *std::exchange(attribute_, std::nullopt);
    if (!keys.name || !keys.value) {
      return false;
    }
    const std::size_t place = result_.attributes.size();
    const AttributeName* other = similar_ != nullptr && place < similar_->attributes.size()
                                     ? &similar_->attributes[place].name
                                     : nullptr;
    if (auto name = shared(*keys.name, other)) {
      result_.attributes.push_back({*std::move(name), std::string(*keys.value)});
      return true;
    }
    return false;
  }

  bool read_value(std::string_view key) {
    skip_blanks();
    if (!take('=')) {
      return false;
    }
    skip_blanks();
    if (!take('"')) {
      return table_ == Table::top && key == "aggregate" && set(result_.aggregate, take_number());
    }
    std::size_t size = 0;
    while (size < left_.size() && is_plain(left_[size]) && left_[size] != '"' && left_[size] != '\\') {
      ++size;
    }
    const std::string_view value = left_.substr(0, size);
    left_.remove_prefix(size);
    // A second quotation mark may begin a text of several lines.
    return take('"') && !(value.empty() && !is_at_end() && left_.front() == '"') && set_text(key, value);
  }

  // Return false if the key is unknown or was there before, or the value is invalid.
  bool set_text(std::string_view key, std::string_view value) {
    switch (table_) {
      case Table::attribute: return set_in_attribute(key, value);
      case Table::node: return set_in_node(key, value);
      case Table::abi: return add_pin(key, value);
      default: return set_at_top(key, value);
    }
  }

  bool set_at_top(std::string_view key, std::string_view value) {
    if (key == "type") {
      return set(type_, shared(value, similar_ != nullptr ? &similar_->type : nullptr));
    }
    if (key == "start") {
      return set(start_, start_mode_of(value));
    }
    if (key == "name") {
      return set(result_.name, Label::parse(value));
    }
    if (key == "create_args") {
      return set(result_.create_args, std::optional(std::string(value)));
    }
    if (key == "vf") {
      return set(result_.function, function_of(value));
    }
    return key == "applied_by" && set(result_.applied_by, Uuid::parse(value));
  }

  bool set_in_attribute(std::string_view key, std::string_view value) {
    return key == "name" ? set(attribute_->name, std::optional(value))
                         : key == "value" && set(attribute_->value, std::optional(value));
  }

  bool set_in_node(std::string_view key, std::string_view value) {
    const auto account = [value] {
      return is_account(value) ? std::optional(std::string(value)) : std::nullopt;
    };
    if (key == "owner") {
      return set(node_->owner, account());
    }
    if (key == "group") {
      return set(node_->group, account());
    }
    if (key == "mode") {
      return set(node_->mode, file_mode_of(value));
    }
    return key == "selinux_label" && set(node_->selinux_label, std::optional(std::string(value)));
  }

  // The library sorts the keys of a table.
  bool add_pin(std::string_view key, std::string_view value) {
    Abi& abi = *result_.abi;
    const auto place = std::lower_bound(
        abi.begin(), abi.end(), key, [](const Pin& pin, std::string_view name) { return pin.name < name; });
    if (place != abi.end() && place->name == key) {
      return false;
    }
    abi.insert(place, {std::string(key), std::string(value)});
    return true;
  }

  // Returns a copy of the other name if that is the same, which needs no memory.
  template <typename Checked>
  static std::optional<Checked> shared(std::string_view text, const Checked* other) {
    return other != nullptr && other->str() == text ? std::optional(*other) : Checked::parse(text);
  }

  // Without sign, leading zero and underscores.
  std::optional<std::uint64_t> take_number() {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), number);
    if (error != std::errc{} || number < 1 || left_.front() == '0') {
      return std::nullopt;
    }
    left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
    return static_cast<std::uint64_t>(number);
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
  const Definition* similar_;
  Table table_ = Table::top;
  // Keys of the definition, absent if they have not been read yet.
  std::optional<TypeName> type_{};
  std::optional<StartMode> start_{};
  std::optional<NodePolicy> node_{};
  std::optional<AttributeKeys> attribute_{};
  Definition result_;
};

}  // namespace

std::optional<Definition> read_plain_definition(std::string_view text, const Identity& known,
                                                const Definition* similar) {
  return known.uuid && known.parent ? PlainReader(text, *known.uuid, *known.parent, similar).read()
                                    : std::nullopt;
}

}  // namespace mdevadm::store
