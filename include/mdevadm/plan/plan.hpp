// What is to be done, as plain values: built by pure functions, printed by --dry-run, carried out by run/.
#pragma once

#include <chrono>
#include <mdevadm/model/config.hpp>
#include <mdevadm/model/creation.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/record.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mdevadm {

struct CreateDevice {
  Creation what;
};

// Removes a device and waits until it is gone, at most `patience`. `forced`: the person knows that it may be
// in use.
struct RemoveDevice {
  Device device;
  std::chrono::milliseconds patience;
  bool forced = false;
};

// Makes it one of so many instances, where creation has not done that, and sees that it is.
struct Aggregate {
  Device device;
  std::uint64_t units;
};

// `bare`: as it is, without the newline that ends a value.
struct WriteAttribute {
  Device device;
  Attribute attribute;
  bool bare = false;
};

// Several that assigns_queue(), at once where the kernel can.
struct AssignQueues {
  Device device;
  std::vector<Attribute> attributes;
};

// Makes it share an IOMMU group, and peer-to-peer resources, with all that share as `peers`, if it is of a
// kind that can. `leader`: whose group it was created for. It must share if it is `required` to.
struct JoinPeers {
  Device device;
  Uuid peers;
  std::optional<Device> leader{};
  bool required = false;
};

struct SetOnline {
  Device device;
  bool online;
};

// Waits until type and node of a device can be seen: the kernel shows the device first. Fails if it has
// another type.
struct AwaitDevice {
  Device device;
  std::chrono::milliseconds patience;
  bool made_here = false;  // by an earlier step: nobody else gave it a type
};

// Waits until nobody has the device's nodes open. When that takes longer, the job fails, or goes on if it is
// `forced`.
struct AwaitRelease {
  Device device;
  std::chrono::milliseconds patience;
  bool forced = false;
};

struct OwnNode {
  Device device;
  NodePolicy policy;
};

// Asks the driver whether it takes a migration_version; fails with abi_differs if not.
struct CheckMigration {
  ParentName parent;
  TypeName type;
  std::string version;
};

// What the kernel does not tell of a device is remembered until the machine goes down.
struct KeepRecord {
  Record record;
};

struct DropRecord {
  Uuid uuid;
};

struct AddDefinition {
  Definition definition;
  std::optional<std::string> text;  // the file as a person wrote it
};

struct ReplaceDefinition {
  Definition before;
  Definition after;
};

struct RemoveDefinition {
  Definition definition;
};

// mdevctl's, in its own words, whatever was there.
struct WriteConfig {
  KeptConfig kept;
};

struct RemoveConfig {
  KeptConfig kept;
};

struct AddGroup {
  Group group;
};

struct ReplaceGroup {
  Group before;
  Group after;  // of the same name
};

struct LeaveGroup {
  GroupName group;
  Member member;
};

struct RenameGroup {
  GroupName from;
  GroupName to;
};

struct RemoveGroup {
  Group group;
};

using Action = std::variant<CreateDevice, RemoveDevice, Aggregate, WriteAttribute, AssignQueues, JoinPeers,
                            SetOnline, AwaitDevice, AwaitRelease, OwnNode, CheckMigration, KeepRecord,
                            DropRecord, AddDefinition, ReplaceDefinition, RemoveDefinition, WriteConfig,
                            RemoveConfig, AddGroup, ReplaceGroup, LeaveGroup, RenameGroup, RemoveGroup>;

// One line for a person: "create nvidia-17 on 0000:86:00.0 as 8f3c…".
std::string describe(const Action& action);

struct Step {
  Action action;
  std::optional<Action> undo;  // takes back what `action` did, when a later step of the job fails
  unsigned stage = 0;          // no job begins one before all have ended the last
};

enum class HookAction { start, stop, define, undefine, modify };

// What mdevctl's scripts are told of a job, before its first step and after its last.
struct HookEvent {
  HookAction action;
  Definition about;     // the device, as it is to be or as it was
  bool forced = false;  // also if a script says no
};

// Steps that belong together: all are done, or those that were done are undone.
struct Job {
  std::string goal;     // "start '8f3c…'": completes "cannot …"
  std::string subject;  // whom it is about: a device's UUID, a group's name
  std::string lane;     // jobs of one lane run one after the other, in order: the parent's name
  std::string type;     // of the device, for the report; empty if not known
  std::vector<Step> steps{};
  std::string note{};  // why there is nothing to do, when there are no steps: "is active already"
  std::vector<std::string> warnings{};
  std::optional<HookEvent> hooks{};
};

// How jobs depend on one another.
enum class Bond {
  none,         // not at all: one that fails does not keep the others
  all_or_none,  // one that fails undoes all
};

struct Plan {
  std::vector<Job> jobs{};
  Bond bond = Bond::none;
  bool backwards = false;  // of each lane, the last job first
};

}  // namespace mdevadm
