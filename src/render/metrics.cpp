#include <mdevadm/render/metrics.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <mdevadm/util/text.hpp>

namespace mdevadm::render {

namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

// Returns a value of a label. A name that is not valid UTF-8 would make the whole text invalid.
std::string label_value(const std::string& text) {
  std::string value;
  for (const char c : printable(text)) {
    value += c == '"' || c == '\\' ? "\\" : "";
    value += c;
  }
  return value;
}

std::string seconds_text(std::chrono::milliseconds time) {
  return fmt::format("{:.3f}", static_cast<double>(time.count()) / 1000);
}

class MetricsText {
 public:
  // Begins a metric. All are gauges: nothing counts between two calls of the program.
  void begin(std::string_view name, std::string_view help) {
    name_ = name;
    series_.clear();
    text_ += fmt::format("# HELP mdevadm_{0} {1}\n# TYPE mdevadm_{0} gauge\n", name, help);
  }

  // Prometheus refuses the whole text if a series occurs twice, so a repetition is omitted.
  void add(const Labels& labels, const std::string& value) {
    std::string list;
    for (const auto& [key, content] : labels) {
      list += fmt::format("{}{}=\"{}\"", list.empty() ? "" : ",", key, label_value(content));
    }
    if (series_.insert(list).second) {
      text_ += list.empty() ? fmt::format("mdevadm_{} {}\n", name_, value)
                            : fmt::format("mdevadm_{}{{{}}} {}\n", name_, list, value);
    }
  }
  void add(const Labels& labels, std::uint64_t value) { add(labels, fmt::format("{}", value)); }
  void add(const Labels& labels, const std::optional<std::uint64_t>& value) {
    if (value) {
      add(labels, *value);
    }
  }

  std::string take() { return std::move(text_); }

 private:
  std::string text_{};
  std::string name_{};
  std::set<std::string> series_{};
};

// The devices of one parent, as the metrics count them.
struct DeviceCounts {
  std::map<std::string, std::uint64_t, std::less<>> states{};
  std::map<std::string, std::uint64_t, std::less<>> results{};  // of the autostart
  std::uint64_t defined = 0;
  std::uint64_t automatic = 0;
  std::uint64_t claimed = 0;
  std::optional<std::uint64_t> used = 0;  // absent: not known of each device
};

using CountsByParent = std::map<std::string, DeviceCounts>;

void count_device(const DeviceRow& row, DeviceCounts& counts) {
  ++counts.states[state_word(row)];
  counts.defined += row.definition != nullptr ? 1U : 0U;
  counts.claimed += row.claim != nullptr ? 1U : 0U;
  if (const std::optional<std::string> result = autostart_word(row)) {
    ++counts.automatic;
    ++counts.results[*result];
  }
  if (const std::optional<bool> used = is_used(row); !used) {
    counts.used.reset();
  } else if (counts.used) {
    *counts.used += *used ? 1U : 0U;
  }
}

// Includes the parents that definitions name and that do not exist.
CountsByParent count_devices_by_parent(const HostMetrics& host) {
  CountsByParent counts;
  for (const Parent& parent : host.seen.parents) {
    counts[parent.name.str()];
  }
  for (const DeviceRow& row : host.devices) {
    count_device(row, counts[row.parent().str()]);
  }
  return counts;
}

std::uint64_t number_of(const std::map<std::string, std::uint64_t, std::less<>>& counts,
                        std::string_view key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

// A parent of the mainline interface always lists types; where types are listed only while they can be
// created, or on virtual functions, none is a usual answer. Other interfaces report no available instances.
bool is_readable(const Parent& parent) {
  if (parent.types.empty() && parent.capabilities.mdev_types) {
    return false;
  }
  const bool has_numbers = parent.capabilities.mdev_types || parent.capabilities.functions;
  return parent.types_text.empty() &&
         (!has_numbers || std::all_of(parent.types.begin(), parent.types.end(),
                                      [](const Type& type) { return type.available.has_value(); }));
}

void write_parents(const HostMetrics& host, MetricsText& text) {
  text.begin("parent_info", "Parent devices, with the driver and its version; always 1.");
  for (const Parent& parent : host.seen.parents) {
    text.add({{"parent", parent.name.str()},
              {"driver", parent.driver.value_or("")},
              {"driver_version", parent.driver_version.value_or("")}},
             1);
  }
  text.begin("parent_readable", "Whether types and available instances of the parent could be read.");
  for (const Parent& parent : host.seen.parents) {
    text.add({{"parent", parent.name.str()}}, is_readable(parent) ? 1 : 0);
  }
}

void write_types(const HostMetrics& host, MetricsText& text) {
  const auto write = [&](std::string_view name, std::string_view help, const auto& value) {
    text.begin(name, help);
    for (const TypeRow& row : host.types) {
      text.add({{"parent", row.parent->name.str()},
                {"type", row.type->id.str()},
                {"name", row.type->name.value_or("")}},
               value(row));
    }
  };
  write("type_instances_available",
        "Further instances of the type that can be created; with virtual functions an upper limit.",
        [](const TypeRow& row) { return row.type->available; });
  write("type_instances_used", "Devices of the type, with those whose removal is pending.",
        [](const TypeRow& row) { return row.used; });
  write("type_instances_maximum", "Instances of the type that the idle parent offers.",
        [](const TypeRow& row) { return row.type->maximum; });
}

void write_devices(const CountsByParent& parents, MetricsText& text) {
  text.begin("devices", "Devices that are active or defined, by state.");
  for (const auto& [parent, counts] : parents) {
    for (const std::string_view state : device_states) {
      text.add({{"parent", parent}, {"state", std::string(state)}}, number_of(counts.states, state));
    }
  }
  const auto write = [&](std::string_view name, std::string_view help, const auto& value) {
    text.begin(name, help);
    for (const auto& [parent, counts] : parents) {
      text.add({{"parent", parent}}, value(counts));
    }
  };
  write("devices_defined", "Devices with a definition, active or not.",
        [](const DeviceCounts& counts) { return counts.defined; });
  write("devices_in_use", "Devices that a process uses.",
        [](const DeviceCounts& counts) { return counts.used; });
  write("devices_claimed", "Devices that were handed out by claim.",
        [](const DeviceCounts& counts) { return counts.claimed; });
}

// Returns the labels of a device.
Labels labels_of(const DeviceRow& row) {
  const bool is_named = row.definition != nullptr && row.definition->name;
  return {{"parent", row.parent().str()},
          {"uuid", row.uuid().str()},
          {"device", is_named ? row.definition->name->str() : std::string{}}};
}

void write_autostart(const HostMetrics& host, const CountsByParent& parents, MetricsText& text) {
  text.begin("autostart_devices", "Devices with autostart, by the result of their start at this boot.");
  for (const auto& [parent, counts] : parents) {
    for (const std::string_view result : autostart_results) {
      if (counts.automatic > 0) {
        text.add({{"parent", parent}, {"result", std::string(result)}}, number_of(counts.results, result));
      }
    }
  }
  text.begin("autostart_failed", "Devices whose start at this boot failed; always 1.");
  std::optional<std::chrono::milliseconds> longest;
  for (const DeviceRow& row : host.devices) {
    const BootEvent* event = valid_boot_event(row);
    if (event == nullptr || event->outcome == BootOutcome::waiting) {
      continue;
    }
    longest = std::max(longest.value_or(std::chrono::milliseconds{0}), event->ended - event->asked);
    if (event->outcome == BootOutcome::failed) {
      text.add(labels_of(row), 1);
    }
  }
  text.begin("autostart_duration_seconds",
             "Longest time from the first attempt to start a device at this boot to its result.");
  if (longest) {
    text.add({}, seconds_text(*longest));
  }
}

// Returns how long the last start of an active device took, as far as that was recorded.
std::optional<std::chrono::milliseconds> start_duration(const DeviceRow& row) {
  if (!row.is_active()) {
    return std::nullopt;
  }
  if (row.device->start_took) {
    return row.device->start_took;
  }
  const BootEvent* event = valid_boot_event(row);
  return event != nullptr && event->outcome == BootOutcome::started
             ? std::optional(std::max(event->ended - event->begun, std::chrono::milliseconds{0}))
             : std::nullopt;
}

void write_starts(const HostMetrics& host, MetricsText& text) {
  text.begin("device_start_seconds", "Duration of the last start of the active device, if it was recorded.");
  for (const DeviceRow& row : host.devices) {
    if (const auto took = start_duration(row)) {
      text.add(labels_of(row), seconds_text(*took));
    }
  }
}

void write_groups(const HostMetrics& host, MetricsText& text) {
  const auto write = [&](std::string_view name, std::string_view help, const auto& value) {
    text.begin(name, help);
    for (const GroupRow& row : host.groups) {
      text.add({{"group", row.group->name.str()}}, std::uint64_t{value(row)});
    }
  };
  write("group_members", "Members of the group.",
        [](const GroupRow& row) { return row.group->members.size(); });
  write("group_members_active", "Active members of the group.",
        [](const GroupRow& row) { return row.active; });
  write("group_members_claimed", "Active members of the group that were handed out by claim.",
        [](const GroupRow& row) { return row.claimed; });
}

void write_findings(const HostMetrics& host, MetricsText& text) {
  std::map<std::string, std::uint64_t, std::less<>> by_severity;
  std::map<std::pair<std::string, std::string>, std::uint64_t> by_finding;
  for (const FindingRow& row : host.findings) {
    ++by_severity[row.severity];
    ++by_finding[{row.id, row.severity}];
  }
  text.begin("findings", "Findings of mdevadm check, by severity.");
  for (const std::string_view severity : {"error", "warning", "info"}) {
    text.add({{"severity", std::string(severity)}}, number_of(by_severity, severity));
  }
  text.begin("findings_by_id", "Findings of mdevadm check, by identifier; only those that occur.");
  for (const auto& [finding, count] : by_finding) {
    text.add({{"finding", finding.first}, {"severity", finding.second}}, count);
  }
}

}  // namespace

std::string render_metrics(const HostMetrics& host) {
  MetricsText text;
  text.begin("build_info", "Version of mdevadm; always 1.");
  text.add({{"version", std::string(host.version)}}, 1);
  text.begin("mdev_support", "Whether the kernel supports mediated devices.");
  text.add({}, host.seen.mdev_support ? 1 : 0);
  write_parents(host, text);
  write_types(host, text);
  const CountsByParent parents = count_devices_by_parent(host);
  write_devices(parents, text);
  write_autostart(host, parents, text);
  write_starts(host, text);
  write_groups(host, text);
  write_findings(host, text);
  return text.take();
}

}  // namespace mdevadm::render
