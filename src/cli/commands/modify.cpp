#include <fmt/format.h>

#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "../ap_options.hpp"
#include "../batch.hpp"
#include "../definition_options.hpp"
#include "../node_options.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class ModifyCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", word_, "UUID, unique UUID prefix, or name")->required(),
              ValueKind::defined_device);
    kinds.set(app.add_option("-p,--parent", parent_, "select the definition under this parent"),
              ValueKind::parent);
    kinds.set(app.add_option("-t,--type", type_, "new type"), ValueKind::type);
    mode_.declare(app);
    options_.declare(app, kinds);
    queues_.declare(app, kinds);
    node_.declare(app, kinds, "the device's");
    kinds.set(
        app.add_option("--delete-attr", deleted_, "delete attribute, by name (all occurrences) or by number")
            ->allow_extra_args(false),
        ValueKind::attribute_selector);
    app.add_flag("--accept-abi", accept_abi_, "record the current guest ABI");
    app.add_flag("--force", force_, "do not require the parent or the type to be present");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    ModifyRequest request = make_request();
    Batch batch(change_, "modify");
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const Definitions defined = batch.load_definitions(context);
    const Snapshot devices = context.observe({Facet::devices, std::nullopt, std::nullopt});
    const std::string doing = fmt::format("cannot modify '{}'", printable(word_));
    Identity about{.argument = word_};
    try {
      batch.require_definitions(about);
      const Found found = resolve_device(word_, devices, defined, parent_option(parent_), doing);
      about = identity_of(found);
      const Definition& current = require_definition(found, doing);
      context.warn_about_file(defined, current);
      if (node_.any_given()) {
        request.node = node_.applied_to(current.node);
      }
      const Snapshot seen = context.observe({facets_to_define, std::vector{current.parent}, std::nullopt});
      batch.add(identity_of(current, word_), [&] { return plan_modify(seen, defined, current, request); });
    } catch (const Error& error) {
      batch.refuse(about, error);
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  ModifyRequest make_request() const {
    ModifyRequest request;
    request.argument = word_;
    request.start = mode_.mode();
    request.type = type_option(type_);
    if (options_.name_option->count() > 0) {
      request.name = Label::parse(options_.name);
    }
    if (options_.aggregate) {
      request.aggregate = *options_.aggregate > 1 ? options_.aggregate : std::optional<std::uint64_t>{};
    }
    if (const auto create_args = options_.joined_create_args()) {
      request.create_args = create_args->empty() ? std::optional<std::string>{} : create_args;
    }
    if (options_.function_option->count() > 0) {
      request.function = FunctionName::parse(options_.function);
    }
    for (const std::string& text : deleted_) {
      if (const auto place = parse_decimal(text)) {
        request.delete_attributes.emplace_back(static_cast<std::size_t>(*place));
      } else {
        request.delete_attributes.emplace_back(*AttributeName::parse(text));
      }
    }
    request.add_attributes = parse_assignments(options_.attributes);
    request.queues = queues_.given();
    request.fits = force_ ? FitsHost::later : FitsHost::required;
    request.accept_abi = accept_abi_;
    if (!request.start && !request.type && !options_.any_given() && !request.queues.any() &&
        !node_.any_given() && deleted_.empty() && !accept_abi_) {
      throw Error(ExitCode::usage, "no change requested", "list the options: mdevadm help modify");
    }
    return request;
  }

  std::string word_;
  std::string parent_;
  std::string type_;
  StartModeOptions mode_;
  DefinitionOptions options_;
  ApOptions queues_;
  NodeOptions node_;
  std::vector<std::string> deleted_;
  bool accept_abi_ = false;
  bool force_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_modify() {
  return std::make_unique<ModifyCommand>();
}

}  // namespace mdevadm::cli
