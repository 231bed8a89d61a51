// Reads devices from their directories. Internal header.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mdevadm/host/host.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <mdevadm/util/compact.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "listed_devices.hpp"

namespace mdevadm {

// Caches user and group names: thousands of nodes have few owners, and each lookup reads files.
class NodeReader {
 public:
  NodeReader(const sys::Dir& root, bool is_used);

  // `siblings` is the directory in which the device is.
  void read(const sys::Dir& siblings, Device& device);

 private:
  void add(Device& device, Node::Kind kind, const std::string& path);

  const sys::Dir& root_;
  // Whether there are VFIO device nodes (Linux 6.6). Reading their names is half the cost of a full listing.
  bool has_cdevs_;
  std::map<uid_t, std::string> users_{};
  std::map<gid_t, std::string> groups_{};
};

// Files that only devices of some drivers have, as bits. A driver gives all devices of a type the same files
// (dev_groups of the mdev driver), so the first device of a type shows which of them the others lack: looking
// for each file of each device would be most of the cost of a complete listing.
using OptionalFiles = std::uint8_t;

// A directory with devices: that of a parent, or of a virtual function of a GPU.
struct Siblings {
  SharedText path;                            // below the root
  std::optional<sys::Dir> directory{};        // absent: it does not exist any more
  std::optional<ParentName> parent{};         // absent: its name is not valid
  RareText vf{};                              // address of the virtual function
  std::map<TypeName, OptionalFiles> files{};  // files of the first device of a type
};

// A device on the bus.
struct NamedUuid {
  Uuid uuid;
  RareText name{};                     // on the bus, if that is not the UUID
  const Siblings* siblings = nullptr;  // where it is, once that was read
  const ListedDevices::TypeDirectory* listed = nullptr;
};

// Reads devices relative to their common directory, which is opened once per parent: resolving long paths is
// most of the cost of reading thousands of devices.
class DeviceReader {
 public:
  // `root` and `bus` must outlive the reader.
  DeviceReader(const sys::Dir& root, const sys::Dir& bus, const Scope& scope);

  // Returns where a listed device is.
  const Siblings* at(const ListedDevices::TypeDirectory& listed);

  // Returns where the device with this name on the bus is, or nullptr if it no longer exists.
  const Siblings* find(const std::string& id);

  // Reads a device in the directory that find() of any reader has returned. `id` is its name on the bus.
  // Returns false if it no longer exists.
  bool read(const NamedUuid& named, const std::string& id, Device& device);

  // Reads the links and nodes of a VF whose path and type are known.
  void read_function(Device& device);

 private:
  Siblings& directory_at(const std::string& path);
  SharedText shared(const std::optional<std::string>& driver);
  std::optional<TypeName> shared_type(std::string_view type);
  void read_links(Siblings& siblings, const std::string& id, Device& device);
  void read_optional_files(Siblings& siblings, const std::string& id, Device& device);

  // Finds texts without a copy.
  struct TextHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  const sys::Dir& root_;
  const sys::Dir& bus_;
  Facet facets_;
  bool is_raw_;
  NodeReader nodes_;
  std::map<std::string, Siblings> directories_{};
  // The same by the directories of links on the bus.
  std::unordered_map<std::string, Siblings*, TextHash, std::equal_to<>> links_{};
  std::unordered_map<const ListedDevices::TypeDirectory*, Siblings*> listed_{};
  const Siblings* others_ = nullptr;  // the last directory, as another reader has found it
  Siblings* own_ = nullptr;           // the same of this reader
  SharedText last_driver_{};
  std::optional<TypeName> last_type_{};
  sys::LinkTarget target_{};
  std::string file_{};
};

// Returns whether a list of queues can be incomplete: kernels before 6.10 end it, without an error, at the
// end of a page.
bool may_be_cut(std::string_view matrix);

// Reads the card with this name in the directory of the AP bus's devices; nullopt: the name is another one.
std::optional<ApCard> read_card(const sys::Dir& devices, const std::string& name);

}  // namespace mdevadm
