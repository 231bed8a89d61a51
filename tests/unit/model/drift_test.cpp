#include <mdevadm/model/drift.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

const Uuid uuid = *Uuid::parse("c0ffee00-1111-4222-8333-444444444444");

Definition definition() {
  return {uuid, *ParentName::parse("gpu"), *TypeName::parse("nvidia-17")};
}

Device device() {
  return {.uuid = uuid, .parent = *ParentName::parse("gpu"), .type = TypeName::parse("nvidia-17")};
}

Attribute attribute(const char* name, const char* value) {
  return {*AttributeName::parse(name), value};
}

}  // namespace

TEST_CASE("a device that is as defined has no differences") {
  Definition wanted = definition();
  CHECK(drift_of(device(), wanted, std::nullopt).empty());
  wanted.type = *TypeName::parse("17");
  CHECK(drift_of(device(), wanted, std::nullopt).empty());
}

TEST_CASE("differences are reported in type and virtual function and number of aggregated instances") {
  Definition wanted = definition();
  wanted.type = *TypeName::parse("nvidia-18");
  wanted.function = FunctionName::parse("0000:41:00.4");
  wanted.aggregate = 4;
  Device seen = device();
  seen.vf = "0000:41:00.5";
  seen.units = 2;
  CHECK(drift_of(seen, wanted, std::nullopt) ==
        std::vector<DriftedSetting>{{"type", "nvidia-18", "nvidia-17"},
                                    {"vf", "0000:41:00.4", "0000:41:00.5"},
                                    {"aggregate", "4", "2"}});
  wanted.function = FunctionName::parse("any");
  CHECK(drift_of(seen, wanted, std::nullopt).size() == 2);
}

TEST_CASE("attributes are compared as far as they were read and numbers in any notation") {
  Definition wanted = definition();
  wanted.attributes = {attribute("limit", "16"), attribute("vgpu_params", "x=1"), attribute("unread", "5")};
  Device seen = device();
  seen.settings.made().attributes = {{"limit", "0x10"}, {"vgpu_params", ""}};
  const std::vector<DriftedSetting> found = drift_of(seen, wanted, std::nullopt);
  REQUIRE(found.size() == 1);
  CHECK(describe(found) == "attribute vgpu_params (definition: x=1, device: '')");
}

TEST_CASE("an attribute that the device does not have is a difference") {
  Definition wanted = definition();
  wanted.attributes = {attribute("limit", "16"), attribute("empty", "")};
  Device seen = device();
  seen.settings.made().attributes = {{"limit", std::nullopt}, {"empty", std::nullopt}};
  CHECK(describe(drift_of(seen, wanted, std::nullopt)) ==
        "attribute limit (definition: 16, device: no such attribute), "
        "attribute empty (definition: '', device: no such attribute)");
}

TEST_CASE("attributes that are set several times or assign queues are not compared") {
  Definition wanted = definition();
  wanted.attributes = {attribute("twice", "1"), attribute("assign_adapter", "5"), attribute("twice", "2"),
                       attribute("once", "3")};
  const std::vector<Attribute> comparable = comparable_attributes(wanted);
  REQUIRE(comparable.size() == 1);
  CHECK(comparable.front().name.str() == "once");
}

TEST_CASE("owner and group and mode of the node are compared with the policy") {
  Device seen = device();
  seen.nodes = {{Node::Kind::group, "/dev/vfio/1", "root", "root", 0600}};
  const NodePolicy policy{"libvirt-qemu", "kvm", 0660};
  CHECK(describe(drift_of(seen, definition(), policy)) ==
        "node owner (definition: libvirt-qemu, device: root), node group (definition: kvm, device: root), "
        "node mode (definition: 0660, device: 0600)");
}

TEST_CASE("accounts are compared by their IDs") {
  Device seen = device();
  seen.nodes = {{Node::Kind::group, "/dev/vfio/1", "libvirt-qemu", "kvm", 0600, 64055, 104}};
  CHECK(drift_of(seen, definition(), NodePolicy{"64055", "104", std::nullopt}).empty());
  CHECK(describe(drift_of(seen, definition(), NodePolicy{"64056", "kvm", std::nullopt})) ==
        "node owner (definition: 64056, device: libvirt-qemu)");
  // Another name of the same account.
  CHECK(drift_of(seen, definition(), NodePolicy{"qemu", std::nullopt, std::nullopt}).size() == 1);
  seen.settings.made().accounts = {{"user qemu", 64055}, {"group qemu", 99}};
  CHECK(drift_of(seen, definition(), NodePolicy{"qemu", std::nullopt, std::nullopt}).empty());
  CHECK(drift_of(seen, definition(), NodePolicy{"qemu", "qemu", std::nullopt}).size() == 1);
}

TEST_CASE("all nodes of a device are compared and labels as far as they were read") {
  Device seen = device();
  seen.nodes = {{Node::Kind::group, "/dev/vfio/1", "root", "root", 0660},
                {Node::Kind::cdev, "/dev/vfio/devices/vfio0", "root", "root", 0600}};
  NodePolicy policy{"root", std::nullopt, 0660};
  CHECK(describe(drift_of(seen, definition(), policy)) == "node mode (definition: 0660, device: 0600)");
  policy = {std::nullopt, std::nullopt, std::nullopt, "system_u:object_r:svirt_image_t:s0"};
  CHECK(drift_of(seen, definition(), policy).empty());
  seen.nodes.made().back().selinux_label = "system_u:object_r:vfio_device_t:s0";
  CHECK(describe(drift_of(seen, definition(), policy)) ==
        "node label (definition: system_u:object_r:svirt_image_t:s0, device: "
        "system_u:object_r:vfio_device_t:s0)");
}

TEST_CASE("attributes of the type are not compared with the device") {
  Definition wanted = definition();
  wanted.attributes = {attribute("mdev_type/vfg_id", "1")};
  CHECK(comparable_attributes(wanted).empty());
}

TEST_CASE("the policy of the definition takes precedence over that of its group") {
  Definition wanted = definition();
  Group group{.name = *GroupName::parse("vm1")};
  group.node = NodePolicy{"a", std::nullopt, std::nullopt};
  CHECK(node_policy_of(wanted, &group)->owner == "a");
  wanted.node = NodePolicy{"b", std::nullopt, std::nullopt};
  CHECK(node_policy_of(wanted, &group)->owner == "b");
  group.node->mode = 0660;
  CHECK(node_policy_of(wanted, &group)->owner == "b");
  CHECK(node_policy_of(wanted, &group)->mode == 0660);
  CHECK(!node_policy_of(definition(), static_cast<const Group*>(nullptr)));
}
