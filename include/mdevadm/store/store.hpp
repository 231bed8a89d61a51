// The definitions of a host, /etc/mdevadm/devices/<parent>/<uuid>.toml and, as mdevctl keeps them,
// /etc/mdevctl.d/<parent>/<uuid>; and their groups, /etc/mdevadm/groups/<name>.toml. Below a root.
#pragma once

#include <chrono>
#include <functional>
#include <mdevadm/model/boot.hpp>
#include <mdevadm/model/config.hpp>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/group.hpp>
#include <mdevadm/model/record.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/file_lock.hpp>
#include <optional>
#include <string>

namespace mdevadm::store {

// Told who is waited for, once, when a wait gets long.
using Waiting = std::function<void(const std::string& holder)>;

// Which of mdevctl's definitions are looked at.
struct ConfigFilter {
  std::optional<ParentName> parent{};
  std::optional<Uuid> uuid{};
  bool links = false;  // symbolic links too: mdevctl knows that they are there, and does not read them
};

// Reading takes no lock and makes nothing. Changing needs the lock; each change is one atomic replacement of
// one file.
class Store {
 public:
  // `root` must outlive the store.
  explicit Store(const sys::Dir& root) : root_(&root) {}

  // Everything that is defined, or everything under one parent, whoever keeps it. Of what both keep under one
  // parent ours counts; it is `odd` if they differ. A missing folder is an empty one; a file that cannot be
  // used is reported in `broken`, the rest counts. Throws Error if the folder of ours cannot be read.
  Definitions load(const std::optional<ParentName>& parent = std::nullopt) const;

  // Where a definition is kept, for messages.
  std::string path_of(const Definition& definition) const;

  // One change at a time, over all processes: a lock in /run/mdevadm. Throws Error, naming the process that
  // holds it, if it cannot be had for ten seconds.
  sys::FileLock lock() const;

  // One start or stop at a time on each of these parents, over all processes, likewise, for a minute if not
  // said otherwise. Whoever holds them may rest a plan on what it sees.
  std::vector<sys::FileLock> lock_parents(std::vector<ParentName> parents, const Waiting& waiting,
                                          std::chrono::seconds patience = std::chrono::minutes{1}) const;

  // What is remembered of devices until the machine goes down: /run/mdevadm/devices/<uuid>.toml. What cannot
  // be read is not remembered. Changing needs the parent's lock; several threads may.
  Records load_records() const;
  void keep_record(const Record& record) const;
  void drop_record(const Uuid& uuid) const;

  // What became of what was to come up by itself, at this boot: /run/mdevadm/boot/<parent>/<uuid>.toml.
  BootEvents load_boot_events() const;
  void keep_boot_event(const BootEvent& event) const;

  // Writes a definition that is not there yet, as `text` where that is given (it must parse to the
  // definition), else in the form of a new file. Throws Error{conflict} if there is one.
  void add(const Definition& definition, const std::optional<std::string>& text) const;

  // Makes the file of `before` say what `after` says; what a person wrote around it stays. Throws
  // Error{conflict} if the file no longer says `before`.
  void replace(const Definition& before, const Definition& after) const;

  // What a plan has made sure of, once more, for who has let go of the lock since: nobody else has the name,
  // or keeps a definition of the same device; it is no group's member. Throw Error{conflict}.
  void require_free(const Definition& added) const;
  void require_no_member(const Definition& removed) const;

  // Removes the definition and, when it was the last one, its parent's folder. Throws Error{not_found} if
  // there is none, Error{conflict} if it is another.
  void remove(const Definition& definition) const;

  // The definitions as mdevctl keeps them, and nothing else.
  KeptConfigs load_configs(const ConfigFilter& filter = {}) const;
  // Whether there is anything where one is kept: a file, good or not, or what keeps one from being written.
  bool has_config(const Uuid& uuid, const ParentName& parent) const;
  std::string path_of(const KeptConfig& kept) const;
  // Writes one, whatever was there. Throws Error, also where nobody would look for it.
  void write_config(const KeptConfig& kept) const;
  // With all other files of the same device. The parent's folder stays. Throws Error{not_found} if there is
  // none.
  void remove_config(const KeptConfig& kept) const;

  // The same for groups. A member need not be defined: `odd` has what two groups claim.
  Groups load_groups() const;
  std::string path_of(const GroupName& name) const;
  void add_group(const Group& group) const;
  void replace_group(const Group& before, const Group& after) const;
  // Takes a member out, whoever else is changed. May be called by several threads at once.
  void leave_group(const GroupName& name, const Member& member) const;
  void rename_group(const GroupName& from, const GroupName& to) const;
  void remove_group(const GroupName& name) const;

 private:
  struct LockRequest {
    std::string file;
    std::string doing;
    std::chrono::seconds patience;
  };
  sys::FileLock take_lock(const LockRequest& request, const Waiting& waiting = {}) const;
  sys::Dir folder_for_change(const Definition& definition, const std::string& doing) const;
  Definitions load_own(const std::optional<ParentName>& only) const;
  bool is_usual(const KeptConfig& kept) const;
  KeptConfig kept_config(const Definition& definition) const;
  void add_to_mdevctl(const Definition& definition) const;
  void replace_in_mdevctl(const Definition& before, const Definition& after) const;

  const sys::Dir* root_;
};

}  // namespace mdevadm::store
