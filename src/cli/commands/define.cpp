#include <fmt/format.h>

#include <mdevadm/plan/choose.hpp>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/store/definition_file.hpp>
#include <mdevadm/util/text.hpp>

#include "../ap_options.hpp"
#include "../batch.hpp"
#include "../definition_options.hpp"
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
    kinds.set(app.add_option("-p,--parent", parent_, "parent device"), ValueKind::parent);
    auto* type = kinds.set(app.add_option("-t,--type", type_, "mdev type, as listed by mdevadm types"),
                           ValueKind::type);
    kinds
        .set(app.add_option("--need", needs_,
                            "select the smallest available type that meets this requirement, e.g. "
                            "framebuffer>=2G; can be given multiple times")
                 ->allow_extra_args(false),
             ValueKind::need)
        ->excludes(type);
    mode_.declare(app);
    options_.declare(app, kinds);
    queues_.declare(app, kinds);
    node_.declare(app, kinds, "the device's");
    kinds.set(app.add_option("--file", file_, "read the definition from FILE (- for standard input)"),
              ValueKind::file);
    kinds.set(app.add_option("-g,--group", group_, "add the device to this group"), ValueKind::group);
    app.add_flag("--force", force_, "do not require the parent or the type to be present");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    check_usage();
    if (options_.function.empty() && context.vf_as_parent()) {
      options_.function = context.vf_as_parent()->str();
    }
    Batch batch(change_, "define");
    batch.print_uuids();
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const Definitions defined = batch.load_definitions(context);
    try {
      const DefineRequest request = make_request(context, defined);
      const Snapshot seen =
          context.observe({facets_to_define, std::vector{request.wanted.parent}, std::nullopt});
      batch.add(identity_of(request.wanted, word_), [&] {
        batch.require_definitions(identity_of(request.wanted, word_));
        return plan_define(seen, defined, request);
      });
    } catch (const Error& error) {
      const auto uuid = Uuid::parse(word_);
      batch.refuse({uuid, options_.name, word_, parent_, type_}, error);
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  DefineRequest make_request(Context& context, const Definitions& defined) {
    const Facet facets = adopts() ? Facet::devices | Facet::queues : Facet::devices;
    const Snapshot devices = context.observe({facets, std::nullopt, std::nullopt});
    if (!needs_.empty()) {
      choose(context);
    }
    DefineRequest request = file_.empty() ? from_options(devices, defined) : from_file(context);
    request.argument = word_;
    if (!group_.empty()) {
      request.joins = require_group(context.groups(), group_,
                                    fmt::format("cannot define a member of group '{}'", printable(group_)));
    }
    return request;
  }

  // Resolves the requirements to a type once: the device keeps it, so that the guest's hardware does not
  // change.
  void choose(Context& context) {
    Scope scope{type_facets, std::nullopt, std::nullopt};
    const bool any_parent = parent_.empty() || parent_ == "any";
    if (!any_parent) {
      scope.details_of = std::vector{*ParentName::parse(parent_)};
    }
    const Snapshot seen = context.observe(scope);
    const std::string doing = "cannot choose a type";
    if (!any_parent && seen.find_parent(parent_) == nullptr) {
      throw unknown_parent(seen, parent_, doing);
    }
    std::vector<Requirement> needs;
    for (const std::string& text : needs_) {
      needs.push_back(*parse_requirement(text));
    }
    const Choice choice = choose_type(seen, needs, force_ ? Availability::later : Availability::now, doing);
    context.messages().note(choice.why);
    parent_ = choice.parent->name.str();
    type_ = choice.type->id.str();
  }

  bool adopts() const { return file_.empty() && parent_.empty() && type_.empty() && needs_.empty(); }

  void check_usage() const {
    if (!file_.empty() && (!type_.empty() || !needs_.empty() || mode_.mode() || options_.any_given() ||
                           queues_.any_given() || node_.any_given())) {
      throw Error(ExitCode::usage, "--file can only be combined with --parent, --group, --force and a UUID");
    }
    if (options_.name_option->count() > 0 && options_.name.empty()) {
      throw Error(ExitCode::usage, "--name: value must not be empty");
    }
    if (adopts() && word_.empty()) {
      throw Error(ExitCode::usage, "nothing to define",
                  "specify --parent and --type, an active device to adopt, or --file");
    }
    if (file_.empty() && !adopts() && needs_.empty() && (parent_.empty() || type_.empty())) {
      throw Error(ExitCode::usage, fmt::format("missing option --{}", parent_.empty() ? "parent" : "type"),
                  "specify both --parent and --type, or neither to adopt an active device");
    }
    if (!adopts() && !word_.empty() && !Uuid::parse(word_)) {
      throw Error(ExitCode::usage, objection(ValueKind::uuid, word_));
    }
  }

  DefineRequest from_options(const Snapshot& devices, const Definitions& defined) const {
    Definition wanted = adopts() ? adopted(devices, defined)
                                 : Definition{word_.empty() ? Uuid::random() : *Uuid::parse(word_),
                                              *ParentName::parse(parent_), *TypeName::parse(type_)};
    wanted.start = mode_.mode().value_or(StartMode::manual);
    wanted.name = options_.name.empty() ? std::nullopt : Label::parse(options_.name);
    wanted.aggregate = options_.aggregate;
    wanted.create_args = options_.joined_create_args();
    if (!options_.function.empty()) {
      wanted.function = FunctionName::parse(options_.function);
    }
    for (Attribute& attribute : parse_assignments(options_.attributes)) {
      wanted.attributes.push_back(std::move(attribute));
    }
    wanted.attributes = changed_attributes(std::move(wanted.attributes), queues_.given());
    wanted.node = node_.applied_to(std::nullopt);
    return {wanted, std::nullopt, force_ ? FitsHost::later : FitsHost::required};
  }

  Definition adopted(const Snapshot& devices, const Definitions& defined) const {
    const std::string doing = fmt::format("cannot define '{}'", printable(word_));
    if (const auto uuid = Uuid::parse(word_); uuid && devices.find_device(*uuid) == nullptr) {
      throw Error(ExitCode::not_found, fmt::format("{}: no active device with this UUID to adopt", doing),
                  "specify --parent and --type to define a new one");
    }
    const Found found = resolve_device(word_, devices, defined, std::nullopt, doing);
    if (found.active == nullptr && found.definitions.empty()) {
      throw Error(ExitCode::in_use, fmt::format("{}: the device is being removed", doing),
                  fmt::format("wait for it: mdevadm stop {} --timeout 60", found.uuid.str()));
    }
    if (found.active == nullptr) {
      throw Error(ExitCode::conflict, fmt::format("{}: already defined and not active", doing),
                  fmt::format("start it: mdevadm start {}", found.uuid.str()));
    }
    if (!found.active->type) {
      throw Error(ExitCode::failed, fmt::format("{}: the type of the device cannot be read", doing),
                  "the device may be in creation or removal; run the command again");
    }
    Definition wanted{found.uuid, found.active->parent, *found.active->type};
    if (has_queues(wanted.type.str())) {
      if (!found.active->queues) {
        throw Error(ExitCode::failed,
                    fmt::format("{}: the adapters and domains of the active device cannot be read", doing),
                    "specify --parent, --type, --adapter and --domain");
      }
      wanted.attributes = assignments_of(*found.active->queues);
    }
    // The definition of a device on a VF names that VF.
    if (!found.active->vf.empty()) {
      wanted.function = FunctionName::parse(found.active->vf);
    }
    return wanted;
  }

  DefineRequest from_file(Context& context) const {
    const std::string path = file_ == "-" ? "/dev/stdin" : file_;
    const std::string text =
        sys::read_stream(path).or_throw("cannot read the definition from '{}'", printable(path));
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
  std::vector<std::string> needs_;
  StartModeOptions mode_;
  DefinitionOptions options_;
  ApOptions queues_;
  NodeOptions node_;
  std::string file_;
  std::string group_;
  bool force_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_define() {
  return std::make_unique<DefineCommand>();
}

}  // namespace mdevadm::cli
