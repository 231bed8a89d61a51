// The simulated kernel: its files, and the effects of reading and writing them. No I/O: the caller supplies
// the time and creates the device nodes through Nodes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <mdevadm/sim/kernfs.hpp>
#include <mdevadm/sim/scenario.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::sim {

// Device nodes below /dev/vfio, named "7" (group node) or "devices/vfio3".
class Nodes {
 public:
  virtual ~Nodes() = default;
  // Creates the node; returns its number as reported by stat(2).
  virtual dev_t appear(const std::string& name) = 0;
  // Removes the node from /dev; is_open() still counts the descriptors that are open.
  virtual void hide(const std::string& name) = 0;
  virtual void vanish(const std::string& name) = 0;
  virtual bool is_open(const std::string& name) const = 0;
};

using Time = std::chrono::milliseconds;  // since the machine was created

class Kernel;
class Provider;

class Machine {
 public:
  // Creates a machine with the scenario's devices. `nodes` must outlive it.
  Machine(Scenario scenario, Nodes& nodes);
  ~Machine();

  Kernfs& files();

  // Returns the content of an attribute or an errno.
  Reading read(NodeId attribute);
  // Performs one write(2). The answer may be given during a later call of proceed().
  void write(NodeId attribute, std::string_view data, const Answer& answer);

  // Advances the time, checks which nodes are open, and completes everything that is due.
  void proceed(Time now);
  // Returns when proceed() must be called next.
  std::optional<Time> next() const;
  // Returns the nodes that pending removals wait for.
  std::vector<std::string> awaited_nodes() const;

  // Opens a device for a user, for example a virtual machine (by UUID; a virtual function by its address).
  // Returns 0 or the driver's errno. On success the user has one second to open the node; the device is in
  // use until the node is closed.
  int open(std::string_view device_name, const std::string& user);
  // Returns the name of the device's node.
  std::optional<std::string> node_of(std::string_view device) const;

  // Returns the events that the kernel would have sent to udev, one message after the other.
  std::string events() const;
  // Returns the events since the last call, each with NUL bytes as separators, to be sent on.
  std::vector<std::string> take_uevents();

  // Executes a line written to the control file. Returns 0 or an errno.
  int control(std::string_view line);

 private:
  Provider* provider(std::string_view name);
  int control_words(const std::vector<std::string_view>& words);
  int load(std::string_view module);
  int reboot();
  void make_control_files();

  Scenario scenario_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<std::unique_ptr<Provider>> providers_;
};

}  // namespace mdevadm::sim
