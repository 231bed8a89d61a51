// State shared by all parents of the simulated machine: files, time, uevents, faults, IOMMU groups.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <mdevadm/sim/machine.hpp>
#include <set>
#include <utility>

#include "css.hpp"
#include "pci.hpp"

namespace mdevadm::sim {

class Provider;

struct KernelNumber {
  std::uint64_t value = 0;
  int error = 0;  // 0, EINVAL or ERANGE
};

// Reads a number like the kernel's kstrtoul: a leading +, prefixes 0x and 0 (with base 0), and at most one
// trailing newline.
KernelNumber read_kernel_number(std::string_view text, unsigned base = 0);
// Returns nullopt for any error.
std::optional<std::uint64_t> parse_kernel_number(std::string_view text, unsigned base = 0);

class Timeline {
 public:
  Time now() const { return now_; }
  // Calls `what` after the delay; immediately if the delay is zero.
  void after(Time delay, std::function<void()> what);
  void proceed(Time now);
  std::optional<Time> next() const;

 private:
  Time now_{0};
  std::multimap<Time, std::function<void()>> due_;
};

// The messages of kobject_uevent(), as sent over netlink, with newlines instead of NUL bytes.
class Events {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  void emit(std::string_view action, const std::string& path, std::string_view subsystem,
            const Fields& fields = {});
  const std::string& text() const { return text_; }
  // Returns the messages since the last call as the kernel sends them, with NUL bytes and without SEQNUM,
  // which the kernel that sends them appends.
  std::vector<std::string> take() { return std::exchange(unsent_, {}); }

 private:
  std::string text_;
  std::vector<std::string> unsent_;
  std::uint64_t sequence_ = 0;
};

// Configured faults and delays.
class Trouble {
 public:
  struct Strike {
    int error;
    bool vanish;
  };
  void add(Fault fault) { faults_.push_back({std::move(fault), 0}); }
  void set_delay(Operation of, Time time) { delays_[of] = time; }
  void clear() {
    faults_.clear();
    delays_.clear();
  }
  // Counts the operation and returns the fault that applies to it.
  std::optional<Strike> strike(Operation operation, std::string_view attribute = {});
  Time delay(Operation of) const;

 private:
  struct Counted {
    Fault fault;
    std::uint64_t seen;
  };
  std::vector<Counted> faults_;
  std::map<Operation, Time> delays_;
};

// Hands out numbers, the lowest free one first.
class NumberPool {
 public:
  std::uint64_t take();
  void give_back(std::uint64_t number) { free_.insert(number); }

 private:
  std::set<std::uint64_t> free_;
  std::uint64_t next_ = 0;
};

// A device that can be opened: an mdev or a virtual function.
struct Assignable {
  virtual ~Assignable() = default;
  std::string name;  // name of its directory
  Provider* parent = nullptr;
  NodeId directory = 0;
  std::uint64_t group = 0;
  std::optional<std::uint64_t> number{};  // X of vfio-dev/vfioX; nullopt: it has none
  std::string user{};                     // name of its last user
  Time granted_until{-1};                 // counts as open until then, even without an open node
  bool isolated = false;                  // by a hardware IOMMU, not by vfio-noiommu
};

struct Group {
  std::vector<Assignable*> members;
  NodeId directory = 0;
  bool has_node = false;  // in /dev/vfio: a driver of VFIO is bound to a member
};

class Kernel {
 public:
  Kernel(const Scenario& scenario, Nodes& node_keeper);

  Kernfs files;
  Nodes& nodes;
  Timeline time;
  Events events;
  Trouble trouble;
  KernelVersion version;
  bool cdev;
  bool iommu;
  PciBus pci{*this};
  CssBus css{*this};
  std::map<std::string, Assignable*, std::less<>> devices;  // by directory name, for the whole bus

  // Returns the directory of a driver of a bus ("bus/mdev"); creates it if it does not exist.
  NodeId driver_directory(const std::string& bus, const std::string& driver);

  void attach(Assignable& device, std::optional<std::uint64_t> group, Era era);
  // Removes the device's entry of class vfio-dev and its own node. Linux 6.6 and later do so when a removal
  // begins, earlier ones when the device was released (vfio_unregister_group_dev). Does nothing if it was
  // done before.
  void remove_vfio_dev(Assignable& device);
  void detach(Assignable& device, Era era);
  void move(Assignable& device, std::optional<std::uint64_t> group, Era era);

  // The parts of attach() and detach() for PCI devices: their group exists as long as they do, if there is an
  // IOMMU; VFIO's nodes only while a driver of VFIO is bound.
  void enter_own_group(Assignable& device);
  void leave(Assignable& device);
  void add_vfio(Assignable& device);
  void remove_vfio(Assignable& device);
  std::map<std::uint64_t, Group> groups;

  // Creates the file "uevent" of a device: reading gives `fields`, writing "add" and the like emits the
  // event.
  void add_uevent(NodeId directory, const std::string& subsystem, std::function<std::string()> fields);

  // Adds a line to the kernel's log.
  void print(std::string_view message);
  const std::string& log() const { return log_; }

  bool is_open(const Assignable& device) const;
  bool is_open(const Group& group) const;
  // Returns the user of the group; empty if there is none.
  std::string user_of(const Group& group) const;
  static std::string node_of(const Assignable& device) { return std::to_string(device.group); }

  // Removals that wait until a device is closed.
  struct Waiting {
    Assignable* device;
    std::function<void()> then;
  };
  std::list<Waiting> waiting;
  void look_for_closed();

 private:
  std::uint64_t make_group(const Assignable& first, Era era);
  void show_node(std::uint64_t number);
  void hide_node(std::uint64_t number);
  std::uint64_t open_group(const Assignable& first, Era era);
  void close_group(std::uint64_t number);
  void enter(Assignable& device, std::uint64_t number);
  void add_vfio_dev(Assignable& device);
  void give_back_number(Assignable& device);

  std::string log_{};
  NumberPool group_numbers_;
  NumberPool device_numbers_;  // of vfio-dev
};

// A parent device and its interface for creating devices.
class Provider {
 public:
  Provider(Kernel& kernel, const SimParent& settings);
  virtual ~Provider() = default;
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;

  const SimParent& settings() const { return settings_; }
  NodeId directory() const { return directory_; }
  bool is_present() const { return present_; }

  // Creates the files and emits the uevent when the driver is loaded.
  void appear();
  // Likewise for a device of another parent, whose directory exists and is not removed. `on_gone` is called
  // when withdraw() has removed all files.
  void appear_in(NodeId directory, std::function<void()> on_gone);
  // Removes all devices and the files when the driver is unloaded. Waits for devices in use, like the kernel.
  virtual void withdraw() = 0;
  // Creates a device that exists from the beginning.
  virtual void preset(const SimDevice& device) = 0;
  // Returns 0 or the errno with which the driver refuses to open the device. The group has been checked
  // before.
  virtual int admit(Assignable& device, const std::string& user);
  // Does the work of sriov-manage. Returns 0 or errno.
  virtual int enable_functions(std::uint64_t count);
  // Handles a control request for this parent, such as "mig on". Returns 0 or errno.
  virtual int request(const std::vector<std::string_view>& words);
  // Loads a kernel module that the parent needs. Returns 0 or errno; EINVAL: it does not need this one.
  virtual int load(std::string_view module);
  // Brings the parent into its state after a reboot, without devices. Returns 0 or errno.
  virtual int reboot();

 protected:
  virtual void publish() = 0;
  // Returns whether the PCI bus binds the driver; otherwise it is bound as long as the parent is registered.
  virtual bool is_bound_by_bus() const { return false; }
  virtual std::string bound_driver() const { return settings_.driver; }
  // Returns whether the directory persists when the parent is registered again; publish() is called again.
  virtual bool keeps_directory() const { return false; }
  void remove_directory();
  void log_state(std::string_view state);  // emits a uevent with MDEV_STATE

  Kernel& kernel_;
  const SimParent& settings_;
  plan::Capacity capacity_;
  NodeId directory_ = 0;
  bool registered_ = false;  // accepts new devices
  bool present_ = false;     // its files exist

 private:
  void make_directory();
  void make_pci_files();

  std::function<void()> on_gone_{};  // set: the directory belongs to another parent
};

class Account;

// `account`, if given, replaces the parent's own account of its resources; it must outlive the parent.
std::unique_ptr<Provider> make_typed(Kernel& kernel, const SimParent& settings, Account* account = nullptr);
std::unique_ptr<Provider> make_flat(Kernel& kernel, const SimParent& settings);
std::unique_ptr<Provider> make_functions(Kernel& kernel, const SimParent& settings);
std::unique_ptr<Provider> make_subchannel(Kernel& kernel, const SimParent& settings);
std::unique_ptr<Provider> make_pci_parent(Kernel& kernel, const SimParent& settings);

// Returns the subsystem of a parent.
std::string subsystem_of(const SimParent& parent);

}  // namespace mdevadm::sim
