// The types of a parent and the arithmetic of what is left of them, as a scenario's file says them.
#pragma once

#include <mdevadm/sim/scenario.hpp>
#include <vector>

#include "keys.hpp"

namespace mdevadm::sim {

// A type as it is written, with the number that its arithmetic counts in.
struct WrittenType {
  SimType type;
  std::uint64_t size;
};

WrittenType read_type(const toml::table& table);

// Sets the parent's capacity; types that follow from the arithmetic join `types`. `where` is the parent's
// table.
void read_arithmetic(Keys& keys, const toml::table& where, SimParent& parent,
                     std::vector<WrittenType>& types);

}  // namespace mdevadm::sim
