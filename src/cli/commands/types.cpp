#include <fmt/format.h>

#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/render/columns.hpp>

#include "../choice_options.hpp"
#include "../listing.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class TypesCommand final : public ListingCommand<render::TypeRow> {
 public:
  TypesCommand()
      : ListingCommand(render::type_columns(),
                       {"parent", "type", "name", "available", "memory", "properties"}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("parent,-p,--parent", parent_, "list only the types of this parent"),
              ValueKind::parent);
    needs_.declare(app, kinds, "list only types that meet");
    listing_.declare(app, kinds);
  }

  ExitCode list(Context& context) override {
    const std::vector<Requirement> needs = needs_.requirements();
    const Facet for_needs =
        needs.empty() ? Facet::none : Facet::description | Facet::device_api | Facet::available;
    // Types that the driver does not list are read with the names.
    Scope scope{listing_.needs() | Facet::types | Facet::type_name | Facet::gpus | for_needs, std::nullopt,
                std::nullopt};
    if (!parent_.empty()) {
      scope.details_of = {*ParentName::parse(parent_)};
    }
    const Snapshot seen = context.observe(scope);
    if (!parent_.empty() && seen.find_parent(parent_) == nullptr) {
      throw unknown_parent(seen, parent_, "cannot list types");
    }
    require_known_properties(seen, needs, "cannot list types");
    const std::vector<Finding> findings = findings_in(seen);
    if (findings.empty()) {
      context.note_missing_support(seen);
    }
    const bool shows_memory = listing_.prints("memory");
    std::vector<render::TypeRow> rows;
    for (const Parent& parent : seen.parents) {
      const bool is_meant = parent_.empty() || parent.name.str() == parent_;
      if (is_meant && !parent.notice.empty() && parent.types.empty()) {
        context.messages().note(fmt::format("{}: {}", parent.name.str(), parent.notice));
      }
      if (is_meant && !parent.types_text.empty()) {
        context.messages().note(
            fmt::format("{} reports its types in an unrecognized format; see: mdevadm show {}",
                        parent.name.str(), parent.name.str()));
      }
      if (is_meant && !parent.table_problem.empty()) {
        context.messages().note(fmt::format("{}: {}", parent.name.str(), parent.table_problem));
      }
      for (const Type* type : parent.all_types()) {
        if (meets_all(*type, needs)) {
          rows.push_back({&parent, type, used(seen, parent, *type), shows_memory});
        }
      }
    }
    for (const Finding& finding : findings) {
      context.messages().note(finding.str());
    }
    context.out = listing_.render(rows, "types", context);
    return ExitCode::done;
  }

 private:
  // Returns why the requested parent, or each parent and GPU, offers no types.
  std::vector<Finding> findings_in(const Snapshot& seen) const {
    if (parent_.empty()) {
      return why_no_types(seen);
    }
    const auto finding = why_no_types(seen, parent_);
    return finding ? std::vector{*finding} : std::vector<Finding>{};
  }

  // Returns the number of devices of a type, pending removals included; nothing if the type of any device on
  // the parent is unknown.
  static std::optional<std::uint64_t> used(const Snapshot& seen, const Parent& parent, const Type& type) {
    std::uint64_t count = 0;
    for (const std::vector<Device>* devices : {&seen.devices, &seen.removing}) {
      for (const Device& device : *devices) {
        if (device.parent == parent.name && !device.type) {
          return std::nullopt;
        }
        count += device.parent == parent.name && *device.type == type.id ? 1U : 0U;
      }
    }
    return count;
  }

  std::string parent_;
  NeedOptions needs_;
};

}  // namespace

std::unique_ptr<Command> make_types() {
  return std::make_unique<TypesCommand>();
}

}  // namespace mdevadm::cli
