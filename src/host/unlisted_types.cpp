// Types that the driver of a GPU does not list at the moment, from NVIDIA's table of vGPU types.
#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <mdevadm/host/vgpu_table.hpp>
#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>

#include "interface.hpp"

namespace mdevadm {

namespace {

bool has_device(const Parent& parent) {
  return std::any_of(parent.functions.begin(), parent.functions.end(),
                     [](const Function& one) { return one.type.has_value(); });
}

std::optional<bool> is_mig_type(const std::optional<std::string>& name) {
  const auto parsed = parse_vgpu_name(name.value_or(""));
  return parsed ? std::optional(parsed->needs_gpu_instance()) : std::nullopt;
}

// Returns whether types may be missing: an idle GPU with virtual functions lists all that it supports, or, in
// MIG mode, those of the GPU instances that exist.
bool may_hide_types(const Parent& parent) {
  return parent.types.empty() || has_device(parent) ||
         std::any_of(parent.types.begin(), parent.types.end(),
                     [](const Type& type) { return is_mig_type(type.name) == true; });
}

// Returns whether NVIDIA's table has more on a GPU than its driver reports: at least which types its MIG mode
// excludes.
bool needs_table(const Parent& parent) {
  return parent.capabilities.named_by_function && parent.capabilities.types_vanish;
}

// Returns a PCI ID, or 0, which no device has.
std::uint64_t pci_number(const sys::Dir& root, const Parent& parent, const char* file) {
  const std::string digits = read_hex(root, fmt::format("{}/{}", parent.path, file)).value_or("");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return error == std::errc{} && end == digits.data() + digits.size() ? number : 0;
}

// Returns nullopt if there is no table. Throws Error if it cannot be used.
std::optional<VgpuTable> read_table(const sys::Dir& root) {
  const auto status = root.status(VgpuTable::path).or_absent();
  if (!status) {
    return std::nullopt;
  }
  if (!S_ISREG(status->mode)) {
    throw Error(ExitCode::failed, "not a regular file");
  }
  if (static_cast<std::uint64_t>(status->size) > VgpuTable::largest) {
    throw Error(ExitCode::failed, fmt::format("larger than {} MiB", VgpuTable::largest >> 20U));
  }
  return VgpuTable::parse(root.read_file(VgpuTable::path).or_throw("cannot read the file"));
}

// Completes types that are in use, of which the driver reports only the ID.
void complete(Type& type, const Type& known) {
  type.name = type.name ? type.name : known.name;
  type.maximum = type.maximum ? type.maximum : known.maximum;
  if (type.properties.empty()) {
    type.properties = known.properties;
  }
}

void add_types(Parent& parent, std::vector<Type> known) {
  std::optional<bool> mode;  // whether the GPU is divided into GPU instances (MIG), as far as its types show
  for (Type& type : parent.types) {
    const auto same = std::find_if(known.begin(), known.end(),
                                   [&](const Type& one) { return same_type(one.id.str(), type.id.str()); });
    if (same != known.end()) {
      complete(type, *same);
      known.erase(same);
    }
    mode = mode ? mode : is_mig_type(type.name);
  }
  const bool may_hide = may_hide_types(parent);
  for (Type& type : known) {
    const std::optional<bool> needs_mig = is_mig_type(type.name);
    if (mode && needs_mig && *mode != *needs_mig) {
      parent.excluded.push_back({type.id, *type.name});
    } else if (may_hide) {
      parent.unlisted.push_back(std::move(type));
    }
  }
  limit_available(parent);
}

}  // namespace

void add_unlisted_types(const sys::Dir& root, std::vector<Parent>& parents) {
  if (std::none_of(parents.begin(), parents.end(), needs_table)) {
    return;
  }
  std::optional<VgpuTable> table;
  std::string problem;
  try {
    table = read_table(root);
  } catch (const Error& error) {
    problem = fmt::format("cannot use NVIDIA's table of vGPU types '/{}': {}", VgpuTable::path, error.what());
  }
  for (Parent& parent : parents) {
    if (!needs_table(parent)) {
      continue;
    }
    parent.table_problem = may_hide_types(parent) ? problem : std::string{};
    if (table) {
      add_types(parent, table->types_of(pci_number(root, parent, "device"),
                                        pci_number(root, parent, "subsystem_device")));
    }
  }
}

}  // namespace mdevadm
