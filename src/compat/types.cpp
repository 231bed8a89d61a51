#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/util/text.hpp>

#include "session.hpp"

namespace mdevadm::compat {

namespace {

// Joins the lines of a description.
std::string joined(std::string_view description) {
  std::vector<std::string> lines;
  for (const std::string_view line : split(trim(description), '\n')) {
    lines.emplace_back(line);
  }
  return join(lines, ", ");
}

struct TypeRow {
  std::string id;
  std::int64_t available;
  std::string device_api;
  std::string name;
  std::string description;
};

sys::Result<std::string> read_file_of(const Session& session, const Parent& parent, const Type& type,
                                      const char* file) {
  return session.root().read_attribute(
      fmt::format("{}/mdev_supported_types/{}/{}", parent.path, type.id.str(), file));
}

TypeRow row_of(const Session& session, const Parent& parent, const Type& type) {
  if (!type.device_api) {
    const auto read = read_file_of(session, parent, type, "device_api");
    throw Failure{"device_api: " +
                  (read ? cause_of(ENOENT) : cause_of(read.error().number, read.error().path))};
  }
  return {type.id.str(), available_instances(session, parent, type), std::string(trim(*type.device_api)),
          std::string(trim(type.name.value_or(""))), joined(type.description.value_or(""))};
}

// mdevctl lists nothing if one file of one type is unusable; here only that type is omitted.
std::vector<TypeRow> rows_of(const Session& session, const Parent& parent) {
  std::vector<TypeRow> rows;
  for (const Type& type : parent.types) {
    try {
      rows.push_back(row_of(session, parent, type));
    } catch (const Failure& failure) {
      warn("mdevctl", fmt::format("Skipping type {} of {}: {}", printable(type.id.str()),
                                  printable(parent.name.str()), failure.text));
    }
  }
  std::sort(rows.begin(), rows.end(), [](const TypeRow& a, const TypeRow& b) { return a.id < b.id; });
  return rows;
}

render::Value to_value(const TypeRow& row) {
  render::Record fields{{"available_instances", static_cast<std::uint64_t>(row.available)},
                        {"device_api", row.device_api}};
  if (!row.name.empty()) {
    fields.emplace_back("name", row.name);
  }
  if (!row.description.empty()) {
    fields.emplace_back("description", row.description);
  }
  return render::Object{std::move(fields)};
}

std::string to_text(const TypeRow& row) {
  return fmt::format("  {}\n    Available instances: {}\n    Device API: {}\n{}{}", row.id, row.available,
                     row.device_api, row.name.empty() ? "" : fmt::format("    Name: {}\n", row.name),
                     row.description.empty() ? "" : fmt::format("    Description: {}\n", row.description));
}

}  // namespace

std::int64_t available_instances(const Session& session, const Parent& parent, const Type& type) {
  // mdevctl parses it as a signed 32-bit number.
  constexpr std::uint64_t most = std::numeric_limits<std::int32_t>::max();
  if (type.available && *type.available <= most) {
    return static_cast<std::int64_t>(*type.available);
  }
  // The value is not an unsigned number. mdevctl has a separate message for each case.
  const sys::Result<std::string> read = read_file_of(session, parent, type, "available_instances");
  if (!read) {
    throw Failure{cause_of(read.error().number, read.error().path)};
  }
  std::string_view text = trim(*read);
  if (text.empty()) {
    throw Failure{"cannot parse integer from empty string"};
  }
  text.remove_prefix(text.front() == '+' ? 1 : 0);
  std::int32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) {
    throw Failure{"number too large to fit in target type"};
  }
  if (error != std::errc{} || rest != end) {
    throw Failure{"invalid digit found in string"};
  }
  return number;
}

void run_types(Session& session, const Options& options) {
  const std::optional<std::string> given = options.text("parent");
  const std::optional<ParentName> only = given ? ParentName::parse(*given) : std::nullopt;
  Snapshot seen;
  if (!given || only) {
    seen = session.observe({.facets = Facet::types | Facet::available | Facet::device_api | Facet::type_name |
                                      Facet::description,
                            .details_of = only ? std::optional(std::vector{*only}) : std::nullopt,
                            .bus_only = true});
  }
  render::List parents;
  for (const Parent& parent : seen.parents) {
    if (parent.interface.empty() && !only) {
      throw Failure{cause_of(ENOENT)};
    }
    if (!parent.capabilities.mdev_types) {
      continue;
    }
    parents.items.resize(1);
    session.out += options.has("dumpjson") ? "" : parent.name.str() + "\n";
    render::List types;
    for (const TypeRow& row : rows_of(session, parent)) {
      types.items.push_back({{row.id, to_value(row)}});
      session.out += options.has("dumpjson") ? "" : to_text(row);
    }
    parents.items.front().emplace_back(parent.name.str(), std::move(types));
  }
  session.out += options.has("dumpjson") ? render::render_bare_json(parents) : "";
}

}  // namespace mdevadm::compat
