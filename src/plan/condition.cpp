#include <algorithm>
#include <mdevadm/plan/watch.hpp>

namespace mdevadm {

namespace {

using State = Condition::State;

bool device_is(State state, const Uuid& uuid, const Watched& seen) {
  const auto is_it = [&](const auto& entry) { return entry.second.uuid == uuid; };
  const auto found = std::find_if(seen.devices.begin(), seen.devices.end(), is_it);
  // A removal is pending as long as a process uses the device.
  const auto in_use = [&](const auto& entry) {
    return is_it(entry) && (entry.second.removing || !entry.second.users.empty());
  };
  switch (state) {
    case State::active: return found != seen.devices.end() && !found->second.removing;
    case State::inactive: return found == seen.devices.end();
    case State::in_use: return std::any_of(seen.devices.begin(), seen.devices.end(), in_use);
    case State::unused:
      return found == seen.devices.end() ||
             (seen.unseen_processes == 0 && std::none_of(seen.devices.begin(), seen.devices.end(), in_use));
    default: return false;
  }
}

// The next event of a state of which only parents and devices are used.
void apply(Watched& state, const WatchEvent& event) {
  const auto is_it = [&](const auto& entry) {
    return entry.second.uuid == event.uuid && entry.second.parent == event.parent &&
           entry.second.vf == event.vf;
  };
  switch (event.kind) {
    case WatchKind::parent_registered: state.parents.insert(*event.parent); break;
    case WatchKind::parent_gone: state.parents.erase(*event.parent); break;
    case WatchKind::device_created:
      // Events have no directory; any name that no other device has will do.
      state.devices.insert_or_assign(
          event.parent->str() + "/" + event.vf + "/" + event.uuid->str(),
          WatchedDevice{.uuid = *event.uuid, .parent = *event.parent, .vf = event.vf});
      break;
    case WatchKind::device_removed: std::erase_if(state.devices, is_it); break;
    case WatchKind::device_in_use:
      if (const auto found = std::find_if(state.devices.begin(), state.devices.end(), is_it);
          found != state.devices.end()) {
        found->second.users = event.users;
      }
      break;
    default: break;
  }
}

}  // namespace

const std::vector<std::string>& condition_words() {
  static const std::vector<std::string> words{"present", "absent", "active", "inactive", "in-use", "unused"};
  return words;
}

std::optional<Condition> Condition::parse(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::vector<std::string>& words = condition_words();
  const auto found = std::find(words.begin(), words.end(), text.substr(0, equals));
  if (found == words.end() || equals == std::string_view::npos || equals + 1 == text.size()) {
    return std::nullopt;
  }
  return Condition{static_cast<State>(found - words.begin()), std::string(text.substr(equals + 1))};
}

bool holds(const Condition& condition, const Watched& state) {
  if (condition.concerns_parent()) {
    return state.parents.contains(*condition.parent) == (condition.state == State::present);
  }
  return std::all_of(condition.devices.begin(), condition.devices.end(),
                     [&](const Uuid& uuid) { return device_is(condition.state, uuid, state); });
}

bool held_during(const std::vector<Condition>& all, Watched before, const WatchEvents& events) {
  return std::any_of(events.begin(), events.end(), [&](const WatchEvent& event) {
    apply(before, event);
    return std::all_of(all.begin(), all.end(), [&](const Condition& one) { return holds(one, before); });
  });
}

}  // namespace mdevadm
