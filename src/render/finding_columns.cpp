// Columns of findings, and their form on a terminal.
#include <fmt/format.h>

#include <array>
#include <mdevadm/render/columns.hpp>
#include <mdevadm/util/text.hpp>

#include "cells.hpp"
#include "texts.hpp"

namespace mdevadm::render {

namespace {

constexpr auto finding_table = std::to_array<Column<FindingRow>>({
    {{"severity", "SEVERITY", Kind::word, "error, warning or info", Facet::none},
     [](const FindingRow& r) -> Value { return r.severity; }},
    {{"finding", "FINDING", Kind::word, "identifier of the kind of finding", Facet::none},
     [](const FindingRow& r) -> Value { return r.id; }},
    {{"object", "OBJECT", Kind::text, "parent, device, group, file or unit, or host", Facet::none},
     [](const FindingRow& r) -> Value { return r.object; }},
    {{"parent", "PARENT", Kind::text, "parent of a device or definition", Facet::none},
     [](const FindingRow& r) -> Value { return text_or_none(r.parent); }},
    {{"cause", "CAUSE", Kind::sentence, "what is wrong", Facet::none},
     [](const FindingRow& r) -> Value { return r.cause; }},
    {{"hints", "HINTS", Kind::list, "what helps", Facet::none},
     [](const FindingRow& r) -> Value {
       return Texts{r.hints, join(r.hints, "; ")};
     }},
});

// Returns the hint, "what: command", wrapped so that the command can be copied: it begins a line of its own
// if it does not fit beside the words before it, and is not broken.
std::string hint_lines(const std::string& head, const std::string& hint, std::size_t width) {
  const std::size_t end = hint.find(": ");
  if (width == 0 || end == std::string::npos || columns_of(head) + columns_of(hint) <= width) {
    return wrapped_line(head, hint, width, head.size());
  }
  return wrapped_line(head, hint.substr(0, end + 1), width, head.size()) + std::string(head.size(), ' ') +
         hint.substr(end + 2) + "\n";
}

}  // namespace

std::span<const Column<FindingRow>> finding_columns() {
  return finding_table;
}

std::string render_findings(const std::vector<FindingRow>& findings, std::size_t width) {
  constexpr std::size_t indent = 4;
  constexpr std::string_view hint = "    hint: ";
  std::string text;
  for (const FindingRow& finding : findings) {
    const std::string head = fmt::format("{}: {}: ", finding.severity, printable(finding.object));
    text += wrapped_line(head, printable(finding.cause), width, indent);
    for (const std::string& one : finding.hints) {
      text += hint_lines(std::string(hint), printable(one), width);
    }
  }
  return text;
}

}  // namespace mdevadm::render
