// The description of a domain that virsh(1) prints. Internal header.
#pragma once

#include <mdevadm/model/guest.hpp>
#include <string_view>
#include <vector>

namespace mdevadm {

// Returns the devices of the host in <devices><hostdev>. Throws Error if the text is not well-formed XML.
std::vector<AttachedDevice> hostdevs_in(std::string_view xml);

}  // namespace mdevadm
