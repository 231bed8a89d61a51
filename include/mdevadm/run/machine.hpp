// A running virtual machine, to which devices are attached and from which they are detached.
#pragma once

#include <chrono>
#include <mdevadm/host/host.hpp>
#include <mdevadm/model/guest.hpp>
#include <mdevadm/util/error.hpp>
#include <memory>
#include <string>
#include <vector>

namespace mdevadm {

// It is unknown whether the virtual machine has the device: it may use the device now or later.
class MaybeAttached final : public Error {
 public:
  explicit MaybeAttached(const Error& error) : Error(error) {}
};

// The virtual machine has ended, which has detached its devices.
class MachineEnded final : public Error {
 public:
  explicit MachineEnded(const Error& error) : Error(error) {}
};

// The guest has not released a device within the time limit.
class NotReleased final : public Error {
 public:
  // `machine`: as messages name it, such as "the domain 'vm1'".
  NotReleased(const std::string& machine, std::chrono::milliseconds patience);
};

class Machine {
 public:
  virtual ~Machine() = default;

  // Returns the virtual machine's devices. Throws MachineEnded, or Error if it does not answer.
  virtual std::vector<AttachedDevice> devices() = 0;

  // Attaches a device that is active. Throws Error with the reason if QEMU refuses it or does not answer in
  // time; then the device is not attached. Throws MaybeAttached if that is not certain.
  virtual void attach(const Attachment& what) = 0;

  // Detaches a device and returns when QEMU has closed it; a device that is not attached, or whose QEMU has
  // ended, is detached. The guest has to agree. Throws Error: in_use, if it has not done so within
  // `patience` or refuses; the device is then attached as before. After any other Error, too, the virtual
  // machine may use the device.
  virtual void detach(const Attachment& what, std::chrono::milliseconds patience) = 0;
};

// Connects to QEMU's QMP socket (-qmp unix:PATH,server=on,wait=off), which accepts one client at a time.
// Waits up to `patience` for each of its answers. Throws MachineEnded if no program listens at the socket,
// Error: not_found (no such socket), failed (it does not speak QMP), in_use (no answer: another client is
// connected).
std::unique_ptr<Machine> connect_to_qemu(const std::string& socket, std::chrono::milliseconds patience);

// Finds a domain of libvirt with virsh(1). `uri`: the connection, such as qemu:///system. Waits up
// to `patience` for each answer of libvirt. Throws MachineEnded if the domain is not running, Error:
// not_found (virsh or the domain), failed (libvirt does not answer).
std::unique_ptr<Machine> find_domain(const Host& host, const std::string& uri, const std::string& domain,
                                     std::chrono::milliseconds patience);

}  // namespace mdevadm
