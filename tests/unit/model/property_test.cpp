#include <mdevadm/model/property.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const Property* find(const std::vector<Property>& properties, std::string_view name) {
  for (const Property& property : properties) {
    if (property.name == name) {
      return &property;
    }
  }
  return nullptr;
}

}  // namespace

TEST_CASE("NVIDIA descriptions are parsed into numbers and sizes and resolutions") {
  const auto properties = parse_properties(
      "num_heads=2, frl_config=45, framebuffer=512M, max_resolution=2560x1600, max_instance=16\n");
  REQUIRE(properties.size() == 5);
  CHECK(find(properties, "num_heads")->value == PropertyValue(std::uint64_t{2}));
  CHECK(find(properties, "framebuffer")->value == PropertyValue(Bytes{512ULL << 20}));
  CHECK(find(properties, "framebuffer")->text == "512M");
  CHECK(find(properties, "max_resolution")->value == PropertyValue(Resolution{2560, 1600}));
  CHECK(find(properties, "max_instance")->value == PropertyValue(std::uint64_t{16}));
}

TEST_CASE("i915 descriptions are parsed line by line") {
  const auto properties = parse_properties(
      "low_gm_size: 128MB\nhigh_gm_size: 512MB\nfence: 4\nresolution: 1920x1200\nweight: 4\n");
  REQUIRE(properties.size() == 5);
  CHECK(find(properties, "low_gm_size")->value == PropertyValue(Bytes{128ULL << 20}));
  CHECK(find(properties, "resolution")->value == PropertyValue(Resolution{1920, 1200}));
  CHECK(find(properties, "fence")->value == PropertyValue(std::uint64_t{4}));
}

TEST_CASE("descriptions with blanks in the keys are parsed") {
  const auto properties = parse_properties("type name: vir02\naicore num: 2\nmemory size: 6GB\n");
  REQUIRE(properties.size() == 3);
  CHECK(properties[0] == Property{"type_name", std::string("vir02"), "vir02"});
  CHECK(properties[1] == Property{"aicore_num", std::uint64_t{2}, "2"});
  CHECK(properties[2] == Property{"memory_size", Bytes{6ULL << 30}, "6GB"});
  CHECK(memory_of(properties) == 6ULL << 30);
}

TEST_CASE("descriptions of the kernel's sample drivers are parsed") {
  const auto mbochs = parse_properties("virtual display, 16 MB video memory");
  REQUIRE(mbochs.size() == 1);
  CHECK(mbochs[0] == Property{"video_memory", Bytes{16ULL << 20}, "16 MB"});
  const auto mdpy = parse_properties("virtual display, 640x480 framebuffer");
  REQUIRE(mdpy.size() == 1);
  CHECK(mdpy[0] == Property{"resolution", Resolution{640, 480}, "640x480"});
}

TEST_CASE("a description that cannot be parsed completely has no properties") {
  CHECK(parse_properties("").empty());
  CHECK(parse_properties("I/O subchannel (Non-QDIO)").empty());
  CHECK(parse_properties("a=1, and something else").empty());
  CHECK(parse_properties("a: 1\njust text").empty());
  CHECK(parse_properties("=, =").empty());
}

TEST_CASE("a value that is neither number nor size nor resolution is preserved as text") {
  CHECK(parse_property_value("N/A") == PropertyValue(std::string("N/A")));
  CHECK(parse_property_value("45fps") == PropertyValue(std::string("45fps")));
  CHECK(parse_property_value("1x") == PropertyValue(std::string("1x")));
  CHECK(parse_property_value("4294967296x1") == PropertyValue(std::string("4294967296x1")));
  CHECK(parse_property_value("99999999999999999999") == PropertyValue(std::string("99999999999999999999")));
  CHECK(parse_property_value("17179869184G") == PropertyValue(std::string("17179869184G")));
  CHECK(parse_property_value("2G") == PropertyValue(Bytes{2ULL << 30}));
  CHECK(parse_property_value("1 KiB") == PropertyValue(Bytes{1024}));
}
