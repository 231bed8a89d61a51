#include "runtime_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/util/text.hpp>

#include "toml.hpp"

namespace mdevadm::store {

namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::int64_t claim_version = 1;

template <typename T>
T required(const toml::table& table, std::string_view key) {
  const auto value = table[key].value_exact<T>();
  if (!value) {
    throw Broken{{}, fmt::format("missing or invalid key '{}'", key)};
  }
  return *value;
}

system_clock::time_point clock_time_at(const toml::table& table, std::string_view key) {
  constexpr auto latest = std::chrono::duration_cast<milliseconds>(system_clock::duration::max());
  const auto since_epoch = milliseconds(required<std::int64_t>(table, key));
  if (since_epoch < milliseconds::zero() || since_epoch > latest) {
    throw Broken{{}, fmt::format("missing or invalid key '{}'", key)};
  }
  return system_clock::time_point(since_epoch);
}

Claim read_claim(const toml::table& table, const Uuid& uuid) {
  const auto version = required<std::int64_t>(table, "version");
  if (version != claim_version) {
    throw Broken{{},
                 fmt::format("written by another version of mdevadm (format {}, expected {})", version,
                             claim_version)};
  }
  Claim claim{.uuid = uuid};
  claim.group = required<std::string>(table, "group");
  claim.claimant = required<std::string>(table, "for");
  claim.at = clock_time_at(table, "at_ms");
  const auto inode = parse_decimal(required<std::string>(table, "inode"));  // may exceed TOML's numbers
  if (!inode) {
    throw Broken{{}, "missing or invalid key 'inode'"};
  }
  claim.inode = *inode;
  return claim;
}

// Returns a number that is not negative, 0 if there is none.
std::int64_t number_at(const toml::table& table, std::string_view key) {
  return std::max(table[key].value_or(std::int64_t{0}), std::int64_t{0});
}

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

std::optional<Record> parse_record(std::string_view text, const Uuid& uuid) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return std::nullopt;
  }
  const toml::table& table = parsed.table();
  const auto parent = ParentName::parse(table["parent"].value_or(std::string_view{}));
  const auto type = TypeName::parse(table["type"].value_or(std::string_view{}));
  if (!parent || !type) {
    return std::nullopt;
  }
  Record record{uuid, *parent, *type, table["name"].value_or(std::string{}),
                table["finished"].value_or(false)};
  if (const auto took = table["took_ms"].value<std::int64_t>(); took && *took >= 0) {
    record.took = milliseconds(*took);
  }
  record.inode = parse_decimal(table["inode"].value_or(std::string_view{}));
  return record;
}

std::string format_record(const Record& record) {
  std::string text =
      fmt::format("parent = {}\ntype = {}\nname = {}\nfinished = {}\n", toml_string(record.parent.str()),
                  toml_string(record.type.str()), toml_string(record.name), record.finished);
  if (record.took) {
    text += fmt::format("took_ms = {}\n", record.took->count());
  }
  if (record.inode) {
    text += fmt::format("inode = \"{}\"\n", *record.inode);
  }
  return text;
}

std::optional<FunctionRefusal> parse_refusal(std::string_view text, const std::string& vf) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return std::nullopt;
  }
  const toml::table& table = parsed.table();
  const auto parent = ParentName::parse(table["parent"].value_or(std::string_view{}));
  const auto type = TypeName::parse(table["type"].value_or(std::string_view{}));
  if (!parent || !type) {
    return std::nullopt;
  }
  return FunctionRefusal{*parent, vf, *type, table["reason"].value_or(std::string{}),
                         parse_decimal(table["inode"].value_or(std::string_view{}))};
}

std::string format_refusal(const FunctionRefusal& refusal) {
  std::string text = fmt::format("parent = {}\ntype = {}\nreason = {}\n", toml_string(refusal.parent.str()),
                                 toml_string(refusal.type.str()), toml_string(refusal.reason));
  if (refusal.inode) {
    text += fmt::format("inode = \"{}\"\n", *refusal.inode);
  }
  return text;
}

Claim parse_claim(std::string_view text, const Uuid& uuid) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return {.uuid = uuid, .problem = syntax_problem(parsed.error(), text)};
  }
  try {
    return read_claim(parsed.table(), uuid);
  } catch (const Broken& why) {
    return {.uuid = uuid, .problem = why.message};
  }
}

std::string format_claim(const Claim& claim) {
  const auto at = std::chrono::duration_cast<milliseconds>(claim.at.time_since_epoch());
  return fmt::format("version = {}\ngroup = {}\nfor = {}\nat_ms = {}\ninode = \"{}\"\n", claim_version,
                     toml_string(claim.group), toml_string(claim.claimant), at.count(), claim.inode);
}

std::optional<BootEvent> parse_boot_event(std::string_view text, const Uuid& uuid, const ParentName& parent) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return std::nullopt;
  }
  const toml::table& table = parsed.table();
  const auto outcome = parse_boot_outcome(table["outcome"].value_or(std::string_view{}));
  if (!outcome) {
    return std::nullopt;
  }
  return BootEvent{.uuid = uuid,
                   .parent = parent,
                   .outcome = *outcome,
                   .asked = milliseconds(number_at(table, "asked_ms")),
                   .begun = milliseconds(number_at(table, "begun_ms")),
                   .ended = milliseconds(number_at(table, "ended_ms")),
                   .tries = static_cast<std::uint64_t>(number_at(table, "tries")),
                   .message = table["message"].value_or(std::string{})};
}

std::string format_boot_event(const BootEvent& event) {
  return fmt::format("outcome = {}\nasked_ms = {}\nbegun_ms = {}\nended_ms = {}\ntries = {}\nmessage = {}\n",
                     toml_string(boot_word(event.outcome)), event.asked.count(), event.begun.count(),
                     event.ended.count(), event.tries, toml_string(event.message));
}

ProbeResults parse_probes(std::string_view text) {
  ProbeResults results;
  const toml::parse_result parsed = toml::parse(text);
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

std::string format_probes(const ProbeResults& results) {
  std::string text = fmt::format("state = {}\n", toml_string(results.state));
  for (const ProbeResult& one : results.all) {
    text +=
        "\n[[probe]]\n" + format_type_counts("created", one.created) + format_type_counts("left", one.left);
  }
  return text;
}

Preparation parse_preparation(std::string_view text, const ParentName& parent) {
  Preparation result{parent};
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return result;
  }
  const toml::table& table = parsed.table();
  const toml::array* list = table["commands"].as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    Words words;
    const toml::array* command = list->get(i)->as_array();
    for (std::size_t j = 0; command != nullptr && j < command->size(); ++j) {
      words.push_back(command->get(j)->value_or(std::string{}));
    }
    result.commands.push_back(std::move(words));
  }
  result.setup = table["setup"].value_or(std::string{});
  result.failure = table["failure"].value_or(std::string{});
  return result;
}

std::string format_preparation(const Preparation& done) {
  std::string text = fmt::format("setup = {}\n", toml_string(done.setup));
  if (!done.failure.empty()) {
    text += fmt::format("failure = {}\n", toml_string(done.failure));
  }
  text += "commands = [\n";
  for (const Words& words : done.commands) {
    std::vector<std::string> items;
    std::transform(words.begin(), words.end(), std::back_inserter(items), toml_string);
    text += fmt::format("  [{}],\n", join(items, ", "));
  }
  return text + "]\n";
}

}  // namespace mdevadm::store
