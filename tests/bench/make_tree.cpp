// make_tree DIR [DEVICES [PARENTS [TYPES]]]: writes a host with many mediated devices, as kernel 6.1 shows
// it, and a definition for each of them twice: as TOML for mdevadm and as JSON for mdevctl. Usual: 10000
// devices under 32 parents of 8 types.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct Size {
  unsigned devices = 10000;
  unsigned parents = 32;
  unsigned types = 8;
};

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) {
    std::fprintf(stderr, "make_tree: cannot write %s\n", path.c_str());
    std::exit(1);
  }
}

std::string formatted(const char* format, unsigned number) {
  char text[64];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

std::string type_name(unsigned index) {
  return "nvidia-" + std::to_string(36 + index * 17);
}

class Tree {
 public:
  Tree(fs::path top, const Size& size) : top_(std::move(top)), size_(size) {}

  void make() {
    fs::create_directories(top_ / "sys/bus/mdev/devices");
    fs::create_directories(top_ / "sys/bus/mdev/drivers/nvidia-vgpu-vfio");
    fs::create_directories(top_ / "sys/class/mdev_bus");
    // mdevctl does not start without these.
    fs::create_directories(top_ / "etc/mdevctl.d/scripts.d/callouts");
    fs::create_directories(top_ / "etc/mdevctl.d/scripts.d/notifiers");
    for (unsigned i = 0; i < size_.parents; ++i) {
      make_parent(i);
    }
    for (unsigned i = 0; i < size_.devices; ++i) {
      make_device(i);
    }
  }

 private:
  std::string address(unsigned parent) const { return formatted("0000:%02x:00.0", 0x10 + parent); }
  std::string directory(unsigned parent) const { return "devices/pci0000:00/" + address(parent); }

  void make_parent(unsigned parent) {
    const fs::path path = top_ / "sys" / directory(parent);
    write(path / "vendor", "0x10de\n");
    write(path / "device", "0x2235\n");
    fs::create_symlink("../../../bus/pci/drivers/nvidia", path / "driver");
    fs::create_symlink("../../" + directory(parent), top_ / "sys/class/mdev_bus" / address(parent));
    for (unsigned i = 0; i < size_.types; ++i) {
      const fs::path type = path / "mdev_supported_types" / type_name(i);
      fs::create_directories(type / "devices");
      write(type / "create", "");
      write(type / "available_instances", std::to_string(i) + "\n");
      write(type / "device_api", "vfio-pci\n");
      write(type / "name", "NVIDIA A40-" + std::to_string(i + 1) + "Q\n");
      write(type / "description",
            "num_heads=4, frl_config=60, framebuffer=" + std::to_string((i + 1) * 1024) +
                "M, max_resolution=5120x2880, max_instance=" + std::to_string(32 / (i + 1)) + "\n");
    }
  }

  void make_device(unsigned index) {
    const unsigned parent = index % size_.parents;
    const std::string type = type_name(index / size_.parents % size_.types);
    const std::string uuid = next_uuid();
    const fs::path path = top_ / "sys" / directory(parent) / uuid;
    fs::create_directories(path / ("vfio-dev/vfio" + std::to_string(index)));
    write(path / "remove", "");
    write(path / "uevent", "DRIVER=nvidia-vgpu-vfio\n");
    fs::create_symlink("../mdev_supported_types/" + type, path / "mdev_type");
    fs::create_symlink("../../../../kernel/iommu_groups/" + std::to_string(index), path / "iommu_group");
    fs::create_symlink("../../../../bus/mdev/drivers/nvidia-vgpu-vfio", path / "driver");
    fs::create_symlink("../../../../bus/mdev", path / "subsystem");
    fs::create_symlink("../../../" + directory(parent) + "/" + uuid, top_ / "sys/bus/mdev/devices" / uuid);
    fs::create_symlink("../../../" + uuid,
                       top_ / "sys" / directory(parent) / "mdev_supported_types" / type / "devices" / uuid);
    define(index, address(parent), uuid, type);
  }

  void define(unsigned index, const std::string& parent, const std::string& uuid, const std::string& type) {
    const bool has_attributes = index % 4 == 0;
    std::string toml = "type = \"" + type + "\"\nstart = \"auto\"\n";
    std::string json = "{\n  \"mdev_type\": \"" + type + "\",\n  \"start\": \"auto\",\n  \"attrs\": [";
    if (index % 4 == 1) {
      toml += "name = \"seat-" + std::to_string(index) + "\"\n";
    }
    if (has_attributes) {
      for (const std::string name : {"nvidia/vgpu_params", "nvidia/placement_id"}) {
        toml += "\n[[attribute]]\nname = \"" + name + "\"\nvalue = \"1\"\n";
      }
      json +=
          "\n    {\n      \"nvidia/vgpu_params\": \"1\"\n    },\n    {\n      \"nvidia/placement_id\": "
          "\"1\"\n    }\n  ";
    }
    write(top_ / "etc/mdevadm/devices" / parent / (uuid + ".toml"), toml);
    write(top_ / "etc/mdevctl.d" / parent / uuid, json + "]\n}");
  }

  std::string next_uuid() {
    const auto digits = [this](const char* format) {
      return formatted(format, static_cast<unsigned>(random_()));
    };
    const auto four = [this] { return formatted("%04x", static_cast<unsigned>(random_()) & 0xffff); };
    return digits("%08x") + "-" + four() + "-4" + four().substr(1) + "-8" + four().substr(1) + "-" + four() +
           digits("%08x");
  }

  fs::path top_;
  Size size_;
  std::mt19937 random_{20261121};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 5) {
    std::fputs("usage: make_tree DIR [DEVICES [PARENTS [TYPES]]]\n", stderr);
    return 2;
  }
  Size size;
  unsigned* const fields[] = {&size.devices, &size.parents, &size.types};
  for (int i = 2; i < argc; ++i) {
    *fields[i - 2] = static_cast<unsigned>(std::strtoul(argv[i], nullptr, 10));
  }
  Tree(argv[1], size).make();
  return 0;
}
