#include <mdevadm/plan/vgpu_manager.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <optional>

namespace mdevadm {

namespace {

constexpr std::uint16_t nvidia_vendor = 0x10de;

// GPUs that a rule means: all with certain PCI IDs, or one of the host.
struct Selector {
  PciPattern pattern{};
  const GpuFunction* gpu = nullptr;

  std::string str() const { return gpu != nullptr ? gpu->address : pattern.str(); }
  bool operator==(const Selector&) const = default;

  // Returns whether all that `other` means is meant.
  bool covers(const Selector& other) const {
    if (gpu != nullptr) {
      return gpu == other.gpu;
    }
    if (other.gpu != nullptr) {
      return pattern.matches(other.gpu->pci_id, other.gpu->pci_subsystem);
    }
    return pattern.vendor == other.pattern.vendor &&
           (!pattern.device || pattern.device == other.pattern.device) &&
           (!pattern.subsystem || pattern.subsystem == other.pattern.subsystem);
  }
};

bool has_same_counts(const VgpuRule& a, const VgpuRule& b) {
  return std::equal(
      a.counts.begin(), a.counts.end(), b.counts.begin(), b.counts.end(),
      [](const VgpuCount& x, const VgpuCount& y) { return x.type == y.type && x.count == y.count; });
}

std::string place_text(const FilePosition& where) {
  return fmt::format("{}:{}:{}", where.path, where.line, where.column);
}

class VgpuDescriber {
 public:
  VgpuDescriber(const VgpuConfig& config, const std::vector<GpuFunction>& gpus, StartMode start)
      : config_(config), gpus_(gpus), start_(start) {
    for (const VgpuRule& rule : config.rules) {
      selectors_.push_back(selectors_of(rule));
    }
  }

  VgpuDescription describe() {
    result_.file.space = Uuid::parse(vgpu_manager_space);
    for (std::size_t i = 0; i < config_.rules.size(); ++i) {
      add_rule(i);
    }
    return std::move(result_);
  }

 private:
  std::vector<Selector> selectors_of(const VgpuRule& rule) {
    std::vector<Selector> result;
    const auto add = [&](const Selector& one) {
      if (std::find(result.begin(), result.end(), one) == result.end()) {
        result.push_back(one);
      }
    };
    std::vector<PciPattern> filter = rule.filter;
    if (filter.empty()) {
      filter.push_back({nvidia_vendor});
    }
    if (!rule.indices) {
      for (const PciPattern& pattern : filter) {
        add({pattern});
      }
      return result;
    }
    for (const std::uint64_t index : *rule.indices) {
      if (index >= gpus_.size()) {
        result_.warnings.push_back(
            fmt::format("{}: no NVIDIA GPU with index {} on this host (number of NVIDIA GPUs: {}), skipping",
                        place_text(rule.indices_at), index, gpus_.size()));
        continue;
      }
      const GpuFunction& gpu = gpus_[index];
      if (std::any_of(filter.begin(), filter.end(),
                      [&](const PciPattern& one) { return one.matches(gpu.pci_id, gpu.pci_subsystem); })) {
        add({{}, &gpu});
      }
    }
    return result;
  }

  void add_rule(std::size_t number) {
    const VgpuRule& rule = config_.rules[number];
    std::vector<Selector> left = selectors_[number];
    std::vector<Selector> except;
    for (std::size_t later = number + 1; later < config_.rules.size(); ++later) {
      drop_covered(rule, later, left);
    }
    for (std::size_t later = number + 1; later < config_.rules.size(); ++later) {
      for (const Selector& other : selectors_[later]) {
        const bool overlaps =
            std::any_of(left.begin(), left.end(), [&](const Selector& one) { return one.covers(other); });
        if (overlaps && std::find(except.begin(), except.end(), other) == except.end()) {
          except.push_back(other);
        }
      }
    }
    if (left.empty()) {
      return;
    }
    for (const VgpuCount& count : rule.counts) {
      result_.file.devices.push_back(entry_of(count, left, except));
    }
  }

  // Removes what a later rule replaces completely.
  void drop_covered(const VgpuRule& rule, std::size_t later, std::vector<Selector>& left) {
    const VgpuRule& other = config_.rules[later];
    const auto is_covered = [&](const Selector& one) {
      return std::any_of(selectors_[later].begin(), selectors_[later].end(),
                         [&](const Selector& by) { return by.covers(one); });
    };
    for (const Selector& one : left) {
      if (is_covered(one) && !has_same_counts(rule, other)) {
        result_.warnings.push_back(
            fmt::format("{}: ignoring this rule for {}: the rule at {}:{} takes precedence",
                        place_text(rule.where), one.str(), other.where.line, other.where.column));
      }
    }
    std::erase_if(left, is_covered);
  }

  DeviceEntry entry_of(const VgpuCount& count, const std::vector<Selector>& parents,
                       const std::vector<Selector>& except) const {
    DeviceEntry entry{.where = count.where,
                      .settings = {Uuid{}, *ParentName::parse("any"), *TypeName::parse("any")}};
    entry.name = to_lower(count.type) + "-{parent}-{}";
    entry.count = count.count;
    entry.per_parent = true;
    entry.type = count.type;
    entry.settings.start = start_;
    const auto text = [](const Selector& one) { return one.str(); };
    std::transform(parents.begin(), parents.end(), std::back_inserter(entry.parents), text);
    std::transform(except.begin(), except.end(), std::back_inserter(entry.except), text);
    return entry;
  }

  const VgpuConfig& config_;
  const std::vector<GpuFunction>& gpus_;
  StartMode start_;
  VgpuDescription result_{};
  std::vector<std::vector<Selector>> selectors_{};  // of each rule
};

std::string names_of(const std::vector<VgpuConfig>& configs) {
  constexpr std::size_t most_names = 20;
  std::vector<std::string> names;
  for (const VgpuConfig& config : configs) {
    names.push_back(shell_word(config.name));
  }
  const std::size_t others = names.size() - std::min(names.size(), most_names);
  names.resize(names.size() - others);
  return join(names, ", ") + (others > 0 ? fmt::format(" and {} more", others) : "");
}

}  // namespace

const VgpuConfig& choose_vgpu_config(const std::vector<VgpuConfig>& configs, const std::string& name,
                                     const std::string& doing) {
  const std::string wanted = name.empty() ? "default" : name;
  const auto found = std::find_if(configs.begin(), configs.end(),
                                  [&](const VgpuConfig& config) { return config.name == wanted; });
  if (found != configs.end()) {
    return *found;
  }
  if (name.empty() && configs.size() == 1) {
    return configs.front();
  }
  const std::string all = fmt::format("configurations in the file: {}", names_of(configs));
  if (name.empty()) {
    throw Error(
        ExitCode::usage,
        fmt::format(
            "{}: the file has {} configurations, none of them called default (expected --config NAME)", doing,
            configs.size()),
        all);
  }
  std::vector<std::string> names;
  for (const VgpuConfig& config : configs) {
    names.push_back(config.name);
  }
  const std::string meant = did_you_mean(name, names);
  throw Error(ExitCode::not_found,
              fmt::format("{}: the file has no configuration '{}'", doing, printable(name)),
              meant.empty() ? all : meant);
}

bool has_gpu_indices(const VgpuConfig& config) {
  return std::any_of(config.rules.begin(), config.rules.end(),
                     [](const VgpuRule& rule) { return rule.indices && !rule.indices->empty(); });
}

VgpuDescription describe_vgpus(const VgpuConfig& config, const std::vector<GpuFunction>& gpus,
                               StartMode start) {
  return VgpuDescriber(config, gpus, start).describe();
}

}  // namespace mdevadm
