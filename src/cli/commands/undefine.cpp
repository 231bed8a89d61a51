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
    std::optional<sys::FileLock> lock = change_.lock_definitions(context);
    const Definitions defined = context.definitions();
    const Groups groups = context.groups();
    const Snapshot seen = context.observe({Facet::devices, std::nullopt, std::nullopt});
    Batch batch(change_);
    for (const std::string& word : words_) {
      batch.add(word, [&] {
        const std::string doing = fmt::format("cannot undefine '{}'", printable(word));
        const Found found = resolve_device(word, seen, defined, parent_option(parent_), doing);
        if (found.definitions.empty()) {
          throw Error(ExitCode::not_found,
                      fmt::format("{}: no definition exists (the device is active)", doing),
                      fmt::format("remove the device: mdevadm stop {}", found.uuid.str()));
        }
        return plan_undefine(require_definition(found, doing), groups, force_);
      });
    }
    return batch.finish(context, false, std::move(lock));
  }

 private:
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
