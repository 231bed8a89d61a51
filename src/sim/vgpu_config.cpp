#include "vgpu_config.hpp"

#include <fmt/format.h>

#include <map>
#include <mdevadm/util/text.hpp>
#include <utility>

namespace mdevadm::sim {

namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

// Classes are names of licences.
std::string class_of(const std::string& name) {
  const auto parsed = parse_vgpu_name(name);
  const std::string series = parsed ? parsed->series : "Q";
  return series == "Q" ? "Quadro" : series == "C" ? "Compute" : "NVS";
}

std::string device_id(const PciIds& ids, std::string_view subsystem) {
  return fmt::format(
      "<devId vendorId=\"0x10de\" deviceId=\"0x{}\" subsystemVendorId=\"0x10de\" "
      "subsystemId=\"0x{}\"></devId>",
      to_upper(ids.device), subsystem);
}

std::string type_element(const VgpuType& type, const PciIds& ids) {
  const std::uint64_t bytes = std::uint64_t{type.framebuffer} << 20U;
  return fmt::format(
      "    <vgpuType id=\"{}\" name=\"{}\" class=\"{}\">\n        {}\n"
      "        <profileSize>0x{:X}</profileSize>\n        <framebuffer>0x{:X}</framebuffer>\n"
      "        <numHeads>4</numHeads>\n        <display width=\"7680\" height=\"4320\"></display>\n"
      "    </vgpuType>\n",
      type.id, escaped(type.name), class_of(type.name), device_id(ids, "0"), bytes, bytes / 16 * 15);
}

std::string gpu_element(const PciIds& ids, const GpuModel& gpu) {
  std::string text = fmt::format("    <pgpu>\n        {}\n", device_id(ids, ids.subsystem_device));
  for (const VgpuType& type : gpu.types) {
    text += fmt::format(
        "        <supportedVgpu vgpuId=\"{}\">\n            <maxVgpus>{}</maxVgpus>\n"
        "        </supportedVgpu>\n",
        type.id, type.most);
  }
  return text + "    </pgpu>\n";
}

}  // namespace

std::string vgpu_config_of(const Scenario& scenario) {
  std::map<std::uint64_t, std::string> types;
  std::map<std::pair<std::string, std::string>, std::string> gpus;
  for (const SimParent& parent : scenario.parents) {
    if (!parent.gpu || !parent.pci) {
      continue;
    }
    for (const VgpuType& type : parent.gpu->types) {
      types.try_emplace(type.id, type_element(type, *parent.pci));
    }
    gpus.try_emplace({parent.pci->device, parent.pci->subsystem_device},
                     gpu_element(*parent.pci, *parent.gpu));
  }
  std::string text =
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
      "<!DOCTYPE vgpu SYSTEM \"http://www.nvidia.com/dtd/vgpuConfig.dtd\">\n"
      "<vgpuconfig>\n    <version>1.0</version>\n";
  for (const auto& [id, element] : types) {
    text += element;
  }
  for (const auto& [ids, element] : gpus) {
    text += element;
  }
  return text + "</vgpuconfig>\n";
}

}  // namespace mdevadm::sim
