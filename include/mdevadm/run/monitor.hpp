// Watches the host and reports what changes.
#pragma once

#include <poll.h>

#include <chrono>
#include <functional>
#include <mdevadm/plan/watch.hpp>
#include <mdevadm/run/executor.hpp>
#include <optional>

namespace mdevadm {

// Receives the events. None of its functions may block: the kernel stores a limited number of
// messages.
class MonitorReader {
 public:
  virtual ~MonitorReader() = default;

  // Called once, after the first listing.
  virtual void begin(const Watched& state) = 0;
  virtual void take(const WatchEvents& events, const Watched& state) = 0;
  // Returns whether nothing more is to be watched. Called after begin() and after each take().
  virtual bool is_done(const Watched& state) = 0;
  // Returns the descriptor to wait for, too, and the events to wait for.
  virtual pollfd interest() const = 0;
  // Called when that descriptor is ready. Returns false if the events can no longer be delivered.
  virtual bool serve(const pollfd& ready, const Watched& state) = 0;
};

enum class MonitorEnd { done, timed_out, interrupted, undeliverable };

// Subscribes to the changes of the host, lists it, and passes on changes until the reader is done, the time
// is over or a signal arrives. The root must be "/". `warn` is called with problems that hide some events.
// Without changes it does not run, except for these checks: every 60 s for users of devices in other mount
// namespaces, if there are devices; every 30 s for vGPUs on virtual functions, if there are such functions;
// every second while a process has closed the node of a device but not the device. Throws Error.
MonitorEnd monitor_host(const Effects& effects, MonitorReader& reader,
                        std::optional<std::chrono::milliseconds> timeout,
                        const std::function<void(const std::string&)>& warn);

}  // namespace mdevadm
