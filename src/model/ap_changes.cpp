#include <algorithm>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/model/definition.hpp>

namespace mdevadm {

const std::optional<ApChange>& ApChanges::of(ApKind kind) const {
  return kind == ApKind::adapter ? adapters : kind == ApKind::domain ? domains : control_domains;
}

ApMatrix ApChanges::applied_to(ApMatrix matrix) const {
  for (const ApKind kind : ap_kinds) {
    if (const auto& change = of(kind)) {
      matrix.of(kind) = change->applied_to(matrix.of(kind));
    }
  }
  return matrix;
}

namespace {

// Adds attributes for numbers after the last one of the same kind, or of a kind that is assigned earlier.
void insert_assignments(std::vector<Attribute>& attributes, const ApMatrix& added, ApKind kind) {
  ApMatrix of_kind;
  of_kind.of(kind) = added.of(kind);
  const std::vector<Attribute> more = assignments_of(of_kind);
  const auto is_before = [kind](const Attribute& one) {
    const auto assigned = assigned_kind(one);
    return assigned && *assigned <= kind;
  };
  auto place = std::find_if(attributes.rbegin(), attributes.rend(), is_before).base();
  if (place == attributes.begin()) {
    place = std::find_if(attributes.begin(), attributes.end(), is_ap_attribute);
  }
  attributes.insert(place, more.begin(), more.end());
}

}  // namespace

std::vector<Attribute> changed_attributes(std::vector<Attribute> attributes, const ApChanges& changes) {
  // Values that assign nothing are replaced like the others, but nothing else touches them.
  std::erase_if(attributes, [&](const Attribute& one) {
    const auto kind = assigned_kind(one);
    return kind && changes.of(*kind) && changes.of(*kind)->replaces && assigned_by({one}).of(*kind).none();
  });
  const ApMatrix before = assigned_by(attributes);
  const ApMatrix after = changes.applied_to(before);
  if (after == before) {
    return attributes;
  }
  const bool is_plain = std::all_of(attributes.begin(), attributes.end(), [](const Attribute& one) {
    return !is_ap_attribute(one) || assigned_kind(one);
  });
  std::erase_if(attributes, [&](const Attribute& one) {
    const auto kind = assigned_kind(one);
    const ApSet assigned = kind ? assigned_by({one}).of(*kind) : ApSet{};
    return kind ? assigned.any() && (!is_plain || (assigned & after.of(*kind)).none()) : is_ap_attribute(one);
  });
  const ApMatrix kept = assigned_by(attributes);
  for (const ApKind kind : ap_kinds) {
    ApMatrix added;
    added.of(kind) = after.of(kind) & ~kept.of(kind);
    insert_assignments(attributes, added, kind);
  }
  return attributes;
}

}  // namespace mdevadm
