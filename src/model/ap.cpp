#include <mdevadm/model/ap.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

std::optional<std::uint64_t> parse_digits(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  const bool is_whole = end == text.data() + text.size() && !text.empty();
  // A number beyond 64 bits is a number, too, but beyond every limit.
  return !is_whole                                 ? std::nullopt
         : error == std::errc::result_out_of_range ? std::optional(std::uint64_t{UINT64_MAX})
         : error == std::errc{}                    ? std::optional(value)
                                                   : std::nullopt;
}

bool is_hexadecimal(std::string_view text) {
  return text.starts_with("0x") || text.starts_with("0X");
}

bool has_leading_zero(std::string_view text) {
  return text.size() > 1 && text.front() == '0' && !is_hexadecimal(text);
}

// Returns whether the kernel, which reads octal digits, and lszcrypt, which prints hexadecimal ones, mean
// different numbers.
bool is_ambiguous(std::string_view text) {
  return has_leading_zero(text) && parse_digits(text, 16) && parse_digits(text, 8) != parse_digits(text, 16);
}

// Returns how the kernel reads a number, kstrtoul() with base 0.
std::optional<std::uint64_t> kernel_number(std::string_view text) {
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  if (is_hexadecimal(text)) {
    return parse_digits(text.substr(2), 16);
  }
  return parse_digits(text, has_leading_zero(text) ? 8 : 10);
}

std::string hexadecimal(unsigned number, ApKind kind) {
  return kind == ApKind::adapter ? fmt::format("0x{:02x}", number) : fmt::format("0x{:04x}", number);
}

// Returns why a number with a leading zero is refused: both readings.
std::string ambiguity(std::string_view text) {
  const auto in_table = [](std::optional<std::uint64_t> number) {
    return number && *number < ap_numbers ? number : std::nullopt;
  };
  const auto octal = in_table(parse_digits(text, 8));
  const auto hex = in_table(parse_digits(text, 16));
  if (!hex) {
    return fmt::format("'{}' is {} (expected a number from 0 to 255 without leading zeros)", printable(text),
                       octal ? fmt::format("octal for the kernel, {}", *octal) : "out of range");
  }
  return fmt::format(
      "'{}' is ambiguous: {}, or 0x{:x} as hexadecimal, which lszcrypt prints (expected "
      "0x{:x} or a number without leading zeros)",
      printable(text),
      octal ? fmt::format("{} as octal, which the kernel reads", *octal)
            : "nothing for the kernel, which reads octal",
      *hex, *hex);
}

struct NumberReading {
  unsigned number = 0;
  std::string problem{};
};

NumberReading in_range(std::optional<std::uint64_t> number, std::string_view text, ApKind kind) {
  if (!number) {
    const auto hex = parse_digits(text, 16);
    const bool lacks_prefix = hex && *hex < ap_numbers;
    return {0, fmt::format("invalid {} '{}' (expected a number from 0 to 255, {})", ap_word(kind),
                           printable(text),
                           lacks_prefix ? fmt::format("hexadecimal with 0x: 0x{}", text)
                                        : std::string("hexadecimal with 0x"))};
  }
  if (*number >= ap_numbers) {
    return {0, fmt::format("{} '{}' is out of range (expected 0 to 255)", ap_word(kind), printable(text))};
  }
  return {static_cast<unsigned>(*number), {}};
}

NumberReading read_number(std::string_view text, ApKind kind) {
  if (kind == ApKind::adapter && text.starts_with("card")) {
    return in_range(text.size() <= 6 ? parse_digits(text.substr(4), 16) : std::nullopt, text, kind);
  }
  if (text.empty()) {
    return {0,
            fmt::format("invalid {} '' (expected a number from 0 to 255 between two commas)", ap_word(kind))};
  }
  if (const std::size_t dots = text.find(".."); dots != std::string_view::npos) {
    return {
        0, fmt::format("invalid {} '{}' (expected ranges with a dash: {}-{})", ap_word(kind), printable(text),
                       printable(text.substr(0, dots)), printable(text.substr(dots + 2)))};
  }
  const std::size_t dot = text.find('.');
  if (dot == 0 && kind != ApKind::adapter && text.size() == 5) {
    return in_range(parse_digits(text.substr(1), 16), text, kind);
  }
  if (dot != std::string_view::npos && dot > 0) {
    return {0, fmt::format("'{}' is a queue, not {} {} (expected a number; for queues there is --queue)",
                           printable(text), kind == ApKind::adapter ? "an" : "a", ap_word(kind))};
  }
  if (is_hexadecimal(text)) {
    return in_range(parse_digits(text.substr(2), 16), text, kind);
  }
  if (has_leading_zero(text) && parse_digits(text, 16)) {
    return {0, ambiguity(text)};
  }
  return in_range(parse_digits(text, 10), text, kind);
}

// Reads a number or a range into a set; returns a problem or an empty text.
std::string read_term(std::string_view term, ApKind kind, ApSet& set) {
  const std::size_t dash = term.find('-');
  if (dash != std::string_view::npos && (dash == 0 || trim(term.substr(dash + 1)).empty())) {
    return fmt::format("range '{}' has no {} (expected for example {})", printable(term),
                       dash == 0 ? "beginning" : "end",
                       kind == ApKind::adapter ? "0x05-0x06" : "0x0004-0x0014");
  }
  const NumberReading first = read_number(trim(term.substr(0, dash)), kind);
  const NumberReading last =
      dash == std::string_view::npos ? first : read_number(trim(term.substr(dash + 1)), kind);
  if (!first.problem.empty() || !last.problem.empty()) {
    return first.problem.empty() ? last.problem : first.problem;
  }
  if (first.number > last.number) {
    return fmt::format("range '{}' ends before it begins", printable(term));
  }
  for (unsigned number = first.number; number <= last.number; ++number) {
    set.set(number);
  }
  return {};
}

std::optional<Apqn> read_queue(std::string_view text) {
  if (text.size() != 7 || text[2] != '.') {
    return std::nullopt;
  }
  const auto adapter = parse_digits(text.substr(0, 2), 16);
  const auto domain = parse_digits(text.substr(3), 16);
  if (!adapter || !domain || *domain >= ap_numbers) {
    return std::nullopt;
  }
  return Apqn{static_cast<unsigned>(*adapter), static_cast<unsigned>(*domain)};
}

unsigned number_in(const Apqn& queue, ApKind kind) {
  return kind == ApKind::adapter ? queue.adapter : queue.domain;
}

// Reads a queue as ap-check and chzdev print it, with two decimal numbers: 5.20 is 05.0014.
std::optional<Apqn> decimal_queue(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '.');
  if (parts.size() != 2 || has_leading_zero(parts[0]) || has_leading_zero(parts[1])) {
    return std::nullopt;
  }
  const auto adapter = parse_digits(parts[0], 10);
  const auto domain = parse_digits(parts[1], 10);
  return adapter && domain && *adapter < ap_numbers && *domain < ap_numbers
             ? std::optional(Apqn{static_cast<unsigned>(*adapter), static_cast<unsigned>(*domain)})
             : std::nullopt;
}

// Returns a list of numbers with commas for blanks; empty: the text is not a list. A sign is not part of a
// number.
std::string as_list(std::string_view text) {
  const auto joins = [](char c) { return c == ',' || c == '-'; };
  std::string list;
  for (const std::string_view word : split(text, ' ')) {
    const bool is_next = !list.empty() && !word.empty() && !joins(list.back()) && !joins(word.front());
    list += fmt::format("{}{}", is_next ? "," : "", word);
  }
  const bool is_list = list.find_first_of(",-") != std::string::npos && !list.starts_with('-') &&
                       list.find_first_not_of("0123456789abcdefABCDEFxX,-") == std::string::npos;
  return is_list ? list : std::string();
}

// Returns a list in which no number has leading zeros, except those that are not of this reading.
std::string with_numbers(std::string_view list, LeadingZeros zeros) {
  std::vector<std::string> terms;
  for (const std::string_view term : split(list, ',')) {
    std::vector<std::string> ends;
    for (const std::string_view end : split(term, '-')) {
      const auto number = parse_digits(trim(end), zeros == LeadingZeros::octal ? 8 : 16);
      ends.push_back(has_leading_zero(trim(end)) && number ? std::to_string(*number) : std::string(end));
    }
    terms.push_back(join(ends, "-"));
  }
  return join(terms, ",");
}

// Reads the masks of adapters, domains and control domains; those that are missing are empty.
std::optional<ApMatrix> read_masks(const std::vector<std::string_view>& masks) {
  ApMatrix matrix;
  for (const ApKind kind : ap_kinds) {
    const auto place = static_cast<std::size_t>(kind);
    const auto set = read_ap_mask(place < masks.size() ? masks[place] : std::string_view{});
    if (!set) {
      return std::nullopt;
    }
    matrix.of(kind) = *set;
  }
  return matrix;
}

// Reads a value of ap_config as the kernel reads it when it is written. The newline at the end is a
// separator, too, so the third mask may be missing; more than three are ignored.
std::optional<ApMatrix> read_written_config(std::string_view value) {
  const std::vector<std::string_view> masks = split(trim(value), ',');
  return masks.size() > 1 ? read_masks(masks) : std::nullopt;
}

std::optional<ApKind> kind_of(std::string_view name, std::string_view prefix) {
  for (const ApKind kind : ap_kinds) {
    if (name.starts_with(prefix) && name.substr(prefix.size()) == ap_name(kind)) {
      return kind;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view ap_name(ApKind kind) {
  switch (kind) {
    case ApKind::adapter: return "adapter";
    case ApKind::domain: return "domain";
    default: return "control_domain";
  }
}

std::string_view ap_word(ApKind kind) {
  return kind == ApKind::control_domain ? "control domain" : ap_name(kind);
}

std::string Apqn::str() const {
  return fmt::format("{:02x}.{:04x}", adapter, domain);
}

const ApSet& ApMatrix::of(ApKind kind) const {
  return kind == ApKind::adapter ? adapters : kind == ApKind::domain ? domains : control_domains;
}

ApSet& ApMatrix::of(ApKind kind) {
  return kind == ApKind::adapter ? adapters : kind == ApKind::domain ? domains : control_domains;
}

std::vector<Apqn> ApMatrix::queues() const {
  std::vector<Apqn> result;
  for (const unsigned adapter : numbers_of(adapters)) {
    for (const unsigned domain : numbers_of(domains)) {
      result.push_back({adapter, domain});
    }
  }
  return result;
}

std::vector<unsigned> numbers_of(const ApSet& set) {
  std::vector<unsigned> numbers;
  for (unsigned number = 0; number < ap_numbers; ++number) {
    if (set.test(number)) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

std::vector<Apqn> common_queues(const ApMatrix& a, const ApMatrix& b) {
  return ApMatrix{a.adapters & b.adapters, a.domains & b.domains, {}}.queues();
}

std::string format_ap_list(const ApSet& set, ApKind kind) {
  std::vector<std::string> terms;
  for (unsigned first = 0; first < ap_numbers; ++first) {
    if (!set.test(first)) {
      continue;
    }
    unsigned last = first;
    while (last + 1 < ap_numbers && set.test(last + 1)) {
      ++last;
    }
    terms.push_back(first == last ? hexadecimal(first, kind)
                                  : hexadecimal(first, kind) + "-" + hexadecimal(last, kind));
    first = last;
  }
  return join(terms, ",");
}

std::string format_queues(const std::vector<Apqn>& queues, std::size_t most) {
  std::vector<std::string> names;
  for (const Apqn& queue : queues) {
    if (names.size() == most) {
      names.push_back(fmt::format("and {} more", queues.size() - most));
      break;
    }
    names.push_back(queue.str());
  }
  return join(names, ", ");
}

ApReading read_ap_list(std::string_view text, ApKind kind) {
  ApReading reading;
  text = trim(text);
  const auto has_sign = [](std::string_view term) { return term.starts_with('+') || term.starts_with('-'); };
  reading.change.replaces = !has_sign(text);
  if (text.empty()) {
    return reading;
  }
  for (std::string_view term : split(text, ',')) {
    term = trim(term);
    if (!term.empty() && has_sign(term) == reading.change.replaces) {
      reading.problem = fmt::format("'{}' mixes numbers with and without sign", printable(text));
      return reading;
    }
    const bool removes = term.starts_with('-');
    const std::string_view word = reading.change.replaces || term.empty() ? term : term.substr(1);
    ApSet numbers;
    reading.problem = read_term(word, kind, numbers);
    if (!reading.problem.empty()) {
      return reading;
    }
    // Of several terms for one number the last one counts.
    (removes ? reading.change.removed : reading.change.added) |= numbers;
    (removes ? reading.change.added : reading.change.removed) &= ~numbers;
    const bool is_decimal = word.find_first_not_of("0123456789") == std::string_view::npos;
    reading.change.decimal &= ~numbers;
    reading.change.decimal |= is_decimal && !removes ? numbers : ApSet{};
  }
  return reading;
}

ApQueuesReading read_ap_queues(std::string_view text) {
  ApQueuesReading reading;
  std::array<ApSet, ap_numbers> named;  // the domains of each adapter
  for (const std::string_view term : split(trim(text), ',')) {
    const auto queue = read_queue(trim(term));
    if (!queue) {
      const auto meant = decimal_queue(trim(term));
      reading.problem =
          fmt::format("invalid queue '{}' (expected adapter and domain as 2 and 4 hexadecimal digits{})",
                      printable(trim(term)), meant ? ": " + meant->str() : std::string(", such as 05.0014"));
      return reading;
    }
    named.at(queue->adapter).set(queue->domain);
    reading.matrix.adapters.set(queue->adapter);
    reading.matrix.domains.set(queue->domain);
  }
  std::vector<Apqn> missing = reading.matrix.queues();
  std::erase_if(missing, [&](const Apqn& one) { return named.at(one.adapter).test(one.domain); });
  if (!missing.empty()) {
    reading.problem =
        fmt::format("a device has all domains of all its adapters, so these queues also give it {}",
                    format_queues(missing, 8));
  }
  return reading;
}

std::string ap_value_problem(const Attribute& attribute) {
  const auto assigned = kind_of(attribute.name.str(), "assign_");
  const auto kind = assigned ? assigned : kind_of(attribute.name.str(), "unassign_");
  if (!kind) {
    return attribute.name.str() == "ap_config" && !read_ap_config(attribute.value)
               ? std::string(
                     "invalid value of ap_config (expected three masks, separated by commas, each 0x "
                     "and up to 64 hexadecimal digits)")
               : std::string();
  }
  const std::string_view value = attribute.value;
  if (has_leading_zero(value) && parse_digits(value, 16)) {
    return ambiguity(value);
  }
  const std::string takes = fmt::format("and {} takes one number", attribute.name.str());
  if (const auto queue = read_queue(value)) {
    return fmt::format("'{}' is a queue, {} (expected {})", value, takes,
                       hexadecimal(number_in(*queue, *kind), *kind));
  }
  if (const std::string list = as_list(value); !list.empty()) {
    const std::string problem = read_ap_list(list, *kind).problem;
    return fmt::format("'{}' is a list, {}{}", printable(value), takes,
                       problem.empty() ? " (expected one attribute for each number)" : "; " + problem);
  }
  return in_range(kernel_number(value), value, *kind).problem;
}

std::string ap_refusal(const Attribute& attribute) {
  const std::string& name = attribute.name.str();
  const auto assigned = kind_of(name, "assign_");
  const auto number = kernel_number(attribute.value);
  const bool is_number = assigned || kind_of(name, "unassign_");
  const bool is_refused = is_number ? !number || *number >= ap_numbers
                                    : name == "ap_config" && !read_written_config(attribute.value);
  return is_refused ? ap_value_problem(attribute) : std::string();
}

std::optional<ApKind> assigned_kind(const Attribute& attribute) {
  return kind_of(attribute.name.str(), "assign_");
}

ApSet meant_by(const Attribute& attribute, LeadingZeros zeros) {
  ApSet meant;
  const auto kind = assigned_kind(attribute);
  const std::string_view value = trim(attribute.value);
  if (!kind) {
    return meant;
  }
  if (const auto queue = read_queue(value)) {
    return meant.set(number_in(*queue, *kind));
  }
  const std::string words = as_list(value);
  const ApReading list =
      read_ap_list(with_numbers(words.empty() ? value : std::string_view(words), zeros), *kind);
  if (list.problem.empty() && list.change.replaces) {
    return list.change.added;
  }
  if (const auto number = parse_digits(value, 16); number && *number < ap_numbers) {
    meant.set(static_cast<std::size_t>(*number));
  }
  return meant;
}

std::optional<OctalNumber> octal_number_in(const Attribute& attribute) {
  const auto kind = assigned_kind(attribute);
  const auto read = kernel_number(attribute.value);
  if (!kind || !is_ambiguous(attribute.value) || !read || *read >= ap_numbers) {
    return std::nullopt;
  }
  const auto printed = parse_digits(attribute.value, 16);
  return OctalNumber{*kind, static_cast<unsigned>(*read),
                     *printed < ap_numbers ? std::optional(static_cast<unsigned>(*printed)) : std::nullopt};
}

Attribute without_leading_zeros(Attribute attribute) {
  const auto kind = assigned_kind(attribute);
  const auto number = kernel_number(attribute.value);
  if (kind && has_leading_zero(attribute.value) && number && *number < ap_numbers) {
    attribute.value = hexadecimal(static_cast<unsigned>(*number), *kind);
  }
  return attribute;
}

std::optional<ApSet> read_ap_mask(std::string_view text) {
  text = trim(text);
  // The kernel does not know "0X" here.
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
  }
  if (text.size() > ap_numbers / 4) {
    return std::nullopt;
  }
  ApSet set;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = parse_digits(text.substr(i, 1), 16);
    if (!digit) {
      return std::nullopt;
    }
    for (std::size_t bit = 0; bit < 4; ++bit) {
      set.set(i * 4 + bit, (*digit & (8U >> bit)) != 0);
    }
  }
  return set;
}

std::string format_ap_mask(const ApSet& set) {
  std::string text = "0x";
  for (std::size_t first = 0; first < ap_numbers; first += 4) {
    unsigned digit = 0;
    for (std::size_t bit = 0; bit < 4; ++bit) {
      digit |= set.test(first + bit) ? 8U >> bit : 0U;
    }
    text += "0123456789abcdef"[digit];
  }
  return text;
}

std::optional<ApMatrix> read_ap_config(std::string_view text) {
  const std::vector<std::string_view> masks = split(trim(text), ',');
  return masks.size() == ap_kinds.size() ? read_masks(masks) : std::nullopt;
}

std::string format_ap_config(const ApMatrix& matrix) {
  return fmt::format("{},{},{}", format_ap_mask(matrix.adapters), format_ap_mask(matrix.domains),
                     format_ap_mask(matrix.control_domains));
}

std::optional<ApMatrix> read_ap_files(std::string_view matrix, std::string_view control_domains) {
  ApMatrix result;
  constexpr std::size_t adapter_digits = 2, domain_digits = 4;
  const auto add = [](ApSet& set, std::string_view digits, std::size_t count) {
    const auto number = parse_digits(digits, 16);
    const bool is_valid = digits.size() == count && number && *number < ap_numbers;
    if (is_valid) {
      set.set(static_cast<std::size_t>(*number));
    }
    return is_valid || digits.empty();
  };
  std::size_t lines = 0;
  for (std::string_view line : split(matrix, '\n')) {
    line = trim(line);
    const std::size_t dot = line.find('.');
    if (line.empty()) {
      continue;
    }
    ++lines;
    if (dot == std::string_view::npos || !add(result.adapters, line.substr(0, dot), adapter_digits) ||
        !add(result.domains, line.substr(dot + 1), domain_digits)) {
      return std::nullopt;
    }
  }
  // Each line is another queue, or another number while the numbers of the other kind are missing.
  if (lines != std::max(result.adapters.count(), std::size_t{1}) *
                   std::max(result.domains.count(), std::size_t{1}) &&
      lines != 0) {
    return std::nullopt;
  }
  for (const std::string_view line : split(control_domains, '\n')) {
    if (!add(result.control_domains, trim(line), domain_digits)) {
      return std::nullopt;
    }
  }
  return result;
}

std::vector<Attribute> assignments_of(const ApMatrix& matrix) {
  std::vector<Attribute> result;
  for (const ApKind kind : ap_kinds) {
    for (const unsigned number : numbers_of(matrix.of(kind))) {
      result.push_back(
          {*AttributeName::parse("assign_" + std::string(ap_name(kind))), hexadecimal(number, kind)});
    }
  }
  return result;
}

ApMatrix assigned_by(const std::vector<Attribute>& attributes, ApMatrix matrix) {
  for (const Attribute& attribute : attributes) {
    const std::string& name = attribute.name.str();
    const auto number = kernel_number(attribute.value);
    if (name == "ap_config") {
      matrix = read_written_config(attribute.value).value_or(matrix);
    } else if (const auto added = kind_of(name, "assign_"); added && number && *number < ap_numbers) {
      matrix.of(*added).set(static_cast<std::size_t>(*number));
    } else if (const auto gone = kind_of(name, "unassign_"); gone && number && *number < ap_numbers) {
      matrix.of(*gone).reset(static_cast<std::size_t>(*number));
    }
  }
  return matrix;
}

std::vector<Attribute> in_table_form(std::vector<Attribute> attributes) {
  std::vector<Attribute> result = assignments_of(assigned_by(attributes));
  std::erase_if(attributes, is_ap_attribute);
  result.insert(result.end(), attributes.begin(), attributes.end());
  return result;
}

bool is_ap_attribute(const Attribute& attribute) {
  const std::string& name = attribute.name.str();
  return name == "ap_config" || kind_of(name, "assign_") || kind_of(name, "unassign_");
}

bool has_queues(std::string_view type) {
  return type.starts_with("vfio_ap-");
}

}  // namespace mdevadm
