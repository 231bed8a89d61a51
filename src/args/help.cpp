#include <mdevadm/args/help.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/args/arguments.hpp>
#include <mdevadm/util/text.hpp>
#include <vector>

namespace mdevadm::args {

namespace {

constexpr std::size_t usual_width = 80;
constexpr std::size_t most_width = 100;
constexpr std::size_t least_width = 40;

// Wraps `text` at spaces into lines of at most `width`.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  for (const std::string_view word : split(text, ' ')) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back();
    }
    lines.back() += lines.back().empty() ? "" : " ";
    lines.back() += word;
  }
  return lines;
}

bool has_names(const CLI::Option* option) {
  return !option->get_lnames().empty() || !option->get_snames().empty();
}

std::string names_of(const CLI::Option* option) {
  std::vector<std::string> names;
  for (const std::string& name : option->get_snames()) {
    names.push_back("-" + name);
  }
  for (const std::string& name : option->get_lnames()) {
    names.push_back("--" + name);
  }
  const std::string indent = option->get_snames().empty() ? "    " : "";
  return indent + join(names, ", ") + (takes_value(*option) ? " " + option->get_type_name() : "");
}

}  // namespace

HelpLayout::HelpLayout(std::size_t width)
    : width_(width == 0 ? usual_width : std::clamp(width, least_width, most_width)),
      text_column_(width_ < usual_width ? 10 : 30) {}

std::string HelpLayout::entry(const std::string& head, const std::string& text) const {
  std::string result = fmt::format("  {:<{}}", head, text_column_ - 2);
  if (head.size() + 3 > text_column_) {
    result = fmt::format("  {}\n{}", head, std::string(text_column_, ' '));
  }
  bool first = true;
  for (const std::string& line : wrapped(text, width_ - text_column_)) {
    result += first ? line : std::string(text_column_, ' ') + line;
    result += "\n";
    first = false;
  }
  return result;
}

std::string HelpLayout::options(const CLI::App& app) const {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    if (has_names(option)) {
      text += entry(names_of(option), option->get_positional()
                                          ? fmt::format("same as the argument {}", option->get_type_name())
                                          : option->get_description());
    }
  }
  return text;
}

std::string HelpLayout::arguments(const CLI::App& app) const {
  std::string text;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      text += entry(option->get_type_name(), option->get_description());
    }
  }
  return text;
}

std::string HelpLayout::paragraph(const std::string& text) const {
  return join(wrapped(text, width_), "\n") + "\n";
}

std::string usage_of(const CLI::App& app) {
  std::string usage = "[OPTION]...";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      const std::string name = option->get_type_name() + (is_repeatable(*option) ? "..." : "");
      usage += option->get_required() ? " " + name : fmt::format(" [{}]", name);
    }
  }
  return usage;
}

}  // namespace mdevadm::args
