// A device's definition as mdevctl keeps it: any words, also such as no host could have.
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

struct Config {
  std::string type{};
  StartMode start = StartMode::manual;
  std::vector<ConfigAttribute> attributes{};
  bool operator==(const Config&) const = default;
};

// One that is kept for a device.
struct KeptConfig {
  Uuid uuid;
  ParentName parent;
  Config config;
  std::string file{};                  // its name where that is not the UUID in its usual form
  std::vector<std::string> unknown{};  // keys in it that mean nothing to anybody
  std::vector<std::string> also{};     // names of other files of the same device, which do not count
};

// One that cannot be used.
struct BrokenConfig {
  Uuid uuid;
  ParentName parent;
  FileProblem problem;
  std::string file{};  // as above
};

struct KeptConfigs {
  std::vector<KeptConfig> all;        // sorted by parent, then UUID
  std::vector<BrokenConfig> broken;   // likewise
  std::vector<std::string> nameless;  // names of files that are no UUID, of folders that are no parent's
  std::vector<FileProblem> odd;       // files that do not count, as another of the same device does
  std::vector<FileProblem> unread;    // folders that cannot be read

  // Whether there is a file for a device, good or not.
  bool has(const Uuid& uuid, const ParentName& parent) const;
  const KeptConfig* find(const Uuid& uuid, const ParentName& parent) const;
};

// The same, if a host could have it; else why not.
struct ConfigReading {
  std::optional<Definition> definition{};
  std::string refusal{};
};
ConfigReading definition_of(const KeptConfig& kept);

// What mdevctl can say of a definition.
Config config_of(const Definition& definition);

// What of a definition mdevctl has no words for, by our keys: "create_args".
std::vector<std::string> beyond_config(const Definition& definition);

}  // namespace mdevadm
