#include <fmt/format.h>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/adopt.hpp>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/store/definition_file.hpp>
#include <mdevadm/util/text.hpp>

#include "../ap_options.hpp"
#include "../batch.hpp"
#include "../choice_options.hpp"
#include "../definition_options.hpp"
#include "../host_source.hpp"
#include "../node_options.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class DefineCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", word_,
                             "UUID of the new definition (default: random), or an active device to adopt"),
              ValueKind::active_device);
    kinds.set(
        app.add_option("-p,--parent", parent_, "parent device; any: select one with available instances"),
        ValueKind::parent);
    auto* type = kinds.set(app.add_option("-t,--type", type_, "mdev type, as listed by mdevadm types"),
                           ValueKind::type);
    choice_.declare(app, kinds, type);
    mode_.declare(app, false);
    options_.declare(app, kinds, false);
    queues_.declare(app, kinds, ApOptions::For::new_definition);
    node_.declare(app, kinds, "the device's", false);
    kinds.set(app.add_option("--file", file_, "read the definition from FILE (- for standard input)"),
              ValueKind::file);
    kinds.set(app.add_option("-g,--group", group_, "add the device to this group"), ValueKind::group);
    app.add_flag("--force", force_,
                 "accept a missing parent or type, numbers that the machine cannot have, and a call-out "
                 "script that refuses");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    options_.function = choice_.function_of(context, parent_, options_.function);
    check_usage();
    Batch batch(change_, "define");
    batch.print_uuids();
    node_.note_unknown_accounts(context);
    std::vector<sys::FileLock> parents;
    std::optional<sys::FileLock> lock;
    try {
      // Scripts may hold locks of their own, which are taken after that of the definitions.
      read_active(context, batch.load_definitions(context));
      if (to_record_) {
        parents = batch.lock_parents(context, {*to_record_});
      }
      lock = batch.lock_definitions(context);
      add(context, batch, batch.load_definitions(context));
    } catch (const Error& error) {
      const auto uuid = Uuid::parse(word_);
      batch.refuse({uuid, options_.name, word_, parent_, type_}, error);
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  void add(Context& context, Batch& batch, const Definitions& defined) {
    if (to_record_ && adopts() && adopt_for_owner(context, batch, defined)) {
      return;
    }
    const std::vector<DefineRequest> requests = make_requests(context, defined);
    std::vector<ParentName> parents;
    std::transform(requests.begin(), requests.end(), std::back_inserter(parents),
                   [](const DefineRequest& request) { return request.wanted.parent; });
    const Snapshot seen = context.observe({facets_to_define, parents, std::nullopt});
    const Identity about = identity_of(requests.front().wanted, word_);
    if (requests.size() == 1) {
      batch.add(about, [&] {
        batch.require_definitions(about);
        Job job = queues_.planned(seen, [&] { return plan_define(seen, defined, requests.front()); });
        if (!untaken_.empty()) {
          job.warnings.push_back(fmt::format("{}: {}", job.about.quoted(), untaken_));
        }
        return job;
      });
      return;
    }
    batch.take(about, [&] {
      batch.require_definitions(about);
      return plan_define_all(seen, defined, requests);
    });
  }

  // The device on a VF that another program has set, if a definition reserves the VF, becomes the device of
  // that definition. Returns false if there is none.
  bool adopt_for_owner(Context& context, Batch& batch, const Definitions& defined) const {
    const Snapshot seen = context.observe({facets_to_define, std::vector{*to_record_}, std::nullopt});
    const std::string doing = fmt::format("cannot define '{}'", printable(word_));
    const Device* device = resolve_device(word_, seen, defined, std::nullopt, doing).active;
    const Definition* owner = device != nullptr && device->unmanaged
                                  ? reserved_for(defined, device->parent, device->vf.str(), device->uuid)
                                  : nullptr;
    if (owner == nullptr) {
      return false;
    }
    batch.add(identity_of(*owner, word_), [&] {
      batch.require_definitions(identity_of(*owner, word_));
      if (mode_.mode() || options_.any_given() || node_.any_given() || !group_.empty()) {
        throw Error(ExitCode::conflict,
                    fmt::format("{}: virtual function {} is reserved for {}", doing, device->vf.str(),
                                identity_of(*owner).quoted()),
                    std::vector{advice_to_release_function(*owner), advice_to_adopt(*device, *owner)});
      }
      return plan_adopt(seen, *owner, *device, word_);
    });
    return true;
  }

  // Returns one request for each device.
  std::vector<DefineRequest> make_requests(Context& context, const Definitions& defined) {
    const Snapshot devices = context.observe({facets_of_active(), std::nullopt, std::nullopt});
    std::vector<std::optional<ParentName>> parents(choice_.devices(), parent_option(parent_));
    if (choice_.chooses(parent_) && (!force_ || choice_.by_need() || parent_ == any_parent)) {
      parents = choose_parents(context, defined);
    }
    std::vector<DefineRequest> requests;
    for (std::size_t i = 0; i < parents.size(); ++i) {
      DefineRequest request = file_.empty() ? from_options(devices, defined, parents[i]) : from_file(context);
      request.groups = has_queues(request.wanted.type.str()) ? context.groups() : Groups{};
      request.argument = word_;
      request.unnamed = word_.empty() && file_.empty() && !request.wanted.name;
      if (choice_.count() && request.wanted.name) {
        request.wanted.name = numbered(*request.wanted.name, i + 1);
      }
      if (!group_.empty()) {
        request.joins = require_group(context.groups(), group_,
                                      fmt::format("cannot define a member of group '{}'", printable(group_)));
      }
      requests.push_back(std::move(request));
    }
    return requests;
  }

  static Label numbered(const Label& name, std::size_t number) {
    const std::string text = fmt::format("{}-{}", name.str(), number);
    const auto label = Label::parse(text);
    if (!label) {
      throw Error(ExitCode::usage, "--name: " + objection(ValueKind::label, text));
    }
    return *label;
  }

  // Resolves the requirements to a type once: the device keeps it, so that the guest's hardware does not
  // change. Returns the parents of the devices.
  std::vector<std::optional<ParentName>> choose_parents(Context& context, const Definitions& defined) {
    parent_ = ChoiceOptions::parent_of(context, parent_, options_.function);
    ChoiceRequest request = choice_.request(context, parent_, type_);
    request.units = options_.aggregate.value_or(1);
    request.availability = force_ ? Availability::later : Availability::now;
    const std::string doing = choice_.doing("define");
    Scope scope{facets_to_define, std::nullopt, std::nullopt};
    scope.candidates = !request.parent;
    if (request.parent) {
      scope.details_of = std::vector{*request.parent};
    }
    const Snapshot seen = context.observe(scope);
    if (request.parent && seen.find_parent(parent_) == nullptr) {
      throw unknown_parent(seen, parent_, doing);
    }
    const Choice choice = choose(seen, defined, request, doing);
    context.messages().note(choice.why);
    type_ = choice_.by_need() ? choice.type->id.str() : type_;
    std::vector<std::optional<ParentName>> parents;
    std::transform(choice.parents.begin(), choice.parents.end(), std::back_inserter(parents),
                   [](const Parent* parent) { return parent->name; });
    parent_ = parents.front()->str();
    return parents;
  }

  Facet facets_of_active() const {
    const bool may_be_active = adopts() || Uuid::parse(word_).has_value();
    return may_be_active ? Facet::devices | Facet::queues | Facet::units : Facet::devices;
  }

  // Reads the attributes of the active device that is to be defined, from a call-out script and from the
  // driver.
  void read_active(Context& context, const Definitions& defined) {
    if (!file_.empty() || word_.empty()) {
      return;
    }
    const Snapshot seen = context.observe({facets_of_active(), std::nullopt, std::nullopt});
    const std::string doing = fmt::format("cannot define '{}'", printable(word_));
    const auto uuid = Uuid::parse(word_);
    const Device* device =
        uuid ? seen.find_device(*uuid) : resolve_device(word_, seen, defined, std::nullopt, doing).active;
    if (device != nullptr && device->unmanaged) {
      to_record_ = device->parent;
    }
    if (device == nullptr || !device->type || !defined.find(device->uuid).empty()) {
      return;  // the definition is refused, or that of a new device
    }
    active_.files = context.host().settable_files(*device);
    if (device->queues) {
      return;
    }
    HookEvent event{.action = HookAction::define, .about = {device->uuid, device->parent, *device->type}};
    ReportedAttributes reported = context.hooks().get_attributes(event_of(event));
    active_.reported = std::move(reported.attributes);
    if (reported.error && !force_) {
      throw Error(ExitCode::failed,
                  fmt::format("{}: its attributes cannot be read: {}", doing, reported.error->what()),
                  "to define the device without them: --force");
    }
    if (reported.error) {
      context.messages().warning(
          fmt::format("'{}': its attributes cannot be read: {}", printable(word_), reported.error->what()));
    }
  }

  bool adopts() const { return file_.empty() && parent_.empty() && type_.empty() && !choice_.by_need(); }

  void check_usage() const {
    if (!file_.empty() && (!type_.empty() || choice_.given() != nullptr || mode_.mode() ||
                           options_.any_given() || queues_.any_given() || node_.any_given())) {
      throw Error(ExitCode::usage, "--file can only be combined with --parent, --group, --force and a UUID");
    }
    if (options_.name_option->count() > 0 && options_.name.empty()) {
      throw Error(ExitCode::usage, "--name: value must not be empty");
    }
    if (adopts() && word_.empty()) {
      throw Error(ExitCode::usage, "nothing to define",
                  "specify --parent and --type, --need, --series, an active device to adopt, or --file");
    }
    if (file_.empty() && !adopts() && !choice_.by_need() && (parent_.empty() || type_.empty())) {
      throw Error(ExitCode::usage, fmt::format("missing option --{}", parent_.empty() ? "parent" : "type"),
                  "specify both --parent and --type, or neither to adopt an active device; --parent any "
                  "selects a parent");
    }
    if (!adopts() && !word_.empty() && !Uuid::parse(word_)) {
      throw Error(ExitCode::usage, objection(ValueKind::uuid, word_));
    }
    choice_.check(parent_);
    check_count();
    check_number();
  }

  // A device number has no subchannel until its device exists, and definitions name the subchannel.
  void check_number() const {
    const std::string number = kernel_spelling(parent_);
    if (number != parent_ && is_channel_address(number)) {
      throw Error(ExitCode::not_found,
                  fmt::format("cannot define a device: no channel device has the number {}", number),
                  "specify the subchannel; list them: lscss");
    }
  }

  void check_count() const {
    if (adopts() && choice_.count()) {
      throw Error(ExitCode::usage, "--count cannot be used to adopt a device",
                  "specify --parent and --type, or --need, for new devices");
    }
    if (choice_.devices() > 1 && !word_.empty()) {
      throw Error(ExitCode::usage, "several devices cannot have the same UUID",
                  "omit the UUID: with --count, each device gets a random one");
    }
    if (choice_.devices() > 1 && queues_.assigns_queues(parse_assignments(options_.attributes))) {
      throw shared_queues();
    }
    if (choice_.devices() > 1 && !options_.function.empty() && options_.function != any_function) {
      throw Error(ExitCode::usage, "several devices cannot use the same virtual function",
                  "omit --vf: with --count, each device gets a virtual function of its own");
    }
  }

  DefineRequest from_options(const Snapshot& devices, const Definitions& defined,
                             const std::optional<ParentName>& parent) {
    Definition wanted = adopts() ? adopted(devices, defined)
                                 : Definition{word_.empty() ? Uuid::random() : *Uuid::parse(word_), *parent,
                                              *TypeName::parse(type_)};
    wanted.start = mode_.mode().value_or(StartMode::manual);
    std::vector<Attribute> given = parse_assignments(options_.attributes);
    queues_.require_consistent(given);
    wanted.name = options_.name.empty() ? std::nullopt : Label::parse(options_.name);
    wanted.aggregate = options_.aggregate;
    wanted.create_args = options_.joined_create_args();
    if (!options_.function.empty()) {
      wanted.function = FunctionName::parse(options_.function);
    }
    if (!adopts()) {
      queues_.require_additions();
    }
    const Device* active = devices.find_device(wanted.uuid);
    if (active != nullptr && (adopts() || takes_over(*active, wanted))) {
      untaken_ = take_over(*active, active_, given, wanted);
    }
    std::move(given.begin(), given.end(), std::back_inserter(wanted.attributes));
    wanted.attributes = changed_attributes(std::move(wanted.attributes), queues_.given());
    wanted.queue_table |= queues_.given().any();
    if (wanted.queue_table) {
      wanted.attributes = in_table_form(std::move(wanted.attributes));
    }
    wanted.node = node_.applied_to(std::nullopt);
    return {wanted, std::nullopt, force_ ? FitsHost::later : FitsHost::required};
  }

  // An active device that is defined with its parent and type, without attributes, has the definition of its
  // own: an empty one would take its queues from the guest at the next start.
  bool takes_over(const Device& active, const Definition& wanted) const {
    return active.parent == wanted.parent && active.type == wanted.type && options_.attributes.empty() &&
           !queues_.any_given();
  }

  Definition adopted(const Snapshot& devices, const Definitions& defined) const {
    const std::string doing = fmt::format("cannot define '{}'", printable(word_));
    const auto uuid = Uuid::parse(word_);
    if (uuid && devices.find_device(*uuid) == nullptr && devices.find_removing(*uuid) == nullptr &&
        defined.find(*uuid).empty()) {
      throw Error(ExitCode::not_found, fmt::format("{}: no active device with this UUID to adopt", doing),
                  "specify --parent and --type to define a new one");
    }
    const Found found = resolve_device(word_, devices, defined, std::nullopt, doing);
    if (found.active == nullptr && found.removing == nullptr && found.broken != nullptr) {
      refuse_broken(*found.broken, doing);
    }
    if (found.active == nullptr && found.definitions.empty()) {
      throw Error(ExitCode::in_use, fmt::format("{}: the device is being removed", doing),
                  fmt::format("wait for it: mdevadm stop {} --timeout 60", shell_word(word_)));
    }
    if (found.active == nullptr) {
      throw Error(ExitCode::conflict, fmt::format("{}: already defined and not active", doing),
                  fmt::format("start it: mdevadm start {}", shell_word(word_)));
    }
    if (!found.active->type) {
      throw Error(ExitCode::failed, fmt::format("{}: the type of the device cannot be read", doing),
                  "the device may be in creation or removal; run the command again");
    }
    Definition wanted{found.uuid, found.active->parent, *found.active->type};
    if (has_queues(wanted.type.str()) && !found.active->queues && active_.reported.empty()) {
      throw Error(ExitCode::failed,
                  fmt::format("{}: the adapters and domains of the active device cannot be read", doing),
                  "specify --parent, --type, --adapter and --domain");
    }
    // The definition of a device on a VF names that VF.
    if (!found.active->vf.empty()) {
      wanted.function = FunctionName::parse(found.active->vf.str());
    }
    return wanted;
  }

  DefineRequest from_file(Context& context) const {
    const std::string path = file_ == "-" ? "/dev/stdin" : file_;
    const std::string text =
        read_input(file_, fmt::format("cannot read the definition from '{}'", printable(path)));
    const auto uuid = word_.empty() ? std::nullopt : Uuid::parse(word_);
    store::FileContent content = store::parse_definition(text, path, {uuid, parent_option(parent_)});
    if (!content.definition) {
      throw Error(ExitCode::failed,
                  fmt::format("cannot define from '{}': {}", printable(path), content.problem.str()),
                  content.lacks_parent ? "specify the parent with --parent" : "");
    }
    for (const Attribute& attribute : content.definition->attributes) {
      if (const std::string problem = ap_value_problem(attribute); !problem.empty()) {
        throw Error(ExitCode::failed, fmt::format("cannot define from '{}': attribute '{}': {}",
                                                  printable(path), attribute.name.str(), problem));
      }
    }
    for (const FileProblem& problem : content.problems) {
      context.messages().warning(problem.str());
    }
    return {*content.definition, text, force_ ? FitsHost::later : FitsHost::required};
  }

  std::string word_;
  std::string parent_;
  std::string type_;
  ChoiceOptions choice_;
  StartModeOptions mode_;
  DefinitionOptions options_;
  ApOptions queues_;
  NodeOptions node_;
  std::string file_;
  std::string group_;
  bool force_ = false;
  ActiveSettings active_;
  std::string untaken_;  // a warning
  // The parent of the device to adopt if a runtime record of it must be written.
  std::optional<ParentName> to_record_;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_define() {
  return std::make_unique<DefineCommand>();
}

}  // namespace mdevadm::cli
