// Domains of libvirt, by virsh(1): libvirt's library would be needed at every build for what three commands
// of virsh do.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/run/machine.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <thread>

#include "domain_xml.hpp"

namespace mdevadm {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds domain_poll{500};

// libvirt has no such domain.
class UnknownDomain final : public Error {
 public:
  UnknownDomain(const std::string& message, const std::string& uri)
      : Error(ExitCode::not_found, message,
              fmt::format("list domains: virsh --connect {} list --all", shell_word(uri))) {}
};

// Returns the hint if no daemon of libvirt on this host answers; empty: the message has another reason.
std::string advice_to_start_libvirt(const std::string& message) {
  if (message.find("Failed to connect socket to '/") == std::string::npos) {
    return {};
  }
  // libvirt is one daemon, or one for each of its drivers, with a socket of its own.
  const bool is_modular = message.find("virtqemud-sock") != std::string::npos;
  return fmt::format("start libvirt: systemctl start {}", is_modular ? "virtqemud.socket" : "libvirtd");
}

class Domain final : public Machine {
 public:
  Domain(const Host& host, std::string uri, std::string name, milliseconds patience)
      : host_(host), uri_(std::move(uri)), name_(std::move(name)), patience_(patience) {
    const std::string state = state_now("find");
    if (has_ended(state)) {
      throw MachineEnded({ExitCode::failed,
                          fmt::format("{} is not running but in the state '{}'", shown(), printable(state)),
                          fmt::format("start the virtual machine: virsh --connect {} start {}",
                                      shell_word(uri_), shell_word(name_))});
    }
  }

  std::vector<AttachedDevice> devices() override {
    try {
      return hostdevs();
    } catch (const UnknownDomain&) {  // libvirt drops a transient domain when it ends
      throw MachineEnded({ExitCode::failed, shown() + " has ended"});
    }
  }

  void attach(const Attachment& what) override {
    try {
      virsh({"attach-device", name_, "/dev/stdin", "--live"}, "attach the device to", what.xml);
    } catch (const MaybeAttached&) {
      throw;
    } catch (const Error& error) {
      if (may_have(what)) {
        throw MaybeAttached(error);
      }
      throw;
    }
  }

  void detach(const Attachment& what, milliseconds patience) override {
    const auto deadline = steady_clock::now() + patience;
    try {
      virsh({"detach-device", name_, "/dev/stdin", "--live"}, "detach the device from", what.xml);
    } catch (const MaybeAttached&) {
      // A libvirt that answers again continues with the request; another one is not asked a third time.
      if (!answers()) {
        throw;
      }
    } catch (const Error&) {
      if (may_have(what)) {
        throw;
      }
      return;
    }
    // libvirt returns when it has sent the request, after five seconds at most.
    while (has(what)) {
      if (sys::interrupted()) {
        throw Error(ExitCode::failed, "interrupted");
      }
      if (steady_clock::now() >= deadline) {
        throw NotReleased(shown(), patience);
      }
      std::this_thread::sleep_for(domain_poll);
    }
  }

 private:
  std::vector<AttachedDevice> hostdevs() const {
    const std::string xml = virsh({"dumpxml", name_}, "read");
    try {
      return hostdevs_in(xml);
    } catch (const Error& error) {
      throw Error(error.reworded(fmt::format("cannot read {}: {}", shown(), error.what())));
    }
  }

  // Returns the domain as messages name it.
  std::string shown() const { return fmt::format("the domain '{}'", printable(name_)); }

  bool answers() const {
    try {
      state_now("read");
      return true;
    } catch (const UnknownDomain&) {
      return true;
    } catch (const Error&) {  // the error of the request is reported
      return false;
    }
  }

  // Returns "running" or another state of virsh(1).
  std::string state_now(const char* doing) const {
    const std::string state = virsh({"domstate", name_}, doing);
    return std::string(trim(state));
  }

  // States in which QEMU has ended; in all others, such as "in shutdown" and "pmsuspended", it has the
  // devices.
  static bool has_ended(const std::string& state) { return state == "shut off" || state == "crashed"; }

  // Returns whether the domain has the device. A domain that has ended has none: libvirt drops a transient
  // domain, and of another one it describes the devices of the next start.
  bool has(const Attachment& what) {
    try {
      const std::vector<AttachedDevice> now =
          has_ended(state_now("read")) ? std::vector<AttachedDevice>{} : hostdevs();
      return std::any_of(now.begin(), now.end(),
                         [&](const AttachedDevice& one) { return one.is(what.device); });
    } catch (const UnknownDomain&) {
      return false;
    }
  }

  // Returns false if libvirt says that the domain does not have the device.
  bool may_have(const Attachment& what) {
    try {
      return has(what);
    } catch (const Error&) {  // the error of attach-device is reported
      return true;
    }
  }

  // Runs virsh and returns its output. The error is MaybeAttached if virsh did not end by itself, such as
  // after the time limit or an interruption: libvirt continues the operation then. `doing` completes "cannot
  // … the domain".
  std::string virsh(const Words& words, const char* doing, const std::string& input = {}) const {
    Words command{"virsh", "--quiet", "--connect", uri_};
    command.insert(command.end(), words.begin(), words.end());
    const ProgramEnd end = host_.run_program(command, {.deadline = patience_,
                                                       .on_interrupt = ProgramOptions::OnInterrupt::is_killed,
                                                       .plain_messages = true,
                                                       .input = input});
    if (end.succeeded()) {
      return end.out;
    }
    const std::string text(trim(end.err));
    const bool is_unknown = text.find("Domain not found") != std::string::npos ||
                            text.find("failed to get domain") != std::string::npos;
    const bool is_full = text.find("No more available PCI slots") != std::string::npos;
    const std::string message = fmt::format("cannot {} {}: {}", doing, shown(),
                                            end.is_late()  ? late_text(words.front(), end)
                                            : text.empty() ? end.text()
                                                           : printable(join_lines(text)));
    if (is_unknown) {
      throw UnknownDomain(message, uri_);
    }
    if (end.is_late() && sys::interrupted()) {
      throw MaybeAttached(Error(ExitCode::failed, message));
    }
    if (end.is_late()) {
      throw MaybeAttached(Error(ExitCode::failed, message,
                                {"is another operation running on the domain: virsh --connect " +
                                     shell_word(uri_) + " domjobinfo " + shell_word(name_),
                                 "wait longer with --timeout SECONDS"}));
    }
    const Error error(is_full ? ExitCode::no_capacity : ExitCode::failed, message,
                      is_full ? "add ports to the domain before it starts: <controller type='pci' "
                                "model='pcie-root-port'/>, one for each device"
                              : "");
    if (const std::string advice = advice_to_start_libvirt(text); !advice.empty()) {
      throw error.with_hint(advice);
    }
    if (end.how == ProgramEnd::How::exited) {
      throw error;
    }
    throw MaybeAttached(error);
  }

  std::string late_text(const std::string& command, const ProgramEnd& end) const {
    if (sys::interrupted()) {
      return "interrupted";
    }
    const std::string text(trim(end.err));
    return fmt::format("virsh {} has not ended within {:g} s{}", command,
                       std::chrono::duration<double>(patience_).count(),
                       text.empty() ? "" : ": " + printable(join_lines(text)));
  }

  // Returns the messages of virsh in one line, without its prefix.
  static std::string join_lines(const std::string& text) {
    constexpr std::string_view prefix = "error: ";
    std::vector<std::string> lines;
    for (const std::string_view line : split(text, '\n')) {
      const std::string_view words = trim(line);
      if (!words.empty()) {
        lines.emplace_back(words.starts_with(prefix) ? words.substr(prefix.size()) : words);
      }
    }
    return join(lines, "; ");
  }

  const Host& host_;
  std::string uri_;
  std::string name_;
  milliseconds patience_;  // for each answer
};

}  // namespace

std::unique_ptr<Machine> find_domain(const Host& host, const std::string& uri, const std::string& domain,
                                     milliseconds patience) {
  return std::make_unique<Domain>(host, uri, domain, patience);
}

}  // namespace mdevadm
