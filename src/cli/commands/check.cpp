#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/plan/check.hpp>
#include <mdevadm/plan/diagnose.hpp>
#include <mdevadm/plan/identity.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/util/text.hpp>

#include "../host_check.hpp"
#include "../listing.hpp"
#include "commands.hpp"

namespace mdevadm::cli {

namespace {

class CheckCommand final : public ListingCommand<render::FindingRow> {
 public:
  CheckCommand() : ListingCommand(render::finding_columns(), {"severity", "object", "cause", "hints"}) {}

  void declare(CLI::App& app, ValueKinds& kinds) override {
    kinds.set(app.add_option("address,-u,--uuid", words_,
                             "check only these devices, parents, groups or addresses on the buses pci, css "
                             "and ap; host: the host as a whole"),
              ValueKind::address);
    listing_.declare(app, kinds);
  }

  ExitCode list(Context& context) override {
    add_other_subchannels(context);
    const HostCheck read = read_host_check(context, words_);
    const CheckInput input = read.input();
    std::vector<ObjectFinding> findings = mdevadm::check(input);
    if (!words_.empty()) {
      findings = about_words(context, std::move(findings), input);
    }
    if (findings.empty()) {
      context.messages().note(words_.empty() ? "no problem found"
                                             : fmt::format("no problem found for {}", join(words_, ", ")));
    }
    std::vector<render::FindingRow> rows;
    std::transform(findings.begin(), findings.end(), std::back_inserter(rows), finding_row);
    const Env& env = context.env();
    const bool has_blocks = env.out_is_terminal && !json() && listing_.wanted().empty();
    context.out = has_blocks ? render::render_findings(rows, std::min(env.width, widest))
                             : listing_.render(rows, "findings", context);
    const bool is_fine = std::all_of(findings.begin(), findings.end(), [](const ObjectFinding& one) {
      return one.finding.severity == Severity::info;
    });
    return is_fine ? ExitCode::done : ExitCode::partial;
  }

 private:
  static constexpr std::size_t widest = 80;  // lines of text are not longer

  // A word that is a subchannel and a device number means both subchannels.
  void add_other_subchannels(const Context& context) {
    const std::vector<std::string> given = words_;
    for (const std::string& word : given) {
      const auto other = context.other_subchannel(word);
      if (other && std::find(words_.begin(), words_.end(), *other) == words_.end()) {
        context.messages().note(fmt::format("{} is also the device number of subchannel {}", word, *other));
        words_.push_back(*other);
      }
    }
  }

  static std::string name_on_host(const Context& context, const std::string& word) {
    return context.device_name(word);
  }

  // Returns the findings about the arguments, and why an address is not a parent. Throws Error{not_found} if
  // an argument is none of these.
  std::vector<ObjectFinding> about_words(const Context& context, std::vector<ObjectFinding> all,
                                         const CheckInput& input) const {
    const Snapshot& seen = input.seen;
    std::vector<ObjectFinding> result;
    const auto add_new = [&](ObjectFinding& found) {
      const bool is_known = std::any_of(result.begin(), result.end(), [&](const ObjectFinding& one) {
        return one.object == found.object && one.parent == found.parent &&
               one.finding.id == found.finding.id && one.finding.what == found.finding.what;
      });
      if (!is_known) {
        result.push_back(std::move(found));
      }
    };
    for (const std::string& word : words_) {
      std::string name = name_on_host(context, word);
      name = gpu_of(name, seen).value_or(name);
      std::string object = name;
      std::vector<std::string> objects = files_named(word, input);
      const auto devices = seen.host_devices.find(name);
      const auto uuid = Uuid::parse(word);
      const bool is_defined = uuid && !input.defined.find(*uuid).empty();
      const bool is_address = devices != seen.host_devices.end() && !devices->second.empty() && !is_defined;
      if (seen.find_parent(name) == nullptr && !is_address) {
        const bool is_object =
            word == whole_host || input.groups.find(word) != nullptr || !objects.empty() ||
            std::any_of(all.begin(), all.end(), [&](const ObjectFinding& one) { return one.object == word; });
        object = is_object ? word : device_meant_by(word, seen, input.defined, objects);
      }
      objects.push_back(object);
      std::vector<ObjectFinding> found;
      std::copy_if(all.begin(), all.end(), std::back_inserter(found), [&](const ObjectFinding& one) {
        return one.parent == object || std::find(objects.begin(), objects.end(), one.object) != objects.end();
      });
      if (is_address && seen.find_parent(name) == nullptr) {
        add_reasons(input, name, word, found);
      }
      std::for_each(found.begin(), found.end(), add_new);
    }
    return result;
  }

  // Returns the paths of files that cannot be used, of the device, group or parent that the word names.
  static std::vector<std::string> files_named(const std::string& word, const CheckInput& input) {
    std::vector<std::string> paths;
    // Problems of a definition that is used are found under its name.
    const auto uuid = Uuid::parse(word);
    const bool is_unused = uuid && input.defined.find(*uuid).empty();
    const std::vector<FileProblem> none;
    for (const auto* problems : {&input.defined.broken, &input.groups.broken, &input.settings.broken,
                                 is_unused ? &input.defined.problems : &none}) {
      for (const FileProblem& problem : *problems) {
        const std::string file = problem.path.substr(problem.path.rfind('/') + 1);
        if (problem.name == word || problem.path == word || file == word || file == word + ".toml") {
          paths.push_back(problem.path);
        }
      }
    }
    return paths;
  }

  // Adds why a device that was asked for is not a parent, unless that is reported for a definition.
  static void add_reasons(const CheckInput& input, const std::string& name, const std::string& word,
                          std::vector<ObjectFinding>& found) {
    // Findings about devices have a parent.
    std::erase_if(found, [&](const ObjectFinding& one) {
      return one.object == name && one.finding.severity == Severity::info && one.parent.empty();
    });
    if (std::any_of(found.begin(), found.end(), [&](const ObjectFinding& one) {
          return one.finding.severity != Severity::info || one.object != name;
        })) {
      return;
    }
    // The subchannel of a device number that was given can be the device number of another subchannel.
    const bool is_translated = kernel_spelling(word) != name;
    for (const HostDevice& device : input.seen.host_devices.at(name)) {
      const bool is_meant = !is_translated || device.address == name;
      if (is_meant && input.seen.find_parent(device.address) == nullptr) {
        found.push_back({why_no_parent(device, input.seen, &input.defined), device.address});
      }
    }
  }

  // Returns the GPU of a virtual function: its findings are about all of them.
  static std::optional<std::string> gpu_of(const std::string& name, const Snapshot& seen) {
    if (const auto function = seen.functions.find(name); function != seen.functions.end()) {
      return function->second.str();
    }
    const auto found = seen.host_devices.find(name);
    for (const HostDevice& device :
         found != seen.host_devices.end() ? found->second : std::vector<HostDevice>{}) {
      if (device.physical && seen.find_parent(*device.physical) != nullptr) {
        return device.physical;
      }
    }
    return std::nullopt;
  }

  // Returns the name, or the UUID, under which findings mention a device, and adds its parents, whose
  // problems are also those of the device.
  static std::string device_meant_by(const std::string& word, const Snapshot& seen,
                                     const Definitions& defined, std::vector<std::string>& parents) {
    const Found found =
        resolve_no_group(word, seen, defined, fmt::format("cannot check '{}'", printable(word)));
    for (const Definition* one : found.definitions) {
      parents.push_back(one->parent.str());
    }
    if (found.active != nullptr) {
      parents.push_back(found.active->parent.str());
    }
    const Definition* definition = found.definitions.empty() ? nullptr : found.definitions.front();
    return definition != nullptr && definition->name ? definition->name->str() : found.uuid.str();
  }

  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Command> make_check() {
  return std::make_unique<CheckCommand>();
}

}  // namespace mdevadm::cli
