// How jobs and messages refer to a device or group.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>

namespace mdevadm {

// What is known of a device or group; an empty text: not known or none.
struct Identity {
  std::optional<Uuid> uuid{};  // absent: a group, or an argument that was not resolved
  std::string name{};          // of the definition or of the group
  std::string argument{};      // as the user typed it; empty: selected by an option or by a group
  std::string parent{};
  std::string type{};

  // Returns the UUID of the device or the name of the group.
  std::string key() const;
  // Returns what a user can type for it: the argument, otherwise the name, otherwise the UUID.
  std::string word() const;
  // Returns the word in quotes, followed by the UUID if it is another one: "'s3' (8a4aded0-…)".
  std::string quoted() const;
};

Identity identity_of(const Definition& definition, const std::string& argument = {});
// Returns "a device of type 'nvidia-35' on 0000:86:00.0", for a device that the user has not named.
std::string unnamed_device(const Definition& definition);
// Returns "to apply the definition: mdevadm restart NAME".
std::string advice_to_restart(const Identity& about);
// The same for settings that can be changed while it is active.
std::string advice_to_apply(const Identity& about);

// `definition`: the definition of the device under its parent, or nullptr.
Identity identity_of(const Device& device, const Definition* definition = nullptr,
                     const std::string& argument = {});
Identity identity_of(const Group& group);

}  // namespace mdevadm
