// The simulated kernel: its files, and what happens when they are read and written. No I/O of its own: time
// is told to it, device nodes are made by whoever implements Nodes.
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

// Device nodes below /dev/vfio, called "7" (of a group) or "devices/vfio3".
class Nodes {
 public:
  virtual ~Nodes() = default;
  // Makes the node. Its number, as stat(2) tells it.
  virtual dev_t appear(const std::string& name) = 0;
  virtual void vanish(const std::string& name) = 0;
  virtual bool is_open(const std::string& name) const = 0;
};

using Time = std::chrono::milliseconds;  // since the machine was made

class Kernel;
class Provider;

class Machine {
 public:
  // With the scenario's devices in place. `nodes` must live longer.
  Machine(Scenario scenario, Nodes& nodes);
  ~Machine();

  Kernfs& files();

  // An attribute's content, or errno.
  Reading read(NodeId attribute);
  // One write(2). The answer may come during a later call of proceed().
  void write(NodeId attribute, std::string_view data, const Answer& answer);

  // Lets time go on and looks at the nodes again; what is due then, is done.
  void proceed(Time now);
  // When proceed() has something to do next.
  std::optional<Time> next() const;
  // Nodes that removals wait for.
  std::vector<std::string> awaited_nodes() const;

  // Somebody, a virtual machine say, opens a device (by UUID; a function by its address). 0, or the errno of
  // the driver. One who is allowed to has a second to open its node; the device is in use until that is
  // closed.
  int open(std::string_view device_name, const std::string& user);
  // The name of the node that stands for the device.
  std::optional<std::string> node_of(std::string_view device) const;

  // What the kernel would have sent to udev, message by message.
  std::string events() const;

  // A line for the control file: 0 or errno.
  int control(std::string_view line);

 private:
  Provider* provider(std::string_view name);
  int control_words(const std::vector<std::string_view>& words);
  void make_control_files();

  Scenario scenario_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<std::unique_ptr<Provider>> providers_;
};

}  // namespace mdevadm::sim
