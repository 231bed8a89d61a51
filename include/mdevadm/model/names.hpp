// Names that come from outside and may become parts of paths. What has been parsed is safe to use as such.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace mdevadm {

// One path component: not empty, not "." or "..", no '/', no control bytes.
bool is_component(std::string_view text);

// A path inside a device's folder: components joined by '/', none of them "..", no leading '/'.
bool is_attribute_path(std::string_view text);

// What a person may call a definition: a component that does not begin with '-' and is no UUID.
bool is_label(std::string_view text);

// A checked string; `Rule` says what passes.
template <bool (*Rule)(std::string_view), typename Tag>
class Name {
 public:
  static std::optional<Name> parse(std::string_view text) {
    return Rule(text) ? std::optional<Name>(Name(std::string(text))) : std::nullopt;
  }

  const std::string& str() const noexcept { return text_; }
  auto operator<=>(const Name&) const = default;

 private:
  explicit Name(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

using ParentName =
    Name<is_component, struct ParentTag>;  // kernel name of the parent device: 0000:86:00.0, matrix
using TypeName = Name<is_component, struct TypeTag>;                 // folder of the type: nvidia-17
using FunctionName = Name<is_component, struct FunctionTag>;         // PCI address: 0000:41:00.4
using AttributeName = Name<is_attribute_path, struct AttributeTag>;  // assign_adapter, nvidia/vgpu_params
using Label = Name<is_label, struct LabelTag>;                       // a definition's own name

}  // namespace mdevadm
