#include <mdevadm/plan/probe.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/room.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

Uuid probe_uuid(const ParentName& parent, std::uint64_t number) {
  static const Uuid space = Uuid::of_name("mdevadm probe");
  return Uuid::of_name(space, fmt::format("{} {}", parent.str(), number));
}

// Takes the room of all devices, and returns the first type of which not all fit, and how many do.
std::optional<TypeCount> take_all(Room& room, const Parent& parent, const TypeCounts& counts) {
  for (const TypeCount& one : counts) {
    const Type* type = resolve_type(parent, one.type.str());
    for (std::uint64_t i = 0; i < one.count; ++i) {
      if (type == nullptr || !room.fits(*type, 1)) {
        return TypeCount{one.type, i};
      }
      room.take(*type, 1);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<WantedCount>> parse_type_counts(std::string_view text) {
  std::vector<WantedCount> result;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.rfind('=');
    const std::string type(trim(part.substr(0, equals)));
    const auto count = equals == std::string_view::npos ? std::optional<std::uint64_t>(1)
                                                        : parse_decimal(trim(part.substr(equals + 1)));
    if (type.empty() || !count || *count == 0 || *count > most_probed) {
      return std::nullopt;
    }
    result.push_back({type, *count});
  }
  return result.empty() ? std::nullopt : std::optional(std::move(result));
}

std::string describe(const TypeCounts& counts) {
  std::vector<std::string> parts;
  std::transform(counts.begin(), counts.end(), std::back_inserter(parts),
                 [](const TypeCount& one) { return fmt::format("{} of {}", one.count, one.type.str()); });
  return join(parts, " and ");
}

std::optional<TypeCounts> counts_on(const Parent& parent, const std::vector<WantedCount>& wanted) {
  TypeCounts counts;
  for (const WantedCount& one : wanted) {
    const Type* type = resolve_type(parent, one.type);
    if (type == nullptr) {
      return std::nullopt;
    }
    add(counts, {type->id, one.count});
  }
  return counts;
}

std::optional<std::uint64_t> Remainder::left_of(const TypeName& type) const {
  return ProbeResult{{}, left}.left_of(type);
}

Remainder remainder_after(const Parent& parent, const Snapshot& seen, const TypeCounts& counts,
                          bool mixes_sizes) {
  const Definitions none;
  Room room(parent, seen, none, Counting::active, mixes_sizes);
  Remainder result{.short_of = take_all(room, parent, counts)};
  if (result.short_of) {
    Room mixed(parent, seen, none, Counting::active, mixes_sizes);
    if (!mixed.assume_mixed_sizes() || take_all(mixed, parent, counts)) {
      return result;
    }
    room = std::move(mixed);
    result.short_of.reset();
    result.if_sizes_mix = true;
  }
  for (const Type* type : parent.all_types()) {
    const std::uint64_t left = room.left(*type);
    if (left != std::numeric_limits<std::uint64_t>::max()) {
      add(result.left, {type->id, left});
    }
  }
  return result;
}

std::string differences(const Remainder& computed, const ProbeResult& probed) {
  if (computed.short_of) {
    return "computed: the devices do not fit; probe: they fit";
  }
  std::vector<std::string> different;
  for (const TypeCount& one : probed.left) {
    const auto left = computed.left_of(one.type);
    if (left && *left != one.count) {
      different.push_back(fmt::format("{}: {} probed, {} computed", one.type.str(), one.count, *left));
    }
  }
  return join(different, "; ");
}

bool is_of_probe(const Device& device) {
  constexpr std::size_t version = 14;  // place in the text
  if (device.uuid.str()[version] != '5') {
    return false;  // most devices have random UUIDs
  }
  for (std::uint64_t i = 0; i < most_probed; ++i) {
    if (device.uuid == probe_uuid(device.parent, i)) {
      return true;
    }
  }
  return false;
}

std::vector<const Device*> left_by_probe(const Snapshot& seen, const ParentName& parent) {
  std::vector<const Device*> result;
  for (const Device& device : seen.devices) {
    if (device.parent == parent && is_of_probe(device)) {
      result.push_back(&device);
    }
  }
  return result;
}

void require_idle(const Snapshot& seen, const Parent& parent, const std::string& doing) {
  const std::vector<const Device*> left = left_by_probe(seen, parent.name);
  for (const Device& device : seen.devices) {
    if (device.parent == parent.name && std::find(left.begin(), left.end(), &device) == left.end()) {
      throw Error(ExitCode::in_use,
                  fmt::format("{}: device {} is active on it; a probe requires a parent without devices",
                              doing, device.unmanaged ? device.kernel_name() : device.uuid.str()),
                  fmt::format("list the devices: mdevadm list --parent {}", shell_word(parent.name.str())));
    }
  }
  for (const Device& device : seen.removing) {
    if (device.parent == parent.name) {
      throw Error(ExitCode::in_use,
                  fmt::format("{}: the removal of device {} is pending; a probe requires a parent without "
                              "devices",
                              doing, device.uuid.str()),
                  fmt::format("list the devices: mdevadm list --parent {}", shell_word(parent.name.str())));
    }
  }
}

std::vector<TypeCounts> usual_probes(const Parent& parent) {
  std::vector<TypeCounts> result;
  for (const Type& type : parent.types) {
    if (type.available.value_or(0) > 0) {
      result.push_back({{type.id, 1}});
    }
  }
  return result;
}

Job plan_probe(const Snapshot& seen, const Parent& parent, const TypeCounts& counts,
               std::chrono::steady_clock::time_point deadline) {
  Job result{.goal = fmt::format("probe '{}' with {}", parent.name.str(), describe(counts)),
             .about = {.name = parent.name.str(), .argument = parent.name.str(), .parent = parent.name.str()},
             .lane = parent.name.str(),
             .trial = true};
  StartPlanner planner(seen, {.transient = true, .verb = "probe"});
  std::uint64_t number = 0;
  for (const TypeCount& one : counts) {
    for (std::uint64_t i = 0; i < one.count; ++i) {
      Job job = planner.plan({probe_uuid(parent.name, number++), parent.name, one.type});
      for (Step& step : job.steps) {
        step.stage = 0;
        if (auto* remove = step.undo ? std::get_if<RemoveDevice>(&*step.undo) : nullptr) {
          remove->deadline = deadline;
          remove->insists = true;
        }
        result.steps.push_back(std::move(step));
      }
    }
  }
  result.steps.push_back({NoteRemainder{parent.name, counts, state_text(parent)}, std::nullopt});
  return result;
}

}  // namespace mdevadm
