#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/render/columns.hpp>

#include "../device_rows.hpp"
#include "../listing.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class ShowCommand final : public ListingCommand<render::DeviceRow> {
 public:
  ShowCommand() : ListingCommand(render::device_columns(), {}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", words_, "UUID, unique UUID prefix, or name; or parents"),
              ValueKind::device_or_parent);
    kinds.set(app.add_option("-p,--parent", parent_, "select the definition under this parent"),
              ValueKind::parent);
    listing_.declare(app, kinds);
  }

  ExitCode list(Context& context) override {
    if (words_.empty()) {
      throw Error(ExitCode::usage, "missing argument DEVICE",
                  "mdevadm show DEVICE; list all devices: mdevadm list --all");
    }
    if (const std::optional<std::string> sheet = show_parents(context)) {
      context.out = *sheet;
      return ExitCode::done;
    }
    const Definitions defined = context.definitions_if_readable();
    const Snapshot seen = context.observe({listing_.needs() | Facet::devices, std::nullopt, std::nullopt});
    const Groups groups = context.groups_if_readable();
    const BootEvents boot = context.store().load_boot_events();
    const std::vector<render::DeviceRow> all = device_rows(seen, defined, groups, boot, context.store());
    std::vector<render::DeviceRow> rows;
    std::size_t missing = 0;
    for (const std::string& word : words_) {
      try {
        take(word, seen, defined, all, rows);
      } catch (const Error& error) {
        if (words_.size() == 1) {
          throw;
        }
        context.messages().error(error);
        ++missing;
      }
    }
    for (const render::DeviceRow& row : rows) {
      if (row.definition != nullptr) {
        context.warn_about_file(defined, *row.definition);
      }
    }
    context.out = listing_.json() ? listing_.render(rows, "devices", context.env())
                                  : render::render_sheet(render::make_grid(rows, listing_.chosen()));
    return missing == 0               ? ExitCode::done
           : missing == words_.size() ? ExitCode::not_found
                                      : ExitCode::partly_done;
  }

 private:
  // Returns nothing unless all arguments are names of parents.
  std::optional<std::string> show_parents(Context& context) const {
    std::vector<ParentName> names;
    const Snapshot known = context.observe({Facet::parents, std::nullopt, std::nullopt});
    for (const std::string& word : words_) {
      if (const Parent* parent = known.find_parent(word)) {
        names.push_back(parent->name);
      }
    }
    if (names.size() != words_.size()) {
      return std::nullopt;
    }
    Listing<render::ParentRow> listing(render::parent_columns(), {});
    listing.follow(listing_);
    const Snapshot seen =
        context.observe({listing.needs() | Facet::types | Facet::devices, names, std::nullopt});
    std::vector<render::ParentRow> rows;
    for (const Parent& parent : seen.parents) {
      if (std::find(names.begin(), names.end(), parent.name) != names.end()) {
        const auto devices =
            std::count_if(seen.devices.begin(), seen.devices.end(),
                          [&](const Device& device) { return device.parent == parent.name; });
        rows.push_back({&parent, static_cast<std::size_t>(devices)});
      }
    }
    return listing.json() ? listing.render(rows, "parents", context.env())
                          : render::render_sheet(render::make_grid(rows, listing.chosen()));
  }

  void take(const std::string& word, const Snapshot& seen, const Definitions& defined,
            const std::vector<render::DeviceRow>& all, std::vector<render::DeviceRow>& rows) const {
    const auto parent = parent_.empty() ? std::nullopt : ParentName::parse(parent_);
    const Found found =
        resolve_device(word, seen, defined, parent, fmt::format("cannot show '{}'", printable(word)));
    for (const render::DeviceRow& row : all) {
      const Uuid& uuid = row.device != nullptr ? row.device->uuid : row.definition->uuid;
      const ParentName& under = row.device != nullptr ? row.device->parent : row.definition->parent;
      if (uuid == found.uuid && (!parent || *parent == under)) {
        rows.push_back(row);
      }
    }
  }

  std::vector<std::string> words_;
  std::string parent_;
};

}  // namespace

std::unique_ptr<Command> make_show() {
  return std::make_unique<ShowCommand>();
}

}  // namespace mdevadm::cli
