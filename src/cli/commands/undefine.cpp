#include <fmt/format.h>

#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "../definition_options.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class UndefineCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    auto* words = kinds.set(
        app.add_option("device,-u,--uuid", words_, "UUID, unique UUID prefix, name or shell pattern"),
        ValueKind::defined_device);
    app.add_flag("--all", all_,
                 "remove all definitions, also those of mdevctl; members of groups only with --force")
        ->excludes(words);
    kinds.set(app.add_option("-p,--parent", parent_, "select the definition under this parent"),
              ValueKind::parent);
    app.add_flag("--force", force_, "also remove it from its group; ignore call-out scripts that refuse");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    if (words_.empty() && !all_) {
      throw Error(ExitCode::usage, "missing argument DEVICE (or --all)", "specify a device or --all");
    }
    Batch batch(change_, "undefine");
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const Definitions defined =
        all_ ? context.definitions(FileProblems::reported) : batch.load_definitions(context);
    const Groups groups = context.groups();
    if (all_ && !parent_.empty()) {
      context.require_no_vf("undefine");
      require_known_parent(context.observe({Facet::parents, std::nullopt, std::nullopt}), defined, parent_,
                           "cannot undefine devices");
    }
    if (!all_ && batch.refuse_unread(words_)) {
      return batch.finish(context, std::move(lock));
    }
    const Snapshot seen = context.observe({Facet::devices, std::nullopt, std::nullopt});
    if (all_ && defined.all.empty()) {
      context.messages().note("no device is defined");
    }
    const TargetSearch search{context, seen, defined, parent_option(parent_), "undefine"};
    for (const Target& target : all_ ? search.all_definitions() : search.of(words_)) {
      try {
        const Definition& definition = definition_of(target);
        if (!batch.has(definition.uuid, definition.parent)) {
          batch.add(target.about, [&] {
            return plan_undefine(definition, groups, force_, target.about.argument,
                                 seen.find_device(definition.uuid));
          });
          if (const auto copy = warning_of_copy(context, definition)) {
            batch.add_warning_of_success(*copy);
          }
        }
      } catch (const Error& error) {
        batch.refuse(target.about, error);
      }
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  static const Definition& definition_of(const Target& target) {
    if (target.refused) {
      throw Error(*target.refused);
    }
    const std::string doing = target.doing("undefine");
    const Found& found = *target.found;
    if (found.definitions.empty() && found.active != nullptr && found.broken == nullptr) {
      throw Error(ExitCode::not_found, fmt::format("{}: no definition exists (the device is active)", doing),
                  "remove the device: mdevadm stop " + shell_word(found.word));
    }
    return require_definition(found, doing);
  }

  // mdevctl may have a definition of the same device, which becomes effective. Links are not read.
  static std::optional<std::string> warning_of_copy(Context& context, const Definition& definition) {
    if (definition.origin != Origin::mdevadm ||
        !context.store()
             .load_configs({.parent = definition.parent, .uuid = definition.uuid})
             .has(definition.uuid, definition.parent)) {
      return std::nullopt;
    }
    return fmt::format("'{}' defines this device too and takes effect now; to remove it: mdevadm undefine {}",
                       context.store().path_of(StoredConfig{definition.uuid, definition.parent, {}}),
                       definition.uuid.str());
  }

  std::vector<std::string> words_;
  std::string parent_;
  bool all_ = false;
  bool force_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_undefine() {
  return std::make_unique<UndefineCommand>();
}

}  // namespace mdevadm::cli
