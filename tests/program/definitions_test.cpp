// define, modify and undefine on captured hosts.
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "program.hpp"
#include "tree.hpp"

using namespace mdevadm;
using test::is_golden;

namespace {

const std::string uuid = "c0ffee00-1111-4222-8333-000000000001";
const std::string gpu = "0000:86:00.0";

struct World : test::Host {
  World() : Host("nvidia") {}

  test::Ran run(std::vector<std::string> words, const std::string& input = {}) const {
    words.insert(words.begin(), {"--root", str()});
    return test::mdevadm(words, input);
  }

  std::filesystem::path file(const std::string& id = uuid) const {
    return path() / "etc/mdevadm/devices" / gpu / (id + ".toml");
  }

  test::Ran define(std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"define", uuid, "-p", gpu, "-t", "nvidia-17"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
};

}  // namespace

TEST_CASE("define writes a readable definition file with mode 0644") {
  const World world;
  const test::Ran ran = world.define({"--name", "cad-seat-1", "--auto", "--attr",
                                      "nvidia/vgpu_params=frame_rate_limiter=0", "--attr", "b=2"});
  CHECK(ran.code == 0);
  CHECK(ran.out == uuid + "\n");
  CHECK(ran.err.empty());
  CHECK(is_golden(test::read_text(world.file()), "define/full.toml"));
  struct stat found {};
  REQUIRE(::stat(world.file().c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0644);
}

TEST_CASE("define without a UUID generates and prints a random UUID") {
  const World world;
  const test::Ran ran = world.run({"define", "-p", gpu, "-t", "nvidia-17"});
  CHECK(ran.code == 0);
  REQUIRE(ran.out.size() == 37);
  CHECK(std::filesystem::exists(world.file(ran.out.substr(0, 36))));
}

TEST_CASE("define accepts an upper-case UUID and stores it in lower case") {
  const World world;
  CHECK(
      world.run({"define", "-u", "C0FFEE00-1111-4222-8333-000000000001", "-p", gpu, "-t", "nvidia-17"}).out ==
      uuid + "\n");
  CHECK(world.define().code == 4);
}

TEST_CASE("define of an active device adopts it with its current type and ABI") {
  const World world;
  CHECK(world.run({"define", "c0ffee00-1111-4222-8333-4444", "--name", "found"}).code == 0);
  CHECK(test::read_text(world.file("c0ffee00-1111-4222-8333-444444444444"))
            .starts_with("type = \"nvidia-17\"\nstart = \"manual\"\nname = \"found\"\n\n[abi]\n"));
  const test::Ran again = world.run({"define", "c0ffee00-1111-4222-8333-444444444444"});
  CHECK(again.code == 4);
  const test::Ran not_live = world.run({"define", uuid});
  CHECK(not_live.code == 3);
  CHECK(not_live.err.find("specify --parent and --type to define a new one") != std::string::npos);
}

TEST_CASE("define --file stores the file unchanged and reports syntax errors with their position") {
  const World world;
  const std::string text =
      "# from a colleague\nparent = \"0000:86:00.0\"\nuuid = \"" + uuid + "\"\ntype = \"nvidia-18\"  # big\n";
  CHECK(world.run({"define", "--file", "-"}, text).out == uuid + "\n");
  CHECK(test::read_text(world.file()) == text);
  const test::Ran bad = world.run({"define", "--file", "-"}, "type = ");
  CHECK(bad.code == 1);
  CHECK(bad.err.find("/dev/stdin:1:8: ") != std::string::npos);
  CHECK(bad.err.find("--parent") == std::string::npos);
  CHECK(world.run({"define", "--file", "/nonexistent"}).code == 3);
  CHECK(world.run({"define", "--file", "-", "--type", "x"}, text).code == 2);
  const test::Ran nowhere = world.run({"define", "--file", "-"}, "type = 'nvidia-17'\n");
  CHECK(nowhere.err.find("specify the parent with --parent") != std::string::npos);
}

TEST_CASE("import mdevctl warns about a file that cannot be used") {
  const World world;
  test::write_text(world.path() / "etc/mdevctl.d/mtty" / uuid, "{b");
  const test::Ran ran = world.run({"import", "mdevctl"});
  CHECK(ran.code == 0);
  CHECK(ran.err.find("mtty/" + uuid +
                     ":1:2: invalid JSON after '{b': expected string literal; skipping this definition\n") !=
        std::string::npos);
}

TEST_CASE("define for an absent parent is refused and accepted with --force") {
  const World world;
  const test::Ran refused = world.run({"define", "-p", "matrix", "-t", "vfio_ap-passthrough"});
  CHECK(refused.code == 3);
  CHECK(refused.err.find("use --force if the driver is not loaded yet") != std::string::npos);
  CHECK(world.run({"define", "-p", "matrix", "-t", "vfio_ap-passthrough", "--force"}).code == 0);
}

TEST_CASE("modify preserves comments and key order and unknown keys") {
  const World world;
  test::write_text(world.file(),
                   "# drawing office\ntype = \"nvidia-17\" # 4 GiB\n\ncolour = \"blue\"\nstart = "
                   "\"manual\"\n\n# limiter off\n"
                   "[[attribute]]\nvalue = \"x\"\nname = \"a\"\n\n[notes]\nowner = \"me\"\n");
  const test::Ran ran =
      world.run({"modify", uuid, "--auto", "--name", "seat", "--type", "nvidia-18", "--attr", "b=2"});
  CHECK(ran.code == 0);
  CHECK(ran.err.find(":4:1: unknown key 'colour', ignored and preserved") != std::string::npos);
  CHECK(is_golden(test::read_text(world.file()), "modify/stored.toml"));
}

TEST_CASE("modify preserves order and duplicates of attributes and deletes single ones by number") {
  const World world;
  world.define({"--attr", "assign_adapter=5", "--attr", "assign_adapter=6", "--attr", "assign_domain=0xab"});
  CHECK(world.run({"modify", uuid, "--delete-attr", "1", "--attr", "assign_adapter=7"}).code == 0);
  const auto json = nlohmann::json::parse(world.run({"show", uuid, "--json"}).out);
  const auto& attributes = json["devices"][0]["attributes"];
  REQUIRE(attributes.size() == 3);
  CHECK(attributes[0]["value"] == "6");
  CHECK(attributes[1]["name"] == "assign_domain");
  CHECK(attributes[2]["value"] == "7");
  CHECK(world.run({"modify", uuid, "--delete-attr", "assign_adapter"}).code == 0);
  CHECK(test::read_text(world.file()).find("assign_adapter") == std::string::npos);
  CHECK(world.run({"modify", uuid, "--delete-attr", "9"}).code == 3);
}

TEST_CASE("modify removes an optional name and reports unchanged values") {
  const World world;
  world.define({"--name", "seat"});
  CHECK(world.run({"modify", "seat", "--name", ""}).code == 0);
  CHECK(test::read_text(world.file()).find("name = \"seat\"") == std::string::npos);
  CHECK(world.run({"modify", uuid}).code == 2);
  const test::Ran same = world.run({"modify", uuid, "--manual"});
  CHECK(same.code == 0);
  CHECK(same.err.find("is unchanged") != std::string::npos);
}

TEST_CASE(
    "the node settings of a definition are set and removed by options and preserve the rest of the file") {
  const World world;
  world.define({"--name", "seat", "--node-owner", "libvirt-qemu:kvm"});
  CHECK(test::read_text(world.file()).find("[node]\nowner = \"libvirt-qemu\"\ngroup = \"kvm\"\n") !=
        std::string::npos);
  std::string text = test::read_text(world.file());
  text.insert(text.find("group = \"kvm\""), "colour = \"red\"  # for the console\n");
  test::write_text(world.file(), text);
  CHECK(world.run({"modify", "seat", "--node-mode", "0660", "--node-owner", ":render"}).code == 0);
  const std::string set = test::read_text(world.file());
  CHECK(set.find("owner = \"libvirt-qemu\"\n") != std::string::npos);
  CHECK(set.find("group = \"render\"\n") != std::string::npos);
  CHECK(set.find("mode = \"0660\"\n") != std::string::npos);
  CHECK(set.find("colour = \"red\"  # for the console\n") != std::string::npos);
  const test::Ran shown = world.run({"show", "seat"});
  CHECK(shown.out.find("node_policy_owner: libvirt-qemu\n") != std::string::npos);
  CHECK(shown.out.find("node_policy_mode:  0660\n") != std::string::npos);
  CHECK(world.run({"modify", "seat", "--node-mode", "", "--node-owner", "", "--selinux-label", ""}).code ==
        0);
  const std::string removed = test::read_text(world.file());
  CHECK(removed.find("libvirt-qemu") == std::string::npos);
  CHECK(removed.find("mode = ") == std::string::npos);
  CHECK(world.run({"show", "seat"}).out.find("node_policy") == std::string::npos);
  CHECK(removed.find("colour = \"red\"  # for the console\n") != std::string::npos);
  CHECK(world.run({"modify", "seat", "--node-mode", "9"}).code == 2);
  CHECK(world.run({"define", "-p", gpu, "-t", "nvidia-18", "--name", ""}).code == 2);
}

TEST_CASE("every setting of a group can be removed with an empty value") {
  const World world;
  const std::string file = (world.path() / "etc/mdevadm/groups/vm1.toml").string();
  REQUIRE(world
              .run({"group", "create", "vm1", "--vm-uuid", uuid, "--node-owner", "qemu:kvm", "--node-mode",
                    "660", "--selinux-label", "l", "--p2p", "require"})
              .code == 0);
  CHECK(test::read_text(file).find("vm_uuid") != std::string::npos);
  CHECK(world
            .run({"group", "modify", "vm1", "--vm-uuid", "", "--node-owner", "", "--node-mode", "",
                  "--selinux-label", "", "--p2p", "auto"})
            .code == 0);
  const std::string text = test::read_text(file);
  for (const char* gone : {"vm_uuid", "owner", "group", "mode =", "selinux_label", "require"}) {
    CAPTURE(gone);
    CHECK(text.find(gone) == std::string::npos);
  }
}

TEST_CASE("undefine removes the named definitions and reports unknown names with exit code 8") {
  const World world;
  world.define({"--name", "one"});
  world.run({"define", "-p", gpu, "-t", "nvidia-18", "--name", "two"});
  const test::Ran ran = world.run({"undefine", "one", "nosuch", "two"});
  CHECK(ran.code == 8);
  CHECK(ran.err ==
        "mdevadm: error: cannot undefine 'nosuch': no device or definition with this name, UUID or UUID "
        "prefix\n"
        "hint: list all devices: mdevadm list --all\n");
  CHECK(world.run({"list", "--defined"}).out.empty());
  CHECK(world.run({"undefine", "c0ffee00-1111-4222-8333-444444444444"}).code == 3);
}

TEST_CASE("undefine of a UUID defined under two parents requires --parent") {
  const World world;
  world.define();
  world.run({"define", uuid, "-p", "matrix", "-t", "x", "--force"});
  const test::Ran ran = world.run({"undefine", uuid});
  CHECK(ran.code == 4);
  CHECK(ran.err.find(
            "defined under several parents: 0000:86:00.0 and matrix\nhint: select one with --parent") !=
        std::string::npos);
  CHECK(world.run({"undefine", uuid, "-p", "matrix"}).code == 0);
  CHECK(world.run({"undefine", uuid}).code == 0);
}

TEST_CASE("define --dry-run shows the file and its settings and writes nothing") {
  const World world;
  const test::Ran text = world.define({"--dry-run", "--name", "cad"});
  CHECK(text.code == 0);
  const std::string begin = "define '" + uuid + "' on 0000:86:00.0:\n  write the definition of " + uuid +
                            " under 0000:86:00.0\n    file: " + world.file().string() +
                            "\n    type: nvidia-17\n    start: manual\n    name: cad\n    abi.";
  INFO(text.out);
  CHECK(text.out.starts_with(begin));
  CHECK_FALSE(std::filesystem::exists(world.path() / "etc"));
  const auto json = nlohmann::json::parse(world.define({"--dry-run", "--json"}).out);
  CHECK(json["dry_run"] == true);
  const auto& step = json["jobs"][0]["steps"][0];
  CHECK(step["kind"] == "define");
  CHECK(step["file"] == world.file().string());
  CHECK(step["writes"].empty());
  CHECK(step["changes"][0] == nlohmann::json{{"key", "type"}, {"before", nullptr}, {"after", "nvidia-17"}});
  CHECK(step["undo"].is_string());
}

TEST_CASE("modify --dry-run shows each changed setting with both values") {
  const World world;
  world.define({"--name", "cad", "--attr", "a=1", "--attr", "a=2"});
  const std::string before = test::read_text(world.file());
  const std::vector<std::string> change{"modify", "cad",    "--auto", "--name",      "",     "--attr",
                                        "a=3",    "--attr", "b=x y",  "--node-mode", "0640", "--dry-run"};
  const test::Ran text = world.run(change);
  CHECK(text.code == 0);
  CHECK(text.out == "modify 'cad' (" + uuid + ") on 0000:86:00.0:\n  change the definition of " + uuid +
                        " under 0000:86:00.0\n    file: " + world.file().string() +
                        "\n    start: manual -> auto\n    name: cad -> (not set)\n    attributes.a: 1,2 -> "
                        "1,2,3\n    attributes.b: x y\n    node.mode: 0640\n");
  CHECK(test::read_text(world.file()) == before);
  CHECK(world.run({"modify", "cad", "--manual", "--dry-run"}).out.find("nothing to do") != std::string::npos);
}

TEST_CASE("define --json reports the result of each device") {
  const World world;
  const auto done = nlohmann::json::parse(world.define({"--json"}).out);
  CHECK(done["results"][0]["outcome"] == "done");
  CHECK(done["results"][0]["uuid"] == uuid);
  const test::Ran failed = world.define({"--json"});
  CHECK(failed.code == 4);
  const auto item = nlohmann::json::parse(failed.out)["results"][0];
  CHECK(item["code"] == 4);
  CHECK(item["uuid"] == uuid);
  CHECK(item["parent"] == "0000:86:00.0");
  CHECK(item["type"] == done["results"][0]["type"]);
  CHECK(failed.err.empty());
}

TEST_CASE("JSON results identify a device however it was named, also on failure") {
  const World world;
  CHECK(world.define({"--name", "seat1"}).code == 0);
  CHECK(world.run({"group", "create", "vm1", "seat1"}).code == 0);
  for (const std::string& word : {std::string("seat1"), uuid.substr(0, 35), uuid}) {
    const test::Ran ran = world.run({"undefine", word, "--json"});
    CHECK(ran.code == 4);
    CHECK(ran.err.empty());
    const auto item = nlohmann::json::parse(ran.out)["results"][0];
    CHECK(item["uuid"] == uuid);
    CHECK(item["name"] == "seat1");
    CHECK(item["argument"] == word);
    CHECK(item["parent"] == "0000:86:00.0");
  }
  const auto unknown = nlohmann::json::parse(world.run({"undefine", "nosuch", "--json"}).out)["results"][0];
  CHECK(unknown["uuid"].is_null());
  CHECK(unknown["argument"] == "nosuch");
  const test::Ran same = world.run({"modify", "seat1", "--manual", "--json"});
  CHECK(nlohmann::json::parse(same.out)["results"][0]["notes"][0] == "'seat1' (" + uuid + ") is unchanged");
}

TEST_CASE("a device that is named twice is handled once") {
  const World world;
  CHECK(world.define({"--name", "seat1"}).code == 0);
  const auto done = nlohmann::json::parse(world.run({"undefine", "seat1", uuid, "--json"}).out);
  CHECK(done["results"].size() == 1);
  CHECK(done["results"][0]["outcome"] == "done");
}

TEST_CASE("errors before there are results are JSON lines with the command") {
  const World world;
  const test::Ran ran = world.run({"modify", uuid, "--json"});
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  const auto line = nlohmann::json::parse(ran.err);
  CHECK(line["version"] == 1);
  CHECK(line["command"] == "modify");
  CHECK(line["uuid"].is_null());
  CHECK(line["error"]["code"] == 2);
}
