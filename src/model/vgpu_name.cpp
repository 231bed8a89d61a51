#include <mdevadm/model/vgpu_name.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr unsigned most_of_a_gpu = 32;
constexpr unsigned most_with_mig = 48;
constexpr unsigned slices_of_a_gpu = 7;
constexpr std::size_t longest_size = 4;  // digits

// GPUs with virtual functions: their names in types without blanks and hyphens, and their memory in GiB.
// (NVIDIA vGPU user guide, tables of types; the names are those of the driver's type table.)
struct GpuMemory {
  std::string_view names;  // separated by blanks, with one at each end
  unsigned gib;
};

constexpr std::array gpu_memories{
    GpuMemory{" a2 a16 ", 16},
    GpuMemory{" a10 a30 l2 l4 rtxa5000 rtxa5500 ", 24},
    GpuMemory{" rtx5000ada ", 32},
    GpuMemory{" a100 a100x a800 ", 40},
    GpuMemory{" a40 l20 l40 l40s rtxa6000 rtx5880ada rtx6000ada ", 48},
    GpuMemory{" h100xs ", 64},
    GpuMemory{" a100d a100dx a800d a800dx h100 h100xm h800 h800xm ", 80},
    GpuMemory{" h100l h100xl h800l ", 94},
    GpuMemory{" rtxpro6000blackwelldc ", 96},
    GpuMemory{" h200 h200x h20x ", 141},
};

std::string without_separators(std::string_view name) {
  std::string result = to_lower(name);
  std::erase_if(result, [](char c) { return c == ' ' || c == '-'; });
  return result;
}

// A GPU instance of these can have several vGPUs, which share its slices in time.
bool shares_instances(std::string_view gpu) {
  return without_separators(gpu).starts_with("rtxpro");
}

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
  if (parsed->needs_gpu_instance()) {
    result.push_back({"gpu_slices", std::uint64_t{parsed->slices}, fmt::format("{}", parsed->slices)});
  }
  return result;
}

std::vector<Property> properties_of_series(const VgpuName& name) {
  // Types of 512 MiB have fewer heads, and those of the series C differ in their resolution.
  if (name.gib == 0) {
    return {};
  }
  const std::uint64_t heads = name.series == "A" || name.series == "C" ? 1 : 4;
  std::vector<Property> result{{"num_heads", heads, fmt::format("{}", heads)}};
  const char* resolution = name.series == "A"                    ? "1280x1024"
                           : name.series == "Q" && name.gib == 1 ? "5120x2880"
                           : name.series == "Q"                  ? "7680x4320"
                           : name.series == "B"                  ? "5120x2880"
                                                                 : nullptr;
  if (resolution != nullptr) {
    result.push_back({"max_resolution", parse_property_value(resolution), resolution});
  }
  return result;
}

void add_properties_of_name(Type& type) {
  const std::optional<VgpuName> name = parse_vgpu_name(type.name.value_or(""));
  if (!name) {
    return;
  }
  std::vector<Property> more = properties_of_name(*type.name);
  if (!type.description) {
    const std::vector<Property> of_series = properties_of_series(*name);
    more.insert(more.end(), of_series.begin(), of_series.end());
  }
  for (Property& property : more) {
    const bool known = std::any_of(type.properties.begin(), type.properties.end(),
                                   [&](const Property& one) { return one.name == property.name; });
    if (!known) {
      type.properties.push_back(std::move(property));
    }
  }
}

unsigned memory_of_gpu(std::string_view gpu) {
  const std::string word = fmt::format(" {} ", without_separators(gpu));
  const auto* found = std::find_if(gpu_memories.begin(), gpu_memories.end(), [&](const GpuMemory& one) {
    return one.names.find(word) != std::string_view::npos;
  });
  return found == gpu_memories.end() ? 0 : found->gib;
}

unsigned most_by_size(const VgpuName& type, unsigned largest) {
  if (type.gib == 0) {
    return std::min(most_of_a_gpu, largest * 2);
  }
  return std::clamp(largest / type.gib, 1U, most_of_a_gpu);
}

unsigned most_by_slices(const VgpuName& type, unsigned largest) {
  if (type.gib == 0 || type.slices == 0) {
    return 0;
  }
  if (shares_instances(type.gpu)) {
    return std::clamp(largest / type.gib, 1U, most_with_mig);
  }
  if (type.attributes == "ME") {
    return 1;
  }
  // The sizes in names are rounded: two of 71 GiB fit on a GPU of 141 GiB.
  const unsigned by_memory = (largest + type.gib / 2) / type.gib;
  return std::clamp(by_memory, 1U, std::max(slices_of_a_gpu / type.slices, 1U));
}

}  // namespace mdevadm
