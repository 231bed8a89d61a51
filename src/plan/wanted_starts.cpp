#include "wanted_starts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/start_set.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

bool takes_the_rest(const WantedDevice& device) {
  return !device.entry->count;
}

// Returns the other device that has the virtual function of a definition, or nullptr.
const Device* user_of_function(const Snapshot& later, const Definition& definition) {
  const FunctionName* vf = definition.reserved_vf();
  const Device* user = vf != nullptr ? device_on(later, vf->str()) : nullptr;
  return user != nullptr && user->uuid != definition.uuid ? user : nullptr;
}

// The devices of one table that have no place.
struct PlacelessDevices {
  const DeviceEntry* entry;
  std::vector<const WantedDevice*> devices;
};

std::vector<PlacelessDevices> by_entry(const std::vector<const WantedDevice*>& devices) {
  std::vector<PlacelessDevices> result;
  for (const WantedDevice* device : devices) {
    auto found = std::find_if(result.begin(), result.end(),
                              [&](const PlacelessDevices& one) { return one.entry == device->entry; });
    if (found == result.end()) {
      found = result.insert(found, {device->entry, {}});
    }
    found->devices.push_back(device);
  }
  return result;
}

}  // namespace

Placeless find_placeless(const Snapshot& later, std::vector<WantedStart> starts) {
  std::stable_sort(starts.begin(), starts.end(), [](const WantedStart& a, const WantedStart& b) {
    const auto key = [](const WantedStart& one) {
      return std::pair(!one.is_restart, takes_the_rest(*one.device));
    };
    return key(a) < key(b);
  });
  Placeless placeless;
  StartSet set(later);
  for (const auto& [device, is_restart] : starts) {
    const std::string doing = fmt::format("cannot start {}", device->about().quoted());
    const Device* user = user_of_function(later, device->wanted);
    if (user != nullptr && !is_restart && takes_the_rest(*device)) {
      placeless.emplace(device->uuid, function_in_use(later, *user, nullptr, device->wanted, doing));
      continue;
    }
    try {
      set.add(device->wanted, doing, "other devices of the description");
    } catch (const Error& error) {
      placeless.emplace(device->uuid, error);
    }
  }
  return placeless;
}

void refuse_placeless(const std::vector<const WantedDevice*>& without_place, const Placeless& placeless,
                      const WantedDevices& devices, ApplyPlan& plan) {
  for (const PlacelessDevices& one : by_entry(without_place)) {
    if (!one.entry->count) {
      continue;
    }
    const WantedDevice& first = *one.devices.front();
    const Error& error = placeless.at(first.uuid);
    const std::size_t more = one.devices.size() - 1;
    const FilePosition& where = one.entry->at("count");
    std::vector<std::string> hints = devices.advice_on_users(first.wanted.parent);
    const std::vector<std::string>& others = error.hints();
    hints.insert(hints.end(), others.begin(), others.end());
    plan.problems.push_back({{where.path, where.line, where.column,
                              more == 0 ? error.what()
                                        : fmt::format("{} (nor {} more of '{}')", error.what(), more,
                                                      printable(one.entry->name))},
                             error.code(),
                             hints});
  }
}

void note_placeless(const std::vector<const WantedDevice*>& without_place, const Placeless& placeless,
                    ApplyPlan& plan) {
  for (const PlacelessDevices& one : by_entry(without_place)) {
    if (one.entry->count) {
      continue;
    }
    const auto lacking = static_cast<std::size_t>(
        std::count_if(one.devices.begin(), one.devices.end(), [&](const WantedDevice* device) {
          return placeless.at(device->uuid).code() == ExitCode::no_capacity;
        }));
    for (const auto& [count, why] :
         {std::pair(lacking, "no available instances"),
          std::pair(one.devices.size() - lacking, "another device has the virtual function")}) {
      if (count > 0) {
        plan.notes.push_back(fmt::format("'{}': {} defined and not started: {}", printable(one.entry->name),
                                         count == 1 ? "1 device is" : fmt::format("{} devices are", count),
                                         why));
      }
    }
  }
}

}  // namespace mdevadm
