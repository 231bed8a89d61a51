// Autostart result of a definition at this boot, stored until reboot.
#pragma once

#include <chrono>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// manual: the start at boot has failed, and a command has started the device since.
enum class BootOutcome { waiting, started, failed, manual };

// Convert to and from "waiting", "started", "failed" and "manual".
std::string boot_word(BootOutcome outcome);
std::optional<BootOutcome> parse_boot_outcome(std::string_view word);

// Times are relative to boot.
struct BootEvent {
  Uuid uuid;
  ParentName parent;
  BootOutcome outcome = BootOutcome::waiting;
  std::chrono::milliseconds asked{};  // start of the first attempt
  std::chrono::milliseconds begun{};  // start of the last attempt; if it never began, the time of this record
  std::chrono::milliseconds ended{};
  std::uint64_t tries = 0;
  std::string message{};  // reason of the failure, or the missing resource
  bool operator==(const BootEvent&) const = default;
};

struct BootEvents {
  std::vector<BootEvent> all;  // sorted by parent, then UUID

  const BootEvent* find(const Uuid& uuid, const ParentName& parent) const;
};

}  // namespace mdevadm
