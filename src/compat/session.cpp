#include "session.hpp"

#include <fmt/format.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/run/observe.hpp>
#include <mdevadm/store/config_text.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::compat {

namespace {

constexpr const char* environment = "mdevctl::environment";

class Silence final : public Progress {
 public:
  void done(const Job&, const Action&) override {}
  void undone(const Job&, const Action&) override {}
  void waiting(const Job&, const StepWait&) override {}
};

void hear_script(Hooks::Kind kind, const std::string& text) {
  if (kind == Hooks::Kind::warning) {
    warn("mdevctl::callouts", text);
  } else {
    write_out(STDERR_FILENO, text);
  }
}

std::string place_in(const store::ConfigContent& content) {
  return content.line == 0 ? "" : fmt::format(" at line {} column {}", content.line, content.column);
}

// mdevctl does not know mdevadm's definitions, and its scripts see only its own.
void warn_of_shared_queues(const Session& session, const StoredConfig& stored) {
  const std::optional<Definition> wanted = definition_of(stored).definition;
  if (!wanted || !has_queues(wanted->type.str())) {
    return;
  }
  const ApMatrix matrix = assigned_by(wanted->attributes);
  for (const Definition& other : load_definitions(session.effects()).all) {
    const std::vector<Apqn> common = other.origin == Origin::mdevadm && has_queues(other.type.str())
                                         ? common_queues(assigned_by(other.attributes), matrix)
                                         : std::vector<Apqn>{};
    if (other.uuid != wanted->uuid && !common.empty()) {
      constexpr std::size_t named = 4;
      warn("mdevctl",
           fmt::format(
               "{} {} is also defined for '{}' by mdevadm; the devices cannot be active at the same time",
               common.size() == 1 ? "queue" : "each of the queues", format_queues(common, named),
               printable(other.name ? other.name->str() : other.uuid.str())));
    }
  }
}

}  // namespace

Session::Session(sys::Dir root)
    : root_(std::move(root)),
      host_(root_),
      store_(root_, store::Store::Runtime::optional, [](const std::string& text) { warn("mdevctl", text); }),
      hooks_(root_, hear_script, {}, UntrustedScripts::reported) {}

void Session::flush() {
  constexpr std::size_t enough = std::size_t{64} << 10;
  if (out.size() < enough) {
    return;
  }
  if (const int unwritten = write_out(STDOUT_FILENO, out); unwritten != 0) {
    throw Failure{cause_of(unwritten)};
  }
  out.clear();
}

Snapshot Session::observe(Scope what) const {
  what.raw = true;
  return observe_host(effects(), std::move(what));
}

KeptConfigs Session::configs(const store::ConfigFilter& filter) const {
  KeptConfigs found = store_.load_configs(filter);
  warn_of_names(found.nameless);
  return found;
}

std::string Session::file_of(const std::optional<Action>& action) const {
  std::optional<Write> write;
  try {
    if (const auto* attribute = action ? std::get_if<WriteAttribute>(&*action) : nullptr) {
      write = host_.write_of_attribute(attribute->device, attribute->attribute);
    } else if (const auto* of_type = action ? std::get_if<WriteTypeAttribute>(&*action) : nullptr) {
      write = host_.write_of_type_attribute(of_type->parent, of_type->type, of_type->attribute);
    } else if (const auto* creation = action ? std::get_if<CreateDevice>(&*action) : nullptr) {
      write = host_.write_of_creation(creation->what);
    } else if (const auto* removal = action ? std::get_if<RemoveDevice>(&*action) : nullptr) {
      write = host_.write_of_removal(removal->device);
    }
  } catch (const Error&) {
    return {};  // the parent has vanished: the error that is explained says enough
  }
  return write ? write->path : std::string{};
}

JobResult Session::carry_out(Job job) const {
  Silence silence;
  JobResult result = std::move(mdevadm::carry_out({{std::move(job)}}, effects(), silence).front());
  for (const std::string& warning : result.warnings) {
    warn("mdevctl", warning);
  }
  return result;
}

std::string chosen_root() {
  const char* given = std::getenv("MDEVCTL_ENV_ROOT");
  return given != nullptr && *given != '\0' && ::getauxval(AT_SECURE) == 0 ? given : "/";
}

std::optional<ParentName> parent_in(const Options& options) {
  const auto given = options.text("parent");
  auto parent = given ? ParentName::parse(*given) : std::nullopt;
  // mdevctl would ignore definitions written to the directory of its scripts.
  if (given && (!parent || *given == "scripts.d")) {
    throw Failure{fmt::format("'{}' cannot be a parent", printable(*given))};
  }
  return parent;
}

bool is_listed(const Device& device) {
  return device.type && device.name.empty() && !device.unmanaged;
}

std::optional<Device> find_active(const Session& session, const Uuid& uuid) {
  const Snapshot seen = session.observe(
      {.facets = Facet::devices, .details_of = std::nullopt, .devices = std::vector{uuid}, .bus_only = true});
  const Device* device = seen.find_device(uuid);
  return device != nullptr && is_listed(*device) ? std::optional(*device) : std::nullopt;
}

void require_file(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) {
    throw Failure{fmt::format("Unable to read file {}", shown(path)), {cause_of(errno)}};
  }
}

std::string read_config_file(const std::string& path) {
  const std::string failed = fmt::format("Unable to read jsonfile {}", shown(path));
  const sys::Result<std::string> text = sys::read_stream(path);
  if (!text) {
    throw Failure{failed, {cause_of(text.error().number)}};
  }
  if (!is_utf8(*text)) {
    throw Failure{failed, {"stream did not contain valid UTF-8"}};
  }
  return *text;
}

Config config_in(const std::string& text) {
  store::ConfigContent content = store::parse_config(text);
  if (!content.config) {
    throw Failure{content.message + place_in(content)};
  }
  return *std::move(content.config);
}

void warn_of_names(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    warn(environment, fmt::format("Can't determine uuid for file '{}'", printable(name)));
  }
}

void warn_of_broken(const KeptConfigs& configs) {
  for (const BrokenConfig& broken : configs.broken) {
    warn(environment, fmt::format("{}; skipping this definition", broken.problem.str()));
  }
  for (const FileProblem& problem : configs.unread) {
    warn(environment, fmt::format("{}; skipping this directory", problem.str()));
  }
  for (const FileProblem& problem : configs.problems) {
    warn(environment, problem.str());
  }
}

void require_readable(const KeptConfigs& configs) {
  if (configs.all.empty() && !configs.unread.empty()) {
    const FileProblem& directory = configs.unread.front();
    throw Failure{fmt::format("Unable to read {}", shown(directory.path)), {directory.message}};
  }
  if (!configs.broken.empty()) {
    const FileProblem& problem = configs.broken.front().problem;
    throw Failure{problem.line == 0
                      ? problem.message
                      : fmt::format("{} at line {} column {}", problem.message, problem.line, problem.column),
                  {fmt::format("the definition in {}", shown(problem.path))}};
  }
}

std::vector<sys::FileLock> lock_parent(Session& session, const ParentName& parent) {
  return session.hooks().any() ? session.store().lock_parents({parent}, {}, script_deadline)
                               : session.store().lock_parents({parent}, {});
}

std::optional<Config> stored_now(const Session& session, const StoredConfig& stored) {
  const KeptConfigs configs = session.store().load_configs({.parent = stored.parent, .uuid = stored.uuid});
  const StoredConfig* found = configs.find(stored.uuid, stored.parent);
  return found != nullptr ? std::optional(found->config) : std::nullopt;
}

void require_unchanged(Session& session, const StoredConfig& stored, const std::optional<Config>& before) {
  if (session.hooks().any() && stored_now(session, stored) != before) {
    throw Failure{fmt::format("Mediated device {}/{} was changed by another process", stored.parent.str(),
                              stored.uuid.str())};
  }
}

void write_config(const Session& session, const StoredConfig& stored, const char* verb) {
  Job job{fmt::format("{} '{}'", verb, stored.uuid.str()),
          Identity{.uuid = stored.uuid, .parent = stored.parent.str(), .type = stored.config.type},
          stored.parent.str()};
  job.steps.push_back({WriteConfig{stored}, std::nullopt});
  const JobResult result = session.carry_out(std::move(job));
  if (result.error) {
    if (const std::optional<Failure> denied = denial_of(*result.error)) {
      throw Failure{*denied};
    }
    // mkdir(2) reports EEXIST for a file in place of the directory, and mdevctl prints that.
    const int number = result.error->number() == ENOTDIR ? EEXIST : result.error->number();
    throw Failure{number != 0 ? cause_of(number) : result.error->what()};
  }
  warn_of_shared_queues(session, stored);
}

std::string attribute_lines(const Config& config) {
  std::string text = config.attributes.empty() ? "" : "  Attrs:\n";
  for (std::size_t i = 0; i < config.attributes.size(); ++i) {
    const ConfigAttribute& attribute = config.attributes[i];
    text += fmt::format("    @{{{}}}: {{\"{}\":\"{}\"}}\n", i, attribute.name, attribute.value);
  }
  return text;
}

}  // namespace mdevadm::compat
