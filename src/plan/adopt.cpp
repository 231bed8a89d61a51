#include <mdevadm/plan/adopt.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

bool has_name(const std::vector<Attribute>& attributes, const AttributeName& name) {
  return std::any_of(attributes.begin(), attributes.end(),
                     [&](const Attribute& one) { return one.name == name; });
}

bool is_known(const SettableFile& file) {
  return file.value && reports_what_was_set(file.name) && file.value->find('\n') == std::string::npos;
}

std::string describe(const SettableFile& file) {
  return fmt::format(
      "{} ({})", file.name.str(),
      file.value ? fmt::format("reports '{}'", printable(*file.value)) : std::string("cannot be read"));
}

}  // namespace

std::string take_over(const Device& device, const ActiveSettings& settings,
                      const std::vector<Attribute>& given, Definition& wanted) {
  if (!wanted.aggregate && device.units.value_or(1) > 1) {
    wanted.aggregate = device.units;
  }
  // The kernel's list of queues is complete; scripts do not report control domains in each version.
  if (device.queues) {
    wanted.attributes = assignments_of(*device.queues);
    wanted.queue_table = true;
  } else {
    std::copy_if(settings.reported.begin(), settings.reported.end(), std::back_inserter(wanted.attributes),
                 [&](const Attribute& one) { return is_ap_attribute(one) || !has_name(given, one.name); });
  }
  std::vector<std::string> unknown;
  for (const SettableFile& file : settings.files) {
    if (has_name(given, file.name) || has_name(settings.reported, file.name) || file.value == "") {
      continue;
    }
    if (is_known(file)) {
      wanted.attributes.push_back({file.name, *file.value});
    } else {
      unknown.push_back(describe(file));
    }
  }
  return unknown.empty() ? ""
                         : fmt::format(
                               "attributes of the active device are not in the definition, because "
                               "the driver does not report what was set: {}; if they were set, "
                               "specify them with --attr",
                               join(unknown, ", "));
}

}  // namespace mdevadm
