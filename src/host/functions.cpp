// vGPUs without mdev: NVIDIA's drivers for kernels since 6.8 assign them to the virtual functions (VFs) of a
// GPU through FUNCTION/nvidia/{creatable_vgpu_types, current_vgpu_type}. NVIDIA's vGPU software 17 and later
// and the driver proposed upstream in 2024 differ in their errnos, so written values are read back. The
// parent is the physical function; a device is the type assigned to a VF.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>
#include <map>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

#include "answers.hpp"
#include "interface.hpp"
#include "paths.hpp"

namespace mdevadm {

namespace {

constexpr const char* drivers_directory = "sys/bus/pci/drivers";
constexpr const char* current_file = "nvidia/current_vgpu_type";
constexpr const char* creatable_file = "nvidia/creatable_vgpu_types";
constexpr const char* no_type = "0";
constexpr std::size_t longest_line = 60;  // in messages

Error taken_function(const std::string& vf, const TypeName& type) {
  return {ExitCode::conflict,
          fmt::format("virtual function {} was taken by another process (type {})", vf, type.str())};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Parses lines like "1147  : NVIDIA L40S-1Q"; the first line may be a heading. Names contain blanks and
// hyphens.
struct CreatableTypes {
  std::vector<NamedType> types{};
  std::vector<std::string> misread{};  // lines in another format
};

CreatableTypes parse_creatable(std::string_view text) {
  CreatableTypes result;
  bool is_first = true;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    const std::string_view id = trim(line.substr(0, colon));
    const std::string_view name = colon != std::string_view::npos ? trim(line.substr(colon + 1)) : "";
    const bool may_be_heading = is_first && std::none_of(id.begin(), id.end(), is_digit);
    if (parse_decimal(id) && !name.empty()) {
      if (id != no_type) {
        result.types.push_back({*TypeName::parse(id), std::string(name)});
      }
    } else if (!trim(line).empty() && !may_be_heading) {
      result.misread.emplace_back(trim(line));
    }
    is_first = is_first && trim(line).empty();
  }
  return result;
}

// Parses the content of current_vgpu_type: a decimal number, or a hexadecimal one with 0x; 0 means no type.
// Returns nullopt for anything else.
std::optional<std::uint64_t> parse_current(std::string_view text) {
  text = trim(text);
  if (!text.starts_with("0x")) {
    return parse_decimal(text);
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), number, 16);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// Reads the type of a VF. A VF without interface, or whose type cannot be read, is not usable.
void read_type(const sys::Dir& root, Function& function) {
  const sys::Result<std::string> text =
      root.read_attribute(fmt::format("{}/{}", function.path, current_file));
  const std::optional<std::uint64_t> number = text ? parse_current(*text) : std::nullopt;
  function.usable = number.has_value();
  if (number && *number != 0) {
    function.type = TypeName::parse(fmt::format("{}", *number));
  } else if (!number) {
    const sys::Result<std::string> link = checked(root.read_link(function.path + "/driver"));
    function.driver = link ? std::optional(std::string(last_component(*link))) : std::nullopt;
  }
}

std::optional<TypeName> current_type(const sys::Dir& root, const std::string& function) {
  const sys::Result<std::string> text = root.read_attribute(fmt::format("{}/{}", function, current_file));
  const std::uint64_t number = text ? parse_current(*text).value_or(0) : 0;
  return number != 0 ? TypeName::parse(fmt::format("{}", number)) : std::nullopt;
}

std::vector<NamedType> creatable_on(const sys::Dir& root, const std::string& function) {
  const sys::Result<std::string> text = root.read_file(fmt::format("{}/{}", function, creatable_file));
  return text ? parse_creatable(*text).types : std::vector<NamedType>{};
}

// Returns a notice on a list of types in an unknown format; an empty string if no free VF has one.
std::string notice_of_misread(const sys::Dir& root, const std::vector<Function>& functions) {
  const auto free = std::find_if(functions.begin(), functions.end(),
                                 [](const Function& one) { return one.usable && !one.type; });
  if (free == functions.end() || !free->creatable.empty()) {
    return {};
  }
  const sys::Result<std::string> text = root.read_file(fmt::format("{}/{}", free->path, creatable_file));
  const std::vector<std::string> misread = text ? parse_creatable(*text).misread : std::vector<std::string>{};
  return misread.empty()
             ? std::string{}
             : fmt::format("{} line{} in {} of {} not understood (expected 'NUMBER : NAME'), first: '{}'",
                           misread.size(), misread.size() == 1 ? "" : "s", creatable_file,
                           free->address + (misread.size() == 1 ? " is" : " are"),
                           shortened(printable(misread.front()), longest_line));
}

// Returns the names of the parents that the kernel lists.
std::set<std::string, std::less<>> registered_parents(const sys::Dir& root) {
  std::set<std::string, std::less<>> result;
  constexpr std::string_view cannot_list = "cannot list parents in";
  const sys::Result<sys::Dir> directory = answered(root.open_dir(parents_directory), cannot_list);
  const auto entries = answered(sys::entries_of(directory), cannot_list);
  for (const sys::Entry& entry : entries ? *entries : std::vector<sys::Entry>{}) {
    result.insert(entry.name);
  }
  return result;
}

bool needs_instance(const std::string& name) {
  const auto parsed = parse_vgpu_name(name);
  return parsed && parsed->needs_gpu_instance();
}

// Returns why a GPU offers no types, or fewer than it could.
std::string notice_for(const std::vector<Function>& functions, const std::vector<Type>& types) {
  if (functions.empty()) {
    return "SR-IOV virtual functions are not enabled";
  }
  const std::string unusable = notice_of_unusable(functions);
  if (std::none_of(functions.begin(), functions.end(), [](const Function& one) { return one.usable; })) {
    return unusable;
  }
  const bool carries =
      std::any_of(functions.begin(), functions.end(), [](const Function& one) { return one.type; });
  if (!unusable.empty()) {
    return unusable;
  }
  if (types.empty() && !carries) {
    return notice_of_no_types;
  }
  const bool accepts = std::any_of(functions.begin(), functions.end(),
                                   [](const Function& one) { return !one.creatable.empty(); });
  if (carries && !accepts) {
    return "the GPU accepts no more vGPUs beside its active ones";
  }
  // GPU instances (MIG) limit their types, whatever the sizes of the others are.
  const bool has_instances = std::any_of(
      types.begin(), types.end(), [](const Type& type) { return needs_instance(type.name.value_or("")); });
  if (carries && !has_instances && !shows_mixed_sizes(functions)) {
    return "active vGPUs restrict the available types (the GPU is not in mixed-size mode)";
  }
  return {};
}

class Functions final : public Interface {
 public:
  std::string_view name() const override { return "nvidia-vf"; }

  bool recognizes(const SysfsParent& parent) const override {
    return parent.directory.exists("sriov_totalvfs") &&
           link_name(parent.directory, "driver").value_or("").starts_with("nvidia");
  }

  void describe(const SysfsParent& parent, Facet facets, Parent& into) const override {
    into.capabilities.functions = true;
    into.capabilities.named_by_function = true;
    into.capabilities.types_vanish = true;
    into.home = std::string(directory_of(parent.path));
    if (!has_any(facets, type_facets)) {
      return;
    }
    into.supported_functions = read_number(parent.directory, "sriov_totalvfs").value_or(0);
    std::map<TypeName, Type> types;
    for (Function& function : read_functions(parent, true)) {
      for (const NamedType& one : function.creatable) {
        Type& type = types.try_emplace(one.id, Type{.id = one.id, .device_api = "vfio-pci"}).first->second;
        type.name = one.name;
        type.available = type.available.value_or(0) + (function.type ? 0 : 1);
      }
      // A type that is in use and cannot be created again is not listed anywhere else.
      if (function.type) {
        types.try_emplace(*function.type,
                          Type{.id = *function.type, .device_api = "vfio-pci", .available = 0});
      }
      into.functions.push_back(std::move(function));
    }
    if (into.functions.empty()) {
      into.future_functions = possible_addresses(parent.directory, last_component(parent.path));
    }
    for (auto& [id, type] : types) {
      add_properties_of_name(type);
      into.types.push_back(std::move(type));
    }
    limit_available(into);
    std::sort(into.types.begin(), into.types.end(),
              [](const Type& a, const Type& b) { return natural_less(a.id.str(), b.id.str()); });
    into.notice = notice_of_misread(parent.root, into.functions);
    into.notice = into.notice.empty() ? notice_of_few(into) : into.notice;
    if (into.notice.empty()) {
      into.notice = notice_for(into.functions, into.types);
    }
    if (into.notice.empty()) {
      into.notice = notice_of_missing(parent, into.functions.size());
    }
  }

  Command creation(const SysfsParent& parent, const Creation& what) const override {
    return {path_of(parent, what.vf), current_file, what.type.str() + "\n"};
  }

  sys::Result<sys::Done> create(const SysfsParent& parent, const Creation& what) const override {
    const Command command = creation(parent, what);
    const std::string& path = command.directory;
    if (const auto other = current_type(parent.root, path)) {
      throw taken_function(what.vf, *other);
    }
    // The creatable types change with every device on the GPU.
    const std::vector<NamedType> creatable = creatable_on(parent.root, path);
    const bool offered = std::any_of(creatable.begin(), creatable.end(),
                                     [&](const NamedType& one) { return one.id == what.type; });
    // With mixed sizes the driver accepts types that it does not list (model/function_capacity.hpp).
    const std::vector<Function> functions = offered ? std::vector<Function>{} : read_functions(parent, true);
    const bool may_accept = offered || what.hidden || shows_mixed_sizes(functions);
    sys::Result<sys::Done> written = may_accept ? issue(parent.root, command) : sys::SysError{ENOSPC, path};
    // The value read back is decisive, whatever the write returned, except EPERM: the driver refuses to
    // change a virtual function that has a type, so another program has set the same one.
    const auto now = current_type(parent.root, path);
    if (now && !written && written.error().number == EPERM) {
      throw taken_function(what.vf, *now);
    }
    if (now == what.type) {
      return sys::Done{};
    }
    const bool is_used = std::any_of(functions.begin(), functions.end(),
                                     [](const Function& one) { return one.type.has_value(); });
    if (!offered && is_used) {
      return sys::SysError{ENOSPC, path};
    }
    return written ? sys::SysError{EIO, path} : written.error();
  }

  // VFs are reused: a type that differs from the device's was set by another program.
  Command removal(const SysfsParent& parent, const Device& device) const override {
    const auto now = current_type(parent.root, device.path);
    if (now && device.type && *now != *device.type) {
      throw Error(ExitCode::conflict,
                  fmt::format("virtual function {} was changed to type {} by another program",
                              device.kernel_name(), now->str()));
    }
    return {device.path, current_file, std::string(no_type) + "\n"};
  }

  bool is_there(const sys::Dir& root, const Device& device) const override {
    return current_type(root, device.path).has_value();
  }

 private:
  static std::string path_of(const SysfsParent& parent, const std::string& function) {
    for (std::string& path : function_paths(parent)) {
      if (last_component(path) == function) {
        return std::move(path);
      }
    }
    throw missing_function(parent, function);
  }
};

}  // namespace

const Interface& functions_interface() {
  static const Functions interface;
  return interface;
}

std::optional<std::string> physical_function(const sys::Dir& device) {
  const sys::Result<std::string> link = answered(device.read_link("physfn"));
  return link ? std::optional(std::string(last_component(*link))) : std::nullopt;
}

std::vector<std::string> function_links(const sys::Dir& device) {
  std::vector<std::string> result;
  for (std::size_t i = 0;; ++i) {
    sys::Result<std::string> link = answered(device.read_link(fmt::format("virtfn{}", i)));
    if (!link) {
      return result;
    }
    result.push_back(*std::move(link));
  }
}

std::vector<std::string> function_paths(const SysfsParent& parent) {
  std::vector<std::string> result =
      parent.function_links ? *parent.function_links : function_links(parent.directory);
  for (std::string& link : result) {
    link = resolve_link(parent.path, link);
  }
  return result;
}

std::string notice_of_unusable(const std::vector<Function>& functions) {
  std::map<std::string, std::vector<std::string>> by_reason;
  std::size_t count = 0;
  for (const Function& function : functions) {
    if (!function.usable) {
      ++count;
      const bool has_driver = function.driver && function.driver->starts_with("nvidia");
      by_reason[!function.driver ? "bound to no driver"
                : has_driver
                    ? fmt::format("bound to {} without readable files of the vGPU host driver "
                                  "(nvidia-vgpud had not run when they were enabled, or the driver is not "
                                  "NVIDIA's vGPU host driver)",
                                  *function.driver)
                    : fmt::format("bound to {}", *function.driver)]
          .push_back(function.address);
    }
  }
  std::vector<std::string> reasons;
  for (const auto& [reason, addresses] : by_reason) {
    const std::string more = addresses.size() > 1 ? fmt::format(" and {} more", addresses.size() - 1) : "";
    reasons.push_back(fmt::format("{}{} {}", addresses.front(), more, reason));
  }
  return count == 0 ? std::string{}
                    : fmt::format(
                          "{} of {} virtual functions have no usable vGPU interface (expected NVIDIA's "
                          "vGPU host driver, nvidia): {}",
                          count, functions.size(), join(reasons, "; "));
}

std::string notice_of_missing(const SysfsParent& parent, std::size_t present) {
  const std::uint64_t enabled = read_number(parent.directory, "sriov_numvfs").value_or(0);
  return present == 0 || enabled <= present
             ? std::string{}
             : fmt::format("{} virtual functions are enabled, but only {} {} present", enabled, present,
                           present == 1 ? "is" : "are");
}

std::string notice_of_few(const Parent& parent) {
  const std::size_t enabled = parent.functions.size();
  const bool all_used = std::all_of(parent.functions.begin(), parent.functions.end(),
                                    [](const Function& one) { return one.type.has_value(); });
  return enabled == 0 || !all_used || enabled >= parent.supported_functions
             ? std::string{}
             : fmt::format("{} virtual function{} a vGPU; the GPU supports {}",
                           enabled == 1 ? "the only enabled" : fmt::format("each of the {} enabled", enabled),
                           enabled == 1 ? " has" : "s has", parent.supported_functions);
}

Error missing_function(const SysfsParent& parent, const std::string& function) {
  const std::string_view gpu = last_component(parent.path);
  return {ExitCode::not_found, fmt::format("{} has no virtual function {}", gpu, function),
          fmt::format("list the virtual functions of the parent: mdevadm show {}", gpu)};
}

// NVIDIA's driver makes the list of a free VF from the state of the GPU, so it is the same for all of them,
// and empty for a VF in use (vgpu_mgr_get_vgpu_types() in kernel_vgpu_mgr.c of the open kernel modules). Each
// list costs the driver a query, so it is read from one VF; an empty one is compared with those of the
// others.
std::vector<Function> read_functions(const SysfsParent& parent, bool with_creatable) {
  std::vector<Function> result;
  std::vector<NamedType> creatable;
  for (const std::string& path : function_paths(parent)) {
    Function function{std::string(last_component(path)), path};
    read_type(parent.root, function);
    if (with_creatable && function.usable && !function.type && creatable.empty()) {
      creatable = creatable_on(parent.root, path);
    }
    result.push_back(std::move(function));
  }
  for (Function& function : result) {
    if (function.usable && !function.type) {
      function.creatable = creatable;
    }
  }
  return result;
}

// Searches the functions bound to NVIDIA drivers for those that have VFs, unless they or their VFs are
// registered as parents of mediated devices. A driver may be bound to hundreds of VFs, which are known as
// soon as their physical function has been read: its address is the lowest.
std::vector<FunctionParent> function_parents(const sys::Dir& root,
                                             const std::optional<std::vector<ParentName>>& among,
                                             std::set<std::string, std::less<>> known) {
  std::vector<FunctionParent> result;
  constexpr std::string_view cannot_list = "cannot list parents in";
  const sys::Result<sys::Dir> drivers = answered(root.open_dir(drivers_directory), cannot_list);
  const auto names = answered(sys::entries_of(drivers), cannot_list);
  if (!names) {
    return result;
  }
  std::optional<std::set<std::string, std::less<>>> registered;
  const auto is_wanted = [&](const std::string& name) {
    return !among || std::any_of(among->begin(), among->end(),
                                 [&](const ParentName& one) { return one.str() == name; });
  };
  for (const sys::Entry& driver : *names) {
    const sys::Result<sys::Dir> directory = driver.name.starts_with("nvidia")
                                                ? answered(drivers->open_dir(driver.name), cannot_list)
                                                : sys::Result<sys::Dir>(sys::SysError{});
    auto functions = answered(sys::entries_of(directory), cannot_list);
    if (!functions) {
      continue;
    }
    std::sort(functions->begin(), functions->end(),
              [](const sys::Entry& a, const sys::Entry& b) { return a.name < b.name; });
    for (const sys::Entry& function : *functions) {
      const std::string& name = function.name;
      if (!is_wanted(name) || !is_pci_address(name) || known.contains(name) ||
          !directory->exists(name + "/sriov_totalvfs") || directory->exists(name + "/mdev_supported_types")) {
        continue;
      }
      const sys::Result<sys::Dir> device = answered(directory->open_dir(name));
      FunctionParent found{name, device ? function_links(*device) : std::vector<std::string>{}};
      if (!registered) {
        registered = registered_parents(root);
      }
      bool is_registered = registered->contains(name);
      for (const std::string& link : found.function_links) {
        const std::string_view address = last_component(link);
        is_registered = is_registered || registered->contains(address);
        known.emplace(address);
      }
      if (!is_registered) {
        result.push_back(std::move(found));
      }
    }
  }
  std::sort(result.begin(), result.end(),
            [](const FunctionParent& a, const FunctionParent& b) { return a.name < b.name; });
  return result;
}

}  // namespace mdevadm
