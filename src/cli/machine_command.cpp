#include "machine_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <mdevadm/util/text.hpp>

#include "targets.hpp"

namespace mdevadm::cli {

namespace {

using std::chrono::milliseconds;

constexpr const char* usual_uri = "qemu:///system";
constexpr milliseconds usual_patience{30'000};
// For an answer of QEMU or libvirt: a short time limit means the guest.
constexpr milliseconds least_patience{1'000};

}  // namespace

void MachineCommand::declare_common(CLI::App& app, ValueKinds& kinds) {
  kinds.set(
      app.add_option("device,-u,--uuid", words_, "devices (UUID, unique UUID prefix, or name), or a group"),
      ValueKind::device_or_group);
  auto* socket = kinds.set(app.add_option("--qmp", socket_, "QMP socket of QEMU"), ValueKind::socket);
  auto* domain = kinds.set(app.add_option("--domain", domain_, "domain of libvirt"), ValueKind::domain);
  socket->excludes(domain);
  kinds.set(app.add_option("--connect", uri_, "libvirt's URI (default: qemu:///system)"), ValueKind::uri)
      ->needs(domain);
  kinds.set(app.add_option("--timeout", timeout_, "time to wait for QEMU and the guest (default: 30)"),
            ValueKind::seconds);
}

void MachineCommand::require_arguments() const {
  if (words_.empty()) {
    throw Error(ExitCode::usage, "missing argument DEVICE", "list all devices: mdevadm list --all");
  }
  if (socket_.empty() && domain_.empty()) {
    throw Error(ExitCode::usage, "no virtual machine given",
                "specify its QMP socket with --qmp SOCKET, or its domain in libvirt with --domain NAME");
  }
}

std::unique_ptr<Machine> MachineCommand::connect(const Context& context) const {
  const char* environment = std::getenv("LIBVIRT_DEFAULT_URI");
  const std::string uri = !uri_.empty() ? uri_ : environment != nullptr ? environment : usual_uri;
  const milliseconds for_answers = std::max(patience(), least_patience);
  return socket_.empty() ? find_domain(context.host(), uri, domain_, for_answers)
                         : connect_to_qemu(socket_, for_answers);
}

std::string MachineCommand::machine_name() const {
  return socket_.empty() ? fmt::format("the domain '{}'", printable(domain_))
                         : fmt::format("QEMU at '{}'", printable(socket_));
}

std::chrono::milliseconds MachineCommand::patience() const {
  return timeout_.empty() ? usual_patience : parse_seconds(timeout_);
}

const Group* MachineCommand::group_in(const Groups& groups, const Definitions& defined,
                                      const std::string& verb) const {
  for (const std::string& word : words_) {
    const Group* group =
        group_meant_by(word, groups, defined, fmt::format("cannot {} '{}'", verb, printable(word)));
    if (group != nullptr && words_.size() > 1) {
      throw Error(ExitCode::usage, fmt::format("group '{}' must be the only argument", printable(word)));
    }
    if (group != nullptr) {
      return group;
    }
  }
  return nullptr;
}

Batch MachineCommand::batch_for(const Group* group, const std::string& verb) const {
  Batch batch(change_, group != nullptr ? verb + " group" : verb);
  if (group != nullptr) {
    batch.of_group(group->name.str());
  }
  return batch;
}

Identity MachineCommand::about(const Group* group) const {
  return group != nullptr     ? identity_of(*group)
         : words_.size() == 1 ? Identity{.uuid = Uuid::parse(words_.front()), .argument = words_.front()}
                              : Identity{.argument = join(words_, " ")};
}

}  // namespace mdevadm::cli
