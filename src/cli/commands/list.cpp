#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/render/boot_plot.hpp>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/util/text.hpp>

#include "../device_rows.hpp"
#include "../listing.hpp"
#include "../output_file.hpp"
#include "../targets.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class ListCommand final : public ListingCommand<render::DeviceRow> {
 public:
  ListCommand() : ListingCommand(render::device_columns(), {"name", "parent", "type", "state", "uuid"}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("device,-u,--uuid", words_,
                             "only these devices: UUIDs, unique UUID prefixes, names or shell patterns"),
              ValueKind::device);
    auto* active = app.add_flag("--active", active_, "list active devices (default)");
    auto* defined = app.add_flag("-d,--defined", defined_, "list defined devices, active or not");
    auto* all = app.add_flag("-a,--all", all_, "list devices that are active or defined");
    auto* inactive = app.add_flag("--inactive", inactive_, "list defined devices that are not active");
    auto* boot =
        app.add_flag("--boot", boot_, "list autostart devices and the result of their start at this boot");
    active->excludes(defined)->excludes(all)->excludes(boot)->excludes(inactive);
    defined->excludes(all)->excludes(boot)->excludes(inactive);
    all->excludes(boot)->excludes(inactive);
    inactive->excludes(boot);
    kinds.set(app.add_option("--plot", plot_, "with --boot: write an SVG chart to FILE"), ValueKind::file)
        ->needs(boot);
    kinds.set(app.add_option("-p,--parent", parent_, "list only devices on this parent"), ValueKind::parent);
    kinds.set(app.add_option("-t,--type", type_, "list only devices of this type"), ValueKind::type);
    kinds.set(app.add_option("-g,--group", group_, "list only devices of this group"), ValueKind::group);
    app.add_flag("--claimed", claimed_, "list only devices that were handed out by claim");
    app.add_flag("--autostart", autostart_, "list only devices with autostart, active or not");
    kinds.set(app.add_option("--state", states_, "list only devices in these states, active or not"),
              ValueKind::states);
    app.add_flag("--tree", tree_, "show devices as a tree, by group or parent");
    listing_.declare(app, kinds);
  }

  ExitCode list(Context& context) override {
    function_ = context.vf_as_parent();
    choose_columns();
    const Definitions defined = read_definitions(context);
    const Facet for_type = type_.empty() ? Facet::none : Facet::type_name;
    const Facet for_words = words_.empty() ? Facet::none : Facet::parents;  // an argument may be a parent
    const Groups groups = read_groups(context);
    Scope scope{listing_.needs() | Facet::devices | for_type | for_words | for_claims(), std::nullopt,
                std::nullopt};
    // Messages about words and types name all devices.
    scope.sufficient = defined_ && words_.empty() && type_.empty() ? &defined.all : nullptr;
    // What is named cannot be taken for absent.
    std::vector<std::string> unread;
    const bool names_none = words_.empty() && parent_.empty() && type_.empty();
    const Snapshot seen = names_none ? context.observe_readable(std::move(scope), defined, groups, unread)
                                     : context.observe_settings(std::move(scope), defined, groups);
    for (const std::string& reason : unread) {
      context.messages().warning(reason + "; the list is incomplete");
    }
    const BootEvents boot = listing_.needs_boot() ? context.store().load_boot_events() : BootEvents{};
    const DeviceRows all(seen, defined, groups, boot, context.store(),
                         {.type_name = listing_.prints("type_name"), .file = listing_.prints("file")});
    std::vector<DevicePair> listed = all.pairs();
    keep_named(context, seen, defined, listed);
    std::erase_if(listed, [&](const DevicePair& one) { return !is_wanted(one, all); });
    keep_type(context, seen, listed);
    show_claims(seen, listed);
    require_parent(context, listed.empty());
    if (unread.empty()) {
      context.note_missing_support(seen);
    }
    if (!summarizes_files()) {
      for (const DevicePair& one : listed) {
        if (one.definition == nullptr) {
          context.warn_about_unusable(defined, *one.device);
        }
      }
    }
    if (listed.empty() && seen.mdev_support && unread.empty()) {
      context.messages().note(why_empty(defined));
    }
    const RowRange rows(all, listed);
    if (!plot_.empty()) {
      write_plot(context, {rows.begin(), rows.end()});
    } else if (tree_) {
      context.out = render_tree({rows.begin(), rows.end()}, groups, context.env());
    } else {
      listing_.print(rows, "devices", context);
    }
    return unread.empty() ? ExitCode::done : ExitCode::partial;
  }

 private:
  // Sets the columns that are printed without -o.
  void choose_columns() {
    if (boot_) {
      listing_.use({"name", "parent", "boot", "boot_begun_ms", "boot_took_ms", "uuid", "boot_message"});
    } else if (includes_inactive()) {
      listing_.use({"name", "parent", "type", "state", "start", "uuid"});
    }
  }

  // Claims are shown without -o if the devices can be those of a pool.
  Facet for_claims() const { return claimed_ || !group_.empty() ? Facet::claims : Facet::none; }

  void show_claims(const Snapshot& seen, const std::vector<DevicePair>& listed) {
    if (!boot_ && for_claims() != Facet::none &&
        std::any_of(listed.begin(), listed.end(), [&](const DevicePair& one) {
          return one.device != nullptr && seen.claims.find(one.device->uuid) != nullptr;
        })) {
      listing_.use({"name", "parent", "type", "state", "claimed_for", "uuid"});
    }
  }

  // Members of groups first, in the order of the groups, then all other devices.
  std::string render_tree(const std::vector<render::DeviceRow>& rows, const Groups& groups,
                          const Env& env) const {
    if (listing_.json()) {
      throw Error(ExitCode::usage, "--tree and --json cannot be combined",
                  "use the keys 'group' and 'parent' of mdevadm list --json");
    }
    std::vector<render::DeviceRow> sorted;
    std::vector<render::Branch> branches;
    const auto take = [&](const std::string& heading, const auto& belongs) {
      const std::size_t before = sorted.size();
      std::copy_if(rows.begin(), rows.end(), std::back_inserter(sorted), belongs);
      if (sorted.size() > before) {
        branches.push_back({heading, sorted.size() - before});
      }
      return before;
    };
    for (const Group& group : groups.all) {
      const std::size_t first =
          take(group.name.str(), [&](const render::DeviceRow& row) { return row.group == &group; });
      const auto place = [&](const render::DeviceRow& row) {
        return std::find_if(group.members.begin(), group.members.end(),
                            [&](const Member& member) { return member.means(*row.definition); });
      };
      std::stable_sort(sorted.begin() + static_cast<std::ptrdiff_t>(first), sorted.end(),
                       [&](const auto& a, const auto& b) { return place(a) < place(b); });
    }
    std::vector<ParentName> parents;
    for (const render::DeviceRow& row : rows) {
      const ParentName& parent = parent_of(row);
      if (std::find(parents.begin(), parents.end(), parent) == parents.end()) {
        parents.push_back(parent);
        take(parent.str(), [&](const render::DeviceRow& other) {
          return other.group == nullptr && parent_of(other) == parent;
        });
      }
    }
    render::Grid grid = listing_.grid(sorted);
    leave_out_parents(grid, branches, groups);
    return render::render_tree(std::move(grid), branches, listing_.style(env));
  }

  // Below the name of a parent, the column PARENT is empty; if no branch is a group, it is removed.
  void leave_out_parents(render::Grid& grid, const std::vector<render::Branch>& branches,
                         const Groups& groups) const {
    const auto is_group = [&](const render::Branch& branch) {
      return groups.find(branch.heading) != nullptr;
    };
    for (std::size_t i = grid.columns.size(); i-- > 0;) {
      if (grid.columns[i].key != "parent") {
        continue;
      }
      const auto column = static_cast<std::ptrdiff_t>(i);
      const bool is_needed =
          !listing_.wanted().empty() || std::any_of(branches.begin(), branches.end(), is_group);
      auto row = grid.rows.begin();
      for (const render::Branch& branch : branches) {
        for (std::size_t n = 0; n < branch.rows; ++n, ++row) {
          if (!is_needed) {
            row->erase(row->begin() + column);
          } else if (!is_group(branch)) {
            (*row)[i] = std::string(" ");
          }
        }
      }
      if (!is_needed) {
        grid.columns.erase(grid.columns.begin() + column);
      }
    }
  }

  void write_plot(Context& context, const std::vector<render::DeviceRow>& rows) const {
    const std::string picture = render::render_boot_plot(rows);
    if (plot_ == "-") {
      context.out = picture;
      return;
    }
    write_output_file(plot_, picture);
  }

  static const ParentName& parent_of(const render::DeviceRow& row) { return row.parent(); }

  // Returns whether inactive devices are listed, too.
  bool includes_inactive() const {
    const bool selects = autostart_ || !states_.empty() || !words_.empty();
    return defined_ || all_ || boot_ || inactive_ || (!active_ && selects);
  }

  // Returns whether one warning counts all files of definitions that have a problem.
  bool summarizes_files() const {
    return includes_inactive() || autostart_ || tree_ || !group_.empty() || !words_.empty();
  }

  Definitions read_definitions(Context& context) const {
    if (summarizes_files()) {
      return context.definitions(FileProblems::summarized);
    }
    return listing_.needs_definitions() ? context.definitions_if_readable() : Definitions{};
  }

  Groups read_groups(Context& context) const {
    if (tree_ && group_.empty()) {
      return context.groups_if_readable();
    }
    if (!group_.empty()) {
      Groups groups = context.groups();
      std::ignore =
          require_group(groups, group_, fmt::format("cannot list devices of group '{}'", printable(group_)));
      return groups;
    }
    return listing_.needs_definitions() ? context.groups_if_readable() : Groups{};
  }

  bool is_wanted(const DevicePair& one, const DeviceRows& all) const {
    if ((!includes_inactive() && one.device == nullptr) || (inactive_ && one.device != nullptr) ||
        (defined_ && one.definition == nullptr) || (!parent_.empty() && one.parent().str() != parent_) ||
        !is_on_function(one)) {
      return false;
    }
    // Making a row takes more time than all else.
    const bool selects = !group_.empty() || boot_ || autostart_ || claimed_ || !states_.empty();
    return !selects || is_selected(all.row(one));
  }

  bool is_selected(const render::DeviceRow& row) const {
    if (!group_.empty() && (row.group == nullptr || row.group->name.str() != group_)) {
      return false;
    }
    if ((boot_ || autostart_) && !row.automatic) {
      return false;
    }
    if (claimed_ && row.claim == nullptr) {
      return false;
    }
    if (!states_.empty()) {
      const std::vector<std::string_view> states = split(states_, ',');
      if (std::find(states.begin(), states.end(), render::state_word(row)) == states.end()) {
        return false;
      }
    }
    return true;
  }

  // Returns false for a device on another virtual function than the one given as parent.
  bool is_on_function(const DevicePair& one) const {
    if (!function_) {
      return true;
    }
    const FunctionName* reserved = one.definition != nullptr ? one.definition->reserved_vf() : nullptr;
    return one.device != nullptr ? one.device->vf == function_->str()
                                 : reserved != nullptr && *reserved == *function_;
  }

  // Removes the rows of other devices than the arguments.
  void keep_named(const Context& context, const Snapshot& seen, const Definitions& defined,
                  std::vector<DevicePair>& rows) const {
    if (words_.empty()) {
      return;
    }
    std::vector<bool> kept(rows.size(), false);
    for (const std::string& word : words_) {
      const std::string doing = fmt::format("cannot list '{}'", printable(word));
      std::optional<Found> found;
      if (!selects_many(word, defined)) {
        try {
          found = resolve_device(word, seen, defined, std::nullopt, doing);
        } catch (const Error& error) {
          throw naming_group(context, error, word, "list");
        }
      }
      bool any = false;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (found ? includes(*found, rows[i].device, rows[i].definition) : matches(rows[i], word)) {
          kept[i] = any = true;
        }
      }
      if (!any) {
        throw Error(ExitCode::not_found, fmt::format("{}: the pattern matches no name or UUID", doing),
                    "list all devices: mdevadm list --all");
      }
    }
    std::size_t i = 0;
    std::erase_if(rows, [&](const DevicePair&) { return !kept[i++]; });
  }

  static bool matches(const DevicePair& row, const std::string& pattern) {
    const bool has_name = row.definition != nullptr && row.definition->name;
    return (has_name && matches_pattern(row.definition->name->str(), pattern)) ||
           matches_pattern(row.uuid().str(), to_lower(pattern));
  }

  // Removes the rows of other types than --type.
  void keep_type(Context& context, const Snapshot& seen, std::vector<DevicePair>& rows) const {
    if (type_.empty()) {
      return;
    }
    const TypeFilter filter(seen, type_);
    std::erase_if(rows, [&](const DevicePair& row) {
      const std::optional<TypeName> type = row.device != nullptr ? row.device->type : row.definition->type;
      return !type || !filter.matches(row.parent(), *type);
    });
    if (rows.empty()) {
      filter.require_known(context.definitions(), "cannot list devices");
    }
  }

  // An empty result is fine for an existing parent; an unknown parent is an error, probably a typo.
  void require_parent(Context& context, bool is_empty) const {
    if (parent_.empty() || !is_empty) {
      return;
    }
    const Snapshot seen = context.observe({Facet::parents, std::nullopt, std::nullopt});
    require_known_parent(seen,
                         load_definitions({context.host(), context.store()}, ParentName::parse(parent_)),
                         parent_, "cannot list devices");
  }

  // Returns the filters in words: "parent mtty, state drifted".
  std::string filters() const {
    std::vector<std::string> texts;
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) {
        texts.push_back(fmt::format("{} {}", name, printable(value)));
      }
    };
    add("device", join(words_, " "));
    add(function_ ? "virtual function" : "parent", function_ ? function_->str() : parent_);
    add("type", type_);
    add("group", group_);
    add("state", states_);
    if (claimed_) {
      texts.emplace_back("claimed");
    }
    if (autostart_) {
      texts.emplace_back("autostart");
    }
    return join(texts, ", ");
  }

  // Returns a note for an empty list.
  std::string why_empty(const Definitions& defined) const {
    const char* which = boot_                 ? "autostart "
                        : defined_            ? "defined "
                        : inactive_           ? "inactive "
                        : includes_inactive() ? ""
                                              : "active ";
    if (const std::string wanted = filters(); !wanted.empty()) {
      return fmt::format("no {}device matches: {}", which, wanted);
    }
    if (boot_) {
      return "no device has autostart";
    }
    if (!includes_inactive() && !defined.all.empty()) {
      return fmt::format("no device is active; {} defined: mdevadm list --defined", defined.all.size());
    }
    return fmt::format("no {}mediated devices; to see what can be created: mdevadm types", which);
  }

  std::vector<std::string> words_;
  bool active_ = false;
  bool defined_ = false;
  bool all_ = false;
  bool boot_ = false;
  bool inactive_ = false;
  bool autostart_ = false;
  bool claimed_ = false;
  std::string states_;
  std::string plot_;
  bool tree_ = false;
  std::string parent_;
  std::optional<FunctionName> function_{};  // given in place of its GPU
  std::string type_;
  std::string group_;
};

}  // namespace

std::unique_ptr<Command> make_list() {
  return std::make_unique<ListCommand>();
}

}  // namespace mdevadm::cli
