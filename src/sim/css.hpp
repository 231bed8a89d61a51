// The bus of IBM Z's channel subsystem (css): which driver a subchannel is bound to, and the files with which
// users change that.
#pragma once

#include <functional>
#include <map>
#include <mdevadm/sim/kernfs.hpp>
#include <string>
#include <string_view>

namespace mdevadm::sim {

class Kernel;

inline constexpr const char* io_subchannel = "io_subchannel";
inline constexpr const char* vfio_ccw = "vfio_ccw";

struct Subchannel {
  std::string name{};
  NodeId directory = 0;
  bool is_io = true;     // type 0, for which both drivers are
  std::string driver{};  // to which it is bound; empty: none
  std::string driver_override{};
  // Called when a driver is about to be bound; returns 0 or errno.
  std::function<int(const std::string& driver)> probe{};
  // Called when a driver is about to be unbound; calls `then` when the driver has released the subchannel.
  std::function<void(const std::string& driver, std::function<void()> then)> release{};
};

class CssBus {
 public:
  explicit CssBus(Kernel& kernel) : kernel_(kernel) {}

  // Registers a subchannel whose directory exists, instead of a previous one of this name. It must outlive
  // the bus.
  void add(Subchannel& subchannel);
  // Registers the driver vfio_ccw, and binds it to the subchannels whose override selects it: to others,
  // io_subchannel is bound first.
  void load_vfio_ccw();

  // Return 0 or errno.
  int bind(Subchannel& subchannel, const std::string& driver);
  void unbind(Subchannel& subchannel, const std::function<void()>& then);
  // Looks for a driver, as when a subchannel appears.
  void attach(Subchannel& subchannel);

 private:
  Subchannel* find(std::string_view data);
  bool matches(const Subchannel& subchannel, const std::string& driver) const;
  void make_driver(const std::string& driver);
  void write_bind(const std::string& driver, std::string_view data, const Answer& answer);

  Kernel& kernel_;
  std::map<std::string, Subchannel*, std::less<>> subchannels_;
};

}  // namespace mdevadm::sim
