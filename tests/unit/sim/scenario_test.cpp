#include <mdevadm/sim/scenario.hpp>
#include <mdevadm/util/error.hpp>

#include <fstream>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using namespace mdevadm::sim;

namespace {

// Returns the error message for a scenario file with this text, beginning with the line number.
std::string refusal(const std::string& text) {
  const test::TempDir directory;
  const std::string path = directory.str() + "/x.toml";
  std::ofstream(path) << text;
  try {
    read_scenario(path);
  } catch (const Error& error) {
    const std::string words = error.what();
    const std::size_t at = words.find("x.toml:");
    return at == std::string::npos ? words : words.substr(at + 7);
  }
  return "none";
}

const std::string ports =
    "[[parent]]\nname = \"mtty\"\narithmetic = { kind = \"ports\" }\ntype = [{ id = \"1\", size = 1 }]\n";

}  // namespace

TEST_CASE("an invalid scenario file is reported with line and column and the expected value") {
  CHECK(refusal(ports) == "none");
  CHECK(refusal("[[parent]\n").starts_with("1:10: "));
  CHECK(refusal("") == "1:1: missing [[parent]]");
  CHECK(refusal("kernel = 6\n" + ports) == "1:10: 'kernel' must be a string, not an integer");
  CHECK(refusal("kernel = \"six\"\n" + ports) ==
        "1:10: 'kernel' must be a release such as \"6.1\", not \"six\"");
  CHECK(refusal("colour = 1\n" + ports) == "1:1: unknown key 'colour' in the scenario");
  CHECK(refusal("kernal = \"6.1\"\n" + ports) ==
        "1:1: unknown key 'kernal' in the scenario (did you mean 'kernel'?)");
  CHECK(refusal("[[parent]]\nname = \"a/b\"\n") ==
        "2:8: invalid name 'a/b': must be a single path component");
  CHECK(refusal("[[parent]]\nname = \"a\"\n") == "1:1: missing required key 'arithmetic' in a parent");
  CHECK(refusal(ports + "interface = \"U9\"\n").starts_with("5:13: 'interface' must be one of U1, U2, U4, "));
  CHECK(refusal("[[parent]]\nname = \"a\"\narithmetic = { kind = \"prots\" }\n") ==
        "3:23: 'kind' must be one of homogeneous, nvidia, gvt, ports, memory, shared, ap, ccw, fixed, not "
        "'prots'");
  CHECK(refusal("[[parent]]\nname = \"a\"\narithmetic = { kind = \"ports\" }\n") ==
        "1:1: a parent requires 'types' or [[parent.type]]");
  CHECK(refusal("[[parent]]\nname = \"a\"\narithmetic = { kind = \"ports\" }\ntype = [{ id = \"1\" }]\n") ==
        "3:14: type '1' requires a 'size' (its share of the ports)");
  CHECK(refusal("[[parent]]\nname = \"a\"\narithmetic = { kind = \"shared\" }\ntypes = \"none.toml\"\n")
            .starts_with("4:9: cannot read the types in "));
}

TEST_CASE("a contradictory scenario file is rejected") {
  CHECK(refusal(ports + ports) == "6:8: duplicate parent 'mtty'");
  CHECK(refusal("kernel = \"6.1\"\n" + ports + "interface = \"U1\"\n") ==
        "6:13: interface U1 exists in kernels 4.10 to 5.1, but 'kernel' is 6.1");
  CHECK(refusal("cdev = true\n" + ports) == "1:8: 'cdev' requires 'kernel' to be \"6.6\" or later");
  CHECK(refusal(ports + "interface = \"N1\"\n") == "1:1: interface N1 requires a 'pci' table");
  CHECK(refusal(ports + "pci = { vendor = \"8086\" }\n") ==
        "2:8: invalid PCI address 'mtty' (expected e.g. 0000:86:00.0)");
  CHECK(refusal(ports + "count = 2\n") ==
        "2:8: with a 'count', 'name' must contain '{}' (decimal number) or '{x}' (hexadecimal number)");
  CHECK(refusal("[[parent]]\nname = \"0000:00:02.0\"\npci = {}\narithmetic = { kind = \"gvt\", aperture = "
                "512, total = 256 }\n") ==
        "4:14: 'aperture' must not be larger than 'total', which includes it");
  CHECK(refusal(ports + "[[device]]\nparent = \"mtty\"\ntype = \"2\"\n") ==
        "7:8: parent 'mtty' has no type '2'");
  CHECK(refusal(ports + "[[device]]\nparent = \"x\"\ntype = \"1\"\n") == "6:10: parent 'x' not found");
  CHECK(refusal(ports + "[[device]]\nparent = \"mtty\"\ntype = \"1\"\ncount = 25\n") ==
        "7:8: cannot create device 25: no available instances of type '1' on parent 'mtty'");
  CHECK(refusal(ports + "[[device]]\nparent = \"mtty\"\ntype = \"1\"\nuuid = \"x\"\n") ==
        "8:8: invalid UUID 'x'");
  CHECK(refusal(ports + "[[fault]]\nat = \"create\"\n") ==
        "5:1: a fault requires either 'errno' or 'vanish = true'");
  CHECK(refusal(ports + "[[fault]]\nat = \"create\"\nerrno = \"ENOPE\"\n") ==
        "7:9: 'errno' must be an errno such as \"ENOSPC\", not \"ENOPE\"");
  CHECK(refusal(ports + "[delay]\ncreate = -1\n") ==
        "6:10: 'create' must be a number of milliseconds, at most 3600000 (1 hour)");
  CHECK(refusal(ports + "[delay]\nsleep = 1\n") ==
        "6:1: unknown operation 'sleep' in 'delay' (expected create, remove, attribute, online, join, "
        "mdev_type, functions or bind)");
  const auto queues = [](const std::string& table) {
    return refusal(
        "[[parent]]\nname = \"matrix\"\ndriver = \"vfio_ap\"\narithmetic = { kind = \"ap\" }\nap = " + table +
        "\ntype = [{ id = \"passthrough\" }]\n");
  };
  CHECK(queues("{ adapters = [256] }") == "5:19: 'adapters' must be a list of numbers from 0 to 255");
  CHECK(queues("{ card = \"CEX9C\" }") == "5:15: 'card' must be CEX4 to CEX8, followed by A, C or P");
  CHECK(queues("{ apmask = \"+256\" }") == "5:17: 'apmask' must be a mask such as \"0xff\" or \"+0-7,+10\"");
  CHECK(queues("{ apmask = \"0xff\", host_adapters = [1] }") ==
        "5:17: 'apmask' and 'host_adapters' exclude each other");
  CHECK(refusal(ports + "ap = { adapters = [1] }\n") ==
        "1:1: an 'ap' table requires arithmetic = { kind = \"ap\" }");
}

TEST_CASE("a contradictory NVIDIA GPU in a scenario file is rejected") {
  const auto gpu = [](const std::string& interface, const std::string& arithmetic, const std::string& more) {
    return refusal(
        "[[parent]]\nname = \"0000:41:00.0\"\npci = { vendor = \"10de\" }\nfunctions = 2\ninterface = \"" +
        interface + "\"\narithmetic = { kind = \"nvidia\", " + arithmetic + " }\n" + more);
  };
  const std::string ada = "generation = \"ada\", framebuffer = \"48G\"";
  const std::string type = "type = [{ id = \"1150\", name = \"NVIDIA L40S-4Q\" }]\n";
  CHECK(gpu("N2", ada, type) == "6:14: arithmetic 'nvidia' requires interface N1 or N3");
  CHECK(gpu("N1", "framebuffer = \"48G\"", type) ==
        "6:14: missing required key 'generation' in 'arithmetic'");
  CHECK(gpu("N1", "generation = \"ada\"", type).ends_with("(nominal memory size of the GPU)"));
  CHECK(gpu("N1", ada + ", mig = true", type).ends_with("profiles of GPU instances ([[parent.profile]])"));
  CHECK(gpu("N1", ada + ", instances = [1]", type).ends_with("that fit together, with 'mig' = true"));
  CHECK(gpu("N1", ada, "type = [{ id = \"1150\", name = \"L40S\" }]\n").ends_with("not 'L40S'"));
  CHECK(
      gpu("N1", ada, "type = [{ id = \"x\", name = \"L40S-4Q\" }]\n").ends_with("requires a number as 'id'"));
  CHECK(gpu("N1", ada, type + "profile = [{ id = 1, name = \"1x\" }]\n").ends_with("\"1g.10gb\", not '1x'"));
  CHECK(gpu("N1", ada, type + "vgpud = \"x\"\n").ends_with("'vgpud' must be a whole number, 0 or more"));
  CHECK(gpu("N1", ada, type + "[[device]]\nparent = \"*\"\ntype = \"1150\"\ncount = 3\n")
            .ends_with(
                "cannot create device 3: no available instances of type '1150' on parent '0000:41:00.0'"));
}

TEST_CASE("a count creates numbered parents and devices") {
  const test::TempDir directory;
  const std::string path = directory.str() + "/x.toml";
  std::ofstream(path)
      << "[[parent]]\nname = \"0000:{x}:00.0\"\npci = {}\ncount = 20\narithmetic = { kind = \"fixed\" }\n"
         "type = [{ id = \"1\", max = 8 }]\n[[device]]\nparent = \"*\"\ntype = \"1\"\ncount = 8\n";
  const Scenario scenario = read_scenario(path);
  CHECK(scenario.parents.size() == 20);
  CHECK(scenario.parents.back().name == "0000:13:00.0");
  CHECK(scenario.devices.size() == 160);
  CHECK(scenario.kernel == KernelVersion{6, 1});
}
