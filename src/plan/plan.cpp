#include <mdevadm/plan/plan.hpp>

#include <fmt/format.h>

#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

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
  return join(parts, ", ");
}

std::string where(const Definition& definition) {
  return fmt::format("definition of {} under {}", definition.uuid.str(), definition.parent.str());
}

}  // namespace

std::string describe(const Action& action) {
  return std::visit(
      Overloaded{
          [](const CreateDevice& a) {
            return fmt::format("create {} on {} as {}", a.type.str(), a.parent.str(), a.uuid.str());
          },
          [](const RemoveDevice& a) {
            return fmt::format(
                "remove {}{}", a.device.uuid.str(),
                a.forced ? ", also if it is in use, and watch for " + seconds_of(a.patience) : "");
          },
          [](const WriteAttribute& a) {
            return fmt::format("set attribute {} of {} to '{}'", a.attribute.name.str(), a.uuid.str(),
                               printable(a.attribute.value));
          },
          [](const AwaitDevice& a) { return fmt::format("wait for the node of {}", a.uuid.str()); },
          [](const AwaitRelease& a) {
            return fmt::format("wait at most {} until nobody uses {}", seconds_of(a.patience),
                               a.device.uuid.str());
          },
          [](const OwnNode& a) {
            return fmt::format("give the node of {} to {}", a.uuid.str(), describe_policy(a.policy));
          },
          [](const AddDefinition& a) { return "write the " + where(a.definition); },
          [](const ReplaceDefinition& a) { return "change the " + where(a.after); },
          [](const RemoveDefinition& a) { return "delete the " + where(a.definition); },
          [](const AddGroup& a) { return fmt::format("write the group '{}'", a.group.name.str()); },
          [](const ReplaceGroup& a) { return fmt::format("change the group '{}'", a.after.name.str()); },
          [](const LeaveGroup& a) {
            return fmt::format("take {} out of the group '{}'", a.member.str(), a.group.str());
          },
          [](const RenameGroup& a) {
            return fmt::format("rename the group '{}' to '{}'", a.from.str(), a.to.str());
          },
          [](const RemoveGroup& a) { return fmt::format("delete the group '{}'", a.group.name.str()); },
      },
      action);
}

}  // namespace mdevadm
