#include "host_comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/prepare.hpp>
#include <mdevadm/run/prepare.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

using Kind = HostChange::Kind;

std::string shown(const std::optional<std::string>& value) {
  return value ? shell_word(*value) : std::string{};
}

}  // namespace

std::string count_text(std::size_t count, const std::string& word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string summary_of(const std::vector<HostChange>& changes) {
  std::vector<std::string> parts;
  for (const auto object :
       {HostChange::Object::parent, HostChange::Object::device, HostChange::Object::group}) {
    for (const auto kind : {Kind::add, Kind::change, Kind::correct, Kind::prepare, Kind::remove, Kind::start,
                            Kind::restart, Kind::stop}) {
      const auto count = static_cast<std::size_t>(std::count_if(
          changes.begin(), changes.end(),
          [&](const HostChange& change) { return change.kind == kind && change.object == object; }));
      if (count > 0) {
        parts.push_back(fmt::format("{} to {}", count_text(count, object_word(object)), kind_word(kind)));
      }
    }
  }
  return join(parts, ", ");
}

std::string change_text(const HostChange& change) {
  const char* sign = change.kind == Kind::add ? "+" : change.kind == Kind::remove ? "-" : "~";
  const bool is_action =
      change.kind != Kind::add && change.kind != Kind::remove && change.kind != Kind::change;
  const std::string where = change.object == HostChange::Object::device && !change.about.parent.empty()
                                ? fmt::format(" on {}", change.about.parent)
                                : std::string{};
  std::string text = fmt::format("{} {}{} {}{}\n", sign, is_action ? kind_word(change.kind) + " " : "",
                                 object_word(change.object), change.about.quoted(), where);
  for (const Difference& one : change.differences) {
    if (one.before) {
      text += fmt::format("-   {}: {}\n", printable(one.key), shown(one.before));
    }
    if (one.after) {
      text += fmt::format("+   {}: {}\n", printable(one.key), shown(one.after));
    }
  }
  return text;
}

render::Record change_fields(const HostChange& change) {
  const auto text = [](const std::string& value) {
    return value.empty() ? render::Value() : render::Value(value);
  };
  render::List differences;
  for (const Difference& one : change.differences) {
    differences.items.push_back({{"key", one.key},
                                 {"before", one.before ? render::Value(*one.before) : render::Value()},
                                 {"after", one.after ? render::Value(*one.after) : render::Value()}});
  }
  const Identity& about = change.about;
  return {{"change", kind_word(change.kind)},
          {"object", object_word(change.object)},
          {"uuid", about.uuid ? render::Value(about.uuid->str()) : render::Value()},
          {"name", text(about.name)},
          {"parent", text(about.parent)},
          {"type", text(about.type)},
          {"differences", std::move(differences)}};
}

Comparison::Comparison(Context& context, HostFile file, bool prune)
    : context_(context), file_(std::move(file)), prune_(prune) {
  for (DeviceEntry& entry : file_.devices) {
    for (auto* words : {&entry.parents, &entry.except}) {
      for (std::string& word : *words) {
        const bool is_number = is_channel_address(kernel_spelling(word)) || bare_channel_address(word);
        word = is_number ? context_.parent_name(word) : word;
      }
    }
  }
}

ApplyPlan Comparison::plan(bool with_parents, const Deadline& deadline) {
  try {
    return plan_on_host(with_parents, deadline);
  } catch (const Error& error) {
    if (file_.problems.empty()) {
      throw;
    }
    // What is wrong with the text does not depend on the host.
    ApplyPlan plan;
    for (const FileProblem& problem : file_.problems) {
      plan.problems.push_back({problem, ExitCode::failed});
    }
    plan.problems.push_back({{file_.paths.back(), 0, 0, error.what()}, error.code(), error.hints()});
    return plan;
  }
}

ApplyPlan Comparison::plan_on_host(bool with_parents, const Deadline& deadline) {
  const AllParentSettings settings = context_.parent_settings();
  const Definitions defined = context_.definitions();
  const Groups groups = context_.groups();
  preparations_.clear();
  ApplyOptions options{.prune = prune_, .deadline = deadline};
  std::vector<HostChange> prepared;
  if (with_parents) {
    find_preparations(settings, options, prepared);
  }
  options.failed = failed_;
  for (const Refusal& parent : refused_) {
    options.failed.push_back(*ParentName::parse(parent.about.parent));
  }
  options.unprepared.insert(options.unprepared.end(), options.failed.begin(), options.failed.end());
  Scope scope{facets_to_apply_file(file_), std::nullopt, std::nullopt};
  scope.addresses = addresses(defined);
  scope.candidates = true;
  const Snapshot seen = context_.observe_settings(std::move(scope), defined, groups);
  ApplyInput input{file_, seen, defined, groups, settings};
  ApplyPlan plan = plan_apply(input, options);
  Snapshot users;
  std::vector<Uuid> touched = plan.stopping;
  touched.insert(touched.end(), plan.correcting.begin(), plan.correcting.end());
  if (plan.problems.empty() && !touched.empty()) {
    users = context_.observe_users(touched, plan.parents);
    input.users = &users;
    // Those in use included, which are not stopped now: --timeout waits for them.
    const std::vector<Uuid> stopping = std::move(plan.stopping);
    plan = plan_apply(input, options);
    plan.stopping = stopping;
  }
  if (!plan.problems.empty()) {
    return plan;
  }
  plan.changes.insert(plan.changes.begin(), prepared.begin(), prepared.end());
  plan.refused.insert(plan.refused.begin(), refused_.begin(), refused_.end());
  return plan;
}

std::vector<std::string> Comparison::addresses(const Definitions& defined) const {
  std::vector<std::string> names;
  for (const DeviceEntry& entry : file_.devices) {
    std::transform(entry.parents.begin(), entry.parents.end(), std::back_inserter(names), kernel_spelling);
  }
  for (const Definition& definition : defined.all) {
    names.push_back(definition.parent.str());
  }
  return names;
}

void Comparison::note_failed(const std::vector<Identity>& parents) {
  for (const Identity& parent : parents) {
    failed_.push_back(*ParentName::parse(parent.parent));
  }
}

void Comparison::find_preparations(const AllParentSettings& settings, ApplyOptions& options,
                                   std::vector<HostChange>& prepared) {
  refused_.clear();
  for (const ParentEntry& entry : file_.parents) {
    const ParentName& name = entry.settings.parent;
    const ParentState state = context_.host().observe_parent(name);
    const FilePosition& where = entry.where;
    const auto report = [&](ExitCode code, const std::string& text, const std::vector<std::string>& hints) {
      options.problems.push_back({{where.path, where.line, where.column, text}, code, hints});
    };
    if (!state.present) {
      const ParentSettings* present = settings.find(name);
      if (present == nullptr || *present != entry.settings) {
        const auto spelled = ParentName::parse(kernel_spelling(name.str()));
        const bool is_meant = spelled && *spelled != name && context_.host().observe_parent(*spelled).present;
        report(ExitCode::not_found, fmt::format("no device '{}' on this host", name.str()),
               {is_meant ? fmt::format("did you mean '{}'?", spelled->str())
                         : "list PCI devices with virtual functions: ls "
                           "/sys/bus/pci/devices/*/sriov_totalvfs"});
      } else {
        // It has the settings already, and everything else can be made as described.
        refused_.push_back(
            {identity_of(entry.settings, ""),
             Error(
                 ExitCode::not_found,
                 fmt::format("cannot prepare '{}': no such device on this host", name.str()),
                 "if the device does not come back, first remove it from the description, then its settings: "
                 "mdevadm parent unset " +
                     shell_word(name.str()))});
      }
      continue;
    }
    try {
      require_possible(entry.settings, state, "cannot prepare");
      if (!entry.complete) {
        options.unprepared.push_back(name);
        continue;
      }
      Job job = prepare_job({context_.host(), context_.store()}, entry.settings, {});
      if (!job.steps.empty()) {
        options.unprepared.push_back(name);
        prepared.push_back({Kind::prepare, HostChange::Object::parent, job.about});
        preparations_.push_back(std::move(job));
      }
    } catch (const Error& error) {
      // A conflict means that the host can never be as described.
      if (error.code() == ExitCode::conflict) {
        report(error.code(), error.what(), error.hints());
      } else {
        refused_.push_back({identity_of(entry.settings, ""), error});
      }
    }
  }
}

}  // namespace mdevadm::cli
