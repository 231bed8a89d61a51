#include <mdevadm/plan/adopt.hpp>

#include <mdevadm/model/ap.hpp>

#include "catch.hpp"

namespace mdevadm {

namespace {

AttributeName name(const char* text) {
  return *AttributeName::parse(text);
}

const Uuid uuid = *Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001");

Definition definition() {
  return {uuid, *ParentName::parse("p"), *TypeName::parse("t")};
}

}  // namespace

TEST_CASE("a definition takes over what the driver reports as it was set, and names the rest") {
  const Device device{uuid, *ParentName::parse("p")};
  ActiveSettings settings;
  settings.files = {{name("nvidia/placement_id"), "Not Applicable"},
                    {name("nvidia/vgpu_params"), "frame_rate_limiter=0"},
                    {name("empty"), ""},
                    {name("secret"), std::nullopt}};
  Definition wanted = definition();
  const std::string warning = take_over(device, settings, {}, wanted);
  CHECK(wanted.attributes == std::vector<Attribute>{{name("nvidia/vgpu_params"), "frame_rate_limiter=0"}});
  CHECK(warning.find("nvidia/placement_id (reports 'Not Applicable'), secret (cannot be read)") !=
        std::string::npos);
  CHECK(warning.find("empty") == std::string::npos);
}

TEST_CASE("what a script reports and what the user gives precede what the driver reports") {
  Device device{uuid, *ParentName::parse("p")};
  device.units = 2;
  ActiveSettings settings;
  settings.reported = {{name("nvidia/vgpu_params"), "a=1"}, {name("b"), "2"}};
  settings.files = {{name("nvidia/vgpu_params"), "a=0"}, {name("b"), "0"}, {name("c"), "0"}};
  Definition wanted = definition();
  CHECK(take_over(device, settings, {{name("b"), "3"}, {name("c"), "4"}}, wanted).empty());
  CHECK(wanted.attributes == std::vector<Attribute>{{name("nvidia/vgpu_params"), "a=1"}});
  CHECK(wanted.aggregate == 2U);
}

}  // namespace mdevadm
