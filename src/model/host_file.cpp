#include <mdevadm/model/host_file.hpp>

#include <algorithm>
#include <mdevadm/model/pci.hpp>

namespace mdevadm {

std::string DeviceEntry::name_of(std::uint64_t number) const {
  const std::size_t place = is_pattern() ? name.find("{}") : std::string::npos;
  std::string result = name;
  return place == std::string::npos ? result : result.replace(place, 2, std::to_string(number));
}

const FilePosition& DeviceEntry::at(std::string_view key) const {
  const auto found = keys.find(key);
  return found != keys.end() ? found->second : where;
}

Uuid HostFile::space_or_default() const {
  return space.value_or(*Uuid::parse(default_space));
}

Uuid derived_uuid(const HostFile& file, const std::string& name) {
  return Uuid::of_name(file.space_or_default(), name);
}

bool DeviceEntry::depends_on_parents() const {
  return per_parent || !except.empty() ||
         std::any_of(parents.begin(), parents.end(),
                     [](const std::string& one) { return PciPattern::parse(one).has_value(); });
}

}  // namespace mdevadm
