// How devices are started, one or several at once. Pure: decided from what was seen, or refused with Error.
#pragma once

#include <map>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/plan.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mdevadm {

inline constexpr std::chrono::seconds creation_patience{5};

// What must be seen of the host to start this.
Facet facets_to_start(const Definition& wanted);

// The steps of a start are those of four stages: everything is made before anything is shared, and shared
// before anything goes online, and online before any node is given away. Devices of parents whose interface
// wants that for all of a virtual machine's devices, and groups, wait for one another between the stages.
struct StartOptions {
  bool in_stages = false;   // all wait for one another, whatever their parents want
  bool accept_abi = false;  // pin what the guest sees now, instead of refusing a difference
  // Whom a definition shares peer-to-peer resources with: all of `set`, under the value `peers`.
  Sharing sharing = Sharing::off;
  std::vector<Definition> set{};
  Uuid peers{};
  std::optional<Uuid> vm{};          // passed to drivers that want to know the virtual machine
  std::optional<NodePolicy> node{};  // for definitions without one of their own
  // What the kernel is given has no newline at its end, attributes are set one by one, and nobody waits for
  // nodes: what mdevctl does.
  bool bare = false;
};

// Plans starts one by one; those that were planned are taken into account. What it is given must outlive it.
class StartPlanner {
 public:
  explicit StartPlanner(const Snapshot& seen, StartOptions options = {});

  // Needs facets_to_start() of the definition's parent. Active already with the same parent and type is a job
  // without steps, or with those that an earlier start left out. Throws Error: conflict, not_found,
  // no_capacity, abi_differs, failed (the parent cannot do what the definition asks for).
  // `goal`: what to call it instead of "start 'UUID'".
  Job plan(const Definition& wanted, const std::string& goal = {});

 private:
  struct Draft;

  void plan_active(const Device& active, Draft& draft);
  void check_abi(Draft& draft) const;
  void add_creation(Draft& draft);
  void add_settings(Draft& draft) const;
  void add_sharing(Draft& draft) const;
  void add_online(Draft& draft);
  void add_ending(Draft& draft) const;
  std::string name_for(const Draft& draft);
  std::string function_for(const Draft& draft) const;
  std::optional<NodePolicy> node_for(const Draft& draft) const;
  std::optional<Device> leader_for(const Draft& draft) const;
  std::optional<std::string> arguments_for(const Draft& draft) const;
  Uuid peers_of_set() const;
  static Record record_of(const Draft& draft, bool finished);
  static std::string vm_of(const Device& device);

  const Snapshot& seen_;
  StartOptions options_;
  std::set<std::string> names_;  // that the devices planned so far will have
  std::set<std::string> going_online_;
};

// The same for one device by itself.
Job plan_start(const Snapshot& seen, const Definition& wanted);

}  // namespace mdevadm
