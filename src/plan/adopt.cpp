#include <mdevadm/plan/adopt.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/ap.hpp>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/error.hpp>
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

void add_record(const Device& active, const Definition& owner, Job& job) {
  if (active.type) {
    job.steps.push_back({KeepRecord{{owner.uuid, owner.parent, *active.type, active.name.str(), true}},
                         DropRecord{owner.uuid}});
  }
}

Job plan_adopt(const Snapshot& seen, const Definition& owner, const Device& device,
               const std::string& argument) {
  const Identity about = identity_of(owner, argument);
  Job job{"adopt " + about.quoted(), about, owner.parent.str()};
  if (!device.type || !means_type(seen.find_parent(owner.parent.str()), owner.type, *device.type)) {
    const std::string type = device.type ? device.type->str() : "unknown";
    const std::string word = shell_word(identity_of(owner).word());
    throw Error(
        ExitCode::conflict,
        fmt::format("cannot define '{}': virtual function {} is reserved for {}, whose type is {}, not {}",
                    printable(argument), device.vf.str(), identity_of(owner).quoted(),
                    printable(owner.type.str()), type),
        std::vector{
            advice_to_release_function(owner),
            fmt::format("if it is to be the device of '{}', change the type of that first: mdevadm "
                        "modify {} --type {} && mdevadm define {}",
                        printable(identity_of(owner).word()), word, shell_word(type), device.vf.str()),
            advice_to_clear(device)});
  }
  add_record(device, owner, job);
  job.notes.push_back(fmt::format("{} has the active device on virtual function {} now", job.about.quoted(),
                                  device.vf.str()));
  return job;
}

}  // namespace mdevadm
