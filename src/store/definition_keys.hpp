// The keys of a definition, as files of definitions and the file of a host have them. Internal header.
#pragma once

#include <fmt/format.h>

#include <mdevadm/model/definition.hpp>
#include <mdevadm/model/host_file.hpp>
#include <mdevadm/util/text.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "toml.hpp"

namespace mdevadm::store {

// Parses a validated text. `rule` completes "invalid KEY 'text': ...". Throws Broken.
template <typename Checked>
Checked checked_text(const toml::node& node, std::string_view key, std::string_view rule) {
  const std::string text = text_of(node, key);
  auto value = Checked::parse(text);
  if (!value) {
    broken(node, fmt::format("invalid {1} '{0}': {2}", printable(text), key, rule));
  }
  return *std::move(value);
}

inline constexpr std::string_view component_rule =
    "must be a single path component without control characters";
inline constexpr std::string_view label_rule =
    "must have at most 255 bytes and not contain '/' or control characters, begin with '-' or be a UUID";
inline constexpr std::string_view uuid_rule = "must be 32 hexadecimal digits as 8-4-4-4-12";

// Reads the keys of a definition other than uuid, parent and type.
class DefinitionKeys {
 public:
  // Unknown keys of tables are appended to `problems`, which must outlive the object, like `path`.
  DefinitionKeys(const std::string& path, std::vector<FileProblem>& problems)
      : path_(path), problems_(problems) {}

  // Returns false if the key is unknown. read_queues() reads the table [ap]. Throws Broken.
  bool read(const toml::key& name, const toml::node& node, Definition& into);
  // Adds the attributes that assign what the table [ap] says, if there is one; call it after read() for all
  // keys. Throws Broken.
  static void read_queues(const toml::table& root, Definition& into);

 private:
  void read_attributes(const toml::node& node, Definition& into);
  void note_unknown_but(const toml::table& table, std::initializer_list<std::string_view> known);

  const std::string& path_;
  std::vector<FileProblem>& problems_;
};

// Returns the tables of a definition other than [abi], for a new file; their names get the prefix.
std::string definition_tables(const Definition& definition, std::string_view prefix);

// Returns the definition as [[device]] in the file of a host.
std::string host_device_text(const Definition& definition, bool active);
// Returns an entry of a description as [[device]].
std::string host_entry_text(const DeviceEntry& entry);

}  // namespace mdevadm::store
