#include <mdevadm/plan/conflicts.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mdevadm/plan/functions.hpp>
#include <mdevadm/plan/groups.hpp>
#include <mdevadm/plan/overcommitment.hpp>
#include <mdevadm/plan/resolve.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm {

namespace {

constexpr std::size_t queues_in_conflict = 4;

// A definition of a vfio-ap device, with what it assigns.
struct CryptoDefinition {
  const Definition* definition;
  ApMatrix matrix;
};

class Conflicts {
 public:
  explicit Conflicts(const CheckInput& input) : in_(input) {
    for (const Device& device : in_.seen.devices) {
      by_uuid_.emplace(device.uuid, &device);
      if (!device.vf.empty()) {
        by_function_.emplace(std::pair(device.parent, device.vf.str()), &device);
      }
      if (device.queues) {
        crypto_devices_.push_back(&device);
      }
    }
  }

  std::vector<ObjectFinding> find() && {
    std::map<Uuid, const Definition*> defined;
    std::map<std::pair<ParentName, FunctionName>, const Definition*> reserved;
    std::vector<CryptoDefinition> crypto;
    for (const Definition& definition : in_.defined.all) {
      const auto [first, is_new] = defined.emplace(definition.uuid, &definition);
      if (!is_new) {
        add_pair(*first->second, definition, "the UUID is also that of", "uuid-shared");
      }
      if (const FunctionName* vf = definition.reserved_vf()) {
        const auto [owner, is_first] = reserved.emplace(std::pair(definition.parent, *vf), &definition);
        if (!is_first) {
          add_pair(*owner->second, definition,
                   fmt::format("virtual function {} is also reserved for", vf->str()), "vf-shared");
        }
      }
      if (has_queues(definition.type.str())) {
        const CryptoDefinition one{&definition, assigned_by(definition.attributes)};
        compare_queues(crypto, one);
        crypto.push_back(one);
      }
      find_withheld(definition);
      const auto device = by_uuid_.find(definition.uuid);
      if (device == by_uuid_.end()) {
        find_owners(definition);
      } else if (device->second->parent != definition.parent && is_new) {
        add_taken(definition, "its UUID is", *device->second, "uuid-taken");
      }
    }
    // The devices that are active have their instances; one of the others is too much.
    for (const bool active : {true, false}) {
      for (const Definition& definition : in_.defined.all) {
        if (is_active(definition) == active) {
          find_overcommitment(definition);
        }
      }
    }
    return std::move(found_);
  }

 private:
  // Reports one of several owners and the number of the others: of N definitions with the same queue, N - 1
  // have a finding. An owner with which the definition conflicts at each boot comes first.
  void compare_queues(const std::vector<CryptoDefinition>& others, const CryptoDefinition& one) {
    std::vector<const CryptoDefinition*> owners;
    for (const CryptoDefinition& other : others) {
      if (other.definition->uuid != one.definition->uuid &&
          !common_queues(other.matrix, one.matrix).empty()) {
        owners.push_back(&other);
      }
    }
    if (owners.empty()) {
      return;
    }
    const auto conflicts = std::find_if(owners.begin(), owners.end(), [&](const CryptoDefinition* other) {
      return both_automatic(*other->definition, *one.definition);
    });
    const CryptoDefinition& owner = conflicts != owners.end() ? **conflicts : *owners.front();
    const std::vector<Apqn> common = common_queues(owner.matrix, one.matrix);
    add_pair(*owner.definition, *one.definition,
             fmt::format("crypto queue{} also defined for{}",
                         (common.size() == 1 ? " " : "s ") + format_queues(common, queues_in_conflict) +
                             (common.size() == 1 ? " is" : " are"),
                         owners.size() > 1 ? fmt::format(" {} definitions, one of them", owners.size()) : ""),
             "queue-shared");
  }

  bool is_active(const Definition& definition) const {
    const auto device = by_uuid_.find(definition.uuid);
    return device != by_uuid_.end() && device->second->parent == definition.parent;
  }

  // Reports each definition with autostart for which its parent has no room beside others.
  void find_overcommitment(const Definition& definition) {
    const Parent* parent =
        in_.groups.starts_at_boot(definition) ? in_.seen.find_parent(definition.parent.str()) : nullptr;
    if (parent == nullptr) {
      return;
    }
    auto lack = at_boot_.try_emplace(parent, in_.seen, in_.defined, *parent).first->second.add(definition);
    if (!lack) {
      return;
    }
    const std::string name = name_of_definition(definition);
    lack->id = "autostart-capacity";
    lack->advice.insert(lack->advice.begin(),
                        {advice_on_autostart(definition, "one of them"),
                         "list the definitions: mdevadm list --defined -p " + definition.parent.str()});
    found_.push_back({*std::move(lack), name, definition.parent.str()});
  }

  // Finds active devices that have what the definition of an inactive one needs.
  void find_owners(const Definition& definition) {
    if (const FunctionName* vf = definition.reserved_vf()) {
      const auto owner = by_function_.find({definition.parent, vf->str()});
      if (owner != by_function_.end()) {
        add_taken(definition, fmt::format("virtual function {} is", vf->str()), *owner->second, "vf-taken");
      }
    }
    find_obstacles(definition);
    const ApMatrix matrix =
        has_queues(definition.type.str()) ? assigned_by(definition.attributes) : ApMatrix{};
    for (const Device* device : crypto_devices_) {
      const std::vector<Apqn> common = common_queues(*device->queues, matrix);
      if (!common.empty()) {
        add_taken(definition,
                  fmt::format("crypto queue{}", (common.size() == 1 ? " " : "s ") +
                                                    format_queues(common, queues_in_conflict) +
                                                    (common.size() == 1 ? " is" : " are")),
                  *device, "queue-taken");
      }
    }
  }

  bool both_automatic(const Definition& first, const Definition& second) const {
    return in_.groups.starts_at_boot(first) && in_.groups.starts_at_boot(second);
  }

  // Returns the command after which a device is not started at boot.
  std::string advice_on_autostart(const Definition& definition, const std::string& device) const {
    const Group* group = definition.start == StartMode::automatic ? nullptr : in_.groups.of(definition);
    return group == nullptr ? fmt::format("disable autostart of {}: mdevadm modify {} -p {} --manual", device,
                                          shell_word(name_of_definition(definition)), definition.parent.str())
                            : fmt::format("disable autostart of its group: mdevadm group modify {} --manual",
                                          shell_word(group->name.str()));
  }

  // Finds virtual functions that the settings of the parent exclude. An active device keeps its function
  // until it is stopped.
  void find_withheld(const Definition& definition) {
    const FunctionName* vf = definition.reserved_vf();
    const std::string& parent = definition.parent.str();
    if (vf != nullptr && in_.defined.withholds(definition.parent, vf->str())) {
      found_.push_back(
          {{fmt::format("virtual function {} is reserved by the settings of {}, so '{}' cannot be "
                        "started{}",
                        vf->str(), parent, printable(name_of_definition(definition)),
                        by_uuid_.contains(definition.uuid) ? " again" : ""),
            {advice_to_release_function(definition),
             fmt::format("remove the reservation: mdevadm parent set {} --unreserve {}", parent, vf->str())},
            "vf-withheld",
            severity_if(in_.groups.starts_at_boot(definition))},
           name_of_definition(definition),
           parent});
    }
  }

  // Finds why the virtual function of an inactive definition can take no device.
  void find_obstacles(const Definition& definition) {
    const Severity severity = severity_if(in_.groups.starts_at_boot(definition));
    const std::string& parent = definition.parent.str();
    if (std::string doubt = doubt_of_function(in_.seen, definition); !doubt.empty()) {
      const Parent& there = *in_.seen.find_parent(parent);
      const bool is_free = std::any_of(there.functions.begin(), there.functions.end(),
                                       [](const Function& one) { return one.usable && !one.type; });
      std::vector<std::string> advice{"show the virtual functions of the parent: mdevadm show " + parent};
      if (has_few_functions(there)) {
        advice.insert(advice.begin(), advice_to_enable_all(there));
      }
      if (is_free || !has_few_functions(there)) {
        advice.push_back(advice_to_release_function(definition));
      }
      found_.push_back({{std::move(doubt), std::move(advice), "vf-unusable", severity},
                        name_of_definition(definition),
                        parent});
    }
  }

  void add_taken(const Definition& definition, const std::string& what, const Device& owner, const char* id) {
    const Definition* other = in_.defined.find(owner.uuid, owner.parent);
    const std::string word = other != nullptr ? name_of_definition(*other) : owner.uuid.str();
    // mdevadm does not stop a device of another program, and its virtual function is reserved by the
    // definition.
    std::vector<std::string> advice =
        owner.unmanaged ? std::vector{advice_to_release_function(definition),
                                      fmt::format("free virtual function {} with the program that has "
                                                  "created the device on it: mdevadm show {}",
                                                  owner.vf.str(), owner.uuid.str())}
                        : std::vector{"stop that device: mdevadm stop " + shell_word(word)};
    if (owner.unmanaged && owner.type &&
        means_type(in_.seen.find_parent(owner.parent.str()), definition.type, *owner.type)) {
      advice.push_back(advice_to_adopt(owner, definition));
    }
    found_.push_back({{fmt::format("{} used by the active device '{}' on {}{}, so '{}' cannot be started",
                                   what, printable(word), owner.parent.str(),
                                   owner.unmanaged ? " (created by another program)" : "",
                                   printable(name_of_definition(definition))),
                       std::move(advice), id, severity_if(in_.groups.starts_at_boot(definition))},
                      name_of_definition(definition),
                      definition.parent.str()});
  }

  static bool share_function(const Definition& first, const Definition& second) {
    const FunctionName* vf = first.reserved_vf();
    const FunctionName* other = second.reserved_vf();
    return vf != nullptr && other != nullptr && *vf == *other && first.parent == second.parent;
  }

  // Suggests to change the definition whose device is not active: the other device is in use.
  void add_pair(const Definition& first, const Definition& second, const std::string& what, const char* id) {
    const bool both = both_automatic(first, second);
    const bool is_first = !is_active(first) || is_active(second);
    const Definition& changed = is_first ? first : second;
    const std::string name = name_of_definition(changed);
    const std::string& parent = changed.parent.str();
    std::vector<std::string> advice;
    if (share_function(first, second)) {
      advice.push_back(advice_to_release_function(changed));
    }
    advice.push_back(both ? advice_on_autostart(changed, fmt::format("'{}'", printable(name)))
                          : fmt::format("remove the definition of '{}', if it is not needed: {} -p {}",
                                        printable(name), command_to_undefine(name, changed, in_.groups),
                                        parent));
    found_.push_back({{fmt::format("{} '{}' under {}; the devices cannot be active together", what,
                                   printable(name_of_definition(first)), first.parent.str()),
                       advice, id, severity_if(both)},
                      name_of_definition(second),
                      second.parent.str()});
  }

  const CheckInput& in_;
  std::map<const Parent*, BootNeeds> at_boot_{};
  std::map<Uuid, const Device*> by_uuid_{};
  std::map<std::pair<ParentName, std::string>, const Device*> by_function_{};
  std::vector<const Device*> crypto_devices_{};
  std::vector<ObjectFinding> found_{};
};

}  // namespace

std::string name_of_definition(const Definition& definition) {
  return definition.name ? definition.name->str() : definition.uuid.str();
}

std::vector<ObjectFinding> conflicts(const CheckInput& input) {
  return Conflicts(input).find();
}

}  // namespace mdevadm
