#include <mdevadm/plan/start_order.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

Parent gpu(const std::string& address, bool functions) {
  Parent parent{.name = *ParentName::parse(address), .path = "sys/gpu"};
  parent.capabilities.functions = functions;
  for (const auto& [id, name] : {std::pair("1", "NVIDIA L40S-2Q"), std::pair("2", "NVIDIA L40S-12Q"),
                                 std::pair("3", "NVIDIA L40S-4C"), std::pair("4", "GRID M60-0Q")}) {
    parent.types.push_back({.id = *TypeName::parse(id), .name = name});
  }
  return parent;
}

const std::string first = "0000:01:00.0";
const std::string second = "0000:02:00.0";

Definition wanted(const std::string& parent, const std::string& type, const std::string& name) {
  Definition definition{Uuid::of_name(name), *ParentName::parse(parent), *TypeName::parse(type)};
  definition.name = Label::parse(name);
  return definition;
}

std::string order(const Snapshot& seen, std::vector<Definition> definitions) {
  sort_for_start(seen, definitions);
  std::string names;
  for (const Definition& definition : definitions) {
    names += (names.empty() ? "" : " ") + definition.name->str();
  }
  return names;
}

}  // namespace

TEST_CASE("larger framebuffers start first on a GPU with virtual functions") {
  Snapshot seen;
  seen.parents = {gpu(first, true), gpu(second, true)};
  CHECK(order(seen, {wanted(first, "4", "half"), wanted(first, "1", "a"), wanted(second, "3", "other"),
                     wanted(first, "2", "b"), wanted(first, "NVIDIA L40S-3Q", "named"),
                     wanted(first, "1", "c"), wanted(first, "9", "unknown")}) ==
        "b named other a c half unknown");
}

TEST_CASE("the sizes of types that the driver does not list count too") {
  Snapshot seen;
  seen.parents = {gpu(first, true)};
  seen.parents[0].unlisted.push_back({.id = *TypeName::parse("5"), .name = "NVIDIA L40S-24Q"});
  CHECK(order(seen, {wanted(first, "2", "listed"), wanted(first, "5", "unlisted")}) == "unlisted listed");
}

TEST_CASE("devices with a fixed placement start before larger ones") {
  Snapshot seen;
  seen.parents = {gpu(first, true)};
  Definition fixed = wanted(first, "1", "fixed");
  fixed.attributes.push_back({*AttributeName::parse("nvidia/placement_id"), "36"});
  CHECK(order(seen, {wanted(first, "2", "large"), fixed}) == "fixed large");
}

TEST_CASE("the order on parents without virtual functions, and on missing parents, does not change") {
  Snapshot seen;
  seen.parents = {gpu(first, false)};
  CHECK(order(seen, {wanted(first, "1", "a"), wanted(first, "2", "b"), wanted(second, "2", "c")}) == "a b c");
}
