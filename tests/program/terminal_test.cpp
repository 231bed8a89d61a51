// Listings on a terminal of 80 columns, for names of 12 letters.
#include "catch.hpp"
#include "program.hpp"
#include "tree.hpp"

using namespace mdevadm;
using test::is_golden;

namespace {

constexpr const char* gpu = "0000:86:00.0";

// A GPU with an active device and definitions, a group, and results of the autostart.
class World : public test::Host {
 public:
  World() : Host("nvidia") {
    define("c0ffee00-1111-4222-8333-444444444444", "cad-seat-001", "start = \"auto\"\n");
    define("5eed0002-1111-4222-8333-555555555555", "cad-seat-002",
           "start = \"auto\"\n[node]\nowner = \"libvirt-qemu\"\nmode = \"0660\"\n[[attribute]]\nname = "
           "\"nvidia/vgpu_params\"\nvalue = \"frame_rate_limiter=0, disable_vnc=1, enable_profiling=1, "
           "cuda_profiling=1\"\n");
    define("d00dfeed-1111-4222-8333-666666666666", "rendering-01", "");
    test::write_text(path() / "etc/mdevadm/groups/workstation1.toml",
                     "members = [\"c0ffee00-1111-4222-8333-444444444444\", "
                     "\"5eed0002-1111-4222-8333-555555555555\"]\nvm_uuid = "
                     "\"12345678-1111-4222-8333-999999999999\"\n[node]\nowner = \"libvirt-qemu\"\ngroup = "
                     "\"kvm\"\nmode = \"0660\"\n");
    result("c0ffee00-1111-4222-8333-444444444444", "started", "");
    result("5eed0002-1111-4222-8333-555555555555", "failed",
           "no available instances of nvidia-17 on 0000:86:00.0");
  }

  std::string on_terminal(std::vector<std::string> words) const {
    words.insert(words.end(), {"--root", str()});
    const test::Ran ran = test::mdevadm_on_terminal(words);
    CAPTURE(ran.err);
    CHECK(ran.code == (words.front() == "check" ? 8 : 0));  // it has an error to report
    return ran.out;
  }

 private:
  void define(const std::string& uuid, const std::string& name, const std::string& more) const {
    test::write_text(path() / "etc/mdevadm/devices" / gpu / (uuid + ".toml"),
                     "type = \"nvidia-17\"\nname = \"" + name + "\"\n" + more);
  }

  void result(const std::string& uuid, const std::string& outcome, const std::string& message) const {
    test::write_text(path() / "run/mdevadm/boot" / gpu / (uuid + ".toml"),
                     "outcome = \"" + outcome +
                         "\"\nasked_ms = 12000\nbegun_ms = 12345\nended_ms = "
                         "13580\ntries = 1\nmessage = \"" +
                         message + "\"\n");
  }
};

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::size_t columns = 0;
  for (const char c : text) {
    columns = c == '\n' ? 0 : columns + ((static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1U : 0U);
    longest = std::max(longest, columns);
  }
  return longest;
}

// Removes the lines of `file:`, which contain the temporary directory.
std::string without_file(const std::string& text) {
  const std::size_t at = text.find("file:");
  const std::size_t end = text.find("\n\n", at);
  return at == std::string::npos ? text : text.substr(0, at) + text.substr(std::min(end + 1, text.size()));
}

}  // namespace

TEST_CASE("on a terminal of 80 columns no listing has a longer line") {
  const World world;
  const std::vector<std::pair<std::string, std::vector<std::string>>> listings{
      {"list", {"list"}},
      {"list-all", {"list", "--all"}},
      {"list-tree", {"list", "--all", "--tree"}},
      {"list-boot", {"list", "--boot"}},
      {"types", {"types"}},
      {"group-list", {"group", "list"}},
      {"group-show", {"group", "show", "workstation1"}},
      {"show-parent", {"show", gpu}},
      {"status", {"status"}},
      {"check", {"check"}},
      {"show",
       {"show", "cad-seat-002", "-o",
        "uuid,name,parent,type,type_name,state,active,defined,autostart,drifted,removing,start,group,"
        "attributes,"
        "node_policy_owner,node_policy_group,node_policy_mode,boot,boot_begun_ms,boot_took_ms,boot_message"}},
  };
  for (const auto& [name, words] : listings) {
    CAPTURE(name);
    const std::string text = world.on_terminal(words);
    CHECK(longest_line(text) <= 80);
    CHECK(is_golden(without_file(text), "terminal/" + name + ".txt"));
  }
  CHECK(longest_line(world.on_terminal({"show", "cad-seat-001", "cad-seat-002"})) <= 80);
}

TEST_CASE("in a pipe no value is cut") {
  const World world;
  const test::Ran ran = test::mdevadm({"list", "--all", "--root", world.str()});
  CHECK(ran.out.find("5eed0002-1111-4222-8333-555555555555") != std::string::npos);
  CHECK(ran.out.find("…") == std::string::npos);
}

TEST_CASE("the option --noheadings prints tables and trees without headings") {
  const World world;
  CHECK(test::mdevadm({"list", "-n", "-o", "name,node-owner", "--root", world.str()})
            .out.starts_with("cad-seat-001 "));
  const test::Ran tree = test::mdevadm({"list", "--tree", "--noheadings", "--root", world.str()});
  CHECK(tree.out.starts_with("workstation1"));
}
