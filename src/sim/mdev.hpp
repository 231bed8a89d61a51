// Mediated devices and the parents that make them: what the typed and the flat interface have in common,
// which is the life of a device.
#pragma once

#include "kernel.hpp"

namespace mdevadm::sim {

class MdevParent;

constexpr std::size_t uuid_length = 36;

// The queues of a vfio-ap device.
struct QueueMatrix {
  std::set<unsigned> adapters, domains, control_domains;
  bool operator==(const QueueMatrix&) const = default;
};

struct Mdev : Assignable {
  enum class State { coming, active, going };

  Uuid uuid{};
  const SimType* type = nullptr;
  std::uint64_t units = 1;      // what it shows
  std::uint64_t accounted = 1;  // what was taken for it
  State state = State::coming;
  bool online = false;
  std::string vm{};  // flat: vm_uuid
  Uuid peers{};      // K2: whom it shares a group with
  QueueMatrix queues{};
};

// What a write to a create file asks for.
struct CreateRequest {
  Uuid uuid{};
  std::string name{};  // of the folder
  const SimType* type = nullptr;
  std::uint64_t units = 1;
  std::optional<std::uint64_t> group{};
  std::string vm{};
};

// A write to one of a device's files.
struct FileWrite {
  Operation operation;
  std::string attribute;  // the file's name
  std::string_view data;
};

using Changing = std::function<int(Mdev&, std::string_view)>;

class MdevParent : public Provider {
 public:
  using Provider::Provider;

  void withdraw() override;

 protected:
  // From the check that the name is free on; `answer` gets 0 or -errno.
  void create(const CreateRequest& request, const Answer& answer);
  // From the moment that the driver is asked; `answer` gets 0 or -errno.
  void remove(Mdev& device, const Answer& answer);

  // What differs between the interfaces.
  virtual NodeId device_home() const { return folder_; }  // the folder that devices' folders are in
  virtual void furnish(Mdev& device) = 0;  // files of the driver and the core, after the driver's step
  virtual void add_early_files(Mdev& device) = 0;  // those that are there before it
  virtual void add_type_links(Mdev&) {}
  virtual void remove_type_links(Mdev&) {}
  virtual void refresh() {}                                 // after a change of what is left
  virtual int refuses(const CreateRequest&) { return 0; }   // the driver, before it looks for room
  virtual bool may_refuse_removal() const { return true; }  // before 5.2, of a device in use
  virtual void unpublish() = 0;                             // the parent's own files

  static std::optional<Uuid> parse_uuid_field(std::string_view data);  // 36 bytes, perhaps one more
  Mdev* find(std::string_view name);
  const std::map<std::string, std::unique_ptr<Mdev>, std::less<>>& mdevs() const { return mdevs_; }
  Era era() const { return settings_.dialect->era; }
  void add_vendor_attributes(Mdev& device);
  void add_uevent_file(Mdev& device);
  // A write to a file of a device, with the faults and delays of its operation; -ENODEV if the device has
  // gone when its time comes. `action` answers bytes or -errno.
  void change(const Mdev& device, const FileWrite& write, const Changing& action, const Answer& answer);
  // Carries out `action` (0 or -errno) with the faults and delays of `operation`.
  void interfere(Operation operation, std::string_view attribute, std::function<int()> action,
                 const Answer& answer);

 private:
  bool core_counts() const;
  int full_error() const;
  int wrong_type_error() const;
  int take_room(const CreateRequest& request);
  void appear_early(Mdev& device);
  void finish_create(Mdev& device, const CreateRequest& request, const Answer& answer);
  void fail_create(Mdev& device, int error, const Answer& answer);
  void strip(Mdev& device);
  void finish_remove(Mdev& device, const Answer& answer);
  void finish_withdraw();

  std::map<std::string, std::unique_ptr<Mdev>, std::less<>> mdevs_;
};

// vfio-ap's attributes (vfio_ap_ops.c).
class ApMatrix {
 public:
  // MdevParent::change().
  using Change = std::function<void(const Mdev& device, const FileWrite& write, const Changing& action,
                                    const Answer& answer)>;

  ApMatrix(Kernel& kernel, const SimParent& settings, std::function<std::vector<Mdev*>()> all, Change change);

  void publish();  // /sys/bus/ap
  void furnish(Mdev& device);

 private:
  void add_host_mask(NodeId bus, const std::string& name, std::set<unsigned>& mask,
                     std::function<QueueMatrix(const std::set<unsigned>&)> with);
  int replace(Mdev& device, QueueMatrix next);
  int assign(Mdev& device, std::set<unsigned> QueueMatrix::*which, std::string_view data, bool add);
  int write_config(Mdev& device, std::string_view data);
  QueueMatrix present(const QueueMatrix& queues) const;

  Kernel& kernel_;
  const SimParent& settings_;
  std::function<std::vector<Mdev*>()> all_;
  Change change_;
  std::set<unsigned> host_adapters_, host_domains_;
};

}  // namespace mdevadm::sim
