#include <fmt/format.h>

#include <map>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/explain.hpp>
#include <mdevadm/plan/offers.hpp>
#include <mdevadm/plan/probe.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/render/columns.hpp>

#include "../choice_options.hpp"
#include "../device_rows.hpp"
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
    needs_.declare(app, kinds, "list only types", "that meet");
    kinds.set(app.add_option("--after", after_text_,
                             "also show the instances that remain available after creating these devices, "
                             "e.g. nvidia-36=2,nvidia-41; can be given multiple times")
                  ->allow_extra_args(false)
                  ->join(','),
              ValueKind::type_counts);
    listing_.declare(app, kinds);
  }

  ExitCode list(Context& context) override {
    const std::vector<Requirement> needs = needs_.requirements();
    if (!after_text_.empty()) {
      listing_.use({"parent", "type", "name", "available", "after", "memory"});
    }
    const Facet for_after = after_text_.empty() ? Facet::none : facets_to_probe;
    const Facet for_needs =
        needs.empty() ? Facet::none : Facet::description | Facet::device_api | Facet::available;
    // Types that the driver does not list are read with the names.
    Scope scope{listing_.needs() | Facet::types | Facet::type_name | Facet::gpus | for_needs | for_after,
                std::nullopt, std::nullopt};
    if (!parent_.empty()) {
      scope.details_of = {*ParentName::parse(parent_)};
    }
    Snapshot seen = context.observe(scope);
    context.exclude_reserved_functions(seen);
    if (!parent_.empty() && seen.find_parent(parent_) == nullptr) {
      throw unknown_parent(seen, parent_, "cannot list types");
    }
    require_known_properties(seen, needs, "cannot list types");
    const std::vector<Finding> findings = findings_in(seen);
    if (findings.empty()) {
      context.note_missing_support(seen, parent_.empty() && seen.parents.empty());
    }
    const std::map<const Parent*, After> after = after_on(context, seen);
    const bool shows_memory = listing_.prints("memory");
    std::vector<render::TypeRow> rows;
    for (const Parent& parent : seen.parents) {
      const bool is_meant = parent_.empty() || parent.name.str() == parent_;
      if (is_meant && !parent.notice.empty() && parent.types.empty()) {
        context.messages().note(fmt::format("{}: {}", parent.name.str(), notice_of(parent)));
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
        if (meets_all(*type, needs) && (after_text_.empty() || after.contains(&parent))) {
          rows.push_back({&parent, type, count_devices(seen, parent, *type), shows_memory});
          if (!after_text_.empty()) {
            show_after(after.at(&parent), rows.back());
          }
        }
      }
    }
    for (const Finding& finding : findings) {
      context.messages().note(finding.str());
    }
    if (rows.empty() && !needs.empty()) {
      require_known_types(seen, needs, "cannot list types");
      context.messages().note("no type meets all requirements of --need");
    }
    context.out = listing_.render(rows, "types", context);
    return ExitCode::done;
  }

 private:
  // The available instances on a parent after the devices of --after.
  struct After {
    Remainder computed;
    std::optional<ProbeResult> probed;  // if these devices have been created by a probe
  };

  // Returns the parents that have all types of --after, with the available instances. Throws Error if
  // none has them, or if the devices do not fit on the requested parent.
  std::map<const Parent*, After> after_on(Context& context, const Snapshot& seen) const {
    std::map<const Parent*, After> result;
    if (after_text_.empty()) {
      return result;
    }
    const std::vector<WantedCount> wanted = *parse_type_counts(after_text_);
    const AllParentSettings settings = context.parent_settings_if_readable();
    for (const Parent& parent : seen.parents) {
      const bool is_meant = parent_.empty() || parent.name.str() == parent_;
      const auto counts = is_meant ? counts_on(parent, wanted) : std::nullopt;
      if (!counts) {
        continue;
      }
      const ParentSettings* own = settings.find(parent.name);
      After after{remainder_after(parent, seen, *counts, own != nullptr && mixes_sizes(*own)), {}};
      const ProbeResults known = context.store().load_probes(parent.name);
      // The result of a probe is valid on a parent without other devices.
      const bool is_idle = std::none_of(seen.devices.begin(), seen.devices.end(),
                                        [&](const Device& one) { return one.parent == parent.name; });
      if (const ProbeResult* probed = known.find(*counts);
          probed != nullptr && is_idle && known.state == state_text(parent)) {
        after.probed = *probed;
        if (const std::string text = differences(after.computed, *probed); !text.empty()) {
          context.messages().note(fmt::format(
              "{} after {}: showing the results of a probe, which differ from the computed ones ({})",
              parent.name.str(), describe(*counts), text));
        }
      } else if (after.computed.short_of) {
        const std::string text = fmt::format(
            "{} do not fit on {}: devices of {} that fit: {}", describe(*counts), parent.name.str(),
            after.computed.short_of->type.str(), after.computed.short_of->count);
        if (!parent_.empty()) {
          throw Error(ExitCode::no_capacity, "cannot list types: " + text,
                      fmt::format("list available instances: mdevadm types {}", shell_word(parent_)));
        }
        context.messages().note(text);
      } else if (after.computed.if_sizes_mix) {
        context.messages().note(unknown_mixing(parent.name.str(), describe(*counts)));
      }
      result.emplace(&parent, std::move(after));
    }
    if (result.empty()) {
      throw_unknown_types(seen, wanted);
    }
    return result;
  }

  // Throws Error: no parent, or not the requested one, has all these types.
  [[noreturn]] void throw_unknown_types(const Snapshot& seen, const std::vector<WantedCount>& wanted) const {
    const std::string doing = "cannot list types";
    for (const WantedCount& one : wanted) {
      const auto has_it = [&](const Parent& parent) { return resolve_type(parent, one.type) != nullptr; };
      if (!parent_.empty()) {
        require_type(seen, *ParentName::parse(parent_), *TypeName::parse(one.type), doing);
      } else if (std::none_of(seen.parents.begin(), seen.parents.end(), has_it)) {
        throw Error(ExitCode::not_found,
                    fmt::format("{}: no parent offers the type '{}'", doing, printable(one.type)),
                    "list the types of all parents: mdevadm types");
      }
    }
    throw Error(ExitCode::not_found, doing + ": no single parent offers all types given with --after",
                "list the types of all parents: mdevadm types");
  }

  static void show_after(const After& after, render::TypeRow& row) {
    if (after.probed) {
      row.after = after.probed->left_of(row.type->id);
    } else {
      row.after = after.computed.left_of(row.type->id);
    }
    // On virtual functions, the driver reports no numbers, only whether it accepts a type.
    row.after_is_limit = row.parent->capabilities.functions && row.after.value_or(0) > 1;
  }

  // Returns why the requested parent, or each parent and GPU, offers no types.
  std::vector<Finding> findings_in(const Snapshot& seen) const {
    if (parent_.empty()) {
      return why_no_types(seen);
    }
    const auto finding = why_no_types(seen, parent_);
    return finding ? std::vector{*finding} : std::vector<Finding>{};
  }

  std::string parent_;
  NeedOptions needs_;
  std::string after_text_;
};

}  // namespace

std::unique_ptr<Command> make_types() {
  return std::make_unique<TypesCommand>();
}

}  // namespace mdevadm::cli
