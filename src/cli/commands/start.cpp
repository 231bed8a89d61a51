#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/start.hpp>
#include <mdevadm/plan/start_order.hpp>
#include <mdevadm/plan/start_set.hpp>
#include <mdevadm/util/text.hpp>
#include <utility>

#include "../ap_options.hpp"
#include "../batch.hpp"
#include "../boot_report.hpp"
#include "../choice_options.hpp"
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

// What the arguments or options refer to, and the arguments that refer to nothing.
struct Selection {
  Definitions defined;
  std::vector<Wanted> wanted{};
  std::vector<std::pair<Identity, Error>> refused{};
};

class StartCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    auto* words =
        kinds.set(app.add_option("device", words_, "UUID, unique UUID prefix, name or shell pattern"),
                  ValueKind::inactive_definition);
    kinds.set(app.add_option(
                  "-p,--parent", parent_,
                  "select the definition under this parent; with --type or --need: parent of the transient "
                  "device to create, any: one with available instances"),
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
            ->allow_extra_args(false),
        ValueKind::assignment);
    queues_.declare(app, kinds, ApOptions::For::transient_device, type);
    choice_.declare(app, kinds, type);
    declare_shape(app, kinds);
    app.add_flag("--accept-abi", accept_abi_,
                 "start even if the guest ABI differs from the recorded one, and record the current one");
    auto* all = app.add_flag("-a,--all", all_, "start all definitions");
    auto* automatic = app.add_flag("--auto", automatic_, "start all definitions with autostart");
    all->excludes(words)->excludes(uuids)->excludes(type)->excludes(automatic);
    kinds
        .set(app.add_option("--timeout", timeout_,
                            "wait up to SECONDS for missing parents, types and instances (default: 0)"),
             ValueKind::seconds)
        ->excludes(type);
    words->excludes(automatic);
    uuids->excludes(automatic);
    automatic->excludes(type);
    for (CLI::Option* other : {all, automatic, words}) {
      choice_.exclude(other);
    }
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    if (is_transient()) {
      function_ = choice_.function_of(context, parent_, function_);
    }
    sort_out_uuids();
    check_transient();
    if (words_.empty() && !is_transient() && !automatic_ && !all_) {
      throw Error(ExitCode::usage, "missing argument DEVICE",
                  "specify a device, --all, --auto, --parent and --type, --need, or --series");
    }
    Batch batch(change_, "start");
    batch.show_devices();
    if (is_transient()) {
      batch.print_uuids();
      if (choice_.chooses(parent_) && !is_active_already(context)) {
        return start_chosen(context, batch);
      }
      return start_transient(context, batch);
    }
    if (all_) {
      context.require_no_vf("start");
    }
    // If they cannot be read, --all and --auto fail as a whole, arguments one by one.
    Definitions defined =
        automatic_ || all_ ? context.definitions(FileProblems::reported) : batch.load_definitions(context);
    if ((automatic_ || all_) && !parent_.empty()) {
      require_known_parent(context.observe({Facet::parents, std::nullopt, std::nullopt}), defined, parent_,
                           "cannot start devices");
    }
    if (automatic_ && !change_.dry_run) {
      return start_all(context, defined);
    }
    Selection selection = select(context, std::move(defined));
    if (!timeout_.empty() && !change_.dry_run) {
      report(context, batch, selection);
      return start_waiting(context, batch, selection.wanted);
    }
    bool is_first = true;
    PlanLocks locks = batch.lock_found(context, changes_definitions(), [&] {
      if (!std::exchange(is_first, false)) {
        selection = select(context, all_ ? context.definitions() : batch.load_definitions(context));
      }
      return parents_of(selection.wanted);
    });
    report(context, batch, selection);
    return start(context, batch, std::move(locks), selection);
  }

 private:
  bool is_transient() const { return !type_.empty() || choice_.by_need(); }

  Definition transient(const ParentName& parent) const {
    Definition wanted{uuids_.empty() ? Uuid::random() : *Uuid::parse(uuids_.front()), parent,
                      *TypeName::parse(type_)};
    queues_.require_additions();
    queues_.require_consistent(parse_assignments(attributes_));
    wanted.attributes = changed_attributes(parse_assignments(attributes_), queues_.given());
    wanted.create_args = create_args_.empty() ? std::nullopt : std::optional(join(create_args_, ","));
    wanted.aggregate = aggregate_;
    wanted.function = function_.empty() ? std::nullopt : FunctionName::parse(function_);
    return wanted;
  }

  // --uuid is the UUID of a transient device, or, as in mdevctl, a device to start.
  void sort_out_uuids() {
    if (!is_transient()) {
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
  void declare_shape(CLI::App& app, ValueKinds& kinds) {
    kinds.set(app.add_option("--create-arg", create_args_,
                             "create argument for the transient device; can be given multiple times")
                  ->allow_extra_args(false),
              ValueKind::create_argument);
    kinds.set(app.add_option("--aggregate", aggregate_, "aggregate N instances into the transient device"),
              ValueKind::count);
    kinds.set(app.add_option("--vf", function_, "virtual function (PCI address) of the transient device"),
              ValueKind::function);
  }

  // Throws Error{usage} for options of transient devices without one, and for contradictions.
  void check_transient() const {
    if (is_transient() && !timeout_.empty()) {
      throw Error(ExitCode::usage, "--timeout requires DEVICE, --all or --auto",
                  "only devices with a definition are waited for");
    }
    if (!is_transient()) {
      const char* option = !attributes_.empty()    ? "--attr"
                           : !create_args_.empty() ? "--create-arg"
                           : aggregate_            ? "--aggregate"
                           : !function_.empty()    ? "--vf"
                                                   : choice_.given();
      if (option != nullptr) {
        throw Error(ExitCode::usage, fmt::format("{} requires --type or --need", option),
                    "see mdevadm help start");
      }
      return;
    }
    if (!type_.empty() && parent_.empty()) {
      throw Error(ExitCode::usage, "missing option --parent",
                  "a transient device requires both --parent and --type; --parent any selects a parent");
    }
    choice_.check(parent_);
    if (choice_.devices() > 1 && !uuids_.empty()) {
      throw Error(ExitCode::usage, "several devices cannot have the same UUID",
                  "omit --uuid: with --count, each device gets a random one");
    }
    if (choice_.devices() > 1 && queues_.assigns_queues(parse_assignments(attributes_))) {
      throw shared_queues();
    }
    if (choice_.devices() > 1 && !function_.empty() && function_ != any_function) {
      throw Error(ExitCode::usage, "several devices cannot use the same virtual function",
                  "omit --vf: with --count, each device gets a virtual function of its own");
    }
  }

  // A device that is active keeps its parent, and its type if only requirements are given.
  bool is_active_already(Context& context) {
    if (uuids_.empty()) {
      return false;
    }
    const Snapshot seen = context.observe({Facet::devices, std::nullopt, std::nullopt});
    const Device* active = seen.find_device(*Uuid::parse(uuids_.front()));
    if (active == nullptr || !active->type) {
      return false;
    }
    parent_ = parent_.empty() || parent_ == any_parent ? active->parent.str() : parent_;
    type_ = type_.empty() ? active->type->str() : type_;
    return true;
  }

  ExitCode start_chosen(Context& context, Batch& batch) {
    std::vector<sys::FileLock> locks;
    try {
      add_chosen(context, batch, locks);
    } catch (const Error& error) {
      const auto uuid = uuids_.empty() ? std::nullopt : Uuid::parse(uuids_.front());
      batch.refuse({uuid, {}, {}, parent_, type_}, error);
    }
    return batch.finish(context);
  }

  // Parents are chosen while they are locked, so that the instances that are free now are free for the start.
  void add_chosen(Context& context, Batch& batch, std::vector<sys::FileLock>& locks) {
    parent_ = ChoiceOptions::parent_of(context, parent_, function_);
    ChoiceRequest request = choice_.request(context, parent_, type_);
    request.units = aggregate_.value_or(1);
    request.persistent = false;
    const std::string doing = choice_.doing("start");
    Scope scope{facets_to_define | Facet::online | Facet::peers, std::nullopt, std::nullopt};
    scope.candidates = !request.parent;
    if (request.parent) {
      scope.details_of = std::vector{*request.parent};
    }
    const Snapshot before = context.observe(scope);
    if (request.parent && before.find_parent(parent_) == nullptr) {
      throw unknown_parent(before, parent_, doing);
    }
    const std::vector<ParentName> parents = parents_with_match(before, request);
    locks = batch.lock_parents(context, parents);
    scope.details_of = parents;
    const Snapshot seen = parents.empty() ? before : context.observe(scope);
    const Definitions defined = context.definitions_if_readable();
    const Choice choice = choose(seen, defined, request, doing);
    context.messages().note(choice.why);
    type_ = choice_.by_need() ? choice.type->id.str() : type_;
    StartPlanner planner(seen, {.transient = true, .unnamed = uuids_.empty(), .defined = &defined});
    if (choice.parents.size() == 1) {
      const Definition wanted = transient(choice.parents.front()->name);
      batch.add(identity_of(wanted),
                [&] { return queues_.planned(seen, [&] { return planner.plan(wanted); }); });
      return;
    }
    batch.take({.parent = parent_, .type = type_}, [&] {
      Plan plan{.bond = Bond::all_or_none};
      for (const Parent* parent : choice.parents) {
        plan.jobs.push_back(planner.plan(transient(parent->name)));
      }
      return plan;
    });
  }

  ExitCode start_transient(Context& context, Batch& batch) const {
    const Definition wanted = transient(*ParentName::parse(parent_));
    PlanLocks locks;
    locks.parents = batch.lock_parents(context, {wanted.parent});
    return start(
        context, batch, std::move(locks),
        {context.definitions_if_readable(), {{uuids_.empty() ? std::string{} : uuids_.front(), wanted}}});
  }

  ChangesDefinitions changes_definitions() const {
    return accept_abi_ ? ChangesDefinitions::yes : ChangesDefinitions::no;
  }

  ExitCode start_all(Context& context, const Definitions& defined) const {
    std::vector<ParentName> parents;
    for (const Wanted& wanted : all_automatic(defined)) {
      parents.push_back(wanted.definition.parent);
    }
    if (parents.empty()) {
      return start_and_report(context, change_, {}, {});
    }
    const Snapshot seen = context.observe({Facet::types, parents, std::nullopt});
    return start_and_report(
        context, change_, boot_units(seen, defined, parent_option(parent_)),
        {accept_abi_, parse_seconds(timeout_), context.parent_settings_if_readable(FileProblems::reported)});
  }

  // Retries as the autostart does, without its preparation of parents and its records.
  ExitCode start_waiting(Context& context, Batch& batch, const std::vector<Wanted>& wanted) const {
    const std::vector<Definition> definitions = definitions_in(wanted);
    const std::vector<ParentName> parents = parents_of(wanted);
    const Snapshot seen =
        parents.empty() ? Snapshot{} : context.observe({Facet::types, parents, std::nullopt});
    std::vector<BootUnit> units = boot_units(seen, definitions);
    for (BootUnit& unit : units) {
      for (const Wanted& one : wanted) {
        if (std::find(unit.wanted.begin(), unit.wanted.end(), one.definition) != unit.wanted.end()) {
          unit.arguments.emplace(one.definition.uuid.str(), one.word);
        }
      }
    }
    return start_and_report(
        context, batch, units,
        {.accept_abi = accept_abi_, .patience = parse_seconds(timeout_), .is_autostart = false});
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

  Selection select(Context& context, Definitions defined) const {
    Selection selection{std::move(defined)};
    if (automatic_) {
      selection.wanted = all_automatic(selection.defined);
    } else {
      select_named(context, selection);
    }
    return selection;
  }

  void select_named(const Context& context, Selection& selection) const {
    const Snapshot seen = context.observe({Facet::devices, std::nullopt, std::nullopt});
    const TargetSearch search{context, seen, selection.defined, parent_option(parent_), "start"};
    for (const Target& target : all_ ? search.all_definitions() : search.of(words_)) {
      try {
        if (target.refused) {
          throw Error(*target.refused);
        }
        const Definition definition = definition_of(*target.found, target.doing("start"));
        const bool again =
            std::any_of(selection.wanted.begin(), selection.wanted.end(), [&](const Wanted& one) {
              return one.definition.uuid == definition.uuid && one.definition.parent == definition.parent;
            });
        if (!again) {
          selection.wanted.push_back({target.about.argument, definition});
        }
      } catch (const Error& error) {
        selection.refused.emplace_back(target.about, error);
      }
    }
  }

  // Prints what concerns the selection as a whole and refuses what cannot be started.
  void report(Context& context, Batch& batch, Selection& selection) const {
    if (!all_ && !automatic_ && batch.refuse_unread(words_)) {
      selection.wanted.clear();
      return;
    }
    if (all_ && selection.defined.all.empty()) {
      context.messages().note("no device is defined");
    }
    for (const auto& [about, error] : selection.refused) {
      batch.refuse(about, error);
    }
    for (const Wanted& one : automatic_ ? std::vector<Wanted>{} : selection.wanted) {
      context.warn_about_file(selection.defined, one.definition);
    }
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

  static std::vector<ParentName> parents_of(const std::vector<Wanted>& wanted) {
    std::vector<ParentName> parents;
    for (const Wanted& one : wanted) {
      if (std::find(parents.begin(), parents.end(), one.definition.parent) == parents.end()) {
        parents.push_back(one.definition.parent);
      }
    }
    return parents;
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
  ExitCode start(Context& context, Batch& batch, PlanLocks locks, const Selection& selection) const {
    const std::vector<Wanted>& wanted = selection.wanted;
    // --type may be the vendor's name; definitions contain the kernel's type ID.
    Facet facets = is_transient() ? Facet::type_name : Facet::none;
    for (const Wanted& one : wanted) {
      facets |= facets_to_start(one.definition);
    }
    facets |= change_.dry_run ? Facet::available | Facet::description : Facet::none;
    Snapshot seen = wanted.empty() ? Snapshot{} : context.observe({facets, parents_of(wanted), std::nullopt});
    StartSet set(seen);
    std::vector<Compared> compared;
    for (const Wanted& one : wanted) {
      compared.push_back({&one.definition, one.definition.node});
    }
    context.observe_settings_of(seen, compared);
    StartPlanner planner(seen, {.accept_abi = accept_abi_,
                                .transient = is_transient(),
                                .unnamed = is_transient() && uuids_.empty(),
                                .defined = &selection.defined});
    for (const Wanted& one : all_ || automatic_ ? in_start_order(seen, wanted) : wanted) {
      batch.add(identity_of(one.definition, one.word), [&] {
        Job job = queues_.planned(seen, [&] { return planner.plan(one.definition, one.word); });
        // Otherwise the driver decides: an earlier start may fail and leave its room.
        if (change_.dry_run) {
          set.add(one.definition, "cannot " + job.goal, "devices that the command starts before it");
        }
        return job;
      });
    }
    return batch.finish(context, std::move(locks.definitions));
  }

  std::vector<std::string> words_;
  std::string parent_;
  std::string type_;
  ChoiceOptions choice_;
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
