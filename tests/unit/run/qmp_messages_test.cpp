#include <run/qmp_messages.hpp>

#include <run/domain_xml.hpp>
#include <string>

#include "catch.hpp"

using namespace mdevadm;

namespace {

nlohmann::json message(const std::string& text) {
  const auto read = parse_qmp(text);
  REQUIRE(read);
  return *read;
}

}  // namespace

TEST_CASE("a message of QMP is an object that is not nested deeply") {
  for (const std::string& text : {std::string(), std::string("x"), std::string("[]"), std::string("{} {}"),
                                  "{\"a\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}"}) {
    CHECK_FALSE(parse_qmp(text));
  }
  CHECK(message(R"({"QMP": {"capabilities": ["oob"]}})").contains("QMP"));
}

TEST_CASE("the answer to a command has its ID") {
  CHECK_FALSE(answer_in(message(R"({"return": {}})"), 1));
  CHECK_FALSE(answer_in(message(R"({"return": {}, "id": 2})"), 1));
  CHECK_FALSE(answer_in(message(R"({"return": {}, "id": "1"})"), 1));
  const auto answer = answer_in(message(R"({"return": [1], "id": 1})"), 1);
  REQUIRE(answer);
  CHECK_FALSE(answer->refusal);
  CHECK(answer->value.size() == 1);
  const auto refused = answer_in(message(R"({"error": {"class": "GenericError", "desc": 3}, "id": 1})"), 1);
  REQUIRE(refused);
  REQUIRE(refused->refusal);
  CHECK(refused->refusal->kind == "GenericError");
  CHECK(refused->refusal->text.empty());
}

TEST_CASE("entries of QEMU's object model lack what is of another kind") {
  const auto children =
      children_in(message(R"({"a": [{"name": "vm1", "type": "child<vfio-pci>"}, {"name": []}, 3]})").at("a"));
  REQUIRE(children.size() == 3);
  CHECK(children[0].name == "vm1");
  CHECK(children[0].type == "child<vfio-pci>");
  CHECK((children[1].name + children[2].name + children[2].type).empty());
  CHECK(children_in(nullptr).empty());
}

TEST_CASE("the directory of a device says on which bus it is") {
  const auto device = [](const char* directory) { return attached_device("vm1", directory); };
  CHECK(device("/sys/bus/pci/devices/0000:41:00.4").vf == "0000:41:00.4");
  CHECK(device("/sys/bus/mdev/devices/seat1").kernel_name == "seat1");
  const char* uuid = "8f3c2a10-0000-4000-8000-000000000001";
  CHECK(device((std::string("/sys/devices/mtty/") + uuid).c_str()).kernel_name == uuid);
  const AttachedDevice other = device("/sys/devices/platform/x");
  CHECK(other.id == "vm1");
  CHECK((other.vf + other.kernel_name).empty());
  CHECK(attached_device("vm1", 3).kernel_name.empty());
}

TEST_CASE("an event about the removal of a device names its ID or its path") {
  const auto event = [](const char* kind, const char* data) {
    return unplugging_in(message(std::string(R"({"event": ")") + kind + R"(", "data": )" + data + "}"),
                         "vm1");
  };
  CHECK(event("DEVICE_DELETED", R"({"device": "vm1"})") == Unplugging::deleted);
  CHECK(event("DEVICE_DELETED", R"({"path": "vm1"})") == Unplugging::deleted);
  CHECK(event("DEVICE_UNPLUG_GUEST_ERROR", R"({"path": "vm1"})") == Unplugging::refused);
  CHECK(event("DEVICE_DELETED", R"({"device": "vm2"})") == Unplugging::unknown);
  CHECK(event("STOP", R"({"device": "vm1"})") == Unplugging::unknown);
  CHECK(event("DEVICE_DELETED", "3") == Unplugging::unknown);
}

TEST_CASE("the devices of a domain are those below its devices") {
  const auto found = hostdevs_in(
      "<domain><hostdev/><devices><hostdev type='mdev'><source><address uuid='u1'/></source><alias name='a'/>"
      "</hostdev><hostdev type='pci'><source><address domain='0x0000' bus='0x41' slot='0x00' function='0x4'/>"
      "</source></hostdev><hostdev type='usb'/></devices></domain>");
  REQUIRE(found.size() == 3);
  CHECK(found[0].kernel_name == "u1");
  CHECK(found[0].id == "a");
  CHECK(found[1].vf == "0000:41:00.4");
  CHECK((found[2].vf + found[2].kernel_name + found[2].id).empty());
}
