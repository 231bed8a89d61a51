// NVIDIA's table of vGPU types. The vGPU host driver installs it for nvidia-vgpud, which hands the types of
// each GPU to the kernel module. Drivers for virtual functions list only the types that can be created at
// the moment; the table has the others.
#pragma once

#include <cstdint>
#include <map>
#include <mdevadm/model/snapshot.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace mdevadm {

class VgpuTable {
 public:
  static constexpr const char* path = "usr/share/nvidia/vgpu/vgpuConfig.xml";
  // The file of release 570 has about 2 MB.
  static constexpr std::size_t largest = std::size_t{32} << 20U;

  // Parses the file. Elements and attributes that it does not know are ignored. Throws Error, with the
  // reason only, if the text is not well-formed, is not such a table, declares entities, or exceeds a limit,
  // and if libexpat is not installed.
  static VgpuTable parse(std::string_view xml);

  // Returns the types of the GPU with these PCI device and subsystem IDs, in natural order: with the vendor's
  // name, framebuffer, maximum and no available instances. An entry for the subsystem takes precedence over
  // one for all subsystems of the device.
  std::vector<Type> types_of(std::uint64_t device, std::uint64_t subsystem) const;

 private:
  class Reader;

  struct KnownType {
    std::string name{};
    std::uint64_t framebuffer = 0;  // in bytes; 0: not stated
  };
  struct Supported {
    std::uint64_t type = 0;
    std::uint64_t maximum = 0;  // 0: not stated
  };
  struct Gpu {
    std::uint64_t device = 0;
    std::uint64_t subsystem = 0;  // 0: any
    std::vector<Supported> types{};
  };

  std::map<std::uint64_t, KnownType> types_{};
  std::vector<Gpu> gpus_{};
};

}  // namespace mdevadm
