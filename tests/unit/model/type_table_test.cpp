#include <mdevadm/model/type_table.hpp>

#include "catch.hpp"

using namespace mdevadm;

TEST_CASE("an NVIDIA type table is parsed by the column names in its header") {
  const TypeTable table = parse_type_table(
      "# vgpu_type_id, vgpu_type, max_instance, num_heads, frl_config, framebuffer, max_resolution\n"
      "11     ,\"GRID M60-0B\",      16,       2,      45,     512M,    2560x1600\n"
      "17     ,\"GRID M60-4Q\",       2,       4,      60,    4096M,    3840x2160\n\n");
  CHECK(table.understood);
  CHECK(table.id_column == "vgpu_type_id");
  REQUIRE(table.types.size() == 2);
  const Type& type = table.types[1];
  CHECK(type.id.str() == "17");
  CHECK(type.name == "GRID M60-4Q");
  CHECK(type.maximum == 2U);
  CHECK(type.description ==
        "max_instance=2, num_heads=4, frl_config=60, framebuffer=4096M, max_resolution=3840x2160");
  REQUIRE(type.properties.size() == 5);
  CHECK(type.properties[3].value == PropertyValue(Bytes{std::uint64_t{4096} << 20}));
  CHECK(type.properties[4].value == PropertyValue(Resolution{3840, 2160}));
}

TEST_CASE("type table columns may be reordered or unknown and lines too short are skipped") {
  const TypeTable table = parse_type_table(
      "# framebuffer, colour, vgpu_type, vgpu_type_id\n"
      "1024M, \"red, or so\", A, 3\n"
      "2048M, blue, B, 4, more\n"
      "4096M\n");
  REQUIRE(table.types.size() == 2);
  CHECK(table.types[0].id.str() == "3");
  CHECK(table.types[0].name == "A");
  CHECK(table.types[0].description == "framebuffer=1024M, colour=red, or so");
  CHECK(table.types[1].id.str() == "4");
}

TEST_CASE("without a header only lines in NVIDIA's column order are parsed as types") {
  const TypeTable table =
      parse_type_table("18 ,\"GRID M60-8Q\", 1, 4, 60, 8192M, 3840x2160\nnote: more to come\n");
  CHECK(table.understood);
  REQUIRE(table.types.size() == 1);
  CHECK(table.types[0].maximum == 1U);
}

TEST_CASE("a type table with only a header is valid and text without known columns is not") {
  CHECK(parse_type_table("# vgpu_type_id, vgpu_type\n\n").understood);
  CHECK(parse_type_table("\n").understood);
  CHECK_FALSE(parse_type_table("two kinds: small, large\n").understood);
  CHECK_FALSE(parse_type_table("# we make two kinds\nsmall\n").understood);
  CHECK(parse_type_table("# vgpu_type_id, vgpu_type\n../up, x\n").types.empty());
}
