#include <fmt/format.h>

#include <mdevadm/plan/devices.hpp>
#include <mdevadm/run/look.hpp>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

// Under the parent's lock.
void stop(const Session& session, const Device& device) {
  const Snapshot seen = look_at_users(session.effects(), {device.uuid}, {device.parent});
  const JobResult result = session.carry_out(plan_stop(seen, {.uuid = device.uuid}, device.parent));
  if (result.error && result.error->number() != 0) {
    throw failure_of(fmt::format("Error removing device {}", device.uuid.str()), *result.error);
  }
  if (result.error) {
    throw Failure{result.error->what()};
  }
}

}  // namespace

void run_stop(Session& session, const Options& options) {
  const Uuid uuid = *options.uuid();
  const std::optional<Device> device = find_active(session, uuid);
  if (!device) {
    throw Failure{fmt::format("Device {} is not an active mdev", uuid.str())};
  }
  const KeptConfig about{uuid, device->parent, {device->type->str()}};
  const auto lock = session.store().lock_parents({device->parent}, {});
  with_scripts(session, event_of(HookAction::stop, about, options.has("force")),
               [&] { stop(session, *device); });
}

}  // namespace mdevadm::compat
