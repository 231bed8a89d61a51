#include <mdevadm/render/status.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <mdevadm/model/function_capacity.hpp>
#include <mdevadm/util/text.hpp>

#include "texts.hpp"

namespace mdevadm::render {

namespace {

// Returns the text of a column of a device, as `list` shows it; empty if it has no value.
std::string cell(const DeviceRow& row, std::string_view key) {
  const auto columns = device_columns();
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const auto& column) { return column.info.key == key; });
  const std::string text = text_of(found->cell(row));
  return text == nothing ? std::string{} : text;
}

std::string title(const DeviceRow& row) {
  const std::string name = cell(row, "name");
  return name.empty() ? cell(row, "uuid") : name;
}

struct Count {
  std::string word;
  std::size_t number;
};

std::vector<Count> count_states(const Status& status) {
  std::vector<Count> counts{{"active", 0}, {"drifted", 0}, {"removing", 0}, {"inactive", 0}};
  for (const DeviceRow& row : status.devices) {
    const std::string state = cell(row, "state");
    const auto found =
        std::find_if(counts.begin(), counts.end(), [&](const Count& count) { return count.word == state; });
    if (found != counts.end()) {
      ++found->number;
    }
  }
  return counts;
}

std::vector<const DeviceRow*> automatic_devices(const Status& status) {
  std::vector<const DeviceRow*> rows;
  for (const DeviceRow& row : status.devices) {
    if (row.automatic) {
      rows.push_back(&row);
    }
  }
  return rows;
}

bool has_failed(const DeviceRow* row) {
  return row->device == nullptr && row->boot != nullptr && row->boot->outcome == BootOutcome::failed;
}

std::vector<const DeviceRow*> failures_of(const std::vector<const DeviceRow*>& rows) {
  std::vector<const DeviceRow*> failures;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(failures), has_failed);
  return failures;
}

std::string state_of(const GroupRow& row) {
  const auto columns = group_columns();
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [](const auto& column) { return column.info.key == "state"; });
  return std::get<std::string>(found->cell(row));
}

// Types with available instances; drivers count them as alternatives, not together.
List available_of(const ParentRow& row) {
  List list;
  for (const Type* one : row.parent->all_types()) {
    const Type& type = *one;
    const Value number = type.available ? Value(*type.available) : Value();
    const bool is_limit = is_available_limit(*row.parent, type);
    list.items.push_back({{"type", type.id.str()},
                          {"name", type.name ? Value(*type.name) : Value()},
                          {"available", number},
                          {"available_is_limit", type.available ? Value(is_limit) : Value()}});
    if (type.available.value_or(0) > 0) {
      if (!list.texts.empty()) {
        list.texts.back() += ',';
      }
      list.texts.push_back(fmt::format("{}: {}{}", type.id.str(), is_limit ? "<=" : "", *type.available));
    }
  }
  if (list.texts.empty()) {
    list.texts.emplace_back("none");
  }
  return list;
}

const std::array<Column<ParentRow>, 5> parent_summary{{
    {{"parent", "PARENT", Kind::text, "", Facet::parents},
     [](const ParentRow& r) -> Value { return r.parent->name.str(); }},
    {{"driver", "DRIVER", Kind::text, "", Facet::parent_identity},
     [](const ParentRow& r) -> Value { return r.parent->driver ? Value(*r.parent->driver) : Value(); }},
    {{"types", "TYPES", Kind::number, "", Facet::types},
     [](const ParentRow& r) -> Value { return static_cast<std::uint64_t>(r.parent->all_types().size()); }},
    {{"devices", "DEVICES", Kind::number, "", Facet::devices},
     [](const ParentRow& r) -> Value { return static_cast<std::uint64_t>(r.devices); }},
    {{"available", "AVAILABLE", Kind::list, "", Facet::available},
     [](const ParentRow& r) -> Value { return available_of(r); }},
}};

std::string parents_text(const Status& status, const TableStyle& style) {
  std::vector<const Column<ParentRow>*> columns;
  for (const Column<ParentRow>& column : parent_summary) {
    columns.push_back(&column);
  }
  return status.parents.empty() ? std::string("No parent devices\n")
                                : render_table(make_grid(status.parents, columns), style);
}

std::string devices_line(const Status& status, std::size_t width) {
  std::vector<std::string> parts;
  for (const Count& count : count_states(status)) {
    if (count.number > 0 || count.word == "active") {
      parts.push_back(fmt::format("{} {}", count.number, count.word));
    }
  }
  return wrapped_line("Devices:   ", join(parts, ", "), width);
}

std::string groups_line(const Status& status, std::size_t width) {
  std::vector<std::string> parts;
  for (const GroupRow& row : status.groups) {
    parts.push_back(fmt::format("{} {} ({} of {})", row.group->name.str(), state_of(row), row.active,
                                row.group->members.size()));
  }
  return parts.empty() ? std::string{} : wrapped_line("Groups:    ", join(parts, ", "), width);
}

std::string autostart_lines(const Status& status, std::size_t width) {
  const std::vector<const DeviceRow*> rows = automatic_devices(status);
  if (rows.empty()) {
    return {};
  }
  const std::vector<const DeviceRow*> failures = failures_of(rows);
  const auto active =
      std::count_if(rows.begin(), rows.end(), [](const DeviceRow* row) { return row->device != nullptr; });
  std::string text = fmt::format("Autostart: {} of {} active{}\n", active, rows.size(),
                                 failures.empty() ? "" : fmt::format(", {} failed", failures.size()));
  for (const DeviceRow* row : failures) {
    text += wrapped_line("  ",
                         fmt::format("'{}' on {}: {}", printable(title(*row)), row->definition->parent.str(),
                                     printable(row->boot->message)),
                         width, 4);
  }
  return text;
}

std::string problems_lines(const Status& status, std::size_t width) {
  std::string text =
      status.problems.empty() ? std::string{} : fmt::format("Problems:  {}\n", status.problems.size());
  for (const FileProblem& problem : status.problems) {
    text += wrapped_line("  ", printable(problem.str()), width, 4);
  }
  return text;
}

List parents_list(const Status& status) {
  List list;
  for (const ParentRow& row : status.parents) {
    list.items.push_back({{"parent", row.parent->name.str()},
                          {"driver", row.parent->driver ? Value(*row.parent->driver) : Value()},
                          {"notice", row.notice.empty() ? Value() : Value(row.notice)},
                          {"devices", static_cast<std::uint64_t>(row.devices)},
                          {"instances", available_of(row)}});
  }
  return list;
}

List groups_list(const Status& status) {
  List list;
  for (const GroupRow& row : status.groups) {
    list.items.push_back({{"name", row.group->name.str()},
                          {"state", state_of(row)},
                          {"member_count", static_cast<std::uint64_t>(row.group->members.size())},
                          {"active_count", static_cast<std::uint64_t>(row.active)}});
  }
  return list;
}

List failures_list(const std::vector<const DeviceRow*>& failures) {
  List list;
  for (const DeviceRow* row : failures) {
    const std::optional<Label>& name = row->definition->name;
    list.items.push_back({{"uuid", row->definition->uuid.str()},
                          {"name", name ? Value(name->str()) : Value()},
                          {"parent", row->definition->parent.str()},
                          {"message", row->boot->message}});
  }
  return list;
}

List problems_list(const Status& status) {
  List list;
  for (const FileProblem& problem : status.problems) {
    const bool has_place = problem.line > 0;
    list.items.push_back({{"path", problem.path},
                          {"line", has_place ? Value(std::uint64_t{problem.line}) : Value()},
                          {"column", has_place ? Value(std::uint64_t{problem.column}) : Value()},
                          {"message", problem.message}});
  }
  return list;
}

}  // namespace

std::string render_status(const Status& status, const TableStyle& style) {
  return parents_text(status, style) + "\n" + devices_line(status, style.width) +
         groups_line(status, style.width) + autostart_lines(status, style.width) +
         problems_lines(status, style.width);
}

std::string render_status_json(const Status& status) {
  Record states;
  for (const Count& count : count_states(status)) {
    states.emplace_back(count.word, std::uint64_t{count.number});
  }
  const std::vector<const DeviceRow*> automatic = automatic_devices(status);
  return render_json({{"mdev_support", status.mdev_support},
                      {"parents", parents_list(status)},
                      {"devices", Object{states}},
                      {"groups", groups_list(status)},
                      {"autostart", Object{{{"devices", std::uint64_t{automatic.size()}},
                                            {"failed", failures_list(failures_of(automatic))}}}},
                      {"problems", problems_list(status)},
                      {"notes", Texts{status.notes}}});
}

}  // namespace mdevadm::render
