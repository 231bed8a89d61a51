// The AP bus of IBM Z: crypto cards, their queues, which driver each queue is bound to, and the masks that
// divide the queues between the host and guests (ap_bus.c, zcrypt_card.c, zcrypt_queue.c).
#pragma once

#include <map>
#include <utility>

#include "ap_masks.hpp"
#include "kernel.hpp"

namespace mdevadm::sim {

// Adapter and domain.
using Apqn = std::pair<unsigned, unsigned>;

// Returns the name of a queue, such as "05.0014".
std::string to_string(const Apqn& queue);

class ApBus {
 public:
  // What vfio_ap says about queues.
  struct Guests {
    // Returns 0 or -EBUSY, for queues that the host is about to reserve.
    std::function<int(const ApNumbers& adapters, const ApNumbers& domains)> in_use;
    // Returns the text of a queue's file `status`.
    std::function<std::string(const Apqn&)> status;
  };

  ApBus(Kernel& kernel, const ApQueues& settings, Guests guests);

  // Creates the files, or binds queues if they exist; vfio_ap was loaded.
  void load_vfio_ap();
  // Queues of vfio_ap have no driver any more.
  void unload_vfio_ap();
  // Sets the masks that the boot parameters give.
  void reset();

  // Returns whether the queue belongs to the host, which does not depend on whether it exists.
  bool is_host(const Apqn& queue) const;
  bool is_bound_to_vfio_ap(const Apqn& queue) const;
  const ApQueues& settings() const { return settings_; }

 private:
  struct Queue {
    NodeId directory = 0;
    std::string driver{};  // empty: none
    std::string driver_override{};
    bool online = true;
  };

  void make_bus_files();
  void add_mask(const std::string& name, ApNumbers& mask);
  int write_mask(const std::string& name, ApNumbers& mask, std::string_view data);
  void schedule_masks();
  void make_card(unsigned adapter);
  void make_config_file(NodeId directory, unsigned adapter);
  void make_queue(const Apqn& name);
  void make_override_file(const Apqn& name);
  void make_driver(const std::string& driver);
  int write_override(Queue& queue, std::string_view data);
  int write_bind(const std::string& driver, std::string_view data);
  int write_unbind(const std::string& driver, std::string_view data);
  std::map<Apqn, Queue>::iterator find(std::string_view data);

  bool has_override() const;
  std::string driver_for(const Apqn& name, const Queue& queue) const;
  void attach(const Apqn& name, Queue& queue);
  void bind(const Apqn& name, Queue& queue, const std::string& driver);
  void unbind(const Apqn& name, Queue& queue);
  void rebind();
  std::string bindings() const;
  void report(const std::string& path, const Events::Fields& fields);

  Kernel& kernel_;
  const ApQueues& settings_;
  Guests guests_;
  NodeId bus_ = 0;
  bool loaded_ = false;  // vfio_ap
  unsigned completions_ = 0;
  unsigned boots_ = 0;
  ApNumbers host_adapters_, host_domains_;  // apmask, aqmask
  ApNumbers deconfigured_, offline_;        // cards
  std::map<Apqn, Queue> queues_;
};

}  // namespace mdevadm::sim
