// Columns of the listings: one table per row type, which drives tables, JSON, -o, --list-columns and
// completion. Keys and their meaning are stable; new ones may be added.
#pragma once

#include <array>
#include <chrono>
#include <mdevadm/model/boot.hpp>
#include <mdevadm/model/claim.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/host_device.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/model/parent_state.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/render/grid.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mdevadm::render {

// An active or defined device, or both, under one parent.
struct DeviceRow {
  const Device* device = nullptr;          // nullptr: neither active nor being removed
  const Definition* definition = nullptr;  // nullptr: not defined under this parent
  const Group* group = nullptr;            // nullptr: not a member of a group
  const Claim* claim = nullptr;            // nullptr: not claimed
  // Whether it is started automatically, and the autostart result at this boot.
  bool automatic = false;
  const BootEvent* boot = nullptr;
  bool parent_here = true;  // not determined if no device waits for the parent
  std::string file{};       // path of the definition
  // Between an active device and its definition, as far as both were read.
  std::vector<DriftedSetting> differences{};
  std::string type_name{};           // vendor's name of the type; empty: not known
  std::size_t unseen_processes = 0;  // processes that could not be inspected
  std::size_t vague_users = 0;       // processes that use some device, it is not known which
  std::chrono::system_clock::time_point booted{};

  const Uuid& uuid() const { return device != nullptr ? device->uuid : definition->uuid; }
  const ParentName& parent() const { return device != nullptr ? device->parent : definition->parent; }
  bool is_active() const { return device != nullptr && !device->removing; }
};

// States that state_word() returns.
inline constexpr std::array<std::string_view, 4> device_states{"active", "inactive", "drifted", "removing"};

// Returns the state of a device as the column STATE shows it.
std::string state_word(const DeviceRow& row);

// Autostart results that autostart_word() returns.
inline constexpr std::array<std::string_view, 5> autostart_results{"started", "failed", "waiting", "pending",
                                                                   "manual"};

// Returns the autostart result of a device as the column RESULT shows it; nullopt: it has no autostart.
std::optional<std::string> autostart_word(const DeviceRow& row);

// Returns the autostart result of a device at this boot, unless the device was started in another way since;
// nullptr: there is none.
const BootEvent* valid_boot_event(const DeviceRow& row);

// Returns whether a process uses the device; nullopt: not known. Needs Facet::holders.
std::optional<bool> is_used(const DeviceRow& row);

// A type of a parent.
struct TypeRow {
  const Parent* parent;
  const Type* type;
  std::optional<std::uint64_t> used{};  // number of devices of this type; absent: unknown
  bool shows_memory = false;            // a column of its own shows the memory
  // Available instances after the devices of --after have been created; only then known. `after_is_limit`:
  // at most.
  std::optional<std::uint64_t> after{};
  bool after_is_limit = false;
};

struct ParentRow {
  const Parent* parent;
  std::size_t devices;  // number of its devices
  std::string notice;   // why it offers no or fewer types; may be empty
  // For the column of its virtual functions, which needs both; must outlive the row.
  const Snapshot* seen = nullptr;
  const Definitions* defined = nullptr;
};

// A device of the host that is not a parent.
struct HostDeviceRow {
  const HostDevice* device;
  std::string notice;  // why not
  std::vector<std::string> hints;
  std::string queue_owner{};  // of a crypto queue: "device", "host", "free" or "unknown"
  std::string owner_uuid{};   // UUID of the active device that has it
};

// A problem, or why a device is not a parent.
struct FindingRow {
  std::string severity;  // "error"
  std::string id;        // "css-driver"
  std::string object;
  std::string parent;  // of a device; may be empty
  std::string cause;
  std::vector<std::string> hints;
};

struct GroupRow {
  const Group* group;
  std::size_t active;       // number of active members
  std::string file;         // path of the group's file
  std::size_t claimed = 0;  // number of claimed members
};

// The settings of a parent, and its present state.
struct ParentSettingsRow {
  const ParentSettings* settings;
  const ParentState* state;
  std::string method{};              // word for it
  std::optional<std::string> why{};  // why it is not as its settings demand; absent: it is
  std::string file{};                // path of the settings
};

std::span<const Column<DeviceRow>> device_columns();
std::span<const Column<TypeRow>> type_columns();
std::span<const Column<ParentRow>> parent_columns();
std::span<const Column<HostDeviceRow>> host_device_columns();
std::span<const Column<FindingRow>> finding_columns();
// Returns findings as paragraphs for a terminal: severity, object and cause, then a line for each hint. Lines
// are wrapped at `width`.
std::string render_findings(const std::vector<FindingRow>& findings, std::size_t width);
std::span<const Column<GroupRow>> group_columns();
std::span<const Column<ParentSettingsRow>> parent_settings_columns();

}  // namespace mdevadm::render
