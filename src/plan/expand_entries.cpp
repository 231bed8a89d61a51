#include "expand_entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/pci.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/requirement.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

namespace mdevadm {

namespace {

bool is_meant(const PciPattern& pattern, const Parent& parent) {
  return pattern.matches(parent.pci_id.value_or(""), parent.pci_subsystem.value_or(""));
}

// Returns whether a parent offers a type that the entry asks for, now or when it has room.
bool offers_type(const Parent& parent, const DeviceEntry& entry) {
  if (!entry.type.empty()) {
    return parent.capabilities.any_type || resolve_type(parent, entry.type) != nullptr;
  }
  std::vector<Requirement> needs;
  for (const std::string& text : entry.needs) {
    if (const auto need = parse_requirement(text)) {
      needs.push_back(*need);
    }
  }
  const std::vector<const Type*> types = parent.all_types();
  return std::any_of(types.begin(), types.end(), [&](const Type* type) { return meets_all(*type, needs); });
}

class EntryExpander {
 public:
  EntryExpander(const ApplyInput& input, const ApplyOptions& options, ApplyPlan& plan)
      : input_(input), options_(options), plan_(plan), known_(input.seen.parent_names()) {
    const auto add_known = [&](const std::string& name) {
      if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
        known_.push_back(name);
      }
    };
    for (const Definition& definition : input.defined.all) {
      add_known(definition.parent.str());
    }
    for (const GpuFunction& gpu : input.seen.gpus) {
      add_known(gpu.address);
    }
    for (const ParentName& parent : options.unprepared) {
      add_known(parent.str());
    }
  }

  HostFile expand() {
    HostFile result = input_.file;
    result.devices.clear();
    std::size_t dependent = 0;
    for (const DeviceEntry& entry : input_.file.devices) {
      if (!entry.depends_on_parents()) {
        result.devices.push_back(entry);
        continue;
      }
      ++dependent;
      expand_entry(entry, result.devices);
    }
    if (dependent > 0 && result.devices.empty() && plan_.problems.empty() && options_.unprepared.empty()) {
      plan_.notes.emplace_back(
          "no parent of this host matches 'parents' of any [[device]], so the description has no device for "
          "this host");
    }
    return result;
  }

 private:
  struct Meant {
    std::string parent;
    FilePosition where;
  };

  void problem(const FilePosition& where, ExitCode code, const std::string& message,
               const std::vector<std::string>& hints = {}) {
    plan_.problems.push_back({{where.path, where.line, where.column, message}, code, hints});
  }

  void expand_entry(const DeviceEntry& entry, std::vector<DeviceEntry>& into) {
    const std::size_t problems = plan_.problems.size();
    const std::set<std::string> excluded = excluded_by(entry);
    std::vector<Meant> meant = meant_by(entry, excluded);
    std::erase_if(meant, [&](const Meant& one) { return excluded.contains(one.parent); });
    const bool knows_parents = entry.knows("parents") && entry.knows("except");
    if (!entry.per_parent && meant.empty() && knows_parents && options_.unprepared.empty()) {
      problem(entry.at("parents"), ExitCode::not_found,
              "no parent of this host matches 'parents' and 'except'", {"list parents: mdevadm types"});
    }
    const bool has_problem = plan_.problems.size() > problems || !knows_parents;
    if (entry.per_parent) {
      for (const Meant& one : meant) {
        into.push_back(entry_on(entry, one));
      }
      if (has_problem) {
        into.push_back(entry_anywhere(entry, meant.empty()));
      }
    } else if (has_problem || !meant.empty()) {
      DeviceEntry& expanded = into.emplace_back(entry);
      expanded.parents.clear();
      for (const Meant& one : meant) {
        expanded.keys[fmt::format("parents.{}", expanded.parents.size())] = one.where;
        expanded.parents.push_back(one.parent);
      }
      if (has_problem) {
        note_unknown_parents(expanded);
      }
    }
  }

  static void note_unknown_parents(DeviceEntry& entry) {
    entry.complete = false;
    entry.unread.insert("parents");
  }

  // Returns an entry for the devices on parents that are not known. `is_checked`: no other entry is.
  static DeviceEntry entry_anywhere(const DeviceEntry& entry, bool is_checked) {
    DeviceEntry result = entry;
    result.count = std::nullopt;
    result.parents.clear();
    if (!is_checked) {
      result.type.clear();
      result.needs.clear();
    }
    note_unknown_parents(result);
    return result;
  }

  static DeviceEntry entry_on(const DeviceEntry& entry, const Meant& one) {
    DeviceEntry expanded = entry;
    expanded.pattern = entry.name;
    const std::size_t place = expanded.name.find(parent_placeholder);
    if (place != std::string::npos) {
      expanded.name.replace(place, parent_placeholder.size(), one.parent);
    }
    expanded.parents = {one.parent};
    expanded.keys["parents.0"] = one.where;
    return expanded;
  }

  std::set<std::string> excluded_by(const DeviceEntry& entry) {
    std::set<std::string> result;
    for (std::size_t i = 0; i < entry.except.size(); ++i) {
      if (const auto pattern = PciPattern::parse(entry.except[i])) {
        for (const Parent& parent : input_.seen.parents) {
          if (is_meant(*pattern, parent)) {
            result.insert(parent.name.str());
          }
        }
        for (const GpuFunction& gpu : input_.seen.gpus) {
          if (pattern->matches(gpu.pci_id, gpu.pci_subsystem)) {
            result.insert(gpu.address);
          }
        }
        continue;
      }
      const std::string name = resolve_parent(entry.except[i], known_);
      if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
        problem(entry.at(fmt::format("except.{}", i)), ExitCode::not_found,
                fmt::format("no parent '{}' on this host", printable(entry.except[i])),
                {"list parents: mdevadm types"});
      }
      result.insert(name);
    }
    return result;
  }

  std::vector<Meant> meant_by(const DeviceEntry& entry, const std::set<std::string>& excluded) {
    std::vector<Meant> result;
    const auto add = [&](const std::string& parent, const FilePosition& where) {
      if (std::none_of(result.begin(), result.end(),
                       [&](const Meant& one) { return one.parent == parent; })) {
        result.push_back({parent, where});
      }
    };
    bool by_id = entry.parents.empty();
    if (entry.parents.empty()) {
      for (const Parent& parent : input_.seen.parents) {
        if (!entry.per_parent || offers_type(parent, entry)) {
          add(parent.name.str(), entry.where);
        }
      }
    }
    for (std::size_t i = 0; i < entry.parents.size(); ++i) {
      const FilePosition& where = entry.at(fmt::format("parents.{}", i));
      const auto pattern = PciPattern::parse(entry.parents[i]);
      if (!pattern) {
        add(resolve_parent(entry.parents[i], known_), where);
        continue;
      }
      by_id = true;
      for (const Parent& parent : input_.seen.parents) {
        if (is_meant(*pattern, parent)) {
          add(parent.name.str(), where);
        }
      }
      if (entry.per_parent) {
        require_parents(*pattern, where, excluded);
      }
    }
    if (by_id && entry.per_parent) {
      for (const std::string& parent : absent_parents_with(entry)) {
        add(parent, entry.at("parents"));
      }
    }
    return result;
  }

  // Reports GPUs that are meant and are no parents, unless another driver has them, for other purposes.
  void require_parents(const PciPattern& pattern, const FilePosition& where,
                       const std::set<std::string>& excluded) {
    for (const GpuFunction& gpu : input_.seen.gpus) {
      const auto is_gpu = [&](const ParentName& name) { return name.str() == gpu.address; };
      const bool is_pending = std::any_of(options_.unprepared.begin(), options_.unprepared.end(), is_gpu);
      if (!pattern.matches(gpu.pci_id, gpu.pci_subsystem) || excluded.contains(gpu.address) || is_pending ||
          input_.seen.find_parent(gpu.address) != nullptr || !reported_.insert(gpu.address).second) {
        continue;
      }
      const auto finding = why_no_types(input_.seen, gpu.address);
      const std::string why = finding ? finding->what : fmt::format("{} is not a parent", gpu.address);
      if (gpu.driver && *gpu.driver != "nvidia") {
        plan_.notes.push_back(why + ", skipping");
      } else {
        problem(where, ExitCode::not_found, why, finding ? finding->advice : std::vector<std::string>{});
      }
    }
  }

  // Returns parents that are absent now, and have devices that this entry has defined: they stay described.
  std::vector<std::string> absent_parents_with(const DeviceEntry& entry) const {
    std::set<std::string> result;
    for (const Definition& definition : input_.defined.all) {
      const std::string& parent = definition.parent.str();
      if (definition.applied_by != input_.file.space_or_default() || !definition.name ||
          input_.seen.find_parent(parent) != nullptr || result.contains(parent)) {
        continue;
      }
      const DeviceEntry there = entry_on(entry, {parent, entry.where});
      for (std::uint64_t i = 1; i <= entry.count.value_or(0); ++i) {
        if (there.name_of(i) == definition.name->str()) {
          result.insert(parent);
          break;
        }
      }
    }
    return {result.begin(), result.end()};
  }

  const ApplyInput& input_;
  const ApplyOptions& options_;
  ApplyPlan& plan_;
  std::vector<std::string> known_;
  std::set<std::string> reported_{};
};

}  // namespace

HostFile expand_entries(const ApplyInput& input, const ApplyOptions& options, ApplyPlan& plan) {
  return EntryExpander(input, options, plan).expand();
}

}  // namespace mdevadm
