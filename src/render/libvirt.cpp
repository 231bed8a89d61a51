// libvirt's documents: https://libvirt.org/formatdomain.html#usb-pci-scsi-devices (hostdev) and
// https://libvirt.org/formatnode.html (mdev).
#include <fmt/format.h>

#include <algorithm>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/render/guest.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

namespace mdevadm::render {

namespace {

// Returns whether XML 1.0 can contain the text: it excludes some characters in every spelling.
bool is_in_xml(const std::string& text) {
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
  return is_utf8(text) && !has_control && text.find("\xef\xbf\xbe") == std::string::npos &&  // U+FFFE
         text.find("\xef\xbf\xbf") == std::string::npos;                                     // U+FFFF
}

// Returns the text as an attribute or content of an element.
std::string as_xml(const std::string& text) {
  if (!is_in_xml(text)) {
    throw Error(ExitCode::failed,
                fmt::format("XML cannot contain the control characters in '{}'", printable(text)));
  }
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&apos;"; break;
      case '\t': result += "&#9;"; break;  // a reader would turn the character itself into a blank
      case '\n': result += "&#10;"; break;
      case '\r': result += "&#13;"; break;
      default: result += c;
    }
  }
  return result;
}

std::string group_element(const std::string& group, const char* indent) {
  return fmt::format("{}<mdevadm:group xmlns:mdevadm='{}'>{}</mdevadm:group>\n", indent, xml_namespace,
                     as_xml(group));
}

// libvirt ignores the name, but the schema of libvirt 9 requires one. This is how it names the device itself.
std::string libvirt_device_name(const Definition& definition) {
  return libvirt_spelling(fmt::format("mdev_{}_{}", definition.uuid.str(), definition.parent.str()));
}

// "0000:41:00.4"
std::string pci_source(const std::string& address) {
  const std::vector<std::string_view> parts = split(address, ':');
  const std::vector<std::string_view> last = split(parts.back(), '.');
  return fmt::format("    <address domain='0x{}' bus='0x{}' slot='0x{}' function='0x{}'/>\n", parts.front(),
                     parts.at(1), last.front(), last.back());
}

std::string hostdev(const GuestDevice& device, const HostdevOptions& options) {
  if (device.kind == GuestDevice::Kind::function) {
    return "<hostdev mode='subsystem' type='pci' managed='no'>\n  <source>\n" + pci_source(device.vf) +
           "  </source>\n</hostdev>\n";
  }
  return fmt::format(
      "<hostdev mode='subsystem' type='mdev' managed='no' model='{}'{}{}>\n  <source>\n"
      "    <address uuid='{}'/>\n  </source>\n</hostdev>\n",
      device.api, options.display || options.ramfb ? " display='on'" : "", options.ramfb ? " ramfb='on'" : "",
      device.uuid.str());
}

}  // namespace

std::string libvirt_hostdevs(const GuestDevices& devices, const HostdevOptions& options) {
  std::string text;
  if (!devices.group.empty()) {
    text = "<metadata>\n" + group_element(devices.group, "  ") + "</metadata>\n";
  }
  for (const GuestDevice& device : devices.all) {
    text += hostdev(device, options);
  }
  return text;
}

std::string libvirt_nodedev(const Definition& definition, const std::string& parent,
                            const std::string& group) {
  std::string text = fmt::format(
      "<device>\n  <name>{}</name>\n  <parent>{}</parent>\n  <capability type='mdev'>\n    <type id='{}'/>\n"
      "    <uuid>{}</uuid>\n",
      as_xml(libvirt_device_name(definition)), as_xml(parent), as_xml(definition.type.str()),
      definition.uuid.str());
  for (const Attribute& original : definition.attributes) {
    const Attribute attribute = without_leading_zeros(original);
    if (!is_in_xml(attribute.value)) {
      throw Error(ExitCode::failed,
                  fmt::format("cannot export '{}': XML cannot contain the control characters in the value of "
                              "attribute '{}', '{}'",
                              printable(definition.name ? definition.name->str() : definition.uuid.str()),
                              printable(attribute.name.str()), printable(attribute.value)));
    }
    text += fmt::format("    <attr name='{}' value='{}'/>\n", as_xml(attribute.name.str()),
                        as_xml(attribute.value));
  }
  text += group.empty() ? "" : group_element(group, "    ");
  return text + "  </capability>\n</device>\n";
}

}  // namespace mdevadm::render
