#include <mdevadm/run/preview.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

// Adds the details of an action. Actions without details have no overload.
class Details {
 public:
  Details(const Effects& effects, Preview& into) : host_(effects.host), store_(effects.store), into_(into) {}

  template <typename Other>
  void operator()(const Other&) const {}

  void operator()(const CreateDevice& a) const { add(host_.write_of_creation(a.what)); }
  void operator()(const RemoveDevice& a) const { add(host_.write_of_removal(a.device)); }
  void operator()(const SetOnline& a) const { add(host_.write_of_online(a.device, a.online)); }
  void operator()(const WriteAttribute& a) const {
    add(host_.write_of_attribute(a.device, a.attribute, a.bare));
  }
  void operator()(const WriteTypeAttribute& a) const {
    add(host_.write_of_type_attribute(a.parent, a.type, a.attribute));
  }
  void operator()(const AssignQueues& a) const {
    for (const Attribute& attribute : a.attributes) {
      add(host_.write_of_attribute(a.device, attribute));
    }
  }

  void operator()(const AddDefinition& a) const {
    into_.file = store_.path_of(a.definition);
    into_.changes = differences(std::nullopt, a.definition);
  }
  void operator()(const ReplaceDefinition& a) const {
    into_.file = store_.path_of(a.before);
    into_.changes = differences(a.before, a.after);
  }
  void operator()(const ReserveFunction& a) const { (*this)(ReplaceDefinition{a.before, a.after}); }
  void operator()(const RemoveDefinition& a) const { into_.file = store_.path_of(a.definition); }
  void operator()(const WriteConfig& a) const { into_.file = store_.path_of(a.stored); }
  void operator()(const RemoveConfig& a) const { into_.file = store_.path_of(a.stored); }

  void operator()(const AddGroup& a) const {
    into_.file = store_.path_of(a.group.name);
    into_.changes = differences(std::nullopt, a.group);
  }
  void operator()(const ReplaceGroup& a) const {
    into_.file = store_.path_of(a.before.name);
    into_.changes = differences(a.before, a.after);
  }
  void operator()(const LeaveGroup& a) const { into_.file = store_.path_of(a.group); }
  void operator()(const RenameGroup& a) const { into_.file = store_.path_of(a.group.name); }
  void operator()(const RemoveGroup& a) const { into_.file = store_.path_of(a.group.name); }

  void operator()(const ChangeFunctions& a) const {
    if (a.method == FunctionMethod::sysfs) {
      add(host_.write_of_functions(host_.observe_parent(a.parent), a.number));
    }
  }
  void operator()(const WriteParentSettings& a) const {
    into_.file = store_.path_of_settings(a.after.parent);
    into_.changes = differences(a.before, a.after);
  }
  void operator()(const RemoveParentSettings& a) const {
    into_.file = store_.path_of_settings(a.settings.parent);
  }

 private:
  void add(std::optional<Write> write) const {
    if (write) {
      into_.writes.push_back(*std::move(write));
    }
  }

  const Host& host_;
  const store::Store& store_;
  Preview& into_;
};

}  // namespace

std::optional<Preview> preview(const Action& action, const Effects& effects) {
  if (std::holds_alternative<KeepRecord>(action) || std::holds_alternative<DropRecord>(action) ||
      std::holds_alternative<KeepPreparation>(action) || std::holds_alternative<NoteRemainder>(action)) {
    return std::nullopt;
  }
  Preview result{kind_of(action), describe(action)};
  try {
    std::visit(Details(effects, result), action);
  } catch (const Error&) {
    // The executor reports the same error when it carries out the action.
  }
  return result;
}

std::vector<std::string> lines_of(const Preview& preview) {
  std::vector<std::string> lines{preview.text};
  if (preview.file) {
    lines.push_back("  file: " + *preview.file);
  }
  std::transform(preview.writes.begin(), preview.writes.end(), std::back_inserter(lines),
                 [](const Write& write) { return "  " + shell_command(write); });
  std::transform(preview.changes.begin(), preview.changes.end(), std::back_inserter(lines),
                 [](const Difference& change) { return "  " + change.str(); });
  return lines;
}

std::string shell_command(const Write& write) {
  return fmt::format("{} {} > {}", write.is_line ? "echo" : "printf %s", shell_word(write.value),
                     shell_word(write.path));
}

}  // namespace mdevadm
