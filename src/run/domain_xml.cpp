#include "domain_xml.hpp"

#include <fmt/format.h>

#include <mdevadm/model/addresses.hpp>
#include <mdevadm/util/xml.hpp>

namespace mdevadm {

namespace {

// Reads the devices in <devices><hostdev> of a domain.
class HostdevReader final : public XmlHandler {
 public:
  void start(std::string_view name, const XmlAttributes& attributes) override {
    path_.emplace_back(name);
    if (path_.size() == 3 && path_[1] == "devices" && name == "hostdev") {
      found.push_back({});
      type_ = attributes.text("type");
    } else if (path_.size() == 5 && in_hostdev() && path_[3] == "source" && name == "address") {
      take_address(attributes);
    } else if (path_.size() == 4 && in_hostdev() && name == "alias") {
      found.back().id = attributes.text("name");
    }
  }
  void end(std::string_view) override { path_.pop_back(); }
  void text(std::string_view) override {}

  std::vector<AttachedDevice> found{};

 private:
  bool in_hostdev() const { return path_[1] == "devices" && path_[2] == "hostdev"; }

  void take_address(const XmlAttributes& attributes) {
    if (type_ == "mdev") {
      found.back().kernel_name = attributes.text("uuid");
      return;
    }
    const auto digits = [&](const char* name) {
      const std::string_view text = attributes.text(name);
      return std::string(text.starts_with("0x") ? text.substr(2) : text);
    };
    found.back().vf = kernel_spelling(
        fmt::format("{}:{}:{}.{}", digits("domain"), digits("bus"), digits("slot"), digits("function")));
  }

  std::vector<std::string> path_{};
  std::string type_{};
};

}  // namespace

std::vector<AttachedDevice> hostdevs_in(std::string_view xml) {
  HostdevReader reader;
  parse_xml(xml, reader);
  return reader.found;
}

}  // namespace mdevadm
