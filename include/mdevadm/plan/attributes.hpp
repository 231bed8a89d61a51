// Attributes that no start can set.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <mdevadm/plan/explain.hpp>
#include <string>
#include <vector>

namespace mdevadm {

// Returns why an attribute of a device cannot be set, as the end of a sentence; empty: a driver may accept
// it.
std::string why_never_set(const AttributeName& name);

// Throws Error{usage} for the first attribute that cannot be set and is not one of `before`. `doing`: the
// beginning of the message; `stored`: the definition that has the attributes, for the hint, or nullptr.
void require_settable(const std::vector<Attribute>& wanted, const std::vector<Attribute>& before,
                      const std::string& doing, const Definition* stored = nullptr);

// Returns a finding for each attribute of a definition that cannot be set.
std::vector<Finding> unusable_attributes(const Definition& definition);

}  // namespace mdevadm
