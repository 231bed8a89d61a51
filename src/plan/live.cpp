#include <mdevadm/plan/live.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/model/drift.hpp>
#include <mdevadm/plan/attributes.hpp>
#include <mdevadm/plan/queues.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

Attribute ap_attribute(const std::string& verb, ApKind kind, unsigned number) {
  return {*AttributeName::parse(fmt::format("{}_{}", verb, ap_name(kind))),
          fmt::format("0x{:0{}x}", number, kind == ApKind::adapter ? 2 : 4)};
}

bool is_attribute(const DriftedSetting& setting) {
  return setting.setting.starts_with("attribute ");
}

class LivePlanner {
 public:
  LivePlanner(const Snapshot& seen, const Definitions& defined, const LiveRequest& request)
      : seen_(seen), defined_(defined), request_(request), device_(*request.device) {
    job_.about = request.definition != nullptr ? identity_of(*request.definition, request.change.argument)
                                               : identity_of(device_, nullptr, request.change.argument);
    job_.goal = "modify " + job_.about.quoted();
    job_.lane = device_.parent.str();
    doing_ = "cannot " + job_.goal;
  }

  Job plan() {
    if (!changes_device() && !changes_definition()) {
      apply_definition();
      return std::move(job_);
    }
    add_changes();
    if (request_.changes_definition) {
      add_definition();
    }
    if (job_.steps.empty() && job_.notes.empty()) {
      job_.notes.push_back(job_.about.quoted() + " is unchanged");
    }
    return std::move(job_);
  }

 private:
  bool changes_device() const {
    return !request_.change.add_attributes.empty() || request_.change.queues.any() || request_.node;
  }
  bool changes_definition() const {
    const ModifyRequest& change = request_.change;
    return request_.changes_definition && (change.start || change.name || change.node || change.accept_abi);
  }

  void add(Action action, std::optional<Action> undo = std::nullopt) {
    job_.steps.push_back({std::move(action), std::move(undo)});
  }

  Error unreadable_queues() const {
    const bool has_some = device_.type && has_queues(device_.type->str());
    return has_some ? Error(ExitCode::failed,
                            fmt::format("{}: its adapters and domains cannot be read completely", doing_))
                    : Error(ExitCode::usage,
                            fmt::format("{}: devices of type '{}' have no crypto queues (expected "
                                        "vfio_ap-passthrough)",
                                        doing_, device_.type ? device_.type->str() : "unknown"));
  }

  void add_changes() {
    std::vector<Attribute> queues = request_.change.add_attributes;
    std::vector<Attribute> others;
    std::erase_if(queues, [&](const Attribute& one) {
      if (!is_ap_attribute(one)) {
        others.push_back(one);
      }
      return !is_ap_attribute(one);
    });
    if (request_.change.queues.any() || !queues.empty()) {
      if (!device_.queues) {
        throw unreadable_queues();
      }
      change_queues(request_.change.queues.applied_to(assigned_by(queues, *device_.queues)));
    }
    if (request_.node) {
      add_node(*request_.node);
    }
    for (const Attribute& attribute : others) {
      add_attribute(attribute);
    }
  }

  void apply_definition() {
    if (request_.definition == nullptr) {
      throw Error(ExitCode::not_found, fmt::format("{}: the device has no definition to apply", doing_),
                  "specify the changes as options; list the options: mdevadm help modify");
    }
    const Definition& wanted = *request_.definition;
    const std::optional<NodePolicy> node = node_policy_of(wanted, request_.of_group);
    if (has_queues(wanted.type.str()) && !device_.queues) {
      throw unreadable_queues();
    }
    require_valid_queues(wanted, doing_);
    const std::vector<DriftedSetting> differences = drift_of(device_, wanted, node);
    require_changeable(differences);
    if (!differences.empty()) {
      job_.notes.push_back(
          fmt::format("{}: applying the definition: {}", job_.about.quoted(), describe(differences)));
    }
    if (device_.queues) {
      change_queues(assigned_by(wanted.attributes));
    }
    for (const DriftedSetting& setting : differences) {
      if (is_attribute(setting)) {
        const auto found = std::find_if(
            wanted.attributes.begin(), wanted.attributes.end(),
            [&](const Attribute& one) { return setting.setting == "attribute " + one.name.str(); });
        add_attribute(*found);
      }
    }
    const bool node_differs =
        std::any_of(differences.begin(), differences.end(),
                    [](const DriftedSetting& one) { return one.setting.starts_with("node "); });
    if (node_differs) {
      add_node(*node);
    }
    if (job_.steps.empty()) {
      const std::vector<std::string> uncompared = uncompared_attributes(wanted);
      job_.notes.push_back(
          uncompared.empty()
              ? job_.about.quoted() + " does not differ from its definition"
              : fmt::format("{}: no difference from its definition was found; not compared: {}; {}",
                            job_.about.quoted(), join(uncompared, ", "), advice_to_restart(job_.about)));
    }
  }

  // Returns the attributes of the definition whose values on the device are unknown, with the reason.
  std::vector<std::string> uncompared_attributes(const Definition& wanted) const {
    const std::vector<Attribute> comparable = comparable_attributes(wanted);
    const auto& present = device_.settings.or_default().attributes;
    std::vector<std::string> found;
    for (const Attribute& one : wanted.attributes) {
      const auto has_name = [&](const Attribute& other) { return other.name == one.name; };
      const auto times = std::count_if(wanted.attributes.begin(), wanted.attributes.end(), has_name);
      const bool is_compared =
          std::any_of(comparable.begin(), comparable.end(), has_name) && present.contains(one.name.str());
      std::string text = fmt::format("attribute {} ({})", one.name.str(),
                                     times > 1 ? fmt::format("set {} times", times) : "cannot be read");
      if (!is_compared && !is_ap_attribute(one) &&
          std::find(found.begin(), found.end(), text) == found.end()) {
        found.push_back(std::move(text));
      }
    }
    return found;
  }

  // The type, the virtual function and the number of instances are those of the creation.
  void require_changeable(std::vector<DriftedSetting> differences) const {
    for (const DriftedSetting& one : differences) {
      if (!one.present) {
        const std::string name = one.setting.substr(one.setting.find(' ') + 1);
        throw Error(ExitCode::not_found, fmt::format("{}: the device has no attribute '{}'", doing_, name),
                    fmt::format("remove it from the definition: mdevadm modify {} --delete-attr {}",
                                job_.about.word(), shell_word(name)));
      }
    }
    std::erase_if(differences, [](const DriftedSetting& one) { return one.is_changeable(); });
    if (!differences.empty()) {
      throw Error(
          ExitCode::conflict,
          fmt::format("{}: {} cannot be changed while the device is active", doing_, describe(differences)),
          advice_to_restart(job_.about));
    }
  }

  void change_queues(const ApMatrix& after) {
    const ApMatrix& before = *device_.queues;
    if (after == before) {
      return;
    }
    require_no_guest();
    check_queues(before, after);
    warn_of_loss(before, after);
    if (device_.queue_changes == QueueChanges::atomic) {
      const AttributeName name = *AttributeName::parse("ap_config");
      add(WriteAttribute{device_, {name, format_ap_config(after)}},
          WriteAttribute{device_, {name, format_ap_config(before)}});
    } else {
      add_assignments("unassign", "assign", before, after);
      add_assignments("assign", "unassign", after, before);
    }
    add(CheckQueues{device_, after});
  }

  // Adds a write for each number that `from` has and `other` has not. If all numbers are removed first, every
  // matrix between the writes is a part of the first or of the last one.
  void add_assignments(const char* verb, const char* reverse, const ApMatrix& from, const ApMatrix& other) {
    for (const ApKind kind : ap_kinds) {
      for (const unsigned number : numbers_of(from.of(kind) & ~other.of(kind))) {
        add(WriteAttribute{device_, ap_attribute(verb, kind, number)},
            WriteAttribute{device_, ap_attribute(reverse, kind, number)});
      }
    }
  }

  void require_no_guest() const {
    if (device_.busy && device_.queue_changes == QueueChanges::idle) {
      throw Error(ExitCode::in_use,
                  fmt::format("{}: still in use by {}; Linux before 6.0 changes the queues of a device only "
                              "while no guest uses it",
                              doing_, describe(device_.holders)),
                  "stop the virtual machine, or change the definition, without --live")
          .held_by(device_.holders);
    }
  }

  void check_queues(const ApMatrix& before, const ApMatrix& after) {
    const std::vector<Apqn> present = before.queues();
    const std::vector<Apqn> future = after.queues();
    // Removing something is always possible.
    const bool adds = !std::includes(present.begin(), present.end(), future.begin(), future.end()) ||
                      (after.adapters & ~before.adapters).any() || (after.domains & ~before.domains).any() ||
                      (after.control_domains & ~before.control_domains).any();
    if (!adds) {
      return;
    }
    for (const std::string& warning : require_free_queues(seen_, &defined_, device_.uuid, after, doing_)) {
      warn(warning);
    }
    if (seen_.ap && device_.queue_changes == QueueChanges::idle) {
      require_bound_queues(*seen_.ap, after, doing_);
    } else if (device_.busy && seen_.ap) {
      require_bound(before, unbound_queues(*seen_.ap, before, after));
    }
    if (request_.definition != nullptr && !request_.changes_definition) {
      Definition as_changed = *request_.definition;
      as_changed.attributes = assignments_of(after);
      as_changed.start = StartMode::manual;
      for (const std::string& warning : check_defined_queues(seen_, defined_, {}, as_changed, doing_)) {
        warn(warning);
      }
    }
  }

  // The kernel takes queues from a running guest without asking it. The device of a claim may get a guest at
  // any moment.
  void warn_of_loss(const ApMatrix& before, const ApMatrix& after) {
    constexpr std::size_t named = 4;
    const std::vector<Apqn> present =
        seen_.ap && seen_.ap->bound ? guest_queues(*seen_.ap, before) : before.queues();
    const std::vector<Apqn> future = after.queues();
    std::vector<Apqn> lost;
    std::set_difference(present.begin(), present.end(), future.begin(), future.end(),
                        std::back_inserter(lost));
    if ((!device_.busy && request_.claim == nullptr) || lost.empty()) {
      return;
    }
    const std::string effect = fmt::format(
        "the device is {}, which loses queue{} {}; the kernel clears {} state and keys",
        device_.busy ? "in use by " + describe(device_.holders) : request_.claim->str(),
        lost.size() == 1 ? "" : "s", format_queues(lost, named), lost.size() == 1 ? "its" : "their");
    if (request_.spares_users) {
      throw Error(ExitCode::in_use, fmt::format("{}: {}", doing_, effect),
                  "to take the queues from the user: mdevadm modify --live " + shell_word(job_.about.word()))
          .held_by(device_.holders);
    }
    warn(effect);
  }

  void require_bound(const ApMatrix& before, const std::vector<Apqn>& unbound) {
    if (unbound.empty()) {
      return;
    }
    const std::string effect = describe_unbound(unbound, before);
    if (request_.forced) {
      return warn(effect);
    }
    throw Error(ExitCode::conflict, fmt::format("{}: {}", doing_, effect),
                std::vector{advice_to_bind(*seen_.ap, unbound),
                            std::string("change the device nevertheless: --force")});
  }

  void warn(const std::string& text) { add_warning(fmt::format("{}: {}", job_.about.quoted(), text)); }

  // The device and the definition can have the same problem.
  void add_warning(std::string warning) {
    if (std::find(job_.warnings.begin(), job_.warnings.end(), warning) == job_.warnings.end()) {
      job_.warnings.push_back(std::move(warning));
    }
  }

  void add_attribute(const Attribute& attribute) {
    require_settable({attribute}, {}, doing_);
    if (attribute_of_type(attribute)) {
      throw Error(ExitCode::usage,
                  fmt::format("{}: '{}' is an attribute of the type, which is set before the "
                              "device is created",
                              doing_, attribute.name.str()));
    }
    const auto& present = device_.settings.or_default().attributes;
    const auto known = present.find(attribute.name.str());
    std::optional<Action> undo;
    if (known != present.end()) {
      if (!known->second) {
        throw Error(ExitCode::not_found,
                    fmt::format("{}: the device has no attribute '{}'", doing_, attribute.name.str()));
      }
      undo = WriteAttribute{device_, {attribute.name, *known->second}};
    }
    add(WriteAttribute{device_, attribute}, std::move(undo));
  }

  // Each node is a step of its own: the nodes can have different owners, which an undo step restores.
  void add_node(const NodePolicy& policy) {
    if (device_.nodes.empty()) {
      throw Error(ExitCode::failed, fmt::format("{}: the device has no VFIO node", doing_));
    }
    for (const Node& node : device_.nodes) {
      NodePolicy before;
      before.owner = policy.owner ? std::optional(node.owner) : std::nullopt;
      before.group = policy.group ? std::optional(node.group) : std::nullopt;
      before.mode = policy.mode ? std::optional(node.mode) : std::nullopt;
      before.selinux_label = policy.selinux_label ? node.selinux_label : std::nullopt;
      add(OwnNode{device_, policy, node.path},
          before != NodePolicy{} ? std::optional<Action>(OwnNode{device_, before, node.path}) : std::nullopt);
    }
  }

  // The definition is written last: if the device cannot be changed, its file has not been touched.
  void add_definition() {
    Job job = plan_modify(seen_, defined_, *request_.definition, request_.change);
    std::move(job.steps.begin(), job.steps.end(), std::back_inserter(job_.steps));
    for (std::string& warning : job.warnings) {
      add_warning(std::move(warning));
    }
    job_.hooks = std::move(job.hooks);
  }

  const Snapshot& seen_;
  const Definitions& defined_;
  const LiveRequest& request_;
  const Device& device_;
  std::string doing_{};
  Job job_{};
};

}  // namespace

ModifyRequest as_active(const Snapshot& seen, const Device& device, const Definition& definition,
                        const std::optional<NodePolicy>& of_group, ModifyRequest request) {
  const Parent* parent = seen.find_parent(device.parent.str());
  const std::optional<NodePolicy> policy = node_policy_of(definition, of_group);
  Definition compared = definition;
  if (device.type && means_type(parent, compared.type, *device.type)) {
    compared.type = *device.type;
  }
  NodePolicy node = definition.node.value_or(NodePolicy{});
  for (const DriftedSetting& one : drift_of(device, compared, policy)) {
    if (one.setting == "type") {
      request.type = device.type;
    } else if (one.setting == "vf") {
      request.function = FunctionName::parse(device.vf.str());
    } else if (one.setting == "aggregate") {
      request.aggregate = device.units;
    } else if (is_attribute(one)) {
      const AttributeName name = *AttributeName::parse(one.setting.substr(one.setting.find(' ') + 1));
      if (one.present) {
        request.replace_attributes.push_back({name, *one.present});
      } else {
        request.delete_attributes.emplace_back(name);
      }
    } else if (one.setting == "node owner") {
      node.owner = one.present;
    } else if (one.setting == "node group") {
      node.group = one.present;
    } else if (one.setting == "node mode") {
      node.mode = device.nodes.front().mode;
    } else if (one.setting == "node label") {
      node.selinux_label = one.present;
    }
  }
  if (node != definition.node.value_or(NodePolicy{})) {
    request.node = node;
  }
  if (device.queues && *device.queues != assigned_by(definition.attributes)) {
    request.queues = {ApChange{.added = device.queues->adapters}, ApChange{.added = device.queues->domains},
                      ApChange{.added = device.queues->control_domains}};
  }
  request.from_device = true;
  return request;
}

Job plan_modify_live(const Snapshot& seen, const Definitions& defined, const LiveRequest& request) {
  return LivePlanner(seen, defined, request).plan();
}

}  // namespace mdevadm
