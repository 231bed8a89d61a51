// The command probe.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/plan/devices.hpp>
#include <mdevadm/plan/probe.hpp>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/util/text.hpp>

#include "../batch.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

// For how long the driver may refuse to remove a device again, beside what each removal takes.
constexpr std::chrono::seconds probe_patience{30};

class ProbeCommand final : public Command {
 public:
  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("parent", parent_, "the parent, which must have no devices"), ValueKind::parent)
        ->required();
    app.add_flag("--create", create_, "create and remove devices (required without --dry-run)");
    kinds.set(
        app.add_option("--after", after_,
                       "create these devices together, e.g. nvidia-36=2,nvidia-41; can be given multiple "
                       "times (default: one device of each available type in turn)")
            ->allow_extra_args(false),
        ValueKind::type_counts);
    change_.declare(app);
  }

  bool json() const override { return change_.json; }

  ExitCode run(Context& context) override {
    const ParentName name = *ParentName::parse(parent_);
    const std::string doing = fmt::format("cannot probe '{}'", name.str());
    Batch batch(change_, "probe");
    if (!create_ && !change_.dry_run) {
      throw Error(
          ExitCode::usage,
          fmt::format("{}: missing option --create (a probe creates and removes devices)", doing),
          std::vector<std::string>{fmt::format("create and remove the devices: mdevadm probe {}{} --create",
                                               shell_word(name.str()), after_text()),
                                   fmt::format("show the steps only: mdevadm probe {}{} --dry-run",
                                               shell_word(name.str()), after_text())});
    }
    const std::vector<sys::FileLock> locks = batch.lock_parents(context, {name});
    std::vector<TypeCounts> done;  // the store may have results of earlier probes for the others
    try {
      const Snapshot seen = observe(context, name, doing);
      const Parent& parent = *seen.find_parent(name.str());
      require_idle(seen, parent, doing);
      on_functions_ = parent.capabilities.functions;
      const std::vector<TypeCounts> wanted = probes_of(seen, parent, doing);
      bool succeeds = remove_left(context, batch, seen, name);
      for (auto counts = wanted.begin(); succeeds && counts != wanted.end(); ++counts) {
        succeeds = probe(context, batch, name, *counts, doing);
        if (succeeds) {
          done.push_back(*counts);
        }
      }
    } catch (const Error& error) {
      batch.refuse({.name = name.str(), .argument = name.str(), .parent = name.str()}, error);
    }
    batch.add_results("probes", change_.dry_run ? render::List{} : results(context, name, done));
    const ExitCode code = batch.finish(context);
    if (!change_.json && !change_.dry_run && !done.empty()) {
      context.out += render::render_table(table(context, name, done), style(context.env()));
    }
    return code;
  }

 private:
  // Returns the options --after as they were given.
  std::string after_text() const {
    std::string text;
    for (const std::string& one : after_) {
      text += " --after " + shell_word(one);
    }
    return text;
  }

  static Snapshot observe(Context& context, const ParentName& name, const std::string& doing) {
    Snapshot seen = context.observe({facets_to_probe, std::vector{name}, std::nullopt});
    if (seen.find_parent(name.str()) == nullptr) {
      throw unknown_parent(seen, name.str(), doing);
    }
    return seen;
  }

  std::vector<TypeCounts> probes_of(const Snapshot& seen, const Parent& parent,
                                    const std::string& doing) const {
    std::vector<TypeCounts> result;
    for (const std::string& text : after_) {
      const std::vector<WantedCount> wanted = *parse_type_counts(text);
      for (const WantedCount& one : wanted) {
        require_type(seen, parent.name, *TypeName::parse(one.type), doing);
      }
      result.push_back(*counts_on(parent, wanted));
    }
    if (after_.empty()) {
      result = usual_probes(parent);
    }
    if (result.empty()) {
      throw Error(ExitCode::no_capacity, fmt::format("{}: no type has available instances", doing),
                  fmt::format("list the types: mdevadm types {}", shell_word(parent.name.str())));
    }
    return result;
  }

  // Removes the devices of an earlier probe that was killed or could not remove them. Returns whether that
  // succeeded.
  bool remove_left(Context& context, Batch& batch, const Snapshot& seen, const ParentName& name) const {
    std::vector<Job> jobs;
    std::vector<Uuid> all;
    for (const Device* device : left_by_probe(seen, name)) {
      all.push_back(device->uuid);
    }
    for (const Uuid& uuid : all) {
      StopRequest request{{.uuid = uuid}};
      request.deadline = std::chrono::steady_clock::now() + probe_patience;
      jobs.push_back(plan_stop(seen, request, name, all));
      jobs.back().hooks.reset();
    }
    if (!all.empty()) {
      context.messages().note(fmt::format("{}: found {} {} that an interrupted probe left; removing {}",
                                          name.str(), all.size(), all.size() == 1 ? "device" : "devices",
                                          all.size() == 1 ? "it" : "them"));
    }
    return batch.carry_out_first(context, std::move(jobs)).empty();
  }

  // Creates and removes the devices. Returns whether that succeeded. Throws Error if it cannot be planned.
  bool probe(Context& context, Batch& batch, const ParentName& name, const TypeCounts& counts,
             const std::string& doing) const {
    const Snapshot seen = observe(context, name, doing);
    const Parent& parent = *seen.find_parent(name.str());
    const auto deadline = std::chrono::steady_clock::now() + probe_patience;
    return batch.carry_out_first(context, {plan_probe(without_left(seen, name), parent, counts, deadline)})
        .empty();
  }

  // On a dry run, the devices that a killed probe has left are still there.
  static Snapshot without_left(const Snapshot& seen, const ParentName& name) {
    Snapshot result = seen;
    for (const Device* left : left_by_probe(seen, name)) {
      std::erase_if(result.devices, [&](const Device& device) { return device.uuid == left->uuid; });
    }
    return result;
  }

  render::List results(const Context& context, const ParentName& name,
                       const std::vector<TypeCounts>& wanted) const {
    const ProbeResults known = context.store().load_probes(name);
    render::List list;
    for (const TypeCounts& counts : wanted) {
      if (const ProbeResult* found = known.find(counts)) {
        list.items.push_back({{"parent", name.str()},
                              {"created", count_list(found->created)},
                              {"available", count_list(found->left)},
                              {"available_is_limit", on_functions_}});
      }
    }
    return list;
  }

  static render::List count_list(const TypeCounts& counts) {
    render::List list;
    for (const TypeCount& one : counts) {
      list.items.push_back({{"type", one.type.str()}, {"count", one.count}});
    }
    return list;
  }

  render::Grid table(const Context& context, const ParentName& name,
                     const std::vector<TypeCounts>& wanted) const {
    const ProbeResults known = context.store().load_probes(name);
    std::vector<Row> rows;
    for (const TypeCounts& counts : wanted) {
      if (const ProbeResult* found = known.find(counts)) {
        for (const TypeCount& one : found->left) {
          rows.push_back({&found->created, &one, on_functions_ && one.count > 1});
        }
      }
    }
    static const std::vector<render::Column<Row>> columns{
        {{"created", "CREATED", render::Kind::text, "devices that were created", Facet::none},
         [](const Row& row) -> render::Value { return describe(*row.created); }},
        {{"type", "TYPE", render::Kind::word, "mdev type", Facet::none},
         [](const Row& row) -> render::Value { return row.left->type.str(); }},
        {{"after", "AFTER", render::Kind::number, "available instances after that", Facet::none},
         [](const Row& row) -> render::Value {
           const std::uint64_t count = row.left->count;
           return row.is_limit ? render::Value(render::Number{count, fmt::format("<={}", count)})
                               : render::Value(count);
         }},
    };
    return render::make_grid(rows, {&columns[0], &columns[1], &columns[2]});
  }

  struct Row {
    const TypeCounts* created;
    const TypeCount* left;
    bool is_limit;
  };

  static render::TableStyle style(const Env& env) {
    return {env.width, env.out_is_terminal && !env.no_color, true, env.ascii};
  }

  std::string parent_;
  bool create_ = false;
  bool on_functions_ = false;  // the parent has virtual functions, so that numbers above 1 are upper limits
  std::vector<std::string> after_;
  ChangeOptions change_;
};

}  // namespace

std::unique_ptr<Command> make_probe() {
  return std::make_unique<ProbeCommand>();
}

}  // namespace mdevadm::cli
