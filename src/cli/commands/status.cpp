#include <algorithm>

#include <mdevadm/plan/explain.hpp>
#include <mdevadm/render/status.hpp>

#include "../device_rows.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class StatusCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds&) override { app.add_flag("--json", json_, "print JSON"); }

  bool json() const override { return json_; }

  ExitCode run(Context& context) override {
    const Definitions defined = context.definitions_if_readable();
    const Groups groups = context.groups_if_readable();
    const AllParentSettings parents = context.parent_settings_if_readable();
    const BootEvents boot = context.store().load_boot_events();
    Snapshot seen = context.observe_settings(
        {Facet::devices | Facet::types | Facet::available | Facet::type_name | Facet::parent_identity,
         std::nullopt, std::nullopt},
        defined, groups);
    context.exclude_reserved_functions(seen, FileProblems::ignored);  // lists them
    context.note_missing_support(seen);
    render::Status status{.mdev_support = seen.mdev_support};
    status.devices = device_rows(seen, defined, groups, boot, context.store());
    for (const Parent& parent : seen.parents) {
      const auto devices = std::count_if(seen.devices.begin(), seen.devices.end(),
                                         [&](const Device& device) { return device.parent == parent.name; });
      status.parents.push_back({&parent, static_cast<std::size_t>(devices), notice_of(seen, parent)});
    }
    for (const Group& group : groups.all) {
      status.groups.push_back(group_row(group, seen, context.store()));
    }
    for (const auto* problems : {&defined.broken, &defined.problems, &groups.broken, &groups.problems,
                                 &parents.broken, &parents.problems}) {
      status.problems.insert(status.problems.end(), problems->begin(), problems->end());
    }
    status.notes = context.messages().take_notes();
    const Env& env = context.env();
    context.out = json_ ? render::render_status_json(status)
                        : render::render_status(
                              status, {env.width, env.out_is_terminal && !env.no_color, true, env.ascii});
    return ExitCode::done;
  }

 private:
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_status() {
  return std::make_unique<StatusCommand>();
}

}  // namespace mdevadm::cli
