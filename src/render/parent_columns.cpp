// Columns of the settings of parents.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mdevadm/render/columns.hpp>

#include "cells.hpp"

namespace mdevadm::render {

namespace {

// Returns a number that exists only for a parent that is present and has SR-IOV.
Value number_if_present(const ParentSettingsRow& row, std::uint64_t number) {
  return row.state->present && row.state->total ? Value(number) : Value();
}

Value wanted_of(const ParentSettingsRow& row) {
  return row.settings->functions ? Value(row.settings->functions->str()) : Value();
}

Value used_of(const ParentSettingsRow& row) {
  const auto used = std::count_if(row.state->functions.begin(), row.state->functions.end(),
                                  [](const FunctionState& one) { return one.in_use(); });
  return number_if_present(row, static_cast<std::uint64_t>(used));
}

Value state_of(const ParentSettingsRow& row) {
  return std::string(!row.state->present ? "absent" : row.why ? "unprepared" : "prepared");
}

Value reserved_of(const ParentSettingsRow& row) {
  Texts list;
  for (const FunctionName& function : row.settings->reserved) {
    list.items.push_back(function.str());
  }
  return list;
}

Value commands_of(const ParentSettingsRow& row) {
  List list;
  for (const ParentCommand& command : row.settings->commands) {
    list.items.push_back({{"command", Texts{command.command}},
                          {"check", Texts{command.check}},
                          {"timeout", static_cast<std::uint64_t>(command.deadline().count())}});
    list.texts.push_back(command_line(command.command));
  }
  return list;
}

constexpr auto settings_table = std::to_array<Column<ParentSettingsRow>>({
    {{"parent", "PARENT", Kind::word, "name of the parent", Facet::none},
     [](const ParentSettingsRow& r) -> Value { return r.settings->parent.str(); }},
    {{"virtual_functions", "WANTED", Kind::word, "number of virtual functions to enable, or all",
      Facet::none},
     wanted_of},
    {{"enabled", "ENABLED", Kind::number, "number of virtual functions that are enabled", Facet::none},
     [](const ParentSettingsRow& r) -> Value { return number_if_present(r, r.state->enabled); }},
    {{"total", "TOTAL", Kind::number, "number of virtual functions that the parent supports", Facet::none},
     [](const ParentSettingsRow& r) -> Value { return number_if_present(r, r.state->total.value_or(0)); }},
    {{"used", "USED", Kind::number, "number of virtual functions that are in use or have a vGPU",
      Facet::none},
     used_of},
    {{"state", "STATE", Kind::word, "prepared, unprepared, or absent (not on this host)", Facet::none},
     state_of},
    {{"reason", "REASON", Kind::sentence, "why the parent is not prepared", Facet::none},
     [](const ParentSettingsRow& r) -> Value { return text_or_none(r.why); }},
    {{"method", "METHOD", Kind::word, "how virtual functions are enabled: sriov-manage or sysfs",
      Facet::none},
     [](const ParentSettingsRow& r) -> Value { return text_or_none(r.method); }},
    {{"driver", "DRIVER", Kind::word, "driver of the parent", Facet::none},
     [](const ParentSettingsRow& r) -> Value { return text_or_none(r.state->self.driver); }},
    {{"reserved", "RESERVED", Kind::list, "virtual functions that are never assigned", Facet::none},
     reserved_of},
    {{"commands", "COMMANDS", Kind::list, "commands that are run when the virtual functions exist",
      Facet::none},
     commands_of},
    {{"file", "FILE", Kind::text, "file of the settings", Facet::none},
     [](const ParentSettingsRow& r) -> Value { return r.file; }},
});

}  // namespace

std::span<const Column<ParentSettingsRow>> parent_settings_columns() {
  return settings_table;
}

}  // namespace mdevadm::render
