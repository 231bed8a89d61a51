// Settings of a parent device: what must hold of it before its devices are started, and which of its virtual
// functions (VFs) are never assigned. Stored in /etc/mdevadm/parents/<parent>.toml.
#pragma once

#include <chrono>
#include <cstdint>
#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/names.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

// How many VFs are to be enabled; no number: all that the parent supports.
struct FunctionGoal {
  std::optional<std::uint64_t> number{};

  // Parses "all" or a number of at least 1.
  static std::optional<FunctionGoal> parse(std::string_view text);
  std::string str() const;
  bool operator==(const FunctionGoal&) const = default;
};

// How VFs are enabled.
enum class FunctionMethod {
  sriov_manage,  // by NVIDIA's script, for drivers that do not support sriov_numvfs
  sysfs,         // by the kernel's sriov_numvfs
};

std::optional<FunctionMethod> parse_function_method(std::string_view text);
std::string method_word(FunctionMethod method);

using Words = std::vector<std::string>;

// A program with its arguments, run without a shell when the VFs exist.
struct ParentCommand {
  Words command;
  Words check{};                           // exit status 0: there is nothing to do; empty: no check
  std::optional<std::uint64_t> seconds{};  // after which it is killed

  std::chrono::seconds deadline() const;
  bool operator==(const ParentCommand&) const = default;
};

inline constexpr std::chrono::seconds default_command_deadline{60};

struct ParentSettings {
  ParentName parent;
  std::optional<FunctionGoal> functions{};  // absent: VFs are not changed
  std::optional<FunctionMethod> method{};   // absent: depends on the parent
  std::vector<FunctionName> reserved{};     // VFs that are never assigned
  std::vector<ParentCommand> commands{};
  bool operator==(const ParentSettings&) const = default;
};

// Returns whether a command of the settings lets the GPU mix framebuffer sizes: nvidia-smi vgpu -i GPU
// -shm 1.
bool mixes_sizes(const ParentSettings& settings);

// Returns the parent that the name of a file of settings means, also if it is spelled otherwise than the
// kernel does; nullopt: the file has no such name.
std::optional<ParentName> parent_of_settings(std::string_view path);

// All parents with settings, with the problems found while reading the files.
struct AllParentSettings {
  std::vector<ParentSettings> all;    // in natural order
  std::vector<FileProblem> broken;    // ignored files
  std::vector<FileProblem> problems;  // warnings: unknown keys

  const ParentSettings* find(const ParentName& parent) const;
  // Returns the problem because of which the settings of a parent are ignored, or nullptr.
  const FileProblem* find_broken(const ParentName& parent) const;
  // Returns whether a VF of the parent is reserved.
  bool reserves(const ParentName& parent, std::string_view function) const;
};

// Which commands of a parent have succeeded since its driver was bound and its VFs were enabled. Stored until
// reboot.
struct Preparation {
  ParentName parent;
  std::vector<Words> commands{};
  std::string setup{};    // ParentState::setup after the last of them; empty: unknown
  std::string failure{};  // why the preparation has failed since; empty: it has not
  bool operator==(const Preparation&) const = default;

  bool has(const ParentCommand& command) const;
};

// Splits a command into words as a shell does, with quotes and backslashes; nothing else is special. Returns
// nullopt if a quote is not closed.
std::optional<Words> split_command(std::string_view text);
// Returns the words as one line for a shell.
std::string command_line(const Words& words);

}  // namespace mdevadm
