// Targets: files of mdevadm, mdevctl, libvirt and vgpu-device-manager. What is read, and written again, must
// be the same when it is read for the second time.
#include <array>
#include <mdevadm/store/config_text.hpp>
#include <mdevadm/store/definition_file.hpp>
#include <mdevadm/store/definition_text.hpp>
#include <mdevadm/store/group_file.hpp>
#include <mdevadm/store/host_file.hpp>
#include <mdevadm/store/node_device.hpp>
#include <mdevadm/store/parent_file.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/store/vgpu_manager_file.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <store/runtime_text.hpp>
#include <string>

#include "../../src/store/plain_definition.hpp"
#include "target.hpp"

namespace mdevadm::fuzz {

namespace {

const store::Identity& identity() {
  static const store::Identity known{Uuid::parse("8f3c2a10-0000-4000-8000-000000000001"),
                                     ParentName::parse("0000:86:00.0")};
  return known;
}

void definition(std::string_view input) {
  if (const auto plain = store::read_plain_definition(input, identity())) {
    const store::FileContent content = store::read_with_library(input, "file", identity());
    require(content.definition == plain && content.problems.empty(),
            "plain TOML is read as the library reads it");
    require(store::read_plain_definition(input, identity(), &*plain) == plain,
            "a definition with shared names is the same");
  }
  const store::FileContent read = store::parse_definition(input, "file", identity());
  if (!read.definition) {
    require(!read.problem.message.empty(), "a definition that cannot be used has a problem");
    return;
  }
  const std::string written = store::format_definition(*read.definition);
  const store::FileContent again = store::parse_definition(written, "file", identity());
  require(again.definition == read.definition, "a definition that is written is read as the same");
  require(again.problems.empty(), "a definition that is written has no unknown keys");
  Definition changed = *read.definition;
  changed.start = changed.start == StartMode::manual ? StartMode::automatic : StartMode::manual;
  changed.name = Label::parse("edited");
  try {
    const std::string edited = store::edit_definition(std::string(input), "file", *read.definition, changed);
    const store::FileContent result = store::parse_definition(edited, "file", identity());
    require(result.definition == changed, "an edited definition is read as changed");
    require(result.problems.size() == read.problems.size(), "an edit preserves unknown keys");
    require(store::edit_definition(edited, "file", changed, changed) == edited,
            "an edit without changes changes nothing");
  } catch (const Error&) {  // a layout that cannot be edited
  }
}

void group(std::string_view input) {
  const GroupName name = *GroupName::parse("vm");
  const store::GroupContent read = store::parse_group(input, "file", name);
  if (!read.group) {
    require(!read.problem.message.empty(), "a group that cannot be used has a problem");
    return;
  }
  const store::GroupContent again = store::parse_group(store::format_group(*read.group), "file", name);
  require(again.group == read.group, "a group that is written is read as the same");
  Group changed = *read.group;
  changed.start = changed.start == StartMode::manual ? StartMode::automatic : StartMode::manual;
  if (!changed.members.empty()) {
    changed.members.pop_back();
  }
  try {
    const std::string edited = store::edit_group(std::string(input), "file", *read.group, changed);
    require(store::parse_group(edited, "file", name).group == changed, "an edited group is read as changed");
  } catch (const Error&) {
  }
}

void parent(std::string_view input) {
  const ParentName name = *ParentName::parse("0000:41:00.0");
  const store::ParentFileContent read = store::parse_parent_settings(input, "file", name);
  if (!read.settings) {
    require(!read.problem.message.empty(), "settings that cannot be used have a problem");
    return;
  }
  const std::string written = store::format_parent_settings(*read.settings);
  require(store::parse_parent_settings(written, "file", name).settings == read.settings,
          "settings that are written are read as the same");
  ParentSettings changed = *read.settings;
  changed.functions = FunctionGoal::parse("4");
  changed.commands.push_back({{"nvidia-smi", "vgpu", "-shm", "1"}});
  try {
    const std::string edited =
        store::edit_parent_settings(std::string(input), "file", *read.settings, changed);
    require(store::parse_parent_settings(edited, "file", name).settings == changed,
            "edited settings are read as changed");
  } catch (const Error&) {
  }
}

void host(std::string_view input) {
  const HostFile read = store::parse_host({{"file", std::string(input)}});
  if (!read.problems.empty()) {
    return;
  }
  const std::string written = store::format_host(read);
  const HostFile again = store::parse_host({{"file", written}});
  require(again.problems.empty(), "a description that is written has no problems");
  require(store::format_host(again) == written, "a description that is written is read as the same");
}

void mdevctl_config(std::string_view input) {
  const store::ConfigContent read = store::parse_config(input);
  if (!read.config) {
    require(!read.message.empty(), "a config that cannot be used has a message");
    return;
  }
  for (const store::JsonForm form : {store::JsonForm::lines, store::JsonForm::compact}) {
    const store::ConfigContent again = store::parse_config(store::format_config(*read.config, form));
    require(again.config == read.config, "a config that is written is read as the same");
  }
}

void node_device(std::string_view input) {
  try {
    static_cast<void>(store::parse_node_device(input));
  } catch (const Error&) {
  }
}

void vgpu_manager(std::string_view input) {
  static_cast<void>(store::parse_vgpu_manager("file", input));
}

// The first byte selects the kind of file.
void run_files(std::string_view input) {
  if (input.empty()) {
    return;
  }
  const std::string_view text = input.substr(1);
  static const Uuid uuid = *Uuid::parse("8f3c2a10-0000-4000-8000-000000000001");
  static const ParentName parent = *ParentName::parse("0000:86:00.0");
  constexpr const char* same = "a file that is written is read as the same";
  switch (input.front()) {
    case 'r':
      if (const auto read = store::parse_record(text, uuid)) {
        require(store::parse_record(store::format_record(*read), uuid) == read, same);
      }
      break;
    case 'c':
      if (const Claim read = store::parse_claim(text, uuid); read.problem.empty()) {
        require(store::parse_claim(store::format_claim(read), uuid) == read, same);
        static_cast<void>(timestamp(read.at));
      }
      break;
    case 'b':
      if (const auto read = store::parse_boot_event(text, uuid, parent)) {
        require(store::parse_boot_event(store::format_boot_event(*read), uuid, parent) == read, same);
        static_cast<void>(read->ended - read->asked);
      }
      break;
    case 'p': {
      const ProbeResults read = store::parse_probes(text);
      const ProbeResults again = store::parse_probes(store::format_probes(read));
      require(again.state == read.state && again.all == read.all, same);
      break;
    }
    default: {
      const Preparation read = store::parse_preparation(text, parent);
      require(store::parse_preparation(store::format_preparation(read), parent) == read, same);
    }
  }
}

}  // namespace

std::span<const Target> store_targets() {
  static const std::array targets{Target{"definition", definition},
                                  Target{"group", group},
                                  Target{"parent", parent},
                                  Target{"host", host},
                                  Target{"mdevctl-config", mdevctl_config},
                                  Target{"node-device", node_device},
                                  Target{"vgpu-manager", vgpu_manager},
                                  Target{"run-files", run_files}};
  return targets;
}

}  // namespace mdevadm::fuzz
