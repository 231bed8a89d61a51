#include <mdevadm/plan/choose.hpp>

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <tuple>

namespace mdevadm {

namespace {

using Comparison = Requirement::Comparison;

struct Sign {
  std::string_view text;
  Comparison comparison;
};

// Longer operators first: ">=" begins with ">".
constexpr std::array signs{Sign{">=", Comparison::at_least}, Sign{"<=", Comparison::at_most},
                           Sign{">", Comparison::more}, Sign{"<", Comparison::less},
                           Sign{"=", Comparison::equal}};

template <typename T>
bool compares(const T& has, Comparison comparison, const T& wanted) {
  switch (comparison) {
    case Comparison::at_least: return has >= wanted;
    case Comparison::at_most: return has <= wanted;
    case Comparison::more: return has > wanted;
    case Comparison::less: return has < wanted;
    case Comparison::equal: return has == wanted;
  }
  return false;
}

// Orders resolutions by both dimensions: one that is only wider is not larger.
bool compares(const Resolution& has, Comparison comparison, const Resolution& wanted) {
  const bool wide_enough = compares(has.width, comparison, wanted.width);
  const bool high_enough = compares(has.height, comparison, wanted.height);
  if (comparison == Comparison::more || comparison == Comparison::less) {
    const Comparison or_equal = comparison == Comparison::more ? Comparison::at_least : Comparison::at_most;
    return compares(has, or_equal, wanted) && (wide_enough || high_enough);
  }
  return wide_enough && high_enough;
}

// Converts a byte count or a plain number: a size without a unit is parsed as a number.
std::optional<Bytes> as_bytes(const PropertyValue& value) {
  if (const auto* bytes = std::get_if<Bytes>(&value)) {
    return *bytes;
  }
  const auto* number = std::get_if<std::uint64_t>(&value);
  return number != nullptr ? std::optional(Bytes{*number}) : std::nullopt;
}

bool compares(const PropertyValue& has, Comparison comparison, const PropertyValue& wanted) {
  if (has.index() != wanted.index()) {
    const auto left = as_bytes(has);
    const auto right = as_bytes(wanted);
    return left && right && compares(*left, comparison, *right);
  }
  if (const auto* resolution = std::get_if<Resolution>(&has)) {
    return compares(*resolution, comparison, std::get<Resolution>(wanted));
  }
  if (const auto* bytes = std::get_if<Bytes>(&has)) {
    return compares(*bytes, comparison, std::get<Bytes>(wanted));
  }
  return compares(std::get<std::uint64_t>(has), comparison, std::get<std::uint64_t>(wanted));
}

std::optional<PropertyValue> value_of(const Type& type, const std::string& name) {
  for (const Property& property : type.properties) {
    if (property.name == name) {
      return property.value;
    }
  }
  if (name == "name" && type.name) {
    return PropertyValue(*type.name);
  }
  if (name == "device_api" && type.device_api) {
    return PropertyValue(*type.device_api);
  }
  if (name == "type") {
    return PropertyValue(type.id.str());
  }
  return std::nullopt;
}

// Returns a sort key, smallest type first: by memory, then by the number of instances that fit on a parent
// (more is smaller), then by the size of the requested properties.
auto size_of(const Type& type, const std::vector<Requirement>& needs) {
  std::uint64_t asked = 0;
  for (const Requirement& need : needs) {
    const std::optional<PropertyValue> value = value_of(type, need.property);
    const std::optional<Bytes> bytes = value ? as_bytes(*value) : std::nullopt;
    if (bytes) {
      asked += bytes->count;
    } else if (value && std::holds_alternative<Resolution>(*value)) {
      const Resolution resolution = std::get<Resolution>(*value);
      asked += std::uint64_t{resolution.width} * resolution.height;
    }
  }
  std::uint64_t memory = 0;
  for (const Property& property : type.properties) {
    if (const auto* bytes = std::get_if<Bytes>(&property.value)) {
      memory += bytes->count;
    }
  }
  const std::uint64_t maximum = type.maximum.value_or(type.available.value_or(0));
  return std::tuple(memory, ~maximum, asked);
}

std::string join_requirements(const std::vector<Requirement>& needs) {
  std::vector<std::string> texts;
  std::transform(needs.begin(), needs.end(), std::back_inserter(texts),
                 [](const Requirement& need) { return need.text; });
  return join(texts, ", ");
}

std::string what_it_has(const Type& type, const std::vector<Requirement>& needs) {
  std::vector<std::string> texts;
  for (const Requirement& need : needs) {
    for (const Property& property : type.properties) {
      if (property.name == need.property) {
        texts.push_back(fmt::format("{}={}", property.name, property.text));
      }
    }
  }
  return texts.empty() ? type.name.value_or(type.id.str()) : join(texts, ", ");
}

constexpr std::array built_in{"name", "device_api", "type"};

std::vector<std::string> all_properties(const Snapshot& seen) {
  std::vector<std::string> names(built_in.begin(), built_in.end());
  for (const Parent& parent : seen.parents) {
    for (const Type* type : parent.all_types()) {
      for (const Property& property : type->properties) {
        if (std::find(names.begin(), names.end(), property.name) == names.end()) {
          names.push_back(property.name);
        }
      }
    }
  }
  return names;
}

[[noreturn]] void refuse(const std::vector<Requirement>& needs, bool exist, const std::string& doing) {
  if (exist) {
    throw Error(
        ExitCode::no_capacity,
        fmt::format("{}: no available instances of any type with {}", doing, join_requirements(needs)),
        std::vector{fmt::format("list the matching types: mdevadm types --need '{}'", needs.front().text),
                    std::string("select one that is not available now with --force")});
  }
  throw Error(ExitCode::not_found, fmt::format("{}: no type has {}", doing, join_requirements(needs)),
              "list the types: mdevadm types");
}

// Returns a value of the property as an example, or nullopt if no type has the property.
std::optional<Property> example_of(const Snapshot& seen, const std::string& name) {
  for (const Parent& parent : seen.parents) {
    for (const Type* type : parent.all_types()) {
      const auto found = std::find_if(type->properties.begin(), type->properties.end(),
                                      [&](const Property& one) { return one.name == name; });
      if (found != type->properties.end()) {
        return *found;
      }
    }
  }
  return std::nullopt;
}

// Texts equal any text, so that their value needs no check.
bool is_comparable(const PropertyValue& has, const PropertyValue& wanted) {
  return std::holds_alternative<std::string>(has) || has.index() == wanted.index() ||
         (as_bytes(has) && as_bytes(wanted));
}

bool is_tie(const Type& type, const Type& best, const std::vector<Requirement>& needs) {
  return type.id != best.id && size_of(type, needs) == size_of(best, needs) &&
         (type.available == 0U) == (best.available == 0U);
}

// Types of the same size may differ in what they are licensed for, so the user has to know of them.
std::string ties_of(const Parent& parent, const Type& best, const std::vector<Requirement>& needs) {
  std::vector<std::string> names;
  for (const Type* type : parent.all_types()) {
    if (meets_all(*type, needs) && is_tie(*type, best, needs)) {
      names.push_back(with_name(*type));
    }
  }
  return names.empty() ? std::string{}
                       : fmt::format("; of the same size: {} (select one with --type)", join(names, ", "));
}

}  // namespace

std::optional<Requirement> parse_requirement(std::string_view text) {
  const std::size_t at = text.find_first_of("<>=");
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(at);
  const auto* sign =
      std::find_if(signs.begin(), signs.end(), [&](const Sign& one) { return rest.starts_with(one.text); });
  const std::string_view property = trim(text.substr(0, at));
  const std::string_view value = trim(rest.substr(sign->text.size()));
  if (property.empty() || value.empty() || value.find_first_of("<>=") != std::string_view::npos) {
    return std::nullopt;
  }
  return Requirement{to_lower(property), sign->comparison, parse_property_value(value), std::string(value),
                     std::string(text)};
}

bool meets(const Type& type, const Requirement& need) {
  const std::optional<PropertyValue> value = value_of(type, need.property);
  if (const auto* text = value ? std::get_if<std::string>(&*value) : nullptr) {
    return need.comparison == Comparison::equal &&
           ::fnmatch(need.word.c_str(), text->c_str(), FNM_CASEFOLD) == 0;
  }
  return value && compares(*value, need.comparison, need.value);
}

bool meets_all(const Type& type, const std::vector<Requirement>& needs) {
  return std::all_of(needs.begin(), needs.end(), [&](const Requirement& need) { return meets(type, need); });
}

void require_known_properties(const Snapshot& seen, const std::vector<Requirement>& needs,
                              const std::string& doing) {
  const bool has_types = std::any_of(seen.parents.begin(), seen.parents.end(),
                                     [](const Parent& parent) { return !parent.all_types().empty(); });
  for (const Requirement& need : needs) {
    const bool is_built_in = std::find(built_in.begin(), built_in.end(), need.property) != built_in.end();
    const std::optional<Property> example = example_of(seen, need.property);
    if (!has_types || is_built_in || (example && is_comparable(example->value, need.value))) {
      continue;
    }
    if (example) {
      throw Error(ExitCode::usage, fmt::format("{}: invalid value '{}' for property '{}' (expected e.g. {})",
                                               doing, printable(need.word), need.property, example->text));
    }
    const std::vector<std::string> names = all_properties(seen);
    const std::string meant = did_you_mean(need.property, names);
    throw Error(ExitCode::usage, fmt::format("{}: unknown property '{}'", doing, printable(need.property)),
                meant.empty() ? fmt::format("known properties: {}", join(names, ", ")) : meant);
  }
}

Choice choose_type(const Snapshot& seen, const std::vector<Requirement>& needs, Availability availability,
                   const std::string& doing) {
  require_known_properties(seen, needs, doing);
  const Parent* parent = nullptr;
  const Type* best = nullptr;
  bool exist = false;
  for (const Parent& one : seen.parents) {
    for (const Type* candidate : one.all_types()) {
      const Type& type = *candidate;
      if (!meets_all(type, needs)) {
        continue;
      }
      exist = true;
      // Types whose number of available instances is unknown remain candidates.
      if (type.available == 0U && availability == Availability::now) {
        continue;
      }
      const auto size = size_of(type, needs);
      const auto best_size = best != nullptr ? size_of(*best, needs) : size;
      if (best == nullptr || size < best_size ||
          (size == best_size && type.available.value_or(0) > best->available.value_or(0))) {
        parent = &one;
        best = &type;
      }
    }
  }
  if (best == nullptr) {
    refuse(needs, exist, doing);
  }
  return {parent, best,
          fmt::format("selected {} on {}, the smallest {}match ({}){}", with_name(*best), parent->name.str(),
                      availability == Availability::now ? "available " : "", what_it_has(*best, needs),
                      ties_of(*parent, *best, needs))};
}

}  // namespace mdevadm
