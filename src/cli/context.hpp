// The environment of a command: host and store below the selected root, results and messages.
#pragma once

#include <functional>
#include <mdevadm/host/host.hpp>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/run/executor.hpp>
#include <mdevadm/run/hooks.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/error.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "env.hpp"

namespace mdevadm::cli {

// Options that every command accepts.
struct Globals {
  std::string root = "/";
  bool verbose = false;
  bool quiet = false;
};

// The device or group that a message refers to; written as fields of journal entries.
struct Subject {
  std::string uuid{};
  std::string parent{};
  std::string type{};
  std::string group{};
};

Subject subject_of(const Identity& about, const std::string& group);

// Prints messages on stderr, as text or, with --json, as one JSON object per line. If stderr is connected to
// the systemd journal, writes entries with fields.
class Messages {
 public:
  explicit Messages(const Env& env) : env_(env) {}

  void use_json() { json_ = true; }
  void set_quiet() { quiet_ = true; }
  // Sets the arguments of the program, for hints and JSON.
  void set_words(std::vector<std::string> words) { words_ = std::move(words); }
  // Sets the command as it is called in JSON: "group start".
  void set_command(std::string command) { command_ = std::move(command); }

  void error(const Error& error, const Subject& about = {}) const;
  // Reports a problem and how the program continues: "..., skipping". With --json it is collected for the
  // results.
  void warning(const std::string& text, const Subject& about = {}) const;
  // Prints information for interactive users; nothing with --quiet. With --json it is collected.
  void note(const std::string& text, const Subject& about = {}) const;
  // Return and clear the collected messages.
  std::vector<std::string> take_notes() const;
  std::vector<std::string> take_warnings() const;
  // Prints the collected warnings that are not in the results.
  void print_collected() const;
  // Prints that the program waits, at once; nothing with --quiet and --json.
  void waiting(const std::string& text, const Subject& about = {}) const;
  // Adds the hint to an error that a user without privileges needs.
  Error advised(const Error& error) const;
  // Replaces the previous progress line of a terminal; an empty text clears it.
  void line_in_place(const std::string& text) const;
  bool speaks_to_person() const { return !json_ && !quiet_; }
  bool on_terminal() const { return env_.err_is_terminal; }
  bool in_journal() const { return env_.err_is_journal && !json_; }
  bool json() const { return json_; }

 private:
  enum class Level { error = 3, warning = 4, info = 6 };  // syslog priorities

  void write(const std::string& text) const;
  void tell(Level level, const std::string& prefix, const std::string& text, const Subject& about) const;
  void write_json(const char* kind, render::Record content, const std::string& uuid) const;

  const Env& env_;
  bool json_ = false;
  bool quiet_ = false;
  std::vector<std::string> words_;
  std::string command_;
  mutable std::mutex mutex_;  // messages come from several threads
  mutable std::vector<std::string> notes_;
  mutable std::vector<std::string> warnings_;
};

class Context;

// Prints each step on stderr with --verbose.
class VerboseProgress final : public Progress {
 public:
  explicit VerboseProgress(const Context& context) : context_(context) {}

  void done(const Job& job, const Action& action) override;
  void undone(const Job& job, const Action& action) override;
  void waiting(const Job& job, const StepWait& wait) override;

 private:
  void report(const Job& job, const char* prefix, const Action& action) const;

  const Context& context_;
};

// Prints the progress of a plan with several devices: a single updated line on a terminal, otherwise one line
// per device.
class GroupProgress final : public Progress {
 public:
  GroupProgress(const Messages& messages, const Plan& plan);
  GroupProgress(const GroupProgress&) = delete;
  GroupProgress& operator=(const GroupProgress&) = delete;
  ~GroupProgress() override;

  void done(const Job& job, const Action& action) override;
  void undone(const Job& job, const Action& action) override;
  void waiting(const Job& job, const StepWait& wait) override;

 private:
  const Messages& messages_;
  std::size_t steps_ = 0;  // all steps of the plan
  std::size_t steps_done_ = 0;
  std::size_t jobs_ = 0;  // jobs with steps
  std::size_t jobs_done_ = 0;
};

// Which problems of files a command prints. A file concerns a command if the command uses its contents or
// would have listed them.
enum class FileProblems {
  ignored,     // the command is about other devices
  summarized,  // one line with their number
  reported,    // one warning each
};

class Context {
 public:
  // Throws Error if the root cannot be opened.
  Context(const Env& env, const Globals& globals, Messages& messages);

  const Env& env() const { return env_; }
  const Globals& globals() const { return globals_; }
  Messages& messages() const { return messages_; }
  const sys::Dir& root() const { return root_; }
  const Host& host() const { return host_; }
  const store::Store& store() const { return store_; }
  // The mdevctl scripts. Their error output and problems with them are printed as warnings.
  Hooks& hooks() { return hooks_; }

  // Results, written to stdout at the end.
  std::string out;
  // The UUIDs of devices and definitions that the command has made or claimed, for the case that the results
  // cannot be written.
  std::vector<std::string> made;
  // Writes the results so far if there are many. Only for commands that cannot fail any more.
  void flush();
  // How results are written.
  std::function<void(std::string_view)> write_results;

  // Returns the host state from sysfs combined with the runtime records.
  Snapshot observe(Scope what) const;
  // Reads the settings of these definitions that observe() does not read, for drift_of().
  void observe_settings_of(Snapshot& seen, const std::vector<Compared>& wanted) const;
  // Like observe(), with all that drift_of() compares of the devices with their definitions.
  Snapshot observe_settings(Scope what, const Definitions& defined, const Groups& groups) const;
  // The same, also of a host that cannot be read completely (host/readable.hpp).
  Snapshot observe_readable(Scope what, const Definitions& defined, const Groups& groups,
                            std::vector<std::string>& unread) const;
  // Returns the devices with the processes that use them and the capabilities of their parents. Warns if some
  // processes cannot be inspected. Contains all devices if some go offline together.
  Snapshot observe_users(const std::vector<Uuid>& devices, const std::vector<ParentName>& parents) const;
  // Locks the parents: no other process starts or stops devices on them until the locks are released. Names
  // the process that holds a lock if waiting takes longer.
  std::vector<sys::FileLock> lock_parents(const std::vector<ParentName>& parents,
                                          std::chrono::seconds patience = std::chrono::minutes{1});
  // Locks the definitions and groups.
  sys::FileLock lock_definitions();
  // Locks the claims, also beside locked parents.
  sys::FileLock lock_claims();

  // Returns the name of the parent that the word means (plan/resolve.hpp), of this host or of a definition.
  // The address of a virtual function (VF) means its GPU, and vf_as_parent() returns it from then on.
  std::string parent_name(const std::string& word);
  // Like parent_name(), for an argument: observe() searches this device on the host from then on, to explain
  // why it is not a parent. Prints a note if the word is both a subchannel and the device number of another.
  std::string parent_argument(const std::string& word);
  // Returns the kernel's name of a device of the host: of a device number that is not a subchannel, its
  // subchannel.
  std::string device_name(const std::string& word) const;
  // Returns another subchannel that the word can mean: the word names a subchannel, and is also the device
  // number of this one.
  std::optional<std::string> other_subchannel(const std::string& word) const;
  // Leaves the virtual functions that settings of parents reserve out of the available instances.
  void exclude_reserved_functions(Snapshot& seen, FileProblems problems = FileProblems::reported);
  // Returns the VF that was given in place of its GPU.
  const std::optional<FunctionName>& vf_as_parent() const { return vf_as_parent_; }
  // Throws Error{usage} if a VF was given as parent: what `verb` does to all devices of a parent is not
  // extended from a VF to its GPU.
  void require_no_vf(const std::string& verb) const;

  // Returns all definitions.
  Definitions definitions(FileProblems problems = FileProblems::ignored);
  // Like definitions(), but only warns if the directory cannot be read, for listings.
  Definitions definitions_if_readable(FileProblems problems = FileProblems::ignored);
  // The same for groups.
  Groups groups(FileProblems problems = FileProblems::ignored);
  Groups groups_if_readable(FileProblems problems = FileProblems::ignored);
  // The same for the settings of parents.
  AllParentSettings parent_settings(FileProblems problems = FileProblems::ignored);
  AllParentSettings parent_settings_if_readable(FileProblems problems = FileProblems::ignored);
  // Warns about unknown keys and the like in the files of a definition that the command uses, mdevadm's and
  // mdevctl's.
  void warn_about_file(const Definitions& defined, const Definition& definition);
  // Warns if the file of the device's definition cannot be used, so that the device counts as undefined.
  void warn_about_unusable(const Definitions& defined, const Device& device) const;
  // Warns if some processes could not be inspected, so that users of a device may be missing.
  void warn_of_unseen(const Snapshot& seen) const;
  // Prints a note if the kernel does not support mediated devices, or has no parent.
  void note_missing_support(const Snapshot& seen, bool no_parents = false);

 private:
  Snapshot with_settings(const std::function<Snapshot(Scope)>& read, Scope what, const Definitions& defined,
                         const Groups& groups) const;
  template <typename Loaded>
  Loaded with_warnings(Loaded loaded, FileProblems problems, const char* kind);

  std::optional<FunctionName> vf_as_parent_{};
  std::vector<std::string> addresses_{};  // parents that were given as arguments
  const Env& env_;
  const Globals& globals_;
  Messages& messages_;
  sys::Dir root_;
  Host host_;
  store::Store store_;
  Hooks hooks_;
};

}  // namespace mdevadm::cli
