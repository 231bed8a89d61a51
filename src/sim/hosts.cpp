#include "hosts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iostream>
#include <mdevadm/sim/machine.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "enclosure.hpp"
#include "host_commands.hpp"
#include "server.hpp"
#include "uevent_socket.hpp"
#include "vgpu_config.hpp"

namespace mdevadm::sim {

namespace {

constexpr const char* control_directory = "sys/kernel/mdevsim";

// Creates the container node /dev/vfio/vfio, which cannot be opened here. Ignores errors: a user namespace
// must not create device nodes.
void make_container_node(const std::string& directory) {
  constexpr unsigned misc = 10;
  constexpr unsigned vfio = 196;
  const std::string path = directory + "/vfio";
  if (::mknod(path.c_str(), S_IFCHR | 0666, makedev(misc, vfio)) == 0) {
    ::chmod(path.c_str(), 0666);
  }
}

// Raises the limit of open files, because each node needs a descriptor. Returns the previous limit.
rlimit allow_many_files() {
  rlimit before{};
  if (::getrlimit(RLIMIT_NOFILE, &before) == 0) {
    const rlimit most{.rlim_cur = before.rlim_max, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &most);
  }
  return before;
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  if (!real) {
    throw Error(ExitCode::failed,
                fmt::format("cannot use directory '{}': {}", printable(path), sys::errno_text(errno)));
  }
  return real.get();
}

volatile sig_atomic_t passed_to = 0;

extern "C" void pass_signal(int number) {
  if (passed_to > 0) {
    ::kill(passed_to, number);
  }
}

void pass_signals_to(pid_t process) {
  passed_to = process;
  struct sigaction action {};
  action.sa_handler = pass_signal;
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
    ::sigaction(number, &action, nullptr);
  }
  std::ignore = std::signal(SIGINT, SIG_IGN);  // the terminal sends both to the command, too
  std::ignore = std::signal(SIGQUIT, SIG_IGN);
}

// Returns the path of this program, or an empty text. In a chroot it must be read before enclose():
// afterwards the kernel prints the path outside of the chroot.
std::string own_path() {
  std::array<char, 4096> path{};
  return ::readlink("/proc/self/exe", path.data(), path.size() - 1) > 0 ? path.data() : std::string{};
}

bool has_gpus(const Scenario& scenario) {
  return std::any_of(scenario.parents.begin(), scenario.parents.end(),
                     [](const SimParent& parent) { return parent.gpu.has_value(); });
}

// Writes NVIDIA's table of vGPU types.
void write_vgpu_config(const Scenario& scenario, const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, vgpu_config_file);
  std::ofstream file(path, std::ios::binary);
  if (!(file << vgpu_config_of(scenario)).flush()) {
    throw Error(ExitCode::failed, fmt::format("cannot write '{}'", path));
  }
}

// Shows NVIDIA's table of vGPU types, instead of one that this machine may have.
void add_vgpu_config(const Scenario& scenario) {
  replace_directories("/usr/share", {"nvidia"}, std::nullopt);
  std::ignore = sys::Dir::open("/")
                    .or_throw("cannot open '/'")
                    .make_dirs(vgpu_config_directory + 1)
                    .or_throw("cannot create directory '{}'", vgpu_config_directory);
  write_vgpu_config(scenario, vgpu_config_directory);
}

// Shows the commands with which the scenario's parents are prepared: this program under other names. GPUs
// also have the table of their types.
void add_host_software(const Scenario& scenario, const std::string& self) {
  const auto has_masks = [](const SimParent& parent) { return parent.arithmetic == Arithmetic::ap; };
  if (!self.empty() && std::any_of(scenario.parents.begin(), scenario.parents.end(), has_masks)) {
    add_program("/usr/local/bin", chzdev_name, self);
  }
  // Hosts on which a driver must be bound or a module loaded before there are parents.
  const auto has_drivers = [](const SimParent& parent) { return parent.bus == "css" || parent.has_switches; };
  if (!self.empty() && std::any_of(scenario.parents.begin(), scenario.parents.end(), has_drivers)) {
    for (const char* name : {driverctl_name, chccwdev_name, modprobe_name}) {
      add_program("/usr/local/bin", name, self);
    }
  }
  if (!has_gpus(scenario)) {
    return;
  }
  add_vgpu_config(scenario);
  if (!self.empty()) {
    add_program(sriov_manage_directory, sriov_manage_name, self);
    add_program("/usr/local/bin", nvidia_smi_name, self);
  }
}

}  // namespace

int run_on(const Scenario& scenario, const std::vector<std::string>& command,
           const std::optional<std::string>& keep_directory) {
  require_fuse();
  const rlimit files = allow_many_files();
  std::optional<std::string> home;
  if (keep_directory) {
    ::mkdir(keep_directory->c_str(), 0755);
    home = real_path(*keep_directory);
  }
  const std::string self = own_path();
  enclose();
  const UeventSocket uevents = enclose_network() ? UeventSocket::open() : UeventSocket();
  // Before /dev is replaced, because a ptmx uses the pts directory next to it.
  Ptys nodes("/dev/vfio", scenario.nodes);
  replace_directories("/etc", {"mdevadm", "mdevctl.d"}, home);
  replace_directories("/run", {"mdevadm"}, std::nullopt);
  // mdevctl fails if these directories do not exist.
  for (const char* name : {"callouts", "notifiers"}) {
    const auto scripts = sys::Dir::open("/etc/mdevctl.d").or_throw("cannot open '/etc/mdevctl.d'");
    std::ignore = scripts.make_dirs(fmt::format("scripts.d/{}", name))
                      .or_throw("cannot create the script directories in '/etc/mdevctl.d'");
  }
  add_host_software(scenario, self);
  replace_directories("/dev", {"vfio"}, std::nullopt);
  make_container_node("/dev/vfio");
  Machine machine(scenario, nodes);
  Server server(machine, nodes, &uevents);
  server.mount("/sys");
  const Enclosed enclosed = start_enclosed(command, files);
  pass_signals_to(enclosed.first);
  server.serve(enclosed.ended.get());
  return exit_code_of(enclosed);
}

namespace {

// Returns the mount points of a simulated host below `directory`, from /proc/self/mountinfo.
std::vector<std::string> our_mounts(const std::string& directory) {
  const std::string text =
      sys::read_stream("/proc/self/mountinfo").or_throw("cannot read '/proc/self/mountinfo'");
  std::vector<std::string> result;
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = split(line, ' ');
    const bool below = fields.size() > 8 && fields[4].starts_with(directory + "/");
    if (below && (line.find(" mdevsim ") != std::string_view::npos ||
                  fields[4].starts_with(directory + "/dev/vfio/"))) {
      result.emplace_back(fields[4]);
    }
  }
  return result;
}

void mount_tmpfs(const std::string& directory) {
  if (::mount("mdevsim", directory.c_str(), "tmpfs", MS_NOSUID, "mode=0755") != 0) {
    throw Error(ExitCode::failed, fmt::format("cannot mount on '{}': {}", directory, sys::errno_text(errno)));
  }
}

// Serves a mounted host in a background process. Writes to `report` whether the mount succeeded.
[[noreturn]] void serve_mounted(const Scenario& scenario, const std::string& directory, int report) {
  std::string answer = "ok";
  ::setsid();
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const sys::UniqueFd stop(::signalfd(-1, &signals, SFD_CLOEXEC));
  const std::string nodes_directory = directory + "/dev/vfio";
  const std::string table_directory = directory + vgpu_config_directory;
  try {
    mount_tmpfs(nodes_directory);
    if (has_gpus(scenario)) {
      mount_tmpfs(table_directory);
      write_vgpu_config(scenario, table_directory);
    }
    make_container_node(nodes_directory);
    Ptys nodes(nodes_directory, scenario.nodes);
    Machine machine(scenario, nodes);
    Server server(machine, nodes);
    server.mount(directory + "/sys");
    std::ignore = ::write(report, answer.data(), answer.size());
    ::close(report);
    const sys::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      ::dup2(null.get(), fd);
    }
    std::ignore = ::chdir("/");
    server.serve(stop.get());
    server.unmount();
  } catch (const std::exception& error) {
    answer = error.what();
    std::ignore = ::write(report, answer.data(), answer.size());
  }
  ::umount2(nodes_directory.c_str(), MNT_DETACH);
  if (has_gpus(scenario)) {
    ::umount2(table_directory.c_str(), MNT_DETACH);
  }
  ::_exit(0);
}

}  // namespace

void mount_at(const Scenario& scenario, const std::string& given) {
  require_fuse();
  if (::geteuid() != 0) {
    throw Error(ExitCode::failed,
                fmt::format("cannot mount a simulated host on '{}': requires root", printable(given)),
                "as an ordinary user: mdevsim run SCENARIO -- COMMAND");
  }
  allow_many_files();
  const std::string directory = real_path(given);
  if (!our_mounts(directory).empty()) {
    throw Error(
        ExitCode::conflict,
        fmt::format("cannot mount a simulated host on '{}': one is already mounted", printable(directory)),
        fmt::format("unmount that host first: mdevsim umount {}", directory));
  }
  const sys::Dir home = sys::Dir::open(directory).or_throw("cannot open '{}'", printable(directory));
  std::ignore = home.make_dirs("sys").or_throw("cannot create directory '{}/sys'", directory);
  std::ignore = home.make_dirs("dev/vfio").or_throw("cannot create directory '{}/dev/vfio'", directory);
  if (has_gpus(scenario)) {
    std::ignore = home.make_dirs(vgpu_config_directory + 1)
                      .or_throw("cannot create directory '{}{}'", directory, vgpu_config_directory);
  }
  std::array<int, 2> ready{};
  if (::pipe2(ready.data(), O_CLOEXEC) != 0) {
    throw Error(ExitCode::failed, fmt::format("cannot create a pipe: {}", sys::errno_text(errno)));
  }
  const sys::UniqueFd read_end(ready[0]);
  sys::UniqueFd write_end(ready[1]);
  const pid_t server = ::fork();
  if (server == 0) {
    serve_mounted(scenario, directory, write_end.release());
  }
  write_end.reset();
  std::array<char, 1024> buffer{};
  const ssize_t got = ::read(read_end.get(), buffer.data(), buffer.size());
  const std::string answer(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (answer != "ok") {
    throw Error(ExitCode::failed,
                answer.empty()
                    ? fmt::format("cannot mount a simulated host on '{}': its process ended", directory)
                    : answer);
  }
}

void unmount_at(const std::string& given) {
  const std::string directory = real_path(given);
  const std::vector<std::string> mounts = our_mounts(directory);
  if (mounts.empty()) {
    throw Error(ExitCode::not_found,
                fmt::format("cannot unmount '{}': no simulated host is mounted there", printable(directory)));
  }
  if (::umount((directory + "/sys").c_str()) != 0 && errno == EBUSY) {
    throw Error(ExitCode::in_use,
                fmt::format("cannot unmount the simulated host on '{}': in use by a process", directory),
                fmt::format("show the processes: fuser -vm {}/sys", directory));
  }
  ::umount2((directory + "/dev/vfio").c_str(), MNT_DETACH);
  const std::string table = directory + vgpu_config_directory;
  if (std::find(mounts.begin(), mounts.end(), table) != mounts.end()) {
    ::umount2(table.c_str(), MNT_DETACH);
  }
  // Removes only directories that are empty.
  for (const char* name :
       {"/sys", "/dev/vfio", "/dev", vgpu_config_directory, "/usr/share/nvidia", "/usr/share", "/usr"}) {
    ::rmdir((directory + name).c_str());
  }
}

namespace {

sys::Dir open_host(const std::string& root) {
  const sys::Result<sys::Dir> top = sys::Dir::open(root);
  sys::Result<sys::Dir> directory =
      top ? top->open_dir(control_directory) : sys::Result<sys::Dir>(top.error());
  if (!directory) {
    throw Error(ExitCode::not_found, fmt::format("no simulated host found in '{}'", printable(root)),
                "run the command inside mdevsim run, or specify a mounted host with --root DIR");
  }
  return *std::move(directory);
}

std::string reason(int number) {
  switch (number) {
    case EBUSY: return "the device or its group is in use";
    case ENODEV: return "no such device, or no vGPU is assigned to it";
    case EINVAL: return "not all devices of its virtual machine are online";
    case ENOSPC: return "no available resources on the parent";
    case EPERM:
      return "its virtual machine already uses another device of this parent, and at most one is permitted";
    default: return sys::errno_text(number);
  }
}

std::string why_not_done(int number, std::string_view request) {
  switch (number) {
    case EBUSY:
      return request.starts_with("register") ? "the parent is already registered"
             : request.starts_with("functions")
                 ? "virtual functions are in use, or a different number of them is enabled"
             : request.starts_with("mig")    ? "virtual functions or GPU instances exist"
             : request.starts_with("reboot") ? "devices are in use"
                                             : "vGPUs exist";
    case ENODEV:
      return request.starts_with("instance") || request.starts_with("mixed")
                 ? "no such parent in the scenario, or no such GPU instance"
                 : "no such parent in the scenario";
    case ENXIO: return "the GPU is not bound to its driver";
    case ENOENT: return "no parent of the scenario needs this module";
    case ENOSPC: return "the GPU instance does not fit";
    case ERANGE: return "more than the parent has";
    case EOPNOTSUPP: return "not supported by the GPU in its present mode";
    default: return sys::errno_text(number);
  }
}

// Returns which word of a request that the control file has refused is invalid, or the request. The file
// itself, as any in sysfs, reports only EINVAL.
std::string describe_invalid(const std::string& line) {
  std::vector<std::string> words;
  for (const std::string_view word : split(line, ' ')) {
    if (!word.empty()) {
      words.emplace_back(word);
    }
  }
  const auto invalid = [&](const char* what, const std::string& word) {
    return fmt::format("invalid {} '{}' in the request '{}'", what, printable(word), printable(line));
  };
  const std::string verb = words.empty() ? "" : words.front();
  const bool is_fault = verb == "fault" && (words.size() == 4 || words.size() == 5);
  if (is_fault || (verb == "delay" && words.size() == 3)) {
    if (!find_operation(words[1])) {
      return invalid("operation", words[1]);
    }
    if (!parse_decimal(words[2])) {
      return invalid("number", words[2]);
    }
    if (is_fault && words[3] != "vanish" && !find_errno(words[3])) {
      return invalid("error number", words[3]);
    }
  }
  if (verb == "functions" && words.size() == 3 && !parse_decimal(words[2])) {
    return invalid("number", words[2]);
  }
  const bool is_switch = (verb == "mig" || verb == "client" || verb == "mixed") && words.size() >= 3;
  if (is_switch && words[2] != "on" && words[2] != "off") {
    return invalid("word", words[2]);
  }
  return fmt::format("invalid request '{}'", printable(line));
}

std::string node_path(const sys::Dir& top, const std::string& device) {
  for (const char* bus : {"mdev", "pci"}) {
    const auto link = top.read_link(fmt::format("sys/bus/{}/devices/{}/iommu_group", bus, device));
    if (link) {
      return "dev/vfio/" + link->substr(link->rfind('/') + 1);
    }
  }
  throw Error(ExitCode::not_found, fmt::format("cannot hold '{}': no such device", printable(device)));
}

}  // namespace

void send_control(const std::string& root, const std::string& line) {
  const sys::Result<sys::Done> done = open_host(root).write_attribute("control", line);
  if (!done) {
    const int number = done.error().number;
    throw number == EINVAL
        ? Error(ExitCode::usage, describe_invalid(line), "list the requests: man mdevsim")
        : Error(number == ENODEV ? ExitCode::not_found : ExitCode::failed,
                fmt::format("cannot execute '{}': {}", printable(line), why_not_done(number, line)));
  }
}

std::string read_events(const std::string& root) {
  std::ignore = open_host(root);
  return sys::read_stream(root + "/" + control_directory + "/events").or_throw("cannot read the events");
}

void hold(const std::string& root, const std::vector<std::string>& devices,
          std::optional<std::chrono::milliseconds> time) {
  const sys::Dir host = open_host(root);
  const sys::Dir top = sys::Dir::open(root).or_throw("cannot open '{}'", root);
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    ::sigaddset(&signals, number);
  }
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  std::vector<sys::UniqueFd> open;
  for (const std::string& device : devices) {
    const std::string node = node_path(top, device);
    const auto asked = host.write_attribute("control", fmt::format("hold {} {}", device, ::getpid()));
    if (!asked) {
      throw Error(asked.error().number == EBUSY ? ExitCode::in_use : ExitCode::failed,
                  fmt::format("cannot hold '{}': {}", device, reason(asked.error().number)));
    }
    open.emplace_back(::openat(top.fd(), node.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!open.back()) {
      throw Error(
          ExitCode::failed, fmt::format("cannot open '{}': {}", node, sys::errno_text(errno)),
          "the host has no nodes that can be opened: too many devices, or 'nodes = false' in the scenario");
    }
    std::ignore = host.write_attribute("control", fmt::format("opened {}", device));
  }
  std::cout << "holding " << join(devices, " ") << std::endl;
  const sys::UniqueFd stop(::signalfd(-1, &signals, SFD_CLOEXEC));
  pollfd wait{.fd = stop.get(), .events = POLLIN, .revents = 0};
  ::poll(&wait, 1, time ? static_cast<int>(time->count()) : -1);
}

}  // namespace mdevadm::sim
