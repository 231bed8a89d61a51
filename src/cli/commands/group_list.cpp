// The commands group list and group show.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/util/text.hpp>

#include "../device_rows.hpp"
#include "../listing.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class GroupList final : public ListingCommand<render::GroupRow> {
 public:
  GroupList()
      : ListingCommand(render::group_columns(), {"name", "state", "active_count", "members", "start"}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override { listing_.declare(app, kinds); }

  ExitCode list(Context& context) override {
    const Groups groups = context.groups(FileProblems::summarized);
    const Snapshot seen = context.observe({listing_.needs() | Facet::devices, std::nullopt, std::nullopt});
    std::vector<render::GroupRow> rows;
    for (const Group& group : groups.all) {
      rows.push_back(group_row(group, seen, context.store()));
    }
    if (rows.empty() && groups.broken.empty()) {
      context.messages().note("no group is defined");
    }
    context.out = listing_.render(rows, "groups", context);
    return ExitCode::done;
  }
};

class GroupShow final : public ListingCommand<render::DeviceRow> {
 public:
  GroupShow()
      : ListingCommand(render::device_columns(),
                       {"name", "parent", "type", "state", "iommu_group", "node", "uuid"}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override {
    // Not required() because of --list-columns.
    kinds.set(app.add_option("group", name_, "name of the group"), ValueKind::group);
    listing_.declare(app, kinds);
  }

  ExitCode list(Context& context) override {
    if (name_.empty()) {
      throw Error(ExitCode::usage, "missing argument GROUP", "list groups: mdevadm group list");
    }
    const Groups groups = context.groups();
    const Group& group =
        require_group(groups, name_, fmt::format("cannot show group '{}'", printable(name_)));
    const Definitions defined = context.definitions();
    const Snapshot seen = context.observe_settings(
        {listing_.needs() | Facet::devices | Facet::claims, std::nullopt, std::nullopt}, defined, groups);
    const BootEvents boot = listing_.needs_boot() ? context.store().load_boot_events() : BootEvents{};
    const std::vector<render::DeviceRow> all = device_rows(seen, defined, groups, boot, context.store());
    const std::vector<render::DeviceRow> rows = members_in(all, group, context);
    if (std::any_of(rows.begin(), rows.end(),
                    [](const render::DeviceRow& row) { return row.claim != nullptr; })) {
      listing_.use({"name", "parent", "type", "state", "node", "claimed_for", "uuid"});
    }
    Listing<render::GroupRow> settings(render::group_columns(), {});
    const render::Grid sheet = settings.grid({group_row(group, seen, context.store())});
    if (listing_.json()) {
      context.out = render::render_json({{"group", render::Object{render::json_rows(sheet).items.front()}},
                                         {"devices", render::json_rows(listing_.grid(rows))},
                                         {"notes", render::Texts{context.messages().take_notes()}}});
      return ExitCode::done;
    }
    const std::string table = listing_.render(rows, "devices", context);
    context.out = listing_.wanted().empty() ? render::render_sheet(sheet, {context.env().width}) +
                                                  (table.empty() ? "" : "\n") + table
                                            : table;
    return ExitCode::done;
  }

 private:
  // Returns the rows of the members, in the order of the group. Warns about members without a row.
  static std::vector<render::DeviceRow> members_in(const std::vector<render::DeviceRow>& all,
                                                   const Group& group, Context& context) {
    std::vector<render::DeviceRow> rows;
    for (const Member& member : group.members) {
      const std::size_t before = rows.size();
      std::copy_if(all.begin(), all.end(), std::back_inserter(rows), [&](const render::DeviceRow& row) {
        return row.uuid() == member.uuid && (!member.parent || row.parent() == *member.parent);
      });
      if (rows.size() == before) {
        context.messages().warning(fmt::format("{}:{}: member '{}' is neither defined nor active",
                                               context.store().path_of(group.name), member.line,
                                               member.str()));
      }
    }
    return rows;
  }

  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_group_list() {
  return std::make_unique<GroupList>();
}

std::unique_ptr<Command> make_group_show() {
  return std::make_unique<GroupShow>();
}

}  // namespace mdevadm::cli
