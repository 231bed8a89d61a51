#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/plan/start_order.hpp>
#include <mdevadm/util/text.hpp>

#include "../ap_options.hpp"
#include "../batch.hpp"
#include "../boot_report.hpp"
#include "../definition_options.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// An argument, empty for none, and the definition it refers to; for an active device without one, the values
// of the device.
struct Wanted {
  std::string word;
  Definition definition;
};

class StartCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    auto* words = kinds.set(app.add_option("device", words_, "UUID, unique UUID prefix, or name"),
                            ValueKind::inactive_definition);
    kinds.set(
        app.add_option(
            "-p,--parent", parent_,
            "select the definition under this parent; with --type: parent of the transient device to create"),
        ValueKind::parent);
    auto* type = kinds.set(
        app.add_option("-t,--type", type_, "create a transient device of this type (requires --parent)"),
        ValueKind::type);
    auto* uuids = kinds.set(
        app.add_option("-u,--uuid", uuids_,
                       "UUID of the transient device (default: random); without --type: same as DEVICE")
            ->allow_extra_args(false),
        ValueKind::inactive_definition);
    kinds.set(
        app.add_option("--attr", attributes_,
                       "set attribute on the transient device; can be given multiple times, applied in order")
            ->allow_extra_args(false)
            ->needs(type),
        ValueKind::assignment);
    queues_.declare(app, kinds, type);
    declare_shape(app, kinds, type);
    app.add_flag("--accept-abi", accept_abi_,
                 "start even if the guest ABI differs from the recorded one, and record the current one");
    auto* all = app.add_flag("-a,--all", all_, "start all definitions");
    auto* automatic = app.add_flag("--auto", automatic_, "start all definitions with autostart");
    all->excludes(words)->excludes(uuids)->excludes(type)->excludes(automatic);
    kinds
        .set(app.add_option("--timeout", timeout_,
                            "with --auto: time to wait for missing parents and types, in seconds"),
             ValueKind::seconds)
        ->needs(automatic);
    words->excludes(automatic);
    uuids->excludes(automatic);
    automatic->excludes(type);
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    if (function_.empty() && !type_.empty() && context.vf_as_parent()) {
      function_ = context.vf_as_parent()->str();
    }
    sort_out_uuids();
    if (!type_.empty() && parent_.empty()) {
      throw Error(ExitCode::usage, "missing option --parent",
                  "a transient device requires both --parent and --type");
    }
    if (words_.empty() && type_.empty() && !automatic_ && !all_) {
      throw Error(ExitCode::usage, "missing argument DEVICE",
                  "specify a device, --all, --auto, or --parent and --type");
    }
    Batch batch(change_, "start");
    batch.show_devices();
    if (!type_.empty()) {
      batch.print_uuids();
      return start(context, batch, context.definitions_if_readable(),
                   {{uuids_.empty() ? std::string{} : uuids_.front(), transient()}});
    }
    const Definitions defined =
        automatic_ || all_ ? context.definitions(FileProblems::reported) : batch.load_definitions(context);
    if (all_) {
      context.require_no_vf("start");
    }
    if ((automatic_ || all_) && !parent_.empty()) {
      require_known_parent(context.observe({Facet::parents, std::nullopt, std::nullopt}), defined, parent_,
                           "cannot start devices");
    }
    if (automatic_ && !change_.dry_run) {
      return start_all(context, defined);
    }
    return start(context, batch, defined,
                 automatic_ ? all_automatic(defined) : named(context, batch, defined));
  }

 private:
  Definition transient() const {
    Definition wanted{uuids_.empty() ? Uuid::random() : *Uuid::parse(uuids_.front()),
                      *ParentName::parse(parent_), *TypeName::parse(type_)};
    wanted.attributes = changed_attributes(parse_assignments(attributes_), queues_.given());
    wanted.create_args = create_args_.empty() ? std::nullopt : std::optional(join(create_args_, ","));
    wanted.aggregate = aggregate_;
    wanted.function = function_.empty() ? std::nullopt : FunctionName::parse(function_);
    return wanted;
  }

  // --uuid is the UUID of a transient device, or, as in mdevctl, a device to start.
  void sort_out_uuids() {
    if (type_.empty()) {
      words_.insert(words_.end(), uuids_.begin(), uuids_.end());
      return;
    }
    if (!words_.empty()) {
      const bool is_uuid = words_.size() == 1 && Uuid::parse(words_.front()).has_value();
      throw Error(ExitCode::usage, "cannot combine DEVICE with --type",
                  is_uuid && !parent_.empty()
                      ? fmt::format("to start a transient device with this UUID: mdevadm start --parent {} "
                                    "--type {} --uuid {}",
                                    printable(parent_), printable(type_), words_.front())
                      : "the UUID of a transient device is set with --uuid UUID");
    }
    if (uuids_.size() > 1) {
      throw Error(ExitCode::usage, "--uuid is given more than once");
    }
    if (!uuids_.empty() && !Uuid::parse(uuids_.front())) {
      throw Error(ExitCode::usage, "--uuid: " + objection(ValueKind::uuid, uuids_.front()));
    }
  }

  // Declares the options for the properties of transient devices.
  void declare_shape(CLI::App& app, ValueKinds& kinds, CLI::Option* type) {
    kinds.set(app.add_option("--create-arg", create_args_,
                             "create argument for the transient device; can be given multiple times")
                  ->allow_extra_args(false)
                  ->needs(type),
              ValueKind::create_argument);
    kinds.set(app.add_option("--aggregate", aggregate_, "aggregate N instances into the transient device")
                  ->needs(type),
              ValueKind::count);
    kinds.set(app.add_option("--vf", function_, "virtual function (PCI address) of the transient device")
                  ->needs(type),
              ValueKind::function);
  }

  ExitCode start_all(Context& context, const Definitions& defined) const {
    std::vector<ParentName> parents;
    for (const Wanted& wanted : all_automatic(defined)) {
      parents.push_back(wanted.definition.parent);
    }
    if (parents.empty()) {
      return start_and_report(context, change_, {}, defined, {});
    }
    const Snapshot seen = context.observe({Facet::types, parents, std::nullopt});
    return start_and_report(
        context, change_, boot_units(seen, defined, parent_option(parent_)), defined,
        {accept_abi_, parse_seconds(timeout_), context.parent_settings(FileProblems::reported)});
  }

  std::vector<Wanted> all_automatic(const Definitions& defined) const {
    std::vector<Wanted> wanted;
    for (const Definition& definition : defined.all) {
      if (definition.start == StartMode::automatic &&
          (parent_.empty() || definition.parent.str() == parent_)) {
        wanted.push_back({{}, definition});
      }
    }
    return wanted;
  }

  std::vector<Wanted> named(Context& context, Batch& batch, const Definitions& defined) const {
    if (!all_ && batch.refuse_unread(words_)) {
      return {};
    }
    const Snapshot seen = context.observe({Facet::devices, std::nullopt, std::nullopt});
    if (all_ && defined.all.empty()) {
      context.messages().note("no device is defined");
    }
    const TargetSearch search{seen, defined, parent_option(parent_), "start"};
    std::vector<Wanted> wanted;
    for (const Target& target : all_ ? search.all_definitions() : search.of(words_)) {
      try {
        if (target.refused) {
          throw Error(*target.refused);
        }
        const Definition definition = definition_of(*target.found, target.doing("start"));
        const bool again = std::any_of(wanted.begin(), wanted.end(), [&](const Wanted& one) {
          return one.definition.uuid == definition.uuid && one.definition.parent == definition.parent;
        });
        if (!again) {
          wanted.push_back({target.about.argument, definition});
          context.warn_about_file(defined, definition);
        }
      } catch (const Error& error) {
        batch.refuse(target.about, error);
      }
    }
    return wanted;
  }

  // An active device needs no definition: it has been started already.
  static Definition definition_of(const Found& found, const std::string& doing) {
    if (found.active != nullptr && found.active->type && found.definitions.empty()) {
      return {found.uuid, found.active->parent, *found.active->type};
    }
    if (found.active != nullptr && found.definitions.size() > 1) {
      for (const Definition* definition : found.definitions) {
        if (definition->parent == found.active->parent) {
          return *definition;
        }
      }
    }
    return require_definition(found, doing);
  }

  static std::vector<Definition> definitions_in(const std::vector<Wanted>& wanted) {
    std::vector<Definition> definitions;
    std::transform(wanted.begin(), wanted.end(), std::back_inserter(definitions),
                   [](const Wanted& one) { return one.definition; });
    return definitions;
  }

  static std::vector<Wanted> in_start_order(const Snapshot& seen, const std::vector<Wanted>& wanted) {
    std::vector<Definition> definitions = definitions_in(wanted);
    sort_for_start(seen, definitions);
    std::vector<Wanted> result;
    for (Definition& definition : definitions) {
      result.push_back({{}, std::move(definition)});  // options select these, not arguments
    }
    return result;
  }

  // The plan relies on the snapshot, so the parents stay locked until the plan has been executed.
  ExitCode start(Context& context, Batch& batch, const Definitions& defined,
                 const std::vector<Wanted>& wanted) const {
    std::vector<ParentName> parents;
    // --type may be the vendor's name; definitions contain the kernel's type ID.
    Facet facets = type_.empty() ? Facet::none : Facet::type_name;
    for (const Wanted& one : wanted) {
      facets |= facets_to_start(one.definition);
      if (std::find(parents.begin(), parents.end(), one.definition.parent) == parents.end()) {
        parents.push_back(one.definition.parent);
      }
    }
    const std::vector<sys::FileLock> locks = batch.lock_parents(context, parents);
    std::optional<sys::FileLock> definitions = accept_abi_ ? batch.lock_definitions(context) : std::nullopt;
    Snapshot seen = wanted.empty() ? Snapshot{} : context.observe({facets, parents, std::nullopt});
    context.observe_attributes_of(seen, definitions_in(wanted));
    StartPlanner planner(seen, {.accept_abi = accept_abi_, .transient = !type_.empty(), .defined = &defined});
    for (const Wanted& one : all_ || automatic_ ? in_start_order(seen, wanted) : wanted) {
      batch.add(identity_of(one.definition, one.word),
                [&] { return planner.plan(one.definition, one.word); });
    }
    return batch.finish(context, std::move(definitions));
  }

  std::vector<std::string> words_;
  std::string parent_;
  std::string type_;
  std::vector<std::string> uuids_;
  std::vector<std::string> attributes_;
  ApOptions queues_;
  std::vector<std::string> create_args_;
  std::optional<std::uint64_t> aggregate_;
  std::string function_;
  std::string timeout_;
  bool accept_abi_ = false;
  bool automatic_ = false;
  bool all_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_start() {
  return std::make_unique<StartCommand>();
}

}  // namespace mdevadm::cli
