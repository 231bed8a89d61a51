#include <mdevadm/run/interrupted.hpp>

#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/util/error.hpp>

namespace mdevadm {

void throw_if_interrupted() {
  if (sys::interrupted()) {
    throw Error(ExitCode::failed, "interrupted");
  }
}

}  // namespace mdevadm
