#include <fmt/format.h>

#include <mdevadm/plan/devices.hpp>
#include <mdevadm/render/columns.hpp>

#include "../listing.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class TypesCommand final : public ListingCommand<render::TypeRow> {
 public:
  TypesCommand()
      : ListingCommand(render::type_columns(),
                       {"parent", "type", "available", "device_api", "name", "properties"}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("parent,-p,--parent", parent_, "only what this parent offers"),
              ValueKind::parent);
    listing_.declare(app, kinds);
  }

  ExitCode list(Context& context) override {
    Look look{listing_.needs() | Facet::types, std::nullopt, std::nullopt};
    if (!parent_.empty()) {
      look.details_of = {*ParentName::parse(parent_)};
    }
    const Snapshot seen = context.host().observe(look);
    if (!parent_.empty() && seen.find_parent(parent_) == nullptr) {
      throw unknown_parent(seen, parent_, "cannot list types");
    }
    context.note_missing_support(seen);
    std::vector<render::TypeRow> rows;
    for (const Parent& parent : seen.parents) {
      for (const Type& type : parent.types) {
        rows.push_back({&parent, &type});
      }
    }
    context.out = listing_.render(rows, "types", context.env());
    return ExitCode::done;
  }

 private:
  std::string parent_;
};

}  // namespace

std::unique_ptr<Command> make_types() {
  return std::make_unique<TypesCommand>();
}

}  // namespace mdevadm::cli
