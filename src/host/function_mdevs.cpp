// Mediated devices on SR-IOV virtual functions (VFs): NVIDIA's drivers for Ampere and later GPUs on kernels
// before 6.8 register each VF as a parent of at most one device. The VFs share the memory of one GPU, so here
// the GPU is the parent, and a VF is the place of a device.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/util/error.hpp>

#include "interface.hpp"
#include "paths.hpp"
#include "type_directories.hpp"

namespace mdevadm {

namespace {

bool has_types(const sys::Dir& root, const std::string& function) {
  return root.exists(fmt::format("{}/{}", function, types_directory));
}

// What the directory of a VF shows. A large host has hundreds of VFs, so it is read at once.
struct Contents {
  bool readable = false;
  bool has_types = false;
  std::string device{};  // the UUID of its device, also while its removal is pending
};

Contents contents_of(const sys::Dir& root, const std::string& function) {
  Contents found;
  const auto read = answered(root.names_in(function, [&](std::string_view name) {
    found.has_types = found.has_types || name == types_directory;
    if (found.device.empty() && Uuid::parse(name)) {
      found.device = name;
    }
  }));
  found.readable = static_cast<bool>(read);
  return found;
}

// The VFs of a GPU while it is being read.
struct Occupied {
  std::vector<Function> functions;
  std::vector<std::string> types;         // of the devices; empty: unknown
  std::optional<std::size_t> first_free;  // VF on which a device can be created
};

Occupied read_occupied(const SysfsParent& parent) {
  Occupied result;
  for (const std::string& path : function_paths(parent)) {
    Function function{.address = std::string(last_component(path)), .path = path};
    const Contents contents = contents_of(parent.root, path);
    function.usable = contents.has_types;
    if (contents.readable && !function.usable) {
      function.driver = link_name(parent.root, path + "/driver");
    }
    if (!contents.device.empty()) {
      // The type of a device without the link is unknown: an empty text.
      const std::string type =
          link_name(parent.root, fmt::format("{}/{}/mdev_type", path, contents.device)).value_or("");
      result.types.push_back(type);
      function.type = TypeName::parse(type).value_or(*TypeName::parse("unknown"));
    } else if (!result.first_free && function.usable) {
      result.first_free = result.functions.size();
    }
    result.functions.push_back(std::move(function));
  }
  return result;
}

class FunctionMdevs final : public Interface {
 public:
  std::string_view name() const override { return "mdev-vf"; }

  bool recognizes(const SysfsParent& parent) const override {
    for (const std::string& path : function_paths(parent)) {
      if (has_types(parent.root, path)) {
        return true;
      }
      // One driver is bound to all VFs, so none of the others has types either.
      if (parent.root.exists(path + "/nvidia/current_vgpu_type")) {
        return false;
      }
    }
    return false;
  }

  void describe(const SysfsParent& parent, Facet facets, Parent& into) const override {
    into.capabilities.create_arguments = Support::unknown;
    into.capabilities.functions = true;
    into.home = std::string(directory_of(parent.path));
    if (!has_any(facets, type_facets)) {
      return;
    }
    Occupied occupied = read_occupied(parent);
    into.supported_functions = read_number(parent.directory, "sriov_totalvfs").value_or(0);
    into.functions = std::move(occupied.functions);
    read_types(parent, occupied, facets, into);
    mark_creatable(into);
    limit_available(into);
    into.notice = notice_for(into);
    if (into.notice.empty()) {
      into.notice = notice_of_missing(parent, into.functions.size());
    }
    into.notice = into.notice.empty() ? notice_of_few(into) : into.notice;
  }

  Command creation(const SysfsParent& parent, const Creation& what) const override {
    for (const std::string& path : function_paths(parent)) {
      if (last_component(path) == what.vf) {
        Creation on_function = what;
        on_function.parent = *ParentName::parse(what.vf);
        return upstream_interface().creation(function_of(parent, path), on_function);
      }
    }
    throw missing_function(parent, what.vf);
  }

  Command removal(const SysfsParent& parent, const Device& device) const override {
    return upstream_interface().removal(parent, device);
  }

 private:
  static SysfsParent function_of(const SysfsParent& parent, const std::string& path) {
    return {parent.root,
            parent.root.open_dir(path).or_throw("cannot use virtual function {}", last_component(path)), path,
            true};
  }

  // Reads the types from one VF only: the driver derives name, description and device API from the GPU, and
  // whether a device of a type can be created is the same on each free VF (kernel_vgpu_mgr.c in NVIDIA's open
  // kernel modules). Each VF of a large host has some 30 types with 5 files.
  static void read_types(const SysfsParent& parent, const Occupied& occupied, Facet facets, Parent& into) {
    const std::size_t some = occupied.first_free.value_or(0);
    if (some >= into.functions.size()) {
      return;
    }
    sys::Result<sys::Dir> directory = checked(parent.root.open_dir(into.functions[some].path));
    if (!directory) {
      return;
    }
    Parent one{.name = into.name, .path = into.functions[some].path};
    upstream_interface().describe({parent.root, *std::move(directory), one.path, true},
                                  facets | Facet::available | Facet::description, one);
    into.types = std::move(one.types);
  }

  static void mark_creatable(Parent& into) {
    std::vector<NamedType> creatable;
    for (const Type& type : into.types) {
      if (type.available.value_or(0) > 0) {
        creatable.push_back({type.id, type.name.value_or("")});
      }
    }
    for (Function& function : into.functions) {
      if (!function.type && function.usable) {
        function.creatable = creatable;
      }
    }
  }

  static std::string notice_for(const Parent& parent) {
    if (std::string unusable = notice_of_unusable(parent.functions); !unusable.empty()) {
      return unusable;
    }
    const bool carries = std::any_of(parent.functions.begin(), parent.functions.end(),
                                     [](const Function& one) { return one.type; });
    const bool offers = std::any_of(parent.types.begin(), parent.types.end(),
                                    [](const Type& type) { return type.available.value_or(0) > 0; });
    return offers || carries ? "" : notice_of_no_types;
  }
};

}  // namespace

const Interface& function_mdevs_interface() {
  static const FunctionMdevs interface;
  return interface;
}

}  // namespace mdevadm
