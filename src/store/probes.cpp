// Results of probes, /run/mdevadm/probes/<parent>.toml.
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/store/store.hpp>

#include "files.hpp"
#include "toml.hpp"

namespace mdevadm::store {

namespace {

std::optional<TypeCounts> parse_type_counts(const toml::table* table) {
  if (table == nullptr) {
    return std::nullopt;
  }
  TypeCounts counts;
  for (const auto& [key, value] : *table) {
    const auto type = TypeName::parse(key.str());
    const auto count = value.value<std::int64_t>();
    if (!type || !count || *count < 0) {
      return std::nullopt;
    }
    counts.push_back({*type, static_cast<std::uint64_t>(*count)});
  }
  std::sort(counts.begin(), counts.end(),
            [](const TypeCount& a, const TypeCount& b) { return a.type < b.type; });
  return counts;
}

std::string format_type_counts(const char* table, const TypeCounts& counts) {
  std::string text = fmt::format("[probe.{}]\n", table);
  for (const TypeCount& one : counts) {
    text += fmt::format("{} = {}\n", toml_string(one.type.str()), one.count);
  }
  return text;
}

}  // namespace

// What is unreadable counts as missing: no user writes these files.
ProbeResults Store::load_probes(const ParentName& parent) const {
  ProbeResults results;
  const sys::Result<sys::Dir> directory = root_->open_dir(probes_directory);
  const sys::Result<std::string> text =
      directory ? directory->read_file(file_name(parent)) : sys::Result<std::string>(directory.error());
  if (!text) {
    return results;
  }
  const toml::parse_result parsed = parse_toml(*text);
  if (!parsed) {
    return results;
  }
  results.state = parsed.table()["state"].value_or(std::string{});
  const toml::array* list = parsed.table()["probe"].as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const toml::table* table = list->get(i)->as_table();
    const auto created = table != nullptr ? parse_type_counts((*table)["created"].as_table()) : std::nullopt;
    const auto left = table != nullptr ? parse_type_counts((*table)["left"].as_table()) : std::nullopt;
    if (created && left) {
      results.all.push_back({*created, *left});
    }
  }
  return results;
}

void Store::write_probes(const ParentName& parent, const ProbeResults& results) const {
  const std::string doing = fmt::format("cannot record the probe of '{}'", parent.str());
  const sys::Dir directory = root_->make_dirs(probes_directory).or_throw("{}", doing);
  std::string text = fmt::format("state = {}\n", toml_string(results.state));
  for (const ProbeResult& one : results.all) {
    text +=
        "\n[[probe]]\n" + format_type_counts("created", one.created) + format_type_counts("left", one.left);
  }
  write_atomically(directory, file_name(parent), text, doing);
}

}  // namespace mdevadm::store
