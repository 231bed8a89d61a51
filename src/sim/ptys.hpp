// Device nodes that can be opened without a driver: pseudo-terminals. The slave of a terminal is a character
// device with its own number, and its master shows whether any process has it open.
#pragma once

#include <map>
#include <mdevadm/sim/machine.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <optional>
#include <string>

namespace mdevadm::sim {

class Ptys final : public Nodes {
 public:
  // Creates nodes in `directory`, which must exist when the first node is created. If not `openable`, the
  // nodes only show numbers. Terminals are allocated from the /dev at the time of construction.
  Ptys(std::string directory, bool openable);
  ~Ptys() override;
  Ptys(const Ptys&) = delete;
  Ptys& operator=(const Ptys&) = delete;

  dev_t appear(const std::string& name) override;
  void hide(const std::string& name) override;
  void vanish(const std::string& name) override;
  bool is_open(const std::string& name) const override;

  // Returns a descriptor that becomes ready (POLLHUP) when the node is closed; -1 if there is none to wait
  // for.
  int wait_descriptor(const std::string& name) const;

 private:
  std::optional<dev_t> make_terminal(const std::string& name);
  dev_t make_number(const std::string& name);

  std::string directory_;
  sys::UniqueFd devices_;
  bool openable_;
  std::map<std::string, sys::UniqueFd, std::less<>> masters_;
};

}  // namespace mdevadm::sim
