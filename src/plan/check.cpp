#include <mdevadm/plan/check.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/attributes.hpp>
#include <mdevadm/plan/conflicts.hpp>
#include <mdevadm/plan/defined_types.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/drift_advice.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/placements.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/plan/units.hpp>
#include <mdevadm/util/text.hpp>
#include <set>

namespace mdevadm {

namespace {

constexpr std::size_t queues_in_cause = 4;

class Check {
 public:
  explicit Check(const CheckInput& input) : in_(input), places_(input.seen, input.defined) {}

  std::vector<ObjectFinding> run() && {
    check_host();
    const std::size_t of_host = found_.size();
    check_parents();
    check_preparation();
    check_candidates();
    explains_lack_ = found_.size() > of_host;
    check_files();
    check_description();
    for (const Definition& definition : in_.defined.all) {
      check_definition(definition);
    }
    if (!explains_lack_) {
      check_support();
    }
    for (ObjectFinding& found : conflicts(in_)) {
      found_.push_back(std::move(found));
    }
    check_hidden_owners();
    check_undefined();
    check_claims();
    for (const Group& group : in_.groups.all) {
      check_group(group);
    }
    for (ObjectFinding& found : disabled_units(in_)) {
      found_.push_back(std::move(found));
    }
    explain_lack_of_parents();
    std::stable_sort(found_.begin(), found_.end(), [](const ObjectFinding& a, const ObjectFinding& b) {
      return a.finding.severity < b.finding.severity;
    });
    return std::move(found_);
  }

 private:
  void add(std::string object, Finding finding, std::string parent = {}) {
    found_.push_back({std::move(finding), std::move(object), std::move(parent)});
  }

  void check_host() {
    if (!in_.host.has_vfio && (!in_.defined.all.empty() || !in_.seen.devices.empty())) {
      add(whole_host,
          {"VFIO is not loaded (/dev/vfio does not exist), so no virtual machine can use a device",
           {"load it: modprobe vfio-pci"},
           "vfio-module",
           Severity::warning});
    }
    for (const Parent& parent : in_.seen.parents) {
      if (parent.without_iommu) {
        add(parent.name.str(), without_iommu(parent.name.str()));
      }
    }
  }

  void check_support() {
    if (!in_.seen.mdev_support) {
      add(whole_host, {"no mediated device support found: no driver has registered a parent",
                       {"load the driver of the parent first"},
                       "mdev-core",
                       in_.defined.all.empty() ? Severity::info : Severity::error});
    }
  }

  // Commands that find no parent refer to the check for the reason, so it has a finding.
  void explain_lack_of_parents() {
    if (in_.seen.parents.empty() && found_.empty()) {
      const char* advice = "to see why a device offers no mediated devices: mdevadm check ADDRESS";
      add(whole_host, {"no driver has registered a parent", {advice}, "mdev-core", Severity::info});
    }
  }

  void check_parents() {
    for (const std::string& name : in_.seen.parent_names()) {
      const Parent& parent = *in_.seen.find_parent(name);
      for (Finding& refusal : refusals_of(parent, in_.defined)) {
        add(name, std::move(refusal));
      }
      const ParentSettings* settings = in_.settings.find(parent.name);
      const std::vector<FunctionName> reserved =
          settings != nullptr ? settings->reserved : std::vector<FunctionName>{};
      if (parent.notice.empty() || lacks_only_reserved(parent, reserved)) {
        continue;
      }
      const bool is_off = parent.capabilities.functions && parent.functions.empty();
      std::vector<std::string> advice = advice_for_functions(parent, reserved);
      if (is_off && !parent.without_iommu) {
        advice.push_back("enable them: " + command_to_enable(parent));
        if (!parent.enables_functions) {
          advice.push_back("to enable them at each boot: mdevadm parent set " + name + " --vfs all");
        }
      } else if (has_few_functions(parent)) {
        advice.push_back(advice_to_enable_all(parent));
      }
      advice.push_back("show the parent: mdevadm show " + name);
      add(name, {parent.notice, advice, is_off ? "sriov-off" : "parent-notice", severity_of_notice(parent)});
    }
    for (const GpuFunction& gpu : in_.seen.gpus) {
      const Parent* parent = in_.seen.find_parent(gpu.address);
      const bool is_off = parent == nullptr || parent->functions.empty();
      if (gpu.has_functions && gpu.driver_override && gpu.driver == nvidia_driver && is_off) {
        Finding finding = driver_is_fixed(gpu.address, *gpu.driver_override);
        finding.severity = severity_if(is_needed(gpu.address));
        add(gpu.address, std::move(finding));
      }
    }
    // GPUs that are not parents are a problem only if a definition needs them.
    std::vector<std::string> names = in_.seen.parent_names();
    for (const GpuFunction& gpu : in_.seen.gpus) {
      names.push_back(gpu.address);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (const std::string& name : names) {
      auto finding = why_no_types(in_.seen, name);
      if (finding && !is_needed(name)) {
        const bool is_set = in_.settings.find(*ParentName::parse(name)) != nullptr;
        finding->severity =
            is_set || in_.seen.find_parent(name) != nullptr ? Severity::warning : Severity::info;
      }
      if (finding) {
        add(name, *finding);
      }
    }
  }

  // Finds parents that are not as their settings say, unless another finding about them names the cause.
  void check_preparation() {
    const std::string remove_first =
        in_.described ? fmt::format("if {} describes it, remove it there first; then ", in_.described->path)
                      : std::string{};
    for (const UnpreparedParent& parent : in_.unprepared) {
      const std::string& name = parent.name.str();
      const std::string word = shell_word(name);
      // What is not a problem, such as vGPUs that restrict the types, is not the cause of one.
      const bool is_explained = std::any_of(found_.begin(), found_.end(), [&](const ObjectFinding& one) {
        return one.object == name && one.finding.severity != Severity::info &&
               (!parent.has_failed || one.finding.id == "gpu-override");
      });
      if (!is_explained) {
        add(name, {fmt::format("{} does not match its settings: {}", name, parent.reason),
                   {parent.is_absent ? remove_first + "remove its settings: mdevadm parent unset " + word
                                     : "prepare it: mdevadm parent prepare " + word,
                    "show its settings and state: mdevadm parent show " + word},
                   "parent-unprepared",
                   severity_if(is_needed(name) && parent.has_failed)});
      }
    }
  }

  // A GPU in use offers fewer types by the rules of its driver, and functions that no definition needs may be
  // off.
  Severity severity_of_notice(const Parent& parent) const {
    const std::vector<Function>& functions = parent.functions;
    if (parent.capabilities.functions && functions.empty()) {
      const ParentSettings* settings = in_.settings.find(parent.name);
      const bool is_prepared = settings != nullptr && settings->functions;  // before the next start
      return is_prepared                    ? Severity::warning
             : is_needed(parent.name.str()) ? Severity::error
                                            : Severity::info;
    }
    const bool all_usable =
        std::all_of(functions.begin(), functions.end(), [](const Function& one) { return one.usable; });
    const bool in_use = std::any_of(functions.begin(), functions.end(),
                                    [](const Function& one) { return one.type.has_value(); });
    return all_usable && in_use ? Severity::info : Severity::warning;
  }

  // Intel's graphics offer no types unless GVT-g is enabled. On a host without parents, devices of IBM Z can
  // become parents.
  void check_candidates() {
    for (const auto& [name, devices] : in_.seen.host_devices) {
      const bool is_candidate = std::any_of(devices.begin(), devices.end(), [&](const HostDevice& one) {
        return one.driver == "i915" || one.driver == "xe" ||
               (in_.seen.parents.empty() && (one.bus == "css" || one.bus == "ap"));
      });
      if (!is_candidate || is_needed(name) || in_.seen.find_parent(name) != nullptr) {
        continue;  // the finding of a parent that is needed is about the definition
      }
      for (Finding& finding : why_no_parent(in_.seen, name)) {
        finding.severity = Severity::info;
        add(name, std::move(finding));
      }
    }
  }

  bool is_needed(const std::string& parent) const {
    return std::any_of(in_.defined.all.begin(), in_.defined.all.end(),
                       [&](const Definition& one) { return one.parent.str() == parent; });
  }

  void check_files() {
    const auto take = [&](const std::vector<FileProblem>& problems, const char* id, Severity severity) {
      const char* usual = severity == Severity::error ? "fix or remove the file" : "edit the file";
      for (const FileProblem& problem : problems) {
        add(problem.path, {problem.str(), {problem.remedy.empty() ? usual : problem.remedy}, id, severity});
      }
    };
    for (const FileProblem& problem : in_.unread) {
      add(problem.path, {problem.message,
                         {"show the directory and its permissions: ls -ld " + shell_word(problem.path)},
                         "files-unread"});
    }
    if (in_.state) {
      add(in_.state->path,
          {in_.state->message + ", so starts and stops fail", {in_.state->remedy}, "state-unusable"});
    }
    for (const UnusableScript& script : in_.scripts) {
      add(script.problem.path,
          {script.problem.str(), {script.problem.remedy}, "script-unusable", script.severity});
    }
    take(in_.defined.broken, "definition-broken", Severity::error);
    take(in_.defined.problems, "definition-problem", Severity::warning);
    take(in_.groups.broken, "group-broken", Severity::error);
    take(in_.groups.problems, "group-problem", Severity::warning);
    take(in_.settings.broken, "settings-broken", Severity::error);
    take(in_.settings.problems, "settings-problem", Severity::warning);
  }

  void check_description() {
    if (!in_.described) {
      return;
    }
    const HostDescribed& described = *in_.described;
    for (const FileProblem& problem : described.problems) {
      add(problem.path, {problem.str(), {"fix or remove the file"}, "description-broken"});
    }
    if (!described.differences.empty()) {
      add(whole_host, {fmt::format("the host differs from {}: {}", described.path, described.differences),
                       {"show the differences: mdevadm diff", "apply the description: mdevadm apply"},
                       "host-differs",
                       Severity::warning});
    }
  }

  // The accounts of other hosts may not exist after definitions were copied to this one.
  void check_accounts(const std::optional<NodePolicy>& node, const std::string& name,
                      const std::string& command, const std::string& parent = {}) {
    const auto check = [&](const char* account, const char* role, const std::optional<std::string>& named,
                           const std::set<std::string>& unknown) {
      if (named && unknown.contains(*named)) {
        add(name,
            {fmt::format(
                 "the {} '{}' does not exist, so the {} of VFIO nodes cannot be set, and the start fails",
                 account, printable(*named), role),
             {fmt::format("create the {}", account),
              fmt::format("set another owner: mdevadm {} {} --node-owner OWNER:GROUP", command,
                          shell_word(name))},
             "account-missing"},
            parent);
      }
    };
    if (node) {
      check("user", "owner", node->owner, in_.host.unknown_users);
      check("group", "group", node->group, in_.host.unknown_groups);
    }
  }

  // A device whose claim cannot be read is not handed out again.
  void check_claims() {
    for (const Claim& claim : in_.claims.all) {
      if (!claim.problem.empty()) {
        const std::vector<const Definition*> defined = in_.defined.find(claim.uuid);
        add(defined.empty() ? claim.uuid.str() : name_of_definition(*defined.front()),
            {"the claim of the device cannot be read, so the device counts as claimed: " + claim.problem,
             {"release the device: mdevadm release " + claim.uuid.str()},
             "claim-broken"});
      }
    }
    for (const ForeignFile& file : in_.claims.foreign) {
      add(file.path, {"the file is not a claim: " + file.message,
                      {"remove the file: rm " + shell_word(file.path)},
                      "claim-broken",
                      Severity::warning});
    }
  }

  void check_definition(const Definition& definition) {
    const std::string name = name_of_definition(definition);
    const auto about = [&](Finding finding) { add(name, std::move(finding), definition.parent.str()); };
    const std::size_t before = found_.size();
    check_accounts(definition.node, name, "modify", definition.parent.str());
    const Device* device = in_.seen.find_device(definition.uuid);
    const bool is_active = device != nullptr && device->parent == definition.parent;
    if (is_active) {
      check_device(*device, definition);
    } else {
      check_parent_of(definition);
      check_unbound(definition);
    }
    check_queues(definition);
    for (Finding& finding : unusable_attributes(definition)) {
      about(std::move(finding));
    }
    const BootEvent* event = in_.boot.find(definition.uuid, definition.parent);
    // A cause that still exists is reported already, and a device without autostart does not need to start.
    if (!is_active && event != nullptr && event->outcome == BootOutcome::failed && found_.size() == before &&
        in_.groups.starts_at_boot(definition)) {
      // The hints of the failure were for the host of that moment; a start gives those of now.
      about({"autostart at this boot failed: " + event->message,
             {"start the device, or show why it cannot be started: mdevadm start " + shell_word(name)},
             "autostart-failed"});
    }
  }

  // Returns whether all types of a parent are known. A GPU that lists only types that can be created now
  // lists all of them while it is idle, unless its settings create GPU instances.
  bool knows_types(const Parent& parent) const {
    if (!parent.capabilities.types_vanish) {
      return !parent.types.empty();
    }
    const ParentSettings* settings = in_.settings.find(parent.name);
    const bool is_idle = parent.capabilities.functions &&
                         std::none_of(parent.functions.begin(), parent.functions.end(),
                                      [](const Function& one) { return one.type.has_value(); });
    return !parent.unlisted.empty() ||
           (is_idle && !parent.types.empty() && (settings == nullptr || settings->commands.empty()));
  }

  void check_parent_of(const Definition& definition) {
    const std::string name = name_of_definition(definition);
    const std::string& parent_name = definition.parent.str();
    const Parent* parent = in_.seen.find_parent(parent_name);
    if (parent == nullptr) {
      if (why_no_types(in_.seen, parent_name)) {
        return;  // reported for the GPU
      }
      if (auto finding = misnamed_parent(in_.seen, definition)) {
        finding->severity = Severity::error;
        add(name, *std::move(finding), parent_name);
        return;
      }
      for (Finding finding : why_no_parent(in_.seen, parent_name)) {
        finding.severity = Severity::error;
        add(name, std::move(finding), parent_name);
        explains_lack_ = true;
        return;
      }
      add(name, missing_parent(in_.seen, definition, in_.groups, places_), parent_name);
      return;
    }
    if (auto finding = doubt_of_type(in_.seen, *parent, definition, knows_types(*parent))) {
      add(name, *std::move(finding), parent_name);
    }
  }

  static std::string advice_to_correct(const std::string& name, const MissingNumbers& numbers,
                                       const ApMatrix& matrix) {
    return fmt::format("mdevadm modify {}{}", shell_word(name), numbers.correction(matrix));
  }

  void check_values(const Definition& definition) {
    const std::string name = name_of_definition(definition);
    const auto about = [&](Finding finding) { add(name, std::move(finding), definition.parent.str()); };
    for (const RefusedValue& refused : refused_values(definition)) {
      about({refused.text + "; the kernel refuses the value, so the device cannot be started", refused.hints,
             "queue-value"});
    }
    for (OctalValue& octal : octal_values(definition)) {
      about({std::move(octal.text), std::move(octal.hints), "queue-value", Severity::warning});
    }
    if (auto lack = lack_of_queues(definition)) {
      about({std::move(lack->text), {std::move(lack->hint)}, "queue-none", Severity::warning});
    }
  }

  void check_queues(const Definition& definition) {
    if (!in_.seen.ap || !has_queues(definition.type.str())) {
      return;
    }
    const std::string name = name_of_definition(definition);
    const ApMatrix matrix = assigned_by(definition.attributes);
    check_values(definition);
    for (const MissingNumbers& impossible : impossible_numbers(in_.seen, matrix)) {
      add(name,
          {impossible.text + ", so the device cannot be started",
           {"correct the definition: " + advice_to_correct(name, impossible, matrix)},
           "queue-missing"},
          definition.parent.str());
    }
    check_presence(name, definition.parent, matrix, true);
    const std::vector<Apqn> queues = in_.seen.ap->reserved_queues(matrix);
    if (!queues.empty()) {
      add(name,
          {fmt::format("crypto queue{} {} reserved for the host", queues.size() == 1 ? "" : "s",
                       format_queues(queues, queues_in_cause) + (queues.size() == 1 ? " is" : " are")),
           advice_on_reserved(in_.seen, &definition, queues), "queue-of-host"},
          definition.parent.str());
    }
  }

  // Finds numbers of a definition, or of an active device without one, that the host lacks, and cards that
  // are not usable.
  void check_presence(const std::string& name, const ParentName& parent, const ApMatrix& matrix,
                      bool is_definition) {
    for (const MissingNumbers& missing : missing_numbers(in_.seen, matrix)) {
      add(name,
          {missing.text,
           {"list the queues of the host: mdevadm show " + parent.str(),
            fmt::format("if the host will not have {} again, {}: {}",
                        missing.numbers.count() == 1 ? "it" : "them",
                        is_definition ? "correct the definition" : "change the device",
                        advice_to_correct(name, missing, matrix) + (is_definition ? "" : " --live"))},
           "queue-missing",
           Severity::warning},
          parent.str());
    }
    for (UnusableCards& cards : unusable_cards(in_.seen, matrix)) {
      add(name, {std::move(cards.text), std::move(cards.hints), "queue-unusable", Severity::warning},
          parent.str());
    }
  }

  // Finds devices of which the queues are unknown: definitions that need them cannot be compared.
  void check_hidden_owners() {
    for (const HiddenOwner& owner : hidden_owners(in_.seen, &in_.defined)) {
      const Definition* definition = in_.defined.find(owner.device.uuid, owner.device.parent);
      const std::string name =
          definition != nullptr ? name_of_definition(*definition) : owner.device.uuid.str();
      const bool is_compared = definition != nullptr && !owner.device.removing;
      add(name,
          {owner.text + (is_compared ? ", so they are not compared with the definition" : ""),
           {owner.device.removing
                ? fmt::format("wait for the removal: mdevadm stop {} --timeout 60", shell_word(name))
                : "show the device: mdevadm show " + shell_word(name)},
           "queues-unreadable",
           Severity::warning},
          owner.device.parent.str());
    }
  }

  void check_undefined() {
    std::set<Uuid> defined;
    for (const Definition& definition : in_.defined.all) {
      defined.insert(definition.uuid);
    }
    for (const Device& device : in_.seen.devices) {
      const bool is_broken = broken_definition(in_.defined, device.uuid, device.parent) != nullptr;
      if (!defined.contains(device.uuid) && !is_broken && !device.removing) {
        add(device.uuid.str(), undefined_device(device, in_.defined), device.parent.str());
        check_presence(device.uuid.str(), device.parent, device.queues.value_or(ApMatrix{}), false);
        check_bindings(device, device.uuid.str());
      }
    }
  }

  // A definition with numbers that the machine cannot have must be corrected first, or it cannot be applied.
  std::string advice_on_drift(const Definition& definition,
                              const std::vector<DriftedSetting>& differences) const {
    const std::vector<RefusedValue> refused = refused_values(definition);
    const ApMatrix matrix = assigned_by(definition.attributes);
    const std::vector<MissingNumbers> impossible = impossible_numbers(in_.seen, matrix);
    std::string move = advice_on_placement(in_.seen, in_.defined, definition, differences);
    return !move.empty()      ? move
           : !refused.empty() ? refused.front().hints.front()
           : !impossible.empty()
               ? "correct the definition: " +
                     advice_to_correct(name_of_definition(definition), impossible.front(), matrix)
               : advice_on_differences(identity_of(definition), differences);
  }

  // Finds queues that are not bound before the device is started with them. Without the driver, none is.
  void check_unbound(const Definition& definition) {
    const std::vector<Apqn> unbound =
        has_queues(definition.type.str()) && in_.seen.find_parent(definition.parent.str()) != nullptr
            ? bindable_queues(in_.seen, assigned_by(definition.attributes))
            : std::vector<Apqn>{};
    if (!unbound.empty()) {
      add(name_of_definition(definition),
          {"crypto " + describe_unstartable(in_.seen, unbound),
           {advice_to_bind(*in_.seen.ap, unbound)},
           "queue-unbound",
           severity_if(in_.groups.starts_at_boot(definition))},
          definition.parent.str());
    }
  }

  // Since Linux 6.0 a device can have queues that are not bound to vfio_ap, and the guest lacks their
  // adapters.
  void check_bindings(const Device& device, const std::string& name) {
    const std::vector<Apqn> unbound = bindable_queues(in_.seen, device.queues.value_or(ApMatrix{}));
    if (!unbound.empty()) {
      add(name,
          {"crypto " + describe_withheld(unbound), {advice_to_bind(*in_.seen.ap, unbound)}, "queue-unbound"},
          device.parent.str());
    }
  }

  void check_device(const Device& device, const Definition& definition) {
    const std::string name = name_of_definition(definition);
    check_bindings(device, name);
    if (device.nodes.empty() && in_.host.has_vfio) {
      add(name,
          {"the device is active but has no VFIO node",
           {"see the kernel log for the driver's reason: dmesg"},
           "node-missing"},
          definition.parent.str());
    }
    const auto node = node_policy_of(definition, in_.groups.of(definition));
    std::vector<DriftedSetting> of_node, others;
    for (DriftedSetting& one : differences_of(in_.seen, device, definition, node)) {
      (one.setting.starts_with("node ") ? of_node : others).push_back(std::move(one));
    }
    for (const auto& [differences, id] : {std::pair(&of_node, "node-permissions"), {&others, "drift"}}) {
      if (!differences->empty()) {
        add(name,
            {"the active device differs from its definition: " + describe(*differences),
             {advice_on_drift(definition, *differences)},
             id,
             Severity::warning},
            definition.parent.str());
      }
    }
  }

  void check_group(const Group& group) {
    const std::string name = group.name.str();
    std::size_t active = 0;
    check_accounts(group.node, name, "group modify");
    for (const Member& member : group.members) {
      const bool is_defined = std::any_of(in_.defined.all.begin(), in_.defined.all.end(),
                                          [&](const Definition& one) { return one.uuid == member.uuid; });
      const bool is_broken = broken_definition(in_.defined, member.uuid, member.parent) != nullptr;
      if (!is_defined && !is_broken && in_.unread.empty()) {
        add(name, {fmt::format("member '{}' is not defined, so the group cannot start", member.uuid.str()),
                   {fmt::format("remove the member: mdevadm group remove {} {}", shell_word(name),
                                member.uuid.str()),
                    fmt::format("define the device again: mdevadm define {} -p {} -t TYPE", member.uuid.str(),
                                member.parent ? member.parent->str() : "PARENT")},
                   "group-member"});
      }
      active += in_.seen.find_device(member.uuid) != nullptr ? 1U : 0U;
    }
    const auto several = several_vfio_ap(group, in_.defined);
    if (several && is_of_one_machine(group, in_.defined)) {
      add(name, {*several,
                 {"assign the queues of all to one device, and remove the others: mdevadm group remove " +
                  shell_word(name) + " DEVICE"},
                 "group-vfio-ap",
                 Severity::warning});
    }
    if (active > 0 && active < group.members.size()) {
      add(name, {fmt::format("{} of {} members are active", active, group.members.size()),
                 {"start the other members: mdevadm group start " + shell_word(name)},
                 "group-partial",
                 Severity::warning});
    }
  }

  const CheckInput& in_;
  NewPlaces places_;
  std::vector<ObjectFinding> found_{};
  bool explains_lack_ = false;  // the findings say why no driver has registered a parent
};

}  // namespace

std::string_view severity_word(Severity severity) {
  switch (severity) {
    case Severity::error: return "error";
    case Severity::warning: return "warning";
    default: return "info";
  }
}

std::vector<ObjectFinding> check(const CheckInput& input) {
  return Check(input).run();
}

}  // namespace mdevadm
