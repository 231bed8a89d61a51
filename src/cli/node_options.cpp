#include "node_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/sys/accounts.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

// "OWNER", "OWNER:GROUP" and ":GROUP" set what they name; an empty text removes both.
void set_owner(NodePolicy& policy, const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string owner = text.substr(0, colon);
  const std::string group = colon < text.size() ? text.substr(colon + 1) : std::string{};
  if (text.empty()) {
    policy.owner = policy.group = std::nullopt;
  }
  policy.owner = owner.empty() ? policy.owner : std::optional(owner);
  policy.group = group.empty() ? policy.group : std::optional(group);
}

}  // namespace

void NodeOptions::declare(CLI::App& app, ValueKinds& kinds, const std::string& whose, bool exists) {
  const char* empty = exists ? "; '' removes it" : "";
  owner_option_ = kinds.set(
      app.add_option("--node-owner", owner_,
                     fmt::format("owner of {} VFIO nodes: OWNER, OWNER:GROUP or :GROUP{}", whose, empty)),
      ValueKind::node_owner);
  mode_option_ = kinds.set(
      app.add_option("--node-mode", mode_, fmt::format("mode of {} VFIO nodes, octal{}", whose, empty)),
      ValueKind::node_mode);
  label_option_ = kinds.set(app.add_option("--selinux-label", label_,
                                           fmt::format("SELinux label of {} VFIO nodes{}", whose, empty)),
                            ValueKind::selinux_label);
}

void NodeOptions::note_unknown_accounts(const Context& context) const {
  // Below another root directory, other accounts count.
  if (context.globals().root != "/") {
    return;
  }
  NodePolicy given;
  set_owner(given, owner_);
  const auto note = [&](const char* account, const std::string& name) {
    context.messages().note(
        fmt::format("the {0} '{1}' does not exist; devices cannot start before the {0} is created", account,
                    printable(name)));
  };
  if (given.owner && !sys::user_id(*given.owner)) {
    note("user", *given.owner);
  }
  if (given.group && !sys::group_id(*given.group)) {
    note("group", *given.group);
  }
}

bool NodeOptions::any_given() const {
  return owner_option_->count() + mode_option_->count() + label_option_->count() > 0;
}

bool NodeOptions::removes() const {
  return (owner_option_->count() > 0 && owner_.empty()) || (mode_option_->count() > 0 && mode_.empty()) ||
         (label_option_->count() > 0 && label_.empty());
}

std::optional<NodePolicy> NodeOptions::applied_to(const std::optional<NodePolicy>& policy) const {
  if (!any_given()) {
    return policy;
  }
  NodePolicy result = policy.value_or(NodePolicy{});
  if (owner_option_->count() > 0) {
    set_owner(result, owner_);
  }
  if (mode_option_->count() > 0) {
    result.mode = mode_.empty() ? std::nullopt
                                : std::optional(static_cast<std::uint32_t>(std::stoul(mode_, nullptr, 8)));
  }
  if (label_option_->count() > 0) {
    result.selinux_label = label_.empty() ? std::nullopt : std::optional(label_);
  }
  // An empty policy would hide that of the group.
  return result != NodePolicy{} ? std::optional(result) : std::nullopt;
}

}  // namespace mdevadm::cli
