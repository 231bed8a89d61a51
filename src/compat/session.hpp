// What a command under the name mdevctl works with.
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

  // Results; written to stdout at the end, all at once.
  std::string out;

  const sys::Dir& root() const { return root_; }
  const store::Store& store() const { return store_; }
  Hooks& hooks() { return hooks_; }
  // Without scripts: mdevctl asks them before it looks whether a thing can be done at all. What changes
  // definitions holds their lock.
  Effects effects() const { return {host_, store_, nullptr, true}; }
  Snapshot observe(const Look& what) const;

  // What is defined, with a warning for each file that nobody could have meant as a definition.
  KeptConfigs configs(const store::ConfigFilter& filter) const;

  // Carries out one job, and tells its warnings.
  JobResult carry_out(Job job) const;

 private:
  sys::Dir root_;
  Host host_;
  store::Store store_;
  Hooks hooks_;
};

// Below which folder everything is: MDEVCTL_ENV_ROOT, or "/".
std::string chosen_root();

// A parent's name that was given; nothing was given: nothing. Throws Failure for what can be none.
std::optional<ParentName> parent_in(const Options& options);

// Devices that mdevctl knows of: of a type, and called by their UUID.
bool is_listed(const Device& device);
// The active one, if it is listed.
std::optional<Device> find_active(const Session& session, const Uuid& uuid);

// A file that is to say all of a device. Throw Failure.
void require_file(const std::string& path);
std::string read_config_file(const std::string& path);
Config config_in(const std::string& text);

// Of each name that should be a UUID and is none.
void warn_of_names(const std::vector<std::string>& names);

// How many more of a type can be made. Throws Failure in mdevctl's words where that cannot be read.
std::int64_t available_instances(const Session& session, const Parent& parent, const Type& type);

// Files that cannot be used are left out of what is listed.
void warn_of_broken(const KeptConfigs& configs);
// Throws what is wrong with the first of them.
void require_readable(const KeptConfigs& configs);

// One start or stop at a time on it. Scripts are asked meanwhile, so that there is patience for one of them.
std::vector<sys::FileLock> lock_parent(Session& session, const ParentName& parent);

// What is kept for a device now.
std::optional<Config> kept_now(const Session& session, const KeptConfig& kept);
// Under the lock of definitions, where scripts were asked about what was kept `before`: throws Failure if it
// is another by now.
void require_unchanged(Session& session, const KeptConfig& kept, const std::optional<Config>& before);

// Under the lock of definitions. `verb` says what for. Throws Failure.
void write_config(const Session& session, const KeptConfig& kept, const char* verb);

// "  Attrs:" and a line each; nothing for none.
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
