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
  REQUIRE(type.properties.size() == 2);
  CHECK(type.properties[0] == Property{"framebuffer", Bytes{1024ULL << 20U}, "1024M"});
  CHECK(type.properties[1] == Property{"series", std::string("Q"), "Q"});
  Type described{.id = *TypeName::parse("nvidia-11"), .name = "GRID M60-0B"};
  described.properties = parse_properties("num_heads=2, framebuffer=512M");
  const auto before = described.properties.size();
  add_properties_of_name(described);
  CHECK(described.properties.size() == before + 1);
  CHECK(memory_of(described.properties) == 512ULL << 20U);
  Type sliced{.id = *TypeName::parse("700"), .name = "GRID A100D-2-20C"};
  add_properties_of_name(sliced);
  CHECK(sliced.properties.back() == Property{"gpu_slices", std::uint64_t{2}, "2"});
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
