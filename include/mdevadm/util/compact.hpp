// Values of which thousands are in memory, and that few of them have or many share: a pointer or two each,
// where std::optional and std::string take the space of the value. They are copied like values.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mdevadm {

// Like std::optional, with the value on the heap.
template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(std::nullopt_t) {}
  Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Boxed(std::optional<T> value) : value_(value ? std::make_unique<T>(*std::move(value)) : nullptr) {}
  Boxed(const Boxed& other) : value_(other ? std::make_unique<T>(*other) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(const Boxed& other) {
    value_ = other ? std::make_unique<T>(*other) : nullptr;
    return *this;
  }
  Boxed& operator=(Boxed&&) noexcept = default;
  ~Boxed() = default;

  explicit operator bool() const noexcept { return value_ != nullptr; }
  bool has_value() const noexcept { return value_ != nullptr; }
  operator std::optional<T>() const { return value_ ? std::optional<T>(*value_) : std::nullopt; }
  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  T value_or(T other) const { return value_ ? *value_ : std::move(other); }
  void reset() noexcept { value_.reset(); }

  // Returns the value, or a default one if there is none.
  const T& or_default() const {
    static const T none{};
    return value_ ? *value_ : none;
  }
  // Returns the value, which is made if there is none.
  T& made() {
    if (!value_) {
      value_ = std::make_unique<T>();
    }
    return *value_;
  }

  bool operator==(const Boxed& other) const {
    return value_ && other.value_ ? *value_ == *other.value_ : !value_ && !other.value_;
  }
  bool operator==(const T& other) const { return value_ && *value_ == other; }

 private:
  std::unique_ptr<T> value_;
};

// A text that is empty in most cases.
class RareText {
 public:
  RareText() = default;
  RareText(std::string text) : text_(text.empty() ? Boxed<std::string>() : std::move(text)) {}
  RareText(const char* text) : RareText(std::string(text)) {}

  bool empty() const noexcept { return !text_; }
  const std::string& str() const { return text_.or_default(); }
  operator const std::string&() const { return str(); }

  bool operator==(const RareText& other) const { return text_ == other.text_; }
  template <std::convertible_to<std::string_view> Text>
  bool operator==(const Text& other) const {
    return str() == std::string_view(other);
  }

 private:
  Boxed<std::string> text_;
};

// A list that is empty in most cases, read like a std::vector.
template <typename T>
class RareList {
 public:
  RareList() = default;
  RareList(std::vector<T> items) : items_(items.empty() ? Boxed<std::vector<T>>() : std::move(items)) {}
  RareList(std::initializer_list<T> items) : RareList(std::vector<T>(items)) {}

  const std::vector<T>& list() const { return items_.or_default(); }
  operator const std::vector<T>&() const { return list(); }
  // Returns the list, to change it.
  std::vector<T>& made() { return items_.made(); }

  bool empty() const { return list().empty(); }
  std::size_t size() const { return list().size(); }
  auto begin() const { return list().begin(); }
  auto end() const { return list().end(); }
  const T& front() const { return list().front(); }
  const T& operator[](std::size_t place) const { return list()[place]; }

 private:
  Boxed<std::vector<T>> items_;
};

// A text that many objects share; nullptr: none.
using SharedText = std::shared_ptr<const std::string>;

}  // namespace mdevadm
