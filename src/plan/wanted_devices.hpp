// The devices that a description asks for, and where they are. Internal header.
#pragma once

#include <algorithm>
#include <functional>
#include <mdevadm/model/host_file.hpp>
#include <mdevadm/plan/apply.hpp>
#include <mdevadm/plan/choose.hpp>
#include <mdevadm/plan/requirement.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mdevadm {

// The most devices of an entry with count = "all".
inline constexpr std::uint64_t most_that_fill = 65536;

// A device of a description.
struct WantedDevice {
  const DeviceEntry* entry;
  std::string name;  // empty: it has none
  Uuid uuid;
  const Definition* current = nullptr;  // its present definition
  // As it is to be; parent and type are set when `placed`.
  Definition wanted;
  bool placed = false;
  bool deferred = false;  // its parent has to be prepared first
  bool refused = false;   // it cannot be placed (no room, devices in use, an unprepared parent) or stopped
  // It or its entry has a problem: it has no place, so that it takes nothing from the others.
  bool faulty = false;

  bool is_missing() const { return !placed && !deferred && !refused && !faulty; }
  bool is_planned() const { return placed && !refused && !faulty; }
  void give_up() {
    faulty = true;
    placed = false;
  }

  // Returns the name or UUID that the description gives it. about() has the present name.
  std::string word() const;
  Identity about() const;
};

// Returns the error for a device whose parents, or one of them, could not be prepared.
Error unprepared_error(const WantedDevice& device, const std::vector<ParentName>& parents);

// Active devices whose change is refused: they run on with their definitions.
using UnstoppedDevices = std::set<std::pair<Uuid, ParentName>>;

class WantedDevices {
 public:
  WantedDevices(const ApplyInput& input, const ApplyOptions& options, ApplyPlan& plan,
                const UnstoppedDevices& unstopped)
      : input_(input), options_(options), plan_(plan), unstopped_(unstopped) {}

  // Finds the devices of all entries, with their definitions.
  void find();
  // Gives a parent and a type to those that have none. `leaving`: definitions that are removed. `in_use`:
  // devices that cannot be stopped now.
  void place(const std::vector<const Definition*>& leaving, const std::set<Uuid>& in_use);

  std::vector<WantedDevice>& all() { return all_; }

  // Returns whether the change of a definition is refused.
  bool is_unstopped(const Definition& definition) const {
    return unstopped_.contains({definition.uuid, definition.parent});
  }
  // Returns whether something keeps its place that the description would free: what does not fit then is no
  // problem of the description.
  bool is_any_unstopped() const { return !unstopped_.empty(); }

  // Returns the active device of a definition, or nullptr.
  const Device* active_of(const Definition& definition) const;
  // Returns whether the active device has to be stopped: a device that is only to be defined keeps running,
  // unless its definition moves to another parent.
  bool is_to_stop(const WantedDevice& device) const;
  // Returns the active devices that are to be stopped. `pruned`: definitions that are removed.
  std::vector<Uuid> leaving(const std::vector<const Definition*>& pruned) const;

  // Returns whether the preparation of a parent has failed.
  bool is_failed(const ParentName& parent) const;
  // Returns whether a parent is prepared before its devices are planned.
  bool is_unprepared(const ParentName& parent) const;
  // Refuses a device because one of its parents is not prepared.
  void refuse_unprepared(WantedDevice& device, const std::vector<ParentName>& parents);

  // Throws Error{conflict} if the queues or autostart of the device change, another device of the description
  // has one of the queues, and both have autostart: the hint names the entries, which the definition of the
  // other one must follow.
  void require_own_queues(const WantedDevice& device) const;

  // Returns a hint that names the active devices of a parent that are not described, or none.
  std::vector<std::string> advice_on_users(const ParentName& parent) const;

  // A device or definition that takes room on a parent and is not described.
  struct RoomUser {
    Definition definition;  // of a device without one: what is known of the device
    bool active;
    std::string name;  // for messages
  };

 private:
  struct Parsed {
    std::vector<Requirement> needs{};
    std::vector<ParentName> parents{};  // empty also if some of them are unknown
    bool knows_parents = true;
    bool knows_type = true;
    bool usable = true;  // no problem of the entry is known

    bool allows(const ParentName& parent) const {
      return parents.empty() || std::find(parents.begin(), parents.end(), parent) != parents.end();
    }
  };

  Parsed parse(const DeviceEntry& entry);
  bool offers_type(const DeviceEntry& entry, const Parsed& parsed);
  void find_devices_of(const DeviceEntry& entry, Parsed& parsed);
  void add(const DeviceEntry& entry, Parsed& parsed, const std::string& name, const Uuid& uuid);
  const Definition* current_of(const DeviceEntry& entry, const Parsed& parsed, const Uuid& uuid) const;
  // Returns whether the UUIDs of the devices of an entry are known.
  bool knows_uuid(const DeviceEntry& entry) const;
  void give_up_repeated();
  bool has_same_uuid(const WantedDevice& device, const WantedDevice& other) const;
  const Parsed& parsed_of(const DeviceEntry& entry) const;
  void give_up_named_otherwise(std::size_t first);
  bool is_named_otherwise(const WantedDevice& device);
  bool is_foreign(WantedDevice& device, const Parsed& parsed);
  void keep_place(WantedDevice& device, const Parsed& parsed);
  void keep_function(WantedDevice& device) const;
  bool type_matches(const Definition& definition, const DeviceEntry& entry, const Parsed& parsed) const;
  bool runs_as(const Device& active, const Definition& wanted, const Definition& current) const;
  static std::vector<ParentName> allowed_of(std::vector<ParentName> parents, const Parsed& parsed);
  // Parents on which devices can be placed.
  const Snapshot& usable() const { return usable_ ? *usable_ : input_.seen; }
  void free_rooms(Rooms& rooms, const std::vector<const Definition*>& leaving, const std::set<Uuid>& in_use);
  // Frees the room of definitions on one parent.
  void free_room(Rooms& rooms, const std::string& parent,
                 const std::vector<const Definition*>& leaving) const;
  bool is_emptied(const Parent& parent, const std::vector<const Definition*>& leaving) const;
  Room idle_room(const Parent& parent, const std::vector<const Definition*>& leaving) const;
  bool mixes(const ParentName& parent) const;
  void retype_in_place(Rooms& rooms);
  void require_matching_types();
  void give_up_missing(const DeviceEntry& entry);
  ChoiceRequest request_for(std::size_t entry, std::uint64_t count) const;
  // What is requested of place_all() for the devices that have no place yet.
  struct Requests {
    std::vector<ChoiceRequest> all{};
    std::vector<std::size_t> rest{};      // numbers of requests for as many as fit
    std::vector<std::size_t> entry_of{};  // of each request
  };
  Requests requests() const;
  void place_new(Rooms& rooms, bool blocked);
  std::vector<std::size_t> lacking_of(const Requests& wanted, const Placing& placing) const;
  void take_places(const Requests& wanted, const Placing& placing);
  void add_rest(std::size_t entry, std::size_t count);
  // Reports GPUs that get several framebuffer sizes although it is unknown whether they mix them.
  void note_mixing();
  std::string described_beside(const DeviceEntry& entry, const Parsed& parsed) const;
  // Returns whether all parents of an entry are prepared, or cannot be.
  bool is_known(const Parsed& parsed) const;
  // Places missing devices of an entry that are not started on the parent that it names, whatever fits there
  // now. Returns whether there are such devices.
  bool define_only(std::size_t entry);
  // Gives up the room of devices that are not started, because the devices of these entries find none.
  // Returns whether there was something to give up.
  bool yield_rooms(Rooms& rooms, const std::vector<std::size_t>& entries);
  bool define_beside(std::size_t entry);
  // Defers the missing devices of an entry of which parents are not prepared yet, or refuses them.
  void put_off(std::size_t entry);
  // Refuses an entry of which only `fitting` devices have room. `fits`: whether all devices find a place in
  // these rooms; `rooms`: those in which they do not.
  void refuse_room(std::size_t entry, std::uint64_t fitting, bool blocked,
                   const std::function<bool(Rooms)>& fits, const Rooms& rooms);
  void refuse_blocked(const DeviceEntry& entry, const std::string& message, std::vector<std::string> hints);
  void add_prune_hint(const std::vector<RoomUser>& others, std::vector<std::string>& hints) const;
  void problem(const FilePosition& where, ExitCode code, const std::string& message,
               const std::vector<std::string>& hints = {});

  const ApplyInput& input_;
  const ApplyOptions& options_;
  ApplyPlan& plan_;
  const UnstoppedDevices& unstopped_;
  std::vector<Parsed> parsed_{};  // of each entry
  std::vector<WantedDevice> all_{};
  std::optional<Snapshot> usable_{};  // without parents whose preparation has failed
  std::set<Uuid> in_use_{};           // devices that cannot be stopped now
  bool has_yielded_ = false;          // definitions of devices that are not started take no room
  PlacingEffort effort_{};
  std::vector<const Parent*> mixing_{};  // GPUs that were assumed to mix framebuffer sizes
};

}  // namespace mdevadm
