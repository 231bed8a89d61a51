#include <mdevadm/sim/scenario.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mdevadm/model/names.hpp>
#include <mdevadm/model/property.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

#include "arithmetic.hpp"
#include "keys.hpp"
#include "scenario_z.hpp"

namespace mdevadm::sim {

namespace {

using store::broken;
using store::Broken;

constexpr std::uint64_t most_parents = 4096;
constexpr std::uint64_t most_devices = 100000;

KernelVersion kernel_version(const toml::node& node) {
  const std::string text = store::text_of(node, "kernel");
  const std::vector<std::string_view> parts = split(text, '.');
  const auto first = parse_decimal(parts.front());
  const auto second = parts.size() == 2 ? parse_decimal(parts.back()) : std::nullopt;
  if (!first || !second || *first > 99 || *second > 999) {
    broken(node, fmt::format(R"('kernel' must be a release such as "6.1", not "{}")", printable(text)));
  }
  return {static_cast<unsigned>(*first), static_cast<unsigned>(*second)};
}

Era era_of(KernelVersion kernel) {
  return kernel < KernelVersion{5, 2} ? Era::v4_10 : kernel < KernelVersion{6, 1} ? Era::v5_2 : Era::v6_1;
}

std::string_view kernels_of(Era era) {
  return era == Era::v4_10 ? "4.10 to 5.1" : era == Era::v5_2 ? "5.2 to 6.0" : "6.1 and later";
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Scenario read(const toml::table& root) {
    Keys keys(root, "the scenario");
    scenario_.description = keys.text("description");
    if (const toml::node* kernel = keys.find("kernel")) {
      kernel_ = kernel_version(*kernel);
    }
    scenario_.nodes = keys.truth("nodes", true);
    scenario_.iommu = keys.truth("iommu", true);
    const bool cdev = keys.truth("cdev", false);
    for (const toml::table* table : keys.tables("parent")) {
      read_parent(*table);
    }
    if (scenario_.parents.empty()) {
      broken(root, "missing [[parent]]");
    }
    scenario_.kernel = kernel_.value_or(default_kernel(scenario_.parents.front()));
    scenario_.cdev = cdev;
    if (cdev && scenario_.kernel < KernelVersion{6, 6}) {
      broken(*root.get("cdev"), R"('cdev' requires 'kernel' to be "6.6" or later)");
    }
    for (const toml::table* table : keys.tables("device")) {
      read_devices(*table);
    }
    for (const toml::table* table : keys.tables("fault")) {
      read_fault(*table);
    }
    if (const toml::table* delays = keys.table("delay")) {
      read_delays(*delays);
    }
    keys.finish();
    return std::move(scenario_);
  }

 private:
  static KernelVersion default_kernel(const SimParent& parent) {
    if (parent.interface->layout == Layout::functions) {
      return parent.interface->id == "N3" ? KernelVersion{6, 1} : KernelVersion{6, 8};
    }
    switch (parent.interface->era) {
      case Era::proposal: return {4, 8};
      case Era::v4_10: return {5, 1};
      case Era::v5_2: return {5, 15};
      default: return {6, 1};
    }
  }

  const Interface* interface(Keys& keys) const {
    const toml::node* node = keys.find("interface");
    if (node == nullptr) {
      const Era era = era_of(kernel_.value_or(KernelVersion{6, 1}));
      return find_interface(era == Era::v4_10 ? "U1" : era == Era::v5_2 ? "U2" : "U4");
    }
    const std::string id = store::text_of(*node, "interface");
    const Interface* found = find_interface(id);
    if (found == nullptr) {
      broken(*node, fmt::format("'interface' must be one of {}, not '{}'", join(interface_ids(), ", "),
                                printable(id)));
    }
    const bool mainline = found->id.starts_with('U');
    if (mainline && kernel_ && era_of(*kernel_) != found->era) {
      broken(*node, fmt::format("interface {} exists in kernels {}, but 'kernel' is {}.{}", id,
                                kernels_of(found->era), kernel_->major_number, kernel_->minor_number));
    }
    return found;
  }

  void read_parent(const toml::table& table) {
    Keys keys(table, "a parent");
    SimParent parent;
    const toml::node& name = keys.need("name");
    parent.name = component(name, "name");
    parent.interface = interface(keys);
    read_types(keys, parent);
    read_identity(keys, parent);
    check_arithmetic(keys, parent);
    read_options(keys, parent);
    const std::uint64_t count = keys.number("count", 1);
    keys.finish();
    if (count < 1 || count > most_parents) {
      broken(*table.get("count"), fmt::format("'count' must be between 1 and {}", most_parents));
    }
    if (count > 1 && parent.name.find("{}") == std::string::npos &&
        parent.name.find("{x}") == std::string::npos) {
      broken(name, "with a 'count', 'name' must contain '{}' (decimal number) or '{x}' (hexadecimal number)");
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      SimParent one = parent;
      one.name = numbered(parent.name, i);
      one.subchannel.device = numbered(parent.subchannel.device, i);
      const auto same = [&](const SimParent& other) { return other.name == one.name; };
      if (std::any_of(scenario_.parents.begin(), scenario_.parents.end(), same)) {
        broken(name, fmt::format("duplicate parent '{}'", one.name));
      }
      scenario_.parents.push_back(std::move(one));
    }
  }

  static void check_arithmetic(Keys& keys, const SimParent& parent) {
    const bool is_nvidia = parent.arithmetic == Arithmetic::nvidia;
    const bool is_n1 = parent.interface->id == "N1";
    const bool is_n3 = parent.interface->id == "N3";
    if (is_nvidia != (is_n1 || is_n3) && !(is_n1 && parent.arithmetic == Arithmetic::homogeneous)) {
      broken(keys.need("arithmetic"),
             is_nvidia ? "arithmetic 'nvidia' requires interface N1 or N3"
                       : fmt::format("interface {} requires arithmetic 'nvidia'", parent.interface->id));
    }
  }

  static void read_identity(Keys& keys, SimParent& parent) {
    parent.driver = keys.find("driver") == nullptr ? parent.name : component(*keys.find("driver"), "driver");
    parent.driver_version = keys.text("driver_version");
    parent.device_api = keys.text("device_api", parent.arithmetic == Arithmetic::ap    ? "vfio-ap"
                                                : parent.arithmetic == Arithmetic::ccw ? "vfio-ccw"
                                                                                       : "vfio-pci");
    if (const toml::table* pci = keys.table("pci")) {
      Keys ids(*pci, "'pci'");
      parent.pci = PciIds{ids.text("vendor", "0000"), ids.text("device", "0000"), {}, {},
                          ids.text("revision", "00"), ids.text("class", "030000")};
      const std::string subsystem = ids.text("subsystem", "0000:0000");
      const std::size_t colon = std::min(subsystem.find(':'), subsystem.size());
      parent.pci->subsystem_vendor = subsystem.substr(0, colon);
      parent.pci->subsystem_device = subsystem.substr(std::min(colon + 1, subsystem.size()));
      ids.finish();
    }
    const bool functions = parent.interface->layout == Layout::functions;
    parent.bus = parent.arithmetic == Arithmetic::ap    ? "vfio_ap"
                 : parent.arithmetic == Arithmetic::ccw ? "css"
                 : parent.pci || functions              ? "pci"
                                                        : "virtual";
    if (functions && !parent.pci) {
      broken(keys.node(), fmt::format("interface {} requires a 'pci' table", parent.interface->id));
    }
    if (parent.bus == "pci" && !is_pci_address(parent.name)) {
      broken(keys.need("name"),
             fmt::format("invalid PCI address '{}' (expected e.g. 0000:86:00.0)", printable(parent.name)));
    }
  }

  static bool is_pci_address(std::string_view name) {
    constexpr std::string_view shape = "xxxx:xx:xx.x";
    std::string plain(name);
    if (const std::size_t mark = plain.find("{x}"); mark != std::string::npos) {
      plain.replace(mark, 3, "00");
    }
    if (const std::size_t mark = plain.find("{}"); mark != std::string::npos) {
      plain.replace(mark, 2, "0");
    }
    return plain.size() == shape.size() &&
           std::equal(shape.begin(), shape.end(), plain.begin(), [](char wanted, char c) {
             return wanted == 'x' ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : wanted == c;
           });
  }

  static void read_options(Keys& keys, SimParent& parent) {
    if (const toml::table* errors = keys.table("errno")) {
      Keys errno_keys(*errors, "'errno'");
      parent.errno_full = errno_keys.error_number("full");
      parent.errno_wrong_type = errno_keys.error_number("wrong_type");
      parent.errno_create = errno_keys.error_number("create");
      errno_keys.finish();
    }
    if (const toml::node* remove = keys.find("remove")) {
      parent.central_remove = choice<bool>(*remove, "remove", {{"parent", true}, {"device", false}});
    }
    if (const toml::node* same = keys.find("same_state")) {
      parent.accepts_same_state = choice<bool>(*same, "same_state", {{"accept", true}, {"refuse", false}});
    }
    parent.hotplug = keys.truth("hotplug", false);
    parent.vm_uuid = keys.truth(
        "vm_uuid", parent.interface->layout == Layout::flat && parent.arithmetic == Arithmetic::homogeneous);
    if (keys.find("peer_budget") != nullptr) {
      parent.peer_budget = keys.number("peer_budget", 0);
    }
    parent.create_keys = keys.texts("create_keys");
    parent.migration_version = keys.text("migration_version");
    read_functions(keys, parent);
    for (const toml::table* table : keys.tables("attribute")) {
      Keys attribute(*table, "an attribute");
      const toml::node& name = attribute.need("name");
      parent.attributes.push_back(
          {store::text_of(name, "name"), attribute.text("value"), attribute.truth("writable", false)});
      if (!is_attribute_path(parent.attributes.back().name)) {
        broken(name, "'name' must be a path below the device's directory, without '..'");
      }
      attribute.finish();
    }
    read_queues(keys, parent);
    read_subchannel(keys, parent);
    if (const toml::node* create = keys.find("create")) {
      parent.ignores_create = choice<bool>(*create, "create", {{"ignore", true}, {"accept", false}});
    }
  }

  static void read_functions(Keys& keys, SimParent& parent) {
    parent.functions = keys.number("functions", 0);
    parent.functions_enabled = keys.number("functions_enabled", parent.functions);
    parent.linger = std::chrono::milliseconds(keys.number("linger", 0));
    if (parent.functions_enabled > parent.functions || parent.functions > 256) {
      broken(*keys.find("functions"),
             "'functions' must be at most 256, 'functions_enabled' at most 'functions'");
    }
    const bool is_blackwell = parent.gpu && parent.gpu->generation == Generation::blackwell;
    parent.first_function = keys.number("first_function", is_blackwell ? 2 : 4);
    parent.function_id = keys.text("function_device", parent.pci ? parent.pci->device : std::string{});
    parent.bound = keys.text("bound", parent.driver);
    const toml::node* vgpud = keys.find("vgpud");
    if (vgpud != nullptr && vgpud->is_boolean()) {
      parent.vgpud = keys.truth("vgpud", true) ? std::optional(std::chrono::milliseconds(0)) : std::nullopt;
    } else {
      parent.vgpud = std::chrono::milliseconds(keys.number("vgpud", 0));
    }
    if (!parent.bound.empty() && !is_component(parent.bound)) {
      broken(*keys.find("bound"), "'bound' must be the name of a driver, or empty");
    }
  }

  std::vector<WrittenType> written_types(Keys& keys, SimParent& parent) {
    std::vector<WrittenType> result;
    std::vector<InstanceProfile> profiles;
    if (const toml::node* node = keys.find("types")) {
      const std::string path = path_.substr(0, path_.rfind('/') + 1) + store::text_of(*node, "types");
      const sys::Result<std::string> text = sys::read_stream(path);
      if (!text) {
        broken(*node, fmt::format("cannot read the types in '{}': {}", printable(path),
                                  sys::errno_text(text.error().number)));
      }
      const toml::parse_result table = toml::parse(*text, path);
      const auto refuse = [&](toml::source_position where, std::string_view why) {
        broken(*node, fmt::format("{}:{}:{}: {}", path, where.line, where.column, why));
      };
      if (!table) {
        refuse(store::place_of(table.error(), *text), store::syntax_problem(table.error(), *text));
      }
      try {
        Keys file(table.table(), "the file of types");
        for (const toml::table* type : file.tables("type")) {
          result.push_back(read_type(*type));
        }
        for (const toml::table* profile : file.tables("profile")) {
          profiles.push_back(read_profile(*profile));
        }
        file.finish();
      } catch (const Broken& problem) {
        refuse(problem.where, problem.message);
      }
    }
    for (const toml::table* table : keys.tables("type")) {
      result.push_back(read_type(*table));
    }
    for (const toml::table* table : keys.tables("profile")) {
      profiles.push_back(read_profile(*table));
    }
    if (parent.arithmetic == Arithmetic::nvidia) {
      parent.gpu = GpuModel{.profiles = std::move(profiles)};
    }
    return result;
  }

  void read_types(Keys& keys, SimParent& parent) {
    const toml::node& node = keys.need("arithmetic");
    if (node.as_table() == nullptr) {
      broken(node, R"('arithmetic' must be a table such as { kind = "ports", ports = 24 })");
    }
    Keys arithmetic(*node.as_table(), "'arithmetic'");
    parent.arithmetic = choice<Arithmetic>(arithmetic.need("kind"), "kind",
                                           {{"homogeneous", Arithmetic::homogeneous},
                                            {"nvidia", Arithmetic::nvidia},
                                            {"gvt", Arithmetic::gvt},
                                            {"ports", Arithmetic::ports},
                                            {"memory", Arithmetic::memory},
                                            {"shared", Arithmetic::shared},
                                            {"ap", Arithmetic::ap},
                                            {"ccw", Arithmetic::ccw},
                                            {"fixed", Arithmetic::fixed}});
    std::vector<WrittenType> written = written_types(keys, parent);
    read_arithmetic(arithmetic, keys.node(), parent, written);
    arithmetic.finish();
    std::set<std::string> ids;
    for (const WrittenType& one : written) {
      parent.types.push_back(one.type);
      SimType& type = parent.types.back();
      if (parent.arithmetic == Arithmetic::nvidia) {
        type.most = parent.gpu->types[parent.types.size() - 1].most;
      }
      type.most = type.most == 0 ? parent.capacity.left(type.id) : type.most;
      if (!ids.insert(type.id).second) {
        broken(keys.node(), fmt::format("duplicate type '{}'", type.id));
      }
    }
  }

  void read_devices(const toml::table& table) {
    Keys keys(table, "a device");
    const toml::node& parent_node = keys.need("parent");
    const std::string parent_name = store::text_of(parent_node, "parent");
    const toml::node& type_node = keys.need("type");
    const std::string type = store::text_of(type_node, "type");
    const toml::node* uuid_node = keys.find("uuid");
    const std::uint64_t count = keys.number("count", 1);
    const std::uint64_t units = keys.number("units", 1);
    keys.finish();
    bool found = false;
    for (const SimParent& parent : scenario_.parents) {
      if (parent_name != "*" && parent.name != parent_name) {
        continue;
      }
      found = true;
      if (parent.find_type(type) == nullptr) {
        broken(type_node, fmt::format("parent '{}' has no type '{}'", parent.name, printable(type)));
      }
      for (std::uint64_t i = 0; i < count; ++i) {
        add_device(parent, type, uuid_node, units, type_node);
      }
    }
    if (!found) {
      broken(parent_node, fmt::format("parent '{}' not found", printable(parent_name)));
    }
  }

  void add_device(const SimParent& parent, const std::string& type, const toml::node* uuid_node,
                  std::uint64_t units, const toml::node& where) {
    const std::uint64_t number = scenario_.devices.size();
    if (number >= most_devices) {
      broken(where, fmt::format("too many devices (at most {})", most_devices));
    }
    const std::string text = uuid_node != nullptr
                                 ? store::text_of(*uuid_node, "uuid")
                                 : fmt::format("51515151-0000-4000-8000-{:012x}", number + 1);
    const auto uuid = Uuid::parse(text);
    if (!uuid || !uuids_.insert(*uuid).second) {
      broken(*uuid_node, fmt::format("{} UUID '{}'", uuid ? "duplicate" : "invalid", printable(text)));
    }
    const std::string& id = parent.find_type(type)->id;
    if (!take(parent, id, units)) {
      broken(where, fmt::format("cannot create device {}: no available instances of type '{}' on parent '{}'",
                                number + 1, printable(type), parent.name));
    }
    scenario_.devices.push_back({parent.name, id, *uuid, units});
  }

  bool take(const SimParent& parent, const std::string& id, std::uint64_t units) {
    if (parent.gpu) {
      VgpuState& gpu = gpus_.try_emplace(parent.name, *parent.gpu).first->second;
      gpu.set_table(true);
      const auto function = static_cast<unsigned>(gpu.count());
      return function < parent.functions_enabled &&
             gpu.create(parse_decimal(id).value_or(0), function) == VgpuStatus::ok;
    }
    plan::Capacity& left = left_.try_emplace(parent.name, parent.capacity).first->second;
    if (!left.fits(id, units)) {
      return false;
    }
    left.take(id, units);
    return true;
  }

  void read_fault(const toml::table& table) {
    Keys keys(table, "a fault");
    const toml::node& at = keys.need("at");
    const auto operation = find_operation(store::text_of(at, "at"));
    if (!operation || *operation == Operation::mdev_type || *operation == Operation::functions) {
      broken(at,
             fmt::format("'at' must be one of create, remove, attribute, online, join, read, bind, not '{}'",
                         printable(store::text_of(at, "at"))));
    }
    Fault fault{*operation, keys.number("nth", 0), keys.error_number("errno"), keys.truth("vanish", false),
                keys.text("attribute")};
    keys.finish();
    if ((fault.error != 0) == fault.vanish) {
      broken(table, "a fault requires either 'errno' or 'vanish = true'");
    }
    scenario_.faults.push_back(std::move(fault));
  }

  void read_delays(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const auto operation = find_operation(key.str());
      const auto* time = node.as_integer();
      if (!operation || *operation == Operation::read) {
        throw Broken{
            key.source().begin,
            fmt::format("unknown operation '{}' in 'delay' (expected create, remove, attribute, online, "
                        "join, mdev_type, functions or bind)",
                        printable(key.str()))};
      }
      if (time == nullptr || time->get() < 0 || time->get() > 3600000) {
        broken(node,
               fmt::format("'{}' must be a number of milliseconds, at most 3600000 (1 hour)", key.str()));
      }
      scenario_.delays.push_back({*operation, std::chrono::milliseconds(time->get())});
    }
  }

  std::string path_;
  std::optional<KernelVersion> kernel_{};
  Scenario scenario_{};
  std::set<Uuid> uuids_{};
  std::map<std::string, plan::Capacity> left_{};
  std::map<std::string, VgpuState> gpus_{};
};

}  // namespace

std::string SimParent::type_directory(const SimType& type) const {
  return interface->is_proposal() ? type.id : driver + "-" + type.id;
}

const SimType* SimParent::find_type(std::string_view id) const {
  const auto found = std::find_if(types.begin(), types.end(), [&](const SimType& type) {
    return type.id == id || type_directory(type) == id;
  });
  return found == types.end() ? nullptr : &*found;
}

Scenario read_scenario(const std::string& path) {
  const std::string text = sys::read_stream(path).or_throw("cannot read the scenario '{}'", printable(path));
  const toml::parse_result parsed = toml::parse(text, path);
  const auto refuse = [&](toml::source_position where, std::string_view why) {
    return Error(ExitCode::failed, fmt::format("cannot use the scenario: {}:{}:{}: {}", printable(path),
                                               where.line, where.column, why));
  };
  if (!parsed) {
    throw refuse(store::place_of(parsed.error(), text), store::syntax_problem(parsed.error(), text));
  }
  try {
    return Reader(path).read(parsed.table());
  } catch (const Broken& problem) {
    throw refuse(problem.where, problem.message);
  }
}

}  // namespace mdevadm::sim
