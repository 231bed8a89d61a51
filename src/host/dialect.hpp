// One shape of the kernel's mdev interface. One file a dialect implements it; Host picks by looking at the
// parent.
#pragma once

#include <mdevadm/model/facet.hpp>
#include <mdevadm/model/snapshot.hpp>
#include <mdevadm/sys/dir.hpp>
#include <string_view>
#include <vector>

namespace mdevadm {

class Dialect {
 public:
  virtual ~Dialect() = default;

  // The word that `types --json` and `show` use for it.
  virtual std::string_view name() const = 0;
  virtual bool speaks(const sys::Dir& parent) const = 0;
  virtual Capabilities capabilities() const = 0;
  // The types of a parent, with the attributes that `facets` asks for, in natural order.
  virtual std::vector<Type> types(const sys::Dir& parent, Facet facets) const = 0;
  // One write(2); its errno is the answer.
  virtual sys::Result<sys::Done> create(const sys::Dir& parent, const TypeName& type,
                                        const Uuid& uuid) const = 0;
  // The file by whose writing a device goes, and what is to be written.
  struct RemoveCommand {
    std::string attribute;  // in the device's folder
    std::string value;
  };
  virtual RemoveCommand remove_command() const = 0;
};

// The dialect that a parent speaks; nullptr if none that is known.
const Dialect* dialect_of(const sys::Dir& parent);

// The kernel's own interface since 4.10.
const Dialect& upstream_dialect();

}  // namespace mdevadm
