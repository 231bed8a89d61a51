// Unvalidated contents of an mdevctl definition file.
#pragma once

#include <mdevadm/model/definition.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

struct ConfigAttribute {
  std::string name;
  std::string value;
  bool operator==(const ConfigAttribute&) const = default;
};

// The contents of a definition file of mdevctl.
struct Config {
  std::string type{};
  StartMode start = StartMode::manual;
  std::vector<ConfigAttribute> attributes{};
  bool operator==(const Config&) const = default;
};

// The config stored for a device.
struct StoredConfig {
  Uuid uuid;
  ParentName parent;
  Config config;
  std::string file{};                  // file name if it is not the UUID in canonical form
  std::vector<std::string> unknown{};  // unknown keys
  std::vector<std::string> also{};     // names of further files for the same device, which are ignored
};

// A config file that cannot be used.
struct BrokenConfig {
  Uuid uuid;
  ParentName parent;
  FileProblem problem;
  std::string file{};  // as in StoredConfig
};

// All config files, with the problems found while reading them.
struct KeptConfigs {
  std::vector<StoredConfig> all;      // sorted by parent, then UUID
  std::vector<BrokenConfig> broken;   // sorted likewise
  std::vector<std::string> nameless;  // files not named by a UUID, directories not named by a parent
  std::vector<FileProblem> problems;  // ignored files: another file for the same device takes precedence
  std::vector<FileProblem> unread;    // unreadable directories
  std::vector<FileProblem> links;     // symbolic links, which mdevctl does not read

  // Returns whether a file for the device exists, valid or not.
  bool has(const Uuid& uuid, const ParentName& parent) const;
  const StoredConfig* find(const Uuid& uuid, const ParentName& parent) const;
};

// The Definition equivalent to a config, or the reason why no host could have such a device.
struct ConfigReading {
  std::optional<Definition> definition{};
  std::string refusal{};
};
ConfigReading definition_of(const StoredConfig& stored);

// Returns the part of a definition that mdevctl's format can represent.
Config config_of(const Definition& definition);

// Returns the keys of a definition that mdevctl's format cannot represent, by their names in TOML:
// "create_args".
std::vector<std::string> beyond_config(const Definition& definition);

}  // namespace mdevadm
