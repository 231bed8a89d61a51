#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/claims.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "../guests.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class ReleaseCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", words_,
                             "claimed devices (UUID, unique UUID prefix, or name), or groups"),
              ValueKind::claimed_device);
    auto* claimant = kinds.set(app.add_option("--for", claimant_, "release only what was claimed for TEXT"),
                               ValueKind::claimant);
    app.add_flag("-a,--all", all_, "release all claimed devices of the groups, or of all groups")
        ->excludes(claimant);
    kinds.set(app.add_option("--timeout", timeout_, "wait up to SECONDS for devices in use to be closed"),
              ValueKind::seconds);
    app.add_flag("--force", force_, "release devices that are in use");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    if (words_.empty() && claimant_.empty() && !all_) {
      throw Error(ExitCode::usage, "missing argument DEVICE (or --for, --all)",
                  "list claimed devices: mdevadm list --claimed -o +claimed_for");
    }
    const Claims claims = context.store().load_claims();
    const Groups groups = context.groups_if_readable();
    const Definitions defined = context.definitions_if_readable();
    const Snapshot devices = context.observe({Facet::devices, std::nullopt, std::nullopt});
    Batch batch(change_, "release");
    std::vector<Wanted> wanted;
    if (words_.empty()) {
      take_all(context, claims.all, "", devices, defined, wanted);
    }
    for (const std::string& word : words_) {
      try {
        take(context, word, claims, groups, devices, defined, wanted);
      } catch (const Error& error) {
        batch.refuse({.argument = word}, error);
      }
    }
    std::vector<Uuid> uuids;
    std::transform(wanted.begin(), wanted.end(), std::back_inserter(uuids),
                   [](const Wanted& one) { return one.claim.uuid; });
    const Snapshot users = context.observe_users(uuids, {});
    for (const Wanted& one : wanted) {
      batch.add(one.about, [&] {
        return plan_claim_release(users, one.claim, {one.about, parse_seconds(timeout_), force_});
      });
    }
    return batch.finish(context);
  }

 private:
  struct Wanted {
    Identity about;
    Claim claim;
  };

  static void add(std::vector<Wanted>& wanted, Wanted one) {
    if (std::none_of(wanted.begin(), wanted.end(),
                     [&](const Wanted& other) { return other.claim.uuid == one.claim.uuid; })) {
      wanted.push_back(std::move(one));
    }
  }

  static Identity identity(const Uuid& uuid, const Snapshot& devices, const Definitions& defined) {
    const Device* device = devices.find_device(uuid);
    const std::vector<const Definition*> found = defined.find(uuid);
    if (device != nullptr) {
      return identity_of(*device, defined.find(uuid, device->parent));
    }
    return found.empty() ? Identity{.uuid = uuid} : identity_of(*found.front());
  }

  // Takes those of the claims that are for the claimant. No such claim is not an error: the command can be
  // repeated.
  void take_all(Context& context, const std::vector<Claim>& claims, const std::string& of_group,
                const Snapshot& devices, const Definitions& defined, std::vector<Wanted>& wanted) const {
    bool any = false;
    for (const Claim& claim : claims) {
      if (claimant_.empty() || claim.claimant == claimant_) {
        any = true;
        add(wanted, {identity(claim.uuid, devices, defined), claim});
      }
    }
    if (!any) {
      context.messages().note(
          fmt::format("no device{} is claimed{}", of_group,
                      claimant_.empty() ? "" : fmt::format(" for '{}'", printable(claimant_))));
    }
  }

  // Returns the device that an argument means, which may exist no longer.
  Uuid find_device(const std::string& word, const Claims& claims, const Snapshot& devices,
                   const Definitions& defined, const std::string& doing) const {
    const auto given = Uuid::parse(word);
    if (given && claims.find(*given) != nullptr) {
      return *given;
    }
    try {
      return resolve_no_group(word, devices, defined, doing).uuid;
    } catch (const Error& error) {
      if (all_ && error.code() == ExitCode::not_found) {
        throw Error(ExitCode::not_found, doing + ": no group with this name",
                    "list groups: mdevadm group list");
      }
      throw;
    }
  }

  void take(Context& context, const std::string& word, const Claims& claims, const Groups& groups,
            const Snapshot& devices, const Definitions& defined, std::vector<Wanted>& wanted) const {
    const std::string doing = fmt::format("cannot release '{}'", printable(word));
    const auto is_from = [&](const Claim& claim) { return claim.group == word; };
    const Group* group = group_meant_by(word, groups, defined, doing);
    const auto label = Label::parse(word);
    const bool is_deleted_group = group == nullptr && !(label && defined.find_label(*label) != nullptr) &&
                                  std::any_of(claims.all.begin(), claims.all.end(), is_from);
    if (group != nullptr || is_deleted_group) {
      if (claimant_.empty() && !all_) {
        throw Error(
            ExitCode::usage, fmt::format("{}: it is a group (expected --for TEXT or --all)", doing),
            group != nullptr
                ? fmt::format("list its claimed devices: mdevadm list --claimed --group {} -o +claimed_for",
                              shell_word(word))
                : "list claimed devices: mdevadm list --claimed -o +claimed_for");
      }
      take_all(context, claims_of(claims, word, groups), fmt::format(" of '{}'", printable(word)), devices,
               defined, wanted);
      return;
    }
    const Uuid uuid = find_device(word, claims, devices, defined, doing);
    Identity about = identity(uuid, devices, defined);
    about.argument = word;
    const Claim* claim = claims.find(uuid);
    if (claim == nullptr) {
      throw Error(ExitCode::not_found, fmt::format("cannot release {}: it is not claimed", about.quoted()),
                  "list claimed devices: mdevadm list --claimed -o +claimed_for");
    }
    require_claimant(*claim, about, claimant_);
    add(wanted, {about, *claim});
  }

  std::vector<std::string> words_;
  std::string claimant_;
  std::string timeout_;
  bool all_ = false;
  bool force_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_release() {
  return std::make_unique<ReleaseCommand>();
}

}  // namespace mdevadm::cli
