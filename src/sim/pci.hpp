// The PCI bus: which driver a device is bound to, and the files with which users change that.
#pragma once

#include <functional>
#include <map>
#include <mdevadm/sim/kernfs.hpp>
#include <set>
#include <string>
#include <string_view>

namespace mdevadm::sim {

class Kernel;

// A device that can be bound and unbound through sysfs.
struct PciDevice {
  std::string name{};
  NodeId directory = 0;
  std::string vendor{}, id{};   // hexadecimal, without 0x
  std::string native_driver{};  // the driver that lists the device in its table of ids
  std::string driver{};         // to which it is bound; empty: none
  std::string driver_override{};
  // Called when a driver is about to be bound; returns 0 or errno.
  std::function<int(const std::string& driver)> probe{};
  // Called when a driver is about to be unbound; calls `then` when the driver has released the device.
  std::function<void(const std::string& driver, std::function<void()> then)> release{};
};

class PciBus {
 public:
  explicit PciBus(Kernel& kernel) : kernel_(kernel) {}

  // Registers a device whose directory exists. It must be removed before it is destroyed.
  void add(PciDevice& device);
  // The device must be unbound.
  void remove(PciDevice& device);

  // Binds the driver whatever its table of ids. Returns 0 or the errno of the probe.
  int bind(PciDevice& device, const std::string& driver);
  void unbind(PciDevice& device, const std::function<void()>& then);
  // Looks for a driver, as when a device appears.
  void attach(PciDevice& device);

  // Creates the files of a driver's directory.
  void furnish_driver(NodeId directory, const std::string& driver);

 private:
  PciDevice* find(std::string_view data);
  bool matches(const PciDevice& device, const std::string& driver) const;
  void make_bus_files();
  void write_bind(const std::string& driver, std::string_view data, const Answer& answer);
  void write_unbind(const std::string& driver, std::string_view data, const Answer& answer);
  void write_id(const std::string& driver, std::string_view data, const Answer& answer, bool add);

  Kernel& kernel_;
  std::map<std::string, PciDevice*, std::less<>> devices_;
  std::map<std::string, std::set<std::string>, std::less<>> added_ids_;  // by driver: "10de 26b9"
};

}  // namespace mdevadm::sim
