// What a definition, a group or a parent's file sets, as text, and how two of them differ. Pure functions,
// for dry runs.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

// One changed setting. The key is that of the TOML file: "start", "attributes.vgpu_params", "node.mode".
// Several values of one key are joined by commas. nullopt: not set.
struct Difference {
  std::string key;
  std::optional<std::string> before;
  std::optional<std::string> after;

  std::string str() const;  // "start: manual -> auto"; "start: auto" if it was not set
  bool operator==(const Difference&) const = default;
};

// Return the settings that differ, in the order of the file. Without `before`: all that are set.
std::vector<Difference> differences(const std::optional<Definition>& before, const Definition& after);
std::vector<Difference> differences(const std::optional<Group>& before, const Group& after);
std::vector<Difference> differences(const std::optional<ParentSettings>& before, const ParentSettings& after);

}  // namespace mdevadm
