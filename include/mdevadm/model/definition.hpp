// What is kept of a device so that it can be made again, with its UUID, after every boot.
#pragma once

#include <cstdint>
#include <mdevadm/model/abi.hpp>
#include <mdevadm/model/names.hpp>
#include <mdevadm/util/uuid.hpp>
#include <optional>
#include <string>
#include <vector>

namespace mdevadm {

enum class StartMode { manual, automatic };

// Whose file it is kept in: ours, or mdevctl's.
enum class Origin { mdevadm, mdevctl };

// One value for one attribute of the live device. They are written in order, and names may repeat: vfio-ap
// gets one assign_adapter a number.
struct Attribute {
  AttributeName name;
  std::string value;
  bool operator==(const Attribute&) const = default;
};

// Whether it gives a vfio-ap device one adapter, domain or control domain. Such can be given all at once,
// where the kernel has ap_config (6.10).
bool assigns_queue(const Attribute& attribute);

// Who may open the device's VFIO node. What is absent is left as the kernel and udev made it.
struct NodePolicy {
  std::optional<std::string> owner;   // user name or number
  std::optional<std::string> group;   // group name or number
  std::optional<std::uint32_t> mode;  // permission bits
  std::optional<std::string> selinux_label{};
  bool operator==(const NodePolicy&) const = default;
};

struct Definition {
  Uuid uuid;
  ParentName parent;
  TypeName type;
  StartMode start = StartMode::manual;
  std::optional<Label> name{};
  std::optional<std::uint64_t> aggregate{};
  std::optional<std::string> create_args{};  // verbatim, understood or not
  std::vector<Attribute> attributes{};
  std::optional<NodePolicy> node{};
  std::optional<FunctionName> function{};  // the virtual function that is to carry it; absent: any
  std::optional<Abi> abi{};                // what the guest saw when it was defined
  Origin origin = Origin::mdevadm;

  bool operator==(const Definition&) const = default;
};

// A place in a file that is wrong or odd. Line and column count from 1; 0 is the file as a whole.
struct FileProblem {
  std::string path;
  std::size_t line = 0;
  std::size_t column = 0;
  std::string message;

  std::string str() const;  // "path:line:column: message"
};

// Everything that is defined, and what could not be read of it.
struct Definitions {
  std::vector<Definition> all;      // sorted by parent, then UUID
  std::vector<FileProblem> broken;  // files that do not count
  std::vector<FileProblem> odd;     // files that count, with keys that mean nothing to us

  // Those of one UUID: it may be defined under several parents, of which one at a time can be active.
  std::vector<const Definition*> find(const Uuid& uuid) const;
  const Definition* find(const Uuid& uuid, const ParentName& parent) const;
  const Definition* find_label(const Label& name) const;
};

}  // namespace mdevadm
