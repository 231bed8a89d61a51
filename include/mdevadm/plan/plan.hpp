// Plans: the changes to be made, as plain values. Built by pure functions, printed by --dry-run, executed by
// run/.
#pragma once

#include <chrono>
#include <mdevadm/model/claim.hpp>
#include <mdevadm/model/config.hpp>
#include <mdevadm/model/creation.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/guest.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/model/probe.hpp>
#include <mdevadm/model/record.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/plan/identity.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mdevadm {

// Creates a device. If another process has created it since the plan was made, the job ends unless the device
// differs from `requested`, which is that of a device without a definition; differences from `defined` are
// noted.
struct CreateDevice {
  Creation what;
  std::optional<Definition> requested{};
  std::optional<Definition> defined{};
  std::optional<NodePolicy> node{};  // of the definition and its group
  // Virtual functions to try if the driver refuses this one; none if the user or the definition chose it.
  std::vector<std::string> others{};
};

// Removes a device and waits at most `patience` until it is gone. `forced`: the user accepts that it may be
// in use. If the driver refuses the removal because the device is in use, the request is repeated until
// `deadline`: drivers may need seconds after a virtual machine has ended. Without a deadline the error has
// the hint `advice`.
struct RemoveDevice {
  Device device;
  std::chrono::milliseconds patience;
  bool forced = false;
  std::optional<std::chrono::steady_clock::time_point> deadline{};
  std::string advice{};
  // Until the deadline, repeat the request whatever the driver answers, also after a signal.
  bool insists = false;
};

// Sets the number of aggregated instances, unless creation has done so, and verifies it.
struct Aggregate {
  Device device;
  std::uint64_t units;
};

// `bare`: write the value without a final newline.
struct WriteAttribute {
  Device device;
  Attribute attribute;
  bool bare = false;
};

// Writes a file in the directory of a type, which determines the devices that are created next.
struct WriteTypeAttribute {
  ParentName parent;
  TypeName type;
  Attribute attribute;
};

// Attributes that satisfy assigns_queue(), written at once if the kernel supports it.
struct AssignQueues {
  Device device;
  std::vector<Attribute> attributes;
};

// Fails unless the device has these adapters, domains and control domains: the kernel may have assigned
// others than were written.
struct CheckQueues {
  Device device;
  ApMatrix expected;
};

// Makes the device share an IOMMU group and peer-to-peer resources with the set `peers`, if its kind supports
// that. `leader`: device in whose group it was created. `required`: failing to share is an error.
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

// Waits until the type and the node of a device are visible: the kernel publishes the device before them.
// Fails if the device has another type.
struct AwaitDevice {
  Device device;
  std::chrono::milliseconds patience;
  bool made_here = false;  // created by an earlier step, so the type need not be checked
};

// Waits until all processes have closed the device's nodes. After `patience` the job fails, with the hint
// `advice`, or continues if `forced`.
struct AwaitRelease {
  Device device;
  std::chrono::milliseconds patience;
  bool forced = false;
  std::string advice{};
};

// Sets owner, group, mode and label of the device's VFIO nodes, or of the one with the path `node`.
struct OwnNode {
  Device device;
  NodePolicy policy;
  std::string node{};
};

// Checks that the driver accepts a migration_version; fails with abi_differs if not.
struct CheckMigration {
  ParentName parent;
  TypeName type;
  std::string version;
};

// Writes a runtime record: facts about a device that the kernel does not report, stored until reboot.
struct KeepRecord {
  Record record;
  bool ends_start = false;  // the executor adds the duration of the job
};

struct DropRecord {
  Uuid uuid;
};

// Writes a claim.
struct KeepClaim {
  Claim claim;
};

// Removes a claim, unless the device was claimed again since the plan was made.
struct DropClaim {
  Claim claim;
};

struct AddDefinition {
  Definition definition;
  std::optional<std::string> text;  // the file as written by the user
  bool takes_over_name = false;     // from a definition that another job of the plan renames
};

struct ReplaceDefinition {
  Definition before;
  Definition after;
  bool takes_over_name = false;  // as in AddDefinition
};

// Writes the VF that a device got into its definition. Failing to do so is a warning: the device works.
struct ReserveFunction {
  Definition before;
  Definition after;
};

// A part of a GPU's framebuffer that a definition has fixed, in GiB, as the driver counts placements.
struct FixedPlacement {
  std::string owner;  // the definition, in quotes
  unsigned first;
  unsigned size;
};

// Moves a new vGPU of this size to a placement that overlaps none of these, if the driver has given it such a
// one. Failing to do so is a warning: the device works.
struct AvoidPlacements {
  Device device;
  unsigned size;
  unsigned memory;  // of the GPU
  std::vector<FixedPlacement> fixed;
};

struct RemoveDefinition {
  Definition definition;
};

// Writes a definition in mdevctl's format, replacing an existing one.
struct WriteConfig {
  StoredConfig stored;
};

struct RemoveConfig {
  StoredConfig stored;
};

struct AddGroup {
  Group group;
};

struct ReplaceGroup {
  Group before;
  Group after;  // has the same name
};

struct LeaveGroup {
  GroupName group;
  Member member;
};

struct RenameGroup {
  Group group;  // with its present name
  GroupName to;
};

struct RemoveGroup {
  Group group;
};

// Binds a parent to its driver, from which an interrupted program took it.
struct BindParent {
  ParentName parent;
  std::string driver;
};

// Sets the number of a parent's virtual functions and verifies it. Repeats for `patience` what the driver
// refuses while other programs use the GPU.
struct ChangeFunctions {
  ParentName parent;
  FunctionMethod method;
  std::uint64_t number;
  std::uint64_t total;
  std::chrono::milliseconds patience;
};

// Runs a command of a parent's settings, `checks`: unless its check succeeds.
struct RunCommand {
  ParentName parent;
  ParentCommand command;
  bool checks;
};

// Records which commands of a parent have succeeded, until reboot.
struct KeepPreparation {
  Preparation done;
  // In the last step: the settings. The step fails if the parent does not have their virtual functions any
  // more: a command, or another program, may have removed them.
  std::optional<ParentSettings> required{};
};

// Records the available instances of all types of the parent, on which exactly these devices are active.
struct NoteRemainder {
  ParentName parent;
  TypeCounts created;
  std::string state;  // state_text() of the parent without devices
};

struct WriteParentSettings {
  std::optional<ParentSettings> before;
  ParentSettings after;
};

struct RemoveParentSettings {
  ParentSettings settings;
};

// Attach a device to the running virtual machine of the plan (Effects::machine), and detach it; the latter
// waits for the guest at most `patience`.
struct AttachDevice {
  Attachment what;
};

struct DetachDevice {
  Attachment what;
  std::chrono::milliseconds patience;
};

using Action =
    std::variant<CreateDevice, RemoveDevice, Aggregate, AvoidPlacements, WriteAttribute, WriteTypeAttribute,
                 AssignQueues, CheckQueues, JoinPeers, SetOnline, AwaitDevice, AwaitRelease, OwnNode,
                 CheckMigration, KeepRecord, DropRecord, KeepClaim, DropClaim, AddDefinition,
                 ReplaceDefinition, ReserveFunction, RemoveDefinition, WriteConfig, RemoveConfig, AddGroup,
                 ReplaceGroup, LeaveGroup, RenameGroup, RemoveGroup, BindParent, ChangeFunctions, RunCommand,
                 KeepPreparation, NoteRemainder, WriteParentSettings, RemoveParentSettings, AttachDevice,
                 DetachDevice>;

// Returns one line for messages: "create nvidia-17 on 0000:86:00.0 as 8f3c…".
std::string describe(const Action& action);

// Returns the kind of an action as a stable word for programs: "create", "attribute", "modify".
std::string kind_of(const Action& action);

struct Step {
  Action action;
  std::optional<Action> undo;  // reverts `action` if a later step of the job fails
  unsigned stage = 0;          // starts only after all jobs have finished the previous stage
};

enum class HookAction { start, stop, define, undefine, modify };

// The event that mdevctl's scripts receive before the first and after the last step of a job.
struct HookEvent {
  HookAction action;
  Definition about;       // the device as it will be or as it was
  bool forced = false;    // continue even if a script refuses
  bool own = false;       // the definition is in mdevadm's directory, where mdevctl's scripts do not look
  bool can_force = true;  // the command has the option --force, which hints name
};

// Steps that belong together: if one fails, the completed ones are rolled back.
struct Job {
  std::string goal;    // "start 's3' (8a4a…)": completes "cannot …"
  Identity about;      // the device or group
  std::string lane{};  // jobs of one lane, usually those of one parent, run one after the other, in order
  std::vector<Step> steps{};
  // Sentences for the report: why there are no steps ("'s3' is already active"), or other information.
  std::vector<std::string> notes{};
  std::vector<std::string> warnings{};
  std::vector<Holder> holders{};  // the processes for which the removal of the device waits already
  std::optional<HookEvent> hooks{};
  // Index in the plan of the job of the same lane that must succeed first. If it fails, this job fails with
  // the same error.
  std::optional<std::size_t> after{};
  // The goal of the whole command if this job is a part of it: "restart 's3' (8a4a…)".
  std::string part_of{};
  // The steps, all of one stage, are rolled back after the last one, also if all have succeeded. The job
  // fails if the rollback fails.
  bool trial = false;
  // Jobs with the same text are all or none, also in a plan whose other jobs are independent of each other.
  std::string unit{};

  // Returns what completes "cannot …" in errors.
  const std::string& goal_of_command() const { return part_of.empty() ? goal : part_of; }
};

// Whether a failed job affects the others.
enum class Bond {
  none,         // the other jobs continue
  all_or_none,  // all jobs are rolled back
};

struct Plan {
  std::vector<Job> jobs{};
  Bond bond = Bond::none;
  bool backwards = false;  // run the jobs of each lane in reverse order
};

}  // namespace mdevadm
