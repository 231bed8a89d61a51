// Files of mdevadm below a root: definitions in /etc/mdevadm/devices/<parent>/<uuid>.toml and, in mdevctl's
// format, /etc/mdevctl.d/<parent>/<uuid>; groups in /etc/mdevadm/groups/<name>.toml; settings of
// parents in /etc/mdevadm/parents/<parent>.toml; runtime state in /run/mdevadm.
#pragma once

#include <chrono>
#include <functional>
#include <mdevadm/model/boot.hpp>
#include <mdevadm/model/claim.hpp>
#include <mdevadm/model/config.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/parent_settings.hpp>
#include <mdevadm/model/probe.hpp>
#include <mdevadm/model/record.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/file_lock.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mdevadm::store {

// Called with the process that holds a lock, once, when waiting for the lock takes long; it ends after
// `patience`.
using Waiting = std::function<void(const std::string& holder, std::chrono::milliseconds patience)>;

// Selects which of mdevctl's definitions to read.
struct ConfigFilter {
  std::optional<ParentName> parent{};
  std::optional<Uuid> uuid{};
  bool links = false;  // include symbolic links, which mdevctl lists but does not read
};

// Reads take no lock and create nothing. The caller of a change holds the lock; each change replaces one file
// atomically. Of the threads of the process that holds the lock, one at a time may change files: a change
// removes temporary files that dead processes have left.
class Store {
 public:
  // Whether files in /run/mdevadm are necessary. The SELinux policy for mdevctl lets a program that libvirt
  // starts create none in a directory that others have created; then locks are only those on directories, and
  // runtime records are omitted.
  enum class Runtime { required, optional };

  // Called if a change continues without a lock, because none could be taken; `text` says which and why.
  using Unlocked = std::function<void(const std::string& text)>;

  // `root` must outlive the store.
  explicit Store(const sys::Dir& root, Runtime runtime = Runtime::required, Unlocked unlocked = {})
      : root_(&root), runtime_(runtime), unlocked_(std::move(unlocked)) {}

  // Returns all definitions, or those of one parent, from both stores. If both stores define the same device,
  // mdevadm's definition wins; differences are reported in `problems`. A missing directory counts as empty;
  // an unusable file is reported in `broken` and skipped. Throws Error if mdevadm's own directory cannot be
  // read.
  Definitions load(const std::optional<ParentName>& parent = std::nullopt) const;

  // Returns the definitions of these devices and reads no other files of definitions, nor settings of
  // parents.
  Definitions load_some(const std::vector<Uuid>& devices) const;

  // Returns the path of a definition's file, for messages.
  std::string path_of(const Definition& definition) const;

  // Locks the definitions against changes by other processes: a file in /run/mdevadm and, if it exists, the
  // directory /etc/mdevctl.d. Throws Error, naming the holder, after waiting ten seconds.
  sys::FileLock lock(const Waiting& waiting = {}) const;
  // Returns whether another process has this lock, as far as this is known: it may have written some of its
  // changes, and not the others.
  bool is_locked() const;

  // Returns why root cannot write state below /run/mdevadm, with what solves it; nullopt if there is no
  // reason, or if this process is not root.
  std::optional<FileProblem> state_problem() const;

  // Locks each of these parents against starts and stops by other processes: a file in /run/mdevadm and, for
  // parents in /sys/class/mdev_bus, their directory in sysfs. Throws Error, naming the holder,
  // when `patience` has passed. A plan may rely on what the caller observes while it holds these locks.
  std::vector<sys::FileLock> lock_parents(std::vector<ParentName> parents, const Waiting& waiting,
                                          std::chrono::seconds patience = std::chrono::minutes{1}) const;

  // Locks one parent like lock_parents(), or returns nullopt at once if another process holds the lock.
  // Throws Error if the lock cannot be taken for another reason.
  std::optional<sys::FileLock> try_lock_parent(const ParentName& parent) const;

  // Runtime records in /run/mdevadm/devices/<uuid>.toml. Unreadable records are ignored. Changes require the
  // lock of the parent; several threads may call.
  Records load_records() const;
  Records load_records(const std::vector<Uuid>& devices) const;
  void keep_record(const Record& record) const;
  void drop_record(const Uuid& uuid) const;

  // Virtual functions that have refused a type, in /run/mdevadm/functions/<address>.toml. Unreadable files
  // are ignored, and so are errors of changes: the files only improve later choices and messages.
  std::vector<FunctionRefusal> load_refusals() const;
  void keep_refusal(const FunctionRefusal& refusal) const;
  void drop_refusal(const std::string& vf) const;

  // Claims in /run/mdevadm/claims/<uuid>.toml, of present and of earlier devices. The file of a claim that
  // cannot be used counts as a claim with a problem; a missing directory counts as empty. Throws Error if the
  // directory cannot be read.
  Claims load_claims() const;
  // Returns the devices that have files there, without reading the files.
  std::set<Uuid> claimed_devices() const;
  std::string path_of_claim(const Uuid& uuid) const;
  // Locks the claims. The lock is taken after those of parents, never the other way round unless without
  // waiting (try_lock_parent()). Throws Error like lock().
  sys::FileLock lock_claims(const Waiting& waiting = {}) const;
  // Changes require that lock. keep_claim() replaces the claim of an earlier device. drop_claim() throws
  // Error{conflict} if the device has another claim now, and does nothing if it has none.
  void keep_claim(const Claim& claim) const;
  void drop_claim(const Claim& claim) const;
  // Removes the claim of an earlier device with this UUID, if there is one. Requires the lock of the parent.
  void remove_claim(const Uuid& uuid) const;

  // Autostart results of this boot in /run/mdevadm/boot/<parent>/<uuid>.toml.
  BootEvents load_boot_events() const;
  void keep_boot_event(const BootEvent& event) const;
  // Marks a failed autostart of the device as followed by a start by a command. Ignores errors.
  void end_boot_failure(const Uuid& uuid, const ParentName& parent) const;

  // Writes a new definition, as `text` if given (it must parse to the definition), otherwise in the default
  // format. Throws Error{conflict} if the file exists.
  void add(const Definition& definition, const std::optional<std::string>& text) const;

  // Changes the file of `before` to `after` and preserves everything else in it. Throws Error{conflict} if
  // the file no longer contains `before`, Error{not_found} if it does not exist.
  void replace(const Definition& before, const Definition& after) const;

  // Change nothing. require_replaceable() throws the Error of replace() if it would fail because of the
  // content or the layout of the file; require_writable(), if this process may not write the definition.
  void require_replaceable(const Definition& before, const Definition& after) const;
  void require_writable(const Definition& definition) const;

  // Re-check the preconditions of a plan if the lock was released since planning; throw Error{conflict}.
  // require_free(): the name is unused and the other store does not define the device.
  // require_no_member(): the definition is not a member of a group.
  void require_free(const Definition& added) const;
  void require_no_member(const Definition& removed) const;

  // Removes the definition and, if it was the last one, its parent's directory. Throws Error{not_found} if it
  // does not exist, Error{conflict} if the file no longer contains it.
  void remove(const Definition& definition) const;

  // Returns mdevctl's definitions only.
  KeptConfigs load_configs(const ConfigFilter& filter = {}) const;
  // Returns whether anything exists at the path of a config: a valid or invalid file, or an entry that
  // prevents writing one.
  bool has_config(const Uuid& uuid, const ParentName& parent) const;
  std::string path_of(const StoredConfig& stored) const;
  // Writes a config, replacing an existing one. Throws Error, also if `parent` is the name of mdevctl's
  // script directory, which is not searched for definitions.
  void write_config(const StoredConfig& stored) const;
  // Removes a config and all other files of the same device. The parent's directory stays. Throws
  // Error{not_found} if it does not exist.
  void remove_config(const StoredConfig& stored) const;

  // The same operations for groups. Members need not be defined; definitions claimed by two groups are
  // reported in `problems`.
  Groups load_groups() const;
  // Returns the group of this name without reading the others; nullopt if its file is missing or cannot be
  // used.
  std::optional<Group> load_group(const GroupName& name) const;
  std::string path_of(const GroupName& name) const;
  void add_group(const Group& group) const;
  void replace_group(const Group& before, const Group& after) const;
  // Removes a member from the current state of the group, so that concurrent changes of other members
  // persist.
  void leave_group(const GroupName& name, const Member& member) const;
  void rename_group(const Group& group, const GroupName& to) const;
  void remove_group(const Group& group) const;

  // The same operations for the settings of parents. Throws Error{conflict} if the file is no longer as
  // `before`, or exists although `before` is absent.
  AllParentSettings load_parent_settings() const;
  std::string path_of_settings(const ParentName& parent) const;
  void write_parent_settings(const std::optional<ParentSettings>& before, const ParentSettings& after) const;
  void remove_parent_settings(const ParentSettings& settings) const;
  // Which commands of a parent have succeeded since boot. Changes require the lock of the parent.
  Preparation load_preparation(const ParentName& parent) const;
  void keep_preparation(const Preparation& done) const;
  // What probes of a parent have found since boot. Writing requires the lock of the parent.
  ProbeResults load_probes(const ParentName& parent) const;
  void write_probes(const ParentName& parent, const ProbeResults& results) const;

 private:
  struct LockRequest {
    std::string file;       // in /run/mdevadm
    std::string directory;  // below the root; locked as well if it exists; may be empty
    std::string object;     // what it locks: "the definitions"
    std::chrono::seconds patience;
  };
  static LockRequest request_of(const ParentName& parent, std::chrono::seconds patience);
  sys::FileLock take_lock(const LockRequest& request, const Waiting& waiting = {}) const;
  // Returns whether an error of a file in /run/mdevadm is to be ignored.
  bool may_lack(const sys::SysError& error) const;
  sys::Dir directory_for_change(const Definition& definition, const std::string& doing) const;
  // Throws Error{conflict} if the file of a definition that moves there exists.
  void require_place(const Definition& placed) const;
  void remove_file_of(const Definition& definition, const sys::Dir& directory,
                      const std::string& doing) const;
  Definitions load_own(const std::optional<ParentName>& only, const std::set<Uuid>* devices = nullptr) const;
  bool is_usual(const StoredConfig& stored) const;
  StoredConfig stored_config(const Definition& definition) const;
  StoredConfig config_of_unchanged(const Definition& before, const std::string& doing) const;
  void add_to_mdevctl(const Definition& definition) const;
  StoredConfig config_to_replace(const Definition& before, const Definition& after) const;
  void replace_in_mdevctl(const Definition& before, const Definition& after) const;

  const sys::Dir* root_;
  Runtime runtime_;
  Unlocked unlocked_;
};

}  // namespace mdevadm::store
