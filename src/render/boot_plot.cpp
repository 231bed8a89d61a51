#include <mdevadm/render/boot_plot.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <mdevadm/util/text.hpp>

namespace mdevadm::render {

namespace {

constexpr double left = 20;
constexpr double top = 60;
constexpr double time_width = 900;   // width of the whole time range
constexpr double label_width = 560;  // space after the last bar
constexpr double row_height = 20;
constexpr double most_ticks = 10;

constexpr const char* style_sheet =
    "text{font:12px sans-serif;fill:#222}.title{font-size:15px}.parent{font-weight:bold}.tick{fill:#777}"
    "line{stroke:#ddd}.waited{fill:#d5dde5}.started{fill:#4a9a5b}.failed{fill:#c0392b}.waiting{fill:#d5dde5}"
    ".why{fill:#c0392b}";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

double seconds(std::chrono::milliseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

// Maps the time range of the rows to x coordinates.
class Scale {
 public:
  explicit Scale(const std::vector<DeviceRow>& rows) {
    bool any = false;
    for (const DeviceRow& row : rows) {
      if (const BootEvent* event = valid_boot_event(row)) {
        from_ = any ? std::min(from_, seconds(event->asked)) : seconds(event->asked);
        to_ = any ? std::max(to_, seconds(event->ended)) : seconds(event->ended);
        any = true;
      }
    }
    step_ = step_for(to_ - from_);
    from_ = std::floor(from_ / step_) * step_;
    to_ = std::max(to_, from_ + step_);
  }

  double from() const { return from_; }
  double to() const { return to_; }
  double step() const { return step_; }
  double x(double time) const { return left + (time - from_) / (to_ - from_) * time_width; }

 private:
  // Returns 1, 2 or 5 times a power of ten that yields at most `most_ticks` ticks.
  static double step_for(double span) {
    for (double power = 0.001;; power *= 10) {
      for (const double digit : std::array{1.0, 2.0, 5.0}) {
        if (span <= digit * power * most_ticks) {
          return digit * power;
        }
      }
    }
  }

  double from_ = 0;
  double to_ = 0;
  double step_ = 1;
};

std::string text_at(double x, double y, const std::string& text_class, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}>{}</text>\n", x, y,
                     text_class.empty() ? "" : fmt::format(" class=\"{}\"", text_class), escaped(text));
}

std::string bar(const Scale& scale, double y, const std::string& bar_class,
                std::pair<std::chrono::milliseconds, std::chrono::milliseconds> time) {
  const double begin = scale.x(seconds(time.first));
  // A start of zero duration remains visible.
  const double width = std::max(scale.x(seconds(time.second)) - begin, 1.0);
  return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>\n",
                     begin, y, width, row_height - 6, bar_class);
}

std::string name_of(const DeviceRow& row) {
  const Definition& definition = *row.definition;
  std::string name = definition.name ? definition.name->str() : definition.uuid.str();
  name += fmt::format(" ({}{})", definition.type.str(),
                      row.group != nullptr ? ", group " + row.group->name.str() : "");
  return name;
}

std::string draw_row(const DeviceRow& row, const Scale& scale, double y) {
  const BootEvent* found = valid_boot_event(row);
  if (found == nullptr) {
    const std::string why = autostart_word(row) == "manual" ? "started manually"
                            : row.parent_here
                                ? "not attempted"
                                : fmt::format("parent {} not found", row.definition->parent.str());
    return text_at(left, y + row_height - 9, "why", fmt::format("{}: {}", name_of(row), why));
  }
  const BootEvent& event = *found;
  std::string text;
  if (event.begun > event.asked) {
    text += bar(scale, y, "waited", {event.asked, event.begun});
  }
  text += bar(scale, y, boot_word(event.outcome), {event.begun, event.ended});
  const bool good = event.outcome == BootOutcome::started;
  return text +
         text_at(scale.x(seconds(event.ended)) + 6, y + row_height - 9, good ? "" : "why",
                 good ? fmt::format("{} {:.0f} ms", name_of(row), seconds(event.ended - event.begun) * 1000)
                      : fmt::format("{}: {}", name_of(row), event.message));
}

std::string draw_axis(const Scale& scale, double bottom) {
  std::string text;
  int digits = 0;  // after the decimal point
  for (double step = scale.step(); step < 0.999 && digits < 9; step *= 10) {
    ++digits;
  }
  for (unsigned i = 0; scale.from() + i * scale.step() <= scale.to() + scale.step() / 2; ++i) {
    const double time = scale.from() + i * scale.step();
    text += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\"/>\n",
                        scale.x(time), top - 6, bottom);
    text += text_at(scale.x(time) + 3, top - 10, "tick", fmt::format("{:.{}f} s", time, digits));
  }
  return text;
}

}  // namespace

std::string render_boot_plot(const std::vector<DeviceRow>& rows) {
  const Scale scale(rows);
  std::string drawn;
  std::string parent;
  double y = top;
  std::size_t started = 0;
  for (const DeviceRow& row : rows) {
    if (row.definition->parent.str() != parent) {
      parent = row.definition->parent.str();
      drawn += text_at(left, y + row_height - 6, "parent", parent);
      y += row_height;
    }
    drawn += draw_row(row, scale, y);
    const BootEvent* event = valid_boot_event(row);
    started += event != nullptr && event->outcome == BootOutcome::started ? 1U : 0U;
    y += row_height;
  }
  const double bottom = y + row_height / 2;
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
             "viewBox=\"0 0 {0:.0f} {1:.0f}\">\n<style>{2}</style>\n"
             "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
             left + time_width + label_width, bottom + row_height, style_sheet) +
         text_at(left, 26, "title",
                 fmt::format("Mediated devices at boot: {} of {} started (time since boot)", started,
                             rows.size())) +
         draw_axis(scale, bottom) + drawn + "</svg>\n";
}

}  // namespace mdevadm::render
