// The commands that change group files: create, delete, add, remove, rename.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "../definition_options.hpp"
#include "../node_options.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// A change of the group in the first argument, made under the lock of the definitions.
class GroupChange : public Command {
 public:
  bool json() const final { return change_.json; }

  ExitCode run(Context& context) final {
    require_usage();
    Batch batch(change_, verb());
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const Groups groups = context.groups();
    batch.of_group(name_);
    batch.add({.name = name_, .argument = name_}, [&] { return plan(context, groups); });
    return batch.finish(context, std::move(lock));
  }

 protected:
  // Completes "cannot VERB 'group'".
  virtual std::string verb() const = 0;
  // Returns the beginning of errors.
  std::string cannot() const { return fmt::format("cannot {} '{}'", verb(), printable(name_)); }
  // Throws Error{usage} if the options request nothing.
  virtual void require_usage() const {}

  void declare_name(CLI::App& app, ValueKinds& kinds, ValueKind kind) {
    kinds.set(app.add_option("group", name_, "name of the group")->required(), kind);
  }

  virtual Job plan(Context& context, const Groups& groups) = 0;

  // Returns the beginning of errors about an argument.
  static std::string about_member(const std::string& doing, const std::string& word) {
    return fmt::format("{}: member '{}'", doing, printable(word));
  }

  // Warns if the members of the group cannot all be in one virtual machine.
  static void check_members(Context& context, const Group& group, Job& job) {
    if (const auto several = several_vfio_ap(group, context.definitions())) {
      job.warnings.push_back(fmt::format("group '{}': {}", group.name.str(), *several));
    }
  }

  // Returns the definitions in the arguments as members, with the parent if the UUID is defined under
  // several.
  static std::vector<Member> members_for(Context& context, const std::vector<std::string>& words,
                                         const std::string& doing) {
    const Definitions defined = context.definitions();
    const Snapshot devices = context.observe({Facet::devices, std::nullopt, std::nullopt});
    std::vector<Member> members;
    for (const std::string& word : words) {
      const std::string about = about_member(doing, word);
      const auto written = Member::parse(word);
      const auto parent = written ? written->parent : std::nullopt;
      const std::string& plain = written && parent ? written->uuid.str() : word;
      const Found found = resolve_device(plain, devices, defined, parent, about);
      const Definition& definition = require_definition(found, about);
      const bool alone = defined.find(definition.uuid).size() == 1;
      Member member{definition.uuid, alone ? std::nullopt : std::optional(definition.parent)};
      if (std::find(members.begin(), members.end(), member) != members.end()) {
        throw Error(ExitCode::usage, fmt::format("{}: '{}' is given twice", doing, printable(word)));
      }
      members.push_back(std::move(member));
    }
    return members;
  }

  std::string name_;
  ChangeOptions change_;
};

// Options for the properties of a group other than its members.
class GroupOptions {
 public:
  void declare(CLI::App& app, ValueKinds& kinds, bool exists) {
    kinds.set(
        app.add_option("--p2p", sharing_, "whether members share an IOMMU group and peer-to-peer resources"),
        ValueKind::sharing);
    mode_.declare(app, exists);
    vm_option_ = kinds.set(
        app.add_option("--vm-uuid", vm_,
                       fmt::format("UUID of the virtual machine (passed to drivers that require it){}",
                                   exists ? "; '' removes it" : "")),
        ValueKind::vm_uuid);
    node_.declare(app, kinds, "the members'", exists);
  }

  bool any_given() const {
    return !sharing_.empty() || mode_.mode() || vm_option_->count() > 0 || node_.any_given();
  }

  void apply_to(Group& group, const Context& context) const {
    node_.note_unknown_accounts(context);
    group.sharing = parse_sharing(sharing_).value_or(group.sharing);
    group.start = mode_.mode().value_or(group.start);
    group.vm = vm_option_->count() > 0 ? Uuid::parse(vm_) : group.vm;
    group.node = node_.applied_to(group.node);
  }

 private:
  std::string sharing_;
  StartModeOptions mode_;
  std::string vm_;
  CLI::Option* vm_option_ = nullptr;
  NodeOptions node_;
};

class GroupCreate final : public GroupChange {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_name(app, kinds, ValueKind::new_group);
    kinds.set(app.add_option("device", words_, "members, in the order in which they are started"),
              ValueKind::ungrouped_definition);
    options_.declare(app, kinds, false);
    change_.declare(app);
  }

 private:
  std::string verb() const override { return "create group"; }

  Job plan(Context& context, const Groups& groups) override {
    Group group{*GroupName::parse(name_), members_for(context, words_, cannot())};
    options_.apply_to(group, context);
    Job job = plan_group_create(groups, group, context.definitions());
    check_members(context, group, job);
    return job;
  }

  std::vector<std::string> words_;
  GroupOptions options_;
};

class GroupModify final : public GroupChange {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_name(app, kinds, ValueKind::group);
    options_.declare(app, kinds, true);
    change_.declare(app);
  }

 private:
  std::string verb() const override { return "modify group"; }

  void require_usage() const override {
    if (!options_.any_given()) {
      throw Error(ExitCode::usage, "no change requested", "list the options: mdevadm help group modify");
    }
  }

  Job plan(Context& context, const Groups& groups) override {
    const Group& before = require_group(groups, name_, cannot());
    Group after = before;
    options_.apply_to(after, context);
    return plan_group_change(groups, before, after, context.definitions_if_readable());
  }

  GroupOptions options_;
};

class GroupDelete final : public GroupChange {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_name(app, kinds, ValueKind::group);
    change_.declare(app);
  }

 private:
  std::string verb() const override { return "delete group"; }

  Job plan(Context&, const Groups& groups) override {
    return plan_group_delete(require_group(groups, name_, cannot()));
  }
};

class GroupAdd final : public GroupChange {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_name(app, kinds, ValueKind::group);
    kinds.set(app.add_option("device", words_, "devices to add")->required(),
              ValueKind::ungrouped_definition);
    change_.declare(app);
  }

 private:
  std::string verb() const override { return "add to group"; }

  Job plan(Context& context, const Groups& groups) override {
    const std::string doing = cannot();
    const Group& before = require_group(groups, name_, doing);
    Group after = before;
    for (Member& member : members_for(context, words_, doing)) {
      if (std::find(after.members.begin(), after.members.end(), member) == after.members.end()) {
        after.members.push_back(std::move(member));
      }
    }
    Job job = plan_group_change(groups, before, after, context.definitions());
    check_members(context, after, job);
    return job;
  }

  std::vector<std::string> words_;
};

class GroupRemove final : public GroupChange {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_name(app, kinds, ValueKind::group);
    kinds.set(app.add_option("device", words_, "members to remove (their definitions remain)")->required(),
              ValueKind::group_member);
    change_.declare(app);
  }

 private:
  std::string verb() const override { return "remove from group"; }

  Job plan(Context& context, const Groups& groups) override {
    const std::string doing = cannot();
    const Group& before = require_group(groups, name_, doing);
    const Definitions defined = context.definitions();
    Group after = before;
    for (const std::string& word : words_) {
      const auto member = find_member(before, defined, word, doing);
      std::erase(after.members, member);
    }
    return plan_group_change(groups, before, after);
  }

  // Finds the member in the group's file first, because its definition may have been removed.
  static Member find_member(const Group& group, const Definitions& defined, const std::string& word,
                            const std::string& doing) {
    const auto written = Member::parse(word);
    for (const Member& member : group.members) {
      if (written && member.uuid == written->uuid && (!written->parent || member.parent == written->parent)) {
        return member;
      }
    }
    const Found found = resolve_device(word, {}, defined, std::nullopt, about_member(doing, word));
    for (const Member& member : group.members) {
      if (member.uuid == found.uuid) {
        return member;
      }
    }
    throw Error(ExitCode::not_found, fmt::format("{}: '{}' is not a member", doing, printable(word)),
                fmt::format("list its members: mdevadm group show {}", shell_word(group.name.str())));
  }

  std::vector<std::string> words_;
};

class GroupRename final : public GroupChange {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    declare_name(app, kinds, ValueKind::group);
    kinds.set(app.add_option("name", to_, "new name")->required(), ValueKind::new_group);
    change_.declare(app);
  }

 private:
  std::string verb() const override { return "rename group"; }

  Job plan(Context&, const Groups& groups) override {
    return plan_group_rename(groups, require_group(groups, name_, cannot()), *GroupName::parse(to_));
  }

  std::string to_;
};

}  // namespace

std::unique_ptr<Command> make_group_create() {
  return std::make_unique<GroupCreate>();
}

std::unique_ptr<Command> make_group_modify() {
  return std::make_unique<GroupModify>();
}

std::unique_ptr<Command> make_group_delete() {
  return std::make_unique<GroupDelete>();
}

std::unique_ptr<Command> make_group_add() {
  return std::make_unique<GroupAdd>();
}

std::unique_ptr<Command> make_group_remove() {
  return std::make_unique<GroupRemove>();
}

std::unique_ptr<Command> make_group_rename() {
  return std::make_unique<GroupRename>();
}

}  // namespace mdevadm::cli
