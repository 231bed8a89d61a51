#include <mdevadm/plan/placements.hpp>
#include <mdevadm/plan/start.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const ParentName gpu_name = *ParentName::parse("0000:41:00.0");

Snapshot gpu() {
  Parent parent{.name = gpu_name, .path = "sys/gpu"};
  parent.capabilities.functions = true;
  for (const auto& [id, name, most] :
       {std::tuple("1", "NVIDIA L40S-4Q", 12U), std::tuple("2", "NVIDIA L40S-24Q", 2U),
        std::tuple("3", "NVIDIA RTX Pro 6000 Blackwell DC-2B", 32U),
        std::tuple("4", "NVIDIA A100D-1-10C", 7U)}) {
    parent.types.push_back({.id = *TypeName::parse(id), .name = name, .available = 4, .maximum = most});
  }
  parent.functions = {{.address = "0000:41:00.4",
                       .path = "sys/vf",
                       .creatable = {{*TypeName::parse("1"), "NVIDIA L40S-4Q"}}}};
  Snapshot seen;
  seen.parents = {parent};
  return seen;
}

Definition definition(const char* name, const char* type, const char* placement = nullptr) {
  Definition result{Uuid::of_name(name), gpu_name, *TypeName::parse(type)};
  result.name = Label::parse(name);
  if (placement != nullptr) {
    result.attributes.push_back({*AttributeName::parse("nvidia/placement_id"), placement});
  }
  return result;
}

// Returns "4 of 48 beside 24+24", or "none".
std::string avoided(const Snapshot& seen, const std::vector<Definition>& all, const Definition& wanted) {
  Definitions defined;
  defined.all = all;
  const Device device{.uuid = wanted.uuid, .parent = wanted.parent, .type = wanted.type};
  const auto action = placements_to_avoid(seen, defined, wanted, device);
  if (!action) {
    return "none";
  }
  std::string text = std::to_string(action->size) + " of " + std::to_string(action->memory) + " beside";
  for (const FixedPlacement& one : action->fixed) {
    text += " " + std::to_string(one.first) + "+" + std::to_string(one.size);
  }
  return text;
}

}  // namespace

TEST_CASE("a vGPU avoids the placements that definitions of inactive devices have fixed") {
  Snapshot seen = gpu();
  const Definition half = definition("half", "2", "24");
  const Definition small = definition("small", "l40s-4q", " 8\n");
  const Definition wanted = definition("wanted", "1");
  CHECK(avoided(seen, {half, small, wanted}, wanted) == "4 of 48 beside 24+24 8+4");
  CHECK(avoided(seen, {wanted}, wanted) == "none");
  CHECK(avoided(seen, {definition("even", "3", "6")}, definition("other", "3")) == "3 of 96 beside 6+3");
  seen.devices.push_back({.uuid = half.uuid, .parent = gpu_name, .type = half.type});
  CHECK(avoided(seen, {half, wanted}, wanted) == "none");
}

TEST_CASE("fixed placements of the device itself, of other GPUs and of GPU instances are not avoided") {
  const Snapshot seen = gpu();
  const Definition half = definition("half", "2", "24");
  CHECK(avoided(seen, {half}, half) == "none");
  CHECK(avoided(seen, {half}, definition("fixed", "1", "0")) == "none");
  Definition elsewhere = half;
  elsewhere.parent = *ParentName::parse("0000:42:00.0");
  CHECK(avoided(seen, {elsewhere}, definition("wanted", "1")) == "none");
  CHECK(avoided(seen, {definition("instance", "4", "0")}, definition("wanted", "1")) == "none");
  CHECK(avoided(seen, {half}, definition("instance", "4")) == "none");
  CHECK(avoided(seen, {definition("broken", "2", "x")}, definition("wanted", "1")) == "none");
  Snapshot without = seen;
  without.parents[0].capabilities.functions = false;
  CHECK(avoided(without, {half}, definition("wanted", "1")) == "none");
}

TEST_CASE("a start avoids placements after the creation and before other attributes") {
  const Snapshot seen = gpu();
  Definitions defined;
  defined.all = {definition("half", "2", "24")};
  Definition wanted = definition("wanted", "1");
  wanted.attributes.push_back({*AttributeName::parse("nvidia/vgpu_params"), "x"});
  std::string kinds;
  for (const Step& step : StartPlanner(seen, {.defined = &defined}).plan(wanted).steps) {
    kinds += std::holds_alternative<AvoidPlacements>(step.action) ? "avoid " : kind_of(step.action) + " ";
  }
  CHECK(kinds.find("create avoid attribute") != std::string::npos);
  CHECK(describe(Action(
            AvoidPlacements{{.uuid = wanted.uuid, .parent = gpu_name}, 4, 48, {{"'half'", 24, 24}}})) ==
        "keep " + wanted.uuid.str() + " outside fixed placements: 24 to 47 of 'half'");
  for (const Step& step : StartPlanner(seen, {.defined = &defined, .bare = true}).plan(wanted).steps) {
    CHECK_FALSE(std::holds_alternative<AvoidPlacements>(step.action));
  }
}
