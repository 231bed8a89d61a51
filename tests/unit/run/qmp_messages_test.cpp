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
  const auto neither = answer_in(message(R"({"id": 1})"), 1);
  REQUIRE(neither);
  CHECK_FALSE(neither->refusal);
  CHECK(neither->value.is_null());
}

TEST_CASE("every answer with an error is a refusal with a text") {
  const auto text = [](const std::string& error) {
    const auto answer = answer_in(message(R"({"id": 1, "return": {}, "error": )" + error + "}"), 1);
    REQUIRE(answer);
    REQUIRE(answer->refusal);
    CHECK(answer->value.is_null());
    return answer->refusal->text;
  };
  CHECK(text(R"({"class": "GenericError", "desc": "no slot"})") == "no slot");
  CHECK(text(R"({"class": "GenericError", "desc": 3})") == R"({"class":"GenericError","desc":3})");
  CHECK(text(R"({"desc": ""})") == R"({"desc":""})");
  CHECK(text(R"("boom")") == R"("boom")");
  CHECK(text("null") == "null");
  CHECK(text('"' + std::string(10'000, 'x') + '"').size() < 100);
}

TEST_CASE("a list of QEMU's object model has objects with name and type only") {
  const auto list = [](const std::string& text) {
    return children_in(message(R"({"a": )" + text + "}").at("a"));
  };
  const auto children = list(R"([{"name": "vm1", "type": "child<vfio-pci>", "default-value": 3}])");
  REQUIRE(children);
  REQUIRE(children->size() == 1);
  CHECK(children->front().name == "vm1");
  CHECK(children->front().type == "child<vfio-pci>");
  CHECK(list("[]"));
  for (const char* other :
       {"null", "\"abc\"", "{}", "3", "[3]", R"([{"name": "a"}])", R"([{"name": "a", "type": []}])"}) {
    CHECK_FALSE(list(other));
  }
}

TEST_CASE("the directory of a device says on which bus it is") {
  const auto device = [](const char* directory) { return attached_device("vm1", directory); };
  CHECK(device("/sys/bus/pci/devices/0000:41:00.4").vf == "0000:41:00.4");
  CHECK(device("/sys/bus/mdev/devices/seat1").kernel_name == "seat1");
  const char* uuid = "8f3c2a10-0000-4000-8000-000000000001";
  // The same device in other spellings.
  CHECK(device("/sys/devices/pci0000:40/0000:40:01.0/0000:41:00.4").vf == "0000:41:00.4");
  CHECK(device("/sys/bus/pci/devices/0000:41:00.4//").vf == "0000:41:00.4");
  CHECK(device("/sys/bus/pci/devices/41:00.4/.").vf == "0000:41:00.4");
  for (const char* directory : {"/sys/devices/mtty/", "/sys/bus/mdev/devices/", "/sys//bus/mdev/devices/",
                                "/sys/bus/pci/devices/0000:00:02.0/", "/sys/class/mdev_bus/mtty/"}) {
    for (const char* end : {"", "/", "//", "/."}) {
      const AttachedDevice found = device((std::string(directory) + uuid + end).c_str());
      CHECK(found.kernel_name == uuid);
      CHECK(found.vf.empty());
    }
  }
  const std::string numbered = std::string(uuid) + "-3";
  CHECK(device(("/sys/devices/pci0000:40/0000:41:00.0/" + numbered).c_str()).kernel_name == numbered);
  const AttachedDevice other = device("/sys/devices/platform/x");
  CHECK(other.id == "vm1");
  CHECK((other.vf + other.kernel_name).empty());
  for (const char* none : {"", "/", "//./"}) {
    CHECK((device(none).vf + device(none).kernel_name).empty());
  }
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
