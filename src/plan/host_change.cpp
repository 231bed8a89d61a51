#include <mdevadm/plan/apply.hpp>

namespace mdevadm {

std::string kind_word(HostChange::Kind kind) {
  using Kind = HostChange::Kind;
  switch (kind) {
    case Kind::add: return "add";
    case Kind::change: return "change";
    case Kind::correct: return "correct";
    case Kind::remove: return "remove";
    case Kind::prepare: return "prepare";
    case Kind::start: return "start";
    case Kind::stop: return "stop";
    case Kind::restart: return "restart";
  }
  return {};
}

std::string object_word(HostChange::Object object) {
  using Object = HostChange::Object;
  return object == Object::parent ? "parent" : object == Object::group ? "group" : "device";
}

}  // namespace mdevadm
