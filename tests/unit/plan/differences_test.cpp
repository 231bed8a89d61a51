#include <mdevadm/plan/differences.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

Definition definition() {
  return {*Uuid::parse("c0ffee00-1111-4222-8333-444444444444"), *ParentName::parse("0000:86:00.0"),
          *TypeName::parse("nvidia-17")};
}

Attribute attribute(const char* name, const char* value) {
  return {*AttributeName::parse(name), value};
}

std::vector<std::string> texts(const std::vector<Difference>& differences) {
  std::vector<std::string> result;
  for (const Difference& one : differences) {
    result.push_back(one.str());
  }
  return result;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("equal definitions have no differences and a new one differs in all its settings") {
  CHECK(differences(definition(), definition()).empty());
  Definition full = definition();
  full.aggregate = 2;
  full.create_args = "";
  full.abi = Abi{{"device_api", "vfio-pci"}};
  CHECK(texts(differences(std::nullopt, full)) == Texts{"type: nvidia-17", "start: manual", "aggregate: 2",
                                                        "create_args: ''", "abi.device_api: vfio-pci"});
}

TEST_CASE("changed, added and removed settings are differences with both values") {
  Definition before = definition();
  before.name = Label::parse("a");
  before.node = NodePolicy{"root", std::nullopt, 0660};
  Definition after = definition();
  after.start = StartMode::automatic;
  after.node = NodePolicy{"root", "kvm", 0640};
  after.function = FunctionName::parse("0000:86:00.4");
  CHECK(texts(differences(before, after)) == Texts{"start: manual -> auto", "name: a -> (not set)",
                                                   "node.mode: 0660 -> 0640", "vf: 0000:86:00.4",
                                                   "node.group: kvm"});
}

TEST_CASE("repeated attributes are compared as a list and a changed order is a difference") {
  Definition before = definition();
  before.attributes = {attribute("assign_adapter", "1"), attribute("assign_domain", "2")};
  Definition after = before;
  after.attributes.push_back(attribute("assign_adapter", "3"));
  CHECK(texts(differences(before, after)) == Texts{"attributes.assign_adapter: 1 -> 1,3"});
  after.attributes = {before.attributes[1], before.attributes[0]};
  CHECK(texts(differences(before, after)) ==
        Texts{"attributes: assign_adapter,assign_domain -> assign_domain,assign_adapter"});
}

TEST_CASE("members and sharing of groups are compared") {
  const Group before{*GroupName::parse("vm1")};
  Group after = before;
  after.members = {*Member::parse("c0ffee00-1111-4222-8333-444444444444")};
  after.sharing = Sharing::off;
  CHECK(texts(differences(before, after)) ==
        Texts{"p2p: auto -> off", "members: c0ffee00-1111-4222-8333-444444444444"});
}
