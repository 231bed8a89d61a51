#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/claims.hpp>
#include <mdevadm/plan/drift_advice.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/guest.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/render/guest.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/run/pool.hpp>
#include <mdevadm/util/text.hpp>

#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// Of guest_facets those without the identity of the parent, which only says whether a VM's UUID is needed,
// and without names of types: the type of an active device is an ID.
constexpr Facet shown_facets =
    Facet::devices | Facet::parents | Facet::types | Facet::device_api | Facet::nodes;

// Part of what starts a virtual machine, so it reads no more than it must.
class ClaimCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("group", name_, "group that serves as the pool")->required(), ValueKind::group);
    kinds.set(
        app.add_option("--for", claimant_, "record for whom the device is claimed, such as the name of a VM"),
        ValueKind::claimant);
    app.add_flag("--json", json_, "print device, node and arguments of QEMU as JSON");
  }

  bool json() const override { return json_; }

  ExitCode run(Context& context) override {
    const Group group = group_of(context);
    std::vector<ParentName> locked;
    std::vector<sys::FileLock> locks;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
      {
        const sys::FileLock lock = context.lock_claims();
        PoolSearch search = find_free_member({context.host(), context.store()}, group, locked);
        if (search.found) {
          claim(context, group, *search.found);
          return ExitCode::done;
        }
        if (search.locked_parents.empty() || std::chrono::steady_clock::now() >= deadline) {
          throw none_free(group, search.states);
        }
        locked = {search.locked_parents.front()};
      }
      // Locks of parents are taken before that of the claims.
      locks.clear();
      locks = context.lock_parents(locked, patience);
    }
  }

 private:
  // How long to wait for the end of other starts and stops.
  static constexpr std::chrono::seconds patience{60};

  Group group_of(Context& context) const {
    const auto name = GroupName::parse(name_);
    if (auto group = name ? context.store().load_group(*name) : std::nullopt) {
      return *std::move(group);
    }
    return require_group(context.groups(FileProblems::reported), name_,
                         fmt::format("cannot claim a device of '{}'", printable(name_)));
  }

  void claim(Context& context, const Group& group, const FreeMember& member) {
    using std::chrono::milliseconds;
    const auto now = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
    const Claim claim{member.device.uuid, group.name.str(), claimant_, now, member.inode};
    // What virtual machines cannot use is not handed out.
    const std::optional<render::ClaimedDevice> shown =
        json_ ? std::optional(as_shown(context, group, member, claim)) : std::nullopt;
    VerboseProgress progress(context);
    Effects effects{context.host(), context.store()};
    effects.holds_claims = true;
    const Plan plan{.jobs = {plan_claim(member.definition, claim)}};
    const JobResult result = carry_out(plan, effects, progress).front();
    if (result.error) {
      throw Error(*result.error);
    }
    context.made.push_back(claim.uuid.str());
    note_drift(context, group, member);
    context.out =
        shown ? render::claim_document(*shown, context.messages().take_notes()) : claim.uuid.str() + "\n";
  }

  // Settings of the definition that the device lacks may be what the virtual machine needs. Only what a
  // definition sets is read.
  static void note_drift(Context& context, const Group& group, const FreeMember& member) {
    const std::optional<NodePolicy> node = node_policy_of(member.definition, &group);
    if (member.definition.attributes.empty() && !has_queues(member.definition.type.str()) && !node &&
        !member.definition.aggregate) {
      return;
    }
    Definitions defined;
    defined.all.push_back(member.definition);
    const Effects effects{context.host(), context.store()};
    Snapshot seen =
        observe_defined(effects, {member.device.uuid}, defined, facets_to_compare(member.definition, node));
    observe_settings_of(effects, seen, {{&member.definition, node}});
    const Device* device = seen.find_device(member.device.uuid);
    Definition wanted = member.definition;
    if (device != nullptr && device->type) {
      wanted.type = *device->type;  // the type has been compared in all its forms
    }
    const std::vector<DriftedSetting> differences =
        device != nullptr ? drift_of(*device, wanted, node) : std::vector<DriftedSetting>{};
    if (!differences.empty()) {
      const Identity about = identity_of(member.definition);
      context.messages().note(fmt::format("{}: the active device differs from its definition: {}; {}",
                                          about.quoted(), describe(differences),
                                          advice_on_differences(about, differences)));
    }
  }

  static render::ClaimedDevice as_shown(const Context& context, const Group& group, const FreeMember& member,
                                        const Claim& claim) {
    const std::string doing = fmt::format("cannot claim {}", identity_of(member.definition).quoted());
    Definitions defined;
    defined.all.push_back(member.definition);
    const Snapshot seen =
        observe_defined({context.host(), context.store()}, {claim.uuid}, defined, shown_facets);
    const Found found = resolve_device(claim.uuid.str(), seen, defined, member.device.parent, doing);
    render::ClaimedDevice shown{claim, guest_device(seen, found, doing), {}, {}};
    shown.nodes = found.active != nullptr ? found.active->nodes.list() : std::vector<Node>{};
    shown.properties = qemu_properties(shown.device, qemu_ids({shown.device}).front(), {}, doing);
    shown.vm = group.vm ? group.vm : shown.device.vm;
    return shown;
  }

  std::string name_;
  std::string claimant_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_claim() {
  return std::make_unique<ClaimCommand>();
}

}  // namespace mdevadm::cli
