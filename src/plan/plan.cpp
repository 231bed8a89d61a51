#include <mdevadm/plan/plan.hpp>

#include <fmt/format.h>

#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
// clang deduces the arguments of an aggregate since version 17 only.
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

std::string seconds_of(std::chrono::milliseconds time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

std::string describe_policy(const NodePolicy& policy) {
  std::vector<std::string> parts;
  if (policy.owner) {
    parts.push_back("owner " + printable(*policy.owner));
  }
  if (policy.group) {
    parts.push_back("group " + printable(*policy.group));
  }
  if (policy.mode) {
    parts.push_back(fmt::format("mode {:04o}", *policy.mode));
  }
  if (policy.selinux_label) {
    parts.push_back("label " + printable(*policy.selinux_label));
  }
  return join(parts, ", ");
}

std::string describe_creation(const Creation& what) {
  std::string text =
      fmt::format("create {} on {} as {}", what.type.str(), what.parent.str(), what.uuid.str());
  if (!what.vf.empty()) {
    text += fmt::format(", virtual function {}", what.vf);
  } else if (!what.name.empty()) {
    text += fmt::format(", name {}", what.name);
  }
  if (what.units > 1) {
    text += fmt::format(", aggregating {} instances", what.units);
  }
  if (what.arguments) {
    text += fmt::format(", create arguments '{}'", printable(*what.arguments));
  }
  if (what.beside) {
    text += fmt::format(", joining the IOMMU group of {}", what.beside->uuid.str());
  }
  return text;
}

std::string describe_change(const ChangeFunctions& change) {
  const std::string by = change.method == FunctionMethod::sriov_manage ? " by sriov-manage" : "";
  return change.number == 0
             ? fmt::format("disable the virtual functions of {}{}", change.parent.str(), by)
             : fmt::format("enable {} virtual functions of {}{}", change.number, change.parent.str(), by);
}

std::string describe_matrix(const ApMatrix& matrix) {
  std::vector<std::string> parts;
  for (const ApKind kind : ap_kinds) {
    const std::string list = format_ap_list(matrix.of(kind), kind);
    parts.push_back(fmt::format("{}s {}", ap_word(kind), list.empty() ? "none" : list));
  }
  return join(parts, ", ");
}

std::string describe_placements(const std::vector<FixedPlacement>& fixed) {
  std::vector<std::string> parts;
  for (const FixedPlacement& one : fixed) {
    parts.push_back(fmt::format("{} to {} of {}", one.first, one.first + one.size - 1, one.owner));
  }
  return join(parts, ", ");
}

std::string where(const Uuid& uuid, const ParentName& parent) {
  return fmt::format("definition of {} under {}", uuid.str(), parent.str());
}

std::string where(const Definition& definition) {
  return where(definition.uuid, definition.parent);
}

}  // namespace

std::string describe(const Action& action) {
  return std::visit(
      Overloaded{
          [](const CreateDevice& a) { return describe_creation(a.what); },
          [](const RemoveDevice& a) {
            return fmt::format("remove {}{}", a.device.uuid.str(),
                               a.forced ? " (forced), wait up to " + seconds_of(a.patience) : "");
          },
          [](const Aggregate& a) {
            return fmt::format("aggregate {} from {} instances", a.device.uuid.str(), a.units);
          },
          [](const AvoidPlacements& a) {
            return fmt::format("keep {} outside fixed placements: {}", a.device.uuid.str(),
                               describe_placements(a.fixed));
          },
          [](const WriteAttribute& a) {
            if (const auto queues = read_ap_config(a.attribute.value);
                queues && a.attribute.name.str() == "ap_config") {
              return fmt::format("set the queues of {} to {}", a.device.uuid.str(), describe_matrix(*queues));
            }
            return fmt::format("set attribute {} of {} to '{}'", a.attribute.name.str(), a.device.uuid.str(),
                               printable(a.attribute.value));
          },
          [](const AssignQueues& a) {
            std::vector<std::string> parts;
            for (const Attribute& attribute : a.attributes) {
              parts.push_back(fmt::format("{}={}", attribute.name.str(), printable(attribute.value)));
            }
            return fmt::format("assign queues to {} (atomically if supported): {}", a.device.uuid.str(),
                               join(parts, ", "));
          },
          [](const CheckQueues& a) {
            return fmt::format("check that {} has {}", a.device.uuid.str(), describe_matrix(a.expected));
          },
          [](const JoinPeers& a) {
            return fmt::format("join {} to peer-to-peer set {}{}", a.device.uuid.str(), a.peers.str(),
                               a.required ? "" : " (if supported)");
          },
          [](const SetOnline& a) {
            return fmt::format("{} {} {}", a.online ? "bring" : "take", a.device.uuid.str(),
                               a.online ? "online" : "offline");
          },
          [](const AwaitDevice& a) {
            return fmt::format("wait for the VFIO node of {}", a.device.uuid.str());
          },
          [](const AwaitRelease& a) {
            return fmt::format("wait up to {} for the release of {}", seconds_of(a.patience),
                               a.device.uuid.str());
          },
          [](const WriteTypeAttribute& a) {
            return fmt::format("set {}={} of type {} on {}", a.attribute.name.str(),
                               printable(a.attribute.value), a.type.str(), a.parent.str());
          },
          [](const OwnNode& a) {
            return fmt::format("set VFIO node {}of {}: {}", a.node.empty() ? "" : a.node + " ",
                               a.device.uuid.str(), describe_policy(a.policy));
          },
          [](const CheckMigration& a) {
            return fmt::format("check that {} on {} accepts migration version '{}'", a.type.str(),
                               a.parent.str(), printable(a.version));
          },
          [](const KeepRecord& a) {
            return fmt::format("record runtime state of {}: {}", a.record.uuid.str(),
                               a.record.finished ? "started" : "starting");
          },
          [](const DropRecord& a) { return fmt::format("delete runtime state of {}", a.uuid.str()); },
          [](const KeepClaim& a) {
            return fmt::format("record that {} is {}", a.claim.uuid.str(), a.claim.str());
          },
          [](const DropClaim& a) { return fmt::format("release {}, {}", a.claim.uuid.str(), a.claim.str()); },
          [](const AddDefinition& a) { return "write the " + where(a.definition); },
          [](const ReplaceDefinition& a) {
            return a.before.parent == a.after.parent
                       ? "change the " + where(a.after)
                       : fmt::format("move the {} to {}", where(a.before), a.after.parent.str());
          },
          [](const ReserveFunction& a) {
            return fmt::format("reserve virtual function {} for {}", a.after.function->str(),
                               a.after.uuid.str());
          },
          [](const RemoveDefinition& a) { return "delete the " + where(a.definition); },
          [](const WriteConfig& a) { return "write mdevctl's " + where(a.stored.uuid, a.stored.parent); },
          [](const RemoveConfig& a) { return "delete mdevctl's " + where(a.stored.uuid, a.stored.parent); },
          [](const AddGroup& a) { return fmt::format("write the group '{}'", a.group.name.str()); },
          [](const ReplaceGroup& a) { return fmt::format("change the group '{}'", a.after.name.str()); },
          [](const LeaveGroup& a) {
            return fmt::format("remove {} from group '{}'", a.member.str(), a.group.str());
          },
          [](const RenameGroup& a) {
            return fmt::format("rename the group '{}' to '{}'", a.group.name.str(), a.to.str());
          },
          [](const RemoveGroup& a) { return fmt::format("delete the group '{}'", a.group.name.str()); },
          [](const BindParent& a) { return fmt::format("bind {} to {}", a.parent.str(), a.driver); },
          [](const ChangeFunctions& a) { return describe_change(a); },
          [](const RunCommand& a) { return "run " + printable(command_line(a.command.command)); },
          [](const KeepPreparation& a) {
            return fmt::format("record the preparation of {}", a.done.parent.str());
          },
          [](const NoteRemainder& a) {
            return fmt::format("record the available instances on {}", a.parent.str());
          },
          [](const WriteParentSettings& a) {
            return fmt::format("{} the settings of parent {}", a.before ? "change" : "write",
                               a.after.parent.str());
          },
          [](const RemoveParentSettings& a) {
            return fmt::format("delete the settings of parent {}", a.settings.parent.str());
          },
          [](const AttachDevice& a) {
            return fmt::format("attach {} to the virtual machine as {}", a.what.device.uuid.str(), a.what.id);
          },
          [](const DetachDevice& a) {
            return fmt::format("detach {} from the virtual machine, wait up to {}", a.what.device.uuid.str(),
                               seconds_of(a.patience));
          },
      },
      action);
}

std::string kind_of(const Action& action) {
  return std::visit(Overloaded{
                        [](const CreateDevice&) { return "create"; },
                        [](const RemoveDevice&) { return "remove"; },
                        [](const Aggregate&) { return "aggregate"; },
                        [](const AvoidPlacements&) { return "attribute"; },
                        [](const WriteAttribute&) { return "attribute"; },
                        [](const AssignQueues&) { return "attribute"; },
                        [](const CheckQueues&) { return "check"; },
                        [](const JoinPeers&) { return "join"; },
                        [](const SetOnline& a) { return a.online ? "online" : "offline"; },
                        [](const AwaitDevice&) { return "wait"; },
                        [](const AwaitRelease&) { return "wait"; },
                        [](const WriteTypeAttribute&) { return "attribute"; },
                        [](const OwnNode&) { return "node"; },
                        [](const CheckMigration&) { return "check"; },
                        [](const KeepRecord&) { return "record"; },
                        [](const DropRecord&) { return "record"; },
                        [](const KeepClaim&) { return "claim"; },
                        [](const DropClaim&) { return "release"; },
                        [](const AddDefinition&) { return "define"; },
                        [](const ReplaceDefinition&) { return "modify"; },
                        [](const ReserveFunction&) { return "modify"; },
                        [](const RemoveDefinition&) { return "undefine"; },
                        [](const WriteConfig&) { return "define"; },
                        [](const RemoveConfig&) { return "undefine"; },
                        [](const AddGroup&) { return "group-define"; },
                        [](const ReplaceGroup&) { return "group-modify"; },
                        [](const LeaveGroup&) { return "group-modify"; },
                        [](const RenameGroup&) { return "group-rename"; },
                        [](const RemoveGroup&) { return "group-undefine"; },
                        [](const BindParent&) { return "bind"; },
                        [](const ChangeFunctions&) { return "functions"; },
                        [](const RunCommand&) { return "run"; },
                        [](const KeepPreparation&) { return "record"; },
                        [](const NoteRemainder&) { return "record"; },
                        [](const WriteParentSettings&) { return "parent-set"; },
                        [](const RemoveParentSettings&) { return "parent-unset"; },
                        [](const AttachDevice&) { return "attach"; },
                        [](const DetachDevice&) { return "detach"; },
                    },
                    action);
}

}  // namespace mdevadm
