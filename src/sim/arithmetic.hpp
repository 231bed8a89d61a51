// Reads the types and the capacity model of a parent from a scenario file.
#pragma once

#include <mdevadm/sim/scenario.hpp>
#include <vector>

#include "keys.hpp"

namespace mdevadm::sim {

// A type of the scenario file, with the size that the capacity model uses.
struct WrittenType {
  SimType type;
  std::uint64_t size;
};

WrittenType read_type(const toml::table& table);
InstanceProfile read_profile(const toml::table& table);

// Sets the capacity of the parent and appends the types that the model implies to `types`. `where` is the
// table of the parent.
void read_arithmetic(Keys& keys, const toml::table& where, SimParent& parent,
                     std::vector<WrittenType>& types);

}  // namespace mdevadm::sim
