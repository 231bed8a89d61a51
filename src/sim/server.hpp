// Carries a Machine's files to programs, by FUSE. One thread does everything: what the machine decides is one
// order of events.
#pragma once

#include <mdevadm/sim/machine.hpp>
#include <memory>
#include <string>

#include "ptys.hpp"

namespace mdevadm::sim {

class Server {
 public:
  // Both must live longer.
  Server(Machine& machine, const Ptys& nodes);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Mounts the files over a folder. Throws Error{failed}.
  void mount(const std::string& folder);
  // Serves until `stop` (a descriptor) becomes readable, or the folder is unmounted.
  void serve(int stop);
  void unmount();

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace mdevadm::sim
