// What a command works with: the host and the store below the chosen root, its output, and the way to say
// something.
#pragma once

#include <mdevadm/host/host.hpp>
#include <mdevadm/run/executor.hpp>
#include <mdevadm/run/hooks.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/error.hpp>
#include <string>

#include "env.hpp"

namespace mdevadm::cli {

// Options that every command takes.
struct Globals {
  std::string root = "/";
  bool verbose = false;
  bool quiet = false;
};

// Whom a message is about: fields of the journal's entry, where messages go there.
struct Subject {
  std::string uuid{};
  std::string parent{};
  std::string type{};
  std::string group{};
};

// Messages on stderr, as text or, under --json, as one JSON object a line. Where stderr leads to systemd's
// journal, entries with fields.
class Messages {
 public:
  explicit Messages(const Env& env) : env_(env) {}

  void use_json() { json_ = true; }
  void set_quiet() { quiet_ = true; }

  void error(const Error& error, const Subject& about = {}) const;
  // Says what is odd and what happens next: "..., skipping".
  void warning(const std::string& text, const Subject& about = {}) const;
  // What a person at a terminal may like to know; silent under --quiet and --json.
  void note(const std::string& text, const Subject& about = {}) const;
  // One line that stands for the last one of this kind, on a terminal; an empty one clears it.
  void line_in_place(const std::string& text) const;
  bool speaks_to_person() const { return !json_ && !quiet_; }
  bool on_terminal() const { return env_.err_is_terminal; }
  bool in_journal() const { return env_.err_is_journal && !json_; }

 private:
  enum class Level { error = 3, warning = 4, info = 6 };  // of syslog

  void write(const std::string& text) const;
  void tell(Level level, const std::string& prefix, const std::string& text, const Subject& about) const;

  const Env& env_;
  bool json_ = false;
  bool quiet_ = false;
};

// Progress on stderr under --verbose.
class VerboseProgress final : public Progress {
 public:
  VerboseProgress(const Messages& messages, bool verbose) : messages_(messages), verbose_(verbose) {}

  void done(const Job& job, const Action& action) override;
  void undone(const Job& job, const Action& action) override;

 private:
  const Messages& messages_;
  bool verbose_;
};

// Progress of a plan of several devices: one line, in place, on a terminal; elsewhere a line a device.
class GroupProgress final : public Progress {
 public:
  GroupProgress(const Messages& messages, const Plan& plan);
  GroupProgress(const GroupProgress&) = delete;
  GroupProgress& operator=(const GroupProgress&) = delete;
  ~GroupProgress() override;

  void done(const Job& job, const Action& action) override;
  void undone(const Job& job, const Action& action) override;

 private:
  const Messages& messages_;
  std::size_t steps_ = 0;  // in all
  std::size_t steps_done_ = 0;
  std::size_t jobs_ = 0;  // that have any
  std::size_t jobs_done_ = 0;
};

class Context {
 public:
  // Throws Error if the root cannot be opened.
  Context(const Env& env, const Globals& globals, Messages& messages);

  const Env& env() const { return env_; }
  const Globals& globals() const { return globals_; }
  Messages& messages() { return messages_; }
  const sys::Dir& root() const { return root_; }
  const Host& host() const { return host_; }
  const store::Store& store() const { return store_; }
  // mdevctl's scripts; what they say, and what is odd about them, are warnings.
  Hooks& hooks() { return hooks_; }

  // Results; written to stdout at the end, all at once.
  std::string out;

  // The host as the kernel and our own memory of it tell.
  Snapshot observe(Look what) const;
  // Who uses these devices, with what their parents can do; warns where that cannot be known for sure. All
  // devices are looked at where some go offline together.
  Snapshot observe_users(const std::vector<Uuid>& devices, const std::vector<ParentName>& parents) const;
  // Nobody else starts or stops devices of these parents while the result lives; who does is named if it
  // takes long.
  std::vector<sys::FileLock> lock_parents(const std::vector<ParentName>& parents);

  // What is defined, with a warning for every file that cannot be used.
  Definitions definitions();
  // As a listing needs them: if the folder cannot be read there is a warning instead of an Error.
  Definitions definitions_if_readable();
  // The same of groups.
  Groups groups();
  Groups groups_if_readable();
  // Where it cannot be known for sure who uses a device.
  void warn_of_unseen(const Snapshot& seen) const;
  // A note for hosts whose kernel knows no mediated devices.
  void note_missing_support(const Snapshot& seen);

 private:
  Definitions warned(Definitions definitions);

  const Env& env_;
  const Globals& globals_;
  Messages& messages_;
  sys::Dir root_;
  Host host_;
  store::Store store_;
  Hooks hooks_;
};

}  // namespace mdevadm::cli
