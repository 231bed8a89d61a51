#include <fmt/format.h>

#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "../definition_options.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class UndefineCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", words_, "UUID, unique UUID prefix, or name")->required(),
              ValueKind::defined_device);
    kinds.set(app.add_option("-p,--parent", parent_, "select the definition under this parent"),
              ValueKind::parent);
    app.add_flag("--force", force_, "also remove it from its group");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    Batch batch(change_, "undefine");
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const Definitions defined = batch.load_definitions(context);
    const Groups groups = context.groups();
    const Snapshot seen = context.observe({Facet::devices, std::nullopt, std::nullopt});
    for (const std::string& word : words_) {
      const std::string doing = fmt::format("cannot undefine '{}'", printable(word));
      Identity about{.argument = word};
      try {
        batch.require_definitions(about);
        const Found found = resolve_device(word, seen, defined, parent_option(parent_), doing);
        about = identity_of(found);
        if (found.definitions.empty()) {
          throw Error(ExitCode::not_found,
                      fmt::format("{}: no definition exists (the device is active)", doing),
                      "remove the device: mdevadm stop " + found.word);
        }
        const Definition& definition = require_definition(found, doing);
        if (!batch.has(definition.uuid, definition.parent)) {
          batch.add(identity_of(definition, word),
                    [&] { return plan_undefine(definition, groups, force_, word); });
          warn_of_copy(context, definition);
        }
      } catch (const Error& error) {
        batch.refuse(about, error);
      }
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  // mdevctl may have a definition of the same device, which becomes effective.
  static void warn_of_copy(Context& context, const Definition& definition) {
    if (definition.origin == Origin::mdevadm &&
        context.store().has_config(definition.uuid, definition.parent)) {
      context.messages().warning(
          fmt::format("'{}' defines this device too and takes effect now; to remove it: mdevadm undefine {}",
                      context.store().path_of(StoredConfig{definition.uuid, definition.parent, {}}),
                      definition.uuid.str()),
          {.uuid = definition.uuid.str()});
    }
  }

  std::vector<std::string> words_;
  std::string parent_;
  bool force_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_undefine() {
  return std::make_unique<UndefineCommand>();
}

}  // namespace mdevadm::cli
