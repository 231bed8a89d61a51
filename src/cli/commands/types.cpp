#include <fmt/format.h>

#include <mdevadm/render/columns.hpp>

#include "../listing.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class TypesCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("parent,-p,--parent", parent_, "only what this parent offers"),
              ValueKind::parent);
    listing_.declare(app, kinds);
  }

  bool json() const override { return listing_.json(); }
  std::vector<std::string> column_keys() const override { return listing_.keys(); }

  ExitCode run(Context& context) override {
    if (listing_.lists_columns()) {
      context.out = listing_.render_columns(context.env());
      return ExitCode::done;
    }
    Look look{listing_.needs() | Facet::types, std::nullopt, std::nullopt};
    if (!parent_.empty()) {
      look.details_of = {*ParentName::parse(parent_)};
    }
    const Snapshot seen = context.host().observe(look);
    require_parent(seen);
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
  void require_parent(const Snapshot& seen) const {
    if (parent_.empty() || seen.find_parent(parent_) != nullptr) {
      return;
    }
    throw Error(ExitCode::not_found, fmt::format("no parent '{}' offers mediated devices here", parent_),
                did_you_mean(parent_, seen.parent_names()));
  }

  std::string parent_;
  Listing<render::TypeRow> listing_{render::type_columns(),
                                    {"parent", "type", "available", "device_api", "name", "properties"}};
};

}  // namespace

std::unique_ptr<Command> make_types() {
  return std::make_unique<TypesCommand>();
}

}  // namespace mdevadm::cli
