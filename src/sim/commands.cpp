#include "commands.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <map>
#include <mdevadm/args/arguments.hpp>
#include <mdevadm/args/help.hpp>
#include <mdevadm/sim/scenario.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <mdevadm/util/version.hpp>

#include "host_commands.hpp"
#include "hosts.hpp"

namespace mdevadm::sim {

namespace {

// Returns the directory of the shipped scenarios, installed or in the source tree that contains the program.
std::optional<std::string> scenarios_directory() {
  std::array<char, 4096> path{};
  if (::readlink("/proc/self/exe", path.data(), path.size() - 1) <= 0) {
    return std::nullopt;
  }
  std::string directory = path.data();
  while (!directory.empty()) {
    directory.resize(directory.rfind('/'));
    for (const char* place : {"/share/mdevadm/scenarios", "/examples/scenarios"}) {
      if (sys::Dir::open(directory + place)) {
        return directory + place;
      }
    }
  }
  return std::nullopt;
}

constexpr std::string_view ending = ".toml";

std::vector<std::string> shipped() {
  std::vector<std::string> names;
  const auto directory = scenarios_directory();
  const auto opened =
      directory ? sys::Dir::open(*directory) : sys::Result<sys::Dir>(sys::SysError{ENOENT, ""});
  if (!opened) {
    return names;
  }
  for (const sys::Entry& entry : opened->entries().or_throw("cannot read '{}'", *directory)) {
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
  return *scenarios_directory() + "/" + scenario + std::string(ending);
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
    std::cout << fmt::format("  {}: interface {}, {} types\n", parent.name, parent.interface->id,
                             parent.types.size());
  }
}

// Removes the optional last argument of "UUID... [SECONDS]" and returns it. It may have decimals.
std::optional<std::chrono::milliseconds> take_seconds(std::vector<std::string>& words) {
  constexpr double longest = 1000000;
  const std::string word = words.size() > 1 ? words.back() : std::string{};
  double seconds = 0;
  const auto [end, error] =
      std::from_chars(word.data(), word.data() + word.size(), seconds, std::chars_format::fixed);
  if (word.empty() || word.front() < '0' || word.front() > '9' || error != std::errc{} ||
      end != word.data() + word.size()) {
    return std::nullopt;
  }
  words.pop_back();
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, longest) * 1000));
}

struct Words {
  std::string scenario, directory, root = "/", keep_directory;
  std::vector<std::string> command, devices, line;
  bool help = false, version = false;
};

struct SimCommand {
  const char* name;
  const char* summary;
  const char* usage;
  const char* examples;  // one per line
};

constexpr SimCommand sim_commands[] = {
    {"run", "run a command on a simulated host", "[OPTION]... SCENARIO -- COMMAND [ARGUMENT]...",
     "mdevsim run m60 -- bash\n"
     "mdevsim run --keep /tmp/definitions workstation -- mdevadm list --all"},
    {"mount", "mount a simulated host, for programs with an option such as --root",
     "[OPTION]... SCENARIO DIR", "mdevsim mount gvt /tmp/host\nmdevadm --root /tmp/host types"},
    {"umount", "unmount a simulated host", "[OPTION]... DIR", "mdevsim umount /tmp/host"},
    {"check", "check a scenario file", "[OPTION]... SCENARIO",
     "mdevsim check m60\nmdevsim check ./host.toml"},
    {"list", "list the scenarios that come with mdevsim", "[OPTION]...", "mdevsim list"},
    {"hold", "open devices as a virtual machine does", "[OPTION]... DEVICE... [SECONDS]",
     "mdevsim hold f9a0d9a5-1e21-4a58-8c4a-0f1ab8a3c8d0 30"},
    {"control", "inject faults and delays, register and unregister parents", "[OPTION]... REQUEST...",
     "mdevsim control fault create 2 EIO\n"
     "mdevsim control delay remove 500\n"
     "mdevsim control unregister 0000:86:00.0"},
    {"events", "print the events that udev would receive", "[OPTION]...", "mdevsim events"},
};

CLI::Option* argument(CLI::App& app, const char* placeholder, auto& value, const char* description) {
  return app.add_option(to_lower(placeholder), value, description)->type_name(placeholder)->required();
}

void declare(CLI::App& app, Words& words) {
  app.set_help_flag();
  app.add_flag("-h,--help", words.help, "print this help");
  app.add_flag("-V,--version", words.version, "print the version");
  std::map<std::string, CLI::App*> subs;
  for (const SimCommand& command : sim_commands) {
    subs[command.name] = app.add_subcommand(command.name, command.summary);
    subs[command.name]->set_help_flag();
  }
  for (const char* name : {"run", "mount", "check"}) {
    argument(*subs[name], "SCENARIO", words.scenario,
             "name of a scenario (see mdevsim list) or path of a file");
  }
  subs["run"]
      ->add_option("--keep", words.keep_directory, "store definitions in DIR and use them in the next run")
      ->type_name("DIR");
  argument(*subs["mount"], "DIR", words.directory,
           "directory below which the host's sys and dev are mounted");
  argument(*subs["umount"], "DIR", words.directory, "directory of the simulated host");
  argument(*subs["hold"], "DEVICE", words.devices,
           "UUIDs or virtual functions to open; a number after them is a time in seconds (also 0.5)");
  argument(*subs["control"], "REQUEST", words.line, "fault, delay, clear, unregister, ...: see mdevsim(8)");
  for (const char* name : {"hold", "control", "events"}) {
    subs[name]->add_option("--root", words.root, "directory of the simulated host")->type_name("DIR");
  }
}

std::string program_help(const CLI::App& app) {
  const args::HelpLayout layout(0);
  std::string text =
      "mdevsim: simulates hosts with mediated devices\n\nUsage: mdevsim COMMAND [ARGUMENT]...\n\nCommands:\n";
  for (const SimCommand& command : sim_commands) {
    text += layout.entry(command.name, command.summary);
  }
  text += layout.entry("help [COMMAND]", "print help for a command");
  return text + "\nOptions:\n" + layout.options(app) + "\nMore: mdevsim help COMMAND, man mdevsim\n";
}

std::string command_help(const CLI::App& app, const CLI::App& command) {
  const args::HelpLayout layout(0);
  const std::string name = command.get_name();
  const auto* entry = std::find_if(std::begin(sim_commands), std::end(sim_commands),
                                   [&](const SimCommand& one) { return one.name == name; });
  std::string text = fmt::format("{0}: {1}\n\nUsage: mdevsim {0} {2}\n", name, entry->summary, entry->usage);
  if (const std::string arguments = layout.arguments(command); !arguments.empty()) {
    text += "\nArguments:\n" + arguments;
  }
  text += "\nOptions:\n" + layout.options(command) + layout.options(app) + "\nExamples:\n";
  for (const std::string_view line : split(entry->examples, '\n')) {
    text += fmt::format("  {}\n", line);
  }
  return text + "\nMore: man mdevsim\n";
}

int carry_out(const std::string& verb, Words& words) {
  if (verb == "run") {
    if (words.command.empty()) {
      throw Error(ExitCode::usage, "missing argument COMMAND",
                  fmt::format("to start a shell: mdevsim run {} -- bash", printable(words.scenario)));
    }
    return run_on(read_scenario(path_of(words.scenario)), words.command,
                  words.keep_directory.empty() ? std::nullopt : std::optional(words.keep_directory));
  }
  if (verb == "mount") {
    mount_at(read_scenario(path_of(words.scenario)), words.directory);
  } else if (verb == "umount") {
    unmount_at(words.directory);
  } else if (verb == "check") {
    print_check(words.scenario);
  } else if (verb == "list") {
    print_list();
  } else if (verb == "hold") {
    const auto time = take_seconds(words.devices);
    hold(words.root, words.devices, time);
  } else if (verb == "control") {
    send_control(words.root, join(words.line, " "));
  } else {
    std::cout << read_events(words.root);
  }
  return 0;
}

int report(const Error& error) {
  std::cerr << fmt::format("mdevsim: error: {}\n", error.what());
  for (const std::string& hint : error.hints()) {
    std::cerr << fmt::format("hint: {}\n", hint);
  }
  return static_cast<int>(error.code());
}

int run_program(CLI::App& app, const std::vector<std::string>& words, Words& said) {
  const args::Selection selection = args::read(app, words, args::Vocabulary());
  const bool is_complete = selection.command != &app;
  if (said.version) {
    std::cout << fmt::format("mdevsim {}\n", version);
    return 0;
  }
  if (selection.help || !is_complete) {
    std::cout << (is_complete ? command_help(app, *selection.command) : program_help(app));
    return selection.help ? 0 : static_cast<int>(ExitCode::usage);
  }
  args::require_complete(selection);
  return carry_out(selection.command->get_name(), said);
}

}  // namespace

int run(std::string_view program, const std::vector<std::string>& words) {
  if (program == sriov_manage_name) {
    return sriov_manage(words);
  }
  if (program == nvidia_smi_name) {
    return nvidia_smi(words);
  }
  if (program == chzdev_name) {
    return chzdev(words);
  }
  if (program == driverctl_name) {
    return driverctl(words);
  }
  if (program == chccwdev_name) {
    return chccwdev(words);
  }
  if (program == modprobe_name) {
    return modprobe(words);
  }
  // Arguments after "--" belong to the command.
  const auto separator = std::find(words.begin(), words.end(), "--");
  CLI::App app("Simulates hosts with mediated devices", "mdevsim");
  Words said;
  said.command.assign(separator == words.end() ? separator : separator + 1, words.end());
  declare(app, said);
  try {
    const int code = run_program(app, {words.begin(), separator}, said);
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
