#include <mdevadm/model/snapshot.hpp>

#include <algorithm>

#include <mdevadm/util/text.hpp>

namespace mdevadm {

bool same_type(std::string_view a, std::string_view b) {
  const auto number = [](std::string_view id) { return id.substr(id.find('-') + 1); };
  return a == b ||
         ((parse_decimal(a) || parse_decimal(b)) && parse_decimal(number(a)) && number(a) == number(b));
}

const Type* Parent::find_type(const std::string& id) const {
  const auto found =
      std::find_if(types.begin(), types.end(), [&](const Type& type) { return type.id.str() == id; });
  return found == types.end() ? nullptr : &*found;
}

std::vector<const Type*> Parent::all_types() const {
  std::vector<const Type*> result;
  for (const std::vector<Type>* part : {&types, &unlisted}) {
    std::transform(part->begin(), part->end(), std::back_inserter(result),
                   [](const Type& type) { return &type; });
  }
  if (!unlisted.empty()) {
    std::sort(result.begin(), result.end(),
              [](const Type* a, const Type* b) { return natural_less(a->id.str(), b->id.str()); });
  }
  return result;
}

DevicePath::DevicePath(std::string path) : text_(std::make_shared<const std::string>(std::move(path))) {}

DevicePath::DevicePath(SharedText above, const Uuid& uuid) : text_(std::move(above)), uuid_(uuid) {
  if (uuid_ == Uuid{}) {
    text_ = std::make_shared<const std::string>(*text_ + "/" + uuid_.str());
  }
}

std::string DevicePath::str() const {
  std::string path;
  if (text_ != nullptr) {
    constexpr std::size_t uuid_size = 36;
    path.reserve(text_->size() + 1 + uuid_size);
    path = *text_;
  }
  if (uuid_ != Uuid{}) {
    path += '/';
    uuid_.append_to(path);
  }
  return path;
}

const Node* Device::find_node(Node::Kind kind) const {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [kind](const Node& node) { return node.kind == kind; });
  return found == nodes.end() ? nullptr : &*found;
}

const Parent* Snapshot::find_parent(const std::string& name) const {
  const auto found =
      std::find_if(parents.begin(), parents.end(), [&](const Parent& p) { return p.name.str() == name; });
  return found == parents.end() ? nullptr : &*found;
}

const Device* Snapshot::find_device(const Uuid& uuid) const {
  const auto found =
      std::find_if(devices.begin(), devices.end(), [&](const Device& d) { return d.uuid == uuid; });
  return found == devices.end() ? nullptr : &*found;
}

const Device* Snapshot::find_removing(const Uuid& uuid) const {
  const auto found =
      std::find_if(removing.begin(), removing.end(), [&](const Device& d) { return d.uuid == uuid; });
  return found == removing.end() ? nullptr : &*found;
}

std::vector<std::string> Snapshot::parent_names() const {
  std::vector<std::string> names;
  std::transform(parents.begin(), parents.end(), std::back_inserter(names),
                 [](const Parent& p) { return p.name.str(); });
  return names;
}

}  // namespace mdevadm
