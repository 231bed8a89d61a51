// One shape of the kernel's interface to mediated devices. One file a dialect implements it; Host picks by
// looking at the parent.
#pragma once

#include <mdevadm/model/creation.hpp>
#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mdevadm {

// A parent's folder, and where it is.
struct Place {
  const sys::Dir& root;
  sys::Dir folder;
  std::string path;         // below the root
  bool registered = false;  // the kernel lists it as a parent (/sys/class/mdev_bus)
};

// One write(2) that makes the kernel do something.
struct Command {
  std::string folder;  // below the root
  std::string attribute;
  std::string value;
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  // The word that `types --json` and `show` use for it.
  virtual std::string_view name() const = 0;
  virtual bool speaks(const Place& parent) const = 0;
  // Capabilities, home, types and functions, with the attributes that `facets` asks for, in natural order.
  virtual void describe(const Place& parent, Facet facets, Parent& into) const = 0;
  // One write(2), and what must go before and after it; its errno is the answer. Throws Error where it is
  // not the kernel that says no.
  virtual sys::Result<sys::Done> create(const Place& parent, const Creation& what) const = 0;
  // By whose writing a device goes.
  virtual Command removal(const Place& parent, const Device& device) const = 0;
  // By whose writing it goes online or offline; nothing where devices have no such state.
  virtual std::optional<Command> switching(const Place& parent, const Device& device, bool online) const;
  // Whether the state that was asked for is there already; nothing where it cannot be read.
  virtual std::optional<bool> is_online(const Place& parent, const Device& device) const;
  virtual bool tells_type() const { return true; }
  // Whether the device exists, be it half.
  virtual bool is_there(const sys::Dir& root, const Device& device) const;
};

// The dialect that a parent speaks; nullptr if none that is known.
const Dialect* dialect_of(const Place& parent);

// Where a parent is, by its name. Nothing if there is no such device, or none that has to do with mediated
// devices.
std::optional<Place> find_parent(const sys::Dir& root, const std::string& name);
// All of them: those that the kernel lists, and those of interfaces that have no such list.
std::vector<std::pair<std::string, Place>> find_parents(const sys::Dir& root);

// The kernel's own interface since 4.10, with what was proposed on top of it: aggregation, words at creation,
// migration_version.
const Dialect& upstream_dialect();
// What was proposed at the KVM Forum of 2016, with its two ways to share an IOMMU group.
const Dialect& forum_dialect();
// The flat files of 2016, in four forms.
std::span<const Dialect* const> flat_dialects();
// NVIDIA's vGPUs on SR-IOV virtual functions, without mdev.
const Dialect& functions_dialect();

// The physical functions whose virtual functions carry vGPUs, or could.
std::vector<std::string> function_parents(const sys::Dir& root,
                                          const std::optional<std::vector<ParentName>>& among = std::nullopt);
// The virtual functions of one, with what they carry, and with what they could carry if asked for.
std::vector<Function> read_functions(const Place& parent, bool with_creatable);

// An attribute that may be missing, or whose driver refuses to tell: absent either way.
std::optional<std::string> read_optional(const sys::Dir& folder, const std::string& name);
std::optional<std::uint64_t> read_number(const sys::Dir& folder, const std::string& name);

}  // namespace mdevadm
