// Planning of starts, of one or several devices. Pure functions; throw Error if not possible.
#pragma once

#include <map>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/plan.hpp>
#include <mdevadm/util/error.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mdevadm {

inline constexpr std::chrono::seconds creation_patience{5};

// Returns the facets that are required to plan the start.
Facet facets_to_start(const Definition& wanted);

// A start has four stages: create, share, online, node ownership. A stage starts after all devices have
// completed the previous one, for groups and for parents whose interface requires this for the devices of a
// virtual machine.
struct StartOptions {
  bool in_stages = false;      // use stages for all devices, whatever their parents require
  bool accept_abi = false;     // record the present guest ABI instead of refusing a difference
  bool transient = false;      // the device has no definition: the values come from options
  bool unnamed = false;        // the UUID is random, so errors name the type and the parent
  std::string verb = "start";  // what the user asked for, in errors: "cannot restart 'vm1': ..."
  // Peer-to-peer sharing: the devices of `set` share resources under the value `peers`.
  Sharing sharing = Sharing::off;
  std::vector<Definition> set{};
  Uuid peers{};
  std::optional<Uuid> vm{};          // UUID of the virtual machine, for drivers that require it
  std::optional<NodePolicy> node{};  // of the group, for settings that a definition lacks
  // Definitions whose VFs are reserved, and in which a VF that is used for the first time is recorded; must
  // outlive the planner. nullptr: none.
  const Definitions* defined = nullptr;
  // Behave like mdevctl: written values have no final newline, attributes are written one by one, nodes are
  // not waited for.
  bool bare = false;
};

// Plans starts one by one and takes into account the ones already planned. `seen` must outlive the planner.
class StartPlanner {
 public:
  explicit StartPlanner(const Snapshot& seen, StartOptions options = {});

  // Plans one start. Needs facets_to_start() of the definition's parent. For a device that is active with the
  // same parent and type, the job has no steps, or those that an interrupted start did not reach; a note
  // names the settings in which it differs from its definition (drift_of()).
  // `argument`: as in Identity. `addition` is appended to the goal: " of group 'vm1'". Throws Error:
  // conflict, not_found, no_capacity, abi_differs, failed (the parent does not support the definition).
  Job plan(const Definition& wanted, const std::string& argument = {}, const std::string& addition = {});

 private:
  struct Draft;

  void require_same(const Device& active, const Draft& draft) const;
  bool is_defined(const Definition& wanted) const;
  void plan_active(const Device& active, Draft& draft);
  void require_removed(const Draft& draft) const;
  void require_vacant(const Draft& draft) const;
  void require_offered_type(const Draft& draft) const;
  void require_startable(Draft& draft) const;
  void note_for_creation(Draft& draft);
  void check_abi(Draft& draft) const;
  void add_creation(Draft& draft);
  void add_settings(Draft& draft) const;
  void add_sharing(Draft& draft) const;
  void add_online(Draft& draft);
  void add_ending(Draft& draft) const;
  std::string name_for(const Draft& draft);
  static std::string path_for(const Draft& draft);
  std::string function_for(const Draft& draft) const;
  bool takes(const Draft& draft, const Function& function) const;
  std::vector<std::string> free_functions_for(const Draft& draft) const;
  std::vector<std::string> other_functions_for(const Draft& draft) const;
  bool is_reserved(const Draft& draft, const Function& function) const;
  Error no_free_function(const Draft& draft) const;
  void add_reservation(Draft& draft) const;
  std::optional<NodePolicy> node_for(const Draft& draft) const;
  std::optional<Device> leader_for(const Draft& draft) const;
  std::optional<std::string> arguments_for(const Draft& draft) const;
  Uuid peers_of_set() const;
  static Record record_of(const Draft& draft, bool finished);
  static std::string vm_of(const Device& device);

  const Snapshot& seen_;
  StartOptions options_;
  std::set<std::string> names_;  // kernel names of the devices planned so far
  std::set<std::string> going_online_;
  std::vector<Definition> planned_;  // with queues of vfio-ap
};

}  // namespace mdevadm
