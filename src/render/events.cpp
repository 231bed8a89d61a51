#include <mdevadm/render/events.hpp>

#include <fmt/format.h>

#include <ctime>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::render {

namespace {

std::string local_time(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);  // also before 1970
  const auto rest = std::chrono::floor<std::chrono::milliseconds>(time - whole);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, rest.count());
}

// Returns "UUID (name), type mtty-1 on mtty".
std::string device_words(const WatchEvent& event) {
  return fmt::format("{}{}{} on {}", event.uuid->str(),
                     event.name.empty() ? std::string{} : fmt::format(" ({})", printable(event.name)),
                     event.type ? fmt::format(", type {}", printable(event.type->str())) : std::string{},
                     printable(event.parent->str()));
}

std::string words_of(const WatchEvent& event) {
  switch (event.kind) {
    case WatchKind::ready: return "ready";
    case WatchKind::parent_registered:
      return fmt::format("parent registered: {}", printable(event.parent->str()));
    case WatchKind::parent_gone: return fmt::format("parent gone: {}", printable(event.parent->str()));
    case WatchKind::device_created: return "device created: " + device_words(event);
    case WatchKind::device_removed: return "device removed: " + device_words(event);
    case WatchKind::device_in_use:
      return fmt::format("device in use: {}, by {}", device_words(event), printable(describe(event.users)));
    case WatchKind::device_released: return "device released: " + device_words(event);
    case WatchKind::definition_added: return "definition added: " + device_words(event);
    case WatchKind::definition_changed: return "definition changed: " + device_words(event);
    case WatchKind::definition_removed:
      return fmt::format("definition removed: {}{}", device_words(event),
                         event.detail.empty() ? std::string{} : "; " + printable(event.detail));
    case WatchKind::group_added: return "group added: " + printable(event.group);
    case WatchKind::group_changed: return "group changed: " + printable(event.group);
    case WatchKind::group_removed: return "group removed: " + printable(event.group);
    case WatchKind::events_lost:
      return "events lost: the kernel had more messages than it keeps; the differences follow";
    case WatchKind::events_dropped:
      return fmt::format("events dropped: {}, because the output was not read; the differences follow",
                         event.count);
  }
  return {};
}

template <typename Name>
Value name_or_null(const std::optional<Name>& name) {
  return name ? Value(name->str()) : Value();
}

Value text_or_null(const std::string& text) {
  return text.empty() ? Value() : Value(text);
}

}  // namespace

std::string render_event(const WatchEvent& event) {
  return fmt::format("{} {}{}\n", local_time(event.time), words_of(event),
                     event.initial ? " (initial state)" : "");
}

std::string render_event_json(const WatchEvent& event) {
  List users;
  for (const Holder& user : event.users) {
    users.items.push_back({{"pid", static_cast<std::uint64_t>(user.pid)}, {"command", user.command}});
  }
  return render_json_line({{"version", format_version},
                           {"time", timestamp(event.time)},
                           {"event", watch_word(event.kind)},
                           {"initial", event.initial},
                           {"parent", name_or_null(event.parent)},
                           {"uuid", name_or_null(event.uuid)},
                           {"name", text_or_null(event.name)},
                           {"type", name_or_null(event.type)},
                           {"vf", text_or_null(event.vf)},
                           {"group", text_or_null(event.group)},
                           {"held_by", std::move(users)},
                           {"dropped", static_cast<std::uint64_t>(event.count)},
                           {"detail", text_or_null(event.detail)}});
}

}  // namespace mdevadm::render
