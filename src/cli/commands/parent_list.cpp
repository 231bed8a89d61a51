// The commands parent list and parent show.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/render/columns.hpp>

#include "../listing.hpp"
#include "../parent_words.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// Settings with the present state of their parents.
class ParentListing : public ListingCommand<render::ParentSettingsRow> {
 protected:
  explicit ParentListing(std::vector<std::string> defaults)
      : ListingCommand(render::parent_settings_columns(), std::move(defaults)) {}

  std::vector<render::ParentSettingsRow> rows_of(const std::vector<const ParentSettings*>& wanted,
                                                 Context& context) {
    const bool with_users = listing_.prints("used");
    states_.reserve(wanted.size());
    std::vector<render::ParentSettingsRow> rows;
    for (const ParentSettings* settings : wanted) {
      const ParentState& state =
          states_.emplace_back(with_users ? context.host().observe_parent_with_users(settings->parent)
                                          : context.host().observe_parent(settings->parent));
      const Preparation done = context.store().load_preparation(settings->parent);
      const bool has_method = settings->method || (state.present && settings->functions);
      rows.push_back({settings, &state, has_method ? method_word(method_for(*settings, state)) : "",
                      why_not_prepared({*settings, state, done}),
                      context.store().path_of_settings(settings->parent)});
    }
    return rows;
  }

 private:
  std::vector<ParentState> states_;
};

class ParentList final : public ParentListing {
 public:
  ParentList()
      : ParentListing({"parent", "virtual_functions", "enabled", "total", "used", "state", "reason"}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override { listing_.declare(app, kinds); }

 private:
  ExitCode list(Context& context) override {
    const AllParentSettings settings = context.parent_settings(FileProblems::reported);
    std::vector<const ParentSettings*> all;
    for (const ParentSettings& one : settings.all) {
      all.push_back(&one);
    }
    if (all.empty() && settings.broken.empty()) {
      context.messages().note("no parent has settings");
    }
    context.out = listing_.render(rows_of(all, context), "parent_settings", context);
    return ExitCode::done;
  }
};

class ParentShow final : public ParentListing {
 public:
  ParentShow() : ParentListing({}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override {
    // Not required() because of --list-columns.
    kinds.set(app.add_option("parent", words_, "parents with settings"), ValueKind::parent_with_settings);
    listing_.declare(app, kinds);
  }

 private:
  ExitCode list(Context& context) override {
    if (words_.empty()) {
      throw Error(ExitCode::usage, "missing argument PARENT",
                  "list the parents with settings: mdevadm parent list");
    }
    const AllParentSettings settings = context.parent_settings();
    std::vector<const ParentSettings*> wanted;
    for (const std::string& word : words_) {
      wanted.push_back(&require_settings(settings, context, word, "show parent"));
    }
    const std::vector<render::ParentSettingsRow> rows = rows_of(wanted, context);
    if (listing_.json()) {
      context.out = listing_.render(rows, "parent_settings", context);
      return ExitCode::done;
    }
    for (const render::ParentSettingsRow& row : rows) {
      context.out += (context.out.empty() ? "" : "\n") +
                     render::render_sheet(listing_.grid({row}), listing_.style(context.env()));
    }
    return ExitCode::done;
  }

  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Command> make_parent_list() {
  return std::make_unique<ParentList>();
}

std::unique_ptr<Command> make_parent_show() {
  return std::make_unique<ParentShow>();
}

}  // namespace mdevadm::cli
