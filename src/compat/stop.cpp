#include <fmt/format.h>

#include <mdevadm/plan/devices.hpp>
#include <mdevadm/run/observe.hpp>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

// Stops a device; the caller holds the parent lock.
void stop(const Session& session, const Device& device) {
  const Snapshot seen = observe_users(session.effects(), {device.uuid}, {device.parent});
  const JobResult result = session.carry_out(plan_stop(seen, {.about = identity_of(device)}, device.parent));
  if (result.error && result.error->number() != 0) {
    throw failure_of(fmt::format("Error removing device {}", device.uuid.str()), *result.error,
                     session.file_of(result.failed_action));
  }
  if (result.error) {
    throw Failure{result.error->what()};
  }
}

Device require_active(const Session& session, const Uuid& uuid) {
  const std::optional<Device> device = find_active(session, uuid);
  if (!device) {
    throw Failure{fmt::format("Device {} is not an active mdev", uuid.str())};
  }
  return *device;
}

}  // namespace

void run_stop(Session& session, const Options& options) {
  const Uuid uuid = *options.uuid();
  Device device = require_active(session, uuid);
  std::vector<sys::FileLock> locks;
  // While waiting for the lock, another process can stop the device and start it on another parent.
  for (bool is_locked = false; !is_locked;) {
    const ParentName parent = device.parent;
    locks.clear();
    locks = lock_parent(session, parent);
    device = require_active(session, uuid);
    is_locked = device.parent == parent;
  }
  const StoredConfig about{uuid, device.parent, {device.type->str()}};
  with_scripts(
      session, event_of(HookAction::stop, about, options.has("force")), [&] { stop(session, device); },
      std::move(locks));
}

}  // namespace mdevadm::compat
