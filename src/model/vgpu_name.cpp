#include <mdevadm/model/vgpu_name.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr unsigned most_of_a_gpu = 32;
constexpr std::size_t longest_size = 4;  // digits

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Splits "12Q" or "20CME" into size, series and attributes.
bool parse_last_field(std::string_view field, VgpuName& into) {
  const auto digits =
      static_cast<std::size_t>(std::find_if_not(field.begin(), field.end(), is_digit) - field.begin());
  const auto gib = parse_decimal(field.substr(0, digits));
  const std::string_view letters = field.substr(std::min(digits, field.size()));
  if (!gib || digits > longest_size || letters.empty() ||
      std::string_view("QBAC").find(letters.front()) == std::string_view::npos) {
    return false;
  }
  into.gib = static_cast<unsigned>(*gib);
  const bool is_b4 = letters == "B4";
  into.series = std::string(is_b4 ? letters : letters.substr(0, 1));
  into.attributes = std::string(letters.substr(into.series.size()));
  return std::all_of(into.attributes.begin(), into.attributes.end(),
                     [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

std::optional<VgpuName> parse_vgpu_name(std::string_view name) {
  for (const std::string_view prefix : {"GRID ", "NVIDIA "}) {
    name = name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  }
  VgpuName result;
  const std::size_t last = name.rfind('-');
  if (last == std::string_view::npos || last == 0 || !parse_last_field(name.substr(last + 1), result)) {
    return std::nullopt;
  }
  std::string_view gpu = name.substr(0, last);
  const std::size_t before = gpu.rfind('-');
  if (before != std::string_view::npos && before > 0 && gpu.size() == before + 2 && is_digit(gpu.back()) &&
      gpu.back() != '0') {
    result.slices = static_cast<unsigned>(gpu.back() - '0');
    gpu = gpu.substr(0, before);
  }
  result.gpu = std::string(gpu);
  return result;
}

bool is_vendor_name(std::string_view type) {
  return type.find(' ') != std::string_view::npos || parse_vgpu_name(to_upper(type)).has_value();
}

std::vector<Property> properties_of_name(std::string_view name) {
  const std::optional<VgpuName> parsed = parse_vgpu_name(name);
  if (!parsed) {
    return {};
  }
  const std::uint64_t mib = parsed->gib == 0 ? 512 : std::uint64_t{parsed->gib} * 1024;
  std::vector<Property> result{{"framebuffer", Bytes{mib << 20U}, fmt::format("{}M", mib)},
                               {"series", parsed->series, parsed->series}};
  if (parsed->slices != 0) {
    result.push_back({"gpu_slices", std::uint64_t{parsed->slices}, fmt::format("{}", parsed->slices)});
  }
  return result;
}

void add_properties_of_name(Type& type) {
  for (Property& property : properties_of_name(type.name.value_or(""))) {
    const bool known = std::any_of(type.properties.begin(), type.properties.end(),
                                   [&](const Property& one) { return one.name == property.name; });
    if (!known) {
      type.properties.push_back(std::move(property));
    }
  }
}

unsigned most_by_size(const VgpuName& type, unsigned largest) {
  if (type.gib == 0) {
    return std::min(most_of_a_gpu, largest * 2);
  }
  return std::clamp(largest / type.gib, 1U, most_of_a_gpu);
}

}  // namespace mdevadm
