#include <fmt/format.h>

#include "scripts.hpp"
#include "session.hpp"

namespace mdevadm::compat {

namespace {

KeptConfig find_defined(const Session& session, const Options& options) {
  const Uuid uuid = *options.uuid();
  const std::optional<ParentName> parent = parent_in(options);
  KeptConfigs configs = session.configs({.parent = parent, .uuid = uuid});
  require_readable(configs);
  if (configs.all.empty()) {
    throw Failure{
        fmt::format("Mediated device {}{} is not defined", parent ? parent->str() + "/" : "", uuid.str())};
  }
  if (configs.all.size() > 1) {
    throw Failure{fmt::format("Multiple definitions found for {}, specify a parent", uuid.str())};
  }
  return std::move(configs.all.front());
}

[[noreturn]] void refuse_index(const KeptConfig& kept, std::size_t index) {
  const std::string list = attribute_lines(kept.config);
  throw Failure{
      fmt::format("Attribute index {} is invalid\n{}", index,
                  list.empty() ? fmt::format("Device {} has no attributes", kept.uuid.str()) : list)};
}

void change_attributes(KeptConfig& kept, const Options& options) {
  std::vector<ConfigAttribute>& attributes = kept.config.attributes;
  const auto index = options.index();
  if (options.has("addattr")) {
    const std::size_t place = index.value_or(static_cast<std::uint32_t>(attributes.size()));
    if (place > attributes.size()) {
      refuse_index(kept, place);
    }
    attributes.insert(attributes.begin() + static_cast<std::ptrdiff_t>(place),
                      {*options.text("addattr"), *options.text("value")});
  } else if (options.has("delattr") && (index || !attributes.empty())) {
    const std::size_t place = index ? *index : attributes.size() - 1;
    if (place >= attributes.size()) {
      refuse_index(kept, place);
    }
    attributes.erase(attributes.begin() + static_cast<std::ptrdiff_t>(place));
  }
}

KeptConfig changed(const Session& session, const Options& options) {
  KeptConfig kept = find_defined(session, options);
  change_attributes(kept, options);
  kept.config.type = options.text("type").value_or(kept.config.type);
  kept.config.start = options.has("auto")     ? StartMode::automatic
                      : options.has("manual") ? StartMode::manual
                                              : kept.config.start;
  return kept;
}

// Whatever is defined, if anything is.
KeptConfig by_file(const Session& session, const Options& options) {
  const Uuid uuid = *options.uuid();
  const std::optional<ParentName> parent = parent_in(options);
  if (!parent) {
    throw Failure{"Parent device required to modify device via json file"};
  }
  const std::string path = *options.text("jsonfile");
  require_file(path);
  KeptConfig kept{uuid, *parent, config_in(read_config_file(path))};
  const KeptConfigs there = session.store().load_configs({.parent = parent, .uuid = uuid});
  kept.file = there.all.empty() ? "" : there.all.front().file;
  return kept;
}

void modify_live(const Options& options) {
  for (const char* fixed : {"type", "auto", "manual"}) {
    if (options.has(fixed)) {
      throw Failure{fmt::format("'{}' cannot be changed on active mdev", fixed)};
    }
  }
  if (!options.has("jsonfile")) {
    throw Failure{"'live' option must be used with 'jsonfile' option"};
  }
}

}  // namespace

void run_modify(Session& session, const Options& options) {
  if (options.has("live")) {
    return modify_live(options);
  }
  const KeptConfig kept = options.has("jsonfile") ? by_file(session, options) : changed(session, options);
  with_scripts(session, Doing::modify, kept, options.has("force"), [&] {
    const sys::FileLock lock = session.store().lock();
    write_config(session, kept);
  });
}

}  // namespace mdevadm::compat
