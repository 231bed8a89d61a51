// Environment of the mdevctl commands, and helper functions that they share.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/model/config.hpp>
#include <mdevadm/run/executor.hpp>
#include <mdevadm/run/hooks.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/sys/dir.hpp>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "messages.hpp"

namespace mdevadm::compat {

class Session {
 public:
  explicit Session(sys::Dir root);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Results, written to stdout at the end.
  std::string out;
  // Writes the results so far if there are many. Only for commands that cannot fail any more. Throws Failure.
  void flush();

  const sys::Dir& root() const { return root_; }
  const store::Store& store() const { return store_; }
  Hooks& hooks() { return hooks_; }
  // Without hooks, because the commands run the scripts themselves: mdevctl runs pre scripts before it checks
  // whether the operation is possible. Commands that change definitions hold the lock of the definitions.
  Effects effects() const { return {host_, store_, nullptr, true}; }
  Snapshot observe(Scope what) const;

  // Returns mdevctl's definitions. Warns about each file whose name is not a UUID.
  KeptConfigs configs(const store::ConfigFilter& filter) const;

  // Returns the path of the file that the action writes; empty if it is another action, or not known.
  std::string file_of(const std::optional<Action>& action) const;

  // Executes a job and prints its warnings.
  JobResult carry_out(Job job) const;

 private:
  sys::Dir root_;
  Host host_;
  store::Store store_;
  Hooks hooks_;
};

// Returns the root directory: MDEVCTL_ENV_ROOT, or "/".
std::string chosen_root();

// Returns the --parent option, if given. Throws Failure if it cannot be the name of a parent.
std::optional<ParentName> parent_in(const Options& options);

// Returns true for devices that mdevctl lists: those with a type, whose kernel name is their UUID.
bool is_listed(const Device& device);
// Returns the device if it is active and listed.
std::optional<Device> find_active(const Session& session, const Uuid& uuid);

// Functions that read a definition from a file. Throw Failure.
void require_file(const std::string& path);
std::string read_config_file(const std::string& path);
Config config_in(const std::string& text);

// Warns about each name that is not a UUID.
void warn_of_names(const std::vector<std::string>& names);

// Returns the available instances of a type. Throws Failure with mdevctl's message if they cannot be read.
std::int64_t available_instances(const Session& session, const Parent& parent, const Type& type);

// Warns about files that cannot be read and are therefore not listed.
void warn_of_broken(const KeptConfigs& configs);
// Throws Failure for the first file that cannot be read.
void require_readable(const KeptConfigs& configs);

// Locks a parent. Another process holds the lock while its scripts run, so the timeout covers the deadline of
// one script.
std::vector<sys::FileLock> lock_parent(Session& session, const ParentName& parent);

// Returns the present definition of the device, if there is one.
std::optional<Config> stored_now(const Session& session, const StoredConfig& stored);
// Throws Failure if scripts have run and the stored definition is no longer `before`. The caller holds the
// lock of the definitions.
void require_unchanged(Session& session, const StoredConfig& stored, const std::optional<Config>& before);

// Writes a definition; the caller holds the lock of the definitions. `verb` names the command. Throws
// Failure.
void write_config(const Session& session, const StoredConfig& stored, const char* verb);

// Returns "  Attrs:" and a line per attribute; empty if there are none.
std::string attribute_lines(const Config& config);

// The commands. They throw Failure and Error.
void run_define(Session& session, const Options& options);
void run_undefine(Session& session, const Options& options);
void run_modify(Session& session, const Options& options);
void run_start(Session& session, const Options& options);
void run_start_parent(Session& session, const Options& options);
void run_stop(Session& session, const Options& options);
void run_list(Session& session, const Options& options);
void run_types(Session& session, const Options& options);

}  // namespace mdevadm::compat
