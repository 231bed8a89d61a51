// What all parents of the simulated machine share: files, time, events, faults, IOMMU groups.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <mdevadm/sim/machine.hpp>
#include <set>

namespace mdevadm::sim {

class Provider;

// Whole numbers as the kernel's kstrtoul takes them: 0x and 0 prefixes (with base 0), one newline at the end,
// nothing else. nullopt: EINVAL.
std::optional<std::uint64_t> parse_kernel_number(std::string_view text, unsigned base = 0);

class Timeline {
 public:
  Time now() const { return now_; }
  // At once if there is nothing to wait for.
  void after(Time delay, std::function<void()> what);
  void proceed(Time now);
  std::optional<Time> next() const;

 private:
  Time now_{0};
  std::multimap<Time, std::function<void()>> due_;
};

// The messages of kobject_uevent(), as they go over netlink; one line a NUL.
class Events {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  void emit(std::string_view action, const std::string& path, std::string_view subsystem,
            const Fields& fields = {});
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::uint64_t sequence_ = 0;
};

// Faults and delays that were asked for.
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
  // Counts this operation; what is to go wrong with it.
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

// NumberPool that are handed out, the lowest free one first.
class NumberPool {
 public:
  std::uint64_t take();
  void give_back(std::uint64_t number) { free_.insert(number); }

 private:
  std::set<std::uint64_t> free_;
  std::uint64_t next_ = 0;
};

// What can be opened: an mdev or a virtual function.
struct Assignable {
  virtual ~Assignable() = default;
  std::string name;  // of its folder
  Provider* parent = nullptr;
  NodeId folder = 0;
  std::uint64_t group = 0;
  std::uint64_t number = 0;  // X of vfio-dev/vfioX
  std::string user{};        // who opened it last
  Time granted_until{-1};    // the user's node need not be open before this
  bool isolated = false;     // by a real IOMMU, not by vfio's word
};

struct Group {
  std::vector<Assignable*> members;
  NodeId folder = 0;
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
  std::map<std::string, Assignable*, std::less<>> devices;  // by folder name, bus-wide

  // The folder of a driver of a bus ("bus/mdev"), made if it is missing.
  NodeId driver_folder(const std::string& bus, const std::string& driver);

  // --- VFIO ---
  // A device gets a group of its own, or joins one; its nodes and links appear.
  void attach(Assignable& device, std::optional<std::uint64_t> group, Era era);
  // Removes the device's entry of class vfio-dev and its own node. Linux 6.6 and later do so when a removal
  // begins, earlier ones when the device was released (vfio_unregister_group_dev). Does nothing if it was
  // done before.
  void remove_vfio_dev(Assignable& device);
  void detach(Assignable& device, Era era);
  void move(Assignable& device, std::optional<std::uint64_t> group, Era era);
  std::map<std::uint64_t, Group> groups;

  bool is_open(const Assignable& device) const;
  bool is_open(const Group& group) const;
  // Who has the group, empty for nobody.
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
  std::uint64_t open_group(const Assignable& first, Era era);
  void close_group(std::uint64_t number);
  void enter(Assignable& device, std::uint64_t number);
  void leave(Assignable& device);

  NumberPool group_numbers_;
  NumberPool device_numbers_;  // of vfio-dev
};

// A parent device and the interface through which it makes others.
class Provider {
 public:
  Provider(Kernel& kernel, const SimParent& settings);
  virtual ~Provider() = default;
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;

  const SimParent& settings() const { return settings_; }
  NodeId folder() const { return folder_; }
  bool is_present() const { return present_; }

  // Makes the files, announces it. The driver is loaded.
  void appear();
  // The driver goes, and with it all devices; waits, as the kernel does, for those in use.
  virtual void withdraw() = 0;
  // A device that is there from the beginning.
  virtual void preset(const SimDevice& device) = 0;
  // Whether the driver lets a user open the device: 0 or errno. Groups were checked before.
  virtual int admit(Assignable& device, const std::string& user);
  // sriov-manage's work; 0 or errno.
  virtual int enable_functions(std::uint64_t count);

 protected:
  virtual void publish() = 0;
  void remove_folder();
  void log_state(std::string_view state);  // MDEV_STATE

  Kernel& kernel_;
  const SimParent& settings_;
  plan::Capacity capacity_;
  NodeId folder_ = 0;
  bool registered_ = false;  // takes new devices
  bool present_ = false;     // its files are there

 private:
  void make_folder();
  void make_pci_files();
};

std::unique_ptr<Provider> make_typed(Kernel& kernel, const SimParent& settings);
std::unique_ptr<Provider> make_flat(Kernel& kernel, const SimParent& settings);
std::unique_ptr<Provider> make_functions(Kernel& kernel, const SimParent& settings);

// The subsystem that a parent on a bus is of.
std::string subsystem_of(const SimParent& parent);

}  // namespace mdevadm::sim
