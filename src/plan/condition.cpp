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

}  // namespace mdevadm
