// Life cycle of mediated devices, common to the parents with the typed and the flat interface.
#pragma once

#include "ap_bus.hpp"
#include "kernel.hpp"

namespace mdevadm::sim {

class MdevParent;

constexpr std::size_t uuid_length = 36;

// The queues of a vfio-ap device.
struct QueueMatrix {
  ApNumbers adapters, domains, control_domains;
  bool operator==(const QueueMatrix&) const = default;
};

struct Mdev : Assignable {
  enum class State { coming, active, going };

  Uuid uuid{};
  const SimType* type = nullptr;
  std::uint64_t units = 1;      // number that the device's attributes report
  std::uint64_t accounted = 1;  // number taken from the capacity
  State state = State::coming;
  bool online = false;
  std::string vm{};  // flat interface: vm_uuid
  Uuid peers{};      // K2: the set with which it shares an IOMMU group
  QueueMatrix queues{};
};

// The contents of a write to a create file.
struct CreateRequest {
  Uuid uuid{};
  std::string name{};  // name of its directory
  const SimType* type = nullptr;
  std::uint64_t units = 1;
  std::optional<std::uint64_t> group{};
  std::string vm{};
};

// A write to an attribute of a device.
struct FileWrite {
  Operation operation;
  std::string attribute;  // name of the attribute
  std::string_view data;
};

using Changing = std::function<int(Mdev&, std::string_view)>;

// Resources that a parent shares with others: a virtual function those of its GPU.
class Account {
 public:
  virtual ~Account() = default;
  virtual std::uint64_t available(const SimType& type) const = 0;
  // Returns 0 or errno.
  virtual int take(const SimType& type) = 0;
  virtual void give_back() = 0;
  // Returns for how long the driver is busy with a device that was closed.
  virtual Time linger(const Mdev& device) const = 0;
  // Adds the driver's files to the directory of a device.
  virtual void furnish(Mdev& device) = 0;
};

class MdevParent : public Provider {
 public:
  MdevParent(Kernel& kernel, const SimParent& settings, Account* account = nullptr)
      : Provider(kernel, settings), account_(account) {}

  void withdraw() override;

 protected:
  // Creates a device: checks that the name is free and runs the driver's part. `answer` gets 0 or -errno.
  void create(const CreateRequest& request, const Answer& answer);
  // Removes a device, starting with the call of the driver. `answer` gets 0 or -errno.
  void remove(Mdev& device, const Answer& answer);

  // Differences between the interfaces.
  virtual NodeId device_home() const {
    return directory_;
  }                                        // directory that contains the devices' directories
  virtual void furnish(Mdev& device) = 0;  // attributes of driver and core, added after the driver's part
  virtual void add_early_files(Mdev& device) = 0;  // attributes added before it
  virtual void add_type_links(Mdev&) {}
  virtual void remove_type_links(Mdev&) {}
  virtual void refresh() {}                                 // after a change of the capacity
  virtual int refuses(const CreateRequest&) { return 0; }   // checked by the driver before the capacity
  virtual bool may_refuse_removal() const { return true; }  // before 5.2, if the device is in use
  virtual void unpublish() = 0;                             // removes the parent's own files

  static std::optional<Uuid> parse_uuid_field(std::string_view data);  // 36 bytes and an optional separator
  Mdev* find(std::string_view name);
  const std::map<std::string, std::unique_ptr<Mdev>, std::less<>>& mdevs() const { return mdevs_; }
  Era era() const { return settings_.interface->era; }
  void add_vendor_attributes(Mdev& device);
  void add_type_attributes(NodeId directory);
  void add_uevent_file(Mdev& device);
  // Handles a write to an attribute of a device, with the configured faults and delays of the operation.
  // Answers -ENODEV if the device has been removed before the delay ends. `action` returns the number of
  // bytes or -errno.
  void change(const Mdev& device, const FileWrite& write, const Changing& action, const Answer& answer);
  // Runs `action` (0 or -errno) with the configured faults and delays of `operation`.
  void interfere(Operation operation, std::string_view attribute, std::function<int()> action,
                 const Answer& answer);

  Account* const account_;  // nullptr: the parent's resources are its own, in capacity_

 private:
  bool core_counts() const;
  int full_error() const;
  int wrong_type_error() const;
  int take_room(const CreateRequest& request);
  void return_room(const Mdev& device);
  void appear_early(Mdev& device);
  void finish_create(Mdev& device, const CreateRequest& request, const Answer& answer);
  void fail_create(Mdev& device, int error, const Answer& answer);
  void strip(Mdev& device);
  void finish_remove(Mdev& device, const Answer& answer);
  void finish_withdraw();

  std::map<std::string, std::unique_ptr<Mdev>, std::less<>> mdevs_;
  std::map<std::string, std::string> type_values_{};  // of attributes in the directories of types
};

// The attributes of vfio-ap (vfio_ap_ops.c).
class ApMatrix {
 public:
  // Bound to MdevParent::change().
  using Change = std::function<void(const Mdev& device, const FileWrite& write, const Changing& action,
                                    const Answer& answer)>;

  ApMatrix(Kernel& kernel, const SimParent& settings, std::function<std::vector<Mdev*>()> all, Change change);

  void publish(NodeId parent);  // vfio_ap was loaded: /sys/bus/ap, and the parent's own files
  void unpublish(NodeId parent);
  void reboot() { bus_.reset(); }
  void furnish(Mdev& device);

 private:
  struct Shared {
    const Mdev* owner;
    Apqn queue;
  };

  bool has_hot_plug() const { return kernel_.version >= KernelVersion{6, 0}; }
  int reserve(const ApNumbers& adapters, const ApNumbers& domains) const;
  std::string status(const Apqn& queue) const;
  std::vector<Shared> shared(const ApNumbers& adapters, const ApNumbers& domains, const Mdev* except) const;
  int validate(const Mdev& device, const QueueMatrix& next) const;
  bool is_available(const QueueMatrix& next) const;
  int assign(Mdev& device, ApNumbers QueueMatrix::*which, std::string_view data, bool add);
  int write_config(Mdev& device, std::string_view data) const;
  QueueMatrix guest_matrix(const QueueMatrix& queues) const;

  Kernel& kernel_;
  const SimParent& settings_;
  std::function<std::vector<Mdev*>()> all_;
  Change change_;
  ApBus bus_;
};

}  // namespace mdevadm::sim
