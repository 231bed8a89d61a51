#include "commands.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <mdevadm/sim/scenario.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <mdevadm/util/version.hpp>

#include "hosts.hpp"

namespace mdevadm::sim {

namespace {

// Returns the directory of the shipped scenarios, installed or in the source tree that contains the program.
std::optional<std::string> scenarios_folder() {
  std::array<char, 4096> path{};
  if (::readlink("/proc/self/exe", path.data(), path.size() - 1) <= 0) {
    return std::nullopt;
  }
  std::string folder = path.data();
  while (!folder.empty()) {
    folder.resize(folder.rfind('/'));
    for (const char* place : {"/share/mdevadm/scenarios", "/examples/scenarios"}) {
      if (sys::Dir::open(folder + place)) {
        return folder + place;
      }
    }
  }
  return std::nullopt;
}

constexpr std::string_view ending = ".toml";

std::vector<std::string> shipped() {
  std::vector<std::string> names;
  const auto folder = scenarios_folder();
  const auto opened = folder ? sys::Dir::open(*folder) : sys::Result<sys::Dir>(sys::SysError{ENOENT, ""});
  if (!opened) {
    return names;
  }
  for (const sys::Entry& entry : opened->entries().or_throw("cannot read '{}'", *folder)) {
    if (entry.name.ends_with(ending)) {
      names.push_back(entry.name.substr(0, entry.name.size() - ending.size()));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Returns the path of a scenario, given as path or as name of a shipped one.
std::string path_of(const std::string& scenario) {
  if (scenario.find('/') != std::string::npos || scenario.ends_with(ending)) {
    return scenario;
  }
  const std::vector<std::string> names = shipped();
  if (std::find(names.begin(), names.end(), scenario) == names.end()) {
    const std::string meant = did_you_mean(scenario, names);
    throw Error(ExitCode::not_found, fmt::format("scenario '{}' not found", printable(scenario)),
                meant.empty() ? "list scenarios: mdevsim list; specify a scenario file by a path with a slash"
                              : meant);
  }
  return *scenarios_folder() + "/" + scenario + std::string(ending);
}

void print_list() {
  const std::vector<std::string> names = shipped();
  std::size_t width = 0;
  for (const std::string& name : names) {
    width = std::max(width, name.size());
  }
  for (const std::string& name : names) {
    std::cout << fmt::format("{:<{}}  {}\n", name, width, read_scenario(path_of(name)).description);
  }
}

void print_check(const std::string& scenario) {
  const std::string path = path_of(scenario);
  const Scenario read = read_scenario(path);
  std::cout << fmt::format("{}: kernel {}.{}, {} devices\n", path, read.kernel.major_number,
                           read.kernel.minor_number, read.devices.size());
  for (const SimParent& parent : read.parents) {
    std::cout << fmt::format("  {}: dialect {}, {} types\n", parent.name, parent.dialect->id,
                             parent.types.size());
  }
}

// Removes the optional last argument of "UUID... [SECONDS]" and returns it.
std::optional<std::uint64_t> take_seconds(std::vector<std::string>& words) {
  const auto seconds = words.size() > 1 ? parse_decimal(words.back()) : std::nullopt;
  if (seconds) {
    words.pop_back();
  }
  return seconds;
}

struct Words {
  std::string scenario, folder, root = "/", kept;
  std::vector<std::string> command, devices, line;
};

void declare(CLI::App& app, Words& words) {
  app.require_subcommand(1);
  app.set_version_flag("-V,--version", fmt::format("mdevsim {}", version));
  CLI::App* run = app.add_subcommand("run", "run a command on a simulated host: run SCENARIO -- COMMAND...");
  run->add_option("scenario", words.scenario, "name of a scenario, or file")->required();
  run->add_option("--keep", words.kept, "store definitions in this directory and use them in the next run");
  CLI::App* mount = app.add_subcommand("mount", "mount a simulated host on a directory, for --root");
  mount->add_option("scenario", words.scenario, "name of a scenario, or file")->required();
  mount->add_option("directory", words.folder, "directory for its sys and dev")->required();
  CLI::App* umount = app.add_subcommand("umount", "unmount a simulated host");
  umount->add_option("directory", words.folder, "directory of the simulated host")->required();
  CLI::App* check = app.add_subcommand("check", "check a scenario file");
  check->add_option("scenario", words.scenario, "name of a scenario, or file")->required();
  app.add_subcommand("list", "list the scenarios that come with mdevsim");
  CLI::App* hold = app.add_subcommand("hold", "open devices as a virtual machine does");
  hold->add_option("device", words.devices, "UUIDs or virtual functions, then optionally seconds")
      ->required();
  CLI::App* control =
      app.add_subcommand("control", "inject faults and delays, register and unregister parents");
  control->add_option("words", words.line, "request, e.g. fault create 2 EIO (mdevsim(8))")->required();
  CLI::App* events = app.add_subcommand("events", "print the events that udev would receive");
  for (CLI::App* one : {hold, control, events}) {
    one->add_option("--root", words.root, "directory of the simulated host");
  }
}

int carry_out(const std::string& verb, Words& words) {
  if (verb == "run") {
    if (words.command.empty()) {
      throw Error(ExitCode::usage, "run needs a command", "mdevsim run SCENARIO -- COMMAND...");
    }
    return run_on(read_scenario(path_of(words.scenario)), words.command,
                  words.kept.empty() ? std::nullopt : std::optional(words.kept));
  }
  if (verb == "mount") {
    mount_at(read_scenario(path_of(words.scenario)), words.folder);
  } else if (verb == "umount") {
    unmount_at(words.folder);
  } else if (verb == "check") {
    print_check(words.scenario);
  } else if (verb == "list") {
    print_list();
  } else if (verb == "hold") {
    const auto seconds = take_seconds(words.devices);
    hold(words.root, words.devices, seconds);
  } else if (verb == "control") {
    send_control(words.root, join(words.line, " "));
  } else {
    std::cout << read_events(words.root);
  }
  return 0;
}

int report(const Error& error) {
  std::cerr << fmt::format("mdevsim: error: {}\n", error.what());
  if (!error.hint().empty()) {
    std::cerr << fmt::format("hint: {}\n", error.hint());
  }
  return static_cast<int>(error.code());
}

}  // namespace

int run(const std::vector<std::string>& words) {
  // Arguments after "--" belong to the command.
  const auto separator = std::find(words.begin(), words.end(), "--");
  CLI::App app("Simulates hosts with mediated devices", "mdevsim");
  Words said;
  said.command.assign(separator == words.end() ? separator : separator + 1, words.end());
  declare(app, said);
  try {
    app.parse(std::vector<std::string>(std::make_reverse_iterator(separator), words.rend()));
  } catch (const CLI::ParseError& error) {
    // --help and --version are reported as errors with exit code 0.
    if (error.get_exit_code() == 0) {
      return app.exit(error);
    }
    return report(Error(ExitCode::usage, error.what(), "see mdevsim --help"));
  }
  try {
    const int code = carry_out(app.get_subcommands().front()->get_name(), said);
    std::cout.flush();
    if (!std::cout) {
      throw Error(ExitCode::failed, "cannot write the output");
    }
    return code;
  } catch (const Error& error) {
    return report(error);
  } catch (const std::exception& error) {
    return report(Error(ExitCode::failed, error.what()));
  }
}

}  // namespace mdevadm::sim
