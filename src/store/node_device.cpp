#include <mdevadm/store/node_device.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <mdevadm/util/xml.hpp>

namespace mdevadm::store {

namespace {

constexpr std::size_t longest_text = 4096;
constexpr std::size_t most_attributes = 10000;

class NodeDeviceReader final : public XmlHandler {
 public:
  void start(std::string_view name, const XmlAttributes& attributes) override {
    path_.emplace_back(name);
    text_.clear();
    if (path_.size() == 1 && name != "device") {
      throw Error(ExitCode::failed,
                  fmt::format("expected the element device, not {}", printable(std::string(name))));
    }
    if (is_at({"device", "capability"})) {
      start_capability(attributes.text("type"));
    } else if (in_mdev_ && is_at({"device", "capability", "type"})) {
      type_ = valid<TypeName>(attributes.text("id"), "type");
    } else if (in_mdev_ && is_at({"device", "capability", "attr"})) {
      add_attribute(attributes.text("name"), attributes.text("value"));
    }
  }

  void end(std::string_view) override {
    const std::string text(trim(text_));
    if (is_at({"device", "parent"})) {
      parent_ = text;
    } else if (in_mdev_ && is_at({"device", "capability", "uuid"})) {
      uuid_ = valid<Uuid>(text, "UUID");
    } else if (in_mdev_ && is_at({"device", "capability", "parent_addr"})) {
      address_ = text;
    } else if (is_at({"device", "capability"})) {
      in_mdev_ = false;
    }
    path_.pop_back();
    text_.clear();
  }

  void text(std::string_view part) override {
    if (text_.size() + part.size() > longest_text) {
      throw Error(ExitCode::failed, fmt::format("the element {} is too long", printable(path_.back())));
    }
    text_ += part;
  }

  NodeDevice result() const {
    if (!has_mdev_) {
      throw Error(ExitCode::failed, "not a mediated device: there is no <capability type='mdev'>");
    }
    if (!type_) {
      throw Error(ExitCode::failed, "the element type is missing");
    }
    // The address is exact; the name in libvirt has other characters replaced.
    const std::string& parent = address_.empty() ? parent_ : address_;
    if (parent.empty()) {
      throw Error(ExitCode::failed, "the element parent is missing");
    }
    return {parent, *type_, uuid_, attributes_};
  }

 private:
  bool is_at(std::initializer_list<std::string_view> names) const {
    return std::equal(path_.begin(), path_.end(), names.begin(), names.end());
  }

  template <typename Value>
  static Value valid(std::string_view text, const char* what) {
    const auto value = Value::parse(text);
    if (!value) {
      throw Error(ExitCode::failed, fmt::format("invalid {} '{}'", what, printable(std::string(text))));
    }
    return *value;
  }

  void start_capability(std::string_view type) {
    in_mdev_ = type == "mdev";
    if (in_mdev_ && has_mdev_) {
      throw Error(ExitCode::failed, "a second <capability type='mdev'>");
    }
    has_mdev_ = has_mdev_ || in_mdev_;
  }

  void add_attribute(std::string_view name, std::string_view value) {
    if (attributes_.size() == most_attributes) {
      throw Error(ExitCode::failed, "too many attributes");
    }
    attributes_.push_back({valid<AttributeName>(name, "attribute name"), std::string(value)});
  }

  std::vector<std::string> path_{};
  std::string text_{};  // of the innermost element
  bool in_mdev_ = false;
  bool has_mdev_ = false;
  std::string parent_{};
  std::string address_{};
  std::optional<TypeName> type_{};
  std::optional<Uuid> uuid_{};
  std::vector<Attribute> attributes_{};
};

}  // namespace

NodeDevice parse_node_device(std::string_view xml) {
  NodeDeviceReader reader;
  parse_xml(xml, reader);
  return reader.result();
}

}  // namespace mdevadm::store
