// Mediated devices in libvirt's XML, as virsh nodedev-dumpxml prints them and nodedev-define reads them
// (https://libvirt.org/formatnode.html).
#pragma once

#include <mdevadm/model/definition.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm::store {

struct NodeDevice {
  std::string parent;  // the address of the parent device, or else its name in libvirt
  TypeName type;
  std::optional<Uuid> uuid{};
  std::vector<Attribute> attributes{};
};

// Parses a document. Elements that a definition does not need are ignored. Throws Error{failed} with the
// reason, and the line if there is one: the text is not well-formed XML, describes another kind of device, or
// lacks the parent or the type; a value is not valid.
NodeDevice parse_node_device(std::string_view xml);

}  // namespace mdevadm::store
