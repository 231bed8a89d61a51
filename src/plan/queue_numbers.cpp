// Numbers of adapters and domains that a user has typed in decimal and may have meant as hexadecimal ones.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// Returns the number that has the decimal digits of this one as hexadecimal ones; nullopt: out of range.
std::optional<unsigned> as_hexadecimal(unsigned number) {
  const unsigned meant = number / 100 * 256 + number / 10 % 10 * 16 + number % 10;
  return meant < ap_numbers ? std::optional(meant) : std::nullopt;
}

std::string decimal_list(const ApSet& set) {
  std::vector<std::string> terms;
  for (const unsigned number : numbers_of(set)) {
    terms.push_back(std::to_string(number));
  }
  return join(terms, ",");
}

}  // namespace

std::vector<std::string> doubts_about_decimals(const Snapshot& seen, const ApChanges& typed) {
  std::vector<std::string> doubts;
  for (const ApKind kind : ap_kinds) {
    const std::optional<ApSet> existing = seen.ap ? seen.ap->existing(kind) : std::nullopt;
    const std::optional<ApChange>& change = typed.of(kind);
    ApSet numbers, meant;
    for (const unsigned number :
         existing&& change ? numbers_of(change->decimal & ~*existing) : std::vector<unsigned>{}) {
      const auto other = as_hexadecimal(number);
      if (other && existing->test(*other) && !change->added.test(*other)) {
        numbers.set(number);
        meant.set(*other);
      }
    }
    if (numbers.any()) {
      const bool is_one = numbers.count() == 1;
      doubts.push_back(fmt::format("{} {} decimal ({}); if {}{} {} of this host {} meant, use 0x",
                                   decimal_list(numbers), is_one ? "is" : "are",
                                   format_ap_list(numbers, kind), ap_word(kind), is_one ? "" : "s",
                                   format_ap_list(meant, kind), is_one ? "is" : "are"));
    }
  }
  return doubts;
}

}  // namespace mdevadm
