// Serves the files of a Machine by FUSE, from a single thread, so that all events are totally ordered.
#pragma once

#include <mdevadm/sim/machine.hpp>
#include <memory>
#include <string>

#include "ptys.hpp"
#include "uevent_socket.hpp"

namespace mdevadm::sim {

class Server {
 public:
  // The arguments must outlive the server. Events are sent through `uevents`, if given.
  Server(Machine& machine, const Ptys& nodes, const UeventSocket* uevents = nullptr);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Mounts the files on a directory. Throws Error{failed}.
  void mount(const std::string& directory);
  // Serves requests until the descriptor `stop` becomes readable or the directory is unmounted.
  void serve(int stop);
  void unmount();

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace mdevadm::sim
