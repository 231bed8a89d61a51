// The common part of the commands that change a running virtual machine: attach and detach.
#pragma once

#include <chrono>
#include <mdevadm/run/machine.hpp>
#include <memory>
#include <string>
#include <vector>

#include "batch.hpp"
#include "commands/commands.hpp"
#include "guests.hpp"

namespace mdevadm::cli {

class MachineCommand : public Command {
 public:
  bool json() const final { return change_.json; }

 protected:
  void declare_common(CLI::App& app, ValueKinds& kinds);

  // Throws Error{usage} if no device or no virtual machine is given.
  void require_arguments() const;

  // Returns the running virtual machine.
  std::unique_ptr<Machine> connect(const Context& context) const;

  // Returns the virtual machine as messages name it.
  std::string machine_name() const;

  // Returns the time for the guest; answers of QEMU and libvirt have a second at least.
  std::chrono::milliseconds patience() const;

  // Returns the group that is the argument, or nullptr. A group has an order and settings of its own, so it
  // is the only argument.
  const Group* group_in(const Groups& groups, const Definitions& defined, const std::string& verb) const;

  Batch batch_for(const Group* group, const std::string& verb) const;

  Identity about(const Group* group) const;

  std::vector<std::string> words_;
  std::string socket_;
  std::string domain_;
  std::string uri_;
  std::string timeout_;
  ChangeOptions change_;
};

}  // namespace mdevadm::cli
