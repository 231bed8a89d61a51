#include <mdevadm/store/vgpu_manager_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <mdevadm/model/vgpu_name.hpp>
#include <mdevadm/util/text.hpp>
#include <mdevadm/util/yaml.hpp>
#include <tuple>

namespace mdevadm::store {

namespace {

constexpr std::uint64_t most_devices_of_gpu = 65536;
constexpr std::uint64_t last_index = 65535;
// Aliases of aliases can stand for more elements than fit into memory.
constexpr std::size_t most_elements = 500000;
constexpr std::size_t deepest_merge = 32;
constexpr std::uint16_t nvidia_vendor = 0x10de;
constexpr std::string_view core_tag = "tag:yaml.org,2002:";

struct Wrong {
  TextPosition where;
  std::string message;
};

struct Member {
  const YamlNode* key;
  const YamlNode* value;
};

struct Members {
  std::vector<Member> all{};
  std::map<std::string_view, std::size_t> by_key{};
};

bool is_null(const YamlNode& node) {
  constexpr std::array nulls{"", "~", "null", "Null", "NULL"};
  return node.kind == YamlNode::Kind::scalar && !node.quoted &&
         std::find(nulls.begin(), nulls.end(), node.text) != nulls.end();
}

std::string kind_of(const YamlNode& node) {
  return node.kind == YamlNode::Kind::mapping    ? "a mapping"
         : node.kind == YamlNode::Kind::sequence ? "a list"
         : is_null(node)                         ? "an empty value"
                                                 : fmt::format("'{}'", printable(node.text));
}

// Returns whether vgpu-device-manager accepts the name: GPU-SIZE and one of the series A, B, C and Q, with
// the slices of the GPU instance before the size if there is one.
bool is_type_name(const std::string& name) {
  const auto parsed = parse_vgpu_name(name);
  if (!parsed || parsed->series.size() != 1 || name.find(' ') != std::string::npos) {
    return false;
  }
  constexpr std::array attributes{"", "ME", "NOME", "MEALL", "GFX"};
  const bool is_upper = std::all_of(parsed->gpu.begin(), parsed->gpu.end(),
                                    [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
  // RTX6000-Ada
  const std::vector<std::string_view> words = split(parsed->gpu, '-');
  const bool has_words = std::all_of(words.begin(), words.end(), [&](std::string_view word) {
    return !word.empty() && std::all_of(word.begin(), word.end(), [&](char c) {
      const bool is_first = word.data() == words.front().data();
      const bool is_lower = c >= 'a' && c <= 'z';
      return (c >= 'A' && c <= 'Z') || (is_first ? c >= '0' && c <= '9' : is_lower);
    });
  });
  const std::string size = fmt::format("-{}{}{}", parsed->gib, parsed->series, parsed->attributes);
  return name.ends_with(size) &&
         (parsed->needs_gpu_instance() ? is_upper : has_words && parsed->attributes.empty()) &&
         std::find(attributes.begin(), attributes.end(), parsed->attributes) != attributes.end();
}

// Returns the name without attributes that only configurations have: drivers have ME in their names. For
// those, vgpu-device-manager drops the attribute as well.
std::string name_in_driver(const std::string& name) {
  for (const std::string_view attribute : {"NOME", "MEALL", "GFX"}) {
    if (name.ends_with(attribute)) {
      return name.substr(0, name.size() - attribute.size());
    }
  }
  return name;
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) {
    return std::nullopt;
  }
  text.remove_prefix(2);
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(id) : std::nullopt;
}

class VgpuManagerReader {
 public:
  VgpuManagerReader(const std::string& path, const YamlDocument& document, VgpuManagerContent& content)
      : path_(path), document_(document), content_(content) {}

  void read() {
    if (is_null(document_.root())) {
      throw Wrong{document_.root().where, "the file is empty"};
    }
    const std::vector<Member> members = members_of(document_.root(), "the file");
    bool has_version = false;
    bool has_configs = false;
    for (const Member& one : members) {
      const std::string& key = one.key->text;
      collect([&] {
        if (key == "version") {
          has_version = true;
          read_version(*one.value);
        } else if (key == "vgpu-configs") {
          has_configs = true;
          read_configs(*one.value);
        } else {
          unknown(*one.key, {"version", "vgpu-configs"});
        }
      });
    }
    for (const auto& [has, key] :
         {std::pair(has_version, "version"), std::pair(has_configs, "vgpu-configs")}) {
      if (!has) {
        add(document_.root().where, fmt::format("missing required key '{}'", key));
      }
    }
  }

 private:
  template <typename Work>
  void collect(const Work& work) {
    try {
      work();
    } catch (const Wrong& problem) {
      add(problem.where, problem.message);
    }
  }

  void add(const TextPosition& where, const std::string& message) {
    content_.problems.push_back({path_, where.line, where.column, message});
  }

  FilePosition position(const YamlNode& node) const { return {path_, node.where.line, node.where.column}; }

  [[noreturn]] void unknown(const YamlNode& key, const std::vector<std::string>& known) const {
    const std::string meant = did_you_mean(key.text, known);
    throw Wrong{key.where, fmt::format("unknown key '{}'{}", printable(key.text),
                                       meant.empty() ? fmt::format(" (expected {})", join(known, ", "))
                                                     : fmt::format(" ({})", meant))};
  }

  const YamlNode& at(std::size_t number) {
    if (++elements_ > most_elements) {
      throw YamlProblem{document_[number].where,
                        fmt::format("the aliases expand to more than {} elements", most_elements)};
    }
    return document_[number];
  }

  static void require_tag(const YamlNode& node, std::string_view allowed) {
    if (!node.tag.empty() && node.tag != "!" && node.tag != std::string(core_tag) + std::string(allowed)) {
      throw Wrong{node.where, fmt::format("unsupported tag '{}'", printable(node.tag))};
    }
  }

  // Returns the members of a mapping, those of merged mappings ("<<") after its own.
  std::vector<Member> members_of(const YamlNode& node, const std::string& what) {
    if (node.kind != YamlNode::Kind::mapping) {
      throw Wrong{node.where, fmt::format("{} must be a mapping, not {}", what, kind_of(node))};
    }
    Members result;
    add_members(node, result, 0);
    return std::move(result.all);
  }

  void add_members(const YamlNode& node, Members& result, std::size_t depth) {
    require_tag(node, "map");
    if (depth == deepest_merge) {
      throw Wrong{node.where, fmt::format("more than {} levels of merged mappings", deepest_merge)};
    }
    const std::size_t before = result.all.size();
    std::vector<const YamlNode*> merged;
    for (const auto& [key_number, value_number] : node.pairs) {
      const YamlNode& key = at(key_number);
      const YamlNode& value = at(value_number);
      if (key.kind != YamlNode::Kind::scalar) {
        add(key.where, fmt::format("a key must be a string, not {}", kind_of(key)));
        continue;
      }
      if (key.text == "<<" && !key.quoted) {
        merged.push_back(&value);
        continue;
      }
      const auto [present, is_new] = result.by_key.try_emplace(key.text, result.all.size());
      if (is_new) {
        result.all.push_back({&key, &value});
      } else if (present->second >= before) {
        const TextPosition& first = result.all[present->second].key->where;
        add(key.where, fmt::format("key '{}' is repeated, first at {}:{}", printable(key.text), first.line,
                                   first.column));
      }
    }
    for (const YamlNode* value : merged) {
      if (value->kind == YamlNode::Kind::sequence) {
        for (const std::size_t number : value->items) {
          merge(at(number), result, depth);
        }
      } else {
        merge(*value, result, depth);
      }
    }
  }

  void merge(const YamlNode& node, Members& result, std::size_t depth) {
    if (node.kind != YamlNode::Kind::mapping) {
      throw Wrong{node.where, fmt::format("the value of '<<' must be a mapping or a list of mappings, not {}",
                                          kind_of(node))};
    }
    add_members(node, result, depth + 1);
  }

  static void read_version(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::scalar || node.text != "v1") {
      throw Wrong{node.where, fmt::format("unsupported version {} (expected v1)", kind_of(node))};
    }
  }

  void read_configs(const YamlNode& node) {
    const std::vector<Member> members = members_of(node, "'vgpu-configs'");
    if (members.empty()) {
      throw Wrong{node.where, "'vgpu-configs' has no configuration"};
    }
    for (const Member& one : members) {
      collect([&] { read_config(*one.key, *one.value); });
    }
  }

  void read_config(const YamlNode& key, const YamlNode& value) {
    const std::string what = fmt::format("the configuration '{}'", printable(key.text));
    if (key.text.empty()) {
      throw Wrong{key.where, "the name of a configuration must not be empty"};
    }
    if (value.kind != YamlNode::Kind::sequence || value.items.empty()) {
      throw Wrong{is_null(value) ? key.where : value.where,
                  fmt::format("{} must be a list of mappings, not {}", what,
                              value.kind == YamlNode::Kind::sequence ? "an empty list" : kind_of(value))};
    }
    require_tag(value, "seq");
    VgpuConfig config{key.text, position(key)};
    for (const std::size_t number : value.items) {
      collect([&] { config.rules.push_back(read_rule(at(number), what)); });
    }
    content_.configs.push_back(std::move(config));
  }

  VgpuRule read_rule(const YamlNode& node, const std::string& what) {
    VgpuRule rule{.where = position(node)};
    bool has_devices = false;
    bool has_counts = false;
    for (const Member& one : members_of(node, fmt::format("an element of {}", what))) {
      const std::string& key = one.key->text;
      collect([&] {
        if (key == "device-filter") {
          read_filter(*one.value, rule);
        } else if (key == "devices") {
          has_devices = true;
          read_indices(*one.value, rule);
        } else if (key == "vgpu-devices") {
          has_counts = true;
          read_counts(*one.value, rule);
        } else {
          unknown(*one.key, {"device-filter", "devices", "vgpu-devices"});
        }
      });
    }
    for (const auto& [has, key] :
         {std::pair(has_devices, "devices"), std::pair(has_counts, "vgpu-devices")}) {
      if (!has) {
        add(node.where, fmt::format("missing required key '{}'", key));
      }
    }
    return rule;
  }

  void read_filter(const YamlNode& node, VgpuRule& rule) {
    if (node.kind == YamlNode::Kind::sequence) {
      require_tag(node, "seq");
      for (const std::size_t number : node.items) {
        collect([&] { rule.filter.push_back(read_pci_id(at(number))); });
      }
    } else if (!is_null(node) && !(node.kind == YamlNode::Kind::scalar && node.text.empty())) {
      rule.filter.push_back(read_pci_id(node));
    }
  }

  // "0x1EB810DE": the device and the vendor; the same of the board may follow after a colon.
  static PciPattern read_pci_id(const YamlNode& node) {
    if (node.kind != YamlNode::Kind::scalar) {
      throw Wrong{node.where, fmt::format("'device-filter' must be a PCI ID or a list of PCI IDs, not {}",
                                          kind_of(node))};
    }
    require_tag(node, "str");
    const std::vector<std::string_view> fields = split(node.text, ':');
    const auto id = parse_id(fields.front());
    const auto board = fields.size() == 2 ? parse_id(fields.back()) : std::nullopt;
    if (!id || fields.size() > 2 || (fields.size() == 2 && !board)) {
      throw Wrong{node.where,
                  fmt::format("invalid PCI ID '{}' (expected 0x, device and vendor: \"0x1EB810DE\")",
                              printable(node.text))};
    }
    if (!node.quoted && node.tag.empty() && fields.size() == 1) {
      throw Wrong{node.where,
                  fmt::format("PCI ID {0} without quotes, which YAML reads as a number (expected \"{0}\")",
                              node.text)};
    }
    const auto low = [](std::uint32_t one) { return static_cast<std::uint16_t>(one & 0xffffU); };
    const auto high = [](std::uint32_t one) { return static_cast<std::uint16_t>(one >> 16U); };
    if (low(*id) != nvidia_vendor) {
      throw Wrong{
          node.where,
          fmt::format("PCI ID '{}' of another vendor than NVIDIA (expected 0x, device, 10DE: \"0x1EB810DE\")",
                      printable(node.text))};
    }
    PciPattern pattern{low(*id), high(*id)};
    if (board) {
      pattern.subsystem = {low(*board), high(*board)};
    }
    return pattern;
  }

  static std::optional<std::uint64_t> number_of(const YamlNode& node) {
    const bool is_number = node.tag == std::string(core_tag) + "int" || (node.tag.empty() && !node.quoted);
    const bool has_zero = node.text.size() > 1 && node.text.front() == '0';
    return node.kind == YamlNode::Kind::scalar && is_number && !has_zero ? parse_decimal(node.text)
                                                                         : std::nullopt;
  }

  void read_indices(const YamlNode& node, VgpuRule& rule) {
    rule.indices_at = position(node);
    if (node.kind == YamlNode::Kind::scalar && node.text == "all") {
      require_tag(node, "str");
      return;
    }
    if (node.kind != YamlNode::Kind::sequence) {
      throw Wrong{node.where,
                  fmt::format("'devices' must be all or a list of indices of GPUs, not {}", kind_of(node))};
    }
    require_tag(node, "seq");
    rule.indices.emplace();
    for (const std::size_t number : node.items) {
      collect([&] {
        const YamlNode& element = at(number);
        const auto index = number_of(element);
        if (!index || *index > last_index) {
          throw Wrong{element.where,
                      fmt::format("an element of 'devices' must be an index of a GPU, from 0, not {}",
                                  kind_of(element))};
        }
        if (std::find(rule.indices->begin(), rule.indices->end(), *index) == rule.indices->end()) {
          rule.indices->push_back(*index);
        }
      });
    }
  }

  void read_counts(const YamlNode& node, VgpuRule& rule) {
    if (is_null(node)) {
      return;
    }
    std::map<std::string, TextPosition> types;
    for (const Member& one : members_of(node, "'vgpu-devices'")) {
      collect([&] { read_count(*one.key, *one.value, types, rule); });
    }
  }

  void read_count(const YamlNode& key, const YamlNode& value, std::map<std::string, TextPosition>& types,
                  VgpuRule& rule) {
    const std::string& name = key.text;
    if (!is_type_name(name)) {
      throw Wrong{
          key.where,
          fmt::format("invalid vGPU type '{}' (expected a name such as A100-4C or A100-1-5CME, without "
                      "GRID or NVIDIA before it)",
                      printable(name))};
    }
    const auto count = number_of(value);
    if (!count || *count == 0 || *count > most_devices_of_gpu) {
      throw Wrong{
          value.where,
          fmt::format("the number of vGPUs of type {} must be a whole number from 1 to {}, in decimal and "
                      "without quotes, not {}",
                      name, most_devices_of_gpu, kind_of(value))};
    }
    const std::string type = name_in_driver(name);
    if (const auto [other, is_new] = types.try_emplace(type, key.where); !is_new) {
      throw Wrong{key.where, fmt::format("'{}' is the same type as the one at {}:{}", name,
                                         other->second.line, other->second.column)};
    }
    const auto has_slices = [](const std::string& one) { return parse_vgpu_name(one)->needs_gpu_instance(); };
    if (!rule.counts.empty() && has_slices(rule.counts.front().type) != has_slices(type)) {
      throw Wrong{
          key.where,
          fmt::format("{} and {} cannot be on one GPU: only one of them is a type of GPU instances (MIG)",
                      rule.counts.front().type, type)};
    }
    rule.counts.push_back({type, *count, position(key)});
  }

  const std::string& path_;
  const YamlDocument& document_;
  VgpuManagerContent& content_;
  std::size_t elements_ = 0;
};

}  // namespace

VgpuManagerContent parse_vgpu_manager(const std::string& path, std::string_view text) {
  VgpuManagerContent content;
  const auto report = [&](const TextPosition& where, const std::string& message) {
    content.problems.push_back({path, where.line, where.column, message});
  };
  try {
    const YamlDocument document = YamlDocument::parse(text);
    VgpuManagerReader(path, document, content).read();
  } catch (const YamlProblem& problem) {
    report(problem.where, problem.message);
  } catch (const Wrong& problem) {
    report(problem.where, problem.message);
  }
  std::stable_sort(content.problems.begin(), content.problems.end(),
                   [](const FileProblem& a, const FileProblem& b) {
                     return std::pair(a.line, a.column) < std::pair(b.line, b.column);
                   });
  // An element with several aliases is read several times.
  const auto same = [](const FileProblem& a, const FileProblem& b) {
    return std::tuple(a.line, a.column, a.message) == std::tuple(b.line, b.column, b.message);
  };
  content.problems.erase(std::unique(content.problems.begin(), content.problems.end(), same),
                         content.problems.end());
  return content;
}

}  // namespace mdevadm::store
