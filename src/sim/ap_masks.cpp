#include "ap_masks.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace mdevadm::sim {

namespace {

std::optional<unsigned> hex_digit(char letter) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(&letter, &letter + 1, value, 16);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

// Takes a number from the beginning of the text, as simple_strtoul does with base 0.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && hex_digit(text[2])) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.starts_with('0')) {
    base = 8;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (end == text.data() || error != std::errc{}) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, char letter) {
  if (!text.starts_with(letter)) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// Applies one term, "+5" or "-8-10", and removes it with the separators that follow it.
bool apply_term(ApNumbers& mask, std::string_view& text) {
  const bool add = text.front() == '+';
  text.remove_prefix(1);
  const auto first = take_number(text);
  const auto last = first && take(text, '-') ? take_number(text) : first;
  if (!first || !last || *first > *last || *last >= ap_numbers) {
    return false;
  }
  for (auto number = static_cast<unsigned>(*first); number <= *last; ++number) {
    if (add) {
      mask.insert(number);
    } else {
      mask.erase(number);
    }
  }
  while (take(text, ',') || take(text, '\n')) {
  }
  return true;
}

}  // namespace

ApNumbers all_ap_numbers() {
  ApNumbers numbers;
  for (unsigned number = 0; number < ap_numbers; ++number) {
    numbers.insert(numbers.end(), number);
  }
  return numbers;
}

std::string to_mask(const ApNumbers& numbers) {
  std::string text = "0x";
  for (unsigned first = 0; first < ap_numbers; first += 4) {
    unsigned digit = 0;
    for (unsigned bit = 0; bit < 4; ++bit) {
      digit |= numbers.contains(first + bit) ? 8U >> bit : 0;
    }
    text += "0123456789abcdef"[digit];
  }
  return text;
}

std::optional<ApNumbers> from_mask(std::string_view text) {
  if (text.starts_with("0x")) {
    text.remove_prefix(1);
  }
  take(text, 'x');
  ApNumbers numbers;
  for (unsigned first = 0; first < ap_numbers && !text.empty() && text != "\n"; first += 4) {
    const auto digit = hex_digit(text.front());
    if (!digit) {
      return std::nullopt;
    }
    text.remove_prefix(1);
    for (unsigned bit = 0; bit < 4; ++bit) {
      if ((*digit & (8U >> bit)) != 0) {
        numbers.insert(first + bit);
      }
    }
  }
  return text.empty() || text == "\n" ? std::optional(numbers) : std::nullopt;
}

std::optional<ApNumbers> changed_mask(const ApNumbers& now, std::string_view text) {
  if (!text.starts_with('+') && !text.starts_with('-')) {
    return from_mask(text);
  }
  ApNumbers mask = now;
  while (!text.empty()) {
    if ((text.front() != '+' && text.front() != '-') || !apply_term(mask, text)) {
      return std::nullopt;
    }
  }
  return mask;
}

}  // namespace mdevadm::sim
