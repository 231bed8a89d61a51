#include <mdevadm/plan/active.hpp>

#include <fmt/format.h>

#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/drift_advice.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

void require_as_requested(const Device& active, const Definition& requested, const Identity& about) {
  Definition wanted = requested;
  wanted.type = active.type.value_or(wanted.type);  // other forms of the type are not settings
  Device compared = active;
  const ApMatrix queues = assigned_by(wanted.attributes);
  for (const ApKind kind : ap_kinds) {
    if (compared.queues && queues.of(kind).none()) {
      compared.queues.made().of(kind).reset();
    }
  }
  const std::vector<DriftedSetting> differences = drift_of(compared, wanted, std::nullopt);
  if (!differences.empty()) {
    throw Error(ExitCode::conflict,
                "already active with other settings: " + describe(differences, "requested"),
                "stop it first: mdevadm stop " + shell_word(about.word()));
  }
}

std::string note_of_active(const Device& active, const Definition* definition,
                           const std::optional<NodePolicy>& node, const Identity& about) {
  std::vector<DriftedSetting> differences;
  if (definition != nullptr) {
    Definition wanted = *definition;
    wanted.type = active.type.value_or(wanted.type);  // was compared before, in all forms of a type
    differences = drift_of(active, wanted, node);
  }
  if (differences.empty()) {
    return about.quoted() + " is already active";
  }
  return fmt::format("{} is already active, but differs from its definition: {}; {}", about.quoted(),
                     describe(differences), advice_on_differences(about, differences));
}

}  // namespace mdevadm
