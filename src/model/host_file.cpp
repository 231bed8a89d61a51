#include <mdevadm/model/host_file.hpp>

#include <algorithm>
#include <mdevadm/model/pci.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

std::string DeviceEntry::name_of(std::uint64_t number) const {
  const std::size_t place = is_pattern() ? name.find("{}") : std::string::npos;
  std::string result = name;
  return place == std::string::npos ? result : result.replace(place, 2, std::to_string(number));
}

bool DeviceEntry::may_have_name(const std::string& text) const {
  if (uuid || name.empty()) {
    return name == text;
  }
  std::string shape;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::string_view rest = std::string_view(name).substr(i);
    const std::string_view placeholder = rest.starts_with("{}")                 ? rest.substr(0, 2)
                                         : rest.starts_with(parent_placeholder) ? parent_placeholder
                                                                                : std::string_view{};
    if (placeholder.empty()) {
      shape += std::string_view("*?[\\").find(name[i]) != std::string_view::npos ? "\\" : "";
      shape += name[i];
    } else {
      shape += '*';
      i += placeholder.size() - 1;
    }
  }
  return matches_pattern(text, shape);
}

const FilePosition& DeviceEntry::at(std::string_view key) const {
  const auto found = keys.find(key);
  return found != keys.end() ? found->second : where;
}

std::tuple<std::size_t, std::size_t, std::size_t> HostFile::order_of(const FileProblem& problem) const {
  const auto path = std::find(paths.begin(), paths.end(), problem.path);
  return {static_cast<std::size_t>(path - paths.begin()), problem.line, problem.column};
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
