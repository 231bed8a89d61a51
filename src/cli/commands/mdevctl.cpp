// The commands that import definitions from mdevctl and export them to it.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/defined_types.hpp>
#include <mdevadm/plan/definitions.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "../definition_options.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// Returns all definitions of mdevctl. Throws Error if a directory cannot be read.
KeptConfigs load_theirs(const Context& context, const store::ConfigFilter& filter) {
  KeptConfigs theirs = context.store().load_configs(filter);
  if (!theirs.unread.empty()) {
    const FileProblem& directory = theirs.unread.front();
    throw Error(ExitCode::failed, fmt::format("cannot read '{}': {}", directory.path, directory.message));
  }
  return theirs;
}

class ImportCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("uuid,-u,--uuid", words_, "definitions to import (default: all)"),
              ValueKind::mdevctl_definition);
    kinds.set(app.add_option("-p,--parent", parent_, "only definitions under this parent"),
              ValueKind::parent);
    app.add_flag("--remove", remove_, "remove the imported definitions from mdevctl");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    Batch batch(change_, "import");
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const Definitions defined = batch.load_definitions(context);
    const KeptConfigs theirs = load_theirs(context, {.parent = parent_option(parent_)});
    if (!parent_.empty() && theirs.all.empty()) {
      require_known_parent(context.observe({Facet::parents, std::nullopt, std::nullopt}), defined, parent_,
                           "cannot import definitions");
    }
    for (const BrokenConfig& broken : theirs.broken) {
      if (words_.empty()) {
        context.messages().warning(broken.problem.str() + "; skipping this definition");
      }
    }
    for (const std::string& word : words_) {
      if (std::none_of(theirs.all.begin(), theirs.all.end(),
                       [&](const StoredConfig& one) { return is(one, word); })) {
        batch.refuse({.uuid = Uuid::parse(word), .argument = word}, why_not(theirs, word));
      }
    }
    if (words_.empty() && theirs.all.empty() && theirs.broken.empty()) {
      context.messages().note(fmt::format("no definition of mdevctl exists{}",
                                          parent_.empty() ? "" : " under " + printable(parent_)));
    }
    for (const StoredConfig& stored : theirs.all) {
      const bool wanted =
          words_.empty() || std::any_of(words_.begin(), words_.end(),
                                        [&](const std::string& word) { return is(stored, word); });
      if (wanted) {
        const Identity about{stored.uuid, {}, {}, stored.parent.str(), stored.config.type};
        batch.add(about, [&] {
          batch.require_definitions(about);
          return plan_import(stored, defined, remove_);
        });
      }
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  template <typename Stored>
  static bool is(const Stored& stored, const std::string& word) {
    return Uuid::parse(word) == stored.uuid;
  }

  Error why_not(const KeptConfigs& theirs, const std::string& word) const {
    const std::string doing = fmt::format("cannot import '{}'", word);
    for (const BrokenConfig& broken : theirs.broken) {
      if (is(broken, word)) {
        return {ExitCode::failed, fmt::format("{}: {}", doing, broken.problem.str()),
                "fix or remove the file"};
      }
    }
    return {ExitCode::not_found, fmt::format("{}: no mdevctl definition found{}", doing,
                                             parent_.empty() ? "" : " under " + parent_)};
  }

  std::vector<std::string> words_;
  std::string parent_;
  bool remove_ = false;
  ChangeOptions change_;
};

class ExportCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", words_, "UUID, unique UUID prefix, or name (default: all)"),
              ValueKind::defined_device);
    kinds.set(app.add_option("-p,--parent", parent_, "only definitions under this parent"),
              ValueKind::parent);
    app.add_flag("--force", force_, "overwrite an existing mdevctl definition");
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    Batch batch(change_, "export");
    std::optional<sys::FileLock> lock = batch.lock_definitions(context);
    const Definitions defined = words_.empty() ? context.definitions() : batch.load_definitions(context);
    const KeptConfigs theirs = load_theirs(context, {.links = true});
    const Snapshot seen = context.observe(
        {Facet::parents | Facet::types | Facet::type_name | (words_.empty() ? Facet::none : Facet::devices),
         std::nullopt, std::nullopt});
    if (!parent_.empty()) {
      require_known_parent(seen, defined, parent_, "cannot export definitions");
    }
    const auto export_one = [&](const Definition& definition, const std::string& word) {
      batch.add(identity_of(definition, word),
                [&] { return plan_export(with_kernel_type(seen, definition), theirs, force_, word); });
    };
    for (const std::string& word : words_) {
      const std::string doing = fmt::format("cannot export '{}'", printable(word));
      Identity about{.argument = word};
      try {
        batch.require_definitions(about);
        const Found found = resolve_device(word, seen, defined, parent_option(parent_), doing);
        about = identity_of(found);
        const Definition& definition = require_definition(found, doing);
        if (!batch.has(definition.uuid, definition.parent)) {
          export_one(definition, word);
        }
      } catch (const Error& error) {
        batch.refuse(about, error);
      }
    }
    bool any = false;
    for (const Definition& definition : defined.all) {
      const bool wanted = words_.empty() && definition.origin == Origin::mdevadm &&
                          (parent_.empty() || definition.parent.str() == parent_);
      if (wanted) {
        any = true;
        export_one(definition, {});
      }
    }
    if (words_.empty() && !any) {
      context.messages().note(fmt::format("no definition of mdevadm exists{}",
                                          parent_.empty() ? "" : " under " + printable(parent_)));
    }
    return batch.finish(context, std::move(lock));
  }

 private:
  std::vector<std::string> words_;
  std::string parent_;
  bool force_ = false;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_import_mdevctl() {
  return std::make_unique<ImportCommand>();
}

std::unique_ptr<Command> make_export_mdevctl() {
  return std::make_unique<ExportCommand>();
}

}  // namespace mdevadm::cli
