// Device nodes that can be opened although no driver is behind them: pseudo-terminals. A terminal's slave is
// a real character device with a number of its own, and its master tells whether anybody has it open.
#pragma once

#include <map>
#include <mdevadm/sim/machine.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <optional>
#include <string>

namespace mdevadm::sim {

class Ptys final : public Nodes {
 public:
  // Nodes go into `folder`, which must be there by the first one. Not `openable`: they are numbers only.
  // Terminals come out of what /dev is now.
  Ptys(std::string folder, bool openable);
  ~Ptys() override;
  Ptys(const Ptys&) = delete;
  Ptys& operator=(const Ptys&) = delete;

  dev_t appear(const std::string& name) override;
  void hide(const std::string& name) override;
  void vanish(const std::string& name) override;
  bool is_open(const std::string& name) const override;

  // Becomes ready (POLLHUP) when nobody has the node open any more; -1 if there is none to wait for.
  int wait_descriptor(const std::string& name) const;

 private:
  std::optional<dev_t> make_terminal(const std::string& name);
  dev_t make_number(const std::string& name);

  std::string folder_;
  sys::UniqueFd devices_;
  bool openable_;
  std::map<std::string, sys::UniqueFd, std::less<>> masters_;
};

}  // namespace mdevadm::sim
