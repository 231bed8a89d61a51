#include <mdevadm/util/holder.hpp>

#include <fmt/format.h>

#include <mdevadm/util/text.hpp>

namespace mdevadm {

std::string describe(const std::vector<Holder>& holders) {
  std::vector<std::string> names;
  for (const Holder& holder : holders) {
    const std::string name = holder.command.empty()
                                 ? fmt::format("pid {}", holder.pid)
                                 : fmt::format("{} (pid {})", printable(holder.command), holder.pid);
    names.push_back(holder.certain ? name : "probably " + name);
  }
  return names.empty() ? "an unknown process" : join(names, ", ");
}

}  // namespace mdevadm
