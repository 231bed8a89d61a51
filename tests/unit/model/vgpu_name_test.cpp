#include <mdevadm/model/vgpu_name.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

// Returns "GPU|slices|GiB|series|attributes" or an empty text.
std::string parsed(const char* name) {
  const auto vgpu = parse_vgpu_name(name);
  return !vgpu ? ""
               : vgpu->gpu + "|" + (vgpu->slices != 0 ? std::to_string(vgpu->slices) : "-") + "|" +
                     std::to_string(vgpu->gib) + "|" + vgpu->series + "|" + vgpu->attributes;
}

}  // namespace

TEST_CASE("the names of vGPU types state GPU and slices and size and series") {
  CHECK(parsed("GRID M60-4Q") == "M60|-|4|Q|");
  CHECK(parsed("NVIDIA L40S-12Q") == "L40S|-|12|Q|");
  CHECK(parsed("L40S-3B") == "L40S|-|3|B|");
  CHECK(parsed("GRID M10-0B") == "M10|-|0|B|");
  CHECK(parsed("GRID P40-2B4") == "P40|-|2|B4|");
  CHECK(parsed("GRID A100D-2-20C") == "A100D|2|20|C|");
  CHECK(parsed("GRID A100D-1-10CME") == "A100D|1|10|C|ME");
  CHECK(parsed("NVIDIA H200X-141C") == "H200X|-|141|C|");
  CHECK(parsed("NVIDIA RTX6000-Ada-48C") == "RTX6000-Ada|-|48|C|");
  CHECK(parsed("NVIDIA RTX Pro 6000 Blackwell DC-4-24Q") == "RTX Pro 6000 Blackwell DC|4|24|Q|");
}

TEST_CASE("other names are not taken for names of vGPU types") {
  for (const char* name :
       {"", "-", "4Q", "-4Q", "Single port serial", "i915-GVTg_V5_4", "VFIO AP Passthrough Device",
        "mbochs-small", "NVIDIA RTX Pro 6000 Blackwell DC-1-2", "GRID RTX T10-4", "L40S-Q", "L40S-4X",
        "L40S-4q", "L40S-4Q1", "L40S-99999999Q", "L40S-4"}) {
    CAPTURE(name);
    CHECK(parsed(name).empty());
  }
}

TEST_CASE("the properties of a name do not replace those of the description") {
  Type type{.id = *TypeName::parse("1147"), .name = "NVIDIA L40S-1Q"};
  add_properties_of_name(type);
  REQUIRE(type.properties.size() == 4);
  CHECK(type.properties[0] == Property{"framebuffer", Bytes{1024ULL << 20U}, "1024M"});
  CHECK(type.properties[1] == Property{"series", std::string("Q"), "Q"});
  CHECK(type.properties[2] == Property{"num_heads", std::uint64_t{4}, "4"});
  CHECK(type.properties[3] == Property{"max_resolution", Resolution{5120, 2880}, "5120x2880"});
  Type described{.id = *TypeName::parse("nvidia-11"), .name = "GRID M60-0B"};
  described.description = "num_heads=2, framebuffer=512M";
  described.properties = parse_properties("num_heads=2, framebuffer=512M");
  const auto before = described.properties.size();
  add_properties_of_name(described);
  CHECK(described.properties.size() == before + 1);
  CHECK(memory_of(described.properties) == 512ULL << 20U);
  Type sliced{.id = *TypeName::parse("700"), .name = "GRID A100D-2-20C"};
  add_properties_of_name(sliced);
  REQUIRE(sliced.properties.size() == 4);
  CHECK(sliced.properties[2] == Property{"gpu_slices", std::uint64_t{2}, "2"});
  CHECK(sliced.properties[3] == Property{"num_heads", std::uint64_t{1}, "1"});
}

TEST_CASE("the memory of a GPU is known by its name in types") {
  CHECK(memory_of_gpu("L40S") == 48);
  CHECK(memory_of_gpu("RTX6000-Ada") == 48);
  CHECK(memory_of_gpu("RTX 6000 Ada") == 48);
  CHECK(memory_of_gpu("RTX Pro 6000 Blackwell DC") == 96);
  CHECK(memory_of_gpu("A100") == 40);
  CHECK(memory_of_gpu("A100D") == 80);
  CHECK(memory_of_gpu("L4") == 24);
  CHECK(memory_of_gpu("") == 0);
  CHECK(memory_of_gpu("L40S a40") == 0);
}

// Table of types in NVIDIA's vGPU user guide: types of GPU instances and how many fit on the GPU.
TEST_CASE("the maximum of MIG types agrees with the published tables") {
  for (const auto& [text, maximum] : {std::pair{"GRID A100D-1-10C", 7U},
                                      {"GRID A100D-1-20C", 4U},
                                      {"GRID A100D-2-20C", 3U},
                                      {"GRID A100D-3-40C", 2U},
                                      {"GRID A100D-4-40C", 1U},
                                      {"GRID A100D-7-80C", 1U},
                                      {"GRID A100D-1-10CME", 1U},
                                      {"GRID A100-1-5C", 7U},
                                      {"NVIDIA A30-1-6C", 4U},
                                      {"NVIDIA A30-2-12C", 2U},
                                      {"NVIDIA A30-4-24C", 1U},
                                      {"NVIDIA H100L-1-24C", 4U},
                                      {"NVIDIA H200X-1-18C", 7U},
                                      {"NVIDIA H200X-3-71C", 2U},
                                      {"NVIDIA RTX Pro 6000 Blackwell DC-1-24Q", 4U},
                                      {"NVIDIA RTX Pro 6000 Blackwell DC-1-2Q", 48U},
                                      {"NVIDIA RTX Pro 6000 Blackwell DC-2-24Q", 4U}}) {
    CAPTURE(text);
    const auto name = parse_vgpu_name(text);
    REQUIRE(name);
    CHECK(most_by_slices(*name, memory_of_gpu(name->gpu)) == maximum);
  }
}

// Table of types in NVIDIA's vGPU user guide, equal-size mode: nominal GiB, GiB of the type, maximum.
TEST_CASE("the maximum by size agrees with the published tables") {
  struct Row {
    unsigned nominal, size, maximum;
  };
  for (const Row row : {Row{48, 48, 1}, {48, 24, 2},  {48, 16, 3},  {48, 12, 4}, {48, 8, 6},  {48, 6, 8},
                        {48, 4, 12},    {48, 3, 16},  {48, 2, 24},  {48, 1, 32}, {24, 8, 3},  {24, 3, 8},
                        {24, 1, 24},    {16, 2, 8},   {80, 16, 5},  {80, 10, 8}, {80, 4, 20}, {141, 70, 2},
                        {141, 28, 5},   {141, 17, 8}, {141, 7, 20}, {96, 2, 32}, {8, 0, 16}}) {
    CAPTURE(row.nominal, row.size);
    const VgpuName name{"x", 0, row.size, "Q"};
    CHECK(most_by_size(name, row.nominal) == row.maximum);
  }
}
