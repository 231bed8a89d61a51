// Validated names from external input. A parsed name is safe to use as part of a path.
#pragma once

#include <compare>
#include <mdevadm/util/compact.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace mdevadm {

// Returns whether the text is one path component: not empty, not "." or "..", at most 255 bytes, without '/'
// and control bytes.
bool is_component(std::string_view text);

// Returns whether the text is a path inside a device's directory: components joined by '/', no leading '/'.
bool is_attribute_path(std::string_view text);

// Returns whether the text can name a definition: a component that does not begin with '-' and is not a UUID.
bool is_label(std::string_view text);

// Returns whether the text can be the name or ID of a user or group: not empty, without colons, blanks and
// control bytes.
bool is_account(std::string_view text);

// A string validated by `Rule`. Copies share it: thousands of devices have the same parent and type.
template <bool (*Rule)(std::string_view), typename Tag>
class Name {
 public:
  static std::optional<Name> parse(std::string_view text) {
    return Rule(text) ? std::optional<Name>(Name(std::string(text))) : std::nullopt;
  }

  // A move would leave a name without a text.
  Name(const Name&) = default;
  Name& operator=(const Name&) = default;
  ~Name() = default;

  const std::string& str() const noexcept { return *text_; }
  std::strong_ordering operator<=>(const Name& other) const noexcept {
    return text_ == other.text_ ? std::strong_ordering::equal : *text_ <=> *other.text_;
  }
  bool operator==(const Name& other) const noexcept { return (*this <=> other) == 0; }

 private:
  explicit Name(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {}

  SharedText text_;
};

using ParentName =
    Name<is_component, struct ParentTag>;  // kernel name of the parent device: 0000:86:00.0, matrix
using TypeName = Name<is_component, struct TypeTag>;          // type ID, its directory in sysfs: nvidia-17
using FunctionName = Name<is_component, struct FunctionTag>;  // PCI address: 0000:41:00.4
using AttributeName = Name<is_attribute_path, struct AttributeTag>;  // assign_adapter, nvidia/vgpu_params
using Label = Name<is_label, struct LabelTag>;                       // user-defined name of a definition

// Orders devices, definitions and what is stored about them by parent, then by UUID.
inline constexpr auto by_parent = [](const auto& a, const auto& b) {
  return std::tie(a.parent, a.uuid) < std::tie(b.parent, b.uuid);
};

}  // namespace mdevadm
