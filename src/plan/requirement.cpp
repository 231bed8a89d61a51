#include <mdevadm/plan/requirement.hpp>

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

using Comparison = Requirement::Comparison;

struct Sign {
  std::string_view text;
  Comparison comparison;
};

// Longer operators first: ">=" begins with ">".
constexpr std::array signs{Sign{">=", Comparison::at_least},  Sign{"<=", Comparison::at_most},
                           Sign{"!=", Comparison::not_equal}, Sign{"==", Comparison::equal},
                           Sign{">", Comparison::more},       Sign{"<", Comparison::less},
                           Sign{"=", Comparison::equal}};
constexpr const char* sign_characters = "<>=!";

constexpr std::array built_in{"name", "type", "device_api", "memory", "maximum", "available"};

// Properties that the names of vGPU types state.
constexpr std::array of_vgpus{"framebuffer", "series", "gpu_slices", "num_heads", "max_resolution"};

template <typename T>
bool compares(const T& has, Comparison comparison, const T& wanted) {
  switch (comparison) {
    case Comparison::at_least: return has >= wanted;
    case Comparison::at_most: return has <= wanted;
    case Comparison::more: return has > wanted;
    case Comparison::less: return has < wanted;
    case Comparison::equal: return has == wanted;
    case Comparison::not_equal: return has != wanted;
  }
  return false;
}

// Orders resolutions by both dimensions: one that is only wider is not larger.
bool compares(const Resolution& has, Comparison comparison, const Resolution& wanted) {
  if (comparison == Comparison::not_equal) {
    return has != wanted;
  }
  const bool wide_enough = compares(has.width, comparison, wanted.width);
  const bool high_enough = compares(has.height, comparison, wanted.height);
  if (comparison == Comparison::more || comparison == Comparison::less) {
    const Comparison or_equal = comparison == Comparison::more ? Comparison::at_least : Comparison::at_most;
    return compares(has, or_equal, wanted) && (wide_enough || high_enough);
  }
  return wide_enough && high_enough;
}

// Zero is the only size that needs no unit.
std::optional<Bytes> as_bytes(const PropertyValue& value) {
  const auto* number = std::get_if<std::uint64_t>(&value);
  if (number != nullptr && *number == 0) {
    return Bytes{0};
  }
  const auto* bytes = std::get_if<Bytes>(&value);
  return bytes != nullptr ? std::optional(*bytes) : std::nullopt;
}

bool compares(const PropertyValue& has, Comparison comparison, const PropertyValue& wanted) {
  if (const auto* bytes = std::get_if<Bytes>(&has)) {
    const std::optional<Bytes> size = as_bytes(wanted);
    return size && compares(*bytes, comparison, *size);
  }
  if (has.index() != wanted.index()) {
    return false;
  }
  if (const auto* resolution = std::get_if<Resolution>(&has)) {
    return compares(*resolution, comparison, std::get<Resolution>(wanted));
  }
  return compares(std::get<std::uint64_t>(has), comparison, std::get<std::uint64_t>(wanted));
}

bool is_equality(Comparison comparison) {
  return comparison == Comparison::equal || comparison == Comparison::not_equal;
}

// Returns whether a text is one of several values separated by commas, which may be patterns.
bool is_any_of(const std::string& text, const std::string& values) {
  const std::vector<std::string_view> words = split(values, ',');
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return ::fnmatch(std::string(trim(word)).c_str(), text.c_str(), FNM_CASEFOLD) == 0;
  });
}

// The requirements `type` and `name` take what --type takes: the number of the ID (`type` only), and the
// name, of which first words can be missing. A pattern can begin at the second word of the name.
bool is_spelled_otherwise(const Type& type, const Requirement& need) {
  if (need.property != "type" && need.property != "name") {
    return false;
  }
  const std::string name = type.name.value_or("");
  const std::vector<std::string_view> words = split(need.word, ',');
  return is_any_of(name, need.word) || is_any_of(name.substr(name.find(' ') + 1), need.word) ||
         std::any_of(words.begin(), words.end(), [&](std::string_view word) {
           const std::string plain = plain_type(trim(word));
           return is_name_of(type, plain) || (need.property == "type" && same_type(type.id.str(), plain));
         });
}

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

std::string text_of(const PropertyValue& value) {
  if (const auto* bytes = std::get_if<Bytes>(&value)) {
    return size_text(bytes->count);
  }
  if (const auto* resolution = std::get_if<Resolution>(&value)) {
    return fmt::format("{}x{}", resolution->width, resolution->height);
  }
  const auto* number = std::get_if<std::uint64_t>(&value);
  return number != nullptr ? std::to_string(*number) : std::get<std::string>(value);
}

struct Example {
  PropertyValue value;
  std::string text;
};

// Returns the values of the property of all types.
std::vector<Example> examples_of(const Snapshot& seen, const std::string& name) {
  std::vector<Example> examples;
  for (const Parent& parent : seen.parents) {
    for (const Type* type : parent.all_types()) {
      if (const auto value = property_of(*type, name)) {
        examples.push_back({*value, *text_of_property(*type, name)});
      }
    }
  }
  return examples;
}

bool is_text(const Example& example) {
  return std::holds_alternative<std::string>(example.value);
}

bool is_comparable(const PropertyValue& has, const Requirement& need) {
  if (std::holds_alternative<std::string>(has)) {
    return is_equality(need.comparison);
  }
  return std::holds_alternative<Bytes>(has) ? as_bytes(need.value).has_value()
                                            : has.index() == need.value.index();
}

// Returns whether a property is a size, also if no type of the host has it.
bool is_size(const std::string& name, const std::vector<Example>& examples) {
  return examples.empty() ? name == "memory" || is_memory({name, Bytes{0}, {}})
                          : std::any_of(examples.begin(), examples.end(), [](const Example& one) {
                              return std::holds_alternative<Bytes>(one.value);
                            });
}

// Returns whether a property that no type has now may be one of types that are not listed.
bool may_be_unlisted(const Snapshot& seen, const std::string& name) {
  return std::find(of_vgpus.begin(), of_vgpus.end(), name) != of_vgpus.end() &&
         std::any_of(seen.parents.begin(), seen.parents.end(),
                     [](const Parent& parent) { return parent.capabilities.types_vanish; });
}

Requirement with_unit(const Requirement& need, char unit) {
  const std::string word = need.word + unit;
  return {need.property, need.comparison, parse_property_value(word), word, need.text + unit};
}

// Returns whether some types of the host meet a requirement and others do not.
bool selects(const Snapshot& seen, const Requirement& need) {
  std::size_t types = 0;
  std::size_t matches = 0;
  for (const Parent& parent : seen.parents) {
    for (const Type* type : parent.all_types()) {
      ++types;
      matches += meets(*type, need) ? 1U : 0U;
    }
  }
  return matches > 0 && matches < types;
}

// The error for a size without a unit names both readings, and the hint the one that fits the host.
Error without_unit(const Snapshot& seen, const Requirement& need) {
  constexpr std::uint64_t largest_in_gib = 256;
  const Requirement in_gib = with_unit(need, 'G');
  const Requirement in_mib = with_unit(need, 'M');
  const bool is_gib = selects(seen, in_gib) ||
                      (!selects(seen, in_mib) && std::get<std::uint64_t>(need.value) <= largest_in_gib);
  return {ExitCode::usage,
          fmt::format("the size in '{}' has no unit (expected {} or {})", printable(need.text), in_mib.word,
                      in_gib.word),
          fmt::format("{} is {} MiB, {} is {} GiB; list the types with one of them: mdevadm types --need {}",
                      in_mib.word, need.word, in_gib.word, need.word,
                      shell_word((is_gib ? in_gib : in_mib).text))};
}

// Returns the only name of which the word is a part: "gpu_slices" for "slices"; an empty string for several.
std::string name_with_part(const std::string& word, const std::vector<std::string>& names) {
  std::vector<std::string> found;
  std::copy_if(names.begin(), names.end(), std::back_inserter(found), [&](const std::string& name) {
    const std::vector<std::string_view> parts = split(name, '_');
    return std::find(parts.begin(), parts.end(), word) != parts.end();
  });
  return found.size() == 1 ? found.front() : std::string{};
}

Error unknown_property(const Snapshot& seen, const Requirement& need) {
  const std::vector<std::string> names = all_properties(seen);
  const std::string whole = name_with_part(need.property, names);
  const std::string meant =
      whole.empty() ? did_you_mean(need.property, names) : fmt::format("did you mean '{}'?", whole);
  return {ExitCode::usage, fmt::format("unknown property '{}'", printable(need.property)),
          meant.empty() ? fmt::format("known properties: {}", join(names, ", ")) : meant};
}

Error incomparable(const Requirement& need, const Example& example) {
  return {ExitCode::usage,
          is_text(example)
              ? fmt::format("property '{}' is a text, which has no order (expected = or !=)", need.property)
              : fmt::format("invalid value '{}' for property '{}' (expected e.g. {})", printable(need.word),
                            need.property, example.text)};
}

}  // namespace

std::optional<Requirement> parse_requirement(std::string_view text) {
  const std::size_t at = text.find_first_of(sign_characters);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(at);
  const auto* sign =
      std::find_if(signs.begin(), signs.end(), [&](const Sign& one) { return rest.starts_with(one.text); });
  if (sign == signs.end()) {
    return std::nullopt;
  }
  const std::string_view property = trim(text.substr(0, at));
  const std::string_view value = trim(rest.substr(sign->text.size()));
  if (property.empty() || value.empty() || value.find_first_of("<>=") != std::string_view::npos) {
    return std::nullopt;
  }
  return Requirement{property_key(to_lower(property)), sign->comparison, parse_property_value(value),
                     std::string(value), std::string(text)};
}

std::optional<PropertyValue> property_of(const Type& type, const std::string& name) {
  for (const Property& property : type.properties) {
    if (property.name == name) {
      return property.value;
    }
  }
  const auto if_known = [](const auto& value) {
    return value ? std::optional(PropertyValue(*value)) : std::nullopt;
  };
  if (name == "memory") {
    const std::optional<std::uint64_t> memory = memory_of(type.properties);
    return memory ? std::optional(PropertyValue(Bytes{*memory})) : std::nullopt;
  }
  return name == "name"                                ? if_known(type.name)
         : name == "type"                              ? PropertyValue(type.id.str())
         : name == "device_api"                        ? if_known(type.device_api)
         : name == "maximum" || name == "max_instance" ? if_known(type.maximum)
         : name == "available"                         ? if_known(type.available)
                                                       : std::nullopt;
}

std::optional<std::string> text_of_property(const Type& type, const std::string& name) {
  const auto written = std::find_if(type.properties.begin(), type.properties.end(),
                                    [&](const Property& one) { return one.name == name; });
  const std::optional<PropertyValue> value = property_of(type, name);
  return written != type.properties.end() ? std::optional(written->text)
         : value                          ? std::optional(text_of(*value))
                                          : std::nullopt;
}

bool meets(const Type& type, const Requirement& need) {
  const std::optional<PropertyValue> value = property_of(type, need.property);
  if (const auto* text = value ? std::get_if<std::string>(&*value) : nullptr) {
    const bool is_meant = is_any_of(*text, need.word) || is_spelled_otherwise(type, need);
    return is_equality(need.comparison) && is_meant == (need.comparison == Comparison::equal);
  }
  return value && compares(*value, need.comparison, need.value);
}

bool meets_all(const Type& type, const std::vector<Requirement>& needs) {
  return std::all_of(needs.begin(), needs.end(), [&](const Requirement& need) { return meets(type, need); });
}

std::optional<Error> problem_of(const Snapshot& seen, const Requirement& need) {
  const bool has_types = std::any_of(seen.parents.begin(), seen.parents.end(),
                                     [](const Parent& parent) { return !parent.all_types().empty(); });
  const std::vector<Example> examples = examples_of(seen, need.property);
  // Drivers write words such as "unknown" for a value that a type lacks. Such a type does not meet the
  // requirement; the others are compared.
  const bool is_compared = std::any_of(examples.begin(), examples.end(),
                                       [&](const Example& one) { return is_comparable(one.value, need); });
  const bool is_number = std::holds_alternative<std::uint64_t>(need.value) && !as_bytes(need.value);
  if (is_number && is_size(need.property, examples)) {
    return without_unit(seen, need);
  }
  const bool is_known = std::find(built_in.begin(), built_in.end(), need.property) != built_in.end() ||
                        may_be_unlisted(seen, need.property);
  if (!has_types || is_compared || (is_known && examples.empty())) {
    return std::nullopt;
  }
  if (examples.empty()) {
    return unknown_property(seen, need);
  }
  const auto typical = std::find_if_not(examples.begin(), examples.end(), is_text);
  return incomparable(need, typical == examples.end() ? examples.front() : *typical);
}

void require_known_properties(const Snapshot& seen, const std::vector<Requirement>& needs,
                              const std::string& doing) {
  for (const Requirement& need : needs) {
    if (const auto problem = problem_of(seen, need)) {
      throw Error(problem->reworded(fmt::format("{}: {}", doing, problem->what())));
    }
  }
}

void require_known_types(const Snapshot& seen, const std::vector<Requirement>& needs,
                         const std::string& doing) {
  const auto has_devices = [&](const Parent& parent) {
    return std::any_of(seen.devices.begin(), seen.devices.end(),
                       [&](const Device& device) { return device.parent == parent.name; });
  };
  // Beside its devices, a driver may not list all types.
  if (std::any_of(seen.parents.begin(), seen.parents.end(), [&](const Parent& parent) {
        return parent.capabilities.types_vanish && has_devices(parent);
      })) {
    return;
  }
  for (const Requirement& need : needs) {
    const bool is_type = need.property == "type" && need.comparison == Comparison::equal &&
                         need.word.find_first_of("*?[") == std::string::npos;
    const bool is_known = std::any_of(seen.parents.begin(), seen.parents.end(), [&](const Parent& parent) {
      const std::vector<const Type*> types = parent.all_types();
      return std::any_of(types.begin(), types.end(), [&](const Type* type) { return meets(*type, need); });
    });
    if (is_type && !is_known) {
      throw Error(ExitCode::not_found, fmt::format("{}: no type has {}", doing, printable(need.text)),
                  "list the types: mdevadm types");
    }
  }
}

std::string join_requirements(const std::vector<Requirement>& needs) {
  std::vector<std::string> texts;
  std::transform(needs.begin(), needs.end(), std::back_inserter(texts),
                 [](const Requirement& need) { return need.text; });
  return join(texts, ", ");
}

}  // namespace mdevadm
