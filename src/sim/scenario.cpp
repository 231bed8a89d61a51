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

#include "../store/toml.hpp"

namespace mdevadm::sim {

namespace {

using store::broken;
using store::Broken;

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::uint64_t most_parents = 4096;
constexpr std::uint64_t most_devices = 100000;

// A table whose keys are asked for by name; what nobody asked for is a mistake of whoever wrote it.
class Keys {
 public:
  Keys(const toml::table& table, std::string what) : table_(table), what_(std::move(what)) {}

  const toml::node* find(std::string_view key) {
    asked_.emplace_back(key);
    return table_.get(key);
  }

  const toml::node& need(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) {
      broken(table_, fmt::format("{} needs a '{}'", what_, key));
    }
    return *node;
  }

  std::string text(std::string_view key, std::string otherwise = {}) {
    const toml::node* node = find(key);
    return node == nullptr ? otherwise : store::text_of(*node, key);
  }

  std::uint64_t number(std::string_view key, std::uint64_t otherwise) {
    const toml::node* node = find(key);
    if (node == nullptr) {
      return otherwise;
    }
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < 0) {
      broken(*node, fmt::format("'{}' must be a whole number, 0 or more", key));
    }
    return static_cast<std::uint64_t>(value->get());
  }

  bool truth(std::string_view key, bool otherwise) {
    const toml::node* node = find(key);
    if (node != nullptr && node->as_boolean() == nullptr) {
      broken(*node, fmt::format("'{}' must be true or false, not {}", key, store::kind_name(*node)));
    }
    return node == nullptr ? otherwise : node->as_boolean()->get();
  }

  // MiB: a number of them, or a text such as "8192M" or "2G".
  std::uint64_t mebibytes(std::string_view key, std::uint64_t otherwise) {
    const toml::node* node = find(key);
    if (node == nullptr || node->is_integer()) {
      asked_.pop_back();
      return number(key, otherwise);
    }
    const PropertyValue value = parse_property_value(store::text_of(*node, key));
    const auto* bytes = std::get_if<Bytes>(&value);
    if (bytes == nullptr || bytes->count % mebibyte != 0) {
      broken(*node, fmt::format("'{}' must be a size in whole MiB, such as \"8192M\"", key));
    }
    return bytes->count / mebibyte;
  }

  int error_number(std::string_view key) {
    const toml::node* node = find(key);
    const auto number = node == nullptr ? std::optional(0) : find_errno(store::text_of(*node, key));
    if (!number) {
      broken(*node, fmt::format("'{}' must be an errno such as \"ENOSPC\", not \"{}\"", key,
                                printable(store::text_of(*node, key))));
    }
    return *number;
  }

  std::vector<std::uint64_t> numbers(std::string_view key) {
    std::vector<std::uint64_t> result;
    for (const toml::node* node : list(key)) {
      const auto* value = node->as_integer();
      if (value == nullptr || value->get() < 0) {
        broken(*node, fmt::format("'{}' must be a list of whole numbers", key));
      }
      result.push_back(static_cast<std::uint64_t>(value->get()));
    }
    return result;
  }

  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> result;
    for (const toml::node* node : list(key)) {
      result.push_back(store::text_of(*node, key));
    }
    return result;
  }

  std::vector<const toml::node*> list(std::string_view key) {
    std::vector<const toml::node*> result;
    if (const toml::node* node = find(key)) {
      if (node->as_array() == nullptr) {
        broken(*node, fmt::format("'{}' must be a list, not {}", key, store::kind_name(*node)));
      }
      for (const toml::node& element : *node->as_array()) {
        result.push_back(&element);
      }
    }
    return result;
  }

  std::vector<const toml::table*> tables(std::string_view key) {
    std::vector<const toml::table*> result;
    for (const toml::node* node : list(key)) {
      if (node->as_table() == nullptr) {
        broken(*node, fmt::format("'{}' must be tables ([[{}]]), not {}", key, key, store::kind_name(*node)));
      }
      result.push_back(node->as_table());
    }
    return result;
  }

  const toml::table* table(std::string_view key) {
    const toml::node* node = find(key);
    if (node != nullptr && node->as_table() == nullptr) {
      broken(*node, fmt::format("'{}' must be a table, not {}", key, store::kind_name(*node)));
    }
    return node == nullptr ? nullptr : node->as_table();
  }

  void finish() const {
    for (const auto& [key, node] : table_) {
      if (std::find(asked_.begin(), asked_.end(), key.str()) == asked_.end()) {
        const std::string meant = did_you_mean(key.str(), asked_);
        throw Broken{key.source().begin, fmt::format("{} has no '{}'{}", what_, printable(key.str()),
                                                     meant.empty() ? "" : fmt::format(" ({})", meant))};
      }
    }
  }

  const toml::table& node() const { return table_; }

 private:
  const toml::table& table_;
  std::string what_;
  std::vector<std::string> asked_;
};

KernelVersion kernel_version(const toml::node& node) {
  const std::string text = store::text_of(node, "kernel");
  const std::vector<std::string_view> parts = split(text, '.');
  const auto first = parse_decimal(parts.front());
  const auto second = parts.size() == 2 ? parse_decimal(parts.back()) : std::nullopt;
  if (!first || !second || *first > 99 || *second > 999) {
    broken(node, fmt::format("'kernel' must be a release such as \"6.1\", not \"{}\"", printable(text)));
  }
  return {static_cast<unsigned>(*first), static_cast<unsigned>(*second)};
}

Era era_of(KernelVersion kernel) {
  return kernel < KernelVersion{5, 2} ? Era::v4_10 : kernel < KernelVersion{6, 1} ? Era::v5_2 : Era::v6_1;
}

std::string_view kernels_of(Era era) {
  return era == Era::v4_10 ? "4.10 to 5.1" : era == Era::v5_2 ? "5.2 to 6.0" : "6.1 and later";
}

template <typename Enum>
Enum choice(const toml::node& node, std::string_view key,
            std::initializer_list<std::pair<std::string_view, Enum>> words) {
  const std::string text = store::text_of(node, key);
  std::vector<std::string> known;
  for (const auto& [word, value] : words) {
    if (word == text) {
      return value;
    }
    known.emplace_back(word);
  }
  broken(node, fmt::format("'{}' must be one of {}, not '{}'", key, join(known, ", "), printable(text)));
}

std::string component(const toml::node& node, std::string_view key) {
  std::string text = store::text_of(node, key);
  if (!is_component(text)) {
    broken(node, fmt::format("'{}' is no good as {}: it must be one word of a path", printable(text), key));
  }
  return text;
}

// A type as it is written, with the number that its arithmetic counts in.
struct WrittenType {
  SimType type;
  std::uint64_t size;
};

WrittenType read_type(const toml::table& table) {
  Keys keys(table, "a type");
  WrittenType result{};
  result.type.id = component(keys.need("id"), "id");
  result.type.name = keys.text("name");
  result.type.description = keys.text("description");
  result.type.most = keys.number("max", 0);
  result.type.aggregation = keys.number("aggregation", 0);
  result.size = keys.mebibytes("size", 0);
  const std::string properties = keys.text("properties");
  for (const std::string_view field : split(properties, ',')) {
    const std::size_t sign = field.find('=');
    if (properties.empty()) {
      break;
    }
    if (sign == std::string_view::npos) {
      broken(*keys.find("properties"), "'properties' must be \"key=value, key=value\"");
    }
    result.type.properties.emplace_back(trim(field.substr(0, sign)), trim(field.substr(sign + 1)));
  }
  keys.finish();
  return result;
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Scenario read(const toml::table& root) {
    Keys keys(root, "a scenario");
    scenario_.description = keys.text("description");
    if (const toml::node* kernel = keys.find("kernel")) {
      kernel_ = kernel_version(*kernel);
    }
    scenario_.nodes = keys.truth("nodes", true);
    const bool cdev = keys.truth("cdev", false);
    for (const toml::table* table : keys.tables("parent")) {
      read_parent(*table);
    }
    if (scenario_.parents.empty()) {
      broken(root, "there is no [[parent]]");
    }
    scenario_.kernel = kernel_.value_or(default_kernel(scenario_.parents.front()));
    scenario_.cdev = cdev;
    if (cdev && scenario_.kernel < KernelVersion{6, 6}) {
      broken(*root.get("cdev"), "'cdev' needs 'kernel' to be \"6.6\" or later");
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
    if (parent.dialect->layout == Layout::functions) {
      return {6, 8};
    }
    switch (parent.dialect->era) {
      case Era::proposal: return {4, 8};
      case Era::v4_10: return {5, 1};
      case Era::v5_2: return {5, 15};
      default: return {6, 1};
    }
  }

  const Dialect* dialect(Keys& keys) const {
    const toml::node* node = keys.find("dialect");
    if (node == nullptr) {
      const Era era = era_of(kernel_.value_or(KernelVersion{6, 1}));
      return find_dialect(era == Era::v4_10 ? "U1" : era == Era::v5_2 ? "U2" : "U4");
    }
    const std::string id = store::text_of(*node, "dialect");
    const Dialect* found = find_dialect(id);
    if (found == nullptr) {
      broken(*node,
             fmt::format("'dialect' must be one of {}, not '{}'", join(dialect_ids(), ", "), printable(id)));
    }
    const bool mainline = found->id.starts_with('U');
    if (mainline && kernel_ && era_of(*kernel_) != found->era) {
      broken(*node, fmt::format("dialect {} is that of kernels {}, but 'kernel' is {}.{}", id,
                                kernels_of(found->era), kernel_->major_number, kernel_->minor_number));
    }
    return found;
  }

  void read_parent(const toml::table& table) {
    Keys keys(table, "a parent");
    SimParent parent;
    const toml::node& name = keys.need("name");
    parent.name = component(name, "name");
    parent.dialect = dialect(keys);
    read_types(keys, parent);
    read_identity(keys, parent);
    read_options(keys, parent);
    const std::uint64_t count = keys.number("count", 1);
    keys.finish();
    if (count < 1 || count > most_parents) {
      broken(*table.get("count"), fmt::format("'count' must be 1 to {}", most_parents));
    }
    if (count > 1 && parent.name.find("{}") == std::string::npos &&
        parent.name.find("{x}") == std::string::npos) {
      broken(name, "several parents need a name with '{}' (decimal) or '{x}' (hexadecimal) in it");
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      SimParent one = parent;
      one.name = numbered(parent.name, i);
      const auto same = [&](const SimParent& other) { return other.name == one.name; };
      if (std::any_of(scenario_.parents.begin(), scenario_.parents.end(), same)) {
        broken(name, fmt::format("there are two parents '{}'", one.name));
      }
      scenario_.parents.push_back(std::move(one));
    }
  }

  static std::string numbered(std::string name, std::uint64_t number) {
    for (const auto& [mark, text] :
         {std::pair{"{}", fmt::format("{}", number)}, std::pair{"{x}", fmt::format("{:02x}", number)}}) {
      if (const std::size_t at = name.find(mark); at != std::string::npos) {
        name.replace(at, std::string_view(mark).size(), text);
      }
    }
    return name;
  }

  static void read_identity(Keys& keys, SimParent& parent) {
    parent.driver = keys.find("driver") == nullptr ? parent.name : component(*keys.find("driver"), "driver");
    parent.driver_version = keys.text("driver_version");
    parent.device_api = keys.text("device_api", parent.arithmetic == Arithmetic::ap    ? "vfio-ap"
                                                : parent.arithmetic == Arithmetic::ccw ? "vfio-ccw"
                                                                                       : "vfio-pci");
    if (const toml::table* pci = keys.table("pci")) {
      Keys ids(*pci, "pci");
      parent.pci = PciIds{ids.text("vendor", "0000"), ids.text("device", "0000"), {}, {},
                          ids.text("revision", "00"), ids.text("class", "030000")};
      const std::string subsystem = ids.text("subsystem", "0000:0000");
      const std::size_t colon = std::min(subsystem.find(':'), subsystem.size());
      parent.pci->subsystem_vendor = subsystem.substr(0, colon);
      parent.pci->subsystem_device = subsystem.substr(std::min(colon + 1, subsystem.size()));
      ids.finish();
    }
    const bool functions = parent.dialect->layout == Layout::functions;
    parent.bus = parent.arithmetic == Arithmetic::ap    ? "vfio_ap"
                 : parent.arithmetic == Arithmetic::ccw ? "css"
                 : parent.pci || functions              ? "pci"
                                                        : "virtual";
    if (functions && !parent.pci) {
      broken(keys.node(), fmt::format("dialect {} needs a 'pci' table", parent.dialect->id));
    }
    if (parent.bus == "pci" && !is_pci_address(parent.name)) {
      broken(keys.need("name"),
             fmt::format("'{}' is no PCI address such as 0000:86:00.0", printable(parent.name)));
    }
  }

  static bool is_pci_address(std::string_view name) {
    constexpr std::string_view shape = "xxxx:xx:xx.x";
    std::string plain(name);
    if (const std::size_t mark = plain.find("{x}"); mark != std::string::npos) {
      plain.replace(mark, 3, "00");
    }
    return plain.size() == shape.size() &&
           std::equal(shape.begin(), shape.end(), plain.begin(), [](char wanted, char c) {
             return wanted == 'x' ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : wanted == c;
           });
  }

  void read_options(Keys& keys, SimParent& parent) {
    if (const toml::table* errors = keys.table("errno")) {
      Keys errno_keys(*errors, "errno");
      parent.errno_full = errno_keys.error_number("full");
      parent.errno_wrong_type = errno_keys.error_number("wrong_type");
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
        "vm_uuid", parent.dialect->layout == Layout::flat && parent.arithmetic == Arithmetic::homogeneous);
    if (keys.find("peer_budget") != nullptr) {
      parent.peer_budget = keys.number("peer_budget", 0);
    }
    parent.create_keys = keys.texts("create_keys");
    parent.migration_version = keys.text("migration_version");
    parent.functions = keys.number("functions", 0);
    parent.functions_enabled = keys.number("functions_enabled", parent.functions);
    parent.linger = std::chrono::milliseconds(keys.number("linger", 0));
    if (parent.functions_enabled > parent.functions || parent.functions > 256) {
      broken(*keys.find("functions"),
             "'functions' must be at most 256, 'functions_enabled' at most 'functions'");
    }
    for (const toml::table* table : keys.tables("attribute")) {
      Keys attribute(*table, "an attribute");
      const toml::node& name = attribute.need("name");
      parent.attributes.push_back(
          {store::text_of(name, "name"), attribute.text("value"), attribute.truth("writable", false)});
      if (!is_attribute_path(parent.attributes.back().name)) {
        broken(name, "'name' must be a path inside the device's folder, without '..'");
      }
      attribute.finish();
    }
    read_queues(keys, parent);
  }

  static std::vector<unsigned> small_numbers(Keys& keys, std::string_view key) {
    std::vector<unsigned> result;
    for (const std::uint64_t number : keys.numbers(key)) {
      if (number > 255) {
        broken(*keys.find(key), fmt::format("'{}' must be numbers up to 255", key));
      }
      result.push_back(static_cast<unsigned>(number));
    }
    return result;
  }

  static void read_queues(Keys& keys, SimParent& parent) {
    const toml::table* table = keys.table("ap");
    if ((table != nullptr) != (parent.arithmetic == Arithmetic::ap)) {
      broken(keys.node(), "an 'ap' table goes with arithmetic = { kind = \"ap\" }, and only with that");
    }
    if (table != nullptr) {
      Keys ap(*table, "ap");
      parent.ap = {small_numbers(ap, "adapters"),
                   small_numbers(ap, "domains"),
                   static_cast<unsigned>(std::min<std::uint64_t>(ap.number("max_adapter", 255), 255)),
                   static_cast<unsigned>(std::min<std::uint64_t>(ap.number("max_domain", 255), 255)),
                   small_numbers(ap, "host_adapters"),
                   small_numbers(ap, "host_domains")};
      ap.finish();
    }
  }

  std::vector<WrittenType> written_types(Keys& keys) {
    std::vector<WrittenType> result;
    if (const toml::node* node = keys.find("types")) {
      const std::string path = path_.substr(0, path_.rfind('/') + 1) + store::text_of(*node, "types");
      const sys::Result<std::string> text = sys::read_stream(path);
      if (!text) {
        broken(*node, fmt::format("cannot read the types in '{}': {}", printable(path),
                                  sys::errno_text(text.error().number)));
      }
      const toml::parse_result table = toml::parse(std::string_view(*text), std::string_view(path));
      const auto refuse = [&](toml::source_position where, std::string_view why) {
        broken(*node, fmt::format("{}:{}:{}: {}", path, where.line, where.column, why));
      };
      if (!table) {
        refuse(table.error().source().begin, table.error().description());
      }
      try {
        Keys file(table.table(), "a table of types");
        for (const toml::table* type : file.tables("type")) {
          result.push_back(read_type(*type));
        }
        file.finish();
      } catch (const Broken& problem) {
        refuse(problem.where, problem.message);
      }
    }
    for (const toml::table* table : keys.tables("type")) {
      result.push_back(read_type(*table));
    }
    return result;
  }

  // --- type table and arithmetic ---

  void read_types(Keys& keys, SimParent& parent) {
    const toml::node& node = keys.need("arithmetic");
    if (node.as_table() == nullptr) {
      broken(node, "'arithmetic' must be a table such as { kind = \"ports\", ports = 24 }");
    }
    Keys arithmetic(*node.as_table(), "arithmetic");
    parent.arithmetic = choice<Arithmetic>(arithmetic.need("kind"), "kind",
                                           {{"homogeneous", Arithmetic::homogeneous},
                                            {"gvt", Arithmetic::gvt},
                                            {"ports", Arithmetic::ports},
                                            {"memory", Arithmetic::memory},
                                            {"shared", Arithmetic::shared},
                                            {"ap", Arithmetic::ap},
                                            {"ccw", Arithmetic::ccw},
                                            {"fixed", Arithmetic::fixed}});
    std::vector<WrittenType> written = written_types(keys);
    if (parent.arithmetic == Arithmetic::gvt) {
      read_gvt(arithmetic, parent, written);
    } else {
      if (written.empty()) {
        broken(keys.node(), "a parent needs 'types' or a [[parent.type]]");
      }
      set_capacity(arithmetic, parent, written);
    }
    arithmetic.finish();
    std::set<std::string> ids;
    for (const WrittenType& one : written) {
      parent.types.push_back(one.type);
      SimType& type = parent.types.back();
      type.most = type.most == 0 ? parent.capacity.left(type.id) : type.most;
      if (!ids.insert(type.id).second) {
        broken(keys.node(), fmt::format("there are two types '{}'", type.id));
      }
    }
  }

  static void read_gvt(Keys& keys, SimParent& parent, std::vector<WrittenType>& written) {
    const plan::GvtMemory memory{keys.mebibytes("aperture", 1024), keys.mebibytes("total", 4096),
                                 keys.number("fences", 32)};
    if (memory.total < memory.aperture) {
      broken(keys.node(), "'aperture' is a part of 'total' and cannot be more");
    }
    if (!written.empty()) {
      broken(keys.node(), "the types of arithmetic 'gvt' follow from the aperture; none can be given");
    }
    const std::string prefix = fmt::format("GVTg_V{}_", keys.number("generation", 5));
    const std::uint64_t aggregation = keys.number("aggregation", 0);
    for (const plan::GvtType& type : plan::gvt_types_for(memory.aperture)) {
      SimType one{.id = prefix + std::string(type.name)};
      one.description =
          fmt::format("low_gm_size: {}MB\nhigh_gm_size: {}MB\nfence: {}\nresolution: {}\nweight: {}\n",
                      type.low, type.high, type.fences, type.resolution, type.weight);
      one.properties = {{"low_gm_size", fmt::format("{}M", type.low)},
                        {"high_gm_size", fmt::format("{}M", type.high)},
                        {"fence", fmt::format("{}", type.fences)},
                        {"resolution", std::string(type.resolution)}};
      if (parent.dialect->aggregation != Aggregation::none) {
        one.aggregation = type.name == "8" ? aggregation : 0;
        one.description += fmt::format("aggregation: {}\n", one.aggregation > 0 ? "yes" : "no");
      }
      written.push_back({one, 0});
    }
    parent.capacity = plan::gvt(memory, prefix);
  }

  static std::uint64_t framebuffer_of(const WrittenType& written, const toml::table& where) {
    for (const auto& [key, value] : written.type.properties) {
      const PropertyValue parsed = parse_property_value(value);
      if (key == "framebuffer" && std::holds_alternative<Bytes>(parsed)) {
        return std::get<Bytes>(parsed).count / mebibyte;
      }
    }
    if (written.size == 0) {
      broken(where,
             fmt::format("type '{}' has no framebuffer (in its properties) and no size", written.type.id));
    }
    return written.size;
  }

  static void set_capacity(Keys& keys, SimParent& parent, const std::vector<WrittenType>& written) {
    switch (parent.arithmetic) {
      case Arithmetic::homogeneous: return set_homogeneous(keys, parent, written);
      case Arithmetic::ports:
        parent.capacity = pool(keys, "ports", keys.number("ports", 24), written);
        return;
      case Arithmetic::memory:
        parent.capacity = pool(keys, "memory", keys.mebibytes("memory", 256), written);
        return;
      default: break;
    }
    if (parent.arithmetic == Arithmetic::fixed) {
      std::vector<plan::SizedType> types;
      for (const WrittenType& one : written) {
        types.push_back({one.type.id, one.type.most});
      }
      parent.capacity = plan::separate(types);
      return;
    }
    std::vector<std::string> ids;
    for (const WrittenType& one : written) {
      ids.push_back(one.type.id);
    }
    const std::uint64_t total = parent.arithmetic == Arithmetic::shared ? keys.number("total", 4)
                                : parent.arithmetic == Arithmetic::ap   ? 65536
                                                                        : 1;
    parent.capacity = plan::counter(total, ids);
  }

  static void set_homogeneous(Keys& keys, SimParent& parent, const std::vector<WrittenType>& written) {
    const plan::Mix mix = choice<plan::Mix>(
        keys.need("mix"), "mix",
        {{"type", plan::Mix::type}, {"size", plan::Mix::size}, {"mixed", plan::Mix::mixed}});
    const std::uint64_t total = keys.mebibytes("framebuffer", 0);
    if (total == 0) {
      broken(keys.node(), "arithmetic 'homogeneous' needs a 'framebuffer', the whole GPU's");
    }
    std::vector<plan::FramebufferType> types;
    for (const WrittenType& one : written) {
      const std::uint64_t framebuffer = framebuffer_of(one, keys.node());
      types.push_back({one.type.id, one.type.most == 0 ? total / framebuffer : one.type.most, framebuffer});
    }
    parent.capacity = plan::homogeneous(types, total, mix);
  }

  static plan::Capacity pool(Keys& keys, const std::string& name, std::uint64_t total,
                             const std::vector<WrittenType>& written) {
    std::vector<plan::SizedType> types;
    for (const WrittenType& one : written) {
      if (one.size == 0) {
        broken(keys.node(),
               fmt::format("type '{}' needs a 'size': what it takes of the {}", one.type.id, name));
      }
      types.push_back({one.type.id, one.size});
    }
    return plan::pool(name, total, types);
  }

  // --- what is there at first, and what goes wrong ---

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
      broken(parent_node, fmt::format("there is no parent '{}'", printable(parent_name)));
    }
  }

  void add_device(const SimParent& parent, const std::string& type, const toml::node* uuid_node,
                  std::uint64_t units, const toml::node& where) {
    const std::uint64_t number = scenario_.devices.size();
    if (number >= most_devices) {
      broken(where, fmt::format("these are more than {} devices", most_devices));
    }
    const std::string text = uuid_node != nullptr
                                 ? store::text_of(*uuid_node, "uuid")
                                 : fmt::format("51515151-0000-4000-8000-{:012x}", number + 1);
    const auto uuid = Uuid::parse(text);
    if (!uuid || !uuids_.insert(*uuid).second) {
      broken(*uuid_node, fmt::format("'{}' is {}", printable(text), uuid ? "there twice" : "no UUID"));
    }
    plan::Capacity& left = left_.try_emplace(parent.name, parent.capacity).first->second;
    const std::string& id = parent.find_type(type)->id;
    if (!left.fits(id, units)) {
      broken(where, fmt::format("device {} does not fit: parent '{}' has no room left for type '{}'",
                                number + 1, parent.name, printable(type)));
    }
    left.take(id, units);
    scenario_.devices.push_back({parent.name, id, *uuid, units});
  }

  void read_fault(const toml::table& table) {
    Keys keys(table, "a fault");
    const toml::node& at = keys.need("at");
    const auto operation = find_operation(store::text_of(at, "at"));
    if (!operation || *operation == Operation::mdev_type) {
      broken(at, "'at' must be one of create, remove, attribute, online, join, read");
    }
    Fault fault{*operation, keys.number("nth", 0), keys.error_number("errno"), keys.truth("vanish", false),
                keys.text("attribute")};
    keys.finish();
    if ((fault.error != 0) == fault.vanish) {
      broken(table, "a fault needs either an 'errno' or 'vanish = true'");
    }
    scenario_.faults.push_back(std::move(fault));
  }

  void read_delays(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const auto operation = find_operation(key.str());
      const auto* time = node.as_integer();
      if (!operation || *operation == Operation::read) {
        throw Broken{key.source().begin,
                     "'delay' knows create, remove, attribute, online, join and mdev_type"};
      }
      if (time == nullptr || time->get() < 0 || time->get() > 3600000) {
        broken(node, fmt::format("'{}' must be milliseconds, up to an hour", key.str()));
      }
      scenario_.delays.push_back({*operation, std::chrono::milliseconds(time->get())});
    }
  }

  std::string path_;
  std::optional<KernelVersion> kernel_{};
  Scenario scenario_{};
  std::set<Uuid> uuids_{};
  std::map<std::string, plan::Capacity> left_{};
};

}  // namespace

std::string SimParent::type_folder(const SimType& type) const {
  return dialect->is_proposal() ? type.id : driver + "-" + type.id;
}

const SimType* SimParent::find_type(std::string_view id) const {
  const auto found = std::find_if(types.begin(), types.end(), [&](const SimType& type) {
    return type.id == id || type_folder(type) == id;
  });
  return found == types.end() ? nullptr : &*found;
}

Scenario read_scenario(const std::string& path) {
  const std::string text = sys::read_stream(path).or_throw("cannot read the scenario '{}'", printable(path));
  const toml::parse_result parsed = toml::parse(std::string_view(text), std::string_view(path));
  const auto refuse = [&](toml::source_position where, std::string_view why) {
    return Error(ExitCode::failed, fmt::format("cannot use the scenario: {}:{}:{}: {}", printable(path),
                                               where.line, where.column, why));
  };
  if (!parsed) {
    throw refuse(parsed.error().source().begin, parsed.error().description());
  }
  try {
    return Reader(path).read(parsed.table());
  } catch (const Broken& problem) {
    throw refuse(problem.where, problem.message);
  }
}

}  // namespace mdevadm::sim
