// The command parent prepare.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/run/prepare.hpp>
#include <mdevadm/util/text.hpp>
#include <optional>
#include <string_view>

#include "../batch.hpp"
#include "../parent_words.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// Returns the parent whose settings are in the file; nullopt: the file has another name.
std::optional<ParentName> parent_of(const std::string& path, const store::Store& store) {
  constexpr std::string_view suffix = ".toml";
  const std::string file = path.substr(path.rfind('/') + 1);
  const auto parent =
      file.ends_with(suffix) ? ParentName::parse(file.substr(0, file.size() - suffix.size())) : std::nullopt;
  return parent && store.path_of_settings(*parent) == path ? parent : std::nullopt;
}

class ParentPrepare final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    auto* words =
        kinds.set(app.add_option("device", words_, "parents with settings"), ValueKind::parent_with_settings);
    auto* all = app.add_flag("-a,--all", all_, "prepare all parents with settings");
    all->excludes(words);
    kinds
        .set(app.add_option("-p,--parent", parent_, "with --all: only this parent, if it has settings"),
             ValueKind::parent_with_settings)
        ->needs(all);
    kinds.set(app.add_option("--timeout", timeout_,
                             "wait up to SECONDS for missing parents, and for other programs to release the "
                             "GPU (default: 0, and 5 for programs)"),
              ValueKind::seconds);
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    if (words_.empty() && !all_) {
      throw Error(ExitCode::usage, "missing argument PARENT", "specify a parent, or --all");
    }
    const AllParentSettings settings = context.parent_settings(FileProblems::ignored);
    return prepare(context, settings, all_ ? all_words(context, settings) : words_);
  }

 private:
  // Returns the parents that --all means: those with settings, also if these cannot be used.
  std::vector<std::string> all_words(const Context& context, const AllParentSettings& settings) const {
    for (const FileProblem& problem : settings.problems) {
      context.messages().warning(problem.str());
    }
    std::vector<std::string> words;
    for (const ParentSettings& one : settings.all) {
      words.push_back(one.parent.str());
    }
    for (const FileProblem& broken : settings.broken) {
      if (const auto parent = parent_of(broken.path, context.store())) {
        words.push_back(parent->str());
      } else {
        context.messages().warning(fmt::format("{}; skipping this file", broken.str()));
      }
    }
    if (parent_.empty() && words.empty()) {
      context.messages().note("no parent has settings");
    }
    std::erase_if(words, [&](const std::string& word) { return !parent_.empty() && word != parent_; });
    return words;
  }

  ExitCode prepare(Context& context, const AllParentSettings& settings,
                   const std::vector<std::string>& words) const {
    Batch batch(change_, "prepare");
    std::vector<ParentName> parents;
    for (const std::string& word : words) {
      if (settings.find(*ParentName::parse(word)) != nullptr) {
        parents.push_back(*ParentName::parse(word));
      }
    }
    const std::vector<sys::FileLock> locks = batch.lock_parents(context, parents, preparation_patience);
    const Effects effects{context.host(), context.store()};
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (std::find(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(i), word) !=
          words.begin() + static_cast<std::ptrdiff_t>(i)) {
        continue;
      }
      batch.add({.name = word, .argument = all_ ? "" : word, .parent = word}, [&] {
        const ParentSettings one = require_settings(settings, context, word, "prepare");
        return prepare_job(effects, one, {.argument = all_ ? "" : word, .patience = parse_seconds(timeout_)});
      });
    }
    return batch.finish(context);
  }

  std::vector<std::string> words_;
  std::string parent_;
  bool all_ = false;
  std::string timeout_;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_parent_prepare() {
  return std::make_unique<ParentPrepare>();
}

}  // namespace mdevadm::cli
