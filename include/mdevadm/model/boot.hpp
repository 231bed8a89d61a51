// What became of a definition that is to be brought up by itself, as mdevadm remembers it until the machine
// goes down.
#pragma once

#include <chrono>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

enum class BootOutcome { waiting, started, failed };

// "waiting", "started", "failed".
std::string boot_word(BootOutcome outcome);
std::optional<BootOutcome> parse_boot_outcome(std::string_view word);

// Times are since the machine was switched on.
struct BootEvent {
  Uuid uuid;
  ParentName parent;
  BootOutcome outcome = BootOutcome::waiting;
  std::chrono::milliseconds asked{};  // when it was tried first
  std::chrono::milliseconds begun{};  // when the try that counts began, or this word of it
  std::chrono::milliseconds ended{};
  std::uint64_t tries = 0;
  std::string message{};  // what failed, or what is waited for
  bool operator==(const BootEvent&) const = default;
};

struct BootEvents {
  std::vector<BootEvent> all;  // sorted by parent, then UUID

  const BootEvent* find(const Uuid& uuid, const ParentName& parent) const;
};

}  // namespace mdevadm
